"""Heavy neutrinos N of two-body decays in a bundle of parents, on its axis, and which way their spins point.

In the rest frame of M⁺ → l⁺ N the mean spin of N is P along its flight: -1 for a light N, which is left-handed, and
up to 1 for one that is heavier than l, as l⁺ then is left-handed as well. Seen from the laboratory N flies another
way, and the helicity vectors of both frames have in the rest frame of N an angle ω between them,

    cos ω = (E E* - γ m²)/(p p*),

with E, p and γ of N and of its parent in the laboratory and E*, p* of N in the rest frame of the parent: 1 for N that
go on forwards, -1 for those that were sent back and are carried along. So N of one momentum have the mean spin
P ⟨cos ω⟩. Antiparticles have the opposite spins.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping

import numpy as np
from numba import types
from numpy.typing import NDArray

from scanner.physics.beam import LEPTONS
from scanner.physics.bundle import Bundle, at_angle, nodes_per_log, share
from scanner.physics.heavy_neutrino_production import production_ratios, two_body_momentum
from scanner.physics.kernel import INPUT, INPUT_MATRIX, kernel
from scanner.physics.particles import MASS
from scanner.physics.phase_space import gauss_legendre

_f8 = types.float64

DIRECTIONS = 64
"""Nodes for the direction of N in its parent's rest frame."""

NUMBER, SPIN = 0, 1
"""Rows of what is made: N, and the sum of their spins along their flight."""

_rule = functools.cache(gauss_legendre)


def two_body_polarisation(parent: float, lepton: float, mass: float) -> float:
    """Return P of M⁺ → l⁺ N, for masses of M, l and N [GeV]; 0 where it is closed.

    With y = (m/M)² this is (y_N - y_l) √λ(1, y_l, y_N)/(y_l + y_N - (y_l - y_N)²): Shrock, Phys. Rev. D 24 (1981) 1232.
    """
    momentum = float(two_body_momentum(parent, lepton, mass))
    if not momentum > 0:
        return 0.0
    light, heavy = (lepton / parent) ** 2, (mass / parent) ** 2
    return (heavy - light) * 2 * momentum / parent / (light + heavy - (light - heavy) ** 2)


@kernel(types.void(_f8, INPUT, _f8, INPUT_MATRIX, _f8, _f8, INPUT, INPUT, INPUT, types.float64[:, ::1]))
def add_polarised(  # type: ignore[no-untyped-def]
    parent, momentum, widest, number, mass, rest, nodes, weights, grid, out
):
    """Add daughters per sr on the axis, one a parent, to the nodes of a grid.

    Parameters
    ----------
    parent, momentum, widest, number
        A `Bundle`.
    mass, rest : float
        Of the daughter [GeV], and its momentum in the rest frame [GeV], positive.
    nodes, weights : float64[l]
        A Gauss-Legendre rule for the angle of its direction there.
    grid : float64[g]
        Momenta [GeV], evenly spaced in their logarithm.
    out : float64[2, g]
        Daughters, and these times cos ω.
    """
    inner, per_log = math.sqrt(rest**2 + mass**2), nodes_per_log(grid)
    for i in range(momentum.size):
        gamma, boost = math.sqrt((momentum[i] / parent) ** 2 + 1), momentum[i] / parent
        for j in range(nodes.size):
            # Even in the angle, as for `bundle.add_daughters`: near the axis parents may be as many as 1/angle.
            inward = 0.5 * math.pi * (nodes[j] + 1)
            along = gamma * rest * math.cos(inward) + boost * inner
            across = rest * math.sin(inward)
            density = at_angle(number, i, widest, math.atan2(across, along))
            if not density > 0:
                continue
            p = math.sqrt(along**2 + across**2)
            weight = 0.25 * math.pi * math.sin(inward) * weights[j] * density
            turned = (math.sqrt(p**2 + mass**2) * inner - gamma * mass**2) / (p * rest)
            share(p, weight, grid, per_log, out[0])
            share(p, weight * turned, grid, per_log, out[1])


def polarised_neutrinos(parents: Mapping[str, Bundle], mass: float, grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return heavy neutrinos per sr on the axis for unit |U_e|² and for unit |U_μ|², and their spins.

    Parameters
    ----------
    parents
        Bundles of positive mesons by name: ``pi``, ``K``, ``D``, ``Ds``.
    mass
        Of N [GeV].
    grid
        Momenta [GeV], evenly spaced in their logarithm, shape (g,).

    Returns
    -------
    float64, shape (2, 2, g)
        NUMBER and SPIN, for each of LEPTONS, at each momentum.
    """
    ratios, rule = production_ratios(mass), _rule(DIRECTIONS)
    out = np.zeros((2, len(LEPTONS), grid.size))
    for flavour, lepton in enumerate(LEPTONS):
        for name, bundle in parents.items():
            rest = two_body_momentum(MASS[name], MASS[lepton], mass)
            if not rest > 0:
                continue
            made = np.zeros((2, grid.size))
            add_polarised(bundle.mass, bundle.momentum, bundle.widest, bundle.number, mass, rest, *rule, grid, made)
            ratio = ratios[f"{name}->{lepton} N"][flavour]
            out[NUMBER, flavour] += ratio * made[0]
            out[SPIN, flavour] += ratio * two_body_polarisation(MASS[name], MASS[lepton], mass) * made[1]
    return out
