"""Where N that are made in matter decay: probabilities as functions of their direction and decay length."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class DecayProbability(NamedTuple):
    """Probability that N decays where it is seen, averaged over where it is made.

    Bilinear in sin(θ/2) and ln λ between the nodes, θ the angle of N to the beam, λ = γβcτ; below the first λ as at the
    first, above the last as 1/λ.
    """

    sines: NDArray[np.float64]
    """sin(θ/2) of the nodes, increasing from 0, shape (a,); one alone where the direction does not matter."""
    log_length: NDArray[np.float64]
    """ln(λ/m) of the nodes, uniform, shape (n,)."""
    probability: NDArray[np.float64]
    """Shape (a, n)."""
