"""What every experiment is: a data set with its bins, its responses to signals, and its likelihood."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scanner.likelihoods.base import Likelihood, shared_nuisances
from scanner.vocabulary import Reference


@dataclass(frozen=True)
class Experiment:
    """A data set with its beam, detector, data and likelihood.

    Parameters
    ----------
    name
        Its name in scan files.
    version
        Raised whenever a prediction changes; part of a store's identity.
    title
        One line.
    signals
        What it supplies to each signal, by the signal's name.
    likelihood
        From the signal in its signal bins to −2 ln L.
    data, background
        Observed events and expected background in all bins, shape (bins,).
    signal_bins
        Which of the bins may hold signal; the likelihood takes the signal of these, in this order.
    coordinates
        Labels of the bins by name, each of shape (bins,), with units in `coordinate_units`.
    data_sets
        Identity of the data; two experiments that share one must not be summed.
    references
        Publications and releases.
    notes
        What users must know: approximations, what the release lacks, validity.
    from_curve
        Whether it is known from a published limit curve, not from its data.
    projection
        Whether nothing was measured yet: `data` is then what it expects to see without a signal.
    correlated
        Other experiments with which it has a covariance in common, so that they must not be summed: by name, the
        experiment that combines the two.
    negligible
        Signals that it does not supply because they leave nothing in it that counts; see `Model.together`.
    """

    name: str
    version: int
    title: str
    signals: Mapping[str, Any]
    likelihood: Likelihood
    data: np.ndarray
    background: np.ndarray
    signal_bins: np.ndarray
    coordinates: Mapping[str, np.ndarray]
    coordinate_units: Mapping[str, str]
    data_sets: frozenset[str]
    references: tuple[Reference, ...]
    notes: tuple[str, ...] = field(default=())
    from_curve: bool = False
    projection: bool = False
    correlated: Mapping[str, str] = field(default_factory=dict)
    negligible: frozenset[str] = frozenset()

    def attributes(self) -> dict[str, Any]:
        """Return what a cube records of this experiment, as plain JSON types."""
        return {
            "title": self.title,
            "physics_version": self.version,
            "statistic": self.likelihood.statistic,
            "constant": self.likelihood.constant,
            # A counting search that sees nothing excludes 2.303 events at 90 %: the Δχ² of two degrees of freedom.
            "limit_dof": getattr(self.likelihood, "limit_dof", 2),
            "from_curve": self.from_curve,
            "projection": self.projection,
            "number_of_data": self.likelihood.number_of_data,
            "nuisances": list(shared_nuisances(self.likelihood)),
            "counts": getattr(self.likelihood, "counts", None),
            "correlated": dict(self.correlated),
            "data_sets": sorted(self.data_sets),
            "references": [str(reference) for reference in self.references],
            "notes": list(self.notes),
        }
