"""Best fits on the grid and off it, against Gaussians whose minimum and covariance are known."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from cubes import axis, cube, gaussian

from scanner.errors import InputError

SIGMA = np.array([0.1, 1, 0.3, 2, 0.05])
MEAN = np.array([-2.03, 0.17, 5.21, 30.3, 1.017])
ROOT = np.random.default_rng(1).normal(size=(5, 5))
CORRELATED = ROOT @ ROOT.T + 0.3 * np.eye(5)
CORRELATION = CORRELATED / np.sqrt(np.outer(np.diag(CORRELATED), np.diag(CORRELATED)))
COVARIANCE = CORRELATION * np.outer(SIGMA, SIGMA)


@pytest.fixture(scope="module")
def five() -> xr.Dataset:
    """Two experiments whose sum is a correlated Gaussian in five axes, the first of them logarithmic."""
    grids = [np.linspace(m - 3.1 * s, m + 2.9 * s, n) for m, s, n in zip(MEAN, SIGMA, (9, 8, 7, 10, 8), strict=True)]
    axes = {name: axis(x, units="GeV") for name, x in zip("bcde", grids[1:], strict=True)}
    axes = {"a": axis(10 ** grids[0], "log", "eV^2"), **axes}
    chi2 = gaussian(axes, MEAN, COVARIANCE) + 123.456
    return cube(axes, {"x": 0.25 * chi2, "y": 0.75 * chi2}, chunk=5)


def test_the_grid_minimum(five: xr.Dataset) -> None:
    summed = five.chi2.values.sum(0)
    index = np.unravel_index(summed.argmin(), summed.shape)
    best = five.scan.best_fit()
    assert best.chi2 == summed.min() and best.experiments == ("x", "y") and best.on_edge == ()
    assert best.point == {n: float(five[n][i]) for n, i in zip("abcde", index, strict=True)}
    assert best.errors is None and best.covariance is None


def test_a_correlated_gaussian_in_five_axes_to_a_millionth(five: xr.Dataset) -> None:
    best = five.scan.best_fit(refine=True)
    assert best.chi2 == pytest.approx(123.456, abs=1e-6) and best.on_edge == ()
    found = np.array([np.log10(best.point["a"]), *(best.point[n] for n in "bcde")])
    np.testing.assert_allclose((found - MEAN) / SIGMA, 0, atol=1e-6)
    assert best.scaled_covariance is not None and best.covariance is not None and best.errors is not None
    np.testing.assert_allclose(best.scaled_covariance / np.outer(SIGMA, SIGMA), CORRELATION, atol=1e-6)
    assert best.scaled_covariance.attrs["scale"] == {"a": "log10", **dict.fromkeys("bcde", "linear")}
    slopes = np.array([best.point["a"] * np.log(10), 1, 1, 1, 1])  # d a = a ln 10 d log10 a
    np.testing.assert_allclose(best.covariance, COVARIANCE * np.outer(slopes, slopes), rtol=1e-5)
    np.testing.assert_allclose(list(best.errors.values()), slopes * SIGMA, rtol=1e-6)
    assert list(best.errors) == list(best.covariance.parameter.values) == list("abcde")


def test_the_box_follows_a_minimum_far_from_the_grid_minimum() -> None:
    """Along a valley narrower than the grid the lowest grid point can lie many steps from the minimum."""
    axes = {"p": axis(np.linspace(0, 10, 31)), "q": axis(np.linspace(0, 10, 29))}
    covariance = np.array([[9.0, 8.99], [8.99, 9.0]])
    mean = np.array([6.11, 6.31])
    dataset = cube(axes, {"a": gaussian(axes, mean, covariance)})
    grid, best = dataset.scan.best_fit(), dataset.scan.best_fit(refine=True)
    assert abs(grid.point["p"] - mean[0]) > 3 * 10 / 30
    np.testing.assert_allclose(list(best.point.values()), mean, atol=1e-6)
    np.testing.assert_allclose(best.covariance, covariance, rtol=1e-6)


def test_a_minimum_beyond_the_axis_stays_at_its_end() -> None:
    axes = {"p": axis(np.linspace(1, 5, 9)), "q": axis(np.linspace(0, 4, 9))}
    covariance = np.array([[1.0, 0.5], [0.5, 1.0]])
    dataset = cube(axes, {"a": gaussian(axes, np.array([0.2, 2.1]), covariance)})
    best = dataset.scan.best_fit(refine=True)
    q = 2.1 + 0.5 * (1 - 0.2)  # the regression line of q on p, at the end of p
    assert best.on_edge == ("p",) and dataset.scan.best_fit().on_edge == ("p",)
    assert best.point["p"] == 1 and best.point["q"] == pytest.approx(q, abs=1e-6)
    assert best.chi2 == pytest.approx(0.8**2, abs=1e-6)
    assert best.errors is not None
    assert np.isnan(best.errors["p"]) and best.errors["q"] == pytest.approx(np.sqrt(0.75), rel=1e-6)


def test_a_box_without_the_points_that_are_not_ok() -> None:
    axes = {"p": axis(np.linspace(0, 10, 21)), "q": axis(np.linspace(0, 10, 21))}
    chi2 = gaussian(axes, np.array([5.1, 4.8]), np.diag([4.0, 1.0]))
    chi2[13:] = np.nan
    chi2[:, 8] = np.nan
    best = cube(axes, {"a": chi2}).scan.best_fit(refine=True)
    np.testing.assert_allclose(list(best.point.values()), [5.1, 4.8], atol=1e-6)
    np.testing.assert_allclose(best.covariance, np.diag([4.0, 1.0]), atol=1e-6)


def test_a_minimum_at_points_that_are_not_ok_is_on_an_edge() -> None:
    axes = {"p": axis(np.linspace(0, 10, 21)), "q": axis(np.linspace(0, 10, 21))}
    chi2 = gaussian(axes, np.array([5.1, 4.8]), np.diag([4.0, 1.0]))
    chi2[9:] = np.nan
    best = cube(axes, {"a": chi2}).scan.best_fit(refine=True)
    assert best.on_edge == ("p",) and best.point["p"] == 4
    assert best.point["q"] == pytest.approx(4.8, abs=1e-6)


def test_too_few_points_that_are_ok() -> None:
    axes = {"p": axis(np.linspace(0, 10, 21)), "q": axis(np.linspace(0, 10, 21))}
    chi2 = gaussian(axes, np.array([5.1, 4.8]), np.diag([4.0, 1.0]))
    chi2[9:12:2] = np.nan
    with pytest.raises(InputError, match=r"too few points around the minimum .*\n.*5.0.*\n.*finer grid"):
        cube(axes, {"a": chi2}).scan.best_fit(refine=True)
    with pytest.raises(InputError, match="no axis has the values"):
        cube(axes, {"a": chi2}).isel(p=slice(3), q=slice(2)).scan.best_fit(refine=True)


def test_a_cliff_is_too_coarse_for_a_spline() -> None:
    """A plateau that falls off within one grid step: a cubic spline would dive below it."""
    axes = {"p": axis(np.linspace(0, 10, 11)), "q": axis(np.linspace(0, 10, 11))}
    chi2 = gaussian(axes, np.array([5.1, 4.8]), np.diag([4.0, 1.0]))
    chi2[8:] += 1e4
    best = cube(axes, {"a": chi2}).scan.best_fit(refine=True)  # the smaller box does not reach it
    assert best.point["p"] == pytest.approx(5.1, abs=1e-6)
    chi2[6:] += 1e4
    with pytest.raises(InputError, match=r"too coarse around the minimum(.|\n)*up to 0.1\n.*finer grid"):
        cube(axes, {"a": chi2}).scan.best_fit(refine=True)


def test_axes_of_few_values_and_idle_ones_stay_on_the_grid() -> None:
    axes = {"p": axis(np.linspace(0, 10, 11)), "q": axis([0, 1, 2.0]), "r": axis(np.arange(5.0)), "s": axis([3.0])}
    chi2 = gaussian({n: axes[n] for n in "pq"}, np.array([5.1, 0.8]), np.array([[4, 1], [1, 1.0]]))[..., None, None]
    best = cube(axes, {"a": chi2}, {"a": {"axes": ["p", "q"]}}).scan.best_fit(refine=True)
    assert best.point == {"p": pytest.approx(5.1 + 0.2, abs=1e-6), "q": 1.0, "r": 0.0, "s": 3.0}
    assert best.errors == {"p": pytest.approx(np.sqrt(3), rel=1e-6)}


def test_no_covariance_where_nothing_bends() -> None:
    axes = {"p": axis(np.linspace(0, 10, 11)), "q": axis(np.linspace(0, 10, 11))}
    best = cube(axes, {"a": (axes["p"].values[:, None] - 5.2) ** 2}).scan.best_fit(refine=True)
    assert best.point["p"] == pytest.approx(5.2, abs=1e-6) and best.chi2 == pytest.approx(0, abs=1e-6)
    assert best.covariance is not None and bool(np.isnan(best.covariance).all())


def test_nothing_computed_is_an_error(five: xr.Dataset) -> None:
    with pytest.raises(InputError, match="no point of this surface"):
        five.where(False).assign_attrs(five.attrs).scan.best_fit()
