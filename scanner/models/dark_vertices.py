"""Couplings of a dark photon Z′ to light and heavy neutrinos, from mixings, or as they are given.

One dark flavour ν_D has the charge g_D, g_D² = 4π alpha_D. Z′ couples N_i to N_j with V_ij = g_D U_Di U_Dj and ν_a to
N_i with V_ai = -g_D U_Di Σ_j U_aj U_Dj, by unitarity. Mixings are taken as real and positive.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from scanner.models.dark_neutrinos import charge_of, refuse_both
from scanner.physics.dark_neutrino_decays import DarkPair, VectorMediator
from scanner.vocabulary import Parameter

STATES = {"N4": "m4", "N5": "m5", "N6": "m6"}
FLAVOURS = {"e": "e", "mu": r"\mu", "tau": r"\tau"}
MIXINGS = {f"N{i}": tuple(f"U{a}{i}_sq" for a in FLAVOURS) for i in (4, 5, 6)}
DARK_MIXINGS = {f"N{i}": f"UD{i}_sq" for i in (4, 5, 6)}
CASCADE = Parameter.choice("cascade_only", "false", "true")
"""Whether a state that is heavier than another one decays to those alone, as published fits of two heavy states have
it: N5 → ν Z′ is left out, which is the larger part where N5 → N4 Z′ is closed and N5 → ν Z′ is open."""
VERTICES = ("V_e4", "V_mu4", "V_tau4", "V_p", "V_n", "V_l", "A_l")


class Vertices(NamedTuple):
    """Couplings of Z′ at one point."""

    masses: dict[str, float]
    """[GeV], of the heavy states, the lightest first."""
    light: dict[str, np.ndarray]
    """V_ai of ν_a N_i, shape (3,), by state; positive: the common sign matters against the Z alone."""
    heavy: dict[tuple[str, str], float]
    """V_ij, i ≤ j."""
    neutrinos: float
    """(Σ |V_ab|²)^½ of light neutrinos."""
    mediator: VectorMediator
    """Without dark decays."""


def explicit(values: Mapping[str, float]) -> bool:
    """Whether vertices are given as such; InputError where mixings are given too."""
    vertices = any(values[name] for name in VERTICES)
    mixings = any(values[name] for names in MIXINGS.values() for name in names)
    refuse_both("dark_neutrino_vector", "mixings", ", ".join(VERTICES), vertices and mixings)
    return vertices


def masses_of(values: Mapping[str, float]) -> dict[str, float]:
    """Return the masses [GeV] of the states that there are, the lightest first."""
    found = {state: values[name] for state, name in STATES.items() if values[name] > 0}
    return dict(sorted(found.items(), key=lambda item: item[1]))


def vertices(values: Mapping[str, float]) -> Vertices:
    """Return the couplings of Z′, given as such or by mixings.

    Raises
    ------
    InputError
        Where both are given.
    """
    masses, mass, BR_inv = masses_of(values), values["m_Zprime"], values["BR_inv"]
    if explicit(values):
        light = {state: np.array([values[f"V_{a}4"] for a in FLAVOURS]) * (state == "N4") for state in masses}
        mediator = VectorMediator(mass, values["V_l"], values["A_l"], values["V_p"], values["V_n"], BR_inv)
        return Vertices(masses, light, {}, 0.0, mediator)
    g_D = math.sqrt(4 * math.pi * values["alpha_D"])
    dark = {state: math.sqrt(values[DARK_MIXINGS[state]]) for state in masses}
    overlap = np.sum([dark[state] * mixings_of(state, values) for state in masses], axis=0)
    light = {state: g_D * dark[state] * overlap for state in masses}
    pairs = itertools.combinations_with_replacement(masses, 2)
    heavy = {(i, j): g_D * dark[i] * dark[j] for i, j in pairs}
    charge = charge_of(values) * values["epsilon"]
    mediator = VectorMediator(mass, V_l=-charge, V_p=charge, BR_inv=BR_inv)
    return Vertices(masses, light, heavy, g_D * math.fsum(overlap * overlap), mediator)


def mixings_of(state: str, values: Mapping[str, float]) -> np.ndarray:
    """Return U_ai of a state, shape (3,)."""
    return np.array([math.sqrt(values[name]) for name in MIXINGS[state]])


def dark_pairs(found: Vertices, states: tuple[str, ...], majorana: bool) -> dict[str, DarkPair]:
    """Return the decays of Z′ into light neutrinos and the given states, by name."""
    pairs = {"nu_nu": DarkPair(0.0, 0.0, found.neutrinos**2, majorana)}
    for state in states:
        both = 2 * math.fsum(found.light[state] ** 2)
        pairs[f"nu_{state}"] = DarkPair(0.0, found.masses[state], both, majorana)
    for (i, j), coupling in found.heavy.items():
        if i in states and j in states:
            strength = coupling**2 * (1 if i == j else 2)
            pairs[f"{i}_{j}"] = DarkPair(found.masses[i], found.masses[j], strength, majorana)
    return pairs


def coupling_squared(found: Vertices, state: str, daughter: str) -> float:
    """Return |V|² of a state and a daughter: ``nu`` is the sum over light neutrinos."""
    if daughter == "nu":
        return math.fsum(found.light[state] ** 2)
    return found.heavy.get((daughter, state), 0.0) ** 2
