"""Figures of χ² surfaces."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from scanner.analysis.surface import threshold
from scanner.errors import InputError

FORMATS = (".png", ".pdf")
COLOURS = ("#d1495b", "#edae49", "#00798c", "#30638e", "#003d5b")


def plot_surface(delta: xr.DataArray, levels: Sequence[float], output: Path, title: str = "") -> None:
    """Draw a two-dimensional Δχ² surface: filled, with labelled contours and the best fit.

    Parameters
    ----------
    delta
        From `scanner.analysis.surface.surface`, with dimensions (x, y).
    levels
        Confidence levels, drawn for two degrees of freedom.
    output
        A .png or .pdf file.
    title
        Goes above the figure.
    """
    thresholds = {threshold(level): level for level in sorted(levels)}
    with _figure(output, delta, title, (6.4, 5.2)) as (figure, axes):
        _fill(figure, axes, delta, max(thresholds, default=9.21))
        _contours(axes, delta, thresholds)
        _best_fit(axes, delta)
        if np.isnan(delta.values).any():
            axes.set_facecolor("0.85")
            axes.plot([], [], "s", color="0.85", markersize=9, label="no result (see status)")
        axes.legend(loc="best", fontsize=8, framealpha=0.9)


def plot_exclusions(
    deltas: Mapping[str, xr.DataArray],
    facts: Mapping[str, Mapping[str, Any]],
    level: float,
    output: Path,
    title: str = "",
) -> list[str]:
    """Draw what each of several experiments excludes by itself.

    Parameters
    ----------
    deltas
        Of each experiment, from `scanner.analysis.surface.surface`, with the same dimensions (x, y).
    facts
        The cube's attributes of each experiment: ``limit_dof`` says at which Δχ² its limits lie, curves with
        ``from_curve`` are dashed.
    level
        Confidence level.
    output
        A .png or .pdf file.
    title
        Goes above the figure.

    Returns
    -------
    list of str
        The experiments that exclude nothing there.
    """
    import matplotlib

    first = next(iter(deltas.values()))
    if min(first.shape) < 2:
        raise InputError("plot", "a contour needs two values or more on each axis", dict(first.sizes))
    values = {name: threshold(level, facts[name].get("limit_dof", 2)) for name in deltas}
    drawn = [name for name, delta in deltas.items() if bool((delta > values[name]).any())]
    colours = matplotlib.colormaps["tab20"]
    x, y = (first[dim].values for dim in first.dims)
    with _figure(output, first, title, (8.6, 5.6)) as (_, axes):
        for i, name in enumerate(drawn):
            style = "--" if facts[name].get("from_curve") else "-"
            colour, surface = colours(i % 20), deltas[name].values.T
            axes.contour(x, y, surface, levels=[values[name]], colors=[colour], linestyles=[style])
            if style == "-":
                axes.contourf(x, y, surface, levels=[values[name], np.inf], colors=[colour], alpha=0.12)
            axes.plot([], [], style, color=colour, label=name)
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=7, title=f"{100 * level:g}% CL, each alone")
    return [name for name in deltas if name not in drawn]


@contextlib.contextmanager
def _figure(output: Path, like: xr.DataArray, title: str, size: tuple[float, float]) -> Iterator[tuple[Any, Any]]:
    """Open a figure with the axes of a surface; save it at the end."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    if output.suffix.lower() not in FORMATS:
        raise InputError("--output", "unknown kind of figure", str(output), " or ".join(FORMATS))
    figure, axes = plt.subplots(figsize=size, layout="constrained")
    try:
        yield figure, axes
        for name, axis in zip(like.dims, (axes.xaxis, axes.yaxis), strict=True):
            _dress(axes, axis, like[name])
        axes.set_title(title, fontsize=10)
        output.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(output, dpi=160)
    except OSError as error:
        raise InputError("--output", f"cannot be written: {error.strerror}", str(output)) from None
    finally:
        plt.close(figure)


def _fill(figure: Any, axes: Any, delta: xr.DataArray, largest: float) -> None:
    """Colour up to three times the largest contour: beyond it everything is excluded alike."""
    x, y = (delta[name].values for name in delta.dims)
    mesh = axes.pcolormesh(
        x, y, delta.values.T, vmin=0, vmax=3 * largest, cmap="Blues_r", shading="nearest", rasterized=True
    )
    figure.colorbar(mesh, ax=axes, label=r"$\Delta(-2\ln L)$", extend="max")


def _contours(axes: Any, delta: xr.DataArray, thresholds: dict[float, float]) -> None:
    from matplotlib.patheffects import withStroke

    if min(delta.shape) < 2:
        return
    x, y = (delta[name].values for name in delta.dims)
    for colour, (value, level) in zip(COLOURS * len(thresholds), thresholds.items(), strict=False):
        percent = f"{100 * level:g}% CL"
        drawn = axes.contour(x, y, delta.values.T, levels=[value], colors=[colour], linewidths=1.6)
        for text in axes.clabel(drawn, fmt=lambda _, label=percent: label, fontsize=7) or ():
            text.set_path_effects([withStroke(linewidth=2, foreground="white")])
        axes.plot([], [], color=colour, label=rf"{percent} ($\Delta\chi^2 = {value:.2f}$, 2 dof)")


def _best_fit(axes: Any, delta: xr.DataArray) -> None:
    best = delta.attrs["best_fit"]
    x, y = (best[str(name)] for name in delta.dims)
    label = f"best fit ({x:.3g}, {y:.3g}), $-2\\ln L$ = {delta.attrs['minimum']:.2f}"
    axes.plot([x], [y], "*", color="white", markeredgecolor="black", markersize=13, label=label, clip_on=False)


def _dress(axes: Any, axis: Any, coordinate: xr.DataArray) -> None:
    """Scale and label an axis of the figure as its parameter."""
    unit = coordinate.attrs.get("units", "1")
    name = coordinate.attrs.get("long_name", str(coordinate.name))
    axis.set_label_text(name if unit == "1" else f"{name} [{_mathtext(unit)}]")
    values = coordinate.values
    if coordinate.attrs.get("scale") == "log" or (values[0] > 0 and values[-1] / values[0] > 50):
        from matplotlib.ticker import NullFormatter

        (axes.set_xscale if axis.axis_name == "x" else axes.set_yscale)("log")
        if values[-1] / values[0] > 10:  # labels between powers of ten would run into each other
            axis.set_minor_formatter(NullFormatter())


def _mathtext(unit: str) -> str:
    """``eV^2`` as mathtext."""
    base, caret, power = unit.partition("^")
    return rf"{base}$^{{{power}}}$" if caret else unit
