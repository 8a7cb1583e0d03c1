"""Visible decay of a sterile neutrino in flight: ν4 → ν φ, and φ → ν ν̄ after it.

L = −g ν̄_s ν_s φ. The daughter of ν4 is what is left of ν_s without ν4, Σ_{j<4} U_sj ν_j / √(1 − |U_s4|²): flavour b
with probability p_b = |U_b4|² |U_s4|² / (1 − |U_s4|²). Every kernel here is for one ν4; a beam of ν_a has |U_a4|² of
them, and each daughter counts with its p_b.

All particles are relativistic and light neutrinos massless. With z = E₁/E₄ and r = m_φ/m₄, a ν4 of helicity −1 decays
to a daughter of the same helicity (conserving) or of the other (flipping), one half each since g conserves parity:

    W_HC = 2 z / (1 − r²)²,   W_HF = 2 (1 − r² − z) / (1 − r²)²,   0 ≤ z ≤ 1 − r².

Their mean is flat, so that φ has any energy from r² E₄ to E₄ alike; it decays isotropically into a flat spectrum from
0 to E_φ. Dirac neutrinos of the flipped helicity are invisible, Majorana ones are antineutrinos. From a spin-0 φ both
neutrinos have equal helicities, ν₋ ν̄₋ or ν₊ ν̄₊, so of Dirac ones half are active: 1/2 ν and 1/2 ν̄ a φ (``half``); a
Majorana φ makes two ν or two ν̄, on average one of each (``one``). The public codes count one of each for both.

What decays before L follows from conservation of probability. The amplitude of ν4 has e^{−a/2}, a = m₄ Γ₄ L / E, and
Σ_b |δ_ab − U_a4* U_b4 (1 − e^{−iφ−a/2})|² = 1 − |U_a4|² (1 − e^{−a}). So e^{−L/2L_dec} belongs to the interference of
ν4 with the light neutrinos, and the number of daughters has 1 − e^{−L/L_dec} (1911.01447; the form with 2 L_dec in the
public code of 2406.04401 loses daughters).

Sources: Palomares-Ruiz, Pascoli & Schwetz, hep-ph/0505216; Dentler, Esteban, Kopp & Machado, 1911.01427; de Gouvêa,
Peres, Prakash & Stenico, 1911.01447; Hostert & Pospelov, 2008.11851.
"""

from __future__ import annotations

import math

from numba import types

from scanner.physics.kernel import INPUT, kernel
from scanner.units import HBARC_GEV_M

RULE = 6
"""Nodes of the integral over E_φ, a panel."""

_f8, _flag = types.float64, types.boolean
_TWO, _OUT = types.UniTuple(_f8, 2), types.float64[:, ::1]

_SERIES = 0.5  # below it 1 - e^{-x} and the like lose digits, and _TERMS terms of their series do not
_TERMS = 14
_PANEL = 0.5  # of ln E_φ, in which RULE nodes resolve P_chain
_GONE = 700.0  # e^{-x} is then nothing
_EV_PER_MEV = 1e6
_HBARC_EV_M = 1e9 * HBARC_GEV_M


@kernel(_f8(_f8, _f8, _f8))
def operator_width(g, m4, r):  # type: ignore[no-untyped-def]
    """Width of ν4 → ν_e φ by g ν̄_e ν4 φ, without mixing: g² m₄ (1 − r²)² / 16π [unit of m4]. See `sterile_width`."""
    if not r < 1:
        return 0.0
    open_ = (1 - r) * (1 + r)
    return g * g * m4 * open_ * open_ / (16 * math.pi)


@kernel(_f8(_f8, _f8, _f8, _f8))
def sterile_width(g, m4, r, Us4_sq):  # type: ignore[no-untyped-def]
    """Width of ν4 → ν φ by mixing, at rest.

    Parameters
    ----------
    g : float
        Coupling of ν̄_s ν_s φ.
    m4 : float
        Mass of ν4 [any unit].
    r : float
        m_φ/m₄; the decay is closed from 1 on.
    Us4_sq : float
        |U_s4|²; Σ_{j<4} |U_sj|² is the rest of unitarity.

    Returns
    -------
    float
        Γ₄ = g² |U_s4|² (1 − |U_s4|²) m₄ (1 − r²)² / 16π [unit of m4], both helicities.
    """
    return operator_width(g, m4, r) * Us4_sq * (1 - Us4_sq)


@kernel(_f8(_f8, _f8, _f8))
def scalar_width(g, m_phi, Us4_sq):  # type: ignore[no-untyped-def]
    """Width of φ → ν ν̄ at rest, g² (1 − |U_s4|²)² m_φ / 8π [unit of m_phi]; it is too light for any ν4."""
    light = 1 - Us4_sq
    return g * g * light * light * m_phi / (8 * math.pi)


@kernel(_f8(_f8, _f8, _f8))
def decay_exponent(m_gamma, L, E):  # type: ignore[no-untyped-def]
    """Length of flight over decay length of a relativistic particle, m Γ L / E.

    Parameters
    ----------
    m_gamma : float
        Mass times width at rest [eV²].
    L, E : float
        Length of flight [m], energy [MeV].
    """
    return m_gamma * L / (E * _EV_PER_MEV * _HBARC_EV_M)


@kernel(_f8(_f8))
def _incomplete_gamma(x):  # type: ignore[no-untyped-def]
    """γ(2, x) = 1 − (1 + x) e^{−x}; below _SERIES e^{−x} Σ_{k≥2} x^k/k!, of which no term is negative."""
    if x > _SERIES:
        return -math.expm1(-x) - x * math.exp(-x)
    term, total = 0.5 * x * x, 0.0
    for k in range(3, 3 + _TERMS):
        total += term
        term *= x / k
    return total * math.exp(-x)


@kernel(_f8(_f8))
def _lag(x):  # type: ignore[no-untyped-def]
    """1 − (1 − e^{−x})/x; below _SERIES −Σ_{k≥1} (−x)^k/(k+1)!."""
    if x > _SERIES:
        return 1 + math.expm1(-x) / x
    term, total = 0.5 * x, 0.0
    for k in range(3, 3 + _TERMS):
        total += term
        term *= -x / k
    return total


@kernel(_f8(_f8, _f8))
def chain_probability(a, b):  # type: ignore[no-untyped-def]
    """Probability that both decays of a chain happen within the length of flight.

    Parameters
    ----------
    a, b : float
        Length over decay length of ν4 and of φ, in any order, not negative; infinite for prompt decays.

    Returns
    -------
    float
        1 + (b e^{−a} − a e^{−b})/(a − b) to rounding, also for a = b and where it is tiny.

    Notes
    -----
    With a the smaller, it is γ(2, a) + a e^{−a} (1 − (1 − e^{−d})/d), d = b − a: no cancellation is left.
    """
    low, high = min(a, b), max(a, b)
    if low > _GONE:
        return 1.0
    return _incomplete_gamma(low) + low * math.exp(-low) * _lag(high - low)


@kernel(_f8(_f8, _f8, _flag))
def daughter_density(z, r, flipping):  # type: ignore[no-untyped-def]
    """Spectrum of the daughter of ν4, E₄ W of the module's description, per decay of that helicity.

    Parameters
    ----------
    z : float
        E₁/E₄.
    r : float
        m_φ/m₄ < 1.
    flipping : bool
        Whether the daughter has the other helicity.
    """
    most = (1 - r) * (1 + r)
    if not 0 <= z <= most:
        return 0.0
    return 2 * (most - z if flipping else z) / (most * most)


@kernel(_f8(_f8, _f8))
def prompt_secondary_density(x, r):  # type: ignore[no-untyped-def]
    """Spectrum of one of the neutrinos of φ where all decays are prompt, E₄ n₃(E₃|E₄), per ν4.

    Parameters
    ----------
    x : float
        E₃/E₄.
    r : float
        m_φ/m₄ < 1.

    Returns
    -------
    float
        ln(1/max(r², x))/(1 − r²), whose integral is 1.
    """
    if not 0 <= x < 1:
        return 0.0
    most = (1 - r) * (1 + r)
    return (-math.log1p(-most) if x < r * r else -math.log(x)) / most


@kernel(types.void(INPUT, INPUT, _f8, _flag, INPUT, _OUT))
def fill_daughters(parents, a4, r, flipping, edges, out):  # type: ignore[no-untyped-def]
    """Fill the energy-transfer matrix of ν4 → ν φ.

    Parameters
    ----------
    parents : float64[parents]
        Energies of ν4 [any unit].
    a4 : float64[parents]
        `decay_exponent` of each; infinite for prompt decays.
    r : float
        m_φ/m₄ < 1.
    flipping : bool
        Whether the daughters have the other helicity.
    edges : float64[bins + 1]
        Of the bins of daughter energy [the same unit], ascending.
    out : float64[parents, bins]
        Daughters per ν4 if all decays had this helicity: of a scalar coupling half of them do.
    """
    most = (1 - r) * (1 + r)
    for i in range(parents.size):
        decayed = -math.expm1(-a4[i])
        below = 0.0
        for k in range(edges.size):
            y = min(max(edges[k] / (parents[i] * most), 0.0), 1.0)
            up_to = y * (2 - y) if flipping else y * y
            if k > 0:
                out[i, k - 1] = decayed * (up_to - below)
            below = up_to


@kernel(_TWO(_f8, _f8, _f8, _f8, _f8, INPUT, INPUT))
def _integrals(low, high, shift, a4, a_phi, nodes, weights):  # type: ignore[no-untyped-def]
    """∫ P (t − shift) d ln t and ∫ P d ln t over low < t = E_φ/E₄ < high, P the chain's probability."""
    moment = total = 0.0
    if high > low:
        width = math.log(high / low)
        panels = int(width / _PANEL) + 1
        half = 0.5 * width / panels
        for panel in range(panels):
            for i in range(nodes.size):
                t = low * math.exp(half * (2 * panel + 1 + nodes[i]))
                p = half * weights[i] * chain_probability(a4, a_phi / t)
                moment += p * (t - shift)
                total += p
    return moment, total


@kernel(types.void(INPUT, INPUT, INPUT, _f8, INPUT, INPUT, INPUT, _OUT))
def fill_secondaries(parents, a4, a_phi, r, edges, nodes, weights, out):  # type: ignore[no-untyped-def]
    """Fill the energy-transfer matrix of ν4 → ν φ, φ → ν ν̄, for one of the two neutrinos of φ.

    Parameters
    ----------
    parents, a4, r, edges : see `fill_daughters`
        r = 0 is a massless φ, which does not decay.
    a_phi : float64[parents]
        `decay_exponent` of a φ that has all of its parent's energy.
    nodes, weights : float64[n]
        `phase_space.gauss_legendre(RULE)`.
    out : float64[parents, bins]
        Neutrinos per ν4, where φ makes one.

    Notes
    -----
    Of what a φ of energy E_φ makes, the flat part of each bin that lies below E_φ is counted: bins are exact but for
    the integral over E_φ, and add up to the number of chains that ended.
    """
    most = (1 - r) * (1 + r)
    last = edges.size - 1
    for i in range(parents.size):
        a, b = a4[i], a_phi[i]
        upper = min(max(edges[last] / parents[i], 0.0), 1.0)
        above = _integrals(max(upper, r * r), 1.0, 0.0, a, b, nodes, weights)[1] if r > 0 else 0.0
        for k in range(last - 1, -1, -1):
            lower = min(max(edges[k] / parents[i], 0.0), 1.0)
            inside, rise = 0.0, 0.0
            if r > 0:
                inside, rise = _integrals(max(lower, r * r), upper, lower, a, b, nodes, weights)
            out[i, k] = (inside + above * (upper - lower)) / most
            above += rise
            upper = lower


@kernel(_f8(_flag, _f8, _f8, _f8, _f8))
def coherent_probability(same, Ua4_sq, Ub4_sq, phase, a4):  # type: ignore[no-untyped-def]
    """P(ν_a → ν_b) without the daughters, |δ_ab − U_a4* U_b4 (1 − e^{−iφ − a/2})|².

    Parameters
    ----------
    same : bool
        Whether a = b.
    Ua4_sq, Ub4_sq : float
        |U_a4|², |U_b4|².
    phase, a4 : float
        Δm²_41 L/2E; `decay_exponent` of ν4.
    """
    half = math.exp(-0.5 * a4)
    # |1 - e^{-iφ-a/2}|², which is nothing without a loss of digits at small φ and a.
    change = math.expm1(-0.5 * a4) ** 2 + 4 * half * math.sin(0.5 * phase) ** 2
    if not same:
        return Ua4_sq * Ub4_sq * change
    one_minus = -math.expm1(-0.5 * a4) + 2 * half * math.sin(0.5 * phase) ** 2
    return 1 - 2 * Ua4_sq * one_minus + Ua4_sq * Ua4_sq * change
