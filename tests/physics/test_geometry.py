"""Decays of N in detectors: against closed forms, against thrown decays, and limits."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import integrate

from scanner.errors import InputError
from scanner.physics.geometry import (
    DecayProbability,
    angle_nodes,
    average,
    decay_probability,
    length_nodes,
    seen_probability,
)
from scanner.physics.shapes import Box, Cylinder, Shape, Sphere

TANK, FIDUCIAL = Sphere((0, 0, 0), 6.1), Sphere((0, 0, 0), 5.0)
DIRT = Cylinder((0, 0, -13.2 - 237), "z", 10.3, 237.0)
"""Of MiniBooNE [m]: see shared/physics/upscattering.md, section 8."""
ARGON, MARGIN = Box((0, 0, 0), (1.28, 1.165, 5.18)), Box((0, 0, 0), (1.18, 1.0, 4.9))
LEAD, TPC = Box((0.1, 0, -1.0), (1.0, 0.9, 0.002)), Box((0, 0, 0.5), (1.0, 1.0, 0.5))
ICE = Cylinder((0, 0, 0), "y", 500.0, 450.0)
ON_SIDE = Cylinder((3.0, 0.5, -1.0), "x", 1.5, 2.0)

LENGTHS = length_nodes(1.0, 500.0)


def _inside(shape: Shape, points: np.ndarray) -> np.ndarray:
    """Whether points, shape (n, 3), are in a shape."""
    apart = np.abs(points - np.array(shape.centre))
    if isinstance(shape, Box):
        return np.all(apart < np.array(shape.half), axis=1)
    if isinstance(shape, Sphere):
        return (apart**2).sum(1) < shape.radius**2
    along = "xyz".index(shape.axis)
    round_ = (np.delete(apart, along, axis=1) ** 2).sum(1) < shape.radius**2
    return round_ & (apart[:, along] < shape.half)


def _size(shape: Shape) -> np.ndarray:
    """Half the edges of a box around a shape."""
    if isinstance(shape, Box):
        return np.array(shape.half)
    if isinstance(shape, Sphere):
        return np.full(3, shape.radius)
    return np.where(np.arange(3) == "xyz".index(shape.axis), shape.half, shape.radius)


def _thrown(made: Shape, seen: Shape, sine: float, length: float, flight: float, n: int = 400_000) -> tuple:
    """Throw N and their decays; probability and its error."""
    rng = np.random.default_rng(5)
    points = np.array(made.centre) + _size(made) * rng.uniform(-1, 1, (n, 3))
    points = points[_inside(made, points)]
    theta, phi = 2 * math.asin(sine), rng.uniform(0, 2 * math.pi, len(points))
    k = np.stack([math.sin(theta) * np.cos(phi), math.sin(theta) * np.sin(phi), np.full(phi.size, math.cos(theta))], 1)
    farthest = math.dist(made.centre, seen.centre) + np.linalg.norm(_size(made)) + np.linalg.norm(_size(seen))
    if length < farthest:
        t = rng.exponential(length, phi.size)
        weight = np.ones(phi.size)
    else:
        t = rng.uniform(0, farthest, phi.size)
        weight = farthest / length * np.exp(-t / length)
    hits = weight * (_inside(seen, points + t[:, None] * k) & (t > flight))
    return hits.mean(), hits.std() / math.sqrt(phi.size)


SETTINGS = {
    "tank": (TANK, FIDUCIAL, 0.0),
    "dirt": (DIRT, FIDUCIAL, 0.0),
    "argon": (ARGON, MARGIN, 0.0),
    "lead": (LEAD, TPC, 0.0),
    "double bang in argon": (ARGON, ARGON, 0.3),
    "double bang in ice": (ICE, ICE, 20.0),
    "into a cylinder": (TPC, ON_SIDE, 0.0),
    "from a cylinder": (ON_SIDE, TPC, 1.0),
    "far beyond the flight": (LEAD, TPC, 2.0),
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_thrown_decays(setting: str) -> None:
    made, seen, flight = SETTINGS[setting]
    sines = np.array([0.0, 0.01, 0.3, 0.72, 1.0])
    decay = decay_probability(made, seen, sines, LENGTHS, minimal_flight=flight)
    for row, n in itertools.product(range(decay.sines.size), (30, 50, 70, 90, 120)):
        value, error = _thrown(made, seen, decay.sines[row], math.exp(LENGTHS[n]), flight)
        # The quadrature is good to 3e-3 of the largest probability at this λ.
        tolerance = 4 * error + 3e-3 * decay.probability[:, n].max() + 1e-5
        assert decay.probability[row, n] == pytest.approx(value, abs=tolerance), (row, n)


@pytest.mark.parametrize("radius", [0.3, 5.0])
def test_own_sphere_is_a_closed_form(radius: float) -> None:
    """Averaged over a sphere, of chords 2Rμ of weight 3μ²: with a = 2R/λ, 1 - 3/(2a) + 3/a³ - (3/a² + 3/a³) e^{-a}."""
    sphere = Sphere((1.0, -2.0, 3.0), radius)
    decay = decay_probability(sphere, sphere, angle_nodes(), LENGTHS)
    assert decay.sines.size == 1

    def expected(length: float) -> float:
        # On a chord of length c the average over where N is made is 1 - (1 - e^{-c/λ})/(c/λ).
        def on_chord(mu: float) -> float:
            x = 2 * radius * mu / length
            return 3 * mu**2 * (1 + math.expm1(-x) / x)

        return integrate.quad(on_chord, 0, 1, epsrel=1e-11)[0]

    for n in range(0, LENGTHS.size, 10):
        length = math.exp(LENGTHS[n])
        assert decay.probability[0, n] == pytest.approx(expected(length), rel=5e-4)
    assert decay.probability[0, -1] * math.exp(LENGTHS[-1]) == pytest.approx(0.75 * radius, rel=1e-4)


def test_from_the_centre_of_a_sphere() -> None:
    length = np.exp(LENGTHS)
    decay = decay_probability(Sphere((0, 0, 0), 1e-4), FIDUCIAL, angle_nodes(), LENGTHS, minimal_flight=2.0)
    expected = np.exp(-2.0 / length) - np.exp(-5.0 / length)
    assert decay.probability[0] == pytest.approx(expected, rel=1e-3, abs=5e-5)


def test_slab_seen_from_a_layer() -> None:
    """Layers so wide that no N leaves at their sides: e^{-d/λ cos θ} - e^{-(d + l)/λ cos θ}."""
    wide = 1e4
    layer, slab = Box((0, 0, 0), (100.0, 100.0, 1e-3)), Box((0, 0, 1.0), (wide, wide, 0.25))
    sines = np.array([0.0, 0.2, 0.5, 0.9])
    decay = decay_probability(layer, slab, sines, LENGTHS)
    length = np.exp(LENGTHS)
    for row, sine in enumerate(sines):
        cosine = 1 - 2 * sine**2
        expected = np.exp(-0.75 / (length * cosine)) - np.exp(-1.25 / (length * cosine)) if cosine > 0 else 0 * length
        assert decay.probability[row] == pytest.approx(expected, rel=1e-3, abs=5e-5)


def test_cylinder_lengthwise() -> None:
    """Straight into the sphere from the part of the earth before it: a chord in the sphere, at any depth."""
    decay = decay_probability(DIRT, FIDUCIAL, [0.0, 0.3], LENGTHS)

    def expected(length: float) -> float:
        def ring(r: float) -> float:
            half = math.sqrt(25 - r * r)
            near, far = 13.2 - half, 13.2 + half
            deep = length / 474 * -math.expm1(-474 / length)
            return 2 * r / 10.3**2 * deep * (math.exp(-near / length) - math.exp(-far / length))

        return integrate.quad(ring, 0, 5, epsrel=1e-11)[0]

    for n in range(50, LENGTHS.size, 10):
        assert decay.probability[0, n] == pytest.approx(expected(math.exp(LENGTHS[n])), rel=1e-3, abs=1e-7)


@pytest.mark.parametrize(
    ("made", "seen", "share"),
    [
        (TANK, FIDUCIAL, (5 / 6.1) ** 3),
        (ARGON, MARGIN, MARGIN.volume / ARGON.volume),
        (LEAD, TPC, 0.0),
        (Box((0, 0, 0), (1, 1, 1)), Box((0.5, 0, 1), (1, 1, 1)), 0.75 * 0.5),
        (Cylinder((0, 0, 0), "y", 2, 3), Cylinder((0, 1, 0), "y", 2, 3), 5 / 6),
        (Cylinder((0, 0, 0), "x", 2, 3), Sphere((0, 0, 0), 1.5), 4.5 / 24),
    ],
)
def test_prompt_decays_are_where_they_are_made(made: Shape, seen: Shape, share: float) -> None:
    decay = decay_probability(made, seen, [0.0, 0.1, 0.6, 1.0], length_nodes(1e-4, 10.0))
    assert decay.probability[:, 0] == pytest.approx(share, rel=5e-3, abs=1e-9)
    nothing = decay_probability(made, seen, [0.0, 0.1, 0.6, 1.0], length_nodes(1e-4, 10.0), minimal_flight=0.2)
    assert nothing.probability[:, 0].max() < 1e-12


def test_there_and_back() -> None:
    """N from A to B at θ fly along the same lines as N from B to A at π - θ: V_A P_AB = V_B P_BA."""
    sines = np.sqrt(np.linspace(0, 1, 11))  # cos θ uniform: the reverse order is the opposite direction
    for one, other in ((LEAD, TPC), (TPC, ON_SIDE), (ARGON, ICE)):
        there = decay_probability(one, other, sines, LENGTHS).probability * one.volume
        back = decay_probability(other, one, sines, LENGTHS).probability[::-1] * other.volume
        assert there == pytest.approx(back, abs=5e-3 * there.max())


@pytest.mark.parametrize("setting", SETTINGS)
def test_bounds_and_monotony(setting: str) -> None:
    """Of long-lived N ever fewer decay; a larger minimal flight never helps, a larger detector never harms."""
    made, seen, flight = SETTINGS[setting]
    sines = angle_nodes(10)
    decay = decay_probability(made, seen, sines, LENGTHS, minimal_flight=flight).probability
    assert np.all((decay >= 0) & (decay <= 1 + 1e-12))
    assert np.all(np.diff(decay[:, -30:]) <= 0)
    stricter = decay_probability(made, seen, sines, LENGTHS, minimal_flight=flight + 0.5).probability
    assert np.all(stricter <= decay + 1e-12)
    if isinstance(seen, Sphere):
        assert np.all(decay_probability(made, TANK, sines, LENGTHS).probability >= decay - 1e-3 * decay.max())


ACCURACY = dict(zip(SETTINGS, [1e-6, 3e-4, 1e-3, 3e-3, 1e-3, 1.3e-3, 1.5e-2, 1e-2, 3e-3], strict=True))


@pytest.mark.parametrize(("setting", "tolerance"), list(ACCURACY.items()))
def test_resolution(setting: str, tolerance: float) -> None:
    """What the defaults are good to, of the largest probability at each λ."""
    made, seen, flight = SETTINGS[setting]
    sines = angle_nodes(8)
    coarse = decay_probability(made, seen, sines, LENGTHS, minimal_flight=flight).probability
    fine = decay_probability(made, seen, sines, LENGTHS, minimal_flight=flight, points=60, azimuths=61).probability
    assert np.all(np.abs(coarse - fine) <= tolerance * (fine.max(0) + 1e-4 * fine.max()))


@pytest.mark.parametrize("setting", SETTINGS)
def test_nodes_are_close_enough(setting: str) -> None:
    """Bilinear in between: against the probability itself, forward, where N go."""
    made, seen, flight = SETTINGS[setting]
    nodes = angle_nodes()
    table = decay_probability(made, seen, nodes, LENGTHS, minimal_flight=flight)
    shift = 0.5 * (LENGTHS[1] - LENGTHS[0])
    between = np.append(0.0, 0.5 * (nodes[1:] + nodes[:-1])[:-15:4])
    exact = decay_probability(made, seen, between, LENGTHS + shift, minimal_flight=flight)
    largest = table.probability[:, :-1].max(0)
    for row, n in itertools.product(range(exact.sines.size), range(0, LENGTHS.size - 1, 7)):
        found = _look_up(table, between[row], LENGTHS[n] + shift)
        assert abs(found - exact.probability[row, n]) <= 0.05 * largest[n] + 1e-3 * largest.max(), (row, n)


def _look_up(table: DecayProbability, sine: float, log_length: float) -> float:
    start, step = table.log_length[0], table.log_length[1] - table.log_length[0]
    return float(seen_probability(sine, log_length, table.sines, start, step, table.probability))


def test_look_up() -> None:
    table = DecayProbability(np.array([0.0, 0.25, 1.0]), np.array([-1.0, 0.0, 1.0]), np.arange(9.0).reshape(3, 3) + 1)
    assert _look_up(table, 0.0, -1.0) == 1
    assert _look_up(table, 0.25, 0.0) == 5
    assert _look_up(table, 0.125, 0.5) == pytest.approx(4.0)
    assert _look_up(table, 1.0, 1.0) == 9
    assert _look_up(table, 0.0, -50.0) == 1
    assert _look_up(table, 1.0, 1.0 + math.log(1000.0)) == pytest.approx(9e-3)
    alone = DecayProbability(np.zeros(1), table.log_length, table.probability[:1].copy())
    assert _look_up(alone, 0.7, 0.5) == pytest.approx(2.5)


def test_average_of_layers() -> None:
    """Two layers that touch are one that is twice as thick."""
    sines = angle_nodes(6)
    parts = [decay_probability(Box((0, 0, z), (1, 1, 0.1)), TPC, sines, LENGTHS) for z in (-0.5, -0.3)]
    both = decay_probability(Box((0, 0, -0.4), (1, 1, 0.2)), TPC, sines, LENGTHS)
    mean = average(parts, [2.0, 2.0])
    assert mean.probability == pytest.approx(both.probability, abs=3e-3 * both.probability.max())
    alone = decay_probability(TANK, FIDUCIAL, sines, LENGTHS)
    mixed = average([alone, parts[0]], [3.0, 1.0])
    assert mixed.sines is parts[0].sines
    assert mixed.probability == pytest.approx(0.75 * alone.probability + 0.25 * parts[0].probability)
    with pytest.raises(InputError, match="same nodes"):
        average([parts[0], decay_probability(TPC, TPC, angle_nodes(5), LENGTHS)], [1, 1])
    with pytest.raises(InputError, match="weights"):
        average(parts, [1.0])


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"made_in": Sphere((0, 0, 0), 0.0)}, "made_in: sizes"),
        ({"seen_in": Box((0, 0, 0), (1.0, math.nan, 1.0))}, "seen_in: sizes"),
        ({"seen_in": Cylinder((0, 0, 0), "w", 1.0, 1.0)}, "axis"),
        ({"seen_in": Sphere((0, 0, math.inf), 1.0)}, "centre"),
        ({"sines": [0.1, 0.5]}, "sines"),
        ({"sines": [0.0, 0.5, 0.4]}, "sines"),
        ({"log_lengths": [0.0, 1.0, 3.0]}, "log_lengths"),
        ({"minimal_flight": -1.0}, "minimal_flight"),
        ({"points": 1}, "points"),
    ],
)
def test_bad_input(change: dict, match: str) -> None:
    good = {"made_in": TANK, "seen_in": TPC, "sines": [0.0, 1.0], "log_lengths": [0.0, 1.0]}
    with pytest.raises(InputError, match=match):
        decay_probability(**(good | change))
    with pytest.raises(InputError, match="lengths"):
        length_nodes(1.0, 0.5)
