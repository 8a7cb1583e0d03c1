"""The Gaussian likelihood against numpy on the full, uneliminated covariance, and mpmath."""

from __future__ import annotations

from dataclasses import replace

import mpmath
import numpy as np
import pytest
from scipy import stats

from scanner.likelihoods.gaussian import LANES, GaussianFractional

RNG = np.random.default_rng(7)


def _case(bins: int, control: int) -> dict[str, np.ndarray]:
    size = 2 * bins + control
    root = RNG.normal(size=(size, size)) * 0.05
    return {
        "fractional": root @ root.T / size + 0.01 * np.eye(size) + 0.003,
        "background": RNG.uniform(50, 500, bins),
        "data": RNG.uniform(50, 600, bins),
        "control": RNG.uniform(1e3, 1e4, control),
        "control_data": RNG.uniform(1e3, 1e4, control),
    }


def _moments(case: dict[str, np.ndarray], signal: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance of the data from the definition: build M and collapse it."""
    bins, control = signal.size, case["control"].size
    p = np.concatenate([signal, case["background"], case["control"]])
    full = case["fractional"] * np.outer(p, p)
    full[:bins, :bins] += np.diag(signal)
    collapse = np.zeros((bins + control, p.size))
    collapse[:bins, :bins] = collapse[:bins, bins : 2 * bins] = np.eye(bins)
    collapse[bins:, 2 * bins :] = np.eye(control)
    return collapse @ p, collapse @ full @ collapse.T


def _brute_force(case: dict[str, np.ndarray], signal: np.ndarray) -> tuple[float, float]:
    """−2 ln L and rᵀM⁻¹r."""
    mean, covariance = _moments(case, signal)
    residual = np.concatenate([case["data"], case["control_data"]]) - mean
    square = residual @ np.linalg.solve(covariance, residual)
    return square + np.linalg.slogdet(covariance)[1], square


@pytest.mark.parametrize(("bins", "control"), [(1, 1), (3, 2), (11, 8), (22, 16)])
def test_against_the_full_covariance(bins: int, control: int) -> None:
    case = _case(bins, control)
    likelihood = GaussianFractional(**case)
    signal = RNG.uniform(0, 200, (37, bins))
    chi2, gof = np.empty(37), np.empty(37)
    likelihood(signal, chi2, gof)
    expected = np.array([_brute_force(case, s) for s in signal])
    np.testing.assert_allclose(chi2, expected[:, 0], rtol=1e-9)
    np.testing.assert_allclose(gof, expected[:, 1], rtol=1e-9)
    assert likelihood.number_of_data == bins + control


def test_without_the_determinant_chi2_is_the_square() -> None:
    """As the numbers say, and so do the words; pseudo-experiments are drawn alike and keep the choice."""
    case = _case(5, 3)
    whole, square = GaussianFractional(**case), GaussianFractional(**case, log_determinant=False)
    signal = RNG.uniform(0, 200, (20, 5))
    expected, chi2, gof = np.empty((3, 20))
    whole(signal, np.empty(20), expected)
    square(signal, chi2, gof)
    np.testing.assert_array_equal(chi2, expected)
    np.testing.assert_array_equal(gof, expected)
    np.testing.assert_allclose(chi2, [_brute_force(case, s)[1] for s in signal], rtol=1e-9)
    assert square.constant == 0.0 and whole.constant == pytest.approx(8 * np.log(2 * np.pi))
    assert "without ln det" in square.statistic and "+ ln det" in whole.statistic
    toys = [of.toy(signal[0], np.random.default_rng(2)) for of in (whole, square)]
    np.testing.assert_array_equal(toys[0].data, toys[1].data)
    toys[1](signal, chi2, gof)
    np.testing.assert_array_equal(chi2, gof)


def test_miniboone_without_signal_and_determinant() -> None:
    """31.802 in neutrino mode, the null of the fits of arXiv:2308.02543."""
    from scanner.experiments.miniboone import load

    likelihood = replace(load("miniboone_fhc").likelihood, log_determinant=False)
    chi2, gof = np.empty((2, 1))
    likelihood(np.zeros((1, 11)), chi2, gof)
    assert chi2[0] == pytest.approx(31.802, abs=1e-3)
    assert likelihood.number_of_data == 19


def test_against_fifty_digits() -> None:
    """MiniBooNE's own matrix at a random signal, with 50-digit arithmetic."""
    from scanner.experiments.miniboone import load

    likelihood = load("miniboone").likelihood
    case = {n: getattr(likelihood, n) for n in ("fractional", "background", "data", "control", "control_data")}
    signal = RNG.uniform(0, 80, (1, 22))
    chi2, gof = np.empty(1), np.empty(1)
    likelihood(signal, chi2, gof)
    with mpmath.workdps(50):
        p = [mpmath.mpf(x) for x in (*signal[0], *case["background"], *case["control"])]
        full = lambda i, j: mpmath.mpf(case["fractional"][i, j]) * p[i] * p[j]  # noqa: E731
        covariance = mpmath.matrix(38, 38)
        parts = [[i, 22 + i] for i in range(22)] + [[44 + i] for i in range(16)]
        for a in range(38):
            for b in range(38):
                covariance[a, b] = sum(full(i, j) for i in parts[a] for j in parts[b])
            if a < 22:
                covariance[a, a] += p[a]
        data = [*case["data"], *case["control_data"]]
        residual = mpmath.matrix([mpmath.mpf(d) - sum(p[i] for i in parts[a]) for a, d in enumerate(data)])
        square = (residual.T * mpmath.lu_solve(covariance, residual))[0]
        exact = square + mpmath.log(mpmath.det(covariance))
    assert chi2[0] == pytest.approx(float(exact), rel=1e-11)
    assert gof[0] == pytest.approx(float(square), rel=1e-11)


@pytest.mark.parametrize("points", [1, LANES - 1, LANES, LANES + 1, 3 * LANES + 5])
def test_a_point_is_the_same_bits_in_any_pack(points: int) -> None:
    case = _case(5, 3)
    likelihood = GaussianFractional(**case)
    signal = RNG.uniform(0, 200, (points, 5))
    together, alone = np.empty((2, points)), np.empty((2, points))
    likelihood(signal, *together)
    for i in range(points):
        likelihood(signal[i : i + 1], alone[0, i : i + 1], alone[1, i : i + 1])
    np.testing.assert_array_equal(together, alone)


def test_a_bad_point_does_not_spoil_its_neighbours() -> None:
    case = _case(5, 3)
    case["fractional"] = case["fractional"] * 1e-2
    likelihood = GaussianFractional(**case)
    signal = RNG.uniform(0, 200, (LANES, 5))
    good, mixed = np.empty((2, LANES)), np.empty((2, LANES))
    likelihood(signal, *good)
    bad = signal.copy()
    bad[3] = np.nan
    bad[5] = -150.0  # its statistical variance is negative, and no systematic one makes up for it
    likelihood(bad, *mixed)
    assert np.isnan(mixed[:, [3, 5]]).all()
    keep = [0, 1, 2, 4, 6, 7]
    np.testing.assert_array_equal(mixed[:, keep], good[:, keep])


def test_a_covariance_that_is_not_positive_gives_nan() -> None:
    case = _case(3, 2)
    case["fractional"][-1, -1] = -1.0
    chi2, gof = np.empty(1), np.empty(1)
    GaussianFractional(**case)(np.ones((1, 3)), chi2, gof)
    assert np.isnan(chi2[0]) and np.isnan(gof[0])


@pytest.mark.parametrize("name", ["miniboone_fhc", "miniboone"])
def test_pseudo_experiments_follow_the_covariance(name: str) -> None:
    """MiniBooNE's 19 data a beam, ν_μ included: each has its mean and variance, and rᵀM⁻¹r is a χ² at the truth."""
    from scanner.experiments.miniboone import load

    likelihood, rng, count = load(name).likelihood, np.random.default_rng(1), 1200
    signal = rng.uniform(5, 40, likelihood.background.size)
    toys = [likelihood.toy(signal, rng) for _ in range(count)]
    chi2, gof = np.empty((2, count))
    for i, toy in enumerate(toys):
        toy(signal[None], chi2[i : i + 1], gof[i : i + 1])
    assert stats.kstest(gof, stats.chi2(likelihood.number_of_data).cdf).pvalue > 0.01
    mean, covariance = _moments({n: getattr(likelihood, n) for n in ("fractional", "background", "control")}, signal)
    drawn = np.array([[*toy.data, *toy.control_data] for toy in toys])
    variance = covariance.diagonal()
    assert np.all(np.abs(drawn.mean(axis=0) - mean) < 4 * np.sqrt(variance / count))
    np.testing.assert_allclose(drawn.var(axis=0), variance, rtol=5 * np.sqrt(2 / count))


def test_pseudo_experiments_without_a_covariance_are_none() -> None:
    case = _case(3, 2)
    case["fractional"][-1, -1] = -1.0
    toy = GaussianFractional(**case).toy(np.ones(3), np.random.default_rng(1))
    assert np.isnan(toy.data).all() and np.isnan(toy.control_data).all()
