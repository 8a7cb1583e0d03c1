"""Three active neutrinos and one sterile: oscillation in vacuum, in matter, and at short baselines."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from scanner.errors import InputError
from scanner.models.base import Model
from scanner.physics import states
from scanner.physics.oscillation import mixing_matrix_3p1, probability_3p1
from scanner.signals.oscillation import OscillationTerm
from scanner.signals.surface import SurfaceModel
from scanner.vocabulary import Constraint, Monomial, Parameter, Reference

PROVIDES = ("sterile_3p1",)
VERSION = 1

_MIXING = {"e": "Ue4_sq", "mu": "Umu4_sq", "tau": "Utau4_sq"}


class Sterile3p1(Model):
    """The 3+1 model, U = R34 R24(δ24) R14(δ14) R23 R13(δ13) R12."""

    def probability(
        self,
        alpha: str,
        beta: str,
        E: Any,
        L: Any,
        density: float = 0.0,
        Ye: float = 0.5,
        antineutrino: bool = False,
        **params: float,
    ) -> np.ndarray:
        """Return P(α→β) from the full 4×4 evolution in constant density.

        Parameters
        ----------
        alpha, beta
            States: ``e``, ``mu``, ``tau`` or ``s``.
        E, L
            Energy [GeV] and baseline [km]; broadcast against each other.
        density, Ye
            Density [g/cm³] and electrons per nucleon; the sterile state feels −V_NC.
        antineutrino
            Conjugates U and flips the potentials.
        **params
            Any of the model's parameters.
        """
        p = self.complete(params)
        if p["Ue4_sq"] + p["Umu4_sq"] + p["Utau4_sq"] > 1:
            total = p["Ue4_sq"] + p["Umu4_sq"] + p["Utau4_sq"]
            raise InputError(self.name, "Ue4_sq + Umu4_sq + Utau4_sq exceeds 1", total, "0 to 1 (unitarity)")
        a, b = states.index(alpha), states.index(beta)
        energy, baseline, shape = states.broadcast(E, L)
        states.check_medium(density, Ye)
        result = np.empty(energy.size)
        mixing = mixing_matrix_3p1(
            p["sin2_theta12"],
            p["sin2_theta13"],
            p["sin2_theta23"],
            p["delta13"],
            p["Ue4_sq"],
            p["Umu4_sq"],
            p["Utau4_sq"],
            p["delta14"],
            p["delta24"],
        )
        masses = np.array([0.0, p["dm2_21"], p["dm2_31"], p["dm2_41"]])
        probability_3p1(a, b, energy, baseline, mixing, masses, density, Ye, antineutrino, result)
        return result.reshape(shape)


def _terms(source: str, target: str, antineutrino: bool) -> tuple[OscillationTerm, ...]:
    """Short-baseline limit: −4|U_α4|²(δ_αβ − |U_β4|²) sin²; CP phases drop out with one Δm²."""
    a, b = _MIXING[source], _MIXING[target]
    disappearance = (Monomial(-4.0, {a: 1}), Monomial(4.0, {a: 2}))
    appearance = (Monomial(4.0, {a: 1, b: 1}),)
    return (OscillationTerm(disappearance if source == target else appearance, "dm2_41"),)


def _parameters() -> tuple[Parameter, ...]:
    turn = 2 * math.pi
    return (
        Parameter("dm2_41", "eV^2", 1.0, 0.0, 1e6, r"$\Delta m^2_{41}$"),
        Parameter("Ue4_sq", "1", 0.0, 0.0, 1.0, r"$|U_{e4}|^2$"),
        Parameter("Umu4_sq", "1", 0.0, 0.0, 1.0, r"$|U_{\mu4}|^2$"),
        Parameter("Utau4_sq", "1", 0.0, 0.0, 1.0, r"$|U_{\tau4}|^2$"),
        Parameter("delta14", "rad", 0.0, -turn, turn, r"$\delta_{14}$"),
        Parameter("delta24", "rad", 0.0, -turn, turn, r"$\delta_{24}$"),
        Parameter("sin2_theta12", "1", 0.304, 0.0, 1.0, r"$\sin^2\theta_{12}$"),
        Parameter("sin2_theta13", "1", 0.0222, 0.0, 1.0, r"$\sin^2\theta_{13}$"),
        Parameter("sin2_theta23", "1", 0.573, 0.0, 1.0, r"$\sin^2\theta_{23}$"),
        Parameter("dm2_21", "eV^2", 7.42e-5, 0.0, 1e-2, r"$\Delta m^2_{21}$"),
        Parameter("dm2_31", "eV^2", 2.517e-3, -1e-1, 1e-1, r"$\Delta m^2_{31}$"),
        Parameter("delta13", "rad", 3.4, -turn, turn, r"$\delta_{13}$"),
    )


def load(name: str) -> Model:
    """Return the model."""
    parameters = _parameters()
    return Sterile3p1(
        name=name,
        version=VERSION,
        title="Three active neutrinos and one sterile neutrino (3+1)",
        parameters=parameters,
        signals={"oscillation": _terms, "surface": SurfaceModel(name, tuple(p.name for p in parameters))},
        references=(
            Reference(
                "Dentler:2018sju",
                "Dentler, Mona and others",
                "Updated global analysis of neutrino oscillations in the presence of eV-scale sterile neutrinos",
                2018,
                "1803.10661",
                "10.1007/JHEP08(2018)010",
                "JHEP 08 (2018) 010",
            ),
            Reference(
                "Esteban:2020cvm",
                "Esteban, Ivan and others",
                "The fate of hints: updated global analysis of three-flavor neutrino oscillations",
                2020,
                "2007.14792",
                "10.1007/JHEP09(2020)178",
                "JHEP 09 (2020) 178",
            ),
        ),
        constraints=(Constraint({"Ue4_sq": 1.0, "Umu4_sq": 1.0, "Utau4_sq": 1.0}, 1.0, "unitarity: Σ|U_α4|² ≤ 1"),),
        null={"Ue4_sq": 0.0, "Umu4_sq": 0.0, "Utau4_sq": 0.0},
    )
