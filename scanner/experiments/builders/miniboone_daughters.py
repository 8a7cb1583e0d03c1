"""Build what MiniBooNE sees of an electron neutrino of any energy, from the collaboration's data release.

Usage::

    python -m scanner.experiments.builders.miniboone_daughters RELEASE [-o FOLDER]

RELEASE is the unpacked data release of arXiv:2006.16883. Its events of full ν_μ→ν_e transmutation, divided by the flux
of ν_μ at their energy, are cross section times efficiency times resolution of a ν_e of that energy. Writes
``miniboone_daughters.txt``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scanner.experiments.builders.command import run
from scanner.experiments.builders.miniboone import SOURCE
from scanner.experiments.miniboone_release import PROTONS
from scanner.experiments.tables import DATA, read_table, write_table

Float = NDArray[np.float64]

KINDS = {
    "nue": ("fhc", "numu", "fhc/miniboone_numunuefullosc_ntuple.txt"),
    "nuebar": ("rhc", "numubar", "rhc/miniboone_numubarnuebarfullosc_ntuple.txt"),
}
"""Beam, flux that was transmuted, and events; those of antineutrino mode have no wrong-sign neutrinos."""
STEPS = ((0, 1000, 25), (1000, 2000, 50), (2000, 3000, 100), (3000, 5000, 200), (5000, 7400, 400))
"""Cells of energy [MeV]: first, last, width."""


def edges() -> Float:
    """Return the edges of the cells [MeV]."""
    inner = [np.arange(*of, dtype=float) for of in STEPS]
    return np.concatenate([*inner, [float(STEPS[-1][1])]])


def build(release: Path, folder: Path) -> None:
    """Write the table.

    Parameters
    ----------
    release
        Folder of the release.
    folder
        Where to write.
    """
    reconstructed = np.array((release / "fhc/miniboone_binboundaries_nue_lowe.txt").read_text().split(), dtype=float)
    energy = edges()
    columns = {"E_low": ("MeV", "%g", energy[:-1]), "E_high": ("MeV", "%g", energy[1:])}
    lengths = np.zeros((2, energy.size - 1))
    for kind, (beam, flavour, file) in KINDS.items():
        events = np.loadtxt(release / file)
        per_mev = _flux(beam, flavour, events[:, 1])
        weight = events[:, 3] / len(events)
        seen = np.histogram2d(events[:, 1], events[:, 0], (energy, reconstructed), weights=weight / per_mev)[0]
        for b, of in enumerate((seen / np.diff(energy)[:, None]).T):
            columns[f"{kind}_{b}"] = ("cm^2", "%.6g", of)
        lengths += [np.histogram(events[:, 1], energy, weights=w)[0] for w in (weight, weight * events[:, 2] / 100)]
    columns["length"] = ("m", "%.6g", _filled(lengths[1], lengths[0]))
    header = {
        "title": "MiniBooNE events in each bin of E_nu^QE per nu_e, or nuebar_e, per cm^2",
        **SOURCE,
        "builder": "scanner.experiments.builders.miniboone_daughters",
        "protons": PROTONS,
        "wrong_sign": round(_wrong_sign(release, reconstructed), 3),
        "note": "length: mean way of neutrinos of this energy, of both kinds; constant where there are no events; "
        "wrong_sign: nu_mu of antineutrino mode in the release over those of its flux",
    }
    write_table(folder / "miniboone_daughters.txt", header, columns)


def _flux(beam: str, flavour: str, energy: Float) -> Float:
    """Neutrinos at energies [MeV], 1/(cm² MeV)."""
    flux = read_table(DATA / f"flux_miniboone_{beam}.txt").columns
    return np.interp(energy, 1e3 * flux["E"], 1e-3 * PROTONS[beam] * flux[flavour])


def _wrong_sign(release: Path, reconstructed: Float) -> float:
    """Neutrinos of antineutrino mode in the release, over those that flux and neutrino mode make.

    Both sets of antineutrino mode have the same antineutrinos, with weights that differ by the sizes of the sets.
    """
    files = "fhc/miniboone_numunuefullosc", "combined/miniboone_nubarfullosc", "rhc/miniboone_numubarnuebarfullosc"
    neutrino, both, right = (np.loadtxt(release / f"{file}_ntuple.txt") for file in files)

    def seen(events: Float, weight: Float) -> float:
        inside = (events[:, 0] >= reconstructed[0]) & (events[:, 0] < reconstructed[-1])
        return float(weight[inside].sum() / len(events))

    ratio = _flux("rhc", "numu", neutrino[:, 1]) / _flux("fhc", "numu", neutrino[:, 1])
    return (seen(both, both[:, 3]) - seen(right, right[:, 3])) / seen(neutrino, neutrino[:, 3] * ratio)


def _filled(moment: Float, weight: Float) -> Float:
    full = np.flatnonzero(weight > 0)
    return np.interp(np.arange(weight.size), full, moment[full] / weight[full])


if __name__ == "__main__":
    run(__doc__, build, {"release": "unpacked data release"})
