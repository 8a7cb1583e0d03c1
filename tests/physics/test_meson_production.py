"""Mesons of protons on a target: fits against their published averages, and against integrals by brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest

from scanner.physics.meson_production import (
    BOOSTER,
    CHARM_FALL,
    CHARM_SLOPE,
    KAON_FIT,
    KAON_RECOIL,
    PION_FIT,
    centre_of_mass,
    charmed,
    feynman_scaling,
    sanford_wang,
)
from scanner.physics.particles import MASS

PROTON, KAON = MASS["p"], MASS["K"]


def averages(density, momenta, angles):
    """Total of a density in dp dΩ, and the means of momentum and angle, by the midpoint rule."""
    values = np.array([[density(p, t) * 2 * math.pi * math.sin(t) for t in angles] for p in momenta])
    cell = (momenta[1] - momenta[0]) * (angles[1] - angles[0])
    total = values.sum() * cell
    return total, (values.sum(1) @ momenta) * cell / total, (values.sum(0) @ angles) * cell / total


def midpoints(low, high, number):
    return low + (np.arange(number) + 0.5) * (high - low) / number


def kaon(momentum, angle):
    return feynman_scaling(momentum, angle, BOOSTER, KAON, PROTON, KAON_FIT)


class TestKaons:
    def test_published_multiplicity_and_means(self):
        """0806.1449, its table of secondaries (from memory): 0.0689 a reaction, 1.69 GeV, 332 mrad."""
        total, momentum, angle = averages(kaon, midpoints(0, 8, 200), midpoints(0, math.pi, 300))
        assert total / 189.3 == pytest.approx(0.0689, rel=0.03)
        assert momentum == pytest.approx(1.69, rel=0.04)
        assert angle == pytest.approx(0.332, rel=0.04)

    @pytest.mark.parametrize(("momentum", "angle"), [(0.5, 0.8), (2.0, 0.1), (5.0, 0.02), (1.2, 0.3)])
    def test_formula(self, momentum, angle):
        """The published formula with a Lorentz transformation written out as one of four-vectors."""
        c1, c2, c3, c4, c5, c6, c7 = 11.70, 0.88, 4.77, 1.51, 2.21, 2.17, 1.51
        beam = np.array([math.hypot(BOOSTER, PROTON), BOOSTER])
        total = beam + np.array([PROTON, 0.0])
        s = total[0] ** 2 - total[1] ** 2
        beta, gamma = total[1] / total[0], total[0] / math.sqrt(s)
        energy, along = math.hypot(momentum, KAON), momentum * math.cos(angle)
        largest = math.sqrt(((s + KAON**2 - KAON_RECOIL**2) / (2 * math.sqrt(s))) ** 2 - KAON**2)
        x, pt = abs(gamma * (along - beta * energy)) / largest, momentum * math.sin(angle)
        expected = c1 * momentum**2 / energy * math.exp(-c3 * x**c4 - c7 * (pt * x) ** c6 - c2 * pt - c5 * pt**2)
        assert kaon(momentum, angle) == pytest.approx(expected, rel=1e-12, abs=0)

    def test_nothing_beyond_the_kinematic_limit(self):
        """The fastest K⁺ leaves Λ p behind: 6.6 GeV here."""
        total, gamma, boost = centre_of_mass(BOOSTER, PROTON)
        inner = (total**2 + KAON**2 - KAON_RECOIL**2) / (2 * total)
        fastest = gamma * math.sqrt(inner**2 - KAON**2) + boost * inner
        assert kaon(fastest * (1 - 1e-9), 0.0) > 0
        assert kaon(fastest * (1 + 1e-9), 0.0) == 0
        assert 6 < fastest < BOOSTER


class TestPions:
    def test_published_means(self):
        """0806.1449, as above: 1.11 GeV, 412 mrad, 0.98 a reaction, the widest angles included."""
        total, momentum, angle = averages(
            lambda p, t: sanford_wang(p, t, BOOSTER, PION_FIT), midpoints(0, 7.9, 200), midpoints(0, math.pi / 2, 200)
        )
        assert momentum == pytest.approx(1.11, rel=0.03)
        assert angle == pytest.approx(0.412, rel=0.02)
        assert 0.8 < total / 189.3 < 0.98

    def test_formula(self):
        p, t = 2.0, 0.15
        expected = (
            220.7
            * p**1.08
            * (1 - p / (8.89 - 1))
            * math.exp(-(p**1.978) / 8.89**1.32 - 5.572 * t * (p - 0.0868 * 8.89 * math.cos(t) ** 9.686))
        )
        assert sanford_wang(p, t, 8.89, PION_FIT) == pytest.approx(expected, rel=1e-12)

    def test_nothing_where_the_form_has_no_meaning(self):
        assert sanford_wang(7.9, 0.1, BOOSTER, PION_FIT) == 0
        assert sanford_wang(1.0, 1.6, BOOSTER, PION_FIT) == 0


class TestCharm:
    BEAM = 120.0

    def density(self, momentum, angle):
        return charmed(momentum, angle, self.BEAM, MASS["Ds"], PROTON, CHARM_FALL, CHARM_SLOPE)

    def test_one_meson_with_the_means_of_its_distribution(self):
        """∫ = 1, ⟨p_T²⟩ = 1/b, ⟨|x_F|⟩ = 1/(n+2), and as many forwards as backwards."""
        momenta, angles = np.exp(midpoints(-4, math.log(130), 500)), math.pi * midpoints(0, 1, 600) ** 3
        cells = momenta[:, None] * (math.log(130) + 4) / 500 * 3 * math.pi * midpoints(0, 1, 600) ** 2 / 600
        values = np.array([[self.density(p, t) for t in angles] for p in momenta]) * cells
        values *= 2 * math.pi * np.sin(angles)
        total, gamma, boost = centre_of_mass(self.BEAM, PROTON)
        transverse = np.outer(momenta, np.sin(angles))
        energy = np.hypot(momenta, MASS["Ds"])[:, None]
        x = 2 * (gamma * np.outer(momenta, np.cos(angles)) - boost * energy) / total
        assert values.sum() == pytest.approx(1, rel=2e-3)
        assert (values * transverse**2).sum() == pytest.approx(1 / CHARM_SLOPE, rel=1e-2)
        assert (values * abs(x)).sum() == pytest.approx(1 / (CHARM_FALL + 2), rel=1e-2)
        assert values[x > 0].sum() == pytest.approx(0.5, abs=5e-3)

    def test_nothing_faster_than_the_beam(self):
        assert self.density(119.0, 0.0) >= 0
        assert self.density(125.0, 0.0) == 0
