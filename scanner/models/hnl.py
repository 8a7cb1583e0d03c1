"""A heavy neutrino N that mixes with ν_e, ν_μ and ν_τ, and has no other interaction."""

from __future__ import annotations

import numpy as np

from scanner.models.base import Model
from scanner.models.heavy_neutrinos import (
    MIXING_COUPLINGS,
    MIXING_MONOMIALS,
    MIXINGS,
    PARAMETERS,
    REFERENCES,
    STATE_PARAMETERS,
    UNITARITY,
    HeavyNeutrinoModel,
    state_of,
    weak_channels,
    weak_rows,
)
from scanner.signals.heavy_neutrino import HeavyNeutrino, searches

PROVIDES = ("hnl",)
VERSION = 2


def load(name: str) -> Model:
    """Return the model."""
    found = HeavyNeutrino(
        state_parameters=STATE_PARAMETERS,
        state=state_of,
        mixings=MIXING_MONOMIALS,
        width_parameters=STATE_PARAMETERS,
        couplings=MIXING_COUPLINGS,
        channels=weak_channels(),
        widths=_widths,
    )
    return HeavyNeutrinoModel(
        name=name,
        version=VERSION,
        title="Heavy neutrino with mixing alone",
        parameters=PARAMETERS,
        signals=searches(found),
        references=REFERENCES,
        constraints=(UNITARITY,),
        null=dict.fromkeys(MIXINGS, 0.0),
    )


def _widths(values: np.ndarray) -> np.ndarray:
    state = state_of(values)
    return weak_rows(state.mass, state.majorana)
