"""Heavy neutrinos of Fermilab's beams: what the experiments in them share.

The Booster beam
    π⁺ and K⁺ of `scanner.physics.meson_production`, traced through the horn and decaying along the pipe
    (`scanner.physics.horn`). Nothing in that is fitted but one NORMALISATION, to the ν_μ flux that MicroBooNE
    released. It stands for what the model leaves out: mesons of secondary interactions, absorption in the horn,
    misalignment. Above 2.5 GeV, where kaons make the flux, the shape agrees within 13 % up to 5 GeV, and 30 % up to
    6; single energies of the pions' are off by up to 1.8. The kaons' own total is published as 1.29e-11
    ν_μ/cm² a proton at 541 m (2.65 % of 0.936 · 5.19e-10, 0806.1449, quoted from memory): here it is 1.20e-11.
The absorber of NuMI
    kaons at rest: 0.085 K⁺ a proton on target, ± 30 % (MiniBooNE, 1801.03848).
Charm of NuMI and LBNF
    D_s of 120 GeV protons on carbon: σ(cc̄) of 12.1 μb over 331.4 mb, 7.7 % of them D_s, 2.8e-6 a proton, as in
    1905.00284; their shape is that of E769 (`meson_production.charmed`). The τ of D_s → τ ν is taken to be
    unpolarised. The cross section at this energy is uncertain by some 50 %.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from scanner.physics.bundle import Bundle, bundle_angles, daughter_bundle, momentum_grid
from scanner.physics.heavy_neutrino_modes import PRODUCTION_INPUTS
from scanner.physics.heavy_neutrino_production import production_ratios, two_body_momentum
from scanner.physics.horn import Beamline, conductor, focused
from scanner.physics.meson_production import (
    BOOSTER,
    CHARM_FALL,
    CHARM_SLOPE,
    KAON_FIT,
    PION_FIT,
    PION_MINUS_FIT,
    charmed,
    feynman_scaling,
    sanford_wang,
)
from scanner.physics.particles import MASS
from scanner.physics.phase_space import gauss_legendre
from scanner.signals.heavy_neutrino import FLAVOURS, State
from scanner.units import SPEED_OF_LIGHT
from scanner.vocabulary import Reference

Efficiency = Callable[[float], float]

BOOSTER_LINE = Beamline(
    current=174e3,
    radii=conductor(
        np.array([0.0, 0.776, 1.130, 1.367, 1.716, 1.814, 1.850, 1.890, 1.921, 1.939]),
        np.array([0.022, 0.022, 0.0654, 0.0654, 0.022, 0.0258, 0.0373, 0.0603, 0.0949, 0.1409]),
    ),
    outer=0.30,
    target_length=0.711,
    target_radius=0.0051,
    interaction_length=0.428,
    pipe_length=50.0,
    pipe_radius=0.91,
)
"""Horn, target and pipe of 0806.1449; the profile of the inner conductor is read off its figure (to some mm), as in
the public code RKHorn. The interaction length is that of 189.3 mb on beryllium (0806.1449, from memory)."""

PROTON_INELASTIC = 189.3
"""Cross section [mb] of the protons on beryllium that the fits are divided by; 0806.1449, quoted from memory."""

NORMALISATION = 1 / 1.26
"""Of π⁺, so that the ν_μ below 2.75 GeV, and of K⁺, so that those above, are as many as MicroBooNE's."""

# Interaction length in beryllium [m], cτ [m] (PDG), and the range of momenta [GeV]. The lengths are those of some 150
# and 130 mb for π⁺ and K⁺ (Denisov et al., Nucl. Phys. B 61 (1973) 62; from memory): they matter by some 15 %, which
# the normalisation takes up.
BOOSTER_MESONS = {"pi": (0.525, 7.8045, (0.15, 7.8)), "K": (0.61, 3.711, (0.3, 7.9))}
MOMENTA, ANGLES, COLUMNS, WIDEST = 40, 200, 65, 0.8
CHARM_MOMENTA = 24

STOPPED_KAONS = 0.085
"""K⁺ that decay at rest in the absorber of NuMI, a proton on target; 1801.03848, ± 30 %."""

STOPPED_KAONS_PULL, BOOSTER_PULL = "numi_stopped_kaons", "bnb_flux"
"""Names of the nuisance parameters that all searches for N of these kaons, or of this beam, share."""

STRANGE_CHARM = 12.1e-3 / 331.4 * 0.077
"""D_s a 120 GeV proton on carbon; 1905.00284."""

MINIBOONE_FLUX = Reference(
    "MiniBooNE:2008hfu",
    "Aguilar-Arevalo, A. A. and others (MiniBooNE)",
    "The Neutrino Flux prediction at MiniBooNE",
    2009,
    "0806.1449",
    "10.1103/PhysRevD.79.072002",
    "Phys. Rev. D 79 (2009) 072002",
)
STOPPED_KAON_RATE = Reference(
    "MiniBooNE:2018dus",
    "Aguilar-Arevalo, A. A. and others (MiniBooNE)",
    "First Measurement of Monoenergetic Muon Neutrino Charged Current Interactions",
    2018,
    "1801.03848",
    "10.1103/PhysRevLett.120.141802",
    "Phys. Rev. Lett. 120 (2018) 141802",
)
CHARM_SHAPE = Reference(
    "E769_PRL_77_2392",
    "Alves, G. A. and others (E769)",
    "Feynman x and transverse momentum dependence of D meson production in 250 GeV pi, K and p nucleon interactions",
    1996,
    doi="10.1103/PhysRevLett.77.2392",
    journal="Phys. Rev. Lett. 77 (1996) 2392",
)


@functools.cache
def booster(distance: float, area: float) -> Mapping[str, Bundle]:
    """Return the decays of the Booster's π⁺ and K⁺ as seen on the axis, per m², sr and proton on target.

    Parameters
    ----------
    distance
        From the target to the detector [m].
    area
        Of the face of the detector [m²].
    """
    return {name: _booster_meson(name, distance, math.sqrt(area / math.pi) / distance) for name in BOOSTER_MESONS}


def _booster_meson(name: str, distance: float, opening: float) -> Bundle:
    absorption, lifetime, _ = BOOSTER_MESONS[name]
    momentum, made = booster_mesons(name)
    seen_by = distance, opening, WIDEST, COLUMNS
    return focused(
        BOOSTER_LINE, momentum, NORMALISATION * made, MASS[name], lifetime, absorption, *seen_by
    )  # fmt: skip


@functools.cache
def booster_mesons(name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mesons that a proton of the Booster makes which interacts, by the fits as published.

    Parameters
    ----------
    name
        ``pi``, ``pi_minus`` or ``K``.

    Returns
    -------
    momentum, made
        Nodes [GeV], shape (MOMENTA,), and the mesons that each stands for, in ANGLES even steps of the angle from 0 to
        π/2.
    """
    momentum, weights = booster_momenta(name)
    step = 0.5 * math.pi / ANGLES
    made = np.empty((MOMENTA, ANGLES))
    for i, p in enumerate(momentum):
        unit = weights[i] / PROTON_INELASTIC
        for k in range(ANGLES):
            angle = step * (k + 0.5)
            made[i, k] = unit * booster_cross_section(name, p, angle) * 2 * math.pi * math.sin(angle) * step
    return momentum, made


def booster_momenta(name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return nodes of the momentum of a meson [GeV], and their weights, shape (MOMENTA,)."""
    low, high = BOOSTER_MESONS[name.removesuffix("_minus")][2]
    nodes, weights = gauss_legendre(MOMENTA)
    return low + 0.5 * (high - low) * (nodes + 1), 0.5 * (high - low) * weights


def booster_cross_section(name: str, momentum: float, angle: float) -> float:
    """Return d²σ/dp dΩ [mb/(GeV sr)] of a meson of `booster_mesons` off beryllium."""
    if name == "K":
        return float(feynman_scaling(momentum, angle, BOOSTER, MASS["K"], MASS["p"], KAON_FIT))
    fit = PION_MINUS_FIT if name == "pi_minus" else PION_FIT
    return float(sanford_wang(momentum, angle, BOOSTER, fit))


def stopped_kaons(mass: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the heavy neutrinos of K⁺ → l N at rest in the absorber of NuMI.

    Parameters
    ----------
    mass
        Of N [GeV].

    Returns
    -------
    momentum, number
        Momenta [GeV] of N from K⁺ → e N and from K⁺ → μ N, shape (2,), and N of each a proton on target for unit
        |U_e|² and for unit |U_μ|², shape (2, 2).

    Notes
    -----
    K⁺ → π⁰ l N is left out: it is as frequent as K⁺ → e N at 30 MeV, a fifth of it at 60 MeV, and at most 5 % of
    K⁺ → μ N.
    """
    ratios = production_ratios(mass)
    momenta = [two_body_momentum(MASS["K"], MASS[lepton], mass) for lepton in ("e", "mu")]
    number = [[ratios["K->e N"][0], 0.0], [0.0, ratios["K->mu N"][1]]]
    return np.array([p if p > 0 else 1.0 for p in momenta]), STOPPED_KAONS * np.array(number)


@functools.cache
def charm(beam: float = 120.0) -> Mapping[str, Bundle]:
    """Return D_s, and the τ of D_s → τ ν, per sr and D_s, from protons of momentum `beam` [GeV]."""
    low, high, widest = math.log(2.0), math.log(0.92 * beam), 0.5
    nodes, weights = gauss_legendre(CHARM_MOMENTA)
    momentum = np.array([math.exp(low + 0.5 * (high - low) * (x + 1)) for x in nodes])
    unit = 0.5 * (high - low) * weights * momentum
    fixed = beam, MASS["Ds"], MASS["p"], CHARM_FALL, CHARM_SLOPE
    angles = bundle_angles(widest, COLUMNS)
    number = np.array([[charmed(p, a, *fixed) for a in angles] for p in momentum]) * unit[:, None]
    strange = Bundle(MASS["Ds"], momentum, widest, number)
    rest = two_body_momentum(MASS["Ds"], MASS["tau"], 0.0)
    grid = momentum_grid(1.0, beam, CHARM_MOMENTA)
    return {"Ds": strange, "tau": daughter_bundle(strange, MASS["tau"], rest, PRODUCTION_INPUTS.Ds_tau, grid)}


def delay(mass: float, momentum: NDArray[np.float64], distance: float) -> NDArray[np.float64]:
    """Return how much later [s] than light a particle of `mass` and `momentum` [GeV] covers `distance` [m]."""
    return distance / SPEED_OF_LIGHT * np.array([math.hypot(1.0, mass / p) - 1 for p in momentum])


PROJECTED = ("nu_e_e", "nu_e_mu", "nu_mu_mu", "e_pi", "mu_pi", "nu_pi0", "nu_gamma", "nu_gamma_gamma")
"""Final states that projections count, each in a bin of its own."""


def all_seen(sources: int) -> Callable[[State], Mapping[str, np.ndarray]]:
    """Return the efficiency of a projection that sees every decay into one of PROJECTED; see `seen`."""
    return seen(tuple((final_state, lambda mass: 1.0) for final_state in PROJECTED), sources)


def seen(efficiencies: Sequence[tuple[str, Efficiency]], sources: int) -> Callable[[State], Mapping[str, np.ndarray]]:
    """Return the efficiency of a `FlightResponse` that has one signal bin for each of some final states.

    Parameters
    ----------
    efficiencies
        Final states in the order of their bins, and their efficiencies as functions of the mass of N [GeV].
    sources
        Number of sources; they, and the flavour that drives the decay, do not matter.
    """

    def efficiency(state: State) -> Mapping[str, np.ndarray]:
        found = {}
        for i, (final_state, of) in enumerate(efficiencies):
            found[final_state] = np.zeros((sources, len(FLAVOURS) + 1, len(efficiencies)))
            found[final_state][:, :, i] = of(state.mass)
        return found

    return efficiency
