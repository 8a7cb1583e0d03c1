"""Build the spectra of neutrino–electron scattering, at MINERvA and CHARM-II, from digitised figures.

Usage::

    python -m scanner.experiments.builders.electron_scattering INPUTS [-o FOLDER]

INPUTS holds the folders ``minerva_LE``, ``minerva_ME`` and ``charmII`` of the inputs of arXiv:1812.08768. Writes
``minerva_le.txt``, ``minerva_me.txt``, ``charm2_nu.txt`` and ``charm2_nubar.txt``: events per bin, where the figures
show densities, and each source by itself, where the figures stack them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scanner.experiments.builders.command import run
from scanner.experiments.tables import write_table

BUILDER = {"builder": "scanner.experiments.builders.electron_scattering"}
DEDX = np.array([1.5, 2.5, 3, 3.5, 4, 4.5, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 20])
"""[MeV/1.7 cm]: those of ``Official_ME_dEdX_binedges.dat``, rounded to what they digitise."""

CHARM2_BINS = 16
CHARM2_STEP = 0.0167
"""[√GeV]: bins are uniform in √E θ."""

CHARM2_SIGNAL = 5
"""Bins with ν e; above, the curves of signal and background are one, read twice."""


def build(inputs: Path, folder: Path) -> None:
    """Write the tables.

    Parameters
    ----------
    inputs
        Folder of the inputs.
    folder
        Where to write.
    """
    _write_minerva_le(inputs / "minerva_LE", folder)
    _write_minerva_me(inputs / "minerva_ME", folder)
    edges = (CHARM2_STEP * np.arange(CHARM2_BINS + 1)) ** 2
    charm2 = inputs / "charmII"
    neutrino = {
        name: np.loadtxt(charm2 / f"nu_beam_{file}.dat")[:, 1]
        for name, file in (("data", "data"), ("background", "MCbkg"), ("total", "MCsig"))
    }
    note = "signal sums to the published 2677 +- 82 (from memory)"
    _write_charm2(folder / "charm2_nu.txt", "neutrino", edges, neutrino, note)
    centres = (edges[:-1] + edges[1:]) / 2
    antineutrino = {
        "data": np.loadtxt(charm2 / "nubar_beam_data.dat")[:, 1],
        "background": np.interp(centres, *np.loadtxt(charm2 / "nubar_beam_MCbkg.dat").T),
        "total": np.interp(centres, *np.loadtxt(charm2 / "nubar_beam_fit_matheus.dat").T),
    }
    note = (
        "background and signal are curves at the bins' centres; signal, from a second digitising, is 10 % uncertain "
        "(published: 2752 +- 88, from memory); that one has 5 to 8 % less background above 0.02 GeV, where this "
        "one fits the data"
    )
    _write_charm2(folder / "charm2_nubar.txt", "antineutrino", edges, antineutrino, note)


def _write_minerva_le(inputs: Path, folder: Path) -> None:
    data, background, total = (
        _padded(np.loadtxt(inputs / f"dEdX_paper_{kind}.dat")[:, 1]) for kind in ("data", "MCbkg", "MCsignal")
    )
    header = {
        "title": "MINERvA electron candidates by dE/dx at the beginning of the shower, low-energy beam",
        "source": "digitised from arXiv:1512.07699 (Phys. Rev. D 93 (2016) 112007), 3.43e20 POT",
        "release_date": "2015-12",
        **BUILDER,
        "note": "events per bin; signal (nu e) is the figure's stack less the background, 0 where the stack is not "
        "drawn; below 4.5 the figure sums to 127 events on 31 of background",
        "uncertainty": "2 % and 0.5 events, of digitising",
    }
    _write_minerva(folder / "minerva_le.txt", header, data, background, total)


def _write_minerva_me(inputs: Path, folder: Path) -> None:
    data, background, total, pi0 = (
        np.loadtxt(inputs / f"Official_ME_dEdX_{kind}.dat")[:, 1] for kind in ("data", "MCbkg", "MCtotal", "MCPI0")
    )
    header = {
        "title": "MINERvA electron candidates by dE/dx at the beginning of the shower, medium-energy beam",
        "source": "digitised from arXiv:1906.00111 (Phys. Rev. D 100 (2019) 092001), 1.16e21 POT",
        "release_date": "2019-06",
        **BUILDER,
        "note": "events per bin; signal (nu e) is the figure's stack less the background, with the flux before its "
        "own constraint; below 4.5 the figure sums to 1020 events on 218 of background (published: 810 of signal); "
        "pi0 is a part of background; the file MCnue_e is background with the signal of nu_e on electrons on top",
        "uncertainty": "2 % and 5 events, of digitising",
    }
    pi0_events = pi0 * np.diff(DEDX)
    _write_minerva(folder / "minerva_me.txt", header, data, background, total, pi0=("events", "%.5g", pi0_events))


def _write_minerva(
    path: Path,
    header: dict[str, str],
    data: np.ndarray,
    background: np.ndarray,
    total: np.ndarray,
    **more: tuple[str, str, np.ndarray],
) -> None:
    width = np.diff(DEDX)
    columns = {
        "dedx_low": ("MeV/1.7 cm", "%g", DEDX[:-1]),
        "dedx_high": ("MeV/1.7 cm", "%g", DEDX[1:]),
        "data": ("events", "%.5g", data * width),
        "background": ("events", "%.5g", background * width),
        "signal": ("events", "%.5g", np.maximum(total - background, 0.0) * width),
    }
    write_table(path, header, columns | more)


def _padded(values: np.ndarray) -> np.ndarray:
    return np.concatenate([values, np.zeros(DEDX.size - 1 - values.size)])


def _write_charm2(path: Path, beam: str, edges: np.ndarray, density: dict[str, np.ndarray], note: str) -> None:
    width = 1e3 * np.diff(edges)
    header = {
        "title": f"CHARM-II electron candidates by E theta^2, {beam} beam",
        "source": "digitised by the authors of arXiv:1812.08768 from P. Vilain et al. (CHARM-II), "
        "Phys. Lett. B 335 (1994) 246 (from memory)",
        "release_date": "1994-09",
        **BUILDER,
        "note": "events per bin, of 3 < E < 24 GeV (from memory); signal: nu e; the figure has events per MeV and "
        "stacks signal on background; bins are uniform in sqrt(E) theta, which the digitised positions follow above "
        f"0.006 GeV and are too coarse to tell below; no signal above 0.007 GeV; {note}",
        "uncertainty": "2 %, of digitising, and 3 % in the widths of the bins",
    }
    signal = np.maximum(density["total"] - density["background"], 0.0)
    signal[CHARM2_SIGNAL:] = 0.0
    columns = {
        "etheta2_low": ("GeV", "%.5g", edges[:-1]),
        "etheta2_high": ("GeV", "%.5g", edges[1:]),
        "data": ("events", "%.5g", density["data"] * width),
        "background": ("events", "%.5g", density["background"] * width),
        "signal": ("events", "%.5g", signal * width),
    }
    write_table(path, header, columns)


if __name__ == "__main__":
    run(__doc__, build, {"inputs": "folder of the digitised figures"})
