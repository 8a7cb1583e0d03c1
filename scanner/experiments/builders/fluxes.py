"""Build the tables of neutrino fluxes, all in one format, from the files that collaborations and authors released.

Usage::

    python -m scanner.experiments.builders.fluxes RELEASE [-o FOLDER]

RELEASE is a folder with the files of `RELEASES`. Writes ``flux_BEAM.txt`` for each beam: energy [GeV] and the fluxes
of ν_e, ν_μ, ν_τ and their antineutrinos [1/(cm² GeV) per proton on target], to be joined by straight lines.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from scanner.experiments.builders.command import run
from scanner.experiments.tables import write_table

FLAVOURS = ("nue", "numu", "nutau", "nuebar", "numubar", "nutaubar")


class Release(NamedTuple):
    """One file, and what has to be known to read it."""

    file: str
    title: str
    source: str
    date: str
    unit: float = 1.0
    """What the file's numbers are multiplied by."""
    binned: bool = False
    """Energies are centres of bins, the first of which starts at 0; else points of a curve."""
    note: str = ""


_MINIBOONE = ("arXiv:0806.1449 (Phys. Rev. D 79 (2009) 072002) and its data release", "2008-06")
_DUNE = ("arXiv:2103.04797; 120 GeV protons, 574 m from the first horn", "2021-03")
_T2K = ("T2K's public flux release of 2016 (method: arXiv:1211.0469, Phys. Rev. D 87 (2013) 012001)", "2016")
_MINERVA_ME = ("digitised from MINERvA, inspirehep.net/files/50ab72442625d61ca778785b5dd42f76", "unknown")
_CHARM = (
    "Hadroproduction experiments for precise neutrino beam calculations, digitised; neutrinos through the "
    "detector's 3.7 m x 3.7 m shared evenly over its area",
    "unknown",
)
_DIGITISED = "digitised: a few per cent uncertain"
_STARTS = "digitised: a few per cent uncertain; starts at 1 GeV"
_STEPS = "a histogram of wider bins, sampled: steps follow the bins, and energies are good to half a bin"
_PER_50_MEV = 1 / 0.05
_PER_T2K = 1 / (0.05 * 1e21)
_PER_SQUARE_METRE = 1e-4

RELEASES = {
    "miniboone_fhc": Release("MiniBooNE_FHC.dat", "BNB at MiniBooNE, 541 m, neutrino mode", *_MINIBOONE, binned=True),
    "miniboone_rhc": Release(
        "MiniBooNE_RHC.dat", "BNB at MiniBooNE, 541 m, antineutrino mode", *_MINIBOONE, binned=True
    ),
    "microboone": Release(
        "MicroBooNE_BNB_fullflux.txt",
        "BNB at MicroBooNE, 470 m, neutrino mode",
        "MicroBooNE's MCC9_FluxHist_volTPCActive (method: arXiv:0806.1449)",
        "unknown",
        _PER_50_MEV,
        binned=True,
    ),
    "sbnd": Release(
        "SBND_FHC.dat",
        "BNB at SBND, 110 m, neutrino mode",
        "digitised from M. Del Tutto for SBND, NuFact 2022, indico.fnal.gov/event/53004/contributions/244480",
        "2022-08",
        note=_DIGITISED + "; ends at 3 GeV",
    ),
    "nd280_fhc": Release(
        "t2kflux_2016_nd280_plus250kA.txt", "T2K at ND280, neutrino mode", *_T2K, _PER_T2K, binned=True
    ),
    "nd280_rhc": Release(
        "t2kflux_2016_nd280_minus250kA.txt", "T2K at ND280, antineutrino mode", *_T2K, _PER_T2K, binned=True
    ),
    "numi_le_fhc": Release(
        "NUMI_FHC_LE.dat",
        "NuMI at MINERvA, low energy, neutrino mode",
        "arXiv:1607.00704 (Phys. Rev. D 94 (2016) 092005) and its ancillary files",
        "2016-07",
    ),
    "numi_me_fhc": Release(
        "NUMI_FHC_ME.dat", "NuMI at MINERvA, medium energy, neutrino mode", *_MINERVA_ME, note=_STARTS
    ),
    "numi_me_rhc": Release(
        "NUMI_RHC_ME.dat", "NuMI at MINERvA, medium energy, antineutrino mode", *_MINERVA_ME, note=_STARTS
    ),
    "charmii_fhc": Release(
        "CHARMII_FHC.dat",
        "CERN wide-band beam at CHARM-II, neutrino mode",
        *_CHARM,
        _PER_SQUARE_METRE,
        note=_DIGITISED + "; muon flavours only",
    ),
    "charmii_rhc": Release(
        "CHARMII_RHC.dat",
        "CERN wide-band beam at CHARM-II, antineutrino mode",
        *_CHARM,
        _PER_SQUARE_METRE,
        note=_DIGITISED + "; muon flavours only",
    ),
    "nova_fhc": Release(
        "NOvA_FHC.dat",
        "NuMI at NOvA's near detector, neutrino mode",
        "publicdocs.fnal.gov/cgi-bin/ShowDocument?docid=8",
        "unknown",
        note=_STEPS,
    ),
    "dune_nd_fhc": Release("DUNE_ND_FHC.dat", "DUNE at the near detector, 574 m, neutrino mode", *_DUNE, binned=True),
    "dune_nd_rhc": Release(
        "DUNE_ND_RHC.dat", "DUNE at the near detector, 574 m, antineutrino mode", *_DUNE, binned=True
    ),
    "nutev_fhc": Release(
        "NuTeV_FHC.dat",
        "NuTeV, neutrino mode",
        "digitised from inspirehep.net/files/8b026c0a4d355acc41d6b7848344e6de; neutrinos shared evenly over 3 m x 3 m",
        "unknown",
        note=_DIGITISED + ", and so is the area",
    ),
}


def build(release: Path, folder: Path) -> None:
    """Write the tables.

    Parameters
    ----------
    release
        Folder of the files.
    folder
        Where to write.
    """
    for beam, of in RELEASES.items():
        energy, flux = _trimmed(*read(release / of.file, of))
        header = {
            "title": f"Neutrino flux, {of.title}",
            "source": of.source,
            "release_date": of.date,
            "builder": "scanner.experiments.builders.fluxes",
            "file": of.file,
            "note": "; ".join(filter(None, (of.note, "the points are joined by straight lines"))),
        }
        columns = {"E": ("GeV", "%.6g", energy)}
        columns |= {name: ("1/(cm^2 GeV POT)", "%.5g", values) for name, values in zip(FLAVOURS, flux, strict=True)}
        write_table(folder / f"flux_{beam}.txt", header, columns)


def read(path: Path, release: Release) -> tuple[np.ndarray, np.ndarray]:
    """Return energies [GeV], shape (n,), and fluxes [1/(cm² GeV) per proton], shape (6, n), in the order of FLAVOURS.

    A binned flux gets a first point, at energy 0, so that lines do not miss the first half bin.
    """
    if path.name.startswith("t2kflux"):
        # Number, edges, and ν_μ, ν̄_μ, ν_e, ν̄_e per 50 MeV, also in the bins of 1 GeV above 10 GeV.
        _, low, high, numu, numubar, nue, nuebar = np.loadtxt(path, skiprows=3).T
        none = np.zeros_like(low)
        energy, flux = (low + high) / 2, np.array([nue, numu, none, nuebar, numubar, none])
    else:
        energy, *fluxes = np.loadtxt(path).T
        flux = np.array(fluxes)
    if release.binned:
        energy = np.concatenate([[0.0], energy])
        flux = np.concatenate([flux[:, :1], flux], axis=1)
    return energy, release.unit * flux


def _trimmed(energy: np.ndarray, flux: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Leave out zeros at both ends, all but one; but the last 1e-5 of a flux can make 1 % of the heaviest N."""
    there = np.flatnonzero(flux.any(axis=0))
    part = slice(max(there[0] - 1, 0), there[-1] + 2)
    return energy[part], flux[:, part]


if __name__ == "__main__":
    run(__doc__, build, {"release": "folder of the released files"})
