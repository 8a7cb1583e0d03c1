"""Axes, grids and blocks: immutable, hashable, and without any physics.

A block is an index box of a grid and the unit of work, of writing and of resuming. Blocks coincide with the
shards of the store by construction: both come from the same `Layout`.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Axis:
    """A parameter with the values that it takes in a scan.

    Parameters
    ----------
    name
        Name of the parameter.
    values
        Strictly increasing values, in `unit`.
    unit
        Unit of the values; "1" for a pure number.
    scale
        ``log``, ``linear`` or ``values``: how the values were chosen, and so how to interpolate and plot.
    long_name
        For labels.
    """

    name: str
    values: tuple[float, ...]
    unit: str = "1"
    scale: str = "values"
    long_name: str = ""

    def __len__(self) -> int:
        return len(self.values)

    @functools.cached_property
    def array(self) -> np.ndarray:
        """The values as a read-only float64 array of shape (len(axis),)."""
        array = np.array(self.values, dtype=np.float64)
        array.flags.writeable = False
        return array

    def scale_of(self, values: np.ndarray) -> np.ndarray:
        """Return values in the axis' own scale, its decimal logarithm if that is ``log``; NaN below zero then.

        Computed one by one with libm, as `logarithmic` is.
        """
        if self.scale != "log":
            return np.asarray(values, dtype=np.float64)
        return np.array([math.log10(v) if v > 0 else math.nan for v in map(float, values)])

    @functools.cached_property
    def scaled(self) -> np.ndarray:
        """Its values in its own scale."""
        return self.scale_of(self.array)


def logarithmic(low: float, high: float, points: int) -> tuple[float, ...]:
    """Values spaced evenly in the logarithm, both ends included exactly.

    Computed one by one with libm: numpy's vector power differs in the last bit between CPUs.

    >>> logarithmic(0.01, 100, 5)
    (0.01, 0.1, 1.0, 10.0, 100.0)
    """
    if points == 1:
        return (float(low),)
    first, last = math.log10(low), math.log10(high)
    inner = (10 ** (first + (last - first) * (i / (points - 1))) for i in range(1, points - 1))
    return (float(low), *inner, float(high))


def linear(low: float, high: float, points: int) -> tuple[float, ...]:
    """Values spaced evenly, both ends included exactly.

    >>> linear(0, 1, 3)
    (0.0, 0.5, 1.0)
    """
    if points == 1:
        return (float(low),)
    inner = (low + (high - low) * (i / (points - 1)) for i in range(1, points - 1))
    return (float(low), *inner, float(high))


@dataclass(frozen=True)
class Grid:
    """The product of axes, the last one varying fastest."""

    axes: tuple[Axis, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the axes, in order."""
        return tuple(axis.name for axis in self.axes)

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values on each axis."""
        return tuple(len(axis) for axis in self.axes)

    @property
    def size(self) -> int:
        """Number of points."""
        return math.prod(self.shape)

    def axis(self, name: str) -> Axis:
        """Return the axis of that name."""
        return next(axis for axis in self.axes if axis.name == name)

    def subgrid(self, names: tuple[str, ...]) -> Grid:
        """Return the grid of some of the axes, in this grid's order."""
        return Grid(tuple(axis for axis in self.axes if axis.name in names))


@dataclass(frozen=True, order=True)
class Block:
    """An index box of the grid of one group of experiments.

    Parameters
    ----------
    number
        Number of the block in the whole scan.
    group
        Index of the group of experiments that it belongs to.
    start, stop
        First index, and one past the last, on each axis of the group.

    Examples
    --------
    >>> Block(3, 0, (0, 64), (64, 100)).size
    2304
    """

    number: int
    group: int
    start: tuple[int, ...]
    stop: tuple[int, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of points along each axis."""
        return tuple(b - a for a, b in zip(self.start, self.stop, strict=True))

    @property
    def size(self) -> int:
        """Number of points."""
        return math.prod(self.shape)

    @property
    def slices(self) -> tuple[slice, ...]:
        """The box as slices into an array over the group's axes."""
        return tuple(slice(a, b) for a, b in zip(self.start, self.stop, strict=True))


@dataclass(frozen=True)
class Layout:
    """How the grids of all groups are cut into blocks, numbered through from 0.

    Parameters
    ----------
    shapes
        Shape of each group's grid.
    blocks
        Shape of each group's blocks; a block may be longer than its axis.

    Examples
    --------
    >>> layout = Layout(shapes=((190, 190),), blocks=((128, 128),))
    >>> layout.number_of_blocks
    4
    >>> layout.block(3)
    Block(number=3, group=0, start=(128, 128), stop=(190, 190))
    """

    shapes: tuple[tuple[int, ...], ...]
    blocks: tuple[tuple[int, ...], ...]

    def counts(self, group: int) -> tuple[int, ...]:
        """Number of blocks along each axis of a group."""
        pairs = zip(self.shapes[group], self.blocks[group], strict=True)
        return tuple(-(-length // step) for length, step in pairs)

    @functools.cached_property
    def offsets(self) -> tuple[int, ...]:
        """Number of the first block of each group, and the total at the end."""
        sizes = (math.prod(self.counts(g)) for g in range(len(self.shapes)))
        return tuple(itertools.accumulate(sizes, initial=0))

    @property
    def number_of_blocks(self) -> int:
        """Number of blocks of the whole scan."""
        return self.offsets[-1]

    def block(self, number: int) -> Block:
        """Return the block of that number."""
        if not 0 <= number < self.number_of_blocks:
            raise IndexError(f"block {number} of {self.number_of_blocks}")
        group = next(g for g in range(len(self.shapes)) if number < self.offsets[g + 1])
        position = self.position(number, group)
        shape, step = self.shapes[group], self.blocks[group]
        start = tuple(p * s for p, s in zip(position, step, strict=True))
        stop = tuple(min(a + s, n) for a, s, n in zip(start, step, shape, strict=True))
        return Block(number, group, start, stop)

    def position(self, number: int, group: int) -> tuple[int, ...]:
        """Block indices along the axes of the group (the shard's indices in the store)."""
        index = np.unravel_index(number - self.offsets[group], self.counts(group))
        return tuple(int(i) for i in index)

    def sizes(self) -> np.ndarray:
        """Number of points of every block, int64 of shape (blocks,)."""
        groups = []
        for shape, block in zip(self.shapes, self.blocks, strict=True):
            sizes = np.ones((), dtype=np.int64)
            for length, step in zip(shape, block, strict=True):
                starts = np.arange(0, length, step, dtype=np.int64)
                sizes = np.multiply.outer(sizes, np.minimum(step, length - starts))
            groups.append(sizes.ravel())
        return np.concatenate(groups)

    def __iter__(self) -> Iterator[Block]:
        return (self.block(number) for number in range(self.number_of_blocks))


def block_shape(shape: tuple[int, ...], points: int) -> tuple[int, ...]:
    """Choose powers of two for a block of at most `points` points, as close to a cube as the axes allow.

    The axis that is still cut into most pieces grows first; an axis needs no more than the first power of
    two that covers it.

    >>> block_shape((190, 190), 4096)
    (64, 64)
    >>> block_shape((3, 1000), 4096)
    (4, 1024)
    """
    block = [1] * len(shape)
    while True:
        growable = [i for i, n in enumerate(shape) if block[i] < n]
        if not growable or 2 * math.prod(block) > max(points, 1):
            return tuple(block)
        longest = max(growable, key=lambda i: (shape[i] / block[i], -i))
        block[longest] *= 2
