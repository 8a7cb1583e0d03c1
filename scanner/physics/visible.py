"""What a detector sees of decays N → ν (or a lighter N) + a photon, or a pair of e⁺e⁻ or γγ, of N on a grid.

*Shapes.* N decays into something of mass q at an angle θ* to the spin of N, for which 1 + α(q) cos θ*; for a Majorana
N, α = 0. With x = q²/m² a vector has α = (1 - 2x)/(1 + 2x) where the daughter is massless, a scalar 1, a photon -1, a
virtual photon (x - 2)/(x + 2). A mediator lighter than m - m′ is on its shell; otherwise q has a spectrum, that of
`scanner.physics.dark_neutrino_decays` for the exchange of a mediator that is far from its shell.

*Pairs.* At q and E in the laboratory a pair is seen as what is asked for with a probability that depends on the
angle θ_e of one of the two in the rest frame of the pair, to the flight of the pair in the laboratory: its averages
over 1 and over the Legendre polynomial P₂(cos θ_e) matter. Pairs of a vector have 1 + a₂ P₂ about their
flight in the rest frame of N, and a₂ P₂(cos ω) about that in the laboratory, ω the angle between the two as the
pair sees them; what goes with the spin of N has an alignment b₂ of its own. Helicities 0 and 1 of the pair interfere:
χ sin ω cos ω P₂(cos θ_e) goes with the spin across the flight of the pair, in the plane of N and the pair.

All integrals are quadratures with fixed nodes, smooth in the masses.
"""

from __future__ import annotations

import functools
import math
from typing import NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from scanner.physics.dark_neutrino_decays import two_body
from scanner.physics.geometry import seen_probability
from scanner.physics.kernel import INPUT, INPUT_CUBE, INPUT_MATRIX, kernel
from scanner.physics.phase_space import gauss_legendre
from scanner.physics.upscattered import PARTS, place

_f8 = types.float64
_CUBE4 = types.float64[:, :, :, ::1]
_INPUT_CUBE4 = types.Array(_f8, 4, "C", readonly=True)
_TRIPLE = types.UniTuple(_f8, 3)

VECTOR_PAIR, SCALAR_PAIR, PHOTON, VIRTUAL_PHOTON, CURRENT_PAIR = range(5)
"""The last is that of unpolarised N with a massive daughter and a vector current N̄′ γ^μ N, without γ5."""

SPECTRUM_NODES = 6
"""For the mass of a pair that has a spectrum."""
CLOSEST = 1e-6
"""Least distance of the pole of an exchange from the end of a spectrum, in units of that end: nodes are that dense."""
COSINES, TURNS = 10, 6
"""Nodes for the direction of decay: polar, and azimuthal over half a turn."""
SPECTRUM_COSINES, SPECTRUM_TURNS = 7, 4
"""The same for pairs that have a spectrum of masses, which smooths what directions would leave."""

PAIR_STEPS, PAIR_HALVINGS = 32, 20
"""Of cos θ_e, to find where a rule begins and ceases to hold, and to find the place."""

NEGLIGIBLE = 1e-7
"""Nodes of N with a smaller share of all are left out."""


class Spectrum(NamedTuple):
    """Masses of what is visible."""

    mass: NDArray[np.float64]
    """q [GeV], shape (n,)."""
    weight: NDArray[np.float64]
    """Of each; they sum to 1 where the decay is open, and to 0 where it is not."""
    asymmetry: NDArray[np.float64]
    """α."""
    alignment: NDArray[np.float64]
    """a₂."""
    polarised_alignment: NDArray[np.float64]
    """b₂."""
    interference: NDArray[np.float64]
    """χ."""


@functools.cache
def _rule(nodes: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return gauss_legendre(nodes)


def spectrum(shape: int, mass: float, daughter: float, mediator: float, product: float, majorana: bool) -> Spectrum:
    """Return the masses of what is visible of a decay.

    Parameters
    ----------
    shape
        VECTOR_PAIR, SCALAR_PAIR, PHOTON or VIRTUAL_PHOTON.
    mass, daughter, mediator
        Of N, what N becomes beside what is visible, and what is exchanged [GeV].
    product
        Mass of each of a pair [GeV].
    majorana
        Whether N is.
    """
    gap = mass - daughter
    if shape == PHOTON:
        masses, weights = np.zeros(1), np.ones(1)
    elif 2 * product < mediator < gap and shape != VIRTUAL_PHOTON:
        masses, weights = np.array([mediator]), np.ones(1)
    else:
        masses, weights = _off_shell(shape, mass, daughter, mediator, product, majorana)
    found = np.array([_angular(shape, mass, daughter, q, product, majorana) for q in masses]).T
    if majorana:
        found[[0, 2, 3]] = 0.0
    return Spectrum(masses, weights, *(np.ascontiguousarray(row) for row in found))


def _off_shell(
    shape: int, mass: float, daughter: float, mediator: float, product: float, majorana: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Nodes, dense at the end that the pole of the exchange is beyond, and their normalised weights.

    They are uniform where a massless daughter makes rates vanish at that end.
    """
    low, high = 2 * product, mass - daughter
    rule = _rule(SPECTRUM_NODES)[1]
    if not low < high:
        return np.full(rule.size, low), np.zeros(rule.size)
    if shape == VIRTUAL_PHOTON:
        apart, steps = _from_an_end(low, high - low)
        masses = low + apart
        rates = [_photon_rate(mass, product, float(q)) for q in masses]
    else:
        if mediator <= low:
            apart, steps = _from_an_end(max(low - mediator, CLOSEST * low), high - low)
            masses = low + apart
        elif daughter > 0:
            apart, steps = _from_an_end(max(mediator - high, CLOSEST * high), high - low)
            masses = high - apart
        else:
            masses, steps = low + 0.5 * (high - low) * (_rule(SPECTRUM_NODES)[0] + 1), np.ones(rule.size)
        rates = [_mediator_rate(shape, mass, daughter, mediator, product, float(q), majorana) for q in masses]
    weights = [w * step * rate for w, step, rate in zip(rule, steps, rates, strict=True)]
    total = math.fsum(weights)
    return masses, np.array(weights) / total if total > 0 else np.zeros(rule.size)


def _from_an_end(scale: float, length: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return y = scale · sinh²u at nodes uniform in u, 0 < y < length, and dy/du up to a constant.

    √y dy/(y + scale)², a threshold before a pole, is smooth in u, and so is dy/y.
    """
    last = math.asinh(math.sqrt(length / scale))
    places = [0.5 * last * (x + 1) for x in _rule(SPECTRUM_NODES)[0]]
    return np.array([scale * math.sinh(u) ** 2 for u in places]), np.array([math.sinh(2 * u) for u in places])


def _photon_rate(mass: float, product: float, q: float) -> float:
    """dΓ/dq through a virtual photon, up to a constant."""
    velocity_sq, x = max(1 - (2 * product / q) ** 2, 0.0), (q / mass) ** 2
    return (1 - x) ** 2 * (1 + x / 2) / q * math.sqrt(velocity_sq) * (1.5 - 0.5 * velocity_sq)


def _mediator_rate(
    shape: int, mass: float, daughter: float, mediator: float, product: float, q: float, majorana: bool
) -> float:
    """dΓ/dq through a mediator far from its shell, up to a constant."""
    s, gap = q * q, mass - daughter
    velocity_sq = max(1 - (2 * product / q) ** 2, 0.0)
    velocity, propagator = math.sqrt(velocity_sq), (s - mediator**2) ** 2
    if shape == SCALAR_PAIR:
        # Pairs of photons have one power of s more than those of leptons.
        return q * (1 - s / mass**2) ** 2 * s * (velocity**3 if product > 0 else s) / propagator
    decay = two_body(mass, daughter, s, (gap - q) * (gap + q), majorana)
    if shape == CURRENT_PAIR:  # without the interference of chiralities, which the daughter's mass makes
        whole = (gap * gap - s) * ((mass + daughter) ** 2 / s + 2)
        decay *= whole / (whole + 6 * mass * daughter)
    return float(q * decay * s * velocity * (1.5 - 0.5 * velocity_sq) / propagator)


def _angular(
    shape: int, mass: float, daughter: float, q: float, product: float, majorana: bool
) -> tuple[float, float, float, float]:
    """α, a₂, b₂ and χ, from the share of helicity 0, what of it goes with the spin, and its interference."""
    if shape == PHOTON:
        return -1.0, 0.0, 0.0, 0.0
    if shape == SCALAR_PAIR:
        return 1.0, 0.0, 0.0, 0.0
    if shape == VIRTUAL_PHOTON:
        x = (q / mass) ** 2
        longitudinal = polarised = x / (2 + x)
        asymmetry, mixed = 2 * longitudinal - 1, q / mass / (2 + x)
    else:
        twist = float(majorana) - float(shape == CURRENT_PAIR)
        asymmetry, longitudinal, polarised, mixed = _vector(mass, daughter, q, twist)
    heavy = (2 * product / q) ** 2
    softened = (1 - heavy) / (1 + heavy / 2)
    alignment, aligned = 0.5 * (1 - longitudinal) - longitudinal, 0.5 * (asymmetry - polarised) - polarised
    return asymmetry, softened * alignment, softened * aligned, -3 * softened * mixed


def _vector(m: float, daughter: float, q: float, twist: float) -> tuple[float, float, float, float]:
    """α, share of helicity 0, what of it goes with the spin, and its interference, for N → N′ and a vector of mass q.

    Σ|amplitude|² is F(p - m s), F(v) = 2 p′·v + 4 (p′·q)(v·q)/q², of which helicity 0 has 2 p′·v + 4 (p′·ε)(v·ε). At
    rest, the vector is a tensor p′_i n_j + n_i p′_j + δ_ij p′·n in space, n = p - m s; off its diagonal is that of n
    across p′. What goes with the spin is that of a left-handed current; that of Majorana N is axial, which adds 3 m m′,
    a third of it of helicity 0 (twist 1), and a vector's takes as much away (twist -1).
    """
    s, difference = q * q, m * m - daughter * daughter
    other, own, inner = (difference - s) / 2, (difference + s) / 2, (m * m + daughter * daughter - s) / 2
    momentum_sq = max((m - daughter - q) * (m - daughter + q) * (m + daughter - q) * (m + daughter + q), 0.0)
    momentum = 0.5 * math.sqrt(momentum_sq) / m
    whole = inner + 2 * other * own / s
    longitudinal = inner + 2 * (m * momentum) ** 2 / s
    whole, longitudinal = whole + twist * 3 * m * daughter, longitudinal + twist * m * daughter
    sideways = m * momentum / whole
    return sideways * (2 * other / s - 1), longitudinal / whole, sideways * (2 * own / s - 1), sideways * m / q


@kernel(types.boolean(_f8, _f8, _f8, _f8, _f8, INPUT))
def _passes(c, E, spread, product, q, rule):  # type: ignore[no-untyped-def]
    """Whether a pair with cos θ_e = ± c passes a rule; see `pair_shares`."""
    half = 0.5 * E
    harder, softer = half + spread * c, half - spread * c
    if softer < rule[3]:
        return False
    momenta_sq = (harder - product) * (harder + product) * max(softer - product, 0.0) * (softer + product)
    cosine = 1.0
    if momenta_sq > 0:
        cosine = (harder * softer - 0.5 * q * q + product * product) / math.sqrt(momenta_sq)
        cosine = min(max(cosine, -1.0), 1.0)
    opening, share = 0.5 * (1 - cosine), softer / E
    if not (rule[1] <= cosine <= rule[2] and opening * opening + share * share < rule[0] * rule[0]):
        return False
    return cosine >= rule[4] or softer < rule[5]


@kernel(types.UniTuple(_f8, 2)(_f8, _f8, _f8, INPUT))
def pair_shares(E, q, product, rule):  # type: ignore[no-untyped-def]
    """Averages over 1 and P₂(cos θ_e) of whether a pair is seen, from the edges of what is.

    Parameters
    ----------
    E, q : float
        Energy and mass of the pair [GeV].
    product : float
        Mass of each of the two [GeV].
    rule : float64[6]
        r_cut at this energy, infinite where it is no condition, then the other fields of a `PairRule`.
    """
    flight = math.sqrt(max((E - q) * (E + q), 0.0))
    velocity = math.sqrt(max(1 - (2 * product / q) ** 2, 0.0)) if q > 0 else 1.0
    spread = 0.5 * flight * velocity
    first = second = 0.0
    before, inside = 0.0, _passes(0.0, E, spread, product, q, rule)
    for n in range(1, PAIR_STEPS + 1):
        # Dense at 1, where the softer one has little energy.
        c = 1 - (1 - n / PAIR_STEPS) ** 2
        now = _passes(c, E, spread, product, q, rule)
        edge = c
        if now != inside:
            low, high = before, c
            for _ in range(PAIR_HALVINGS):
                middle = 0.5 * (low + high)
                if _passes(middle, E, spread, product, q, rule) == inside:
                    low = middle
                else:
                    high = middle
            edge = 0.5 * (low + high)
        start, stop = (before, edge) if inside else (edge, c)
        if inside or now:
            first += stop - start
            second += 0.5 * ((stop * stop - 1) * stop - (start * start - 1) * start)
        before, inside = c, now
    return first, second


@kernel(types.UniTuple(_f8, 4)(_f8, _f8, _f8, _f8, _f8, _f8))
def _boosted(m, E, rest_energy, rest_momentum, cosine, sine):  # type: ignore[no-untyped-def]
    """Energy and momentum of what is visible, and its momenta along and across N, from those in the rest frame of N."""
    p = math.sqrt(max((E - m) * (E + m), 0.0))
    visible = (E * rest_energy + p * rest_momentum * cosine) / m
    along, across = (p * rest_energy + E * rest_momentum * cosine) / m, rest_momentum * sine
    return visible, math.sqrt(along * along + across * across), along, across


@kernel(types.UniTuple(_TRIPLE, 2)(_f8, _f8, _f8, _f8, _f8, _f8, _f8))
def _harmonics(cosine, sine, turn, asymmetry, alignment, polarised, interference):  # type: ignore[no-untyped-def]
    """What multiplies the averages over 1 and over P₂(cos θ_e), for each of PARTS.

    Parameters
    ----------
    cosine, sine : float
        Of the direction in the rest frame of N.
    turn : float
        cos ω.
    asymmetry, alignment, polarised, interference : float
        Of a `Spectrum` at one mass.
    """
    second, mixed = 1.5 * turn * turn - 0.5, interference * turn * math.sqrt(1 - turn * turn)
    spin = polarised * second
    plain = 1.0, asymmetry * cosine, asymmetry * sine
    return plain, (alignment * second, spin * cosine + mixed * sine, spin * sine - mixed * cosine)


@kernel(_f8(_f8, _f8, _f8, _f8, _f8, _f8, _f8))
def _turn(m, E, q, rest_energy, rest_momentum, visible, momentum):  # type: ignore[no-untyped-def]
    """Cosine of ω."""
    denominator = m * rest_momentum * momentum
    if not denominator > 0:
        return 1.0
    return min(max((m * rest_energy * visible - q * q * E) / denominator, -1.0), 1.0)


@kernel(types.void(types.int64, _f8, types.UniTuple(_f8, 2), _TRIPLE, _TRIPLE, _INPUT_CUBE4, types.float64[:, :, ::1]))
def _fill_here(e, u, shares, plain, aligned, seen, here):  # type: ignore[no-untyped-def]
    """Fill what is selected at each angle and in each bin, for each of PARTS, at u between energy nodes e and e + 1.

    Parameters
    ----------
    shares : (float, float)
        From `pair_shares`, where `seen` does not hold both averages; 1 and 0 of a photon.
    plain, aligned : (float, float, float)
        What multiplies the averages over 1 and over P₂.
    seen : float64[1 or 2, e, t, bins]
    here : float64[PARTS, t, bins]
    """
    last = seen.shape[0] - 1
    for t in range(here.shape[1]):
        for x in range(here.shape[2]):
            one = (1 - u) * seen[0, e, t, x] + u * seen[0, e + 1, t, x]
            other = one * shares[1]
            if last == 1:
                other = (1 - u) * seen[1, e, t, x] + u * seen[1, e + 1, t, x]
            else:
                one *= shares[0]
            for part in range(PARTS):
                here[part, t, x] = plain[part] * one + aligned[part] * other


@kernel(types.void(_f8, _f8, _f8, _f8, _f8, INPUT, INPUT_CUBE, types.float64[:, ::1]))
def _sweep(along, across, sine, weight, sine_max, turns, here, sums):  # type: ignore[no-untyped-def]
    """Fill averages over the azimuth of what is selected, the last part times the azimuth's cosine.

    Parameters
    ----------
    along, across : float
        Components of the flight of what is visible along and across that of N, of unit length together.
    sine : float
        sin(θ/2) of N.
    weight : float
    turns : float64[n]
        Cosines of the azimuth, towards the beam.
    here : float64[PARTS, t, bins]
    sums : float64[PARTS, bins]
    """
    sums[:] = 0.0
    columns = here.shape[1]
    cosine, lateral = 1 - 2 * sine * sine, 2 * sine * math.sqrt(max(1 - sine * sine, 0.0))
    share = weight / turns.size
    for f in range(turns.size):
        projected = along * cosine + across * turns[f] * lateral
        at = math.sqrt(max(0.5 * (1 - projected), 0.0))
        if at > sine_max:
            continue
        t, w = place(at, sine_max / (columns - 1), columns)
        low, high = share * (1 - w), share * w
        for x in range(sums.shape[1]):
            sums[0, x] += low * here[0, t, x] + high * here[0, t + 1, x]
            sums[1, x] += low * here[1, t, x] + high * here[1, t + 1, x]
            sums[2, x] += turns[f] * (low * here[2, t, x] + high * here[2, t + 1, x])


@kernel(
    types.void(
        _f8, _f8, INPUT, INPUT, INPUT, INPUT, INPUT, INPUT, INPUT, INPUT, types.boolean[:, ::1],
        _f8, _f8, _f8, _INPUT_CUBE4, _f8, INPUT, INPUT, INPUT, INPUT, INPUT, _CUBE4,
    )
)  # fmt: skip
def fill_seen(  # type: ignore[no-untyped-def]
    m, daughter, masses, mass_weights, asymmetry, alignment, polarised_alignment, interference, energies, sines, used,
    log_first, log_step, sine_max, seen, product, r_cut, limits, cosines, cosine_weights, turns, out,
):  # fmt: skip
    """Fill what is seen of N of each energy and angle, for each of the parts of `upscattered.PARTS`.

    Parameters
    ----------
    m, daughter : float
        [GeV].
    masses, mass_weights, asymmetry, alignment, polarised_alignment, interference : float64[n]
        A `Spectrum`.
    energies, sines : float64[j], float64[k]
        Of N [GeV], and sin(θ/2).
    used : bool[j, k]
        Nodes that matter.
    log_first, log_step, sine_max : float
        Nodes of the response: ln E, and the last sin(θ/2).
    seen : float64[1 or 2, e, t, bins]
        Probability to be selected, to be multiplied by `pair_shares`; or the averages over 1 and P₂(cos θ_e) of the
        probability for pairs that are seen.
    product : float
        Mass of each of a pair [GeV]; negative where there is no pair.
    r_cut : float64[e]
        Of a `PairRule`, infinite where it is no condition.
    limits : float64[5]
        Its other fields.
    cosines, cosine_weights : float64[c]
        Of the direction in the rest frame of N: a Gauss–Legendre rule.
    turns : float64[f]
        Cosines of its azimuth over half a turn.
    out : float64[PARTS, j, k, bins]
    """
    out[:] = 0.0
    ruled, rule = product >= 0 and seen.shape[0] == 1, np.empty(6)
    rule[1:] = limits
    here = np.empty((PARTS, seen.shape[2], seen.shape[3]))
    sums = np.empty((PARTS, out.shape[3]))
    for n in range(masses.size):
        q = masses[n]
        if not mass_weights[n] > 0:
            continue
        gap_sq = max((m - daughter - q) * (m - daughter + q) * (m + daughter - q) * (m + daughter + q), 0.0)
        rest_energy, rest_momentum = 0.5 * (m * m + q * q - daughter * daughter) / m, 0.5 * math.sqrt(gap_sq) / m
        for j in range(energies.size):
            E = energies[j]
            for i in range(cosines.size):
                c, sine = cosines[i], math.sqrt(1 - cosines[i] * cosines[i])
                visible, momentum, along, across = _boosted(m, E, rest_energy, rest_momentum, c, sine)
                level = math.log(visible) - log_first
                if level < 0 or momentum == 0:
                    continue
                e, u = place(level, log_step, seen.shape[1])
                turn = _turn(m, E, q, rest_energy, rest_momentum, visible, momentum)
                of_mass = asymmetry[n], alignment[n], polarised_alignment[n], interference[n]
                plain, aligned = _harmonics(c, sine, turn, *of_mass)
                shares = 1.0, 0.0
                if ruled:
                    rule[0] = r_cut[e] if u == 0 else (1 - u) * r_cut[e] + u * r_cut[e + 1]
                    shares = pair_shares(visible, q, product, rule)
                    if shares[0] == 0:
                        continue
                _fill_here(e, u, shares, plain, aligned, seen, here)
                weight = 0.5 * mass_weights[n] * cosine_weights[i]
                for k in range(sines.size):
                    if not used[j, k]:
                        continue
                    _sweep(along / momentum, across / momentum, sines[k], weight, sine_max, turns, here, sums)
                    for part in range(PARTS):
                        for x in range(sums.shape[1]):
                            out[part, j, k, x] += sums[part, x]


@kernel(
    types.void(
        _f8, INPUT, INPUT, types.boolean[:, ::1], INPUT, _INPUT_CUBE4, INPUT, INPUT, INPUT_MATRIX, _INPUT_CUBE4,
        types.float64[:, :, ::1],
    )
)  # fmt: skip
def add_decays(  # type: ignore[no-untyped-def]
    m, energies, sines, used, decay_lengths, made, at_sines, log_length, probability, seen, out
):  # fmt: skip
    """Add what is seen of the N that are made in one region, for each decay length.

    Parameters
    ----------
    m : float
        Of N [GeV].
    energies, sines : float64[j], float64[k]
        Of N [GeV], and sin(θ/2).
    used : bool[j, k]
        Nodes that matter.
    decay_lengths : float64[n]
        cτ [m].
    made : float64[flavours, j, k, PARTS]
        See `upscattered.fill_made`.
    at_sines, log_length, probability : float64[a], float64[l], float64[a, l]
        A `DecayProbability`.
    seen : float64[PARTS, j, k, bins]
        See `fill_seen`.
    out : float64[flavours, n, bins]
    """
    start, step, last = log_length[0], (log_length[-1] - log_length[0]) / (log_length.size - 1), log_length.size - 1
    # Once for the angles, as all decay lengths share them.
    at_angle = np.empty((sines.size, log_length.size))
    for k in range(sines.size):
        for i in range(log_length.size):
            at_angle[k, i] = seen_probability(sines[k], log_length[i], at_sines, start, step, probability)
    # The first node, at rest, stands for N up to the next one: with E uniform there, their mean of 1/p is this one's.
    slowest = 0.375 * math.sqrt((energies[1] - m) * (energies[1] + m)) / m
    for j in range(energies.size):
        boost = math.log(max(math.sqrt(max((energies[j] - m) * (energies[j] + m), 0.0)) / m, slowest))
        for n in range(decay_lengths.size):
            length = boost + math.log(decay_lengths[n])
            x = min(max((length - start) / step, 0.0), float(last))
            column = min(int(x), last - 1)
            share = x - column
            far = math.exp(min(start + last * step - length, 0.0))
            for k in range(sines.size):
                if not used[j, k]:
                    continue
                here = far * ((1 - share) * at_angle[k, column] + share * at_angle[k, column + 1])
                if here == 0:
                    continue
                for a in range(made.shape[0]):
                    number = here * made[a, j, k, 0]
                    first, second = here * made[a, j, k, 1], here * made[a, j, k, 2]
                    for x in range(out.shape[2]):
                        out[a, n, x] += number * seen[0, j, k, x] + first * seen[1, j, k, x] + second * seen[2, j, k, x]
