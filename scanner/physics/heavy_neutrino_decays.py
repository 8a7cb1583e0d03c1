"""Weak decay widths of a heavy neutrino N that mixes with ν_e, ν_μ, ν_τ.

**Every width is that of a Dirac N of unit |U_a|².** A width is linear in the |U_a|², so a model contracts
``widths[channel] @ (Ue4_sq, Umu4_sq, Utau4_sq)``; for a Majorana N it multiplies *every* channel by 2.

Channels are final states, charge conjugates not distinguished. ``nu_e_mu`` is e⁻μ⁺ν (through U_e) and μ⁻e⁺ν
(through U_mu) together. The light hadrons of ``e_pi``, ``nu_eta``, ... give way to the inclusive ``e_q_q``,
``mu_q_q``, ``tau_q_q``, ``nu_q_q`` (u, d and s quarks) through one weight::

    exclusive: (1 - w) Γ_exclusive,   inclusive: w Γ_quarks (1 + Δ_QCD),   w = t³ (10 - 15 t + 6 t²),
    t = (m - 1 GeV) / 0.5 GeV, in [0, 1]; with a τ, that leaves the hadrons only m - m_τ, that difference for m

so that the sum over channels is the total width, twice continuously differentiable in m. The charmed mesons
D and D_s are always exclusive and always counted: below the other states of charm they are all there is, and
the inclusive channels hold no charm. Scales, in m: Γ = K0 (…) with K0 = G_F² m⁵/192π³ for three fermions, and
G_F² f² m³/16π for mesons. Where a channel is closed its width is exactly 0.

References: Atre et al., 0901.3589; Bondarenko et al., 1805.08567; Ballett et al., 1905.00284; Coloma et al.,
2007.03701; for neutral mesons, which differ among these, the quark currents of the Standard Model.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from scanner.errors import InputError
from scanner.physics.heavy_neutrino_channels import (
    ALWAYS,
    CHANNELS,
    FLAVOURS,
    INCLUSIVE,
    INPUTS,
    INVISIBLE,
    NEUTRAL_PAIR,
    PSEUDOSCALAR,
    THREE_FERMIONS,
    WeakInputs,
    processes,
)
from scanner.physics.kernel import INPUT, INPUT_CUBE, INPUT_INDEX, INPUT_MATRIX, kernel
from scanner.physics.particles import MASS
from scanner.physics.phase_space import (
    NODES,
    gauss_legendre,
    neutral_pair,
    pseudoscalar_shape,
    three_fermions,
    vector_shape,
)

_f8 = types.float64

BLEND = (1.0, 1.5)
"""Over these masses [GeV] the inclusive hadronic channels replace the exclusive ones."""

RUNNING_STEPS = 64
"""Of α_s, from the mass of the τ to that of N."""


class ProcessTable(NamedTuple):
    """`processes` as the arrays that `fill_weak_widths` takes, in the order that it takes them."""

    alpha_s: NDArray[np.float64]
    """The scale [GeV] that α_s is known at, and α_s there."""
    channel: NDArray[np.int64]
    kind: NDArray[np.int64]
    share: NDArray[np.int64]
    masses: NDArray[np.float64]
    """[GeV], of the products."""
    reserved: NDArray[np.float64]
    """What m loses before it is compared with `BLEND` [GeV]."""
    coefficients: NDArray[np.float64]
    nodes: NDArray[np.float64]
    weights: NDArray[np.float64]


@functools.lru_cache(maxsize=32)
def process_table(inputs: WeakInputs = INPUTS) -> ProcessTable:
    """Return the read-only arrays of `processes`."""
    rows = processes(inputs)
    nodes, weights = gauss_legendre(NODES)
    table = ProcessTable(
        alpha_s=np.array([MASS["tau"], inputs.alpha_s_tau]),
        channel=np.array([CHANNELS.index(row.channel) for row in rows]),
        kind=np.array([row.kind for row in rows]),
        share=np.array([row.share for row in rows]),
        masses=np.array([[MASS[product] for product in row.products] for row in rows]),
        reserved=np.array([MASS["tau"] if row.products[0] == "tau" else 0.0 for row in rows]),
        coefficients=np.array([row.coefficients for row in rows]),
        nodes=nodes,
        weights=weights,
    )
    for array in table:
        array.flags.writeable = False
    return table


@kernel(_f8(_f8))
def _smoothstep(t):  # type: ignore[no-untyped-def]
    t = min(max(t, 0.0), 1.0)
    return t**3 * (10 + t * (6 * t - 15))


@kernel(types.UniTuple(_f8, 2)(_f8))
def blend_weights(m):  # type: ignore[no-untyped-def]
    """Weights 1 - w and w of the exclusive and the inclusive light hadrons at m [GeV]; see the module."""
    low, high = BLEND
    # Not 1 - w, which loses its digits where w nears 1.
    return _smoothstep((high - m) / (high - low)), _smoothstep((m - low) / (high - low))


@kernel(_f8(_f8))
def _inverse_beta(inverse):  # type: ignore[no-untyped-def]
    """d(π/α_s)/d ln(scale²)."""
    a = 1 / inverse
    return 2.25 + a * (4 + a * (3863 / 384 + a * 47.228039573451997))


@kernel(_f8(_f8, _f8, _f8))
def alpha_s(scale, reference, known):  # type: ignore[no-untyped-def]
    """α_s of three flavours, MS-bar, run at four loops from known = α_s(reference); scales in GeV.

    Notes
    -----
    β function of van Ritbergen, Vermaseren & Larin, hep-ph/9701390, in π/α_s, which is nearly linear in
    ln(scale): these Runge–Kutta steps reach 1e-10 from 0.9 to 10 GeV.
    """
    step = 2 * math.log(scale / reference) / RUNNING_STEPS
    inverse = math.pi / known
    for _ in range(RUNNING_STEPS):
        k1 = _inverse_beta(inverse)
        k2 = _inverse_beta(inverse + 0.5 * step * k1)
        k3 = _inverse_beta(inverse + 0.5 * step * k2)
        k4 = _inverse_beta(inverse + step * k3)
        inverse += step / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    return math.pi / inverse


@kernel(_f8(_f8))
def qcd_correction(coupling):  # type: ignore[no-untyped-def]
    """Δ_QCD of a hadronic width for α_s = coupling, as in τ decays: Gorishny, Kataev & Larin, 1991."""
    a = coupling / math.pi
    return a * (1 + a * (5.2 + a * 26.4))


@kernel(types.UniTuple(_f8, 2)(types.int64, _f8, INPUT, INPUT, INPUT))
def _integrals(kind, m, masses, nodes, weights):  # type: ignore[no-untyped-def]
    """Both phase-space integrals of a process, with their powers of m."""
    if kind == INVISIBLE:
        return m**5, 0.0
    if kind == NEUTRAL_PAIR:
        first, second = neutral_pair(m, masses[1], nodes, weights)
        return m**5 * first, m**5 * second
    if kind == THREE_FERMIONS:
        return m**5 * three_fermions(m, masses[0], masses[1], masses[2], nodes, weights), 0.0
    if kind == PSEUDOSCALAR:
        return m**3 * pseudoscalar_shape(m, masses[0], masses[1]), 0.0
    return m**3 * vector_shape(m, masses[0], masses[1]), 0.0


@kernel(
    types.void(
        _f8,
        INPUT,
        INPUT_INDEX,
        INPUT_INDEX,
        INPUT_INDEX,
        INPUT_MATRIX,
        INPUT,
        INPUT_CUBE,
        INPUT,
        INPUT,
        types.float64[:, ::1],
    )
)
def fill_weak_widths(  # type: ignore[no-untyped-def]
    m, running, channel, kind, share, masses, reserved, coefficients, nodes, weights, out
):
    """Fill out with the widths of a Dirac N for unit |U_a|²: ``fill_weak_widths(m, *process_table(), out)``.

    Parameters
    ----------
    m : float
        Mass of N [GeV], positive.
    running, channel, kind, share, masses, reserved, coefficients, nodes, weights
        The arrays of a `ProcessTable`.
    out : float64[channel, flavour]
        Widths [GeV], one row a channel of `CHANNELS`, one column a flavour a of |U_a|².
    """
    out[:, :] = 0.0
    corrected = 1.0
    if m > BLEND[0]:
        corrected += qcd_correction(alpha_s(m, running[0], running[1]))
    for row in range(channel.size):
        factor = 1.0
        if share[row] != ALWAYS:
            exclusive, inclusive = blend_weights(m - reserved[row])
            factor = inclusive * corrected if share[row] == INCLUSIVE else exclusive
        if factor == 0:
            continue
        first, second = _integrals(kind[row], m, masses[row], nodes, weights)
        for a in range(3):
            out[channel[row], a] += factor * (coefficients[row, 0, a] * first + coefficients[row, 1, a] * second)


def weak_widths(mass: float, inputs: WeakInputs = INPUTS) -> dict[str, NDArray[np.float64]]:
    """Widths of a Dirac N for unit |U_a|², by channel.

    Parameters
    ----------
    mass
        Of N [GeV]. Above `heavy_neutrino_channels.COMPLETE_BELOW` some decays are missing.
    inputs
        Couplings; their defaults are the recommended ones.

    Returns
    -------
    dict[str, float64[3]]
        Widths [GeV] for a = e, mu, tau; every name of `CHANNELS`, closed ones with zeros. Times 2 for Majorana.

    Examples
    --------
    >>> widths = weak_widths(0.25)
    >>> [name for name, width in widths.items() if width[1] > 0]
    ['nu_nu_nu', 'nu_e_e', 'nu_mu_mu', 'nu_e_mu', 'mu_pi', 'nu_pi0']
    """
    if not 0 < mass < math.inf:
        raise InputError("m_N", "a mass must be positive and finite", mass, "m_N > 0 GeV")
    out = np.empty((len(CHANNELS), len(FLAVOURS)))
    fill_weak_widths(mass, *process_table(inputs), out)
    return dict(zip(CHANNELS, out, strict=True))
