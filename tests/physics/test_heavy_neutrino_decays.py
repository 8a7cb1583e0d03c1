"""Heavy-neutrino widths against phase-space integrals of the matrix elements, limits and published values."""

from __future__ import annotations

import functools
import itertools
import math
import time

import mpmath as mp
import numpy as np
import pytest

from scanner import units
from scanner.errors import InputError
from scanner.physics.heavy_neutrino_channels import CHANNELS, COMPLETE_BELOW, FLAVOURS, INPUTS, WeakInputs
from scanner.physics.heavy_neutrino_decays import (
    BLEND,
    alpha_s,
    blend_weights,
    fill_weak_widths,
    process_table,
    qcd_correction,
    weak_widths,
)
from scanner.physics.particles import MASS
from scanner.physics.phase_space import (
    NODES,
    gauss_legendre,
    neutral_pair,
    pseudoscalar_shape,
    sqrt_lambda,
    three_fermions,
    vector_shape,
)

DIGITS = 25
RULE = gauss_legendre(NODES)
SPOT = WeakInputs(
    sin2_theta_w=0.23121,
    V_ud=0.97373,
    V_us=0.2243,
    f_pi=0.1303,
    f_K=0.1564,
    f_eta=0.0784,
    f_rho=0.220,
    f_rho0=0.220,
    f_omega=0.195,
    f_phi=0.229,
    f_Kst=0.204,
)
LIGHT = ["pi", "K", "rho", "Kst", "pi0", "rho0", "eta", "etap", "omega", "phi"]
# What the test knows of mesons: spin, then the decay constant with CKM element (charged) or quark content (neutral).
CHARGED = {
    "pi": (0, "f_pi", "V_ud"),
    "K": (0, "f_K", "V_us"),
    "rho": (1, "f_rho", "V_ud"),
    "Kst": (1, "f_Kst", "V_us"),
    "D": (0, "f_D", "V_cd"),
    "Ds": (0, "f_Ds", "V_cs"),
}
ROOT_HALF = 1 / math.sqrt(2)
NEUTRAL = {
    "pi0": (0, "f_pi", {"u": ROOT_HALF, "d": -ROOT_HALF}),
    "rho0": (1, "f_rho0", {"u": ROOT_HALF, "d": -ROOT_HALF}),
    "omega": (1, "f_omega", {"u": ROOT_HALF, "d": ROOT_HALF}),
    "phi": (1, "f_phi", {"s": 1.0}),
    "eta": (0, "f_eta", {"s": math.sqrt(2)}),  # the inputs are those of the strange current over √2
    "etap": (0, "f_etap", {"s": math.sqrt(2)}),
}
MESON_OF = {"nu_rho": "rho0"}  # the others are spelt in their channels
CHARGE = {"u": 2 / 3, "d": -1 / 3, "s": -1 / 3}
ISOSPIN = {"u": 0.5, "d": -0.5, "s": -0.5}

# Squared matrix elements for G_F = 1, averaged over the spin of N; P → p1 p2 p3, p2 the antiparticle.


def dot(p, q):
    return p[0] * q[0] - p[1] * q[1] - p[2] * q[2] - p[3] * q[3]


def charged_current(P, p1, p2, p3):
    return 64 * dot(P, p2) * dot(p1, p3)


def neutral_current(P, p1, p2, p3, gL, gR, mass):
    """P → ν(p1) f̄(p2) f(p3)."""
    left, right = dot(P, p2) * dot(p1, p3), dot(P, p3) * dot(p1, p2)
    return 64 * (gL**2 * left + gR**2 * right + gL * gR * mass**2 * dot(P, p1))


def meson_squared(P, lepton, meson, mass, spin):
    """For f = V = 1."""
    if spin == 0:
        return 2 * (2 * dot(lepton, meson) * dot(P, meson) - mass**2 * dot(P, lepton))
    return 2 * mass**2 * (dot(P, lepton) + 2 * dot(lepton, meson) * dot(P, meson) / mass**2)


class TestMatrixElements:
    """The squared matrix elements above, against traces of explicit Dirac matrices."""

    SIGMA = [np.eye(2), [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]]
    GAMMA = [np.block([[np.zeros((2, 2)), np.array(s)], [np.array(s) * (1 if i == 0 else -1), np.zeros((2, 2))]])
             for i, s in enumerate(SIGMA)]  # fmt: skip
    FIVE = np.diag([-1.0, -1.0, 1.0, 1.0])
    METRIC = np.diag([1.0, -1.0, -1.0, -1.0])

    def slash(self, p):
        return sum(p[i] * self.METRIC[i, i] * self.GAMMA[i] for i in range(4))

    def tensor(self, outgoing, m_out, incoming, m_in, gV=1.0, gA=1.0):
        """Sum over spins of ū γ^μ (gV - gA γ5) u times its conjugate."""
        vertex = [g @ (gV * np.eye(4) - gA * self.FIVE) for g in self.GAMMA]
        conjugate = [(gV * np.eye(4) + gA * self.FIVE) @ g for g in self.GAMMA]
        a, b = self.slash(outgoing) + m_out * np.eye(4), self.slash(incoming) + m_in * np.eye(4)
        return np.array([[np.trace(a @ v @ b @ c) for c in conjugate] for v in vertex])

    def contract(self, one, other):
        return np.einsum("ij,ik,jl,kl->", one, self.METRIC, self.METRIC, other).real

    def momenta(self, seed, masses):
        rng = np.random.default_rng(seed)
        return [np.array([math.sqrt(m**2 + p @ p), *p]) for m, p in ((m, rng.normal(size=3)) for m in masses)]

    def test_charged_current(self):
        masses = [2.0, 0.3, 0.4, 0.1]
        P, p1, p2, p3 = self.momenta(1, masses)
        one = self.tensor(p1, masses[1], P, masses[0])
        other = self.tensor(p3, masses[3], p2, -masses[2])
        assert 0.5 * 0.5 * self.contract(one, other) == pytest.approx(charged_current(P, p1, p2, p3), rel=1e-12)

    @pytest.mark.parametrize(("gL", "gR"), [(0.7, 0.23), (-0.3, 0.23)])
    def test_neutral_current(self, gL, gR):
        m = 0.4
        P, _, p2, p3 = self.momenta(2, [2.0, 0.0, m, m])
        p1 = P - p2 - p3  # the interference needs momentum conservation; p1 off its shell then
        one = self.tensor(p1, 0.0, P, 2.0)
        other = self.tensor(p3, m, p2, -m, gL + gR, gL - gR)
        expected = neutral_current(P, p1, p2, p3, gL, gR, m)
        assert 0.5 * 0.5 * self.contract(one, other) == pytest.approx(expected, rel=1e-12)

    @pytest.mark.parametrize("spin", [0, 1])
    def test_mesons(self, spin):
        P, lepton, meson = self.momenta(3, [2.0, 0.1, 0.7])
        outer = np.outer(meson, meson)
        polarisations = outer if spin == 0 else outer - 0.7**2 * self.METRIC
        traced = 0.5 * 0.5 * self.contract(self.tensor(lepton, 0.1, P, 2.0), polarisations)
        assert traced == pytest.approx(meson_squared(P, lepton, meson, 0.7, spin), rel=1e-12)


# Independent widths, at 25 digits: integrals of those matrix elements over phase space, in units of m.


def two_body(m, lepton, meson, spin):
    """Width [GeV] for f = V = G_F = 1 GeV."""
    p = mp.sqrt((m**2 - (lepton + meson) ** 2) * (m**2 - (lepton - meson) ** 2)) / (2 * m)
    momenta = [m, 0, 0, 0], [mp.sqrt(lepton**2 + p**2), 0, 0, p], [mp.sqrt(meson**2 + p**2), 0, 0, -p]
    return p / (8 * mp.pi * m**2) * meson_squared(*momenta, meson, spin)


def dalitz(m, masses, invariant_squared):
    """Width for G_F = 1 of a matrix element that is a polynomial, at most cubic, in s13 at fixed s12.

    invariant_squared takes the products P·p1, P·p2, P·p3, p1·p2, p1·p3, p2·p3, all in units of m.
    """
    x1, x2, x3 = (mass / m for mass in masses)
    y1, y2, y3 = x1**2, x2**2, x3**2
    gap = (1 - x3 - x1 - x2) * (1 - x3 + x1 + x2)
    gauss = 1 / mp.sqrt(3)  # two nodes integrate a cubic exactly

    def over_s13(v):
        s = (x1 + x2) ** 2 + gap * v
        root = gap * mp.sqrt(v * (1 - v) * (gap * v + 4 * x1 * x2) * (gap * (1 - v) + 4 * x3))
        half = root / (2 * s)
        middle = y1 + y3 + (s + y1 - y2) * (1 - s - y3) / (2 * s)
        total = 0
        for u in (middle - gauss * half, middle + gauss * half):
            t = 1 + y1 + y2 + y3 - s - u
            products = (1 + y1 - t, 1 + y2 - u, 1 + y3 - s)
            pairs = (s - y1 - y2, u - y1 - y3, t - y2 - y3)
            total += invariant_squared(*(q / 2 for q in products + pairs))
        return total * half

    scale = over_s13(mp.mpf(1) / 2)  # quad judges its error absolutely
    # A sixth degree would double the points for what is right to 1e-19.
    integral = gap * scale * mp.quad(lambda v: over_s13(v) / scale, [0, 1], maxdegree=5)
    return m**5 * integral / (32 * (2 * mp.pi) ** 3)


def charged_width(m, first, anti, third):
    """The pair (1, 2) of the integral is not the one in which the matrix element factorises."""
    return dalitz(m, (first, anti, third), lambda P1, P2, P3, s12, s13, s23: 64 * P2 * s13)


def neutral_width(m, fermion, gL, gR):
    left, right, both = 64 * gL**2, 64 * gR**2, 64 * gL * gR * (fermion / m) ** 2

    def squared(P1, P2, P3, s12, s13, s23):
        return left * P2 * s13 + right * P3 * s12 + both * P1

    return dalitz(m, (mp.mpf(0), fermion, fermion), squared)


@functools.cache
def precise_alpha_s(scale, known):
    """Four-loop running as the root of ln(μ²/m_τ²) = -∫ da / (β0 a² + ...)."""
    zeta = mp.zeta(3)
    b = [mp.mpf(9) / 4, 4, mp.mpf(3863) / 384, 0]
    nf = 3
    b[3] = (
        mp.mpf(149753) / 6
        + 3564 * zeta
        - (mp.mpf(1078361) / 162 + mp.mpf(6508) / 27 * zeta) * nf
        + (mp.mpf(50065) / 162 + mp.mpf(6472) / 81 * zeta) * nf**2
        + mp.mpf(1093) / 729 * nf**3
    ) / 256
    logarithm = 2 * mp.log(scale / mp.mpf(MASS["tau"]))
    start = known / mp.pi

    def slope(x):
        return 1 / (x**2 * sum(c * x**k for k, c in enumerate(b)))

    def excess(a):
        return logarithm + mp.quad(slope, [start, a], method="gauss-legendre")

    return mp.pi * mp.findroot(excess, (start * 0.9, start * 1.1), tol=1e-30)


def smooth(t):
    t = min(max(t, mp.mpf(0)), mp.mpf(1))
    return t**3 * (10 - 15 * t + 6 * t**2)


def blended(m):
    return smooth((m - mp.mpf(1)) * 2)


def qcd(m, inputs):
    a = precise_alpha_s(m, mp.mpf(inputs.alpha_s_tau)) / mp.pi
    return 1 + a + mp.mpf("5.2") * a**2 + mp.mpf("26.4") * a**3


def precise_width(channel, flavour, mass, inputs=INPUTS):
    """Reference for an open channel [GeV]."""
    m, fermi = mp.mpf(mass), mp.mpf(units.G_FERMI) ** 2
    mass_of = {name: mp.mpf(value) for name, value in MASS.items()}
    s = mp.mpf(inputs.sin2_theta_w)
    head, *rest = channel.split("_")
    if channel == "nu_nu_nu":
        return fermi * m**5 / (192 * mp.pi**3)
    if channel == "nu_q_q":
        quarks = [
            3 * neutral_width(m, mass_of[q], ISOSPIN[q] - mp.mpf(CHARGE[q]) * s, -mp.mpf(CHARGE[q]) * s) for q in "uds"
        ]
        return fermi * sum(quarks) * blended(m) * qcd(m, inputs)
    if rest == ["q", "q"]:
        pairs = [("d", inputs.V_ud), ("s", inputs.V_us)]
        total = sum(3 * mp.mpf(V) ** 2 * charged_width(m, mass_of[head], mass_of["u"], mass_of[q]) for q, V in pairs)
        return fermi * total * blended(m - (mass_of["tau"] if head == "tau" else 0)) * qcd(m, inputs)
    if len(rest) == 2 and rest[0] == rest[1]:
        same = 1 if rest[0] == flavour else 0
        return fermi * neutral_width(m, mass_of[rest[0]], s - mp.mpf("0.5") + same, s)
    if len(rest) == 2:
        other = rest[0] if rest[1] == flavour else rest[1]
        return fermi * charged_width(m, mass_of[flavour], mass_of[other], mp.mpf(0))
    meson = MESON_OF.get(channel, rest[0])
    if head == "nu":
        spin, constant, content = NEUTRAL[meson]
        current = (lambda q: ISOSPIN[q] - 2 * CHARGE[q] * s) if spin else (lambda q: ISOSPIN[q])
        amplitude = sum(mp.mpf(weight) * current(q) for q, weight in content.items())
    else:
        spin, constant, element = CHARGED[meson]
        amplitude = mp.mpf(getattr(inputs, element))
    lepton = mass_of["nu" if head == "nu" else head]
    width = fermi * (mp.mpf(getattr(inputs, constant)) * amplitude) ** 2 * two_body(m, lepton, mass_of[meson], spin)
    return width * smooth((mp.mpf(1.5) - m + (mass_of["tau"] if head == "tau" else 0)) * 2) if meson in LIGHT else width


def threshold(channel):
    """Mass at which the channel opens [GeV]; the inclusive ones with their blend."""
    head, *rest = channel.split("_")
    if rest == ["q", "q"]:
        return BLEND[0] + (MASS["tau"] if head == "tau" else 0.0)
    return MASS[head] + sum(MASS[name] for name in ([MESON_OF[channel]] if channel in MESON_OF else rest))


def opened_by(channel):
    """Flavours whose mixing opens a channel."""
    head, *rest = channel.split("_")
    if head == "nu" and len(rest) == 2 and rest[0] != rest[1]:
        return tuple(rest)
    return FLAVOURS if head == "nu" else (head,)


def total(mass, flavour, inputs=INPUTS):
    return sum(width[FLAVOURS.index(flavour)] for width in weak_widths(mass, inputs).values())


OPENED = [(channel, flavour) for channel in CHANNELS for flavour in opened_by(channel)]


def random_points(count):
    """Masses just above thresholds, from 1.0001 of them on, and all over the range that is asked for."""
    rng = np.random.default_rng(20240229)
    pairs = [OPENED[i % len(OPENED)] for i in range(count)]
    for channel, flavour in pairs:
        low = max(threshold(channel), 0.001)
        ends = min(BLEND[1], COMPLETE_BELOW) if channel.split("_")[-1] in LIGHT else COMPLETE_BELOW
        if rng.random() < 0.5 or low > ends:
            yield channel, flavour, low * (1 + 10 ** rng.uniform(-4, -1))
        else:
            yield channel, flavour, math.exp(rng.uniform(math.log(low * 1.0001), math.log(ends)))


class TestAgainstIntegrals:
    def test_500_random_points(self):
        worst = {}
        with mp.workdps(DIGITS):
            for channel, flavour, m in random_points(500):
                width = weak_widths(m)[channel][FLAVOURS.index(flavour)]
                expected = precise_width(channel, flavour, m)
                deviation = abs(float(width / expected - 1))
                worst[channel] = max(worst.get(channel, (0.0, m)), (deviation, m))
        assert set(worst) == set(CHANNELS)
        assert max(worst.values())[0] < 1e-11, worst

    @pytest.mark.parametrize(("channel", "flavour"), OPENED)
    def test_at_1_0001_of_the_threshold(self, channel, flavour):
        m = 1.0001 * max(threshold(channel), 0.001)
        with mp.workdps(DIGITS):
            expected = precise_width(channel, flavour, m)
            # Of inclusive channels, most is the running of α_s.
            allowed = 1e-10 if channel.endswith("q_q") else 1e-13
            assert abs(float(weak_widths(m)[channel][FLAVOURS.index(flavour)] / expected - 1)) < allowed

    def test_electrons_from_10_MeV_on_against_the_closed_form(self):
        # 60 digits: 20 of them cancel.
        for m in np.geomspace(0.01, 2.0, 40):
            with mp.workdps(60):
                x = mp.mpf(MASS["e"]) / mp.mpf(float(m))
                B = mp.sqrt(1 - 4 * x**2)
                L = mp.log((1 - 3 * x**2 - (1 - x**2) * B) / (x**2 * (1 + B)))
                f1 = (1 - 14 * x**2 - 2 * x**4 - 12 * x**6) * B + 12 * x**4 * (x**4 - 1) * L
                f2 = 4 * (x**2 * (2 + 10 * x**2 - 12 * x**4) * B + 6 * x**4 * (1 - 2 * x**2 + 2 * x**4) * L)
                mine = neutral_pair(float(m), MASS["e"], *RULE)
                assert abs(float(mine[0] / f1 - 1)) < 1e-13
                assert abs(float(mine[1] / f2 - 1)) < 1e-13


class TestThresholds:
    @pytest.mark.parametrize("channel", CHANNELS[1:])
    def test_exactly_zero_below(self, channel):
        opens = threshold(channel)
        for m in (opens * (1 - 1e-12), opens * 0.9999, opens / 2):
            assert weak_widths(m)[channel].tolist() == [0.0, 0.0, 0.0]

    def test_nothing_is_negative_or_not_a_number(self):
        near = [
            max(threshold(c), 1e-3) * (1 + sign * d)
            for c in CHANNELS
            for sign in (-1, 1)
            for d in np.geomspace(1e-16, 0.1, 31)
        ]
        for m in [*near, *np.geomspace(1e-3, 10, 301)]:
            for channel, widths in weak_widths(float(m)).items():
                assert np.all(widths >= 0) and np.all(np.isfinite(widths)), (channel, m)

    @pytest.mark.parametrize("channel", CHANNELS)
    def test_each_flavour_opens_its_channels_and_no_others(self, channel):
        m = min(max(threshold(channel), 0.01) * 1.01, 3.0)
        expected = [flavour in opened_by(channel) for flavour in FLAVOURS]
        assert (weak_widths(m)[channel] > 0).tolist() == expected

    def test_channels_are_those_of_the_contract(self):
        names = """nu_nu_nu nu_e_e nu_mu_mu nu_e_mu e_pi mu_pi tau_pi nu_pi0 e_K mu_K e_rho mu_rho e_Kst mu_Kst nu_rho
        nu_eta nu_etap nu_omega nu_phi e_D e_Ds mu_D nu_e_tau nu_mu_tau nu_q_q e_q_q mu_q_q tau_q_q"""
        assert tuple(names.split()) == CHANNELS

    @pytest.mark.parametrize("mass", [0.0, -1.0, math.nan, math.inf])
    def test_impossible_masses_are_refused(self, mass):
        with pytest.raises(InputError, match="mass"):
            weak_widths(mass)


class TestPhaseSpace:
    def test_rule_integrates_polynomials(self):
        nodes, weights = RULE
        for power in range(0, 2 * NODES, 2):
            assert float(np.sum(weights * nodes**power)) == pytest.approx(2 / (power + 1), rel=1e-13, abs=0)
        assert np.all(np.diff(nodes) > 0)

    def test_massless_limits(self):
        assert three_fermions(1.0, 0.0, 1e-4, 1e-4, *RULE) == pytest.approx(1, abs=1e-6)
        assert three_fermions(1.0, 1e-4, 1e-4, 1e-4, *RULE) == pytest.approx(1, abs=1e-6)
        f1, f2 = neutral_pair(1.0, 1e-4, *RULE)
        assert f1 == pytest.approx(1, abs=1e-6)
        assert f2 == pytest.approx(8e-8 * (1 + 12e-8 * math.log(1e-4)), rel=1e-7, abs=0)  # 3x² are left out
        assert sqrt_lambda(1.0, 0.0, 0.0) == pseudoscalar_shape(1.0, 0.0, 0.0) == vector_shape(1.0, 0.0, 0.0) == 1

    @pytest.mark.parametrize("x", [0.1, 0.5, 0.9])
    def test_one_heavy_fermion(self, x):
        y = x**2
        expected = 1 - 8 * y + 8 * y**3 - y**4 - 12 * y**2 * math.log(y)
        assert three_fermions(1.0, 0.0, 1e-5, x, *RULE) == pytest.approx(expected, rel=1e-6)
        assert three_fermions(1.0, x, 1e-5, 1e-5, *RULE) == pytest.approx(expected, rel=1e-6)

    @pytest.mark.parametrize("masses", [(0.1, 0.2, 0.3), (0.001, 0.002, 0.4), (0.3, 0.33, 0.3699), (1e-3, 0.5, 0.4)])
    def test_symmetry_in_the_three_masses(self, masses):
        values = [three_fermions(1.0, *order, *RULE) for order in itertools.permutations(masses)]
        assert values == pytest.approx([values[0]] * 6, rel=1e-11, abs=0)

    def test_two_equal_masses_agree_with_the_neutral_pair(self):
        assert three_fermions(0.5, 0.0, 0.1, 0.1, *RULE) == pytest.approx(
            neutral_pair(0.5, 0.1, *RULE)[0], rel=1e-14, abs=0
        )


class TestPhysics:
    """Numbers that others measured or published."""

    # shared/physics/heavy_neutrinos.md, section 7: Majorana, |U_mu|² = 1.
    @pytest.mark.parametrize(
        ("mass", "ctau"), [(0.02, 1.200e6), (0.1, 383.6), (0.25, 0.3916), (0.35, 0.05506), (1.0, 5.748e-4)]
    )
    def test_ctau(self, mass, ctau):
        hbarc = units.HBARC_GEV_FM * 1e-15
        assert hbarc / (2 * total(mass, "mu", SPOT)) == pytest.approx(ctau, rel=3e-4)  # ctau has four digits

    @pytest.mark.parametrize(("mass", "nu_pi0", "mu_pi"), [(0.25, 0.715, 0.160), (0.35, 0.398, 0.483)])
    def test_branching_ratios(self, mass, nu_pi0, mu_pi):
        widths, whole = weak_widths(mass, SPOT), total(mass, "mu", SPOT)
        assert widths["nu_pi0"][1] / whole == pytest.approx(nu_pi0, abs=6e-4)
        assert widths["mu_pi"][1] / whole == pytest.approx(mu_pi, abs=6e-4)

    def test_muon_lifetime(self):
        m = MASS["mu"]
        tree = units.G_FERMI**2 * m**5 / (192 * math.pi**3) * three_fermions(m, 0.0, MASS["e"], 1e-9, *RULE)
        assert 6.582119569e-25 / (tree * (1 - 0.0042)) == pytest.approx(2.19698e-6, rel=1e-4)  # radiative: -0.42 %

    # A τ decays to ν_τ as N does to a massless lepton; measured branching ratios of PDG.
    @pytest.mark.parametrize(
        ("meson", "spin", "constant", "element", "ratio"),
        [
            ("pi", 0, "f_pi", "V_ud", 0.1082),
            ("K", 0, "f_K", "V_us", 0.00696),
            ("rho", 1, "f_rho", "V_ud", 0.2549),
            ("Kst", 1, "f_Kst", "V_us", 0.0120),
        ],
    )
    def test_tau_decays(self, meson, spin, constant, element, ratio):
        m, shape = MASS["tau"], (vector_shape if spin else pseudoscalar_shape)
        coupling = units.G_FERMI * getattr(INPUTS, constant) * getattr(INPUTS, element)
        width = coupling**2 * m**3 / (16 * math.pi) * shape(m, 0.0, MASS[meson])
        assert width * 290.3e-15 / 6.582119569e-25 == pytest.approx(ratio, rel=0.025)

    @pytest.mark.parametrize(
        ("meson", "constant", "ee", "charge_squared"),
        [("rho0", "f_rho0", 7.04e-6, 1 / 2), ("omega", "f_omega", 0.60e-6, 1 / 18), ("phi", "f_phi", 1.27e-6, 1 / 9)],
    )
    def test_neutral_vector_constants_from_their_decays_to_electrons(self, meson, constant, ee, charge_squared):
        squared = 3 * MASS[meson] * ee / (4 * math.pi * charge_squared / 137.036**2)
        assert math.sqrt(squared) == pytest.approx(getattr(INPUTS, constant), rel=0.01)

    def test_strange_constants_of_eta_and_etap(self):
        """Feldmann, Kroll & Stech, hep-ph/9802409: f_s = 1.34 f_π, mixed by 39.3°."""
        strange, angle = 1.34 * INPUTS.f_pi / math.sqrt(2), math.radians(39.3)
        assert INPUTS.f_eta == pytest.approx(strange * math.sin(angle), rel=1e-3)
        assert -INPUTS.f_etap == pytest.approx(strange * math.cos(angle), rel=1e-3)

    def test_ratio_of_hadronic_tau_decays(self):
        correction = 1 + qcd_correction(INPUTS.alpha_s_tau)
        assert 3 * (INPUTS.V_ud**2 + INPUTS.V_us**2) * correction * 1.0201 == pytest.approx(3.636, rel=0.02)


class TestBlend:
    def test_weights(self):
        assert blend_weights(0.5) == blend_weights(1.0) == (1.0, 0.0)
        assert blend_weights(1.5) == blend_weights(2.0) == (0.0, 1.0)
        assert blend_weights(1.25) == (0.5, 0.5)
        for m in np.linspace(1, 1.5, 11):
            assert sum(blend_weights(m)) == pytest.approx(1, abs=1e-15)

    @pytest.mark.parametrize("flavour", FLAVOURS)
    def test_total_has_no_step(self, flavour):
        # A hard switch makes a step of 4 to 33 %; the largest slope here is d ln Γ/dm ~ 10/GeV.
        for edge in BLEND:
            low, high = total(edge - 1e-9, flavour), total(edge + 1e-9, flavour)
            assert high == pytest.approx(low, rel=1e-7, abs=0)
        masses = np.linspace(0.99, 1.55, 2001)
        logs = np.log([total(m, flavour) for m in masses])
        assert np.all(np.diff(logs) > 0) and np.max(np.diff(logs)) < 15 * (masses[1] - masses[0])

    @pytest.mark.parametrize("flavour", FLAVOURS)
    def test_slope_has_no_step_at_the_ends(self, flavour):
        for edge in BLEND:
            h = 1e-4
            slopes = [(total(edge + a * h, flavour) - total(edge + b * h, flavour)) for a, b in ((0, -1), (1, 0))]
            assert slopes[1] == pytest.approx(slopes[0], rel=2e-3, abs=0)

    def test_one_description_outside(self):
        before, after = weak_widths(0.999), weak_widths(1.501)
        for channel in CHANNELS:
            if channel.endswith("q_q"):
                assert not before[channel].any()
                assert after[channel].any() == (channel != "tau_q_q")
            elif channel.split("_")[-1] in LIGHT:
                assert not after[channel].any()

    def test_charm_and_tau_modes_stay_exclusive(self):
        widths = weak_widths(2.0)
        assert all(widths[channel].any() for channel in ("e_D", "e_Ds", "mu_D", "tau_pi"))
        assert not widths["tau_q_q"].any()
        assert weak_widths(3.0)["tau_q_q"][2] > 0
        strength = (units.G_FERMI * INPUTS.f_D * INPUTS.V_cd) ** 2 * 8 / (16 * math.pi)
        assert widths["e_D"][0] == pytest.approx(
            strength * pseudoscalar_shape(2.0, MASS["e"], MASS["D"]), rel=1e-13, abs=0
        )

    def test_inclusive_widths_are_the_quarks_alone_above(self):
        m = 1.8
        correction = 1 + qcd_correction(alpha_s(m, MASS["tau"], INPUTS.alpha_s_tau))
        unit = 3 * units.G_FERMI**2 * m**5 / (192 * math.pi**3) * correction
        parts = [INPUTS.V_ud**2 * three_fermions(m, MASS["e"], MASS["u"], MASS["d"], *RULE)]
        parts += [INPUTS.V_us**2 * three_fermions(m, MASS["e"], MASS["u"], MASS["s"], *RULE)]
        assert weak_widths(m)["e_q_q"][0] == pytest.approx(unit * sum(parts), rel=1e-13, abs=0)

    @pytest.mark.parametrize("scale", [0.9, 1.0, 1.3, 2.0, 10.0])
    def test_running_of_alpha_s(self, scale):
        with mp.workdps(30):
            expected = float(precise_alpha_s(scale, mp.mpf(INPUTS.alpha_s_tau)))
        assert alpha_s(scale, MASS["tau"], INPUTS.alpha_s_tau) == pytest.approx(expected, rel=1e-10)


class TestInterface:
    def test_inputs_enter_as_squares(self):
        once, twice = weak_widths(0.9), weak_widths(0.9, INPUTS._replace(f_rho=2 * INPUTS.f_rho))
        changed = {channel for channel in CHANNELS if not np.array_equal(once[channel], twice[channel])}
        assert changed == {"e_rho"} | ({"mu_rho"} if MASS["mu"] + MASS["rho"] < 0.9 else set())
        assert twice["e_rho"][0] == pytest.approx(4 * once["e_rho"][0], rel=1e-14, abs=0)

    def test_repeats_to_the_bit_and_overwrites(self):
        out = np.full((len(CHANNELS), 3), np.nan)
        for m in (0.02, 0.5, 1.3, 1.99):
            fill_weak_widths(m, *process_table(), out)
            assert np.array_equal(out, np.array(list(weak_widths(m).values())))

    def test_table_cannot_be_edited(self):
        assert not any(array.flags.writeable for array in process_table())

    def test_masses_are_in_GeV(self):
        assert MASS["mu"] == pytest.approx(0.1056583755, rel=1e-9)
        assert MASS["pi"] == pytest.approx(0.13957039, rel=1e-6)
        assert MASS["Ds"] == pytest.approx(1.96835, rel=1e-4)

    def test_all_widths_of_a_mass_take_less_than_a_millisecond(self):
        weak_widths(1.2)
        seconds = []
        for _ in range(20):
            start = time.perf_counter()
            weak_widths(1.99)
            seconds.append(time.perf_counter() - start)
        assert min(seconds) < 1e-3
