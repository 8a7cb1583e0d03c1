"""Build the fluxes of parents at DUNE's near detector from the release of 1905.00284.

Usage::

    python -m scanner.experiments.builders.dune_flux RELEASE FLUX [-o FOLDER]

RELEASE is the folder with the histograms ``NuM_0.root`` (ν_μ by parent) and ``NuM_B.root`` (ν̄_μ); FLUX is a table
of DUNE's flux at the near detector, neutrino mode (columns E[GeV], ν_e, ν_μ, ν_τ, ν̄_e, ν̄_μ, ν̄_τ per cm² GeV and
proton). Writes ``dune_nd_parents.txt``. Needs ``uproot``, which this project does not install.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from scanner.errors import ScannerError
from scanner.experiments.builders.command import run
from scanner.experiments.tables import write_table

NAME = "dune_nd_parents.txt"
FILES = {"nu": "NuM_0.root", "antinu": "NuM_B.root"}
PARENTS = ("pion", "kaon")
NU_MU = 2
"""Column of ν_μ in the table of the flux."""


def build(release: Path, flux: Path, folder: Path) -> None:
    """Write the table.

    Parameters
    ----------
    release
        Folder of the ROOT files.
    flux
        DUNE's flux, as text.
    folder
        Where to write.
    """
    uproot = _uproot()
    edges, columns, total = np.empty(0), {}, 0.0
    for sign, file in FILES.items():
        with uproot.open(release / file) as histograms:
            for parent in PARENTS:
                columns[f"{parent}_{sign}"], edges = histograms[f"h{parent}"].to_numpy()
            if sign == "nu":
                total = float(histograms["htotal"].to_numpy()[0] @ np.diff(edges))
    scale = _integral(np.loadtxt(flux), edges[-1]) / total
    header = {
        "title": "nu_mu and antinu_mu at DUNE's near detector by parent, neutrino mode",
        "source": "histograms hpion and hkaon of the release of arXiv:1905.00284 (JHEP 03 (2020) 111)",
        "release_date": "2019-05",
        "builder": "scanner.experiments.builders.dune_flux",
        "normalisation": "the release states no unit: all are scaled by one factor, such that the nu_mu of all "
        "parents add up to those of DUNE's flux of 2103.04797 below the last edge",
        "scale": float(f"{scale:.6g}"),
    }
    unit = "1/(cm^2 GeV POT)"
    table = {"E_low": ("GeV", "%.3g", edges[:-1]), "E_high": ("GeV", "%.3g", edges[1:])}
    table |= {name: (unit, "%.6g", scale * values) for name, values in columns.items()}
    write_table(folder / NAME, header, table)


def _integral(table: np.ndarray, end: float) -> float:
    """ν_μ per cm² and proton below an energy [GeV], from the centres of equal bins."""
    energy = table[:, 0]
    return float(table[energy < end, NU_MU].sum() * (energy[1] - energy[0]))


def _uproot() -> Any:
    try:
        return importlib.import_module("uproot")
    except ImportError:
        problem = "builders.dune_flux reads ROOT files with uproot, which is not installed: pip install uproot"
        raise ScannerError(problem) from None


if __name__ == "__main__":
    run(__doc__, build, {"release": "folder of the ROOT files", "flux": "text table of DUNE's flux"})
