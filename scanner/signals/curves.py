"""What the bounds share that are known as a curve: the curve, and rates that are monomials times a table's entries."""

from __future__ import annotations

import bisect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from scanner.errors import Status
from scanner.signals.base import Prediction, Table
from scanner.signals.heavy_neutrino import HeavyNeutrino, State
from scanner.signals.monomials import fill_monomials, pack_monomials
from scanner.vocabulary import Monomial


@dataclass(frozen=True)
class Curve:
    """The couplings that a search excludes at each mass; straight lines in the logarithms.

    Parameters
    ----------
    mass
        [GeV], rising, shape (n,).
    bottom, top
        Smallest and largest coupling squared that is excluded, shape (n,): |U_a|², or |μ_tr,a|² [GeV⁻²]. Where
        nothing bounds what is excluded, `top` is inf, or `bottom` is 0, at every mass.
    """

    mass: np.ndarray
    bottom: np.ndarray
    top: np.ndarray

    def at(self, mass: float) -> tuple[float, float] | None:
        """Return bottom and top at a mass [GeV]; None where the curve says nothing."""
        if not self.mass[0] <= mass <= self.mass[-1]:
            return None
        i = min(bisect.bisect_right(self.mass, mass), self.mass.size - 1)
        low, high = float(self.mass[i - 1]), float(self.mass[i])
        share = math.log(mass / low) / math.log(high / low)
        bottom, top = (_between(side[i - 1], side[i], share) for side in (self.bottom, self.top))
        return bottom, top

    def part(self, low: float, high: float) -> Curve:
        """Return the curve at the masses from `low` to `high` [GeV] alone."""
        ends = [m for m in (low, high) if self.mass[0] < m < self.mass[-1]]
        inside = self.mass[(self.mass >= low) & (self.mass <= high)]
        mass = np.union1d(inside, ends)
        sides = np.array([self.at(float(m)) for m in mass])
        return Curve(mass, np.ascontiguousarray(sides[:, 0]), np.ascontiguousarray(sides[:, 1]))


def _between(first: float, second: float, share: float) -> float:
    if first == 0 or math.isinf(first):
        return float(first)
    return float(first) * math.exp(share * math.log(second / first))


@dataclass(frozen=True)
class Term:
    """The events of one state in one search.

    Parameters
    ----------
    monomials
        In the model's parameters; what multiplies the entries of the table.
    table
        Its table.
    add
        Kernel that takes the values of the monomials, float64 of shape (monomials, points), then nodes, table and
        signal as `Prediction.add` does, for this table alone.
    """

    monomials: tuple[Monomial, ...]
    table: Table
    add: Callable[..., None]


def prediction(terms: Sequence[Term]) -> Prediction:
    """Return the sum of terms, all in one bin."""
    parameters = tuple(dict.fromkeys(name for term in terms for m in term.monomials for name in m.powers))
    packed = [pack_monomials(term.monomials, parameters) for term in terms]

    def add(
        values: np.ndarray,
        nodes: tuple[np.ndarray, ...],
        tables: tuple[np.ndarray, ...],
        signal: np.ndarray,
    ) -> None:
        for i, term in enumerate(terms):
            products = np.empty((len(term.monomials), len(signal)))
            fill_monomials(values, *packed[i], products)
            term.add(products, nodes[i], tables[i], signal)

    return Prediction(parameters, tuple(term.table for term in terms), add)


Entry = tuple[Sequence[float] | np.ndarray, Status]
"""One node of a table: its numbers, and whether they can be relied upon."""


def node_by_node(
    size: int, entry: Callable[[np.ndarray], Entry | None]
) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Return what builds a table from the entry at one node; zeros, status ok, where that is None.

    Parameters
    ----------
    size
        Length of an entry.
    entry
        Takes the values of the table's parameters at a node.
    """

    def build(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        entries = np.zeros((len(values), size))
        status = np.full(len(values), Status.ok, dtype=np.uint8)
        for i, node in enumerate(values):
            found = entry(node)
            if found is not None:
                entries[i], status[i] = found
        return entries, status

    return build


def state_at(found: HeavyNeutrino, parameters: tuple[str, ...], node: np.ndarray) -> State:
    """Return the state of N at a node of a table on more parameters than the state's."""
    return found.state(np.array([node[parameters.index(name)] for name in found.state_parameters]))
