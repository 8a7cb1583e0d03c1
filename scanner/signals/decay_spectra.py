"""Heavy neutrinos made in a beam that decay inside a detector which sees the energy and the angle of the decays.

As `decay_in_flight`, where what is seen depends on the momentum and on the spin of N: bins are those of a spectrum. The
decays of N that are seen are sorted by how they *look*: what is visible (a photon, or a pair of e⁺e⁻ or γγ), with
which distribution of its mass and of its angle to the spin of N, and whether it flies first. All decays that look alike
share a table, H and its shares over ln Γ (see `scanner.physics.flight_spectra`), on the parameters of the state, of
the mediator and of what flies; widths have one on theirs. So events of all couplings are
Σ_s |U_s|² Σ_look H_{s,look,b}(Γ) Γ_look.

N are taken to fly along the beam: the detector is far away.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from scanner.errors import Status
from scanner.physics.flight_spectra import AT_ONCE, add_shares, entry_size, fill_spectra, spectrum_at
from scanner.physics.kernel import INPUT, INPUT_CUBE, INPUT_INDEX, kernel
from scanner.physics.particles import MASS
from scanner.physics.phase_space import gauss_legendre
from scanner.physics.visible import PHOTON, SCALAR_PAIR, VECTOR_PAIR, VIRTUAL_PHOTON, fill_seen, spectrum
from scanner.signals.base import Prediction, Table
from scanner.signals.heavy_neutrino import Channel, Coupling, Flyer, HeavyNeutrino, State
from scanner.signals.rates import rates_table
from scanner.signals.summed import Arrays, summed
from scanner.signals.upscattering_events import PRODUCT_MASS, by_mass
from scanner.signals.upscattering_samples import Selection
from scanner.units import HBARC_GEV_M

PROVIDES = ("decay_spectra",)
VERSION = 1

Float = NDArray[np.float64]

MIXINGS = 3
"""Monomials before those of the couplings."""

DIRECTIONS, SPECTRUM_DIRECTIONS = 16, 8
"""Nodes for the direction of decay in the rest frame of N; the second where the mass of a pair has nodes as well."""

_SHAPES = {"vector": VECTOR_PAIR, "scalar": SCALAR_PAIR, "photon": VIRTUAL_PHOTON}
_PAIRS = {"nu_e_e": "e_e", "nu_gamma_gamma": "gamma_gamma"}

PI0_TO_PHOTONS = 0.98823
"""Branching ratio of π⁰ → γγ; PDG."""


class Beam(NamedTuple):
    """Heavy neutrinos on their way to the detector."""

    momentum: Float
    """[GeV], shape (n,)."""
    number: Float
    """How many N of each momentum there are for |U|² = 1 [1/m²], shape (sources, n)."""
    spin: Float
    """The sum of their spins along their flight, within ± `number`, shape (sources, n)."""


@dataclass(frozen=True)
class SpectrumResponse:
    """What an experiment supplies.

    Parameters
    ----------
    name
        Of the experiment.
    flavours
        For each source, index into FLAVOURS of the |U_a|² that makes N.
    beam
        From the mass of N [GeV] to its beam.
    places, volumes
        The detector: distances [m] from where N are made, and the volume [m³] that each of them stands for.
    selection
        What is seen of a decay.
    mass_max
        Above it [GeV] nothing is made.
    inputs
        Arrays that went into `beam`; hashed into the tables' keys.
    """

    name: str
    flavours: tuple[int, ...]
    beam: Callable[[float], Beam]
    places: Float
    volumes: Float
    selection: Selection
    mass_max: float
    inputs: tuple[np.ndarray, ...]


class Look(NamedTuple):
    """How a decay of N looks."""

    product: str
    """What is visible, of `PRODUCT_MASS`."""
    shape: int
    """Of those of `scanner.physics.visible`."""
    mediator: str | float
    """Mass of what a pair comes from [GeV], or the name of the parameter that is its mass."""
    flyer: tuple[tuple[str, ...], Callable[[np.ndarray], Flyer]] | None
    """As that of a `Channel`."""


def look_of(coupling: Coupling, channel: Channel) -> Look | None:
    """Return how decays of a channel that a coupling multiplies look; None where nothing like an electron is seen."""
    if channel.final_state == "nu_gamma":
        return Look("gamma", PHOTON, 0.0, None)
    if channel.final_state == "nu_pi0":
        return Look("gamma_gamma", SCALAR_PAIR, MASS["pi0"], None)
    product = _PAIRS.get(channel.final_state)
    flies = coupling.exchange is not None and coupling.exchange.flies
    if product is None or flies != (channel.flyer is not None):
        return None
    if coupling.exchange is None:  # W and Z make leptons
        return Look(product, VECTOR_PAIR, MASS["Z"], None) if product == "e_e" else None
    return Look(product, _SHAPES[coupling.exchange.kind], coupling.exchange.mass or 0.0, channel.flyer)


def bind(states: Sequence[HeavyNeutrino], response: SpectrumResponse, bins: int) -> Prediction:
    """Join the heavy neutrinos of a model to an experiment; all of them are summed.

    Parameters
    ----------
    states
        The model's heavy neutrinos.
    response
        The experiment's ingredient.
    bins
        Number of signal bins, those of the selection.
    """
    parts = [_State(i, state, response, bins) for i, state in enumerate(states)]
    flavours = np.array(response.flavours, dtype=np.int64)

    def add(strengths: np.ndarray, nodes: Arrays, tables: Arrays, signal: np.ndarray) -> None:
        log_widths = np.empty(signal.shape[0])
        _fill_log_widths(strengths, nodes[0], tables[0], log_widths)
        for look in range(len(tables) - 1):
            found = nodes[0], tables[0], nodes[1 + look], tables[1 + look]
            _add(strengths, log_widths, flavours, look, *found, signal)

    return summed(parts, add)


class _State:
    """One heavy neutrino at one experiment: its tables, the widths first, then one for each look."""

    def __init__(self, number: int, state: HeavyNeutrino, response: SpectrumResponse, bins: int):
        self.state, self.response, self.bins = state, response, bins
        # The mixings come first: the kernel finds the production of a source by its flavour.
        self.monomials = (*state.mixings, *(coupling.monomial for coupling in state.couplings))
        self.looks_of = [[look_of(coupling, channel) for channel in state.channels] for coupling in state.couplings]
        known = response.selection.response
        found = dict.fromkeys(look for row in self.looks_of for look in row if look and look.product in known)
        self.looks = tuple(found)
        inputs = (np.frombuffer(response.name.encode(), np.uint8), *response.inputs, response.places, response.volumes)
        inputs = (*inputs, *known.values())
        rates = rates_table(f"{number}_rates", state, len(self.looks), self._makes, self._seen, inputs)
        self.tables = (rates, *(self._flight(number, i, look, inputs) for i, look in enumerate(self.looks)))

    def _makes(self, found: State) -> bool:
        return found.mass <= self.response.mass_max

    def _seen(self, found: State, widths: np.ndarray) -> np.ndarray:
        """Widths by look, for each coupling."""
        seen = np.zeros((len(self.state.couplings), len(self.looks)))
        for k, row in enumerate(self.looks_of):
            for x, look in enumerate(row):
                if look in self.looks:
                    part = PI0_TO_PHOTONS if self.state.channels[x].final_state == "nu_pi0" else 1.0
                    seen[k, self.looks.index(look)] += part * widths[k, x]
        return seen

    def _flight(self, number: int, kind: int, look: Look, inputs: tuple[np.ndarray, ...]) -> Table:
        names, flyer = look.flyer or ((), None)
        mediator = (look.mediator,) if isinstance(look.mediator, str) else ()
        own = len(self.state.state_parameters)
        parameters = tuple(dict.fromkeys((*self.state.state_parameters, *mediator, *names)))
        columns = [parameters.index(p) for p in names]
        shape = (len(self.response.flavours), entry_size(self.bins))

        def build(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            entries = np.zeros((len(values), *shape))
            for row, out in zip(values, entries, strict=True):
                state = self.state.state(row[:own])
                if not self._makes(state):  # nor where the mass cannot be told, of which the widths' table tells
                    continue
                mass = float(row[parameters.index(mediator[0])] if mediator else look.mediator)
                fill_look(
                    self.response, state, look._replace(mediator=mass), flyer(row[columns]) if flyer else None, out
                )
            return entries, np.full(len(values), Status.ok, dtype=np.uint8)

        return Table(f"{number}_flight_{kind}", parameters, shape, build, inputs)


def fill_look(response: SpectrumResponse, state: State, look: Look, flyer: Flyer | None, out: Float) -> None:
    """Fill the entry of one node, shape (sources, entry_size(bins)); the look has its mediator's mass as a number."""
    beam = response.beam(state.mass)
    some = np.flatnonzero(beam.number.any(axis=0))
    momentum = np.ascontiguousarray(beam.momentum[some])
    number, spin = (state.scale * row[:, some].T for row in beam[1:])
    directions = None if flyer is None else gauss_legendre(DIRECTIONS)
    seen = selected(response.selection, state, look, momentum, directions)
    found = number[:, None, :, None] * seen[0][:, :, None] + spin[:, None, :, None] * seen[1][:, :, None]
    second = np.full(found.shape[:2], AT_ONCE)
    if flyer is not None and flyer.mass < state.mass:
        second = _second_rates(state.mass, momentum, flyer, gauss_legendre(DIRECTIONS)[0])
    rows = np.ascontiguousarray(found.reshape(-1, *found.shape[2:]))
    # Quadratures leave a little less than nothing here and there.
    np.maximum(rows, 0.0, out=rows)
    momenta = np.repeat(momentum, found.shape[1])
    fill_spectra(state.mass, momenta, second.ravel(), rows, response.places, response.volumes, out)


def _second_rates(mass: float, momentum: Float, flyer: Flyer, cosines: Float) -> Float:
    """Decays [1/m] of what N decays into, by the momentum of N and by the direction, shape (n, directions)."""
    energy, push = (mass**2 + flyer.mass**2) / (2 * mass), (mass**2 - flyer.mass**2) / (2 * mass)
    found = np.empty((momentum.size, cosines.size))
    for i, p in enumerate(momentum):
        for j, cosine in enumerate(cosines):
            moving = (math.hypot(p, mass) * energy + p * push * cosine) / mass
            speed = math.sqrt(max((moving / flyer.mass) ** 2 - 1, 1e-12))
            found[i, j] = flyer.width / (speed * HBARC_GEV_M)
    return found


def selected(
    selection: Selection, state: State, look: Look, momentum: Float, directions: tuple[Float, Float] | None = None
) -> tuple[Float, Float]:
    """Return what is selected of the decays of N along the beam: of N, and by their spin along their flight.

    Parameters
    ----------
    selection
        What is seen.
    state
        N.
    look
        Its decay, with the mass of the mediator as a number.
    momentum
        Of N [GeV], shape (n,).
    directions
        A Gauss-Legendre rule for the direction of decay, to keep its nodes apart: its weights are part of what is
        returned; None to sum over directions.

    Returns
    -------
    float64, shape (n, directions or 1, bins)
        Probabilities, and what is to be multiplied by the mean spin and added to them.
    """
    assert not isinstance(look.mediator, str)
    product, response = PRODUCT_MASS[look.product], selection.response[look.product]
    masses = spectrum(look.shape, state.mass, 0.0, look.mediator, max(product, 0.0), state.majorana)
    sine_max = selection.sine_max
    if response.shape[-2] == 1:  # Whatever the angle.
        response, sine_max = np.repeat(response, 2, axis=-2), 1.0
    rows, bins = response.shape[1 if response.ndim == _JOINT else -3], response.shape[-1]
    log_step = math.log(selection.energy_max / selection.energy_min) / (rows - 1)
    r_cut = np.full(rows, np.inf) if selection.pairs.r_cut is None else selection.pairs.r_cut
    energies = np.sqrt(momentum**2 + state.mass**2)
    nodes = energies, np.zeros(1), np.ones((energies.size, 1), dtype=np.bool_)
    place = math.log(selection.energy_min), log_step, sine_max
    rules = [_rule(DIRECTIONS if masses.mass.size == 1 else SPECTRUM_DIRECTIONS)]
    if directions is not None:
        rules = [(np.array([c]), np.array([w])) for c, w in zip(*directions, strict=True)]
    total = np.zeros((2, energies.size, len(rules), bins))
    for some, of_mass in by_mass(masses, selection, response):
        for i, rule in enumerate(rules):
            out = np.empty((3, energies.size, 1, bins))
            fill_seen(
                state.mass, 0.0, *some, *nodes, *place, of_mass, product, r_cut, np.array(selection.pairs[1:]),
                *rule, np.ones(1), out,
            )  # fmt: skip
            total[:, :, i] += out[:2, :, 0]
    return total[0], total[1]


_JOINT = 5
"""Dimensions of a response that depends on how the two of a pair share its energy."""

_rule = functools.cache(gauss_legendre)


@kernel(types.void(types.float64[:, ::1], INPUT_INDEX, INPUT_CUBE, types.float64[::1]))
def _fill_log_widths(monomials, rate_nodes, rates, out):  # type: ignore[no-untyped-def]
    """Fill ln Γ of every point."""
    for point in range(out.size):
        width = 0.0
        for k in range(rates.shape[1]):
            width += monomials[MIXINGS + k, point] * rates[rate_nodes[point], k, 0]
        out[point] = math.log(width) if width > 0 else -np.inf


@kernel(
    types.void(
        types.float64[:, ::1], INPUT, INPUT_INDEX, types.int64, INPUT_INDEX, INPUT_CUBE, INPUT_INDEX, INPUT_CUBE,
        types.float64[:, ::1],
    )
)  # fmt: skip
def _add(  # type: ignore[no-untyped-def]
    monomials, log_widths, flavours, look, rate_nodes, rates, flight_nodes, flights, signal
):
    """Add the decays of one look of one heavy neutrino to the signal of every point."""
    for point in range(signal.shape[0]):
        width = 0.0
        for k in range(rates.shape[1]):
            width += monomials[MIXINGS + k, point] * rates[rate_nodes[point], k, 1 + look]
        if width == 0:
            continue
        for s in range(flavours.size):
            made = monomials[flavours[s], point] * width
            if made == 0:
                continue
            node = flight_nodes[point]
            reached, i, f = spectrum_at(flights, node, s, signal.shape[1], log_widths[point])
            add_shares(flights, node, s, i, f, made * reached, point, signal)
