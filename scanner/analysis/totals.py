"""The sum of −2 ln L over experiments, and what must not be summed."""

from __future__ import annotations

import functools
import itertools
import operator
from collections.abc import Sequence

import numpy as np
import xarray as xr

from scanner.errors import InputError, did_you_mean


def total(dataset: xr.Dataset, experiments: Sequence[str] | None = None) -> xr.DataArray:
    """Return the sum of −2 ln L over experiments, in float64 and in order of name.

    Experiments that share nuisance parameters are minimised over them jointly, from their ``pull_terms``.

    Parameters
    ----------
    dataset
        An opened cube.
    experiments
        Names; all of the cube's by default.

    Returns
    -------
    xarray.DataArray
        Over all axes, as lazy as the cube; NaN where a summed experiment has no result. Attribute:
        ``experiments``, the names summed.

    Raises
    ------
    InputError
        For an unknown name, or experiments that share data or have a common covariance.
    """
    chosen = choose(dataset, experiments)
    _refuse_common_data(dataset, chosen)
    if _is_stored(dataset, chosen):
        result = dataset["total"].astype(np.float64)
    elif shared := _shared_nuisances(dataset, chosen):
        result = _joint(dataset, chosen, shared)
    else:
        result = add(dataset, "chi2", chosen)
    result.attrs = {"long_name": "-2 ln L", "units": "1", "experiments": chosen}
    return result.rename("chi2")


def choose(dataset: xr.Dataset, experiments: Sequence[str] | None) -> list[str]:
    """Return names of experiments in order; all of the cube's by default.

    Raises
    ------
    InputError
        For a name that the cube does not have, and for none or the same twice.
    """
    known = [str(name) for name in np.atleast_1d(dataset["experiment"].values)]
    if isinstance(experiments, str):
        raise InputError("experiments", "expected a list of names", experiments, hint=f"write [{experiments!r}]")
    chosen = sorted(known if experiments is None else experiments)
    for name in chosen:
        if name not in known:
            raise InputError(
                "experiment",
                f"not in this cube: {name!r}",
                allowed=", ".join(known),
                hint=did_you_mean(name, known),
            )
    if not chosen or len(set(chosen)) != len(chosen):
        raise InputError("experiment", "name one experiment or more, each once", chosen)
    return chosen


def _refuse_common_data(dataset: xr.Dataset, names: Sequence[str]) -> None:
    facts = dataset.attrs["experiments"]
    for a, b in itertools.combinations(names, 2):
        shared = set(facts[a]["data_sets"]) & set(facts[b]["data_sets"])
        if shared:
            raise InputError(
                "experiment",
                f"{a} and {b} share data ({', '.join(sorted(shared))}) and cannot be summed",
                hint="choose one with --experiment (experiments=[...])",
            )
        combined = (facts[a].get("correlated") or {}).get(b) or (facts[b].get("correlated") or {}).get(a)
        if combined:
            raise InputError(
                "experiment",
                f"{a} and {b} have a common covariance and cannot be summed",
                hint=f"use {combined!r}, which is their combined fit",
            )


def _is_stored(dataset: xr.Dataset, chosen: list[str]) -> bool:
    """Whether a merged cube already holds the sum asked for."""
    if "total" not in dataset:
        return False
    return chosen == sorted(dataset["total"].attrs.get("experiments", dataset.attrs["experiments"]))


def add(dataset: xr.Dataset, variable: str, names: Sequence[str]) -> xr.DataArray:
    """Return the sum of experiments' arrays, lazily, in float64 and in the order given."""
    parts = (of_experiment(dataset, variable, name).astype(np.float64) for name in names)
    return functools.reduce(operator.add, parts)


def of_experiment(dataset: xr.Dataset, variable: str, name: str) -> xr.DataArray:
    """Return one experiment's array, also of a cube from which that experiment alone was selected."""
    values = dataset[variable]
    return values.sel(experiment=name, drop=True) if "experiment" in values.dims else values.drop_vars("experiment")


def _shared_nuisances(dataset: xr.Dataset, chosen: Sequence[str]) -> dict[str, list[str]]:
    """Nuisances of every experiment of the sum; empty if no two of them have one in common."""
    facts = dataset.attrs["experiments"]
    nuisances = {name: list(facts[name].get("nuisances") or ()) for name in chosen}
    names = [nuisance for of_one in nuisances.values() for nuisance in of_one]
    return nuisances if len(set(names)) < len(names) else {}


def _joint(dataset: xr.Dataset, chosen: Sequence[str], nuisances: dict[str, list[str]]) -> xr.DataArray:
    """Minimise over the shared nuisances, block by block."""
    pulled = [name for name in chosen if nuisances[name]]
    if "pull_terms" not in dataset:
        raise InputError(
            "experiment",
            f"{', '.join(pulled)} share nuisance parameters, and this cube lacks the pull_terms of their joint fit",
            hint="scan them again with this version, or choose one with --experiment (experiments=[...])",
        )
    chi2 = [of_experiment(dataset, "chi2", name) for name in chosen]
    terms = [of_experiment(dataset, "pull_terms", name) for name in pulled]
    terms = [part.chunk(term=-1) if part.chunks else part for part in terms]
    result: xr.DataArray = xr.apply_ufunc(
        _joint_block,
        *chi2,
        *terms,
        kwargs={"chosen": chosen, "nuisances": nuisances},
        input_core_dims=[[]] * len(chi2) + [["term"]] * len(terms),
        dask="parallelized",
        output_dtypes=[np.float64],
    )
    return result


def _joint_block(*arrays: np.ndarray, chosen: Sequence[str], nuisances: dict[str, list[str]]) -> np.ndarray:
    """Give a block to `combine`, with the terms of each experiment first."""
    from scanner.likelihoods.pulls import combine

    pulled = [name for name in chosen if nuisances[name]]
    terms = [np.moveaxis(array, -1, 0) for array in arrays[len(chosen) :]]
    return combine(dict(zip(chosen, arrays, strict=False)), nuisances, dict(zip(pulled, terms, strict=True)))
