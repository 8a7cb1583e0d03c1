"""What every likelihood is."""

from __future__ import annotations

from typing import Protocol

import numpy as np


class Likelihood(Protocol):
    """Anything that turns signals into −2 ln L."""

    @property
    def statistic(self) -> str:
        """One line that says what ``chi2`` is."""

    @property
    def number_of_data(self) -> int:
        """Number of data bins."""

    @property
    def constant(self) -> float:
        """What ``chi2`` lacks of the full −2 ln L [dimensionless]."""

    def __call__(self, signal: np.ndarray, chi2: np.ndarray, gof: np.ndarray) -> None:
        """Fill `chi2` and `gof`, shape (points,), from `signal`, shape (points, signal bins)."""
