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

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numba import types

from scanner.errors import InputError
from scanner.likelihoods.base import checked_truth
from scanner.likelihoods.gaussian import LANES, solve_pack
from scanner.likelihoods.linear_algebra import draw_gaussian
from scanner.physics.kernel import INPUT, INPUT_MATRIX, kernel

_f8 = types.float64
_ROW = types.float64[::1]
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
    _conditional: tuple[np.ndarray, np.ndarray, float] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        for name in ("fractional", "background", "data", "control", "control_data"):
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), dtype=np.float64))
        self._check()
        bins = self.background.size
        rest, shift = np.empty((bins, bins)), np.empty(bins)
        none = np.zeros(bins + self.control.size)
        offset = _eliminate(
            self.fractional,
            none,
            self.control,
            self.control_data,
            np.empty((self.control.size, bins + self.control.size)),
            rest,
            shift,
        )
        if not np.isfinite(offset):
            raise InputError("fractional", "is not positive definite in the control bins")
        object.__setattr__(self, "_conditional", (rest, shift, offset))
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
        order, new = _in_groups(signal[:, self.first :])
        found = np.empty(order.size)
        _minus_two_log(signal[order], new, self.background, self.data, *self._conditional, self.first, found)
        chi2[order] = found
        gof[:] = chi2

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


def _in_groups(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Order a matrix, shape (points, columns), so that equal rows follow each other; and which then are new."""
    points, columns = rows.shape
    if columns == 0 or points == 0:
        return np.arange(points), np.arange(points) == 0
    keys = np.ascontiguousarray(rows).view(np.dtype((np.void, columns * rows.itemsize))).ravel()
    _, group = np.unique(keys, return_inverse=True)
    order = np.argsort(group, kind="stable")
    return order, np.diff(group[order], prepend=-1) > 0


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


@kernel(types.void(_f8, _ROW, _ROW))
def _subtract(factor, row, out):  # type: ignore[no-untyped-def]
    """Subtract factor · row; of its own, as a loop from 0 is what vectorises."""
    for i in range(out.size):
        out[i] -= factor * row[i]


@kernel(_f8(INPUT_MATRIX, INPUT, INPUT, INPUT, _MATRIX, _MATRIX, _ROW))
def _eliminate(matrix, shifts, expected, data, rows, rest, shift):  # type: ignore[no-untyped-def]
    """Condition on the last bins.

    Parameters
    ----------
    matrix, shifts : float64[bins + last, bins + last], float64[bins + last]
        χ² is (u - shifts)ᵀ (matrix + diag(v/μ²))⁻¹ (u - shifts); matrix is symmetric.
    expected, data : float64[last]
        Of the last bins.
    rows : float64[last, last + bins]
        To work in.
    rest, shift : float64[bins, bins], float64[bins]
        Filled with the same of the other bins, of the matrix all.

    Returns
    -------
    float
        χ² of the last bins; NaN if their matrix is not positive definite.
    """
    bins, size = shift.size, data.size
    shift[:] = shifts[:bins]
    rest[:, :] = matrix[:bins, :bins]
    total = 0.0
    pull = np.empty(size)
    for k in range(size):  # Cholesky by rows, of the last bins and all that follows from them
        row = rows[k]
        row[:size] = matrix[bins + k, bins:]
        row[size:] = matrix[bins + k, :bins]
        row[k] += relative_variance(data[k], expected[k])
        pull[k] = data[k] / expected[k] - 1 - shifts[bins + k]
        for m in range(k):
            pull[k] -= rows[m, k] * pull[m]
            _subtract(rows[m, k], rows[m, k:], row[k:])
        if not row[k] > 0:
            return np.nan
        scale = 1 / math.sqrt(row[k])
        pull[k] *= scale
        row *= scale
        total += pull[k] * pull[k]
        for i in range(bins):
            shift[i] += pull[k] * row[size + i]
    for i in range(bins):
        for k in range(size):
            _subtract(rows[k, size + i], rows[k, size:], rest[i])
    return total


@kernel(types.void(_MATRIX, types.boolean[::1], INPUT, INPUT, INPUT_MATRIX, INPUT, _f8, types.int64, _ROW))
def _minus_two_log(  # type: ignore[no-untyped-def]
    signal, new, background, data, matrix, shifts, offset, first, chi2
):
    """χ² of packs of LANES points; the last pack repeats its last point in the lanes left over.

    `new` says where the signal of the last bins is not that of the point before.
    """
    points, last = signal.shape[0], background.size - first
    work, vector = np.empty((first, first, LANES)), np.empty((first, LANES))
    rest, shift, rows = np.empty((first, first)), np.empty(first), np.empty((last, last + first))
    log_det, square, conditional = np.empty(LANES), np.empty(LANES), np.empty(LANES)
    for begin in range(0, points, LANES):
        for lane in range(LANES):
            point = min(begin + lane, points - 1)
            if new[point] and begin + lane < points:
                expected = background[first:] + signal[point, first:]
                of_last = offset + _eliminate(matrix, shifts, expected, data[first:], rows, rest, shift)
            conditional[lane] = of_last
            for i in range(first):
                for j in range(i + 1):
                    work[i, j, lane] = rest[i, j]
                of = background[i] + signal[point, i]
                vector[i, lane] = data[i] / of - 1 - shift[i]
                work[i, i, lane] += relative_variance(data[i], of)
        solve_pack(work, vector, square, log_det)
        for lane in range(min(LANES, points - begin)):
            chi2[begin + lane] = conditional[lane] + square[lane]
