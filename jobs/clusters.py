"""Cluster files, and batch systems through dask-jobqueue.

A cluster file is YAML::

    kind: slurm               # slurm, pbs, lsf or sge
    workers: 16               # worker processes in all
    workers_per_job: 4
    walltime: "04:00:00"
    queue: main

Job names carry the store, so that a driver can find and end the jobs of a dead one.
"""

from __future__ import annotations

import contextlib
import hashlib
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from jobs.environment import WORKER_ENVIRONMENT
from scanner.config import Section, load_yaml, validate
from scanner.errors import InputError, ScannerError, did_you_mean

LOCAL_FOLDER = Path("configs/clusters")
END_SECONDS = 120.0

_COMMANDS: dict[str, dict[str, list[str]]] = {
    "slurm": {"list": ["squeue", "-h", "-o", "%i", "--name={name}"], "end": ["scancel", "--name={name}"]},
    "pbs": {"list": ["qselect", "-N", "{name}"], "end": ["sh", "-c", "qselect -N {name} | xargs -r qdel"]},
    "lsf": {
        "list": ["bjobs", "-o", "jobid", "-noheader", "-J", "{name}"],
        "end": ["bkill", "-J", "{name}", "0"],
    },
    "sge": {"list": ["qstat", "-j", "{name}"], "end": ["qdel", "{name}"]},
}
"""How each batch system lists and ends jobs by name (only SLURM is tested here)."""

SUBMIT = {"slurm": "sbatch", "pbs": "qsub", "lsf": "bsub", "sge": "qsub"}
"""The program that submits jobs."""


class ClusterFile(Section):
    """A cluster file."""

    kind: Literal["slurm", "pbs", "lsf", "sge"]
    workers: Annotated[int, Field(ge=1, le=100_000)] | None = None
    workers_per_job: Annotated[int, Field(ge=1, le=1024)] = 1
    walltime: str = "01:00:00"
    queue: str | None = None
    account: str | None = None
    interface: str | None = None
    python: str | None = None
    log_directory: str | None = None
    local_directory: str | None = None
    directives: list[str] = []
    prologue: list[str] = []


def find(name: str) -> Path:
    """Return the cluster file of a name or path.

    Raises
    ------
    InputError
        If there is none in ./configs/clusters nor among the shipped ones.
    """
    if name.endswith((".yaml", ".yml")) or "/" in name:
        return Path(name)
    folders = (LOCAL_FOLDER, _shipped())
    for folder in folders:
        path = folder / f"{name}.yaml"
        if path.is_file():
            return path
    known = sorted({p.stem for folder in folders for p in folder.glob("*.yaml")} | {"local", "serial"})
    raise InputError(
        "--cluster",
        f"no cluster file named {name!r} in {LOCAL_FOLDER} nor among the shipped ones",
        allowed=", ".join(known) + ", a cluster file, or a scheduler's address",
        hint=did_you_mean(name, known),
    )


def read(path: Path) -> ClusterFile:
    """Read and check a cluster file."""
    found: ClusterFile = validate(ClusterFile, load_yaml(path), str(path))
    return found


def _shipped() -> Path:
    """The folder of the shipped files: in the wheel beside this file, in a checkout under configs/."""
    inside = Path(__file__).parent / "clusters"
    return inside if inside.is_dir() else Path(__file__).parents[1] / "configs" / "clusters"


class BatchWorkers:
    """Workers that a batch system runs as jobs.

    Parameters
    ----------
    file
        The cluster file.
    workers
        Number of worker processes.
    memory
        Memory of a worker [bytes].
    store
        The store's URL, from which the jobs get their name.
    """

    def __init__(self, file: ClusterFile, workers: int, memory: int, store: str):
        self._file, self._memory = file, memory
        self._count = -(-workers // file.workers_per_job)
        self.jobs = {"kind": file.kind, "name": "scanner-" + hashlib.sha256(store.encode()).hexdigest()[:12]}
        self._cluster: Any = None
        self._seen: float = time.monotonic()

    def address(self) -> tuple[str, str]:
        """Start the scheduler here and submit the jobs; return the addresses of scheduler and dashboard."""
        self._cluster = self.cluster()
        self._cluster.scale(jobs=self._count)
        return self._cluster.scheduler_address, self._cluster.dashboard_link

    def cluster(self) -> Any:
        """Return the dask-jobqueue cluster of the cluster file, with no job submitted yet."""
        handler = signal.getsignal(signal.SIGINT)
        import dask_jobqueue

        if signal.getsignal(signal.SIGINT) is not handler:
            signal.signal(signal.SIGINT, handler)  # dask-jobqueue 0.9 makes Ctrl-C an exit with status 0
        kinds = {"slurm": "SLURMCluster", "pbs": "PBSCluster", "lsf": "LSFCluster", "sge": "SGECluster"}
        return getattr(dask_jobqueue, kinds[self._file.kind])(**self._options())

    def _options(self) -> dict[str, Any]:
        file, processes = self._file, self._file.workers_per_job
        exports = [f"export {name}={value}" for name, value in WORKER_ENVIRONMENT.items()]
        options: dict[str, Any] = {
            "cores": processes,
            "processes": processes,
            "memory": f"{self._memory * processes}B",
            "walltime": file.walltime,
            "job_name": self.jobs["name"],
            "scheduler_options": {"dashboard_address": ":0"},
            "job_extra_directives": list(file.directives),
            "job_script_prologue": [*exports, *file.prologue],
        }
        for name in ("queue", "account", "interface", "python", "log_directory", "local_directory"):
            value = getattr(file, name)
            if value is not None:
                options[name] = value
        if file.kind == "sge":
            options["project"] = options.pop("account", None)
        return options

    def check(self) -> None:
        """Raise if no worker is connected and no job is left that could bring one."""
        if self._cluster.scheduler_info["workers"] or time.monotonic() - self._seen < 10:
            return
        self._seen = time.monotonic()
        try:
            left = listed(self.jobs)
        except (OSError, subprocess.TimeoutExpired):
            return  # it does not answer now; ask again later
        if not left:
            where = self._file.log_directory or "the batch system's output files"
            raise ScannerError(
                f"all {self._file.kind} jobs of this scan have ended and none is queued (walltime? see {where}); "
                "run again to go on"
            )

    def close(self) -> None:
        """End the jobs and the scheduler."""
        if self._cluster is not None:
            with contextlib.suppress(RuntimeError):  # the batch system does not answer; the next line tells
                self._cluster.close()
        end_jobs(self.jobs)


def listed(jobs: Mapping[str, Any]) -> list[str]:
    """Return the ids of jobs that the batch system still knows; OSError if it does not answer."""
    run = subprocess.run(_command(jobs, "list"), capture_output=True, text=True, timeout=60)
    if run.returncode and jobs["kind"] in ("slurm", "pbs"):  # the others fail like this where there is no such job
        raise OSError(run.stderr.strip() or f"status {run.returncode}")
    return run.stdout.split()


def end_jobs(jobs: Mapping[str, Any]) -> None:
    """Cancel jobs by name and wait until the batch system has forgotten them.

    Raises
    ------
    ScannerError
        If they do not end, or the batch system does not answer.
    """
    try:
        if not listed(jobs):
            return
        subprocess.run(_command(jobs, "end"), capture_output=True, timeout=60)
        deadline = time.monotonic() + END_SECONDS
        while listed(jobs):
            if time.monotonic() > deadline:
                raise ScannerError(f"{jobs['kind']} jobs named {jobs['name']} do not end; cancel them and run again")
            time.sleep(0.5)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ScannerError(
            f"{jobs['kind']} does not answer, so the jobs named {jobs['name']} may still be writing ({error}); "
            "cancel them, then remove driver.json from the store and run again"
        ) from None


def _command(jobs: Mapping[str, Any], what: str) -> list[str]:
    return [word.replace("{name}", jobs["name"]) for word in _COMMANDS[jobs["kind"]][what]]
