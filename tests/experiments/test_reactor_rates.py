"""Reactor rates against published numbers, the exact dependence on the norms, and limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from oscillations import averaged, chi2
from scipy import integrate

from scanner import registry
from scanner.experiments import reactor_rates as reactors
from scanner.experiments.tables import DATA, read_table
from scanner.physics.inverse_beta_decay import cross_section
from scanner.prediction import predict
from scanner.units import OSCILLATION_PHASE


@pytest.fixture(scope="module")
def rates() -> dict[str, np.ndarray]:
    columns = dict(read_table(DATA / "reactor_rates.txt").columns)
    fractions = np.column_stack([columns[f"f_{isotope}"] for isotope in reactors.ISOTOPES])
    factor = reactors.norm_factor()
    return {
        "ratio": columns["ratio"],
        "baseline": columns["baseline"],
        "share": reactors.shares(fractions),
        "prior": factor @ factor.T,
        "covariance": registry.experiment("reactor_rates").likelihood.covariance,
    }


def test_null() -> None:
    assert float(predict("sterile_3p1", "reactor_rates")["chi2"]) == pytest.approx(14.858, abs=5e-4)


def test_null_with_free_norms(rates: dict[str, np.ndarray]) -> None:
    covariance = rates["covariance"] + rates["share"] @ (1e6 * np.eye(4)) @ rates["share"].T
    residual = rates["ratio"] - 1
    assert residual @ np.linalg.solve(covariance, residual) == pytest.approx(8.9, abs=0.05)


def test_mean_ratio(rates: dict[str, np.ndarray]) -> None:
    """0.948 ± 0.009 of the measurements alone; with one free ratio −2 ln L falls by 5.1."""
    weight = np.linalg.solve(rates["covariance"], np.ones(21))
    assert weight @ rates["ratio"] / weight.sum() == pytest.approx(0.948, abs=5e-4)
    assert weight.sum() ** -0.5 == pytest.approx(0.009, abs=5e-4)
    free = chi2("reactor_rates", -np.linspace(0, 0.2, 2001)[:, None] * np.ones(21))
    assert free[0] - free.min() == pytest.approx(5.1, abs=0.05)


def test_prior_of_the_norms(rates: dict[str, np.ndarray]) -> None:
    error = np.sqrt(rates["prior"].diagonal())
    assert error == pytest.approx([0.02093, 0.11202, 0.02534, 0.02179])
    correlation = rates["prior"] / np.outer(error, error)
    assert correlation[0, [1, 2, 3]] == pytest.approx([0, 0.9354, 0.9653])
    assert correlation[2, 3] == pytest.approx(0.9168)


def test_shares_by_brute_force(rates: dict[str, np.ndarray]) -> None:
    """The ²³⁵U share of Bugey-4, by adaptive integration of the spectra."""

    def folded(isotope: str) -> float:
        powers = reactors.SPECTRUM[isotope]

        def integrand(energy: float) -> float:
            return math.exp(sum(a * energy**k for k, a in enumerate(powers))) * float(cross_section(1e-3 * energy))

        return integrate.quad(integrand, 1.81, 8.0, epsabs=0)[0]

    parts = np.array([0.538, 0.078, 0.328, 0.056]) * [folded(isotope) for isotope in reactors.ISOTOPES]
    assert rates["share"][0] == pytest.approx(parts / parts.sum(), rel=1e-5)


def test_averages_by_brute_force() -> None:
    """⟨sin²⟩ of ILL, pure ²³⁵U at 8.76 m, and of Krasnoyarsk at 92.3 m."""

    def weight(energy: float) -> float:
        exponent = sum(a * energy**k for k, a in enumerate(reactors.SPECTRUM["U235"]))
        return math.exp(exponent) * float(cross_section(1e-3 * energy))

    total = integrate.quad(weight, 1.81, 8.0, epsabs=0)[0]
    for number, baseline in ((8, 8.76), (10, 92.3)):
        for dm2 in (0.1, 1.0, 7.0):
            phase = OSCILLATION_PHASE * dm2 * baseline
            sine = integrate.quad(lambda e, p=phase: weight(e) * math.sin(p / e) ** 2, 1.81, 8.0, limit=500, epsabs=0)
            assert averaged("reactor_rates", dm2)[number] == pytest.approx(sine[0] / total, abs=2e-5)


def test_norms_act_on_the_mean_of_a_reactor(rates: dict[str, np.ndarray]) -> None:
    """R_e linear in four norms, each isotope with an average of its own, is the same to 0.03 near the minimum."""
    energy = 1.81 + 6.19 * (np.arange(20_000) + 0.5) / 20_000
    spectra = reactors.spectra(energy)
    spectra /= spectra.sum(axis=1, keepdims=True)
    pairs = []
    for dm2 in np.geomspace(0.05, 10, 13):
        phase = OSCILLATION_PHASE * dm2 * rates["baseline"][:, None] / energy
        sine = (np.sin(phase) ** 2) @ spectra.T
        for amplitude in (0.0, 0.05, 0.1, 0.2):
            by_isotope = rates["share"] * (1 - amplitude * sine)
            covariance = rates["covariance"] + by_isotope @ rates["prior"] @ by_isotope.T
            residual = rates["ratio"] - by_isotope.sum(axis=1)
            exact = residual @ np.linalg.solve(covariance, residual)
            pairs.append((exact, chi2("reactor_rates", -amplitude * averaged("reactor_rates", dm2))[0]))
    exact, ours = np.array(pairs).T
    near = exact < exact.min() + 10
    assert np.abs(exact - ours)[near].max() < 0.03
    assert np.count_nonzero(near) > 20


def test_limits_in_the_mass_splitting() -> None:
    assert averaged("reactor_rates", 1e-5) == pytest.approx(100 * averaged("reactor_rates", 1e-6), rel=1e-5)
    assert averaged("reactor_rates", 100.0) == pytest.approx(np.full(21, 0.5), abs=0.01)
    assert predict("sterile_3p1", "reactor_rates", dm2_41=101.0)["status"].item() == "not_converged"
