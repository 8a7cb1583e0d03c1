"""Upscattering ν + T → N + T through a vector, a scalar or a dipole, off nuclei and off their nucleons.

**Couplings stay outside**: cross sections σ̂ are those for unit couplings, per nucleus, averaged over the spin of the
target and summed over the helicities of N, for a left-handed ν or a right-handed ν̄, N Dirac or Majorana::

    vector:  L = V_a ν̄_a γ^μ P_L N Z′_μ + Z′_μ (V_p p̄ γ^μ p + V_n n̄ γ^μ n)    σ = |V_a|² V² σ̂
    scalar:  L = S_a ν̄_a P_R N φ + φ (S_p p̄ p + S_n n̄ n)                         σ = |S_a|² S² σ̂
    dipole:  L = d_a ν̄_a σ^μν P_R N F_μν,  d = μ_tr/2                             σ = |d_a|² (e Q)² σ̂

with + h.c. In the coherent regime V = Z V_p + (A-Z) V_n, S alike, Q = Z. Off single nucleons S is S_p or S_n and
Q = 1, as their form factors hold the rest. So they do for the Z′ of a dark photon, V_p = e ε and V_n = 0, which has
V = V_p off neutrons too: those scatter by their magnetic moment. For any V_p and V_n isospin says, off protons,

    V² σ̂ = V_p² σ̂(current "proton") + V_p V_n σ̂("interference") + V_n² σ̂("neutron"),

and the same with V_p and V_n exchanged off neutrons.

*Kinematics.* s = M² + 2ME; the threshold is m + m²/2M. No limit of Q² is a difference of large numbers: the lower
one follows from their product, m⁴M²/s. The integral over ln Q² has panels over which neither a propagator nor a
form factor changes by much, and is good to 1e-9 whatever the masses.

*Charge.* The e of e ε and of e Q is one of `CHARGE`.

References: Abdullahi et al., 2207.04137; Bertuzzo et al., 1807.09877; Ballett et al., 1808.02915; Argüelles et al.,
1812.08768 (dark photon); Magill et al., 1803.03262 (dipole). The formulas are tested against traces of Dirac matrices.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numba import types
from numpy.typing import ArrayLike, NDArray

from scanner.errors import InputError, did_you_mean
from scanner.physics.form_factors import (
    FERMI_MOMENTUM,
    HELM_REACH,
    Nuclide,
    dirac_proton,
    fourier_bessel,
    fourier_bessel_terms,
    helm,
    helm_terms,
    nuclide,
    pauli_blocking,
    sachs_neutron,
    sachs_proton,
)
from scanner.physics.kernel import INPUT, kernel
from scanner.physics.particles import MASS
from scanner.physics.phase_space import gauss_legendre
from scanner.units import ALPHA_EM, HBARC_GEV_FM

_f8 = types.float64

MEDIATORS = ("vector", "scalar", "dipole")
VECTOR, SCALAR, DIPOLE = range(3)

REGIMES = ("coherent", "proton", "neutron")
FORM_FACTORS = ("fourier_bessel", "helm")
SPINS = ("half", "zero")
CURRENTS = ("proton", "neutron", "interference")

_FOURIER_BESSEL, _HELM, _PROTON, _NEUTRON, _INTERFERENCE = range(5)

CM2: float = (HBARC_GEV_FM * 1e-13) ** 2
"""1 GeV⁻² [cm²]: a cross section in GeV⁻² times CM2 is in cm²."""

GSW_OVER_E0 = 1.01914
"""g sin θ_W of G_F, m_W and the on-shell sin²θ_W, over e = √4πα(0): what the public generator DarkNews has for e."""

CHARGE: Mapping[str, float] = MappingProxyType(
    {"gsw": GSW_OVER_E0 * math.sqrt(4 * math.pi * ALPHA_EM), "e0": math.sqrt(4 * math.pi * ALPHA_EM)}
)
"""e by two conventions, that of the electroweak scale and that of Q² = 0; rates differ by 3.9 % for each e²."""

NODES = 16
"""Of a panel of the integral over ln Q²."""

STRETCH = math.exp(5.0)
"""Of Q² over a panel, at most: poles of propagators and nucleon form factors are π away from the real axis of ln Q²."""

STRIDE = 8.0
"""Of qR over a panel, at most, where F of a nucleus of radius R oscillates."""

SMALLEST_MASS = 1e-30
"""Of N [GeV]; a massless one has no least Q², and the photon's cross section is infinite."""


class Target(NamedTuple):
    """What the kernels take of a target, in the order that they take it: see `target`."""

    current: int
    spin: int
    """Twice the spin: 1, or 0."""
    number: int
    """Of scatterers in a nucleus: 1, Z or A - Z."""
    mass: float
    """Of a scatterer, M [GeV]."""
    fermi_momentum: float
    """[GeV]; 0 where nothing is blocked."""
    terms: NDArray[np.float64]
    """Of the form factor of a nucleus; see `fourier_bessel` and `helm`."""


_TARGET = (types.int64, types.int64, types.int64, _f8, _f8, INPUT)


@kernel(_f8(_f8, _f8))
def threshold(m, M):  # type: ignore[no-untyped-def]
    """Least energy of ν [GeV] that makes N of mass m off a target of mass M at rest [GeV]."""
    return m + m * m / (2 * M)


@kernel(types.UniTuple(_f8, 2)(_f8, _f8, _f8))
def q2_limits(E, m, M):  # type: ignore[no-untyped-def]
    """Least and largest Q² [GeV²]; both 0 up to the threshold.

    Parameters
    ----------
    E, m, M : float
        Energy of ν, masses of N and of the target at rest [GeV].
    """
    above = 2 * M * (E - m) - m * m  # s - (M + m)²
    if not above > 0:
        return 0.0, 0.0
    s = M * (M + 2 * E)
    middle = 2 * M * E * E - m * m * (E + M)
    high = M / s * (middle + E * math.sqrt(above * (2 * M * (E + m) - m * m)))
    return (m * m * M) ** 2 / (s * high), high


@kernel(types.UniTuple(_f8, 3)(types.int64, types.int64, _f8, _f8, INPUT))
def response(current, spin, Q2, M, terms):  # type: ignore[no-untyped-def]
    """G_M², (G_E² + τ G_M²)/(1 + τ) and F_S² (1 + τ) of a target, of which a nucleus of spin 0 has no magnetic part."""
    tau = Q2 / (4 * M * M)
    if current <= _HELM:
        q = math.sqrt(Q2)
        F = fourier_bessel(q, terms) if current == _FOURIER_BESSEL else helm(q, terms)
        return spin * F * F, F * F, F * F * (1 + spin * tau)
    electric, magnetic = sachs_proton(Q2)
    if current == _PROTON:
        electric, magnetic = electric**2, magnetic**2
    else:
        other_electric, other_magnetic = sachs_neutron(Q2, M)
        if current == _NEUTRON:
            electric, magnetic = other_electric**2, other_magnetic**2
        else:
            electric, magnetic = 2 * electric * other_electric, 2 * magnetic * other_magnetic
    return magnetic, (electric + tau * magnetic) / (1 + tau), dirac_proton(Q2, M) ** 2 * (1 + tau)


@kernel(_f8(types.int64, _f8, _f8, _f8, _f8, _f8, _f8, _f8))
def _squared(mediator, E, Q2, m, M, magnetic, electric, scalar):  # type: ignore[no-untyped-def]
    """Σ|amplitude|²/2 for unit couplings and propagator 1; see `response` for the last three."""
    if mediator == SCALAR:
        return 4 * M**2 * (Q2 + m * m) * scalar
    # (s - u)² - (4M² + Q²)(Q² + m²), which is linear in Q².
    at_zero = (4 * M * E - m * m - 2 * M * m) * (4 * M * E - m * m + 2 * M * m)
    conserving = at_zero - (4 * M * (M + 2 * E) - m * m) * Q2
    if mediator == VECTOR:
        return magnetic * (Q2 + m * m) * (2 * Q2 - m * m) + electric * conserving
    flipping = Q2 * conserving + (4 * M**2 + Q2) * (Q2 + m * m) * (Q2 - m * m)
    return 4 * (electric * flipping - magnetic * Q2 * (Q2 - 2 * m * m) * (Q2 + m * m))


@kernel(_f8(types.int64, _f8, _f8, _f8, _f8, types.int64, types.int64, _f8, _f8, types.UniTuple(_f8, 3)))
def density_for(  # type: ignore[no-untyped-def]
    mediator, E, Q2, m, m_mediator, current, number, M, fermi_momentum, found
):
    """dσ̂/dQ² at a Q² within the limits, with the `response` found there."""
    squared = _squared(mediator, E, Q2, m, M, found[0], found[1], found[2])
    if current != _INTERFERENCE:
        squared = max(squared, 0.0)  # at the ends of Q², where it may vanish, rounding has either sign
    propagator = (Q2 + m_mediator**2) * 8 * M * E
    return number * pauli_blocking(Q2, M, fermi_momentum) * squared / (math.pi * propagator**2)


@kernel(_f8(types.int64, _f8, _f8, _f8, _f8, *_TARGET))
def _density(  # type: ignore[no-untyped-def]
    mediator, E, Q2, m, m_mediator, current, spin, number, M, fermi_momentum, terms
):
    found = response(current, spin, Q2, M, terms)
    return density_for(mediator, E, Q2, m, m_mediator, current, number, M, fermi_momentum, found)


@kernel(_f8(types.int64, _f8, _f8, _f8, _f8, *_TARGET))
def differential(  # type: ignore[no-untyped-def]
    mediator, E, Q2, m, m_mediator, current, spin, number, M, fermi_momentum, terms
):
    """dσ̂/dQ² [GeV⁻⁴; dipole GeV⁻²]; 0 outside the limits of Q²: ``differential(VECTOR, E, Q2, m, m_Zprime, *target)``.

    Parameters
    ----------
    mediator : int
        VECTOR, SCALAR or DIPOLE.
    E, Q2 : float
        Energy of ν [GeV] and -t [GeV²].
    m, m_mediator : float
        Masses of N and of what is exchanged [GeV]: 0 for a photon.
    current, spin, number, M, fermi_momentum, terms
        The fields of a `Target`.
    """
    low, high = q2_limits(E, m, M)
    if not (Q2 > 0 and low <= Q2 <= high):
        return 0.0
    return _density(mediator, E, Q2, m, m_mediator, current, spin, number, M, fermi_momentum, terms)


@kernel(types.UniTuple(_f8, 2)(types.int64, INPUT))
def form_factor_extent(current, terms):  # type: ignore[no-untyped-def]
    """Radius of a form factor [1/GeV], and the Q² [GeV²] beyond which it is 0."""
    if current == _FOURIER_BESSEL:
        return terms[0], ((terms.size - 1) * math.pi / terms[0]) ** 2
    if current == _HELM:
        return terms[0], HELM_REACH**2
    return 0.0, np.inf


@kernel(_f8(_f8, _f8, _f8, _f8, _f8))
def panel_end(start, end, radius, M, fermi_momentum):  # type: ignore[no-untyped-def]
    """Where a panel of the integral over ln Q² that begins at `start` ends, at `end` at most [GeV²].

    Neither a propagator nor a form factor of that radius [1/GeV] changes by much over it, and no nucleon of mass M
    is blocked on one side of it alone.
    """
    stop = min(end, STRETCH * start)
    if radius > 0:
        stop = min(stop, (math.sqrt(start) + STRIDE / radius) ** 2)
    unblocked = 2 * M * M * (math.sqrt(1 + (2 * fermi_momentum / M) ** 2) - 1)
    return unblocked if start < unblocked < stop else stop


@kernel(_f8(types.int64, _f8, _f8, _f8, *_TARGET, INPUT, INPUT))
def cross_section(  # type: ignore[no-untyped-def]
    mediator, E, m, m_mediator, current, spin, number, M, fermi_momentum, terms, nodes, weights
):
    """σ̂ [GeV⁻²; dipole: a number]; 0 up to the threshold, NaN for m = 0.

    Parameters
    ----------
    mediator, E, m, m_mediator, current, spin, number, M, fermi_momentum, terms
        As those of `differential`.
    nodes, weights : float64[n]
        `gauss_legendre(NODES)`.
    """
    start, end = q2_limits(E, m, M)
    if end == 0:
        return 0.0
    if not start > 0:
        return np.nan
    radius, reach = form_factor_extent(current, terms)
    end = min(end, reach)
    total = 0.0
    while start < end:
        stop = panel_end(start, end, radius, M, fermi_momentum)
        half = 0.5 * math.log(stop / start)
        for i in range(nodes.size):
            Q2 = start * math.exp(half * (nodes[i] + 1))
            made = _density(mediator, E, Q2, m, m_mediator, current, spin, number, M, fermi_momentum, terms)
            total += half * weights[i] * Q2 * made
        start = stop
    return total


@kernel(types.void(types.int64, INPUT, _f8, _f8, *_TARGET, INPUT, INPUT, types.float64[::1]))
def fill_cross_sections(  # type: ignore[no-untyped-def]
    mediator, energies, m, m_mediator, current, spin, number, M, fermi_momentum, terms, nodes, weights, out
):
    """Fill out with `cross_section` at energies [GeV]."""
    for i in range(energies.size):
        out[i] = cross_section(
            mediator, energies[i], m, m_mediator,
            current, spin, number, M, fermi_momentum, terms, nodes, weights,
        )  # fmt: skip


def target(
    name: str,
    regime: str = "coherent",
    form_factor: str = "fourier_bessel",
    spin: str = "half",
    pauli: bool = False,
    current: str | None = None,
) -> Target:
    """Return what the kernels take of a nuclide, for what is coherent or for its nucleons.

    Parameters
    ----------
    name
        Of the nuclide, such as ``Ar40``; H1 has free protons, and nothing coherent: 0 there, as for its neutrons.
    regime
        Of `REGIMES`.
    form_factor
        Of the coherent regime: of `FORM_FACTORS`. A nuclide without Fourier–Bessel analysis has Helm's.
    spin
        Of the nucleus: of `SPINS`, a relative difference of order Q²/M².
    pauli
        Whether the nucleons of a nucleus are those of a Fermi gas, not free.
    current
        Whose form factors the nucleons have: of `CURRENTS`, by default their own, and one for a scalar; see the module.

    Raises
    ------
    InputError
        For a name that is not known.

    Examples
    --------
    >>> argon = target("Ar40", "neutron", pauli=True)
    >>> argon.number, argon.fermi_momentum
    (22, 0.235)
    """
    _one_of("regime", regime, REGIMES)
    nucleus = nuclide(name)
    if regime == "coherent" and nucleus.A > 1:
        return _coherent(nucleus, form_factor, spin)
    number = {"coherent": 0, "proton": nucleus.Z, "neutron": nucleus.A - nucleus.Z}[regime]
    nucleon = "neutron" if regime == "neutron" else "proton"
    own = _PROTON + _one_of("current", current or nucleon, CURRENTS)
    fermi_momentum = FERMI_MOMENTUM if pauli and nucleus.A > 1 else 0.0
    return Target(own, 1, number, MASS[nucleon[0]], fermi_momentum, np.empty(0))


def _coherent(nucleus: Nuclide, form_factor: str, spin: str) -> Target:
    twice = 1 - _one_of("spin", spin, SPINS)
    measured = fourier_bessel_terms().get((nucleus.Z, nucleus.A))
    if _one_of("form_factor", form_factor, FORM_FACTORS) == _FOURIER_BESSEL and measured is not None:
        return Target(_FOURIER_BESSEL, twice, 1, nucleus.mass, 0.0, measured)
    return Target(_HELM, twice, 1, nucleus.mass, 0.0, helm_terms(nucleus.A))


def _one_of(where: str, found: str, names: tuple[str, ...]) -> int:
    """Index of a name among those allowed."""
    if found not in names:
        raise InputError(where, "unknown", found, ", ".join(names), did_you_mean(found, names))
    return names.index(found)


def sigma_hat(mediator: str, E: ArrayLike, m_N: float, m_mediator: float, off: Target) -> NDArray[np.float64]:
    """Cross section per nucleus for unit couplings; see the module.

    Parameters
    ----------
    mediator
        Of `MEDIATORS`.
    E
        Energy of ν [GeV], of any shape.
    m_N
        Mass of N [GeV].
    m_mediator
        Mass of what is exchanged [GeV]; 0 for a photon, the mediator of a dipole.
    off
        A `target`.

    Returns
    -------
    float64, shape of E
        [GeV⁻²], or for a dipole a number, to be multiplied by d² [GeV⁻²]; 0 up to the threshold. Times `CM2` in cm².

    Raises
    ------
    InputError
        For masses or energies that are none.

    Examples
    --------
    Of a dark photon of 30 MeV off all six protons of carbon together, for V_a = 1 and e ε = 1e-4 [cm²]:

    >>> f"{sigma_hat('vector', 0.7, 0.42, 0.03, target('C12')) * (6 * 1e-4) ** 2 * CM2:.3e}"
    '6.193e-35'
    """
    kind = _one_of("mediator", mediator, MEDIATORS)
    energies = np.asarray(E, float)
    _check(energies, m_N, m_mediator)
    out = np.empty(energies.size)
    fill_cross_sections(kind, energies.ravel(), m_N, m_mediator, *off, *_rule(), out)
    return out.reshape(energies.shape)


def _check(energies: NDArray[np.float64], m_N: float, m_mediator: float) -> None:
    if not (np.all(energies > 0) and np.all(np.isfinite(energies))):
        raise InputError("E", "an energy must be positive and finite", np.min(energies), "E > 0 GeV")
    if not SMALLEST_MASS <= m_N < math.inf:
        raise InputError("m_N", "not a mass for which a cross section is finite", m_N, f"m_N >= {SMALLEST_MASS} GeV")
    if not 0 <= m_mediator < math.inf:
        raise InputError("m_mediator", "a mass must be finite and not negative", m_mediator, "m_mediator >= 0 GeV")


@functools.cache
def _rule() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return gauss_legendre(NODES)
