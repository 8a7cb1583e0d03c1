"""Heavy neutrinos made in a beam that decay inside a detector, at any lifetime.

Events in a bin are Σ_s |U_s|² H_s(Γ) Σ_X Γ_X ε_{s,X,bin}: s runs over sources (one a flavour and beam), X over
channels, and H_s (see `scanner.physics.flight`) holds flux, production, flight and geometry. Two kinds of
table serve all couplings: H over ln Γ on the parameters of the state, and the widths, already folded with the
efficiencies of the experiment, on the parameters of the widths.

Channels that are seen where a long-lived product of N decays have an H of their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import types

from scanner.errors import Status
from scanner.physics.flight import NODES, fill_flight, fill_flight_of_two, per_width
from scanner.physics.kernel import INPUT_CUBE, INPUT_INDEX, kernel
from scanner.physics.phase_space import gauss_legendre
from scanner.signals.base import Prediction, Table
from scanner.signals.heavy_neutrino import Flyer, HeavyNeutrino, State
from scanner.signals.rates import rates_table
from scanner.signals.summed import Arrays, summed

PROVIDES = ("decay_in_flight",)
VERSION = 1

MIXINGS = 3
"""Monomials before those of the couplings."""

DIRECTIONS = 8
"""Nodes for the direction and the place of a long-lived product's decay."""


class Spectrum(NamedTuple):
    """Heavy neutrinos on their way to the detector."""

    momentum: np.ndarray
    """[GeV], shape (n,)."""
    weight: np.ndarray
    """How many N of each momentum cross the decay volume for |U|² = 1, shape (sources, n)."""


@dataclass(frozen=True)
class FlightResponse:
    """What an experiment supplies.

    Parameters
    ----------
    name
        Of the experiment.
    flavours
        For each source, index into FLAVOURS of the |U_a|² that makes N.
    spectrum
        From the mass of N [GeV] to its spectrum; NaN where the experiment cannot say.
    baseline, length
        Distance to the decay volume, and its depth [m].
    efficiency
        From the state to efficiencies by final state, shape (sources, len(FLAVOURS) + 1, bins): by source,
        by the flavour that drives the decay (the last: none does), by signal bin. Branching ratios of
        products are part of it; final states that are not seen are left out; NaN as for `spectrum`.
    mass_max
        Above it [GeV] nothing is made.
    inputs
        Arrays that went into the functions; hashed into the tables' keys.
    """

    name: str
    flavours: tuple[int, ...]
    spectrum: Callable[[float], Spectrum]
    baseline: float
    length: float
    efficiency: Callable[[State], Mapping[str, np.ndarray]]
    mass_max: float
    inputs: tuple[np.ndarray, ...]


def bind(states: Sequence[HeavyNeutrino], response: FlightResponse, bins: int) -> Prediction:
    """Join the heavy neutrinos of a model to an experiment; all of them are summed.

    Parameters
    ----------
    states
        The model's heavy neutrinos.
    response
        The experiment's ingredient.
    bins
        Number of signal bins.
    """
    parts = [_State(i, state, response, bins) for i, state in enumerate(states)]
    flavours = np.array(response.flavours, dtype=np.int64)

    def add(strengths: np.ndarray, nodes: Arrays, tables: Arrays, signal: np.ndarray) -> None:
        for kind in range(len(tables) - 1):
            _add(strengths, flavours, kind, nodes[0], tables[0], nodes[1 + kind], tables[1 + kind], signal)

    return summed(parts, add)


class _State:
    """One heavy neutrino at one experiment: its tables, the widths first, then one flight for each kind."""

    def __init__(self, number: int, state: HeavyNeutrino, response: FlightResponse, bins: int):
        self.state, self.response, self.bins = state, response, bins
        # The mixings come first: the kernel finds the production of a source by its flavour.
        self.monomials = (*state.mixings, *(coupling.monomial for coupling in state.couplings))
        self.flyers = tuple(dict.fromkeys(c.flyer for c in state.channels if c.final_state))
        self.sources = len(response.flavours)
        inputs = (np.frombuffer(response.name.encode(), np.uint8), *response.inputs)
        columns = len(self.flyers) * self.sources * bins
        rates = rates_table(f"{number}_rates", state, columns, self._makes, self._seen, inputs)
        self.tables = (rates, *(self._flight(number, kind, inputs) for kind in range(len(self.flyers))))

    def _makes(self, found: State) -> bool:
        return found.mass <= self.response.mass_max

    def _seen(self, found: State, widths: np.ndarray) -> np.ndarray:
        """Widths times efficiencies by kind, source and bin, for each coupling."""
        efficiency = self.response.efficiency(found)
        seen = np.zeros((len(self.state.couplings), len(self.flyers), self.sources, self.bins))
        for x, channel in enumerate(self.state.channels):
            if channel.final_state not in efficiency:
                continue
            kind = self.flyers.index(channel.flyer)
            for k, coupling in enumerate(self.state.couplings):
                seen[k, kind] += widths[k, x] * efficiency[channel.final_state][:, coupling.flavour]
        return seen.reshape(len(seen), -1)

    def _flight(self, number: int, kind: int, inputs: tuple[np.ndarray, ...]) -> Table:
        names, product = self.flyers[kind] or ((), None)
        own = len(self.state.state_parameters)
        parameters = tuple(dict.fromkeys((*self.state.state_parameters, *names)))
        columns = [parameters.index(p) for p in names]
        shape = (self.sources, 1 + 2 * NODES)

        def build(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            entries = np.zeros((len(values), *shape))
            status = np.full(len(values), Status.ok, dtype=np.uint8)
            for i, row in enumerate(values):
                state = self.state.state(row[:own])
                if not self._makes(state):  # nor where the mass cannot be told, of which the widths' table tells
                    continue
                spectrum = self.response.spectrum(state.mass)
                if np.isfinite(state.scale * spectrum.weight).all():
                    self._fill(state, spectrum, product(row[columns]) if product else None, entries[i])
                else:
                    status[i] = Status.not_converged
            return entries, status

        return Table(f"{number}_flight_{kind}", parameters, shape, build, inputs)

    def _fill(self, state: State, spectrum: Spectrum, flyer: Flyer | None, entries: np.ndarray) -> None:
        place = self.response.baseline, self.response.length
        for out, weight in zip(entries, state.scale * spectrum.weight, strict=True):
            if flyer is None:
                fill_flight(state.mass, spectrum.momentum, weight, *place, out)
            else:
                rule = gauss_legendre(DIRECTIONS)
                fill_flight_of_two(state.mass, spectrum.momentum, weight, *place, *flyer, *rule, out)


@kernel(
    types.void(
        types.float64[:, ::1],
        INPUT_INDEX,
        types.int64,
        types.int64[::1],
        INPUT_CUBE,
        types.int64[::1],
        INPUT_CUBE,
        types.float64[:, ::1],
    )
)
def _add(monomials, flavours, kind, rate_nodes, rates, flight_nodes, flights, signal):  # type: ignore[no-untyped-def]
    """Add the decays of one kind of one heavy neutrino to the signal of every point."""
    couplings, bins = rates.shape[1], signal.shape[1]
    for point in range(signal.shape[0]):
        node = rate_nodes[point]
        width = 0.0
        for k in range(couplings):
            width += monomials[MIXINGS + k, point] * rates[node, k, 0]
        log_width = math.log(width) if width != 0 else -np.inf
        for s in range(flavours.size):
            made = monomials[flavours[s], point]
            if made == 0:
                continue
            made *= per_width(flights, flight_nodes[point], s, log_width)
            column = 1 + (kind * flavours.size + s) * bins
            for k in range(couplings):
                strength = made * monomials[MIXINGS + k, point]
                for b in range(bins):
                    signal[point, b] += strength * rates[node, k, column + b]
