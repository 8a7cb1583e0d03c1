"""A small job that says what is wrong with a cluster file: what SLURM refuses, and what a node lacks."""

from __future__ import annotations

import json
import shlex
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jobs.clusters import ClusterFile
from jobs.submit import DRIVER_MEMORY, directives_of, sbatch, slurm_file
from scanner import provenance
from scanner.errors import InputError
from scanner.lock import FileLock

POLL_SECONDS, SHARED_SECONDS = 1.0, 20.0


def check(cluster: str, wait: float, tell: Callable[[str], None]) -> list[str]:
    """Submit the job, wait for it, and return what is wrong, a line each; nothing of it is left behind.

    Parameters
    ----------
    cluster
        A cluster file or its name.
    wait
        How long to wait for the job [s].
    tell
        Is told what happens.
    """
    file = slurm_file(cluster)
    try:
        made = tempfile.TemporaryDirectory(prefix=".scanner-check-", dir=Path.cwd())
    except OSError as error:
        raise InputError("", f"the job cannot leave its output here: {error.strerror}", str(Path.cwd())) from None
    with made as name:
        folder = Path(name)
        lock = FileLock(folder / "lock")
        lock.take()  # for the job to try in vain
        job = sbatch(_script(file, folder))
        tell(f"job {job} is submitted; it leaves its output in {folder}")
        try:
            if problem := _waited(job, wait):
                return [problem]
            return _problems(file, _output(folder / "job.log"))
        finally:
            _run("scancel", job)
            lock.release()


def _script(file: ClusterFile, folder: Path) -> Path:
    directives = [
        *directives_of(file.model_copy(update={"walltime": "00:05:00"}), "scanner-check", DRIVER_MEMORY),
        f"--output={shlex.quote(str(folder / 'job.log'))}",
    ]
    command = shlex.join([*file.command, "-m", "jobs.probe", str(folder), *filter(None, [file.local_directory])])
    script = folder / "job.sh"
    lines = ["#!/bin/bash", *(f"#SBATCH {one}" for one in directives), *file.setup, command]
    script.write_text("\n".join(lines) + "\n")
    return script


def _waited(job: str, seconds: float) -> str | None:
    """Wait for a job's end; say why if it does not come."""
    deadline = time.monotonic() + seconds
    while True:
        done = _run("squeue", "-h", "-j", job, "-o", "%T %r")
        found = done.stdout.strip()
        if (done.returncode and "Invalid job id" in done.stderr) or (not done.returncode and not found):
            return None  # an unknown id is one that is over
        if time.monotonic() > deadline:
            if done.returncode:
                return f"SLURM does not answer: {done.stderr.strip()}"
            state, _, reason = found.partition(" ")
            return f"the job is {state.lower()} after {seconds:g} s, SLURM says: {reason}; try --wait, or another queue"
        time.sleep(POLL_SECONDS)


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    """Ask SLURM; that it does not answer is an answer, too."""
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))


def _output(path: Path) -> str:
    """What the job printed; file systems of a cluster show it with some delay."""
    deadline = time.monotonic() + SHARED_SECONDS
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return path.read_text(errors="replace") if path.exists() else ""


def _problems(file: ClusterFile, output: str) -> list[str]:
    if not output:
        return ["the job left no output here: this folder is not on a file system that the nodes share"]
    try:
        found: Mapping[str, Any] = json.loads(output.splitlines()[-1])
        wrong = [
            (found["code"] != provenance.code(), f"another version of this program is installed on {found['host']}"),
            (
                found["cores"] < file.workers_per_job,
                f"the job has {found['cores']} core(s) for {file.workers_per_job} workers",
            ),
            (
                file.interface not in (None, *found["interfaces"]),
                f"interface: {file.interface!r} is not one of the node's, {', '.join(found['interfaces'])}",
            ),
            (
                not found["locked"],
                "a lock taken here does not hold on the node: two drivers of one store would not notice each other",
            ),
            *((True, f"{folder} cannot be written on the node: {error}") for folder, error in found["unwritable"]),
        ]
    except (ValueError, KeyError, TypeError, IndexError):
        tail = "\n    ".join(output.splitlines()[-15:])
        return [f"the job failed (modules? prologue? container? python?); it printed\n    {tail}"]
    return [text for so, text in wrong if so]
