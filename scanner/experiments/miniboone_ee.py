"""MiniBooNE's electron-like events of 2020 as e⁺e⁻, γγ or γ of heavy neutrinos or of dark particles that scatter.

``miniboone_fhc_ee``, ``miniboone_rhc_ee``, ``miniboone_ee``
    E_ν^QE in neutrino mode, in antineutrino mode, and both together: the bins, data, backgrounds and covariance of the
    oscillation fits, and χ² = rᵀ M⁻¹ r, M at the prediction, without ln det M, as 2308.02543 minimised it.
``miniboone_fhc_ee_evis``, ``miniboone_fhc_ee_costheta``
    visible energy, and angle to the beam, of the events with 0.2 < E_ν^QE < 1.25 GeV in neutrino mode: the data and the
    likelihood of `scanner.experiments.miniboone_digitised`.

These are the same events: experiments that share a beam are never summed. For reconstruction, selection and geometry
see `scanner.experiments.miniboone_detector`.
"""

from __future__ import annotations

import itertools

from scanner.experiments import miniboone_digitised as digitised
from scanner.experiments import miniboone_release as release
from scanner.experiments.base import Experiment
from scanner.experiments.fermilab import MINIBOONE_FLUX
from scanner.experiments.miniboone_detector import (
    ONE_RING,
    PANORAMA,
    Window,
    dark_sample,
    sample,
)

PROVIDES = (
    "miniboone_fhc_ee",
    "miniboone_rhc_ee",
    "miniboone_ee",
    "miniboone_fhc_ee_evis",
    "miniboone_fhc_ee_costheta",
)
VERSION = 1

_FITS = {"miniboone_fhc_ee": "fhc", "miniboone_rhc_ee": "rhc", "miniboone_ee": "both"}
_TOGETHER = {"miniboone_fhc_ee": "miniboone_rhc_ee", "miniboone_rhc_ee": "miniboone_fhc_ee"}

_REFERENCES = (release.REFERENCE, PANORAMA, ONE_RING, MINIBOONE_FLUX)
_NOTES = (
    "a pair is selected if it is one ring by the radius of 2210.08021, averaged over 10 % in energy; a photon is one",
    "efficiency: that of a single photon or electron, whose error is 15 %, over the fiducial part of the tank, 0.55",
    "resolution 12 %/sqrt(E) and 1 %, (2.7 - ln E) degrees; decays within 5 m of the centre; made in the tank or dirt",
    "the covariance of the signal is that of electrons from oscillations",
)


_SPECTRA = {f"miniboone_fhc_ee_{name}": spectrum for name, spectrum in digitised.SPECTRA.items()}


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
    windows = spectrum.windows()
    return digitised.experiment(
        spectrum,
        name=name,
        version=VERSION,
        title=f"MiniBooNE e+e- or photons as electrons, neutrino mode, {spectrum.title}",
        signals={"upscattering": (sample("fhc", windows),), "dark_beam": (dark_sample("fhc", windows),)},
        references=_REFERENCES,
        notes=(*digitised.NOTES, *_NOTES[:3]),
    )
