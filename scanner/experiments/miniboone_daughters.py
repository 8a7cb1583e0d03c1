"""Neutrinos of MiniBooNE's beam that change their energy on the way, and what the detector sees of their daughters.

Daughters of any energy are seen as the released events of full transmutation say, which are those of the neutrinos of
the beam, divided by its flux: ν_e from neutrino mode, ν̄_e from antineutrino mode, and each in the other mode as well.
Parents are ν_μ and ν̄_μ of either beam, the wrong sign included, at the mean length of their energy (±13 m of 520).
The ν_μ of antineutrino mode are fewer than in the published flux, by what the released events have of them (0.72 at all
energies): MiniBooNE's own measurements had reduced them so (0.76 ± 0.11 in 1102.1964, from memory).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from scanner.experiments.miniboone_release import BINS, PROTONS
from scanner.experiments.tables import DATA, read_table
from scanner.signals.energy_transfer import Beam, Channel

Float = NDArray[np.float64]


def beams(modes: Sequence[str]) -> tuple[Beam, ...]:
    """Return the beam of a fit of one or of two modes (``fhc``, ``rhc``), whose bins follow one another."""
    table = read_table(DATA / "miniboone_daughters.txt")
    columns, wrong_sign = table.columns, float(str(table.header["wrong_sign"]))
    edges = np.append(columns["E_low"], columns["E_high"][-1])
    fluxes = {}
    for mode in modes:
        for kind in ("numu", "numubar"):
            scale = wrong_sign if (mode, kind) == ("rhc", "numu") else 1.0
            fluxes[mode, kind] = tuple(scale * of for of in _cells(mode, kind, edges))
    number = sum(of for of, _ in fluxes.values())
    energy = sum(of for _, of in fluxes.values()) / np.where(number > 0, number, 1.0)
    some = number > 0
    channels = []
    for i, mode in enumerate(modes):
        for target in ("nue", "nuebar"):
            events = np.zeros((edges.size - 1, BINS * len(modes)))
            for b in range(BINS):
                events[:, i * BINS + b] = columns[f"{target}_{b}"]
            for source in ("numu", "numubar"):
                opposite = (source == "numu") != (target == "nue")
                channels.append(Channel("mu", "e", opposite, fluxes[mode, source][0][some], events))
    return (Beam(energy[some], columns["length"][some], edges, tuple(channels)),)


def _cells(mode: str, kind: str, edges: Float) -> tuple[Float, ...]:
    """Neutrinos in each cell [1/cm²] of a flux of straight lines, and the sum of their energies [MeV/cm²]."""
    flux = read_table(DATA / f"flux_miniboone_{mode}.txt").columns
    points, values = 1e3 * flux["E"], 1e-3 * PROTONS[mode] * flux[kind]
    fine = np.union1d(edges, points)
    fine = fine[(fine >= max(edges[0], points[0])) & (fine <= min(edges[-1], points[-1]))]
    low, high, width = fine[:-1], fine[1:], np.diff(fine)
    at = np.interp(fine, points, values)
    left, right = at[:-1], at[1:]
    cell = np.searchsorted(edges, low, side="right") - 1
    number = np.bincount(cell, width * (left + right) / 2, edges.size - 1)
    moment = np.bincount(cell, width * (low * (2 * left + right) + high * (left + 2 * right)) / 6, edges.size - 1)
    return number.astype(np.float64), moment.astype(np.float64)
