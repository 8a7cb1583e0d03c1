"""Heavy neutrinos at DUNE's near detector: a projection, without data and without background.

6.6e21 protons of 120 GeV on target, six years of 1.1e21 in neutrino mode. Liquid argon (6 × 2 × 3 m³) and the gas
behind it (4.43 m across, 5 m long) are taken as one volume of their mean area, 574.5 m from the target; every decay
into one of PROJECTED in it counts.

π^± and K^± → l N
    parents are unfolded, without any spread, from their ν_μ and ν̄_μ in the release of 1905.00284
    (``dune_nd_parents.txt``), all normalised to DUNE's ν_μ flux. The two fluxes are of different horns: single
    energies differ by a factor of 2 and more, their total, if the release is per cm² at 1 m as its public code
    says, by 1.36. Kaons that make neutrinos above 20 GeV are not in it. Some MeV below the mass at which a decay
    closes, N keep to within 4 mrad of their parents, whose own spread then makes them fewer than here.
D_s → l N, D_s → τ ν, τ → N
    from `scanner.experiments.fermilab.charm`. The release's own charm (``hcharm``) is not used: it is normalised in
    another way than the other parents, and ten times smaller than that.

Left out: K → π l N, K⁰, muons, D⁺ and D⁰, which would add up to some tens of per cent below 0.1 GeV, and from 0.5 to
1.2 GeV where D → K l N is open. The rate is uncertain by 30 % (profiled), that of charm by 50 %.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from scanner.experiments.base import Experiment
from scanner.experiments.fermilab import CHARM_SHAPE, PROJECTED, STRANGE_CHARM, all_seen, charm
from scanner.experiments.tables import DATA, read_table
from scanner.likelihoods.poisson import Poisson
from scanner.physics.beam import Parents, parents_of_light
from scanner.physics.bundle import heavy_neutrinos, momentum_grid, narrow
from scanner.physics.heavy_neutrino_modes import PRODUCTION_INPUTS
from scanner.physics.heavy_neutrino_production import production_ratios, two_body_momentum
from scanner.physics.particles import MASS
from scanner.signals.decay_in_flight import FlightResponse, Spectrum
from scanner.vocabulary import Reference

PROVIDES = ("dune_nd_hnl",)
VERSION = 1

PROTONS = 6 * 1.1e21
DISTANCE = 574.5
"""To the liquid argon [m]."""
VOLUME = 6.0 * 2.0 * 3.0 + math.pi * (0.5 * 4.43) ** 2 * 5.0
"""Of liquid argon and gas [m³]."""
DEPTH = 8.0
"""Of both together [m]."""
OPENING = math.sqrt(VOLUME / DEPTH / math.pi) / DISTANCE
"""Half the angle [rad] that their mean area fills."""
RATE_ERROR = 0.3
CM2_PER_M2 = 1e4

GRID = momentum_grid(0.05, 120.0, 128)

_STUDY = Reference(
    "Ballett:2019bgd",
    "Ballett, Peter and Boschi, Tommaso and Pascoli, Silvia",
    "Heavy Neutral Leptons from low-scale seesaws at the DUNE Near Detector",
    2020,
    "1905.00284",
    "10.1007/JHEP03(2020)111",
    "JHEP 03 (2020) 111",
)
_DETECTOR = Reference(
    "DUNE:2021tad",
    "Abed Abud, A. and others (DUNE)",
    "Deep Underground Neutrino Experiment (DUNE) Near Detector Conceptual Design Report",
    2021,
    "2103.13910",
    "10.3390/instruments5040031",
    "Instruments 5 (2021) 31",
)


def load(name: str) -> Experiment:
    """Return the projection."""
    nothing = np.zeros(len(PROJECTED))
    response = FlightResponse(
        name=name,
        flavours=(0, 1, 2),
        spectrum=_spectrum,
        baseline=DISTANCE,
        length=DEPTH,
        efficiency=all_seen(3),
        mass_max=MASS["Ds"] - MASS["e"],
        inputs=_inputs(),
    )
    return Experiment(
        name=name,
        version=VERSION,
        title="DUNE near detector, decays of N (projection, 6.6e21 protons on target, no background)",
        signals={"decay_in_flight": response},
        likelihood=Poisson(nothing, nothing, signal_error=RATE_ERROR),
        data=nothing,
        background=nothing,
        signal_bins=np.arange(len(PROJECTED)),
        coordinates={"final_state": np.array(PROJECTED)},
        coordinate_units={},
        data_sets=frozenset({"dune_nd_projection"}),
        references=(_STUDY, _DETECTOR, CHARM_SHAPE),
        projection=True,
        notes=(
            "a projection: no data; efficiency 1 in liquid argon and gas, and no background, are assumed",
            "pions and kaons from the neutrinos of 1905.00284, without spread, normalised to DUNE's nu_mu flux; charm "
            "by the fit of E769; the rate is uncertain by 30 % (profiled), that of charm by 50 %",
            "K -> pi l N, neutral kaons, muons and D -> K l N are left out",
        ),
    )


@functools.cache
def light_mesons() -> dict[str, Parents]:
    """Return the pions and kaons of both charges; densities are per m² and proton."""
    columns = read_table(DATA / "dune_nd_parents.txt").columns
    energy, found = 0.5 * (columns["E_low"] + columns["E_high"]), {}
    for name, long, ratio in (("pi", "pion", PRODUCTION_INPUTS.pi_mu), ("K", "kaon", PRODUCTION_INPUTS.K_mu)):
        flux = CM2_PER_M2 * (columns[f"{long}_nu"] + columns[f"{long}_antinu"])
        found[name] = parents_of_light(energy, flux, MASS[name], MASS["mu"], 1.0, ratio)
    return found


def _inputs() -> tuple[np.ndarray, ...]:
    light = [array for parents in light_mesons().values() for array in (parents.momentum, parents.density)]
    numbers = np.array([PROTONS, DISTANCE, VOLUME, DEPTH, STRANGE_CHARM])
    return (numbers, *light, *(bundle.number for bundle in charm().values()))


def _spectrum(mass: float) -> Spectrum:
    weight = STRANGE_CHARM / DISTANCE**2 * heavy_neutrinos(charm(), mass, GRID)
    ratios = production_ratios(mass)
    for name, parents in light_mesons().items():
        for flavour, lepton in enumerate(("e", "mu")):
            ratio = ratios[f"{name}->{lepton} N"][flavour]
            if ratio > 0:
                rest = two_body_momentum(MASS[name], MASS[lepton], mass)
                weight[flavour] += narrow(parents, mass, rest, ratio, OPENING, GRID)
    return Spectrum(GRID, PROTONS * VOLUME / DEPTH * weight)
