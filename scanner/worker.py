"""What a worker does: evaluate one block of a store, or build one part of what its blocks need, and write it there.

A task is the store's URL and a number. Everything else (recipe, layout, tables) a worker reads from the store,
once, so that a worker that starts late, elsewhere, or again needs nothing from the driver.
"""

from __future__ import annotations

import functools
import queue
import socket
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, TypeVar

from scanner import cube as cubes
from scanner import provenance, recipes, transactions
from scanner.cube import Cube
from scanner.errors import StoreError, StoreReplaced
from scanner.physics.kernel import load_kernels
from scanner.recipes.base import Recipe

T = TypeVar("T")

DONE, FAILED, LOST, TIMEOUT = "done", "failed", "lost", "timeout"
UNWRITABLE, REPLACED = "unwritable", "replaced"


@dataclass(frozen=True)
class Outcome:
    """What became of a block.

    Parameters
    ----------
    number
        Of the task: the block, or beyond the last block the part.
    kind
        ``done``, ``failed`` (its evaluation raised), ``lost`` (it took its worker down repeatedly), ``timeout`` (its
        evaluation did not end in time), ``unwritable`` (the store cannot be written: no other block will fare
        better) or ``replaced`` (the driver's store is there no more, and its driver has no business there).
    message
        Traceback or reason, where not done.
    points
        Points in the block.
    statuses
        Count by name of the statuses in it, over all its experiments.
    evaluate_seconds, write_seconds
        Wall time of the two halves of the work.
    host
        Where it ran.
    changes
        What the driver must take over for the work to be in the store: see `scanner.cube.Cube.accept`.
    """

    number: int
    kind: str
    message: str = ""
    points: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    evaluate_seconds: float = 0.0
    write_seconds: float = 0.0
    host: str = ""
    changes: bytes = b""


@dataclass(frozen=True)
class Session:
    """A store opened for work, with the recipe that it is made by.

    Parameters
    ----------
    cube
        The store.
    recipe
        What makes it.
    turn
        To be held from a `begin` to its `changes`: a worker of somebody's own cluster may run tasks in several
        threads, and one would hand over what another writes.
    """

    cube: Cube
    recipe: Recipe
    turn: AbstractContextManager[Any]


@functools.lru_cache(maxsize=2)
def session(url: str, identifier: str, code: str) -> Session:
    """Open a store for work, once in each process.

    Parameters
    ----------
    url
        The store.
    identifier
        Its id: a store made anew at the same place is another one.
    code
        Hash of the driver's sources; a worker with other sources must not contribute.
    """
    own = provenance.code()
    if own != code:
        raise RuntimeError(
            f"this worker ({socket.gethostname()}) runs other sources ({own[:12]}) than the driver ({code[:12]}); "
            "install the same version (and plug-ins) everywhere"
        )
    cube = cubes.open_cube(url, "r+")
    if cube.record["id"] != identifier:
        raise StoreReplaced(f"{url}: was replaced by another store while this scan ran")
    found = Session(cube, recipes.read(cube), threading.Lock() if transactions.handles(url) else nullcontext())
    load_kernels()  # before the first block, whose time must not count it
    return found


def run_task(url: str, identifier: str, code: str, number: int, timeout: float) -> Outcome:
    """Evaluate and write one block, or beyond the last block's number one part of what blocks need.

    Never raises: exceptions do not all survive the way to the driver.

    Parameters
    ----------
    url, identifier, code
        As those of `session`.
    number
        The block's, or the part's.
    timeout
        Time limit of a block's evaluation, and of what builds a part [s].
    """
    try:
        work = session(url, identifier, code)
        part = number - work.cube.layout.number_of_blocks
        return _build_part(work, number, part, timeout) if part >= 0 else _evaluate_block(work, number, timeout)
    except StoreReplaced as error:
        return Outcome(number, REPLACED, str(error), host=socket.gethostname())
    except StoreError as error:
        return Outcome(number, UNWRITABLE, str(error), host=socket.gethostname())
    except TimeLimitExceeded as error:
        return Outcome(number, TIMEOUT, str(error), host=socket.gethostname())
    except Exception:
        return Outcome(number, FAILED, traceback.format_exc(), host=socket.gethostname())


class TimeLimitExceeded(Exception):
    """What was computed did not end in time; it may still be running, and its results are dropped."""


def _within(seconds: float, function: Callable[[], T]) -> T:
    """Call a function in a thread of its own, which is given up if it does not end in time.

    A kernel that hangs cannot be interrupted, only left behind; it writes nothing.
    """
    answers: queue.SimpleQueue[tuple[T | None, BaseException | None]] = queue.SimpleQueue()

    def call() -> None:
        try:
            answers.put((function(), None))
        except BaseException as error:
            answers.put((None, error))

    threading.Thread(target=call, daemon=True, name="evaluation").start()
    try:
        result, error = answers.get(timeout=seconds)
    except queue.Empty:
        raise TimeLimitExceeded(f"it did not end within {seconds:g} s, the limit that execution.timeout sets") from None
    if error is not None:
        raise error
    return result  # type: ignore[return-value]


def _evaluate_block(work: Session, number: int, timeout: float) -> Outcome:
    block = work.cube.layout.block(number)
    with work.turn:
        work.cube.begin()  # there are tables that it needs
    begin = time.perf_counter()
    results = _within(timeout, lambda: work.recipe.evaluate(work.cube, block))
    middle = time.perf_counter()
    with work.turn:
        work.cube.begin()
        statuses = work.cube.write(block, results)
        changes = work.cube.changes()
    end = time.perf_counter()
    return Outcome(number, DONE, "", block.size, statuses, middle - begin, end - middle, socket.gethostname(), changes)


def _build_part(work: Session, number: int, part: int, timeout: float) -> Outcome:
    with work.turn:
        work.cube.begin()
    begin = time.perf_counter()
    built = _within(timeout, lambda: work.recipe.build_part(work.cube, part))
    with work.turn:
        work.cube.begin()
        work.recipe.write_part(work.cube, part, built)
        changes = work.cube.changes()
    seconds = time.perf_counter() - begin
    return Outcome(number, DONE, evaluate_seconds=seconds, host=socket.gethostname(), changes=changes)
