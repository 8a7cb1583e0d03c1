"""Masses of the particles that heavy neutrinos are made from, and decay into.

They come from scikit-hep's `particle` (the tables of the Particle Data Group). A kernel takes masses as
arguments, so that machine code never depends on the version of the tables.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from hepunits import units as _u
from particle import Particle

from scanner.units import ALPHA_EM

PDG_ID: Mapping[str, int] = MappingProxyType(
    {
        "e": 11,
        "mu": 13,
        "tau": 15,
        "pi": 211,
        "pi0": 111,
        "K": 321,
        "KL": 130,
        "K0": 311,
        "D": 411,
        "D0": 421,
        "Ds": 431,
        "eta": 221,
        "etap": 331,
        "rho": 213,
        "rho0": 113,
        "omega": 223,
        "phi": 333,
        "Kst": 323,
        "Kst0": 313,
        "u": 2,
        "d": 1,
        "s": 3,
        "c": 4,
        "p": 2212,
        "n": 2112,
        "W": 24,
        "Z": 23,
        "H": 25,
    }
)
"""PDG codes by the names that channels and modes are spelt with: pi, K, D, Ds, rho, Kst are the charged ones."""


def _mass(pdg_id: int) -> float:
    mass = Particle.from_pdgid(pdg_id).mass
    if mass is None:
        raise LookupError(f"the particle tables hold no mass for PDG code {pdg_id}")
    return float(mass) * (_u.MeV / _u.GeV)


MASS: Mapping[str, float] = MappingProxyType({name: _mass(pdg_id) for name, pdg_id in PDG_ID.items()} | {"nu": 0.0})
"""Masses [GeV]; u, d, s are MS-bar masses at 2 GeV, c at its own scale; nu is massless."""

BOHR_MAGNETON: float = math.sqrt(4 * math.pi * ALPHA_EM) / (2 * MASS["e"])
"""e/2m_e [GeV⁻¹], 296.30."""
