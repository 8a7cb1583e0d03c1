"""The scan file: its schema, and errors that name the path in it.

Only the form is checked here; whether names, units and ranges fit a model is decided in `scanner.scan`.
"""

from __future__ import annotations

import io
import itertools
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from dask.utils import parse_bytes
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from scanner.errors import InputError, did_you_mean

MAX_AXIS_POINTS = 10**6


def _finite(value: float) -> float:
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError("must be a finite number")
    return value


def _bytes(value: str) -> str:
    if parse_bytes(value) < 2**27:
        raise ValueError("must be at least 128MiB, written like 4GiB")
    return value


Number = Annotated[float, AfterValidator(_finite)]
Ends = Annotated[list[Number], Field(min_length=2, max_length=2)]


class Section(BaseModel):
    """A mapping in a file of ours: no unknown keys, no silent conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class AxisSpec(Section):
    """One axis: exactly one of `log`, `linear` (with `points`) or `values`."""

    log: Ends | None = None
    linear: Ends | None = None
    values: list[Number] | None = None
    points: Annotated[int, Field(ge=1, le=MAX_AXIS_POINTS)] | None = None
    unit: str | None = None

    @model_validator(mode="after")
    def _check(self) -> AxisSpec:
        kinds = [kind for kind in ("log", "linear", "values") if getattr(self, kind) is not None]
        if len(kinds) != 1:
            found = " and ".join(kinds) or "none"
            raise ValueError(f"exactly one of log, linear or values; found {found}")
        if self.values is not None:
            self._check_values(self.values)
        else:
            self._check_range(getattr(self, kinds[0]), kinds[0])
        return self

    def _check_values(self, values: list[float]) -> None:
        if self.points is not None:
            raise ValueError("points goes with log or linear, not with values")
        if not values:
            raise ValueError("values must not be empty")
        if len(values) > MAX_AXIS_POINTS:
            raise ValueError(f"at most {MAX_AXIS_POINTS} values; found {len(values)}")
        for a, b in itertools.pairwise(values):
            if not a < b:
                raise ValueError(f"values must be strictly increasing; found {a:g} before {b:g}")

    def _check_range(self, ends: list[float], kind: str) -> None:
        low, high = ends
        if self.points is None:
            raise ValueError(f"{kind} needs points (how many values, both ends included)")
        if kind == "log" and low <= 0:
            raise ValueError(f"a log axis must stay above 0; found [{low:g}, {high:g}]")
        if not (low < high or (low == high and self.points == 1)):
            raise ValueError(f"{kind}: [low, high] must increase; found [{low:g}, {high:g}]")
        if self.points == 1 and low != high:
            raise ValueError(f"one point cannot include both ends of [{low:g}, {high:g}]; use values: [...]")


class Execution(Section):
    """Where and how a scan runs; no part of the identity of its store."""

    cluster: str = "local"
    workers: Annotated[int, Field(ge=1, le=100_000)] | None = None
    memory: Annotated[str, AfterValidator(_bytes)] = "4GiB"
    block: Literal["auto"] | dict[str, Annotated[int, Field(ge=1)]] = "auto"
    retries: Annotated[int, Field(ge=0, le=100)] = 1

    @property
    def memory_bytes(self) -> int:
        """Memory budget of a worker [bytes]."""
        return int(parse_bytes(self.memory))


class ScanFile(Section):
    """A whole scan file."""

    version: Literal[1]
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")]
    model: str
    fixed: dict[str, Number] = {}
    axes: Annotated[dict[str, AxisSpec], Field(min_length=1)]
    tied: dict[str, dict[str, Any]] = {}
    experiments: Annotated[list[str], Field(min_length=1)]
    outputs: Annotated[list[Literal["chi2", "events", "gof"]], Field(min_length=1)] = ["chi2"]
    dtype: Literal["float32", "float64"] = "float32"
    store: str | None = None
    execution: Execution = Execution()

    @model_validator(mode="after")
    def _check(self) -> ScanFile:
        for name in ("experiments", "outputs"):
            entries = getattr(self, name)
            if len(set(entries)) != len(entries):
                raise ValueError(f"{name} must not name anything twice; found {entries}")
        if "chi2" not in self.outputs:
            raise ValueError(f"outputs must contain chi2; found {list(self.outputs)}")
        return self

    def identity(self) -> dict[str, Any]:
        """What makes two scans the same one: all but the store, the name and the execution."""
        return self.model_dump(exclude={"store", "execution", "name"}, exclude_none=True)


def read_scan_file(source: str | os.PathLike[str] | Mapping[str, Any], settings: tuple[str, ...] = ()) -> ScanFile:
    """Read and check a scan file, or a mapping of the same form.

    Parameters
    ----------
    source
        Path of a YAML 1.2 file, or a mapping.
    settings
        Changes ``path=value``, such as ``axes.dm2.points=50``; the value is YAML.

    Raises
    ------
    InputError
        With the path in the file, the value found and what is allowed.
    """
    raw = dict(source) if isinstance(source, Mapping) else load_yaml(Path(source))
    for setting in settings:
        _set(raw, setting)
    try:
        return ScanFile.model_validate(raw)
    except ValidationError as error:
        raise _first_error(error, ScanFile) from None


def load_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML 1.2 file that must hold a mapping; InputError otherwise."""
    try:
        text = path.read_text()
    except OSError as error:
        raise InputError(str(path), f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(str(path), "is not a text file", allowed="YAML in UTF-8") from None
    data = _parse(text, str(path))
    if not isinstance(data, dict):
        allowed = "a mapping, like 'name: value' on each line"
        raise InputError(str(path), "is not a YAML mapping", data, allowed)
    return data


def to_yaml(data: Mapping[str, Any]) -> str:
    """Return a mapping as YAML text."""
    out = io.StringIO()
    YAML().dump(dict(data), out)
    return out.getvalue()


def _parse(text: str, where: str) -> Any:
    try:
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        problem = (getattr(error, "problem", None) or str(error)).splitlines()[0]
        raise InputError(where, f"is not valid YAML{place}: {problem}") from None


def _set(raw: dict[str, Any], setting: str) -> None:
    path, equals, value = setting.partition("=")
    if not equals or not path:
        raise InputError("--set", "expected path=value", setting, "for example axes.dm2.points=50")
    *parents, last = path.split(".")
    target = raw
    for key in parents:
        child = target.setdefault(key, {})
        if not isinstance(child, dict):
            raise InputError("--set", f"{key!r} in {path!r} is not a mapping", child)
        target[key] = target = dict(child)
    target[last] = _parse(value, "--set")


def validate(section: type[Section], raw: Mapping[str, Any], where: str) -> Any:
    """Check a mapping against another section's schema (cluster files use this)."""
    try:
        return section.model_validate(dict(raw))
    except ValidationError as error:
        raise _first_error(error, section, where) from None


def _first_error(error: ValidationError, root: type[BaseModel], where: str = "") -> InputError:
    """Translate pydantic's first error into one message with path, value and what is allowed."""
    first = error.errors()[0]
    location = tuple(
        str(part) for part in first["loc"] if part != "Literal['auto']" and not str(part).startswith("dict[")
    )
    path = ".".join(x for x in (where, *location) if x) or "scan file"
    if first["type"] == "extra_forbidden":
        known = _fields(root, location[:-1])
        return InputError(
            path,
            f"unknown key {location[-1]!r}",
            allowed=", ".join(known),
            hint=did_you_mean(location[-1], known),
        )
    if first["type"] == "missing":
        return InputError(path, "is missing")
    if first["type"] == "value_error":
        return InputError(path, str(first["ctx"]["error"]))
    message = first["msg"].removeprefix("Input ")
    return InputError(path, message[0].lower() + message[1:], first["input"])


def _fields(root: type[BaseModel], location: tuple[str, ...]) -> list[str]:
    """Names of the fields of the section at a location in the file."""
    section = root
    if location[:1] == ("axes",):
        section = AxisSpec
    elif location[:1] == ("execution",):
        section = Execution
    return list(section.model_fields)
