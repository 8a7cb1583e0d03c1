"""Rates of antineutrinos near reactors: 21 measurements at 7 to 95 m, over the prediction of Huber and Mueller.

R_e = Σ_i x_i f_i σ_i ⟨P⟩_i / Σ_i f_i σ_i, with f_i the fission fractions of the four isotopes, σ_i their spectra
(Huber, 1106.0687; Mueller et al., 1101.2663, for ²³⁸U) times the cross section of inverse beta decay, and x_i their
norms, known from the calculation with a correlated error. −2 ln L = (R − R_e)ᵀ V⁻¹ (R − R_e) + (x − 1)ᵀ C⁻¹ (x − 1),
minimised over x, in which R_e is linear. V and C are those of GLoBESfit (2005.01756).

The norms are written as x = 1 + K ν with K the Cholesky factor of C and ν unit Gaussians, and act on the change of R_e
as on R_e itself, as if an isotope's neutrinos oscillated like the mean of a reactor's: that changes −2 ln L by less
than 0.03 where it is within 10 of its minimum.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from scanner.experiments.base import Experiment
from scanner.experiments.oscillation_cells import Samples, elementwise, midpoints, response
from scanner.experiments.tables import DATA, read_table
from scanner.likelihoods.gaussian_pulls import GaussianPulls
from scanner.likelihoods.linear_algebra import cholesky
from scanner.physics.inverse_beta_decay import cross_section
from scanner.vocabulary import Reference

PROVIDES = ("reactor_rates",)
VERSION = 3

Float = NDArray[np.float64]

ISOTOPES = ("U235", "U238", "Pu239", "Pu241")

SPECTRUM = {
    "U235": (4.367, -4.577, 2.100, -0.5294, 0.06186, -0.002777),
    "U238": (0.4833, 0.1927, -0.1283, -0.006762, 0.002233, -0.0001536),
    "Pu239": (4.757, -5.392, 2.563, -0.6596, 0.07820, -0.003536),
    "Pu241": (2.990, -2.882, 1.278, -0.3343, 0.03905, -0.001754),
}
"""Antineutrinos per fission and MeV: exp Σ_k a_k (E/MeV)^k."""

ENERGIES = (1.81, 8.0)
"""Range of the spectra [MeV]."""

NORM_ERROR = {"U235": 0.02093, "U238": 0.11202, "Pu239": 0.02534, "Pu241": 0.02179}
NORM_CORRELATION = {("U235", "Pu239"): 0.9354, ("U235", "Pu241"): 0.9653, ("Pu239", "Pu241"): 0.9168}
"""Relative errors of the norms and their correlations; ²³⁸U has none with the others. From the code of 2005.01756."""

WIDTH = 0.02
"""Of the cells [km/GeV]. A phase of 5 each at 100 eV²: spectra are smooth over so many that nothing is left of their
sum. It must stay below 2π, where cells would add up again."""

PATH_DENSITY = 1.5
"""Mean of the neutrinos' way [g/cm³]: water, steel and concrete of 2.3 g/cm³ of reactors and their shields, and the air
of buildings. An estimate for all, good to a factor of 1.6: a resonance energy that scales with density is as uncertain.
"""

_STEPS = 50_000
"""Of 1/E: 24 in a cell at the longest baseline."""


def spectra(energy: Float) -> Float:
    """Return spectra times cross section of the isotopes, shape (4, energies), in cm² per fission and MeV.

    Parameters
    ----------
    energy
        [MeV].
    """
    sigma = cross_section(1e-3 * energy)
    rows = []
    for name in ISOTOPES:
        exponent = np.zeros(energy.size)
        for coefficient in reversed(SPECTRUM[name]):
            exponent = exponent * energy + coefficient
        rows.append(elementwise(math.exp, exponent) * sigma)
    return np.array(rows)


def norm_factor() -> Float:
    """Return the Cholesky factor of the covariance of the norms, shape (4, 4)."""
    error = np.array([NORM_ERROR[name] for name in ISOTOPES])
    matrix = np.diag(error * error)
    for (first, second), correlation in NORM_CORRELATION.items():
        i, j = ISOTOPES.index(first), ISOTOPES.index(second)
        matrix[i, j] = matrix[j, i] = correlation * error[i] * error[j]
    assert cholesky(matrix)
    return np.tril(matrix)


def shares(fractions: Float) -> Float:
    """Return what each isotope adds to a rate, f_i σ_i / Σ f σ.

    Parameters
    ----------
    fractions
        Of fissions, shape (measurements, 4).
    """
    folded = np.array([math.fsum(row.tolist()) for row in spectra(midpoints(*ENERGIES, 4000))])
    rates = fractions * folded
    total = rates[:, 0] + rates[:, 1] + rates[:, 2] + rates[:, 3]
    share: Float = rates / total[:, None]
    return share


def sampled_spectra() -> tuple[Float, Float]:
    """Return 1/E [1/MeV] in equal steps, and `spectra` in them."""
    low, high = ENERGIES
    inverse = midpoints(1 / high, 1 / low, _STEPS)
    energy = 1 / inverse
    return inverse, spectra(energy) * energy * energy


def load(name: str) -> Experiment:
    """Return the experiment."""
    columns = read_table(DATA / "reactor_rates.txt").columns
    fractions = np.column_stack([columns[f"f_{isotope}"] for isotope in ISOTOPES])
    measured, baseline = columns["ratio"], columns["baseline"]
    expected = np.ones(measured.size)
    factor, share = norm_factor(), shares(fractions)
    pulls = np.zeros((measured.size, len(ISOTOPES)))
    for i in range(len(ISOTOPES)):
        pulls += share[:, i, None] * factor[i]
    inverse, of_isotope = sampled_spectra()
    bins = [
        Samples(length * inverse, _mixed(of, of_isotope), 1e-3 / inverse)
        for length, of in zip(baseline.tolist(), fractions, strict=True)
    ]
    channel = response("e", "e", True, bins, expected.tolist(), PATH_DENSITY, width=WIDTH)
    return Experiment(
        name=name,
        version=VERSION,
        title="Rates of reactor antineutrinos at short baselines",
        signals={"oscillation": (channel,)},
        likelihood=GaussianPulls(
            measured,
            expected,
            _covariance(),
            pulls,
            pulls,
            tuple(f"reactor_flux_{i}" for i in range(len(ISOTOPES))),
            shared=False,
        ),
        data=measured,
        background=expected,
        signal_bins=np.arange(measured.size),
        coordinates={"baseline": baseline},
        coordinate_units={"baseline": "m"},
        data_sets=frozenset({"reactor_rates"}),
        negligible=frozenset({"energy_transfer"}),  # daughters: of order |U|^4 here
        references=REFERENCES,
        notes=(
            "numbers are ratios to Huber's and Mueller's prediction, not events; the signal is the change of the ratio",
            "nuisance parameters are the norms of the four isotopes, x = 1 + K nu, K the Cholesky factor of their "
            "covariance in the order U235, U238, Pu239, Pu241",
            "reactors and detectors are points: sizes of 1 to 3 m matter above some 5 eV^2",
            "points with dm2 above 100 eV^2 are marked not_converged",
            "potentials of matter see a path of 1.5 g/cm^3 (concrete, steel, water and air), an estimate for all "
            "reactors, good to a factor of 1.6",
        ),
    )


def _mixed(fractions: Float, of_isotope: Float) -> Float:
    """Add up the isotopes of a reactor."""
    total = np.zeros(of_isotope.shape[1])
    for fraction, spectrum in zip(fractions.tolist(), of_isotope, strict=True):
        total += fraction * spectrum
    return total


def _covariance() -> Float:
    table = read_table(DATA / "reactor_covariance.txt").columns
    row, column = table["row"].astype(int), table["column"].astype(int)
    covariance = np.zeros((row.max() + 1, row.max() + 1))
    covariance[row, column] = covariance[column, row] = table["covariance"]
    return covariance


REFERENCES = (
    Reference(
        "Berryman:2020agd",
        "Berryman, Jeffrey M. and Huber, Patrick",
        "Sterile Neutrinos and the Global Reactor Antineutrino Dataset",
        2021,
        "2005.01756",
        "10.1007/JHEP01(2021)167",
        "JHEP 01 (2021) 167",
    ),
    Reference(
        "Huber:2011wv",
        "Huber, Patrick",
        "On the determination of anti-neutrino spectra from nuclear reactors",
        2011,
        "1106.0687",
        "10.1103/PhysRevC.84.024617",
        "Phys. Rev. C 84 (2011) 024617",
    ),
    Reference(
        "Mueller:2011nm",
        "Mueller, Th. A. and others",
        "Improved predictions of reactor antineutrino spectra",
        2011,
        "1101.2663",
        "10.1103/PhysRevC.83.054615",
        "Phys. Rev. C 83 (2011) 054615",
    ),
)
