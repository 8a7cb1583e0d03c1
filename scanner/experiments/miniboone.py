"""MiniBooNE's ν_e and ν̄_e appearance data of 2020, with the collaboration's own statistic.

Three experiments share one file: neutrino mode (``miniboone_fhc``), antineutrino mode (``miniboone_rhc``)
and their joint fit (``miniboone``), which has the covariance between the modes and, in antineutrino mode,
the wrong-sign neutrinos. The joint fit shares its data with the other two.

−2 ln L = rᵀ M⁻¹ r + ln det M with 19 data a beam (11 of ν_e in E_ν^QE, 8 of ν_μ) and M evaluated at the
prediction. The release has the oscillated signal but neither the intrinsic ν_e nor the ν_μ events one by
one, so the oscillation of backgrounds and of the ν_μ sample is not part of this fit (nor of the official
two-neutrino fit that it reproduces).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scanner.experiments.base import Experiment
from scanner.experiments.tables import DATA, read_table
from scanner.likelihoods.gaussian import GaussianFractional
from scanner.signals.oscillation import OscillationResponse
from scanner.vocabulary import Reference

PROVIDES = ("miniboone_fhc", "miniboone_rhc", "miniboone")
VERSION = 1

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


@dataclass(frozen=True)
class _Beam:
    """One horn polarity within a fit: its rows in the release, and its response."""

    rhc: int
    response: str


_FHC, _RHC, _RHC_JOINT = _Beam(0, "fhc"), _Beam(1, "rhc"), _Beam(1, "rhc_with_wrong_sign")
_TOGETHER = {"miniboone_fhc": "miniboone_rhc", "miniboone_rhc": "miniboone_fhc"}
"""Fits whose systematic errors have a common covariance, which their joint fit has."""
_FITS = {  # mode, beams, covariance
    "miniboone_fhc": ("neutrino mode", (_FHC,), "fhc"),
    "miniboone_rhc": ("antineutrino mode", (_RHC,), "rhc"),
    "miniboone": ("neutrino and antineutrino mode", (_FHC, _RHC_JOINT), "combined"),
}


def load(name: str) -> Experiment:
    """Return one of the three experiments."""
    mode, beams, covariance = _FITS[name]
    spectra = read_table(DATA / "miniboone_spectra.txt").columns
    rows = np.concatenate([np.flatnonzero(spectra["rhc"] == beam.rhc) for beam in beams])
    picked = {key: values[rows] for key, values in spectra.items()}
    numu = picked["numu"] == 1
    likelihood = GaussianFractional(
        fractional=_fractional(covariance, len(beams)),
        background=picked["expected"][~numu],
        data=picked["data"][~numu],
        control=picked["expected"][numu],
        control_data=picked["data"][numu],
    )
    sample = np.where(numu, "numu", "nue")
    return Experiment(
        name=name,
        version=VERSION,
        title=f"MiniBooNE electron-like events, {mode}",
        signals={"oscillation": tuple(_channel(beam, i * BINS) for i, beam in enumerate(beams))},
        likelihood=likelihood,
        data=picked["data"],
        background=picked["expected"],
        signal_bins=np.flatnonzero(~numu),
        coordinates={
            "sample": sample,
            "beam": np.where(picked["rhc"] == 1, "rhc", "fhc"),
            "E_low": picked["E_low"],
            "E_high": picked["E_high"],
        },
        coordinate_units={"E_low": "MeV", "E_high": "MeV"},
        data_sets=frozenset("miniboone_2020_" + ("rhc" if beam.rhc else "fhc") for beam in beams),
        references=(REFERENCE,),
        correlated={_TOGETHER[name]: "miniboone"} if name in _TOGETHER else {},
        notes=(
            "energies are reconstructed E_nu^QE; the release gives no edges for the nu_mu bins",
            "backgrounds and the nu_mu sample do not oscillate (not in the release)",
            "points with dm2 above 100 eV^2 are marked not_converged: the response is made for the official grid",
        ),
    )


def _fractional(name: str, beams: int) -> np.ndarray:
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


def _channel(beam: _Beam, first_bin: int) -> OscillationResponse:
    table = read_table(DATA / f"miniboone_response_{beam.response}.txt")
    return OscillationResponse(
        source="mu",
        target="e",
        antineutrino=bool(beam.rhc),
        bin=table.columns["bin"].astype(np.int64) + first_bin,
        weight=table.columns["weight"],
        mean=table.columns["mean"],
        variance=table.columns["variance"],
        phase=float(str(table.header["phase"])),
        dm2_max=float(str(table.header["dm2_max"])),
    )
