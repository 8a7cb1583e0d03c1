"""Stores in Icechunk repositories: killed and resumed from the last commit, which is always a consistent store."""

from __future__ import annotations

import contextlib
import pickle
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import (
    SMALL,
    Reference,
    cache_without_tables,
    contents,
    kill,
    python_path,
    reference_of,
    scan_file,
    signal_all,
    start,
    stop,
)

import scanner
from jobs import launch
from jobs.launch import Options
from jobs.refine import Request, refine
from scanner import levels, provenance
from scanner.config import read_scan_file
from scanner.cube import Cube, open_cube
from scanner.engine import Silent, Summary
from scanner.errors import InputError, StoreError, StoreRefused
from scanner.ledger import DONE, Element, Ledger
from scanner.lock import DriverLock
from scanner.recipes.scan import recipe_of
from scanner.scan import resolve
from scanner.summary import status
from scanner.worker import run_task

icechunk = pytest.importorskip("icechunk", reason="needs the extra icechunk")

OFTEN = """
import scanner.engine
scanner.engine.LEDGER_SECONDS = 0.1, 0.1
"""
"""Has a driver commit so often that a short scan has many commits."""


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return reference_of(tmp_path_factory, *SMALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where a store shall lie."""
    return tmp_path / "scan.ice"


@pytest.fixture
def store(folder: Path) -> str:
    return f"icechunk+file://{folder}"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A scan of 8 blocks."""
    return scan_file(tmp_path, (8, 32, 32), (2, 32, 16))


def drive(file: Path, store: str, **options: Any) -> Summary:
    """Run a scan in this process."""
    recipe = recipe_of(resolve(read_scan_file(file)))
    return launch.run(recipe, Options(store, "serial", **options), Silent())[1]


def history(folder: Path) -> list[str]:
    """Return the messages of a store's commits, the first one first, as anyone who has Icechunk sees them."""
    repository = icechunk.Repository.open(icechunk.local_filesystem_storage(str(folder / "repository")))
    return [commit.message for commit in repository.ancestry(branch="main")][::-1]


def committed(folder: Path) -> list[int]:
    """Return the numbers of the blocks in the history, in the order of their commits."""
    found: list[int] = []
    for message in history(folder):
        for first, last in re.findall(r"(\d+)(?:-(\d+))?", message) if message.startswith("blocks ") else ():
            found += range(int(first), int(last or first) + 1)
    return found


def objects(folder: Path) -> int:
    """Count the chunks that were written, committed or not."""
    return sum(1 for _ in (folder / "repository" / "chunks").iterdir())


def test_killed_and_resumed_from_the_last_commit(small: Reference, tmp_path: Path, folder: Path, store: str) -> None:
    """A worker and then everything dies by kill -9; the next driver does what is not committed and nothing else."""
    (tmp_path / "sitecustomize.py").write_text(OFTEN)
    environment = {
        "PYTHONPATH": python_path(tmp_path),
        "SCANNER_CACHE_DIR": str(cache_without_tables(tmp_path)),  # so that its workers build the tables
    }
    run = start(tmp_path, "run", small.file, "-o", store, **environment)
    run.wait_until(lambda: time.sleep(0.02) or ((folder / "repository").exists() and committed(folder)))
    workers = run.workers()
    stop(workers)
    with pytest.raises(StoreRefused, match="in use by another driver"):
        drive(small.file, store)
    early = len(committed(folder))
    kill(workers[:1])
    signal_all(workers[1:], signal.SIGCONT)
    run.wait_until(lambda: time.sleep(0.02) or len(committed(folder)) > early)
    kill(run.tree())
    assert run.finish() == -signal.SIGKILL

    there = open_cube(store)
    done = there.written()
    assert early < len(done) < small.blocks
    assert set(committed(folder)) == done
    assert set(np.flatnonzero(Ledger.read(there.root, small.blocks).state == DONE)) == done

    assert drive(small.file, store).evaluated == small.blocks - len(done)
    assert sorted(committed(folder)) == list(range(small.blocks))  # each of them once
    assert contents(store) == contents(small.store)
    assert status(open_cube(store))["complete"]
    messages = history(folder)
    assert messages[1] == "created" and messages[-1] == "end of a run"
    assert any(message.startswith("table ") for message in messages)


def _write(cube: Cube, number: int, value: float) -> bytes:
    """Write a block as a worker does; return its change set."""
    block = cube.layout.block(number)
    cube.begin()
    group = cube.groups[0]
    results = {name: np.full((*n, *block.shape), value, group.dtype_of(name)) for name, n in group.arrays().items()}
    cube.write(block, {**results, "status": np.zeros_like(results["status"])})
    return cube.changes()


def test_nobody_sees_what_is_not_committed(file: Path, store: str) -> None:
    drive(file, store, only=frozenset())
    driver, worker, idle = (open_cube(store, "r+") for _ in range(3))
    old = open_cube(store)
    idle.begin()
    changes = [_write(worker, number, 1.0 + number) for number in range(3)]
    assert worker.written() == {2}
    driver.accept(changes[0])
    assert open_cube(store).written() == set()
    driver.commit("one")
    assert open_cube(store).written() == {0}
    driver.accept(changes[2])  # made from an older commit
    driver.commit("another")
    assert idle.written() == set()
    idle.begin()
    assert idle.written() == open_cube(store).written() == {0, 2}
    assert old.written() == set()
    assert (open_cube(store).read(old.layout.block(2), "chi2") == 3.0).all()
    worker.begin()
    driver.commit("nothing")
    assert worker.written() == {0, 2}


def test_damaged_blocks_are_computed_again(file: Path, folder: Path, store: str) -> None:
    drive(file, store)
    before, chunks = contents(store), folder / "repository" / "chunks"
    gone, short, wrong = sorted(chunks.iterdir(), key=lambda path: path.stat().st_size)[-3:]
    gone.unlink()
    short.write_bytes(b"damage")
    wrong.write_bytes(bytes(byte ^ 1 for byte in wrong.read_bytes()))
    (chunks / "0123456789ABCDEFGHJK#1").write_bytes(b"half")  # as Icechunk leaves it when it is killed
    with pytest.raises(StoreError, match="damaged"):
        contents(store)
    assert drive(file, store, verify=True).evaluated == 3
    assert contents(store) == before
    assert not list(folder.rglob("*#*"))


def test_a_server_that_fails_is_no_damage(file: Path, store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an error of storage, which is reported as such where the store is on a server."""
    drive(file, store)

    async def fail(self: Any, *arguments: Any) -> Any:
        raise icechunk.IcechunkError("object store error: dispatch failure")

    array = open_cube(store).arrays[0]["chi2"]
    monkeypatch.setattr(icechunk.IcechunkStore, "get", fail)
    with pytest.raises(OSError, match="dispatch failure"):
        array[...]


def test_a_fresh_store_takes_the_place_of_another(tmp_path: Path, folder: Path, store: str) -> None:
    for points, options in (((4, 4, 4), {}), ((8, 4, 4), {"fresh": True})):
        drive(scan_file(tmp_path, points, (4, 4, 4)), store, **options)
        assert open_cube(store).shape == points
    assert history(folder).count("created") == 1
    assert drive(scan_file(tmp_path, (8, 4, 4), (4, 4, 4)), store).evaluated == 0


def test_threads_of_a_worker_hand_over_what_each_has_written(tmp_path: Path, store: str) -> None:
    drive(scan_file(tmp_path, (32, 32, 32), (2, 16, 32)), store, only=frozenset())
    cube = open_cube(store, "r+")
    blocks, task = range(cube.layout.number_of_blocks), (cube.url, cube.record["id"], provenance.code())
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda number: run_task(*task, number, 60.0), blocks))
    assert {outcome.kind for outcome in found} == {"done"}
    for outcome in found:
        cube.accept(outcome.changes)
    assert cube.written() == set(blocks)
    assert not [number for number in blocks if cube.damaged(cube.layout.block(number))]


def test_killed_while_it_is_deleted(file: Path, store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    drive(file, store)

    class Killed(BaseException):
        pass

    def half(path: Path) -> None:
        for inner in sorted(path.iterdir())[:-1]:
            delete(inner)
        raise Killed

    delete = shutil.rmtree
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(shutil, "rmtree", half)
        drive(file, store, fresh=True)
    assert drive(file, store, fresh=True).evaluated == 8


def test_it_is_read_as_any_store(file: Path, tmp_path: Path, folder: Path, store: str) -> None:
    drive(file, store)
    plain = str(tmp_path / "plain.zarr")
    drive(file, plain)
    assert open_cube(f"icechunk+file://{folder.parent}/./{folder.name}").url == store
    assert contents(store) == contents(plain)
    assert pickle.loads(pickle.dumps(scanner.open(store))).equals(scanner.open(plain))
    for source in (store, plain):
        scanner.merge([source], f"{source}.merged", experiments=["miniboone"], cluster="serial", progress=False)
    assert contents(f"{store}.merged") == contents(f"{plain}.merged")


def test_levels_are_repositories_in_its_place(file: Path, tmp_path: Path, store: str) -> None:
    found, request = {}, Request(("Ue4_sq", "dm2_41"), (0.9,), 1, ("miniboone",))
    for base in (store, str(tmp_path / "plain.zarr")):
        drive(file, base)
        refine(base, request, Options(None, "serial"), lambda: contextlib.nullcontext(Silent()))
        found[base] = contents(levels.url_of(base, 1))
    assert found[store] == found[str(tmp_path / "plain.zarr")]


def test_several_committers_are_refused(file: Path, store: str, folder: Path) -> None:
    with pytest.raises(InputError, match="one driver, which alone commits"):
        drive(file, store, element=Element(0, 2))
    assert not folder.exists()
    with DriverLock(store), pytest.raises(StoreRefused, match="in use by another driver"):
        drive(file, store)


def test_what_is_no_store_of_ours_is_left_alone(file: Path, store: str, folder: Path) -> None:
    (folder / "repository").mkdir(parents=True)
    (folder / "repository" / "thesis.tex").write_text("dear")
    for fresh in (False, True):
        with pytest.raises(StoreRefused, match=r"is not a store of this program|this folder is none"):
            drive(file, store, fresh=fresh)
    assert [path.name for path in folder.rglob("*")] == ["repository", "thesis.tex"]


def test_looking_makes_nothing(store: str, folder: Path) -> None:
    with pytest.raises(StoreRefused, match="no store there"):
        open_cube(store)
    assert not folder.exists()


@pytest.mark.parametrize("use", [lambda file, store: drive(file, store), lambda file, store: scanner.open(store)])
def test_other_places_and_no_icechunk_are_refused(use: Any, file: Path, store: str, monkeypatch: Any) -> None:
    with pytest.raises(InputError, match=r"icechunk\+file://"):
        use(file, "icechunk+gs://bucket/scan")
    monkeypatch.setitem(sys.modules, "icechunk", None)
    with pytest.raises(InputError, match=r"nu-scanner\[icechunk\]"):
        use(file, store)


@pytest.fixture
def bucket() -> Iterator[str]:
    """URL of a bucket on a server of its own, which the environment names as it does to any program."""
    s3fs = pytest.importorskip("s3fs", reason="makes the bucket")
    pytest.importorskip("moto.server", reason="is the server")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "from moto.server import main; main()", "-H", "127.0.0.1", "-p", str(port)]
    keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
    with (
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server,
        pytest.MonkeyPatch.context() as patch,
    ):
        for name, value in {**keys, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}.items():
            patch.setenv(name, value)
        try:
            while not _answers(port):
                assert server.poll() is None
                time.sleep(0.1)
            s3fs.S3FileSystem(skip_instance_cache=True).mkdir("scans")
            yield "icechunk+s3://scans"
        finally:
            server.kill()


def _answers(port: int) -> bool:
    with socket.socket() as here:
        return here.connect_ex(("127.0.0.1", port)) == 0


def test_on_object_storage(bucket: str, file: Path, tmp_path: Path) -> None:
    s3fs = pytest.importorskip("s3fs")
    store = f"{bucket}/some/scan"
    assert drive(file, store, only=frozenset(range(5))).evaluated == 5
    assert drive(file, store).evaluated == 3
    drive(file, str(tmp_path / "plain.zarr"))
    assert contents(store) == contents(tmp_path / "plain.zarr")
    with DriverLock(store), pytest.raises(StoreRefused, match="in use by another driver"):
        drive(file, f"{store}/")
    with pytest.raises(InputError, match="is not deleted"):
        drive(file, store, fresh=True)
    first, second, worker = (open_cube(store, "r+") for _ in range(3))
    first.accept(_write(open_cube(store, "r+"), 0, 1.0))
    first.commit("first")
    second.accept(_write(open_cube(store, "r+"), 0, 2.0))
    with pytest.raises(StoreError, match="another driver has committed"):
        second.commit("second")
    assert (open_cube(store).read(first.layout.block(0), "chi2") == 1.0).all()

    s3fs.S3FileSystem(skip_instance_cache=True).rm("scans/some", recursive=True)  # and another store takes its place
    drive(file, store, only=frozenset())
    first.accept(_write(worker, 0, 1.0))
    with pytest.raises(StoreError, match="another driver has committed"):
        first.commit("late")
    assert open_cube(store).written() == set()
