"""Two-body decays of a beam: against direct sampling, scipy's quadrature, and limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate

from scanner.physics.beam import (
    NODES,
    Parents,
    heavy_momenta,
    heavy_spectrum,
    light_energy,
    light_intensity,
    parents_of_light,
    rescaled_spectrum,
    two_body_spectrum,
)
from scanner.physics.heavy_neutrino_production import production_ratios, two_body_momentum
from scanner.physics.particles import MASS

K, MU, E = MASS["K"], MASS["mu"], MASS["e"]
OFF_AXIS = math.cos(0.0356)
ENERGY = np.linspace(0.24, 6.0, 200)
"""[GeV]; kaons give 0.236 to 6.6 GeV at this angle."""
FLUX = ENERGY**2 * np.exp(-ENERGY / 1.1)


def _in_cone(momentum: float, mass: float, low: float, high: float) -> float:
    """Share of the decays that go into a ring of lab angles, from the intensity; ends at the largest angle."""
    rest = two_body_momentum(K, MU, mass)
    largest = min(rest * K / (mass * momentum), 1.0) if mass > 0 else 1.0

    def at(phi: float) -> float:
        # sin θ = largest · sin φ takes the square root out that dN/dΩ diverges with at the largest angle.
        sine = largest * math.sin(phi)
        cosine = math.sqrt(1 - sine**2)
        if mass == 0:
            intensity = light_intensity(momentum, K, rest, cosine)
        else:
            _, above, _, below = heavy_momenta(momentum, K, mass, rest, cosine)
            intensity = above + below
        return 2 * math.pi * sine / cosine * largest * math.cos(phi) * intensity

    ends = [math.asin(min(math.sin(angle) / largest, 1.0)) for angle in (low, high)]
    return integrate.quad(at, *ends, epsabs=0, epsrel=1e-10)[0]


@pytest.mark.parametrize(("momentum", "mass"), [(5.0, 0.35), (1.0, 0.38), (0.3, 0.3), (40.0, 0.2), (2.0, 0.387)])
def test_fast_parents_send_everything_forward(momentum: float, mass: float) -> None:
    """Both roots together are all decays."""
    assert momentum / K > two_body_momentum(K, MU, mass) / mass  # the parent is the faster of the two
    assert _in_cone(momentum, mass, 0.0, math.pi / 2) == pytest.approx(1, rel=1e-9)


@pytest.mark.parametrize("momentum", [0.0, 0.05, 0.2])
def test_slow_parents_send_some_backward(momentum: float) -> None:
    rest = two_body_momentum(K, MU, 0.1)

    def at(cosine: float) -> float:
        _, above, _, below = heavy_momenta(momentum, K, 0.1, rest, cosine)
        assert below == 0
        return 2 * math.pi * above

    assert integrate.quad(at, -1, 1, epsrel=1e-11)[0] == pytest.approx(1, rel=1e-9)


@pytest.mark.parametrize("momentum", [0.0, 0.5, 20.0])
def test_light_intensity_integrates_to_one(momentum: float) -> None:
    # Over x with 1 - cos θ = x² towards the peak at cos θ = 1.
    total = integrate.quad(
        lambda x: 2 * math.pi * 2 * x * light_intensity(momentum, K, 0.2355, 1 - x**2),
        0,
        math.sqrt(2),
        points=[0.03, 0.3],
        epsrel=1e-11,
    )[0]
    assert total == pytest.approx(1, rel=1e-8)


def test_published_monte_carlo() -> None:
    """Kaons of 2 GeV, m = 350 MeV, 40 to 48 mrad: 0.1473 of the decays, 0.01054 for light neutrinos."""
    momentum = math.sqrt(4 - K**2)
    assert _in_cone(momentum, 0.35, 0.040, 0.048) == pytest.approx(0.1473, rel=2e-3)
    assert _in_cone(momentum, 0.0, 0.040, 0.048) == pytest.approx(0.01054, rel=2e-3)


def test_against_decays_one_by_one() -> None:
    """Evenly spaced directions at rest, boosted: shares of a ring and of its faster half."""
    momentum, mass = 2.0, 0.35
    rest = two_body_momentum(K, MU, mass)
    cosine = np.linspace(-1, 1, 2_000_001)
    gamma, push = math.hypot(momentum, K) / K, momentum / K
    along = gamma * rest * cosine + push * math.hypot(rest, mass)
    across = rest * np.sqrt(1 - cosine**2)
    angle, lab = np.arctan2(across, along), np.hypot(along, across)
    ring = (angle > 0.040) & (angle < 0.048)
    assert _in_cone(momentum, mass, 0.040, 0.048) == pytest.approx(ring.mean(), rel=1e-4)
    middle = (angle > 0.0439) & (angle < 0.0441)
    upper, above, lower, below = heavy_momenta(momentum, K, mass, rest, math.cos(0.044))
    split = 0.5 * (upper + lower)
    assert lab[middle & (lab > split)].mean() == pytest.approx(upper, rel=1e-3)
    assert lab[middle & (lab < split)].mean() == pytest.approx(lower, rel=1e-3)
    assert (lab[middle] > split).mean() == pytest.approx(above / (above + below), rel=1e-3)


def test_nothing_beyond_the_largest_angle() -> None:
    rest = two_body_momentum(K, MU, 0.35)
    largest = math.asin(rest * K / (0.35 * 3.0))
    assert heavy_momenta(3.0, K, 0.35, rest, math.cos(1.0001 * largest)) == (0.0, 0.0, 0.0, 0.0)
    assert heavy_momenta(3.0, K, 0.35, rest, math.cos(0.9999 * largest))[1] > 0


@pytest.mark.parametrize("momentum", [0.1, 3.0, 12.0])
def test_a_light_heavy_neutrino_is_light(momentum: float) -> None:
    rest = two_body_momentum(K, MU, 0.0)
    upper, above, _, below = heavy_momenta(momentum, K, 1e-7, two_body_momentum(K, MU, 1e-7), OFF_AXIS)
    assert upper == pytest.approx(light_energy(momentum, K, rest, OFF_AXIS), rel=1e-9)
    assert above == pytest.approx(light_intensity(momentum, K, rest, OFF_AXIS), rel=1e-9)
    assert below == 0


def test_unfolded_parents_make_the_flux() -> None:
    """At every node: decays · dN/dΩ · dP/dE, the derivative taken numerically."""
    parents = parents_of_light(ENERGY, FLUX, K, MU, OFF_AXIS, 0.6356)
    rest = two_body_momentum(K, MU, 0.0)
    assert parents.momentum.size == ENERGY.size
    for p, density, energy, flux in list(zip(parents.momentum, parents.density, ENERGY, FLUX, strict=True))[::10]:
        assert light_energy(p, K, rest, OFF_AXIS) == pytest.approx(energy, rel=1e-12, abs=0)
        step = 1e-5 * p
        slope = light_energy(p + step, K, rest, OFF_AXIS) - light_energy(p - step, K, rest, OFF_AXIS)
        made = density * 0.6356 * light_intensity(p, K, rest, OFF_AXIS) * 2 * step / slope
        assert made == pytest.approx(flux, rel=1e-6)


def test_light_neutrinos_folded_again() -> None:
    """Unfolded and folded: number, mean energy and mean inverse energy of the flux come back."""
    parents = parents_of_light(ENERGY, FLUX, K, MU, OFF_AXIS, 0.6356)
    momentum, weight = heavy_spectrum(parents, 1e-6, MU)
    for power in (-1, 0, 1):
        expected = np.trapezoid(FLUX * ENERGY**power, ENERGY)
        assert 0.6356 * (weight * momentum**power).sum() == pytest.approx(expected, rel=1e-3)


def test_energies_out_of_reach_are_left_out() -> None:
    """A kaon at rest gives E*, and none more than E*/sin θ, which those of γβ = cot θ give."""
    energy = np.linspace(0.05, 12, 100)
    parents = parents_of_light(energy, np.ones(100), K, MU, OFF_AXIS, 1.0)
    rest, sine = two_body_momentum(K, MU, 0.0), math.sin(math.acos(OFF_AXIS))
    assert parents.momentum.size == np.count_nonzero((energy >= rest) & (energy <= rest / sine))
    assert 0 < parents.momentum[0] < parents.momentum[-1] < K * OFF_AXIS / sine


@pytest.mark.parametrize(("mass", "lepton"), [(0.05, MU), (0.2, MU), (0.35, MU), (0.45, E)])
def test_spectrum_is_the_integral_over_parents(mass: float, lepton: float) -> None:
    """Number, and the sum over 1/p that decays take, by scipy over the kaons' momentum."""
    grid = np.linspace(0.3, 9, 400)
    parents = Parents(K, grid, grid**1.5 * np.exp(-grid / 1.5), OFF_AXIS)
    rest = two_body_momentum(K, lepton, mass)
    fastest = min(rest * K / (mass * math.sin(math.acos(OFF_AXIS))), 9.0)

    def at(u: float, power: int) -> float:
        made = fastest - (fastest - 0.3) * u**2  # flat at the fastest
        upper, above, lower, below = heavy_momenta(made, K, mass, rest, OFF_AXIS)
        slower = below * lower**power if below > 0 else 0.0
        return 2 * (fastest - 0.3) * u * made**1.5 * math.exp(-made / 1.5) * (above * upper**power + slower)

    momentum, weight = heavy_spectrum(parents, mass, lepton)
    for power in (0, -1):
        expected = integrate.quad(at, 0, 1, args=(power,), epsrel=1e-8, limit=200)[0]
        assert (weight * momentum**power).sum() == pytest.approx(expected, rel=5e-4)


def test_closed_decays_make_nothing() -> None:
    parents = parents_of_light(ENERGY, FLUX, K, MU, OFF_AXIS, 0.6356)
    assert not heavy_spectrum(parents, K - MU + 1e-6, MU)[1].any()
    momentum, weight = two_body_spectrum({"K": parents}, 0.42)
    assert weight[0].any() and not weight[1].any()
    assert momentum.shape == (4 * NODES,) and weight.shape == (2, 4 * NODES)


def test_all_parents_together() -> None:
    """|U_e|² and |U_μ|² make N from both parents, each with its branching ratio."""
    kaons = parents_of_light(ENERGY, FLUX, K, MU, OFF_AXIS, 0.6356)
    pions = parents_of_light(ENERGY[:10], FLUX[:10], MASS["pi"], MU, OFF_AXIS, 1.0)
    _, weight = two_body_spectrum({"pi": pions, "K": kaons}, 0.03)
    ratios = production_ratios(0.03)
    for row, lepton in enumerate(("e", "mu")):
        expected = sum(
            ratios[f"{name}->{lepton} N"][row] * heavy_spectrum(beam, 0.03, MASS[lepton])[1].sum()
            for name, beam in (("pi", pions), ("K", kaons))
        )
        assert weight[row].sum() == pytest.approx(expected, rel=1e-14, abs=0)


@pytest.mark.parametrize("mass", [0.05, 0.25, 1.0])
def test_rescaled_flux_keeps_the_energy(mass: float) -> None:
    momentum, weight = rescaled_spectrum(ENERGY, FLUX, mass, 0.5)
    low = max(mass, ENERGY[0])
    for power in (0, -1):
        expected = integrate.quad(
            lambda y, power=power: 2 * (mass * math.sinh(y)) ** (power + 1) * _flux(mass * math.cosh(y)),
            math.acosh(low / mass),
            math.acosh(6.0 / mass),
        )[0]
        assert (weight * momentum**power).sum() == pytest.approx(expected, rel=1e-3)
    assert not rescaled_spectrum(ENERGY, FLUX, 7.0, 0.5)[1].any()


def _flux(energy: float) -> float:
    return energy**2 * math.exp(-energy / 1.1)
