"""A heavy neutrino N with mixing and with transition magnetic moments μ_tr,a to ν_e, ν_μ, ν_τ.

L = (μ_tr,a/2) ν̄_a σ^{μν} P_R N F_{μν} + h.c.; some write d = μ_tr/2, and 1 μ_B = 296.30 GeV⁻¹. N decays to ν γ, and
through a virtual photon to ν e e and ν μ μ. N is made by its mixing alone.
"""

from __future__ import annotations

from dataclasses import replace

from scanner.models.base import Model
from scanner.models.heavy_neutrinos import (
    MIXINGS,
    PARAMETERS,
    REFERENCES,
    UNITARITY,
    DarkWidths,
    HeavyNeutrinoModel,
    channel,
    with_mixing,
)
from scanner.physics.heavy_neutrino_dark import dipole_widths
from scanner.signals.heavy_neutrino import OTHER, Coupling, Exchange, searches
from scanner.vocabulary import Monomial, Parameter, Reference

PROVIDES = ("hnl_dipole",)
VERSION = 1

_MOMENTS = (
    Parameter("mu_tr_e", "GeV^-1", 0.0, 0.0, 1e3, r"$\mu_{\rm tr}^e$"),
    Parameter("mu_tr_mu", "GeV^-1", 0.0, 0.0, 1e3, r"$\mu_{\rm tr}^\mu$"),
    Parameter("mu_tr_tau", "GeV^-1", 0.0, 0.0, 1e3, r"$\mu_{\rm tr}^\tau$"),
)

_REFERENCE = Reference(
    "Magill:2018jla",
    "Magill, Gabriel and Plestid, Ryan and Pospelov, Maxim and Tsai, Yu-Dai",
    "Dipole portal to heavy neutral leptons",
    2018,
    "1803.03262",
    "10.1103/PhysRevD.98.115015",
    "Phys. Rev. D 98 (2018) 115015",
)


def load(name: str) -> Model:
    """Return the model."""
    electron, muon, tau = (Monomial(1.0, {moment.name: 2}) for moment in _MOMENTS)
    found = with_mixing(
        couplings=tuple(Coupling(squared, OTHER, Exchange("photon")) for squared in (electron, muon, tau)),
        channels=(channel("nu_gamma"),),
        dark=_dark,
    )
    found = replace(found, dipoles=(electron, muon, tau))
    return HeavyNeutrinoModel(
        name=name,
        version=VERSION,
        title="Heavy neutrino with mixing and transition magnetic moments",
        parameters=PARAMETERS + _MOMENTS,
        signals=searches(found),
        references=(*REFERENCES, _REFERENCE),
        constraints=(UNITARITY,),
        null=dict.fromkeys((*MIXINGS, *(moment.name for moment in _MOMENTS)), 0.0),
    )


def _dark(mass: float) -> DarkWidths:
    return ({channel(name): width for name, width in dipole_widths(mass).items()},)
