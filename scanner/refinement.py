"""The choice of what to refine: where a contour, or the minimum, of a profile may run. Pure functions of arrays.

A profile is −2 ln L over the points (x, y) of a grid, NaN where there is no number; a cell lies between four
neighbouring points. A level's grid has the points of the level above, and one between any two of them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence

import numpy as np

from scanner.grid import Layout

TOLERANCE = 1e-4
"""A minimum deeper by less moves no contour by what can be seen; plateaus and valleys are that flat."""


def with_midpoints(values: Sequence[float], scale: str) -> tuple[float, ...]:
    """Insert a value between any two, half way in the axis' own scale; those given are kept bit for bit.

    Parameters
    ----------
    values
        Increasing, in the parameter's unit.
    scale
        ``log``, ``linear`` or ``values``, as of `scanner.grid.Axis`.

    >>> with_midpoints((1.0, 4.0, 16.0), "log")
    (1.0, 2.0, 4.0, 8.0, 16.0)
    """
    found = [values[0]]
    for low, high in itertools.pairwise(values):
        found += [math.sqrt(low) * math.sqrt(high) if scale == "log" else low + (high - low) / 2, high]
    return tuple(found)


def wanted(coarse: np.ndarray, fine: np.ndarray, heights: Sequence[float], minimum: float) -> np.ndarray:
    """Return the points of a level that its contours need.

    These are the points in cells of the level above through which a contour may run, that may hold a minimum deeper
    by `TOLERANCE`, or that touch the minimum; and those around where the level itself has found a contour, or a
    minimum deeper by `TOLERANCE` than that above, up to a cell further: so a contour is followed until it closes, or
    ends at the grid's edge or at points that are not ok, and a minimum until it has higher points around it.

    Parameters
    ----------
    coarse
        Profile of the level above, shape (nx, ny).
    fine
        Profile of this level, so far: shape (2 nx − 1, 2 ny − 1).
    heights
        Δχ² of the contours.
    minimum
        Lowest −2 ln L of all levels: what Δχ² is relative to.

    Returns
    -------
    numpy.ndarray
        bool, of the shape of `fine`.
    """
    low, high = bounds(coarse)
    above = _crossed(low, high, minimum + np.asarray(heights)) | (low < minimum - TOLERANCE) | _touching_minimum(coarse)
    # Imported here: every `scanner status` and every worker loads this module, and few refine.
    from scipy.ndimage import binary_dilation  # type: ignore[import-untyped]

    here = _crossed(*_ends(fine), minimum + np.asarray(heights))
    if np.nanmin(fine) < np.nanmin(coarse) - TOLERANCE:
        here |= _touching_minimum(fine)
    return _corners(above.repeat(2, 0).repeat(2, 1) | binary_dilation(here, np.ones((3, 3), dtype=bool)))


def bounds(profile: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return lowest and highest value that a profile may have in each cell, shape (nx − 1, ny − 1).

    The ends of what the cell's corners have, widened by how far a function with the curvature found there can go
    beyond them: so a lobe, an island or a valley that passes between grid points is seen from these. Strict for a
    quadratic function, except next to points that are not ok, where its curvature is not known.
    """
    low, high = _ends(profile)
    for axis in (0, 1):
        low = low - _overshoot(profile, axis)
        high = high + _overshoot(-profile, axis)
    return low, high


def _crossed(low: np.ndarray, high: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Cells whose range holds one of some values."""
    return np.asarray(np.any([(low <= value) & (high >= value) for value in values], axis=0))


def _touching_minimum(profile: np.ndarray) -> np.ndarray:
    """Cells around the lowest point: the first, where several are equal."""
    points = np.zeros(profile.shape, dtype=bool)
    points[np.unravel_index(int(np.nanargmin(profile)), profile.shape)] = True
    return points[:-1, :-1] | points[:-1, 1:] | points[1:, :-1] | points[1:, 1:]


def _ends(profile: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Lowest and highest of the corners of each cell that are numbers; NaN if none is."""
    corners = [profile[:-1, :-1], profile[:-1, 1:], profile[1:, :-1], profile[1:, 1:]]
    return np.fmin.reduce(corners), np.fmax.reduce(corners)


def _overshoot(profile: np.ndarray, axis: int) -> np.ndarray:
    """How far below its corners a cell may reach between its points along one axis; 0 where nothing is known.

    A parabola from f(0) to f(1) with slope s = f(1) − f(0) and second difference 2c lies at most (c − |s|)²/4c below
    both, and not at all if c < |s|. Across the cell s takes every value between those of the cell's two edges. A
    function that rises, or falls, before, in and after the cell has no minimum in it, however steep it becomes.
    """
    along = np.moveaxis(profile, axis, 0)
    curvature, slopes = np.zeros(along.shape), np.full((along.shape[0] + 1, along.shape[1]), np.nan)
    curvature[1:-1] = np.nan_to_num(np.diff(along, 2, axis=0)) / 2
    slopes[1:-1] = np.diff(along, axis=0)
    c = np.maximum.reduce([curvature[1:, 1:], curvature[1:, :-1], curvature[:-1, 1:], curvature[:-1, :-1]])
    one, other = slopes[:, 1:], slopes[:, :-1]
    least = np.where(one * other <= 0, 0, np.fmin(np.abs(one), np.abs(other)))[1:-1]
    rises, falls = np.fmin(one, other)[:-2] > 0, np.fmax(one, other)[2:] < 0
    room = np.where(rises | falls, 0, np.maximum(c - np.nan_to_num(least, nan=np.inf), 0))
    return np.moveaxis(np.divide(room**2, 4 * c, out=np.zeros(c.shape), where=room > 0), 0, axis)


def _corners(cells: np.ndarray) -> np.ndarray:
    """Points at the corners of cells."""
    points = np.zeros((cells.shape[0] + 1, cells.shape[1] + 1), dtype=bool)
    for i, j in ((0, 0), (0, 1), (1, 0), (1, 1)):
        points[i : i + cells.shape[0], j : j + cells.shape[1]] |= cells
    return points


def blocks_holding(
    points: np.ndarray, plane: tuple[str, str], layout: Layout, axes: Sequence[Sequence[str]], groups: Sequence[int]
) -> Iterator[int]:
    """Give the numbers of the blocks that hold points of a plane, at any value of the other axes.

    Parameters
    ----------
    points
        bool over the axes of the plane.
    plane
        Names of its axes.
    layout
        The blocks.
    axes
        Names of the axes of each group of experiments.
    groups
        Numbers of the groups whose blocks are meant.
    """
    for group in groups:
        kept = [name for name in axes[group] if name in plane]
        mask = points.any(axis=tuple(i for i, name in enumerate(plane) if name not in kept))
        mask = mask.T if kept == [plane[1], plane[0]] else mask
        steps = dict(zip(axes[group], layout.blocks[group], strict=True))
        for i, name in enumerate(kept):
            mask = np.logical_or.reduceat(mask, range(0, mask.shape[i], steps[name]), axis=i)
        counts = layout.counts(group)
        shape = [n if name in plane else 1 for name, n in zip(axes[group], counts, strict=True)]
        yield from (layout.offsets[group] + np.flatnonzero(np.broadcast_to(mask.reshape(shape), counts))).tolist()
