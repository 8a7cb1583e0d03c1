"""Sterile states with potentials of their own against diagonalisation and matrix exponentials."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from evolution_oracle import active_mixing, four_states, mixing, quasi_sterile

from scanner.physics.oscillation import probability_3p1, probability_3p1_potential
from scanner.physics.resonance import probability_quasi_sterile, resonant_levels, resonant_pair
from scanner.units import HBARC_EV_KM, OSCILLATION_PHASE

ACTIVE = {
    "sin2_theta12": 0.304,
    "sin2_theta13": 0.0222,
    "sin2_theta23": 0.573,
    "dm2_21": 7.42e-5,
    "dm2_31": 2.517e-3,
    "delta13": 3.4,
}
NO_SPLITTINGS = {"dm2_21": 0.0, "dm2_31": 0.0}
STERILE = {"dm2_41": 1.3, "Ue4_sq": 0.03, "Umu4_sq": 0.05, "Utau4_sq": 0.02, "delta14": 0.7, "delta24": -1.9}
QUASI = {
    "delta_M1_sq": 0.7,
    "theta_S1": 0.1,
    "delta_M2_sq": 0.2,
    "theta_S2": 0.15,
    "delta_M3_sq": 1.1,
    "theta_S3": 0.2,
    "E_res": 0.3,
}


def potential(p: dict[str, float], a: int, b: int, E: float, L: float, *medium) -> float:  # type: ignore[no-untyped-def]
    density, Ye, antineutrino = medium or (0.0, 0.5, False)
    out, masses = np.empty(1), np.array([0, p["dm2_21"], p["dm2_31"], p["dm2_41"]])
    arrays = (np.array([E]), np.array([L]), mixing(p), masses)
    probability_3p1_potential(a, b, *arrays, density, Ye, antineutrino, p["V_s"], out)
    return float(out[0])


def quasi(p: dict[str, float], a: int, b: int, E: float, L: float, *medium) -> float:  # type: ignore[no-untyped-def]
    density, Ye, antineutrino = medium
    masses = np.array([0, p["dm2_21"], p["dm2_31"]])
    dM2, theta = (np.array([p[name.format(i)] for i in (1, 2, 3)]) for name in ("delta_M{}_sq", "theta_S{}"))
    slope = -p["delta_M3_sq"] * math.cos(2 * p["theta_S3"]) / p["E_res"] * density / 2.6
    out, arrays = np.empty(1), (np.array([E]), np.array([L]), active_mixing(p, 4), masses, dM2, theta)
    probability_quasi_sterile(a, b, *arrays, slope, density, Ye, antineutrino, out)
    return float(out[0])


def from_levels(rest: complex, shares: list[complex], dM2, theta, slope: float, E: float, L: float) -> float:  # type: ignore[no-untyped-def]
    number = 1 + 2 * len(shares)
    coefficients, levels = np.empty((1, number), complex), np.empty((1, number))
    arrays = (np.array(dM2, float), np.sin(np.array(theta, float)) ** 2)
    resonant_levels(rest, np.array(shares, complex), *arrays, slope, np.array([E]), coefficients, levels)
    return float(abs((coefficients[0] * np.exp(-2j * OSCILLATION_PHASE * levels[0] * L / E)).sum()) ** 2)


# ----- a pair


def test_pair_is_the_eigensystem() -> None:
    rng = np.random.default_rng(2)
    for _ in range(300):
        dm2, sin_squared, v = 10 ** rng.uniform(-3, 2), rng.uniform(0, 1), rng.normal() * 10 ** rng.uniform(-3, 3)
        s, c = math.sqrt(sin_squared), math.sqrt(1 - sin_squared)
        matrix = np.array([[s**2 * dm2, s * c * dm2], [s * c * dm2, c**2 * dm2 + v]])
        values, vectors = np.linalg.eigh(matrix)
        lower, upper, first, second = resonant_pair(dm2, sin_squared, v)
        np.testing.assert_allclose([lower, upper], values, rtol=0, atol=1e-14 * np.abs(matrix).sum())
        np.testing.assert_allclose([first, second], vectors[0] ** 2, rtol=0, atol=1e-12)


@pytest.mark.parametrize("v", [0.0, 1e-30, -1e-30, -0.5, -1.0, -2.0, 3.0])
def test_pair_without_mixing(v: float) -> None:
    """ν keeps its mass of 0, whatever S does."""
    lower, upper, first, second = resonant_pair(1.0, 0.0, v)
    assert {lower, upper} == {0.0, 1.0 + v}
    if v != -1.0:
        assert (first, second) == ((1.0, 0.0) if 1 + v > 0 else (0.0, 1.0))


def test_small_level_keeps_its_relative_precision() -> None:
    lower = resonant_pair(1.0, 0.01, 1e-18)[0]
    assert lower == pytest.approx(1e-20, rel=1e-12)


# ----- 3+1 with a potential


@pytest.mark.parametrize("antineutrino", [False, True])
def test_potential_in_matter_matches_a_matrix_exponential(antineutrino: bool) -> None:
    rng = np.random.default_rng(3)
    for _ in range(40):
        p = {**ACTIVE, **STERILE, "V_s": rng.normal() * 10 ** rng.uniform(-13, -8)}
        E, L, density = 10 ** rng.uniform(-1, 1), 10 ** rng.uniform(-1, 2), rng.uniform(0, 12)
        expected = four_states(p, E, L, density, 0.45, antineutrino)
        for a, b in itertools.product(range(4), repeat=2):
            assert potential(p, a, b, E, L, density, 0.45, antineutrino) == pytest.approx(expected[a, b], abs=1e-10)


@pytest.mark.parametrize("antineutrino", [False, True])
@pytest.mark.parametrize("V_s", [0.0, 3e-10, -3e-10, -1.2e-9, 1e-8])
def test_potential_at_short_baselines_is_one_pair(V_s: float, antineutrino: bool) -> None:
    """To 1e-9 with Δm²_21 = Δm²_31 = 0: |4⟩ and |s⟩ span what evolves, with sin²θ = Σ|U_α4|²."""
    p = {**ACTIVE, **STERILE, **NO_SPLITTINGS, "V_s": V_s}
    squares = [p["Ue4_sq"], p["Umu4_sq"], p["Utau4_sq"]]
    theta, slope = math.asin(math.sqrt(sum(squares))), (-2e9 if antineutrino else 2e9) * V_s
    for (E, L), a, b in itertools.product([(0.6, 0.5), (0.04, 0.03), (0.3, 0.54)], range(3), range(3)):
        share = math.sqrt(squares[a] * squares[b]) / sum(squares)
        found = from_levels((a == b) - share, [share], [p["dm2_41"]], [theta], slope, E, L)
        assert found == pytest.approx(potential(p, a, b, E, L, 0.0, 0.5, antineutrino), abs=1e-12)
        assert found == pytest.approx(four_states(p, E, L, antineutrino=antineutrino)[a, b], abs=1e-11)


def test_resonance_is_of_neutrinos_for_a_negative_potential() -> None:
    """E = Δm² cos 2θ/2|V_s|: there the mixing of the pair is maximal."""
    p = {**ACTIVE, **STERILE, **NO_SPLITTINGS, "Ue4_sq": 0.01, "Umu4_sq": 0.01, "Utau4_sq": 0.0}
    E = 0.5
    p["V_s"] = -p["dm2_41"] * (1 - 2 * 0.02) / (2e9 * E)
    L = math.pi * 2e9 * E * HBARC_EV_KM / (p["dm2_41"] * 2 * math.sqrt(0.02 * 0.98))
    assert potential(p, 1, 3, E, L) == pytest.approx(0.5, abs=1e-9)  # half of the pair's ν is ν_μ
    assert potential(p, 1, 3, E, L, 0.0, 0.5, True) < 0.02
    assert potential({**p, "V_s": -p["V_s"]}, 1, 3, E, L, 0.0, 0.5, True) == pytest.approx(0.5, abs=1e-9)


def test_without_a_potential_it_is_3p1_bit_for_bit() -> None:
    p, out = {**ACTIVE, **STERILE, "V_s": 0.0}, np.empty(1)
    masses = np.array([0, p["dm2_21"], p["dm2_31"], p["dm2_41"]])
    for a, b, density in itertools.product(range(4), range(4), (0.0, 3.0)):
        probability_3p1(a, b, np.array([0.7]), np.array([300.0]), mixing(p), masses, density, 0.5, False, out)
        assert potential(p, a, b, 0.7, 300.0, density, 0.5, False) == out[0]


def test_energies_of_one_array_do_not_share_a_potential() -> None:
    """In vacuum one diagonalisation serves all energies, with V_s it does not."""
    p = {**ACTIVE, **STERILE, "V_s": -1e-9}
    masses, energy = np.array([0, p["dm2_21"], p["dm2_31"], p["dm2_41"]]), np.array([0.3, 0.3, 0.6, 0.2])
    out = np.empty(4)
    probability_3p1_potential(1, 0, energy, np.full(4, 0.5), mixing(p), masses, 0.0, 0.5, False, p["V_s"], out)
    assert out.tolist() == [potential(p, 1, 0, E, 0.5) for E in energy]


# ----- quasi-sterile neutrinos


@pytest.mark.parametrize("antineutrino", [False, True])
@pytest.mark.parametrize("splittings", [{}, NO_SPLITTINGS], ids=["splittings", "none"])
def test_three_pairs_match_a_matrix_exponential(splittings: dict[str, float], antineutrino: bool) -> None:
    rng = np.random.default_rng(7)
    for _ in range(30):
        p = {**ACTIVE, **QUASI, **splittings, "E_res": 10 ** rng.uniform(-2, 1)}
        for i in (1, 2, 3):
            p[f"delta_M{i}_sq"], p[f"theta_S{i}"] = 10 ** rng.uniform(-2, 1), rng.uniform(0, 0.7)
        E, L, density = 10 ** rng.uniform(-1, 1), 10 ** rng.uniform(-1, 1.5), rng.uniform(0, 3)
        expected = quasi_sterile(p, E, L, density, 0.45, antineutrino)
        for a, b in itertools.product(range(3), repeat=2):
            assert quasi(p, a, b, E, L, density, 0.45, antineutrino) == pytest.approx(expected[a, b], abs=1e-10)
        for a in range(3):
            lost = expected[a, 3:].sum()
            assert quasi(p, a, 3, E, L, density, 0.45, antineutrino) == pytest.approx(lost, abs=1e-10)


@pytest.mark.parametrize("antineutrino", [False, True])
@pytest.mark.parametrize(("E", "L"), [(0.3, 0.5), (0.25, 0.5), (0.04, 0.03), (2.0, 0.6)])
def test_two_levels_match_four_states(E: float, L: float, antineutrino: bool) -> None:
    """One pair, standard splittings off: P = |δ + U_β3 U*_α3 (A − 1)|², A written out, against 4×4 to 1e-8."""
    p = {**ACTIVE, **QUASI, **NO_SPLITTINGS, "theta_S1": 0.0, "theta_S2": 0.0}
    density, dM2, theta = 2.0, p["delta_M3_sq"], p["theta_S3"]
    v = (1 if antineutrino else -1) * dM2 * math.cos(2 * theta) * E / p["E_res"] * density / 2.6  # 2EΔV
    along = math.cos(2 * theta) * dM2 + v
    split = math.hypot(along, math.sin(2 * theta) * dM2)
    D, half = (x * L / (4e9 * E * HBARC_EV_KM) for x in (split, dM2 + v))
    survival = np.exp(-1j * half) * (np.cos(D) + 1j * along / split * np.sin(D))
    U = active_mixing(p, 3)
    exact = quasi_sterile(p, E, L, density, 0.0, antineutrino, pairs=(3,))
    for a, b in itertools.product(range(3), repeat=2):
        closed = abs((a == b) + U[b, 2] * U[a, 2].conj() * (survival - 1)) ** 2
        assert closed == pytest.approx(exact[a, b], abs=1e-10)
        assert quasi(p, a, b, E, L, density, 0.0, antineutrino) == pytest.approx(closed, abs=1e-10)


@pytest.mark.parametrize("antineutrino", [False, True])
def test_levels_of_three_pairs_are_the_evolution_without_splittings(antineutrino: bool) -> None:
    p = {**ACTIVE, **QUASI, **NO_SPLITTINGS}
    U, sign = active_mixing(p, 3), -1 if antineutrino else 1
    U = U.conj() if antineutrino else U
    slope = -sign * p["delta_M3_sq"] * math.cos(2 * p["theta_S3"]) / p["E_res"]
    dM2, theta = ([p[name.format(i)] for i in (1, 2, 3)] for name in ("delta_M{}_sq", "theta_S{}"))
    for (E, L), a, b in itertools.product([(0.3, 0.5), (0.04, 0.03)], range(3), range(3)):
        found = from_levels(0.0, [U[b, i] * U[a, i].conj() for i in range(3)], dM2, theta, slope, E, L)
        assert found == pytest.approx(quasi(p, a, b, E, L, 2.6, 0.0, antineutrino), abs=1e-12)
        assert found == pytest.approx(quasi_sterile(p, E, L, 2.6, 0.0, antineutrino)[a, b], abs=1e-10)


@pytest.mark.parametrize("antineutrino", [False, True])
def test_quasi_sterile_evolution_is_unitary(antineutrino: bool) -> None:
    p = {**ACTIVE, **QUASI}
    for E, L, a in itertools.product([0.05, 0.3, 5.0], [0.03, 10.0], range(3)):
        total = sum(quasi(p, a, b, E, L, 2.6, 0.5, antineutrino) for b in range(4))
        assert total == pytest.approx(1, abs=1e-12)


def test_without_angles_three_flavours_remain() -> None:
    p, out = {**ACTIVE, **QUASI, "theta_S1": 0.0, "theta_S2": 0.0, "theta_S3": 0.0}, np.empty(1)
    masses = np.array([0, p["dm2_21"], p["dm2_31"], 1.0])
    for a, b in itertools.product(range(3), repeat=2):
        arrays = (np.array([0.6]), np.array([295.0]), active_mixing(p, 4), masses)
        probability_3p1(a, b, *arrays, 2.6, 1.0, True, out)  # Ye = 1: V_NC = 0
        assert quasi(p, a, b, 0.6, 295.0, 2.6, 1.0, True) == pytest.approx(out[0], abs=1e-12)
        assert quasi(p, a, 3, 0.6, 295.0, 2.6, 1.0, True) == 0
