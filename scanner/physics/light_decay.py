"""Decay of the light neutrinos themselves, ν_j → ν_k φ, where φ has no mass.

L = −g ν̄_s ν_s φ couples ν_j to ν_k by g U_sj U_sk. Phases are 0, so that φ couples as a scalar. With x = m_k/m_j and
z = E_k/E_j of relativistic neutrinos, x² ≤ z ≤ 1, a ν_j of helicity −1 decays to ν_k of either helicity as

    same: (√z + x/√z)²,   flipped: (1 − z)(1 − x²/z),   together (1 + x)²,

of which the first is the product of spinors of equal helicity, and the last is 2 (p_j p_k + m_j m_k)/m_j², the sum over
both. Hence

    m_j Γ_jk = g² |U_sj|² |U_sk|² (m_j + m_k)² (1 − x²) / 16π.

For m_k = 0 that is the decay of `visible_sterile_decay`, and its W_HC and W_HF. Flipped Majorana neutrinos are
antineutrinos, flipped Dirac ones are invisible.

Sources: Kim & Lam, Mod. Phys. Lett. A5 (1990) 297, and Lindner, Ohlsson & Winter, hep-ph/0105309 (both from memory);
M. Hostert's talk for the length with m_k = 0.
"""

from __future__ import annotations

import math

import numpy as np
from numba import types

from scanner.physics.kernel import INPUT, INPUT_MATRIX, kernel
from scanner.physics.visible_sterile_decay import decay_exponent

_f8 = types.float64


@kernel(_f8(_f8, _f8, _f8, _f8, _f8))
def light_width(g, Usj_sq, Usk_sq, mj_sq, mk_sq):  # type: ignore[no-untyped-def]
    """Width of ν_j → ν_k φ at rest times the mass of ν_j, both helicities [unit of mj_sq]; 0 where ν_k is not lighter.

    Parameters
    ----------
    g : float
        Coupling of ν̄_s ν_s φ.
    Usj_sq, Usk_sq : float
        |U_sj|², |U_sk|².
    mj_sq, mk_sq : float
        Squared masses [any unit].
    """
    if not mk_sq < mj_sq:
        return 0.0
    total = math.sqrt(mj_sq) + math.sqrt(mk_sq)
    return g * g * Usj_sq * Usk_sq * total * total * (1 - mk_sq / mj_sq) / (16 * math.pi)


@kernel(types.void(INPUT_MATRIX, types.int64, types.float64[:, ::1]))
def fill_light_widths(values, parent, out):  # type: ignore[no-untyped-def]
    """Fill m_j Γ_jk of one neutrino, in 3+1 with all phases 0 and a massless lightest neutrino.

    Parameters
    ----------
    values : float64[9, n]
        g, |U_e4|², |U_μ4|², |U_τ4|², sin²θ12, sin²θ13, sin²θ23, Δm²21, Δm²31 [eV²].
    parent : int
        j, 0 to 2.
    out : float64[3, n]
        Of each ν_k [eV²].
    """
    mass, part = np.empty(3), np.empty(3)
    for i in range(values.shape[1]):
        # The rotations of `oscillation.mixing_matrix_3p1`, by which U_sj = −Σ_a (row)_a U_aj of three flavours.
        s14_sq, s12_sq, s13_sq, s23_sq = values[1, i], values[4, i], values[5, i], values[6, i]
        s24_sq = min(values[2, i] / (1 - s14_sq), 1.0) if s14_sq < 1 else 0.0
        rest = (1 - s14_sq) * (1 - s24_sq)
        s34_sq = min(values[3, i] / rest, 1.0) if rest > 0 else 0.0
        by_tau, by_mu = math.sqrt(s34_sq), math.sqrt(s24_sq * (1 - s34_sq))
        by_e = math.sqrt(s14_sq * (1 - s24_sq) * (1 - s34_sq))
        s12, c12, s13, c13 = math.sqrt(s12_sq), math.sqrt(1 - s12_sq), math.sqrt(s13_sq), math.sqrt(1 - s13_sq)
        s23, c23 = math.sqrt(s23_sq), math.sqrt(1 - s23_sq)
        second, third = c23 * by_mu - s23 * by_tau, s23 * by_mu + c23 * by_tau
        first = c13 * by_e - s13 * third
        part[0], part[1], part[2] = c12 * first - s12 * second, s12 * first + c12 * second, s13 * by_e + c13 * third
        lightest = min(0.0, values[7, i], values[8, i])
        mass[0], mass[1], mass[2] = -lightest, values[7, i] - lightest, values[8, i] - lightest
        for k in range(3):
            coupled = part[parent] * part[parent], part[k] * part[k]
            out[k, i] = light_width(values[0, i], coupled[0], coupled[1], mass[parent], mass[k])


@kernel(_f8(_f8, _f8))
def flipped_below(z, x_sq):  # type: ignore[no-untyped-def]
    """Fraction of all ν_j → ν_k φ in which helicity flips and ν_k has less than z of the energy.

    Parameters
    ----------
    z : float
        E_k/E_j.
    x_sq : float
        m_k²/m_j² < 1.

    Returns
    -------
    float
        ∫_{x²}^z dt (1 − t)(1 − x²/t) / ((1 + x)² (1 − x²)); from z = 1 on (1 − x⁴ + 2x² ln x²)/(2 (1 + x)² (1 − x²)),
        which is 1/2 for x = 0.
    """
    top = min(z, 1.0)
    if not top > x_sq:
        return 0.0
    by_log = x_sq * math.log1p((top - x_sq) / x_sq) if x_sq > 0 else 0.0
    part = (top - x_sq) * (1 + x_sq - 0.5 * (top + x_sq)) - by_log
    x = math.sqrt(x_sq)
    return max(part, 0.0) / ((1 + x) * (1 + x) * (1 - x_sq))


@kernel(types.void(INPUT, INPUT, _f8, _f8, _f8, _f8, INPUT_MATRIX, _f8[::1]))
def add_flipped(energy, parents, x_sq, m_gamma, L, step, events, out):  # type: ignore[no-untyped-def]
    """Add what an experiment sees of the flipped daughters of a flux of ν_j.

    Parameters
    ----------
    energy : float64[n]
        Of ν_j [MeV].
    parents : float64[n]
        Flux of ν_j at each energy.
    x_sq : float
        m_k²/m_j² < 1.
    m_gamma : float
        Mass times width of ν_j at rest, all channels [eV²].
    L : float
        Length of flight [m].
    step : float
        Width of the bins of ν_k's energy, from 0 [MeV].
    events : float64[energies, bins]
        Seen of one ν_k in each of these.
    out : float64[bins]
        If ν_j decayed to ν_k alone.
    """
    for i in range(energy.size):
        decayed = -parents[i] * math.expm1(-decay_exponent(m_gamma, L, energy[i]))
        before = 0.0
        for k in range(events.shape[0]):
            below = flipped_below((k + 1) * step / energy[i], x_sq)
            for b in range(out.size):
                out[b] += decayed * (below - before) * events[k, b]
            before = below
