"""How well groups of experiments agree: the parameter goodness of fit."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import xarray as xr

from scanner.analysis.axes import used_axes
from scanner.analysis.fits import BestFit, best_fit
from scanner.analysis.totals import choose
from scanner.errors import InputError


@dataclass(frozen=True)
class Tension:
    """The parameter goodness of fit of groups of experiments (Maltoni and Schwetz, hep-ph/0304176).

    Parameters
    ----------
    chi2_pg
        The minimum of all together minus the sum of the groups' own minima.
    dof
        Number of parameters that each group depends on, summed, minus that of all together; or what was given.
    p_value
        Probability of a larger `chi2_pg` if the groups agree.
    sigma
        The same in standard deviations, two-sided.
    minima
        The best fit of each group.
    together
        The best fit of all together.
    """

    chi2_pg: float
    dof: int
    p_value: float
    sigma: float
    minima: dict[str, BestFit]
    together: BestFit


def tension(dataset: xr.Dataset, groups: Mapping[str, Sequence[str]], dof: int | None = None) -> Tension:
    """Return the parameter goodness of fit of groups of experiments.

    Parameters
    ----------
    dataset
        An opened cube.
    groups
        Names of experiments for each label, two groups or more. Parameters that count are the axes of more than one
        value that an experiment of the group depends on.
    dof
        Degrees of freedom, to be given where data depend on fewer combinations of parameters than there are axes:
        appearance in 3+1 on |Ue4 Umu4| and Δm² alone, two for three axes.

    Raises
    ------
    InputError
        For groups that overlap, have no parameter in common, or cannot be summed, and degrees of freedom below 1.

    Notes
    -----
    Minima are the grid's. Where groups share nuisance parameters the sum pays their penalties once, each group's own
    minimum pays them too: `chi2_pg` is then smaller than without sharing, and may be negative.
    """
    members = {label: choose(dataset, names) for label, names in groups.items()}
    _refuse_overlaps(members)
    everything = sorted(itertools.chain(*members.values()))
    common = sum(_parameters(dataset, names) for names in members.values()) - _parameters(dataset, everything)
    if not common:
        raise InputError("groups", "have no parameter in common: there is nothing to compare", dict(members))
    dof = common if dof is None else dof
    if not 1 <= dof <= common:
        raise InputError("dof", "not a number of parameters in common", dof, f"1 to {common}")
    together = best_fit(dataset, everything)
    minima = {label: best_fit(dataset, names) for label, names in members.items()}
    return _tension(together, minima, dof)


def _tension(together: BestFit, minima: dict[str, BestFit], dof: int) -> Tension:
    from scipy.special import chdtrc, ndtri  # type: ignore[import-untyped]

    chi2_pg = together.chi2 - sum(fit.chi2 for fit in minima.values())
    p_value = float(chdtrc(dof, max(chi2_pg, 0.0)))
    return Tension(chi2_pg, dof, p_value, float(abs(ndtri(p_value / 2))), minima, together)


def _refuse_overlaps(members: Mapping[str, Sequence[str]]) -> None:
    if len(members) < 2:
        raise InputError("groups", "a tension is between two groups or more", dict(members))
    for a, b in itertools.combinations(members, 2):
        common = set(members[a]) & set(members[b])
        if common:
            raise InputError("groups", f"{a} and {b} overlap", sorted(common), hint="an experiment is in one group")


def _parameters(dataset: xr.Dataset, names: Sequence[str]) -> int:
    return sum(dataset.sizes[axis] > 1 for axis in used_axes(dataset, names) if axis in dataset.dims)
