"""A heavy neutrino N with mixing and an axion-like particle a.

L = -(∂_μ a/2f_a) (c_N N̄ γ^μ γ5 N + c_e ē γ^μ γ5 e) - (c_gamma/4f_a) a F F̃. N → ν a comes from the mixing; a flies on
and decays to e⁺e⁻, or to γγ through c_gamma and an electron loop: parts of ``nu_a`` that are seen where a decays. See
`scanner.physics.heavy_neutrino_dark` for the sign of c_gamma.
"""

from __future__ import annotations

import math

import numpy as np

from scanner.models.base import Model
from scanner.models.heavy_neutrinos import (
    DARK_DECAYS,
    MIXINGS,
    PARAMETERS,
    REFERENCES,
    UNITARITY,
    DarkWidths,
    HeavyNeutrinoModel,
    mixing_couplings,
    with_mixing,
)
from scanner.physics.heavy_neutrino_dark import Alp, alp_widths, to_alp_width
from scanner.signals.heavy_neutrino import Channel, Exchange, Flyer, searches
from scanner.vocabulary import Parameter, Reference

PROVIDES = ("hnl_alp",)
VERSION = 1

_OF_THE_WIDTHS = (
    Parameter("m_a", "GeV", 0.03, 1e-6, 1e3, r"$m_a$"),
    Parameter("f_a", "GeV", 1e3, 1e-3, 1e19, r"$f_a$"),
    Parameter("c_e", "1", 1.0, -1e6, 1e6, r"$c_e$"),
    Parameter("c_gamma", "1", 0.0, -1e6, 1e6, r"$c_\gamma$"),
)
"""Those that N → ν a → … depends on, in the order of `Alp`."""

_NAMES = tuple(parameter.name for parameter in _OF_THE_WIDTHS)

_REFERENCE = Reference(
    "Bauer:2017ris",
    "Bauer, Martin and Neubert, Matthias and Thamm, Andrea",
    "Collider probes of axion-like particles",
    2017,
    "1708.00443",
    "10.1007/JHEP12(2017)044",
    "JHEP 12 (2017) 044",
)


def _flyer(values: np.ndarray) -> Flyer:
    alp = Alp(*(float(value) for value in values))
    return Flyer(alp.mass, math.fsum(alp_widths(alp).values()))


_STABLE = Channel("nu_a", "")
_CHANNELS = {
    "e_e": Channel("nu_a", "nu_e_e", (_NAMES, _flyer)),
    "gamma_gamma": Channel("nu_a", "nu_gamma_gamma", (_NAMES, _flyer)),
}


def load(name: str) -> Model:
    """Return the model."""
    found = with_mixing(
        parameters=_NAMES,
        couplings=mixing_couplings(Exchange("scalar", "m_a", flies=True), c_N=2),
        channels=(*_CHANNELS.values(), _STABLE),
        dark=_dark,
    )
    return HeavyNeutrinoModel(
        name=name,
        version=VERSION,
        title="Heavy neutrino with mixing and an axion-like particle",
        parameters=(*PARAMETERS, *_OF_THE_WIDTHS, Parameter("c_N", "1", 1.0, -1e6, 1e6, r"$c_N$")),
        signals=searches(found),
        references=(*REFERENCES, DARK_DECAYS, _REFERENCE),
        constraints=(UNITARITY,),
        null=dict.fromkeys(MIXINGS, 0.0),
    )


def _dark(mass: float, *mediator: float) -> DarkWidths:
    alp = Alp(*mediator)
    width, parts = to_alp_width(mass, alp), alp_widths(alp)
    total = math.fsum(parts.values())
    if total == 0:
        return ({_STABLE: width},)
    return ({_CHANNELS[product]: width * part / total for product, part in parts.items()},)
