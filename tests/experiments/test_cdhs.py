"""CDHS against the published null, brute force, and limits in which it sees nothing."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from oscillations import averaged, chi2
from scipy import integrate

from scanner import registry
from scanner.likelihoods.pulls import number_of_terms
from scanner.prediction import predict
from scanner.units import OSCILLATION_PHASE


def rate(energy: float, threshold: float) -> float:
    if energy <= threshold:
        return 0.0
    share = threshold / energy
    return math.exp(-energy) * energy * (1 - share + 0.0464133 * (1 - share**3))


def by_quadrature(low: float, high: float, middle: float, length: float, dm2: float) -> float:
    """⟨sin²⟩ of the bin of muons from `low` to `high` [GeV]; baselines in km, their average in closed form."""

    def sine(energy: float) -> float:
        k = 2 * OSCILLATION_PHASE * dm2 / energy
        x = 0.5 * k * length
        return 0.5 * (1 - math.cos(k * middle) * math.sin(x) / x)

    def integral(weight: bool) -> float:
        def integrand(energy: float) -> float:
            inside = rate(energy, low) - (rate(energy, high) if math.isfinite(high) else 0.0)
            return inside * (sine(energy) if weight else 1.0)

        breaks = [low, *([high] if math.isfinite(high) else []), 12.0, 30.0]
        return sum(integrate.quad(integrand, a, b, limit=400)[0] for a, b in itertools.pairwise(breaks))

    return integral(True) / integral(False)


def test_null() -> None:
    assert float(predict("sterile_3p1", "cdhs")["chi2"]) == pytest.approx(14.74, abs=5e-3)


@pytest.mark.parametrize("dm2", [0.3, 3.0, 25.0])
def test_averages_by_quadrature(dm2: float) -> None:
    found = averaged("cdhs", dm2)
    for number, (low, high) in {0: (0.6410, 0.8116), 7: (5.2911, math.inf), 9: (0.8116, 1.0920)}.items():
        assert found[number] == pytest.approx(by_quadrature(low, high, 0.885, 0.124, dm2), abs=1e-4)
        assert found[15 + number] == pytest.approx(by_quadrature(low, high, 0.130, 0.074, dm2), abs=1e-4)


def test_ratio_with_a_common_norm() -> None:
    """The norm that fits best, written out."""
    likelihood = registry.experiment("cdhs").likelihood
    ratio, variance = likelihood.ratios.data, likelihood.ratios.covariance.diagonal()
    sine = averaged("cdhs", 2.0)
    predicted = (1 - 0.2 * sine[:15]) / (1 - 0.2 * sine[15:])
    norm = (np.sum(ratio * predicted / variance) + 0.025**-2) / (np.sum(predicted**2 / variance) + 0.025**-2)
    expected = np.sum((ratio - norm * predicted) ** 2 / variance) + ((norm - 1) / 0.025) ** 2
    assert chi2("cdhs", -0.2 * sine)[0] == pytest.approx(expected, rel=1e-12)
    found = predict("sterile_3p1", "cdhs", dm2_41=2.0, Umu4_sq=0.5 * (1 - math.sqrt(0.8)))
    assert float(found["chi2"]) == pytest.approx(expected, rel=1e-9)


def test_it_sees_no_oscillation_that_both_detectors_see_alike() -> None:
    """At large Δm² both average to 1/2 and ratios are 1; at small Δm² neither has begun."""
    null = chi2("cdhs", np.zeros(30))[0]
    assert chi2("cdhs", -0.3 * np.ones(30))[0] == pytest.approx(null, rel=1e-12)
    assert chi2("cdhs", -averaged("cdhs", 1e-4))[0] == pytest.approx(null, rel=1e-4)
    assert averaged("cdhs", 1e-3) == pytest.approx(100 * averaged("cdhs", 1e-4), rel=1e-3)
    assert chi2("cdhs", -0.3 * averaged("cdhs", 3.0))[0] > null + 20


def test_terms_and_pseudo_experiments() -> None:
    likelihood = registry.experiment("cdhs").likelihood
    signal = np.ascontiguousarray(-0.1 * averaged("cdhs", 3.0)[None])
    terms = np.empty((1, number_of_terms(1)))
    likelihood.pull_terms(signal, terms)
    value, slope, curvature = terms[0]
    assert value - slope**2 / (2 * (curvature + 2)) == pytest.approx(chi2("cdhs", signal)[0], rel=1e-12)
    toys = [likelihood.toy(signal[0], np.random.default_rng(seed)) for seed in range(1000)]
    mean = np.mean([toy.ratios.data for toy in toys], axis=0)
    norm = mean * (1 + signal[0, 15:]) / (1 + signal[0, :15])  # the one that fits the data best
    assert norm == pytest.approx(np.full(15, 1 + 0.025 * -slope / (curvature + 2)), abs=0.03)
    assert toys[0].number_of_data == 15
