"""Figures read off a store block by block: best fits, statuses, completeness."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from scanner import engine, levels, registry
from scanner.cube import Cube, open_cube
from scanner.errors import ScannerError, Status, StoreError
from scanner.ledger import DONE, Element, Ledger
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


def status_counts(cube: Cube) -> dict[str, int]:
    """Return how many (experiment, point) pairs of the whole grid have each status."""
    total = math.prod(cube.shape)
    counts: Counter[str] = Counter()
    for number, group in enumerate(cube.record["groups"]):
        here: Counter[int] = Counter()
        for block in cube.layout:
            if block.group == number:
                try:
                    values, found = np.unique(cube.read(block, "status"), return_counts=True)
                except StoreError:
                    continue  # a damaged block counts as missing, below
                here.update({int(v): int(n) for v, n in zip(values, found, strict=True)})
        size = math.prod(cube.layout.shapes[number]) * len(group["experiments"])
        here[int(Status.missing)] += size - here.total()
        copies = total // math.prod(cube.layout.shapes[number])
        counts.update({Status(v).name: n * copies for v, n in here.items() if n})
    return dict(counts)


def status(cube: Cube) -> dict[str, Any]:
    """Return what ``scanner status`` tells, as plain JSON types."""
    ledger, message = cube.ledger()
    found = engine.counts(cube, ledger)
    complete = ledger.count(DONE) == ledger.state.size
    return {
        "store": cube.url,
        "name": cube.record["name"],
        "blocks": found["blocks"],
        "done": found["done"],
        "failed": found["failed"],
        "complete": complete,
        "points": math.prod(cube.shape),
        "statuses": status_counts(cube),
        "elements": [_element(cube, ledger, Element(n, ledger.elements)) for n in range(ledger.elements)],
        "levels": levels_of(cube),
        "failures": {str(n): text for n, text in sorted(ledger.failures.items())},
        "ledger": message or "ok",
        "provenance": {
            "created": cube.record["created"],
            "identity_hash": cube.record["identity_hash"],
            "environment": cube.record["environment"],
            "plugins": cube.record["plugins"],
            "runs": cube.runs,
        },
    }


def _element(cube: Cube, ledger: Ledger, element: Element) -> dict[str, int]:
    found = engine.counts(cube, ledger, element)
    return {"element": element.number, **{name: found[name] for name in ("blocks", "done", "failed")}}


def levels_of(cube: Cube) -> list[dict[str, Any]]:
    """Return how much of each level of a refined store is computed, as plain JSON types."""
    found = []
    for number in range(1, levels.existing(cube.url) + 1):
        level = open_cube(levels.url_of(cube.url, number))
        counts = engine.counts(level, level.ledger()[0])
        found.append(
            {
                "level": number,
                "store": level.url,
                "axes": {name: level.array(f"axes/{name}").shape[0] for name in level.record["level"]["plane"]},
                **{name: counts[name] for name in ("blocks", "done", "failed")},
                "points": counts["points_done"],
                "grid_points": int(level.layout.sizes().sum()),
            }
        )
    return found
