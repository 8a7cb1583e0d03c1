"""ν̄_μ from μ⁺ at rest, turned into ν̄_e and seen by inverse beta decay: what LSND and KARMEN have in common."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from scanner.experiments.oscillation_cells import Samples, midpoints
from scanner.physics.inverse_beta_decay import THRESHOLD, differential_cross_section, positron_range
from scanner.physics.kernel import INPUT, INPUT_MATRIX, kernel
from scanner.physics.particles import MASS
from scanner.physics.phase_space import gauss_legendre
from scanner.signals.muon_decay import MuonDecayResponse
from scanner.vocabulary import Reference

Float = NDArray[np.float64]

END = 1e3 * MASS["mu"] / 2
"""Largest energy of the ν̄_μ [MeV], masses of positron and neutrinos neglected."""

_ENERGIES, _POSITRONS = 400, 6

CELLS = 50
"""Of the energy of neutrinos, in each bin, where it alone matters."""

REFERENCE_IBD = Reference(
    "Strumia:2003zx",
    "Strumia, Alessandro and Vissani, Francesco",
    "Precise quasielastic neutrino/nucleon cross-section",
    2003,
    "astro-ph/0302055",
    "10.1016/S0370-2693(03)00616-6",
    "Phys. Lett. B 564 (2003) 42",
)


class Events(NamedTuple):
    """Samples of inverse beta decays of fully transmuted ν̄_μ, each of shape (samples,)."""

    energy: Float
    """Of the neutrino [MeV]."""
    positron: Float
    """Total energy of the positron [MeV]."""
    weight: Float
    """In any unit."""


def muon_antineutrino_spectrum(energy: Float) -> Float:
    """Return the spectrum of ν̄_μ per MeV, 2x²(3 − 2x)/E_max with x = E/E_max [MeV]."""
    x = energy / END
    return np.where(x < 1, 2 * x * x * (3 - 2 * x) / END, 0.0)


def events() -> Events:
    """Return samples over the energies of neutrino and positron, of equal steps in the former."""
    nodes, weights = gauss_legendre(_POSITRONS)
    energy = midpoints(1e3 * THRESHOLD, END, _ENERGIES)
    low, high = np.array([positron_range(1e-3 * e) for e in energy.tolist()]).T * 1e3
    positron = low[:, None] + 0.5 * (high - low)[:, None] * (1 + nodes)
    sigma = differential_cross_section(1e-3 * energy[:, None], 1e-3 * positron)
    weight = (muon_antineutrino_spectrum(energy) * (high - low))[:, None] * weights * sigma
    return Events(np.repeat(energy, _POSITRONS), positron.ravel(), weight.ravel())


def bin_samples(found: Events, baseline: Float, low: Float, high: Float, sigma: Float) -> Sequence[Samples]:
    """Return the samples of each bin.

    Parameters
    ----------
    found
        Samples of events.
    baseline
        Equally likely but for the flux, which falls as 1/L² [m], shape (baselines,).
    low, high
        Between what a bin has the positron's measured energy [MeV], shape (bins, baselines) or (bins, baselines,
        samples); `high` below `low` is none.
    sigma
        Standard deviation of the measured energy [MeV], shape (samples,).
    """
    shape = baseline.size, found.energy.size
    x = (baseline[:, None] / found.energy).ravel()
    energy = 1e-3 * np.tile(found.energy, baseline.size)
    flux = np.broadcast_to(found.weight / (baseline * baseline)[:, None], shape)
    bins = []
    for bottom, top in zip(low, high, strict=True):
        chance = np.empty(shape)
        _chances(*(_spread(edge, shape) for edge in (bottom, top)), found.positron, sigma, chance)
        bins.append(Samples(x, (flux * chance).ravel(), energy))
    return bins


def muon_decays(bins: Sequence[Samples], total: Sequence[float]) -> MuonDecayResponse:
    """Return the response to ν̄_e that muons make without oscillation, of what `bin_samples` returned.

    Parameters
    ----------
    bins
        Samples of each bin.
    total
        Events of full transmutation in each bin.
    """
    x = events().energy / END
    cell = np.minimum((x * CELLS).astype(np.int64), CELLS - 1)
    weights, means = np.zeros((len(total), CELLS)), np.zeros((len(total), CELLS))
    for b, (of, samples) in enumerate(zip(total, bins, strict=True)):
        found = samples.weight.reshape(-1, x.size).sum(axis=0)
        weights[b] = np.bincount(cell, found, CELLS)
        means[b] = np.bincount(cell, found * x, CELLS) / np.where(weights[b] > 0, weights[b], 1.0)
        weights[b] *= of / math.fsum(weights[b])
    full = weights > 0
    return MuonDecayResponse(np.nonzero(full)[0].astype(np.int64), weights[full], means[full])


def _spread(edge: Float, shape: tuple[int, int]) -> Float:
    return np.ascontiguousarray(np.broadcast_to(edge if edge.ndim == 2 else edge[:, None], shape))


@kernel(types.void(INPUT_MATRIX, INPUT_MATRIX, INPUT, INPUT, types.float64[:, ::1]))
def _chances(low, high, true, sigma, out):  # type: ignore[no-untyped-def]
    """Chance that a Gaussian about each true value falls between the edges."""
    for i in range(out.shape[0]):
        for k in range(out.shape[1]):
            scale = 1 / (math.sqrt(2.0) * sigma[k])
            below, above = (low[i, k] - true[k]) * scale, (high[i, k] - true[k]) * scale
            out[i, k] = 0.5 * (math.erf(above) - math.erf(below)) if above > below else 0.0
