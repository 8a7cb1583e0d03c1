"""Posteriors against Gaussian integrals and against sums written out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from cubes import axis, cube, gaussian
from scipy import stats

from scanner.errors import InputError


def test_a_gaussian_is_marginalised_to_a_gaussian() -> None:
    """A sum of correlated Gaussians with large −2 ln L, in a logarithmic and a linear axis."""
    axes = {"x": axis(np.geomspace(1e-5, 1e5, 101), "log"), "y": axis(np.linspace(-8, 8, 81))}
    covariance = np.array([[1.0, 0.7], [0.7, 1.5]])
    dataset = cube(axes, {"a": gaussian(axes, np.zeros(2), covariance) + 1e5}, chunk=30)
    x = np.linspace(-5, 5, 101)
    found = dataset.scan.marginalise("x")
    np.testing.assert_allclose(found, stats.norm.pdf(x), atol=1e-6)
    assert found.attrs["not_ok"] == 0 and found.dims == ("x",)
    both = dataset.scan.marginalise("y", "x")
    assert both.dims == ("y", "x")
    expected = stats.multivariate_normal([0, 0], covariance[::-1, ::-1]).pdf(
        np.stack(np.meshgrid(np.linspace(-8, 8, 81), x, indexing="ij"), -1)
    )
    np.testing.assert_allclose(both, expected, atol=1e-6)
    flat = dataset.scan.marginalise("x", priors={"x": "flat", "y": "flat"})  # 10^x turns the mean by ln 10
    shifted = stats.norm(np.log(10), 1).pdf(x)
    np.testing.assert_allclose(flat, shifted / np.trapezoid(shifted, x), rtol=1e-5, atol=1e-12)


def test_priors_by_hand_and_points_that_are_not_ok() -> None:
    p, q = np.array([1.0, 10, 100, 1000]), np.array([1.0, 2, 4])
    chi2 = np.random.default_rng(4).uniform(0, 6, (4, 3, 1)) + 50
    chi2[1, 2] = chi2[3, :] = np.nan
    axes = {"p": axis(p, "log"), "q": axis(q), "r": axis([5.0])}
    dataset = cube(axes, {"a": chi2}, chunk=2)
    priors = {"p": [1, 2, 3, 4], "q": "log"}
    found = dataset.scan.marginalise("p", priors=priors)
    weight = np.outer([0.5, 1, 1, 0.5] * np.array([1, 2, 3, 4.0]), [0.5, 1.5, 1] / q)
    volume = np.where(np.isnan(chi2[..., 0]), 0, weight * np.exp(-chi2[..., 0] / 2))
    expected = volume.sum(1) / [0.5, 1, 1, 0.5] / volume.sum()
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    assert found.attrs["not_ok"] == pytest.approx(weight[np.isnan(chi2[..., 0])].sum() / weight.sum(), rel=1e-12)
    assert found.values[3] == 0 and found.attrs["priors"] == {"p": "given", "q": "log"}
    np.testing.assert_allclose(found, dataset.chunk(p=4, q=1).scan.marginalise("p", priors=priors), rtol=1e-12)


def test_axes_that_nothing_depends_on_do_not_matter() -> None:
    axes = {"p": axis(np.linspace(0, 1, 5)), "q": axis(np.linspace(1, 2, 7))}
    chi2 = np.random.default_rng(5).uniform(0, 6, (5, 1))
    dataset = cube(axes, {"a": chi2}, {"a": {"axes": ["p"]}})
    found = dataset.scan.marginalise("p")
    np.testing.assert_allclose(found, dataset.isel(q=[0]).scan.marginalise("p"), rtol=1e-12)
    np.testing.assert_allclose(found.integrate("p"), 1, rtol=1e-12)
    np.testing.assert_allclose(dataset.scan.marginalise("q"), np.ones(7), rtol=1e-12)


@pytest.mark.parametrize(
    ("keep", "priors", "fragment"),
    [
        ((), {}, "name the axes to keep"),
        (("x",), {}, "'x' is not an axis"),
        (("p",), {"x": "flat"}, "'x' is not an axis"),
        (("p",), {"p": "gauss"}, "priors.p: unknown prior"),
        (("p",), {"p": ["flat"] * 4}, "priors.p: expected a density at each value"),
        (("p",), {"p": [1, 2]}, "a density at each value"),
        (("p",), {"p": [1, -2, 1]}, "none negative"),
        (("p",), {"p": [0, 0, 0]}, "not all zero"),
        (("p",), {"p": "log"}, "above 0"),
        (("p",), {"p": [0, 0, 1]}, "no point has a posterior"),
    ],
)
def test_bad_requests(keep: tuple[str, ...], priors: dict[str, Any], fragment: str) -> None:
    dataset = cube({"p": axis([0, 1, 2.0]), "q": axis([1, 2.0])}, {"a": np.array([[1, 2], [3, 4], [np.nan, np.nan]])})
    with pytest.raises(InputError) as caught:
        dataset.scan.marginalise(*keep, priors=priors)
    assert fragment in str(caught.value)
