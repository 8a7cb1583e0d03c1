"""One driver a store: a lock that dies with its holder, and a note of the jobs that it started."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import FileLock, Timeout

from scanner import provenance
from scanner.errors import StoreRefused
from scanner.physics.kernel import user_cache_dir
from scanner.store import local_path, storage_errors


class DriverLock:
    """Exclusive right to drive a scan into a store.

    A local store holds its lock in itself (flock: freed at once when the process dies, however). For a store
    behind a URL the lock is in the user's cache folder and so excludes only drivers of this user here.

    Parameters
    ----------
    url
        The store.
    """

    def __init__(self, url: str):
        folder = local_path(url)
        if folder is None:
            folder = user_cache_dir() / "drivers" / hashlib.sha256(url.encode()).hexdigest()[:24]
        self._url = url
        self._folder = Path(folder)
        self._note = self._folder / "driver.json"
        self._lock = FileLock(self._folder / "driver.lock")
        self._open = True
        """Whether jobs may be alive, a predecessor's or our own, that the next driver must end."""

    def __enter__(self) -> DriverLock:
        with storage_errors(self._url):
            self._folder.mkdir(parents=True, exist_ok=True)
            try:
                self._lock.acquire(timeout=0)
            except Timeout:
                holder = self.previous() or {}
                who = f"process {holder.get('pid', '?')} on {holder.get('host', '?')}, since {holder.get('start', '?')}"
                raise StoreRefused(f"{self._url}: in use by another driver ({who})") from None
        return self

    def previous(self) -> dict[str, Any] | None:
        """Return the note of a driver that did not end by itself, or None."""
        try:
            note = json.loads(self._note.read_text())
        except (OSError, ValueError):
            return None
        return note if isinstance(note, dict) else None

    def note(self, jobs: Mapping[str, Any] | None) -> None:
        """Write down this driver and the jobs that it is about to start; no earlier ones are alive."""
        note = {"host": socket.gethostname(), "pid": os.getpid(), "start": provenance.now(), "jobs": jobs}
        temporary = self._note.with_suffix(".new")
        with storage_errors(self._url):
            temporary.write_text(json.dumps(note))
            temporary.replace(self._note)
        self._open = jobs is not None

    def ended(self) -> None:
        """Take down that the jobs that were noted are gone."""
        self._open = False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._open:
            self._note.unlink(missing_ok=True)
        self._lock.release()
