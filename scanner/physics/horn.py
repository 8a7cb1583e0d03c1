"""Mesons made along a target inside a magnetic horn, bent towards the axis, that decay along a pipe.

A horn of current I has a field μ₀I/2πr between its conductors and none inside the inner one. A meson from the
axis stays in its meridian plane, where the field turns it by dθ/ds = -0.3 B/p. Nothing else is simulated: no
decays before the end of the horn, no scattering, and no matter but the target itself.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from scanner.physics.bundle import Bundle, bundle_angles
from scanner.physics.kernel import INPUT, INPUT_MATRIX, kernel
from scanner.physics.phase_space import gauss_legendre

_f8 = types.float64

STEP = 0.01
"""Of a track in the horn [m]."""

TURN = 0.299792458 * 2e-7
"""Of a track: TURN · current [A] is 0.3 B r [GeV]."""

DEPTHS, PLACES = 5, 12
"""Nodes for where in the target a meson is made, and for where in the pipe it decays."""


class Beamline(NamedTuple):
    """A target in a horn, and the pipe behind it; lengths [m] from the front of the target."""

    current: float
    """[A]."""
    radii: NDArray[np.float64]
    """Of the inner conductor, every STEP from the front of the target to the end of the horn [m]."""
    outer: float
    """Radius of the outer conductor [m]."""
    target_length: float
    target_radius: float
    interaction_length: float
    """Of the protons in the target [m]."""
    pipe_length: float
    """From the end of the horn [m]."""
    pipe_radius: float


def conductor(lengths: NDArray[np.float64], radii: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the radii [m] of a conductor at every STEP, by straight lines between those given at `lengths` [m]."""
    places = STEP * np.arange(int(lengths[-1] / STEP) + 1)
    return np.array([np.interp(place, lengths, radii) for place in places])


@kernel(types.UniTuple(_f8, 2)(_f8, _f8, _f8, _f8, INPUT, _f8))
def through_horn(momentum, angle, start, field, radii, outer):  # type: ignore[no-untyped-def]
    """Angle to the axis [rad] and distance from it [m] where a positive meson leaves the horn.

    Parameters
    ----------
    momentum, angle, start : float
        Of the meson where it is made: on the axis, `start` [m] from the front [GeV, rad].
    field : float
        0.3 B r [GeV]: TURN times the current.
    radii : float64[n]
        Of the inner conductor [m], every STEP.
    outer : float
        Radius of the outer conductor [m].

    Notes
    -----
    Mesons that turn back, or go out at a right angle, come with an angle of π/2.
    """
    along, radius = start, 0.0
    sine, cosine = math.sin(angle), math.cos(angle)
    end = STEP * (radii.size - 1)
    while along < end:
        if not cosine > 0:
            return 0.5 * math.pi, radius
        if radius < 0:  # on the other side of the axis
            radius, sine = -radius, -sine
        if radii[int(along / STEP)] < radius < outer:
            turn = field / (radius * momentum) * STEP
            length = math.sqrt(1 + turn**2)
            sine, cosine = (sine - turn * cosine) / length, (cosine + turn * sine) / length
        radius += STEP * sine
        along += STEP * cosine
    return math.atan2(abs(sine), cosine), abs(radius)


@kernel(_f8(_f8, _f8, _f8, _f8, _f8, _f8, INPUT, INPUT))
def decays_seen(angle, radius, decay_length, pipe_length, pipe_radius, distance, nodes, weights):  # type: ignore[no-untyped-def]
    """⟨1/D²⟩ [1/m²] over the decays in a pipe, D from the decay to a detector on the axis; without a decay, 0.

    Parameters
    ----------
    angle, radius : float
        Of the meson where the pipe begins [rad, m].
    decay_length : float
        γβcτ [m].
    pipe_length, pipe_radius, distance : float
        Of the pipe, and from its beginning to the detector [m].
    nodes, weights : float64[n]
        A Gauss–Legendre rule.
    """
    way = pipe_length
    if angle > 0:
        way = min(way, (pipe_radius - radius) / math.tan(angle))
    if not way > 0:
        return 0.0
    total = 0.0
    for i in range(nodes.size):
        place = 0.5 * way * (nodes[i] + 1)
        total += 0.5 * way * weights[i] * math.exp(-place / decay_length) / (decay_length * (distance - place) ** 2)
    return total


@kernel(types.void(INPUT, INPUT, INPUT_MATRIX, INPUT, INPUT, INPUT, INPUT, INPUT, INPUT, types.float64[:, ::1]))
def fill_focused(  # type: ignore[no-untyped-def]
    momentum, angles, made, depths, depth_weights, places, place_weights, radii, numbers, out
):
    """Fill the decays per area of mesons behind the horn that belong to each column of angles; see `focused`."""
    field, outer, target_length, target_radius, absorption, unit, pipe_length, pipe_radius, distance = numbers
    widest, last = angles[-1], out.shape[1] - 1
    out[:] = 0.0
    for i in range(momentum.size):
        decay_length = unit * momentum[i]
        for k in range(made.shape[1]):
            start = 0.5 * math.pi * (k + 0.5) / made.shape[1]
            for d in range(depths.size):
                end, radius = through_horn(momentum[i], start, depths[d], field, radii, outer)
                if not (end < widest and radius < pipe_radius):
                    continue
                inside = min(target_length - depths[d], target_radius / math.sin(start))
                weight = depth_weights[d] * made[i, k] * math.exp(-inside / absorption)
                pipe = decay_length, pipe_length, pipe_radius, distance
                weight *= decays_seen(end, radius, *pipe, places, place_weights)
                j = min(int(last * math.sqrt(end / widest)), last - 1)
                f = (end - angles[j]) / (angles[j + 1] - angles[j])
                out[i, j] += (1 - f) * weight
                out[i, j + 1] += f * weight


def focused(
    beamline: Beamline,
    momentum: NDArray[np.float64],
    made: NDArray[np.float64],
    mass: float,
    lifetime: float,
    absorption: float,
    distance: float,
    widest: float,
    columns: int,
) -> Bundle:
    """Return the decays of mesons as a detector on the axis sees them: per area [1/m²], sr and proton.

    Parameters
    ----------
    beamline
        The horn and the pipe.
    momentum
        Nodes [GeV], shape (n,).
    made
        Mesons that each node stands for, a proton that interacts, in even steps of the angle from 0 to π/2,
        shape (n, k).
    mass, lifetime
        Of the meson [GeV], and cτ [m].
    absorption
        Its interaction length in the target [m].
    distance
        From the front of the target to the detector [m].
    widest, columns
        Of the bundle.
    """
    line, (nodes, weights) = beamline, gauss_legendre(DEPTHS)
    interacting = -math.expm1(-line.target_length / line.interaction_length)
    depths = np.array([-line.interaction_length * math.log1p(-interacting * 0.5 * (x + 1)) for x in nodes])
    rules = depths, 0.5 * interacting * weights, *gauss_legendre(PLACES)
    behind = distance - STEP * (line.radii.size - 1)
    track = TURN * line.current, line.outer, line.target_length, line.target_radius, absorption
    numbers = np.array([*track, lifetime / mass, line.pipe_length, line.pipe_radius, behind])
    angles, out = bundle_angles(widest, columns), np.empty((momentum.size, columns))
    fill_focused(momentum, angles, made, *rules, line.radii, numbers, out)
    return Bundle(mass, momentum, widest, out / _solid_angles(angles))


def _solid_angles(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Solid angles [sr] that the columns of a bundle stand for, such that straight lines between them add up."""
    found = np.zeros(angles.size)
    for j in range(angles.size - 1):
        low, high = float(angles[j]), float(angles[j + 1])
        # ∫ sin θ over the interval, alone and with the rising share (θ - low)/(high - low).
        whole = math.cos(low) - math.cos(high)
        rising = (math.sin(high) - math.sin(low)) / (high - low) - math.cos(high)
        found[j] += 2 * math.pi * (whole - rising)
        found[j + 1] += 2 * math.pi * rising
    return found
