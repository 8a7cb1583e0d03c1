"""Stores behind a URL: on an S3-compatible server, killed and resumed, and who may drive them."""

from __future__ import annotations

import hashlib
import re
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import s3fs
from botocore.exceptions import EndpointConnectionError
from helpers import TIMEOUT, Reference, Run, contents, files, kill, scan_file, signal_all, start, stop, written

from jobs import launch
from jobs.launch import Options
from scanner import engine, lease, tables
from scanner import store as stores
from scanner.config import read_scan_file
from scanner.cube import open_cube
from scanner.engine import Silent, Summary
from scanner.errors import InputError, StoreError, StoreRefused, StoreReplaced
from scanner.ledger import DONE, WHOLE, Element, Ledger
from scanner.lock import DriverLock
from scanner.recipes import scan as scan_recipes
from scanner.recipes.scan import recipe_of
from scanner.scan import resolve
from scanner.summary import status
from scanner.worker import Outcome

BUCKET = f"scans-{uuid.uuid4().hex[:8]}"
"""Of this run of the tests alone: drivers of one URL exclude each other, whatever server it is on."""
SHAPE = ((32, 128, 64), (8, 128, 8))
"""Points and block on each axis: 32 blocks."""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Start a server; give its address."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "from moto.server import main; main()", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + TIMEOUT
            while not _answers(port):
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


@pytest.fixture(scope="module")
def bucket(server: str) -> Iterator[Any]:
    """A bucket there; the environment names server and credentials, as to any program."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", server)
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        fs = s3fs.S3FileSystem(use_listings_cache=False)
        fs.mkdir(BUCKET)
        yield fs


@pytest.fixture
def store(bucket: Any, request: pytest.FixtureRequest) -> str:
    """URL of a store that is not there yet."""
    return f"s3://{BUCKET}/{request.node.name}/scan.zarr"


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """The scan, undisturbed, in a store on this disk."""
    folder = tmp_path_factory.mktemp("reference")
    file, local = scan_file(folder, *SHAPE), folder / "scan.zarr"
    drive(file, str(local))
    return Reference(file, local, len(written(local)))


def drive(file: Path, store: str, **options: Any) -> Summary:
    """Run a scan in this process, or go on."""
    recipe = recipe_of(resolve(read_scan_file(file)))
    return launch.run(recipe, Options(store, "serial", **options), Silent())[1]


def objects(fs: Any, store: str) -> dict[str, str]:
    """Return the hash of every object that holds axes, tables or results, as `helpers.files` does of files."""
    root = store.removeprefix("s3://") + "/"
    found = {path.removeprefix(root): path for path in fs.find(store)}
    data = fs.cat([path for key, path in found.items() if re.match(r"(axes|tied|derived|tables|g\d+)/", key)])
    return {path.removeprefix(root): hashlib.sha256(one).hexdigest() for path, one in data.items()}


def everything(fs: Any, store: str) -> dict[str, bytes]:
    root = store.removeprefix("s3://")
    return {path.removeprefix(root): fs.cat(path) for path in fs.find(store)}


def shards(fs: Any, store: str) -> int:
    return len(fs.find(f"{store}/g0/status/c"))


def reach(fs: Any, run: Run, store: str, blocks: int) -> None:
    """Wait until so many blocks are written."""
    run.wait_until(lambda: time.sleep(0.1) or shards(fs, store) >= blocks)


def driver(store: str, cache: Path, element: Element = WHOLE, warn: Callable[[str], None] = pytest.fail) -> DriverLock:
    """Return a driver's lock with a cache folder of its own, as on another host."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCANNER_CACHE_DIR", str(cache))
        return DriverLock(store, element, warn)


def test_killed_and_resumed_the_bits_are_the_same(
    bucket: Any, store: str, reference: Reference, tmp_path: Path
) -> None:
    """A worker and then everything dies by kill -9; the next driver does what is missing and nothing else."""
    run = start(tmp_path, "run", reference.file, "-o", store)
    reach(bucket, run, store, 2)
    workers = run.workers()
    stop(workers)
    with pytest.raises(StoreRefused, match="in use by another driver"):
        drive(reference.file, store)
    kill(workers[:1])
    signal_all(workers[1:], signal.SIGCONT)
    reach(bucket, run, store, 6)
    kill(run.tree())
    assert run.finish() == -signal.SIGKILL
    done = open_cube(store).written()
    assert 6 <= len(done) < reference.blocks

    with pytest.raises(StoreRefused, match=rf"process {run.process.pid} on .*; if that has died, the store is free in"):
        driver(store, tmp_path / "elsewhere").__enter__()
    assert drive(reference.file, store).evaluated == reference.blocks - len(done)
    assert contents(store) == contents(reference.store)
    assert objects(bucket, store) == files(reference.store)
    assert status(open_cube(store))["complete"]

    bucket.pipe(f"{store}/g0/chi2/c/0/0/0/0", b"damage")
    assert drive(reference.file, store, verify=True).evaluated == 1
    assert objects(bucket, store) == files(reference.store)


def test_elements_of_an_array_and_a_fresh_store(bucket: Any, store: str, tmp_path: Path) -> None:
    """Elements share a store, with whoever shares their folder; then another scan takes its place."""
    file = scan_file(tmp_path, (8, 4, 4), (4, 4, 1))
    drive(file, store, only=frozenset())
    with DriverLock(store, Element(0, 2)) as first:
        first.share()
        assert drive(file, store, element=Element(1, 2)).evaluated == 4
        first.check()
        with pytest.raises(StoreRefused, match="elements must share a cache folder"):
            driver(store, tmp_path / "elsewhere", Element(1, 2)).__enter__()
    assert bucket.cat(f"{store}/driver.lock") == b"{}"
    assert drive(file, store).evaluated == 4
    drive(file, str(tmp_path / "local.zarr"))
    assert contents(store) == contents(tmp_path / "local.zarr")

    file = scan_file(tmp_path, (16, 4, 4), (8, 4, 4))
    with pytest.raises(StoreRefused, match="holds another scan"):
        drive(file, store)
    assert drive(file, f"{store}/", fresh=True).evaluated == shards(bucket, store) == 2


def test_what_is_no_store_of_ours_is_left_alone(bucket: Any, store: str, reference: Reference) -> None:
    bucket.pipe(f"{store}/thesis.tex", b"dear")
    for fresh in (False, True):
        with pytest.raises(StoreRefused, match=store):
            drive(reference.file, store, fresh=fresh)
    assert bucket.find(store) == [f"{store.removeprefix('s3://')}/thesis.tex"]


def test_a_server_that_cannot_be_reached_is_one_message(
    bucket: Any, reference: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    s3fs.S3FileSystem.clear_instance_cache()
    for attempt in (lambda url: drive(reference.file, url), open_cube):
        with pytest.raises(StoreError, match=r"cannot be reached .*127\.0\.0\.1:9"):
            attempt(f"s3://{BUCKET}/unreachable.zarr")
    s3fs.S3FileSystem.clear_instance_cache()


def test_a_server_that_fails_is_no_damaged_store(store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drive(scan_file(tmp_path, (4, 4, 4), (4, 4, 4)), store)
    cube = open_cube(store)

    async def fail(self: Any, path: str, **options: Any) -> bytes:
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:9")

    monkeypatch.setattr(s3fs.S3FileSystem, "_cat_file", fail)
    for attempt in (lambda: cube.read(cube.layout.block(0), "chi2"), lambda: cube.array("axes/dm2_41")):
        with pytest.raises(StoreError, match=r"cannot be reached \(EndpointConnectionError"):
            attempt()


def test_no_bucket_is_one_message(bucket: Any, reference: Reference) -> None:
    with pytest.raises(StoreError, match=r"s3://nowhere/scan\.zarr: cannot be"):
        drive(reference.file, "s3://nowhere/scan.zarr")


def test_one_driver_at_a_time_wherever(store: str, tmp_path: Path) -> None:
    with driver(store, tmp_path / "a") as first:
        with pytest.raises(StoreRefused, match=r"in use by another driver \(process \d+ on .*; if that has died"):
            driver(store, tmp_path / "b").__enter__()
        first.check()
    with driver(store, tmp_path / "b"), pytest.raises(StoreRefused):
        driver(store, tmp_path / "a").__enter__()


def test_a_lease_is_renewed_and_one_that_is_not_is_lost(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "SECONDS", 3.0)
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.2)
    with driver(store, tmp_path / "a") as first:
        time.sleep(4.5)
        with pytest.raises(StoreRefused):
            driver(store, tmp_path / "b").__enter__()
        monkeypatch.setattr(lease, "SECONDS", 0.0)  # as if the first had been cut off meanwhile
        with driver(store, tmp_path / "b") as second:
            deadline = time.monotonic() + TIMEOUT
            with pytest.raises(StoreRefused, match="has lost its lease"):
                while time.monotonic() < deadline:
                    first.check()
                    time.sleep(0.05)
            second.check()


def test_a_driver_that_has_lost_its_lease_takes_no_further_outcome(
    store: str, reference: Reference, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "RENEW_SECONDS", 0.1)
    monkeypatch.setattr(engine, "LEDGER_SECONDS", (600.0, 600.0))
    evaluated: list[int] = []

    class Robber(Silent):
        def outcome(self, outcome: Outcome) -> None:
            evaluated.append(outcome.number)
            if len(evaluated) == 1:
                robber = lease._Object(f"{store}/{lease.KEY}")
                held = robber.read()
                assert held and robber.write({"driver": "another"}, held.tag)
                time.sleep(1)

    with pytest.raises(StoreRefused, match="has lost its lease"):
        launch.run(recipe_of(resolve(read_scan_file(reference.file))), Options(store, "serial"), Robber())
    assert len(evaluated) == 1
    assert Ledger.read(open_cube(store).root, reference.blocks).count(DONE) == 0  # it may be the other's by now


@pytest.mark.parametrize(("module", "work"), [(scan_recipes, "evaluate"), (tables, "build")], ids=["block", "table"])
def test_what_is_computed_for_a_store_that_was_replaced_meanwhile_is_not_written(
    bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: Any, work: str
) -> None:
    """As by a driver that was cut off, while another host began anew with --fresh."""
    store, other = (f"s3://{BUCKET}/{work}/{name}.zarr" for name in ("scan", "other"))
    file, compute = scan_file(tmp_path, (4, 4, 4), (2, 4, 4)), getattr(module, work)
    monkeypatch.setattr(tables, "remembered", lambda planned: {})
    drive(file, other, only=frozenset())

    def slow(*arguments: Any) -> Any:
        bucket.rm(store, recursive=True)
        bucket.copy(other, store, recursive=True)
        return compute(*arguments)

    monkeypatch.setattr(module, work, slow)
    with pytest.raises(StoreReplaced, match=f"{store}: was deleted or replaced by another store"):
        drive(file, store)
    assert everything(bucket, store) == everything(bucket, other)  # its ledger and its record, too


def test_nothing_is_written_into_a_store_that_is_being_deleted(
    bucket: Any, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be left there, and be nobody's; a driver that dies while it deletes one is followed by any other."""
    file, evaluate = scan_file(tmp_path, (4, 4, 4), (2, 4, 4)), scan_recipes.evaluate

    async def die(there: Any) -> None:
        raise ConnectionError

    def slow(*arguments: Any) -> Any:
        with monkeypatch.context() as patch, pytest.raises(ConnectionError):
            patch.setattr(stores, "_clear", die)
            stores.erase(store)
        return evaluate(*arguments)

    with monkeypatch.context() as patch, pytest.raises(StoreReplaced):
        patch.setattr(scan_recipes, "evaluate", slow)
        drive(file, store)
    assert shards(bucket, store) == 0
    assert drive(file, store).evaluated == 2


UNSAFE = [("gs://bucket/scan.zarr", "this kind of URL knows no locks"), (None, "ignores conditions of a write")]


@pytest.mark.parametrize(("url", "problem"), UNSAFE, ids=["kind", "server"])
def test_without_locks_a_driver_is_warned_and_an_element_refused(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str | None, problem: str
) -> None:
    put, said = lease._Object._put, []
    monkeypatch.setattr(lease._Object, "_put", lambda self, note, condition: put(self, note, {}))
    with driver(url or store, tmp_path, warn=said.append) as alone:
        alone.check()
    assert len(said) == 1 and problem in said[0] and "start one at a time" in said[0]
    with pytest.raises(InputError, match=f"--element: .*{problem}"):
        driver(url or store, tmp_path, Element(0, 2)).__enter__()
    with driver(url or store, tmp_path, warn=said.append):
        pass
