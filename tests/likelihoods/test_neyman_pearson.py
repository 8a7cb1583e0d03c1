"""The combined Neyman–Pearson χ² against its definition, on the full covariance and by numpy."""

from __future__ import annotations

import numpy as np
import pytest

from scanner.errors import InputError
from scanner.likelihoods.gaussian import LANES
from scanner.likelihoods.neyman_pearson import CombinedNeymanPearson, relative_variance

RNG = np.random.default_rng(11)


def case(bins: int, control: int, first: int) -> dict[str, np.ndarray | int]:
    size = bins + control
    root = RNG.normal(size=(size, size)) * 0.1
    data = RNG.poisson(RNG.uniform(0.5, 300, size)).astype(float)
    data[:: max(3, size // 4)] = 0
    return {
        "fractional": root @ root.T / size + 0.001 * np.eye(size) + 0.01,
        "background": RNG.uniform(2, 300, bins),
        "data": data[:bins],
        "control": RNG.uniform(2, 300, control),
        "control_data": data[bins:],
        "first": first,
    }


def written_out(of: dict[str, np.ndarray], signal: np.ndarray) -> float:
    n, mean = np.append(of["data"], of["control_data"]), np.append(of["background"] + signal, of["control"])
    variance = [mu / 2 if k == 0 else 3 / (1 / k + 2 / mu) for k, mu in zip(n, mean, strict=True)]
    return (n - mean) @ np.linalg.solve(of["fractional"] * np.outer(mean, mean) + np.diag(variance), n - mean)


def chi2(likelihood: CombinedNeymanPearson, signal: np.ndarray) -> np.ndarray:
    value, gof = np.empty((2, len(signal)))
    likelihood(signal, value, gof)
    np.testing.assert_array_equal(value, gof)
    return value


@pytest.mark.parametrize(("bins", "control", "first"), [(1, 1, 1), (6, 3, 4), (9, 0, 9), (12, 5, 5)])
def test_against_the_full_covariance(bins: int, control: int, first: int) -> None:
    of = case(bins, control, first)
    likelihood = CombinedNeymanPearson(**of)
    signal = RNG.uniform(-0.9, 2, (2 * LANES + 3, bins)) * of["background"]
    signal[::2, first:] = signal[0, first:]  # half of the points share their last bins
    np.testing.assert_allclose(chi2(likelihood, signal), [written_out(of, s) for s in signal], rtol=1e-9)
    assert likelihood.number_of_data == bins + control


def test_a_point_has_the_same_bits_in_any_company() -> None:
    of = case(12, 5, 5)
    likelihood = CombinedNeymanPearson(**of)
    signal = RNG.uniform(-0.5, 1, (40, 12)) * of["background"]
    signal[10:30, 5:] = signal[10, 5:]
    together, order = chi2(likelihood, signal), RNG.permutation(40)
    np.testing.assert_array_equal(chi2(likelihood, signal[order]), together[order])
    np.testing.assert_array_equal([chi2(likelihood, s[None])[0] for s in signal], together)


def test_it_is_a_third_of_neyman_and_two_of_pearson() -> None:
    """1903.07185, without systematic errors; and half of Pearson's with no data."""
    n, mean = np.array([3.0, 40.0, 17.0]), np.array([5.0, 33.0, 17.0])
    likelihood = CombinedNeymanPearson(np.zeros((3, 3)), mean, n, np.empty(0), np.empty(0), 3)
    neyman, pearson = np.sum((n - mean) ** 2 / n), np.sum((n - mean) ** 2 / mean)
    assert chi2(likelihood, np.zeros((1, 3)))[0] == pytest.approx((neyman + 2 * pearson) / 3, rel=1e-12)
    assert relative_variance(0.0, 8.0) * 64 == pytest.approx(4.0)
    assert relative_variance(8.0, 8.0) * 64 == pytest.approx(8.0)


def test_bins_without_signal_constrain_the_others() -> None:
    """The joint χ² is that of the control bins and that of the others, given them."""
    of = case(5, 4, 5)
    n, mean = np.append(of["data"], of["control_data"]), np.append(of["background"], of["control"])
    variance = [mu / 2 if k == 0 else 3 / (1 / k + 2 / mu) for k, mu in zip(n, mean, strict=True)]
    covariance = of["fractional"] * np.outer(mean, mean) + np.diag(variance)
    a, b = slice(0, 5), slice(5, 9)
    gain = covariance[a, b] @ np.linalg.inv(covariance[b, b])
    residual = (n - mean)[a] - gain @ (n - mean)[b]
    given = residual @ np.linalg.solve(covariance[a, a] - gain @ covariance[b, a], residual)
    own = (n - mean)[b] @ np.linalg.solve(covariance[b, b], (n - mean)[b])
    found = chi2(CombinedNeymanPearson(**of), np.zeros((1, 5)))[0]
    assert found == pytest.approx(own + given, rel=1e-10)


def test_pseudo_experiments_have_both_errors() -> None:
    of = case(3, 2, 3)
    of["background"], of["control"] = np.array([400.0, 900.0, 250.0]), np.array([700.0, 300.0])
    of["fractional"] = 0.01 * np.eye(5) + 0.004
    likelihood, generator = CombinedNeymanPearson(**of), np.random.default_rng(5)
    signal = np.array([-100.0, 50.0, 0.0])
    toys = [likelihood.toy(signal, generator) for _ in range(4000)]
    drawn = np.array([np.append(toy.data, toy.control_data) for toy in toys])
    mean = np.append(of["background"] + signal, of["control"])
    expected = of["fractional"] * np.outer(mean, mean) + np.diag(mean)
    scale = np.sqrt(np.diag(expected))
    np.testing.assert_allclose(drawn.mean(axis=0), mean, atol=4 * scale.max() / np.sqrt(4000))
    np.testing.assert_allclose(np.cov(drawn.T) / np.outer(scale, scale), expected / np.outer(scale, scale), atol=0.1)


def test_nothing_where_no_events_are_left() -> None:
    of = case(4, 2, 2)
    for empty in (0, 3):  # of the first bins, and of the last
        signal = np.zeros((2, 4))
        signal[1, empty] = -1.5 * of["background"][empty]
        assert np.isnan(chi2(CombinedNeymanPearson(**of), signal)).tolist() == [False, True]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"data": np.ones(3)}, "data"),
        ({"fractional": np.eye(5)}, "fractional"),
        ({"control": np.array([1.0, 0.0])}, "control"),
        ({"first": 5}, "first"),
        ({"fractional": -10 * np.eye(6)}, "fractional"),
    ],
)
def test_refusals(change: dict[str, object], where: str) -> None:
    with pytest.raises(InputError) as error:
        CombinedNeymanPearson(**case(4, 2, 2) | change)
    assert where in str(error.value)
