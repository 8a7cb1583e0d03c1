"""Build the tables that MiniBooNE's e⁺e⁻ and γ samples need beside those of the oscillation release.

Usage::

    python -m scanner.experiments.builders.miniboone_ee RELEASE [-o FOLDER]

RELEASE is a folder with ``spectra/`` (digitised) and ``efficiency/``. Writes ``miniboone_evis.txt`` and
``miniboone_costheta.txt`` (events in neutrino mode), ``miniboone_photon_efficiency.txt`` and
``miniboone_one_ring.txt``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scanner.experiments.builders.command import run
from scanner.experiments.tables import write_table

BUILDER = {"builder": "scanner.experiments.builders.miniboone_ee"}
_SPECTRUM = {
    "source": "digitised from figures of arXiv:2006.16883 (Phys. Rev. D 103 (2021) 052002), 18.75e20 POT",
    "release_date": "2020-06",
    **BUILDER,
    "note": "events per bin; background: of all sources, not stacked; sums are within 0.6 % of the 2870 events "
    "and of the background of 2322.7 that the data release has for 200 < E_QE < 1250 MeV (the paper: 2309.4)",
    "uncertainty": "2 % and 1 event, of digitising",
}


def build(release: Path, folder: Path) -> None:
    """Write the tables.

    Parameters
    ----------
    release
        Folder of the inputs.
    folder
        Where to write.
    """
    _write_spectra(release / "spectra", folder)
    energy, efficiency, error = np.loadtxt(release / "efficiency/eg_effs.dat").T
    header = {
        "title": "MiniBooNE efficiency for a single photon or electron",
        "source": "data release of 2012, www-boone.fnal.gov/for_physicists/data_release/nue_nuebar_2012",
        "release_date": "2012",
        **BUILDER,
        "note": "of events in the whole tank: divided by 0.55 it is that of events in the fiducial volume",
    }
    columns = {
        "E": ("GeV", "%g", energy / 1e3),
        "efficiency": ("1", "%g", efficiency),
        "error": ("1", "%g", error),
    }
    write_table(folder / "miniboone_photon_efficiency.txt", header, columns)
    rows = (release / "efficiency/one_ring_cut.csv").read_text().splitlines()[2:]
    low, high, r_cut = np.array([row.split(",") for row in rows if row], dtype=float).T
    header = {
        "title": "MiniBooNE: below which radius two electrons are one ring",
        "source": "arXiv:2210.08021, Table II, column r_Circle1",
        "release_date": "2022-10",
        **BUILDER,
        "note": "one ring: r < r_cut, r^2 = (1 - cos)^2/4 + (1 - E_max/(E_1 + E_2))^2, by E_1 + E_2; scatters by 10 % "
        "from bin to bin, from the samples it was made of",
    }
    columns = {"E_low": ("GeV", "%g", low), "E_high": ("GeV", "%g", high), "r_cut": ("1", "%g", r_cut)}
    write_table(folder / "miniboone_one_ring.txt", header, columns)


def _write_spectra(spectra: Path, folder: Path) -> None:
    for table, file, edges, variable, unit, title in (
        ("evis", "Evis", "Evis", "E", "GeV", "visible energy"),
        ("costheta", "cosTheta", "Costheta", "cos", "1", "cosine of the angle to the beam"),
    ):
        bounds = np.loadtxt(spectra / f"{edges}_bin_edges.dat")
        data, background = (np.loadtxt(spectra / f"{file}_{kind}.dat")[:, 1] for kind in ("data", "bkg"))
        columns = {
            f"{variable}_low": (unit, "%g", bounds[:-1]),
            f"{variable}_high": (unit, "%g", bounds[1:]),
            "data": ("events", "%.5g", data),
            "background": ("events", "%.5g", background),
        }
        header = {"title": f"MiniBooNE electron-like events, neutrino mode, {title}", **_SPECTRUM}
        write_table(folder / f"miniboone_{table}.txt", header, columns)


if __name__ == "__main__":
    run(__doc__, build, {"release": "folder of the inputs"})
