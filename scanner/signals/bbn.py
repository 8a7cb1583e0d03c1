"""Nucleosynthesis: a heavy neutrino that was in equilibrium must have decayed before it disturbs the neutrons.

What the abundance of helium bounds is a lifetime, τ < τ_max(m), taken to be the same whatever N decays into: a dark
decay that shortens τ passes. The bound is steep in τ, for N is frozen in its number and decays exponentially: its
"events" are those of the bound times 1 + ln(τ/τ_max)/fall, or none, so that they reach zero where τ is e^-fall of
the bound. Where N mixes with several flavours, ln τ_max is the mean of the flavours', weighted with |U_a|².

N that mixes too weakly was never in equilibrium, and the bound does not apply: below the least mixing Σ_a |U_a|²
there are no events. (How much of N oscillations then still make is not followed, nor production by anything but
the mixing; the bound is conservative there.) Outside its masses it says nothing. Of several heavy states that
counts which is bounded most: members of a quasi-Dirac pair live as long as the one Dirac neutrino that they make.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scanner.errors import Status
from scanner.physics.kernel import kernel
from scanner.signals.base import Prediction, Table
from scanner.signals.curves import Curve, Entry, Term, node_by_node, prediction, state_at
from scanner.signals.heavy_neutrino import FLAVOURS, HeavyNeutrino
from scanner.signals.published_bound import produced_by
from scanner.units import HBAR_GEV_S

PROVIDES = ("bbn",)
VERSION = 1

NEVER = 1e-300
"""Width [GeV] of an N that does not decay."""


@dataclass(frozen=True)
class LifetimeBound:
    """The longest lifetime of N that was in equilibrium.

    Parameters
    ----------
    name
        Of the bound.
    mass
        [GeV], rising, shape (n,).
    lifetime
        τ_max [s] for an N that mixes with e, mu, tau alone, shape (3, n); straight lines in the logarithms.
    least
        Coupling squared, summed over flavours, shape (n,), positive: below it N was not in equilibrium.
    events
        Signal at the bound.
    fall
        Of ln τ, from the bound to no signal.
    dipole
        Whether a transition dipole makes N, and no mixing.
    """

    name: str
    mass: np.ndarray
    lifetime: np.ndarray
    least: np.ndarray
    events: float
    fall: float
    dipole: bool = False

    def at(self, mass: float) -> list[float] | None:
        """Return the least coupling, and τ_max [s] for each flavour; None outside the masses of the bound."""
        unbounded = np.full(self.mass.size, math.inf)
        sides = [Curve(self.mass, row, unbounded).at(mass) for row in (self.least, *self.lifetime)]
        return [side[0] for side in sides if side is not None] or None


def bind(states: tuple[HeavyNeutrino, ...], responses: Sequence[LifetimeBound], bins: int) -> Prediction:
    """Join a model's heavy neutrinos to bounds on their lifetime.

    Parameters
    ----------
    states
        The model's ingredient.
    responses
        The experiment's bounds; the one counts that gives most events.
    bins
        Number of signal bins: one.

    Raises
    ------
    InputError
        If a bound is on N that a dipole makes, and the model has none.
    """
    pairs = [(found, response) for response in responses for found in states]
    return prediction([_term(i, found, response) for i, (found, response) in enumerate(pairs)])


def _term(number: int, found: HeavyNeutrino, response: LifetimeBound) -> Term:
    made = tuple(produced_by(found, flavour, response.dipole, response.name) for flavour in FLAVOURS)
    parameters, size = found.width_parameters, 4 + len(found.couplings)

    def entry(node: np.ndarray) -> Entry | None:
        state = state_at(found, parameters, node)
        bounds = response.at(state.mass)
        if bounds is None or not state.scale > 0:
            return None
        total = found.widths_at(node).sum(axis=1)
        if np.isnan(total).any():
            return np.zeros(size), Status.not_converged
        scale = 1.0 if response.dipole else _members(found, node) * state.scale
        return [bounds[0] / scale, *map(math.log, bounds[1:]), *total], Status.ok

    inputs = (response.mass, response.lifetime, response.least, np.array([response.events, response.fall]))
    table = Table(f"{number}_{response.name}", parameters, (size,), node_by_node(size, entry), inputs)
    monomials = (*made, *(coupling.monomial for coupling in found.couplings))
    return Term(monomials, table, functools.partial(_add_lifetime, response.events, response.fall))


def _members(found: HeavyNeutrino, node: np.ndarray) -> int:
    """Two for a member of a quasi-Dirac pair, which the early Universe makes as one, by the mixing of both."""
    if found.splitting is None:
        return 1
    values = np.array([node[found.width_parameters.index(name)] for name in found.state_parameters])
    return 2 if abs(found.splitting(values)) < found.state(values).mass else 1


@kernel("void(f8, f8, f8[:, ::1], i8[::1], f8[:, ::1], f8[:, ::1])")
def _add_lifetime(events, fall, products, nodes, entries, signal):  # type: ignore[no-untyped-def]
    """Raise the signal to events · (1 + ln(τ/τ_max)/fall) where that is more and N was in equilibrium.

    A row holds the least coupling, ln τ_max [s] of each flavour, and the total width of each coupling; nothing
    but zeros outside the masses of the bound.
    """
    couplings = products.shape[0] - 3
    for point in range(signal.shape[0]):
        row = entries[nodes[point]]
        made = weighted = 0.0
        for a in range(3):
            made += products[a, point]
            weighted += products[a, point] * row[1 + a]
        if row[0] > 0 and made >= row[0]:
            width = 0.0
            for k in range(couplings):
                width += products[3 + k, point] * row[4 + k]
            excess = math.log(HBAR_GEV_S / max(width, NEVER)) - weighted / made
            signal[point, 0] = max(signal[point, 0], events * (1 + excess / fall))
