"""Heavy neutrinos made up for the tests of searches, and searches evaluated at one point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np

from scanner import registry
from scanner.errors import Status
from scanner.signals.heavy_neutrino import OTHER, Channel, Coupling, HeavyNeutrino, State
from scanner.vocabulary import Monomial

HNL: HeavyNeutrino = registry.model("hnl").signals["published_bound"][0]
"""N with mixing alone."""

DARK = {"m_N": 0.1, "nature": 0.0, "Ue4_sq": 0.0, "Umu4_sq": 0.0, "Utau4_sq": 0.0, "gamma": 0.0}
"""Parameters of `dark`."""


def dark(*channels: Channel) -> HeavyNeutrino:
    """N with mixing and one more width, ``gamma`` [GeV], shared equally by some channels."""
    share = 1 / len(channels)

    def widths(values: np.ndarray) -> np.ndarray:
        weak = HNL.widths(values)
        rows = np.zeros((len(weak) + 1, weak.shape[1] + len(channels)))
        rows[:-1, : weak.shape[1]] = weak
        rows[-1, weak.shape[1] :] = share
        return rows

    return replace(
        HNL,
        couplings=(*HNL.couplings, Coupling(Monomial(1.0, {"gamma": 1}), OTHER)),
        channels=(*HNL.channels, *channels),
        widths=widths,
    )


def with_dipole() -> HeavyNeutrino:
    """N that a transition dipole makes and lets decay, to νγ alone; Γ = |μ_tr|² m³/16π for Dirac."""
    names = ("mu_tr_e", "mu_tr_mu", "mu_tr_tau")
    dipoles = tuple(Monomial(1.0, {name: 2}) for name in names)

    def widths(values: np.ndarray) -> np.ndarray:
        return np.full((3, 1), (1 + values[1]) * values[0] ** 3 / (16 * np.pi))

    return HeavyNeutrino(
        state_parameters=("m_N", "nature"),
        state=lambda values: State(float(values[0]), majorana=bool(values[1])),
        mixings=HNL.mixings,
        width_parameters=("m_N", "nature"),
        couplings=tuple(Coupling(monomial, flavour) for flavour, monomial in enumerate(dipoles)),
        channels=(Channel("nu_gamma", "nu_gamma"),),
        widths=widths,
        dipoles=dipoles,  # type: ignore[arg-type]
    )


def evaluate(
    signal: ModuleType, states: HeavyNeutrino | Sequence[HeavyNeutrino], responses: Sequence[Any], **params: float
) -> tuple[float, Status]:
    """Return the events of a search at one point, and the worst status of its tables."""
    several = (states,) if isinstance(states, HeavyNeutrino) else tuple(states)
    prediction = signal.bind(several, responses, 1)
    built = [table.build(np.array([[params[name] for name in table.parameters]])) for table in prediction.tables]
    values = np.array([[params[name]] for name in prediction.parameters])
    out = np.zeros((1, 1))
    nodes = tuple(np.zeros(1, dtype=np.int64) for _ in built)
    prediction.add(values, nodes, tuple(entries for entries, _ in built), out)
    return float(out[0, 0]), Status(max(int(status[0]) for _, status in built))


def events(
    signal: ModuleType, states: HeavyNeutrino | Sequence[HeavyNeutrino], responses: Sequence[Any], **params: float
) -> float:
    """Return the events of a search at one point, where all is well."""
    found, status = evaluate(signal, states, responses, **params)
    assert status == Status.ok
    return found
