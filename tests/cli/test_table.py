"""`scanner table`: scans, marks and a page by one command."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from cli_helpers import BAD_INPUT, OK, assert_one_message, call

from scanner.config import to_yaml


def _scan(folder: Path, model: str, axes: dict[str, Any], outputs: list[str]) -> None:
    scan = {
        "version": 1,
        "name": model,
        "model": model,
        "axes": axes,
        "experiments": ["lsnd", "gallium"],
        "outputs": outputs,
        "store": str(folder / f"{model}.zarr"),
        "execution": {"cluster": "serial"},
    }
    (folder / f"{model}.yaml").write_text(to_yaml(scan))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A table of one explanation, 3+1, and two anomalies."""
    rates = {"P_mue": {"linear": [0, 0.004], "points": 41}, "R_e": {"linear": [0.7, 1], "points": 31}}
    _scan(tmp_path, "constant_probability", rates, ["chi2", "gof"])
    mixings = {"log": [1e-3, 0.3], "points": 13}
    axes = {"dm2_41": {"log": [0.1, 50], "points": 21}, "Ue4_sq": mixings, "Umu4_sq": mixings}
    _scan(tmp_path, "sterile_3p1", axes, ["chi2", "gof"])
    rows = [
        {
            "name": "3+1",
            "mechanism": "oscillation",
            "scans": ["sterile_3p1.yaml"],
            "data": {"LSND": "lsnd", "sources": "gallium"},
            "published": {"LSND": "✓", "sources": "✗"},
        }
    ]
    anomalies = {
        name: [{"scan": "constant_probability.yaml", "experiment": of, "of": [of]}]
        for name, of in (("LSND", "lsnd"), ("sources", "gallium"))
    }
    path = tmp_path / "table.yaml"
    path.write_text(to_yaml({"version": 1, "title": "T", "published": "P", "anomalies": anomalies, "rows": rows}))
    return path


def test_one_command(file: Path) -> None:
    output = file.parent / "table.md"
    result = call("table", file, "-o", output)
    assert result.exit_code == OK, result.output
    assert "1 rows, 1 marks differ" in result.output
    assert "3+1, sources: no remark says why it is ✓" in result.output
    page = output.read_text()
    # LSND gains 10.55 by a free probability, gallium 26.20 by a free ratio.
    best = [float(number) for number in re.findall(r" of ([\d.]+)", page)[:2]]
    assert best == pytest.approx([10.55, 26.20], abs=0.15)
    assert "| 1 | 3+1 | oscillation | ✓ \\| ✓ | ✓ \\| ✗ |" in page


def test_refusals(file: Path) -> None:
    result = call("table", file, "-o", file.parent / "table.pdf")
    assert_one_message(result, BAD_INPUT)
    assert "unknown kind of table" in result.stderr
    _scan(file.parent, "sterile_3p1", {"dm2_41": {"values": [1.0]}}, ["chi2"])
    result = call("table", file, "-o", file.parent / "table.md")
    assert_one_message(result, BAD_INPUT)
    assert "lacks gof" in result.stderr
    assert not (file.parent / "table.md").exists()
