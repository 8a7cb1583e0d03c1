"""What all models of upscattering to dark neutrinos share: heavy states N4, N5, N6, their widths and decay lengths.

The heaviest of them is what a beam makes; its decays are those that the methods speak of, unless another state is
asked for.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Mapping

from scanner.errors import InputError
from scanner.models.base import Model
from scanner.units import HBARC_GEV_M
from scanner.vocabulary import Parameter, Reference

NATURE = Parameter.choice("nature", "dirac", "majorana")

CHARGE = Parameter.choice("charge", "gsw", "e0")
"""The electric charge that couplings to matter are a multiple of: g sin θ_W of G_F and m_W, or that of α(0)."""

CHARGE_RATIOS = (1.01914, 1.0)
"""Charge over √(4π α(0)), for the choices of `CHARGE`. The first is the one of DarkNews 0.4.8, 2207.04137."""

DARKNEWS = Reference(
    "Abdullahi:2022cdw",
    "Abdullahi, Asli M. and Hoefken Zink, Jaime and Hostert, Matheus and Massaro, Daniele and Pascoli, Silvia",
    "DarkNews: A Python-based event generator for heavy neutral lepton production in neutrino-nucleus scattering",
    2024,
    "2207.04137",
    "10.1016/j.cpc.2023.109075",
    "Comput. Phys. Commun. 297 (2024) 109075",
)

PANORAMA = Reference(
    "Abdullahi:2023ejc",
    "Abdullahi, Asli M. and Hoefken Zink, Jaime and Hostert, Matheus and Massaro, Daniele and Pascoli, Silvia",
    "A panorama of new-physics explanations to the MiniBooNE excess",
    2024,
    "2308.02543",
    "10.1103/PhysRevD.109.095023",
    "Phys. Rev. D 109 (2024) 095023",
)


def refuse_both(where: str, first: str, second: str, both: bool) -> None:
    """Raise InputError where two ways of giving the same couplings are mixed."""
    if both:
        raise InputError(where, f"{first} and {second} are two ways of giving the same couplings", hint="give one")


class DarkNeutrinoModel(Model, abc.ABC):
    """A model of heavy states that neutrinos scatter into; each kind says what they are and how they decay."""

    def masses(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return the masses [GeV] of the heavy states by name, the lightest first, from the model's parameters."""
        return {"N4": values["m4"]}

    @abc.abstractmethod
    def decays(self, state: str, values: Mapping[str, float]) -> dict[str, float]:
        """Return the partial widths [GeV] of a state by final state, from the model's parameters."""

    def complete(self, given: Mapping[str, object]) -> dict[str, float]:
        """Return every parameter's value: those given, checked against the model's domain, and the defaults.

        Raises
        ------
        InputError
            For an unknown name, a value outside its range, or a point outside the model's domain.
        """
        values = super().complete(given)
        for constraint in self.constraints:
            found = math.fsum(factor * values[name] for name, factor in constraint.coefficients.items())
            if found > constraint.upper:
                raise InputError(self.name, "outside the model's domain", allowed=constraint.reason)
        return values

    def widths(self, *, of: str | None = None, **params: float | str) -> dict[str, float]:
        """Return the partial widths [GeV] by final state; closed channels are 0.

        Parameters
        ----------
        of
            ``N4``, ``N5`` or ``N6``; the heaviest that there is where not given.
        **params
            The model's parameters; defaults where not given.

        Raises
        ------
        InputError
            For a value outside its range, a point outside the model's domain, or a state that the point lacks.
        """
        values = self.complete(params)
        states = list(self.masses(values))
        if of is not None and of not in states:
            raise InputError("of", "no heavy state of this point", of, ", ".join(states))
        return self.decays(of or states[-1], values)

    def ctau(self, *, of: str | None = None, **params: float | str) -> float:
        """Return the proper decay length ħc/Γ [m]; infinite where nothing lets the state decay."""
        total = math.fsum(self.widths(of=of, **params).values())
        return HBARC_GEV_M / total if total > 0 else math.inf

    def branching_ratios(self, *, of: str | None = None, **params: float | str) -> dict[str, float]:
        """Return the branching ratios by final state.

        Raises
        ------
        InputError
            Where the state is stable.
        """
        widths = self.widths(of=of, **params)
        total = math.fsum(widths.values())
        if total == 0:
            raise InputError(self.name, "nothing lets this state decay: it is stable", hint="give it a coupling")
        return {channel: width / total for channel, width in widths.items()}
