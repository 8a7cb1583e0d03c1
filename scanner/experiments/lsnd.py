"""LSND: ν̄_e of 20 to 60 MeV beside a beam stop, 30 m away, twice.

``lsnd`` are the 86 events of its cleanest sample, R_γ > 10, in eleven bins of L/E. A full transmutation of the ν̄_μ from
μ⁺ at rest would have given 33,300 ± 3,300 events, of which R_γ > 10 keeps 0.39; over the bins they are spread as flux,
cross section, 1/L², resolution and the released relative efficiencies say. −2 ln L is Gaussian: LSND's error bars are
√(beam on); beam-off events, neutrino backgrounds and the signal have a common error each, those published for the
sample: 36.9 ± 1.5, 16.9 ± 2.3 (hep-ex/0104049, from memory), and 10 %. A Poisson likelihood would make the excess of
this sample, which was chosen for its purity, 19 in place of 10.6 units of −2 ln L, and more significant than LSND's
fit to all of its data, (0.264/0.081)² = 10.6.

*Photons* (``lsnd``). φ from π⁺ → e⁺ ν φ or μ⁺ ν φ at rest that become photons of 20 to 60 MeV, off carbon and hydrogen,
would be taken for positrons. The product of exposure, protons and efficiency is that which makes full transmutation
33,300 events: so is a photon's efficiency that of a positron, and one π⁺ decays for each ν̄_μ; there is one nucleus
of carbon for two protons. A sample that asks for a neutron sees those alone which a scattering sets free: none where
nuclei stay whole, and an unknown share else, which the model must state. Photons without a neutron, which measurements
of ν-e scattering and ¹²C(ν,e) would count, are not in these data. Pairs e⁺e⁻ are not counted.

``lsnd_total`` is that fit alone: P = (0.264 ± 0.067 ± 0.045) %, against ⟨P⟩ of all events of 20 to 60 MeV.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanner.experiments.base import Experiment
from scanner.experiments.daughters_at_rest import beams
from scanner.experiments.decay_at_rest import (
    END,
    REFERENCE_IBD,
    Events,
    bin_samples,
    events,
    muon_antineutrino_spectrum,
    muon_decays,
)
from scanner.experiments.oscillation_cells import Samples, midpoints, response
from scanner.experiments.tables import DATA, DataTable, read_table
from scanner.likelihoods.gaussian_pulls import GaussianPulls
from scanner.physics.geometry import DecayProbability
from scanner.physics.inverse_beta_decay import THRESHOLD, cross_section
from scanner.physics.particles import MASS
from scanner.signals.dark_particle import DarkBeamResponse
from scanner.signals.upscattering_samples import Region, Selection
from scanner.vocabulary import Reference

PROVIDES = ("lsnd", "lsnd_total")
VERSION = 2

Float = NDArray[np.float64]

BASELINES = (25.85, 34.15)
"""Ends of the detector along the beam [m]."""
POSITRON = (20.0, 60.0)
"""Selected energies [MeV]."""
TRANSMUTED, TRANSMUTED_ERROR, CLEAN = 33_300.0, 0.10, 0.39
"""Events of full transmutation and their relative error, and what R_γ > 10 keeps of them; hep-ex/0104049."""
PROBABILITY, PROBABILITY_ERROR = 0.00264, math.hypot(0.00067, 0.00045)
"""Of the fit to all events; hep-ex/0104049."""
BEAM_OFF_ERROR, NEUTRINOS_ERROR = 1.5 / 36.9, 2.3 / 16.9
"""Relative errors of the backgrounds with R_γ > 10; hep-ex/0104049 (from memory)."""

PATH_DENSITY = 2.5
"""Mean of the neutrinos' way [g/cm³]: of 30 m, 9 m are steel or what is worth as much (nucl-ex/9605002, from memory),
4 m the detector's oil, the rest is taken for empty.

An estimate, good to 30 %: a resonance energy that scales with density is then as uncertain.
"""

PHOTONS, PHOTON_NODES = (0.012, 0.072), 61
"""True energies [GeV] that may be selected, and nodes of them."""

_STEPS, _ZONES, _ENERGIES = 42, 3, 400


def resolution(positron: Float) -> Float:
    """Return the standard deviation of the measured energy [MeV]: 7 % at 52.8 MeV, as √E (from memory)."""
    return 0.07 * np.sqrt(52.8 * positron)


def load(name: str) -> Experiment:
    """Return one of the two experiments."""
    return _bins(name) if name == "lsnd" else _total(name)


def _bins(name: str) -> Experiment:
    table = read_table(DATA / "lsnd_bins.txt")
    columns = table.columns
    beam_on, beam_off, neutrinos = (columns[key] for key in ("beam_on", "beam_off", "neutrinos"))
    background, nothing = beam_off + neutrinos, np.zeros(beam_on.size)
    pulls = np.column_stack([BEAM_OFF_ERROR * beam_off, NEUTRINOS_ERROR * neutrinos, nothing]) / background[:, None]
    norm = np.column_stack([nothing, nothing, np.full(beam_on.size, TRANSMUTED_ERROR)])
    names = ("lsnd_beam_off", "lsnd_neutrinos", "lsnd_transmuted")
    return _experiment(
        name,
        "events with R_gamma > 10 in bins of L/E",
        bins=_samples(columns["low"], columns["high"]),
        total=_expected(table),
        likelihood=GaussianPulls(beam_on, background, np.diag(beam_on), pulls, norm, names, shared=False),
        coordinates={"L_over_E_low": columns["low"], "L_over_E_high": columns["high"]},
        more={"dark_beam": (_photons(columns["low"], columns["high"], columns["efficiency"]),)},
        notes=(
            "bins are digitised from a figure: beam-on events are no integers",
            "Gaussian with errors sqrt(beam on): its best probability is 0.20 %, that of a Poisson likelihood 0.23 %",
        ),
    )


def _total(name: str) -> Experiment:
    likelihood = GaussianPulls(
        np.array([PROBABILITY]),
        np.zeros(1),
        np.array([[PROBABILITY_ERROR * PROBABILITY_ERROR]]),
        np.zeros((1, 0)),
        np.zeros((1, 0)),
        (),
    )
    return _experiment(
        name,
        "probability from all events",
        bins=_samples(np.zeros(1), np.full(1, 1e3)),
        total=[1.0],
        likelihood=likelihood,
        coordinates={},
        more={},
        notes=("numbers are probabilities, not events",),
    )


def _experiment(
    name: str,
    title: str,
    *,
    bins: list[Samples],
    total: list[float],
    likelihood: GaussianPulls,
    coordinates: dict[str, Float],
    more: dict[str, Any],
    notes: tuple[str, ...],
) -> Experiment:
    return Experiment(
        name=name,
        version=VERSION,
        title=f"LSND, {title}",
        signals={
            "oscillation": (response("mu", "e", True, bins, total, PATH_DENSITY),),
            "muon_decay": muon_decays(bins, total),
            "energy_transfer": beams(bins, total, BASELINES, zones=_ZONES, prompt=True),
            **more,
        },
        likelihood=likelihood,
        data=likelihood.data,
        background=likelihood.background,
        signal_bins=np.arange(likelihood.number_of_data),
        coordinates=coordinates,
        coordinate_units=dict.fromkeys(coordinates, "m/MeV"),
        data_sets=frozenset({"lsnd"}),
        references=(REFERENCE, REFERENCE_IBD),
        notes=(
            *notes,
            "lsnd and lsnd_total are the same data: use one of them",
            "nu_mu -> nu_e in flight is not in it, nor do the backgrounds oscillate",
            "points with dm2 above 100 eV^2 are marked not_converged",
            "potentials of matter see a path of 2.5 g/cm^3 (9 m of steel in 30 m), an estimate good to 30 %",
        ),
    )


def _expected(table: DataTable) -> list[float]:
    """Events of full transmutation with R_γ > 10 in each bin."""
    bins = _samples(table.columns["low"], table.columns["high"])
    shape = [math.fsum(samples.weight.tolist()) for samples in bins]
    seen = [of * efficiency for of, efficiency in zip(shape, table.columns["efficiency"].tolist(), strict=True)]
    return [CLEAN * TRANSMUTED * of / math.fsum(seen) for of in seen]


def _samples(low: Float, high: Float, found: Events | None = None) -> list[Samples]:
    """Samples of bins in L/E [m/MeV]: E of the neutrino follows from energy and angle of the positron, to its error."""
    found = events() if found is None else found
    baseline = midpoints(*BASELINES, _STEPS)
    carried = found.energy - found.positron
    floor = np.maximum(low, 1e-9)
    edges = [baseline[:, None] / np.array([at]) - carried for at in (*high.tolist(), *floor.tolist())]
    bottom = np.array([np.maximum(edge, POSITRON[0]) for edge in edges[: low.size]])
    top = np.array([np.minimum(edge, POSITRON[1]) for edge in edges[low.size :]])
    return list(bin_samples(found, baseline, bottom, top, resolution(found.positron)))


def _photons(low: Float, high: Float, efficiency: Float) -> DarkBeamResponse:
    """What is seen of φ from π⁺ at rest, as photons that are taken for positrons of inverse beta decay."""
    step = math.log(PHOTONS[1] / PHOTONS[0]) / (PHOTON_NODES - 1)
    energy = np.array([1e3 * PHOTONS[0] * math.exp(i * step) for i in range(PHOTON_NODES)])
    alike = Events(energy + 1e3 * (MASS["n"] - MASS["p"]), energy, np.ones(PHOTON_NODES))
    chances = np.array([_at_energies(bin_, PHOTON_NODES) for bin_ in _samples(low, high, alike)]).T
    shape = np.array([math.fsum(samples.weight.tolist()) for samples in _samples(low, high)])
    absolute = CLEAN * efficiency * math.fsum(shape) / math.fsum(shape * efficiency)
    response = np.ascontiguousarray((chances * absolute)[:, None])
    seen = Selection(*PHOTONS, 1.0, {"gamma": response})
    everywhere = DecayProbability(np.zeros(1), np.array([0.0, 1.0]), np.ones((1, 2)))
    protons = _exposure()
    region = Region({"C12": 0.5 * protons, "H1": protons}, everywhere)
    return DarkBeamResponse("photons", (region,), seen, stopped={"pi": 1.0}, neutron=True)


def _at_energies(of_bin: Samples, nodes: int) -> Float:
    """Chance to be in a bin at each energy, on average over baselines."""
    weight = of_bin.weight.reshape(-1, nodes)
    near = 1 / midpoints(*BASELINES, _STEPS) ** 2
    return np.array([math.fsum(column) for column in weight.T]) / math.fsum(near.tolist())


def _exposure() -> float:
    """ν̄_μ per cm² times protons times efficiency, of 20 to 60 MeV, such that full transmutation is as published."""
    energy = midpoints(1e3 * THRESHOLD, END, _ENERGIES)
    spectrum = muon_antineutrino_spectrum(energy)
    sigma = cross_section(1e-3 * energy)
    found = events()
    selected = math.fsum(math.fsum(samples.weight.tolist()) for samples in _samples(np.zeros(1), np.full(1, 1e3)))
    near = 1 / midpoints(*BASELINES, _STEPS) ** 2
    everything = math.fsum(near.tolist()) * math.fsum(found.weight.tolist())
    width = (END - 1e3 * THRESHOLD) / _ENERGIES
    mean = width * math.fsum((spectrum * sigma).tolist())
    return TRANSMUTED / (mean * selected / everything)


REFERENCE = Reference(
    "LSND:2001aii",
    "Aguilar-Arevalo, A. and others (LSND)",
    "Evidence for neutrino oscillations from the observation of anti-nu_e appearance in a anti-nu_mu beam",
    2001,
    "hep-ex/0104049",
    "10.1103/PhysRevD.64.112007",
    "Phys. Rev. D 64 (2001) 112007",
)
