"""Transition probabilities that depend on neither energy nor distance: the most that a data set alone can ask for.

No Lagrangian stands behind it. A rate that is off by one factor, as LSND's probability and the ratios of gallium and
reactor experiments are quoted, is this model's best fit.
"""

from __future__ import annotations

from scanner.models.base import Model
from scanner.signals.oscillation import ConstantTerm
from scanner.vocabulary import Monomial, Parameter

PROVIDES = ("constant_probability",)
VERSION = 1

_LESS_ONE = Monomial(-1.0)
_AMPLITUDES = {
    ("mu", "e"): (Monomial(1.0, {"P_mue": 1}),),
    ("e", "e"): (Monomial(1.0, {"R_e": 1}), _LESS_ONE),
    ("mu", "mu"): (Monomial(1.0, {"R_mu": 1}), _LESS_ONE),
}


def _terms(source: str, target: str, antineutrino: bool) -> tuple[ConstantTerm, ...]:
    amplitude = _AMPLITUDES.get((source, target))
    return () if amplitude is None else (ConstantTerm(amplitude),)


def load(name: str) -> Model:
    """Return the model."""
    return Model(
        name=name,
        version=VERSION,
        title="Probabilities that depend on neither energy nor distance (phenomenological)",
        parameters=(
            Parameter("P_mue", "1", 0.0, 0.0, 1.0, r"$P(\nu_\mu \to \nu_e)$"),
            Parameter("R_e", "1", 1.0, 0.0, 2.0, r"$R(\nu_e)$"),
            Parameter("R_mu", "1", 1.0, 0.0, 2.0, r"$R(\nu_\mu)$"),
        ),
        signals={"oscillation": _terms},
        references=(),
        null={"P_mue": 0.0, "R_e": 1.0, "R_mu": 1.0},
    )
