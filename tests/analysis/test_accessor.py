"""``ds.scan`` of a real scan: opened cubes have it, and it agrees with numpy on what was stored."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

import scanner
from scanner.errors import InputError, Status

FILE = {
    "version": 1,
    "name": "small",
    "model": "sterile_3p1",
    "axes": {
        "dm2_41": {"log": [0.1, 200], "points": 7, "unit": "eV^2"},
        "delta14": {"linear": [0, 1], "points": 3},
        "Ue4_sq": {"log": [1e-3, 0.9], "points": 5},
        "Umu4_sq": {"log": [1e-3, 0.9], "points": 6},
    },
    "experiments": ["miniboone_rhc", "miniboone_fhc"],
    "outputs": ["chi2", "events"],
    "execution": {"block": {"dm2_41": 4, "Ue4_sq": 2}},
}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    return scanner.run(FILE, tmp_path_factory.mktemp("store") / "small.zarr", cluster="serial", progress=False)


def test_profiles_and_fits_of_a_scan(dataset: xr.Dataset) -> None:
    """With points that are not ok, and an axis that nothing depends on."""
    stored = dataset.chi2.sel(experiment="miniboone_fhc").values.astype(float)
    assert np.isnan(stored).any()
    delta = dataset.scan.profile("Umu4_sq", "dm2_41", experiments=["miniboone_fhc"])
    lowest = np.where(np.isnan(stored), np.inf, stored).min((1, 2)).T
    np.testing.assert_array_equal(delta, np.where(np.isinf(lowest), np.nan, lowest - np.nanmin(stored)))
    best = dataset.scan.best_fit(["miniboone_fhc"])
    assert best.chi2 == np.nanmin(stored) and best.point["delta14"] == 0 and "delta14" not in best.on_edge
    assert float(dataset.chi2.sel(best.point | {"experiment": "miniboone_fhc"})) == np.float32(best.chi2)
    (contour,) = dataset.scan.contour("Umu4_sq", "dm2_41", experiments=["miniboone_fhc"])
    assert contour.units == ("1", "eV^2") and contour.lines


def test_statuses_of_a_scan(dataset: xr.Dataset) -> None:
    outside = dataset.scan.sel_status("outside_model").status
    assert set(np.unique(outside)) == {Status.missing, Status.outside_model}
    with pytest.raises(InputError, match="status is not ok anywhere"):
        dataset.scan.sel_status("outside_model").scan.profile("dm2_41", experiments=["miniboone_fhc"])


def test_a_likelihood_that_is_no_count_has_no_classical_limit(dataset: xr.Dataset) -> None:
    with pytest.raises(InputError, match="miniboone_fhc is not a counting experiment"):
        dataset.scan.limit("Umu4_sq", "dm2_41", method="cls", experiments=["miniboone_fhc"])


def test_other_datasets_have_nothing_to_scan() -> None:
    with pytest.raises(InputError, match="no opened cube"):
        _ = xr.Dataset({"critical": ("point", [1.0])}).scan
