"""Heavy neutrinos at SBND and ICARUS: projections, without data and without background.

``sbnd_hnl``, ``icarus_hnl``
    the Booster beam, 6.6e20 protons on target: π⁺, K⁺ → l N, from the model of `scanner.experiments.fermilab`.
``icarus_hnl_numi``
    kaons at rest in the absorber of NuMI, for a round 1e21 protons on target.

Every decay into one of PROJECTED inside the active volume counts, and there is no background: what 1610.08512
took for a first estimate, and the best that can be reached. Flights are reckoned from the target although mesons
decay up to 50 m nearer, which matters for the shortest lifetimes alone. Detectors are taken to be on the axis: over
the face of SBND, 0.74 m off it, the rate is up to 17 % less, over that of ICARUS 2 %. K⁺ → π⁰ l N, K⁰ and muons are
left out.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from scanner.experiments.base import Experiment
from scanner.experiments.fermilab import (
    BOOSTER_PULL,
    MINIBOONE_FLUX,
    PROJECTED,
    STOPPED_KAON_RATE,
    STOPPED_KAONS_PULL,
    all_seen,
    booster,
    stopped_kaons,
)
from scanner.likelihoods.poisson import Poisson
from scanner.physics.bundle import heavy_neutrinos, momentum_grid
from scanner.physics.particles import MASS
from scanner.signals.decay_in_flight import FlightResponse, Spectrum
from scanner.vocabulary import Reference

PROVIDES = ("sbnd_hnl", "icarus_hnl", "icarus_hnl_numi")
VERSION = 1

BOOSTER_PROTONS, NUMI_PROTONS = 6.6e20, 1e21
BOOSTER_ERROR, STOPPED_KAON_ERROR = 0.3, 0.3
"""Of the rates; at SBND the Booster's model has 1.2 to 1.3 of the published ν_μ flux."""

SBND = 110.0, 4.0 * 4.0, 5.0
"""Distance [m], area [m²], depth [m]."""
ICARUS = 600.0, 2 * 3.0 * 3.16, 17.95
ICARUS_NUMI = 109.3, 2 * 3.16 * 17.95, 3.0
"""From the absorber; N from there cross the two modules' 3 m in some direction: only the volume matters here."""

GRID = momentum_grid(0.02, 8.0, 96)

_ESTIMATE = Reference(
    "Ballett:2016opr",
    "Ballett, Peter and Pascoli, Silvia and Ross-Lonergan, Mark",
    "MeV-scale sterile neutrino decays at the Fermilab Short-Baseline Neutrino program",
    2017,
    "1610.08512",
    "10.1007/JHEP04(2017)102",
    "JHEP 04 (2017) 102",
)
_PROGRAM = Reference(
    "MicroBooNE:2015bmn",
    "Acciarri, R. and others (MicroBooNE, LAr1-ND, ICARUS-WA104)",
    "A Proposal for a Three Detector Short-Baseline Neutrino Oscillation Program in the Fermilab Booster Neutrino Beam",
    2015,
    "1503.01520",
)


def load(name: str) -> Experiment:
    """Return one of the three projections."""
    if name == "icarus_hnl_numi":
        return _absorber(name)
    return _booster(name, *{"sbnd_hnl": ("SBND", SBND), "icarus_hnl": ("ICARUS", ICARUS)}[name])


def _booster(name: str, detector: str, place: tuple[float, float, float]) -> Experiment:
    distance, area, _ = place
    spectrum = functools.partial(_booster_spectrum, distance, area)
    inputs = tuple(bundle.number for bundle in booster(distance, area).values())
    title = f"{detector}, decays of N from the Booster beam (projection, 6.6e20 protons on target, no background)"
    notes = (
        "pions and kaons of published fits through a model of the horn, normalised to MicroBooNE's nu_mu flux; "
        "uncertain by 30 % (profiled), by one nuisance parameter, bnb_flux, of all searches in this beam",
    )
    likelihood = _nothing_seen(BOOSTER_ERROR, BOOSTER_PULL)
    return _projection(name, title, spectrum, place, inputs, likelihood, (MINIBOONE_FLUX,), notes)


def _absorber(name: str) -> Experiment:
    title = "ICARUS, decays of N from the absorber of NuMI (projection, 1e21 protons on target, no background)"
    notes = (
        "0.085 kaons at rest a proton on target, uncertain by 30 % (profiled), by one nuisance parameter, "
        "numi_stopped_kaons, of all searches for N of these kaons",
    )
    inputs = (np.array(ICARUS_NUMI),)
    references = (STOPPED_KAON_RATE,)
    likelihood = _nothing_seen(STOPPED_KAON_ERROR, STOPPED_KAONS_PULL)
    return _projection(name, title, _absorber_spectrum, ICARUS_NUMI, inputs, likelihood, references, notes)


def _nothing_seen(error: float, shared: str) -> Poisson:
    nothing = np.zeros(len(PROJECTED))
    return Poisson(nothing, nothing, signal_error=error, shared=shared)


def _projection(
    name: str,
    title: str,
    spectrum: Callable[[float], Spectrum],
    place: tuple[float, float, float],
    inputs: tuple[NDArray[np.float64], ...],
    likelihood: Poisson,
    references: tuple[Reference, ...],
    notes: tuple[str, ...],
) -> Experiment:
    """Return an experiment that sees each of PROJECTED in a bin of its own, and nothing else."""
    response = FlightResponse(
        name=name,
        flavours=(0, 1),
        spectrum=spectrum,
        baseline=place[0],
        length=place[2],
        efficiency=all_seen(2),
        mass_max=MASS["K"] - MASS["e"],
        inputs=(np.array(place), *inputs),
    )
    return Experiment(
        name=name,
        version=VERSION,
        title=title,
        signals={"decay_in_flight": response},
        likelihood=likelihood,
        data=likelihood.data,
        background=likelihood.background,
        signal_bins=np.arange(len(PROJECTED)),
        coordinates={"final_state": np.array(PROJECTED)},
        coordinate_units={},
        data_sets=frozenset({f"{name}_projection"}),
        references=(*references, _PROGRAM, _ESTIMATE),
        notes=(
            "a projection: no data; efficiency 1 in the active volume, and no background, are assumed",
            *notes,
            "detectors are taken to be on the axis: over the face of SBND the rate is up to 17 % less",
            "K+ -> pi0 l N, neutral kaons and muons are left out",
        ),
    )


def _booster_spectrum(distance: float, area: float, mass: float) -> Spectrum:
    return Spectrum(GRID, BOOSTER_PROTONS * area * heavy_neutrinos(booster(distance, area), mass, GRID)[:2])


def _absorber_spectrum(mass: float) -> Spectrum:
    distance, area, _ = ICARUS_NUMI
    momentum, number = stopped_kaons(mass)
    return Spectrum(momentum, NUMI_PROTONS * area / (4 * math.pi * distance**2) * number)
