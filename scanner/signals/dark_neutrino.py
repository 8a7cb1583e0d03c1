"""What a model of upscattering supplies to every experiment: a heavy neutrino N that neutrinos scatter into.

Cross sections and events are those of unit couplings; what multiplies them is a sum of monomials for ν_a N, done at
every point, times a function of what the mediator couples to matter with, tabulated with the widths. So one signal
serves every model, and no experiment knows which model it serves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scanner.vocabulary import Monomial

Float = NDArray[np.float64]

FLAVOURS = 3

CURRENTS = ("p", "pn", "n")
"""What the couplings of a mediator to matter multiply: those to protons, to both, to neutrons."""

PRODUCTS = ("e_e", "gamma_gamma", "gamma")
"""What is visible of a decay of N, beside a ν or a lighter N: two of these are pairs."""


class Decay(NamedTuple):
    """A visible decay of N at a node of the masses."""

    product: str
    """Of PRODUCTS."""
    shape: int
    """Of those of `scanner.physics.visible`."""
    daughter: float = 0.0
    """Mass [GeV] of what N becomes beside what is visible."""
    mediator: float = 0.0
    """[GeV]."""


@dataclass(frozen=True)
class Dynamics:
    """How N is made and decays, at a node of the masses.

    Parameters
    ----------
    mediator
        Of `scanner.physics.upscattering.MEDIATORS`.
    mass, exchanged
        Of N, and of what is exchanged [GeV].
    decays
        One for each of the channels; None where it is closed.
    majorana
        Whether N is its own antiparticle.
    form_factor, spin, pauli
        As those of `scanner.physics.upscattering.target`.
    """

    mediator: str
    mass: float
    exchanged: float
    decays: tuple[Decay | None, ...]
    majorana: bool = False
    form_factor: str = "fourier_bessel"
    spin: str = "half"
    pauli: bool = False


class Rates(NamedTuple):
    """What depends on the parameters of the widths."""

    matter: Float
    """What multiplies the cross section for unit couplings, by current, shape (currents,)."""
    total: Float
    """Widths [GeV] by coupling, shape (couplings,)."""
    visible: Float
    """The same of the channels, shape (couplings, channels)."""
    on_shell: Float
    """The part of `visible` whose mediator is on its shell, and shares itself with the escapes."""
    off_shell: Float
    """Widths into escapes of unit strength whose mediator is not on its shell, shape (couplings, escapes)."""
    escape: Float
    """Width of the mediator into escapes of unit strength over that into all else, shape (escapes,)."""


@dataclass(frozen=True)
class Upscattering:
    """One heavy neutrino of a model that neutrinos scatter into.

    A width is Σ_k coupling_k · (a function of `width_parameters`); couplings are sums of monomials in the model's
    parameters. The first three are |V_a|² of ν_a N, for a = e, μ, τ, and multiply the production too. Escapes are
    invisible decays of the mediator whose strength is a coupling of that kind as well.

    Parameters
    ----------
    event_parameters
        Names of the parameters that the masses, and all else that events depend on but couplings, follow from.
    dynamics
        From their values, shape (len,), to the dynamics; None where N is not made.
    channels
        Names of the visible decays, in the order of `Dynamics.decays`.
    currents
        Those of CURRENTS that the model has.
    couplings
        Sums of monomials; the first three as said.
    escapes
        Sums of monomials.
    width_parameters
        Names of the parameters that the rates depend on beside the couplings.
    rates
        From their values, shape (len,), to the rates.
    """

    event_parameters: tuple[str, ...]
    dynamics: Callable[[Float], Dynamics | None]
    channels: tuple[str, ...]
    currents: tuple[str, ...]
    couplings: tuple[tuple[Monomial, ...], ...]
    escapes: tuple[tuple[Monomial, ...], ...]
    width_parameters: tuple[str, ...]
    rates: Callable[[Float], Rates]

    @property
    def flavours(self) -> tuple[int, ...]:
        """Those of ν that make N."""
        return tuple(a for a in range(FLAVOURS) if self.couplings[a])
