"""What must not be merged, and what the message says."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from merging.conftest import AXES, Merge, Scan

import scanner
from scanner.errors import InputError, StoreRefused


def edited(store: Path, edit: Callable[[dict[str, Any]], None]) -> Path:
    """Copy a store and change its record."""
    copy = store.with_name(f"edited_{store.name}")
    shutil.copytree(store, copy)
    metadata = json.loads((copy / "zarr.json").read_text())
    record = metadata["attributes"]["scanner"]
    record["id"] = "edited"
    edit(record)
    (copy / "zarr.json").write_text(json.dumps(metadata))
    return copy


@pytest.fixture
def fhc(scan: Scan) -> Path:
    return scan("fhc", ["miniboone_fhc"])


@pytest.fixture
def apart(plugin: Path, scan: Scan) -> Path:
    return scan("apart", ["apart"])


def test_data_that_would_count_twice(fhc: Path, scan: Scan, merge: Merge) -> None:
    joint = scan("joint", ["miniboone"])
    with pytest.raises(
        InputError, match=r"share data \(miniboone_2020_fhc\), which would count twice[\s\S]*--experiment"
    ):
        merge([fhc, joint])


def test_data_that_would_count_twice_within_one_file(fhc: Path, apart: Path, scan: Scan, merge: Merge) -> None:
    both = scan("both", ["miniboone_fhc", "miniboone"])
    with pytest.raises(InputError, match="share data"):
        merge([both, apart])
    merged = merge([both, apart], experiments=["miniboone", "apart"])
    assert [str(e) for e in merged.experiment.values] == ["apart", "miniboone"]


def test_a_common_covariance_names_the_combined_experiment(fhc: Path, scan: Scan, merge: Merge) -> None:
    rhc = scan("rhc", ["miniboone_rhc"])
    with pytest.raises(InputError, match="have a common covariance, which their sum would neglect\n  scan 'miniboone'"):
        merge([fhc, rhc])


def test_the_same_points_twice(fhc: Path, scan: Scan, merge: Merge) -> None:
    with pytest.raises(InputError, match="the same store is given twice"):
        merge([fhc, fhc])
    again = scan("again", ["miniboone_fhc"], dtype="float32")
    with pytest.raises(InputError, match="at 273 points in common: these data would count twice"):
        merge([fhc, again])
    with pytest.raises(InputError, match="with different dtype: float64 and float32"):
        merge([fhc, scan("double", ["miniboone_fhc"], dtype="float64")])


def test_other_models(apart: Path, merge: Merge, tmp_path: Path) -> None:
    file = {"version": 1, "name": "s", "model": "sterile_3p1", "axes": {"dm2_41": AXES["dm2"]}}
    scanner.run({**file, "experiments": ["miniboone_fhc"]}, tmp_path / "s.zarr", cluster="serial", progress=False)
    with pytest.raises(
        InputError, match=r"different models: .*apart\.zarr has two_flavour, .* has sterile_3p1\n.*--map"
    ):
        merge([apart, tmp_path / "s.zarr"])


def test_other_fixed_parameters(plugin: Path, merge: Merge, tmp_path: Path) -> None:
    for name, mixing in (("miniboone_fhc", 0.01), ("apart", 0.02)):
        file = {"version": 1, "name": name, "model": "sterile_3p1", "axes": {"dm2_41": AXES["dm2"]}}
        fixed = {"fixed": {"Umu4_sq": mixing}, "experiments": [name]}
        scanner.run({**file, **fixed}, tmp_path / f"{name}.zarr", cluster="serial", progress=False)
    with pytest.raises(InputError, match=r"parameter Umu4_sq is set differently: .* has 0\.01, .* has 0\.02\n.*--map"):
        merge([tmp_path / "miniboone_fhc.zarr", tmp_path / "apart.zarr"])


def test_a_fixed_parameter_is_no_axis(plugin: Path, merge: Merge, tmp_path: Path) -> None:
    """What was scanned at one |U_e4|² says nothing about the others."""
    own = {"miniboone_fhc": {"Ue4_sq": {"log": [1e-3, 0.1], "points": 3}}, "apart": {}}
    for name, more in own.items():
        file = {"version": 1, "name": name, "model": "sterile_3p1", "axes": {"dm2_41": AXES["dm2"], **more}}
        scanner.run({**file, "experiments": [name]}, tmp_path / f"{name}.zarr", cluster="serial", progress=False)
    with pytest.raises(InputError, match=r"parameter Ue4_sq is set differently: .* has an axis, .* has 0\.0"):
        merge([tmp_path / "miniboone_fhc.zarr", tmp_path / "apart.zarr"])


def test_other_conventions_units_and_versions(fhc: Path, apart: Path, merge: Merge) -> None:
    def convention(record: dict[str, Any]) -> None:
        record["convention"] = "ln L"

    def unit(record: dict[str, Any]) -> None:
        record["axes"]["dm2"]["unit"] = "MeV^2"

    def version(record: dict[str, Any]) -> None:
        record["identity"]["physics"]["signal oscillation"] = 99

    for edit, message in (
        (convention, "different conventions of chi2: .* has -2 ln L, .* has ln L"),
        (unit, r"different units of dm2: .* has eV\^2, .* has MeV\^2"),
        (version, r"different physics versions of signal oscillation: .* has \d+, .* has 99"),
    ):
        changed = edited(apart, edit)
        with pytest.raises(InputError, match=message):
            merge([fhc, changed])
        shutil.rmtree(changed)


def test_pieces_of_other_data(plugin: Path, scan: Scan, merge: Merge) -> None:
    low = scan("low", ["apart"], axes={**AXES, "dm2": {"values": [1.0, 2.0]}})
    high = scan("high", ["apart"], axes={**AXES, "dm2": {"values": [3.0, 4.0]}})

    def other(record: dict[str, Any]) -> None:
        record["experiments"]["apart"]["constant"] = 7.5

    with pytest.raises(InputError, match=r"constant of apart differs: .* has .*, .* has 7\.5"):
        merge([low, edited(high, other)])


def test_pieces_of_which_one_is_mapped(plugin: Path, scan: Scan, merge: Merge, tmp_path: Path) -> None:
    low = scan("low", ["apart"], axes={**AXES, "dm2": {"values": [1.0, 2.0]}})
    high = scan("high", ["apart"], axes={**AXES, "dm2": {"values": [3.0, 4.0]}})
    path = tmp_path / "map.yaml"
    path.write_text("high: {dm2: {map: product, of: [dm2, sin2_2theta]}}")
    with pytest.raises(InputError, match=r"apart is in .*high\.zarr and in .*low\.zarr, on different axes"):
        merge([low, high], maps=path)


def test_bad_options(fhc: Path, apart: Path, merge: Merge, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--on: unknown grid\n  found: 'all'\n  allowed: first, union, intersection"):
        merge([fhc, apart], on="all")
    with pytest.raises(InputError, match=r"in none of the stores: 'miniboone_fcc'[\s\S]*did you mean 'miniboone_fhc'"):
        merge([fhc, apart], experiments=["miniboone_fcc"])
    with pytest.raises(InputError, match=r"nothing is taken from .*apart\.zarr"):
        merge([fhc, apart], experiments=["miniboone_fhc"])
    with pytest.raises(StoreRefused, match="no store there"):
        merge([fhc, tmp_path / "nothing.zarr"])
    with pytest.raises(InputError, match="no store is given"):
        merge([])


def test_a_store_is_not_merged_into_itself(fhc: Path, apart: Path, merge: Merge, tmp_path: Path) -> None:
    """Not even by another name: --fresh would delete it."""
    (tmp_path / "link.zarr").symlink_to(fhc)
    for out in (fhc, f"{fhc}/", f"file://{fhc}", tmp_path / "link.zarr", tmp_path / "no" / ".." / fhc.name):
        with pytest.raises(InputError, match="--out: a merge needs a store of its own"):
            merge([fhc, apart], out=out)
    assert scanner.open(fhc).chi2.notnull().all()


def test_a_map_names_a_store_by_its_path(
    fhc: Path, apart: Path, merge: Merge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "map.yaml").write_text("apart.zarr: {dm2: {map: ratio, of: dm2, factor: 1}}")
    merged = merge(["fhc.zarr", "apart.zarr"], maps="map.yaml")
    np.testing.assert_array_equal(merged.chi2.sel(experiment="apart"), scanner.open(apart).chi2[0])


def test_grids_without_a_value_in_common(plugin: Path, fhc: Path, scan: Scan, merge: Merge) -> None:
    other = scan("other", ["apart"], axes={**AXES, "dm2": {"values": [0.7, 0.9]}})
    with pytest.raises(InputError, match="the grids have no value of dm2 in common"):
        merge([fhc, other], on="intersection")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nowhere.zarr: {dm2: {map: ratio, of: dm2, factor: 1}}", "names no store"),
        ("apart: [1]", "should be a mapping"),
        ("apart: {dm3: {map: ratio, of: dm2, factor: 1}}", "is no axis of that store[\\s\\S]*did you mean 'dm2'"),
        ("apart: {dm2: {map: ration, of: dm2, factor: 1}}", "unknown map[\\s\\S]*did you mean 'ratio'"),
        ("apart: {dm2: {map: ratio, of: dm2}}", "factor: is missing"),
        ("apart: {dm2: {map: ratio, of: mass, factor: 1}}", "no parameter 'mass'"),
        ("apart: {dm2: {map: power, of: dm2, exponent: 1000}}", "fails on these values"),
        ("apart: {ignore: dm2}", "ignore: should be a list"),
        ("apart: {ignore: [dm2]}", "ignore: is an axis of that store"),
        ("apart: {dm2: {map: ratio, factor: 1}}", "dm2.of: is missing"),
        ("apart: {dm2: {map: product, of: []}}", "dm2.of: is missing"),
    ],
)
def test_bad_maps(fhc: Path, apart: Path, merge: Merge, tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        merge([fhc, apart], maps=path)
