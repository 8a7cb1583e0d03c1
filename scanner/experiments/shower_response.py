"""What detectors of ν-e scattering make of one shower: energy, angle to the beam, and cuts on E, Eθ² and Q².

Energies are Gaussian, and directions Gaussian in each of two projections. At a reconstructed energy E the cuts are
one on the angle: θ² < Eθ²_max/E, and, for the Q² of ν_e n → e p at rest without binding energy::

    1 - cos θ < Q²_max / (2E² + E Q²_max/m_n)

Angles are so small that θ² = 2 (1 - cos θ).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from scanner.physics.kernel import INPUT, kernel
from scanner.physics.particles import MASS
from scanner.physics.phase_space import gauss_legendre
from scanner.signals.upscattering_samples import PairRule, Selection

Float = NDArray[np.float64]
_f8 = types.float64

ENERGIES, ANGLES = 56, 64
"""Nodes of the response."""
NODES = 24
"""Of the integrals over what is reconstructed."""
WIDE = 5.0
"""Standard deviations that the integrals reach to."""


class Cuts(NamedTuple):
    """On what is reconstructed of a shower."""

    least: float
    """Energy [GeV]."""
    most: float
    etheta_sq: float
    """Largest Eθ² [GeV]."""
    q_sq: float = math.inf
    """Largest Q² [GeV²]."""


class Resolution(NamedTuple):
    """Of one shower of energy E [GeV]."""

    stochastic: float
    """σ_E/E = stochastic/√E + constant."""
    constant: float
    angle: float
    """Of each projection, a constant [rad]."""
    angle_stochastic: float = 0.0
    """And what is added to it, times √E."""


def selection(
    cuts: Cuts, resolution: Resolution, efficiency: float, opening: float, softest: float, merged: bool = True
) -> Selection:
    """Return a selection of pairs that overlap, or of photons.

    Parameters
    ----------
    cuts, resolution
        Of the shower.
    efficiency
        For what passes the cuts.
    opening
        Largest angle between the two of a pair [rad].
    softest
        Least energy of each of a pair [GeV].
    merged
        Whether photons pass as pairs do.
    """
    first, last = 0.6 * cuts.least, min(1.6 * cuts.most, 40.0)
    widest = math.sqrt(cuts.etheta_sq / cuts.least)
    sine_max = math.sin(0.5 * (widest + WIDE * _angle(resolution, cuts.least)))
    energies = np.array([first * math.exp(math.log(last / first) * i / (ENERGIES - 1)) for i in range(ENERGIES)])
    angles = np.array([2 * math.asin(sine_max * i / (ANGLES - 1)) for i in range(ANGLES)])
    passed = np.empty((ENERGIES, ANGLES, 1))
    q_sq = min(cuts.q_sq, 1e6)
    _fill(energies, angles, *cuts[:3], q_sq, *resolution, MASS["n"], *gauss_legendre(NODES), passed)
    rule = PairRule(cos_min=math.cos(opening), softest=softest)
    products = ("e_e", "gamma_gamma", "gamma") if merged else ("e_e",)
    return Selection(first, last, sine_max, dict.fromkeys(products, efficiency * passed), rule)


def _angle(resolution: Resolution, energy: float) -> float:
    return resolution.angle + resolution.angle_stochastic / math.sqrt(energy)


@kernel(_f8(_f8, _f8, _f8, INPUT, INPUT))
def within(angle, sigma, limit, nodes, weights):  # type: ignore[no-untyped-def]
    """Probability that a direction at an angle to the beam is reconstructed within another one.

    Parameters
    ----------
    angle, sigma, limit : float
        True angle, resolution of each projection, largest reconstructed angle [rad].
    nodes, weights : float64[n]
        A Gauss–Legendre rule.

    Notes
    -----
    One projection x is integrated over, the other one is an error function; x = limit · sin t, for its ends.
    """
    low, high = max(-limit, angle - WIDE * sigma), min(limit, angle + WIDE * sigma)
    if not high > low:
        return 0.0
    start, end = math.asin(max(low / limit, -1.0)), math.asin(min(high / limit, 1.0))
    total = 0.0
    for i in range(nodes.size):
        t = 0.5 * (start + end) + 0.5 * (end - start) * nodes[i]
        x, y = limit * math.sin(t), limit * math.cos(t)
        density = math.exp(-0.5 * ((x - angle) / sigma) ** 2) / (math.sqrt(2 * math.pi) * sigma)
        total += 0.5 * (end - start) * weights[i] * y * density * math.erf(y / (math.sqrt(2.0) * sigma))
    return min(total, 1.0)


@kernel(types.void(INPUT, INPUT, *(_f8,) * 9, INPUT, INPUT, types.float64[:, :, ::1]))
def _fill(  # type: ignore[no-untyped-def]
    energies, angles, least, most, etheta_sq, q_sq,
    stochastic, constant, angle_constant, angle_stochastic, m_n, nodes, weights, out,
):  # fmt: skip
    """Fill the probability to pass the cuts, by true energy and angle: the fields of `Cuts` and of `Resolution`."""
    out[:] = 0.0
    for i in range(energies.size):
        E = energies[i]
        spread = E * (stochastic / math.sqrt(E) + constant)
        sigma = angle_constant + angle_stochastic / math.sqrt(E)
        low, high = max(least, E - WIDE * spread), min(most, E + WIDE * spread)
        if not high > low:
            continue
        for n in range(nodes.size):
            seen = 0.5 * (low + high) + 0.5 * (high - low) * nodes[n]
            weight = 0.5 * (high - low) * weights[n] * math.exp(-0.5 * ((seen - E) / spread) ** 2)
            weight /= math.sqrt(2 * math.pi) * spread
            limit = math.sqrt(min(etheta_sq / seen, 2 * q_sq / (2 * seen * seen + seen * q_sq / m_n)))
            for k in range(angles.size):
                out[i, k, 0] += weight * within(angles[k], sigma, limit, nodes, weights)
