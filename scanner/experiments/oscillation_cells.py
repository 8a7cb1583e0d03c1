"""Cells of L/E for the oscillation signal, from samples of an experiment's baselines and energies.

What an experiment would see of a full transmutation is an integral over baselines, energies, lines of a source;
its nodes are samples (L/E, weight), which intervals of L/E gather. A cell keeps its mean and its variance of L/E, so
that within an interval of WIDTH the average of sin² is good to 2 % of what is left of the oscillation at DM2_MAX,
and that is small where a distribution is smooth; see `scanner.physics.oscillation.averaged_sin_squared`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numba import types
from numpy.typing import NDArray

from scanner.physics.kernel import INPUT, INPUT_INDEX, kernel
from scanner.signals.oscillation import OscillationResponse
from scanner.units import OSCILLATION_PHASE

Float = NDArray[np.float64]

DM2_MAX = 100.0
"""Largest Δm² [eV²] that cells are made for, as those of MiniBooNE."""

WIDTH = 0.01
"""Of a cell [km/GeV]: the phase changes by 2.5 at DM2_MAX."""


def response(
    source: str, target: str, antineutrino: bool, bins: Sequence[tuple[Float, Float]], total: Sequence[float]
) -> OscillationResponse:
    """Return the response of a channel.

    Parameters
    ----------
    source, target, antineutrino
        Of `OscillationResponse`.
    bins
        Samples of each bin: L/E [km/GeV], and weights in any unit.
    total
        What full transmutation gives in each bin, in the units of the experiment's signal.
    """
    found = [cells(x, weight) for x, weight in bins]
    scaled = [(of / math.fsum(weight.tolist())) * weight for (weight, _, _), of in zip(found, total, strict=True)]
    return OscillationResponse(
        source=source,
        target=target,
        antineutrino=antineutrino,
        bin=np.repeat(np.arange(len(found)), [weight.size for weight in scaled]),
        weight=np.concatenate(scaled),
        mean=np.concatenate([mean for _, mean, _ in found]),
        variance=np.concatenate([variance for _, _, variance in found]),
        phase=OSCILLATION_PHASE,
        dm2_max=DM2_MAX,
    )


def cells(x: Float, weight: Float) -> tuple[Float, Float, Float]:
    """Return weight, mean and variance of x in intervals of WIDTH, those without weight left out.

    Parameters
    ----------
    x
        L/E of the samples [km/GeV], not negative.
    weight
        Of the samples, not negative.
    """
    x, weight = np.ascontiguousarray(x, dtype=np.float64), np.ascontiguousarray(weight, dtype=np.float64)
    interval = (x / WIDTH).astype(np.int64)
    moments = np.zeros((3, int(interval.max()) + 1))
    _gather(interval, x, weight, WIDTH, moments)
    total, first, second = (row[moments[0] > 0] for row in moments)
    centre = (np.flatnonzero(moments[0] > 0) + 0.5) * WIDTH
    shift = first / total
    return total, centre + shift, np.maximum(second / total - shift * shift, 0.0)


@kernel(types.void(INPUT_INDEX, INPUT, INPUT, types.float64, types.float64[:, ::1]))
def _gather(interval, x, weight, width, moments):  # type: ignore[no-untyped-def]
    """Sums of weight, and of it times the distance from an interval's middle and its square, in order."""
    for i in range(x.size):
        n = interval[i]
        distance = x[i] - (n + 0.5) * width
        moments[0, n] += weight[i]
        moments[1, n] += weight[i] * distance
        moments[2, n] += weight[i] * distance * distance


def midpoints(low: float, high: float, steps: int) -> Float:
    """Return the middles of equal steps from `low` to `high`."""
    return low + (high - low) * (np.arange(steps) + 0.5) / steps


def elementwise(function: Callable[[float], float], values: Float) -> Float:
    """Return a function of `math` at each value: numpy's own differ between CPUs in the last bit."""
    return np.array([function(value) for value in values.tolist()])
