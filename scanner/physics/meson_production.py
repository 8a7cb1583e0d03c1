"""Mesons made by protons on a target: published fits of their momenta and angles.

* K⁺ of 8.9 GeV/c protons on beryllium, by Feynman scaling (Mariani et al., Phys. Rev. D 84 (2011) 114021,
  1110.0417), and π⁺ and π⁻, by the form of Sanford and Wang: the fits of MiniBooNE, Phys. Rev. D 79 (2009) 072002
  (0806.1449), which MicroBooNE and SBN use for the Booster beam. π⁰ have the mean of both.
* Charmed mesons, (1 - |x_F|)ⁿ e^{-b p_T²}: the form, and the n and b, of E769, Phys. Rev. Lett. 77
  (1996) 2392, measured with 250 GeV protons (quoted in 1708.08700).

Angles are those to the protons; masses and constants that a fit was made with are part of it.
"""

from __future__ import annotations

import math

import numpy as np
from numba import types

from scanner.physics.kernel import INPUT, kernel

_f8 = types.float64

BOOSTER = 8.89
"""Momentum [GeV] of the protons that the fits of 0806.1449 stand for."""

KAON_FIT = np.array([11.70, 0.88, 4.77, 1.51, 2.21, 2.17, 1.51])
"""c1 ... c7 of the K⁺, 0806.1449, with c1 in mb/(GeV² sr)."""

PION_FIT = np.array([220.7, 1.080, 1.000, 1.978, 1.32, 5.572, 0.0868, 9.686, 1.0])
"""c1 ... c9 of the π⁺, 0806.1449, with c1 in mb/(GeV sr)."""

PION_MINUS_FIT = np.array([213.7, 0.9379, 5.454, 1.210, 1.284, 4.781, 0.07338, 8.329, 1.0])
"""The same of the π⁻."""

KAON_RECOIL = 2.053
"""Mass [GeV] that recoils from the fastest K⁺, that of Λ p, as in the fit."""

CHARM_FALL, CHARM_SLOPE = 6.1, 1.08
"""n and b [GeV⁻²] of E769 for D mesons of 250 GeV protons."""

for _fit in (KAON_FIT, PION_FIT, PION_MINUS_FIT):
    _fit.flags.writeable = False


@kernel(types.UniTuple(_f8, 3)(_f8, _f8))
def centre_of_mass(beam, nucleon):  # type: ignore[no-untyped-def]
    """√s [GeV] of protons of momentum `beam` on nucleons at rest, and γ and γβ of their centre of mass."""
    energy = math.sqrt(beam**2 + nucleon**2)
    total = math.sqrt(2 * nucleon * (nucleon + energy))
    return total, (energy + nucleon) / total, beam / total


@kernel(_f8(_f8, _f8, _f8, _f8, _f8, INPUT))
def feynman_scaling(momentum, angle, beam, mass, nucleon, fit):  # type: ignore[no-untyped-def]
    """d²σ/dp dΩ [mb/(GeV sr)] of K⁺, 0 beyond |x_F| = 1.

    Parameters
    ----------
    momentum, angle : float
        Of the kaon, in the laboratory [GeV, rad].
    beam : float
        Momentum of the protons [GeV].
    mass, nucleon : float
        Of the kaon and of the proton [GeV].
    fit : float64[7]
        KAON_FIT.

    Notes
    -----
    c1 p²/E exp(-c3|x_F|^c4 - c7|p_T x_F|^c6 - c2 p_T - c5 p_T²), x_F relative to the largest momentum that a K⁺
    can have. (Public copies exist with a further 1 - |x_F|, with which the total is a fifth too small.)
    """
    total, gamma, boost = centre_of_mass(beam, nucleon)
    energy = math.sqrt(momentum**2 + mass**2)
    transverse = momentum * math.sin(angle)
    largest = (total**2 + mass**2 - KAON_RECOIL**2) / (2 * total)
    x = abs(gamma * momentum * math.cos(angle) - boost * energy) / math.sqrt(largest**2 - mass**2)
    if not x <= 1:
        return 0.0
    exponent = fit[2] * x ** fit[3] + fit[6] * (transverse * x) ** fit[5] + fit[1] * transverse + fit[4] * transverse**2
    return fit[0] * momentum**2 / energy * math.exp(-exponent)


@kernel(_f8(_f8, _f8, _f8, INPUT))
def sanford_wang(momentum, angle, beam, fit):  # type: ignore[no-untyped-def]
    """d²σ/dp dΩ [mb/(GeV sr)] of π⁺ or π⁻, 0 where it is negative and beyond a right angle.

    Parameters
    ----------
    momentum, angle : float
        Of the pion, in the laboratory [GeV, rad].
    beam : float
        Momentum of the protons [GeV].
    fit : float64[9]
        PION_FIT or PION_MINUS_FIT.

    Notes
    -----
    c1 p^c2 (1 - p/(p_B - c9)) exp(-c3 p^c4/p_B^c5 - c6 θ (p - c7 p_B cos^c8 θ)).
    """
    cosine = math.cos(angle)
    if not (momentum < beam - fit[8] and cosine > 0):
        return 0.0
    forward = momentum - fit[6] * beam * cosine ** fit[7]
    exponent = fit[2] * momentum ** fit[3] / beam ** fit[4] + fit[5] * angle * forward
    return fit[0] * momentum ** fit[1] * (1 - momentum / (beam - fit[8])) * math.exp(-exponent)


@kernel(_f8(_f8, _f8, _f8, _f8, _f8, _f8, _f8))
def charmed(momentum, angle, beam, mass, nucleon, fall, slope):  # type: ignore[no-untyped-def]
    """dN/dp dΩ [1/(GeV sr)] of one charmed meson, (1 - |x_F|)ⁿ e^{-b p_T²} dx_F dp_T² with x_F = 2 p*_L/√s.

    Parameters
    ----------
    momentum, angle : float
        Of the meson, in the laboratory [GeV, rad].
    beam : float
        Momentum of the protons [GeV].
    mass, nucleon : float
        Of the meson and of the nucleon [GeV].
    fall, slope : float
        n, and b [GeV⁻²].
    """
    total, gamma, boost = centre_of_mass(beam, nucleon)
    energy = math.sqrt(momentum**2 + mass**2)
    along, transverse = momentum * math.cos(angle), momentum * math.sin(angle)
    x = 2 * abs(gamma * along - boost * energy) / total
    if not x < 1:
        return 0.0
    unit = 0.5 * (fall + 1) * slope
    # d³p = π dp_L dp_T², and dp_L/E is that of the centre of mass.
    jacobian = 2 / total * (gamma * energy - boost * along) / energy * momentum**2 / math.pi
    return unit * (1 - x) ** fall * math.exp(-slope * transverse**2) * jacobian
