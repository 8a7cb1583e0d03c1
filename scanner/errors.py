"""Exceptions that a user sees, and the status codes that a point carries.

Every exception here is printed as one message and turned into an exit status by the command line; none of
them is ever shown as a traceback.
"""

from __future__ import annotations

import difflib
import enum
from collections.abc import Iterable


class Status(enum.IntEnum):
    """What became of a point; stored beside every number of a cube as uint8."""

    missing = 0
    """Not computed (the fill value)."""
    ok = 1
    """The number beside it is a result."""
    outside_model = 2
    """The point violates a constraint of the model, for example unitarity."""
    not_converged = 3
    """The prediction's accuracy cannot be promised here."""
    not_finite = 4
    """The evaluation gave NaN or infinity, for example from a singular covariance."""
    timeout = 5
    """The evaluation of the block did not end in time (``execution.timeout``)."""
    worker_lost = 6
    """The block took its worker down repeatedly."""
    not_covered = 7
    """No input of a merge has a result there: the point lies off their grids, or they are not complete."""


class ScannerError(Exception):
    """Base of the errors meant for the user. `exit_status` is what the command line returns."""

    exit_status = 1


class InputError(ScannerError):
    """Bad input, named by its path in the scan file (or by the command-line option).

    Parameters
    ----------
    where
        Path of the offending entry, such as ``axes.dm2.log``.
    problem
        What is wrong.
    value
        The value found; omitted from the message when not given.
    allowed
        What would have been accepted.
    hint
        How to mend it.
    """

    exit_status = 2
    _absent = object()

    def __init__(
        self,
        where: str,
        problem: str,
        value: object = _absent,
        allowed: str | None = None,
        hint: str | None = None,
    ):
        self.where = where
        parts = [f"{where}: {problem}" if where else problem]
        if value is not self._absent:
            parts.append(f"found: {_shorten(value)}")
        if allowed:
            parts.append(f"allowed: {allowed}")
        if hint:
            parts.append(hint)
        super().__init__("\n  ".join(parts))


class StoreError(ScannerError):
    """A store that is damaged, cannot be read, or cannot be written."""


class StoreRefused(ScannerError):
    """A store that holds another scan, is not ours, or is in use by another driver."""

    exit_status = 4


class StoreReplaced(StoreRefused):
    """A store that another has taken the place of, or that was deleted, while work went on in it."""


class BlocksLeft(ScannerError):
    """The driver ended in time, and blocks are left."""

    exit_status = 130


class BlocksFailed(ScannerError):
    """The scan ended, but some of its blocks failed."""

    exit_status = 3


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """Return a hint naming the closest known name, or None.

    >>> did_you_mean("dm2_14", ["dm2_41", "Ue4_sq"])
    "did you mean 'dm2_41'?"
    """
    close = difflib.get_close_matches(str(name), list(known), n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else None


def _shorten(value: object, limit: int = 120) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."
