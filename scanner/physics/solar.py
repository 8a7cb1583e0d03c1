"""⁸B neutrinos of the Sun, and what becomes of neutrinos born where they are on the way to the Earth.

A neutrino born with flavour amplitudes c leaves the Sun adiabatically: the matter eigenstate that has the i-th lowest
m² becomes ν_i, and its coherence is lost, so that it is seen as a ν_e with probability

    P = Σ_i |⟨ν_i^m|c⟩|² |U_ei|² = Σ_ab c_a* M_ab c_b,   M_ab = ⟨Σ_i |U_ei|² V_ai V_bi*⟩,

averaged over where ⁸B decays; V are the eigenvectors there (Parke, PRL 57 (1986) 1275). Antineutrinos have the opposite
potential and U*. The part of ν_s that is light, c = (1 − U_4 U_4†) e_s/√(1 − |U_s4|²), gives the
⟨P⟩ = Σ_i ⟨|U_si^m|²⟩ |U_ei|²/(1 − |U_s4|²) of what ν4 → ν φ and φ → ν ν̄ leave. To leading order in the mixings it
is the active combination c_a = U_a4/√Σ|U_b4|², and M is that of three flavours: then the mixings factor out of M.

It holds for decays within a length in which the density changes little, see `PROMPT`. Regeneration in the Earth, below
the per cent for antineutrinos, is left out.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from scanner.physics.kernel import INPUT, kernel
from scanner.physics.oscillation import hermitian_eigensystem_4
from scanner.units import MATTER_POTENTIAL

SPECTRUM = Path(__file__).parent / "data" / "boron8_spectrum.txt"
ZONES = Path(__file__).parent / "data" / "boron8_zones.txt"

STEP = 0.1
"""Width of the bins of the spectrum, from 0 [MeV]."""

BORON8_FLUX = 5.46e6
"""⁸B neutrinos at the Earth [1/(cm² s)]: the B16-GS98 model, Vinyoles et al., 1611.09867 (from memory)."""

BORON8_ERROR = 0.12
"""Its relative error, from there too."""

PROMPT = 7e6
"""Length of flight [m] of a decay that is prompt for the Sun: 1 % of its radius, in which the density falls by 10 %."""

FLIGHT = 149_597_870_700.0
"""From the Sun to the Earth [m]: the astronomical unit, by its definition (IAU 2012, resolution B2)."""

NEUTRONS = 0.4
"""Neutrons per electron where ⁸B is made (from memory, for 40 % hydrogen). Only what is sterile feels them: an effect
of |U_a4|² times a few per cent."""

_TWICE_EV_PER_MEV = 2e6
_MIXING = types.Array(types.complex128, 2, "C", readonly=True)


class Boron8(NamedTuple):
    """Spectrum of ⁸B neutrinos and where they are made."""

    energy: NDArray[np.float64]
    """Centres of bins [MeV], shape (bins,)."""
    fraction: NDArray[np.float64]
    """Of the neutrinos in each bin."""
    electrons: NDArray[np.float64]
    """Electron density of the zones [mol/cm³], shape (zones,)."""
    weight: NDArray[np.float64]
    """Fraction of ⁸B that decays in each."""


@functools.cache
def boron8() -> Boron8:
    """Return the spectrum of Bahcall et al. and the zones of the solar model AGSS09, from their compact tables."""
    columns = (*np.loadtxt(SPECTRUM).T, *np.loadtxt(ZONES).T)
    for values in columns:
        values.flags.writeable = False
    return Boron8(*map(np.ascontiguousarray, columns))


@kernel(types.void(types.float64[::1], types.int64[::1]))
def _ascending(values, order):  # type: ignore[no-untyped-def]
    """Fill order with the indices of four values, the lowest first."""
    for i in range(4):
        rank = 0
        for j in range(4):
            rank += values[j] < values[i] or (values[j] == values[i] and j < i)
        order[rank] = i


@kernel(types.void(INPUT, _MIXING, INPUT, INPUT, INPUT, INPUT, types.boolean, types.complex128[:, :, ::1]))
def fill_conversion(E, mixing, dm2, seen, electrons, weight, antineutrino, out):  # type: ignore[no-untyped-def]
    """Fill M, with which a neutrino of amplitudes c is seen with probability Σ_ab c_a* M_ab c_b.

    Parameters
    ----------
    E : float64[n]
        Energies [MeV].
    mixing : complex128[4, 4]
        `oscillation.mixing_matrix_3p1`, of neutrinos also where antineutrino is set.
    dm2 : float64[4]
        0, Δm²_21, Δm²_31, Δm²_41 [eV²].
    seen : float64[4]
        Probability that each ν_i is: |U_ei|² to be seen as ν_e.
    electrons, weight : float64[zones], float64[zones]
        Electron densities [mol/cm³], and the fraction of neutrinos born at each.
    antineutrino : bool
        Whether V → −V and U → U*.
    out : complex128[n, 4, 4]
        M in flavour space e, μ, τ, s. NaN where the diagonalisation did not converge.
    """
    U = np.conj(mixing) if antineutrino else mixing.copy()
    sign = -1.0 if antineutrino else 1.0
    h, vectors, values = np.empty_like(U), np.empty_like(U), np.empty(4)
    vacuum, matter = np.empty(4, dtype=np.int64), np.empty(4, dtype=np.int64)
    _ascending(dm2.copy(), vacuum)
    out[:] = 0
    for n in range(E.size):
        for zone in range(electrons.size):
            strength = sign * _TWICE_EV_PER_MEV * E[n] * MATTER_POTENTIAL * electrons[zone]
            for j in range(4):
                for k in range(4):
                    # V_CC, and −V_NC of the sterile state, as in `oscillation.probability_3p1`.
                    by_e = U[0, j].conjugate() * U[0, k]
                    by_s = 0.5 * NEUTRONS * U[3, j].conjugate() * U[3, k]
                    h[j, k] = strength * (by_e + by_s)
                h[j, j] += dm2[j]
                vectors[j, :] = U[:, j]
            hermitian_eigensystem_4(h, vectors, values)
            _ascending(values, matter)
            for i in range(4):
                part = weight[zone] * seen[vacuum[i]]
                v = vectors[matter[i]]
                for a in range(4):
                    for b in range(4):
                        out[n, a, b] += part * v[a] * v[b].conjugate()
            if np.isnan(values[0]):
                out[n] = np.nan


def conversion(
    E: NDArray[np.float64], mixing: NDArray[np.complex128], dm2: NDArray[np.float64], antineutrino: bool
) -> NDArray[np.complex128]:
    """Return M to be seen as ν_e, of neutrinos born where ⁸B is, shape (n, 4, 4). See `fill_conversion`."""
    return _conversion(E, mixing, dm2, np.array([x.real**2 + x.imag**2 for x in mixing[0]]), antineutrino)


def _conversion(
    E: NDArray[np.float64],
    mixing: NDArray[np.complex128],
    dm2: NDArray[np.float64],
    seen: NDArray[np.float64],
    antineutrino: bool,
) -> NDArray[np.complex128]:
    sun = boron8()
    out = np.empty((E.size, 4, 4), dtype=np.complex128)
    fill_conversion(E, mixing, dm2, seen, sun.electrons, sun.weight, antineutrino, out)
    return out


def mass_state(
    E: NDArray[np.float64], mixing: NDArray[np.complex128], dm2: NDArray[np.float64], i: int
) -> NDArray[np.float64]:
    """Return the probability that a ν_e born where ⁸B is leaves the Sun as ν_i, i from 0, shape (n,)."""
    return np.ascontiguousarray(_conversion(E, mixing, dm2, np.eye(4)[i], False)[:, 0, 0].real)


def light_sterile(mixing: NDArray[np.complex128], antineutrino: bool) -> NDArray[np.complex128]:
    """Return the flavour amplitudes of ν_s without ν4, which ν4 → ν φ and φ → ν ν̄ make, shape (4,).

    Parameters
    ----------
    mixing
        `oscillation.mixing_matrix_3p1`, with |U_s4| < 1.
    antineutrino
        Whether those of ν̄_s.
    """
    heavy = mixing[:, 3].conj() if antineutrino else mixing[:, 3]
    state = -heavy * heavy[3].conj()
    state[3] += 1
    size = sum(x.real**2 + x.imag**2 for x in state)
    return np.asarray(state / np.sqrt(size))


def seen_as_nue(conversion: NDArray[np.complex128], state: NDArray[np.complex128]) -> NDArray[np.float64]:
    """Return Σ_ab c_a* M_ab c_b, shape (n,).

    Parameters
    ----------
    conversion
        M, shape (n, 4, 4).
    state
        c, shape (4,).
    """
    total = np.zeros(len(conversion))
    for a in range(4):
        for b in range(4):
            total += (state[a].conjugate() * state[b] * conversion[:, a, b]).real
    return total
