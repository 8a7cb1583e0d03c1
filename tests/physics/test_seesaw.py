"""Seesaws against mpmath, closed forms of the limits, and each other."""

from __future__ import annotations

import functools
import itertools
import math

import mpmath as mp
import numpy as np
import pytest

from scanner.errors import InputError
from scanner.physics.particles import MASS
from scanner.physics.seesaw import (
    HIGGS_VEV,
    LOOP_FACTOR,
    inverse_loop,
    inverse_seesaw,
    loop_function,
    loop_slope,
    type1_loop,
    type1_seesaw,
)
from scanner.physics.seesaw_matrix import MatrixSeesaw, matrix_seesaw, takagi

DIGITS = 70
BOSONS = MASS["H"], MASS["Z"]
YUKAWA = math.sqrt(2) / HIGGS_VEV
"""Of a Dirac mass of 1 GeV."""

Matrix = list[list[float]]

close = functools.partial(pytest.approx, abs=0)
"""Its absolute tolerance of 1e-12 is the mass of a neutrino in GeV."""


def eigensystem(matrix: Matrix) -> tuple[mp.mpf, list[tuple[mp.mpf, mp.mpf]]]:
    """Light eigenvalue, then eigenvalue and |U|² of the heavy states, the lightest first."""
    values, vectors = mp.eigsy(mp.matrix(matrix))
    active = [(vectors[0, i] ** 2, values[i]) for i in range(len(matrix))]
    light = max(active)
    heavy = sorted((abs(value), value, part) for part, value in active if value != light[1])
    return light[1], [(value, part) for _, value, part in heavy]


def full(m_D: float, Lambda: float, mu: float, mu_prime: float, eps: float) -> Matrix:
    return [[0.0, m_D, eps], [m_D, mu_prime, Lambda], [eps, Lambda, mu]]


def bosons(mass: mp.mpf) -> mp.mpf:
    higgs, z = (mp.log((mass / mp.mpf(b)) ** 2) / ((mass / mp.mpf(b)) ** 2 - 1) for b in BOSONS)
    return higgs + 3 * z


def loop_sum(dirac: list[float], block: Matrix) -> mp.mpf:
    """The published sum over the heavy states."""
    values, vectors = mp.eigsy(mp.matrix(block))
    terms = []
    for i, value in enumerate(values):
        coupling = sum(b * vectors[j, i] for j, b in enumerate(dirac))
        terms.append(coupling**2 * value * bosons(value))
    return mp.mpf(LOOP_FACTOR) * sum(terms)


def points(model: str, count: int) -> list[tuple[float, float, float, float, float]]:
    """m_D, Λ, μ, μ', ε' of a model: 15 orders of magnitude in what may be small."""
    rng = np.random.default_rng([count, *model.encode()])

    def small(scale: float, highest: float = 0.0) -> float:
        return float(scale * 10 ** rng.uniform(-15, highest))

    def signed(scale: float, highest: float = 0.0) -> float:
        return small(scale, highest) * float(rng.choice([-1, 1]))

    found = []
    for _ in range(count):
        Lambda = 10 ** float(rng.uniform(-3, 3))
        m_D = small(Lambda, -0.3)
        mu = signed(Lambda, 3) if model in ("iss", "all") else 0.0
        mu_prime = signed(Lambda, 3) if model in ("mriss", "all") else 0.0
        eps = signed(m_D) if model in ("linear", "all") else 0.0
        found.append((m_D, Lambda, mu, mu_prime, eps))
    return found


def deviation(found: float, expected: mp.mpf) -> float:
    # The null masses of mpmath are zeros of its 70 digits.
    if abs(expected) < mp.mpf(10) ** (12 - DIGITS):
        return 0.0 if found == 0 else math.inf
    return abs(float(mp.mpf(found) / expected - 1))


class TestOneGeneration:
    @pytest.mark.parametrize("model", ["iss", "linear", "mriss", "all"])
    def test_random_points(self, model: str) -> None:
        with mp.workdps(DIGITS):
            for point in points(model, 200):
                light, ((first, one), (second, two)) = eigensystem(full(*point))
                expected = light, abs(first), abs(second), abs(second) - abs(first), one, two
                for found, exact in zip(inverse_seesaw(*point), expected, strict=True):
                    assert deviation(found, exact) < 1e-11, point

    def test_type1_random_points(self) -> None:
        with mp.workdps(DIGITS):
            for m_D, Lambda, *_ in points("type1", 200):
                light, ((heavy, active),) = eigensystem([[0.0, m_D], [m_D, Lambda]])
                for found, exact in zip(type1_seesaw(m_D, Lambda), (light, heavy, active), strict=True):
                    assert deviation(found, exact) < 1e-14

    def test_where_mu_and_mu_prime_cancel_or_agree(self) -> None:
        """Heavy states split by little beside large Majorana masses, alike or opposite, or one of them light."""
        rng = np.random.default_rng(8)
        with mp.workdps(DIGITS):
            for sign, distance in itertools.product((-1, 1), 10.0 ** np.arange(-13, 0)):
                mu, Lambda = rng.uniform(0.5, 2), 10 ** rng.uniform(-5, -1)
                for point in (
                    (1e-7, Lambda, mu, sign * mu * (1 + distance), 0.0),
                    (1e-9, 1.0, mu, 1 / mu * (1 + sign * max(distance, 1e-6)), 0.0),
                ):
                    light, ((first, one), (second, two)) = eigensystem(full(*point))
                    found = inverse_seesaw(*point)
                    splitting = abs(second) - abs(first)
                    for value, exact in zip(found, (light, abs(first), abs(second), splitting, one, two), strict=True):
                        assert deviation(value, exact) < 1e-12

    def test_inverse_seesaw_of_the_literature(self) -> None:
        """m_D = 1 MeV, Λ = 1 GeV, μ = 1 keV: m_ν = μ m_D²/Λ² = 1e-12 GeV, a pair at Λ ∓ μ/2 with |U|² = m_D²/Λ²."""
        light, lighter, heavier, splitting, one, two = inverse_seesaw(1e-3, 1.0, 1e-6, 0.0, 0.0)
        assert light == close(1e-12, rel=2e-6)
        assert splitting == close(1e-6, rel=2e-6)
        assert (lighter + heavier) / 2 == close(math.hypot(1.0, 1e-3), rel=1e-12)
        assert one == close(0.5e-6, rel=3e-6) and two == close(0.5e-6, rel=3e-6)

    def test_large_mu(self) -> None:
        """μ ≫ Λ: N of Λ²/μ with |U|² = m_D²μ²/Λ⁴, so that m_ν = μ m_D²/Λ² is a type-I seesaw's."""
        light, lighter, _, _, one, _ = inverse_seesaw(1e-6, 1.0, 1e3, 0.0, 0.0)
        assert light == close(1e-9, rel=1e-5)
        assert lighter == close(1e-3, rel=1e-5)
        assert one == close(1e-6, rel=1e-5)

    def test_linear_seesaw(self) -> None:
        assert inverse_seesaw(1e-3, 1.0, 0.0, 0.0, 1e-9)[0] == close(-2e-12, rel=1e-5)

    def test_published_tree_formula(self) -> None:
        """(μm² - 2ε'mΛ + ε'²μ')/(Λ² - μμ')."""
        m_D, Lambda, mu, mu_prime, eps = 2e-4, 1.3, 3e-2, 0.4, 5e-6
        expected = (mu * m_D**2 - 2 * eps * m_D * Lambda + eps**2 * mu_prime) / (Lambda**2 - mu * mu_prime)
        assert inverse_seesaw(m_D, Lambda, mu, mu_prime, eps)[0] == close(expected, rel=1e-6)

    @pytest.mark.parametrize("mu_prime", [0.0, 1e-9, 0.1, 30.0, -2.0])
    def test_minimal_radiative_tree(self, mu_prime: float) -> None:
        """Exactly massless, with Σ|U|² = m_D²/(m_D² + Λ²), however large the mixing."""
        light, lighter, heavier, splitting, one, two = inverse_seesaw(0.4, 0.7, 0.0, mu_prime, 0.0)
        assert light == 0
        assert one + two == close(0.16 / 0.65, rel=1e-14)
        assert splitting == close(abs(mu_prime), rel=1e-14)
        assert lighter * heavier == close(0.65, rel=1e-14)

    def test_lepton_number_conserved(self) -> None:
        """A Dirac neutrino of mass √(Λ² + m_D²), in two halves."""
        light, lighter, heavier, splitting, one, two = inverse_seesaw(0.3, 0.4, 0.0, 0.0, 0.0)
        assert (light, splitting) == (0, 0) and lighter == heavier == close(0.5, rel=1e-15)
        assert one == two == close(0.18, rel=1e-14)

    def test_no_dirac_mass_no_mixing(self) -> None:
        assert inverse_seesaw(0.0, 1.0, 0.1, 0.2, 0.0)[::4] == (0.0, 0.0)
        assert type1_seesaw(0.0, 1.0) == (0.0, 1.0, 0.0)

    def test_terms_that_cancel(self) -> None:
        """μ m_D = 2 ε' Λ: massless; a relative 2⁻⁵¹ away the difference is known, 2⁻¹⁰⁴ away it is not."""
        assert inverse_seesaw(2.0**-10, 1.0, 2.0**-9, 0.0, 2.0**-20)[0] == 0
        near = math.nextafter(2.0**-20, 1.0)
        expected = 2.0**-9 * 2.0**-20 - 2 * near * 2.0**-10
        assert inverse_seesaw(2.0**-10, 1.0, 2.0**-9, 0.0, near)[0] == close(expected, rel=1e-5)
        a = 2.0**50 + 1  # a² and (a + 1)(a - 1)
        point = a * 2.0**-60, (a + 1) * 2.0**-50, a * 2.0**-60, 0.0, (a - 1) * 2.0**-71
        assert math.isnan(inverse_seesaw(*point)[0])

    def test_not_known_is_nan(self) -> None:
        for point in ((1e-70, 1.0, 0.0, 0.0, 0.0), (1e-3, 1e31, 0.0, 0.0, 0.0), (1e-3, 0.0, 1e-6, 0.0, 0.0)):
            assert all(map(math.isnan, inverse_seesaw(*point)))
        assert all(map(math.isnan, type1_seesaw(1e-70, 1.0)))

    def test_no_light_active_neutrino_has_no_mixings(self) -> None:
        """μμ' = Λ² leaves a heavy field massless, which then mixes maximally."""
        light, lighter, heavier, _, one, two = inverse_seesaw(1e-3, 1.0, 1.0, 1.0, 0.0)
        assert abs(light) == close(1e-3 / math.sqrt(2), rel=1e-3)
        assert lighter == close(1e-3 / math.sqrt(2), rel=1e-3) and heavier == close(2, rel=1e-3)
        assert math.isnan(one) and math.isnan(two)


class TestOneLoop:
    @pytest.mark.parametrize("model", ["iss", "linear", "mriss", "all"])
    def test_random_points(self, model: str) -> None:
        """To 1e-12, where the sum cancels over up to 15 digits."""
        with mp.workdps(DIGITS):
            for point in points(model, 200):
                m_D, Lambda, mu, mu_prime, eps = point
                expected = loop_sum([m_D, eps], [[mu_prime, Lambda], [Lambda, mu]])
                assert deviation(inverse_loop(*point, *BOSONS), expected) < 1e-12, point

    def test_pairs_at_the_mass_of_a_boson(self) -> None:
        rng = np.random.default_rng(4)
        with mp.workdps(DIGITS):
            for boson, split in itertools.product(BOSONS, 10.0 ** np.arange(-14, 1)):
                Lambda = boson * (1 + 10 ** rng.uniform(-13, -0.5))
                expected = loop_sum([1e-3, 0.0], [[split, Lambda], [Lambda, 0.0]])
                assert deviation(inverse_loop(1e-3, Lambda, 0.0, split, 0.0, *BOSONS), expected) < 1e-12

    def test_type1(self) -> None:
        with mp.workdps(30):
            for Lambda in (1e-3, 1.0, MASS["Z"], 500.0, 1e12):
                expected = mp.mpf(LOOP_FACTOR) * mp.mpf("1e-10") * Lambda * bosons_or_limit(Lambda)
                assert deviation(type1_loop(1e-5, Lambda, *BOSONS), expected) < 1e-13

    def test_loop_opposes_the_tree_of_type1(self) -> None:
        """Well above the bosons by [m_h² ln(M²/m_h²) + 3 m_Z² ln(M²/m_Z²)]/16π²v², the form of 1106.3587."""
        tree, loop = type1_seesaw(1e-6, 1e4)[0], type1_loop(1e-6, 1e4, *BOSONS)
        logarithms = sum(n * b**2 * math.log((1e4 / b) ** 2) for n, b in zip((1, 3), BOSONS, strict=True))
        assert loop / tree == close(-LOOP_FACTOR * logarithms, rel=1e-3)

    def test_dev_pilaftsis_limit(self) -> None:
        """μ' ≫ Λ: α_W m_D²/(16π μ') · (μ'²/m_W²)[…] of the state of mass μ' alone."""
        mu_prime = 1e3
        assert inverse_loop(1e-3, 1.0, 0.0, mu_prime, 0.0, *BOSONS) == close(one_term(1e-3, mu_prime), rel=1e-4)

    def test_one_term_is_wrong_for_a_pair(self) -> None:
        """By a factor of 5 for μ' = 10 MeV, Λ = 10 GeV."""
        exact = inverse_loop(1e-3, 10.0, 0.0, 1e-2, 0.0, *BOSONS)
        assert one_term(1e-3, 1e-2) / exact == close(5.02, rel=1e-3)

    def test_slope(self) -> None:
        rng = np.random.default_rng(6)
        with mp.workdps(60):
            for _ in range(300):
                t1 = 1 + rng.choice([-1, 1]) * 10 ** rng.uniform(-12, 0) * 0.9
                t1 = float(t1 if rng.random() < 0.5 else 10 ** rng.uniform(-30, 30))
                t2 = t1 * (1 + float(rng.choice([-1, 1]) * 10 ** rng.uniform(-15, -0.1)))
                if t1 == t2:
                    continue
                first, second = (mp.log(mp.mpf(t)) / (mp.mpf(t) - 1) if t != 1 else mp.mpf(1) for t in (t1, t2))
                assert deviation(loop_slope(t1, t2), (first - second) / (mp.mpf(t1) - mp.mpf(t2))) < 2e-14
        assert loop_slope(1.0, 1.0) == -0.5
        assert loop_slope(4.0, 4.0) == close((0.75 - math.log(4)) / 9, rel=1e-14)
        assert loop_function(1.0) == 1.0


def one_term(m_D: float, mass: float) -> float:
    return LOOP_FACTOR * m_D**2 * mass * float(bosons(mp.mpf(mass)))


def bosons_or_limit(mass: float) -> mp.mpf:
    """At the mass of a boson, its function is 1."""
    terms = [
        mp.log((mp.mpf(mass) / b) ** 2) / ((mp.mpf(mass) / b) ** 2 - 1) if mass != b else mp.mpf(1) for b in BOSONS
    ]
    return terms[0] + 3 * terms[1]


def symmetric(rng: np.random.Generator, n: int) -> np.ndarray:
    matrix = rng.normal(size=(n, n)) + 1j * rng.normal(size=(n, n))
    return matrix + matrix.T


def inverse_form(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Y and M_N of an inverse seesaw of 3 + 3 heavy fields, complex in every entry that it has."""
    Y = np.zeros((3, 6), dtype=complex)
    Y[:, :3] = 1e-3 * YUKAWA * (rng.normal(size=(3, 3)) + 1j * rng.normal(size=(3, 3)))
    M_N = np.zeros((6, 6), dtype=complex)
    M_N[:3, 3:] = np.diag([0.7, 1.0, 5.0]) + 0.1 * symmetric(rng, 3)
    M_N[3:, :3] = M_N[:3, 3:].T
    M_N[3:, 3:] = 1e-9 * symmetric(rng, 3)
    return Y, M_N


def long(matrix: np.ndarray) -> mp.matrix:
    return mp.matrix([[mp.mpc(entry) for entry in row] for row in matrix.tolist()])


def long_masses(Y: np.ndarray, M_N: np.ndarray, loop: np.ndarray | None = None) -> list[mp.mpf]:
    """Roots of the eigenvalues of M M†."""
    n = len(M_N)
    M = mp.zeros(3 + n)
    D = long(Y) * mp.mpf(HIGGS_VEV) / mp.sqrt(2)
    M[:3, 3:], M[3:, :3], M[3:, 3:] = D, D.T, long(M_N)
    if loop is not None:
        M[:3, :3] = long(loop)
    return sorted(mp.sqrt(abs(value)) for value in mp.eighe(M * M.H, eigvals_only=True))


def long_loop(Y: np.ndarray, M_N: np.ndarray) -> np.ndarray:
    """M_D F(M†M/m²) M† M_D^T by a matrix logarithm, with no diagonalisation."""
    M, D = long(M_N), long(Y) * mp.mpf(HIGGS_VEV) / mp.sqrt(2)
    one, total = mp.eye(len(M_N)), mp.zeros(len(M_N))
    for n, boson in zip((1, 3), BOSONS, strict=True):
        t = M.H * M / mp.mpf(boson) ** 2
        total += n * mp.logm(t) * (t - one) ** -1
    found = LOOP_FACTOR * D * total * M.H * D.T
    return np.array(found.tolist(), dtype=complex).reshape(3, 3)


def rebuilt(found: MatrixSeesaw) -> np.ndarray:
    """The active block of U diag(masses) U^T."""
    return found.U @ np.diag([*found.m_nu, *found.m_N]) @ found.U.T


class TestTakagi:
    @pytest.mark.parametrize("n", [1, 2, 5])
    def test_random_matrices(self, n: int) -> None:
        matrix = symmetric(np.random.default_rng(n), n)
        masses, U = takagi(matrix)
        np.testing.assert_allclose(U @ np.diag(masses) @ U.T, matrix, rtol=1e-13, atol=1e-14)
        np.testing.assert_allclose(U @ U.conj().T, np.eye(n), atol=1e-14)
        np.testing.assert_allclose(masses, np.linalg.svd(matrix, compute_uv=False)[::-1], rtol=1e-12)

    def test_equal_masses(self) -> None:
        """Any phase matrix times its transpose has masses of 1, and so has a Dirac pair."""
        phases = np.exp(1j * np.array([0.3, 1.1, -2.0]))
        for matrix in (np.diag(phases), np.array([[0, 1], [1, 0]])):
            masses, U = takagi(matrix)
            np.testing.assert_allclose(masses, 1.0, rtol=1e-15)
            np.testing.assert_allclose(U @ U.T, matrix, atol=1e-15)

    def test_zero_masses(self) -> None:
        """A matrix of rank 2: the null space gets an orthonormal complex basis."""
        rng = np.random.default_rng(11)
        columns = rng.integers(-5, 6, (5, 2)) + 1j * rng.integers(-5, 6, (5, 2))
        matrix = columns @ columns.T
        masses, U = takagi(matrix)
        assert masses[:3].tolist() == [0, 0, 0] and masses[3] > 0
        np.testing.assert_allclose(U.conj().T @ U, np.eye(5), atol=1e-14)
        np.testing.assert_allclose(U @ np.diag(masses) @ U.T, matrix, atol=1e-12)
        assert takagi(np.zeros((2, 2)))[0].tolist() == [0, 0]

    @pytest.mark.parametrize(
        ("matrix", "message"),
        [
            ([[1, 2]], "not square"),
            ([[1, 2], [3, 4]], "not symmetric"),
            ([[1, math.nan], [math.nan, 1]], "finite numbers"),
            ([1, 2], "should be a matrix"),
            ([["a"]], "not a matrix of numbers"),
            ([[1, 1e-31], [1e-31, 1]], "too far apart"),
        ],
    )
    def test_bad_input(self, matrix: object, message: str) -> None:
        with pytest.raises(InputError, match=message):
            takagi(matrix)


class TestThreeGenerations:
    def test_inverse_seesaw_of_three_and_three(self) -> None:
        """Against 100 digits of mpmath: every mass, and the splittings of the pairs."""
        Y, M_N = inverse_form(np.random.default_rng(3))
        found = matrix_seesaw(Y, M_N)
        with mp.workdps(100):
            tree = long_masses(Y, M_N)
        with mp.workdps(60):
            loop = long_loop(Y, M_N)
        np.testing.assert_allclose(found.m_nu_tree, np.array(tree[:3], dtype=float), rtol=1e-14)
        np.testing.assert_allclose(found.m_N, np.array(tree[3:], dtype=float), rtol=1e-14)
        splittings = [b - a for a, b in itertools.pairwise(tree[3:])]
        np.testing.assert_allclose(found.splittings, np.array(splittings, dtype=float), rtol=1e-9)
        np.testing.assert_allclose(found.m_loop, loop, rtol=1e-12)

    def test_mixings_rebuild_the_matrix(self) -> None:
        """U diag(masses) U^T holds the loop, and nothing else, where the active fields have no mass."""
        Y, M_N = inverse_form(np.random.default_rng(5))
        with_loop, tree = matrix_seesaw(Y, M_N), matrix_seesaw(Y, M_N, loop=False)
        assert tree.m_nu.tolist() == tree.m_nu_tree.tolist() == with_loop.m_nu_tree.tolist()
        assert not tree.m_loop.any() and with_loop.m_loop.any()
        for found in (with_loop, tree):
            np.testing.assert_allclose(rebuilt(found), found.m_loop, atol=1e-21)
            np.testing.assert_allclose(found.U @ found.U.conj().T, np.eye(3), atol=1e-14)

    def test_masses_twenty_five_orders_apart(self) -> None:
        Y = 1e-5 * np.array([[1, 2 - 1j, 0.3], [1j, 0.5, 1], [0.1, -1, 2]])
        M_N = np.diag([1e10, 3e14, 1e15]) + 1e9 * np.ones((3, 3))
        found = matrix_seesaw(Y, M_N, loop=False)
        with mp.workdps(120):
            exact = np.array(long_masses(Y, M_N), dtype=float)
        assert exact[0] / exact[-1] < 1e-33
        np.testing.assert_allclose([*found.m_nu, *found.m_N], exact, rtol=1e-15)

    @pytest.mark.parametrize(("mu", "mu_prime", "eps"), [(1e-6, 0.0, 0.0), (0.0, 1e-3, 0.0), (1e-4, 2.0, 1e-7)])
    def test_one_generation(self, mu: float, mu_prime: float, eps: float) -> None:
        m_D, Lambda = 1e-5, 0.6
        Y = np.array([[0, 0], [m_D, eps], [0, 0]]) * YUKAWA
        found = matrix_seesaw(Y, [[mu_prime, Lambda], [Lambda, mu]])
        light, lighter, heavier, splitting, one, two = inverse_seesaw(m_D, Lambda, mu, mu_prime, eps)
        loop = inverse_loop(m_D, Lambda, mu, mu_prime, eps, *BOSONS)
        np.testing.assert_allclose(found.m_nu_tree, [0, 0, abs(light)], rtol=1e-14)
        np.testing.assert_allclose(found.m_N, [lighter, heavier], rtol=1e-14)
        np.testing.assert_allclose(found.splittings, [splitting], rtol=1e-13)
        np.testing.assert_allclose(found.m_loop[1, 1], loop, rtol=1e-12)
        np.testing.assert_allclose(found.m_nu, [0, 0, abs(light + loop)], rtol=1e-9)  # the sum neglects |U|²
        np.testing.assert_allclose(found.U_sq, [[0, 0], [one, two], [0, 0]], rtol=1e-12)

    def test_type1_of_one_generation(self) -> None:
        Y = np.array([[0.6], [0], [0.8]]) * 1e-4 * YUKAWA
        found = matrix_seesaw(Y, [[2.0]], loop=False)
        light, heavy, active = type1_seesaw(1e-4, 2.0)
        np.testing.assert_allclose(found.m_nu_tree, [0, 0, -light], rtol=1e-14)
        np.testing.assert_allclose(found.m_N, [heavy], rtol=1e-15)
        np.testing.assert_allclose(found.U_sq, active * np.array([[0.36], [0], [0.64]]), rtol=1e-14)
        assert matrix_seesaw(Y, [[2.0]]).m_nu[2] == close(-light - type1_loop(1e-4, 2.0, *BOSONS), rel=1e-8)

    def test_lepton_number_conserved(self) -> None:
        """Neither the tree nor the loop gives a mass to a light neutrino."""
        Y, M_N = inverse_form(np.random.default_rng(7))
        M_N[3:, 3:] = 0
        found = matrix_seesaw(Y, M_N)
        assert found.m_nu_tree.tolist() == found.m_nu.tolist() == [0, 0, 0]
        assert found.splittings[::2].tolist() == [0, 0, 0]
        np.testing.assert_allclose(found.U_sq[:, ::2], found.U_sq[:, 1::2], rtol=1e-12)

    def test_casas_ibarra(self) -> None:
        """Couplings built from a mixing matrix and light masses give these back, up to |U|²."""
        angles = [math.asin(math.sqrt(s)) for s in (0.307, 0.022, 0.546)]
        (c12, c13, c23), (s12, s13, s23) = (list(map(f, angles)) for f in (math.cos, math.sin))
        phase = s13 * np.exp(-1.2j)
        pmns = (
            np.array([[1, 0, 0], [0, c23, s23], [0, -s23, c23]])
            @ np.array([[c13, 0, phase], [0, 1, 0], [-np.conj(phase), 0, c13]])
            @ np.array([[c12, s12, 0], [-s12, c12, 0], [0, 0, 1]])
        )
        masses, heavy = np.array([1e-12, 8.7e-12, 5.1e-11]), np.array([1.0, 2.0, 40.0])
        Y = 1j * pmns @ np.diag(np.sqrt(masses)) @ np.diag(np.sqrt(heavy)) * YUKAWA
        found = matrix_seesaw(Y, np.diag(heavy), loop=False)
        np.testing.assert_allclose(found.m_nu, masses, rtol=1e-9)
        np.testing.assert_allclose(np.abs(found.pmns), np.abs(pmns), rtol=1e-9)
        np.testing.assert_allclose(found.U_sq, np.abs(pmns) ** 2 * masses / heavy, rtol=1e-9)

    @pytest.mark.parametrize(
        ("Y", "M_N", "message"),
        [
            ([[1e-6], [0], [0]], [[0, 1], [1, 0]], r"allowed: \(3, 2\)"),
            ([[4.0], [0], [0]], [[1e9]], "not perturbative"),
            ([[0, 1e-6], [0, 0], [0, 0]], [[1e-12, 0], [0, 1]], "not mostly active"),
            ([[1e-6, 0], [0, 0], [0, 0]], [[1, 1], [1, 1]], "singular"),
            ([[1e-6, 0], [0, 0], [0, 0]], [[1, 2], [3, 1]], "M_N: is not symmetric"),
        ],
    )
    def test_bad_input(self, Y: object, M_N: object, message: str) -> None:
        with pytest.raises(InputError, match=message):
            matrix_seesaw(Y, M_N)
