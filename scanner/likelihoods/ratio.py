"""Likelihood of ratios of two places: what a far detector saw over what a near one did, both oscillated.

The signal is the relative change of the rate, in the far bins first and then in the near ones; the prediction of a
ratio is (1 + far)/(1 + near), which is not linear in the signal where both oscillate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numba import types

from scanner.likelihoods.base import Pull, checked_truth
from scanner.likelihoods.gaussian_pulls import GaussianPulls
from scanner.physics.kernel import kernel


@dataclass(frozen=True)
class Ratio:
    """Ratios, each of a far and a near bin.

    Parameters
    ----------
    ratios
        Of the ratios: its background is that without oscillation (1), its signal the change of the ratio.
    """

    ratios: GaussianPulls

    @property
    def statistic(self) -> str:
        """Of the ratios."""
        return f"{self.ratios.statistic}, r of ratios far/near"

    @property
    def number_of_data(self) -> int:
        """Number of ratios."""
        return self.ratios.number_of_data

    @property
    def constant(self) -> float:
        """Of the ratios."""
        return self.ratios.constant

    @property
    def nuisances(self) -> tuple[str, ...]:
        """Of the ratios."""
        return self.ratios.nuisances

    @property
    def shared(self) -> bool:
        """Of the ratios."""
        return self.ratios.shared

    def __call__(self, signal: np.ndarray, chi2: np.ndarray, gof: np.ndarray) -> None:
        """Fill `chi2` and `gof`, which are the same."""
        self.ratios(self._changes(signal), chi2, gof)

    def pull_terms(self, signal: np.ndarray, out: np.ndarray) -> None:
        """Fill `out` with the terms of the ratios. See `PulledLikelihood.pull_terms`."""
        self.ratios.pull_terms(self._changes(signal), out)

    def toy(self, signal: np.ndarray, generator: np.random.Generator, pulls: Mapping[str, Pull] | None = None) -> Ratio:
        """Return a pseudo-experiment: other ratios. See `PulledLikelihood.toy`."""
        signal = checked_truth(signal, 2 * self.number_of_data, least=-1.0)
        return replace(self, ratios=self.ratios.toy(self._changes(signal[None])[0], generator, pulls))

    def _changes(self, signal: np.ndarray) -> np.ndarray:
        """Change of each ratio, shape (points, ratios)."""
        changes = np.empty((signal.shape[0], self.number_of_data))
        _fill_changes(signal, changes)
        return changes


@kernel(types.void(types.float64[:, ::1], types.float64[:, ::1]))
def _fill_changes(signal, changes):  # type: ignore[no-untyped-def]
    ratios = changes.shape[1]
    for point in range(changes.shape[0]):
        for k in range(ratios):
            far, near = signal[point, k], signal[point, ratios + k]
            changes[point, k] = (far - near) / (1 + near)
