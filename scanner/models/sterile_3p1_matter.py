"""Three active neutrinos and one sterile that feels a potential of its own: anomalous matter effects.

H = U diag(0, Δm²_21, Δm²_31, Δm²_41) U†/2E + diag(V_CC, 0, 0, −V_NC + V_s). V_s is that of neutrinos, as it stands: the
same in every medium, while V_CC and V_NC scale with the density. Antineutrinos have −V_s. Since the sterile state is
mostly the heavy one, neutrinos are resonant for V_s < 0, at E = Δm²_41 cos 2θ/2|V_s|, and antineutrinos for V_s > 0.

Signals at short baselines take Δm²_21, Δm²_31, V_CC and V_NC as 0, as those of 3+1 do. What evolves is then one pair,
the fourth state and the sterile one, with sin²θ = Σ|U_α4|², and P is exact in V_s.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping

import numpy as np

from scanner.models import three_plus_one
from scanner.models.base import Model
from scanner.models.three_plus_one import MIXING, Path, ThreePlusOne
from scanner.physics.oscillation import probability_3p1_potential
from scanner.physics.resonance import resonant_levels
from scanner.signals.oscillation import LevelTerm
from scanner.vocabulary import Derived, Parameter, Reference

PROVIDES = ("sterile_3p1_matter",)
VERSION = 1

_PARAMETERS = ("dm2_41", *MIXING.values(), "V_s")
_TWICE_EV_PER_GEV = 2e9


class Sterile3p1Matter(ThreePlusOne):
    """The 3+1 model with V_s."""

    def _fill(self, path: Path, p: Mapping[str, float], out: np.ndarray) -> None:
        probability_3p1_potential(*path, p["V_s"], out)


def _terms(source: str, target: str, antineutrino: bool) -> tuple[LevelTerm, ...]:
    levels = functools.partial(_levels, source, target, -1.0 if antineutrino else 1.0)
    return (LevelTerm(_PARAMETERS, levels, in_matter=False),)


def _levels(
    source: str, target: str, sign: float, values: np.ndarray, energy: np.ndarray, density: float
) -> tuple[np.ndarray, np.ndarray]:
    """See `scanner.signals.oscillation.Levels`; CP phases drop out with one Δm²."""
    p = dict(zip(_PARAMETERS, values.tolist(), strict=True))
    # A grid may leave the model's domain, where points get their status from the constraint.
    sin_squared = min(sum(p[name] for name in MIXING.values()), 1.0)
    share = math.sqrt(p[MIXING[source]] * p[MIXING[target]]) / sin_squared if sin_squared > 0 else 0.0
    coefficients, levels = np.empty((energy.size, 3), np.complex128), np.empty((energy.size, 3))
    resonant_levels(
        complex(float(source == target) - share),
        np.array([share], np.complex128),
        np.array([p["dm2_41"]]),
        np.array([sin_squared]),
        sign * _TWICE_EV_PER_GEV * p["V_s"],
        energy,
        coefficients,
        levels,
    )
    return coefficients, levels


def _resonance(values: np.ndarray) -> float:
    p = dict(zip(_PARAMETERS, values.tolist(), strict=True))
    along = p["dm2_41"] * (1 - 2 * sum(p[name] for name in MIXING.values()))
    return along / (_TWICE_EV_PER_GEV * abs(p["V_s"])) if p["V_s"] != 0 and along > 0 else math.nan


def load(name: str) -> Model:
    """Return the model."""
    potential = Parameter("V_s", "eV", 0.0, -1e-3, 1e-3, "$V_s$")
    return Sterile3p1Matter(
        name=name,
        version=VERSION,
        title="3+1 neutrinos, the sterile state in a potential of its own",
        parameters=(*three_plus_one.sterile_parameters(), potential, *three_plus_one.active_parameters()),
        signals={"oscillation": _terms},
        references=(
            Reference(
                "Karagiorgi:2012kw",
                "Karagiorgi, G. and Shaevitz, M. H. and Conrad, J. M.",
                "Confronting the Short-Baseline Oscillation Anomalies with a Single Sterile Neutrino and Non-Standard "
                "Matter Effects",
                2012,
                "1202.1024",
            ),
            three_plus_one.THREE_FLAVOURS,
        ),
        constraints=(three_plus_one.UNITARITY,),
        null=three_plus_one.NULL,
        derived=(Derived("E_resonance", "GeV", _PARAMETERS, _resonance, "energy of the resonance"),),
    )
