"""MicroBooNE's searches for heavy neutrinos, recast from what was published of them.

``microboone_kdar``
    e⁺e⁻ pairs from the absorber of NuMI, 1.93e20 protons on target (2106.00568; the recast is that of Kelly and
    Machado, 2106.06548): 1 seen, 1.9 ± 0.8 expected.
``microboone_bnb_mupi``
    μπ after the spill of the Booster beam, 2.0e20 protons on target (1911.10545).
``microboone_numi``
    e⁺e⁻, π⁰ (2310.07660) and μπ (2207.03840) from the absorber of NuMI, 7.01e20 protons on target.

K⁺ at rest in the absorber, 0.085 ± 30 % a proton on target, give N of one energy; they enter through an area of
10.36 × 2.56 m² at 101.5 m and can decay along 3 m. Other N of NuMI are not counted. N is late: its time of flight
moves it out of the 9.6 μs gate of NuMI (spill and gate alike, quoted from memory), and is what makes it visible
after the 1.6 μs spill of the Booster. That beam's kaons are modelled by `scanner.experiments.fermilab`.

Efficiencies. None was published for N as a function of its mass in a form that is at hand, so:

* ``microboone_kdar``: 0.15, 0.24, 0.28 at 100, 150, 180 MeV, as the recast implies; below, an exponential through
  the 0.041 that its limit at 63 MeV implies in the same way.
* ``microboone_bnb_mupi``: 3.6 %, so that |U_μ|² = 0.9e-7 is the limit on a Dirac N of 385 MeV. The delayed window
  opens at the end of the spill and stays open; where the real one ends is part of this number.
* ``microboone_numi``: e⁺e⁻ 9.1 %, so that the limit at 100 MeV is that of the published curve; π⁰ 5.7 %, by that
  at 200 MeV; μπ a straight line between 0.58 % and 3.0 %, by the limits at 250 MeV (8.4e-8) and 350 MeV (6.1e-9)
  on a Majorana N.

The last two take the published limit to be 2.303 events and none seen on no background: data and backgrounds are
in the efficiency, and are zero here. Outside the masses of a search its efficiency is 0.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from scanner.experiments.base import Experiment
from scanner.experiments.fermilab import (
    BOOSTER_PULL,
    MINIBOONE_FLUX,
    STOPPED_KAON_RATE,
    STOPPED_KAONS_PULL,
    Efficiency,
    booster,
    delay,
    seen,
    stopped_kaons,
)
from scanner.likelihoods.poisson import Poisson
from scanner.physics.bundle import heavy_neutrinos, momentum_grid
from scanner.physics.particles import MASS
from scanner.signals.decay_in_flight import FlightResponse, Spectrum
from scanner.vocabulary import Reference

PROVIDES = ("microboone_kdar", "microboone_bnb_mupi", "microboone_numi")
VERSION = 1

ABSORBER = 101.5
"""From the absorber of NuMI [m]."""
ABSORBER_AREA, ABSORBER_DEPTH = 10.36 * 2.56, 3.0
"""[m²], [m]."""
BOOSTER_DISTANCE, BOOSTER_AREA, BOOSTER_DEPTH = 470.0, 2.3 * 2.6, 10.4
"""[m], [m²], [m]."""
NUMI_GATE, BOOSTER_SPILL = 9.6e-6, 1.6e-6
"""[s]; quoted from memory."""

KDAR_PROTONS, NUMI_PROTONS, BOOSTER_PROTONS = 1.93e20, 7.01e20, 2.0e20

KDAR_EFFICIENCY = np.array([0.063, 0.100, 0.150, 0.180]), np.array([0.041, 0.15, 0.24, 0.28])
"""Masses [GeV], and ν e e seen."""
NUMI_MUPI = np.array([0.250, 0.350]), np.array([0.0058, 0.0298])
"""Masses [GeV], and μ π seen."""
NUMI_PAIR, NUMI_PI0, BOOSTER_MUPI = 0.0906, 0.0568, 0.0360

STOPPED_KAON_ERROR = 0.3
BOOSTER_ERROR = 0.25
"""Of the kaons' flux: the shape of its tail (`fermilab`), and how far MicroBooNE's own flux is known."""

GRID = momentum_grid(0.05, 8.0, 96)

_PAIRS = Reference(
    "MicroBooNE:2021sov",
    "Abratenko, P. and others (MicroBooNE)",
    "Search for a Higgs Portal Scalar Decaying to Electron-Positron Pairs in the MicroBooNE Detector",
    2021,
    "2106.00568",
    "10.1103/PhysRevLett.127.151803",
    "Phys. Rev. Lett. 127 (2021) 151803",
)
_RECAST = Reference(
    "Kelly:2021xbv",
    "Kelly, Kevin James and Machado, Pedro A. N.",
    "MicroBooNE experiment, NuMI absorber, and heavy neutral leptons",
    2021,
    "2106.06548",
    "10.1103/PhysRevD.104.055015",
    "Phys. Rev. D 104 (2021) 055015",
)
_BOOSTER_MUPI = Reference(
    "MicroBooNE:2019izn",
    "Abratenko, P. and others (MicroBooNE)",
    "Search for heavy neutral leptons decaying into muon-pion pairs in the MicroBooNE detector",
    2020,
    "1911.10545",
    "10.1103/PhysRevD.101.052001",
    "Phys. Rev. D 101 (2020) 052001",
)
_NUMI_MUPI = Reference(
    "MicroBooNE:2022ctm",
    "Abratenko, P. and others (MicroBooNE)",
    "Search for long-lived heavy neutral leptons and Higgs portal scalars decaying in the MicroBooNE detector",
    2022,
    "2207.03840",
    "10.1103/PhysRevD.106.092006",
    "Phys. Rev. D 106 (2022) 092006",
)
_NUMI_PAIRS = Reference(
    "MicroBooNE:2023icy",
    "Abratenko, P. and others (MicroBooNE)",
    "Search for Heavy Neutral Leptons in Electron-Positron and Neutral-Pion Final States with the MicroBooNE Detector",
    2024,
    "2310.07660",
    "10.1103/PhysRevLett.132.041801",
    "Phys. Rev. Lett. 132 (2024) 041801",
)


def load(name: str) -> Experiment:
    """Return one of the three experiments."""
    return {"microboone_kdar": _kdar, "microboone_bnb_mupi": _booster, "microboone_numi": _numi}[name](name)


def _kdar(name: str) -> Experiment:
    likelihood = Poisson(np.array([1.0]), np.array([1.9]), np.array([0.8]), STOPPED_KAON_ERROR, STOPPED_KAONS_PULL)
    return Experiment(
        name=name,
        version=VERSION,
        title="MicroBooNE, e+e- from kaons at rest in the absorber of NuMI (recast)",
        signals={"decay_in_flight": _from_absorber(name, KDAR_PROTONS, (("nu_e_e", _kdar_efficiency),))},
        likelihood=likelihood,
        data=likelihood.data,
        background=likelihood.background,
        signal_bins=np.arange(1),
        coordinates={"final_state": np.array(["nu_e_e"])},
        coordinate_units={},
        data_sets=frozenset({"microboone_numi_run1_e_e"}),
        references=(_PAIRS, _RECAST, STOPPED_KAON_RATE),
        notes=(
            "recast: efficiencies between 63 and 180 MeV are those that 2106.06548 implies; valid from 20 to 200 MeV",
            "the rate of stopped kaons, 0.085 a proton on target, is uncertain by 30 % (profiled); it is one nuisance "
            "parameter, numi_stopped_kaons, of all searches for N of these kaons",
            "90 % limits on |U_mu|^2 (flat in its square; 3.8 events), Majorana, over those of 2106.06548: 0.73 at 20, "
            "0.88 at 37, 0.93 at 59, 0.97 at 113, 0.91 at 140, 1.00 at 173 MeV",
        ),
    )


def _numi(name: str) -> Experiment:
    bins = (("nu_e_e", _within(0.020, 0.150, NUMI_PAIR)), ("nu_pi0", _within(0.150, 0.245, NUMI_PI0)))
    searches = (*bins, ("mu_pi", _numi_mupi))
    labels, nothing = [final_state for final_state, _ in searches], np.zeros(len(searches))
    return Experiment(
        name=name,
        version=VERSION,
        title="MicroBooNE, e+e-, pi0 and mu pi from kaons at rest in the absorber of NuMI (recast)",
        signals={"decay_in_flight": _from_absorber(name, NUMI_PROTONS, searches)},
        likelihood=Poisson(nothing, nothing, signal_error=STOPPED_KAON_ERROR, shared=STOPPED_KAONS_PULL),
        data=nothing,
        background=nothing,
        signal_bins=np.arange(len(searches)),
        coordinates={"final_state": np.array(labels)},
        coordinate_units={},
        data_sets=frozenset({"microboone_numi_run1_e_e", "microboone_numi_run3_e_e", "microboone_numi_mu_pi"}),
        references=(_NUMI_PAIRS, _NUMI_MUPI, STOPPED_KAON_RATE),
        notes=(
            "recast: data and background are not those of MicroBooNE; both are 0, and the efficiencies such that "
            "2.303 events are the published limits at 100 MeV (e+e-), 200 MeV (pi0), 250 and 350 MeV (mu pi)",
            "the rate of stopped kaons, 0.085 a proton on target, is uncertain by 30 % (profiled); it is one nuisance "
            "parameter, numi_stopped_kaons, of all searches for N of these kaons",
            "limits on |U_mu|^2 over the published: e+e- 1.25 at 20, 0.98 at 50, 0.85 at 75, 1 at 100, 1.18 at 149 "
            "MeV; pi0 1.11 at 150, 0.94 at 180, 1 at 200, 0.70 at 220, 0.81 at 244 MeV; mu pi 1.09 at 246, 1 at 250, "
            "1 at 350, 0.72 at 385 MeV",
        ),
    )


def _booster(name: str) -> Experiment:
    nothing = np.zeros(1)
    response = FlightResponse(
        name=name,
        flavours=(0, 1),
        spectrum=_after_spill,
        baseline=BOOSTER_DISTANCE,
        length=BOOSTER_DEPTH,
        efficiency=seen((("mu_pi", _within(0.260, 0.385, BOOSTER_MUPI)),), 2),
        mass_max=MASS["K"] - MASS["e"],
        inputs=tuple(bundle.number for bundle in booster(BOOSTER_DISTANCE, BOOSTER_AREA).values()),
    )
    return Experiment(
        name=name,
        version=VERSION,
        title="MicroBooNE, mu pi after the spill of the Booster beam (recast)",
        signals={"decay_in_flight": response},
        likelihood=Poisson(nothing, nothing, signal_error=BOOSTER_ERROR, shared=BOOSTER_PULL),
        data=nothing,
        background=nothing,
        signal_bins=np.arange(1),
        coordinates={"final_state": np.array(["mu_pi"])},
        coordinate_units={},
        data_sets=frozenset({"microboone_bnb_delayed_mu_pi"}),
        references=(_BOOSTER_MUPI, MINIBOONE_FLUX),
        notes=(
            "recast: data and background are not those of MicroBooNE; both are 0, and the efficiency such that "
            "2.303 events are the published limit on a Dirac N of 385 MeV",
            "kaons by Feynman scaling through a model of the horn, normalised to MicroBooNE's nu_mu flux above "
            "2.75 GeV; uncertain by 25 % (profiled), by one nuisance parameter, bnb_flux, of all searches in this beam",
            "limits on |U_mu|^2 over the published: Dirac 1.39 at 260, 1 at 385 MeV; Majorana 1.38 and 0.91",
        ),
    )


def _from_absorber(name: str, protons: float, searches: tuple[tuple[str, Efficiency], ...]) -> FlightResponse:
    return FlightResponse(
        name=name,
        flavours=(0, 1),
        spectrum=functools.partial(_absorber_spectrum, protons),
        baseline=ABSORBER,
        length=ABSORBER_DEPTH,
        efficiency=seen(searches, 2),
        mass_max=MASS["K"] - MASS["e"],
        inputs=(np.array([protons, ABSORBER_AREA, NUMI_GATE]), *KDAR_EFFICIENCY, *NUMI_MUPI),
    )


def _absorber_spectrum(protons: float, mass: float) -> Spectrum:
    momentum, number = stopped_kaons(mass)
    in_time = np.clip(1 - delay(mass, momentum, ABSORBER) / NUMI_GATE, 0, 1)
    return Spectrum(momentum, protons * ABSORBER_AREA / (4 * math.pi * ABSORBER**2) * number * in_time)


def _after_spill(mass: float) -> Spectrum:
    late = np.clip(delay(mass, GRID, BOOSTER_DISTANCE) / BOOSTER_SPILL, 0, 1)
    flux = heavy_neutrinos(booster(BOOSTER_DISTANCE, BOOSTER_AREA), mass, GRID)[:2]
    return Spectrum(GRID, BOOSTER_PROTONS * BOOSTER_AREA * flux * late)


def _kdar_efficiency(mass: float) -> float:
    """Exponentials between the points, and beyond them to the ends of the published recast."""
    if not 0.020 <= mass <= 0.200:
        return 0.0
    masses, values = KDAR_EFFICIENCY
    i = min(max(int(np.searchsorted(masses, mass)), 1), masses.size - 1)
    slope = math.log(values[i] / values[i - 1]) / (masses[i] - masses[i - 1])
    return float(values[i] * math.exp(slope * (mass - masses[i])))


def _numi_mupi(mass: float) -> float:
    return float(np.interp(mass, *NUMI_MUPI)) if mass <= 0.385 else 0.0


def _within(low: float, high: float, value: float) -> Efficiency:
    """Return an efficiency that is the same from mass to mass [GeV] and 0 outside."""
    return lambda mass: value if low <= mass <= high else 0.0
