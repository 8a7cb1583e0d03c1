"""Decays N → N′ Z′(*) and N → ν Z′(*) through a vector of any couplings, and what Z′ itself decays into.

As in `scanner.physics.heavy_neutrino_mediators` one integral over the mass² s of Z′ holds everything from contact to
on-shell; here the daughter may be massive, the charged leptons may couple to Z′ axially, and Z′ decays into dark
neutrinos too::

    Γ_k = ∫ ds/π Γ(N → N′ Z′; s) I_k(s) / ((s - M²)² + I(s)²),  I_k(s) = √s Γ(Z′ → k; s),  I = Σ_k I_k
    Γ(N → N′ Z′; s) = p/(16π m²) V² [(D² - s)(S² + 2s)/s + 6 m m′],  p = √((D² - s)(S² - s))/2m,

for a Dirac N, with D = m - m′ and S = m + m′. A Majorana N has twice the bracket, with 12 m m′ instead of 6: N and N′
have real mixings, so the same CP parity, and their current is axial. For N′ = ν it has twice the width.

L = Z′_μ [V N̄′ γ^μ P_L N + h.c. + V_p p̄ γ^μ p + V_n n̄ γ^μ n + Σ_l l̄ γ^μ (V_l + A_l γ5) l]; a dark photon of kinetic
mixing ε has V_p = e ε = -V_l, V_n = A_l = 0. Hadrons follow R(s), each quark with the coupling that V_p and V_n give it
(s as d, and charm with the light ones). Left out are

- the part of A_l that couples to the divergence of the current of N, of order A_l² m_l² m²/M⁴ where the rest is
  A_l² and not resonant: it depends on how Z′ gets its mass;
- the exchange of equal particles between N′ and the products of Z′ (N → ν N′ N̄′, N → N′ N′ N̄′): right where Z′ is
  on its shell.

References: Ballett, Hostert & Pascoli, 1903.07589; Abdullahi et al., 2207.04137 (DarkNews). The formulas were derived
anew.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from scanner.errors import InputError
from scanner.physics.hadronic_ratio import hadronic_parts
from scanner.physics.heavy_neutrino_channels import INPUTS
from scanner.physics.heavy_neutrino_dark import checked_mass
from scanner.physics.heavy_neutrino_mediators import (
    SMALLEST_COUPLING,
    VECTOR,
    above,
    exchange_tables,
    scale_at,
)
from scanner.physics.kernel import INPUT, INPUT_MATRIX, kernel
from scanner.physics.particles import MASS

_f8 = types.float64

LEPTONS = ("e", "mu", "tau")
PRODUCTS = ("e_e", "mu_mu", "tau_tau", "rho", "omega", "phi", "q_q", "invisible")
"""What Z′ decays into beside dark neutrinos, in the order of the kernels; ``rho`` is π⁺π⁻."""

_HADRONS, _INVISIBLE = 3, 7


class DarkPair(NamedTuple):
    """Two neutral fermions that Z′ decays into."""

    first: float
    """Mass [GeV]."""
    second: float
    """Mass [GeV]."""
    strength: float
    """Γ = strength · M/24π where both are massless: |V_ii|² of N_i N_i, 2 |V_ij|² of N_i N_j and of ν N_j."""
    majorana: bool = False


class VectorMediator(NamedTuple):
    """A vector Z′ with its couplings."""

    mass: float
    """[GeV]."""
    V_l: float = 0.0
    """To each charged lepton."""
    A_l: float = 0.0
    """To each charged lepton, axial."""
    V_p: float = 0.0
    V_n: float = 0.0
    BR_inv: float = 0.0
    """Of decays into what is neither visible nor one of `pairs`, where only they and visible ones are open; below 1."""
    pairs: Mapping[str, DarkPair] = {}
    """Dark decays by name."""


@kernel(_f8(_f8, _f8, _f8, _f8, _f8, types.boolean))
def _pair_share(anchor, offset, s, first, second, majorana):  # type: ignore[no-untyped-def]
    """Width of Z′ → two fermions over that of massless ones, at s = anchor² + offset; 0 where it is closed.

    Notes
    -----
    With a, b = masses/√s it is √λ(1, a², b²) [(1 - (a+b)²)(1 + (a-b)²/2) + 3ab], for Majorana fermions without 3ab.
    """
    open_by = above(anchor, offset, first + second)
    if not open_by > 0:
        return 0.0
    difference = first - second
    rest = above(anchor, offset, abs(difference))
    bracket = open_by * (1 + 0.5 * difference**2 / s)
    if not majorana:
        bracket += 3 * first * second
    return math.sqrt(open_by * rest) * bracket / s**2


@kernel(_f8(_f8, _f8, INPUT, INPUT_MATRIX, INPUT, INPUT, _f8[::1]))
def _cuts(anchor, offset, strengths, pairs, thresholds, hadrons, cuts):  # type: ignore[no-untyped-def]
    """Fill I_k(s) [GeV²] at s = anchor² + offset for PRODUCTS and the pairs; return their sum.

    Parameters
    ----------
    strengths : float64[7]
        V_l², A_l², the factors of the four parts of R(s), and the invisible decays: I = s/12π times that.
    pairs : float64[n, 4]
        Of each `DarkPair`.
    """
    s = anchor**2 + offset
    unit, total = s / (12 * math.pi), 0.0
    for i in range(3):
        velocity = math.sqrt(max(above(anchor, offset, thresholds[i]), 0.0) / s)
        cuts[i] = unit * velocity * (strengths[0] * (1.5 - 0.5 * velocity**2) + strengths[1] * velocity**2)
        total += cuts[i]
    parts = hadronic_parts(s, above(anchor, offset, 2 * hadrons[5]), hadrons)
    for i in range(4):
        cuts[_HADRONS + i] = unit * strengths[2 + i] * parts[i]
        total += cuts[_HADRONS + i]
    cuts[_INVISIBLE] = unit * strengths[6]
    total += cuts[_INVISIBLE]
    for i in range(pairs.shape[0]):
        share = _pair_share(anchor, offset, s, pairs[i, 0], pairs[i, 1], pairs[i, 3] > 0)
        cuts[_INVISIBLE + 1 + i] = 0.5 * unit * pairs[i, 2] * share
        total += cuts[_INVISIBLE + 1 + i]
    return total


@kernel(_f8(_f8, INPUT, INPUT_MATRIX, INPUT, INPUT, _f8[::1]))
def _pole_extent(mediator, strengths, pairs, thresholds, hadrons, cuts):  # type: ignore[no-untyped-def]
    """Order of magnitude of |s - M²| [GeV²] over which the propagator changes: the root of y = I(M² + y)."""
    extent = mediator**2
    for _ in range(60):
        before, extent = extent, _cuts(mediator, extent, strengths, pairs, thresholds, hadrons, cuts)
        if abs(extent - before) <= 0.01 * extent:
            break
    return extent


@kernel(_f8(_f8, _f8, _f8, _f8, types.boolean))
def two_body(m, daughter, s, below, majorana):  # type: ignore[no-untyped-def]
    """Width [GeV] of N → N′ Z′ for |V| = 1 and a Z′ of mass² s = D² - below, D = m - daughter."""
    total, product = m + daughter, m * daughter
    momentum = math.sqrt(below * (below + 4 * product)) / (2 * m)
    bracket = below * (total**2 / s + 2) + 6 * product
    if majorana:
        bracket = 2 * (bracket + 6 * product)
    return momentum * bracket / (16 * math.pi * m**2)


@kernel(
    types.void(
        _f8, _f8, types.boolean, _f8, _f8, _f8, _f8, _f8,
        INPUT, INPUT_MATRIX, INPUT, INPUT, INPUT, INPUT, _f8[::1], _f8[::1],
    )
)  # fmt: skip
def _add_half(  # type: ignore[no-untyped-def]
    m, daughter, majorana, mediator, anchor, sign, extent, scale,
    strengths, pairs, thresholds, hadrons, nodes, weights, cuts, out,
):  # fmt: skip
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
            total = _cuts(anchor, offset, strengths, pairs, thresholds, hadrons, cuts)
            below = -above(anchor, offset, m - daughter)
            if total == 0 or not below > 0:
                continue
            width = two_body(m, daughter, anchor**2 + offset, below, majorana)
            # 1/(x² + total²) would leave the range of floating-point numbers for the smallest couplings.
            x = above(anchor, offset, mediator)
            larger = max(abs(x), total)
            a, b = x / larger, total / larger
            density = 2 * w * half * weights[i] / math.pi * width * b / ((a * a + b * b) * larger)
            for k in range(cuts.size):
                out[k] += density * (cuts[k] / total)
        start, stop = stop, 2 * stop


@kernel(
    types.void(
        _f8, _f8, types.boolean, _f8, INPUT, INPUT_MATRIX,
        INPUT, INPUT, INPUT, INPUT, INPUT, INPUT, _f8[::1],
    )
)  # fmt: skip
def fill_transition(  # type: ignore[no-untyped-def]
    m, daughter, majorana, mediator, strengths, pairs,
    thresholds, hadrons, marks, extents, nodes, weights, out,
):  # fmt: skip
    """Fill out with the widths [GeV] of N → N′ + PRODUCTS and N → N′ + pairs for |V| = 1.

    Parameters
    ----------
    m, daughter, mediator : float
        Masses [GeV] of N, N′ (0 for a light neutrino) and Z′.
    majorana : bool
        Whether N and N′ are.
    strengths : float64[7]
    pairs : float64[n, 4]
        See `_cuts`.
    thresholds, hadrons, marks, extents, nodes, weights : float64[n]
        See `exchange_tables`.
    out : float64[8 + n]
    """
    out[:] = 0.0
    cuts = np.empty(out.size)
    known, last = marks.size, marks.size + 2 * pairs.shape[0]
    places, scales = np.empty(last + 3), np.zeros(last + 3)
    places[:known], scales[:known] = marks, extents
    for i in range(pairs.shape[0]):
        places[known + 2 * i] = pairs[i, 0] + pairs[i, 1]
        places[known + 2 * i + 1] = abs(pairs[i, 0] - pairs[i, 1])
    # At m + daughter, beyond the end, the momentum has its other root.
    places[last], places[last + 1], places[last + 2] = m - daughter, m + daughter, mediator
    scales[last + 2] = _pole_extent(mediator, strengths, pairs, thresholds, hadrons, cuts)
    ordered = np.sort(places)
    for i in range(ordered.size - 1):
        low, high = ordered[i], ordered[i + 1]
        if not low < high <= m - daughter:
            continue
        extent = 0.5 * (high - low) * (high + low)
        for anchor, sign in ((low, 1.0), (high, -1.0)):
            _add_half(
                m, daughter, majorana, mediator, anchor, sign, extent, scale_at(anchor, places, scales),
                strengths, pairs, thresholds, hadrons, nodes, weights, cuts, out,
            )  # fmt: skip


def _square(coupling: float) -> float:
    return coupling**2 if abs(coupling) > SMALLEST_COUPLING else 0.0


def _strengths(mediator: VectorMediator) -> NDArray[np.float64]:
    """Return the couplings as the kernels take them; see `_cuts`."""
    if not 0 <= mediator.BR_inv < 1:
        problem = "not the branching ratio of a Z′ that has others too"
        raise InputError("BR_inv", problem, mediator.BR_inv, "0 to 1, without 1")
    V_p, V_n = mediator.V_p, mediator.V_n
    # R(s) is that of V_p = 1, V_n = 0: V_u = 2/3, V_d = V_s = -1/3. The ρ is isovector, the ω isoscalar.
    up, down = _square(2 * V_p - V_n) / 9, _square(2 * V_n - V_p) / 9
    hadrons = [_square(V_p - V_n), _square(V_p + V_n), 9 * down, 1.5 * (up + 2 * down)]
    found = np.array([_square(mediator.V_l), _square(mediator.A_l), *hadrons, 0.0])
    visible = _at_pole(mediator.mass, found, np.empty((0, 4))).sum()
    found[6] = 12 * math.pi / mediator.mass**2 * visible * mediator.BR_inv / (1 - mediator.BR_inv)
    return found


def _pairs(mediator: VectorMediator) -> NDArray[np.float64]:
    found = np.array(list(mediator.pairs.values()), dtype=np.float64).reshape(-1, 4)
    found[found[:, 2] < SMALLEST_COUPLING, 2] = 0.0
    return found


def _at_pole(mass: float, strengths: NDArray[np.float64], pairs: NDArray[np.float64]) -> NDArray[np.float64]:
    """I_k(M²) [GeV²]."""
    tables, cuts = exchange_tables(VECTOR, INPUTS), np.empty(len(PRODUCTS) + len(pairs))
    _cuts(checked_mass(mass, "m_Zprime"), 0.0, strengths, pairs, tables.lepton_thresholds, tables.hadrons, cuts)
    return cuts


def vector_mediator_widths(mediator: VectorMediator) -> dict[str, float]:
    """Widths [GeV] of Z′ by PRODUCTS and the names of its pairs; closed ones are 0.

    Parameters
    ----------
    mediator
        Z′ and its couplings.

    Raises
    ------
    InputError
        For a mass that is none, or for BR_inv = 1: its width would be infinite.

    Notes
    -----
    Γ(ll) = M/12π β [V_l² (1 + 2m_l²/M²) + A_l² β²].

    Examples
    --------
    >>> widths = vector_mediator_widths(VectorMediator(0.03, V_l=1e-4))
    >>> [name for name, width in widths.items() if width > 0], f"{widths['e_e']:.4g}"
    (['e_e'], '7.958e-12')
    """
    found = _at_pole(mediator.mass, _strengths(mediator), _pairs(mediator)) / mediator.mass
    return dict(zip((*PRODUCTS, *mediator.pairs), map(float, found), strict=True))


def to_vector_width(mass: float, daughter: float, mediator: float, majorana: bool = False) -> float:
    """Width [GeV] of N → N′ Z′, Z′ on its shell, for |V| = 1; 0 where it is closed.

    Parameters
    ----------
    mass, daughter, mediator
        Masses [GeV] of N, N′ (0 for a light neutrino) and Z′.
    majorana
        Whether N and N′ are.
    """
    gap = checked_mass(mass) - daughter
    below = (gap - checked_mass(mediator, "m_Zprime")) * (gap + mediator)
    return float(two_body(mass, daughter, mediator**2, below, majorana)) if gap > mediator else 0.0


def transition_widths(
    mass: float, daughter: float, mediator: VectorMediator, majorana: bool = False
) -> dict[str, float]:
    """Widths [GeV] of N → N′ Z′(*) for |V| = 1, by what Z′ decays into.

    Parameters
    ----------
    mass
        Of N [GeV].
    daughter
        Mass of N′ [GeV], or 0 for a light neutrino.
    mediator
        Z′ and its couplings.
    majorana
        Whether N and N′ are.

    Returns
    -------
    dict[str, float]
        By PRODUCTS and the names of the mediator's pairs. A Z′ that nothing is open to is ``invisible``.

    Raises
    ------
    InputError
        For masses that are none, or for BR_inv = 1.

    Notes
    -----
    The heavy Z′ of massless products is the contact limit m⁵ V_l²/768π³M⁴; a narrow one below m - m′ gives
    `to_vector_width` times its branching ratios.
    """
    strengths, pairs = _strengths(mediator), _pairs(mediator)
    out = np.zeros(len(PRODUCTS) + len(pairs))
    if checked_mass(mass) > daughter:
        fill_transition(
            mass, daughter, majorana, mediator.mass, strengths, pairs, *exchange_tables(VECTOR, INPUTS), out
        )
    if _at_pole(mediator.mass, strengths, pairs).sum() == 0:
        out[_INVISIBLE] = to_vector_width(mass, daughter, mediator.mass, majorana)
    return dict(zip((*PRODUCTS, *mediator.pairs), map(float, out), strict=True))


def scalar_mediator_widths(mass: float, S_l: Mapping[str, float], kappa: float) -> dict[str, float]:
    """Widths [GeV] of a scalar φ with L = S_l φ l̄ l + κ φ F F.

    Parameters
    ----------
    mass
        Of φ [GeV].
    S_l
        By lepton.
    kappa
        [GeV⁻¹].

    Returns
    -------
    dict[str, float]
        ``e_e``, …, for the leptons given, S_l² m β³/8π, and ``gamma_gamma``, κ² m³/4π.
    """
    checked_mass(mass, "m_phi")
    widths = {}
    for lepton, coupling in S_l.items():
        open_ = max(mass - 2 * MASS[lepton], 0.0) * (mass + 2 * MASS[lepton]) / mass**2
        widths[f"{lepton}_{lepton}"] = coupling**2 * mass / (8 * math.pi) * open_**1.5
    return widths | {"gamma_gamma": kappa**2 * mass**3 / (4 * math.pi)}
