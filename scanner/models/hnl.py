"""A heavy neutrino N that mixes with ν_e, ν_μ and ν_τ, and has no other interaction."""

from __future__ import annotations

from scanner.models.base import Model
from scanner.models.heavy_neutrinos import (
    MIXINGS,
    PARAMETERS,
    REFERENCES,
    UNITARITY,
    HeavyNeutrinoModel,
    with_mixing,
)
from scanner.signals.heavy_neutrino import searches

PROVIDES = ("hnl",)
VERSION = 2


def load(name: str) -> Model:
    """Return the model."""
    return HeavyNeutrinoModel(
        name=name,
        version=VERSION,
        title="Heavy neutrino with mixing alone",
        parameters=PARAMETERS,
        signals=searches(with_mixing()),
        references=REFERENCES,
        constraints=(UNITARITY,),
        null=dict.fromkeys(MIXINGS, 0.0),
    )
