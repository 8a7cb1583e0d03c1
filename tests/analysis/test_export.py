"""Files that can be read back: CSV as written, and submissions that HEPData's own validator accepts."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import yaml
from cubes import axis, cube
from hepdata_validator.full_submission_validator import FullSubmissionValidator

from scanner.analysis import export
from scanner.errors import InputError


@pytest.fixture(scope="module")
def dataset() -> xr.Dataset:
    axes = {
        "m_N": axis(np.geomspace(1e-3, 10, 5), "log", "GeV"),
        "dm2": axis(np.geomspace(1e-5, 1, 6), "log", "eV^2"),
        "q": axis([0, 1.0]),
        "idle": axis([3, 4.0]),
    }
    chi2 = np.random.default_rng(6).uniform(50, 62, (5, 6, 2, 1))
    chi2[1, 2] = np.nan
    facts = {"a": {"axes": ["m_N", "dm2", "q"], "references": ["arXiv:1234.5678\n (2012)"]}}
    dataset = cube(axes, {"a": chi2}, facts).assign_coords(half=("m_N", axes["m_N"].values / 2, {"units": "GeV"}))
    about = {"store": "night.zarr", "identity_hash": "0123", "end": "2026-01-02", "model": {"title": "a model"}}
    return dataset.assign_attrs(about)


def read(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    header = [line[2:] for line in lines if line.startswith("# ")]
    return header, list(csv.DictReader(line for line in lines if not line.startswith("# ")))


def test_csv_holds_the_profile_exactly_and_says_where_it_is_from(dataset: xr.Dataset, tmp_path: Path) -> None:
    header, rows = read(dataset.scan.to_csv(tmp_path / "deeper" / "a.csv", "m_N", "dm2"))
    delta = dataset.scan.profile("m_N", "dm2")
    assert list(rows[0]) == ["m_N", "dm2", "half", "best_q", "best_idle", "delta_chi2"]
    for name, values in (("delta_chi2", delta), ("best_q", delta.best_q), ("m_N", delta.m_N.broadcast_like(delta))):
        np.testing.assert_array_equal([float(row[name]) for row in rows], values.values.ravel())
    assert sum(row["delta_chi2"] == "nan" for row in rows) == 1
    for line in ("store: night.zarr", "identity_hash: 0123", "end: 2026-01-02", "experiments: a", "fixed: nothing"):
        assert line in header
    assert "reference: arXiv:1234.5678 (2012)" in header
    assert "columns: m_N [GeV], dm2 [eV^2], half [GeV], best_q, best_idle, delta_chi2" in header


def test_csv_of_all_axes_that_matter(dataset: xr.Dataset, tmp_path: Path) -> None:
    header, rows = read(dataset.scan.to_csv(tmp_path / "a.csv", at={"dm2": 1e-3}))
    assert len(rows) == 5 * 2 and list(rows[0]) == ["m_N", "q", "half", "best_idle", "delta_chi2"]
    assert any(line.startswith("fixed: dm2 = 0.001") for line in header)


def submission(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The general part of a submission that is valid, and its tables by name."""
    validator = FullSubmissionValidator(schema_version="1.1.1")
    assert validator.validate(directory=str(folder)), validator.get_messages()
    first, *entries = yaml.safe_load_all((folder / "submission.yaml").read_text(encoding="utf-8"))
    return first, {e["name"]: yaml.safe_load((folder / e["data_file"]).read_text(encoding="utf-8")) for e in entries}


def values(variable: dict[str, Any]) -> list[Any]:
    return [entry["value"] for entry in variable["values"]]


def test_hepdata(dataset: xr.Dataset, tmp_path: Path) -> None:
    folder = dataset.scan.to_hepdata(tmp_path / "hepdata", "m_N", "dm2", at={"idle": 4}, cl=(0.68, 0.9))
    first, tables = submission(folder)
    assert "identity_hash: 0123" in first["comment"] and "arXiv:1234.5678" in first["comment"]
    delta = dataset.scan.profile("m_N", "dm2", at={"idle": 4})
    mass, splitting = tables["delta_chi2"]["independent_variables"]
    (height,) = tables["delta_chi2"]["dependent_variables"]
    assert mass["header"] == {"name": "m_N", "units": "GeV"} and splitting["header"]["units"] == "eV^2"
    np.testing.assert_array_equal(values(mass), delta.m_N.broadcast_like(delta).values.ravel())
    found = [np.nan if v == "-" else v for v in values(height)]
    np.testing.assert_array_equal(np.array(found, dtype=float), delta.values.ravel())  # numbers, not strings
    assert values(height).count("-") == 1 and all(isinstance(v, float) for v in values(splitting))
    named = {q["name"]: q["value"] for q in height["qualifiers"]}
    assert named == {"experiments": "a", "model": "a model", "idle": 4.0}
    np.testing.assert_array_equal(
        [v for v in values(tables["best_q"]["dependent_variables"][0]) if v != "-"],
        [v for v in delta.best_q.values.ravel() if not np.isnan(v)],
    )
    for contour in dataset.scan.contour("m_N", "dm2", cl=[0.68, 0.9], at={"idle": 4}):
        for i, line in enumerate(contour.lines):
            table = tables.pop(f"contour_{100 * contour.cl:g}_{i + 1}")
            np.testing.assert_array_equal(values(table["independent_variables"][0]), line[:, 0])
            np.testing.assert_array_equal(values(table["dependent_variables"][0]), line[:, 1])
    assert set(tables) == {"delta_chi2", "best_q"}


def test_hepdata_of_one_axis(dataset: xr.Dataset, tmp_path: Path) -> None:
    _, tables = submission(dataset.scan.to_hepdata(tmp_path / "one", "m_N"))
    assert set(tables) == {"delta_chi2", "best_dm2", "best_q"}


def test_refusals(dataset: xr.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="cannot be written"):
        dataset.scan.to_csv(tmp_path / "file" / "a.csv", "m_N")
    with pytest.raises(InputError, match="a new or empty folder"):
        dataset.scan.to_hepdata(tmp_path, "m_N")
    with pytest.raises(InputError, match="no axis has several values"):
        dataset.isel(m_N=[0], dm2=[0], q=[0]).scan.to_csv(tmp_path / "a.csv")
    monkeypatch.setattr(export, "MAX_ROWS", 29)
    with pytest.raises(InputError, match="found: 30"):
        dataset.scan.to_csv(tmp_path / "a.csv", "m_N", "dm2")
    monkeypatch.setattr(export, "HEPDATA_BYTES", 100)
    with pytest.raises(InputError, match=r"delta_chi2.yaml would be too large"):
        dataset.scan.to_hepdata(tmp_path / "large", "m_N")
    assert not (tmp_path / "a.csv").exists() and not (tmp_path / "large").exists()
