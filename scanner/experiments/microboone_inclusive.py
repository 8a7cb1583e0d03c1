"""MicroBooNE's inclusive search for electron neutrinos in the Booster beam, 6.37·10²⁰ protons on target (2021).

Seven channels in reconstructed energy: ν_e and ν_μ charged currents, fully and partially contained, and three of π⁰,
with one covariance. The statistic is the collaboration's: the combined Neyman–Pearson χ² of all bins at once, in which
ν_μ and π⁰ constrain ν_e (2110.13978, 2210.10216). The fractional covariance is that of background plus signal, and is
taken for any prediction, as 2111.10359 does.

Oscillation: the ν_e of the beam disappear, ν_μ disappear in the ν_μ channels, and ν_μ become ν_e. Backgrounds of a
channel, among them ν_μ in ν_e channels, and π⁰ channels do not oscillate. The release has no events one by one; the
true energies in each bin are those of migration matrices that 2111.10359 used, and within a bin of these as flux times
energy. ν_e that come of ν_μ are the ν_e of the beam, with their efficiency and energies, times the ratio of the fluxes.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanner.experiments.base import Experiment
from scanner.experiments.fermilab import MINIBOONE_FLUX
from scanner.experiments.tables import DATA, read_table
from scanner.likelihoods.neyman_pearson import CombinedNeymanPearson
from scanner.signals.oscillation import OscillationResponse
from scanner.units import OSCILLATION_PHASE
from scanner.vocabulary import Reference

PROVIDES = ("microboone_inclusive",)
VERSION = 1

Float = NDArray[np.float64]

BASELINE, SPREAD = 0.449, 0.014
"""Mean of the neutrinos' ways, and its standard deviation [km].

The detector is 470 m from the target. Neutrinos are born on the first 50 m of that: 21 ± 14 m behind the target, as
those in MiniBooNE's released simulation, whose ways are 520 ± 14 m long at 541 m.
"""

PATH_DENSITY = 2.0
"""Mean of the neutrinos' way [g/cm³]: of 449 m, 420 m are Fermilab's glacial till, at about 2.1 g/cm³, the rest air.

An estimate, good to 15 %, as that of MiniBooNE in the same beam.
"""

ANTINEUTRINO = 0.35
"""Charged-current cross section on argon of ν̄ over that of ν near 1 GeV, good to 0.1: 4 % of the beam's ν_e are ν̄_e."""

DM2_MAX = 100.0
"""[eV²]: above some 20 the baselines' spread has averaged oscillations away."""

STEP = 0.05
"""Of a cell in true energy, relative."""

NUE, NUMU = (0, 1), (2, 3)
"""Channels with a signal."""


class Bins(NamedTuple):
    """Bins of the release in which anything is expected or was seen."""

    columns: dict[str, Float]
    """Of microboone_inclusive_bins.txt, each of shape (bins,)."""
    fractional: Float
    """Covariance, shape (bins, bins)."""
    rows: NDArray[np.int64]
    """Where they are in the release, shape (bins,)."""

    @property
    def expected(self) -> Float:
        """Events without oscillation, shape (bins,)."""
        return self.columns["background"] + self.columns["signal"]

    @property
    def signals(self) -> int:
        """How many of them, the first ones, may see a signal."""
        return int(np.count_nonzero(self.columns["channel"] <= NUMU[-1]))


def bins() -> Bins:
    """Return the release; without the one bin, of partially contained ν_e below 0.1 GeV, that has nothing in it."""
    columns = read_table(DATA / "microboone_inclusive_bins.txt").columns
    rows = np.flatnonzero(columns["background"] + columns["signal"] + columns["data"] > 0)
    table = read_table(DATA / "microboone_inclusive_covariance.txt").columns
    row, column = table["row"].astype(int), table["column"].astype(int)
    matrix = np.zeros(2 * (columns["data"].size,))
    matrix[row, column] = matrix[column, row] = table["fractional"]
    return Bins({name: of[rows] for name, of in columns.items()}, matrix[np.ix_(rows, rows)], rows)


def likelihood(release: Bins) -> CombinedNeymanPearson:
    """Return the collaboration's statistic; at each point only the ν_e channels are left, see there."""
    n, data, expected = release.signals, release.columns["data"], release.expected
    first = int(np.count_nonzero(release.columns["channel"] <= NUE[-1]))
    return CombinedNeymanPearson(release.fractional, expected[:n], data[:n], expected[n:], data[n:], first)


class Fluxes(NamedTuple):
    """Of MicroBooNE, ν and ν̄ together as they interact: Φ_ν + ANTINEUTRINO · Φ_ν̄."""

    energy: Float
    nue: Float
    numu: Float

    def at(self, energy: Float) -> tuple[Float, Float]:
        """Return both at some energies [GeV]."""
        return np.interp(energy, self.energy, self.nue), np.interp(energy, self.energy, self.numu)


def fluxes() -> Fluxes:
    """Return the fluxes, in units that drop out."""
    of = read_table(DATA / "flux_microboone.txt").columns
    return Fluxes(of["E"], *(of[f"nu{x}"] + ANTINEUTRINO * of[f"nu{x}bar"] for x in ("e", "mu")))


class Cells(NamedTuple):
    """Events of each bin at true energies that all bins share."""

    edges: Float
    """[GeV], shape (energies + 1,)."""
    events: Float
    """Shape (bins with signal, energies)."""

    @property
    def energy(self) -> Float:
        """Middles [GeV]."""
        return (self.edges[:-1] + self.edges[1:]) / 2


def energy_cells(release: Bins, beam: Fluxes) -> Cells:
    """Spread the events of each bin of true energy over cells, as flux times energy."""
    table = read_table(DATA / "microboone_inclusive_true_energy.txt").columns
    edges = _edges(np.union1d(table["low"], table["high"]))
    found = Cells(edges, np.zeros((release.signals, edges.size - 1)))
    weights = [of * found.energy * np.diff(edges) for of in beam.at(found.energy)]
    place = {row: i for i, row in enumerate(release.rows.tolist())}
    parts = np.column_stack([table[name] for name in ("row", "low", "high", "events")])
    for row, low, high, events in parts.tolist():
        i = place[int(row)]
        weight = weights[0] if release.columns["channel"][i] <= NUE[-1] else weights[1]
        inside = (found.energy > low) & (found.energy < high)
        found.events[i, inside] += events * weight[inside] / math.fsum(weight[inside].tolist())
    return found


def _edges(fixed: Float) -> Float:
    """Divide intervals of energy so that none is wider than STEP of itself."""
    edges = [fixed[:1]]
    for low, high in zip(fixed[:-1].tolist(), fixed[1:].tolist(), strict=True):
        parts = math.ceil((high - low) / (STEP * low))
        edges.append(low + (high - low) * np.arange(1, parts + 1) / parts)
    return np.concatenate(edges)


def channels(release: Bins) -> tuple[OscillationResponse, ...]:
    """Return what disappears of ν_e and of ν_μ, and ν_e of fully transmuted ν_μ."""
    beam = fluxes()
    cells = energy_cells(release, beam)
    nue, numu = beam.at(cells.energy)
    ratio = np.divide(numu, nue, out=np.zeros_like(nue), where=nue > 0)
    of_nue = (release.columns["channel"][: release.signals] <= NUE[-1])[:, None]
    return (
        _response("e", "e", cells, np.where(of_nue, cells.events, 0.0)),
        _response("mu", "mu", cells, np.where(of_nue, 0.0, cells.events)),
        _response("mu", "e", cells, np.where(of_nue, cells.events * ratio, 0.0)),
    )


def _response(source: str, target: str, cells: Cells, events: Float) -> OscillationResponse:
    """Cells in order of energy, so that what depends on energy alone is worked out once."""
    energy, width = cells.energy, np.diff(cells.edges)
    mean = BASELINE / energy
    number, bin_ = np.nonzero(events.T > 0)
    return OscillationResponse(
        source=source,
        target=target,
        antineutrino=False,
        bin=bin_.astype(np.int64),
        weight=np.ascontiguousarray(events.T[number, bin_]),
        mean=mean[number],
        variance=((SPREAD / energy) ** 2 + (mean * width / energy) ** 2 / 12)[number],
        phase=OSCILLATION_PHASE,
        dm2_max=DM2_MAX,
        energy=energy[number],
        path_density=PATH_DENSITY,
    )


def load(name: str) -> Experiment:
    """Return the experiment."""
    release = bins()
    names = [str(x) for x in read_table(DATA / "microboone_inclusive_bins.txt").header["channels"]]  # type: ignore[attr-defined]
    return Experiment(
        name=name,
        version=VERSION,
        title="MicroBooNE's inclusive search for electron neutrinos in the Booster beam",
        signals={"oscillation": channels(release)},
        likelihood=likelihood(release),
        data=release.columns["data"],
        background=release.expected,
        signal_bins=np.arange(release.signals),
        coordinates={
            "channel": np.array(names)[release.columns["channel"].astype(int)],
            "E_low": release.columns["E_low"],
            "E_high": release.columns["E_high"],
        },
        coordinate_units={"E_low": "GeV", "E_high": "GeV"},
        data_sets=frozenset({"microboone_bnb_runs_1_to_3_inclusive"}),
        references=(SEARCH, OSCILLATIONS, REANALYSIS, STATISTIC, MINIBOONE_FLUX),
        notes=(
            "background is everything expected without oscillation, so that signals may be negative",
            "true energies are those of digitised migration matrices; backgrounds of a channel, such as nu_mu in nu_e "
            "channels, and pi0 channels do not oscillate; 4 % of antineutrinos are taken as neutrinos",
            "the collaboration has a covariance for each signal: limits on appearance alone are 18 % weaker than its "
            "own, those of 3+1 with all mixings 19 % stronger (medians; Wilks against CLs)",
            "errors that MiniBooNE and MicroBooNE have in common, of the beam and of cross sections, are not",
            "potentials of matter see a path of 2.0 g/cm^3, an estimate good to 15 %",
            "points with dm2 above 100 eV^2 are marked not_converged",
        ),
    )


SEARCH = Reference(
    "MicroBooNE:2021nxr",
    "Abratenko, P. and others (MicroBooNE)",
    "Search for an anomalous excess of inclusive charged-current nu_e interactions in the MicroBooNE experiment using "
    "Wire-Cell reconstruction",
    2022,
    "2110.13978",
    "10.1103/PhysRevD.105.112005",
    "Phys. Rev. D 105 (2022) 112005",
)
OSCILLATIONS = Reference(
    "MicroBooNE:2022sdp",
    "Abratenko, P. and others (MicroBooNE)",
    "First Constraints on Light Sterile Neutrino Oscillations from Combined Appearance and Disappearance Searches with "
    "the MicroBooNE Detector",
    2023,
    "2210.10216",
    "10.1103/PhysRevLett.130.011801",
    "Phys. Rev. Lett. 130 (2023) 011801",
)
REANALYSIS = Reference(
    "Arguelles:2021meu",
    "Argüelles, C. A. and Esteban, I. and Hostert, M. and Kelly, K. J. and Kopp, J. and Machado, P. A. N. and "
    "Martinez-Soler, I. and Perez-Gonzalez, Y. F.",
    "MicroBooNE and the nu_e Interpretation of the MiniBooNE Low-Energy Excess",
    2022,
    "2111.10359",
    "10.1103/PhysRevLett.128.241802",
    "Phys. Rev. Lett. 128 (2022) 241802",
)
STATISTIC = Reference(
    "Ji:2019yca",
    "Ji, Xiangpan and Gu, Wenqiang and Qian, Xin and Wei, Hanyu and Zhang, Chao",
    "Combined Neyman-Pearson Chi-square: An Improved Approximation to the Poisson-likelihood Chi-square",
    2020,
    "1903.07185",
    "10.1016/j.nima.2020.163677",
    "Nucl. Instrum. Meth. A 961 (2020) 163677",
)
