"""Pairs of which each one is seen with errors: when they are one ring, and with which energy.

The energy E_i of each is off by a Gaussian error √(a² E_i + b² E_i²), not below 0, and the angle between the two by
that of both directions in the plane of the pair. The rule for one ring,

    ((1 - cos)/2)² + (E_soft/(E_1 + E_2))² < r_cut²,

is on what is seen. A soft electron that is lost makes a ring of a pair, and energy is lost with it: so that being one
ring and the energy that is seen have to do with one another.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import types

from scanner.physics.kernel import INPUT, kernel

_f8 = types.float64

COSINES = 64
"""For the direction of one of the two in the rest frame of the pair."""
NODES, REACH = 9, 3.0
"""For the error of each energy, and how far they reach [σ]."""


class Blur(NamedTuple):
    """Errors of each of the two."""

    stochastic: float
    """a [√GeV]."""
    constant: float
    """b."""
    angle: float
    """Of a direction at 1 GeV [rad]."""
    angle_slope: float
    """By which that falls over a unit of ln E."""


@kernel(_f8(_f8, _f8, _f8))
def direction_error(energy, angle, slope):  # type: ignore[no-untyped-def]
    """Error of a direction [rad] at an energy [GeV]."""
    return max(angle - slope * math.log(max(energy, 1e-6)), 0.0)


@kernel(_f8(_f8, _f8, _f8))
def energy_error(energy, stochastic, constant):  # type: ignore[no-untyped-def]
    """Error of an energy [GeV]."""
    return math.sqrt(stochastic * stochastic * energy + (constant * energy) ** 2)


@kernel(types.UniTuple(_f8, 3)(_f8, _f8, _f8, _f8))
def _shared(E, q, c, product):  # type: ignore[no-untyped-def]
    """Energies of the two, the harder first, and the angle between them; c is that of the rest frame of the pair."""
    velocity = math.sqrt(max(1 - (2 * product / q) ** 2, 0.0))
    flight = math.sqrt(max(1 - (q / E) ** 2, 0.0))
    harder, softer = 0.5 * E * (1 + flight * velocity * c), 0.5 * E * (1 - flight * velocity * c)
    momenta = math.sqrt(max((harder**2 - product**2) * (softer**2 - product**2), 0.0))
    cosine = (harder * softer - 0.5 * q * q + product * product) / momenta if momenta > 0 else 1.0
    return harder, softer, math.acos(min(max(cosine, -1.0), 1.0))


@kernel(types.void(_f8, INPUT, INPUT, _f8, _f8, _f8, _f8, _f8, _f8, types.float64[:, :, :, ::1]))
def fill_one_ring(  # type: ignore[no-untyped-def]
    product, energies, r_cut, cell, stochastic, constant, angle, angle_slope, q_least, out
):
    """Fill how probable it is that a pair is one ring, by the energy that is seen.

    Parameters
    ----------
    product : float
        Mass of each of the two [GeV].
    energies : float64[e]
        True energies of the pair [GeV].
    r_cut : float64[cells]
        By the energy that is seen.
    cell : float
        Width of these, from 0 [GeV].
    stochastic, constant, angle, angle_slope : float
        The fields of a `Blur`.
    q_least : float
        Least mass of a pair [GeV], not below that of the two.
    out : float64[2, e, r, cells]
        Averages over 1 and P₂(c), where square roots of q/E are uniform from 0 to 1.
    """
    out[:] = 0.0
    shifts = np.array([REACH * (2 * k + 1 - NODES) / NODES for k in range(NODES)])
    weights = np.array([math.exp(-0.5 * shift * shift) for shift in shifts])
    weights /= weights.sum()
    sways = np.array([0.0, math.sqrt(3.0), -math.sqrt(3.0)])  # the Gauss–Hermite rule of three nodes
    sway_weights = np.array([2 / 3, 1 / 6, 1 / 6])
    cells, tilts = r_cut.size, np.empty(3)
    for e in range(energies.size):
        E = energies[e]
        for i in range(out.shape[2]):
            q = min(max(E * (i / (out.shape[2] - 1.0)) ** 2, q_least), E)
            for n in range(COSINES):
                c = (n + 0.5) / COSINES
                harder, softer, opening = _shared(E, q, c, product)
                wide = direction_error(harder, angle, angle_slope) ** 2
                wide = math.sqrt(0.5 * (wide + direction_error(softer, angle, angle_slope) ** 2))
                for t in range(3):
                    tilts[t] = (0.5 * (1 - math.cos(opening + sways[t] * wide))) ** 2
                for k in range(NODES):
                    one = max(harder + shifts[k] * energy_error(harder, stochastic, constant), 0.0)
                    for m in range(NODES):
                        two = max(softer + shifts[m] * energy_error(softer, stochastic, constant), 0.0)
                        at = int((one + two) / cell)
                        if one + two == 0 or at >= cells:
                            continue
                        share = min(one, two) / (one + two)
                        for t in range(3):
                            if tilts[t] + share * share < r_cut[at] * r_cut[at]:
                                part = weights[k] * weights[m] * sway_weights[t] / COSINES
                                out[0, e, i, at] += part
                                out[1, e, i, at] += part * (1.5 * c * c - 0.5)
