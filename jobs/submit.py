"""Drivers as SLURM jobs: submitted, cancelled, and what they print.

Each job is one driver with its workers inside its own allocation, on one node: the whole scan, or an element of a job
array. The job's script keeps the driver's walltime, hands SIGTERM on to it, and has SLURM run the job again if the
driver says (by exit status 130) that blocks are left. So the user may log off, and the driver knows no batch system.
"""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs import clusters, launch
from jobs.clusters import ClusterFile
from jobs.preflight import check_reachable, check_writable, refuse_elements, refuse_foreign, store_url
from scanner import engine
from scanner import store as stores
from scanner.cube import open_cube
from scanner.errors import InputError, ScannerError, StoreRefused
from scanner.ledger import Element
from scanner.lock import DriverLock, driver_folder
from scanner.planning import margin
from scanner.recipes.scan import ScanRecipe
from scanner.store import Place

FOLDER = "submission"
DRIVER_MEMORY = 2**30
"""Of the driver and its dask scheduler [bytes]."""

_SCRIPT = """\
#!/bin/bash
{directives}

# Submitted by `scanner submit`; made anew by each submission.
{setup}

# SIGTERM comes before the walltime ends, and at preemption; the driver then drops the blocks at work and ends.
trap 'again=1; kill -TERM "$driver" 2>/dev/null' TERM
{command} --walltime $(({walltime} - SECONDS)) </dev/null &
driver=$! again=1
while [ "$again" ]; do again=; wait "$driver"; status=$?; done

# 130: blocks are left. 143: the signal came before the driver was there to take it.
# A job that was cancelled is no longer running, and must stay so. (The last element of an array has
# the array's own id, by which SLURM means all of it.)
job=$SLURM_JOB_ID
[ "$SLURM_ARRAY_JOB_ID" ] && job=${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID
if [[ "$status" =~ ^(130|143)$ ]] && [ "$(squeue -h -j "$job" -o %T)" = RUNNING ]; then
    scontrol requeue "$job"
fi
exit "$status"
"""


@dataclass(frozen=True)
class Submission:
    """What was submitted.

    Parameters
    ----------
    job
        Its id; empty if nothing is missing.
    elements
        The elements that lack blocks.
    of
        How many elements there are.
    """

    job: str
    elements: tuple[int, ...]
    of: int


def submit(recipe: ScanRecipe, out: str | None, cluster: str, elements: int | None, fresh: bool) -> Submission:
    """Submit the drivers of what a store lacks.

    Parameters
    ----------
    recipe
        The scan.
    out
        The store; the scan file's by default.
    cluster
        A cluster file or its name.
    elements
        Of the job array; by default as many as it takes for the cluster file's number of workers.
    fresh
        Replace the store.

    Raises
    ------
    InputError
        For what is no SLURM cluster, or cannot be submitted from here.
    StoreRefused
        If the store holds another scan, or drivers of it are at work or queued.
    """
    url = store_url(recipe.store, out)
    check_writable(url)
    refuse_foreign(url, fresh)
    file = slurm_file(cluster)
    of = elements or -(-(file.workers or 1) // file.workers_per_job)
    refuse_elements(url, of)
    jobs = {"kind": file.kind, "name": clusters.job_name(url, "scan")}
    _refuse_twice(url, jobs)
    with DriverLock(url) as lock:
        launch.end_predecessor(lock, engine.Silent())
        wanted = tuple(range(of)) if fresh else _lacking(recipe, url, of)
        if not wanted:
            return Submission("", (), of)
        script = _write(recipe, url, file, jobs, wanted, of)
        if fresh:
            sbatch(script, "--test-only")  # a store is not given up for a job that SLURM refuses
            with stores.storage_errors(url):
                stores.erase(url)
    return Submission(sbatch(script), wanted, of)


def slurm_file(cluster: str) -> ClusterFile:
    """Return a cluster file from which jobs can be submitted here.

    Raises
    ------
    InputError
        If it is of another batch system, or SLURM is not here.
    """
    if cluster in ("local", "serial") or "://" in cluster:
        raise InputError("--cluster", "drivers are submitted to SLURM", cluster, "a cluster file of kind slurm")
    file = clusters.read(clusters.find(cluster))
    if file.kind != "slurm":
        hint = "start `scanner run --element K/N --walltime SECONDS` in jobs of your own there"
        raise InputError("--cluster", "drivers are submitted to SLURM alone", file.kind, "kind: slurm", hint)
    check_reachable(cluster, "")
    return file


def _refuse_twice(url: str, jobs: dict[str, str]) -> None:
    try:
        there = clusters.listed(jobs)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ScannerError(f"SLURM does not answer: {error}") from None
    if there:
        raise StoreRefused(
            f"{url}: its drivers are queued or running (jobs {', '.join(there)})\n  "
            f"wait for their end, or `scanner cancel {url}` first"
        )


def _lacking(recipe: ScanRecipe, url: str, of: int) -> tuple[int, ...]:
    """Numbers of the elements that have something to do."""
    if stores.look(url) is not Place.COMPLETE:
        return tuple(range(of))
    cube = open_cube(url)
    engine.check_identity(recipe, cube)
    ledger, _ = cube.ledger()
    return tuple(number for number in range(of) if engine.lacking(ledger, Element(number, of)))


def _write(
    recipe: ScanRecipe, url: str, file: ClusterFile, jobs: dict[str, str], wanted: Sequence[int], of: int
) -> Path:
    """Write down what is submitted: the scan file as it is now, and the job's script."""
    folder, walltime = driver_folder(url) / FOLDER, file.walltime_seconds
    scan, script = folder / "scan.yaml", folder / "job.sh"
    command = [*file.command, "-m", "scanner.cli", "run", str(scan), "-o", url, "--cluster", "local"]
    command += ["--workers", str(file.workers_per_job)]
    log = str(folder / ("job-%A_%a.log" if of > 1 else "job-%j.log"))
    directives = [
        *directives_of(file, jobs["name"], file.workers_per_job * recipe.execution.memory_bytes + DRIVER_MEMORY),
        f"--output={shlex.quote(log)}",
        "--open-mode=append",
        "--requeue",
        f"--signal=B:TERM@{int(margin(walltime))}",
        *([f"--array={','.join(map(str, wanted))}"] if of > 1 else []),
    ]
    element = f' --element "$SLURM_ARRAY_TASK_ID/{of}"' if of > 1 else ""
    text = _SCRIPT.format(
        directives="\n".join(f"#SBATCH {one}" for one in directives),
        setup="\n".join(file.setup),
        command=shlex.join(command) + element,
        walltime=walltime,
    )
    with stores.storage_errors(url):
        folder.mkdir(parents=True, exist_ok=True)
        scan.write_text(json.dumps(recipe.scan.file.model_dump(exclude_none=True), indent=2))
        script.write_text(text)
        (folder / "jobs.json").write_text(json.dumps({**jobs, "elements": of}))
    return script


def directives_of(file: ClusterFile, name: str, memory: int) -> list[str]:
    """Return what SLURM is asked for, for a job with the workers of one: all on one node."""
    wanted = {"partition": file.queue, "account": file.account}
    return [
        f"--job-name={name}",
        f"--time={file.walltime}",
        "--nodes=1",
        "--ntasks=1",
        f"--cpus-per-task={file.workers_per_job}",
        f"--mem={-(-memory // 2**20)}M",
        *(f"--{option}={value}" for option, value in wanted.items() if value is not None),
        *file.directives,
    ]


def sbatch(script: Path, *options: str) -> str:
    """Submit a script; return the job's id.

    Raises
    ------
    ScannerError
        With SLURM's reason, if it does not take it.
    """
    try:
        done = subprocess.run(
            ["sbatch", "--parsable", *options, str(script)], capture_output=True, text=True, timeout=60
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ScannerError(f"SLURM does not answer: {error}") from None
    if done.returncode:
        raise ScannerError(f"SLURM refuses the job: {done.stderr.strip()}\n  the script is {script}")
    return done.stdout.strip().split(";")[0]


def cancel(url: str) -> list[str]:
    """End all drivers of a store that were submitted, and workers of theirs; return the ids of the jobs.

    Raises
    ------
    StoreRefused
        If nothing was ever submitted for it.
    """
    drivers = submitted(url)
    ended: list[str] = []
    for jobs in (drivers, {**drivers, "name": clusters.job_name(url)}):
        ended += clusters.end_jobs(jobs)
    return ended


def submitted(url: str) -> dict[str, Any]:
    """Return what is known of the jobs that were submitted for a store.

    Raises
    ------
    StoreRefused
        If there never were any.
    """
    try:
        found: dict[str, Any] = json.loads((driver_folder(url) / FOLDER / "jobs.json").read_text())
        if not isinstance(found, dict):
            raise ValueError
    except (OSError, ValueError):
        raise StoreRefused(f"{url}: nothing was submitted for it; see `scanner submit --help`") from None
    return found


def logs(url: str) -> Iterator[Path]:
    """Give the logs of a store, the latest last: of its drivers, their workers, and their jobs.

    Raises
    ------
    StoreRefused
        If there are none.
    """
    folder = driver_folder(url)
    found = [*folder.glob("*.log"), *folder.glob("elements/*/*.log"), *folder.glob(f"{FOLDER}/*.log")]
    if not found:
        raise StoreRefused(f"{url}: no driver has left a log there")
    yield from sorted(found, key=lambda path: path.stat().st_mtime)
