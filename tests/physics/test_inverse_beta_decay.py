"""Inverse beta decay against published values, kinematics and brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate

from scanner.errors import InputError
from scanner.physics import inverse_beta_decay as ibd
from scanner.units import G_FERMI, HBARC_GEV_FM

MEV = 1e-3
RADIATIVE = ibd.ALPHA_EM / math.pi

# Strumia and Vissani, table 1: E_ν [MeV], σ [1e-41 cm²] (from memory). Energies are printed to three digits, so that
# σ, which goes as (E - Δ)², is known to 1.5 % from 3 MeV on.
TABLE = [
    (3.12, 0.0304),
    (5.40, 0.155),
    (8.83, 0.511),
    (12.3, 1.05),
    (21.2, 3.24),
    (32.8, 7.44),
    (43.2, 12.1),
    (59.9, 21.0),
    (92.9, 40.7),
]


@pytest.mark.parametrize(("energy", "value"), TABLE)
def test_published_table(energy: float, value: float) -> None:
    assert float(ibd.cross_section(energy * MEV)) * 1e41 == pytest.approx(value, rel=0.015)


def test_published_approximation() -> None:
    """Eq. (25), which the paper gives to a few per mille below 300 MeV."""
    for energy in (2.5, 4.0, 8.0, 15.0, 30.0, 50.0, 100.0, 200.0):
        out = energy - 1.293
        momentum, log = math.sqrt(out**2 - 0.511**2), math.log(energy)
        approximate = 1e-43 * momentum * out * energy ** (-0.07056 + 0.02018 * log - 0.001953 * log**3)
        assert float(ibd.cross_section(energy * MEV)) == pytest.approx(approximate, rel=7e-3)


def test_naive_limit() -> None:
    """Near threshold σ → G_F² cos² (1 + 3 g²) p_e E_e / π with radiative corrections, for a fixed nucleon."""
    energy = 1.9 * MEV
    out = energy - (ibd.NEUTRON - ibd.PROTON)
    momentum = math.sqrt(out**2 - ibd.POSITRON**2)
    naive = (G_FERMI * 0.9746) ** 2 * (1 + 3 * 1.27**2) * momentum * out / math.pi * (HBARC_GEV_FM * 1e-13) ** 2
    radiative = 6 + 1.5 * math.log(ibd.PROTON / (2 * out)) + 1.2 * (ibd.POSITRON / out) ** 1.5
    # Recoil moves the energy of the positron by some E²/m_p = 4 keV, of 96 keV above its mass.
    assert float(ibd.cross_section(energy)) == pytest.approx(naive * (1 + RADIATIVE * radiative), rel=0.03)


def test_total_is_the_integral_of_the_differential() -> None:
    for energy in (1.9, 5.0, 50.0, 400.0):
        low, high = ibd.positron_range(energy * MEV)
        total = integrate.quad(lambda x, e=energy: float(ibd.differential_cross_section(e * MEV, x)), low, high)[0]
        assert float(ibd.cross_section(energy * MEV)) == pytest.approx(total, rel=1e-8)


def test_threshold() -> None:
    assert pytest.approx(1.806 * MEV, abs=0.5e-6) == ibd.THRESHOLD
    below, above = ibd.cross_section([ibd.THRESHOLD * (1 - 1e-9), ibd.THRESHOLD * (1 + 1e-6)])
    assert below == 0 < above
    assert math.isnan(ibd.positron_energy(1.0 * MEV, 0.0))


def test_nothing_is_made_below_threshold() -> None:
    """Also far below, where s is less than (m_n - m_e)² as well and the product of both gaps is positive again."""
    for energy in (0.0, 0.1, 0.5, 0.79, 0.81, 1.0, 1.8):
        assert ibd.positron_range(energy * MEV) == (0.0, 0.0)
        assert float(ibd.cross_section(energy * MEV)) == 0
        inside = np.linspace(-2e-3, 2e-3, 41)
        assert not ibd.differential_cross_section(energy * MEV, inside).any()
    low, high = ibd.positron_range(ibd.THRESHOLD + 1e-9)
    assert 0 < low < high


def test_positron_energies_conserve_energy_and_momentum() -> None:
    for energy in (2.0, 30.0, 300.0):
        for cosine in (-1.0, -0.2, 0.6, 1.0):
            nu = energy * MEV
            out = ibd.positron_energy(nu, cosine)
            momentum = math.sqrt(out**2 - ibd.POSITRON**2)
            neutron_sq = nu**2 + momentum**2 - 2 * nu * momentum * cosine
            after = out + math.sqrt(ibd.NEUTRON**2 + neutron_sq)
            assert after == pytest.approx(nu + ibd.PROTON, rel=1e-12)
        low, high = ibd.positron_range(nu)
        assert ibd.positron_energy(nu, -1.0) == pytest.approx(low, rel=1e-10)
        assert ibd.positron_energy(nu, 1.0) == pytest.approx(high, rel=1e-10)


def test_positrons_go_backwards_at_low_and_forwards_at_high_energies() -> None:
    """The mean of E_e beside the middle of its range tells ⟨cos θ⟩: about -0.034 at 3 MeV, 0 near 15 MeV."""
    for energy, sign in ((3.0, -1), (60.0, 1)):
        low, high = ibd.positron_range(energy * MEV)
        x = np.linspace(low, high, 2001)
        weight = ibd.differential_cross_section(energy * MEV, x)
        mean = (weight * x).sum() / weight.sum()
        assert math.copysign(1, mean - 0.5 * (low + high)) == sign


@pytest.mark.parametrize("energy", [-1e-3, 2.0, math.nan])
def test_energies_that_are_refused(energy: float) -> None:
    with pytest.raises(InputError, match="0 to 1 GeV"):
        ibd.cross_section(energy)
