"""Best fits: the grid's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from scanner.analysis.surface import prepare, profile


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
        Axes on which the minimum lies at an end: the true one may lie beyond.
    """

    chi2: float
    point: dict[str, float]
    experiments: tuple[str, ...]
    on_edge: tuple[str, ...]


def best_fit(dataset: xr.Dataset, experiments: Sequence[str] | None = None) -> BestFit:
    """Return the best fit of a sum of experiments.

    Parameters
    ----------
    dataset
        An opened cube.
    experiments
        See `scanner.analysis.totals.total`.

    Raises
    ------
    InputError
        As `scanner.analysis.totals.total`, and where no point is ok.
    """
    chi2, idle, _ = prepare(dataset, (), experiments, None)
    lowest, where = profile(chi2, ())
    point = {name: float(value) for name, value in where.items()}
    return BestFit(
        float(lowest),
        {str(name): (point | idle)[str(name)] for name in (*chi2.dims, *idle)},
        tuple(chi2.attrs["experiments"]),
        tuple(name for name, value in point.items() if _at_an_end(chi2[name].values, value)),
    )


def _at_an_end(values: np.ndarray, value: float) -> bool:
    return len(values) > 1 and value in (values[0], values[-1])
