"""Bad input on the command line: one message, exit status 2, never a traceback."""

from __future__ import annotations

import copy
import errno
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_helpers import (
    BAD_INPUT,
    FILE,
    OK,
    assert_one_message,
    call,
    write,
)
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from scanner.config import to_yaml

BAD_FILES = {
    "unknown key": {"colour": "red"},
    "wrong type": {"axes": 3},
    "no axes": {"axes": {}},
    "no experiments": {"experiments": []},
    "unknown model": {"model": "sterile_3p2"},
    "unknown parameter": {"fixed": {"Ue5_sq": 0.1}},
    "unknown experiment": {"experiments": ["nova"]},
    "unknown map": {"tied": {"Utau4_sq": {"map": "sum", "of": "Ue4_sq"}}},
    "tied in a circle": {"tied": {"Utau4_sq": {"map": "ratio", "of": "Utau4_sq", "factor": 1}}},
    "values that fall": {"axes": {"dm2_41": {"values": [2, 1]}}},
    "log through 0": {"axes": {"dm2_41": {"log": [0, 1], "points": 3}}},
    "outside the range": {"fixed": {"Umu4_sq": 1.5}},
    "fixed and an axis": {"fixed": {"dm2_41": 1.0}},
    "wrong unit": {"axes": {"dm2_41": {"values": [1], "unit": "keV^2"}}},
    "no such axis": {"execution": {"block": {"Umu4_sq": 3}}},
    "too little memory": {"execution": {"memory": "1MiB"}},
    "no store": {"store": None},
}


@pytest.mark.parametrize("command", ["check", "run", "plan"])
@pytest.mark.parametrize("case", [case for case in BAD_FILES if case != "no store"])
def test_a_bad_file_is_one_message(tmp_path: Path, command: str, case: str) -> None:
    assert_one_message(call(command, write(tmp_path, **BAD_FILES[case])), BAD_INPUT)
    assert [path.name for path in tmp_path.iterdir()] == ["scan.yaml"]


@pytest.mark.parametrize("command", ["check", "run"])
def test_a_file_without_a_store(tmp_path: Path, command: str) -> None:
    result = call(command, write(tmp_path, store=None))
    assert_one_message(result, BAD_INPUT)
    assert "store: is missing" in result.stderr and "-o/--out" in result.stderr


@pytest.mark.parametrize("content", [b"a: [", b"- a", b"", b"\xff\x80", b"a: 1\na: 2", b"when: 2001-99-99"])
def test_no_yaml_mapping_is_one_message(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "scan.yaml"
    path.write_bytes(content)
    assert_one_message(call("check", path), BAD_INPUT)


def test_a_missing_file_is_one_message(tmp_path: Path) -> None:
    assert_one_message(call("check", tmp_path / "none.yaml"), BAD_INPUT)
    assert_one_message(call("check", tmp_path), BAD_INPUT)


def _subprocess(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scanner.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_the_process_ends_with_the_status_and_one_message(tmp_path: Path) -> None:
    done = _subprocess("check", write(tmp_path, model="two_flavor"))
    assert (done.returncode, done.stdout) == (BAD_INPUT, "")
    first, allowed, hint = done.stderr.splitlines()
    assert first == "scanner: model: unknown model 'two_flavor'"
    assert allowed.startswith("  allowed: ") and "two_flavour" in allowed
    assert hint == "  did you mean 'two_flavour'?"


@pytest.mark.parametrize("arguments", [("frobnicate",), ("check",), ("run", "a", "b"), ("status", "--jsn", "a")])
def test_wrong_usage(arguments: tuple[str, ...]) -> None:
    result = call(*arguments)
    assert result.exit_code == BAD_INPUT
    assert "Usage: " in result.stderr and "Traceback" not in result.output


def test_no_command_shows_the_commands() -> None:
    result = call()
    for name in ("check", "run", "plan", "status", "plot", "predict", "list", "show"):
        assert name in result.output


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder that cannot be written to: a read-only mount for root, whom permissions do not stop."""
    folder = tmp_path / "read_only"
    folder.mkdir()
    if os.getuid():
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)
        return
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", folder], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"root, and a read-only tmpfs cannot be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize("inner", ["tiny.zarr", "a/b/tiny.zarr"])
def test_a_store_on_a_read_only_file_system(tmp_path: Path, read_only: Path, command: str, inner: str) -> None:
    result = call(command, write(tmp_path, store=str(read_only / inner)))
    assert_one_message(result, BAD_INPUT)
    assert "store: cannot be written there" in result.stderr
    assert str(read_only) in result.stderr


@pytest.mark.parametrize("inner", ["", "/tiny.zarr", "/a/tiny.zarr"])
def test_a_store_that_is_or_goes_through_a_file(tmp_path: Path, inner: str) -> None:
    (tmp_path / "note.txt").write_text("mine")
    result = call("check", write(tmp_path, store=str(tmp_path / "note.txt") + inner))
    assert_one_message(result, BAD_INPUT)
    assert "store: not a folder" in result.stderr and "note.txt" in result.stderr


def _places(tree: dict[str, Any], path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """All paths of a nested mapping."""
    found = []
    for key, value in tree.items():
        found.append((*path, key))
        found += _places(value, (*path, key)) if isinstance(value, dict) else []
    return found


_SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 7)
    | st.integers()
    | st.floats()
    | st.text(max_size=12)
    | st.sampled_from(["dm2_41", "Ue4_sq", "delta14", "miniboone", "two_flavour", "product", "auto", "1e-4", "~a"])
)
_NAMES = st.sampled_from(["dm2_41", "Ue4_sq", "delta14", "log", "values", "points", "map", "of", "factor", "block"])
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8) | _NAMES, inner, max_size=3),
    max_leaves=6,
)
_MUTATION = st.tuples(st.sampled_from(_places(FILE)), st.sampled_from(["drop", "replace", "add"]), _NAMES, _JSON)


def _mutate(tree: dict[str, Any], place: tuple[str, ...], how: str, name: str, value: Any) -> None:
    """Drop or replace an entry, or add one beside it; nothing where an earlier change has removed its parent."""
    *parents, last = place
    inner: Any = tree
    for key in parents:
        inner = inner.get(key) if isinstance(inner, dict) else None
    if not isinstance(inner, dict):
        return
    if how == "drop":
        inner.pop(last, None)
    else:
        inner[last if how == "replace" else name] = value


def _assert_check_is_clean(path: Path) -> None:
    result = call("check", path)
    if result.exit_code == OK:
        assert result.exception is None and result.stderr == ""
    else:
        assert_one_message(result, BAD_INPUT)


FUZZ = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FUZZ
@example([(("tied", "Utau4_sq", "of"), "replace", "log", [])])
@example([(("tied", "Utau4_sq", "map"), "replace", "log", ["ratio"])])
@example([(("execution", "memory"), "replace", "log", "1e999GiB")])
@example([(("axes", "dm2_41", "log"), "replace", "log", [5e-324, 1e308])])
@given(st.lists(_MUTATION, min_size=1, max_size=3))
def test_a_mutated_file_never_gives_a_traceback(tmp_path: Path, mutations: list[Any]) -> None:
    tree = copy.deepcopy(FILE)
    for mutation in mutations:
        _mutate(tree, *mutation)
    (tmp_path / "scan.yaml").write_text(to_yaml(tree))
    _assert_check_is_clean(tmp_path / "scan.yaml")


TEXT = to_yaml(FILE)


@FUZZ
@given(st.integers(0, len(TEXT)), st.integers(0, 12), st.text(max_size=5) | st.sampled_from(list(":[]{}&*!|>'\"%@`\t")))
def test_a_mangled_file_never_gives_a_traceback(tmp_path: Path, at: int, length: int, inserted: str) -> None:
    (tmp_path / "scan.yaml").write_text(TEXT[:at] + inserted + TEXT[at + length :])
    _assert_check_is_clean(tmp_path / "scan.yaml")


def test_one_error_of_many_writes_is_printed_once(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("asyncio")
    log.error("Future exception was never retrieved", exc_info=OSError(errno.ENOSPC, "No space left on device"))
    assert not caplog.records
    log.error("Future exception was never retrieved", exc_info=ValueError("something else"))
    log.error("another message", exc_info=OSError(errno.ENOSPC, "No space left on device"))
    assert len(caplog.records) == 2
