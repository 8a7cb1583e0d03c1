"""Levels of a store: finer grids of two of its axes, computed where contours run, and opened with it as one cube.

Level 0 is a scan's store itself. Level n lies in it at ``levels/n``, a store like any other, whose grid halves
the steps of level n − 1 along two axes and of which only some blocks are ever computed.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from scanner import cube as cubes
from scanner import planning, provenance
from scanner import store as stores
from scanner.config import AxisSpec
from scanner.cube import Blueprint, Cube
from scanner.errors import InputError, StoreRefused
from scanner.grid import Block, Grid, Layout, block_shape
from scanner.ledger import DONE
from scanner.recipes.scan import ScanRecipe
from scanner.refinement import with_midpoints
from scanner.scan import Scan, resolve
from scanner.store import Place, decoding_errors

MAX_PLANE_POINTS = 2**24
"""Points of the refined plane: its profile and what is derived from it are held in memory, some 100 bytes a point."""
BLOCKS_ALONG = 64
"""Blocks along a refined axis: with fewer a contour needs too many points, with more too many files."""
SMALLEST = 4
BLOCK_POINTS = 2**20
PIECE_POINTS = 2**18
"""Points that are read at once."""


def url_of(store: str, level: int) -> str:
    """Return where a level of a store lies."""
    return f"{store.rstrip('/')}/levels/{level}" if level else store


def existing(store: str) -> int:
    """Return the number of levels that a store has, besides itself."""
    level = 0
    while stores.look(url_of(store, level + 1)) is Place.COMPLETE:
        level += 1
    return level


class LevelRecipe(ScanRecipe):
    """The scan of a level.

    Parameters
    ----------
    base
        The store of level 0.
    plane
        The two axes that are refined.
    level
        1, 2, …

    Raises
    ------
    InputError
        If its grid would have too many points.
    """

    def __init__(self, base: Cube, plane: tuple[str, str], level: int):
        parent = ScanRecipe.read(base).scan
        self._facts = {"number": level, "plane": list(plane)}
        self._scales = {name: base.record["axes"][name]["scale"] for name in plane}
        _check_size(parent.grid, plane, level)
        axes = dict(parent.file.axes)
        for name in plane:
            values = parent.grid.axis(name).values
            for _ in range(level):
                values = with_midpoints(values, self._scales[name])
            # Not validated here: `resolve` says what is wrong with values that cannot be told apart.
            axes[name] = AxisSpec.model_construct(values=list(values), unit=parent.file.axes[name].unit)
        file = parent.file.model_copy(update={"axes": axes, "store": url_of(base.url, level)})
        super().__init__(_with_blocks(resolve(file), plane))

    def blueprint(self, workers: int, warn: Callable[[str], None]) -> Blueprint:
        """Return what the store is created from: its axes have the scale of its parent's, though given by value."""
        found = super().blueprint(workers, lambda text: None)  # most of these points are never computed
        axes = {name: dict(facts) for name, facts in found.record["axes"].items()}
        for name, scale in self._scales.items():
            axes[name]["scale"] = scale
        return replace(found, record={**found.record, "axes": axes, "level": self._facts})


def _check_size(grid: Grid, plane: tuple[str, str], level: int) -> None:
    shape = [2**level * (len(grid.axis(name)) - 1) + 1 for name in plane]
    if math.prod(shape) > MAX_PLANE_POINTS:
        problem = f"level {level} of {' × '.join(plane)} would have {shape[0]:,} × {shape[1]:,} points"
        raise InputError("--levels", problem, level, f"at most {MAX_PLANE_POINTS:,} points", "ask for fewer levels")


def _with_blocks(scan: Scan, plane: tuple[str, str]) -> Scan:
    """Give a level blocks of a few cells along its plane, and whole along the other axes where memory allows."""
    block = {name: _length(len(scan.grid.axis(name))) for name in plane}
    others = [axis for axis in scan.grid.axes if axis.name not in plane]
    memory = scan.file.execution.memory_bytes // 4 // max(planning.point_bytes(scan, group) for group in scan.groups)
    lengths = block_shape(tuple(map(len, others)), min(BLOCK_POINTS, memory) // math.prod(block.values()))
    block |= {axis.name: length for axis, length in zip(others, lengths, strict=True)}
    execution = scan.file.execution.model_copy(update={"block": block})
    return replace(scan, file=scan.file.model_copy(update={"execution": execution}))


def _length(points: int) -> int:
    """Length of a block along a refined axis of so many points: a power of two."""
    return max(SMALLEST, 1 << int(math.log2(max(points / BLOCKS_ALONG, 1))))


@dataclass(frozen=True)
class Refined(Cube):
    """A level together with those above it, to be read: each point has the number of the finest that computed it.

    Parameters
    ----------
    above
        Level 0 and those between; `layout` is what is read at once.
    """

    above: tuple[Cube, ...] = ()

    @functools.cached_property
    def arrays(self) -> tuple[dict[str, Any], ...]:
        """The arrays of each group by name, to be read by slices."""
        levels = (*self.above, cubes.open_cube(self.url))
        done = [_done(cube) for cube in levels]
        return tuple(
            {name: _Overlay(levels, [d[number] for d in done], number, name) for name in group.arrays()}
            for number, group in enumerate(self.groups)
        )


def open_level(url: str, level: int | str) -> Cube:
    """Open a level of a store with those above it, to be read.

    Parameters
    ----------
    url
        The store.
    level
        0 for the store itself, or ``"finest"``.

    Raises
    ------
    InputError
        If there is no such level.
    """
    base = cubes.open_cube(url)
    last = existing(base.url)
    number = last if level == "finest" else level
    if not isinstance(number, int) or not 0 <= number <= last:
        allowed = f"0 to {last}, or finest" if last else "0: this store has not been refined"
        raise InputError("level", "the store has no such level", level, allowed, "`scanner refine` makes levels")
    if not number:
        return base
    above = (base, *(cubes.open_cube(url_of(base.url, n)) for n in range(1, number)))
    here = cubes.open_cube(url_of(base.url, number))
    return Refined(here.url, here.root, here.record, _pieces(here), above)


def check_refinable(base: Cube) -> None:
    """Refuse stores that have no finer levels.

    Raises
    ------
    StoreRefused
        For what is no scan, is itself a level, or was made by other versions of the physics.
    """
    if base.kind != "scan":
        reason = f"is a store of kind {base.kind}, which has no experiments' scan to compute new points from"
        hint = "refine the store of a scan"
    elif "level" in base.record:
        reason, hint = f"is level {base.record['level']['number']} of another store", "refine that store"
    elif provenance.digest(ScanRecipe.read(base).identity()) != base.record["identity_hash"]:
        reason, hint = "was made with other versions of the physics", "run its scan again with --fresh"
    else:
        return
    raise StoreRefused(f"{base.url}: cannot be refined: it {reason}\n  {hint}")


def done_blocks(cube: Cube) -> frozenset[int]:
    """Return the numbers of the blocks of a store that are done."""
    ledger, _ = cube.ledger()
    return frozenset(np.flatnonzero(ledger.state == DONE).tolist())


def _pieces(cube: Cube) -> Layout:
    """Blocks joined along the level's plane until they are worth reading at once."""
    plane, found = cube.record["level"]["plane"], []
    for group, block, shape in zip(cube.groups, cube.layout.blocks, cube.layout.shapes, strict=True):
        piece = list(block)
        grows = [i for i, name in enumerate(group.axes) if name in plane]
        while math.prod(piece) < PIECE_POINTS and any(piece[i] < shape[i] for i in grows):
            for i in grows:
                piece[i] *= 2
        found.append(tuple(piece))
    return Layout(cube.layout.shapes, tuple(found))


def _done(cube: Cube) -> list[np.ndarray]:
    """Which blocks are done: for each group, bool over the blocks along its axes."""
    ledger, _ = cube.ledger()
    layout = cube.layout
    parts = np.split(ledger.state == DONE, layout.offsets[1:-1])
    return [part.reshape(layout.counts(group)) for group, part in enumerate(parts)]


class _Overlay:
    """An array on a level's grid: from coarse to fine, every level's done blocks are laid over the one above."""

    def __init__(self, levels: tuple[Cube, ...], done: list[np.ndarray], group: int, name: str):
        own = levels[-1].arrays[group][name]
        self.shape, self.dtype, self.ndim = own.shape, own.dtype, own.ndim
        self._fill, self._levels, self._done, self._group, self._name = own.fill_value, levels, done, group, name
        plane, axes = levels[-1].record["level"]["plane"], levels[-1].groups[group].axes
        self._refined = np.array([axis in plane for axis in axes], dtype=bool)
        self._before = own.ndim - len(axes)

    def __getitem__(self, index: tuple[Any, ...]) -> np.ndarray:
        covers = [_cover(i, n) for i, n in zip(index, self.shape, strict=True)]
        box = tuple(cover for cover, _ in covers)
        found = np.full([cover.stop - cover.start for cover in box], self._fill, self.dtype)
        for number, cube in enumerate(self._levels):
            steps = np.where(self._refined, 2 ** (len(self._levels) - 1 - number), 1)
            self._lay(found, box, cube, self._done[number], steps)
        return found[tuple(rest for _, rest in covers)]

    def _lay(self, found: np.ndarray, box: tuple[slice, ...], cube: Cube, done: np.ndarray, steps: np.ndarray) -> None:
        """Write what a level has done of a box of this grid; `steps` are those of its points, in points of this."""
        before, start = box[: self._before], np.array([cover.start for cover in box[self._before :]], dtype=int)
        stop = np.array([cover.stop for cover in box[self._before :]], dtype=int)
        for block in _blocks(cube.layout, self._group, done, -(-start // steps), -(-stop // steps)):
            with decoding_errors(cube.url, f"block {block.number}"):
                values = cube.arrays[self._group][self._name][(*before, *block.slices)]
            first, last = np.array(block.start) * steps - start, (np.array(block.stop) - 1) * steps - start
            region = map(slice, first.tolist(), (last + 1).tolist(), steps.tolist())
            found[(*[slice(None)] * self._before, *region)] = values


def _cover(index: slice | int, length: int) -> tuple[slice, slice | int]:
    """What to read for an index, and how to take it from there."""
    if isinstance(index, slice):
        within = range(length)[index]
        return slice(within.start, max(within.start, within.stop)), slice(None, None, within.step)
    return slice(index, index + 1), 0


def _blocks(layout: Layout, group: int, done: np.ndarray, start: np.ndarray, stop: np.ndarray) -> Iterator[Block]:
    """Give the parts of done blocks that lie in a box."""
    lengths = np.array(layout.blocks[group], dtype=int)
    first = start // lengths
    inside = done[tuple(map(slice, first, -(-stop // lengths)))]
    for position in np.argwhere(inside) + first:
        number = layout.offsets[group] + int(np.ravel_multi_index(tuple(position), done.shape))
        low, high = np.maximum(position * lengths, start), np.minimum((position + 1) * lengths, stop)
        if (low < high).all():
            yield Block(number, group, tuple(low.tolist()), tuple(high.tolist()))
