"""The Gaussian upper limit against scipy's distributions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, stats

from scanner.likelihoods.limits import UpperLimit


def chi2(likelihood: UpperLimit, *signals: float) -> np.ndarray:
    out, gof = np.empty(len(signals)), np.empty(len(signals))
    likelihood(np.array(signals)[:, None], out, gof)
    np.testing.assert_array_equal(out, gof)
    return out


@pytest.mark.parametrize("level", [0.6827, 0.90, 0.95])
def test_the_limit_lies_at_its_confidence_level(level: float) -> None:
    likelihood = UpperLimit(2.5, level)
    nothing, at_limit = chi2(likelihood, 0.0, 2.5)
    assert nothing == 0
    assert at_limit == pytest.approx(stats.chi2.ppf(level, df=1), rel=1e-12)
    below = integrate.quad(lambda s: math.exp(-0.5 * chi2(likelihood, s)[0]), 0, 2.5)[0]
    total = integrate.quad(lambda s: math.exp(-0.5 * chi2(likelihood, s)[0]), 0, 50)[0]
    assert below / total == pytest.approx(level, rel=1e-6)


def test_the_constant_completes_the_density() -> None:
    likelihood = UpperLimit(3.0, 0.9)
    sigma = 3.0 / stats.norm.ppf(0.95)
    exact = -2 * stats.norm.logpdf(1.7, scale=sigma)
    assert chi2(likelihood, 1.7)[0] + likelihood.constant == pytest.approx(exact, rel=1e-12)


def test_pseudo_experiments_are_gaussian_about_the_truth() -> None:
    likelihood, rng = UpperLimit(3.0, 0.9), np.random.default_rng(3)
    toys = [likelihood.toy(np.array([2.0]), rng) for _ in range(2000)]
    sigma = 3.0 / stats.norm.ppf(0.95)
    assert stats.kstest([toy.measured for toy in toys], stats.norm(2.0, sigma).cdf).pvalue > 0.01
    assert [chi2(toy, 1.2)[0] for toy in toys[:5]] == pytest.approx(
        [((1.2 - toy.measured) / sigma) ** 2 for toy in toys[:5]], rel=1e-12
    )
