"""What a worker does: evaluate one block of a store, or build one part of what its blocks need, and write it there.

A task is the store's URL and a number. Everything else (recipe, layout, tables) a worker reads from the store,
once, so that a worker that starts late, elsewhere, or again needs nothing from the driver.
"""

from __future__ import annotations

import functools
import socket
import time
import traceback
from dataclasses import dataclass, field

from scanner import cube as cubes
from scanner import provenance, recipes
from scanner.cube import Cube
from scanner.errors import StoreError
from scanner.recipes.base import Recipe

DONE, FAILED, LOST, UNWRITABLE = "done", "failed", "lost", "unwritable"


@dataclass(frozen=True)
class Outcome:
    """What became of a block.

    Parameters
    ----------
    number
        Of the task: the block, or beyond the last block the part.
    kind
        ``done``, ``failed`` (its evaluation raised), ``lost`` (it took its worker down repeatedly) or
        ``unwritable`` (the store cannot be written: no other block will fare better).
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
    """

    number: int
    kind: str
    message: str = ""
    points: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    evaluate_seconds: float = 0.0
    write_seconds: float = 0.0
    host: str = ""


@dataclass(frozen=True)
class Session:
    """A store opened for work, with the recipe that it is made by."""

    cube: Cube
    recipe: Recipe


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
        raise RuntimeError(f"{url} was replaced by another store while this scan ran")
    return Session(cube, recipes.read(cube))


def run_task(url: str, identifier: str, code: str, number: int) -> Outcome:
    """Evaluate and write one block, or beyond the last block's number one part of what blocks need.

    Never raises: exceptions do not all survive the way to the driver.
    """
    try:
        work = session(url, identifier, code)
        part = number - work.cube.layout.number_of_blocks
        return _build_part(work, number, part) if part >= 0 else _evaluate_block(work, number)
    except StoreError as error:
        return Outcome(number, UNWRITABLE, str(error), host=socket.gethostname())
    except Exception:
        return Outcome(number, FAILED, traceback.format_exc(), host=socket.gethostname())


def _evaluate_block(work: Session, number: int) -> Outcome:
    block = work.cube.layout.block(number)
    begin = time.perf_counter()
    results = work.recipe.evaluate(work.cube, block)
    middle = time.perf_counter()
    statuses = work.cube.write(block, results)
    end = time.perf_counter()
    return Outcome(number, DONE, "", block.size, statuses, middle - begin, end - middle, socket.gethostname())


def _build_part(work: Session, number: int, part: int) -> Outcome:
    begin = time.perf_counter()
    work.recipe.build_part(work.cube, part)
    return Outcome(number, DONE, evaluate_seconds=time.perf_counter() - begin, host=socket.gethostname())
