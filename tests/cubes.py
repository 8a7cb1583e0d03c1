"""Cubes made by hand, as an opened store looks to the analysis: dask-backed, with units, scales and facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

import scanner.analysis.accessor  # noqa: F401  (gives Datasets their .scan)
from scanner.errors import Status


def axis(values: Sequence[float] | np.ndarray, scale: str = "linear", units: str = "1") -> xr.Variable:
    """An axis without its name."""
    return xr.Variable("axis", np.asarray(values, dtype=float), {"scale": scale, "units": units})


def cube(
    axes: Mapping[str, xr.Variable],
    chi2: Mapping[str, np.ndarray],
    facts: Mapping[str, Mapping[str, Any]] | None = None,
    chunk: int = 3,
    **others: np.ndarray,
) -> xr.Dataset:
    """A cube of −2 ln L over the axes: NaN where the status is not_converged.

    ``facts`` of an experiment are added to its own data set, ``others`` are arrays over (experiment, *axes).
    """
    names = ("experiment", *axes)
    values = np.stack([np.broadcast_to(v, [a.size for a in axes.values()]) for v in chi2.values()])
    status = np.where(np.isnan(values), Status.not_converged, Status.ok).astype(np.uint8)
    arrays = {"chi2": values, "status": status, **others}
    coordinates: dict[str, Any] = {"experiment": list(chi2)}
    for name, variable in axes.items():
        coordinates[name] = (name, variable.values, {"long_name": name, **variable.attrs})
    about = {name: {"data_sets": [f"data of {name}"], **(facts or {}).get(name, {})} for name in chi2}
    dataset = xr.Dataset(
        {n: (names, a) for n, a in arrays.items()}, coordinates, {"experiments": about, "title": "toy"}
    )
    return dataset.chunk(dict.fromkeys(axes, chunk))


def gaussian(axes: Mapping[str, xr.Variable], mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """χ² of correlated Gaussian parameters, in the axes' own scale."""
    own = [np.log10(a.values) if a.attrs["scale"] == "log" else a.values for a in axes.values()]
    pulls = np.stack(np.meshgrid(*own, indexing="ij"), -1) - mean
    return np.einsum("...i,ij,...j", pulls, np.linalg.inv(covariance), pulls, optimize=True)


class Stored:
    """An array that counts how often parts of any such array are read."""

    reads = 0

    def __init__(self, values: np.ndarray):
        self._values = values
        self.shape, self.dtype, self.ndim = values.shape, values.dtype, values.ndim

    def __getitem__(self, index: Any) -> np.ndarray:
        type(self).reads += 1
        return np.asarray(self._values[index])
