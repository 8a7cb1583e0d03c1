"""Averages over L/E against quadrature and 50 digits."""

from __future__ import annotations

import itertools
import math

import mpmath as mp
import numpy as np
import pytest
import scipy.integrate

from scanner.physics.averages import averaged_interference, averaged_levels, interference_loss
from scanner.physics.oscillation import averaged_sin_squared


@pytest.mark.parametrize(("mean", "sigma"), [(1.0, 0.05), (0.7, 0.1), (3.0, 1e-3)])
@pytest.mark.parametrize(("q", "d"), [(0.3, 0.0), (0.3, 0.2), (0.0, 1.5), (9.0, 2.0), (-4.0, 0.7)])
def test_loss_is_an_average_over_a_normal_distribution(q: float, d: float, mean: float, sigma: float) -> None:
    def integrand(z: float) -> float:
        x = mean + sigma * z
        return (1 - math.exp(-2 * d * x) * math.cos(2 * q * x)) / 2 * math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)

    expected = scipy.integrate.quad(integrand, -10, 10, limit=500, epsabs=1e-13, epsrel=1e-12)[0]
    assert interference_loss(q, d, mean, sigma**2) == pytest.approx(expected, rel=1e-10, abs=1e-12)


@pytest.mark.parametrize(("q", "d"), [(1e-6, 0.0), (1e-6, 1e-9), (0.0, 1e-12), (0.5, 1e-3)])
def test_small_losses_keep_their_relative_precision(q: float, d: float) -> None:
    mean, variance = 0.8, 1e-3
    with mp.workdps(50):
        z = 2 * (mp.mpf(d) + 1j * mp.mpf(q))
        expected = (1 - mp.re(mp.exp(-z * mp.mpf(mean) + z**2 * mp.mpf(variance) / 2))) / 2
    assert interference_loss(q, d, mean, variance) == pytest.approx(float(expected), rel=1e-13, abs=0)


def test_without_width_it_is_the_average_of_sin_squared_bit_for_bit() -> None:
    rng = np.random.default_rng(1)
    bins, weight = rng.integers(0, 3, 50), rng.uniform(0, 2, 50)
    mean, variance, dm2 = rng.uniform(0.2, 3, 50), rng.uniform(0, 1e-2, 50), 10 ** rng.uniform(-3, 2, 40)
    found, expected, written = (np.full((40, 3), 7.0) for _ in range(3))
    averaged_interference(1.27, dm2, np.zeros(40), bins, weight, mean, variance, found)
    averaged_sin_squared(1.27, dm2, bins, weight, mean, variance, expected)
    assert np.array_equal(found, expected)
    for node, k in enumerate(1.27 * dm2):
        loss = np.sin(k * mean) ** 2 * np.exp(-2 * k**2 * variance) - np.expm1(-2 * k**2 * variance) / 2
        written[node] = np.bincount(bins, weight * loss, minlength=3)
    np.testing.assert_allclose(found, written, rtol=1e-13)


def _levels(cells: int, number: int, total: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    coefficients = rng.normal(size=(cells, number)) + 1j * rng.normal(size=(cells, number))
    coefficients[:, 0] += total - coefficients.sum(axis=1)
    return coefficients, rng.uniform(-3, 3, (cells, number))


@pytest.mark.parametrize(("number", "total"), list(itertools.product([2, 3, 7], [0.0, 1.0])))
def test_levels_are_the_square_of_the_amplitude(number: int, total: float) -> None:
    k, weight, mean = 1.27, np.array([1.0, 2.0, 0.5, 1.0]), np.array([0.3, 1.0, 2.0, 0.7])
    bins, out, fast = np.array([1, 0, 1, 0]), np.empty(2), np.empty(2)
    coefficients, levels = _levels(4, number, total, seed=number)
    averaged_levels(k, coefficients, levels, bins, weight, mean, np.zeros(4), 1e3, out, fast)
    amplitude = (coefficients * np.exp(-2j * k * levels * mean[:, None])).sum(axis=1)
    expected = np.bincount(bins, weight * (abs(amplitude) ** 2 - total))
    np.testing.assert_allclose(out, expected, rtol=1e-12)
    assert (fast == 0).all()


def test_levels_are_averaged_over_a_normal_distribution() -> None:
    k, mean, sigma = 1.27, 1.3, 0.2
    coefficients, levels = _levels(1, 4, 1.0, seed=8)

    def integrand(z: float) -> float:
        amplitude = (coefficients[0] * np.exp(-2j * k * levels[0] * (mean + sigma * z))).sum()
        return float((abs(amplitude) ** 2 - 1) * math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi))

    out, fast = np.empty(1), np.empty(1)
    arrays = (np.zeros(1, np.int64), np.ones(1), np.array([mean]), np.array([sigma**2]))
    averaged_levels(k, coefficients, levels, *arrays, 1e3, out, fast)
    assert out[0] == pytest.approx(scipy.integrate.quad(integrand, -10, 10, limit=500)[0], rel=1e-9)


def test_what_oscillates_too_fast_is_counted() -> None:
    coefficients, levels = np.array([[-0.1, 0.06, 0.04j + 0.04]]), np.array([[0.0, 1.0, 50.0]])
    coefficients[0, 0] = -coefficients[0, 1:].sum()
    arrays = (np.zeros(1, np.int64), np.array([3.0]), np.array([1.0]), np.zeros(1))
    out, fast = np.empty(1), np.empty(1)
    averaged_levels(1.27, coefficients, levels, *arrays, 10.0, out, fast)
    slow = coefficients[0, 0] + coefficients[0, 1] * np.exp(-2.54j)
    quick = abs(coefficients[0, 2])
    assert fast[0] == pytest.approx(3 * quick * (2 * abs(slow) + quick), rel=1e-12)
    averaged_levels(1.27, coefficients, levels, *arrays, 50.0, out, fast)
    assert fast[0] == 0


def test_what_oscillates_too_fast_is_the_transition_where_hardly_anything_mixes() -> None:
    """Of P_eμ far above a resonance: amplitudes −½ and ½ cancel, and all of P ~ 1e-6 is fast, not 1e-3."""
    small = 1e-3
    coefficients, levels = np.array([[-0.5, 0.5 - small, small]], complex), np.array([[0.0, 1e-3, 500.0]])
    arrays = (np.zeros(1, np.int64), np.ones(1), np.array([0.5]), np.array([0.01]))
    out, fast = np.empty(1), np.empty(1)
    averaged_levels(1.27, coefficients, levels, *arrays, 100.0, out, fast)
    assert 0.5 * out[0] < fast[0] < 5 * out[0] < 2e-5
