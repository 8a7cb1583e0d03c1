"""Gallium sources against published numbers, brute-force geometry and limits."""

from __future__ import annotations

import numpy as np
import pytest
from oscillations import averaged, chi2
from scipy.optimize import minimize

from scanner import registry
from scanner.experiments import gallium
from scanner.prediction import predict
from scanner.units import OSCILLATION_PHASE

GALLEX_BELOW, GALLEX_HEIGHT, GALLEX_RADIUS = (2.70, 2.38), 5.0, 1.9


def vessel(number: int) -> tuple[np.ndarray, np.ndarray]:
    """Cells of a vessel: distance [m] and dV/r², from its drawing in cylindrical coordinates."""
    radius, low, high = {
        0: (1.9, -2.70, 2.30),
        1: (1.9, -2.38, 2.62),
        2: (0.7, -0.72, 0.75),
        3: (0.7, -0.72, 0.75),
        4: (0.6675, -0.6675, 0.6675),
        5: (1.09, -1.1725, 1.1725),
    }[number]
    rho = radius * (np.arange(1500) + 0.5) / 1500
    z = low + (high - low) * (np.arange(2001) + 0.5) / 2001
    rho, z = (axis.ravel() for axis in np.meshgrid(rho, z))
    r = np.sqrt(rho**2 + z**2)
    inside = np.ones(r.size, dtype=bool)
    if number == 4:
        inside = (r < 0.6675) & ~((rho < 0.073) & (z > -0.069))
    if number == 5:
        inside = (r > 0.6675) & ~((rho < 0.073) & (z > 0))
    return r[inside], (rho / r**2)[inside]


@pytest.mark.parametrize("number", range(6))
def test_geometry_is_that_of_the_vessels(number: int) -> None:
    r, weight = vessel(number)
    lines = gallium.ARGON if number == 3 else gallium.CHROMIUM
    for dm2 in (0.3, 1.3, 6.0, 20.0):
        exact = sum(w * np.sum(weight * np.sin(OSCILLATION_PHASE * dm2 * r / e) ** 2) for e, w in lines)
        exact /= sum(w for _, w in lines) * weight.sum()
        assert averaged("gallium", dm2)[number] == pytest.approx(exact, abs=1.5e-3)


def test_every_direction_leaves_a_vessel_through_gallium() -> None:
    """Just outside the tube all directions but the tube's are gallium; the sides of a cylinder come first."""
    assert gallium.inner(0.3) == pytest.approx(1 - 0.5 * (1 - np.sqrt(1 - (0.073 / 0.3) ** 2)))
    assert gallium.SAGE.share(0.5) == 1
    assert gallium.SAGE.share(0.71) == pytest.approx(1 - np.sqrt(1 - (0.7 / 0.71) ** 2))
    assert gallium.SAGE.share(1.1) == 0 == gallium.outer(0.66)


def test_nulls_of_the_published_rates() -> None:
    likelihood = registry.experiment("gallium").likelihood
    ratio, variance = likelihood.data, likelihood.covariance.diagonal()
    assert np.sum((ratio - 1) ** 2 / variance) == pytest.approx(67.1, abs=0.05)
    assert float(predict("sterile_3p1", "gallium")["chi2"]) == pytest.approx(30.4, abs=0.05)


def test_common_error_is_of_the_prediction() -> None:
    likelihood = registry.experiment("gallium").likelihood
    p = 1 - 0.355 * averaged("gallium", 1.29)
    covariance = likelihood.covariance + 0.03**2 * np.outer(p, p)
    expected = (likelihood.data - p) @ np.linalg.solve(covariance, likelihood.data - p)
    assert chi2("gallium", p - 1)[0] == pytest.approx(expected, rel=1e-10)


def test_best_fit() -> None:
    """3.11 at 1.29 eV² and sin²2θ = 0.355; of one free ratio it is 26.2 below no oscillation."""

    def at(point: np.ndarray) -> float:
        return float(chi2("gallium", -point[1] * averaged("gallium", point[0]))[0])

    best = minimize(at, [1.1, 0.3], method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-7})
    assert best.fun == pytest.approx(3.11, abs=0.005)
    assert best.x == pytest.approx([1.29, 0.355], rel=5e-3)
    free = chi2("gallium", -np.linspace(0, 0.5, 501)[:, None] * np.ones(6))
    assert free[0] - free.min() == pytest.approx(26.2, abs=0.05)


def test_limits_in_the_mass_splitting() -> None:
    assert averaged("gallium", 1e-4) == pytest.approx(100 * averaged("gallium", 1e-5), rel=1e-5)
    assert averaged("gallium", 100.0) == pytest.approx(np.full(6, 0.5), abs=0.01)
    channels = registry.experiment("gallium").signals["oscillation"]
    mean_square = sum(np.bincount(c.bin, c.weight * c.mean**2, 6) for c in channels)
    assert averaged("gallium", 1e-5) == pytest.approx((OSCILLATION_PHASE * 1e-5) ** 2 * mean_square, rel=1e-3)


def test_cells_are_good_up_to_the_largest_mass_splitting() -> None:
    """Against a sum over the samples themselves."""
    x, weight, *_ = gallium.samples(*gallium.GEOMETRY[0], gallium.CHROMIUM)
    for dm2 in (30.0, 70.0, 100.0):
        exact = np.sum(weight * np.sin(OSCILLATION_PHASE * dm2 * x) ** 2) / weight.sum()
        assert averaged("gallium", dm2)[0] == pytest.approx(exact, abs=1e-4)
    beyond = predict("sterile_3p1", "gallium", dm2_41=101.0, Ue4_sq=0.1)
    assert beyond["status"].item() == "not_converged"


def test_pseudo_experiments_of_what_disappears() -> None:
    likelihood = registry.experiment("gallium").likelihood
    truth = -0.2 * np.ones(6)
    drawn = [likelihood.toy(truth, np.random.default_rng(seed)).data for seed in range(300)]
    # About the prediction at the cross section that fits best, which is 0.96 to 1.04 of it.
    assert np.mean(drawn, axis=0) == pytest.approx(np.full(6, 0.8), abs=0.05)
