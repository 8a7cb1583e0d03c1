"""The Poisson likelihood against minimisation by scipy and closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import optimize, special, stats

from scanner.likelihoods.poisson import Poisson

RNG = np.random.default_rng(11)


def deviance(likelihood: Poisson, *signals: list[float]) -> np.ndarray:
    chi2, gof = np.empty(len(signals)), np.empty(len(signals))
    likelihood(np.array(signals, dtype=float), chi2, gof)
    np.testing.assert_array_equal(chi2, gof)
    return chi2


def brute_force(likelihood: Poisson, signal: np.ndarray) -> float:
    """Minimise over all nuisance parameters at once."""
    n, b, db = likelihood.data, likelihood.background, likelihood.background_error
    assert db is not None

    def cost(x: np.ndarray) -> float:
        beta = np.where(db > 0, x[1:], b)
        mu = signal * math.exp(likelihood.signal_error * x[0]) + beta
        pulls = np.divide(beta - b, db, out=np.zeros_like(b), where=db > 0)
        return float(2 * np.sum(mu - n + special.xlogy(n, n / mu)) + np.sum(pulls**2) + x[0] ** 2)

    bounds = [(-30, 30)] + [(1e-12, None)] * n.size
    starts = [np.concatenate([[t], np.maximum(b, 1e-6)]) for t in (0.0, -3.0)]
    return min(optimize.minimize(cost, x, bounds=bounds, tol=1e-14).fun for x in starts)


@pytest.mark.parametrize("seed", range(12))
def test_profile_is_the_minimum(seed: int) -> None:
    rng = np.random.default_rng(seed)
    bins = int(rng.integers(1, 5))
    background = rng.uniform(0.1, 8, bins)
    data = rng.poisson(background + rng.uniform(0, 5)).astype(float) * (seed % 3 > 0)
    likelihood = Poisson(data, background, background * rng.uniform(0.1, 0.8), 0.15 * (seed % 2) + 0.05)
    signal = rng.uniform(0, 6, bins)
    assert deviance(likelihood, list(signal))[0] == pytest.approx(brute_force(likelihood, signal), abs=2e-6)


def test_nothing_expected_nothing_seen_is_2n() -> None:
    """The zero-background counting limit: 2.303 events at Δχ² = 2 ln 10."""
    likelihood = Poisson(np.zeros(2), np.zeros(2))
    found = deviance(likelihood, [1.0, 1.302585092994046], [0.0, 0.0])
    assert found[0] - found[1] == pytest.approx(2 * math.log(10), rel=1e-14)


def test_uncertain_efficiency_softens_a_limit_but_never_removes_it() -> None:
    firm, soft = Poisson(np.zeros(1), np.ones(1)), Poisson(np.zeros(1), np.ones(1), signal_error=0.15)
    signals = [[0.0], [2.3], [1e2], [1e4]]
    hard, easy = deviance(firm, *signals), deviance(soft, *signals)
    assert easy[0] == hard[0]
    assert np.all(easy[1:] < hard[1:])
    assert np.all(np.diff(easy) > 0)
    assert easy[1] == pytest.approx(hard[1], rel=0.06)


def test_deviance_and_constant_make_the_probability() -> None:
    data, background = np.array([0.0, 1.0, 7.0]), np.array([0.4, 1.9, 3.0])
    likelihood = Poisson(data, background)
    signal = np.array([0.3, 0.0, 2.5])
    exact = -2 * stats.poisson.logpmf(data, background + signal).sum()
    assert deviance(likelihood, list(signal))[0] + likelihood.constant == pytest.approx(exact, rel=1e-12)


def test_perfect_fit_is_zero() -> None:
    likelihood = Poisson(np.array([3.0, 5.0]), np.array([1.0, 2.0]), np.array([0.5, 0.0]), 0.1)
    assert deviance(likelihood, [2.0, 3.0])[0] == pytest.approx(0.0, abs=1e-13)


def test_many_counts_and_no_signal_at_all() -> None:
    likelihood = Poisson(np.array([2000.0]), np.array([50.0]), np.array([5.0]), 0.3)
    found = deviance(likelihood, [0.0], [1950.0], [1e6])
    assert found[1] == pytest.approx(0.0, abs=1e-10)
    np.testing.assert_allclose(found[[0, 2]], [brute_force(likelihood, np.array([s])) for s in (0.0, 1e6)], rtol=1e-6)


def test_events_where_none_can_be_are_impossible() -> None:
    assert deviance(Poisson(np.ones(1), np.zeros(1)), [0.0])[0] == math.inf


def test_background_cannot_become_negative() -> None:
    """Data far below the signal: the best background is zero, not less."""
    likelihood = Poisson(np.array([1.0]), np.array([2.0]), np.array([10.0]))
    expected = 2 * (50 - 1 - math.log(50)) + 0.04
    assert deviance(likelihood, [50.0])[0] == pytest.approx(expected, rel=1e-12)
