"""Submitted jobs and the check of a cluster, by a SLURM made up of a few scripts (a real one is in tests/slurm)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from helpers import scan_file

from jobs import check, launch, submit
from jobs.launch import Options
from scanner.config import read_scan_file
from scanner.cube import open_cube
from scanner.engine import Silent
from scanner.errors import InputError, ScannerError
from scanner.recipes.scan import ScanRecipe
from scanner.scan import resolve

PROGRAMS = {
    "sbatch": "echo 7",
    "squeue": 'case "$*" in *--name*) ;; *) echo "$STATE" ;; esac',
    "scontrol": 'echo "$*" >requeued',
    "driver": 'eval "$DRIVER"',
}
KILLED_AT_ONCE = "sleep 0.5; kill -TERM $PPID; exec sleep 60"
"""A driver whose job is told to end while Python still starts."""


def _cluster(folder: Path, monkeypatch: pytest.MonkeyPatch, **programs: str) -> Path:
    """Put the programs on the path; return a cluster file."""
    for name, text in {**PROGRAMS, **programs}.items():
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join((str(folder), os.environ["PATH"])))
    path = folder / "cluster.yaml"
    path.write_text(f"kind: slurm\npython: {folder}/driver\n")
    return path


@pytest.mark.parametrize(
    ("driver", "state", "status", "again"),
    [
        ("exit 0", "RUNNING", 0, False),
        ("exit 1", "RUNNING", 1, False),
        ("exit 130", "RUNNING", 130, True),
        ("exit 130", "COMPLETING", 130, False),
        (KILLED_AT_ONCE, "RUNNING", 143, True),
        (KILLED_AT_ONCE, "COMPLETING", 143, False),
    ],
)
def test_job_runs_again_if_blocks_are_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, driver: str, state: str, status: int, again: bool
) -> None:
    """Of a cancelled job SLURM says that it is completing: it stays ended."""
    cluster, store = _cluster(tmp_path, monkeypatch), tmp_path / "scan.zarr"
    recipe = ScanRecipe(resolve(read_scan_file(scan_file(tmp_path, (4, 4, 4), (4, 4, 4)))))
    assert submit.submit(recipe, str(store), str(cluster), 3, False) == submit.Submission("7", (0, 1, 2), 3)
    job = {"DRIVER": driver, "STATE": state, "SLURM_JOB_ID": "9", "SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "2"}
    script = ["bash", str(store / "submission/job.sh")]
    done = subprocess.run(script, cwd=tmp_path, env={**os.environ, **job}, timeout=30, check=False)
    requeued = tmp_path / "requeued"
    assert (done.returncode, requeued.exists()) == (status, again)
    assert not again or requeued.read_text().split() == ["requeue", "7_2"]


def test_check_tells_a_slurm_that_does_not_answer_from_a_job_that_is_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    cluster = _cluster(tmp_path, monkeypatch, squeue="echo connect failure >&2; exit 1")
    assert check.check(str(cluster), 0.1, print) == ["SLURM does not answer: connect failure"]
    monkeypatch.setattr(check, "SHARED_SECONDS", 0.1)
    _cluster(tmp_path, monkeypatch, squeue="echo Invalid job id specified >&2; exit 1")
    assert ["the job left no output" in one for one in check.check(str(cluster), 0.1, print)] == [True]


def test_check_needs_a_folder_to_write_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = _cluster(tmp_path, monkeypatch)
    monkeypatch.setattr(Path, "cwd", lambda: tmp_path / "gone")
    with pytest.raises(InputError, match="cannot leave its output here"):
        check.check(str(cluster), 1.0, print)


def test_no_store_is_given_up_for_a_job_that_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = ScanRecipe(resolve(read_scan_file(scan_file(tmp_path, (4, 4, 4), (4, 4, 4)))))
    cluster, store = (
        _cluster(tmp_path, monkeypatch, sbatch="echo no such account >&2; exit 1"),
        str(tmp_path / "s.zarr"),
    )
    launch.run(recipe, Options(store, "serial"), Silent())
    with pytest.raises(ScannerError, match="no such account"):
        submit.submit(recipe, store, str(cluster), None, fresh=True)
    assert open_cube(store).written() == {0}
