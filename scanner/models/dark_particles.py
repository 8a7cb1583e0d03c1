"""What the models of dark particles share: how mesons make them, and what they meet in matter."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scanner.models.base import Model
from scanner.models.dark_neutrinos import SWITCHES
from scanner.signals.dark_neutrino import CURRENTS
from scanner.signals.dark_particle import DarkBeam, DarkTerm
from scanner.vocabulary import Monomial, Parameter, Reference

MATTER_SWITCHES = tuple(switch for switch in SWITCHES if switch.name != "nature")
"""Those of `scanner.physics.upscattering.target`."""

DARK_MESONS = Reference(
    "Dutta:2021cip",
    "Dutta, Bhaskar and Kim, Doojin and Thompson, Adrian and Thornton, Remington T. and Van de Water, Richard G.",
    "Solutions to the MiniBooNE Anomaly from New Physics in Charged Meson Decays",
    2022,
    "2110.11944",
    "10.1103/PhysRevLett.129.111803",
    "Phys. Rev. Lett. 129 (2022) 111803",
)

CARLSON_RISLOW = Reference(
    "Carlson:2012pc",
    "Carlson, Carl E. and Rislow, Benjamin C.",
    "New Physics and the Proton Radius Problem",
    2012,
    "1206.3587",
    "10.1103/PhysRevD.86.035013",
    "Phys. Rev. D 86 (2012) 035013",
)

LEPTONS = ("mu", "e")
"""That emit dark bosons, in the order of the sources; π⁰ come after them."""

COUPLINGS = (
    Parameter("g_mu", "1", 1e-3, 0.0, 10.0, r"$g_\mu$"),
    Parameter("g_e", "1", 0.0, 0.0, 10.0, "$g_e$"),
    Parameter("g_p", "1", 1e-3, -10.0, 10.0, "$g_p$"),
    Parameter("g_n", "1", 0.0, -10.0, 10.0, "$g_n$"),
)
"""Of what is emitted to charged leptons, and of what is exchanged to nucleons."""


@dataclass(frozen=True)
class DarkParticleModel(Model):
    """A model of dark particles."""

    def ingredient(self, signal: str, zero: frozenset[str]) -> Any:
        """Return what the model supplies, without what parameters that are 0 throughout switch off."""
        found = super().ingredient(signal, zero)
        return found.without(zero) if isinstance(found, DarkBeam) else found


def terms(sources: Sequence[Monomial], scattering: Mapping[str, float]) -> tuple[DarkTerm, ...]:
    """Return all pairs of a source and a current.

    Parameters
    ----------
    sources
        What multiplies the dark particles of each.
    scattering
        Powers of couplings that multiply the cross section beside those to nucleons.
    """
    nucleons = ({"g_p": 2.0}, {"g_p": 1.0, "g_n": 1.0}, {"g_n": 2.0})
    return tuple(
        DarkTerm(position, current, (source * Monomial(1.0, scattering) * Monomial(1.0, powers),))
        for position, source in enumerate(sources)
        for current, powers in zip(CURRENTS, nucleons, strict=True)
    )


def matter(values: Mapping[str, float]) -> dict[str, Any]:
    """Return what the switches say, in the words of `scanner.signals.dark_particle.DarkDynamics`."""
    shown = {p.name: p.shown(values[p.name]) for p in MATTER_SWITCHES}
    return {**shown, "pauli": shown["pauli"] == "true"}


def named(parameters: Sequence[str], function: Callable[[dict[str, float]], Any]) -> Callable[[Any], Any]:
    """Return a function of values in the order of some parameters, from one of values by name."""
    return lambda row: function(dict(zip(parameters, map(float, row), strict=True)))
