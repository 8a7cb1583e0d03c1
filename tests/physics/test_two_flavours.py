"""The two-flavour probability against 50 digits, the closed form and the resonance."""

from __future__ import annotations

import math

import mpmath as mp
import numpy as np
import pytest
from oscillation_oracle import EPS, EXACT, MU, E

from scanner import units
from scanner.physics.oscillation import probability_two_flavour


def two_flavour(sin2_2theta, dm2, energy, length, density=0.0, Ye=0.5, antineutrino=False) -> float:
    out = np.full(1, np.nan)
    probability_two_flavour(sin2_2theta, dm2, np.array([energy]), np.array([length]), density, Ye, antineutrino, out)
    return out[0]


@pytest.mark.parametrize("antineutrino", [False, True])
def test_two_flavours_match_50_digits(antineutrino: bool) -> None:
    rng = np.random.default_rng(4)
    for _ in range(100):
        sin2_2theta, Ye, density = rng.uniform(0, 1), rng.uniform(0.4, 0.6), rng.uniform(0, 12)
        dm2 = rng.choice([-1, 1]) * 10 ** rng.uniform(-5, 1)
        energy, length = 10 ** rng.uniform(-1, 2), 10 ** rng.uniform(-1, 3.1)
        with mp.workdps(50):
            cos_2theta = mp.sqrt(1 - mp.mpf(sin2_2theta))
            sin_2theta = mp.sqrt(mp.mpf(sin2_2theta))
            mass = mp.mpf(dm2) / (4 * mp.mpf(energy) * mp.mpf("1e9"))
            charged = (-1 if antineutrino else 1) * EXACT.potential * mp.mpf(Ye) * mp.mpf(density)
            hamiltonian = mass * mp.matrix([[-cos_2theta, sin_2theta], [sin_2theta, cos_2theta]]) + mp.diag(
                [charged, 0]
            )
            exponent = hamiltonian * mp.mpf(length) / EXACT.hbarc
            expected = float(abs(mp.expm(-1j * exponent)[E, MU]) ** 2)
            largest = float(max(abs(x) for x in exponent))
        result = two_flavour(sin2_2theta, dm2, energy, length, density, Ye, antineutrino)
        assert result == pytest.approx(expected, rel=0, abs=1e-15 + 8 * EPS * largest)


@pytest.mark.parametrize("dm2", [1e-6, 0.04, 1.3, 100.0, -2.0])
def test_two_flavours_in_vacuum_are_the_closed_form(dm2: float) -> None:
    for sin2_2theta, energy, length in [(1.0, 0.7, 0.541), (0.003, 0.04, 0.03), (0.5, 3.0, 735.0)]:
        sine = math.sin(units.OSCILLATION_PHASE * dm2 * length / energy)
        result = two_flavour(sin2_2theta, dm2, energy, length)
        assert result == pytest.approx(sin2_2theta * sine**2, rel=2 * EPS, abs=0)


def test_two_flavours_reach_one_at_the_resonance() -> None:
    sin2_2theta, dm2, density = 0.01, 2.5e-3, 5.0
    potential = units.MATTER_POTENTIAL * 0.5 * density
    energy = dm2 * math.sqrt(1 - sin2_2theta) / (2 * potential) / 1e9
    length = math.pi / 2 * energy / (units.OSCILLATION_PHASE * dm2 * math.sqrt(sin2_2theta))
    assert two_flavour(sin2_2theta, dm2, energy, length, density) == pytest.approx(1, abs=1e-12)
    assert two_flavour(sin2_2theta, dm2, energy, length, density, antineutrino=True) < sin2_2theta
    assert two_flavour(sin2_2theta, -dm2, energy, length, density, antineutrino=True) > 0.99


@pytest.mark.parametrize("density", [0.0, 3.0])
def test_two_flavours_without_splitting_or_mixing(density: float) -> None:
    assert two_flavour(0.5, 0.0, 1.0, 1000.0, density) == 0
    assert two_flavour(0.0, 1.0, 1.0, 1000.0, density) == 0
