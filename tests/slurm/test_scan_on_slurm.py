"""A scan on a real SLURM: the bits of a serial one, whatever dies, and no job is left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from helpers import LONG, SMALL, Reference, Trial, call, reference_of, signal_all, stop

from jobs import clusters, launch
from jobs.launch import Options
from scanner.config import read_scan_file
from scanner.engine import Silent
from scanner.errors import ScannerError
from scanner.recipes.scan import ScanRecipe
from scanner.scan import resolve

if TYPE_CHECKING:
    from conftest import Slurm

pytestmark = pytest.mark.slurm
FAKETIME = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return reference_of(tmp_path_factory, *SMALL)


@pytest.fixture
def cluster(slurm: Slurm, tmp_path: Path) -> Path:
    """A cluster file: one worker a job, two jobs; the queue must be empty before and after."""
    slurm.wait_empty()
    file = {
        "kind": "slurm",
        "workers": 2,
        "walltime": "00:10:00",
        "queue": "main",
        "interface": "lo",
        "python": sys.executable,
        "log_directory": str(tmp_path / "logs"),
        "local_directory": str(tmp_path),
        "prologue": ["export SCANNER_ON_SLURM=$SLURM_JOB_ID"],
    }
    path = tmp_path / "cluster.yaml"
    path.write_text(json.dumps(file))
    return path


@pytest.fixture
def trial(reference: Reference, cluster: Path, tmp_path: Path) -> Trial:
    return Trial(reference, tmp_path, "--cluster", str(cluster))


def test_same_bits_as_serial(slurm: Slurm, trial: Trial) -> None:
    trial.reach(10)
    assert len(slurm.squeue()) == 2
    assert set(trial.finish()) == set(range(trial.reference.blocks))
    assert slurm.squeue() == []


def test_killed_driver_is_followed_at_once(slurm: Slurm, cluster: Path, trial: Trial) -> None:
    trial.disturb("driver", 30)
    old = set(slurm.squeue())
    assert len(old) == 2
    starts = _starts(trial)
    trial.start("--cluster", str(cluster))
    trial.run.wait_until(lambda: _starts(trial) > starts)  # before this line of its log, it touches no block
    assert not old & set(slurm.squeue())
    assert "died; ending its workers" in trial.run.text
    trial.disturb("driver", 70)
    missing = trial.missing()
    trial.start("--cluster", "serial")
    assert set(trial.finish()) <= missing
    assert slurm.squeue() == []


def _starts(trial: Trial) -> int:
    return (trial.store / "driver.log").read_text().count(" start: ")


def test_lost_job_is_made_up_for(slurm: Slurm, trial: Trial) -> None:
    trial.reach(30)
    subprocess.run(["scancel", slurm.squeue()[0]], check=True)
    assert set(trial.finish()) == set(range(trial.reference.blocks))
    assert slurm.squeue() == []


def test_jobs_that_are_all_lost_are_replaced(slurm: Slurm, trial: Trial) -> None:
    trial.reach(10)
    stop(trial.run.tree())  # so that no block is done until all are gone
    subprocess.run(["scancel", *slurm.squeue()], check=True)
    slurm.wait_empty()
    signal_all(trial.run.tree(), signal.SIGCONT)
    assert set(trial.finish()) == set(range(trial.reference.blocks))
    assert "2 slurm job(s) have ended and are replaced" in (trial.store / "driver.log").read_text()
    assert slurm.squeue() == []


def test_jobs_that_cannot_work_are_not_replaced_forever(
    slurm: Slurm, cluster: Path, reference: Reference, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.write_text(json.dumps({**json.loads(cluster.read_text()), "prologue": ["exit 1"]}))
    monkeypatch.setattr(clusters, "CHECK_SECONDS", 1.0)
    options = Options(out=str(tmp_path / "scan.zarr"), cluster=str(cluster))
    with pytest.raises(ScannerError, match="all slurm jobs of this scan have ended, also those in place of others"):
        launch.run(ScanRecipe(resolve(read_scan_file(reference.file))), options, Silent())
    assert slurm.squeue() == []


@pytest.mark.skipif(not FAKETIME, reason="no libfaketime: install the Debian package of that name")
def test_a_clock_that_is_off_changes_nothing(slurm: Slurm, cluster: Path, reference: Reference, tmp_path: Path) -> None:
    prologue = [f"export LD_PRELOAD={FAKETIME[0]} FAKETIME=+3d", f"date +%s >> {tmp_path / 'dates'}"]
    cluster.write_text(json.dumps({**json.loads(cluster.read_text()), "prologue": prologue}))
    trial = Trial(reference, tmp_path, "--cluster", str(cluster))
    assert set(trial.finish()) == set(range(reference.blocks))
    assert all(int(date) > time.time() + 2 * 86400 for date in (tmp_path / "dates").read_text().split())


@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_interrupt_leaves_no_job(slurm: Slurm, cluster: Path, trial: Trial, number: signal.Signals) -> None:
    trial.reach(30)
    os.killpg(trial.run.process.pid, number)
    assert trial.run.finish() == 130
    assert "the same command goes on" in trial.run.text
    assert "Traceback" not in trial.run.text, trial.run.text
    assert slurm.squeue() == []
    trial.account()
    missing = trial.missing()
    trial.start("--cluster", str(cluster))
    assert set(trial.finish()) == missing
    assert slurm.squeue() == []


def test_complete_scan_submits_nothing(slurm: Slurm, reference: Reference, cluster: Path, tmp_path: Path) -> None:
    status, text = call(tmp_path, "run", reference.file, "-o", reference.store, "--cluster", cluster)
    assert status == 0, text
    assert "dashboard" not in text
    assert not (tmp_path / "logs").exists()


@pytest.mark.slow
def test_long_scan(slurm: Slurm, cluster: Path, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    trial = Trial(reference_of(tmp_path_factory, *LONG), tmp_path, "--cluster", str(cluster))
    trial.disturb("driver", 50)
    missing = trial.missing()
    trial.start("--cluster", str(cluster))
    assert set(trial.finish()) <= missing
    assert slurm.squeue() == []
