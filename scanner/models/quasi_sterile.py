"""Quasi-sterile neutrinos: each light ν_i may mix with an S_i that interacts with matter, and is resonant in it.

Pair i has ΔM_i² = M_i² − m_i² and θ_Si. All S_i have the same potential relative to the active states, ΔV < 0 for
neutrinos and −ΔV for antineutrinos, proportional to the density; it is the whole difference, V_NC included. E_res is
the resonance of the ν_3–S_3 pair in rock of 2.6 g/cm³, where |ΔV| = ΔM_3² cos 2θ_S3/2E_res.

Signals at short baselines take the splittings of the light neutrinos and V_CC as 0; `QuasiSterile.probability` has
them.
With ν_3 alone (θ_S1 = θ_S2 = 0) appearance cannot exceed 4|U_e3|²|U_μ3|², about 0.05. In air the same resonance is
higher by the ratio of the densities: one of 0.14 GeV in rock is at 300 GeV in air, where ν_μ → ν_τ may be complete.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from scanner.errors import InputError
from scanner.models import three_plus_one
from scanner.models.base import Model
from scanner.physics import states
from scanner.physics.resonance import probability_quasi_sterile, resonant_levels
from scanner.signals.oscillation import LevelTerm
from scanner.vocabulary import Derived, Parameter, Reference

PROVIDES = ("quasi_sterile",)
VERSION = 1

ROCK = 2.6
"""Density that E_res is quoted for [g/cm³]."""
AIR = 1.205e-3
"""Density of dry air at 20 °C and 1 atm [g/cm³]; PDG, Phys. Rev. D 110 (2024) 030001, section 6 (from memory)."""

_PAIRS = (("delta_M1_sq", "theta_S1"), ("delta_M2_sq", "theta_S2"), ("delta_M3_sq", "theta_S3"))
_MIXING = ("sin2_theta12", "sin2_theta13", "sin2_theta23", "delta13")
_PARAMETERS = (*(name for pair in _PAIRS for name in pair), "E_res", *_MIXING)


class QuasiSterile(Model):
    """Three light neutrinos and three quasi-sterile ones."""

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
        """Return P(α→β) from the full 6×6 evolution in constant density.

        Parameters
        ----------
        alpha, beta
            States: ``e``, ``mu`` or ``tau``; beta may be ``s``, for any of the S_i.
        E, L
            Energy [GeV] and baseline [km]; broadcast against each other.
        density, Ye
            Density [g/cm³], of ΔV and V_CC, and electrons per nucleon, of V_CC.
        antineutrino
            Conjugates U and flips the potentials.
        **params
            Any of the model's parameters.
        """
        p = self.complete(params)
        a, b = states.index(alpha), states.index(beta)
        if alpha == "s":
            hint = "no source makes them; 's' is a final state"
            raise InputError(self.name, "there are three sterile states to start from", alpha, "e, mu, tau", hint)
        energy, baseline, shape = states.broadcast(E, L)
        states.check_medium(density, Ye)
        masses = np.array([0.0, p["dm2_21"], p["dm2_31"]])
        dM2, theta = (np.array([p[pair[i]] for pair in _PAIRS]) for i in range(2))
        mixing, slope, result = three_plus_one.mixing_matrix(p), _slope(p, density), np.empty(energy.size)
        probability_quasi_sterile(
            a, b, energy, baseline, mixing, masses, dM2, theta, slope, density, Ye, antineutrino, result
        )
        return result.reshape(shape)


def _slope(p: Mapping[str, float], density: float) -> float:
    """2ΔV of neutrinos [eV²/GeV]."""
    return -p["delta_M3_sq"] * math.cos(2 * p["theta_S3"]) / p["E_res"] * (density / ROCK)


def _terms(source: str, target: str, antineutrino: bool) -> tuple[LevelTerm, ...]:
    return (LevelTerm(_PARAMETERS, functools.partial(_levels, source, target, antineutrino), in_matter=True),)


def _levels(
    source: str, target: str, antineutrino: bool, values: np.ndarray, energy: np.ndarray, density: float
) -> tuple[np.ndarray, np.ndarray]:
    """See `scanner.signals.oscillation.Levels`: Σ_i U_βi U*_αi times the survival amplitude of each ν_i."""
    p = dict(zip(_PARAMETERS, values.tolist(), strict=True))
    U = three_plus_one.mixing_matrix(p)
    a, b = states.index(source), states.index(target)
    shares = np.array([U[b, i] * U[a, i].conjugate() for i in range(3)])
    coefficients, levels = np.empty((energy.size, 7), np.complex128), np.empty((energy.size, 7))
    resonant_levels(
        0j,
        shares.conj() if antineutrino else shares,
        np.array([p[mass] for mass, _ in _PAIRS]),
        np.array([math.sin(p[angle]) ** 2 for _, angle in _PAIRS]),
        (-1.0 if antineutrino else 1.0) * _slope(p, density),
        energy,
        coefficients,
        levels,
    )
    return coefficients, levels


def _parameters() -> tuple[Parameter, ...]:
    pairs = tuple(
        parameter
        for i, (mass, angle) in enumerate(_PAIRS, start=1)
        for parameter in (
            Parameter(mass, "eV^2", 1.0, 0.0, 1e6, rf"$\delta M_{i}^2$"),
            Parameter(angle, "rad", 0.0, 0.0, math.pi / 4, rf"$\theta_{{S_{i}}}$"),
        )
    )
    return (*pairs, Parameter("E_res", "GeV", 0.3, 1e-6, 1e6, r"$E_{\nu_3}^{\rm res}$"))


def load(name: str) -> Model:
    """Return the model."""
    return QuasiSterile(
        name=name,
        version=VERSION,
        title="Quasi-sterile neutrinos, resonant in matter",
        parameters=(*_parameters(), *three_plus_one.active_parameters()),
        signals={"oscillation": _terms},
        references=(
            Reference(
                "Alves:2022vgn",
                "Alves, Daniele S. M. and Louis, William C. and deNiverville, Patrick G.",
                "Quasi-sterile neutrinos from dark sectors. Part I. BSM matter effects in neutrino oscillations and "
                "the short-baseline anomalies",
                2022,
                "2201.00876",
                "10.1007/JHEP08(2022)034",
                "JHEP 08 (2022) 034",
            ),
            three_plus_one.THREE_FLAVOURS,
        ),
        null={angle: 0.0 for _, angle in _PAIRS},
        derived=(Derived("E_res_air", "GeV", ("E_res",), _in_air, "the same resonance in air"),),
    )


def _in_air(values: np.ndarray) -> float:
    return float(values[0] * ROCK / AIR)
