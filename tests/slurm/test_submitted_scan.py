"""A scan whose drivers are SLURM jobs: whatever happens to them, it ends with the bits of an undisturbed one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest
from helpers import (
    SMALL,
    TIMEOUT,
    Reference,
    assert_same,
    call,
    command_of,
    last_run,
    python_path,
    reference_of,
    status_shards,
    written,
)

if TYPE_CHECKING:
    from conftest import Slurm

pytestmark = pytest.mark.slurm


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return reference_of(tmp_path_factory, *SMALL)


@pytest.fixture
def cluster(slurm: Slurm, tmp_path: Path) -> Path:
    """A cluster file; the queue must be empty before."""
    slurm.wait_empty()
    path = tmp_path / "cluster.yaml"
    path.write_text(json.dumps({"kind": "slurm", "workers": 2, "walltime": "00:10:00", "queue": "main"}))
    return path


HOLD = """
import os, pathlib, time
replace, hold, shards = pathlib.Path.replace, pathlib.Path(os.environ["HOLD"]), []
def held(self, target):
    if self.suffix == ".partial" and "/g0/" in str(self):
        time.sleep(float(os.environ.get("LINGER", "0.02")))
        shards.append(self)
        while len(shards) > 24 and hold.exists():
            time.sleep(0.02)
    return replace(self, target)
pathlib.Path.replace = held
"""
"""For sitecustomize: shards take their time; while a file is there, a worker writes those of 12 blocks alone."""


class Submitted:
    """A scan that is submitted as two elements, a worker each, and disturbed."""

    def __init__(self, slurm: Slurm, reference: Reference, cluster: Path, folder: Path):
        self.slurm, self.reference, self.cluster, self.folder = slurm, reference, cluster, folder
        self.store, self.hold = folder / "scan.zarr", folder / "hold"
        (folder / "sitecustomize.py").write_text(HOLD)
        self.environment = {"PYTHONPATH": python_path(folder), "HOLD": str(self.hold)}

    def submit(self, *options: str) -> tuple[int, str]:
        command = ("submit", self.reference.file, "--cluster", self.cluster, "-o", self.store)
        settings = ("--set", "execution.memory=1GiB", *options)
        return call(self.folder, *command, *settings, **self.environment)

    def reach(self) -> None:
        """Wait until both elements have done some of their blocks, and are held there."""
        logs = [self.store / f"elements/{k}" for k in range(2)]
        self.wait_until(lambda: all((log / "driver.log").exists() and len(last_run(log)) >= 8 for log in logs))

    def wait_until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + TIMEOUT
        while not condition():
            assert time.monotonic() < deadline and self.slurm.squeue(), self.logs()
            time.sleep(0.05)

    def logs(self) -> str:
        return call(self.folder, "logs", self.store)[1]

    def jobs(self) -> list[str]:
        """Ids of the jobs that run, in order of their elements."""
        squeue = ["squeue", "--noheader", "--states=RUNNING", "--format=%K %i"]
        lines = subprocess.run(squeue, check=True, capture_output=True, text=True).stdout.splitlines()
        return [job for _, job in sorted(line.split() for line in lines)]

    def process(self, element: int, fragment: str) -> psutil.Process:
        """The process of an element's job whose command line has a fragment."""
        job = f"SLURM_ARRAY_TASK_ID={element}"
        for process in psutil.process_iter():
            if fragment in command_of(process) and process.pid != os.getpid():
                path = Path(f"/proc/{process.pid}/environ")
                if job in path.read_text(errors="replace").split("\0"):
                    return process
        raise AssertionError(f"element {element} has no {fragment}")

    def requeued(self) -> None:
        """Wait until both jobs wait to run again, and spare the test most of SLURM's delay of two minutes."""
        squeue = ["squeue", "--noheader", "--array", "--states=PENDING", "--format=%i %r"]

        def waiting() -> list[str]:
            lines = subprocess.run(squeue, check=True, capture_output=True, text=True).stdout.splitlines()
            return [line.split()[0] for line in lines if "BeginTime" in line]

        self.wait_until(lambda: len(waiting()) == 2)
        time.sleep(10)  # so soon after, SLURM would take its own start of the job for one that it has revoked
        for job in waiting():
            subprocess.run(["scontrol", "update", f"JobId={job}", "StartTime=now"], check=True)

    def finish(self) -> None:
        """Wait for the end of all jobs and check the store."""
        self.hold.unlink(missing_ok=True)
        self.slurm.wait_empty(2 * TIMEOUT)
        assert written(self.store) == set(range(self.reference.blocks)), self.logs()
        status, text = self.submit()
        assert (status, "complete: nothing is left to submit" in text) == (0, True), text
        assert_same(self.store, self.reference.store)
        said = [path for path in self.store.rglob("*.log") if path.name != "cluster.log"]  # which is dask's
        assert said and all("Traceback" not in path.read_text() for path in said), self.logs()


@pytest.fixture
def submitted(slurm: Slurm, reference: Reference, cluster: Path, tmp_path: Path) -> Submitted:
    found = Submitted(slurm, reference, cluster, tmp_path)
    found.hold.touch()
    status, text = found.submit()
    assert status == 0 and "elements 0, 1 of 2" in text, text
    return found


def test_submitted_once_cancelled_and_submitted_again(submitted: Submitted) -> None:
    submitted.reach()
    status, text = submitted.submit()
    assert status == 4 and "queued or running" in text
    status, text = call(submitted.folder, "run", submitted.reference.file, "-o", submitted.store)
    assert status == 4 and "in use by" in text
    status, text = call(submitted.folder, "cancel", submitted.store)
    assert status == 0 and text.startswith("cancelled ")
    assert submitted.slurm.squeue() == []
    missing = set(range(submitted.reference.blocks)) - written(submitted.store)
    assert missing
    submitted.hold.unlink()
    assert submitted.submit("--array", "3")[0] == 0
    submitted.finish()
    assert {n for k in range(3) for n in last_run(submitted.store / f"elements/{k}")} <= missing
    assert [e["done"] for e in _elements(submitted)] == [43, 43, 42]


def _elements(submitted: Submitted) -> list[dict[str, int]]:
    status, text = call(submitted.folder, "status", submitted.store, "--json")
    assert status == 0
    return list(json.loads(text)["elements"])


def _cancel(submitted: Submitted) -> None:
    subprocess.run(["scancel", submitted.jobs()[1]], check=True)


def _kill_driver(submitted: Submitted) -> None:
    submitted.process(1, "scanner.cli run").kill()


def _kill_scheduler(submitted: Submitted) -> None:
    submitted.process(1, "jobs.local").kill()


@pytest.mark.parametrize("fault", [_cancel, _kill_driver, _kill_scheduler], ids=["scancel", "driver", "scheduler"])
def test_lost_element_is_submitted_again_alone(submitted: Submitted, fault: Callable[[Submitted], None]) -> None:
    submitted.reach()
    fault(submitted)
    submitted.hold.unlink()
    submitted.slurm.wait_empty(TIMEOUT)
    missing = set(range(submitted.reference.blocks)) - written(submitted.store)
    assert missing and all(number % 2 == 1 for number in missing)
    status, text = submitted.submit()
    assert status == 0 and "elements 1 of 2" in text, text
    submitted.finish()
    assert set(last_run(submitted.store / "elements/1")) <= missing


def test_sigterm_before_the_walltime_ends(submitted: Submitted) -> None:
    """As SLURM sends it: the job goes on by itself, and is not done twice."""
    submitted.reach()
    for job in submitted.jobs():
        subprocess.run(["scancel", "--signal=TERM", "--batch", job], check=True)
    submitted.requeued()
    submitted.finish()
    assert submitted.logs().count("resuming:") >= 2


@pytest.mark.slow
def test_walltime_is_reached(slurm: Slurm, reference: Reference, cluster: Path, tmp_path: Path) -> None:
    """Two minutes are too short: drivers end in time, and run again until all is done."""
    cluster.write_text(cluster.read_text().replace("00:10:00", "00:02:00"))
    submitted = Submitted(slurm, reference, cluster, tmp_path)
    submitted.environment["LINGER"] = "0.8"
    assert submitted.submit()[0] == 0
    submitted.requeued()
    submitted.finish()


def test_preempted_scan_runs_again(submitted: Submitted) -> None:
    submitted.reach()
    urgent = ["sbatch", "--partition=urgent", "--nodes=2", "--exclusive", "--output=/dev/null", "--wrap=sleep 1"]
    subprocess.run(urgent, check=True, cwd=submitted.folder)
    submitted.requeued()
    submitted.finish()


@pytest.mark.parametrize("daemon", [("slurmctld",), ("slurmd", "-D", "-N", "n1")], ids=["slurmctld", "slurmd"])
def test_killed_daemon_of_slurm(submitted: Submitted, daemon: tuple[str, ...]) -> None:
    submitted.reach()
    submitted.slurm.save()
    restart = submitted.slurm.kill(*daemon)
    before = status_shards(submitted.store)
    submitted.hold.unlink()
    deadline = time.monotonic() + TIMEOUT
    while status_shards(submitted.store) == before and before < submitted.reference.blocks:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    restart()
    submitted.finish()


@pytest.mark.parametrize(
    ("change", "fragments"),
    [
        ({}, ["a job ran, and found all that a scan needs"]),
        ({"queue": "nowhere"}, ["SLURM refuses the job", "artition"]),
        ({"modules": ["nothing/1.0"], "prologue": ["exit 1"]}, ["the job failed", "module"]),
        ({"interface": "ib7", "workers_per_job": 2, "local_directory": "/proc/no"}, ["'ib7'", "/proc/no"]),
        ({"python": "/no/such/python"}, ["the job failed", "/no/such/python"]),
    ],
    ids=["right", "queue", "modules", "node", "python"],
)
def test_check_of_a_cluster_file(
    cluster: Path, tmp_path: Path, change: dict[str, object], fragments: list[str]
) -> None:
    cluster.write_text(json.dumps({**json.loads(cluster.read_text()), **change}))
    command = [sys.executable, "-m", "scanner.cli", "cluster", "check", str(cluster)]
    path = {**os.environ, "PYTHONPATH": python_path(Path.cwd())}
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=TIMEOUT, env=path)
    assert done.returncode == (1 if change else 0), done.stderr
    assert all(fragment in done.stdout + done.stderr for fragment in fragments), done.stderr
    assert list(tmp_path.glob(".scanner-check-*")) == []
