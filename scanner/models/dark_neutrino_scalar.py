"""A heavy neutrino N4 that a scalar φ both makes, on nuclei, and lets decay.

L = S_a4 ν̄_a P_R N4 φ + h.c. + φ (S_p p̄ p + S_n n̄ n + S_l Σ_l l̄ l) + κ φ F F. In place of S_p, S_n and S_l one may give
an angle theta by which φ mixes with the Higgs boson: then S_l = sin θ m_l/v for each lepton, and S_p = S_n =
f_N sin θ m_p/v with f_N = 0.30 (1306.4710). Nothing else mixes, so that there are no weak decays.

N4 decays to ``nu_e_e``, ``nu_mu_mu`` and ``nu_gamma_gamma``, φ on-shell or not, and to ``nu_S`` where nothing is open
to φ, which then counts as stable. Left out are decays of φ to photons through loops (κ can hold them) and, above 2 m_π,
to hadrons. See `scanner.physics.heavy_neutrino_mediators`.

Experiments see ν e e and ν γ γ.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from scanner.models.base import Model
from scanner.models.dark_neutrinos import (
    DARKNEWS,
    PANORAMA,
    SWITCH_NAMES,
    SWITCHES,
    DarkNeutrinoModel,
    Production,
    refuse_both,
    switches,
)
from scanner.physics.dark_neutrino_decays import scalar_mediator_widths
from scanner.physics.heavy_neutrino_mediators import Scalar, scalar_widths
from scanner.physics.particles import MASS
from scanner.physics.seesaw import HIGGS_VEV
from scanner.physics.visible import SCALAR_PAIR
from scanner.signals.dark_neutrino import CURRENTS, FLAVOURS, Decay, Dynamics, Rates, Upscattering
from scanner.vocabulary import Derived, Monomial, Parameter, Reference

PROVIDES = ("dark_neutrino_scalar",)
VERSION = 1

YUKAWAS = ("S_e4", "S_mu4", "S_tau4")
MATTER = ("S_p", "S_n", "S_l")

NUCLEON_HIGGS = 0.30
"""f_N: of a nucleon's mass, the part that couples to a Higgs boson as that of a quark does; Cline et al., 1306.4710."""

_PARAMETERS = (
    Parameter("m4", "GeV", 0.25, 1e-6, 3.5, r"$m_4$"),
    Parameter("m_phi", "GeV", 0.03, 1e-6, 1e3, r"$m_\phi$"),
    Parameter("S_e4", "1", 0.0, 0.0, 10.0, r"$S_{e4}$"),
    Parameter("S_mu4", "1", 0.0, 0.0, 10.0, r"$S_{\mu4}$"),
    Parameter("S_tau4", "1", 0.0, 0.0, 10.0, r"$S_{\tau4}$"),
    Parameter("S_p", "1", 0.0, -10.0, 10.0, r"$S_p$"),
    Parameter("S_n", "1", 0.0, -10.0, 10.0, r"$S_n$"),
    Parameter("S_l", "1", 0.0, -10.0, 10.0, r"$S_\ell$"),
    Parameter("theta", "1", 0.0, -math.pi / 2, math.pi / 2, r"$\theta$"),
    Parameter("kappa", "GeV^-1", 0.0, -1e3, 1e3, r"$\kappa$"),
    *SWITCHES,
)
"""m4 stays below 2 m_τ, where ν τ τ would open."""

_NUCLEON = Reference(
    "Cline:2013gha",
    "Cline, James M. and Kainulainen, Kimmo and Scott, Pat and Weniger, Christoph",
    "Update on scalar singlet dark matter",
    2013,
    "1306.4710",
    "10.1103/PhysRevD.88.055025",
    "Phys. Rev. D 88 (2013) 055025",
)


class MatterCouplings(NamedTuple):
    """What φ couples to matter with."""

    p: float
    n: float
    e: float
    mu: float


def matter_couplings(values: Mapping[str, float]) -> MatterCouplings:
    """Return the couplings of φ to nucleons and leptons, given as such or by theta.

    Raises
    ------
    InputError
        Where both are given.
    """
    given = [values[name] for name in MATTER]
    refuse_both("dark_neutrino_scalar", "theta", "S_p, S_n, S_l", values["theta"] != 0 and any(given))
    if any(given):
        return MatterCouplings(values["S_p"], values["S_n"], values["S_l"], values["S_l"])
    unit = math.sin(values["theta"]) / HIGGS_VEV
    nucleon = NUCLEON_HIGGS * MASS["p"] * unit
    return MatterCouplings(nucleon, nucleon, MASS["e"] * unit, MASS["mu"] * unit)


class DarkNeutrinoScalar(DarkNeutrinoModel):
    """A heavy neutrino coupled to ν by a scalar."""

    def complete(self, given: Mapping[str, object]) -> dict[str, float]:
        """Return every parameter's value; InputError also where theta and what it stands for are both given."""
        values = super().complete(given)
        matter_couplings(values)
        return values

    def heavy_states(self, zero: frozenset[str]) -> tuple[Upscattering, ...]:
        """Return N4."""
        protons_alone = {"S_n", "theta"} <= zero
        return (replace(_N4, currents=("p",), rates=_rates_of_protons) if protons_alone else _N4,)

    def production(self, state: str, flavour: int, values: Mapping[str, float]) -> Production:
        """Return how ν of a flavour becomes N4: by φ."""
        matter = matter_couplings(values)
        return Production("scalar", values["m_phi"], values[YUKAWAS[flavour]] ** 2, matter.p, matter.n)

    def decays(self, state: str, values: Mapping[str, float]) -> dict[str, float]:
        """Return the partial widths [GeV] of N4 by final state, from the model's parameters."""
        matter = matter_couplings(values)
        yukawas = math.fsum(values[name] ** 2 for name in YUKAWAS)
        return {name: yukawas * width for name, width in _unit_widths(values, matter).items()}

    def mediator_widths(self, **params: float | str) -> dict[str, float]:
        """Return the partial widths [GeV] of φ on its shell: ``e_e``, ``mu_mu``, ``gamma_gamma``."""
        values = self.complete(params)
        matter = matter_couplings(values)
        return scalar_mediator_widths(values["m_phi"], {"e": matter.e, "mu": matter.mu}, values["kappa"])


def _unit_widths(values: Mapping[str, float], matter: MatterCouplings) -> dict[str, float]:
    """Widths [GeV] by final state for unit |S_a4|²."""
    factor = 2.0 if values["nature"] else 1.0
    # That kernel's L = -(g_γ/4) φ F F.
    widths = scalar_widths(values["m4"], Scalar(values["m_phi"], matter.e, matter.mu, -4 * values["kappa"]))
    stable = widths.pop("invisible")
    return {f"nu_{product}": factor * width for product, width in widths.items()} | {"nu_S": factor * stable}


_EVENT_PARAMETERS = ("m4", "m_phi", *SWITCH_NAMES)
_WIDTH_PARAMETERS = ("m4", "m_phi", *MATTER, "theta", "kappa", "nature")


def _dynamics(row: np.ndarray) -> Dynamics:
    values = dict(zip(_EVENT_PARAMETERS, map(float, row), strict=True))
    mass, mediator = values["m4"], values["m_phi"]
    photons = Decay("gamma_gamma", SCALAR_PAIR, mediator=mediator)
    electrons = Decay("e_e", SCALAR_PAIR, mediator=mediator) if mass > 2 * MASS["e"] else None
    return Dynamics("scalar", mass, mediator, (electrons, photons), **switches(values))


def _rates(row: np.ndarray) -> Rates:
    values = dict(zip(_WIDTH_PARAMETERS, map(float, row), strict=True))
    matter = matter_couplings(values)
    widths = _unit_widths(values, matter)
    visible = np.tile([widths["nu_e_e"], widths["nu_gamma_gamma"]], (FLAVOURS, 1))
    total, nothing = np.full(FLAVOURS, math.fsum(widths.values())), np.zeros((FLAVOURS, 0))
    found = np.array([matter.p**2, matter.p * matter.n, matter.n**2])
    return Rates(found, total, visible, 0 * visible, nothing, np.zeros(0))


def _rates_of_protons(row: np.ndarray) -> Rates:
    found = _rates(row)
    return found._replace(matter=found.matter[:1])


_N4 = Upscattering(
    event_parameters=_EVENT_PARAMETERS,
    dynamics=_dynamics,
    channels=("nu_e_e", "nu_gamma_gamma"),
    currents=CURRENTS,
    couplings=tuple((Monomial(1.0, {yukawa: 2}),) for yukawa in YUKAWAS),
    escapes=(),
    width_parameters=_WIDTH_PARAMETERS,
    rates=_rates,
)


def _derived(which: str) -> Derived:
    names = (*MATTER, "theta")

    def coupling(values: np.ndarray) -> float:
        found = matter_couplings(dict(zip(names, map(float, values), strict=True)))
        return float(getattr(found, which))

    return Derived(f"S_phi_{which}", "1", names, coupling, f"coupling of φ to {which}")


def load(name: str) -> Model:
    """Return the model."""
    return DarkNeutrinoScalar(
        name=name,
        version=VERSION,
        title="Dark neutrino made and decaying through a scalar",
        parameters=_PARAMETERS,
        signals={"upscattering": ()},
        references=(DARKNEWS, PANORAMA, _NUCLEON),
        null=dict.fromkeys(YUKAWAS, 0.0),
        derived=tuple(_derived(which) for which in MatterCouplings._fields),
    )
