"""T2K's search for decays of heavy neutrinos in the TPCs of ND280, twice.

``t2k_nd280_hnl`` is the search as released (1902.07598): five channels in each beam mode, N from K → μ N and
K → e N, 140 MeV upwards. For a long-lived N it gives the events of the release; where decays on the way matter,
N have the momenta of kaons that were unfolded from the neutrino flux by parent, all at 2.04° to the detector.
``t2k_nd280_hnl_recast`` is the recast of 2109.03831 for N → ν e⁺e⁻ of any mass, from parent fluxes, with the
true kinematics of the decays in place of its rescaled neutrino flux, and with pions. Both are the same data.

From release to events: the release lists decays in the TPCs for unit mixings. Divided by the width of N → ν e μ,
which it holds in four columns, they say how many N cross, by beam mode and lepton of the kaon's decay; decays of
other kinds over these and over their own widths, times efficiencies, are what is called efficiency here. So
differences between T2K's widths and ours never show in the number of events of mixing alone. They are 3 % and
less, but for l⁺π⁻, whose released rates have the masses of lepton and pion exchanged in the width: e⁺π⁻ has 0.13
of the rate of e⁻π⁺ at 150 MeV, 0.87 at 390. They were left so, which makes limits weaker near that threshold.

Over the rates of the unfolded kaons, those of the release are 1.0 to 1.15 up to 470 MeV with kaons of both signs
(1.2 to 1.45 with those of the focused sign alone); nearer to the largest mass that a kaon's decay allows, where a
single angle leaves but the slowest kaons, they are more, and momenta there are too low.

A Dirac N: the release holds N and its antiparticle together. Of neutral currents half is taken; of charged
currents the decays of N in neutrino mode and those of its antiparticle in antineutrino mode, as if all kaons
had the sign that is focused.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from scanner.experiments.base import Experiment
from scanner.experiments.hnl_curves import references
from scanner.experiments.tables import DATA, read_table
from scanner.likelihoods.poisson import Poisson
from scanner.physics.beam import LEPTONS, Parents, heavy_spectrum, parents_of_light, two_body_spectrum
from scanner.physics.heavy_neutrino_decays import weak_widths
from scanner.physics.heavy_neutrino_production import production_ratios
from scanner.physics.particles import MASS
from scanner.signals.decay_in_flight import FlightResponse, Spectrum
from scanner.signals.heavy_neutrino import OTHER, State
from scanner.units import HBARC_GEV_M
from scanner.vocabulary import Reference

PROVIDES = ("t2k_nd280_hnl", "t2k_nd280_hnl_recast")
VERSION = 1

MODES = ("fhc", "rhc")
CHANNELS = ("mu pi", "e- pi+", "e+ pi-", "mu mu", "e e")
EXPOSURE = {"fhc": 12.34e20, "rhc": 6.29e20}
"""Protons on target of runs 2-8; 1902.07598."""
FLUX_ERROR = 0.15
"""Of the logarithm of the flux, correlated over all channels; 1902.07598."""

BASELINE = 280.0
"""[m], to the first TPC; the last ends at 285 m."""
AREA, LENGTH = 1.70 * 1.96, 3 * 0.56
"""Of the fiducial volume of the three TPCs [m², m]; 1902.07598."""
COSINE = math.cos(math.radians(2.04))
"""Of the angle between beam and ND280."""

MASS_MAX = MASS["K"] - MASS["e"]
BINS = len(MODES) * len(CHANNELS)

REFERENCE = Reference(
    "T2K:2019jwa",
    "Abe, K. and others (T2K)",
    "Search for heavy neutrinos with the T2K near detector ND280",
    2019,
    "1902.07598",
    "10.1103/PhysRevD.100.052006",
    "Phys. Rev. D 100 (2019) 052006",
)
DATA_SETS = frozenset({"t2k_hnl_2019"})
SHARED_NOTE = "t2k_nd280_hnl and t2k_nd280_hnl_recast are the same data: use one of them"


class _Decay(NamedTuple):
    """A decay of the release, columns 2k and 2k + 1."""

    final_state: str
    driven: tuple[int, ...]
    """Flavours of the |U_a|² that drive it; a neutral current's efficiency is also that of OTHER couplings."""
    charge: int
    """Of the lepton that N turns into; 0 for neutral currents, of which N and its antiparticle are summed."""
    summed: int = 1
    """How many flavours the released rate sums."""


_DECAYS = (
    _Decay("mu_pi", (1,), -1),
    _Decay("e_pi", (0,), -1),
    _Decay("mu_pi", (1,), 1),
    _Decay("e_pi", (0,), 1),
    _Decay("nu_mu_mu", (0, 2, OTHER), 0, 2),
    _Decay("nu_e_e", (1, 2, OTHER), 0, 2),
    _Decay("nu_mu_mu", (1,), 0),
    _Decay("nu_e_e", (0,), 0),
    _Decay("nu_e_mu", (1,), -1),
    _Decay("nu_e_mu", (0,), 1),
    _Decay("nu_e_mu", (1,), 1),
    _Decay("nu_e_mu", (0,), -1),
)
_CROSSING = (8, 9, 10, 11)
"""Decays that say how many N cross: N → ν e μ, open at every mass, its width free of constants but G_F."""

_NEUTRAL_CURRENT = 5
"""N → ν e⁺e⁻ through U_μ or U_τ."""


class Release(NamedTuple):
    """The release, by mass, beam mode, lepton of the kaon's decay (that of `LEPTONS`), and decay."""

    masses: np.ndarray
    """[GeV], shape (36,)."""
    decays: np.ndarray
    """In the TPCs, for unit mixings, shape (36, 2, 2, 12)."""
    efficiency: np.ndarray
    """Shape (36, 2, 2, 12, 5), the last axis that of CHANNELS."""


def release() -> Release:
    """Return the release from the table that ships."""
    columns = read_table(DATA / "t2k_hnl_decays.txt").columns
    masses, node = np.unique(columns["mass"], return_inverse=True)
    lepton, decay = 1 - columns["parent"].astype(int), columns["decay"].astype(int)
    decays = np.zeros((masses.size, len(MODES), len(LEPTONS), len(_DECAYS)))
    efficiency = np.zeros((*decays.shape, len(CHANNELS)))
    for i, mode in enumerate(MODES):
        decays[node, i, lepton, decay] = columns[f"decays_{mode}"]
        for channel in range(len(CHANNELS)):
            seen = columns[f"efficiency_{i * len(CHANNELS) + channel}"]
            efficiency[node, i, lepton, decay, channel] = seen
    return Release(masses / 1000, decays, efficiency)


def light_flux(parent: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the ν_μ and ν̄_μ of ``pi`` or ``K`` at ND280 in neutrino mode: energies [GeV], 1/(m² GeV POT)."""
    columns = read_table(DATA / "hnl_parents_nd280.txt").columns
    return columns["energy"], columns[f"nu_mu_{parent}"] + columns[f"nu_mu_bar_{parent}"]


def parents(parent: str) -> Parents:
    """Return the pions or the kaons whose decays make `light_flux`, per m² and POT."""
    ratio = production_ratios(0.0)[f"{parent}->mu N"][1]
    return parents_of_light(*light_flux(parent), MASS[parent], MASS["mu"], COSINE, ratio)


def load(name: str) -> Experiment:
    """Return one of the two experiments."""
    return _search(name) if name == PROVIDES[0] else _recast(name)


def _search(name: str) -> Experiment:
    search = _Search(release(), parents("K"))
    channels = read_table(DATA / "t2k_hnl_channels.txt").columns
    response = FlightResponse(
        name=name,
        flavours=tuple(range(len(LEPTONS))),
        spectrum=search.spectrum,
        baseline=BASELINE,
        length=LENGTH,
        efficiency=search.efficiency,
        mass_max=MASS_MAX,
        inputs=search.inputs,
    )
    return Experiment(
        name=name,
        version=VERSION,
        title="T2K ND280, decays of heavy neutrinos in the TPCs",
        signals={"decay_in_flight": response},
        likelihood=Poisson(channels["data"], channels["background"], channels["background_error"], FLUX_ERROR),
        data=channels["data"],
        background=channels["background"],
        signal_bins=np.arange(BINS),
        coordinates={
            "beam": np.repeat(MODES, len(CHANNELS)),
            "channel": np.tile(CHANNELS, len(MODES)),
        },
        coordinate_units={},
        data_sets=DATA_SETS,
        references=(REFERENCE,),
        notes=(
            "N from two-body decays of charged kaons alone, as in the release; below 140 MeV: not_converged",
            "between the masses of the release, 10 MeV apart, efficiencies are interpolated",
            "long-lived N: the events of the release; otherwise momenta from kaons unfolded at a single angle, "
            "too low within some 30 MeV of the largest mass that a kaon decay allows",
            "Dirac N: half of the neutral currents; charged currents as if all kaons had the focused sign; a seesaw's "
            "quasi-Dirac pair counts as two Majorana neutrinos, which is up to 8 % different",
            "the released rates of l+ pi- have the masses of lepton and pion exchanged, and are too low",
            "decays through dark couplings have the efficiency of neutral currents; photons are not seen",
            "backgrounds are independent of each other; the flux error of 15 % is common to all channels",
            SHARED_NOTE,
        ),
    )


class _Search:
    """Spectrum and efficiencies of the released search.

    Attributes
    ----------
    crossing
        Σ w m l/(p ħc) of N [1/GeV] for unit mixing in neutrino mode, by mass and lepton, shape (36, 2); 0 where
        nothing is made. Antineutrino mode has the same momenta, and its number is part of the efficiencies.
    """

    def __init__(self, found: Release, kaons: Parents):
        self.found, self.kaons = found, kaons
        self.inputs = (found.masses, found.decays, found.efficiency, kaons.momentum, kaons.density)
        self.widths = [weak_widths(mass) for mass in found.masses]
        crossing_widths = np.array([width["nu_e_mu"][0] for width in self.widths])
        self.crossing = found.decays[:, 0][..., _CROSSING].mean(axis=-1) / crossing_widths[:, None]
        self._logs = [self._log_crossing(flavour) for flavour in range(len(LEPTONS))]
        self._tables = {majorana: self._efficiencies(majorana) for majorana in (False, True)}

    def _log_crossing(self, flavour: int) -> tuple[np.ndarray, np.ndarray]:
        """Return masses, and ln(crossing/branching ratio), which neither vanishes nor bends at the largest mass."""
        open_ = np.flatnonzero(self.crossing[:, flavour] > 0)
        masses, numbers = self.found.masses[open_], self.crossing[open_, flavour]
        logs = [math.log(n / _kaon_ratio(m, flavour)) for m, n in zip(masses, numbers, strict=True)]
        return masses, np.array(logs)

    def spectrum(self, mass: float) -> Spectrum:
        """Return N of momenta that unfolded kaons make, as many as in the release; for `FlightResponse`."""
        if mass < self.found.masses[0]:
            return Spectrum(np.ones(1), np.full((len(LEPTONS), 1), np.nan))
        momenta, shapes = zip(*(self._shape(mass, flavour) for flavour in range(len(LEPTONS))), strict=True)
        weight = np.zeros((len(LEPTONS), len(LEPTONS), shapes[0].size))
        for flavour, log in enumerate(self._logs):
            weight[flavour, flavour] = math.exp(float(np.interp(mass, *log))) * shapes[flavour]
        return Spectrum(np.concatenate(momenta), weight.reshape(len(LEPTONS), -1))

    def _shape(self, mass: float, flavour: int) -> tuple[np.ndarray, np.ndarray]:
        """Return momenta and weights that give Σ w m l/(p ħc) = branching ratio; weights of 0 if there are none."""
        momentum, weight = heavy_spectrum(self.kaons, mass, MASS[LEPTONS[flavour]])
        crossing = math.fsum(weight / momentum) * mass * LENGTH / HBARC_GEV_M
        return momentum, weight * (_kaon_ratio(mass, flavour) / crossing) if crossing > 0 else weight

    def efficiency(self, state: State) -> Mapping[str, np.ndarray]:
        """Return efficiencies, interpolated in mass; for `FlightResponse`."""
        masses = self.found.masses
        i = min(max(int(np.searchsorted(masses, state.mass)), 1), masses.size - 1)
        f = min(max((state.mass - masses[i - 1]) / (masses[i] - masses[i - 1]), 0.0), 1.0)
        tables = self._tables[state.majorana]
        return {name: (1 - f) * table[i - 1] + f * table[i] for name, table in tables.items()}

    def _efficiencies(self, majorana: bool) -> dict[str, np.ndarray]:
        """Efficiencies at the masses of the release by final state, shape (36, leptons, 4, bins)."""
        shape = self.found.masses.size, len(LEPTONS), OTHER + 1, len(MODES), len(CHANNELS)
        tables = {decay.final_state: np.zeros(shape) for decay in _DECAYS}
        for number, decay in enumerate(_DECAYS):
            for mode, flavour in itertools.product(range(len(MODES)), range(len(LEPTONS))):
                seen = _share(decay, mode, majorana) * self._seen(number, mode, flavour)
                for driven in decay.driven:
                    tables[decay.final_state][:, flavour, driven, mode] += seen
        return {name: table.reshape(*shape[:3], BINS) for name, table in tables.items()}

    def _seen(self, number: int, mode: int, flavour: int) -> np.ndarray:
        """Return efficiency · decays/(N that cross in neutrino mode · width), shape (36, channels).

        Where a decay is closed it has the value of the nearest mass at which it is open.
        """
        decay = _DECAYS[number]
        width = np.array([of[decay.final_state][decay.driven[0]] for of in self.widths])
        decays, all_ = self.found.decays[:, mode, flavour, number], self.crossing[:, flavour] * width
        open_ = np.flatnonzero((decays > 0) & (all_ > 0))
        seen = self.found.efficiency[open_, mode, flavour, number] * (decays[open_] / all_[open_])[:, None]
        return np.array([np.interp(self.found.masses, self.found.masses[open_], of) for of in seen.T]).T


def _kaon_ratio(mass: float, flavour: int) -> float:
    return float(production_ratios(mass)[f"K->{LEPTONS[flavour]} N"][flavour])


def _share(decay: _Decay, mode: int, majorana: bool) -> float:
    """Part of a released rate that is N's in this beam mode, per flavour, and per width in units of a Dirac N's."""
    if majorana or decay.charge == 0:
        return 0.5 / decay.summed
    return 1.0 if decay.charge == (-1, 1)[mode] else 0.0


def _recast(name: str) -> Experiment:
    recast = _Recast(release(), {parent: parents(parent) for parent in ("pi", "K")})
    channels = read_table(DATA / "t2k_hnl_channels.txt").columns
    response = FlightResponse(
        name=name,
        flavours=tuple(range(len(LEPTONS))),
        spectrum=recast.spectrum,
        baseline=BASELINE,
        length=LENGTH,
        efficiency=recast.efficiency,
        mass_max=MASS_MAX,
        inputs=recast.inputs,
    )
    data, background = (np.array([channels[of].sum()]) for of in ("data", "background"))
    background_error = np.array([math.hypot(*channels["background_error"])])
    return Experiment(
        name=name,
        version=VERSION,
        title="T2K ND280, N to nu e e at any mass, recast from parent fluxes",
        signals={"decay_in_flight": response},
        likelihood=Poisson(data, background, background_error, FLUX_ERROR),
        data=data,
        background=background,
        signal_bins=np.arange(1),
        coordinates={"channel": np.array(["all"])},
        coordinate_units={},
        data_sets=DATA_SETS,
        references=(references()["Arguelles:2021dqn"], REFERENCE),
        notes=(
            "efficiency below 140 MeV is a straight line through those of 140 to 300 MeV, extrapolated as in "
            "2109.03831: no simulation backs it",
            "N from two-body decays of pions and kaons of both signs, unfolded at a single angle; neutrinos of "
            "energies that no parent gives there are left out: 9 % of those of kaons, 21 % of those of pions",
            "three-body decays of kaons, and muons, are left out",
            "antineutrino mode is taken as neutrino mode; the flux error is that of the search, 15 %",
            SHARED_NOTE,
        ),
    )


class _Recast:
    """Spectrum and efficiencies of the recast."""

    def __init__(self, found: Release, beam: Mapping[str, Parents]):
        self.beam = beam
        self.seen = [recast_efficiency(found, lepton) for lepton in LEPTONS]
        self.inputs = (found.masses, found.efficiency, *(a for p in beam.values() for a in (p.momentum, p.density)))

    def spectrum(self, mass: float) -> Spectrum:
        """Return the spectrum; for `FlightResponse`."""
        momentum, weight = two_body_spectrum(self.beam, mass)
        return Spectrum(momentum, sum(EXPOSURE.values()) * AREA * weight)

    def efficiency(self, state: State) -> Mapping[str, np.ndarray]:
        """Return the efficiency of N → ν e⁺e⁻, whatever drives it; for `FlightResponse`."""
        seen = np.array([of(state.mass) for of in self.seen])
        return {"nu_e_e": np.broadcast_to(seen[:, None, None], (seen.size, OTHER + 1, 1))}


LINE_THROUGH = 17
"""Masses of the release that the extrapolated efficiency is a straight line through; 2109.03831."""


def recast_efficiency(found: Release, lepton: str) -> Callable[[float], float]:
    """Return the efficiency for N → ν e⁺e⁻ of 2109.03831, as a function of mass [GeV].

    That of the decay through U_μ or U_τ, summed over all channels and averaged over the beam modes by protons
    on target; below the release's masses, the straight line that fits the first 17 of them.

    Parameters
    ----------
    found
        The release.
    lepton
        Which the kaon's decay makes together with N; 2109.03831 takes ``mu``.
    """
    seen = found.efficiency[:, :, LEPTONS.index(lepton), _NEUTRAL_CURRENT].sum(axis=-1)
    values = sum(EXPOSURE[mode] * seen[:, i] for i, mode in enumerate(MODES)) / sum(EXPOSURE.values())
    x, y = found.masses[:LINE_THROUGH], values[:LINE_THROUGH]
    centre, mean = x.mean(), y.mean()
    slope = ((x - centre) * (y - mean)).sum() / ((x - centre) ** 2).sum()

    def efficiency(mass: float) -> float:
        if mass < found.masses[0]:
            return float(mean + slope * (mass - centre))
        return float(np.interp(mass, found.masses, values))

    return efficiency
