"""What the curves of a figure are drawn of: sums of experiments of one or several cubes."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import xarray as xr

from scanner.analysis.contours import critical_values
from scanner.analysis.surface import surface, threshold
from scanner.errors import InputError, did_you_mean

Line = Literal["solid", "dashed", "dashdot", "dotted"]


@dataclass(frozen=True)
class Selection:
    """What a curve is drawn of: the sum of some experiments of one cube.

    Parameters
    ----------
    label
        For the legend.
    dataset
        An opened cube.
    experiments
        Names; all of the cube's by default.
    levels
        Confidence levels of its contours.
    line
        How it is drawn; by default solid, changing when the colours are used up.
    colour
        By default the next of `scanner.analysis.style.COLOURS`.
    toys
        Pseudo-experiments of these experiments: critical values after Feldman and Cousins instead of Wilks' theorem.
    """

    label: str
    dataset: xr.Dataset
    experiments: tuple[str, ...] | None = None
    levels: tuple[float, ...] = (0.90,)
    line: Line | None = None
    colour: str | None = None
    toys: xr.Dataset | None = None


@dataclass(frozen=True)
class Curve:
    """A selection with its Δχ² over one or two axes."""

    of: Selection
    delta: xr.DataArray

    @property
    def dof(self) -> int:
        """Degrees of freedom of its contours: two, but of one experiment alone those at which its own limits lie."""
        names = self.delta.attrs["experiments"]
        return int(self.of.dataset.attrs["experiments"][names[0]].get("limit_dof", 2)) if len(names) == 1 else 2

    @functools.cached_property
    def thresholds(self) -> dict[float, float | np.ndarray]:
        """Δχ² of its contours by confidence level, both increasing; with pseudo-experiments, one at each point."""
        levels, toys = sorted(self.of.levels), self.of.toys
        if toys is None:
            return {level: threshold(level, self.dof) for level in levels}
        return {level: critical_values(toys, self.delta, level) for level in levels}

    @property
    def excess(self) -> xr.DataArray:
        """Δχ² less that of its lowest confidence level: where it is positive, that excludes."""
        return self.delta.copy(data=self.delta.values - self.thresholds[min(self.of.levels)])

    @property
    def crosses(self) -> bool:
        """Whether there is a contour: something is excluded at the lowest of its confidence levels."""
        return bool((self.excess > 0).any())


def sums(
    cubes: Mapping[str, xr.Dataset], experiments: Sequence[str] | None, levels: tuple[float, ...]
) -> list[Selection]:
    """Return the sum of some experiments (all by default) of each cube, named as the cube."""
    names = None if experiments is None else tuple(experiments)
    return [Selection(label, cube, names, levels) for label, cube in cubes.items()]


def groups(
    cubes: Mapping[str, xr.Dataset], named: Mapping[str, Sequence[str]], levels: tuple[float, ...], where: str
) -> list[Selection]:
    """Return the sum of each group of experiments, from the first cube that holds them all."""
    return [Selection(label, cube_with(cubes, names, where), tuple(names), levels) for label, names in named.items()]


def feldman_cousins(
    dataset: xr.Dataset, experiments: Sequence[str] | None, levels: tuple[float, ...], toys: xr.Dataset
) -> list[Selection]:
    """Return a sum with the critical values of pseudo-experiments, and dashed the same with those of Wilks' theorem."""
    wilks = sums({"Wilks": dataset}, experiments, levels)[0]
    return [replace(wilks, label="Feldman–Cousins", toys=toys), replace(wilks, line="dashed")]


def each_alone(
    cubes: Mapping[str, xr.Dataset], experiments: Sequence[str] | None, levels: tuple[float, ...]
) -> list[Selection]:
    """Return each experiment (all by default) of each cube by itself; one that several have, with the cube's name."""
    found = [(label, str(name)) for label, cube in cubes.items() for name in cube["experiment"].values]
    every = [name for _, name in found]
    for name in experiments or ():
        cube_with(cubes, [name], "experiment")
    return [
        alone(cubes[label], name, levels, f"{name} ({label})" if every.count(name) > 1 else name)
        for label, name in found
        if not experiments or name in experiments
    ]


def each_and_sum(dataset: xr.Dataset, experiments: Sequence[str] | None, levels: tuple[float, ...]) -> list[Selection]:
    """Return each experiment (all by default) of a cube, and their sum in black if they are several."""
    found = each_alone({"": dataset}, experiments, levels)
    names = tuple(one.label for one in found)
    return [*found, Selection("sum", dataset, names, levels, colour="black")] if len(found) > 1 else found


def published(
    cubes: Mapping[str, xr.Dataset],
    names: Sequence[str],
    levels: tuple[float, ...],
    where: str,
    labels: Mapping[str, str] = {},
) -> list[Selection]:
    """Return experiments that are drawn beside others, each alone, from the first cube that holds it."""
    return [alone(cube_with(cubes, [name], where), name, levels, labels.get(name, name)) for name in names]


def alone(dataset: xr.Dataset, name: str, levels: tuple[float, ...], label: str) -> Selection:
    """Return what one experiment says by itself: at its own Δχ², dashed if it is known from a published curve."""
    facts = dataset.attrs["experiments"][name]
    line: Line = "dashed" if facts.get("from_curve") else "solid"
    return Selection(label, dataset, (name,), levels, line)


def holding(known: Mapping[str, Sequence[str]], names: Sequence[str], where: str) -> str:
    """Return the first of some stores, by label with the experiments that they have, that holds all of these.

    Raises
    ------
    InputError
        If none does; ``where`` says what asked for them.
    """
    for label, found in known.items():
        if set(names) <= set(found):
            return label
    every = sorted({name for found in known.values() for name in found})
    strange = [name for name in names if name not in every]
    if strange:
        problem = f"no such experiment: {strange[0]!r}"
        raise InputError(where, problem, allowed=", ".join(every), hint=did_you_mean(strange[0], every))
    hint = "merge the stores to sum across them"
    raise InputError(where, "no single store holds all of these", list(names), hint=hint)


def cube_with(cubes: Mapping[str, xr.Dataset], names: Sequence[str], where: str) -> xr.Dataset:
    """Return the first of some cubes that holds all these experiments: see `holding`."""
    known = {label: [str(name) for name in cube["experiment"].values] for label, cube in cubes.items()}
    return cubes[holding(known, names, where)]


def curves(chosen: Sequence[Selection], keep: Sequence[str], at: Mapping[str, float]) -> list[Curve]:
    """Return the Δχ² of selections over the same axes.

    Parameters
    ----------
    chosen
        What to draw.
    keep
        Axes to keep, in the order wanted; every cube must have them.
    at
        Values at which to fix axes, in the cubes that have them. Other axes are profiled.
    """
    _check_axes(chosen, keep)
    somewhere = {name for one in chosen for name in one.dataset.sizes}
    return [Curve(one, surface(one.dataset, keep, one.experiments, _fixed(one, at, somewhere))) for one in chosen]


def _fixed(one: Selection, at: Mapping[str, float], somewhere: Collection[Hashable]) -> dict[str, float]:
    """The axes to fix that this cube has, and those that none has, for `surface` to refuse."""
    return {name: value for name, value in at.items() if name in one.dataset.sizes or name not in somewhere}


def _check_axes(chosen: Sequence[Selection], names: Sequence[str]) -> None:
    """Refuse cubes of which one lacks an axis wanted, or has it in another unit than the first."""
    first = chosen[0].dataset
    for one, name in itertools.product(chosen, names):
        axes = [str(dim) for dim in one.dataset["chi2"].dims if dim != "experiment"]
        where = f"store {one.dataset.attrs.get('store', one.label)}"
        if name not in axes:
            problem = f"{name!r} is not an axis of it"
            raise InputError(where, problem, allowed=", ".join(axes), hint=did_you_mean(name, axes))
        unit, wanted = (of[name].attrs.get("units", "1") for of in (one.dataset, first))
        if unit != wanted:
            raise InputError(where, f"{name!r} has another unit than in the first store", unit, wanted)
