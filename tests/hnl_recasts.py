"""Rates of heavy neutrinos in an experiment as textbooks write them, to set limits with."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping

import numpy as np

from scanner import registry
from scanner.likelihoods.poisson import Poisson
from scanner.physics.heavy_neutrino_decays import weak_widths
from scanner.signals.decay_in_flight import FlightResponse, Spectrum
from scanner.signals.heavy_neutrino import State
from scanner.units import HBARC_GEV_M

NONE_SEEN = 2.303
"""Events that make 90 % of experiments see some."""

LEPTONIC = ("nu_nu_nu", "nu_e_e", "nu_e_mu", "nu_mu_mu")


def response(name: str) -> FlightResponse:
    found: FlightResponse = registry.experiment(name).signals["decay_in_flight"]
    return found


@functools.lru_cache(maxsize=8)
def _spectrum(name: str, mass: float) -> Spectrum:
    return response(name).spectrum(mass)


def leptonic_widths(mass: float) -> Mapping[str, np.ndarray]:
    """Those of a Dirac N whose hadronic decays are forgotten."""
    return {channel: width for channel, width in weak_widths(mass).items() if channel in LEPTONIC}


def events(
    name: str,
    mass: float,
    mixings: tuple[float, float, float],
    majorana: bool = False,
    widths: Mapping[str, np.ndarray] | None = None,
) -> np.ndarray:
    """Events in each bin, summed over the momenta of N one by one."""
    found, spectrum, flavours = response(name), _spectrum(name, mass), np.array(mixings)
    factor = 2.0 if majorana else 1.0
    by_channel = {x: factor * of[:3] for x, of in (widths or weak_widths(mass)).items()}
    total = math.fsum(float(of @ flavours) for of in by_channel.values())
    decay = total * mass / (spectrum.momentum * HBARC_GEV_M)
    inside = np.exp(-decay * found.baseline) * -np.expm1(-decay * found.length)
    seen = 0.0
    for source, flavour in enumerate(found.flavours):
        made = flavours[flavour] * (spectrum.weight[source] @ inside)
        for channel, efficiency in found.efficiency(State(mass, 1.0, majorana)).items():
            if channel in by_channel:
                seen = seen + made / total * (by_channel[channel] * flavours) @ efficiency[source, :3]
    return np.asarray(seen)


def limit(
    name: str, mass: float, flavour: int, majorana: bool = False, number: float = NONE_SEEN, widths=None
) -> float:
    """The smallest |U|² that makes a number of events; NaN if none does."""

    def excess(square: float) -> float:
        mixings = tuple(square if i == flavour else 0.0 for i in range(3))
        return float(events(name, mass, mixings, majorana, widths).sum()) - number

    grid = np.geomspace(1e-13, 1, 79)
    above = [square for square in grid if excess(square) > 0]
    if not above:
        return math.nan
    high = above[0]
    low = high * grid[0] / grid[1]
    for _ in range(30):
        middle = math.sqrt(low * high)
        low, high = (low, middle) if excess(middle) > 0 else (middle, high)
    return high


def upper_edge(name: str, mass: float, flavour: int, widths=None) -> float:
    """The largest |U|² that makes 2.303 events."""
    grid = np.geomspace(1e-5, 1, 600)
    found = [u for u in grid if events(name, mass, tuple(u * np.eye(3)[flavour]), widths=widths).sum() > NONE_SEEN]
    return found[-1] if found else math.nan


def credible_number(likelihood: Poisson) -> float:
    """Events in the first bin below which 90 % of the likelihood are."""
    signal = np.zeros((4001, likelihood.data.size))
    signal[:, 0] = np.linspace(0, 40, 4001)
    chi2, gof = np.empty(4001), np.empty(4001)
    likelihood(signal, chi2, gof)
    below = np.cumsum(np.exp(-0.5 * (chi2 - chi2.min())))
    return float(signal[np.searchsorted(below, 0.9 * below[-1]), 0])
