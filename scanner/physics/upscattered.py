"""Heavy neutrinos as upscattering makes them: energy, angle and polarisation, on a grid.

A grid has nodes uniform in ln E and in ln(1 + sin(θ/2)/s₀), θ the angle of N to the beam, so that one set of nodes
holds what is forward and what is not; N between nodes are shared out linearly.

*Polarisation.* The vertex picks one chirality of N, so that Σ|amplitude|² for a spin vector s is F(p) ∓ m F(s) with
the upper sign for a vector and the lower for a scalar and a dipole, F linear, and F(p) that of unpolarised N. So
the mean spin along a unit vector e that is orthogonal to p is ∓ m F(e)/F(p). With k, q = k - p and P those of ν, the
exchange and the target, P̂ = 2P + q, and the response (G_M², R_E) of the target::

    vector:  F(v) = 4 G_M² Q² [v·k + 2 (v·q)(k·q)/q²] + 4 R_E [2 (v·P̂)(k·P̂) - P̂² v·k]
    dipole:  F(2 (v·q) q + Q² v) of the vector
    scalar:  F(v) = v·k

Two components are kept: along the flight of N, and across it, in the plane of the scattering, towards the beam. They
are those of a left-handed ν; a right-handed ν̄ has the opposite ones, and N̄ the opposite decays.

References: as in `scanner.physics.upscattering`; the polarisation was derived anew, and is tested against traces.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from scanner.physics.kernel import INPUT, INPUT_MATRIX, kernel
from scanner.physics.upscattering import (
    SCALAR,
    VECTOR,
    density_for,
    form_factor_extent,
    panel_end,
    q2_limits,
    response,
)

_f8 = types.float64
_TARGET = (types.int64, types.int64, types.int64, _f8, _f8, INPUT)

PANEL_NODES = 6
"""Of each panel in Q²: good to 1e-4 of a rate where a panel is as long as it may be."""

NEUTRINO_NODES = 110
"""Between the threshold and the end of a flux; rates are then good to 1e-3, but for those that threshold and form
factor make tiny."""

PARTS = 3
"""Of what is made: the number of N, and that times the two components of their polarisation."""


class Grid(NamedTuple):
    """Nodes for N."""

    log_first: float
    """ln of the first energy [GeV]."""
    log_step: float
    energies: int
    scale: float
    """s₀."""
    sine_step: float
    """Of ln(1 + sin(θ/2)/s₀)."""
    sines: int


def grid(mass: float, lowest: float, highest: float, typical: float, energies: int = 48, sines: int = 24) -> Grid:
    """Return a grid for N of a mass from neutrinos between two energies.

    Parameters
    ----------
    mass, lowest, highest
        Of N; of the flux [GeV].
    typical
        Energy of most neutrinos [GeV], which sets the scale of angles.
    energies, sines
        Numbers of nodes.

    Notes
    -----
    Momentum transfers of 0.05 GeV, the inverse size of a nucleus, set s₀; those above 2.5 GeV are off the grid.
    """
    first = math.log(max(mass, 0.9 * lowest))
    step = max(math.log(highest) - first, 1e-3) / (energies - 1)
    scale = 0.025 / typical
    widest = min(1.0, 2.5 / typical)
    return Grid(first, step, energies, scale, math.log1p(widest / scale) / (sines - 1), sines)


def grid_nodes(found: Grid, mass: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the energies [GeV], above the mass, and the sin(θ/2) of the nodes of a grid."""
    # N at rest would decay at once, however long they live: the first node stands for those just above.
    least = mass * math.exp(found.log_step / 3)
    energies = [max(math.exp(found.log_first + i * found.log_step), least) for i in range(found.energies)]
    sines = [min(found.scale * math.expm1(i * found.sine_step), 1.0) for i in range(found.sines)]
    return np.array(energies), np.array(sines)


@kernel(types.UniTuple(_f8, 3)(_f8, _f8, _f8, _f8))
def outgoing(E, Q2, m, M):  # type: ignore[no-untyped-def]
    """Energy and momentum [GeV] of N, and sin²(θ/2), θ its angle to ν."""
    energy = max(E - Q2 / (2 * M), m)
    momentum = math.sqrt((energy - m) * (energy + m))
    if momentum == 0:
        return energy, 0.0, 0.0
    sine_sq = ((Q2 + m * m) / (2 * E) - m * m / (energy + momentum)) / (2 * momentum)
    return energy, momentum, min(max(sine_sq, 0.0), 1.0)


@kernel(_f8(types.int64, _f8, _f8, _f8, _f8, _f8, _f8, _f8, _f8))
def _linear(mediator, E, Q2, m, M, magnetic, electric, along, at_rest):  # type: ignore[no-untyped-def]
    """F(e) of a unit vector e orthogonal to p, with e·k = along and e·P = at_rest."""
    if mediator == SCALAR:
        return along
    total_sq = 4 * M * M + Q2
    crossing = 4 * M * E - Q2 - m * m
    found = 4 * magnetic * (2 * Q2 + m * m) * along
    found += 4 * electric * (crossing * (2 * at_rest + along) - total_sq * along)
    if mediator == VECTOR:
        return found
    exchange = -0.5 * (m * m + Q2) * (12 * magnetic * Q2 - 4 * electric * total_sq)
    return 2 * along * exchange + Q2 * found


@kernel(_f8(types.int64, _f8, _f8, _f8, _f8, _f8, _f8))
def _unpolarised(mediator, E, Q2, m, M, magnetic, electric):  # type: ignore[no-untyped-def]
    """F(p)."""
    ends = Q2 + m * m
    if mediator == SCALAR:
        return 0.5 * ends
    crossing, total_sq = 4 * M * E - Q2 - m * m, 4 * M * M + Q2
    if mediator == VECTOR:
        return 2 * magnetic * ends * (2 * Q2 - m * m) + 2 * electric * (crossing * crossing - total_sq * ends)
    found = -2 * magnetic * Q2 * (Q2 - 2 * m * m) * ends
    return found + 2 * electric * (Q2 * crossing * crossing - total_sq * m * m * ends)


@kernel(types.UniTuple(_f8, 2)(types.int64, _f8, _f8, _f8, _f8, _f8, _f8))
def polarisation(mediator, E, Q2, m, M, magnetic, electric):  # type: ignore[no-untyped-def]
    """Mean spin of N along its flight, and across it towards the beam: 1 is fully polarised.

    Parameters
    ----------
    mediator : int
        VECTOR, SCALAR or DIPOLE.
    E, Q2, m, M : float
        Energy of ν [GeV], -t [GeV²], masses of N and of the target [GeV].
    magnetic, electric : float
        The first two of `scanner.physics.upscattering.response`.
    """
    whole = _unpolarised(mediator, E, Q2, m, M, magnetic, electric)
    energy, momentum, sine_sq = outgoing(E, Q2, m, M)
    if whole == 0 or momentum == 0:
        return 0.0, 0.0
    # e = (p, E p̂)/m: m e·k and m e·P, then the unit vector across the flight.
    along = E * (2 * energy * sine_sq - m * m / (energy + momentum))
    across = -2 * E * math.sqrt(sine_sq * (1 - sine_sq))
    sign = -1.0 if mediator == VECTOR else 1.0
    first = sign * _linear(mediator, E, Q2, m, M, magnetic, electric, along, M * momentum) / whole
    second = sign * m * _linear(mediator, E, Q2, m, M, magnetic, electric, across, 0.0) / whole
    return first, second


@kernel(types.void(_f8, _f8, INPUT, INPUT_MATRIX, _f8[::1], types.float64[:, ::1]))
def condense(least, highest, energy, fluence, nodes, weights):  # type: ignore[no-untyped-def]
    """Share neutrinos above the threshold out to a few nodes, which keeps their number and their energy.

    Parameters
    ----------
    least, highest : float
        The threshold and the end of the flux [GeV].
    energy : float64[n]
    fluence : float64[flavours, n]
        Of a flux.
    nodes : float64[k]
        Filled with energies [GeV], dense at the threshold.
    weights : float64[flavours, k]
        Filled with the fluence of each.
    """
    last = nodes.size - 1
    weights[:] = 0.0
    if not highest > least:
        nodes[:] = highest
        return
    step = math.sqrt(math.log(highest / least)) / last
    for i in range(last + 1):
        nodes[i] = least * math.exp((i * step) ** 2)
    for n in range(energy.size):
        if not energy[n] > least:
            continue
        i = min(int(math.sqrt(math.log(energy[n] / least)) / step), last - 1)
        part = min(max((energy[n] - nodes[i]) / (nodes[i + 1] - nodes[i]), 0.0), 1.0)
        for a in range(fluence.shape[0]):
            weights[a, i] += (1 - part) * fluence[a, n]
            weights[a, i + 1] += part * fluence[a, n]


@kernel(types.Tuple((types.int64, _f8))(_f8, _f8, types.int64))
def place(value, step, nodes):  # type: ignore[no-untyped-def]
    """Node below a value, of those that are `step` apart from 0, and how far it is to the next; inside the nodes."""
    x = min(max(value / step, 0.0), nodes - 1.0)
    i = min(int(x), nodes - 2)
    return i, x - i


@kernel(
    types.void(
        _f8, _f8, _f8, _f8, _f8, types.float64[::1],
        _f8, _f8, types.int64, _f8, _f8, types.int64, types.float64[:, :, :, ::1],
    )
)  # fmt: skip
def deposit(  # type: ignore[no-untyped-def]
    energy, sine, unit, first, second, weights,
    log_first, log_step, energies, scale, sine_step, sines, out,
):  # fmt: skip
    """Share N of one energy and angle out to the nodes around it.

    Parameters
    ----------
    energy, sine : float
        Energy [GeV] and sin(θ/2) of N.
    unit : float
        Number of N for unit weight.
    first, second : float
        Polarisation along and across the flight.
    weights : float64[flavours]
    log_first, log_step, energies, scale, sine_step, sines
        The fields of a `Grid`.
    out : float64[flavours, energies, sines, PARTS]
    """
    j, e = place(math.log(energy) - log_first, log_step, energies)
    k, s = place(math.log1p(sine / scale), sine_step, sines)
    for dj in range(2):
        for dk in range(2):
            share = unit * (e if dj == 1 else 1 - e) * (s if dk == 1 else 1 - s)
            for a in range(weights.size):
                out[a, j + dj, k + dk, 0] += share * weights[a]
                out[a, j + dj, k + dk, 1] += share * weights[a] * first
                out[a, j + dj, k + dk, 2] += share * weights[a] * second


@kernel(
    types.void(
        types.int64, INPUT, INPUT_MATRIX, _f8, _f8, _f8, _f8, *_TARGET, INPUT, INPUT,
        _f8, _f8, types.int64, _f8, _f8, types.int64, types.float64[:, :, :, ::1],
    )
)  # fmt: skip
def fill_made(  # type: ignore[no-untyped-def]
    mediator, neutrinos, fluence, m, m_mediator, factor, least,
    current, spin, number, M, fermi_momentum, terms, nodes, weights,
    log_first, log_step, energies, scale, sine_step, sines, out,
):  # fmt: skip
    """Add the N that neutrinos make off a target to a grid.

    Parameters
    ----------
    mediator : int
        VECTOR, SCALAR or DIPOLE.
    neutrinos : float64[n]
        Energies [GeV].
    fluence : float64[flavours, n]
        Neutrinos per area at each.
    m, m_mediator : float
        [GeV].
    factor : float
        Number of nuclei, times what turns GeV⁻² into the unit of area.
    least : float
        Kinetic energy [GeV] that the target must have.
    current, spin, number, M, fermi_momentum, terms
        The fields of a `scanner.physics.upscattering.Target`.
    nodes, weights : float64[k]
        A Gauss–Legendre rule for each panel in Q².
    log_first, log_step, energies, scale, sine_step, sines
        The fields of a `Grid`.
    out : float64[flavours, energies, sines, PARTS]
    """
    radius, reach = form_factor_extent(current, terms)
    row = np.empty(fluence.shape[0])
    for n in range(neutrinos.size):
        E = neutrinos[n]
        start, end = q2_limits(E, m, M)
        start, end = max(start, 2 * M * least), min(end, reach)
        total = 0.0
        for a in range(row.size):
            row[a] = fluence[a, n]
            total += row[a]
        if not (total > 0 and start > 0):
            continue
        while start < end:
            stop = panel_end(start, end, radius, M, fermi_momentum)
            half = 0.5 * math.log(stop / start)
            for i in range(nodes.size):
                Q2 = start * math.exp(half * (nodes[i] + 1))
                found = response(current, spin, Q2, M, terms)
                made = density_for(mediator, E, Q2, m, m_mediator, current, number, M, fermi_momentum, found)
                first, second = polarisation(mediator, E, Q2, m, M, found[0], found[1])
                energy, _, sine_sq = outgoing(E, Q2, m, M)
                unit = factor * half * weights[i] * Q2 * made
                deposit(
                    energy, math.sqrt(sine_sq), unit, first, second, row,
                    log_first, log_step, energies, scale, sine_step, sines, out,
                )  # fmt: skip
            start = stop
