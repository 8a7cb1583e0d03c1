"""Scattering of dark particles off nuclei and nucleons by a vector V: φ A → γ A, and χ A → χ′ A.

L = V_μ (g_p p̄ γ^μ p + g_n n̄ γ^μ n), and::

    (λ/2) φ V_μν F^μν, or (λ/2) a V_μν F̃^μν   φ or a into a photon, for which both are the same
    V_μ (χ̄′ γ^μ χ + h.c.)                      unpolarised Dirac χ into χ′

Cross sections are those for unit couplings, λ = 1/GeV, with the `response` (G_M², R_E) of the target of
`scanner.physics.upscattering`. With Q² = -t, m and m′ the masses before and after, E and p of what comes in, and
X = 4ME + m² - m′² - Q² twice the product of what comes in with the sum of the target's momenta::

    dσ/dQ² = Σ / (64π M² p² (Q² + m_V²)²)
    φ → γ:   Σ = {2 Q² G_M² (m² + Q²)² + R_E [Q² X² - (4M² + Q²)(m² + Q²)²]}/4
    χ → χ′:  Σ = R_E [X² - (4M² + Q²)(Q² + (m - m′)²)] + G_M² [2Q⁴ + Q² (m² + m′² - 6mm′) - (m² - m′²)²]

Off a heavy nucleus the first is dσ/dcos θ = λ² g² F² p k³ sin²θ / (8π (t - m_V²)²), k the energy of the photon. For
g² → 4πα Z² and m_V → 0 this is the Primakoff effect of g_aγγ = λ, (α/2) λ² Z² F² p k³ sin²θ/t². A Lagrangian without
the factor of two (that is λ/4 without its Hermitian conjugate) has a fourth of it.

For m → 0 the second is that of a left-handed ν with a coupling of the same size.

References: Dutta et al., 2110.11944. Formulas were derived anew, and are tested against traces of Dirac matrices.
"""

from __future__ import annotations

import math

from numba import types

from scanner.physics.form_factors import pauli_blocking
from scanner.physics.kernel import INPUT, INPUT_CUBE, INPUT_MATRIX, kernel
from scanner.physics.upscattered import deposit, place
from scanner.physics.upscattering import form_factor_extent, panel_end, response

_f8 = types.float64
_TARGET = (types.int64, types.int64, types.int64, _f8, _f8, INPUT)

PHOTON, PARTNER = range(2)
"""What comes out: a photon, or χ′."""

SMALLEST = 1e-7
"""Least Q² that is integrated over, in units of m_V² or of the largest Q²: below it cross sections are flat."""


@kernel(types.UniTuple(_f8, 2)(_f8, _f8, _f8, _f8))
def momentum_transfers(E, before, after, M):  # type: ignore[no-untyped-def]
    """Least and largest Q² [GeV²]; both 0 up to the threshold.

    Parameters
    ----------
    E, before, after, M : float
        Energy of what comes in, its mass, that of what goes out, and of the target at rest [GeV].
    """
    s = M * M + before * before + 2 * M * E
    if not (before < E and s > (M + after) ** 2):
        return 0.0, 0.0
    first = before * before + M * E  # energy in the centre of mass, times √s
    second = 0.5 * (s + after * after - M * M)
    momenta = M * math.sqrt((E - before) * (E + before))
    momenta *= 0.5 * math.sqrt((s - (M + after) ** 2) * (s - (M - after) ** 2))
    high = 2 * (first * second + momenta) / s - before * before - after * after
    return (M * (before * before - after * after)) ** 2 / (s * high), high


@kernel(_f8(types.int64, _f8, _f8, _f8, _f8, _f8, _f8, _f8, _f8))
def density(kind, E, Q2, before, after, vector, M, magnetic, electric):  # type: ignore[no-untyped-def]
    """dσ/dQ² of one scatterer [GeV⁻⁴] within the limits of Q².

    Parameters
    ----------
    kind : int
        PHOTON or PARTNER.
    E, Q2 : float
        Energy of what comes in [GeV], and -t [GeV²].
    before, after, vector, M : float
        Masses of what comes in and goes out, of what is exchanged, and of the target [GeV].
    magnetic, electric : float
        The first two of `scanner.physics.upscattering.response`.
    """
    crossing = 4 * M * E + before**2 - after**2 - Q2
    total_sq = 4 * M * M + Q2
    if kind == PHOTON:
        ends = (before**2 + Q2) ** 2
        squared = 0.25 * (2 * Q2 * magnetic * ends + electric * (Q2 * crossing**2 - total_sq * ends))
    else:
        squared = electric * (crossing**2 - total_sq * (Q2 + (before - after) ** 2))
        squared += magnetic * (
            2 * Q2 * Q2 + Q2 * (before**2 + after**2 - 6 * before * after) - (before**2 - after**2) ** 2
        )
    momentum_sq = (E - before) * (E + before)
    return squared / (64 * math.pi * M * M * momentum_sq * (Q2 + vector * vector) ** 2)


@kernel(types.UniTuple(_f8, 2)(_f8, _f8, _f8, _f8, _f8))
def scattered(E, Q2, before, after, M):  # type: ignore[no-untyped-def]
    """Energy [GeV] of what goes out, and sin(θ/2), θ its angle to what comes in."""
    energy = max(E - Q2 / (2 * M), after)
    momentum = math.sqrt((energy - after) * (energy + after))
    first = math.sqrt((E - before) * (E + before))
    if momentum == 0 or first == 0:
        return energy, 0.0
    # E E′ - p p′, of which both parts are large.
    apart = ((before * energy) ** 2 + (after * first) ** 2) / (E * energy + first * momentum)
    sine_sq = (Q2 + before * before + after * after - 2 * apart) / (4 * first * momentum)
    return energy, math.sqrt(min(max(sine_sq, 0.0), 1.0))


@kernel(types.UniTuple(_f8, 2)(_f8, _f8, _f8, _f8, _f8, types.int64, INPUT))
def integral_limits(E, before, after, vector, M, current, terms):  # type: ignore[no-untyped-def]
    """Limits of Q² [GeV²] between which the integral is done; the second is 0 where nothing is open."""
    _, reach = form_factor_extent(current, terms)
    low, high = momentum_transfers(E, before, after, M)
    floor = SMALLEST * (min(vector * vector, high) if vector > 0 else high)
    return max(low, floor), min(high, reach)


@kernel(
    types.void(
        INPUT, INPUT_MATRIX, _f8, _f8, _f8, *_TARGET, INPUT, INPUT, _f8, _f8, _f8, INPUT_CUBE, types.float64[:, ::1]
    )
)
def add_photons(  # type: ignore[no-untyped-def]
    arriving, fluence, before, vector, factor, current, spin, number, M, fermi_momentum, terms, nodes, weights,
    log_first, log_step, sine_max, seen, out,
):  # fmt: skip
    """Add what is seen of the photons that φ makes off a target.

    Parameters
    ----------
    arriving : float64[n]
        Energies of φ [GeV].
    fluence : float64[sources, n]
        φ per area at each.
    before, vector : float
        Masses of φ and V [GeV].
    factor : float
        Number of nuclei, times what turns GeV⁻² into the unit of area.
    current, spin, number, M, fermi_momentum, terms
        The fields of a `scanner.physics.upscattering.Target`.
    nodes, weights : float64[k]
        A Gauss–Legendre rule for each panel in Q².
    log_first, log_step, sine_max : float
        Nodes of the response: ln E, and the last sin(θ/2).
    seen : float64[e, t, bins]
        Probability to be selected.
    out : float64[sources, bins]
    """
    radius, _ = form_factor_extent(current, terms)
    for n in range(arriving.size):
        E = arriving[n]
        if not fluence[:, n].any():
            continue
        start, end = integral_limits(E, before, 0.0, vector, M, current, terms)
        while start < end:
            stop = panel_end(start, end, radius, M, fermi_momentum)
            half = 0.5 * math.log(stop / start)
            for i in range(nodes.size):
                Q2 = start * math.exp(half * (nodes[i] + 1))
                energy, sine = scattered(E, Q2, before, 0.0, M)
                if not energy > 0 or sine > sine_max:
                    continue
                level = math.log(energy) - log_first
                if level < 0:
                    continue
                found = response(current, spin, Q2, M, terms)
                made = density(PHOTON, E, Q2, before, 0.0, vector, M, found[0], found[1])
                unit = factor * number * pauli_blocking(Q2, M, fermi_momentum) * half * weights[i] * Q2 * made
                e, u = place(level, log_step, seen.shape[0])
                t, w = place(sine, sine_max / (seen.shape[1] - 1), seen.shape[1])
                for b in range(seen.shape[2]):
                    low = (1 - w) * seen[e, t, b] + w * seen[e, t + 1, b]
                    high = (1 - w) * seen[e + 1, t, b] + w * seen[e + 1, t + 1, b]
                    chance = unit * ((1 - u) * low + u * high)
                    for a in range(out.shape[0]):
                        out[a, b] += chance * fluence[a, n]
            start = stop


@kernel(
    types.void(
        INPUT, INPUT_MATRIX, _f8, _f8, _f8, _f8, *_TARGET, INPUT, INPUT,
        _f8, _f8, types.int64, _f8, _f8, types.int64, types.float64[:, :, :, ::1],
    )
)  # fmt: skip
def add_partners(  # type: ignore[no-untyped-def]
    arriving, fluence, before, after, vector, factor,
    current, spin, number, M, fermi_momentum, terms, nodes, weights,
    log_first, log_step, energies, scale, sine_step, sines, out,
):  # fmt: skip
    """Add the χ′ that χ makes off a target to a grid; they are not polarised.

    Parameters
    ----------
    arriving, fluence, before, vector, factor, current, spin, number, M, fermi_momentum, terms, nodes, weights
        As for `add_photons`.
    after : float
        Mass of χ′ [GeV].
    log_first, log_step, energies, scale, sine_step, sines
        The fields of a `scanner.physics.upscattered.Grid`.
    out : float64[sources, energies, sines, PARTS]
    """
    radius, _ = form_factor_extent(current, terms)
    for n in range(arriving.size):
        E = arriving[n]
        if not fluence[:, n].any():
            continue
        row = fluence[:, n].copy()
        start, end = integral_limits(E, before, after, vector, M, current, terms)
        while start < end:
            stop = panel_end(start, end, radius, M, fermi_momentum)
            half = 0.5 * math.log(stop / start)
            for i in range(nodes.size):
                Q2 = start * math.exp(half * (nodes[i] + 1))
                found = response(current, spin, Q2, M, terms)
                made = density(PARTNER, E, Q2, before, after, vector, M, found[0], found[1])
                energy, sine = scattered(E, Q2, before, after, M)
                unit = factor * number * pauli_blocking(Q2, M, fermi_momentum) * half * weights[i] * Q2 * made
                deposit(
                    energy, sine, unit, 0.0, 0.0, row, log_first, log_step, energies, scale, sine_step, sines, out
                )  # fmt: skip
            start = stop
