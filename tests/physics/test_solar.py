"""Conversion in the Sun against dense diagonalisation, its limits, and the published tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scanner.experiments.builders import solar as builder
from scanner.physics import solar
from scanner.physics.oscillation import mixing_matrix_3p1
from scanner.units import MATTER_POTENTIAL

DM2 = np.array([0.0, 7.5e-5, 2.57e-3, 9e4])
PHASES = (0.4, -1.1, 0.8)  # δ13, δ14, δ24


def mixing(Ue: float = 1e-3, Umu: float = 2e-3, Utau: float = 0.0, phases: tuple[float, ...] = (0, 0, 0)) -> np.ndarray:
    return mixing_matrix_3p1(0.304, 0.0218, 0.452, float(phases[0]), Ue, Umu, Utau, float(phases[1]), float(phases[2]))


def dense(E: float, U: np.ndarray, dm2: np.ndarray, state: np.ndarray, sun: tuple, sign: int, neutrons: float) -> float:
    """P of one energy [MeV] by LAPACK in the flavour basis, over (electron densities, weights)."""
    rank = np.argsort(dm2)
    seen = np.empty(4)
    total = 0.0
    for density, weight in zip(*sun, strict=True):
        V = MATTER_POTENTIAL * density
        h = U @ np.diag(dm2) @ U.conj().T / (2e6 * E) + sign * V * np.diag([1, 0, 0, neutrons / 2])
        vectors = np.linalg.eigh(h)[1]
        seen = np.abs(vectors.conj().T @ state) ** 2
        total += weight * (seen * np.abs(U[0, rank]) ** 2).sum()
    return float(total)


@pytest.mark.parametrize("antineutrino", [False, True])
@pytest.mark.parametrize("dm2_31", [2.57e-3, -2.4e-3])
def test_against_dense_diagonalisation(antineutrino: bool, dm2_31: float) -> None:
    """At Δm²_41 = 1 eV², since eigenvalues that differ by 1e5 eV² cost LAPACK digits; both orderings, all phases."""
    U, dm2 = mixing(0.03, 0.02, 0.05, PHASES), np.array([0.0, 7.5e-5, dm2_31, 1.0])
    state = solar.light_sterile(U, antineutrino)
    E = np.array([0.5, 4.0, 14.0])
    found = solar.seen_as_nue(solar.conversion(E, U, dm2, antineutrino), state)
    used, sign = (U.conj(), -1) if antineutrino else (U, 1)
    sun = solar.boron8()
    expected = [dense(e, used, dm2, state, (sun.electrons, sun.weight), sign, solar.NEUTRONS) for e in E]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_light_sterile_is_what_is_left_of_nu_s() -> None:
    """Its flavours are p_b = |U_b4|² |U_s4|²/(1 − |U_s4|²), and it has no ν4."""
    U = mixing(0.03, 0.02, 0.05, PHASES)
    for antineutrino in (False, True):
        state = solar.light_sterile(U, antineutrino)
        heavy = U[:, 3].conj() if antineutrino else U[:, 3]
        assert abs(np.vdot(heavy, state)) < 1e-15
        assert np.vdot(state, state).real == pytest.approx(1, rel=1e-14)
        sterile = abs(U[3, 3]) ** 2
        np.testing.assert_allclose(np.abs(state[:3]) ** 2, np.abs(U[:3, 3]) ** 2 * sterile / (1 - sterile), rtol=1e-12)


def test_vacuum_limit() -> None:
    """At no energy matter does not count, ⟨P⟩ = Σ_i |U_si|² |U_ei|²/(1 − |U_s4|²)."""
    U = mixing(0.03, 0.02, 0.05, PHASES)
    found = solar.seen_as_nue(solar.conversion(np.array([1e-9]), U, DM2, True), solar.light_sterile(U, True))
    expected = (np.abs(U[3, :3]) ** 2 * np.abs(U[0, :3]) ** 2).sum() / (1 - abs(U[3, 3]) ** 2)
    assert found[0] == pytest.approx(expected, rel=1e-6)


def test_two_flavour_limits() -> None:
    """Deep in matter ν_e is ν2 and ν̄_e is ν1; with θ13 = 0 they are seen with sin²θ12 and cos²θ12."""
    U = mixing_matrix_3p1(0.3, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    masses, electron = np.array([0.0, 1e-9, 2.5e-3, 1.0]), np.eye(4, dtype=complex)[0]
    for antineutrino, expected in ((False, 0.3), (True, 0.7)):
        M = solar.conversion(np.array([10.0]), U, masses, antineutrino)
        assert solar.seen_as_nue(M, electron)[0] == pytest.approx(expected, rel=1e-4)


def test_standard_solar_neutrinos() -> None:
    """P_ee of ⁸B neutrinos as measured, 0.3 to 0.35 at 10 MeV (SNO, 1109.0763: 0.317 ± 0.018)."""
    U, electron = mixing(0.0, 0.0), np.eye(4, dtype=complex)[0]
    assert 0.30 < solar.seen_as_nue(solar.conversion(np.array([10.0]), U, DM2, False), electron)[0] < 0.35


@pytest.mark.parametrize("dm2_31", [2.57e-3, -2.4e-3])
def test_mass_states_of_solar_neutrinos(dm2_31: float) -> None:
    """They are all of ν_e, seen as |U_ei|² they are its survival; at high energies most are ν2, as ever 2 % ν3."""
    U, dm2, E = mixing(0.0, 0.0), np.array([0.0, 7.5e-5, dm2_31, 1.0]), np.array([0.5, 4.0, 14.0])
    found = np.array([solar.mass_state(E, U, dm2, i) for i in range(4)])
    np.testing.assert_allclose(found.sum(axis=0), 1.0, rtol=1e-7)
    electron = np.eye(4, dtype=complex)[0]
    survival = solar.seen_as_nue(solar.conversion(E, U, dm2, False), electron)
    np.testing.assert_allclose((np.abs(U[0, :, None]) ** 2 * found).sum(axis=0), survival, rtol=1e-12)
    assert found[1, 2] > 0.9 > found[0, 0] > 0.6 and (np.abs(found[2] - abs(U[0, 2]) ** 2) < 4e-3).all()
    assert (found[3] == 0).all()


def test_conversion_is_a_density_matrix() -> None:
    M = solar.conversion(np.array([3.0, 10.0]), mixing(0.03, 0.02, 0.05, PHASES), DM2, True)
    np.testing.assert_allclose(M, M.conj().transpose(0, 2, 1), atol=1e-15)
    np.testing.assert_allclose(np.trace(M, axis1=1, axis2=2).real, 1.0, rtol=1e-7)  # digits of the weights


def test_tables_are_those_of_the_builder(shared_data: Path, tmp_path: Path) -> None:
    source = shared_data / "solar"
    builder.build(source, tmp_path)
    for table in (solar.SPECTRUM, solar.ZONES):
        assert (tmp_path / table.name).read_text() == table.read_text()


def test_compact_tables_lose_nothing(shared_data: Path) -> None:
    """Groups of zones against all 1,000, and the mean energy of the binned spectrum, to 1e-4."""
    zones = np.loadtxt(shared_data / "solar" / "agss09_nu_fluxes.dat")
    every = (10 ** zones[::4, 2], zones[::4, 8] / zones[::4, 8].sum())
    U, dm2 = mixing(), np.array([0.0, 7.5e-5, 2.57e-3, 1.0])
    state = solar.light_sterile(U, True)
    E = np.array([3.0, 10.0])
    found = solar.seen_as_nue(solar.conversion(E, U, dm2, True), state)
    np.testing.assert_allclose(found, [dense(e, U, dm2, state, every, -1, solar.NEUTRONS) for e in E], rtol=1e-4)
    spectrum = builder.numbers(shared_data / "solar" / "b8spectrum.txt", 4)
    nodes, density = spectrum[:, 0], spectrum[:, 1]
    mean = np.trapezoid(nodes * density, nodes) / np.trapezoid(density, nodes)
    sun = solar.boron8()
    assert sun.fraction.sum() == pytest.approx(1, abs=1e-5)
    assert (sun.energy * sun.fraction).sum() == pytest.approx(mean, rel=1e-4)
