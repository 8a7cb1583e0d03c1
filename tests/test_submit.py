"""The script of a submitted job, by a SLURM that is made up of three scripts (a real one is in tests/slurm)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from helpers import scan_file

from jobs import submit
from scanner.config import read_scan_file
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
    for name, text in PROGRAMS.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    cluster, store = tmp_path / "cluster.yaml", tmp_path / "scan.zarr"
    cluster.write_text(f"kind: slurm\npython: {tmp_path}/driver\n")
    monkeypatch.setenv("PATH", os.pathsep.join((str(tmp_path), os.environ["PATH"])))
    recipe = ScanRecipe(resolve(read_scan_file(scan_file(tmp_path, (4, 4, 4), (4, 4, 4)))))
    assert submit.submit(recipe, str(store), str(cluster), 3, False) == submit.Submission("7", (0, 1, 2), 3)
    job = {"DRIVER": driver, "STATE": state, "SLURM_JOB_ID": "9", "SLURM_ARRAY_JOB_ID": "7", "SLURM_ARRAY_TASK_ID": "2"}
    script = ["bash", str(store / "submission/job.sh")]
    done = subprocess.run(script, cwd=tmp_path, env={**os.environ, **job}, timeout=30, check=False)
    requeued = tmp_path / "requeued"
    assert (done.returncode, requeued.exists()) == (status, again)
    assert not again or requeued.read_text().split() == ["requeue", "7_2"]
