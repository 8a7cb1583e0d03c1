"""Sterile states with a potential of their own: two-level resonances, and quasi-sterile neutrinos in full.

A pair of states (ν, S) that mix by θ with masses squared 0 and ΔM², S in a potential ΔV relative to ν, evolves with::

    2EH = [[s² ΔM², sc ΔM²], [sc ΔM², c² ΔM² + 2EΔV]]

and is resonant at 2EΔV = -ΔM² cos 2θ. Quasi-sterile neutrinos (Alves, Louis & deNiverville, arXiv:2201.00876) are three
such pairs, one for each light ν_i. Of 3+1 neutrinos whose three light masses are taken as equal, the fourth and the
sterile state span a pair, with sin²θ = |U_e4|² + |U_μ4|² + |U_τ4|²; no other state evolves.
"""

from __future__ import annotations

import math

import numpy as np
from numba import types

from scanner.physics.evolution import exponential_minus_one
from scanner.physics.kernel import INPUT, kernel
from scanner.units import MATTER_POTENTIAL, OSCILLATION_PHASE

_f8, _i8, _flag = types.float64, types.int64, types.boolean
_FLOATS, _MATRIX = types.float64[::1], types.complex128[:, ::1]
_MIXING = types.Array(types.complex128, 2, "C", readonly=True)
_AMPLITUDES = types.Array(types.complex128, 1, "C", readonly=True)

_TWICE_EV_PER_GEV = 2e9
_ANY_STERILE = 3


@kernel(types.UniTuple(_f8, 4)(_f8, _f8, _f8))
def resonant_pair(dm2, sin_squared, potential):  # type: ignore[no-untyped-def]
    """Return the levels of a pair, λ₁ ≤ λ₂ [eV²], and how much of ν is in each.

    Parameters
    ----------
    dm2, sin_squared : float
        ΔM² [eV²] and sin²θ.
    potential : float
        2EΔV [eV²].
    """
    cosine, sine = 1 - 2 * sin_squared, 2 * math.sqrt(sin_squared * (1 - sin_squared))
    along, across = cosine * dm2 + potential, sine * dm2
    split = math.sqrt(along**2 + across**2)
    if split == 0:
        return 0.5 * (dm2 + potential), 0.5 * (dm2 + potential), 1.0, 0.0
    # The smaller of two numbers always follows from the larger one: nothing is lost in a difference.
    less = 0.5 * (across / split) ** 2 / (1 + abs(along) / split)
    first, second = (1 - less, less) if along >= 0 else (less, 1 - less)
    trace, determinant = dm2 + potential, sin_squared * dm2 * potential
    if trace >= 0:
        upper = 0.5 * (trace + split)
        return determinant / upper, upper, first, second
    lower = 0.5 * (trace - split)
    return lower, determinant / lower, first, second


@kernel(types.void(types.complex128, _AMPLITUDES, INPUT, INPUT, _f8, INPUT, _MATRIX, types.float64[:, ::1]))
def resonant_levels(  # type: ignore[no-untyped-def]
    rest, amplitudes, dm2, sin_squared, slope, E, coefficients, levels
):
    """Fill the levels of an amplitude rest + Σ_i amplitude_i · (survival amplitude of ν_i), at many energies.

    Parameters
    ----------
    rest : complex
        What does not evolve.
    amplitudes : complex128[pairs]
        Of each pair.
    dm2, sin_squared : float64[pairs]
        ΔM² [eV²], sin²θ.
    slope : float
        2ΔV [eV²/GeV], common to all pairs.
    E : float64[cells]
        Energies [GeV].
    coefficients, levels : complex128[cells, 1 + 2 pairs], float64[cells, 1 + 2 pairs]
        c_n and λ_n [eV²] of Σ_n c_n e^{-iλ_n L/2E}.
    """
    for cell in range(E.size):
        coefficients[cell, 0], levels[cell, 0] = rest, 0.0
        for i in range(dm2.size):
            lower, upper, first, second = resonant_pair(dm2[i], sin_squared[i], slope * E[cell])
            levels[cell, 1 + 2 * i], coefficients[cell, 1 + 2 * i] = lower, amplitudes[i] * first
            levels[cell, 2 + 2 * i], coefficients[cell, 2 + 2 * i] = upper, amplitudes[i] * second


@kernel(types.void(_MIXING, INPUT, INPUT, INPUT, _f8, _f8, _MATRIX))
def _quasi_sterile_hamiltonian(U, dm2, dM2, theta, charged, potential, h):  # type: ignore[no-untyped-def]
    """Fill 2EH [eV²] in the basis (ν₁, ν₂, ν₃, S₁, S₂, S₃)."""
    h[:] = 0
    for i in range(3):
        sine, cosine = math.sin(theta[i]), math.cos(theta[i])
        for j in range(3):
            h[i, j] = charged * U[0, i].conjugate() * U[0, j]
        h[i, i] += dm2[i] + sine**2 * dM2[i]
        h[i, 3 + i] = h[3 + i, i] = sine * cosine * dM2[i]
        h[3 + i, 3 + i] = dm2[i] + cosine**2 * dM2[i] + potential


@kernel(types.void(_i8, _i8, INPUT, INPUT, _MIXING, INPUT, INPUT, INPUT, _f8, _f8, _f8, _flag, _FLOATS))
def probability_quasi_sterile(  # type: ignore[no-untyped-def]
    alpha, beta, E, L, mixing, dm2, dM2, theta, slope, density, Ye, antineutrino, out
):
    """Fill out with P(ν_α → ν_β) of three light neutrinos, each mixed with a quasi-sterile one.

    Parameters
    ----------
    alpha, beta : int
        Flavours before (0..2) and after (0..2, or 3 for any of the S_i); not checked.
    E, L, out : float64[n]
        Energies [GeV], baselines [km], probabilities.
    mixing : complex128[>= 3, >= 3]
        U of ν_α = Σ_i U_αi ν_i, of neutrinos also where antineutrino is set.
    dm2 : float64[3]
        0, Δm²_21, Δm²_31 [eV²].
    dM2, theta : float64[3]
        ΔM_i² = M_i² - m_i² [eV²] and the angle [rad] of each pair.
    slope : float
        2ΔV [eV²/GeV] of neutrinos, for all S_i; it is the whole difference to the active states, V_NC included.
    density, Ye, antineutrino : float, float, bool
        Mass density [g/cm³] and electrons per nucleon of V_CC; whether V → -V, ΔV → -ΔV and U → U*.
    """
    U = np.conj(mixing) if antineutrino else mixing.copy()
    sign = -1.0 if antineutrino else 1.0
    charged = sign * _TWICE_EV_PER_GEV * MATTER_POTENTIAL * Ye * density
    h, change = np.empty((6, 6), np.complex128), np.empty((6, 6), np.complex128)
    for i in range(E.size):
        _quasi_sterile_hamiltonian(U, dm2, dM2, theta, charged * E[i], sign * slope * E[i], h)
        h *= complex(0.0, -2 * OSCILLATION_PHASE * L[i] / E[i])
        exponential_minus_one(h, change)
        total = 0.0
        for last in range(3) if beta == _ANY_STERILE else range(1):
            amplitude = complex(1.0 if alpha == beta else 0.0, 0.0)
            for j in range(3):
                start = U[alpha, j].conjugate()
                if beta == _ANY_STERILE:
                    amplitude += change[3 + last, j] * start
                else:
                    for k in range(3):
                        amplitude += U[beta, k] * change[k, j] * start
            total += amplitude.real**2 + amplitude.imag**2
        out[i] = total
