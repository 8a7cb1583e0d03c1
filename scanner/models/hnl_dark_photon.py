"""A heavy neutrino N with mixing, in a dark sector with a dark photon Z′ that mixes kinetically with the photon.

V_a = -g_D |U_D4|² U_a4 couples ν_a N to Z′, with g_D² = 4π alpha_D, and e·epsilon the electromagnetic current; epsilon
has either sign. One integral goes from heavy to on-shell Z′ and, for e⁺e⁻ and μ⁺μ⁻, is coherent with Z and W:
``nu_e_e`` and ``nu_mu_mu`` hold it all, ``nu_Zprime`` holds invisible decays of Z′ alone, and ``nu_rho``, ``nu_omega``,
``nu_phi``, ``nu_q_q`` hold its hadrons. BR_inv is the branching ratio of Z′ → invisible; where Z′ cannot decay
visibly (below 2 m_e, or for epsilon = 0) it is 1. Z′ is taken to decay where N does, as it is for
|epsilon| > 1e-5 or so. See `scanner.physics.heavy_neutrino_mediators`.
"""

from __future__ import annotations

from scanner.models.base import Model
from scanner.models.heavy_neutrinos import (
    DARK_DECAYS,
    MIXINGS,
    PARAMETERS,
    REFERENCES,
    UNITARITY,
    DarkWidths,
    HeavyNeutrinoModel,
    channel,
    mixing_couplings,
    with_mixing,
)
from scanner.physics.heavy_neutrino_mediators import DarkPhoton, dark_photon_widths
from scanner.signals.heavy_neutrino import Exchange, searches
from scanner.vocabulary import Parameter, Reference

PROVIDES = ("hnl_dark_photon",)
VERSION = 1

_OF_THE_WIDTHS = (
    Parameter("m_Zprime", "GeV", 0.03, 1e-6, 1e3, r"$m_{Z'}$"),
    Parameter("alpha_D", "1", 0.25, 0.0, 1.0, r"$\alpha_D$"),
    Parameter("epsilon", "1", 1e-3, -1.0, 1.0, r"$\epsilon$"),
    Parameter("BR_inv", "1", 0.0, 0.0, 0.999999, r"BR$(Z'\to{\rm inv})$"),
)
"""Those that the integral depends on, in the order of `DarkPhoton`."""

_MIXING = Parameter("UD4_sq", "1", 1.0, 0.0, 1.0, r"$|U_{D4}|^2$")

_REFERENCE = Reference(
    "Ballett:2019pyw",
    "Ballett, Peter and Hostert, Matheus and Pascoli, Silvia",
    "Dark neutrinos and a three portal connection to the Standard Model",
    2020,
    "1903.07589",
    "10.1103/PhysRevD.101.115025",
    "Phys. Rev. D 101 (2020) 115025",
)


def load(name: str) -> Model:
    """Return the model."""
    found = with_mixing(
        parameters=tuple(parameter.name for parameter in _OF_THE_WIDTHS),
        couplings=(*mixing_couplings(UD4_sq=1), *mixing_couplings(Exchange("vector", "m_Zprime"), UD4_sq=2)),
        channels=(channel("nu_Zprime"),),
        dark=_dark,
    )
    return HeavyNeutrinoModel(
        name=name,
        version=VERSION,
        title="Heavy neutrino with mixing and a dark photon",
        parameters=(*PARAMETERS, *_OF_THE_WIDTHS, _MIXING),
        signals=searches(found),
        references=(*REFERENCES, DARK_DECAYS, _REFERENCE),
        constraints=(UNITARITY,),
        null=dict.fromkeys(MIXINGS, 0.0),
    )


def _dark(mass: float, *mediator: float) -> DarkWidths:
    parts = dark_photon_widths(mass, DarkPhoton(*mediator))
    return tuple({channel(name): width for name, width in part.items()} for part in parts)
