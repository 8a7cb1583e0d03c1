"""A heavy neutrino N with mixing and a scalar S.

L = y_a ν̄_a P_R N S + h.c. + g_e S ē e + g_mu S μ̄ μ - (g_gamma/4) S F F; the y_a are not multiplied by a mixing. All of
N → ν S is ``nu_S``, seen as ``nu_e_e``, ``nu_mu_mu`` or ``nu_gamma_gamma``, or not at all where nothing is open to S. S
may be on-shell or not, and decays where N does. See `scanner.physics.heavy_neutrino_mediators`.
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
    with_mixing,
)
from scanner.physics.heavy_neutrino_mediators import Scalar, scalar_widths
from scanner.signals.heavy_neutrino import OTHER, Channel, Coupling, Exchange, searches
from scanner.vocabulary import Monomial, Parameter, Reference

PROVIDES = ("hnl_scalar",)
VERSION = 1

_OF_THE_WIDTHS = (
    Parameter("m_S", "GeV", 0.03, 1e-6, 1e3, r"$m_S$"),
    Parameter("g_e", "1", 0.0, 0.0, 10.0, r"$g_e$"),
    Parameter("g_mu", "1", 0.0, 0.0, 10.0, r"$g_\mu$"),
    Parameter("g_gamma", "GeV^-1", 0.0, 0.0, 1e3, r"$g_\gamma$"),
)
"""Those that the integral depends on, in the order of `Scalar`."""

_YUKAWAS = (
    Parameter("y_e", "1", 0.0, 0.0, 10.0, r"$y_e$"),
    Parameter("y_mu", "1", 0.0, 0.0, 10.0, r"$y_\mu$"),
    Parameter("y_tau", "1", 0.0, 0.0, 10.0, r"$y_\tau$"),
)

_SEEN_AS = {"e_e": "nu_e_e", "mu_mu": "nu_mu_mu", "gamma_gamma": "nu_gamma_gamma", "invisible": ""}
_CHANNELS = {product: Channel("nu_S", seen) for product, seen in _SEEN_AS.items()}

_REFERENCE = Reference(
    "Dutta:2020scq",
    "Dutta, Bhaskar and Ghosh, Sumit and Li, Tianjun",
    "Explaining (g-2)_mu, the KOTO anomaly and the MiniBooNE excess in an extended Higgs model with sterile neutrinos",
    2020,
    "2006.01319",
    "10.1103/PhysRevD.102.055017",
    "Phys. Rev. D 102 (2020) 055017",
)


def load(name: str) -> Model:
    """Return the model."""
    found = with_mixing(
        parameters=tuple(parameter.name for parameter in _OF_THE_WIDTHS),
        couplings=tuple(
            Coupling(Monomial(1.0, {yukawa.name: 2}), OTHER, Exchange("scalar", "m_S")) for yukawa in _YUKAWAS
        ),
        channels=tuple(_CHANNELS.values()),
        dark=_dark,
    )
    return HeavyNeutrinoModel(
        name=name,
        version=VERSION,
        title="Heavy neutrino with mixing and a scalar",
        parameters=(*PARAMETERS, *_OF_THE_WIDTHS, *_YUKAWAS),
        signals=searches(found),
        references=(*REFERENCES, DARK_DECAYS, _REFERENCE),
        constraints=(UNITARITY,),
        null=dict.fromkeys((*MIXINGS, *(yukawa.name for yukawa in _YUKAWAS)), 0.0),
    )


def _dark(mass: float, *mediator: float) -> DarkWidths:
    widths = scalar_widths(mass, Scalar(*mediator))
    return ({_CHANNELS[product]: width for product, width in widths.items()},)
