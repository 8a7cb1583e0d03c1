"""Gaussian likelihood of bins whose predictions depend linearly on a few nuisance parameters.

−2 ln L = rᵀC⁻¹r + Σ_j (ν_j − centre_j)², r_b = data_b − background_b (1 + Σ_j β_bj ν_j) − signal_b (1 + Σ_j σ_bj ν_j),
minimised over ν. With shared parameters this is the "pull approach" of hep-ph/0206162, which is the same as a
covariance C + A Aᵀ, A_bj = background_b β_bj + signal_b σ_bj.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numba import types

from scanner.errors import InputError
from scanner.likelihoods.base import Pull, checked_truth
from scanner.likelihoods.linear_algebra import cholesky, draw_gaussian, least_squares
from scanner.likelihoods.pulls import best_pulls, minimum, number_of_terms
from scanner.physics.kernel import INPUT, INPUT_MATRIX, kernel

_MATRIX, _PACK = types.float64[:, ::1], types.float64[:, :, ::1]

LANES = 8
"""Points worked on together, for the compiler to turn operations into vector instructions; none mixes with others."""
SAFE = 1e7
"""Largest sum of squares of which a difference is good to 1e-8."""


@dataclass(frozen=True)
class GaussianPulls:
    """Bins with a covariance of their own and nuisance parameters that act on all of them.

    Parameters
    ----------
    data
        Observed, shape (bins,), in any units.
    background
        Expected without a signal, shape (bins,), in the same units.
    covariance
        Of the data, from everything but the nuisance parameters, shape (bins, bins).
    background_pulls, signal_pulls
        Relative change of background and signal in each bin a standard deviation of each nuisance parameter,
        shape (bins, k).
    nuisances
        Names of the parameters, k of them. Experiments with a name in common share the parameter.
    shared
        Whether there may be such experiments. If not, a sum needs nothing but ``chi2`` of this one.
    centre
        Values of the nuisance parameters that were measured, shape (k,); 0, but in pseudo-experiments
        [standard deviations].

    Raises
    ------
    InputError
        For shapes that do not fit together, or two parameters of one name.
    """

    data: np.ndarray
    background: np.ndarray
    covariance: np.ndarray
    background_pulls: np.ndarray
    signal_pulls: np.ndarray
    nuisances: tuple[str, ...]
    centre: np.ndarray | None = None
    shared: bool = True
    statistic: str = "r^T C^-1 r + nu^T nu, minimised over the nuisance parameters nu"
    constant: float = field(init=False)
    number_of_data: int = field(init=False)
    _factor: np.ndarray = field(init=False, repr=False)
    _slopes: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.centre is None:
            object.__setattr__(self, "centre", np.zeros(len(self.nuisances)))
        self._check()
        for name in ("data", "background", "covariance", "background_pulls", "signal_pulls", "centre"):
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), dtype=np.float64))
        factor = self.covariance.copy()
        if not cholesky(factor):
            factor[:] = np.nan
        log_det = 2 * math.fsum(math.log(pivot) for pivot in factor.diagonal())
        object.__setattr__(self, "_factor", factor)
        object.__setattr__(self, "_slopes", self.background[:, None] * self.background_pulls)
        object.__setattr__(self, "number_of_data", self.data.size)
        object.__setattr__(self, "constant", self.data.size * math.log(2 * math.pi) + log_det)

    def _check(self) -> None:
        bins, k = np.size(self.data), len(self.nuisances)
        shapes = {"data": (bins,), "background": (bins,), "covariance": (bins, bins), "centre": (k,)}
        for name, shape in (shapes | {"background_pulls": (bins, k), "signal_pulls": (bins, k)}).items():
            if np.shape(getattr(self, name)) != shape:
                raise InputError(name, "wrong shape", np.shape(getattr(self, name)), f"{shape}: {bins} data, {k} names")
        if len(set(self.nuisances)) != k:
            raise InputError("nuisances", "two nuisance parameters of one experiment have one name", self.nuisances)

    def __call__(self, signal: np.ndarray, chi2: np.ndarray, gof: np.ndarray) -> None:
        """Fill `chi2` and `gof`, which are the same; NaN where the covariance is not positive definite."""
        _minima(signal, self.data, self.background, self._slopes, self.signal_pulls, self.centre, self._factor, chi2)
        gof[:] = chi2

    def pull_terms(self, signal: np.ndarray, out: np.ndarray) -> None:
        """Fill `out`, shape (points, number_of_terms(k)): exact, for r is linear in the nuisance parameters."""
        _polynomials(
            signal, self.data, self.background, self._slopes, self.signal_pulls, self.centre, self._factor, out
        )

    def toy(
        self, signal: np.ndarray, generator: np.random.Generator, pulls: Mapping[str, Pull] | None = None
    ) -> GaussianPulls:
        """Return a pseudo-experiment: data, and measured nuisance parameters. See `PulledLikelihood.toy`."""
        signal = checked_truth(signal, self.data.size, least=-np.inf)  # what disappears is a negative signal
        if pulls and not pulls.keys().isdisjoint(self.nuisances):
            value, centre = np.array([pulls[name] for name in self.nuisances]).T
        else:
            value = self._best(signal)
            centre = generator.normal(value)
        mean = self.background + signal
        for slope, by_signal, pull in zip(self._slopes.T, self.signal_pulls.T, value, strict=True):
            mean += (slope + by_signal * signal) * pull
        return replace(self, data=draw_gaussian(mean, self.covariance, generator), centre=centre)

    def _best(self, signal: np.ndarray) -> np.ndarray:
        """Nuisance parameters that fit best, shape (k,)."""
        terms = np.empty((1, number_of_terms(len(self.nuisances))))
        self.pull_terms(signal[None], terms)
        found = best_pulls({"": self.nuisances}, {"": terms[0]})
        return np.asarray(self.centre) + [found[name] for name in self.nuisances]


@kernel(types.void(_MATRIX, types.int64, INPUT, INPUT, INPUT_MATRIX, INPUT_MATRIX, INPUT, _MATRIX, _PACK))
def _whiten(signal, first, data, background, slopes, signal_pulls, centre, factor, out):  # type: ignore[no-untyped-def]
    """Fill rows w_0, w_1, ...: −2 ln L is |w_0 − Σ_j w_j (ν − centre)_j|², w whitened by the covariance's factor.

    Of LANES points from `first`; the last point again in lanes left over. `out` has shape (1 + k, bins, LANES).
    """
    bins, size = slopes.shape
    last = signal.shape[0] - 1
    for b in range(bins):
        for lane in range(LANES):
            out[0, b, lane] = data[b] - background[b] - signal[min(first + lane, last), b]
        for j in range(size):
            for lane in range(LANES):
                s = signal[min(first + lane, last), b]
                out[1 + j, b, lane] = slopes[b, j] + s * signal_pulls[b, j]
                out[0, b, lane] -= out[1 + j, b, lane] * centre[j]
    for row in range(1 + size):
        for i in range(bins):
            for k in range(i):
                for lane in range(LANES):
                    out[row, i, lane] -= factor[i, k] * out[row, k, lane]
            for lane in range(LANES):
                out[row, i, lane] /= factor[i, i]


@kernel(types.void(_PACK, types.int64, types.int64, types.float64, _MATRIX, types.int64))
def _fill_products(whitened, one, other, factor, terms, place):  # type: ignore[no-untyped-def]
    """Fill a row of terms with the product of two rows, summed in order, times a factor."""
    for lane in range(LANES):
        terms[place, lane] = 0.0
    for b in range(whitened.shape[1]):
        for lane in range(LANES):
            terms[place, lane] += whitened[one, b, lane] * whitened[other, b, lane]
    for lane in range(LANES):
        terms[place, lane] *= factor


@kernel(types.void(_PACK, _MATRIX))
def _fill_terms(whitened, terms):  # type: ignore[no-untyped-def]
    """Fill the polynomial's terms, shape (number_of_terms(k), LANES), from the rows of `_whiten`."""
    size = whitened.shape[0] - 1
    _fill_products(whitened, 0, 0, 1.0, terms, 0)
    place = 1 + size
    for i in range(size):
        _fill_products(whitened, 1 + i, 0, -2.0, terms, 1 + i)
        for j in range(i, size):
            _fill_products(whitened, 1 + i, 1 + j, 2.0, terms, place)
            place += 1


@kernel(types.float64(_PACK, types.int64, _MATRIX))
def _by_reflections(whitened, lane, matrix):  # type: ignore[no-untyped-def]
    """Least −2 ln L of one point where the polynomial's would be the small difference of huge terms."""
    rows, bins = whitened.shape[0], whitened.shape[1]
    size = rows - 1
    matrix[:] = 0.0
    for b in range(bins):
        for j in range(size):
            matrix[b, j] = whitened[1 + j, b, lane]
        matrix[b, size] = whitened[0, b, lane]
    for j in range(size):
        matrix[bins + j, j] = 1.0
    return least_squares(matrix)


@kernel(types.void(_MATRIX, INPUT, INPUT, INPUT_MATRIX, INPUT_MATRIX, INPUT, _MATRIX, types.float64[::1]))
def _minima(  # type: ignore[no-untyped-def]
    signal, data, background, slopes, signal_pulls, centre, factor, out
):
    """Least −2 ln L of every point."""
    bins, size = slopes.shape
    whitened = np.empty((1 + size, bins, LANES))
    terms = np.empty((1 + size + size * (size + 1) // 2, LANES))
    own, square, vector = np.empty(terms.shape[0]), np.empty((size, size)), np.empty(size)
    matrix = np.empty((bins + size, size + 1))
    for first in range(0, signal.shape[0], LANES):
        _whiten(signal, first, data, background, slopes, signal_pulls, centre, factor, whitened)
        _fill_terms(whitened, terms)
        for lane in range(min(LANES, signal.shape[0] - first)):
            for place in range(own.size):
                own[place] = terms[place, lane]
            if own[0] < SAFE:
                out[first + lane] = minimum(own, square, vector)
            else:
                out[first + lane] = _by_reflections(whitened, lane, matrix)


@kernel(types.void(_MATRIX, INPUT, INPUT, INPUT_MATRIX, INPUT_MATRIX, INPUT, _MATRIX, _MATRIX))
def _polynomials(  # type: ignore[no-untyped-def]
    signal, data, background, slopes, signal_pulls, centre, factor, out
):
    """Terms of every point, in ν − centre."""
    bins, size = slopes.shape
    whitened, terms = np.empty((1 + size, bins, LANES)), np.empty((out.shape[1], LANES))
    for first in range(0, signal.shape[0], LANES):
        _whiten(signal, first, data, background, slopes, signal_pulls, centre, factor, whitened)
        _fill_terms(whitened, terms)
        for lane in range(min(LANES, signal.shape[0] - first)):
            for place in range(out.shape[1]):
                out[first + lane, place] = terms[place, lane]
