"""The figure of a prediction at one point: background and signal, bin by bin, with the data."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from scipy.stats import chi2  # type: ignore[import-untyped]

from scanner.analysis import style
from scanner.errors import InputError

PANEL = (4.8, 3.6)
"""Width and height of a panel [inches]."""
STACK = {"background": "#94a4a2", "signal": "#bd1f01"}
"""Colours of what is stacked, from below."""
LINES = (("#3f90da", "-"), ("#832db6", "--"), ("#e76300", "-."), ("#a96b59", ":"))
"""Colours and dashes of other predictions."""
LINE = "line: "
"""Before the name of the signal of another prediction."""


def plot_spectrum(
    predicted: xr.Dataset, output: Path, title: str = "", others: Mapping[str, xr.Dataset] | None = None
) -> None:
    """Draw signal on background with the data, whose errors are central 68.3 % intervals of a Poisson mean.

    Of a projection, which has no data, signal and background alone are drawn, and the legend says so.

    Bins with edges (coordinates ``X_low`` and ``X_high``) stand at them, the counts divided by the widths where these
    differ; others stand side by side. Coordinates of text (beam, sample) make panels, but for the last one of bins
    without edges, which names them.

    Parameters
    ----------
    predicted
        From `scanner.predict`: ``signal``, ``background`` and ``data`` [events] over ``bin``.
    output
        A .png or .pdf file.
    title
        Goes above the figure.
    others
        Predictions of the same experiment at other points, by what the legend calls them: lines on the background.

    Raises
    ------
    InputError
        For what is known from a published curve alone and has no counts, and a point without a prediction.
    """
    others = others or {}
    for one in (predicted, *others.values()):
        _check(one)
    predicted = predicted.assign({f"{LINE}{label}": one["signal"] for label, one in others.items()})
    panels = _panels(predicted)
    rows, columns = (list(dict.fromkeys(key[i] for key in panels)) for i in (0, 1))
    with style.canvas(output, (PANEL[0] * len(columns), PANEL[1] * len(rows) + 0.5)) as figure:
        grid = figure.subplots(len(rows), len(columns), squeeze=False)
        for axes in grid.flat:
            axes.set_axis_off()
        for key, bins in panels.items():
            axes = grid[rows.index(key[0]), columns.index(key[1])]
            axes.set_axis_on()
            _draw(axes, bins, bool(predicted.attrs.get("projection")))
            axes.set_title(", ".join(filter(None, key)))
        figure.suptitle(title, fontsize="small", wrap=True)


def _check(predicted: xr.Dataset) -> None:
    name = predicted.attrs["experiment"]
    if predicted.attrs.get("from_curve"):
        raise InputError("--plot", f"{name} is known from a published curve and has no counts to draw")
    if predicted["status"].item() != "ok":
        raise InputError("--plot", f"there is no prediction at this point: status {predicted['status'].item()}")


def _panels(predicted: xr.Dataset) -> dict[tuple[str, str], xr.Dataset]:
    """The bins of each panel by (row, column): the texts that its bins share, of the last coordinate the column."""
    names = [str(name) for name, values in predicted.coords.items() if values.dtype.kind == "U"]
    if _edges(predicted) is None:
        names = names[:-1]
    texts = (
        list(zip(*(predicted[name].values.tolist() for name in names), strict=True)) or [()] * predicted.sizes["bin"]
    )
    return {
        (", ".join(key[:-1]), "".join(key[-1:])): predicted.isel(bin=[i for i, text in enumerate(texts) if text == key])
        for key in dict.fromkeys(texts)
    }


def _edges(bins: xr.Dataset) -> tuple[str, np.ndarray, np.ndarray] | None:
    """Name, lower and upper ends of the quantity that the bins divide, or None if they have no such ends."""
    for name in map(str, bins.coords):
        of = name.removesuffix("_low")
        if of != name and f"{of}_high" in bins.coords:
            low, high = bins[name].values, bins[f"{of}_high"].values
            return (of, low, high) if np.isfinite([low, high]).any() else None
    return None


def _draw(axes: Axes, bins: xr.Dataset, projection: bool) -> None:
    """Draw one panel."""
    edges = _edges(bins)
    low, high = edges[1:] if edges else (np.arange(bins.sizes["bin"]) - 0.5, np.arange(bins.sizes["bin"]) + 0.5)
    width = high - low
    uneven = edges is not None and not np.allclose(width, width[0])
    scale = 1 / width if uneven else np.ones_like(width)
    top = _draw_stack(axes, bins, low, width, scale)
    if not projection:
        top = max(top, _draw_data(axes, bins, (low + high) / 2, scale, width / 2 if edges else None))
    axes.set(xlim=(low.min(), high.max()), ylim=(0, 1.3 * top if top > 0 else 1.0))
    unit = bins[f"{edges[0]}_low"].attrs.get("units", "1") if edges else "1"
    axes.set_ylabel(f"events / {style.mathtext(unit)}" if uneven and unit != "1" else "events")
    _name_bins(axes, bins, edges and edges[0], unit)
    axes.legend(ncols=3, loc="upper right", title="projection" if projection else None)


def _draw_stack(axes: Axes, bins: xr.Dataset, low: np.ndarray, width: np.ndarray, scale: np.ndarray) -> float:
    """Draw signal on background, and lines of others; return how high they reach."""
    bottom = np.zeros_like(scale)
    names = [str(name) for name in bins.data_vars if str(name).startswith(LINE)]
    for name, colour in STACK.items():
        if names and not bins[name].any():
            continue
        height = bins[name].values * scale
        axes.bar(low, height, width, bottom, align="edge", color=colour, linewidth=0, label=name)
        bottom = bottom + height
    tops = [float(bottom.max())]
    for name, (colour, dashes) in zip(names, itertools.cycle(LINES), strict=False):
        total = (bins["background"] + bins[name]).values * scale
        look: dict[str, Any] = {
            "color": colour,
            "linestyle": dashes,
            "linewidth": 1.6,
            "label": name.removeprefix(LINE),
        }
        axes.step([*low, low[-1] + width[-1]], [*total, total[-1]], where="post", **look)
        tops.append(float(total.max()))
    return max(tops)


def _draw_data(axes: Axes, bins: xr.Dataset, middle: np.ndarray, scale: np.ndarray, reach: np.ndarray | None) -> float:
    """Draw counts with their errors; return how high they reach."""
    data = bins["data"].values
    interval = poisson_interval(data) * scale
    look: dict[str, Any] = {"fmt": "o", "color": "black", "markersize": 3.5, "linewidth": 1.0, "clip_on": False}
    axes.errorbar(middle, data * scale, np.abs(interval - data * scale), reach, label="data", **look)
    return float(interval.max())


def _name_bins(axes: Axes, bins: xr.Dataset, quantity: str | None, unit: str) -> None:
    """Label the bins by their quantity, by the text that names each, or by number."""
    if quantity:
        axes.set_xlabel(f"${quantity}$" + ("" if unit == "1" else f" [{style.mathtext(unit)}]"))
        return
    texts = [values for values in bins.coords.values() if values.dtype.kind == "U"]
    names = list(texts[-1].values) if texts and len(set(texts[-1].values)) == bins.sizes["bin"] else None
    axes.set_xticks(np.arange(bins.sizes["bin"]), names)
    axes.tick_params(axis="x", which="minor", bottom=False, top=False)
    axes.set_xlabel(str(texts[-1].name).replace("_", " ") if names else "bin")


def poisson_interval(counts: np.ndarray, level: float = 0.6827) -> np.ndarray:
    """Return the central confidence interval of a Poisson mean (Garwood 1936), shape (2, n).

    >>> poisson_interval(np.array([0, 3])).round(2)
    array([[0.  , 1.37],
           [1.84, 5.92]])
    """
    tail = (1 - level) / 2
    low = np.where(counts > 0, chi2.ppf(tail, 2 * np.maximum(counts, 1)) / 2, 0.0)
    return np.stack([low, chi2.isf(tail, 2 * counts + 2) / 2])
