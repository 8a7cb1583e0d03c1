"""Published −2 ln L on a grid, interpolated: exact for parabolas and monotone where its nodes are."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NoReturn

import numpy as np
from numba import types

from scanner.errors import InputError, Status
from scanner.likelihoods.interpolation import interpolate
from scanner.physics.kernel import INPUT, INPUT_INDEX, kernel


@dataclass(frozen=True)
class Surface:
    """A table of Δχ² on a rectangular grid.

    Parameters
    ----------
    axes
        Nodes of each axis, rising.
    logarithmic
        Whether each axis is interpolated in its logarithm.
    values
        Δχ² at the nodes, one dimension an axis; NaN where it is not known.
    statistic
        One line that says what it is.
    number_of_data
        Of the data behind it; 0 where that means nothing, for a goodness of fit cannot follow from a difference.

    Raises
    ------
    InputError
        For axes that do not rise or do not fit the values, and logarithms of what is not positive.
    """

    axes: tuple[np.ndarray, ...]
    logarithmic: tuple[bool, ...]
    values: np.ndarray
    statistic: str
    number_of_data: int = 0
    constant: float = 0.0
    _grid: tuple[np.ndarray, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        shape = tuple(axis.size for axis in self.axes)
        if self.values.shape != shape or len(self.logarithmic) != len(shape):
            raise InputError("values", "wrong shape", self.values.shape, str(shape))
        for axis, logarithmic in zip(self.axes, self.logarithmic, strict=True):
            if axis.size < 2 or not np.all(np.diff(axis) > 0) or (logarithmic and not axis[0] > 0):
                kind = "rising and positive" if logarithmic else "rising"
                raise InputError("axes", "not the nodes of an axis", axis.tolist(), f"two nodes or more, {kind}")
        sizes = np.array(shape, dtype=np.int64)
        flags = np.array(self.logarithmic, dtype=np.int64)
        first = np.cumsum(sizes) - sizes
        nodes = np.concatenate([np.asarray(axis, dtype=np.float64) for axis in self.axes])
        _to_scale(nodes, np.repeat(flags, sizes))
        flat = np.ascontiguousarray(self.values, dtype=np.float64).ravel()
        status = np.where(np.isnan(flat), Status.missing, Status.ok).astype(np.uint8)
        object.__setattr__(self, "_grid", (flat, status, sizes, nodes, first, flags))

    def __call__(self, signal: np.ndarray, chi2: np.ndarray, gof: np.ndarray) -> None:
        """Fill `chi2` and `gof`, the same, at coordinates `signal`, which beyond an end are taken at that end."""
        flat, status, sizes, nodes, first, flags = self._grid
        points = signal.shape[0]
        at = np.array(signal.T, order="C", copy=True)
        for row, flag in zip(at, flags, strict=True):
            _to_scale(row, np.full(points, flag))
        cells = np.empty(at.shape, dtype=np.int64)
        _locate(at, sizes, nodes, first, cells)
        error, found = np.empty(points), np.empty(points, dtype=np.uint8)
        interpolate(flat, status, sizes, nodes, first, cells, at, chi2, error, found)
        gof[:] = chi2

    def toy(self, signal: np.ndarray, generator: np.random.Generator) -> NoReturn:
        """Refuse: there are no data to draw."""
        raise InputError("toys", "a published surface has no data that pseudo-experiments could be drawn of")


@kernel(types.void(types.float64[::1], INPUT_INDEX))
def _to_scale(values, logarithmic):  # type: ignore[no-untyped-def]
    """Replace values by their logarithms where told; the same function for nodes and points, to the last bit."""
    for i in range(values.size):
        if logarithmic[i]:
            values[i] = math.log(values[i]) if values[i] > 0 else -np.inf


@kernel(types.void(types.float64[:, ::1], INPUT_INDEX, INPUT, INPUT_INDEX, types.int64[:, ::1]))
def _locate(at, sizes, nodes, first, cells):  # type: ignore[no-untyped-def]
    """Fill the last node not above each coordinate, by halving; move coordinates into the grid."""
    for axis in range(at.shape[0]):
        begin, size = first[axis], sizes[axis]
        for point in range(at.shape[1]):
            x = min(max(at[axis, point], nodes[begin]), nodes[begin + size - 1])
            at[axis, point] = x
            low, high = 0, size
            while high - low > 1:
                middle = (low + high) // 2
                if nodes[begin + middle] <= x:
                    low = middle
                else:
                    high = middle
            cells[axis, point] = low
