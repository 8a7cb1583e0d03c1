"""A driver that knows when it must have ended takes no block that could not end before."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Sequence

from scanner import worker
from scanner.engine import Executor
from scanner.planning import margin
from scanner.worker import Outcome

REMEMBERED = 64


class Deadline:
    """When a driver must have ended, and what it has seen of its work.

    Parameters
    ----------
    seconds
        From now; None if there is no end.

    Attributes
    ----------
    taken, done
        How many blocks, and parts of what they need, this driver has started, and has had done.
    """

    def __init__(self, seconds: float | None = None):
        self._begin = time.monotonic()
        self._stop = None if seconds is None else self._begin + seconds - margin(seconds)
        self._times: deque[float] = deque(maxlen=REMEMBERED)
        self.taken = self.done = 0

    @property
    def known(self) -> bool:
        """Whether there is an end."""
        return self._stop is not None

    @property
    def in_vain(self) -> bool:
        """Whether the time went by with work, and none of it was done: another such time would not change that.

        A driver that must end in the first half of its time makes room for others, and another time may be longer.
        """
        if self._stop is None or time.monotonic() < (self._begin + self._stop) / 2:
            return False
        return self.taken > 0 and self.done == 0

    def saw(self, outcome: Outcome) -> None:
        """Take note of what a block took."""
        if outcome.kind == worker.DONE:
            self.done += 1
            self._times.append(outcome.evaluate_seconds + outcome.write_seconds)

    def forget(self) -> None:
        """What blocks took says nothing of those that come now."""
        self._times.clear()

    def rounds(self) -> float:
        """How many blocks, one after the other, can still end in time; the longest of the last ones is the measure.

        Before one has ended it is one: what is taken cannot be given back.
        """
        if self._stop is None:
            return float("inf")
        left = self._stop - time.monotonic()
        if left <= 0 or not self._times:
            return float(left > 0)
        longest = max(self._times)
        return left // longest if longest else float("inf")


class InTime:
    """An executor whose window closes as the end of a driver comes near.

    Parameters
    ----------
    executor
        Where blocks run.
    workers
        How many blocks run there at once.
    deadline
        Of the driver.
    """

    def __init__(self, executor: Executor, workers: int, deadline: Deadline):
        self._executor, self._workers, self._deadline = executor, workers, deadline

    @property
    def window(self) -> int:
        """How many blocks may be in flight, so that all of them end in time."""
        return int(min(self._executor.window, self._deadline.rounds() * self._workers))

    def submit(self, numbers: Sequence[int]) -> None:
        """Start work on blocks."""
        self._deadline.taken += len(numbers)
        self._executor.submit(numbers)

    def completed(self) -> Iterable[Outcome]:
        """Wait for at least one outcome; return all there are."""
        found = list(self._executor.completed())
        for outcome in found:
            self._deadline.saw(outcome)
        return found
