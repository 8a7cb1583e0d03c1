"""Build the table of nuclear charge densities from a list of Fourier–Bessel coefficients.

Usage::

    python -m scanner.experiments.builders.charge_densities COEFFICIENTS [-o FOLDER]

COEFFICIENTS is a comma-separated list of the analysis of de Vries et al., one nuclide a line: its name (``C12``), the
radius R [fm] and the coefficients a_n [1/fm³], zeros where there are no more. Writes ``charge_densities.txt``.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from scanner.experiments.builders.command import run
from scanner.experiments.tables import write_table
from scanner.physics.form_factors import DENSITIES, nuclide


def build(coefficients: Path, folder: Path) -> None:
    """Write the table.

    Parameters
    ----------
    coefficients
        The list.
    folder
        Where to write.

    Raises
    ------
    InputError
        For a name that is no nuclide's.
    """
    with coefficients.open() as file:
        rows = list(csv.reader(line for line in file if not line.startswith("#")))[1:]
    nuclides = [nuclide(row[0]) for row in rows]
    values = np.array([[float(value) for value in row[1:]] for row in rows])
    header = {
        "title": "Charge densities of nuclei: rho(r) = sum_n a_n j0(n pi r/R) for r < R, else 0",
        "source": "Fourier-Bessel analyses in H. de Vries, C. W. de Jager, C. de Vries, "
        "Atomic Data and Nuclear Data Tables 36 (1987) 495",
        "release_date": "1987-05",
        "builder": "scanner.experiments.builders.charge_densities",
        "note": "coefficients end where the zeros begin; rho is that of the charge, in units of e",
    }
    table = {name: ("1", "%d", np.array([getattr(of, name) for of in nuclides])) for name in ("Z", "A")}
    table |= {"R": ("fm", "%.6g", values[:, 0])}
    table |= {f"a{n}": ("1/fm^3", "%.6g", values[:, n]) for n in range(1, values.shape[1])}
    write_table(folder / DENSITIES.name, header, table)


if __name__ == "__main__":
    run(__doc__, build, {"coefficients": "list of Fourier-Bessel coefficients"}, output=DENSITIES.parent)
