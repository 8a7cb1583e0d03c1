"""A driver that knows when it must have ended, and blocks that do not end by themselves."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import Reference, Run, assert_same, call, last_run, python_path, scan_file, start, status_shards, written

import scanner
from jobs import launch
from jobs.deadline import Deadline, InTime
from jobs.launch import Options
from scanner import tables
from scanner.config import read_scan_file
from scanner.engine import Silent, Summary
from scanner.errors import ScannerError, Status
from scanner.recipes import scan as scan_recipes
from scanner.recipes.scan import ScanRecipe
from scanner.scan import resolve
from scanner.worker import DONE, FAILED, Outcome

BLOCKS, BAD = 16, 5
SLOW = """
import os, pathlib, time
from scanner.recipes.scan import ScanRecipe
evaluate = ScanRecipe.evaluate
def slowly(self, cube, block):
    pathlib.Path(os.environ["TAKEN"]).touch()
    time.sleep(float(os.environ["SECONDS_A_BLOCK"]))
    return evaluate(self, cube, block)
ScanRecipe.evaluate = slowly
"""
"""For sitecustomize: a block takes as long as the environment says, and leaves a file once it is taken."""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """A scan that takes no time, complete, with a sitecustomize beside it that can make it slow."""
    folder = tmp_path_factory.mktemp("tiny")
    file, store = scan_file(folder, (8, 8, 8), (4, 2, 4)), folder / "whole.zarr"
    _run(file, store)
    (folder / "sitecustomize.py").write_text(SLOW)
    return Reference(file, store, BLOCKS)


def _run(file: Path, store: Path, **settings: Any) -> Summary:
    """Run in this process, or go on."""
    recipe = ScanRecipe(resolve(read_scan_file(file)))
    recipe.execution = recipe.execution.model_copy(update=settings)
    return launch.run(recipe, Options(out=str(store), cluster="serial"), Silent())[1]


def _slowly(tiny: Reference, store: Path, seconds: float, *options: str) -> Run:
    path, command = python_path(tiny.file.parent), ("run", tiny.file, "-o", store, "--cluster", "serial", *options)
    slow = {"SECONDS_A_BLOCK": str(seconds), "TAKEN": str(store.parent / "taken")}
    return start(store.parent, *command, PYTHONPATH=path, **slow)


class _Clockwork:
    """An executor whose blocks take a second each, on two workers, by a clock that only it moves."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, window: int = 16):
        self.window, self.now, self.queue, self.ended = window, 0.0, list[int](), list[int]()
        monkeypatch.setattr(time, "monotonic", lambda: self.now)

    def submit(self, numbers: Sequence[int]) -> None:
        self.queue += numbers

    def completed(self) -> list[Outcome]:
        self.now += 1.0
        ended, self.queue = self.queue[:2], self.queue[2:]
        self.ended += ended
        return [Outcome(number, DONE, evaluate_seconds=0.9, write_seconds=0.1) for number in ended]


@pytest.mark.parametrize("window", [16, 200])
def test_every_block_that_is_taken_ends_in_time(monkeypatch: pytest.MonkeyPatch, window: int) -> None:
    """Also where a whole window of blocks would not."""
    clock = _Clockwork(monkeypatch, window)
    executor, taken = InTime(clock, 2, Deadline(50.0)), 0  # of which 10 are kept free
    while window := executor.window - len(clock.queue) if clock.queue or executor.window else 0:
        executor.submit(range(taken, taken + max(0, window)))
        taken += max(0, window)
        executor.completed()
    while clock.queue:
        executor.completed()
    assert clock.now <= 40
    assert clock.ended == list(range(taken)) and taken >= 2 * 38


def test_blocks_are_taken_one_by_one_until_it_is_known_what_they_take(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables that were built before say nothing of it."""
    clock, deadline = _Clockwork(monkeypatch), Deadline(50.0)
    executor = InTime(clock, 2, deadline)
    assert executor.window == 2
    deadline.saw(Outcome(0, DONE, evaluate_seconds=1e-3))
    assert executor.window == 16
    deadline.forget()
    assert executor.window == 2
    clock.now = 41.0
    assert executor.window == 0


def test_no_end_leaves_the_window_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, deadline = _Clockwork(monkeypatch), Deadline()
    executor = InTime(clock, 2, deadline)
    executor.submit([0, 1])
    executor.completed()
    clock.now = 1e9
    assert (executor.window, deadline.done) == (16, 2)


def test_time_is_in_vain_if_blocks_were_taken_and_none_was_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver that only waited for others is none that should not run again."""
    clock, deadline = _Clockwork(monkeypatch), Deadline(100.0)
    executor = InTime(clock, 2, deadline)
    assert not deadline.in_vain
    executor.submit([0, 1])
    deadline.saw(Outcome(0, FAILED))
    assert not deadline.in_vain  # told to end as early as this, it makes room for others
    clock.now = 60.0
    assert deadline.in_vain
    executor.completed()
    assert not deadline.in_vain


def test_scan_that_cannot_end_in_time_stops_before_and_goes_on(tiny: Reference, tmp_path: Path) -> None:
    store, begin = tmp_path / "scan.zarr", time.monotonic()
    run = _slowly(tiny, store, 4, "--walltime", "40")
    assert run.finish() == 130, run.text
    assert time.monotonic() - begin < 64  # all blocks would take longer
    assert "would not end within the walltime; the same command goes on" in run.text
    done = written(store)
    assert 0 < len(done) < BLOCKS and sorted(done) == sorted(last_run(store))
    assert call(tmp_path, "run", tiny.file, "-o", store, "--cluster", "serial")[0] == 0
    assert set(last_run(store)) == set(range(BLOCKS)) - done
    assert_same(store, tiny.store)


@pytest.mark.parametrize(("blocks", "walltime", "status"), [(2, 1000, 130), (0, 1000, 130), (0, 40, 1)])
def test_sigterm_says_whether_going_on_makes_sense(
    tiny: Reference, tmp_path: Path, blocks: int, walltime: int, status: int
) -> None:
    """130 if the same job may run again: something was done, or not much time was there; 1 if time went by in vain."""
    store = tmp_path / "scan.zarr"
    run = _slowly(tiny, store, 1 if blocks else 300, "--walltime", str(walltime))
    run.wait_until(lambda: status_shards(store) >= blocks and (tmp_path / "taken").exists())
    time.sleep(0.45 * walltime if status == 1 else 0.0)
    os.kill(run.process.pid, signal.SIGTERM)
    assert run.finish() == status, run.text
    assert ("no block ended within the walltime" in run.text) == (status == 1)
    assert "Traceback" not in run.text, run.text
    done = written(store)  # the signal may come between a block's last shard and the driver's note of it
    assert _run(tiny.file, store).evaluated == BLOCKS - len(done)
    assert_same(store, tiny.store)


def test_hanging_block_has_a_status_and_the_scan_goes_on(
    tiny: Reference, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, evaluate, hang = tmp_path / "scan.zarr", scan_recipes.evaluate, threading.Event()

    def hanging(scan: Any, built: Any, block: Any, *rounding: Any) -> Any:
        if block.number == BAD:
            hang.wait()
        return evaluate(scan, built, block, *rounding)

    with monkeypatch.context() as patch:
        patch.setattr(scan_recipes, "evaluate", hanging)
        done = _run(tiny.file, store, timeout=2.0)
    assert (done.evaluated, done.failed) == (BLOCKS - 1, 1)
    found = scanner.open(str(store)).load()
    late = found["status"] == Status.timeout
    assert int(late.sum()) == found["status"].size // BLOCKS
    assert np.isnan(found["chi2"].values[late.values]).all() and not np.isnan(found["chi2"].values[~late.values]).any()
    hang.set()  # what comes too late is dropped
    assert (scanner.open(str(store))["status"] == late * int(Status.timeout) + ~late * int(Status.ok)).all()
    assert _run(tiny.file, store).evaluated == 1
    assert_same(store, tiny.store)


def test_hanging_table_is_an_error_that_names_it(
    tiny: Reference, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, build, hang = tmp_path / "scan.zarr", tables.build, threading.Event()

    def hanging(planned: Any, part: Any) -> Any:
        hang.wait()
        return build(planned, part)

    monkeypatch.setattr(tables, "remembered", lambda planned: {})
    with monkeypatch.context() as patch:
        patch.setattr(tables, "build", hanging)
        message = r"(?s)table miniboone_fhc/0/.*, nodes 0 to 7, cannot be built: .* 1 s.*execution\.timeout.*more"
        with pytest.raises(ScannerError, match=message):
            _run(tiny.file, store, timeout=1.0)
    hang.set()  # what comes too late is dropped
    assert not list((store / "tables").rglob("c/*"))
    assert _run(tiny.file, store).evaluated == BLOCKS
    assert_same(store, tiny.store)
