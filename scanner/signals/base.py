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
