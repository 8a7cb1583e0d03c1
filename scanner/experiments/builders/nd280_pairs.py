"""Build ND280's table of the mass that e⁺e⁻ pairs in FGD1 are reconstructed with, from how it smears electrons.

Usage::

    python -m scanner.experiments.builders.nd280_pairs [-o FOLDER]

Writes ``nd280_pairs.txt`` from the tables ``nd280_smearing_*.txt`` that ship. Momentum and angle to the beam of both
electrons are smeared, each by itself, and the mass is that of massless electrons, as the authors of 2205.12273 do; a
true bin without a simulated electron, and all above the matrices, is not smeared. Pairs decay isotropically; one of
energy E is at an angle of 0.1 GeV/E to the beam, that of a typical momentum transfer, 0.6 rad at most. The average
over all that is a quasi-Monte Carlo sum over a Kronecker sequence: its error is 1 % of the largest probability.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scanner.experiments.builders.command import run
from scanner.experiments.tables import write_table
from scanner.experiments.upscattering_inputs import Smearing, nd280_smearing
from scanner.physics.particles import MASS

Float = NDArray[np.float64]

POINTS = 8192
EDGES = (0.0, 0.01, 0.02, 0.03, 0.04, 0.06, 0.08, 0.12, 0.19)
"""Lower edges of the bins of the reconstructed mass [GeV]: those of the published figure, some taken together."""
MASSES = (0, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 60, 70, 80, 90, 100, 120, 140, 170, 200, 250, 300, 400)
"""Nodes of the true mass [MeV]."""
ENERGY_MIN, ENERGY_MAX, ENERGIES = 0.03, 4.0, 15
"""Nodes of the energy of the pair [GeV], uniform in its logarithm."""
TRANSFER, WIDEST = 0.1, 0.6
"""[GeV] and [rad]: of the angle of pairs to the beam."""


def build(folder: Path) -> None:
    """Write the table.

    Parameters
    ----------
    folder
        Where to write.
    """
    momentum, angle = nd280_smearing("momentum"), nd280_smearing("angle")
    random = _sequence(10)
    energies = np.geomspace(ENERGY_MIN, ENERGY_MAX, ENERGIES)
    rows = [(q, E, *_bins(q / 1000, E, momentum, angle, random)) for q in MASSES for E in energies]
    values = np.array(rows).T
    columns = {"mass": ("MeV", "%d", values[0]), "energy": ("GeV", "%.6g", values[1])}
    for i, edge in enumerate(EDGES):
        columns[f"from_{1000 * edge:.0f}"] = ("1", "%.4f", values[2 + i])
    header = {
        "title": "ND280: probability that an e+ e- pair in FGD1 is reconstructed with a mass from that of a column on",
        "source": "simulated electrons, inputs of arXiv:2205.12273",
        "release_date": "2022-05",
        "builder": "scanner.experiments.builders.nd280_pairs",
        "note": "by true mass and energy of the pair; columns from_x: from x MeV to the next, the last holds all above",
    }
    write_table(folder / "nd280_pairs.txt", header, columns)


def _bins(q: float, E: float, momentum: Smearing, angle: Smearing, random: Float) -> Float:
    """Probabilities of the bins of the reconstructed mass for a pair of mass q and energy E [GeV]."""
    q = min(max(q, 2 * MASS["e"]), E)
    electrons = _electrons(q, E, random)
    p, theta = [], []
    for i, vector in enumerate(electrons):
        size = np.sqrt((vector**2).sum(axis=0))
        p.append(_smeared(size, momentum, random[2 + i], random[4 + i]))
        theta.append(_smeared(np.arccos(vector[2] / size), angle, random[6 + i], random[8 + i]))
    turn = np.arctan2(electrons[0][1], electrons[0][0]) - np.arctan2(electrons[1][1], electrons[1][0])
    cosine = np.cos(theta[0]) * np.cos(theta[1]) + np.sin(theta[0]) * np.sin(theta[1]) * np.cos(turn)
    mass = np.sqrt(np.maximum(2 * p[0] * p[1] * (1 - cosine), 0.0))
    counts = np.bincount(np.searchsorted(EDGES, mass, side="right") - 1, minlength=len(EDGES))
    found: Float = counts / mass.size
    return found


def _electrons(q: float, E: float, random: Float) -> tuple[Float, Float]:
    """Momenta of the two [GeV], each of shape (3, points)."""
    flight = math.sqrt(max(E * E - q * q, 0.0))
    rest = math.sqrt(max(q * q / 4 - MASS["e"] ** 2, 0.0))
    c, phi = 2 * random[0] - 1, 2 * math.pi * random[1]
    across = rest * np.sqrt(1 - c * c)
    tilt = min(TRANSFER / E, WIDEST)
    found = []
    for sign in (1.0, -1.0):
        along = 0.5 * flight + sign * rest * c * E / q
        x, y = sign * across * np.cos(phi), sign * across * np.sin(phi)
        found.append(
            np.array(
                [x * math.cos(tilt) + along * math.sin(tilt), y, along * math.cos(tilt) - x * math.sin(tilt)],
            )
        )
    return found[0], found[1]


def _smeared(true: Float, smearing: Smearing, pick: Float, within: Float) -> Float:
    """Values reconstructed for true ones, from two sets of numbers between 0 and 1."""
    row = np.searchsorted(smearing.true, true, side="right") - 1
    inside = (row < smearing.probability.shape[0]) & (row >= 0)
    row = np.where(inside, row, 0)
    total = smearing.probability[row].cumsum(axis=1)
    column = np.minimum((total < pick[:, None]).sum(axis=1), smearing.probability.shape[1] - 1)
    low, high = smearing.reconstructed[column], smearing.reconstructed[column + 1]
    known = inside & (total[:, -1] > 0)
    return np.where(known, low + within * (high - low), true)


def _sequence(dimensions: int) -> Float:
    """A Kronecker sequence, shape (dimensions, POINTS): multiples of powers of the generalised golden ratio."""
    ratio = 2.0
    for _ in range(64):
        ratio = math.pow(1 + ratio, 1 / (dimensions + 1))
    steps = np.array([math.pow(ratio, -(i + 1)) for i in range(dimensions)])
    return np.array((0.5 + steps[:, None] * np.arange(1, POINTS + 1)) % 1, dtype=np.float64)


if __name__ == "__main__":
    run(__doc__, build)
