"""χ² surfaces: the sum over experiments, profiled over some axes or fixed on them, relative to the minimum."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist

import numpy as np
import xarray as xr

from scanner.errors import InputError, did_you_mean


def total(dataset: xr.Dataset, experiments: Sequence[str] | None = None) -> xr.DataArray:
    """Return the sum of −2 ln L over experiments, in float64 and in order of name.

    Parameters
    ----------
    dataset
        An opened cube.
    experiments
        Names; all of the cube's by default.

    Raises
    ------
    InputError
        For an unknown name, or experiments that share data and must not be summed.
    """
    known = [str(name) for name in dataset["experiment"].values]
    chosen = sorted(known if experiments is None else experiments)
    for name in chosen:
        if name not in known:
            raise InputError(
                "experiment",
                f"not in this cube: {name!r}",
                allowed=", ".join(known),
                hint=did_you_mean(name, known),
            )
    _refuse_overlaps(dataset, chosen)
    parts = [dataset["chi2"].sel(experiment=name, drop=True).astype(np.float64) for name in chosen]
    result = parts[0]
    for part in parts[1:]:
        result = result + part
    result.attrs["experiments"] = chosen
    return result.rename("chi2")


def _refuse_overlaps(dataset: xr.Dataset, names: Sequence[str]) -> None:
    facts = dataset.attrs["experiments"]
    for a, b in itertools.combinations(names, 2):
        shared = set(facts[a]["data_sets"]) & set(facts[b]["data_sets"])
        if shared:
            raise InputError(
                "experiment",
                f"{a} and {b} share data ({', '.join(sorted(shared))}) and cannot be summed",
                hint="choose one with --experiment",
            )


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
        See `total`.
    at
        Values at which to fix axes: the nearest grid values are taken, and named in the attributes.

    Returns
    -------
    xarray.DataArray
        Δ(−2 ln L) ≥ 0, NaN where no point is ok. Attributes: ``minimum``, ``best_fit`` (all axes),
        ``fixed``, ``experiments``.
    """
    chi2 = total(dataset, experiments)
    for name in keep:
        _check_axis(chi2, name, "axis")
    if len(set(keep)) != len(keep):
        raise InputError("axis", "the axes of a surface must differ", list(keep))
    chi2, fixed = _fix(chi2, keep, at or {})
    chi2, idle = _drop_idle(chi2, dataset, keep)
    others = [name for name in chi2.dims if name not in keep]
    profile = chi2.min(others).compute()
    if bool(profile.isnull().all()):
        raise InputError("store", "no point of this surface has been computed (status is not ok anywhere)")
    best, minimum = _best_fit(chi2, profile)
    result = (profile - minimum).transpose(*keep).rename("delta_chi2")
    result.attrs = {
        "long_name": r"$\Delta\chi^2$",
        "units": "1",
        "minimum": minimum,
        "best_fit": {**best, **fixed, **idle},
        "fixed": fixed,
        "experiments": chi2.attrs["experiments"],
    }
    return result


def _fix(chi2: xr.DataArray, keep: Sequence[str], at: Mapping[str, float]) -> tuple[xr.DataArray, dict[str, float]]:
    """Take the nearest grid values of some axes; return what is left, and these values."""
    fixed: dict[str, float] = {}
    for name, value in at.items():
        _check_axis(chi2, name, "--at")
        if name in keep:
            raise InputError("--at", f"{name!r} is an axis of the plot")
        fixed[name] = _nearest(chi2, name, value)
        chi2 = chi2.sel({name: fixed[name]}, drop=True)
    return chi2, fixed


def _drop_idle(chi2: xr.DataArray, dataset: xr.Dataset, keep: Sequence[str]) -> tuple[xr.DataArray, dict[str, float]]:
    """Take the first value of axes that no summed experiment depends on: profiling them would only cost time."""
    facts = dataset.attrs["experiments"]
    used = {axis for name in chi2.attrs["experiments"] for axis in facts[name].get("axes", chi2.dims)}
    idle = {str(name): float(chi2[name][0]) for name in chi2.dims if name not in used and name not in keep}
    return chi2.isel(dict.fromkeys(idle, 0), drop=True), idle


def _best_fit(chi2: xr.DataArray, profile: xr.DataArray) -> tuple[dict[str, float], float]:
    """Values of all axes at the minimum, and the minimum: the profile's, then that of the slice below it."""
    index = profile.argmin(...)
    best = {str(name): float(profile[name][i]) for name, i in index.items()}
    below = chi2.isel(index).compute()
    if below.dims:
        best |= {str(name): float(below[name][i]) for name, i in below.argmin(...).items()}
    return best, float(profile.isel(index))


def _check_axis(chi2: xr.DataArray, name: str, where: str) -> None:
    axes = [str(d) for d in chi2.dims]
    if name not in axes:
        raise InputError(
            where,
            f"{name!r} is not an axis left to choose",
            allowed=", ".join(axes),
            hint=did_you_mean(name, axes),
        )


def _nearest(chi2: xr.DataArray, name: str, value: float) -> float:
    values = chi2[name].values
    low, high = float(values[0]), float(values[-1])
    slack = 1e-9 * max(abs(low), abs(high))
    if not low - slack <= value <= high + slack:
        raise InputError(f"--at {name}", "outside the axis", value, f"{low:g} to {high:g}")
    return float(values[int(np.abs(values - value).argmin())])


def threshold(level: float, dof: int = 2) -> float:
    """Δχ² of a confidence level (Wilks): −2 ln(1 − CL) for two degrees of freedom.

    Parameters
    ----------
    level
        Between 0 and 1.
    dof
        1 or 2.

    >>> round(threshold(0.90), 3), round(threshold(0.90, dof=1), 3)
    (4.605, 2.706)
    """
    if not 0 < level < 1:
        raise InputError("--cl", "a confidence level is between 0 and 1", level)
    return -2 * math.log1p(-level) if dof == 2 else NormalDist().inv_cdf((1 + level) / 2) ** 2
