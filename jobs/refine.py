"""Refine a scan where its contours run: level after level, only the blocks that they cross."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from jobs import launch
from jobs.launch import Options
from jobs.preflight import store_url
from scanner import cube as cubes
from scanner import levels, refinement
from scanner import store as stores
from scanner.analysis.surface import threshold
from scanner.cube import Cube
from scanner.dataset import open_dataset
from scanner.engine import Reporter
from scanner.errors import InputError, StoreRefused
from scanner.ledger import FAILED, MISSING
from scanner.levels import LevelRecipe, url_of
from scanner.lock import DriverLock
from scanner.store import Place
from scanner.worker import Outcome

Progress = Callable[[], AbstractContextManager[Reporter]]
"""Makes a reporter; each pass over a level has its own."""


@dataclass(frozen=True)
class Request:
    """What is to be refined.

    Parameters
    ----------
    plane
        The two axes of the contours; the others are profiled.
    cl
        Confidence levels of the contours, at two degrees of freedom.
    levels
        How many levels finer than the store.
    experiments
        Names of those that are summed; all by default.
    """

    plane: tuple[str, str]
    cl: tuple[float, ...]
    levels: int
    experiments: tuple[str, ...] | None = None


def refine(store: str, request: Request, options: Options, progress: Progress) -> Cube:
    """Compute the levels of a store where its contours run and where its minimum lies, or go on with that.

    Parameters
    ----------
    store
        Path or URL of a complete store of a scan.
    request
        What is to be refined.
    options
        ``cluster``, ``workers``, ``fresh`` (begin the levels anew) and ``verify``.
    progress
        Makes a reporter.

    Returns
    -------
    Cube
        The store; its levels lie in it, see `scanner.levels`.

    Raises
    ------
    InputError
        For axes, confidence levels or experiments that cannot be, and too many levels.
    StoreRefused
        For a store that is no scan, is incomplete, or has been refined in other axes.
    """
    base = cubes.open_cube(store_url(None, store), "r+")
    levels.check_refinable(base)
    with DriverLock(base.url) as lock:
        with progress() as reporter:
            launch.end_predecessor(lock, reporter)
            lock.note(None)
            _check_complete(base, reporter)
        with _Workers(base, options, lock) as workers:
            work = _Refinement(base, request, workers, progress)
            _check_axes(base, request, work.experiments, options.fresh)
            if options.fresh:
                _erase_levels(base)
            work.run(options.verify)
    return base


def _check_complete(base: Cube, reporter: Reporter) -> None:
    ledger, _ = base.ledger()
    missing, total = ledger.count(MISSING), ledger.state.size
    if missing:
        raise StoreRefused(
            f"{base.url}: {missing:,} of {total:,} blocks are missing, and contours cannot be followed through them\n  "
            "complete it with `scanner run` first"
        )
    if failed := ledger.count(FAILED):
        reporter.message(f"{failed} block(s) of the store failed: contours end at them")


def _check_axes(base: Cube, request: Request, experiments: Sequence[str], fresh: bool) -> None:
    """Refuse axes on which there is nothing to refine, and a store that has levels of others."""
    used = {axis for group in base.groups for axis in group.axes if set(group.experiments) & set(experiments)}
    for option, name in zip(("--x", "--y"), request.plane, strict=True):
        if name not in used:
            raise InputError(option, "no summed experiment depends on this axis", name, ", ".join(sorted(used)))
        if base.array(f"axes/{name}").shape[0] == 1:
            raise InputError(option, "an axis of one value cannot be refined", name)
    for level in range(1, 0 if fresh else levels.existing(base.url) + 1):
        plane = cubes.open_cube(url_of(base.url, level)).record["level"]["plane"]
        if set(plane) != set(request.plane):
            raise StoreRefused(
                f"{base.url}: has been refined in {' and '.join(plane)}\n  "
                "--fresh replaces its levels; to keep them, refine a copy of the store"
            )


def _erase_levels(base: Cube) -> None:
    """Delete all levels, the finest first, so that those left are always 1 to n."""
    for level in range(levels.existing(base.url), 0, -1):
        with stores.storage_errors(base.url):
            stores.erase(url_of(base.url, level))


class _Workers:
    """Where to compute: workers are started when first needed, and then serve all levels.

    They are noted in the lock of the base store, so that whoever drives it next ends those that were left.
    """

    def __init__(self, base: Cube, options: Options, lock: DriverLock):
        self._base, self._options, self._lock = base, options, lock
        self._stack = contextlib.ExitStack()
        self._there: Options | None = None

    def __enter__(self) -> _Workers:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def options(self, recipe: LevelRecipe, blocks: frozenset[int], verify: bool, reporter: Reporter) -> Options:
        """Return how to compute some blocks of a level."""
        self._lock.check()
        if blocks and self._there is None:
            self._there = self._start(recipe, reporter)
        return replace(self._there or self._options, fresh=False, only=blocks, verify=verify)

    def _start(self, recipe: LevelRecipe, reporter: Reporter) -> Options:
        cluster = self._options.cluster or recipe.execution.cluster
        if cluster == "serial" or "://" in cluster:
            return self._options
        workers = launch.number_of_workers(cluster, self._options, recipe.execution)
        started = launch.workers_for(self._base.url, cluster, workers, recipe.execution, self._lock, reporter)
        address, health = self._stack.enter_context(started)
        return replace(self._options, cluster=address, workers=workers, health=health)


class _Refinement:
    """What one run of a driver knows: its levels, their profiles, and the blocks that it has tried.

    Parameters
    ----------
    base
        Level 0.
    request
        What is to be refined.
    workers
        Where to compute.
    progress
        Makes a reporter.
    """

    def __init__(self, base: Cube, request: Request, workers: _Workers, progress: Progress):
        self._base, self._request, self._workers, self._progress = base, request, workers, progress
        self._heights = [threshold(level, 2) for level in request.cl]
        delta = self._delta(0)
        self.experiments: Sequence[str] = delta.attrs["experiments"]
        self._profiles = {0: _absolute(delta)}
        self._cubes: dict[int, Cube] = {}
        self._tried: dict[int, set[int]] = {}
        self._said: set[str] = set()

    def run(self, verify: bool) -> None:
        """Refine level by level; again from the first as long as a lower minimum has moved the contours."""
        numbers = range(1, self._request.levels + 1)
        self._recipes = {n: LevelRecipe(self._base, self._request.plane, n) for n in numbers}
        for level in numbers:
            self._open(level, verify)
        while sum(self._deepen(level) for level in numbers):
            pass

    def _open(self, level: int, verify: bool) -> None:
        """Create or open the store of a level; its damaged blocks are computed anew if asked for."""
        url, there = url_of(self._base.url, level), frozenset[int]()
        if verify and stores.look(url) is Place.COMPLETE:
            there = levels.done_blocks(cubes.open_cube(url))
        self._tried[level] = set()
        self._compute(level, there, verify)

    def _deepen(self, level: int) -> int:
        """Compute what contours and minimum need of a level until they need no more; return how many blocks."""
        computed = 0
        while new := self._needed(level):
            self._compute(level, new)
            self._tried[level] |= new
            self._profiles = {n: found for n, found in self._profiles.items() if n < level}
            computed += len(new)
        return computed

    def _needed(self, level: int) -> frozenset[int]:
        """Numbers of the blocks that a level lacks; one that fails is tried once a run."""
        for number in (level - 1, level):
            if number not in self._profiles:
                self._profiles[number] = _absolute(self._delta(number))
        minimum = min(float(np.nanmin(found)) for found in self._profiles.values())
        points = refinement.wanted(self._profiles[level - 1], self._profiles[level], self._heights, minimum)
        cube = self._cubes[level]
        axes = [group.axes for group in cube.groups]
        groups = [n for n, group in enumerate(cube.groups) if set(group.experiments) & set(self.experiments)]
        wanted = frozenset(refinement.blocks_holding(points, self._request.plane, cube.layout, axes, groups))
        return wanted - self._tried[level] - levels.done_blocks(cube)

    def _delta(self, level: int) -> xr.DataArray:
        """Δχ² over the plane, profiled, from a level and those above it."""
        dataset = open_dataset(self._base.url, level)
        found: xr.DataArray = dataset.scan.profile(*self._request.plane, experiments=self._request.experiments)
        return found

    def _compute(self, level: int, blocks: frozenset[int], verify: bool = False) -> None:
        with self._progress() as reporter:
            one = _Pass(reporter, f"level {level}", len(blocks), self._said)
            options = self._workers.options(self._recipes[level], blocks, verify, one)
            self._cubes[level], _ = launch.run(self._recipes[level], options, one)


def _absolute(delta: xr.DataArray) -> np.ndarray:
    """−2 ln L of a surface; NaN where there is no number."""
    return np.asarray(delta.values + delta.attrs["minimum"])


class _Pass:
    """A reporter of one pass over a level: of its blocks alone, and silent about what an earlier pass said."""

    def __init__(self, reporter: Reporter, name: str, blocks: int, said: set[str]):
        self._reporter, self._name, self._blocks, self._said = reporter, name, blocks, said

    def message(self, text: str) -> None:
        """Pass on what is new."""
        if text not in self._said:
            self._said.add(text)
            self._reporter.message(text)

    def start(self, blocks: int, done: int, points: int, points_done: int) -> None:
        """Start with the blocks of this pass."""
        if self._blocks:
            self._reporter.message(f"{self._name}: {self._blocks:,} blocks")
            self._reporter.start(self._blocks, 0, points, 0)

    def outcome(self, outcome: Outcome) -> None:
        """A block ended."""
        self._reporter.outcome(outcome)
