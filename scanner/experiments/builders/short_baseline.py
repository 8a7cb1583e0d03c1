"""Build the compact tables of the short-baseline experiments from published numbers.

Usage::

    python -m scanner.experiments.builders.short_baseline RELEASES [-o FOLDER]

RELEASES holds the folders ``short_baseline`` (rates and bins as their authors printed them, or digitised) and
``icecube_8yr`` (the data release of arXiv:2005.12942 and 2005.12943). Writes ``gallium_rates.txt``,
``reactor_rates.txt``, ``reactor_covariance.txt``, ``lsnd_bins.txt``, ``karmen_bins.txt``, ``cdhs_ratios.txt`` and
``icecube_8yr.txt``.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scanner.experiments.builders import command
from scanner.experiments.tables import write_table

Float = NDArray[np.float64]

BUILDER = {"builder": "scanner.experiments.builders.short_baseline"}

KARMEN_COUNTS = (3, 4, 1, 3, 3, 1, 0, 0, 0)
"""Figure 11 of hep-ex/0203021 as koppj/nu-osc (0-code/sbl-2010/karmen.cc) read it off. The list among the inputs, of a
later file of the same code, lacks the fifth entry: it has eight, which sum to 12 and not to the 15 published."""

COMPLETE_FROM = 2.5e-3
"""Of IceCube's sin²2θ24: below, the released list has but a fifth of the grid."""

TOWARDS_NULL = (-1000, -800, -720, -670, -620, -570)
"""200 log10 of the values of sin²2θ24 at which 2ΔLLH is put between that without oscillation and the first complete
column, linearly in sin²2θ24, as an interference of second order in the mixing is."""


def build(releases: Path, folder: Path) -> None:
    """Write all tables.

    Parameters
    ----------
    releases
        Folder of the folders ``short_baseline`` and ``icecube_8yr``.
    folder
        Where to write.
    """
    published = releases / "short_baseline"
    _write_gallium(published, folder)
    _write_reactors(published, folder)
    _write_lsnd(published, folder)
    _write_karmen(published, folder)
    _write_cdhs(published, folder)
    _write_icecube(releases / "icecube_8yr", folder)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def _column(rows: list[dict[str, str]], name: str) -> Float:
    return np.array([float(row[name]) for row in rows])


def _write_gallium(published: Path, folder: Path) -> None:
    rows = _rows(published / "gallium_data.csv")
    header = {
        "title": "Rates from radioactive sources in gallium over Bahcall's prediction",
        "source": "1006.3244 (GALLEX, SAGE) and 2109.11482 (BEST)",
        "release_date": "2021-09",
        **BUILDER,
        "rows": [row["experiment"] for row in rows],
    }
    columns = {
        "ratio": ("1", "%g", _column(rows, "R_obs_over_Bahcall")),
        "error": ("1", "%g", _column(rows, "sigma_exp")),
        "argon": ("1", "%d", np.array([row["source"] == "Ar" for row in rows])),
    }
    write_table(folder / "gallium_rates.txt", header, columns)


def _write_reactors(published: Path, folder: Path) -> None:
    rows = _rows(published / "reactor_rates_data.csv")
    source = {
        "source": "rates and covariance as collected by GLoBESfit (2005.01756)",
        "release_date": "2020-05",
        **BUILDER,
        "rows": [row["experiment"] for row in rows],
    }
    isotopes = {f"f_{name}": ("1", "%g", _column(rows, f"f_{name}")) for name in ("U235", "U238", "Pu239", "Pu241")}
    columns = {
        "baseline": ("m", "%g", _column(rows, "L_m")),
        **isotopes,
        "ratio": ("1", "%g", _column(rows, "R_obs_over_HM")),
    }
    title = "Rates of reactor antineutrinos over Huber's and Mueller's prediction, with fission fractions"
    write_table(folder / "reactor_rates.txt", {"title": title, **source}, columns)
    inverse = np.loadtxt(published / "reactor_rates_invcov_21x21.csv", delimiter=",")
    covariance = np.linalg.inv(inverse)
    row, column = np.triu_indices(len(covariance))
    kept = np.abs(covariance[row, column]) > 1e-12
    matrix = {
        "row": ("1", "%d", row[kept]),
        "column": ("1", "%d", column[kept]),
        "covariance": ("1", "%.10g", covariance[row, column][kept]),
    }
    title = "Covariance of the reactor rates, upper triangle; what is not there is 0"
    write_table(folder / "reactor_covariance.txt", {"title": title, **source}, matrix)


def _write_lsnd(published: Path, folder: Path) -> None:
    rows = _rows(published / "lsnd_LE_bins_digitised.csv")
    header = {
        "title": "LSND's events with R_gamma > 10 in bins of L/E",
        "source": "figure 24 of hep-ex/0104049, digitised by koppj/nu-osc",
        "release_date": "2001-04",
        **BUILDER,
        "note": "beam_on is the excess plus beam_off; digitised, hence not integers; efficiency is relative",
    }
    beam_off = _column(rows, "beam_off")
    columns = {
        "low": ("m/MeV", "%g", _column(rows, "LoverE_lo_m_per_MeV")),
        "high": ("m/MeV", "%g", _column(rows, "LoverE_hi_m_per_MeV")),
        "beam_on": ("events", "%.6g", _column(rows, "beam_excess_data") + beam_off),
        "beam_off": ("events", "%.6g", beam_off),
        "neutrinos": ("events", "%.6g", _column(rows, "nu_background") + _column(rows, "intrinsic_nuebar")),
        "efficiency": ("1", "%.7g", _column(rows, "relative_efficiency")),
    }
    write_table(folder / "lsnd_bins.txt", header, columns)


def _write_karmen(published: Path, folder: Path) -> None:
    rows = _rows(published / "karmen2_bins.csv")
    header = {
        "title": "KARMEN2's events in bins of prompt energy",
        "source": "figure 11 of hep-ex/0203021, digitised by koppj/nu-osc",
        "release_date": "2002-03",
        **BUILDER,
        "note": "15 events, as published; the fifth count is missing in a later list of the same source",
    }
    columns = {
        "low": ("MeV", "%g", _column(rows, "E_lo_MeV")),
        "high": ("MeV", "%g", _column(rows, "E_hi_MeV")),
        "data": ("events", "%d", np.array(KARMEN_COUNTS)),
        "background": ("events", "%.7g", _column(rows, "background_expected")),
    }
    write_table(folder / "karmen_bins.txt", header, columns)


def _write_cdhs(published: Path, folder: Path) -> None:
    rows = _rows(published / "cdhs_data.csv")
    header = {
        "title": "CDHS: rates of the back over the front detector",
        "source": "Phys. Lett. B 134 (1984) 281, with thresholds of the muon's energy as in koppj/nu-osc",
        "release_date": "1984",
        **BUILDER,
        "note": "the bins of two sets, 8 and 7, each from its threshold to the next one, the last open",
    }
    columns = {
        "ratio": ("1", "%g", _column(rows, "R_back_over_front")),
        "error": ("1", "%g", _column(rows, "sigma")),
        "threshold": ("GeV", "%g", _column(rows, "Emu_threshold_GeV")),
    }
    write_table(folder / "cdhs_ratios.txt", header, columns)


def _write_icecube(release: Path, folder: Path) -> None:
    mixing, dm2, value, filled = _icecube_grid(release / "2DLLHValues.txt")
    small = np.array([10 ** (step / 200) for step in TOWARDS_NULL])
    share = (small / mixing[0])[:, None]
    value = np.concatenate([(1 - share) * _null(release) + share * value[0], value])
    mixing = np.concatenate([small, mixing])
    header = {
        "title": "IceCube's 2 Delta LLH, eight years of atmospheric muon neutrinos",
        "source": "data release of arXiv:2005.12942 and 2005.12943",
        "release_date": "2020-05",
        **BUILDER,
        "note": f"sin2_2theta24 < {COMPLETE_FROM:g}, where the release is not complete, is replaced by straight lines "
        f"in sin2_2theta24 to its point without oscillation, {_null(release):.6g}; {filled} nodes that the release "
        "lacks are interpolated in ln sin2_2theta24",
    }
    columns = {
        "sin2_2theta24": ("1", "%.5g", np.repeat(mixing, dm2.size)),
        "dm2_41": ("eV^2", "%.5g", np.tile(dm2, mixing.size)),
        "delta": ("1", "%.6g", value.ravel()),
    }
    write_table(folder / "icecube_8yr.txt", header, columns)


def _released(path: Path) -> Float:
    """The rows of IceCube's list, whose numbers are quoted."""
    lines = [line.replace('"', "").split() for line in path.read_text().splitlines() if not line.startswith("#")]
    return np.array(lines, dtype=float)


def _null(release: Path) -> float:
    rows = _released(release / "2DLLHValues.txt")
    return float(rows[rows[:, 0] == 0, 2][0])


def _icecube_grid(path: Path) -> tuple[Float, Float, Float, int]:
    """Mixings, Δm² [eV²], 2ΔLLH of shape (mixings, Δm²), and how many of these were interpolated."""
    rows = _released(path)
    rows = rows[rows[:, 0] > 0]
    steps = np.rint(np.array([[math.log10(x) * 200 for x in row[:2]] for row in rows])).astype(int)
    complete = steps[:, 0] >= round(200 * math.log10(COMPLETE_FROM))
    steps, values = steps[complete], rows[complete, 2]
    mixing, i = np.unique(steps[:, 0], return_inverse=True)
    dm2, j = np.unique(steps[:, 1], return_inverse=True)
    grid = np.full((mixing.size, dm2.size), np.nan)
    grid[i, j] = values
    filled = int(np.isnan(grid).sum())
    for column in grid.T:
        known = ~np.isnan(column)
        column[:] = np.interp(mixing, mixing[known], column[known])
    return 10 ** (mixing / 200), 10 ** (dm2 / 200), grid, filled


if __name__ == "__main__":
    command.run(__doc__, build, {"releases": "folder of the folders short_baseline and icecube_8yr"})
