"""The combined Neyman–Pearson χ² with a covariance matrix, of MicroBooNE's searches.

χ² = rᵀ V⁻¹ r with r = n − μ and V = F ∘ μ μᵀ + diag(v): F the fractional covariance of all systematic errors, and v the
combined Neyman–Pearson variance of 1903.07185, 3/(1/n + 2/μ) where there are data n, and μ/2 where there are none.
With all bins in one matrix, those that see no signal constrain the others: the sum of their own χ² and of that of the
others, given them, is this χ².

Divided by μ, only the diagonal of V depends on the prediction: χ² = uᵀ (F + diag(v/μ²))⁻¹ u, u = n/μ − 1. That of the
bins without signal is constant, so they are eliminated once. The last signal bins are eliminated once for all points
with the same signal there: in a scan, muon neutrinos know of one mixing only. A Cholesky factorisation of the first
signal bins is left at each point. All of it is exact.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numba import types

from scanner.errors import InputError
from scanner.likelihoods.base import checked_truth
from scanner.likelihoods.gaussian import LANES, solve_pack
from scanner.likelihoods.linear_algebra import cholesky, draw_gaussian, forward
from scanner.physics.kernel import INPUT, INPUT_MATRIX, kernel

_f8, _ROW = types.float64, types.float64[::1]
_MATRIX = types.float64[:, ::1]


@dataclass(frozen=True)
class CombinedNeymanPearson:
    """Combined Neyman–Pearson χ² of bins with common systematic errors.

    Parameters
    ----------
    fractional
        Fractional covariance, shape (bins + control,) squared, bins that may see signal first.
    background
        Expected events without a signal, shape (bins,): the signal may be negative.
    data
        Observed events, shape (bins,).
    control, control_data
        The same of bins that see none, shape (control,).
    first
        How many of the signal bins are left at each point.

    Raises
    ------
    InputError
        For shapes that do not fit together, expectations that are not positive, or a covariance of the control bins
        that is not positive definite.
    """

    fractional: np.ndarray
    background: np.ndarray
    data: np.ndarray
    control: np.ndarray
    control_data: np.ndarray
    first: int
    statistic: str = "r^T V^-1 r, V(prediction) by fractional covariance and combined Neyman-Pearson variances"
    constant: float = 0.0
    number_of_data: int = field(init=False)
    _given_control: _Conditional = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("fractional", "background", "data", "control", "control_data"):
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), dtype=np.float64))
        self._check()
        bins = self.background.size
        start = _Conditional(self.fractional, np.zeros(bins + self.control.size), 0.0)
        found = start.given(self.control, self.control_data)
        if not np.isfinite(found.offset):
            raise InputError("fractional", "is not positive definite in the control bins")
        object.__setattr__(self, "_given_control", found)
        object.__setattr__(self, "number_of_data", bins + self.control.size)

    def _check(self) -> None:
        bins, control = self.background.size, self.control.size
        shapes = {"fractional": 2 * (bins + control,), "data": (bins,), "control_data": (control,)}
        for name, shape in shapes.items():
            if getattr(self, name).shape != shape:
                raise InputError(name, "wrong shape", getattr(self, name).shape, f"{shape}")
        for name in ("background", "control"):
            if not np.all(getattr(self, name) > 0):
                hint = "leave out bins in which nothing is expected"
                raise InputError(name, "a bin expects no events", getattr(self, name).min(), "above 0", hint)
        if not 0 < self.first <= bins:
            raise InputError("first", "no such number of signal bins", self.first, f"1 to {bins}")

    def __call__(self, signal: np.ndarray, chi2: np.ndarray, gof: np.ndarray) -> None:
        """Fill `chi2` and `gof`, which are the same; NaN where a prediction is not positive, or V not definite."""
        first, found = self.first, np.empty(signal.shape[0])
        work, vector = np.empty((first, first, LANES)), np.empty((first, LANES))
        for members in _groups(signal[:, first:]):
            last = self.background[first:] + signal[members[0], first:]
            given = self._given_control.given(last, self.data[first:])
            out = np.empty(members.size)
            points = np.ascontiguousarray(signal[members, :first])
            _minus_two_log(points, self.background[:first], self.data[:first], *given, work, vector, out)
            found[members] = out
        chi2[:] = gof[:] = found

    def toy(self, signal: np.ndarray, generator: np.random.Generator) -> CombinedNeymanPearson:
        """Return a pseudo-experiment: expectations drawn with F, not below 0, and Poisson numbers about these.

        See `Likelihood.toy`.
        """
        bins = self.background.size
        signal = checked_truth(signal, bins, least=-np.inf)  # what disappears is a negative signal
        mean = np.concatenate([self.background + signal, self.control])
        drawn = draw_gaussian(mean, self.fractional * mean[:, None] * mean, generator)
        data = generator.poisson(np.maximum(drawn, 0.0)).astype(np.float64)
        return replace(self, data=data[:bins], control_data=data[bins:])


class _Conditional(NamedTuple):
    """Bins given others: χ² = offset + (u − shift)ᵀ (rest + diag(v/μ²))⁻¹ (u − shift)."""

    rest: np.ndarray
    """Shape (bins, bins); the lower triangle counts."""
    shift: np.ndarray
    """Shape (bins,)."""
    offset: float
    """χ² of the others; NaN where there is none."""

    def given(self, expected: np.ndarray, data: np.ndarray) -> _Conditional:
        """Return the same of all but the last bins, given these, shape (last,)."""
        bins = self.shift.size - data.size
        rest, shift = np.ascontiguousarray(self.rest[:bins, :bins]), self.shift[:bins].copy()
        return _Conditional(rest, shift, self.offset + _eliminate(self.rest, self.shift, expected, data, rest, shift))


def _groups(rows: np.ndarray) -> Iterator[np.ndarray]:
    """Yield the indices of equal rows of a matrix, shape (points, columns)."""
    if rows.shape[1] == 0:
        yield np.arange(rows.shape[0])
        return
    keys = np.ascontiguousarray(rows).view(np.dtype((np.void, rows.shape[1] * rows.itemsize))).ravel()
    _, group, counts = np.unique(keys, return_inverse=True, return_counts=True)
    yield from np.split(np.argsort(group, kind="stable"), np.cumsum(counts)[:-1])


@kernel(_f8(_f8, _f8))
def relative_variance(data, expected):  # type: ignore[no-untyped-def]
    """Return the combined Neyman–Pearson variance over the square of what is expected; NaN if that is not positive.

    Parameters
    ----------
    data, expected : float
        Events.
    """
    if not expected > 0:
        return np.nan
    return 3 * data / (expected * (expected + 2 * data)) if data > 0 else 0.5 / expected


@kernel(_f8(INPUT_MATRIX, INPUT, INPUT, INPUT, _MATRIX, _ROW))
def _eliminate(matrix, shifts, expected, data, rest, shift):  # type: ignore[no-untyped-def]
    """Take the last bins' part off `rest` and add it to `shift`; return their χ², NaN if not positive definite."""
    bins, size = shift.size, data.size
    factor, pull, cross = np.empty((size, size)), np.empty(size), np.empty((size, bins))
    for i in range(size):
        for j in range(i + 1):
            factor[i, j] = matrix[bins + i, bins + j]
        factor[i, i] += relative_variance(data[i], expected[i])
        pull[i] = data[i] / expected[i] - 1 - shifts[bins + i]
    if not cholesky(factor):
        return np.nan
    forward(factor, pull)
    total = 0.0
    for k in range(size):
        total += pull[k] * pull[k]
        for i in range(bins):
            cross[k, i] = matrix[bins + k, i]
        for m in range(k):
            for i in range(bins):
                cross[k, i] -= factor[k, m] * cross[m, i]
        for i in range(bins):
            cross[k, i] /= factor[k, k]
            shift[i] += pull[k] * cross[k, i]
        for i in range(bins):
            for j in range(i + 1):
                rest[i, j] -= cross[k, i] * cross[k, j]
    return total


@kernel(types.void(_MATRIX, INPUT, INPUT, INPUT_MATRIX, INPUT, _f8, types.float64[:, :, ::1], _MATRIX, _ROW))
def _minus_two_log(  # type: ignore[no-untyped-def]
    signal, background, data, rest, shift, offset, work, vector, chi2
):
    """χ² of packs of LANES points; the last pack repeats its last point in the lanes left over."""
    points, bins = signal.shape
    log_det, square = np.empty(LANES), np.empty(LANES)
    for begin in range(0, points, LANES):
        for i in range(bins):
            for j in range(i + 1):
                for lane in range(LANES):
                    work[i, j, lane] = rest[i, j]
            for lane in range(LANES):
                expected = background[i] + signal[min(begin + lane, points - 1), i]
                vector[i, lane] = data[i] / expected - 1 - shift[i]
                work[i, i, lane] += relative_variance(data[i], expected)
        solve_pack(work, vector, square, log_det)
        for lane in range(min(LANES, points - begin)):
            chi2[begin + lane] = offset + square[lane]
