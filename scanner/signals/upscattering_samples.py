"""What an experiment says of a sample of upscattering: a flux, matter, geometry, and what is selected.

What is visible is a photon, or a pair of e⁺e⁻ or γγ, of energy E, of mass q, at the angle θ to the beam.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanner.physics.geometry import DecayProbability

Float = NDArray[np.float64]


class Flux(NamedTuple):
    """Neutrinos through a detector in the whole of its exposure."""

    energy: Float
    """[GeV], increasing, shape (n,)."""
    fluence: Float
    """ν and ν̄ of e, μ, τ [1/cm²] that the node stands for (flux times exposure times width), shape (3, n)."""


class Region(NamedTuple):
    """Matter in which N are made."""

    targets: Mapping[str, float]
    """Number of nuclei by nuclide, such as ``{"C12": 3.5e31, "H1": 7e31}``."""
    decay: DecayProbability
    """That N made there decays where it is seen."""
    nucleons: bool = True
    """Whether N made off single nucleons are seen; else those alone that leave a whole nucleus, and nothing else."""
    first_shower: float = 0.0
    """Energy [GeV] that hadrons must have for N to be seen, of double bangs: N are then made off single nucleons alone,
    which may break up as well."""


class PairRule(NamedTuple):
    """Which pairs are seen as what a selection asks for: those that pass every one of these conditions.

    E_1 and E_2 are the energies of the two, cos that of the angle between them; what is left out is no condition.
    """

    r_cut: Float | None = None
    """One ring: ((1 - cos)/2)² + (1 - max(E_1, E_2)/E)² < r_cut², at each energy node, shape (energies,)."""
    cos_min: float = -1.0
    """cos at least."""
    cos_max: float = 1.0
    """cos at most."""
    softest: float = 0.0
    """Least energy [GeV] of the softer one."""
    merged_cos: float = -1.0
    """One shower: cos at least this, or the softer one below `merged_soft`."""
    merged_soft: float = 0.0
    """[GeV]."""


@dataclass(frozen=True)
class Selection:
    """What a detector makes of a photon or a pair of energy E at the angle θ to the beam.

    Parameters
    ----------
    energy_min, energy_max
        Nodes are uniform in ln E between these [GeV]; nothing is seen below the first, and above the last it is as
        at the last.
    sine_max
        Nodes are uniform in sin(θ/2) from 0 to this; nothing is seen beyond. Of one node alone the angle does not
        matter, and this neither.
    response
        By what is visible (of PRODUCTS), the probability to be selected into each signal bin, efficiency included,
        shape (energies, angles, bins); what is not there is not seen. Of pairs it may depend on their mass q too, and
        on how the two share the energy, as where each has errors: averages over 1 and P₂ as those of
        `scanner.physics.visible.pair_shares`, shape (2, energies, ratios, angles, bins), with nodes uniform in the
        square root of q/E from 0 to 1.
    pairs
        Which pairs are seen, where the response does not say it.
    masses
        Nodes of the mass of a pair [GeV], increasing, where a selection depends on it: responses then have a first axis
        for it, and are linear between nodes, and beyond them as at the nearest.
    """

    energy_min: float
    energy_max: float
    sine_max: float
    response: Mapping[str, Float]
    pairs: PairRule = field(default=PairRule())
    masses: Float | None = None


@dataclass(frozen=True)
class UpscatteringResponse:
    """What an experiment supplies for one sample.

    Parameters
    ----------
    name
        Of the sample, unique in its experiment.
    flux
        Neutrinos in the exposure of the sample.
    regions
        Matter in which N are made.
    selection
        What is seen of the decays.
    first_bin
        Signal bin of the experiment that the first bin of the selection is.
    shortest, longest
        Lengths [m] between which decays feel the geometry: N that fly far less decay at once, N that fly far more
        decay in proportion to their width.
    """

    name: str
    flux: Flux
    regions: tuple[Region, ...]
    selection: Selection
    first_bin: int = 0
    shortest: float = 0.01
    longest: float = 1000.0
