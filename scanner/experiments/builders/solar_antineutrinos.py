"""Build the tables of searches for solar antineutrinos from published tables and digitised figures.

Usage::

    python -m scanner.experiments.builders.solar_antineutrinos FOLDER [-o FOLDER]

FOLDER has what 2008.11851 collected from the searches: ``Kamland/``, ``kamland_21/``, ``borexino/`` and
``superk-IV-article/``. Curves of backgrounds are stacked: each is the sum of those below it. Writes
``solar_antineutrinos_*.txt``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scanner.experiments.builders.command import run
from scanner.experiments.builders.solar import numbers
from scanner.experiments.tables import write_table

SUPERK_BINS = 4
"""Of 2 MeV, up to 17.3 MeV of antineutrino energy."""

BUILDER = {"builder": "scanner.experiments.builders.solar_antineutrinos"}


def build(release: Path, folder: Path) -> None:
    """Write all tables.

    Parameters
    ----------
    release
        Folder of the published tables.
    folder
        Where to write.
    """
    write_kamland(release / "Kamland", folder)
    write_kamland_2021(release / "kamland_21", folder)
    write_borexino(release / "borexino", folder)
    write_superk(release / "superk-IV-article", folder)


def write_kamland(source: Path, folder: Path) -> None:
    """Write KamLAND's events of 4.53 kt yr."""
    header = {
        "title": "KamLAND: antineutrino candidates of high energy",
        "source": "KamLAND, Astrophys. J. 745 (2012) 193, arXiv:1105.3516, figure digitised by arXiv:2008.11851",
        "release_date": "2011-05",
        **BUILDER,
        "note": "energies are prompt energies; digitised, to a few per cent",
    }
    _write_kamland(source, folder / "solar_antineutrinos_kamland.txt", header)


def write_kamland_2021(source: Path, folder: Path) -> None:
    """Write KamLAND's events of 6.72 kt yr."""
    header = {
        "title": "KamLAND, 6.72 kt yr: antineutrino candidates of high energy",
        "source": "KamLAND, Astrophys. J. 925 (2022) 14, arXiv:2108.08527, figure digitised",
        "release_date": "2021-08",
        **BUILDER,
        "note": "energies are prompt energies; digitised, to a few per cent",
    }
    _write_kamland(source, folder / "solar_antineutrinos_kamland_2021.txt", header)


def _write_kamland(source: Path, target: Path, header: dict[str, str]) -> None:
    """Write events of 1 MeV of prompt energy; the curve is the sum of all backgrounds."""
    low = np.arange(7.5, 16.5)
    data = numbers(source / "data.dat", 2)[: low.size, 1]
    curve = numbers(source / "MCall.dat", 2).T
    background = [np.interp(np.linspace(e, e + 1, 101), *curve).mean() for e in low]
    _write_events(target, header, low, 1.0, data, background)


def write_borexino(source: Path, folder: Path) -> None:
    """Write table 2 of Borexino, with its atmospheric neutrinos among the backgrounds."""
    low, data, _, background, _, _ = numbers(source / "Table2.dat", 6).T
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
    centres, data = numbers(source / "data.dat", 2)[:SUPERK_BINS].T
    background = numbers(source / "MC_except_signal.dat", 2)[:SUPERK_BINS, 1]
    accidental = background - numbers(source / "MC_except_signal_acc.dat", 2)[:SUPERK_BINS, 1]
    signal = numbers(source / "MCall.dat", 2)[:SUPERK_BINS, 1] - background
    header = {
        "title": "Super-Kamiokande IV: antineutrino candidates",
        "source": "Super-Kamiokande, Astropart. Phys. 139 (2022) 102702, arXiv:2012.03807, "
        "figure digitised by arXiv:2008.11851",
        "release_date": "2020-12",
        **BUILDER,
        "note": "energies are kinetic energies of the positron; signal_shown: antineutrinos with the spectrum of 8B as "
        "the figure has them, of a flux that is not known; accidental: backgrounds without a neutron, of all",
    }
    more = {"signal_shown": ("events", "%.3g", signal), "accidental": ("events", "%.4g", accidental)}
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


if __name__ == "__main__":
    run(__doc__, build, {"release": "folder of the published tables"})
