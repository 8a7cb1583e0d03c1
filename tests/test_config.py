"""The scan file: what is refused, with which message, and what is read as what."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner.config import ScanFile, read_scan_file
from scanner.errors import InputError

CONFIGS = Path(__file__).parents[1] / "configs"
BASE = {
    "version": "1",
    "name": "test",
    "model": "two_flavour",
    "axes": "{dm2: {log: [0.01, 100], points: 5}}",
    "experiments": "[miniboone_fhc]",
}
TOP = "allowed: version, name, model, fixed, axes, tied, experiments, outputs, dtype, reduce, store, execution"
FORMS = "{log: [low, high], points: n}, {linear: [low, high], points: n} or {values: [a, b, ...]}"
MEMORY = "at least 128MiB, written like 4GiB"
BLOCK = "auto, or lengths along axes"


def _text(changes: dict[str, str | None]) -> str:
    """A scan file with some entries replaced (by YAML), or left out where None."""
    entries = {**BASE, **changes}
    return "".join(f"{key}: {value}\n" for key, value in entries.items() if value is not None)


def _read(folder: Path, text: str | bytes, *settings: str) -> ScanFile:
    path = folder / "scan.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read_scan_file(path, settings)


def _refusal(folder: Path, text: str | bytes, *settings: str) -> str:
    with pytest.raises(InputError) as caught:
        _read(folder, text, *settings)
    assert caught.value.exit_status == 2
    return str(caught.value)


def _assert_names(message: str, path: str, fragments: tuple[str, ...]) -> None:
    assert message.startswith(f"{path}: "), message
    for fragment in fragments:
        assert fragment in message


def _axis(text: str) -> dict[str, str | None]:
    return {"axes": f"{{dm2: {text}}}"}


REFUSED = [
    # changes of the file, path in the message, fragments of the message
    ({"colour": "red"}, "colour", ("unknown key 'colour'", TOP)),
    ({"experiment": "[a]"}, "experiment", (TOP, "did you mean 'experiments'?")),
    ({"1": "2"}, "1", ("unknown key 1", TOP)),
    (_axis("{log: [1, 2], pionts: 3}"), "axes.dm2.pionts", ("log, linear, values, points, unit", "mean 'points'?")),
    ({"execution": "{wrokers: 2}"}, "execution.wrokers", ("cluster, workers, memory", "did you mean 'workers'?")),
    ({"version": None}, "version", ("is missing", "allowed: 1")),
    ({"version": "2"}, "version", ("found: 2", "allowed: 1")),
    ({"version": "true"}, "version", ("found: True", "allowed: 1")),
    ({"version": "'1'"}, "version", ("found: '1'", "allowed: 1")),
    ({"name": None}, "name", ("is missing", "letters, digits")),
    ({"name": "3"}, "name", ("should be text", "found: 3", "letters, digits")),
    ({"name": "a/b"}, "name", ("found: 'a/b'", "letters, digits")),
    ({"name": "''"}, "name", ("found: ''", "letters, digits")),
    ({"model": None}, "model", ("is missing", "scanner list models")),
    ({"model": "[two_flavour]"}, "model", ("should be text", "scanner list models")),
    ({"fixed": "[]"}, "fixed", ("should be a mapping", "parameter: number")),
    ({"fixed": "{dm2: [1]}"}, "fixed.dm2", ("should be a number", "found: [1]")),
    ({"fixed": "{dm2: .inf}"}, "fixed.dm2", ("must be a finite number", "found: inf")),
    ({"fixed": "{dm2: .nan}"}, "fixed.dm2", ("must be a finite number", "found: nan")),
    ({"fixed": "{1: 2}"}, "fixed", ("a name that is not text", "found: 1")),
    ({"axes": None}, "axes", ("is missing", "at least one axis")),
    ({"axes": "{}"}, "axes", ("at least 1 entry", "found: {}", "at least one axis")),
    ({"axes": ""}, "axes", ("should be a mapping", "at least one axis")),
    ({"axes": "[dm2]"}, "axes", ("should be a mapping", "found: ['dm2']", "at least one axis")),
    (_axis("3"), "axes.dm2", ("should be a mapping", "found: 3", FORMS)),
    (_axis("{}"), "axes.dm2", ("exactly one of log, linear or values; found none", FORMS)),
    (_axis("{points: 3}"), "axes.dm2", ("exactly one of log, linear or values; found none", FORMS)),
    (_axis("{log: [1, 2], linear: [1, 2], points: 3}"), "axes.dm2", ("found log and linear", FORMS)),
    (_axis("{log: [1, 2], values: [1, 2]}"), "axes.dm2", ("found log and values", FORMS)),
    (_axis("{linear: [1, 2], values: [1, 2]}"), "axes.dm2", ("found linear and values", FORMS)),
    (_axis("{values: [3, 2]}"), "axes.dm2", ("strictly increasing; found 3 before 2", FORMS)),
    (_axis("{values: [1, 2, 2]}"), "axes.dm2", ("strictly increasing; found 2 before 2", FORMS)),
    (_axis("{values: []}"), "axes.dm2", ("values must not be empty", FORMS)),
    (_axis("{values: 3}"), "axes.dm2.values", ("should be a list", "found: 3", "strictly increasing")),
    (_axis("{values: [1, .nan]}"), "axes.dm2.values[1]", ("must be a finite number", "found: nan")),
    (_axis("{values: [1, .inf]}"), "axes.dm2.values[1]", ("must be a finite number", "found: inf")),
    (_axis("{values: [-.inf, 1]}"), "axes.dm2.values[0]", ("must be a finite number", "found: -inf")),
    (_axis("{values: [1, 1e999]}"), "axes.dm2.values[1]", ("must be a finite number", "found: inf")),
    (_axis(f"{{values: [1, 1{'0' * 400}]}}"), "axes.dm2.values[1]", ("should be a number",)),
    (_axis("{values: [true, 2]}"), "axes.dm2.values[0]", ("should be a number", "found: True")),
    (_axis("{values: [1, b]}"), "axes.dm2.values[1]", ("should be a number", "found: 'b'")),
    (_axis("{values: [1, 2], points: 2}"), "axes.dm2", ("points goes with log or linear", FORMS)),
    (_axis("{log: [0, 1], points: 3}"), "axes.dm2", ("must stay above 0; found [0, 1]", FORMS)),
    (_axis("{log: [-1, 1], points: 3}"), "axes.dm2", ("must stay above 0; found [-1, 1]", FORMS)),
    (_axis("{log: [2, 1], points: 3}"), "axes.dm2", ("must increase; found [2, 1]", FORMS)),
    (_axis("{linear: [1, 1], points: 3}"), "axes.dm2", ("must increase; found [1, 1]", FORMS)),
    (_axis("{linear: [1, 2], points: 1}"), "axes.dm2", ("one point cannot include both ends", FORMS)),
    (_axis("{log: [1], points: 3}"), "axes.dm2.log", ("at least 2 entries", "found: [1]", "[low, high]")),
    (_axis("{log: [1, 2, 3], points: 3}"), "axes.dm2.log", ("at most 2 entries", "[low, high]")),
    (_axis("{log: [.nan, 2], points: 3}"), "axes.dm2.log[0]", ("must be a finite number", "found: nan")),
    (_axis("{linear: [1, .inf], points: 3}"), "axes.dm2.linear[1]", ("must be a finite number", "found: inf")),
    (_axis("{linear: ['1', 2], points: 3}"), "axes.dm2.linear[0]", ("should be a number", "found: '1'")),
    (_axis("{linear: [false, 2], points: 3}"), "axes.dm2.linear[0]", ("should be a number", "found: False")),
    (_axis("{linear: 3, points: 3}"), "axes.dm2.linear", ("should be a list", "[low, high]")),
    (_axis("{log: [1, 2]}"), "axes.dm2", ("log needs points", FORMS)),
    (_axis("{log: [1, 2], points: 0}"), "axes.dm2.points", ("found: 0", "from 1 to 1000000")),
    (_axis("{log: [1, 2], points: -3}"), "axes.dm2.points", ("found: -3", "from 1 to 1000000")),
    (_axis("{log: [1, 2], points: 1000001}"), "axes.dm2.points", ("found: 1000001", "from 1 to 1000000")),
    (_axis("{log: [1, 2], points: 2.5}"), "axes.dm2.points", ("whole number", "found: 2.5")),
    (_axis("{log: [1, 2], points: true}"), "axes.dm2.points", ("whole number", "found: True")),
    (_axis("{log: [1, 2], points: '3'}"), "axes.dm2.points", ("whole number", "found: '3'")),
    (_axis("{values: [1], unit: 1}"), "axes.dm2.unit", ("should be text", "in quotes, for a pure number")),
    ({"tied": "3"}, "tied", ("should be a mapping", "such as m5: {map: ratio")),
    ({"tied": "{dm2: ratio}"}, "tied.dm2", ("should be a mapping", "such as m5: {map: ratio")),
    ({"experiments": None}, "experiments", ("is missing", "scanner list experiments")),
    ({"experiments": "[]"}, "experiments", ("at least 1 entry", "scanner list experiments")),
    ({"experiments": "miniboone_fhc"}, "experiments", ("should be a list", "such as [miniboone_fhc]")),
    ({"experiments": "[a, 3]"}, "experiments[1]", ("should be text", "found: 3")),
    ({"experiments": "[a, b, a]"}, "experiments", ("must not name anything twice", "['a', 'b', 'a']")),
    ({"outputs": "[]"}, "outputs", ("at least 1 entry", "[chi2]")),
    ({"outputs": "[events]"}, "outputs", ("must contain chi2", "found: ['events']")),
    ({"outputs": "[chi2, chi2]"}, "outputs", ("must not name anything twice", "['chi2', 'chi2']")),
    ({"outputs": "[chi2, evnts]"}, "outputs[1]", ("found: 'evnts'", "'chi2', 'events' or 'gof'")),
    ({"outputs": "chi2"}, "outputs", ("should be a list", "found: 'chi2'")),
    ({"dtype": "float16"}, "dtype", ("found: 'float16'", "float32 or float64")),
    ({"store": "3"}, "store", ("should be text", "a path or URL")),
    ({"store": "''"}, "store", ("should not be empty", "a path or URL")),
    ({"store": '"a\\0b"'}, "store", ("null byte", "a path or URL")),
    ({"store": "~no-such-user-here/x"}, "store", ("not a path", "a path or URL")),
    ({"store": "a" * 5000}, "store", ("not a path", "too long", "a path or URL")),
    ({"execution": "serial"}, "execution", ("should be a mapping", "cluster, workers, memory, block, retries")),
    ({"execution": "{cluster: 3}"}, "execution.cluster", ("should be text", "found: 3")),
    ({"execution": "{workers: 0}"}, "execution.workers", ("greater than or equal to 1", "found: 0")),
    ({"execution": "{workers: true}"}, "execution.workers", ("whole number", "found: True")),
    ({"execution": "{memory: 4}"}, "execution.memory", ("should be text", MEMORY)),
    ({"execution": "{memory: lots}"}, "execution.memory", ("found: 'lots'", MEMORY)),
    ({"execution": "{memory: 4 XB}"}, "execution.memory", ("found: '4 XB'", MEMORY)),
    ({"execution": "{memory: 1e999GiB}"}, "execution.memory", ("found: '1e999GiB'", MEMORY)),
    ({"execution": "{memory: 127MiB}"}, "execution.memory", ("too little", "found: '127MiB'", MEMORY)),
    ({"execution": "{memory: -4GiB}"}, "execution.memory", ("found: '-4GiB'", MEMORY)),
    ({"execution": "{block: automatic}"}, "execution.block", ("found: 'automatic'", BLOCK)),
    ({"execution": "{block: 64}"}, "execution.block", ("found: 64", BLOCK)),
    ({"execution": "{block: {dm2: 0}}"}, "execution.block.dm2", ("found: 0", BLOCK)),
    ({"execution": "{block: {dm2: a}}"}, "execution.block.dm2", ("whole number", "found: 'a'", BLOCK)),
    ({"execution": "{retries: -1}"}, "execution.retries", ("greater than or equal to 0", "found: -1")),
]


@pytest.mark.parametrize(("changes", "path", "fragments"), REFUSED)
def test_refusal_names_the_path_and_what_is_allowed(
    tmp_path: Path, changes: dict[str, str | None], path: str, fragments: tuple[str, ...]
) -> None:
    _assert_names(_refusal(tmp_path, _text(changes)), path, fragments)


NO_YAML = [
    ("a: [1", "is not valid YAML at line 1"),
    ("a: 1\n\tb: 2\n", "is not valid YAML at line 2"),
    (_text({}) + "name: again\n", 'found duplicate key "name"'),
    ("a: 1\n---\nb: 2\n", "is not valid YAML at line 2"),
    ("when: 2001-13-40", "month must be in 1..12"),
    ("a: !!int x", "is not valid YAML"),
    ("a: !!python/name:os.system x", "is not valid YAML"),
    ('a: "\0"', "is not valid YAML"),
    ("[" * 5000, "nested too deeply"),
    (b"\x80\x81\xff", "is not a text file"),
    (_text({}).encode("utf-16"), "is not a text file"),
    ("", "is not a YAML mapping"),
    ("- version\n- name\n", "is not a YAML mapping"),
    ("just words", "is not a YAML mapping"),
]


@pytest.mark.parametrize(("text", "fragment"), NO_YAML)
def test_a_file_that_is_no_yaml_mapping(tmp_path: Path, text: str | bytes, fragment: str) -> None:
    _assert_names(_refusal(tmp_path, text), str(tmp_path / "scan.yaml"), (fragment,))


def test_a_mapping_is_asked_for(tmp_path: Path) -> None:
    assert "allowed: a mapping, like 'name: value' on each line" in _refusal(tmp_path, "- a")


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_a_file_that_cannot_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot be read") as caught:
        read_scan_file(tmp_path / name)
    assert str(tmp_path) in str(caught.value)


BAD_SETTINGS = [
    ("axes", "--set", "expected path=value"),
    ("=3", "--set", "expected path=value"),
    ("axes.dm2.points=[", "--set", "is not valid YAML"),
    ("name.first=3", "--set", "'name' in 'name.first' is not a mapping"),
    ("axes.dm2.points=none", "axes.dm2.points", "whole number"),
    ("axes.dm2.pionts=3", "axes.dm2.pionts", "did you mean 'points'?"),
    ("execution.block.dm2=0", "execution.block.dm2", "greater than or equal to 1"),
]


@pytest.mark.parametrize(("setting", "path", "fragment"), BAD_SETTINGS)
def test_a_setting_that_is_refused(tmp_path: Path, setting: str, path: str, fragment: str) -> None:
    _assert_names(_refusal(tmp_path, _text({}), setting), path, (fragment,))


def test_settings_change_and_add_entries(tmp_path: Path) -> None:
    settings = ("axes.dm2.points=7", "execution.workers=3", "fixed={sin2_2theta: 1e-3}", "axes.new.values=[1, 2]")
    file = _read(tmp_path, _text({}), *settings)
    assert file.axes["dm2"].points == 7
    assert file.axes["dm2"].log == [0.01, 100]
    assert file.axes["new"].values == [1, 2]
    assert file.execution.workers == 3
    assert file.fixed == {"sin2_2theta": 1e-3}


def test_settings_leave_a_given_mapping_alone() -> None:
    given = {"version": 1, "name": "a", "model": "m", "axes": {"x": {"values": [1]}}, "experiments": ["e"]}
    assert read_scan_file(given, ("axes.x.values=[2]",)).axes["x"].values == [2]
    assert given["axes"] == {"x": {"values": [1]}}


NUMBERS = {"1e-4": 1e-4, "3.0e-4": 3e-4, "1E5": 1e5, "+1e3": 1e3, "-2": -2.0, ".5": 0.5, "7": 7.0, "1.e2": 100.0}


@pytest.mark.parametrize(("written", "value"), NUMBERS.items())
def test_numbers(tmp_path: Path, written: str, value: float) -> None:
    assert _read(tmp_path, _text({"fixed": f"{{a: {written}}}"})).fixed["a"] == value
    assert _read(tmp_path, _text({"axes": f"{{x: {{values: [{written}]}}}}"})).axes["x"].values == [value]


def test_defaults(tmp_path: Path) -> None:
    file = _read(tmp_path, _text({}))
    assert file.fixed == {} and file.tied == {} and file.outputs == ["chi2"] and file.dtype == "float32"
    assert file.store is None
    assert file.execution.cluster == "local" and file.execution.block == "auto"
    assert file.execution.memory_bytes == 4 * 2**30


def test_a_byte_order_mark_is_no_matter(tmp_path: Path) -> None:
    assert _read(tmp_path, b"\xef\xbb\xbf" + _text({}).encode()).name == "test"


@pytest.mark.parametrize("change", [{"store": "a"}, {"execution": "{workers: 7}"}, {"name": "b"}])
def test_what_is_no_part_of_the_identity(tmp_path: Path, change: dict[str, str | None]) -> None:
    assert _read(tmp_path, _text(change)).identity() == _read(tmp_path, _text({})).identity()


IDENTITY = [
    {"model": "other"},
    {"fixed": "{a: 1}"},
    {"tied": "{a: {map: ratio, of: b, factor: 2}}"},
    {"axes": "{dm2: {log: [0.01, 100], points: 6}}"},
    {"experiments": "[miniboone_rhc]"},
    {"outputs": "[chi2, gof]"},
    {"dtype": "float64"},
]


@pytest.mark.parametrize("change", IDENTITY)
def test_what_is_part_of_the_identity(tmp_path: Path, change: dict[str, str | None]) -> None:
    assert _read(tmp_path, _text(change)).identity() != _read(tmp_path, _text({})).identity()


def test_the_shipped_file_reads_as_written() -> None:
    file = read_scan_file(CONFIGS / "miniboone_2flavour.yaml")
    assert file.axes["dm2"].log == [0.01, 100] and file.axes["dm2"].unit == "eV^2"
    assert file.axes["sin2_2theta"].log == [3e-4, 1]
    assert (file.execution.cluster, file.execution.workers) == ("local", 2)
