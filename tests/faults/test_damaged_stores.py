"""A damaged store ends in a clear error or a recomputed block, never in wrong numbers."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import BAD, BLOCKS, DAMAGES, SHARD, bad_block, empty, flip, garbage, run_here, truncate
from helpers import assert_same, files, last_run, written

import scanner
from scanner import tables
from scanner.cube import open_cube
from scanner.errors import ScannerError, Status, StoreError, StoreRefused
from scanner.summary import status as status_of

LEDGER = "ledger/0"
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
    whole, right = path.read_bytes(), bad_block(reference, name)
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0xFF]) + whole[position + 1 :])
        with contextlib.suppress(StoreError):
            np.testing.assert_array_equal(bad_block(store, name), right)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("name", ["chi2", "status"])
def test_verify_recomputes_the_damaged_block_alone(
    file: Path, store: Path, reference: Path, name: str, damage: Damage
) -> None:
    damage(store / "g0" / name / SHARD)
    assert run_here(file, store, verify=True).evaluated == 1
    assert last_run(store) == [BAD]
    assert_same(store, reference)


@pytest.mark.parametrize("name", ["chi2", "status"])
def test_damaged_shard_of_a_block_that_is_not_done_is_replaced(
    file: Path, store: Path, reference: Path, name: str
) -> None:
    for other in ("chi2", "status"):
        path = store / "g0" / other / SHARD
        truncate(path) if other == name else path.unlink()
    assert run_here(file, store).evaluated == 1
    assert_same(store, reference)


@pytest.mark.parametrize("name", ["chi2", "status"])
def test_empty_shard_as_a_host_crash_leaves_it_is_recomputed(
    file: Path, store: Path, reference: Path, name: str
) -> None:
    empty(store / "g0" / name / SHARD)
    assert run_here(file, store).evaluated == 1
    assert_same(store, reference)


@pytest.mark.parametrize("name", ["chi2", "status"])
def test_deleted_shard_is_missing_and_recomputed(file: Path, store: Path, reference: Path, name: str) -> None:
    (store / "g0" / name / SHARD).unlink()
    block = open_cube(str(store)).layout.block(BAD)
    found = scanner.open(str(store))[name].values[:, *block.slices]
    assert (np.isnan(found) if name == "chi2" else found == Status.missing).all()
    assert run_here(file, store).evaluated == 1
    assert last_run(store) == [BAD]
    assert_same(store, reference)


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_axis_is_an_error_and_mended(file: Path, store: Path, reference: Path, damage: Damage) -> None:
    damage(store / "axes/Ue4_sq/c/0")
    with pytest.raises(StoreError, match=rf"(?s){store}.*axes/Ue4_sq.*--verify"):
        scanner.open(str(store))
    assert run_here(file, store, verify=True).evaluated == 0
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
            run_here(file, store)
        assert written(store) == set()
    assert run_here(file, store).evaluated == BLOCKS
    assert_same(store, reference)


@pytest.mark.parametrize("damage", [empty, Path.unlink])
def test_a_lost_part_of_a_table_is_built_again(file: Path, store: Path, reference: Path, damage: Damage) -> None:
    damage(next((store / "tables/miniboone").rglob("entries/c/0/0")))
    (store / "g0/status" / SHARD).unlink()
    assert run_here(file, store).evaluated == 1
    assert_same(store, reference)


def test_a_store_whose_tables_are_cut_into_other_parts_goes_on(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut, store = tmp_path / "cut.zarr", tmp_path / "store.zarr"
    with monkeypatch.context() as patch:
        patch.setattr(tables, "NODES_OF_A_PART", 3)
        run_here(file, cut)
    shutil.copytree(cut, store)
    next((store / "tables/miniboone").rglob("entries/c/1/0")).unlink()
    (store / "g0/status" / SHARD).unlink()
    assert run_here(file, store).evaluated == 1
    assert_same(store, cut)


@pytest.mark.parametrize("damage", [damage for damage in DAMAGES if damage is not empty])
def test_damaged_table_is_an_error_and_mended(file: Path, store: Path, reference: Path, damage: Damage) -> None:
    table = next((store / "tables/miniboone").rglob("entries/c/0/0"))
    damage(table)
    (store / "g0/status" / SHARD).unlink()
    with pytest.raises(StoreError, match=rf"(?s){store}.*table miniboone.*--verify"):
        run_here(file, store)
    assert BAD not in written(store)
    assert run_here(file, store, verify=True).evaluated == 1
    assert_same(store, reference)


def test_a_table_whose_metadata_are_damaged_is_mended(file: Path, store: Path, reference: Path) -> None:
    garbage(next((store / "tables/miniboone").rglob("entries/zarr.json")))
    assert run_here(file, store, verify=True).evaluated == 0
    assert_same(store, reference)


def test_a_table_that_cannot_be_made_as_it_was_is_not_emptied(
    file: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flip(next((store / "tables/miniboone").rglob("entries/c/0/0")))
    before = files(store)
    monkeypatch.setattr(tables, "hash_files", lambda paths: "other sources")
    with pytest.raises(StoreError, match="what it was made from has changed"):
        run_here(file, store, verify=True)
    assert files(store) == before


def _wrong_length(store: Path) -> None:
    root = open_cube(str(store), "r+").root
    root.create_array(LEDGER, data=np.ones(BLOCKS - 1, dtype="uint8"), overwrite=True)


def _wrong_values(store: Path) -> None:
    array: Any = open_cube(str(store), "r+").root[LEDGER]
    array[...] = 7


LEDGER_DAMAGES: dict[str, Damage] = {
    "truncated": lambda store: truncate(store / LEDGER / "c/0"),
    "empty": lambda store: empty(store / LEDGER / "c/0"),
    "garbage": lambda store: garbage(store / LEDGER / "c/0"),
    "no chunk": lambda store: (store / LEDGER / "c/0").unlink(),
    "no array": lambda store: shutil.rmtree(store / LEDGER),
    "no group": lambda store: shutil.rmtree((store / LEDGER).parent),
    "garbage metadata": lambda store: garbage((store / LEDGER).parent / "zarr.json"),
    "garbage array metadata": lambda store: garbage(store / LEDGER / "zarr.json"),
    "wrong length": _wrong_length,
    "wrong values": _wrong_values,
}


@pytest.mark.parametrize("damage", LEDGER_DAMAGES.values(), ids=LEDGER_DAMAGES.keys())
def test_ledger_is_rebuilt_and_nothing_recomputed(file: Path, store: Path, reference: Path, damage: Damage) -> None:
    damage(store)
    found = status_of(open_cube(str(store)))
    assert (found["done"], found["complete"]) == (BLOCKS, True)
    assert run_here(file, store).evaluated == 0
    assert run_here(file, store).evaluated == 0
    assert status_of(open_cube(str(store)))["ledger"] == "ok"
    assert_same(store, reference)


def test_looking_at_a_damaged_ledger_does_not_write(store: Path) -> None:
    garbage(store / LEDGER / "c/0")
    before = {p: p.stat().st_mtime_ns for p in store.rglob("*")}
    assert "rebuilt" in status_of(open_cube(str(store)))["ledger"]
    assert {p: p.stat().st_mtime_ns for p in store.rglob("*")} == before


@pytest.mark.parametrize("ledger", ["kept", "lost"])
def test_foreign_files_among_the_shards_are_passed_over(file: Path, store: Path, ledger: str) -> None:
    (store / "g0/status/c/0/0/.nfs0001").write_bytes(b"an NFS server's")
    (store / "g0/chi2/c/0/0/2/notes.txt").write_bytes(b"a user's")
    if ledger == "lost":
        shutil.rmtree(store / "ledger")
    assert run_here(file, store).evaluated == 0


@pytest.mark.parametrize("path", ["g0/chi2", "g0/status", "axes/dm2_41"])
@pytest.mark.parametrize("damage", [lambda p: garbage(p / "zarr.json"), shutil.rmtree], ids=["garbage", "deleted"])
def test_lost_array_is_an_error_that_names_it(file: Path, store: Path, path: str, damage: Damage) -> None:
    damage(store / path)
    with pytest.raises(StoreError, match=rf"(?s){store}.*{path}"):
        scanner.open(str(store))
    if path.startswith("g"):
        with pytest.raises(StoreError, match=rf"(?s){store}.*{path}.*--fresh"):
            run_here(file, store)
    else:
        run_here(file, store, verify=True)
        scanner.open(str(store))


@pytest.mark.parametrize("text", ["{garbage", "", "{}", None, '{"zarr_format": 3, "node_type": "group"}'])
def test_store_without_its_record_is_refused_and_left_alone(file: Path, store: Path, text: str | None) -> None:
    root = store / "zarr.json"
    root.unlink() if text is None else root.write_text(text)
    before = files(store)
    for options in ({}, {"fresh": True}, {"verify": True}):
        with pytest.raises(StoreRefused, match=str(store)):
            run_here(file, store, **options)
    with pytest.raises(StoreRefused, match=str(store)):
        scanner.open(str(store))
    assert files(store) == before


def test_foreign_folder_is_refused_and_left_alone(file: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    for options in ({}, {"fresh": True}):
        with pytest.raises(StoreRefused, match="of this program"):
            run_here(file, tmp_path, **options)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_half_made_store_is_made_anew(file: Path, store: Path, reference: Path) -> None:
    root = json.loads((store / "zarr.json").read_text())
    root["attributes"]["scanner"] = {"format": root["attributes"]["scanner"]["format"]}
    (store / "zarr.json").write_text(json.dumps(root))
    shutil.rmtree(store / "g0")
    with pytest.raises(StoreRefused, match="not a complete store"):
        scanner.open(str(store))
    assert run_here(file, store).evaluated == BLOCKS
    assert_same(store, reference)


def test_fresh_replaces_a_store(file: Path, store: Path, reference: Path) -> None:
    assert run_here(file, store, fresh=True).evaluated == BLOCKS
    assert_same(store, reference)
