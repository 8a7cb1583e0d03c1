"""Best fits on the grid, read off a store block by block, and what they improve on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from scanner import registry
from scanner.cube import Cube
from scanner.errors import ScannerError
from scanner.prediction import predict


@dataclass(frozen=True)
class BestFit:
    """The smallest −2 ln L of an experiment on the grid.

    Parameters
    ----------
    experiment
        Its name.
    chi2
        −2 ln L there; NaN if no point is ok.
    point
        The axes' values there, of the axes that the experiment depends on.
    delta_null
        −2 ln L of the null hypothesis minus `chi2`; None where the model has none.
    """

    experiment: str
    chi2: float
    point: dict[str, float]
    delta_null: float | None


def best_fits(cube: Cube) -> list[BestFit]:
    """Return every experiment's best grid point, reading one block at a time."""
    found: list[BestFit] = []
    for number, group in enumerate(cube.record["groups"]):
        nothing: tuple[float, tuple[int, ...]] = (math.inf, ())
        minima = [nothing] * len(group["experiments"])
        for block in cube.layout:
            if block.group != number:
                continue
            chi2 = cube.read(block, "chi2")
            for i in range(len(minima)):
                minima[i] = min(minima[i], _minimum(chi2[i], block.start))
        for name, (value, index) in zip(group["experiments"], minima, strict=True):
            found.append(_best_fit(cube, name, value, dict(zip(group["axes"], index, strict=False))))
    order = list(cube.record["experiments"])
    last = len(found) if cube.sum_group is None else len(found) - 1
    return [*sorted(found[:last], key=lambda fit: order.index(fit.experiment)), *found[last:]]


def _minimum(chi2: np.ndarray, start: tuple[int, ...]) -> tuple[float, tuple[int, ...]]:
    """Smallest value of a block that is not NaN, with its index in the group's grid."""
    if np.isnan(chi2).all():
        return (math.inf, ())
    index = np.unravel_index(int(np.nanargmin(chi2)), chi2.shape)
    return float(chi2[index]), tuple(int(a + i) for a, i in zip(start, index, strict=True))


def _best_fit(cube: Cube, name: str, chi2: float, index: dict[str, int]) -> BestFit:
    if math.isinf(chi2):
        return BestFit(name, math.nan, {}, None)
    point = {axis: float(cube.array(f"axes/{axis}")[...][i]) for axis, i in index.items()}
    without = null(cube, name)
    return BestFit(name, chi2, point, None if without is None else without["chi2"] - chi2)


def null(cube: Cube, name: str) -> dict[str, float] | None:
    """Return ``chi2`` and ``gof`` of an experiment without a signal; None where the model has no such point."""
    values = cube.record["model"]["null"]
    if values is None:
        return None
    try:
        model = registry.model(cube.record["model"]["name"])
        found = predict(model.name, name, **{**cube.record["model"]["parameters"], **values})
    except ScannerError:
        return None  # the plug-in is not installed here; the cube itself stays readable
    return {statistic: float(found[statistic]) for statistic in ("chi2", "gof")}
