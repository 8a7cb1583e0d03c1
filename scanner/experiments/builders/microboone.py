"""Build the compact tables of MicroBooNE's inclusive search for electron neutrinos.

Usage::

    python -m scanner.experiments.builders.microboone RELEASE [-o FOLDER]

RELEASE is the folder ``microboone_inclusive``: the HEPData record of arXiv:2110.13978 (events and covariance of seven
channels), and the migration matrices that arXiv:2111.10359 used with it. Writes ``microboone_inclusive_bins.txt``,
``microboone_inclusive_covariance.txt`` (upper triangle) and ``microboone_inclusive_true_energy.txt``: the signal of
each bin of the ν_e and ν_μ channels, by true energy.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scanner.experiments.builders.command import run
from scanner.experiments.tables import write_table

Float = NDArray[np.float64]

CHANNELS = ("nueCC_FC", "nueCC_PC", "numuCC_FC", "numuCC_PC", "numuCCpi0_FC", "numuCCpi0_PC", "NCpi0")
"""Order of the release; FC and PC are fully and partially contained events."""

STEP, LAST = 0.1, 10.0
"""Width of the bins of reconstructed energy [GeV], and where the last one of each channel ends."""

LEPTON_BINS, PION_BINS = 26, 11

NUE_EDGES = (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.8, 1.0, 1.5, 2.0, 2.5, 3.0)
"""Edges of true energy of the ν_e migration matrices [GeV]."""

NUE_EFFICIENCY = {
    "nueCC_FC": (0.503, 0.549, 0.640, 0.730, 0.818, 0.908, 1.049, 1.154, 1.228, 1.217, 1.183, 1.032, 0.908),
    "nueCC_PC": (0.0151, 0.0304, 0.0609, 0.0902, 0.118, 0.150, 0.204, 0.301, 0.446, 0.609, 0.801, 0.895, 0.942),
}
"""Of each bin of true energy, in a common unit, as the public code of arXiv:2111.10359 has them from figure 1 of
arXiv:2110.13978. Their sizes drop out: each bin's events are set to the release's."""

MIGRATION = {"nueCC_FC": "Migration_1eX.dat", "nueCC_PC": "Migration_1eX_PC.dat"}
NUMU_STEP = 0.05
"""Width of the bins, true and reconstructed, of the ν_μ migration matrices [GeV]: up to 3 GeV."""

OVERFLOW = (2.5, 7.0)
"""True energies of the last ν_e bin [GeV], which the ν_e matrices do not have: those of the flux."""

SOURCE = {
    "source": "HEPData record of MicroBooNE's arXiv:2110.13978",
    "release_date": "2021-10",
    "builder": "scanner.experiments.builders.microboone",
}


def build(release: Path, folder: Path) -> None:
    """Write all tables.

    Parameters
    ----------
    release
        Folder of the release.
    folder
        Where to write.
    """
    events = {
        name: np.concatenate([np.load(release / f"{channel}_{name}.npy") for channel in CHANNELS])
        for name in ("Obs", "Bkg", "Sig", "LEE")
    }
    _write_bins(events, folder)
    _write_covariance(np.load(release / "MuBInclusive_FracCov_Square.npy"), folder)
    _write_true_energy(release, events["Sig"], folder)


def _write_bins(events: dict[str, Float], folder: Path) -> None:
    size = [PION_BINS if "pi0" in channel else LEPTON_BINS for channel in CHANNELS]
    low = np.concatenate([STEP * np.arange(n) for n in size])
    high = np.concatenate([np.append(STEP * np.arange(1, n), LAST) for n in size])
    header = {
        "title": "MicroBooNE's inclusive search for electron neutrinos: events of seven channels, 6.37e20 POT",
        **SOURCE,
        "channels": list(CHANNELS),
        "note": "energies are reconstructed, in pi0 channels of the pion (from memory); background and signal are "
        "before any constraint; signal is what a channel is named after; lee is the eLEE model at x = 1",
    }
    columns = {
        "channel": ("1", "%d", np.repeat(np.arange(len(CHANNELS)), size)),
        "E_low": ("GeV", "%.1f", low),
        "E_high": ("GeV", "%.1f", high),
        "data": ("events", "%d", events["Obs"]),
        "background": ("events", "%.8g", events["Bkg"]),
        "signal": ("events", "%.8g", events["Sig"]),
        "lee": ("events", "%.8g", events["LEE"]),
    }
    write_table(folder / "microboone_inclusive_bins.txt", header, columns)


def _write_covariance(matrix: Float, folder: Path) -> None:
    row, column = np.triu_indices(len(matrix))
    header = {
        "title": "MicroBooNE's inclusive search: fractional covariance of background plus signal, upper triangle",
        **SOURCE,
        "note": "flux, cross sections, detector, and finite simulation; rows as in microboone_inclusive_bins.txt",
    }
    columns = {
        "row": ("1", "%d", row),
        "column": ("1", "%d", column),
        "fractional": ("1", "%.6g", matrix[row, column]),
    }
    write_table(folder / "microboone_inclusive_covariance.txt", header, columns)


def _write_true_energy(release: Path, signal: Float, folder: Path) -> None:
    values = np.array([*_nue_rows(release, signal), *_numu_rows(release, signal)]).T
    header = {
        "title": "MicroBooNE's inclusive search: signal events of each bin by true energy",
        "source": "migration matrices and efficiencies of arXiv:2111.10359, signal of arXiv:2110.13978",
        "release_date": "2021-11",
        "builder": SOURCE["builder"],
        "note": "row: of microboone_inclusive_bins.txt; rows without migration, of the lowest energies, are left out",
    }
    columns = {
        "row": ("1", "%d", values[0]),
        "low": ("GeV", "%.2f", values[1]),
        "high": ("GeV", "%.2f", values[2]),
        "events": ("events", "%.5g", values[3]),
    }
    write_table(folder / "microboone_inclusive_true_energy.txt", header, columns)


Rows = Iterator[tuple[float, float, float, float]]
"""(row, low, high, events)."""


def _nue_rows(release: Path, signal: Float) -> Rows:
    """ν_e: matrices from 13 bins of true energy to 24 of reconstructed energy, all but the first and the last."""
    true = np.load(release / "inclusive_data" / "MuB_NuE_True.npy")
    for channel, file in MIGRATION.items():
        first = CHANNELS.index(channel) * LEPTON_BINS
        joint = np.loadtxt(release / "unfolding_data" / file) * true * np.array(NUE_EFFICIENCY[channel])
        yield from _normalised(joint, signal, first + 1, np.array(NUE_EDGES))
        last = first + LEPTON_BINS - 1
        yield last, *OVERFLOW, signal[last]


def _numu_rows(release: Path, signal: Float) -> Rows:
    """ν_μ: matrices of 60 by 60 bins; two of reconstructed energy make one of the release, ten its last."""
    edges = np.linspace(0.0, 60 * NUMU_STEP, 61)
    for channel in CHANNELS[2:4]:
        folder = release / "inclusive_data"
        fine = np.loadtxt(folder / f"MigMat_{channel}.dat") * np.loadtxt(folder / f"TrueEDist_{channel}.dat")
        joint = np.add.reduceat(fine, [*range(0, 50, 2), 50], axis=0)
        yield from _normalised(joint, signal, CHANNELS.index(channel) * LEPTON_BINS, edges)


def _normalised(joint: Float, signal: Float, first: int, edges: Float) -> Rows:
    """Rows of a matrix (reconstructed, true) from `first` on, each scaled to the signal of its bin."""
    for row, of in enumerate(joint, start=first):
        total = of.sum()
        for low, high, events in zip(edges[:-1], edges[1:], of, strict=True):
            if events > 0:
                yield row, low, high, signal[row] * events / total


if __name__ == "__main__":
    run(__doc__, build, {"release": "folder of the release, with the matrices"})
