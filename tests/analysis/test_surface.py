"""Surfaces against brute force."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from scanner.analysis.surface import surface, threshold, total
from scanner.errors import InputError

RNG = np.random.default_rng(5)


@pytest.fixture
def cube() -> xr.Dataset:
    """A cube of random numbers with a missing point: two experiments with their own data, one that shares."""
    values = RNG.uniform(10, 90, (3, 4, 5, 6)).astype(np.float32)
    values[0, 1, 2, 3] = np.nan
    data_sets = {"b": ["one"], "a": ["two"], "joint": ["one", "two"]}
    coordinates = {
        "experiment": list(data_sets),
        "p": ("p", np.geomspace(1, 1000, 4), {"units": "eV^2", "long_name": "p", "scale": "log"}),
        "q": ("q", np.linspace(0, 1, 5), {"units": "1", "long_name": "q", "scale": "linear"}),
        "r": ("r", np.arange(6.0), {"units": "GeV", "long_name": "r", "scale": "values"}),
    }
    attributes = {"experiments": {name: {"data_sets": sets} for name, sets in data_sets.items()}}
    return xr.Dataset({"chi2": (("experiment", "p", "q", "r"), values)}, coordinates, attributes).chunk({"p": 2})


def test_profile_is_the_minimum_over_the_other_axes(cube: xr.Dataset) -> None:
    found = surface(cube, ("r", "p"), ["a", "b"])
    summed = cube.chi2.values[1].astype(float) + cube.chi2.values[0].astype(float)
    assert found.dims == ("r", "p")
    np.testing.assert_array_equal(found, np.nanmin(summed, axis=1).T - np.nanmin(summed))
    index = np.unravel_index(np.nanargmin(summed), summed.shape)
    best = {name: float(cube[name][i]) for name, i in zip("pqr", index, strict=True)}
    assert found.attrs["best_fit"] == best and found.attrs["minimum"] == np.nanmin(summed)


def test_fixed_axes_take_the_nearest_value(cube: xr.Dataset) -> None:
    found = surface(cube, ("p", "q"), ["b"], at={"r": 2.4})
    values = cube.chi2.values[0, :, :, 2].astype(float)
    np.testing.assert_array_equal(found, values - np.nanmin(values))
    assert found.attrs["fixed"] == {"r": 2.0}


def test_axes_that_nothing_depends_on_cost_nothing(cube: xr.Dataset) -> None:
    """An experiment that ignores an axis is profiled over it for free, and its best fit takes the first value."""
    flat = cube.isel(r=[0]).drop_vars("r")
    idle = xr.DataArray(np.linspace(0, 1, 5000), dims="r", attrs={"units": "1"})
    wide = flat.isel(r=0).expand_dims(r=idle).transpose("experiment", "p", "q", "r")
    wide.attrs["experiments"] = {n: {**f, "axes": ["p", "q"]} for n, f in cube.attrs["experiments"].items()}
    found = surface(wide, ("p", "q"), ["a"])
    np.testing.assert_array_equal(found, surface(cube, ("p", "q"), ["a"], at={"r": 0.0}))
    assert found.attrs["best_fit"]["r"] == 0.0


def test_sums_are_in_float64_and_in_order_of_name(cube: xr.Dataset) -> None:
    found = total(cube, ["b", "a"])
    assert found.dtype == np.float64 and found.attrs["experiments"] == ["a", "b"]


def test_shared_data_are_not_summed(cube: xr.Dataset) -> None:
    with pytest.raises(InputError, match="a and joint share data"):
        total(cube)


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        ({"keep": ("p", "x")}, "'x' is not an axis"),
        ({"keep": ("p", "p")}, "must differ"),
        ({"keep": ("p", "q"), "at": {"q": 0.5}}, "is an axis of the plot"),
        ({"keep": ("p", "q"), "at": {"r": 99.0}}, "outside the axis"),
        ({"keep": ("p", "q"), "experiments": ["c"]}, "not in this cube"),
    ],
)
def test_bad_requests(cube: xr.Dataset, arguments: dict, fragment: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(InputError) as caught:
        surface(cube, **{"experiments": ["a"], **arguments})
    assert fragment in str(caught.value)


def test_nothing_computed_is_an_error(cube: xr.Dataset) -> None:
    with pytest.raises(InputError, match="no point of this surface"):
        surface(cube.where(False), ("p", "q"), ["a"])


def test_thresholds_are_those_of_the_chi2_distribution() -> None:
    from scipy import stats

    for level in (0.6827, 0.9, 0.99, 0.9973):
        assert threshold(level) == pytest.approx(stats.chi2.ppf(level, 2), rel=1e-12)
