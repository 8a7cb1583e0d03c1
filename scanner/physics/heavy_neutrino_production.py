"""Production of a heavy neutrino N in decays of mesons, muons and taus.

**Every branching ratio is for unit |U_a|²**, and the same for a Dirac and for a Majorana N. It is linear in the
|U_a|², so a model contracts ``ratios[mode] @ (Ue4_sq, Umu4_sq, Utau4_sq)``. Each is the *measured* ratio of the
decay into a light neutrino times the ratio of the rates for N and for a massless neutrino, so that neither
decay constants, nor CKM elements, nor the normalisation of form factors enter; at small m, where a light
neutrino's chirality suppresses it, N's ratio is far above it (K → e N: 10⁵). Where a decay is closed its ratio
is exactly 0. Rates of (D, D_s) → l N with an unmeasured ratio are normalised to the muon's.

Modes are named ``parent->products``, where a parent stands for itself and its antiparticle, and KL for the sum
of both charges of the pion. In L → l ν N, U_L makes N the partner of L, U_l that of l: the two have the same
rate, but not the same spectrum. D → K̄⁰, K̄*⁰ are those of the charged D, D0 → K⁻, K*⁻ those of the neutral one. K̄*
and, from τ, ρ and K* have zero width: what theirs lets through beyond the kinematic limit is missed. Left out are
D → π, ρ, η, ω; D_s → η, η', K, K*, so that the sum over D_s modes is too small at low masses; τ → 3π N, and Kπ N
beyond the K*; charmed baryons and B.

References: Shrock, Phys. Rev. D 24 (1981) 1232; Gorbunov & Shaposhnikov, 0705.1729; Bondarenko et al.,
1805.08567; Ballett et al., 1905.00284.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from scanner.errors import InputError
from scanner.physics.heavy_neutrino_channels import FLAVOURS
from scanner.physics.heavy_neutrino_modes import (
    LEPTONIC,
    LEPTONS,
    MODES,
    PRODUCTION_INPUTS,
    TAU_PSEUDOSCALAR,
    TAU_VECTOR,
    TO_VECTOR,
    ProductionInputs,
    modes,
)
from scanner.physics.heavy_neutrino_modes import PARENTS as PARENTS
from scanner.physics.kernel import INPUT, INPUT_CUBE, INPUT_INDEX, INPUT_MATRIX, kernel
from scanner.physics.particles import MASS
from scanner.physics.phase_space import (
    NODES,
    gauss_legendre,
    pseudoscalar_shape,
    sqrt_lambda,
    three_fermions,
    vector_shape,
)

_f8 = types.float64


class ProductionTable(NamedTuple):
    """`modes` as the arrays that `fill_production` takes, in the order that it takes them."""

    kind: NDArray[np.int64]
    masses: NDArray[np.float64]
    """[GeV], of the parent, the lepton and the hadron."""
    coefficients: NDArray[np.float64]
    form_factors: NDArray[np.float64]
    nodes: NDArray[np.float64]
    weights: NDArray[np.float64]


@functools.lru_cache(maxsize=32)
def production_table(inputs: ProductionInputs = PRODUCTION_INPUTS) -> ProductionTable:
    """Return the read-only arrays of `modes`."""
    rows = modes(inputs)
    nodes, weights = gauss_legendre(NODES)
    form_factors = np.array([row.form_factors for row in rows])
    nodes.flags.writeable = weights.flags.writeable = form_factors.flags.writeable = False
    coefficients = np.empty((len(rows), len(FLAVOURS)))
    for i, row in enumerate(rows):
        measured = np.array([MASS[row.parent], MASS[row.measured_lepton], MASS[row.hadron]])
        coefficients[i] = row.flavours
        coefficients[i] *= row.measured / _rate(row.kind, 0.0, measured, form_factors[i], nodes, weights)
    table = ProductionTable(
        kind=np.array([row.kind for row in rows]),
        masses=np.array([[MASS[row.parent], MASS[row.lepton], MASS[row.hadron]] for row in rows]),
        coefficients=coefficients,
        form_factors=form_factors,
        nodes=nodes,
        weights=weights,
    )
    for array in table:
        array.flags.writeable = False
    return table


@kernel(_f8(_f8, _f8, _f8))
def two_body_momentum(parent, first, second):  # type: ignore[no-untyped-def]
    """Momentum [GeV] of either product of parent → first second at rest; 0 where it is closed.

    Parameters
    ----------
    parent, first, second : float
        Masses [GeV].
    """
    return 0.5 * parent * sqrt_lambda(parent, first, second)


@kernel(_f8(_f8, _f8, _f8))
def _leptonic_bracket(parent, lepton, m):  # type: ignore[no-untyped-def]
    """y_l + y_N - (y_l - y_N)², y = (mass/parent)², as a sum of positive terms where lepton + m < parent."""
    a, b = lepton / parent, m / parent
    above = (parent - max(lepton, m) - min(lepton, m)) / parent * (1 + a + b)
    return 2 * a * b + (a - b) ** 2 * above


@kernel(_f8(_f8, _f8, _f8))
def leptonic_shape(parent, lepton, m):  # type: ignore[no-untyped-def]
    """[y_l + y_N - (y_l - y_N)²] √λ(1, y_l, y_N) of meson → lepton N, y = (mass/parent)²; 0 where it is closed.

    Parameters
    ----------
    parent, lepton, m : float
        Masses [GeV]; m that of N.
    """
    root = sqrt_lambda(parent, lepton, m)
    if root == 0:
        return 0.0
    return _leptonic_bracket(parent, lepton, m) * root


@kernel(_f8(_f8, _f8, _f8))
def polarisation(parent, lepton, m):  # type: ignore[no-untyped-def]
    """Longitudinal polarisation of N in M⁺ → l⁺ N: -1 for m = 0, +1 where N is much the heavier; 0 if closed.

    The N (or N̄) of M⁻ → l⁻ N has the opposite sign.

    Parameters
    ----------
    parent, lepton, m : float
        Masses [GeV]; m that of N. Not both of the last two are zero.
    """
    root = sqrt_lambda(parent, lepton, m)
    if root == 0:
        return 0.0
    return (m - lepton) * (m + lepton) / parent**2 * root / _leptonic_bracket(parent, lepton, m)


@kernel(_f8(_f8, _f8, _f8, INPUT, INPUT))
def leptons_shape(parent, lepton, m, nodes, weights):  # type: ignore[no-untyped-def]
    """Phase-space integral I of L → l ν N, 1 for massless products; 0 where it is closed.

    Parameters
    ----------
    parent, lepton, m : float
        Masses [GeV]; m that of N, which may be zero.
    nodes, weights : float64[n]
        `gauss_legendre(NODES)`.
    """
    if m == 0:
        y = (lepton / parent) ** 2
        return 1 - 8 * y + 8 * y**3 - y**4 - 12 * y**2 * math.log(y)
    return three_fermions(parent, 0.0, lepton, m, nodes, weights)


@kernel(_f8(_f8, _f8, _f8, _f8, types.boolean))
def leptons_spectrum(energy, parent, lepton, m, on_parent):  # type: ignore[no-untyped-def]
    """dI/dE [GeV⁻¹] of N in L → l ν N with L at rest and unpolarised; I is that of `leptons_shape`.

    Parameters
    ----------
    energy : float
        Of N [GeV]; outside its range the spectrum is 0.
    parent, lepton, m : float
        Masses [GeV]; m that of N.
    on_parent : bool
        Whether N is the partner of L (through U_L), rather than of l (through U_l).

    Notes
    -----
    With r = m_l²/q² of the pair that N recoils against, q² = M² + m² - 2ME, and in units of G_F²M⁵/192π³::

        on the parent's line:   16/M⁶ p (1-r)² [(1-r) q² M E + 2 (1+2r) M (M-E)(M E - m²)]
        on the daughter's line: 96/M⁵ p (1-r)² E q²
    """
    if not energy > m:
        return 0.0
    # q² - m_l² = 2M (E_max - E)
    above = 2 * parent * (((parent - lepton) * (parent + lepton) + m * m) / (2 * parent) - energy)
    if not above > 0:
        return 0.0
    q2 = above + lepton**2
    r, p = lepton**2 / q2, math.sqrt((energy - m) * (energy + m))
    phase_space = p * (above / q2) ** 2
    if not on_parent:
        return 96 / parent**5 * phase_space * energy * q2
    tensor = above * energy + 2 * (1 + 2 * r) * (parent - energy) * (parent * energy - m * m)
    return 16 / parent**5 * phase_space * tensor


@kernel(_f8(INPUT, _f8))
def form_factor(parameters, q2):  # type: ignore[no-untyped-def]
    """f(q²) = (f(0) + c v(q²)) / (1 - P q²).

    Parameters
    ----------
    parameters : float64[5]
        f(0), c, P [GeV⁻²], t₊ and t₊ - t₀ [GeV²]: v = q² where t₊ = 0, else -(z - z₀)(1 + (z + z₀)/2) with
        z = (√(t₊-q²) - √(t₊-t₀)) / (√(t₊-q²) + √(t₊-t₀)) and z₀ that of q² = 0.
    q2 : float
        [GeV²].
    """
    value, slope, pole, branch, centre = parameters
    v = q2
    if branch > 0:
        at, here, start = math.sqrt(centre), math.sqrt(branch - q2), math.sqrt(branch)
        z, z0 = (here - at) / (here + at), (start - at) / (start + at)
        v = -(z - z0) * (1 + 0.5 * (z + z0))
    return (value + slope * v) / (1 - pole * q2)


@kernel(types.UniTuple(_f8, 2)(types.int64, _f8, _f8, _f8, _f8, INPUT_MATRIX))
def hadron_current(kind, parent, hadron, q2, lam, form_factors):  # type: ignore[no-untyped-def]
    """Squares of the helicity amplitudes [GeV²] of parent → hadron: H₀² + H₊² + H₋², and H_t² of spin 0.

    Parameters
    ----------
    kind : int
        TO_VECTOR, or else TO_PSEUDOSCALAR.
    parent, hadron : float
        Masses [GeV].
    q2, lam : float
        q² [GeV²], and λ(parent², hadron², q²) [GeV⁴].
    form_factors : float64[4, 5]
        Of a `Mode`.
    """
    first, second = form_factor(form_factors[0], q2), form_factor(form_factors[1], q2)
    if kind != TO_VECTOR:
        return lam / q2 * first**2, ((parent - hadron) * (parent + hadron) * second) ** 2 / q2
    axial, other = form_factor(form_factors[2], q2), form_factor(form_factors[3], q2)
    total = parent + hadron
    transverse = 2 * ((total * axial) ** 2 + lam * (first / total) ** 2)
    recoil = (parent - hadron) * total - q2
    longitudinal = (recoil * total * axial - lam / total * other) / (2 * hadron)
    return transverse + longitudinal**2 / q2, lam / q2 * second**2


@kernel(_f8(types.int64, INPUT, _f8, types.boolean, INPUT_MATRIX, INPUT, INPUT))
def _half(kind, masses, m, from_top, form_factors, nodes, weights):  # type: ignore[no-untyped-def]
    """Integrate over the lower or the upper half of q², each started from its own end as in `phase_space`."""
    parent, lepton, hadron = masses
    width = (parent - hadron - lepton - m) * (parent - hadron + lepton + m)
    # √λ of the leptons is √(y (y + 4 l m)), which for a massless N is y, and varies over l².
    bottom = lepton * m if m > 0 else 0.25 * lepton**2
    near = parent * hadron if from_top else bottom
    half = math.asinh(math.sqrt(0.5 * width / (4 * near)))  # of the range of t, y = 4 near sinh²(t/2)
    total = 0.0
    for i in range(nodes.size):
        t = half * (nodes[i] + 1)
        y = 4 * near * math.sinh(0.5 * t) ** 2
        above, below = (width - y, y) if from_top else (y, width - y)  # the bottom, the top of the q² range
        q2 = (lepton + m) ** 2 + above
        lam = below * (below + 4 * parent * hadron)
        spin1, spin0 = hadron_current(kind, parent, hadron, q2, lam, form_factors)
        # Both of positive terms: the (2q² - l² - m² - (l²-m²)²/q²)/6 and (l² + m² - (l²-m²)²/q²)/2 of a V-A pair.
        helicity = (lepton - m) ** 2 * above / q2
        pair = (lepton * m + above / 3 + helicity / 6) * spin1 + (lepton * m + 0.5 * helicity) * spin0
        roots = math.sqrt(lam * above * (above + 4 * lepton * m))
        total += weights[i] * 2 * near * math.sinh(t) * roots / q2 * pair
    return half * total


@kernel(_f8(types.int64, INPUT, _f8, INPUT_MATRIX, INPUT, INPUT))
def semileptonic_shape(kind, masses, m, form_factors, nodes, weights):  # type: ignore[no-untyped-def]
    """∫ dq² of parent → hadron lepton N [GeV⁸]: the width is G_F²|V|²/(64π³M³) times it; 0 where it is closed.

    Parameters
    ----------
    kind : int
        TO_VECTOR, or else TO_PSEUDOSCALAR.
    masses : float64[3]
        Of the parent, the lepton and the hadron [GeV], none zero.
    m : float
        Mass of N [GeV], which may be zero.
    form_factors : float64[4, 5]
        Of a `Mode`.
    nodes, weights : float64[n]
        `gauss_legendre(NODES)`.
    """
    if not masses[0] - masses[2] - masses[1] - m > 0:
        return 0.0
    lower = _half(kind, masses, m, False, form_factors, nodes, weights)
    return lower + _half(kind, masses, m, True, form_factors, nodes, weights)


@kernel(_f8(types.int64, _f8, INPUT, INPUT_MATRIX, INPUT, INPUT))
def _rate(kind, m, masses, form_factors, nodes, weights):  # type: ignore[no-untyped-def]
    """Rate of a mode, up to a factor that does not depend on m or on the lepton."""
    parent, lepton, hadron = masses
    if kind == LEPTONIC:
        return leptonic_shape(parent, lepton, m)
    if kind == TAU_PSEUDOSCALAR:
        return pseudoscalar_shape(parent, m, hadron)
    if kind == TAU_VECTOR:
        return vector_shape(parent, m, hadron)
    if kind == LEPTONS:
        return leptons_shape(parent, lepton, m, nodes, weights)
    return semileptonic_shape(kind, masses, m, form_factors, nodes, weights)


@kernel(types.void(_f8, INPUT_INDEX, INPUT_MATRIX, INPUT_MATRIX, INPUT_CUBE, INPUT, INPUT, types.float64[:, ::1]))
def fill_production(m, kind, masses, coefficients, form_factors, nodes, weights, out):  # type: ignore[no-untyped-def]
    """Fill out with branching ratios for unit |U_a|²: ``fill_production(m, *production_table(), out)``.

    Parameters
    ----------
    m : float
        Mass of N [GeV], not negative.
    kind, masses, coefficients, form_factors, nodes, weights
        The arrays of a `ProductionTable`.
    out : float64[mode, flavour]
        One row a mode of `MODES`, one column a flavour a of |U_a|².
    """
    for row in range(kind.size):
        rate = _rate(kind[row], m, masses[row], form_factors[row], nodes, weights)
        for a in range(3):
            out[row, a] = coefficients[row, a] * rate


def production_ratios(mass: float, inputs: ProductionInputs = PRODUCTION_INPUTS) -> dict[str, NDArray[np.float64]]:
    """Branching ratios of the decays into N for unit |U_a|², by mode.

    Parameters
    ----------
    mass
        Of N [GeV]; 0 returns the ratios of a light neutrino.
    inputs
        Measured ratios and form factors; their defaults are the recommended ones.

    Returns
    -------
    dict[str, float64[3]]
        Ratios for a = e, mu, tau; every name of `MODES`, closed ones with zeros. They may exceed 1.

    Examples
    --------
    >>> ratios = production_ratios(0.3)
    >>> [name for name, ratio in ratios.items() if name.startswith("K->") and ratio.any()]
    ['K->e N', 'K->mu N', 'K->pi0 e N']
    >>> print("%.3g" % (ratios["K->e N"][0] / 1.582e-5))
    1.37e+05
    """
    if not 0 <= mass < math.inf:
        raise InputError("m_N", "a mass must be finite and not negative", mass, "m_N >= 0 GeV")
    out = np.empty((len(MODES), len(FLAVOURS)))
    fill_production(mass, *production_table(inputs), out)
    return dict(zip(MODES, out, strict=True))
