"""What all models with a heavy neutrino share: widths, decay length, branching ratios, production.

A model of this family supplies `HeavyNeutrino` ingredients to the searches; the methods here are what those
say at one point, so that a user and a search never see different numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

import numpy as np
from numpy.typing import ArrayLike

from scanner.errors import InputError, did_you_mean
from scanner.models.base import Model
from scanner.physics.heavy_neutrino_channels import CHANNELS, COMPLETE_BELOW
from scanner.physics.heavy_neutrino_decays import weak_widths
from scanner.physics.heavy_neutrino_production import PARENTS, production_ratios
from scanner.signals.heavy_neutrino import Channel, Coupling, Exchange, HeavyNeutrino, State
from scanner.units import HBARC_GEV_M
from scanner.vocabulary import Constraint, Monomial, Parameter, Reference

MIXINGS = ("Ue4_sq", "Umu4_sq", "Utau4_sq")
INVISIBLE = ("nu_nu_nu", "nu_Zprime")
"""Channels of which a detector sees nothing."""

PARAMETERS = (
    Parameter("m_N", "GeV", 0.25, 1e-6, 1e3, r"$m_N$"),
    Parameter("Ue4_sq", "1", 0.0, 0.0, 1.0, r"$|U_{eN}|^2$"),
    Parameter("Umu4_sq", "1", 0.0, 0.0, 1.0, r"$|U_{\mu N}|^2$"),
    Parameter("Utau4_sq", "1", 0.0, 0.0, 1.0, r"$|U_{\tau N}|^2$"),
    Parameter.choice("nature", "dirac", "majorana"),
)
"""Those of a heavy neutrino with mixing alone; a dark coupling adds its own."""

UNITARITY = Constraint(dict.fromkeys(MIXINGS, 1.0), 1.0, "unitarity: Σ|U_αN|² ≤ 1")

REFERENCES = (
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
)

DARK_DECAYS = Reference(
    "Arguelles:2021dqn",
    "Argüelles, Carlos A. and Foppiani, Nicolò and Hostert, Matheus",
    "Heavy neutral leptons below the kaon mass at hodoscopic neutrino detectors",
    2022,
    "2109.03831",
    "10.1103/PhysRevD.105.095006",
    "Phys. Rev. D 105 (2022) 095006",
)
"""Decays of heavy neutrinos through new forces, and what they do to searches."""

STATE_PARAMETERS = ("m_N", "nature")
"""Mass and nature of N, where they are parameters themselves."""

MIXING_MONOMIALS = (Monomial(1.0, {"Ue4_sq": 1}), Monomial(1.0, {"Umu4_sq": 1}), Monomial(1.0, {"Utau4_sq": 1}))
MIXING_COUPLINGS = tuple(Coupling(monomial, flavour) for flavour, monomial in enumerate(MIXING_MONOMIALS))


def state_of(values: np.ndarray) -> State:
    """Return the state for values of STATE_PARAMETERS."""
    return State(mass=float(values[0]), majorana=bool(values[1]))


def channel(name: str) -> Channel:
    """Return the channel that is seen as what it is called, or not at all."""
    return Channel(name, "" if name in INVISIBLE else name)


def weak_channels() -> tuple[Channel, ...]:
    """Return the weak decays, in the order of `weak_rows`."""
    return tuple(channel(name) for name in CHANNELS)


def weak_rows(mass: float, majorana: bool) -> np.ndarray:
    """Return the weak widths [GeV] of unit |U_a|², shape (3, weak channels); NaN above COMPLETE_BELOW.

    A Majorana N decays into each final state and into its conjugate.
    """
    if not 0 < mass <= COMPLETE_BELOW:
        return np.full((3, len(CHANNELS)), np.nan)
    factor = 2.0 if majorana else 1.0
    return factor * np.array(list(weak_widths(mass).values())).T


def mixing_couplings(exchange: Exchange | None = None, **powers: int) -> tuple[Coupling, ...]:
    """Return the couplings |U_a|² times powers of other parameters, for a = e, mu, tau; see `Coupling`."""
    monomials = [Monomial(1.0, {mixing: 1} | powers) for mixing in MIXINGS]
    return tuple(Coupling(monomial, flavour, exchange) for flavour, monomial in enumerate(monomials))


DarkWidths = Iterable[Mapping[Channel, ArrayLike]]
"""Widths [GeV] of a Dirac N by channel, one mapping for each triple of couplings (one coupling a flavour); a width
is of shape (3,), or one number for all three."""


def with_mixing(
    parameters: tuple[str, ...] = (),
    couplings: tuple[Coupling, ...] = (),
    channels: tuple[Channel, ...] = (),
    dark: Callable[..., DarkWidths] = lambda mass: (),
) -> HeavyNeutrino:
    """Return a heavy neutrino with weak decays through its mixing, and those of a dark interaction.

    Parameters
    ----------
    parameters
        Names of those that the dark widths depend on beside the mass of N and the couplings.
    couplings
        What multiplies the dark widths, in triples.
    channels
        Those that weak decays lack.
    dark
        ``dark(m_N, *values)`` returns the dark widths, for values of `parameters`.
    """
    every_coupling, every_channel = MIXING_COUPLINGS + couplings, weak_channels() + channels
    column = {found: i for i, found in enumerate(every_channel)}

    def widths(values: np.ndarray) -> np.ndarray:
        state = state_of(values)
        rows = np.zeros((len(every_coupling), len(every_channel)))
        rows[:3, : len(CHANNELS)] = weak_rows(state.mass, state.majorana)
        if np.isnan(rows).any():
            return np.full_like(rows, np.nan)
        factor = 2.0 if state.majorana else 1.0
        further = dark(state.mass, *(float(value) for value in values[len(STATE_PARAMETERS) :]))
        for i, found in enumerate(further, start=1):
            for which, width in found.items():
                rows[3 * i : 3 * i + 3, column[which]] = factor * np.asarray(width)
        return rows

    return HeavyNeutrino(
        state_parameters=STATE_PARAMETERS,
        state=state_of,
        mixings=MIXING_MONOMIALS,
        width_parameters=STATE_PARAMETERS + parameters,
        couplings=every_coupling,
        channels=every_channel,
        widths=widths,
    )


class HeavyNeutrinoModel(Model):
    """A model of one heavy neutrino; its methods speak of the first of the states that it supplies."""

    @property
    def heavy_neutrino(self) -> HeavyNeutrino:
        """What the searches take."""
        first: HeavyNeutrino = self.signals["decay_in_flight"][0]
        return first

    def widths(self, **params: float | str) -> dict[str, float]:
        """Return the partial widths [GeV] by final state; closed channels are 0.

        Parameters
        ----------
        **params
            The model's parameters; defaults where not given.

        Raises
        ------
        InputError
            For a value outside its range, or where decays open that the model does not know.
        """
        values, found = self.complete(params), self.heavy_neutrino
        node = np.array([values[name] for name in found.width_parameters])
        couplings = np.array([coupling.monomial.value(values) for coupling in found.couplings])
        rows = found.widths(node)
        if np.isnan(rows).any():
            problem = "decays open that this model does not know"
            raise InputError(f"{self.name}.m_N", problem, self._mass(values), f"m_N up to {COMPLETE_BELOW:g} GeV")
        widths: dict[str, float] = {}
        for channel, row in zip(found.channels, rows.T, strict=True):
            widths[channel.name] = widths.get(channel.name, 0.0) + math.fsum(couplings * row)
        return widths

    def ctau(self, **params: float | str) -> float:
        """Return the proper decay length ħc/Γ [m]; infinite where nothing lets N decay."""
        total = math.fsum(self.widths(**params).values())
        return HBARC_GEV_M / total if total > 0 else math.inf

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
            raise InputError(self.name, "without any coupling a heavy neutrino is stable", hint="give it a mixing")
        return {channel: width / total for channel, width in widths.items()}

    def production(self, parent: str, **params: float | str) -> dict[str, float]:
        """Return the branching ratios of a parent into N through its mixing, by mode.

        Parameters
        ----------
        parent
            ``pi``, ``K``, ``KL``, ``D``, ``D0``, ``Ds``, ``tau`` or ``mu``.
        **params
            As for `widths`; the ratios do not depend on ``nature``.
        """
        if parent not in PARENTS:
            hint = did_you_mean(parent, PARENTS)
            raise InputError("parent", f"unknown parent {parent!r}", allowed=", ".join(PARENTS), hint=hint)
        values, found = self.complete(params), self.heavy_neutrino
        scale = self._state(values).scale
        mixings = np.array([scale * monomial.value(values) for monomial in found.mixings])
        ratios = production_ratios(self._mass(values))
        return {mode: math.fsum(of * mixings) for mode, of in ratios.items() if mode.startswith(f"{parent}->")}

    def _state(self, values: dict[str, float]) -> State:
        found = self.heavy_neutrino
        return found.state(np.array([values[name] for name in found.state_parameters]))

    def _mass(self, values: dict[str, float]) -> float:
        return self._state(values).mass
