"""The driver's side of a scan: a bounded window of blocks over any executor, a ledger, and a report.

The engine knows no cluster. An executor (see `jobs.executors`) takes block numbers and gives outcomes back;
progress is a callback.
"""

from __future__ import annotations

import itertools
import logging
import shutil
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from scanner import cube as cubes
from scanner import provenance, worker
from scanner import store as stores
from scanner.cube import Blueprint, Cube
from scanner.errors import ScannerError, Status, StoreError, StoreRefused, StoreReplaced
from scanner.ledger import DONE, FAILED, Element, Ledger
from scanner.recipes.base import Recipe
from scanner.store import Place
from scanner.worker import Outcome

LEDGER_SECONDS = 3.0, 60.0
"""Between two writes of the ledger: at least, and at most of those that take long."""
LEDGER_SHARE = 0.01
"""Of the time at most for writing it, between these two."""
MARKS = {worker.LOST: Status.worker_lost, worker.TIMEOUT: Status.timeout}
"""What the points of a block say that its worker could not."""

log = logging.getLogger("scanner")


class Executor(Protocol):
    """Runs blocks somewhere."""

    @property
    def window(self) -> int:
        """How many blocks to keep in flight now; 0 if no more shall be started."""

    def submit(self, numbers: Sequence[int]) -> None:
        """Start work on blocks."""

    def completed(self) -> Iterable[Outcome]:
        """Wait for at least one outcome; return all there are."""


class Reporter(Protocol):
    """Is told how a scan goes; all methods are called in the driver's thread."""

    def message(self, text: str) -> None:
        """Something the user should know."""

    def start(self, blocks: int, done: int, points: int, points_done: int) -> None:
        """The scan begins, or goes on."""

    def outcome(self, outcome: Outcome) -> None:
        """A block ended."""


class Silent:
    """A reporter that says nothing."""

    def message(self, text: str) -> None:
        """Say nothing."""

    def start(self, blocks: int, done: int, points: int, points_done: int) -> None:
        """Say nothing."""

    def outcome(self, outcome: Outcome) -> None:
        """Say nothing."""


@dataclass
class Summary:
    """What one run of a driver did.

    Parameters
    ----------
    evaluated, failed
        Blocks evaluated to the end by this run, and blocks that failed in it.
    points
        Points evaluated.
    seconds
        Wall time from first submission to last outcome.
    evaluate_seconds, write_seconds
        Sums over workers.
    statuses
        Count of point statuses written by this run.
    """

    evaluated: int = 0
    failed: int = 0
    points: int = 0
    seconds: float = 0.0
    evaluate_seconds: float = 0.0
    write_seconds: float = 0.0
    statuses: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: Outcome) -> None:
        """Count an outcome."""
        if outcome.kind != worker.DONE:
            self.failed += 1
            return
        self.evaluated += 1
        self.points += outcome.points
        self.evaluate_seconds += outcome.evaluate_seconds
        self.write_seconds += outcome.write_seconds
        self.statuses.update(outcome.statuses)


def prepare(recipe: Recipe, url: str, workers: int, reporter: Reporter) -> Cube:
    """Open a recipe's store, or create it and put in what is at hand.

    Raises
    ------
    StoreRefused
        If the store was made by another recipe, or the folder holds something else.
    """
    place = stores.look(url)
    if place is Place.COMPLETE:
        cube = cubes.open_cube(url, "r+")
        check_identity(recipe, cube)
        if cube.record["environment"]["code"] != provenance.code():
            reporter.message(
                "the program's sources have changed since this store was made, its physics versions have not: "
                "new blocks are computed with the present sources, and the store's own tables"
            )
        return cube
    if place is Place.FOREIGN:
        raise StoreRefused(f"{url}: the folder exists and is not a store of this program; choose another store")
    blueprint = recipe.blueprint(workers, reporter.message)
    _compare_with_disk(blueprint, url, reporter)
    cube = cubes.create(url, blueprint)
    recipe.fill(cube)
    cube.commit("tables at hand")
    return cube


def _compare_with_disk(blueprint: Blueprint, url: str, reporter: Reporter) -> None:
    folder, needed = stores.local_path(url), blueprint.bytes
    if folder is not None and needed > shutil.disk_usage(folder).free:
        reporter.message(f"the store may need {needed / 1e9:.1f} GB before compression, more than is free there")


def check_identity(recipe: Recipe, cube: Cube) -> None:
    """Raise StoreRefused if a store was made by another recipe."""
    wanted, stored = recipe.identity(), cube.record["identity"]
    if provenance.digest(wanted) == provenance.digest(stored):
        if cube.groups != recipe.groups():
            problem = "was made by a version that kept other arrays, or grouped its experiments otherwise"
            raise StoreRefused(f"{cube.url}: {problem}; use --fresh")
        return
    lines = [
        f"  {path}: the store has {there}, asked for is {here}" for path, there, here in _differences(stored, wanted)
    ]
    raise StoreRefused(
        f"{cube.url}: holds another {cube.kind}\n"
        + "\n".join(lines)
        + "\n  choose another store, or --fresh to replace it"
    )


def _differences(stored: Any, wanted: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    if isinstance(stored, dict) and isinstance(wanted, dict):
        for key in dict.fromkeys((*stored, *wanted)):
            inner = f"{path}.{key}" if path else str(key)
            yield from _differences(stored.get(key), wanted.get(key), inner)
    elif stored != wanted:
        yield path, stored, wanted


def mend(recipe: Recipe, cube: Cube, reporter: Reporter) -> None:
    """Write damaged axes of a store anew, and drop damaged parts."""
    for path in cube.mend(recipe.coordinates()):
        reporter.message(f"verified: {path} was damaged, and is written anew")
    for name in recipe.drop_damaged_parts(cube):
        reporter.message(f"verified: {name} was damaged, and is built anew")
    cube.commit("damaged axes and tables")


def pending(cube: Cube, ledger: Ledger, element: Element, verify: bool, reporter: Reporter) -> list[int]:
    """Return the blocks of an element to compute: those missing, failed before, and (verifying) those damaged."""
    if verify:
        blocks = (cube.layout.block(n) for n in range(ledger.state.size) if ledger.state[n] == DONE)
        damaged = [block.number for block in blocks if cube.damaged(block)]
        reporter.message(f"verified: {len(damaged)} damaged block(s) to recompute {damaged or ''}".rstrip())
        ledger.mark(damaged, 0)
    return lacking(ledger, element)


def lacking(ledger: Ledger, element: Element) -> list[int]:
    """Return the numbers of an element's blocks that are not done."""
    numbers: list[int] = np.flatnonzero(ledger.state != DONE).tolist()
    return [number for number in numbers if element.owns(number)]


def build_parts(recipe: Recipe, cube: Cube, missing: Sequence[int], executor: Executor) -> bool:
    """Build the parts that a store's blocks need and it lacks; say whether all are there now.

    Raises
    ------
    ScannerError
        If one cannot be built.
    """
    blocks, retries, built = cube.layout.number_of_blocks, recipe.execution.retries, 0
    for outcome in _outcomes(executor, [blocks + number for number in missing], Counter(), retries):
        name = recipe.part_name(cube, outcome.number - blocks)
        _check_storable(outcome)
        if outcome.kind != worker.DONE:
            hint = "\n  if it is slow and does not hang, give it more" if outcome.kind == worker.TIMEOUT else ""
            raise ScannerError(f"{name} cannot be built: {outcome.message}{hint}")
        log.info("%s done in %.3f s on %s", name, outcome.evaluate_seconds, outcome.host)
        cube.accept(outcome.changes)
        cube.commit(name)
        built += 1
    if built < len(missing):
        return False
    if missing:
        recipe.parts_built(cube)
    return True


def run_blocks(
    cube: Cube, ledger: Ledger, numbers: Sequence[int], executor: Executor, reporter: Reporter, retries: int
) -> Summary:
    """Compute blocks to the end, keeping the ledger.

    Raises
    ------
    StoreError
        If the store cannot be written; the ledger is as up to date as the store allows.
    StoreRefused
        If another driver has taken it, or another store its place.
    """
    summary, begin, books = Summary(), time.monotonic(), _Bookkeeper(cube, ledger)
    # A block that failed in an earlier run has had its retries: it gets one more chance a run.
    tries = Counter({number: retries for number in numbers if ledger.state[number] == FAILED})
    try:
        for outcome in _outcomes(executor, numbers, tries, retries):
            _record(cube, ledger, outcome)
            summary.add(outcome)
            summary.seconds = time.monotonic() - begin
            reporter.outcome(outcome)
            books.add(outcome.number)
    except StoreRefused:  # another driver has the store, and its ledger is not ours to write
        raise
    except BaseException:
        books.write()
        raise
    books.write()
    return summary


class _Bookkeeper:
    """Writes the ledger now and then, and commits it together with the blocks that it is of."""

    def __init__(self, cube: Cube, ledger: Ledger):
        self._cube, self._ledger, self._every = cube, ledger, LEDGER_SECONDS[0]
        self._numbers: list[int] = []

    def add(self, number: int) -> None:
        """A block ended; write, if that was not done just now."""
        self._numbers.append(number)
        self.write(self._every)

    def write(self, every: float = 0.0) -> None:
        """Write, if that was last done `every` seconds ago."""
        begin = time.monotonic()
        with stores.storage_errors(self._cube.url):
            written = self._ledger.flush(every)
        if self._numbers and (written or not every):
            self._cube.commit(f"blocks {_spans(sorted(self._numbers))}")
            self._numbers.clear()
            self._every = float(np.clip((time.monotonic() - begin) / LEDGER_SHARE, *LEDGER_SECONDS))


def _spans(numbers: Sequence[int]) -> str:
    """Write increasing numbers in few words.

    >>> _spans([1, 3, 4, 5, 9])
    '1, 3-5, 9'
    """
    edges = [n for n, (a, b) in enumerate(itertools.pairwise(numbers), 1) if b > a + 1]
    runs = [numbers[a:b] for a, b in itertools.pairwise([0, *edges, len(numbers)])]
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def _outcomes(executor: Executor, numbers: Sequence[int], tries: Counter[int], retries: int) -> Iterator[Outcome]:
    """Run blocks to their end.

    A worker's death is blamed on every block that it held. So blocks lost with one (a window of them, to bound
    the time) are tried again at the end, each alone: only the guilty are lost again.
    """
    suspects, most = list[int](), executor.window
    for outcome in _windowed(executor, numbers, tries, retries):
        most = max(most, executor.window)
        if outcome.kind == worker.LOST and len(suspects) < most:
            suspects.append(outcome.number)
        else:
            yield outcome
    for number in suspects:
        log.info("task %d was lost with its worker, trying it alone", number)
        yield from _windowed(executor, [number], tries, retries)


def _windowed(executor: Executor, numbers: Sequence[int], tries: Counter[int], retries: int) -> Iterator[Outcome]:
    """Keep the executor's window full; give a failed block another try, `retries` times.

    Blocks for which the window has closed are left as they are.
    """
    waiting = iter(numbers)
    again: list[int] = []
    running = 0
    while True:
        free = max(0, executor.window - running)
        batch, again = again[:free], again[free:]
        batch += itertools.islice(waiting, free - len(batch))
        if batch:
            executor.submit(batch)
            running += len(batch)
        if not running:
            return
        for outcome in executor.completed():
            running -= 1
            if outcome.kind == worker.FAILED and tries[outcome.number] < retries:
                tries[outcome.number] += 1
                again.append(outcome.number)
                log.info("task %d failed, trying again", outcome.number)
            else:
                yield outcome


def _check_storable(outcome: Outcome) -> None:
    """Raise if what a task could not write, no other could."""
    if outcome.kind == worker.REPLACED:
        raise StoreReplaced(outcome.message)
    if outcome.kind == worker.UNWRITABLE:
        raise StoreError(outcome.message)


def _record(cube: Cube, ledger: Ledger, outcome: Outcome) -> None:
    _check_storable(outcome)
    if outcome.kind == worker.DONE:
        log.info("block %d done in %.3f s on %s", outcome.number, outcome.evaluate_seconds, outcome.host)
        cube.accept(outcome.changes)
        ledger.mark([outcome.number], DONE)
        return
    log.warning("block %d %s on %s: %s", outcome.number, outcome.kind, outcome.host, outcome.message)
    if outcome.kind in MARKS:
        cube.write_failed(cube.layout.block(outcome.number), MARKS[outcome.kind])
    ledger.fail(outcome.number, outcome.message)
