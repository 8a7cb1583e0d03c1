"""Daughters of parents that fly apart, against a Monte Carlo, closed forms, and parents that do not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate

from scanner.physics.beam import Parents, heavy_momenta
from scanner.physics.bundle import (
    Bundle,
    at_angle,
    bundle_angles,
    daughter_bundle,
    daughters,
    heavy_neutrinos,
    momentum_grid,
    narrow,
    nodes_per_log,
    share,
)
from scanner.physics.heavy_neutrino_production import (
    leptons_shape,
    leptons_spectrum,
    production_ratios,
    two_body_momentum,
)
from scanner.physics.particles import MASS
from scanner.physics.phase_space import NODES, gauss_legendre

GRID = momentum_grid(0.01, 20.0, 120)
ONE = np.ones(1)


def gaussian(mass, momenta, width, widest, columns=257):
    """One parent a momentum, in angles of a narrow Gaussian."""
    angles = bundle_angles(widest, columns)
    profile = np.exp(-0.5 * (angles / width) ** 2)
    profile /= integrate.quad(lambda t: 2 * math.pi * math.sin(t) * math.exp(-0.5 * (t / width) ** 2), 0, widest)[0]
    return Bundle(mass, np.array(momenta), widest, np.tile(profile, (len(momenta), 1)))


def monte_carlo(rng, number, parent, momentum, width, mass, rest, angle, opening):
    """Daughters per sr and parent in a cone about a direction in the x-z plane, and their ⟨1/p⟩ there."""
    theta = np.arccos(1 + width**2 * np.log(1 - rng.random(number)))  # sin θ e^{-(1 - cos θ)/w²}
    phi, along = rng.uniform(0, 2 * math.pi, number), rng.uniform(-1, 1, number)
    energy, inner = math.hypot(momentum, parent), math.hypot(rest, mass)
    z = energy / parent * rest * along + momentum / parent * inner
    across, turn = rest * np.sqrt(1 - along**2), rng.uniform(0, 2 * math.pi, number)
    x, y = across * np.cos(turn), across * np.sin(turn)
    x, z = x * np.cos(theta) + z * np.sin(theta), z * np.cos(theta) - x * np.sin(theta)
    x, y = x * np.cos(phi) - y * np.sin(phi), x * np.sin(phi) + y * np.cos(phi)
    p = np.sqrt(x**2 + y**2 + z**2)
    inside = (x * math.sin(angle) + z * math.cos(angle)) / p > math.cos(opening)
    solid = 2 * math.pi * (1 - math.cos(opening))
    return inside.sum() / number / solid, (1 / p[inside]).sum() / number / solid


@pytest.mark.parametrize(("mass", "opening"), [(0.0, 0.02), (0.3, 0.02), (0.38, 0.01)])
@pytest.mark.parametrize("angle", [0.0, 0.1])
def test_monte_carlo(mass, opening, angle):
    """Kaons of 2 GeV, 60 mrad wide: light and heavy daughters, on the axis and off it."""
    kaon, rest = MASS["K"], two_body_momentum(MASS["K"], MASS["mu"], mass)
    found = daughters(gaussian(kaon, [2.0], 0.06, 0.6), mass, np.array([rest]), ONE, GRID, angle)
    rng = np.random.default_rng(5)
    number, slowness = monte_carlo(rng, 1_000_000, kaon, 2.0, 0.06, mass, rest, angle, opening)
    assert found.sum() == pytest.approx(number, rel=0.03)
    assert (found / GRID).sum() == pytest.approx(slowness, rel=0.03)


@pytest.mark.parametrize("mass", [0.05, 0.35])
def test_without_spread_it_is_the_collinear_beam(mass):
    """Parents much narrower than their decays: both roots of two-body kinematics at no angle."""
    kaon, rest = MASS["K"], two_body_momentum(MASS["K"], MASS["mu"], mass)
    found = daughters(gaussian(kaon, [3.0], 1e-3, 0.01), mass, np.array([rest]), ONE, GRID, directions=400)
    upper, above, lower, below = heavy_momenta(3.0, kaon, mass, rest, 1.0)
    assert found.sum() == pytest.approx(above + below, rel=5e-3)
    assert (found / GRID).sum() == pytest.approx(above / upper + (below / lower if below else 0), rel=5e-3)


def test_at_rest_daughters_go_everywhere_alike():
    """1/4π per sr, all with the momentum of the rest frame."""
    angles = bundle_angles(math.pi, 65)
    still = Bundle(MASS["K"], np.array([1e-9]), math.pi, np.full((1, angles.size), 1 / (4 * math.pi)))
    rest = two_body_momentum(MASS["K"], MASS["mu"], 0.3)
    found = daughters(still, 0.3, np.array([rest]), ONE, GRID)
    assert found.sum() == pytest.approx(1 / (4 * math.pi), rel=1e-6)
    assert (found / GRID).sum() / found.sum() == pytest.approx(1 / rest, rel=1e-6)


def test_every_parent_has_its_daughter_somewhere():
    """D_s → τ ν of 5 to 40 GeV: the daughters' number integrated over all angles."""
    strange = gaussian(MASS["Ds"], [5.0, 12.0, 40.0], 0.05, 0.5, 129)
    rest = two_body_momentum(MASS["Ds"], MASS["tau"], 0.0)
    made = daughter_bundle(strange, MASS["tau"], rest, 0.0536, momentum_grid(1.0, 60.0, 60))
    angles = np.linspace(0, 0.5, 4001)
    rows = [[at_angle(made.number, i, made.widest, t) for t in angles] for i in range(60)]
    total = 2 * math.pi * np.trapezoid(np.array(rows).sum(0) * np.sin(angles), angles)
    assert total == pytest.approx(3 * 0.0536, rel=0.01)


def test_angles_between_columns_are_straight_lines():
    widest, columns = 0.4, 5
    number = np.array([[5.0, 4.0, 2.0, 1.0, 0.0]])
    angles = bundle_angles(widest, columns)
    for t in (0.0, 0.01, 0.11, 0.3, 0.3999):
        assert at_angle(number, 0, widest, t) == pytest.approx(np.interp(t, angles, number[0]), rel=1e-12, abs=0)
    assert at_angle(number, 0, widest, widest) == 0


def test_sharing_keeps_numbers_and_slowness():
    rng = np.random.default_rng(1)
    momentum, weight, out = np.exp(rng.uniform(-4, 2.5, 500)), rng.random(500), np.zeros(GRID.size)
    for p, w in zip(momentum, weight, strict=True):
        share(p, w, GRID, nodes_per_log(GRID), out)
    assert out.sum() == pytest.approx(weight.sum(), rel=1e-12)
    assert (out / GRID).sum() == pytest.approx((weight / momentum).sum(), rel=1e-12)
    edge = np.zeros(GRID.size)
    share(1e-3, 1.0, GRID, nodes_per_log(GRID), edge)
    share(1e3, 2.0, GRID, nodes_per_log(GRID), edge)
    assert edge[0] == 1.0 and edge[-1] == 2.0 and edge[1:-1].sum() == 0


class TestNarrowBeam:
    BEAM = Parents(MASS["K"], np.array([2.0, 6.0, 10.0]), np.array([1.0, 2.0, 0.5]), 1.0)

    @pytest.mark.parametrize("mass", [0.0, 0.2, 0.37])
    def test_both_roots_in_the_middle(self, mass):
        """For a cone much narrower than the decays: dN/dΩ of two-body kinematics at no angle."""
        rest, number, slowness = two_body_momentum(MASS["K"], MASS["mu"], mass), 0.0, 0.0
        for p, n in zip(self.BEAM.momentum, (2.0, 8.0, 1.0), strict=True):  # of the trapezoidal rule
            upper, above, lower, below = heavy_momenta(p, MASS["K"], mass, rest, 1.0)
            number += n * (above + below)
            slowness += n * (above / upper + (below / lower if below else 0))
        found = narrow(self.BEAM, mass, rest, 0.7, 1e-4, GRID)
        assert found.sum() == pytest.approx(0.7 * number, rel=1e-3)
        assert (found / GRID).sum() == pytest.approx(0.7 * slowness, rel=1e-3)

    @pytest.mark.parametrize("mass", [0.05, 0.3, 0.387])
    def test_share_of_a_cone(self, mass):
        """Decays at random: how many daughters are within 30 mrad of the beam."""
        rest, rng = two_body_momentum(MASS["K"], MASS["mu"], mass), np.random.default_rng(2)
        expected = 0.0
        for p, n in zip(self.BEAM.momentum, (2.0, 8.0, 1.0), strict=True):
            cosine = rng.uniform(-1, 1, 400_000)
            along = math.hypot(p, MASS["K"]) * rest * cosine + p * math.hypot(rest, mass)
            angle = np.arctan2(MASS["K"] * rest * np.sqrt(1 - cosine**2), along)
            expected += n * (angle < 0.03).mean()
        found = narrow(self.BEAM, mass, rest, 1.0, 0.03, GRID)
        assert found.sum() * 2 * math.pi * (1 - math.cos(0.03)) == pytest.approx(expected, rel=0.01)

    def test_what_hardly_leaves_its_parent_is_not_infinitely_dense(self):
        """At threshold every N is in the cone."""
        found = narrow(self.BEAM, 0.388, 1e-9, 1.0, 0.004, GRID)
        assert found.sum() * 2 * math.pi * (1 - math.cos(0.004)) == pytest.approx(11.0, rel=1e-6)


class TestHeavyNeutrinos:
    def test_slow_taus_by_flavour(self):
        """At rest the sum of all branching ratios goes into 4π; U_e and U_μ make N in leptonic decays alone."""
        angles = bundle_angles(math.pi, 65)
        still = Bundle(MASS["tau"], np.array([1e-9]), math.pi, np.full((1, angles.size), 1 / (4 * math.pi)))
        found = heavy_neutrinos({"tau": still}, 0.4, GRID)
        ratios = production_ratios(0.4)
        expected = sum(of for mode, of in ratios.items() if mode.startswith("tau->"))
        np.testing.assert_allclose(4 * math.pi * found.sum(1), expected, rtol=1e-9)
        assert expected[0] == ratios["tau->e nu N (U_e)"][0]

    def test_three_body_momenta(self):
        """⟨1/p⟩ of N from τ → μ ν N at rest, over the published spectrum."""
        angles, m = bundle_angles(math.pi, 65), 0.5
        still = Bundle(MASS["tau"], np.array([1e-9]), math.pi, np.full((1, angles.size), 1 / (4 * math.pi)))
        found = heavy_neutrinos({"tau": still}, m, GRID)[1]  # U_μ: that decay alone
        top = math.hypot(two_body_momentum(MASS["tau"], MASS["mu"], m), m)

        def slowness(energy):
            return leptons_spectrum(energy, MASS["tau"], MASS["mu"], m, False) / math.sqrt(energy**2 - m**2)

        expected = integrate.quad(slowness, m, top)[0] / leptons_shape(
            MASS["tau"], MASS["mu"], m, *gauss_legendre(NODES)
        )
        assert (found / GRID).sum() / found.sum() == pytest.approx(expected, rel=0.01)

    def test_helicity_enhanced_kaons_and_closed_ones(self):
        """K → e N is as frequent as K → μ N where N is heavy, and goes on where the latter is closed."""
        kaons = {"K": gaussian(MASS["K"], [1.0, 3.0], 0.1, 0.6)}
        electron, muon, tau = heavy_neutrinos(kaons, 0.3, GRID).sum(1)
        assert 0.5 < electron / muon < 2 and tau == 0
        closed = heavy_neutrinos(kaons, 0.45, GRID)
        assert closed[0].sum() > 0 == closed[1].sum()
        assert not heavy_neutrinos(kaons, 0.5, GRID).any()
