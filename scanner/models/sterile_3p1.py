"""Three active neutrinos and one sterile: oscillation in vacuum, in matter, and at short baselines."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from scanner.models import three_plus_one
from scanner.models.base import Model
from scanner.models.three_plus_one import MIXING, Path, ThreePlusOne
from scanner.physics.oscillation import probability_3p1
from scanner.signals.oscillation import OscillationTerm
from scanner.signals.surface import SurfaceModel
from scanner.vocabulary import Monomial

PROVIDES = ("sterile_3p1",)
VERSION = 1


class Sterile3p1(ThreePlusOne):
    """The 3+1 model."""

    def _fill(self, path: Path, p: Mapping[str, float], out: np.ndarray) -> None:
        probability_3p1(*path, out)


def _terms(source: str, target: str, antineutrino: bool) -> tuple[OscillationTerm, ...]:
    """Short-baseline limit: −4|U_α4|²(δ_αβ − |U_β4|²) sin²; CP phases drop out with one Δm²."""
    a, b = MIXING[source], MIXING[target]
    disappearance = (Monomial(-4.0, {a: 1}), Monomial(4.0, {a: 2}))
    appearance = (Monomial(4.0, {a: 1, b: 1}),)
    return (OscillationTerm(disappearance if source == target else appearance, "dm2_41"),)


def load(name: str) -> Model:
    """Return the model."""
    parameters = three_plus_one.sterile_parameters() + three_plus_one.active_parameters()
    return Sterile3p1(
        name=name,
        version=VERSION,
        title="Three active neutrinos and one sterile neutrino (3+1)",
        parameters=parameters,
        signals={"oscillation": _terms, "surface": SurfaceModel(name, tuple(p.name for p in parameters))},
        references=(three_plus_one.GLOBAL_FIT, three_plus_one.THREE_FLAVOURS),
        constraints=(three_plus_one.UNITARITY,),
        null=three_plus_one.NULL,
    )
