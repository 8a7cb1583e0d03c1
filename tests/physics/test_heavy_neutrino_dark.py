"""Dark decays of a heavy neutrino against traces of Dirac matrices integrated over phase space, and limits."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest

from scanner import units
from scanner.errors import InputError
from scanner.physics.heavy_neutrino_channels import FLAVOURS, INPUTS
from scanner.physics.heavy_neutrino_dark import (
    Alp,
    alp_photon_loop,
    alp_widths,
    contact_widths,
    dipole_widths,
    to_alp_width,
    vector_coupling,
    virtual_photon,
)
from scanner.physics.heavy_neutrino_decays import weak_widths
from scanner.physics.heavy_neutrino_mediators import (
    DarkPhoton,
    Scalar,
    dark_photon_widths,
    scalar_widths,
    to_scalar_width,
    to_vector_width,
)
from scanner.physics.particles import MASS
from scanner.physics.phase_space import NODES, gauss_legendre
from scanner.units import ALPHA_EM

RULE = gauss_legendre(NODES)

# Dirac matrices, chiral basis.
METRIC = np.diag([1.0, -1.0, -1.0, -1.0])
_PAULI = np.array([np.eye(2), [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
GAMMA = np.zeros((4, 4, 4), dtype=complex)
GAMMA[:, :2, 2:], GAMMA[:, 2:, :2] = _PAULI, _PAULI * np.array([1, -1, -1, -1])[:, None, None]
LOWER = np.einsum("ij,jab->iab", METRIC, GAMMA)
LEFT, RIGHT, ONE = np.diag([1.0, 1, 0, 0]), np.diag([0.0, 0, 1, 1]), np.eye(4)
FIVE = RIGHT - LEFT
SIGMA = 0.5j * (np.einsum("iab,jbc->ijac", GAMMA, GAMMA) - np.einsum("jab,ibc->ijac", GAMMA, GAMMA))


def slash(p):
    return np.einsum("i,iab->ab", p, LOWER)


def barred(vertices):
    return GAMMA[0] @ np.conj(np.swapaxes(vertices, -1, -2)) @ GAMMA[0]


def traced(outgoing, incoming, vertices):
    """Tr[outgoing Γ_k incoming Γ̄_l] for every pair of vertices."""
    return np.einsum("ab,kbc,cd,lda->kl", outgoing, vertices, incoming, barred(vertices))


def two_body(m, product, vertices, polarisations=None):
    """Width of N → ν X for the vertices ν̄ Γ_k N of each component of X, contracted with its polarisations."""
    p = (m**2 - product**2) / (2 * m)
    nu, N = np.array([p, 0, 0, p]), np.array([m, 0, 0, 0.0])
    tensor = traced(slash(nu), slash(N) + m * ONE, np.asarray(vertices(N - nu)))
    total = np.sum(tensor * (1 if polarisations is None else polarisations(N - nu)))
    return 0.5 * total.real * p / (8 * math.pi * m**2)


def three_body(m, lepton, vertices):
    """Width of N → ν l⁺ l⁻ by quadrature over q² of the pair and over its angle.

    vertices(q, s) gives pairs of factors ν̄ A_k N · l̄ B_k l, already with their propagators.
    """
    total, lowest = 0.0, 4 * lepton**2
    nodes, weights = np.polynomial.legendre.leggauss(200)
    # The velocity of the leptons is tanh(t), and light ones take s over decades.
    t = 0.5 * (nodes + 1) * math.acosh(m / (2 * lepton))
    points, measure = lowest * np.cosh(t) ** 2, lowest * np.sinh(2 * t) * 0.5 * math.acosh(m / (2 * lepton))
    for s, step in zip(points, measure * weights, strict=True):
        total += step * _at(m, lepton, s, vertices)
    return total


def _at(m, lepton, s, vertices):
    energy, p = (m**2 + s) / (2 * m), (m**2 - s) / (2 * m)
    N, nu, q = np.array([m, 0, 0, 0.0]), np.array([p, 0, 0, -p]), np.array([energy, 0, 0, p])
    velocity, mean = math.sqrt(1 - 4 * lepton**2 / s), 0.0
    A, B = (np.asarray(x) for x in vertices(q, s))
    hadronic = traced(slash(nu), slash(N) + m * ONE, A)
    for cos, weight in zip(*np.polynomial.legendre.leggauss(3), strict=True):
        along, across = 0.5 * velocity * cos, 0.5 * velocity * math.sqrt(s) * math.sqrt(1 - cos**2)
        minus = np.array([0.5 * energy + along * p, across, 0, 0.5 * p + along * energy])
        leptonic = traced(slash(minus) + lepton * ONE, slash(q - minus) - lepton * ONE, B)
        mean += 0.5 * weight * np.sum(hadronic * leptonic).real
    return 0.5 * mean / (2 * m) * p / (4 * math.pi * m) * velocity / (8 * math.pi) / (2 * math.pi)


def vector_exchange(lepton, flavour, shift):
    """Z, W and a new vector: 2√2 G_F (ν̄ γ^μ P_L N)(l̄ γ_μ (g_L P_L + g_R P_R) l), both couplings moved by shift(s)."""
    gL = INPUTS.sin2_theta_w - 0.5 + (lepton == flavour)

    def vertices(q, s):
        A = 2 * math.sqrt(2) * units.G_FERMI * GAMMA @ LEFT
        return A, LOWER @ ((gL + shift(s)) * LEFT + (INPUTS.sin2_theta_w + shift(s)) * RIGHT)

    return vertices


class TestContact:
    @pytest.mark.parametrize(("mass", "channel", "lepton"), [(0.25, "nu_e_e", "e"), (0.25, "nu_mu_mu", "mu")])
    @pytest.mark.parametrize("flavour", ["e", "mu"])
    @pytest.mark.parametrize("G_X", [-2e-5, 1e-3])
    def test_against_traces(self, mass, channel, lepton, flavour, G_X):
        a, new = FLAVOURS.index(flavour), contact_widths(mass)
        found = weak_widths(mass)[channel][a] + G_X * new.interference[channel][a] + G_X**2 * new.square[channel]
        shift = G_X / (4 * units.G_FERMI)
        expected = three_body(mass, MASS[lepton], vector_exchange(lepton, flavour, lambda s: shift))
        assert found == pytest.approx(expected, rel=1e-9, abs=0)

    def test_massless_leptons(self):
        m = 2.0
        assert contact_widths(m).square["nu_e_e"] == pytest.approx(m**5 / (1536 * math.pi**3), rel=1e-5)

    def test_closed_below_threshold(self):
        new = contact_widths(0.2)
        assert new.square["nu_mu_mu"] == 0 and not new.interference["nu_mu_mu"].any()

    def test_electrons_of_a_muon_flavoured_N_hardly_interfere(self):
        """g_L + g_R is 2s² - 1/2 there, and one more through the W."""
        assert vector_coupling("e") == pytest.approx([0.9772, -0.0228, -0.0228])


class TestDipole:
    @pytest.mark.parametrize(("mass", "channel", "lepton"), [(0.02, "nu_e_e", "e"), (0.3, "nu_mu_mu", "mu")])
    def test_against_traces(self, mass, channel, lepton):
        d, charge = 0.5, math.sqrt(4 * math.pi * ALPHA_EM)

        def vertices(q, s):  # σF = 2 σ^{μν} ∂_μ A_ν
            return 2 * d * np.einsum("ijab,i->jab", SIGMA, METRIC @ q) @ RIGHT, charge / s * LOWER

        assert dipole_widths(mass)[channel] == pytest.approx(three_body(mass, MASS[lepton], vertices), rel=1e-9, abs=0)

    def test_photon_against_traces(self):
        def vertices(q):
            return np.einsum("ijab,i->jab", SIGMA, METRIC @ q) @ RIGHT

        assert dipole_widths(0.3)["nu_gamma"] == pytest.approx(
            two_body(0.3, 0.0, vertices, lambda q: -METRIC), rel=1e-12, abs=0
        )

    def test_published_ratio(self):
        """0.73 % at 250 MeV (shared/physics/heavy_neutrinos.md, section 7)."""
        widths = dipole_widths(0.25)
        assert widths["nu_e_e"] / widths["nu_gamma"] == pytest.approx(0.0073, rel=5e-3)

    @pytest.mark.parametrize("mass", [2.0, 0.25, 0.01, 1.2e-3, 1.022e-3])
    def test_closed_form(self, mass):
        """That of the note, at 40 digits, as near the threshold it cancels."""
        with mp.workdps(40):
            r = mp.mpf(MASS["e"]) / mp.mpf(mass)
            B = mp.sqrt(1 - 4 * r**2)
            tail = r**2 * B * (2 * r**2 - 5) + 8 * r**6 * mp.log((1 + B) / (2 * r))
            expected = float(2 * mp.log((1 + B) / r) - mp.log(4) - 3 * B - tail)
        assert virtual_photon(mass, MASS["e"], *RULE) == pytest.approx(expected, rel=1e-12, abs=0)

    def test_leading_logarithm(self):
        assert virtual_photon(2.0, MASS["e"], *RULE) == pytest.approx(2 * math.log(2.0 / MASS["e"]) - 3, rel=1e-5)

    def test_closed_below_threshold(self):
        assert dipole_widths(2 * MASS["e"])["nu_e_e"] == 0.0
        with pytest.raises(InputError, match="mass"):
            dipole_widths(math.nan)


class TestMediatorsAgainstTraces:
    """Off-shell, where the integrand is smooth, and on-shell as two-body decays."""

    @pytest.mark.parametrize(("channel", "lepton"), [("nu_e_e", "e"), ("nu_mu_mu", "mu")])
    @pytest.mark.parametrize("flavour", ["e", "mu"])
    @pytest.mark.parametrize("epsilon", [-1e-4, 2e-4])
    def test_heavier_dark_photon(self, channel, lepton, flavour, epsilon):
        m, M, a = 0.26, 0.4, FLAVOURS.index(flavour)
        new = dark_photon_widths(m, DarkPhoton(M, 0.3, epsilon))
        found = weak_widths(m)[channel][a] + new.interference[channel][a] + new.square[channel]
        product = math.sqrt(4 * math.pi * 0.3) * math.sqrt(4 * math.pi * ALPHA_EM) * epsilon

        def shift(s):  # V_a V_l = (-g_D U_a4)(-e ε)
            return product / (2 * math.sqrt(2) * units.G_FERMI * (M**2 - s))

        expected = three_body(m, MASS[lepton], vector_exchange(lepton, flavour, shift))
        assert found == pytest.approx(expected, rel=1e-8, abs=0)

    def test_wide_dark_photon_on_its_shell(self):
        """BR_inv makes Γ/M = 0.5 here; the sum with the weak amplitude is coherent, the phase that of the pole."""
        m, M, epsilon, BR_inv = 0.2, 0.1, 0.02, 1 - 2e-6
        new = dark_photon_widths(m, DarkPhoton(M, 1e-10, epsilon, BR_inv))
        found = weak_widths(m)["nu_e_e"][0] + new.interference["nu_e_e"][0] + new.square["nu_e_e"]
        product = math.sqrt(4 * math.pi * 1e-10) * math.sqrt(4 * math.pi * ALPHA_EM) * epsilon

        def running(s):
            r = MASS["e"] ** 2 / s
            return ALPHA_EM * epsilon**2 / 3 * s * (1 + 2 * r) * math.sqrt(1 - 4 * r)

        invisible = BR_inv / (1 - BR_inv) * running(M**2) / M**2

        def shift(s):
            width = running(s) + invisible * s
            return product / (2 * math.sqrt(2) * units.G_FERMI * complex(M**2 - s, -width))

        assert invisible == pytest.approx(0.5, rel=0.05)
        expected = three_body(m, MASS["e"], vector_exchange("e", "e", shift))
        assert found == pytest.approx(expected, rel=1e-8, abs=0)
        assert abs(new.interference["nu_e_e"][0]) > 0.02 * found

    @pytest.mark.parametrize(
        ("product", "lepton", "couplings"), [("e_e", "e", (0.3, 0.0)), ("mu_mu", "mu", (0.0, 0.2))]
    )
    def test_heavier_scalar(self, product, lepton, couplings):
        m, M = 0.3, 0.35

        def vertices(q, s):
            return [RIGHT], [max(couplings) / (s - M**2) * ONE]

        found = scalar_widths(m, Scalar(M, *couplings))[product]
        # The width that runs in the propagator is of the next order in the coupling.
        smaller = scalar_widths(m, Scalar(M, *(1e-4 * g for g in couplings)))[product] * 1e8
        assert smaller == pytest.approx(three_body(m, MASS[lepton], vertices), rel=1e-8, abs=0)
        assert found == pytest.approx(smaller, rel=1e-2)

    def test_scalar_and_weak_decays_do_not_interfere(self):
        m, M = 0.26, 0.35
        weak = vector_exchange("mu", "mu", lambda s: 0.0)

        def both(q, s):
            A, B = weak(q, s)
            return [*A, 1e-5 * RIGHT], [*B, ONE / (s - M**2)]

        expected = 1e-10 * scalar_widths(m, Scalar(M, g_mu=1e-4))["mu_mu"] * 1e8 + weak_widths(m)["nu_mu_mu"][1]
        assert three_body(m, MASS["mu"], both) == pytest.approx(expected, rel=1e-8, abs=0)

    def test_on_shell(self):
        m, M = 0.4, 0.15
        vector = two_body(m, M, lambda q: GAMMA @ LEFT, lambda q: np.outer(METRIC @ q, METRIC @ q) / M**2 - METRIC)
        assert to_vector_width(m, M) == pytest.approx(vector, rel=1e-12, abs=0)
        assert to_scalar_width(m, M) == pytest.approx(two_body(m, M, lambda q: [RIGHT]), rel=1e-12, abs=0)
        alp = two_body(m, M, lambda q: [slash(q) @ LEFT / (2 * 7.0)])
        assert to_alp_width(m, Alp(M, 7.0)) == pytest.approx(alp, rel=1e-12, abs=0)
        assert to_vector_width(m, m) == to_scalar_width(m, 0.5) == to_alp_width(m, Alp(0.5, 7.0)) == 0


class TestAlp:
    def test_loop(self):
        with mp.workdps(30):
            for z in (1e-12, 0.03, 0.0999999, 0.1000001, 0.7, 1 - 1e-9, 1.0, 1 + 1e-9, 30.0, 1e5):
                expected = complex(1 - mp.asin(mp.sqrt(mp.mpf(z))) ** 2 / z)
                found = alp_photon_loop(z)
                assert (found.real, abs(found.imag)) == pytest.approx(
                    (expected.real, abs(expected.imag)), rel=1e-11, abs=0
                )

    def test_limits_of_the_loop(self):
        """A heavy electron decouples from a derivative coupling; a light one leaves the anomaly."""
        assert alp_photon_loop(0.0) == 0
        assert alp_photon_loop(1e-6) == pytest.approx(-1e-6 / 3, rel=1e-6, abs=0)
        assert alp_photon_loop(1e12) == pytest.approx(1, abs=1e-9)

    def test_widths(self):
        m, f, r = 0.05, 30.0, MASS["e"] / 0.05
        widths = alp_widths(Alp(m, f, c_e=2.0))
        yukawa = 2.0 * MASS["e"] / f
        assert widths["e_e"] == pytest.approx(yukawa**2 * m / (8 * math.pi) * math.sqrt(1 - 4 * r**2), rel=1e-12, abs=0)
        # 1/9 % of corrections by the electron's mass: |1 - F|² at z = 2400.
        anomaly = (2.0 * ALPHA_EM / (math.pi * f)) ** 2 * m**3 / (64 * math.pi)
        assert widths["gamma_gamma"] == pytest.approx(anomaly, rel=0.02, abs=0)
        assert alp_widths(Alp(2 * MASS["e"], f, 2.0))["e_e"] == 0

    def test_photon_amplitudes_add(self):
        """c_gamma = -(α/π) c_e undoes the anomaly: what is left is the electron's mass."""
        both = alp_widths(Alp(1.0, 10.0, 1.0, -ALPHA_EM / math.pi))["gamma_gamma"]
        apart = [alp_widths(Alp(1.0, 10.0, *of))["gamma_gamma"] for of in ((1.0, 0.0), (0.0, ALPHA_EM / math.pi))]
        assert both < 1e-4 * apart[0]
        assert apart[0] == pytest.approx(apart[1], rel=1e-3, abs=0)
        tree = (0.3 / 10) ** 2 / (64 * math.pi)
        assert alp_widths(Alp(1.0, 10.0, 0.0, -0.3))["gamma_gamma"] == pytest.approx(tree, rel=1e-12, abs=0)
