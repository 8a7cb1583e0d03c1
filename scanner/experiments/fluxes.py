"""Fluxes of neutrinos at the detectors where upscattering is looked for."""

from __future__ import annotations

import difflib
import functools
import math

import numpy as np
from numpy.typing import NDArray

from scanner.errors import InputError
from scanner.experiments.fermilab import MINIBOONE_FLUX
from scanner.experiments.tables import DATA, read_table
from scanner.signals.upscattering_samples import Flux
from scanner.vocabulary import Reference

Float = NDArray[np.float64]

WIDTH = 0.03
"""Of a node relative to its energy, where that is high."""

LINEAR = 0.3
"""[GeV]: nodes far below this energy are all ``WIDTH * LINEAR`` wide."""

_T2K_FLUX = Reference(
    "T2K:2012bge",
    "Abe, K. and others (T2K)",
    "T2K neutrino flux prediction",
    2013,
    "1211.0469",
    "10.1103/PhysRevD.87.012001",
    "Phys. Rev. D 87 (2013) 012001",
)
_NUMI_FLUX = Reference(
    "MINERvA:2016iqn",
    "Aliaga, L. and others (MINERvA)",
    "Neutrino Flux Predictions for the NuMI Beam",
    2016,
    "1607.00704",
    "10.1103/PhysRevD.94.092005",
    "Phys. Rev. D 94 (2016) 092005",
)
_DUNE_FLUX = Reference(
    "DUNE:2021cuw",
    "Abi, B. and others (DUNE)",
    "Experiment Simulation Configurations Approximating DUNE TDR",
    2021,
    "2103.04797",
)
_ATMOSPHERIC = Reference(
    "Honda:2015fha",
    "Honda, M. and Sajjad Athar, M. and Kajita, T. and Kasahara, K. and Midorikawa, S.",
    "Atmospheric neutrino flux calculation using the NRLMSISE-00 atmospheric model",
    2015,
    "1502.03916",
    "10.1103/PhysRevD.92.023004",
    "Phys. Rev. D 92 (2015) 023004",
)

BEAMS = {
    "miniboone_fhc": (MINIBOONE_FLUX,),
    "miniboone_rhc": (MINIBOONE_FLUX,),
    "microboone": (MINIBOONE_FLUX,),
    "sbnd": (MINIBOONE_FLUX,),
    "nd280_fhc": (_T2K_FLUX,),
    "nd280_rhc": (_T2K_FLUX,),
    "numi_le_fhc": (_NUMI_FLUX,),
    "numi_me_fhc": (_NUMI_FLUX,),
    "numi_me_rhc": (_NUMI_FLUX,),
    "charmii_fhc": (),
    "charmii_rhc": (),
    "nova_fhc": (),
    "dune_nd_fhc": (_DUNE_FLUX,),
    "dune_nd_rhc": (_DUNE_FLUX,),
    "nutev_fhc": (),
    "atmospheric": (_ATMOSPHERIC,),
}
"""Beams and the atmosphere, and what to cite for each; the tables' headers say where the numbers come from."""

_PAIRS = (("nue", "nuebar"), ("numu", "numubar"), ("nutau", "nutaubar"))


def flux(beam: str, exposure: float, scale: float = 1.0) -> Flux:
    """Return the neutrinos that pass through a detector: ν and ν̄ together, which upscatter alike.

    The table's points are joined by straight lines. That curve is cut into cells, uniform in asinh(E/LINEAR); a node
    holds the exact integral of each flavour over its cell, and stands at the mean energy of all neutrinos in it.
    A quantity that varies smoothly over cells is thus integrated with an error of second order in WIDTH.

    Parameters
    ----------
    beam
        One of BEAMS.
    exposure
        Protons on target; of the atmospheric flux, from all sides, seconds.
    scale
        Multiplies the flux, such as the square of the ratio of two distances from the source.

    Returns
    -------
    Flux
        Nodes where there are neutrinos.

    Raises
    ------
    InputError
        For an unknown beam, or an exposure or scale that is not positive.
    """
    for name, value in (("exposure", exposure), ("scale", scale)):
        if not (value > 0 and math.isfinite(value)):
            raise InputError(name, "must be a positive number", value)
    energy, integrals = _cells(*curve(beam))
    return Flux(energy, exposure * scale * integrals)


@functools.cache
def curve(beam: str) -> tuple[Float, Float]:
    """Return the points of a beam's spectrum.

    Returns
    -------
    energy
        [GeV], shape (n,).
    flux
        ν and ν̄ of e, μ, τ [1/(cm² GeV) per proton on target, or per second], shape (3, n).
    """
    if beam not in BEAMS:
        close = difflib.get_close_matches(beam, BEAMS, n=1)
        hint = f"did you mean {close[0]}?" if close else None
        raise InputError("beam", "is not one of the fluxes", beam, ", ".join(BEAMS), hint)
    columns = read_table(DATA / f"flux_{beam}.txt").columns
    return columns["E"], np.array([columns[nu] + columns[antinu] for nu, antinu in _PAIRS])


def _cells(energy: Float, values: Float) -> tuple[Float, Float]:
    """Mean energies, shape (cells,), and integrals, shape (3, cells), of lines through points; empty cells left out."""
    edges = _edges(float(energy[0]), float(energy[-1]))
    fine = np.union1d(edges, energy)
    low, high, width = fine[:-1], fine[1:], np.diff(fine)
    cell = np.clip(np.searchsorted(edges, low, side="right") - 1, 0, edges.size - 2)
    integrals, moment = np.zeros((3, edges.size - 1)), np.zeros(edges.size - 1)
    for flavour, of in enumerate(values):
        at = np.interp(fine, energy, of)
        left, right = at[:-1], at[1:]
        integrals[flavour] = np.bincount(cell, width * (left + right) / 2, edges.size - 1)
        first = width * (low * (2 * left + right) + high * (left + 2 * right)) / 6
        moment += np.bincount(cell, first, edges.size - 1)
    total = integrals[0] + integrals[1] + integrals[2]
    full = total > 0
    return moment[full] / total[full], np.ascontiguousarray(integrals[:, full])


def _edges(first: float, last: float) -> Float:
    low, high = math.asinh(first / LINEAR), math.asinh(last / LINEAR)
    cells = max(1, math.ceil((high - low) / WIDTH))
    inner = [LINEAR * math.sinh(low + (high - low) * i / cells) for i in range(1, cells)]
    return np.array([first, *inner, last])
