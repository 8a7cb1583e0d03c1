"""Which blocks of a scan are done: one byte a block, kept by the driver alone.

The file is only a summary. A block's status shard is written last, so one that exists marks its block too,
and a lost or damaged ledger is rebuilt from the shards.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import zarr
from zarr.codecs import Crc32cCodec, ZstdCodec

from scanner.errors import ScannerError

MISSING, DONE, FAILED = 0, 1, 2
MAX_TRACEBACKS = 200
PATH = "ledger/0"


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
        Whether the store holds this ledger already; if not, the first flush makes it.
    """

    def __init__(self, root: zarr.Group, state: np.ndarray, failures: Mapping[int, str], stored: bool):
        self._root = root
        self.state = state
        self.failures = dict(failures)
        self._stored = stored
        self._flushed = time.monotonic()
        self._changed = not stored

    @classmethod
    def empty(cls, root: zarr.Group, blocks: int) -> Ledger:
        """Return a ledger with every block missing; nothing is written before the first flush."""
        return cls(root, np.zeros(blocks, dtype=np.uint8), {}, stored=False)

    @classmethod
    def read(cls, root: zarr.Group, blocks: int) -> Ledger:
        """Read a ledger.

        Raises
        ------
        LedgerDamaged
            If it is absent, cannot be decoded, or does not fit the number of blocks.
        """
        try:
            array: Any = root[PATH]
            state = np.array(array[...])
            failures = {int(n): str(text) for n, text in array.attrs.get("failures", {}).items()}
        except Exception as error:
            raise LedgerDamaged(f"the ledger cannot be read ({type(error).__name__}: {error})") from error
        if state.shape != (blocks,) or state.max(initial=0) > FAILED:
            raise LedgerDamaged(f"the ledger does not fit its {blocks} blocks")
        return cls(root, state, failures, stored=True)

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

    def flush(self, every: float = 0.0) -> None:
        """Write, if anything changed and the last write is `every` seconds ago; atomic on every store."""
        if not self._changed or time.monotonic() - self._flushed < every:
            return
        array: Any = self._root[PATH] if self._stored else self._create()
        array[...] = self.state
        array.attrs["failures"] = {str(n): text for n, text in sorted(self.failures.items())}
        self._flushed, self._changed = time.monotonic(), False

    def _create(self) -> Any:
        self._stored = True
        return self._root.create_array(
            PATH,
            shape=self.state.shape,
            chunks=self.state.shape,
            dtype="uint8",
            fill_value=MISSING,
            compressors=[ZstdCodec(level=1), Crc32cCodec()],
            overwrite=True,
        )

    def count(self, state: int) -> int:
        """Number of blocks in a state."""
        return int(np.count_nonzero(self.state == state))
