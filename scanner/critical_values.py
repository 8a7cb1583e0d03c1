"""Critical values of Δχ² from pseudo-experiments, after Feldman and Cousins (physics/9711021)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr

LEVELS = (0.68, 0.6827, 0.90, 0.95, 0.9545, 0.99, 0.9973)
"""Confidence levels that are tabulated."""


def rank(level: float, number: int) -> int:
    """Return which of `number` ordered Δχ² is the critical value: the first that at least `level` do not exceed.

    The Δχ² of one more experiment is equally likely to fall between any two of them, so that it does not exceed the
    k-th with a probability of k/(number + 1), or more where values are equal. Beyond `number` there are too few.

    >>> rank(0.90, 999), rank(0.99, 50)
    (900, 51)
    """
    return math.ceil(round(level * (number + 1), 9))


def order_statistics(ordered: np.ndarray, levels: Sequence[float] = LEVELS) -> np.ndarray:
    """Return critical values and their errors.

    Parameters
    ----------
    ordered
        Δχ² of pseudo-experiments, shape (..., toys), increasing; NaN, those that could not be computed, last. They
        count as larger than any other, so that they never make a region too small.
    levels
        Confidence levels.

    Returns
    -------
    numpy.ndarray
        Shape (2, ..., levels): the value, and half the distance between the order statistics a binomial standard
        deviation to either side. NaN where there are too few pseudo-experiments.
    """
    number = ordered.shape[-1]
    found = np.full((2, *ordered.shape[:-1], len(levels)), np.nan)
    for i, level in enumerate(levels):
        k, spread = rank(level, number), math.ceil(math.sqrt(number * level * (1 - level)))
        if k <= number:
            found[0, ..., i] = ordered[..., k - 1]
        if k - spread > 0 and k + spread <= number:
            found[1, ..., i] = (ordered[..., k + spread - 1] - ordered[..., k - spread - 1]) / 2
    return found


def toys_dataset(delta: Any, status: Any, coordinates: Mapping[str, Any], attributes: Mapping[str, Any]) -> xr.Dataset:
    """Return pseudo-experiments with their critical values.

    Parameters
    ----------
    delta, status
        Δχ² and its status, dask arrays of shape (points, toys).
    coordinates
        Numbers of points and pseudo-experiments, and the points' parameters.
    attributes
        Of the dataset.

    Returns
    -------
    xarray.Dataset
        ``delta_chi2`` and ``status`` over (point, toy), ``critical`` and ``critical_error`` over (point, cl), all lazy.
    """
    whole = delta.rechunk({1: -1})
    size = len(LEVELS)
    found = da.map_blocks(
        lambda block: order_statistics(np.sort(block, axis=-1)),
        whole,
        chunks=((2,), whole.chunks[0], (size,)),
        new_axis=0,
        dtype=np.float64,
        meta=np.empty((0, 0, 0)),
    )
    variables = {
        "delta_chi2": (("point", "toy"), delta, {"long_name": r"$\Delta\chi^2$ of pseudo-experiments"}),
        "status": (("point", "toy"), status, {"long_name": "status of the pseudo-experiment"}),
        "critical": (("point", "cl"), found[0], {"long_name": r"critical value of $\Delta\chi^2$"}),
        "critical_error": (("point", "cl"), found[1], {"long_name": "standard deviation of the critical value"}),
    }
    dataset = xr.Dataset(
        {name: (dims, values, {"units": "1", **facts}) for name, (dims, values, facts) in variables.items()},
        {**coordinates, "cl": ("cl", list(LEVELS), {"units": "1", "long_name": "confidence level"})},
        dict(attributes),
    )
    return dataset
