"""Dark bosons from decays of mesons: how many there are, and their momenta in the rest frame of the meson.

*Three bodies.* The charged lepton of M⁺ → l⁺ ν (M = π, K) emits a boson X of mass μ: a scalar (g φ l̄ l), a pseudoscalar
(i g a l̄ γ5 l) or a vector (g V_α l̄ γ^α l). With m the lepton's mass, s the mass² of l and X together, u = s - m²,
D = M² - m², c = 2m² - μ², a = ν·l = (M² + μ² - 2ME - m²)/2 at the energy E of X, and f² G_F² |V|² taken from M → μ ν::

    dB/dE = g² B(M → μ ν) M / (4π² m_μ² (M² - m_μ²)²) ∫ du N/u²
    scalar, pseudoscalar:  N = a (u + m²) u + m² (D - u)(u + c)/2 ± m² (u + m²)(D - u)
    vector:  N = 2a (u + m²) u + m² (D - u)(u + c) - 4 m² (u + m²)(D - u) + u² [(D - u)(u + c)/2 - (u + m²) a]/μ²

Nothing of it is suppressed by helicity. The last term of the vector is that of its longitudinal part, as a lepton's
number alone is no conserved charge in a weak decay: it grows as 1/μ². **A vector that couples to quarks as well is also
emitted by M itself, which is not in it**; for a dark photon that cancels the last term.

*Two bodies.* π⁰ → γ V has B = 2 (g_p/e)² (1 - μ²/m_π²)³, whatever a vector's couplings to u and d are, as π⁰ γ V needs
(2 g_u + g_d)/3 where π⁰ γ γ needs e/3 twice, and 2 g_u + g_d = g_p is its coupling to the proton.

*Then* X may decay into two, isotropically. As M has no spin, all is isotropic in its rest frame.

References: Dutta et al., 2110.11944 (the mechanism); Carlson & Rislow, 1206.3587 (vectors). Formulas were derived anew,
and are tested against traces of Dirac matrices.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from scanner.physics.heavy_neutrino_production import two_body_momentum
from scanner.physics.kernel import kernel
from scanner.physics.particles import MASS
from scanner.physics.phase_space import gauss_legendre
from scanner.units import ALPHA_EM

_f8 = types.float64

KINDS = ("scalar", "pseudoscalar", "vector", "photon")
"""Of an emission: three bodies with one of the first three, or π⁰ → γ V."""
_SCALAR, _PSEUDOSCALAR, _VECTOR = range(3)

MUONIC = {"pi": 0.999877, "K": 0.6356}
"""B(M → μ ν); PDG, Phys. Rev. D 110 (2024) 030001."""
PHOTONIC = 0.98823
"""B(π⁰ → γ γ); PDG."""

PARENTS = {"scalar": ("pi", "K"), "pseudoscalar": ("pi", "K"), "vector": ("pi", "K"), "photon": ("pi0",)}

NODES, DAUGHTERS = 16, 6
"""For the momentum of X in the rest frame of the meson, and for the direction of what X decays into."""

_rule = functools.cache(gauss_legendre)


class Emission(NamedTuple):
    """How a dark particle comes from a meson, for a unit coupling."""

    kind: str
    """Of KINDS."""
    lepton: str
    """``e`` or ``mu``; empty for π⁰."""
    boson: float
    """Mass of X [GeV]."""
    number: int = 0
    """How many dark particles a decay of X makes; 0 if it is X itself."""
    mass: float = 0.0
    """Mass of what X decays into [GeV]."""
    partner: float = 0.0
    """Mass of what is beside it [GeV]."""

    @property
    def particle(self) -> float:
        """Mass of the dark particle [GeV]."""
        return self.mass if self.number else self.boson


@kernel(types.UniTuple(_f8, 2)(_f8, _f8, _f8, _f8))
def virtuality_limits(E, parent, lepton, boson):  # type: ignore[no-untyped-def]
    """Least and largest u = (l + X)² - m² [GeV²] where X has the energy E in the rest frame of the parent [GeV]."""
    beside = parent * parent + boson * boson - 2 * parent * E
    root = math.sqrt(beside)
    lepton_energy, lepton_momentum = 0.5 * (beside + lepton**2) / root, 0.5 * max(beside - lepton**2, 0.0) / root
    energy = 0.5 * (parent * parent - beside - boson * boson) / root
    momentum = parent * math.sqrt(max((E - boson) * (E + boson), 0.0)) / root
    total = lepton_energy * energy + lepton_momentum * momentum
    # The lower one follows from the product of both, which is no difference.
    product = (lepton * energy) ** 2 + (lepton_momentum * boson) ** 2
    return boson * boson + 2 * product / total, boson * boson + 2 * total


@kernel(_f8(types.int64, _f8, _f8, _f8, _f8))
def emitted(kind, E, parent, lepton, boson):  # type: ignore[no-untyped-def]
    """∫ du N/u² [GeV⁴] at the energy E of X; 0 outside its limits.

    Parameters
    ----------
    kind : int
        Position in KINDS, of the first three.
    E, parent, lepton, boson : float
        Energy of X in the rest frame of the parent, and masses [GeV].
    """
    if not boson <= E < (parent**2 + boson**2 - lepton**2) / (2 * parent):
        return 0.0
    first, last = virtuality_limits(E, parent, lepton, boson)
    m_sq, D, c = lepton * lepton, parent * parent - lepton * lepton, 2 * lepton * lepton - boson * boson
    a = 0.5 * (parent * parent + boson * boson - 2 * parent * E - m_sq)
    if kind == _VECTOR:
        zeroth = m_sq * D * (c - 4 * m_sq)
        linear = m_sq * (2 * a + D - c - 4 * (D - m_sq))
        square = 2 * a + 3 * m_sq
    else:
        sign = 1.0 if kind == _SCALAR else -1.0
        zeroth = m_sq * D * (0.5 * c + sign * m_sq)
        linear = m_sq * (a + 0.5 * (D - c) + sign * (D - m_sq))
        square = a - (0.5 + sign) * m_sq
    width = last - first
    total = zeroth * width / (first * last) + linear * math.log(last / first) + square * width
    if kind == _VECTOR:
        middle, third = 0.5 * (first + last), (first * first + first * last + last * last) / 3
        longitudinal = 0.5 * D * c - m_sq * a + (0.5 * (D - c) - a) * middle - 0.5 * third
        total += width * longitudinal / (boson * boson)
    return max(total, 0.0)


def branching_density(kind: str, E: float, parent: str, lepton: str, boson: float) -> float:
    """Return dB/dE [1/GeV] of parent → lepton ν X for a unit coupling.

    Parameters
    ----------
    kind
        ``scalar``, ``pseudoscalar`` or ``vector``.
    E
        Energy of X in the rest frame of the parent [GeV].
    parent, lepton
        ``pi`` or ``K``, and ``e`` or ``mu``.
    boson
        Mass of X [GeV].
    """
    M, reference = MASS[parent], MASS["mu"]
    unit = MUONIC[parent] * M / (4 * math.pi**2 * reference**2 * (M**2 - reference**2) ** 2)
    return float(unit * emitted(KINDS.index(kind), E, M, MASS[lepton], boson))


def rest_frame(emission: Emission, parent: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return momenta of dark particles in the rest frame of a meson [GeV], and how many each stands for, a decay.

    Parameters
    ----------
    emission
        What is emitted.
    parent
        Of PARENTS of its kind.
    """
    if emission.kind == "photon":
        momenta, amounts = _with_photon(emission.boson)
    else:
        momenta, amounts = _with_leptons(emission, parent)
    if not emission.number:
        return momenta, amounts
    inner = two_body_momentum(emission.boson, emission.mass, emission.partner)
    if not inner > 0:
        return np.ones(1), np.zeros(1)
    return _decayed(emission, inner, momenta, amounts)


def _with_photon(boson: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    ratio = (boson / MASS["pi0"]) ** 2
    if not ratio < 1:
        return np.ones(1), np.zeros(1)
    amount = PHOTONIC * 2 * (1 - ratio) ** 3 / (4 * math.pi * ALPHA_EM)
    return np.array([two_body_momentum(MASS["pi0"], boson, 0.0)]), np.array([amount])


def _with_leptons(emission: Emission, parent: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    largest = two_body_momentum(MASS[parent], MASS[emission.lepton], emission.boson)
    if not largest > 0:
        return np.ones(1), np.zeros(1)
    nodes, weights = _rule(NODES)
    x = 0.5 * (nodes + 1)
    momenta = largest * x * x  # dense where X is soft
    energies = [math.hypot(p, emission.boson) for p in momenta]
    found = [branching_density(emission.kind, e, parent, emission.lepton, emission.boson) for e in energies]
    return momenta, weights * largest * x * momenta * np.array(found) / np.array(energies)


def _decayed(
    emission: Emission, inner: float, momenta: NDArray[np.float64], amounts: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Momenta of what X decays into, and their amounts."""
    cosines, weights = _rule(DAUGHTERS)
    rest = math.hypot(inner, emission.mass)
    found = []
    for p in map(float, momenta):
        energy = math.hypot(p, emission.boson)
        for cosine in map(float, cosines):
            seen = (energy * rest + p * inner * cosine) / emission.boson
            found.append(math.sqrt(max((seen - emission.mass) * (seen + emission.mass), 0.0)))
    return np.array(found), np.outer(amounts, 0.5 * emission.number * weights).ravel()
