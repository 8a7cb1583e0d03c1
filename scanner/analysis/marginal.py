"""Posterior densities: the likelihood times priors, integrated over some axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr
from dask.base import compute

from scanner.analysis.axes import check_axes, is_log, scaled
from scanner.analysis.surface import kept_coordinates, prepare
from scanner.errors import InputError
from scanner.likelihoods.reduction import PRIORS, log_volume
from scanner.likelihoods.reduction import density as density_of


def marginalise(
    dataset: xr.Dataset,
    keep: Sequence[str],
    priors: Mapping[str, str | Sequence[float] | np.ndarray] | None = None,
    experiments: Sequence[str] | None = None,
) -> xr.DataArray:
    """Return the posterior density over some axes, the others integrated over.

    exp(−Δχ²/2) times the priors is integrated by the trapezoidal rule in the axes' own scale. A point that is not
    ok has no posterior.

    Parameters
    ----------
    dataset
        An opened cube.
    keep
        Axes to keep, in the order wanted.
    priors
        Of each axis: ``"flat"`` in the parameter, ``"log"`` (flat in its logarithm), or the prior density at the axis'
        values in the axis' own scale (a decade's on logarithmic axes). By default flat in the axis' own scale.
    experiments
        See `scanner.analysis.totals.total`.

    Returns
    -------
    xarray.DataArray
        Density in the kept axes' own scale: a decade's on logarithmic axes, a unit's on others. Its trapezoidal
        integral is 1. An axis of one value has no measure. Attributes: ``priors``, ``experiments``, ``not_ok``
        (fraction of the prior volume at which points are not ok).

    Raises
    ------
    InputError
        For an unknown axis, a prior that is none, and where no point is ok.
    """
    chosen = dict(priors or {})
    check_axes(chosen, [str(name) for name in dataset["chi2"].dims if name != "experiment"], "priors")
    if not keep:
        raise InputError("marginalise", "name the axes to keep")
    chi2, _, _ = prepare(dataset, keep, experiments, None)
    others = [str(name) for name in chi2.dims if name not in keep]
    volumes = [_log_volume(dataset[name], chosen.get(name)) for name in (*keep, *others)]
    array = da.asarray(chi2.transpose(*keep, *others).data)
    log_volume, bad = _integrals(array, volumes, len(keep))
    posterior = _normalised(log_volume, [_trapezoid(dataset[name]) for name in keep])
    attributes = {
        "long_name": "posterior density",
        "units": "1",
        "priors": {name: prior if isinstance(prior, str) else "given" for name, prior in chosen.items()},
        "experiments": chi2.attrs["experiments"],
        "not_ok": bad,
    }
    return xr.DataArray(posterior, kept_coordinates(chi2, keep), tuple(keep), "posterior", attributes)


def _integrals(chi2: Any, volumes: Sequence[np.ndarray], kept: int) -> tuple[np.ndarray, float]:
    """Log of the posterior volume at each point of the kept axes, and the fraction of prior volume that is not ok.

    Read in one pass; sums of exponentials are taken relative to their largest term, block by block.
    """
    one_each = [da.from_array(v, (c,)) for v, c in zip(volumes, chi2.chunks, strict=True)]
    volume = sum(v[(slice(None),) + (None,) * (chi2.ndim - 1 - i)] for i, v in enumerate(one_each))
    log = da.where(da.isnan(chi2), -np.inf, volume - chi2 / 2)
    others = tuple(range(kept, chi2.ndim))
    if others:
        log = da.reduction(log, _log_sum, _log_sum, axis=others, dtype=np.float64, concatenate=True)
    found, bad = compute(log, da.where(da.isnan(chi2), da.exp(volume), 0.0).sum())
    if np.isneginf(found).all():
        raise InputError("store", "no point has a posterior (status is not ok wherever the prior is not zero)")
    return found, float(bad)


def _log_sum(values: np.ndarray, axis: tuple[int, ...], keepdims: bool) -> np.ndarray:
    from scipy.special import logsumexp  # type: ignore[import-untyped]

    return np.asarray(logsumexp(values, axis=axis, keepdims=keepdims))


def _normalised(log_volume: np.ndarray, steps: Sequence[np.ndarray]) -> np.ndarray:
    """Volumes as a density: one in total, divided by the steps of the kept axes."""
    volume = np.exp(log_volume - log_volume.max())
    steps_outer = np.ones(())
    for step in steps:
        steps_outer = np.multiply.outer(steps_outer, step)
    return np.asarray(volume / volume.sum() / steps_outer)


def _log_volume(axis: xr.DataArray, prior: str | Sequence[float] | np.ndarray | None) -> np.ndarray:
    """Log of the prior volume that each value of an axis stands for, one in total."""
    return log_volume(scaled(axis), _density(axis, prior))


def _trapezoid(axis: xr.DataArray) -> np.ndarray:
    """Weights of the trapezoidal rule in an axis' own scale; 1 for a single value."""
    x = scaled(axis)
    if x.size == 1:
        return np.ones(1)
    steps = np.diff(x)
    return np.asarray((np.append(steps, 0) + np.append(0, steps)) / 2)


def _density(axis: xr.DataArray, prior: str | Sequence[float] | np.ndarray | None) -> np.ndarray:
    """Prior density in an axis' own scale, not normalised."""
    where, values = f"priors.{axis.name}", np.asarray(axis.values, dtype=np.float64)
    if isinstance(prior, str) and prior not in PRIORS:
        raise InputError(where, "unknown prior", prior, f"{', '.join(PRIORS)}, or densities at the axis' values")
    if prior is None or isinstance(prior, str):
        return density_of(values, is_log(axis), prior, where)
    try:
        density = np.asarray(prior, dtype=np.float64)
    except (TypeError, ValueError):
        density = np.empty(0)
    if density.shape != values.shape or not (np.isfinite(density) & (density >= 0)).all() or not density.any():
        allowed = f"{values.size} finite densities, none negative, not all zero"
        raise InputError(where, "expected a density at each value of the axis", prior, allowed)
    return density
