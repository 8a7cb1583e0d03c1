"""The logs beside a local store: the driver's, one line a block, and dask's."""

from __future__ import annotations

import contextlib
import gc
import logging
from collections.abc import Iterator

from scanner import engine
from scanner import store as stores
from scanner.errors import ScannerError
from scanner.lock import DriverLock

DASK = ("distributed", "distributed.client", "distributed.gc", "tornado", "tornado.application", "asyncio")
"""Its loggers that have a level or a handler of their own, and asyncio's, which reports what its tasks raise."""


class _Log(logging.FileHandler):
    """A log that cannot be written (full disk) is no reason to stop, nor for a traceback."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Pass over the line."""


@contextlib.contextmanager
def _handler(url: str, lock: DriverLock, name: str) -> Iterator[logging.Handler | None]:
    """Open a log of a driver; what is behind a URL has none."""
    if stores.local_path(url) is None:
        yield None
        return
    with stores.storage_errors(url):
        handler = _Log(lock.folder / name)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    try:
        yield handler
    finally:
        handler.close()


@contextlib.contextmanager
def driver_log(url: str, lock: DriverLock) -> Iterator[None]:
    """Append the driver's log to a local store."""
    with _handler(url, lock, "driver.log") as handler:
        if handler is None:
            yield
            return
        before = engine.log.level
        engine.log.addHandler(handler)
        engine.log.setLevel(logging.INFO)
        try:
            yield
        except ScannerError as error:
            engine.log.error("stopped: %s", error)
            raise
        finally:
            engine.log.setLevel(before)
            engine.log.removeHandler(handler)


@contextlib.contextmanager
def dask_log(url: str, lock: DriverLock) -> Iterator[None]:
    """Append what dask says in this process to a file, too: what concerns the user is said once, by us.

    A worker or scheduler that is lost is a traceback in several of its parts, be it the scan's end or not.
    """
    with _handler(url, lock, "cluster.log") as handler:
        loggers = [logging.getLogger(name) for name in DASK]
        before = [(logger.handlers, logger.propagate) for logger in loggers]
        for logger in loggers:
            logger.handlers, logger.propagate = [handler or logging.NullHandler()], False
        try:
            yield
        finally:
            gc.collect()  # a task whose exception nobody asked for says so when it is collected
            for logger, (handlers, propagate) in zip(loggers, before, strict=True):
                logger.handlers, logger.propagate = handlers, propagate
