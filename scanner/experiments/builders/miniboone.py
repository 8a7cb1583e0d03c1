"""Build MiniBooNE's compact tables from the collaboration's data release.

Usage::

    python -m scanner.experiments.builders.miniboone RELEASE [-o FOLDER]

RELEASE is the unpacked data release of arXiv:2006.16883 with its folders ``fhc``, ``rhc`` and ``combined``.
Writes ``miniboone_spectra.txt`` (data and predictions), ``miniboone_covariance_*.txt`` (fractional covariance,
upper triangle) and ``miniboone_response_*.txt`` (events of full ν_μ→ν_e transmutation in cells of L/E).
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from scanner.experiments.builders.command import run
from scanner.experiments.tables import write_table
from scanner.physics.oscillation import averaged_sin_squared

PHASE = 1.27
"""Phase constant of the official fit, sin²(1.27 Δm² L/E): the released surface excludes 1.267."""

DM2_MAX = 100.0
"""Largest Δm² [eV²] of the official grid; the cells are made for the range up to it."""

TOLERANCE = 7e-5
"""Largest relative deviation of any bin's template from the ntuple's, for Δm² ≤ DM2_MAX."""

BEAMS = {
    "fhc": {"nue": "nuebgr", "nuedata": "nuedata", "numu": "numu", "numudata": "numudata"},
    "rhc": {"nue": "nuebarbgr", "nuedata": "nuebardata", "numu": "numubar", "numudata": "numubardata"},
}
NTUPLES = {
    "fhc": "fhc/miniboone_numunuefullosc_ntuple.txt",
    "rhc": "rhc/miniboone_numubarnuebarfullosc_ntuple.txt",
    "rhc_with_wrong_sign": "combined/miniboone_nubarfullosc_ntuple.txt",
}
SOURCE = {
    "source": "MiniBooNE data release of arXiv:2006.16883 (Phys. Rev. D 103 (2021) 052002)",
    "release_date": "2020-06",
    "builder": "scanner.experiments.builders.miniboone",
}


def build(release: Path, folder: Path) -> None:
    """Write all tables of MiniBooNE.

    Parameters
    ----------
    release
        Folder of the release.
    folder
        Where to write.
    """
    edges = _numbers(release / "fhc/miniboone_binboundaries_nue_lowe.txt")
    _write_spectra(release, folder, edges)
    _write_covariance(release, folder)
    for name, ntuple in NTUPLES.items():
        _write_response(np.loadtxt(release / ntuple), edges, name, ntuple, folder)


def _numbers(path: Path) -> np.ndarray:
    return np.array(path.read_text().split(), dtype=float)


def _write_spectra(release: Path, folder: Path, edges: np.ndarray) -> None:
    rows = []
    for antineutrino_mode, (beam, names) in enumerate(BEAMS.items()):
        files = {k: _numbers(release / beam / _spectrum_file(v)) for k, v in names.items()}
        for i, (data, expected) in enumerate(zip(files["nuedata"], files["nue"], strict=True)):
            rows.append((antineutrino_mode, 0, edges[i], edges[i + 1], data, expected))
        for data, expected in zip(files["numudata"], files["numu"], strict=True):
            rows.append((antineutrino_mode, 1, np.nan, np.nan, data, expected))
    values = np.array(rows).T
    header = {
        "title": "MiniBooNE observed and expected events, nu_e and nu_mu samples",
        **SOURCE,
        "note": "numu: 0 = nu_e sample (constrained background), 1 = nu_mu sample (prediction); the release "
        "gives no edges for the nu_mu bins",
    }
    write_table(
        folder / "miniboone_spectra.txt",
        header,
        {
            "rhc": ("1", "%d", values[0]),
            "numu": ("1", "%d", values[1]),
            "E_low": ("MeV", "%g", values[2]),
            "E_high": ("MeV", "%g", values[3]),
            "data": ("events", "%d", values[4]),
            "expected": ("events", "%.10g", values[5]),
        },
    )


def _spectrum_file(name: str) -> str:
    suffix = "" if name.startswith("numu") else "_lowe"
    return f"miniboone_{name}{suffix}.txt"


def _write_covariance(release: Path, folder: Path) -> None:
    """Write the matrices of the three fits.

    The joint matrix holds the single-beam ones as its diagonal blocks (checked here), but with fewer digits in
    antineutrino mode, which the single-beam fit needs.
    """
    files = {
        "fhc": "fhc/miniboone_full_fractcovmatrix_nu_lowe.txt",
        "rhc": "rhc/miniboone_full_fractcovmatrix_nubar_lowe.txt",
        "combined": "combined/miniboone_full_fractcovmatrix_combined_lowe.txt",
    }
    matrices = {name: _square(_numbers(release / file)) for name, file in files.items()}
    for part, name in ((slice(0, 30), "fhc"), (slice(30, 60), "rhc")):
        difference = np.abs(matrices["combined"][part, part] - matrices[name]).max()
        if difference > 1e-6:
            raise ValueError(f"{files[name]} differs from the combined matrix by {difference:.1e}")
    for name, matrix in matrices.items():
        row, column = np.triu_indices(len(matrix))
        header = {
            "title": f"MiniBooNE fractional covariance, upper triangle, {name}",
            **SOURCE,
            "file": files[name],
            "note": "order: signal 11, nu_e background 11, nu_mu 8; combined: FHC, then RHC in the same order",
        }
        columns = {
            "row": ("1", "%d", row),
            "column": ("1", "%d", column),
            "fractional": ("1", "%.9g", matrix[row, column]),
        }
        write_table(folder / f"miniboone_covariance_{name}.txt", header, columns)


def _square(values: np.ndarray) -> np.ndarray:
    return values.reshape(2 * (math.isqrt(values.size),))


def _write_response(events: np.ndarray, edges: np.ndarray, name: str, ntuple: str, folder: Path) -> None:
    """Write the response of one ntuple: columns E_reco [MeV], E_true [MeV], L [cm], weight."""
    number = np.digitize(events[:, 0], edges) - 1
    length_over_energy = events[:, 2] * 1e-5 / (events[:, 1] * 1e-3)
    weight = events[:, 3] / len(events)
    rows = []
    for b in range(len(edges) - 1):
        inside = number == b
        for cell in compress(length_over_energy[inside], weight[inside]):
            rows.append((b, *cell))
    values = np.array(rows).T
    header = {
        "title": f"MiniBooNE nu_mu -> nu_e full transmutation in cells of L/E, {name}",
        **SOURCE,
        "ntuple": ntuple,
        "phase": PHASE,
        "dm2_max": DM2_MAX,
        "tolerance": TOLERANCE,
    }
    write_table(
        folder / f"miniboone_response_{name}.txt",
        header,
        {
            "bin": ("1", "%d", values[0]),
            "weight": ("events", "%.9g", values[1]),
            "mean": ("km/GeV", "%.9g", values[2]),
            "variance": ("km^2/GeV^2", "%.6g", values[3]),
        },
    )


def compress(x: np.ndarray, weight: np.ndarray) -> list[tuple[float, float, float]]:
    """Group events into cells that reproduce Σ w sin²(k Δm² x) to TOLERANCE for Δm² ≤ DM2_MAX.

    Starting from one cell, the one whose third and fourth cumulants matter most at DM2_MAX is split at its
    mean, until a scan over Δm² shows the tolerance reached.

    Parameters
    ----------
    x
        L/E of each event [km/GeV].
    weight
        Weight of each event.

    Returns
    -------
    list of (weight, mean, variance)
        In order of x.
    """
    order = np.argsort(x, kind="stable")
    x, weight = x[order], weight[order]
    dm2 = np.concatenate([np.geomspace(1e-3, DM2_MAX, 300), np.linspace(DM2_MAX / 20, DM2_MAX, 400)])
    exact = np.array([np.sum(weight * np.sin(PHASE * m * x) ** 2) for m in dm2])
    for cells in _refinements(x, weight):
        approximate = np.zeros((dm2.size, 1))
        w, mean, variance = (np.ascontiguousarray(c) for c in np.array(cells).T)
        averaged_sin_squared(PHASE, dm2, np.zeros(w.size, np.int64), w, mean, variance, approximate)
        if np.abs(approximate[:, 0] / exact - 1).max() < TOLERANCE:
            return cells
    raise AssertionError("the last refinement is the events themselves")


def _refinements(x: np.ndarray, weight: np.ndarray) -> Iterator[list[tuple[float, float, float]]]:
    """Yield ever finer partitions of the sorted events, some 10 % more cells each time."""
    heap = [_cell(x, weight, 0, x.size)]
    following = 50
    while heap[0][0] < 0:
        _, a, b, (_, mean, _) = heapq.heappop(heap)
        middle = min(max(a + int(np.searchsorted(x[a:b], mean)), a + 1), b - 1)
        heapq.heappush(heap, _cell(x, weight, a, middle))
        heapq.heappush(heap, _cell(x, weight, middle, b))
        if len(heap) >= following:
            yield [moments for _, _, _, moments in sorted(heap, key=lambda cell: cell[1])]
            following = int(1.1 * following)
    yield [moments for _, _, _, moments in sorted(heap, key=lambda cell: cell[1])]


def _cell(x: np.ndarray, weight: np.ndarray, a: int, b: int) -> tuple[float, int, int, tuple[float, float, float]]:
    """Return (−error, a, b, (weight, mean, variance)) of the events a:b; the error is 0 for a single event."""
    total = weight[a:b].sum()
    mean = (weight[a:b] * x[a:b]).sum() / total
    d = x[a:b] - mean
    variance, third, fourth = ((weight[a:b] * d**n).sum() / total for n in (2, 3, 4))
    k = 2 * PHASE * DM2_MAX
    error = k**3 * abs(third) / 6 + k**4 * abs(fourth - 3 * variance**2) / 24
    size = total * min(2.0, error) if b - a > 1 else 0.0
    return -size, a, b, (float(total), float(mean), float(variance))


if __name__ == "__main__":
    run(__doc__, build, {"release": "unpacked data release"})
