"""Speeds: measured, kept, compared."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_helpers import BAD_INPUT, OK, assert_one_message, call

from jobs import bench
from scanner import registry


def test_every_signal_has_a_case() -> None:
    """A new signal must be measured, too; each case's model and experiments meet in it."""
    versioned = {name for name in registry.providers("signals") if hasattr(registry.signal(name), "VERSION")}
    assert {case.signal for case in bench.CASES} == versioned
    for case in bench.CASES:
        assert case.signal in registry.model(case.model).signals
        for name in case.experiments:
            assert case.signal in registry.experiment(name).signals


def test_what_is_measured_is_a_rate(tmp_path: Path) -> None:
    found = bench.kernel_speeds(bench.CASES[0], "miniboone_fhc") + bench.write_speeds(tmp_path)
    found += bench.engine_speeds(tmp_path, {"serial": 1})
    assert all(0 < speed.per_second < 1e12 for speed in found)
    assert len({(speed.kind, speed.name) for speed in found}) == len(found) == 7


def test_speeds_are_kept_and_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    speeds = [bench.Speed("kernel", "a", 4e6, "points"), bench.Speed("write", "b", 3e7, "bytes")]
    monkeypatch.setattr(bench, "measure", lambda folder, say: speeds)
    assert call("bench", "-o", "one.json").exit_code == OK
    kept = json.loads(Path("one.json").read_text())
    assert kept["machine"] == bench.machine() and kept["environment"]["versions"]["numpy"]
    assert [path.name for path in tmp_path.iterdir()] == ["one.json"]
    kept["speeds"] = [{**kept["speeds"][0], "per_second": 1e6}]
    Path("slow.json").write_text(json.dumps(kept))
    result = call("bench", "--against", "slow.json").stdout
    (kernel,) = (row for row in result.splitlines() if "kernel" in row)
    (write,) = (row for row in result.splitlines() if "write" in row)
    assert "4,000,000 points" in kernel and "4.00" in kernel
    assert "30,000,000 bytes" in write and "new" in write


@pytest.mark.parametrize(
    ("content", "fragment"),
    [
        (None, "cannot be read as speeds"),
        ("[]", "cannot be read as speeds"),
        ('{"format": 1, "machine": {}, "speeds": [{"kind": "write", "name": "b"}]}', "cannot be read as speeds"),
        ('{"format": 1, "machine": {}, "speeds": [{"kind": "write", "name": "b", "per_second": 0}]}', "not above 0"),
        ('{"format": 1, "machine": {}, "speeds": [{"kind": "write", "name": "b", "per_second": "3"}]}', "TypeError"),
        ('{"format": 99, "machine": {}, "speeds": []}', "another version"),
        ('{"format": 1, "machine": {"cpu": "another", "cores": 1}, "speeds": []}', "another machine"),
    ],
)
def test_what_cannot_be_compared_is_refused(tmp_path: Path, content: str | None, fragment: str) -> None:
    path = tmp_path / "old.json"
    if content is not None:
        path.write_text(content)
    result = call("bench", "--against", path)
    assert_one_message(result, BAD_INPUT)
    assert fragment in result.stderr


@pytest.mark.parametrize("place", [".", "no/such/folder.json"])
def test_what_cannot_be_kept_is_refused_before_it_is_measured(tmp_path: Path, place: str) -> None:
    """So that nobody waits for minutes for speeds that are lost."""
    result = call("bench", "-o", tmp_path / place)
    assert_one_message(result, BAD_INPUT)
    assert "--out: cannot be written" in result.stderr


def test_speeds_are_not_measured_where_no_store_can_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = tmp_path / "gone"
    monkeypatch.setattr(Path, "cwd", lambda: gone)
    result = call("bench")
    assert_one_message(result, BAD_INPUT)
    assert "stores cannot be made here" in result.stderr
