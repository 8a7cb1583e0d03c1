"""Published −2 ln L: where a model's point lies on a table of Δχ² that its authors released.

The "signal" is the coordinates of the point in the columns of the table, each an expression in the model's
parameters; the experiment's likelihood interpolates. An expression is tabulated on the parameters that it has, so that
a point costs a look-up. Outside the table each end of a column says what holds: the number at the edge, or none
(not_converged).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from scanner.errors import InputError, Status, did_you_mean
from scanner.signals.base import Prediction, Table
from scanner.signals.expressions import Expression

PROVIDES = ("surface",)
VERSION = 1


@dataclass(frozen=True)
class SurfaceModel:
    """What a model supplies: the name by which files of surfaces know its parameters, and these."""

    name: str
    parameters: tuple[str, ...]


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Parameters
    ----------
    name
        Its name.
    low, high
        Its ends.
    below, above
        Whether beyond an end the number at that edge holds (True), or none.
    """

    name: str
    low: float
    high: float
    below: bool
    above: bool


@dataclass(frozen=True)
class Placement:
    """Where a model's points lie.

    Parameters
    ----------
    columns
        Expression of each column, in their order.
    where
        Expressions that are not negative where the others hold.
    """

    columns: tuple[Expression, ...]
    where: tuple[Expression, ...] = field(default=())


@dataclass(frozen=True)
class SurfaceResponse:
    """What an experiment supplies.

    Parameters
    ----------
    name
        Of the experiment.
    columns
        Of its table.
    models
        Placement of the points of each model that the table is known for.
    """

    name: str
    columns: tuple[Column, ...]
    models: Mapping[str, Placement]


def bind(model: SurfaceModel, response: SurfaceResponse, bins: int) -> Prediction:
    """Join a model to a published surface.

    Parameters
    ----------
    model
        The model's ingredient.
    response
        The experiment's.
    bins
        Number of columns.

    Raises
    ------
    InputError
        If the surface is not known for this model, or names a parameter that it has not.
    """
    if model.name not in response.models:
        known = ", ".join(response.models)
        raise InputError(response.name, f"this surface says nothing of model {model.name!r}", allowed=known)
    placement = response.models[model.name]
    for expression in (*placement.columns, *placement.where):
        for name in expression.names:
            if name not in model.parameters:
                hint = did_you_mean(name, model.parameters)
                problem = f"model {model.name!r} has no parameter {name!r}"
                raise InputError(response.name, problem, expression.text, ", ".join(model.parameters), hint)
    tables = [_coordinate(column, of) for column, of in zip(response.columns, placement.columns, strict=True)]
    tables += [_condition(f"where_{i}", of) for i, of in enumerate(placement.where)]

    def add(
        values: np.ndarray,
        nodes: tuple[np.ndarray, ...],
        tables: tuple[np.ndarray, ...],
        signal: np.ndarray,
    ) -> None:
        for i in range(bins):
            signal[:, i] += np.take(tables[i][:, 0], nodes[i])

    return Prediction((), tuple(tables), add)


def _coordinate(column: Column, expression: Expression) -> Table:
    """Table of a coordinate, moved to the edge where that is what holds outside."""

    def build(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found = _at(expression, values)
        inside = ((found >= column.low) | column.below) & ((found <= column.high) | column.above) & ~np.isnan(found)
        return np.clip(found, column.low, column.high)[:, None], _status(inside)

    ends = np.array([column.low, column.high, column.below, column.above], dtype=np.float64)
    return Table(column.name, expression.names, (1,), build, (ends, _text(expression)))


def _condition(name: str, expression: Expression) -> Table:
    def build(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        found = _at(expression, values)
        return found[:, None], _status(found >= 0)

    return Table(name, expression.names, (1,), build, (_text(expression),))


def _at(expression: Expression, values: np.ndarray) -> np.ndarray:
    by_name = {name: values[:, i] for i, name in enumerate(expression.names)}
    return np.array(np.broadcast_to(expression.at(by_name), len(values)))


def _status(inside: np.ndarray) -> np.ndarray:
    return np.where(inside, Status.ok, Status.not_converged).astype(np.uint8)


def _text(expression: Expression) -> np.ndarray:
    """An expression as numbers, for the key of a table."""
    return np.frombuffer(expression.text.encode(), dtype=np.uint8)
