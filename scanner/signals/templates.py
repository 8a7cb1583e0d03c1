"""Signals that are sums of templates: amplitudes of couplings, times what each bin would have for one of 1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scanner.physics.kernel import kernel
from scanner.signals.base import Prediction, Table
from scanner.signals.monomials import fill_monomials, pack_monomials
from scanner.vocabulary import Monomial


def prediction(amplitudes: Sequence[Sequence[Monomial]], tables: Sequence[Table]) -> Prediction:
    """Return the sum of templates.

    Parameters
    ----------
    amplitudes
        Of each template, a sum of monomials in the model's parameters.
    tables
        Of each template, with entries of shape (bins,).
    """
    monomials = [(i, m) for i, amplitude in enumerate(amplitudes) for m in amplitude]
    parameters = tuple(dict.fromkeys(name for _, m in monomials for name in m.powers))
    packed = pack_monomials([m for _, m in monomials], parameters)
    table_of = [i for i, _ in monomials]

    def add(
        values: np.ndarray,
        nodes: tuple[np.ndarray, ...],
        tables: tuple[np.ndarray, ...],
        signal: np.ndarray,
    ) -> None:
        factors = np.empty((len(monomials), signal.shape[0]))
        fill_monomials(values, *packed, factors)
        for factor, t in zip(factors, table_of, strict=True):
            _add_term(factor, nodes[t], tables[t], signal)

    return Prediction(parameters, tuple(tables), add)


@kernel("void(f8[::1], i8[::1], f8[:, ::1], f8[:, ::1])")
def _add_term(amplitude, nodes, template, signal):  # type: ignore[no-untyped-def]
    """Add amplitude · template[node] to the signal of every point."""
    for point in range(signal.shape[0]):
        node = nodes[point]
        for b in range(signal.shape[1]):
            signal[point, b] += amplitude[point] * template[node, b]
