"""How a scan would go on a cluster: its blocks on nodes that wait, start, reach their walltime and fail.

Nothing is computed: a discrete simulation of jobs, workers and schedulers, with the times that a plan has measured. It
assumes that

- all blocks of a group take the same time, on every node the same, and are written as they end;
- each job waits in the queue for the same time, also one that is submitted again, and then its workers start together;
- a job starts no block that would not end before its walltime less the driver's margin, and is submitted again as long
  as there is work left;
- nodes fail at random, without memory, one after `mtbf` of running on average; the blocks at work there are lost, and
  the job is submitted again;
- a scheduler hands out one task at a time, and hands it to a worker that is free;
- the driver of one scheduler, where there are no elements, outlives everything.

The elements of a job array have a node, a scheduler and every n-th block each; as many as there are nodes run at once.
"""

from __future__ import annotations

import heapq
import math
import random
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace

from scanner import tables
from scanner.errors import InputError, ScannerError, did_you_mean
from scanner.planning import Plan, group_arrays, margin
from scanner.scan import Scan

TASK_SECONDS = 2.4e-3
"""What a task takes of driver and scheduler."""
START_SECONDS = 10.0
"""From the start of a job to its first block: processes, libraries, compiled code from the cache."""
WRITE_SECONDS, WRITE_BYTES_PER_SECOND = 4e-3, 2e8
"""What writing a block takes, and the speed at which it is compressed and written; see `scanner bench`."""
MAX_ATTEMPTS = 20
"""Tasks started for each that there is, on average; a scan that needs more does not come to an end."""


@dataclass(frozen=True)
class Tasks:
    """Tasks of one length.

    Parameters
    ----------
    number
        How many.
    seconds
        Time of one on a worker.
    """

    number: int
    seconds: float


@dataclass(frozen=True)
class Work:
    """What there is to do.

    Parameters
    ----------
    blocks
        By group of experiments.
    parts
        Of the tables; blocks begin when all are done. Of the elements of a job array the first builds them.
    """

    blocks: tuple[Tasks, ...]
    parts: Tasks = Tasks(0, 0.0)

    @property
    def number_of_blocks(self) -> int:
        """How many blocks there are."""
        return sum(b.number for b in self.blocks)

    @property
    def seconds(self) -> float:
        """Time of all tasks on one worker."""
        return sum(t.number * t.seconds for t in (*self.blocks, self.parts))


@dataclass(frozen=True)
class Site:
    """Where it is done.

    Parameters
    ----------
    nodes
        How many run at once.
    workers
        On each node.
    elements
        Of a job array; 0 for one scheduler with workers on all nodes.
    walltime
        Of a job [s].
    mtbf
        Mean time between failures of a node [s].
    queue
        Time that a job waits [s].
    start
        From the start of a job to its first block [s].
    task
        Time that a task takes of its scheduler [s].
    """

    nodes: int
    workers: int
    elements: int = 0
    walltime: float = math.inf
    mtbf: float = math.inf
    queue: float = 0.0
    start: float = START_SECONDS
    task: float = TASK_SECONDS

    @property
    def jobs(self) -> int:
        """How many jobs share the work."""
        return self.elements or self.nodes

    @property
    def usable(self) -> float:
        """Time from the start of a job in which its blocks must end [s]."""
        return self.walltime - margin(self.walltime)


@dataclass
class Forecast:
    """How it went.

    Parameters
    ----------
    seconds
        Until the last block was done.
    busy_seconds
        Of workers, in tasks that were done.
    lost_seconds
        Of workers, in tasks that a failure cut off.
    allocated_seconds
        Of workers, from the start of their jobs to the end.
    failures, jobs, tasks
        Numbers of failed nodes, of jobs that ran, and of tasks that were started.
    scheduler_load
        Part of its time that a scheduler is at work, until its last block is done; the mean over schedulers.
    """

    seconds: float = 0.0
    busy_seconds: float = 0.0
    lost_seconds: float = 0.0
    allocated_seconds: float = 0.0
    failures: int = 0
    jobs: int = 0
    tasks: int = 0
    scheduler_load: float = 0.0

    @property
    def efficiency(self) -> float:
        """Part of the allocated time that went into tasks that were done."""
        return self.busy_seconds / self.allocated_seconds if self.allocated_seconds else 1.0

    def as_dict(self) -> dict[str, float]:
        """Return plain JSON types."""
        return {**asdict(self), "efficiency": self.efficiency}


class _Pool:
    """Tasks that share a scheduler; those of one length are counted, not listed.

    Parameters
    ----------
    tasks
        Numbers of tasks, and their lengths.
    """

    def __init__(self, tasks: Sequence[tuple[int, float]]):
        self.waiting = [one for one in tasks if one[0]][::-1]
        self.undone = sum(number for number, _ in tasks)
        self.idle: list[tuple[_Job, int]] = []
        self.free, self.first, self.ended, self.handed_out = 0.0, math.inf, 0.0, 0

    def take(self, now: float, task: float) -> None:
        """The scheduler hands out the next task."""
        number, seconds = self.waiting.pop()
        if number > 1:
            self.waiting.append((number - 1, seconds))
        begin = max(now, self.free)
        self.free = begin + task
        self.first = min(self.first, begin)
        self.handed_out += 1

    def give_back(self, seconds: float) -> None:
        """Take a task back that was not done."""
        self.waiting.append((1, seconds))

    def load(self, task: float) -> float:
        """Part of its time that the scheduler was at work."""
        span = self.ended - self.first
        return min(1.0, self.handed_out * task / span) if span > 0 else 0.0


@dataclass(eq=False)
class _Job:
    """A job, with the jobs that continue it.

    Parameters
    ----------
    pool
        Whose blocks it does.
    epoch
        Raised when it ends: events of another epoch are void.
    began
        When it started; None while it is in the queue.
    running
        By worker, what it works on: begin, length, and pool of the task.
    retired
        Workers that have no time left for a block.
    """

    pool: _Pool
    epoch: int = 0
    began: float | None = None
    running: dict[int, tuple[float, float, _Pool]] = field(default_factory=dict)
    retired: int = 0


class _Simulation:
    """Events in order of time."""

    def __init__(self, work: Work, site: Site, seed: int):
        self.site, self.found = site, Forecast()
        self.random = random.Random(seed)
        self.parts = _Pool([(work.parts.number, work.parts.seconds)])
        n = site.elements or 1
        self.pools = [_Pool([(_share(b.number, n, k), b.seconds) for b in work.blocks]) for k in range(n)]
        self.jobs = [_Job(self.pools[k % n]) for k in range(site.jobs)]
        self.queued = [(site.queue, k, job) for k, job in enumerate(self.jobs) if job.pool.undone]
        self.number = len(self.jobs)
        self.free_nodes = site.nodes
        self.builder: _Job | None = None
        self.events: list[tuple[float, int, Callable[[float, _Job, int], None], _Job, int, int]] = []
        self.limit = MAX_ATTEMPTS * (work.number_of_blocks + work.parts.number) + 1000 * site.jobs

    def run(self) -> Forecast:
        """Simulate until all is done."""
        found = self.found
        self._fill_nodes(0.0)
        while self.events and any(pool.undone for pool in self.pools):
            now, _, happens, job, epoch, slot = heapq.heappop(self.events)
            if epoch == job.epoch:
                happens(now, job, slot)
            if found.tasks + found.jobs > self.limit:
                raise ScannerError(
                    "the scan would not come to an end: most blocks are lost before they are done\n  "
                    "take shorter blocks (execution.block)"
                )
        for job in self.jobs:
            if job.began is not None:
                self._stop(found.seconds, job)
        loads = [pool.load(self.site.task) for pool in self.pools if pool.handed_out]
        found.scheduler_load = sum(loads) / max(len(loads), 1)
        return found

    def _at(self, time: float, happens: Callable[[float, _Job, int], None], job: _Job, slot: int = 0) -> None:
        self.number += 1
        heapq.heappush(self.events, (time, self.number, happens, job, job.epoch, slot))

    def _fill_nodes(self, now: float) -> None:
        """Give free nodes to jobs in the queue."""
        while self.free_nodes and self.queued:
            ready, _, job = heapq.heappop(self.queued)
            if job.pool.undone:
                self.free_nodes -= 1
                self._at(max(now, ready), self._begin, job)

    def _begin(self, now: float, job: _Job, slot: int) -> None:
        """A job starts on its node."""
        site = self.site
        self.found.jobs += 1
        job.began, job.retired = now, 0
        if math.isfinite(site.mtbf):
            self._at(now + self.random.expovariate(1 / site.mtbf), self._fail, job)
        if math.isfinite(site.walltime):
            self._at(now + site.usable, self._leave, job)
        for slot in range(site.workers):
            self._at(now + site.start, self._next, job, slot)

    def _next(self, now: float, job: _Job, slot: int) -> None:
        """A worker that is free takes a task, or waits for one, or has no time left for one."""
        assert job.began is not None
        if not job.pool.undone:
            self._stop(now, job)
            return
        pool = self._pool_of(job)
        if pool is None or not pool.waiting:
            (pool or self.parts).idle.append((job, slot))
            return
        seconds, begin = pool.waiting[-1][1], max(now, pool.free)
        if begin + seconds > job.began + self.site.usable:
            job.retired += 1
            if job.retired == self.site.workers:
                self._leave(now, job, slot)
            return
        pool.take(now, self.site.task)
        self.found.tasks += 1
        job.running[slot] = (begin, seconds, pool)
        self._at(begin + seconds, self._end, job, slot)

    def _pool_of(self, job: _Job) -> _Pool | None:
        """Whence a job takes its tasks; None if it waits for the element that builds the tables."""
        if not self.parts.undone:
            return job.pool
        if self.site.elements:
            self.builder = self.builder or job
            return self.parts if job is self.builder else None
        return self.parts

    def _end(self, now: float, job: _Job, slot: int) -> None:
        """A task is done."""
        _, seconds, pool = job.running.pop(slot)
        pool.undone, pool.ended = pool.undone - 1, now
        self.found.busy_seconds += seconds
        self.found.seconds = now
        if not pool.undone:  # blocks follow the tables; an element leaves its node to another
            self._wake(now, pool)
        self._next(now, job, slot)

    def _wake(self, now: float, pool: _Pool) -> None:
        """Workers that wait for a task look again."""
        waiting, pool.idle = pool.idle, []
        for job, slot in waiting:
            self._at(now, self._next, job, slot)

    def _fail(self, now: float, job: _Job, slot: int) -> None:
        """A node is gone, and what was at work there."""
        self.found.failures += 1
        pools = {id(pool): pool for _, _, pool in job.running.values()}
        for begin, seconds, pool in job.running.values():
            self.found.lost_seconds += max(now - begin, 0.0)
            pool.give_back(seconds)
        self._stop(now, job)
        self._submit(now, job)
        for pool in pools.values():
            self._wake(now, pool)

    def _leave(self, now: float, job: _Job, slot: int) -> None:
        """A job ends for lack of time."""
        if job.running:  # what ends at this very moment comes first
            self._at(now, self._leave, job)
            return
        self._stop(now, job)
        self._submit(now, job)

    def _stop(self, now: float, job: _Job) -> None:
        """A job ends, and its node is free."""
        assert job.began is not None
        self.found.allocated_seconds += (now - job.began) * self.site.workers
        job.began, job.epoch = None, job.epoch + 1
        job.running.clear()
        for pool in (self.parts, job.pool):
            pool.idle = [one for one in pool.idle if one[0] is not job]
        if job is self.builder:
            self.builder = None
            self._wake(now, self.parts)
        self.free_nodes += 1
        self._fill_nodes(now)

    def _submit(self, now: float, job: _Job) -> None:
        """Queue the job that continues one."""
        self.number += 1
        heapq.heappush(self.queued, (now + self.site.queue, self.number, job))
        self._fill_nodes(now)


def _share(number: int, elements: int, element: int) -> int:
    """How many of so many blocks an element owns: every n-th, beginning with its own number."""
    return len(range(element, number, elements))


def simulate(work: Work, site: Site, seed: int = 0) -> Forecast:
    """Return how a scan would go; the same seed gives the same failures.

    Raises
    ------
    ScannerError
        If it would not come to an end.
    """
    longest = max((t.seconds for t in (*work.blocks, work.parts) if t.number), default=0.0)
    if site.start + longest > site.usable:
        raise ScannerError(
            f"a block takes {longest:.3g} s, and a job has {max(site.usable - site.start, 0.0):.3g} s for blocks: none "
            "would ever end\n  take shorter blocks (execution.block), or a longer walltime"
        )
    return _Simulation(work, site, seed).run()


def work_of(scan: Scan, plan: Plan, block: float | None = None) -> Work:
    """Return what a scan has to do.

    Parameters
    ----------
    scan, plan
        The scan, and what was measured of it.
    block
        Time of a block [s], from elsewhere, in place of what was measured.
    """
    layout = plan.layout
    evaluating = [group.points * group.seconds_per_point for group in plan.groups]
    if scan.file.reduce:
        evaluating = [sum(evaluating)]
    found = []
    for number, (arrays, shape) in enumerate(zip(group_arrays(scan), layout.shapes, strict=True)):
        blocks = math.prod(layout.counts(number))
        writing = WRITE_SECONDS + arrays.bytes(math.prod(shape)) / blocks / WRITE_BYTES_PER_SECOND
        found.append(Tasks(blocks, block or evaluating[number] / blocks + writing))
    parts = len(tables.parts(tables.plan(scan)))
    return Work(tuple(found), Tasks(parts, sum(g.table_seconds for g in plan.groups) / max(parts, 1)))


def files(scan: Scan, plan: Plan) -> int:
    """Return how many files a scan's store will have: shards, chunks of tables, and what describes the arrays."""
    arrays = [len(group.arrays()) for group in group_arrays(scan)]
    shards = sum(n * math.prod(plan.layout.counts(number)) for number, n in enumerate(arrays))
    chunks = sum(2 * len(part.paths) for part in tables.parts(tables.plan(scan)))
    return shards + chunks + sum(arrays) + 2 * len(plan.tables)


MAX_WORKERS = 10**6
"""On all nodes, or elements, that are simulated one by one."""
UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
COUNTS, TIMES = ("nodes", "workers", "elements", "seed"), ("walltime", "mtbf", "queue", "start", "block")


def read_site(text: str) -> tuple[Site, int, float | None]:
    """Read a site as the command line has it: ``nodes=4,workers=16,walltime=4h,mtbf=30d,queue=20m,elements=4``.

    Returns
    -------
    Site, int, float or None
        Also the seed, and the time of a block [s] where it is given.
    """
    given: dict[str, str] = {}
    for entry in text.split(","):
        name, _, value = (part.strip() for part in entry.partition("="))
        if not name or not value:
            raise InputError("--simulate", "expected name=value, name=value, ...", entry)
        if name not in (*COUNTS, *TIMES):
            known = (*COUNTS, *TIMES)
            raise InputError(f"--simulate {name}", "unknown", allowed=", ".join(known), hint=did_you_mean(name, known))
        if name in given:
            raise InputError(f"--simulate {name}", "is given twice", text)
        given[name] = value
    for name in ("nodes", "workers"):
        if name not in given:
            raise InputError("--simulate", f"{name} is missing", text, "nodes=N,workers=WORKERS OF A NODE, ...")
    counts = {name: _count(name, given[name]) for name in COUNTS if name in given}
    if max(counts["nodes"] * counts["workers"], counts.get("elements", 0)) > MAX_WORKERS:
        raise InputError("--simulate", "too much to simulate", text, f"{MAX_WORKERS:,} workers, or elements, at most")
    times = {name: _time(name, given[name]) for name in TIMES if name in given}
    seed, block = counts.pop("seed", 0), times.pop("block", None)
    return replace(Site(**counts), **times), seed, block  # type: ignore[arg-type]


def _count(name: str, text: str) -> int:
    least = 0 if name in ("elements", "seed") else 1
    if not text.isdecimal() or int(text) < least:
        raise InputError(f"--simulate {name}", "not a number of them", text, f"a whole number from {least}")
    return int(text)


def _time(name: str, text: str) -> float:
    clock = re.fullmatch(r"(?:(\d+)-)?(\d+):(\d\d):(\d\d)", text)
    plain = re.fullmatch(r"(\d+\.?\d*(?:e[+-]?\d+)?)([smhd]?)", text)
    found = math.nan
    if clock:
        days, hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        found = float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
    elif plain:
        found = float(plain[1]) * UNITS[plain[2]]
    if not math.isfinite(found) or (not found and name not in ("queue", "start")):
        raise InputError(f"--simulate {name}", "not a time", text, "90 or 90s, 20m, 4h, 30d, HH:MM:SS")
    return found
