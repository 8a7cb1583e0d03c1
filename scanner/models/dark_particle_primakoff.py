"""A light dark boson from decays of mesons that becomes a photon in the detector, by the exchange of a vector V.

L = g_mu φ μ̄ μ + g_e φ ē e (or i a l̄ γ5 l, by ``parity``) + (lam/2) φ V_μν F^μν (or a V_μν F̃^μν)
  + V_μ (g_p p̄ γ^μ p + g_n n̄ γ^μ n).

φ comes from π⁺, K⁺ → l⁺ ν φ; a horn focuses those, and a beam that misses its target makes few. It must live to reach
the detector: points with m_φ > m_V, where λ lets it decay to γ V within nanometres, and those where a lepton that it
couples to in the scan is lighter than half of it (cτ of 0.5 μm at 10 MeV and g_e = 1e-3), are ``outside_model``. In the
detector φ A → γ A makes one photon, off whole nuclei and single nucleons. With ``B_phi``, the branching ratio of
V → γ φ, it also comes from π⁰ → γ V, which no horn touches: ruled by the same g_p, as V couples to quarks. That is 0 by
default, as in 2110.11944, and closed where V is heavier than π⁰ or lighter than φ.

lam is that of 2110.11944, (λ/4) φ V_μν F^μν + h.c.: see `scanner.physics.dark_scattering`. For the same couplings
scalar and pseudoscalar scatter alike; they differ in how mesons make them.

``f_neutron`` is the share of events with a neutron beside the photon, which LSND asks for. It is 0 where nuclei stay
whole, and is not known where they do not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from scanner.errors import Status
from scanner.models.base import Model
from scanner.models.dark_particles import (
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
from scanner.signals.dark_particle import DarkBeam, DarkDynamics
from scanner.vocabulary import Constraint, Derived, Monomial, Parameter

PROVIDES = ("dark_particle_primakoff",)
VERSION = 1

PARITY = Parameter.choice("parity", "scalar", "pseudoscalar")

_LEPTONS = {"g_e": MASS["e"], "g_mu": MASS["mu"]}

_EVENT_PARAMETERS = ("m_phi", "m_V", PARITY.name, *(p.name for p in MATTER_SWITCHES))


def _dynamics(values: dict[str, float]) -> DarkDynamics:
    kind, phi, vector = str(PARITY.shown(values[PARITY.name])), values["m_phi"], values["m_V"]
    charged = tuple(Emission(kind, lepton, phi) for lepton in LEPTONS)
    return DarkDynamics((*charged, Emission("photon", "", vector, 1, phi)), vector, **matter(values))


_SOURCES = (Monomial(1.0, {"g_mu": 2}), Monomial(1.0, {"g_e": 2}), Monomial(1.0, {"g_p": 2, "B_phi": 1}))

_BEAM = DarkBeam(
    parameters=_EVENT_PARAMETERS,
    dynamics=named(_EVENT_PARAMETERS, _dynamics),
    terms=terms(_SOURCES, {"lam": 2}),
    neutron=Monomial(1.0, {"f_neutron": 1}),
)


@dataclass(frozen=True)
class PrimakoffModel(DarkParticleModel):
    """The model, which leaves out a φ that decays on its way."""

    def ingredient(self, signal: str, zero: frozenset[str]) -> Any:
        """Return what the model supplies; φ decays to each lepton whose coupling is not 0 throughout."""
        found = super().ingredient(signal, zero)
        if not isinstance(found, DarkBeam):
            return found
        lightest = min((2 * mass for coupling, mass in _LEPTONS.items() if coupling not in zero), default=math.inf)

        def dynamics(row: np.ndarray) -> DarkDynamics | Status | None:
            decays = row[_EVENT_PARAMETERS.index("m_phi")] > lightest
            return Status.outside_model if decays else found.dynamics(row)

        return replace(found, dynamics=dynamics)


def _product(values: np.ndarray) -> float:
    g_mu, g_p, lam = map(float, values)
    return 1e-3 * g_mu * g_p * lam


def load(name: str) -> Model:
    """Return the model."""
    return PrimakoffModel(
        name=name,
        version=VERSION,
        title="Dark boson from meson decays that a vector turns into a photon",
        parameters=(
            Parameter("m_phi", "GeV", 1e-3, 1e-5, 0.38, r"$m_\phi$"),
            Parameter("m_V", "GeV", 0.049, 1e-4, 10.0, "$m_V$"),
            *COUPLINGS,
            Parameter("lam", "GeV^-1", 0.0, 0.0, 1e6, r"$\lambda$"),
            Parameter("B_phi", "1", 0.0, 0.0, 1.0, r"BR$(V\to\gamma\phi)$"),
            Parameter("f_neutron", "1", 0.0, 0.0, 1.0, "$f_n$"),
            PARITY,
            *MATTER_SWITCHES,
        ),
        signals={"dark_beam": _BEAM},
        references=(DARK_MESONS,),
        constraints=(Constraint({"m_phi": 1.0, "m_V": -1.0}, 0.0, "m_phi ≤ m_V: else φ decays to γ V at once"),),
        null={"lam": 0.0},
        derived=(Derived("coupling", "MeV^-1", ("g_mu", "g_p", "lam"), _product, r"$g_\mu g_p \lambda$"),),
    )
