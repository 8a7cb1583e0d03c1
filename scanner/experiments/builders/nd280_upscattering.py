"""Build ND280's tables for upscattering: photon samples and the smearing of electrons.

Usage::

    python -m scanner.experiments.builders.nd280_upscattering INPUTS [-o FOLDER]

INPUTS holds the folders ``nueCCQE_ND280_2020``, ``T2K_single_photon`` and ``smearing`` of the inputs of
arXiv:2205.12273. Writes ``nd280_photons_fhc.txt``, ``nd280_photons_rhc.txt``, ``nd280_single_photon.txt``,
``nd280_smearing_momentum.txt`` and ``nd280_smearing_angle.txt``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scanner.experiments.builders.command import run
from scanner.experiments.tables import write_table

BUILDER = {"builder": "scanner.experiments.builders.nd280_upscattering"}
SIDEBAND = np.arange(21) * 10.0
"""Invariant mass [MeV]."""

SINGLE = np.arange(61) * 7.0 / 3.0
"""Invariant mass [MeV]."""

POT = {"fhc": "11.92e20", "rhc": "6.29e20"}
PUBLISHED = {"fhc": "4988 on 4950.4", "rhc": "1236 on 1196.1"}


def build(inputs: Path, folder: Path) -> None:
    """Write the tables.

    Parameters
    ----------
    inputs
        Folder of the inputs.
    folder
        Where to write.
    """
    for mode in POT:
        _write_sideband(inputs / "nueCCQE_ND280_2020", mode, folder)
    data, total = (_events(inputs / f"T2K_single_photon/FHC_electron_{kind}.dat") for kind in ("data", "MCtot"))
    header = {
        "title": "ND280 single photons converted in FGD1 by invariant mass of the pair, neutrino mode",
        "source": "digitised by the authors of arXiv:2205.12273 from T2K (arXiv:1902.03848, from memory), 5.738e20 POT",
        "release_date": "2022-05",
        **BUILDER,
        "note": "events per bin (the files say per 5 MeV, but there are 60 bins up to 140 MeV, and the sums are the "
        "totals); background: the whole prediction (published: 1101 on 1159.8)",
        "uncertainty": "1.5 events a bin, of digitising: data sum to 1130",
    }
    columns = _bounds(SINGLE, "%.6g")
    columns |= {"data": ("events", "%.5g", data), "background": ("events", "%.5g", total)}
    write_table(folder / "nd280_single_photon.txt", header, columns)
    _write_smearing(inputs / "smearing", "Momentum", "p", "GeV", 1e-3, folder)
    _write_smearing(inputs / "smearing", "Angle", "theta", "rad", 1.0, folder)


def _write_sideband(inputs: Path, mode: str, folder: Path) -> None:
    data, total, photon, other = (
        _events(inputs / f"{mode.upper()}_electron_{kind}.dat")
        for kind in ("data", "MCtot", "MCphoton", "MCother_and_muons")
    )
    header = {
        "title": f"ND280 photon sideband of nu_e CCQE in FGD1 by invariant mass of the pair, {mode.upper()}",
        "source": "digitised by the authors of arXiv:2205.12273 from T2K (arXiv:2002.11986, from memory), "
        f"{POT[mode]} POT",
        "release_date": "2022-05",
        **BUILDER,
        "note": "events per bin; the last bin holds all above; the figure stacks other, photon, nu_e; here each is "
        f"by itself, and background is their sum (published: {PUBLISHED[mode]})",
        "uncertainty": "1 % and 2 events, of digitising",
    }
    nue = np.maximum(total - photon, 0.0)
    columns = _bounds(SIDEBAND, "%g")
    for name, values in (
        ("data", data),
        ("background", total),
        ("photon", photon - other),
        ("other", other),
        ("nue", nue),
    ):
        columns[name] = ("events", "%.5g", values)
    write_table(folder / f"nd280_photons_{mode}.txt", header, columns)


def _events(path: Path) -> np.ndarray:
    """Column of events; what is digitised as 1e-13 is none."""
    events = np.loadtxt(path)[:, 1]
    return np.where(events < 1e-6, 0.0, events)


def _bounds(edges: np.ndarray, form: str) -> dict[str, tuple[str, str, np.ndarray]]:
    return {"mass_low": ("MeV", form, edges[:-1]), "mass_high": ("MeV", form, edges[1:])}


def _write_smearing(inputs: Path, file: str, symbol: str, unit: str, scale: float, folder: Path) -> None:
    """Write the elements of a matrix that are not zero, each row divided by its sum."""
    counts = np.load(inputs / f"{file}_matrix.npy").astype(np.float64)
    true, reconstructed = (scale * np.load(inputs / f"{file}_binning_{kind}.npy") for kind in ("true", "reco"))
    sums = counts.sum(axis=1)
    row, column = np.nonzero(counts)
    header = {
        "title": f"ND280: probability that an electron of true {file.lower()} is reconstructed with another",
        "source": "simulated electrons, inputs of arXiv:2205.12273",
        "release_date": "2022-05",
        **BUILDER,
        "bin_width": float(f"{true[1] - true[0]:.6g}"),
        "bins_true": true.size - 1,
        "bins_reco": reconstructed.size - 1,
        "note": "lower edges of the bins; zeros left out, and true bins without an electron; each true bin sums to 1: "
        "what is reconstructed outside the matrix is not in it; rows of few electrons scatter",
    }
    columns = {
        f"{symbol}_true": (unit, "%.6g", true[row]),
        f"{symbol}_reco": (unit, "%.6g", reconstructed[column]),
        "probability": ("1", "%.4g", counts[row, column] / sums[row]),
    }
    write_table(folder / f"nd280_smearing_{file.lower()}.txt", header, columns)


if __name__ == "__main__":
    run(__doc__, build, {"inputs": "folder of the inputs"})
