"""Kernels of linear algebra for small matrices: no BLAS, so the same bits on every machine."""

from __future__ import annotations

import math

import numpy as np
from numba import types

from scanner.physics.kernel import INPUT, kernel


@kernel("b1(f8[:, ::1])")
def cholesky(matrix):  # type: ignore[no-untyped-def]
    """Replace the lower triangle by the Cholesky factor; False where not positive definite."""
    for i in range(matrix.shape[0]):
        for j in range(i + 1):
            total = matrix[i, j]
            for k in range(j):
                total -= matrix[i, k] * matrix[j, k]
            if i == j:
                if not total > 0:
                    return False
                matrix[i, i] = math.sqrt(total)
            else:
                matrix[i, j] = total / matrix[j, j]
    return True


@kernel("void(f8[:, ::1], f8[::1])")
def forward(factor, vector):  # type: ignore[no-untyped-def]
    """Replace a vector by factor⁻¹ · vector, for a lower-triangular factor."""
    for i in range(vector.size):
        for k in range(i):
            vector[i] -= factor[i, k] * vector[k]
        vector[i] /= factor[i, i]


@kernel("void(f8[:, ::1], f8[::1])")
def backward(factor, vector):  # type: ignore[no-untyped-def]
    """Replace a vector by (factorᵀ)⁻¹ · vector, for a lower-triangular factor."""
    for i in range(vector.size - 1, -1, -1):
        for k in range(i + 1, vector.size):
            vector[i] -= factor[k, i] * vector[k]
        vector[i] /= factor[i, i]


@kernel("f8(f8[:, ::1])")
def least_squares(matrix):  # type: ignore[no-untyped-def]
    """Return the least |b - A x|², by Householder reflections: good to rounding of |b|, whatever the size of A.

    Parameters
    ----------
    matrix : float64[m, n + 1]
        A, m >= n, and b as the last column; overwritten.
    """
    rows, columns = matrix.shape
    for j in range(columns - 1):
        size = 0.0
        for i in range(j, rows):
            size += matrix[i, j] * matrix[i, j]
        if size == 0:
            continue
        pivot = matrix[j, j]
        matrix[j, j] = pivot + math.copysign(math.sqrt(size), pivot)
        half = math.sqrt(size) * abs(matrix[j, j])
        for k in range(j + 1, columns):
            along = 0.0
            for i in range(j, rows):
                along += matrix[i, j] * matrix[i, k]
            for i in range(j, rows):
                matrix[i, k] -= along / half * matrix[i, j]
    left = 0.0
    for i in range(columns - 1, rows):
        left += matrix[i, columns - 1] * matrix[i, columns - 1]
    return left


@kernel(types.void(types.float64[:, ::1], INPUT, types.float64[::1]))
def _add_product(factor, vector, out):  # type: ignore[no-untyped-def]
    """Add factor · vector, for a lower-triangular factor."""
    for i in range(out.size):
        for k in range(i + 1):
            out[i] += factor[i, k] * vector[k]


def draw_gaussian(mean: np.ndarray, covariance: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return correlated Gaussian numbers, shape of `mean`; NaN where the covariance is not positive definite."""
    factor, drawn = covariance.copy(), mean.copy()
    normals = generator.standard_normal(mean.size)
    if not cholesky(factor):
        return np.full(mean.size, np.nan)
    _add_product(factor, normals, drawn)
    return drawn
