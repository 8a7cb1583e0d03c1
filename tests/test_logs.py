"""What dask says is in the store's logs, and never on the terminal."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import distributed  # noqa: F401  (gives its loggers handlers that write to stderr)
import pytest

from jobs.logs import dask_log, driver_log
from scanner import engine
from scanner.errors import ScannerError
from scanner.lock import DriverLock


@pytest.fixture
def lock(tmp_path: Path) -> Iterator[DriverLock]:
    with DriverLock(str(tmp_path / "scan.zarr")) as held:
        yield held


async def _lose_a_task() -> None:
    async def lost() -> None:
        raise RuntimeError("lost task")

    task = asyncio.ensure_future(lost())
    await asyncio.sleep(0)
    task.add_done_callback(lambda done, keep=[task]: None)  # a cycle, which the collector alone finds


def _say() -> None:
    for name in ("distributed.scheduler", "distributed.client", "tornado.application"):
        try:
            raise OSError(f"lost {name}")
        except OSError:
            logging.getLogger(name).exception("gone")


@pytest.mark.parametrize("url", [None, "memory://scan"], ids=["disk", "server"])
def test_dask_does_not_write_to_the_terminal(
    lock: DriverLock, tmp_path: Path, capfd: pytest.CaptureFixture[str], url: str | None
) -> None:
    with contextlib.suppress(KeyError), dask_log(url or str(tmp_path / "scan.zarr"), lock):
        _say()
        if not url:
            asyncio.run(_lose_a_task())
        raise KeyError
    assert capfd.readouterr() == ("", "")
    said = lock.folder / "cluster.log"
    if url:
        assert not said.exists()
        return
    for name in ("distributed.scheduler", "distributed.client", "tornado.application", "task"):
        assert said.read_text().count(f"Error: lost {name}\n") == 1
    logging.getLogger("distributed.scheduler").error("as before")
    assert "as before" not in said.read_text()


def test_a_logger_that_the_user_configured(
    lock: DriverLock, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    logger = logging.getLogger("distributed.scheduler")
    monkeypatch.setattr(logger, "handlers", [logging.StreamHandler()])
    monkeypatch.setattr(logger, "propagate", False)
    with dask_log(str(tmp_path / "scan.zarr"), lock):
        logger.error("here")
    assert "here" in (lock.folder / "cluster.log").read_text()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(("name", "log"), [("cluster.log", dask_log), ("driver.log", driver_log)])
def test_a_full_disk_hides_no_error(
    lock: DriverLock, tmp_path: Path, name: str, log: Callable[[str, DriverLock], AbstractContextManager[None]]
) -> None:
    (lock.folder / name).symlink_to("/dev/full")
    with pytest.raises(ScannerError, match="what it was"), log(str(tmp_path / "scan.zarr"), lock):
        logging.getLogger("distributed").error("x" * 10)
        engine.log.error("x" * 10)
        raise ScannerError("what it was")
