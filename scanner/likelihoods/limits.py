"""Likelihood of a measurement that is published as an upper limit: a Gaussian about no signal.

−2 ln L = (z · (signal − measured)/limit)², z the two-sided quantile of the level: 1.645 at 90 %. That is the limit of a
Gaussian that found exactly what the background gives, when a signal cannot be negative: the half-Gaussian that is
left holds 90 % below 1.645 σ, and so do CL_s and, but for a few per cent, Feldman and Cousins. So Δχ² = 2.706 at a
90 % limit, the threshold of one degree of freedom. Excesses and deficits, which a limit does not tell, are not in it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from statistics import NormalDist

import numpy as np

from scanner.likelihoods.base import checked_truth
from scanner.physics.kernel import kernel


def two_sided_quantile(level: float) -> float:
    """Standard deviations within which a Gaussian lies with a probability.

    >>> round(two_sided_quantile(0.90), 3)
    1.645
    """
    return NormalDist().inv_cdf((1 + level) / 2)


@dataclass(frozen=True)
class UpperLimit:
    """One bin, bounded from above.

    Parameters
    ----------
    limit
        Signal at the limit, in the units of the signal.
    level
        Its confidence level.
    measured
        Signal found, in the same units: 0, but in pseudo-experiments.
    """

    limit: float
    level: float
    measured: float = 0.0
    statistic: str = "(z signal/limit)^2, Gaussian about no signal; z = 1.645 at 90 %"
    number_of_data: int = 1
    limit_dof: int = 1
    """Degrees of freedom of the Δχ² at which its limit lies."""
    constant: float = field(init=False)
    """ln 2πσ², σ = limit/z."""
    _weight: float = field(init=False, repr=False)

    def __post_init__(self) -> None:
        sigma = self.limit / two_sided_quantile(self.level)
        object.__setattr__(self, "constant", math.log(2 * math.pi * sigma**2))
        object.__setattr__(self, "_weight", sigma**-2)

    def __call__(self, signal: np.ndarray, chi2: np.ndarray, gof: np.ndarray) -> None:
        """Fill `chi2` and `gof`, which are the same."""
        _squares(signal, self.measured, self._weight, chi2)
        gof[:] = chi2

    def toy(self, signal: np.ndarray, generator: np.random.Generator) -> UpperLimit:
        """Return a pseudo-experiment: another signal found. See `Likelihood.toy`."""
        truth = checked_truth(signal, 1)[0]
        return replace(self, measured=generator.normal(truth, self._weight**-0.5))


@kernel("void(f8[:, ::1], f8, f8, f8[::1])")
def _squares(signal, measured, weight, chi2):  # type: ignore[no-untyped-def]
    for point in range(signal.shape[0]):
        residual = signal[point, 0] - measured
        chi2[point] = weight * residual * residual
