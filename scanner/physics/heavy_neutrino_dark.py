"""Decays of a heavy neutrino N through a dipole, a four-fermion contact interaction, and an axion-like particle.

**Every width is that of a Dirac N** (for a Majorana N multiply it by 2) and of unit couplings, which each
function names. Each flavour of the light neutrino is a final state of its own: flavours add in rate.

The contact interaction is that of a heavy vector, and adds to the amplitude of the Z: it shifts g_L and g_R of
the leptons by the same amount. A dipole interferes with weak interactions too, with a phase between d_a and U_a4
that no parameter holds, so that this is left out: where both are equally strong in ν l l (and N → ν γ 137 times
stronger) it would change the sum of both by up to 30 % for e⁺e⁻ of an electron-flavoured N of 0.25 GeV, 1.5 % of a
muon-flavoured one, but 90 % for μ⁺μ⁻ of the latter at 0.3 GeV. Left out are hadrons from the virtual photon as well,
below 1 % of N → ν γ.

References: Magill et al., 1803.03262 (dipole); Argüelles, Foppiani & Hostert, 2109.03831 (contact, ALP); Bauer,
Neubert & Thamm, 1708.00443 (ALP). The formulas were derived anew, and are tested against traces of Dirac
matrices integrated over phase space.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from scanner.errors import InputError
from scanner.physics.heavy_neutrino_channels import FLAVOURS, INPUTS, WeakInputs
from scanner.physics.kernel import INPUT, kernel
from scanner.physics.particles import MASS
from scanner.physics.phase_space import NODES, gauss_legendre, neutral_pair
from scanner.units import ALPHA_EM, G_FERMI

_f8 = types.float64

PAIRS = (("nu_e_e", "e"), ("nu_mu_mu", "mu"))
"""Channels of charged-lepton pairs that are open below 2 m_τ, and the lepton."""


def checked_mass(mass: float, name: str = "m_N") -> float:
    """Return a mass [GeV]; InputError if it is none."""
    if not 0 < mass < math.inf:
        raise InputError(name, "a mass must be positive and finite", mass, f"{name} > 0 GeV")
    return mass


def released_share(mass: float, product: float, name: str) -> float:
    """1 - (product/mass)² of N → ν product, for masses [GeV]; 0 where it is closed. `name` is the product's mass."""
    return max(checked_mass(mass) - checked_mass(product, name), 0.0) * (mass + product) / mass**2


def vector_coupling(lepton: str, inputs: WeakInputs = INPUTS) -> NDArray[np.float64]:
    """g_L + g_R of a charged lepton, shape (3,): the charged current adds where N mixes with its flavour."""
    return np.array([2 * inputs.sin2_theta_w - 0.5 + (flavour == lepton) for flavour in FLAVOURS])


@functools.cache
def _rule() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rule = gauss_legendre(NODES)
    for array in rule:
        array.flags.writeable = False
    return rule


@kernel(_f8(_f8, _f8, INPUT, INPUT))
def virtual_photon(m, lepton, nodes, weights):  # type: ignore[no-untyped-def]
    """Integral over the mass of the virtual photon in N → ν γ* → ν l⁺ l⁻; 0 where it is closed.

    Times α/3π it is the ratio of the width to that of N → ν γ. With x = q²/m², r = lepton/m::

        ∫ dx/x (1-x)² (1 + x/2) (1 + 2r²/x) √(1 - 4r²/x),  4r² < x < 1

    Parameters
    ----------
    m, lepton : float
        Masses [GeV], not zero.
    nodes, weights : float64[n]
        `gauss_legendre(NODES)`.
    """
    released = (m - 2 * lepton) / m
    if not released > 0:
        return 0.0
    r = lepton / m
    width = released * (1 + 2 * r)
    # x = 4r² cosh²(t): the root is tanh(t), and a light lepton only stretches the range of t, logarithmically.
    half = 0.5 * math.asinh(math.sqrt(width) / (2 * r))
    total = 0.0
    for i in range(nodes.size):
        t = half * (nodes[i] + 1)
        above = 4 * r * r * math.sinh(t) ** 2
        left = max(width - above, 0.0)
        spectrum = left**2 * (1.5 - 0.5 * left)
        total += weights[i] * math.tanh(t) ** 2 * (2 + 1 / math.cosh(t) ** 2) * spectrum
    return half * total


def dipole_widths(mass: float) -> dict[str, float]:
    """Widths through a transition magnetic moment, L = (μ_tr/2) ν̄_L σ^{μν} N F_{μν} + h.c.

    Parameters
    ----------
    mass
        Of N [GeV].

    Returns
    -------
    dict[str, float]
        Widths [GeV] of ``nu_gamma``, ``nu_e_e``, ``nu_mu_mu`` for μ_tr = 1 GeV⁻¹ of one flavour; they go as μ_tr²,
        and 1 μ_B = 296.30 GeV⁻¹.
    """
    photon = checked_mass(mass) ** 3 / (16 * math.pi)
    pairs = {channel: float(virtual_photon(mass, MASS[lepton], *_rule())) for channel, lepton in PAIRS}
    return {"nu_gamma": photon} | {name: photon * ALPHA_EM / (3 * math.pi) * pair for name, pair in pairs.items()}


class VectorWidths(NamedTuple):
    """What a new vector interaction adds to the widths of N, by channel [GeV]."""

    interference: dict[str, NDArray[np.float64]]
    """With the Z and the W, linear in the new coupling; shape (3,), over a of |U_a|². Of either sign."""
    square: dict[str, float]
    """Of the new interaction alone, for each a the same."""


def contact_widths(mass: float, inputs: WeakInputs = INPUTS) -> VectorWidths:
    """Widths through -L = (G_X/√2) U_a4 (ν̄_a γ^μ P_L N)(l̄ γ_μ l) + h.c., l = e, μ.

    Parameters
    ----------
    mass
        Of N [GeV].
    inputs
        sin²θ_W of the Z that it interferes with.

    Returns
    -------
    VectorWidths
        For unit |U_a|² and G_X = 1 GeV⁻²: `interference` goes as |U_a|² G_X, `square` as |U_a|² G_X².

    Notes
    -----
    g_L and g_R are both shifted by κ = G_X/4G_F; (g_L² + g_R²) f1 + g_L g_R f2 then changes by
    [κ (g_L + g_R) + κ²] (2 f1 + f2).
    """
    unit = G_FERMI**2 * checked_mass(mass) ** 5 / (192 * math.pi**3)
    kappa = 1 / (4 * G_FERMI)
    interference, square = {}, {}
    for channel, lepton in PAIRS:
        first, second = neutral_pair(mass, MASS[lepton], *_rule())
        both = unit * (2 * first + second)
        interference[channel] = kappa * both * vector_coupling(lepton, inputs)
        square[channel] = kappa**2 * both
    return VectorWidths(interference, square)


class Alp(NamedTuple):
    """An axion-like particle a.

    L = -(∂_μ a/2f_a) (c_N N̄ γ^μ γ5 N + c_e ē γ^μ γ5 e) - (c_gamma/4f_a) a F F̃, with the sign of F̃ for which both
    photon couplings of 1708.00443 have their relative sign; it is a convention, and c_gamma may be negative.
    """

    mass: float
    """[GeV]."""
    f_a: float
    """[GeV]."""
    c_e: float = 0.0
    c_gamma: float = 0.0


def alp_photon_loop(z: float) -> complex:
    """1 - F(z), the electron loop of a → γγ with derivative couplings, at z = (m_a/2m_e)².

    It is 1 - arcsin²(√z)/z: -z/3 for a heavy electron, which decouples, and 1, the anomaly, for a light one.

    Parameters
    ----------
    z
        Not negative.

    Notes
    -----
    Bauer, Neubert & Thamm, 1708.00443, B_1 at τ = 1/z.
    """
    if z < 0.1:
        term, rest, n = 1.0, 0.0, 1
        while abs(term) > 1e-17 * abs(rest):
            term *= 2 * z * n * n / ((n + 1) * (2 * n + 1))
            rest, n = rest + term, n + 1
        return complex(-rest)
    if z <= 1:
        return complex(1 - math.asin(math.sqrt(z)) ** 2 / z)
    arcsine = complex(0.5 * math.pi, math.asinh(math.sqrt(z - 1)))
    return 1 - arcsine**2 / z


def alp_widths(alp: Alp) -> dict[str, float]:
    """Widths [GeV] of a → e⁺e⁻ and a → γγ, as ``e_e`` and ``gamma_gamma``.

    Notes
    -----
    Γ(ee) = c_e² m_e² m_a/(8π f_a²) β, Γ(γγ) = g² m_a³/64π with g f_a = c_gamma + (α/π) c_e (1 - F).
    """
    electron, scale = MASS["e"], alp.f_a**2
    beta = math.sqrt(max(alp.mass - 2 * electron, 0.0) * (alp.mass + 2 * electron)) / alp.mass
    loop = alp_photon_loop((alp.mass / (2 * electron)) ** 2)
    strength = abs(alp.c_gamma + ALPHA_EM / math.pi * alp.c_e * loop) ** 2
    return {
        "e_e": alp.c_e**2 * electron**2 * alp.mass / (8 * math.pi * scale) * beta,
        "gamma_gamma": strength * alp.mass**3 / (64 * math.pi * scale),
    }


def to_alp_width(mass: float, alp: Alp) -> float:
    """Width of N → ν a [GeV] for unit |U_a|² c_N²; 0 where it is closed.

    Notes
    -----
    c_N² |U_a|² m³/(128π f_a²) (1 - m_a²/m²)²: on its shell, the divergence of the current makes of a derivative
    coupling the Yukawa coupling c_N U_a m/2f_a. An ALP is narrow (Γ/m_a ~ 1e-8 GeV²/f_a²), so that none is off
    its shell.
    """
    return mass**3 / (128 * math.pi * alp.f_a**2) * released_share(mass, alp.mass, "m_a") ** 2
