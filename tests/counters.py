"""A model and experiments that exist in tests alone: counters, and the like, of a rate that is a parameter.

``counted`` has two rates `a` and `b`, each 0 to 1, and their sum must not exceed 1.5. Experiments see 15 events for
`a` = 1 (``poisson``, ``gaussian``, ``pulled``, ``square``) or for `b` = 1 (``other``).
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from scanner import registry
from scanner.experiments.base import Experiment
from scanner.likelihoods.gaussian_pulls import GaussianPulls
from scanner.likelihoods.limits import UpperLimit, two_sided_quantile
from scanner.likelihoods.poisson import Poisson
from scanner.models.base import Model
from scanner.registry import Provider
from scanner.signals.oscillation import OscillationResponse, OscillationTerm
from scanner.vocabulary import Constraint, Monomial, Parameter

MODEL = "counted"
EVENTS = 15.0
BACKGROUND = 3.0


class Square:
    """A likelihood that draws no pseudo-experiments."""

    statistic, number_of_data, constant = "(n - 3)^2", 1, 0.0

    def __call__(self, signal: np.ndarray, chi2: np.ndarray, gof: np.ndarray) -> None:
        chi2[:] = gof[:] = (signal[:, 0] - 3.0) ** 2


def _pulled(data: float) -> GaussianPulls:
    one = np.ones(1)
    return GaussianPulls(data * one, 3 * one, 4 * np.eye(1), 0.2 * np.eye(1), 0.3 * np.eye(1), ("flux",))


LIKELIHOODS: dict[str, tuple[str, Any]] = {
    "poisson": ("e", Poisson(np.array([4.0]), np.array([BACKGROUND]))),
    "gaussian": ("e", UpperLimit(two_sided_quantile(0.90), 0.90)),
    "pulled": ("e", _pulled(6.0)),
    "other": ("tau", _pulled(9.0)),
    "square": ("e", Square()),
}


def _experiment(name: str) -> Experiment:
    flavour, likelihood = LIKELIHOODS[name]
    one, first = np.ones(1), np.zeros(1, dtype=np.int64)
    channel = OscillationResponse("mu", flavour, False, first, EVENTS * one, one, 0 * one, 1.0, 10.0)
    return Experiment(
        name=name,
        version=1,
        title="A counter",
        signals={"oscillation": (channel,)},
        likelihood=likelihood,
        data=one,
        background=BACKGROUND * one,
        signal_bins=first,
        coordinates={},
        coordinate_units={},
        data_sets=frozenset({name}),
        references=(),
    )


def _terms(source: str, target: str, antineutrino: bool) -> tuple[OscillationTerm, ...]:
    return (OscillationTerm((Monomial(1.0, {"a" if target == "e" else "b": 1}),), "gap"),)


def _model(name: str) -> Model:
    # sin² of the phase is 1 at this gap, so that a rate is what its name says.
    parameters = (
        Parameter("gap", "eV^2", np.pi / 2, 0.0, 10.0),
        Parameter("a", "1", 0.0, 0.0, 1.0),
        Parameter("b", "1", 0.0, 0.0, 1.0),
    )
    constraints = (Constraint({"a": 1.0, "b": 1.0}, 1.5, "a + b ≤ 1.5"),)
    return Model(name, 1, "Rates", parameters, {"oscillation": _terms}, (), constraints=constraints)


def install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make them known, in this process alone."""
    for kind, names, load in (("models", [MODEL], _model), ("experiments", LIKELIHOODS, _experiment)):
        module = ModuleType(f"counters_{kind}")
        module.load = load  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
        for name in names:
            monkeypatch.setitem(registry.providers(kind), name, Provider(name, module.__name__, None))
