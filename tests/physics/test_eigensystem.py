"""The eigensystem of a Hermitian matrix, at any spectrum."""

from __future__ import annotations

import mpmath as mp
import numpy as np
import pytest

from scanner.physics.oscillation import hermitian_eigensystem_4


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
