"""NA62's searches for K⁺ → π⁻ l⁺ l'⁺ against the published limits, and against the chain of decays done by scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, optimize, stats

import scanner
from scanner import registry
from scanner.experiments.lnv_kaon import LENGTH
from scanner.physics.heavy_neutrino_decays import weak_widths
from scanner.physics.particles import MASS
from scanner.units import HBARC_GEV_FM

HBARC = HBARC_GEV_FM * 1e-15
PUBLISHED = {"lnv_kaon": 4.2e-11, "lnv_kaon_ee": 5.3e-11, "lnv_kaon_emu": 4.2e-11}
"""Limits at 90 % CL; in the summary tables of the PDG (2024) too."""
PICOSECOND = 299792458e-12
"""[m]."""


def sensitivity(name: str) -> float:
    """Branching ratio for one event, as the signal's response holds it."""
    return float(registry.experiment(name).signals["lepton_number_violation"].inputs[0][0])


@pytest.mark.parametrize(("name", "limit"), PUBLISHED.items())
def test_counts_give_the_published_limit(name: str, limit: float) -> None:
    """CLs with the sensitivity, the events seen and the background."""
    found = registry.experiment(name)
    seen, background = found.data[0], found.background[0]

    def excess(signal: float) -> float:
        return float(stats.poisson.cdf(seen, signal + background) / stats.poisson.cdf(seen, background)) - 0.1

    events = optimize.brentq(excess, 0.1, 20)
    assert events * sensitivity(name) == pytest.approx(limit, rel=0.015, abs=0)  # published to two digits


def test_nothing_seen_is_twice_the_signal() -> None:
    chi2, gof = np.empty(2), np.empty(2)
    registry.experiment("lnv_kaon_ee").likelihood(np.array([[0.0], [math.log(10)]]), chi2, gof)
    assert chi2[1] - chi2[0] == pytest.approx(2 * math.log(10), rel=1e-12)


def produced(m_N: float, lepton: str) -> float:
    """K⁺ → l⁺ N for |U|² = 1: Shrock's ratio to the measured decay into a light neutrino."""
    y_l, y_N = (MASS[lepton] / MASS["K"]) ** 2, (m_N / MASS["K"]) ** 2
    root = math.sqrt(1 + y_l**2 + y_N**2 - 2 * (y_l + y_N + y_l * y_N))
    measured = {"e": 1.582e-5, "mu": 0.6356}[lepton]
    return measured * (y_l + y_N - (y_l - y_N) ** 2) * root / (y_l * (1 - y_l) ** 2)


def flown(m_N: float, lepton: str, total: float, length: float) -> float:
    """Mean probability to decay within a length, over the directions of N in the rest frame of the kaon."""
    M, m_l = MASS["K"], MASS[lepton]
    energy, gamma = (M**2 + m_N**2 - m_l**2) / (2 * M), math.hypot(75, M) / M
    p = math.sqrt(energy**2 - m_N**2)

    def inside(cosine: float) -> float:
        lab = gamma * energy + 75 / M * p * cosine
        return 0.5 * -math.expm1(-length * total * m_N / (math.sqrt(lab**2 - m_N**2) * HBARC))

    return float(integrate.quad(inside, -1, 1, epsrel=1e-10)[0])


@pytest.mark.parametrize("name", PUBLISHED)
@pytest.mark.parametrize("m_N", [0.15, 0.25, 0.33, 0.38, 0.45])
@pytest.mark.parametrize("scale", [1e-12, 1e-5, 1.0])
def test_against_the_chain_of_decays(name: str, m_N: float, scale: float) -> None:
    mixings = {"e": 0.3 * scale, "mu": 0.6 * scale}
    widths = weak_widths(m_N)
    couplings = np.array([mixings["e"], mixings["mu"], 0.0])
    total = 2 * float(sum(width @ couplings for width in widths.values()))
    routes = {"lnv_kaon": [("mu", "mu_pi")], "lnv_kaon_ee": [("e", "e_pi")]}
    branching = 0.0
    for lepton, channel in routes.get(name, [("mu", "e_pi"), ("e", "mu_pi")]):
        if m_N < MASS["K"] - MASS[lepton]:
            violating = float(widths[channel] @ couplings) / total
            branching += mixings[lepton] * produced(m_N, lepton) * violating * flown(m_N, lepton, total, LENGTH)
    found = scanner.predict("hnl", name, m_N=m_N, Ue4_sq=mixings["e"], Umu4_sq=mixings["mu"], nature="majorana")
    assert found.status.item() == "ok"
    assert found.signal.item() * sensitivity(name) == pytest.approx(branching, rel=2e-5, abs=0)


def test_mean_over_directions() -> None:
    """The few nodes in energy do it: in the ratio to the long-lived limit neither constants nor widths are left."""
    for m_N, lepton, name in ((0.145, "e", "lnv_kaon_ee"), (0.3, "mu", "lnv_kaon"), (0.48, "e", "lnv_kaon_ee")):
        response = registry.experiment(name).signals["lepton_number_violation"]
        momentum, weight = response.spectrum(m_N)
        for total in (1e-20, 1e-16, 1e-15, 1e-14, 1e-12):
            found = weight[0] @ -np.expm1(-LENGTH * total * m_N / (momentum * HBARC)) / weight[0].sum()
            assert found == pytest.approx(flown(m_N, lepton, total, LENGTH), rel=1e-6, abs=0)


@pytest.mark.parametrize("m_N", [0.25, 0.3, 0.35, 0.38])
def test_lifetimes_as_na48_published_them(m_N: float) -> None:
    """NA48/2, 1612.04723: up to 100 ps limits on B(K → μ N) B(N → π μ) within 1e-11 to 1e-9, up to 10 ps the best."""
    limits = [4.2e-11 / flown(m_N, "mu", HBARC / (time * PICOSECOND), LENGTH) for time in (1e-3, 10, 100)]
    assert limits[0] == pytest.approx(4.2e-11, rel=1e-6, abs=0)
    assert limits[1] < 1.2 * limits[0]
    assert 1e-11 < limits[2] < 1e-9


def test_a_dirac_neutrino_is_never_seen() -> None:
    for name in PUBLISHED:
        assert scanner.predict("hnl", name, m_N=0.3, Ue4_sq=1e-2, Umu4_sq=1e-2).signal.item() == 0.0


def test_each_search_needs_its_own_mixings() -> None:
    def events(name: str, **mixings: float) -> float:
        return float(scanner.predict("hnl", name, m_N=0.3, nature="majorana", **mixings).signal.item())

    assert events("lnv_kaon", Ue4_sq=1e-3) == events("lnv_kaon_ee", Umu4_sq=1e-3) == 0.0
    assert events("lnv_kaon_emu", Ue4_sq=1e-3) == events("lnv_kaon_emu", Umu4_sq=1e-3) == 0.0
    assert events("lnv_kaon_emu", Ue4_sq=1e-3, Umu4_sq=1e-3) > 0


def test_they_may_be_summed() -> None:
    assert len(frozenset.union(*(registry.experiment(name).data_sets for name in PUBLISHED))) == 3
