"""A heavy neutrino N4 that transition magnetic moments both make, on nuclei, and let decay to ν γ.

L = (μ_tr,a/2) ν̄_a σ^{μν} P_R N4 F_{μν} + h.c.; some write d = μ_tr/2, and 1 μ_B = 296.30 GeV⁻¹. A virtual photon leads
to ν e e and ν μ μ. Nothing mixes, so that there are no weak decays. See `scanner.physics.heavy_neutrino_dark`.

Experiments see ν γ, and ν e e of a virtual photon.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from scanner.models.base import Model
from scanner.models.dark_neutrinos import (
    CHARGES,
    DARKNEWS,
    PANORAMA,
    SWITCH_NAMES,
    SWITCHES,
    DarkNeutrinoModel,
    Production,
    charge_of,
    switches,
)
from scanner.physics.heavy_neutrino_dark import dipole_widths
from scanner.physics.particles import BOHR_MAGNETON, MASS
from scanner.physics.visible import PHOTON, VIRTUAL_PHOTON
from scanner.signals.dark_neutrino import FLAVOURS, Decay, Dynamics, Rates, Upscattering
from scanner.units import ALPHA_EM
from scanner.vocabulary import Derived, Monomial, Parameter, Reference

PROVIDES = ("dipole_upscattering",)
VERSION = 1

MOMENTS = ("mu_tr_e", "mu_tr_mu", "mu_tr_tau")

_PARAMETERS = (
    Parameter("m4", "GeV", 0.25, 1e-6, 3.5, r"$m_4$"),
    Parameter("mu_tr_e", "GeV^-1", 0.0, 0.0, 1e3, r"$\mu_{\rm tr}^e$"),
    Parameter("mu_tr_mu", "GeV^-1", 0.0, 0.0, 1e3, r"$\mu_{\rm tr}^\mu$"),
    Parameter("mu_tr_tau", "GeV^-1", 0.0, 0.0, 1e3, r"$\mu_{\rm tr}^\tau$"),
    *SWITCHES,
    CHARGES,
)
"""m4 stays below 2 m_τ, where ν τ τ would open."""

_REFERENCE = Reference(
    "Magill:2018jla",
    "Magill, Gabriel and Plestid, Ryan and Pospelov, Maxim and Tsai, Yu-Dai",
    "Dipole portal to heavy neutral leptons",
    2018,
    "1803.03262",
    "10.1103/PhysRevD.98.115015",
    "Phys. Rev. D 98 (2018) 115015",
)


class DipoleUpscattering(DarkNeutrinoModel):
    """A heavy neutrino with transition magnetic moments alone."""

    def heavy_states(self, zero: frozenset[str]) -> tuple[Upscattering, ...]:
        """Return N4."""
        return (_N4,)

    def production(self, state: str, flavour: int, values: Mapping[str, float]) -> Production:
        """Return how ν of a flavour becomes N4: by a photon."""
        return Production("dipole", 0.0, (values[MOMENTS[flavour]] / 2) ** 2, charge_of(values), 0.0)

    def decays(self, state: str, values: Mapping[str, float]) -> dict[str, float]:
        """Return the partial widths [GeV] of N4 by final state, from the model's parameters."""
        moments = math.fsum(values[name] ** 2 for name in MOMENTS)
        return {name: moments * width for name, width in _unit_widths(values).items()}


def _unit_widths(values: Mapping[str, float]) -> dict[str, float]:
    """Widths [GeV] by final state for |μ_tr|² = 1 GeV⁻²."""
    factor = 2.0 if values["nature"] else 1.0
    # Only the virtual photon meets a charge: the real one is part of what μ_tr means.
    charge = charge_of(values) ** 2 / (4 * math.pi * ALPHA_EM)
    widths = dipole_widths(values["m4"])
    return {name: factor * width * (1.0 if name == "nu_gamma" else charge) for name, width in widths.items()}


_EVENT_PARAMETERS = ("m4", *SWITCH_NAMES)
_WIDTH_PARAMETERS = ("m4", "nature", "charge")


def _dynamics(row: np.ndarray) -> Dynamics:
    values = dict(zip(_EVENT_PARAMETERS, map(float, row), strict=True))
    mass = values["m4"]
    pair = Decay("e_e", VIRTUAL_PHOTON) if mass > 2 * MASS["e"] else None
    return Dynamics("dipole", mass, 0.0, (Decay("gamma", PHOTON), pair), **switches(values))


def _rates(row: np.ndarray) -> Rates:
    values = dict(zip(_WIDTH_PARAMETERS, map(float, row), strict=True))
    # Couplings are |d_a|² = |μ_tr,a|²/4.
    widths = {name: 4 * width for name, width in _unit_widths(values).items()}
    visible = np.tile([widths["nu_gamma"], widths["nu_e_e"]], (FLAVOURS, 1))
    total = np.full(FLAVOURS, math.fsum(widths.values()))
    nothing = np.zeros((FLAVOURS, 0))
    return Rates(np.array([charge_of(values) ** 2]), total, visible, 0 * visible, nothing, np.zeros(0))


_N4 = Upscattering(
    event_parameters=_EVENT_PARAMETERS,
    dynamics=_dynamics,
    channels=("nu_gamma", "nu_e_e"),
    currents=("p",),
    couplings=tuple((Monomial(0.25, {moment: 2}),) for moment in MOMENTS),
    escapes=(),
    width_parameters=_WIDTH_PARAMETERS,
    rates=_rates,
)


def _in_bohr_magnetons(values: np.ndarray) -> float:
    return float(values[0]) / BOHR_MAGNETON


def load(name: str) -> Model:
    """Return the model."""
    return DipoleUpscattering(
        name=name,
        version=VERSION,
        title="Dark neutrino made and decaying through transition magnetic moments",
        parameters=_PARAMETERS,
        signals={"upscattering": ()},
        references=(_REFERENCE, DARKNEWS, PANORAMA),
        null=dict.fromkeys(MOMENTS, 0.0),
        derived=tuple(
            Derived(f"{moment}_bohr", "mu_B", (moment,), _in_bohr_magnetons, rf"{label} $[\mu_B]$")
            for moment, label in ((p.name, p.long_name) for p in _PARAMETERS if p.name in MOMENTS)
        ),
    )
