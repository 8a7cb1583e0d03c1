"""Upscattering: against traces of Dirac matrices, integrals with 40 digits, closed forms, limits and printed numbers."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest

from scanner.errors import InputError
from scanner.physics.form_factors import TARGETS, fourier_bessel, nuclide, sachs_neutron, sachs_proton
from scanner.physics.particles import MASS
from scanner.physics.upscattering import (
    CHARGE,
    CM2,
    DIPOLE,
    MEDIATORS,
    REGIMES,
    SCALAR,
    VECTOR,
    Target,
    differential,
    q2_limits,
    sigma_hat,
    target,
    threshold,
)
from scanner.units import ALPHA_EM, G_FERMI

# An independent amplitude: Dirac matrices, explicit momenta in the frame of the target, explicit form factors.

_PAULI = [np.array(x, complex) for x in ([[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]])]
GAMMA = [np.kron(np.diag([1, -1]), np.eye(2)).astype(complex)]
GAMMA += [np.kron([[0, 1], [-1, 0]], sigma) for sigma in _PAULI]
METRIC = np.diag([1.0, -1, -1, -1])
G5 = 1j * GAMMA[0] @ GAMMA[1] @ GAMMA[2] @ GAMMA[3]
P_L, ONE = (np.eye(4) - G5) / 2, np.eye(4, dtype=complex)
SIGMA = [[0.5j * (a @ b - b @ a) for b in GAMMA] for a in GAMMA]


def slash(p):
    return sum(METRIC[i, i] * p[i] * GAMMA[i] for i in range(4))


def barred(vertex):
    return GAMMA[0] @ vertex.conj().T @ GAMMA[0]


def tensor(vertices, p_out, m_out, p_in, m_in):
    """Σ over helicities of (ū Γ^μ u)(ū Γ^ν u)*."""
    left, right = slash(p_out) + m_out * ONE, slash(p_in) + m_in * ONE
    return np.array([[np.trace(left @ a @ right @ barred(b)) for b in vertices] for a in vertices])


def momenta(E, Q2, m, M):
    """Momenta k, p → k′, p′ with the target p at rest."""
    k, p = np.array([E, 0, 0, E]), np.array([M, 0, 0, 0.0])
    energy = E - Q2 / (2 * M)
    momentum = math.sqrt(energy**2 - m**2)
    cosine = (2 * E * energy - m**2 - Q2) / (2 * E * momentum)
    out = np.array([energy, momentum * math.sqrt(1 - cosine**2), 0, momentum * cosine])
    return k, p, out, k + p - out


def brute_force(mediator, E, Q2, m, m_mediator, M, F1, F2=0.0, spin_zero=False):
    """dσ/dQ² by traces, for a current F1 γ^μ + F2 iσ^μν q_ν/2M, a density F1, or a scalar nucleus of charge F1."""
    k, p, k_out, p_out = momenta(E, Q2, m, M)
    q = METRIC @ (k - k_out)
    if mediator == SCALAR:
        lepton = tensor([P_L], k_out, m, k, 0.0)[0, 0]
        hadron = (2 * M) ** 2 * F1**2 if spin_zero else tensor([F1 * ONE], p_out, M, p, M)[0, 0]
        squared = (lepton * hadron).real
    else:
        vertices = [g @ P_L for g in GAMMA]
        if mediator == DIPOLE:
            vertices = [2 * sum(SIGMA[i][j] * q[j] for j in range(4)) @ P_L for i in range(4)]
        lepton = tensor(vertices, k_out, m, k, 0.0)
        if spin_zero:
            hadron = F1**2 * np.multiply.outer(p + p_out, p + p_out)
        else:
            current = [
                F1 * GAMMA[i] + F2 / (2 * M) * 1j * sum(SIGMA[i][j] * q[j] for j in range(4)) for i in range(4)
            ]
            hadron = tensor(current, p_out, M, p, M)
        squared = np.einsum("ij,ik,jl,kl->", lepton, METRIC, METRIC, hadron).real
    average = 1.0 if spin_zero else 0.5
    return average * squared / (Q2 + m_mediator**2) ** 2 / (16 * math.pi * (2 * M * E) ** 2)


POINTS = [(0.7, 0.42, 0.03, 0.2), (0.7, 0.01, 1.25, 0.6), (3.0, 1.2, 0.3, 0.5), (20.0, 0.15, 0.0, 0.4)]
"""E, m, mediator, and where Q² lies between its limits, logarithmically."""


def between(E, m, M, share):
    low, high = q2_limits(E, m, M)
    return low ** (1 - share) * high**share


@pytest.mark.parametrize("mediator", range(3))
@pytest.mark.parametrize(("E", "m", "m_mediator", "share"), POINTS)
class TestDifferential:
    @pytest.mark.parametrize("spin", ["half", "zero"])
    def test_nucleus_against_traces(self, mediator, E, m, m_mediator, share, spin):
        carbon = target("C12", spin=spin)
        Q2 = between(E, m, carbon.mass, share)
        F = fourier_bessel(math.sqrt(Q2), carbon.terms)
        expected = brute_force(mediator, E, Q2, m, m_mediator, carbon.mass, F, spin_zero=spin == "zero")
        assert differential(mediator, E, Q2, m, m_mediator, *carbon) == pytest.approx(expected, rel=1e-9, abs=0)

    def test_nucleons_against_traces(self, mediator, E, m, m_mediator, share):
        """Carbon has six of each; a photon's or dark photon's neutron scatters by its magnetic moment."""
        for name, sachs in (("proton", sachs_proton), ("neutron", lambda Q2: sachs_neutron(Q2, MASS["n"]))):
            nucleon = target("C12", name)
            Q2 = between(E, m, nucleon.mass, share)
            tau = Q2 / (4 * nucleon.mass**2)
            electric, magnetic = sachs_proton(Q2) if mediator == SCALAR else sachs(Q2)
            F1, F2 = (electric + tau * magnetic) / (1 + tau), (magnetic - electric) / (1 + tau)
            expected = 6 * brute_force(mediator, E, Q2, m, m_mediator, nucleon.mass, F1, F2)
            assert differential(mediator, E, Q2, m, m_mediator, *nucleon) == pytest.approx(expected, rel=1e-9, abs=0)


@pytest.mark.parametrize("regime", ["proton", "neutron"])
def test_isospin_joins_the_currents_of_both_nucleons(regime):
    """Off protons V_p goes with the proton's form factors, V_n with the neutron's; off neutrons the other way round."""
    with_proton, with_neutron = 0.7, -0.4
    E, m, m_mediator, M = 1.5, 0.3, 0.2, MASS[regime[0]]
    Q2 = between(E, m, M, 0.7)
    tau = Q2 / (4 * M**2)
    pairs = zip(sachs_proton(Q2), sachs_neutron(Q2, M), strict=True)
    electric, magnetic = (with_proton * a + with_neutron * b for a, b in pairs)
    F1, F2 = (electric + tau * magnetic) / (1 + tau), (magnetic - electric) / (1 + tau)
    terms = [
        differential(VECTOR, E, Q2, m, m_mediator, *target("C12", regime, current=current)) / 6
        for current in ("proton", "interference", "neutron")
    ]
    found = with_proton**2 * terms[0] + with_proton * with_neutron * terms[1] + with_neutron**2 * terms[2]
    assert found == pytest.approx(brute_force(VECTOR, E, Q2, m, m_mediator, M, F1, F2), rel=1e-9)


class TestKinematics:
    @pytest.mark.parametrize("M", [MASS["p"], 11.17, 193.7])
    @pytest.mark.parametrize("m", [1e-6, 1e-3, 0.42, 5.0])
    @pytest.mark.parametrize("above", [1e-6, 1e-4, 0.3, 1e3])
    def test_limits_of_q2_with_60_digits(self, m, M, above):
        E = threshold(m, M) * (1 + above)
        with mp.workdps(60):
            E_, m_, M_ = mp.mpf(E), mp.mpf(m), mp.mpf(M)
            s = M_**2 + 2 * M_ * E_
            E1, E3 = (s - M_**2) / (2 * mp.sqrt(s)), (s + m_**2 - M_**2) / (2 * mp.sqrt(s))
            p3 = mp.sqrt(E3**2 - m_**2)
            expected = [float(2 * E1 * (E3 + sign * p3) - m_**2) for sign in (-1, 1)]
        # What E in floating-point numbers says of its distance to the threshold is good to 1e-16/above.
        assert q2_limits(E, m, M) == pytest.approx(expected, rel=1e-12 + 1e-15 / above, abs=0)

    def test_heavy_target(self):
        E, m = 0.7, 0.42
        p = math.sqrt(E**2 - m**2)
        assert q2_limits(E, m, 1e9) == pytest.approx(((E - p) ** 2, (E + p) ** 2), rel=1e-8)

    def test_threshold_in_the_rest_frame_of_everything(self):
        m, M = 0.42, 11.17
        assert math.sqrt(M**2 + 2 * M * threshold(m, M)) == pytest.approx(M + m, rel=1e-14)
        assert q2_limits(threshold(m, M) * (1 - 1e-12), m, M) == (0, 0)

    def test_outside_of_the_limits_there_is_nothing(self):
        carbon = target("C12")
        low, high = q2_limits(0.7, 0.42, carbon.mass)
        for Q2 in (-1.0, 0.0, low * (1 - 1e-9), high * (1 + 1e-9), math.inf):
            assert differential(VECTOR, 0.7, Q2, 0.42, 0.03, *carbon) == 0
        assert differential(VECTOR, 0.4, 0.1, 0.42, 0.03, *carbon) == 0


# Totals with 40 digits: limits by subtraction, s - u, form factors spelt out, and the plain variable q.


def precise_response(of: Target, name: str, regime: str, form_factor: str, Q2):
    """G_E and G_M."""
    if regime == "coherent":
        x = mp.sqrt(Q2) * mp.mpf(of.terms[0])
        if form_factor == "helm":
            y = mp.sqrt(Q2) * mp.mpf(of.terms[1])
            F = 3 * (mp.sin(x) - x * mp.cos(x)) / x**3 * mp.exp(-y * y / 2)
        else:
            F = mp.sin(x) / x * mp.fsum(mp.mpf(c) / ((n * mp.pi) ** 2 - x * x) for n, c in enumerate(of.terms[1:], 1))
        return F, F
    dipole, tau = (1 + Q2 / mp.mpf("0.843") ** 2) ** -2, Q2 / (4 * mp.mpf(of.mass) ** 2)
    if regime == "proton":
        return dipole, mp.mpf("2.79284734463") * dipole
    mu = mp.mpf("-1.91304273")
    return -mu * tau / (1 + mp.mpf("5.6") * tau) * dipole, mu * dipole


def precise_total(mediator, name, regime, form_factor, E, m, m_mediator):
    of = target(name, regime, form_factor)
    E, m, X, M = mp.mpf(E), mp.mpf(m), mp.mpf(m_mediator), mp.mpf(of.mass)
    s = M**2 + 2 * M * E
    E1, E3 = M * E / mp.sqrt(s), (s + m**2 - M**2) / (2 * mp.sqrt(s))
    low, high = (2 * E1 * (E3 + sign * mp.sqrt(E3**2 - m**2)) - m**2 for sign in (-1, 1))
    if regime == "coherent":
        high = min(high, 4 if form_factor == "helm" else ((len(of.terms) - 1) * mp.pi / mp.mpf(of.terms[0])) ** 2)

    def integrand(v):
        Q2 = mp.exp(v)
        electric, magnetic = precise_response(of, name, regime, form_factor, Q2)
        tau, su = Q2 / (4 * M**2), 4 * M * E - Q2 - m**2
        R = (electric**2 + tau * magnetic**2) / (1 + tau)
        if mediator == "vector":
            Sigma = 2 * magnetic**2 * (Q2 + m**2) * (2 * Q2 - m**2)
            Sigma += 2 * R * (su**2 - (4 * M**2 + Q2) * (Q2 + m**2))
        elif mediator == "scalar":
            F_S = (electric + tau * magnetic) / (1 + tau)
            Sigma = 2 * F_S**2 * (Q2 + m**2) * (4 * M**2 + Q2)
        else:
            Sigma = -2 * magnetic**2 * Q2 * (Q2 - 2 * m**2) * (Q2 + m**2)
            Sigma = 4 * (Sigma + 2 * R * (Q2 * su**2 - (4 * M**2 + Q2) * m**2 * (Q2 + m**2)))
        return Q2 * Sigma / (32 * mp.pi * (s - M**2) ** 2 * (Q2 + X**2) ** 2)

    ends = [mp.log(low) + (mp.log(high) - mp.log(low)) * i / 16 for i in range(17)]
    return float(of.number * mp.quad(integrand, ends, maxdegree=4))


TOTALS = [
    ("vector", "C12", "coherent", "fourier_bessel", 0.7, 0.42, 0.03),
    ("vector", "Pb208", "coherent", "fourier_bessel", 0.43, 0.42, 1.25),
    ("vector", "Pb208", "coherent", "helm", 2.0, 0.01, 1e-6),  # mediator² = 1e-12, least Q² = 6e-10
    ("vector", "Ar40", "coherent", "helm", 5.0, 0.001, 0.1),
    ("scalar", "C12", "coherent", "helm", 0.7, 0.42, 0.03),
    ("scalar", "Ar40", "coherent", "fourier_bessel", 3.0, 0.05, 0.0),
    ("dipole", "Pb208", "coherent", "fourier_bessel", 1.0, 0.1, 0.0),
    ("dipole", "H1", "proton", "", 100.0, 1e-5, 0.0),
    ("vector", "H1", "proton", "", 30.0, 0.2, 0.03),
    ("scalar", "O16", "proton", "", 1.0, 0.3, 1e-4),
    ("vector", "O16", "neutron", "", 1.0, 0.3, 0.03),
    ("dipole", "O16", "neutron", "", 1.0, 0.3, 0.0),
]


class TestTotal:
    @pytest.mark.parametrize(("mediator", "name", "regime", "form_factor", "E", "m", "m_mediator"), TOTALS)
    def test_against_an_integral_with_40_digits(self, mediator, name, regime, form_factor, E, m, m_mediator):
        with mp.workdps(40):
            expected = precise_total(mediator, name, regime, form_factor, E, m, m_mediator)
        of = target(name, regime, form_factor or "helm")
        assert sigma_hat(mediator, E, m, m_mediator, of) == pytest.approx(expected, rel=1e-9, abs=0)
