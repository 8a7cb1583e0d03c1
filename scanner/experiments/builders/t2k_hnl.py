"""Build the tables of T2K's search for heavy neutrinos from the collaboration's data release.

Usage::

    python -m scanner.experiments.builders.t2k_hnl RELEASE [-o FOLDER]

RELEASE is the unpacked data release of arXiv:1902.07598: ``flux.npy``, ``efficiency.npy``, ``background.root``
and ``data.root``; reading the last two takes uproot. Writes ``t2k_hnl_decays.txt`` (decays in the TPCs for
unit mixings, and the efficiencies of the ten channels) and ``t2k_hnl_channels.txt`` (data and background).
"""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np

from scanner.errors import ScannerError
from scanner.experiments.builders.command import run
from scanner.experiments.tables import write_table

MASSES = np.arange(140, 500, 10)
"""[MeV]."""

MODES = 24
"""Columns of the release in each beam mode: twelve decays, of N from K → μ N and from K → e N."""

CHANNELS = 10
SOURCE = {
    "source": "T2K data release of arXiv:1902.07598 (Phys. Rev. D 100 (2019) 052006)",
    "release_date": "2019-02",
    "builder": "scanner.experiments.builders.t2k_hnl",
}


def build(release: Path, folder: Path) -> None:
    """Write both tables.

    Parameters
    ----------
    release
        Folder of the release.
    folder
        Where to write.
    """
    flux, efficiency = np.load(release / "flux.npy"), np.load(release / "efficiency.npy")
    rows = [_row(i, mode, flux, efficiency) for i in range(MASSES.size) for mode in range(MODES) if flux[i, mode] > 0]
    values = np.array(rows).T
    header = {
        "title": "T2K ND280 heavy neutrinos: decays in the TPCs at unit mixings, and efficiencies",
        **SOURCE,
        "note": "decay: order of the release; parent: 0 = K -> mu N, 1 = K -> e N; N and its antiparticle, "
        "of neutral currents summed; efficiency_0 to _4 neutrino mode (mu pi, e- pi+, e+ pi-, mu+ mu-, e+ e-), "
        "_5 to _9 antineutrino mode; closed decays left out",
    }
    columns = {
        "mass": ("MeV", "%d", values[0]),
        "decay": ("1", "%d", values[1]),
        "parent": ("1", "%d", values[2]),
        "decays_fhc": ("events", "%.7g", values[3]),
        "decays_rhc": ("events", "%.7g", values[4]),
    }
    efficiencies = {f"efficiency_{c}": ("1", "%.5g", values[5 + c]) for c in range(CHANNELS)}
    write_table(folder / "t2k_hnl_decays.txt", header, columns | efficiencies)
    _write_channels(release, folder)


def _row(i: int, mode: int, flux: np.ndarray, efficiency: np.ndarray) -> tuple[float, ...]:
    # The release holds a few efficiencies of -1e-10.
    seen = np.maximum(efficiency[i, mode], 0.0)
    return (MASSES[i], mode // 2, mode % 2, flux[i, mode], flux[i, MODES + mode], *seen)


def _write_channels(release: Path, folder: Path) -> None:
    data = _vector(release / "data.root", "vector_data")
    background, error = (_vector(release / "background.root", name) for name in ("vector_bkg", "error_bkg"))
    header = {"title": "T2K ND280 heavy neutrinos: observed and expected events", **SOURCE}
    columns = {
        "rhc": ("1", "%d", np.arange(CHANNELS) // 5),
        "data": ("events", "%d", data),
        "background": ("events", "%.6g", background),
        "background_error": ("events", "%.6g", error),
    }
    write_table(folder / "t2k_hnl_channels.txt", header, columns)


def _vector(path: Path, name: str) -> np.ndarray:
    try:
        uproot = importlib.import_module("uproot")
    except ImportError:
        raise ScannerError("ROOT files are read with uproot, which is not installed: pip install uproot") from None
    with uproot.open(path) as file:
        return np.asarray(file[name].member("fElements"), dtype=np.float64)


if __name__ == "__main__":
    run(__doc__, build, {"release": "unpacked data release"})
