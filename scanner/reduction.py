"""A scan reduced while it is evaluated: the sum of its experiments, profiled or integrated over some of its axes.

What is kept of the sum is what `scanner.analysis` would make of the whole cube: each experiment is rounded to the
cube's dtype first, and they are added in order of name, so that a profile has the very same bits.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from scanner.config import Reduce
from scanner.errors import Status
from scanner.evaluate import evaluate
from scanner.grid import Block, Grid, Layout, block_shape
from scanner.likelihoods import reduction as kernels
from scanner.likelihoods.pulls import combine
from scanner.scan import Scan
from scanner.tables import BuiltTable

PACK = 4096
"""Points of the reduced axes that are evaluated together, at most."""
POINTS = 2**18
"""Points that are evaluated together, at most."""
VOLUME = 2**62
"""The whole prior volume, in the units in which it is counted: their sums are exact, whatever the order."""

Box = dict[str, slice]


@dataclass(frozen=True)
class Reduction:
    """A scan that is reduced.

    Parameters
    ----------
    scan
        The scan, on its whole grid.
    outputs
        Names of the arrays that are kept.
    """

    scan: Scan
    outputs: tuple[str, ...]

    def evaluate(self, tables: Mapping[str, BuiltTable], block: Block) -> dict[str, np.ndarray]:
        """Reduce all points above a block of the kept axes.

        Returns
        -------
        dict
            `outputs` in float64, NaN wherever ``status`` (uint8) is not ok, each of shape (1, *block.shape). A point
            is ok where any above it is; else it has the status of the first of them.
        """
        found = [np.empty((1, *block.shape)) for _ in self.outputs]
        status = np.empty((1, *block.shape), np.uint8)
        packs = list(_boxes(self.scan.reduced, (0,) * len(self.scan.reduced.shape), self.scan.reduced.shape, PACK))
        size = max(math.prod(s.stop - s.start for s in box.values()) for box in packs)
        for part in _boxes(self.scan.kept, block.start, block.stop, max(1, POINTS // size)):
            results, marks = self._reduce(tables, part, packs)
            shape = [s.stop - s.start for s in part.values()]
            region: tuple[Any, ...] = (
                0,
                *(slice(s.start - a, s.stop - a) for s, a in zip(part.values(), block.start, strict=True)),
            )
            status[region] = marks.reshape(shape)
            for array, values in zip(found, results, strict=True):
                array[region] = np.where(marks == Status.ok, values, np.nan).reshape(shape)
        return {**dict(zip(self.outputs, found, strict=True)), "status": status}

    def _reduce(
        self, tables: Mapping[str, BuiltTable], part: Box, packs: list[Box]
    ) -> tuple[list[np.ndarray], np.ndarray]:
        """Values of the outputs, and statuses, of a box of the kept axes, each of shape (points,).

        Outputs are −2 ln L, the fraction of what is above that is ok, and where a profile lies on the reduced axes.
        """
        points = math.prod(s.stop - s.start for s in part.values())
        failure, failed_at = np.full(points, Status.missing, np.uint8), np.full(points, kernels.NOWHERE)
        profiles = _asked(self.scan).method == "profile"
        where = np.full(points, kernels.NOWHERE)
        value, total = np.full(points, math.inf if profiles else -math.inf), np.zeros(points)
        ok, everything = np.zeros(points, np.int64), 0
        sums = _Sums(self.scan, tables, (*self.scan.kept.names, *self.scan.reduced.names))
        for pack in packs:
            chi2, status = sums.on({**part, **pack}, points)
            index = _flat(pack, self.scan.reduced.shape)
            log_volume, counts = self._measure(pack)
            if profiles:
                kernels.lowest(chi2, index, value, where)
            else:
                kernels.integrate(chi2, log_volume, value, total)
            kernels.first_failure(status, index, failure, failed_at)
            ok += (status == Status.ok) @ counts
            everything += int(counts.sum())
        marks = np.where(np.isinf(value), failure, np.uint8(Status.ok))
        if profiles:
            places = np.unravel_index(np.where(np.isinf(value), 0, where), self.scan.reduced.shape)
            best = (axis.array[i] for axis, i in zip(self.scan.reduced.axes, places, strict=True))
            return [value, ok / everything, *best], marks
        logs = [math.log(v) if v > 0 else -math.inf for v in total.tolist()]
        return [-2 * (value + np.array(logs)), ok / everything], marks

    @functools.cached_property
    def _log_volumes(self) -> dict[str, np.ndarray]:
        """Log of the prior volume of each value of the reduced axes."""
        priors, found = _asked(self.scan).priors, {}
        for axis in self.scan.reduced.axes:
            where = f"reduce.priors.{axis.name}"
            density = kernels.density(axis.array, axis.scale == "log", priors.get(axis.name), where)
            found[axis.name] = kernels.log_volume(axis.scaled, density)
        return found

    def _measure(self, pack: Box) -> tuple[np.ndarray, np.ndarray]:
        """Log of the prior volume of each point of a pack of the reduced axes, and what each counts, int64.

        Each point of a profile, which has no prior, counts one; else its prior volume in units of which there are
        `VOLUME`.
        """
        if _asked(self.scan).method == "profile":
            points = math.prod(s.stop - s.start for s in pack.values())
            return np.zeros(points), np.ones(points, np.int64)
        parts = [self._log_volumes[axis.name][pack[axis.name]] for axis in self.scan.reduced.axes]
        logs = [math.fsum(one) for one in itertools.product(*(part.tolist() for part in parts))]
        return np.array(logs), np.array([round(math.exp(one) * VOLUME) for one in logs], np.int64)


class _Sums:
    """The sum of a scan's experiments on boxes of its grid."""

    def __init__(self, scan: Scan, tables: Mapping[str, BuiltTable], order: tuple[str, ...]):
        self._scan, self._tables, self._order = scan, tables, order
        self._last: dict[int, tuple[Block, dict[str, np.ndarray]]] = {}

    def on(self, box: Box, kept: int) -> tuple[np.ndarray, np.ndarray]:
        """χ² and status, of shape (kept, other points)."""
        shape = tuple(s.stop - s.start for s in box.values())
        chi2, terms, marks = {}, {}, {}
        for number, group in enumerate(self._scan.groups):
            found = self._group(number, box)
            for i, member in enumerate(group.members):
                name = member.experiment.name
                chi2[name] = self._spread(found["chi2"][i], group.axes, shape).astype(np.float64)
                marks[name] = self._spread(found["status"][i], group.axes, shape)
                if group.nuisances:
                    rows = (self._spread(row, group.axes, shape) for row in found["pull_terms"][i])
                    terms[name] = np.stack([np.broadcast_to(row, shape) for row in rows])
        nuisances = {name: member.nuisances for name, member in self._scan.members().items()}
        full = {name: np.broadcast_to(values, shape) for name, values in chi2.items()}
        total, status = combine(full, nuisances, terms), np.full(shape, Status.ok, np.uint8)
        for name in sorted(marks):
            np.copyto(status, marks[name], where=(status == Status.ok) & (marks[name] != Status.ok))
        status[(status == Status.ok) & ~np.isfinite(total)] = Status.not_finite
        total = np.where(status == Status.ok, total, np.nan)
        return np.ascontiguousarray(total.reshape(kept, -1)), np.ascontiguousarray(status.reshape(kept, -1))

    def _group(self, number: int, box: Box) -> dict[str, np.ndarray]:
        """Results of a group on its own axes, rounded; those of the box before where the group sees the same."""
        axes = self._scan.groups[number].axes
        block = Block(0, number, tuple(box[a].start for a in axes), tuple(box[a].stop for a in axes))
        if number not in self._last or self._last[number][0] != block:
            found = evaluate(self._scan, self._tables, block, ("chi2",), self._scan.file.dtype)
            self._last[number] = (block, found)
        return self._last[number][1]

    def _spread(self, values: np.ndarray, axes: tuple[str, ...], shape: tuple[int, ...]) -> np.ndarray:
        """Bring an array over a group's axes to the order of all axes, of length 1 where it has none."""
        order = [axes.index(name) for name in self._order if name in axes]
        index = tuple(slice(None) if name in axes else None for name in self._order)
        return np.asarray(values.transpose(order)[index])


def _asked(scan: Scan) -> Reduce:
    assert scan.file.reduce is not None
    return scan.file.reduce


def _flat(box: Box, shape: tuple[int, ...]) -> np.ndarray:
    """Flat indices, into an array of some shape, of the points of a box, int64."""
    along = np.meshgrid(*(np.arange(s.start, s.stop) for s in box.values()), indexing="ij")
    return np.ravel_multi_index([one.ravel() for one in along], shape).astype(np.int64)


def _boxes(grid: Grid, start: tuple[int, ...], stop: tuple[int, ...], points: int) -> Iterator[Box]:
    """Cut an index box of a grid into boxes of so many points at most, by axis."""
    shape = tuple(b - a for a, b in zip(start, stop, strict=True))
    for block in Layout((shape,), (block_shape(shape, points),)):
        pairs = zip(grid.names, block.start, block.stop, start, strict=True)
        yield {name: slice(a + first, b + first) for name, a, b, first in pairs}
