"""What dask says is in the store's logs, and never on the terminal."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

import distributed  # noqa: F401  (gives its loggers handlers that write to stderr)
import pytest

from jobs.logs import dask_log
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
