"""Interpolation of −2 ln L between the nodes of a grid: exact for parabolas, monotone wherever the nodes are.

A tensor product of parabolas through the two nodes of a cell, with the mean of the second derivatives at them: of
fourth order where these agree, straight where their signs differ. It is bounded such that no slope within a cell is
beyond those of the cells beside it: what rises over the nodes rises between them, and a step gets no wiggles. Nodes
without a number are left out; between two nodes of which one has none, there is none. The error given is what the
larger of the two second derivatives would bend a straight line by, added up over the axes: an estimate from above
wherever the nodes resolve the surface at all.
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


@kernel("UniTuple(f8, 2)(f8, f8, f8, f8, f8, f8)")
def _curvature(before, step_before, secant, step, after, step_after):  # type: ignore[no-untyped-def]
    """Second derivative to take within a cell, and the larger of those at its nodes.

    From the cell's secant and those of the cells beside it, NaN where there are none: at an end of the axis, the
    cell's own direction takes the place of that of the neighbour.
    """
    left = 2 * (secant - before) / (step_before + step)
    right = 2 * (after - secant) / (step + step_after)
    bound_left = abs(secant) if np.isnan(left) else abs(secant - before)
    bound_right = abs(secant) if np.isnan(right) else abs(after - secant)
    left, right = right if np.isnan(left) else left, left if np.isnan(right) else right
    if np.isnan(left):
        return 0.0, np.abs(secant) / step
    largest = max(abs(left), abs(right))
    if not left * right > 0:
        return 0.0, largest
    bound = 2 * min(bound_left, bound_right) / step
    return math.copysign(min(0.5 * abs(left + right), bound), left), largest


@kernel("UniTuple(f8, 2)(f8[::1], f8[::1], f8[::1], i8, i8, f8)")
def _between(x, y, error, first, count, at):  # type: ignore[no-untyped-def]
    """Value and error between the middle two of four nodes (y starts at `first`); of one node, its own."""
    if count == 1:
        return y[first], error[first]
    step = x[2] - x[1]
    secant = (y[first + 2] - y[first + 1]) / step
    before = (y[first + 1] - y[first]) / (x[1] - x[0])
    after = (y[first + 3] - y[first + 2]) / (x[3] - x[2])
    bend, largest = _curvature(before, x[1] - x[0], secant, step, after, x[3] - x[2])
    t = (at - x[1]) / step
    sag = 0.5 * step * step * t * (1 - t)
    value = (1 - t) * y[first + 1] + t * y[first + 2] - bend * sag
    return value, (1 - t) * error[first + 1] + t * error[first + 2] + largest * sag


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
        The results, and their errors; NaN where a node of the cell has no number.
    out_status : array, uint8, shape (points,)
        ok, or the largest status of the cell's nodes that are not.
    """
    axes = shape.size
    count = np.empty(axes, dtype=np.int64)
    found = np.empty(4**axes)
    spread = np.empty(4**axes)
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
        worst = _OK
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
            found[n] = values[flat] if inside and status[flat] == _OK else np.nan
            spread[n] = 0.0
            if corner and status[flat] != _OK:
                worst = max(worst, status[flat])
        for a in range(axes - 1, -1, -1):
            total //= count[a]
            for n in range(total):
                found[n], spread[n] = _between(x[a], found, spread, n * count[a], count[a], at[a, point])
        out[point] = found[0] if worst == _OK else np.nan
        error[point] = spread[0] if worst == _OK else np.nan
        out_status[point] = worst
