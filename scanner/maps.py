"""Maps that tie one parameter to others; a model may add its own in `Model.maps`.

In a scan file: ``tied: {m5: {map: ratio, of: m4, factor: 2.1}}``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from scanner.errors import InputError, did_you_mean


@dataclass(frozen=True)
class Map:
    """A named function of other parameters.

    Parameters
    ----------
    function
        Takes the values of the parameters named by ``of`` (floats, in order) and the options by keyword;
        returns a float.
    arguments
        How many parameters ``of`` must name; None for one or more.
    options
        Names and defaults of the options; a default of None makes an option required.
    doc
        One line for users.
    """

    function: Callable[..., float]
    arguments: int | None
    options: Mapping[str, float | None] = field(default_factory=dict)
    doc: str = ""


def _product(*values: float, factor: float) -> float:
    for value in values:
        factor *= value
    return factor


MAPS: dict[str, Map] = {
    "ratio": Map(lambda x, factor: factor * x, 1, {"factor": None}, "factor · of"),
    "offset": Map(lambda x, offset: x + offset, 1, {"offset": None}, "of + offset"),
    "power": Map(
        lambda x, exponent, factor: factor * x**exponent,
        1,
        {"exponent": None, "factor": 1.0},
        "factor · of^exponent",
    ),
    "product": Map(_product, None, {"factor": 1.0}, "factor · of₁ · of₂ · …"),
}
"""Maps that any scan file may use."""


def lookup(
    where: str, entry: Mapping[str, Any], known: Mapping[str, Map], arguments: int
) -> tuple[Map, dict[str, float]]:
    """Return the map of an entry ``{map: name, of: …, option: value, …}`` and its options, checked.

    Parameters
    ----------
    where
        Path of the entry, for messages.
    entry
        As written.
    known
        The maps to choose from.
    arguments
        How many parameters its ``of`` names.
    """
    if "map" not in entry:
        raise InputError(f"{where}.map", "is missing", allowed=", ".join(known))
    if not isinstance(entry["map"], str) or entry["map"] not in known:
        hint = did_you_mean(str(entry["map"]), known)
        raise InputError(f"{where}.map", "unknown map", entry["map"], ", ".join(known), hint)
    chosen = known[entry["map"]]
    options: dict[str, float] = {k: v for k, v in chosen.options.items() if v is not None}
    for key, value in entry.items():
        if key in ("map", "of"):
            continue
        if key not in chosen.options:
            allowed = ", ".join(["map", "of", *chosen.options])
            raise InputError(f"{where}.{key}", "unknown key", allowed=allowed, hint=did_you_mean(key, chosen.options))
        options[key] = _option(f"{where}.{key}", value)
    for key in chosen.options:
        if key not in options:
            raise InputError(f"{where}.{key}", "is missing", allowed=f"a number; {entry['map']} is {chosen.doc}")
    if chosen.arguments is not None and arguments != chosen.arguments:
        problem = f"map {entry['map']!r} takes {chosen.arguments} parameter(s)"
        raise InputError(f"{where}.of", problem, entry.get("of"), f"{entry['map']} is {chosen.doc}")
    return chosen, options


def _option(where: str, value: object) -> float:
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
    except OverflowError:
        pass  # a whole number beyond the range of floats
    raise InputError(where, "not a number that can be used", value, "a finite number")
