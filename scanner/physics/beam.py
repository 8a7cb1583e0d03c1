"""Two-body decays of a collinear beam of parents, seen at an angle: heavy neutrinos and light ones.

A parent of mass M, momentum P, that decays isotropically in its rest frame into a particle of mass m and
momentum p* is seen at the lab angle θ with

    dN/dΩ = Σ p² / (4π γ p* |p - β E cos θ|),

summed over the momenta p that solve E* = γ (E - β p cos θ): one for a light particle; for a heavy one two, or,
beyond the largest angle that it can reach, none.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from scanner.physics.heavy_neutrino_production import production_ratios, two_body_momentum
from scanner.physics.kernel import INPUT, kernel
from scanner.physics.particles import MASS
from scanner.physics.phase_space import gauss_legendre

_f8 = types.float64

NODES = 64
"""Of the integral over the parents' momentum."""

LEPTONS = ("e", "mu")
"""Leptons that pions and kaons decay into together with N; which is made through |U_a|² of the same flavour."""

_rule = functools.cache(gauss_legendre)


@kernel(_f8(_f8, _f8, _f8, _f8))
def light_energy(momentum, parent, rest_energy, cosine):  # type: ignore[no-untyped-def]
    """Lab energy [GeV] of a massless particle of energy `rest_energy` in the parent's rest frame."""
    energy = math.sqrt(momentum**2 + parent**2)
    # M E*/(E - P c), with the difference free of cancellation.
    sine2 = 1 - cosine**2
    return rest_energy * parent * (energy + momentum * cosine) / (parent**2 + momentum**2 * sine2)


@kernel(_f8(_f8, _f8, _f8, _f8))
def light_intensity(momentum, parent, rest_energy, cosine):  # type: ignore[no-untyped-def]
    """dN/dΩ [1/sr] of a massless particle, per decay."""
    return (light_energy(momentum, parent, rest_energy, cosine) / rest_energy) ** 2 / (4 * math.pi)


@kernel(types.UniTuple(_f8, 4)(_f8, _f8, _f8, _f8, _f8))
def heavy_momenta(momentum, parent, mass, rest_momentum, cosine):  # type: ignore[no-untyped-def]
    """Both lab momenta p [GeV] of a heavy particle and their dN/dΩ [1/sr]; an intensity of 0 where there is none.

    Parameters
    ----------
    momentum, parent : float
        Momentum and mass of the parent [GeV].
    mass, rest_momentum : float
        Of the particle, the momentum in the parent's rest frame [GeV].
    cosine : float
        Of the lab angle, positive.
    """
    energy = math.sqrt(momentum**2 + parent**2)
    gamma, beta = energy / parent, momentum / energy
    rest = math.sqrt(mass**2 + rest_momentum**2)
    # With E = E*/γ + β p c: a p² - 2 b p + d = 0.
    a = (parent**2 + momentum**2 * (1 - cosine**2)) / energy**2
    b = beta * cosine * rest / gamma
    # b² - a d, where d = m² - (E*/γ)², written so that it vanishes exactly at the largest angle.
    square = rest_momentum**2 / gamma**2 - mass**2 * beta**2 * (1 - cosine**2)
    if not square > 0:
        return 0.0, 0.0, 0.0, 0.0
    root = math.sqrt(square)
    upper, lower = (b + root) / a, (b - root) / a
    # |p - β E c| of either root is the same: half their distance times a.
    common = 4 * math.pi * gamma * rest_momentum * root
    return upper, upper**2 / common, max(lower, 0.0), lower**2 / common if lower > 0 else 0.0


@kernel(_f8(_f8, INPUT, INPUT))
def interpolate(x, xs, ys):  # type: ignore[no-untyped-def]
    """Straight line through the neighbours; 0 outside."""
    if not xs[0] <= x <= xs[-1]:
        return 0.0
    i = min(max(np.searchsorted(xs, x), 1), xs.size - 1)
    f = (x - xs[i - 1]) / (xs[i] - xs[i - 1])
    return (1 - f) * ys[i - 1] + f * ys[i]


@kernel(types.void(INPUT, INPUT, _f8, _f8, _f8, _f8, INPUT, INPUT, _f8[::1], _f8[::1]))
def _heavy_spectrum(  # type: ignore[no-untyped-def]
    grid, density, parent, mass, rest_momentum, cosine, nodes, weights, momentum, weight
):
    """Fill momenta and weights, of shape (2 nodes.size,); see `heavy_spectrum`."""
    momentum[:], weight[:] = 1.0, 0.0
    sine = math.sqrt(max(1 - cosine**2, 0.0))
    # Faster parents cannot reach the angle. There both roots meet, and dN/dΩ diverges like 1/cos φ below.
    largest = rest_momentum * parent / (mass * sine) if sine > 0 else np.inf
    scale = min(largest, 1e6 * grid[-1])
    if not scale > grid[0]:
        return
    low, high = math.asin(grid[0] / scale), math.asin(min(grid[-1] / scale, 1.0))
    for i in range(nodes.size):
        phi = low + 0.5 * (high - low) * (nodes[i] + 1)
        made = scale * math.sin(phi)
        measure = 0.5 * (high - low) * weights[i] * scale * math.cos(phi) * interpolate(made, grid, density)
        upper, above, lower, below = heavy_momenta(made, parent, mass, rest_momentum, cosine)
        if above > 0:
            momentum[2 * i], weight[2 * i] = upper, measure * above
        if below > 0:
            momentum[2 * i + 1], weight[2 * i + 1] = lower, measure * below


class Parents(NamedTuple):
    """Parents that decay on their way to a detector, as it sees them: all at one angle."""

    mass: float
    """[GeV]."""
    momentum: NDArray[np.float64]
    """[GeV], increasing, shape (n,)."""
    density: NDArray[np.float64]
    """Decays per GeV of momentum, and per area of detector and sr: times dN/dΩ, a flux per GeV; shape (n,)."""
    cosine: float
    """Of the angle between their momenta and the detector."""


def parents_of_light(
    energy: NDArray[np.float64], flux: NDArray[np.float64], parent: float, lepton: float, cosine: float, ratio: float
) -> Parents:
    """Return the parents whose decays into a lepton and a light neutrino make a flux.

    Parameters
    ----------
    energy, flux
        Of the neutrinos [GeV], increasing, and [per area and GeV], shape (n,). Energies that no parent
        slower than the one that makes the highest energy at this angle can give are left out.
    parent, lepton
        Masses [GeV].
    cosine
        Of the angle of the detector.
    ratio
        Branching ratio of the decay.
    """
    rest = two_body_momentum(parent, lepton, 0.0)
    sine = math.sqrt(max(1 - cosine**2, 0.0))
    fastest = parent * cosine / sine if sine > 0 else np.inf
    momentum = np.array([_parent_momentum(e, parent, rest, cosine, fastest) for e in energy])
    found = np.isfinite(momentum)
    momentum, flux = momentum[found], flux[found]
    density = [
        f * _slope(p, parent, rest, cosine) / (ratio * light_intensity(p, parent, rest, cosine))
        for p, f in zip(momentum, flux, strict=True)
    ]
    return Parents(parent, momentum, np.array(density), cosine)


def _parent_momentum(energy: float, parent: float, rest: float, cosine: float, fastest: float) -> float:
    """Return the momentum of the parent of a light neutrino, at most `fastest`; NaN if there is none."""
    low, high = 0.0, min(fastest, 1e6)
    if not light_energy(low, parent, rest, cosine) <= energy <= light_energy(high, parent, rest, cosine):
        return math.nan
    for _ in range(100):
        middle = 0.5 * (low + high)
        if light_energy(middle, parent, rest, cosine) < energy:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def _slope(momentum: float, parent: float, rest: float, cosine: float) -> float:
    """DE_ν/dP of a parent of momentum P."""
    energy = math.hypot(momentum, parent)
    return parent * rest * (cosine - momentum / energy) / (energy - momentum * cosine) ** 2


def heavy_spectrum(parents: Parents, mass: float, lepton: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the heavy neutrinos of two-body decays, parent → lepton N, if every parent decayed so.

    Parameters
    ----------
    parents
        The beam.
    mass, lepton
        Of N and of the lepton [GeV].

    Returns
    -------
    momentum, weight
        Momenta [GeV], and the fluxes that they stand for [as `Parents.density`, per area], shape (128,).
    """
    nodes, weights = _rule(NODES)
    momentum, weight = np.empty(2 * NODES), np.empty(2 * NODES)
    rest = two_body_momentum(parents.mass, lepton, mass)
    if not rest > 0:
        return np.ones(2 * NODES), np.zeros(2 * NODES)
    grid = parents.momentum, parents.density
    _heavy_spectrum(*grid, parents.mass, mass, rest, parents.cosine, nodes, weights, momentum, weight)
    return momentum, weight


def two_body_spectrum(parents: Mapping[str, Parents], mass: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the heavy neutrinos that all parents make in two-body decays, for unit |U_e|² and for unit |U_μ|².

    Parameters
    ----------
    parents
        Beams by the name of the parent in `heavy_neutrino_production.MODES`: ``pi``, ``K``, ``D``, ``Ds``.
    mass
        Of N [GeV].

    Returns
    -------
    momentum, weight
        Momenta [GeV], shape (n,), and the fluxes that they stand for [as `Parents.density`, per area], one row
        for each of LEPTONS, shape (2, n).
    """
    ratios = production_ratios(mass)
    momenta, weights = [], []
    for flavour, lepton in enumerate(LEPTONS):
        for name, beam in parents.items():
            momentum, weight = heavy_spectrum(beam, mass, MASS[lepton])
            row = np.zeros((len(LEPTONS), weight.size))
            row[flavour] = ratios[f"{name}->{lepton} N"][flavour] * weight
            momenta.append(momentum)
            weights.append(row)
    return np.concatenate(momenta), np.concatenate(weights, axis=1)


def rescaled_spectrum(
    energy: NDArray[np.float64], flux: NDArray[np.float64], mass: float, ratio: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return heavy neutrinos as if they had the energies of the light ones, if every parent decayed so.

    This is what recasts do that know a neutrino flux alone, φ_N(E) = φ_ν(E) for equal branching ratios: it
    falls short of `heavy_spectrum` the more, the heavier N is, and serves to compare with them.

    Parameters
    ----------
    energy, flux, ratio
        As for `parents_of_light`.
    mass
        Of N [GeV].

    Returns
    -------
    momentum, weight
        As from `heavy_spectrum`, shape (64,).
    """
    if not energy[-1] > mass:
        return np.ones(NODES), np.zeros(NODES)
    nodes, weights = _rule(NODES)
    low, high = math.acosh(max(energy[0] / mass, 1.0)), math.acosh(energy[-1] / mass)
    rapidities = [low + 0.5 * (high - low) * (x + 1) for x in nodes]
    momentum = np.array([mass * math.sinh(y) for y in rapidities])
    density = np.array([interpolate(mass * math.cosh(y), energy, flux) for y in rapidities])
    return momentum, 0.5 * (high - low) * weights * momentum * density / ratio
