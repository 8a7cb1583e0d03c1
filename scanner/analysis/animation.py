"""Figures that move along a third axis."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.animation import PillowWriter
from matplotlib.figure import Figure

from scanner.analysis import plots, style
from scanner.analysis.curves import Shade, crossing, draw_contours, size_for
from scanner.analysis.selections import Curve
from scanner.errors import InputError

FPS = 4
DPI = 100


def animate(
    curves: Sequence[Curve],
    most: int,
    output: Path,
    shade: Shade | None = "none",
    best_fit: bool = False,
    title: str = "",
) -> int:
    """Write a two-dimensional figure for each value of a third axis, four a second, as a GIF that repeats.

    Δχ² of all frames is against one minimum, that over all three axes.

    Parameters
    ----------
    curves
        Over (x, y, third axis), that one the same in each.
    most
        Frames at most: of more values some are left out, evenly in their index.
    output
        A .gif file; its folder is made.
    shade, best_fit
        As of `scanner.analysis.curves.plot_contours`; with None for the shade, one curve is drawn as a surface.
    title
        Goes above the figure, and below it the value of the third axis.

    Returns
    -------
    int
        The number of frames.
    """
    axis = _axis(curves)
    drawn = list(curves) if shade is None else crossing(curves)[0]
    values = _thinned(axis.values, most)
    with style.writing(output, style.MOVING):
        figure = Figure(figsize=plots.SIZE if shade is None else size_for(drawn), layout="constrained")
        writer = PillowWriter(fps=FPS)
        output.parent.mkdir(parents=True, exist_ok=True)
        with writer.saving(figure, str(output), DPI):
            for value in values:
                figure.clear()
                text = f"{title}\n{style.at_value(axis, value)}".strip()
                frame = [dataclasses.replace(curve, delta=_frame(curve.delta, value)) for curve in drawn]
                if shade is None:
                    plots.draw_surface(figure, frame[0].delta, frame[0].of.levels, text)
                else:
                    draw_contours(figure, frame, shade, best_fit, text)
                writer.grab_frame()
    return len(values)


def _axis(curves: Sequence[Curve]) -> xr.DataArray:
    """The third axis; refuse one that does not move, or differs from curve to curve."""
    along = curves[0].delta.dims[-1]
    axis = curves[0].delta[along]
    if axis.size < 2:
        raise InputError("--animate", f"{along!r} has one value", float(axis[0]))
    for curve in curves[1:]:
        if not np.array_equal(axis.values, curve.delta[along].values):
            problem = f"{along!r} has other values in {curve.of.label} than in {curves[0].of.label}"
            raise InputError("--animate", problem, hint="animate along an axis that the stores share")
    return axis


def _thinned(values: np.ndarray, most: int) -> np.ndarray:
    """At most so many of some values, evenly picked, both ends included."""
    picked = np.linspace(0, len(values) - 1, min(most, len(values))).round().astype(int)
    return np.asarray(values[np.unique(picked)])


def _frame(delta: xr.DataArray, value: float) -> xr.DataArray:
    """Return a Δχ² surface at one value of its third axis, still against the minimum over all of them.

    The attributes ``best_fit`` and ``minimum`` are those of this frame.
    """
    found = delta.sel({delta.dims[-1]: value}, drop=True)
    if bool(found.isnull().all()):
        return found.assign_attrs(best_fit={}, minimum=np.nan)
    lowest = found.argmin(...)
    best = {str(dim): float(found[dim][i]) for dim, i in lowest.items()}
    return found.assign_attrs(best_fit=best, minimum=delta.attrs["minimum"] + float(found.isel(lowest)))
