"""LSND and KARMEN: published numbers, brute force, limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from oscillations import averaged, chi2, response
from scipy import integrate
from scipy.stats import norm

from scanner import registry
from scanner.experiments import decay_at_rest, lsnd
from scanner.experiments.tables import DATA, read_table
from scanner.physics.inverse_beta_decay import cross_section
from scanner.prediction import predict
from scanner.units import OSCILLATION_PHASE

MUON = 105.6583755


def full(experiment: str) -> np.ndarray:
    """Events of full transmutation in each bin."""
    return np.bincount(response(experiment).bin, response(experiment).weight)


def best_probability(experiment: str) -> tuple[float, float]:
    """The free probability that fits best, and by how much −2 ln L falls."""
    p = np.linspace(0, 0.02, 20_001)
    value = chi2(experiment, p[:, None] * full(experiment))
    return float(p[value.argmin()]), float(value[0] - value.min())


def test_lsnd_counts_are_those_published() -> None:
    columns = read_table(DATA / "lsnd_bins.txt").columns
    assert columns["beam_on"].sum() == pytest.approx(86, abs=0.05)
    assert columns["neutrinos"].sum() == pytest.approx(16.9, abs=0.05)
    assert full("lsnd").sum() == pytest.approx(0.39 * 33_300)


def test_lsnd_alone() -> None:
    """A free probability improves −2 ln L by 10.6, and lies within an error of the published 0.264 %."""
    probability, improvement = best_probability("lsnd")
    assert improvement == pytest.approx(10.6, rel=5e-3)
    assert probability == pytest.approx(0.00264, abs=0.00081)


def test_lsnd_total_is_the_published_probability() -> None:
    probability, improvement = best_probability("lsnd_total")
    assert probability == pytest.approx(0.00264, abs=1e-6)
    assert improvement == pytest.approx((0.00264 / 0.00081) ** 2, rel=0.01)


def test_lsnd_likelihood_is_a_covariance() -> None:
    columns = read_table(DATA / "lsnd_bins.txt").columns
    signal = 0.003 * full("lsnd")
    covariance = np.diag(columns["beam_on"])
    for error in (
        1.5 / 36.9 * columns["beam_off"],
        2.3 / 16.9 * columns["neutrinos"],
        0.1 * signal,
    ):
        covariance += np.outer(error, error)
    residual = columns["beam_on"] - columns["beam_off"] - columns["neutrinos"] - signal
    assert chi2("lsnd", signal)[0] == pytest.approx(residual @ np.linalg.solve(covariance, residual), rel=1e-10)


def test_lsnd_average_by_brute_force() -> None:
    """⟨P⟩ of all events of 20 to 60 MeV, each with the mean energy of its positron, at a fixed baseline's spread."""
    energy = np.linspace(15, MUON / 2, 1500)
    x = 2 * energy / MUON
    mean = np.array([np.mean(np.array(decay_at_rest.positron_range(1e-3 * e))) for e in energy]) * 1e3
    sigma = 0.07 * np.sqrt(52.8 * mean)
    chance = norm.cdf((60 - mean) / sigma) - norm.cdf((20 - mean) / sigma)
    weight = x**2 * (3 - 2 * x) * cross_section(1e-3 * energy) * chance
    baseline = np.linspace(25.85, 34.15, 400)[:, None]
    for dm2 in (0.05, 0.4, 1.2, 5.0):
        sine = np.sin(OSCILLATION_PHASE * dm2 * baseline / energy) ** 2 / baseline**2
        expected = np.sum(sine * weight) / np.sum(weight / baseline**2)
        assert averaged("lsnd_total", dm2)[0] == pytest.approx(expected, abs=3e-3)


def test_lsnd_bins_hold_what_their_names_say() -> None:
    """The mean L/E of the events in a bin lies in it, or just outside: the resolution draws it to the bulk at 0.65."""
    channel, columns = response("lsnd"), read_table(DATA / "lsnd_bins.txt").columns
    mean = np.bincount(channel.bin, channel.weight * channel.mean) / full("lsnd")
    assert np.all((columns["low"] - 0.04 < mean) & (mean < columns["high"] + 0.04))


def test_spectrum_of_the_muon_antineutrino() -> None:
    energy = np.linspace(0, 60, 60_001)
    spectrum = decay_at_rest.muon_antineutrino_spectrum(energy)
    assert np.trapezoid(spectrum, energy) == pytest.approx(1, rel=1e-3)
    assert np.trapezoid(spectrum * energy, energy) == pytest.approx(0.7 * MUON / 2, rel=1e-3)


def test_events_fold_flux_and_cross_section() -> None:
    found = decay_at_rest.events()

    def integrand(energy: float) -> float:
        spectrum = float(decay_at_rest.muon_antineutrino_spectrum(np.array(energy)))
        return spectrum * float(cross_section(1e-3 * energy)) * energy

    mean = integrate.quad(integrand, 1.9, MUON / 2)[0] / integrate.quad(lambda e: integrand(e) / e, 1.9, MUON / 2)[0]
    assert (found.weight * found.energy).sum() / found.weight.sum() == pytest.approx(mean, rel=1e-5)


def test_karmen_counts_are_those_published() -> None:
    likelihood = registry.experiment("karmen").likelihood
    assert likelihood.data.sum() == 15
    assert likelihood.background.sum() == pytest.approx(15.8, abs=0.05)
    counts = registry.experiment("karmen_total").likelihood.counts
    assert counts == pytest.approx({"observed": 15, "background": 15.76}, rel=1e-3)


def test_karmen_expects_its_published_events() -> None:
    """2,913 for sin²2θ = 1 at large Δm²; at 100 eV² the average over baselines and energies is a half."""
    assert averaged("karmen", 100.0).sum() == pytest.approx(2913, rel=0.01)
    assert averaged("karmen_total", 3.0)[0] == pytest.approx(averaged("karmen", 3.0).sum(), rel=1e-3)


def test_karmen_limits() -> None:
    """The number of events alone gives, at 90 % of one degree of freedom and of one side, KARMEN's limit of 0.85e-3.

    That on a branching ratio with this spectrum is 0.9e-3. Bins give a stronger one, as events are fewest where
    those of a transmutation are most.
    """
    p = np.linspace(0, 0.003, 3001)
    value = chi2("karmen_total", p[:, None] * full("karmen_total"))
    assert p[(value - value.min() < 1.64).nonzero()[0].max()] == pytest.approx(0.85e-3, rel=0.1)
    assert best_probability("karmen") == (0.0, 0.0)
    binned = chi2("karmen", p[:, None] * full("karmen"))
    assert np.all((binned - binned[0])[1:] > (value - value[0])[1:])


@pytest.mark.parametrize("experiment", ["lsnd", "lsnd_total", "karmen", "karmen_total"])
def test_limits_in_the_mass_splitting(experiment: str) -> None:
    assert averaged(experiment, 1e-4) == pytest.approx(100 * averaged(experiment, 1e-5), rel=1e-4)
    assert averaged(experiment, 100.0) == pytest.approx(0.5 * full(experiment), rel=0.06)
    assert predict("sterile_3p1", experiment, dm2_41=101.0)["status"].item() == "not_converged"


def test_appearance_is_the_product_of_the_mixings() -> None:
    for experiment in ("lsnd", "karmen"):
        found = predict("sterile_3p1", experiment, dm2_41=1.0, Ue4_sq=0.01, Umu4_sq=0.02)
        expected = 4 * 0.01 * 0.02 * averaged(experiment, 1.0)
        np.testing.assert_allclose(found["signal"], expected, rtol=1e-10)


def test_resolution() -> None:
    assert lsnd.resolution(np.array([52.8])) / 52.8 == pytest.approx(0.07)
    assert math.isclose(float(lsnd.resolution(np.array([13.2]))[0]), 0.07 * 52.8 / 2)
