"""Inverse beta decay, ν̄_e p → e⁺ n: the full cross section of Strumia and Vissani.

A. Strumia and F. Vissani, Phys. Lett. B 564 (2003) 42 (astro-ph/0302055): the tree-level matrix element with all four
form factors and the difference of the nucleons' masses kept, times radiative corrections to first order in α. Numbers
of equations are those of that paper, and so are the couplings, so that its table comes out; today's values of cos θ_C
and of the axial coupling would raise all of it by 0.5 %.
"""

from __future__ import annotations

import math

import numpy as np
from numba import types
from numpy.typing import ArrayLike, NDArray

from scanner.errors import InputError
from scanner.physics.kernel import INPUT, kernel
from scanner.physics.particles import MASS
from scanner.physics.phase_space import gauss_legendre
from scanner.units import ALPHA_EM, G_FERMI, HBARC_GEV_FM

_f8 = types.float64

PROTON, NEUTRON, POSITRON, PION = MASS["p"], MASS["n"], MASS["e"], MASS["pi"]
"""[GeV]."""

COSINE_CABIBBO = 0.9746
AXIAL_COUPLING = -1.270
"""g_1(0); section 2.1."""
VECTOR_MASS_SQ, AXIAL_MASS_SQ = 0.71, 1.0
"""M_V², M_A² [GeV²]; section 2.1."""
MAGNETIC = 3.706
"""ξ = κ_p - κ_n; section 2.1."""

THRESHOLD = ((NEUTRON + POSITRON) ** 2 - PROTON**2) / (2 * PROTON)
"""Least energy of the neutrino [GeV], 1.806 MeV."""

HIGHEST = 1.0
"""Energy [GeV] up to which it is offered; the paper gives its error as 0.4 % at low energies (from memory)."""

_ORDER = 24
_GEV2_TO_CM2 = (HBARC_GEV_FM * 1e-13) ** 2
_FACTS = np.array(
    [PROTON, NEUTRON, POSITRON, PION, AXIAL_COUPLING, VECTOR_MASS_SQ, AXIAL_MASS_SQ, MAGNETIC, ALPHA_EM / math.pi]
)
_COUPLING = (G_FERMI * COSINE_CABIBBO) ** 2 / (2 * math.pi) * _GEV2_TO_CM2
"""G_F² cos²θ_C / 2π [cm² GeV⁻²]."""


@kernel(types.UniTuple(_f8, 2)(_f8, INPUT))
def _positron_range(energy, facts):  # type: ignore[no-untyped-def]
    """Least and largest energy of the positron [GeV], eqs. (11) and (12); (0, 0) below threshold."""
    proton, neutron, positron = facts[0], facts[1], facts[2]
    s = proton * proton + 2 * proton * energy
    # Far below threshold both factors of the gap are negative.
    above = s - (neutron + positron) ** 2
    if not above > 0:
        return 0.0, 0.0
    gap = (s - (neutron - positron) ** 2) * above
    root = 2 * math.sqrt(s)
    neutrino = (s - proton * proton) / root
    energy_cm = (s - neutron * neutron + positron * positron) / root
    momentum_cm = math.sqrt(gap) / root
    delta = (neutron * neutron - proton * proton - positron * positron) / (2 * proton)
    middle = energy - delta - neutrino * energy_cm / proton
    half = neutrino * momentum_cm / proton
    return middle - half, middle + half


@kernel(_f8(_f8, _f8, INPUT))
def _matrix_element(energy, out, facts):  # type: ignore[no-untyped-def]
    """A - (s - u) B + (s - u)² C [GeV⁴], eqs. (5) to (7), for a positron of energy `out`."""
    proton, neutron, positron, pion = facts[0], facts[1], facts[2], facts[3]
    axial, vector_sq, axial_sq, xi = facts[4], facts[5], facts[6], facts[7]
    mass, difference = 0.5 * (proton + neutron), neutron - proton
    M2, m2 = mass * mass, positron * positron
    t = neutron * neutron - proton * proton - 2 * proton * (energy - out)
    s_u = 2 * proton * (energy + out) - m2
    dipole = (1 - t / (4 * M2)) * (1 - t / vector_sq) ** 2
    f1 = (1 - (1 + xi) * t / (4 * M2)) / dipole
    f2 = xi / dipole
    g1 = axial / (1 - t / axial_sq) ** 2
    g2 = 2 * M2 * g1 / (pion * pion - t)
    symmetric = (
        4 * f1 * f1 * (4 * M2 + t + m2)
        + 4 * g1 * g1 * (-4 * M2 + t + m2)
        + f2 * f2 * (t * t / M2 + 4 * t + 4 * m2)
        + 4 * m2 * t * g2 * g2 / M2
        + 8 * f1 * f2 * (2 * t + m2)
        + 16 * m2 * g1 * g2
    )
    split = (
        (4 * f1 * f1 + t * f2 * f2 / M2) * (4 * M2 + t - m2)
        + 4 * g1 * g1 * (4 * M2 - t + m2)
        + 4 * m2 * g2 * g2 * (t - m2) / M2
        + 8 * f1 * f2 * (2 * t - m2)
        + 16 * m2 * g1 * g2
    )
    interference = 32 * m2 * mass * difference * g1 * (f1 + f2)
    A = ((t - m2) * symmetric - difference * difference * split - interference) / 16
    B = t * g1 * (f1 + f2) + m2 * difference * (f2 * f2 + f1 * f2 + 2 * g1 * g2) / (4 * mass)
    C = (4 * (f1 * f1 + g1 * g1) - t * f2 * f2 / M2) / 16
    return A - s_u * B + s_u * s_u * C


@kernel(_f8(_f8, _f8, _f8, INPUT))
def _differential(energy, out, coupling, facts):  # type: ignore[no-untyped-def]
    """dσ/dE_e [cm²/GeV] within the limits of E_e, with the radiative corrections of eq. (14)."""
    proton, positron = facts[0], facts[2]
    tree = coupling / (2 * proton * energy * energy) * _matrix_element(energy, out, facts)
    ratio = positron / out
    radiative = 6.00 + 1.5 * math.log(proton / (2 * out)) + 1.2 * ratio * math.sqrt(ratio)
    return tree * (1 + facts[8] * radiative)


@kernel(types.void(INPUT, INPUT, _f8, INPUT, types.float64[::1]))
def _fill_differential(energy, out, coupling, facts, result):  # type: ignore[no-untyped-def]
    for i in range(energy.size):
        low, high = _positron_range(energy[i], facts)
        result[i] = _differential(energy[i], out[i], coupling, facts) if low <= out[i] <= high and high > 0 else 0.0


@kernel(types.void(INPUT, _f8, INPUT, INPUT, INPUT, types.float64[::1]))
def _fill_total(energy, coupling, facts, nodes, weights, result):  # type: ignore[no-untyped-def]
    for i in range(energy.size):
        low, high = _positron_range(energy[i], facts)
        half, total = 0.5 * (high - low), 0.0
        if high > 0:
            for k in range(nodes.size):
                total += weights[k] * _differential(energy[i], low + half * (1 + nodes[k]), coupling, facts)
        result[i] = half * total


def differential_cross_section(energy: ArrayLike, positron_energy: ArrayLike) -> NDArray[np.float64]:
    """Return dσ/dE_e [cm²/GeV]; 0 where the kinematics forbid it.

    Parameters
    ----------
    energy
        Of the neutrino [GeV].
    positron_energy
        Total energy of the positron [GeV]; broadcast against each other.
    """
    nu, out = np.broadcast_arrays(_checked(energy), np.asarray(positron_energy, dtype=np.float64))
    result = np.empty(nu.size)
    _fill_differential(_flat(nu), _flat(out), _COUPLING, _FACTS, result)
    return result.reshape(nu.shape)


def cross_section(energy: ArrayLike) -> NDArray[np.float64]:
    """Return the total cross section [cm²], 0 below threshold, for neutrinos of energy [GeV] up to HIGHEST."""
    nu = _checked(energy)
    result = np.empty(nu.size)
    _fill_total(_flat(nu), _COUPLING, _FACTS, *gauss_legendre(_ORDER), result)
    return result.reshape(nu.shape)


def positron_range(energy: float) -> tuple[float, float]:
    """Return the least and the largest energy of the positron [GeV]; (0, 0) below threshold."""
    low, high = _positron_range(float(_checked(energy)), _FACTS)
    return float(low), float(high)


def positron_energy(energy: float, cosine: float) -> float:
    """Return the total energy of a positron [GeV] at an angle to the neutrino, eq. (21); NaN below threshold.

    Parameters
    ----------
    energy
        Of the neutrino [GeV].
    cosine
        Of the angle, in the laboratory. Within 5 keV of the threshold, where the neutron carries the positron along
        and two energies belong to one angle, the larger one.
    """
    nu = float(_checked(energy))
    delta = (NEUTRON**2 - PROTON**2 - POSITRON**2) / (2 * PROTON)
    ratio = nu / PROTON
    kappa = (1 + ratio) ** 2 - (ratio * cosine) ** 2
    square = (nu - delta) ** 2 - POSITRON**2 * kappa
    if square < 0 or nu < THRESHOLD:
        return math.nan
    return ((nu - delta) * (1 + ratio) + ratio * cosine * math.sqrt(square)) / kappa


def _checked(energy: ArrayLike) -> NDArray[np.float64]:
    nu = np.asarray(energy, dtype=np.float64)
    if not np.all((nu >= 0) & (nu <= HIGHEST)):
        raise InputError("energy", "no cross section of inverse beta decay there", energy, f"0 to {HIGHEST:g} GeV")
    return nu


def _flat(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.ascontiguousarray(values, dtype=np.float64).ravel()
