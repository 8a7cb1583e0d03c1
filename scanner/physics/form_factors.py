"""Form factors of nuclei and nucleons in elastic scattering at momentum transfer q, and Pauli blocking.

*Nuclei.* The Fourier–Bessel analyses of electron scattering give the charge density inside a radius R as
ρ = Σ a_n j₀(nπr/R), so that with x = qR::

    F(q) = j₀(x) Σ_n c_n / ((nπ)² - x²),  c_n ∝ (-1)ⁿ⁺¹ a_n,  F(0) = 1

The data fix as many terms as reach up to their largest q, which is N π/R for N terms. Beyond it the sum is
that of the kink of ρ at R, a power of q where a nucleus has an exponential: **there F is set to 0**. A nuclide
without such an analysis has Helm's form factor, that of a sphere with a Gaussian surface, set to 0 above 2 GeV.

*Nucleons.* G_E of the proton and both G_M follow the dipole, and G_E of the neutron is that of Galster. The scalar
form factor of both nucleons is F₁ of the proton: 1 at q = 0, and as little known elsewhere.

*Pauli blocking* is that of a Fermi gas: the share of its nucleons that q lifts out of the Fermi sphere.

References: de Vries, De Jager & De Vries, At. Data Nucl. Data Tables 36 (1987) 495; Helm, Phys. Rev. 104 (1956) 1466,
with the parameters of Lewin & Smith, Astropart. Phys. 6 (1996) 87; Galster et al., Nucl. Phys. B 32 (1971) 221;
Magill et al., 1803.03262, and 1807.10973 for blocking.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from hepunits import units as _u
from numba import types
from numpy.typing import NDArray
from particle import Particle

from scanner.errors import InputError, did_you_mean
from scanner.physics.kernel import INPUT, kernel
from scanner.physics.particles import MASS
from scanner.units import HBARC_GEV_FM

_f8 = types.float64

TARGETS = ("H1", "C12", "O16", "Al27", "Si28", "Ar40", "Ca40", "Ti48", "Fe56", "Cu63", "Zn64", "Pb208")
"""Nuclides with a measured form factor, and hydrogen."""

DENSITIES = Path(__file__).parent / "data" / "charge_densities.txt"
"""One nuclide a line: Z, A, R [fm], a_1, a_2, ... [1/fm³]; see its header."""

HELM_SURFACE, HELM_DIFFUSENESS = 0.9, 0.52
"""Of Helm's form factor: s and a [fm]; Lewin & Smith."""

HELM_REACH = 2.0
"""Above this q [GeV] Helm's F² is below 1e-36, and counts as 0."""

DIPOLE_MASS = 0.843
"""Of the dipole G_D = 1/(1 + Q²/Λ²)²: Λ [GeV]."""

MU_P, MU_N = 2.79284734463, -1.91304273
"""Magnetic moments of proton and neutron [μ_N]; CODATA 2018."""

GALSTER = 5.6
"""G_E of the neutron is -μ_n τ G_D/(1 + 5.6 τ)."""

FERMI_MOMENTUM = 0.235
"""Of the nucleons in a nucleus [GeV]; 1807.10973."""


_FIRST_NUCLEUS = 1_000_000_000
"""Of the PDG codes."""


class Nuclide(NamedTuple):
    """A nucleus."""

    name: str
    Z: int
    A: int
    mass: float
    """Of the nucleus, without the electrons [GeV]."""


@functools.cache
def _nuclei() -> dict[str, Particle]:
    """All nuclei of the tables by name: a search by name takes as long as making the list."""
    return {particle.name: particle for particle in Particle.all() if particle.pdgid >= _FIRST_NUCLEUS}


def nuclide(name: str) -> Nuclide:
    """Return a nuclide by its symbol and mass number, such as ``Ar40``.

    Raises
    ------
    InputError
        For a name that the tables of the Particle Data Group do not have.

    Examples
    --------
    >>> nuclide("C12").Z, round(nuclide("C12").mass, 4)
    (6, 11.1749)
    """
    if name == "H1":
        return Nuclide(name, 1, 1, MASS["p"])
    found = _nuclei().get(name)
    if found is None or found.mass is None:
        raise InputError(
            "target", "no nuclide of this name", name, ", ".join(TARGETS) + ", ...", did_you_mean(name, TARGETS)
        )
    Z, A = int(found.pdgid.Z), int(found.pdgid.A)
    # The tables hold masses of atoms; the binding of their electrons is below 1e-5 of the nucleus's mass.
    return Nuclide(name, Z, A, float(found.mass) * (_u.MeV / _u.GeV) - Z * MASS["e"])


@functools.cache
def fourier_bessel_terms() -> Mapping[tuple[int, int], NDArray[np.float64]]:
    """Return what `fourier_bessel` takes, by (Z, A): R [1/GeV], then c_1, c_2, ..., c_N."""
    found = {}
    for Z, A, radius, *a in np.loadtxt(DENSITIES):
        n = np.arange(1, np.flatnonzero(a)[-1] + 2)
        c = (-1.0) ** (n + 1) * a[: n.size]
        terms = np.array([radius / HBARC_GEV_FM, *(c / math.fsum(c / (math.pi * n) ** 2))])
        terms.flags.writeable = False
        found[int(Z), int(A)] = terms
    return MappingProxyType(found)


def helm_terms(A: int) -> NDArray[np.float64]:
    """Return what `helm` takes for a nucleus of A nucleons: radius of the sphere and s, both [1/GeV]."""
    s, a = HELM_SURFACE, HELM_DIFFUSENESS
    radius_sq = (1.23 * A ** (1 / 3) - 0.60) ** 2 + 7 / 3 * (math.pi * a) ** 2 - 5 * s**2
    terms = np.array([math.sqrt(radius_sq), s]) / HBARC_GEV_FM
    terms.flags.writeable = False
    return terms


@kernel(_f8(_f8))
def _sinc(x):  # type: ignore[no-untyped-def]
    return math.sin(x) / x if x != 0 else 1.0


@kernel(_f8(_f8, INPUT))
def fourier_bessel(q, terms):  # type: ignore[no-untyped-def]
    """F of a Fourier–Bessel charge density; 0 beyond the data, see the module.

    Parameters
    ----------
    q : float
        Momentum transfer [GeV].
    terms : float64[1 + N]
        Of `fourier_bessel_terms`.
    """
    x = q * terms[0]
    if x > (terms.size - 1) * math.pi:
        return 0.0
    # The zero of sin x next to x is that of the denominator of term k as well: it is taken out of both.
    k = math.floor(x / math.pi + 0.5)
    gap, total = x - k * math.pi, 0.0
    for n in range(1, terms.size):
        if n != k:
            total += terms[n] / ((n * math.pi) ** 2 - x * x)
    if k == 0:
        return _sinc(x) * total
    total = math.sin(gap) * total - _sinc(gap) * terms[k] / (k * math.pi + x)
    return (total if k % 2 == 0 else -total) / x


@kernel(_f8(_f8, INPUT))
def helm(q, terms):  # type: ignore[no-untyped-def]
    """Helm's form factor; 0 above `HELM_REACH`.

    Parameters
    ----------
    q : float
        Momentum transfer [GeV].
    terms : float64[2]
        `helm_terms`.
    """
    if q > HELM_REACH:
        return 0.0
    x, y = q * terms[0], q * terms[1]
    if x < 0.1:
        sphere = 1 - x**2 / 10 * (1 - x**2 / 28 * (1 - x**2 / 54))
    else:
        sphere = 3 * (math.sin(x) - x * math.cos(x)) / x**3
    return sphere * math.exp(-0.5 * y * y)


@kernel(types.UniTuple(_f8, 2)(_f8))
def sachs_proton(Q2):  # type: ignore[no-untyped-def]
    """G_E and G_M of the proton at Q² [GeV²]."""
    dipole = (1 + Q2 / DIPOLE_MASS**2) ** -2
    return dipole, MU_P * dipole


@kernel(types.UniTuple(_f8, 2)(_f8, _f8))
def sachs_neutron(Q2, mass):  # type: ignore[no-untyped-def]
    """G_E and G_M of the neutron at Q² [GeV²]; mass [GeV]."""
    dipole, tau = (1 + Q2 / DIPOLE_MASS**2) ** -2, Q2 / (4 * mass**2)
    return -MU_N * tau / (1 + GALSTER * tau) * dipole, MU_N * dipole


@kernel(_f8(_f8, _f8))
def dirac_proton(Q2, mass):  # type: ignore[no-untyped-def]
    """F₁ of the proton at Q² [GeV²]; mass [GeV]."""
    tau = Q2 / (4 * mass**2)
    electric, magnetic = sachs_proton(Q2)
    return (electric + tau * magnetic) / (1 + tau)


@kernel(_f8(_f8, _f8, _f8))
def pauli_blocking(Q2, mass, fermi_momentum):  # type: ignore[no-untyped-def]
    """Share of the nucleons of a Fermi gas that Q² lifts out of the Fermi sphere: 3x/2 - x³/2, x = |q|/2k_F < 1.

    Parameters
    ----------
    Q2 : float
        [GeV²]; |q|² = Q² + (Q²/2M)² of a nucleon at rest.
    mass, fermi_momentum : float
        M and k_F [GeV]; without a Fermi sphere, k_F = 0, nothing is blocked.
    """
    x_sq = Q2 + (Q2 / (2 * mass)) ** 2
    if not x_sq < 4 * fermi_momentum**2:
        return 1.0
    x = math.sqrt(x_sq) / (2 * fermi_momentum)
    return 0.5 * x * (3 - x * x)
