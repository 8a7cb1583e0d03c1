"""Kernels of linear algebra for small matrices: no BLAS, so the same bits on every machine."""

from __future__ import annotations

import math

from scanner.physics.kernel import kernel


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
