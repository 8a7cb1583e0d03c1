"""Matrix exponentials and invisible decay against scipy, 50 digits and closed forms."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping

import mpmath as mp
import numpy as np
import pytest
import scipy.linalg
from evolution_oracle import four_states, mixing
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.physics.evolution import exponential_minus_one, probability_invisible_decay
from scanner.physics.oscillation import probability_3p1
from scanner.units import HBARC_EV_KM, MATTER_POTENTIAL

POINT = {
    "dm2_41": 1.3,
    "Ue4_sq": 0.03,
    "Umu4_sq": 0.05,
    "Utau4_sq": 0.02,
    "delta14": 0.7,
    "delta24": -1.9,
    "sin2_theta12": 0.304,
    "sin2_theta13": 0.0222,
    "sin2_theta23": 0.573,
    "dm2_21": 7.42e-5,
    "dm2_31": 2.517e-3,
    "delta13": 3.4,
    "m4_Gamma4": 0.4,
}
SHORT = {**POINT, "dm2_21": 0.0, "dm2_31": 0.0}


def probability(
    a: int, b: int, p: Mapping[str, float], E: float, L: float, density=0.0, Ye=0.5, antineutrino=False
) -> float:
    out, masses = np.empty(1), np.array([0, p["dm2_21"], p["dm2_31"], p["dm2_41"]])
    energy, length = np.array([E]), np.array([L])
    probability_invisible_decay(a, b, energy, length, mixing(p), masses, density, Ye, antineutrino, p["m4_Gamma4"], out)
    return float(out[0])


def table(*arguments, **more) -> np.ndarray:  # type: ignore[no-untyped-def]
    return np.array([[probability(a, b, *arguments, **more) for b in range(4)] for a in range(4)])


# ----- the exponential


@pytest.mark.parametrize(("size", "scale"), list(itertools.product([1, 2, 4, 6], [1e-8, 0.3, 5.0, 300.0])))
def test_exponential_of_hermitian_and_of_decaying_matrices(size: int, scale: float) -> None:
    rng = np.random.default_rng(size)
    matrix = rng.normal(size=(size, size)) + 1j * rng.normal(size=(size, size))
    hermitian, decay = matrix + matrix.conj().T, matrix @ matrix.conj().T
    for generator in (-1j * hermitian, -1j * hermitian - decay):
        generator = scale * generator
        out = np.empty((size, size), complex)
        exponential_minus_one(np.ascontiguousarray(generator.copy()), out)
        expected = scipy.linalg.expm(generator) - np.eye(size)
        np.testing.assert_allclose(out, expected, rtol=0, atol=1e-14 * max(1.0, np.abs(generator).sum()))


def test_exponential_of_a_matrix_without_eigenvectors() -> None:
    """At an exceptional point two eigenvectors coincide, and no eigensystem would do."""
    generator = -1j * np.array([[1j, 1.0], [1.0, -1j]])
    out = np.empty((2, 2), complex)
    exponential_minus_one(generator.copy(), out)
    np.testing.assert_allclose(out, generator, atol=1e-15)  # its square is 0


def test_small_elements_keep_their_relative_precision() -> None:
    generator = 1e-12 * np.array([[0.3j, 1.0 + 0.2j], [-1.0 + 0.2j, 0.1j]])
    out = np.empty((2, 2), complex)
    exponential_minus_one(generator.copy(), out)
    with mp.workdps(50):
        exact = mp.expm(mp.matrix(generator.tolist())) - mp.eye(2)
        expected = np.array(exact.tolist()).astype(complex)
    np.testing.assert_allclose(out, expected, rtol=1e-15)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_an_exponential_of_nothing_finite_is_nan(bad: float) -> None:
    out = np.empty((2, 2), complex)
    exponential_minus_one(np.array([[bad, 0], [0, 1]], complex), out)
    assert np.isnan(out).all()


# ----- invisible decay


@pytest.mark.parametrize("antineutrino", [False, True])
def test_decay_in_matter_matches_a_matrix_exponential(antineutrino: bool) -> None:
    rng = np.random.default_rng(5)
    for _ in range(60):
        p = {**POINT, "dm2_41": 10 ** rng.uniform(-2, 1), "m4_Gamma4": 10 ** rng.uniform(-3, 1)}
        p.update(zip(("delta13", "delta14", "delta24"), rng.uniform(-3, 3, 3), strict=True))
        E, L = 10 ** rng.uniform(-1, 2), 10 ** rng.uniform(-1, 2)
        density, Ye = rng.uniform(0, 12), rng.uniform(0.4, 0.6)
        found = table(p, E, L, density=density, Ye=Ye, antineutrino=antineutrino)
        np.testing.assert_allclose(found, four_states(p, E, L, density, Ye, antineutrino), rtol=0, atol=1e-10)


def test_decay_matches_50_digits_in_matter() -> None:
    """A Hamiltonian written out once more, in the flavour basis and with V_NC not removed."""
    E, L, density, Ye = 0.6, 40.0, 5.0, 0.45
    with mp.workdps(50):
        U = mp.matrix(mixing(POINT).tolist())
        masses = [0.0, POINT["dm2_21"], POINT["dm2_31"], mp.mpc(POINT["dm2_41"], -POINT["m4_Gamma4"])]
        H = U * mp.diag([mp.mpmathify(m) for m in masses]) * U.transpose_conj() / (2 * mp.mpf(E) * mp.mpf(10) ** 9)
        charged, neutral = MATTER_POTENTIAL * Ye * density, -MATTER_POTENTIAL * (1 - Ye) * density / 2
        H += mp.diag([charged + neutral, neutral, neutral, 0])
        S = mp.expm(-1j * H * mp.mpf(L) / mp.mpf(HBARC_EV_KM))
        expected = np.array([[float(abs(S[b, a]) ** 2) for b in range(4)] for a in range(4)])
    np.testing.assert_allclose(table(POINT, E, L, density=density, Ye=Ye), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("antineutrino", [False, True])
@pytest.mark.parametrize("width", [0.0, 1e-3, 0.4, 50.0])
def test_short_baselines_are_the_closed_form(width: float, antineutrino: bool) -> None:
    """P = |δ − U_α4 U*_β4 (1 − e^{-iΔm² L/2E − a/2})|², a = m₄Γ₄ L/E, to 1e-9 with Δm²_21 = Δm²_31 = 0."""
    p = {**SHORT, "m4_Gamma4": width}
    squares = [p["Ue4_sq"], p["Umu4_sq"], p["Utau4_sq"]]
    for E, L in [(0.6, 0.5), (0.04, 0.03), (0.004, 0.012)]:
        a, phase = width * L / E / (1e9 * HBARC_EV_KM), p["dm2_41"] * L / (2e9 * E * HBARC_EV_KM)
        for i, j in itertools.product(range(3), repeat=2):
            u, v, cosine = squares[i], squares[j], math.exp(-a / 2) * math.cos(phase)
            expected = u * v * (1 - 2 * cosine + math.exp(-a))
            if i == j:
                expected = (1 - u) ** 2 + 2 * u * (1 - u) * cosine + u**2 * math.exp(-a)
            found = probability(i, j, p, E, L, antineutrino=antineutrino)
            assert found == pytest.approx(expected, rel=1e-10, abs=1e-15)


def test_without_width_it_is_3p1() -> None:
    p = {**POINT, "m4_Gamma4": 0.0}
    masses, out = np.array([0, p["dm2_21"], p["dm2_31"], p["dm2_41"]]), np.empty(1)
    for antineutrino, density in itertools.product([False, True], [0.0, 3.0]):
        for a, b in itertools.product(range(4), repeat=2):
            arrays = (np.array([0.8]), np.array([300.0]), mixing(p), masses)
            probability_3p1(a, b, *arrays, density, 0.5, antineutrino, out)
            assert probability(a, b, p, 0.8, 300.0, density, 0.5, antineutrino) == pytest.approx(out[0], abs=1e-11)


def test_what_has_decayed_leaves_three_flavours_of_a_matrix_that_is_not_unitary() -> None:
    """P → |Σ_{k<4} U_βk U*_αk e^{-iφ_k}|², averaged over nothing: (1 − |U_α4|²)² at short baselines."""
    p = {**SHORT, "m4_Gamma4": 1e6}
    assert probability(1, 1, p, 0.6, 0.5) == pytest.approx((1 - p["Umu4_sq"]) ** 2, rel=1e-12)
    assert probability(1, 0, p, 0.6, 0.5) == pytest.approx(p["Ue4_sq"] * p["Umu4_sq"], rel=1e-10)


def test_cp_of_a_decaying_neutrino() -> None:
    """Antineutrinos with the opposite phases are neutrinos, in vacuum; in matter they are not."""
    mirror = {name: -value if name.startswith("delta") else value for name, value in POINT.items()}
    point, anti = table(POINT, 0.6, 200.0), table(mirror, 0.6, 200.0, antineutrino=True)
    np.testing.assert_allclose(anti, point, rtol=0, atol=1e-13)
    assert abs(table(POINT, 0.6, 200.0, antineutrino=True) - point).max() > 0.01
    dense = [table(q, 0.6, 200.0, density=5.0, antineutrino=x) for q, x in ((POINT, False), (mirror, True))]
    assert abs(dense[0] - dense[1]).max() > 0.005


@settings(max_examples=100, deadline=None)
@given(
    log_energy=st.floats(-3, 3),
    log_length=st.floats(-6, 4),
    density=st.floats(0, 20),
    antineutrino=st.booleans(),
    width=st.floats(0, 1e4),
    dm2=st.floats(0, 1e3),
)
def test_nothing_is_gained_by_decay(log_energy, log_length, density, antineutrino, width, dm2) -> None:
    p = {**POINT, "m4_Gamma4": width, "dm2_41": dm2}
    found = table(p, 10**log_energy, 10**log_length, density=density, antineutrino=antineutrino)
    phase = (dm2 + width) * 10 ** (log_length - log_energy) * 3
    assert found.min() >= 0
    assert found.sum(axis=1).max() <= 1 + 1e-12 + 1e-15 * phase
