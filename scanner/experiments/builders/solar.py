"""Build the tables of ⁸B neutrinos: their spectrum, and where the Sun makes them.

Usage::

    python -m scanner.experiments.builders.solar FOLDER [-o FOLDER]

FOLDER has ``b8spectrum.txt`` (Bahcall et al., nucl-th/9601044) and ``agss09_nu_fluxes.dat`` (Serenelli et al.,
0909.2668). Writes ``boron8_spectrum.txt`` and ``boron8_zones.txt``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scanner.errors import ScannerError
from scanner.experiments.builders.command import run
from scanner.experiments.tables import write_table
from scanner.physics.solar import SPECTRUM, ZONES

STEP = 0.1
"""Bins of the ⁸B spectrum [MeV]."""

GROUPS = 60
"""Of production zones, about equally many neutrinos in each."""

BUILDER = {"builder": "scanner.experiments.builders.solar"}


def build(release: Path, folder: Path) -> None:
    """Write both tables.

    Parameters
    ----------
    release
        Folder of the published tables.
    folder
        Where to write.
    """
    write_spectrum(release / "b8spectrum.txt", folder / SPECTRUM.name)
    write_zones(release / "agss09_nu_fluxes.dat", folder / ZONES.name)


def write_spectrum(source: Path, target: Path) -> None:
    """Write the fraction of ⁸B neutrinos in each bin; the published table is linear between its nodes."""
    nodes, density = numbers(source, 4)[:, :2].T
    edges = STEP * np.arange(int(np.ceil(nodes[-1] / STEP)) + 1)
    at = np.union1d(nodes, edges)
    value = np.interp(at, nodes, density, right=0.0)
    below = np.concatenate([[0.0], np.cumsum(0.5 * (value[1:] + value[:-1]) * np.diff(at))])
    fraction = np.diff(np.interp(edges, at, below)) / below[-1]
    header = {
        "title": "Spectrum of 8B neutrinos: fraction in each bin about E",
        "source": "J. N. Bahcall et al., Phys. Rev. C 54 (1996) 411, nucl-th/9601044",
        "release_date": "1996-01",
        **BUILDER,
    }
    columns = {
        "E": ("MeV", "%.2f", 0.5 * (edges[1:] + edges[:-1])),
        "fraction": ("1", "%.6e", fraction),
    }
    write_table(target, header, columns)


def write_zones(source: Path, target: Path) -> None:
    """Write the mean electron density of groups of zones; the published list has equal steps of the radius."""
    table = numbers(source, 12)
    radius, electrons, made = table[:, 0], 10 ** table[:, 2], table[:, 8]
    if np.ptp(np.diff(radius)) > 1e-6:
        raise ScannerError(f"{source}: zones are not equally spaced")
    made = made / made.sum()
    group = np.minimum((GROUPS * (np.cumsum(made) - 0.5 * made)).astype(int), GROUPS - 1)
    weight = np.bincount(group, weights=made)
    header = {
        "title": "Where the Sun makes 8B: groups of zones, outwards",
        "source": "A. Serenelli, S. Basu, J. W. Ferguson, M. Asplund, Astrophys. J. 705 (2009) L123, arXiv:0909.2668",
        "release_date": "2009-09",
        **BUILDER,
    }
    columns = {
        "electrons": ("mol/cm^3", "%.4f", np.bincount(group, weights=made * electrons) / weight),
        "weight": ("1", "%.6e", weight),
    }
    write_table(target, header, columns)


def numbers(path: Path, columns: int) -> np.ndarray:
    """Return the lines of a file that are that many numbers, shape (lines, columns).

    Raises
    ------
    ScannerError
        If there is none.
    """
    rows = []
    for line in path.read_text().splitlines():
        try:
            row = [float(word) for word in line.split()]
        except ValueError:
            continue
        if len(row) == columns:
            rows.append(row)
    if not rows:
        raise ScannerError(f"{path}: no line of {columns} numbers")
    return np.array(rows)


if __name__ == "__main__":
    run(__doc__, build, {"release": "folder of the published tables"}, output=SPECTRUM.parent)
