"""Several drivers share a store as the elements of a job array: each block once, and the bits of one driver."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest
from damage import BLOCKS, run_here
from helpers import (
    Reference,
    assert_same,
    cache_without_tables,
    call,
    last_run,
    start,
    written,
)

from jobs import launch
from jobs.launch import Options
from scanner.cube import open_cube
from scanner.errors import InputError, StoreError, StoreRefused
from scanner.ledger import FAILED, WHOLE, Element, element_of
from scanner.lock import DriverLock
from scanner.summary import status as status_of


def _elements(store: Path) -> list[tuple[int, int]]:
    """Blocks and done blocks of each element."""
    return [(e["blocks"], e["done"]) for e in status_of(open_cube(str(store)))["elements"]]


def test_any_number_of_elements_follows_any_other(file: Path, reference: Path, tmp_path: Path) -> None:
    store = tmp_path / "scan.zarr"
    assert run_here(file, store, element=Element(1, 3)).evaluated == 5
    assert _elements(store) == [(6, 0), (5, 5), (5, 0)]
    assert run_here(file, store, element=Element(0, 2)).evaluated == 6  # of its 8, two are done
    assert _elements(store) == [(8, 8), (8, 3)]
    assert run_here(file, store, element=Element(0, 2)).evaluated == 0
    only = frozenset(range(8))  # 7 was done by the first
    assert run_here(file, store, element=Element(7, 8), only=only).evaluated == 0
    assert run_here(file, store).evaluated == BLOCKS - 11
    assert _elements(store) == [(BLOCKS, BLOCKS)]
    assert_same(store, reference)


def test_elements_and_other_drivers_exclude_each_other(file: Path, reference: Path, tmp_path: Path) -> None:
    store = tmp_path / "scan.zarr"
    run_here(file, store, only=frozenset())
    with DriverLock(str(store), Element(0, 2)) as lock:
        lock.share()
        for element, fragment in (
            (WHOLE, "the 2 elements of a job array"),
            (Element(0, 2), "element 0/2 is in use by another driver"),
            (Element(0, 3), "the 2 elements of another job array"),
        ):
            with pytest.raises(StoreRefused, match=fragment):
                run_here(file, store, element=element)
        status, text = call(tmp_path, "run", file, "-o", store, "--cluster", "serial", "--element", "0/2")
        assert (status, "Traceback" in text) == (4, False)
        assert run_here(file, store, element=Element(1, 2)).evaluated == 8
    with DriverLock(str(store)), pytest.raises(StoreRefused, match="in use by another driver"):
        run_here(file, store, element=Element(0, 2))
    assert run_here(file, store, element=Element(0, 2)).evaluated == 8
    assert_same(store, reference)


def test_the_last_element_out_leaves_no_note_even_if_it_found_nothing_to_do(file: Path, store: Path) -> None:
    """It would say that somebody is at work there."""
    with DriverLock(str(store), Element(0, 2)) as first:
        first.note(None)
        first.share()
        assert run_here(file, store, element=Element(1, 2)).evaluated == 0
        assert (store / "driver.json").exists() and not (store / "elements/1/driver.json").exists()
    assert not list(store.rglob("driver.json"))
    assert run_here(file, store, element=Element(1, 2)).evaluated == 0
    assert not list(store.rglob("driver.json"))


def test_an_element_that_does_not_see_the_store_of_the_first_makes_none(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = tmp_path / "scan.zarr"
    monkeypatch.setattr(launch, "SEEN_SECONDS", 1.0)
    with DriverLock(str(store), Element(0, 2)) as lock:
        lock.share()
        with pytest.raises(StoreError, match="it is not seen from here"):
            run_here(file, store, element=Element(1, 2))
    assert not (store / "zarr.json").exists()


def test_what_one_element_failed_and_another_did_is_done(file: Path, reference: Path, tmp_path: Path) -> None:
    store = tmp_path / "scan.zarr"
    run_here(file, store, only=frozenset())
    cube = open_cube(str(store), "r+")
    for element in (Element(0, 4), Element(1, 4)):
        ledger, _ = cube.ledger(element)
        ledger.fail(2, "a fault on purpose")
        ledger.flush()
    assert cube.ledger()[0].state[2] == FAILED
    assert run_here(file, store, element=Element(2, 4)).evaluated == 4
    assert cube.ledger()[0].failures == {}
    assert run_here(file, store).evaluated == BLOCKS - 4
    assert_same(store, reference)


@pytest.mark.parametrize("path", ["ledger/1/c/0", "ledger/1/zarr.json"])
def test_a_damaged_ledger_of_an_element_is_rebuilt(file: Path, reference: Path, tmp_path: Path, path: str) -> None:
    store = tmp_path / "scan.zarr"
    run_here(file, store, only=frozenset())
    with DriverLock(str(store), Element(0, 2)) as lock:  # so that the other is not the last, and its ledger stays
        lock.share()
        assert run_here(file, store, element=Element(1, 2)).evaluated == 8
    (store / path).write_bytes(b"{garbage" * 20)
    found = status_of(open_cube(str(store)))
    assert found["done"] == 8 and "rebuilt" in found["ledger"]
    assert run_here(file, store, element=Element(0, 2)).evaluated == 8
    assert status_of(open_cube(str(store)))["ledger"] == "ok"
    assert_same(store, reference)


def test_elements_at_once_one_killed(small: Reference, tmp_path: Path) -> None:
    """Three start from nothing at once, the tables not yet built; one is killed and made up for."""
    store = tmp_path / "scan.zarr"
    cache = {"SCANNER_CACHE_DIR": str(cache_without_tables(tmp_path))}
    commands = [_command(small, store, Element(n, 3)) for n in range(3)]
    runs = [start(tmp_path, *command, **cache) for command in commands]
    runs[1].wait_until(lambda: last_run(store / "elements/1") if (store / "elements/1/driver.log").exists() else [])
    os.killpg(runs[1].process.pid, signal.SIGKILL)
    assert [run.finish() for run in runs] == [0, -signal.SIGKILL, 0]
    log = [n for k in range(3) for n in last_run(store / f"elements/{k}")]
    assert len(log) == len(set(log))
    missing = set(range(small.blocks)) - written(store)
    assert missing
    assert "element 1: " in call(tmp_path, "status", store)[1]
    assert call(tmp_path, *commands[1])[0] == 0
    assert set(last_run(store / "elements/1")) == missing
    assert_same(store, small.store)


def _command(small: Reference, store: Path, element: Element) -> tuple[Any, ...]:
    return "run", small.file, "-o", store, "--cluster", "serial", "--element", element


@pytest.mark.parametrize("text", ["3", "3/3", "-1/3", "a/b", "1/", "/2"])
def test_what_is_no_element_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="K/N"):
        element_of(text)


def test_an_element_does_not_replace_the_store() -> None:
    with pytest.raises(InputError, match="neither replaces"):
        Options(element=Element(0, 2), fresh=True)
