"""Values between the nodes: exact where they must be, never beyond the ends, and with an error beside them."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from merging.conftest import AXES, Merge, Scan
from scipy.interpolate import RegularGridInterpolator

import scanner
from scanner.errors import InputError, Status
from scanner.likelihoods.interpolation import interpolate

OK = int(Status.ok)


def evaluate(
    nodes: list[np.ndarray], values: np.ndarray, points: np.ndarray, status: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Interpolate at points of shape (points, axes): values, errors, statuses."""
    at = np.ascontiguousarray(points.T)
    cells = [np.clip(np.searchsorted(x, a, side="right") - 1, 0, x.size - 1) for x, a in zip(nodes, at, strict=True)]
    marks = np.full(values.shape, OK, dtype=np.uint8) if status is None else status
    sizes = np.array([x.size for x in nodes], dtype=np.int64)
    first = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
    out, error = np.empty((2, len(points)))
    found = np.empty(len(points), dtype=np.uint8)
    flat = np.ascontiguousarray(values, dtype=np.float64).ravel()
    interpolate(flat, marks.ravel(), sizes, np.concatenate(nodes), first, np.array(cells), at, out, error, found)
    return out, error, found


def test_nodes_are_themselves() -> None:
    nodes = [np.array([0.0, 1.0, 3.0]), np.array([-1.0, 0.5, 0.6, 2.0])]
    values = np.random.default_rng(1).normal(size=(3, 4))
    points = np.array(list(itertools.product(*nodes)))
    out, error, _ = evaluate(nodes, values, points)
    np.testing.assert_array_equal(out, values.ravel())
    np.testing.assert_array_equal(error, 0.0)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_a_smooth_surface_and_its_error(axes: int) -> None:
    """Of a surface with no extremum between nodes, to third order; the error given is an upper bound."""
    generator = np.random.default_rng(axes)
    nodes = [np.sort(generator.uniform(0, 1, 30)) for _ in range(axes)]
    values = np.exp(sum(np.meshgrid(*nodes, indexing="ij")))
    points = np.array([generator.uniform(x[2], x[-3], 400) for x in nodes]).T
    out, error, found = evaluate(nodes, values, points)
    truth = np.exp(points.sum(1))
    assert (found == OK).all()
    linear = RegularGridInterpolator(nodes, values)(points)
    assert np.abs(out - truth).max() < 0.1 * np.abs(linear - truth).max()
    assert (np.abs(out - truth) <= error).all() and (error < 3 * np.abs(linear - truth).max()).all()


def test_a_parabola_is_exact_up_to_its_minimum() -> None:
    x = np.sort(np.random.default_rng(3).uniform(-4, 6, 11))
    points = np.linspace(x[1], x[-2], 50)[:, None]
    out, _, _ = evaluate([x], x**2, points)
    np.testing.assert_allclose(out, points[:, 0] ** 2, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    steps=arrays(float, 9, elements=st.floats(0, 1e6, width=32)),
    gaps=arrays(float, 9, elements=st.floats(0.0009765625, 10, width=32)),
)
def test_monotone_between_monotone_nodes(steps: np.ndarray, gaps: np.ndarray) -> None:
    x, y = np.concatenate([[0.0], np.cumsum(gaps)]), np.concatenate([[0.0], np.cumsum(steps)])
    points = np.linspace(0, x[-1], 700)
    out, _, _ = evaluate([x], y, np.minimum(points, x[-1])[:, None])
    assert (np.diff(out) >= -1e-9 * max(y[-1], 1)).all()
    assert out.min() >= 0 and out.max() <= y[-1] * (1 + 1e-12)


def test_a_node_without_a_number_spoils_its_cells_alone() -> None:
    x = np.arange(8.0)
    values, status = x**2, np.full(8, OK, dtype=np.uint8)
    values[4], status[4] = np.nan, Status.not_converged
    points = np.arange(0.5, 7, 1.0)
    out, error, found = evaluate([x], values, points[:, None], status)
    assert found.tolist() == [1, 1, 1, int(Status.not_converged), int(Status.not_converged), 1, 1]
    assert np.isnan(out[3:5]).all() and np.isnan(error[3:5]).all()
    np.testing.assert_allclose(np.delete(out, [3, 4]), np.delete(points**2, [3, 4]), rtol=1e-12)


def test_a_coarse_store_on_a_fine_grid(plugin: Path, scan: Scan, merge: Merge) -> None:
    """A scan of twice the points is met by the interpolated one within the error given."""
    fine = {"dm2": {"log": [0.1, 10], "points": 41}, "sin2_2theta": {"log": [1e-3, 1], "points": 25}}
    coarse = {"dm2": {"log": [0.1, 10], "points": 21}, "sin2_2theta": {"log": [1e-3, 1], "points": 13}}
    one, other = scan("one", ["apart"], axes=fine), scan("other", ["miniboone_fhc"], axes=coarse)
    with pytest.raises(InputError, match=r"other\.zarr has no value of dm2 there[\s\S]*--interpolate"):
        merge([one, other])
    merged = merge([one, other], interpolate=True)
    truth = scanner.open(scan("truth", ["miniboone_fhc"], axes=fine)).chi2[0]
    found, error = (merged[name].sel(experiment="miniboone_fhc") for name in ("chi2", "chi2_error"))
    np.testing.assert_array_equal(found[::2, ::2], truth[::2, ::2])
    assert (error.values[::2, ::2] == 0).all() and (error.values >= 0).all()
    low = truth.values < truth.values.min() + 30  # beyond, all is excluded alike
    low[39] = False  # the nodes do not resolve the oscillations in the last cell
    off = np.abs(found - truth).values[low]
    assert np.median(off) < 0.03 and np.mean(off < error.values[low] + 0.01) > 0.9
    assert (off < 3 * error.values[low] + 0.1).all()
    np.testing.assert_array_equal(merged.total, merged.scan.total(["apart", "miniboone_fhc"]))
    assert np.isnan(merged.chi2_error.sel(experiment="apart")).all()


def test_nothing_is_extrapolated(plugin: Path, scan: Scan, merge: Merge) -> None:
    wide = {"dm2": {"log": [0.01, 100], "points": 9}, "sin2_2theta": AXES["sin2_2theta"]}
    narrow = {"dm2": {"log": [0.09, 11], "points": 8}, "sin2_2theta": AXES["sin2_2theta"]}
    stores = [scan("one", ["apart"], axes=wide), scan("other", ["miniboone_fhc"], axes=narrow)]
    merged = merge(stores, interpolate=True)
    beyond = (merged.dm2.values < 0.09) | (merged.dm2.values > 11)
    status = merged.status.sel(experiment="miniboone_fhc").values
    assert (status[beyond] == Status.not_covered).all() and (status[~beyond] == Status.ok).all()
    assert np.isnan(merged.total.values[beyond]).all()


def test_a_map_of_parameters(plugin: Path, scan: Scan, merge: Merge, tmp_path: Path) -> None:
    """Two flavours are 3+1 with sin²2θ = 4 |U_e4|² |U_μ4|²."""
    axes = {
        "dm2_41": {"log": [0.1, 10], "points": 11},
        "Ue4_sq": {"log": [1e-3, 0.1], "points": 5},
        "Umu4_sq": {"log": [1e-3, 0.1], "points": 5},
    }
    two = scan("two", ["miniboone_fhc"], axes={**AXES, "dm2": {"log": [0.1, 10], "points": 11}})
    file = {"version": 1, "model": "sterile_3p1", "axes": axes}
    for name in ("apart", "miniboone_fhc"):
        scanner.run(
            {**file, "name": name, "experiments": [name]}, tmp_path / f"{name}3.zarr", cluster="serial", progress=False
        )
    with pytest.raises(InputError, match=r"different models: .* has sterile_3p1, .* has two_flavour[\s\S]*--map"):
        merge([tmp_path / "apart3.zarr", two])
    path = tmp_path / "map.yaml"
    path.write_text(
        f"{two}:\n  dm2: {{map: ratio, of: dm2_41, factor: 1}}\n"
        "  sin2_2theta: {map: product, of: [Ue4_sq, Umu4_sq], factor: 4}\n"
    )
    merged = merge([tmp_path / "apart3.zarr", two], maps=path)
    truth = scanner.open(tmp_path / "miniboone_fhc3.zarr").chi2[0]
    found = merged.chi2.sel(experiment="miniboone_fhc")
    mixing = 4 * merged.Ue4_sq * merged.Umu4_sq
    beyond = (mixing.values < 1e-3).nonzero()
    status = merged.status.sel(experiment="miniboone_fhc").values
    assert len(beyond[0]) and (status[:, beyond[0], beyond[1]] == Status.not_covered).all()
    inside = np.isfinite(found.values)
    assert inside.sum() > 100
    off, error = np.abs(found - truth).values[inside], merged.chi2_error.sel(experiment="miniboone_fhc").values[inside]
    assert np.median(off) < 0.2 and (off < 3 * error + 0.1).all()
    np.testing.assert_array_equal(merged.chi2.sel(experiment="apart"), scanner.open(tmp_path / "apart3.zarr").chi2[0])


def test_what_was_mapped_from_a_fixed_parameter_is_not_spread_over_its_axis(
    plugin: Path, scan: Scan, merge: Merge, tmp_path: Path
) -> None:
    dm2, mixing = {"log": [0.1, 10], "points": 3}, {"log": [1e-3, 0.1], "points": 3}
    two = scan("two", ["miniboone_fhc"], axes={"dm2": dm2, "sin2_2theta": {"log": [1e-6, 1], "points": 9}})
    three = {"model": "sterile_3p1"}
    fixed = {"axes": {"dm2_41": dm2, "Ue4_sq": mixing}, "fixed": {"Umu4_sq": 0.01}}
    e = scan("e", ["vanishing_e"], **three, **fixed, execution={})
    mu = scan("mu", ["vanishing"], **three, axes={"dm2_41": dm2, "Umu4_sq": mixing}, execution={})
    path = tmp_path / "map.yaml"
    path.write_text(
        "two:\n  dm2: {map: ratio, of: dm2_41, factor: 1}\n"
        "  sin2_2theta: {map: product, of: [Ue4_sq, Umu4_sq], factor: 4}\n"
    )
    merged = merge([e, two], maps=path)
    assert merged.attrs["experiments"]["miniboone_fhc"]["depends_on"] == ["Ue4_sq", "Umu4_sq", "dm2_41"]
    with pytest.raises(InputError, match=r"parameter Umu4_sq is set differently: .* has 0\.01, .* has an axis"):
        merge([merged.attrs["store"], mu])
    at_once = merge([e, two, mu], maps=path).chi2.sel(experiment="miniboone_fhc")
    assert float((at_once.max("Umu4_sq") - at_once.min("Umu4_sq")).max()) > 0.1
