"""Interpolation of −2 ln L between the nodes of a grid: cubic, monotone wherever the nodes are, never beyond them.

A tensor product of cubic Hermite polynomials. The slope at a node is that of the parabola through it and its
neighbours, and where these rise or fall it is limited to three times the smaller secant (Fritsch and Carlson,
SIAM J. Numer. Anal. 17 (1980) 238), so that a step gets no wiggles. Nodes without a number are left out; between
two nodes of which one has none, there is none. What is given as error is the difference from linear interpolation.
"""

from __future__ import annotations

import numpy as np
from numba import types

from scanner.errors import Status
from scanner.physics.kernel import INPUT, INPUT_INDEX, INPUT_MATRIX, kernel

_OK, _OUT = int(Status.ok), types.float64[::1]
_CELLS = types.Array(types.int64, 2, "C", readonly=True)
_CODES = types.Array(types.uint8, 1, "C", readonly=True)


@kernel("f8(f8, f8, f8, f8)")
def _slope(before, step_before, after, step_after):  # type: ignore[no-untyped-def]
    """Slope at a node from the secants on its two sides; of NaN, only one side has a number."""
    if np.isnan(before):
        return after
    if np.isnan(after):
        return before
    slope = (step_before * after + step_after * before) / (step_before + step_after)
    if before * after < 0:
        return slope
    bound = 3 * min(abs(before), abs(after))
    return min(max(slope, -bound), bound)


@kernel("f8(f8[::1], f8[::1], i8, i8, f8)")
def _cubic(x, y, first, count, at):  # type: ignore[no-untyped-def]
    """Interpolate between the middle two of four nodes (y starts at `first`); of one node, its value."""
    if count == 1:
        return y[first]
    step = x[2] - x[1]
    secant = (y[first + 2] - y[first + 1]) / step
    before = (y[first + 1] - y[first]) / (x[1] - x[0])
    after = (y[first + 3] - y[first + 2]) / (x[3] - x[2])
    left = _slope(before, x[1] - x[0], secant, step)
    right = _slope(secant, step, after, x[3] - x[2])
    t = (at - x[1]) / step
    u = 1 - t
    ends = y[first + 1] * u * u * (1 + 2 * t) + y[first + 2] * t * t * (1 + 2 * u)
    return ends + step * t * u * (left * u - right * t)


@kernel("f8(f8[::1], f8[::1], i8, i8, f8)")
def _linear(x, y, first, count, at):  # type: ignore[no-untyped-def]
    if count == 1:
        return y[first]
    t = (at - x[1]) / (x[2] - x[1])
    return (1 - t) * y[first + 1] + t * y[first + 2]


@kernel(
    types.void(
        INPUT,
        _CODES,
        INPUT_INDEX,
        INPUT,
        INPUT_INDEX,
        _CELLS,
        INPUT_MATRIX,
        _OUT,
        _OUT,
        types.uint8[::1],
    )
)
def interpolate(values, status, shape, nodes, first_node, cells, at, out, error, out_status):  # type: ignore[no-untyped-def]
    """Interpolate at points that lie within the grid.

    Parameters
    ----------
    values : array, float64, shape (prod(shape),)
        On the nodes, the last axis fastest; NaN where there is no number.
    status : array, uint8, shape (prod(shape),)
        Of the nodes.
    shape : array, int64, shape (axes,)
        Number of nodes on each axis.
    nodes : array, float64
        Their coordinates in each axis' own scale, one axis after the other.
    first_node : array, int64, shape (axes,)
        Where each axis begins in `nodes`.
    cells : array, int64, shape (axes, points)
        Of each point, the last node not above it.
    at : array, float64, shape (axes, points)
        Its coordinates in the axes' own scales.
    out, error : arrays, float64, shape (points,)
        The results, and their differences from linear interpolation; NaN where a node of the cell has no number.
    out_status : array, uint8, shape (points,)
        ok, or the largest status of the cell's nodes that are not.
    """
    axes = shape.size
    count = np.empty(axes, dtype=np.int64)
    cubic = np.empty(4**axes)
    linear = np.empty(4**axes)
    x = np.empty((axes, 4))
    for point in range(out.size):
        total = 1
        for a in range(axes):
            cell = cells[a, point]
            count[a] = 1 if at[a, point] == nodes[first_node[a] + cell] else 4
            total *= count[a]
            for k in range(4):
                place = min(max(cell - 1 + k, 0), shape[a] - 1)
                x[a, k] = nodes[first_node[a] + place]
        found = _OK
        for n in range(total):
            flat, rest, inside, corner, stride = 0, n, True, True, 1
            for a in range(axes - 1, -1, -1):
                k = 1 if count[a] == 1 else rest % 4
                rest //= count[a]
                place = cells[a, point] - 1 + k
                inside = inside and 0 <= place < shape[a]
                corner = corner and 1 <= k <= 2
                flat += place * stride
                stride *= shape[a]
            cubic[n] = values[flat] if inside and status[flat] == _OK else np.nan
            linear[n] = cubic[n]
            if corner and status[flat] != _OK:
                found = max(found, status[flat])
        for a in range(axes - 1, -1, -1):
            total //= count[a]
            for n in range(total):
                cubic[n] = _cubic(x[a], cubic, n * count[a], count[a], at[a, point])
                linear[n] = _linear(x[a], linear, n * count[a], count[a], at[a, point])
        out[point] = cubic[0] if found == _OK else np.nan
        error[point] = abs(cubic[0] - linear[0]) if found == _OK else np.nan
        out_status[point] = found
