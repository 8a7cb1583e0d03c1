"""Profiles, differences and slices against brute force on the same grid."""

from __future__ import annotations

from typing import Any

import dask.array as da
import numpy as np
import pytest
import xarray as xr
from cubes import Stored, axis, cube
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scanner.errors import InputError, Status

NAMES = "pqr"
POSSIBLE = st.sampled_from([0.0, 1.0, 1.5, 2.0, 40.0, -3.0, np.nan])  # equal numbers, and points that are not ok


@st.composite
def problems(draw: Any) -> tuple[xr.Dataset, np.ndarray, list[str]]:
    shape = draw(st.tuples(*[st.integers(1, 4)] * 3))
    values = draw(arrays(np.float32, shape, elements=POSSIBLE))
    values[tuple(draw(st.integers(0, n - 1)) for n in shape)] = 1.0
    keep = draw(st.permutations(NAMES))[: draw(st.integers(0, 3))]
    axes = {name: axis(np.arange(1.0, n + 1)) for name, n in zip(NAMES, shape, strict=True)}
    return cube(axes, {"a": values}, chunk=draw(st.integers(1, 4))), values.astype(float), keep


@settings(max_examples=60, deadline=None)
@given(problems())
def test_a_profile_is_the_minimum_over_the_other_axes(problem: tuple[xr.Dataset, np.ndarray, list[str]]) -> None:
    """Of equal minima the first; of nothing, NaN; however the cube is cut."""
    dataset, values, keep = problem
    found = dataset.scan.profile(*keep)
    others = [name for name in NAMES if name not in keep]
    rows = values.transpose([NAMES.index(name) for name in (*keep, *others)])
    flat = rows.reshape(*rows.shape[: len(keep)], -1)
    lowest = np.where(np.isnan(flat), np.inf, flat)
    nowhere = np.isnan(flat).all(-1)
    assert found.dims == tuple(keep)
    np.testing.assert_array_equal(found, np.where(nowhere, np.nan, lowest.min(-1) - lowest.min()))
    best = np.unravel_index(lowest.argmin(-1), rows.shape[len(keep) :]) if others else ()
    for name, index in zip(others, best, strict=True):
        np.testing.assert_array_equal(found[f"best_{name}"], np.where(nowhere, np.nan, index + 1.0))


def test_profiles_read_every_block_once() -> None:
    values = np.random.default_rng(2).uniform(0, 9, (1, 6, 6, 6))
    axes = {name: axis(np.arange(6.0)) for name in NAMES}
    dataset = cube(axes, {"a": values[0]})
    stored = da.from_array(Stored(values), (1, 3, 3, 3), asarray=False, meta=values[:0])
    dataset["chi2"] = (dataset.chi2.dims, stored)
    Stored.reads = 0
    found = dataset.scan.profile("r", "p")
    assert Stored.reads == 8
    np.testing.assert_array_equal(found, values[0].min(1).T - values.min())


def test_tied_parameters_follow_their_axes() -> None:
    axes = {"p": axis([1, 2, 3.0]), "q": axis([1, 2.0])}
    values = np.array([[3.0, 5], [1, 2], [4, 0]])
    dataset = cube(axes, {"a": values}).assign_coords(
        half=("p", [0.5, 1, 1.5]), product=(("p", "q"), np.outer([1, 2, 3], [1, 2]))
    )
    found = dataset.scan.profile("p")
    assert "product" not in found.coords and found.attrs["best_fit"] == {"p": 3.0, "q": 2.0}
    np.testing.assert_array_equal(found.half, [0.5, 1, 1.5])
    np.testing.assert_array_equal(found.best_q, [1, 1, 2])


def test_idle_axes_stay_at_their_first_value() -> None:
    axes = {"p": axis([1, 2, 3.0]), "q": axis(np.arange(5.0, 9)), "r": axis([7.0])}
    values = np.array([3.0, np.nan, 1]).reshape(3, 1, 1)
    dataset = cube(axes, {"a": values, "b": np.zeros((3, 4, 1))}, {"a": {"axes": ["p"]}, "b": {"axes": ["p", "q"]}})
    found = dataset.scan.profile("p", experiments=["a"])
    np.testing.assert_array_equal(found, [2, np.nan, 0])
    np.testing.assert_array_equal(found.best_q, [5, np.nan, 5])
    assert found.attrs["best_fit"] == {"p": 3.0, "q": 5.0, "r": 7.0}
    np.testing.assert_array_equal(dataset.scan.profile("q", "p", experiments=["a"]), [[2, np.nan, 0]] * 4)


def test_delta_is_lazy_and_zero_at_the_best_fit() -> None:
    axes = {name: axis(np.arange(4.0), units="GeV") for name in "pq"}
    values = np.random.default_rng(3).uniform(50, 90, (4, 4))
    dataset = cube(axes, {"a": values, "b": values.T})
    delta = dataset.scan.delta()
    assert delta.chunks is not None and delta.p.attrs["units"] == "GeV"
    np.testing.assert_array_equal(delta, (values + values.T) - (values + values.T).min())
    assert float(delta.sel(delta.attrs["best_fit"])) == 0 and delta.attrs["minimum"] == (values + values.T).min()


def test_slices_take_the_nearest_value_in_the_axis_own_scale() -> None:
    dataset = cube({"p": axis([1, 100, 10000.0], "log"), "q": axis([0, 1.0])}, {"a": np.arange(6.0).reshape(3, 2)})
    assert float(dataset.scan.slice(p=20).p) == 100 and float(dataset.scan.slice(p=5).p) == 1
    one = dataset.scan.slice(p=100, q=1)
    assert one.chi2.dims == ("experiment",) and one.attrs == dataset.attrs
    np.testing.assert_array_equal(dataset.scan.slice(p=100).scan.profile("q"), [0, 1])
    with pytest.raises(InputError, match=r"slice p: outside the axis\n  found: 0.5\n  allowed: 1 to 10000"):
        dataset.scan.slice(p=0.5)
    with pytest.raises(InputError, match="'x' is not an axis"):
        dataset.scan.slice(x=1)


def test_points_of_one_status() -> None:
    dataset = cube({"p": axis(np.arange(4.0))}, {"a": np.array([1, np.nan, 3, 4]), "b": np.array([5, 6, np.nan, 8])})
    dataset["status"][:, 3] = Status.outside_model
    merged = dataset.assign(total=("p", np.arange(4.0)), total_status=("p", np.array([1, 3, 3, 1], np.uint8)))
    bad = merged.scan.sel_status("not_converged")
    assert bad.status.dtype == np.uint8 and bad.chi2.chunks is not None
    np.testing.assert_array_equal(bad.status, [[0, 3, 0, 0], [0, 0, 3, 0]])
    np.testing.assert_array_equal(bad.total, [np.nan, 1, 2, np.nan])
    good = merged.scan.sel_status("ok", "outside_model")
    np.testing.assert_array_equal(good.chi2, [[1, np.nan, 3, 4], [5, 6, np.nan, 8]])
    with pytest.raises(InputError, match="did you mean 'outside_model'"):
        dataset.scan.sel_status("outside")
