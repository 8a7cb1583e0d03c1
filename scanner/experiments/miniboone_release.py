"""MiniBooNE's data release of 2020: its bins, data, backgrounds and covariance, for every fit of them.

Beams are neutrino mode (fhc) and antineutrino mode (rhc), each with 11 bins of ν_e in E_ν^QE and 8 of ν_μ. Data of one
beam, or of both with the covariance between them, make a fit; see `Fit`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from scanner.experiments.base import Experiment
from scanner.experiments.tables import DATA, read_table
from scanner.likelihoods.gaussian import GaussianFractional
from scanner.vocabulary import Reference

PROTONS = {"fhc": 18.75e20, "rhc": 11.27e20}
"""On target, of the released data; 2006.16883."""

BINS, CONTROL = 11, 8

REFERENCE = Reference(
    "MiniBooNE:2020pnu",
    "Aguilar-Arevalo, A. A. and others (MiniBooNE)",
    "Updated MiniBooNE neutrino oscillation results with increased data and new background studies",
    2021,
    "2006.16883",
    "10.1103/PhysRevD.103.052002",
    "Phys. Rev. D 103 (2021) 052002",
)


class Fit(NamedTuple):
    """Beams that are fitted together."""

    mode: str
    """In words."""
    beams: tuple[str, ...]
    covariance: str
    """Of the release."""


FITS: Mapping[str, Fit] = {
    "fhc": Fit("neutrino mode", ("fhc",), "fhc"),
    "rhc": Fit("antineutrino mode", ("rhc",), "rhc"),
    "both": Fit("neutrino and antineutrino mode", ("fhc", "rhc"), "combined"),
}


def data_set(beam: str) -> str:
    """Name of the data of a beam."""
    return f"miniboone_2020_{beam}"


def experiment(
    fit: str, *, name: str, version: int, title: str, signals: Mapping[str, Any], log_determinant: bool, **more: Any
) -> Experiment:
    """Return an experiment of ν_e candidates in E_ν^QE, constrained by ν_μ.

    Parameters
    ----------
    fit
        Of FITS.
    name, version, title, signals
        Of the experiment; its signal bins are the ν_e bins of all beams, one beam after the other.
    log_determinant
        Whether −2 ln L has ln det M.
    **more
        Other fields of `Experiment`.
    """
    spectra = read_table(DATA / "miniboone_spectra.txt").columns
    beams = FITS[fit].beams
    rows = np.concatenate([np.flatnonzero(spectra["rhc"] == (beam == "rhc")) for beam in beams])
    picked = {key: values[rows] for key, values in spectra.items()}
    numu = picked["numu"] == 1
    likelihood = GaussianFractional(
        fractional=fractional_covariance(FITS[fit].covariance, len(beams)),
        background=picked["expected"][~numu],
        data=picked["data"][~numu],
        control=picked["expected"][numu],
        control_data=picked["data"][numu],
        log_determinant=log_determinant,
    )
    return Experiment(
        name=name,
        version=version,
        title=title,
        signals=signals,
        likelihood=likelihood,
        data=picked["data"],
        background=picked["expected"],
        signal_bins=np.flatnonzero(~numu),
        coordinates={
            "sample": np.where(numu, "numu", "nue"),
            "beam": np.where(picked["rhc"] == 1, "rhc", "fhc"),
            "E_low": picked["E_low"],
            "E_high": picked["E_high"],
        },
        coordinate_units={"E_low": "MeV", "E_high": "MeV"},
        data_sets=frozenset(map(data_set, beams)),
        **more,
    )


def edges(beam: str) -> np.ndarray:
    """Edges of the ν_e bins of a beam [GeV], shape (BINS + 1,)."""
    spectra = read_table(DATA / "miniboone_spectra.txt").columns
    rows = (spectra["rhc"] == (beam == "rhc")) & (spectra["numu"] == 0)
    return np.array([*spectra["E_low"][rows], spectra["E_high"][rows][-1]]) / 1e3


def fractional_covariance(name: str, beams: int) -> np.ndarray:
    """Fractional covariance in the order (signal, background, control), each with the beams one by one."""
    table = read_table(DATA / f"miniboone_covariance_{name}.txt").columns
    row, column = table["row"].astype(int), table["column"].astype(int)
    size = 2 * BINS + CONTROL
    whole = np.zeros((beams * size, beams * size))
    whole[row, column] = table["fractional"]
    whole[column, row] = table["fractional"]
    parts = ((0, BINS), (BINS, 2 * BINS), (2 * BINS, size))
    order = [size * beam + i for first, last in parts for beam in range(beams) for i in range(first, last)]
    return whole[np.ix_(order, order)]
