"""What the tests of the command line share: a small scan file, and calls in this process."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from click.testing import Result
from typer.testing import CliRunner

from scanner.cli import app
from scanner.config import to_yaml

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))
FILE: dict[str, Any] = {
    "version": 1,
    "name": "tiny",
    "model": "sterile_3p1",
    "fixed": {"Umu4_sq": 0.01},
    "axes": {
        "dm2_41": {"log": [0.1, 10], "points": 5, "unit": "eV^2"},
        "Ue4_sq": {"values": [0.001, 0.01, 0.1]},
    },
    "tied": {"Utau4_sq": {"map": "ratio", "of": "Ue4_sq", "factor": 0.5}},
    "experiments": ["miniboone_fhc", "miniboone_rhc"],
    "outputs": ["chi2", "events"],
    "dtype": "float64",
    "store": "tiny.zarr",
    "execution": {"cluster": "serial", "workers": 1, "memory": "1GiB", "block": {"dm2_41": 2}},
}
OK, BAD_INPUT, FAILED_BLOCKS, REFUSED, INTERRUPTED = 0, 2, 3, 4, 130


def call(*arguments: object) -> Result:
    """Run a command in this process."""
    return CliRunner(env={"COLUMNS": "300"}).invoke(app, [str(a) for a in arguments])


def write(folder: Path, **changes: Any) -> Path:
    """Write the scan file with some entries replaced, or left out where None."""
    entries = {key: value for key, value in {**FILE, **changes}.items() if value is not None}
    path = folder / "scan.yaml"
    path.write_text(to_yaml(entries))
    return path


def assert_one_message(result: Result, exit_status: int) -> None:
    """One message on stderr, nothing on stdout, no traceback, and that exit status."""
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == exit_status, result.output
    assert result.stderr.strip().startswith("scanner: ")
    assert result.stderr.count("scanner: ") == 1
    assert "Traceback" not in result.output
    assert result.stdout == ""
