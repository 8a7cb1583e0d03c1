"""Profiles of Δχ²: curves over one axis, and the corner of all pairs of axes."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, PathPatch

from scanner.analysis import style
from scanner.analysis.contours import contour_of
from scanner.analysis.curves import legend_place, looks, outlines, size_for
from scanner.analysis.selections import Curve
from scanner.analysis.surface import threshold
from scanner.errors import InputError

BOTTOM, TOP = -0.2, 12.0
"""Ends of Δχ² in profiles: to above 3σ, and such that 0 does not hide behind the frame."""
PANEL = 2.3
"""Side of a panel of a corner [inches]."""
SMALLEST = 6.0
"""Least side of a corner [inches]: that its title fits."""
ALPHA = 0.25
"""Tint of the inside of each contour of a corner: they lie in each other, and add up."""


def plot_profiles(curves: Sequence[Curve], output: Path, title: str = "") -> None:
    """Draw Δχ² over one axis, with lines at 1, 2 and 3σ of one degree of freedom.

    Parameters
    ----------
    curves
        Over the same axis; grids may differ.
    output
        A .png or .pdf file.
    title
        Goes above the figure.
    """
    with style.canvas(output, size_for(curves)) as figure:
        axes = figure.subplots()
        for curve, (colour, line) in zip(curves, looks(curves), strict=True):
            (x,) = (curve.delta[dim] for dim in curve.delta.dims)
            axes.plot(x, curve.delta, color=colour, linestyle=line, label=style.named(curve.of.label))
        _sigmas(axes, names=True)
        style.dress(axes.xaxis, *(curve.delta[curve.delta.dims[0]] for curve in curves))
        axes.set(ylim=(BOTTOM, TOP), ylabel=r"$\Delta\chi^2$")
        axes.set_title(title, wrap=True)
        axes.legend(**legend_place(curves))


def _sigmas(axes: Axes, names: bool) -> None:
    """Draw where Δχ² of one degree of freedom is 1, 2 and 3σ."""
    for sigma in (1, 2, 3):
        axes.axhline(sigma**2, color="0.6", linestyle="dotted", linewidth=0.9, zorder=0)
        if names:
            place = axes.get_yaxis_transform()
            axes.text(
                0.01, sigma**2, rf"${sigma}\sigma$", transform=place, va="bottom", color="0.4", fontsize="x-small"
            )


def plot_corner(
    pairs: Mapping[tuple[str, str], xr.DataArray], levels: Sequence[float], output: Path, title: str = ""
) -> None:
    """Draw the profiles over all pairs of some axes below the diagonal, and over each axis on it.

    Parameters
    ----------
    pairs
        Δχ² over (across, upwards) of each of `corner_pairs`, all of one sum and so of one minimum; where several
        points tie for it, the first pair's best fit is marked. The profile over one axis is the least of a pair's
        over the other.
    levels
        Confidence levels, drawn for two degrees of freedom.
    output
        A .png or .pdf file.
    title
        Goes above the figure.
    """
    names = list(dict.fromkeys(itertools.chain(*pairs)))
    first = next(iter(pairs.values()))
    side = max(PANEL * len(names), SMALLEST)
    with style.canvas(output, (side, side)) as figure:
        grid = figure.subplots(len(names), len(names), sharex="col", squeeze=False)
        for (row, y), (column, x) in itertools.product(enumerate(names), repeat=2):
            axes = grid[row, column]
            if column > row:
                axes.remove()
            elif column == row:
                _draw_profile(axes, _single(pairs, x), first.attrs["best_fit"])
            else:
                _draw_pair(axes, pairs[x, y], levels, first.attrs["best_fit"])
                axes.label_outer()
            if row < len(names) - 1:
                axes.set_xlabel("")
        _corner_legend(figure, first, levels)
        figure.suptitle(title, fontsize="small", wrap=True)


def corner_pairs(names: Sequence[str]) -> list[tuple[str, str]]:
    """Return the pairs of axes of a corner; refuse fewer than two axes, or one named twice."""
    if len(names) < 2 or len(set(names)) < len(names):
        raise InputError("--axis", "a corner needs two different axes or more", list(names))
    return list(itertools.combinations(names, 2))


def _single(pairs: Mapping[tuple[str, str], xr.DataArray], name: str) -> xr.DataArray:
    """The profile over one axis, from any pair that has it."""
    pair = next(delta for names, delta in pairs.items() if name in names)
    return pair.min([dim for dim in pair.dims if dim != name], keep_attrs=True)


def _draw_profile(axes: Axes, delta: xr.DataArray, best: Mapping[str, float]) -> None:
    (x,) = (delta[dim] for dim in delta.dims)
    axes.plot(x, delta, color=style.COLOURS[0])
    axes.axvline(best[str(x.name)], color="black", linewidth=0.8, linestyle="dashed")
    _sigmas(axes, names=False)
    style.dress(axes.xaxis, x)
    axes.set(ylim=(BOTTOM, TOP), ylabel=r"$\Delta\chi^2$")
    axes.yaxis.set_label_position("right")
    axes.yaxis.tick_right()


def _draw_pair(axes: Axes, delta: xr.DataArray, levels: Sequence[float], best: Mapping[str, float]) -> None:
    """Tint inside each contour, the lowest level the darkest, and mark the best fit."""
    for level in sorted(levels):
        value = threshold(level)
        for outline in outlines(delta, (-1.0, value)):
            axes.add_patch(PathPatch(outline, facecolor=style.COLOURS[0], alpha=ALPHA, linewidth=0))
        for points in contour_of(delta, level, value).lines:
            axes.plot(*points.T, color=style.COLOURS[0], linewidth=1.0)
    if np.isnan(delta.values).any():
        axes.set_facecolor("0.85")
    x, y = (best[str(dim)] for dim in delta.dims)
    axes.plot([x], [y], clip_on=False, **style.star(size=9))
    for dim, axis in zip(delta.dims, (axes.xaxis, axes.yaxis), strict=True):
        style.dress(axis, delta[dim])


def _corner_legend(figure: Figure, delta: xr.DataArray, levels: Sequence[float]) -> None:
    """Say in the empty half what the colours and the lines are."""
    depth = {level: 1 - (1 - ALPHA) ** (i + 1) for i, level in enumerate(sorted(levels, reverse=True))}
    handles: list[Any] = [
        Patch(facecolor=style.COLOURS[0], alpha=depth[level], label=style.percent(level)) for level in sorted(levels)
    ]
    least = rf"best fit, $-2\ln L$ = {delta.attrs['minimum']:.2f}"
    handles.append(Line2D([], [], label=least, **style.star(size=9)))
    figure.legend(handles=handles, loc="upper right", bbox_to_anchor=(0.98, 0.95), title="2 dof")
