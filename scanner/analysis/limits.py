"""Limits on one parameter, along another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from scanner.analysis.axes import check_axes, drop_idle, fix, scaled, unscaled
from scanner.analysis.surface import kept_coordinates, surface, threshold
from scanner.analysis.totals import add, choose, total
from scanner.errors import InputError

METHODS = ("delta_chi2", "poisson", "cls")
REFERENCES = ("global", "local")
SAME = 1e-3
"""Differences of −2 ln L, and of events, that do not decide which of several allowed intervals holds the minimum."""


def limits(
    dataset: xr.Dataset,
    parameter: str,
    along: str | None = None,
    cl: float = 0.90,
    method: str = "delta_chi2",
    dof: int = 1,
    experiments: Sequence[str] | None = None,
    at: Mapping[str, float] | None = None,
    reference: str = "global",
) -> xr.Dataset:
    """Return the limits on a parameter at each value of another.

    Crossings are interpolated linearly in the parameter's own scale.

    Parameters
    ----------
    dataset
        An opened cube.
    parameter
        The axis to limit.
    along
        The axis along which; none for one limit.
    cl
        Confidence level.
    method
        ``"delta_chi2"``: where the profile Δχ² crosses the threshold of Wilks' theorem. ``"poisson"``: the classical
        upper limit s on expected signal events, P(≤ n | b + s) = 1 − CL. ``"cls"``: the same with
        P(≤ n | b + s) = (1 − CL) P(≤ n | b) (J. Phys. G 28, 2693). The last two are for counting experiments, whose
        numbers n, b and events are added into one count; axes beyond the two must be fixed.
    dof
        Degrees of freedom of the threshold, 1 or 2.
    experiments, at
        See `scanner.analysis.surface.surface`.
    reference
        Δχ² is relative to the ``"global"`` minimum, or to the ``"local"`` one at each value of `along` (a raster).

    Returns
    -------
    xarray.Dataset
        Over `along`, in the parameter's unit: ``lower`` and ``upper``, the ends of the allowed interval that holds the
        minimum (of events: that of the fewest), the lowest such interval if several are equally good; NaN where it
        reaches an end of the axis or a point that is not ok, or where all is excluded. ``excluded_to``, the upper
        end of the excluded interval that begins at ``upper``, NaN likewise. ``best``, the parameter at the minimum,
        and ``minimum``, Δχ² or events there. Attributes: ``threshold``, in Δχ² or events; all arguments.

    Raises
    ------
    InputError
        For unknown axes or methods, and counts asked of what is not a counting experiment or has no ``events``.
    """
    for name, value, known in (("method", method, METHODS), ("reference", reference, REFERENCES)):
        if value not in known:
            raise InputError(name, "unknown", value, ", ".join(known))
    keep = (parameter,) if along is None else (along, parameter)
    if method == "delta_chi2":
        heights, level = surface(dataset, keep, experiments, at), _wilks(cl, dof)
        if reference == "local":
            heights = heights.copy(data=heights.values - _row_minimum(heights.values)[..., None])
    else:
        heights, level = _events(dataset, keep, experiments, at or {}), _most_events(dataset, experiments, cl, method)
    facts = {"parameter": parameter, "cl": cl, "method": method, "threshold": level}
    facts |= {"dof": dof, "reference": reference} if method == "delta_chi2" else {}
    facts |= {"fixed": heights.attrs["fixed"], "experiments": heights.attrs["experiments"]}
    return _along(heights, parameter, level).assign_attrs(facts)


def _wilks(cl: float, dof: int) -> float:
    if dof not in (1, 2):
        raise InputError("dof", "a limit has one or two degrees of freedom", dof, "1, 2")
    return threshold(cl, dof)


def _along(heights: xr.DataArray, parameter: str, level: float) -> xr.Dataset:
    """Interval of each row of Δχ² or events."""
    axis = heights[parameter]
    x, rows = scaled(axis), heights.values.reshape(-1, axis.size)
    found = np.array([_interval(x, row, level) for row in rows]).reshape(*heights.shape[:-1], 4)
    dims = heights.dims[:-1]
    named = dict(zip(("lower", "upper", "excluded_to", "best"), np.moveaxis(found, -1, 0), strict=True))
    variables = {name: (dims, unscaled(axis, values), axis.attrs) for name, values in named.items()}
    facts = {name: heights.attrs[name] for name in ("long_name", "units")}
    return xr.Dataset(
        {**variables, "minimum": (dims, _row_minimum(heights.values), facts)},
        kept_coordinates(heights, [str(d) for d in dims]),
    )


def _row_minimum(values: np.ndarray) -> np.ndarray:
    """Smallest number along the last axis; NaN where there is none."""
    lowest = np.min(values, axis=-1, initial=np.inf, where=~np.isnan(values))
    return np.where(np.isinf(lowest), np.nan, lowest)


def _interval(x: np.ndarray, row: np.ndarray, level: float) -> tuple[float, float, float, float]:
    """Lower and upper end of the allowed interval, end of the excluded one above it, and place of the minimum."""
    if np.isnan(row).all():
        return (np.nan,) * 4
    first = int(np.flatnonzero(row <= np.nanmin(row) + SAME)[0])
    if row[first] >= level:
        return np.nan, np.nan, np.nan, x[np.nanargmin(row)]
    allowed = row < level
    upper, after = _end(x[first:], row[first:], allowed[first:], level)
    lower, _ = _end(x[first::-1], row[first::-1], allowed[first::-1], level)
    beyond, _ = _end(x[first + after :], row[first + after :], ~allowed[first + after :], level)
    return lower, upper, beyond, x[first + np.nanargmin(row[first : first + after])]


def _end(x: np.ndarray, row: np.ndarray, inside: np.ndarray, level: float) -> tuple[float, int]:
    """Where a row leaves the interval that it begins in, NaN if nowhere or at a NaN; and the index behind it."""
    outside = np.flatnonzero(~inside | np.isnan(row))
    if not outside.size:
        return np.nan, x.size
    i = int(outside[0])
    if np.isnan(row[i]):
        return np.nan, i
    return float(x[i - 1] + (x[i] - x[i - 1]) * (level - row[i - 1]) / (row[i] - row[i - 1])), i


def _events(
    dataset: xr.Dataset, keep: tuple[str, ...], experiments: Sequence[str] | None, at: Mapping[str, float]
) -> xr.DataArray:
    """Expected signal events over the kept axes, summed over experiments that may be summed."""
    chi2 = total(dataset, experiments)
    chosen: list[str] = chi2.attrs["experiments"]
    if "events" not in dataset:
        raise InputError("events", "are not stored in this cube", hint="scan again with outputs: [chi2, events]")
    _counts(dataset, chosen)
    events = add(dataset, "events", chosen).where(chi2.notnull())
    check_axes(keep, [str(name) for name in events.dims], "axis")
    events, fixed = fix(events, at, keep)
    events, _ = drop_idle(events, dataset, chosen, keep)
    left = [str(name) for name in events.dims if name not in keep and events.sizes[name] > 1]
    if left:
        raise InputError(
            "at", f"a count cannot be profiled: fix {', '.join(left)}", dict(at), hint=f"at={{{left[0]!r}: ...}}"
        )
    events = events.squeeze([name for name in events.dims if name not in keep], drop=True).transpose(*keep)
    return events.compute().assign_attrs(long_name="expected signal events", units="1", fixed=fixed, experiments=chosen)


def _counts(dataset: xr.Dataset, chosen: Sequence[str]) -> tuple[float, float]:
    """Events observed and expected without signal, of all experiments together."""
    facts: Mapping[str, Any] = dataset.attrs["experiments"]
    for name in chosen:
        if facts[name].get("from_curve"):
            raise InputError("method", f"{name} is a published curve, not a count", hint="use method='delta_chi2'")
        if not facts[name].get("counts"):
            raise InputError("method", f"{name} is not a counting experiment", hint="use method='delta_chi2'")
    counts = [facts[name]["counts"] for name in chosen]
    return sum(c["observed"] for c in counts), sum(c["background"] for c in counts)


def _most_events(dataset: xr.Dataset, experiments: Sequence[str] | None, cl: float, method: str) -> float:
    observed, background = _counts(dataset, choose(dataset, experiments))
    return most_events(observed, background, cl, method)


def most_events(observed: float, background: float, cl: float, method: str) -> float:
    """Return the upper limit on expected signal events of a count.

    Parameters
    ----------
    observed, background
        Events seen, and expected without signal.
    cl
        Confidence level.
    method
        ``"poisson"`` or ``"cls"``: see `limits`.

    Raises
    ------
    InputError
        If the classical limit excludes every signal, even none.

    >>> round(most_events(0, 0, 0.90, "poisson"), 6), round(most_events(3, 0, 0.90, "poisson"), 2)
    (2.302585, 6.68)
    """
    from scipy.special import gammaincc, gammainccinv  # type: ignore[import-untyped]

    threshold(cl)
    tail = 1 - cl if method == "poisson" else (1 - cl) * gammaincc(observed + 1, background)
    found = float(gammainccinv(observed + 1, tail)) - background
    if np.isinf(found):
        problem = f"the probability of {observed:g} events where {background:g} are expected is too small for a number"
        raise InputError("method", problem)
    if found <= 0:
        raise InputError(
            "method",
            f"{observed:g} events where {background:g} are expected exclude every signal at {cl:g}, even none",
            hint="use method='cls'",
        )
    return found
