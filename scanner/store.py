"""The places that stores lie at: looking, erasing, cleaning up, and the messages when a file system fails."""

from __future__ import annotations

import contextlib
import enum
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import zarr
from zarr.abc.store import Store
from zarr.core.sync import sync
from zarr.storage import FsspecStore, LocalStore

from scanner import transactions
from scanner.errors import InputError, StoreError

FORMAT = 1
DRIVER_FILES = {
    *("driver.gate", "driver.lock", "driver.json", "driver.new", "driver.log", "cluster.log"),
    *("elements", "submission"),
}
"""What drivers keep in a store; `elements` and `submission` are folders."""
S3 = ("s3://", "s3a://")
CLIENTS = ("aiobotocore", "aiohttp", "botocore")
"""Packages whose errors are of a server that cannot be reached, although they are no OSError."""


class Place(enum.Enum):
    """What is found where a store shall be."""

    EMPTY = "nothing"
    CREATING = "a store of ours whose creation did not end"
    COMPLETE = "a store of ours"
    FOREIGN = "something else"


def look(url: str) -> Place:
    """Say what is at a URL."""
    try:
        root = zarr.open_group(location(url), mode="r")
    except (FileNotFoundError, zarr.errors.GroupNotFoundError):
        left = {n for n in _names(url) - DRIVER_FILES if not n.endswith(".partial")}
        return Place.FOREIGN if left else Place.EMPTY
    except Exception as error:
        if local_path(url) is None:
            raise StoreError(f"{url}: cannot be reached ({type(error).__name__}: {error})") from None
        return Place.FOREIGN
    record: Any = root.attrs.get("scanner")
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        return Place.FOREIGN
    return Place.CREATING if "identity" not in record else Place.COMPLETE


def _names(url: str) -> set[str]:
    """What lies in a folder, or under a URL, which to zarr is nothing if it is no store."""
    if transactions.handles(url):
        return transactions.names(url)
    folder = local_path(url)
    if folder is not None:
        return {p.name for p in folder.iterdir()} if folder.is_dir() else set()
    system, path = fsspec.core.url_to_fs(url, use_listings_cache=False)
    try:
        return {name.rstrip("/").rpartition("/")[2] for name in system.ls(path, detail=False)}
    except FileNotFoundError:
        return set()


def local_path(url: str) -> Path | None:
    """The absolute path of a store on a file system, or None for another kind of URL."""
    if transactions.handles(url):
        return transactions.local_folder(url)
    path = url.removeprefix("file://")
    return None if "://" in path else Path(path).expanduser().absolute()


def absolute(url: str) -> str:
    """Return a store's URL as it is from any folder: an absolute path wherever there is one."""
    path = local_path(url)
    if path is None:
        return url
    return f"{transactions.PREFIX}file://{path}" if transactions.handles(url) else str(path)


def location(url: str, mode: str = "r") -> Path | Store:
    """Return what zarr shall open: a path wherever there is one, because only there are its writes atomic renames.

    Behind a URL an object appears whole or not at all. Listings are not cached: others write there too. With
    concurrent parts, s3fs would ask for the size of each object before it reads it.
    """
    if transactions.handles(url):
        return transactions.open_store(url, mode)
    options = {"max_concurrency": 1} if url.startswith(S3) else {}
    return local_path(url) or FsspecStore.from_url(url, storage_options={"use_listings_cache": False, **options})


def is_gone(url: str) -> bool:
    """Whether a folder that was a store of ours is none any more."""
    folder = local_path(url)
    return folder is not None and not (folder / _landmark(url)).exists()


def is_in_place(url: str, root: zarr.Group, identifier: str) -> bool:
    """Whether a store behind a URL, opened a while ago, is there still; another one there has another id, or none yet.

    Of a local store a lock says so, and of one in a repository that what does not belong there cannot be committed.
    """
    if local_path(url) is not None or transactions.handles(url):
        return True
    found = sync((root.store_path / "zarr.json").get())
    record = json.loads(found.to_bytes())["attributes"].get("scanner", {}) if found else {}
    return bool(record.get("id") == identifier)


def _landmark(url: str) -> str:
    """What says that a folder is a store."""
    return transactions.REPOSITORY if transactions.handles(url) else "zarr.json"


def remove_partial_files(url: str) -> int:
    """Remove what killed writers left behind; only safe when no writer is alive. Returns how many."""
    folder = local_path(url)
    pattern = transactions.PARTIAL_FILES if transactions.handles(url) else "*.partial"
    leftovers = list(folder.rglob(pattern)) if folder else []
    for path in leftovers:
        path.unlink(missing_ok=True)
    return len(leftovers)


def erase(url: str) -> None:
    """Delete the contents of a store of ours, keeping the driver's files; what says that it is ours goes last."""
    folder = local_path(url)
    if folder is None and transactions.handles(url):
        if look(url) is not Place.EMPTY:
            raise InputError("--fresh", "a repository there is not deleted", url, hint="delete it by other means first")
        return
    if folder is None:
        if look(url) is Place.COMPLETE:  # from now on nobody who had it open writes into it: see `is_in_place`
            zarr.open_group(location(url), mode="r+").attrs.put({"scanner": {"format": FORMAT}})
        sync(_clear(location(url)))
        return
    for path in sorted(folder.iterdir(), key=lambda p: p.name == _landmark(url)) if folder.is_dir() else ():
        if path.name in DRIVER_FILES:
            continue
        if path.is_dir():
            # Half of a repository would be taken for somebody else's: it is gone at once, or there.
            shutil.rmtree(path.rename(f"{path}.partial") if path.name == _landmark(url) else path)
        else:
            path.unlink()


async def _clear(store: Any) -> None:
    """Empty a store of ours; zarr 3.1's own `clear` stops at the first folder that is gone with its parent."""
    for name in {name async for name in store.list_dir("")} - DRIVER_FILES - {"zarr.json"}:
        await store.delete_dir(name)
    await store.delete("zarr.json")


def of_storage(error: BaseException) -> bool:
    """Whether an error is of a file system or a server, and not of what lies there."""
    return isinstance(error, OSError) or type(error).__module__.partition(".")[0] in CLIENTS


def check_reached(url: str, error: Exception) -> None:
    """Raise StoreError if an error is of a server, and not of what lies there."""
    if local_path(url) is None and of_storage(error):
        raise StoreError(f"{url}: cannot be reached ({type(error).__name__}: {error})") from error


@contextlib.contextmanager
def storage_errors(url: str) -> Iterator[None]:
    """Turn a full, read-only, forbidden or failing file system or server into one clear message."""
    try:
        yield
    except Exception as error:
        if not of_storage(error):
            raise
        kept = "committed" if transactions.handles(url) else "done"
        raise StoreError(
            f"{url}: cannot be written: {getattr(error, 'strerror', None) or error}\n  "
            f"nothing that was {kept} is lost; "
            "mend this and run the same command to go on"
        ) from error


@contextlib.contextmanager
def decoding_errors(url: str, what: str) -> Iterator[None]:
    """Turn a damaged chunk into one clear message."""
    try:
        yield
    except Exception as error:
        check_reached(url, error)
        raise StoreError(
            f"{url}: {what} is damaged ({type(error).__name__}: {error})\n  "
            "run the scan again with --verify to find and recompute damaged blocks"
        ) from error


def keys(root: zarr.Group, path: str) -> list[str]:
    """Keys of the shards of an array, without its path: ``0/3/1``. An empty file (host crash) is no shard."""
    folder = f"{root.store_path.path}/{path}".lstrip("/")
    prefix = f"{folder}/c/"

    async def collect() -> list[str]:
        return [key.removeprefix(prefix) async for key in root.store.list_prefix(folder)]

    keys = [key for key in sync(collect()) if all(part.isdecimal() for part in key.split("/"))]
    if not isinstance(root.store, LocalStore):
        return keys
    return [key for key in keys if (root.store.root / prefix / key).stat().st_size]
