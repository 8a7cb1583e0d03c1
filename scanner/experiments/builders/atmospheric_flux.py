"""Build the flux of atmospheric neutrinos, averaged over the sky, from the tables of Honda et al. (HKKM 2014).

Usage::

    python -m scanner.experiments.builders.atmospheric_flux TABLES [-o FOLDER]

TABLES holds ``IPhonda2014_spl_solmin_num2D.dat`` and its like for nbm, nue, nbe (South Pole, minimum of the sun), as
the package nuflux of IceCube ships them in ``nuflux/data/IPLEFlux``: columns E [GeV], centre of a bin in cos(zenith),
flux averaged over the azimuth [1/(m² s sr GeV)]. Writes ``flux_atmospheric.txt``.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from scanner.errors import ScannerError
from scanner.experiments.builders.command import run
from scanner.experiments.tables import write_table

NAME = "flux_atmospheric.txt"
FILES = {"nue": "nue", "numu": "num", "nuebar": "nbe", "numubar": "nbm"}
COLUMNS = ("nue", "numu", "nutau", "nuebar", "numubar", "nutaubar")
"""In the order of the fluxes of beams."""


def build(tables: Path, folder: Path) -> None:
    """Write the table.

    Parameters
    ----------
    tables
        Folder of the files.
    folder
        Where to write.
    """
    energy, fluxes = np.empty(0), {}
    for name, part in FILES.items():
        energy, fluxes[name] = all_sky(tables / f"IPhonda2014_spl_solmin_{part}2D.dat")
    header = {
        "title": "Flux of atmospheric neutrinos at the South Pole over the whole sky",
        "source": "M. Honda et al., Phys. Rev. D 92 (2015) 023004, arXiv:1502.03916, as shipped by nuflux 2.0.7",
        "release_date": "2015-07",
        "builder": "scanner.experiments.builders.atmospheric_flux",
        "note": "minimum of the solar activity, without oscillations; good to some 10 % up to 10 GeV, 20 % at 1 TeV. "
        "At Kamioka it is 0.82 of this at 1 GeV, 0.96 at 3 GeV, and the same within 3 % above 10 GeV",
    }
    columns = {"E": ("GeV", "%.6g", energy)}
    for name in COLUMNS:
        columns[name] = ("1/(cm^2 s GeV)", "%.5g", fluxes.get(name, np.zeros_like(energy)))
    write_table(folder / NAME, header, columns)


def all_sky(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return energies [GeV] and the flux over 4π [1/(cm² s GeV)] of one file, whose bins in cos(zenith) are equal."""
    table = np.loadtxt(path)
    energy, row = np.unique(table[:, 0], return_inverse=True)
    zeniths = np.unique(table[:, 1]).size
    if table.shape[0] != energy.size * zeniths:
        raise ScannerError(f"{path}: not one line for each energy and zenith")
    return energy, 4 * math.pi * 1e-4 * np.bincount(row, weights=table[:, 2]) / zeniths


if __name__ == "__main__":
    run(__doc__, build, {"tables": "folder of the tables"})
