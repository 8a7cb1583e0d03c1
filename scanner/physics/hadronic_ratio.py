"""R(s) = σ(e⁺e⁻ → hadrons)/σ(e⁺e⁻ → μ⁺μ⁻ massless): how a dark photon of mass² s couples to hadrons.

Below 1 GeV R is π⁺π⁻ through the pion's form factor, ω and φ; above 1.5 GeV quarks, with one power of α_s(m_τ);
between them, both blended with the weights that the weak decays of heavy neutrinos have in their mass. The form
factor is the sum of ρ and ρ′ of Kühn & Santamaria, Z. Phys. C 48 (1990) 445, which is 1 at s = 0; ω and φ have
constant widths, and are as high as their decays to e⁺e⁻ say. It is a simple model, right to some 10 %: what it gives
for the muon's g - 2 below 1.8 GeV is 4 % low (see the tests). It is worse between 1.05 and 1.3 GeV, where four pions
are missed. Charm has a step at 2 m_D, and beauty is left out.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from scanner.physics.heavy_neutrino_channels import INPUTS, WeakInputs
from scanner.physics.heavy_neutrino_decays import blend_weights
from scanner.physics.kernel import INPUT, kernel
from scanner.physics.particles import MASS

_f8 = types.float64


class HadronInputs(NamedTuple):
    """Resonances of R(s) [GeV]. Those of the form factor are its fit to data; quoted as TAUOLA has them."""

    m_rho: float = 0.773
    """Kühn & Santamaria, Z. Phys. C 48 (1990) 445, as the four below."""
    width_rho: float = 0.145
    m_rho_prime: float = 1.370
    width_rho_prime: float = 0.510
    rho_prime: float = -0.145
    """Amplitude of the ρ′ where that of the ρ is 1."""
    width_omega: float = 0.00868
    """PDG 2022."""
    width_phi: float = 0.004249
    """PDG 2022."""


HADRONS = HadronInputs()
"""The recommended inputs."""


class Resonance(NamedTuple):
    """A narrow resonance of R(s)."""

    mass: float
    """[GeV]."""
    width: float
    """[GeV]."""
    area: float
    """∫ R ds [GeV²]: 12π² f² times its mean squared charge."""


def narrow_resonances(weak: WeakInputs = INPUTS, hadrons: HadronInputs = HADRONS) -> tuple[Resonance, Resonance]:
    """Return ω and φ."""
    areas = (12 * math.pi**2 * f**2 * charge for f, charge in ((weak.f_omega, 1 / 18), (weak.f_phi, 1 / 9)))
    widths = (hadrons.width_omega, hadrons.width_phi)
    omega, phi = (Resonance(MASS[name], *of) for name, *of in zip(("omega", "phi"), widths, areas, strict=True))
    return omega, phi


@functools.lru_cache(maxsize=32)
def hadron_table(weak: WeakInputs = INPUTS, hadrons: HadronInputs = HADRONS) -> NDArray[np.float64]:
    """Return the read-only array that `hadronic_parts` takes."""
    correction = 1 + weak.alpha_s_tau / math.pi
    plateaus = 2 * correction, 4 / 3 * correction
    resonances = (value for resonance in narrow_resonances(weak, hadrons) for value in resonance)
    table = np.array([*hadrons[:5], MASS["pi"], MASS["D"], *plateaus, *resonances])
    table.flags.writeable = False
    return table


@kernel(types.complex128(_f8, _f8, _f8, _f8, _f8))
def _broad(s, velocity, pion, mass, width):  # type: ignore[no-untyped-def]
    """Breit–Wigner amplitude of unit height at s = 0, with the width of a P-wave of two pions."""
    at_peak = math.sqrt(1 - (2 * pion / mass) ** 2)
    return mass**2 / complex(mass**2 - s, -width * s / mass * (velocity / at_peak) ** 3)


@kernel(_f8(_f8, _f8, _f8, _f8))
def _narrow(s, mass, width, area):  # type: ignore[no-untyped-def]
    return area / math.pi * mass * width / ((s - mass**2) ** 2 + (mass * width) ** 2)


@kernel(types.UniTuple(_f8, 4)(_f8, _f8, INPUT))
def hadronic_parts(s, above, table):  # type: ignore[no-untyped-def]
    """R(s) of the ρ (π⁺π⁻), the ω, the φ, and of quarks.

    Parameters
    ----------
    s, above : float
        Mass² [GeV²], and what of it is above 4 m_π² (a difference that a caller may know better).
    table : float64[n]
        `hadron_table`.
    """
    if not above > 0:
        return 0.0, 0.0, 0.0, 0.0
    exclusive, inclusive = blend_weights(math.sqrt(s))
    quarks = inclusive * (table[7] + (table[8] if s > 4 * table[6] ** 2 else 0.0))
    if exclusive == 0:
        return 0.0, 0.0, 0.0, quarks
    velocity = math.sqrt(above / s)
    rho = _broad(s, velocity, table[5], table[0], table[1])
    rho_prime = _broad(s, velocity, table[5], table[2], table[3])
    form_factor = abs((rho + table[4] * rho_prime) / (1 + table[4]))
    pions = 0.25 * velocity**3 * form_factor**2
    omega = _narrow(s, table[9], table[10], table[11])
    phi = _narrow(s, table[12], table[13], table[14])
    return exclusive * pions, exclusive * omega, exclusive * phi, quarks
