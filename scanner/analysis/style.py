"""The look of every figure: the field's own (mplhep's), in colours that the colour-blind tell apart."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.style
import mplhep  # type: ignore[import-untyped]
import numpy as np
import xarray as xr
from matplotlib.axis import Axis
from matplotlib.cbook import is_math_text
from matplotlib.figure import Figure
from matplotlib.mathtext import MathTextParser
from matplotlib.ticker import FuncFormatter, NullFormatter, StrMethodFormatter

from scanner.analysis.axes import drawn_in_log
from scanner.errors import InputError

STILL = (".png", ".pdf")
MOVING = (".gif",)
LINES = ("solid", "dashed", "dashdot", "dotted")
COLOURS = (
    "#3f90da",
    "#bd1f01",
    "#ffa90e",
    "#832db6",
    "#94a4a2",
    "#a96b59",
    "#e76300",
    "#717581",
    "#b9ac70",
    "#92dadd",
)
"""The ten colours of Petroff, arXiv:2107.02270, the most different ones first."""

# mplhep's style is made for a figure of 10 × 10 inches; these are its proportions at the size of a column.
_LOOK = {
    "font.size": 12,
    "mathtext.default": matplotlib.rcParamsDefault["mathtext.default"],  # variables are italic, other than in the style
    "axes.linewidth": 1.0,
    "axes.titlesize": "small",
    "legend.fontsize": "x-small",
    "legend.title_fontsize": "small",
    "legend.frameon": True,
    "legend.framealpha": 0.85,
    "legend.edgecolor": "none",
    "lines.linewidth": 1.6,
    **{f"{axis}tick.{kind}.size": size for axis in "xy" for kind, size in (("major", 6), ("minor", 3))},
}
DPI = 160


def star(colour: str = "white", size: float = 11) -> dict[str, Any]:
    """How a best fit is marked: what `matplotlib.axes.Axes.plot` and legends take."""
    return {"linestyle": "", "marker": "*", "markersize": size, "color": colour, "markeredgecolor": "black"}


@contextlib.contextmanager
def canvas(output: Path, size: tuple[float, float]) -> Iterator[Figure]:
    """Open a figure in the field's look, and save it at the end.

    Parameters
    ----------
    output
        A .png or .pdf file; its folder is made.
    size
        Width and height [inches].

    Raises
    ------
    InputError
        For another kind of file, or one that cannot be written.
    """
    with writing(output, STILL):
        figure = Figure(figsize=size, layout="constrained")
        yield figure
        output.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(output, dpi=DPI)


@contextlib.contextmanager
def writing(output: Path, formats: tuple[str, ...]) -> Iterator[None]:
    """Set the look, and nothing outside of it, for what writes a figure; refuse a file of another format."""
    check_format(output, formats)
    with matplotlib.style.context([mplhep.style.ROOT, _LOOK]):
        try:
            yield
        except OSError as error:
            raise InputError("--output", f"cannot be written: {error.strerror}", str(output)) from None


def check_format(output: Path, formats: tuple[str, ...], where: str = "--output") -> None:
    """Refuse a file of another format: also what takes long to compute shall say so first."""
    if output.suffix.lower() not in formats:
        raise InputError(where, "unknown kind of figure", str(output), " or ".join(formats))


def check_text(where: str, text: str) -> None:
    """Refuse text between dollar signs that cannot be drawn: also what takes long to compute shall say so first."""
    try:
        if is_math_text(text):
            MathTextParser("path").parse(text)
    except ValueError:
        raise InputError(
            where, "is not a formula that can be drawn", text, hint=r"write \$ for a dollar sign"
        ) from None


def named(text: str) -> str:
    """A label for the legend, which passes over those that begin with an underscore."""
    return f" {text}" if text.startswith("_") else text


def dress(axis: Axis, coordinate: xr.DataArray, *more: xr.DataArray) -> None:
    """Scale and label an axis of a figure as its parameter, and limit it to what all these coordinates span."""
    name = axis.axis_name  # type: ignore[attr-defined]
    values = np.concatenate([one.values for one in (coordinate, *more)])
    axis.axes.set(**{f"{name}label": label(coordinate)})
    if drawn_in_log(coordinate):
        axis.axes.set(**{f"{name}scale": "log"})
        _set_log_labels(axis, values.max() / values.min())
    if values.min() < values.max():
        axis.axes.set(**{f"{name}lim": (values.min(), values.max())})


def _set_log_labels(axis: Axis, ratio: float) -> None:
    """Label powers of ten; over less than a decade 0.2, 0.3, 0.5 as well, which would else run into each other."""
    if ratio > 10:
        axis.set_minor_formatter(NullFormatter())
        return
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(FuncFormatter(lambda x, _: f"{x:g}" if f"{x:.0e}"[0] in "235" else ""))


def label(coordinate: xr.DataArray) -> str:
    """``$m_N$ [GeV]``."""
    unit = coordinate.attrs.get("units", "1")
    name = str(coordinate.attrs.get("long_name", coordinate.name))
    return name if unit == "1" else f"{name} [{mathtext(unit)}]"


def at_value(coordinate: xr.DataArray, value: float) -> str:
    """``$m_N$ = 0.3 GeV``."""
    unit = coordinate.attrs.get("units", "1")
    name = coordinate.attrs.get("long_name", coordinate.name)
    return f"{name} = {value:.4g}" + ("" if unit == "1" else f" {mathtext(unit)}")


def mathtext(unit: str) -> str:
    """``eV^2`` as matplotlib writes it."""
    base, caret, power = unit.partition("^")
    return rf"{base}$^{{{power}}}$" if caret else unit


def percent(level: float) -> str:
    """Name a confidence level, five standard deviations among them.

    >>> percent(0.9), percent(0.9973), percent(0.99999943)
    ('90% CL', '99.73% CL', '99.999943% CL')
    """
    return f"{100 * level:.10g}% CL"
