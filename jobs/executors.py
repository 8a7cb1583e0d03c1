"""Executors: this process, and any dask scheduler. All hold to `scanner.engine.Executor`."""

from __future__ import annotations

import functools
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

from distributed import Client, Future, KilledWorker, as_completed, get_worker

from scanner import worker
from scanner.cube import Cube
from scanner.engine import Executor
from scanner.errors import ScannerError
from scanner.provenance import code
from scanner.worker import Outcome, run_task

BLOCKS_IN_FLIGHT = 8
"""Blocks in flight for each worker: enough that none waits for the driver, few enough to forget cheaply."""
POLL_SECONDS = 0.005
HEALTH_SECONDS = 1.0
RESTART_SECONDS = 1.0
"""A worker is given to hand over its result before it is replaced."""


class SerialExecutor:
    """Runs blocks one by one in this process."""

    window = 1

    def __init__(self, cube: Cube, timeout: float):
        self._task, self._timeout = (cube.url, cube.record["id"], code()), timeout
        self._queue: deque[int] = deque()

    def submit(self, numbers: Sequence[int]) -> None:
        """Queue blocks."""
        self._queue.extend(numbers)

    def completed(self) -> list[Outcome]:
        """Run the next block."""
        return [run_task(*self._task, self._queue.popleft(), self._timeout)]


def _run_on_worker(url: str, identifier: str, code: str, number: int, timeout: float) -> Outcome:
    """Run a task on a dask worker, which is replaced if it has an evaluation left that does not end."""
    outcome = run_task(url, identifier, code, number, timeout)
    if outcome.kind == worker.TIMEOUT:
        here = get_worker()
        restart = functools.partial(here.close_gracefully, restart=True, reason="an evaluation hangs")
        here.loop.add_callback(here.loop.call_later, RESTART_SECONDS, restart)
    return outcome


class DaskExecutor:
    """Runs blocks on the workers of a dask scheduler.

    Futures live in a bounded window and are dropped as soon as their small result is here. A block that
    kills its worker three times in a row (the scheduler's ``allowed-failures``) comes back as lost.

    Parameters
    ----------
    cube
        The store to fill.
    client
        Connected to the scheduler.
    workers
        How many workers are expected.
    timeout
        Time limit of a block's evaluation, and of what builds a part [s].
    health
        Is told now and then how many blocks have ended; makes up for lost workers, or raises if they cannot come back.
    """

    def __init__(self, cube: Cube, client: Client, workers: int, timeout: float, health: Callable[[int], None]):
        self.window = BLOCKS_IN_FLIGHT * workers
        """How many blocks to keep in flight."""
        self._client, self._health = client, health
        self._task, self._timeout = (cube.url, cube.record["id"], code()), timeout
        self._ended, self._checked = 0, time.monotonic()
        self._numbers: dict[Future[Any], int] = {}
        self._completed = as_completed(loop=client.loop, with_results=True, raise_errors=False)

    def submit(self, numbers: Sequence[int]) -> None:
        """Send blocks to the scheduler."""
        columns: list[list[Any]] = [[part] * len(numbers) for part in self._task]
        columns += [list(numbers), [self._timeout] * len(numbers)]
        futures = self._client.map(_run_on_worker, *columns, pure=False, retries=0)
        self._numbers.update(zip(futures, numbers, strict=True))
        self._completed.update(futures)

    def completed(self) -> list[Outcome]:
        """Wait for outcomes, watching that there is still somebody to wait for."""
        while not (batch := self._completed.next_batch(block=False)):
            self._check_sometimes()
            time.sleep(POLL_SECONDS)
        self._check_sometimes()  # workers that are at work are no reason not to replace others
        self._ended += len(batch)
        return [self._outcome(future, result) for future, result in batch]

    def _check_sometimes(self) -> None:
        if time.monotonic() - self._checked > HEALTH_SECONDS:
            self._check()
            self._checked = time.monotonic()

    def _check(self) -> None:
        if self._client.status not in ("running", "connecting", "newly-created"):
            raise ScannerError(f"the dask scheduler is gone (client {self._client.status}); run again to go on")
        self._health(self._ended)

    def _explain_cancelled(self) -> NoReturn:
        """Raise: the blocks were cancelled, most likely by the end of the scheduler, which may take a moment to see."""
        deadline = time.monotonic() + HEALTH_SECONDS
        while time.monotonic() < deadline:
            self._check()
            time.sleep(POLL_SECONDS)
        raise ScannerError("the dask scheduler cancelled this scan's blocks; run again to go on")

    def _outcome(self, future: Future[Any], result: object) -> Outcome:
        number = self._numbers.pop(future)
        if isinstance(result, Outcome):
            return result
        error = result[1] if isinstance(result, tuple) else result
        if isinstance(error, KilledWorker):
            message = f"it took its worker down {error.allowed_failures + 1} times (crash or memory)"
            return Outcome(number, worker.LOST, message, host=str(error.last_worker.address))
        self._check()
        if future.status == "cancelled":
            self._explain_cancelled()
        text = "".join(traceback.format_exception(error)) if isinstance(error, BaseException) else repr(error)
        return Outcome(number, worker.FAILED, text)


class Guarded:
    """An executor whose outcomes count only as long as this driver may work.

    Parameters
    ----------
    executor
        Does the work.
    check
        Raises if this driver may not go on.
    """

    def __init__(self, executor: Executor, check: Callable[[], None]):
        self._executor, self._check = executor, check

    @property
    def window(self) -> int:
        """How many blocks to keep in flight."""
        return self._executor.window

    def submit(self, numbers: Sequence[int]) -> None:
        """Start work on blocks."""
        self._executor.submit(numbers)

    def completed(self) -> Iterable[Outcome]:
        """Wait for outcomes, and give them if they count."""
        found = self._executor.completed()
        self._check()
        return found
