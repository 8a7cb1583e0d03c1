"""Interpolation of −2 ln L between the nodes of a grid: exact for parabolas, monotone wherever the nodes are.

A tensor product of parabolas through the two nodes of a cell, with the mean of the second derivatives at them: of
fourth order where these agree, straight where their signs differ. It is bounded such that no slope within a cell is
beyond those of the cells beside it, so that a step gets no wiggles, and there is no minimum that the nodes do not
show. Nodes without a number are left out; between two nodes of which one has none, there is none. What is given as
error is the difference from linear interpolation.
"""

from __future__ import annotations

import math

import numpy as np
from numba import types

from scanner.errors import Status
from scanner.physics.kernel import INPUT, INPUT_INDEX, INPUT_MATRIX, kernel

_OK, _OUT = int(Status.ok), types.float64[::1]
_CELLS = types.Array(types.int64, 2, "C", readonly=True)
_CODES = types.Array(types.uint8, 1, "C", readonly=True)


@kernel("f8(f8, f8, f8, f8, f8, f8)")
def _curvature(before, step_before, secant, step, after, step_after):  # type: ignore[no-untyped-def]
    """Second derivative within a cell, from its secant and those of the cells beside it; NaN where there is none."""
    left = 2 * (secant - before) / (step_before + step)
    right = 2 * (after - secant) / (step + step_after)
    # At an end of the axis, the cell's own direction takes the place of the neighbour that is not there.
    bound_left = abs(secant) if np.isnan(left) else abs(secant - before)
    bound_right = abs(secant) if np.isnan(right) else abs(after - secant)
    left, right = right if np.isnan(left) else left, left if np.isnan(right) else right
    if not left * right > 0:
        return 0.0
    bound = 2 * min(bound_left, bound_right) / step
    return math.copysign(min(0.5 * abs(left + right), bound), left)


@kernel("f8(f8[::1], f8[::1], i8, i8, f8)")
def _curved(x, y, first, count, at):  # type: ignore[no-untyped-def]
    """Interpolate between the middle two of four nodes (y starts at `first`); of one node, its value."""
    if count == 1:
        return y[first]
    step = x[2] - x[1]
    secant = (y[first + 2] - y[first + 1]) / step
    before = (y[first + 1] - y[first]) / (x[1] - x[0])
    after = (y[first + 3] - y[first + 2]) / (x[3] - x[2])
    t = (at - x[1]) / step
    bend = _curvature(before, x[1] - x[0], secant, step, after, x[3] - x[2])
    return (1 - t) * y[first + 1] + t * y[first + 2] - 0.5 * bend * step * step * t * (1 - t)


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
    curved = np.empty(4**axes)
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
            curved[n] = values[flat] if inside and status[flat] == _OK else np.nan
            linear[n] = curved[n]
            if corner and status[flat] != _OK:
                found = max(found, status[flat])
        for a in range(axes - 1, -1, -1):
            total //= count[a]
            for n in range(total):
                curved[n] = _curved(x[a], curved, n * count[a], count[a], at[a, point])
                linear[n] = _linear(x[a], linear, n * count[a], count[a], at[a, point])
        out[point] = curved[0] if found == _OK else np.nan
        error[point] = abs(curved[0] - linear[0]) if found == _OK else np.nan
        out_status[point] = found
