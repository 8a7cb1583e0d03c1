"""ν̄_e from μ⁺ that decay at rest, where a model makes them: no oscillation, and no dependence on L/E.

An experiment states what it would see if each ν̄_μ of such decays were a ν̄_e, in cells of x = 2E/m_μ; a model states the
spectrum of its ν̄_e. The signal is the ratio of the two spectra in each cell, times what the cell would have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scanner.errors import Status
from scanner.signals import templates
from scanner.signals.base import Prediction, Table
from scanner.vocabulary import Monomial

PROVIDES = ("muon_decay",)
VERSION = 1


@dataclass(frozen=True)
class MuonDecayTerm:
    """One term of the spectrum of ν̄_e, dN/dx = amplitude · x² Σ_n c_n xⁿ for each μ⁺.

    Parameters
    ----------
    amplitude
        Sum of monomials in the model's parameters.
    series
        c_n.
    """

    amplitude: tuple[Monomial, ...]
    series: tuple[float, ...]

    def ratio(self, x: np.ndarray) -> np.ndarray:
        """Return it, for an amplitude of one, over the spectrum of ν̄_μ, 2x²(3 − 2x).

        Parameters
        ----------
        x
            2E/m_μ, in [0, 1].
        """
        value: np.ndarray = np.zeros_like(x)
        for coefficient in reversed(self.series):
            value = value * x + coefficient
        ratio: np.ndarray = value / (2 * (3 - 2 * x))
        return ratio


@dataclass(frozen=True)
class MuonDecayResponse:
    """What an experiment supplies: its events if all ν̄_μ from μ⁺ at rest were ν̄_e, in cells of x.

    Parameters
    ----------
    bin
        Signal bin of each cell, int64 of shape (cells,).
    weight
        Events in each cell, shape (cells,).
    x
        Mean of 2E/m_μ in each cell, shape (cells,). Ratios of spectra are smooth: some forty cells a bin are plenty.
    """

    bin: np.ndarray
    weight: np.ndarray
    x: np.ndarray


def bind(model: Sequence[MuonDecayTerm], response: MuonDecayResponse, bins: int) -> Prediction:
    """Join a model's spectrum to an experiment.

    Parameters
    ----------
    model
        The terms of the spectrum.
    response
        The experiment's response.
    bins
        Number of signal bins.
    """
    tables = tuple(_template(i, term, response, bins) for i, term in enumerate(model))
    return templates.prediction([term.amplitude for term in model], tables)


def _template(number: int, term: MuonDecayTerm, response: MuonDecayResponse, bins: int) -> Table:
    def build(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        entry = np.bincount(response.bin, response.weight * term.ratio(response.x), minlength=bins)
        return np.tile(entry, (len(values), 1)), np.full(len(values), Status.ok, dtype=np.uint8)

    inputs = (response.bin, response.weight, response.x, np.array(term.series))
    return Table(f"{number}_spectrum", (), (bins,), build, inputs)
