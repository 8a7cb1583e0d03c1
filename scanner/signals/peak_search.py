"""Searches for a line from a two-body decay into a lepton and N, with nothing else to be seen.

On the published curve N is stable. A model's N that decays visibly inside the apparatus spoils the event, so that

    events = C x ⟨Γ_unseen + Γ_seen e^{-l m Γ/p} + Σ_f Γ_f (1 - P_f)⟩ / Γ,

x = |U_a|² and l the length of apparatus behind the decay: N must leave, or decay to nothing visible. Γ is the sum of
the widths into nothing that is ever seen, into what is seen where N decays, and into particles f that fly on; these
are seen if N and they decay within l, one after the other along the same line, which happens with probability P_f
(they are given the mean energy that N leaves them). The momentum p of N follows from the kinematics; for a parent in
flight the mean ⟨⟩ is over the angles whose leptons the search accepts.

Only charged two-body decays with the curve's own flavour make N. Outside the curve's masses there are no events.
Several heavy states add.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scanner.errors import Status
from scanner.physics.heavy_neutrino_production import two_body_momentum
from scanner.physics.kernel import kernel
from scanner.physics.particles import MASS
from scanner.physics.phase_space import gauss_legendre
from scanner.signals.base import Prediction, Table
from scanner.signals.curves import Curve, Entry, Term, node_by_node, prediction, state_at
from scanner.signals.heavy_neutrino import FLAVOURS, Flyer, HeavyNeutrino
from scanner.units import HBARC_GEV_M

PROVIDES = ("peak_search",)
VERSION = 1

ENERGIES = 4
"""Of N in flight that the average is over: to 1e-4 of the bracket while l m Γ/p < 5 at the mean energy."""


@dataclass(frozen=True)
class Beam:
    """Parents in flight.

    Parameters
    ----------
    momentum
        Of the parent [GeV].
    lepton
        Smallest and largest momentum of a lepton that is accepted [GeV].
    """

    momentum: float
    lepton: tuple[float, float]


@dataclass(frozen=True)
class PeakResponse:
    """A peak search.

    Parameters
    ----------
    name
        Of the curve.
    curve
        What it excludes for an N that leaves.
    events
        Signal of that N on the curve.
    parent
        ``pi`` or ``K``.
    flavour
        ``e`` or ``mu``: the lepton, and whose mixing it bounds.
    length
        Of what would see N decay [m].
    beam
        Of the parents; at rest if None.
    """

    name: str
    curve: Curve
    events: float
    parent: str
    flavour: str
    length: float
    beam: Beam | None = None

    def energies(self, mass: float) -> np.ndarray:
        """Return energies of N [GeV] that stand for their distribution, with weights, shape (2, energies).

        Empty where the parent cannot decay into N.
        """
        parent, lepton = MASS[self.parent], MASS[self.flavour]
        momentum = float(two_body_momentum(parent, lepton, mass))
        energy = math.hypot(momentum, mass)
        if momentum == 0:
            return np.empty((2, 0))
        if self.beam is None:
            return np.array([[energy], [1.0]])
        total = math.hypot(self.beam.momentum, parent)
        middle, half = total / parent * energy, self.beam.momentum / parent * momentum
        least, most = (total - math.hypot(cut, lepton) for cut in reversed(self.beam.lepton))
        low, high = max(middle - half, least), min(middle + half, most)
        if low >= high:
            return np.empty((2, 0))
        nodes, weights = gauss_legendre(ENERGIES)
        return np.array([0.5 * (low + high) + 0.5 * (high - low) * nodes, 0.5 * weights])

    def lengths_per_width(self, mass: float, energy: float) -> float:
        """Return the decay lengths of N that the apparatus is long, for a width of 1 GeV."""
        return self.length * mass / (math.sqrt(energy**2 - mass**2) * HBARC_GEV_M)


def bind(states: tuple[HeavyNeutrino, ...], responses: Sequence[PeakResponse], bins: int) -> Prediction:
    """Join a model's heavy neutrinos to peak searches.

    Parameters
    ----------
    states
        The model's ingredient.
    responses
        The experiment's searches; their events add.
    bins
        Number of signal bins: one.
    """
    pairs = [(found, response) for response in responses for found in states]
    return prediction([_term(i, found, response) for i, (found, response) in enumerate(pairs)])


def _term(number: int, found: HeavyNeutrino, response: PeakResponse) -> Term:
    flyers = [(i, *channel.flyer) for i, channel in enumerate(found.channels) if channel.flyer and channel.final_state]
    parameters = tuple(dict.fromkeys((*found.width_parameters, *(name for _, names, _ in flyers for name in names))))
    couplings = len(found.couplings)
    energies = 1 if response.beam is None else ENERGIES
    size = 1 + 2 * energies + 2 * couplings + len(flyers) * (couplings + energies)

    def entry(node: np.ndarray) -> Entry | None:
        values = dict(zip(parameters, node, strict=True))
        state = state_at(found, parameters, node)
        sides, kinematics = response.curve.at(state.mass), response.energies(state.mass)
        if sides is None or kinematics.size == 0:
            return None
        widths = found.widths_at(np.array([values[name] for name in found.width_parameters]))
        if np.isnan(widths).any():
            return np.zeros(size), Status.not_converged
        row = [state.scale * response.events / sides[0], *kinematics[1]]
        row += [response.lengths_per_width(state.mass, energy) for energy in kinematics[0]]
        row += _summed(found, widths, seen=False) + _summed(found, widths, seen=True)
        for i, names, flyer_at in flyers:
            flyer = flyer_at(np.array([values[name] for name in names]))
            row += [*widths[:, i], *(_decay_lengths(flyer, state.mass, e, response.length) for e in kinematics[0])]
        return row, Status.ok

    curve = response.curve
    inputs = (curve.mass, curve.bottom, np.array([response.events, response.length]))
    table = Table(f"{number}_{response.name}", parameters, (size,), node_by_node(size, entry), inputs)
    monomials = (found.mixings[FLAVOURS.index(response.flavour)], *(c.monomial for c in found.couplings))
    return Term(monomials, table, functools.partial(_add_missed, energies, len(flyers)))


def _summed(found: HeavyNeutrino, widths: np.ndarray, seen: bool) -> list[float]:
    """Widths of each coupling into what is seen where N decays, or into nothing that is ever seen."""
    wanted = [bool(c.final_state) == seen and not (c.final_state and c.flyer) for c in found.channels]
    return [float(width) for width in widths[:, wanted].sum(axis=1)]


def _decay_lengths(flyer: Flyer, mass: float, energy: float, length: float) -> float:
    """How many decay lengths of a flyer from N → ν + flyer the apparatus is long, at its mean energy."""
    mean = 0.5 * energy * (1 + (flyer.mass / mass) ** 2)
    return length * flyer.width * flyer.mass / (math.sqrt(mean**2 - flyer.mass**2) * HBARC_GEV_M)


@kernel("f8(f8, f8)")
def _not_both(first, second):  # type: ignore[no-untyped-def]
    """Probability that of a decay and the next one, at these rates per length, not both happen within it.

    (x e^{-y} - y e^{-x})/(x - y), written so that equal rates lose no digits and large ones do not overflow.
    """
    low, high = min(first, second), max(first, second)
    difference = high - low
    share = -math.expm1(-difference) / difference if difference > 0 else 1.0
    return math.exp(-low) * (1 + low * share)


@kernel("void(i8, i8, f8[:, ::1], i8[::1], f8[:, ::1], f8[:, ::1])")
def _add_missed(energies, flyers, products, nodes, entries, signal):  # type: ignore[no-untyped-def]
    """Add C x times the probability that no decay is seen.

    A row holds C; the weights of the energies, and the decay lengths in the apparatus per width; the widths of
    each coupling into nothing visible, and into what is seen at once; for each flyer the widths of each
    coupling, and its own decay lengths at each energy.
    """
    couplings = products.shape[0] - 1
    first_flyer, stride = 1 + 2 * energies + 2 * couplings, couplings + energies
    into = np.empty(2 + flyers)
    for point in range(signal.shape[0]):
        row = entries[nodes[point]]
        into[:] = 0.0
        for k in range(couplings):
            coupling = products[1 + k, point]
            into[0] += coupling * row[1 + 2 * energies + k]
            into[1] += coupling * row[1 + 2 * energies + couplings + k]
            for f in range(flyers):
                into[2 + f] += coupling * row[first_flyer + f * stride + k]
        total = into.sum()
        missed = 1.0
        if total > 0:
            missed = 0.0
            for e in range(energies):
                x = total * row[1 + energies + e]
                part = into[0] + into[1] * math.exp(-x)
                for f in range(flyers):
                    part += into[2 + f] * _not_both(x, row[first_flyer + f * stride + couplings + e])
                missed += row[1 + e] * part
            missed /= total
        signal[point, 0] += row[0] * missed * products[0, point]
