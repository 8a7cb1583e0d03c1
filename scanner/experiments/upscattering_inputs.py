"""What detectors do to electrons and photons, read from the tables that experiments of upscattering share."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanner.errors import InputError
from scanner.experiments.tables import DATA, read_table

Float = NDArray[np.float64]

FIDUCIAL = 0.55
"""Part of MiniBooNE's tank that is fiducial, which the released efficiency counts as inefficiency."""


class Smearing(NamedTuple):
    """Probabilities that what is true is reconstructed as something else."""

    true: Float
    """Edges of the true bins [GeV or rad], shape (t + 1,)."""
    reconstructed: Float
    """Edges of the reconstructed bins, shape (r + 1,)."""
    probability: Float
    """Shape (t, r); rows sum to 1, or to 0 where nothing was simulated."""


def miniboone_efficiency(energy: Float, *, fiducial: bool = True) -> Float:
    """Return MiniBooNE's efficiency for one photon or electron.

    Parameters
    ----------
    energy
        Visible [GeV], any shape.
    fiducial
        Of events in the fiducial volume; else of those in the whole tank.

    Returns
    -------
    float64, shape of `energy`
        Straight lines between the points of the release, 0 below the first, at 50 MeV; as at 2 GeV above the last.
    """
    table = read_table(DATA / "miniboone_photon_efficiency.txt").columns
    found: Float = np.interp(energy, table["E"], table["efficiency"])
    return found / FIDUCIAL if fiducial else found


def nd280_smearing(of: str) -> Smearing:
    """Return how ND280 reconstructs electrons.

    Parameters
    ----------
    of
        ``momentum`` [GeV] or ``angle`` [rad].

    Raises
    ------
    InputError
        For anything else.
    """
    if of not in ("momentum", "angle"):
        raise InputError("of", "is not what ND280's smearing is known of", of, "momentum, angle")
    table = read_table(DATA / f"nd280_smearing_{of}.txt")
    bins_true, bins_reco = (int(str(table.header[name])) for name in ("bins_true", "bins_reco"))
    width = float(str(table.header["bin_width"]))
    true, reconstructed, probability = table.columns.values()
    matrix = np.zeros((bins_true, bins_reco))
    row, column = (np.rint(values / width).astype(np.int64) for values in (true, reconstructed))
    matrix[row, column] = probability
    sums = matrix.sum(axis=1, keepdims=True)
    matrix /= np.where(sums > 0, sums, 1.0)
    edges_true, edges_reco = (np.array([width * edge for edge in range(bins + 1)]) for bins in (bins_true, bins_reco))
    return Smearing(edges_true, edges_reco, matrix)
