"""Stores in an Icechunk repository: what is written there is seen by nobody before a commit, and then all at once.

A store at ``icechunk+file:///folder`` (or ``icechunk+s3://bucket/prefix``) is a zarr store like any other, inside a
repository in that place. Its one driver alone commits. A worker writes the chunks themselves into the repository, but
what says that they belong to the store, its change set, it gives back with the outcome of its task; the driver merges
change sets and commits them together with the ledger. So whatever dies, the last commit is a consistent store, and
what was not committed is garbage that nothing reads.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import pickle
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from zarr.abc.store import Store
from zarr.core.sync import sync
from zarr.storage import WrapperStore

from scanner.errors import InputError

PREFIX = "icechunk+"
REPOSITORY = "repository"
"""Its name in the store's place, beside the driver's files: a repository is made only where nothing else is."""
PARTIAL_FILES = "*#[0-9]*"
"""Names of files that Icechunk was writing when it was killed."""
_BRANCH = "main"
_GONE = ("not found", "NoSuchKey", "range was invalid", "InvalidRange")
"""What errors say of an object that is not there, or is too short, and not of a server or a disk that fails."""
_SCHEMES = ("file", "s3")


def handles(url: str) -> bool:
    """Whether a URL is that of a store in a repository."""
    return url.startswith(PREFIX) and "://" in url


def check(url: str) -> None:
    """Refuse a URL that cannot be used here."""
    if _scheme(url) not in _SCHEMES:
        allowed = " or ".join(f"{PREFIX}{scheme}://..." for scheme in _SCHEMES)
        raise InputError("store", "no place for an Icechunk repository", url, allowed)
    try:
        _icechunk()
    except ImportError as error:
        hint = "pip install 'nu-scanner[icechunk]'"
        raise InputError("store", f"this kind of URL cannot be used here: {error}", url, hint=hint) from None


def open_store(url: str, mode: str) -> Store:
    """Open the zarr store in a repository, as of its last commit: to be read (``r``), written, or made (``w-``).

    Raises
    ------
    FileNotFoundError
        If there is no repository.
    """
    check(url)
    if mode == "w-":
        _make_repository(url)
    folder, repositories = local_folder(url), _icechunk().Repository
    if folder is not None and not (folder / REPOSITORY).is_dir():  # which Icechunk would make
        raise FileNotFoundError(url)
    with _as_os_error():
        storage = _storage(url)
        if not repositories.exists(storage):
            raise FileNotFoundError(url)
        repository = repositories.open(storage)
        if mode == "r":
            return RepositoryStore(repository.readonly_session(_BRANCH).store)
        return TransactionStore(repository)


class RepositoryStore(WrapperStore[Store]):
    """A zarr store as of a commit."""

    async def get(self, key: str, prototype: Any, byte_range: Any = None) -> Any:
        """Read a value; one that is referred to and is not whole is damaged."""
        try:
            return await super().get(key, prototype, byte_range)
        except _icechunk().IcechunkError as error:
            if any(said in str(error) for said in _GONE):
                raise ValueError(f"{key}: {_reason(error)}") from error
            raise OSError(f"{key}: {_reason(error)}") from error


class TransactionStore(RepositoryStore):
    """A zarr store whose writes are kept back until they are committed, or handed over to who commits.

    Parameters
    ----------
    repository
        Where it lies.
    """

    def __init__(self, repository: Any):
        self._repository = repository
        self._session = repository.writable_session(_BRANCH)
        super().__init__(self._session.store)

    def begin(self) -> None:
        """Forget what was written and not handed over, and see what has been committed."""
        with _as_os_error():
            self._use(self._repository.writable_session(_BRANCH).fork())

    def changes(self) -> bytes:
        """Hand over what was written since `begin`."""
        return pickle.dumps(self._session)

    def accept(self, changes: bytes) -> None:
        """Take over what another has written."""
        with _as_os_error():
            self._session.merge(pickle.loads(changes))

    def commit(self, message: str) -> None:
        """Make everything that was written or taken over part of the store, if there is anything."""
        if self._session.has_uncommitted_changes:
            with _as_os_error():
                self._session.commit(message)
                self._use(self._repository.writable_session(_BRANCH))

    def _use(self, session: Any) -> None:
        self._session, self._store = session, session.store

    async def set(self, key: str, value: Any) -> None:
        """Write a value."""
        with _as_os_error():
            await super().set(key, value)

    async def delete(self, key: str) -> None:
        """Take a value away."""
        with _as_os_error():
            await super().delete(key)

    async def set_if_not_exists(self, key: str, value: Any) -> None:
        """Write a value if there is none."""
        with _as_os_error():
            await super().set_if_not_exists(key, value)


def names(url: str) -> set[str]:
    """Names of what lies in a store's place: files but for the repository, and what that holds."""
    folder, names = local_folder(url), set[str]()
    if folder is not None and folder.is_dir():
        names = {path.name for path in folder.iterdir()}
    try:
        store = open_store(url, "r")
    except FileNotFoundError:
        return names

    async def collect() -> set[str]:
        return {name async for name in store.list_dir("")}

    return names - {REPOSITORY} | sync(collect())


def local_folder(url: str) -> Path | None:
    """The absolute path of the place of a store on a file system, or None for another kind of URL."""
    return Path(url.partition("://")[2]).expanduser().absolute() if _scheme(url) == "file" else None


def _scheme(url: str) -> str:
    return url.removeprefix(PREFIX).partition("://")[0]


def _icechunk() -> Any:
    """The package, an extra: it warns on standard output of concurrent commits, which never happen here."""
    found: Any = importlib.import_module("icechunk")
    found.set_logs_filter("error")
    return found


def _storage(url: str) -> Any:
    """Return where the repository of a store lies."""
    folder = local_folder(url)
    if folder is not None:
        return _icechunk().local_filesystem_storage(str(folder / REPOSITORY))
    bucket, _, prefix = url.partition("://")[2].partition("/")
    server = os.environ.get("AWS_ENDPOINT_URL")
    return _icechunk().s3_storage(
        bucket=bucket,
        prefix=f"{prefix.rstrip('/')}/{REPOSITORY}".lstrip("/"),
        endpoint_url=server,
        allow_http=bool(server and server.startswith("http:")),
        force_path_style=server is not None,
        from_env=True,
    )


def _make_repository(url: str) -> None:
    """Make an empty repository; in a folder under another name first, so that half of one is never taken for it."""
    repositories, folder = _icechunk().Repository, local_folder(url)
    with _as_os_error():
        if folder is None:
            if not repositories.exists(_storage(url)):
                repositories.create(_storage(url))
            return
        begun = folder / f"{REPOSITORY}.partial"
        shutil.rmtree(begun, ignore_errors=True)
        repositories.create(_icechunk().local_filesystem_storage(str(begun)))
        begun.rename(folder / REPOSITORY)


@contextlib.contextmanager
def _as_os_error() -> Iterator[None]:
    """Say that a repository cannot be read or written as a file system says it."""
    try:
        yield
    except _icechunk().ConflictError as error:
        raise OSError("another driver has committed to it since this one began") from error
    except _icechunk().IcechunkError as error:
        raise OSError(_reason(error)) from error


def _reason(error: Exception) -> str:
    """What went wrong and why at last, without the places in Icechunk's sources where it was seen."""
    first = str(error).strip().partition("\n")[0].removeprefix("x ").strip()
    causes = [cause for cause in re.findall(r"-> *(.+)", str(error)) if cause not in first]
    return ": ".join((first, *causes[-1:]))
