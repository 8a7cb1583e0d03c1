"""Dark matter χ from decays of mesons that scatters into a heavier χ′ in the detector, which decays to χ e e or χ γ.

L = V1_μ (g_mu μ̄ γ^μ μ + g_e ē γ^μ e + g_q Σ_q Q_q q̄ γ^μ q + χ̄ γ^μ χ …) + V2_μ [g_p p̄ γ^μ p + g_n n̄ γ^μ n
  + g_chi (χ̄′ γ^μ χ + h.c.)], Q_q the electric charges.

π⁺, K⁺ → l⁺ ν V1, and π⁰ → γ V1 by g_q; V1 → χ χ̄, which must be open (m_V1 > 2 m_chi) and is taken to be all that V1 on
its shell does. χ A → χ′ A goes by V2. Then χ′ → χ V1(*) → χ e e, with the share ``B_ee`` of all decays, or χ γ, with
``B_gamma``, after the decay length ``ctau``. Three of the couplings of V1 appear in products with shares alone, and so
do not matter here. A dark photon has g_mu = g_e = e ε₁, and g_p = e ε₂, g_n = 0.

**Emission by the charged mesons themselves is left out** (see `scanner.physics.dark_production`): 2110.11944 has it so.
Where V1 couples to quarks as to leptons, as a dark photon does, that overestimates what charged mesons make, by the
more the lighter V1 is; its longitudinal part, which rules below some 100 MeV, cancels then.
"""

from __future__ import annotations

import math

import numpy as np

from scanner.models.base import Model
from scanner.models.dark_particles import (
    CARLSON_RISLOW,
    COUPLINGS,
    DARK_MESONS,
    LEPTONS,
    MATTER_SWITCHES,
    DarkParticleModel,
    matter,
    named,
    terms,
)
from scanner.physics.dark_production import Emission
from scanner.physics.particles import MASS
from scanner.physics.visible import CURRENT_PAIR, PHOTON
from scanner.signals.dark_neutrino import Decay
from scanner.signals.dark_particle import DarkBeam, DarkDynamics
from scanner.units import ALPHA_EM
from scanner.vocabulary import Constraint, Derived, Monomial, Parameter

PROVIDES = ("dark_particle_upscattering",)
VERSION = 1

_EVENT_PARAMETERS = (
    "m_chi",
    "m_chiprime",
    "m_V1",
    "m_V2",
    "B_ee",
    "B_gamma",
    "ctau",
    *(p.name for p in MATTER_SWITCHES),
)


def _dynamics(values: dict[str, float]) -> DarkDynamics | None:
    chi, partner, vector = values["m_chi"], values["m_chiprime"], values["m_V1"]
    gap = partner - chi
    if not (vector > 2 * chi and gap > 0):
        return None
    pairs = values["B_ee"] if gap > 2 * MASS["e"] else 0.0
    sources = tuple(Emission("vector", lepton, vector, 2, chi, chi) for lepton in LEPTONS)
    return DarkDynamics(
        sources=(*sources, Emission("photon", "", vector, 2, chi, chi)),
        vector=values["m_V2"],
        partner=partner,
        decays=(
            (Decay("e_e", CURRENT_PAIR, chi, vector), pairs),
            (Decay("gamma", PHOTON, chi), values["B_gamma"]),
        ),
        ctau=values["ctau"],
        **matter(values),
    )


_SOURCES = (Monomial(1.0, {"g_mu": 2}), Monomial(1.0, {"g_e": 2}), Monomial(1.0, {"g_q": 2}))

_BEAM = DarkBeam(
    parameters=_EVENT_PARAMETERS,
    dynamics=named(_EVENT_PARAMETERS, _dynamics),
    terms=terms(_SOURCES, {"g_chi": 2}),
)


def _product(values: np.ndarray) -> float:
    g_mu, g_p, g_chi = map(float, values)
    return g_mu * g_p * g_chi / (4 * math.pi * ALPHA_EM)


def load(name: str) -> Model:
    """Return the model."""
    return DarkParticleModel(
        name=name,
        version=VERSION,
        title="Dark matter from meson decays that scatters into a heavier state, which decays visibly",
        parameters=(
            Parameter("m_chi", "GeV", 8e-3, 1e-5, 0.19, r"$m_\chi$"),
            Parameter("m_chiprime", "GeV", 0.05, 1e-4, 1.0, r"$m_{\chi'}$"),
            Parameter("m_V1", "GeV", 0.017, 1e-4, 0.388, "$m_{V_1}$"),
            Parameter("m_V2", "GeV", 0.2, 1e-4, 10.0, "$m_{V_2}$"),
            *COUPLINGS,
            Parameter("g_q", "1", 0.0, 0.0, 10.0, "$g_q$"),
            Parameter("g_chi", "1", 0.0, 0.0, 10.0, r"$g_\chi$"),
            Parameter("B_ee", "1", 1.0, 0.0, 1.0, r"BR$(\chi'\to\chi ee)$"),
            Parameter("B_gamma", "1", 0.0, 0.0, 1.0, r"BR$(\chi'\to\chi\gamma)$"),
            Parameter("ctau", "m", 0.0, 0.0, 1e6, r"$c\tau$"),
            *MATTER_SWITCHES,
        ),
        signals={"dark_beam": _BEAM},
        references=(DARK_MESONS, CARLSON_RISLOW),
        constraints=(
            Constraint({"B_ee": 1.0, "B_gamma": 1.0}, 1.0, "B_ee + B_gamma ≤ 1"),
            Constraint({"m_chi": 1.0, "m_chiprime": -1.0}, 0.0, "m_chi ≤ m_chiprime: what scattering makes is heavier"),
        ),
        null={"g_chi": 0.0},
        derived=(Derived("coupling", "1", ("g_mu", "g_p", "g_chi"), _product, r"$\epsilon_1\epsilon_2 g_\chi$"),),
    )
