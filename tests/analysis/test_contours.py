"""Contours against closed forms, linear interpolation by hand, and the coverage of Feldman–Cousins intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from cubes import axis, cube, gaussian
from scipy import stats

from scanner.analysis.contours import Contour, critical_values
from scanner.analysis.surface import threshold
from scanner.errors import InputError

FINE = {"x": axis(np.linspace(-4, 4, 81), units="GeV"), "y": axis(np.geomspace(1e-4, 1e4, 81), "log", "eV^2")}
ROUND = gaussian(FINE, np.zeros(2), np.eye(2))


@pytest.fixture(scope="module")
def circle() -> xr.Dataset:
    """Δχ² is the squared distance from (0, 1) in x and log10 y."""
    return cube(FINE, {"a": ROUND}, chunk=50)


def own(contour: Contour, log: tuple[bool, bool]) -> list[np.ndarray]:
    """Curves in the axes' own scale."""
    return [
        np.stack([np.log10(c) if is_log else c for c, is_log in zip(line.T, log, strict=True)])
        for line in contour.lines
    ]


def test_a_circle(circle: xr.Dataset) -> None:
    found = circle.scan.contour(cl=[0.68, 0.90])
    assert [c.cl for c in found] == [0.68, 0.90]
    for contour in found:
        (line,) = own(contour, (False, True))
        assert contour.threshold == pytest.approx(stats.chi2.ppf(contour.cl, 2), rel=1e-12)
        np.testing.assert_allclose(np.hypot(*line), np.sqrt(contour.threshold), rtol=1e-3)
        assert contour.closed == (True,) and contour.lines[0].dtype == np.float64
        assert (contour.x, contour.y, contour.units) == ("x", "y", ("GeV", "eV^2"))
        assert line[0].max() > 0.99 * np.sqrt(contour.threshold) > -0.99 * np.sqrt(contour.threshold) > line[0].min()


def test_one_degree_of_freedom_and_swapped_axes(circle: xr.Dataset) -> None:
    (contour,) = circle.scan.contour("y", "x", cl=0.90, dof=1)
    (line,) = own(contour, (True, False))
    np.testing.assert_allclose(np.hypot(*line), 1.6449, rtol=1e-3)


def test_vertices_are_linear_interpolations_on_edges_of_the_grid() -> None:
    """In the axes' own scale; none next to a point that is not ok unless both ends of the edge are."""
    axes = {"x": axis(np.arange(7.0)), "y": axis(10 ** np.arange(6.0), "log")}
    values = np.random.default_rng(8).uniform(0, 9, (7, 6))
    values[3, 3] = values[5, 0] = np.nan
    dataset = cube(axes, {"a": values})
    delta, (contour,) = values - np.nanmin(values), dataset.scan.contour("x", "y", cl=0.90)
    level = threshold(0.90)
    expected = set()
    for i, j in np.ndindex(7, 6):
        for k, m in ((1, 0), (0, 1)):
            if i + k < 7 and j + m < 6 and (delta[i, j] - level) * (delta[i + k, j + m] - level) < 0:
                t = (level - delta[i, j]) / (delta[i + k, j + m] - delta[i, j])
                expected.add((round(i + k * t, 9), round(j + m * t, 9)))
    vertices = {(round(x, 9) + 0.0, round(y, 9) + 0.0) for line in own(contour, (False, True)) for x, y in line.T}
    diagonal = {(x, y) for x, y in vertices if x % 1 and y % 1}  # corners of squares with one bad point are cut
    assert vertices - diagonal <= expected and len(vertices - diagonal) > 0.8 * len(expected)
    for x, y in diagonal:
        assert (abs(x - 3) < 1 and abs(y - 3) < 1) or (abs(x - 5) < 1 and abs(y) < 1)


def test_a_contour_that_leaves_the_grid_is_open(circle: xr.Dataset) -> None:
    half = circle.isel(x=slice(45, None))
    (contour,) = half.scan.contour(cl=0.90)
    assert contour.closed == (False,)
    bad = ROUND.copy()
    bad[:, 50:] = np.nan
    (contour,) = cube(FINE, {"a": bad}).scan.contour(cl=0.90)
    assert contour.closed == (False,) and contour.lines[0][:, 1].max() <= FINE["y"].values[49] * (1 + 1e-12)


def test_nothing_is_drawn_where_nothing_is_excluded(circle: xr.Dataset) -> None:
    (contour,) = circle.isel(x=slice(38, 43), y=slice(38, 43)).scan.contour(cl=0.99)
    assert contour.lines == () and contour.closed == ()


def test_axes_left_are_found_and_others_fixed(circle: xr.Dataset) -> None:
    z = xr.DataArray([0.0, 1.0, 2.0], dims="z", attrs={"units": "1"})
    wide = (circle[["chi2"]] + z).assign_coords(z=z).transpose("experiment", "x", "y", "z").assign_attrs(circle.attrs)
    np.testing.assert_array_equal(wide.scan.contour(at={"z": 1})[0].lines[0], circle.scan.contour()[0].lines[0])
    with pytest.raises(InputError, match="name x and y"):
        wide.scan.contour()
    with pytest.raises(InputError, match="two values or more"):
        wide.isel(z=[0]).scan.contour("x", "z")


def toys(points: dict[str, Any], critical: Any, levels: tuple[float, ...] = (0.9,)) -> xr.Dataset:
    values = np.asarray(critical, dtype=float)
    coordinates = {"cl": list(levels), **{name: ("point", np.asarray(v, float)) for name, v in points.items()}}
    return xr.Dataset({"critical": (("point", "cl"), values.reshape(-1, len(levels)))}, coordinates)


def test_constant_critical_values_give_the_contour_of_their_threshold(circle: xr.Dataset) -> None:
    corners = {"x": [-4, -4, 4, 4], "y": [1e-4, 1e4, 1e-4, 1e4]}
    (fc,) = circle.scan.contour(method="feldman_cousins", toys=toys(corners, [threshold(0.9)] * 4))
    (wilks,) = circle.scan.contour()
    assert np.isnan(fc.threshold) and fc.closed == wilks.closed
    np.testing.assert_allclose(fc.lines[0], wilks.lines[0], rtol=1e-9)


def test_critical_values_are_interpolated_in_the_axes_own_scale_and_end_at_their_hull(circle: xr.Dataset) -> None:
    delta = circle.scan.profile("x", "y")
    inner = {"x": [-2, -2, 2, 2], "y": [1e-2, 1e2, 1e-2, 1e2]}
    x, y = np.meshgrid(FINE["x"].values, np.log10(FINE["y"].values), indexing="ij")
    found = critical_values(toys(inner, [1, 5, 3, 7]), delta, 0.9)  # 4 + x / 2 + log10 y
    inside = (abs(x) < 1.999) & (abs(y) < 1.999)
    np.testing.assert_allclose(found[inside], (4 + x / 2 + y)[inside], atol=1e-9)
    assert np.isnan(found[(abs(x) > 2.001) | (abs(y) > 2.001)]).all()
    along_y = critical_values(toys({"x": [1, 1, 1], "y": [1e2, 1e-2, 1]}, [3, 1, 2]), delta, 0.9)
    np.testing.assert_allclose(along_y[inside], (2 + y / 2)[inside], atol=1e-9)
    assert np.isnan(along_y[abs(y) > 2.001]).all()


def searches(amplitude: float, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Pseudo-experiments of a bump of some height in one of twenty bins of unit error: their bins, Δχ² at the truth.

    A height is not negative, and where there is none the bin has no meaning: Wilks' theorem does not hold.
    """
    bins = np.random.default_rng(seed).normal(size=(count, 20))
    bins[:, 7] += amplitude
    best = np.maximum(bins, 0).max(1) ** 2  # what the best height in the best bin gains
    return bins, (bins[:, 7] - amplitude) ** 2 - bins[:, 7] ** 2 + best


def test_feldman_cousins_covers_where_wilks_fails() -> None:
    axes = {"height": axis(np.linspace(0, 6, 25)), "bin": axis(np.arange(20.0))}
    (bins,), _ = searches(1.0, 1, seed=1)
    gains = (bins - axes["height"].values[:, None]) ** 2 - bins**2
    heights = [0, 0.5, 1, 1.5, 2, 3, 4, 6]
    critical = [np.quantile(searches(h, 4000, seed=10 + i)[1], 0.9) for i, h in enumerate(heights)]
    store = toys({"height": heights, "bin": [7] * len(heights)}, critical)
    dataset = cube(axes, {"a": gains})
    values = critical_values(store, dataset.scan.profile("height", "bin"), 0.9)
    assert critical[0] == pytest.approx(stats.norm.ppf(0.9 ** (1 / 20)) ** 2, rel=0.05)  # all bins below
    for truth in (0.0, 0.75, 1.25, 2.5):  # also between the heights of the store
        _, delta = searches(truth, 4000, seed=99)
        assert np.mean(delta <= values[round(truth * 4), 7]) == pytest.approx(0.9, abs=0.015)
    _, delta = searches(0.0, 4000, seed=98)
    assert np.mean(delta <= threshold(0.9)) == pytest.approx(stats.norm.cdf(np.sqrt(threshold(0.9))) ** 20, abs=0.02)
    assert np.mean(delta <= threshold(0.9)) < 0.8


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        ({"method": "bayes"}, "unknown"),
        ({"method": "feldman_cousins"}, "needed with method 'feldman_cousins'"),
        ({"toys": toys({"x": [0, 1]}, [1, 1])}, "not used with method 'wilks'"),
        ({"method": "feldman_cousins", "toys": toys({"x": [0, 1]}, [1, 1])}, "do not say their 'y'"),
        ({"method": "feldman_cousins", "toys": toys({"x": [0, 1], "y": [1, 2]}, [1, 1]), "cl": 0.8}, "no such level"),
        ({"method": "feldman_cousins", "toys": toys({"x": [0, 1], "y": [1, 2]}, [1, 1])}, "span no area"),
        ({"method": "feldman_cousins", "toys": toys({"x": [1, 1], "y": [1, 1]}, [1, 1])}, "two points or more"),
        (
            {"method": "feldman_cousins", "toys": toys({"x": [0, 1], "y": [1, 2]}, [np.nan, np.nan])},
            "no point has enough pseudo-experiments",
        ),
        ({"cl": 90}, "between 0 and 1"),
        ({"dof": 0}, "degrees of freedom"),
        ({"x": "z"}, "'z' is not an axis"),
    ],
)
def test_bad_requests(circle: xr.Dataset, arguments: dict[str, Any], fragment: str) -> None:
    with pytest.raises(InputError) as caught:
        circle.scan.contour(**arguments)
    assert fragment in str(caught.value)
