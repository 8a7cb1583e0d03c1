"""Refined contours are those of the dense scan, at a fraction of its points; what cannot be refined is refused."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from cli_helpers import BAD_INPUT, FAILED_BLOCKS, INTERRUPTED, OK, REFUSED, assert_one_message, call
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

import scanner
from jobs.launch import Options
from jobs.refine import Request, refine
from scanner import refinement, worker
from scanner.analysis.contours import Contour
from scanner.analysis.surface import threshold
from scanner.cube import open_cube
from scanner.engine import Silent
from scanner.errors import InputError, Status, StoreRefused
from scanner.levels import done_blocks, url_of

BASE = 36
FILE: dict[str, Any] = {
    "version": 1,
    "name": "refined",
    "model": "two_flavour",
    "axes": {
        "dm2": {"log": [0.01, 100], "points": BASE},
        "sin2_2theta": {"log": [3.0e-4, 1], "points": BASE},
    },
    "experiments": ["miniboone_fhc"],
    "execution": {"cluster": "serial"},
}
PLANE = ("sin2_2theta", "dm2")
SMALL = {**FILE, "axes": {name: {**axis, "points": 12} for name, axis in FILE["axes"].items()}}
THREE: dict[str, Any] = {
    **FILE,
    "model": "sterile_3p1",
    "axes": {
        "dm2_41": {"log": [0.1, 200], "points": 12},
        "delta14": {"linear": [0, 1], "points": 2},
        "Ue4_sq": {"log": [1e-3, 0.99], "points": 12},
        "Umu4_sq": {"values": [0.02, 0.06, 0.15]},
    },
    "experiments": ["miniboone"],
    "dtype": "float64",
}


def scan(folder: Path, file: dict[str, Any] = FILE) -> str:
    """Run a scan in this process; return its store."""
    store = str(folder / "store.zarr")
    scanner.run(file, store, cluster="serial", progress=False)
    return store


def refined(store: str, levels: int, plane: tuple[str, str] = PLANE, cl: tuple[float, ...] = (0.9,), **how: Any) -> str:
    """Refine a store in this process; return it."""
    experiments = how.pop("experiments", None)
    request = Request(plane, cl, levels, experiments)
    return refine(store, request, Options(cluster="serial", **how), lambda: contextlib.nullcontext(Silent())).url


def dense_scan(store: str, level: int) -> xr.Dataset:
    """Compute every point of a level's grid."""
    file = json.loads(json.dumps(open_cube(url_of(store, level)).record["scan_file"]))
    del file["execution"]["block"]
    return scanner.run(file, f"{store}-dense", cluster="serial", progress=False)


def points_computed(store: str) -> int:
    """Points of all done blocks of a store."""
    cube = open_cube(store)
    return sum(cube.layout.block(number).size for number in done_blocks(cube))


def in_cells(contour: Contour, dataset: xr.Dataset) -> np.ndarray:
    """Points along a contour, some in each cell, in units of the grid's cells."""
    axes = [np.log(dataset[name].values) for name in (contour.x, contour.y)]
    lines = [
        np.stack([np.interp(np.log(line[:, i]), axes[i], np.arange(axes[i].size)) for i in (0, 1)], axis=1)
        for line in contour.lines
    ]
    return np.concatenate([along for line in lines for along in np.linspace(line[:-1], line[1:], 20)])


def hausdorff(one: np.ndarray, other: np.ndarray) -> float:
    """Largest distance of a point of one set from the other set."""
    return float(max(cKDTree(one).query(other)[0].max(), cKDTree(other).query(one)[0].max()))


@pytest.fixture(scope="module")
def three_levels(tmp_path_factory: pytest.TempPathFactory) -> str:
    """MiniBooNE's fit, refined three times; tests must not change it."""
    return refined(scan(tmp_path_factory.mktemp("miniboone")), 3)


def test_the_contour_is_that_of_the_dense_scan_at_a_fifth_of_its_points(three_levels: str) -> None:
    found, dense = scanner.open(three_levels, level=3), dense_scan(three_levels, 3)
    for name, values in dense.coords.items():
        np.testing.assert_array_equal(found[name], values)
    computed = sum(points_computed(url_of(three_levels, level)) for level in range(4))
    assert computed <= 0.2 * dense["chi2"].size
    ours, theirs = (cube.scan.contour(*PLANE, cl=0.9)[0] for cube in (found, with_scales_of(found, dense)))
    assert sum(ours.closed) == sum(theirs.closed) and len(ours.lines) == len(theirs.lines)
    assert hausdorff(in_cells(ours, found), in_cells(theirs, dense)) < 0.1
    assert found.scan.best_fit() == dense.scan.best_fit()


def with_scales_of(found: xr.Dataset, dense: xr.Dataset) -> xr.Dataset:
    """Give a scan whose axes are listed by value the scale in which contours are interpolated."""
    return dense.assign_coords({name: found[name] for name in PLANE})


def test_each_point_has_the_finest_number_that_there_is(three_levels: str) -> None:
    finest, dense = scanner.open(three_levels, level="finest"), scanner.open(f"{three_levels}-dense")
    status, chi2, base = finest["status"].values, finest["chi2"].compute(), scanner.open(three_levels)
    assert set(np.unique(status)) == {Status.missing, Status.ok}
    np.testing.assert_array_equal(np.isnan(chi2), status == Status.missing)
    np.testing.assert_array_equal(chi2, dense["chi2"].where(status == Status.ok))
    np.testing.assert_array_equal(chi2[:, ::8, ::8], base["chi2"])
    for name in PLANE:
        assert finest[name].attrs == base[name].attrs
        np.testing.assert_array_equal(finest[name][::8], base[name])
    for part in ({"dm2": 200}, {"dm2": slice(3, 60, 7), "sin2_2theta": [40, 5, 49]}):
        np.testing.assert_array_equal(finest["chi2"].isel(part), chi2.isel(part))


def test_the_command_goes_on_and_says_what_there_is(tmp_path: Path) -> None:
    store = refined(scan(tmp_path, SMALL), 2)
    done = [done_blocks(open_cube(url_of(store, level))) for level in (1, 2)]
    result = call("refine", store, "--x", "sin2_2theta", "--y", "dm2", "--cl", "0.90", "--levels", "2")
    assert result.exit_code == OK, result.output
    assert [done_blocks(open_cube(url_of(store, level))) for level in (1, 2)] == done
    state = json.loads(call("status", store, "--json").stdout)["levels"]
    assert [level["done"] for level in state] == [len(blocks) for blocks in done]
    line = f"level 2 (sin2_2theta 45 × dm2 45): {len(done[1]):,} blocks done, {state[1]['points']:,} points"
    assert line in call("status", store).stdout and line in result.stdout
    best = scanner.open(store, level="finest").scan.best_fit().point
    drawn = call("plot", store, "--x", "sin2_2theta", "--y", "dm2", "--level", "finest", "-o", tmp_path / "a.png")
    assert f"dm2 = {best['dm2']:.4g}" in drawn.stdout, drawn.output
    assert_one_message(call("plot", store, "--x", "dm2", "--level", "coarsest", "-o", tmp_path / "b.png"), BAD_INPUT)
    profile = call("plot", store, "--x", "dm2", "--level", "finest", "-o", tmp_path / "b.png")
    assert_one_message(profile, BAD_INPUT)
    assert "sin2_2theta cannot be profiled on it" in profile.stderr


def test_interrupted_failed_and_damaged_blocks_end_as_if_nothing_had_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = scan(tmp_path, SMALL)
    reference = refined(str(shutil.copytree(store, tmp_path / "reference.zarr")), 2)
    command = ("refine", store, "--x", "sin2_2theta", "--y", "dm2", "--levels", "2", "--cluster", "serial")
    with disturbed(monkeypatch, KeyboardInterrupt()):
        assert call(*command).exit_code == INTERRUPTED
    with disturbed(monkeypatch, ZeroDivisionError()):
        result = call(*command)
    assert result.exit_code == FAILED_BLOCKS and "block(s) failed" in result.stderr
    next(Path(url_of(store, 2)).glob("g0/chi2/c/*/*/*")).write_bytes(b"damaged")
    result = call(*command, "--verify")
    assert result.exit_code == OK, result.output
    for level in (1, 2):
        assert done_blocks(open_cube(url_of(store, level))) == done_blocks(open_cube(url_of(reference, level)))
    np.testing.assert_array_equal(scanner.open(store, level=2)["chi2"], scanner.open(reference, level=2)["chi2"])


@contextlib.contextmanager
def disturbed(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> Iterator[None]:
    """Let every evaluation from the tenth to the twelfth raise."""
    evaluate, calls = worker._evaluate_block, iter(range(10**6))

    def raising(*arguments: Any) -> Any:
        if next(calls) in (9, 10, 11):
            raise error
        return evaluate(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(worker, "_evaluate_block", raising)
        yield


def test_other_axes_are_profiled_and_contours_end_where_points_are_not_ok(tmp_path: Path) -> None:
    """Beyond 100 eV² the accuracy is not promised, and mixings that sum to more than 1 lie outside the model."""
    plane = ("Ue4_sq", "dm2_41")
    store = refined(scan(tmp_path, THREE), 2, plane, (0.9, 0.99))
    found, dense = scanner.open(store, level=2), dense_scan(store, 2)
    dense = dense.assign_coords({name: found[name] for name in plane})
    assert {Status.outside_model, Status.not_converged} < set(np.unique(found["status"]))
    computed = found["status"] != Status.missing
    np.testing.assert_array_equal(found["status"].where(computed, 0), dense["status"].where(computed, 0))
    assert found.scan.best_fit() == dense.scan.best_fit()
    for ours, theirs in zip(*(cube.scan.contour(*plane, cl=(0.9, 0.99)) for cube in (found, dense)), strict=True):
        assert len(ours.lines) == len(theirs.lines) and False in ours.closed
        assert hausdorff(in_cells(ours, found), in_cells(theirs, dense)) < 0.1


def test_an_axis_that_nothing_depends_on_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no summed experiment depends on this axis") as caught:
        refined(scan(tmp_path, THREE), 1, ("delta14", "dm2_41"))
    assert "--x" in str(caught.value)


@pytest.mark.parametrize(
    ("how", "fragment"),
    [
        ({"levels": 13}, "level 9 of sin2_2theta × dm2 would have 5,633 × 5,633 points"),
        ({"plane": ("sin2_2theta", "dm")}, "did you mean 'dm2'?"),
        ({"plane": ("dm2", "dm2")}, "must differ"),
        ({"cl": (90.0,)}, "between 0 and 1"),
        ({"experiments": ("miniboone",)}, "not in this cube"),
    ],
)
def test_requests_that_cannot_be(tmp_path: Path, how: dict[str, Any], fragment: str) -> None:
    store = scan(tmp_path, SMALL)
    with pytest.raises(InputError) as caught:
        refined(store, **{"levels": 1, **how})
    assert fragment in str(caught.value)
    assert scanner.open(store, level="finest")["chi2"].shape == (1, 12, 12)


def test_stores_that_cannot_be_refined(tmp_path: Path) -> None:
    store = refined(scan(tmp_path, SMALL), 1)
    with pytest.raises(StoreRefused, match="it is level 1 of another store"):
        refined(url_of(store, 1), 1)
    with pytest.raises(InputError, match="no such level") as caught:
        scanner.open(store, level=2)
    assert "0 to 1, or finest" in str(caught.value)
    scanner.merge([store], tmp_path / "merged.zarr", cluster="serial", progress=False)
    assert_one_message(call("refine", tmp_path / "merged.zarr", "--x", "dm2", "--y", "sin2_2theta"), REFUSED)
    with pytest.raises(StoreRefused, match="it is a store of kind merge"):
        refined(str(tmp_path / "merged.zarr"), 1)
    shutil.rmtree(Path(store) / "g0/status/c/0/0")
    with pytest.raises(StoreRefused, match="blocks are missing"):
        refined(store, 1)


def test_other_axes_replace_levels_only_if_asked(tmp_path: Path) -> None:
    store = refined(scan(tmp_path, THREE), 2, ("Ue4_sq", "dm2_41"))
    with pytest.raises(StoreRefused, match="has been refined in Ue4_sq and dm2_41"):
        refined(store, 1, ("Ue4_sq", "Umu4_sq"))
    refined(store, 1, ("Ue4_sq", "Umu4_sq"), fresh=True)
    assert dict(scanner.open(store, level="finest").sizes) | {"dm2_41": 12, "Ue4_sq": 23, "Umu4_sq": 5} == dict(
        scanner.open(store, level=1).sizes
    )
    with pytest.raises(InputError, match="no such level"):
        scanner.open(store, level=2)


def test_an_axis_of_one_value_is_refused(tmp_path: Path) -> None:
    file = {**FILE, "axes": {**SMALL["axes"], "dm2": {"values": [1.0]}}}
    assert_one_message(call("refine", scan(tmp_path, file), "--x", "dm2", "--y", "sin2_2theta"), BAD_INPUT)


coefficients = st.lists(st.floats(-10, 10), min_size=6, max_size=6)


@given(coefficients)
@settings(max_examples=200, deadline=None)
def test_a_quadratic_function_stays_within_its_bounds_in_every_cell(values: list[float]) -> None:
    a, b, c, d, e, f = values
    i, n = np.arange(5.0), 8
    t = np.linspace(0, 4, 4 * n + 1)

    def function(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return a * x**2 + b * x * y + c * y**2 + d * x + e * y + f

    low, high = refinement.bounds(function(i[:, None], i))
    dense = function(t[:, None], t)
    for j, k in np.ndindex(4, 4):
        cell = dense[j * n : (j + 1) * n + 1, k * n : (k + 1) * n + 1]
        assert low[j, k] <= cell.min() + 1e-9 and high[j, k] >= cell.max() - 1e-9


def follow(function: Any, size: int, height: float) -> tuple[np.ndarray, np.ndarray]:
    """Refine a function on [0, size] squared once, as the driver does; return what was computed, and all of it."""
    coarse, t = np.arange(size + 1.0), np.arange(2 * size + 1) / 2
    above, dense = function(coarse[:, None], coarse), function(t[:, None], t)
    fine = np.full(dense.shape, np.nan)
    fine[::2, ::2] = above
    while True:
        points = refinement.wanted(above, fine, [height], float(np.nanmin(fine)))
        if not np.isnan(fine[points]).any():
            return fine, dense
        fine[points] = dense[points]


def crossed(profile: np.ndarray, level: float) -> np.ndarray:
    """Cells all of whose corners are known, and on both sides of a level."""
    corners = np.stack([profile[:-1, :-1], profile[:-1, 1:], profile[1:, :-1], profile[1:, 1:]])
    return np.asarray((corners < level).any(0) & (corners >= level).any(0) & ~np.isnan(corners).any(0))


@given(st.floats(8, 12), st.floats(8, 12), st.floats(0.3, 1.2))
@settings(max_examples=30, deadline=None)
def test_a_narrow_valley_and_an_island_between_grid_points_are_found(x0: float, y0: float, angle: float) -> None:
    """A valley half a cell wide on a slope, its minimum off the grid, and an island of a cell's radius beside it."""

    def function(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        along = np.cos(angle) * (x - x0) + np.sin(angle) * (y - y0)
        across = np.cos(angle) * (y - y0) - np.sin(angle) * (x - x0)
        island = ((x - x0 - 6) ** 2 + (y - y0 + 6) ** 2) * 4
        return np.minimum(along**2 / 4 + across**2 * 20, island + 1)

    fine, dense = follow(function, 20, threshold(0.9))
    assert np.nanmin(fine) == dense.min()
    level = dense.min() + threshold(0.9)
    np.testing.assert_array_equal(crossed(fine, level), crossed(dense, level))
    assert np.isnan(fine).mean() > 0.5


@given(st.floats(0, 1), st.floats(1, 4))
@settings(max_examples=30, deadline=None)
def test_an_exclusion_costs_only_its_contour(offset: float, power: float) -> None:
    """A flat surface from which a wall rises by orders of magnitude a cell, as where events go with |U|^4."""

    def function(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.asarray(10 ** (power * (y - 20 - offset - 3 * np.sin(x / 4))))

    fine, dense = follow(function, 40, threshold(0.9))
    level = np.nanmin(fine) + threshold(0.9)
    np.testing.assert_array_equal(crossed(fine, level), crossed(dense, level))
    assert np.isnan(fine).mean() > 0.6


def test_midpoints_are_half_way_in_the_axis_own_scale() -> None:
    assert refinement.with_midpoints((1.0, 3.0, 4.0), "values") == (1.0, 2.0, 3.0, 3.5, 4.0)
    values = tuple(np.geomspace(1e-160, 1e160, 9).tolist())
    found = refinement.with_midpoints(values, "log")
    assert found[::2] == values
    np.testing.assert_allclose(np.diff(np.log(found)), 20 * np.log(10), rtol=1e-12)
