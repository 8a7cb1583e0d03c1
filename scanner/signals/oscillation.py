"""Oscillation of light neutrinos at experiments that see one Δm² at a time.

A model supplies each transition probability as P(α→β) = δ_αβ + Σ amplitude(couplings) · sin²(Δm² L/4E); an
experiment supplies what a full α→β transmutation would give it, as cells in L/E. The table holds
⟨sin²⟩ folded with those cells, one entry for each Δm²; at a point only the amplitudes are left to do. The
signal is the change with respect to no oscillation (δ_αβ drops out).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from scanner.errors import Status
from scanner.physics.kernel import kernel
from scanner.physics.oscillation import averaged_sin_squared
from scanner.signals.base import Prediction, Table
from scanner.signals.monomials import fill_monomials, pack_monomials
from scanner.vocabulary import Monomial

PROVIDES = ("oscillation",)
VERSION = 1


@dataclass(frozen=True)
class OscillationTerm:
    """One term, amplitude · sin²(Δm² L/4E), of a transition probability.

    Parameters
    ----------
    amplitude
        Sum of monomials in the model's parameters.
    dm2
        Name of the parameter that is Δm² [eV²].
    """

    amplitude: tuple[Monomial, ...]
    dm2: str


OscillationModel = Callable[[str, str, bool], tuple[OscillationTerm, ...]]
"""What a model supplies: the terms of P(source→target) for (source, target, antineutrino)."""


@dataclass(frozen=True)
class OscillationResponse:
    """What an experiment supplies for one channel: the events of full transmutation, in cells of L/E.

    Parameters
    ----------
    source, target
        Flavours: ``e``, ``mu`` or ``tau``.
    antineutrino
        Whether the channel is one of antineutrinos.
    bin
        Signal bin of each cell, int64 of shape (cells,).
    weight
        Events in each cell for a probability of one, shape (cells,).
    mean, variance
        Mean [km/GeV] and variance [km²/GeV²] of L/E within each cell, shape (cells,).
    phase
        Constant k of sin²(k Δm² L/E) [GeV/(eV² km)] that the experiment's own fit uses.
    dm2_max
        Largest Δm² [eV²] up to which the cells promise their accuracy.
    """

    source: str
    target: str
    antineutrino: bool
    bin: np.ndarray
    weight: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    phase: float
    dm2_max: float


def bind(model: OscillationModel, channels: Sequence[OscillationResponse], bins: int) -> Prediction:
    """Join a model's probabilities to an experiment's channels.

    Parameters
    ----------
    model
        The model's ingredient.
    channels
        The experiment's channels.
    bins
        Number of signal bins.
    """
    terms = [(c, t) for c in channels for t in model(c.source, c.target, c.antineutrino)]
    monomials = [(i, m) for i, (_, term) in enumerate(terms) for m in term.amplitude]
    parameters = tuple(dict.fromkeys(name for _, m in monomials for name in m.powers))
    packed = pack_monomials([m for _, m in monomials], parameters)
    table_of = [i for i, _ in monomials]

    def add(
        values: np.ndarray,
        nodes: tuple[np.ndarray, ...],
        tables: tuple[np.ndarray, ...],
        signal: np.ndarray,
    ) -> None:
        amplitudes = np.empty((len(monomials), signal.shape[0]))
        fill_monomials(values, *packed, amplitudes)
        for amplitude, t in zip(amplitudes, table_of, strict=True):
            _add_term(amplitude, nodes[t], tables[t], signal)

    tables = tuple(_template(i, channel, term.dm2, bins) for i, (channel, term) in enumerate(terms))
    return Prediction(parameters, tables, add)


def _template(number: int, channel: OscillationResponse, dm2: str, bins: int) -> Table:
    """The table of ⟨sin²⟩ in each signal bin, one entry for each value of a Δm²."""

    def build(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        entries = np.zeros((len(values), bins))
        status = np.full(len(values), Status.ok, dtype=np.uint8)
        averaged_sin_squared(
            channel.phase,
            np.ascontiguousarray(values[:, 0]),
            channel.bin,
            channel.weight,
            channel.mean,
            channel.variance,
            entries,
        )
        status[values[:, 0] > channel.dm2_max * (1 + 1e-12)] = Status.not_converged
        return entries, status

    name = f"{number}_{channel.source}_{channel.target}" + ("_bar" if channel.antineutrino else "")
    inputs = (channel.bin, channel.weight, channel.mean, channel.variance, np.array([channel.phase]))
    return Table(name, (dm2,), (bins,), build, inputs)


@kernel("void(f8[::1], i8[::1], f8[:, ::1], f8[:, ::1])")
def _add_term(amplitude, nodes, template, signal):  # type: ignore[no-untyped-def]
    """Add amplitude · template[node] to the signal of every point."""
    for point in range(signal.shape[0]):
        node = nodes[point]
        for b in range(signal.shape[1]):
            signal[point, b] += amplitude[point] * template[node, b]
