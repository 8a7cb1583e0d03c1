"""Visible decay of ν4 against rest-frame kinematics, quadrature, and conservation of number and energy."""

from __future__ import annotations

import itertools
import math

import mpmath
import numpy as np
import pytest
from scipy import integrate

from scanner.physics import visible_sterile_decay as decay
from scanner.physics.phase_space import gauss_legendre
from scanner.units import HBARC_GEV_M

RULE = gauss_legendre(decay.RULE)
EDGES = np.array([0.0, 0.5, 1.0, 1.7, 3.0, 5.0, 9.5, 12.0])
ENERGY = 10.0
PROMPT = math.inf


def daughters(r: float, flipping: bool, edges: np.ndarray = EDGES, a4: float = PROMPT) -> np.ndarray:
    out = np.empty((1, edges.size - 1))
    decay.fill_daughters(np.array([ENERGY]), np.array([a4]), r, flipping, edges, out)
    return out[0]


def secondaries(r: float, a4: float, a_phi: float, edges: np.ndarray = EDGES) -> np.ndarray:
    out = np.empty((1, edges.size - 1))
    decay.fill_secondaries(np.array([ENERGY]), np.array([float(a4)]), np.array([float(a_phi)]), r, edges, *RULE, out)
    return out[0]


def test_widths_from_the_amplitudes() -> None:
    """|M|² = g² (m4² − m_φ²) for ν4 (both helicities), 2 g² m_φ² for φ; two-body phase space p/8πm²."""
    g, m4, r, Us = 0.7, 300.0, 0.4, 0.98
    m_phi = r * m4
    momentum = (m4**2 - m_phi**2) / (2 * m4)
    expected = g**2 * Us * (1 - Us) * (m4**2 - m_phi**2) * momentum / (8 * math.pi * m4**2)
    assert decay.sterile_width(g, m4, r, Us) == pytest.approx(expected, rel=1e-13)
    expected = (g * (1 - Us)) ** 2 * 2 * m_phi**2 * (m_phi / 2) / (8 * math.pi * m_phi**2)
    assert decay.scalar_width(g, m_phi, Us) == pytest.approx(expected, rel=1e-13)
    assert decay.operator_width(g, m4, 0.0) == pytest.approx(g**2 * m4 / (16 * math.pi), rel=1e-15)
    assert decay.operator_width(g, m4, 1.0) == decay.operator_width(g, m4, 1.5) == 0


def test_exponent_of_decay() -> None:
    """Γ t/γ with natural units spelled out: 1 eV² over 541 m at 600 MeV."""
    expected = 1e-18 * 541 / (0.6 * HBARC_GEV_M)
    assert decay.decay_exponent(1.0, 541.0, 600.0) == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize(
    ("a", "b"),
    [(1e-9, 2e-9), (0.3, 0.3), (0.3, 0.3 + 1e-9), (1, 1e-12), (5, 7), (1e3, 2), (0.49, 0.52), (1e-3, 400), (699, 701)],
)
def test_chain_probability_to_rounding(a: float, b: float) -> None:
    with mpmath.workdps(60):
        x, y = mpmath.mpf(a), mpmath.mpf(b)
        apart = x - y if a != b else mpmath.mpf(10) ** -25
        y = x - apart
        expected = 1 + (y * mpmath.exp(-x) - x * mpmath.exp(-y)) / apart
    assert decay.chain_probability(a, b) == pytest.approx(float(expected), rel=1e-14, abs=0)
    assert decay.chain_probability(a, b) == decay.chain_probability(b, a)


def test_limits_of_the_chain() -> None:
    assert decay.chain_probability(PROMPT, PROMPT) == 1
    assert decay.chain_probability(0.0, PROMPT) == decay.chain_probability(0.0, 0.0) == 0
    assert decay.chain_probability(PROMPT, 0.2) == pytest.approx(-math.expm1(-0.2), rel=1e-14)
    assert decay.chain_probability(1e-7, 3e-7) == pytest.approx(1.5e-14, rel=1e-6)


def test_chain_is_the_convolution_of_two_decays() -> None:
    a, b = 1.3, 0.8
    expected = integrate.quad(lambda s: a * math.exp(-a * s) * -math.expm1(-b * (1 - s)), 0, 1)[0]
    assert decay.chain_probability(a, b) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("r", [0.0, 0.3, 0.9])
def test_daughters_from_the_rest_frame(r: float) -> None:
    """A daughter of the same helicity goes as (1 + cos θ)/2 along ν4, with z = (1 − r²)(1 + cos θ)/2."""
    most = 1 - r**2
    for flipping, sign in ((False, 1), (True, -1)):
        for i, found in enumerate(daughters(r, flipping)):
            low, high = (min(2 * e / ENERGY / most - 1, 1.0) for e in EDGES[i : i + 2])
            expected = integrate.quad(lambda c, sign=sign: (1 + sign * c) / 2, low, high)[0]
            assert found == pytest.approx(expected, rel=1e-12, abs=1e-15)
    z = np.linspace(-0.1, 1.1, 25)
    both = [decay.daughter_density(x, r, False) + decay.daughter_density(x, r, True) for x in z]
    np.testing.assert_allclose(both, np.where((z >= 0) & (z <= most), 2 / most, 0.0), rtol=1e-12)


def test_daughters_in_flight() -> None:
    np.testing.assert_allclose(daughters(0.3, True, a4=0.2), daughters(0.3, True) * -math.expm1(-0.2), rtol=1e-14)


@pytest.mark.parametrize(("a4", "a_phi"), [(PROMPT, PROMPT), (0.7, 0.9), (20.0, 0.01), (1e-3, 30.0), (1e-6, 1e-6)])
@pytest.mark.parametrize("r", [0.01, 0.4, 0.95])
def test_secondaries_against_quadrature(r: float, a4: float, a_phi: float) -> None:
    def between(low: float, high: float) -> float:
        def per_phi(t: float) -> float:
            return (min(high, t) - min(low, t)) / t * decay.chain_probability(a4, a_phi / t) / (1 - r * r)

        points = sorted({r * r, 1.0, *(x for x in (low, high) if r * r < x < 1)})
        parts = itertools.pairwise(points)
        return sum(integrate.quad(per_phi, *part, epsabs=0, epsrel=1e-11, limit=200)[0] for part in parts)

    expected = [between(*(EDGES[i : i + 2] / ENERGY)) for i in range(EDGES.size - 1)]
    np.testing.assert_allclose(secondaries(r, a4, a_phi), expected, rtol=1e-9, atol=0)


@pytest.mark.parametrize("r", [1e-3, 0.3, 0.9, 0.999])
def test_closed_form_of_prompt_secondaries(r: float) -> None:
    density = decay.prompt_secondary_density
    for i, found in enumerate(secondaries(r, PROMPT, PROMPT)):
        low, high = EDGES[i : i + 2] / ENERGY
        points = [r * r] if low < r * r < high else None
        expected = integrate.quad(density, low, min(high, 1.0), (r,), points=points, epsrel=1e-12)[0]
        assert found == pytest.approx(expected, rel=1e-10, abs=1e-14)
    # All energy goes to φ near r = 1, and its neutrinos are flat; a light φ has −ln x.
    assert density(0.4, 0.9999) == pytest.approx(1.0, rel=2e-4)
    assert density(0.4, 1e-6) == pytest.approx(-math.log(0.4), rel=1e-10)
    assert density(-0.1, r) == density(1.1, r) == 0


def test_energy_is_conserved() -> None:
    """⟨E₁⟩ + 2⟨E₃⟩ = E₄ when everything has decayed."""
    r = 0.35
    mean = {
        flipping: integrate.quad(lambda z, f=flipping: z * decay.daughter_density(z, r, f), 0, 1 - r * r)[0]
        for flipping in (False, True)
    }
    pair = integrate.quad(lambda x: x * decay.prompt_secondary_density(x, r), 0, 1, points=[r * r])[0]
    assert mean[False] == pytest.approx(2 * (1 - r * r) / 3, rel=1e-12)
    assert 0.5 * (mean[False] + mean[True]) + 2 * pair == pytest.approx(1.0, rel=1e-10)


@pytest.mark.parametrize(("a4", "a_phi"), [(PROMPT, PROMPT), (0.4, 2.0)])
def test_number_is_conserved(a4: float, a_phi: float) -> None:
    """Bins hold all that decayed, however they are chosen."""
    r = 0.5
    whole = np.array([0.0, ENERGY])
    assert daughters(r, False, whole, a4)[0] == pytest.approx(-math.expm1(-a4), rel=1e-14)
    chains = integrate.quad(lambda t: decay.chain_probability(a4, a_phi / t) / (1 - r * r), r * r, 1)[0]
    assert secondaries(r, a4, a_phi, whole)[0] == pytest.approx(chains, rel=1e-12)
    assert secondaries(r, a4, a_phi).sum() == pytest.approx(chains, rel=1e-12)


def test_long_lived_chains_grow_with_the_square_of_length() -> None:
    """P → a4 a_φ/2, and what is linear in 1/t is exact: n = a4 a_φ ln(1/r²)/(2 (1 − r²)) in all."""
    r, a4, a_phi = 0.4, 1e-6, 3e-6
    expected = 0.5 * a4 * a_phi * math.log(1 / r**2) / (1 - r**2)
    assert secondaries(r, a4, a_phi, np.array([0.0, ENERGY]))[0] == pytest.approx(expected, rel=1e-5)


def test_massless_phi_makes_nothing() -> None:
    assert (secondaries(0.0, PROMPT, 0.0) == 0).all()


def test_what_is_lost_is_what_decays() -> None:
    """Σ_b |δ − U U* (1 − e^{−iφ−a/2})|² = 1 − |U_a4|² (1 − e^{−a}): daughters go as e^{−L/L_dec}, not e^{−L/2L_dec}."""
    mixings = np.array([0.1, 0.2, 0.05, 0.65])
    for phase, a4 in ((0.7, 0.9), (30.0, 0.01), (1e-3, 5.0)):
        for a, Ua in enumerate(mixings):
            left = sum(decay.coherent_probability(a == b, Ua, Ub, phase, a4) for b, Ub in enumerate(mixings))
            assert 1 - left == pytest.approx(Ua * -math.expm1(-a4), rel=1e-12)


def test_coherent_probability_as_complex_amplitudes() -> None:
    amplitude = 1 - np.exp(-0.7j - 0.45)
    assert decay.coherent_probability(False, 0.1, 0.2, 0.7, 0.9) == pytest.approx(0.02 * abs(amplitude) ** 2)
    assert decay.coherent_probability(True, 0.1, 0.1, 0.7, 0.9) == pytest.approx(abs(1 - 0.1 * amplitude) ** 2)
    # Without loss of digits at a short distance: |iφ + a/2|² is 1.25e-24 φ.
    tiny = decay.coherent_probability(False, 1.0, 1.0, 1e-12, 1e-12)
    assert tiny == pytest.approx(1.25e-24, rel=1e-10)
