"""Who may drive a scan into a store on a server: the drivers of one folder, which hold a lease in the store.

A server has no file locks. Those of `scanner.lock`, in a folder of the user's, keep apart the drivers that share that
folder, and a lease keeps apart the folders: an object in the store that is written on the condition that nobody else
has written it since. The server decides, whoever asks. A driver alone holds it for itself; the elements of a job
array hold it together.

A lease that was not renewed for `SECONDS`, by the server's clock alone, is a dead driver's, and free. One of this
folder is free at once: whoever held it is dead, or the file locks would have kept us out.

A driver that was cut off for so long that another took the lease stops before it takes its next outcome. What its
workers wrote until then are the bits that the other's workers write; into a store that the other has made anew they
write nothing (`scanner.cube.Cube.check_in_place`).
"""

from __future__ import annotations

import contextlib
import email.utils
import json
import os
import socket
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fsspec

from scanner import provenance
from scanner.errors import InputError, StoreRefused
from scanner.store import S3, local_path

SECONDS = 60.0
"""How long a lease is valid; longer than the workers of a dead driver go on."""
RENEW_SECONDS = 10.0
ANSWER_SECONDS = 20.0
"""A server is given to answer."""
TRIES = 5
"""Others that hold the same lease may renew it between a look at it and a write."""
KEY = "driver.lock"
_FREE: dict[str, Any] = {}
_REFUSED = ("PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "412", "409", "404")


@dataclass(frozen=True)
class _Held:
    """A lease as it lies in the store.

    Parameters
    ----------
    note
        Who holds it; empty if nobody does.
    tag
        Changes with each write.
    age
        Since the last write, by the server's clock [s].
    """

    note: Mapping[str, Any]
    tag: str
    age: float


class _Object:
    """An object on a server, written on conditions."""

    def __init__(self, url: str):
        self._fs = fsspec.filesystem(url.partition("://")[0], use_listings_cache=False)
        self._bucket, self._key, _ = self._fs.split_path(url)

    def read(self) -> _Held | None:
        """Return the lease, or None if there is none."""
        try:
            found = self._call("get_object")
            body = fsspec.asyn.sync(self._fs.loop, found["Body"].read, timeout=ANSWER_SECONDS)
        except FileNotFoundError:
            return None
        now = email.utils.parsedate_to_datetime(found["ResponseMetadata"]["HTTPHeaders"]["date"])
        try:
            note = json.loads(body)
        except ValueError:
            note = {"host": "?"}
        return _Held(note, found["ETag"], (now - found["LastModified"]).total_seconds())

    def write(self, note: Mapping[str, Any], tag: str | None) -> str | None:
        """Write a lease if that of a tag is there still, or for None if there is none; return its tag, None if not."""
        condition = {"IfNoneMatch": "*"} if tag is None else {"IfMatch": tag}
        try:
            return self._put(note, condition)
        except OSError as error:
            code = _code(error)
            if code in _REFUSED:
                return None
            if code != "NotImplemented":
                raise
        return self._put(note, {})

    def _put(self, note: Mapping[str, Any], condition: Mapping[str, str]) -> str:
        return str(self._call("put_object", Body=json.dumps(note).encode(), **condition)["ETag"])

    def _call(self, method: str, **arguments: Any) -> Any:
        return self._fs.call_s3(method, Bucket=self._bucket, Key=self._key, timeout=ANSWER_SECONDS, **arguments)


class Lease:
    """The right of a folder's drivers to write into a store on a server.

    A local store needs none, nor does one in memory; of other servers than those of S3 none can be had.

    Parameters
    ----------
    url
        The store.
    folder
        Of the file locks, some of which this driver holds.
    together
        Whether it is one of several drivers that the file locks let in at once.
    warn
        Told what is not guaranteed.
    """

    def __init__(self, url: str, folder: Path, together: bool, warn: Callable[[str], None]):
        self._url, self._folder, self._together, self._warn = url, folder, together, warn
        self._object: _Object | None = None
        self._note: dict[str, Any] = {}
        self._tag: str | None = None
        self._lost = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._renew, daemon=True, name="lease")

    @property
    def held(self) -> bool:
        """Whether there is a lease, and it is ours."""
        return self._tag is not None and not self._lost

    def take(self) -> None:
        """Take the lease, and renew it from now on.

        Raises
        ------
        StoreRefused
            If another folder's driver holds it.
        InputError
            If elements of a job array would need one, and none can be had.
        """
        if local_path(self._url) is not None or self._url.startswith("memory:"):
            return
        if not self._url.startswith(S3):
            self._go_without("this kind of URL knows no locks")
            return
        self._object = _Object(f"{self._url.rstrip('/')}/{KEY}")
        self._note = self._describe()
        self._tag = self._claim(self._object)
        if self._object.write(self._note, None) is not None:  # it exists, so this must fail
            self._go_without("this server ignores conditions of a write")
            self._tag = getattr(self._object.read(), "tag", None)
        self._thread.start()

    def _go_without(self, problem: str) -> None:
        if self._together:
            hint = "run the scan with one driver and more workers, or into a store on a file system"
            raise InputError("--element", f"{problem}, which elements of a job array need", self._url, hint=hint)
        self._warn(f"{self._url}: {problem}, so nothing keeps drivers on other machines out: start one at a time")

    def _describe(self) -> dict[str, Any]:
        token = self._folder / "driver.token"
        if not token.exists():
            temporary = token.with_suffix(".new")
            temporary.write_text(uuid.uuid4().hex)
            temporary.replace(token)
        folder = token.read_text()
        return {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "start": provenance.now(),
            "folder": folder,
            "driver": folder if self._together else uuid.uuid4().hex,
        }

    def _claim(self, there: _Object) -> str:
        """Write our lease in place of none, of a free or expired one, or of one of this folder."""
        for _ in range(TRIES):
            held = there.read()
            if held and held.note and held.age < SECONDS and held.note.get("folder") != self._note["folder"]:
                hint = "\n  elements must share a cache folder (SCANNER_CACHE_DIR)" if self._together else ""
                raise StoreRefused(f"{self._url}: in use by another driver ({_holder(held)}){hint}")
            if tag := there.write(self._note, held.tag if held else None):
                return tag
        raise StoreRefused(f"{self._url}: other drivers are about to take it")

    def check(self) -> None:
        """Raise StoreRefused if the lease was lost."""
        if self._lost:
            raise StoreRefused(
                f"{self._url}: this driver was cut off for more than {SECONDS:.0f} seconds and has lost its lease; "
                "nothing that was done is lost"
            )

    def _renew(self) -> None:
        """Renew again and again; a server that does not answer is asked again, as long as the lease is ours."""
        while not self._stop.wait(RENEW_SECONDS) and not self._lost:
            with contextlib.suppress(Exception):
                self._write({**self._note, "renewed": provenance.now()})

    def _write(self, note: Mapping[str, Any]) -> bool:
        """Write over the lease as we know it; if it has changed, get to know it, or see that it is lost."""
        assert self._object is not None
        tag = self._object.write(note, self._tag)
        if tag is not None:
            self._tag = tag
            return True
        held = self._object.read()  # an answer that was lost on its way may have been a yes
        if held is None or held.note.get("driver") != self._note["driver"]:
            self._lost = True
        else:
            self._tag = held.tag
        return False

    def release(self, last: bool) -> None:
        """Renew it no more; the last of the drivers that hold it gives it back."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(ANSWER_SECONDS)
        with contextlib.suppress(Exception):  # it expires by itself
            for _ in range(TRIES if last and self.held else 0):
                if self._write(_FREE) or not self.held:
                    break


def _code(error: OSError) -> str:
    """The server's code of an error."""
    response: Any = getattr(error.__cause__, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


def _holder(held: _Held) -> str:
    note, left = held.note, SECONDS - held.age
    who = f"process {note.get('pid', '?')} on {note.get('host', '?')}, since {note.get('start', '?')}"
    return f"{who}; if that has died, the store is free in {left:.0f} s"
