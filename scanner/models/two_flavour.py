"""Effective two-neutrino oscillation ν_μ ↔ ν_e, as appearance experiments quote it."""

from __future__ import annotations

from typing import Any

import numpy as np

from scanner.models.base import Model
from scanner.physics import states
from scanner.physics.oscillation import probability_two_flavour
from scanner.signals.oscillation import OscillationTerm
from scanner.vocabulary import Monomial, Parameter, Reference

PROVIDES = ("two_flavour",)
VERSION = 1


class TwoFlavour(Model):
    """Two neutrinos, ν_e and ν_μ, with one mixing angle (first octant) and one Δm²."""

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
        """Return P(α→β) in constant density; ν_τ and ν_s take no part.

        Parameters
        ----------
        alpha, beta
            States: ``e``, ``mu``, ``tau`` or ``s``.
        E, L
            Energy [GeV] and baseline [km]; broadcast against each other.
        density, Ye
            Density [g/cm³] and electrons per nucleon.
        antineutrino
            Flips the sign of the matter potential.
        **params
            ``dm2`` [eV²], ``sin2_2theta``.
        """
        values = self.complete(params)
        a, b = states.index(alpha), states.index(beta)
        energy, baseline, shape = states.broadcast(E, L)
        states.check_medium(density, Ye)
        if a > 1 or b > 1:
            return np.full(shape, float(a == b))
        appearance = np.empty(energy.size)
        probability_two_flavour(
            values["sin2_2theta"], values["dm2"], energy, baseline, density, Ye, antineutrino, appearance
        )
        return (1 - appearance if a == b else appearance).reshape(shape)


def _terms(source: str, target: str, antineutrino: bool) -> tuple[OscillationTerm, ...]:
    if source not in ("e", "mu") or target not in ("e", "mu"):
        return ()
    sign = -1.0 if source == target else 1.0
    return (OscillationTerm((Monomial(sign, {"sin2_2theta": 1}),), "dm2"),)


def load(name: str) -> Model:
    """Return the model."""
    return TwoFlavour(
        name=name,
        version=VERSION,
        title="Two-neutrino oscillation between muon and electron flavour",
        parameters=(
            Parameter("dm2", "eV^2", 1.0, 0.0, 1e6, r"$\Delta m^2$"),
            Parameter("sin2_2theta", "1", 0.0, 0.0, 1.0, r"$\sin^2 2\theta$"),
        ),
        signals={"oscillation": _terms},
        references=(
            Reference(
                "MiniBooNE:2020pnu",
                "Aguilar-Arevalo, A. A. and others (MiniBooNE)",
                "Updated MiniBooNE neutrino oscillation results with increased data and new background studies",
                2021,
                "2006.16883",
                "10.1103/PhysRevD.103.052002",
                "Phys. Rev. D 103 (2021) 052002",
            ),
        ),
        null={"sin2_2theta": 0.0},
    )
