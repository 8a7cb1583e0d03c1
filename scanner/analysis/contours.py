"""Contours of constant confidence level as curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from scanner.analysis.axes import check_axes, scaled, unscaled, used_axes
from scanner.analysis.surface import surface, threshold
from scanner.analysis.totals import choose
from scanner.errors import InputError

METHODS = ("wilks", "feldman_cousins")


@dataclass(frozen=True)
class Contour:
    """The curves at which a confidence level is reached.

    Parameters
    ----------
    cl
        Confidence level.
    threshold
        Δχ² of the curves; NaN for Feldman–Cousins, where it varies from point to point.
    x, y
        Names of the axes.
    lines
        Curves as arrays (n, 2) of float64, in the parameters' units.
    closed
        Whether each curve returns to its beginning; one that leaves the grid, or enters points that are not
        ok, does not.
    units
        Of x and y.
    labels
        Long names of x and y.
    """

    cl: float
    threshold: float
    x: str
    y: str
    lines: tuple[np.ndarray, ...]
    closed: tuple[bool, ...]
    units: tuple[str, str]
    labels: tuple[str, str]


def contours(
    dataset: xr.Dataset,
    x: str | None = None,
    y: str | None = None,
    cl: float | Sequence[float] = 0.90,
    dof: int = 2,
    method: str = "wilks",
    toys: xr.Dataset | None = None,
    experiments: Sequence[str] | None = None,
    at: Mapping[str, float] | None = None,
) -> tuple[Contour, ...]:
    """Return the contours of a profile, interpolated linearly in the axes' own scale.

    Parameters
    ----------
    dataset
        An opened cube.
    x, y
        Axes; by default the two of several values that are not fixed and that an experiment depends on.
    cl
        Confidence level, or several.
    dof
        Degrees of freedom of the thresholds of Wilks' theorem.
    method
        ``"wilks"``, or ``"feldman_cousins"`` (Phys. Rev. D 57, 3873): Δχ² is compared with critical values from
        pseudo-experiments.
    toys
        For Feldman–Cousins: the store of pseudo-experiments, with ``critical(point, cl)`` and coordinates of
        ``point`` named as the axes. Between its points critical values are interpolated linearly in the axes'
        own scale; beyond their convex hull there are none, and so no contour. They must be of this store and these
        experiments, and their points name x and y alone: what is profiled here was profiled there.
    experiments, at
        See `scanner.analysis.surface.surface`.

    Returns
    -------
    tuple of Contour
        One for each level, in the order given.

    Raises
    ------
    InputError
        For unknown axes, levels or methods, toys without the level or the axes, and toys of something else.
    """
    levels = [float(cl)] if np.ndim(cl) == 0 else [float(level) for level in cl]  # type: ignore[arg-type,union-attr]
    delta = surface(dataset, _pair(dataset, choose(dataset, experiments), x, y, at or {}), experiments, at)
    if min(delta.shape) < 2:
        raise InputError("contour", "a contour needs two values or more on each axis", dict(delta.sizes))
    if method not in METHODS:
        raise InputError("method", "unknown", method, ", ".join(METHODS))
    if (toys is None) != (method == "wilks"):
        raise InputError("toys", f"{'not used' if toys is not None else 'needed'} with method {method!r}")
    if toys is None:
        return tuple(contour_of(delta, level, threshold(level, dof)) for level in levels)
    _refuse_others(toys, dataset, delta)
    return tuple(contour_of(delta, level, critical_values(toys, delta, level)) for level in levels)


def _refuse_others(toys: xr.Dataset, dataset: xr.Dataset, delta: xr.DataArray) -> None:
    """Refuse pseudo-experiments whose Δχ² is not that of the surface; those made by hand do not say of what."""
    if "toys" not in toys.attrs:
        return
    facts, experiments = toys.attrs["toys"], list(delta.attrs["experiments"])
    if "profiled" not in facts:
        raise InputError("toys", "are of an older version, which profiled no axes", hint="draw them again with --fresh")
    if facts["source_identity"] != dataset.attrs.get("base_identity_hash"):
        hint = f"draw them of {dataset.attrs.get('store', 'this one')} with `scanner toys`"
        raise InputError("toys", "are of another store, or of what this one was", facts["source"], None, hint)
    if facts["experiments"] != experiments:
        raise InputError("toys", "are of other experiments", facts["experiments"], ", ".join(experiments))
    used = {axis for name in experiments for axis in toys.attrs["experiments"][name]["axes"]}
    named = {name for name in used if name not in facts["profiled"] and dataset.sizes.get(name, 2) > 1}
    shown, fixed = used & set(delta.dims), [n for n in delta.attrs["fixed"] if n in used and dataset.sizes[n] > 1]
    if named != shown or fixed or not dataset.sizes.keys() >= set(facts["profiled"]):
        problem = f"are of contours over {', '.join(sorted(named))}, every other axis profiled"
        hint = f"draw others, at points that name {' and '.join(sorted(map(str, delta.dims)))} alone, and fix no axis"
        raise InputError("toys", problem, {"axes": list(delta.dims), "fixed": delta.attrs["fixed"]}, None, hint)


def _pair(
    dataset: xr.Dataset, names: Sequence[str], x: str | None, y: str | None, at: Mapping[str, float]
) -> tuple[str, str]:
    """Names of the two axes of a contour, those not named being the ones left."""
    dims = [str(name) for name in dataset["chi2"].dims if name != "experiment"]
    check_axes([name for name in (x, y) if name is not None], dims, "axis")
    left = [name for name in used_axes(dataset, names) if dataset.sizes[name] > 1 and name not in {x, y, *at}]
    missing = (x is None) + (y is None)
    if missing and len(left) != missing:
        raise InputError("contour", "which axes is not clear: name x and y", allowed=", ".join(dims))
    return x or left.pop(0), y or left.pop(0)


def contour_of(delta: xr.DataArray, level: float, critical: float | np.ndarray) -> Contour:
    """Return the contour on which a surface equals critical values.

    Parameters
    ----------
    delta
        Δχ² over (x, y), from `scanner.analysis.surface.surface`.
    level
        The confidence level that is meant.
    critical
        A threshold, or critical values over (x, y): NaN where there is none.
    """
    from contourpy import LineType, contour_generator

    x, y = (delta[name] for name in delta.dims)
    heights = np.ma.masked_invalid((delta.values - critical).T)
    generator = contour_generator(scaled(x), scaled(y), heights, name="serial", line_type=LineType.Separate)
    curves = [np.asarray(line, dtype=np.float64) for line in generator.lines(0.0)]
    return Contour(
        level,
        float(critical) if np.ndim(critical) == 0 else np.nan,
        str(x.name),
        str(y.name),
        tuple(np.stack([unscaled(x, line[:, 0]), unscaled(y, line[:, 1])], axis=1) for line in curves),
        tuple(bool((line[0] == line[-1]).all()) for line in curves),
        (x.attrs.get("units", "1"), y.attrs.get("units", "1")),
        (x.attrs.get("long_name", str(x.name)), y.attrs.get("long_name", str(y.name))),
    )


def critical_values(toys: xr.Dataset, delta: xr.DataArray, level: float) -> np.ndarray:
    """Return critical values of Δχ² on the grid of a surface, NaN beyond the points of the pseudo-experiments.

    Parameters
    ----------
    toys
        A store of pseudo-experiments: ``critical(point, cl)``, with the surface's axes as coordinates of ``point``.
    delta
        The surface, over (x, y).
    level
        A confidence level of the store.
    """
    drawn = list(toys.attrs.get("experiments", delta.attrs["experiments"]))
    if sorted(drawn) != sorted(delta.attrs["experiments"]):
        found = ", ".join(delta.attrs["experiments"])
        raise InputError("toys", "the pseudo-experiments are of another sum", found, ", ".join(sorted(drawn)))
    known = toys["cl"].values
    at = np.flatnonzero(np.isclose(known, level, rtol=0, atol=1e-9))
    if not at.size:
        raise InputError("cl", "the pseudo-experiments have no such level", level, ", ".join(f"{v:g}" for v in known))
    axes = [str(name) for name in delta.dims]
    for name in axes:
        if name not in toys.coords:
            raise InputError("toys", f"the pseudo-experiments do not say their {name!r}", list(map(str, toys.coords)))
    values = toys["critical"].isel(cl=int(at[0])).values.astype(np.float64)
    points = {name: scaled(delta[name], toys[name].values) for name in axes}
    varied = [name for name in axes if np.ptp(points[name]) > 0]
    mesh = dict(zip(axes, np.meshgrid(*(scaled(delta[name]) for name in axes), indexing="ij"), strict=True))
    return _interpolate([points[n] for n in varied], values, [mesh[n] for n in varied], delta.shape)


def _interpolate(
    points: Sequence[np.ndarray], values: np.ndarray, mesh: Sequence[np.ndarray], shape: tuple[int, ...]
) -> np.ndarray:
    """Interpolate linearly along the axes on which the points differ; NaN beyond their convex hull."""
    from scipy.interpolate import LinearNDInterpolator  # type: ignore[import-untyped]
    from scipy.spatial import QhullError  # type: ignore[import-untyped]

    good = np.isfinite(values)
    if not good.any():
        hint = "draw more of them (`scanner toys --n`), or take a lower level"
        raise InputError("toys", "no point has enough pseudo-experiments, with a status ok, for this level", hint=hint)
    points, values = [p[good] for p in points], values[good]
    if not points:
        raise InputError("toys", "a contour needs pseudo-experiments at two points or more")
    if len(points) == 1:
        order = np.argsort(points[0])
        return np.asarray(np.interp(mesh[0], points[0][order], values[order], left=np.nan, right=np.nan))
    try:
        return np.asarray(LinearNDInterpolator(np.stack(points, -1), values, rescale=True)(*mesh)).reshape(shape)
    except QhullError:
        raise InputError("toys", "the points of the pseudo-experiments span no area", len(values)) from None
