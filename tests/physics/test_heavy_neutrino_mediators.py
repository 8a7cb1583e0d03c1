"""The integral over the mass of a mediator: at 30 digits, at and around every threshold, down to Γ/M = 1e-20."""

from __future__ import annotations

import itertools
import math

import mpmath as mp
import numpy as np
import pytest
from scipy import integrate

from scanner.errors import InputError
from scanner.physics.hadronic_ratio import hadron_table, hadronic_parts, narrow_resonances
from scanner.physics.heavy_neutrino_channels import INPUTS
from scanner.physics.heavy_neutrino_dark import vector_coupling
from scanner.physics.heavy_neutrino_mediators import (
    VECTOR_CHANNELS,
    DarkPhoton,
    Scalar,
    dark_photon_widths,
    scalar_widths,
    to_scalar_width,
    to_vector_width,
)
from scanner.physics.particles import MASS
from scanner.units import ALPHA_EM, G_FERMI

ELECTRONS, MUONS, PIONS = (2 * MASS[name] for name in ("e", "mu", "pi"))
TABLE = hadron_table()

# An independent integral, in x = s - M², below 2 m_π, with a substitution that opens up the pole.


def lepton_pair(x, M, threshold):
    """R of a lepton pair at s = M² + x; thresholds enter by differences, which 30 digits keep."""
    s = M**2 + x
    if s <= threshold**2:
        return mp.mpf(0)
    velocity = mp.sqrt(1 - threshold**2 / s)
    return velocity * (3 - velocity**2) / 2


def integrated(m, M, cuts, density, extent, marks, real=False):
    """Integral over s of density(s/m²) I_k/(x² + I²) for each cut k, or with -x for one factor I."""

    def integrand(u, k):
        x = extent * mp.sinh(u)
        parts = [cut(x) for cut in cuts]
        whole = sum(parts)
        if whole == 0:
            return mp.mpf(0)
        measure = density((M**2 + x) / m**2) * extent * mp.cosh(u) / (x**2 + whole**2)
        return measure * parts[k] * (-x if real else 1)

    low, high = (mp.asinh((mark**2 - M**2) / extent) for mark in (min(marks), m))
    ends = {mp.asinh((mark**2 - M**2) / extent) for mark in marks} | {mp.mpf(6 * n) for n in range(-20, 21)} | {high}
    ends = sorted(end for end in ends if low <= end <= high)
    return [mp.quad(lambda u, k=k: integrand(u, k), ends) for k in range(len(cuts))]


def precise_dark_photon(m, M, epsilon, BR_inv, real=False):
    """`square` of e⁺e⁻, μ⁺μ⁻, invisible for g_D = 1, or their `interference` over g_L + g_R."""
    m, M = mp.mpf(m), mp.mpf(M)
    strength = mp.mpf(ALPHA_EM) * mp.mpf(epsilon) ** 2 / 3
    thresholds = mp.mpf(ELECTRONS), mp.mpf(MUONS)
    at_pole = sum(lepton_pair(mp.mpf(0), M, threshold) for threshold in thresholds)
    dark = mp.mpf(BR_inv) / (1 - mp.mpf(BR_inv)) * at_pole
    cuts = [lambda x, t=t: strength * (M**2 + x) * lepton_pair(x, M, t) for t in thresholds]
    cuts.append(lambda x: strength * (M**2 + x) * dark)
    marks = [*thresholds] if dark == 0 else [mp.mpf(0), *thresholds]
    extent = strength * M**2 * (at_pole + dark) or strength**2 * M**2
    density = lambda share: (1 - share) ** 2 * (1 + 2 * share) / (share * m**2)  # noqa: E731
    values = integrated(m, M, cuts, density, extent, [mark for mark in marks if mark < m], real)
    # K0 (g_L + g_R + 2κ)² and so on; in units of strength, as the cuts are.
    factor = 1 / (32 * mp.pi**2)
    if real:
        charge = mp.sqrt(4 * mp.pi * mp.mpf(ALPHA_EM)) * epsilon
        factor = mp.mpf(G_FERMI) ** 2 / (192 * mp.pi**3) * 4 * charge / (2 * mp.sqrt(2) * mp.mpf(G_FERMI) * strength)
    return [float(m**3 * factor * value) for value in values]


def precise_scalar(m, M, g_e, g_mu, g_gamma):
    m, M = mp.mpf(m), mp.mpf(M)

    def pair(g, threshold):
        def cut(x):
            s = M**2 + x
            return mp.mpf(g) ** 2 / (8 * mp.pi) * s * mp.sqrt(max(1 - threshold**2 / s, 0)) ** 3

        return cut

    cuts = [pair(g_e, mp.mpf(ELECTRONS)), pair(g_mu, mp.mpf(MUONS))]
    cuts.append(lambda x: (mp.mpf(g_gamma) * (M**2 + x)) ** 2 / (64 * mp.pi))
    marks = [mark for mark in (ELECTRONS, MUONS) if mark < m] + ([mp.mpf("1e-12")] if g_gamma else [])
    extent = sum(cut(mp.mpf(0)) for cut in cuts) or M**2 * mp.mpf("1e-12")
    values = integrated(m, M, cuts, lambda share: (1 - share) ** 2, extent, marks)
    return [float(m / (32 * mp.pi**2) * value) for value in values]


NEAR = [
    (0.25, 0.03, 1e-3, 0.3),
    (0.25, 0.03, 3e-9, 0.5),  # Γ/M = 2e-20
    (0.25, 0.2, 0.7, 0.999),  # Γ/M ~ 2
    (0.25, ELECTRONS, 1e-3, 0.4),
    (0.25, ELECTRONS * (1 - 1e-9), 1e-3, 0.4),
    (0.25, MUONS, 1e-2, 0.4),
    (0.25, MUONS * (1 + 1e-9), 1e-6, 0.0),
    (0.25, 0.25, 1e-4, 0.4),
    (0.25, 0.25 * (1 - 1e-10), 1e-4, 0.4),
    (0.25, 0.25 * (1 + 1e-10), 1e-4, 0.4),
    (0.25, 5.0e-4, 1e-3, 0.4),
    (ELECTRONS * (1 + 1e-6), ELECTRONS * (1 + 3e-7), 1e-4, 0.0),
]


class TestDarkPhoton:
    @pytest.mark.parametrize(("m", "M", "epsilon", "BR_inv"), NEAR)
    def test_against_an_integral_with_30_digits(self, m, M, epsilon, BR_inv):
        with mp.workdps(30):
            expected = precise_dark_photon(m, M, epsilon, BR_inv)
        found = dark_photon_widths(m, DarkPhoton(M, 1 / (4 * math.pi), epsilon, BR_inv)).square
        channels = ("nu_e_e", "nu_mu_mu", "nu_Zprime") if M > ELECTRONS else ("nu_e_e", "nu_mu_mu")
        for channel, value in zip(channels, expected, strict=False):
            assert found[channel] == pytest.approx(value, rel=1e-9, abs=0), channel

    @pytest.mark.parametrize(("m", "M", "epsilon", "BR_inv"), [NEAR[0], NEAR[2], NEAR[6], (0.25, 0.4, -1e-3, 0.0)])
    def test_interference_against_an_integral_with_30_digits(self, m, M, epsilon, BR_inv):
        with mp.workdps(30):
            electrons, muons, _ = precise_dark_photon(m, M, epsilon, BR_inv, real=True)
        found = dark_photon_widths(m, DarkPhoton(M, 1 / (4 * math.pi), epsilon, BR_inv)).interference
        assert found["nu_e_e"] == pytest.approx(electrons * vector_coupling("e"), rel=1e-8, abs=0)
        assert found["nu_mu_mu"] == pytest.approx(muons * vector_coupling("mu"), rel=1e-8, abs=0)

    @pytest.mark.parametrize("epsilon", [1e-10, 1e-7, 1e-4])
    @pytest.mark.parametrize("BR_inv", [0.0, 0.6])
    @pytest.mark.parametrize("M", [0.0015, 0.05, 0.22, 0.4, 0.775, MASS["omega"], 1.02, 1.3, 1.7])
    def test_narrow_is_two_body_times_branching_ratio(self, M, epsilon, BR_inv):
        m, alpha_D = 1.9, 1e-3
        square = dark_photon_widths(m, DarkPhoton(M, alpha_D, epsilon, BR_inv)).square
        on_shell = 4 * math.pi * alpha_D * to_vector_width(m, M)
        ratios = np.array([lepton_pair(0, M, threshold) for threshold in (ELECTRONS, MUONS)], dtype=float)
        ratios = np.append(ratios, hadronic_parts(M**2, M**2 - PIONS**2, TABLE))
        visible = ratios.sum()
        expected = [*(on_shell * (1 - BR_inv) * ratios / visible), on_shell * BR_inv]
        # Off-shell pieces are of the relative size ε² α, and a resonance of R(s) is far from flat.
        assert [square[name] for name in VECTOR_CHANNELS] == pytest.approx(expected, abs=1e-6 * on_shell)

    @pytest.mark.parametrize("channel", VECTOR_CHANNELS[:6])
    def test_heavy_is_a_fermi_interaction(self, channel):
        m, M, epsilon = 1.9, 800.0, 0.1
        square = dark_photon_widths(m, DarkPhoton(M, 1 / (4 * math.pi), epsilon)).square
        i = VECTOR_CHANNELS.index(channel)

        def spectrum(e):
            s = e * e
            share = s / m**2
            ratio = hadronic_parts(s, s - PIONS**2, TABLE)[i - 2] if i > 1 else lepton_pair(0, e, (ELECTRONS, MUONS)[i])
            return 2 * e * (1 - share) ** 2 * (1 + 2 * share) * float(ratio)

        points = [ELECTRONS, MUONS, PIONS, 0.775, MASS["omega"], 1.0, MASS["phi"], 1.5]
        points = sorted(points + [at + d for at in (MASS["omega"], MASS["phi"]) for d in (-0.02, 0.02)])
        pieces = zip([0.0, *points], [*points, m], strict=True)
        whole = sum(integrate.quad(spectrum, *piece, epsrel=1e-11, limit=200)[0] for piece in pieces)
        expected = ALPHA_EM * epsilon**2 / 3 / M**4 * m**3 / (32 * math.pi**2) * whole
        assert square[channel] == pytest.approx(expected, rel=1e-5, abs=0)  # s/M² = 6e-6 of corrections

    def test_below_the_threshold_all_of_it_is_invisible(self):
        M = 0.9 * ELECTRONS
        square = dark_photon_widths(0.1, DarkPhoton(M, 0.3, 1e-4, 0.2)).square
        assert square["nu_Zprime"] == pytest.approx(4 * math.pi * 0.3 * to_vector_width(0.1, M), rel=1e-9)
        assert 0 < square["nu_e_e"] < 1e-6 * square["nu_Zprime"]

    def test_without_mixing_all_of_it_is_invisible(self):
        new = dark_photon_widths(0.1, DarkPhoton(0.03, 0.3, 0.0, 0.2))
        assert new.square == {"nu_Zprime": pytest.approx(4 * math.pi * 0.3 * to_vector_width(0.1, 0.03))}
        assert not new.interference

    @pytest.mark.parametrize("distance", [*(s * 10.0**n for s in (-1, 1) for n in range(-16, -3)), 0.0])
    def test_nothing_is_lost_or_doubled_around_the_threshold(self, distance):
        """The pole below hands over to the continuum above within (α ε²)² ~ 1e-9 of 2 m_e: the sum stays."""
        M = ELECTRONS * (1 + distance)
        square = dark_photon_widths(0.25, DarkPhoton(M, 0.3, 0.1)).square
        on_shell = 4 * math.pi * 0.3 * to_vector_width(0.25, M)
        assert math.fsum(square.values()) == pytest.approx(on_shell, rel=1e-4)  # α ε² = 7e-5

    def test_sign_of_epsilon_is_that_of_the_interference(self):
        plus, minus = (dark_photon_widths(0.3, DarkPhoton(1.0, 0.2, sign * 1e-4)) for sign in (1, -1))
        assert plus.square == minus.square
        # Below its pole Z′ adds to g_L + g_R, 0.977 for electrons of an electron-flavoured N.
        assert plus.interference["nu_e_e"][0] > 0
        assert np.array_equal(plus.interference["nu_e_e"], -minus.interference["nu_e_e"])

    def test_never_nan(self):
        rng = np.random.default_rng(5)
        special = [ELECTRONS, MUONS, PIONS, MASS["omega"], MASS["phi"], 1.0, 1.5]
        for _ in range(300):
            m = min(2.0, float(rng.choice([10 ** rng.uniform(-4, 0.3), rng.choice(special)])))
            base = float(rng.choice([m, rng.choice(special), 10 ** rng.uniform(-6, 3)]))
            M = base * (1 + float(rng.choice([-1, 0, 1])) * 10 ** rng.uniform(-17, -0.1))
            epsilon = float(rng.choice([-1, 1])) * 10 ** rng.uniform(-60, 0)
            new = dark_photon_widths(m, DarkPhoton(M, 10 ** rng.uniform(-20, 0), epsilon, rng.uniform(0, 0.999999)))
            assert all(0 <= value < math.inf for value in new.square.values()), (m, M, epsilon)
            assert all(np.isfinite(value).all() for value in new.interference.values()), (m, M, epsilon)

    @pytest.mark.parametrize("bad", [DarkPhoton(0.1, 0.1, 1e-3, 1.0), DarkPhoton(-0.1, 0.1, 1e-3)])
    def test_bad_input(self, bad):
        with pytest.raises(InputError):
            dark_photon_widths(0.3, bad)


class TestScalar:
    @pytest.mark.parametrize(
        ("m", "scalar"),
        [
            (0.3, Scalar(0.03, 1e-4, 1e-3, 1e-5)),
            (0.3, Scalar(0.03, 1e-11, 1e-11)),
            (0.3, Scalar(0.22, 1e-3, 2.0, 0.5)),
            (0.3, Scalar(MUONS * (1 + 1e-7), 0.0, 1e-2)),
            (0.3, Scalar(0.3, 1e-3, 1e-3, 0.1)),
            (0.3, Scalar(3.0, 0.1, 0.2, 0.3)),
            (0.3, Scalar(5e-4, 1e-4, 1e-4, 1e-6)),
        ],
    )
    def test_against_an_integral_with_30_digits(self, m, scalar):
        with mp.workdps(30):
            expected = precise_scalar(m, *scalar)
        found = scalar_widths(m, scalar)
        assert [found[name] for name in ("e_e", "mu_mu", "gamma_gamma")] == pytest.approx(expected, rel=1e-9, abs=0)
        assert found["invisible"] == 0

    def test_narrow_is_two_body_times_branching_ratio(self):
        m, M, g_e, g_mu, g_gamma = 1.5, 0.5, 1e-6, 2e-6, 3e-6
        electrons, muons = (
            g**2 * M / (8 * math.pi) * (1 - (threshold / M) ** 2) ** 1.5
            for g, threshold in ((g_e, ELECTRONS), (g_mu, MUONS))
        )
        parts = np.array([electrons, muons, g_gamma**2 * M**3 / (64 * math.pi), 0.0])
        found = scalar_widths(m, Scalar(M, g_e, g_mu, g_gamma))
        assert list(found.values()) == pytest.approx(to_scalar_width(m, M) * parts / parts.sum(), rel=1e-9, abs=0)

    @pytest.mark.parametrize("scalar", [Scalar(0.03), Scalar(0.03, g_mu=1.0), Scalar(ELECTRONS, 1.0)])
    def test_stable_is_invisible(self, scalar):
        found = scalar_widths(0.1, scalar)
        assert found["invisible"] == to_scalar_width(0.1, scalar.mass) > 0
        assert found["mu_mu"] == 0

    def test_no_interaction_nothing(self):
        assert not any(scalar_widths(0.1, Scalar(0.2)).values())


class TestHadronicRatio:
    def test_vacuum_polarisation_of_the_muon(self):
        """Leading order below 1.8 GeV: 634e-10 in all, 508e-10 of it π⁺π⁻; Davier et al., 1908.00921, from memory."""
        nodes, weights = np.polynomial.legendre.leggauss(60)
        x, step = 0.5 * (nodes + 1), 0.5 * weights
        parts = np.zeros(4)
        marks = [PIONS, 0.65, 0.77, 0.7827, 0.9, 1.0, 1.0195, 1.1, 1.5, 1.8]
        for low, high in itertools.pairwise(marks):
            for node, weight in zip(x, step, strict=True):
                e = low + (high - low) * node
                kernel = np.sum(step * x**2 * (1 - x) / (x**2 + (1 - x) * (e / MASS["mu"]) ** 2))
                parts += (high - low) * weight * 2 / e * kernel * np.array(hadronic_parts(e**2, e**2 - PIONS**2, TABLE))
        parts *= (ALPHA_EM / math.pi) ** 2 / 3 * 1e10
        assert parts[0] == pytest.approx(508, rel=0.06)
        assert parts.sum() == pytest.approx(634, rel=0.05)

    def test_peaks_are_those_of_the_decays_to_electrons(self):
        """R = 9 BR(V → ee)/α² at the peak of a narrow resonance V; PDG 2022, quoted from memory. f_ω is 3 % smaller."""
        for resonance, ee, place in zip(narrow_resonances(), (7.38e-5, 2.974e-4), (1, 2), strict=True):
            s = resonance.mass**2
            found = hadronic_parts(s, s - PIONS**2, TABLE)[place]
            exclusive = 1.0 if resonance.mass < 1 else 1 - 2.4e-4  # of the blend with quarks
            assert found == pytest.approx(9 * ee / ALPHA_EM**2 * exclusive, rel=0.07)

    def test_limits(self):
        """Scalar electrodynamics at threshold, where F_π is 1 but for the tail of the ρ; quarks above."""
        s = PIONS**2 * (1 + 1e-6)
        slow = hadronic_parts(s, s - PIONS**2, TABLE)[0] / (0.25 * (1 - PIONS**2 / s) ** 1.5)
        assert slow == pytest.approx((1 / (1 - PIONS**2 / 0.77**2)) ** 2, rel=0.1)
        assert hadronic_parts(PIONS**2, 0.0, TABLE) == (0, 0, 0, 0)
        correction = 1 + INPUTS.alpha_s_tau / math.pi
        assert hadronic_parts(4.0, 4.0 - PIONS**2, TABLE) == pytest.approx((0, 0, 0, 2 * correction), abs=0)
        assert hadronic_parts(25.0, 25.0 - PIONS**2, TABLE)[3] == pytest.approx(10 / 3 * correction)
