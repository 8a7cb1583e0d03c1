"""Numbers and spins of N in a bundle of parents: four-vectors, a Monte Carlo, and the limits."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest

from scanner.experiments.fermilab import booster
from scanner.physics.bundle import Bundle, heavy_neutrinos, momentum_grid
from scanner.physics.heavy_neutrino_production import production_ratios, two_body_momentum
from scanner.physics.particles import MASS
from scanner.physics.polarised_bundle import NUMBER, SPIN, polarised_neutrinos, two_body_polarisation

GRID = momentum_grid(0.05, 8.0, 48)


@functools.cache
def beam() -> dict[str, Bundle]:
    return dict(booster(541.0, 78.5))


@pytest.mark.parametrize("lepton", ["e", "mu"])
@pytest.mark.parametrize("mass", [0.0, 0.05, 0.2, 0.3, 0.38])
def test_polarisation_is_that_of_the_trace(lepton: str, mass: float) -> None:
    """M⁺ → l⁺ N: Σ|amplitude|² ∝ L_μν Q^μ Q^ν with n = p - m s for the left-handed N of spin s."""
    if mass == 0:
        assert two_body_polarisation(MASS["K"], MASS[lepton], 0.0) == pytest.approx(-1)
        return
    M, m_l, p = MASS["K"], MASS[lepton], two_body_momentum(MASS["K"], MASS[lepton], mass)
    Q = np.array([M, 0, 0, 0])
    lepton_momentum = np.array([math.hypot(p, m_l), 0, 0, -p])

    def rate(spin: float) -> float:
        energy = math.hypot(p, mass)
        n = np.array([energy, 0, 0, p]) - mass * spin * np.array([p, 0, 0, energy]) / mass
        metric = np.array([1, -1, -1, -1])
        dot = lambda a, b: float((metric * a * b).sum())  # noqa: E731
        return 2 * dot(n, Q) * dot(lepton_momentum, Q) - dot(Q, Q) * dot(n, lepton_momentum)

    expected = (rate(1) - rate(-1)) / (rate(1) + rate(-1))
    assert two_body_polarisation(M, m_l, mass) == pytest.approx(expected, rel=1e-9)
    assert abs(expected) <= 1 and two_body_polarisation(M, m_l, 0.5) == 0


@pytest.mark.parametrize("mass", [0.02, 0.15, 0.3])
def test_numbers_are_those_of_the_unpolarised_bundle(mass: float) -> None:
    made = polarised_neutrinos(beam(), mass, GRID)
    expected = heavy_neutrinos(beam(), mass, GRID)[:2]
    np.testing.assert_allclose(made[NUMBER].sum(axis=1), expected.sum(axis=1), rtol=1e-2)
    assert (np.abs(made[SPIN]) <= made[NUMBER] * (1 + 1e-9)).all()


def test_light_neutrinos_are_left_handed() -> None:
    number, spin = polarised_neutrinos(beam(), 1e-7, GRID)[:, 1]
    np.testing.assert_allclose(spin, -number, rtol=1e-6)


def test_against_a_monte_carlo_of_four_vectors() -> None:
    """K⁺ of one momentum, as many per sr in all directions within 1: number and spin of N near the axis."""
    mass, parent, momentum, widest, cone = 0.25, MASS["K"], 1.2, 1.0, 0.3
    bundle = Bundle(parent, np.array([momentum]), widest, np.ones((1, 9)))
    grid = momentum_grid(0.05, 2.0, 12)
    ratio = production_ratios(mass)["K->mu N"][1]
    number, spin = polarised_neutrinos({"K": bundle}, mass, grid)[:, 1] / ratio

    rng, count = np.random.default_rng(5), 1_000_000
    p, E = two_body_momentum(parent, MASS["mu"], mass), math.hypot(two_body_momentum(parent, MASS["mu"], mass), mass)
    gamma, boost = math.hypot(momentum / parent, 1), momentum / parent
    cosine = 1 - (1 - math.cos(widest)) * rng.random(count)
    flight = np.array([np.sqrt(1 - cosine**2), np.zeros(count), cosine])
    inner = 2 * rng.random(count) - 1
    phi = 2 * math.pi * rng.random(count)
    sine = np.sqrt(1 - inner**2)
    unit = np.array([sine * np.cos(phi), sine * np.sin(phi), inner])

    def boosted(energy: float, vector: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        along = (vector * flight).sum(0)
        return gamma * energy + boost * along, vector + ((gamma - 1) * along + boost * energy) * flight

    energy, vector = boosted(E, p * unit)
    time, space = boosted(p / mass, E / mass * unit)  # the vector of helicity 1 in the rest frame of the kaon
    size = np.sqrt((vector**2).sum(0))
    # Along the lab's own, (p, E p̂)/m.
    turned = ((space * vector).sum(0) * energy / size - time * size) / mass
    near = vector[2] > size * math.cos(cone)
    per_sr = (1 - math.cos(widest)) / (1 - math.cos(cone)) / count
    polarisation = two_body_polarisation(parent, MASS["mu"], mass)
    # As anywhere near the axis, shared between nodes so that the number and Σ 1/p stay, as the bundle does.
    i = np.clip(np.searchsorted(grid, size[near]) - 1, 0, grid.size - 2)
    f = (1 / grid[i] - 1 / size[near]) / (1 / grid[i] - 1 / grid[i + 1])
    expected, spins = np.zeros(grid.size), np.zeros(grid.size)
    for node, share in ((i, 1 - f), (i + 1, f)):
        np.add.at(expected, node, share * per_sr)
        np.add.at(spins, node, share * per_sr * polarisation * turned[near])
    assert near.sum() > 30_000
    scale = expected.max()
    assert np.abs(number - expected).max() < 0.02 * scale
    assert np.abs(spin - spins).max() < 0.02 * scale
    # Both those that were sent back, and those that were sent forwards.
    assert (spins / np.maximum(expected, 1e-9 * scale))[expected > 0.01 * scale].min() < -0.3 * polarisation
    assert (spins / np.maximum(expected, 1e-9 * scale))[expected > 0.01 * scale].max() > 0.3 * polarisation
