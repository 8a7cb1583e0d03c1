"""What a page can show of a store: each experiment alone, and sums of them."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import xarray as xr

from scanner.errors import InputError

ALL = "all experiments"


@dataclass(frozen=True)
class Source:
    """An experiment, or a sum of them.

    Parameters
    ----------
    label
        The experiment's name, or the sum's.
    members
        Names of the experiments, in order of name.
    solved
        Whether experiments of the sum share nuisance parameters: then it is more than adding numbers, and the
        page offers it only as computed here.
    dof
        Degrees of freedom whose Δχ² its limits lie at: the largest of its members'.
    """

    label: str
    members: tuple[str, ...]
    solved: bool
    dof: int


def experiments(dataset: xr.Dataset) -> list[str]:
    """Names of a cube's experiments, in order of name, which is the order of summing."""
    return sorted(str(name) for name in dataset["experiment"].values)


def axes(dataset: xr.Dataset) -> tuple[str, ...]:
    """Names of a cube's axes."""
    return tuple(str(dim) for dim in dataset["chi2"].dims if dim != "experiment")


def own_axes(dataset: xr.Dataset, experiment: str) -> tuple[str, ...]:
    """Names of the axes that an experiment depends on."""
    used = dataset.attrs["experiments"][experiment].get("axes", axes(dataset))
    return tuple(name for name in axes(dataset) if name in used)


def own(dataset: xr.Dataset, variable: str, experiment: str) -> xr.DataArray:
    """An experiment's part of a variable, over its own axes alone."""
    array = dataset[variable].sel(experiment=experiment, drop=True)
    idle = [name for name in axes(dataset) if name not in own_axes(dataset, experiment)]
    return array.isel(dict.fromkeys(idle, 0), drop=True)


def sources(dataset: xr.Dataset, groups: Mapping[str, Sequence[str]]) -> tuple[list[Source], list[Source], str | None]:
    """Find the sums and the single experiments of a store.

    Parameters
    ----------
    dataset
        An opened cube.
    groups
        Sums that were asked for, by their label; those with an experiment that the store lacks are left out.

    Returns
    -------
    sums, singles : list of Source
    refusal : str or None
        Why the sum of all experiments is not among them.

    Raises
    ------
    InputError
        For a group of experiments that must not be summed.
    """
    names = experiments(dataset)
    singles = [_source(dataset, name, [name]) for name in names]
    sums = [_source(dataset, label, chosen) for label, chosen in groups.items() if set(chosen) <= set(names)]
    for found in sums:
        dataset.scan.total(list(found.members))
    if len(names) == 1:
        return sums, singles, None
    try:
        dataset.scan.total()
    except InputError as error:
        return sums, singles, str(error)
    return [_source(dataset, ALL, names), *sums], singles, None


def _source(dataset: xr.Dataset, label: str, names: Sequence[str]) -> Source:
    facts: Mapping[str, Any] = dataset.attrs["experiments"]
    nuisances = [set(facts[name].get("nuisances", ())) for name in names]
    solved = any(a & b for a, b in itertools.combinations(nuisances, 2))
    return Source(label, tuple(sorted(names)), solved, max(facts[name].get("limit_dof", 2) for name in names))


def pairs(dataset: xr.Dataset) -> list[tuple[str, ...]]:
    """Axes that the page can show together: every two with two values or more, or the only one."""
    wide = [name for name in axes(dataset) if dataset.sizes[name] > 1]
    if not wide:
        raise InputError("report", "this store has no axis with two values or more", dict(dataset.sizes))
    return list(itertools.combinations(wide, 2)) or [(wide[0],)]


def labels(groups: Mapping[str, Sequence[str]], datasets: Sequence[xr.Dataset]) -> None:
    """Check the labels of groups, and that some store holds all experiments of each."""
    known = [set(experiments(dataset)) for dataset in datasets]
    names: set[str] = set().union(*known)
    for label, chosen in groups.items():
        if label in names or label == ALL:
            raise InputError("--group", "this label is taken", label, hint="choose another one")
        if len(set(chosen)) != len(chosen):
            raise InputError("--group", "an experiment is named twice", f"{label}={','.join(chosen)}")
        if not any(set(chosen) <= held for held in known):
            raise InputError(
                "--group",
                "no store holds all of these experiments",
                f"{label}={','.join(chosen)}",
                "; ".join(", ".join(sorted(held)) for held in known),
            )
