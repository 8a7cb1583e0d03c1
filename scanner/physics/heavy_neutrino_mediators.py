"""Decays of a heavy neutrino N through a light mediator: N → ν X, X → anything, from contact to on-shell.

One integral over the mass² s of X holds everything, whether X is heavier than N, lighter, or just as heavy::

    Γ_k = ∫ ds/π Γ(N → ν X; s) I_k(s) / ((s - M²)² + I(s)²),  I_k(s) = √s Γ(X → k; s),  I = Σ_k I_k

As the widths run with s nothing is singular, not even for M at a threshold, and what is on-shell sums to
Γ(N → ν X; M²). **Widths are those of a Dirac N**; for a Majorana N multiply them by 2.

*Dark photon.* L = Z′_μ (V_a ν̄_a γ^μ P_L N + h.c. + e ε J_em^μ), with V_a = -g_D |U_D4|² U_a4 by unitarity, so that
ε > 0 adds to g_L and g_R of the charged leptons; ε may be negative. Z′ and Z interfere in e⁺e⁻ and μ⁺μ⁻. Hadrons
follow R(s), and are listed with the same hadrons from weak decays; the interference with those is left out, an
error of the order of the smaller amplitude over the larger one. Z′ decays where N does. Its invisible decays have
the branching ratio BR_inv at s = M², and run as those into massless particles. Where Z′ has no visible decay
(below 2 m_e, or for ε = 0) all of N → ν Z′ is invisible, whatever BR_inv. Right for M far below m_Z.

*Scalar.* L = y_a ν̄_a P_R N S + h.c. + g_e S ē e + g_mu S μ̄ μ - (g_gamma/4) S F F. S and Z do not interfere in a width,
as their charge parities differ. S decays where N does, and into nothing else: not through loops either. Where
nothing is open to it, it is invisible.

References: Ballett, Hostert & Pascoli, 1903.07589 (dark photon); Dutta, Ghosh & Li, 2006.01319 (scalar). The
formulas were derived anew, and are tested against traces of Dirac matrices integrated over phase space.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from scanner.errors import InputError
from scanner.physics.hadronic_ratio import hadron_table, hadronic_parts, narrow_resonances
from scanner.physics.heavy_neutrino_channels import INPUTS, WeakInputs
from scanner.physics.heavy_neutrino_dark import PAIRS, VectorWidths, released_share, vector_coupling
from scanner.physics.heavy_neutrino_decays import BLEND
from scanner.physics.kernel import INPUT, kernel
from scanner.physics.particles import MASS
from scanner.physics.phase_space import gauss_legendre
from scanner.units import ALPHA_EM, G_FERMI

_f8 = types.float64

PANEL_NODES = 10
"""Of each panel of the integral over s: no singularity is nearer to a panel than its length, which gives 1e-11."""

SMALLEST_COUPLING = 1e-50
"""Of a mediator: a smaller one counts as 0."""

VECTOR, SCALAR = range(2)

VECTOR_CHANNELS = ("nu_e_e", "nu_mu_mu", "nu_rho", "nu_omega", "nu_phi", "nu_q_q", "nu_Zprime")
"""Channels that a dark photon makes, in the order of the kernels; the last one is that of its invisible decays."""

SCALAR_PRODUCTS = ("e_e", "mu_mu", "gamma_gamma")
"""What a scalar decays into, in the order of the kernels."""

_VISIBLE = 6


class ExchangeTables(NamedTuple):
    """What the kernels take beside masses and couplings."""

    lepton_thresholds: NDArray[np.float64]
    """Twice the masses of e, μ, τ [GeV]."""
    hadrons: NDArray[np.float64]
    marks: NDArray[np.float64]
    """Where the integrand is not analytic, or has a narrow resonance [GeV]."""
    extents: NDArray[np.float64]
    """Mass times width of that resonance [GeV²], or 0."""
    nodes: NDArray[np.float64]
    weights: NDArray[np.float64]


@functools.lru_cache(maxsize=32)
def exchange_tables(kind: int, inputs: WeakInputs) -> ExchangeTables:
    """Return what kernels of the exchange of a VECTOR or a SCALAR take, as read-only arrays."""
    thresholds = [2 * MASS[lepton] for lepton in ("e", "mu", "tau")]
    marks = {0.0: 0.0} | dict.fromkeys(thresholds, 0.0)
    if kind == VECTOR:
        marks |= dict.fromkeys((2 * MASS["pi"], *BLEND), 0.0)
        marks |= {found.mass: found.mass * found.width for found in narrow_resonances(inputs)}
    where, extents = np.array(list(marks)), np.array(list(marks.values()))
    tables = ExchangeTables(np.array(thresholds), hadron_table(inputs), where, extents, *gauss_legendre(PANEL_NODES))
    for array in tables:
        array.flags.writeable = False
    return tables


@kernel(_f8(_f8, _f8, _f8))
def above(anchor, offset, threshold):  # type: ignore[no-untyped-def]
    """Return s - threshold² for s = anchor² + offset: exact where anchor and threshold are close or the same."""
    return (anchor - threshold) * (anchor + threshold) + offset


@kernel(_f8(types.int64, _f8, _f8, INPUT, INPUT, INPUT, _f8[::1]))
def _cuts(kind, anchor, offset, couplings, thresholds, hadrons, cuts):  # type: ignore[no-untyped-def]
    """Fill I_k(s) [GeV²] at s = anchor² + offset; return their sum, in which, for a vector, τ⁺τ⁻ is too.

    Parameters
    ----------
    couplings : float64[n]
        Of a vector α ε²/3, and the invisible decays in units of those to a massless lepton pair; of a scalar
        g_e, g_mu, g_gamma [GeV⁻¹].
    """
    s = anchor**2 + offset
    cuts[:] = 0.0
    if kind == SCALAR:
        for i in range(2):
            velocity = math.sqrt(max(above(anchor, offset, thresholds[i]), 0.0) / s)
            cuts[i] = couplings[i] ** 2 * s * velocity**3 / (8 * math.pi)
        cuts[2] = (couplings[2] * s) ** 2 / (64 * math.pi)
        return cuts[0] + cuts[1] + cuts[2]
    unit, total = couplings[0] * s, 0.0
    for i in range(3):
        velocity = math.sqrt(max(above(anchor, offset, thresholds[i]), 0.0) / s)
        pair = unit * velocity * (1.5 - 0.5 * velocity**2)
        total += pair
        if i < 2:
            cuts[i] = pair
    parts = hadronic_parts(s, above(anchor, offset, 2 * hadrons[5]), hadrons)
    for i in range(4):
        cuts[2 + i] = unit * parts[i]
        total += cuts[2 + i]
    cuts[_VISIBLE] = unit * couplings[1]
    return total + cuts[_VISIBLE]


@kernel(_f8(types.int64, _f8, INPUT, INPUT, INPUT, _f8[::1]))
def _pole_extent(kind, mediator, couplings, thresholds, hadrons, cuts):  # type: ignore[no-untyped-def]
    """Order of magnitude of |s - M²| [GeV²] over which the propagator changes: the root of y = I(M² + y)."""
    extent = mediator**2
    for _ in range(60):
        before, extent = extent, _cuts(kind, mediator, extent, couplings, thresholds, hadrons, cuts)
        if abs(extent - before) <= 0.01 * extent:
            break
    return extent


@kernel(_f8(_f8, _f8[::1], _f8[::1]))
def scale_at(mark, marks, extents):  # type: ignore[no-untyped-def]
    """Distance [GeV²] from mark² to the nearest singularity of the integrand, in the complex plane of s."""
    nearest = mark**2 if mark > 0 else np.inf
    for j in range(marks.size):
        gap = abs(above(mark, 0.0, marks[j]))
        if gap == 0:
            nearest = min(nearest, extents[j] if extents[j] > 0 else np.inf)
        else:
            # A threshold that a pole overlaps puts a zero of the propagator's denominator at gap²/extent from it.
            nearest = min(nearest, gap, gap**2 / extents[j])
    return nearest


@kernel(
    types.void(
        types.int64, _f8, _f8, _f8, _f8, _f8, _f8, INPUT, INPUT, INPUT, INPUT, INPUT, _f8[::1], types.float64[:, ::1]
    )
)
def _add_half(  # type: ignore[no-untyped-def]
    kind, m, mediator, anchor, sign, extent, scale, couplings, thresholds, hadrons, nodes, weights, cuts, out
):
    """Add the integral over s = anchor² + sign·w², 0 < w² < extent, in panels that double in size from w = 0.

    No root of s is left at the anchor, and a structure of whatever scale there has panels of its own size.
    """
    doublings = max(1.0, math.ceil(0.5 * math.log2(extent / scale)) + 1)
    start, stop = 0.0, math.sqrt(extent) * 0.5**doublings
    for _ in range(int(doublings) + 1):
        half = 0.5 * (stop - start)
        for i in range(nodes.size):
            w = start + half * (nodes[i] + 1)
            offset = sign * w * w
            total = _cuts(kind, anchor, offset, couplings, thresholds, hadrons, cuts)
            if total == 0:
                continue
            left = -above(anchor, offset, m) / m**2
            density = 2 * w * half * weights[i] * left**2
            if kind == VECTOR:
                density *= (3 - 2 * left) / (anchor**2 + offset)
            # 1/(x² + total²) would leave the range of floating-point numbers for the smallest couplings.
            x = above(anchor, offset, mediator)
            larger = max(abs(x), total)
            a, b = x / larger, total / larger
            real, imaginary = -a / ((a * a + b * b) * larger), b / ((a * a + b * b) * larger)
            for k in range(cuts.size):
                out[0, k] += density * real * cuts[k]
                out[1, k] += density * imaginary * (cuts[k] / total)
        start, stop = stop, 2 * stop


@kernel(types.void(types.int64, _f8, _f8, INPUT, INPUT, INPUT, INPUT, INPUT, INPUT, INPUT, types.float64[:, ::1]))
def fill_exchange(  # type: ignore[no-untyped-def]
    kind, m, mediator, couplings, thresholds, hadrons, marks, extents, nodes, weights, out
):
    """Fill out with integrals over the mass² of a mediator, up to m².

    Parameters
    ----------
    kind : int
        VECTOR or SCALAR, with x = s/m² and F = (1-x)² (1+2x)/s [GeV⁻²] or F = (1-x)².
    m, mediator : float
        Masses of N and of the mediator M [GeV].
    couplings : float64[n]
        See `_cuts`.
    thresholds, hadrons, marks, extents, nodes, weights : float64[n]
        The arrays of a `ExchangeTables`.
    out : float64[2, channels]
        ∫ ds F I_k (M² - s)/D in its first row, and ∫ ds F I_k/D in its second, D = (s - M²)² + I².
    """
    out[:, :] = 0.0
    cuts = np.empty(out.shape[1])
    known = marks.size
    places, scales = np.empty(known + 2), np.zeros(known + 2)
    places[:known], scales[:known] = marks, extents
    places[known], places[known + 1] = m, mediator
    scales[known + 1] = _pole_extent(kind, mediator, couplings, thresholds, hadrons, cuts)
    ordered = np.sort(places)
    for i in range(ordered.size - 1):
        low, high = ordered[i], ordered[i + 1]
        if not low < high <= m:
            continue
        extent = 0.5 * (high - low) * (high + low)
        for anchor, sign in ((low, 1.0), (high, -1.0)):
            scale = scale_at(anchor, places, scales)
            _add_half(
                kind, m, mediator, anchor, sign, extent, scale,
                couplings, thresholds, hadrons, nodes, weights, cuts, out,
            )  # fmt: skip


class DarkPhoton(NamedTuple):
    """A dark photon Z′."""

    mass: float
    """[GeV]."""
    alpha_D: float
    """g_D²/4π."""
    epsilon: float
    """Kinetic mixing, of either sign."""
    BR_inv: float = 0.0
    """Branching ratio of invisible decays, below 1."""


class Scalar(NamedTuple):
    """A scalar S."""

    mass: float
    """[GeV]."""
    g_e: float = 0.0
    g_mu: float = 0.0
    g_gamma: float = 0.0
    """[GeV⁻¹]."""


def _exchange(kind: int, m: float, mediator: float, couplings: list[float], inputs: WeakInputs) -> NDArray[np.float64]:
    out = np.empty((2, len(VECTOR_CHANNELS) if kind == VECTOR else len(SCALAR_PRODUCTS)))
    fill_exchange(kind, m, mediator, np.array(couplings), *exchange_tables(kind, inputs), out)
    return out


def _running(kind: int, mediator: float, couplings: list[float], inputs: WeakInputs) -> float:
    """I(M²) [GeV²]."""
    tables = exchange_tables(kind, inputs)
    cuts = np.empty(len(VECTOR_CHANNELS) if kind == VECTOR else len(SCALAR_PRODUCTS))
    return float(_cuts(kind, mediator, 0.0, np.array(couplings), tables.lepton_thresholds, tables.hadrons, cuts))


def to_vector_width(mass: float, mediator: float) -> float:
    """Width of N → ν Z′ [GeV], on-shell, for |V_a| = 1; 0 where it is closed."""
    left = released_share(mass, mediator, "m_Zprime")
    return mass**3 / (32 * math.pi * mediator**2) * left**2 * (3 - 2 * left)


def to_scalar_width(mass: float, mediator: float) -> float:
    """Width of N → ν S [GeV], on-shell, for |y_a| = 1; 0 where it is closed."""
    return mass / (32 * math.pi) * released_share(mass, mediator, "m_S") ** 2


def _share_below_threshold(mediator: float, strength: float) -> float:
    """Part of the spectral function of a Z′ below 2 m_e that is at its pole, not in e⁺e⁻.

    It is all but 1, except within a relative (α ε²)² of the threshold, where at last all goes to e⁺e⁻.
    """
    threshold = 2 * MASS["e"]
    # Near the threshold y = 0 the inverse propagator is y + gap + c √-y.
    gap, c = (threshold - mediator) * (threshold + mediator), 1.5 * strength * threshold
    root = 2 * gap / (c + math.sqrt(c**2 + 4 * gap))
    return 2 * root / (2 * root + c)


def dark_photon_widths(mass: float, mediator: DarkPhoton, inputs: WeakInputs = INPUTS) -> VectorWidths:
    """Widths through a dark photon, by the channels of VECTOR_CHANNELS.

    Parameters
    ----------
    mass
        Of N [GeV], up to 2 m_τ.
    mediator
        The dark photon.
    inputs
        sin²θ_W of the Z that it interferes with, and couplings of vector mesons.

    Returns
    -------
    VectorWidths
        For unit |U_a|² and |U_D4|² = 1: `interference` goes as |U_a|² |U_D4|², `square` as |U_a|² |U_D4|⁴.

    Raises
    ------
    InputError
        For a mass that is none, or for BR_inv = 1: its width would be infinite for any epsilon but 0.
    """
    if not 0 <= mediator.BR_inv < 1:
        raise InputError(
            "BR_inv", "not the branching ratio of a Z′ that has others too", mediator.BR_inv, "0 to 1, without 1"
        )
    dark = 4 * math.pi * mediator.alpha_D
    on_shell = dark * to_vector_width(mass, mediator.mass)
    if abs(mediator.epsilon) < SMALLEST_COUPLING:
        return VectorWidths({}, {"nu_Zprime": on_shell})
    strength = ALPHA_EM * mediator.epsilon**2 / 3
    visible = _running(VECTOR, mediator.mass, [1.0, 0.0], inputs) / mediator.mass**2
    invisible = mediator.BR_inv / (1 - mediator.BR_inv) * visible
    mixed, alone = _exchange(VECTOR, mass, mediator.mass, [strength, invisible], inputs)
    unit = dark * mass**3 / (32 * math.pi**2)
    square = {channel: unit * float(value) for channel, value in zip(VECTOR_CHANNELS, alone, strict=True)}
    if visible == 0:
        square["nu_Zprime"] = on_shell * _share_below_threshold(mediator.mass, strength)
    # 4 K0 (g_L + g_R) V_a V_l/(2√2 G_F U_a4) for the unit of R, K0 = G_F² m⁵/192π³.
    charges = math.sqrt(dark) * math.sqrt(4 * math.pi * ALPHA_EM) * mediator.epsilon
    unit = G_FERMI * mass**3 / (192 * math.pi**3) * math.sqrt(2) * charges / strength
    interference = {
        channel: unit * mixed[k] * vector_coupling(lepton, inputs) for k, (channel, lepton) in enumerate(PAIRS)
    }
    return VectorWidths(interference, square)


def scalar_widths(mass: float, mediator: Scalar) -> dict[str, float]:
    """Widths of N → ν S(*) by the products of S, for unit |y_a|².

    Parameters
    ----------
    mass
        Of N [GeV].
    mediator
        The scalar.

    Returns
    -------
    dict[str, float]
        Widths [GeV] by SCALAR_PRODUCTS, and as ``invisible`` that of a stable S.
    """
    on_shell = to_scalar_width(mass, mediator.mass)
    couplings = [g if abs(g) > SMALLEST_COUPLING else 0.0 for g in mediator[1:]]
    stable = _running(SCALAR, mediator.mass, couplings, INPUTS) == 0
    alone = _exchange(SCALAR, mass, mediator.mass, couplings, INPUTS)[1] * mass / (32 * math.pi**2)
    widths = {product: float(width) for product, width in zip(SCALAR_PRODUCTS, alone, strict=True)}
    return widths | {"invisible": on_shell if stable else 0.0}
