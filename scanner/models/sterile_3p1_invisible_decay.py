"""Three active neutrinos and one sterile, whose fourth mass state decays into what is never seen.

The fourth state is damped as e^{-m₄Γ₄ L/2E}. For a massless scalar φ with L = -g ν̄_s ν_s φ, m₄Γ₄ = g² m₄² |U_s4|²
(1 - |U_s4|²)/16π; the width is a parameter here, so that any invisible decay is covered.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from scanner.models import three_plus_one
from scanner.models.base import Model
from scanner.models.three_plus_one import MIXING, Path, ThreePlusOne
from scanner.physics.evolution import probability_invisible_decay
from scanner.signals.oscillation import OscillationTerm
from scanner.vocabulary import Monomial, Parameter, Reference

PROVIDES = ("sterile_3p1_invisible_decay",)
VERSION = 1

WIDTH = "m4_Gamma4"


class Sterile3p1InvisibleDecay(ThreePlusOne):
    """The 3+1 model with H → H − i U diag(0, 0, 0, m₄Γ₄) U†/2E; Σ_β P(α→β) < 1, the rest has decayed."""

    def _fill(self, path: Path, p: Mapping[str, float], out: np.ndarray) -> None:
        probability_invisible_decay(*path, p[WIDTH], out)


def _terms(source: str, target: str, antineutrino: bool) -> tuple[OscillationTerm, ...]:
    """Short-baseline limit, |δ_αβ − U_α4 U*_β4 (1 − e^{-iΔm² L/2E − m₄Γ₄ L/2E})|² in what each interference has lost.

    With h the loss of the fourth state against the light ones and l = (1 − e^{-m₄Γ₄ L/E})/2 its own,
    P_αβ = |U_α4|²|U_β4|² (4h − 2l) and P_αα = 1 − 4|U_α4|²(1 − |U_α4|²) h − 2|U_α4|⁴ l.
    """
    a, b = MIXING[source], MIXING[target]
    both = Monomial(1.0, {a: 1}) * Monomial(1.0, {b: 1})
    fewer = (Monomial(-4.0, {a: 1}),) if source == target else ()
    return (
        OscillationTerm((*fewer, Monomial(4.0) * both), "dm2_41", (WIDTH,)),
        OscillationTerm((Monomial(-2.0) * both,), None, (WIDTH, WIDTH)),
    )


def load(name: str) -> Model:
    """Return the model."""
    width = Parameter(WIDTH, "eV^2", 0.0, 0.0, 1e6, r"$m_4\Gamma_4$")
    return Sterile3p1InvisibleDecay(
        name=name,
        version=VERSION,
        title="3+1 neutrinos, the fourth decays invisibly",
        parameters=(*three_plus_one.sterile_parameters(), width, *three_plus_one.active_parameters()),
        signals={"oscillation": _terms},
        references=(
            Reference(
                "Moss:2017pur",
                "Moss, Zander and Moulai, Marjon H. and Argüelles, Carlos A. and Conrad, Janet M.",
                "Exploring a nonminimal sterile neutrino model involving decay at IceCube",
                2018,
                "1711.05921",
                "10.1103/PhysRevD.97.055017",
                "Phys. Rev. D 97 (2018) 055017",
            ),
            Reference(
                "Diaz:2019fwt",
                "Diaz, A. and Argüelles, C. A. and Collin, G. H. and Conrad, J. M. and Shaevitz, M. H.",
                "Where Are We With Light Sterile Neutrinos?",
                2020,
                "1906.00045",
                "10.1016/j.physrep.2020.08.005",
                "Phys. Rept. 884 (2020) 1",
            ),
            three_plus_one.THREE_FLAVOURS,
        ),
        constraints=(three_plus_one.UNITARITY,),
        null=three_plus_one.NULL,
    )
