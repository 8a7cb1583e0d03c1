"""Radioactive sources in gallium: GALLEX, SAGE and BEST, six rates of ν_e over Bahcall's prediction.

R = Σ_lines w ∫ dr g(r) P(r/E) / Σ_lines w ∫ dr g(r), with P the survival probability, w the branching ratio times
Bahcall's cross section of a line, and g(r) the share of directions in which gallium lies at the distance r of the
source: the rate in dV/r² is that in dr dΩ. The vessels are cylinders with the source on their axes, or, in BEST, a
sphere inside a cylinder, both around the tube that the source is handled in.

−2 ln L has the errors of the six measurements and one of 3 % of the *prediction* that is common to them all, that of
the cross section: V = diag(s²) + 0.03² p pᵀ, the same as a nuisance parameter that scales p. It is smallest, 3.11, at
1.29 eV² and sin²2θ = 0.355; without oscillation it is 30.4.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanner.experiments.base import Experiment
from scanner.experiments.oscillation_cells import Samples, midpoints, response
from scanner.experiments.tables import DATA, read_table
from scanner.likelihoods.gaussian_pulls import GaussianPulls
from scanner.signals.oscillation import OscillationResponse
from scanner.vocabulary import Reference

PROVIDES = ("gallium",)
VERSION = 3

Float = NDArray[np.float64]

MEASUREMENTS = ("GALLEX 1", "GALLEX 2", "SAGE Cr", "SAGE Ar", "BEST inner", "BEST outer")

CHROMIUM = ((0.747, 0.8163 * 60.8), (0.752, 0.0849 * 61.5), (0.427, 0.0895 * 26.7), (0.432, 0.0093 * 27.1))
ARGON = ((0.811, 0.902 * 70.1), (0.813, 0.098 * 70.3))
"""Lines of ⁵¹Cr and ³⁷Ar: energy [MeV], branching ratio times cross section [1e-46 cm²]; Bahcall, hep-ph/9710491."""

CROSS_SECTION_ERROR = 0.03
"""Relative, common to all; about what Bahcall gives."""

STEPS = 20_000
"""Of the distance r."""

SOLUTION, METAL = 1.89, 6.09
"""Density of GALLEX's GaCl₃ in hydrochloric acid (from memory), and of liquid gallium, in SAGE and BEST [g/cm³].

A neutrino's way is taken to be in it from the source on: its container and tube, some 5 to 7 cm, are left out.
"""
GALLEX = 2
"""Measurements of GALLEX, which come first."""


class Cylinder(NamedTuple):
    """A vessel around a source on its axis [m]."""

    radius: float
    below: float
    above: float
    """From the source to its bottom and its lid."""

    def share(self, r: float) -> float:
        """Share of directions that are inside at the distance r."""
        return _cap(self, r, 1.0) + _cap(self, r, -1.0)


def _cap(cylinder: Cylinder, r: float, side: float) -> float:
    """Those of one side (up or down) of the source."""
    end = cylinder.above if side > 0 else cylinder.below
    steepest = min(1.0, end / r)
    return 0.5 * max(steepest - _least_cosine(cylinder.radius, r), 0.0)


def _least_cosine(radius: float, r: float) -> float:
    """|cos θ| from which on a direction stays within a radius of the axis at the distance r."""
    return float(np.sqrt(1 - (radius / r) ** 2)) if r > radius else 0.0


SPHERE = 0.6675
"""Radius of BEST's inner vessel [m]; its geometry is that of 2201.07364, as the release has it."""
TUBE, TUBE_BOTTOM = 0.073, 0.069
"""Radius of the tube for the source, and how far it reaches below the centre [m]."""
OUTER = Cylinder(1.09, 2.345 / 2, 2.345 / 2)
"""BEST's outer vessel, around the inner one's centre."""


def inner(r: float) -> float:
    """Share of directions that are in BEST's inner vessel: the sphere without the tube."""
    if r >= SPHERE:
        return 0.0
    steep = _least_cosine(TUBE, r)
    below = min(1.0, TUBE_BOTTOM / r)
    return 1 - 0.5 * (1 - steep) - 0.5 * max(below - steep, 0.0)


def outer(r: float) -> float:
    """Share of directions that are in BEST's outer vessel: the cylinder without sphere and tube (above the source)."""
    if r <= SPHERE:
        return 0.0
    in_tube = 0.5 * max(min(1.0, OUTER.above / r) - _least_cosine(TUBE, r), 0.0)
    return OUTER.share(r) - in_tube


SAGE = Cylinder(0.7, 0.72, 1.47 - 0.72)
GEOMETRY: tuple[tuple[Callable[[float], float], float], ...] = (
    (Cylinder(1.9, 2.70, 5.0 - 2.70).share, 3.4),
    (Cylinder(1.9, 2.38, 5.0 - 2.38).share, 3.4),
    (SAGE.share, 1.1),
    (SAGE.share, 1.1),
    (inner, SPHERE),
    (outer, 1.7),
)
"""Of each measurement: share of directions at a distance, and the farthest distance [m]; GALLEX and SAGE as in
0711.4222."""


def samples(share: Callable[[float], float], farthest: float, lines: tuple[tuple[float, float], ...]) -> Samples:
    """Return samples of a vessel around a source; lines within 10 keV share cells."""
    r = midpoints(0.0, farthest, STEPS)
    weight = np.array([share(at) for at in r.tolist()])
    r, weight = r[weight > 0], weight[weight > 0]
    energy = np.array([e for e, _ in lines])
    group = np.cumsum(np.abs(np.diff(energy, prepend=energy[0])) > 0.01)
    return Samples(
        x=np.concatenate([r / e for e in energy]),
        weight=np.concatenate([of_line * weight for _, of_line in lines]),
        energy=1e-3 * np.repeat(energy, r.size),
        group=np.repeat(group, r.size),
    )


def _channels(bins: list[Samples], expected: list[float]) -> tuple[OscillationResponse, ...]:
    """One for each of both materials."""
    parts = ((slice(None, GALLEX), SOLUTION, 0), (slice(GALLEX, None), METAL, GALLEX))
    return tuple(
        response("e", "e", False, bins[part], expected[part], density, first_bin=number)
        for part, density, number in parts
    )


def load(name: str) -> Experiment:
    """Return the experiment."""
    columns = read_table(DATA / "gallium_rates.txt").columns
    measured, error = columns["ratio"], columns["error"]
    lines = [ARGON if argon else CHROMIUM for argon in columns["argon"]]
    number = measured.size
    common = np.full((number, 1), CROSS_SECTION_ERROR)
    expected = np.ones(number)
    bins = [samples(*geometry, of_source) for geometry, of_source in zip(GEOMETRY, lines, strict=True)]
    return Experiment(
        name=name,
        version=VERSION,
        title="GALLEX, SAGE and BEST, rates from radioactive sources",
        signals={"oscillation": _channels(bins, expected.tolist())},
        likelihood=GaussianPulls(
            measured, expected, np.diag(error * error), common, common, ("gallium_cross_section",), shared=False
        ),
        data=measured,
        background=expected,
        signal_bins=np.arange(number),
        coordinates={"measurement": np.array(MEASUREMENTS)},
        coordinate_units={},
        data_sets=frozenset({"gallex_sources", "sage_sources", "best"}),
        negligible=frozenset({"energy_transfer"}),  # daughters: of order |U|^4 here
        references=REFERENCES,
        notes=(
            "numbers are ratios to Bahcall's prediction, not events; the signal is the change of the ratio",
            "3 % of the prediction are common to all six, uncertain cross section",
            "points with dm2 above 100 eV^2 are marked not_converged",
            "potentials of matter see gallium chloride solution of 1.89 g/cm^3 in GALLEX, metal of 6.09 g/cm^3 in SAGE "
            "and BEST, from the source on; an estimate good to 10 %",
        ),
    )


REFERENCES = (
    Reference(
        "Barinov:2021asz",
        "Barinov, V. V. and others (BEST)",
        "Results from the Baksan Experiment on Sterile Transitions (BEST)",
        2022,
        "2109.11482",
        "10.1103/PhysRevLett.128.232501",
        "Phys. Rev. Lett. 128 (2022) 232501",
    ),
    Reference(
        "Barinov:2022wfh",
        "Barinov, V. V. and others (BEST)",
        "Search for electron-neutrino transitions to sterile states in the BEST experiment",
        2022,
        "2201.07364",
        "10.1103/PhysRevC.105.065502",
        "Phys. Rev. C 105 (2022) 065502",
    ),
    Reference(
        "Acero:2007su",
        "Acero, Mario A. and Giunti, Carlo and Laveder, Marco",
        "Limits on nu_e and anti-nu_e disappearance from Gallium and reactor experiments",
        2008,
        "0711.4222",
        "10.1103/PhysRevD.78.073009",
        "Phys. Rev. D 78 (2008) 073009",
    ),
    Reference(
        "Bahcall:1997eg",
        "Bahcall, John N.",
        "Gallium solar neutrino experiments: Absorption cross sections, neutrino spectra, and predicted event rates",
        1997,
        "hep-ph/9710491",
        "10.1103/PhysRevC.56.3391",
        "Phys. Rev. C 56 (1997) 3391",
    ),
)
