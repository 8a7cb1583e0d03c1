"""A horn and a pipe, against what is conserved in a horn, straight lines, and integrals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate

from scanner.physics.bundle import Bundle, at_angle, bundle_angles
from scanner.physics.horn import STEP, TURN, Beamline, conductor, decays_seen, focused, through_horn
from scanner.physics.phase_space import gauss_legendre

RADII = np.full(200, 0.02)
END = STEP * (RADII.size - 1)
FIELD = TURN * 174e3


@pytest.mark.parametrize("angle", [0.02, 0.1, 0.3])
def test_without_current_tracks_are_straight(angle):
    end, radius = through_horn(2.0, angle, 0.3, 0.0, RADII, 0.3)
    assert end == pytest.approx(angle, rel=1e-12, abs=0)
    assert radius == pytest.approx((END - 0.3) * math.tan(angle), abs=STEP * math.tan(angle))


def test_inside_the_inner_conductor_nothing_happens():
    assert through_horn(2.0, 0.008, 0.0, FIELD, RADII, 0.3)[0] == pytest.approx(0.008, rel=1e-12, abs=0)


@pytest.mark.parametrize(("momentum", "angle"), [(1.5, 0.12), (3.0, 0.10), (5.0, 0.10)])
def test_canonical_momentum_is_conserved(momentum, angle):
    """p cos θ - 0.3 B r ln r is the same where the meson enters the field, r = 2 cm, and at the end."""
    end, radius = through_horn(momentum, angle, 0.0, FIELD, RADII, 0.5)
    assert 0.02 < radius < 0.5
    assert momentum * (math.cos(end) - math.cos(angle)) == pytest.approx(FIELD * math.log(radius / 0.02), rel=0.08)
    assert end < angle


def test_mesons_of_the_other_sign_are_thrown_out():
    kept, bent, lost = (through_horn(0.3, 0.2, 0.0, sign * FIELD, RADII, 3.0)[0] for sign in (1, -1, -20))
    assert kept < 0.2 < bent < lost == 0.5 * math.pi


@pytest.mark.parametrize(("angle", "radius"), [(0.0, 0.0), (0.01, 0.1), (0.2, 0.3)])
def test_decays_along_the_pipe(angle, radius):
    way = min(50.0, (0.91 - radius) / math.tan(angle)) if angle else 50.0
    expected = integrate.quad(lambda z: math.exp(-z / 15) / 15 / (468 - z) ** 2, 0, way)[0]
    found = decays_seen(angle, radius, 15.0, 50.0, 0.91, 468.0, *gauss_legendre(12))
    assert found == pytest.approx(expected, rel=1e-6, abs=0)
    assert decays_seen(0.1, 0.92, 15.0, 50.0, 0.91, 468.0, *gauss_legendre(12)) == 0


def test_a_bundle_holds_every_meson_that_decays():
    """No field, no absorption, a wide pipe: the number over all angles is made · decays · 1/D²."""
    line = Beamline(0.0, conductor(np.array([0.0, 1.9]), np.array([0.02, 0.02])), 0.3, 0.7, 0.005, 0.43, 50.0, 1e3)
    angles = 0.5 * math.pi * (np.arange(400) + 0.5) / 400
    made = np.where(angles < 0.5, np.sin(angles), 0.0)[None, :]
    bundle = focused(line, np.array([2.0]), made, 0.494, 3.71, 1e9, 470.0, 0.0, 0.7, 129)
    t = np.linspace(0, 0.7, 20001)
    found = 2 * math.pi * np.trapezoid([at_angle(bundle.number, 0, 0.7, x) * math.sin(x) for x in t], t)
    reach = 2.0 / 0.494 * 3.71
    seen = integrate.quad(lambda z: math.exp(-z / reach) / reach / (468.1 - z) ** 2, 0, 50)[0]
    interacting = 1 - math.exp(-0.7 / 0.43)
    assert found == pytest.approx(interacting * made.sum() * seen, rel=2e-3)


def test_a_target_absorbs_those_that_stay_in_it():
    """Along a target of 0.7 m, from its front to its end, at an angle that does not leave it."""
    line = Beamline(0.0, conductor(np.array([0.0, 1.9]), np.array([0.02, 0.02])), 0.3, 0.7, 5.0, 0.43, 50.0, 1e3)
    made = np.zeros((1, 200))
    made[0, 2] = 1.0
    free, absorbed = (
        focused(line, np.array([2.0]), made, 0.494, 3.71, length, 470.0, 0.0, 0.7, 65).number.sum()
        for length in (1e9, 0.5)
    )
    whole = integrate.quad(lambda z: math.exp(-z / 0.43) / 0.43, 0, 0.7)[0]
    through = integrate.quad(lambda z: math.exp(-z / 0.43) / 0.43 * math.exp(-(0.7 - z) / 0.5), 0, 0.7)[0]
    assert absorbed / free == pytest.approx(through / whole, rel=1e-3)


def test_a_face_averages_over_what_it_fills():
    """As many mesons, alike within the opening and untouched outside."""
    line = Beamline(174e3, RADII, 0.3, 0.7, 0.005, 0.43, 50.0, 0.9)
    made = np.sin(0.5 * math.pi * (np.arange(200) + 0.5) / 200)[None, :]
    fixed = line, np.array([2.0]), made, 0.494, 3.71, 0.6, 470.0
    sharp, blurred = (focused(*fixed, opening, 0.7, 65).number[0] for opening in (0.0, 0.02))
    middle = bundle_angles(0.7, 65) <= 0.02
    assert np.ptp(blurred[middle]) < 1e-12 * blurred[0] and np.ptp(sharp[middle]) > 0.1 * blurred[0]
    assert np.array_equal(sharp[~middle], blurred[~middle])
    t = np.linspace(0, 0.7, 40001)
    bundles = (Bundle(0.494, np.array([2.0]), 0.7, row[None, :]) for row in (sharp, blurred))
    first, second = (np.trapezoid([at_angle(b.number, 0, 0.7, x) * math.sin(x) for x in t], t) for b in bundles)
    assert second == pytest.approx(first, rel=1e-3)
