"""PS191's search for decays of heavy neutrinos at the CERN PS, recast from the flux of neutrinos by parent.

A decay volume of 12 m behind which two charged tracks were looked for, 128 m from the target and 40 mrad off
the axis of a neutrino beam of 19.2 GeV protons; nothing was seen. Geometry, exposure, fluxes and the efficiency
of 0.30, the same for every final state, are those that 2109.03831 took. It counts ν e e, μ π and ν e μ; e π is added
here, which PS191 searched for as well (quoted from memory). The limits that PS191 published are 6 to 7.5 times
stronger than those of 2109.03831; 2112.06800, a simulation, does not confirm them either.

2109.03831 rescales the neutrino flux, φ_N = ρ φ_ν, of K⁺ alone. Here pions, and kaons of both signs, are
unfolded from the fluxes, as if all of them were at 40 mrad to the detector, and decay with the true kinematics.
The heavier N, the more that matters: for the events of K → μ N a factor 1.0, 1.7, 4.9 and 9 at 100, 200, 300
and 350 MeV. At 25 mrad it would be 1.1, 1.7, 4.9 and 14, and where parents are spread over angles much wider
than those of their decays, it would be near 1: the angles are the largest uncertainty at high masses, and the
inputs do not say what they are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from scanner.experiments.base import Experiment
from scanner.experiments.hnl_curves import references
from scanner.experiments.tables import DATA, read_table
from scanner.likelihoods.poisson import Poisson
from scanner.physics.beam import LEPTONS, Parents, parents_of_light, two_body_spectrum
from scanner.physics.heavy_neutrino_production import production_ratios
from scanner.physics.particles import MASS
from scanner.signals.decay_in_flight import FlightResponse, Spectrum
from scanner.signals.heavy_neutrino import OTHER, State
from scanner.vocabulary import Reference

PROVIDES = ("ps191",)
VERSION = 1

EXPOSURE = 0.89e19
"""Protons on target; 2109.03831, as all that follows."""
BASELINE, LENGTH = 128.0, 12.0
"""[m]."""
AREA = 6.0 * 3.0
"""[m²]."""
COSINE = math.cos(0.040)
EFFICIENCY = 0.30
FINAL_STATES = ("nu_e_e", "nu_e_mu", "e_pi", "mu_pi")

FLUX_ERROR = 0.4
"""Of the logarithm of the flux: what the tabulated one and that of PS191's proposal, both among the inputs of
2109.03831, differ by for kaons. The latter, weighted with 1/E, is 0.66 of the former; for pions, 0.42."""

REFERENCES = (
    references()["Arguelles:2021dqn"],
    Reference(
        "Bernardi:1985ny",
        "Bernardi, G. and others (PS191)",
        "Search for neutrino decay",
        1986,
        doi="10.1016/0370-2693(86)91602-3",
        journal="Phys. Lett. B 166 (1986) 479",
    ),
    Reference(
        "Bernardi:1987ek",
        "Bernardi, G. and others (PS191)",
        "Further limits on heavy neutrino couplings",
        1988,
        doi="10.1016/0370-2693(88)90563-1",
        journal="Phys. Lett. B 203 (1988) 332",
    ),
)
"""Those of PS191 itself are quoted from memory."""


def light_flux(parent: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the neutrinos of ``pi`` or of ``K`` of both signs: energies [GeV], 1/(m² GeV POT)."""
    columns = read_table(DATA / "hnl_parents_ps191.txt").columns
    names = ("nu_mu_K", "nu_mu_bar_K") if parent == "K" else ("nu_mu_pi",)
    return columns["energy"], sum((columns[name] for name in names), np.zeros(columns["energy"].size))


def parents(parent: str) -> Parents:
    """Return the pions or the kaons whose decays make `light_flux`, per m² and POT."""
    ratio = production_ratios(0.0)[f"{parent}->mu N"][1]
    return parents_of_light(*light_flux(parent), MASS[parent], MASS["mu"], COSINE, ratio)


def load(name: str) -> Experiment:
    """Return the experiment."""
    beam = {parent: parents(parent) for parent in ("pi", "K")}
    nothing = np.zeros(len(FINAL_STATES))

    def spectrum(mass: float) -> Spectrum:
        momentum, weight = two_body_spectrum(beam, mass)
        return Spectrum(momentum, EXPOSURE * AREA * weight)

    response = FlightResponse(
        name=name,
        flavours=tuple(range(len(LEPTONS))),
        spectrum=spectrum,
        baseline=BASELINE,
        length=LENGTH,
        efficiency=_efficiency,
        mass_max=MASS["K"] - MASS["e"],
        inputs=tuple(array for p in beam.values() for array in (p.momentum, p.density)),
    )
    return Experiment(
        name=name,
        version=VERSION,
        title="PS191, decays of heavy neutrinos with two charged tracks",
        signals={"decay_in_flight": response},
        likelihood=Poisson(nothing, nothing, signal_error=FLUX_ERROR),
        data=nothing,
        background=nothing,
        signal_bins=np.arange(nothing.size),
        coordinates={"final_state": np.array(FINAL_STATES)},
        coordinate_units={},
        data_sets=frozenset({"ps191"}),
        references=REFERENCES,
        notes=(
            "efficiency 0.30 for every mass and final state, as 2109.03831 took it",
            "the flux error, 0.4 of its logarithm, is what two calculations of it differ by",
            "parents unfolded as if all were at 40 mrad: N above 200 MeV are fewer by 1.7 to 9 if they are spread "
            "wider than their decays",
            "neutrinos of energies that no parent gives at 40 mrad are left out: 14 % of those of kaons, 43 % of "
            "those of pions",
            "three-body decays of kaons, and muons, are left out, which weakens U_e below 3 MeV and U_mu from 34 to "
            "100 MeV",
            "the background was not published in a usable form: none is assumed, which matters for toys alone",
        ),
    )


def _efficiency(state: State) -> Mapping[str, np.ndarray]:
    """Efficiencies; each final state has its bin."""
    seen = EFFICIENCY * np.eye(len(FINAL_STATES))
    shape = len(LEPTONS), OTHER + 1, len(FINAL_STATES)
    return {name: np.broadcast_to(row, shape) for name, row in zip(FINAL_STATES, seen, strict=True)}
