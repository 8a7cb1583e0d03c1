"""Cells of L/E for the oscillation signal, from samples of an experiment's baselines and energies.

What an experiment would see of a full transmutation is an integral over baselines, energies, lines of a source;
its nodes are samples (L/E, E, weight), which intervals of L/E gather. A cell keeps its mean and its variance of L/E, so
that within an interval of WIDTH the average of sin² is good to 2 % of what is left of the oscillation at DM2_MAX,
and that is small where a distribution is smooth; see `scanner.physics.oscillation.averaged_sin_squared`.

It keeps the mean and the spread of its energies too. With a baseline of one length E follows from L/E; where baselines
differ, samples may come in groups of energies, which do not share cells.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanner.signals.oscillation import OscillationResponse
from scanner.units import OSCILLATION_PHASE

Float = NDArray[np.float64]

DM2_MAX = 100.0
"""Largest Δm² [eV²] that cells are made for, as those of MiniBooNE."""

WIDTH = 0.01
"""Of a cell [km/GeV]: the phase changes by 2.5 at DM2_MAX."""

NARROW = 0.02
"""Relative spread of a cell's energies below which it is taken for of one energy: half of it at each of E ± σ would
change nothing, as neighbouring cells overlap it."""


class Samples(NamedTuple):
    """Nodes of an integral, each of shape (samples,)."""

    x: Float
    """L/E [km/GeV], not negative."""
    weight: Float
    """In any unit, not negative."""
    energy: Float
    """True energy [GeV]."""
    group: NDArray[np.int64] | None = None
    """Samples of different groups do not share cells."""


class Cells(NamedTuple):
    """What cells keep of their samples, each of shape (cells,)."""

    weight: Float
    mean: Float
    """Of L/E [km/GeV]."""
    variance: Float
    energy: Float
    """Mean [GeV]."""
    energy_spread: Float
    """Standard deviation [GeV]; 0 where it is below NARROW."""


def response(
    source: str,
    target: str,
    antineutrino: bool,
    bins: Sequence[Samples],
    total: Sequence[float],
    path_density: float,
    *,
    width: float = WIDTH,
    first_bin: int = 0,
) -> OscillationResponse:
    """Return the response of a channel.

    Parameters
    ----------
    source, target, antineutrino, path_density
        Of `OscillationResponse`.
    bins
        Samples of each bin.
    total
        What full transmutation gives in each bin, in the units of the experiment's signal.
    width
        Of the cells [km/GeV].
    first_bin
        Number of the first of these bins.
    """
    found = [cells(of, width) for of in bins]
    joined = Cells(*(np.concatenate(column) for column in zip(*found, strict=True)))
    scaled = [(of / math.fsum(one.weight.tolist())) * one.weight for one, of in zip(found, total, strict=True)]
    return OscillationResponse(
        source=source,
        target=target,
        antineutrino=antineutrino,
        bin=first_bin + np.repeat(np.arange(len(found)), [one.weight.size for one in found]),
        weight=np.concatenate(scaled),
        mean=joined.mean,
        variance=joined.variance,
        phase=OSCILLATION_PHASE,
        dm2_max=DM2_MAX,
        energy=joined.energy,
        energy_spread=joined.energy_spread,
        path_density=path_density,
    )


def cells(samples: Samples, width: float = WIDTH) -> Cells:
    """Return the cells of samples, those without weight left out.

    Parameters
    ----------
    samples
        Of one bin.
    width
        Of the intervals of L/E [km/GeV].
    """
    interval = (samples.x / width).astype(np.int64)
    key = interval if samples.group is None else samples.group * (int(interval.max()) + 1) + interval
    distance = samples.x - (interval + 0.5) * width
    shifted = samples.weight * distance
    # bincount adds in order: the same bits on every CPU.
    total = np.asarray(np.bincount(key, samples.weight), dtype=np.float64)
    filled = total > 0

    def mean(values: Float) -> Float:
        return np.asarray(np.divide(np.bincount(key, values), total, out=np.zeros(total.size), where=filled))

    centre = np.zeros(total.size)
    centre[key] = (interval + 0.5) * width
    shift, energy = mean(shifted), mean(samples.weight * samples.energy)
    away = samples.energy - energy[key]
    spread = np.sqrt(mean(samples.weight * away * away))
    found = Cells(
        weight=total,
        mean=centre + shift,
        variance=np.maximum(mean(shifted * distance) - shift * shift, 0.0),
        energy=energy,
        energy_spread=np.where(spread > NARROW * energy, spread, 0.0),
    )
    return Cells(*(column[filled] for column in found))


def midpoints(low: float, high: float, steps: int) -> Float:
    """Return the middles of equal steps from `low` to `high`."""
    return low + (high - low) * (np.arange(steps) + 0.5) / steps


def elementwise(function: Callable[[float], float], values: Float) -> Float:
    """Return a function of `math` at each value: numpy's own differ between CPUs in the last bit."""
    return np.array([function(value) for value in values.tolist()])
