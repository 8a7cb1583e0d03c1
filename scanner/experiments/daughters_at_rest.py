"""Neutrinos of pions and muons that decay at rest, which change their energy on the way to a detector of ν̄_e.

Parents are, for each π⁺ → μ⁺: the ν̄_μ and the ν_e of the muon, of up to 52.8 MeV, and, where a search does not cut it
away by time, the ν_μ of the pion, all of 29.8 MeV. A daughter ν̄_e is seen by inverse beta decay as one of full
transmutation of the same energy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from scanner.experiments.decay_at_rest import END, events, muon_antineutrino_spectrum
from scanner.experiments.oscillation_cells import Samples, midpoints
from scanner.physics.particles import MASS
from scanner.signals.energy_transfer import Beam, Channel

Float = NDArray[np.float64]

LINE = 1e3 * (MASS["pi"] ** 2 - MASS["mu"] ** 2) / (2 * MASS["pi"])
"""Energy of the ν_μ of π⁺ at rest [MeV]."""

CELLS = 53
"""Of energy, up to the end of the muon's spectra: 1 MeV each."""


def beams(
    bins: Sequence[Samples],
    total: Sequence[float],
    baselines: tuple[float, float],
    *,
    zones: int,
    prompt: bool,
) -> tuple[Beam, ...]:
    """Return what a detector sees of neutrinos of pions and muons at rest, one beam a zone of its length.

    Parameters
    ----------
    bins
        What `decay_at_rest.bin_samples` returned.
    total
        Signal of full transmutation in each bin.
    baselines
        Ends of the detector [m], between which the baselines of `bins` are midpoints.
    zones
        Into how many the detector is cut, each at its mean distance: a divisor of the number of baselines.
    prompt
        Whether the ν_μ of pions are in the time window.
    """
    samples = events().energy
    steps = bins[0].weight.size // samples.size
    length = midpoints(*baselines, steps).reshape(zones, -1)
    edges = END * np.arange(CELLS + 1) / CELLS
    cell = np.minimum((samples / edges[1]).astype(np.int64), CELLS - 1)
    once = np.unique(samples)
    spectrum = muon_antineutrino_spectrum(once) * (once[1] - once[0])
    made = np.bincount(np.minimum((once / edges[1]).astype(np.int64), CELLS - 1), spectrum, CELLS)
    seen = np.zeros((zones, CELLS, len(total)))
    for b, (of, found) in enumerate(zip(total, bins, strict=True)):
        scaled = found.weight * (of / math.fsum(found.weight.tolist()))
        for zone, part in enumerate(scaled.reshape(zones, -1, samples.size)):
            seen[zone, :, b] = np.bincount(cell, part.sum(axis=0), CELLS)
    response = np.divide(seen, made[:, None], out=np.zeros_like(seen), where=made[:, None] > 0)
    energy, fluxes = _parents(edges, prompt)
    return tuple(_beam(energy, fluxes, float(of.mean()), edges, r) for of, r in zip(length, response, strict=True))


def _beam(energy: Float, fluxes: Sequence[Float], length: float, edges: Float, response: Float) -> Beam:
    kinds = (("mu", False), ("e", True), ("mu", True))
    channels = [Channel(of, "e", opposite, flux, response) for (of, opposite), flux in zip(kinds, fluxes, strict=False)]
    return Beam(energy, np.full(energy.size, length), edges, tuple(channels))


def _parents(edges: Float, prompt: bool) -> tuple[Float, list[Float]]:
    """Energies of the cells of parents, and ν̄_μ, ν_e and ν_μ in each, for one π⁺; the last cell is the pion's."""
    x = edges / END
    # ∫ 2x²(3 − 2x), ∫ 12x²(1 − x), and the same times x.
    antimuon, electron = np.diff(2 * x**3 - x**4), np.diff(4 * x**3 - 3 * x**4)
    moment = np.diff(1.5 * x**4 - 0.8 * x**5) + np.diff(3 * x**4 - 2.4 * x**5)
    energy = END * moment / (antimuon + electron)
    fluxes = [np.append(of, 0.0) for of in (antimuon, electron)]
    if prompt:
        fluxes.append(np.append(np.zeros(CELLS), 1.0))
    return np.append(energy, LINE), fluxes
