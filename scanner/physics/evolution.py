"""Evolution by a matrix exponential: of neutrinos that decay, and of any number of states.

A Hamiltonian with decay is not Hermitian, and may have fewer eigenvectors than states; its exponential always exists.
Conventions are those of `scanner.physics.oscillation`.
"""

from __future__ import annotations

import numpy as np
from numba import types

from scanner.physics.kernel import INPUT, kernel
from scanner.physics.oscillation import hamiltonian_3p1
from scanner.units import OSCILLATION_PHASE

_f8, _i8, _flag = types.float64, types.int64, types.boolean
_FLOATS, _MATRIX = types.float64[::1], types.complex128[:, ::1]
_MIXING = types.Array(types.complex128, 2, "C", readonly=True)

_DEGREE = 15  # 0.5^16 / 16! = 7e-19
_SMALL = 0.5


@kernel(types.void(_MATRIX, _MATRIX, _MATRIX))
def _multiply(left, right, out):  # type: ignore[no-untyped-def]
    for i in range(out.shape[0]):
        for j in range(out.shape[1]):
            total = 0j
            for k in range(left.shape[1]):
                total += left[i, k] * right[k, j]
            out[i, j] = total


@kernel(types.void(_MATRIX, _MATRIX))
def exponential_minus_one(matrix, out):  # type: ignore[no-untyped-def]
    """Fill out with e^A - 1, by a Taylor series of A/2^s and s doublings.

    Parameters
    ----------
    matrix : complex128[n, n]
        A; overwritten.
    out : complex128[n, n]
        Filled; NaN where A is not finite.

    Notes
    -----
    Without the unit matrix, small transitions keep their relative precision: e^{2A} - 1 = 2Y + Y² with Y = e^A - 1.
    Doubling is stable where no state grows, ‖e^{At}‖ ≤ 1, as for every neutrino; the error is then some 1e-16 times
    the largest phase, that of the phases themselves.
    """
    size = matrix.shape[0]
    norm = 0.0
    for j in range(size):
        norm = max(norm, np.abs(matrix[:, j]).sum())
    if not np.isfinite(norm):
        out[:] = np.nan
        return
    doublings = 0
    while norm > _SMALL:
        norm *= 0.5
        doublings += 1
    matrix *= 0.5**doublings
    product = np.empty_like(matrix)
    out[:] = matrix / _DEGREE
    for k in range(_DEGREE - 1, 0, -1):
        _multiply(matrix, out, product)
        out[:] = (matrix + product) / k
    for _ in range(doublings):
        _multiply(out, out, product)
        out[:] = 2 * out + product


@kernel(types.void(_i8, _i8, INPUT, INPUT, _MIXING, INPUT, _f8, _f8, _flag, _f8, _FLOATS))
def probability_invisible_decay(  # type: ignore[no-untyped-def]
    alpha, beta, E, L, mixing, dm2, density, Ye, antineutrino, width, out
):
    """Fill out with P(ν_α → ν_β) of 3+1 neutrinos whose fourth decays into what is never seen.

    Parameters
    ----------
    alpha, beta, E, L, mixing, dm2, density, Ye, antineutrino, out
        As in `oscillation.probability_3p1`.
    width : float
        m₄Γ₄ [eV²], of neutrinos and antineutrinos alike.

    Notes
    -----
    H → H - i U diag(0, 0, 0, m₄Γ₄) U†/2E: Moss et al., arXiv:1711.05921. Σ_β P < 1: the rest has decayed.
    """
    U = np.conj(mixing) if antineutrino else mixing.copy()
    h, change = np.empty_like(U), np.empty_like(U)
    for i in range(E.size):
        hamiltonian_3p1(U, dm2, -density if antineutrino else density, Ye, 0.0, E[i], h)
        h[3, 3] -= complex(0.0, width)
        h *= complex(0.0, -2 * OSCILLATION_PHASE * L[i] / E[i])
        exponential_minus_one(h, change)
        amplitude = complex(1.0 if alpha == beta else 0.0, 0.0)
        for j in range(4):
            for k in range(4):
                amplitude += U[beta, j] * change[j, k] * U[alpha, k].conjugate()
        out[i] = amplitude.real**2 + amplitude.imag**2
