"""Templates that depend on lifetimes, where a lifetime follows from several parameters of a model.

A width mΓ [eV²] joins masses and couplings, so that its axes would be all of theirs. What an experiment sees depends on
the width alone, smoothly: a table lies on NODES of u = w/(w + scale), from 0 (no decay) to 1 (all decay at once), and
a point interpolates. What decays make is 0 and analytic at u = 0 and flat at u = 1, so that nothing is extrapolated and
a cubic is good to 2e-4 of the events themselves, however few these are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numba import types

from scanner.physics.kernel import INPUT, INPUT_CUBE, INPUT_MATRIX, kernel
from scanner.signals.base import Prediction, Table
from scanner.signals.monomials import fill_monomials, pack_monomials
from scanner.vocabulary import Monomial

NODES = 33
"""Of a width."""

_f8, _i8 = types.float64, types.int64


@dataclass(frozen=True)
class Quantity:
    """A number that follows from several parameters of a model.

    Parameters
    ----------
    parameters
        Their names.
    value
        From their values, shape (len(parameters), points), to the number, shape (points,); + − · / and √ alone, whose
        bits are the same everywhere.
    """

    parameters: tuple[str, ...]
    value: Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Term:
    """A template times its strength.

    Parameters
    ----------
    strength
        Of the template.
    widths
        The widths mΓ [eV²] that it depends on, at most two; they must not be negative.
    scale
        Of their nodes [eV²].
    table
        Entries of shape (*(NODES,) * len(widths), columns).
    column
        Of the first bin: templates that cost the same to make may share a table.
    """

    strength: Quantity
    widths: tuple[Quantity, ...]
    scale: float
    table: Table
    column: int = 0


def nodes(scale: float) -> np.ndarray:
    """Return the widths of the nodes [unit of scale], 0 first and infinity last."""
    u = np.arange(NODES - 1) / (NODES - 1)
    return np.append(scale * u / (1 - u), np.inf)


def sum_of(monomials: Sequence[Monomial]) -> Quantity:
    """Return a sum of monomials."""
    names = tuple(dict.fromkeys(name for m in monomials for name in m.powers))
    packed = pack_monomials(monomials, names)

    def value(values: np.ndarray) -> np.ndarray:
        each = np.empty((len(monomials), values.shape[1]))
        fill_monomials(np.ascontiguousarray(values), *packed, each)
        return np.asarray(each.sum(axis=0))

    return Quantity(names, value)


def prediction(terms: Sequence[Term]) -> Prediction:
    """Return the sum of terms."""
    needed = [q for term in terms for q in (term.strength, *term.widths)]
    parameters = tuple(dict.fromkeys(name for q in needed for name in q.parameters))
    unique = {id(term.table): term.table for term in terms}
    table_of = [list(unique).index(id(term.table)) for term in terms]

    def add(
        values: np.ndarray, nodes: tuple[np.ndarray, ...], tables: tuple[np.ndarray, ...], signal: np.ndarray
    ) -> None:
        points = signal.shape[0]
        known: dict[int, np.ndarray] = {}

        def found(of: Quantity) -> np.ndarray:
            if id(of) not in known:
                rows = values[[parameters.index(name) for name in of.parameters]]
                known[id(of)] = np.ascontiguousarray(np.broadcast_to(of.value(rows), points))
            return known[id(of)]

        for term, number in zip(terms, table_of, strict=True):
            at = np.empty((len(term.widths), points))
            for row, of in zip(at, term.widths, strict=True):
                width = found(of)
                row[:] = (NODES - 1) * (width / (width + term.scale))
            table = tables[number]
            flat = table.reshape(table.shape[0], -1, table.shape[-1])
            _add(found(term.strength), at, nodes[number], flat, term.column, signal)

    return Prediction(parameters, tuple(unique.values()), add)


@kernel(_i8(_f8, types.float64[::1]))
def _cubic(at, weights):  # type: ignore[no-untyped-def]
    """Fill Lagrange's weights of four nodes about a place in units of their distance; return the first of them."""
    node = min(max(int(at) - 1, 0), NODES - 4)
    x = at - node
    weights[0] = -(x - 1) * (x - 2) * (x - 3) / 6
    weights[1] = x * (x - 2) * (x - 3) / 2
    weights[2] = -x * (x - 1) * (x - 3) / 2
    weights[3] = x * (x - 1) * (x - 2) / 6
    return node


@kernel(types.void(INPUT, INPUT_MATRIX, types.int64[::1], INPUT_CUBE, _i8, types.float64[:, ::1]))
def _add(strength, at, nodes, table, column, signal):  # type: ignore[no-untyped-def]
    """Add strength · template, interpolated in the widths, to the signal of every point."""
    widths, bins = at.shape[0], signal.shape[1]
    first, second = np.empty(4), np.empty(4)
    i = 0
    for point in range(signal.shape[0]):
        size, node = strength[point], nodes[point]
        if size == 0:
            continue
        if widths == 0:
            for k in range(bins):
                signal[point, k] += size * table[node, 0, column + k]
            continue
        row = _cubic(at[widths - 1, point], second)
        if widths == 2:
            i = _cubic(at[0, point], first)
        for a in range(4 if widths == 2 else 1):
            scaled = size * first[a] if widths == 2 else size
            start = row + (i + a) * NODES if widths == 2 else row
            w0, w1, w2, w3 = scaled * second[0], scaled * second[1], scaled * second[2], scaled * second[3]
            for k in range(bins):
                # Four rows at once: the signal is read and written a quarter as often.
                signal[point, k] += (w0 * table[node, start, column + k] + w1 * table[node, start + 1, column + k]) + (
                    w2 * table[node, start + 2, column + k] + w3 * table[node, start + 3, column + k]
                )
