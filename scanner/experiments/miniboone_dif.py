"""MiniBooNE's electron-like events of 2020 as decays in flight of heavy neutrinos that the Booster beam makes.

``miniboone_dif``
    E_ν^QE in neutrino mode: the bins, data, backgrounds, covariance and statistic of the collaboration's oscillation
    fit, χ² = rᵀ M⁻¹ r + ln det M, with M at the prediction.
``miniboone_dif_evis``, ``miniboone_dif_costheta``
    visible energy, and angle to the beam, of the events with 0.2 < E_ν^QE < 1.25 GeV: the data and the likelihood of
    `scanner.experiments.miniboone_digitised`.

These are the same events: experiments that share a beam are never summed.

*Beam.* N of π → l N and K⁺ → l⁺ N, l = e, μ, of the mesons of `scanner.experiments.booster` in neutrino mode, with the
spin that the decay gives them; for N̄ of π⁻ both the spin and the asymmetry of the decay are opposite. K⁺ → π⁰ l⁺ N,
neutral kaons, K⁻, muons, and kaons at rest are left out: some percent of what |U_μ|² makes, but most of what |U_e|²
makes below some MeV. Flights are reckoned from the target, although mesons decay up to 50 m nearer.
*Time.* Protons come for 1.6 μs, from 4.6 to 6.2 μs of the trigger's window, and events are counted from 4.4 to 6.4 μs
(2006.16883, from memory): an N that is late by t is counted with the probability min(1, (1.8 μs - t)/1.6 μs). When an
event is within a bunch of the beam is not looked at, although 2006.16883 has it for a part of the data: N of 250 MeV
that are late by 100 ns do not follow the 19 ns of the bunches.
*Detector.* A sphere of 5 m around 541 m, and reconstruction, one-ring rule and efficiency of
`scanner.experiments.miniboone_detector`. Two photons, of π⁰ as of anything else, are a pair as e⁺e⁻ is. N → e π and
N → μ π are left out, as is N → ν μ μ.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Mapping

import numpy as np

from scanner.experiments import miniboone_digitised as digitised
from scanner.experiments import miniboone_release as release
from scanner.experiments.base import Experiment
from scanner.experiments.booster import DISTANCE, mesons
from scanner.experiments.fermilab import MINIBOONE_FLUX, delay
from scanner.experiments.miniboone_detector import FIDUCIAL, ONE_RING, PANORAMA, PROTONS, Window, selection
from scanner.physics.bundle import Bundle, momentum_grid
from scanner.physics.particles import MASS
from scanner.physics.phase_space import gauss_legendre
from scanner.physics.polarised_bundle import polarised_neutrinos
from scanner.signals.decay_spectra import Beam, SpectrumResponse
from scanner.vocabulary import Reference

PROVIDES = ("miniboone_dif", "miniboone_dif_evis", "miniboone_dif_costheta")
VERSION = 1

SPILL, LATE = 1.6e-6, 0.2e-6
"""How long protons come, and for how long after that events are counted [s]; 2006.16883, from memory."""

GRID = momentum_grid(0.02, 8.0, 64)
"""Momenta of N [GeV]."""
PLACES = 8
"""Nodes for the distance of a decay."""

PHOTON = Reference(
    "Fischer:2019fbw",
    "Fischer, Oliver and Hernandez-Cabezudo, Alvaro and Schwetz, Thomas",
    "Explaining the MiniBooNE excess by a decaying sterile neutrino with mass in the 250 MeV range",
    2020,
    "1909.09561",
    "10.1103/PhysRevD.101.075045",
    "Phys. Rev. D 101 (2020) 075045",
)
ALP = Reference(
    "Chang:2021myh",
    "Chang, Chia-Hung Vincent and Chen, Chuan-Ren and Ho, Shu-Yu and Tseng, Shih-Yen",
    "Explaining the MiniBooNE anomalous excess via a leptophilic ALP-sterile neutrino coupling",
    2021,
    "2102.05012",
    "10.1103/PhysRevD.104.015030",
    "Phys. Rev. D 104 (2021) 015030",
)

_REFERENCES = (release.REFERENCE, PHOTON, ALP, ONE_RING, PANORAMA, MINIBOONE_FLUX)
_NOTES = (
    "neutrino mode; N of pi and K+ -> l N, from a model of the horn: pions make MiniBooNE's flux to 8 % up to 2.5 GeV, "
    "and kaons to 12 % up to 5 GeV; three-body decays, K-, neutral kaons, muons and kaons at rest are left out",
    "N must be late by less than 1.8 us, and is seen in part from 0.2 us; bunches of the beam are not looked at, which "
    "N of 250 MeV do not follow",
    "photons, and pairs of e+e- or gamma gamma that are one ring by the radius of 2210.08021, pi0 included; no charged "
    "pions or muons",
    "efficiency: that of a single photon or electron, whose error is 15 %; resolution 12 %/sqrt(E) and 1 %, "
    "(2.7 - ln E) degrees; decays within 5 m of the centre, 541 m from the target",
)


def load(name: str) -> Experiment:
    """Return one of the three experiments."""
    return _neutrino_energy(name) if name == "miniboone_dif" else _spectrum(name, name.removeprefix("miniboone_dif_"))


def _neutrino_energy(name: str) -> Experiment:
    edges = release.edges("fhc")
    windows = [Window(neutrino=(float(a), float(b))) for a, b in itertools.pairwise(edges)]
    return release.experiment(
        "fhc",
        name=name,
        version=VERSION,
        title="MiniBooNE electron-like events as decays in flight, neutrino mode",
        signals={"decay_spectra": _response(name, windows)},
        log_determinant=True,
        references=_REFERENCES,
        notes=(
            "energies are reconstructed E_nu^QE; the release gives no edges for the nu_mu bins",
            "the covariance of the signal is that of electrons from oscillations",
            *_NOTES,
        ),
    )


def _spectrum(name: str, which: str) -> Experiment:
    spectrum = digitised.SPECTRA[which]
    return digitised.experiment(
        spectrum,
        name=name,
        version=VERSION,
        title=f"MiniBooNE electron-like events as decays in flight, neutrino mode, {spectrum.title}",
        signals={"decay_spectra": _response(name, spectrum.windows())},
        references=_REFERENCES,
        notes=(*digitised.NOTES, *_NOTES),
    )


def _response(name: str, windows: list[Window]) -> SpectrumResponse:
    places, volumes = sphere(DISTANCE, FIDUCIAL.radius, PLACES)
    return SpectrumResponse(
        name=name,
        flavours=(0, 1),
        beam=beam,
        places=places,
        volumes=volumes,
        selection=selection(tuple(windows)),
        mass_max=MASS["K"] - MASS["e"],
        inputs=(*(bundle.number for bundle in parents().values()), np.array([SPILL, LATE])),
    )


def sphere(distance: float, radius: float, nodes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of a sphere along a parallel beam [m], and the volume that each stands for [m³].

    Parameters
    ----------
    distance, radius
        Of its centre, and its own [m].
    nodes
        Of a Gauss-Legendre rule: exact for polynomials up to the degree 2 nodes - 3.
    """
    at, weights = gauss_legendre(nodes)
    return distance + radius * at, math.pi * radius**3 * weights * (1 - at * at)


def parents() -> Mapping[str, Bundle]:
    """Return the decays of charged pions and kaons before MiniBooNE, per m², sr and proton."""
    return {name: mesons("fhc")[name] for name in ("pi", "K")}


@functools.lru_cache(maxsize=512)
def beam(mass: float) -> Beam:
    """Return the N that are counted if they decay, for all protons; for `SpectrumResponse`."""
    in_time = np.clip((SPILL + LATE - delay(mass, GRID, DISTANCE)) / SPILL, 0.0, 1.0)
    number, spin = PROTONS["fhc"] * in_time * polarised_neutrinos(parents(), mass, GRID)
    return Beam(GRID, number, spin)
