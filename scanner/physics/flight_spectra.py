"""Decays in flight, at any lifetime, seen with a spectrum: what the bins hold depends on the momentum that N has.

N that fly with momenta p_i through a detector of cross section A(z) at the distance z, w_i of each per area, make in
the bin b

    Γ_X H_b(Γ),  H_b(Γ) = (1/Γ) Σ_i w_i ε_b(p_i) ∫ dz A(z) κ_i e^{-κ_i z},  κ_i = Γ m/(p_i ħc),

events of a channel of width Γ_X, with ε_b the probability to be seen there. Where N decays into a particle that is
seen where it decays itself, at a rate κ' by its own momentum, κ e^{-κz} becomes the density of second decays,
κ κ' (e^{-κz} - e^{-κ'z})/(κ' - κ), and i runs over momenta and directions of decay; see `scanner.physics.flight`.

Tables hold H = Σ_b H_b as ln H and its slope over ln Γ, interpolated by cubic Hermite polynomials, and the shares
H_b/H, by those of Catmull and Rom: they change slowly, as slower and faster N decay away one after the other. Below the
nodes all N live long, and H_b is a constant; beyond, only the fastest ones are left.
"""

from __future__ import annotations

import math

import numpy as np
from numba import types

from scanner.physics.kernel import INPUT, INPUT_CUBE, kernel
from scanner.units import HBARC_GEV_M

_f8, _i8 = types.float64, types.int64

NODES = 65
FIRST, LAST = 1e-6, 1e2
"""Γ of the first and of the last node, in units of that at which the fastest N decays on its way once on average."""
STEP = math.log(LAST / FIRST) / (NODES - 1)
"""Of ln Γ between nodes."""

NOTHING = -1e300
"""ln H where nothing is seen."""
LEAST = 1e-290
"""Below it, sums are taken to be 0."""

AT_ONCE = math.inf
"""Rate of the second decay where there is none, or none that takes any time."""


def entry_size(bins: int) -> int:
    """Return the numbers of a table for one source: ln Γ of the first node, and ln H, its slope, and shares at each."""
    return 1 + NODES * (2 + bins)


@kernel(types.UniTuple(_f8, 2)(_f8, _f8, _f8))
def _density(first, second, z):  # type: ignore[no-untyped-def]
    """Density [1/m] of the decays that are seen at z, and its logarithmic slope in the rate of the first decay."""
    if second == math.inf:
        return first * math.exp(-first * z), 1 - first * z
    # first · second (e^{-first z} - e^{-second z})/(second - first), without cancellation.
    slower, x = min(first, second), abs(second - first) * z
    decayed = -math.expm1(-x) / x if x > 1e-12 else 1 - 0.5 * x
    falling = x / math.expm1(x) if x < 700 else 0.0
    slope = x / 12 - 0.5 if x < 1e-4 else (falling - 1) / x
    slope = z * slope if first > second else -z * slope - z
    return first * second * z * math.exp(-slower * z) * decayed, 1 + first * slope


@kernel(types.void(_f8, INPUT, INPUT, INPUT_CUBE, INPUT, INPUT, types.float64[:, ::1]))
def fill_spectra(mass, momentum, second, seen, places, volumes, out):  # type: ignore[no-untyped-def]
    """Fill the table of each source.

    Parameters
    ----------
    mass : float
        Of N [GeV].
    momentum : float64[n]
        Of N [GeV].
    second : float64[n]
        Rate of the second decay [1/m], or AT_ONCE.
    seen : float64[n, sources, bins]
        How many N there are with each momentum [1/m²], times the probability to be seen in each bin, not negative.
    places, volumes : float64[z]
        The detector: distances [m], and the volume [m³] that each stands for.
    out : float64[sources, entry_size(bins)]
        ln H in m³/(GeV m²) = m/GeV.
    """
    sources, bins = seen.shape[1], seen.shape[2]
    fastest = 0.0
    for i in range(momentum.size):
        if seen[i].max() > 0 and momentum[i] > fastest:
            fastest = momentum[i]
    start = math.log(FIRST * HBARC_GEV_M * fastest / (mass * places.max())) if fastest > 0 else 0.0
    for s in range(sources):
        out[s, 0] = start
    slopes = np.empty(sources)
    for node in range(NODES):
        width = math.exp(start + node * STEP)
        at = 1 + node * (2 + bins)
        out[:, at : at + 2 + bins] = 0.0
        slopes[:] = 0.0
        for i in range(momentum.size):
            if not seen[i].max() > 0:
                continue
            rate = width * mass / (momentum[i] * HBARC_GEV_M)
            decays = rising = 0.0
            for z in range(places.size):
                density, slope = _density(rate, second[i], places[z])
                decays += volumes[z] * density
                rising += volumes[z] * density * slope
            for s in range(sources):
                for b in range(bins):
                    out[s, at + 2 + b] += decays * seen[i, s, b]
                    slopes[s] += rising * seen[i, s, b]
        for s in range(sources):
            total = 0.0
            for b in range(bins):
                total += out[s, at + 2 + b]
            if total > LEAST:
                out[s, at] = math.log(total / width)
                out[s, at + 1] = slopes[s] / total - 1
                for b in range(bins):
                    out[s, at + 2 + b] /= total
            else:
                out[s, at] = NOTHING
                out[s, at + 2 : at + 2 + bins] = 0.0


@kernel(types.Tuple((_f8, _i8, _f8))(INPUT_CUBE, _i8, _i8, _i8, _f8))
def spectrum_at(tables, node, source, bins, log_width):  # type: ignore[no-untyped-def]
    """Return H [m/GeV] at ln Γ, and where the shares are: the node below, and how far it is to the next one (0 to 1).

    Parameters
    ----------
    tables : float64[nodes, sources, entry_size(bins)]
    node, source, bins : int
    log_width : float
    """
    stride = 2 + bins
    place = (log_width - tables[node, source, 0]) * (1 / STEP)
    if not place > 0:
        return math.exp(tables[node, source, 1]), 0, 0.0
    if place >= NODES - 1:
        last = 1 + (NODES - 1) * stride
        beyond = (place - (NODES - 1)) * STEP
        # As in `flight.per_width`: ln(Γ H) is linear in Γ, or, of prompt N whose product flies on, in 1/Γ.
        slope = tables[node, source, last + 1] + 1
        change = math.expm1(beyond) if slope < -1 else -math.expm1(-beyond)
        return math.exp(tables[node, source, last] + slope * change - beyond), NODES - 1, 0.0
    i = int(place)
    f = place - i
    at = 1 + i * stride
    y0, d0 = tables[node, source, at], tables[node, source, at + 1] * STEP
    y1, d1 = tables[node, source, at + stride], tables[node, source, at + stride + 1] * STEP
    rise = y1 - y0
    return math.exp(y0 + f * (d0 + f * (3 * rise - 2 * d0 - d1 + f * (d0 + d1 - 2 * rise)))), i, f


@kernel(types.void(INPUT_CUBE, _i8, _i8, _i8, _f8, _f8, _i8, _f8[:, ::1]))
def add_shares(tables, node, source, i, f, amount, point, signal):  # type: ignore[no-untyped-def]
    """Add an amount to the bins of a point by the shares at the place that `spectrum_at` found."""
    bins = signal.shape[1]
    stride = 2 + bins
    before, here = 3 + max(i - 1, 0) * stride, 3 + i * stride
    after, beyond = 3 + min(i + 1, NODES - 1) * stride, 3 + min(i + 2, NODES - 1) * stride
    w0, w3 = f * (f * (1 - 0.5 * f) - 0.5), 0.5 * f * f * (f - 1)
    w1, w2 = 1 + f * f * (1.5 * f - 2.5), f * (0.5 + f * (2 - 1.5 * f))
    for b in range(bins):
        # Unsigned, as only such loops become vector instructions: a signed index might count from the end.
        share = w1 * tables[node, source, np.uint64(here + b)] + w2 * tables[node, source, np.uint64(after + b)]
        share += w0 * tables[node, source, np.uint64(before + b)] + w3 * tables[node, source, np.uint64(beyond + b)]
        signal[point, b] += amount * max(share, 0.0)
