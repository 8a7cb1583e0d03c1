"""What all models of upscattering to dark neutrinos share: cross sections, widths and decay lengths of N4, N5, N6.

The heaviest state that there is is what a beam makes, and what the methods speak of unless another is asked for.
"""

from __future__ import annotations

import abc
import functools
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scanner.errors import InputError, did_you_mean
from scanner.models.base import Model
from scanner.physics.form_factors import Nuclide, nuclide
from scanner.physics.upscattering import CHARGE, CM2, FORM_FACTORS, SPINS, sigma_hat
from scanner.physics.upscattering import target as target_of
from scanner.signals.dark_neutrino import Upscattering
from scanner.units import HBARC_GEV_M
from scanner.vocabulary import Monomial, Parameter, Reference

FLAVOURS = ("e", "mu", "tau")

CHARGES = Parameter.choice("charge", *CHARGE)
"""The electric charge that couplings to matter are a multiple of; see `scanner.physics.upscattering.CHARGE`."""

SWITCHES = (
    Parameter.choice("nature", "dirac", "majorana"),
    Parameter.choice("form_factor", *FORM_FACTORS),
    Parameter.choice("pauli", "false", "true"),
    Parameter.choice("spin", *SPINS),
)
"""Nature of the heavy states, and those of `scanner.physics.upscattering.target`."""

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
    2023,
    "2308.02543",
)


def refuse_both(where: str, first: str, second: str, both: bool) -> None:
    """Raise InputError where two ways of giving the same couplings are mixed."""
    if both:
        raise InputError(where, f"{first} and {second} are two ways of giving the same couplings", hint="give one")


class Production(NamedTuple):
    """How ν_a becomes a heavy state off matter, in the words of `scanner.physics.upscattering`."""

    mediator: str
    """``vector``, ``scalar`` or ``dipole``."""
    mass: float
    """Of what is exchanged [GeV]."""
    neutrino: float
    """|V_a|², |S_a|² or |d_a|² [GeV⁻²]."""
    p: float
    """Coupling to the proton: V_p, S_p or e."""
    n: float
    """Coupling to the neutron; 0 where the mediator meets but its electromagnetic current."""

    def terms(self, regime: str, nucleus: Nuclide) -> tuple[tuple[str | None, float], ...]:
        """Return the currents of the scatterers, and what multiplies their cross sections."""
        if regime == "coherent":
            return ((None, (nucleus.Z * self.p + (nucleus.A - nucleus.Z) * self.n) ** 2),)
        own, other = (self.p, self.n) if regime == "proton" else (self.n, self.p)
        if self.mediator == "scalar":
            return ((None, own**2),)
        return (("proton", own**2), ("interference", own * other), ("neutron", other**2))


def without(zero: frozenset[str], one: Upscattering) -> Upscattering:
    """Return a heavy state without the monomials that vanish."""

    def left(monomials: tuple[Monomial, ...]) -> tuple[Monomial, ...]:
        return tuple(m for m in monomials if not zero & m.powers.keys())

    return replace(one, couplings=tuple(map(left, one.couplings)), escapes=tuple(map(left, one.escapes)))


def switches(values: Mapping[str, float]) -> dict[str, Any]:
    """Return what the switches say, in the words of `scanner.signals.dark_neutrino.Dynamics`."""
    shown = {p.name: p.shown(values[p.name]) for p in SWITCHES}
    majorana, pauli = shown.pop("nature") == "majorana", shown.pop("pauli") == "true"
    return {**shown, "majorana": majorana, "pauli": pauli}


SWITCH_NAMES = tuple(p.name for p in SWITCHES)


def charge_of(values: Mapping[str, float]) -> float:
    """Return the electric charge that was chosen."""
    return CHARGE[str(CHARGES.shown(values["charge"]))]


class DarkNeutrinoModel(Model, abc.ABC):
    """A model of heavy states that neutrinos scatter into; each kind says what they are and how they decay."""

    def ingredient(self, signal: str, zero: frozenset[str]) -> tuple[Upscattering, ...]:
        """Return the heavy states that may be made, without what parameters that are 0 throughout switch off."""
        return tuple(map(functools.partial(without, zero), self.heavy_states(zero)))

    @abc.abstractmethod
    def heavy_states(self, zero: frozenset[str]) -> tuple[Upscattering, ...]:
        """Return the states that may be the heaviest where some parameters are 0 throughout."""

    def masses(self, values: Mapping[str, float]) -> dict[str, float]:
        """Return the masses [GeV] of the heavy states by name, the lightest first, from the model's parameters."""
        return {"N4": values["m4"]}

    @abc.abstractmethod
    def decays(self, state: str, values: Mapping[str, float]) -> dict[str, float]:
        """Return the partial widths [GeV] of a state by final state, from the model's parameters."""

    @abc.abstractmethod
    def production(self, state: str, flavour: int, values: Mapping[str, float]) -> Production:
        """Return how ν of a flavour (an index into FLAVOURS) becomes a state."""

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
        return self.decays(self._state(of, values), values)

    def cross_section(
        self,
        target: str,
        E_nu: ArrayLike,
        regime: str = "coherent",
        *,
        flavour: str = "mu",
        of: str | None = None,
        **params: float | str,
    ) -> NDArray[np.float64]:
        """Return the cross section of ν + target → N + target per nucleus [cm²], helicities of N summed.

        Parameters
        ----------
        target
            A nuclide, such as ``Ar40``.
        E_nu
            Energy of ν [GeV], of any shape.
        regime
            ``coherent``, or ``proton`` and ``neutron``: the sum over the nucleons of the nucleus, which are free unless
            ``pauli``.
        flavour
            Of ν (or ν̄, which is the same): ``e``, ``mu`` or ``tau``.
        of
            ``N4``, ``N5`` or ``N6``; the heaviest that there is where not given.
        **params
            The model's parameters; defaults where not given.

        Returns
        -------
        float64, shape of E_nu
            0 up to the threshold.

        Raises
        ------
        InputError
            As for `widths`, or for an unknown target, regime or flavour, or energies that are none.
        """
        if flavour not in FLAVOURS:
            raise InputError("flavour", "unknown", flavour, ", ".join(FLAVOURS), did_you_mean(flavour, FLAVOURS))
        values = self.complete(params)
        state = self._state(of, values)
        made = self.production(state, FLAVOURS.index(flavour), values)
        switches = {p.name: str(p.shown(values[p.name])) for p in SWITCHES if p.name in ("form_factor", "spin")}
        total = np.zeros(np.shape(E_nu))
        for current, factor in made.terms(regime, nuclide(target)):
            off = target_of(target, regime, pauli=bool(values["pauli"]), current=current, **switches)
            total += factor * sigma_hat(made.mediator, E_nu, self.masses(values)[state], made.mass, off)
        return CM2 * made.neutrino * total

    def _state(self, of: str | None, values: Mapping[str, float]) -> str:
        states = list(self.masses(values))
        if of is not None and of not in states:
            raise InputError("of", "no heavy state of this point", of, ", ".join(states))
        return of or states[-1]

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
