"""A scan killed at any moment goes on where it was, and ends with the same bits as one that never was."""

from __future__ import annotations

import itertools
import os
import signal
from pathlib import Path

import pytest
from helpers import (
    KILLS,
    LONG,
    SMALL,
    Reference,
    Trial,
    alive,
    call,
    files,
    reference_of,
    stamps,
    status_shards,
    stop,
)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return reference_of(tmp_path_factory, *SMALL)


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return reference_of(tmp_path_factory, *LONG)


@pytest.mark.parametrize("kind", KILLS)
def test_killed_scan_goes_on(small: Reference, tmp_path: Path, kind: str) -> None:
    trial = Trial(small, tmp_path)
    trial.disturb(kind, 40)
    missing = trial.missing()
    if kind != "worker":
        assert missing
        trial.start()
    evaluated = trial.finish()
    if kind == "driver":  # its workers may have written what they were at
        assert set(evaluated) <= missing
    else:
        assert set(evaluated) == missing


@pytest.mark.parametrize("executors", [("serial", "local"), pytest.param(("local", "serial"), marks=pytest.mark.slow)])
def test_goes_on_with_another_executor(small: Reference, tmp_path: Path, executors: tuple[str, str]) -> None:
    first, second = executors
    trial = Trial(small, tmp_path, "--cluster", first)
    trial.disturb("all", 50)
    missing = trial.missing()
    trial.start("--cluster", second, "--workers", "3")
    assert set(trial.finish()) == missing


@pytest.mark.parametrize(("cluster", "number"), [("local", signal.SIGINT), ("serial", signal.SIGTERM)])
def test_interrupted_scan_says_how_to_go_on(
    small: Reference, tmp_path: Path, cluster: str, number: signal.Signals
) -> None:
    trial = Trial(small, tmp_path, "--cluster", cluster)
    trial.reach(30)
    stop(trial.run.tree())  # so that it cannot end before the signal comes
    os.killpg(trial.run.process.pid, number)
    os.killpg(trial.run.process.pid, signal.SIGCONT)
    assert trial.run.finish() == 130
    assert f"what was done is in {trial.store}, the same command goes on" in trial.run.text
    assert "Traceback" not in trial.run.text, trial.run.text
    assert alive(trial.processes) == []
    trial.account()
    missing = trial.missing()
    assert missing
    trial.start("--cluster", cluster)
    assert set(trial.finish()) == missing


def test_complete_scan_is_left_alone(small: Reference) -> None:
    before = files(small.store), stamps(small.store)
    status, text = call(small.file.parent, "run", small.file, "-o", small.store)
    assert status == 0, text
    assert "complete: all 128 blocks are done" in text
    assert (files(small.store), stamps(small.store)) == before


@pytest.mark.slow
def test_two_workers_give_the_bits_of_one_process(long: Reference, tmp_path: Path) -> None:
    trial = Trial(long, tmp_path)
    assert set(trial.finish()) == set(range(long.blocks))


@pytest.mark.slow
def test_ten_kills(long: Reference, tmp_path: Path) -> None:
    trial, moments = Trial(long, tmp_path), [10 + 80 * i / 9 for i in range(10)]
    for percent, kind in zip(moments, itertools.cycle(KILLS), strict=False):
        trial.disturb(kind, percent)
        print(f"{percent:5.1f} % {kind:6} {status_shards(trial.store):3} blocks written")
        if kind != "worker":
            assert trial.missing()
            trial.start()
    trial.finish()
    for number, (missing, evaluated) in enumerate(trial.runs):
        print(f"run {number}: {missing:3} blocks missing, {evaluated:3} evaluated, none of those done before")
    assert len(trial.runs) == 1 + sum(kind != "worker" for kind in itertools.islice(itertools.cycle(KILLS), 10))
