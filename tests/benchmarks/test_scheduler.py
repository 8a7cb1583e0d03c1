"""One scheduler and many workers. Run with: pytest tests/benchmarks/test_scheduler.py -s -k sleeping (2 to 3 minutes)

The driver, its window, the ledger and dask's scheduler are the real ones. Workers are threads of a few processes, and
their blocks sleep, so that two cores carry hundreds: what they show is what driver and scheduler can feed.
`simulated_workers.py` is the process that holds some of them. Another number of blocks, workers or seconds:
``BLOCKS=100000 SECONDS=30 pytest ...``.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from distributed import Client

from jobs.executors import DaskExecutor
from scanner import cube, engine
from scanner.config import read_scan_file
from scanner.cube import Cube
from scanner.engine import Silent
from scanner.recipes.scan import recipe_of
from scanner.scan import resolve

WORKERS = int(os.environ.get("WORKERS", "256"))
PROCESSES = 4
SECONDS = float(os.environ.get("SECONDS", "3"))
BLOCKS = int(os.environ.get("BLOCKS", "9984"))
"""39 for each worker: a last round that is not full would count as idle."""
START_SECONDS = 600.0


def _store(folder: Path) -> Cube:
    axes = {"dm2": {"log": [0.01, 100], "points": BLOCKS}, "sin2_2theta": {"values": [0.1]}}
    file = {"version": 1, "name": "many", "model": "two_flavour", "axes": axes, "experiments": ["miniboone_fhc"]}
    scan = resolve(read_scan_file({**file, "execution": {"block": {"dm2": 1}}}))
    return cube.create(str(folder / "many.zarr"), recipe_of(scan).blueprint(WORKERS, print))


@contextlib.contextmanager
def _child(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "DASK_LOGGING__DISTRIBUTED": "critical"},
    )
    try:
        yield process
    finally:
        process.kill()  # hundreds of workers take minutes to take their leave
        process.wait()


def test_sleeping_blocks(tmp_path: Path) -> None:
    store, program = _store(tmp_path), str(Path(__file__).with_name("simulated_workers.py"))
    with contextlib.ExitStack() as stack:
        scheduler = stack.enter_context(_child(program, "scheduler"))
        assert scheduler.stdout is not None
        address = scheduler.stdout.readline().strip()
        for _ in range(PROCESSES):
            stack.enter_context(_child(program, address, str(WORKERS // PROCESSES), str(SECONDS)))
        client = stack.enter_context(Client(address, set_as_default=False))
        client.wait_for_workers(WORKERS, timeout=START_SECONDS)
        theirs, ours = psutil.Process(scheduler.pid), psutil.Process()
        before = (_cpu(theirs), _cpu(ours), theirs.memory_info().rss)
        begin = time.monotonic()
        executor = DaskExecutor(store, client, WORKERS, 3600.0, lambda ended: None)
        summary = engine.run_blocks(store, store.ledger()[0], range(BLOCKS), executor, Silent(), 0)
        wall = time.monotonic() - begin
        after = (_cpu(theirs), _cpu(ours), theirs.memory_info().rss)
    assert summary.evaluated == BLOCKS
    load = [1e3 * (b - a) / BLOCKS for a, b in zip(before[:2], after[:2], strict=True)]
    print(
        f"\n{BLOCKS:,} blocks of {SECONDS:g} s, {WORKERS} workers: {wall:.1f} s, "
        f"efficiency {BLOCKS * SECONDS / WORKERS / wall:.1%}; CPU time of a task: scheduler {load[0]:.2f} ms, "
        f"driver {load[1]:.2f} ms; scheduler's memory {before[2] / 2**20:.0f} MiB before, {after[2] / 2**20:.0f} after"
    )


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
