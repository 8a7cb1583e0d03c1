"""Limits that are known as a published curve alone, for one coupling and one assumed way to decay.

At each mass the curve fixes what the search must have expected, by the shape that its kind of search gives,
and a model's own rates take it from there. With x = |U_a|² (or |μ_tr,a|²) of the curve's coupling, x_b and x_t
its lower and upper side, and Γ the widths of the model over those of the assumed N with x = 1,

- ``decay`` (N flies, and decays in a detector): N = C x Γ_seen exp(-κ Γ_total). For the assumed N this is
  C x² exp(-κ x), and a closed contour fixes both numbers: κ = 2 ln(x_t/x_b) / (x_t - x_b). A flight path from
  where N is made gives another κ, which is taken for an open curve, and where it is the smaller one: there the
  contour is closed by the edge of a plot. With neither, κ = 0;
- ``prompt`` (N decays at once): N = C x · BR_seen;
- ``production`` (its decays do not matter): N = C x exp(-κ x), κ = ln(x_t/x_b) / (x_t - x_b) or 0: what absorbs
  N goes as the coupling itself (trapping in a supernova).

C makes N the events of the limit at x_b, hence at x_t. Γ_seen sums the final states that the search looked at;
a decay into a particle that flies on counts in Γ_total, but not as seen. Outside its range of masses a curve says
nothing: N = 0. Only the curve's own flavour produces N. Several heavy states add.

Above `COMPLETE_BELOW` no model here knows all its widths. One that decays through its mixings alone does not need
them: there the widths are taken as the same for all flavours, which is what weak decays tend to (for τ mixing at a
few GeV they are less, so that limits at mixed flavours are rough there). Other models are marked not_converged.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scanner.errors import InputError, Status
from scanner.physics.heavy_neutrino_channels import COMPLETE_BELOW
from scanner.physics.heavy_neutrino_decays import weak_widths
from scanner.physics.kernel import kernel
from scanner.signals.base import Prediction, Table
from scanner.signals.curves import Curve, Entry, Term, node_by_node, prediction, state_at
from scanner.signals.heavy_neutrino import FLAVOURS, Channel, HeavyNeutrino, State
from scanner.units import HBARC_GEV_M
from scanner.vocabulary import Monomial

PROVIDES = ("published_bound",)
VERSION = 1

INVISIBLE = "nu_nu_nu"


class Shape(enum.IntEnum):
    """How the events of a search depend on what it looks for; see the module."""

    production = 0
    prompt = 1
    decay = 2


@dataclass(frozen=True)
class Flight:
    """A typical way from where N is made to where it is looked for.

    Parameters
    ----------
    length
        [m].
    momentum
        Of N [GeV].
    """

    length: float
    momentum: float


@dataclass(frozen=True)
class BoundResponse:
    """One published curve, and what it assumed.

    Parameters
    ----------
    name
        Of the curve.
    curve
        What it excludes.
    shape
        Which of the shapes.
    events
        Signal of the assumed N on the curve.
    flavour
        ``e``, ``mu`` or ``tau``: whose coupling it bounds.
    dipole
        Whether that coupling is a transition dipole, and no mixing.
    majorana
        Whether the assumed N is a Majorana particle.
    seen
        Final states that the search looked at; all visible ones if None.
    lepton_number_violating
        Whether the search looked at processes that only a Majorana N has.
    flight
        For decays: how N comes to the detector.
    """

    name: str
    curve: Curve
    shape: Shape
    events: float
    flavour: str
    dipole: bool = False
    majorana: bool = False
    seen: frozenset[str] | None = None
    lepton_number_violating: bool = False
    flight: Flight | None = None

    def sees(self, channel: Channel) -> bool:
        """Whether the search looked at a model's decay channel."""
        return bool(channel.final_state) and channel.flyer is None and self.looks_at(channel.final_state)

    def looks_at(self, final_state: str) -> bool:
        """Whether the search looked at a visible final state."""
        return self.seen is None or final_state in self.seen


def bind(states: tuple[HeavyNeutrino, ...], responses: Sequence[BoundResponse], bins: int) -> Prediction:
    """Join a model's heavy neutrinos to published curves.

    Parameters
    ----------
    states
        The model's ingredient.
    responses
        The experiment's curves; their events add.
    bins
        Number of signal bins: one.

    Raises
    ------
    InputError
        If a curve bounds a dipole, and the model has none.
    """
    pairs = [(found, response) for response in responses for found in states]
    return prediction([_term(i, found, response) for i, (found, response) in enumerate(pairs)])


def produced_by(found: HeavyNeutrino, flavour: str, dipole: bool, name: str) -> Monomial:
    """Return the coupling that makes N: |U_a|²/scale, or |μ_tr,a|² [GeV⁻²]; InputError if there is none."""
    couplings = found.dipoles if dipole else found.mixings
    if couplings is None:
        problem = f"{name} bounds a transition dipole of N, and the model has none"
        raise InputError("experiments", problem, hint="take a model with a dipole, or leave it out")
    return couplings[FLAVOURS.index(flavour)]


def _term(number: int, found: HeavyNeutrino, response: BoundResponse) -> Term:
    made = produced_by(found, response.flavour, response.dipole, response.name)
    if response.shape == Shape.production:
        monomials: tuple[Monomial, ...] = (made,)
        parameters, size = found.state_parameters, 2
    else:
        monomials = (made, *(coupling.monomial for coupling in found.couplings))
        parameters, size = found.width_parameters, 1 + 2 * len(found.couplings)

    def entry(node: np.ndarray) -> Entry | None:
        return _entry(found, response, node, state_at(found, parameters, node))

    curve = response.curve
    inputs = (curve.mass, curve.bottom, curve.top, np.array([response.events]))
    table = Table(f"{number}_{response.name}", parameters, (size,), node_by_node(size, entry), inputs)
    return Term(monomials, table, _ADD[response.shape])


def _entry(found: HeavyNeutrino, response: BoundResponse, node: np.ndarray, state: State) -> Entry | None:
    """Numbers of one node: events per x, then what the shape takes."""
    sides = response.curve.at(state.mass)
    if sides is None or (response.lepton_number_violating and not state.majorana):
        return None
    # Members of a quasi-Dirac pair cancel in part: as much as widths, unknown at such masses, allow.
    cancels = response.lepton_number_violating and found.splitting is not None
    status = Status.not_converged if cancels else Status.ok
    scale = 1.0 if response.dipole else state.scale
    if response.shape == Shape.production:
        kappa = _absorption(1, *sides)
        return (scale * _normalisation(1, kappa, response.events, sides[0]), scale * kappa), status
    relative = _relative_widths(found, response, node, state)
    if relative is None:
        return None
    if np.isnan(relative).any():
        return [0.0] * relative.size + [0.0], Status.not_converged
    if response.shape == Shape.prompt:
        return [scale * response.events / sides[0], *relative.ravel()], status
    kappas = _absorption(2, *sides), _flight_kappa(response, state.mass)
    kappa = min((kappa for kappa in kappas if kappa > 0), default=0.0)
    first = scale * _normalisation(2, kappa, response.events, sides[0])
    return [first, *relative[0], *(kappa * relative[1])], status


def _absorption(power: int, bottom: float, top: float) -> float:
    """κ for which x^power exp(-κ x) is the same on both sides of a contour; 0 for an open curve."""
    if math.isinf(top):
        return 0.0
    excess = top / bottom - 1
    return power / bottom * (math.log1p(excess) / excess if excess > 0 else 1.0)


def _flight_kappa(response: BoundResponse, mass: float) -> float:
    if response.flight is None or mass > COMPLETE_BELOW:
        return 0.0
    per_width = response.flight.length * mass / (response.flight.momentum * HBARC_GEV_M)
    return per_width * assumed_widths(response, mass)[1]


def _normalisation(power: int, kappa: float, events: float, bottom: float) -> float:
    return events * math.exp(kappa * bottom) / bottom**power


def assumed_widths(response: BoundResponse, mass: float) -> tuple[float, float]:
    """Return what is seen, and the total width [GeV], of the assumed N with a coupling squared of 1.

    An N with a dipole is taken to decay to νγ alone (νℓℓ through a virtual photon is below 1 %).
    """
    nature = 2.0 if response.majorana else 1.0
    if response.dipole:
        width = nature * mass**3 / (16 * math.pi)
        return width, width
    flavour = FLAVOURS.index(response.flavour)
    widths = {name: nature * float(of[flavour]) for name, of in weak_widths(mass).items()}
    seen = [width for name, width in widths.items() if name != INVISIBLE and response.looks_at(name)]
    return math.fsum(seen), math.fsum(widths.values())


def _relative_widths(
    found: HeavyNeutrino, response: BoundResponse, node: np.ndarray, state: State
) -> np.ndarray | None:
    """Widths of each coupling over those of the assumed N, shape (2, couplings): seen, then total.

    None where the assumed N has no decay to be seen; NaN where the model does not know.
    """
    if state.mass > COMPLETE_BELOW and not response.dipole:
        nature = (2.0 if state.majorana else 1.0) / (2.0 if response.majorana else 1.0)
        known = state.scale * nature if _only_mixes(found) else math.nan
        return np.full((2, len(found.couplings)), known)
    seen, total = assumed_widths(response, state.mass)
    if seen == 0:
        return None
    widths = found.widths_at(node)
    looked_at = [widths[:, i] for i, channel in enumerate(found.channels) if response.sees(channel)]
    return np.array([sum(looked_at, np.zeros(len(widths))) / seen, widths.sum(axis=1) / total])


def _only_mixes(found: HeavyNeutrino) -> bool:
    """Whether N decays through its mixings alone."""
    same = set(found.width_parameters) == set(found.state_parameters)
    return same and all(coupling.monomial in found.mixings for coupling in found.couplings)


@kernel("void(f8[:, ::1], i8[::1], f8[:, ::1], f8[:, ::1])")
def _add_production(products, nodes, entries, signal):  # type: ignore[no-untyped-def]
    """Add C x exp(-κ x)."""
    for point in range(signal.shape[0]):
        row = entries[nodes[point]]
        x = products[0, point]
        signal[point, 0] += row[0] * x * math.exp(-row[1] * x)


@kernel("void(f8[:, ::1], i8[::1], f8[:, ::1], f8[:, ::1])")
def _add_prompt(products, nodes, entries, signal):  # type: ignore[no-untyped-def]
    """Add C x Γ_seen/Γ_total."""
    couplings = products.shape[0] - 1
    for point in range(signal.shape[0]):
        row = entries[nodes[point]]
        seen = total = 0.0
        for k in range(couplings):
            seen += products[1 + k, point] * row[1 + k]
            total += products[1 + k, point] * row[1 + couplings + k]
        if total > 0:
            signal[point, 0] += row[0] * products[0, point] * seen / total


@kernel("void(f8[:, ::1], i8[::1], f8[:, ::1], f8[:, ::1])")
def _add_decay(products, nodes, entries, signal):  # type: ignore[no-untyped-def]
    """Add C x Γ_seen exp(-κ Γ_total)."""
    couplings = products.shape[0] - 1
    for point in range(signal.shape[0]):
        row = entries[nodes[point]]
        seen = absorbed = 0.0
        for k in range(couplings):
            seen += products[1 + k, point] * row[1 + k]
            absorbed += products[1 + k, point] * row[1 + couplings + k]
        signal[point, 0] += row[0] * products[0, point] * seen * math.exp(-absorbed)


_ADD = {Shape.production: _add_production, Shape.prompt: _add_prompt, Shape.decay: _add_decay}
