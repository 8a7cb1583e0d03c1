"""Build the tables of ⁸B neutrinos and of searches for solar antineutrinos from published ones.

Usage::

    python -m scanner.experiments.builders.solar FOLDER [-o FOLDER] [-p FOLDER]

FOLDER has ``b8spectrum.txt`` (Bahcall et al., nucl-th/9601044), ``agss09_nu_fluxes.dat`` (Serenelli et al., 0909.2668),
and the spectra that 2008.11851 digitised from searches: ``Kamland/``, ``borexino/``, ``superk-IV-article/``.
Writes ``boron8_spectrum.txt`` and ``boron8_zones.txt`` (beside the kernels) and ``solar_antineutrinos_*.txt``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from scanner.errors import ScannerError
from scanner.experiments.tables import DATA, write_table
from scanner.physics.solar import SPECTRUM, ZONES

STEP = 0.1
"""Bins of the ⁸B spectrum [MeV]."""

GROUPS = 60
"""Of production zones, about equally many neutrinos in each."""

SUPERK_BINS = 4
"""Of 2 MeV, up to 17.3 MeV of antineutrino energy."""

BUILDER = {"builder": "scanner.experiments.builders.solar"}


def build(release: Path, folder: Path, physics: Path) -> None:
    """Write all tables.

    Parameters
    ----------
    release
        Folder of the published tables.
    folder, physics
        Where to write those of the searches, and those of ⁸B.
    """
    write_spectrum(release / "b8spectrum.txt", physics / SPECTRUM.name)
    write_zones(release / "agss09_nu_fluxes.dat", physics / ZONES.name)
    write_kamland(release / "Kamland", folder)
    write_borexino(release / "borexino", folder)
    write_superk(release / "superk-IV-article", folder)


def write_spectrum(source: Path, target: Path) -> None:
    """Write the fraction of ⁸B neutrinos in each bin; the published table is linear between its nodes."""
    nodes, density = _numbers(source, 4)[:, :2].T
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
    table = _numbers(source, 12)
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


def write_kamland(source: Path, folder: Path) -> None:
    """Write KamLAND's events of 1 MeV of prompt energy; the curve is the sum of all backgrounds."""
    low = np.arange(7.5, 16.5)
    data = _numbers(source / "data.dat", 2)[: low.size, 1]
    curve = _numbers(source / "MCall.dat", 2).T
    background = [np.interp(np.linspace(e, e + 1, 101), *curve).mean() for e in low]
    header = {
        "title": "KamLAND: antineutrino candidates of high energy",
        "source": "KamLAND, Astrophys. J. 745 (2012) 193, arXiv:1105.3516, figure digitised by arXiv:2008.11851",
        "release_date": "2011-05",
        **BUILDER,
        "note": "energies are prompt energies; digitised, to a few per cent",
    }
    _write_events(folder / "solar_antineutrinos_kamland.txt", header, low, 1.0, data, background)


def write_borexino(source: Path, folder: Path) -> None:
    """Write table 2 of Borexino, with its atmospheric neutrinos among the backgrounds."""
    low, data, _, background, _, _ = _numbers(source / "Table2.dat", 6).T
    header = {
        "title": "Borexino: antineutrino candidates",
        "source": "Borexino, Astropart. Phys. 125 (2021) 102509, arXiv:1909.02422, table 2",
        "release_date": "2019-09",
        **BUILDER,
        "note": "energies are those of the antineutrino, prompt energy + 0.784 MeV",
    }
    _write_events(folder / "solar_antineutrinos_borexino.txt", header, low, 1.0, data, background)


def write_superk(source: Path, folder: Path) -> None:
    """Write Super-Kamiokande's bins up to 17.3 MeV of antineutrino energy.

    The curves are stacked, and the uppermost has the signal that the figure shows on top of all backgrounds.
    """
    centres, data = _numbers(source / "data.dat", 2)[:SUPERK_BINS].T
    background = _numbers(source / "MC_except_signal.dat", 2)[:SUPERK_BINS, 1]
    signal = _numbers(source / "MCall.dat", 2)[:SUPERK_BINS, 1] - background
    header = {
        "title": "Super-Kamiokande IV: antineutrino candidates",
        "source": "Super-Kamiokande, Astropart. Phys. 139 (2022) 102702, arXiv:2012.03807, "
        "figure digitised by arXiv:2008.11851",
        "release_date": "2020-12",
        **BUILDER,
        "note": "energies are kinetic energies of the positron; signal_shown: antineutrinos with the spectrum of 8B as "
        "the figure has them, of a flux that is not known",
    }
    more = {"signal_shown": ("events", "%.3g", signal)}
    low = np.round(centres - 1.0, 1)
    _write_events(folder / "solar_antineutrinos_superk.txt", header, low, 2.0, data, background, more)


def _write_events(
    path: Path,
    header: dict[str, str],
    low: np.ndarray,
    width: float,
    data: np.ndarray,
    background: np.ndarray | list[float],
    more: dict[str, tuple[str, str, np.ndarray]] | None = None,
) -> None:
    """Write events in bins of energy [MeV]; digitised data are whole numbers again."""
    columns = {
        "E_low": ("MeV", "%.1f", low),
        "E_high": ("MeV", "%.1f", low + width),
        "data": ("events", "%d", np.round(data)),
        "background": ("events", "%.4g", np.asarray(background)),
    }
    write_table(path, header, columns | (more or {}))


def _numbers(path: Path, columns: int) -> np.ndarray:
    """Return the lines of a file that are that many numbers."""
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


def main() -> None:
    """Command line of the builder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("release", type=Path, help="folder of the published tables")
    parser.add_argument("-o", "--output", type=Path, default=DATA, help="folder to write (default: data/)")
    parser.add_argument("-p", "--physics", type=Path, default=SPECTRUM.parent, help="folder of the tables of 8B")
    arguments = parser.parse_args()
    build(arguments.release, arguments.output, arguments.physics)


if __name__ == "__main__":
    main()
