"""Maps of parameters: how the parameters of one store follow from those of the others.

A map file is YAML: for each store (its path as given, or its name), what its axes follow from, by the maps of
``tied`` parameters, and which parameters of the others do not matter to it::

    out/two_flavour.zarr:
      dm2:         {map: ratio, of: dm2_41, factor: 1}
      sin2_2theta: {map: product, of: [Ue4_sq, Umu4_sq], factor: 4}
      ignore: [Utau4_sq]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from scanner.config import load_yaml
from scanner.cube import open_cube
from scanner.errors import InputError, did_you_mean
from scanner.grid import Axis
from scanner.maps import MAPS, lookup
from scanner.merging.grids import Placement, locate
from scanner.store import absolute

StoreMap = Mapping[str, Any]
"""Of one store: parameter to its entry, and ``ignore``."""


def read_maps(path: Path | None, urls: Sequence[str]) -> dict[int, StoreMap]:
    """Read a map file; return each store's entries by the store's position.

    Raises
    ------
    InputError
        For a store that is not merged, and for what is not of this form.
    """
    if path is None:
        return {}
    names = [str(open_cube(url).record["name"]) for url in urls]
    found: dict[int, StoreMap] = {}
    for key, entries in load_yaml(path).items():
        matching = [i for i, url in enumerate(urls) if key == names[i] or absolute(str(key)) == url]
        if len(matching) != 1:
            raise InputError(f"{path}: {key}", "names no store, or more than one", allowed=", ".join(urls))
        if not isinstance(entries, dict):
            raise InputError(f"{path}: {key}", "should be a mapping", entries, "parameter: {map: name, of: ..., ...}")
        _check(f"{path}: {key}", entries, list(open_cube(urls[matching[0]]).record["axes"]))
        found[matching[0]] = entries
    return found


def _check(where: str, entries: StoreMap, axes: Sequence[str]) -> None:
    for name, entry in entries.items():
        if name == "ignore":
            if not isinstance(entry, list) or not all(isinstance(one, str) for one in entry):
                raise InputError(f"{where}.ignore", "should be a list of names", entry, "[a, b, ...]")
            if own := sorted(set(entry) & set(axes)):
                raise InputError(f"{where}.ignore", "is an axis of that store, which its numbers depend on", own)
            continue
        if name not in axes:
            hint = did_you_mean(name, axes)
            raise InputError(f"{where}.{name}", "is no axis of that store", allowed=", ".join(axes), hint=hint)
        if not isinstance(entry, dict):
            raise InputError(f"{where}.{name}", "should be a mapping", entry, "{map: name, of: ..., ...}")
        if not sources(entry):
            raise InputError(f"{where}.{name}.of", "is missing", allowed="a parameter's name or a list of names")
        lookup(f"{where}.{name}", entry, MAPS, len(sources(entry)))


def names(entries: StoreMap) -> frozenset[str]:
    """Return the parameters that a store's entries say something about."""
    return frozenset(entries) - {"ignore"} | frozenset(entries.get("ignore", ()))


def sources(entry: Mapping[str, Any]) -> list[str]:
    """Return the names in ``of``."""
    of = entry.get("of", [])
    return [str(name) for name in (of if isinstance(of, list) else [of])]


def mapped(axis: Axis, entry: Mapping[str, Any], merged: Mapping[str, Axis], fixed: Mapping[str, Any]) -> Placement:
    """Return where a map puts the merged grid on a store's axis.

    Raises
    ------
    InputError
        If the map is of a parameter that the merged store does not have.
    """
    for name in sources(entry):
        if name not in merged and not isinstance(fixed.get(name), float):
            known = [*merged, *(n for n, v in fixed.items() if isinstance(v, float))]
            hint = did_you_mean(name, known)
            raise InputError(f"--map {axis.name}.of", f"no parameter {name!r}", allowed=", ".join(known), hint=hint)
    chosen, options = lookup(f"--map {axis.name}", entry, MAPS, len(sources(entry)))
    axes = tuple(name for name in merged if name in sources(entry))
    grids = np.meshgrid(*(merged[name].array for name in axes), indexing="ij")
    columns = dict(zip(axes, (grid.ravel() for grid in grids), strict=True))
    size, shape = max((c.size for c in columns.values()), default=1), tuple(len(merged[name]) for name in axes)
    rows = [columns.get(name, np.full(size, fixed.get(name))) for name in sources(entry)]
    try:
        values = [float(chosen.function(*row, **options)) for row in zip(*(map(float, r) for r in rows), strict=True)]
    except (ArithmeticError, ValueError, TypeError) as error:
        raise InputError(f"--map {axis.name}", f"fails on these values: {error}") from None
    cells, at, _ = locate(axis, np.array(values))
    return Placement(axis, axes, cells.reshape(shape), at.reshape(shape))
