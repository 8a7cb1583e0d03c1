"""What MiniBooNE makes of a photon, or of a pair that is seen as one ring: energy, angle, E_ν^QE and efficiency.

*Reconstruction.* E_vis is Gaussian about the true energy, σ/E = 12 %/√E ⊕ 1 %; the direction is off by an angle of
which the Gaussian has σ = (2.7 - ln E) degrees, at a random azimuth [E in GeV]; both as in 2308.02543. What is not below
0.14 GeV is seen with the efficiency of a single photon or electron at the reconstructed energy; the geometry cuts on
the fiducial volume, so that the released efficiency, which is that of the whole tank, is divided by 0.55.

*E_ν^QE* is that of ν_e n → e p, without binding energy, as the electron's mass is nothing beside its energy.

*One ring.* The radius of 2210.08021, found by scattering π⁰ → γγ over the paper's background, is a number with a
statistical error for each 20 MeV, some 10 % from 0.5 to 1.1 GeV and 30 % above. So it is averaged over energies, with a
Gaussian weight of SMOOTHING in ln E, and is constant beyond both ends, 0.14 and 1.28 GeV. It is asked for at the true
energies of the two.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from scanner.experiments.fluxes import flux
from scanner.experiments.tables import DATA, read_table
from scanner.experiments.upscattering_inputs import miniboone_efficiency
from scanner.physics.form_factors import nuclide
from scanner.physics.geometry import angle_nodes, decay_probability, length_nodes
from scanner.physics.kernel import INPUT, INPUT_MATRIX, kernel
from scanner.physics.particles import MASS
from scanner.physics.shapes import Cylinder, Sphere
from scanner.signals.upscattering_samples import PairRule, Region, Selection, UpscatteringResponse
from scanner.vocabulary import Reference

Float = NDArray[np.float64]
_f8 = types.float64

ONE_RING = Reference(
    "Kelly:2022uaa",
    "Kelly, Kevin J. and Kopp, Joachim",
    "More Ingredients for an Altarelli Cocktail at MiniBooNE",
    2023,
    "2210.08021",
)
PANORAMA = Reference(
    "Abdullahi:2023ejc",
    "Abdullahi, Asli M. and Hoefken Zink, Jaime and Hostert, Matheus and Massaro, Daniele and Pascoli, Silvia",
    "A panorama of new-physics explanations to the MiniBooNE excess",
    2024,
    "2308.02543",
)

PROTONS = {"fhc": 18.75e20, "rhc": 11.27e20}
"""On target; 2006.16883."""

TANK, FIDUCIAL = Sphere((0.0, 0.0, 0.0), 6.1), Sphere((0.0, 0.0, 0.0), 5.0)
TANK_MASS = {"C12": 701.14, "H1": 116.86}
DIRT = Cylinder((0.0, 0.0, -13.2 - 474.0 / 2), "z", 10.3, 474.0 / 2)
"""Up to the detector hall [m]; as in 2308.02543."""
DIRT_MASS = {"Si28": 25959.0, "O16": 29667.0}
"""[t]."""
GEV_PER_TONNE = 5.6095886e29

LEAST_ENERGY = 0.14
"""Visible [GeV]; 2006.16883."""
SMOOTHING = 0.1

ENERGIES, FIRST, LAST = 80, 0.05, 4.5
"""Nodes of the true energy [GeV]; nothing from outside is reconstructed within all cuts."""
ANGLES = 49
OFF, AROUND = 8, 8
"""Nodes for the angle that a direction is off by, up to three σ, and for its azimuth over half a turn."""
FINE, SMEARED = 0.004, 3.2
"""Step and end of reconstructed energies [GeV]."""


class Window(NamedTuple):
    """What is counted in one bin."""

    neutrino: tuple[float, float] = (0.2, 1.25)
    """E_ν^QE [GeV]."""
    visible: tuple[float, float] = (LEAST_ENERGY, SMEARED)
    """E_vis [GeV]."""
    cosine: tuple[float, float] = (-1.0, 1.0)
    """Of the angle to the beam."""


@kernel(_f8(_f8, _f8, _f8, _f8, _f8))
def visible_energy(neutrino, cosine, m_n, m_p, m_e):  # type: ignore[no-untyped-def]
    """E_vis at which E_ν^QE has a value, at a cosine of the angle to the beam [GeV]."""
    return (m_n * neutrino + 0.5 * (m_n * m_n + m_e * m_e - m_p * m_p)) / (m_n + neutrino * (1 - cosine))


@kernel(types.void(_f8, INPUT, _f8, _f8[::1]))
def _fill_reconstructed(energy, efficiency, step, out):  # type: ignore[no-untyped-def]
    """Fill how probable it is to be seen below each of the reconstructed energies, which are `step` apart from 0."""
    sigma = energy * math.sqrt(0.0144 / energy + 1e-4)
    before, out[0] = efficiency[0] * math.exp(-0.5 * (energy / sigma) ** 2), 0.0
    for i in range(1, out.size):
        middle = (i - 0.5) * step
        here = efficiency[i] * math.exp(-0.5 * ((i * step - energy) / sigma) ** 2)
        between = 0.5 * (efficiency[i - 1] + efficiency[i]) * math.exp(-0.5 * ((middle - energy) / sigma) ** 2)
        out[i] = out[i - 1] + step / 6 * (before + 4 * between + here) / (math.sqrt(2 * math.pi) * sigma)
        before = here


@kernel(_f8(_f8, _f8, _f8[::1]))
def _below(energy, step, cumulative):  # type: ignore[no-untyped-def]
    """Look `_fill_reconstructed` up."""
    x = min(max(energy / step, 0.0), cumulative.size - 1.0)
    i = min(int(x), cumulative.size - 2)
    return cumulative[i] + (x - i) * (cumulative[i + 1] - cumulative[i])


@kernel(types.void(INPUT, INPUT, INPUT_MATRIX, INPUT, _f8, _f8, _f8, _f8, types.int64, types.int64, _f8[:, :, ::1]))
def fill_response(energies, sines, windows, efficiency, step, m_n, m_p, m_e, off, around, out):  # type: ignore[no-untyped-def]
    """Fill the probability to be counted in each bin.

    Parameters
    ----------
    energies, sines : float64[e], float64[t]
        True, and sin(θ/2).
    windows : float64[bins, 6]
        The ends of a `Window`.
    efficiency : float64[n]
        At reconstructed energies.
    step : float
        Of these, from 0 [GeV].
    m_n, m_p, m_e : float
        Masses [GeV].
    off, around : int
        Nodes of the smearing of the direction.
    out : float64[e, t, bins]
    """
    out[:] = 0.0
    cumulative = np.empty(efficiency.size)
    weights = np.array([math.exp(-4.5 * ((k + 0.5) / off) ** 2) for k in range(off)])
    weights /= weights.sum() * around
    for e in range(energies.size):
        _fill_reconstructed(energies[e], efficiency, step, cumulative)
        width = math.pi / 180 * max(2.7 - math.log(energies[e]), 0.0)
        for t in range(sines.size):
            cosine = 1 - 2 * sines[t] * sines[t]
            sine = 2 * sines[t] * math.sqrt(max(1 - sines[t] * sines[t], 0.0))
            for k in range(off):
                turned = 3 * width * (k + 0.5) / off
                for f in range(around):
                    sway = math.cos(math.pi * (f + 0.5) / around)
                    c = cosine * math.cos(turned) + sine * math.sin(turned) * sway
                    for b in range(windows.shape[0]):
                        if not windows[b, 4] <= c <= windows[b, 5]:
                            continue
                        low = max(windows[b, 2], visible_energy(windows[b, 0], c, m_n, m_p, m_e))
                        high = min(windows[b, 3], visible_energy(windows[b, 1], c, m_n, m_p, m_e))
                        if low < high:
                            found = _below(high, step, cumulative) - _below(low, step, cumulative)
                            out[e, t, b] += weights[k] * found


def one_ring(energies: Sequence[float]) -> Float:
    """Return the radius below which a pair is one ring, at energies [GeV]."""
    table = read_table(DATA / "miniboone_one_ring.txt").columns
    logs = [0.5 * math.log(low * high) for low, high in zip(table["E_low"], table["E_high"], strict=True)]
    found = []
    for energy in energies:
        at = min(max(math.log(energy), logs[0]), logs[-1])
        weights = [math.exp(-0.5 * ((x - at) / SMOOTHING) ** 2) for x in logs]
        summed = math.fsum(w * r for w, r in zip(weights, table["r_cut"], strict=True))
        found.append(summed / math.fsum(weights))
    return np.array(found)


def selection(windows: Sequence[Window]) -> Selection:
    """Return what is counted in some bins."""
    step = math.log(LAST / FIRST) / (ENERGIES - 1)
    energies = np.array([FIRST * math.exp(i * step) for i in range(ENERGIES)])
    sines = np.arange(ANGLES) / (ANGLES - 1)
    response = np.empty((ENERGIES, ANGLES, len(windows)))
    ends = np.array([[*one.neutrino, *one.visible, *one.cosine] for one in windows])
    efficiency = miniboone_efficiency(FINE * np.arange(round(SMEARED / FINE) + 1))
    fill_response(energies, sines, ends, efficiency, FINE, MASS["n"], MASS["p"], MASS["e"], OFF, AROUND, response)
    every = dict.fromkeys(("e_e", "gamma_gamma", "gamma"), response)
    return Selection(FIRST, LAST, 1.0, every, PairRule(r_cut=one_ring(energies)))


def regions() -> tuple[Region, ...]:
    """Return the tank and the dirt before it."""
    lengths = length_nodes(2.0, 500.0)
    angles = angle_nodes()
    return tuple(
        Region(_nuclei(masses), decay_probability(shape, FIDUCIAL, angles, lengths))
        for shape, masses in ((TANK, TANK_MASS), (DIRT, DIRT_MASS))
    )


def _nuclei(masses: dict[str, float]) -> dict[str, float]:
    return {name: tonnes * GEV_PER_TONNE / nuclide(name).mass for name, tonnes in masses.items()}


def sample(beam: str, windows: Sequence[Window], first_bin: int = 0) -> UpscatteringResponse:
    """Return what is counted of a beam.

    Parameters
    ----------
    beam
        ``fhc`` or ``rhc``.
    windows
        Its bins.
    first_bin
        Of the experiment, that the first one is.
    """
    return UpscatteringResponse(
        name=beam,
        flux=flux(f"miniboone_{beam}", PROTONS[beam]),
        regions=regions(),
        selection=selection(windows),
        first_bin=first_bin,
        shortest=1.0,
        longest=500.0,
    )
