"""Poisson likelihood of counts, with uncertain backgrounds and an uncertain common efficiency.

−2 ln L = 2 Σ_b (μ_b − n_b ln μ_b) + Σ_b ((β_b − background_b)/background_error_b)² + θ²,
μ_b = signal_b e^{signal_error · θ} + β_b, minimised over β_b ≥ 0 and θ. The common factor of the signal is
log-normal, so that it cannot become negative; what is minimised over it is convex for all counts met here.
What is returned is that of the saturated model less, so that both ``chi2`` and ``gof`` are the deviance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numba import types

from scanner.physics.kernel import INPUT, kernel

_SIGNAL = types.float64[::1]

STEPS = 60
"""Of the search for θ at most; some five are taken."""
ACCURACY = 1e-7
"""Of its slope at θ: the deviance, whose curvature is 2 at least, is then good to the square of it."""


@dataclass(frozen=True)
class Poisson:
    """Independent counts.

    Parameters
    ----------
    data
        Observed events, shape (bins,).
    background
        Expected background, shape (bins,).
    background_error
        Its standard deviation, independent in each bin, shape (bins,); zeros if None.
    signal_error
        Standard deviation of the logarithm of the signal's common factor.
    """

    data: np.ndarray
    background: np.ndarray
    background_error: np.ndarray | None = None
    signal_error: float = 0.0
    statistic: str = "Poisson deviance, profiled over background and signal normalisation"
    constant: float = field(init=False)
    number_of_data: int = field(init=False)

    def __post_init__(self) -> None:
        if self.background_error is None:
            object.__setattr__(self, "background_error", np.zeros(self.background.size))
        for name in ("data", "background", "background_error"):
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), dtype=np.float64))
        saturated = [n - (n * math.log(n) if n > 0 else 0.0) + math.lgamma(n + 1) for n in map(float, self.data)]
        object.__setattr__(self, "constant", 2 * math.fsum(saturated))
        object.__setattr__(self, "number_of_data", self.data.size)

    def __call__(self, signal: np.ndarray, chi2: np.ndarray, gof: np.ndarray) -> None:
        """Fill `chi2` and `gof`, both the deviance; infinite where events were seen and none expected."""
        _deviance(signal, self.data, self.background, self.background_error, self.signal_error, chi2)
        gof[:] = chi2


@kernel("UniTuple(f8, 2)(f8, f8, f8, f8)")
def _bin(signal, data, background, error):  # type: ignore[no-untyped-def]
    """Deviance of one bin at the best background, and its slope in the signal.

    The best μ solves μ² + μ (error² − signal − background) − data·error² = 0, unless it would need a
    negative background.
    """
    mu = signal + background
    if error > 0:
        half = 0.5 * (mu - error * error)
        root = math.sqrt(half * half + data * error * error)
        # The form without cancellation, whatever the sign of half.
        mu = half + root if half >= 0 else data * error * error / (root - half)
        mu = max(mu, signal)
    if data == 0:
        value, slope = 2 * mu, 2.0
    elif mu > 0:
        value, slope = 2 * (mu - data + data * math.log(data / mu)), 2 * (1 - data / mu)
    else:
        return np.inf, -np.inf
    if error > 0:
        pull = (mu - signal - background) / error
        value += pull * pull
    return value, slope


@kernel(types.UniTuple(types.float64, 2)(types.float64, types.float64, _SIGNAL, INPUT, INPUT, INPUT))
def _at(theta, error, signal, data, background, background_error):  # type: ignore[no-untyped-def]
    """Deviance at one θ, and its slope there."""
    factor = math.exp(error * theta)
    value, slope = theta * theta, 2 * theta
    for b in range(data.size):
        part, rise = _bin(factor * signal[b], data[b], background[b], background_error[b])
        value += part
        slope += rise * factor * signal[b] * error
    return value, slope


@kernel("f8(f8)")
def _lambert(x):  # type: ignore[no-untyped-def]
    """W(x) for x ≥ 0, by Halley's iteration."""
    w = math.log1p(x)
    if x > 2.5:
        log = math.log(x)
        w = log - math.log(log)
    for _ in range(8):
        power = math.exp(w)
        f = w * power - x
        step = f / (power * (w + 1) - (w + 2) * f / (2 * w + 2))
        w -= step
        if abs(step) <= 1e-6 * (1 + w):  # convergence is cubic
            break
    return w


@kernel(types.float64(types.float64, _SIGNAL, INPUT, INPUT, INPUT))
def _profiled(error, signal, data, background, background_error):  # type: ignore[no-untyped-def]
    """Deviance at the best θ, where the slope vanishes: Newton's steps, with a bound for the curvature."""
    expected, counted = signal.sum(), data.sum()
    # Exact without background; the signal's part of the curvature, without the counts', never lets a step overshoot.
    shift = min(counted * error**2, 500.0)
    theta = (shift - _lambert(error**2 * expected * math.exp(shift))) / error
    value = np.inf
    for _ in range(STEPS):
        value, slope = _at(theta, error, signal, data, background, background_error)
        if not abs(slope) > ACCURACY:
            break
        theta -= slope / (2 + 2 * error**2 * expected * math.exp(error * theta))
    return value


@kernel(types.void(types.float64[:, ::1], INPUT, INPUT, INPUT, types.float64, types.float64[::1]))
def _deviance(signal, data, background, background_error, error, out):  # type: ignore[no-untyped-def]
    """Deviance of every point."""
    nothing_seen = not data.any()
    bare = _at(0.0, 0.0, np.zeros(data.size), data, background, background_error)[0]
    for point in range(signal.shape[0]):
        row = signal[point]
        if error == 0:
            out[point] = _at(0.0, 0.0, row, data, background, background_error)[0]
        elif nothing_seen:
            # The backgrounds decouple, and the best θ is −W(error² Σ signal)/error.
            w = _lambert(error * error * row.sum())
            out[point] = bare + w * (w + 2) / error**2
        else:
            out[point] = _profiled(error, row, data, background, background_error)
