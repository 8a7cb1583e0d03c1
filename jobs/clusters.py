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
import logging
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from jobs.environment import WORKER_ENVIRONMENT
from scanner.config import Section, load_yaml, validate
from scanner.errors import InputError, ScannerError, did_you_mean
from scanner.store import local_path

LOCAL_FOLDER = Path("configs/clusters")
END_SECONDS = 120.0
CHECK_SECONDS = 10.0
REPLACEMENTS = 3
"""How often jobs that have ended are replaced before a block is done."""

log = logging.getLogger("scanner")

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


_WALLTIME = re.compile(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?")


def seconds_of(walltime: str) -> int:
    """Return a walltime as SLURM reads it [s].

    >>> seconds_of("04:00:00"), seconds_of("90"), seconds_of("1:30"), seconds_of("2-12"), seconds_of("1-00:30")
    (14400, 5400, 90, 216000, 88200)
    """
    found = _WALLTIME.fullmatch(walltime)
    if found is None:
        raise ValueError("not a walltime; write hours:minutes:seconds, such as 04:00:00")
    days, *rest = (None if one is None else int(one) for one in found.groups())
    first, second, third = rest[0] or 0, rest[1] or 0, rest[2]
    if days is not None:
        return ((days * 24 + first) * 60 + second) * 60 + (third or 0)
    return first * 60 + second if third is None else (first * 60 + second) * 60 + third


def _walltime(text: str) -> str:
    seconds_of(text)
    return text


class ClusterFile(Section):
    """A cluster file."""

    kind: Literal["slurm", "pbs", "lsf", "sge"]
    workers: Annotated[int, Field(ge=1, le=100_000)] | None = None
    workers_per_job: Annotated[int, Field(ge=1, le=1024)] = 1
    walltime: Annotated[str, AfterValidator(_walltime)] = "01:00:00"
    queue: str | None = None
    account: str | None = None
    interface: str | None = None
    python: str | None = None
    container: str | None = None
    modules: list[str] = []
    cache_directory: str | None = None
    log_directory: str | None = None
    local_directory: str | None = None
    directives: list[str] = []
    prologue: list[str] = []

    @property
    def walltime_seconds(self) -> int:
        """The walltime [s]."""
        return seconds_of(self.walltime)

    @property
    def command(self) -> list[str]:
        """The program that runs Python in a job: this one, in the container that is named, or the one named."""
        inside = "python" if self.container else sys.executable
        return [*shlex.split(self.container or ""), self.python or inside]

    @property
    def setup(self) -> list[str]:
        """Lines of shell that come before it."""
        exports = [f"export {name}={shlex.quote(value)}" for name, value in WORKER_ENVIRONMENT.items()]
        if self.cache_directory:  # in double quotes, for the node's own $TMPDIR or $USER to be put in
            exports.append(f'export SCANNER_CACHE_DIR="{self.cache_directory}"')
        return [*exports, *(f"module load {shlex.quote(name)}" for name in self.modules), *self.prologue]


def job_name(store: str, kind: str = "scanner") -> str:
    """Return the name of a store's jobs: its drivers have another than their workers, and end these by it.

    By whatever path a store is reached (``..``, a link), its jobs have one name.
    """
    path = local_path(store)
    place = store if path is None else str(path.resolve())
    return f"{kind}-{hashlib.sha256(place.encode()).hexdigest()[:12]}"


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
        self.jobs = {"kind": file.kind, "name": job_name(store)}
        self._cluster: Any = None
        self._seen = time.monotonic()
        self._done = self._rounds = 0
        self._submitted: set[Any] = set()

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
        options: dict[str, Any] = {
            "cores": processes,
            "processes": processes,
            "memory": f"{self._memory * processes}B",
            "walltime": file.walltime,
            "job_name": self.jobs["name"],
            "scheduler_options": {"dashboard_address": ":0"},
            "job_extra_directives": list(file.directives),
            "job_script_prologue": file.setup,
            "python": shlex.join(file.command),
        }
        for name in ("queue", "account", "interface", "log_directory", "local_directory"):
            value = getattr(file, name)
            if value is not None:
                options[name] = value
        if file.kind == "sge":
            options["project"] = options.pop("account", None)
        return options

    def check(self, done: int) -> None:
        """Submit jobs in place of those that have ended; dask-jobqueue does not.

        Parameters
        ----------
        done
            How many blocks have ended so far.

        Raises
        ------
        ScannerError
            If all jobs are gone, and those before them have ended without a block done.
        """
        if time.monotonic() - self._seen < CHECK_SECONDS:
            return
        self._seen = time.monotonic()
        try:
            there = {word.partition(".")[0] for word in listed(self.jobs)}  # PBS adds its server's name
        except (OSError, subprocess.TimeoutExpired):
            return  # it does not answer now; ask again later
        if done > self._done:
            self._done, self._rounds = done, 0
        if not (lost := self._lost(there)):
            return
        if self._rounds < REPLACEMENTS:
            self._rounds += 1
            log.warning("%d %s job(s) have ended and are replaced", len(lost), self._file.kind)
            self._cluster.sync(self._forget, lost)
            self._cluster.scale(jobs=self._count)
        elif not there:
            where = self._file.log_directory or "the batch system's output files"
            raise ScannerError(
                f"all {self._file.kind} jobs of this scan have ended, also those in place of others, and none has done "
                f"a block (see {where}); run again to go on"
            )

    def _lost(self, there: set[str]) -> list[Any]:
        """Names of jobs, as dask-jobqueue knows them, that were submitted and that the batch system does not list."""
        jobs = dict(self._cluster.workers)
        self._submitted |= jobs.keys()
        gone = {name for name in self._submitted if name not in jobs or jobs[name].job_id not in there}
        return [name for name in list(self._cluster.worker_spec) if name in gone]

    async def _forget(self, names: Iterable[Any]) -> None:
        for name in names:
            self._cluster.worker_spec.pop(name, None)
            self._cluster.workers.pop(name, None)

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


def end_jobs(jobs: Mapping[str, Any]) -> list[str]:
    """Cancel jobs by name and wait until the batch system has forgotten them; return their ids.

    Raises
    ------
    ScannerError
        If they do not end, or the batch system does not answer.
    """
    try:
        if not (found := listed(jobs)):
            return []
        subprocess.run(_command(jobs, "end"), capture_output=True, timeout=60)
        deadline = time.monotonic() + END_SECONDS
        while listed(jobs):
            if time.monotonic() > deadline:
                raise ScannerError(f"{jobs['kind']} jobs named {jobs['name']} do not end; cancel them and run again")
            time.sleep(0.5)
        return found
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ScannerError(
            f"{jobs['kind']} does not answer, so the jobs named {jobs['name']} may still be writing ({error}); "
            "cancel them, then remove driver.json from the store and run again"
        ) from None


def _command(jobs: Mapping[str, Any], what: str) -> list[str]:
    return [word.replace("{name}", jobs["name"]) for word in _COMMANDS[jobs["kind"]][what]]
