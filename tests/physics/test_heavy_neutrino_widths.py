"""Heavy-neutrino widths against phase-space integrals of the matrix elements."""

from __future__ import annotations

import itertools
import math

import mpmath as mp
import numpy as np
import pytest
from heavy_neutrino_widths import (
    DIGITS,
    OPENED,
    RULE,
    charged_current,
    meson_squared,
    neutral_current,
    precise_width,
    random_points,
    threshold,
)

from scanner.physics.heavy_neutrino_channels import CHANNELS, FLAVOURS
from scanner.physics.heavy_neutrino_decays import weak_widths
from scanner.physics.particles import MASS
from scanner.physics.phase_space import (
    NODES,
    neutral_pair,
    pseudoscalar_shape,
    sqrt_lambda,
    three_fermions,
    vector_shape,
)


class TestMatrixElements:
    """The squared matrix elements, against traces of explicit Dirac matrices."""

    SIGMA = [np.eye(2), [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]]
    GAMMA = [np.block([[np.zeros((2, 2)), np.array(s)], [np.array(s) * (1 if i == 0 else -1), np.zeros((2, 2))]])
             for i, s in enumerate(SIGMA)]  # fmt: skip
    FIVE = np.diag([-1.0, -1.0, 1.0, 1.0])
    METRIC = np.diag([1.0, -1.0, -1.0, -1.0])

    def slash(self, p):
        return sum(p[i] * self.METRIC[i, i] * self.GAMMA[i] for i in range(4))

    def tensor(self, outgoing, m_out, incoming, m_in, gV=1.0, gA=1.0):
        """Sum over spins of ū γ^μ (gV - gA γ5) u times its conjugate."""
        vertex = [g @ (gV * np.eye(4) - gA * self.FIVE) for g in self.GAMMA]
        conjugate = [(gV * np.eye(4) + gA * self.FIVE) @ g for g in self.GAMMA]
        a, b = self.slash(outgoing) + m_out * np.eye(4), self.slash(incoming) + m_in * np.eye(4)
        return np.array([[np.trace(a @ v @ b @ c) for c in conjugate] for v in vertex])

    def contract(self, one, other):
        return np.einsum("ij,ik,jl,kl->", one, self.METRIC, self.METRIC, other).real

    def momenta(self, seed, masses):
        rng = np.random.default_rng(seed)
        return [np.array([math.sqrt(m**2 + p @ p), *p]) for m, p in ((m, rng.normal(size=3)) for m in masses)]

    def test_charged_current(self):
        masses = [2.0, 0.3, 0.4, 0.1]
        P, p1, p2, p3 = self.momenta(1, masses)
        one = self.tensor(p1, masses[1], P, masses[0])
        other = self.tensor(p3, masses[3], p2, -masses[2])
        assert 0.5 * 0.5 * self.contract(one, other) == pytest.approx(charged_current(P, p1, p2, p3), rel=1e-12)

    @pytest.mark.parametrize(("gL", "gR"), [(0.7, 0.23), (-0.3, 0.23)])
    def test_neutral_current(self, gL, gR):
        m = 0.4
        P, _, p2, p3 = self.momenta(2, [2.0, 0.0, m, m])
        p1 = P - p2 - p3  # the interference needs momentum conservation; p1 off its shell then
        one = self.tensor(p1, 0.0, P, 2.0)
        other = self.tensor(p3, m, p2, -m, gL + gR, gL - gR)
        expected = neutral_current(P, p1, p2, p3, gL, gR, m)
        assert 0.5 * 0.5 * self.contract(one, other) == pytest.approx(expected, rel=1e-12)

    @pytest.mark.parametrize("spin", [0, 1])
    def test_mesons(self, spin):
        P, lepton, meson = self.momenta(3, [2.0, 0.1, 0.7])
        outer = np.outer(meson, meson)
        polarisations = outer if spin == 0 else outer - 0.7**2 * self.METRIC
        traced = 0.5 * 0.5 * self.contract(self.tensor(lepton, 0.1, P, 2.0), polarisations)
        assert traced == pytest.approx(meson_squared(P, lepton, meson, 0.7, spin), rel=1e-12)


class TestAgainstIntegrals:
    def test_500_random_points(self):
        worst = {}
        with mp.workdps(DIGITS):
            for channel, flavour, m in random_points(500):
                width = weak_widths(m)[channel][FLAVOURS.index(flavour)]
                expected = precise_width(channel, flavour, m)
                deviation = abs(float(width / expected - 1))
                worst[channel] = max(worst.get(channel, (0.0, m)), (deviation, m))
        assert set(worst) == set(CHANNELS)
        assert max(worst.values())[0] < 1e-11, worst

    @pytest.mark.parametrize(("channel", "flavour"), OPENED)
    def test_at_1_0001_of_the_threshold(self, channel, flavour):
        m = 1.0001 * max(threshold(channel), 0.001)
        with mp.workdps(DIGITS):
            expected = precise_width(channel, flavour, m)
            # Of inclusive channels, most is the running of α_s.
            allowed = 1e-10 if channel.endswith("q_q") else 1e-13
            assert abs(float(weak_widths(m)[channel][FLAVOURS.index(flavour)] / expected - 1)) < allowed

    def test_electrons_from_10_MeV_on_against_the_closed_form(self):
        # 60 digits: 20 of them cancel.
        for m in np.geomspace(0.01, 2.0, 40):
            with mp.workdps(60):
                x = mp.mpf(MASS["e"]) / mp.mpf(float(m))
                B = mp.sqrt(1 - 4 * x**2)
                L = mp.log((1 - 3 * x**2 - (1 - x**2) * B) / (x**2 * (1 + B)))
                f1 = (1 - 14 * x**2 - 2 * x**4 - 12 * x**6) * B + 12 * x**4 * (x**4 - 1) * L
                f2 = 4 * (x**2 * (2 + 10 * x**2 - 12 * x**4) * B + 6 * x**4 * (1 - 2 * x**2 + 2 * x**4) * L)
                mine = neutral_pair(float(m), MASS["e"], *RULE)
                assert abs(float(mine[0] / f1 - 1)) < 1e-13
                assert abs(float(mine[1] / f2 - 1)) < 1e-13


class TestPhaseSpace:
    def test_rule_integrates_polynomials(self):
        nodes, weights = RULE
        for power in range(0, 2 * NODES, 2):
            assert float(np.sum(weights * nodes**power)) == pytest.approx(2 / (power + 1), rel=1e-13, abs=0)
        assert np.all(np.diff(nodes) > 0)

    def test_massless_limits(self):
        assert three_fermions(1.0, 0.0, 1e-4, 1e-4, *RULE) == pytest.approx(1, abs=1e-6)
        assert three_fermions(1.0, 1e-4, 1e-4, 1e-4, *RULE) == pytest.approx(1, abs=1e-6)
        f1, f2 = neutral_pair(1.0, 1e-4, *RULE)
        assert f1 == pytest.approx(1, abs=1e-6)
        assert f2 == pytest.approx(8e-8 * (1 + 12e-8 * math.log(1e-4)), rel=1e-7, abs=0)  # 3x² are left out
        assert sqrt_lambda(1.0, 0.0, 0.0) == pseudoscalar_shape(1.0, 0.0, 0.0) == vector_shape(1.0, 0.0, 0.0) == 1

    @pytest.mark.parametrize("x", [0.1, 0.5, 0.9])
    def test_one_heavy_fermion(self, x):
        y = x**2
        expected = 1 - 8 * y + 8 * y**3 - y**4 - 12 * y**2 * math.log(y)
        assert three_fermions(1.0, 0.0, 1e-5, x, *RULE) == pytest.approx(expected, rel=1e-6)
        assert three_fermions(1.0, x, 1e-5, 1e-5, *RULE) == pytest.approx(expected, rel=1e-6)

    @pytest.mark.parametrize("masses", [(0.1, 0.2, 0.3), (0.001, 0.002, 0.4), (0.3, 0.33, 0.3699), (1e-3, 0.5, 0.4)])
    def test_symmetry_in_the_three_masses(self, masses):
        values = [three_fermions(1.0, *order, *RULE) for order in itertools.permutations(masses)]
        assert values == pytest.approx([values[0]] * 6, rel=1e-11, abs=0)

    def test_two_equal_masses_agree_with_the_neutral_pair(self):
        assert three_fermions(0.5, 0.0, 0.1, 0.1, *RULE) == pytest.approx(
            neutral_pair(0.5, 0.1, *RULE)[0], rel=1e-14, abs=0
        )
