"""Oscillation of light neutrinos at short baselines: appearance and disappearance in L/E.

An experiment supplies what a full α→β transmutation would give it, as cells in L/E. A model supplies each transition
probability as P(α→β) = δ_αβ + Σ of terms, of five kinds:

- `OscillationTerm`: amplitude(couplings) · what two interfering states have lost, sin²(Δm² L/4E) or, where they decay,
  (1 − e^{-ΣmΓ L/2E} cos(Δm² L/2E))/2. Its table lies on Δm² and the widths alone: one sum over the cells for each of
  their values, and at a point only the amplitudes are left to do;
- `DampedTerm`: the same where Δm² and the width are no parameters but follow from several. Its table lies on those of
  Δm² and on nodes of the width (`scanner.signals.lifetimes`);
- `LevelTerm`: the levels of the Hamiltonian as a function of energy, where E and L enter apart and the mixings do not
  factorise (matter). Its table lies on all parameters that the levels depend on, and the experiment must state the
  energy of its cells and, where the potential is that of matter, the density of its path;
- `EnergyTerm`: amplitude(couplings) · a function of energy, whatever L;
- `ConstantTerm`: amplitude(couplings), whatever E and L.

The signal is the change with respect to no oscillation (δ_αβ drops out).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from scanner.errors import InputError, Status
from scanner.physics.averages import averaged_interference, averaged_levels
from scanner.signals import lifetimes, templates
from scanner.signals.base import Prediction, Table, joined
from scanner.signals.lifetimes import Quantity
from scanner.vocabulary import Monomial

PROVIDES = ("oscillation",)
VERSION = 1

_SLACK = 1 + 1e-12
_DEAD = 1e9
_TOLERATED = 1e-2
"""Share of a bin's signal that may oscillate faster than its cells resolve: averages are then still a few % right."""
_UNSEEN = {True: 1e-4, False: 1e-5}
"""What may do so however small the signal is: a change of the probability of survival (True) or of a transition."""


@dataclass(frozen=True)
class OscillationTerm:
    """One term, amplitude · (1 − Re e^{-i(Δm² − iΣmΓ) L/2E})/2, of a transition probability.

    Without widths this is amplitude · sin²(Δm² L/4E).

    Parameters
    ----------
    amplitude
        Sum of monomials in the model's parameters.
    dm2
        Name of the parameter that is Δm² [eV²] of the two interfering states; None for a state with itself.
    widths
        Names of the parameters that are their mΓ [eV²]; a state that interferes with itself names its own twice.
    """

    amplitude: tuple[Monomial, ...]
    dm2: str | None
    widths: tuple[str, ...] = ()

    @property
    def parameters(self) -> tuple[str, ...]:
        """Parameters of the table."""
        return tuple(dict.fromkeys((*(() if self.dm2 is None else (self.dm2,)), *self.widths)))

    def inputs(self, channel: OscillationResponse) -> tuple[np.ndarray, ...]:
        """Arrays of a channel that the table is made from."""
        return (channel.bin, channel.weight, channel.mean, channel.variance, np.array([channel.phase]))

    def build(self, channel: OscillationResponse, values: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the table's entries and statuses; see `Table`."""
        dm2, width = np.zeros(len(values)), np.zeros(len(values))
        if self.dm2 is not None:
            dm2 += values[:, self.parameters.index(self.dm2)]
        for name in self.widths:
            width += values[:, self.parameters.index(name)]
        entries = np.zeros((len(values), bins))
        averaged_interference(
            channel.phase, dm2, width, channel.bin, channel.weight, channel.mean, channel.variance, entries
        )
        status = np.full(len(values), Status.ok, dtype=np.uint8)
        # Cells are as accurate for a damped wave as for one of this modulus.
        status[np.sqrt(dm2**2 + width**2) > channel.dm2_max * _SLACK] = Status.not_converged
        return entries, status


@dataclass(frozen=True)
class ConstantTerm:
    """A term of a transition probability that depends on neither energy nor distance.

    Parameters
    ----------
    amplitude
        Sum of monomials in the model's parameters.
    """

    amplitude: tuple[Monomial, ...]

    parameters = ()

    def inputs(self, channel: OscillationResponse) -> tuple[np.ndarray, ...]:
        """Arrays of a channel that the table is made from."""
        return (channel.bin, channel.weight)

    def build(self, channel: OscillationResponse, values: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the table's entries and statuses; see `Table`."""
        whole = np.bincount(channel.bin, channel.weight, bins)
        return np.tile(whole, (len(values), 1)), np.full(len(values), Status.ok, dtype=np.uint8)


@dataclass(frozen=True)
class DampedTerm:
    """A term as of `OscillationTerm`, of states whose Δm² and width follow from several parameters.

    Above the largest Δm² that an experiment's cells resolve, and that no energy resolution does, the interference is
    taken as averaged out.

    Parameters
    ----------
    amplitude
        Sum of monomials in the model's parameters.
    splitting
        Δm² [eV²] of the two interfering states; its parameters are the axes of the table. None for a state with itself.
    width
        The sum of their mΓ [eV²].
    """

    amplitude: tuple[Monomial, ...]
    splitting: Quantity | None
    width: Quantity

    def term(self, name: str, channel: OscillationResponse, bins: int) -> lifetimes.Term:
        """Return the term in one channel."""
        scale = math.fsum(channel.weight.tolist()) / math.fsum((channel.weight * channel.mean).tolist())
        scale /= 2 * channel.phase
        names = self.splitting.parameters if self.splitting else ()
        width = lifetimes.nodes(scale)
        # As good as infinite, and not: 0 times it must be 0.
        width[-1] = _DEAD * scale

        def build(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            dm2 = self.splitting.value(values.T) if self.splitting else np.zeros(len(values))
            entries = np.zeros((len(values), width.size, bins))
            for splitting, out in zip(dm2, entries, strict=True):
                if splitting > channel.dm2_max * _SLACK:
                    out[:] = 0.5 * np.bincount(channel.bin, channel.weight, bins)
                else:
                    same = np.full(width.size, splitting)
                    cells = channel.bin, channel.weight, channel.mean, channel.variance
                    averaged_interference(channel.phase, same, width, *cells, out)
            return entries, np.full(len(values), Status.ok, dtype=np.uint8)

        inputs = (channel.bin, channel.weight, channel.mean, channel.variance, np.array([channel.phase, scale]))
        table = Table(name, names, (width.size, bins), build, inputs)
        return lifetimes.Term(lifetimes.sum_of(self.amplitude), (self.width,), scale, table)


Levels = Callable[[np.ndarray, np.ndarray, float], tuple[np.ndarray, np.ndarray]]
"""From the values of a term's parameters, energies [GeV] and density [g/cm³] to the coefficients c, complex128, and
the levels λ [eV²], float64, both of shape (energies, levels), of the amplitude Σ_n c_n e^{-iλ_n L/2E}; Σ_n c_n = δ."""


@dataclass(frozen=True)
class LevelTerm:
    """All of P − δ, from levels that depend on the energy.

    Parameters
    ----------
    parameters
        Names of the parameters that the levels depend on: the axes of the table.
    levels
        See `Levels`.
    in_matter
        Whether the density matters.
    """

    parameters: tuple[str, ...]
    levels: Levels
    in_matter: bool

    amplitude = (Monomial(1.0),)

    def inputs(self, channel: OscillationResponse) -> tuple[np.ndarray, ...]:
        """Arrays of a channel that the table is made from."""
        return (*_by_energy(channel), np.array([channel.phase, self._density(channel)]))

    def build(self, channel: OscillationResponse, values: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the table's entries and statuses; see `Table`."""
        cells, density, limit = _by_energy(channel), self._density(channel), channel.dm2_max * _SLACK
        entries, status = np.zeros((len(values), bins)), np.full(len(values), Status.ok, dtype=np.uint8)
        fast = np.empty(bins)
        unseen = _UNSEEN[channel.source == channel.target] * np.bincount(channel.bin, channel.weight, bins)
        for node, point in enumerate(values):
            coefficients, levels = self.levels(point, cells.energy, density)
            averaged_levels(channel.phase, coefficients, levels, *cells[:4], limit, entries[node], fast)
            if np.any(fast > np.maximum(_TOLERATED * np.abs(entries[node]), unseen)):
                status[node] = Status.not_converged
        return entries, status

    def _density(self, channel: OscillationResponse) -> float:
        if not self.in_matter:
            return math.nan
        if channel.path_density is None:
            raise InputError("", "this experiment does not give the density of its path, which oscillation here needs")
        return channel.path_density


@dataclass(frozen=True)
class EnergyTerm:
    """One term, amplitude · f(E), of a transition probability that does not depend on the baseline.

    Parameters
    ----------
    amplitude
        Sum of monomials in the model's parameters.
    parameters
        Names of the parameters that f depends on: the axes of the table.
    function
        From the values of these and energies [GeV] to f, both of shape (energies,); NaN where there is no such law.
    """

    amplitude: tuple[Monomial, ...]
    parameters: tuple[str, ...]
    function: Callable[[np.ndarray, np.ndarray], np.ndarray]

    def inputs(self, channel: OscillationResponse) -> tuple[np.ndarray, ...]:
        """Arrays of a channel that the table is made from."""
        cells = _by_energy(channel)
        return cells.bin, cells.weight, cells.energy

    def build(self, channel: OscillationResponse, values: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the table's entries and statuses; see `Table`."""
        cells = _by_energy(channel)
        entries = np.array(
            [np.bincount(cells.bin, cells.weight * self.function(of, cells.energy), bins) for of in values]
        )
        known = np.isfinite(entries).all(1)
        entries[~known] = 0.0
        return entries, np.where(known, Status.ok, Status.outside_model).astype(np.uint8)


class _Cells(NamedTuple):
    """Cells of one energy each, every array of shape (cells,)."""

    bin: np.ndarray
    weight: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    energy: np.ndarray


def _by_energy(channel: OscillationResponse) -> _Cells:
    """Return the cells of a channel, each at its mean energy or, where it has a spread σ, half of it at ±σ from there.

    L/E of a cell is narrow, so that its energies are those of its baselines; the two halves have their first moments.
    """
    if channel.energy is None:
        raise InputError("", "this experiment does not give the energy of its cells, which oscillation here needs")
    spread = np.zeros_like(channel.energy) if channel.energy_spread is None else channel.energy_spread
    wide = np.flatnonzero(spread > 0)
    share = np.where(spread > 0, 0.5, 1.0) * channel.weight
    once = (channel.bin, share, channel.mean, channel.variance, channel.energy - spread)
    again = (*once[:4], channel.energy + spread)
    return _Cells(*(np.concatenate([a, b[wide]]) for a, b in zip(once, again, strict=True)))


Tabled = OscillationTerm | LevelTerm | EnergyTerm | ConstantTerm
Term = Tabled | DampedTerm

OscillationModel = Callable[[str, str, bool], tuple[Term, ...]]
"""What a model supplies: the terms of P(source→target) for (source, target, antineutrino)."""


@dataclass(frozen=True)
class OscillationResponse:
    """What an experiment supplies for one channel: the events of full transmutation, in cells of L/E.

    Parameters
    ----------
    source, target
        Flavours: ``e``, ``mu`` or ``tau``.
    antineutrino
        Whether the channel is one of antineutrinos.
    bin
        Signal bin of each cell, int64 of shape (cells,).
    weight
        Events in each cell for a probability of one, shape (cells,).
    mean, variance
        Mean [km/GeV] and variance [km²/GeV²] of L/E within each cell, shape (cells,).
    phase
        Constant k of sin²(k Δm² L/E) [GeV/(eV² km)] that the experiment's own fit uses.
    dm2_max
        Largest Δm² [eV²] up to which the cells promise their accuracy.
    energy
        Mean true energy in each cell [GeV], shape (cells,); None where the response does not have it.
    energy_spread
        Its standard deviation in each cell [GeV], shape (cells,); None where a cell is of one energy.
    path_density
        Mean mass density along the path of the neutrinos [g/cm³]; None where nothing is known of it.
    """

    source: str
    target: str
    antineutrino: bool
    bin: np.ndarray
    weight: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    phase: float
    dm2_max: float
    energy: np.ndarray | None = None
    energy_spread: np.ndarray | None = None
    path_density: float | None = None


def bind(model: OscillationModel, channels: Sequence[OscillationResponse], bins: int) -> Prediction:
    """Join a model's probabilities to an experiment's channels.

    Parameters
    ----------
    model
        The model's ingredient.
    channels
        The experiment's channels.
    bins
        Number of signal bins.

    Raises
    ------
    InputError
        Where the model needs energies or densities that the experiment does not state.
    """
    terms = [(c, t) for c in channels for t in model(c.source, c.target, c.antineutrino)]
    plain, tables, damped = [], [], []
    for number, (channel, term) in enumerate(terms):
        name = f"{number}_{channel.source}_{channel.target}" + ("_bar" if channel.antineutrino else "")
        if isinstance(term, DampedTerm):
            damped.append(term.term(name, channel, bins))
        else:
            plain.append(term.amplitude)
            tables.append(_template(name, channel, term, bins))
    return joined(templates.prediction(plain, tables), lifetimes.prediction(damped))


def _template(name: str, channel: OscillationResponse, term: Tabled, bins: int) -> Table:
    """The table of a term: its sum over the cells of each signal bin."""

    def build(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return term.build(channel, values, bins)

    return Table(name, term.parameters, (bins,), build, term.inputs(channel))
