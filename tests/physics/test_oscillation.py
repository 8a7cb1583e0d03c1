"""The 3+1 oscillation kernel against independent evaluations, limits and symmetries."""

from __future__ import annotations

import math
from dataclasses import replace

import mpmath as mp
import numpy as np
import pytest
import scipy.linalg
from hypothesis import example, given, settings
from hypothesis import strategies as st
from oscillation_oracle import (
    EPS,
    EXACT,
    FLAVOURS,
    MU,
    POINTS,
    E,
    Oscillation,
    S,
    exact_exponent,
    exact_mixing,
    exact_table,
)

from scanner import units
from scanner.physics.oscillation import probability_3p1


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
