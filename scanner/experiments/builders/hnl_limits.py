r"""Build the one table of published limits on heavy neutrinos from a collection of digitised curves.

Usage::

    python -m scanner.experiments.builders.hnl_limits COLLECTION [-o FOLDER]

COLLECTION is a folder with ``index.csv`` and one file a side of a curve, columns m_N [GeV] and value, as in
the collection kept with arXiv:2304.06772. Writes ``hnl_limits.txt``: for each curve a polyline in m_N, with
the smallest and the largest coupling that it excludes.

What is cleaned: points are put in order of mass; a closed contour, in whatever order and under whatever
labels its points come, is cut into its lower and its upper side; of points at one mass the outermost are
kept, so that verticals at the ends of a curve, which are edges of a plot, go; upper sides that leave the plot
are closed by its frame, below which they truly lie nowhere; values are turned into the square of a coupling;
points that the others reproduce are left out.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ruamel.yaml.comments import CommentedMap

from scanner.experiments.builders.command import run
from scanner.experiments.tables import write_table
from scanner.physics.particles import BOHR_MAGNETON

TOLERANCE = 0.005
"""Largest relative deviation of the shipped polylines from the cleaned ones, in coupling squared."""

LEVELS = {"90": 0.90, "90.0": 0.90, "95": 0.95, "95.0": 0.95, "2sigma": math.erf(math.sqrt(2))}

# Closed contours whose files mix both sides: a line (m_N [GeV], value) between them, straight in the logarithms,
# or None for the line from the middle of the left end to the middle of the right end.
MIXED: Mapping[str, tuple[tuple[float, float], ...] | None] = {
    "Ue4_cms_2022": None,
    "Ue4_cms_2024_1": None,
    "Umu4_bebc": None,
    "Umu4_na3": None,
    "Umu4_charmii": None,
    "Umu4_cms_2022": None,
    "Umu4_cms_2024_1": None,
    "Utau4_argoneut": ((0.2342, 1.5), (0.3, 0.3), (0.988, 5.3e-4)),
    "Utau4_bebc_barouki": None,
    "Utau4_belle_2024": None,
    "Utau4_charm_2021": None,
    "Utau4_cms_2024_1": None,
    "dipole_e_sk_atm": ((0.005, 3e-6), (0.0859, 2.4386e-6)),
    "dipole_mu_sk_atm": ((0.005, 2e-6), (0.0997, 1.2876e-6)),
}

# The upper side meets the plot's upper edge, and nothing runs along it: the contour is closed along the edge.
FRAMED = ("dipole_e_sk_atm", "dipole_mu_sk_atm")

# The vertical at the right end was digitised with a wobble: points that turn back are dropped.
WALLED = ("dipole_e_lsnd", "dipole_mu_miniboone")

SOURCE = {
    "title": "Published limits on heavy neutrinos, as curves",
    "source": "digitised by the collection of arXiv:2304.06772 (Heavy-Neutrino-Limits); each curve's own "
    "publication is its key",
    "release_date": "2024",
    "builder": "scanner.experiments.builders.hnl_limits",
    "note": "curve: position in curves; bottom and top: smallest and largest coupling squared that is excluded at "
    "m_N, |U_a4|^2 or, for dipoles, |mu_tr_a|^2 in GeV^-2; top is inf where nothing bounds it from above, bottom "
    "is 0 where nothing does from below; straight lines in the logarithms between the points",
}


@dataclass(frozen=True)
class Cleaned:
    """A curve as a function of mass: arrays of one length, top inf and bottom 0 where there is none."""

    mass: np.ndarray
    bottom: np.ndarray
    top: np.ndarray


def build(collection: Path, folder: Path) -> None:
    """Write the table of limits.

    Parameters
    ----------
    collection
        Folder of the digitised curves.
    folder
        Where to write.
    """
    with (collection / "index.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = list(dict.fromkeys(_name(row) for row in rows))
    curves = {name: cleaned(collection, name, [r for r in rows if _name(r) == name]) for name in names}
    _write(folder, {_name(row): _facts(row) for row in rows}, curves)


def _name(row: Mapping[str, str]) -> str:
    return f"{row['coupling']}_{row['experiment']}"


def _facts(row: Mapping[str, str]) -> CommentedMap:
    facts = CommentedMap(
        label=_plain(row["label"]),
        year=int(row["year"]),
        key=row["inspire_texkey"],
        level=round(LEVELS[row["CL"]], 6),
        nature=row["nature"].lower() or "unstated",
    )
    facts.fa.set_flow_style()
    return facts


def _plain(label: str) -> str:
    """Spell a label without TeX."""
    for tex, plain in ((r"$\mu$BooNE", "MicroBooNE"), (r"MINER$\nu$A", "MINERvA"), (r"\"u", "u"), ("(", " (")):
        label = label.replace(tex, plain)
    return " ".join(re.sub(r"[$^{}\\]", "", label).split())


def cleaned(collection: Path, name: str, rows: Iterable[Mapping[str, str]]) -> Cleaned:
    """Return one curve, thinned.

    Parameters
    ----------
    collection
        Folder of the digitised curves.
    name
        ``coupling_experiment``.
    rows
        Its rows in the index.
    """
    sides = {row["side"]: np.loadtxt(collection / row["file"], delimiter=",", skiprows=1, ndmin=2) for row in rows}
    unit = next(iter(rows))["value_units"]
    bottom, top = _sides(name, sides)
    curve = _on_common_masses(_ordered(bottom, np.minimum), None if top is None else _ordered(top, np.maximum))
    curve = Cleaned(curve.mass, _squared(curve.bottom, unit), _squared(curve.top, unit))
    return _thinned(curve)


def _sides(name: str, sides: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the points of the lower side, and of the upper one if there is one."""
    if name.endswith("_bbn"):
        return _below(_lifetime_side(sides["bottom"]))
    if name.endswith("_cosmo"):
        return _below(sides["top"])
    if name == "Utau4_atmospheric":  # labelled top; what lies above it is excluded
        return sides["top"], None
    if name in WALLED:
        return _without_turns(sides["bottom"]), None
    if name not in MIXED:
        return sides["bottom"], sides.get("top")
    points = sides["bottom"]
    bottom, top = _divided(points, MIXED[name] or _middle_line(points))
    if name in FRAMED:
        left = top[:, 0].argmin()
        top[left, 1] = np.delete(top, left, axis=0)[:, 1].max()
    return bottom, top


def _below(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the sides of what is excluded all the way down: lifetimes that are too long."""
    return np.column_stack([points[:, 0], np.zeros(len(points))]), points


def _lifetime_side(polygon: np.ndarray) -> np.ndarray:
    """Lower branch of the polygon of dipoles that nucleosynthesis excludes, from its leftmost point to its tip.

    The rest of the polygon, at larger dipoles and below 2.3 MeV, comes from N in equilibrium and is no bound
    on a lifetime; its straight edges are those of the plot.
    """
    first = int(np.where(polygon[:, 0] > 1e-6, polygon[:, 0], np.inf).argmin())
    last = first + int(np.argmax(polygon[first:, 0]))
    return polygon[first : last + 1]


def _without_turns(points: np.ndarray) -> np.ndarray:
    return points[points[:, 0] >= np.maximum.accumulate(points[:, 0])]


def _middle_line(points: np.ndarray) -> tuple[tuple[float, float], ...]:
    mass, value = points.T
    ends = ((mass.min(), mass < 1.03 * mass.min()), (mass.max(), mass > 0.995 * mass.max()))
    return tuple((float(m), math.sqrt(value[near].min() * value[near].max())) for m, near in ends)


def _divided(points: np.ndarray, line: tuple[tuple[float, float], ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return the points below and above a line; the leftmost and the rightmost belong to both."""
    x, y = np.log(np.array(line)).T
    above = np.log(points[:, 1]) > np.interp(np.log(points[:, 0]), x, y)
    ends = np.isin(points[:, 0], (points[:, 0].min(), points[:, 0].max()))
    return points[~above | ends], points[above | ends]


def _ordered(points: np.ndarray, outermost: np.ufunc) -> np.ndarray:
    """Return points with rising masses, of those at one mass the outermost."""
    masses, place = np.unique(points[:, 0], return_inverse=True)
    values = np.full(masses.size, np.inf if outermost is np.minimum else 0.0)
    outermost.at(values, place, points[:, 1])
    return np.column_stack([masses, values])


def _on_common_masses(bottom: np.ndarray, top: np.ndarray | None) -> Cleaned:
    """Return both sides at the masses of either, where there are both and they have not crossed."""
    if top is None:
        return Cleaned(bottom[:, 0], bottom[:, 1], np.full(len(bottom), np.inf))
    mass = np.union1d(bottom[:, 0], top[:, 0])
    mass = mass[(mass >= max(bottom[0, 0], top[0, 0])) & (mass <= min(bottom[-1, 0], top[-1, 0]))]
    low, high = (_interpolated(mass, side) for side in (bottom, top))
    kept = low <= high
    return Cleaned(mass[kept], low[kept], high[kept])


def _interpolated(mass: np.ndarray, side: np.ndarray) -> np.ndarray:
    if not side[:, 1].all():
        return np.zeros(mass.size)
    return np.asarray(np.exp(np.interp(np.log(mass), np.log(side[:, 0]), np.log(side[:, 1]))))


def _squared(value: np.ndarray, unit: str) -> np.ndarray:
    """Turn d = μ_tr/2 [GeV⁻¹] or μ_tr [μ_B] into |μ_tr|² [GeV⁻²]; |U|² is one already."""
    if not unit:
        return value
    return np.asarray((value * {"invGeV": 2.0, "muB": BOHR_MAGNETON}[unit]) ** 2)


def _thinned(curve: Cleaned) -> Cleaned:
    """Leave out points that straight lines between the others reproduce to TOLERANCE (Douglas and Peucker)."""
    x = np.log(curve.mass)
    lines = [np.log(side) for side in (curve.bottom, curve.top) if np.all((side > 0) & np.isfinite(side))]
    kept, pending = {0, x.size - 1}, [(0, x.size - 1)]
    while pending:
        a, b = pending.pop()
        inner = slice(a + 1, b)
        deviation = np.zeros(max(b - a - 1, 0))
        for y in lines:
            chord = y[a] + (y[b] - y[a]) * (x[inner] - x[a]) / (x[b] - x[a])
            deviation = np.maximum(deviation, np.abs(y[inner] - chord))
        if deviation.size and deviation.max() > TOLERANCE:
            worst = a + 1 + int(deviation.argmax())
            kept.add(worst)
            pending += [(a, worst), (worst, b)]
    index = sorted(kept)
    return Cleaned(curve.mass[index], curve.bottom[index], curve.top[index])


def _write(folder: Path, facts: Mapping[str, CommentedMap], curves: Mapping[str, Cleaned]) -> None:
    number = np.concatenate([np.full(curve.mass.size, i) for i, curve in enumerate(curves.values())])
    mass, bottom, top = (
        np.concatenate([getattr(curve, side) for curve in curves.values()]) for side in ("mass", "bottom", "top")
    )
    write_table(
        folder / "hnl_limits.txt",
        {**SOURCE, "tolerance": TOLERANCE, "curves": dict(facts)},
        {
            "curve": ("1", "%d", number),
            "m_N": ("GeV", "%.7g", mass),
            "bottom": ("1 or GeV^-2", "%.5g", bottom),
            "top": ("1 or GeV^-2", "%.5g", top),
        },
    )


if __name__ == "__main__":
    run(__doc__, build, {"collection": "folder of the digitised curves, with index.csv"})
