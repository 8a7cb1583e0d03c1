"""Upscattering ν + p, n → N + X that breaks the nucleon up, through the exchange of a vector or a photon.

Couplings stay outside as in `scanner.physics.upscattering`: the vector couples to the electromagnetic current as a dark
photon does, σ = |V_a|² V_p² σ̂, the dipole through a photon, σ = |d_a|² e² σ̂. A scalar does not couple to that current,
and nothing is known of its response: **its cross section is 0 here**. So is that of a V_n of its own.

*Cross section.* ν hands the energy ν = E - E_N over (the hadrons' energy less the mass of the target) and the momentum
q, whose square is Q² + ν². With k_T the momentum of ν across q, and W₁ and R of `scanner.physics.structure_functions`::

    d²σ̂/dQ²dν = W₁ (T + R L)/(16π E² (Q² + m_Z′²)²)
    vector:  T = 4k_T² + 2(Q² + m²)             L = 4k_T² + m²(Q² + m²)/Q²
    dipole:  T = 4 (4k_T² Q² + 2m²(Q² + m²))    L = 4Q² (4k_T² + Q² + m²)

that are the lepton's tensor Tr[(p + m) γ^μ P_L k γ^ν] contracted with polarisations across and along q: no term is
negative. Only the hadrons' current is conserved, m ≠ 0 breaks that of the lepton. At a given ν the direction of N
runs between its limits Q²₋ and Q²₊, at which k_T = 0::

    Q²₋ = m²(2ν + m²/D)/D,  Q²₊ = 2ED - m²,  D = E_N + p_N
    4k_T² = (Q² - Q²₋)(Q²₊ - Q²)/(ν² + Q²),  sin²(θ/2) = (Q² - Q²₋)/(4E p_N)

and W ≥ M + m_π asks Q² ≤ 2M(ν - ν₀), ν₀ = m_π + m_π²/2M. On W = M + m_π both limits of Q² are those of two bodies.

*Polarisation* is that of `scanner.physics.upscattered`: F(p) ∓ m F(s) for a spin vector s, with::

    vector:  F(v) = W₁ (2 v·k + 4 (v·q)(k·q)/q²) + 2 W₂ (2 (v·P)(k·P) - P² v·k)/M²
    dipole:  F(2 (v·q) q + Q² v) of the vector

*Integrals* are over panels in Q² as those of elastic scattering, and over panels in ln ν where ν < E/2, in the
momentum of N above, the last of them down to N at rest.

References: the tensors were derived anew, and are tested against traces of Dirac matrices, against elastic
scattering, and against the textbooks' cross section of electrons.
"""

from __future__ import annotations

import functools
import math

import numpy as np
from numba import types
from numpy.typing import ArrayLike, NDArray

from scanner.errors import InputError, did_you_mean
from scanner.physics.form_factors import nuclide
from scanner.physics.kernel import INPUT, INPUT_MATRIX, kernel
from scanner.physics.particles import MASS
from scanner.physics.phase_space import gauss_legendre
from scanner.physics.structure_functions import LOW_Q2, SHADOW_CORNERS, transverse
from scanner.physics.upscattered import deposit
from scanner.physics.upscattering import MEDIATORS, SCALAR, SMALLEST_MASS, STRETCH, VECTOR

_f8 = types.float64

NODES = 16
"""Of a panel: of 400 random cases 90 % are good to 5e-6 and all to 2e-4; with 6 nodes to 3e-4, and all to 2e-3."""

NU_STRETCH = math.exp(1.5)
"""Of ν, and of the momentum of N, over a panel, at most."""

SLOW = 1 / 64
"""Of the largest momentum of N in the half of the spectrum where it is slow: below, one panel is enough."""

COLUMNS = ("energy", "sine", "weight", "along", "across")
"""Of a node of `upscattered`: energy of N [GeV], sin(θ/2), part of σ̂ (or its unit), polarisation along the flight of N,
and across it in the plane of the scattering, towards the beam."""

PION_THRESHOLD: float = MASS["pi0"] + MASS["pi0"] ** 2 / (2 * MASS["p"])
"""ν₀ [GeV]: what makes a pion off a proton at rest where Q² = 0."""


@kernel(_f8(_f8, _f8, _f8))
def inelastic_threshold(m, M, nu0):  # type: ignore[no-untyped-def]
    """Least energy of ν [GeV] for N of mass m; M is that of the nucleon, ν₀ as PION_THRESHOLD [GeV]."""
    return nu0 + m * (m + 2 * math.sqrt(M * (M + 2 * nu0))) / (2 * M)


@kernel(types.UniTuple(_f8, 3)(_f8, _f8, _f8, _f8))
def transfer_limits(E, m, M, nu0):  # type: ignore[no-untyped-def]
    """Least ν, that at which N recoils backwards from W = M + m_π, largest ν [GeV]; all 0 up to the threshold.

    The second one is a corner of the spectrum, and the third where the largest ν has W = M + m_π.

    Parameters
    ----------
    E, m, M, nu0 : float
        Energy of the neutrino, masses of N and of the nucleon, least energy of a real photon [GeV].
    """
    lightest = math.sqrt(M * (M + 2 * nu0))  # W
    above = 2 * M * (E - nu0) - m * (m + 2 * lightest)  # s - (W + m)²
    if not above > 0:
        return 0.0, 0.0, 0.0
    s = M * (M + 2 * E)
    middle = 2 * M * E * (E - nu0) - m * m * (E + M)
    high = M / s * (middle + E * math.sqrt(above * (above + 4 * m * lightest)))
    low = (m * M) ** 2 * (m * m + 4 * E * nu0) / (s * high)
    first, corner = nu0 + low / (2 * M), nu0 + high / (2 * M)
    if 2 * M * (E - m - nu0) >= m * (2 * E - m):  # N at rest has W above the least
        return first, corner, E - m
    return first, corner, corner


@kernel(types.UniTuple(_f8, 3)(_f8, _f8, _f8))
def forward_and_backward(E, momentum, m):  # type: ignore[no-untyped-def]
    """ν [GeV], and Q² [GeV²] of N that flies forwards and backwards with a momentum [GeV]."""
    energy = math.sqrt(momentum * momentum + m * m)
    total = energy + momentum
    nu = E - energy
    return nu, m * m * (2 * nu + m * m / total) / total, 2 * E * total - m * m


@kernel(_f8(types.int64, _f8, _f8, _f8, _f8, _f8, _f8))
def squared(mediator, Q2, nu, m, low, high, ratio):  # type: ignore[no-untyped-def]
    """T + R L; low and high are Q²₋ and Q²₊."""
    across, ends = (Q2 - low) * (high - Q2) / (nu * nu + Q2), Q2 + m * m
    if mediator == VECTOR:
        return across + 2 * ends + ratio * (across + m * m * ends / Q2)
    return 4 * (across * Q2 + 2 * m * m * ends + ratio * Q2 * (across + ends))


@kernel(_f8(_f8, _f8, _f8, _f8, _f8, _f8, _f8, _f8))
def _linear(E, Q2, nu, m, along, at_rest, first, second):  # type: ignore[no-untyped-def]
    """F(v) of the vector for v orthogonal to p, with v·k = along, v·P = M at_rest before q is taken off, W₁ and W₂."""
    whole = 2 * E - nu - nu * m * m / Q2
    found = first * along * (4 + 2 * m * m / Q2)
    return found + 2 * second * ((at_rest + nu * along / Q2) * whole - (1 + nu * nu / Q2) * along)


@kernel(types.UniTuple(_f8, 2)(types.int64, _f8, _f8, _f8, _f8, _f8, _f8, _f8))
def polarisation(mediator, E, Q2, momentum, m, low, high, ratio):  # type: ignore[no-untyped-def]
    """Mean spin of N along its flight, and across it towards the beam, of a left-handed ν; 1 is fully polarised.

    Parameters
    ----------
    mediator : int
        VECTOR or DIPOLE.
    E, Q2, momentum, m : float
        Energy of ν [GeV], momentum transfer [GeV²], momentum and mass of N [GeV].
    low, high, ratio : float
        Q²₋ and Q²₊ [GeV²] at this momentum, and R.
    """
    energy = math.sqrt(momentum * momentum + m * m)
    nu = E - energy
    if not momentum > 0:
        return 0.0, 0.0
    sine_sq = min(max((Q2 - low) / (4 * E * momentum), 0.0), 1.0)
    along = E * (2 * energy * sine_sq - m * m / (energy + momentum))
    across = -2 * E * m * math.sqrt(sine_sq * (1 - sine_sq))
    second = (1 + ratio) / (1 + nu * nu / Q2)  # W₂ for W₁ = 1
    whole = squared(mediator, Q2, nu, m, low, high, ratio)
    first_spin = _linear(E, Q2, nu, m, along, momentum, 1.0, second)
    second_spin = _linear(E, Q2, nu, m, across, 0.0, 1.0, second)
    sign = -1.0
    if mediator != VECTOR:
        exchange = -(m * m + Q2) * (3 - (1 + ratio))  # F(q) of the vector
        first_spin = 4 * (2 * along * exchange + Q2 * first_spin)
        second_spin = 4 * (2 * across * exchange + Q2 * second_spin)
        sign = 1.0
    first_spin, second_spin = sign * first_spin / whole, sign * second_spin / whole
    size = math.sqrt(first_spin**2 + second_spin**2)
    return (first_spin, second_spin) if size <= 1 else (first_spin / size, second_spin / size)


_PHYSICS = (types.int64, _f8, _f8, _f8, types.int64, types.int64, _f8, _f8)
"""mediator, E, m, m_mediator, protons, neutrons, M, nu0."""


@kernel(_f8(*_PHYSICS, _f8, _f8))
def double_differential(  # type: ignore[no-untyped-def]
    mediator, E, m, m_mediator, protons, neutrons, M, nu0, nu, Q2
):
    """d²σ̂/dQ²dν [GeV⁻⁵; dipole GeV⁻³] of a nucleus; 0 outside the limits.

    Parameters
    ----------
    mediator : int
        VECTOR or DIPOLE; 0 for SCALAR.
    E, m, m_mediator : float
        Energy of the neutrino, masses of N and of what is exchanged [GeV].
    protons, neutrons : int
        Of the nucleus.
    M, nu0 : float
        Mass of the proton, and PION_THRESHOLD [GeV].
    nu, Q2 : float
        Transfer of energy [GeV] and -q² [GeV²].
    """
    if mediator == SCALAR or not m <= E - nu:
        return 0.0
    energy = E - nu
    _, low, high = forward_and_backward(E, math.sqrt((energy - m) * (energy + m)), m)
    if not (Q2 > 0 and low <= Q2 <= min(high, 2 * M * (nu - nu0))):
        return 0.0
    response, ratio = transverse(Q2, nu, M, protons, neutrons)
    propagator = 4 * E * (Q2 + m_mediator * m_mediator)
    return response * squared(mediator, Q2, nu, m, low, high, ratio) / (math.pi * propagator * propagator)


@kernel(types.Tuple((types.int64, _f8))(*_PHYSICS, _f8, _f8, INPUT, INPUT, types.int64, types.float64[:, ::1]))
def _over_q2(  # type: ignore[no-untyped-def]
    mediator, E, m, m_mediator, protons, neutrons, M, nu0, momentum, weight, nodes, weights, count, out
):
    """Integrate over Q² at a momentum of N; return the number of nodes so far, and weight dσ̂/dν.

    Nodes are written from row `count` of `out` on, as far as it has rows.
    """
    nu, low, high = forward_and_backward(E, momentum, m)
    end = min(high, 2 * M * (nu - nu0))
    start, total = low, 0.0
    energy, whole = E - nu, 2 * M * nu
    while start < end:
        stop = min(end, STRETCH * start)
        # Corners: of R, and of shadowing.
        for corner in (LOW_Q2, SHADOW_CORNERS[0] * whole, SHADOW_CORNERS[1] * whole):
            if start < corner < stop:
                stop = corner
        half = 0.5 * math.log(stop / start)
        for i in range(nodes.size):
            Q2 = start * math.exp(half * (nodes[i] + 1))
            response, ratio = transverse(Q2, nu, M, protons, neutrons)
            propagator = 4 * E * (Q2 + m_mediator * m_mediator)
            part = response * squared(mediator, Q2, nu, m, low, high, ratio) / (math.pi * propagator * propagator)
            part *= weight * half * weights[i] * Q2
            total += part
            if count < out.shape[0]:
                out[count, 0] = energy
                out[count, 1] = math.sqrt(min(max((Q2 - low) / (4 * E * momentum), 0.0), 1.0))
                out[count, 2] = part
                out[count, 3], out[count, 4] = polarisation(mediator, E, Q2, momentum, m, low, high, ratio)
            count += 1
        start = stop
    return count, total


@kernel(_f8(*_PHYSICS, _f8, INPUT, INPUT))
def transfer_spectrum(  # type: ignore[no-untyped-def]
    mediator, E, m, m_mediator, protons, neutrons, M, nu0, nu, nodes, weights
):
    """dσ̂/dν [GeV⁻³; dipole GeV⁻¹] of a nucleus; 0 outside the limits of ν.

    Parameters
    ----------
    mediator, E, m, m_mediator, protons, neutrons, M, nu0, nu
        As those of `double_differential`.
    nodes, weights : float64[n]
        A Gauss–Legendre rule.
    """
    first, _, last = transfer_limits(E, m, M, nu0)
    if mediator == SCALAR or not first < nu < last:
        return 0.0
    momentum = math.sqrt((E - nu - m) * (E - nu + m))
    empty = np.empty((0, 5))
    _, total = _over_q2(mediator, E, m, m_mediator, protons, neutrons, M, nu0, momentum, 1.0, nodes, weights, 0, empty)
    return total


@kernel(types.Tuple((types.int64, _f8))(*_PHYSICS, _f8, INPUT, INPUT, types.float64[:, ::1]))
def upscattered(  # type: ignore[no-untyped-def]
    mediator, E, m, m_mediator, protons, neutrons, M, nu0, least, nodes, weights, out
):
    """Integrate over all that neutrinos of one energy can make of a nucleus.

    Parameters
    ----------
    mediator, E, m, m_mediator, protons, neutrons, M, nu0
        As those of `double_differential`.
    least : float
        Least ν [GeV], such as the energy above which a first shower is seen.
    nodes, weights : float64[n]
        A Gauss–Legendre rule for each panel, in either variable.
    out : float64[rows, 5]
        Rows are filled with `COLUMNS`; it may have too few rows, or none.

    Returns
    -------
    count : int
        Nodes of the integral: the rows that `out` must have to hold them all.
    total : float
        σ̂ for ν > least [GeV⁻²; dipole: a number]; NaN for m = 0.
    """
    first, corner, last = transfer_limits(E, m, M, nu0)
    first = max(first, least)
    count, total = 0, 0.0
    if mediator == SCALAR or not first < last:
        return count, total
    if not m > 0:
        return count, np.nan
    # Fast N, in ln ν.
    start, middle = first, min(0.5 * E, last)
    while start < middle:
        stop = min(middle, NU_STRETCH * start)
        if start < corner < stop:
            stop = corner
        half = 0.5 * math.log(stop / start)
        for i in range(nodes.size):
            nu = start * math.exp(half * (nodes[i] + 1))
            momentum = math.sqrt((E - nu - m) * (E - nu + m))
            count, part = _over_q2(
                mediator, E, m, m_mediator, protons, neutrons, M, nu0,
                momentum, half * weights[i] * nu, nodes, weights, count, out,
            )  # fmt: skip
            total += part
        start = stop
    # Slow N, in their momentum: dν = p dp/E_N.
    if not start < last:
        return count, total
    high = math.sqrt((E - start - m) * (E - start + m))
    bottom = math.sqrt(max(E - last - m, 0.0) * (E - last + m))
    at_corner = math.sqrt(max(E - corner - m, 0.0) * (E - corner + m))
    slow = SLOW * high
    while high > bottom:
        low = max(bottom, high / NU_STRETCH if high > slow else 0.0)
        if low < at_corner < high:
            low = at_corner
        for i in range(nodes.size):
            momentum = low + 0.5 * (high - low) * (nodes[i] + 1)
            weight = 0.5 * (high - low) * weights[i] * momentum / math.sqrt(momentum * momentum + m * m)
            count, part = _over_q2(
                mediator, E, m, m_mediator, protons, neutrons, M, nu0,
                momentum, weight, nodes, weights, count, out,
            )  # fmt: skip
            total += part
        high = low
    return count, total


@kernel(
    types.void(
        types.int64, INPUT, INPUT_MATRIX, _f8, _f8, _f8, types.int64, types.int64, _f8, _f8, _f8,
        INPUT, INPUT, _f8, _f8, types.int64, _f8, _f8, types.int64, types.float64[:, :, :, ::1],
    )
)  # fmt: skip
def fill_inelastic(  # type: ignore[no-untyped-def]
    mediator, neutrinos, fluence, m, m_mediator, factor, protons, neutrons, M, nu0, least,
    nodes, weights, log_first, log_step, energies, scale, sine_step, sines, out,
):  # fmt: skip
    """Add the N that neutrinos make of a nucleus which they break up to a grid.

    Parameters
    ----------
    mediator, m, m_mediator, protons, neutrons, M, nu0, least, nodes, weights
        As those of `upscattered`.
    neutrinos : float64[n]
        Energies [GeV].
    fluence : float64[flavours, n]
        Neutrinos per area at each.
    factor : float
        Number of nuclei, times what turns GeV⁻² into the unit of area.
    log_first, log_step, energies, scale, sine_step, sines, out
        As those of `scanner.physics.upscattered.deposit`.
    """
    rows = np.empty((0, 5))
    row = np.empty(fluence.shape[0])
    for n in range(neutrinos.size):
        for a in range(row.size):
            row[a] = factor * fluence[a, n]
        for _ in range(2):  # once more if there were too few rows
            count, _total = upscattered(
                mediator, neutrinos[n], m, m_mediator, protons, neutrons, M, nu0, least, nodes, weights, rows
            )
            if count <= rows.shape[0]:
                break
            rows = np.empty((count + count // 4, 5))
        for i in range(count):
            deposit(
                rows[i, 0], rows[i, 1], rows[i, 2], rows[i, 3], rows[i, 4], row,
                log_first, log_step, energies, scale, sine_step, sines, out,
            )  # fmt: skip


def inelastic_sigma_hat(
    mediator: str, E: ArrayLike, m_N: float, m_mediator: float, off: str, least: float = 0.0
) -> NDArray[np.float64]:
    """Inelastic cross section per nucleus for unit couplings; see the module.

    Parameters
    ----------
    mediator
        Of `scanner.physics.upscattering.MEDIATORS`; 0 for a scalar.
    E
        Energy of ν [GeV], of any shape.
    m_N
        Mass of N [GeV].
    m_mediator
        Mass of what is exchanged [GeV]; 0 for a photon, the mediator of a dipole.
    off
        Name of the nuclide.
    least
        Least energy transfer ν [GeV].

    Returns
    -------
    float64, shape of E
        [GeV⁻²], or for a dipole a number, to be multiplied by d² [GeV⁻²]; times `CM2` of `upscattering` in cm².

    Raises
    ------
    InputError
        For names that are not known, and for masses and energies that are none.

    Examples
    --------
    Of a dark photon of 1.25 GeV off iron, with transfers of more than 10 GeV:

    >>> f"{inelastic_sigma_hat('vector', 100.0, 0.4, 1.25, 'Fe56', least=10.0):.3f}"
    '0.946'
    """
    if mediator not in MEDIATORS:
        raise InputError("mediator", "unknown", mediator, ", ".join(MEDIATORS), did_you_mean(mediator, MEDIATORS))
    energies, nucleus = np.asarray(E, float), nuclide(off)
    if not (np.all(energies > 0) and np.all(np.isfinite(energies))):
        raise InputError("E", "an energy must be positive and finite", np.min(energies), "E > 0 GeV")
    if not SMALLEST_MASS <= m_N < math.inf:
        raise InputError("m_N", "not a mass for which a cross section is finite", m_N, f"m_N >= {SMALLEST_MASS} GeV")
    if not 0 <= m_mediator < math.inf:
        raise InputError("m_mediator", "a mass must be finite and not negative", m_mediator, "m_mediator >= 0 GeV")
    kind, neutrons = MEDIATORS.index(mediator), nucleus.A - nucleus.Z
    fixed = m_N, m_mediator, nucleus.Z, neutrons, MASS["p"], PION_THRESHOLD, float(least), *_rule(), np.empty((0, 5))
    found = np.array([upscattered(kind, x, *fixed)[1] for x in energies.ravel()])
    return found.reshape(energies.shape)


@functools.cache
def _rule() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return gauss_legendre(NODES)
