"""The table of a heavy neutrino's widths, folded with what a search sees of them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from scanner.errors import Status
from scanner.signals.base import Table
from scanner.signals.heavy_neutrino import HeavyNeutrino, State


def rates_table(
    name: str,
    state: HeavyNeutrino,
    columns: int,
    makes: Callable[[State], bool],
    seen: Callable[[State, np.ndarray], np.ndarray],
    inputs: tuple[np.ndarray, ...],
) -> Table:
    """Return the table whose entries are, for each coupling, the total width and what `seen` makes of the widths.

    Parameters
    ----------
    name, inputs
        As of `Table`.
    state
        The heavy neutrino.
    columns
        Of `seen`.
    makes
        Whether the search makes N at all; where not, widths may be unknown, and the entries are 0.
    seen
        From the state and its widths, shape (couplings, channels), to shape (couplings, columns).
    """
    parameters = tuple(dict.fromkeys((*state.width_parameters, *state.state_parameters)))
    width_columns = [parameters.index(p) for p in state.width_parameters]
    state_columns = [parameters.index(p) for p in state.state_parameters]
    shape = (len(state.couplings), 1 + columns)

    def entry(row: np.ndarray, out: np.ndarray) -> Status:
        found = state.state(row[state_columns])
        if math.isnan(found.mass):
            return Status.not_converged
        if not makes(found):
            return Status.ok
        widths = state.widths_at(row[width_columns])
        out[:, 0] = [math.fsum(of) for of in widths]
        out[:, 1:] = seen(found, widths)
        if np.isfinite(out).all():
            return Status.ok
        out[:] = 0.0
        return Status.not_converged

    def build(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        entries = np.zeros((len(values), *shape))
        status = [entry(row, out) for row, out in zip(values, entries, strict=True)]
        return entries, np.array(status, dtype=np.uint8)

    return Table(name, parameters, shape, build, inputs)
