"""Contours of several Δχ² surfaces on one figure: of stores, of groups, of each experiment alone."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import xarray as xr
from contourpy import FillType, contour_generator
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline

from scanner.analysis import style
from scanner.analysis.axes import scaled, unscaled
from scanner.analysis.contours import contour_of
from scanner.analysis.selections import Curve
from scanner.errors import InputError

Shade = Literal["none", "allowed", "excluded"]
LEGEND_INSIDE = 6
"""Entries of a legend above which it stands beside the figure."""
LEGEND_ROWS = 28
"""Entries of a legend above which it takes another column."""
SHADED = ("solid", "dashdot")
"""Lines whose side is tinted: of curves drawn beside others, only the line is."""
AGAIN = {"solid": "dashdot", "dashed": "dotted"}


def plot_contours(
    curves: Sequence[Curve], output: Path, title: str = "", shade: Shade = "none", best_fit: bool = False
) -> list[str]:
    """Draw contours of several Δχ² surfaces on one figure.

    Parameters
    ----------
    curves
        With the same two axes; grids may differ.
    output
        A .png or .pdf file.
    title
        Goes above the figure.
    shade
        Which side of each curve's lowest level to tint; dashed and dotted curves stay lines.
    best_fit
        Whether to mark where each is least.

    Returns
    -------
    list of str
        Labels of those that have no contour there: nothing is excluded at their lowest level.
    """
    drawn, without = crossing(curves)
    with style.canvas(output, size_for(drawn)) as figure:
        draw_contours(figure, drawn, shade, best_fit, title)
    return without


def crossing(curves: Sequence[Curve]) -> tuple[list[Curve], list[str]]:
    """Return the curves that have a contour, and the labels of the others; refuse if none has."""
    for curve in curves:
        if min(curve.delta.shape) < 2:
            raise InputError("plot", "a contour needs two values or more on each axis", dict(curve.delta.sizes))
    drawn = [curve for curve in curves if curve.crosses]
    if not drawn:
        levels = ", ".join(style.percent(level) for level in sorted({level for c in curves for level in c.of.levels}))
        raise InputError("--cl", f"nothing is excluded there at {levels}: no contour to draw", hint="take a lower one")
    return drawn, [curve.of.label for curve in curves if not curve.crosses]


def size_for(curves: Sequence[Curve]) -> tuple[float, float]:
    """Width and height [inches] of a figure whose legend shall not hide the data."""
    beside = 2.4 * _columns(curves) if len(curves) > LEGEND_INSIDE else 0.0
    return (6.4 + beside, 5.4)


def draw_contours(figure: Figure, curves: Sequence[Curve], shade: Shade, best_fit: bool, title: str) -> None:
    """Draw what `plot_contours` describes on an empty figure."""
    axes = figure.subplots()
    widths = _widths(curves)
    for curve, (colour, line) in zip(curves, looks(curves), strict=True):
        if shade != "none" and line in SHADED:
            for outline in outlines(curve.excess, (-np.inf, 0.0) if shade == "allowed" else (0.0, np.inf)):
                axes.add_patch(PathPatch(outline, facecolor=colour, alpha=0.13, linewidth=0))
        for level, value in curve.thresholds.items():
            for points in contour_of(curve.delta, level, value).lines:
                axes.plot(*points.T, color=colour, linestyle=line, linewidth=widths[level])
        axes.plot([], [], color=colour, linestyle=line, label=style.named(curve.of.label))
        if best_fit:
            _mark_best_fit(axes, curve.delta, colour)
    for dim, axis in zip(curves[0].delta.dims, (axes.xaxis, axes.yaxis), strict=True):
        style.dress(axis, *(curve.delta[dim] for curve in curves))
    axes.set_title(title, wrap=True)
    _place_legend(axes, curves, best_fit)


def _mark_best_fit(axes: Axes, delta: xr.DataArray, colour: str) -> None:
    if np.isnan(delta.attrs["minimum"]):
        return
    x, y = (delta.attrs["best_fit"][str(dim)] for dim in delta.dims)
    axes.plot([x], [y], zorder=5, clip_on=False, **style.star(colour))


def _widths(curves: Sequence[Curve]) -> dict[float, float]:
    """Line widths by confidence level, the lowest the thickest."""
    levels = sorted({level for curve in curves for level in curve.of.levels})
    return dict(zip(levels, np.linspace(2.0, 0.8, max(len(levels), 2)), strict=False))


def looks(curves: Sequence[Curve]) -> list[tuple[str, str]]:
    """Colour and line of each; when the colours are used up, solid goes on as dashdot and dashed as dotted.

    Many curves count their colours apart, solid and dashed: twice as many can be told from each other.
    """
    free = [curve.of for curve in curves if curve.of.colour is None]
    apart = len(free) > len(style.COLOURS)
    found, counts = [], Counter[str]()
    for one in (curve.of for curve in curves):
        line = one.line or "solid"
        turn, place = divmod(counts[line if apart else ""], len(style.COLOURS))
        counts[line if apart else ""] += one.colour is None
        found.append((one.colour or style.COLOURS[place], AGAIN.get(line, line) if turn % 2 else line))
    return found


def _place_legend(axes: Axes, curves: Sequence[Curve], best_fit: bool) -> None:
    """Line widths name the levels if there are several."""
    widths = _widths(curves)
    handles, _ = axes.get_legend_handles_labels()
    if best_fit:
        handles.append(Line2D([], [], label="best fit", **style.star()))
    levels = [Line2D([], [], color="black", linewidth=width, label=style.percent(at)) for at, width in widths.items()]
    title = style.percent(min(widths)) if len(widths) == 1 else None
    axes.legend(handles=handles + levels * (len(widths) > 1), title=title, **legend_place(curves))


def legend_place(curves: Sequence[Curve]) -> dict[str, Any]:
    """Where a legend hides no data: the emptiest corner, or beside the figure if it is long."""
    if len(curves) <= LEGEND_INSIDE:
        return {"loc": "best"}
    return {"loc": "center left", "bbox_to_anchor": (1.0, 0.5), "ncols": _columns(curves)}


def _columns(curves: Sequence[Curve]) -> int:
    return math.ceil(len(curves) / LEGEND_ROWS)


def outlines(delta: xr.DataArray, between: tuple[float, float]) -> list[Outline]:
    """Return where a surface lies between two values: outlines with their holes, in the parameters' units."""
    x, y = (delta[dim] for dim in delta.dims)
    heights = np.ma.masked_invalid(delta.values.T)
    generator = contour_generator(scaled(x), scaled(y), heights, name="serial", fill_type=FillType.OuterCode)
    return [
        Outline(np.stack([unscaled(x, points[:, 0]), unscaled(y, points[:, 1])], axis=1), codes)
        for points, codes in zip(*generator.filled(*between), strict=True)
    ]
