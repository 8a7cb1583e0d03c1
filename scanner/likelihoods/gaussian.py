"""Gaussian likelihoods with a covariance matrix.

Points are worked on in packs of `LANES`, every array with the lane as its last index, so that the compiler
turns each operation into vector instructions. A lane never mixes with another: a point's result is the same
bits in whatever pack, block or process it is computed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from scanner.likelihoods.base import checked_truth
from scanner.likelihoods.linear_algebra import cholesky, draw_gaussian, forward
from scanner.physics.kernel import kernel

LANES = 8
PIVOTS = 4


@dataclass(frozen=True)
class GaussianFractional:
    """Gaussian likelihood whose covariance is fractional: it grows with the prediction itself.

    The prediction is p = (signal, background, control); its covariance is M = F ∘ p pᵀ + diag(signal, 0, 0).
    Adding the signal block to the background block leaves N = bins + control data with
    −2 ln L = rᵀ M⁻¹ r + ln det M. The control bins carry no signal, so they are eliminated once, here: what is
    left is a Gaussian in the signal bins alone, with covariance s_i s_j Q_ij + s_i P_ij + s_j P_ji + T_ij +
    δ_ij s_i and residual r0 − g s. That is exact, and saves most of the work.

    Parameters
    ----------
    fractional
        Fractional covariance, shape (2 bins + control,) squared, order (signal, background, control).
    background
        Expected background in the signal bins, shape (bins,).
    data
        Observed events in the signal bins, shape (bins,).
    control
        Prediction in the control bins, shape (control,).
    control_data
        Observed events in the control bins, shape (control,).
    log_determinant
        Whether ``chi2`` has ln det M. Without it, ``chi2`` is rᵀ M⁻¹ r: no likelihood where M varies, but what some
        published fits minimise. Nothing constant makes it one, so ``constant`` is 0 then.
    """

    fractional: np.ndarray
    background: np.ndarray
    data: np.ndarray
    control: np.ndarray
    control_data: np.ndarray
    log_determinant: bool = True
    statistic: str = field(init=False)
    constant: float = field(init=False)
    number_of_data: int = field(init=False)
    _coefficients: tuple[np.ndarray, ...] = field(init=False, repr=False)
    _offsets: tuple[float, float] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        bins, control = self.background.size, self.control.size
        quadratic, linear, fixed = (np.zeros((bins, bins)) for _ in range(3))
        residual, slope, offsets = np.zeros(bins), np.zeros(bins), np.zeros(2)
        _eliminate_control(
            np.ascontiguousarray(self.fractional),
            self.background,
            self.data,
            self.control,
            self.control_data,
            quadratic,
            linear,
            fixed,
            residual,
            slope,
            offsets,
        )
        object.__setattr__(self, "_coefficients", (quadratic, linear, fixed, residual, slope))
        object.__setattr__(self, "_offsets", (float(offsets[0]), float(offsets[1])))
        object.__setattr__(self, "number_of_data", bins + control)
        formula = "r^T M^-1 r + ln det M" if self.log_determinant else "r^T M^-1 r without ln det M"
        object.__setattr__(self, "statistic", f"{formula}, M(prediction) by fractional covariance")
        constant = (bins + control) * math.log(2 * math.pi) if self.log_determinant else 0.0
        object.__setattr__(self, "constant", constant)

    def __call__(self, signal: np.ndarray, chi2: np.ndarray, gof: np.ndarray) -> None:
        """Fill `chi2` and `gof` (rᵀM⁻¹r); NaN where M is not positive definite."""
        bins = self.background.size
        work = np.empty((bins, bins, LANES))
        vector = np.empty((2, bins, LANES))
        _quadratic_covariance(signal, *self._coefficients, *self._offsets, work, vector, chi2, gof)
        if not self.log_determinant:
            chi2[:] = gof

    def toy(self, signal: np.ndarray, generator: np.random.Generator) -> GaussianFractional:
        """Return a pseudo-experiment: all data, control bins included, drawn with M of the prediction.

        See `Likelihood.toy`. Numbers of events need not be integers, nor positive.
        """
        bins = self.background.size
        signal = checked_truth(signal, bins)
        mean = np.concatenate([signal + self.background, self.control])
        drawn = draw_gaussian(mean, self._covariance(signal), generator)
        return replace(self, data=drawn[:bins], control_data=drawn[bins:])

    def _covariance(self, signal: np.ndarray) -> np.ndarray:
        """M of the signal plus background bins and the control bins, shape (number of data,) squared."""
        bins = signal.size
        prediction = np.concatenate([signal, self.background, self.control])
        full = self.fractional * prediction[:, None] * prediction
        rows = np.concatenate([full[:bins] + full[bins : 2 * bins], full[2 * bins :]])
        covariance = np.hstack([rows[:, :bins] + rows[:, bins : 2 * bins], rows[:, 2 * bins :]])
        covariance[range(bins), range(bins)] += signal
        return covariance


@kernel(
    "void(f8[:, ::1], f8[::1], f8[::1], f8[::1], f8[::1], f8[:, ::1], f8[:, ::1], f8[:, ::1], f8[::1],"
    " f8[::1], f8[::1])"
)
def _eliminate_control(  # type: ignore[no-untyped-def]
    fractional, background, data, control, control_data, quadratic, linear, fixed, residual, slope, offsets
):
    """Condition the Gaussian on the control bins; see `GaussianFractional` for what comes out.

    With L Lᵀ the covariance of the control bins, the signal-control covariance times L⁻ᵀ is s_i a_i + b_i;
    the Schur complement and the conditional mean follow from the rows a_i and b_i.
    """
    bins, size = background.size, control.size
    factor = np.empty((size, size))
    for i in range(size):
        for j in range(size):
            factor[i, j] = fractional[2 * bins + i, 2 * bins + j] * control[i] * control[j]
    if not cholesky(factor):
        offsets[:] = np.nan
        return
    pull = control_data - control
    forward(factor, pull)
    a = np.empty((bins, size))
    b = np.empty((bins, size))
    for i in range(bins):
        for k in range(size):
            a[i, k] = fractional[i, 2 * bins + k] * control[k]
            b[i, k] = fractional[bins + i, 2 * bins + k] * background[i] * control[k]
        forward(factor, a[i])
        forward(factor, b[i])
    for i in range(bins):
        residual[i] = data[i] - background[i]
        slope[i] = 1.0
        for k in range(size):
            residual[i] -= b[i, k] * pull[k]
            slope[i] += a[i, k] * pull[k]
        for j in range(bins):
            quadratic[i, j] = fractional[i, j]
            linear[i, j] = fractional[i, bins + j] * background[j]
            fixed[i, j] = fractional[bins + i, bins + j] * background[i] * background[j]
            for k in range(size):
                quadratic[i, j] -= a[i, k] * a[j, k]
                linear[i, j] -= a[i, k] * b[j, k]
                fixed[i, j] -= b[i, k] * b[j, k]
    for k in range(size):
        offsets[0] += pull[k] * pull[k]
        offsets[1] += 2 * math.log(factor[k, k])


@kernel("void(f8[:, :, ::1], f8[:, ::1], f8[::1], f8[::1])")
def solve_pack(work, r, square, log_det):  # type: ignore[no-untyped-def]
    """rᵀM⁻¹r and ln det M of each lane, by Cholesky; a pivot that is not positive makes its r NaN.

    The logarithm, which does not vectorise, is taken of the product of a few pivots at a time: too few to
    leave the range of a float64, unless a variance does so itself.
    """
    bins = r.shape[0]
    inverse = np.empty(LANES)
    product = np.empty(LANES)
    for lane in range(LANES):
        square[lane] = 0.0
        log_det[lane] = 0.0
        product[lane] = 1.0
    for j in range(bins):
        for k in range(j):
            for lane in range(LANES):
                work[j, j, lane] -= work[j, k, lane] * work[j, k, lane]
                r[j, lane] -= work[j, k, lane] * r[k, lane]
        for lane in range(LANES):
            pivot = work[j, j, lane]
            product[lane] *= pivot
            inverse[lane] = 1.0 / math.sqrt(pivot)
            r[j, lane] *= inverse[lane]
            square[lane] += r[j, lane] * r[j, lane]
        for i in range(j + 1, bins):
            for k in range(j):
                for lane in range(LANES):
                    work[i, j, lane] -= work[i, k, lane] * work[j, k, lane]
            for lane in range(LANES):
                work[i, j, lane] *= inverse[lane]
        if j % PIVOTS == PIVOTS - 1 or j == bins - 1:
            for lane in range(LANES):
                log_det[lane] += math.log(product[lane])
                product[lane] = 1.0


@kernel(
    "void(f8[:, ::1], f8[:, ::1], f8[:, ::1], f8[:, ::1], f8[::1], f8[::1], f8, f8, f8[:, :, ::1],"
    " f8[:, :, ::1], f8[::1], f8[::1])"
)
def _quadratic_covariance(  # type: ignore[no-untyped-def]
    signal, quadratic, linear, fixed, residual, slope, chi2_offset, log_offset, work, vector, chi2, gof
):
    """−2 ln L of packs of LANES points; the last pack repeats its last point in the lanes left over."""
    points, bins = signal.shape
    s = vector[0]
    r = vector[1]
    log_det = np.empty(LANES)
    square = np.empty(LANES)
    for first in range(0, points, LANES):
        for i in range(bins):
            for lane in range(LANES):
                s[i, lane] = signal[min(first + lane, points - 1), i]
                r[i, lane] = residual[i] - slope[i] * s[i, lane]
        for i in range(bins):
            for j in range(i + 1):
                for lane in range(LANES):
                    work[i, j, lane] = (
                        s[i, lane] * (s[j, lane] * quadratic[i, j] + linear[i, j])
                        + s[j, lane] * linear[j, i]
                        + fixed[i, j]
                    )
            for lane in range(LANES):
                work[i, i, lane] += s[i, lane]
        solve_pack(work, r, square, log_det)
        for lane in range(min(LANES, points - first)):
            gof[first + lane] = chi2_offset + square[lane]
            chi2[first + lane] = chi2_offset + square[lane] + log_offset + log_det[lane]
