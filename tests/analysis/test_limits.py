"""Limits against closed forms, published numbers, and a search along each row by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from cubes import axis, cube
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from scanner.analysis.limits import SAME, most_events
from scanner.analysis.surface import threshold
from scanner.errors import InputError


def test_a_parabola_has_its_two_sided_interval() -> None:
    """Exactly so where the threshold is met on grid points; else to the grid's resolution."""
    mass, coupling = np.array([1.0, 2, 3]), np.geomspace(1e-8, 1, 801)
    centre = np.array([-3.0, -4, -5])[:, None]
    axes = {"m": axis(mass, units="GeV"), "u": axis(coupling, "log", "1")}
    dataset = cube(axes, {"a": ((np.log10(coupling) - centre) / 0.3) ** 2}, chunk=200)
    for cl, dof in ((0.90, 1), (0.95, 2)):
        found = dataset.scan.limit("u", "m", cl=cl, dof=dof)
        half = 0.3 * np.sqrt(stats.chi2.ppf(cl, dof))
        np.testing.assert_allclose(np.log10(found.upper), centre[:, 0] + half, atol=1e-4)
        np.testing.assert_allclose(np.log10(found.lower), centre[:, 0] - half, atol=1e-4)
        np.testing.assert_allclose(np.log10(found.best), centre[:, 0], atol=1e-2)
        assert np.isnan(found.excluded_to).all() and found.m.attrs["units"] == "GeV"
        assert found.attrs["threshold"] == pytest.approx(stats.chi2.ppf(cl, dof), rel=1e-12)
    single = dataset.scan.limit("u", at={"m": 2})
    assert single.upper.dims == () and float(np.log10(single.upper)) == pytest.approx(-4 + 0.3 * 1.64485, abs=1e-4)
    assert single.attrs["fixed"] == {"m": 2.0}


def test_a_closed_region_has_an_upper_side() -> None:
    """Signal that decays before the detector: excluded between two couplings, allowed on both sides."""
    u = np.geomspace(1e-13, 1, 1301)
    events = 1e9 * u * np.exp(-u / 1e-5)
    dataset = cube({"u": axis(u, "log")}, {"a": 2 * events})
    found = dataset.scan.limit("u")
    assert np.isnan(found.lower)
    for value in (float(found.upper), float(found.excluded_to)):
        assert 2 * np.interp(value, u, events) == pytest.approx(threshold(0.9, 1), rel=0.05)
    assert float(found.upper) < 1e-8 and 1e-4 < float(found.excluded_to) < 1e-3


def test_the_global_and_the_local_reference() -> None:
    """Relative to the global minimum a row can be excluded altogether; a raster always allows its own minimum."""
    x = np.linspace(-5, 5, 101)
    dataset = cube({"m": axis([1, 2.0]), "u": axis(x)}, {"a": np.stack([x**2 + 100, x**2 + 104])})
    found, raster = dataset.scan.limit("u", "m"), dataset.scan.limit("u", "m", reference="local")
    assert np.isnan(found.upper[1]) and float(found.minimum[1]) == 4
    np.testing.assert_array_equal(raster.upper, found.upper[[0, 0]])
    np.testing.assert_array_equal(raster.minimum, [0, 0])


def by_hand(x: np.ndarray, row: np.ndarray, level: float) -> list[float]:
    """Lower and upper end and the end of the excluded interval above, walking along a row point by point."""
    good = [i for i in range(x.size) if not np.isnan(row[i])]
    if not good or min(row[good]) >= level:
        return [np.nan] * 3
    first = min(i for i in good if row[i] <= min(row[good]) + SAME)
    if row[first] >= level:
        return [np.nan] * 3

    def walk(i: int, step: int, inside: Any) -> tuple[float, int]:
        while True:
            j = i + step
            if not 0 <= j < x.size or np.isnan(row[j]):
                return np.nan, -1
            if not inside(row[j]):
                return x[i] + (x[j] - x[i]) * (level - row[i]) / (row[j] - row[i]), j
            i = j

    lower, _ = walk(first, -1, lambda v: v < level)
    upper, after = walk(first, 1, lambda v: v < level)
    beyond = walk(after, 1, lambda v: v >= level)[0] if after > 0 else np.nan
    return [lower, upper, beyond]


def test_the_best_value_lies_in_the_interval_that_is_reported() -> None:
    """Beyond points that are not ok there may be as good a one, in another interval."""
    dataset = cube({"u": axis(np.arange(6.0))}, {"a": np.array([9, 0.0005, 1, np.nan, 0, 1])})
    found = dataset.scan.limit("u")
    assert (float(found.best), np.isnan(found.upper)) == (1, True) and 0 < float(found.lower) < 1


VALUES = st.one_of(st.floats(0, 12), st.sampled_from([0.0, 0.0005, 9.0, np.nan]))


@settings(max_examples=80, deadline=None)
@given(arrays(float, st.tuples(st.integers(1, 3), st.integers(1, 9)), elements=VALUES), st.booleans())
def test_limits_are_those_of_a_walk_along_the_row(values: np.ndarray, local: bool) -> None:
    values[0, 0] = 1.0
    x = np.linspace(0, 2, values.shape[1]) ** 2
    dataset = cube({"m": axis(np.arange(1.0, len(values) + 1)), "u": axis(x)}, {"a": values})
    found = dataset.scan.limit("u", "m", cl=0.95, reference="local" if local else "global")
    lowest = np.where(np.isnan(values), np.inf, values).min(1, keepdims=True) if local else np.nanmin(values)
    with np.errstate(invalid="ignore"):
        rows = values - np.where(np.isinf(lowest), 0, lowest)
    expected = np.array([by_hand(x, row, found.attrs["threshold"]) for row in rows])
    np.testing.assert_allclose(np.stack([found.lower, found.upper, found.excluded_to], -1), expected, atol=1e-12)


@pytest.mark.parametrize(("n", "limit"), [*enumerate((2.30, 3.89, 5.32, 6.68, 7.99, 9.27))])
def test_published_poisson_limits(n: int, limit: float) -> None:
    """Classical 90 % upper limits without background: the table of statistics in the Review of Particle Physics."""
    assert most_events(n, 0, 0.90, "poisson") == pytest.approx(limit, abs=0.005)
    assert most_events(n, 0, 0.90, "cls") == pytest.approx(limit, abs=0.005)


def test_counts_have_the_stated_probability() -> None:
    for n, b in ((0, 0), (3, 1.2), (10, 7.5)):
        s = most_events(n, b, 0.95, "poisson")
        assert stats.poisson.cdf(n, b + s) == pytest.approx(0.05, rel=1e-9)
        s = most_events(n, b, 0.95, "cls")
        assert stats.poisson.cdf(n, b + s) / stats.poisson.cdf(n, b) == pytest.approx(0.05, rel=1e-9)
    assert most_events(0, 4.0, 0.90, "cls") == pytest.approx(np.log(10), rel=1e-9)  # of any background
    with pytest.raises(InputError, match="too small for a number"):
        most_events(0, 800.0, 0.90, "cls")
    with pytest.raises(InputError, match="0 events where 4 are expected exclude every signal"):
        most_events(0, 4.0, 0.90, "poisson")


MASS, COUPLING = np.array([1.0, 2, 4]), np.linspace(0, 2, 201)
COUNTS = {"a": {"counts": {"observed": 3, "background": 1.0}}, "b": {"counts": {"observed": 0, "background": 0.5}}}


def counting(facts: dict[str, Any] = COUNTS, **extra: Any) -> xr.Dataset:
    """Two counts whose signal is 4 m u and 2 m u events."""
    signal = np.stack([4 * np.outer(MASS, COUPLING), 2 * np.outer(MASS, COUPLING)])
    axes = {"m": axis(MASS, units="GeV"), "u": axis(COUPLING)}
    return cube(axes, {"a": signal[0], "b": signal[1]}, facts, events=signal, **extra)


def test_counts_are_added_into_one() -> None:
    dataset = counting()
    one = dataset.scan.limit("u", "m", method="poisson", experiments=["a"])
    np.testing.assert_allclose(one.upper, most_events(3, 1, 0.90, "poisson") / (4 * MASS), rtol=1e-9)
    assert np.isnan(one.lower).all() and one.attrs["threshold"] == pytest.approx(6.68 - 1, abs=0.005)
    both = dataset.scan.limit("u", "m", method="cls", cl=0.95)
    np.testing.assert_allclose(both.upper, most_events(3, 1.5, 0.95, "cls") / (6 * MASS), rtol=1e-9)
    assert both.attrs["experiments"] == ["a", "b"] and float(both.minimum[0]) == 0
    fixed = dataset.scan.limit("u", method="cls", at={"m": 2})
    assert float(fixed.upper) == pytest.approx(most_events(3, 1.5, 0.90, "cls") / 12, rel=1e-9)


@pytest.mark.parametrize(
    ("dataset", "arguments", "fragment"),
    [
        (counting(), {"method": "bayes"}, "delta_chi2, poisson, cls"),
        (counting(), {"reference": "raster"}, "global, local"),
        (counting(), {"dof": 3}, "one or two degrees"),
        (counting(), {"cl": 90}, "between 0 and 1"),
        (counting(), {"along": "u"}, "must differ"),
        (counting(), {"along": "u", "method": "cls"}, "must differ"),
        (counting().drop_vars("events"), {"method": "cls"}, "outputs: [chi2, events]"),
        (counting({"a": COUNTS["a"]}), {"method": "cls"}, "b is not a counting experiment"),
        (counting({**COUNTS, "a": {"from_curve": True}}), {"method": "poisson"}, "a is a published curve"),
        (counting(), {"method": "cls", "along": None}, "fix m"),
        (counting(), {"method": "cls", "along": "x"}, "'x' is not an axis"),
    ],
)
def test_bad_requests(dataset: xr.Dataset, arguments: dict[str, Any], fragment: str) -> None:
    with pytest.raises(InputError) as caught:
        dataset.scan.limit("u", **{"along": "m", **arguments})
    assert fragment in str(caught.value)
