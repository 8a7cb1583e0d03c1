"""Tables of decays in flight by bin against sums over momenta and places as they stand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate

from scanner.physics.flight_spectra import AT_ONCE, add_shares, entry_size, fill_spectra, spectrum_at
from scanner.units import HBARC_GEV_M as HBARC

MASS, RADIUS, DISTANCE = 0.25, 5.0, 541.0
PLACES, WEIGHTS = np.polynomial.legendre.leggauss(8)
PLACES, VOLUMES = DISTANCE + RADIUS * PLACES, math.pi * RADIUS**3 * WEIGHTS * (1 - PLACES**2)
MOMENTUM = np.geomspace(0.05, 6.0, 40)
RNG = np.random.default_rng(3)
SEEN = RNG.uniform(0, 1, (40, 2, 5)) * np.exp(-MOMENTUM)[:, None, None]
SEEN[:20, :, 4] = 0.0  # a bin that only fast N reach


def table(second: np.ndarray, seen: np.ndarray = SEEN) -> np.ndarray:
    out = np.empty((2, entry_size(5)))
    fill_spectra(MASS, MOMENTUM, second, seen, PLACES, VOLUMES, out)
    return out[None]


def events(tables: np.ndarray, source: int, width: float) -> np.ndarray:
    """Γ H_b(Γ)."""
    signal = np.zeros((1, 5))
    found, i, f = spectrum_at(tables, 0, source, 5, math.log(width))
    add_shares(tables, 0, source, i, f, width * found, 0, signal)
    return signal[0]


def sphere(rate: float) -> float:
    """∫ dz A(z) κ e^{-κz} over a sphere, in closed form."""
    x = rate * RADIUS
    if rate * DISTANCE > 600:
        return 0.0
    inside = x**3 / 3 * (1 + x * x / 10) if x < 1e-2 else x * math.cosh(x) - math.sinh(x)
    return 4 * math.pi * math.exp(-rate * DISTANCE) * inside / rate**2


WIDTHS = 10.0 ** np.arange(-26, -13.5, 0.37)


@pytest.mark.parametrize("source", [0, 1])
def test_decays_in_a_sphere_at_any_lifetime(source: int) -> None:
    """12 decades: to 5e-4 of every bin wherever 1e-12 of the largest signal is left."""
    tables = table(np.full(40, AT_ONCE))
    exact = [[sphere(w * MASS / (p * HBARC)) for p in MOMENTUM] @ SEEN[:, source] for w in WIDTHS]
    found = np.array([events(tables, source, w) for w in WIDTHS])
    visible = np.array(exact) > 1e-12 * np.max(exact)
    assert visible.sum() > 100
    error = np.abs(found - exact) / np.maximum(np.sum(exact, axis=1), 1e-300)[:, None]
    assert error[visible].max() < 5e-4
    # The last bin empties and fills as a share of all.
    assert found[-8, 4] / found[-8].sum() > 1.5 * found[0, 4] / found[0].sum()


def test_long_lived_is_linear_and_short_lived_is_gone() -> None:
    tables = table(np.full(40, AT_ONCE))
    few = events(tables, 0, 1e-30)
    volume = 4 / 3 * math.pi * RADIUS**3
    np.testing.assert_allclose(
        few, 1e-30 * MASS * volume / HBARC * (SEEN[:, 0] / MOMENTUM[:, None]).sum(axis=0), rtol=2e-4
    )
    np.testing.assert_allclose(events(tables, 0, 1e-33), 1e-3 * few, rtol=1e-12)
    assert (events(tables, 0, 1e-10) == 0).all()


@pytest.mark.parametrize("length", [0.01, 30.0, 1e5])
def test_second_decays(length: float) -> None:
    """What N decays into flies `length` on average; both flights integrated by scipy."""
    row, only = 25, np.zeros_like(SEEN)
    only[row] = SEEN[row]
    tables = table(np.full(40, 1 / length), only)
    for ratio in (1e-4, 0.1, 1.0, 8.0):
        rate = ratio / DISTANCE
        width = rate * MOMENTUM[row] * HBARC / MASS

        def density(z: float, rate: float = rate) -> float:
            # The first decay at z - x, the second x later.
            reach = min(z, 60 * length)
            value = integrate.quad(lambda x: math.exp(-rate * (z - x) - x / length), 0, reach, epsrel=1e-10)[0]
            return rate / length * value * math.pi * (RADIUS**2 - (z - DISTANCE) ** 2)

        expected = integrate.quad(density, DISTANCE - RADIUS, DISTANCE + RADIUS, epsrel=1e-8)[0] * SEEN[row, 1]
        np.testing.assert_allclose(events(tables, 1, width), expected, rtol=5e-4)


def test_prompt_decays_into_what_flies_go_on() -> None:
    """However short N lives, its long-lived product decays as if it was made in the target."""
    length = 300.0
    tables = table(np.full(40, 1 / length))
    expected = sphere(1 / length) * SEEN[:, 0].sum(axis=0)
    for width in (1e-9, 1e-3):
        np.testing.assert_allclose(events(tables, 0, width), expected, rtol=2e-3)


def test_nothing_is_nothing() -> None:
    tables = table(np.full(40, AT_ONCE), np.zeros_like(SEEN))
    for width in (1e-25, 1e-18, 1e-8):
        assert (events(tables, 0, width) == 0).all()
