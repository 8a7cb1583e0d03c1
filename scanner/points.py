"""Lists of points: read from a CSV file, completed by fits, and as a scan that runs over them."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scanner.analysis.axes import nearest
from scanner.config import AxisSpec, ScanFile
from scanner.errors import InputError, did_you_mean
from scanner.grid import Axis, Grid
from scanner.scan import Group, Scan, Values, resolve

if TYPE_CHECKING:
    import xarray as xr

POINT = "point"
"""Name of the axis that runs over a list of points."""
_FORM = "a first line that names axes of the store, then one point a line"
_SLACK = 1e-9
"""Of an axis' largest value: numbers written with fewer digits may lie beyond its ends by so much."""


def read_points(file: str | os.PathLike[str], grid: Grid) -> dict[str, np.ndarray]:
    """Read points from a CSV file.

    Parameters
    ----------
    file
        Its first line names axes, each further one has a point's values on them in the axes' units. Empty lines and
        those that begin with ``#`` are passed over.
    grid
        The axes that there are, which bound the values.

    Returns
    -------
    dict
        Values by name of the axis, in the file's order, float64 of shape (points,).

    Raises
    ------
    InputError
        With the line, for a file that is not of this form, unknown axes, values that are no numbers or beyond the
        ends of their axis, and what is there twice.
    """
    (first, names), *rows = _rows(Path(file))
    _check_header(f"{file}, line {first}", names, grid)
    if not rows:
        raise InputError(str(file), "has no points", allowed=_FORM)
    found: dict[tuple[float, ...], int] = {}
    for line, cells in rows:
        where = f"{file}, line {line}"
        point = _point(where, names, cells, grid)
        if point in found:
            raise InputError(where, f"the same point as on line {found[point]}", cells)
        found[point] = line
    return dict(zip(names, np.array(list(found)).T, strict=True))


def _rows(path: Path) -> list[tuple[int, list[str]]]:
    """Lines that hold something, with their numbers, cut into cells."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise InputError(str(path), f"cannot be read: {error.strerror}", allowed="a CSV file") from None
    except UnicodeDecodeError:
        raise InputError(str(path), "is not a text file", allowed="CSV in UTF-8") from None
    kept = [(n, line) for n, line in enumerate(lines, 1) if line.strip() and not line.lstrip().startswith("#")]
    if not kept:
        raise InputError(str(path), "is empty", allowed=_FORM)
    try:
        return [(n, [cell.strip() for cell in next(csv.reader([line]))]) for n, line in kept]
    except csv.Error as error:
        raise InputError(str(path), f"is no CSV file: {error}", allowed=_FORM) from None


def _check_header(where: str, names: Sequence[str], grid: Grid) -> None:
    if all(_is_number(name) for name in names):
        raise InputError(where, "numbers where the header should be", list(names), _FORM)
    for i, name in enumerate(names):
        if name not in grid.names:
            allowed, hint = ", ".join(grid.names), did_you_mean(name, grid.names)
            raise InputError(where, "not an axis of the store", name, allowed, hint)
        if name in names[:i]:
            raise InputError(where, "names an axis twice", name)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _point(where: str, names: Sequence[str], cells: Sequence[str], grid: Grid) -> tuple[float, ...]:
    if len(cells) != len(names):
        raise InputError(where, "should have a value for each name of the header", list(cells), ", ".join(names))
    return tuple(_value(f"{where}, {name}", cell, grid.axis(name)) for name, cell in zip(names, cells, strict=True))


def _value(where: str, text: str, axis: Axis) -> float:
    """A number on an axis; one that is beyond its end by its last digit alone is the end."""
    low, high = axis.values[0], axis.values[-1]
    slack = _SLACK * max(abs(low), abs(high))
    allowed = f"{low:g} to {high:g}" + ("" if axis.unit == "1" else f" {axis.unit}")
    if not _is_number(text):
        raise InputError(where, "should be a number", text, allowed)
    value = float(text)
    if not low - slack <= value <= high + slack:  # refuses NaN
        raise InputError(where, "outside the axis", value, allowed)
    return min(max(value, low), high)


def fit_others(
    dataset: xr.Dataset, points: Mapping[str, np.ndarray], experiments: Sequence[str]
) -> dict[str, np.ndarray]:
    """Complete points on some axes by the values of the other axes that fit best there.

    Parameters
    ----------
    dataset
        An opened cube.
    points
        Values on some of its axes, shape (points,).
    experiments
        Those whose sum is fitted.

    Returns
    -------
    dict
        Values on all axes, in the cube's order. Those of axes that were not given are of the grid, and minimise
        −2 ln L where the given ones are at the grid's nearest; an axis that no experiment depends on has its first.

    Raises
    ------
    InputError
        Where there is nothing to fit at a point: no status there is ok.
    """
    axes = [str(name) for name in dataset["chi2"].dims if name != "experiment"]
    if set(axes) == set(points):
        return {name: points[name] for name in axes}
    from scanner.analysis.surface import surface  # here: it takes dask.array, that workers do without

    profile = surface(dataset, tuple(points), experiments)
    index = {name: [nearest(dataset[name], value, POINT) for value in values] for name, values in points.items()}
    there = profile.isel({name: (POINT, i) for name, i in index.items()})
    for i in np.flatnonzero(np.isnan(there.values)):
        given = {name: float(values[i]) for name, values in points.items()}
        hint = f"leave the point out, or give its values of {', '.join(name for name in axes if name not in points)}"
        raise InputError(
            f"{POINT} {i + 1}", "no status of the store is ok there, and so nothing fits", given, hint=hint
        )
    return {name: points[name] if name in points else there[f"best_{name}"].values for name in axes}


def at_points(scan: Scan, points: Mapping[str, np.ndarray], profiled: Sequence[str] = ()) -> Scan:
    """Return the scan whose first axis, ``point``, runs over a list of points, and whose others are those profiled.

    Parameters
    ----------
    scan
        A scan.
    points
        Values on all of its other axes, shape (points,). Tied parameters follow them.
    profiled
        Axes that keep their values.

    Raises
    ------
    InputError
        Where a tied parameter leaves its range.
    """
    named = [name for name in scan.grid.names if name not in profiled]
    columns = [points[name] for name in named]
    rows = [_single(scan, dict(zip(named, map(float, row), strict=True))) for row in zip(*columns, strict=True)]
    parameters = {
        name: values if set(values.axes) <= set(profiled) else _stacked([row[name] for row in rows], profiled)
        for name, values in scan.parameters.items()
    }
    members = tuple(member for group in scan.groups for member in group.members)
    axis = Axis(POINT, tuple(map(float, range(len(rows)))))
    grid = Grid((axis, *scan.grid.subgrid(tuple(profiled)).axes))
    return Scan(scan.file, scan.model, grid, parameters, (Group(grid.names, members, scan.model.constraints),))


def _stacked(rows: Sequence[Values], profiled: Sequence[str]) -> Values:
    """Values of a parameter at one point after another, of which only the axes profiled are left."""
    kept = [i for i, name in enumerate(rows[0].axes) if name in profiled]
    shape = [rows[0].array.shape[i] for i in kept]
    return Values((POINT, *(rows[0].axes[i] for i in kept)), np.array([row.array.reshape(shape) for row in rows]))


def _single(scan: Scan, point: Mapping[str, float]) -> Mapping[str, Values]:
    """Parameters of a scan whose axes have one value each, but for those not given."""
    axes = {
        axis.name: AxisSpec.model_construct(values=[point[axis.name]] if axis.name in point else list(axis.values))
        for axis in scan.grid.axes
    }
    file: ScanFile = scan.file.model_copy(update={"axes": axes, "experiments": []})
    return resolve(file).parameters
