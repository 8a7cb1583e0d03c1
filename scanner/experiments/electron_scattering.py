"""Heavy neutrinos in the samples of ν-e scattering of MINERvA and CHARM-II, and what NOvA's near detector could see.

``minerva_le``, ``minerva_me``
    one bin each: forward showers of more than 4.5 MeV/1.7 cm at their beginning, where two electrons deposit twice
    what the electron of ν-e scattering does, and π⁰ are the background.
``charm2``
    two bins, the beams of ν and of ν̄: showers with Eθ² < 28 MeV, where dE/dx was not cut on.
``nova_nd``
    a projection: a count on ν-e scattering, with the signal uncertain by a factor of two. What could be taken from
    publications is named below at each number; the rest is assumed.

*What is taken from 1812.08768* (and from chapter 7 of M. Hostert's thesis, its text at length): cuts, resolutions, the
condition for e⁺e⁻ to be one shower (both above 30 MeV, within 8° in MINERvA and 4° in CHARM-II), efficiencies (73 %, of
which 90 % deposit enough; 76 %), that a coherent scattering alone leaves the vertex quiet, and a χ² of numbers of
events with a flux that multiplies all, 10 %, 4.7 % (ν) and 5.2 % (ν̄), and backgrounds that are uncertain besides.

*What had to be chosen.*

Background of MINERvA
    The paper has 30 % (low energy) and 40 % (medium energy), after how much the tuning changed it, and says that the
    tuning is that of neutral-current π⁰ first of all. If all of the background shared it, the paper's own 4240 events
    at |U_μ4|² = 9e-7 would give 2.8e-7 for the medium-energy beam, not the 1.2e-7 that its grid has. Here it is π⁰ that
    are uncertain by it, and the rest by the 3 % and 5 % to which the tuning was measured. The low-energy release does
    not tell π⁰ from the rest: the part is that of the medium-energy one, 36 %. With all the background uncertain by
    30 % and 40 % limits are 2 times weaker.
Angular resolution of MINERvA
    1° in each projection, as in the paper. ν-e scattering has 7.2 mrad (1512.07699, from memory): a third less signal.
CHARM-II
    692 t of glass and 2.5e19 protons, 1.69 times as many for ν̄ as for ν. The thesis has 547 t, and 1.69 the other way
    round; with these here ν-e scattering comes out within 3 % and 7 % of the 2677 and 2752 events that were observed,
    with those at 1.3 and 0.44 of them. The background is uncertain by 10 %, the paper's choice for its limits, for
    its extrapolation in Eθ² (3 %, of its normalisation alone, makes them 1.8 times stronger). σ_θ = 16 mrad/√E (from
    memory), as the paper's formula, which grows with E², is a misprint; it does not matter to a cut at 28 MeV.
Photons
    One or two, they count like e⁺e⁻.

*What is left out.* Scattering off single nucleons: protons that are knocked out are vetoed. That is 3 % of the events
at m_Z′ = 30 MeV, but most of them above 1 GeV, of which these samples say little. There is no model of the nucleus
beyond its form factor: excited and broken nuclei (resonances, two nucleons, final-state interactions) are missing, and
so is their part without visible activity at the vertex.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanner.experiments.base import Experiment
from scanner.experiments.fluxes import BEAMS, flux
from scanner.experiments.matter import nuclei
from scanner.experiments.tables import DATA, read_table
from scanner.likelihoods.gaussian_pulls import GaussianPulls
from scanner.likelihoods.poisson import Poisson
from scanner.physics.detector import REACH, Cuts, Nodes, Resolution, response
from scanner.physics.geometry import decay_probability, length_nodes
from scanner.physics.shapes import Box, Cylinder, Shape
from scanner.signals.upscattering_samples import PairRule, Region, Selection, UpscatteringResponse
from scanner.vocabulary import Reference

PROVIDES = ("minerva_le", "minerva_me", "charm2", "nova_nd")
VERSION = 2

Float = NDArray[np.float64]

ENERGIES, ANGLES = 56, 64
"""Nodes of what is seen of showers."""


class Showers(NamedTuple):
    """Resolution of showers of energy E [GeV]."""

    stochastic: float
    """σ_E/E = stochastic/√E + constant."""
    constant: float
    angle: float
    """Of each projection, a constant [rad]."""
    angle_stochastic: float = 0.0
    """And what is added to it, times √E."""

    def at(self, energy: Float) -> Resolution:
        """Return the resolution at energies [GeV]."""
        root = np.sqrt(energy)
        return Resolution(energy * (self.stochastic / root + self.constant), self.angle + self.angle_stochastic / root)


SOFTEST = 0.030
"""Of a pair [GeV]; 1812.08768."""

MINERVA_PROTONS = {"le": 3.43e20, "me": 1.16e21}
MINERVA_MASS = 6.10
"""Of CH [t]; with the protons as in 1812.08768."""
MINERVA_SHAPE = Cylinder((0.0, 0.0, 0.0), "z", 0.925, 1.25)
"""As wide as the fiducial hexagon of 0.88 m apothem (1512.07699, from memory), 2.5 m long."""
MINERVA_CUTS = Cuts(0.8, energy_angle_sq_max=3.2e-3, q_sq_max=0.02)
MINERVA_RESOLUTION = Showers(0.06, 0.034, math.radians(1.0))
MINERVA_EFFICIENCY, MINERVA_TWO_MIPS = 0.73, 0.90
MINERVA_OPENING = math.radians(8.0)
DEDX = 4.5
"""Least dE/dx at the beginning of a shower [MeV/1.7 cm]."""
MINERVA_FLUX_ERROR = 0.10
PI0_ERROR, REST_ERROR = {"le": 0.30, "me": 0.40}, {"le": 0.03, "me": 0.05}

CHARM2_PROTONS, CHARM2_RATIO = 2.5e19, 1.69
"""In all, and for ν̄ over those for ν."""
CHARM2_MASS = 692.0
"""Of glass, SiO₂ [t]."""
CHARM2_SHAPE = Box((0.0, 0.0, 0.0), (1.85, 1.85, 17.8))
"""Of the target calorimeter; Nucl. Instrum. Meth. A 278 (1989) 670 (from memory)."""
CHARM2_CUTS = Cuts(3.0, 24.0, energy_angle_sq_max=0.028)
CHARM2_RESOLUTION = Showers(0.09, 0.11, 0.0, 0.016)
CHARM2_EFFICIENCY = 0.76
CHARM2_OPENING = math.radians(4.0)
CHARM2_BACKGROUND_ERROR = 0.10
CHARM2_FLUX_ERROR = {"nu": 0.047, "nubar": 0.052}

NOVA_PROTONS = 1.36e21
"""In neutrino mode; with the mass and its composition as in the public generator DarkNews (2207.04137)."""
NOVA_MASS = 193.0
"""Fully active [t]."""
NOVA_SHARE = {"H1": 0.108, "C12": 0.667, "O16": 0.030, "Cl35": 0.161, "Ti48": 0.032}
"""By mass: oil, and PVC with titanium dioxide."""
NOVA_SHAPE = Box((0.0, 0.0, 0.0), (1.95, 1.95, 6.4))
"""From memory; its volume times 1 t/m³ is that mass."""
NOVA_CUTS = Cuts(0.5, 5.0, energy_angle_sq_max=5e-3)
"""1710.03428 (from memory)."""
NOVA_RESOLUTION = Showers(0.10, 0.0, math.radians(1.0))
"""Assumed, and so is the efficiency."""
NOVA_EFFICIENCY = 0.5
NOVA_ELECTRONS, NOVA_OTHERS = 1420.0, 1420.0
"""Events of ν-e scattering that the flux makes, and as many of all else."""
NOVA_BACKGROUND_ERROR = 0.10

ARGUELLES = Reference(
    "Arguelles:2018mtc",
    "Argüelles, Carlos A. and Hostert, Matheus and Tsai, Yu-Dai",
    "Testing New Physics Explanations of the MiniBooNE Anomaly at Neutrino Scattering Experiments",
    2019,
    "1812.08768",
    "10.1103/PhysRevLett.123.261801",
    "Phys. Rev. Lett. 123 (2019) 261801",
)
_MINERVA = {
    "le": Reference(
        "MINERvA:2015nqi",
        "Park, J. and others (MINERvA)",
        "Measurement of neutrino flux from neutrino-electron elastic scattering",
        2016,
        "1512.07699",
        "10.1103/PhysRevD.93.112007",
        "Phys. Rev. D 93 (2016) 112007",
    ),
    "me": Reference(
        "MINERvA:2019hhc",
        "Valencia, E. and others (MINERvA)",
        "Constraint of the MINERvA medium energy neutrino flux using neutrino-electron elastic scattering",
        2019,
        "1906.00111",
        "10.1103/PhysRevD.100.092001",
        "Phys. Rev. D 100 (2019) 092001",
    ),
}
_CHARM2 = Reference(
    "CHARM-II:1994dzw",
    "Vilain, P. and others (CHARM-II)",
    "Precision measurement of electroweak parameters from the scattering of muon-neutrinos on electrons",
    1994,
    doi="10.1016/0370-2693(94)91421-4",
    journal="Phys. Lett. B 335 (1994) 246",
)
_NOVA = Reference(
    "Bian:2017axs",
    "Bian, Jianming",
    "Measurement of Neutrino-Electron Elastic Scattering at NOvA Near Detector",
    2017,
    "1710.03428",
)

_COHERENT = (
    "scattering off whole nuclei alone, as knocked-out protons are vetoed: 3 % less at m_Z' = 30 MeV, most above 1 GeV",
    "no nuclear model: events that excite or break a nucleus and leave the vertex quiet are missing",
    "one or two photons that overlap count like e+e-",
)


def load(name: str) -> Experiment:
    """Return one of the four experiments."""
    if name == "charm2":
        return _charm2()
    return _nova() if name == "nova_nd" else _minerva(name.removeprefix("minerva_"))


class _Detector(NamedTuple):
    """Matter that N are made and decay in."""

    mass: float
    """[t]."""
    share: dict[str, float]
    """Of the mass, by nuclide."""
    shape: Shape
    longest: float
    """Way through it [m]."""


def selection(cuts: Cuts, showers: Showers, efficiency: float, opening: float) -> Selection:
    """Return a selection of photons, and of pairs that overlap.

    Parameters
    ----------
    cuts, showers
        On what is reconstructed of a shower, and its resolution.
    efficiency
        For what passes the cuts.
    opening
        Largest angle between the two of a pair [rad].
    """
    least = np.array([cuts.energy_min])
    widest = math.sqrt(cuts.energy_angle_sq_max / cuts.energy_min) + REACH * float(showers.at(least).angle[0])
    nodes = Nodes(0.6 * cuts.energy_min, min(1.6 * cuts.energy_max, 40.0), ENERGIES, math.sin(0.5 * widest), ANGLES)
    passed = response(nodes, showers.at(nodes.energy), "count", cuts=cuts, efficiency=efficiency)
    rule = PairRule(cos_min=math.cos(opening), softest=SOFTEST)
    products = dict.fromkeys(("e_e", "gamma_gamma", "gamma"), passed)
    return Selection(nodes.energy_min, nodes.energy_max, nodes.sine_max, products, rule)


def _sample(name: str, beam: str, protons: float, of: _Detector, seen: Selection, first_bin: int = 0) -> object:
    """Return the decays in a detector of N that were made in it."""
    shortest = 0.05
    # N are forward, and so is what is selected of them: the way along the beam serves all directions.
    decay = decay_probability(of.shape, of.shape, np.zeros(1), length_nodes(shortest, of.longest), points=12)
    region = Region(nuclei({name: of.mass * share for name, share in of.share.items()}), decay, nucleons=False)
    return UpscatteringResponse(name, flux(beam, protons), (region,), seen, first_bin, shortest, of.longest)


MINERVA_DETECTOR = _Detector(MINERVA_MASS, {"C12": 12 / 13, "H1": 1 / 13}, MINERVA_SHAPE, 2.5)
CHARM2_DETECTOR = _Detector(CHARM2_MASS, {"Si28": 28 / 60, "O16": 32 / 60}, CHARM2_SHAPE, 35.6)
NOVA_DETECTOR = _Detector(NOVA_MASS, NOVA_SHARE, NOVA_SHAPE, 12.8)


def _minerva(beam: str) -> Experiment:
    name, fluxes = f"minerva_{beam}", f"numi_{beam}_fhc"
    data, background, electrons, pi0 = minerva_counts(beam)
    seen = selection(MINERVA_CUTS, MINERVA_RESOLUTION, MINERVA_EFFICIENCY * MINERVA_TWO_MIPS, MINERVA_OPENING)
    expected = background + electrons
    errors = (MINERVA_FLUX_ERROR, PI0_ERROR[beam] * pi0 / expected, REST_ERROR[beam] * (background - pi0) / expected)
    which = {"le": "low", "me": "medium"}[beam]
    return Experiment(
        name=name,
        version=VERSION,
        title=f"MINERvA, forward e+e- or photons, {which}-energy beam, neutrino mode",
        signals={"upscattering": (_sample(name, fluxes, MINERVA_PROTONS[beam], MINERVA_DETECTOR, seen),)},
        likelihood=GaussianPulls(
            data=np.array([data]),
            background=np.array([expected]),
            covariance=np.array([[data]]),
            background_pulls=np.array([errors]),
            signal_pulls=np.array([[MINERVA_FLUX_ERROR, 0.0, 0.0]]),
            nuisances=(f"{name}_flux", f"{name}_pi0", f"{name}_other"),
            shared=False,
        ),
        data=np.array([data]),
        background=np.array([expected]),
        signal_bins=np.arange(1),
        coordinates={"dedx_low": np.array([DEDX]), "dedx_high": np.array([20.0])},
        coordinate_units={"dedx_low": "MeV/1.7 cm", "dedx_high": "MeV/1.7 cm"},
        data_sets=frozenset({name}),
        references=(_MINERVA[beam], ARGUELLES, *BEAMS[fluxes]),
        notes=(
            "digitised: data and backgrounds to 2 %; flux uncertain by 10 %",
            f"pi0 uncertain by {PI0_ERROR[beam]:.0%}, other backgrounds by {REST_ERROR[beam]:.0%}; all of them by the "
            "former would make limits 2 times weaker",
            "e+e- is one shower if within 8 degrees and both above 30 MeV; "
            "E > 0.8 GeV, E theta^2 < 3.2 MeV, Q^2 < 0.02 GeV^2",
            "efficiency 0.73, times 0.90 that deposit more than 4.5 MeV/1.7 cm; 1 degree of angular resolution in each "
            "projection, uncertain: with 7.2 mrad a third less signal",
            *_COHERENT,
        ),
    )  # fmt: skip


def minerva_counts(beam: str) -> tuple[float, float, float, float]:
    """Return data, background, ν-e scattering and the π⁰ in the background, of the bin with large dE/dx."""
    found, me = (read_table(DATA / f"minerva_{which}.txt").columns for which in (beam, "me"))
    data, background, electrons = (_above(found, column) for column in ("data", "background", "signal"))
    pi0 = background * _above(me, "pi0") / _above(me, "background")
    return data, background, electrons, pi0


def _above(columns: dict[str, Float] | object, name: str) -> float:
    return math.fsum(columns[name][columns["dedx_low"] >= DEDX])  # type: ignore[index]


def charm2_protons(mode: str) -> float:
    """Protons on target of the beam of ν or of ν̄."""
    return CHARM2_PROTONS * (CHARM2_RATIO if mode == "nubar" else 1.0) / (1 + CHARM2_RATIO)


def charm2_counts(mode: str) -> tuple[float, float, float]:
    """Return data, background and ν-e scattering with Eθ² < 28 MeV, which is at the edge of a bin."""
    columns = read_table(DATA / f"charm2_{mode}.txt").columns
    inside = columns["etheta2_high"] < CHARM2_CUTS.energy_angle_sq_max
    return tuple(math.fsum(columns[name][inside]) for name in ("data", "background", "signal"))  # type: ignore[return-value]


def _charm2() -> Experiment:
    modes = ("nu", "nubar")
    counts = np.array([charm2_counts(mode) for mode in modes])
    data, background, expected = counts[:, 0], counts[:, 1], counts[:, 1] + counts[:, 2]
    seen = selection(CHARM2_CUTS, CHARM2_RESOLUTION, CHARM2_EFFICIENCY, CHARM2_OPENING)
    beams = ("charmii_fhc", "charmii_rhc")
    samples = tuple(
        _sample(f"charm2_{mode}", beam, charm2_protons(mode), CHARM2_DETECTOR, seen, i)
        for i, (mode, beam) in enumerate(zip(modes, beams, strict=True))
    )
    by_flux = np.diag([CHARM2_FLUX_ERROR[mode] for mode in modes])
    return Experiment(
        name="charm2",
        version=VERSION,
        title="CHARM-II, forward e+e- or photons, beams of neutrinos and antineutrinos",
        signals={"upscattering": samples},
        likelihood=GaussianPulls(
            data=data,
            background=expected,
            covariance=np.diag(data),
            background_pulls=np.hstack([by_flux, np.diag(CHARM2_BACKGROUND_ERROR * background / expected)]),
            signal_pulls=np.hstack([by_flux, np.zeros((2, 2))]),
            nuisances=tuple(f"charm2_{what}_{mode}" for what in ("flux", "background") for mode in modes),
            shared=False,
        ),
        data=data,
        background=expected,
        signal_bins=np.arange(2),
        coordinates={"beam": np.array(modes)},
        coordinate_units={},
        data_sets=frozenset({"charm2"}),
        references=(_CHARM2, ARGUELLES),
        notes=(
            "digitised: data and backgrounds to 2 %; flux uncertain by 4.7 % (nu) and 5.2 % (nubar), background by "
            "10 %, for its extrapolation to small E theta^2; with 3 % limits are 1.8 times stronger",
            "e+e- is one shower if within 4 degrees and both above 30 MeV; 3 < E < 24 GeV, E theta^2 < 28 MeV",
            "efficiency 0.76, 692 t and the protons make the observed nu-e scattering to 3 % (nu) and 7 % (nubar)",
            *_COHERENT,
        ),
    )


def _nova() -> Experiment:
    seen = selection(NOVA_CUTS, NOVA_RESOLUTION, NOVA_EFFICIENCY, MINERVA_OPENING)
    background = np.array([NOVA_ELECTRONS + NOVA_OTHERS])
    return Experiment(
        name="nova_nd",
        version=VERSION,
        title="NOvA near detector, forward e+e- or photons (projection, 1.36e21 protons on target, neutrino mode)",
        signals={"upscattering": (_sample("nova_nd", "nova_fhc", NOVA_PROTONS, NOVA_DETECTOR, seen),)},
        likelihood=Poisson(background, background, NOVA_BACKGROUND_ERROR * background, math.log(2.0)),
        data=background,
        background=background,
        signal_bins=np.arange(1),
        coordinates={"sample": np.array(["forward_shower"])},
        coordinate_units={},
        data_sets=frozenset({"nova_nd_projection"}),
        references=(_NOVA, ARGUELLES, *BEAMS["nova_fhc"]),
        projection=True,
        notes=(
            "a projection: no data; the signal is uncertain by a factor of two: efficiency and resolution are assumed",
            "E theta^2 < 5 MeV, 0.5 < E < 5 GeV; efficiency 0.5; e+e- is one shower if within 8 degrees and both above "
            "30 MeV",
            "background: 1420 events of nu-e scattering, by flux and cross section, and as many others, assumed; "
            "uncertain by 10 %",
            *_COHERENT,
        ),
    )
