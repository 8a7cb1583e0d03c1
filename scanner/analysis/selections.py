"""What the curves of a figure are drawn of: sums of experiments of one or several cubes."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import xarray as xr

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
    dof
        Degrees of freedom of these.
    line
        How it is drawn; by default solid, changing when the colours are used up.
    colour
        By default the next of `scanner.analysis.style.COLOURS`.
    """

    label: str
    dataset: xr.Dataset
    experiments: tuple[str, ...] | None = None
    levels: tuple[float, ...] = (0.90,)
    dof: int = 2
    line: Line | None = None
    colour: str | None = None

    def over(self, keep: Sequence[str], at: Mapping[str, float]) -> Curve:
        """Return its Δχ² over these axes, the others profiled, or fixed where they are axes of this cube."""
        fixed = {name: value for name, value in at.items() if name in self.dataset.sizes}
        return Curve(self, surface(self.dataset, keep, self.experiments, fixed))


@dataclass(frozen=True)
class Curve:
    """A selection with its Δχ² over one or two axes."""

    of: Selection
    delta: xr.DataArray

    @property
    def thresholds(self) -> dict[float, float]:
        """Δχ² of its contours by confidence level, both increasing."""
        return {level: threshold(level, self.of.dof) for level in sorted(self.of.levels)}

    @property
    def crosses(self) -> bool:
        """Whether there is a contour: something is excluded at the lowest of its confidence levels."""
        return bool((self.delta > min(self.thresholds.values())).any())


def alone(dataset: xr.Dataset, name: str, levels: tuple[float, ...], label: str = "") -> Selection:
    """Return what one experiment says by itself: at its own Δχ², dashed if it is known from a published curve."""
    facts = dataset.attrs["experiments"][name]
    line: Line = "dashed" if facts.get("from_curve") else "solid"
    return Selection(label or name, dataset, (name,), levels, facts.get("limit_dof", 2), line)


def holding(cubes: Mapping[str, xr.Dataset], names: Sequence[str], where: str) -> xr.Dataset:
    """Return the first of some cubes, by label, that holds all these experiments.

    Raises
    ------
    InputError
        If none does; ``where`` says what asked for them.
    """
    known = {label: [str(name) for name in cube["experiment"].values] for label, cube in cubes.items()}
    for label, cube in cubes.items():
        if set(names) <= set(known[label]):
            return cube
    every = sorted({name for found in known.values() for name in found})
    strange = [name for name in names if name not in every]
    if strange:
        problem = f"no such experiment: {strange[0]!r}"
        raise InputError(where, problem, allowed=", ".join(every), hint=did_you_mean(strange[0], every))
    raise InputError(where, "no single store holds all of these", list(names), hint="merge the stores to sum across them")


def check_common_axes(cubes: Mapping[str, xr.Dataset], names: Sequence[str]) -> None:
    """Refuse cubes of which one lacks an axis wanted, or has it in another unit."""
    first = next(iter(cubes.values()))
    for (label, cube), name in itertools.product(cubes.items(), names):
        axes = [str(dim) for dim in cube["chi2"].dims[1:]]
        if name not in axes:
            problem = f"{name!r} is not an axis left to choose"
            raise InputError(f"store {label}", problem, allowed=", ".join(axes), hint=did_you_mean(name, axes))
        units = [of[name].attrs.get("units", "1") for of in (cube, first)]
        if units[0] != units[1]:
            raise InputError(f"store {label}", f"{name!r} has another unit than in the first store", *units)
