"""What MiniBooNE makes of a photon, or of a pair that is seen as one ring: energy, angle, E_ν^QE and efficiency.

*Reconstruction.* The energy of each electron or photon is Gaussian about the true one, σ/E = 12 %/√E ⊕ 1 %, but not
below 0, and E_vis is that of both; the direction is off by an angle of which the Gaussian has σ = (2.7 - ln E)
degrees, at a random azimuth [E in GeV]; both as in 2308.02543. What is not below 0.14 GeV is seen with the efficiency
of a single photon or electron at E_vis; the geometry cuts on the fiducial volume, so that the released efficiency,
which is that of the whole tank, is divided by 0.55.

*One ring.* A pair is one ring if ((1 - cos)/2)² + (E_soft/E_vis)² < r_cut(E_vis)², for the energies and the angle
between the two as they are reconstructed. r_cut is from 2210.08021, for each 20 MeV a number with a statistical error
of some 10 % from 0.5 to 1.1 GeV and 30 % above. So it is averaged over energies, with a Gaussian weight of SMOOTHING
in ln E, and is constant beyond both ends, 0.14 and 1.28 GeV. An electron of which no energy is reconstructed keeps its
direction. Pairs are taken to be off in direction as one electron of their energy is: a Monte Carlo that follows both
agrees within its 1 to 2 %.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from scanner.experiments import miniboone_release
from scanner.experiments.booster import mesons
from scanner.experiments.fluxes import flux
from scanner.experiments.matter import nuclei
from scanner.experiments.tables import DATA, read_table
from scanner.experiments.upscattering_inputs import miniboone_efficiency
from scanner.physics.blurred_pairs import Blur, direction_error, energy_error, fill_one_ring
from scanner.physics.bundle import Bundle
from scanner.physics.detector import electron_energy
from scanner.physics.geometry import angle_nodes, decay_probability, length_nodes
from scanner.physics.kernel import INPUT, INPUT_CUBE, INPUT_MATRIX, kernel
from scanner.physics.particles import MASS
from scanner.physics.shapes import Cylinder, Sphere
from scanner.signals.dark_particle import DarkBeamResponse
from scanner.signals.upscattering_samples import Region, Selection, UpscatteringResponse
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
    2023,
    "2308.02543",
)

PROTONS = {**miniboone_release.PROTONS, "off_target": 1.86e20}
"""On target, and those that pass it by (1807.06137)."""

TANK, FIDUCIAL = Sphere((0.0, 0.0, 0.0), 6.1), Sphere((0.0, 0.0, 0.0), 5.0)
TANK_MASS = {"C12": 701.14, "H1": 116.86}
DIRT = Cylinder((0.0, 0.0, -13.2 - 474.0 / 2), "z", 10.3, 474.0 / 2)
"""Up to the detector hall [m]; as in 2308.02543."""
DIRT_MASS = {"Si28": 25959.0, "O16": 29667.0}
"""[t]."""

BLUR = Blur(0.12, 0.01, 2.7 * math.pi / 180, math.pi / 180)
"""Resolution of an electron or a photon."""
LEAST_ENERGY = 0.14
"""Visible [GeV]; 2006.16883."""
SMOOTHING = 0.1

ENERGIES, FIRST, LAST = 56, 0.05, 4.5
"""Nodes of the true energy [GeV]; nothing from outside is reconstructed within all cuts."""
RATIOS, ANGLES = 28, 33
"""Nodes of the square root of q/E, and of the angle."""
OFF, AROUND = 6, 6
"""Nodes for the angle that a direction is off by, up to three σ, and for its azimuth over half a turn."""
CELL, SMEARED = 0.01, 3.2
"""Width of cells for reconstructed energies, and their end [GeV]."""


class Window(NamedTuple):
    """What is counted in one bin."""

    neutrino: tuple[float, float] = (0.2, 1.25)
    """E_ν^QE [GeV]."""
    visible: tuple[float, float] = (LEAST_ENERGY, SMEARED)
    """E_vis [GeV]."""
    cosine: tuple[float, float] = (-1.0, 1.0)
    """Of the angle to the beam."""


@kernel(types.void(_f8, INPUT, _f8, _f8, _f8, _f8[::1]))
def _fill_reconstructed(energy, efficiency, cell, stochastic, constant, out):  # type: ignore[no-untyped-def]
    """Fill how probable it is to be seen with an energy in each cell; these are `cell` wide, from 0 [GeV]."""
    sigma = energy_error(energy, stochastic, constant)
    before = 0.5 * math.erf(-energy / (math.sqrt(2.0) * sigma))
    for i in range(out.size):
        after = 0.5 * math.erf(((i + 1) * cell - energy) / (math.sqrt(2.0) * sigma))
        out[i] = efficiency[i] * (after - before)
        before = after


@kernel(_f8(_f8, _f8, INPUT))
def _below(energy, cell, cumulative):  # type: ignore[no-untyped-def]
    """Look a cumulative distribution over cells up."""
    x = min(max(energy / cell, 0.0), cumulative.size - 1.0)
    i = min(int(x), cumulative.size - 2)
    return cumulative[i] + (x - i) * (cumulative[i + 1] - cumulative[i])


@kernel(types.void(INPUT, INPUT_CUBE, INPUT, INPUT_MATRIX, _f8, _f8, _f8, INPUT, _f8[:, :, :, ::1]))
def fill_response(  # type: ignore[no-untyped-def]
    energies, reconstructed, sines, windows, cell, angle, angle_slope, masses, out
):
    """Fill the probability to be counted in each bin.

    Parameters
    ----------
    energies, sines : float64[e], float64[t]
        True, and sin(θ/2).
    reconstructed : float64[e, kinds, cells]
        Probability to be seen with an energy in each cell, of each kind of event.
    windows : float64[bins, 6]
        The ends of a `Window`.
    cell : float
        Width of the cells, from 0 [GeV].
    angle, angle_slope : float
        Of a `Blur`.
    masses : float64[3]
        Of n, p, e [GeV].
    out : float64[e, kinds, t, bins]
    """
    out[:] = 0.0
    kinds, cells = reconstructed.shape[1], reconstructed.shape[2]
    cumulative = np.zeros((kinds, cells + 1))
    weights = np.array([math.exp(-4.5 * ((k + 0.5) / OFF) ** 2) for k in range(OFF)])
    weights /= weights.sum() * AROUND
    for e in range(energies.size):
        for i in range(cells):
            cumulative[:, i + 1] = cumulative[:, i] + reconstructed[e, :, i]
        width = direction_error(energies[e], angle, angle_slope)
        for t in range(sines.size):
            cosine = 1 - 2 * sines[t] * sines[t]
            sine = 2 * sines[t] * math.sqrt(max(1 - sines[t] * sines[t], 0.0))
            for k in range(OFF):
                turned = 3 * width * (k + 0.5) / OFF
                for f in range(AROUND):
                    sway = math.cos(math.pi * (f + 0.5) / AROUND)
                    c = cosine * math.cos(turned) + sine * math.sin(turned) * sway
                    for b in range(windows.shape[0]):
                        if not windows[b, 4] <= c <= windows[b, 5]:
                            continue
                        low = max(windows[b, 2], electron_energy(windows[b, 0], c, masses))
                        high = min(windows[b, 3], electron_energy(windows[b, 1], c, masses))
                        if not low < high:
                            continue
                        for x in range(kinds):
                            found = _below(high, cell, cumulative[x]) - _below(low, cell, cumulative[x])
                            out[e, x, t, b] += weights[k] * found


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


@functools.cache
def _reconstructed() -> tuple[Float, Float, Float]:
    """True energies, and what is seen of photons and of pairs: (energies, 1, cells), (energies, 2 · ratios, cells)."""
    step = math.log(LAST / FIRST) / (ENERGIES - 1)
    energies = np.array([FIRST * math.exp(i * step) for i in range(ENERGIES)])
    middles = [CELL * (i + 0.5) for i in range(round(SMEARED / CELL))]
    efficiency = miniboone_efficiency(np.array(middles))
    photons = np.empty((ENERGIES, 1, efficiency.size))
    for energy, row in zip(energies, photons, strict=True):
        _fill_reconstructed(energy, efficiency, CELL, *BLUR[:2], row[0])
    pairs = np.empty((2, ENERGIES, RATIOS, efficiency.size))
    fill_one_ring(MASS["e"], energies, one_ring(middles), CELL, *BLUR, 2 * MASS["e"], pairs)
    pairs *= efficiency
    return energies, photons, np.ascontiguousarray(pairs.swapaxes(0, 1).reshape(ENERGIES, 2 * RATIOS, -1))


@functools.cache
def selection(windows: tuple[Window, ...]) -> Selection:
    """Return what is counted in some bins."""
    energies, *seen = _reconstructed()
    sines = np.arange(ANGLES) / (ANGLES - 1)
    ends = np.array([[*one.neutrino, *one.visible, *one.cosine] for one in windows])
    masses, found = np.array([MASS["n"], MASS["p"], MASS["e"]]), []
    for reconstructed in seen:
        out = np.empty((ENERGIES, reconstructed.shape[1], ANGLES, len(windows)))
        fill_response(energies, reconstructed, sines, ends, CELL, *BLUR[2:], masses, out)
        found.append(out)
    photons = np.ascontiguousarray(found[0][:, 0])
    parts = found[1].reshape(ENERGIES, 2, RATIOS, ANGLES, len(windows))
    pairs = np.ascontiguousarray(parts.swapaxes(0, 1))
    return Selection(FIRST, LAST, 1.0, {"e_e": pairs, "gamma_gamma": pairs, "gamma": photons})


@functools.cache
def regions() -> tuple[Region, ...]:
    """Return the tank and the dirt before it."""
    lengths = length_nodes(2.0, 500.0)
    angles = angle_nodes()
    return tuple(
        Region(nuclei(masses), decay_probability(shape, FIDUCIAL, angles, lengths))
        for shape, masses in ((TANK, TANK_MASS), (DIRT, DIRT_MASS))
    )


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
        selection=selection(tuple(windows)),
        first_bin=first_bin,
        shortest=1.0,
        longest=500.0,
    )


def dark_sample(beam: str, windows: Sequence[Window], first_bin: int = 0) -> DarkBeamResponse:
    """Return what is counted of dark particles from the mesons of a beam.

    Parameters
    ----------
    beam
        ``fhc``, ``rhc`` or ``off_target``.
    windows, first_bin
        As for `sample`.
    """
    return DarkBeamResponse(
        name=beam,
        regions=regions(),
        selection=selection(tuple(windows)),
        mesons=functools.partial(_exposed, beam),
        first_bin=first_bin,
    )


@functools.cache
def _exposed(beam: str) -> Mapping[str, Bundle]:
    """Mesons of a whole exposure."""
    return {name: one._replace(number=PROTONS[beam] * one.number) for name, one in mesons(beam).items()}
