"""Templates of oscillation experiments, written out independently of the kernel."""

from __future__ import annotations

import numpy as np

from scanner import registry
from scanner.signals.oscillation import OscillationResponse


def response(experiment: str) -> OscillationResponse:
    """The only channel of an experiment."""
    (channel,) = registry.experiment(experiment).signals["oscillation"]
    return channel


def averaged(experiment: str, dm2: float) -> np.ndarray:
    """Σ weight ⟨sin²⟩ in each signal bin, by the second cumulant of each cell."""
    found = np.zeros(registry.experiment(experiment).signal_bins.size)
    for cells in registry.experiment(experiment).signals["oscillation"]:
        k = 2 * cells.phase * dm2
        sine = 0.5 * (1 - np.cos(k * cells.mean) * np.exp(-0.5 * k**2 * cells.variance))
        found += np.bincount(cells.bin, cells.weight * sine, found.size)
    return found


def chi2(experiment: str, signal: np.ndarray) -> np.ndarray:
    """−2 ln L of an experiment at signals, (points, bins)."""
    signals = np.ascontiguousarray(np.atleast_2d(signal), dtype=float)
    value, gof = np.empty((2, len(signals)))
    registry.experiment(experiment).likelihood(signals, value, gof)
    return value
