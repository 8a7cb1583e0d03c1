"""The Poisson likelihood against minimisation by scipy and closed forms."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize, special, stats

from scanner.errors import InputError
from scanner.likelihoods.base import Pull
from scanner.likelihoods.poisson import Poisson
from scanner.likelihoods.pulls import combine

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
        return float(2 * np.sum(mu - n + special.xlogy(n, n / mu)) + np.sum(pulls**2) + (x[0] - likelihood.centre) ** 2)

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


@pytest.mark.parametrize("size", [1e-3, 1.0, 300.0, 1e5])
def test_large_uncertain_backgrounds(size: float) -> None:
    """A background that takes a signal up makes the deviance flat in θ, where Newton's steps must not get stuck."""
    background = np.array([4.0, 6e4, 2e3])
    likelihood = Poisson(background, background, np.array([2.0, 1.4e4, 5e2]), 0.2)
    signal = size * np.array([0.02, 1.0, 0.3])
    grid = np.linspace(-80, 10, 1801)
    nearest = grid[np.argmin([fixed(likelihood, signal, x) + x * x for x in grid])]
    best = optimize.minimize_scalar(
        lambda x: fixed(likelihood, signal, x) + x * x, bounds=(nearest - 0.1, nearest + 0.1), method="bounded"
    )
    assert deviance(likelihood, signal) == pytest.approx(best.fun, rel=1e-6, abs=1e-8)


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


def terms(likelihood: Poisson, *signals: list[float]) -> np.ndarray:
    out = np.empty((len(signals), 3))
    likelihood.pull_terms(np.array(signals, dtype=float), out)
    return out


SEARCHES = {
    "some seen": Poisson(np.array([3.0, 0.0]), np.array([1.0, 2.0]), np.array([0.4, 0.0]), 0.3, "flux"),
    "none seen": Poisson(np.zeros(2), np.array([0.5, 0.0]), np.array([0.4, 0.0]), 0.3, "flux"),
    "no background": Poisson(np.array([1.0, 4.0]), np.zeros(2), None, 0.15, "flux"),
    "excess": Poisson(np.array([100.0, 3.0]), np.array([50.0, 1.0]), np.array([2.0, 5.0]), 0.3, "flux"),
    "no error": Poisson(np.array([1.0, 0.0]), np.array([0.5, 0.1]), None, 0.0, "flux"),
}
SIGNALS = [[0.01, 0.02], [0.3, 1.1], [2.0, 2.3], [30.0, 8.0], [1e3, 4e4], [7e13, 1e3]]


@pytest.mark.parametrize("name", SEARCHES)
def test_terms_and_penalty_give_the_profile(name: str) -> None:
    likelihood = SEARCHES[name]
    assert likelihood.nuisances == ("flux",)
    value, slope, curvature = terms(likelihood, *SIGNALS).T
    alone = value - 0.5 * slope**2 / (curvature + 2)
    np.testing.assert_allclose(alone, deviance(likelihood, *SIGNALS), rtol=1e-9, atol=1e-11)
    assert np.all(curvature >= 0)


def fixed(likelihood: Poisson, signal: list[float], theta: float) -> float:
    """Deviance at one θ, without its penalty."""
    scaled = [s * math.exp(likelihood.signal_error * theta) for s in signal]
    firm = Poisson(likelihood.data, likelihood.background, likelihood.background_error)
    return float(deviance(firm, scaled)[0])


@pytest.mark.parametrize("name", ["some seen", "none seen", "no background"])
@pytest.mark.parametrize("signal", SIGNALS[:4])
def test_terms_are_the_derivatives_at_the_best_fit(name: str, signal: list[float]) -> None:
    likelihood = SEARCHES[name]
    value, slope, curvature = terms(likelihood, signal)[0]
    best, h = -slope / (curvature + 2), 1e-3
    below, here, above = (fixed(likelihood, signal, best + d) for d in (-h, 0.0, h))
    assert value + best * (slope + 0.5 * curvature * best) == pytest.approx(here, rel=1e-9)
    assert slope + curvature * best == pytest.approx((above - below) / (2 * h), rel=1e-5, abs=1e-6)
    assert curvature == pytest.approx(max((above - 2 * here + below) / h**2, 0.0), rel=1e-4, abs=1e-6)


def test_a_negative_curvature_is_none() -> None:
    """Far more seen than expected: the deviance is concave in θ, and must not make a sum of many so."""
    likelihood, signal, h = SEARCHES["excess"], [3.0, 0.0], 1e-3
    _value, slope, curvature = terms(likelihood, signal)[0]
    best = -slope / 2
    concave = [fixed(likelihood, signal, best + d) for d in (-h, 0.0, h)]
    assert (concave[0] - 2 * concave[1] + concave[2]) / h**2 < -0.1
    assert curvature == 0
    names = [f"x{i}" for i in range(20)]
    many = combine(
        {n: deviance(likelihood, signal) for n in names},
        dict.fromkeys(names, ("flux",)),
        {n: terms(likelihood, signal).T for n in names},
    )
    assert np.isfinite(many).all()


@pytest.mark.parametrize(
    ("signals", "accuracy"),
    [(([0.5, 0.1], [0.4, 0.7]), 1e-3), (([1.0, 1.0], [1.5, 1.0]), 4e-3), (([2.0, 2.0], [4.0, 4.0]), 0.06)],
)
def test_a_sum_is_near_the_joint_fit(signals: tuple[list[float], list[float]], accuracy: float) -> None:
    """Second order about each experiment's own θ, against all bins in one likelihood, at Δχ² of 1.2, 4.6 and 13."""
    pair = SEARCHES["some seen"], SEARCHES["none seen"]
    parts = [np.concatenate([getattr(x, n) for x in pair]) for n in ("data", "background", "background_error")]
    exact = deviance(Poisson(*parts, signal_error=0.3), signals[0] + signals[1])[0]
    found = combine(
        {n: deviance(x, s) for n, x, s in zip("ab", pair, signals, strict=True)},
        {"a": ("flux",), "b": ("flux",)},
        {n: terms(x, s).T for n, x, s in zip("ab", pair, signals, strict=True)},
    )[0]
    apart = sum(deviance(x, s)[0] for x, s in zip(pair, signals, strict=True))
    assert found == pytest.approx(exact, abs=accuracy)
    assert abs(found - exact) < 0.06 * abs(apart - exact)


def test_a_measured_common_factor() -> None:
    """As a pseudo-experiment has it, with backgrounds measured to be negative too."""
    likelihood = Poisson(np.array([3.0, 1.0]), np.array([1.0, -0.2]), np.array([0.4, 0.5]), 0.3, "flux", 1.7)
    signal = np.array([2.0, 1.4])
    expected = brute_force(likelihood, signal)
    assert deviance(likelihood, list(signal))[0] == pytest.approx(expected, abs=2e-6)
    value, slope, curvature = terms(likelihood, list(signal))[0]
    assert value - 0.5 * slope**2 / (curvature + 2) == pytest.approx(expected, abs=2e-6)


def test_pseudo_experiments_are_drawn_about_the_best_fit() -> None:
    """Counts, backgrounds and the common factor, about what scipy finds to fit the data best."""
    likelihood, signal = SEARCHES["some seen"], np.array([2.0, 0.7])
    n, b = likelihood.data, np.array([1.0, 2.0])

    def cost(x: np.ndarray) -> float:
        mu = signal * math.exp(0.3 * x[0]) + [x[1], 2.0]
        return float(2 * np.sum(mu - n * np.log(mu)) + ((x[1] - 1) / 0.4) ** 2 + x[0] ** 2)

    theta, background = optimize.minimize(cost, [0.0, 1.0], tol=1e-12).x
    rng = np.random.default_rng(2)
    toys = [likelihood.toy(signal, rng) for _ in range(4000)]
    mean = signal * math.exp(0.3 * theta) + [background, 2.0]
    sample = np.array([[*t.data, *t.background, t.centre] for t in toys])
    expected = np.array([*mean, background, b[1], theta])
    spread = np.array([*np.sqrt(mean), 0.4, 0.0, 1.0])
    assert np.all(np.abs(sample.mean(axis=0) - expected) <= 4 * spread / math.sqrt(4000) + 1e-6)
    np.testing.assert_allclose(sample.std(axis=0), spread, rtol=0.06)
    assert np.array_equal(sample[:, :2], np.round(sample[:, :2]))


def test_pseudo_experiments_follow_their_distribution() -> None:
    """Of many counts the deviance at the truth is a χ² of as many degrees of freedom as bins."""
    likelihood = Poisson(np.array([420.0, 300.0]), np.array([350.0, 210.0]), np.array([30.0, 20.0]), 0.1)
    rng, signal = np.random.default_rng(12), np.array([60.0, 80.0])
    found = [deviance(likelihood.toy(signal, rng), list(signal))[0] for _ in range(2000)]
    assert stats.kstest(found, stats.chi2(2).cdf).pvalue > 0.01


def test_a_seed_fixes_a_pseudo_experiment() -> None:
    likelihood, signal = SEARCHES["some seen"], np.array([2.0, 0.7])
    first, second = (likelihood.toy(signal, np.random.default_rng(9)) for _ in range(2))
    assert np.array_equal(first.data, second.data) and first.centre == second.centre
    alone = likelihood.toy(signal, np.random.default_rng(9), {"another": Pull(1.0, 2.0)})
    assert np.array_equal(first.data, alone.data) and first.centre == alone.centre


def test_a_shared_factor_is_given() -> None:
    """The same true and measured values to all that share it: counts follow the one, the penalty the other."""
    likelihood, signal = SEARCHES["no background"], np.array([200.0, 700.0])
    pull, rng = Pull(value=-10.0, centre=-9.0), np.random.default_rng(9)
    toys = [likelihood.toy(signal, rng, {"flux": pull}) for _ in range(400)]
    assert {toy.centre for toy in toys} == {-9.0}
    mean = signal * math.exp(-0.15 * 10)
    assert np.all(np.abs(np.mean([toy.data for toy in toys], axis=0) - mean) < 4 * np.sqrt(mean / 400))


@pytest.mark.parametrize("signal", [[1.0, math.nan], [1.0, -1.0], [1.0, 1e16], [1.0]])
def test_pseudo_experiments_need_a_signal(signal: list[float]) -> None:
    with pytest.raises(InputError, match="pseudo-experiment"):
        SEARCHES["some seen"].toy(np.array(signal), np.random.default_rng(1))


def test_counts_are_totals() -> None:
    assert SEARCHES["some seen"].counts == {"observed": 3.0, "background": 3.0}


@pytest.mark.parametrize("signal", [1e-3, 40.0, 400.0, 4e4])
@pytest.mark.parametrize(("data", "background", "error"), [(2840.0, 2840.0, 284.0), (3000.0, 2840.0, 100.0)])
def test_thousands_of_counts_and_a_signal_uncertain_by_two(
    signal: float, data: float, background: float, error: float
) -> None:
    """Newton's steps alone, with a bound for the curvature, are too short here."""
    likelihood = Poisson(np.array([data]), np.array([background]), np.array([error]), math.log(2))
    fixed = replace(likelihood, signal_error=0.0)

    def cost(theta: float) -> float:
        return float(deviance(fixed, [signal * 2**theta])[0]) + theta**2

    grid = np.linspace(-25, 15, 2001)
    best = grid[np.argmin([cost(theta) for theta in grid])]
    found = optimize.minimize_scalar(cost, bounds=(best - 0.03, best + 0.03), method="bounded", options={"xatol": 1e-9})
    assert deviance(likelihood, [signal])[0] == pytest.approx(found.fun, abs=1e-6)
