"""Events of unit couplings that dark particles of a beam make in the samples of an experiment."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence

import numpy as np

from scanner.physics.bundle import Bundle, daughters, momentum_grid
from scanner.physics.dark_production import PARENTS, Emission, rest_frame
from scanner.physics.dark_scattering import add_partners, add_photons
from scanner.physics.phase_space import gauss_legendre
from scanner.physics.upscattered import PANEL_NODES, PARTS, grid, grid_nodes
from scanner.physics.upscattering import CM2
from scanner.physics.visible import NEGLIGIBLE, add_decays
from scanner.signals.dark_neutrino import Dynamics
from scanner.signals.dark_particle import DarkBeamResponse, DarkDynamics, Float
from scanner.signals.upscattering_events import scatterers, seen_of
from scanner.signals.upscattering_samples import Region, Selection

GRID = momentum_grid(0.015, 8.0, 128)
"""Momenta of dark particles [GeV], 5 % apart."""
DIRECTIONS = 16
"""Nodes for the direction of a dark particle in the rest frame of its meson."""

AT_ONCE = 1e-6
"""cτ [m] of a partner that decays at once."""

FLUXES = 64
"""Kept: those of nodes that differ in what is exchanged alone are the same."""


def events(
    dynamics: DarkDynamics, wanted: Sequence[tuple[int, str]], samples: Sequence[DarkBeamResponse], bins: int
) -> Mapping[tuple[int, str], Float]:
    """Return the events of each source and current, float64 of shape (bins,).

    Parameters
    ----------
    dynamics
        At a node.
    wanted
        Sources, by their position, and currents.
    samples, bins
        Of the experiment.
    """
    found = {key: np.zeros(bins) for key in wanted}
    for sample in samples:
        for source in dict.fromkeys(s for s, _ in wanted):
            currents = [c for s, c in wanted if s == source]
            emission = dynamics.sources[source]
            energies, fluence = flux(emission, sample)
            if not fluence.any():
                continue
            add = _photons if dynamics.partner == 0 else _partners
            for current, seen in zip(
                currents, add(dynamics, emission, energies, fluence, currents, sample), strict=True
            ):
                found[source, current][sample.first_bin : sample.first_bin + seen.size] += seen
    return found


def flux(emission: Emission, sample: DarkBeamResponse) -> tuple[Float, Float]:
    """Return the dark particles through a detector in the whole exposure.

    Returns
    -------
    energies, fluence
        [GeV], increasing, and those that each stands for [1/cm²], shape (n,).
    """
    # Bundles of a beam are made once, so that they are the same object for every node.
    return _flux(emission, _Beam(sample))


class _Beam:
    """The mesons of a sample, as a key."""

    def __init__(self, sample: DarkBeamResponse):
        self.mesons, self.stopped = sample.mesons(), sample.stopped
        self.key = (*(id(bundle.number) for bundle in self.mesons.values()), *self.stopped.items())

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Beam) and self.key == other.key


@functools.lru_cache(FLUXES)
def _flux(emission: Emission, beam: _Beam) -> tuple[Float, Float]:
    mass = emission.particle
    in_flight, at_rest = np.zeros(GRID.size), [(np.empty(0), np.empty(0))]
    for parent in PARENTS[emission.kind]:
        rest, amounts = rest_frame(emission, parent)
        if not amounts.any():
            continue
        if parent in beam.mesons:
            in_flight = in_flight + 1e-4 * _in_flight(beam.mesons[parent], mass, rest, amounts)
        if parent in beam.stopped:
            at_rest.append((rest, beam.stopped[parent] * amounts))
    pieces = [(GRID, in_flight), *at_rest] if in_flight.any() or len(at_rest) == 1 else at_rest
    momenta, fluence = (np.concatenate(of) for of in zip(*pieces, strict=True))
    order = np.argsort(momenta, kind="stable")
    energies = np.array([math.hypot(float(p), mass) for p in momenta[order]])
    return energies, np.ascontiguousarray(fluence[order])


def _in_flight(bundle: Bundle, mass: float, rest: Float, amounts: Float) -> Float:
    """Dark particles per m² at the momenta of GRID."""
    return daughters(bundle, mass, rest, amounts, GRID, directions=DIRECTIONS)


def _as_upscattering(dynamics: DarkDynamics, mass: float) -> Dynamics:
    """What `scatterers` and `seen_of` take."""
    switches = dynamics.form_factor, dynamics.spin, dynamics.pauli
    return Dynamics("vector", mass, dynamics.vector, (), False, *switches)


def _photons(
    dynamics: DarkDynamics, emission: Emission, energies: Float, fluence: Float, currents: Sequence[str],
    sample: DarkBeamResponse,
) -> list[Float]:  # fmt: skip
    """Photons that are seen, for each current."""
    selection = sample.selection
    response = selection.response.get("gamma")
    if response is None:
        return [np.zeros(0)] * len(currents)
    at_once, found = _seen_at_once(sample.regions[0]), []
    for current in currents:
        out = np.zeros((1, response.shape[-1]))
        for off, number in scatterers(sample.regions[0], _as_upscattering(dynamics, 0.0), current):
            factor = CM2 * number * at_once
            add_photons(
                energies, fluence[None], emission.particle, dynamics.vector, factor, *off, *_rule(),
                *_nodes(selection, response), out,
            )  # fmt: skip
        found.append(out[0])
    return found


def _nodes(selection: Selection, response: Float) -> tuple[float, float, float, Float]:
    """Nodes of a response, which has two angles at least."""
    log_step = math.log(selection.energy_max / selection.energy_min) / (response.shape[0] - 1)
    if response.shape[1] == 1:
        return math.log(selection.energy_min), log_step, 1.0, np.repeat(response, 2, axis=1)
    return math.log(selection.energy_min), log_step, selection.sine_max, response


def _seen_at_once(region: Region) -> float:
    """Share of a region that is where decays are seen."""
    return float(region.decay.probability[0, 0])


def _partners(
    dynamics: DarkDynamics, emission: Emission, energies: Float, fluence: Float, currents: Sequence[str],
    sample: DarkBeamResponse,
) -> list[Float]:  # fmt: skip
    """Decays of partners that are seen, for each current."""
    mass, selection = dynamics.partner, sample.selection
    bins = next(iter(selection.response.values())).shape[-1]
    out = [np.zeros((1, 1, bins)) for _ in currents]
    some = np.flatnonzero(fluence)
    highest = float(energies[some[-1]])
    if highest > mass and dynamics.decays:
        typical = float(math.fsum(fluence * energies) / math.fsum(fluence))
        nodes = grid(mass, float(energies[some[0]]), highest, typical)
        on_grid = grid_nodes(nodes, mass)
        shape = (1, nodes.energies, nodes.sines, PARTS)
        regions = sample.regions if dynamics.ctau > 0 else sample.regions[:1]
        made = np.array([[np.zeros(shape) for _ in currents] for _ in regions])
        for region, by_current in zip(regions, made, strict=True):
            for current, into in zip(currents, by_current, strict=True):
                for off, number in scatterers(region, _as_upscattering(dynamics, mass), current):
                    add_partners(
                        energies, fluence[None], emission.particle, mass, dynamics.vector, CM2 * number, *off, *_rule(),
                        *nodes, into,
                    )  # fmt: skip
        _add_seen(dynamics, selection, on_grid, made, regions, out)
    return [one[0, 0] for one in out]


def _add_seen(
    dynamics: DarkDynamics, selection: Selection, on_grid: tuple[Float, Float], made: Float, regions: Sequence[Region],
    out: Sequence[Float],
) -> None:  # fmt: skip
    """Add what is seen of the partners that were made in each region, by current."""
    number = np.abs(made[..., 0]).sum(axis=(0, 1, 2))
    used = np.ascontiguousarray(number > NEGLIGIBLE * number.sum())
    lengths = np.array([max(dynamics.ctau, AT_ONCE)])
    like = _as_upscattering(dynamics, dynamics.partner)
    for decay, share in dynamics.decays:
        if decay.product not in selection.response or not share > 0:
            continue
        seen = share * seen_of(decay, like, selection, *on_grid, used)
        for region, by_current in zip(regions, made, strict=True):
            for one, into in zip(by_current, out, strict=True):
                add_decays(
                    dynamics.partner, *on_grid, used, lengths, np.ascontiguousarray(one), *region.decay, seen, into
                )  # fmt: skip


@functools.cache
def _rule() -> tuple[Float, Float]:
    return gauss_legendre(PANEL_NODES)
