"""Sums of −2 ln L of experiments that share nuisance parameters.

An experiment describes its −2 ln L by the polynomial value + g·ν + ½ νᵀHν in its nuisance parameters ν, each a
unit Gaussian about zero whose penalty ν² is not part of it. Experiments that are connected by names in common
are minimised together: the sum of their polynomials and of one penalty for each name is smallest at
ν = −(H + 2)⁻¹g, where it is value − ½ gᵀ(H + 2)⁻¹g.

A polynomial is stored as 1 + k + k(k + 1)/2 *terms*: the value, the gradient in the order of the experiment's
names, the upper triangle of H by rows.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numba import types

from scanner.errors import InputError
from scanner.likelihoods.linear_algebra import backward, cholesky, forward
from scanner.physics.kernel import kernel

CHUNK = 4096
"""Points that are summed and solved at a time."""

ROUNDING, HIDDEN = 2.0**-50, 1e-3
"""Of a minimum that is the small difference of large terms: their rounding, and what of it is too much."""


def number_of_terms(nuisances: int) -> int:
    """Return how many numbers a polynomial of second order in some nuisance parameters has.

    >>> [number_of_terms(k) for k in (0, 1, 2, 10)]
    [1, 3, 6, 66]
    """
    return 1 + nuisances + nuisances * (nuisances + 1) // 2


def connected(experiments: Iterable[str], nuisances: Mapping[str, Sequence[str]]) -> tuple[tuple[str, ...], ...]:
    """Return the experiments in groups that share nuisance parameters, directly or through others.

    Parameters
    ----------
    experiments
        Names of those that are to be summed.
    nuisances
        Names of the nuisance parameters of each; those without any may be missing.

    Returns
    -------
    tuple of tuple
        Groups in order of their first names, each in order of name; of one name where nothing is shared.

    >>> connected("dcba", {"a": ["flux"], "c": ["flux", "norm"], "d": ["own"]})
    (('a', 'c'), ('b',), ('d',))
    """
    groups: list[tuple[set[str], list[str]]] = []
    for name in sorted(experiments):
        own = set(nuisances.get(name, ()))
        joined = [group for group in groups if group[0] & own]
        groups = [group for group in groups if not group[0] & own]
        groups.append((own.union(*(n for n, _ in joined)), sorted([name, *itertools.chain(*(m for _, m in joined))])))
    return tuple(sorted(tuple(members) for _, members in groups))


def combine(
    chi2: Mapping[str, np.ndarray], nuisances: Mapping[str, Sequence[str]], terms: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Return the sum of −2 ln L of experiments, minimised over the nuisance parameters that they share.

    Parameters
    ----------
    chi2
        −2 ln L of each experiment, minimised over its own nuisance parameters, all of one shape; NaN where
        there is none.
    nuisances
        Names of the nuisance parameters of each experiment; those without any may be missing.
    terms
        Polynomials of the experiments that have some, shape (number_of_terms(k), ...); rows beyond are padding.
        Read only where names are shared.

    Returns
    -------
    numpy.ndarray
        float64 of that shape. Experiments are added in order of name, connected ones at the place of the first of
        them, so that the result is the same bits in whatever order they come. NaN where an experiment is NaN,
        or the joint curvature not positive definite.

    Raises
    ------
    InputError
        Where terms are missing or too few.
    """
    total = np.zeros(next(iter(chi2.values())).shape)
    for group in connected(chi2, nuisances):
        total += chi2[group[0]] if len(group) == 1 else _joint(group, chi2, nuisances, terms)
    return total


def best_pulls(nuisances: Mapping[str, Sequence[str]], terms: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Return the nuisance parameters at the joint minimum of experiments, at one point.

    Parameters
    ----------
    nuisances
        Their names, of each experiment.
    terms
        Polynomials of the experiments, shape (number_of_terms(k),).

    Returns
    -------
    dict
        Standard deviations by name, in order of name; NaN where the curvature is not positive definite.
    """
    names = sorted({name for own in nuisances.values() for name in own})
    polynomial = np.zeros(number_of_terms(len(names)))
    for experiment in sorted(terms):
        polynomial[_places(nuisances[experiment], names)] += terms[experiment]
    matrix, vector = np.empty((len(names), len(names))), np.empty(len(names))
    if np.isnan(minimum(polynomial, matrix, vector)):
        return dict.fromkeys(names, np.nan)
    backward(matrix, vector)
    return dict(zip(names, (-vector).tolist(), strict=True))


def _joint(
    group: Sequence[str],
    chi2: Mapping[str, np.ndarray],
    nuisances: Mapping[str, Sequence[str]],
    terms: Mapping[str, np.ndarray],
) -> np.ndarray:
    """Minimum over all nuisance parameters of connected experiments, a chunk of points at a time."""
    names = sorted({name for experiment in group for name in nuisances[experiment]})
    places = [_places(nuisances[experiment], names) for experiment in group]
    own = [chi2[experiment].reshape(-1) for experiment in group]
    rows = [_rows(experiment, place.size, own[0].size, terms) for experiment, place in zip(group, places, strict=True)]
    found = np.empty(own[0].size)
    for first in range(0, found.size, CHUNK):
        part = slice(first, min(first + CHUNK, found.size))
        polynomial = np.zeros((number_of_terms(len(names)), part.stop - first))
        for place, row, chi in zip(places, rows, own, strict=True):
            polynomial[place] += row[:, part]
            polynomial[0, np.isnan(chi[part])] = np.nan  # a point that is not ok, whatever its terms are
        minima(polynomial, len(names), found[part])
    return found.reshape(chi2[group[0]].shape)


def _places(own: Sequence[str], names: Sequence[str]) -> np.ndarray:
    """Where the terms in an experiment's own nuisance parameters are among those in all of a group's."""
    at, size = [names.index(name) for name in own], len(names)
    quadratic = [sorted((at[i], at[j])) for i in range(len(at)) for j in range(i, len(at))]
    return np.array([0, *(1 + i for i in at), *(1 + size + i * size - i * (i + 1) // 2 + j for i, j in quadratic)])


def _rows(experiment: str, count: int, points: int, terms: Mapping[str, np.ndarray]) -> np.ndarray:
    """Terms of an experiment, shape (count, points): a view, but of arrays that are not contiguous."""
    found = terms.get(experiment)
    if found is None or len(found) < count:
        value = "nothing" if found is None else f"{len(found)} terms"
        hint = "its store must hold pull_terms"
        raise InputError(experiment, "shares nuisance parameters with other experiments", value, f"{count} terms", hint)
    return found[:count].reshape(count, points)


@kernel(types.float64(types.float64[:], types.float64[:, ::1], types.float64[::1]))
def minimum(terms, matrix, vector):  # type: ignore[no-untyped-def]
    """Minimum of a polynomial and its penalties; NaN where it has none, or rounding hides it.

    Parameters
    ----------
    terms : array, shape (number_of_terms(k),)
    matrix, vector : arrays, shapes (k, k) and (k,)
        To work in. `matrix` holds the Cholesky factor of H + 2 afterwards, `vector` its inverse times g.
    """
    size = vector.size
    place = 1 + size
    for i in range(size):
        vector[i] = terms[1 + i]
        for j in range(i, size):
            matrix[j, i] = terms[place]
            place += 1
        matrix[i, i] += 2
    if not cholesky(matrix):
        return np.nan
    forward(matrix, vector)
    value = terms[0]
    for i in range(size):
        value -= 0.5 * vector[i] * vector[i]
    lost = ROUNDING * abs(terms[0])
    return value if lost <= HIDDEN or lost <= HIDDEN * abs(value) else np.nan


@kernel(types.void(types.float64[:, :], types.int64, types.float64[::1]))
def minima(terms, size, out):  # type: ignore[no-untyped-def]
    """Fill `out`, shape (points,), with the `minimum` of terms of shape (number_of_terms(size), points)."""
    matrix = np.empty((size, size))
    vector = np.empty(size)
    for point in range(out.size):
        out[point] = minimum(terms[:, point], matrix, vector)
