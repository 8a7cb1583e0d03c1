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

DASK = ("distributed", "tornado")
"""Its loggers, and what it runs on."""


class _Log(logging.FileHandler):
    """A log that cannot be written (full disk) is no reason to stop, nor for a traceback."""

    def handleError(self, record: logging.LogRecord) -> None:
        """Pass over the line."""

    def close(self) -> None:
        """Write what is left, if that can be."""
        with contextlib.suppress(OSError):
            super().close()


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


def _dask_loggers() -> list[logging.Logger]:
    """Those of DASK, and all below that write somewhere themselves, as the user's configuration of dask may have it."""
    known = [logging.getLogger(name) for name in logging.root.manager.loggerDict if name.split(".")[0] in DASK]
    return [logger for logger in known if logger.handlers or logger.name in DASK]


@contextlib.contextmanager
def dask_log(url: str, lock: DriverLock) -> Iterator[None]:
    """Append what dask says in this process to a file, in place of the terminal: what concerns the user we say, once.

    A worker or scheduler that is lost is a traceback in several of its parts, be it the scan's end or not. A store
    behind a URL has no such file, and nothing is kept.
    """
    with _handler(url, lock, "cluster.log") as handler:
        loggers = _dask_loggers()
        if handler is not None:  # which reports what tasks raise, also those that are none of dask's
            loggers.append(logging.getLogger("asyncio"))
        before = [(logger.handlers, logger.propagate) for logger in loggers]
        for logger in loggers:
            logger.handlers, logger.propagate = [handler or logging.NullHandler()], False
        try:
            yield
        finally:
            gc.collect()  # a task whose exception nobody asked for says so when it is collected
            for logger, (handlers, propagate) in zip(loggers, before, strict=True):
                logger.handlers, logger.propagate = handlers, propagate
