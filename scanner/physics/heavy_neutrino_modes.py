"""The table of the decays that make heavy neutrinos N: which there are, and what each is normalised to.

Data, not code: `scanner.physics.heavy_neutrino_production` turns it into branching ratios, and says what they
mean.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from scanner.physics.heavy_neutrino_channels import FLAVOURS
from scanner.physics.particles import MASS


class ProductionInputs(NamedTuple):
    """Measured branching ratios of the decays into a light neutrino, and shapes of form factors.

    Unless said otherwise the ratios are averages and fits of the PDG, Phys. Rev. D 110 (2024) 030001, compared
    with its database (the package ``pdg``, 0.1.4); so were the form factors that the PDG lists (``pdg``, 2026.0).
    """

    pi_e: float = 1.230e-4
    pi_mu: float = 0.99988
    K_e: float = 1.582e-5
    K_mu: float = 0.6356
    K_pi0_e: float = 5.07e-2
    K_pi0_mu: float = 3.352e-2
    KL_pi_e: float = 0.4055
    """Both charges together."""
    KL_pi_mu: float = 0.2704
    """Both charges together."""
    D_mu: float = 3.74e-4
    """Also of D → e N and D → τ N, whose massless decays are unmeasured, or to 20 % only: f_D is the same.

    The PDG of 2026 has 4.02e-4.
    """
    Ds_mu: float = 5.35e-3
    """Also of D_s → e N, whose massless decay is unmeasured: f_Ds is the same."""
    Ds_tau: float = 5.36e-2
    D_K0_e: float = 8.72e-2
    """To K̄⁰, that is K_S and K_L together."""
    D_K0_mu: float = 8.76e-2
    D_Kst0_e: float = 5.40e-2
    """To K̄*(892)⁰, all its decays."""
    D_Kst0_mu: float = 5.27e-2
    D0_K_e: float = 3.549e-2
    D0_K_mu: float = 3.41e-2
    D0_Kst_e: float = 2.15e-2
    D0_Kst_mu: float = 1.89e-2
    Ds_phi_e: float = 2.39e-2
    """All decays of the φ."""
    Ds_phi_mu: float = 2.24e-2
    tau_pi: float = 0.1082
    tau_K: float = 6.96e-3
    tau_rho: float = 0.2549
    """That of τ⁻ → π⁻π⁰ν, which the ρ dominates."""
    tau_Kst: float = 1.20e-2
    tau_e: float = 0.1782
    tau_mu: float = 0.1739
    mu_e: float = 1.0
    """All decays of the muon, radiative ones with them."""

    K_pole_plus: float = 0.8844
    """M_V [GeV] of K⁺ → π⁰, in f₊(q²) = f(0)/(1 - q²/M²); NA48/2, 1808.09041, e and μ together, as in the PDG."""
    K_pole_zero: float = 1.2083
    """M_S [GeV] of K⁺ → π⁰, of f₀; the same fit."""
    KL_pole_plus: float = 0.8776
    """M_V [GeV] of K⁰ → π; the PDG's fit with μ-e universality."""
    KL_pole_zero: float = 1.2517
    """M_S [GeV] of K⁰ → π; the PDG's fit with μ-e universality."""
    D_K_zero_recoil: float = 0.7647
    """f₊(0) = f₀(0) of D → K; ETM, Lubicz et al., 1706.03017, as the four below; quoted in 1805.08567.

    flavio 2.7.1 has the same form factors in another parametrisation: within 0.3 %. Measured f₊ rises faster, which
    makes D → K l N 2 % rarer for N of 1 GeV.
    """
    D_K_plus_c: float = 0.066
    """c of f₊(q²) = (f(0) - c (z - z₀)(1 + (z + z₀)/2)) / (1 - P q²); z(q²), z₀ = z(0) of that reference."""
    D_K_plus_P: float = 0.224
    """P [GeV⁻²] of f₊."""
    D_K_zero_c: float = 2.084
    """c of f₀."""
    D_K_zero_P: float = 0.0
    """P [GeV⁻²] of f₀."""
    D_Kst_r_V: float = 1.463
    """V(0)/A₁(0) of D → K*; BaBar, 1012.1810, as in the PDG."""
    D_Kst_r_2: float = 0.801
    """A₂(0)/A₁(0) of D → K*; BaBar, 1012.1810, as in the PDG."""
    D_Kst_pole_axial: float = 2.63
    """Pole mass [GeV] of A₁ and A₂; BaBar, 1012.1810, as in the PDG."""
    D_Kst_pole_vector: float = 2.0
    """Pole mass [GeV] of V, as the fit of 1012.1810 fixes it (in the PDG)."""
    Ds_phi_r_V: float = 1.807
    """V(0)/A₁(0) of D_s → φ; BaBar, 0807.1599, as in the PDG, with the poles below fixed."""
    Ds_phi_r_2: float = 0.816
    """A₂(0)/A₁(0) of D_s → φ; the same fit."""
    Ds_phi_pole_axial: float = 2.5
    """Pole mass [GeV] of A₁ and A₂; the same fit."""
    Ds_phi_pole_vector: float = 2.1
    """Pole mass [GeV] of V; the same fit."""


PRODUCTION_INPUTS = ProductionInputs()
"""The recommended inputs."""

# Kinds of a mode: M → l N; τ → P N; τ → V N; L → l ν N; M → P l N; M → V l N.
LEPTONIC, TAU_PSEUDOSCALAR, TAU_VECTOR, LEPTONS, TO_PSEUDOSCALAR, TO_VECTOR = range(6)

_MODES = (  # name, kind, parent, lepton, hadron, flavours of |U_a|², measured ratio, its lepton
    ("pi->e N", LEPTONIC, "pi", "e", "nu", ("e",), "pi_e", "e"),
    ("pi->mu N", LEPTONIC, "pi", "mu", "nu", ("mu",), "pi_mu", "mu"),
    ("K->e N", LEPTONIC, "K", "e", "nu", ("e",), "K_e", "e"),
    ("K->mu N", LEPTONIC, "K", "mu", "nu", ("mu",), "K_mu", "mu"),
    ("K->pi0 e N", TO_PSEUDOSCALAR, "K", "e", "pi0", ("e",), "K_pi0_e", "e"),
    ("K->pi0 mu N", TO_PSEUDOSCALAR, "K", "mu", "pi0", ("mu",), "K_pi0_mu", "mu"),
    ("KL->pi e N", TO_PSEUDOSCALAR, "KL", "e", "pi", ("e",), "KL_pi_e", "e"),
    ("KL->pi mu N", TO_PSEUDOSCALAR, "KL", "mu", "pi", ("mu",), "KL_pi_mu", "mu"),
    ("D->e N", LEPTONIC, "D", "e", "nu", ("e",), "D_mu", "mu"),
    ("D->mu N", LEPTONIC, "D", "mu", "nu", ("mu",), "D_mu", "mu"),
    ("D->tau N", LEPTONIC, "D", "tau", "nu", ("tau",), "D_mu", "mu"),
    ("D->K0 e N", TO_PSEUDOSCALAR, "D", "e", "K0", ("e",), "D_K0_e", "e"),
    ("D->K0 mu N", TO_PSEUDOSCALAR, "D", "mu", "K0", ("mu",), "D_K0_mu", "mu"),
    ("D->Kst0 e N", TO_VECTOR, "D", "e", "Kst0", ("e",), "D_Kst0_e", "e"),
    ("D->Kst0 mu N", TO_VECTOR, "D", "mu", "Kst0", ("mu",), "D_Kst0_mu", "mu"),
    ("D0->K e N", TO_PSEUDOSCALAR, "D0", "e", "K", ("e",), "D0_K_e", "e"),
    ("D0->K mu N", TO_PSEUDOSCALAR, "D0", "mu", "K", ("mu",), "D0_K_mu", "mu"),
    ("D0->Kst e N", TO_VECTOR, "D0", "e", "Kst", ("e",), "D0_Kst_e", "e"),
    ("D0->Kst mu N", TO_VECTOR, "D0", "mu", "Kst", ("mu",), "D0_Kst_mu", "mu"),
    ("Ds->e N", LEPTONIC, "Ds", "e", "nu", ("e",), "Ds_mu", "mu"),
    ("Ds->mu N", LEPTONIC, "Ds", "mu", "nu", ("mu",), "Ds_mu", "mu"),
    ("Ds->tau N", LEPTONIC, "Ds", "tau", "nu", ("tau",), "Ds_tau", "tau"),
    ("Ds->phi e N", TO_VECTOR, "Ds", "e", "phi", ("e",), "Ds_phi_e", "e"),
    ("Ds->phi mu N", TO_VECTOR, "Ds", "mu", "phi", ("mu",), "Ds_phi_mu", "mu"),
    ("tau->pi N", TAU_PSEUDOSCALAR, "tau", "nu", "pi", ("tau",), "tau_pi", "nu"),
    ("tau->K N", TAU_PSEUDOSCALAR, "tau", "nu", "K", ("tau",), "tau_K", "nu"),
    ("tau->rho N", TAU_VECTOR, "tau", "nu", "rho", ("tau",), "tau_rho", "nu"),
    ("tau->Kst N", TAU_VECTOR, "tau", "nu", "Kst", ("tau",), "tau_Kst", "nu"),
    ("tau->e nu N (U_tau)", LEPTONS, "tau", "e", "nu", ("tau",), "tau_e", "e"),
    ("tau->e nu N (U_e)", LEPTONS, "tau", "e", "nu", ("e",), "tau_e", "e"),
    ("tau->mu nu N (U_tau)", LEPTONS, "tau", "mu", "nu", ("tau",), "tau_mu", "mu"),
    ("tau->mu nu N (U_mu)", LEPTONS, "tau", "mu", "nu", ("mu",), "tau_mu", "mu"),
    ("mu->e nu N (U_e or U_mu)", LEPTONS, "mu", "e", "nu", ("e", "mu"), "mu_e", "e"),
)

MODES: tuple[str, ...] = tuple(name for name, *_ in _MODES)
"""Decays, in the order that branching ratios are listed in."""

PARENTS: tuple[str, ...] = ("pi", "K", "KL", "D", "D0", "Ds", "tau", "mu")
"""What is before the arrow of a mode."""

FORM_FACTORS, PARAMETERS = 4, 5


class Mode(NamedTuple):
    """One entry of the table: a decay into N, and the measured one that it is normalised to."""

    name: str
    kind: int
    parent: str
    lepton: str
    hadron: str
    flavours: list[float]
    """1 for each a whose |U_a|² the decay takes."""
    measured: float
    measured_lepton: str
    """Of the measured decay, of the same kind, parent and hadron."""
    form_factors: list[list[float]]
    """f₊ and f₀, or V, A₀, A₁ and A₂; parameters as in `heavy_neutrino_production.form_factor`."""

    @property
    def threshold(self) -> float:
        """Mass of N [GeV] from which on the decay is closed."""
        return MASS[self.parent] - MASS[self.hadron] - MASS[self.lepton]


def modes(inputs: ProductionInputs = PRODUCTION_INPUTS) -> tuple[Mode, ...]:
    """List all decays into N."""
    found = []
    for name, kind, parent, lepton, hadron, flavours, measured, reference in _MODES:
        shapes = _form_factors(inputs, kind, parent, hadron)
        columns = [float(flavour in flavours) for flavour in FLAVOURS]
        ratio = float(getattr(inputs, measured))
        found.append(Mode(name, kind, parent, lepton, hadron, columns, ratio, reference, shapes))
    return tuple(found)


def _form_factors(inputs: ProductionInputs, kind: int, parent: str, hadron: str) -> list[list[float]]:
    """Shapes alone matter: those of kaons have f(0) = 1, those into vector mesons A₁(0) = 1."""
    none = [0.0] * PARAMETERS
    if kind == TO_VECTOR:
        return _vector(inputs, parent, hadron)
    if kind != TO_PSEUDOSCALAR:
        return [none] * FORM_FACTORS
    if parent in ("D", "D0"):
        return [*_charmed(inputs, parent, hadron), none, none]
    poles = getattr(inputs, f"{parent}_pole_plus"), getattr(inputs, f"{parent}_pole_zero")
    return [*([1.0, 0.0, 1 / pole**2, 0.0, 0.0] for pole in poles), none, none]


def _charmed(inputs: ProductionInputs, parent: str, hadron: str) -> list[list[float]]:
    heavy, light = MASS[parent], MASS[hadron]
    branch = (heavy + light) ** 2
    centre = branch - (heavy + light) * (math.sqrt(heavy) - math.sqrt(light)) ** 2
    plus, zero = (inputs.D_K_plus_c, inputs.D_K_plus_P), (inputs.D_K_zero_c, inputs.D_K_zero_P)
    return [[inputs.D_K_zero_recoil, c, pole, branch, centre] for c, pole in (plus, zero)]


def _vector(inputs: ProductionInputs, parent: str, hadron: str) -> list[list[float]]:
    heavy, light = MASS[parent], MASS[hadron]
    of = "Ds_phi" if hadron == "phi" else "D_Kst"  # D⁺ and D⁰ alike
    r_V, r_2 = float(getattr(inputs, f"{of}_r_V")), float(getattr(inputs, f"{of}_r_2"))
    axial, vector = float(getattr(inputs, f"{of}_pole_axial")), float(getattr(inputs, f"{of}_pole_vector"))
    # No current diverges at q² = 0, which fixes A₀ there; its pole is the pseudoscalar D_s.
    longitudinal = ((heavy + light) - (heavy - light) * r_2) / (2 * light)
    values = ((r_V, vector), (longitudinal, MASS["Ds"]), (1.0, axial), (r_2, axial))
    return [[value, 0.0, 1 / pole**2, 0.0, 0.0] for value, pole in values]
