"""Heavy neutrinos on a grid: polarisation against traces, numbers against cross sections, means against integrals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from dirac import brute_force, momenta

from scanner.physics.form_factors import fourier_bessel, sachs_proton
from scanner.physics.phase_space import gauss_legendre
from scanner.physics.upscattered import (
    NEUTRINO_NODES,
    PANEL_NODES,
    PARTS,
    condense,
    fill_made,
    grid,
    grid_nodes,
    outgoing,
    polarisation,
)
from scanner.physics.upscattering import (
    MEDIATORS,
    SCALAR,
    VECTOR,
    differential,
    fill_cross_sections,
    q2_limits,
    response,
    sigma_hat,
    target,
    threshold,
)

POINTS = [(0.7, 0.42, 0.2), (0.7, 0.01, 0.6), (3.0, 1.2, 0.5), (20.0, 0.15, 0.4)]
"""E, m, and where Q² lies between its limits, logarithmically."""
TALK = {"m_N": 0.42, "m_mediator": 0.03}


def spins(E, Q2, m, M):
    """Spin vectors of N along its flight, and across it towards the beam."""
    energy, x, _, z = momenta(E, Q2, m, M)[2]
    p = math.hypot(x, z)
    sine, cosine = x / p, z / p
    return np.array([p, energy * sine, 0, energy * cosine]) / m, np.array([0, -cosine, 0, sine])


@pytest.mark.parametrize("mediator", range(3))
@pytest.mark.parametrize(("E", "m", "share"), POINTS)
class TestPolarisation:
    @pytest.mark.parametrize("off", ["C12", "C12 without spin", "proton"])
    def test_against_traces(self, mediator, E, m, share, off):
        if off == "proton":
            found = target("C12", "proton")
        else:
            found = target("C12", spin="zero" if "without" in off else "half")
        M = found.mass
        low, high = q2_limits(E, m, M)
        Q2 = low ** (1 - share) * high**share
        if off == "proton":
            tau = Q2 / (4 * M**2)
            electric, magnetic = sachs_proton(Q2)
            form = {"F1": (electric + tau * magnetic) / (1 + tau), "F2": (magnetic - electric) / (1 + tau)}
        else:
            form = {"F1": fourier_bessel(math.sqrt(Q2), found.terms), "spin_zero": found.spin == 0}
        magnetic, electric, _ = response(found.current, found.spin, Q2, M, found.terms)
        polarised = polarisation(mediator, E, Q2, m, M, magnetic, electric)
        for vector, component in zip(spins(E, Q2, m, M), polarised, strict=True):
            up, down = (brute_force(mediator, E, Q2, m, 0.1, M, spin=s * vector, **form) for s in (1, -1))
            assert component == pytest.approx((up - down) / (up + down), rel=1e-6, abs=1e-9)

    def test_light_ones_have_the_helicity_of_their_chirality(self, mediator, E, m, share):
        E, M = 1e3 * m, target("C12").mass
        # Where Q² is that of m² a scalar makes both helicities alike.
        along, across = polarisation(mediator, E, 1e-2 * q2_limits(E, m, M)[1], m, M, 0.0, 1.0)
        assert along == pytest.approx(-1.0 if mediator == VECTOR else 1.0, abs=2e-2)
        assert abs(across) < 0.2


def test_energy_and_angle_are_those_of_the_momenta():
    for E, m, share in POINTS:
        M = target("Ar40").mass
        low, high = q2_limits(E, m, M)
        Q2 = low ** (1 - share) * high**share
        energy, momentum, sine_sq = outgoing(E, Q2, m, M)
        out = momenta(E, Q2, m, M)[2]
        assert energy == pytest.approx(out[0], rel=1e-12)
        assert momentum == pytest.approx(math.hypot(out[1], out[3]), rel=1e-12)
        assert 1 - 2 * sine_sq == pytest.approx(out[3] / momentum, rel=1e-12)


def made_of_line(E, m, mediator="vector", m_mediator=0.03, off="C12", regime="coherent", nodes=None):
    """N that neutrinos of one energy make, one target per unit of area."""
    found, where = target(off, regime), nodes or grid(m, 0.1 * E, 2 * E, E, 200, 120)
    out = np.zeros((1, where.energies, where.sines, PARTS))
    rule = gauss_legendre(PANEL_NODES)
    one = np.ones((1, 1))
    fill_made(MEDIATORS.index(mediator), np.array([E]), one, m, m_mediator, 1.0, 0.0, *found, *rule, *where, out)
    return found, where, out[0]


@pytest.mark.parametrize("mediator", MEDIATORS)
@pytest.mark.parametrize(("E", "m"), [(0.7, 0.42), (0.7, 0.02), (6.0, 1.0), (0.45, 0.42)])
@pytest.mark.parametrize(("off", "regime"), [("C12", "coherent"), ("Pb208", "coherent"), ("C12", "proton")])
def test_the_grid_holds_the_cross_section_and_its_means(mediator, E, m, off, regime):
    if threshold(m, target(off, regime).mass) > E:
        pytest.skip("below the threshold")
    exchanged = 0.0 if mediator == "dipole" else 0.1
    found, where, made = made_of_line(E, m, mediator, exchanged, off, regime)
    assert made[..., 0].sum() == pytest.approx(sigma_hat(mediator, E, m, exchanged, found), rel=2e-3)
    energies, sines = grid_nodes(where, m)
    low, high = q2_limits(E, m, found.mass)
    fine, weights = np.polynomial.legendre.leggauss(800)
    Q2 = low * np.exp(0.5 * math.log(high / low) * (fine + 1))
    kind = MEDIATORS.index(mediator)
    density = weights * Q2 * [differential(kind, E, q2, m, exchanged, *found) for q2 in Q2]
    exact = np.array([outgoing(E, q2, m, found.mass) for q2 in Q2])
    mean_energy = np.average(exact[:, 0], weights=density)
    mean_sine = np.average(np.sqrt(exact[:, 2]), weights=density)
    assert np.average(energies, weights=made[..., 0].sum(1)) == pytest.approx(mean_energy, rel=2e-3)
    assert np.average(sines, weights=made[..., 0].sum(0)) == pytest.approx(mean_sine, rel=2e-2, abs=1e-4)


@pytest.mark.parametrize("m", [0.02, 0.42, 1.2])
@pytest.mark.parametrize("off", ["C12", "Ar40"])
def test_a_few_neutrino_energies_stand_for_a_flux(m, off):
    """Against the sum over all of its nodes."""
    energy = np.linspace(0.025, 6.0, 600)
    fluence = np.exp(-(((energy - 0.7) / 0.5) ** 2)) + 0.02 * np.exp(-energy / 1.5)
    nodes, weights = np.empty(NEUTRINO_NODES), np.empty((1, NEUTRINO_NODES))
    found = target(off)
    condense(threshold(m, found.mass) * (1 + 1e-9), 6.0, energy, fluence[None], nodes, weights)
    above = energy > threshold(m, found.mass)
    assert weights.sum() == pytest.approx(fluence[above].sum(), rel=1e-12)
    assert weights[0] @ nodes == pytest.approx(fluence[above] @ energy[above], rel=1e-3)
    expected = fluence @ sigma_hat("vector", energy, m, 0.03, found)
    few = np.empty(NEUTRINO_NODES)
    fill_cross_sections(VECTOR, nodes, m, 0.03, *found, *gauss_legendre(16), few)
    # Above 1 GeV the form factor makes cross sections steep, and a hundred times smaller.
    assert weights[0] @ few == pytest.approx(expected, rel=2e-3 if m < 1 else 1e-2)


def test_nothing_is_made_below_the_threshold():
    assert not made_of_line(0.4, 0.42)[2].any()
    nodes, weights = np.empty(NEUTRINO_NODES), np.empty((1, NEUTRINO_NODES))
    condense(2.0, 1.0, np.linspace(0.1, 1, 10), np.ones((1, 10)), nodes, weights)
    assert not weights.any() and np.isfinite(nodes).all()


def test_scalar_needs_no_form_factor_for_its_polarisation():
    assert polarisation(SCALAR, 0.7, 0.01, 0.42, 11.0, 0.0, 0.0) == polarisation(
        SCALAR, 0.7, 0.01, 0.42, 11.0, 1.0, 2.0
    )
