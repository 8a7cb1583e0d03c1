"""Mesons to a meson, a lepton and a heavy neutrino: against tensors, precise integrals and published form factors."""

from __future__ import annotations

import functools
import itertools
import math

import mpmath as mp
import numpy as np
import pytest
from heavy_neutrino_modes import DIGITS, FRACTIONS, MEASURED, ROWS, RULE, SEMILEPTONIC, names, ratio

from scanner.physics.heavy_neutrino_modes import TO_PSEUDOSCALAR
from scanner.physics.heavy_neutrino_production import form_factor, hadron_current, semileptonic_shape
from scanner.physics.particles import MASS

# Meson → meson l N, with form factors written out again.


def pole(value, mass, q2):
    return mp.mpf(value) / (1 - q2 / mp.mpf(mass) ** 2)


def z_series(heavy, light, c, P, q2):
    branch, t0 = (heavy + light) ** 2, (heavy + light) * (mp.sqrt(heavy) - mp.sqrt(light)) ** 2

    def z(t):
        a, b = mp.sqrt(branch - t), mp.sqrt(branch - t0)
        return (a - b) / (a + b)

    series = (z(q2) - z(0)) * (1 + (z(q2) + z(0)) / 2)
    return (mp.mpf(0.7647) - c * series) / (1 - P * q2)


POLES = {"K": (0.8844, 1.2083), "KL": (0.8776, 1.2517)}
VECTORS = {"Kst0": (1.463, 0.801, 2.63, 2.0), "Kst": (1.463, 0.801, 2.63, 2.0), "phi": (1.807, 0.816, 2.5, 2.1)}


def shapes(mode, q2):
    heavy, light = mp.mpf(MASS[mode.parent]), mp.mpf(MASS[mode.hadron])
    if mode.parent in POLES:
        return tuple(pole(1, mass, q2) for mass in POLES[mode.parent])
    if mode.kind == TO_PSEUDOSCALAR:
        return z_series(heavy, light, 0.066, 0.224, q2), z_series(heavy, light, 2.084, 0.0, q2)
    r_V, r_2, axial, vector = VECTORS[mode.hadron]
    zero = ((heavy + light) - (heavy - light) * mp.mpf(r_2)) / (2 * light)
    return tuple(pole(*pair, q2) for pair in ((r_V, vector), (zero, MASS["Ds"]), (1.0, axial), (r_2, axial)))


def kallen(a, b, c):
    return a**2 + b**2 + c**2 - 2 * (a * b + b * c + c * a)


def semileptonic_at(mode, m, q2):
    """Integrand over q² as the shared notes write it, for vector mesons by helicity amplitudes."""
    M, lep, h = (mp.mpf(MASS[name]) for name in (mode.parent, mode.lepton, mode.hadron))
    lam_h, lam_l = kallen(M**2, h**2, q2), kallen(q2, lep**2, m**2)
    kap, r = (q2 - lep**2 - m**2) / 2, (q2**2 - (lep**2 - m**2) ** 2) / 4
    spin1, spin0 = kap / 3 + 2 * r / (3 * q2), 2 * r / q2 - kap
    if mode.kind == TO_PSEUDOSCALAR:
        plus, zero = shapes(mode, q2)
        current = plus**2 * lam_h / q2 * spin1 + zero**2 * (M**2 - h**2) ** 2 / q2 * spin0
    else:
        V, A0, A1, A2 = shapes(mode, q2)
        H0 = ((M**2 - h**2 - q2) * (M + h) * A1 - lam_h * A2 / (M + h)) / (2 * h * mp.sqrt(q2))
        H = [(M + h) * A1 + sign * mp.sqrt(lam_h) * V / (M + h) for sign in (-1, 1)]
        current = (H0**2 + H[0] ** 2 + H[1] ** 2) * spin1 + lam_h / q2 * A0**2 * spin0
    return mp.sqrt(lam_h * lam_l) / q2 * current


def contracted(mode, m, q2):
    """The same from currents contracted with the lepton tensor, in the rest frame of the lepton pair."""
    M, lep, h = MASS[mode.parent], MASS[mode.lepton], MASS[mode.hadron]
    lam_h, lam_l = kallen(M**2, h**2, q2), kallen(q2, lep**2, m**2)
    metric, root = np.diag([1.0, -1, -1, -1]), math.sqrt(q2)
    p = math.sqrt(lam_h) / (2 * root)
    P, H, q = np.array([math.hypot(M, p), 0, 0, p]), np.array([math.hypot(h, p), 0, 0, p]), np.array([root, 0, 0, 0])
    assert np.allclose(P - H, q, rtol=0, atol=1e-12)
    values = [float(value) for value in shapes(mode, mp.mpf(q2))]
    along = (M**2 - h**2) / q2 * q
    if mode.kind == TO_PSEUDOSCALAR:
        current = values[0] * (P + H - along) + values[1] * along
        hadron = np.outer(current, current)
    else:
        V, A0, A1, A2 = values
        epsilon = np.zeros((4, 4, 4, 4))
        for order in itertools.permutations(range(4)):
            epsilon[order] = np.linalg.det(np.eye(4)[list(order)])
        lower = [metric @ vector for vector in (P, H, q)]
        # Amplitudes ⟨V(ε)|J^μ|P⟩ = T^{μν} ε*_ν; vector and axial parts do not interfere in a rate.
        vector = 2 * V / (M + h) * np.einsum("mnab,a,b->mn", epsilon, lower[0], lower[1])
        axial = (M + h) * A1 * (metric - np.outer(q, q) / q2)
        axial -= A2 / (M + h) * np.outer(P + H - along, q)
        axial += 2 * h * A0 / q2 * np.outer(q, q)
        polarisations = -metric + np.outer(lower[1], lower[1]) / h**2  # Σ ε*_ν ε_ν'
        hadron = sum(part @ polarisations @ part.T for part in (vector, axial))
    total = 0.0
    for cosine in (-1 / math.sqrt(3), 1 / math.sqrt(3)):  # the tensor is quadratic in it
        k = math.sqrt(lam_l) / (2 * root)
        direction = k * np.array([math.sqrt(1 - cosine**2), 0, cosine])
        first, second = np.array([math.hypot(lep, k), *direction]), np.array([math.hypot(m, k), *-direction])
        a, b = metric @ first, metric @ second
        lepton = np.outer(a, b) + np.outer(b, a) - metric * (first @ b)
        total += 0.5 * np.sum(hadron * lepton)
    # |M|² = 4 G² L·H, and Γ = ∫ dq²/2π √λ_h/(8π M²) √λ_l/(8π q²) |M|²/2M, against G²/(64π³M³) times the integral
    return 4 * total * math.sqrt(lam_h * lam_l) / q2 / (2 * 2 * math.pi * 64 * math.pi**2) * 64 * math.pi**3


@functools.cache
def precise_semileptonic(name, m):
    mode = ROWS[name]
    with mp.workdps(DIGITS):
        M, lep, h = (mp.mpf(MASS[key]) for key in (mode.parent, mode.lepton, mode.hadron))
        low, high = mp.log((lep + mp.mpf(m)) ** 2), mp.log((M - h) ** 2)

        def integrand(u):
            q2 = mp.exp(u)
            return q2 * semileptonic_at(mode, mp.mpf(m), q2)

        scale = integrand((low + high) / 2)  # quad judges its error absolutely
        integral, error = mp.quad(lambda u: (integrand(u) / scale).real, [low, high], error=True, maxdegree=8)
        assert error < 1e-12 * abs(integral)
        return scale * integral


class TestSemileptonic:
    @pytest.mark.parametrize("name", names(SEMILEPTONIC))
    def test_integrand_against_tensors(self, name):
        mode = ROWS[name]
        M, lep, h = MASS[mode.parent], MASS[mode.lepton], MASS[mode.hadron]
        for m in (0.0, 0.1 * mode.threshold, 0.7 * mode.threshold):
            low, high = (lep + m) ** 2, (M - h) ** 2
            for q2 in low + (high - low) * np.array([0.02, 0.3, 0.9]):
                expected = contracted(mode, m, q2)
                assert float(semileptonic_at(mode, mp.mpf(m), mp.mpf(q2))) == pytest.approx(expected, rel=1e-9, abs=0)

    @pytest.mark.parametrize("name", names(SEMILEPTONIC))
    def test_integral(self, name):
        mode = ROWS[name]
        masses = np.array([MASS[mode.parent], MASS[mode.lepton], MASS[mode.hadron]])
        shape = np.array(mode.form_factors)
        for m in (0.0, *(float(fraction * mode.threshold) for fraction in FRACTIONS)):
            precise = precise_semileptonic(name, m)
            assert semileptonic_shape(mode.kind, masses, m, shape, *RULE) == pytest.approx(
                float(precise), rel=1e-11, abs=0
            )
            expected = mode.measured * precise / precise_semileptonic(name, 0.0)
            assert ratio(name, m) == pytest.approx(float(expected), rel=1e-11, abs=0)

    @pytest.mark.parametrize("name", ["K->pi0 mu N", "D->K0 e N", "D->Kst0 e N"])
    def test_form_factors(self, name):
        mode = ROWS[name]
        high = (MASS[mode.parent] - MASS[mode.hadron]) ** 2
        for q2 in (0.0, 0.4 * high, high):
            found = [form_factor(np.array(row), q2) for row in mode.form_factors]
            expected = [float(value) for value in shapes(mode, mp.mpf(q2))]
            assert found[: len(expected)] == pytest.approx(expected, rel=1e-13, abs=0)

    def test_published_form_factors(self):
        """ETM, 1706.03017, where the K is at rest: f₊ = 1.34(5), f₀ = 0.98(2)."""
        high = (MASS["D"] - MASS["K0"]) ** 2
        found = [form_factor(np.array(row), high) for row in ROWS["D->K0 e N"].form_factors[:2]]
        assert found == pytest.approx([1.336, 0.979], rel=0.005)

    @pytest.mark.parametrize(
        ("name", "slope", "curvature"), [("K->pi0 e N", 0.02589, 0.00186), ("KL->pi e N", 0.02398, 0.00199)]
    )
    def test_quadratic_fits_of_kaons(self, name, slope, curvature):
        """The PDG's other parametrisation, f₊ = 1 + λ' t + λ'' t²/2, t = q²/m_π²; linear slopes miss it by 2.5 %."""
        mode = ROWS[name]
        high = (MASS[mode.parent] - MASS[mode.hadron]) ** 2
        for q2 in (0.3 * high, high):
            t = q2 / MASS["pi"] ** 2
            expected = 1 + slope * t + 0.5 * curvature * t**2
            assert form_factor(np.array(mode.form_factors[0]), q2) == pytest.approx(expected, rel=0.015)

    def test_the_same_form_factors_in_another_code(self):
        """ETM, 1706.03017, as flavio 2.7.1 has them: Σ a_k (z - z₀)^k / (1 - q²/m_R²) with m_R = 2.112, 2.318 GeV."""
        heavy, light = MASS["D"], MASS["K0"]
        branch, end = (heavy + light) ** 2, (heavy - light) ** 2
        centre = branch * (1 - math.sqrt(1 - end / branch))

        def z(q2):
            here, there = math.sqrt(branch - q2), math.sqrt(branch - centre)
            return (here - there) / (here + there)

        fits = (2.1122, (0.765, -0.0646, -0.0131)), (2.318, (0.765, 1.0534, -1.9224))
        for row, (resonance, a) in zip(ROWS["D->K0 e N"].form_factors, fits, strict=False):
            for q2 in np.linspace(0, end, 5):
                series = sum(a[k] * (z(q2) - z(0)) ** k for k in range(3))
                expected = series / (1 - q2 / resonance**2)
                assert form_factor(np.array(row), q2) == pytest.approx(expected, rel=0.004)

    def test_longitudinal_amplitudes_meet_at_zero(self):
        """H₀ = H_t at q² = 0 of a regular current."""
        for name in ("K->pi0 e N", "D->K0 e N", "D->Kst0 e N"):
            mode, q2 = ROWS[name], 1e-9
            M, h = MASS[mode.parent], MASS[mode.hadron]
            lam = float(kallen(M**2, h**2, q2))
            spin1, spin0 = hadron_current(mode.kind, M, h, q2, lam, np.array(mode.form_factors))
            assert spin1 == pytest.approx(spin0, rel=1e-7)

    @pytest.mark.parametrize(
        ("electron", "muon", "tolerance"),
        [
            ("K->pi0 e N", "K->pi0 mu N", 0.003),
            ("KL->pi e N", "KL->pi mu N", 0.012),  # the measured one holds radiative corrections of nearly that
            ("D->K0 e N", "D->K0 mu N", 0.04),
            ("D->Kst0 e N", "D->Kst0 mu N", 0.04),
            ("D0->K e N", "D0->K mu N", 0.02),
            ("D0->Kst e N", "D0->Kst mu N", 0.1),  # measured to 15 %
            ("Ds->phi e N", "Ds->phi mu N", 0.02),
        ],
    )
    def test_lepton_universality(self, electron, muon, tolerance):
        """The form factors predict the measured ratio of the two leptons."""
        found = precise_semileptonic(muon, 0.0) / precise_semileptonic(electron, 0.0)
        assert float(found) == pytest.approx(MEASURED[muon] / MEASURED[electron], rel=tolerance)
