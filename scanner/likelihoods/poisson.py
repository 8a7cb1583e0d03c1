"""Poisson likelihood of counts, with uncertain backgrounds and an uncertain common efficiency.

−2 ln L = 2 Σ_b (μ_b − n_b ln μ_b) + Σ_b ((β_b − background_b)/background_error_b)² + (θ − centre)²,
μ_b = signal_b e^{signal_error · θ} + β_b, minimised over β_b ≥ 0 and θ. The common factor of the signal is
log-normal, so that it cannot become negative; what is minimised over it is convex for all counts met here.
What is returned is that of the saturated model less, so that both ``chi2`` and ``gof`` are the deviance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numba import types

from scanner.likelihoods.base import Pull, checked_truth
from scanner.physics.kernel import INPUT, kernel

_SIGNAL = types.float64[::1]

STEPS = 60
"""Of the search for θ at most; some five are taken, or ten where backgrounds are large and uncertain."""
ACCURACY = 1e-7
"""Of its slope at θ: the deviance, whose curvature is 2 at least, is then good to the square of it."""

MOST = 1e15
"""Events that a pseudo-experiment may hold: far more than any, and few enough for exact integers."""


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
    shared
        Name of θ where other experiments have the same one; empty where it is this experiment's own.
    centre
        Value of θ that was measured, other than 0 in pseudo-experiments alone [standard deviations].
    """

    data: np.ndarray
    background: np.ndarray
    background_error: np.ndarray | None = None
    signal_error: float = 0.0
    shared: str = ""
    centre: float = 0.0
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

    @property
    def nuisances(self) -> tuple[str, ...]:
        """Name of θ − centre where it is shared."""
        return (self.shared,) if self.shared else ()

    @property
    def counts(self) -> dict[str, float]:
        """Total of the events observed, and of those expected without a signal."""
        return {"observed": math.fsum(self.data), "background": math.fsum(self.background)}

    def __call__(self, signal: np.ndarray, chi2: np.ndarray, gof: np.ndarray) -> None:
        """Fill `chi2` and `gof`, both the deviance; infinite where events were seen and none expected."""
        _deviance(self._central(signal), self.data, self.background, self.background_error, self.signal_error, chi2)
        gof[:] = chi2

    def pull_terms(self, signal: np.ndarray, out: np.ndarray) -> None:
        """Fill `out`, shape (points, 3), with the second-order expansion in θ − centre about the best fit.

        Minimised together with the penalty it gives ``chi2``. See `scanner.likelihoods.pulls`.
        """
        _polynomials(self._central(signal), self.data, self.background, self.background_error, self.signal_error, out)

    def toy(
        self, signal: np.ndarray, generator: np.random.Generator, pulls: Mapping[str, Pull] | None = None
    ) -> Poisson:
        """Return a pseudo-experiment: counts, and measured backgrounds and θ. See `PulledLikelihood.toy`.

        A background that is measured may come out negative; the true one is not.
        """
        signal = checked_truth(signal, self.data.size, MOST)
        pull = (pulls or {}).get(self.shared) or self._draw_pull(signal, generator)
        means = np.empty((2, signal.size))
        truth = signal * math.exp(self.signal_error * pull.value)
        _means(truth, self.data, self.background, self.background_error, *means)
        counts = generator.poisson(means[0])
        background = generator.normal(means[1], np.asarray(self.background_error))
        return replace(self, data=counts, background=background, centre=pull.centre)

    def _draw_pull(self, signal: np.ndarray, generator: np.random.Generator) -> Pull:
        """Return θ that fits best for true, and one measured about it."""
        terms = np.empty((1, 3))
        self.pull_terms(signal[None], terms)
        theta = self.centre - terms[0, 1] / (2 + terms[0, 2])
        return Pull(theta, generator.normal(theta))

    def _central(self, signal: np.ndarray) -> np.ndarray:
        """Signal at the central value of θ, which the kernels count from."""
        return signal * math.exp(self.signal_error * self.centre) if self.centre else signal


@kernel("f8(f8, f8, f8, f8)")
def _mean(signal, data, background, error):  # type: ignore[no-untyped-def]
    """Expected events μ of one bin at the best background.

    They solve μ² + μ (error² − signal − background) − data·error² = 0, unless that would need a negative
    background.
    """
    mu = signal + background
    if error > 0:
        half = 0.5 * (mu - error * error)
        root = math.sqrt(half * half + data * error * error)
        # The form without cancellation, whatever the sign of half.
        mu = half + root if half >= 0 else data * error * error / (root - half)
        mu = max(mu, signal)
    return mu


@kernel(types.void(_SIGNAL, INPUT, INPUT, INPUT, types.float64[::1], types.float64[::1]))
def _means(signal, data, background, background_error, total, best):  # type: ignore[no-untyped-def]
    """Expected events of each bin at its best background, and that background."""
    for b in range(data.size):
        best[b] = background[b]
        if background_error[b] > 0:
            best[b] = max(_mean(signal[b], data[b], background[b], background_error[b]) - signal[b], 0.0)
        total[b] = signal[b] + best[b]


@kernel("UniTuple(f8, 2)(f8, f8, f8, f8)")
def _bin(signal, data, background, error):  # type: ignore[no-untyped-def]
    """Deviance of one bin at the best background, and its slope in the signal."""
    mu = _mean(signal, data, background, error)
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


@kernel(types.UniTuple(types.float64, 2)(types.float64, types.float64, _SIGNAL, INPUT, INPUT, INPUT))
def _slopes(theta, error, signal, data, background, background_error):  # type: ignore[no-untyped-def]
    """First and second derivative in θ of the deviance without θ²; the second is 0 where it is negative.

    With m = signal e^{error θ} and V(m) a bin's deviance at its best background, they are error Σ m V' and
    error² Σ m (V' + m V''), where V' = 2 (1 − n/μ) and V'' = 2 n μ'/μ². Differentiating the equation of μ gives
    μ' = μ/(2μ + background_error² − m − background); μ' = 1 where the background is exact, or 0 at its best. A bin with
    more events than are expected makes the second negative where the signal is a small part of it. Zero is then the
    nearest curvature that leaves that of any sum of experiments, with the penalty, positive.
    """
    factor, first, second = math.exp(error * theta), 0.0, 0.0
    for b in range(data.size):
        m, spread = signal[b] * factor, background_error[b]
        if m == 0:
            continue
        mu = _mean(m, data[b], background[b], spread)
        slope, part = 2.0, 2.0
        if data[b] > 0:
            rise = mu / (2 * mu + spread * spread - m - background[b]) if spread > 0 and mu > m else 1.0
            slope = 2 * (1 - data[b] / mu)
            part = slope + m * 2 * data[b] * rise / (mu * mu)
        first += m * slope
        second += m * part
    return error * first, max(error * error * second, 0.0)


@kernel(types.UniTuple(types.float64, 2)(types.float64, _SIGNAL, INPUT, INPUT, INPUT))
def _profiled(error, signal, data, background, background_error):  # type: ignore[no-untyped-def]
    """Best θ, where the slope vanishes, and the deviance: Newton's steps, halved intervals where they leave them."""
    expected, counted = signal.sum(), data.sum()
    # Exact without background, and above the best θ with one.
    shift = min(counted * error**2, 500.0)
    highest = (shift - _lambert(error**2 * expected * math.exp(shift))) / error
    theta, low, high = min(highest, 0.0), -np.inf, np.inf
    for _ in range(STEPS):
        slope, curvature = _slopes(theta, error, signal, data, background, background_error)
        slope += 2 * theta
        if not abs(slope) > ACCURACY:
            break
        if slope > 0:
            high = theta
        else:
            low = theta
        theta = min(theta - slope / (2 + curvature), highest)
        if not low < theta < high and high - low < np.inf:
            theta = 0.5 * (low + high)
    return theta, _at(theta, error, signal, data, background, background_error)[0]


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
            out[point] = _profiled(error, row, data, background, background_error)[1]


@kernel(types.float64(types.float64, _SIGNAL, INPUT, INPUT, INPUT))
def _best_theta(error, signal, data, background, background_error):  # type: ignore[no-untyped-def]
    """θ at the minimum."""
    if error == 0:
        return 0.0
    if not data.any():
        return -_lambert(error * error * signal.sum()) / error
    return _profiled(error, signal, data, background, background_error)[0]


@kernel(types.void(types.float64[:, ::1], INPUT, INPUT, INPUT, types.float64, types.float64[:, ::1]))
def _polynomials(signal, data, background, background_error, error, out):  # type: ignore[no-untyped-def]
    """Second order of the deviance without θ² about the best θ, as a polynomial about 0, of every point."""
    for point in range(signal.shape[0]):
        row = signal[point]
        theta = _best_theta(error, row, data, background, background_error)
        value = _at(theta, error, row, data, background, background_error)[0] - theta * theta
        slope, curvature = _slopes(theta, error, row, data, background, background_error)
        out[point, 0] = value - theta * (slope - 0.5 * curvature * theta)
        out[point, 1] = slope - curvature * theta
        out[point, 2] = curvature
