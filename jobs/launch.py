"""Run a recipe to its store: lock, resume, workers, summary."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from distributed import Client

from jobs import clusters
from jobs.deadline import Deadline, InTime
from jobs.executors import DaskExecutor, Guarded, SerialExecutor
from jobs.local import LocalWorkers, end_group
from jobs.logs import dask_log, driver_log
from jobs.preflight import (
    DEFAULT_WORKERS,
    check_reachable,
    check_writable,
    known_cluster,
    refuse_elements,
    refuse_foreign,
    store_url,
)
from scanner import engine, provenance
from scanner import store as stores
from scanner.config import Execution
from scanner.cube import Cube
from scanner.engine import Executor, Reporter, Summary
from scanner.errors import InputError, StoreError
from scanner.ledger import DONE, WHOLE, Element, Ledger
from scanner.lock import DriverLock
from scanner.physics.kernel import load_kernels
from scanner.recipes.base import Recipe
from scanner.store import Place

SEEN_SECONDS = 120.0


@dataclass(frozen=True)
class Options:
    """How to run a recipe; None means what it says itself.

    Parameters
    ----------
    out
        The store.
    cluster
        ``local``, ``serial``, a cluster file or its name, or the address of a running scheduler.
    workers
        Number of workers.
    fresh
        Replace a store that is there.
    verify
        Read every finished block and recompute those that are damaged.
    only
        Numbers of the blocks to compute; all by default.
    health
        Raises if the workers of a running scheduler, given as `cluster`, cannot come back.
    element
        Which of several drivers this is: it computes its own blocks alone.
    deadline
        When this driver must have ended; blocks that could not end before are left.
    """

    out: str | None = None
    cluster: str | None = None
    workers: int | None = None
    fresh: bool = False
    verify: bool = False
    only: frozenset[int] | None = None
    health: Callable[[int], None] = lambda done: None
    element: Element = WHOLE
    deadline: Deadline = field(default_factory=Deadline)

    def __post_init__(self) -> None:
        if not self.element.alone and (self.fresh or self.verify):
            problem = "an element of a job array neither replaces the store nor verifies it"
            raise InputError("--element", problem, str(self.element), hint="do that with one driver, before or after")


def run(recipe: Recipe, options: Options, reporter: Reporter) -> tuple[Cube, Summary]:
    """Create or resume a store and compute what is missing.

    Returns
    -------
    Cube, Summary
        The store, and what this run did in it.
    """
    url = store_url(recipe.store, options.out)
    check_writable(url)
    refuse_elements(url, options.element.of)
    refuse_foreign(url, options.fresh)
    cluster = options.cluster or recipe.execution.cluster
    workers = number_of_workers(cluster, options, recipe.execution)
    check_reachable(cluster, url)
    with DriverLock(url, options.element, reporter.message) as lock:
        end_predecessor(lock, reporter)
        if options.fresh:
            _erase(url)
        lock.note(None)
        if not lock.alone:
            _see_store(url)
        cube = engine.prepare(recipe, url, workers * options.element.of, reporter)
        with driver_log(url, lock):
            return cube, _compute(recipe, cube, cluster, workers, options, lock, reporter)


def _see_store(url: str) -> None:
    """Wait until the store that the first element has made is seen here: network file systems show it late."""
    deadline = time.monotonic() + SEEN_SECONDS
    while stores.look(url) is not Place.COMPLETE:
        if time.monotonic() > deadline:
            raise StoreError(f"{url}: another element of this job array has made it, but it is not seen from here")
        time.sleep(1)


def _compute(
    recipe: Recipe, cube: Cube, cluster: str, workers: int, options: Options, lock: DriverLock, reporter: Reporter
) -> Summary:
    ledger = _ledger(cube, options.element, lock, reporter)
    if options.verify:
        engine.mend(recipe, cube, reporter)
    todo = engine.pending(cube, ledger, options.element, options.verify, reporter)
    if options.only is not None:
        todo = [number for number in todo if number in options.only]
    found = cube.counts(ledger, options.element)
    reporter.start(found["blocks"], found["done"], found["points"], found["points_done"])
    engine.log.info("start: %d blocks, %d done, %d to compute", found["blocks"], found["done"], len(todo))
    lacking = recipe.missing_parts(cube) if todo or options.verify else []
    if not todo and not lacking:
        ledger.flush()
        cube.commit("the ledger")
        return Summary()
    load_kernels()  # here first, so that workers that start together find machine code in the cache
    begin = provenance.now()
    workers = min(workers, len(todo) + len(lacking))
    with _executor(cube, cluster, workers, recipe.execution, options.health, lock, reporter) as there:
        executor, built = InTime(Guarded(there, lock.check), workers, options.deadline), True
        if lacking:
            with lock.one_by_one("elements/tables.lock"):  # one element builds them, with all its workers
                built = engine.build_parts(recipe, cube, recipe.missing_parts(cube), executor)
            options.deadline.forget()
        todo = todo if built else []
        summary = engine.run_blocks(cube, ledger, todo, executor, reporter, recipe.execution.retries)
    run = {
        "start": begin,
        "end": provenance.now(),
        "cluster": cluster,
        "element": str(options.element),
        "blocks_evaluated": summary.evaluated,
        "blocks_failed": summary.failed,
        "complete": ledger.count(DONE) == ledger.state.size,
        **provenance.environment(),
    }
    with lock.one_by_one():
        cube.add_run(run)
    engine.log.info("end: %d blocks evaluated, %d failed", summary.evaluated, summary.failed)
    if "://" not in cluster and lock.last():  # workers have ended; one that died in mid-write may have left a file
        stores.remove_partial_files(cube.url)
    return summary


def _ledger(cube: Cube, element: Element, lock: DriverLock, reporter: Reporter) -> Ledger:
    """Open this driver's ledger; who finds nobody else at work tidies up before the others come in."""
    ledger, message = cube.ledger(element)
    if message:
        reporter.message(message)
    if lock.alone:
        stores.remove_partial_files(cube.url)
        with stores.storage_errors(cube.url):
            ledger.join(element.of)
        cube.commit("the ledger")
    lock.share()
    return ledger


def number_of_workers(cluster: str, options: Options, execution: Execution) -> int:
    """Return the number of workers: the command line's, else that of the cluster asked for, else the scan file's."""
    own, written = known_cluster(cluster), execution.workers
    if cluster == execution.cluster:
        return options.workers or written or own or DEFAULT_WORKERS
    return options.workers or own or written or DEFAULT_WORKERS


@contextlib.contextmanager
def _executor(
    cube: Cube,
    cluster: str,
    workers: int,
    execution: Execution,
    health: Callable[[int], None],
    lock: DriverLock,
    reporter: Reporter,
) -> Iterator[Executor]:
    """Connect to workers, started for this if need be."""
    if cluster == "serial":
        yield SerialExecutor(cube, execution.timeout)
        return
    if "://" in cluster:
        with dask_log(cube.url, lock), _client(cluster) as client:
            count = len(client.scheduler_info()["workers"]) or workers
            reporter.message(f"dashboard: {client.dashboard_link}")
            yield DaskExecutor(cube, client, count, execution.timeout, health)
        return
    started = workers_for(cube.url, cluster, workers, execution, lock, reporter)
    with started as (address, check), _client(address) as client:
        yield DaskExecutor(cube, client, workers, execution.timeout, check)


@contextlib.contextmanager
def workers_for(
    url: str, cluster: str, workers: int, execution: Execution, lock: DriverLock, reporter: Reporter
) -> Iterator[tuple[str, Callable[[int], None]]]:
    """Start workers here or under a batch system; give their scheduler's address, and what raises if they are gone.

    They are noted in the lock of the store that they work for before they exist, and ended on every way out.
    """
    with dask_log(url, lock):
        started = _workers(url, cluster, workers, execution, lock)
        lock.note(started.jobs)
        try:
            address, dashboard = started.address()
            reporter.message(f"dashboard: {dashboard}")
            yield address, started.check
        finally:
            started.close()
            lock.ended()


def _workers(
    url: str, cluster: str, workers: int, execution: Execution, lock: DriverLock
) -> LocalWorkers | clusters.BatchWorkers:
    if cluster == "local":
        local = stores.local_path(url) is not None
        return LocalWorkers(workers, execution.memory_bytes, lock.folder / "cluster.log" if local else None)
    return clusters.BatchWorkers(clusters.read(clusters.find(cluster)), workers, execution.memory_bytes, url)


@contextlib.contextmanager
def _client(address: str) -> Iterator[Client]:
    try:
        client = Client(address, timeout="30s", set_as_default=False)
    except (OSError, TimeoutError) as error:
        raise InputError("--cluster", f"no dask scheduler answers: {error}", address) from None
    except ValueError as error:
        raise InputError("--cluster", f"not a scheduler's address: {error}", address, "tcp://host:port") from None
    try:
        yield client
    finally:
        client.close(timeout=5)


def end_predecessor(lock: DriverLock, reporter: Reporter) -> None:
    """End the jobs of drivers that died, before anything of the store is touched."""
    for path, note in lock.previous().items():
        jobs: Mapping[str, Any] | None = note.get("jobs")
        if jobs:
            who = f"process {note.get('pid')} on {note.get('host')}"
            reporter.message(f"the last driver ({who}) died; ending its workers")
            end_group(jobs) if jobs["kind"] == "local" else clusters.end_jobs(jobs)
        path.unlink(missing_ok=True)


def _erase(url: str) -> None:
    """Delete a store of ours, whole or half made."""
    with stores.storage_errors(url):
        stores.erase(url)
