"""e⁺e⁻ and photons from upscattering in liquid argon: MicroBooNE's search, and what SBND, ICARUS and DUNE would see.

``microboone_ee``
    MicroBooNE's search for e⁺e⁻ of dark neutrinos, 95 events on 69.7 ± 17.3 (2502.10900). It asked for a forward
    shower and nothing else at the vertex, as coherent scattering leaves it. **Its efficiency could not be found**: the
    one here, 0.2 for E_vis above 0.1 GeV, is a choice, and uncertain by a factor of two, which is profiled.
``sbnd_ee``, ``icarus_ee``
    the same selection in the same beam: projections with the background of MicroBooNE scaled with mass, protons and
    flux, known to 15 %, and spread evenly over the bins of E_vis, as its shape is not known.
``dune_nd_ee``
    the liquid argon of DUNE's near detector. The background is scaled with the energy that neutrinos bring, mass ·
    ∫E φ dE, to which charged and neutral currents are proportional. A first estimate.

N decay inside the active volume, at any lifetime; N made in the rock before it are not counted. The Booster's flux at
ICARUS is that at MicroBooNE times (470/600)².
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np

from scanner.experiments.base import Experiment
from scanner.experiments.fluxes import BEAMS, flux
from scanner.experiments.matter import nuclei
from scanner.likelihoods.poisson import Poisson
from scanner.physics.detector import Cuts, Nodes, Resolution, energy_resolution, response
from scanner.physics.geometry import angle_nodes, decay_probability, length_nodes
from scanner.physics.shapes import Box
from scanner.signals.dark_neutrino import PRODUCTS
from scanner.signals.upscattering_samples import Flux, Region, Selection, UpscatteringResponse
from scanner.vocabulary import Reference

PROVIDES = ("microboone_ee", "sbnd_ee", "icarus_ee", "dune_nd_ee")
VERSION = 1

SEEN, BACKGROUND, BACKGROUND_ERROR = 95.0, 69.7, 17.3
"""MicroBooNE's events; 2502.10900."""

EFFICIENCY, LEAST_ENERGY = 0.2, 0.1
"""For E_vis above 0.1 GeV: a choice, see the module."""

SIGNAL_ERROR = math.log(2.0)
"""Of the logarithm of the efficiency: a factor of two."""

PROJECTED_ERROR = 0.15
"""Of a background that data of the detector itself constrain: a choice."""

EDGES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.5, 3.0)
"""Of E_vis [GeV], of projections; DUNE's have three times that above 0.3 GeV."""

STOCHASTIC, CONSTANT = 0.15, 0.02
"""Resolution of the energy of showers, 15 %/√E ⊕ 2 %: as SBN's proposal assumes (1503.01520)."""


class _Detector(NamedTuple):
    """A detector of liquid argon."""

    title: str
    beam: str
    exposure: float
    """Protons on target."""
    scale: float
    """Of the flux."""
    tonnes: float
    edges: tuple[float, float, float]
    """Across, across and along the beam [m]."""
    references: tuple[Reference, ...]


SEARCH = Reference(
    "MicroBooNE:2025khi",
    "Abdullahi, A. M. and others (MicroBooNE)",
    "First Search for Dark Sector e+e- Explanations of the MiniBooNE Anomaly at MicroBooNE",
    2026,
    "2502.10900",
    journal="Phys. Rev. Lett. 136 (2026) 121804",
)
SBN = Reference(
    "MicroBooNE:2015bmn",
    "Acciarri, R. and others (MicroBooNE, LAr1-ND, ICARUS-WA104)",
    "A Proposal for a Three Detector Short-Baseline Neutrino Oscillation Program in the Fermilab Booster Neutrino Beam",
    2015,
    "1503.01520",
)
DUNE = Reference(
    "DUNE:2021tad",
    "Abed Abud, A. and others (DUNE)",
    "Deep Underground Neutrino Experiment (DUNE) Near Detector Conceptual Design Report",
    2021,
    "2103.13910",
)

DETECTORS = {
    "microboone_ee": _Detector("MicroBooNE", "microboone", 6.87e20, 1.0, 86.19, (2.56, 2.32, 10.37), (SEARCH,)),
    "sbnd_ee": _Detector("SBND", "sbnd", 6.6e20, 1.0, 112.0, (4.0, 4.0, 5.0), (SBN,)),
    # One of two modules, each as it counts for both.
    "icarus_ee": _Detector("ICARUS", "microboone", 6.6e20, (470 / 600) ** 2, 476.0, (3.0, 3.16, 17.95), (SBN,)),
    "dune_nd_ee": _Detector("DUNE's near detector", "dune_nd_fhc", 1.1e21, 1.0, 147.0, (7.0, 3.0, 5.0), (DUNE,)),
}
"""Masses of argon and sizes of the active volumes; 6.6e20 protons are SBN's, 1.1e21 a year of DUNE's."""


def load(name: str) -> Experiment:
    """Return one of the four experiments."""
    detector = DETECTORS[name]
    return _microboone(name, detector) if name == "microboone_ee" else _projection(name, detector)


def sample(name: str, detector: _Detector, edges: tuple[float, ...], nucleons: bool) -> UpscatteringResponse:
    """Return what a detector selects, in bins of E_vis."""
    nodes = Nodes(0.5 * edges[0], 1.5 * edges[-1], 48, 1.0, 2)
    resolution = Resolution(energy_resolution(nodes.energy, STOCHASTIC, CONSTANT), np.zeros(48))
    seen = response(nodes, resolution, "energy", edges, Cuts(energy_min=LEAST_ENERGY), EFFICIENCY)
    shortest, longest = min(detector.edges), math.hypot(*detector.edges)
    volume = Box((0.0, 0.0, 0.0), (0.5 * detector.edges[0], 0.5 * detector.edges[1], 0.5 * detector.edges[2]))
    inside = decay_probability(volume, volume, angle_nodes(), length_nodes(0.1 * shortest, longest))
    return UpscatteringResponse(
        name=name,
        flux=_flux(detector),
        regions=(Region(nuclei({"Ar40": detector.tonnes}), inside, nucleons=nucleons),),
        selection=Selection(nodes.energy_min, nodes.energy_max, nodes.sine_max, dict.fromkeys(PRODUCTS, seen)),
        shortest=shortest,
        longest=longest,
    )


def _flux(detector: _Detector) -> Flux:
    return flux(detector.beam, detector.exposure, detector.scale)


@functools.cache
def _energy_brought(name: str) -> float:
    """What backgrounds are proportional to: mass · ∫E φ dE."""
    detector = DETECTORS[name]
    found = _flux(detector)
    return detector.tonnes * math.fsum(found.energy * found.fluence.sum(axis=0))


def _microboone(name: str, detector: _Detector) -> Experiment:
    likelihood = Poisson(
        np.array([SEEN]), np.array([BACKGROUND]), np.array([BACKGROUND_ERROR]), signal_error=SIGNAL_ERROR
    )
    edges = (LEAST_ENERGY, math.inf)
    return Experiment(
        name=name,
        version=VERSION,
        title="MicroBooNE, e+e- and photons of dark neutrinos (6.87e20 protons on target)",
        signals={"upscattering": (sample(name, detector, (LEAST_ENERGY, 3.0), nucleons=False),)},
        likelihood=likelihood,
        data=likelihood.data,
        background=likelihood.background,
        signal_bins=np.arange(1),
        coordinates={"E_low": np.array(edges[:1]), "E_high": np.array(edges[1:])},
        coordinate_units={"E_low": "GeV", "E_high": "GeV"},
        data_sets=frozenset({"microboone_dark_ee_2025"}),
        references=(*detector.references, *BEAMS[detector.beam]),
        notes=(
            "efficiency 0.2 above 0.1 GeV is a choice, as none is public; the signal is uncertain by a factor of two",
            "coherent scattering alone, as the search asks for nothing at the vertex",
        ),
    )


def _projection(name: str, detector: _Detector) -> Experiment:
    dune = name.startswith("dune")
    edges = tuple(3 * edge if dune and edge >= 0.3 else edge for edge in EDGES)
    scale = _energy_brought(name) / _energy_brought("microboone_ee")
    bins = len(edges) - 1
    background = np.full(bins, BACKGROUND * scale / bins)
    likelihood = Poisson(background, background, PROJECTED_ERROR * background, signal_error=SIGNAL_ERROR)
    return Experiment(
        name=name,
        version=VERSION,
        title=f"{detector.title}, e+e- and photons of dark neutrinos (projection, {detector.exposure:g} protons)",
        signals={"upscattering": (sample(name, detector, edges, nucleons=False),)},
        likelihood=likelihood,
        data=likelihood.data,
        background=likelihood.background,
        signal_bins=np.arange(bins),
        coordinates={"E_low": np.array(edges[:-1]), "E_high": np.array(edges[1:])},
        coordinate_units={"E_low": "GeV", "E_high": "GeV"},
        data_sets=frozenset({f"{name}_projection"}),
        references=(*detector.references, SEARCH, *BEAMS[detector.beam]),
        projection=True,
        notes=(
            "a projection: no data; MicroBooNE's selection and background, scaled with mass and the energy of the beam",
            "the background is spread evenly over E_vis and known to 15 % in each bin: choices",
            "efficiency 0.2 above 0.1 GeV is a choice; the signal is uncertain by a factor of two",
        ),
    )
