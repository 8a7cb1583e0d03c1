"""JUNO and SK-Gd as projections: their targets and events against independent integrals, and how limits scale."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from scipy import optimize
from scipy.stats import norm

from scanner import registry
from scanner.experiments import solar_projections as projections
from scanner.experiments.base import Experiment
from scanner.experiments.solar_searches import Search, experiment
from scanner.physics.inverse_beta_decay import cross_section, positron_energy
from scanner.physics.solar import boron8
from scanner.signals.solar_antineutrinos import edges

JUNO, SKGD = projections.PROVIDES


def of_boron8(found: Experiment) -> np.ndarray:
    """Events in each bin of 1/(cm² s) with the spectrum of ⁸B."""
    return np.asarray(boron8().fraction @ found.signals["solar_antineutrinos"].events)


def limit(found: Experiment) -> float:
    """90 % limit of the flux [1/(cm² s)] of antineutrinos with the spectrum of ⁸B."""
    shape = of_boron8(found)

    def rise(flux: float) -> float:
        chi2, gof = np.empty(2), np.empty(2)
        found.likelihood(np.array([shape * flux, 0 * shape]), chi2, gof)
        return float(chi2[0] - chi2[1] - 2.706)

    return float(optimize.brentq(rise, 1e-3, 1e5))


@pytest.mark.parametrize("name", projections.PROVIDES)
def test_they_are_projections_and_see_what_they_expect(name: str) -> None:
    found = registry.experiment(name)
    assert found.projection
    np.testing.assert_array_equal(found.data, found.background)
    assert "projection" in found.title
    assert found.notes[1].startswith("a projection of 10 years")
    assert float(np.min(found.background)) > 0
    others = (registry.experiment(n) for n in ("solar_antineutrinos_superk", "solar_antineutrinos_borexino"))
    assert all(not (found.data_sets & other.data_sets) for other in others)


def test_targets() -> None:
    """JUNO's 20 kt have 1.44e33 free protons (from memory); water has 2 in 18.015."""
    assert projections.JUNO.protons * 20 / 17 == pytest.approx(1.44e33, rel=0.01)
    assert projections.SKGD.protons == pytest.approx(1.5e33, rel=0.01)
    for search in (projections.JUNO, projections.SKGD):
        assert search.time == pytest.approx(10 * 3.156e7, rel=1e-3)
    assert projections.SKGD.efficiency == pytest.approx(0.32, abs=0.005)


@pytest.mark.parametrize("name", projections.PROVIDES)
def test_events_by_an_independent_integral(name: str) -> None:
    """Each bin of ⁸B's spectrum, with isotropic positrons, whose energies follow from kinematics."""
    search: Search = {JUNO: projections.JUNO, SKGD: projections.SKGD}[name]
    found = registry.experiment(name)
    energy = np.linspace(4.0, 16.6, 300)
    flux = np.interp(energy, boron8().energy, boron8().fraction / 0.1) * cross_section(1e-3 * energy)
    cosine, weight = np.polynomial.legendre.leggauss(8)
    prompt = 1e3 * np.array([[positron_energy(1e-3 * e, c) for e in energy] for c in cosine]) + 0.511
    sigma = search.resolution * np.sqrt(prompt)

    def seen(low: float, high: float) -> float:
        chance = norm.cdf((high - prompt) / sigma) - norm.cdf((low - prompt) / sigma)
        return float(np.trapezoid(flux * (0.5 * weight @ chance), energy))

    exposure = search.protons * search.time * float(search.efficiency)
    shift = search.prompt
    low, high = (found.coordinates[key] + shift for key in ("E_low", "E_high"))
    expected = [exposure * seen(*edge) for edge in zip(low, high, strict=True)]
    assert of_boron8(found) == pytest.approx(expected, rel=0.02, abs=1e-3 * expected[0])


def test_antineutrinos_below_the_window_are_not_seen() -> None:
    """JUNO resolves 0.1 MeV: at 11.5 MeV of antineutrino, 10.7 MeV prompt, all but a percent are below its window."""
    events = registry.experiment(JUNO).signals["solar_antineutrinos"].events.sum(axis=1)
    centre = 0.5 * (edges()[1:] + edges()[:-1])
    exposure = projections.JUNO.protons * projections.JUNO.time * 0.5
    everything = exposure * cross_section(1e-3 * centre)
    assert events[np.searchsorted(centre, 11.2)] < 0.01 * everything[np.searchsorted(centre, 11.2)]
    assert events[np.searchsorted(centre, 14.0)] == pytest.approx(everything[np.searchsorted(centre, 14.0)], rel=1e-3)


def scaled(search: Search, background: np.ndarray, factor: float, found: Experiment) -> Experiment:
    energies = (found.coordinates["E_low"], found.coordinates["E_high"])
    return experiment("x", 1, dataclasses.replace(search, time=factor * search.time), energies, background)


@pytest.mark.parametrize(
    ("background", "power"), [(lambda b: 0 * b, 1.0), (lambda b: 1e4 * b, 0.5)], ids=["nothing", "much"]
)
def test_limits_scale_with_exposure(background: Callable[[np.ndarray], np.ndarray], power: float) -> None:
    """As 1/exposure without background, and its root with much of it and no errors."""
    found = registry.experiment(JUNO)
    search = dataclasses.replace(projections.JUNO, background_error=0.0, signal_error=0.0)
    once, often = (limit(scaled(search, background(factor * found.background), factor, found)) for factor in (1.0, 4.0))
    assert once / often == pytest.approx(4**power, rel=0.01)


def test_limits_of_boron8() -> None:
    """What docs/visible_decay.md quotes, each stronger than what was measured before in the same kind of detector."""
    measured = {name: limit(registry.experiment(f"solar_antineutrinos_{name}")) for name in ("kamland_2021", "superk")}
    juno, skgd = (limit(registry.experiment(name)) for name in projections.PROVIDES)
    assert juno == pytest.approx(45, rel=0.02)
    assert skgd == pytest.approx(750, rel=0.02)
    assert juno < measured["kamland_2021"]
    assert skgd < measured["superk"] / 3


def test_backgrounds_of_gadolinium_are_those_of_phase_iv() -> None:
    """All but accidental ones, per event of signal: nothing is gained but exposure and what accidentals cost."""
    old, new = registry.experiment("solar_antineutrinos_superk"), registry.experiment(SKGD)
    gained = of_boron8(new) / of_boron8(old)
    assert gained[0] > 20 > 5 > gained[2]  # phase IV kept 1.5 % in its first bin, 9 % above
    assert new.background == pytest.approx(gained * np.array([25.29, 10.95, 5.77, 2.71]), rel=0.005)
