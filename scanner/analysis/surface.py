"""χ² surfaces: the sum over experiments, profiled over some axes or fixed on them, relative to the minimum."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr

from scanner.analysis.axes import check_axes, drop_idle, fix
from scanner.analysis.totals import total
from scanner.errors import InputError

_LOWEST = np.dtype([("chi2", np.float64), ("index", np.int64)])
_NOWHERE = np.iinfo(np.int64).max


def surface(
    dataset: xr.Dataset,
    keep: Sequence[str],
    experiments: Sequence[str] | None = None,
    at: Mapping[str, float] | None = None,
) -> xr.DataArray:
    """Return Δχ² over some axes, the other axes fixed or profiled.

    Parameters
    ----------
    dataset
        An opened cube.
    keep
        Axes to keep, in the order wanted.
    experiments
        See `scanner.analysis.totals.total`.
    at
        Values at which to fix axes: the nearest grid values are taken, and named in the attributes.

    Returns
    -------
    xarray.DataArray
        Δ(−2 ln L) ≥ 0, NaN where no point is ok. Each profiled axis has a coordinate ``best_NAME`` over the
        kept axes: its value at the profile's minimum. Attributes: ``minimum``, ``best_fit`` (all axes),
        ``fixed``, ``experiments``.

    Raises
    ------
    InputError
        For an unknown axis or value, experiments that cannot be summed, where no point is ok, and a refined axis of
        a level that would be profiled.
    """
    chi2, idle, fixed = prepare(dataset, keep, experiments, at)
    lowest, where = profile(chi2, keep)
    minimum, best = _minimum(lowest, where)
    coordinates = kept_coordinates(chi2, keep)
    for name, values in (where | idle).items():
        there = np.where(np.isnan(lowest.values), np.nan, values)
        coordinates[f"best_{name}"] = xr.DataArray(there, dims=keep, attrs=dataset[name].attrs)
    attributes = {
        "long_name": r"$\Delta\chi^2$",
        "units": "1",
        "minimum": minimum,
        "best_fit": {**best, **fixed, **idle},
        "fixed": fixed,
        "experiments": chi2.attrs["experiments"],
    }
    return xr.DataArray(lowest.values - minimum, coordinates, tuple(keep), "delta_chi2", attributes)


def kept_coordinates(values: xr.DataArray, keep: Sequence[str]) -> dict[Hashable, xr.DataArray]:
    """Return the coordinates, tied and derived parameters among them, that the kept axes determine."""
    return {name: coordinate for name, coordinate in values.coords.items() if set(coordinate.dims) <= set(keep)}


def prepare(
    dataset: xr.Dataset,
    keep: Sequence[str],
    experiments: Sequence[str] | None,
    at: Mapping[str, float] | None,
) -> tuple[xr.DataArray, dict[str, float], dict[str, float]]:
    """Return the lazy sum on the axes that matter, the values of idle axes, and those of fixed axes."""
    chi2 = total(dataset, experiments)
    check_axes(keep, [str(name) for name in chi2.dims], "axis")
    chi2, fixed = fix(chi2, at or {}, keep)
    chi2, idle = drop_idle(chi2, dataset, chi2.attrs["experiments"], keep)
    _refuse_holes(chi2, dataset.attrs.get("refined", ()), keep)
    return chi2, idle, fixed


def _refuse_holes(chi2: xr.DataArray, refined: Sequence[str], keep: Sequence[str]) -> None:
    """Refuse to profile a refined axis: of most values of the other one only few of its points were computed."""
    lost = [name for name in refined if name in chi2.dims and name not in keep]
    if keep and lost:
        problem = f"a refined level has points near contours alone: {', '.join(lost)} cannot be profiled on it"
        raise InputError("level", problem, list(keep), hint="keep or fix both refined axes, or take level 0")


def profile(chi2: xr.DataArray, keep: Sequence[str]) -> tuple[xr.DataArray, dict[str, np.ndarray]]:
    """Minimise over all axes but some, reading every block once.

    Parameters
    ----------
    chi2
        Lazy or not.
    keep
        Axes to keep, in the order wanted.

    Returns
    -------
    tuple
        The minimum over the kept axes, NaN where no point is ok, and the values there of each other axis:
        of equal minima the first in the order of the axes.

    Raises
    ------
    InputError
        If no point is ok at all.
    """
    others = [str(name) for name in chi2.dims if name not in keep]
    array = da.asarray(chi2.transpose(*keep, *others).data)
    shape = array.shape[len(keep) :]
    found = _lowest(array, len(keep)).compute() if others else _as_lowest(array.compute())
    values = np.where(np.isinf(found["chi2"]), np.nan, found["chi2"])
    if np.isnan(values).all():
        raise InputError("store", "no point of this surface has been computed (status is not ok anywhere)")
    index = np.unravel_index(found["index"], shape) if others else ()
    where = {name: chi2[name].values[i] for name, i in zip(others, index, strict=True)}
    return xr.DataArray(values, {name: chi2[name] for name in keep}, tuple(keep)), where


def _lowest(array: Any, kept: int) -> Any:
    """Lowest value over the axes behind the kept ones, and its flat index there, as a lazy array of records."""
    shape, others = array.shape[kept:], tuple(range(kept, array.ndim))
    ones = tuple((1,) * n for n in array.numblocks[kept:])
    blocks = array.map_blocks(
        _lowest_of_block, kept, shape, dtype=_LOWEST, chunks=array.chunks[:kept] + ones, meta=_empty(array.ndim)
    )
    return da.reduction(blocks, _lower, _lower, axis=others, dtype=_LOWEST, meta=_empty(kept), concatenate=True)


def _empty(ndim: int) -> np.ndarray:
    return np.empty((0,) * ndim, _LOWEST)


def _as_lowest(values: np.ndarray) -> np.ndarray:
    """Records of values that need no search."""
    found = np.zeros(values.shape, _LOWEST)
    found["chi2"] = values
    return found


def _lowest_of_block(block: np.ndarray, kept: int, shape: tuple[int, ...], block_info: Any = None) -> np.ndarray:
    """Records of one block: infinity where it has no number."""
    start = [first for first, _ in block_info[0]["array-location"]][kept:]
    flat = block.reshape(*block.shape[:kept], -1)
    values = np.where(np.isnan(flat), np.inf, flat)
    inside = values.argmin(-1)
    index = np.unravel_index(inside, block.shape[kept:])
    found = np.empty(inside.shape, _LOWEST)
    found["chi2"] = np.take_along_axis(values, inside[..., None], -1)[..., 0]
    found["index"] = np.ravel_multi_index([i + s for i, s in zip(index, start, strict=True)], shape)
    return found.reshape(*inside.shape, *(1,) * len(shape))


def _lower(records: np.ndarray, axis: tuple[int, ...], keepdims: bool) -> np.ndarray:
    """Lowest of several records, of equal ones that of the lowest index: the same however the cube is cut."""
    chi2 = records["chi2"].min(axis, keepdims=True)
    index = np.where(records["chi2"] == chi2, records["index"], _NOWHERE).min(axis, keepdims=True)
    found = np.empty(chi2.shape, _LOWEST)
    found["chi2"], found["index"] = chi2, index
    return found if keepdims else found.squeeze(axis)


def _minimum(lowest: xr.DataArray, where: Mapping[str, np.ndarray]) -> tuple[float, dict[str, float]]:
    """Smallest value of a profile and all axes' values there."""
    index = np.unravel_index(int(np.nanargmin(lowest.values)), lowest.shape)
    best = {str(name): float(lowest[name][i]) for name, i in zip(lowest.dims, index, strict=True)}
    return float(lowest.values[index]), best | {name: float(values[index]) for name, values in where.items()}


def threshold(level: float, dof: int = 2) -> float:
    """Δχ² of a confidence level (Wilks).

    Parameters
    ----------
    level
        Between 0 and 1.
    dof
        Number of parameters that are not profiled.

    Raises
    ------
    InputError
        If there is no such level or number.

    >>> round(threshold(0.90), 3), round(threshold(0.90, dof=1), 3)
    (4.605, 2.706)
    """
    from scipy.special import chdtri  # type: ignore[import-untyped]

    if not 0 < level < 1:
        raise InputError("--cl", "a confidence level is between 0 and 1", level)
    if dof < 1 or int(dof) != dof:
        raise InputError("dof", "a number of degrees of freedom is 1, 2, ...", dof)
    return float(chdtri(dof, 1 - level))
