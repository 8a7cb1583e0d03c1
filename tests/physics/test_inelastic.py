"""Inelastic upscattering: traces, the elastic limit, the cross section of electrons, published structure functions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate

from scanner.errors import InputError
from scanner.physics.form_factors import sachs_neutron, sachs_proton
from scanner.physics.inelastic import (
    COLUMNS,
    NODES,
    PION_THRESHOLD,
    double_differential,
    fill_inelastic,
    forward_and_backward,
    inelastic_sigma_hat,
    inelastic_threshold,
    polarisation,
    squared,
    transfer_limits,
    transfer_spectrum,
    upscattered,
)
from scanner.physics.particles import MASS
from scanner.physics.phase_space import gauss_legendre
from scanner.physics.structure_functions import (
    LOW_Q2,
    SHADOW_CORNERS,
    longitudinal,
    neutron_share,
    proton_f2_over_q2,
    shadowing,
    transverse,
)
from scanner.physics.upscattered import PARTS, Grid
from scanner.physics.upscattering import DIPOLE, SCALAR, VECTOR, differential, q2_limits, target
from scanner.units import ALPHA_EM, HBARC_GEV_FM

M, NU0 = MASS["p"], PION_THRESHOLD
PROTON, IRON = (1, 0), (26, 30)
RULE = gauss_legendre(NODES)
EMPTY = np.empty((0, len(COLUMNS)))

# An independent amplitude: Dirac matrices, explicit momenta, and the tensor of the hadrons with indices.

_PAULI = [np.array(x, complex) for x in ([[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]])]
GAMMA = [np.kron(np.diag([1, -1]), np.eye(2)).astype(complex)]
GAMMA += [np.kron([[0, 1], [-1, 0]], sigma) for sigma in _PAULI]
METRIC, ONE = np.diag([1.0, -1, -1, -1]), np.eye(4, dtype=complex)
G5 = 1j * GAMMA[0] @ GAMMA[1] @ GAMMA[2] @ GAMMA[3]
LEFT = (ONE - G5) / 2


def dot(a, b):
    return a @ METRIC @ b


def slash(p):
    return sum(METRIC[i, i] * p[i] * GAMMA[i] for i in range(4))


def momenta(E, nu, Q2, m):
    """k, p_N, and spin vectors along the flight of N and across it towards the beam."""
    energy = E - nu
    momentum = math.sqrt(energy**2 - m**2)
    cosine = (2 * E * energy - m**2 - Q2) / (2 * E * momentum)
    sine = math.sqrt(1 - cosine**2)
    k, out = np.array([E, 0, 0, E]), np.array([energy, momentum * sine, 0, momentum * cosine])
    along = np.array([momentum, energy * sine, 0, energy * cosine]) / m
    across = np.array([0, -cosine, 0, sine])
    return k, out, along, across


def lepton_tensor(mediator, k, out, m, spin=None):
    """Σ of (ū Γ^μ u)(ū Γ^ν u)* for unit couplings, for N of either helicity or with a spin vector."""
    q = METRIC @ (k - out)
    vertices = [g @ LEFT for g in GAMMA]
    if mediator == DIPOLE:
        sigma = [[0.5j * (a @ b - b @ a) for b in GAMMA] for a in GAMMA]
        # P_R N stands on the side of N̄ here, so that P_L is on that of ν, as in L + h.c.
        vertices = [2 * sum(sigma[i][j] * q[j] for j in range(4)) @ LEFT for i in range(4)]
    projector = ONE if spin is None else (ONE + G5 @ slash(spin)) / 2
    left = (slash(out) + m * ONE) @ projector
    barred = [GAMMA[0] @ v.conj().T @ GAMMA[0] for v in vertices]
    return np.array([[np.trace(left @ a @ slash(k) @ b) for b in barred] for a in vertices])


def contracted(mediator, E, nu, Q2, m, first, second, which=None):
    """L_μν W^μν for N of either helicity, or with spin along (0) or across (1)."""
    k, out, *spins = momenta(E, nu, Q2, m)
    tensor = lepton_tensor(mediator, k, out, m, None if which is None else spins[which])
    q, p = k - out, np.array([M, 0, 0, 0.0])
    P = p - dot(p, q) / dot(q, q) * q
    hadrons = first * (-METRIC + np.outer(q, q) / dot(q, q)) + second / M**2 * np.outer(P, P)
    return np.einsum("ij,ik,jl,kl->", tensor, METRIC, METRIC, hadrons).real


POINTS = [(3.0, 1.0, 0.1, 0.4), (20.0, 5.0, 1e-3, 0.4), (10.0, 8.0, 2.0, 0.1), (20.0, 1.0, 5e-3, 1.5)]
"""E, ν, Q², m."""


@pytest.mark.parametrize("mediator", [VECTOR, DIPOLE])
@pytest.mark.parametrize(("E", "nu", "Q2", "m"), POINTS)
class TestAgainstTraces:
    @pytest.mark.parametrize("ratio", [0.0, 0.3, 5.0])
    def test_transverse_and_longitudinal(self, mediator, E, nu, Q2, m, ratio):
        momentum = math.sqrt((E - nu) ** 2 - m * m)
        _, low, high = forward_and_backward(E, momentum, m)
        Q2 = max(Q2, 1.01 * low)
        expected = contracted(mediator, E, nu, Q2, m, 1.0, (1 + ratio) / (1 + nu**2 / Q2))
        assert squared(mediator, Q2, nu, m, low, high, ratio) == pytest.approx(expected, rel=1e-7)

    def test_polarisation(self, mediator, E, nu, Q2, m):
        momentum, ratio = math.sqrt((E - nu) ** 2 - m * m), 0.3
        _, low, high = forward_and_backward(E, momentum, m)
        Q2 = max(Q2, 1.5 * low)
        found = polarisation(mediator, E, Q2, momentum, m, low, high, ratio)
        responses = 1.0, (1 + ratio) / (1 + nu**2 / Q2)
        whole = contracted(mediator, E, nu, Q2, m, *responses)
        for which in range(2):
            one = contracted(mediator, E, nu, Q2, m, *responses, which)
            assert found[which] == pytest.approx(2 * one / whole - 1, abs=1e-7)

    def test_what_is_along_q_does_not_matter_to_a_photon(self, mediator, E, nu, Q2, m):
        """A dipole's current is conserved; that of a vector is not, by as much as m² says."""
        k, out, *_ = momenta(E, nu, max(Q2, m**2), m)
        q = METRIC @ (k - out)
        tensor = lepton_tensor(mediator, k, out, m)
        scale = np.abs(tensor).max() * E**2
        divergence = (q @ tensor @ q).real
        expected = 0.0 if mediator == DIPOLE else m**2 * (m**2 + max(Q2, m**2))
        assert divergence == pytest.approx(expected, rel=1e-6, abs=1e-11 * scale)


@pytest.mark.parametrize("mediator", [VECTOR, DIPOLE])
@pytest.mark.parametrize("nucleon", ["proton", "neutron"])
@pytest.mark.parametrize(("E", "m", "m_mediator"), [(1.0, 0.42, 0.03), (30.0, 0.2, 1.25), (5.0, 1e-3, 0.0)])
def test_elastic_scattering_is_one_energy_transfer(mediator, nucleon, E, m, m_mediator):
    """W₁ = τ G_M² δ and W₂ = (G_E² + τ G_M²)/(1 + τ) δ, of which W₂ = W₁ (1 + R)/(1 + ν²/Q²), give `differential`."""
    of = target("H1" if nucleon == "proton" else "C12", nucleon)
    low, high = q2_limits(E, m, of.mass)
    for share in (0.3, 0.6, 0.9):
        Q2 = low ** (1 - share) * high**share
        nu, tau = Q2 / (2 * of.mass), Q2 / (4 * of.mass**2)
        electric, magnetic = sachs_proton(Q2) if nucleon == "proton" else sachs_neutron(Q2, of.mass)
        first, ratio = tau * magnetic**2, electric**2 / (tau * magnetic**2)
        momentum = math.sqrt((E - nu - m) * (E - nu + m))
        _, forward, backward = forward_and_backward(E, momentum, m)
        found = of.number * first * squared(mediator, Q2, nu, m, forward, backward, ratio)
        found /= 16 * math.pi * E**2 * (Q2 + m_mediator**2) ** 2
        assert found == pytest.approx(differential(mediator, E, Q2, m, m_mediator, *of), rel=1e-9)


class TestElectrons:
    @pytest.mark.parametrize(("E", "x", "y"), [(5.0, 0.3, 0.7), (100.0, 0.01, 0.2), (300.0, 0.1, 0.05)])
    def test_textbook_cross_section(self, E, x, y):
        """Massless N by a massless vector are electrons, if V_a V_p is e²: as in Dutta et al., eq. 3.4."""
        nu = y * E
        Q2 = 2 * M * nu * x
        found = double_differential(VECTOR, E, 1e-9, 0.0, *PROTON, M, NU0, nu, Q2) * (4 * math.pi * ALPHA_EM) ** 2
        F2, R = Q2 * proton_f2_over_q2(Q2, nu, M), longitudinal(x, Q2)
        bracket = 1 - y - M * x * y / (2 * E) + y**2 / 2 * (1 + (2 * M * x) ** 2 / Q2) / (1 + R)
        per_x = 4 * math.pi * ALPHA_EM**2 / Q2**2 * F2 / x * bracket
        assert found == pytest.approx(per_x * x / nu, rel=1e-9)  # dQ² dν = dQ² dx ν/x at the same Q²

    def test_dipole_absorbs_real_photons(self):
        """Q² → 0 and m → 0: e² d²σ̂/dQ²dν = σ_γp (1 - ν/E)/(π² ν), whatever Q² is."""
        E, nu = 100.0, 10.0
        photon = 4 * math.pi**2 * ALPHA_EM * proton_f2_over_q2(0.0, nu, M)
        for Q2 in (1e-8, 1e-6):
            found = double_differential(DIPOLE, E, 1e-9, 0.0, *PROTON, M, NU0, nu, Q2) * 4 * math.pi * ALPHA_EM
            assert found == pytest.approx(photon * (1 - nu / E) / (math.pi**2 * nu), rel=1e-4)


class TestStructureFunctions:
    def test_allm97_as_written(self):
        """The paper's variables, by W² and Q², and as in the public codes PROPOSAL and CepGen."""
        for W2, Q2 in ((4.0, 1e-3), (100.0, 0.5), (1e4, 20.0), (12.0, 8.0)):
            t = math.log(math.log((Q2 + 0.52544) / 0.06527) / math.log(0.52544 / 0.06527))
            x = Q2 / (Q2 + W2 - M**2)
            x_p, x_r = (1 / (1 + (W2 - M**2) / (Q2 + mass)) for mass in (49.457, 0.15052))
            a_p = -0.0808 + (-0.0808 + 0.44812) * (1 / (1 + t**1.1709) - 1)
            c_p = 0.28067 + (0.28067 - 0.22291) * (1 / (1 + t**2.1979) - 1)
            b_p, a_r = 0.36292 + 1.8917 * t**1.8439, 0.584 + 0.37888 * t**2.6063
            b_r, c_r = 0.01147 + 3.7582 * t**0.49338, 0.80107 + 0.97307 * t**3.4942
            F2 = Q2 / (Q2 + 0.31985) * (c_p * x_p**a_p * (1 - x) ** b_p + c_r * x_r**a_r * (1 - x) ** b_r)
            nu = (W2 - M**2 + Q2) / (2 * M)
            assert Q2 * proton_f2_over_q2(Q2, nu, M) == pytest.approx(F2, rel=1e-9)

    @pytest.mark.parametrize(
        ("W", "published", "error"), [(200.0, 165.3, 11.2), (209.0, 174.0, 13.0), (10.0, 115.0, 5.0)]
    )
    def test_real_photons(self, W, published, error):
        """σ_γp [μb] of H1 (1995), ZEUS (2002) and fixed targets, quoted from memory."""
        nu = (W**2 - M**2) / (2 * M)
        found = 4 * math.pi**2 * ALPHA_EM * proton_f2_over_q2(0.0, nu, M) * HBARC_GEV_FM**2 * 1e4
        assert abs(found - published) < error

    @pytest.mark.parametrize(
        ("x", "Q2", "F2"), [(0.35, 20.0, 0.225), (0.65, 20.0, 0.043), (0.07, 5.0, 0.38), (0.18, 10.0, 0.36)]
    )
    def test_deep_inelastic(self, x, Q2, F2):
        """BCDMS, NMC and SLAC, quoted from memory."""
        assert Q2 * proton_f2_over_q2(Q2, Q2 / (2 * M * x), M) == pytest.approx(F2, rel=0.05)

    def test_r_is_continuous_and_falls_to_0(self):
        for x in (1e-4, 0.1, 0.5):
            assert longitudinal(x, LOW_Q2 * (1 - 1e-9)) == pytest.approx(longitudinal(x, LOW_Q2), rel=1e-3)
            assert longitudinal(x, 1e-9) == pytest.approx(0, abs=1e-8)
        assert longitudinal(0.1, 5.0) == pytest.approx(0.19, abs=0.02)  # R1990 at x = 0.1, 0.19 ± 0.03
        assert longitudinal(0.5, 10.0) == pytest.approx(0.07, abs=0.02)

    def test_neutrons(self):
        assert neutron_share(0.0) == 1
        assert neutron_share(0.3) == pytest.approx(1 - 1.85 * 0.3 + 2.45 * 0.09 - 2.35 * 0.027 + 0.0081, rel=1e-14)
        assert 0.2 < neutron_share(0.9) < neutron_share(0.5) < 1

    def test_shadowing(self):
        assert shadowing(1e-6, 56) == pytest.approx(56**-0.1)
        assert shadowing(0.01, 56) == pytest.approx(56 ** (0.069 * -2 + 0.097))
        assert shadowing(0.1, 56) == shadowing(1e-6, 1) == 1
        for corner in SHADOW_CORNERS:
            assert shadowing(corner * (1 + 1e-9), 208) == pytest.approx(shadowing(corner * (1 - 1e-9), 208), rel=1e-8)

    def test_nuclei_are_sums(self):
        x, Q2 = 0.2, 3.0
        nu = Q2 / (2 * M * x)
        proton, ratio = transverse(Q2, nu, M, 1, 0)
        argon, same = transverse(Q2, nu, M, 18, 22)
        assert argon == pytest.approx(proton * (18 + 22 * neutron_share(x)), rel=1e-12)
        assert same == ratio == longitudinal(x, Q2)
        F2 = Q2 * proton_f2_over_q2(Q2, nu, M)
        assert proton == pytest.approx(F2 / nu * (1 + nu**2 / Q2) / (1 + ratio), rel=1e-12)


class TestKinematics:
    @pytest.mark.parametrize(("E", "momentum", "m"), [(1.0, 0.3, 0.4), (100.0, 40.0, 1e-3), (5.0, 1e-4, 2.0)])
    def test_forward_and_backward(self, E, momentum, m):
        nu, low, high = forward_and_backward(E, momentum, m)
        energy = math.hypot(momentum, m)
        assert nu == pytest.approx(E - energy, rel=1e-12)
        naive = [2 * E * (energy - c * momentum) - m**2 for c in (1, -1)]
        assert (low, high) == pytest.approx(naive, abs=1e-11 * E**2)

    @pytest.mark.parametrize("m", [1e-4, 0.1, 1.0, 4.0])
    @pytest.mark.parametrize("above", [1e-3, 0.05, 1.0, 300.0])
    def test_limits_of_the_transfer(self, m, above):
        """By looking: where is there a Q² at all?"""
        E = inelastic_threshold(m, M, NU0) * (1 + above)
        first, corner, last = transfer_limits(E, m, M, NU0)
        nu = np.linspace(NU0, E - m, 200001)[1:-1]
        energy = E - nu
        momentum = np.sqrt((energy - m) * (energy + m))
        low = m**2 * (2 * nu + m**2 / (energy + momentum)) / (energy + momentum)
        high = 2 * E * (energy + momentum) - m**2
        allowed = nu[low < np.minimum(high, 2 * M * (nu - NU0))]
        step = nu[1] - nu[0]
        assert first == pytest.approx(allowed[0], abs=2 * step)
        assert last == pytest.approx(allowed[-1], abs=2 * step)
        assert first < corner <= last

    def test_threshold_in_the_rest_frame_of_everything(self):
        m, lightest = 0.42, MASS["p"] + MASS["pi0"]
        E = inelastic_threshold(m, M, NU0)
        assert math.sqrt(M**2 + 2 * M * E) == pytest.approx(m + lightest, rel=1e-14)
        for mediator in ("vector", "dipole"):
            below, barely, higher = inelastic_sigma_hat(mediator, [E * (1 - 1e-9), E * 1.0001, E * 1.01], m, 0.03, "H1")
            assert below == 0 < barely < higher

    def test_outside_there_is_nothing(self):
        E, m, nu = 10.0, 0.4, 2.0
        _, low, _ = forward_and_backward(E, math.sqrt((E - nu) ** 2 - m**2), m)
        end = 2 * M * (nu - NU0)
        inside = double_differential(VECTOR, E, m, 0.03, *PROTON, M, NU0, nu, 0.5 * (low + end))
        assert inside > 0
        for Q2 in (-1.0, 0.0, low * (1 - 1e-9), end * (1 + 1e-9), math.inf):
            assert double_differential(VECTOR, E, m, 0.03, *PROTON, M, NU0, nu, Q2) == 0
        assert double_differential(VECTOR, E, m, 0.03, *PROTON, M, NU0, 9.7, 0.1) == 0
        assert transfer_spectrum(VECTOR, E, m, 0.03, *PROTON, M, NU0, 9.7, *RULE) == 0


CASES = [
    (VECTOR, 100.0, 0.4, 1.25, *IRON, 0.0),
    (VECTOR, 100.0, 0.4, 0.03, *IRON, 10.0),
    (VECTOR, 3.0, 0.4, 0.03, *PROTON, 0.0),
    (VECTOR, 1.1, 0.4, 0.3, *PROTON, 0.0),
    (DIPOLE, 300.0, 1.5, 0.0, *IRON, 0.0),
    (DIPOLE, 20.0, 0.01, 0.0, *PROTON, 12.0),
]
"""mediator, E, m, m_mediator, protons, neutrons, least ν."""


@pytest.mark.parametrize(("mediator", "E", "m", "m_mediator", "protons", "neutrons", "least"), CASES)
class TestTotal:
    def test_is_the_double_integral(self, mediator, E, m, m_mediator, protons, neutrons, least):
        """By scipy, in ln ν and ln Q²."""
        first, corner, last = transfer_limits(E, m, M, NU0)
        first = max(first, least)

        def spectrum(nu):
            _, low, high = forward_and_backward(E, math.sqrt(max((E - nu - m) * (E - nu + m), 0)), m)
            ends = math.log(low), math.log(max(min(high, 2 * M * (nu - NU0)), low))

            def integrand(v):
                Q2 = math.exp(v)
                return Q2 * double_differential(mediator, E, m, m_mediator, protons, neutrons, M, NU0, nu, Q2)

            corners = [math.log(c) for c in (LOW_Q2, *(2 * M * nu * c for c in SHADOW_CORNERS))]
            points = [c for c in corners if ends[0] < c < ends[1]]
            return integrate.quad(integrand, *ends, points=points or None, limit=200, epsrel=1e-8)[0]

        middle = math.sqrt(first * last)
        assert transfer_spectrum(mediator, E, m, m_mediator, protons, neutrons, M, NU0, middle, *RULE) == pytest.approx(
            spectrum(middle), rel=1e-6
        )
        points = [math.log(corner)] if first < corner < last else None
        expected = integrate.quad(
            lambda v: math.exp(v) * spectrum(math.exp(v)), math.log(first), math.log(last), points=points, epsrel=1e-6
        )[0]
        _, total = upscattered(mediator, E, m, m_mediator, protons, neutrons, M, NU0, least, *RULE, EMPTY)
        assert total == pytest.approx(expected, rel=2e-5)

    def test_nodes_say_where_n_goes(self, mediator, E, m, m_mediator, protons, neutrons, least):
        fixed = mediator, E, m, m_mediator, protons, neutrons, M, NU0, least, *RULE
        count, total = upscattered(*fixed, EMPTY)
        rows = np.full((count, len(COLUMNS)), np.nan)
        assert upscattered(*fixed, rows) == (count, total)
        energy, sine, weight, along, across = rows.T
        assert weight.sum() == pytest.approx(total, rel=1e-12)
        assert np.all(weight >= 0)
        assert np.all((energy >= m) & (energy <= E - max(least, NU0)) & (sine >= 0) & (sine <= 1))
        assert np.all(np.hypot(along, across) <= 1 + 1e-12)
        few = np.full((7, len(COLUMNS)), np.nan)
        assert upscattered(*fixed, few) == (count, total)
        np.testing.assert_array_equal(few, rows[:7])

    def test_six_nodes_a_panel_are_enough_for_rates(self, mediator, E, m, m_mediator, protons, neutrons, least):
        fixed = mediator, E, m, m_mediator, protons, neutrons, M, NU0, least
        _, few = upscattered(*fixed, *gauss_legendre(6), EMPTY)
        _, many = upscattered(*fixed, *gauss_legendre(40), EMPTY)
        assert few == pytest.approx(many, rel=1e-3)


def test_energies_on_a_grid_keep_number_and_mean():
    """Hat functions in ln E keep the sum, and the mean of ln E, flavour by flavour."""
    neutrinos = np.array([5.0, 40.0, 200.0])
    fluence = np.array([[1.0, 0.0, 0.0], [0.2, 2.0, 0.5], [0.0, 0.0, 0.0]])
    rule, m = gauss_legendre(6), 0.1
    first, step = math.log(m), math.log(200.0 / m) / 59
    out = np.zeros((3, 60, 24, PARTS))
    where = Grid(first, step, 60, 1e-3, 0.3, 24)
    fill_inelastic(VECTOR, neutrinos, fluence, m, 0.3, 1.0, *IRON, M, NU0, 1.0, *rule, *where, out)
    out = out[..., 0].sum(axis=2)
    number, mean = np.zeros(3), np.zeros(3)
    for E, row in zip(neutrinos, fluence.T, strict=True):
        rows = np.empty((20000, len(COLUMNS)))
        count, total = upscattered(VECTOR, E, m, 0.3, *IRON, M, NU0, 1.0, *rule, rows)
        number += row * total
        mean += row * np.sum(np.log(rows[:count, 0]) * rows[:count, 2])
    np.testing.assert_allclose(out.sum(axis=1), number, rtol=1e-12)
    np.testing.assert_allclose(out @ (first + step * np.arange(60)), mean, rtol=1e-11)


@pytest.mark.parametrize(("mediator", "sign"), [(VECTOR, -1), (DIPOLE, 1)])
def test_fast_n_of_a_vector_keep_the_helicity_and_those_of_a_dipole_flip_it(mediator, sign):
    E, m, momentum = 100.0, 1e-3, 60.0
    _, low, high = forward_and_backward(E, momentum, m)
    along, across = polarisation(mediator, E, 1.0, momentum, m, low, high, 0.2)
    assert along == pytest.approx(sign, abs=1e-5)
    assert across == pytest.approx(0, abs=1e-2)


def test_angles_follow_from_q2():
    rows = np.empty((4000, len(COLUMNS)))
    E, m = 30.0, 0.4
    count, _ = upscattered(VECTOR, E, m, 1.25, *PROTON, M, NU0, 0.0, *gauss_legendre(6), rows)
    energy, sine, weight, *_ = rows[:count].T
    momentum = np.sqrt(energy**2 - m**2)
    Q2 = 2 * E * (energy - momentum) - m**2 + 4 * E * momentum * sine**2
    assert np.all(2 * M * (E - energy - NU0) * (1 + 1e-9) > Q2)
    assert 0.1 < np.sum(weight * Q2) / np.sum(weight) < 5


def test_scalars_are_not_of_this_current():
    assert inelastic_sigma_hat("scalar", 100.0, 0.4, 0.03, "Fe56") == 0
    assert upscattered(SCALAR, 100.0, 0.4, 0.03, *IRON, M, NU0, 0.0, *RULE, EMPTY) == (0, 0.0)
    assert transfer_spectrum(SCALAR, 100.0, 0.4, 0.03, *IRON, M, NU0, 10.0, *RULE) == 0


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        (("axial", 1.0, 0.1, 0.1, "H1"), "mediator"),
        (("vector", [1.0, -1.0], 0.1, 0.1, "H1"), "E"),
        (("vector", 1.0, 0.0, 0.1, "H1"), "m_N"),
        (("vector", 1.0, 0.1, -0.1, "H1"), "m_mediator"),
    ],
)
def test_input_that_is_none(arguments, where):
    with pytest.raises(InputError, match=where):
        inelastic_sigma_hat(*arguments)
