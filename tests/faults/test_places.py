"""Disks that are full or read-only, a driver killed as it makes a store, and stores that lie at URLs."""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
from damage import BLOCKS, SHARD, garbage, run_here, status_here
from helpers import Reference, assert_same, call, contents, last_run, written
from zarr.storage import _local

import scanner
from scanner import tables
from scanner.cube import open_cube
from scanner.errors import Status, StoreError, StoreRefused
from scanner.titles import titles

_DIES_AT_WRITE = """
import os, sys
from zarr.storage import _local
from scanner import cli
left, write = [int(sys.argv.pop(1))], _local._put
def put(path, *arguments, **options):
    if left[0] == 0:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".half.partial").write_bytes(b"half")
        os._exit(9)
    left[0] -= 1
    return write(path, *arguments, **options)
_local._put = put
cli.main()
"""


@pytest.mark.parametrize("writes", [0, 1, 9, 25])
def test_killed_while_the_store_is_created(file: Path, reference: Path, tmp_path: Path, writes: int) -> None:
    store = tmp_path / "new.zarr"
    script = [sys.executable, "-c", _DIES_AT_WRITE, str(writes), "run", str(file), "-o", str(store)]
    assert subprocess.run([*script, "--cluster", "serial"], capture_output=True).returncode == 9
    assert any(store.rglob("*.partial"))
    assert run_here(file, store).evaluated == BLOCKS
    assert_same(store, reference)


def test_disk_full_at_any_write(file: Path, reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write, failed = _local._put, True
    for writes in itertools.count(step=10):
        store, left = tmp_path / f"{writes}.zarr", itertools.count(writes, -1)

        def put(*arguments: Any, left: Iterator[int] = left, **options: Any) -> int:
            if next(left) <= 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            return write(*arguments, **options)

        monkeypatch.setattr(_local, "_put", put)
        failed = _fails(file, store)
        monkeypatch.setattr(_local, "_put", write)
        if not failed:
            break
        run_here(file, store)
        assert_same(store, reference)
    assert writes > 2 * BLOCKS


def _fails(file: Path, store: Path) -> bool:
    try:
        run_here(file, store)
    except StoreError as error:
        assert "No space left on device" in str(error)
        return True
    return False


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _remount(disk: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(disk)], check=True)


def test_a_full_disk_takes_no_halves_of_what_is_cached(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCANNER_CACHE_DIR", str(disk))
    with contextlib.suppress(OSError):
        (disk / "full").write_bytes(bytes(2**21))
    assert "sterile_3p1" in titles("models")
    tables.remember([tables.BuiltTable(("m",), np.zeros((64, 9)), np.ones(64, dtype=np.uint8), "key")])
    assert [path.name for path in disk.rglob("*") if path.is_file()] == ["full"]


@pytest.mark.parametrize("cluster", ["serial", "local"])
def test_full_disk_is_an_error_and_the_scan_goes_on(small: Reference, disk: Path, tmp_path: Path, cluster: str) -> None:
    command = ("run", small.file, "-o", disk / "scan.zarr", "--cluster", cluster)
    status, text = call(tmp_path, *command)
    assert status == 1
    assert f"{disk / 'scan.zarr'}: cannot be written: No space left on device" in text
    assert "the same command" in text
    assert "Traceback" not in text, text
    assert "Logging error" not in text
    _remount(disk, "size=64m")
    missing = set(range(128)) - written(disk / "scan.zarr")
    assert 0 < len(missing) < 128
    status, text = call(tmp_path, *command)
    assert status == 0, text
    assert set(last_run(disk / "scan.zarr")) == missing
    assert_same(disk / "scan.zarr", small.store)


def test_disk_without_room_for_anything(file: Path, reference: Path, disk: Path, tmp_path: Path) -> None:
    _remount(disk, "size=8k")
    command = ("run", file, "-o", disk / "scan.zarr", "--cluster", "serial")
    status, text = call(tmp_path, *command)
    assert status == 1
    assert "No space left on device" in text
    assert "Traceback" not in text, text
    status, text = call(tmp_path, *command)
    assert status in (1, 2)
    assert "No space left on device" in text
    assert "Traceback" not in text, text
    _remount(disk, "size=64m")
    assert call(tmp_path, *command)[0] == 0
    assert_same(disk / "scan.zarr", reference)


def test_read_only_disk_is_refused_for_writing_and_read(file: Path, disk: Path, tmp_path: Path) -> None:
    store = disk / "scan.zarr"
    _remount(disk, "size=64m")
    run_here(file, store)
    (store / "g0/status" / SHARD).unlink()
    garbage(store / "ledger/0/c/0")
    _remount(disk, "ro")
    for place in (store, disk / "new.zarr"):
        status, text = call(tmp_path, "run", file, "-o", place, "--cluster", "serial")
        assert status == 2
        assert "cannot be written there" in text
        assert "Traceback" not in text, text
    assert status_here(tmp_path, store)["done"] == BLOCKS - 1
    assert scanner.open(str(store))["status"].values.min() == Status.missing


def test_a_store_that_is_only_planned_says_so(tmp_path: Path) -> None:
    (tmp_path / "driver.log").write_text("")
    with pytest.raises(StoreRefused, match="no store there yet: a driver is planning it, or was stopped then"):
        open_cube(str(tmp_path))
    with pytest.raises(StoreRefused, match=r"no store there$"):
        open_cube(str(tmp_path / "nothing"))


def test_file_url(file: Path, reference: Path, tmp_path: Path) -> None:
    store = tmp_path / "scan.zarr"
    assert run_here(file, f"file://{store}").evaluated == BLOCKS
    assert contents(f"file://{store}") == contents(reference)
    (store / "g0/status" / SHARD).unlink()
    assert run_here(file, store).evaluated == 1
    assert_same(store, reference)


def test_memory_url(file: Path, reference: Path) -> None:
    url = "memory://test_faults/scan.zarr"
    dataset = scanner.run(json.loads(file.read_text()), url, cluster="serial", progress=False)
    assert (dataset["status"] == Status.ok).all()
    assert contents(url) == contents(reference)
    files = fsspec.filesystem("memory")
    files.rm(f"/test_faults/scan.zarr/g0/status/{SHARD}")
    assert run_here(file, url).evaluated == 1
    files.pipe(f"/test_faults/scan.zarr/g0/chi2/{SHARD}", b"garbage")
    with pytest.raises(StoreError, match=f"{url}.*damaged"):
        scanner.open(url).compute()
    assert run_here(file, url, verify=True).evaluated == 1
    assert contents(url) == contents(reference)
    assert run_here(file, url, fresh=True).evaluated == BLOCKS
    files.rm("/test_faults", recursive=True)


def test_what_lies_under_a_url_is_left_alone(file: Path) -> None:
    files = fsspec.filesystem("memory")
    files.pipe("/test_foreign/notes.txt", b"mine")
    for fresh in (False, True):
        with pytest.raises(StoreRefused, match=r"not a store of this program|deletes only stores of this program"):
            run_here(file, "memory://test_foreign", fresh=fresh)
    assert files.cat("/test_foreign/notes.txt") == b"mine"
    files.rm("/test_foreign", recursive=True)
