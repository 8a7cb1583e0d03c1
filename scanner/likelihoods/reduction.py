"""Reducing −2 ln L over the points of some axes while it is computed: the lowest value, or the integrated likelihood.

Points come in any number of packs. Each reduces into what was found before, so that nothing but the packs decides the
order of additions.
"""

from __future__ import annotations

import itertools
import math

import numpy as np

from scanner.errors import InputError, Status
from scanner.physics.kernel import kernel

PRIORS = ("flat", "log")
NOWHERE = np.iinfo(np.int64).max
_OK = int(Status.ok)


@kernel("void(f8[:, ::1], i8[::1], f8[::1], i8[::1])")
def lowest(chi2, index, best, where):  # type: ignore[no-untyped-def]
    """Lower `best`, shape (kept,), and its `where`; of equal values the lowest index counts, and NaN never does.

    `chi2` has shape (kept, points), and `index` is that of each point.
    """
    for k in range(chi2.shape[0]):
        for j in range(chi2.shape[1]):
            value = chi2[k, j]
            if value < best[k] or (value == best[k] and index[j] < where[k]):
                best[k], where[k] = value, index[j]


@kernel("void(f8[:, ::1], f8[::1], f8[::1], f8[::1])")
def integrate(chi2, log_volume, top, total):  # type: ignore[no-untyped-def]
    """Add Σ exp(log_volume − χ²/2) to ``total · exp(top)``, both of shape (kept,); NaN adds nothing."""
    for k in range(chi2.shape[0]):
        for j in range(chi2.shape[1]):
            term = log_volume[j] - chi2[k, j] / 2
            if term > top[k]:
                total[k] = total[k] * math.exp(top[k] - term) + 1.0
                top[k] = term
            elif term > -math.inf:
                total[k] += math.exp(term - top[k])


@kernel("void(u1[:, ::1], i8[::1], u1[::1], i8[::1])")
def first_failure(status, index, found, where):  # type: ignore[no-untyped-def]
    """Keep the status of the point of the lowest index that is not ok, and that index."""
    for k in range(status.shape[0]):
        for j in range(status.shape[1]):
            if status[k, j] != _OK and index[j] < where[k]:
                found[k], where[k] = status[k, j], index[j]


def density(values: np.ndarray, logarithmic: bool, prior: str | None, where: str) -> np.ndarray:
    """Return a named prior's density in the own scale of an axis, not normalised, shape (values,).

    Parameters
    ----------
    values
        Of the axis, in its unit.
    logarithmic
        Whether its own scale is logarithmic.
    prior
        ``flat`` in the parameter, ``log`` (flat in its logarithm), or None: flat in the axis' own scale.
    where
        What messages call it.

    Raises
    ------
    InputError
        For another prior, and one flat in the logarithm of values that are not above 0.
    """
    if prior is not None and prior not in PRIORS:
        raise InputError(where, "unknown prior", prior, ", ".join(PRIORS))
    if prior == "log" and values.min() <= 0:
        raise InputError(where, "a prior flat in the logarithm needs values above 0", float(values.min()))
    if prior is None or (prior == "log") == logarithmic:
        return np.ones(values.size)
    return values.copy() if prior == "flat" else np.asarray(1 / values)


def log_volume(scaled: np.ndarray, density: np.ndarray) -> np.ndarray:
    """Return the log of the prior volume that each value of an axis stands for, one in total, by the trapezoidal rule.

    Parameters
    ----------
    scaled
        Values of the axis in its own scale; a single one has all the volume.
    density
        Prior density there, in that scale.
    """
    own = scaled.tolist()
    steps = [b - a for a, b in itertools.pairwise(own)] or [1.0]
    ends = zip([0.0, *steps], [*steps, 0.0], strict=True)
    volumes = [(before + after) / 2 * d for (before, after), d in zip(ends, density.tolist(), strict=False)]
    total = math.fsum(volumes)
    return np.array([math.log(v / total) if v > 0 else -math.inf for v in volumes])
