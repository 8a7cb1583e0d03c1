"""Where N that are made in matter decay: probabilities as functions of their direction and decay length.

N are made with uniform density in one shape, fly straight, and are seen if they decay in another one, which is convex.
An N that is t_in and t_out from there decays inside with the probability E(t_out) - E(t_in), E(t) = 1 - e^{-t/λ}. Its
average over where N is made is taken *along lines* of the direction of N. Those are parallel, and all that hit the
smaller one of the two shapes go through a grid of points on its surface; on a line that is made of N from c to d, and
seen from a to b, the integral over where N is made is a second difference of H(T) = ∫_0^T E dt,

    ∫ds [E(b-s) - E(a-s)] = H(b-c) - H(b-d) - H(a-c) + H(a-d),    H(T < 0) = 0.

So 474 m of earth before a sphere of 5 m, layers of a millimetre and regions that overlap all cost the same few
thousand lines, none of which misses. All λ share them: E is interpolated linearly in t between nodes uniform in
ln t, which leaves for each direction one weight a node. With them the limit of small λ is the share of N made inside,
and that of large λ is ⟨t_out - t_in⟩/λ, both without interpolation error.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import types
from numpy.typing import ArrayLike, NDArray

from scanner.errors import InputError
from scanner.physics.kernel import INPUT, INPUT_CUBE, INPUT_MATRIX, kernel
from scanner.physics.shapes import Cylinder, Shape, Sphere, check_shape, inside, numbers, reach, surface

_f8 = types.float64

Float = NDArray[np.float64]

POINTS = 24
"""On the surface of a shape, in each coordinate."""

AZIMUTHS = 32
"""Of N around the beam."""

FINE = 0.025
"""Largest step of ln t: E is good to FINE² x² e^{-x}/8 < 5e-5."""

NEAREST = 0.02
"""The first node of t, over the least λ; E is linear below."""

STEP = 0.1
"""Of ln λ between nodes, about: interpolation is good to 1.3e-3 where the probability goes as 1/λ."""


class DecayProbability(NamedTuple):
    """Probability that N decays where it is seen, averaged over where it is made.

    Bilinear in sin(θ/2) and ln λ between the nodes, θ the angle of N to the beam, λ = γβcτ; below the first λ as at the
    first, above the last as 1/λ.
    """

    sines: NDArray[np.float64]
    """sin(θ/2) of the nodes, increasing from 0, shape (a,); one alone where the direction does not matter."""
    log_length: NDArray[np.float64]
    """ln(λ/m) of the nodes, uniform, shape (n,)."""
    probability: NDArray[np.float64]
    """Shape (a, n)."""


def decay_probability(
    made_in: Shape,
    seen_in: Shape,
    sines: ArrayLike,
    log_lengths: ArrayLike,
    *,
    minimal_flight: float = 0.0,
    points: int = POINTS,
    azimuths: int = AZIMUTHS,
) -> DecayProbability:
    """Probability that N made in one shape decays in another one, over its angle to the beam and its decay length.

    Parameters
    ----------
    made_in
        Where N are made, with uniform density.
    seen_in
        Where decays are seen; both are in one frame, with the beam along +z.
    sines
        sin(θ/2) of the nodes, increasing from 0 to 1 at most, such as `angle_nodes`.
    log_lengths
        ln(λ/m) of the nodes, uniform, such as `length_nodes`.
    minimal_flight
        Decays are seen at least this far from where N was made [m].
    points, azimuths
        Resolution, see Notes.

    Raises
    ------
    InputError
        If a size is not positive, or nodes are not as they should be.

    Notes
    -----
    Of concentric spheres one angle is returned, as the direction does not matter. Against 180 times as many lines, the
    defaults are off by less than 1e-4 of the largest probability at that λ for what is round about the beam, by 1e-3
    for a box in itself, by 3e-3 for thin layers before a box, and by 1.3e-2 for shapes beside each other, which N reach
    at few azimuths only. Where nothing is seen, rounding may leave 1e-11. Two boxes take 0.3 s for 41 angles and 180 λ,
    and what is round about the beam 5 ms.
    """
    for where, shape in (("made_in", made_in), ("seen_in", seen_in)):
        check_shape(where, shape)
    nodes, lengths = _check_sines(sines), _check_lengths(log_lengths)
    if not 0 <= minimal_flight < math.inf:
        raise InputError("minimal_flight", "must be a length", minimal_flight, "0 m or more")
    if points < 2 or azimuths < 1:
        raise InputError("points, azimuths", "too few", (points, azimuths), "2 and 1, or more")
    if isinstance(made_in, Sphere) and isinstance(seen_in, Sphere) and made_in.centre == seen_in.centre:
        nodes = np.zeros(1)
    probability = np.empty((nodes.size, lengths.size))
    sampled = made_in if made_in.area <= seen_in.area else seen_in
    turns = 1 if _round(made_in, seen_in) else azimuths
    apart = math.dist(made_in.centre, seen_in.centre)
    distances, finer = _near_to_far(lengths, apart + reach(made_in) + reach(seen_in))
    _fill(
        numbers(made_in),
        numbers(seen_in),
        np.stack([surface(sampled, points, turn) for turn in range(turns)]),
        sampled is made_in,
        seen_in.volume / made_in.volume,
        minimal_flight,
        distances,
        finer,
        nodes,
        lengths,
        probability,
    )
    return DecayProbability(nodes, lengths, probability)


def average(parts: Sequence[DecayProbability], weights: Sequence[float]) -> DecayProbability:
    """Average over regions in which N are made, such as layers of one material.

    Parameters
    ----------
    parts
        On the same nodes of λ, and of the angle unless the direction does not matter to them.
    weights
        Of each, such as its mass; their sum does not matter.

    Raises
    ------
    InputError
        If the nodes differ, or the weights are none.
    """
    total = math.fsum(weights)
    if len(parts) != len(weights) or not total > 0 or min(weights) < 0:
        raise InputError("weights", "one a part, and some positive", tuple(weights), f"{len(parts)} numbers, 0 or more")
    sines = max((part.sines for part in parts), key=len)
    lengths = parts[0].log_length
    for part in parts:
        same = part.sines.size == 1 or np.array_equal(part.sines, sines)
        if not (same and np.array_equal(part.log_length, lengths)):
            raise InputError("parts", "regions that are averaged need the same nodes")
    probability = np.zeros((sines.size, lengths.size))
    for part, weight in zip(parts, weights, strict=True):
        probability += weight / total * part.probability
    return DecayProbability(sines, lengths, probability)


def angle_nodes(intervals: int = 40) -> Float:
    """Return sin(θ/2) from 0 to 1, densest at 0: sin^{5/2}(πx/2) of uniform x, shape (intervals + 1,).

    Notes
    -----
    In between, probabilities are good to 2 % of the largest, but 5 % backward along an argon detector. Where matter
    and detector are round about the beam, as the earth before MiniBooNE, more intervals cost next to nothing.
    """
    nodes = [math.sin(0.5 * math.pi * i / intervals) for i in range(intervals)] + [1.0]
    return np.array([node * node * math.sqrt(node) for node in nodes])


def length_nodes(shortest: float, longest: float, step: float = STEP) -> Float:
    """ln(λ/m), uniform from that of shortest/100 to that of 100 longest, `step` apart or a little less.

    Parameters
    ----------
    shortest, longest
        Sizes that the geometry has [m]: the thinnest shape, and the longest way through all of them.

    Examples
    --------
    >>> length_nodes(1.0, 1.0, step=5.0).round(3)
    array([-4.605,  0.   ,  4.605])
    """
    if not 0 < shortest <= longest < math.inf:
        raise InputError("shortest, longest", "must be lengths", (shortest, longest), "0 < shortest <= longest [m]")
    first, last = math.log(shortest / 100), math.log(longest * 100)
    steps = math.ceil((last - first) / step)
    return np.array([first + (last - first) / steps * i for i in range(steps + 1)])


@kernel(_f8(_f8, _f8, INPUT, _f8, _f8, INPUT_MATRIX))
def seen_probability(sine, log_length, sines, start, step, probability):  # type: ignore[no-untyped-def]
    """Look a `DecayProbability` up.

    Parameters
    ----------
    sine, log_length : float
        sin(θ/2) of N; beyond the last node as there. ln(λ/m).
    sines, probability : float64[a], float64[a, n]
        Of the table.
    start, step : float
        The first ln(λ/m), and how far the nodes are from each other.
    """
    row, share = 0, 0.0
    if sines.size > 1:
        row, above = 0, sines.size - 1
        while above - row > 1:
            middle = (row + above) // 2
            if sines[middle] <= sine:
                row = middle
            else:
                above = middle
        share = min(max((sine - sines[row]) / (sines[above] - sines[row]), 0.0), 1.0)
    nodes = probability.shape[1]
    place = min(max((log_length - start) / step, 0.0), nodes - 1.0)
    column = min(int(place), nodes - 2)
    place -= column
    value = (1 - place) * probability[row, column] + place * probability[row, column + 1]
    if share > 0:
        other = (1 - place) * probability[row + 1, column] + place * probability[row + 1, column + 1]
        value = (1 - share) * value + share * other
    return value * math.exp(min(start + (nodes - 1) * step - log_length, 0.0))


@kernel(types.Tuple((types.int64, _f8, _f8))(_f8, _f8, INPUT))
def _place(distance, fine, nodes):  # type: ignore[no-untyped-def]
    """Return the interval of the nodes of t that a distance is in, how far it is from its start, and its width [m]."""
    index = 0
    if distance > nodes[1]:
        index = min(1 + int(math.log(distance / nodes[1]) / fine), nodes.size - 2)
    return index, distance - nodes[index], nodes[index + 1] - nodes[index]


@kernel(types.void(_f8, _f8, _f8, _f8, INPUT, _f8[:, ::1]))
def _deposit(distance, weight, minimal, fine, nodes, sums):  # type: ignore[no-untyped-def]
    """Add a term weight · H(distance) to the factors of H, sums[0], and of E, sums[1], at the nodes of t.

    With a minimal flight it is H less its tangent there, as nothing nearer counts; sums[2] gathers that.
    """
    if not distance > minimal:
        return
    index, beyond, width = _place(distance, fine, nodes)
    curved = beyond * beyond / (2 * width)
    sums[0, index] += weight
    sums[1, index] += weight * (beyond - curved)
    sums[1, index + 1] += weight * curved
    sums[2, 0] += weight
    sums[2, 1] += weight * (distance - minimal)


@kernel(types.void(_f8, _f8, INPUT, _f8[:, ::1]))
def _per_node(minimal, fine, nodes, sums):  # type: ignore[no-untyped-def]
    """Turn what `_deposit` has added up into the factors of E alone, sums[1], at the nodes of t."""
    if minimal > 0:
        level, slope = sums[2, 0], sums[2, 1]
        _deposit(minimal, -level, 0.0, fine, nodes, sums)
        index, beyond, width = _place(minimal, fine, nodes)
        sums[1, index] -= slope * (1 - beyond / width)
        sums[1, index + 1] -= slope * beyond / width
    above = 0.0
    for index in range(nodes.size - 2, -1, -1):
        above += sums[0, index + 1]
        half = 0.5 * above * (nodes[index + 1] - nodes[index])
        sums[1, index] += half
        sums[1, index + 1] += half


@kernel(_f8(INPUT, INPUT, INPUT_MATRIX, types.boolean, INPUT, _f8, _f8, INPUT, _f8[:, ::1]))
def _add_lines(made, seen, surface, made_is_sampled, direction, minimal, fine, nodes, sums):  # type: ignore[no-untyped-def]
    """Add all lines of one direction up in `sums`, see `_deposit`; return the volume of the sampled shape by them [m³].

    Parameters
    ----------
    made, seen : float64[7]
        By `numbers`.
    surface : float64[points, 7]
        By `surface`, of the sampled one of them.
    direction : float64[6]
        Unit vectors: of N, and of how that changes with θ.
    """
    kx, ky, kz, ex, ey, ez = direction
    fx, fy, fz = ky * ez - kz * ey, kz * ex - kx * ez, kx * ey - ky * ex
    sampled = made if made_is_sampled else seen
    volume = 0.0
    for i in range(surface.shape[0]):
        x, y, z, nx, ny, nz, area = surface[i]
        if sampled[0] == 1.0:  # points on a sphere are around the direction, so that the side that N leave is smooth
            shadow = area * nz
            x, y, z = ex * x + fx * y + kx * z, ey * x + fy * y + ky * z, ez * x + fz * y + kz * z
        else:
            shadow = area * (nx * kx + ny * ky + nz * kz)
        if not shadow > 0:
            continue
        x, y, z = x + sampled[1], y + sampled[2], z + sampled[3]
        c, d = inside(made, x, y, z, kx, ky, kz)
        a, b = inside(seen, x, y, z, kx, ky, kz)
        own = d - c if made_is_sampled else b - a
        if own > 0:
            volume += shadow * own
        if c < d and a < b:
            _deposit(b - c, shadow, minimal, fine, nodes, sums)
            _deposit(b - d, -shadow, minimal, fine, nodes, sums)
            _deposit(a - c, -shadow, minimal, fine, nodes, sums)
            _deposit(a - d, shadow, minimal, fine, nodes, sums)
    return volume


@kernel(
    types.void(
        *(INPUT, INPUT, INPUT_CUBE, types.boolean, _f8),
        *(_f8, INPUT, types.int64, INPUT, INPUT, _f8[:, ::1]),
    )
)
def _fill(made, seen, surface, made_is_sampled, ratio, minimal, nodes, finer, sines, log_lengths, out):  # type: ignore[no-untyped-def]
    """Fill out[angle, λ]; ratio is that of the seen volume to the other, `finer` nodes of t are one of λ.

    The surface has a grid of points for each azimuth of N.
    """
    azimuths = surface.shape[0]
    steps = nodes.size - 2
    fine = math.log(nodes[nodes.size - 1] / nodes[1]) / steps
    # E at the nodes of t over those of λ depends on the difference of their indices alone.
    last = finer * (log_lengths.size - 1)
    decayed = np.empty(last + steps + 1)
    for i in range(decayed.size):
        decayed[i] = -math.expm1(-nodes[1] * math.exp((i - last) * fine - log_lengths[0]))
    sums, direction = np.empty((3, nodes.size)), np.empty(6)
    for angle in range(sines.size):
        sums[:] = 0.0
        volume = 0.0
        half = sines[angle]
        sine, cosine = 2 * half * math.sqrt(1 - half * half), 1 - 2 * half * half
        for k in range(azimuths):
            phi = 2 * math.pi * (k + 0.5) / azimuths
            along, across = math.cos(phi), math.sin(phi)
            direction[0], direction[1], direction[2] = sine * along, sine * across, cosine
            direction[3], direction[4], direction[5] = cosine * along, cosine * across, -sine
            volume += _add_lines(made, seen, surface[k], made_is_sampled, direction, minimal, fine, nodes, sums)
        _per_node(minimal, fine, nodes, sums)
        scale = (1.0 if made_is_sampled else ratio) / volume
        for n in range(log_lengths.size):
            total = 0.0
            for k in range(steps + 1):
                total += sums[1, k + 1] * decayed[last - finer * n + k]
            out[angle, n] = max(scale * total, 0.0)


def _near_to_far(lengths: Float, farthest: float) -> tuple[Float, int]:
    """Return nodes of t [m], 0 and then uniform in ln t, of which a whole number is between two of λ, and that."""
    step = (lengths[-1] - lengths[0]) / (lengths.size - 1)
    finer = math.ceil(step / FINE)
    first = NEAREST * math.exp(lengths[0])
    steps = max(math.ceil(math.log(farthest / first) * finer / step), 1)
    return np.array([0.0] + [first * math.exp(step / finer * i) for i in range(steps + 1)]), finer


def _round(made_in: Shape, seen_in: Shape) -> bool:
    """Whether both are round about one line along the beam, so that the azimuth of N does not matter."""
    return made_in.centre[:2] == seen_in.centre[:2] and all(
        isinstance(shape, Sphere) or (isinstance(shape, Cylinder) and shape.axis == "z") for shape in (made_in, seen_in)
    )


def _check_sines(sines: ArrayLike) -> Float:
    """Return the nodes of the angle; InputError unless they increase from 0 and stay below 1."""
    nodes = np.atleast_1d(np.array(sines, dtype=np.float64))
    if nodes.ndim != 1 or nodes[0] != 0 or not np.all(np.diff(nodes) > 0) or not nodes[-1] <= 1:
        raise InputError("sines", "sin(θ/2) must increase from 0", nodes, "0 to 1", "such as angle_nodes()")
    return nodes


def _check_lengths(log_lengths: ArrayLike) -> Float:
    """Return the nodes of ln λ; InputError unless there are two or more, uniform."""
    nodes = np.array(log_lengths, dtype=np.float64)
    if nodes.ndim == 1 and nodes.size > 1 and np.all(np.isfinite(nodes)):
        step = (nodes[-1] - nodes[0]) / (nodes.size - 1)
        if step > 0 and np.abs(np.diff(nodes) - step).max() < 1e-9 * max(step, 1.0):
            return nodes
    raise InputError("log_lengths", "ln(λ/m) must be uniform, and increase", nodes, hint="such as length_nodes()")
