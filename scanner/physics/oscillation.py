"""Oscillation probabilities, 3+1 and two flavours, and their averages over L/E.

Flavours e, μ, τ, s are 0..3. ``P(α→β) = |S_βα|²``, ``S = e^{-iHL}``: Giunti & Kim, Fundamentals of
Neutrino Physics (2007). ``U = R34 R24(δ24) R14(δ14) R23 R13(δ13) R12`` with
``R_ij(θ, δ)_ij = s e^{-iδ}`` and ``R_ij(θ, δ)_ji = -s e^{iδ}``: the convention of nuSQuIDS.
"""

from __future__ import annotations

import math

import numpy as np
from numba import types

from scanner.physics.averages import averaged_interference
from scanner.physics.kernel import INPUT, INPUT_INDEX, kernel
from scanner.units import MATTER_POTENTIAL, OSCILLATION_PHASE

_f8, _i8, _flag = types.float64, types.int64, types.boolean
_FLOATS, _MATRIX = types.float64[::1], types.complex128[:, ::1]
_MIXING = types.Array(types.complex128, 2, "C", readonly=True)

_NEGLIGIBLE = 2.0**-56  # of two eigenvalues, a coupling that is lost in their rounding
_MAX_SWEEPS = 30  # convergence is quadratic: at most about six are needed
_SLACK = 1e-12  # how far rounding may carry a squared mixing out of its range
_TWICE_EV_PER_GEV = 2e9


@kernel(types.void(_MATRIX, _i8, _i8, _f8, types.complex128))
def _rotate(rows, i, j, cosine, sine):  # type: ignore[no-untyped-def]
    for k in range(4):
        upper, lower = rows[i, k], rows[j, k]
        rows[i, k] = cosine * upper + sine * lower
        rows[j, k] = cosine * lower - sine.conjugate() * upper


@kernel(types.void(_MATRIX, _MATRIX, _i8, _i8, _f8))
def _annihilate(h, vectors, p, q, modulus):  # type: ignore[no-untyped-def]
    """Rotate h[p, q] to zero, by the smaller angle: with the larger, Jacobi need not converge."""
    first, second = h[p, p].real, h[q, q].real
    cotangent = (second - first) / (2 * modulus)
    tangent = math.copysign(1 / (abs(cotangent) + math.sqrt(cotangent**2 + 1)), cotangent)
    cosine = 1 / math.sqrt(tangent**2 + 1)
    # Not h[p, q] / modulus: numba's complex division is slow, and raises on zero.
    sine = -tangent * cosine * complex(h[p, q].real / modulus, h[p, q].imag / modulus)
    _rotate(vectors, p, q, cosine, sine.conjugate())
    _rotate(h, p, q, cosine, sine)
    for r in range(4):
        h[r, p], h[r, q] = h[p, r].conjugate(), h[q, r].conjugate()
    h[p, q] = h[q, p] = 0.0
    h[p, p], h[q, q] = first - tangent * modulus, second + tangent * modulus


@kernel(_flag(_MATRIX, _MATRIX, _FLOATS))
def hermitian_eigensystem_4(h, vectors, values):  # type: ignore[no-untyped-def]
    """Eigensystem of a Hermitian 4x4 matrix, by cyclic Jacobi rotations.

    Parameters
    ----------
    h : complex128[4, 4]
        The matrix; overwritten.
    vectors : complex128[4, 4]
        On entry the orthonormal basis that h is written in, one vector a row (or the identity);
        on return the eigenvectors, one a row.
    values : float64[4]
        Filled with the eigenvalues [unit of h] in the order of the vectors: not sorted.

    Returns
    -------
    bool
        Whether it converged, as it does for every finite matrix. If not, values are NaN.

    Notes
    -----
    Golub & Van Loan, Matrix Computations, 8.5. A diagonal matrix comes back as it is, and a nearly
    diagonal one keeps the relative precision of its small eigenvalues.
    """
    for _ in range(_MAX_SWEEPS):
        rotations = 0
        for p in range(3):
            for q in range(p + 1, 4):
                modulus = math.sqrt(h[p, q].real ** 2 + h[p, q].imag ** 2)
                first, second = h[p, p].real, h[q, q].real
                # Written so that a NaN does not pass for negligible.
                if not modulus <= _NEGLIGIBLE * (abs(first) + abs(second)):
                    _annihilate(h, vectors, p, q, modulus)
                    rotations += 1
        if rotations == 0:
            for i in range(4):
                values[i] = h[i, i].real
            return True
    values[:] = np.nan
    return False


@kernel(_f8(_f8, _f8))
def _fraction(part, whole):  # type: ignore[no-untyped-def]
    """Part / whole in [0, 1], forgiving rounding; 0 if nothing is left, NaN if impossible."""
    if not -_SLACK <= part <= whole + _SLACK:
        return np.nan
    return min(max(part, 0.0) / whole, 1.0) if whole > 0 else 0.0


@kernel(types.void(_MATRIX, _i8, _i8, _f8, _f8))
def _mix(U, i, j, sin_squared, delta):  # type: ignore[no-untyped-def]
    sine = math.sqrt(sin_squared) * complex(math.cos(delta), -math.sin(delta))
    _rotate(U, i, j, math.sqrt(1 - sin_squared), sine)


@kernel(_MATRIX(_f8, _f8, _f8, _f8, _f8, _f8, _f8, _f8, _f8))
def mixing_matrix_3p1(  # type: ignore[no-untyped-def]
    sin2_12, sin2_13, sin2_23, delta13, Ue4_sq, Umu4_sq, Utau4_sq, delta14, delta24
):
    """Mixing matrix of 3+1 neutrinos, ν_α = Σ_k U_αk ν_k.

    Parameters
    ----------
    sin2_12, sin2_13, sin2_23, Ue4_sq, Umu4_sq, Utau4_sq : float
        sin²θ of the active rotations, and |U_e4|², |U_μ4|², |U_τ4|².
    delta13, delta14, delta24 : float
        CP phases [rad].

    Returns
    -------
    complex128[4, 4]
        U; has NaN where a squared mixing, or their sum, is outside [0, 1] by more than 1e-12.
    """
    not_e = 1 - Ue4_sq
    U = np.eye(4, dtype=np.complex128)
    _mix(U, 0, 1, _fraction(sin2_12, 1.0), 0.0)
    _mix(U, 0, 2, _fraction(sin2_13, 1.0), delta13)
    _mix(U, 1, 2, _fraction(sin2_23, 1.0), 0.0)
    _mix(U, 0, 3, _fraction(Ue4_sq, 1.0), delta14)
    _mix(U, 1, 3, _fraction(Umu4_sq, not_e), delta24)
    _mix(U, 2, 3, _fraction(Utau4_sq, not_e - Umu4_sq), 0.0)
    return U


@kernel(_f8(_i8, _i8, _MATRIX, _FLOATS, _f8))
def _probability(alpha, beta, vectors, dm2, L_over_E):  # type: ignore[no-untyped-def]
    # By unitarity S = δ + Σ_k V_βk V*_αk (e^{-i phase} - 1): small appearances stay precise.
    amplitude = complex(1.0 if alpha == beta else 0.0, 0.0)
    for k in range(1, 4):
        half = OSCILLATION_PHASE * (dm2[k] - dm2[0]) * L_over_E
        change = -2 * math.sin(half) * complex(math.sin(half), math.cos(half))
        amplitude += vectors[k, beta] * vectors[k, alpha].conjugate() * change
    return amplitude.real**2 + amplitude.imag**2


@kernel(types.void(_MIXING, INPUT, _f8, _f8, _f8, _f8, _MATRIX))
def hamiltonian_3p1(U, dm2, density, Ye, V_s, E, h):  # type: ignore[no-untyped-def]
    """Fill 2EH [eV²] of 3+1 neutrinos in the mass basis: nearly diagonal, and constant in vacuum.

    Parameters
    ----------
    U, dm2
        As in `probability_3p1`; U* for antineutrinos.
    density, Ye, V_s, E : float
        Density [g/cm³] and potential of the sterile state [eV], both negative for antineutrinos; electrons per
        nucleon; energy [GeV].
    h : complex128[4, 4]
        Filled.
    """
    strength = _TWICE_EV_PER_GEV * MATTER_POTENTIAL * density * E
    of_sterile = _TWICE_EV_PER_GEV * V_s * E
    for j in range(4):
        for k in range(4):
            # V_CC, and -V_NC of the sterile state: V_NC of the active ones is common.
            by_e = Ye * U[0, j].conjugate() * U[0, k]
            by_s = U[3, j].conjugate() * U[3, k]
            h[j, k] = strength * (by_e + 0.5 * (1 - Ye) * by_s) + of_sterile * by_s
        h[j, j] += dm2[j]


@kernel(types.void(_i8, _i8, INPUT, INPUT, _MIXING, INPUT, _f8, _f8, _flag, _f8, _FLOATS))
def probability_3p1_potential(  # type: ignore[no-untyped-def]
    alpha, beta, E, L, mixing, dm2, density, Ye, antineutrino, V_s, out
):
    """Fill out with P(ν_α → ν_β) of 3+1 neutrinos, the sterile state in a potential of its own.

    Parameters
    ----------
    V_s : float
        What H_ss has besides -V_NC [eV], of neutrinos; antineutrinos have -V_s.
    alpha, beta, E, L, mixing, dm2, density, Ye, antineutrino, out
        As in `probability_3p1`.
    """
    U = np.conj(mixing) if antineutrino else mixing.copy()
    sign = -1.0 if antineutrino else 1.0
    in_vacuum = density == 0 and V_s == 0
    h, vectors, values, solved = np.empty_like(U), np.empty_like(U), np.empty(4), np.nan
    for i in range(E.size):
        if not (E[i] == solved or (in_vacuum and i > 0)):
            hamiltonian_3p1(U, dm2, sign * density, Ye, sign * V_s, E[i], h)
            for j in range(4):
                vectors[j, :] = U[:, j]
            hermitian_eigensystem_4(h, vectors, values)
            solved = E[i]
        out[i] = _probability(alpha, beta, vectors, values, L[i] / E[i])


@kernel(types.void(_i8, _i8, INPUT, INPUT, _MIXING, INPUT, _f8, _f8, _flag, _FLOATS))
def probability_3p1(  # type: ignore[no-untyped-def]
    alpha, beta, E, L, mixing, dm2, density, Ye, antineutrino, out
):
    """Fill out with P(ν_α → ν_β) of 3+1 neutrinos, exact for constant density.

    Parameters
    ----------
    alpha, beta : int
        Flavours before and after, 0..3 (not checked).
    E, L, out : float64[n]
        Energies [GeV], baselines [km], probabilities. Runs of one energy cost one diagonalisation.
    mixing : complex128[4, 4]
        `mixing_matrix_3p1`, of neutrinos also where antineutrino is set.
    dm2 : float64[4]
        0, Δm²_21, Δm²_31, Δm²_41 [eV²].
    density, Ye, antineutrino : float, float, bool
        Mass density [g/cm³] (0: vacuum), electrons per nucleon; whether V → -V and U → U*.
    """
    probability_3p1_potential(alpha, beta, E, L, mixing, dm2, density, Ye, antineutrino, 0.0, out)


@kernel(types.void(_f8, _f8, INPUT, INPUT, _f8, _f8, _flag, _FLOATS))
def probability_two_flavour(  # type: ignore[no-untyped-def]
    sin2_2theta, dm2, E, L, density, Ye, antineutrino, out
):
    """Fill out with P(ν_μ → ν_e) = P(ν_e → ν_μ) of two flavours, exact for constant density.

    Parameters
    ----------
    sin2_2theta, dm2 : float
        sin²2θ with θ in the first octant; m_2² - m_1² [eV²] of either sign.
    E, L, density, Ye, antineutrino, out
        As in `probability_3p1`.

    Notes
    -----
    PDG, Phys. Rev. D 110 (2024) 030001, section 14.
    """
    potential = MATTER_POTENTIAL * Ye * (-density if antineutrino else density)
    one_minus_cosine = sin2_2theta / (1 + math.sqrt(1 - sin2_2theta))
    for i in range(E.size):
        matter = _TWICE_EV_PER_GEV * potential * E[i]
        # (dm2 cos2θ - matter)² + (dm2 sin2θ)², but exactly dm2² in vacuum.
        split = math.sqrt((dm2 - matter) ** 2 + 2 * dm2 * matter * one_minus_cosine)
        amplitude = dm2 / split if split > 0 else 0.0
        out[i] = sin2_2theta * (amplitude * math.sin(OSCILLATION_PHASE * split * L[i] / E[i])) ** 2


@kernel(types.void(_f8, INPUT, INPUT_INDEX, INPUT, INPUT, INPUT, types.float64[:, ::1]))
def averaged_sin_squared(  # type: ignore[no-untyped-def]
    phase_constant, dm2, bins, weight, mean, variance, out
):
    """Fill out with sums over cells of weight · ⟨sin²(k Δm² L/E)⟩, L/E normal in each cell.

    Parameters
    ----------
    phase_constant : float
        k [GeV/(eV² km)]: `units.OSCILLATION_PHASE`, or the rounded one of a published recipe.
    dm2 : float64[nodes]
        Mass splittings [eV²].
    bins, weight : int64[cells], float64[cells]
        Which bin of out (not checked) each cell adds to; its weight [unit of out].
    mean, variance : float64[cells]
        Of L/E in each cell [km/GeV, km²/GeV²].
    out : float64[nodes, bins]
        The sums, added in the order of the cells.

    Notes
    -----
    ⟨sin²φ⟩ = sin²φ̄ e^{-2s²} + (1 - e^{-2s²})/2 with s² the variance of φ; for L/E of any other
    distribution it is the second-order cumulant approximation.
    """
    averaged_interference(phase_constant, dm2, np.zeros(dm2.size), bins, weight, mean, variance, out)
