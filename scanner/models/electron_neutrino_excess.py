"""More electron neutrinos in a beam of muon neutrinos than there should be, as a power of the energy and no more.

P(ν_μ → ν_e) = P(ν̄_μ → ν̄_e) = strength · (0.5 GeV/E)^slope. No mechanism is meant, and nothing disappears: it asks
whether experiments in one beam, whatever they see, may see the same electron neutrinos. A slope of 0 is the limit of
fast oscillations, 2 that of slow ones; MiniBooNE's low energies want more. P counts events and is no probability:
near 0.1 GeV a steep one may exceed 1.
"""

from __future__ import annotations

import math

import numpy as np

from scanner.models.base import Model
from scanner.signals.oscillation import EnergyTerm
from scanner.vocabulary import Monomial, Parameter, Reference

PROVIDES = ("electron_neutrino_excess",)
VERSION = 1

PIVOT, LEAST = 0.5, 0.1
"""Energy at which the strength is the excess, and below which there is no law: a power of it would run away [GeV]."""


def _power(values: np.ndarray, energy: np.ndarray) -> np.ndarray:
    slope = float(values[0])
    return np.array([math.pow(PIVOT / e, slope) if e >= LEAST else math.nan for e in energy.tolist()])


def _terms(source: str, target: str, antineutrino: bool) -> tuple[EnergyTerm, ...]:
    if (source, target) != ("mu", "e"):
        return ()
    return (EnergyTerm((Monomial(1.0, {"strength": 1}),), ("slope",), _power),)


def load(name: str) -> Model:
    """Return the model."""
    return Model(
        name=name,
        version=VERSION,
        title="An excess of electron neutrinos, as a power of their energy",
        parameters=(
            Parameter("strength", "1", 0.0, 0.0, 0.1, r"$P(\nu_\mu \to \nu_e)$ at 0.5 GeV"),
            Parameter("slope", "1", 2.0, -2.0, 10.0, r"slope, $P \propto E^{-\mathrm{slope}}$"),
        ),
        signals={"oscillation": _terms},
        references=(
            Reference(
                "Arguelles:2021meu",
                "Argüelles, C. A. and Esteban, I. and Hostert, M. and Kelly, K. J. and Kopp, J. and Machado, P. A. N. "
                "and Martinez-Soler, I. and Perez-Gonzalez, Y. F.",
                "MicroBooNE and the nu_e Interpretation of the MiniBooNE Low-Energy Excess",
                2022,
                "2111.10359",
                "10.1103/PhysRevLett.128.241802",
                "Phys. Rev. Lett. 128 (2022) 241802",
            ),
        ),
        null={"strength": 0.0},
    )
