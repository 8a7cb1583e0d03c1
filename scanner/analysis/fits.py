"""Best fits: the grid's own, and off the grid with their covariance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from scanner.analysis.axes import is_log, scaled, unscaled
from scanner.analysis.surface import prepare, profile
from scanner.errors import InputError

FEWEST = 4
"""Values that an axis needs for a cubic spline."""
REACHES = (3, 2)
"""Grid steps around the minimum, to each side, that the spline is made of: fewer where it is not smooth so far."""
SMOOTH = 0.1
"""−2 ln L by which cubic and quadratic splines may differ at the minimum: beyond, the grid is too coarse for them."""
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
        follows the minimum, and is smaller where points are not ok or −2 ln L is not smooth.

    Raises
    ------
    InputError
        As `scanner.analysis.totals.total`; where no point is ok; and, refined, where too few around the minimum are,
        or the grid is too coarse for a spline.
    """
    chi2, idle, _ = prepare(dataset, (), experiments, None)
    lowest, where = profile(chi2, ())
    point = {name: float(value) for name, value in where.items()}
    names = tuple(chi2.attrs["experiments"])
    order = [str(name) for name in (*chi2.dims, *idle)]
    if not refine:
        edge = tuple(n for n, value in point.items() if _at_an_end(chi2[n].values, value))
        return BestFit(float(lowest), {n: (point | idle)[n] for n in order}, names, edge)
    found = _refine(chi2, point, float(np.finfo(dataset["chi2"].dtype).eps))
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


def _at_an_end(values: np.ndarray, value: float) -> bool:
    return values.size > 1 and value in (values[0], values[-1])


@dataclass(frozen=True)
class _Minimum:
    """A minimum off the grid, in the axes' own scale."""

    chi2: float
    scaled_point: dict[str, float]
    covariance: xr.DataArray
    on_edge: tuple[str, ...]


def _refine(chi2: xr.DataArray, point: Mapping[str, float], precision: float) -> _Minimum:
    """Minimise splines through ever smaller boxes until one can be trusted."""
    free = [str(name) for name in chi2.dims if chi2.sizes[name] >= FEWEST]
    if not free:
        raise InputError("refine", "no axis has the values that a cubic spline needs", dict(chi2.sizes), "4 or more")
    chi2 = chi2.sel({name: value for name, value in point.items() if name not in free}, drop=True)
    start = [int(np.flatnonzero(chi2[name].values == point[name])[0]) for name in free]
    for reach in REACHES:
        spline, place = _follow(chi2, start, reach)
        if spline.doubt(place) <= SMOOTH:
            return _minimum(chi2, spline, place, precision)
    raise InputError(
        "refine",
        "the grid is too coarse around the minimum: a spline through -2 ln L is uncertain",
        f"by {spline.doubt(place):.3g}",
        f"up to {SMOOTH}",
        "best_fit() without refine gives the grid's minimum; a finer grid there helps",
    )


def _follow(chi2: xr.DataArray, centre: list[int], reach: int) -> tuple[_Spline, np.ndarray]:
    """Follow the minimum of splines through boxes of the grid until it lies within its box."""
    seen: list[list[int]] = []
    while centre not in seen:
        seen.append(centre)
        spline = _Spline(_box(chi2, centre, reach))
        axes = [scaled(chi2[name]) for name in chi2.dims]
        place = spline.minimise([x[i] for x, i in zip(axes, centre, strict=True)])
        centre = [int(np.abs(x - p).argmin()) for x, p in zip(axes, place, strict=True)]
        if not spline.ends(place).any():
            break
    return spline, place


def _minimum(chi2: xr.DataArray, spline: _Spline, place: np.ndarray, precision: float) -> _Minimum:
    """Minimum, covariance and edges of a spline that has a minimum at a place."""
    names, fixed = [str(name) for name in chi2.dims], spline.ends(place)
    place, value, covariance = spline.curvature(np.where(fixed, spline.nearest_end(place), place), fixed, precision)
    scales = {name: "log10" if is_log(chi2[name]) else "linear" for name in names}
    array = xr.DataArray(
        covariance, {"parameter": names, "parameter_": names}, ("parameter", "parameter_"), attrs={"scale": scales}
    )
    edge = tuple(name for name, at_end in zip(names, fixed, strict=True) if at_end)
    return _Minimum(value, dict(zip(names, place.tolist(), strict=True)), array, edge)


def _box(chi2: xr.DataArray, centre: Sequence[int], reach: int) -> xr.DataArray:
    """Values around a grid point, all of them ok: as wide as the reach allows, at least FEWEST on each axis."""
    ranges = [_window(i, n, reach) for i, n in zip(centre, chi2.shape, strict=True)]
    values = chi2[tuple(slice(*r) for r in ranges)].compute()
    inside = [i - r[0] for i, r in zip(centre, ranges, strict=True)]
    while (bad := np.isnan(values.values)).any():
        share, axis, cut = max((_share(bad, axis, cut), axis, cut) for axis, cut in _cuts(values.shape, inside))
        if not share:
            raise InputError(
                "refine",
                "too few points around the minimum are ok for a spline",
                {str(name): float(values[name][i]) for name, i in zip(values.dims, inside, strict=True)},
                hint="best_fit() without refine gives the grid's minimum; a finer grid there helps",
            )
        values = values.isel({values.dims[axis]: slice(cut, None) if cut > 0 else slice(None, cut)})
        inside[axis] -= max(cut, 0)
    return values


def _window(index: int, size: int, reach: int) -> tuple[int, int]:
    """Range of an axis about an index, of 2 reach + 1 values or up to its ends, but FEWEST at least."""
    first, last = max(index - reach, 0), min(index + reach + 1, size)
    return max(min(first, last - FEWEST), 0), min(max(last, first + FEWEST), size)


def _cuts(shape: Sequence[int], inside: Sequence[int]) -> Iterator[tuple[int, int]]:
    """How many values may be cut off each axis: from its beginning, negative from its end, 0 for none.

    Not the point inside, and FEWEST are left.
    """
    for axis, (size, index) in enumerate(zip(shape, inside, strict=True)):
        spare = size - FEWEST
        yield from ((axis, cut) for cut in range(-min(spare, size - 1 - index), min(spare, index) + 1))


def _share(bad: np.ndarray, axis: int, cut: int) -> float:
    """Fraction of a cut's points that are not ok."""
    part = bad.take(range(cut) if cut > 0 else range(bad.shape[axis] + cut, bad.shape[axis]), axis)
    return float(part.mean()) if part.size else 0.0


class _Spline:
    """A tensor product of not-a-knot cubic splines through a box of −2 ln L, in the axes' own scale.

    Parameters
    ----------
    box
        Values without NaN, at least 4 on each axis.
    """

    def __init__(self, box: xr.DataArray):
        self._nodes = [scaled(box[name]) for name in box.dims]
        self._offset = float(box.min())  # so that Minuit sees differences, at full precision
        self._values = box.values - self._offset
        self._spline = self._through(degree=3)
        self._orders = np.eye(len(self._nodes), dtype=int)
        self._low, self._high = (np.array([x[i] for x in self._nodes]) for i in (0, -1))
        self._step = np.array([np.diff(x).min() for x in self._nodes])

    def _through(self, degree: int) -> Any:
        """Tensor product of splines of a degree through all values."""
        from scipy.interpolate import NdBSpline, make_interp_spline  # type: ignore[import-untyped]

        coefficients, knots = self._values, []
        for axis, x in enumerate(self._nodes):
            one = make_interp_spline(x, coefficients, k=degree, axis=axis)
            knots.append(one.t)
            coefficients = np.moveaxis(one.c, 0, axis)
        return NdBSpline(tuple(knots), coefficients, k=degree)

    def doubt(self, place: np.ndarray) -> float:
        """Return by how much quadratic splines give another −2 ln L: nothing if it is a parabola."""
        return abs(self._value(place) - float(self._through(degree=2)(place)))

    def _value(self, place: np.ndarray) -> float:
        return float(self._spline(place))

    def _gradient(self, place: np.ndarray) -> np.ndarray:
        return np.array([float(self._spline(place, nu=order)) for order in self._orders])

    def ends(self, place: np.ndarray) -> np.ndarray:
        """Whether a place meets an end of each axis with −2 ln L still falling beyond it."""
        near, slope = 1e-3 * self._step, self._gradient(place) * self._step
        falls_below = (place < self._low + near) & (slope > EDGE_SLOPE)
        return np.asarray(falls_below | ((place > self._high - near) & (slope < -EDGE_SLOPE)))

    def nearest_end(self, place: np.ndarray) -> np.ndarray:
        """Return the end of each axis that is nearer to a place."""
        return np.where(place - self._low < self._high - place, self._low, self._high)

    def minimise(self, start: Sequence[float]) -> np.ndarray:
        """Return the place of the minimum within the box."""
        from iminuit import Minuit  # type: ignore[import-untyped]

        minuit = Minuit(self._value, np.asarray(start), grad=self._gradient)
        minuit.errordef = Minuit.LEAST_SQUARES
        minuit.tol = 1e-6
        minuit.errors = 0.1 * self._step
        minuit.limits = list(zip(self._low, self._high, strict=True))
        minuit.migrad()
        return np.array(minuit.values)

    def curvature(self, place: np.ndarray, fixed: np.ndarray, precision: float) -> tuple[np.ndarray, float, np.ndarray]:
        """Return a minimum, −2 ln L there, and the covariance of the parameters that are not fixed, NaN for others.

        The spline's second derivatives are exact, Minuit's differences (and its limits, which bend) are not; and its
        minimisation ends some 10⁻⁸ above the minimum: a Newton step does the rest.
        """
        free = np.ix_(~fixed, ~fixed)
        hessian = np.array([[float(self._spline(place, nu=a + b)) for b in self._orders] for a in self._orders])
        in_steps = (hessian * np.outer(self._step, self._step))[free]
        covariance = np.full(hessian.shape, np.nan)
        if not fixed.all() and np.linalg.eigvalsh(in_steps).min() > 16 * precision * max(1.0, abs(self._offset)):
            covariance[free] = 2 * np.linalg.inv(hessian[free])
            place = place.copy()
            place[~fixed] -= covariance[free] @ self._gradient(place)[~fixed] / 2
        return place, self._value(place) + self._offset, covariance


def _in_units(covariance: xr.DataArray, axes: Mapping[str, xr.DataArray], point: Mapping[str, float]) -> xr.DataArray:
    """Covariance in the parameters' units, to first order: d p = p ln 10 d log10 p."""
    slopes = np.array([point[n] * np.log(10) if is_log(axis) else 1.0 for n, axis in axes.items()])
    units = {name: axis.attrs.get("units", "1") for name, axis in axes.items()}
    return (covariance * np.outer(slopes, slopes)).assign_attrs(units=units)
