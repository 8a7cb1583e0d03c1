"""Gaussian bins with nuisance parameters against the covariance that they stand for."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from scanner.errors import InputError
from scanner.likelihoods.base import Pull
from scanner.likelihoods.gaussian_pulls import GaussianPulls
from scanner.likelihoods.pulls import best_pulls, combine, number_of_terms

RNG = np.random.default_rng(17)


def case(bins: int, nuisances: tuple[str, ...]) -> GaussianPulls:
    root, k = RNG.normal(size=(bins, bins)), len(nuisances)
    return GaussianPulls(
        data=RNG.uniform(80, 130, bins),
        background=RNG.uniform(70, 90, bins),
        covariance=root @ root.T + 9 * np.eye(bins),
        background_pulls=RNG.normal(0, 0.05, (bins, k)),
        signal_pulls=RNG.normal(0, 0.2, (bins, k)),
        nuisances=nuisances,
    )


def slopes(likelihood: GaussianPulls, signal: np.ndarray) -> np.ndarray:
    """Change of the prediction a standard deviation of each nuisance parameter, (bins, k)."""
    return likelihood.background[:, None] * likelihood.background_pulls + signal[:, None] * likelihood.signal_pulls


def evaluated(likelihood: GaussianPulls, signals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """−2 ln L and the terms, (points,) and (terms, points)."""
    chi2, gof = np.empty((2, len(signals)))
    out = np.empty((len(signals), number_of_terms(len(likelihood.nuisances))))
    likelihood(signals, chi2, gof)
    likelihood.pull_terms(signals, out)
    np.testing.assert_array_equal(chi2, gof)
    return chi2, out.T


@pytest.mark.parametrize("k", [0, 1, 3, 10])
def test_profile_is_that_of_the_whole_covariance(k: int) -> None:
    likelihood, signals = case(6, tuple(f"n{i}" for i in range(k))), RNG.uniform(0, 40, (5, 6))
    for chi2, signal in zip(evaluated(likelihood, signals)[0], signals, strict=True):
        a = slopes(likelihood, signal)
        residual = likelihood.data - likelihood.background - signal
        assert chi2 == pytest.approx(residual @ np.linalg.solve(likelihood.covariance + a @ a.T, residual), rel=1e-10)


def test_terms_are_the_likelihood_at_any_pull() -> None:
    likelihood, signal = case(5, ("x", "y", "z")), RNG.uniform(0, 40, 5)
    terms = evaluated(likelihood, signal[None])[1][:, 0]
    curvature = np.zeros((3, 3))
    curvature[np.triu_indices(3)] = terms[4:]
    curvature = curvature + np.triu(curvature, 1).T
    for pull in RNG.normal(0, 2, (6, 3)):
        residual = likelihood.data - likelihood.background - signal - slopes(likelihood, signal) @ pull
        exact = residual @ np.linalg.solve(likelihood.covariance, residual)
        assert terms[0] + terms[1:4] @ pull + 0.5 * pull @ curvature @ pull == pytest.approx(exact, rel=1e-10)


def test_a_sum_is_the_joint_covariance() -> None:
    """Two experiments with one cross section in common: their covariance has a block between them."""
    first, second = case(4, ("flux", "cross_section")), case(3, ("cross_section", "mass"))
    signals = RNG.uniform(0, 40, (6, 7))
    found_first, found_second = evaluated(first, signals[:, :4].copy()), evaluated(second, signals[:, 4:].copy())
    found = combine(
        {"first": found_first[0], "second": found_second[0]},
        {"first": first.nuisances, "second": second.nuisances},
        {"first": found_first[1], "second": found_second[1]},
    )
    for chi2, signal in zip(found, signals, strict=True):
        a = np.zeros((7, 3))  # flux, cross_section, mass
        a[:4, :2], a[4:, 1:] = slopes(first, signal[:4]), slopes(second, signal[4:])
        covariance = a @ a.T
        covariance[:4, :4] += first.covariance
        covariance[4:, 4:] += second.covariance
        residual = np.concatenate([x.data - x.background for x in (first, second)]) - signal
        assert chi2 == pytest.approx(residual @ np.linalg.solve(covariance, residual), rel=1e-10)


def test_best_pulls_are_where_the_slope_vanishes() -> None:
    first, second, signal = case(4, ("flux", "norm")), case(3, ("norm",)), np.array([12.0, 3.0, 8.0, 30.0])
    terms = {"a": evaluated(first, signal[None])[1][:, 0], "b": evaluated(second, signal[None, :3])[1][:, 0]}
    found = best_pulls({"a": first.nuisances, "b": second.nuisances}, terms)
    pulls, slope = np.array([found["flux"], found["norm"]]), np.zeros(2)
    for likelihood, own in ((first, slice(0, 2)), (second, slice(1, 2))):
        a, size = slopes(likelihood, signal[: likelihood.data.size]), likelihood.data.size
        residual = likelihood.data - likelihood.background - signal[:size] - a @ pulls[own]
        slope[own] -= 2 * a.T @ np.linalg.solve(likelihood.covariance, residual)
    np.testing.assert_allclose(slope + 2 * pulls, 0, atol=1e-10)


def test_the_constant_completes_the_density() -> None:
    likelihood, signal = case(4, ()), RNG.uniform(0, 40, 4)
    exact = -2 * stats.multivariate_normal(likelihood.background + signal, likelihood.covariance).logpdf(
        likelihood.data
    )
    assert evaluated(likelihood, signal[None])[0][0] + likelihood.constant == pytest.approx(exact, rel=1e-12)


def test_a_covariance_that_is_not_positive_gives_nan() -> None:
    likelihood = case(3, ("x",))
    broken = GaussianPulls(
        likelihood.data,
        likelihood.background,
        -likelihood.covariance,
        likelihood.background_pulls,
        likelihood.signal_pulls,
        ("x",),
    )
    assert np.isnan(evaluated(broken, np.ones((2, 3)))[0]).all()


def test_pseudo_experiments_follow_their_distribution() -> None:
    """At the truth −2 ln L is a χ² of as many degrees of freedom as data, whatever the true pulls are."""
    likelihood, signal, rng = case(5, ("x", "y")), RNG.uniform(0, 40, 5), np.random.default_rng(4)
    toys = [likelihood.toy(signal, rng) for _ in range(1500)]
    found = [evaluated(toy, signal[None])[0][0] for toy in toys]
    assert stats.kstest(found, stats.chi2(5).cdf).pvalue > 0.01
    a = slopes(likelihood, signal)
    weight = np.linalg.inv(likelihood.covariance)
    best = np.linalg.solve(
        a.T @ weight @ a + np.eye(2), a.T @ weight @ (likelihood.data - likelihood.background - signal)
    )
    centres, data = (np.array([getattr(toy, name) for toy in toys]) for name in ("centre", "data"))
    np.testing.assert_allclose(centres.mean(axis=0), best, atol=4 / math.sqrt(1500))
    np.testing.assert_allclose(data.mean(axis=0), likelihood.background + signal + a @ best, atol=0.5)


def test_shared_pseudo_experiments_are_drawn_together() -> None:
    """With one true and one measured value of what is shared, the joint −2 ln L is a χ² of all data."""
    pair = {"a": case(3, ("norm", "own")), "b": case(2, ("norm",))}
    signals = {"a": np.array([20.0, 5.0, 1.0]), "b": np.array([3.0, 9.0])}
    nuisances = {name: likelihood.nuisances for name, likelihood in pair.items()}
    real = {name: evaluated(likelihood, signals[name][None])[1][:, 0] for name, likelihood in pair.items()}
    best, rng, found = best_pulls(nuisances, real), np.random.default_rng(8), []
    for _ in range(800):
        pulls = {name: Pull(value, rng.normal(value)) for name, value in best.items()}
        toys = {name: evaluated(x.toy(signals[name], rng, pulls), signals[name][None]) for name, x in pair.items()}
        chi2, terms = ({name: toy[i] for name, toy in toys.items()} for i in (0, 1))
        found.append(combine(chi2, nuisances, terms)[0])
    assert stats.kstest(found, stats.chi2(5).cdf).pvalue > 0.01


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"covariance": np.eye(3)}, r"covariance: wrong shape\n  found: \(3, 3\)\n  allowed: \(2, 2\)"),
        ({"signal_pulls": np.ones((2, 2))}, "signal_pulls: wrong shape"),
        ({"nuisances": ("x", "x"), "background_pulls": np.ones((2, 2)), "signal_pulls": np.ones((2, 2))}, "one name"),
    ],
)
def test_what_does_not_fit_together_is_refused(change: dict, message: str) -> None:  # type: ignore[type-arg]
    good = {
        "data": np.ones(2),
        "background": np.ones(2),
        "covariance": np.eye(2),
        "background_pulls": np.ones((2, 1)),
        "signal_pulls": np.ones((2, 1)),
        "nuisances": ("x",),
    }
    with pytest.raises(InputError, match=message):
        GaussianPulls(**good | change)


@pytest.mark.parametrize("size", [1.0, 1e4, 1e8, 1e12])
@pytest.mark.parametrize("bins", [1, 2])
def test_a_huge_signal_that_is_pulled_away_costs_its_pull(bins: int, size: float) -> None:
    """A signal of any size and 10 % uncertain is 10 standard deviations: not what rounding leaves of its square."""
    likelihood = GaussianPulls(
        data=np.full(bins, 100.0),
        background=np.full(bins, 100.0),
        covariance=100.0 * np.eye(bins),
        background_pulls=np.full((bins, 2), (0.1, 0.0)),
        signal_pulls=np.full((bins, 2), (0.1, 0.0)),
        nuisances=("flux", "other"),
    )
    chi2, gof = np.empty((2, 1))
    likelihood(np.full((1, bins), size), chi2, gof)
    slope, pulled = 10.0 + 0.1 * size, bins * size * size / 100
    exact = pulled - (bins * size * slope / 100) ** 2 / (1 + bins * slope * slope / 100) if size < 1e5 else 100.0
    assert chi2[0] == pytest.approx(exact, rel=1e-4)


def test_a_sum_that_rounding_hides_is_no_number() -> None:
    likelihood, signals = case(2, ("x",)), np.array([[1.0, 1.0], [1e9, 1e9]])
    huge = GaussianPulls(
        likelihood.data,
        likelihood.background,
        likelihood.covariance,
        np.full((2, 1), 0.1),
        np.full((2, 1), 0.1),
        ("x",),
    )
    terms = np.empty((2, 3))
    huge.pull_terms(signals, terms)
    both = ("a", "b")
    found = combine(dict.fromkeys(both, np.zeros(2)), dict.fromkeys(both, ("x",)), dict.fromkeys(both, terms.T))
    assert np.isfinite(found[0]) and np.isnan(found[1])
