"""What a signal makes of a model and an experiment: tables to build once, and a sum to do at every point."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Table:
    """The expensive integrals of a prediction, on the sub-grid of the parameters that they depend on.

    Parameters
    ----------
    name
        Unique within its prediction.
    parameters
        Names of the model parameters that it depends on, and on no other.
    shape
        Shape of the entry at one node.
    build
        Takes parameter values of shape (nodes, len(parameters)); returns the entries, float64 of shape
        (nodes, *shape), and a status per node, uint8 of shape (nodes,).
    inputs
        Arrays that went into `build`; hashed into the table's key.
    """

    name: str
    parameters: tuple[str, ...]
    shape: tuple[int, ...]
    build: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
    inputs: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Prediction:
    """The expected signal of one model in one experiment, by one mechanism.

    Parameters
    ----------
    parameters
        Names of the model parameters that `add` takes as values (the couplings).
    tables
        The tables that `add` looks up.
    add
        ``add(values, nodes, tables, signal)`` adds to ``signal``, float64 of shape (points, bins):
        ``values`` float64 of shape (len(parameters), points); ``nodes`` and ``tables``, one a table: the
        node of each point, int64 of shape (points,), and the entries of shape (nodes, *shape).
    """

    parameters: tuple[str, ...]
    tables: tuple[Table, ...]
    add: Callable[[np.ndarray, tuple[np.ndarray, ...], tuple[np.ndarray, ...], np.ndarray], None]


def joined(*predictions: Prediction) -> Prediction:
    """Return the sum of predictions; those without tables add nothing."""
    full = [p for p in predictions if p.tables]
    if len(full) == 1:
        return full[0]
    parameters = tuple(dict.fromkeys(name for p in full for name in p.parameters))
    rows = [[parameters.index(name) for name in p.parameters] for p in full]

    def add(
        values: np.ndarray, nodes: tuple[np.ndarray, ...], tables: tuple[np.ndarray, ...], signal: np.ndarray
    ) -> None:
        first = 0
        for prediction, chosen in zip(full, rows, strict=True):
            last = first + len(prediction.tables)
            prediction.add(values[chosen], nodes[first:last], tables[first:last], signal)
            first = last

    return Prediction(parameters, tuple(table for p in full for table in p.tables), add)
