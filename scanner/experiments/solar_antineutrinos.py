"""Searches for ν̄_e from the Sun by inverse beta decay: KamLAND, Borexino and Super-Kamiokande IV.

Events are N_p T ε ∫ dE Φ(E) dσ/dE_e, in bins of the prompt energy E_p = E_e + m_e, smeared by a Gaussian of width
a √E_p (energies in MeV); the cross section and the energies of the positron are those of Strumia and Vissani. What
each search uses:

- KamLAND (1105.3516): 4.53 kt yr, that is 2343 days of the sphere of 6 m, 5.98e31 free protons (0.78 g/cm³ with 14.2 %
  hydrogen: 80 % dodecane and 20 % pseudocumene by volume), efficiency 92 %, a = 6.4 %. The later 6.72 kt yr
  (2108.08527) are not in it.
- Borexino (1909.02422): 1.32e31 protons, 2485 days, efficiency 85 %, a = 5.56 %.
- Super-Kamiokande IV (2012.03807): 22.5 kt of water, 2970.1 days, a = 20 %. There is no table of the efficiency. Its
  ratios are those of the signal that the figure shows to our events, in the last bin, where almost nothing is shown,
  that of the bin before; its size is such that the 90 % limit here is the published one, 4.7e-4 of 5.25e6 /(cm² s)
  with the spectrum of ⁸B (flux from memory). It is good to 30 %, and more for other spectra.

KamLAND's and Borexino's exposures, efficiencies and resolutions are as 2008.11851 takes them from the publications. For
these two, Feldman–Cousins limits of the counts over our events are the published limits of the flux bin by bin (see the
tests): 1 % in Borexino above 2.8 MeV, 2 % in KamLAND up to 14 MeV.

The Sun makes ν̄_e of its own, which are added to the backgrounds: from photo-fission 1e-3 /(cm² s) at 3 to 9 MeV, and
from long-lived isotopes 200 /(cm² s) below 3 MeV, taken for flat there (Malaney, Meyer & Butler, Astrophys. J. 352
(1990) 767): at most 0.02 events.

Nuisance parameters: each bin's background, 20 % in KamLAND and Super-Kamiokande, 10 % in Borexino (2008.11851); and the
flux of ⁸B, 12 %, which KamLAND and Borexino share. Of Super-Kamiokande it is joined with the 30 % of its efficiency.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from scanner.experiments.base import Experiment
from scanner.experiments.tables import DATA, read_table
from scanner.likelihoods.poisson import Poisson
from scanner.physics.inverse_beta_decay import POSITRON, THRESHOLD, differential_cross_section, positron_range
from scanner.physics.phase_space import gauss_legendre
from scanner.physics.solar import BORON8_ERROR
from scanner.signals.solar_antineutrinos import SolarResponse, edges
from scanner.units import AVOGADRO
from scanner.vocabulary import Reference

PROVIDES = ("solar_antineutrinos_kamland", "solar_antineutrinos_borexino", "solar_antineutrinos_superk")
VERSION = 1

_DAY = 86400.0
_MEV = 1e-3  # [GeV]
_ELECTRON = POSITRON / _MEV
_RULE = 8
"""Nodes of the integral over the positron's energy, whose range is narrower than any resolution here."""

PHOTO_FISSION = (1e-3, 3.0, 9.0)
LONG_LIVED = (200.0, 0.0, 3.0)
"""The Sun's own ν̄_e [1/(cm² s)] between two energies [MeV]."""


@dataclass(frozen=True)
class Search:
    """What a search is made of.

    Parameters
    ----------
    title
        Of the experiment.
    protons
        Free protons.
    time
        Live time [s].
    efficiency
        Of each bin, or of all.
    resolution
        a of a √E_p [√MeV].
    prompt
        What is added to the table's energies to give prompt energies [MeV].
    background_error
        Relative.
    signal_error
        Of the logarithm of the signal.
    shared
        Name of the signal's nuisance parameter where others have it too.
    data_set
        Name of the data.
    reference
        Of the data.
    notes
        For users.
    """

    title: str
    protons: float
    time: float
    efficiency: float | tuple[float, ...]
    resolution: float
    prompt: float
    background_error: float
    signal_error: float
    shared: str
    data_set: str
    reference: Reference
    notes: tuple[str, ...]


_FIRST_NOTE = "signal from the decay of a heavy component of solar nu_e; conversion in the Sun is adiabatic"

SEARCHES = {
    "solar_antineutrinos_kamland": Search(
        title="KamLAND: electron antineutrinos from the Sun",
        protons=4 / 3 * math.pi * 600.0**3 * 0.78 * 0.142 * AVOGADRO / 1.008,
        time=2343 * _DAY,
        efficiency=0.92,
        resolution=0.064,
        prompt=0.0,
        background_error=0.2,
        signal_error=BORON8_ERROR,
        shared="boron8_flux",
        data_set="kamland_antineutrinos_2011",
        reference=Reference(
            "KamLAND:2011bnd",
            "Gando, A. and others (KamLAND)",
            "A study of extraterrestrial antineutrino sources with the KamLAND detector",
            2012,
            "1105.3516",
            "10.1088/0004-637X/745/2/193",
            "Astrophys. J. 745 (2012) 193",
        ),
        notes=(_FIRST_NOTE, "4.53 kt yr; data and background digitised from the figure, prompt energies"),
    ),
    "solar_antineutrinos_borexino": Search(
        title="Borexino: electron antineutrinos from the Sun",
        protons=1.32e31,
        time=2485 * _DAY,
        efficiency=0.85,
        resolution=0.0556,
        prompt=-0.784,
        background_error=0.1,
        signal_error=BORON8_ERROR,
        shared="boron8_flux",
        data_set="borexino_antineutrinos_2019",
        reference=Reference(
            "Borexino:2019wln",
            "Agostini, M. and others (Borexino)",
            "Search for low-energy neutrinos from astrophysical sources with Borexino",
            2021,
            "1909.02422",
            "10.1016/j.astropartphys.2020.102509",
            "Astropart. Phys. 125 (2021) 102509",
        ),
        notes=(_FIRST_NOTE, "energies are those of the antineutrino, prompt energy + 0.784 MeV"),
    ),
    "solar_antineutrinos_superk": Search(
        title="Super-Kamiokande IV: electron antineutrinos from the Sun",
        protons=22.5e9 * 2 * AVOGADRO / 18.015,
        time=2970.1 * _DAY,
        efficiency=(0.0145, 0.0268, 0.0889, 0.0889),
        resolution=0.20,
        prompt=2 * _ELECTRON,
        background_error=0.2,
        signal_error=math.hypot(BORON8_ERROR, 0.3),
        shared="",
        data_set="superk_iv_antineutrinos_2020",
        reference=Reference(
            "Super-Kamiokande:2020frs",
            "Abe, K. and others (Super-Kamiokande)",
            "Search for solar electron anti-neutrinos due to spin-flavor precession in the Sun "
            "with Super-Kamiokande-IV",
            2022,
            "2012.03807",
            "10.1016/j.astropartphys.2022.102702",
            "Astropart. Phys. 139 (2022) 102702",
        ),
        notes=(
            _FIRST_NOTE,
            "energies are kinetic energies of the positron; digitised",
            "efficiencies are made from the published limit and figure, good to 30 %, as the signal's error says",
        ),
    ),
}


def load(name: str) -> Experiment:
    """Return one of the three experiments."""
    search = SEARCHES[name]
    table = read_table(DATA / f"{name}.txt").columns
    low, high = table["E_low"], table["E_high"]
    events = response(search, low + search.prompt, high + search.prompt)
    background = table["background"] + own_events(events)
    return Experiment(
        name=name,
        version=VERSION,
        title=search.title,
        signals={"solar_antineutrinos": SolarResponse(events)},
        likelihood=Poisson(
            data=table["data"],
            background=background,
            background_error=search.background_error * background,
            signal_error=search.signal_error,
            shared=search.shared,
        ),
        data=table["data"],
        background=background,
        signal_bins=np.arange(low.size),
        coordinates={"E_low": low, "E_high": high},
        coordinate_units={"E_low": "MeV", "E_high": "MeV"},
        data_sets=frozenset({search.data_set}),
        references=(search.reference, _RECAST),
        notes=search.notes,
    )


def response(search: Search, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return the events of each bin for 1/(cm² s) in each bin of antineutrino energy, shape (energies, bins).

    Parameters
    ----------
    search
        The search.
    low, high
        Edges of the bins of prompt energy [MeV], shape (bins,).
    """
    grid = edges()
    exposure = search.protons * search.time * np.broadcast_to(search.efficiency, low.shape)
    return np.array([exposure * _seen(e, search.resolution, low, high) for e in 0.5 * (grid[1:] + grid[:-1])])


def _seen(energy: float, resolution: float, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Cross section [cm²] of one energy [MeV] in each bin of prompt energy."""
    seen = np.zeros(low.size)
    if energy * _MEV <= THRESHOLD:
        return seen
    least, most = positron_range(energy * _MEV)
    nodes, weights = gauss_legendre(_RULE)
    out = 0.5 * (most + least) + 0.5 * (most - least) * nodes
    parts = 0.5 * (most - least) * weights * differential_cross_section(energy * _MEV, out)
    for part, positron in zip(parts, out / _MEV, strict=True):
        prompt = positron + _ELECTRON
        scale = math.sqrt(2) * resolution * math.sqrt(prompt)
        for b in range(low.size):
            up, down = math.erf((high[b] - prompt) / scale), math.erf((low[b] - prompt) / scale)
            seen[b] += part * 0.5 * (up - down)
    return seen


def own_events(events: np.ndarray) -> np.ndarray:
    """Return the events of the Sun's own antineutrinos from a `response`, shape (bins,)."""
    grid = edges()
    flux = np.zeros(grid.size - 1)
    for total, first, last in (PHOTO_FISSION, LONG_LIVED):
        flux += total * np.diff(np.clip(grid, first, last)) / (last - first)
    return np.asarray((flux[:, None] * events).sum(axis=0))


_RECAST = Reference(
    "Hostert:2020oui",
    "Hostert, Matheus and Pospelov, Maxim",
    "Constraints on Decaying Sterile Neutrinos from Solar Antineutrinos",
    2021,
    "2008.11851",
    "10.1103/PhysRevD.104.055031",
    "Phys. Rev. D 104 (2021) 055031",
)
