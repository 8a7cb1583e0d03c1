"""Nucleosynthesis as an experiment: the longest lifetime of N that was in equilibrium in the early universe.

τ_max(m) for mixing with one flavour. Once N decays into charged pions, these turn protons into neutrons, and
τ < 0.023 s; below, what is bounded is the heat and the neutrinos that N leaves, 0.04 to 0.05 s near 100 MeV and
longer for a lighter N (Boyarsky et al., 2008.00749; Sabti et al., 2006.07387; the numbers as 2109.03831 and the
summary of both in the project's physics note have them: read from figures, good to some 20 %, and to a factor of
1.5 at 10 to 20 MeV). Charged pions come in decays of N at 160 MeV for e, 250 MeV for μ, and for τ through η, at
550 MeV. The references stop at 1 GeV; the bound is flat up to the 2 GeV where widths end.

-2 ln L = (2 + ln(τ/τ_max)/0.1)² where that bracket is positive: a Gaussian of 10 % in τ, the logarithmic
sensitivity of the bound of 2008.00749 (0.07 to 0.1 in ln τ for a factor e in the abundance or in the helium that is
allowed; quoted from memory), with two standard deviations at τ_max.

The bound holds if N was in equilibrium: Σ|U_a|² > 3e-12 GeV/m. That is where the rate of production, 4 G_F² T⁵ |U|²
/(1 + 9.6e-24 (T/MeV)⁶ (150 MeV/m)²)², exceeds the Hubble rate at some T (matter term as in Dolgov et al.,
hep-ph/0008138, quoted from memory; a factor of 3 either way). What decays bound below, where N is made by
oscillations alone or by dark interactions, is not in here.
"""

from __future__ import annotations

import math

import numpy as np

from scanner.experiments.base import Experiment
from scanner.experiments.hnl_curves import one_bin
from scanner.likelihoods.limits import UpperLimit, two_sided_quantile
from scanner.signals.bbn import LifetimeBound

PROVIDES = ("bbn",)
VERSION = 1

EQUILIBRIUM = 3e-12
"""Least Σ|U_a|² · m [GeV] of N that was in equilibrium."""

LEVEL = math.erf(math.sqrt(2))
"""Two standard deviations."""

SPREAD = 0.1
"""Standard deviation of ln τ."""

_MASS = np.array([0.010, 0.020, 0.050, 0.090, 0.150, 0.160, 0.240, 0.250, 0.540, 0.560, 2.0])
_LIFETIME = np.array(
    [
        [1.6, 0.3, 0.07, 0.045, 0.045, 0.023, 0.023, 0.023, 0.023, 0.023, 0.023],
        [1.6, 0.3, 0.07, 0.045, 0.045, 0.045, 0.045, 0.023, 0.023, 0.023, 0.023],
        [1.6, 0.3, 0.07, 0.045, 0.045, 0.040, 0.040, 0.040, 0.040, 0.023, 0.023],
    ]
)


def load(name: str) -> Experiment:
    """Return the bound."""
    events = -math.log1p(-LEVEL)
    bound = LifetimeBound(name, _MASS, _LIFETIME, EQUILIBRIUM / _MASS, events, SPREAD * two_sided_quantile(LEVEL))
    return one_bin(
        name=name,
        version=VERSION,
        title="Big-bang nucleosynthesis: lifetime of a heavy neutrino",
        signals={"bbn": (bound,)},
        likelihood=UpperLimit(events, LEVEL),
        data_sets=frozenset({"bbn"}),
        keys=("Boyarsky:2020dzc", "Sabti:2020yrt", "Arguelles:2021dqn", "Dolgov:2000jw"),
        notes=(
            "lifetime below 0.023 s with hadronic decays, 0.045 s near 100 MeV, 1.6 s at 10 MeV; of several flavours "
            "the mean of ln(tau_max), weighted with |U_a|²; from 0.01 to 2 GeV, outside it says nothing (no events)",
            f"needs N in equilibrium: below Σ|U_a|² = {EQUILIBRIUM:g} GeV/m_N it says nothing (no events)",
            "what N decays into is not looked at beside its lifetime",
        ),
    )
