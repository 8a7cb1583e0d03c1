"""What a user opens: an xarray Dataset with units, statuses, provenance; written and read without xarray."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr

import scanner
from scanner.errors import Status, StoreError, StoreRefused

FILE: dict[str, Any] = {
    "version": 1,
    "name": "small",
    "model": "sterile_3p1",
    "axes": {
        "dm2_41": {"log": [0.1, 200], "points": 6, "unit": "eV^2"},
        "delta14": {"linear": [0, 1], "points": 3},
        "Ue4_sq": {"log": [1e-3, 0.9], "points": 5},
    },
    "tied": {"Umu4_sq": {"map": "ratio", "of": "Ue4_sq", "factor": 0.5}},
    "experiments": ["miniboone_rhc", "miniboone_fhc"],
    "outputs": ["chi2", "events", "gof"],
    "dtype": "float64",
    "execution": {"block": {"dm2_41": 4, "Ue4_sq": 2}},
}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    out = tmp_path_factory.mktemp("store") / "small.zarr"
    return scanner.run(FILE, out, cluster="serial", progress=False)


def test_shape_and_labels(dataset: xr.Dataset) -> None:
    assert set(dataset.data_vars) == {"chi2", "events", "gof", "status"}
    for variable in dataset.data_vars.values():
        assert variable.dims == ("experiment", "dm2_41", "delta14", "Ue4_sq")
        assert variable.shape == (2, 6, 3, 5)
    assert [str(e) for e in dataset.experiment.values] == ["miniboone_rhc", "miniboone_fhc"]
    assert dataset.dm2_41.attrs["units"] == "eV^2" and dataset.dm2_41.attrs["long_name"]
    assert dataset.dm2_41.values[0] == 0.1 and dataset.dm2_41.values[-1] == 200
    assert dataset.Umu4_sq.dims == ("Ue4_sq",) and "Umu4_sq" not in dataset.indexes
    np.testing.assert_allclose(dataset.Umu4_sq, 0.5 * dataset.Ue4_sq, rtol=1e-15)
    assert dataset.status.dtype == np.uint8 and dataset.chi2.dtype == np.float64
    assert dataset.status.attrs["flag_values"] == [0, 1, 2, 3, 4, 5, 6, 7]
    meanings = "missing ok outside_model not_converged not_finite timeout worker_lost not_covered"
    assert dataset.status.attrs["flag_meanings"] == meanings


def test_values_are_the_predictions(dataset: xr.Dataset) -> None:
    here = dataset.isel(dm2_41=2, Ue4_sq=3, delta14=1).sel(experiment="miniboone_fhc")
    single = scanner.predict(
        "sterile_3p1",
        "miniboone_fhc",
        dm2_41=float(here.dm2_41),
        Ue4_sq=float(here.Ue4_sq),
        Umu4_sq=float(here.Umu4_sq),
    )
    for name in ("chi2", "events", "gof"):
        assert float(here[name]) == float(single[name])


def test_statuses_say_why_a_number_is_missing(dataset: xr.Dataset) -> None:
    status = dataset.status.compute()
    heavy = status.sel(dm2_41=200)
    fits = 1.5 * dataset.Ue4_sq <= 1
    assert bool((heavy.where(fits, drop=True) == Status.not_converged).all())
    assert bool((status.where(~fits, drop=True) == Status.outside_model).all())
    np.testing.assert_array_equal(np.isnan(dataset.chi2), status != Status.ok)


def test_lazy_and_not_stored_along_axes_that_do_not_matter(dataset: xr.Dataset) -> None:
    assert dataset.chi2.chunks is not None
    stored = zarr.open_group(dataset.attrs["store"], mode="r")["g0/chi2"]
    assert stored.shape == (2, 6, 5)
    assert stored.metadata.dimension_names == ("experiment", "dm2_41", "Ue4_sq")


def test_provenance(dataset: xr.Dataset) -> None:
    facts = dataset.attrs["experiments"]["miniboone_fhc"]
    assert facts["number_of_data"] == 19 and facts["data_sets"] == ["miniboone_2020_fhc"]
    assert "ln det" in facts["statistic"] and facts["physics_version"] == 1 and facts["constant"] > 0
    assert any("Phys. Rev. D 103" in reference for reference in facts["references"])
    assert "sterile_3p1" in dataset.attrs["scan_file"] and len(dataset.attrs["identity_hash"]) == 64
    assert {"numpy", "numba", "zarr", "dask", "python"} <= set(dataset.attrs["versions"])
    assert dataset.attrs["start"] <= dataset.attrs["end"]
    assert dataset.attrs["host"] and dataset.attrs["cpu"] and "git_commit" in dataset.attrs


def test_a_store_opened_by_a_relative_path_stays_open_elsewhere(
    dataset: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Path(dataset.attrs["store"])
    monkeypatch.chdir(store.parent)
    again = scanner.open(store.name)
    monkeypatch.chdir(tmp_path)
    np.testing.assert_array_equal(again.chi2, dataset.chi2)
    assert again.attrs["store"] == str(store)


def test_a_store_that_vanished_is_an_error_not_missing_points(dataset: xr.Dataset, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy.zarr"
    shutil.copytree(dataset.attrs["store"], copy)
    opened = scanner.open(str(copy))
    shutil.rmtree(copy)
    with pytest.raises(StoreError, match="the store is gone"):
        opened.chi2.compute()


def test_numbers_as_notebooks_write_them(dataset: xr.Dataset) -> None:
    """Arrays, numpy numbers, tuples, units left out: the same scan, so the same store."""
    axes = {
        "dm2_41": {"log": (0.1, np.float32(200)), "points": np.int64(6)},
        "delta14": {"linear": np.array([0, 1]), "points": 3},
        "Ue4_sq": FILE["axes"]["Ue4_sq"],
    }
    tied = {"Umu4_sq": {"map": "ratio", "of": ["Ue4_sq"], "factor": 0.5}}
    written = {**FILE, "axes": axes, "tied": tied, "experiments": tuple(FILE["experiments"]), "fixed": {"Utau4_sq": 0}}
    again = scanner.run(written, dataset.attrs["store"], cluster="serial", progress=False)
    assert len(again.attrs["runs"]) == len(dataset.attrs["runs"]) == 1


def test_opening_what_is_no_store(tmp_path: Path) -> None:
    with pytest.raises(StoreRefused, match="no store there"):
        scanner.open(str(tmp_path / "nothing.zarr"))
    zarr.open_group(tmp_path / "other.zarr", mode="w")
    with pytest.raises(StoreRefused, match="not a complete store of this program"):
        scanner.open(str(tmp_path / "other.zarr"))


def test_unguarded_script_with_local_workers(tmp_path: Path) -> None:
    """A script without ``if __name__ == "__main__"`` may call `scanner.run`, twice."""
    import subprocess
    import sys

    script = tmp_path / "script.py"
    script.write_text(
        f"import scanner\nfile = {FILE!r}\n"
        "ds = scanner.run(file, 'a.zarr', workers=2, progress=False)\n"
        "again = scanner.run(file, 'a.zarr', workers=2, progress=False)\n"
        "print(float(ds.chi2.min()) == float(again.chi2.min()))\n"
        "print(scanner.predict('two_flavour', 'miniboone')['chi2'].shape)\n"
    )
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "True\n()"
