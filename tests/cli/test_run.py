"""run and status."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_helpers import (
    BAD_INPUT,
    FAILED_BLOCKS,
    FILE,
    INTERRUPTED,
    OK,
    REFUSED,
    assert_one_message,
    call,
    write,
)

import scanner
from scanner.lock import DriverLock
from scanner.recipes import scan as recipes


def _contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Time of change and contents of every file, except for those of a driver."""
    files = [p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("driver.")]
    return {str(p.relative_to(folder)): (p.stat().st_mtime_ns, p.read_bytes()) for p in files}


def _results(store: Path) -> dict[str, tuple[int, bytes]]:
    """What `_contents` gives, without the ledger: a driver writes that whenever it ends."""
    return {name: content for name, content in _contents(store).items() if not name.startswith("ledger")}


def test_status_as_json(finished: Path) -> None:
    found = json.loads(call("status", finished / "tiny.zarr", "--json").stdout)
    assert (found["blocks"], found["done"], found["failed"], found["complete"]) == (3, 3, 0, True)
    assert found["points"] == 15
    assert found["statuses"] == {"ok": 30}
    assert [(e["blocks"], e["done"], e["failed"]) for e in found["elements"]] == [(3, 3, 0)]
    assert "numba" in found["provenance"]["environment"]["versions"]


def test_status_in_words(finished: Path) -> None:
    text = call("status", finished / "tiny.zarr").stdout
    assert "tiny: 3 of 3 blocks done, 0 failed, 15 points, complete" in text
    assert "ok 30" in text and "run 1: " in text


def test_the_results_are_those_of_single_predictions(finished: Path) -> None:
    cube = scanner.open(str(finished / "tiny.zarr"))
    point = {"dm2_41": 10.0, "Ue4_sq": 0.1, "Umu4_sq": 0.01, "Utau4_sq": 0.05}
    for name in FILE["experiments"]:
        expected = float(scanner.predict("sterile_3p1", name, **point)["chi2"])
        assert float(cube["chi2"].sel(experiment=name)[-1, -1]) == expected


def test_a_complete_store_is_left_as_it_is(finished: Path) -> None:
    before = _results(finished / "tiny.zarr")
    result = call("run", finished / "scan.yaml", "-o", finished / "tiny.zarr")
    assert result.exit_code == OK
    assert "all 3 blocks are done" in result.stderr and "Best fit" in result.stdout
    assert _results(finished / "tiny.zarr") == before


def test_execution_and_name_are_no_part_of_the_identity(finished: Path) -> None:
    changes = ("--set", "execution.block=auto", "--set", "name=other", "--set", "execution.workers=2")
    assert call("run", finished / "scan.yaml", "-o", finished / "tiny.zarr", *changes).exit_code == OK


DIFFERENT = [
    ("fixed.Umu4_sq=0.02", "fixed.Umu4_sq: the store has 0.01, asked for is 0.02"),
    ("axes.dm2_41.points=6", "axes.dm2_41.points: the store has 5, asked for is 6"),
    ("dtype=float32", "dtype: the store has float64, asked for is float32"),
    ("tied={}", "tied.Utau4_sq"),
]


@pytest.mark.parametrize(("setting", "fragment"), DIFFERENT)
def test_another_identity_is_refused_saying_what_differs(finished: Path, setting: str, fragment: str) -> None:
    before = _contents(finished / "tiny.zarr")
    result = call("run", finished / "scan.yaml", "-o", finished / "tiny.zarr", "--set", setting)
    assert_one_message(result, REFUSED)
    assert fragment in result.stderr and "--fresh" in result.stderr
    assert _contents(finished / "tiny.zarr") == before


def test_fresh_replaces_a_store(tmp_path: Path) -> None:
    path = write(tmp_path, axes={"dm2_41": {"values": [1.0]}}, execution={"cluster": "serial"}, tied={})
    assert call("run", path).exit_code == OK
    assert call("run", path, "--fresh", "--set", "axes.dm2_41.values=[2.0, 3.0]").exit_code == OK
    np.testing.assert_array_equal(scanner.open(str(tmp_path / "tiny.zarr"))["dm2_41"], [2.0, 3.0])


def _foreign(folder: Path, kind: str) -> Path:
    """A folder that is not ours: with a note in it, or a zarr group of somebody else's."""
    foreign = folder / "foreign"
    foreign.mkdir()
    if kind == "zarr":
        (foreign / "zarr.json").write_text('{"zarr_format": 3, "node_type": "group", "attributes": {"mine": 1}}')
        (foreign / "data").mkdir()
    (foreign / "genome.txt").write_text("not to be lost")
    return foreign


@pytest.mark.parametrize("option", [(), ("--fresh",)])
@pytest.mark.parametrize("kind", ["note", "zarr"])
def test_a_foreign_folder_is_refused_and_kept(tmp_path: Path, kind: str, option: tuple[str, ...]) -> None:
    foreign = _foreign(tmp_path, kind)
    before = _contents(foreign)
    assert_one_message(call("run", write(tmp_path), "-o", foreign, *option), REFUSED)
    assert _contents(foreign) == before


def test_an_empty_folder_may_become_a_store(tmp_path: Path) -> None:
    (tmp_path / "tiny.zarr").mkdir()
    assert call("run", write(tmp_path)).exit_code == OK
    assert json.loads(call("status", tmp_path / "tiny.zarr", "--json").stdout)["complete"]


def test_a_store_in_use_is_refused(tmp_path: Path) -> None:
    with DriverLock(str(tmp_path / "tiny.zarr")):
        result = call("run", write(tmp_path))
    assert_one_message(result, REFUSED)
    assert "in use by another driver" in result.stderr


@pytest.mark.parametrize("command", [("status",), ("plot", "--x", "a", "--y", "b", "-o", "a.png")])
def test_no_store(tmp_path: Path, command: tuple[str, ...]) -> None:
    assert_one_message(call(*command, tmp_path / "none.zarr"), REFUSED)


def test_an_unknown_cluster_is_refused(tmp_path: Path) -> None:
    result = call("run", write(tmp_path), "--cluster", "slrm")
    assert result.exit_code == BAD_INPUT
    assert "scanner: --cluster: no cluster file named 'slrm'" in result.stderr
    assert "did you mean 'slurm'?" in result.stderr and "Traceback" not in result.stderr


def test_failed_blocks_end_with_their_status_and_the_traceback_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise ZeroDivisionError("a block that fails")

    monkeypatch.setattr(recipes, "evaluate", fail)
    result = call("run", write(tmp_path))
    assert result.exit_code == FAILED_BLOCKS
    assert "scanner: 3 block(s) failed" in result.stderr and "Traceback" not in result.stderr
    found = json.loads(call("status", tmp_path / "tiny.zarr", "--json").stdout)
    assert (found["done"], found["failed"], found["complete"]) == (0, 3, False)
    assert "ZeroDivisionError: a block that fails" in found["failures"]["0"]
    assert "a block that fails" in call("status", tmp_path / "tiny.zarr").stdout


def test_an_interrupted_run_says_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = iter(range(100))
    known = recipes.evaluate

    def interrupt(*arguments: Any) -> Any:
        if next(calls) == 1:
            raise KeyboardInterrupt
        return known(*arguments)

    monkeypatch.setattr(recipes, "evaluate", interrupt)
    result = call("run", write(tmp_path))
    assert result.exit_code == INTERRUPTED
    assert "tiny.zarr, the same command goes on" in result.stderr
    assert json.loads(call("status", tmp_path / "tiny.zarr", "--json").stdout)["done"] == 1
    assert "resuming: 1 of 3 blocks are done" in call("run", write(tmp_path)).stderr
