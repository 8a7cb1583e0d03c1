"""Masses and mixings of seesaws of one generation, to the last digits of a float.

In the basis (ν, N, S) the Majorana mass matrix is real and symmetric::

    [[0,         m_D,      eps_prime],
     [m_D,       mu_prime, Lambda   ],
     [eps_prime, Lambda,   mu       ]]

inverse seesaw (mu), linear seesaw (eps_prime), minimal radiative inverse seesaw (mu_prime); the type-I seesaw is
[[0, m_D], [m_D, Lambda]]. Signs are physical: those of mu, mu_prime and m_D · Lambda · eps_prime, up to all of them at
once. The light mass may lie tens of orders below the heavy ones: it is the root of the characteristic polynomial
that vanishes with m_D and eps_prime, and the coefficients are summed in twice the precision of a float.

NaN stands for what is not known: everything where a non-zero entry is outside `RANGE`, or where the terms of
the light mass cancel to 2⁻⁶⁴ of themselves; mixings where the light state is not mostly active, Σ|U_heavy|² ≥ 1/2.

Loops of the Higgs boson and the Z add to the light mass, at leading order in |U|²::

    δm = 1/(16π²v²) Σ_i (b·r_i)² h_i [F(h_i²/m_h²) + 3 F(h_i²/m_Z²)],   F(t) = ln(t)/(t - 1),

h_i and r_i the signed eigenvalues and the eigenvectors of the heavy block, b = (m_D, eps_prime); the sign is that of
the tree's -b M⁻¹ b. References: Pilaftsis, hep-ph/9901206; Grimus & Lavoura, hep-ph/0207229; Dev & Pilaftsis,
1209.4051. Several generations: `scanner.physics.seesaw_matrix`.
"""

from __future__ import annotations

import math

import numpy as np
from numba import types

from scanner.physics.kernel import kernel
from scanner.units import G_FERMI

_f8 = types.float64
_pair = types.UniTuple(_f8, 2)

HIGGS_VEV = 1 / math.sqrt(math.sqrt(2) * G_FERMI)
"""v [GeV], 246.22: a Yukawa coupling Y gives the Dirac mass Y v/√2."""

MAX_YUKAWA = math.sqrt(4 * math.pi)
"""Up to here a Yukawa coupling counts as perturbative."""

LOOP_FACTOR = 1 / (4 * math.pi * HIGGS_VEV) ** 2
"""1/(16π²v²) [GeV⁻²]."""

RANGE = (1e-60, 1e30)
"""Magnitudes [GeV] of non-zero parameters for which no intermediate result leaves the range of floats."""

_SPLITTER = 2.0**27 + 1
_LOST = 2.0**-64
_NEWTON_STEPS = 200  # monotone from the start, and quadratic in the end: a handful, but for near-double roots
_NEAR_ONE = 0.25
_SERIES_TERMS = 30  # of 0.25^n: below rounding


@kernel(_pair(_f8, _f8))
def _two_sum(a, b):  # type: ignore[no-untyped-def]
    """Return a + b and its rounding error (Knuth)."""
    total = a + b
    part = total - a
    return total, (a - (total - part)) + (b - part)


@kernel(_pair(_f8))
def _split(a):  # type: ignore[no-untyped-def]
    """Return the upper and the lower half of the digits of a (Veltkamp)."""
    scaled = _SPLITTER * a
    high = scaled - (scaled - a)
    return high, a - high


@kernel(_pair(_f8, _f8))
def _two_product(a, b):  # type: ignore[no-untyped-def]
    """Return a · b and its rounding error (Dekker)."""
    product = a * b
    a1, a2 = _split(a)
    b1, b2 = _split(b)
    return product, a2 * b2 - (((product - a1 * b1) - a2 * b1) - a1 * b2)


@kernel(_f8(_f8, _f8, _f8, _f8, _f8))
def _quadratic_form(a, b, x, y, z):  # type: ignore[no-untyped-def]
    """Return a²x + 2ab y + b²z to rounding however its terms cancel; NaN if they do to `_LOST`."""
    total, rest, size = 0.0, 0.0, 0.0
    for first, second, third in ((a, a, x), (2 * a, b, y), (b, b, z)):
        square, low = _two_product(first, second)
        term, error = _two_product(square, third)
        total, carry = _two_sum(total, term)
        rest += carry + (error + low * third)
        size += abs(term)
    total += rest
    return total if total == 0 or abs(total) > _LOST * size else np.nan


@kernel(_f8(_f8, _f8, _f8))
def _heavy_determinant(Lambda, mu, mu_prime):  # type: ignore[no-untyped-def]
    """Return mu · mu_prime - Lambda² to rounding."""
    first, low = _two_product(mu, mu_prime)
    second, error = _two_product(Lambda, Lambda)
    total, rest = _two_sum(first, -second)
    return total + (rest + (low - error))


@kernel(types.boolean(_f8))
def _in_range(value):  # type: ignore[no-untyped-def]
    return value == 0 or RANGE[0] <= abs(value) <= RANGE[1]


@kernel(_f8(_f8, _f8, _f8, _f8))
def _light_root(trace, second, determinant, heavy):  # type: ignore[no-untyped-def]
    """Root of x³ - trace x² + second x - determinant that goes to 0 with the Dirac masses; trace >= 0.

    heavy is the determinant of the heavy block. If it is positive the root is the lowest one, else the middle one;
    from these starts no inflection lies between, and Newton's iteration is monotone.
    """
    x = determinant / heavy if heavy > 0 else min(determinant / second, trace / 3)
    for _ in range(_NEWTON_STEPS):
        slope = (3 * x - 2 * trace) * x + second
        step = (((x - trace) * x + second) * x - determinant) / slope
        x -= step
        if abs(step) <= 2.0**-51 * abs(x):
            return x
    return np.nan


@kernel(_f8(_f8, _f8, _f8, _f8, _f8, _f8, _f8, _f8, _f8))
def _active_part(value, side, light, m, Lambda, mu, mu_prime, eps, root):  # type: ignore[no-untyped-def]
    """|U|² of the heavy state of eigenvalue `value`; side is positive if it is the upper one of the two.

    The eigenvector is (·, m a + Λ ε', Λ m + ε' b) with a = value - mu, b = value - mu_prime; the larger of the two is
    free of cancellations, and the other follows from the characteristic polynomial.
    """
    if m == 0 and eps == 0:
        return 0.0
    gap = mu_prime - mu
    larger = 0.5 * (math.copysign(root + abs(gap), side) - light)
    mixed = Lambda * Lambda + 2 * m * Lambda * eps / value
    if side * gap >= 0:
        a, b = larger, (mixed + m * m * larger / value) / (larger - eps * eps / value)
    else:
        a, b = (mixed + eps * eps * larger / value) / (larger - m * m / value), larger
    n, s = m * a + Lambda * eps, Lambda * m + eps * b
    active = (m * n + eps * s) / value
    return active * active / (active * active + n * n + s * s)


@kernel(types.UniTuple(_f8, 6)(_f8, _f8, _f8, _f8, _f8))
def inverse_seesaw(m_D, Lambda, mu, mu_prime, eps_prime):  # type: ignore[no-untyped-def]
    """Tree-level masses and mixings of one generation with N and S; the matrix is that of the module.

    Parameters
    ----------
    m_D, Lambda, mu, mu_prime, eps_prime : float
        Entries of the mass matrix [GeV]; Lambda positive, the others of either sign.

    Returns
    -------
    tuple of float
        Light mass m_ν (the signed eigenvalue; μ m_D²/Λ² for the inverse seesaw), masses of the two heavy
        Majorana states, the lighter one first, their splitting, all in GeV, and the |U|² of the two, in
        that order: (m_ν, m_1, m_2, splitting, |U_1|², |U_2|²). NaN where the module says so.

    Notes
    -----
    Masses and splitting are correct to 1e-14, and so is |U|², except that the contributions of m_D and eps_prime
    to it may cancel: then it is correct to 1e-14 of (m_D² + eps_prime²)/Λ².
    """
    fits = _in_range(m_D) and _in_range(Lambda) and _in_range(mu) and _in_range(mu_prime) and _in_range(eps_prime)
    if not (fits and Lambda > 0):
        return np.nan, np.nan, np.nan, np.nan, np.nan, np.nan
    heavy = _heavy_determinant(Lambda, mu, mu_prime)
    trace = mu + mu_prime
    sign = -1.0 if trace < 0 else 1.0
    determinant = _quadratic_form(m_D, eps_prime, -mu, Lambda, -mu_prime)
    dirac = m_D * m_D + eps_prime * eps_prime
    light = sign * _light_root(sign * trace, heavy - dirac, sign * determinant, heavy)
    total = trace - light
    product = heavy - dirac - light * total
    gap = mu_prime - mu
    root = math.sqrt(gap * gap + 4 * (Lambda * Lambda + dirac) + light * (2 * trace - 3 * light))
    upper = math.copysign(root, total)
    far = 0.5 * (total + upper)
    near = product / far
    splitting = abs(total) if product < 0 else root
    near_part = _active_part(near, -upper, light, m_D, Lambda, mu, mu_prime, eps_prime, root)
    far_part = _active_part(far, upper, light, m_D, Lambda, mu, mu_prime, eps_prime, root)
    if not near_part + far_part < 0.5:
        near_part, far_part = np.nan, np.nan
    return light, abs(near), abs(far), splitting, near_part, far_part


@kernel(types.UniTuple(_f8, 3)(_f8, _f8))
def type1_seesaw(m_D, Lambda):  # type: ignore[no-untyped-def]
    """Tree-level masses and mixing of the matrix [[0, m_D], [m_D, Lambda]].

    Parameters
    ----------
    m_D, Lambda : float
        [GeV]; Lambda positive.

    Returns
    -------
    tuple of float
        Light mass m_ν (the signed eigenvalue, -m_D²/Λ) and heavy mass [GeV], and |U|² of the heavy state, to
        rounding. NaN where the module says so.
    """
    if not (_in_range(m_D) and _in_range(Lambda) and Lambda > 0):
        return np.nan, np.nan, np.nan
    heavy = 0.5 * (Lambda + math.sqrt(Lambda * Lambda + 4 * m_D * m_D))
    light = -m_D * (m_D / heavy)
    return light, heavy, m_D * m_D / (m_D * m_D + heavy * heavy)


@kernel(_f8(_f8))
def loop_function(t):  # type: ignore[no-untyped-def]
    """F(t) = ln(t)/(t - 1), t > 0; F(1) = 1."""
    if t == 1:
        return 1.0
    return math.log1p(t - 1) / (t - 1) if 0.5 < t < 2 else math.log(t) / (t - 1)


@kernel(_f8(_f8, _f8))
def loop_slope(t1, t2):  # type: ignore[no-untyped-def]
    """(F(t1) - F(t2))/(t1 - t2) of `loop_function`, to rounding however close they are; F' where equal."""
    if abs(t1 - 1) < _NEAR_ONE and abs(t2 - 1) < _NEAR_ONE:
        total, symmetric, power, sign = 0.0, 1.0, 1.0, -1.0
        for n in range(1, _SERIES_TERMS):
            total += sign / (n + 1) * symmetric
            power *= t2 - 1
            symmetric = (t1 - 1) * symmetric + power
            sign = -sign
        return total
    # The one farther from 1 divides.
    if abs(math.log(t1)) < abs(math.log(t2)):
        t1, t2 = t2, t1
    return (loop_function(t1 / t2) / t2 - loop_function(t2)) / (t1 - 1)


@kernel(_f8(_f8, _f8, _f8, _f8, _f8))
def _difference(value, other, difference, total, boson):  # type: ignore[no-untyped-def]
    """F(value²/boson²) - F(other²/boson²), given value - other and value + other to their own precision."""
    slope = loop_slope((value / boson) ** 2, (other / boson) ** 2)
    return slope * (difference / boson) * (total / boson)


@kernel(_f8(_f8, _f8, _f8))
def _bosons(mass, higgs, z):  # type: ignore[no-untyped-def]
    return loop_function((mass / higgs) ** 2) + 3 * loop_function((mass / z) ** 2)


@kernel(_f8(_f8, _f8, _f8, _f8))
def type1_loop(m_D, Lambda, higgs, z):  # type: ignore[no-untyped-def]
    """One-loop light mass δm [GeV] of the type-I seesaw; it opposes the tree's -m_D²/Λ.

    Parameters
    ----------
    m_D, Lambda, higgs, z : float
        The matrix' entries, and the masses of the Higgs boson and the Z [GeV].
    """
    return LOOP_FACTOR * m_D * m_D * Lambda * _bosons(Lambda, higgs, z)


@kernel(_f8(_f8, _f8, _f8, _f8, _f8, _f8, _f8))
def inverse_loop(m_D, Lambda, mu, mu_prime, eps_prime, higgs, z):  # type: ignore[no-untyped-def]
    """One-loop light mass δm [GeV] of one generation with N and S, signed like the light mass of `inverse_seesaw`.

    Parameters
    ----------
    m_D, Lambda, mu, mu_prime, eps_prime, higgs, z : float
        The matrix' entries, and the masses of the Higgs boson and the Z [GeV].

    Notes
    -----
    The sum over both heavy states, Σ_i (b·r_i)² h_i g_i with b = (m_D, ε') and g_i the bosons' functions, cancels
    between the members of a quasi-Dirac pair, h_1 ≈ -h_2. Written as g_1 b·M b + (g_2 - g_1) h_2 (b·r_2)², with the
    difference taken analytically, it does not.
    """
    trace, gap = mu + mu_prime, mu_prime - mu
    root = math.sqrt(gap * gap + 4 * Lambda * Lambda)
    upper = math.copysign(root, trace)
    far = 0.5 * (trace + upper)
    near = _heavy_determinant(Lambda, mu, mu_prime) / far
    # r_2 = (near - mu, Lambda), or as well (Lambda, near - mu_prime): the one without cancellation.
    larger = 0.5 * math.copysign(root + abs(gap), -upper)
    along = m_D * larger + eps_prime * Lambda if -upper * gap >= 0 else m_D * Lambda + eps_prime * larger
    weight = along * along / (larger * larger + Lambda * Lambda)
    scale = LOOP_FACTOR * _quadratic_form(m_D, eps_prime, mu_prime, Lambda, mu) * _bosons(far, higgs, z)
    change = _difference(near, far, -upper, trace, higgs) + 3 * _difference(near, far, -upper, trace, z)
    return scale + LOOP_FACTOR * change * near * weight
