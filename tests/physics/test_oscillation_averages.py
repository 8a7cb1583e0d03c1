"""sin² averaged over the L/E of cells, and summed into bins."""

from __future__ import annotations

import itertools
import math

import mpmath as mp
import numpy as np
import pytest
import scipy.integrate

from scanner.physics.oscillation import averaged_sin_squared

EPS = np.finfo(float).eps


def averaged(constant, dm2, bins, weight, mean, variance, number: int) -> np.ndarray:
    out = np.full((len(dm2), number), 1e9)  # what stood there before must not matter
    arrays = [np.array(a, float) for a in (dm2, weight, mean, variance)]
    averaged_sin_squared(constant, arrays[0], np.array(bins, np.int64), *arrays[1:], out)
    return out


@pytest.mark.parametrize("dm2", [0.01, 0.3, 1.0, 5.0, 30.0])
@pytest.mark.parametrize(("mean", "sigma"), [(1.0, 0.05), (0.7, 0.2), (3.0, 1e-3), (1.0, 0.5)])
def test_average_is_that_over_a_normal_distribution(dm2: float, mean: float, sigma: float) -> None:
    def integrand(z: float) -> float:
        sine = math.sin(1.27 * dm2 * (mean + sigma * z))
        return sine**2 * math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)

    expected = scipy.integrate.quad(integrand, -10, 10, limit=500, epsabs=1e-13, epsrel=1e-12)[0]
    result = averaged(1.27, [dm2], [0], [1.0], [mean], [sigma**2], 1)[0, 0]
    assert result == pytest.approx(expected, rel=1e-10, abs=1e-12)


def test_average_without_spread_is_exact() -> None:
    for dm2, mean in itertools.product([1e-6, 0.3, 7.0, 90.0], [0.01, 1.0, 40.0]):
        result = averaged(1.27, [dm2], [0], [1.0], [mean], [0.0], 1)[0, 0]
        assert result == math.sin(1.27 * dm2 * mean) ** 2


@pytest.mark.parametrize("dm2", [1e-9, 1e-6, 1e-3, 1.0])
@pytest.mark.parametrize(("mean", "variance"), [(1.0, 0.1), (1e-3, 2.0), (2.0, 1e-6)])
def test_average_has_relative_precision(dm2: float, mean: float, variance: float) -> None:
    with mp.workdps(50):
        wavenumber = mp.mpf(1.27) * mp.mpf(dm2)
        damping = mp.exp(-2 * wavenumber**2 * mp.mpf(variance))
        expected = mp.sin(wavenumber * mp.mpf(mean)) ** 2 * damping + (1 - damping) / 2
    result = averaged(1.27, [dm2], [0], [1.0], [mean], [variance], 1)[0, 0]
    assert result == pytest.approx(float(expected), rel=8 * EPS, abs=0)


def test_average_of_fast_oscillations_is_one_half() -> None:
    assert averaged(1.27, [1e4], [0], [3.0], [1.0], [0.1], 1)[0, 0] == pytest.approx(1.5, rel=EPS)


def test_cells_are_summed_into_their_bins() -> None:
    rng = np.random.default_rng(5)
    bins = np.array([2, 0, 2, 3, 0, 2])  # bin 1 is empty
    weight, mean, variance = rng.uniform(0.1, 2, (3, 6))
    dm2 = [0.1, 1.0, 4.0]
    result = averaged(1.27, dm2, bins, weight, mean, variance, 4)
    for node, bin_ in itertools.product(range(3), range(4)):
        cells = [
            averaged(1.27, [dm2[node]], [0], [weight[c]], [mean[c]], [variance[c]], 1)[0, 0]
            for c in np.flatnonzero(bins == bin_)
        ]
        assert result[node, bin_] == sum(cells)


def test_sums_are_sequential() -> None:
    """With sin² = 1, any order but that of the cells gives 0 or 2."""
    weight = [1e16, 1.0, -1e16, 1.0]
    assert averaged(math.pi / 2, [1.0], [0] * 4, weight, [1.0] * 4, [0.0] * 4, 1)[0, 0] == 1
