"""A brute-force Monte Carlo of ν + T → N + T, N → ν (or N′) e⁺e⁻ through a vector, with a fixed seed, for tests.

Everything is written anew, from published formulas and four-vectors, but for form factors, the polarisation of N (which
has its own tests against traces) and the fluxes. Decays are those of the full amplitude, |M|² ∝ (k·p₁)(n·p₂) +
(k·p₂)(n·p₁) + m_e² k·n with n = p_N - m s, where the engine has an angle and an alignment.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from scanner.physics.form_factors import (
    fourier_bessel,
    fourier_bessel_terms,
    helm,
    helm_terms,
    nuclide,
    sachs_neutron,
    sachs_proton,
)
from scanner.physics.particles import MASS
from scanner.physics.upscattered import polarisation
from scanner.physics.upscattering import CM2, VECTOR, q2_limits
from scanner.signals.upscattering_samples import Flux

Float = np.ndarray
M_E = MASS["e"]


class Events(NamedTuple):
    """Weighted events; the sum of weights is the number of N for unit couplings."""

    weight: Float
    N: Float
    """Four-momenta (E, x, y, z) [GeV], shape (4, n)."""
    pair: tuple[Float, Float]
    """Of the e⁻ and e⁺."""


def made(
    rng: np.random.Generator,
    number: int,
    flux: Flux,
    flavour: int,
    targets: Mapping[str, float],
    m: float,
    exchanged: float,
) -> tuple[Float, Float, Float]:
    """Sample N: weights, four-momenta, and the mean spin four-vectors."""
    channels = []
    for name, count in targets.items():
        nucleus = nuclide(name)
        if nucleus.A > 1:
            channels.append((name, nucleus.mass, count * nucleus.Z**2))
        channels.append(("p", MASS["p"], count * nucleus.Z))
        if nucleus.A > nucleus.Z:
            channels.append(("n", MASS["n"], count * (nucleus.A - nucleus.Z)))
    found = [_channel(rng, number // len(channels), flux, flavour, *channel, m, exchanged) for channel in channels]
    return tuple(np.concatenate(parts, axis=-1) for parts in zip(*found, strict=True))  # type: ignore[return-value]


def _channel(
    rng: np.random.Generator,
    number: int,
    flux: Flux,
    flavour: int,
    name: str,
    M: float,
    count: float,
    m: float,
    exchanged: float,
) -> tuple[Float, Float, Float]:
    fluence = np.where(flux.energy > m + m * m / (2 * M), flux.fluence[flavour], 0.0)
    which = rng.choice(flux.energy.size, number, p=fluence / fluence.sum())
    E = flux.energy[which]
    limits = np.array([q2_limits(e, m, M) for e in E])
    span = np.log(limits[:, 1] / limits[:, 0])
    Q2 = limits[:, 0] * np.exp(span * rng.random(number))
    electric, magnetic = _sachs(name, Q2, M)
    tau, su = Q2 / (4 * M * M), 4 * M * E - Q2 - m * m
    mixed = (electric**2 + tau * magnetic**2) / (1 + tau)
    sigma = 2 * magnetic**2 * (Q2 + m * m) * (2 * Q2 - m * m)
    sigma += 2 * mixed * (su**2 - (4 * M * M + Q2) * (Q2 + m * m))
    density = 0.5 * sigma / (Q2 + exchanged**2) ** 2 / (16 * math.pi * (2 * M * E) ** 2)
    weight = fluence.sum() / number * count * CM2 * density * Q2 * span
    energy = E - Q2 / (2 * M)
    p = np.sqrt(np.maximum(energy**2 - m * m, 0))
    cosine = np.clip((2 * E * energy - Q2 - m * m) / (2 * E * p), -1, 1)
    sine, phi = np.sqrt(1 - cosine**2), 2 * math.pi * rng.random(number)
    direction = np.array([sine * np.cos(phi), sine * np.sin(phi), cosine])
    # Across the flight, in the plane of the scattering, towards the beam.
    across = np.array([-cosine * np.cos(phi), -cosine * np.sin(phi), sine])
    spins = np.array(
        [
            polarisation(VECTOR, *row)
            for row in zip(E, Q2, np.full(number, m), np.full(number, M), magnetic**2, mixed, strict=True)
        ]
    )
    along = np.array([p, *(energy * direction)]) / m
    spin = spins[:, 0] * along + spins[:, 1] * np.array([np.zeros(number), *across])
    return weight, np.array([energy, *(p * direction)]), spin


def _sachs(name: str, Q2: Float, M: float) -> tuple[Float, Float]:
    if name in ("p", "n"):
        pairs = np.array([sachs_proton(x) if name == "p" else sachs_neutron(x, M) for x in Q2])
        return pairs[:, 0], pairs[:, 1]
    nucleus = nuclide(name)
    terms = fourier_bessel_terms().get((nucleus.Z, nucleus.A))
    of, given = (helm, helm_terms(nucleus.A)) if terms is None else (fourier_bessel, terms)
    F = np.array([of(math.sqrt(x), given) for x in Q2])
    return F, F


def boost(momentum: Float, frame: Float) -> Float:
    """Boost four-momenta from the rest frame of others, all of shape (4, n)."""
    mass = np.sqrt(np.maximum(dot(frame, frame), 0))
    gamma, velocity = frame[0] / mass, frame[1:] / frame[0]
    along = (velocity * momentum[1:]).sum(0)
    factor = gamma**2 / (gamma + 1) * along + gamma * momentum[0]
    return np.array([gamma * (momentum[0] + along), *(momentum[1:] + factor * velocity)])


def dot(a: Float, b: Float) -> Float:
    """Product of four-vectors."""
    return a[0] * b[0] - (a[1:] * b[1:]).sum(0)


def _isotropic(rng: np.random.Generator, number: int) -> Float:
    cosine, phi = rng.uniform(-1, 1, number), rng.uniform(0, 2 * math.pi, number)
    sine = np.sqrt(1 - cosine**2)
    return np.array([sine * np.cos(phi), sine * np.sin(phi), cosine])


def decay(
    rng: np.random.Generator, weight: Float, N: Float, spin: Float, m: float, daughter: float, mediator: float
) -> Events:
    """Let every N decay once, through the whole amplitude; a mediator below m - m′ is on its shell."""
    number = weight.size
    low, high = 2 * M_E, m - daughter
    on_shell = low < mediator < high
    q = np.full(number, mediator) if on_shell else rng.uniform(low, high, number)
    rest = np.sqrt(np.maximum((m**2 - (daughter + q) ** 2) * (m**2 - (daughter - q) ** 2), 0)) / (2 * m)
    Q = np.array([np.sqrt(rest**2 + q**2), *(rest * _isotropic(rng, number))])
    pair = boost(Q, N)
    k = N - pair
    half = np.sqrt(np.maximum(q**2 / 4 - M_E**2, 0))
    electron = boost(np.array([q / 2, *(half * _isotropic(rng, number))]), pair)
    positron = pair - electron
    n = N - m * spin
    squared = dot(k, electron) * dot(n, positron) + dot(k, positron) * dot(n, electron) + M_E**2 * dot(k, n)
    phase = np.ones(number) if on_shell else rest * (half / q) * q * q * 2 / (q * q - mediator**2) ** 2 / q
    chance = squared * phase
    return Events(weight * chance / chance.mean(), N, (electron, positron))


def smeared(
    rng: np.random.Generator,
    momentum: Float,
    energy_error: Callable[[Float], Float],
    angle_error: Callable[[Float], Float],
) -> tuple[Float, Float]:
    """Return what is reconstructed of electrons: Gaussian energies, not below 0, and directions off by an angle."""
    number = momentum.shape[1]
    energy = np.maximum(momentum[0] + energy_error(momentum[0]) * rng.standard_normal(number), 0.0)
    axis = momentum[1:] / np.sqrt((momentum[1:] ** 2).sum(0))
    off = np.abs(angle_error(momentum[0]) * rng.standard_normal(number))
    other = _isotropic(rng, number)
    side = other - (other * axis).sum(0) * axis
    side /= np.sqrt((side**2).sum(0))
    return energy, np.cos(off) * axis + np.sin(off) * side


def sphere_probability(
    rng: np.random.Generator, N: Float, m: float, length: float, made_in: float, seen_in: float
) -> Float:
    """Probability that N, made in a sphere, decay in a concentric one; length is cτ [m], as the radii."""
    number = N.shape[1]
    at = made_in * np.cbrt(rng.random(number)) * _isotropic(rng, number)
    p = np.sqrt((N[1:] ** 2).sum(0))
    nearest = -(at * N[1:]).sum(0) / p
    under = seen_in**2 - (at**2).sum(0) + nearest**2
    reach = np.sqrt(np.maximum(under, 0))
    first, last = np.maximum(nearest - reach, 0), np.maximum(nearest + reach, 0)
    flown = length * p / m
    return np.where(under > 0, np.exp(-first / flown) - np.exp(-last / flown), 0.0)
