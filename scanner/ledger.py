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


class LedgerDamaged(ScannerError):
    """The ledger cannot be read; rebuild it from the shards."""


class Ledger:
    """The state of each block, with the tracebacks of the failed ones.

    Parameters
    ----------
    group
        zarr group that holds it.
    state
        uint8, shape (blocks,): MISSING, DONE or FAILED.
    failures
        Traceback by block number.
    """

    def __init__(self, group: zarr.Group, state: np.ndarray, failures: Mapping[int, str]):
        self._group = group
        self.state = state
        self.failures = dict(failures)
        self._flushed = time.monotonic()
        self._changed = False

    @classmethod
    def create(cls, group: zarr.Group, blocks: int) -> Ledger:
        """Make a ledger with every block missing."""
        group.create_array(
            "state",
            shape=(blocks,),
            chunks=(blocks,),
            dtype="uint8",
            fill_value=MISSING,
            compressors=[ZstdCodec(level=1), Crc32cCodec()],
            config={"write_empty_chunks": True},
            overwrite=True,
        )
        ledger = cls(group, np.zeros(blocks, dtype=np.uint8), {})
        ledger.flush()
        return ledger

    @classmethod
    def read(cls, group: zarr.Group, blocks: int) -> Ledger:
        """Read a ledger.

        Raises
        ------
        LedgerDamaged
            If it is absent, cannot be decoded, or does not fit the number of blocks.
        """
        try:
            array: Any = group["state"]
            state = np.asarray(array[...])
            texts: Any = group.attrs.get("failures", {})
            failures = {int(n): str(text) for n, text in texts.items()}
        except Exception as error:
            raise LedgerDamaged(f"the ledger cannot be read ({type(error).__name__}: {error})") from error
        if state.shape != (blocks,) or state.max(initial=0) > FAILED:
            raise LedgerDamaged(f"the ledger does not fit its {blocks} blocks")
        return cls(group, state.copy(), failures)

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
        if every and (not self._changed or time.monotonic() - self._flushed < every):
            return
        array: Any = self._group["state"]
        array[...] = self.state
        self._group.attrs["failures"] = {str(n): text for n, text in sorted(self.failures.items())}
        self._flushed, self._changed = time.monotonic(), False

    def count(self, state: int) -> int:
        """Number of blocks in a state."""
        return int(np.count_nonzero(self.state == state))
