"""CDHS: disappearance of ν_μ between a front and a back detector, 130 and 885 m from the target.

15 ratios of the rates, back over front, each divided by what is expected without oscillation: two sets of bins in the
projected range of the muon, given by the least energy of the muon that reaches a bin. R = (1 − ⟨P⟩_885)/(1 − ⟨P⟩_130),
averaged over 124 m and 74 m, with the rate at energies E in GeV above the muon's threshold c that the public code
koppj/nu-osc has, e^{−E} E [1 − c/E + 0.0464133 (1 − (c/E)³)]: flux times the quasi-elastic and inelastic cross section
times the chance of a muon above c. What is in a bin is the difference of that for its threshold and the next one.
−2 ln L is a sum of squares with a common norm of ±2.5 %.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from scanner.experiments.base import Experiment
from scanner.experiments.oscillation_cells import Samples, elementwise, midpoints, response
from scanner.experiments.tables import DATA, read_table
from scanner.likelihoods.gaussian_pulls import GaussianPulls
from scanner.likelihoods.ratio import Ratio
from scanner.vocabulary import Reference

PROVIDES = ("cdhs",)
VERSION = 3

Float = NDArray[np.float64]

BACK, FRONT = (885.0, 124.0), (130.0, 74.0)
"""Middle and length of the baselines [m]."""
SETS = (8, 7)
"""Number of bins of each set."""
HIGHEST = 30.0
"""[GeV]."""
CUBIC = 0.0464133
NORM_ERROR = 0.025

DENSITY = {BACK: 2.2, FRONT: 2.0}
"""Mean of the neutrinos' way [g/cm³]: air in the decay tunnel, of some 50 m, then iron and earth of the PS's shield,
and moraine and molasse, of about 2.3 g/cm³, to the back detector (from memory).

Estimates, good to 40 % in front and 15 % at the back: a resonance energy that scales with density is as uncertain.
"""

GROUPS = 40
"""Of energies, in equal steps of their logarithm up to HIGHEST; 10 % wide in the first bin."""

_ENERGIES, _BASELINES = 2000, 40


def rate(energy: Float, threshold: float) -> Float:
    """Return the rate of muons above a threshold, per GeV in any unit.

    Parameters
    ----------
    energy
        Of the neutrino [GeV].
    threshold
        Of the muon [GeV].
    """
    share = threshold / energy
    above = 1 - share + CUBIC * (1 - share * share * share)
    return np.where(share < 1, elementwise(math.exp, -energy) * energy * above, 0.0)


def samples(threshold: float, following: float, place: tuple[float, float]) -> Samples:
    """Return samples of a bin.

    Parameters
    ----------
    threshold, following
        Of the muon in this bin and in the next [GeV]; the latter is inf in the last bin.
    place
        Middle and length of the baselines [m].
    """
    logarithm = midpoints(math.log(threshold), math.log(HIGHEST), _ENERGIES)
    energy = elementwise(math.exp, logarithm)
    weight = energy * (rate(energy, threshold) - rate(energy, following))
    middle, length = place
    baseline = 1e-3 * midpoints(middle - length / 2, middle + length / 2, _BASELINES)
    group = np.arange(_ENERGIES) * GROUPS // _ENERGIES
    return Samples(
        x=(baseline[:, None] / energy).ravel(),
        weight=np.tile(weight, _BASELINES),
        energy=np.tile(energy, _BASELINES),
        group=np.tile(group, _BASELINES),
    )


def load(name: str) -> Experiment:
    """Return the experiment."""
    columns = read_table(DATA / "cdhs_ratios.txt").columns
    measured, error, threshold = (columns[key] for key in ("ratio", "error", "threshold"))
    following = np.append(threshold[1:], math.inf)
    following[SETS[0] - 1] = math.inf
    number = measured.size
    edges = list(zip(threshold.tolist(), following.tolist(), strict=True))
    channels = tuple(
        response("mu", "mu", False, [samples(*edge, place) for edge in edges], [1.0] * number, density, first_bin=first)
        for (place, density), first in zip(DENSITY.items(), (0, number), strict=True)
    )
    expected, norm = np.ones(number), np.full((number, 1), NORM_ERROR)
    ratios = GaussianPulls(measured, expected, np.diag(error * error), norm, norm, ("cdhs_norm",), shared=False)
    return Experiment(
        name=name,
        version=VERSION,
        title="CDHS, disappearance of muon neutrinos between two detectors",
        signals={"oscillation": channels},
        likelihood=Ratio(ratios),
        data=np.concatenate([measured, expected]),
        background=np.ones(2 * number),
        signal_bins=np.arange(2 * number),
        coordinates={
            "detector": np.repeat(["back", "front"], number),
            "muon_threshold": np.tile(threshold, 2),
        },
        coordinate_units={"muon_threshold": "GeV"},
        data_sets=frozenset({"cdhs_1984"}),
        negligible=frozenset({"energy_transfer"}),  # daughters: of order |U|^4 here
        references=(REFERENCE,),
        notes=(
            "numbers are rates over those without oscillation, not events; data of the front are 1, of the back the "
            "ratio back/front, which is what is fitted",
            "flux and cross section are the exponential of a public code, no measured spectrum",
            "points with dm2 above 100 eV^2 are marked not_converged",
            "potentials of matter see a path of 2.2 g/cm^3 to the back and 2.0 g/cm^3 to the front detector, estimates "
            "good to 15 % and 40 %",
        ),
    )


REFERENCE = Reference(
    "Dydak:1983zq",
    "Dydak, F. and others",
    "A search for nu_mu oscillations in the Delta m^2 range 0.3-90 eV^2",
    1984,
    "",
    "10.1016/0370-2693(84)90688-9",
    "Phys. Lett. B 134 (1984) 281",
)
