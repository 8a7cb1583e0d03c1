"""The axes of a cube as analysis sees them: their own scale, their nearest values, and which of them matter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from scanner.errors import InputError, did_you_mean

if TYPE_CHECKING:
    import xarray as xr


def is_log(axis: xr.DataArray) -> bool:
    """Whether an axis was laid out in its logarithm."""
    return bool(axis.attrs.get("scale") == "log")


def drawn_in_log(axis: xr.DataArray) -> bool:
    """Whether a parameter is drawn on a logarithmic axis: if it was scanned so, or its listed values ask for it."""
    scale, values = axis.attrs.get("scale", "values"), axis.values
    return bool(scale == "log" or (scale == "values" and values[0] > 0 and values[-1] / values[0] > 50))


def scaled(axis: xr.DataArray, values: np.ndarray | float | None = None) -> np.ndarray:
    """Return values of an axis (all of its own by default) in its own scale: log10 on logarithmic axes."""
    values = np.asarray(axis.values if values is None else values, dtype=np.float64)
    return np.log10(values) if is_log(axis) else values


def unscaled(axis: xr.DataArray, values: np.ndarray | float) -> np.ndarray:
    """Return values given in an axis' own scale in the parameter's unit."""
    values = np.asarray(values, dtype=np.float64)
    return np.power(10.0, values) if is_log(axis) else values


def nearest(axis: xr.DataArray, value: float, where: str) -> int:
    """Return the index of the value of an axis that is nearest in the axis' own scale.

    Raises
    ------
    InputError
        If the value lies outside the axis.
    """
    low, high = float(axis.min()), float(axis.max())
    slack = 1e-9 * max(abs(low), abs(high))
    if not low - slack <= value <= high + slack:
        raise InputError(f"{where} {axis.name}".lstrip(), "outside the axis", value, f"{low:g} to {high:g}")
    inside = min(max(value, low), high)
    return int(np.abs(scaled(axis) - scaled(axis, inside)).argmin())


def check_axes(names: Iterable[str], axes: Sequence[str], where: str) -> None:
    """Refuse names that are no axes, or the same twice.

    Raises
    ------
    InputError
        For the first such name, with the closest axis.
    """
    names = list(names)
    if len(set(names)) != len(names):
        raise InputError(where, "the axes must differ", names)
    for name in names:
        if name not in axes:
            raise InputError(
                where,
                f"{name!r} is not an axis left to choose",
                allowed=", ".join(axes),
                hint=did_you_mean(name, axes),
            )


def fix(chi2: xr.DataArray, at: Mapping[str, float], keep: Sequence[str] = ()) -> tuple[xr.DataArray, dict[str, float]]:
    """Take the nearest grid values of some axes.

    Parameters
    ----------
    chi2
        Over axes.
    at
        Values at which to fix axes.
    keep
        Axes that must not be fixed.

    Returns
    -------
    tuple
        What is left, and the grid values that were taken.
    """
    check_axes(at, [str(name) for name in chi2.dims], "--at")
    index: dict[str, int] = {}
    for name, value in at.items():
        if name in keep:
            raise InputError("--at", f"{name!r} is an axis of the plot")
        index[name] = nearest(chi2[name], value, "--at")
    fixed = {name: float(chi2[name][i]) for name, i in index.items()}
    return chi2.isel(index, drop=True), fixed


def used_axes(dataset: xr.Dataset, experiments: Iterable[str]) -> list[str]:
    """Return the axes that at least one of these experiments depends on, in the cube's order."""
    facts = dataset.attrs["experiments"]
    dims = [str(name) for name in dataset["chi2"].dims if name != "experiment"]
    used = {axis for name in experiments for axis in facts[name].get("axes", dims)}
    return [name for name in dims if name in used]


def drop_idle(
    values: xr.DataArray, dataset: xr.Dataset, experiments: Iterable[str], keep: Sequence[str] = ()
) -> tuple[xr.DataArray, dict[str, float]]:
    """Take the first value of axes that no experiment depends on: profiling them would only cost time.

    Returns
    -------
    tuple
        What is left, and the first values of the axes dropped.
    """
    used = {*used_axes(dataset, experiments), *keep}
    idle = {str(name): float(values[name][0]) for name in values.dims if name not in used}
    return values.isel(dict.fromkeys(idle, 0), drop=True), idle
