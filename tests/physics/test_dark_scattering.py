"""φ A → γ A and χ A → χ′ A against traces of Dirac matrices, explicit kinematics, and the Primakoff effect."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad

from scanner.physics.dark_scattering import (
    PARTNER,
    PHOTON,
    density,
    momentum_transfers,
    scattered,
)
from scanner.physics.upscattering import VECTOR, differential, response, target
from scanner.units import ALPHA_EM
from tests.dirac import GAMMA, METRIC, SIGMA, tensor

CARBON = 11.17793

POINTS = [(0.6, 0.02, 0.3), (0.25, 0.05, 0.7), (1.5, 0.001, 0.4)]
"""Energies, masses of φ or χ, and where Q² is between its limits, in its logarithm."""


def kinematics(E: float, Q2: float, before: float, after: float, M: float) -> tuple[np.ndarray, ...]:
    """Momenta p, P → k, P′ with P at rest."""
    momentum, energy = math.sqrt(E**2 - before**2), E - Q2 / (2 * M)
    out = math.sqrt(energy**2 - after**2)
    c = (2 * E * energy - before**2 - after**2 - Q2) / (2 * momentum * out)
    p, P = np.array([E, 0, 0, momentum]), np.array([M, 0, 0, 0.0])
    k = np.array([energy, out * math.sqrt(1 - c * c), 0, out * c])
    return p, P, k, p + P - k


def nucleon(p: np.ndarray, P: np.ndarray, k: np.ndarray, F1: float, F2: float, M: float) -> np.ndarray:
    """Tensor of the current of a target, averaged over its spin."""
    q = METRIC @ (p - k)
    current = [F1 * GAMMA[i] + F2 / (2 * M) * 1j * sum(SIGMA[i][j] * q[j] for j in range(4)) for i in range(4)]
    return 0.5 * tensor(current, P + p - k, M, P, M)


def form_factors(F1: float, F2: float, Q2: float, M: float) -> tuple[float, float]:
    tau = Q2 / (4 * M * M)
    electric, magnetic = F1 - tau * F2, F1 + F2
    return magnetic**2, (electric**2 + tau * magnetic**2) / (1 + tau)


def between(E: float, before: float, after: float, M: float, share: float) -> float:
    low, high = momentum_transfers(E, before, after, M)
    return low * (high / low) ** share


class TestDensity:
    @pytest.mark.parametrize("M", [0.938272, CARBON])
    @pytest.mark.parametrize(("E", "mass", "share"), POINTS)
    @pytest.mark.parametrize("dual", [False, True])
    def test_photon_is_that_of_explicit_vectors(
        self, E: float, mass: float, share: float, M: float, dual: bool
    ) -> None:
        """λ [(q·k) ε·J - (q·ε) k·J], or its dual, summed over the photon's polarisations."""
        Q2 = between(E, mass, 0.0, M, share)
        p, P, k, _ = kinematics(E, Q2, mass, 0.0, M)
        q = p - k
        hadron = nucleon(p, P, k, 1.1, 0.7, M)
        down = METRIC @ k, METRIC @ q
        if dual:
            vertex = np.einsum("mnab,n,a->mb", levi_civita(), METRIC @ q, METRIC @ k)
            vertex = METRIC @ vertex @ METRIC
        else:
            vertex = float(q @ METRIC @ k) * METRIC - np.outer(down[0], down[1])
        # vertex[J, ε]: polarisations sum to minus the metric.
        photon = -vertex @ METRIC @ vertex.T
        squared = np.einsum("ij,ij->", photon, hadron).real
        momentum_sq = E**2 - mass**2
        expected = squared / (Q2 + 0.05**2) ** 2 / (16 * math.pi * 4 * M**2 * momentum_sq)
        found = density(PHOTON, E, Q2, mass, 0.0, 0.05, M, *form_factors(1.1, 0.7, Q2, M))
        assert found == pytest.approx(expected, rel=1e-6)

    @pytest.mark.parametrize("M", [0.938272, CARBON])
    @pytest.mark.parametrize(("E", "mass", "share"), POINTS)
    def test_partner_is_that_of_traces(self, E: float, mass: float, share: float, M: float) -> None:
        after = 0.06
        Q2 = between(E, mass, after, M, share)
        p, P, k, _ = kinematics(E, Q2, mass, after, M)
        hadron = nucleon(p, P, k, 1.1, 0.7, M)
        dark = 0.5 * tensor(GAMMA, k, after, p, mass)
        squared = np.einsum("ij,ik,jl,kl->", dark, METRIC, METRIC, hadron).real
        expected = squared / (Q2 + 0.2**2) ** 2 / (64 * math.pi * M**2 * (E**2 - mass**2))
        found = density(PARTNER, E, Q2, mass, after, 0.2, M, *form_factors(1.1, 0.7, Q2, M))
        assert found == pytest.approx(expected, rel=1e-9)

    def test_massless_partner_scatters_as_a_neutrino(self) -> None:
        carbon = target("C12")
        magnetic, electric, _ = response(carbon.current, carbon.spin, 0.01, carbon.mass, carbon.terms)
        found = density(PARTNER, 0.7, 0.01, 0.0, 0.1, 0.03, carbon.mass, magnetic, electric)
        assert found == pytest.approx(differential(VECTOR, 0.7, 0.01, 0.1, 0.03, *carbon), rel=1e-12)

    def test_heavy_target_has_the_published_angular_distribution(self) -> None:
        """dσ/dcos = λ² g² p k³ sin²/(8π (t - m_V²)²), k = E, off an infinitely heavy point."""
        E, mass, vector, M = 0.4, 0.02, 0.05, 1e7
        p = math.sqrt(E**2 - mass**2)
        for c in (-0.5, 0.3, 0.9, 0.999):
            Q2 = 2 * E * (E - p * c) - mass**2
            expected = p * E**3 * (1 - c * c) / (8 * math.pi * (Q2 + vector**2) ** 2)
            found = 2 * p * E * density(PHOTON, E, Q2, mass, 0.0, vector, M, 1.0, 1.0)
            assert found == pytest.approx(expected, rel=1e-5)

    def test_photon_exchange_is_the_primakoff_effect(self) -> None:
        """With g = e Z: twice the inverse of γ → a, for Γ(a → γγ) = λ² m³/64π, whose dσ/dΩ is 8αZ² Γ p³ k sin²/(m³ t²).

        That one averages over the polarisations of the photon, this one sums over them, and phase space is k²/p² of it.
        """
        E, mass, Z, M = 0.5, 0.01, 6, 1e7
        p = math.sqrt(E**2 - mass**2)
        for c in (0.2, 0.95):
            Q2 = 2 * E * (E - p * c) - mass**2
            width = mass**3 / (64 * math.pi)
            forward = 8 * ALPHA_EM * Z**2 * width / mass**3 * p**3 * E * (1 - c * c) / Q2**2
            expected = 2 * math.pi * 2 * forward * (E / p) ** 2
            charge_sq = 4 * math.pi * ALPHA_EM * Z**2
            found = charge_sq * 2 * p * E * density(PHOTON, E, Q2, mass, 0.0, 0.0, M, 1.0, 1.0)
            assert found == pytest.approx(expected, rel=1e-5)


class TestKinematics:
    @pytest.mark.parametrize(("before", "after"), [(0.02, 0.0), (0.0, 0.1), (0.05, 0.12), (0.12, 0.05)])
    def test_limits_are_forward_and_backward(self, before: float, after: float) -> None:
        E, M = 0.5, 1.2
        s = M**2 + before**2 + 2 * M * E
        first, second = (s + before**2 - M**2) / (2 * math.sqrt(s)), (s + after**2 - M**2) / (2 * math.sqrt(s))
        p, k = math.sqrt(first**2 - before**2), math.sqrt(second**2 - after**2)
        low, high = momentum_transfers(E, before, after, M)
        assert high == pytest.approx(2 * (first * second + p * k) - before**2 - after**2, rel=1e-12)
        assert low == pytest.approx(2 * (first * second - p * k) - before**2 - after**2, rel=1e-8)

    def test_nothing_below_the_threshold(self) -> None:
        least = 0.1 + 0.1**2 / (2 * CARBON)  # of massless χ
        assert momentum_transfers(least * (1 - 1e-9), 0.0, 0.1, CARBON) == (0.0, 0.0)
        assert momentum_transfers(least * (1 + 1e-6), 0.0, 0.1, CARBON)[1] > 0
        assert momentum_transfers(0.02, 0.03, 0.0, CARBON) == (0.0, 0.0)  # slower than at rest

    @pytest.mark.parametrize(("E", "mass", "share"), POINTS)
    def test_energy_and_angle_are_those_of_momenta(self, E: float, mass: float, share: float) -> None:
        for after in (0.0, 0.06):
            Q2 = between(E, mass, after, CARBON, share)
            p, _, k, recoil = kinematics(E, Q2, mass, after, CARBON)
            energy, sine = scattered(E, Q2, mass, after, CARBON)
            assert energy == pytest.approx(k[0], rel=1e-12)
            assert recoil @ METRIC @ recoil == pytest.approx(CARBON**2, rel=1e-9)
            cosine = p[1:] @ k[1:] / np.linalg.norm(p[1:]) / np.linalg.norm(k[1:])
            assert 2 * sine**2 == pytest.approx(1 - cosine, rel=1e-6, abs=1e-12)


def test_total_cross_section_of_a_point_against_quadrature_in_angle() -> None:
    """Integrals over Q² and over the angle are the same."""
    E, mass, vector, M = 0.4, 0.03, 0.05, CARBON
    low, high = momentum_transfers(E, mass, 0.0, M)
    over_q2 = quad(
        lambda x: math.exp(x) * density(PHOTON, E, math.exp(x), mass, 0.0, vector, M, 1.0, 1.0),
        math.log(low), math.log(high), epsrel=1e-10,
    )[0]  # fmt: skip
    p = math.sqrt(E**2 - mass**2)

    def at(c: float) -> float:
        # k = (2ME + m²)/2(M + E - p c)
        k = 0.5 * (2 * M * E + mass**2) / (M + E - p * c)
        Q2 = 2 * k * (E - p * c) - mass**2
        slope = 2 * M * k * p / (M + E - p * c)  # dQ²/d(-c) = 2M dk/dc
        return slope * density(PHOTON, E, Q2, mass, 0.0, vector, M, 1.0, 1.0)

    assert quad(at, -1, 1, epsrel=1e-10)[0] == pytest.approx(over_q2, rel=1e-8)


def levi_civita() -> np.ndarray:
    found = np.zeros((4, 4, 4, 4))
    for a in range(4):
        for b in range(4):
            for c in range(4):
                for d in range(4):
                    found[a, b, c, d] = np.linalg.det(np.eye(4)[[a, b, c, d]])
    return found
