"""The figure of one Δχ² surface: coloured, with contours and the best fit."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from scanner.analysis import style
from scanner.analysis.contours import contour_of
from scanner.analysis.surface import threshold

SIZE = (6.8, 5.4)
DEEPEST = 3
"""Colours end at so many times the largest contour's Δχ²: beyond it everything is excluded alike."""


def plot_surface(delta: xr.DataArray, levels: Sequence[float], output: Path, title: str = "") -> None:
    """Draw a two-dimensional Δχ² surface: filled, with contours and the best fit.

    Parameters
    ----------
    delta
        Over two axes (x, y), with the attributes ``minimum`` and ``best_fit``.
    levels
        Confidence levels, drawn for two degrees of freedom.
    output
        A .png or .pdf file.
    title
        Goes above the figure.
    """
    with style.canvas(output, SIZE) as figure:
        draw_surface(figure, delta, levels, title)


def draw_surface(figure: Figure, delta: xr.DataArray, levels: Sequence[float], title: str) -> None:
    """Draw what `plot_surface` describes on an empty figure."""
    axes = figure.subplots()
    x, y = (delta[name] for name in delta.dims)
    thresholds = {level: threshold(level) for level in sorted(levels)}
    top = DEEPEST * max(thresholds.values(), default=threshold(0.99))
    mesh = axes.pcolormesh(x, y, delta.values.T, vmin=0, vmax=top, cmap="Blues_r", shading="nearest", rasterized=True)
    figure.colorbar(mesh, ax=axes, label=r"$\Delta(-2\ln L)$", extend="max")
    if min(delta.shape) > 1:
        for (level, value), colour in zip(thresholds.items(), itertools.cycle(style.COLOURS[1:]), strict=False):
            for points in contour_of(delta, level, value).lines:
                axes.plot(*points.T, color=colour)
            axes.plot([], [], color=colour, label=rf"{style.percent(level)} ($\Delta\chi^2 = {value:.2f}$, 2 dof)")
    _mark_best_fit(axes, delta)
    for dim, axis in zip((x, y), (axes.xaxis, axes.yaxis), strict=True):
        style.dress(axis, dim)
    axes.set_title(title, wrap=True)
    if np.isnan(delta.values).any():
        axes.set_facecolor("0.85")
        axes.plot([], [], "s", color="0.85", markersize=9, label="no result (see status)")
    axes.legend(loc="best")


def _mark_best_fit(axes: Axes, delta: xr.DataArray) -> None:
    if np.isnan(delta.attrs["minimum"]):
        return
    x, y = (delta.attrs["best_fit"][str(name)] for name in delta.dims)
    label = rf"best fit ({x:.3g}, {y:.3g}), $-2\ln L$ = {delta.attrs['minimum']:.2f}"
    axes.plot([x], [y], label=label, clip_on=False, **style.star(size=13))
