"""Best fits: the grid's own, and off the grid with their covariance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from scanner.analysis.axes import is_log, scaled, unscaled
from scanner.analysis.surface import prepare, profile
from scanner.errors import InputError

FEWEST = 4
"""Values that an axis needs for a cubic spline."""
REACH = 3
"""Grid steps around the minimum, to each side, that the spline is made of."""

EDGE_SLOPE = 1e-3
"""−2 ln L in a grid step: what falls by less has its minimum here."""


@dataclass(frozen=True)
class BestFit:
    """The smallest −2 ln L of a sum of experiments.

    Parameters
    ----------
    chi2
        −2 ln L there.
    point
        The value of every axis there, in its unit. An axis that no experiment depends on has its first value.
    experiments
        The names summed.
    on_edge
        Axes on which the minimum lies at an end, of the axis or of the points that are ok: the true minimum may lie
        beyond.
    errors
        Of a refined fit: the standard deviation of each parameter of `covariance`, in its unit.
    covariance
        Of a refined fit: over (parameter, parameter_), in the parameters' units, to first order. NaN for parameters
        on an edge, and throughout where −2 ln L has no minimum in all directions. Parameters with fewer than 4
        values stay at the grid's value and are not in it.
    scaled_covariance
        The same in the axes' own scale, where it was found: that of log10 for logarithmic axes.
    """

    chi2: float
    point: dict[str, float]
    experiments: tuple[str, ...]
    on_edge: tuple[str, ...]
    errors: dict[str, float] | None = None
    covariance: xr.DataArray | None = None
    scaled_covariance: xr.DataArray | None = None


def best_fit(dataset: xr.Dataset, experiments: Sequence[str] | None = None, refine: bool = False) -> BestFit:
    """Return the best fit of a sum of experiments.

    Parameters
    ----------
    dataset
        An opened cube.
    experiments
        See `scanner.analysis.totals.total`.
    refine
        Go off the grid: minimise a cubic spline (not-a-knot, a tensor product in the axes' own scale) through the
        points within three grid steps of the minimum, and take the covariance from its curvature there. The box
        follows the minimum, and is smaller where points are not ok.

    Raises
    ------
    InputError
        As `scanner.analysis.totals.total`; where no point is ok; and, refined, where too few around the minimum are.
    """
    chi2, idle, _ = prepare(dataset, (), experiments, None)
    lowest, where = profile(chi2, ())
    point = {name: float(value) for name, value in where.items()}
    names = tuple(chi2.attrs["experiments"])
    order = [str(name) for name in (*chi2.dims, *idle)]
    if not refine:
        edge = tuple(n for n in point if chi2.sizes[n] > 1 and point[n] in (chi2[n].values[0], chi2[n].values[-1]))
        return BestFit(float(lowest), {n: (point | idle)[n] for n in order}, names, edge)
    found = _refine(chi2, point)
    refined = point | {name: float(unscaled(chi2[name], value)) for name, value in found.scaled_point.items()}
    covariance = _in_units(found.covariance, {name: chi2[name] for name in found.scaled_point}, refined)
    errors = dict(zip(found.scaled_point, np.sqrt(np.diag(covariance)).tolist(), strict=True))
    return BestFit(
        found.chi2,
        {n: (refined | idle)[n] for n in order},
        names,
        found.on_edge,
        errors,
        covariance,
        found.covariance,
    )


@dataclass(frozen=True)
class _Minimum:
    """A minimum off the grid, in the axes' own scale."""

    chi2: float
    scaled_point: dict[str, float]
    covariance: xr.DataArray
    on_edge: tuple[str, ...]


def _refine(chi2: xr.DataArray, point: Mapping[str, float]) -> _Minimum:
    """Follow the minimum of splines through boxes of the grid until it lies within its box."""
    free = [str(name) for name in chi2.dims if chi2.sizes[name] >= FEWEST]
    if not free:
        raise InputError("refine", "no axis has the values that a cubic spline needs", dict(chi2.sizes), "4 or more")
    chi2 = chi2.sel({name: value for name, value in point.items() if name not in free}, drop=True)
    centre = [int(np.flatnonzero(chi2[name].values == point[name])[0]) for name in free]
    seen: list[list[int]] = []
    while centre not in seen:
        seen.append(centre)
        box = _box(chi2, centre)
        spline = _Spline(box)
        place = spline.minimise([float(scaled(chi2[n])[i]) for n, i in zip(free, centre, strict=True)])
        centre = [int(np.abs(scaled(chi2[n]) - x).argmin()) for n, x in zip(free, place, strict=True)]
        if not spline.ends(place).any():
            break
    fixed = spline.ends(place)
    place, value, covariance = spline.hesse(np.where(fixed, spline.nearest_end(place), place), fixed)
    names = {"parameter": free, "parameter_": free}
    edge = tuple(name for name, at_end in zip(free, fixed, strict=True) if at_end)
    array = xr.DataArray(covariance, names, ("parameter", "parameter_"), attrs={"scale": _scales(chi2, free)})
    return _Minimum(value, dict(zip(free, place.tolist(), strict=True)), array, edge)


def _scales(chi2: xr.DataArray, names: Sequence[str]) -> dict[str, str]:
    return {name: "log10" if is_log(chi2[name]) else "linear" for name in names}


def _box(chi2: xr.DataArray, centre: Sequence[int]) -> xr.DataArray:
    """Values around a grid point, all of them ok: as wide as REACH allows, at least FEWEST on each axis."""
    ranges = [_window(i, n) for i, n in zip(centre, chi2.shape, strict=True)]
    values = chi2[tuple(slice(*r) for r in ranges)].compute()
    inside = [i - r[0] for i, r in zip(centre, ranges, strict=True)]
    while (bad := np.isnan(values.values)).any():
        cuts = [(_share(bad, axis, face), axis, face) for axis, face in _faces(values.shape, inside)]
        share, axis, face = max(cuts, default=(0.0, 0, 0))
        if not share:
            raise InputError(
                "refine",
                "too few points around the minimum are ok for a spline",
                {str(name): float(values[name][i]) for name, i in zip(values.dims, inside, strict=True)},
                hint="best_fit() without refine gives the grid's minimum; a finer grid there helps",
            )
        values = values.isel({values.dims[axis]: slice(1, None) if face == 0 else slice(None, -1)})
        inside[axis] -= face == 0
    return values


def _window(index: int, size: int) -> tuple[int, int]:
    """Range of an axis about an index, of 2 REACH + 1 values or up to its ends, but FEWEST at least."""
    first, last = max(index - REACH, 0), min(index + REACH + 1, size)
    return max(min(first, last - FEWEST), 0), min(max(last, first + FEWEST), size)


def _faces(shape: Sequence[int], inside: Sequence[int]) -> list[tuple[int, int]]:
    """Faces (axis, 0 or -1) of a box that may be cut off: not through the point inside, nor below FEWEST."""
    axes = [axis for axis, size in enumerate(shape) if size > FEWEST]
    return [(a, 0) for a in axes if inside[a] > 0] + [(a, -1) for a in axes if inside[a] < shape[a] - 1]


def _share(bad: np.ndarray, axis: int, face: int) -> float:
    return float(bad.take(face, axis).mean())


class _Spline:
    """A tensor product of not-a-knot cubic splines through a box of −2 ln L, in the axes' own scale.

    Parameters
    ----------
    box
        Values without NaN, at least 4 on each axis.
    """

    def __init__(self, box: xr.DataArray):
        from scipy.interpolate import NdBSpline, make_interp_spline  # type: ignore[import-untyped]

        nodes = [scaled(box[name]) for name in box.dims]
        self._offset = float(box.min())  # so that Minuit sees differences, at full precision
        coefficients, knots = box.values - self._offset, []
        for axis, x in enumerate(nodes):
            one = make_interp_spline(x, coefficients, k=3, axis=axis)
            knots.append(one.t)
            coefficients = np.moveaxis(one.c, 0, axis)
        self._spline = NdBSpline(tuple(knots), coefficients, k=3)
        self._orders = np.eye(len(nodes), dtype=int)
        self._low, self._high = (np.array([x[i] for x in nodes]) for i in (0, -1))
        self._step = np.array([np.diff(x).min() for x in nodes])

    def _value(self, place: np.ndarray) -> float:
        return float(self._spline(place))

    def _gradient(self, place: np.ndarray) -> np.ndarray:
        return np.array([float(self._spline(place, nu=order)) for order in self._orders])

    def _hessian(self, place: np.ndarray) -> np.ndarray:
        return np.array([[float(self._spline(place, nu=a + b)) for b in self._orders] for a in self._orders])

    def ends(self, place: np.ndarray) -> np.ndarray:
        """Whether a place meets an end of each axis with −2 ln L still falling beyond it."""
        near, slope = 1e-3 * self._step, self._gradient(place) * self._step
        falls_below = (place < self._low + near) & (slope > EDGE_SLOPE)
        return np.asarray(falls_below | ((place > self._high - near) & (slope < -EDGE_SLOPE)))

    def nearest_end(self, place: np.ndarray) -> np.ndarray:
        """Return the end of each axis that is nearer to a place."""
        return np.where(place - self._low < self._high - place, self._low, self._high)

    def _minuit(self, start: Any, **derivatives: Any) -> Any:
        from iminuit import Minuit  # type: ignore[import-untyped]

        minuit = Minuit(self._value, np.asarray(start), grad=self._gradient, **derivatives)
        minuit.errordef = Minuit.LEAST_SQUARES
        minuit.tol = 1e-6
        minuit.errors = 0.1 * self._step
        return minuit

    def minimise(self, start: Sequence[float]) -> np.ndarray:
        """Return the place of the minimum within the box."""
        minuit = self._minuit(start)
        minuit.limits = list(zip(self._low, self._high, strict=True))
        minuit.migrad()
        return np.array(minuit.values)

    def hesse(self, place: np.ndarray, fixed: np.ndarray) -> tuple[np.ndarray, float, np.ndarray]:
        """Return a minimum, −2 ln L there, and the covariance of the parameters that are not fixed, NaN for others.

        Without limits, whose transformation would bend the curvature. Minuit's minimisation ends some 10⁻⁸ above
        the minimum: a Newton step does the rest.
        """
        minuit = self._minuit(place, hessian=self._hessian)
        minuit.fixed = list(fixed)
        minuit.hesse()
        free = np.ix_(~fixed, ~fixed)
        covariance = np.full((len(place), len(place)), np.nan)
        if minuit.accurate and not fixed.all():
            covariance[free] = np.array(minuit.covariance)[free]
            place = place.copy()
            place[~fixed] -= covariance[free] @ self._gradient(place)[~fixed] / 2
        return place, self._value(place) + self._offset, covariance


def _in_units(covariance: xr.DataArray, axes: Mapping[str, xr.DataArray], point: Mapping[str, float]) -> xr.DataArray:
    """Covariance in the parameters' units, to first order: d p = p ln 10 d log10 p."""
    slopes = np.array([point[n] * np.log(10) if is_log(axis) else 1.0 for n, axis in axes.items()])
    units = {name: axis.attrs.get("units", "1") for name, axis in axes.items()}
    return (covariance * np.outer(slopes, slopes)).assign_attrs(units=units)
