"""A scan resolved against its model and experiments: what every parameter is at every point.

`resolve` turns a checked scan file into a `Scan`, refusing names, units and values that do not fit; the
scan then knows which axes each experiment depends on and groups the experiments by them.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from scanner import grid as grids
from scanner import maps, registry
from scanner.config import AxisSpec, ScanFile
from scanner.errors import InputError, did_you_mean
from scanner.experiments.base import Experiment
from scanner.grid import Axis, Grid
from scanner.likelihoods.base import shared_nuisances
from scanner.likelihoods.reduction import density
from scanner.models.base import Model
from scanner.signals.base import Prediction
from scanner.vocabulary import Constraint, Parameter

MAX_COORDINATE_VALUES = 10**7
"""Tied values are computed one by one and kept in the store as a coordinate."""
MAX_DERIVED_VALUES = 10**6
"""Derived ones too, at some 10 µs each."""


@dataclass(frozen=True)
class Values:
    """The values of one parameter over the axes that it depends on (none for a fixed one).

    Parameters
    ----------
    axes
        Names of the axes, in the grid's order.
    array
        Values, one dimension an axis.
    """

    axes: tuple[str, ...]
    array: np.ndarray

    @property
    def range(self) -> tuple[float, float]:
        """Smallest and largest value."""
        return float(self.array.min()), float(self.array.max())


@dataclass(frozen=True)
class Member:
    """An experiment in a scan, with its predictions for the scan's model."""

    experiment: Experiment
    predictions: tuple[Prediction, ...]

    @property
    def nuisances(self) -> tuple[str, ...]:
        """Names of the nuisance parameters that it shares with other experiments."""
        return shared_nuisances(self.experiment.likelihood)

    @property
    def parameters(self) -> set[str]:
        """Names of the model's parameters that it depends on."""
        return {name for p in self.predictions for name in (*p.parameters, *_table_parameters(p))}


@dataclass(frozen=True)
class Group:
    """Experiments that depend on the same axes, evaluated and stored together.

    Parameters
    ----------
    axes
        Names of those axes, in the grid's order.
    members
        The experiments.
    constraints
        Constraints of the model that this scan can violate, and that must be checked point by point.
    nuisances
        Number of nuisance parameters that each of the experiments shares with others.
    """

    axes: tuple[str, ...]
    members: tuple[Member, ...]
    constraints: tuple[Constraint, ...]
    nuisances: int = 0


@dataclass(frozen=True)
class Scan:
    """A scan ready to be evaluated.

    Parameters
    ----------
    file
        The scan file.
    model
        Its model.
    grid
        The product of its axes.
    parameters
        Values of every parameter of the model, by name.
    groups
        The experiments by the axes that they depend on.
    """

    file: ScanFile
    model: Model
    grid: Grid
    parameters: Mapping[str, Values]
    groups: tuple[Group, ...]

    @property
    def experiments(self) -> tuple[str, ...]:
        """Names of the experiments in the file's order."""
        return tuple(self.file.experiments)

    @property
    def kept(self) -> Grid:
        """The grid of what its store keeps: without the axes that are reduced."""
        lost = self.file.reduce.axes if self.file.reduce else ()
        return self.grid.subgrid(tuple(name for name in self.grid.names if name not in lost))

    @property
    def reduced(self) -> Grid:
        """The grid of the axes that are reduced, without any for most scans."""
        return self.grid.subgrid(tuple(self.file.reduce.axes if self.file.reduce else ()))

    def members(self) -> dict[str, Member]:
        """Return the experiments by name, in the file's order."""
        found = {m.experiment.name: m for group in self.groups for m in group.members}
        return {name: found[name] for name in self.experiments if name in found}

    @functools.cached_property
    def derived(self) -> dict[str, Values]:
        """What the model derives from its parameters, on the axes that it depends on; too large ones left out."""
        found = {}
        for derived in self.model.derived:
            used = {a for name in derived.parameters for a in self.parameters[name].axes}
            axes = tuple(a for a in self.grid.names if a in used)
            shape = self.grid.subgrid(axes).shape
            if math.prod(shape) <= MAX_DERIVED_VALUES:
                columns = [expand(self.parameters[name], axes, shape).ravel() for name in derived.parameters]
                values = [derived.function(row) for row in np.column_stack(columns)]
                found[derived.name] = Values(axes, np.array(values).reshape(shape))
        return found

    def shape(self, group: Group) -> tuple[int, ...]:
        """Shape of a group's grid."""
        return self.grid.subgrid(group.axes).shape

    def restrict(self, number: int, start: tuple[int, ...], stop: tuple[int, ...]) -> Scan:
        """Return the scan of one group on an index box of its grid (and one value of any other axis)."""
        group = self.groups[number]
        box = dict(zip(group.axes, map(slice, start, stop), strict=True))
        boxes = {name: box.get(name, slice(0, 1)) for name in self.grid.names}
        axes = tuple(replace(a, values=a.values[boxes[a.name]]) for a in self.grid.axes)
        parameters = {
            name: Values(v.axes, v.array[tuple(boxes[a] for a in v.axes)]) for name, v in self.parameters.items()
        }
        return Scan(self.file, self.model, Grid(axes), parameters, (group,))


def resolve(file: ScanFile) -> Scan:
    """Check a scan file against its model and experiments.

    Raises
    ------
    InputError
        For anything that does not fit, with its path in the file.
    """
    model = _named(registry.model, "model", file.model)
    grid = Grid(tuple(_axis(model, name, spec) for name, spec in file.axes.items()))
    _check_block(file, grid)
    parameters = _parameters(file, model, grid)
    zero = frozenset(name for name, of in parameters.items() if of.range == (0.0, 0.0))
    members = [_member(model, f"experiments[{i}]", name, zero) for i, name in enumerate(file.experiments)]
    _check_reduce(file, grid, [member.experiment for member in members])
    return Scan(file, model, grid, parameters, _group(members, model, parameters, grid))


def point(model: Model, experiments: Sequence[str], params: Mapping[str, object]) -> Scan:
    """Return the scan of a single point: no axes, all parameters fixed."""
    values = {name: Values((), np.array(value)) for name, value in model.complete(params).items()}
    zero = frozenset(name for name, of in values.items() if of.range == (0.0, 0.0))
    members = [_member(model, "experiment", name, zero) for name in experiments]
    file = ScanFile.model_construct(
        version=1, name="point", axes={}, reduce=None, model=model.name, experiments=list(experiments), dtype="float64"
    )
    grid = Grid(())
    return Scan(file, model, grid, values, _group(members, model, values, grid))


def _named(load: Any, where: str, name: str) -> Any:
    try:
        return load(name)
    except InputError as error:
        raise InputError(where, str(error)) from None


def _check_name(model: Model, where: str, name: str) -> None:
    names = [p.name for p in model.parameters]
    if name not in names:
        problem = f"model {model.name!r} has no parameter {name!r}"
        raise InputError(where, problem, allowed=", ".join(names), hint=did_you_mean(name, names))


def _axis(model: Model, name: str, spec: AxisSpec) -> Axis:
    where = f"axes.{name}"
    _check_name(model, where, name)
    parameter = model.parameter(name)
    _refuse_choice(where, parameter)
    if spec.unit is not None and "".join(spec.unit.split()) != parameter.unit:
        raise InputError(f"{where}.unit", "not the parameter's unit", spec.unit, parameter.unit)
    kind = next(k for k in ("log", "linear", "values") if getattr(spec, k) is not None)
    if spec.values is not None:
        values = tuple(float(v) for v in spec.values)
    else:
        make = grids.logarithmic if kind == "log" else grids.linear
        low, high = getattr(spec, kind)
        values = make(low, high, spec.points or 0)
    if not all(a < b for a, b in itertools.pairwise(values)):
        problem = f"{len(values):,} values between {values[0]!r} and {values[-1]!r} cannot be told apart"
        raise InputError(f"{where}.points", problem, allowed="fewer points, or a wider range")
    parameter.check((values[0], values[-1]), f"{where}.{kind}")
    return Axis(name, values, parameter.unit, kind, parameter.long_name or name)


def _check_block(file: ScanFile, grid: Grid) -> None:
    asked = file.execution.block
    for name in () if isinstance(asked, str) else asked:
        if name not in grid.names:
            where, allowed = f"execution.block.{name}", ", ".join(grid.names)
            raise InputError(where, "not an axis of this scan", name, allowed, did_you_mean(name, grid.names))


def _check_reduce(file: ScanFile, grid: Grid, experiments: Sequence[Experiment]) -> None:
    """Refuse to reduce what is no axis, all axes, other outputs than −2 ln L, and a sum that would be none."""
    if file.reduce is None:
        return
    for i, name in enumerate(file.reduce.axes):
        if name not in grid.names:
            allowed, hint = ", ".join(grid.names), did_you_mean(name, grid.names)
            raise InputError(f"reduce.axes[{i}]", "not an axis of this scan", name, allowed, hint)
    if len(file.reduce.axes) == len(grid.names):
        raise InputError("reduce.axes", "are all the axes of this scan", file.reduce.axes, "at least one must be kept")
    for name, prior in file.reduce.priors.items():
        axis = grid.axis(name)
        density(axis.array, axis.scale == "log", prior, f"reduce.priors.{name}")
    if file.outputs != ["chi2"]:
        raise InputError("outputs", "a scan that is reduced keeps chi2 alone", file.outputs, "[chi2]")
    for a, b in itertools.combinations(experiments, 2):
        shared = a.data_sets & b.data_sets
        if shared or b.name in a.correlated or a.name in b.correlated:
            why = f"share data ({', '.join(sorted(shared))})" if shared else "have a common covariance"
            raise InputError("experiments", f"{a.name} and {b.name} {why} and cannot be summed by reduce")


def _refuse_choice(where: str, parameter: Parameter) -> None:
    if parameter.choices:
        problem = f"{parameter.name!r} is a choice ({parameter.allowed()}), and no number to scan or to tie"
        raise InputError(where, problem, hint="run one scan for each, with fixed")


def _parameters(file: ScanFile, model: Model, grid: Grid) -> dict[str, Values]:
    for name, value in file.fixed.items():
        where = f"fixed.{name}"
        _check_name(model, where, name)
        if name in file.axes:
            raise InputError(where, "a parameter cannot be both fixed and an axis", value, hint="remove one of the two")
    numbers = {name: model.parameter(name).number(value, f"fixed.{name}") for name, value in file.fixed.items()}
    values = {p.name: Values((), np.array(numbers.get(p.name, p.default))) for p in model.parameters}
    values.update({axis.name: Values((axis.name,), axis.array) for axis in grid.axes})
    for name in file.tied:
        values.pop(name, None)
    pending = dict(file.tied)
    while pending:
        ready = [n for n in pending if not set(_sources(model, n, pending[n])) & set(pending)]
        if not ready:
            raise InputError("tied", "these parameters are tied in a circle", sorted(pending))
        name = ready[0]
        values[name] = _tied(file, model, grid, name, pending.pop(name), values)
    return values


def _sources(model: Model, name: str, entry: Mapping[str, Any]) -> list[str]:
    """Names in ``of`` of a tied parameter, checked."""
    where = f"tied.{name}.of"
    if "of" not in entry:
        raise InputError(where, "is missing", allowed="a parameter's name or a list of names")
    sources = entry["of"] if isinstance(entry["of"], list) else [entry["of"]]
    if not sources:
        raise InputError(where, "is empty", allowed="a parameter's name or a list of names")
    for source in sources:
        _check_name(model, where, source)
        _refuse_choice(where, model.parameter(source))
    return sources


def _tied(
    file: ScanFile,
    model: Model,
    grid: Grid,
    name: str,
    entry: Mapping[str, Any],
    values: Mapping[str, Values],
) -> Values:
    where = f"tied.{name}"
    _check_name(model, where, name)
    _refuse_choice(where, model.parameter(name))
    for other in ("axes", "fixed"):
        if name in getattr(file, other):
            raise InputError(where, f"a parameter cannot be both tied and in {other}", hint="remove one of the two")
    sources = _sources(model, name, entry)
    chosen, options = maps.lookup(where, entry, {**maps.MAPS, **model.maps}, len(sources))
    axes = tuple(a for a in grid.names if any(a in values[s].axes for s in sources))
    shape = grid.subgrid(axes).shape
    if math.prod(shape) > MAX_COORDINATE_VALUES:
        problem = f"would take {math.prod(shape):,} values, one for each point on {', '.join(axes)}"
        raise InputError(
            where, problem, allowed=f"at most {MAX_COORDINATE_VALUES:,}: choose fewer points on these axes"
        )
    columns = [expand(values[s], axes, shape).ravel() for s in sources]
    try:
        # One point at a time in Python floats: the same bits on every CPU, unlike numpy's vector functions.
        result = [float(chosen.function(*map(float, row), **options)) for row in zip(*columns, strict=True)]
    except (ArithmeticError, ValueError, TypeError) as error:
        raise InputError(where, f"the map {entry['map']!r} fails on these values: {error}") from None
    model.parameter(name).check(result, where)
    return Values(axes, np.array(result).reshape(shape))


def expand(values: Values, axes: tuple[str, ...], shape: tuple[int, ...]) -> np.ndarray:
    """Broadcast a parameter's values to an array over `axes` (a superset of its own, same order)."""
    index = tuple(slice(None) if a in values.axes else None for a in axes)
    return np.broadcast_to(values.array[index], shape)


def _member(model: Model, where: str, name: str, zero: frozenset[str]) -> Member:
    experiment: Experiment = _named(registry.experiment, where, name)
    common = [s for s in model.signals if s in experiment.signals]
    if not common:
        raise InputError(
            where,
            f"model {model.name!r} has no signal for experiment {name!r}",
            allowed=f"one with {' or '.join(model.signals)}; {name} has {', '.join(experiment.signals)}",
        )
    for signal in common:
        other = model.together.get(signal)
        if other is not None and other not in {*experiment.signals, *experiment.negligible}:
            problem = f"{name} has no response to {other}, without which {signal} is only part of {model.name}"
            raise InputError(
                where, problem, allowed=f"an experiment with both: `scanner show {name}` lists its signals"
            )
    bins = experiment.signal_bins.size
    predictions = tuple(_named(lambda s: _bind(s, model, zero, experiment, bins), where, s) for s in common)
    return Member(experiment, predictions)


def _bind(signal: str, model: Model, zero: frozenset[str], experiment: Experiment, bins: int) -> Prediction:
    found: Prediction = registry.signal(signal).bind(model.ingredient(signal, zero), experiment.signals[signal], bins)
    return found


def _group(members: Sequence[Member], model: Model, parameters: Mapping[str, Values], grid: Grid) -> tuple[Group, ...]:
    constraints = tuple(c for c in model.constraints if can_be_violated(c, parameters))
    always = {name for c in constraints for name in c.coefficients}
    found: dict[tuple[tuple[str, ...], int], list[Member]] = {}
    for member in members:
        used = {a for name in member.parameters | always for a in parameters[name].axes}
        axes = tuple(a for a in grid.names if a in used)
        found.setdefault((axes, len(member.nuisances)), []).append(member)
    return tuple(Group(axes, tuple(ms), constraints, nuisances) for (axes, nuisances), ms in found.items())


def _table_parameters(prediction: Prediction) -> Iterable[str]:
    return itertools.chain.from_iterable(table.parameters for table in prediction.tables)


def can_be_violated(constraint: Constraint, parameters: Mapping[str, Values]) -> bool:
    """Whether the largest value of the sum on the whole grid (each term at its worst end) exceeds the bound."""
    worst = sum(max(c * end for end in parameters[name].range) for name, c in constraint.coefficients.items())
    return worst > constraint.upper
