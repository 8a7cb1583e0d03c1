"""Lepton-number violation through a heavy neutrino N on its mass shell: M⁺ → l⁺ N, N → l'⁺ π⁻.

Events of a search are Σ_r |U_r|² H_r Γ_r: r runs over the ways to its final state, |U_r|² makes N, and Γ_r is
the width of N → l'⁺ π⁻, half of what a Majorana N decays into both charges with. H_r(Γ) holds how many N are
made, and the probability that one decays before it has flown too far to be taken for prompt. A Dirac N never
violates lepton number. Of a quasi-Dirac pair split by ΔM, each member of width Γ, the amplitudes of both
interfere: a state born together with l⁺ is an N that has turned into N̄ after the proper time t with
probability sin²(ΔM t/2), so that

    H = Σ_i w_i ∫₀^{T_i} dt e^{-Γt} (1 - cos ΔM t),   T_i = l m / p_i,

which for a search without limit of length is ΔM²/(Γ² + ΔM²) of two Majorana neutrinos by themselves. (The ratio
of the rates with and without violation is then the R_ll = ΔM²/(2Γ² + ΔM²) of Anamiati, Hirsch & Nardi,
1607.05641.) Where N lives long, ΔM must not only exceed Γ, but also let N oscillate within the length: in
place of Γ, 1/T decides.

H is tabulated over ln Γ as in `scanner.physics.flight`, times 1 + Γ²/(ΔM² + 1/T²) for the fastest N: then it
is a constant at one end and falls as 1/Γ at the other, whatever ΔM is.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numba import types

from scanner.errors import Status
from scanner.physics.flight import FIRST, NODES, NOTHING, STEP, first_node, per_width
from scanner.physics.kernel import INPUT, INPUT_CUBE, INPUT_INDEX, kernel
from scanner.physics.phase_space import gauss_legendre
from scanner.signals.base import Prediction, Table
from scanner.signals.decay_in_flight import MIXINGS, Spectrum
from scanner.signals.heavy_neutrino import Channel, HeavyNeutrino, State
from scanner.signals.rates import rates_table
from scanner.signals.summed import Arrays, summed
from scanner.units import HBARC_GEV_M

PROVIDES = ("lepton_number_violation",)
VERSION = 1

RULE = 40
"""Nodes for the proper time at which N decays."""

FAST = 20.0
"""ΔM T from which on the integral over the proper time is done in closed form: nothing cancels any more."""

_f8 = types.float64


@dataclass(frozen=True)
class Route:
    """A way to the final state of a search.

    Parameters
    ----------
    flavour
        Index into FLAVOURS of the |U_a|² that makes N.
    final_state
        What N decays into, in the words of `heavy_neutrino_channels.CHANNELS`, both charges together.
    """

    flavour: int
    final_state: str


@dataclass(frozen=True)
class ViolationResponse:
    """What an experiment supplies, for a search with one bin.

    Parameters
    ----------
    name
        Of the experiment.
    routes
        The ways to its final state.
    spectrum
        From the mass of N [GeV] to the N made for |U|² = 1, one source a route, times the efficiency to see a
        prompt decay.
    length
        Distance [m] between production and decay of N up to which an event is taken for a prompt one.
    mass_max
        Above it [GeV] nothing is made.
    inputs
        Arrays that went into `spectrum`; hashed into the tables' keys.
    """

    name: str
    routes: tuple[Route, ...]
    spectrum: Callable[[float], Spectrum]
    length: float
    mass_max: float
    inputs: tuple[np.ndarray, ...]


def bind(states: Sequence[HeavyNeutrino], response: ViolationResponse, bins: int) -> Prediction:
    """Join the heavy neutrinos of a model to a search; all of them are summed, pairs by their `splitting`.

    Parameters
    ----------
    states
        The model's heavy neutrinos.
    response
        The experiment's ingredient.
    bins
        Number of signal bins: 1.
    """
    parts = [_State(i, state, response) for i, state in enumerate(states)]
    flavours = np.array([route.flavour for route in response.routes], dtype=np.int64)

    def add(strengths: np.ndarray, nodes: Arrays, tables: Arrays, signal: np.ndarray) -> None:
        _add(strengths, flavours, nodes[0], tables[0], nodes[1], tables[1], signal)

    return summed(parts, add)


class _State:
    """One heavy neutrino in one search: the table of its widths, and that of H."""

    def __init__(self, number: int, state: HeavyNeutrino, response: ViolationResponse):
        self.state, self.response = state, response
        # The mixings come first: the kernel finds the production of a route by its flavour.
        self.monomials = (*state.mixings, *(coupling.monomial for coupling in state.couplings))
        inputs = (np.frombuffer(response.name.encode(), np.uint8), np.array([response.length]), *response.inputs)
        routes = len(response.routes)
        self.tables = (
            rates_table(f"{number}_rates", state, routes, self._makes, self._violating, inputs),
            Table(f"{number}_flight", state.state_parameters, (routes, 2 + 2 * NODES), self._flights, inputs),
        )

    def _makes(self, found: State) -> bool:
        return found.majorana and found.mass <= self.response.mass_max

    def _violating(self, _: State, widths: np.ndarray) -> np.ndarray:
        """Half of the width of each route's decay, the charge that violates lepton number, for each coupling."""
        rows = [[self._is_of(channel, route) for channel in self.state.channels] for route in self.response.routes]
        return np.array([[0.5 * math.fsum(of[row]) for row in rows] for of in widths])

    def _is_of(self, channel: Channel, route: Route) -> bool:
        return channel.final_state == route.final_state and not channel.flyer

    def _flights(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        entries = np.zeros((len(values), *self.tables[1].shape))
        entries[:, :, 1:-1:2] = NOTHING
        status = np.full(len(values), Status.ok, dtype=np.uint8)
        rule = gauss_legendre(RULE)
        for i, row in enumerate(values):
            found = self.state.state(row)
            if not self._makes(found):
                continue
            splitting = abs(self.state.splitting(row)) if self.state.splitting else math.inf
            momentum, weights = self.response.spectrum(found.mass)
            if math.isnan(splitting) or not np.isfinite(weights).all():
                status[i] = Status.not_converged
                continue
            for out, weight in zip(entries[i], found.scale * weights, strict=True):
                fill_violating(found.mass, momentum, weight, self.response.length, splitting, *rule, out)
        return entries, status


@kernel(types.UniTuple(_f8, 2)(_f8, _f8, INPUT, INPUT))
def violating(x, y, nodes, weights):  # type: ignore[no-untyped-def]
    """∫₀¹ ds e^{-xs} (1 - cos ys), and its derivative in ln x.

    Parameters
    ----------
    x, y : float
        Γ T, positive, and ΔM T, not negative; infinite for a Majorana neutrino by itself, which has no cosine.
    nodes, weights : float64[n]
        `gauss_legendre(RULE)`.
    """
    if y < FAST:
        half = 0.5 * min(1.0, 50 / x)  # of the range of s that counts
        total = slope = 0.0
        for i in range(nodes.size):
            s = half * (nodes[i] + 1)
            term = weights[i] * half * math.exp(-x * s) * 2 * math.sin(0.5 * y * s) ** 2
            total += term
            slope -= x * s * term
        return total, slope
    total = -math.expm1(-x) / x
    slope = math.exp(-x) - total
    if y < np.inf:
        z = complex(x, -y)
        rest = cmath.exp(-z)
        moment = (1 - rest) / z
        total -= moment.real
        slope += x * ((moment - rest) / z).real
    return total, slope


@kernel(types.void(_f8, INPUT, INPUT, _f8, _f8, INPUT, INPUT, _f8[::1]))
def fill_violating(mass, momentum, weight, length, splitting, nodes, weights, out):  # type: ignore[no-untyped-def]
    """Fill the table of one route, for `violating_per_width`.

    Parameters
    ----------
    mass : float
        Of N [GeV].
    momentum, weight : float64[n]
        Momenta [GeV] of N, and how many N there are with each.
    length : float
        Of flight at most [m].
    splitting : float
        ΔM [GeV]; infinite for a Majorana neutrino by itself.
    nodes, weights : float64[n]
        `gauss_legendre(RULE)`.
    out : float64[2 + 2 NODES]
        ln Γ of the first node, then at each ln [H (1 + Γ² c)] and its slope, then c [GeV⁻²]; NOTHING where
        nothing violates lepton number.
    """
    start = first_node(mass, length, momentum, weight)[0]
    # 1/T of the fastest N is what the nodes are measured in.
    c = 1 / (splitting**2 + (math.exp(start) / FIRST) ** 2)
    out[0] = start
    out[1 + 2 * NODES] = c
    for node in range(NODES):
        width = math.exp(start + node * STEP)
        total = rise = 0.0
        for i in range(momentum.size):
            if not weight[i] > 0:
                continue
            time = length * mass / (momentum[i] * HBARC_GEV_M)
            value, slope = violating(width * time, splitting * time, nodes, weights)
            total += weight[i] * time * value
            rise += weight[i] * time * slope
        if total > 0:
            ratio = width**2 * c
            out[1 + 2 * node] = math.log(total * (1 + ratio))
            out[2 + 2 * node] = rise / total + 2 * ratio / (1 + ratio)
        else:
            out[1 + 2 * node] = NOTHING
            out[2 + 2 * node] = 0.0
    # As 1/Γ from the last node on, to 1e-6; more slope would be an exponential.
    out[2 * NODES] = -1.0


@kernel(_f8(INPUT_CUBE, types.int64, types.int64, _f8, _f8))
def violating_per_width(tables, node, route, width, log_width):  # type: ignore[no-untyped-def]
    """Return H [1/GeV] at Γ [GeV] from the table of one route, ``tables[node, route]``."""
    return per_width(tables, node, route, log_width) / (1 + width**2 * tables[node, route, 1 + 2 * NODES])


@kernel(
    types.void(
        types.float64[:, ::1],
        INPUT_INDEX,
        types.int64[::1],
        INPUT_CUBE,
        types.int64[::1],
        INPUT_CUBE,
        types.float64[:, ::1],
    )
)
def _add(monomials, flavours, rate_nodes, rates, flight_nodes, flights, signal):  # type: ignore[no-untyped-def]
    """Add what one heavy neutrino makes to the signal of every point."""
    couplings = rates.shape[1]
    for point in range(signal.shape[0]):
        node = rate_nodes[point]
        width = 0.0
        for k in range(couplings):
            width += monomials[MIXINGS + k, point] * rates[node, k, 0]
        log_width = math.log(width) if width != 0 else -np.inf
        for r in range(flavours.size):
            violating_width = 0.0
            for k in range(couplings):
                violating_width += monomials[MIXINGS + k, point] * rates[node, k, 1 + r]
            if violating_width == 0:
                continue
            per = violating_per_width(flights, flight_nodes[point], r, width, log_width)
            signal[point, 0] += monomials[flavours[r], point] * per * violating_width
