"""Searches for antineutrinos from the Sun by inverse beta decay: what one is made of, and the events that it sees.

Events are N_p T ε ∫ dE Φ(E) dσ/dE_e, in bins of the prompt energy E_p = E_e + m_e, smeared by a Gaussian of width
a √E_p (energies in MeV); the cross section and the energies of the positron are those of Strumia and Vissani.

The Sun makes ν̄_e of its own, which are added to the backgrounds: from photo-fission 1e-3 /(cm² s) at 3 to 9 MeV, and
from long-lived isotopes 200 /(cm² s) below 3 MeV, taken for flat there (Malaney, Meyer & Butler, Astrophys. J. 352
(1990) 767): at most 0.02 events in what was measured.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from scanner.experiments.base import Experiment
from scanner.likelihoods.poisson import Poisson
from scanner.physics.inverse_beta_decay import POSITRON, THRESHOLD, differential_cross_section, positron_range
from scanner.physics.phase_space import gauss_legendre
from scanner.signals.solar_antineutrinos import SolarResponse, edges
from scanner.units import AVOGADRO
from scanner.vocabulary import Reference

DAY = 86400.0
"""[s]."""
_MEV = 1e-3  # [GeV]
ELECTRON = POSITRON / _MEV
"""Mass [MeV]."""
_RULE = 8
"""Nodes of the integral over the positron's energy, whose range is narrower than any resolution here."""

PHOTO_FISSION = (1e-3, 3.0, 9.0)
LONG_LIVED = (200.0, 0.0, 3.0)
"""The Sun's own ν̄_e [1/(cm² s)] between two energies [MeV]."""


class _Phase(NamedTuple):
    """A finished phase of a detector, as far as later ones are scaled from it."""

    time: float
    """[s]."""
    efficiency: tuple[float, ...]
    """Of each bin."""
    error: float
    """Relative, of the efficiency."""
    reference: Reference


SUPERK_IV = _Phase(
    2970.1 * DAY,
    (0.0145, 0.0268, 0.0889, 0.0889),
    0.3,
    Reference(
        "Super-Kamiokande:2020frs",
        "Abe, K. and others (Super-Kamiokande)",
        "Search for solar electron anti-neutrinos due to spin-flavor precession in the Sun with Super-Kamiokande-IV",
        2022,
        "2012.03807",
        "10.1016/j.astropartphys.2022.102702",
        "Astropart. Phys. 139 (2022) 102702",
    ),
)


def water(mass: float) -> float:
    """Return the free protons in water of a mass [g]."""
    return mass * 2 * AVOGADRO / 18.015


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
    data_sets
        Names of the data.
    references
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
    data_sets: tuple[str, ...]
    references: tuple[Reference, ...]
    notes: tuple[str, ...]


def experiment(
    name: str,
    version: int,
    search: Search,
    energies: tuple[np.ndarray, np.ndarray],
    background: np.ndarray,
    data: np.ndarray | None = None,
) -> Experiment:
    """Return the experiment of a search.

    Parameters
    ----------
    name, version
        Of `Experiment`.
    search
        The search.
    energies
        Edges of the bins [MeV], lower and upper ones, each of shape (bins,).
    background
        Expected events without the Sun's own, shape (bins,).
    data
        Observed events; None for a projection, which sees what it expects.
    """
    low, high = energies
    events = response(search, low + search.prompt, high + search.prompt)
    expected = background + own_events(events)
    seen = expected if data is None else data
    return Experiment(
        name=name,
        version=version,
        title=search.title,
        signals={"solar_antineutrinos": SolarResponse(events)},
        likelihood=Poisson(
            data=seen,
            background=expected,
            background_error=search.background_error * expected,
            signal_error=search.signal_error,
            shared=search.shared,
        ),
        data=seen,
        background=expected,
        signal_bins=np.arange(low.size),
        coordinates={"E_low": low, "E_high": high},
        coordinate_units={"E_low": "MeV", "E_high": "MeV"},
        data_sets=frozenset(search.data_sets),
        references=(*search.references, RECAST),
        notes=(DECAYS, *search.notes),
        projection=data is None,
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
        prompt = positron + ELECTRON
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


DECAYS = "signal from the decay of a heavy component of solar nu_e; conversion in the Sun is adiabatic"
"""Note of all."""

RECAST = Reference(
    "Hostert:2020oui",
    "Hostert, Matheus and Pospelov, Maxim",
    "Constraints on Decaying Sterile Neutrinos from Solar Antineutrinos",
    2021,
    "2008.11851",
    "10.1103/PhysRevD.104.055031",
    "Phys. Rev. D 104 (2021) 055031",
)
