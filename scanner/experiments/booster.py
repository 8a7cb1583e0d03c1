"""Mesons of the Booster beam that decay before MiniBooNE, of either charge, focused or not, and neutral ones.

Three modes: ``fhc`` and ``rhc``, whose horn focuses positive and negative mesons, and ``off_target``, in which protons
pass by the target and end in the absorber behind the decay pipe.

*Charged* mesons of the target are those of `scanner.experiments.fermilab`: fits of their production, traced through
the horn; those of the wrong sign it sends away. **Each sign's pions are then scaled, as a function of their momentum,
such that the ν_μ or ν̄_μ which they make are those of the released flux** (0806.1449): to 8 % at any energy from 0.2 to
3.5 GeV, or 13 % of the wrong sign's. Kaons, which make the flux above 2.5 GeV, have the normalisation of `fermilab`,
and its 30 %. K⁻ are left out: a tenth of K⁺ (from memory).

Off target, mesons are made in the air of the pipe, 6 % of a proton's interaction length of 747 m, and in the absorber,
where pions must decay within an interaction length of 0.20 m of iron (lengths from the tables of the PDG, from memory).
None is focused. They have the spectra off beryllium. What is scraped off by the target and the walls is left out.
MiniBooNE had some 50 times fewer charged-current interactions a proton than in neutrino mode (1807.06137, from memory);
here ν_μ of 0.4 to 2 GeV are 51 times fewer, without a fit. **The off-target flux of charged mesons is taken to be good
to a factor of two.**

*π⁰*, which decay where they are made, have the mean spectrum of π⁺ and π⁻ (as is usual, to some 20 %): in the target,
and, of protons that pass it, in the absorber, 50 m nearer. Mesons of secondary interactions are left out.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from scanner.experiments.fermilab import (
    BOOSTER_LINE,
    BOOSTER_MESONS,
    COLUMNS,
    NORMALISATION,
    PROTON_INELASTIC,
    WIDEST,
    booster_cross_section,
    booster_mesons,
    booster_momenta,
)
from scanner.experiments.tables import DATA, read_table
from scanner.physics.bundle import Bundle, bundle_angles, daughters, momentum_grid
from scanner.physics.dark_production import MUONIC
from scanner.physics.heavy_neutrino_production import two_body_momentum
from scanner.physics.horn import PLACES, decays_seen, focused
from scanner.physics.particles import MASS
from scanner.physics.phase_space import gauss_legendre

Float = NDArray[np.float64]

MODES = ("fhc", "rhc", "off_target")

DISTANCE, RADIUS = 541.0, 6.1
"""From the target to MiniBooNE, and of its tank [m]."""
ABSORBER = 50.0
"""From the target [m]."""

AIR_LENGTH, IRON_LENGTH = 747.0, {"pi": 0.204, "K": 0.204}
"""Interaction length of protons in air, and of mesons in iron [m]; PDG (from memory), kaons as pions."""
AIR_PLACES = 8

FLUX_GRID = momentum_grid(0.05, 8.0, 120)
"""Energies of neutrinos [GeV]."""
SMOOTHING = 0.12
"""Of fluxes in ln E where they are compared: nodes of the pions' momentum are that far apart."""
ROUNDS, MOST = 4, 4.0
"""Of scaling, and the most that pions are scaled by."""

_FLUXES = {("fhc", 1): "numu", ("fhc", -1): "numubar", ("rhc", 1): "numu", ("rhc", -1): "numubar"}


@functools.cache
def mesons(mode: str) -> Mapping[str, Bundle]:
    """Return the decays as MiniBooNE sees them, per m², sr and proton: π⁺ and π⁻ as ``pi``, ``K``, ``pi0``.

    Parameters
    ----------
    mode
        Of MODES.
    """
    charged = _off_target if mode == "off_target" else functools.partial(_target, mode)
    both = [charged(name) for name in ("pi", "pi_minus")]
    pions = both[0]._replace(number=both[0].number + both[1].number)
    return {"pi": pions, "K": charged("K"), "pi0": _neutral(mode)}


def neutrinos(bundle: Bundle, parent: str) -> Float:
    """Return the ν_μ of M → μ ν [1/cm² per proton] that each energy of FLUX_GRID stands for."""
    rest = two_body_momentum(MASS[parent], MASS["mu"], 0.0)
    return 1e-4 * daughters(bundle, 0.0, np.array([rest]), np.array([MUONIC[parent]]), FLUX_GRID)


@functools.cache
def _target(mode: str, name: str) -> Bundle:
    """Mesons of the target; those of the sign that the horn sends away come with a reversed current."""
    sign = -1 if name == "pi_minus" else 1
    parent = name.removesuffix("_minus")
    right = (mode == "fhc") == (sign == 1)
    absorption, lifetime, _ = BOOSTER_MESONS[parent]
    line = BOOSTER_LINE if right else BOOSTER_LINE._replace(current=-BOOSTER_LINE.current)
    momentum, made = booster_mesons(name)
    seen_by = DISTANCE, RADIUS / DISTANCE, WIDEST, COLUMNS
    bundle = focused(line, momentum, made, MASS[parent], lifetime, absorption, *seen_by)
    if parent == "K":
        return bundle._replace(number=NORMALISATION * bundle.number)
    beside = neutrinos(_target(mode, "K"), "K") if sign == 1 else np.zeros(FLUX_GRID.size)
    return _scaled(bundle, mode, _FLUXES[mode, sign], beside)


def _scaled(bundle: Bundle, mode: str, flavour: str, beside: Float) -> Bundle:
    """Scale pions such that their neutrinos, and those beside them, are the released flux; see the module."""
    columns = read_table(DATA / f"flux_miniboone_{mode}.txt").columns
    released = _cells(columns["E"], columns[flavour])
    rest = two_body_momentum(MASS["pi"], MASS["mu"], 0.0)
    # Energy of the neutrinos that go on with a pion.
    forward = [rest / MASS["pi"] * (math.hypot(p, MASS["pi"]) + p) for p in bundle.momentum]
    at = np.array([math.log(e / FLUX_GRID[0]) for e in forward])
    logs = np.array([math.log(e / FLUX_GRID[0]) for e in FLUX_GRID])
    for _ in range(ROUNDS):
        found = _smooth(neutrinos(bundle, "pi") + beside)
        wanted = _smooth(released)
        ratio = [w / f if f > 0 else 1.0 for w, f in zip(wanted, found, strict=True)]
        factors = np.clip(np.interp(at, logs, np.array(ratio)), 1 / MOST, MOST)
        bundle = bundle._replace(number=factors[:, None] * bundle.number)
    return bundle


def _cells(energy: Float, flux: Float) -> Float:
    """Integral of a flux over the cells around the energies of FLUX_GRID [1/cm² per proton]."""
    ratio = math.sqrt(FLUX_GRID[1] / FLUX_GRID[0])
    return np.interp(FLUX_GRID, energy, flux, right=0.0) * FLUX_GRID * (ratio - 1 / ratio)


def _smooth(values: Float) -> Float:
    step = math.log(FLUX_GRID[1] / FLUX_GRID[0])
    reach = math.ceil(3 * SMOOTHING / step)
    shape = np.array([math.exp(-0.5 * (i * step / SMOOTHING) ** 2) for i in range(-reach, reach + 1)])
    return np.array([math.fsum(shape * part) for part in _windows(values, reach)])


def _windows(values: Float, reach: int) -> list[Float]:
    padded = np.pad(values, reach)
    return [padded[i : i + 2 * reach + 1] for i in range(values.size)]


def _unfocused(name: str, seen: Callable[[float, float], float]) -> Bundle:
    """Mesons that fly on as they are made; `seen` is ⟨1/D²⟩ [1/m²] over decays at a momentum [GeV] and an angle."""
    parent = {"pi_minus": "pi", "pi0": "pi0"}.get(name, name)
    momentum, weights = booster_momenta("pi" if name == "pi0" else name)
    angles = bundle_angles(WIDEST, COLUMNS)
    number = np.array([[_made(name, float(p), float(a)) * seen(float(p), float(a)) for a in angles] for p in momentum])
    return Bundle(MASS[parent], momentum, WIDEST, weights[:, None] * number)


def _made(name: str, momentum: float, angle: float) -> float:
    """Mesons per GeV and sr, a proton that interacts."""
    if name == "pi0":
        both = (booster_cross_section(sign, momentum, angle) for sign in ("pi", "pi_minus"))
        return 0.5 * math.fsum(both) / PROTON_INELASTIC
    return booster_cross_section(name, momentum, angle) / PROTON_INELASTIC


@functools.cache
def _off_target(name: str) -> Bundle:
    parent = name.removesuffix("_minus")
    _, lifetime, _ = BOOSTER_MESONS[parent]
    nodes, weights = gauss_legendre(AIR_PLACES)
    starts, shares = 0.5 * ABSORBER * (nodes + 1), 0.5 * ABSORBER * weights / AIR_LENGTH
    rule = gauss_legendre(PLACES)
    left = math.exp(-ABSORBER / AIR_LENGTH)

    def seen(momentum: float, angle: float) -> float:
        decay_length = lifetime * momentum / MASS[parent]
        in_air = [
            share * math.exp(-start / AIR_LENGTH) * decays_seen(
                angle, 0.0, decay_length, ABSORBER - start, BOOSTER_LINE.pipe_radius, DISTANCE - start, *rule
            )
            for start, share in zip(starts, shares, strict=True)
        ]  # fmt: skip
        before_absorbed = IRON_LENGTH[parent] / (IRON_LENGTH[parent] + decay_length)
        return math.fsum(in_air) + left * before_absorbed / (DISTANCE - ABSORBER) ** 2

    return _unfocused(name, seen)


@functools.cache
def _neutral(mode: str) -> Bundle:
    passed = math.exp(-BOOSTER_LINE.target_length / BOOSTER_LINE.interaction_length)
    if mode == "off_target":
        passed = 1.0
    weight = (1 - passed) / DISTANCE**2 + passed / (DISTANCE - ABSORBER) ** 2
    return _unfocused("pi0", lambda momentum, angle: weight)
