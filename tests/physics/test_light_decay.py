"""Decay of light neutrinos by a massless φ, against spinors, phase space and quadrature."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad

from scanner import registry
from scanner.errors import InputError
from scanner.physics.light_decay import add_flipped, fill_light_widths, flipped_below, light_width
from scanner.physics.oscillation import mixing_matrix_3p1
from scanner.physics.solar import FLIGHT
from scanner.units import HBARC_GEV_M

RATIOS = (0.0, 0.17, 0.6, 0.985)
NAME = "sterile_3p1_visible_decay"


def spinor(mass: float, momentum: float, angle: float, helicity: int) -> np.ndarray:
    """u(p, h) in the chiral representation, p in the plane x, z; ū u = 2 m."""
    energy = math.hypot(mass, momentum)
    half = angle / 2
    up, down = (math.cos(half), math.sin(half)), (-math.sin(half), math.cos(half))
    chi = np.array(up if helicity > 0 else down)
    left = math.sqrt(energy + momentum) if helicity < 0 else mass / math.sqrt(energy + momentum)
    right = math.sqrt(energy + momentum) if helicity > 0 else mass / math.sqrt(energy + momentum)
    return np.concatenate([left * chi, right * chi])


def amplitude_squared(x: float, z: float, helicity: int) -> float:
    """|ū_k u_j|² of ν_j (mass 1, much energy, helicity −1) → ν_k of z of the energy, and a massless φ."""
    energy = 1e3
    ek = z * energy
    pj, pk = math.sqrt(energy**2 - 1), math.sqrt(ek**2 - x**2)
    # The angle at which φ is massless: (p_j − p_k)² = 0.
    sine_sq = ((1 + x**2) / 2 - (energy * ek - pj * pk)) / (2 * pj * pk)
    angle = 2 * math.asin(math.sqrt(max(sine_sq, 0.0)))
    gamma0 = np.block([[np.zeros((2, 2)), np.eye(2)], [np.eye(2), np.zeros((2, 2))]])
    return float((spinor(x, pk, angle, helicity) @ gamma0 @ spinor(1.0, pj, 0.0, -1)) ** 2)


@pytest.mark.parametrize("x", RATIOS)
def test_helicities_of_explicit_spinors(x: float) -> None:
    for z in np.linspace(x * x, 1, 7)[1:-1]:
        assert amplitude_squared(x, z, -1) == pytest.approx((math.sqrt(z) + x / math.sqrt(z)) ** 2, rel=1e-5)
        expected = (1 - z) * (1 - x * x / z)
        assert amplitude_squared(x, z, +1) == pytest.approx(expected, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("x", RATIOS)
def test_flipped_fraction(x: float) -> None:
    """Of all decays, whose density is flat: 1 / (1 − x²)."""
    x_sq, norm = x * x, (1 + x) ** 2 * (1 - x * x)
    for z in (0.1, 0.3, 0.7, 0.98, 1.0):
        top = max(z, x_sq)
        expected = quad(lambda t: (1 - t) * (1 - x_sq / t) / norm, x_sq, top, epsabs=1e-15)[0] if top > x_sq else 0.0
        assert flipped_below(z, x_sq) == pytest.approx(expected, rel=1e-9, abs=1e-15)
    assert flipped_below(7.0, x_sq) == flipped_below(1.0, x_sq)
    assert flipped_below(x_sq, x_sq) == 0


def test_massless_limit_is_the_decay_of_a_sterile_neutrino() -> None:
    for z in (0.2, 0.5, 1.0):
        assert flipped_below(z, 0.0) == pytest.approx(z * (2 - z) / 2, rel=1e-14)


def test_widths_are_those_of_two_body_phase_space() -> None:
    """Γ = |p| ⟨|M|²⟩ / 8π m², ⟨|M|²⟩ = g² |U_sj U_sk|² (m_j + m_k)²; m Γ here. Nothing decays to what is heavier."""
    Us_sq, mass = (0.01, 0.02, 0.04), (0.0, 0.3, 1.1)
    for j in range(3):
        for k in range(3):
            mj, mk = mass[j], mass[k]
            expected = 0.0
            if mk < mj:
                p = (mj**2 - mk**2) / (2 * mj)
                expected = p * 0.49 * Us_sq[j] * Us_sq[k] * (mj + mk) ** 2 / (8 * math.pi * mj**2) * mj
            assert light_width(0.7, Us_sq[j], Us_sq[k], mj**2, mk**2) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("dm2_31", [2.5e-3, -2.4e-3])
def test_widths_of_three_neutrinos(dm2_31: float) -> None:
    """|U_sj|² of the whole 4 × 4 matrix, to the edges of unitarity."""
    mixings = [(0.01, 0.02, 0.03), (0.0, 0.0, 0.2), (0.5, 0.3, 0.2), (1.0, 0.0, 0.0), (0.4, 0.6, 0.0)]
    values = np.array([(0.7, *one, 0.304, 0.0222, 0.573, 7.42e-5, dm2_31) for one in mixings]).T.copy()
    masses = np.array([0.0, 7.42e-5, dm2_31]) - min(0.0, dm2_31)
    for j in range(3):
        found = np.empty((3, len(mixings)))
        fill_light_widths(values, j, found)
        for i, one in enumerate(mixings):
            Us_sq = np.abs(mixing_matrix_3p1(0.304, 0.0222, 0.573, 0.0, *one, 0.0, 0.0)[3]) ** 2
            expected = [light_width(0.7, Us_sq[j], Us_sq[k], masses[j], masses[k]) for k in range(3)]
            np.testing.assert_allclose(found[:, i], expected, rtol=1e-9, atol=1e-24)


def test_what_is_seen_of_a_line() -> None:
    """Bins of a monochromatic flux add up to what decays; none are above it."""
    energy = 0.05 + 0.1 * np.arange(120)
    parents, out = np.zeros(120), np.zeros(120)
    parents[80] = 3.0
    add_flipped(energy, parents, 0.03, 2e-22, 1e9, 0.1, np.eye(120), out)
    exponent = 2e-22 * 1e9 / (energy[80] * 1e6 * HBARC_GEV_M * 1e9)
    decayed = 3 * -math.expm1(-exponent)
    assert out.sum() == pytest.approx(decayed * flipped_below(1.0, 0.03), rel=1e-12)
    assert (out[81:] == 0).all() and (out[:81] >= 0).all()
    density = [(1 - t) * (1 - 0.03 / t) for t in (energy[40] / energy[80], energy[60] / energy[80])]
    assert out[40] / out[60] == pytest.approx(density[0] / density[1], rel=1e-3)


def test_length_of_the_talk() -> None:
    """0.03 AU (1e-5/|U_s1 U_s3|²)(E/10 MeV), with ν1 massless and g = 1; it scales with Δm²_31."""
    model = registry.model(NAME)
    point = {"m_phi_over_m4": 0.0, "Ue4_sq": 2e-3, "Umu4_sq": 1e-3, "dm2_31": 2.5e-3}
    coupled = sterile_parts(point)
    found = model.light_decay_lengths(10.0, **point)
    assert 0.025 < found["nu3->nu1"] / FLIGHT * coupled[0] * coupled[2] / 1e-5 < 0.035
    assert found["nu2->nu1"] * coupled[1] == pytest.approx(found["nu3->nu1"] * coupled[2] * 2.5e-3 / 7.42e-5, rel=1e-12)
    assert set(found) == {"nu2->nu1", "nu3->nu1", "nu3->nu2"}
    inverted = model.light_decay_lengths(10.0, **{**point, "dm2_31": -2.5e-3})
    assert set(inverted) == {"nu2->nu1", "nu1->nu3", "nu2->nu3"}
    assert all(math.isinf(length) for length in model.light_decay_lengths(10.0, **point, coupling="operator").values())
    heavy = model.light_decay_lengths(10.0, **{**point, "m_phi_over_m4": 0.1})
    assert set(heavy) == set(found) and all(math.isinf(length) for length in heavy.values())
    assert all(math.isinf(length) for length in model.light_decay_lengths(1e308, **{**point, "g_phi": 1e-150}).values())
    with pytest.raises(InputError, match="massless"):
        model.light_decay_lengths(10.0, **{**point, "m_phi_over_m4": 1e-4})
    with pytest.raises(InputError, match="no energy"):
        model.light_decay_lengths(0.0, **point)


def sterile_parts(point: dict[str, float]) -> np.ndarray:
    """|U_si|², from what the three flavours leave of each ν_i."""
    U = mixing_matrix_3p1(0.304, 0.0222, 0.573, 0.0, point["Ue4_sq"], point["Umu4_sq"], 0.0, 0.0, 0.0)
    return np.asarray(1 - (np.abs(U[:3, :3]) ** 2).sum(axis=0))
