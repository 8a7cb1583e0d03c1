"""Averages of interference terms over L/E, for cells of an experiment's response.

Two states whose masses squared differ by Δm² and whose widths add up to Γ (as Σ mΓ, in eV²) interfere with
e^{-2ik(Δm² - iΣmΓ) L/E}, k = 1/4ħc. L/E of a cell is taken as normal; for any other distribution what follows is the
second-order cumulant approximation.
"""

from __future__ import annotations

import math

from numba import types

from scanner.physics.kernel import INPUT, INPUT_INDEX, INPUT_MATRIX, kernel

_f8 = types.float64
_SUMS = types.float64[:, ::1]
_ROW = types.float64[::1]
_COEFFICIENTS = types.Array(types.complex128, 2, "C", readonly=True)


@kernel(_f8(_f8, _f8, _f8, _f8))
def interference_loss(wavenumber, damping, mean, variance):  # type: ignore[no-untyped-def]
    """Return (1 - ⟨e^{-2 d x} cos 2qx⟩) / 2: what two interfering states have lost; sin²(qx) without damping.

    Parameters
    ----------
    wavenumber, damping : float
        q = k Δm² and d = k Σ mΓ [GeV/km].
    mean, variance : float
        Of x = L/E [km/GeV, km²/GeV²].

    Notes
    -----
    ⟨e^{-zx}⟩ = e^{-z x̄ + z² σ²/2} for complex z = 2d + 2iq. It is written so that small losses keep their relative
    precision, and so that d = 0 has the same bits as sin² alone. Beyond d = x̄/2σ², where it would grow again because a
    normal x has no end at 0, everything has decayed.
    """
    if damping * variance > 0.5 * mean:
        damping = 0.5 * mean / variance
    sine = math.sin(wavenumber * (mean - 2 * damping * variance))
    lost = math.expm1(-2 * (wavenumber**2 * variance) + 2 * damping * (damping * variance - mean))
    return sine**2 * (1 + lost) - 0.5 * lost


@kernel(types.void(_f8, INPUT, INPUT, INPUT_INDEX, INPUT, INPUT, INPUT, _SUMS))
def averaged_interference(  # type: ignore[no-untyped-def]
    phase_constant, dm2, width, bins, weight, mean, variance, out
):
    """Fill out with sums over cells of weight · `interference_loss`, for many pairs of states.

    Parameters
    ----------
    phase_constant : float
        k [GeV/(eV² km)]: `units.OSCILLATION_PHASE`, or the rounded one of a published recipe.
    dm2, width : float64[nodes]
        Δm² of the two states, and the sum of their mΓ [eV²].
    bins, weight : int64[cells], float64[cells]
        Which bin of out (not checked) each cell adds to; its weight [unit of out].
    mean, variance : float64[cells]
        Of L/E in each cell [km/GeV, km²/GeV²].
    out : float64[nodes, bins]
        The sums, added in the order of the cells.
    """
    for node in range(dm2.size):
        wavenumber, damping = phase_constant * dm2[node], phase_constant * width[node]
        out[node, :] = 0.0
        for cell in range(bins.size):
            loss = interference_loss(wavenumber, damping, mean[cell], variance[cell])
            out[node, bins[cell]] += weight[cell] * loss


@kernel(_f8(types.complex128))
def _square(z):  # type: ignore[no-untyped-def]
    return z.real**2 + z.imag**2


@kernel(_f8(_COEFFICIENTS, INPUT_MATRIX, types.int64, _f8, _f8))
def _beyond(coefficients, levels, cell, wavenumber, limit):  # type: ignore[no-untyped-def]
    """What P of a cell owes to levels that are farther than the limit from the largest amplitude's: at most.

    2|a||b| + |b|², with a the amplitude of all others at the middle of the cell and b that of these. The others may all
    but cancel, as those of a transition do where its states hardly mix.
    """
    largest, farthest = 0, 0.0
    for n in range(levels.shape[1]):
        if _square(coefficients[cell, n]) > _square(coefficients[cell, largest]):
            largest = n
    for n in range(levels.shape[1]):
        farthest = max(farthest, abs(levels[cell, n] - levels[cell, largest]))
    if farthest <= limit:
        return 0.0
    slow, quick = 0j, 0.0
    for n in range(levels.shape[1]):
        splitting = levels[cell, n] - levels[cell, largest]
        if abs(splitting) > limit:
            quick += math.sqrt(_square(coefficients[cell, n]))
        else:
            phase = 2 * wavenumber * splitting
            slow += coefficients[cell, n] * complex(math.cos(phase), -math.sin(phase))
    return (2 * math.sqrt(_square(slow)) + quick) * quick


@kernel(types.void(_f8, _COEFFICIENTS, INPUT_MATRIX, INPUT_INDEX, INPUT, INPUT, INPUT, _f8, _ROW, _ROW))
def averaged_levels(  # type: ignore[no-untyped-def]
    phase_constant, coefficients, levels, bins, weight, mean, variance, limit, out, fast
):
    """Fill out with sums over cells of weight · ⟨P - δ⟩, P from the levels of the Hamiltonian in each cell.

    Parameters
    ----------
    phase_constant, bins, weight, mean, variance
        As in `averaged_interference`.
    coefficients : complex128[cells, levels]
        c of the amplitude Σ_n c_n e^{-iλ_n L/2E}; their sum is δ_αβ.
    levels : float64[cells, levels]
        λ, 2E times the eigenvalues [eV²].
    limit : float
        Splitting [eV²] beyond which a cell is too coarse for its oscillation.
    out, fast : float64[bins]
        The sums; and what |out| could be off by if splittings beyond the limit were not averaged at all.

    Notes
    -----
    P - δ = Σ_{n<m} -4 Re(c_n c*_m) sin²(φ_nm/2) + 2 Im(c_n c*_m) sin φ_nm.
    """
    out[:] = 0.0
    fast[:] = 0.0
    for cell in range(bins.size):
        change = 0.0
        for n in range(levels.shape[1]):
            for m in range(n):
                product = coefficients[cell, n] * coefficients[cell, m].conjugate()
                if product.real != 0 or product.imag != 0:
                    splitting = levels[cell, n] - levels[cell, m]
                    wavenumber = phase_constant * splitting
                    change -= 4 * product.real * interference_loss(wavenumber, 0.0, mean[cell], variance[cell])
                    if product.imag != 0:
                        damping = math.exp(-2 * (wavenumber**2 * variance[cell]))
                        change += 2 * product.imag * math.sin(2 * wavenumber * mean[cell]) * damping
        out[bins[cell]] += weight[cell] * change
        fast[bins[cell]] += weight[cell] * _beyond(coefficients, levels, cell, phase_constant * mean[cell], limit)
