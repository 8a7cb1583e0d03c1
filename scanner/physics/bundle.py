"""Parents that fly apart, and the daughters of their decays in one direction.

The daughters that go one way come from parents of all directions. As a decay is isotropic in the rest frame of
its parent, how many there are per sr is the average, over directions in that frame, of the parents' number per
sr at the angle by which the decay turned:

    dN/dΩ = ∫ dP ⟨ n(P, θ_turn) ⟩,

so that neither roots nor the divergence at the largest angle of a heavy daughter are met. Parents without any
spread are the other limit (`narrow`; `beam` has them at an angle). Daughters are sorted into the nodes of a grid of
momenta, such that their number and the sum of their 1/p, hence of long-lived decays, are kept.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from scanner.physics.beam import Parents
from scanner.physics.heavy_neutrino_channels import FLAVOURS
from scanner.physics.heavy_neutrino_modes import LEPTONIC, LEPTONS, TAU_PSEUDOSCALAR, TAU_VECTOR, Mode, modes
from scanner.physics.heavy_neutrino_production import leptons_spectrum, production_ratios, two_body_momentum
from scanner.physics.kernel import INPUT, INPUT_MATRIX, kernel
from scanner.physics.particles import MASS
from scanner.physics.phase_space import gauss_legendre

_f8, _i8 = types.float64, types.int64

DIRECTIONS, AZIMUTHS, NARROW = 32, 8, 4
"""Nodes for the direction of a daughter in its parent's rest frame; the last, for each range that ends in a cone."""
THREE_BODY = 12, 4
"""Nodes for the direction and for the energy of a daughter with two partners: less, as one smooths the other."""

_rule = functools.cache(gauss_legendre)


class Bundle(NamedTuple):
    """Decaying parents, symmetric about an axis."""

    mass: float
    """[GeV]."""
    momentum: NDArray[np.float64]
    """Nodes [GeV], shape (n,)."""
    widest: float
    """The largest angle to the axis [rad]; there are none beyond."""
    number: NDArray[np.float64]
    """Parents per sr that each node stands for, at the angles widest · (j/(m-1))², shape (n, m)."""


def bundle_angles(widest: float, count: int) -> NDArray[np.float64]:
    """Return the angles [rad] of `count` columns of a bundle's number."""
    return widest * (np.arange(count) / (count - 1)) ** 2


def momentum_grid(lowest: float, highest: float, count: int) -> NDArray[np.float64]:
    """Return `count` momenta [GeV], evenly spaced in their logarithm."""
    step = math.log(highest / lowest) / (count - 1)
    return np.array([lowest * math.exp(i * step) for i in range(count)])


@kernel(_f8(INPUT_MATRIX, _i8, _f8, _f8))
def at_angle(number, row, widest, angle):  # type: ignore[no-untyped-def]
    """Number per sr of a row at an angle [rad], by straight lines between the columns."""
    if not angle < widest:
        return 0.0
    last = number.shape[1] - 1
    i = min(int(last * math.sqrt(angle / widest)), last - 1)
    low, high = widest * (i / last) ** 2, widest * ((i + 1) / last) ** 2
    f = (angle - low) / (high - low)
    return (1 - f) * number[row, i] + f * number[row, i + 1]


@kernel(_f8(INPUT))
def nodes_per_log(grid):  # type: ignore[no-untyped-def]
    """Nodes of a grid for each unit of the logarithm of momentum."""
    return (grid.size - 1) / math.log(grid[grid.size - 1] / grid[0])


@kernel(types.void(_f8, _f8, INPUT, _f8, _f8[::1]))
def share(momentum, weight, grid, per_log, out):  # type: ignore[no-untyped-def]
    """Share a weight between the nodes next to a momentum, so that Σ w and Σ w/p stay; beyond the ends, Σ w does."""
    last = grid.size - 1
    if momentum <= grid[0]:
        out[0] += weight
    elif momentum >= grid[last]:
        out[last] += weight
    else:
        i = min(int(per_log * math.log(momentum / grid[0])), last - 1)
        f = (1 / grid[i] - 1 / momentum) / (1 / grid[i] - 1 / grid[i + 1])
        out[i] += (1 - f) * weight
        out[i + 1] += f * weight


@kernel(types.void(_f8, INPUT, _f8, INPUT_MATRIX, _f8, _f8, _f8, INPUT, INPUT, INPUT, INPUT, INPUT, _f8[::1]))
def add_daughters(  # type: ignore[no-untyped-def]
    parent, momentum, widest, number, mass, amount, angle, rest, rest_weight, nodes, weights, grid, out
):
    """Add daughters per sr, at an angle to the axis, to the nodes of a grid.

    Parameters
    ----------
    parent, momentum, widest, number
        A `Bundle`.
    mass : float
        Of the daughter [GeV].
    amount : float
        Daughters a parent.
    angle : float
        Of the direction that is looked at [rad].
    rest, rest_weight : float64[k]
        The daughter's momenta [GeV] in the rest frame, and their shares.
    nodes, weights : float64[l]
        A Gauss–Legendre rule for the angle of its direction there.
    grid : float64[g]
        Momenta [GeV], evenly spaced in their logarithm.
    out : float64[g]
        Daughters per sr.
    """
    turns = AZIMUTHS if angle > 0 else 1
    sine, cosine = math.sin(angle), math.cos(angle)
    per_log = nodes_per_log(grid)
    for i in range(momentum.size):
        energy = math.sqrt(momentum[i] ** 2 + parent**2)
        gamma, boost = energy / parent, momentum[i] / parent
        for k in range(rest.size):
            inner = math.sqrt(rest[k] ** 2 + mass**2)
            for j in range(nodes.size):
                # Even in the angle: near the axis, where a horn sends them, parents may be as many as 1/angle.
                inward = 0.5 * math.pi * (nodes[j] + 1)
                along = gamma * rest[k] * math.cos(inward) + boost * inner
                across = rest[k] * math.sin(inward)
                turn = math.atan2(across, along)
                density = 0.0
                for a in range(turns):
                    seen = turn
                    if angle > 0:
                        azimuth = math.pi * (a + 0.5) / turns
                        c = cosine * math.cos(turn) + sine * math.sin(turn) * math.cos(azimuth)
                        seen = math.acos(min(max(c, -1.0), 1.0))
                    density += at_angle(number, i, widest, seen)
                if density > 0:
                    weight = amount * rest_weight[k] * 0.25 * math.pi * math.sin(inward) * weights[j] * density / turns
                    share(math.sqrt(along**2 + across**2), weight, grid, per_log, out)


@kernel(types.void(_f8, INPUT, INPUT, _f8, _f8, _f8, _f8, INPUT, INPUT, INPUT, _f8[::1]))
def add_narrow(  # type: ignore[no-untyped-def]
    parent, momentum, number, mass, amount, rest, opening, nodes, weights, grid, out
):
    """Add daughters per sr, on average over a cone, of parents that all fly along its axis.

    Parameters
    ----------
    parent, mass : float
        Masses of the parent and of the daughter [GeV].
    momentum, number : float64[n]
        Of the parents [GeV].
    amount : float
        Daughters a parent.
    rest : float
        The daughter's momentum [GeV] in the rest frame.
    opening : float
        Half the angle of the cone [rad]; as wide as the detector, it keeps daughters that hardly leave their
        parents from being infinitely many per sr.
    nodes, weights : float64[l]
        A Gauss–Legendre rule for each of the ranges of directions that end in the cone.
    grid, out : float64[g]
        As for `add_daughters`.
    """
    inner, per_log = math.sqrt(rest**2 + mass**2), nodes_per_log(grid)
    per_sr = 1 / (4 * math.pi * math.sin(0.5 * opening) ** 2)
    for i in range(momentum.size):
        gamma, boost = math.sqrt((momentum[i] / parent) ** 2 + 1), momentum[i] / parent
        # Inside: rest² sin² < tan² (γ rest cos + γβ inner)², a parabola in the cosine.
        square = math.tan(opening) ** 2
        a, b = rest**2 * (1 + square * gamma**2), square * gamma * boost * rest * inner
        root = b * b - a * (square * (boost * inner) ** 2 - rest**2)
        forward, backward = -1.0, -1.0
        if root > 0:
            forward = max((math.sqrt(root) - b) / a, -1.0)
            if boost * inner > gamma * rest:  # also those that decay backwards go on forwards
                backward = max((-math.sqrt(root) - b) / a, -1.0)
        for low, high in ((forward, 1.0), (-1.0, backward)):
            for j in range(nodes.size):
                cosine = low + 0.5 * (high - low) * (nodes[j] + 1)
                along = gamma * rest * cosine + boost * inner
                p = math.sqrt(along**2 + rest**2 * (1 - cosine**2))
                share(p, amount * number[i] * 0.25 * (high - low) * weights[j] * per_sr, grid, per_log, out)


def daughters(
    bundle: Bundle,
    mass: float,
    rest: NDArray[np.float64],
    rest_weight: NDArray[np.float64],
    grid: NDArray[np.float64],
    angle: float = 0.0,
    directions: int = DIRECTIONS,
) -> NDArray[np.float64]:
    """Return the daughters per sr at the momenta of a grid, one a parent.

    Parameters
    ----------
    bundle
        The parents.
    mass
        Of the daughter [GeV].
    rest, rest_weight
        Its momenta [GeV] in the parent's rest frame, and their shares, shape (k,).
    grid
        Momenta [GeV], evenly spaced in their logarithm, shape (g,).
    angle
        Between the direction that is looked at and the axis [rad].
    directions
        Nodes for the direction in the parent's rest frame.
    """
    out = np.zeros(grid.size)
    rule = _rule(directions)
    parents = bundle.mass, bundle.momentum, bundle.widest, bundle.number
    add_daughters(*parents, mass, 1.0, angle, rest, rest_weight, *rule, grid, out)
    return out


def daughter_bundle(bundle: Bundle, mass: float, rest: float, amount: float, grid: NDArray[np.float64]) -> Bundle:
    """Return the daughters of two-body decays as parents themselves, `amount` a parent, on the same angles."""
    only, share_of = np.array([rest]), np.array([amount])
    angles = bundle_angles(bundle.widest, bundle.number.shape[1])
    columns = [daughters(bundle, mass, only, share_of, grid, float(angle)) for angle in angles]
    return Bundle(mass, grid, bundle.widest, np.ascontiguousarray(np.array(columns).T))


def narrow(
    parents: Parents, mass: float, rest: float, amount: float, opening: float, grid: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the daughters in the middle of a beam without spread, as `Parents.density` per area.

    Parameters
    ----------
    parents
        The beam; of its grid the trapezoidal rule is taken.
    mass, rest, amount
        Of the daughter [GeV], its momentum [GeV] in the rest frame, and how many there are a parent.
    opening
        Half the angle [rad] over which the average is taken.
    grid
        Momenta [GeV], evenly spaced in their logarithm.
    """
    steps = np.diff(parents.momentum)
    number = 0.5 * parents.density * (np.append(steps, 0.0) + np.insert(steps, 0, 0.0))
    out = np.zeros(grid.size)
    beam = parents.mass, parents.momentum, number
    add_narrow(*beam, mass, amount, rest, opening, *_rule(NARROW), grid, out)
    return out


def heavy_neutrinos(parents: Mapping[str, Bundle], mass: float, grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the heavy neutrinos per sr on the axis for unit |U_e|², |U_μ|² and |U_τ|², shape (3, len(grid)).

    Parameters
    ----------
    parents
        Bundles by name: ``pi``, ``K``, ``D``, ``Ds``, ``tau``.
    mass
        Of N [GeV].
    grid
        Momenta [GeV], evenly spaced in their logarithm.

    Notes
    -----
    N from M → l N, τ → hadron N and τ → l ν N, with unpolarised τ; M → hadron l N is left out.
    """
    ratios = production_ratios(mass)
    out = np.zeros((len(FLAVOURS), grid.size))
    for mode in _COUNTED:
        if mode.parent in parents and ratios[mode.name].any():
            momenta, shares = _rest_frame(mode, mass)
            directions = DIRECTIONS if momenta.size == 1 else THREE_BODY[0]
            found = daughters(parents[mode.parent], mass, momenta, shares, grid, directions=directions)
            out += np.multiply.outer(ratios[mode.name], found)
    return out


_COUNTED = tuple(mode for mode in modes() if mode.kind in (LEPTONIC, TAU_PSEUDOSCALAR, TAU_VECTOR, LEPTONS))


def _rest_frame(mode: Mode, mass: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Momenta [GeV] of N in the parent's rest frame, and their shares."""
    parent, lepton, hadron = MASS[mode.parent], MASS[mode.lepton], MASS[mode.hadron]
    if mode.kind != LEPTONS:
        other = lepton if mode.kind == LEPTONIC else hadron
        return np.array([two_body_momentum(parent, other, mass)]), np.ones(1)
    largest = two_body_momentum(parent, lepton, mass)
    nodes, weights = _rule(THREE_BODY[1])
    momenta = 0.5 * largest * (nodes + 1)
    energies = [math.hypot(p, mass) for p in momenta]
    on_parent = mode.flavours[FLAVOURS.index(mode.parent)] > 0
    shares = [
        w * p / e * leptons_spectrum(e, parent, lepton, mass, on_parent)
        for w, p, e in zip(weights, momenta, energies, strict=True)
    ]
    return momenta, np.array(shares) / math.fsum(shares)
