"""What all models of three active neutrinos and one sterile share: their mixing, and probabilities in full."""

from __future__ import annotations

import abc
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from scanner.errors import InputError
from scanner.models.base import Model
from scanner.physics import states
from scanner.physics.oscillation import mixing_matrix_3p1
from scanner.vocabulary import Constraint, Parameter, Reference

MIXING = {"e": "Ue4_sq", "mu": "Umu4_sq", "tau": "Utau4_sq"}
UNITARITY = Constraint(dict.fromkeys(MIXING.values(), 1.0), 1.0, "unitarity: Σ|U_α4|² ≤ 1")
NULL = dict.fromkeys(MIXING.values(), 0.0)

GLOBAL_FIT = Reference(
    "Dentler:2018sju",
    "Dentler, Mona and others",
    "Updated global analysis of neutrino oscillations in the presence of eV-scale sterile neutrinos",
    2018,
    "1803.10661",
    "10.1007/JHEP08(2018)010",
    "JHEP 08 (2018) 010",
)
THREE_FLAVOURS = Reference(
    "Esteban:2020cvm",
    "Esteban, Ivan and others",
    "The fate of hints: updated global analysis of three-flavor neutrino oscillations",
    2020,
    "2007.14792",
    "10.1007/JHEP09(2020)178",
    "JHEP 09 (2020) 178",
)

_TURN = 2 * math.pi


def sterile_parameters() -> tuple[Parameter, ...]:
    """Mass and mixings of the fourth state, and its phases."""
    return (
        Parameter("dm2_41", "eV^2", 1.0, 0.0, 1e6, r"$\Delta m^2_{41}$"),
        Parameter("Ue4_sq", "1", 0.0, 0.0, 1.0, r"$|U_{e4}|^2$"),
        Parameter("Umu4_sq", "1", 0.0, 0.0, 1.0, r"$|U_{\mu4}|^2$"),
        Parameter("Utau4_sq", "1", 0.0, 0.0, 1.0, r"$|U_{\tau4}|^2$"),
        Parameter("delta14", "rad", 0.0, -_TURN, _TURN, r"$\delta_{14}$"),
        Parameter("delta24", "rad", 0.0, -_TURN, _TURN, r"$\delta_{24}$"),
    )


def active_parameters() -> tuple[Parameter, ...]:
    """Those of the three light neutrinos, with the best fit of `THREE_FLAVOURS` as defaults."""
    return (
        Parameter("sin2_theta12", "1", 0.304, 0.0, 1.0, r"$\sin^2\theta_{12}$"),
        Parameter("sin2_theta13", "1", 0.0222, 0.0, 1.0, r"$\sin^2\theta_{13}$"),
        Parameter("sin2_theta23", "1", 0.573, 0.0, 1.0, r"$\sin^2\theta_{23}$"),
        Parameter("dm2_21", "eV^2", 7.42e-5, 0.0, 1e-2, r"$\Delta m^2_{21}$"),
        Parameter("dm2_31", "eV^2", 2.517e-3, -1e-1, 1e-1, r"$\Delta m^2_{31}$"),
        Parameter("delta13", "rad", 3.4, -_TURN, _TURN, r"$\delta_{13}$"),
    )


def mixing_matrix(p: Mapping[str, float]) -> np.ndarray:
    """Return U, complex128 of shape (4, 4), from a model's parameters; no fourth state where they have none."""
    active = (p["sin2_theta12"], p["sin2_theta13"], p["sin2_theta23"], p["delta13"])
    sterile = (p.get(name, 0.0) for name in (*MIXING.values(), "delta14", "delta24"))
    matrix: np.ndarray = mixing_matrix_3p1(*active, *sterile)
    return matrix


class Path(NamedTuple):
    """What every kernel of 3+1 neutrinos takes first; see `scanner.physics.oscillation.probability_3p1`."""

    alpha: int
    beta: int
    E: np.ndarray
    L: np.ndarray
    mixing: np.ndarray
    dm2: np.ndarray
    density: float
    Ye: float
    antineutrino: bool


class ThreePlusOne(Model, abc.ABC):
    """A model with U = R34 R24(δ24) R14(δ14) R23 R13(δ13) R12; its evolution is the subclass's."""

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
        total = sum(p[name] for name in MIXING.values())
        if total > 1:
            raise InputError(self.name, "Ue4_sq + Umu4_sq + Utau4_sq exceeds 1", total, "0 to 1 (unitarity)")
        a, b = states.index(alpha), states.index(beta)
        energy, baseline, shape = states.broadcast(E, L)
        states.check_medium(density, Ye)
        masses = np.array([0.0, p["dm2_21"], p["dm2_31"], p["dm2_41"]])
        result = np.empty(energy.size)
        self._fill(Path(a, b, energy, baseline, mixing_matrix(p), masses, density, Ye, antineutrino), p, result)
        return result.reshape(shape)

    @abc.abstractmethod
    def _fill(self, path: Path, p: Mapping[str, float], out: np.ndarray) -> None:
        """Fill out with the probabilities; p has every parameter."""
