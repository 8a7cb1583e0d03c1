"""Modes in which heavy neutrinos are made, and their measured branching ratios with massless ones."""

from __future__ import annotations

from scanner.physics.heavy_neutrino_modes import (
    LEPTONIC,
    LEPTONS,
    TAU_PSEUDOSCALAR,
    TAU_VECTOR,
    TO_PSEUDOSCALAR,
    TO_VECTOR,
    modes,
)
from scanner.physics.heavy_neutrino_production import production_ratios
from scanner.physics.phase_space import NODES, gauss_legendre

DIGITS = 25
RULE = gauss_legendre(NODES)
ROWS = {mode.name: mode for mode in modes()}
TWO_BODY = [mode for mode in ROWS.values() if mode.kind in (LEPTONIC, TAU_PSEUDOSCALAR, TAU_VECTOR)]
SEMILEPTONIC = [mode for mode in ROWS.values() if mode.kind in (TO_PSEUDOSCALAR, TO_VECTOR)]
PURELY_LEPTONIC = [mode for mode in ROWS.values() if mode.kind == LEPTONS]
FRACTIONS = (0.003, 0.2, 0.6, 0.97, 1 - 1e-4)
"""Of the threshold; the last is that of 1.0001."""

MEASURED = {  # shared/physics/heavy_neutrinos.md, section 8
    "pi->mu N": 0.99988,
    "pi->e N": 1.230e-4,
    "K->mu N": 0.6356,
    "K->e N": 1.582e-5,
    "K->pi0 e N": 5.07e-2,
    "K->pi0 mu N": 3.352e-2,
    "KL->pi e N": 0.4055,
    "KL->pi mu N": 0.2704,
    "D->mu N": 3.74e-4,
    "Ds->mu N": 5.35e-3,
    "Ds->tau N": 5.36e-2,
    "tau->pi N": 0.1082,
    "tau->K N": 6.96e-3,
    "tau->e nu N (U_tau)": 0.1782,
    "tau->e nu N (U_e)": 0.1782,
    "tau->mu nu N (U_tau)": 0.1739,
    "tau->mu nu N (U_mu)": 0.1739,
    "mu->e nu N (U_e or U_mu)": 1.0,
    "D->K0 e N": 8.72e-2,
    "D->K0 mu N": 8.76e-2,
    "D->Kst0 e N": 5.40e-2,
    "D->Kst0 mu N": 5.27e-2,
    "D0->K e N": 3.549e-2,
    "D0->K mu N": 3.41e-2,
    "D0->Kst e N": 2.15e-2,
    "D0->Kst mu N": 1.89e-2,
    "Ds->phi e N": 2.39e-2,
    "Ds->phi mu N": 2.24e-2,
    "tau->rho N": 0.2549,
    "tau->Kst N": 1.20e-2,
}


def ratio(name, mass):
    """The mode's ratio for unit mixing with each flavour that it takes."""
    return float(production_ratios(mass)[name].max())


def names(found):
    return [mode.name for mode in found]
