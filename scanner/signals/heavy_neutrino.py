"""What a model with a heavy neutrino N supplies to every search for one, whatever the search.

A width enters a search as Γ = Σ_k coupling_k · g_k: the couplings are monomials in the model's parameters, done
at every point; the g_k are tabulated on the parameters that do not factorise (masses, and whatever sits in a
propagator). What is made is |U_a|² = scale · mixing_a. So one search serves every model, and no search knows
which model it serves.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from scanner.vocabulary import Monomial

FLAVOURS = ("e", "mu", "tau")
OTHER = 3
"""Flavour index of a width that no |U_a|² drives; efficiencies have one entry a flavour, and this one."""


@dataclass(frozen=True)
class State:
    """A heavy neutrino at one node of a table.

    Parameters
    ----------
    mass
        [GeV], positive; NaN where it cannot be told.
    scale
        |U_a|² = scale · (the state's monomial for a): 1 for a model whose mixings are parameters.
    majorana
        Whether N is its own antiparticle.
    """

    mass: float
    scale: float = 1.0
    majorana: bool = False


class Flyer(NamedTuple):
    """A long-lived particle that N decays into, and whose own decay is what a detector sees."""

    mass: float
    """[GeV]."""
    width: float
    """[GeV]."""


@dataclass(frozen=True)
class Channel:
    """A way for N to decay.

    Parameters
    ----------
    name
        As users know it; the parts of a channel that differ in what is seen share its name.
    final_state
        What a detector sees, in the words of `heavy_neutrino_channels.CHANNELS` and ``nu_gamma``,
        ``nu_gamma_gamma``; empty if nothing. Experiments state efficiencies by final state.
    flyer
        For a decay that is seen only where a long-lived product decays: names of the parameters that the
        product depends on, and the function from their values to it.
    """

    name: str
    final_state: str
    flyer: tuple[tuple[str, ...], Callable[[np.ndarray], Flyer]] | None = None


class Exchange(NamedTuple):
    """What a pair of leptons or photons comes from: with the mass of N, it says how the pair looks."""

    kind: str
    """``vector``, ``scalar`` or ``photon``."""
    mass: str = ""
    """Name of the parameter, one of the width parameters, that is its mass [GeV]; none for a virtual photon."""
    flies: bool = False
    """Whether it is the flyer of the channels."""


@dataclass(frozen=True)
class Coupling:
    """What multiplies a width.

    Parameters
    ----------
    monomial
        In the model's parameters.
    flavour
        Index into FLAVOURS of the |U_a|² that it is, or that it comes with; else OTHER. Final states of
        one name differ by it (ν e e through the charged current or not), and so do their efficiencies.
    exchange
        What makes the pairs of the decays that it multiplies; None where something as heavy as W and Z does, or where
        there are no pairs.
    """

    monomial: Monomial
    flavour: int
    exchange: Exchange | None = None


@dataclass(frozen=True)
class HeavyNeutrino:
    """One heavy neutrino of a model, as the searches see it.

    Parameters
    ----------
    state_parameters
        Names of the parameters that mass, scale and nature depend on.
    state
        From values of `state_parameters`, shape (len,), to the state.
    mixings
        |U_a|² = scale · mixing, for a = e, mu, tau.
    width_parameters
        Names of the parameters that the widths depend on beside the couplings; they hold `state_parameters`.
    couplings
        What multiplies the widths.
    channels
        The decays; their widths sum to the total.
    widths
        From values of `width_parameters`, shape (len,), to widths [GeV], shape (couplings, channels), so
        that Γ_channel = Σ_k coupling_k · widths[k, channel]. Conjugate final states are summed for a
        Majorana N. NaN where the channels known are not all that there are.
    """

    state_parameters: tuple[str, ...]
    state: Callable[[np.ndarray], State]
    mixings: tuple[Monomial, Monomial, Monomial]
    width_parameters: tuple[str, ...]
    couplings: tuple[Coupling, ...]
    channels: tuple[Channel, ...]
    widths: Callable[[np.ndarray], np.ndarray]
    splitting: Callable[[np.ndarray], float] | None = field(default=None)
    """For one member of a quasi-Dirac pair: its mass splitting [GeV] from the other, from `state_parameters`."""
    dipoles: tuple[Monomial, Monomial, Monomial] | None = field(default=None)
    """|μ_tr,a|² [GeV⁻²] for a = e, mu, tau, of a model in which transition dipoles make N."""

    def widths_at(self, node: np.ndarray) -> np.ndarray:
        """Return `widths` at values of `width_parameters`, read-only, remembered for the next experiment."""
        return _widths(self.widths, np.ascontiguousarray(node, dtype=np.float64).tobytes())


REMEMBERED = 2048
"""Nodes whose widths are kept, for the next experiment's table."""


@functools.lru_cache(maxsize=REMEMBERED)
def _widths(function: Callable[[np.ndarray], np.ndarray], node: bytes) -> np.ndarray:
    found = function(np.frombuffer(node))
    found.flags.writeable = False
    return found


SEARCHES = ("decay_in_flight", "decay_spectra", "peak_search", "published_bound", "bbn", "lepton_number_violation")
"""Names of the signals that take a tuple of `HeavyNeutrino`."""


def searches(*states: HeavyNeutrino) -> Mapping[str, tuple[HeavyNeutrino, ...]]:
    """Return what a model supplies to signals: its heavy neutrinos, to every search."""
    return dict.fromkeys(SEARCHES, states)
