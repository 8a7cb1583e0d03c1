"""The table of explanations: its rule on cubes whose outcome is known, and its pages."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cubes import axis, cube

from scanner.analysis.table import (
    RowOutcome,
    Scanned,
    TableFile,
    best_improvements,
    outcome,
    read_table_file,
    write_table,
)
from scanner.config import to_yaml
from scanner.errors import InputError

X = np.arange(5.0)
NULL = {"a": 20.0, "b": 10.0, "limit": 3.0}
GAINS = {"a": np.array([0, 2, 4, 6, 10.0]), "b": np.array([0, 1, 5, 2, 0.0])}
"""Of two data sets along x: the joint minimum is at x = 4 (10 + 0), within x <= 3 at x = 2 (4 + 5)."""


def _scanned(limit: np.ndarray | float, **gains: np.ndarray) -> Scanned:
    gof = {name: NULL[name] - gain for name, gain in gains.items()}
    chi2 = {**{name: values + 7 for name, values in gof.items()}, "limit": NULL["limit"] + np.broadcast_to(limit, 5)}
    arrays = np.stack([*gof.values(), np.zeros(5)])
    dataset = cube({"x": axis(X)}, chi2, gof=arrays)
    dataset.attrs["model"] = {"name": "toy"}
    return Scanned(dataset, {name: {"chi2": NULL[name] + 7 * (name != "limit"), "gof": NULL[name]} for name in chi2})


def _file(**row: Any) -> TableFile:
    best = {
        "A": [{"scan": "best", "experiment": "a", "of": ["a"]}],
        "B": [{"scan": "best", "experiment": "b", "of": ["b"]}],
    }
    entry = {"name": "toy", "mechanism": "none", "scans": ["s"], "data": {"A": "a", "B": "b"}, **row}
    return TableFile.model_validate({"version": 1, "title": "T", "published": "P", "anomalies": best, "rows": [entry]})


def _row(limit: np.ndarray | float = 0.0, others: dict[str, Scanned] | None = None, **row: Any) -> RowOutcome:
    file = _file(**row)
    scans = {
        "s": _scanned(limit, **GAINS),
        "best": _scanned(0.0, a=np.full(5, 12.0), b=np.full(5, 8.0)),
        **(others or {}),
    }
    return outcome(file.rows[0], file, scans, best_improvements(file, scans))


def test_marks_at_the_joint_minimum() -> None:
    row = _row()
    assert row.point == {"x": 4.0}
    assert [(cell.mark, cell.delta, cell.best) for cell in row.cells.values()] == [("✓", 10.0, 12.0), ("✗", 0.0, 8.0)]
    assert all(cell.limited is None for cell in row.cells.values())


def test_domain_moves_the_minimum() -> None:
    row = _row(domain={"x": [0, 3]})
    assert row.point == {"x": 2.0}
    assert [(cell.mark, cell.delta) for cell in row.cells.values()] == [("~", 4.0), ("✓", 5.0)]


@pytest.mark.parametrize(("worse", "second"), [(11.7, None), (11.9, ["~", "✓"])])
def test_second_mark_where_constraints_exclude_the_minimum(worse: float, second: list[str] | None) -> None:
    row = _row(np.where(X == 4, worse, 0.0), constraints=["limit"])
    assert row.worsening == pytest.approx(worse)
    assert [cell.mark for cell in row.cells.values()] == ["✓", "✗"]
    assert [cell.limited for cell in row.cells.values()] == (second or [None, None])
    assert row.limited_point == (None if second is None else {"x": 2.0})


def test_constraint_without_a_number_is_unknown(tmp_path: Path) -> None:
    row = _row(np.where(X == 4, np.nan, 0.0), constraints=["limit"])
    assert math.isnan(row.constraints["limit"])
    assert math.isnan(row.worsening)
    assert row.limited_point == {"x": 2.0}
    write_table(_file(), [row], tmp_path / "t.md")
    assert "limit unknown" in (tmp_path / "t.md").read_text()


def test_best_of_several_scans_counts() -> None:
    better = _scanned(0.0, a=GAINS["a"] + 1, b=GAINS["b"])
    better.dataset.attrs["model"] = {"name": "other"}
    row = _row(others={"t": better}, scans=["s", "t"])
    assert (row.model, row.cells["A"].delta) == ("other", 11.0)


def test_another_scan_may_do_best_with_the_constraints() -> None:
    free = _scanned(np.full(5, 0.5), a=GAINS["a"] - 3, b=GAINS["b"])
    free.dataset.attrs["model"] = {"name": "other"}
    row = _row(np.full(5, 50.0), others={"t": free}, scans=["s", "t"], constraints=["limit"])
    assert (row.model, row.point, row.worsening) == ("toy", {"x": 4.0}, 50.0)
    assert row.limited_point == {"x": 4.0}
    assert [cell.limited for cell in row.cells.values()] == ["✓", "✗"]
    assert row.cells["A"].delta == 10.0
    worse = _scanned(np.full(5, 0.5), a=GAINS["a"] - 7, b=GAINS["b"])
    row = _row(np.full(5, 50.0), others={"t": worse}, scans=["s", "t"], constraints=["limit"])
    assert row.cells["A"].limited == "~"


def test_no_signal_agrees_with_a_published_cross_and_not_computed_with_anything() -> None:
    published = {"A": "✗", "B": "✓"}
    row = _row(scans=[], data={}, no_signal={"A": "none"}, not_computed={"B": "a flux"}, published=published)
    assert [cell.mark for cell in row.cells.values()] == ["0", "n/c"]
    assert not any(cell.differs for cell in row.cells.values())
    row = _row(scans=[], data={}, no_signal={"B": "none"}, not_computed={"A": "a flux"}, published=published)
    assert [cell.differs for cell in row.cells.values()] == [False, True]


def test_refusals() -> None:
    with pytest.raises(InputError, match="no point is ok"):
        _row(domain={"x": [7, 9]})
    with pytest.raises(InputError, match=r"domain\.y"):
        _row(domain={"y": [0, 1]})
    other = _scanned(0.0, **GAINS)
    moved = {name: {**values, "gof": values["gof"] + 1} for name, values in other.null.items()}
    with pytest.raises(InputError, match="another χ² without a signal"):
        _row(others={"s": Scanned(other.dataset, moved)})
    with pytest.raises(InputError, match="needs gof"):
        _row(others={"s": Scanned(other.dataset.drop_vars("gof"), other.null)})
    with pytest.raises(ValueError, match="A must be in one of"):
        _file(no_signal={"A": "none"})


def test_pages(tmp_path: Path) -> None:
    published = {"A": "✗", "B": "✗"}
    file = _file(published=published, remarks={"A": "it gains <10>"}, approximate="all of it")
    row = _row(published=published, remarks={"A": "it gains <10>"}, approximate="all of it")
    for name in ("t.md", "t.html"):
        write_table(file, [row], tmp_path / name)
    text = (tmp_path / "t.md").read_text()
    assert "| 1 | toy (approximate) | none | ✓ \\| ✗ | ✗ \\| ✗ |" in text
    assert "| 1 | A | ✓ | ✗ | 10.0 of 12.0 | it gains <10> |" in text
    page = (tmp_path / "t.html").read_text()
    assert "<td>✓ | ✗</td>" in page
    assert "it gains &lt;10&gt;" in page
    with pytest.raises(InputError, match="unknown kind of table"):
        write_table(file, [row], tmp_path / "t.pdf")


def test_file_names_its_errors(tmp_path: Path) -> None:
    path = tmp_path / "table.yaml"
    path.write_text(
        to_yaml({"version": 1, "title": "T", "published": "P", "anomalies": {"A": []}, "rows": [{"name": "x"}]})
    )
    with pytest.raises(InputError, match=r"rows\[0\].mechanism"):
        read_table_file(path)
