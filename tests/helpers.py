"""What the tests that run scans as a user would, kill them and resume them have in common."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

import scanner
from scanner.cube import open_cube
from scanner.sources import user_cache_dir

TIMEOUT = 300.0
"""Seconds after which a test gives up on what should have happened."""
POLL = 0.002
SMALL = ((32, 128, 128), (2, 128, 16))
LONG = ((320, 256, 256), (16, 256, 32))
"""Points and block on each axis: 128 blocks in some seconds, and 160 blocks in half a minute and more."""

DASK = {"DASK_DISTRIBUTED__COMM__TIMEOUTS__CONNECT": "5s"}
"""dask asks a dead worker for its results for so long."""
RANGES = {"dm2_41": [0.01, 100], "Ue4_sq": [1e-4, 0.5], "Umu4_sq": [1e-4, 0.4]}


def scan_file(folder: Path, points: tuple[int, int, int], block: tuple[int, int, int]) -> Path:
    """Write a 3+1 scan of all three MiniBooNE fits, with so many points and such blocks on each axis."""
    scan = {
        "version": 1,
        "name": "resume",
        "model": "sterile_3p1",
        "axes": {name: {"log": ends, "points": n} for (name, ends), n in zip(RANGES.items(), points, strict=True)},
        "experiments": ["miniboone_fhc", "miniboone_rhc", "miniboone"],
        "execution": {"cluster": "local", "workers": 2, "block": dict(zip(RANGES, block, strict=True))},
    }
    path = folder / "scan.yaml"
    path.write_text(json.dumps(scan))
    return path


@dataclass(frozen=True)
class Run:
    """A ``scanner`` command in a session of its own, as from a terminal.

    Parameters
    ----------
    process
        The command.
    output
        File that takes all that it prints.
    """

    process: subprocess.Popen[bytes]
    output: Path

    @property
    def text(self) -> str:
        """What it has printed."""
        return self.output.read_text(errors="replace")

    def tree(self) -> list[psutil.Process]:
        """Return those of its driver, cluster and workers that are alive."""
        with contextlib.suppress(psutil.NoSuchProcess):
            driver = psutil.Process(self.process.pid)
            return [driver, *driver.children(recursive=True)]
        return []

    def workers(self) -> list[psutil.Process]:
        """Return the worker processes of its local cluster."""
        return [p for p in self.tree() if "spawn_main" in command_of(p)]

    def finish(self) -> int:
        """Wait for its end; return the exit status."""
        return self.process.wait(TIMEOUT)

    def wait_until(self, condition: Callable[[], object]) -> None:
        """Wait for something to happen while it runs."""
        deadline = time.monotonic() + TIMEOUT
        while not condition():
            assert self.process.poll() is None, f"ended early with status {self.process.returncode}:\n{self.text}"
            assert time.monotonic() < deadline, f"did not happen:\n{self.text}"
            time.sleep(POLL)


def start(folder: Path, *arguments: str | Path, **environment: str) -> Run:
    """Start ``scanner`` with these arguments; what it prints goes to a new file in the folder."""
    output = folder / f"output-{uuid.uuid4().hex}.txt"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "scanner.cli", *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "COLUMNS": "500", **DASK, **environment},
        )
    return Run(process, output)


def python_path(folder: Path) -> str:
    """Return PYTHONPATH with a folder before what it has."""
    return os.pathsep.join(filter(None, (str(folder), os.environ.get("PYTHONPATH"))))


def call(folder: Path, *arguments: str | Path, **environment: str) -> tuple[int, str]:
    """Run ``scanner`` to its end; return its exit status and what it printed."""
    run = start(folder, *arguments, **environment)
    return run.finish(), run.text


def command_of(process: psutil.Process) -> str:
    """Return a process's command line, empty if it is gone."""
    with contextlib.suppress(psutil.Error):
        return " ".join(process.cmdline())
    return ""


def signal_all(processes: Iterable[psutil.Process], number: signal.Signals) -> None:
    """Send a signal to those processes that are still there."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def stop(processes: Iterable[psutil.Process]) -> None:
    """Stop processes and wait until they stand still."""
    found = list(processes)
    signal_all(found, signal.SIGSTOP)
    deadline = time.monotonic() + TIMEOUT
    while any(_runs(p) for p in found):
        assert time.monotonic() < deadline
        time.sleep(POLL)


def _runs(process: psutil.Process) -> bool:
    """Whether any thread of a process is still moving."""
    tasks = Path(f"/proc/{process.pid}/task")
    with contextlib.suppress(OSError):
        states = [(task / "stat").read_text().rpartition(")")[2].split()[0] for task in tasks.iterdir()]
        return any(state not in "TtZX" for state in states)
    return False


def kill(processes: Iterable[psutil.Process]) -> None:
    """Kill processes at one moment: none goes on while another is already dead."""
    found = list(processes)
    stop(found)
    signal_all(found, signal.SIGKILL)


def alive(processes: Iterable[psutil.Process]) -> list[str]:
    """Return the processes that are running, after a moment's patience."""
    _, left = psutil.wait_procs([p for p in processes if p.is_running()], timeout=10)
    return [f"{p.pid} {command_of(p)}" for p in left if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def cache_without_tables(folder: Path) -> Path:
    """Copy the user's cache but for the tables, so that a scan has to build them; return the copy."""
    cache = folder / "cache"
    shutil.copytree(user_cache_dir(), cache, ignore=shutil.ignore_patterns("tables", "drivers"))
    return cache


def written(store: Path) -> set[int]:
    """Return the numbers of the blocks that the store holds."""
    return open_cube(str(store)).written()


def status_shards(store: Path) -> int:
    """Count the status shards, quickly."""
    return sum(1 for p in (store / "g0/status/c").rglob("*") if p.name.isdecimal() and p.is_file())


def partial_files(store: Path) -> list[Path]:
    """Return the files that are being written, or were when their writer died."""
    return list(store.rglob("*.partial"))


def last_run(store: Path) -> list[int]:
    """Return the blocks that the last run evaluated, from the driver's log, in the order of their end."""
    text = (store / "driver.log").read_text().rpartition(" start: ")[2]
    return [int(number) for number in re.findall(r" block (\d+) done ", text)]


def files(store: Path) -> dict[str, str]:
    """Return the hash of every file that holds axes, tables or results."""
    folders = [
        p for p in store.iterdir() if p.name in ("axes", "tied", "derived", "tables") or re.fullmatch(r"g\d+", p.name)
    ]
    paths = [p for folder in folders for p in sorted(folder.rglob("*")) if p.is_file()]
    return {str(p.relative_to(store)): hashlib.sha256(p.read_bytes()).hexdigest() for p in paths}


def contents(store: Path | str) -> dict[str, str]:
    """Return the hash of every variable and coordinate of a store as it opens."""
    dataset = scanner.open(str(store))
    whole: dict[str, Any] = {**dataset.coords, **dataset.data_vars}
    return {name: hashlib.sha256(np.ascontiguousarray(v).tobytes()).hexdigest() for name, v in whole.items()}


def assert_same(store: Path, reference: Path) -> None:
    """Assert that a store is complete, holds what another holds, bit by bit, and no leftovers."""
    assert written(store) == written(reference)
    assert contents(store) == contents(reference)
    assert files(store) == files(reference)
    assert partial_files(store) == []


def stamps(store: Path) -> dict[str, tuple[int, int]]:
    """Return inode and time of every status shard: both change when a block is written again."""
    shards = [p for p in (store / "g0/status/c").rglob("*") if p.name.isdecimal() and p.is_file()]
    return {str(p.relative_to(store)): (p.stat().st_ino, p.stat().st_mtime_ns) for p in shards}


@dataclass(frozen=True)
class Reference:
    """A scan file, and its store after a serial run that nobody disturbed."""

    file: Path
    store: Path
    blocks: int


def reference_of(
    folders: pytest.TempPathFactory, points: tuple[int, int, int], block: tuple[int, int, int]
) -> Reference:
    """Make a scan of so many points, in such blocks; once a session."""
    folder = folders.getbasetemp() / "x".join(map(str, (*points, *block)))
    store = folder / "serial.zarr"
    if not folder.exists():
        folder.mkdir()
        status, text = call(folder, "run", scan_file(folder, points, block), "-o", store, "--cluster", "serial")
        assert status == 0, text
    return Reference(folder / "scan.yaml", store, len(written(store)))


def _kill_worker(run: Run, store: Path) -> None:
    kill(run.workers()[:1])


def _kill_driver(run: Run, store: Path) -> None:
    kill(run.tree()[:1])


def _kill_all(run: Run, store: Path) -> None:
    kill(run.tree())


LINGER = """
import pathlib, time
replace = pathlib.Path.replace
def linger(self, target):
    if self.suffix == ".partial" and "/g0/" in str(self):
        time.sleep(0.02)
    return replace(self, target)
pathlib.Path.replace = linger
"""
"""Keeps each shard for a moment as the file from which it will be renamed, for a kill to find it there."""


def _kill_during_write(run: Run, store: Path) -> None:
    """Stop the workers every moment until a shard is half written then, and kill everything."""
    workers = run.workers()
    stop(workers)
    while not any((store / "g0").rglob("*.partial")):
        assert run.process.poll() is None, run.text
        signal_all(workers, signal.SIGCONT)
        stop(workers)
    kill(run.tree())
    assert any((store / "g0").rglob("*.partial"))


KILLS: dict[str, Callable[[Run, Path], None]] = {
    "worker": _kill_worker,
    "driver": _kill_driver,
    "all": _kill_all,
    "write": _kill_during_write,
}


class Trial:
    """A scan into a store, disturbed and resumed; it keeps account of what may not be evaluated again."""

    def __init__(self, reference: Reference, folder: Path, *options: str):
        self.reference, self.folder = reference, folder
        self.store = folder / "killed.zarr"
        self.processes: set[psutil.Process] = set()
        self.done: set[int] = set()
        self.stamps: dict[str, tuple[int, int]] = {}
        self.runs: list[tuple[int, int]] = []
        (folder / "sitecustomize.py").write_text(LINGER)
        self.start(*options)

    def start(self, *options: str) -> None:
        """Run, or go on."""
        path = python_path(self.folder)  # for sitecustomize
        self.run = start(self.folder, "run", self.reference.file, "-o", self.store, *options, PYTHONPATH=path)

    def reach(self, percent: float) -> None:
        """Wait until so much is written."""
        blocks = percent / 100 * self.reference.blocks
        self.run.wait_until(lambda: status_shards(self.store) >= blocks)
        self.processes.update(self.run.tree())

    def disturb(self, kind: str, percent: float) -> None:
        """Kill something once so much is written."""
        self.reach(percent)
        KILLS[kind](self.run, self.store)
        if kind != "worker":
            assert self.run.finish() == -signal.SIGKILL
            self.account()

    def account(self) -> list[int]:
        """Check that the run that has ended left alone what was done before; return what it evaluated."""
        evaluated = last_run(self.store)
        self.runs.append((len(self.missing()), len(evaluated)))
        assert len(evaluated) == len(set(evaluated))
        assert not set(evaluated) & self.done
        assert stamps(self.store).items() >= self.stamps.items()
        self.done, self.stamps = written(self.store), stamps(self.store)
        return evaluated

    def missing(self) -> set[int]:
        """Return the blocks that were not done when the last run ended."""
        return set(range(self.reference.blocks)) - self.done

    def finish(self) -> list[int]:
        """Let the run come to its end and check everything; return the blocks that it evaluated."""
        assert self.run.finish() == 0, self.run.text
        assert "Traceback" not in self.run.text, self.run.text
        evaluated = self.account()
        assert_same(self.store, self.reference.store)
        assert alive(self.processes) == []
        return evaluated
