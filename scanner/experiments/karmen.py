"""KARMEN2: no excess of ν̄_e, 17.7 m from the stopped pions of ISIS, twice.

``karmen`` are 15 events in nine bins of the prompt energy (that of the positron and its annihilation), on 15.8 of
background; ``karmen_total`` is their number alone. KARMEN expects 2,913 events for sin²2θ = 1 at large Δm², where half
of the ν̄_μ are ν̄_e: a full transmutation is 5,826. (So its limits on sin²2θ, 1.7e-3, and on the branching ratio of
μ⁺ → e⁺ ν̄_e ν, 0.9e-3, are the same 5 events.) −2 ln L is Poisson's, with an error of 6.5 % of the signal.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from scanner.experiments.base import Experiment
from scanner.experiments.daughters_at_rest import beams
from scanner.experiments.decay_at_rest import REFERENCE_IBD, bin_samples, events, muon_decays
from scanner.experiments.oscillation_cells import Samples, midpoints, response
from scanner.experiments.tables import DATA, read_table
from scanner.likelihoods.poisson import Poisson
from scanner.physics.particles import MASS
from scanner.vocabulary import Reference

PROVIDES = ("karmen", "karmen_total")
VERSION = 1

Float = NDArray[np.float64]

BASELINES = (15.7, 19.7)
"""Ends of the detector [m]."""
TRANSMUTED = 2 * 2913.0
"""Events of full transmutation; hep-ex/0203021 by way of koppj/nu-osc."""
SIGNAL_ERROR = 0.065
"""Of the logarithm of the signal; as in that code."""

PATH_DENSITY = 3.2
"""Mean of the neutrinos' way [g/cm³]: of 17.7 m, 7 m are the steel between target and detector (from memory), 2 m the
detector's oil, the rest is taken for empty.

An estimate, good to 30 %: a resonance energy that scales with density is then as uncertain.
"""

_STEPS, _ZONES = 40, 2


def resolution(prompt: Float) -> Float:
    """Return the standard deviation of the prompt energy [MeV], 11.5 % √(E/MeV) (from memory)."""
    return 0.115 * np.sqrt(prompt)


def load(name: str) -> Experiment:
    """Return one of the two experiments."""
    columns = read_table(DATA / "karmen_bins.txt").columns
    low, high, data, background = (columns[key] for key in ("low", "high", "data", "background"))
    bins = _samples(low, high)
    if name == "karmen_total":
        bins = [bins[0]._replace(weight=np.add.reduce([samples.weight for samples in bins]))]
        low, high = low[:1], high[-1:]
        data, background = (np.array([math.fsum(of.tolist())]) for of in (data, background))
    shape = [math.fsum(samples.weight.tolist()) for samples in bins]
    total = [TRANSMUTED * of / math.fsum(shape) for of in shape]
    return Experiment(
        name=name,
        version=VERSION,
        title="KARMEN2, " + ("number of events" if name == "karmen_total" else "events in bins of prompt energy"),
        signals={
            "oscillation": (response("mu", "e", True, bins, total, PATH_DENSITY),),
            "muon_decay": muon_decays(bins, total),
            "energy_transfer": beams(bins, total, BASELINES, zones=_ZONES, prompt=False),
        },
        likelihood=Poisson(data, background, signal_error=SIGNAL_ERROR),
        data=data,
        background=background,
        signal_bins=np.arange(data.size),
        coordinates={"E_low": low, "E_high": high},
        coordinate_units={"E_low": "MeV", "E_high": "MeV"},
        data_sets=frozenset({"karmen2"}),
        references=(REFERENCE, REFERENCE_IBD),
        notes=(
            "karmen and karmen_total are the same data: use one of them",
            "background as digitised, 15.76 events; its error of 0.5 is not in it",
            "KARMEN's own fit also uses the time, position and delay of each event",
            "the nu_mu of pions come before its window, 0.6 us after the beam (from memory), and are not in it",
            "points with dm2 above 100 eV^2 are marked not_converged",
            "potentials of matter see a path of 3.2 g/cm^3 (7 m of steel in 17.7 m), an estimate good to 30 %",
        ),
    )


def _samples(low: Float, high: Float) -> list[Samples]:
    found = events()
    baseline = midpoints(*BASELINES, _STEPS)
    prompt = found.positron + 1e3 * MASS["e"]
    bottom, top = (np.repeat(edge[:, None], _STEPS, axis=1) - 1e3 * MASS["e"] for edge in (low, high))
    return list(bin_samples(found, baseline, bottom, top, resolution(prompt)))


REFERENCE = Reference(
    "KARMEN:2002zcm",
    "Armbruster, B. and others (KARMEN)",
    "Upper limits for neutrino oscillations muon-antineutrino to electron-antineutrino from muon decay at rest",
    2002,
    "hep-ex/0203021",
    "10.1103/PhysRevD.65.112001",
    "Phys. Rev. D 65 (2002) 112001",
)
