"""Who may drive a scan into a store: one driver alone, or the elements of one job array together.

Locks die with their holder (flock: freed at once when the process ends, however). In the store's folder lie::

    driver.lock             held exclusively by a driver alone; shared by all elements of an array
    driver.gate             held by an element that comes or goes, so that one at a time does
    driver.json             who drives, and the jobs that it started
    elements/K/driver.*     the same of element K
    elements/tables.lock    held by the element that builds the tables

The first element in and the last one out find nobody else there: they hold ``driver.lock`` exclusively for that
moment, and put the store in order.

For a store behind a URL all this lies in the user's cache folder, and keeps apart the drivers that share that folder.
A lease in the store (`scanner.lease`) keeps apart the folders.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from scanner import provenance
from scanner.errors import StoreRefused
from scanner.lease import Lease
from scanner.ledger import WHOLE, Element
from scanner.sources import user_cache_dir
from scanner.store import local_path, storage_errors


def driver_folder(url: str) -> Path:
    """Return the folder where the drivers of a store keep their files: a local store holds them in itself."""
    return local_path(url) or user_cache_dir() / "drivers" / hashlib.sha256(url.encode()).hexdigest()[:24]


class FileLock:
    """A lock on a file, held by this process until it is released or the process ends."""

    def __init__(self, path: Path):
        self._path = path
        self._file: IO[bytes] | None = None

    def take(self, *, shared: bool = False, wait: bool = False) -> bool:
        """Take the lock, or change how it is held; say whether that could be done. A change that fails loses it."""
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("ab+")
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        try:
            fcntl.flock(self._file, kind if wait else kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(self) -> None:
        """Release the lock, if it is held."""
        if self._file is not None:
            self._file.close()
            self._file = None


class DriverLock:
    """The right to drive a scan into a store, alone or as an element of a job array.

    Parameters
    ----------
    url
        The store.
    element
        Which of the drivers this is.
    warn
        Told what this lock cannot guarantee.

    Attributes
    ----------
    alone
        Whether nobody else is at work. A driver of the whole store always is. An element may be until it calls
        `share`, and again if `last` says so.
    """

    def __init__(self, url: str, element: Element = WHOLE, warn: Callable[[str], None] = lambda text: None):
        self._url, self._element = url, element
        self._root = driver_folder(url)
        self._folder = self._root if element.alone else self._root / "elements" / str(element.number)
        self._note = self._folder / "driver.json"
        self._store, self._gate = FileLock(self._root / "driver.lock"), FileLock(self._root / "driver.gate")
        self._own = FileLock(self._folder / "driver.lock")
        self._lease = Lease(url, self._root, not element.alone, warn)
        self.alone = True
        self._out = False
        """Whether the others, and who comes after them, do not wait for this element any more."""
        self._open = True
        """Whether jobs may be alive, a predecessor's or our own, that the next driver must end."""

    @property
    def folder(self) -> Path:
        """Where this driver keeps its files."""
        return self._folder

    def __enter__(self) -> DriverLock:
        try:
            with storage_errors(self._url):
                if self._element.alone:
                    self._take_alone()
                else:
                    self._take_element()
                self._lease.take()
        except BaseException:
            self._release()
            raise
        return self

    def _take_alone(self) -> None:
        if not self._store.take():
            raise StoreRefused(f"{self._url}: in use by another driver ({_holder(self._root)})")

    def _take_element(self) -> None:
        self._gate.take(wait=True)
        self.alone = self._store.take()
        if not self.alone:
            if not self._store.take(shared=True):
                raise StoreRefused(f"{self._url}: in use by another driver ({_holder(self._root)})")
            there = (_read(self._root / "driver.json") or {}).get("elements")
            if there != self._element.of:
                raise StoreRefused(f"{self._url}: in use by the {there} elements of another job array")
        if not self._own.take():
            raise StoreRefused(
                f"{self._url}: element {self._element} is in use by another driver ({_holder(self._folder)})"
            )

    def check(self) -> None:
        """Raise StoreRefused if this driver has been cut off from its store, and may not go on."""
        self._lease.check()

    def share(self) -> None:
        """Let the other elements in, once the store is in order.

        Raises
        ------
        StoreRefused
            If a driver of the whole store came between.
        """
        if self._element.alone:
            return
        if not self.alone:
            self._gate.release()
            return
        with storage_errors(self._url):
            _write(self._root / "driver.json", {**_self(), "jobs": None, "elements": self._element.of})
        self.alone = False
        if not self._store.take(shared=True):
            raise StoreRefused(f"{self._url}: in use by another driver ({_holder(self._root)})")
        self._gate.release()

    def last(self) -> bool:
        """Say whether nobody else is at work any more; if so, no other driver comes in before this one is out.

        To be asked at the end of the work: an element that is not the last is out with the answer.
        """
        if not self.alone and not self._out:
            self._gate.take(wait=True)
            self.alone = self._store.take()
            self._out = not self.alone
            if self._out:
                self._gate.release()
        return self.alone

    @contextlib.contextmanager
    def one_by_one(self, what: str = "driver.gate") -> Iterator[None]:
        """Do something that the elements of an array must not do at once; wait for those that are at it."""
        if self._element.alone:
            yield
            return
        lock = FileLock(self._root / what)
        lock.take(wait=True)
        try:
            yield
        finally:
            lock.release()

    def previous(self) -> dict[Path, dict[str, Any]]:
        """Return the notes of dead drivers: of all that there were if nobody else is at work, or of this element."""
        paths = [self._note]
        if self.alone:
            paths = [self._root / "driver.json", *sorted(self._root.glob("elements/*/driver.json"))]
        notes = {path: _read(path) for path in paths}
        return {path: note for path, note in notes.items() if note}

    def note(self, jobs: Mapping[str, Any] | None) -> None:
        """Write down this driver and the jobs that it is about to start; no earlier ones are alive."""
        with storage_errors(self._url):
            _write(self._note, {**_self(), "jobs": jobs})
        self._open = jobs is not None

    def ended(self) -> None:
        """Take down that the jobs that were noted are gone."""
        self._open = False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._open:
            self._note.unlink(missing_ok=True)
            if self.last():
                (self._root / "driver.json").unlink(missing_ok=True)
        self._release()

    def _release(self) -> None:
        if self._lease.held:
            self._lease.release(self.alone or (self._gate.take() and self._store.take()))
        for lock in (self._own, self._store, self._gate):
            lock.release()


def _self() -> dict[str, Any]:
    return {"host": socket.gethostname(), "pid": os.getpid(), "start": provenance.now()}


def _holder(folder: Path) -> str:
    note = _read(folder / "driver.json") or {}
    if "elements" in note:
        return f"the {note['elements']} elements of a job array, since {note.get('start', '?')}"
    return f"process {note.get('pid', '?')} on {note.get('host', '?')}, since {note.get('start', '?')}"


def _read(path: Path) -> dict[str, Any] | None:
    try:
        note = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return note if isinstance(note, dict) else None


def _write(path: Path, note: Mapping[str, Any]) -> None:
    temporary = path.with_suffix(".new")
    temporary.write_text(json.dumps(note))
    temporary.replace(path)
