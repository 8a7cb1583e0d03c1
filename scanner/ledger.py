"""Which blocks of a scan are done: one byte a block, in a ledger for each driver of the store.

Most stores have one driver. The elements of a job array are several, at work at once: each keeps a ledger of its
own, over the blocks of the whole store, and whoever reads takes a block for done that any of them has done. So any
number of elements may follow any other.

The files are only a summary. A block's status shard is written last, so one that exists marks its block too,
and lost or damaged ledgers are rebuilt from the shards.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import zarr
from zarr.codecs import Crc32cCodec, ZstdCodec
from zarr.core.sync import sync

from scanner.errors import InputError, ScannerError

MISSING, DONE, FAILED = 0, 1, 2
MAX_TRACEBACKS = 200
FOLDER = "ledger"


@dataclass(frozen=True)
class Element:
    """One of the drivers that share a store, such as an element of a job array; the only one by default.

    Parameters
    ----------
    number
        0, 1, …
    of
        How many there are.

    Examples
    --------
    >>> Element(1, of=3).owns(np.arange(8))
    array([False,  True, False, False,  True, False, False,  True])
    """

    number: int = 0
    of: int = 1

    @property
    def alone(self) -> bool:
        """Whether it drives the store alone."""
        return self.of == 1

    def owns(self, blocks: Any) -> Any:
        """Return which of an array of blocks are its own: every `of`-th, because neighbours cost alike."""
        return blocks % self.of == self.number

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


WHOLE = Element()


def element_of(text: str) -> Element:
    """Read an element as it is written: its number, and of how many.

    >>> element_of("3/8")
    Element(number=3, of=8)
    """
    number, _, of = text.partition("/")
    if not (number.isdecimal() and of.isdecimal() and int(number) < int(of)):
        raise InputError("--element", "not an element", text, "K/N with K from 0 to N - 1, such as 3/8")
    return Element(int(number), int(of))


class LedgerDamaged(ScannerError):
    """The ledger cannot be read; rebuild it from the shards."""


class Ledger:
    """The state of each block, with the tracebacks of the failed ones.

    Parameters
    ----------
    root
        The store's group.
    state
        uint8, shape (blocks,): MISSING, DONE or FAILED.
    failures
        Traceback by block number.
    stored
        Numbers of the ledgers that the store holds already; the first flush makes the element's own if it lacks it.
    elements
        How many elements the store was last driven by.
    element
        Whose ledger is written.
    """

    def __init__(
        self,
        root: zarr.Group,
        state: np.ndarray,
        failures: Mapping[int, str],
        stored: Iterable[int] = (),
        elements: int = 1,
        element: Element = WHOLE,
    ):
        self._root = root
        self.state = state
        self.failures = dict(failures)
        self.elements = elements
        self._stored, self._element = set(stored), element
        self._flushed = time.monotonic()
        self._changed = element.number not in self._stored

    @classmethod
    def empty(cls, root: zarr.Group, blocks: int, element: Element = WHOLE) -> Ledger:
        """Return a ledger with every block missing; nothing is written before the first flush."""
        return cls(root, np.zeros(blocks, dtype=np.uint8), {}, element=element)

    @classmethod
    def read(cls, root: zarr.Group, blocks: int, element: Element = WHOLE) -> Ledger:
        """Read the ledgers of a store as one: what any has done is done.

        Raises
        ------
        LedgerDamaged
            If one is absent, cannot be decoded, or does not fit the number of blocks.
        """
        state, elements = np.zeros(blocks, dtype=np.uint8), 1
        failures: dict[int, str] = {}
        numbers = {0, *_numbers(root)}
        for number in sorted(numbers):
            try:
                array: Any = root[f"{FOLDER}/{number}"]
                one = np.array(array[...])
                failures |= {int(n): str(text) for n, text in array.attrs.get("failures", {}).items()}
                elements = max(elements, int(array.attrs.get("elements", 1)))
            except Exception as error:
                raise LedgerDamaged(f"the ledger cannot be read ({type(error).__name__}: {error})") from error
            if one.shape != (blocks,) or one.max(initial=0) > FAILED:
                raise LedgerDamaged(f"the ledger does not fit its {blocks} blocks")
            done = (state == DONE) | (one == DONE)
            state = np.where(done, np.uint8(DONE), np.maximum(state, one))
        failures = {n: text for n, text in failures.items() if state[n] == FAILED}
        return cls(root, state, failures, numbers, elements, element)

    def mark(self, numbers: Iterable[int], state: int) -> None:
        """Set the state of blocks; a block that is not failed loses its traceback."""
        for number in numbers:
            self.state[number] = state
            if state != FAILED:
                self.failures.pop(number, None)
        self._changed = True

    def fail(self, number: int, traceback: str) -> None:
        """Mark a block failed; the first MAX_TRACEBACKS tracebacks are kept."""
        self.state[number] = FAILED
        if len(self.failures) < MAX_TRACEBACKS:
            self.failures[number] = traceback
        self._changed = True

    def flush(self, every: float = 0.0) -> bool:
        """Write, if anything changed and the last write is `every` seconds ago; say so. Atomic on every store."""
        due = self._changed and time.monotonic() - self._flushed >= every
        if due:
            self._write(self._element.number)
        return due

    def join(self, elements: int) -> None:
        """Make the ledgers one, for so many elements to go on from; nobody else may be at work."""
        others = (self._stored | _numbers(self._root)) - {0}
        if not others and elements == self.elements:
            return
        self.elements = elements
        self._write(0)
        for number in others:  # only now: what they hold is in the first one
            sync((self._root.store_path / f"{FOLDER}/{number}").delete_dir())
        self._stored = {0}
        self._changed = self._element.number != 0

    def count(self, state: int) -> int:
        """Return how many blocks are in a state."""
        return int((self.state == state).sum())

    def _write(self, number: int) -> None:
        array: Any = self._root[f"{FOLDER}/{number}"] if number in self._stored else self._create(number)
        array[...] = self.state
        failures = {str(n): text for n, text in sorted(self.failures.items())}
        array.attrs.update({"failures": failures, "elements": self.elements})
        self._flushed, self._changed = time.monotonic(), False

    def _create(self, number: int) -> Any:
        self._stored.add(number)
        return self._root.create_array(
            f"{FOLDER}/{number}",
            shape=self.state.shape,
            chunks=self.state.shape,
            dtype="uint8",
            fill_value=MISSING,
            compressors=[ZstdCodec(level=1), Crc32cCodec()],
            overwrite=True,
        )


def _numbers(root: zarr.Group) -> set[int]:
    """Numbers of the ledgers that lie in a store, readable or not."""

    async def collect() -> set[int]:
        folder = f"{root.store_path.path}/{FOLDER}".lstrip("/")
        return {int(name) async for name in root.store.list_dir(folder) if name.isdecimal()}

    return sync(collect())
