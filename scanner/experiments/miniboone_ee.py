"""MiniBooNE's electron-like events of 2020 as e⁺e⁻, γγ or γ of heavy neutrinos or of dark particles that scatter.

``miniboone_fhc_ee``, ``miniboone_rhc_ee``, ``miniboone_ee``
    E_ν^QE in neutrino mode, in antineutrino mode, and both together: the bins, data, backgrounds and covariance of the
    oscillation fits, and χ² = rᵀ M⁻¹ r, M at the prediction, without ln det M, as 2308.02543 minimised it.
``miniboone_fhc_ee_evis``, ``miniboone_fhc_ee_costheta``
    visible energy, and angle to the beam, of the events with 0.2 < E_ν^QE < 1.25 GeV in neutrino mode. Digitised; the
    release has no covariance of theirs. Gaussian, with the Poisson variance of the prediction, a common error of the
    background of `COMMON`, and one of `EACH` of every bin by itself; see there.

These are the same events: experiments that share a beam are never summed. For reconstruction, selection and geometry
see `scanner.experiments.miniboone_detector`.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from scanner.experiments import miniboone_release as release
from scanner.experiments.base import Experiment
from scanner.experiments.fermilab import MINIBOONE_FLUX
from scanner.experiments.miniboone_detector import (
    LEAST_ENERGY,
    ONE_RING,
    PANORAMA,
    Window,
    dark_sample,
    sample,
)
from scanner.experiments.tables import DATA, read_table
from scanner.likelihoods.gaussian import GaussianFractional

PROVIDES = (
    "miniboone_fhc_ee",
    "miniboone_rhc_ee",
    "miniboone_ee",
    "miniboone_fhc_ee_evis",
    "miniboone_fhc_ee_costheta",
)
VERSION = 1

COMMON, EACH = 0.04, 0.1
"""Relative errors of the background. The release's covariance, with ν_μ as they were measured, has 10 to 20 % in each
bin of E_ν^QE, statistics included, and 4.9 % in the sum from 0.2 to 1.25 GeV without statistics; these two have 5 %."""

_FITS = {"miniboone_fhc_ee": "fhc", "miniboone_rhc_ee": "rhc", "miniboone_ee": "both"}
_TOGETHER = {"miniboone_fhc_ee": "miniboone_rhc_ee", "miniboone_rhc_ee": "miniboone_fhc_ee"}

_REFERENCES = (release.REFERENCE, PANORAMA, ONE_RING, MINIBOONE_FLUX)
_NOTES = (
    "a pair is selected if it is one ring by the radius of 2210.08021, averaged over 10 % in energy; a photon is one",
    "efficiency: that of a single photon or electron, whose error is 15 %, over the fiducial part of the tank, 0.55",
    "resolution 12 %/sqrt(E) and 1 %, (2.7 - ln E) degrees; decays within 5 m of the centre; made in the tank or dirt",
    "the covariance of the signal is that of electrons from oscillations",
)


@dataclass(frozen=True)
class _Spectrum:
    """A digitised spectrum in neutrino mode."""

    table: str
    variable: str
    unit: str
    title: str

    def windows(self, low: np.ndarray, high: np.ndarray) -> list[Window]:
        """What each bin counts."""
        if self.variable == "cos":
            return [Window(cosine=(float(a), float(b))) for a, b in zip(low, high, strict=True)]
        return [Window(visible=(max(float(a), LEAST_ENERGY), float(b))) for a, b in zip(low, high, strict=True)]


_SPECTRA = {
    "miniboone_fhc_ee_evis": _Spectrum("evis", "E", "GeV", "visible energy"),
    "miniboone_fhc_ee_costheta": _Spectrum("costheta", "cos", "1", "angle to the beam"),
}


def load(name: str) -> Experiment:
    """Return one of the five experiments."""
    return _neutrino_energy(name) if name in _FITS else _spectrum(name)


def _neutrino_energy(name: str) -> Experiment:
    fit = _FITS[name]
    beams = [(beam, _windows(beam), i * release.BINS) for i, beam in enumerate(release.FITS[fit].beams)]
    return release.experiment(
        fit,
        name=name,
        version=VERSION,
        title=f"MiniBooNE e+e- or photons as electrons, {release.FITS[fit].mode}",
        signals={
            "upscattering": tuple(sample(*beam) for beam in beams),
            "dark_beam": tuple(dark_sample(*beam) for beam in beams),
        },
        log_determinant=False,
        references=_REFERENCES,
        correlated={_TOGETHER[name]: "miniboone_ee"} if name in _TOGETHER else {},
        notes=("energies are reconstructed E_nu^QE; the release gives no edges for the nu_mu bins", *_NOTES),
    )


def _windows(beam: str) -> list[Window]:
    return [Window(neutrino=(float(a), float(b))) for a, b in itertools.pairwise(release.edges(beam))]


def _spectrum(name: str) -> Experiment:
    spectrum = _SPECTRA[name]
    columns = read_table(DATA / f"miniboone_{spectrum.table}.txt").columns
    low, high = (columns[f"{spectrum.variable}_{end}"] for end in ("low", "high"))
    data, background = columns["data"], columns["background"]
    return Experiment(
        name=name,
        version=VERSION,
        title=f"MiniBooNE e+e- or photons as electrons, neutrino mode, {spectrum.title}",
        signals={
            "upscattering": (sample("fhc", spectrum.windows(low, high)),),
            "dark_beam": (dark_sample("fhc", spectrum.windows(low, high)),),
        },
        likelihood=GaussianFractional(
            fractional=_errors(background),
            background=background,
            data=data,
            control=np.empty(0),
            control_data=np.empty(0),
            log_determinant=False,
        ),
        data=data,
        background=background,
        signal_bins=np.arange(data.size),
        coordinates={f"{spectrum.variable}_low": low, f"{spectrum.variable}_high": high},
        coordinate_units={f"{spectrum.variable}_{end}": spectrum.unit for end in ("low", "high")},
        data_sets=frozenset({release.data_set("fhc")}),
        references=_REFERENCES,
        notes=(
            "0.2 < E_nu^QE < 1.25 GeV; data and background are digitised, to 2 % and 1 event",
            "errors are no collaboration's: Poisson, 4 % of the background common to all bins, 10 % of it in each bin",
            *_NOTES[:3],
        ),
    )


def _errors(background: np.ndarray) -> np.ndarray:
    """Fractional covariance of signal and background, without the signal's variance, shape (2 bins,) squared."""
    bins = background.size
    fractional = np.zeros((2 * bins, 2 * bins))
    fractional[bins:, bins:] = COMMON * COMMON
    own = np.arange(bins, 2 * bins)
    fractional[own, own] += EACH * EACH + 1 / background
    return fractional
