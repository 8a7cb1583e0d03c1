"""A scalar radiated off a neutrino as it scatters by charged current: ν_α A → ℓ_β φ A′, in a static approximation.

With L = ½ λ_αβ ν_α ν_β φ + h.c. (two-component ν; Berryman et al., 1802.00009) φ carries lepton number −2 and ν_μ turns
into an off-shell ν̄_e, of momentum q = p − k. Of the amplitude squared, ν's momentum p in the tensor of the charged
current is replaced by

    n = λ² [(q² − m_φ²) q − q² p]/q⁴,   n⁰/E = λ² [(1 − x)|q²| − x m_φ²]/q⁴,   x = q⁰/E,

for massless p. On a target so heavy that it takes any momentum and no energy, and summed over the directions of the
lepton, the rate knows n⁰ and q⁰ alone, so that ν_μ scatters as ν̄_e of energy xE would, times

    dP/dx = λ²/16π² { (1 − x) ln(Q²_max/Q²_min) − x m_φ² (1/Q²_min − 1/Q²_max) },   Q² = 2E(E_φ ± k) − m_φ²,

with E_φ = (1 − x)E and k = √(E_φ² − m_φ²). That is exact for such a target. For a light φ, Q²_min → x m_φ²/(1 − x) and
Q²_max → 4(1 − x)E², and what the logarithm multiplies is the collinear λ²/16π² (1 − x).

A nucleon recoils, and cannot hold |q²| up to 4E²: with Q²_max a quarter of it, dP/dx at x = 1/2 and 700 MeV falls by
11, 17, 38 and 60 % for m_φ of 1, 10, 100 and 200 MeV. That is the stated error.
"""

from __future__ import annotations

import math

from numba import types

from scanner.physics.kernel import INPUT, kernel

RULE = 4
"""Nodes of the integral over x in a cell."""

_f8 = types.float64


@kernel(_f8(_f8, _f8, _f8))
def radiated(x, energy, m_phi):  # type: ignore[no-untyped-def]
    """Return dP/dx of the module's description for λ = 1.

    Parameters
    ----------
    x
        Energy of the neutrino that scatters over that of the one that came.
    energy, m_phi
        Of the latter, and mass of φ [any unit]; it is 0 where φ cannot be made, (1 − x) energy ≤ m_phi.
    """
    scalar = (1 - x) * energy
    if not (x > 0 and scalar > m_phi > 0):
        return 0.0
    m2, momentum = m_phi * m_phi, math.sqrt((scalar - m_phi) * (scalar + m_phi))
    most = 2 * energy * (scalar + momentum) - m2
    # 2E(E_φ − k) without its cancellation.
    least = m2 * (2 * energy / (scalar + momentum) - 1)
    found = (1 - x) * math.log(most / least) - x * m2 * (1 / least - 1 / most)
    return found / (16 * math.pi * math.pi)


@kernel(types.void(INPUT, _f8, INPUT, INPUT, INPUT, types.float64[:, ::1]))
def fill_radiated(parents, m_phi, edges, nodes, weights, out):  # type: ignore[no-untyped-def]
    """Fill the energy-transfer matrix for λ = 1.

    Parameters
    ----------
    parents : float64[parents]
        Energies [any unit].
    m_phi : float
        Mass of φ [the same].
    edges : float64[cells + 1]
        Of the cells of daughters' energy [the same], ascending.
    nodes, weights : float64[n]
        `phase_space.gauss_legendre(RULE)`.
    out : float64[parents, cells]
        Probability of each cell.
    """
    for i in range(parents.size):
        end = parents[i] - m_phi
        for k in range(edges.size - 1):
            low, high = edges[k], min(edges[k + 1], end)
            out[i, k] = 0.0
            if high > low:
                half = 0.5 * (high - low)
                for j in range(nodes.size):
                    x = (low + half * (1 + nodes[j])) / parents[i]
                    out[i, k] += half / parents[i] * weights[j] * radiated(x, parents[i], m_phi)
