"""Neutrinos that scatter into a heavy neutrino N in matter, and N that decay visibly where a detector sees them.

Events in a bin are Σ_a |V_a|² Σ_c matter_c Σ_X (Γ_X/Γ) R_{a,c,X,bin}(Γ): a runs over flavours of ν, c over currents of
matter, X over visible final states. R holds flux, cross section for unit couplings, kinematics, flight, decay, geometry
and the detector's response; it depends on masses, and on the couplings through Γ alone. Two kinds of table serve all
couplings: R over the decay length on the masses, and the rates on what they depend on.

A model says `scanner.signals.dark_neutrino.Upscattering` for each heavy neutrino, an experiment
`scanner.signals.upscattering_samples.UpscatteringResponse` for each sample.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from numba import types

from scanner.errors import Status
from scanner.physics.kernel import INPUT_INDEX, INPUT_MATRIX, kernel
from scanner.signals.base import Prediction, Table
from scanner.signals.dark_neutrino import Float, Upscattering
from scanner.signals.monomials import fill_monomials, pack_monomials
from scanner.signals.upscattering_events import LENGTHS, fill_events
from scanner.signals.upscattering_samples import UpscatteringResponse
from scanner.units import HBARC_GEV_M

PROVIDES = ("upscattering",)
VERSION = 1

STEEP = 10.0
"""Ratio of events at the nodes about a length from which their logarithms are interpolated."""


def bind(heavy: Sequence[Upscattering], samples: Sequence[UpscatteringResponse], bins: int) -> Prediction:
    """Join the heavy neutrinos of a model to the samples of an experiment; all of them are summed.

    Parameters
    ----------
    heavy
        The model's.
    samples
        The experiment's.
    bins
        Number of signal bins.
    """
    parts = [_Heavy(i, one, samples, bins) for i, one in enumerate(heavy)]
    parameters = tuple(dict.fromkeys(name for part in parts for m in part.monomials for name in m.powers))
    packed = [pack_monomials(part.monomials, parameters) for part in parts]

    def add(
        values: np.ndarray, nodes: tuple[np.ndarray, ...], tables: tuple[np.ndarray, ...], signal: np.ndarray
    ) -> None:
        for i, (part, monomials) in enumerate(zip(parts, packed, strict=True)):
            found = np.empty((len(part.monomials), signal.shape[0]))
            fill_monomials(values, *monomials, found)
            rates, events = 2 * i, 2 * i + 1
            _add(
                found, part.ends, part.sizes, nodes[rates], tables[rates], nodes[events], tables[events], signal
            )  # fmt: skip

    return Prediction(parameters, tuple(table for part in parts for table in part.tables), add)


class _Heavy:
    """One heavy neutrino at one experiment: the table of its rates, and that of its events."""

    def __init__(self, number: int, one: Upscattering, samples: Sequence[UpscatteringResponse], bins: int):
        self.one, self.samples, self.bins = one, samples, bins
        sums = (*one.couplings, *one.escapes)
        self.monomials = tuple(m for monomials in sums for m in monomials)
        self.ends = np.cumsum([len(monomials) for monomials in sums], dtype=np.int64)
        sizes = (len(one.couplings), len(one.escapes), len(one.channels), len(one.currents))
        self.sizes = np.array([*sizes, *one.flavours], dtype=np.int64)
        self.tables = (self._rates(number), self._events(number))

    def _rates(self, number: int) -> Table:
        couplings, escapes, channels, currents = map(int, self.sizes[:4])
        shape = (currents + escapes + couplings * (1 + 2 * channels + escapes),)

        def entry(row: Float, out: Float) -> Status:
            rates = self.one.rates(row)
            by_coupling = np.hstack([rates.total[:, None], rates.visible, rates.on_shell, rates.off_shell])
            out[:] = np.concatenate([rates.matter, rates.escape, by_coupling.ravel()])
            return _checked(out)

        return Table(f"{number}_rates", self.one.width_parameters, shape, _every(shape, entry), self._inputs())

    def _events(self, number: int) -> Table:
        terms = len(self.one.currents) * len(self.one.flavours) * len(self.one.channels)
        shape = (2 + terms * LENGTHS * self.bins,)

        def entry(row: Float, out: Float) -> Status:
            dynamics = self.one.dynamics(row)
            if dynamics is not None and terms:
                fill_events(dynamics, self.one.currents, self.one.flavours, self.samples, out, self.bins)
            return _checked(out)

        return Table(f"{number}_events", self.one.event_parameters, shape, _every(shape, entry), self._inputs())

    def _inputs(self) -> tuple[Float, ...]:
        """What tells the entries of one experiment from those of another."""
        found: list[Float] = []
        for sample in self.samples:
            selection = sample.selection
            found += [np.array([selection.energy_min, selection.energy_max, selection.sine_max, sample.first_bin])]
            found += [np.array([sample.shortest, sample.longest]), *sample.flux, *selection.response.values()]
            found += [] if selection.masses is None else [selection.masses]
            r_cut, *limits = selection.pairs
            found += [np.array(limits), np.empty(0) if r_cut is None else r_cut]
            for region in sample.regions:
                found += [np.array([*region.targets.values(), region.nucleons, region.first_shower]), *region.decay]
        return tuple(found)


def _every(
    shape: tuple[int, ...], entry: Callable[[Float, Float], Status]
) -> Callable[[Float], tuple[Float, np.ndarray]]:
    """Return what builds a table from what fills one entry."""

    def build(values: Float) -> tuple[Float, np.ndarray]:
        entries = np.zeros((len(values), *shape))
        status = [entry(row, out) for row, out in zip(values, entries, strict=True)]
        return entries, np.array(status, dtype=np.uint8)

    return build


def _checked(out: Float) -> Status:
    if np.isfinite(out).all():
        return Status.ok
    out[:] = 0.0
    return Status.not_converged


@kernel(types.Tuple((types.int64, types.float64))(types.float64, types.float64, types.float64[::1]))
def _cubic(at, step, weights):  # type: ignore[no-untyped-def]
    """Fill Lagrange's weights of four nodes; return the first of them, and what multiplies them far away.

    Before the first node all decay at once, and after the last one as few as go with 1/λ.
    """
    inside = min(max(at, 0.0), LENGTHS - 1.0)
    node = min(max(int(inside) - 1, 0), LENGTHS - 4)
    x = inside - node
    weights[0] = -(x - 1) * (x - 2) * (x - 3) / 6
    weights[1] = x * (x - 2) * (x - 3) / 2
    weights[2] = -x * (x - 1) * (x - 3) / 2
    weights[3] = x * (x - 1) * (x - 2) / 6
    return node, math.exp(-step * (at - inside)) if at > inside else 1.0


@kernel(types.float64(*(types.float64,) * 4, types.float64[::1]))
def _between(first, second, third, fourth, cubic):  # type: ignore[no-untyped-def]
    """Interpolate events of four nodes; their logarithms where they differ by more than `STEEP`.

    Where N must fly some way, events fall like e^(-1/λ) towards short lengths: far below those at the nodes around, and
    a cubic of what they are would be negative.
    """
    least, most = min(first, second, third, fourth), max(first, second, third, fourth)
    if least > 0 and most > STEEP * least:
        found = cubic[0] * math.log(first) + cubic[1] * math.log(second)
        return math.exp(found + cubic[2] * math.log(third) + cubic[3] * math.log(fourth))
    return cubic[0] * first + cubic[1] * second + cubic[2] * third + cubic[3] * fourth


@kernel(
    types.void(
        types.float64[:, ::1], INPUT_INDEX, INPUT_INDEX, types.int64[::1], INPUT_MATRIX,
        types.int64[::1], INPUT_MATRIX, types.float64[:, ::1],
    )
)  # fmt: skip
def _add(monomials, ends, sizes, rate_nodes, rates, event_nodes, events, signal):  # type: ignore[no-untyped-def]
    """Add the decays of one heavy neutrino to the signal of every point; the layout is that of `_Heavy`."""
    couplings, escapes, channels, currents = sizes[0], sizes[1], sizes[2], sizes[3]
    flavours = sizes[4:]
    bins, row = signal.shape[1], 1 + 2 * channels + escapes
    sums, widths, cubic = np.empty(couplings + escapes), np.empty(channels), np.empty(4)
    for point in range(signal.shape[0]):
        rate, event = rates[rate_nodes[point]], events[event_nodes[point]]
        start, step = event[0], event[1]
        if step == 0:
            continue
        first = 0
        for k in range(ends.size):
            sums[k] = 0.0
            for i in range(first, ends[k]):
                sums[k] += monomials[i, point]
            first = ends[k]
        ratio = 0.0
        for j in range(escapes):
            ratio += sums[couplings + j] * rate[currents + j]
        left = 1 / (1 + ratio)
        total, offset = 0.0, currents + escapes
        widths[:] = 0.0
        for k in range(couplings):
            if sums[k] != 0:
                total += sums[k] * rate[offset]
                for x in range(channels):
                    visible, on_shell = rate[offset + 1 + x], rate[offset + 1 + channels + x]
                    widths[x] += sums[k] * (visible - (1 - left) * on_shell)
                for j in range(escapes):
                    total += sums[k] * sums[couplings + j] * rate[offset + 1 + 2 * channels + j]
            offset += row
        if not total > 0:
            continue
        at = (math.log(HBARC_GEV_M / total) - start) / step
        node, far = _cubic(at, step, cubic)
        for x in range(channels):
            if not widths[x] > 0:
                continue
            for c in range(currents):
                for a in range(flavours.size):
                    strength = far * sums[flavours[a]] * rate[c] * (widths[x] / total)
                    if strength == 0:
                        continue
                    first = 2 + (((x * currents + c) * flavours.size + a) * LENGTHS + node) * bins
                    for b in range(bins):
                        signal[point, b] += strength * _between(
                            event[first + b],
                            event[first + bins + b],
                            event[first + 2 * bins + b],
                            event[first + 3 * bins + b],
                            cubic,
                        )
