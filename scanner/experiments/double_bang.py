"""Double bangs: a shower where ν breaks a nucleon up, N that flies, and a second shower where N decays.

What is known of three samples, and what had to be chosen. **No selection is published in a form that could be used
here**: of CCFR there is one count, of the other two there are proposals. Choices are marked as such; together they are
uncertain by a **factor of two** in the number of events, which is `UNCERTAINTY` and belongs to each experiment as
a normalisation.

``ccfr_double_bang``
    9 events with two hadron showers and no muon (NC/NC) on a background of 3.0 ± 0.2 ± 0.4 (de Barbaro et al., AIP
    Conf. Proc., doi 10.1063/1.43269). The flux has the shape of NuTeV's in the same hall; its exposure is
    such that it makes CCFR's charged currents. Neither the cuts on energies and distance nor the
    efficiency could be found. The choices are 10 GeV for each shower, which is CCFR's least hadronic energy for
    charged currents, 2.5 m between them, in which iron of this density contains 95 % of a hadron shower of 100 GeV, and
    half of the events. The second shower of the decays here is one of electrons or photons; in iron with 10 cm between
    counters it is taken for as good a one as that of hadrons.
``icecube_double_bang``
    Projection of Coloma et al., 1707.08573: atmospheric ν, two cascades in DeepCore of more than 5 GeV, 20 m apart;
    these three are from memory. DeepCore is taken for its instrumented volume with full efficiency above
    5 GeV, which 1109.6096 says of some 10 GeV. IceCube's own search for two cascades (2502.09454) has ten years of
    data.
``dune_double_bang``
    Projection after Atkinson et al., 2105.09357: the far detector with atmospheric ν and the beam, half of its protons
    in each polarity. Thresholds are those of 30 MeV for electrons and photons of the design report, and 0.1 GeV for the
    hadrons; 5 cm, a third of a radiation length, is a choice. What a photon flies before it converts, 18 cm in argon,
    is not counted.

*Common to all.* ν scatters off single nucleons, elastically if the recoil is above the threshold for hadrons, or breaks
them up (`scanner.physics.inelastic`); whole nuclei make no first shower. One e⁺e⁻, one photon or two are a second one.
The threshold for hadrons is sharp, that of the second shower as wide as its resolution. N from atmospheric ν come from
all sides alike. ν_μ become ν_τ by oscillations of two flavours in vacuum, in the atmospheric fluxes and in the beam at
DUNE: N that couple to ν_τ alone are made by those.

*Left out.* ν_e from oscillations, and matter; nuclear effects but shadowing; N of hadrons that decay; decays of N to
hadrons or muons; showers that leave a detector, and matter around it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanner.experiments.base import Experiment
from scanner.experiments.fluxes import BEAMS, flux
from scanner.experiments.matter import nuclei
from scanner.likelihoods.poisson import Poisson
from scanner.physics.detector import Cuts, Nodes, Resolution, energy_resolution, response
from scanner.physics.geometry import DecayProbability, angle_nodes, decay_probability, length_nodes
from scanner.physics.shapes import Box, Cylinder, Shape, reach
from scanner.signals.upscattering_samples import Flux, Region, Selection, UpscatteringResponse
from scanner.units import AVOGADRO
from scanner.vocabulary import Reference

PROVIDES = ("ccfr_double_bang", "icecube_double_bang", "dune_double_bang")
VERSION = 1

YEAR = 365.25 * 86400.0
"""[s]."""

UNCERTAINTY = 2.0
"""Factor by which a number of events may be larger or smaller."""

CCFR = Reference(
    "CCFR_NC_NC",
    "de Barbaro, P. and others (CCFR)",
    "9 events with two hadron showers on a background of 3.0",  # what it holds: its title could not be found
    1992,
    doi="10.1063/1.43269",
    journal="AIP Conf. Proc. 272",  # year and volume from memory; the texkeys are this file's or from memory
)
ICECUBE = Reference(
    "Coloma:2017ppo",
    "Coloma, P. and Machado, P. A. N. and Martinez-Soler, I. and Shoemaker, I. M.",
    "Double Bangs from New Physics in IceCube",
    2017,
    "1707.08573",
    "10.1103/PhysRevLett.119.201804",
    "Phys. Rev. Lett. 119 (2017) 201804",
)
DUNE = Reference(
    "Atkinson:2021rnp",
    "Atkinson, M. and Coloma, P. and Martinez-Soler, I. and Rocco, N. and Shoemaker, I. M.",
    "Heavy Neutrino searches through Double-Bang Events at Super-Kamiokande, DUNE, and Hyper-Kamiokande",
    2021,
    "2105.09357",
)


class DoubleBang(NamedTuple):
    """What a sample of double bangs is."""

    reference: Reference
    seen: float
    """Events; of a projection, its background."""
    background: float
    background_error: float
    targets: Mapping[str, float]
    """Number of nuclei by nuclide."""
    least_hadronic: float
    """Of the first shower [GeV]."""
    least_visible: float
    """Of the second one [GeV]."""
    resolution: tuple[float, float]
    """σ_E/E of the second one: the stochastic and the constant term."""
    separation: float
    """Between them, at least [m]."""
    efficiency: float
    shape: Shape
    """Where both are seen; a beam goes along z."""


# Oscillations

MASS_GAP, MIXING = 2.45e-3, 0.99
"""Δm² [eV²] and sin²2θ of ν_μ and ν_τ (PDG; from memory)."""

EARTH_RADIUS, PRODUCTION_HEIGHT = 6371.0, 15.0
"""[km]; most of the atmospheric ν come from 10 to 20 km."""

ZENITHS = 400


def oscillated(found: Flux, lengths: Iterable[float]) -> Flux:
    """Return a flux with ν_τ for some ν_μ, on the average over lengths of flight [km].

    Examples
    --------
    Where the oscillation is at its maximum, 99 of 100:

    >>> beam = Flux(np.array([2.574]), np.array([[0.0], [100.0], [0.0]]))
    >>> oscillated(beam, [1300.0]).fluence.round(1).tolist()
    [[0.0], [1.0], [99.0]]
    """
    phases = [1.26693268 * MASS_GAP * length for length in lengths]
    gone = np.array([MIXING * math.fsum(math.sin(x / E) ** 2 for x in phases) / len(phases) for E in found.energy])
    electron, muon, tau = found.fluence
    return Flux(found.energy, np.array([electron, (1 - gone) * muon, tau + gone * muon]))


def atmospheric_lengths() -> list[float]:
    """Lengths of flight [km] of atmospheric ν from equal parts of the sky."""
    outer, found = EARTH_RADIUS + PRODUCTION_HEIGHT, []
    for i in range(ZENITHS):
        cosine = (2 * i + 1) / ZENITHS - 1
        across_sq = EARTH_RADIUS**2 * (1 - cosine * cosine)
        found.append(math.sqrt(outer * outer - across_sq) - EARTH_RADIUS * cosine)
    return found


def atmospheric(of: DoubleBang, years: float) -> Flux:
    """Return the atmospheric ν that can make both showers."""
    energy, fluence = flux("atmospheric", years * YEAR)
    enough = energy > of.least_hadronic + of.least_visible / 4
    return oscillated(Flux(energy[enough], fluence[:, enough]), atmospheric_lengths())


# What is seen

SHORTEST = 1 / 30
"""Of the separation: N that fly less are not seen (e⁻³⁰)."""

DIRECTIONS = 12
"""Intervals of the average over directions: good to 2e-3."""

BLURRED, CLEAR = 5.0, 3.0
"""Standard deviations below the threshold where no second shower is seen, and above it where all are."""


def sample(name: str, of: DoubleBang, through: Flux, decay: DecayProbability) -> UpscatteringResponse:
    """Return N of a flux that are made, and decay, in a detector."""
    region = Region(of.targets, decay, first_shower=of.least_hadronic)
    # The first length of the tables is 1e-3 of what is the shortest here.
    return UpscatteringResponse(
        name, through, (region,), selection(of), 0, 1e3 * SHORTEST * of.separation, 2 * reach(of.shape)
    )


def selection(of: DoubleBang) -> Selection:
    """Return what is seen of the second shower, which may go anywhere."""
    low = high = of.least_visible
    while low + BLURRED * float(energy_resolution(low, *of.resolution)) > of.least_visible:
        low /= 1.1
    while high - CLEAR * float(energy_resolution(high, *of.resolution)) < of.least_visible:
        high *= 1.1
    nodes = Nodes(low, high, 40, 1.0, 2)
    resolution = Resolution(energy_resolution(nodes.energy, *of.resolution), np.zeros(nodes.energies))
    seen = response(nodes, resolution, "count", cuts=Cuts(energy_min=of.least_visible), efficiency=of.efficiency)
    products = dict.fromkeys(("e_e", "gamma_gamma", "gamma"), seen)
    return Selection(nodes.energy_min, nodes.energy_max, nodes.sine_max, products)


def from_beam(of: DoubleBang) -> DecayProbability:
    """Return where N of a beam decay."""
    return _decay(of, angle_nodes(20))


def from_all_sides(of: DoubleBang) -> DecayProbability:
    """Return where N decay on the average over all directions, one in the place of all."""
    # cos θ = 1 - u², u from 0 to 1, by Simpson's rule: long ways are near the axis. Backwards is the same.
    found = _decay(of, np.array([math.sqrt(0.5) * i / DIRECTIONS for i in range(DIRECTIONS + 1)]))
    mean = np.zeros(found.log_length.size)
    for i, row in enumerate(found.probability):
        mean += (1 if i in (0, DIRECTIONS) else 2 + 2 * (i % 2)) * 2 * i / (3 * DIRECTIONS**2) * row
    return DecayProbability(np.zeros(1), found.log_length, mean[None])


def _decay(of: DoubleBang, sines: NDArray[np.float64]) -> DecayProbability:
    lengths = length_nodes(100 * SHORTEST * of.separation, 2 * reach(of.shape))
    return decay_probability(of.shape, of.shape, sines, lengths, minimal_flight=of.separation, points=16)


# CCFR

CCFR_TONNES = 690.0
"""Of the target calorimeter, nearly all of it iron, 3 m x 3 m x 17.7 m (Sakumoto et al., NIM A 294 (1990) 179; from
memory)."""

CCFR_CHARGED_CURRENTS = (950e3, 170e3)
"""Of ν_μ and ν̄_μ after fiducial and kinematic cuts, in runs E744 and E770 (Seligman et al., PRL 79 (1997) 1213,
hep-ex/9701017; from memory). The cuts took a third or so away, and NC/NC may have other fiducial cuts."""

CHARGED_CURRENT_SLOPE = (0.677e-38, 0.334e-38)
"""σ/E [cm²/GeV] of ν_μ and ν̄_μ per nucleon of an isoscalar target (PDG; from memory)."""

CCFR_DOUBLE_BANG = DoubleBang(
    reference=CCFR,
    seen=9.0,
    background=3.0,
    background_error=0.45,  # 0.2 ⊕ 0.4
    targets=nuclei({"Fe56": CCFR_TONNES}),
    least_hadronic=10.0,
    least_visible=10.0,
    resolution=(0.85, 0.0),  # of hadrons (Sakumoto et al.; from memory)
    separation=2.5,
    efficiency=0.5,
    shape=Box((0.0, 0.0, 0.0), (1.5, 1.5, 8.85)),
)


def ccfr_exposure(energy: NDArray[np.float64], numu: NDArray[np.float64]) -> tuple[float, float]:
    """Return by what NuTeV's flux of ν_μ must be multiplied to be CCFR's fluence of ν_μ, and of ν̄_μ.

    Parameters
    ----------
    energy
        Nodes [GeV], shape (n,).
    numu
        ν_μ that each stands for [1/cm² per proton], shape (n,).

    Notes
    -----
    The beam of CCFR was not selected by sign; its ν̄_μ are given the shape of ν_μ.
    """
    each = float(np.sum(energy * numu)) * CCFR_TONNES * 1e6 * AVOGADRO
    first, second = (n / (each * s) for n, s in zip(CCFR_CHARGED_CURRENTS, CHARGED_CURRENT_SLOPE, strict=True))
    return first, second


# IceCube

DEEPCORE_RADIUS, DEEPCORE_HEIGHT = 125.0, 350.0
"""Of the instrumented cylinder [m] (1109.6096; from memory)."""

ICE_DENSITY = 0.917
"""[t/m³]."""

DEEPCORE_VOLUME = float(np.pi) * DEEPCORE_RADIUS**2 * DEEPCORE_HEIGHT
"""[m³]."""

WATER = {"H1": 2 * 1.008 / 18.015, "O16": 15.999 / 18.015}
"""Shares of its mass."""

ICECUBE_YEARS = 10.0

ICECUBE_DOUBLE_BANG = DoubleBang(
    reference=ICECUBE,
    seen=0.05 * ICECUBE_YEARS,
    background=0.05 * ICECUBE_YEARS,  # coincident cascades, 0.05 a year; 1707.08573, from memory
    background_error=0.0,
    targets=nuclei({name: share * DEEPCORE_VOLUME * ICE_DENSITY for name, share in WATER.items()}),
    least_hadronic=5.0,
    least_visible=5.0,
    resolution=(0.0, 0.3),  # assumed
    separation=20.0,
    efficiency=1.0,
    shape=Cylinder((0.0, 0.0, 0.0), "z", DEEPCORE_RADIUS, DEEPCORE_HEIGHT / 2),
)

# DUNE

DUNE_TONNES = 4 * 10e3
"""Fiducial, four modules (1706.07081)."""

DUNE_MODULE = (12.0, 14.0, 58.2)
"""Active volume of a module [m], the beam along the last edge (2002.03005; from memory)."""

DUNE_YEARS = 10.0

DUNE_PROTONS = 1.1e21
"""A year (2002.03005; from memory)."""

DUNE_BEAMS, DUNE_BASELINE = ("dune_nd_fhc", "dune_nd_rhc"), 1297.0
"""[km]."""

DUNE_NEAR_TO_FAR = (0.574 / DUNE_BASELINE) ** 2
"""Of the flux at the near detector, at the far one, as if it came from a point."""

DUNE_DOUBLE_BANG = DoubleBang(
    reference=DUNE,
    seen=0.0,
    background=0.0,  # "very low" (2105.09357)
    background_error=0.0,
    targets=nuclei({"Ar40": DUNE_TONNES}),
    least_hadronic=0.1,
    least_visible=0.03,
    resolution=(0.15, 0.02),  # of the design report (2002.03005; from memory)
    separation=0.05,
    efficiency=1.0,
    shape=Box((0.0, 0.0, 0.0), (DUNE_MODULE[0] / 2, DUNE_MODULE[1] / 2, DUNE_MODULE[2] / 2)),
)


def dune_beam() -> Flux:
    """Return the beam at the far detector."""
    protons = DUNE_YEARS * DUNE_PROTONS / 2
    beams = [flux(beam, protons, DUNE_NEAR_TO_FAR) for beam in DUNE_BEAMS]
    energy = np.concatenate([beam.energy for beam in beams])
    fluence = np.concatenate([beam.fluence for beam in beams], axis=1)
    order = np.argsort(energy, kind="stable")
    return oscillated(Flux(energy[order], fluence[:, order]), [DUNE_BASELINE])


# Experiments

_COMMON = (
    "signal uncertain by a factor of two: thresholds, the distance between the showers and efficiencies are choices, "
    "see the module",
    "first shower: scattering off single nucleons, elastic or breaking them up, no scalar mediator in the latter",
    "second shower: e+e-, one photon or two; decays to hadrons or muons are not counted",
)
_OSCILLATIONS = "nu_mu become nu_tau by oscillations of two flavours in vacuum; no other oscillations"


def load(name: str) -> Experiment:
    """Return one of the three experiments."""
    return {"ccfr_double_bang": _ccfr, "icecube_double_bang": _icecube, "dune_double_bang": _dune}[name]()


def _experiment(
    name: str,
    title: str,
    of: DoubleBang,
    samples: tuple[UpscatteringResponse, ...],
    references: tuple[Reference, ...],
    notes: tuple[str, ...],
    projection: bool,
) -> Experiment:
    """Return a count."""
    data, background = np.array([of.seen]), np.array([of.background])
    return Experiment(
        name=name,
        version=VERSION,
        title=title,
        signals={"upscattering": samples},
        likelihood=Poisson(data, background, np.array([of.background_error]), math.log(UNCERTAINTY)),
        data=data,
        background=background,
        signal_bins=np.arange(1),
        coordinates={"sample": np.array(["two_showers"])},
        coordinate_units={},
        data_sets=frozenset({f"{name}_projection" if projection else name}),
        references=(of.reference, *references),
        notes=(
            *notes,
            *_COMMON,
            f"{of.least_hadronic:g} GeV of hadrons, then {of.least_visible:g} GeV visible, {of.separation:g} m away or "
            f"more; efficiency {of.efficiency:g}",
        ),
        projection=projection,
    )


def _ccfr() -> Experiment:
    of = CCFR_DOUBLE_BANG
    energy, fluence = flux("nutev_fhc", 1.0)
    through = Flux(energy, sum(ccfr_exposure(energy, fluence[1])) * fluence)
    return _experiment(
        "ccfr_double_bang",
        "CCFR, two showers without a muon (NC/NC), the second one of e+e- or photons",
        of,
        (sample("ccfr_double_bang", of, through, from_beam(of)),),
        BEAMS["nutev_fhc"],
        (
            "9 events on 3.0 +- 0.2 +- 0.4; energies of 10 GeV, 2.5 m and the efficiency 0.5 are assumed",
            "flux: NuTeV's shape, for antineutrinos too, normalised to CCFR's charged currents",
            "the second shower is electromagnetic here, and counts like one of hadrons",
        ),
        projection=False,
    )


def _icecube() -> Experiment:
    of = ICECUBE_DOUBLE_BANG
    through = atmospheric(of, ICECUBE_YEARS)
    return _experiment(
        "icecube_double_bang",
        f"IceCube DeepCore, double bangs of atmospheric neutrinos (projection, {ICECUBE_YEARS:g} years)",
        of,
        (sample("icecube_double_bang", of, through, from_all_sides(of)),),
        BEAMS["atmospheric"],
        (
            "a projection: no data; 0.05 events of background a year",
            "DeepCore's instrumented volume, with full efficiency from the threshold on",
            _OSCILLATIONS,
        ),
        projection=True,
    )


def _dune() -> Experiment:
    of = DUNE_DOUBLE_BANG
    through = atmospheric(of, DUNE_YEARS)
    return _experiment(
        "dune_double_bang",
        f"DUNE far detector, double bangs of atmospheric neutrinos and of the beam (projection, {DUNE_YEARS:g} years)",
        of,
        (
            sample("dune_double_bang_beam", of, dune_beam(), from_beam(of)),
            sample("dune_double_bang_atmospheric", of, through, from_all_sides(of)),
        ),
        (*BEAMS["dune_nd_fhc"], *BEAMS["atmospheric"]),
        (
            f"a projection: no data, no background; {DUNE_TONNES / 1e3:g} kt, {DUNE_PROTONS:g} protons a year, half of "
            "them in each polarity",
            "atmospheric flux of the South Pole; flight of a photon before it converts is not counted",
            _OSCILLATIONS,
        ),
        projection=True,
    )
