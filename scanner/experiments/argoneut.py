"""ArgoNeuT's search for N → ν μ⁺ μ⁻, recast: 1.25e20 protons on target, none seen (2106.13684).

120 GeV protons that pass NuMI's target, 13 % of them, make D_s in its absorber, 318 m before the detector (both
quoted from memory); D_s → τ ν, τ → N through |U_τ|², and D_s → N directly (`scanner.experiments.fermilab`). The
87 % that interact in the target, three times farther away, would add 6 to 10 % and are left out, as are N of
pions and kaons and so all production through |U_e|² and |U_μ|².

The efficiency is not published as a function of mass in a form that is at hand. That of decays in the 0.90 m of
the detector, 0.40 × 0.475 m², is taken to be an exponential in the mass, EFFICIENCY, such that 2.303 events are the
published limits at 0.336 and 0.900 GeV. It exceeds 1 where decays in the cavern upstream count, and takes up what
the model of charm is off. Between 0.3 and 0.97 GeV the limit so found is 0.85 to 1.2 of the published one; below,
there is none.

The upper edge of the excluded region, where N decays before the detector, is lower here by 2 (0.96 GeV) to 12
(0.48 GeV). The published one lies where the total width of leptonic decays alone puts it (within 25 % from 0.48 to
0.8 GeV), without N → ν π⁰ and the other hadronic channels, which are most of the width. If its lower edge was found
in the same way, then it is too strong, and so is this recast, which is fixed by it.
"""

from __future__ import annotations

import math

import numpy as np

from scanner.experiments.base import Experiment
from scanner.experiments.fermilab import CHARM_SHAPE, STRANGE_CHARM, charm, seen
from scanner.likelihoods.poisson import Poisson
from scanner.physics.bundle import heavy_neutrinos, momentum_grid
from scanner.physics.particles import MASS
from scanner.signals.decay_in_flight import FlightResponse, Spectrum
from scanner.vocabulary import Reference

PROVIDES = ("argoneut",)
VERSION = 1

PROTONS, TO_ABSORBER = 1.25e20, 0.13
DISTANCE, AREA, DEPTH = 318.0, 0.40 * 0.475, 0.90
"""From the absorber [m], [m²], [m]."""
TAU = 2
"""Index into FLAVOURS."""

EFFICIENCY = (0.336, 0.339, 4.185)
"""At a mass [GeV], the efficiency of ν μ μ there, and its logarithmic slope [1/GeV]."""

CHARM_ERROR = 0.3
"""Of the rate, that far as the published limit does not fix it."""

GRID = momentum_grid(0.3, 120.0, 96)

_SEARCH = Reference(
    "ArgoNeuT:2021clc",
    "Acciarri, R. and others (ArgoNeuT)",
    "New Constraints on Tau-Coupled Heavy Neutral Leptons with Masses mN=280-970 MeV",
    2021,
    "2106.13684",
    "10.1103/PhysRevLett.127.121801",
    "Phys. Rev. Lett. 127 (2021) 121801",
)


def load(name: str) -> Experiment:
    """Return the experiment."""
    nothing, charmed = np.zeros(1), charm()
    response = FlightResponse(
        name=name,
        flavours=(TAU,),
        spectrum=_spectrum,
        baseline=DISTANCE,
        length=DEPTH,
        efficiency=seen((("nu_mu_mu", _efficiency),), 1),
        mass_max=MASS["tau"],
        inputs=(np.array([PROTONS, TO_ABSORBER, AREA, *EFFICIENCY]), *(bundle.number for bundle in charmed.values())),
    )
    return Experiment(
        name=name,
        version=VERSION,
        title="ArgoNeuT, mu+mu- from tau-flavoured N of charm in the absorber of NuMI (recast)",
        signals={"decay_in_flight": response},
        likelihood=Poisson(nothing, nothing, signal_error=CHARM_ERROR),
        data=nothing,
        background=nothing,
        signal_bins=np.arange(1),
        coordinates={"final_state": np.array(["nu_mu_mu"])},
        coordinate_units={},
        data_sets=frozenset({"argoneut_dimuon"}),
        references=(_SEARCH, CHARM_SHAPE),
        notes=(
            "recast: the efficiency is an exponential in the mass through the published limits at 0.336 and 0.900 GeV",
            "production through |U_tau|^2 alone, in the absorber alone; valid from 0.28 to 0.97 GeV",
            "limits on |U_tau|^2 over the published, Dirac: 1.21 at 0.30, 1 at 0.336, 0.88 at 0.51, 0.86 at 0.69, "
            "0.88 at 0.80, 1 at 0.90, 1.03 at 0.95 GeV",
            "the upper edge is 0.09 (0.48 GeV) to 0.48 (0.96 GeV) of the published one, which is where leptonic decays "
            "of N alone would put it",
        ),
    )


def _spectrum(mass: float) -> Spectrum:
    per_area = PROTONS * TO_ABSORBER * STRANGE_CHARM * AREA / DISTANCE**2
    return Spectrum(GRID, per_area * heavy_neutrinos(charm(), mass, GRID)[TAU : TAU + 1])


def _efficiency(mass: float) -> float:
    """Nothing outside the masses that were searched."""
    at, value, slope = EFFICIENCY
    return value * math.exp(slope * (mass - at)) if 0.28 <= mass <= 0.97 else 0.0
