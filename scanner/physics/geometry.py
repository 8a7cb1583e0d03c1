"""Where N that are made in matter decay: probabilities as functions of their direction and decay length."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from scanner.physics.kernel import INPUT, INPUT_MATRIX, kernel

_f8 = types.float64


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


@kernel(_f8(_f8, _f8, INPUT, _f8, _f8, INPUT_MATRIX))
def seen_probability(sine, log_length, sines, start, step, probability):  # type: ignore[no-untyped-def]
    """Look up a `DecayProbability` at sin(θ/2) and ln(λ/m)."""
    last = probability.shape[1] - 1
    x = (log_length - start) / step
    i = min(max(int(x), 0), last - 1)
    fraction = min(max(x - i, 0.0), 1.0)
    far = math.exp(-max(log_length - start - last * step, 0.0))
    k = 0
    while k < sines.size - 2 and sines[k + 1] < sine:
        k += 1
    low = (1 - fraction) * probability[k, i] + fraction * probability[k, i + 1]
    if sines.size == 1:
        return far * low
    high = (1 - fraction) * probability[k + 1, i] + fraction * probability[k + 1, i + 1]
    part = min(max((sine - sines[k]) / (sines[k + 1] - sines[k]), 0.0), 1.0)
    return far * ((1 - part) * low + part * high)
