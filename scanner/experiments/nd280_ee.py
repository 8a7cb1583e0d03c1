"""ND280's search for e⁺e⁻ in the gas of its TPCs, and its photons that convert in FGD 1, as tests of upscattering.

``nd280_ee``
    *TPC search* of T2K for heavy neutrinos: nothing was seen in either mode of the beam, on 0.563 and 0.015 events.
    Neutrinos make N in lead, brass, water and scintillator of the P0D and the FGDs, and in the gas; N that fly into
    the fiducial volume of a TPC and decay there are seen, those that decay before are not.
    *Photon sideband* of T2K's ν_e sample in FGD 1, by mass of the pair: N made in the fiducial volume, whose pairs are
    reconstructed as converted photons. *Single photons* in FGD 1, an earlier selection, as one count.
``nd280_upgrade_ee``
    A projection for the upgraded detector and 1.62e22 protons on target.

Selection and efficiency are those of 2205.12273: cos θ > 0.992, (E - p_z)² + p_T² < 0.03 GeV² and p > 0.15 GeV of the
pair, cos > 0 between the two, of which ten per cent are seen; in FGD 1 ten per cent of all pairs. Masses of pairs are
smeared as simulated electrons are. See `scanner.experiments.nd280_geometry` for the detector.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanner.experiments.base import Experiment
from scanner.experiments.fluxes import BEAMS, flux
from scanner.experiments.nd280_geometry import (
    FGD_FIDUCIAL,
    FGD_MASSES,
    HAT,
    MASSES,
    SUPER_FGD,
    SUPER_FGD_CARBON,
    SUPER_FGD_FIDUCIAL,
    TPC,
    UPGRADE_MASSES,
    regions,
)
from scanner.experiments.t2k_nd280_hnl import DATA_SETS, REFERENCE
from scanner.experiments.tables import DATA, read_table
from scanner.likelihoods.poisson import Poisson
from scanner.signals.upscattering_samples import PairRule, Region, Selection, UpscatteringResponse
from scanner.vocabulary import Reference

PROVIDES = ("nd280_ee", "nd280_upgrade_ee")
VERSION = 1

Float = NDArray[np.float64]

MODES = ("fhc", "rhc")
SEARCH = {"fhc": 12.34e20, "rhc": 6.29e20}
SIDEBAND = {"fhc": 11.92e20, "rhc": 6.29e20}
SINGLE = 5.738e20
"""Protons on target: 1902.07598, 2002.11986, 1902.03848."""

EFFICIENCY = 0.10
"""Of all samples; 2205.12273, a round number to which its authors give no error."""
SIGNAL_ERROR = 0.20
PHOTON_ERROR = {"fhc": 0.23, "rhc": 0.21}
SINGLE_ERROR = 0.23
"""Of the number of a signal; of backgrounds, independent in each bin; 2205.12273."""

COSINE, TRANSFER, MOMENTUM = 0.992, 0.03, 0.15
"""Least cos θ, largest (E - p_z)² + p_T² [GeV²], least p [GeV] of a pair."""
SINE_MAX = math.sqrt((1 - COSINE) / 2)

EE_CHANNEL = 4
"""Of the five channels of the search in each mode of the beam."""

UPGRADE = {"fhc": 9.12e21, "rhc": 7.11e21}
"""2e22 protons on target of T2K-II, less those before the upgrade, 2.116e21 and 1.65e21, in the same ratio of modes;
from the authors' public inputs of 2205.12273."""

# Keys of the last two measurements are from memory.
_REFERENCES = (
    Reference(
        "Arguelles:2022lzs",
        "Argüelles, Carlos A. and Foppiani, Nicolò and Hostert, Matheus",
        "Efficiently exploring multidimensional parameter spaces beyond the Standard Model",
        2023,
        "2205.12273",
        "10.1103/PhysRevD.107.035027",
        "Phys. Rev. D 107 (2023) 035027",
    ),
    REFERENCE,
    Reference(
        "T2K:2020lrr",
        "Abe, K. and others (T2K)",
        "Measurement of the charged-current electron (anti-)neutrino inclusive cross-sections at the T2K off-axis near "
        "detector ND280",
        2020,
        "2002.11986",
        "10.1007/JHEP10(2020)114",
        "JHEP 10 (2020) 114",
    ),
    Reference(
        "T2K:2019odo",
        "Abe, K. and others (T2K)",
        "Search for neutral-current induced single photon production at the ND280 near detector in T2K",
        2019,
        "1902.03848",
        "10.1088/1361-6471/ab227d",
        "J. Phys. G 46 (2019) 08LT01",
    ),
    *BEAMS["nd280_fhc"],
)
_UPGRADE_REFERENCE = Reference(
    "T2K:2019bbb",
    "Abe, K. and others (T2K)",
    "T2K ND280 Upgrade - Technical Design Report",
    2019,
    "1901.03750",
)
_NOTES = (
    "efficiency 0.10 is a round number without an error; it is the same for all samples, masses and lifetimes",
    "hydrogen of scintillator and water is left out, as in 2205.12273; nucleons of the other nuclei are counted",
    "N from elsewhere that decay in FGD 1 do not count as photons there; photons of N -> nu gamma are not seen",
    "tracks that what was hit leaves where N is made are no veto",
    "cuts are sharp and directions of decay have few nodes: up to 4 % off thrown events",
    "N that fly less than 4 cm on average before the TPCs: a factor of two, as layers are smeared out",
)


class _Counts(NamedTuple):
    """Bins of an experiment."""

    sample: str
    beam: str
    mass_low: Float
    """[MeV]; 0 of samples without bins of mass."""
    data: Float
    background: Float
    error: Float


def load(name: str) -> Experiment:
    """Return one of the two experiments."""
    return _measured(name) if name == PROVIDES[0] else _projected(name)


def _measured(name: str) -> Experiment:
    single = read_table(DATA / "nd280_single_photon.txt").columns
    # What was digitised is counted as its authors count it: without what is not a whole event.
    data, background = np.floor(single["data"]).sum(), single["background"].sum()
    photons = _one("single photon", "fhc", data, background, SINGLE_ERROR * background)
    counts = [*(_search(mode) for mode in MODES), _sideband("fhc"), photons, _sideband("rhc")]
    first = np.concatenate([[0], np.cumsum([one.data.size for one in counts])])
    made = regions(MASSES, TPC)
    converted = regions({n: {FGD_FIDUCIAL: m} for n, m in FGD_MASSES.items()}, (FGD_FIDUCIAL,))
    samples = (
        *(_tpc_sample(mode, SEARCH[mode], made, first[i]) for i, mode in enumerate(MODES)),
        _fgd_sample("fhc", SIDEBAND["fhc"], converted, first[2], single=SINGLE / SIDEBAND["fhc"]),
        _fgd_sample("rhc", SIDEBAND["rhc"], converted, first[4]),
    )  # fmt: skip
    return Experiment(
        name=name,
        title="T2K ND280, e+e- in the TPCs and converted photons in FGD1",
        data_sets=DATA_SETS | {"t2k_fgd1_photons"},
        references=_REFERENCES,
        notes=(
            *_NOTES,
            "the search is that of t2k_nd280_hnl, in its channel of e+e-: do not add the two",
            "single photons are also in the sideband of the same beam, and errors of both are taken as independent: "
            "what they say together counts up to a quarter too much in chi2",
        ),
        **_parts(counts, samples),
    )


def _projected(name: str) -> Experiment:
    volume = math.fsum(box.volume for box in (*TPC, *HAT)) / math.fsum(box.volume for box in TPC)
    carbon = SUPER_FGD_CARBON * SUPER_FGD_FIDUCIAL.volume / SUPER_FGD.volume
    mass = 1 + carbon / FGD_MASSES["C12"]
    counts = [_expected(_search(mode), volume * UPGRADE[mode] / SEARCH[mode]) for mode in MODES]
    counts += [_expected(_sideband(mode), mass * UPGRADE[mode] / SIDEBAND[mode]) for mode in MODES]
    first = np.concatenate([[0], np.cumsum([one.data.size for one in counts])])
    made = regions(UPGRADE_MASSES, (*TPC, *HAT))
    converted = (
        *regions({n: {FGD_FIDUCIAL: m} for n, m in FGD_MASSES.items()}, (FGD_FIDUCIAL,)),
        *regions({"C12": {SUPER_FGD_FIDUCIAL: carbon}}, (SUPER_FGD_FIDUCIAL,)),
    )
    samples = (
        *(_tpc_sample(mode, UPGRADE[mode], made, first[i]) for i, mode in enumerate(MODES)),
        *(_fgd_sample(mode, UPGRADE[mode], converted, first[2 + i]) for i, mode in enumerate(MODES)),
    )
    return Experiment(
        name=name,
        title="T2K ND280 upgrade, e+e- in the TPCs and converted photons: projection",
        data_sets=frozenset({"t2k_nd280_upgrade"}),
        references=(*_REFERENCES, _UPGRADE_REFERENCE),
        notes=(
            *_NOTES,
            "9.12e21 + 7.11e21 protons on target; the data are the background",
            "the search's cuts, efficiency and background per volume of gas, the sideband's background per mass of "
            "target and its errors are those of today's detector: lower thresholds, better backgrounds are not in it",
            "the P0D's lead is gone, and what is upstream of the SuperFGD is left out",
        ),
        projection=True,
        **_parts(counts, samples),
    )


def _parts(counts: list[_Counts], samples: tuple[UpscatteringResponse, ...]) -> dict[str, Any]:
    """What an experiment is made of, from its bins and its samples."""
    data, background, error = (np.concatenate([one[i] for one in counts]) for i in (3, 4, 5))
    return {
        "version": VERSION,
        "signals": {"upscattering": samples},
        "likelihood": Poisson(data, background, error, SIGNAL_ERROR),
        "data": data,
        "background": background,
        "signal_bins": np.arange(data.size),
        "coordinates": {
            "sample": np.concatenate([np.repeat(one.sample, one.data.size) for one in counts]),
            "beam": np.concatenate([np.repeat(one.beam, one.data.size) for one in counts]),
            "mass_low": np.concatenate([one.mass_low for one in counts]),
        },
        "coordinate_units": {"mass_low": "MeV"},
    }


def _one(sample: str, beam: str, data: float, background: float, error: float) -> _Counts:
    return _Counts(sample, beam, np.zeros(1), np.array([data]), np.array([background]), np.array([error]))


def _search(mode: str) -> _Counts:
    """Return the channel of e⁺e⁻ of T2K's search."""
    columns = read_table(DATA / "t2k_hnl_channels.txt").columns
    row = np.flatnonzero(columns["rhc"] == MODES.index(mode))[EE_CHANNEL]
    return _one("tpc", mode, *(float(columns[of][row]) for of in ("data", "background", "background_error")))


def _sideband(mode: str) -> _Counts:
    """Return the photon sideband in the bins of `_pair_table`."""
    columns = read_table(DATA / f"nd280_photons_{mode}.txt").columns
    edges = _pair_table()[0]
    row = np.searchsorted(edges, columns["mass_low"], side="right") - 1
    data, background = np.zeros(edges.size), np.zeros(edges.size)
    np.add.at(data, row, np.floor(columns["data"]))
    np.add.at(background, row, columns["background"])
    return _Counts("photon sideband", mode, edges, data, background, PHOTON_ERROR[mode] * background)


def _expected(one: _Counts, factor: float) -> _Counts:
    """Return bins as more exposure will fill them without a signal, with the same relative errors."""
    background = factor * one.background
    return one._replace(data=background, background=background, error=factor * one.error)


def _pair_table() -> tuple[Float, Mapping[str, Float]]:
    """Lower edges of the bins of the reconstructed mass [MeV], and the table of their probabilities."""
    columns = read_table(DATA / "nd280_pairs.txt").columns
    return np.array([float(name.removeprefix("from_")) for name in columns if name.startswith("from_")]), columns


def _tpc_sample(mode: str, exposure: float, made: tuple[Region, ...], first: int) -> UpscatteringResponse:
    return UpscatteringResponse(
        f"tpc_{mode}", flux(f"nd280_{mode}", exposure), made, search_selection(), int(first), shortest=0.1, longest=6.0
    )


def _fgd_sample(
    mode: str, exposure: float, made: tuple[Region, ...], first: int, single: float = 0.0
) -> UpscatteringResponse:
    beam, selection = flux(f"nd280_{mode}", exposure), photon_selection(single)
    return UpscatteringResponse(f"photons_{mode}", beam, made, selection, int(first), shortest=0.1, longest=6.0)


SEARCH_MASSES = np.array([0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.2])
SEARCH_ENERGIES = MOMENTUM, 10.0, 40
SEARCH_ANGLES = 17
"""Nodes for the search: masses [GeV], energies [GeV] from, to and how many, and angles."""
FINE = 8
"""Points to a step, over which cuts are averaged, so that they are where they should be between the nodes."""


@functools.cache
def search_selection() -> Selection:
    """Return the selection of pairs in the TPCs."""
    low, high, energies = SEARCH_ENERGIES
    step = math.log(high / low) / (energies - 1)
    shifts = (np.arange(FINE) + 0.5) / FINE - 0.5
    passed = np.zeros((SEARCH_MASSES.size, energies, SEARCH_ANGLES, 1))
    levels = step * np.add.outer(np.arange(energies), shifts)
    energy = np.array([[low * math.exp(max(x, 0.0)) for x in row] for row in levels])
    sine = SINE_MAX / (SEARCH_ANGLES - 1) * np.add.outer(np.arange(SEARCH_ANGLES), shifts)
    sine = np.clip(sine, 0.0, SINE_MAX)
    for i, q in enumerate(SEARCH_MASSES):
        p = np.sqrt(np.maximum(energy * energy - q * q, 0.0))[:, :, None, None]
        cosine = 1 - 2 * sine * sine
        transfer = (energy[:, :, None, None] - p * cosine) ** 2 + p * p * (1 - cosine * cosine)
        passed[i, ..., 0] = ((p > MOMENTUM) & (transfer < TRANSFER)).mean(axis=(1, 3))
    passed[0, 0] = passed[0, 1]  # massless pairs pass from the first node on
    return Selection(low, high, SINE_MAX, {"e_e": EFFICIENCY * passed}, PairRule(cos_min=0.0), SEARCH_MASSES)


@functools.cache
def photon_selection(single: float) -> Selection:
    """Return the selection of pairs in FGD 1, in bins of their mass.

    Parameters
    ----------
    single
        Exposure of the single photons over that of the sideband: one more bin, of pairs of any mass; none if 0.
    """
    edges, columns = _pair_table()
    masses, energies = np.unique(columns["mass"]) / 1000, np.unique(columns["energy"])
    found = np.stack([columns[f"from_{edge:.0f}"] for edge in edges], axis=-1)
    found = found.reshape(masses.size, energies.size, 1, edges.size)
    if single > 0:
        found = np.concatenate([found, np.full((*found.shape[:3], 1), single)], axis=-1)
    return Selection(float(energies[0]), float(energies[-1]), 1.0, {"e_e": EFFICIENCY * found}, masses=masses)
