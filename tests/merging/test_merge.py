"""Merged stores: the sums, the grids, and what lies where."""

from __future__ import annotations

import importlib
import itertools
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from merging.conftest import AXES, Merge, Scan

import scanner
from scanner import recipes
from scanner.config import Execution
from scanner.cube import open_cube
from scanner.errors import Status, StoreError, StoreRefused
from scanner.recipes.merge import MergeOptions, MergeRecipe
from scanner.recipes.scan_of import scan_of

DM2, SIN2 = AXES["dm2"], AXES["sin2_2theta"]
PULLED = ("pulled_a", "pulled_b", "pulled_c")


def opened(store: Path) -> xr.Dataset:
    return scanner.open(store)


def assert_same(one: xr.Dataset, other: xr.Dataset) -> None:
    """Experiments, statuses and the sum of two cubes are the same bits."""
    for name in ("total", "total_status"):
        np.testing.assert_array_equal(one[name].values, other[name].values)
    for name in one.experiment.values:
        for variable in ("chi2", "status"):
            np.testing.assert_array_equal(one[variable].sel(experiment=name), other[variable].sel(experiment=name))


def test_sum_of_apart_is_the_joint_scan_bit_for_bit(scan: Scan, merge: Merge, plugin: Path) -> None:
    names = ["miniboone_fhc", "apart", "pulled_a"]
    merged = merge([scan(name, [name]) for name in names])
    joint = opened(scan("joint", names))
    for name in names:
        np.testing.assert_array_equal(merged.chi2.sel(experiment=name), joint.chi2.sel(experiment=name))
    np.testing.assert_array_equal(merged.total.values, joint.scan.total().values)
    np.testing.assert_array_equal(merged.total.values, merged.scan.total(names).values)
    assert merged.total.dtype == np.float64 and merged.chi2.dtype == np.float32
    brute = sum(joint.chi2.sel(experiment=name).values.astype(np.float64) for name in sorted(names))
    np.testing.assert_array_equal(merged.total.values, brute)


def test_blocks_are_linked_and_not_copied(scan: Scan, merge: Merge, tmp_path: Path) -> None:
    one = scan("one", ["miniboone_fhc"])
    merge([one], out=tmp_path / "m.zarr")
    linked = [p for p in (tmp_path / "m.zarr/g0/chi2/c").rglob("*") if p.is_file()]
    assert len(linked) == 6
    for path in linked:
        assert path.samefile(one / path.relative_to(tmp_path / "m.zarr"))


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory, plugin: Path) -> list[Path]:
    """Stores of three experiments that share nuisance parameters, and of one that does not."""
    folder = tmp_path_factory.mktemp("four")
    stores = []
    for name in (*PULLED, "apart"):
        file = {"version": 1, "name": name, "model": "two_flavour", "axes": AXES, "experiments": [name]}
        scanner.run(file, folder / f"{name}.zarr", cluster="serial", progress=False)
        stores.append(folder / f"{name}.zarr")
    return stores


@st.composite
def trees(draw: st.DrawFn) -> object:
    """Any order and any bracketing of four stores."""
    nodes: list[object] = list(draw(st.permutations(range(4))))
    while len(nodes) > 1:
        i = draw(st.integers(0, len(nodes) - 2))
        nodes[i : i + 2] = [(nodes[i], nodes[i + 1])]
    return nodes[0]


@pytest.mark.slow
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tree=trees())
def test_merging_is_associative_and_commutative(four: list[Path], tree: object, tmp_path_factory: object) -> None:
    folder = tmp_path_factory.mktemp("tree")  # type: ignore[attr-defined]
    numbers = itertools.count()

    def build(node: object) -> Path:
        if isinstance(node, int):
            return four[node]
        out = folder / f"{next(numbers)}.zarr"
        scanner.merge([build(part) for part in node], out, cluster="serial", progress=False)  # type: ignore[attr-defined]
        return Path(out)

    flat = folder / "flat.zarr"
    scanner.merge(four, flat, cluster="serial", progress=False)
    assert_same(opened(build(tree)), opened(flat))


def test_shared_nuisances_are_profiled_jointly(four: list[Path], merge: Merge) -> None:
    """Against the Gaussian whose covariance joins all bins of all experiments."""
    merged = merge(four)
    plug = importlib.import_module("made_up_pulls")
    names = ["flux", "norm", "own"]
    ours = [plug.likelihood(name) for name in (*PULLED, "apart")]
    for i, j in ((0, 0), (10, 6), (20, 12), (7, 11)):
        point = {"dm2": float(merged.dm2[i]), "sin2_2theta": float(merged.sin2_2theta[j])}
        residual, slopes, errors = [], [], []
        for name, one in zip((*PULLED, "apart"), ours, strict=True):
            signal = scanner.predict("two_flavour", name, **point).signal.values
            slope = np.zeros((4, 3))
            for k, nuisance in enumerate(one.nuisances):
                pull = one.background * one.background_pulls[:, k] + signal * one.signal_pulls[:, k]
                slope[:, names.index(nuisance)] = pull
            residual.append(one.data - one.background - signal)
            slopes.append(slope)
            errors.append(np.diag(one.covariance))
        r, a = np.concatenate(residual), np.concatenate(slopes)
        expected = r @ np.linalg.solve(np.diag(np.concatenate(errors)) + a @ a.T, r)
        assert float(merged.total[i, j]) == pytest.approx(expected, rel=1e-6)  # "apart" is rounded to float32
        assert abs(float(merged.chi2[:, i, j].sum()) - expected) > 0.1  # which is what neglecting it would cost
    np.testing.assert_array_equal(merged.total, merged.scan.total([*PULLED, "apart"]))


def test_what_ignores_an_axis_is_broadcast(plugin: Path, merge: Merge, tmp_path: Path) -> None:
    """The disappearance of ν_μ depends on |U_μ4|² alone, MiniBooNE's signal on |U_e4|² too."""
    axes = {"dm2_41": DM2, "Ue4_sq": {"log": [1e-3, 0.1], "points": 5}, "Umu4_sq": {"log": [1e-3, 0.1], "points": 6}}
    stores = []
    for name, own in (("miniboone_fhc", axes), ("vanishing", {k: axes[k] for k in ("Umu4_sq", "dm2_41")})):
        file = {"version": 1, "name": name, "model": "sterile_3p1", "axes": own, "experiments": [name]}
        scanner.run(file, tmp_path / f"{name}.zarr", cluster="serial", progress=False)
        stores.append(tmp_path / f"{name}.zarr")
    merged, (appearing, vanishing) = merge(stores), map(opened, stores)
    expected = appearing.chi2[0].astype(np.float64) + vanishing.chi2[0].astype(np.float64)
    np.testing.assert_array_equal(merged.total, expected.transpose("dm2_41", "Ue4_sq", "Umu4_sq"))
    assert merged.attrs["experiments"]["vanishing"]["axes"] == ["dm2_41", "Umu4_sq"]


@pytest.mark.parametrize("tied", [{}, {"Utau4_sq": {"map": "ratio", "of": "Umu4_sq", "factor": 0.5}}])
def test_a_grid_that_leaves_the_model_where_no_input_does(
    plugin: Path, merge: Merge, tmp_path: Path, tied: dict[str, object]
) -> None:
    """|U_e4|² and |U_μ4|² of 0.6 each are allowed, but not together; what no experiment sees is as in the first."""
    mixing = {"values": [0.01, 0.3, 0.6]}
    axes = {"dm2_41": {"log": [0.1, 10], "points": 5}, "Ue4_sq": mixing, "Umu4_sq": mixing}

    def run(name: str, experiments: list[str], *names: str) -> Path:
        own = {"axes": {n: axes[n] for n in names}, "experiments": experiments}
        own["tied"] = tied if "Umu4_sq" in names else {}
        file = {"version": 1, "name": name, "model": "sterile_3p1", **own}
        scanner.run(file, tmp_path / f"{name}.zarr", cluster="serial", progress=False)
        return tmp_path / f"{name}.zarr"

    e = run("e", ["vanishing_e"], "dm2_41", "Ue4_sq")
    mu = run("mu", ["vanishing"], "Umu4_sq", "dm2_41")
    joint = opened(run("joint", ["vanishing_e", "vanishing"], "dm2_41", "Ue4_sq", "Umu4_sq"))
    for merged in (merge([mu, e]), merge([merge([mu]).attrs["store"], e])):
        merged = merged.transpose("experiment", "dm2_41", "Ue4_sq", "Umu4_sq")
        assert (merged.total_status.values == Status.outside_model).any()
        np.testing.assert_array_equal(merged.total, joint.scan.total())
        for name in ("vanishing_e", "vanishing"):
            for variable in ("chi2", "status"):
                np.testing.assert_array_equal(
                    merged[variable].sel(experiment=name), joint[variable].sel(experiment=name)
                )


def test_pieces_of_one_grid_become_one(scan: Scan, merge: Merge) -> None:
    whole = opened(scan("whole", ["miniboone_fhc"]))
    values = whole.dm2.values.tolist()
    cut = {"low": values[:8], "middle": values[8:16], "high": values[15:]}
    stores = [scan(name, ["miniboone_fhc"], axes={**AXES, "dm2": {"values": v}}) for name, v in cut.items()]
    merged = merge([stores[2], stores[0], stores[1]])
    np.testing.assert_array_equal(merged.dm2, whole.dm2)
    np.testing.assert_array_equal(merged.chi2, whole.chi2)
    first = stores[0] / "g0/chi2/c/0/0/0"
    linked = [p for p in (Path(merged.attrs["store"]) / "g0/chi2/c").rglob("*") if p.is_file() and p.samefile(first)]
    assert len(linked) == 1  # the second block of each of the others would not start where it does


def test_an_axis_extended_later(scan: Scan, merge: Merge) -> None:
    old = scan("old", ["miniboone_fhc"], axes={**AXES, "dm2": {"log": [0.01, 1], "points": 11}})
    new = scan("new", ["miniboone_fhc"], axes={**AXES, "dm2": {"log": [1, 100], "points": 11}})
    merged, whole = merge([old, new]), opened(scan("whole", ["miniboone_fhc"]))
    np.testing.assert_allclose(merged.dm2, whole.dm2, rtol=1e-12)
    np.testing.assert_allclose(merged.chi2, whole.chi2, rtol=1e-5)


def test_grids_of_different_experiments(plugin: Path, scan: Scan, merge: Merge) -> None:
    low = scan("low", ["miniboone_fhc"], axes={**AXES, "dm2": {"values": [0.1, 0.5, 1, 2]}})
    high = scan("high", ["apart"], axes={**AXES, "dm2": {"values": [0.5, 1, 2, 10]}})
    expected = {"first": [0.1, 0.5, 1, 2], "union": [0.1, 0.5, 1, 2, 10], "intersection": [0.5, 1, 2]}
    for on, values in expected.items():
        merged = merge([low, high], on=on)
        assert merged.dm2.values.tolist() == values
        for name, store in (("miniboone_fhc", low), ("apart", high)):
            source = opened(store).chi2.sel(experiment=name).reindex(dm2=values)
            np.testing.assert_array_equal(merged.chi2.sel(experiment=name), source)
            missing = np.isnan(source.values)
            assert (merged.status.sel(experiment=name).values[missing] == Status.not_covered).all()
        inside = merged.status.min("experiment") == merged.status.max("experiment")
        assert bool((merged.total_status.values[inside] == Status.ok).all())
        assert np.isnan(merged.total.values[~inside.values]).all()


def test_statuses_of_the_inputs_are_kept(plugin: Path, scan: Scan, merge: Merge) -> None:
    axes = {**AXES, "dm2": {"log": [1, 1000], "points": 7}}  # MiniBooNE's response ends at 100 eV²
    merged = merge([scan("one", ["miniboone_fhc"], axes=axes), scan("other", ["apart"], axes=axes)])
    beyond = merged.dm2.values > 100
    assert beyond.any()
    assert (merged.total_status.values[beyond] == Status.not_converged).all()
    assert np.isnan(merged.total.values[beyond]).all() and np.isfinite(merged.total.values[~beyond]).all()


@pytest.mark.parametrize("interpolate", [False, True])
def test_a_fine_store_on_a_coarse_grid_fits_into_memory(plugin: Path, scan: Scan, interpolate: bool) -> None:
    """Blocks of few points where many of the fine store lie between them."""
    fine = {"dm2": {"log": [0.01, 100], "points": 61}, "sin2_2theta": {"log": [1e-3, 1], "points": 61}}
    coarse = {name: {**axis, "points": 7} for name, axis in fine.items()}
    stores = tuple(map(str, (scan("one", ["apart"], axes=coarse), scan("other", ["miniboone_fhc"], axes=fine))))
    recipe = MergeRecipe(MergeOptions(stores, interpolate=interpolate), Execution.model_construct(memory="1MB"))
    layout = recipe.blueprint(1, lambda text: None).layout
    for number in (1, 2):  # of the fine store's experiment, and of the sum
        assert math.prod(layout.blocks[number]) * 10**2 < 1e6 / 4 / 40
    assert layout.blocks[0] == open_cube(stores[0]).layout.blocks[0]  # to be linked


def test_order_of_axes_does_not_matter(plugin: Path, scan: Scan, merge: Merge) -> None:
    turned = dict(reversed(AXES.items()))
    stores = [scan("one", ["miniboone_fhc"]), scan("other", ["apart"], axes=turned)]
    merged = merge(stores)
    assert merged.total.dims == ("dm2", "sin2_2theta")
    joint = opened(scan("joint", ["miniboone_fhc", "apart"]))
    np.testing.assert_array_equal(merged.total, joint.scan.total())


def test_incomplete_stores(plugin: Path, scan: Scan, merge: Merge) -> None:
    one, other = scan("one", ["miniboone_fhc"]), scan("other", ["apart"])
    (one / "g0/status/c/0/1/1").unlink()
    with pytest.raises(StoreRefused, match="1 of 6 blocks are missing or failed"):
        merge([one, other])
    merged = merge([one, other], allow_incomplete=True)
    hole = merged.status.sel(experiment="miniboone_fhc").values == Status.not_covered
    assert hole.sum() == 8 * 5 and hole[8:16, 8:].all()
    assert np.isnan(merged.total.values[hole]).all() and np.isfinite(merged.total.values[~hole]).all()


def test_merge_is_resumed_and_mended(plugin: Path, scan: Scan, merge: Merge, tmp_path: Path) -> None:
    stores, out = [scan("one", ["miniboone_fhc"]), scan("other", ["apart"])], tmp_path / "m.zarr"
    whole = merge(stores, out=out).load()
    (out / "g2/chi2/c/0/0/1").unlink()
    (out / "g2/status/c/0/1/0").unlink()
    assert_same(merge(stores, out=out), whole)
    with pytest.raises(StoreRefused, match="holds another merge"):
        merge(stores[::-1], out=out)


def test_a_merge_of_what_was_incomplete_is_not_taken_for_whole(plugin: Path, scan: Scan, merge: Merge) -> None:
    one, other = scan("one", ["miniboone_fhc"]), scan("other", ["apart"])
    shard = one / "g0/status/c/0/1/1"
    kept = shard.read_bytes()
    shard.unlink()
    merged = merge([one, other], out=one.with_name("m.zarr"), allow_incomplete=True)
    hole = merged.status.sel(experiment="miniboone_fhc").values == Status.not_covered
    assert np.isnan(merged.chi2.sel(experiment="miniboone_fhc").values[hole]).all()  # though its numbers were written
    shard.write_bytes(kept)
    with pytest.raises(StoreRefused, match=r"holds another merge\n  inputs: .*'lacking': 1"):
        merge([one, other], out=one.with_name("m.zarr"))


@pytest.mark.parametrize("interpolate", [False, True])
def test_a_hole_at_an_edge_is_filled_by_the_other_piece(scan: Scan, merge: Merge, interpolate: bool) -> None:
    values = np.geomspace(0.01, 100, 17).tolist()
    low, high = (
        scan(name, ["miniboone_fhc"], axes={**AXES, "dm2": {"values": v}})
        for name, v in (("low", values[:9]), ("high", values[8:]))
    )
    for store, row in ((low, 1), (high, 0)):  # the value in common is in each one's block of that row
        shards = {p: p.read_bytes() for p in (store / f"g0/status/c/0/{row}").iterdir()}
        for path in shards:
            path.unlink()
        merged = merge([low, high], allow_incomplete=True, interpolate=interpolate)
        for path, kept in shards.items():
            path.write_bytes(kept)
        assert np.isfinite(merged.total.values[8]).all()
        np.testing.assert_array_equal(merged.total, merged.chi2[0].astype(np.float64))


def test_a_store_that_goes_while_it_is_merged(plugin: Path, scan: Scan, merge: Merge, tmp_path: Path) -> None:
    """Its blocks are not taken for points that nothing covers."""
    stores = [scan("one", ["miniboone_fhc"]), scan("other", ["apart"])]
    merge(stores, out=tmp_path / "m.zarr")
    cube = open_cube(str(tmp_path / "m.zarr"), "r+")
    block, recipe = cube.layout.block(0), recipes.read(cube)
    shutil.rmtree(stores[0] / "g0/status/c")
    for change in (lambda: None, lambda: shutil.rmtree(stores[0]), lambda: scan("one", ["miniboone_fhc"])):
        change()
        with pytest.raises(StoreError, match=r"one\.zarr: (lacks blocks that it had|is no longer what is merged)"):
            recipe.evaluate(cube, block)


@pytest.mark.parametrize("first", ["fixed", "tied"])
def test_a_parameter_is_set_as_by_those_that_depend_on_it(
    plugin: Path, merge: Merge, tmp_path: Path, first: str
) -> None:
    """The disappearance of ν_μ ignores |U_e4|², whatever its scan says; MiniBooNE had it tied."""
    axes = {"dm2_41": {"log": [0.1, 10], "points": 3}, "Umu4_sq": {"values": [0.01, 0.02]}}
    tied = {factor: {"tied": {"Ue4_sq": {"map": "ratio", "of": "Umu4_sq", "factor": factor}}} for factor in (2, 5)}
    for name, more in (("miniboone_fhc", tied[2]), ("vanishing", {} if first == "fixed" else tied[5])):
        file = {"version": 1, "name": name, "model": "sterile_3p1", "axes": axes, "experiments": [name], **more}
        scanner.run(file, tmp_path / f"{name}.zarr", cluster="serial", progress=False)
    for names in (("vanishing", "miniboone_fhc"), ("miniboone_fhc", "vanishing")):
        merged = merge([tmp_path / f"{name}.zarr" for name in names])
        assert merged.Ue4_sq.values.tolist() == [0.02, 0.04]
        assert "Ue4_sq" not in merged.attrs["model"]["parameters"]
        again = scan_of(open_cube(merged.attrs["store"]), names)
        assert again.parameters["Ue4_sq"].array.tolist() == [0.02, 0.04]


def test_changed_inputs_are_noticed(plugin: Path, scan: Scan, merge: Merge, tmp_path: Path) -> None:
    stores, out = [scan("one", ["miniboone_fhc"]), scan("other", ["apart"])], tmp_path / "m.zarr"
    merge(stores, out=out)
    shutil.rmtree(stores[0])
    scan("one", ["miniboone_fhc"])
    with pytest.raises(StoreRefused, match="holds another merge"):
        merge(stores, out=out)
