"""The sum of what several heavy neutrinos of a model leave in an experiment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from scanner.signals.base import Prediction, Table
from scanner.signals.monomials import fill_monomials, pack_monomials
from scanner.vocabulary import Monomial

Arrays = tuple[np.ndarray, ...]


class Part(Protocol):
    """One heavy neutrino at one experiment."""

    @property
    def monomials(self) -> tuple[Monomial, ...]:
        """What its signal is a sum of."""

    @property
    def tables(self) -> tuple[Table, ...]:
        """What it takes from tables."""


def summed(parts: Sequence[Part], add_part: Callable[[np.ndarray, Arrays, Arrays, np.ndarray], None]) -> Prediction:
    """Return the prediction that adds every part to the signal.

    Parameters
    ----------
    parts
        The heavy neutrinos.
    add_part
        Adds one: from the values of its monomials, shape (monomials, points), and the nodes of the points and the
        entries of each of its tables, to the signal.
    """
    parameters = tuple(dict.fromkeys(name for part in parts for m in part.monomials for name in m.powers))
    packed = [pack_monomials(part.monomials, parameters) for part in parts]

    def add(values: np.ndarray, nodes: Arrays, tables: Arrays, signal: np.ndarray) -> None:
        first = 0
        for part, monomials in zip(parts, packed, strict=True):
            own = slice(first, first + len(part.tables))
            strengths = np.empty((len(part.monomials), signal.shape[0]))
            fill_monomials(values, *monomials, strengths)
            add_part(strengths, nodes[own], tables[own], signal)
            first = own.stop

    return Prediction(parameters, tuple(table for part in parts for table in part.tables), add)
