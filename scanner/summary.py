"""What a store holds and lacks, read off it block by block: statuses, completeness, failures."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np

from scanner import levels
from scanner.cube import OK_FRACTION, Cube, open_cube
from scanner.errors import Status, StoreError
from scanner.ledger import DONE, Element, Ledger


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


def lowest_ok_fraction(cube: Cube) -> float | None:
    """Return the smallest ``ok_fraction`` of the ok points of a reduced scan; None where there is none."""
    lowest = math.inf
    for block in cube.layout:
        if OK_FRACTION in cube.groups[block.group].outputs:
            try:
                lowest = min(lowest, float(np.fmin.reduce(cube.read(block, OK_FRACTION), axis=None, initial=np.inf)))
            except StoreError:
                continue  # a damaged block counts as missing
    return lowest if math.isfinite(lowest) else None


def status(cube: Cube) -> dict[str, Any]:
    """Return what ``scanner status`` tells, as plain JSON types."""
    ledger, message = cube.ledger()
    found = cube.counts(ledger)
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
        "lowest_ok_fraction": lowest_ok_fraction(cube),
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
    found = cube.counts(ledger, element)
    return {"element": element.number, **{name: found[name] for name in ("blocks", "done", "failed")}}


def levels_of(cube: Cube) -> list[dict[str, Any]]:
    """Return how much of each level of a refined store is computed, as plain JSON types."""
    found = []
    for number in range(1, levels.existing(cube.url) + 1):
        level = open_cube(levels.url_of(cube.url, number))
        counts = level.counts(level.ledger()[0])
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
