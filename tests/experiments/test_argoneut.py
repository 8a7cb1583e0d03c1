"""ArgoNeuT's recast against its published region, both edges; N of D_s → τ → N against a Monte Carlo.

Extracts of 2106.13684 (``Utau4_argoneut``), as digitised by the compilation in ``shared/data/hnl_limits``.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hnl_recasts import events, leptonic_widths, limit, upper_edge

from scanner import predict, registry
from scanner.experiments import argoneut, fermilab
from scanner.physics.bundle import daughters
from scanner.physics.heavy_neutrino_modes import PRODUCTION_INPUTS
from scanner.physics.heavy_neutrino_production import two_body_momentum
from scanner.physics.meson_production import CHARM_FALL, CHARM_SLOPE
from scanner.physics.particles import MASS

LOWER = {  # m_N [GeV]: |U_tau4|^2, Dirac
    0.32183372: 0.05538262,
    0.4013986: 0.013796186,
    0.50582751: 0.0041617607,
    0.61460762: 0.0016114948,
    0.68236208: 0.00098622476,
    0.7998446: 0.00047413675,
    0.8968143: 0.0002975048,
    0.95586636: 0.00028776379,
}
UPPER = {
    0.48158508: 0.68381679,
    0.55742036: 0.27147819,
    0.65003885: 0.10424909,
    0.72773893: 0.044236742,
    0.80606061: 0.017272269,
}


@pytest.mark.parametrize(("mass", "published"), LOWER.items())
def test_lower_edge(mass: float, published: float) -> None:
    """Fixed at 0.336 and 0.900 GeV; within 16 % in between."""
    assert limit("argoneut", mass, 2) == pytest.approx(published, rel=0.16)


@pytest.mark.parametrize(("mass", "published"), UPPER.items())
def test_upper_edge_is_that_of_leptonic_decays_alone(mass: float, published: float) -> None:
    """The published one is explained by the width without hadrons; with them, N does not get that far."""
    assert upper_edge("argoneut", mass, 2, leptonic_widths(mass)) == pytest.approx(published, rel=0.25)
    assert limit("argoneut", mass, 2) < upper_edge("argoneut", mass, 2) < 0.3 * published


def test_the_engine_predicts_the_sum() -> None:
    for square in (1e-7, 1e-3, 1e-2):
        found = predict("hnl", "argoneut", m_N=0.7, Utau4_sq=square, Umu4_sq=1e-9)
        expected = events("argoneut", 0.7, (0.0, 1e-9, square))
        assert expected.sum() > 0
        np.testing.assert_allclose(found["signal"], expected, rtol=5e-4)


def test_only_tau_flavour_and_the_masses_of_the_search() -> None:
    assert not events("argoneut", 0.5, (1e-3, 1e-3, 0.0)).any()
    assert not events("argoneut", 0.25, (0.0, 0.0, 1e-2)).any()
    assert not events("argoneut", 1.0, (0.0, 0.0, 1e-3)).any()


def test_zero_seen_is_the_deviance_of_the_signal() -> None:
    found = predict("hnl", "argoneut", m_N=0.6, Utau4_sq=2e-3)
    events_, sigma = float(found["events"]), registry.experiment("argoneut").likelihood.signal_error
    thetas = np.linspace(-3, 3, 60001)
    assert float(found["chi2"]) == pytest.approx((2 * events_ * np.exp(sigma * thetas) + thetas**2).min(), rel=1e-6)


def test_strange_charm_of_the_published_study() -> None:
    """1905.00284: (2.8 ± 0.2)e-6 D_s a proton."""
    assert pytest.approx(2.8e-6, rel=0.01) == fermilab.STRANGE_CHARM


def boosted(rng, parents, parent, mass, rest):
    """Momenta of one daughter of each parent, decaying at random; arrays of shape (3, n)."""
    number = parents.shape[1]
    cosine, phi = rng.uniform(-1, 1, number), rng.uniform(0, 2 * math.pi, number)
    sine = np.sqrt(1 - cosine**2)
    inner = rest * np.array([sine * np.cos(phi), sine * np.sin(phi), cosine])
    energy = np.sqrt((parents**2).sum(0) + parent**2)
    projected = (inner * parents).sum(0) / parent
    return inner + parents / parent * (math.hypot(rest, mass) + projected / (1 + energy / parent))


@pytest.mark.parametrize("mass", [0.3, 1.2])
def test_tau_chain_against_a_monte_carlo(mass: float) -> None:
    """D_s of 120 GeV protons → τ ν, τ → π N: N per sr within 6 mrad, and their slowness."""
    rng, number = np.random.default_rng(12), 1_500_000
    strange, tau = MASS["Ds"], MASS["tau"]
    energy = math.hypot(120.0, MASS["p"]) + MASS["p"]
    root = math.sqrt(energy**2 - 120.0**2)
    x = (1 - rng.random(number) ** (1 / (CHARM_FALL + 1))) * rng.choice([-1, 1], number)
    across = np.sqrt(rng.exponential(1 / CHARM_SLOPE, number))
    inner = np.sqrt(strange**2 + across**2 + (0.5 * root * x) ** 2)
    made = np.array([across, np.zeros(number), (energy * 0.5 * root * x + 120.0 * inner) / root])
    made = boosted(rng, made, strange, tau, two_body_momentum(strange, tau, 0.0))
    rest = two_body_momentum(tau, MASS["pi"], mass)
    made = boosted(rng, made, tau, mass, rest)
    p = np.sqrt((made**2).sum(0))
    inside = made[2] / p > math.cos(0.006)
    solid = 2 * math.pi * (1 - math.cos(0.006))
    found = daughters(fermilab.charm()["tau"], mass, np.array([rest]), np.ones(1), argoneut.GRID)
    assert found.sum() == pytest.approx(PRODUCTION_INPUTS.Ds_tau * inside.mean() / solid, rel=0.05)
    slowness = (1 / p[inside]).sum() / number / solid
    assert (found / argoneut.GRID).sum() == pytest.approx(PRODUCTION_INPUTS.Ds_tau * slowness, rel=0.05)
