"""The one unit convention, and the constants in it.

Energies, masses and widths of heavy particles are in GeV; mass-squared differences of light neutrinos in
eV²; baselines in km; densities in g/cm³; probabilities and mixings are pure numbers. Release files keep
their own units in their headers, and the builders convert.

Constants come from scikit-hep's hepunits (CODATA 2018); what it lacks carries its reference here.
"""

from __future__ import annotations

import math

from hepunits import units as _u
from hepunits.constants import Avogadro as _AVOGADRO_PER_MOLE
from hepunits.constants import hbarc as _HBARC

HBARC_GEV_FM: float = _HBARC / (_u.GeV * _u.femtometer)
"""ħc [GeV fm]."""

HBARC_EV_KM: float = HBARC_GEV_FM * 1e9 * 1e-18
"""ħc [eV km]."""

AVOGADRO: float = _AVOGADRO_PER_MOLE * _u.mole
"""Avogadro's number [1/mol]."""

G_FERMI: float = 1.1663788e-5
"""Fermi constant [GeV⁻²]; PDG, Phys. Rev. D 110 (2024) 030001, table 1.1."""

MATTER_POTENTIAL: float = math.sqrt(2) * G_FERMI * AVOGADRO * (HBARC_GEV_FM * 1e-13) ** 3 * 1e9
"""√2 G_F N_A (ħc)³ [eV per (g/cm³ of electrons per nucleon)], so that V_CC = MATTER_POTENTIAL · Y_e ρ."""

OSCILLATION_PHASE: float = 1 / (4 * HBARC_GEV_FM)  # 1 eV² km/GeV = 1e-18 GeV · 1e18 fm
"""Δm² L / 4E = OSCILLATION_PHASE · Δm²[eV²] L[km] / E[GeV] (1.2669...)."""
