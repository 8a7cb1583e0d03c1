"""Neutrinos of a beam that become others of lower energy on their way: decays, or a scalar that is radiated off.

A model supplies kernels K(ν_a → ν_b; E′|E, L): how many neutrinos of energy E′, of the same kind and of the opposite
one (ν and ν̄), a neutrino of energy E has made at the distance L. An experiment supplies beams, and what it sees of a
neutrino of the DAUGHTER's energy. The signal is

    N = Σ_ab strength_ab ∫ dE Φ_a(E) ∫ dE′ K(E′|E, L) R_b(E′).

Energies lie in cells; parents stand at the mean energy of theirs, daughters are counted in theirs. A table lies on what
a kernel depends on, and on the nodes of lifetimes (`scanner.signals.lifetimes`): mixings and couplings are left to
a point. What oscillates without a change of energy is `scanner.signals.oscillation`'s; a model and an experiment that
have both get the sum.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numba import types

from scanner.errors import Status
from scanner.physics.kernel import INPUT, INPUT_MATRIX, kernel
from scanner.physics.visible_sterile_decay import decay_exponent
from scanner.signals import lifetimes
from scanner.signals.base import Prediction, Table
from scanner.signals.lifetimes import Quantity

PROVIDES = ("energy_transfer",)
VERSION = 1

Kernel = Callable[[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""From the values of a transfer's parameters, shape (parameters,), its widths mΓ [eV²], shape (widths,), 0 or infinity
included, energies [MeV] and lengths of flight [m] of parents, and the edges of daughters' cells [MeV], to the daughters
in each cell per parent, of the same kind and of the opposite one, float64 of shape (parents, cells)."""


@dataclass(frozen=True)
class Transfer:
    """One way in which a model turns ν_a into ν_b of lower energy.

    Parameters
    ----------
    name
        Unique within the model.
    parameters
        Names of the parameters of the kernel: the axes of its table.
    widths
        At most two widths mΓ [eV²] that the kernel also depends on.
    kernel
        See `Kernel`; for a strength of 1.
    strength
        From the flavours of parent and daughter to what multiplies it; None where there is nothing.
    """

    name: str
    parameters: tuple[str, ...]
    widths: tuple[Quantity, ...]
    kernel: Kernel
    strength: Callable[[str, str], Quantity | None]


@dataclass(frozen=True)
class Channel:
    """Parents of one kind in a beam, and daughters that are seen.

    Parameters
    ----------
    source, target
        Flavours: ``e``, ``mu`` or ``tau``.
    opposite
        Whether one is a neutrino and the other an antineutrino.
    flux
        Parents in each cell, in any unit, shape (parents,).
    events
        Events per daughter in each cell and signal bin, over that unit, shape (daughters, bins).
    """

    source: str
    target: str
    opposite: bool
    flux: np.ndarray
    events: np.ndarray


@dataclass(frozen=True)
class Beam:
    """Neutrinos that fly the same way to a detector, or to one part of it.

    Parameters
    ----------
    energy, length
        Mean energy [MeV] and length of flight [m] of each cell of parents, shape (parents,).
    edges
        Of the cells of daughters' energy [MeV], ascending, shape (daughters + 1,).
    channels
        What is in it.
    """

    energy: np.ndarray
    length: np.ndarray
    edges: np.ndarray
    channels: tuple[Channel, ...]


def bind(model: Sequence[Transfer], beams: Sequence[Beam], bins: int) -> Prediction:
    """Join a model's kernels to an experiment's beams.

    Parameters
    ----------
    model
        All are summed.
    beams
        Summed as well.
    bins
        Number of signal bins.
    """
    scale = _scale(beams)
    pairs = dict.fromkeys((c.source, c.target) for beam in beams for c in beam.channels)
    terms = []
    for transfer in model:
        found = {pair: strength for pair in pairs if (strength := transfer.strength(*pair)) is not None}
        table = _table(transfer, list(found), beams, scale, bins)
        for i, strength in enumerate(found.values()):
            terms.append(lifetimes.Term(strength, transfer.widths, scale, table, i * bins))
    return lifetimes.prediction(terms)


def _scale(beams: Sequence[Beam]) -> float:
    """Width [eV²] of a decay length that is typical: of mean E/L, each parent with the events of a flat daughter."""
    total, moment = [], []
    for beam in beams:
        exponent = np.array([decay_exponent(1.0, *of) for of in zip(beam.length, beam.energy, strict=True)])
        for channel in beam.channels:
            below = np.cumsum(np.append(0.0, _row_sums(channel.events)))
            seen = channel.flux * below[np.searchsorted(beam.edges[1:], beam.energy)] / beam.energy
            total.append(math.fsum(seen.tolist()))
            moment.append(math.fsum((seen / exponent).tolist()))
    return math.fsum(moment) / math.fsum(total)


def _row_sums(events: np.ndarray) -> np.ndarray:
    return np.array([math.fsum(row) for row in events.tolist()])


def _table(
    transfer: Transfer, pairs: Sequence[tuple[str, str]], beams: Sequence[Beam], scale: float, bins: int
) -> Table:
    """The table of a transfer, over its parameters and the nodes of its widths: the bins of each pair of flavours."""
    shape = (*(lifetimes.NODES,) * len(transfer.widths), len(pairs) * bins)
    widths = np.array(list(itertools.product(lifetimes.nodes(scale), repeat=len(transfer.widths))))
    chosen = [(b, [(pairs.index(of), c) for c in b.channels if (of := (c.source, c.target)) in pairs]) for b in beams]

    def build(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        entries = np.zeros((len(values), len(widths), len(pairs), bins))
        for row, out in zip(values, entries, strict=True):
            for at, template in zip(widths, out, strict=True):
                for beam, channels in chosen:
                    kernels = transfer.kernel(row, at, beam.energy, beam.length, beam.edges)
                    for pair, c in channels:
                        _fold(c.flux, kernels[c.opposite], c.events, template[pair])
        status = np.where(np.isfinite(entries).all(axis=(1, 2, 3)), Status.ok, Status.not_converged)
        return entries.reshape(len(values), *shape), status.astype(np.uint8)

    inputs: list[np.ndarray] = [np.array([scale])]
    for beam, channels in chosen:
        inputs += [beam.energy, beam.length, beam.edges]
        inputs += [of for pair, c in channels for of in (np.array([pair, c.opposite]), c.flux, c.events)]
    return Table(transfer.name, transfer.parameters, shape, build, tuple(inputs))


@kernel(types.void(INPUT, INPUT_MATRIX, INPUT_MATRIX, types.float64[::1]))
def _fold(flux, matrix, events, out):  # type: ignore[no-untyped-def]
    """Add Σ flux · matrix · events to the bins."""
    daughters = np.zeros(events.shape[0])
    for p in range(flux.size):
        if flux[p] != 0:
            for d in range(daughters.size):
                daughters[d] += flux[p] * matrix[p, d]
    for d in range(daughters.size):
        for b in range(out.size):
            out[b] += daughters[d] * events[d, b]
