"""The table of the weak decays of a heavy neutrino N: which there are, and the couplings that they take.

Data, not code: `scanner.physics.heavy_neutrino_decays` turns it into widths, and says what they mean.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from scanner.units import G_FERMI

COMPLETE_BELOW = 2.0
"""Up to this mass [GeV] the channels are all that there are; μ D_s, Dπ, D*, τK, τ⁺τ⁻ open above it."""


class WeakInputs(NamedTuple):
    """Couplings that the widths depend on. Decay constants [GeV] are those of f_π = 130 MeV.

    Compared with: for the CKM elements, the PDG's as public codes tabulate them; for f_π, f_D, f_Ds and f_K*, flavio
    2.7.1, which has 0.1554(10) for f_K; for widths and branching ratios, the PDG's database of 2024. Quoted from
    memory: sin²θ_W, f_K, and α_s(m_τ), for which α_s(m_Z) = 0.1180(9) makes 0.314(7) at four loops (RunDec).
    """

    sin2_theta_w: float = 0.2386
    """sin²θ_W(Q ≈ 0) of the neutral current, MS-bar; PDG 2022, electroweak review."""
    V_ud: float = 0.97373
    """PDG 2022, CKM review (superallowed β decays)."""
    V_us: float = 0.2243
    """PDG 2022, CKM review (average of K_l3 and K_μ2)."""
    V_cd: float = 0.221
    """PDG 2022, CKM review."""
    V_cs: float = 0.975
    """PDG 2022, CKM review."""
    f_pi: float = 0.1302
    """π±, π⁰; FLAG 2021, 2111.09849."""
    f_K: float = 0.1557
    """K±; FLAG 2021, 2111.09849 (2+1+1 flavours)."""
    f_D: float = 0.2120
    """FLAG 2021, 2111.09849."""
    f_Ds: float = 0.2499
    """FLAG 2021, 2111.09849."""
    f_eta: float = 0.0781
    """f^s_η/√2, as only the isoscalar T3 current, of s quarks, is left.

    Feldmann, Kroll & Stech, hep-ph/9802409: f_s = 1.34 f_π, of which η has the sine of 39.3° and η' the cosine.
    """
    f_etap: float = -0.0955
    """f^s_η'/√2; the same."""
    f_rho: float = 0.210
    """ρ±, from τ → ρ ν, 25.49 % (PDG): 0.2085 with the electroweak correction of 1.02, 0.2106 without."""
    f_Kst: float = 0.204
    """K*±; Bharucha, Straub & Zwicky, 1503.05534."""
    f_rho0: float = 0.220
    """From Γ(ρ⁰ → e⁺e⁻) = 7.04 keV, PDG."""
    f_omega: float = 0.195
    """From Γ(ω → e⁺e⁻) = 0.60 keV, PDG; from its branching ratio, 7.38e-5, it would be 0.201."""
    f_phi: float = 0.229
    """From Γ(φ → e⁺e⁻) = 1.27 keV, PDG."""
    alpha_s_tau: float = 0.312
    """α_s(m_τ) of three flavours, MS-bar; PDG 2022, QCD review (average of τ decays)."""

    @property
    def kappa_rho0(self) -> float:
        """Vector coupling of the Z to the ρ⁰ current (uū - dd̄)/√2."""
        return 1 - 2 * self.sin2_theta_w

    @property
    def kappa_omega(self) -> float:
        """Vector coupling of the Z to the ω current (uū + dd̄)/√2."""
        return -2 * self.sin2_theta_w / 3

    @property
    def kappa_phi(self) -> float:
        """Vector coupling of the Z to the φ current ss̄."""
        return -math.sqrt(2) * (0.5 - 2 * self.sin2_theta_w / 3)


INPUTS = WeakInputs()
"""The recommended couplings."""

FLAVOURS = ("e", "mu", "tau")

# The table of processes. A channel is the sum of those of its name.
_PAIRS = (("nu_e_e", "e"), ("nu_mu_mu", "mu"))
_MIXED_PAIRS = (("nu_e_mu", "e", "mu"), ("nu_e_tau", "e", "tau"), ("nu_mu_tau", "mu", "tau"))
_MESONS = (  # channel, lepton, meson, spin, factors of the amplitude
    ("e_pi", "e", "pi", 0, ("f_pi", "V_ud")),
    ("mu_pi", "mu", "pi", 0, ("f_pi", "V_ud")),
    ("tau_pi", "tau", "pi", 0, ("f_pi", "V_ud")),
    ("nu_pi0", "nu", "pi0", 0, ("f_pi",)),
    ("e_K", "e", "K", 0, ("f_K", "V_us")),
    ("mu_K", "mu", "K", 0, ("f_K", "V_us")),
    ("e_rho", "e", "rho", 1, ("f_rho", "V_ud")),
    ("mu_rho", "mu", "rho", 1, ("f_rho", "V_ud")),
    ("e_Kst", "e", "Kst", 1, ("f_Kst", "V_us")),
    ("mu_Kst", "mu", "Kst", 1, ("f_Kst", "V_us")),
    ("nu_rho", "nu", "rho0", 1, ("f_rho0", "kappa_rho0")),
    ("nu_eta", "nu", "eta", 0, ("f_eta",)),
    ("nu_etap", "nu", "etap", 0, ("f_etap",)),
    ("nu_omega", "nu", "omega", 1, ("f_omega", "kappa_omega")),
    ("nu_phi", "nu", "phi", 1, ("f_phi", "kappa_phi")),
    ("e_D", "e", "D", 0, ("f_D", "V_cd")),
    ("e_Ds", "e", "Ds", 0, ("f_Ds", "V_cs")),
    ("mu_D", "mu", "D", 0, ("f_D", "V_cd")),
)
_CHARMED = ("D", "Ds")
_QUARKS = (("u", 0.5, 2 / 3), ("d", -0.5, -1 / 3), ("s", -0.5, -1 / 3))  # name, T3, charge
_QUARK_PAIRS = (("u", "d", "V_ud"), ("u", "s", "V_us"))

CHANNELS: tuple[str, ...] = (
    *("nu_nu_nu", "nu_e_e", "nu_mu_mu", "nu_e_mu"),
    *(channel for channel, *_ in _MESONS),
    *("nu_e_tau", "nu_mu_tau", "nu_q_q", "e_q_q", "mu_q_q", "tau_q_q"),
)
"""Final states, in the order that widths are listed in."""

# Kinds of a process, and its share in the total width.
INVISIBLE, NEUTRAL_PAIR, THREE_FERMIONS, PSEUDOSCALAR, VECTOR = range(5)
ALWAYS, EXCLUSIVE, INCLUSIVE = range(3)


class Process(NamedTuple):
    """One entry of the table: a decay, and what multiplies its phase space for each flavour a of |U_a|²."""

    channel: str
    kind: int
    share: int
    products: tuple[str, str, str]
    coefficients: tuple[list[float], list[float]]
    """Of the first and of the second integral of the kind, without their powers of m; a list is over a."""


def _of(*flavours: str) -> list[float]:
    return [float(flavour in flavours) for flavour in FLAVOURS]


def _scaled(factor: float, values: list[float]) -> list[float]:
    return [factor * value for value in values]


def processes(inputs: WeakInputs = INPUTS) -> tuple[Process, ...]:
    """List all decays that make up the channels."""
    return (*_leptonic(inputs), *_mesonic(inputs), *_inclusive(inputs))


def _leptonic(inputs: WeakInputs) -> list[Process]:
    none, unit = _of(), G_FERMI**2 / (192 * math.pi**3)
    found = [Process("nu_nu_nu", INVISIBLE, ALWAYS, ("nu", "nu", "nu"), (_scaled(unit, _of(*FLAVOURS)), none))]
    for channel, lepton in _PAIRS:
        # The charged current adds to gL where N mixes with the flavour of the pair.
        left = [inputs.sin2_theta_w - 0.5 + same for same in _of(lepton)]
        found.append(_neutral(channel, lepton, unit, left, inputs.sin2_theta_w, ALWAYS))
    for channel, first, second in _MIXED_PAIRS:
        strengths = (_scaled(unit, _of(first, second)), none)
        found.append(Process(channel, THREE_FERMIONS, ALWAYS, ("nu", first, second), strengths))
    return found


def _neutral(channel: str, fermion: str, unit: float, left: list[float], right: float, share: int) -> Process:
    equal, mixed = [unit * (gL**2 + right**2) for gL in left], [unit * gL * right for gL in left]
    return Process(channel, NEUTRAL_PAIR, share, ("nu", fermion, fermion), (equal, mixed))


def _mesonic(inputs: WeakInputs) -> list[Process]:
    found = []
    for channel, lepton, meson, spin, factors in _MESONS:
        amplitude = math.prod(getattr(inputs, factor) for factor in factors)
        strength = G_FERMI**2 * amplitude**2 / (16 * math.pi)
        flavours = _scaled(0.5 * strength, _of(*FLAVOURS)) if lepton == "nu" else _scaled(strength, _of(lepton))
        kind = VECTOR if spin else PSEUDOSCALAR
        share = ALWAYS if meson in _CHARMED else EXCLUSIVE
        found.append(Process(channel, kind, share, (lepton, meson, "nu"), (flavours, _of())))
    return found


def _inclusive(inputs: WeakInputs) -> list[Process]:
    found, unit = [], 3 * G_FERMI**2 / (192 * math.pi**3)
    for quark, isospin, charge in _QUARKS:
        right = -charge * inputs.sin2_theta_w
        found.append(_neutral("nu_q_q", quark, unit, [isospin + right] * 3, right, INCLUSIVE))
    for lepton in FLAVOURS:
        for up, down, element in _QUARK_PAIRS:
            strengths = (_scaled(unit * getattr(inputs, element) ** 2, _of(lepton)), _of())
            found.append(Process(f"{lepton}_q_q", THREE_FERMIONS, INCLUSIVE, (lepton, up, down), strengths))
    return found
