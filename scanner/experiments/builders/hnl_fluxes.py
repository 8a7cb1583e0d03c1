"""Build the tables of neutrino fluxes by parent at ND280 and at PS191.

Usage::

    python -m scanner.experiments.builders.hnl_fluxes INPUTS [-o FOLDER]

INPUTS holds the folders ``nd280`` and ``ps191`` of the inputs of arXiv:2109.03831. Writes
``hnl_parents_nd280.txt``, digitised curves brought onto common energies, and ``hnl_parents_ps191.txt``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scanner.experiments.builders.command import run
from scanner.experiments.tables import write_table

ND280_ENERGIES = np.concatenate([np.arange(1, 40) * 0.05, np.arange(8, 39) * 0.25])
"""[GeV]; finer than the digitised points below 2 GeV, as fine above."""

ND280_UNIT = 1e4 / (0.05 * 1e21)
"""From 1/(cm² 50 MeV 1e21 POT) to 1/(m² GeV POT)."""

PS191_UNIT = 1e4
"""From 1/(cm² GeV POT) to 1/(m² GeV POT)."""

ND280_FILES = {
    "nu_mu_K": "nu_mu__K+",
    "nu_mu_bar_K": "nu_mu_bar_K+",
    "nu_mu_pi": "nu_mu__pi+",
    "nu_mu_bar_pi": "nu_mu_bar_pi+",
}
PS191_FILES = {"nu_mu_K": "Kplus_Uu", "nu_mu_bar_K": "Kminus_Uu", "nu_mu_pi": "pi_Uu"}


def build(inputs: Path, folder: Path) -> None:
    """Write both tables.

    Parameters
    ----------
    inputs
        Folder of the inputs.
    folder
        Where to write.
    """
    curves = {name: np.loadtxt(inputs / f"nd280/FHC/{file}.dat") for name, file in ND280_FILES.items()}
    _write(
        folder / "hnl_parents_nd280.txt",
        "T2K flux at ND280 in neutrino mode, by parent",
        "digitised from figures of T2K; points joined by straight lines in the logarithms",
        ND280_ENERGIES,
        {name: ND280_UNIT * _resampled(curve) for name, curve in curves.items()},
    )
    # Columns of fluxes alone, at the energies that the one file of two columns states.
    energies = np.loadtxt(inputs / "ps191/nu_mu__K+.dat")[:, 0]
    columns = {name: np.loadtxt(inputs / f"ps191/{file}.dat") for name, file in PS191_FILES.items()}
    _write(
        folder / "hnl_parents_ps191.txt",
        "neutrino flux at PS191, by parent",
        "per proton of 19.2 GeV on target; the inputs do not say how it was calculated",
        energies,
        {name: PS191_UNIT * _padded(column, energies.size) for name, column in columns.items()},
    )


def _resampled(curve: np.ndarray) -> np.ndarray:
    """Follow straight lines in the logarithms, as a figure's eye does; 0 outside the curve."""
    logs = np.interp(np.log(ND280_ENERGIES), *np.log(curve).T)
    inside = (curve[0, 0] <= ND280_ENERGIES) & (curve[-1, 0] >= ND280_ENERGIES)
    return np.where(inside, np.exp(logs), 0.0)


def _padded(column: np.ndarray, size: int) -> np.ndarray:
    return np.concatenate([column, np.zeros(size - column.size)])


def _write(path: Path, title: str, note: str, energies: np.ndarray, fluxes: dict[str, np.ndarray]) -> None:
    header = {
        "title": title,
        "source": "inputs of arXiv:2109.03831 (C. A. Arguelles, N. Foppiani, M. Hostert)",
        "release_date": "2021-09",
        "builder": "scanner.experiments.builders.hnl_fluxes",
        "note": note,
    }
    columns = {name: ("1/(m^2 GeV POT)", "%.6g", flux) for name, flux in fluxes.items()}
    write_table(path, header, {"energy": ("GeV", "%.6g", energies), **columns})


if __name__ == "__main__":
    run(__doc__, build, {"inputs": "folder with nd280/ and ps191/"})
