"""A heavy neutrino N that mixes with ν_e, ν_μ and ν_τ, and has no other interaction."""

from __future__ import annotations

import math

import numpy as np

from scanner.errors import InputError, did_you_mean
from scanner.models.base import Model
from scanner.physics.heavy_neutrino_channels import COMPLETE_BELOW
from scanner.physics.heavy_neutrino_decays import weak_widths
from scanner.physics.heavy_neutrino_production import PARENTS, production_ratios
from scanner.units import HBARC_GEV_FM
from scanner.vocabulary import Constraint, Parameter, Reference

PROVIDES = ("hnl",)
VERSION = 1

MIXINGS = ("Ue4_sq", "Umu4_sq", "Utau4_sq")
MAJORANA = 1.0


class HeavyNeutrino(Model):
    """A heavy neutrino, Dirac or Majorana, produced and decaying through its mixing alone."""

    def widths(self, **params: float | str) -> dict[str, float]:
        """Return the partial widths [GeV] by final state; closed channels are 0.

        Parameters
        ----------
        **params
            ``m_N`` [GeV], ``Ue4_sq``, ``Umu4_sq``, ``Utau4_sq``, ``nature``.
        """
        values = self.complete(params)
        # A Majorana N decays into each final state and into its conjugate.
        factor = 2.0 if values["nature"] == MAJORANA else 1.0
        mixings = np.array([values[name] for name in MIXINGS])
        return {channel: factor * float(of @ mixings) for channel, of in weak_widths(values["m_N"]).items()}

    def ctau(self, **params: float | str) -> float:
        """Return the proper decay length ħc/Γ [m]; infinite where nothing mixes."""
        total = math.fsum(self.widths(**params).values())
        return HBARC_GEV_FM * 1e-15 / total if total > 0 else math.inf

    def branching_ratios(self, **params: float | str) -> dict[str, float]:
        """Return the branching ratios by final state.

        Raises
        ------
        InputError
            Where N is stable.
        """
        widths = self.widths(**params)
        total = math.fsum(widths.values())
        if total == 0:
            raise InputError(self.name, "a heavy neutrino that does not mix is stable", hint="give it a mixing")
        return {channel: width / total for channel, width in widths.items()}

    def production(self, parent: str, **params: float | str) -> dict[str, float]:
        """Return the branching ratios of a parent into N, by mode.

        Parameters
        ----------
        parent
            ``pi``, ``K``, ``KL``, ``D``, ``Ds``, ``tau`` or ``mu``.
        **params
            As for `widths`; the ratios do not depend on ``nature``.
        """
        if parent not in PARENTS:
            hint = did_you_mean(parent, PARENTS)
            raise InputError("parent", f"unknown parent {parent!r}", allowed=", ".join(PARENTS), hint=hint)
        values = self.complete(params)
        mixings = np.array([values[name] for name in MIXINGS])
        ratios = production_ratios(values["m_N"])
        return {mode: float(of @ mixings) for mode, of in ratios.items() if mode.startswith(f"{parent}->")}


def load(name: str) -> Model:
    """Return the model."""
    return HeavyNeutrino(
        name=name,
        version=VERSION,
        title="Heavy neutrino with mixing alone",
        parameters=(
            Parameter("m_N", "GeV", 0.25, 1e-3, COMPLETE_BELOW, r"$m_N$"),
            Parameter("Ue4_sq", "1", 0.0, 0.0, 1.0, r"$|U_{eN}|^2$"),
            Parameter("Umu4_sq", "1", 0.0, 0.0, 1.0, r"$|U_{\mu N}|^2$"),
            Parameter("Utau4_sq", "1", 0.0, 0.0, 1.0, r"$|U_{\tau N}|^2$"),
            Parameter.choice("nature", "dirac", "majorana"),
        ),
        signals={},
        references=(
            Reference(
                "Ballett:2019bgd",
                "Ballett, Peter and Boschi, Tommaso and Pascoli, Silvia",
                "Heavy Neutral Leptons from low-scale seesaws at the DUNE Near Detector",
                2020,
                "1905.00284",
                "10.1007/JHEP03(2020)111",
                "JHEP 03 (2020) 111",
            ),
            Reference(
                "Coloma:2020lgy",
                "Coloma, Pilar and others",
                "GeV-scale neutrinos: interactions with mesons and DUNE sensitivity",
                2021,
                "2007.03701",
                "10.1140/epjc/s10052-021-08861-y",
                "Eur. Phys. J. C 81 (2021) 78",
            ),
        ),
        constraints=(Constraint({"Ue4_sq": 1.0, "Umu4_sq": 1.0, "Utau4_sq": 1.0}, 1.0, "unitarity: Σ|U_αN|² ≤ 1"),),
        null={"Ue4_sq": 0.0, "Umu4_sq": 0.0, "Utau4_sq": 0.0},
    )
