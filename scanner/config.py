"""The scan file: its schema, and errors that name the path in it.

Only the form is checked here; whether names, units and ranges fit a model is decided in `scanner.scan`.
"""

from __future__ import annotations

import io
import itertools
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import numpy as np
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from scanner.errors import InputError, did_you_mean

MAX_AXIS_POINTS = 10**6
AXIS_FORMS = "{log: [low, high], points: n}, {linear: [low, high], points: n} or {values: [a, b, ...]}"


def _finite(value: float) -> float:
    if value != value or value in (float("inf"), float("-inf")):
        raise ValueError("must be a finite number")
    return value


def _number_of_bytes(value: str) -> int:
    from dask.utils import parse_bytes  # here, as the import of dask takes a tenth of a second

    return int(parse_bytes(value))


def _bytes(value: str) -> str:
    try:
        amount = _number_of_bytes(value)
    except (ValueError, OverflowError):
        raise ValueError("not an amount of memory") from None
    if amount < 2**27:
        raise ValueError("too little memory for a worker")
    return value


def _once(entries: list[Any]) -> list[Any]:
    if len(set(entries)) != len(entries):
        raise ValueError("must not name anything twice")
    return entries


def _with_chi2(outputs: list[str]) -> list[str]:
    if "chi2" not in outputs:
        raise ValueError("must contain chi2")
    return outputs


def _not_bool(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("should be a number")
    return value


def _value(value: object) -> float | str | bool:
    """A number, or the name of a choice, which may be true or false."""
    if isinstance(value, str | bool):
        return value
    if not isinstance(value, int | float):
        raise ValueError("should be a number")
    return _finite(float(value))


Number = Annotated[float, AfterValidator(_finite)]
Ends = Annotated[list[Number], Field(min_length=2, max_length=2)]


class Section(BaseModel):
    """A mapping in a file of ours: no unknown keys, no silent conversions."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class AxisSpec(Section):
    """One axis: exactly one of `log`, `linear` (with `points`) or `values`."""

    log: Ends | None = Field(None, description="[low, high], two numbers above 0")
    linear: Ends | None = Field(None, description="[low, high], two numbers")
    values: list[Number] | None = Field(None, description="[a, b, ...], strictly increasing numbers")
    points: Annotated[int, Field(ge=1, le=MAX_AXIS_POINTS)] | None = Field(
        None, description=f"a whole number from 1 to {MAX_AXIS_POINTS}"
    )
    unit: str | None = Field(None, description='the parameter\'s unit as text ("1", in quotes, for a pure number)')

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
    memory: Annotated[str, AfterValidator(_bytes)] = Field("4GiB", description="at least 128MiB, written like 4GiB")
    block: Literal["auto"] | dict[str, Annotated[int, Field(ge=1)]] = Field(
        "auto", description="auto, or lengths along axes, such as {dm2: 64}"
    )
    retries: Annotated[int, Field(ge=0, le=100)] = 1
    timeout: Annotated[float, Field(gt=0, allow_inf_nan=False)] = Field(
        3600.0, description="seconds for a block, or for a part of a table"
    )

    @property
    def memory_bytes(self) -> int:
        """Memory budget of a worker [bytes]."""
        return _number_of_bytes(self.memory)


class Reduce(Section):
    """Axes that are not kept: the sum of all experiments is profiled, or integrated, over them."""

    method: Literal["profile", "marginalise"] = Field(description="profile or marginalise")
    axes: Annotated[list[str], Field(min_length=1), AfterValidator(_once)] = Field(
        description="a list of the axes that are not kept"
    )
    priors: dict[str, Literal["flat", "log"]] = Field(
        {}, description="axis: flat or log, to marginalise; by default flat in the axis' own scale"
    )

    @model_validator(mode="after")
    def _check(self) -> Reduce:
        if self.priors and self.method == "profile":
            raise ValueError("priors go with method: marginalise")
        strange = [name for name in self.priors if name not in self.axes]
        if strange:
            raise ValueError(f"priors: {strange[0]!r} is not in axes")
        return self


class ScanFile(Section):
    """A whole scan file."""

    version: Annotated[Literal[1], BeforeValidator(_not_bool)] = Field(description="1, the version of this format")
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")] = Field(description="letters, digits, and . _ -")
    model: str = Field(description="a model's name; `scanner list models` shows them")
    fixed: dict[str, Annotated[Any, AfterValidator(_value)]] = Field({}, description="parameter: number, or {}")
    axes: Annotated[dict[str, AxisSpec], Field(min_length=1)] = Field(
        description="at least one axis, such as dm2: {log: [0.01, 100], points: 190}"
    )
    tied: dict[str, dict[str, Any]] = Field({}, description="such as m5: {map: ratio, of: m4, factor: 2.1}")
    experiments: Annotated[list[str], Field(min_length=1), AfterValidator(_once)] = Field(
        description="a list of names, such as [miniboone_fhc]; `scanner list experiments` shows them"
    )
    outputs: Annotated[
        list[Literal["chi2", "events", "gof"]],
        Field(min_length=1),
        AfterValidator(_once),
        AfterValidator(_with_chi2),
    ] = Field(["chi2"], description="[chi2], and also events, gof")
    dtype: Literal["float32", "float64"] = Field("float32", description="float32 or float64")
    reduce: Reduce | None = Field(None, description="a mapping of method, axes, priors")
    store: Annotated[str, Field(min_length=1)] | None = Field(None, description="a path or URL")
    execution: Execution = Field(Execution(), description="a mapping of " + ", ".join(Execution.model_fields))

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
    if isinstance(source, Mapping):
        raw = _plain(source)
    elif isinstance(source, str | os.PathLike):
        raw = load_yaml(Path(source))
    else:
        raise InputError("scan file", "should be a path or a mapping", source)
    for setting in settings:
        _set(raw, setting)
    try:
        file = ScanFile.model_validate(raw)
    except ValidationError as error:
        raise _first_error(error, ScanFile) from None
    _check_place(file.store)
    return file


def _check_place(store: str | None) -> None:
    """Refuse what no file system takes for a name; here and not in the schema, as it depends on the host."""
    if store is None or "://" in store:
        return
    try:
        os.lstat(Path(store).expanduser())
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return  # decided when the store is made
    except (OSError, RuntimeError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise InputError("store", f"not a path that can be used: {reason}", store, "a path or URL") from None


def _plain(value: Any) -> Any:
    """Turn what notebooks write (arrays, numpy numbers, tuples) into what a file holds."""
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return value


def load_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML 1.2 file that must hold a mapping; InputError otherwise."""
    try:
        text = path.read_text(encoding="utf-8")
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
    except RecursionError:
        raise InputError(where, "is nested too deeply") from None
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        # What the parser itself does not catch: the 99th of May, "!!int x".
        raise InputError(where, f"is not valid YAML: a value cannot be understood ({error})") from None


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
        raise _first_error(error, section, where, "the file") from None


_MESSAGES = {
    "dict_type": "should be a mapping, written name: value",
    "model_type": "should be a mapping, written name: value",
    "list_type": "should be a list, written [a, b]",
    "string_type": "should be text",
    "float_type": "should be a number",
    "int_type": "should be a whole number",
    "missing": "is missing",
    "string_pattern_mismatch": "has characters that are not allowed",
    "string_too_short": "should not be empty",
}
"""What to say of pydantic's kinds of error, where its own words speak of Python."""


def _first_error(
    error: ValidationError, root: type[BaseModel], where: str = "", whole: str = "scan file"
) -> InputError:
    """Translate pydantic's first error into one message with path, value and what is allowed."""
    first = _most_telling(error.errors())
    location = _location(first)
    path = _written(where, location) or whole
    kind, found = first["type"], first["input"]
    if kind in ("extra_forbidden", "invalid_key"):
        known = list(_section(root, location)[0].model_fields)
        hint = did_you_mean(str(location[-1]), known)
        return InputError(path, f"unknown key {location[-1]!r}", allowed=", ".join(known), hint=hint)
    allowed = _allowed(root, location)
    if kind == "missing":
        return InputError(path, _MESSAGES[kind], allowed=allowed)
    if kind == "value_error":
        value = {} if isinstance(found, dict) else {"value": found}
        return InputError(path, str(first["ctx"]["error"]), **value, allowed=allowed)
    return InputError(path, _message(first), found, allowed)


def _most_telling(errors: Sequence[Any]) -> Any:
    """The first error; of those of a union with 'auto', the one of the member that was meant."""
    first = errors[0]
    meant_mapping = "literal['auto']" in first["loc"] and isinstance(first["input"], dict)
    return errors[1] if meant_mapping and len(errors) > 1 else first


def _location(error: Any) -> tuple[str | int, ...]:
    """The path of an error in the file, without the words that pydantic adds to it."""
    location = tuple(p for p in error["loc"] if p != "literal['auto']" and not str(p).startswith("dict["))
    if location[-1:] == ("[key]",):
        return location[:-2]
    return location


def _written(where: str, location: Iterable[str | int]) -> str:
    """A path as users write it: ``axes.dm2.log[1]``."""
    path = where
    for part in location:
        path += f"[{part}]" if isinstance(part, int) and path else f".{part}" if path else str(part)
    return path


def _message(error: Any) -> str:
    context = error.get("ctx", {})
    if error["type"] in ("too_short", "too_long"):
        bound = "at least" if error["type"] == "too_short" else "at most"
        limit = context.get("min_length", context.get("max_length"))
        return f"should have {bound} {limit} " + ("entry" if limit == 1 else "entries")
    if error["loc"][-1:] == ("[key]",):
        return "has a name that is not text; put it in quotes"
    known = _MESSAGES.get(error["type"])
    message: str = error["msg"].removeprefix("Input ")
    return known or message[0].lower() + message[1:]


def _section(root: type[BaseModel], location: tuple[str | int, ...]) -> tuple[type[BaseModel], tuple[str | int, ...]]:
    """The section of the file that a location lies in, and the location within that section."""
    field = root.model_fields.get(str(location[0])) if location else None
    found = [kind for kind in _kinds(field.annotation) if issubclass(kind, Section)] if field else []
    depth = 1 if field and get_origin(field.annotation) not in (dict, list) else 2
    return _section(found[0], location[depth:]) if found and len(location) > depth else (root, location)


def _kinds(annotation: Any) -> list[type]:
    """The classes that an annotation is made of."""
    inner = [kind for part in get_args(annotation) for kind in _kinds(part)]
    return [annotation, *inner] if isinstance(annotation, type) else inner


def _allowed(root: type[BaseModel], location: tuple[str | int, ...]) -> str | None:
    """What the schema says of the entry at a location."""
    section, inner = _section(root, location)
    if root is ScanFile and inner[:1] == ("axes",) and len(inner) == 2:
        return AXIS_FORMS
    field = section.model_fields.get(str(inner[0])) if inner else None
    return field.description if field else None
