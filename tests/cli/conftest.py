"""Fixtures of the tests of the command line."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_helpers import OK, call, write


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Work in an empty folder, and give back the signal handler that `scanner run` takes."""
    monkeypatch.chdir(tmp_path)
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a scan file and its complete store; tests must not change it."""
    folder = tmp_path_factory.mktemp("finished")
    before = signal.getsignal(signal.SIGTERM)
    result = call("run", write(folder), "-o", folder / "tiny.zarr")
    signal.signal(signal.SIGTERM, before)
    assert result.exit_code == OK, result.output
    return folder
