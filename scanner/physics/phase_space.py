"""Two- and three-body phase space of heavy-neutrino decays and production, without loss of digits.

Everything is computed from masses, not from their squared ratios: m - m1 - m2 is exact where it is small, so
that a width keeps its relative precision down to its threshold, and is exactly zero below it.
"""

from __future__ import annotations

import math

import numpy as np
from numba import types
from numpy.typing import NDArray

from scanner.physics.kernel import INPUT, kernel

_f8 = types.float64

NODES = 40
"""Of the three-body integrals: converged to rounding for masses down to 5e-5 of the parent's."""


def gauss_legendre(n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nodes and weights of the Gauss–Legendre rule on [-1, 1].

    Notes
    -----
    Newton's iteration on the Legendre recurrence, one node at a time: unlike numpy's rule, which takes
    eigenvalues from LAPACK, it returns the same bits on every CPU.
    """
    nodes, weights = np.empty(n), np.empty(n)
    for i in range(n):
        x = math.cos(math.pi * (n - i - 0.25) / (n + 0.5))
        for _ in range(8):
            below, value = 1.0, x
            for k in range(2, n + 1):
                below, value = value, ((2 * k - 1) * x * value - (k - 1) * below) / k
            slope = n * (below - x * value) / (1 - x * x)
            x -= value / slope
        nodes[i], weights[i] = x, 2 / ((1 - x * x) * slope * slope)
    return nodes, weights


@kernel(_f8(_f8, _f8, _f8))
def _released(m, m1, m2):  # type: ignore[no-untyped-def]
    """Return m - m1 - m2, which near the threshold is exact if the larger mass goes first."""
    return m - max(m1, m2) - min(m1, m2)


@kernel(_f8(_f8, _f8, _f8))
def sqrt_lambda(m, m1, m2):  # type: ignore[no-untyped-def]
    """√λ(1, m1²/m², m2²/m²) = 2p/m of the decay m → m1 m2; 0 where it is closed.

    Parameters
    ----------
    m, m1, m2 : float
        Masses [GeV].
    """
    released = _released(m, m1, m2)
    if not released > 0:
        return 0.0
    return math.sqrt(released * (m + m1 + m2) * (m - m1 + m2) * (m + m1 - m2)) / m**2


@kernel(_f8(_f8, _f8, _f8))
def pseudoscalar_shape(m, lepton, meson):  # type: ignore[no-untyped-def]
    """[(1-x²)² - y²(1+x²)] √λ(1, x², y²) of N → lepton + pseudoscalar meson; 0 where it is closed.

    Parameters
    ----------
    m, lepton, meson : float
        Masses [GeV]; x = lepton/m, y = meson/m.

    Notes
    -----
    The bracket is written as (1-x²)(1-(x+y)²) + 2xy(1-x(x+y)), of positive terms alone.
    """
    root = sqrt_lambda(m, lepton, meson)
    if root == 0:
        return 0.0
    x, y = lepton / m, meson / m
    above = _released(m, lepton, meson) / m * (1 + x + y)
    return ((1 - x) * (1 + x) * above + 2 * x * y * (1 - x * (x + y))) * root


@kernel(_f8(_f8, _f8, _f8))
def vector_shape(m, lepton, meson):  # type: ignore[no-untyped-def]
    """[(1-x²)² + y²(1+x²) - 2y⁴] √λ(1, x², y²) of N → lepton + vector meson; 0 where it is closed.

    Parameters
    ----------
    m, lepton, meson : float
        Masses [GeV]; x = lepton/m, y = meson/m.
    """
    x, y = lepton / m, meson / m
    # The two brackets differ by 2y²(1+x²-y²), positive wherever the decay is open.
    longitudinal = pseudoscalar_shape(m, lepton, meson)
    return longitudinal + 2 * y**2 * ((m - meson) / m * (1 + y) + x**2) * sqrt_lambda(m, lepton, meson)


@kernel(types.UniTuple(_f8, 2)(_f8, _f8, _f8, _f8, _f8, _f8, INPUT, INPUT))
def _piece(near, far, width, extent, start, direction, nodes, weights):  # type: ignore[no-untyped-def]
    """Integrate from one end of the s range, s = start + direction·y, over 0 < y < extent.

    With y = 4·near·sinh²(t/2) the root of λ that vanishes at this end is 2·near·sinh(t): no endpoint
    singularity is left, and a light mass only stretches the range of t, logarithmically. Returned are the
    integral, and the one in which 2·near replaces the invariant y + 2·near.
    """
    half = math.asinh(math.sqrt(extent / (4 * near)))  # of the range of t
    energy = flip = 0.0
    for i in range(nodes.size):
        t = half * (nodes[i] + 1)
        y = 4 * near * math.sinh(0.5 * t) ** 2
        rest = max(width - y, 0.0)
        opposite = (rest + 2 * far) * math.sqrt(rest * (rest + 4 * far))
        term = weights[i] * (2 * near * math.sinh(t)) ** 2 * opposite / (start + direction * y)
        energy += term * (y + 2 * near)
        flip += term
    return 12 * half * energy, 24 * near * half * flip


@kernel(_f8(_f8, _f8, _f8, _f8, INPUT, INPUT))
def three_fermions(m, spectator, first, second, nodes, weights):  # type: ignore[no-untyped-def]
    """Phase-space integral I of a V-A decay into three fermions, 1 for massless ones; 0 where it is closed.

    With c = spectator/m, a = first/m, b = second/m::

        I = 12 ∫ ds/s (s - a² - b²)(1 + c² - s) √(λ(s, a², b²) λ(1, s, c²)),  (a+b)² < s < (1-c)²

    Parameters
    ----------
    m, spectator, first, second : float
        Masses [GeV]; the spectator's may be zero, the others not. I is symmetric in the three.
    nodes, weights : float64[n]
        `gauss_legendre(NODES)`.
    """
    released = _released(m - spectator, first, second) / m
    if not released > 0:
        return 0.0
    c, a, b = spectator / m, first / m, second / m
    width, low = released * (1 - c + a + b), (a + b) ** 2
    if c == 0:
        return _piece(a * b, 0.0, width, width, low, 1.0, nodes, weights)[0]
    # Both ends of s are singular: halve the range, and start each half from its own end.
    lower = _piece(a * b, c, width, 0.5 * width, low, 1.0, nodes, weights)[0]
    upper = _piece(c, a * b, width, 0.5 * width, (1 - c) ** 2, -1.0, nodes, weights)[0]
    return lower + upper


@kernel(types.UniTuple(_f8, 2)(_f8, _f8, INPUT, INPUT))
def neutral_pair(m, fermion, nodes, weights):  # type: ignore[no-untyped-def]
    """Phase-space integrals f1 and f2 of N → ν f f̄ through the Z; 0 where it is closed.

    The width is that of ν ν ν times (gL² + gR²) f1 + gL gR f2, x = fermion/m::

        f1 = 12 ∫ ds/s (s - 2x²)(1 - s)² √(s(s - 4x²)),  4x² < s < 1;   f2: 2x² replaces s - 2x²

    Parameters
    ----------
    m, fermion : float
        Masses [GeV], not zero.
    nodes, weights : float64[n]
        `gauss_legendre(NODES)`.

    Notes
    -----
    Bondarenko et al., 1805.08567, give closed forms, which lose their digits near the threshold.
    """
    released = (m - 2 * fermion) / m
    if not released > 0:
        return 0.0, 0.0
    x = fermion / m
    width = released * (1 + 2 * x)
    return _piece(x * x, 0.0, width, width, 4 * x * x, 1.0, nodes, weights)
