"""The command line: what each command prints, and how it ends."""

from __future__ import annotations

import copy
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

import scanner
from scanner import worker
from scanner.cli import app
from scanner.config import to_yaml
from scanner.lock import DriverLock

CONFIGS = sorted((Path(__file__).parents[1] / "configs").glob("*.yaml"))
FILE: dict[str, Any] = {
    "version": 1,
    "name": "tiny",
    "model": "sterile_3p1",
    "fixed": {"Umu4_sq": 0.01},
    "axes": {
        "dm2_41": {"log": [0.1, 10], "points": 5, "unit": "eV^2"},
        "Ue4_sq": {"values": [0.001, 0.01, 0.1]},
    },
    "tied": {"Utau4_sq": {"map": "ratio", "of": "Ue4_sq", "factor": 0.5}},
    "experiments": ["miniboone_fhc", "miniboone_rhc"],
    "outputs": ["chi2", "events"],
    "dtype": "float64",
    "store": "tiny.zarr",
    "execution": {"cluster": "serial", "workers": 1, "memory": "1GiB", "block": {"dm2_41": 2}},
}
OK, BAD_INPUT, FAILED_BLOCKS, REFUSED, INTERRUPTED = 0, 2, 3, 4, 130


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Work in an empty folder, and give back the signal handler that `scanner run` takes."""
    monkeypatch.chdir(tmp_path)
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def _call(*arguments: object) -> Result:
    """Run a command in this process."""
    return CliRunner(env={"COLUMNS": "300"}).invoke(app, [str(a) for a in arguments])


def _write(folder: Path, **changes: Any) -> Path:
    """Write the scan file with some entries replaced, or left out where None."""
    entries = {key: value for key, value in {**FILE, **changes}.items() if value is not None}
    path = folder / "scan.yaml"
    path.write_text(to_yaml(entries))
    return path


def _assert_one_message(result: Result, exit_status: int) -> None:
    """One message on stderr, nothing on stdout, no traceback, and that exit status."""
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == exit_status, result.output
    assert result.stderr.strip().startswith("scanner: ")
    assert result.stderr.count("scanner: ") == 1
    assert "Traceback" not in result.output
    assert result.stdout == ""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a scan file and its complete store; tests must not change it."""
    folder = tmp_path_factory.mktemp("finished")
    before = signal.getsignal(signal.SIGTERM)
    result = _call("run", _write(folder), "-o", folder / "tiny.zarr")
    signal.signal(signal.SIGTERM, before)
    assert result.exit_code == OK, result.output
    return folder


# --- bad input ---------------------------------------------------------------------------------------------

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
    _assert_one_message(_call(command, _write(tmp_path, **BAD_FILES[case])), BAD_INPUT)
    assert [path.name for path in tmp_path.iterdir()] == ["scan.yaml"]


@pytest.mark.parametrize("command", ["check", "run"])
def test_a_file_without_a_store(tmp_path: Path, command: str) -> None:
    result = _call(command, _write(tmp_path, store=None))
    _assert_one_message(result, BAD_INPUT)
    assert "store: is missing" in result.stderr and "-o/--out" in result.stderr


@pytest.mark.parametrize("content", [b"a: [", b"- a", b"", b"\xff\x80", b"a: 1\na: 2", b"when: 2001-99-99"])
def test_no_yaml_mapping_is_one_message(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "scan.yaml"
    path.write_bytes(content)
    _assert_one_message(_call("check", path), BAD_INPUT)


def test_a_missing_file_is_one_message(tmp_path: Path) -> None:
    _assert_one_message(_call("check", tmp_path / "none.yaml"), BAD_INPUT)
    _assert_one_message(_call("check", tmp_path), BAD_INPUT)


def _subprocess(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "scanner.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_the_process_ends_with_the_status_and_one_message(tmp_path: Path) -> None:
    done = _subprocess("check", _write(tmp_path, model="two_flavor"))
    assert (done.returncode, done.stdout) == (BAD_INPUT, "")
    assert done.stderr == (
        "scanner: model: unknown model 'two_flavor'\n"
        "  allowed: sterile_3p1, two_flavour\n"
        "  did you mean 'two_flavour'?\n"
    )


@pytest.mark.parametrize("arguments", [("frobnicate",), ("check",), ("run", "a", "b"), ("status", "--jsn", "a")])
def test_wrong_usage(arguments: tuple[str, ...]) -> None:
    result = _call(*arguments)
    assert result.exit_code == BAD_INPUT
    assert "Usage: " in result.stderr and "Traceback" not in result.output


def test_no_command_shows_the_commands() -> None:
    result = _call()
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
    result = _call(command, _write(tmp_path, store=str(read_only / inner)))
    _assert_one_message(result, BAD_INPUT)
    assert "store: cannot be written there" in result.stderr
    assert str(read_only) in result.stderr


@pytest.mark.parametrize("inner", ["", "/tiny.zarr", "/a/tiny.zarr"])
def test_a_store_that_is_or_goes_through_a_file(tmp_path: Path, inner: str) -> None:
    (tmp_path / "note.txt").write_text("mine")
    result = _call("check", _write(tmp_path, store=str(tmp_path / "note.txt") + inner))
    _assert_one_message(result, BAD_INPUT)
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
    result = _call("check", path)
    if result.exit_code == OK:
        assert result.exception is None and result.stderr == ""
    else:
        _assert_one_message(result, BAD_INPUT)


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


# --- check, plan, predict, list, show -------------------------------------------------------------------------


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_the_shipped_files_are_good(path: Path) -> None:
    result = _call("check", path)
    assert result.exit_code == OK, result.output
    assert "points on" in result.stdout and result.stderr == ""


def test_check_does_nothing_else(tmp_path: Path) -> None:
    assert _call("check", _write(tmp_path)).exit_code == OK
    assert [path.name for path in tmp_path.iterdir()] == ["scan.yaml"]


def test_a_path_is_printed_as_it_is(tmp_path: Path) -> None:
    """Not taken for rich's markup, which would swallow the brackets or fail on them."""
    path = _write(tmp_path).rename(tmp_path / "[bold]a[.yaml")
    (tmp_path / "[").mkdir()
    assert str(path) in _call("check", path).stdout
    result = _call("check", tmp_path / "[/a].yaml")
    _assert_one_message(result, BAD_INPUT)
    assert "[/a].yaml: cannot be read" in result.stderr


def test_settings_change_the_file(tmp_path: Path) -> None:
    path = _write(tmp_path)
    assert "15 points on dm2_41 × Ue4_sq, 2 experiment(s)" in _call("check", path).stdout
    changed = _call("check", path, "--set", "axes.dm2_41.points=7", "--set", "experiments=[miniboone]")
    assert "21 points on dm2_41 × Ue4_sq, 1 experiment(s)" in changed.stdout
    _assert_one_message(_call("check", path, "--set", "axes.dm2_41.points=none"), BAD_INPUT)
    _assert_one_message(_call("check", path, "--set", "nonsense"), BAD_INPUT)


def test_plan_as_json(tmp_path: Path) -> None:
    found = json.loads(_call("plan", _write(tmp_path), "--json").stdout)
    assert found["points"] == 15
    assert found["blocks"] == {"number": 3, "shapes": [[2, 3]]}
    tables = {table["path"].split("/")[0]: table for table in found["tables"]}
    assert set(tables) == {"miniboone_fhc", "miniboone_rhc"}
    assert all(t["axes"] == ["dm2_41"] and t["nodes"] == 5 and t["bytes"] > 5 * 8 for t in tables.values())
    assert found["worker_bytes"] > 2**20 and found["disk_bytes"] >= 15 * 2 * (2 * 8 + 1) and found["core_hours"] > 0
    assert [path.name for path in tmp_path.iterdir()] == ["scan.yaml"]


def test_plan_in_words(tmp_path: Path) -> None:
    text = _call("plan", _write(tmp_path)).stdout
    for word in ("points            15", "tables            2", "blocks            3", "memory", "disk", "core-hours"):
        assert word in text


POINT = {"dm2_41": 1.3, "Ue4_sq": 0.01, "Umu4_sq": 0.02}
VALUES = [f"{name}={value}" for name, value in POINT.items()]


def test_predict_as_json() -> None:
    found = json.loads(_call("predict", "sterile_3p1", "miniboone_fhc", *VALUES, "--json").stdout)
    expected = scanner.predict("sterile_3p1", "miniboone_fhc", **POINT)
    for name in ("signal", "background", "data", "chi2"):
        np.testing.assert_array_equal(found[name], expected[name].values)
    assert found["status"] == "ok"
    assert found["attributes"]["parameters"]["dm2_41"] == 1.3


def test_predict_outside_the_model_is_valid_json() -> None:
    result = _call("predict", "sterile_3p1", "miniboone_fhc", "Ue4_sq=0.9", "Umu4_sq=0.9", "--json")
    found = json.loads(result.stdout, parse_constant=pytest.fail)
    assert (found["status"], found["chi2"], set(found["signal"])) == ("outside_model", None, {None})


def test_predict_in_words() -> None:
    text = _call("predict", "sterile_3p1", "miniboone_fhc", *VALUES).stdout
    expected = scanner.predict("sterile_3p1", "miniboone_fhc", **POINT)
    assert f"chi2 (-2 ln L) = {float(expected['chi2']):.4f}" in text and "status ok" in text


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["sterile_3p2", "miniboone"], "did you mean 'sterile_3p1'?"),
        (["sterile_3p1", "minibone"], "did you mean 'miniboone'?"),
        (["sterile_3p1", "miniboone", "dm2=1"], "did you mean 'dm2_41'?"),
        (["sterile_3p1", "miniboone", "dm2_41"], "expected name=value"),
        (["sterile_3p1", "miniboone", "dm2_41=one"], "expected name=value"),
        (["sterile_3p1", "miniboone", "dm2_41=-1"], "allowed: 0 to 1e+06 eV^2"),
        (["sterile_3p1", "miniboone", "dm2_41=nan"], "allowed: 0 to 1e+06 eV^2"),
        (["sterile_3p1", "miniboone", "model=1"], "unknown parameter 'model'"),
    ],
)
def test_predict_refuses(arguments: list[str], fragment: str) -> None:
    result = _call("predict", *arguments)
    _assert_one_message(result, BAD_INPUT)
    assert fragment in result.stderr


def test_list_models_and_experiments() -> None:
    models, experiments = _call("list", "models").stdout, _call("list", "experiments").stdout
    assert "two_flavour" in models and "sterile_3p1" in models and "miniboone" not in models
    assert all(name in experiments for name in ("miniboone_fhc", "miniboone_rhc", "electron-like"))
    result = _call("list", "model")
    _assert_one_message(result, BAD_INPUT)
    assert "did you mean 'models'?" in result.stderr


def test_show_a_model() -> None:
    text = _call("show", "sterile_3p1").stdout
    for word in ("dm2_41", "eV^2", "0 to 1e+06 eV^2", "0.304", "unitarity", "oscillation", "JHEP 08 (2018) 010"):
        assert word in text


def test_show_an_experiment() -> None:
    text = _call("show", "miniboone").stdout
    for word in ("ln det M", "number of data: 38", "miniboone_2020_rhc", "note: ", "Phys. Rev. D 103"):
        assert word in text


@pytest.mark.parametrize("name", ["sterile_3p1", "miniboone_rhc"])
def test_show_bibtex(name: str) -> None:
    text = _call("show", name, "--bibtex").stdout
    assert text.startswith("@article{") and text.count("{") == text.count("}")
    assert 'doi = "10.' in text and 'archivePrefix = "arXiv"' in text


def test_show_refuses_an_unknown_name() -> None:
    result = _call("show", "sterile")
    _assert_one_message(result, BAD_INPUT)
    assert "miniboone_fhc" in result.stderr and "two_flavour" in result.stderr


# --- run and status -------------------------------------------------------------------------------------------


def _contents(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Time of change and contents of every file, except for those of a driver."""
    files = [p for p in folder.rglob("*") if p.is_file() and not p.name.startswith("driver.")]
    return {str(p.relative_to(folder)): (p.stat().st_mtime_ns, p.read_bytes()) for p in files}


def _results(store: Path) -> dict[str, tuple[int, bytes]]:
    """What `_contents` gives, without the ledger: a driver writes that whenever it ends."""
    return {name: content for name, content in _contents(store).items() if not name.startswith("ledger")}


def test_status_as_json(finished: Path) -> None:
    found = json.loads(_call("status", finished / "tiny.zarr", "--json").stdout)
    assert (found["blocks"], found["done"], found["failed"], found["complete"]) == (3, 3, 0, True)
    assert found["points"] == 15
    assert found["statuses"] == {"ok": 30}
    assert [(e["blocks"], e["done"], e["failed"]) for e in found["elements"]] == [(3, 3, 0)]
    assert "numba" in found["provenance"]["environment"]["versions"]


def test_status_in_words(finished: Path) -> None:
    text = _call("status", finished / "tiny.zarr").stdout
    assert "tiny: 3 of 3 blocks done, 0 failed, 15 points, complete" in text
    assert "ok 30" in text and "run 1: " in text


def test_the_results_are_those_of_single_predictions(finished: Path) -> None:
    cube = scanner.open(str(finished / "tiny.zarr"))
    point = {"dm2_41": 10.0, "Ue4_sq": 0.1, "Umu4_sq": 0.01, "Utau4_sq": 0.05}
    for name in FILE["experiments"]:
        expected = float(scanner.predict("sterile_3p1", name, **point)["chi2"])
        assert float(cube["chi2"].sel(experiment=name)[-1, -1]) == expected


def test_a_complete_store_is_left_as_it_is(finished: Path) -> None:
    before = _results(finished / "tiny.zarr")
    result = _call("run", finished / "scan.yaml", "-o", finished / "tiny.zarr")
    assert result.exit_code == OK
    assert "all 3 blocks are done" in result.stderr and "Best fit" in result.stdout
    assert _results(finished / "tiny.zarr") == before


def test_execution_and_name_are_no_part_of_the_identity(finished: Path) -> None:
    changes = ("--set", "execution.block=auto", "--set", "name=other", "--set", "execution.workers=2")
    assert _call("run", finished / "scan.yaml", "-o", finished / "tiny.zarr", *changes).exit_code == OK


DIFFERENT = [
    ("fixed.Umu4_sq=0.02", "fixed.Umu4_sq: the store has 0.01, the scan file 0.02"),
    ("axes.dm2_41.points=6", "axes.dm2_41.points: the store has 5, the scan file 6"),
    ("dtype=float32", "dtype: the store has float64, the scan file float32"),
    ("tied={}", "tied.Utau4_sq"),
]


@pytest.mark.parametrize(("setting", "fragment"), DIFFERENT)
def test_another_identity_is_refused_saying_what_differs(finished: Path, setting: str, fragment: str) -> None:
    before = _contents(finished / "tiny.zarr")
    result = _call("run", finished / "scan.yaml", "-o", finished / "tiny.zarr", "--set", setting)
    _assert_one_message(result, REFUSED)
    assert fragment in result.stderr and "--fresh" in result.stderr
    assert _contents(finished / "tiny.zarr") == before


def test_fresh_replaces_a_store(tmp_path: Path) -> None:
    path = _write(tmp_path, axes={"dm2_41": {"values": [1.0]}}, execution={"cluster": "serial"}, tied={})
    assert _call("run", path).exit_code == OK
    assert _call("run", path, "--fresh", "--set", "axes.dm2_41.values=[2.0, 3.0]").exit_code == OK
    np.testing.assert_array_equal(scanner.open(str(tmp_path / "tiny.zarr"))["dm2_41"], [2.0, 3.0])


def _foreign(folder: Path, kind: str) -> Path:
    """A folder that is not ours: with a note in it, or a zarr group of somebody else's."""
    foreign = folder / "foreign"
    foreign.mkdir()
    if kind == "zarr":
        (foreign / "zarr.json").write_text('{"zarr_format": 3, "node_type": "group", "attributes": {"mine": 1}}')
        (foreign / "data").mkdir()
    (foreign / "genome.txt").write_text("not to be lost")
    return foreign


@pytest.mark.parametrize("option", [(), ("--fresh",)])
@pytest.mark.parametrize("kind", ["note", "zarr"])
def test_a_foreign_folder_is_refused_and_kept(tmp_path: Path, kind: str, option: tuple[str, ...]) -> None:
    foreign = _foreign(tmp_path, kind)
    before = _contents(foreign)
    _assert_one_message(_call("run", _write(tmp_path), "-o", foreign, *option), REFUSED)
    assert _contents(foreign) == before


def test_an_empty_folder_may_become_a_store(tmp_path: Path) -> None:
    (tmp_path / "tiny.zarr").mkdir()
    assert _call("run", _write(tmp_path)).exit_code == OK
    assert json.loads(_call("status", tmp_path / "tiny.zarr", "--json").stdout)["complete"]


def test_a_store_in_use_is_refused(tmp_path: Path) -> None:
    with DriverLock(str(tmp_path / "tiny.zarr")):
        result = _call("run", _write(tmp_path))
    _assert_one_message(result, REFUSED)
    assert "in use by another driver" in result.stderr


@pytest.mark.parametrize("command", [("status",), ("plot", "--x", "a", "--y", "b", "-o", "a.png")])
def test_no_store(tmp_path: Path, command: tuple[str, ...]) -> None:
    _assert_one_message(_call(*command, tmp_path / "none.zarr"), REFUSED)


def test_an_unknown_cluster_is_refused(tmp_path: Path) -> None:
    result = _call("run", _write(tmp_path), "--cluster", "slrm")
    assert result.exit_code == BAD_INPUT
    assert "scanner: --cluster: no cluster file named 'slrm'" in result.stderr
    assert "did you mean 'slurm'?" in result.stderr and "Traceback" not in result.stderr


def test_failed_blocks_end_with_their_status_and_the_traceback_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise ZeroDivisionError("a block that fails")

    monkeypatch.setattr(worker, "evaluate", fail)
    result = _call("run", _write(tmp_path))
    assert result.exit_code == FAILED_BLOCKS
    assert "scanner: 3 block(s) failed" in result.stderr and "Traceback" not in result.stderr
    found = json.loads(_call("status", tmp_path / "tiny.zarr", "--json").stdout)
    assert (found["done"], found["failed"], found["complete"]) == (0, 3, False)
    assert "ZeroDivisionError: a block that fails" in found["failures"]["0"]
    assert "a block that fails" in _call("status", tmp_path / "tiny.zarr").stdout


def test_an_interrupted_run_says_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = iter(range(100))
    known = worker.evaluate

    def interrupt(*arguments: Any) -> Any:
        if next(calls) == 1:
            raise KeyboardInterrupt
        return known(*arguments)

    monkeypatch.setattr(worker, "evaluate", interrupt)
    result = _call("run", _write(tmp_path))
    assert result.exit_code == INTERRUPTED
    assert "tiny.zarr, the same command goes on" in result.stderr
    assert json.loads(_call("status", tmp_path / "tiny.zarr", "--json").stdout)["done"] == 1
    assert "resuming: 1 of 3 blocks are done" in _call("run", _write(tmp_path)).stderr


# --- plot -----------------------------------------------------------------------------------------------------

AXES = ("--x", "dm2_41", "--y", "Ue4_sq")
ONE = ("--experiment", "miniboone_fhc")


@pytest.mark.parametrize(("name", "start"), [("a.png", b"\x89PNG"), ("new/a.pdf", b"%PDF")])
def test_plot(finished: Path, tmp_path: Path, name: str, start: bytes) -> None:
    result = _call("plot", finished / "tiny.zarr", *AXES, *ONE, "--cl", "0.9", "-o", tmp_path / name)
    assert result.exit_code == OK, result.output
    assert (tmp_path / name).read_bytes().startswith(start)
    chi2 = scanner.open(str(finished / "tiny.zarr"))["chi2"].sel(experiment="miniboone_fhc").compute()
    best = {str(k): float(chi2[k][i]) for k, i in chi2.argmin(...).items()}
    assert f"best fit dm2_41 = {best['dm2_41']:.4g}, Ue4_sq = {best['Ue4_sq']:.4g}" in result.stdout


BAD_PLOTS = [
    (("--x", "dm2_14", "--y", "Ue4_sq"), "did you mean 'dm2_41'?"),
    (("--x", "dm2_41", "--y", "Umu4_sq"), "allowed: dm2_41, Ue4_sq"),
    (("--x", "dm2_41", "--y", "dm2_41"), "must differ"),
    ((*AXES, "--at", "Ue4_sq"), "expected name=value"),
    ((*AXES, "--at", "Ue4_sq=x"), "expected name=value"),
    ((*AXES, "--at", "Ue4_sq=0.01"), "is an axis of the plot"),
    ((*AXES, "--at", "Umu4_sq=0.01"), "'Umu4_sq' is not an axis left to choose"),
    ((*AXES, "--cl", "90"), "between 0 and 1"),
    ((*AXES, "--cl", "nan"), "between 0 and 1"),
    ((*AXES, "--experiment", "miniboone"), "not in this cube: 'miniboone'"),
]


@pytest.mark.parametrize(("arguments", "fragment"), BAD_PLOTS)
def test_plot_refuses(finished: Path, tmp_path: Path, arguments: tuple[str, ...], fragment: str) -> None:
    result = _call("plot", finished / "tiny.zarr", *arguments, "-o", tmp_path / "a.png")
    _assert_one_message(result, BAD_INPUT)
    assert fragment in result.stderr
    assert not (tmp_path / "a.png").exists()


@pytest.mark.parametrize("name", ["a.gif", "a", "note.txt/a.png"])
def test_plot_refuses_the_figure(finished: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "note.txt").write_text("mine")
    result = _call("plot", finished / "tiny.zarr", *AXES, "-o", tmp_path / name)
    _assert_one_message(result, BAD_INPUT)
    assert "--output: " in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def test_plot_refuses_a_value_outside_the_axis(tmp_path: Path) -> None:
    path = _write(tmp_path, axes={**FILE["axes"], "Umu4_sq": {"values": [0.001, 0.01]}}, fixed={})
    assert _call("run", path).exit_code == OK
    result = _call("plot", "tiny.zarr", *AXES, *ONE, "--at", "Umu4_sq=0.1", "-o", "a.png")
    _assert_one_message(result, BAD_INPUT)
    assert "--at Umu4_sq" in result.stderr and "0.001 to 0.01" in result.stderr
    assert _call("plot", "tiny.zarr", *AXES, *ONE, "--at", "Umu4_sq=0.002", "-o", "a.png").exit_code == OK
