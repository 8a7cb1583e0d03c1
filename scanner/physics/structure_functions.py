"""What nucleons and nuclei answer to a photon that breaks them up: measured structure functions.

A nucleon at rest takes the energy ν and the momentum transfer Q² from a current; its answer averaged over spin is

    W^μν = W₁ (-g^μν + q^μ q^ν/q²) + W₂/M² P^μ P^ν,  P = p - (p·q/q²) q,

normalised as elastic scattering, which is W₁ = τ G_M² δ(ν - Q²/2M) and W₂ = (G_E² + τ G_M²)/(1 + τ) δ(ν - Q²/2M).
With x = Q²/2Mν and R = σ_L/σ_T::

    W₂ = F₂/ν,  W₁ = W₂ (1 + ν²/Q²)/(1 + R)

*F₂ of the proton* is the fit of Abramowicz, Levin, Levy and Maor (ALLM97) to all data with W² > 3 GeV², Q² from 0, the
real photon, to 5000 GeV². Below that W it averages over the resonances, as it must on the whole (duality) but not
at any one W. *R* is that of SLAC (R1990), made for 0.1 < x < 0.9 and Q² > 0.6 GeV², with the continuation of Bodek and
Yang below 0.35 GeV², where it falls to 0 with Q²; elsewhere it is an extrapolation. *The neutron* has the ratio of
BCDMS and NMC, F₂ⁿ/F₂ᵖ = 1 - 1.85x + 2.45x² - 2.35x³ + x⁴. *A nucleus* is a sum of nucleons times the shadowing of
Dutta et al., A^-0.1 for x < 0.0014; the EMC effect and Fermi motion, up to some 15 %, are left out.

F₂ is good to some 3 % where it was measured, 10 % for a real photon, 20 % of a bin in W below W = 2 GeV; R matters by
at most 15 %, shadowing by 30 % in iron where Q² ≲ 0.01 GeV².

References: Abramowicz & Levy, hep-ph/9712415 in its version of 2004, its parameters as in the public codes PROPOSAL
and CepGen; Whitlow et al., Phys. Lett. B 250 (1990) 193, and Bodek & Yang, hep-ex/0308007, as in the public code GENIE;
BCDMS, Phys. Lett. B 237 (1990) 599; Dutta et al., Phys. Rev. D 63 (2001) 094020, hep-ph/0012350, eqs. 3.10 and 3.11,
as in PROPOSAL.
"""

from __future__ import annotations

import math

from numba import types

from scanner.physics.kernel import kernel

_f8 = types.float64


@kernel(_f8(_f8))
def running(Q2):  # type: ignore[no-untyped-def]
    """ALLM97's t = ln(ln((Q² + Q₀²)/Λ²)/ln(Q₀²/Λ²)), which is 0 at Q² = 0 [GeV²]."""
    return math.log1p(math.log1p(Q2 / 0.52544) / math.log(0.52544 / 0.06527))


@kernel(_f8(_f8, _f8, _f8))
def _falling(first, second, power):  # type: ignore[no-untyped-def]
    """A parameter of the pomeron, which falls from `first` where t is 0 to `second` where it is large."""
    return first - (first - second) * power / (1 + power)


@kernel(_f8(_f8, _f8, _f8))
def proton_f2_over_q2(Q2, nu, M):  # type: ignore[no-untyped-def]
    """F₂/Q² of the proton [GeV⁻²] by ALLM97, finite at Q² = 0.

    Parameters
    ----------
    Q2, nu, M : float
        Momentum transfer [GeV²], energy transfer and mass of the proton [GeV]; Q² < 2Mν.
    """
    t, whole = running(Q2), 2 * M * nu
    x = Q2 / whole
    pomeron_a = _falling(-0.0808, -0.44812, t**1.1709)
    pomeron_b = 0.36292 + 1.8917 * t**1.8439
    pomeron_c = _falling(0.28067, 0.22291, t**2.1979)
    reggeon_a = 0.58400 + 0.37888 * t**2.6063
    reggeon_b = 0.01147 + 3.7582 * t**0.49338
    reggeon_c = 0.80107 + 0.97307 * t**3.4942
    pomeron = pomeron_c * ((Q2 + 49.457) / (whole + 49.457)) ** pomeron_a * (1 - x) ** pomeron_b
    reggeon = reggeon_c * ((Q2 + 0.15052) / (whole + 0.15052)) ** reggeon_a * (1 - x) ** reggeon_b
    return (pomeron + reggeon) / (Q2 + 0.31985)


LOW_Q2 = 0.35
"""Below this Q² [GeV²] R is continued to 0."""


@kernel(_f8(_f8, _f8))
def longitudinal(x, Q2):  # type: ignore[no-untyped-def]
    """R = σ_L/σ_T at a Q² [GeV²]; continuous, with a corner at LOW_Q2."""
    at = max(Q2, LOW_Q2)
    theta = 1 + 12 * at / (at + 1) * 0.125**2 / (0.125**2 + x * x)
    found = 0.0635 / math.log(at / 0.04) * theta + 0.5747 / at - 0.3534 / (at * at + 0.3**2)
    found = max(found, 0.0)
    return found if Q2 >= LOW_Q2 else found * 3.207 * Q2 / (Q2 * Q2 + 1)


@kernel(_f8(_f8))
def neutron_share(x):  # type: ignore[no-untyped-def]
    """F₂ of the neutron over that of the proton."""
    return 1 + x * (-1.85 + x * (2.45 + x * (-2.35 + x)))


SHADOW_SLOPE, SHADOW_OFFSET, SHADOW_MOST = 0.069, 0.097, -0.1
"""Of shadowing, A to the power of 0.069 log₁₀x + 0.097 between -0.1 and 0."""

SHADOW_CORNERS = tuple(math.pow(10.0, (power - SHADOW_OFFSET) / SHADOW_SLOPE) for power in (SHADOW_MOST, 0.0))
"""x (0.0014 and 0.039) at which that power reaches its ends."""


@kernel(_f8(_f8, types.int64))
def shadowing(x, A):  # type: ignore[no-untyped-def]
    """Share of the nucleons of a nucleus of mass number A that the photon sees."""
    if A == 1 or not x < SHADOW_CORNERS[1]:
        return 1.0
    power = SHADOW_MOST
    if x > SHADOW_CORNERS[0]:
        power = min(max(SHADOW_SLOPE * math.log10(x) + SHADOW_OFFSET, SHADOW_MOST), 0.0)
    return math.exp(power * math.log(A))


@kernel(types.UniTuple(_f8, 2)(_f8, _f8, _f8, types.int64, types.int64))
def transverse(Q2, nu, M, protons, neutrons):  # type: ignore[no-untyped-def]
    """W₁ [1/GeV] of a nucleus, and R.

    Parameters
    ----------
    Q2, nu, M : float
        Momentum transfer [GeV²], energy transfer and mass of the proton [GeV]; Q² < 2Mν.
    protons, neutrons : int
        Of the nucleus.
    """
    x = Q2 / (2 * M * nu)
    ratio = longitudinal(x, Q2)
    nucleons = (protons + neutrons * neutron_share(x)) * shadowing(x, protons + neutrons)
    return nucleons * proton_f2_over_q2(Q2, nu, M) * (nu * nu + Q2) / (nu * (1 + ratio)), ratio
