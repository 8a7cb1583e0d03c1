"""What is checked before a scan starts: where its store goes, and whether its cluster can work.

`scanner check` does this alone, so that nothing here needs dask.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from pathlib import Path

import fsspec

from jobs import clusters
from scanner import store as stores
from scanner import transactions
from scanner.errors import InputError, StoreRefused
from scanner.store import Place

DEFAULT_WORKERS = max(1, os.cpu_count() or 1)
SCHEMES = ("tcp", "tls", "ws", "wss", "ucx", "inproc")


def store_url(own: str | None, out: str | os.PathLike[str] | None) -> str:
    """Return the store's absolute path or URL: the one asked for, or else the scan file's own."""
    chosen = os.fspath(out) if out is not None else own
    if chosen is None:
        raise InputError("store", "is missing", allowed="a path or URL here, or -o/--out")
    if transactions.handles(chosen):
        transactions.check(chosen)
        return stores.absolute(chosen.rstrip("/"))
    if "://" in chosen:
        protocol = chosen.partition("://")[0]
        try:
            fsspec.get_filesystem_class(protocol)
        except (ImportError, ValueError) as error:
            raise InputError("store", f"this kind of URL cannot be used here: {error}", chosen) from None
        return chosen.rstrip("/")
    try:
        path = Path(chosen).expanduser().absolute()
        path.exists()
    except (OSError, RuntimeError, ValueError) as error:
        raise InputError("store", f"not a usable path: {error}", chosen) from None
    return str(path)


def check_writable(url: str) -> None:
    """Raise InputError if a local store could not be written."""
    path = stores.local_path(url)
    if path is None:
        return
    existing = next(p for p in (path, *path.parents) if p.exists())
    if not existing.is_dir():
        raise InputError("store", "not a folder", str(existing), "a path whose parents are folders")
    try:
        tempfile.TemporaryFile(dir=existing).close()  # os.access says yes to root, whatever the file system
    except OSError as error:
        problem = f"cannot be written there: {error.strerror}"
        raise InputError("store", problem, str(existing), "a folder that you may write to") from None


def refuse_elements(url: str, elements: int) -> None:
    """Raise if several drivers were to work on a store to which one alone commits."""
    if elements > 1 and transactions.handles(url):
        problem = f"an Icechunk repository has one driver, which alone commits, and not {elements}"
        raise InputError("store", problem, url, hint="use one driver (scanner submit: --array 1), or another store")


def refuse_foreign(url: str, fresh: bool = False) -> None:
    """Raise if something else than a store of ours is there, before even a lock is written into it."""
    if stores.look(url) is not Place.FOREIGN:
        return
    if fresh:
        raise StoreRefused(f"{url}: --fresh deletes only stores of this program, and this folder is none")
    raise StoreRefused(f"{url}: the folder exists and is not a store of this program; choose another store")


def known_cluster(cluster: str) -> int | None:
    """Return a cluster's own number of workers, if it has one; refuse a cluster that there is not."""
    if "://" in cluster:
        if cluster.partition("://")[0] not in SCHEMES:
            allowed = ", ".join(f"{scheme}://host:port" for scheme in SCHEMES)
            raise InputError("--cluster", "not a scheduler's address", cluster, allowed)
        return None
    return None if cluster in ("local", "serial") else clusters.read(clusters.find(cluster)).workers


def check_reachable(cluster: str, url: str) -> None:
    """Refuse a cluster that cannot work from here, before anything is made."""
    if url.startswith("memory://") and cluster != "serial":
        raise InputError("store", "a store in memory is seen by this process alone", url, hint="use --cluster serial")
    if cluster.startswith(("tcp://", "tls://")):
        host, _, port = cluster.partition("://")[2].rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=10).close()
        except (OSError, ValueError, OverflowError) as error:
            raise InputError("--cluster", f"no dask scheduler answers: {error}", cluster) from None
    elif cluster not in ("local", "serial") and "://" not in cluster:
        program = clusters.SUBMIT[clusters.read(clusters.find(cluster)).kind]
        if shutil.which(program) is None:
            raise InputError("--cluster", f"{program} is not on this machine, so no job can be submitted", cluster)
