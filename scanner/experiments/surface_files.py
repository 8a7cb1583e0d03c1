"""Published surfaces as experiments: one small file each, ``surfaces/NAME.yaml``, beside a table of Δχ².

A file says which column of the table is what in terms of a model's parameters, how to interpolate, and what is to be
believed outside:

.. code-block:: yaml

    version: 1                       # raise it when a prediction changes
    title: One line
    statistic: "2 Delta LLH"         # what `value` is, Δχ² up to a constant
    table: icecube_8yr.txt           # in the format of `scanner.experiments.tables`, in data/ or beside this file
    value: delta                     # the column of Δχ²
    factor: 1                        # that makes it Δχ² (2 for a Δ ln L)
    columns:                         # the other columns, each an axis of a rectangular grid
      dm2_41: {scale: log, below: refuse, above: refuse}     # scale: log | linear; ends: refuse | edge
    models:
      sterile_3p1:
        columns: {dm2_41: dm2_41}    # an expression in the model's parameters for each column
        where: ["1 - Ue4_sq - 2 * Umu4_sq"]                  # not negative where these expressions hold
    data_sets: [icecube_8yr]
    references: [{key: ..., authors: ..., title: ..., year: 2020, arxiv: ..., doi: ..., journal: ...}]
    notes: []

`refuse` makes points beyond that end ``not_converged``, `edge` takes the number at the edge. A plug-in gives its own
files through ``load = functools.partial(load_file, folder)`` in a module with ``PROVIDES``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from scanner.errors import InputError, did_you_mean
from scanner.experiments.base import Experiment
from scanner.experiments.tables import DATA, DataTable, read_table
from scanner.likelihoods.surface import Surface
from scanner.signals.expressions import Expression
from scanner.signals.surface import Column, Placement, SurfaceResponse
from scanner.vocabulary import Reference

FOLDER = Path(__file__).parent / "surfaces"

Outside = Literal["refuse", "edge"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class _ColumnSpec(_Section):
    scale: Literal["log", "linear"]
    below: Outside
    above: Outside


class _ModelSpec(_Section):
    columns: dict[str, str]
    where: list[str] = []


class _ReferenceSpec(_Section):
    key: str
    authors: str
    title: str
    year: int
    arxiv: str = ""
    doi: str = ""
    journal: str = ""


class _SurfaceFile(_Section):
    version: Annotated[int, Field(ge=1)]
    title: str
    statistic: str
    table: str
    value: str
    factor: float = 1.0
    columns: Annotated[dict[str, _ColumnSpec], Field(min_length=1, max_length=4)]
    models: Annotated[dict[str, _ModelSpec], Field(min_length=1)]
    data_sets: Annotated[list[str], Field(min_length=1)]
    references: Annotated[list[_ReferenceSpec], Field(min_length=1)]
    notes: list[str] = []


def load(name: str) -> Experiment:
    """Return the experiment of a file of this package."""
    return load_file(FOLDER, name)


def load_file(folder: Path, name: str) -> Experiment:
    """Return the experiment of a file.

    Parameters
    ----------
    folder
        Where the file is; its table is there or among the package's own.
    name
        Of the experiment, and of the file without ``.yaml``.

    Raises
    ------
    InputError
        For a file that does not fit its form or its table, with the path in it.
    """
    path = folder / f"{name}.yaml"
    file = _read(path)
    beside = folder / file.table
    table = read_table(beside if beside.is_file() else DATA / file.table)
    for column in (file.value, *file.columns):
        _check_known(f"{path.name}: columns", column, list(table.columns))
    axes, values = _grid(file, table, path.name)
    columns = tuple(
        Column(key, float(axis[0]), float(axis[-1]), of.below == "edge", of.above == "edge")
        for axis, (key, of) in zip(axes, file.columns.items(), strict=True)
    )
    models = {key: _placement(of, list(file.columns), f"{path.name}: models.{key}") for key, of in file.models.items()}
    logarithmic = tuple(of.scale == "log" for of in file.columns.values())
    best = np.unravel_index(np.nanargmin(values), values.shape)
    return Experiment(
        name=name,
        version=file.version,
        title=file.title,
        signals={"surface": SurfaceResponse(name, columns, models)},
        likelihood=Surface(axes, logarithmic, values, f"{file.statistic}, as published"),
        data=np.array([axis[i] for axis, i in zip(axes, best, strict=True)]),
        background=np.zeros(len(axes)),
        signal_bins=np.arange(len(axes)),
        coordinates={"quantity": np.array(list(file.columns))},
        coordinate_units={},
        data_sets=frozenset(file.data_sets),
        references=tuple(Reference(**of.model_dump()) for of in file.references),
        notes=(
            "a published surface: signal is where a point lies on it, data where it is smallest, in its table's units",
            *file.notes,
        ),
        from_curve=True,
    )


def _read(path: Path) -> _SurfaceFile:
    try:
        content = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
        return _SurfaceFile.model_validate(content)
    except YAMLError as error:
        raise InputError(path.name, f"not YAML: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise InputError(f"{path.name}: {place}", first["msg"], first["input"]) from None


def _check_known(where: str, name: str, known: list[str]) -> None:
    if name not in known:
        raise InputError(
            where, f"the table has no column {name!r}", allowed=", ".join(known), hint=did_you_mean(name, known)
        )


def _grid(file: _SurfaceFile, table: DataTable, where: str) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """Nodes of the axes, and Δχ² on their product; NaN at nodes that the table lacks."""
    axes, places = zip(*(np.unique(table.columns[name], return_inverse=True) for name in file.columns), strict=True)
    shape = tuple(axis.size for axis in axes)
    flat = np.ravel_multi_index(places, shape)
    if np.unique(flat).size != flat.size:
        raise InputError(f"{where}: table", "two rows of one point", file.table, "each combination of columns once")
    values = np.full(shape, np.nan)
    values.flat[flat] = file.factor * table.columns[file.value]
    return axes, values


def _placement(of: _ModelSpec, columns: list[str], where: str) -> Placement:
    if sorted(of.columns) != sorted(columns):
        raise InputError(
            f"{where}.columns", "needs an expression for each column", list(of.columns), ", ".join(columns)
        )
    expressions = tuple(Expression.read(of.columns[name], f"{where}.columns.{name}") for name in columns)
    conditions = tuple(Expression.read(text, f"{where}.where[{i}]") for i, text in enumerate(of.where))
    return Placement(expressions, conditions)
