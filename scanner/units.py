"""The one unit convention, and the constants in it.

Energies, masses and widths of heavy particles are in GeV; mass-squared differences of light neutrinos in
eV²; baselines of oscillations in km, decay lengths and detectors in m; densities in g/cm³; probabilities and
mixings are pure numbers. Release files keep their own units in their headers, and the builders convert.

Constants come from scikit-hep's hepunits (CODATA 2018); what it lacks carries its reference here.
"""

from __future__ import annotations

import math

from hepunits import units as _u
from hepunits.constants import Avogadro as _AVOGADRO_PER_MOLE
from hepunits.constants import c_light as _SPEED_OF_LIGHT
from hepunits.constants import hbarc as _HBARC

HBARC_GEV_FM: float = _HBARC / (_u.GeV * _u.femtometer)
"""ħc [GeV fm]."""

HBARC_GEV_M: float = HBARC_GEV_FM * 1e-15
"""ħc [GeV m]."""

SPEED_OF_LIGHT: float = _SPEED_OF_LIGHT / (_u.meter / _u.second)
"""[m/s]."""

HBAR_GEV_S: float = HBARC_GEV_M / SPEED_OF_LIGHT
"""ħ [GeV s]."""

ALPHA_EM: float = 7.2973525693e-3
"""Fine-structure constant at Q² = 0; CODATA 2018."""

HBARC_EV_KM: float = HBARC_GEV_FM * 1e9 * 1e-18
"""ħc [eV km]."""

GEV_PER_TONNE: float = _SPEED_OF_LIGHT**2 * (1000 * _u.kg) / _u.GeV
"""Energy at rest of 1 t [GeV]."""

AVOGADRO: float = _AVOGADRO_PER_MOLE * _u.mole
"""Avogadro's number [1/mol]."""

G_FERMI: float = 1.1663788e-5
"""Fermi constant [GeV⁻²]; PDG, Phys. Rev. D 110 (2024) 030001, table 1.1."""

MATTER_POTENTIAL: float = math.sqrt(2) * G_FERMI * AVOGADRO * (HBARC_GEV_FM * 1e-13) ** 3 * 1e9
"""√2 G_F N_A (ħc)³ [eV per (g/cm³ of electrons per nucleon)], so that V_CC = MATTER_POTENTIAL · Y_e ρ."""

OSCILLATION_PHASE: float = 1 / (4 * HBARC_GEV_FM)  # 1 eV² km/GeV = 1e-18 GeV · 1e18 fm
"""Δm² L / 4E = OSCILLATION_PHASE · Δm²[eV²] L[km] / E[GeV] (1.2669...)."""
