"""What every likelihood is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import numpy as np

from scanner.errors import InputError


class Likelihood(Protocol):
    """Anything that turns signals into −2 ln L."""

    @property
    def statistic(self) -> str:
        """One line that says what ``chi2`` is."""

    @property
    def number_of_data(self) -> int:
        """Number of data bins."""

    @property
    def constant(self) -> float:
        """What ``chi2`` lacks of the full −2 ln L [dimensionless]."""

    def __call__(self, signal: np.ndarray, chi2: np.ndarray, gof: np.ndarray) -> None:
        """Fill `chi2` and `gof`, shape (points,), from `signal`, shape (points, signal bins)."""

    def toy(self, signal: np.ndarray, generator: np.random.Generator) -> Likelihood:
        """Return the same likelihood of a pseudo-experiment, in which `signal` is true.

        Data are drawn at the prediction, and measured central values of the nuisance parameters about the values
        that fit the real data best at that signal: what Feldman and Cousins' construction takes for true.

        Parameters
        ----------
        signal
            Events, shape (signal bins,).
        generator
            Source of all random numbers.
        """


class Pull(NamedTuple):
    """A nuisance parameter of a pseudo-experiment [standard deviations]."""

    value: float
    """True."""
    centre: float
    """Measured."""


class PulledLikelihood(Likelihood, Protocol):
    """A likelihood with named nuisance parameters, which other experiments may share.

    Where it is summed with none of these, ``chi2`` is all there is: the minimum over its nuisance parameters, with
    their penalties. See `scanner.likelihoods.pulls` for the sum with others.
    """

    @property
    def nuisances(self) -> tuple[str, ...]:
        """Their names; each is a unit Gaussian about 0."""

    def pull_terms(self, signal: np.ndarray, out: np.ndarray) -> None:
        """Fill `out`, shape (points, number_of_terms(k)), with −2 ln L in them, without their penalties."""

    def toy(
        self, signal: np.ndarray, generator: np.random.Generator, pulls: Mapping[str, Pull] | None = None
    ) -> PulledLikelihood:
        """Return a pseudo-experiment. See `Likelihood.toy`.

        Parameters
        ----------
        signal, generator
            As there.
        pulls
            Nuisance parameters by name that were drawn for all pseudo-experiments that share them, true at the best
            fit of their sum (`scanner.likelihoods.pulls.best_pulls`): all of its own, or else none, which are then
            drawn here. Terms are in the difference from the measured values, so that the sum of pseudo-experiments
            is taken as that of real data.
        """


def shared_nuisances(likelihood: Likelihood) -> tuple[str, ...]:
    """Return the names of the nuisance parameters that a sum with others has to minimise jointly."""
    return tuple(getattr(likelihood, "nuisances", ())) if getattr(likelihood, "shared", True) else ()


def checked_truth(signal: np.ndarray, bins: int, most: float = np.inf, least: float = 0.0) -> np.ndarray:
    """Return the signal of a pseudo-experiment, contiguous.

    Raises
    ------
    InputError
        For another shape than (bins,), or events that are not between `least` and `most`.
    """
    if signal.shape != (bins,):
        raise InputError("signal", "a pseudo-experiment needs one number a signal bin", signal.shape, f"({bins},)")
    if not np.all((signal >= least) & (signal <= most) & np.isfinite(signal)):
        hint = "draw pseudo-experiments only at points whose status is ok"
        raise InputError("signal", "no pseudo-experiment can be drawn", signal.tolist(), f"{least:g} to {most:g}", hint)
    return np.ascontiguousarray(signal, dtype=np.float64)
