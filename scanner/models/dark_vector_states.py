"""What the vector model supplies to experiments: each heavy state as one that neutrinos scatter into.

Couplings of a state N_i, as sums of monomials: |V_ai|² for each flavour, |V_ij|² for each other state, |U_ai|² and what
goes with the interference of Z′ and Z. Widths for unit couplings are those of
`scanner.physics.dark_neutrino_decays`, with all visible decays of Z′, and those into lighter heavy states, in its
propagator. Decays of Z′ into ν ν and ν N_j, whose strengths hold mixings, are escapes: they take their share of a Z′
that is on its shell, and add to the total width of N where it is not. So the widths are exact up to the order of Γ/M
of Z′.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Sequence

import numpy as np

from scanner.errors import InputError
from scanner.models.dark_neutrinos import CHARGES, SWITCH_NAMES, refuse_both, switches
from scanner.models.dark_vertices import (
    CASCADE,
    DARK_MIXINGS,
    FLAVOURS,
    MIXINGS,
    STATES,
    VERTICES,
    Vertices,
    dark_pairs,
    vertices,
)
from scanner.models.heavy_neutrinos import weak_rows
from scanner.physics.dark_neutrino_decays import (
    VectorMediator,
    to_vector_width,
    transition_widths,
    vector_mediator_widths,
)
from scanner.physics.heavy_neutrino_channels import CHANNELS
from scanner.physics.heavy_neutrino_mediators import DarkPhoton, dark_photon_widths
from scanner.physics.particles import MASS
from scanner.physics.visible import VECTOR_PAIR
from scanner.signals.dark_neutrino import CURRENTS, Decay, Dynamics, Float, Rates, Upscattering
from scanner.units import ALPHA_EM
from scanner.vocabulary import Monomial

Sum = tuple[Monomial, ...]

_SMALL = 1e-6
"""Strength of an escape for which widths are linear in it."""
_MATTER = ("V_p", "V_n", "V_l", "A_l")
_EVERY = (*STATES.values(), *itertools.chain(*MIXINGS.values()), *DARK_MIXINGS.values(), *VERTICES, "alpha_D")
"""Parameters that are 0 in the rates if they are not among those that the rates depend on."""


def times(*sums: Sum) -> Sum:
    """Return the product of sums of monomials, with like terms together."""
    found: dict[frozenset[tuple[str, float]], Monomial] = {}
    for factors in itertools.product(*sums):
        term = functools.reduce(Monomial.__mul__, factors)
        key = frozenset(term.powers.items())
        before = found[key].coefficient if key in found else 0.0
        found[key] = Monomial(before + term.coefficient, term.powers)
    return tuple(found.values())


def heavy_states(zero: frozenset[str]) -> tuple[Upscattering, ...]:
    """Return the states that have a mass somewhere in a scan in which some parameters are 0 throughout.

    Raises
    ------
    InputError
        Where both mixings and vertices are given, or couplings of a state without a mass.
    """
    explicit = bool(set(VERTICES) - zero)
    mixings = bool({name for names in MIXINGS.values() for name in names} - zero)
    refuse_both("dark_neutrino_vector", "mixings", ", ".join(VERTICES), explicit and mixings)
    states = tuple(state for state, mass in STATES.items() if mass not in zero)
    for state, mass in STATES.items():
        given = [name for name in (*MIXINGS[state], DARK_MIXINGS[state]) if name not in zero]
        if given and state not in states:
            raise InputError(f"fixed.{mass}", f"{given[0]} is of a state without a mass", 0.0, "above 0 GeV")
    # Without U_D a state does not couple to ν; of vertices there are those of N4 alone.
    made = tuple(s for s in states if (s == "N4" if explicit else DARK_MIXINGS[s] not in zero))
    currents = CURRENTS if explicit and "V_n" not in zero else CURRENTS[:1]
    return tuple(_State(state, states, made, explicit, currents, zero).ingredient() for state in states)


class _State:
    """One state among those that there are."""

    def __init__(
        self,
        state: str,
        states: Sequence[str],
        made: Sequence[str],
        explicit: bool,
        currents: tuple[str, ...],
        zero: frozenset[str],
    ):
        self.state, self.made, self.explicit, self.currents = state, tuple(made), explicit, currents
        self.states, self.others = tuple(states), tuple(other for other in states if other != state)
        self.flavours = tuple(a for a in FLAVOURS if any(f"U{a}{s[1]}_sq" not in zero for s in states))
        masses = tuple(STATES[s] for s in states)
        self.event_parameters = (*masses, "m_Zprime", *SWITCH_NAMES)
        dark = ("alpha_D", *(DARK_MIXINGS[s] for s in states)) if self.others else ()
        self.width_parameters = (
            *masses,
            "m_Zprime",
            "epsilon",
            "BR_inv",
            "nature",
            CHARGES.name,
            CASCADE.name,
            *_MATTER,
            *dark,
        )

    def ingredient(self) -> Upscattering:
        return Upscattering(
            event_parameters=self.event_parameters,
            dynamics=self.dynamics,
            channels=("nu_e_e", *(f"{other}_e_e" for other in self.others)),
            currents=self.currents,
            couplings=(*self._light(), *self._heavy(), *self._weak(), *self._mixed()),
            escapes=self._escapes(),
            width_parameters=self.width_parameters,
            rates=self.rates,
        )

    def _overlap(self, flavour: str) -> Sum:
        """Σ_j U_aj U_Dj."""
        return tuple(Monomial(1.0, {f"U{flavour}{s[1]}_sq": 0.5, DARK_MIXINGS[s]: 0.5}) for s in self.states)

    def _dark(self, *states: str) -> Sum:
        """g_D² Π |U_Dj|²."""
        return (Monomial(4 * math.pi, {"alpha_D": 1.0, **{DARK_MIXINGS[s]: 1.0 for s in states}}),)

    def _light(self) -> tuple[Sum, ...]:
        if self.explicit:
            return tuple((Monomial(1.0, {f"V_{a}4": 2}),) if self.state == "N4" else () for a in FLAVOURS)
        return tuple(
            times(self._dark(self.state), self._overlap(a), self._overlap(a)) if a in self.flavours else ()
            for a in FLAVOURS
        )

    def _heavy(self) -> tuple[Sum, ...]:
        return tuple(() if self.explicit else self._dark(self.state, other) for other in self.others)

    def _weak(self) -> tuple[Sum, ...]:
        return tuple(() if self.explicit else (Monomial(1.0, {name: 1}),) for name in MIXINGS[self.state])

    def _mixed(self) -> tuple[Sum, ...]:
        """What the interference with the Z goes with, for alpha_D = 1."""
        own = DARK_MIXINGS[self.state]
        return tuple(
            ()
            if self.explicit or a not in self.flavours
            else times((Monomial(1.0, {"alpha_D": 0.5, own: 0.5, name: 0.5}),), self._overlap(a))
            for a, name in zip(FLAVOURS, MIXINGS[self.state], strict=True)
        )

    def _escapes(self) -> tuple[Sum, ...]:
        """Strengths of Z′ → ν ν, then of Z′ → ν N_j."""
        if self.explicit:
            return tuple(() for _ in (self.state, *self.others))
        squares = tuple(m for a in self.flavours for m in times(self._overlap(a), self._overlap(a)))
        twice = (Monomial(2.0),)
        return (
            times(self._dark(), squares, squares),
            *(times(twice, self._dark(other), squares) for other in self.others),
        )

    def dynamics(self, row: Float) -> Dynamics | None:
        """Return how the state is made and decays, if it is the heaviest that couples to ν: of equals, the last."""
        values = dict(zip(self.event_parameters, map(float, row), strict=True))
        mass = values[STATES[self.state]]
        heaviest = max(self.made, key=lambda s: (values[STATES[s]], s), default=None)
        if self.state != heaviest or not mass > 0:
            return None
        others = [values[STATES[other]] for other in self.others]
        daughters = [0.0, *(other if other > 0 else mass for other in others)]
        decays = tuple(
            Decay("e_e", VECTOR_PAIR, daughter, values["m_Zprime"]) if mass - daughter > 2 * MASS["e"] else None
            for daughter in daughters
        )
        return Dynamics("vector", mass, values["m_Zprime"], decays, **switches(values))

    def rates(self, row: Float) -> Rates:
        """Return the widths for unit couplings."""
        given = dict(zip(self.width_parameters, map(float, row), strict=True))
        # Couplings that are done at every point are 0 here.
        values = {**dict.fromkeys(_EVERY, 0.0), **given, "V_mu4": float(self.explicit)}
        found, majorana = vertices(values), bool(values["nature"])
        mediator = found.mediator
        matter = np.array([mediator.V_p**2, mediator.V_p * mediator.V_n, mediator.V_n**2][: len(self.currents)])
        couplings, channels = 3 + len(self.others) + 6, 1 + len(self.others)
        visible, on_shell, off_shell = (np.zeros((couplings, channels)) for _ in range(3))
        rates = Rates(matter, np.zeros(couplings), visible, on_shell, off_shell, np.zeros(channels))
        if any(values[STATES[s]] == 0 for s in self.states):
            # Its mixings, which are not known here, would not be those of a state.
            return rates._replace(total=np.full(couplings, np.nan))
        mass = found.masses.get(self.state)
        if mass is not None:
            lighter = tuple(other for other in found.masses if found.masses[other] < mass)
            pairs = dark_pairs(found, lighter, majorana)
            to_light = not (lighter and values[CASCADE.name])
            self._fill_dark(rates, found, mediator._replace(pairs=pairs), majorana, to_light)
            if to_light and not self.explicit:
                _fill_weak(rates, mass, mediator, majorana)
        return rates

    def _fill_dark(
        self, rates: Rates, found: Vertices, mediator: VectorMediator, majorana: bool, to_light: bool
    ) -> None:
        """Fill what goes with |V_ai|², unless there are no decays to ν, and |V_ij|²."""
        mass = found.masses[self.state]
        escapes = {
            k: name for k, name in enumerate(("nu_nu", *(f"nu_{o}" for o in self.others))) if name in mediator.pairs
        }
        small = {name: mediator.pairs[name]._replace(strength=_SMALL) for name in escapes.values()}
        opened = mediator._replace(pairs={**mediator.pairs, **small})
        of_mediator = vector_mediator_widths(opened)
        fixed = math.fsum(width for name, width in of_mediator.items() if name not in small)
        for j, name in escapes.items():
            rates.escape[j] = of_mediator[name] / (_SMALL * fixed) if fixed > 0 else 0.0
        for k, daughter in enumerate(("nu", *self.others)):
            light = 0.0 if daughter == "nu" else found.masses.get(daughter, mass)
            if not light < mass or (k == 0 and not to_light):
                continue
            rows = slice(0, 3) if k == 0 else slice(2 + k, 3 + k)
            on_shell = to_vector_width(mass, light, mediator.mass, majorana)
            widths = transition_widths(mass, light, mediator if on_shell > 0 else opened, majorana)
            # τ τ is closed as long as m4 ≤ COMPLETE_BELOW.
            rates.total[rows] = math.fsum(w for name, w in widths.items() if name not in ("tau_tau", *small))
            rates.visible[rows, k] = widths["e_e"]
            rates.on_shell[rows, k] = on_shell * of_mediator["e_e"] / fixed if fixed > 0 else 0.0
            for j, name in escapes.items():
                rates.off_shell[rows, j] = widths[name] / _SMALL if on_shell == 0 else 0.0


def _fill_weak(rates: Rates, mass: float, mediator: VectorMediator, majorana: bool) -> None:
    """Fill what goes with |U_ai|², and with the interference of Z′ and Z: the last six couplings."""
    weak = weak_rows(mass, majorana)
    rates.total[-6:-3] = [math.fsum(row) for row in weak]
    rates.visible[-6:-3, 0] = weak[:, CHANNELS.index("nu_e_e")]
    # That function's charge is the one of α(0).
    photon = DarkPhoton(mediator.mass, 1.0, mediator.V_p / math.sqrt(4 * math.pi * ALPHA_EM), mediator.BR_inv)
    factor = 2.0 if majorana else 1.0
    for channel, row in dark_photon_widths(mass, photon).interference.items():
        rates.total[-3:] += factor * row
        if channel == "nu_e_e":
            rates.visible[-3:, 0] = factor * row
