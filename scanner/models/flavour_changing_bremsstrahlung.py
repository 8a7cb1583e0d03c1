"""Neutrinos that radiate a scalar and change flavour as they scatter: ν_μ A → e φ A′ (Berryman et al., 1802.00009).

APPROXIMATE, in the spirit of a collinear splitting: ν_μ scatters as a neutrino of lower energy would that is on its
shell, on a target that takes any momentum. `scanner.physics.neutrino_bremsstrahlung` has the derivation and the error:
11 to 17 % for m_φ of 1 to 10 MeV, 38 % at 100 MeV, 60 % at 200 MeV, for 700-MeV neutrinos.

A scalar flips the helicity. If φ carries two units of lepton number (L = ½ λ_αβ ν_α ν_β φ), ν_μ → ν̄_e φ* and
ν̄_μ → ν_e φ: what scatters is of the opposite kind, with the right helicity. If it carries none and neutrinos are of
Dirac, L = λ_αβ ν̄_α ν_β φ takes ν_L to ν_R, which no charged current knows: there is NO signal, exactly for massless
neutrinos and to (m_ν/E)² otherwise. (Majorana neutrinos with lepton number 0 are the case of two units.)

Where muons and pions decay at rest, ν̄_e come from the ν_μ of pions alone: of up to 29.8 MeV − m_φ, and in KARMEN before
its window of time opens.
"""

from __future__ import annotations

import numpy as np

from scanner.models.base import Model
from scanner.physics.neutrino_bremsstrahlung import RULE, fill_radiated
from scanner.physics.phase_space import gauss_legendre
from scanner.signals.energy_transfer import Transfer
from scanner.signals.lifetimes import Quantity, sum_of
from scanner.vocabulary import Monomial, Parameter, Reference

PROVIDES = ("flavour_changing_bremsstrahlung",)
VERSION = 1

MOST = 3.0
"""Largest coupling: beyond it a 700-MeV neutrino would radiate more than once for the lightest φ."""

_NUMBER = Parameter.choice("lepton_number_phi", "2", "0")
_SQUARE = sum_of((Monomial(1.0, {"lambda_emu": 2}),))


def _strength(source: str, target: str) -> Quantity | None:
    return _SQUARE if {source, target} == {"e", "mu"} else None


def _kernel(
    row: np.ndarray, widths: np.ndarray, energy: np.ndarray, length: np.ndarray, edges: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    m_phi, number = row
    nothing, opposite = (np.zeros((energy.size, edges.size - 1)) for _ in range(2))
    if _NUMBER.shown(number) == "2":
        fill_radiated(energy, m_phi, edges, *gauss_legendre(RULE), opposite)
    return nothing, opposite


def load(name: str) -> Model:
    """Return the model."""
    return Model(
        name=name,
        version=VERSION,
        title="Scalar radiated off a neutrino that changes flavour (approximate: static target, collinear neutrino)",
        parameters=(
            Parameter("m_phi", "MeV", 10.0, 1e-3, 1e4, r"$m_\phi$"),
            Parameter("lambda_emu", "1", 0.0, 0.0, MOST, r"$\lambda_{e\mu}$"),
            _NUMBER,
        ),
        signals={
            "energy_transfer": (Transfer("radiation", ("m_phi", "lepton_number_phi"), (), _kernel, _strength),),
        },
        references=(
            Reference(
                "Berryman:2018ogk",
                "Berryman, Jeffrey M. and de Gouvêa, André and Kelly, Kevin J. and Zhang, Yue",
                "Lepton-Number-Charged Scalars and Neutrino Beamstrahlung",
                2018,
                "1802.00009",
                "10.1103/PhysRevD.97.075030",
                "Phys. Rev. D 97 (2018) 075030",
            ),
        ),
        null={"lambda_emu": 0.0},
    )
