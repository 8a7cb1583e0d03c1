"""Damage, full disks and broken code end in a clear error or a recomputed block, never in wrong numbers."""

from __future__ import annotations

import contextlib
import errno
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
import xarray as xr
from helpers import (
    SMALL,
    Reference,
    Trial,
    alive,
    assert_same,
    call,
    command_of,
    contents,
    files,
    kill,
    last_run,
    python_path,
    reference_of,
    scan_file,
    signal_all,
    stop,
    written,
)
from zarr.storage import _local

import scanner
from jobs import launch
from jobs.launch import Options
from scanner import tables
from scanner.config import read_scan_file
from scanner.cube import open_cube
from scanner.engine import Silent, Summary
from scanner.errors import ScannerError, Status, StoreError, StoreRefused
from scanner.recipes.scan import ScanRecipe
from scanner.scan import resolve
from scanner.summary import status as status_of

POINTS, BLOCK = (8, 8, 8), (4, 2, 4)
"""Of a scan that takes no time: 16 blocks, of which BAD is damaged."""
BLOCKS, BAD = 16, 5
LEDGER = "ledger/0"
SHARD = "c/0/0/2/1"
"""The shard of block BAD."""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A scan file, and its store, complete."""
    folder = tmp_path_factory.mktemp("tiny")
    file, store = scan_file(folder, POINTS, BLOCK), folder / "whole.zarr"
    _run(file, store)
    return file, store


@pytest.fixture
def file(tiny: tuple[Path, Path]) -> Path:
    return tiny[0]


@pytest.fixture
def reference(tiny: tuple[Path, Path]) -> Path:
    return tiny[1]


@pytest.fixture
def store(tiny: tuple[Path, Path], tmp_path: Path) -> Path:
    """A complete store, to damage."""
    return Path(shutil.copytree(tiny[1], tmp_path / "damaged.zarr"))


def _run(file: Path, store: Path | str, **options: Any) -> Summary:
    """Run in this process, or go on."""
    scan = resolve(read_scan_file(file))
    return launch.run(ScanRecipe(scan), Options(out=str(store), cluster="serial", **options), Silent())[1]


def _truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def _empty(path: Path) -> None:
    os.truncate(path, 0)


def _flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10
    path.write_bytes(data)


def _garbage(path: Path) -> None:
    path.write_bytes(b"{garbage" * 20)


DAMAGES = [_truncate, _empty, _flip, _garbage]
Damage = Callable[[Path], None]


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["chi2", "status"])
def test_damaged_shard_is_an_error_that_says_how_to_mend_it(store: Path, name: str, damage: Damage) -> None:
    damage(store / "g0" / name / SHARD)
    dataset = scanner.open(str(store))
    with pytest.raises(StoreError, match=rf"(?s){store}.*{name}.*--verify"):
        dataset[name].compute()
    with pytest.raises(StoreError, match="--verify"):
        dataset.compute()


@pytest.mark.parametrize("name", ["chi2", "status"])
def test_no_flipped_byte_changes_a_number(store: Path, reference: Path, name: str) -> None:
    path = store / "g0" / name / SHARD
    whole, right = path.read_bytes(), _block(reference, name)
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0xFF]) + whole[position + 1 :])
        with contextlib.suppress(StoreError):
            np.testing.assert_array_equal(_block(store, name), right)


def _block(store: Path, name: str) -> np.ndarray:
    cube = open_cube(str(store))
    return cube.read(cube.layout.block(BAD), name)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["chi2", "status"])
def test_verify_recomputes_the_damaged_block_alone(
    file: Path, store: Path, reference: Path, name: str, damage: Damage
) -> None:
    damage(store / "g0" / name / SHARD)
    assert _run(file, store, verify=True).evaluated == 1
    assert last_run(store) == [BAD]
    assert_same(store, reference)


@pytest.mark.parametrize("name", ["chi2", "status"])
def test_damaged_shard_of_a_block_that_is_not_done_is_replaced(
    file: Path, store: Path, reference: Path, name: str
) -> None:
    for other in ("chi2", "status"):
        path = store / "g0" / other / SHARD
        _truncate(path) if other == name else path.unlink()
    assert _run(file, store).evaluated == 1
    assert_same(store, reference)


@pytest.mark.parametrize("name", ["chi2", "status"])
def test_empty_shard_as_a_host_crash_leaves_it_is_recomputed(
    file: Path, store: Path, reference: Path, name: str
) -> None:
    _empty(store / "g0" / name / SHARD)
    assert _run(file, store).evaluated == 1
    assert_same(store, reference)


@pytest.mark.parametrize("name", ["chi2", "status"])
def test_deleted_shard_is_missing_and_recomputed(file: Path, store: Path, reference: Path, name: str) -> None:
    (store / "g0" / name / SHARD).unlink()
    block = open_cube(str(store)).layout.block(BAD)
    found = scanner.open(str(store))[name].values[:, *block.slices]
    assert (np.isnan(found) if name == "chi2" else found == Status.missing).all()
    assert _run(file, store).evaluated == 1
    assert last_run(store) == [BAD]
    assert_same(store, reference)


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_axis_is_an_error_and_mended(file: Path, store: Path, reference: Path, damage: Damage) -> None:
    damage(store / "axes/Ue4_sq/c/0")
    with pytest.raises(StoreError, match=rf"(?s){store}.*axes/Ue4_sq.*--verify"):
        scanner.open(str(store))
    assert _run(file, store, verify=True).evaluated == 0
    assert_same(store, reference)


def test_a_table_that_cannot_be_built_is_one_message_and_goes_on_later(
    file: Path, reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError("no such integral")

    store = tmp_path / "new.zarr"
    with monkeypatch.context() as broken:
        broken.setattr(tables, "build", fail)
        broken.setattr(tables, "remembered", lambda planned: {})
        with pytest.raises(ScannerError, match=r"(?s)table miniboone.* cannot be built.*no such integral"):
            _run(file, store)
        assert written(store) == set()
    assert _run(file, store).evaluated == BLOCKS
    assert_same(store, reference)


@pytest.mark.parametrize("damage", [_empty, Path.unlink])
def test_a_lost_part_of_a_table_is_built_again(file: Path, store: Path, reference: Path, damage: Damage) -> None:
    damage(next((store / "tables/miniboone").rglob("entries/c/0/0")))
    (store / "g0/status" / SHARD).unlink()
    assert _run(file, store).evaluated == 1
    assert_same(store, reference)


def test_a_store_whose_tables_are_cut_into_other_parts_goes_on(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut, store = tmp_path / "cut.zarr", tmp_path / "store.zarr"
    with monkeypatch.context() as patch:
        patch.setattr(tables, "NODES_OF_A_PART", 3)
        _run(file, cut)
    shutil.copytree(cut, store)
    next((store / "tables/miniboone").rglob("entries/c/1/0")).unlink()
    (store / "g0/status" / SHARD).unlink()
    assert _run(file, store).evaluated == 1
    assert_same(store, cut)


@pytest.mark.parametrize("damage", [damage for damage in DAMAGES if damage is not _empty])
def test_damaged_table_is_an_error_and_mended(file: Path, store: Path, reference: Path, damage: Damage) -> None:
    table = next((store / "tables/miniboone").rglob("entries/c/0/0"))
    damage(table)
    (store / "g0/status" / SHARD).unlink()
    with pytest.raises(StoreError, match=rf"(?s){store}.*table miniboone.*--verify"):
        _run(file, store)
    assert BAD not in written(store)
    assert _run(file, store, verify=True).evaluated == 1
    assert_same(store, reference)


def test_a_table_whose_metadata_are_damaged_is_mended(file: Path, store: Path, reference: Path) -> None:
    _garbage(next((store / "tables/miniboone").rglob("entries/zarr.json")))
    assert _run(file, store, verify=True).evaluated == 0
    assert_same(store, reference)


def test_a_table_that_cannot_be_made_as_it_was_is_not_emptied(
    file: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _flip(next((store / "tables/miniboone").rglob("entries/c/0/0")))
    before = files(store)
    monkeypatch.setattr(tables, "hash_files", lambda paths: "other sources")
    with pytest.raises(StoreError, match="what it was made from has changed"):
        _run(file, store, verify=True)
    assert files(store) == before


def _wrong_length(store: Path) -> None:
    root = open_cube(str(store), "r+").root
    root.create_array(LEDGER, data=np.ones(BLOCKS - 1, dtype="uint8"), overwrite=True)


def _wrong_values(store: Path) -> None:
    array: Any = open_cube(str(store), "r+").root[LEDGER]
    array[...] = 7


LEDGER_DAMAGES: dict[str, Damage] = {
    "truncated": lambda store: _truncate(store / LEDGER / "c/0"),
    "empty": lambda store: _empty(store / LEDGER / "c/0"),
    "garbage": lambda store: _garbage(store / LEDGER / "c/0"),
    "no chunk": lambda store: (store / LEDGER / "c/0").unlink(),
    "no array": lambda store: shutil.rmtree(store / LEDGER),
    "no group": lambda store: shutil.rmtree((store / LEDGER).parent),
    "garbage metadata": lambda store: _garbage((store / LEDGER).parent / "zarr.json"),
    "garbage array metadata": lambda store: _garbage(store / LEDGER / "zarr.json"),
    "wrong length": _wrong_length,
    "wrong values": _wrong_values,
}


@pytest.mark.parametrize("damage", LEDGER_DAMAGES.values(), ids=LEDGER_DAMAGES.keys())
def test_ledger_is_rebuilt_and_nothing_recomputed(file: Path, store: Path, reference: Path, damage: Damage) -> None:
    damage(store)
    found = status_of(open_cube(str(store)))
    assert (found["done"], found["complete"]) == (BLOCKS, True)
    assert _run(file, store).evaluated == 0
    assert _run(file, store).evaluated == 0
    assert status_of(open_cube(str(store)))["ledger"] == "ok"
    assert_same(store, reference)


def test_looking_at_a_damaged_ledger_does_not_write(store: Path) -> None:
    _garbage(store / LEDGER / "c/0")
    before = {p: p.stat().st_mtime_ns for p in store.rglob("*")}
    assert "rebuilt" in status_of(open_cube(str(store)))["ledger"]
    assert {p: p.stat().st_mtime_ns for p in store.rglob("*")} == before


@pytest.mark.parametrize("ledger", ["kept", "lost"])
def test_foreign_files_among_the_shards_are_passed_over(file: Path, store: Path, ledger: str) -> None:
    (store / "g0/status/c/0/0/.nfs0001").write_bytes(b"an NFS server's")
    (store / "g0/chi2/c/0/0/2/notes.txt").write_bytes(b"a user's")
    if ledger == "lost":
        shutil.rmtree(store / "ledger")
    assert _run(file, store).evaluated == 0


@pytest.mark.parametrize("path", ["g0/chi2", "g0/status", "axes/dm2_41"])
@pytest.mark.parametrize("damage", [lambda p: _garbage(p / "zarr.json"), shutil.rmtree], ids=["garbage", "deleted"])
def test_lost_array_is_an_error_that_names_it(file: Path, store: Path, path: str, damage: Damage) -> None:
    damage(store / path)
    with pytest.raises(StoreError, match=rf"(?s){store}.*{path}"):
        scanner.open(str(store))
    if path.startswith("g"):
        with pytest.raises(StoreError, match=rf"(?s){store}.*{path}.*--fresh"):
            _run(file, store)
    else:
        _run(file, store, verify=True)
        scanner.open(str(store))


@pytest.mark.parametrize("text", ["{garbage", "", "{}", None, '{"zarr_format": 3, "node_type": "group"}'])
def test_store_without_its_record_is_refused_and_left_alone(file: Path, store: Path, text: str | None) -> None:
    root = store / "zarr.json"
    root.unlink() if text is None else root.write_text(text)
    before = files(store)
    for options in ({}, {"fresh": True}, {"verify": True}):
        with pytest.raises(StoreRefused, match=str(store)):
            _run(file, store, **options)
    with pytest.raises(StoreRefused, match=str(store)):
        scanner.open(str(store))
    assert files(store) == before


def test_foreign_folder_is_refused_and_left_alone(file: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    for options in ({}, {"fresh": True}):
        with pytest.raises(StoreRefused, match="of this program"):
            _run(file, tmp_path, **options)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_half_made_store_is_made_anew(file: Path, store: Path, reference: Path) -> None:
    root = json.loads((store / "zarr.json").read_text())
    root["attributes"]["scanner"] = {"format": root["attributes"]["scanner"]["format"]}
    (store / "zarr.json").write_text(json.dumps(root))
    shutil.rmtree(store / "g0")
    with pytest.raises(StoreRefused, match="not a complete store"):
        scanner.open(str(store))
    assert _run(file, store).evaluated == BLOCKS
    assert_same(store, reference)


def test_fresh_replaces_a_store(file: Path, store: Path, reference: Path) -> None:
    assert _run(file, store, fresh=True).evaluated == BLOCKS
    assert_same(store, reference)


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
    assert _run(file, store).evaluated == BLOCKS
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
        _run(file, store)
        assert_same(store, reference)
    assert writes > 2 * BLOCKS


def _fails(file: Path, store: Path) -> bool:
    try:
        _run(file, store)
    except StoreError as error:
        assert "No space left on device" in str(error)
        return True
    return False


def test_second_driver_is_refused(small: Reference, tmp_path: Path) -> None:
    trial = Trial(small, tmp_path, "--cluster", "serial")
    trial.reach(1)
    stop(trial.run.tree())
    status, text = call(tmp_path, "run", small.file, "-o", trial.store, "--cluster", "serial")
    signal_all(trial.run.tree(), signal.SIGCONT)
    assert status == 4
    assert f"in use by another driver (process {trial.run.process.pid} on" in text
    assert set(trial.finish()) == set(range(small.blocks))


@pytest.mark.slow
def test_local_cluster_that_is_killed_is_reported(small: Reference, tmp_path: Path) -> None:
    trial = Trial(small, tmp_path)
    trial.reach(15)
    kill(p for p in trial.processes if "jobs.local" in command_of(p))
    assert trial.run.finish() == 1
    assert "the local dask cluster ended unexpectedly" in trial.run.text
    assert "Traceback" not in trial.run.text
    assert alive(trial.processes) == []
    trial.account()
    missing = trial.missing()
    trial.start()
    assert set(trial.finish()) == missing


PLUGIN = """
import dataclasses, os, time
import numpy as np
from scanner.experiments import miniboone

class Faulty:
    def __init__(self, inner):
        self.inner, self.statistic = inner, inner.statistic
        self.constant, self.number_of_data = inner.constant, inner.number_of_data

    def __call__(self, signal, chi2, gof):
        self.inner(signal, chi2, gof)
        events = signal.sum(axis=1)
        bad = (events > 0) & (events < float(os.environ.get("FAULT_BELOW", "0")))
        if bad.any():
            fault(os.environ["FAULT"], bad, chi2)

def fault(kind, bad, chi2):
    if kind == "raise":
        raise ArithmeticError("a fault on purpose")
    if kind == "exit":
        os._exit(7)
    while kind == "hang":
        time.sleep(0.1)
    chi2[bad] = np.nan

def load(name):
    whole = miniboone.load("miniboone_fhc")
    return dataclasses.replace(whole, name=name, likelihood=Faulty(whole.likelihood))
"""


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to put on PYTHONPATH, which holds a distribution with the experiment ``faulty``."""
    folder = tmp_path_factory.mktemp("plugin")
    (folder / "faulty_experiment.py").write_text(PLUGIN)
    facts = folder / "faulty-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: faulty\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[scanner.experiments]\nfaulty = faulty_experiment\n")
    return folder


@dataclass(frozen=True)
class Faulty:
    """A scan with the experiment ``faulty``, and what is right.

    Parameters
    ----------
    file, plugin
        The scan file and the folder of the plug-in.
    right
        The scan as it comes out without faults.
    below
        Events below which a point is faulty.
    """

    file: Path
    plugin: Path
    right: xr.Dataset
    below: float

    @property
    def bad(self) -> np.ndarray:
        """The faulty points."""
        return self.right["events"].values < self.below

    def run(self, store: Path, fault: str, *options: str) -> tuple[int, str]:
        """Run, or go on, with a fault or (empty) without."""
        below = str(self.below) if fault else "0"
        command = ("run", self.file, "-o", store, *options)
        return call(store.parent, *command, PYTHONPATH=python_path(self.plugin), FAULT=fault, FAULT_BELOW=below)


CORNER = 0
"""The block with fewest events, the only one with faulty points."""


@pytest.fixture(scope="module")
def faulty(plugin: Path, tmp_path_factory: pytest.TempPathFactory) -> Faulty:
    folder = tmp_path_factory.mktemp("faulty")
    axes = {"dm2": {"log": [0.01, 0.5], "points": 128}, "sin2_2theta": {"log": [1e-3, 1], "points": 128}}
    execution = {"block": {"dm2": 16, "sin2_2theta": 16}, "workers": 2}
    scan = {"version": 1, "name": "faulty", "model": "two_flavour", "axes": axes, "experiments": ["faulty"]}
    file, store = folder / "faulty.yaml", folder / "right.zarr"
    file.write_text(json.dumps({**scan, "outputs": ["chi2", "events"], "execution": execution}))
    status, text = call(folder, "run", file, "-o", store, "--cluster", "serial", PYTHONPATH=python_path(plugin))
    assert status == 0, text
    right = scanner.open(str(store)).load()
    events = right["events"].values.copy()
    least, corner = events.min(), (slice(None), *open_cube(str(store)).layout.block(CORNER).slices)
    assert events[corner].min() == least
    events[corner] = np.inf
    return Faulty(file, plugin, right, float(least + events.min()) / 2)


def _same_elsewhere(store: Path, faulty: Faulty, failed: np.ndarray, status: Status) -> None:
    """Assert that points without a result say so, and that all others are right."""
    found = scanner.open(str(store)).load()
    assert (found["status"].values == np.where(failed, status, Status.ok)).all()
    for name in ("chi2", "events"):
        right = np.where(failed, np.nan, faulty.right[name].values)
        np.testing.assert_array_equal(found[name].values, right)


def _corner(faulty: Faulty) -> np.ndarray:
    corner = np.zeros(faulty.bad.shape, dtype=bool)
    corner[:, :16, :16] = True
    return corner


def _status(folder: Path, store: Path) -> dict[str, Any]:
    status, text = call(folder, "status", store, "--json")
    assert status == 0, text
    return dict(json.loads(text))


@pytest.mark.parametrize("cluster", ["serial", "local"])
def test_block_that_raises_is_recorded_and_passed_over(faulty: Faulty, tmp_path: Path, cluster: str) -> None:
    store = tmp_path / "scan.zarr"
    assert faulty.run(store, "raise", "--cluster", cluster)[0] == 3
    found = _status(tmp_path, store)
    assert (found["done"], found["failed"], found["complete"]) == (63, 1, False)
    assert found["statuses"] == {"missing": 256, "ok": 63 * 256}
    assert list(found["failures"]) == [str(CORNER)]
    assert "ArithmeticError: a fault on purpose" in found["failures"][str(CORNER)]
    assert _tries(store) == 2
    _same_elsewhere(store, faulty, _corner(faulty), Status.missing)
    assert faulty.run(store, "raise", "--cluster", "serial")[0] == 3
    assert _tries(store) == 1
    assert faulty.run(store, "", "--cluster", "serial")[0] == 0
    assert last_run(store) == [CORNER]
    assert _status(tmp_path, store)["failures"] == {}
    _same_elsewhere(store, faulty, np.zeros_like(faulty.bad), Status.ok)


def _tries(store: Path) -> int:
    """Count how often the last run tried the faulty block in vain."""
    return (store / "driver.log").read_text().rpartition(" start: ")[2].count(f" {CORNER} failed")


def test_block_that_kills_its_worker_is_recorded_and_passed_over(faulty: Faulty, tmp_path: Path) -> None:
    store = tmp_path / "scan.zarr"
    status, text = faulty.run(store, "exit", "--cluster", "local")
    assert status == 3, text
    assert "took its worker down" in _status(tmp_path, store)["failures"][str(CORNER)]
    _same_elsewhere(store, faulty, _corner(faulty), Status.worker_lost)
    assert faulty.run(store, "", "--cluster", "serial")[0] == 0
    assert last_run(store) == [CORNER]
    _same_elsewhere(store, faulty, np.zeros_like(faulty.bad), Status.ok)


def test_block_that_hangs_is_recorded_and_its_worker_replaced(faulty: Faulty, tmp_path: Path) -> None:
    store = tmp_path / "scan.zarr"
    status, text = faulty.run(store, "hang", "--cluster", "local", "--set", "execution.timeout=20")
    assert status == 3, text
    found = _status(tmp_path, store)
    assert found["statuses"] == {"timeout": 256, "ok": 63 * 256}
    assert "not evaluated within 20 s" in found["failures"][str(CORNER)]
    _same_elsewhere(store, faulty, _corner(faulty), Status.timeout)
    assert faulty.run(store, "", "--cluster", "serial")[0] == 0
    assert last_run(store) == [CORNER]
    _same_elsewhere(store, faulty, np.zeros_like(faulty.bad), Status.ok)


def test_experiment_that_always_raises_is_recorded(faulty: Faulty, tmp_path: Path) -> None:
    everywhere, store = replace(faulty, below=1e9), tmp_path / "scan.zarr"
    status, text = everywhere.run(store, "raise", "--cluster", "serial")
    assert status == 3
    assert "Traceback" not in text
    assert _status(tmp_path, store)["failed"] == 64
    assert faulty.run(store, "", "--cluster", "serial")[0] == 0
    _same_elsewhere(store, faulty, np.zeros_like(faulty.bad), Status.ok)


def test_point_that_is_nan_has_a_status(faulty: Faulty, tmp_path: Path) -> None:
    store = tmp_path / "scan.zarr"
    assert faulty.run(store, "nan", "--cluster", "serial")[0] == 0
    _same_elsewhere(store, faulty, faulty.bad, Status.not_finite)


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


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """A scan that fills some megabytes in some seconds."""
    return reference_of(tmp_path_factory, *SMALL)


@pytest.mark.parametrize("cluster", ["serial", "local"])
def test_full_disk_is_an_error_and_the_scan_goes_on(small: Reference, disk: Path, tmp_path: Path, cluster: str) -> None:
    command = ("run", small.file, "-o", disk / "scan.zarr", "--cluster", cluster)
    status, text = call(tmp_path, *command)
    assert status == 1
    assert f"{disk / 'scan.zarr'}: cannot be written: No space left on device" in text
    assert "the same command" in text
    assert "Traceback" not in text
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
    assert "Traceback" not in text
    status, text = call(tmp_path, *command)
    assert status in (1, 2)
    assert "No space left on device" in text
    assert "Traceback" not in text
    _remount(disk, "size=64m")
    assert call(tmp_path, *command)[0] == 0
    assert_same(disk / "scan.zarr", reference)


def test_read_only_disk_is_refused_for_writing_and_read(file: Path, disk: Path, tmp_path: Path) -> None:
    store = disk / "scan.zarr"
    _remount(disk, "size=64m")
    _run(file, store)
    (store / "g0/status" / SHARD).unlink()
    _garbage(store / "ledger/0/c/0")
    _remount(disk, "ro")
    for place in (store, disk / "new.zarr"):
        status, text = call(tmp_path, "run", file, "-o", place, "--cluster", "serial")
        assert status == 2
        assert "cannot be written there" in text
        assert "Traceback" not in text
    assert _status(tmp_path, store)["done"] == BLOCKS - 1
    assert scanner.open(str(store))["status"].values.min() == Status.missing


def test_a_store_that_is_only_planned_says_so(tmp_path: Path) -> None:
    (tmp_path / "driver.log").write_text("")
    with pytest.raises(StoreRefused, match="no store there yet: a driver is planning it, or was stopped then"):
        open_cube(str(tmp_path))
    with pytest.raises(StoreRefused, match=r"no store there$"):
        open_cube(str(tmp_path / "nothing"))


def test_file_url(file: Path, reference: Path, tmp_path: Path) -> None:
    store = tmp_path / "scan.zarr"
    assert _run(file, f"file://{store}").evaluated == BLOCKS
    assert contents(f"file://{store}") == contents(reference)
    (store / "g0/status" / SHARD).unlink()
    assert _run(file, store).evaluated == 1
    assert_same(store, reference)


def test_memory_url(file: Path, reference: Path) -> None:
    url = "memory://test_faults/scan.zarr"
    dataset = scanner.run(json.loads(file.read_text()), url, cluster="serial", progress=False)
    assert (dataset["status"] == Status.ok).all()
    assert contents(url) == contents(reference)
    files = fsspec.filesystem("memory")
    files.rm(f"/test_faults/scan.zarr/g0/status/{SHARD}")
    assert _run(file, url).evaluated == 1
    files.pipe(f"/test_faults/scan.zarr/g0/chi2/{SHARD}", b"garbage")
    with pytest.raises(StoreError, match=f"{url}.*damaged"):
        scanner.open(url).compute()
    assert _run(file, url, verify=True).evaluated == 1
    assert contents(url) == contents(reference)
    assert _run(file, url, fresh=True).evaluated == BLOCKS
    files.rm("/test_faults", recursive=True)


def test_what_lies_under_a_url_is_left_alone(file: Path) -> None:
    files = fsspec.filesystem("memory")
    files.pipe("/test_foreign/notes.txt", b"mine")
    for fresh in (False, True):
        with pytest.raises(StoreRefused, match=r"not a store of this program|deletes only stores of this program"):
            _run(file, "memory://test_foreign", fresh=fresh)
    assert files.cat("/test_foreign/notes.txt") == b"mine"
    files.rm("/test_foreign", recursive=True)


def test_batch_system_that_does_not_answer_stops_a_resume(
    file: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    squeue = tmp_path / "bin" / "squeue"
    squeue.parent.mkdir()
    squeue.write_text("#!/bin/sh\necho unable to contact slurm controller >&2\nexit 1\n")
    squeue.chmod(0o755)
    monkeypatch.setenv("PATH", str(squeue.parent), prepend=os.pathsep)
    (store / "g0/status" / SHARD).unlink()
    note = json.dumps({"host": "elsewhere", "pid": 1, "start": "", "jobs": {"kind": "slurm", "name": "scanner-x"}})
    (store / "driver.json").write_text(note)
    for _ in range(2):
        with pytest.raises(ScannerError, match=r"unable to contact slurm controller.*run again"):
            _run(file, store)
    assert (store / "driver.json").read_text() == note
    squeue.write_text("#!/bin/sh\n")
    assert _run(file, store).evaluated == 1
    assert not (store / "driver.json").exists()
