"""The grid of a merged store, and where its values lie on the axes of each input."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from scanner.cube import Cube
from scanner.errors import InputError
from scanner.grid import Axis
from scanner.merging.inputs import Input

ON = ("first", "union", "intersection")
SAME = 1e-9
"""Of the value (of its decades on a logarithmic axis): values closer than that are one."""


@dataclass(frozen=True)
class Placement:
    """Where the values of merged axes lie on one axis of an input.

    Parameters
    ----------
    axis
        The input's axis.
    axes
        Names of the merged axes that its value follows from.
    cells
        Over these, int64: the last node not above the value; −1 where it lies beyond the ends.
    at
        Over these, float64: the value in the axis' own scale, exactly that of the node where it is one.
    """

    axis: Axis
    axes: tuple[str, ...]
    cells: np.ndarray
    at: np.ndarray

    @property
    def exact(self) -> bool:
        """Whether all values that are not beyond the ends are nodes."""
        inside = self.cells >= 0
        return bool(np.array_equal(self.axis.scaled[self.cells[inside]], self.at[inside]))

    def on(self, box: Mapping[str, slice]) -> Placement:
        """Return the placement of a box of the merged grid."""
        index = tuple(box[name] for name in self.axes)
        return replace(self, cells=self.cells[index], at=self.at[index])


def axes_of(cube: Cube) -> dict[str, Axis]:
    """Return the axes of a store by name."""
    found = {}
    for name, facts in cube.record["axes"].items():
        values = tuple(map(float, cube.array(f"axes/{name}")[...]))
        found[name] = Axis(name, values, facts["unit"], facts["scale"], facts["long_name"])
    return found


def merged_axes(inputs: Sequence[Input], on: str) -> tuple[Axis, ...]:
    """Return the axes of the merged store, the first input's first.

    Inputs that have an experiment in common are pieces of one grid: their values are taken together.

    Parameters
    ----------
    inputs
        The stores.
    on
        ``first``: on the grid of the first input that has the axis; ``union`` or ``intersection`` of all grids.
    """
    clusters = _clusters(inputs)
    own = [{n: a for n, a in axes_of(one.cube).items() if n not in one.mapped} for one in inputs]
    names = dict.fromkeys(name for axes in own for name in axes)
    found = []
    for name in names:
        pieces = [[own[i][name] for i in members if name in own[i]] for members in clusters]
        grids = [_union(axes) for axes in pieces if axes]
        chosen = {"first": lambda g: g[0], "union": _union, "intersection": _intersection}[on](grids)
        found.append(chosen)
    return tuple(found)


def _clusters(inputs: Sequence[Input]) -> list[list[int]]:
    """Positions of inputs that are connected by experiments in common, in order of their first."""
    clusters: list[list[int]] = []
    for i, one in enumerate(inputs):
        joined = [c for c in clusters if any(set(one.experiments) & set(inputs[k].experiments) for k in c)]
        clusters = [c for c in clusters if c not in joined]
        clusters.append(sorted([*itertools.chain(*joined), i]))
    return sorted(clusters)


def _union(axes: Sequence[Axis]) -> Axis:
    """All values, those that are the same but for rounding once (as the smaller of them)."""
    first = axes[0]
    if len(axes) == 1:
        return first
    scale = first.scale if len({axis.scale for axis in axes}) == 1 else _common_scale(axes)
    values = sorted({v for axis in axes for v in axis.values})
    kept = values[:1]
    for value in values[1:]:
        if not _same(kept[-1], value, scale):
            kept.append(value)
    return replace(first, values=tuple(kept), scale=scale)


def _common_scale(axes: Sequence[Axis]) -> str:
    logarithmic = axes[0].scale == "log" and min(axis.values[0] for axis in axes) > 0
    return "log" if logarithmic else "values"


def _intersection(axes: Sequence[Axis]) -> Axis:
    first = axes[0]
    kept = [v for v in first.values if all((locate(axis, np.array([v]))[2]).all() for axis in axes[1:])]
    if not kept:
        raise InputError("--on", f"the grids have no value of {first.name} in common", hint="take --on first or union")
    return replace(first, values=tuple(kept))


def _same(a: float, b: float, scale: str) -> bool:
    if scale == "log":
        return abs(math.log10(b) - math.log10(a)) <= SAME
    return abs(b - a) <= SAME * max(abs(a), abs(b))


def locate(axis: Axis, values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return where values lie on an axis: their cells (−1 beyond the ends), scaled values, and which are nodes."""
    nodes, at = axis.scaled, axis.scale_of(values)
    tolerance = SAME if axis.scale == "log" else SAME * np.abs(at)
    above = np.clip(np.searchsorted(nodes, at), 0, nodes.size - 1)
    below = np.maximum(above - 1, 0)
    nearest = np.where(np.abs(nodes[above] - at) <= np.abs(nodes[below] - at), above, below)
    is_node = np.abs(nodes[nearest] - at) <= tolerance
    inside = is_node | ((at > nodes[0]) & (at < nodes[-1]))
    cells = np.where(is_node, nearest, np.where(inside, below, -1))
    return cells.astype(np.int64), np.where(is_node, nodes[nearest], at), is_node


def placed(axis: Axis, name: str, values: np.ndarray) -> Placement:
    """Return where the values of the merged axis of that name lie on an input's axis."""
    cells, at, _ = locate(axis, values)
    return Placement(axis, (name,), cells, at)


def refuse_between(placements: Iterable[Placement], merged: Mapping[str, Axis], url: str) -> None:
    """Refuse values between the nodes of an input.

    Raises
    ------
    InputError
        With the first such value.
    """
    for place in placements:
        between = (place.cells >= 0) & (place.axis.scaled[place.cells] != place.at)
        if not between.any():
            continue
        value = (
            merged[place.axes[0]].values[int(np.flatnonzero(between)[0])] if len(place.axes) == 1 else "a mapped one"
        )
        raise InputError(
            "merge",
            f"{url} has no value of {place.axis.name} there",
            value,
            f"one of its {len(place.axis)} values from {place.axis.values[0]:g} to {place.axis.values[-1]:g}",
            "allow it to be interpolated with --interpolate, or merge --on intersection",
        )
