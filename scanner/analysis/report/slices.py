"""Which slices of a cube go into a page: all of them, or evenly thinned ones where the page would grow too large."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

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
    thinned
        Whether anything of the cube was left out.
    """

    samples: list[dict[str, Any]]
    arrays: Arrays
    raw: int
    thinned: bool

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
    first = _take(dataset, _plan(dataset, pairs, len(sums), best, budget / WORST_RATIO), sums)
    if not first.thinned or first.size > budget:
        return first
    ratio = 1.05 * first.size / first.raw  # now that it is known how well these numbers pack
    second = _take(dataset, _plan(dataset, pairs, len(sums), best, budget / ratio), sums)
    return second if second.size <= budget else first


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


def _plan(
    dataset: xr.Dataset, pairs: Sequence[tuple[str, ...]], solved: int, best: Mapping[str, float], budget: float
) -> list[Kept]:
    """The finest plan whose points take at most so many bytes, or the coarsest one."""
    depends = [own_axes(dataset, name) for name in experiments(dataset)] + [tuple(best)] * solved
    plan: list[Kept] = []
    for plan in _plans(dataset, pairs, best):
        points = sum(math.prod(len(kept[a]) for a in names) for kept in plan for names in depends)
        if points * BYTES_A_POINT <= budget:
            break
    return plan


def _plans(dataset: xr.Dataset, pairs: Sequence[tuple[str, ...]], best: Mapping[str, float]) -> Iterator[list[Kept]]:
    """The whole cube, then every pair of axes whole and the others thinned more and more, then the pair as well."""
    size = {name: dataset.sizes[name] for name in best}
    inside = {name: int(np.abs(dataset[name].values - value).argmin()) for name, value in best.items()}
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
    for kept in plan:
        values = _read(dataset, kept, sums)
        sample: dict[str, Any] = {"kept": kept, "experiments": {}, "sums": {}}
        for name in experiments(dataset):
            chi2, status = values[f"chi2 {name}"], values[f"status {name}"]
            packed = {**_pack(arrays, chi2), "status": arrays.add(status.values)}
            sample["experiments"][name] = {"axes": list(chi2.dims), **packed}
            raw += chi2.size * BYTES_A_POINT
        for source in sums:
            chi2 = values[f"sum {source.label}"]
            sample["sums"][source.label] = {"axes": list(chi2.dims), **_pack(arrays, chi2)}
            raw += chi2.size * BYTES_A_POINT
        samples.append(sample)
    thinned = any(len(kept[name]) < dataset.sizes[name] for kept in plan for name in kept)
    return Slices(samples, arrays, raw, thinned)


def _read(dataset: xr.Dataset, kept: Kept, sums: Sequence[Source]) -> xr.Dataset:
    """The part of the cube that a sample holds, read in one pass."""
    parts = {
        f"{variable} {name}": own(dataset, variable, name)
        for variable in ("chi2", "status")
        for name in experiments(dataset)
    }
    parts |= {f"sum {source.label}": dataset.scan.total(list(source.members)) for source in sums}
    return xr.Dataset({name: _select(part, kept) for name, part in parts.items()}).compute()


def _select(array: xr.DataArray, kept: Kept) -> xr.DataArray:
    return array.isel({str(name): kept[str(name)] for name in array.dims}).reset_coords(drop=True)


def _pack(arrays: Arrays, chi2: xr.DataArray) -> dict[str, Any]:
    """−2 ln L as float32: as it is where the cube's is float32 too, else without its minimum, which is kept apart."""
    finite = bool(np.isfinite(chi2).any())
    offset = float(chi2.min()) if chi2.dtype != np.float32 and finite else 0.0
    return {"chi2": arrays.add((chi2.values - offset).astype(np.float32)), "offset": offset}
