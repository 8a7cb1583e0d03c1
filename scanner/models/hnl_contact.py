"""A heavy neutrino N with mixing and a vector contact interaction with electrons and muons.

-L = (G_X/√2) U_a4 (ν̄_a γ^μ P_L N)(l̄ γ_μ l) + h.c., l = e, μ; G_X has either sign. It adds to the amplitudes of the Z
and of the W. Hadrons are not coupled.
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
from scanner.physics.heavy_neutrino_dark import contact_widths
from scanner.signals.heavy_neutrino import searches
from scanner.vocabulary import Parameter

PROVIDES = ("hnl_contact",)
VERSION = 1


def load(name: str) -> Model:
    """Return the model."""
    found = with_mixing(
        couplings=(*mixing_couplings(G_X=1), *mixing_couplings(G_X=2)),
        dark=_dark,
    )
    return HeavyNeutrinoModel(
        name=name,
        version=VERSION,
        title="Heavy neutrino with mixing and a contact interaction with charged leptons",
        parameters=(*PARAMETERS, Parameter("G_X", "GeV^-2", 0.0, -1e4, 1e4, r"$G_X$")),
        signals=searches(found),
        references=(*REFERENCES, DARK_DECAYS),
        constraints=(UNITARITY,),
        null=dict.fromkeys(MIXINGS, 0.0),
    )


def _dark(mass: float) -> DarkWidths:
    return tuple({channel(name): width for name, width in part.items()} for part in contact_widths(mass))
