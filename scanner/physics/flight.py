"""Decays in flight, at any lifetime: the part of a search that depends on the total width alone.

N of mass m made with momenta p_i and weights w_i decay between the distances L and L + l with probability
e^{-κL} (1 - e^{-κl}), κ = Γ m / (p ħc). The events of a channel of width Γ_X are Γ_X H(Γ) with

    H(Γ) = Σ_i w_i e^{-κ_i L} (1 - e^{-κ_i l}) / Γ,

which is a constant for a long-lived N and falls exponentially for a short-lived one. H is tabulated as ln H
and its slope over ln Γ, both exact on the nodes, and interpolated by cubic Hermite polynomials; outside the
nodes the linear and the exponential limit are taken. So a point of any lifetime costs one logarithm and one
exponential, whatever the spectrum.

If N decays into a particle that flies itself, the distances of both decays add up; H then holds the
probability that the second decay is inside.
"""

from __future__ import annotations

import math

from numba import types

from scanner.physics.kernel import INPUT, INPUT_CUBE, kernel
from scanner.units import HBARC_GEV_M

_f8 = types.float64

NODES = 181
FIRST = 1e-9
"""Γ of the first node, in units of the width at which the fastest N decays on its way once on average."""
LAST = 1e3
STEP = math.log(LAST / FIRST) / (NODES - 1)
"""Of ln Γ between nodes: ln H is good to STEP⁴/384 · |ln H|, that is 2e-5 where decays suppress it by 1e-12."""

NOTHING = -1e300
"""ln H where nothing is made: finite, so that it interpolates, and exponentiates to 0."""


@kernel(_f8(_f8))
def _decayed(x):  # type: ignore[no-untyped-def]
    """(1 - e^{-x})/x."""
    return -math.expm1(-x) / x if x > 1e-12 else 1.0 - 0.5 * x


@kernel(_f8(_f8))
def _decayed_slope(x):  # type: ignore[no-untyped-def]
    """Logarithmic slope of `_decayed`, between 0 and -1."""
    if x < 1e-4:
        return x * (x / 12 - 0.5)
    return x / math.expm1(x) - 1 if x < 700 else -1.0


@kernel(types.UniTuple(_f8, 2)(_f8, _f8, INPUT, INPUT))
def first_node(mass, reach, momentum, weight):  # type: ignore[no-untyped-def]
    """Return ln Γ of the first node and the largest momentum with any weight (0 if there is none)."""
    fastest = 0.0
    for i in range(momentum.size):
        if weight[i] > 0 and momentum[i] > fastest:
            fastest = momentum[i]
    if fastest == 0:
        return 0.0, 0.0
    return math.log(FIRST * HBARC_GEV_M * fastest / (mass * reach)), fastest


@kernel(types.void(_f8, INPUT, INPUT, _f8, _f8, _f8[::1]))
def fill_flight(mass, momentum, weight, baseline, length, out):  # type: ignore[no-untyped-def]
    """Fill the table of one source: out[0] is ln Γ of the first node, then ln H and its slope at each.

    Parameters
    ----------
    mass : float
        Of N [GeV].
    momentum, weight : float64[n]
        Momenta [GeV] of N, and how many N there are with each.
    baseline, length : float
        L and l [m].
    out : float64[1 + 2 NODES]
        ln H [1/GeV], natural logarithms; NOTHING where all weights are 0.
    """
    start, fastest = first_node(mass, baseline + length, momentum, weight)
    out[0] = start
    for node in range(NODES):
        width = math.exp(start + node * STEP)
        total = slope = 0.0
        for i in range(momentum.size):
            if not weight[i] > 0:
                continue
            k = width * mass / (momentum[i] * HBARC_GEV_M)
            # Relative to the fastest N, so that nothing underflows.
            excess = width * mass / HBARC_GEV_M * (1 / momentum[i] - 1 / fastest)
            x = k * length
            term = weight[i] * math.exp(-excess * baseline) * mass * length / (momentum[i] * HBARC_GEV_M) * _decayed(x)
            total += term
            slope += term * (_decayed_slope(x) - k * baseline)
        if total > 0:
            out[1 + 2 * node] = math.log(total) - width * mass / (fastest * HBARC_GEV_M) * baseline
            out[2 + 2 * node] = slope / total
        else:
            out[1 + 2 * node] = NOTHING
            out[2 + 2 * node] = 0.0


@kernel(_f8(_f8))
def _difference_slope(x):  # type: ignore[no-untyped-def]
    """Slope of the logarithm of `_decayed`."""
    return _decayed_slope(x) / x if x > 1e-12 else -0.5


@kernel(types.UniTuple(_f8, 2)(_f8, _f8, _f8))
def _second_decay(first, second, z):  # type: ignore[no-untyped-def]
    """Density [1/m] of second decays at z over `first`, and its logarithmic slope in `first`, both rates [1/m].

    The density first · second (e^{-first z} - e^{-second z})/(second - first), without cancellation.
    """
    slower, x = min(first, second), abs(second - first) * z
    value = second * z * math.exp(-slower * z) * _decayed(x)
    slope = z * _difference_slope(x)
    return value, first * (slope if first > second else -slope - z)


@kernel(types.void(_f8, INPUT, INPUT, _f8, _f8, _f8, _f8, INPUT, INPUT, _f8[::1]))
def fill_flight_of_two(  # type: ignore[no-untyped-def]
    mass, momentum, weight, baseline, length, flyer, flyer_width, nodes, weights, out
):
    """Fill the table of one source for N → ν a whose a is seen where it decays; as `fill_flight`.

    Parameters
    ----------
    flyer, flyer_width : float
        Mass and total width of a [GeV], which goes on in the direction of N.
    nodes, weights : float64[n]
        A Gauss–Legendre rule, for the direction of a in the rest frame of N and for the place of its decay.

    Notes
    -----
    Directions of a away from that of N are neglected, as is right for N much faster than its decay products
    are in its rest frame.
    """
    start = first_node(mass, baseline + length, momentum, weight)[0]
    out[0] = start
    energy, push = (mass**2 + flyer**2) / (2 * mass), (mass**2 - flyer**2) / (2 * mass)
    for node in range(NODES):
        width = math.exp(start + node * STEP)
        total = slope = 0.0
        for i in range(momentum.size):
            if not weight[i] > 0:
                continue
            k = width * mass / (momentum[i] * HBARC_GEV_M)
            boost = math.sqrt(momentum[i] ** 2 + mass**2)
            # An even distribution in energy; over the rapidity neither slow nor fast a need many nodes.
            low = math.acosh(max((boost * energy - momentum[i] * push) / (mass * flyer), 1.0))
            half = 0.5 * (math.acosh((boost * energy + momentum[i] * push) / (mass * flyer)) - low)
            share = flyer * mass * half / (2 * momentum[i] * push)
            for direction in range(nodes.size):
                speed = math.sinh(low + half * (nodes[direction] + 1))
                rate = flyer_width / (speed * HBARC_GEV_M)
                for place in range(nodes.size):
                    z = baseline + 0.5 * length * (nodes[place] + 1)
                    value, rise = _second_decay(k, rate, z)
                    term = weight[i] * share * speed * weights[direction] * weights[place] * k * value
                    total += term
                    slope += term * rise
        if total > 1e-290:
            out[1 + 2 * node] = math.log(0.5 * length * total / width)
            out[2 + 2 * node] = slope / total
        else:
            out[1 + 2 * node] = NOTHING
            out[2 + 2 * node] = 0.0


@kernel(_f8(INPUT_CUBE, types.int64, types.int64, _f8))
def per_width(tables, node, source, log_width):  # type: ignore[no-untyped-def]
    """Return H [1/GeV] at ln Γ from the table of one source, ``tables[node, source]``."""
    # Indices and no slices: a view in numba counts references, which takes longer than all this.
    place = (log_width - tables[node, source, 0]) * (1 / STEP)
    if place <= 0:
        return math.exp(tables[node, source, 1])
    if place >= NODES - 1:
        last = 2 * NODES - 1
        beyond = (place - (NODES - 1)) * STEP
        # ln(Γ H) is linear in Γ once only the fastest N are left; of prompt N whose product flies on, in 1/Γ.
        slope = tables[node, source, last + 1] + 1
        change = math.expm1(beyond) if slope < -1 else -math.expm1(-beyond)
        return math.exp(tables[node, source, last] + slope * change - beyond)
    i = int(place)
    f = place - i
    y0, d0 = tables[node, source, 1 + 2 * i], tables[node, source, 2 + 2 * i] * STEP
    y1, d1 = tables[node, source, 3 + 2 * i], tables[node, source, 4 + 2 * i] * STEP
    rise = y1 - y0
    return math.exp(y0 + f * (d0 + f * (3 * rise - 2 * d0 - d1 + f * (d0 + d1 - 2 * rise))))
