"""What a detector makes of a shower: resolution, cuts, and a histogram of what was reconstructed.

Energies E' are Gaussian around E, cut off at 0. Directions are spread on the sphere as exp(cos α/σ²), α the angle
between the true and the reconstructed one: by a Gaussian of σ in each of two projections as long as σ is small, and
normalised for any (von Mises and Fisher's distribution). Integrals over E' are error functions, those over the
reconstructed angle θ' to the beam a quadrature. Its panels end at cuts and at edges of bins in θ', and where an edge in
E' crosses E: so bins are smooth in E and θ, and correct for a resolution of any size, 0 included.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import types
from numpy.typing import ArrayLike, NDArray

from scanner.errors import InputError, did_you_mean
from scanner.physics.kernel import INPUT, kernel
from scanner.physics.particles import MASS
from scanner.physics.phase_space import gauss_legendre

_f8 = types.float64

Float = NDArray[np.float64]

OBSERVABLES = ("count", "energy", "cos", "energy_qe", "energy_angle_sq", "energy_one_minus_cos")
"""Nothing; E' [GeV]; cos θ'; the energy of ν in ν n → e p, see `energy_qe` [GeV]; E'θ'², 2E'(1 - cos θ') [GeV]."""

_COUNT, _ENERGY, _COS, _QE, _ANGLE_SQ, _ONE_MINUS_COS = range(6)

PANEL = 1.5
"""Longest panel of the quadrature over θ', in σ."""

NODES = 6
"""Of a panel."""

REACH = 6.0
"""Farthest θ' from θ, in σ: less than 1e-6 is left out."""

WIDE = 0.25
"""σ [rad] from which any θ' is as far as that."""


class Nodes(NamedTuple):
    """Where a response is tabulated, as a selection has it: uniform in ln E and in sin(θ/2)."""

    energy_min: float
    """[GeV]."""
    energy_max: float
    """[GeV]."""
    energies: int
    sine_max: float
    """sin(θ/2) of the last angle; the first is 0."""
    angles: int

    @property
    def energy(self) -> Float:
        """[GeV], shape (energies,)."""
        first, last = math.log(self.energy_min), math.log(self.energy_max)
        return np.array([math.exp(x) for x in _uniform(first, last, self.energies)])

    @property
    def sine(self) -> Float:
        """sin(θ/2), shape (angles,)."""
        return _uniform(0.0, self.sine_max, self.angles)

    @property
    def theta(self) -> Float:
        """Angles to the beam [rad], shape (angles,)."""
        return np.array([2 * math.asin(x) for x in self.sine])


class Resolution(NamedTuple):
    """Of a detector at the energies of the nodes; 0 where it is perfect."""

    energy: Float
    """σ of E' [GeV], shape (energies,)."""
    angle: Float
    """σ of the direction in each of two projections [rad], shape (energies,); see `per_projection`."""


class Cuts(NamedTuple):
    """On what was reconstructed; by default there is none."""

    energy_min: float = 0.0
    """Of E' [GeV]."""
    energy_max: float = math.inf
    """Of E' [GeV]."""
    cos_min: float = -1.0
    """Of cos θ'."""
    energy_angle_sq_max: float = math.inf
    """Of E'θ'² [GeV]."""
    invariant_max: float = math.inf
    """Of 2E'²(1 - cos θ') [GeV²]: that is (E' - p_z)² + p_T² of something light."""
    q_sq_max: float = math.inf
    """Of Q² in ν n → e p [GeV²]: 2m_n E'²(1 - cos θ')/(m_n - E'(1 - cos θ')), the mass of the electron neglected."""


NO_CUTS = Cuts()


def energy_resolution(energy: ArrayLike, stochastic: float, constant: float = 0.0) -> Float:
    """σ of an energy [GeV]: E √(a²/E + b²), with a for E in GeV.

    >>> energy_resolution([0.25, 1.0], 0.12).round(4)
    array([0.06, 0.12])
    """
    at = np.asarray(energy, dtype=np.float64)
    return np.sqrt(stochastic * stochastic * at + constant * constant * at * at)


def per_projection(angle: ArrayLike, meaning: str) -> Float:
    """σ in each of two projections, from what is published as an angular resolution, in the same unit.

    Parameters
    ----------
    angle
        As published.
    meaning
        What it is: "projected", σ itself; of the angle α in space "rms" (√2 σ), "mean" (σ √π/2), "median" or "68%",
        the α that half or 68 % of the showers are within. An unspecified one is mostly the 68 % of a simulation.

    Raises
    ------
    InputError
        If the meaning is none of these.
    """
    # α² is exponential with mean 2σ².
    times = {
        "projected": 1.0,
        "rms": math.sqrt(2.0),
        "mean": math.sqrt(math.pi / 2),
        "median": math.sqrt(-2 * math.log(0.5)),
        "68%": math.sqrt(-2 * math.log(0.32)),
    }
    if meaning not in times:
        raise InputError("meaning", "unknown", meaning, ", ".join(times), did_you_mean(meaning, times))
    return np.asarray(angle, dtype=np.float64) / times[meaning]


def response(
    nodes: Nodes,
    resolution: Resolution,
    observable: str,
    edges: ArrayLike = (-math.inf, math.inf),
    cuts: Cuts = NO_CUTS,
    efficiency: ArrayLike = 1.0,
    seen_efficiency: tuple[ArrayLike, ArrayLike] | None = None,
) -> Float:
    """Probability that a shower is selected into each bin, over its true energy and angle: what a `Selection` takes.

    Parameters
    ----------
    nodes
        True energies and angles.
    resolution
        At these energies.
    observable
        One of OBSERVABLES.
    edges
        Of the bins, increasing, infinite ones included; a count needs none. A bin holds its lower edge; cos θ' = 1 is
        in the last one.
    cuts
        On what was reconstructed.
    efficiency
        At the true energies, shape (energies,), or a number.
    seen_efficiency
        Energies E' [GeV] and efficiencies there: linear between, constant outside; it multiplies the other one.

    Returns
    -------
    float64[energies, angles, bins]

    Raises
    ------
    InputError
        If nodes, edges, resolution or efficiencies are not as they should be.

    Notes
    -----
    Where E'(1 - cos θ') exceeds the mass of the neutron, no ν could have made that electron: it is in no bin of
    energy_qe.
    """
    _check_nodes(nodes)
    if observable not in OBSERVABLES:
        hint = did_you_mean(observable, OBSERVABLES)
        raise InputError("observable", "unknown", observable, ", ".join(OBSERVABLES), hint)
    bins = np.array([-math.inf, math.inf]) if observable == "count" else np.array(edges, dtype=np.float64)
    if bins.ndim != 1 or bins.size < 2 or not np.all(bins[1:] > bins[:-1]):
        raise InputError("edges", "must increase", bins, "two numbers or more")
    sigma_energy = _at_energies("resolution.energy", resolution.energy, nodes)
    sigma_angle = _at_energies("resolution.angle", resolution.angle, nodes)
    knots, values = _seen(seen_efficiency)
    out = np.zeros((nodes.energies, nodes.angles, bins.size - 1))
    _fill(
        OBSERVABLES.index(observable),
        np.array([MASS["n"], MASS["p"], MASS["e"]]),
        bins,
        np.array(cuts, dtype=np.float64),
        nodes.energy,
        nodes.theta,
        sigma_energy,
        sigma_angle,
        knots,
        values,
        *gauss_legendre(NODES),
        out,
    )
    out *= _at_energies("efficiency", efficiency, nodes)[:, None, None]
    return out


@kernel(_f8(_f8, _f8, INPUT))
def energy_qe(energy, cosine, masses):  # type: ignore[no-untyped-def]
    """Energy of ν [GeV] in ν n → e p off a neutron at rest, without binding energy, by the electron it made.

    Parameters
    ----------
    energy, cosine : float
        Of the electron [GeV], its mass at least, and of its angle to ν.
    masses : float64[3]
        Of n, p, e [GeV].
    """
    m_n, m_p, m_e = masses
    momentum = math.sqrt(max(energy * energy - m_e * m_e, 0.0))
    return (m_n * energy - 0.5 * (m_n * m_n + m_e * m_e - m_p * m_p)) / (m_n - energy + momentum * cosine)


@kernel(_f8(_f8, _f8, INPUT))
def electron_energy(energy, cosine, masses):  # type: ignore[no-untyped-def]
    """Inverse of `energy_qe`: energy of the electron [GeV], at which energy_qe is `energy` in that direction.

    With A = m_n + E_ν, B = E_ν m_n + (m_n² + m_e² - m_p²)/2 and p the momentum, A E - B = E_ν cos θ p. Energies below
    the threshold give 0.
    """
    m_n, m_p, m_e = masses
    if energy == math.inf:
        return m_n / (1 - cosine) if cosine < 1 else math.inf
    if energy < 0:
        return 0.0
    a, along = m_n + energy, energy * cosine
    b = energy * m_n + 0.5 * (m_n * m_n + m_e * m_e - m_p * m_p)
    square = (a - along) * (a + along)
    under = b * b - square * m_e * m_e
    return (a * b + along * math.sqrt(under)) / square if under > 0 else 0.0


@kernel(_f8(_f8))
def bessel_i0_scaled(x):  # type: ignore[no-untyped-def]
    """I_0(x) e^{-x} for x >= 0, to 2e-7: Abramowitz and Stegun, 9.8.1 and 9.8.2 (from memory; tested against scipy)."""
    if x < 3.75:
        t = x / 3.75 * (x / 3.75)
        inner = 1.2067492 + t * (0.2659732 + t * (0.0360768 + t * 0.0045813))
        return math.exp(-x) * (1.0 + t * (3.5156229 + t * (3.0899424 + t * inner)))
    t = 3.75 / x
    inner = 0.00916281 + t * (-0.02057706 + t * (0.02635537 + t * (-0.01647633 + t * 0.00392377)))
    return (0.39894228 + t * (0.01328592 + t * (0.00225319 + t * (-0.00157565 + t * inner)))) / math.sqrt(x)


@kernel(_f8(_f8, _f8, _f8))
def angle_density(theta, seen, sigma):  # type: ignore[no-untyped-def]
    """Density [1/rad] of a reconstructed angle to the beam, `seen`, for a true one and σ in each projection [rad]."""
    kappa = 1 / (sigma * sigma)
    half = math.sin(0.5 * (theta - seen))
    around = bessel_i0_scaled(kappa * math.sin(theta) * math.sin(seen))
    return -kappa / math.expm1(-2 * kappa) * math.sin(seen) * math.exp(-2 * kappa * half * half) * around


@kernel(_f8(_f8, _f8, _f8, _f8, _f8, _f8))
def _segment(low, high, level, slope, energy, sigma):  # type: ignore[no-untyped-def]
    """Integral from low to high of level + slope (E' - E) times the Gaussian of E' around E."""
    u, v = (low - energy) / sigma, (high - energy) / sigma
    value = level * 0.5 * (math.erf(v * math.sqrt(0.5)) - math.erf(u * math.sqrt(0.5)))
    if slope != 0:
        value -= slope * sigma * (math.exp(-0.5 * v * v) - math.exp(-0.5 * u * u)) / math.sqrt(2 * math.pi)
    return value


@kernel(_f8(_f8, _f8, _f8, INPUT, INPUT, INPUT))
def _seen_below(limit, energy, sigma, knots, values, sums):  # type: ignore[no-untyped-def]
    """Probability that E' is below a limit and seen; sums are those at the knots, not normalised.

    A perfect resolution (σ = 0) is hard: E' = E is below a limit above it.
    """
    last = knots.size - 1
    at = energy if sigma == 0 else limit
    index = 0
    while index <= last and knots[index] <= at:
        index += 1
    # The interval before knots[index], in which the efficiency is linear.
    slope, level = 0.0, values[min(index, last)]
    if 0 < index <= last:
        slope = (values[index] - values[index - 1]) / (knots[index] - knots[index - 1])
        level = values[index - 1] + slope * (energy - knots[index - 1])
    if sigma == 0:
        return level if limit > energy else 0.0
    start, below = (knots[index - 1], sums[index - 1]) if index > 0 else (0.0, 0.0)
    if not limit > 0:
        return 0.0
    inside = 0.5 * math.erfc(-energy / sigma * math.sqrt(0.5))
    return (below + _segment(start, limit, level, slope, energy, sigma)) / inside


@kernel(_f8(types.int64, _f8, _f8, INPUT))
def _energy_at(observable, edge, theta, masses):  # type: ignore[no-untyped-def]
    """E' [GeV] at which an observable that grows with E' is at an edge, for the angle θ'."""
    if observable == _ENERGY:
        return edge
    if observable == _QE:
        return electron_energy(edge, math.cos(theta), masses)
    half = math.sin(0.5 * theta)
    square = theta * theta if observable == _ANGLE_SQ else 4 * half * half
    if square > 0:
        return edge / square
    return math.inf if edge > 0 else 0.0


@kernel(_f8(types.int64, _f8, _f8, INPUT))
def _angle_at(observable, edge, energy, masses):  # type: ignore[no-untyped-def]
    """θ' at which an observable is at an edge, for the energy E'; -1 if nowhere."""
    cosine = 2.0
    if observable == _COS:
        cosine = edge
    elif observable == _QE and edge != 0:
        m_n, m_p, m_e = masses
        momentum = math.sqrt(max(energy * energy - m_e * m_e, 0.0))
        above = m_n * energy - 0.5 * (m_n * m_n + m_e * m_e - m_p * m_p)
        cosine = (above / edge - m_n + energy) / momentum if momentum > 0 else 2.0
    elif observable == _ANGLE_SQ and edge >= 0:
        return math.sqrt(edge / energy)
    elif observable == _ONE_MINUS_COS:
        cosine = 1 - edge / (2 * energy)
    return math.acos(cosine) if abs(cosine) <= 1 else -1.0


@kernel(_f8(INPUT, _f8, INPUT))
def _most_energy(cuts, theta, masses):  # type: ignore[no-untyped-def]
    """Largest E' [GeV] that the cuts, those of `Cuts`, let through at the angle θ'; cos_min is not looked at."""
    half = math.sin(0.5 * theta)
    most = cuts[1]
    if theta > 0:
        most = min(most, cuts[3] / (theta * theta))
    if half > 0:
        most = min(most, math.sqrt(cuts[4]) / (2 * half))
        if cuts[5] < math.inf:
            less = 2 * half * half * cuts[5]
            root = math.sqrt(less * (less + 8 * masses[0] * masses[0]))
            most = min(most, 2 * masses[0] * cuts[5] / (less + root)) if less > 0 else 0.0
    return most


@kernel(types.void(types.int64, INPUT, INPUT, INPUT, *(_f8,) * 4, INPUT, INPUT, INPUT, _f8[::1]))
def _add(observable, masses, edges, cuts, theta, weight, energy, sigma, knots, values, sums, out):  # type: ignore[no-untyped-def]
    """Add one reconstructed angle θ' of a weight to the bins, out; see `_seen_below` for the last arguments."""
    least, most = cuts[0], _most_energy(cuts, theta, masses)
    if not least < most:
        return
    bins = edges.size - 1
    below = _seen_below(least, energy, sigma, knots, values, sums)
    if observable in (_COUNT, _COS):
        index = 0
        cosine = math.cos(theta)
        if observable == _COS:
            if cosine < edges[0] or cosine > edges[bins]:
                return
            while index < bins - 1 and cosine >= edges[index + 1]:
                index += 1
        out[index] += weight * (_seen_below(most, energy, sigma, knots, values, sums) - below)
        return
    at = -math.inf
    for index in range(bins + 1):
        edge = min(max(_energy_at(observable, edges[index], theta, masses), least), most)
        if index == 0:
            at = edge
            below = _seen_below(edge, energy, sigma, knots, values, sums)
        elif edge > at:
            above = _seen_below(edge, energy, sigma, knots, values, sums)
            out[index - 1] += weight * (above - below)
            at, below = edge, above


@kernel(_f8[::1](types.int64, INPUT, INPUT, INPUT, _f8))
def _breaks(observable, masses, edges, cuts, energy):  # type: ignore[no-untyped-def]
    """Angles θ' at which E' = E crosses an edge or a cut, sorted; -1 for those that it does not."""
    out = np.full(edges.size + 3, -1.0)
    for i in range(edges.size):
        out[i] = _angle_at(observable, edges[i], energy, masses)
    out[edges.size] = _angle_at(_ANGLE_SQ, cuts[3], energy, masses)
    out[edges.size + 1] = _angle_at(_ONE_MINUS_COS, cuts[4] / energy, energy, masses)
    if cuts[5] < math.inf:
        limit = 2 * cuts[5] / (2 * energy + cuts[5] / masses[0])
        out[edges.size + 2] = _angle_at(_ONE_MINUS_COS, limit, energy, masses)
    return np.sort(out)


@kernel(
    types.void(
        *(types.int64, INPUT, INPUT, INPUT, INPUT, INPUT, INPUT, INPUT, INPUT, INPUT, INPUT, INPUT),
        _f8[:, :, ::1],
    )
)
def _fill(observable, masses, edges, cuts, energy, theta, sigma_e, sigma_t, knots, values, nodes, weights, out):  # type: ignore[no-untyped-def]
    """Fill out[energy, angle, bin], which is 0 before; nodes and weights are those of a Gauss–Legendre rule."""
    farthest = math.acos(max(cuts[2], -1.0)) if cuts[2] <= 1 else -1.0
    sums = np.zeros(knots.size)
    for i in range(energy.size):
        e, sigma = energy[i], sigma_e[i]
        if sigma > 0:
            start, sums[0] = 0.0, _segment(0.0, knots[0], values[0], 0.0, e, sigma)
            for k in range(1, knots.size):
                start = knots[k - 1]
                slope = (values[k] - values[k - 1]) / (knots[k] - start)
                sums[k] = sums[k - 1] + _segment(start, knots[k], values[k - 1] + slope * (e - start), slope, e, sigma)
        breaks = _breaks(observable, masses, edges, cuts, e)
        for j in range(theta.size):
            if sigma_t[i] == 0:
                if theta[j] <= farthest:
                    _add(observable, masses, edges, cuts, theta[j], 1.0, e, sigma, knots, values, sums, out[i, j])
                continue
            reach = REACH * sigma_t[i] if sigma_t[i] < WIDE else math.pi
            low, last = max(theta[j] - reach, 0.0), min(theta[j] + reach, math.pi, farthest)
            for b in range(breaks.size + 1):
                high = min(breaks[b], last) if b < breaks.size else last
                if not high > low:
                    continue
                panels = math.ceil((high - low) / (PANEL * sigma_t[i]))
                width = (high - low) / panels
                for n in range(panels * nodes.size):
                    at = low + width * (n // nodes.size + 0.5 + 0.5 * nodes[n % nodes.size])
                    weight = 0.5 * width * weights[n % nodes.size] * angle_density(theta[j], at, sigma_t[i])
                    _add(observable, masses, edges, cuts, at, weight, e, sigma, knots, values, sums, out[i, j])
                low = high


def _uniform(first: float, last: float, n: int) -> Float:
    """Numbers from the first to the last one, both exact."""
    return np.array([first + (last - first) * (i / (n - 1)) for i in range(n - 1)] + [last])


def _check_nodes(nodes: Nodes) -> None:
    """Raise an InputError unless nodes are two or more in each direction, within what there is."""
    if not 0 < nodes.energy_min < nodes.energy_max < math.inf or nodes.energies < 2:
        raise InputError("nodes", "energies must increase", nodes, "0 < energy_min < energy_max [GeV], 2 or more")
    if not 0 < nodes.sine_max <= 1 or nodes.angles < 2:
        raise InputError("nodes", "angles must increase", nodes, "0 < sine_max <= 1, 2 or more")


def _at_energies(where: str, value: ArrayLike, nodes: Nodes) -> Float:
    """Return one number for each energy; InputError unless they are finite, and none is negative."""
    numbers = np.array(value, dtype=np.float64)
    if numbers.shape not in ((), (nodes.energies,)) or not np.all(np.isfinite(numbers) & (numbers >= 0)):
        raise InputError(where, "one number for each energy", numbers, f"{nodes.energies} numbers, 0 or more")
    return np.broadcast_to(numbers, (nodes.energies,)).copy()


def _seen(table: tuple[ArrayLike, ArrayLike] | None) -> tuple[Float, Float]:
    """Return energies and efficiencies of a table over E'; InputError unless they are ones."""
    if table is None:
        return np.zeros(1), np.ones(1)
    knots, values = (np.atleast_1d(np.array(column, dtype=np.float64)) for column in table)
    good = knots.ndim == 1 and knots.shape == values.shape and knots[0] >= 0 and np.all(np.diff(knots) > 0)
    if not good or not np.all(np.isfinite(values) & (values >= 0)):
        raise InputError("seen_efficiency", "energies must increase, with an efficiency each", table, "0 or more")
    return knots, values
