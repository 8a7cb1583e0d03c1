"""Decays through a vector: closed forms, traces of Dirac matrices, and integrals with 30 digits."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest

from scanner.errors import InputError
from scanner.physics.dark_neutrino_decays import (
    DarkPair,
    VectorMediator,
    scalar_mediator_widths,
    to_vector_width,
    transition_widths,
    vector_mediator_widths,
)
from scanner.physics.heavy_neutrino_mediators import DarkPhoton, Scalar, dark_photon_widths, scalar_widths
from scanner.physics.heavy_neutrino_mediators import to_vector_width as to_light_vector_width
from scanner.physics.particles import MASS
from scanner.units import ALPHA_EM

ELECTRONS, MUONS = 2 * MASS["e"], 2 * MASS["mu"]
CHARGE = math.sqrt(4 * math.pi * ALPHA_EM)

# Dirac matrices, chiral basis.
METRIC = np.diag([1.0, -1.0, -1.0, -1.0])
_PAULI = np.array([np.eye(2), [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
GAMMA = np.zeros((4, 4, 4), dtype=complex)
GAMMA[:, :2, 2:], GAMMA[:, 2:, :2] = _PAULI, _PAULI * np.array([1, -1, -1, -1])[:, None, None]
LEFT, ONE = np.diag([1.0, 1, 0, 0]), np.eye(4)
FIVE = np.diag([-1.0, -1, 1, 1])


def slash(p):
    return np.einsum("i,ij,jab->ab", p, METRIC, GAMMA)


def squared(outgoing, incoming, current, q):
    """Sum over spins of |ū Γ^μ u ε_μ|², summed over the polarisations of a vector of momentum q."""
    bar = GAMMA[0] @ np.conj(np.swapaxes(current, -1, -2)) @ GAMMA[0]
    tensor = np.einsum("ab,kbc,cd,lda->kl", outgoing, current, incoming, bar)
    lower = METRIC @ q
    return np.einsum("kl,kl->", tensor, np.outer(lower, lower) / (q @ lower) - METRIC).real


def kallen(x, y, z):
    return x**2 + y**2 + z**2 - 2 * (x * y + y * z + z * x)


def dirac_pair(strength, a, b):
    return VectorMediator(1.0, pairs={"pair": DarkPair(a, b, strength)})


class TestTwoBody:
    @pytest.mark.parametrize(("m", "daughter", "M"), [(1.0, 0.4, 0.3), (0.262, 0.15, 0.11), (1.0, 0.0, 0.3)])
    @pytest.mark.parametrize("majorana", [False, True])
    def test_against_traces(self, m, daughter, M, majorana):
        """Left-handed for Dirac states; axial for Majorana states of one CP parity, whose two terms add."""
        p = math.sqrt(kallen(m**2, daughter**2, M**2)) / (2 * m)
        parent, product = np.array([m, 0, 0, 0.0]), np.array([math.hypot(p, daughter), 0, 0, p])
        current = -GAMMA @ FIVE if majorana and daughter > 0 else GAMMA @ LEFT
        total = squared(slash(product) + daughter * ONE, slash(parent) + m * ONE, current, parent - product)
        expected = 0.5 * total * p / (8 * math.pi * m**2) * (2 if majorana and daughter == 0 else 1)
        assert to_vector_width(m, daughter, M, majorana) == pytest.approx(expected, rel=1e-13, abs=0)

    def test_closed_form_of_the_massless_daughter(self):
        assert to_vector_width(0.42, 0.0, 0.03) == pytest.approx(to_light_vector_width(0.42, 0.03), rel=1e-14, abs=0)

    def test_threshold(self):
        m, daughter = 0.5, 0.3
        assert to_vector_width(m, daughter, m - daughter) == 0
        assert to_vector_width(m, daughter, 0.25) == 0
        # √ for Dirac and Majorana states alike: an axial current is an S wave.
        near, nearer = (to_vector_width(m, daughter, (m - daughter) * (1 - x), True) for x in (1e-8, 1e-10))
        assert near / nearer == pytest.approx(10, rel=1e-6)


class TestMediator:
    def test_number_of_the_note(self):
        coupling = 1.01914 * CHARGE * 1.65551e-4
        found = vector_mediator_widths(VectorMediator(0.03, V_l=coupling))
        assert f"{found['e_e']:.5e}" == "2.07729e-12"

    def test_leptons(self):
        M, V, A = 0.3, 2e-4, 5e-4
        found = vector_mediator_widths(VectorMediator(M, V_l=V, A_l=A))
        for lepton in ("e", "mu"):
            r = (MASS[lepton] / M) ** 2
            beta = math.sqrt(1 - 4 * r)
            expected = M / (12 * math.pi) * beta * (V**2 * (1 + 2 * r) + A**2 * beta**2)
            assert found[f"{lepton}_{lepton}"] == pytest.approx(expected, rel=1e-12, abs=0)
        assert found["tau_tau"] == 0

    @pytest.mark.parametrize("coupling", ["V_l", "A_l"])
    def test_leptons_against_traces(self, coupling):
        M, m = 0.3, MASS["mu"]
        p = math.sqrt(M**2 / 4 - m**2)
        minus, plus = np.array([M / 2, 0, 0, p]), np.array([M / 2, 0, 0, -p])
        current = GAMMA if coupling == "V_l" else GAMMA @ FIVE
        total = squared(slash(minus) + m * ONE, slash(plus) - m * ONE, current, minus + plus)
        found = vector_mediator_widths(VectorMediator(M, **{coupling: 1.0}))["mu_mu"]
        assert found == pytest.approx(total / 3 * p / (8 * math.pi * M**2), rel=1e-12, abs=0)

    @pytest.mark.parametrize(("a", "b"), [(0.0, 0.0), (0.0, 0.6), (0.2, 0.3), (0.4, 0.4)])
    def test_dark_pairs_against_traces(self, a, b):
        p = math.sqrt(kallen(1.0, a**2, b**2)) / 2
        first, second = np.array([math.hypot(p, a), 0, 0, p]), np.array([math.hypot(p, b), 0, 0, -p])
        for majorana, current in ((False, GAMMA @ LEFT), (True, GAMMA @ FIVE / math.sqrt(2))):
            total = squared(slash(first) + a * ONE, slash(second) - b * ONE, current, first + second)
            mediator = VectorMediator(1.0, pairs={"pair": DarkPair(a, b, 1.0, majorana)})
            found = vector_mediator_widths(mediator)["pair"]
            assert found == pytest.approx(total / 3 * p / (8 * math.pi), rel=1e-12, abs=0)

    def test_equal_majorana_fermions_are_a_p_wave(self):
        pair = DarkPair(0.45, 0.45, 2.0, majorana=True)
        found = vector_mediator_widths(VectorMediator(1.0, pairs={"pair": pair}))["pair"]
        assert found == pytest.approx((1 - 0.9**2) ** 1.5 / (12 * math.pi), rel=1e-12, abs=0)
        shut = vector_mediator_widths(VectorMediator(0.9, pairs={"pair": pair}))
        assert shut["pair"] == 0

    def test_hadrons_by_isospin(self):
        photon, isoscalar, isovector, mirror = (
            vector_mediator_widths(VectorMediator(0.78, V_p=p, V_n=n)) for p, n in ((1, 0), (1, 1), (1, -1), (0, 1))
        )
        assert isoscalar["rho"] == 0 and isoscalar["omega"] == pytest.approx(4 * photon["omega"])
        assert isovector["omega"] == 0 and isovector["rho"] == pytest.approx(4 * photon["rho"])
        assert mirror["rho"] == pytest.approx(photon["rho"]) and mirror["phi"] == pytest.approx(4 * photon["phi"])
        quarks = [vector_mediator_widths(VectorMediator(2.0, V_p=p, V_n=n))["q_q"] for p, n in ((1, 0), (1, 1))]
        assert quarks[1] / quarks[0] == pytest.approx((3 / 9) / (6 / 9))  # three quarks of 1/3 each

    def test_invisible(self):
        found = vector_mediator_widths(VectorMediator(0.3, V_l=1e-3, BR_inv=0.7))
        assert found["invisible"] / math.fsum(found.values()) == pytest.approx(0.7, rel=1e-13)
        with pytest.raises(InputError, match="BR_inv"):
            vector_mediator_widths(VectorMediator(0.3, V_l=1e-3, BR_inv=1.0))

    def test_scalar(self):
        """What is on its shell in N → ν φ has the branching ratios of φ."""
        S_l, kappa, M = {"e": 1e-4, "mu": 3e-4}, 2e-4, 0.3
        parts = scalar_mediator_widths(M, S_l, kappa)
        found = scalar_widths(0.5, Scalar(M, *S_l.values(), 4 * kappa))
        total = math.fsum(found.values())
        for product, width in parts.items():
            assert found[product] / total == pytest.approx(width / math.fsum(parts.values()), rel=1e-6)


def precise(m, daughter, mediator, majorana):
    """N → N′ + (e⁺e⁻, μ⁺μ⁻, pairs) of `transition_widths` below 2 m_π, by the textbook's formulas."""
    m, daughter, M = mp.mpf(m), mp.mpf(daughter), mp.mpf(mediator.mass)

    def leptons(x, threshold):
        s = M**2 + x
        beta2 = max(1 - mp.mpf(threshold) ** 2 / s, 0)
        vector, axial = mp.mpf(mediator.V_l) ** 2 * (3 - beta2) / 2, mp.mpf(mediator.A_l) ** 2 * beta2
        return s / (12 * mp.pi) * mp.sqrt(beta2) * (vector + axial)

    def pair(x, found):
        s, a, b = M**2 + x, mp.mpf(found.first), mp.mpf(found.second)
        if s <= (a + b) ** 2:
            return mp.mpf(0)
        bracket = 1 - (a**2 + b**2) / (2 * s) - (a**2 - b**2) ** 2 / (2 * s**2) - 3 * found.majorana * a * b / s
        return mp.mpf(found.strength) * mp.sqrt(max(kallen(s, a**2, b**2), 0)) / (24 * mp.pi) * bracket

    def width(x):
        s, left = M**2 + x, 2 if majorana else 1
        bracket = m**2 + daughter**2 - 2 * s + (m**2 - daughter**2) ** 2 / s
        bracket += 6 * m * daughter if majorana else 0
        return left * mp.sqrt(max(kallen(m**2, daughter**2, s), 0)) / (32 * mp.pi * m**3) * bracket

    cuts = [lambda x: leptons(x, ELECTRONS), lambda x: leptons(x, MUONS)]
    cuts += [lambda x, found=found: pair(x, found) for found in mediator.pairs.values()]
    extent = sum(cut(mp.mpf(0)) for cut in cuts) or M**2 * mp.mpf("1e-12")
    marks = {ELECTRONS, MUONS, *(pair.first + pair.second for pair in mediator.pairs.values())}
    return [float(part) for part in _integrated(m - daughter, M, cuts, width, extent, marks)]


def _integrated(gap, M, cuts, width, extent, marks):
    def integrand(u, k):
        x = extent * mp.sinh(u)
        parts = [cut(x) for cut in cuts]
        if not sum(parts):
            return mp.mpf(0)
        return width(x) * parts[k] * extent * mp.cosh(u) / (mp.pi * (x**2 + sum(parts) ** 2))

    low, high = (mp.asinh((mp.mpf(mark) ** 2 - M**2) / extent) for mark in (min(marks), gap))
    ends = {mp.asinh((mp.mpf(mark) ** 2 - M**2) / extent) for mark in marks} | {high}
    ends |= {mp.mpf(6 * n) for n in range(-12, 13)}
    ends = sorted(end for end in ends if low <= end <= high)
    return [mp.quad(lambda u, k=k: integrand(u, k), ends) if len(ends) > 1 else mp.mpf(0) for k in range(len(cuts))]


GAP = 0.262 - 0.15
CASES = [  # m, daughter, Z′, majorana
    (0.262, 0.15, VectorMediator(0.118, V_l=2e-4), False),  # just off its shell
    (0.262, 0.15, VectorMediator(0.118, V_l=2e-4, A_l=3e-4), True),
    (0.262, 0.15, VectorMediator(0.03, V_l=2e-4), True),  # on its shell
    (0.262, 0.15, VectorMediator(GAP, V_l=0.1), False),
    (0.262, 0.15, VectorMediator(GAP * (1 - 1e-9), V_l=1e-4), False),
    (0.262, 0.15, VectorMediator(GAP * (1 + 1e-9), V_l=1e-4), True),
    (0.15 + ELECTRONS * (1 + 1e-6), 0.15, VectorMediator(0.1, V_l=1e-3), False),
    (0.25, 1e-6, VectorMediator(MUONS, V_l=1e-3, A_l=1e-3), False),
    (0.25, 0.02, VectorMediator(0.15, V_l=1e-4, pairs={"N_N": DarkPair(0.02, 0.02, 0.5)}), False),
    (0.25, 0.02, VectorMediator(0.05, V_l=1e-3, pairs={"N_N": DarkPair(0.025, 0.025, 0.5, True)}), True),
    (0.25, 0.0, VectorMediator(0.4, V_l=1e-3, pairs={"nu_N": DarkPair(0.0, 0.1, 1e-3)}), False),
    (0.25, 0.01, VectorMediator(0.1, pairs={"N_N": DarkPair(0.001, 0.09, 1e-2)}), False),
]


class TestTransition:
    @pytest.mark.parametrize(("m", "daughter", "mediator", "majorana"), CASES)
    def test_against_an_integral_with_30_digits(self, m, daughter, mediator, majorana):
        with mp.workdps(30):
            expected = precise(m, daughter, mediator, majorana)
        found = transition_widths(m, daughter, mediator, majorana)
        for name, value in zip(("e_e", "mu_mu", *mediator.pairs), expected, strict=True):
            assert found[name] == pytest.approx(value, rel=1e-9, abs=0), name

    @pytest.mark.parametrize("epsilon", [1e-9, 1e-4, 0.5])
    @pytest.mark.parametrize("M", [0.0015, 0.03, 0.5, 0.78, 1.9, 50.0])
    def test_massless_daughter_of_a_dark_photon(self, epsilon, M):
        """The kernel of the models with mixing alone, at every mass and coupling."""
        for m in (0.02, 0.5, 1.95):
            expected = dark_photon_widths(m, DarkPhoton(M, 1 / (4 * math.pi), epsilon, 0.2)).square
            mediator = VectorMediator(M, V_l=-CHARGE * epsilon, V_p=CHARGE * epsilon, BR_inv=0.2)
            found = transition_widths(m, 0.0, mediator)
            names = {f"nu_{name}": name for name in found} | {"nu_Zprime": "invisible"}
            for channel, width in expected.items():
                assert found[names[channel]] == pytest.approx(width, rel=1e-11, abs=0)

    @pytest.mark.parametrize("rho", [0.01, 0.3, 0.9])
    def test_massless_closed_form_off_the_shell(self, rho):
        m = 0.3
        mediator = VectorMediator(m / math.sqrt(rho), pairs={"pair": DarkPair(0.0, 0.0, 2e-16)})
        with mp.workdps(30):
            r = mp.mpf(rho)
            shape = (6 * (r - r**2 / 2 + (1 - r) * mp.log(1 - r)) - r**3) / r**2
        expected = 1e-16 * m / (384 * math.pi**3) * float(shape)
        assert transition_widths(m, 0.0, mediator)["pair"] == pytest.approx(expected, rel=1e-9, abs=0)

    @pytest.mark.parametrize("x", [0.0, 1e-4, 0.1, 0.8])
    def test_contact_limit(self, x):
        """For massless products, that of the muon's decay; also near x = 1, where the closed form cancels."""
        m, M = 0.5, 1e4
        mediator = VectorMediator(M, pairs={"pair": DarkPair(0.0, 0.0, 2.0)})
        y = mp.mpf(x)
        shape = 1 - 8 * y + 8 * y**3 - y**4 - (12 * y**2 * mp.log(y) if x else 0)
        expected = m**5 / (768 * math.pi**3 * M**4) * float(shape)
        found = transition_widths(m, m * math.sqrt(x), mediator)["pair"]
        assert found == pytest.approx(expected, rel=1e-8, abs=0)

    @pytest.mark.parametrize("majorana", [False, True])
    def test_narrow_is_two_body_times_branching_ratio(self, majorana):
        m, daughter = 1.5, 0.2
        pairs = {"N_N": DarkPair(daughter, daughter, 1e-12, majorana), "nu_N": DarkPair(0.0, daughter, 1e-13, majorana)}
        for M in (0.05, 0.3, 0.45, 0.9, 1.25):
            mediator = VectorMediator(M, V_l=1e-6, A_l=2e-6, V_p=2e-6, V_n=-1e-6, BR_inv=0.3, pairs=pairs)
            two_body, parts = to_vector_width(m, daughter, M, majorana), vector_mediator_widths(mediator)
            found = transition_widths(m, daughter, mediator, majorana)
            assert math.fsum(found.values()) == pytest.approx(two_body, rel=1e-8, abs=0)
            for name, part in parts.items():
                expected = two_body * part / math.fsum(parts.values())
                assert found[name] == pytest.approx(expected, rel=1e-6, abs=1e-8 * two_body), name

    def test_majorana_is_twice_dirac_for_a_light_neutrino_only(self):
        mediator = VectorMediator(0.118, V_l=2e-4)
        for daughter, low, high in ((0.0, 2 - 1e-12, 2 + 1e-12), (1e-7, 2, 2.0001), (0.15, 2.5, 4)):
            dirac, majorana = (transition_widths(0.262, daughter, mediator, kind)["e_e"] for kind in (False, True))
            assert low <= majorana / dirac <= high

    def test_closed(self):
        mediator = VectorMediator(0.03, V_l=1e-3, V_p=1e-3)
        for daughter in (0.3, 0.3 - 0.999999 * ELECTRONS, 0.3 - 0.5 * ELECTRONS, 0.4):
            assert set(transition_widths(0.3, daughter, mediator).values()) == {0.0}
        open_ = transition_widths(0.3, 0.3 - 1.001 * ELECTRONS, mediator)
        assert open_["e_e"] > 0 and open_["mu_mu"] == 0

    def test_a_mediator_without_decays_is_invisible(self):
        found = transition_widths(0.3, 0.1, VectorMediator(0.5 * ELECTRONS, V_l=1e-3))
        assert found.pop("invisible") == to_vector_width(0.3, 0.1, 0.5 * ELECTRONS)
        assert max(found.values()) < 1e-6 * to_vector_width(0.3, 0.1, 0.5 * ELECTRONS)

    @pytest.mark.parametrize(("m", "M"), [(0.0, 0.1), (-1.0, 0.1), (math.nan, 0.1), (0.1, 0.0), (0.1, math.inf)])
    def test_masses_that_are_none(self, m, M):
        with pytest.raises(InputError, match="positive and finite"):
            transition_widths(m, 0.0, VectorMediator(M, V_l=1.0))
