"""Pseudo-experiments at points of a scan, and Δχ² of each against its smallest −2 ln L on the scan's whole grid.

Feldman and Cousins (physics/9711021): at a point that is taken for true, data of every experiment are drawn again and
again, and Δχ² = χ²(point) − min χ² is found for each; the quantiles of it are what the Δχ² of the real data is compared
with. Parameters that a region does not show are profiled in both, and those of the pseudo-experiments, nuisance
parameters among them, are what fits the real data best at the point ("profile construction").

The random numbers of a pseudo-experiment are a stream of their own, Philox with the seed as key and (point, toy) in the
counter, so that they are the same in whatever block, process or order it is computed. The grid is worked on in tiles:
the signals of a tile are computed once for all pseudo-experiments, and nothing is kept of it but their minima.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, cast

import numpy as np

from scanner.errors import InputError, Status
from scanner.evaluate import CHUNK, signals
from scanner.grid import Block, Layout, block_shape
from scanner.likelihoods.base import Likelihood, Pull, PulledLikelihood
from scanner.likelihoods.pulls import best_pulls, combine, connected, number_of_terms
from scanner.scan import Member, Scan
from scanner.tables import BuiltTable

VERSION = 1
"""Raised whenever other numbers are drawn from the same seed."""
BATCH = 512
"""Pseudo-experiments that are kept in memory at a time."""

Toy = Mapping[str, Likelihood]
"""The likelihoods of one pseudo-experiment by experiment, in order of name."""
Tile = tuple[dict[str, np.ndarray], np.ndarray]
"""Signals of each experiment at some points, and whether these are ok."""


@dataclass(frozen=True)
class Truth:
    """What is true in the pseudo-experiments of a point.

    Parameters
    ----------
    signals
        Events of each experiment, in order of name, shape (signal bins,).
    status
        Whether pseudo-experiments can be drawn.
    pulls
        Nuisance parameters of experiments that share some, at their joint best fit to the real data
        [standard deviations].
    """

    signals: Mapping[str, np.ndarray]
    status: Status
    pulls: Mapping[str, float] = field(default_factory=dict)


class Built(NamedTuple):
    """A scan with its tables."""

    scan: Scan
    tables: Mapping[str, BuiltTable]


@dataclass(frozen=True)
class PseudoExperiments:
    """Draws pseudo-experiments of some experiments.

    Parameters
    ----------
    members
        The experiments by name, in order of name.
    seed
        Not negative, below 2¹²⁸.
    """

    members: Mapping[str, Member]
    seed: int

    @functools.cached_property
    def nuisances(self) -> dict[str, tuple[str, ...]]:
        """Names of the nuisance parameters of those experiments that share some with another."""
        own = {name: member.nuisances for name, member in self.members.items()}
        return {name: own[name] for group in connected(own, own) if len(group) > 1 for name in group}

    def truth(self, points: Built, place: Sequence[int]) -> Truth:
        """Return what is true at a point.

        Parameters
        ----------
        points
            See `scanner.points.at_points`.
        place
            Its index on each of their axes.
        """
        found = signals(*points, Block(0, 0, tuple(place), tuple(i + 1 for i in place)))
        return self._truth({name: (signal[0], status[0]) for name, (signal, status) in found.items()})

    def _truth(self, found: Mapping[str, tuple[np.ndarray, int]]) -> Truth:
        events = {name: found[name][0] for name in self.members}
        for name in self.members:
            if found[name][1] != Status.ok:
                return Truth(events, Status(int(found[name][1])))
        truth = Truth(events, Status.ok, self._pulls(events))
        try:
            drawable = bool(np.isfinite(list(truth.pulls.values())).all()) and bool(self.draw(truth, 0, 0))
        except InputError:  # not a prediction that data could have
            drawable = False
        return truth if drawable else Truth(events, Status.not_finite)

    def _pulls(self, events: Mapping[str, np.ndarray]) -> dict[str, float]:
        found: dict[str, float] = {}
        for group in connected(self.nuisances, self.nuisances):
            own = {name: self.nuisances[name] for name in group}
            likelihoods = {name: cast(PulledLikelihood, self.members[name].experiment.likelihood) for name in group}
            found |= best_pulls(own, {name: _terms(likelihoods[name], events[name][None])[:, 0] for name in group})
        return found

    def draw(self, truth: Truth, point: int, toy: int) -> Toy:
        """Return the pseudo-experiment of that number at the point of that number."""
        generator = np.random.Generator(np.random.Philox(key=self.seed, counter=[0, 0, toy, point]))
        pulls = {name: Pull(value, generator.normal(value)) for name, value in truth.pulls.items()}
        found: dict[str, Likelihood] = {}
        for name, member in self.members.items():
            likelihood, signal = member.experiment.likelihood, truth.signals[name]
            shared = {n: pulls[n] for n in member.nuisances if n in pulls}
            if shared:
                found[name] = cast(PulledLikelihood, likelihood).toy(signal, generator, shared)
            else:
                found[name] = likelihood.toy(signal, generator)
        return found

    def delta_chi2(
        self, whole: Built, points: Built, truths: Sequence[Truth], first: tuple[int, int], toys: int
    ) -> dict[str, np.ndarray]:
        """Return Δχ² of pseudo-experiments.

        Parameters
        ----------
        whole
            The scan on whose grid minima are looked for, of these experiments alone.
        points
            See `scanner.points.at_points`.
        truths
            What is true at each point.
        first
            Numbers of the first point and of the first pseudo-experiment.
        toys
            How many of them there are of each point.

        Returns
        -------
        dict
            ``delta_chi2``, float64, and ``status``, uint8, both of shape (points, toys). χ² at a point is the smallest
            over the axes profiled. The point itself takes part in the minimum, so that no number is negative; NaN where
            the status is not ok.
        """
        shape = (len(truths), toys)
        delta, status = np.full(shape, np.nan), np.empty(shape, dtype=np.uint8)
        status[:] = [[truth.status] for truth in truths]
        wanted = [(i, j) for i, truth in enumerate(truths) if truth.status == Status.ok for j in range(toys)]
        for start in range(0, len(wanted), BATCH):
            batch = wanted[start : start + BATCH]
            drawn = [self.draw(truths[i], first[0] + i, first[1] + j) for i, j in batch]
            here = self._here(points, [first[0] + i for i, _ in batch], drawn)
            delta[tuple(np.transpose(batch))] = here - np.fmin(self._lowest(_tiles(*whole), drawn), here)
        status[(status == Status.ok) & ~np.isfinite(delta)] = Status.not_finite
        delta[status != Status.ok] = np.nan
        return {"delta_chi2": delta, "status": status}

    def _here(self, points: Built, numbers: Sequence[int], toys: Sequence[Toy]) -> np.ndarray:
        """Return the χ² of each pseudo-experiment at the point of a number; NaN if there is none."""
        found = np.empty(len(toys))
        for number in set(numbers):
            own = np.flatnonzero(np.array(numbers) == number)
            found[own] = self._lowest(_tiles_of_point(*points, number), [toys[i] for i in own.tolist()])
        return np.where(np.isinf(found), np.nan, found)

    def _lowest(self, tiles: Iterable[Tile], toys: Sequence[Toy]) -> np.ndarray:
        """Return the smallest χ² of each pseudo-experiment on some tiles, float64; infinite if there is none."""
        found = np.full(len(toys), np.inf)
        for events, ok in tiles:
            for i, toy in enumerate(toys):
                chi2 = self._sum(toy, events, ok.shape)
                found[i] = np.fmin(found[i], np.fmin.reduce(chi2[ok]))
        return found

    def _sum(self, toy: Toy, events: Mapping[str, np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
        """χ² of all experiments together; their signals have the shape of the points, or 1, then bins."""
        chi2, terms, nuisances = {}, {}, self.nuisances
        for name, likelihood in toy.items():
            flat, own = events[name].reshape(-1, events[name].shape[-1]), events[name].shape[:-1]
            value, gof = np.empty((2, len(flat)))
            likelihood(flat, value, gof)
            chi2[name] = np.broadcast_to(value.reshape(own), shape)
            if name in nuisances:
                found = _terms(cast(PulledLikelihood, likelihood), flat)
                terms[name] = np.broadcast_to(found.reshape(-1, *own), (len(found), *shape))
        return combine(chi2, nuisances, terms)


def _terms(likelihood: PulledLikelihood, signal: np.ndarray) -> np.ndarray:
    """Return the polynomials of −2 ln L in the nuisance parameters, shape (terms, points)."""
    found = np.empty((len(signal), number_of_terms(len(likelihood.nuisances))))
    likelihood.pull_terms(signal, found)
    return np.ascontiguousarray(found.T)


def _tiles_of_point(points: Scan, tables: Mapping[str, BuiltTable], number: int) -> Iterator[Tile]:
    """Signals at one point of a list, in boxes of the axes profiled, and what is ok."""
    shape = points.grid.shape[1:]
    for box in Layout((shape,), (block_shape(shape, CHUNK),)):
        found = signals(points, tables, Block(0, 0, (number, *box.start), (number + 1, *box.stop)))
        ok = np.logical_and.reduce([status == Status.ok for _, status in found.values()])
        if ok.any():
            yield {name: signal for name, (signal, _) in found.items()}, ok


def _tiles(scan: Scan, tables: Mapping[str, BuiltTable]) -> Iterator[Tile]:
    """Signals in boxes of the grid of all axes that matter, each on its experiment's own axes, and what is ok."""
    used = {name for group in scan.groups for name in group.axes}
    grid = scan.grid.subgrid(tuple(used))
    for box in Layout((grid.shape,), (block_shape(grid.shape, CHUNK),)):
        events, ok = {}, np.ones(box.shape, dtype=bool)
        for number, group in enumerate(scan.groups):
            here = dict(zip(grid.names, box.slices, strict=True))
            start, stop = (tuple(getattr(here[a], end) for a in group.axes) for end in ("start", "stop"))
            own = tuple(n if a in group.axes else 1 for a, n in zip(grid.names, box.shape, strict=True))
            for name, (signal, status) in signals(scan, tables, Block(0, number, start, stop)).items():
                events[name] = signal.reshape(*own, -1)
                ok &= (status == Status.ok).reshape(own)
        if ok.any():
            yield events, ok
