"""Oscillation kernels against independent evaluations, limits and symmetries."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field, replace

import mpmath as mp
import numpy as np
import pytest
import scipy.integrate
import scipy.linalg
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scanner import units
from scanner.physics.oscillation import (
    averaged_sin_squared,
    hermitian_eigensystem_4,
    mixing_matrix_3p1,
    probability_3p1,
    probability_two_flavour,
)

EPS = np.finfo(float).eps
E, MU, TAU, S = range(4)
FLAVOURS = list(itertools.product(range(4), repeat=2))


@dataclass(frozen=True)
class Oscillation:
    """Parameters of one 3+1 probability, with the units of `probability_3p1`."""

    energy: float = 1.0
    length: float = 500.0
    density: float = 3.0
    Ye: float = 0.5
    antineutrino: bool = False
    dm21: float = 7.42e-5
    dm31: float = 2.517e-3
    dm41: float = 1.0
    active: tuple[float, float, float] = (0.304, 0.0222, 0.573)
    sterile: tuple[float, float, float] = (0.02, 0.03, 0.05)
    delta13: float = 3.4
    delta14: float = 0.7
    delta24: float = -1.9

    @property
    def mixing(self) -> np.ndarray:
        return mixing_matrix_3p1(*self.active, self.delta13, *self.sterile, self.delta14, self.delta24)

    @property
    def dm2(self) -> np.ndarray:
        return np.array([0.0, self.dm21, self.dm31, self.dm41])

    def conjugated(self) -> Oscillation:
        return replace(self, delta13=-self.delta13, delta14=-self.delta14, delta24=-self.delta24)

    def probability(self, alpha: int, beta: int) -> float:
        return self.probabilities(alpha, beta, [self.energy], [self.length])[0]

    def probabilities(self, alpha: int, beta: int, energy, length) -> np.ndarray:
        energy, length = np.array(energy, float), np.array(length, float)
        out = np.full(energy.size, np.nan)
        probability_3p1(
            alpha,
            beta,
            energy,
            length,
            self.mixing,
            self.dm2,
            self.density,
            self.Ye,
            self.antineutrino,
            out,
        )
        return out

    def table(self) -> np.ndarray:
        return np.array([[self.probability(a, b) for b in range(4)] for a in range(4)])


# ----- the same physics in 50 digits, by a matrix exponential in the flavour basis, from SI constants


@dataclass(frozen=True)
class Exact:
    """Constants of nature; in the SI of 2019 all but G_F are exact."""

    hbarc: mp.mpf = field(init=False)
    """ħc [eV km]."""
    potential: mp.mpf = field(init=False)
    """√2 G_F N_A (ħc)³ [eV cm³/g]."""

    def __post_init__(self) -> None:
        with mp.workdps(50):
            h, c, charge = mp.mpf("6.62607015e-34"), mp.mpf(299792458), mp.mpf("1.602176634e-19")
            hbarc_ev_m = h * c / (2 * mp.pi * charge)
            hbarc_gev_cm = hbarc_ev_m * mp.mpf("1e-9") * 100
            fermi, avogadro = mp.mpf("1.1663788e-5"), mp.mpf("6.02214076e23")
            potential = mp.sqrt(2) * fermi * avogadro * hbarc_gev_cm**3 * mp.mpf("1e9")
        object.__setattr__(self, "hbarc", hbarc_ev_m / 1000)
        object.__setattr__(self, "potential", potential)


EXACT = Exact()


def exact_rotation(i: int, j: int, sin_squared: mp.mpf, delta: float) -> mp.matrix:
    rotation = mp.eye(4)
    rotation[i, i] = rotation[j, j] = mp.sqrt(1 - sin_squared)
    rotation[i, j] = mp.sqrt(sin_squared) * mp.expj(-mp.mpf(delta))
    rotation[j, i] = -mp.sqrt(sin_squared) * mp.expj(mp.mpf(delta))
    return rotation


def exact_mixing(point: Oscillation) -> mp.matrix:
    s12, s13, s23 = map(mp.mpf, point.active)
    e, mu, tau = map(mp.mpf, point.sterile)
    return (
        exact_rotation(TAU, S, tau / (1 - e - mu), 0.0)
        * exact_rotation(MU, S, mu / (1 - e), point.delta24)
        * exact_rotation(E, S, e, point.delta14)
        * exact_rotation(MU, TAU, s23, 0.0)
        * exact_rotation(E, TAU, s13, point.delta13)
        * exact_rotation(E, MU, s12, 0.0)
    )


def exact_exponent(point: Oscillation) -> mp.matrix:
    """H L, a pure number."""
    U = exact_mixing(point)
    sign = -1 if point.antineutrino else 1
    if point.antineutrino:
        U = U.conjugate()
    masses = mp.diag([mp.mpf(0), mp.mpf(point.dm21), mp.mpf(point.dm31), mp.mpf(point.dm41)])
    rho, Ye = mp.mpf(point.density), mp.mpf(point.Ye)
    charged = sign * EXACT.potential * Ye * rho
    neutral = -sign * EXACT.potential * (1 - Ye) * rho / 2
    hamiltonian = U * masses * U.transpose_conj() / (2 * mp.mpf(point.energy) * mp.mpf("1e9"))
    hamiltonian += mp.diag([charged + neutral, neutral, neutral, 0])  # V_NC not removed
    return hamiltonian * (mp.mpf(point.length) / EXACT.hbarc)


def exact_table(point: Oscillation) -> tuple[np.ndarray, float]:
    """P[alpha, beta] and the largest element of H L."""
    with mp.workdps(50):
        exponent = exact_exponent(point)
        amplitude = mp.expm(-1j * exponent)
        table = [[float(abs(amplitude[b, a]) ** 2) for b in range(4)] for a in range(4)]
        return np.array(table), float(max(abs(x) for x in exponent))


def random_points(count: int, seed: int) -> list[Oscillation]:
    rng = np.random.default_rng(seed)
    points = []
    for _ in range(count):
        delta13, delta14, delta24 = map(float, rng.uniform(-math.pi, math.pi, 3))
        points.append(
            Oscillation(
                energy=float(10 ** rng.uniform(-2, 2)),
                length=float(10 ** rng.uniform(-2, math.log10(1300))),
                density=float(rng.uniform(0, 12)),
                Ye=float(rng.uniform(0.4, 0.6)),
                dm31=float(rng.choice([-1, 1]) * 2.5e-3),
                dm41=float(10 ** rng.uniform(-3, 2)),
                active=tuple(map(float, rng.uniform(0, 1, 3))),
                sterile=tuple(map(float, rng.uniform(0, 0.3, 3))),
                delta13=delta13,
                delta14=delta14,
                delta24=delta24,
            )
        )
    return points


POINTS = random_points(50, seed=20240607)


def test_constants_agree_with_si() -> None:
    assert math.isclose(units.HBARC_EV_KM, EXACT.hbarc, rel_tol=4 * EPS)
    assert math.isclose(units.MATTER_POTENTIAL, EXACT.potential, rel_tol=8 * EPS)
    assert math.isclose(units.OSCILLATION_PHASE, 1e-9 / (4 * EXACT.hbarc), rel_tol=4 * EPS)
    # The decimals that CODATA prints are cut: by 3e-10 of ħc, hence 9e-10 of the potential.
    assert math.isclose(units.HBARC_GEV_FM, 0.1973269804, rel_tol=4e-10)


@pytest.mark.parametrize("matter", [True, False], ids=["matter", "vacuum"])
@pytest.mark.parametrize("antineutrino", [False, True], ids=["nu", "antinu"])
@pytest.mark.parametrize("point", POINTS, ids=range(len(POINTS)))
def test_3p1_matches_50_digits(point: Oscillation, antineutrino: bool, matter: bool) -> None:
    point = replace(point, antineutrino=antineutrino, density=point.density if matter else 0.0)
    expected, largest_phase = exact_table(point)
    # A phase in double precision has an error of eps times itself, whatever the algorithm.
    tolerance = 1e-14 + 4 * EPS * largest_phase
    assert tolerance < 1e-9
    np.testing.assert_allclose(point.table(), expected, rtol=0, atol=tolerance)


# ----- eigensystem


def unitary(rng: np.random.Generator) -> np.ndarray:
    matrix = rng.normal(size=(4, 4)) + 1j * rng.normal(size=(4, 4))
    return np.linalg.qr(matrix)[0]


def eigensystem(matrix: np.ndarray) -> tuple[bool, np.ndarray, np.ndarray]:
    vectors, values = np.eye(4, dtype=complex), np.empty(4)
    converged = hermitian_eigensystem_4(matrix.copy(), vectors, values)
    return converged, vectors, values


SPECTRA = {
    "distinct": [-1.0, 0.3, 2.0, 7.0],
    "degenerate": [1.0, 1.0, 1.0, -2.0],
    "two pairs": [1.0, 1.0, 2.0, 2.0],
    "unit": [1.0, 1.0, 1.0, 1.0],
    "nearly equal": [1.0, 1.0 + 1e-15, 1.0 + 1e-12, 1.0 + 1e-8],
    "spread": [0.0, 1e-12, 1e-5, 100.0],
    "huge": [1e100, 2e100, -1e100, 1.0],
}


@pytest.mark.parametrize("spectrum", SPECTRA.values(), ids=SPECTRA.keys())
def test_eigensystem_is_accurate(spectrum: list[float]) -> None:
    rng = np.random.default_rng(1)
    norm = max(map(abs, spectrum))
    for _ in range(50):
        basis = unitary(rng)
        matrix = basis @ np.diag(spectrum) @ basis.conj().T
        matrix = (matrix + matrix.conj().T) / 2
        converged, vectors, values = eigensystem(matrix)
        assert converged
        np.testing.assert_allclose(np.sort(values), np.sort(spectrum), rtol=0, atol=5e-15 * norm)
        np.testing.assert_allclose(vectors @ vectors.conj().T, np.eye(4), rtol=0, atol=5e-15)
        rebuilt = vectors.T @ np.diag(values) @ vectors.conj()
        np.testing.assert_allclose(rebuilt, matrix, rtol=0, atol=1e-14 * norm)


@pytest.mark.parametrize("noise", [1e-14, 1e-16, 1e-17, 1e-18, 1e-25])
def test_eigensystem_converges_on_degenerate_noise(noise: float) -> None:
    """Off-diagonal elements below the rounding of equal eigenvalues must not be chased forever."""
    rng = np.random.default_rng(2)
    for _ in range(200):
        matrix = rng.normal(size=(4, 4)) + 1j * rng.normal(size=(4, 4))
        matrix = noise * (matrix + matrix.conj().T)
        np.fill_diagonal(matrix, 1.0)
        assert eigensystem(matrix)[0]


def test_eigensystem_of_a_graded_matrix_keeps_small_eigenvalues() -> None:
    diagonal = np.array([0.0, 7.5e-5, 2.5e-3, 100.0])
    coupling = 1e-9 * np.ones((4, 4), complex)
    _, _, values = eigensystem(np.diag(diagonal).astype(complex) + coupling)
    with mp.workdps(40):
        exact = mp.matrix([[mp.mpf(x) for x in row] for row in coupling.real])
        for i in range(4):
            exact[i, i] = mp.mpf(float(diagonal[i] + 1e-9))
        expected = [float(x) for x in mp.eigsy(exact, eigvals_only=True)]
    np.testing.assert_allclose(np.sort(values), expected, rtol=1e-15, atol=0)


def test_eigensystem_leaves_a_diagonal_matrix_in_its_basis() -> None:
    basis = np.ascontiguousarray(unitary(np.random.default_rng(3)))
    vectors, values = basis.copy(), np.empty(4)
    assert hermitian_eigensystem_4(np.diag([3.0, 0, -1, 2]).astype(complex), vectors, values)
    assert np.array_equal(vectors, basis)
    assert np.array_equal(values, [3.0, 0, -1, 2])


@pytest.mark.parametrize(("place", "bad"), [((0, 0), np.nan), ((1, 2), np.nan), ((1, 2), np.inf), ((3, 3), np.nan)])
def test_eigensystem_reports_failure(place: tuple[int, int], bad: float) -> None:
    matrix = np.diag([1.0, 2, 3, 4]).astype(complex)
    matrix[place] = matrix[place[::-1]] = bad
    converged, _, values = eigensystem(matrix)
    assert not converged
    assert np.isnan(values).all()


# ----- mixing matrix


def test_mixing_matrix_matches_50_digits() -> None:
    for point in POINTS:
        with mp.workdps(50):
            expected = np.array(exact_mixing(point).tolist()).astype(complex)
        np.testing.assert_allclose(point.mixing, expected, rtol=0, atol=1e-15)


@pytest.mark.parametrize(
    "sterile",
    [
        (0.0, 0.0, 0.0),
        (1.0, 0.0, 0.0),
        (0.0, 1.0, 0.0),
        (0.0, 0.0, 1.0),
        (0.5, 0.5, 0.0),
        (0.1, 0.2, 0.7),
        (0.7, 0.2, 0.1),
        (0.3, 0.3, 0.4),
        (0.6, 0.3, 0.1),
        (1 / 3, 1 / 3, 1 / 3),
        (0.9, 0.1, 1e-17),
        (0.1, -1e-17, 0.2),
        (-1e-17, 0.1, -1e-17),
        (1.0 + 1e-16, 1e-17, 1e-17),
        (1.0 + 4 * EPS, 0.0, 0.0),
    ],
)
def test_mixing_matrix_at_the_edges(sterile: tuple[float, float, float]) -> None:
    U = replace(Oscillation(), sterile=sterile).mixing
    np.testing.assert_allclose(U @ U.conj().T, np.eye(4), rtol=0, atol=2e-15)
    np.testing.assert_allclose(abs(U[:3, 3]) ** 2, sterile, rtol=0, atol=2e-15)


@pytest.mark.parametrize(
    "change",
    [
        {"sterile": (0.6, 0.6, 0.0)},
        {"sterile": (0.4, 0.4, 0.3)},
        {"sterile": (-0.01, 0.0, 0.0)},
        {"sterile": (0.5, 0.5, 1e-6)},
        {"sterile": (math.nan, 0.0, 0.0)},
        {"active": (1.1, 0.0, 0.0)},
        {"active": (0.3, -0.1, 0.5)},
    ],
)
def test_impossible_mixings_give_nan(change: dict[str, tuple[float, float, float]]) -> None:
    point = replace(Oscillation(), **change)
    assert np.isnan(point.mixing).any()
    assert np.isnan(point.table()).any()


# ----- limits and symmetries of the 3+1 probability


@pytest.mark.parametrize("point", POINTS[:10], ids=range(10))
def test_3p1_is_unitary(point: Oscillation) -> None:
    table = point.table()
    np.testing.assert_allclose(table.sum(axis=0), 1, rtol=0, atol=1e-12)
    np.testing.assert_allclose(table.sum(axis=1), 1, rtol=0, atol=1e-12)


@settings(max_examples=200, deadline=None)
@given(
    log_energy=st.floats(-6, 6),
    log_length=st.floats(-6, 6),
    density=st.floats(0, 20) | st.floats(0, 1e6),
    Ye=st.floats(0, 1),
    antineutrino=st.booleans(),
    dm21=st.floats(0, 1e-3),
    dm31=st.floats(-0.1, 0.1),
    dm41=st.floats(-100, 100) | st.floats(0, 1e6),
    active=st.tuples(*[st.floats(0, 1)] * 3),
    sterile=st.tuples(*[st.floats(0, 1 / 3)] * 3),
    deltas=st.tuples(*[st.floats(-7, 7)] * 3),
)
@example(0.0, 3.0, 0.0, 0.5, False, 0.0, 0.0, 0.0, (0.5, 0.5, 0.5), (1 / 3, 1 / 3, 1 / 3), (0, 0, 0))
@example(0.0, 3.0, 5.0, 1.0, True, 0.0, 0.0, 1e6, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), (1, 1, 1))
def test_3p1_is_unitary_everywhere(
    log_energy, log_length, density, Ye, antineutrino, dm21, dm31, dm41, active, sterile, deltas
) -> None:
    table = Oscillation(
        energy=10.0**log_energy,
        length=10.0**log_length,
        density=density,
        Ye=Ye,
        antineutrino=antineutrino,
        dm21=dm21,
        dm31=dm31,
        dm41=dm41,
        active=active,
        sterile=sterile,
        delta13=deltas[0],
        delta14=deltas[1],
        delta24=deltas[2],
    ).table()
    assert table.min() >= 0
    np.testing.assert_allclose(table.sum(axis=0), 1, rtol=0, atol=1e-12)
    np.testing.assert_allclose(table.sum(axis=1), 1, rtol=0, atol=1e-12)


@pytest.mark.parametrize("density", [0.0, 3.0])
def test_nothing_happens_at_zero_distance(density: float) -> None:
    np.testing.assert_array_equal(replace(Oscillation(), density=density, length=0).table(), np.eye(4))


@pytest.mark.parametrize("density", [0.0, 3.0])
@pytest.mark.parametrize("length", [1e-3, 1e-9])
def test_small_appearances_keep_their_relative_precision(density: float, length: float) -> None:
    """A plain sum of e^{-iφ} would add the square of a rounding error."""
    point = Oscillation(density=density, length=length)
    expected = exact_table(point)[0][MU, E]
    assert expected < 1e-7
    assert point.probability(MU, E) == pytest.approx(expected, rel=1e-12, abs=0)


@pytest.mark.parametrize("antineutrino", [False, True])
def test_short_baseline_limit(antineutrino: bool) -> None:
    """Sources: 4|U_a4|²|U_b4|² sin²φ and 1 - 4|U_a4|²(1 - |U_a4|²) sin²φ, where dm21 = dm31 = 0."""
    point = Oscillation(density=0.0, dm21=0.0, dm31=0.0, energy=0.6, length=0.5, antineutrino=antineutrino)
    sine_squared = math.sin(1.26693267903 * 1.0 * 0.5 / 0.6) ** 2
    squares = [*point.sterile, 1 - sum(point.sterile)]
    for a, b in FLAVOURS:
        expected = float(a == b) - 4 * squares[a] * ((a == b) - squares[b]) * sine_squared
        assert point.probability(a, b) == pytest.approx(expected, rel=1e-10)


def test_short_baseline_limit_is_approached() -> None:
    point = Oscillation(energy=0.6, length=0.05, density=2.8, dm41=10.0)
    sine_squared = math.sin(units.OSCILLATION_PHASE * 10.0 * 0.05 / 0.6) ** 2
    assert point.probability(MU, E) == pytest.approx(4 * 0.02 * 0.03 * sine_squared, rel=5e-3)


def test_cp_t_and_cpt_in_vacuum() -> None:
    point = Oscillation(density=0.0)
    mirror = point.conjugated()
    anti = replace(point, antineutrino=True)
    np.testing.assert_allclose(replace(mirror, antineutrino=True).table(), point.table(), rtol=0, atol=1e-13)
    np.testing.assert_allclose(mirror.table().T, point.table(), rtol=0, atol=1e-13)
    np.testing.assert_allclose(anti.table().T, point.table(), rtol=0, atol=1e-13)
    assert abs(anti.table() - point.table()).max() > 0.01  # CP is violated here


def test_t_holds_and_cpt_fails_in_constant_matter() -> None:
    point = Oscillation(density=4.0)
    np.testing.assert_allclose(point.conjugated().table().T, point.table(), rtol=0, atol=1e-13)
    anti = replace(point, antineutrino=True)
    assert abs(anti.table().T - point.table()).max() > 0.01


@pytest.mark.parametrize("antineutrino", [False, True])
@pytest.mark.parametrize("density", [0.0, 3.0])
def test_three_flavours_without_sterile_mixing(density: float, antineutrino: bool) -> None:
    point = Oscillation(density=density, antineutrino=antineutrino, sterile=(0.0, 0.0, 0.0), length=1300.0)
    U = np.array(exact_mixing(point).tolist()).astype(complex)[:3, :3]
    sign = -1 if antineutrino else 1
    U = U.conj() if antineutrino else U
    hamiltonian = U @ np.diag([0, 7.42e-5, 2.517e-3]) @ U.conj().T / 2e9
    hamiltonian[0, 0] += sign * float(EXACT.potential) * 0.5 * density
    amplitude = scipy.linalg.expm(-1j * hamiltonian * 1300 / float(EXACT.hbarc))
    table = point.table()
    np.testing.assert_allclose(table[:3, :3], abs(amplitude.T) ** 2, rtol=0, atol=1e-12)
    np.testing.assert_allclose(table[S], [0, 0, 0, 1], rtol=0, atol=1e-12)
    np.testing.assert_allclose(replace(point, dm41=7.0).table(), table, rtol=0, atol=1e-12)


def test_sterile_resonance_of_antineutrinos() -> None:
    """IceCube: ν̄_μ → ν̄_s is resonant at E = Δm² cos2θ / 2|V_NC|, and only for antineutrinos."""
    sin_squared, density = 0.03, 12.0
    neutral = float(EXACT.potential) * 0.5 * 0.5 * density
    energy = (1 - 2 * sin_squared) / (2 * neutral) / 1e9
    assert 1e3 < energy < 1e4
    sin_2theta = 2 * math.sqrt(sin_squared * (1 - sin_squared))
    resonant = Oscillation(
        energy=energy,
        length=math.pi / 2 * energy / (units.OSCILLATION_PHASE * sin_2theta),
        density=density,
        antineutrino=True,
        sterile=(0.0, sin_squared, 0.0),
    )
    amplitude = scipy.linalg.expm(-1j * np.array(exact_exponent(resonant).tolist()).astype(complex))
    np.testing.assert_allclose(resonant.table(), abs(amplitude.T) ** 2, rtol=0, atol=1e-11)
    assert resonant.probability(MU, S) > 0.99
    assert replace(resonant, antineutrino=False).probability(MU, S) < sin_2theta**2


@pytest.mark.parametrize("density", [0.0, 5.0])
def test_arrays_equal_single_points(density: float) -> None:
    """Repeated energies reuse a diagonalisation; the result may not depend on the neighbours."""
    point = replace(Oscillation(), density=density)
    energy = [1.0, 1.0, 2.0, 1.0, 0.3, 0.3]
    length = [1.0, 500.0, 500.0, 500.0, 0.0, 20.0]
    single = [replace(point, energy=e, length=x).probability(MU, E) for e, x in zip(energy, length, strict=True)]
    assert np.array_equal(point.probabilities(MU, E, energy, length), single)


def test_inputs_may_be_read_only_and_stay_unchanged() -> None:
    point = replace(Oscillation(), antineutrino=True)
    energy, length, mixing = np.array([1.0]), np.array([500.0]), point.mixing
    for array in (energy, length, mixing):
        array.flags.writeable = False
    out = np.empty(1)
    probability_3p1(MU, E, energy, length, mixing, point.dm2, 3.0, 0.5, True, out)
    assert out[0] == point.probability(MU, E)


# ----- two flavours


def two_flavour(sin2_2theta, dm2, energy, length, density=0.0, Ye=0.5, antineutrino=False) -> float:
    out = np.full(1, np.nan)
    probability_two_flavour(sin2_2theta, dm2, np.array([energy]), np.array([length]), density, Ye, antineutrino, out)
    return out[0]


@pytest.mark.parametrize("antineutrino", [False, True])
def test_two_flavours_match_50_digits(antineutrino: bool) -> None:
    rng = np.random.default_rng(4)
    for _ in range(100):
        sin2_2theta, Ye, density = rng.uniform(0, 1), rng.uniform(0.4, 0.6), rng.uniform(0, 12)
        dm2 = rng.choice([-1, 1]) * 10 ** rng.uniform(-5, 1)
        energy, length = 10 ** rng.uniform(-1, 2), 10 ** rng.uniform(-1, 3.1)
        with mp.workdps(50):
            cos_2theta = mp.sqrt(1 - mp.mpf(sin2_2theta))
            sin_2theta = mp.sqrt(mp.mpf(sin2_2theta))
            mass = mp.mpf(dm2) / (4 * mp.mpf(energy) * mp.mpf("1e9"))
            charged = (-1 if antineutrino else 1) * EXACT.potential * mp.mpf(Ye) * mp.mpf(density)
            hamiltonian = mass * mp.matrix([[-cos_2theta, sin_2theta], [sin_2theta, cos_2theta]]) + mp.diag(
                [charged, 0]
            )
            exponent = hamiltonian * mp.mpf(length) / EXACT.hbarc
            expected = float(abs(mp.expm(-1j * exponent)[E, MU]) ** 2)
            largest = float(max(abs(x) for x in exponent))
        result = two_flavour(sin2_2theta, dm2, energy, length, density, Ye, antineutrino)
        assert result == pytest.approx(expected, rel=0, abs=1e-15 + 8 * EPS * largest)


@pytest.mark.parametrize("dm2", [1e-6, 0.04, 1.3, 100.0, -2.0])
def test_two_flavours_in_vacuum_are_the_closed_form(dm2: float) -> None:
    for sin2_2theta, energy, length in [(1.0, 0.7, 0.541), (0.003, 0.04, 0.03), (0.5, 3.0, 735.0)]:
        sine = math.sin(units.OSCILLATION_PHASE * dm2 * length / energy)
        result = two_flavour(sin2_2theta, dm2, energy, length)
        assert result == pytest.approx(sin2_2theta * sine**2, rel=2 * EPS, abs=0)


def test_two_flavours_reach_one_at_the_resonance() -> None:
    sin2_2theta, dm2, density = 0.01, 2.5e-3, 5.0
    potential = units.MATTER_POTENTIAL * 0.5 * density
    energy = dm2 * math.sqrt(1 - sin2_2theta) / (2 * potential) / 1e9
    length = math.pi / 2 * energy / (units.OSCILLATION_PHASE * dm2 * math.sqrt(sin2_2theta))
    assert two_flavour(sin2_2theta, dm2, energy, length, density) == pytest.approx(1, abs=1e-12)
    assert two_flavour(sin2_2theta, dm2, energy, length, density, antineutrino=True) < sin2_2theta
    assert two_flavour(sin2_2theta, -dm2, energy, length, density, antineutrino=True) > 0.99


@pytest.mark.parametrize("density", [0.0, 3.0])
def test_two_flavours_without_splitting_or_mixing(density: float) -> None:
    assert two_flavour(0.5, 0.0, 1.0, 1000.0, density) == 0
    assert two_flavour(0.0, 1.0, 1.0, 1000.0, density) == 0


# ----- averages


def averaged(constant, dm2, bins, weight, mean, variance, number: int) -> np.ndarray:
    out = np.full((len(dm2), number), 1e9)  # what stood there before must not matter
    arrays = [np.array(a, float) for a in (dm2, weight, mean, variance)]
    averaged_sin_squared(constant, arrays[0], np.array(bins, np.int64), *arrays[1:], out)
    return out


@pytest.mark.parametrize("dm2", [0.01, 0.3, 1.0, 5.0, 30.0])
@pytest.mark.parametrize(("mean", "sigma"), [(1.0, 0.05), (0.7, 0.2), (3.0, 1e-3), (1.0, 0.5)])
def test_average_is_that_over_a_normal_distribution(dm2: float, mean: float, sigma: float) -> None:
    def integrand(z: float) -> float:
        sine = math.sin(1.27 * dm2 * (mean + sigma * z))
        return sine**2 * math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)

    expected = scipy.integrate.quad(integrand, -10, 10, limit=500, epsabs=1e-13, epsrel=1e-12)[0]
    result = averaged(1.27, [dm2], [0], [1.0], [mean], [sigma**2], 1)[0, 0]
    assert result == pytest.approx(expected, rel=1e-10, abs=1e-12)


def test_average_without_spread_is_exact() -> None:
    for dm2, mean in itertools.product([1e-6, 0.3, 7.0, 90.0], [0.01, 1.0, 40.0]):
        result = averaged(1.27, [dm2], [0], [1.0], [mean], [0.0], 1)[0, 0]
        assert result == math.sin(1.27 * dm2 * mean) ** 2


@pytest.mark.parametrize("dm2", [1e-9, 1e-6, 1e-3, 1.0])
@pytest.mark.parametrize(("mean", "variance"), [(1.0, 0.1), (1e-3, 2.0), (2.0, 1e-6)])
def test_average_has_relative_precision(dm2: float, mean: float, variance: float) -> None:
    with mp.workdps(50):
        wavenumber = mp.mpf(1.27) * mp.mpf(dm2)
        damping = mp.exp(-2 * wavenumber**2 * mp.mpf(variance))
        expected = mp.sin(wavenumber * mp.mpf(mean)) ** 2 * damping + (1 - damping) / 2
    result = averaged(1.27, [dm2], [0], [1.0], [mean], [variance], 1)[0, 0]
    assert result == pytest.approx(float(expected), rel=8 * EPS, abs=0)


def test_average_of_fast_oscillations_is_one_half() -> None:
    assert averaged(1.27, [1e4], [0], [3.0], [1.0], [0.1], 1)[0, 0] == pytest.approx(1.5, rel=EPS)


def test_cells_are_summed_into_their_bins() -> None:
    rng = np.random.default_rng(5)
    bins = np.array([2, 0, 2, 3, 0, 2])  # bin 1 is empty
    weight, mean, variance = rng.uniform(0.1, 2, (3, 6))
    dm2 = [0.1, 1.0, 4.0]
    result = averaged(1.27, dm2, bins, weight, mean, variance, 4)
    for node, bin_ in itertools.product(range(3), range(4)):
        cells = [
            averaged(1.27, [dm2[node]], [0], [weight[c]], [mean[c]], [variance[c]], 1)[0, 0]
            for c in np.flatnonzero(bins == bin_)
        ]
        assert result[node, bin_] == sum(cells)


def test_sums_are_sequential() -> None:
    """With sin² = 1, any order but that of the cells gives 0 or 2."""
    weight = [1e16, 1.0, -1e16, 1.0]
    assert averaged(math.pi / 2, [1.0], [0] * 4, weight, [1.0] * 4, [0.0] * 4, 1)[0, 0] == 1
