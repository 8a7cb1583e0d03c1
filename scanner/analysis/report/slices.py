"""Which slices of a cube go into a page: all of them, or evenly thinned ones where the page would grow too large."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from dask.base import compute

from scanner.analysis.report.arrays import Arrays
from scanner.analysis.report.sources import Source, experiments, own, own_axes

Kept = dict[str, list[int]]
"""Indices kept of each axis."""

WORST_RATIO = 1.4
"""Characters for a byte that does not compress: base64 takes 4 for 3, and there is a little around it."""
BYTES_A_POINT = 5
"""A float32 and a status."""


@dataclass(frozen=True)
class Slices:
    """The slices of a store that were taken into the page.

    Parameters
    ----------
    samples
        What was kept of the cube, as the page reads it: one sample that serves all pairs of axes where the whole
        cube fits, else one for each pair.
    arrays
        Their numbers.
    raw
        Bytes before they were packed.
    """

    samples: list[dict[str, Any]]
    arrays: Arrays
    raw: int

    @property
    def size(self) -> int:
        """Characters in the page."""
        return self.arrays.size + len(json.dumps(self.samples))


def fit(
    dataset: xr.Dataset,
    pairs: Sequence[tuple[str, ...]],
    sums: Sequence[Source],
    best: Mapping[str, float],
    budget: float,
) -> Slices:
    """Take as many slices of a cube as a number of characters allows.

    Parameters
    ----------
    dataset
        An opened cube.
    pairs
        Axes that the page can show together.
    sums
        Sums that the page cannot do itself (see `Source.solved`).
    best
        A value of every axis: the slice through it is always kept.
    budget
        Characters.

    Returns
    -------
    Slices
        It may exceed the budget only where two points of each axis do so.
    """
    probe = _take(dataset, [_plane(dataset, pairs[0], best)], sums)
    ratio = min(WORST_RATIO, 1.1 * probe.size / probe.raw)
    while True:
        plan, coarsest = _plan(dataset, pairs, len(sums), best, budget / ratio)
        taken = _take(dataset, plan, sums)
        if taken.size <= budget or coarsest:
            return taken
        ratio *= 1.05 * taken.size / budget  # these numbers pack worse than those of the first plane


def thin(length: int, share: float, always: int) -> list[int]:
    """Indices of a share of an axis' values, evenly from end to end, and one that is always kept.

    >>> thin(9, 0.3, always=5)
    [0, 4, 5, 8]
    >>> thin(9, 0.1, always=5)
    [5]
    """
    count = math.ceil(length * share)
    even = np.linspace(0, length - 1, count).round() if count > 1 else np.empty(0)
    return sorted({*(int(i) for i in even), always})


def _inside(dataset: xr.Dataset, best: Mapping[str, float]) -> dict[str, int]:
    return {name: int(np.abs(dataset[name].values - value).argmin()) for name, value in best.items()}


def _plane(dataset: xr.Dataset, pair: tuple[str, ...], best: Mapping[str, float]) -> Kept:
    """The slice over two axes through a point."""
    inside = _inside(dataset, best)
    return {name: list(range(dataset.sizes[name])) if name in pair else [inside[name]] for name in best}


def _plan(
    dataset: xr.Dataset, pairs: Sequence[tuple[str, ...]], solved: int, best: Mapping[str, float], budget: float
) -> tuple[list[Kept], bool]:
    """The finest plan whose points take at most so many bytes, or the coarsest, and whether it is that one."""
    depends = [own_axes(dataset, name) for name in experiments(dataset)] + [tuple(best)] * solved
    plan: list[Kept] = []
    for plan in _plans(dataset, pairs, best):
        points = sum(math.prod(len(kept[a]) for a in names) for kept in plan for names in depends)
        if points * BYTES_A_POINT <= budget:
            return plan, False
    return plan, True


def _plans(dataset: xr.Dataset, pairs: Sequence[tuple[str, ...]], best: Mapping[str, float]) -> Iterator[list[Kept]]:
    """The whole cube, then every pair of axes whole and the others thinned more and more, then the pair as well."""
    size = {name: dataset.sizes[name] for name in best}
    inside = _inside(dataset, best)
    whole = {name: list(range(n)) for name, n in size.items()}
    yield [whole]
    longest = max(size.values())
    for count in range(longest - 1, 0, -1) if any(set(size) - set(pair) for pair in pairs) else ():
        thinned = {name: thin(n, count / longest, inside[name]) for name, n in size.items()}
        yield [{name: (whole if name in pair else thinned)[name] for name in size} for pair in pairs]
    for count in range(longest - 1, 1, -1):
        thinned = {name: thin(n, count / longest, inside[name]) for name, n in size.items()}
        yield [{name: thinned[name] if name in pair else [inside[name]] for name in size} for pair in pairs]


def _take(dataset: xr.Dataset, plan: Sequence[Kept], sums: Sequence[Source]) -> Slices:
    """Read and pack what a plan keeps."""
    arrays, samples, raw = Arrays(), [], 0
    for kept, values in zip(plan, _read(dataset, plan, sums), strict=True):
        sample: dict[str, Any] = {"kept": kept, "experiments": {}, "sums": {}}
        for name in experiments(dataset):
            chi2, status = values["chi2", name], values["status", name]
            packed = {**_pack(arrays, chi2), "status": arrays.add(status.values)}
            sample["experiments"][name] = {"axes": list(chi2.dims), **packed}
        for source in sums:
            chi2 = values["sum", source.label]
            sample["sums"][source.label] = {"axes": list(chi2.dims), **_pack(arrays, chi2)}
        raw += sum(array.size for (kind, _), array in values.items() if kind != "status") * BYTES_A_POINT
        samples.append(sample)
    return Slices(samples, arrays, raw)


def _read(
    dataset: xr.Dataset, plan: Sequence[Kept], sums: Sequence[Source]
) -> list[dict[tuple[str, str], xr.DataArray]]:
    """The parts of the cube that a plan keeps, all in one pass."""
    parts = {(kind, name): own(dataset, kind, name) for kind in ("chi2", "status") for name in experiments(dataset)}
    parts |= {("sum", source.label): dataset.scan.total(list(source.members)) for source in sums}
    lazy = [{key: _select(part, kept) for key, part in parts.items()} for kept in plan]
    (found,) = compute(lazy)
    return list(found)


def _select(array: xr.DataArray, kept: Kept) -> xr.DataArray:
    return array.isel({str(name): kept[str(name)] for name in array.dims}).reset_coords(drop=True)


def _pack(arrays: Arrays, chi2: xr.DataArray) -> dict[str, Any]:
    """−2 ln L as float32: as it is where the cube's is float32 too, else without its minimum, which is kept apart."""
    finite = bool(np.isfinite(chi2).any())
    offset = float(chi2.min()) if chi2.dtype != np.float32 and finite else 0.0
    return {"chi2": arrays.add((chi2.values - offset).astype(np.float32)), "offset": offset}
