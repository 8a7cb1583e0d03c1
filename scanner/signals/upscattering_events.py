"""Events of unit couplings in the samples of an experiment, over the decay length of N: what the tables hold."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence

import numpy as np

from scanner.physics.form_factors import nuclide
from scanner.physics.inelastic import PION_THRESHOLD, fill_inelastic, inelastic_threshold
from scanner.physics.particles import MASS
from scanner.physics.phase_space import gauss_legendre
from scanner.physics.upscattered import (
    NEUTRINO_NODES,
    PANEL_NODES,
    PARTS,
    Grid,
    condense,
    fill_made,
    grid,
    grid_nodes,
)
from scanner.physics.upscattering import CM2, MEDIATORS, Target, target, threshold
from scanner.physics.visible import (
    COSINES,
    NEGLIGIBLE,
    SPECTRUM_COSINES,
    SPECTRUM_TURNS,
    TURNS,
    Spectrum,
    add_decays,
    fill_seen,
    spectrum,
)
from scanner.signals.dark_neutrino import Decay, Dynamics, Float
from scanner.signals.upscattering_samples import Flux, Region, Selection, UpscatteringResponse

LENGTHS = 64
"""Nodes of the decay length."""

BROKEN_UP_NODES, BROKEN_UP_PANEL_NODES = 36, 5
"""Neutrino energies, and nodes of a panel, for nucleons that break up: good to some 0.5 %, of a cross section that is
known to 10 % at best."""

PROMPT, FAR = 1e-3, 300.0
"""N fly this part of the shortest length of an experiment at the first node, and this multiple of the longest at the
last, if they are as fast as neutrinos."""


def fill_events(
    dynamics: Dynamics,
    currents: tuple[str, ...],
    flavours: tuple[int, ...],
    samples: Sequence[UpscatteringResponse],
    out: Float,
    bins: int,
) -> None:
    """Fill the entry of one node.

    Parameters
    ----------
    dynamics
        How N is made and decays.
    currents, flavours
        Of matter, and of ν.
    samples
        Of the experiment.
    out : float64[2 + channels · currents · flavours · LENGTHS · bins]
        ln(cτ/m) of the first node, the step to the next, and the events.
    bins
        Of the experiment.
    """
    first, step = decay_lengths(dynamics.mass, samples)
    lengths = np.array([math.exp(first + i * step) for i in range(LENGTHS)])
    out[0], out[1] = first, step
    events = out[2:].reshape(len(dynamics.decays), len(currents), len(flavours), LENGTHS, bins)
    alike: dict[int, list[UpscatteringResponse]] = {}
    for sample in samples:
        alike.setdefault(id(sample.selection), []).append(sample)
    for group in alike.values():
        for sample, found in zip(group, group_events(dynamics, currents, flavours, group, lengths), strict=True):
            events[..., sample.first_bin : sample.first_bin + found.shape[-1]] += found


def decay_lengths(mass: float, samples: Sequence[UpscatteringResponse]) -> tuple[float, float]:
    """Return ln(cτ/m) of the first node, and the step to the next."""
    # The boost of the fastest N, which all have at the first node, and of N as slow as they are made at the last.
    boost = max(float(sample.flux.energy[-1]) for sample in samples) / mass
    low = PROMPT * min(sample.shortest for sample in samples) / boost
    high = FAR * max(sample.longest for sample in samples) / min(boost, 1.0)
    return math.log(low), math.log(high / low) / (LENGTHS - 1)


def group_events(
    dynamics: Dynamics,
    currents: tuple[str, ...],
    flavours: tuple[int, ...],
    samples: Sequence[UpscatteringResponse],
    lengths: Float,
) -> list[Float]:
    """Return the events of unit couplings in the bins of samples that have one selection, such as those of two beams.

    Returns
    -------
    list of float64, shape (channels, currents, flavours, lengths, bins)
        One for each sample.
    """
    m, selection = dynamics.mass, samples[0].selection
    bins = next(iter(selection.response.values())).shape[-1]
    out = [np.zeros((len(dynamics.decays), len(currents), len(flavours), lengths.size, bins)) for _ in samples]
    fluxes = [_of_flavours(sample.flux, flavours) for sample in samples]
    highest = max(float(flux.energy[-1]) for flux in fluxes)
    if not highest > m:
        return out
    lowest = min(float(flux.energy[0]) for flux in fluxes)
    if any(region.first_shower > 0 for sample in samples for region in sample.regions):  # N are slower than any ν
        lowest = min(lowest, selection.energy_min)
    nodes = grid(m, lowest, highest, _typical(fluxes))
    energies, sines = grid_nodes(nodes, m)
    made = [
        [[made_in(region, dynamics, current, flux, nodes) for current in currents] for region in sample.regions]
        for sample, flux in zip(samples, fluxes, strict=True)
    ]
    used = np.ascontiguousarray(np.any([_that_matter(np.array(one)) for one in made], axis=0))
    for channel, decay in enumerate(dynamics.decays):
        if decay is None or decay.product not in selection.response:
            continue
        seen = seen_of(decay, dynamics, selection, energies, sines, used)
        visible = np.ascontiguousarray(used & (seen != 0).any(axis=(0, 3)))
        for sample, by_region, events in zip(samples, made, out, strict=True):
            for region, by_current in zip(sample.regions, by_region, strict=True):
                for number, into in zip(by_current, events[channel], strict=True):
                    add_decays(m, energies, sines, visible, lengths, number, *region.decay, seen, into)
    return out


def _that_matter(made: Float) -> np.ndarray:
    """Nodes of a grid that have a share of the N that is not negligible, shape (energies, sines)."""
    numbers = np.abs(made[..., 0]).sum(axis=(0, 1, 2))
    return np.asarray(numbers > NEGLIGIBLE * numbers.sum())


def _of_flavours(flux: Flux, flavours: tuple[int, ...]) -> Flux:
    """Return the flux of some flavours, without energies at which there is none."""
    fluence = flux.fluence[list(flavours)]
    some = np.flatnonzero(fluence.sum(axis=0))
    inside = slice(some[0], some[-1] + 1) if some.size else slice(0, 1)
    return Flux(np.ascontiguousarray(flux.energy[inside]), np.ascontiguousarray(fluence[:, inside]))


def _typical(fluxes: Sequence[Flux]) -> float:
    """Mean energy [GeV]."""
    numbers = [float(n) for flux in fluxes for n in flux.fluence.sum(axis=0)]
    total = math.fsum(numbers)
    energies = [float(energy) for flux in fluxes for energy in flux.energy]
    return (
        math.fsum(n * energy for n, energy in zip(numbers, energies, strict=True)) / total
        if total > 0
        else energies[-1]
    )


def made_in(region: Region, dynamics: Dynamics, current: str, flux: Flux, nodes: Grid) -> Float:
    """Return the N that are made in a region for unit couplings.

    Returns
    -------
    float64, shape (flavours, energies, sines, PARTS)
    """
    m, mediator = dynamics.mass, MEDIATORS.index(dynamics.mediator)
    flavours = flux.fluence.shape[0]
    made = np.zeros((flavours, nodes.energies, nodes.sines, PARTS))
    neutrinos, weights = np.empty(NEUTRINO_NODES), np.empty((flavours, NEUTRINO_NODES))
    for off, number in scatterers(region, dynamics, current):
        condense(threshold(m, off.mass) * (1 + 1e-9), float(flux.energy[-1]), *flux, neutrinos, weights)
        fill_made(
            mediator, neutrinos, weights, m, dynamics.exchanged, CM2 * number, region.first_shower,
            *off, *_rule(PANEL_NODES), *nodes, made,
        )  # fmt: skip
    if region.first_shower > 0 and current == "p":
        _add_broken_up(region, dynamics, flux, nodes, made)
    return made


def _add_broken_up(region: Region, dynamics: Dynamics, flux: Flux, nodes: Grid, made: Float) -> None:
    """Add the N that are made off nucleons which break up."""
    m, exchanged, proton = dynamics.mass, dynamics.exchanged, MASS["p"]
    neutrinos = np.empty(BROKEN_UP_NODES)
    weights = np.empty((made.shape[0], BROKEN_UP_NODES))
    least = max(inelastic_threshold(m, proton, PION_THRESHOLD), m + region.first_shower) * (1 + 1e-9)
    condense(least, float(flux.energy[-1]), *flux, neutrinos, weights)
    for name, number in region.targets.items():
        nucleus = nuclide(name)
        fill_inelastic(
            MEDIATORS.index(dynamics.mediator), neutrinos, weights, m, exchanged, CM2 * number,
            nucleus.Z, nucleus.A - nucleus.Z, proton, PION_THRESHOLD, region.first_shower,
            *_rule(BROKEN_UP_PANEL_NODES), *nodes, made,
        )  # fmt: skip


def scatterers(region: Region, dynamics: Dynamics, current: str) -> Iterator[tuple[Target, float]]:
    """Yield what scatters in a region, and how many there are of it, times what couplings are multiplied by.

    Nucleons of all nuclides are taken together.
    """
    nucleons: dict[tuple[str, bool], float] = {}
    for name, number in region.targets.items():
        nucleus = nuclide(name)
        Z, N = nucleus.Z, nucleus.A - nucleus.Z
        coherent = {"p": Z * Z, "pn": 2 * Z * N, "n": N * N}[current]
        if nucleus.A > 1 and coherent and not region.first_shower > 0:
            yield _target(name, "coherent", dynamics.form_factor, dynamics.spin, False, None), number * coherent
        blocked = dynamics.pauli and nucleus.A > 1
        for regime, count in (("proton", Z), ("neutron", N)):
            nucleons[regime, blocked] = nucleons.get((regime, blocked), 0.0) + number * count
    for (regime, blocked), number in nucleons.items() if region.nucleons else ():
        own = _nucleon_current(dynamics.mediator, regime, current)
        if own is not None and number > 0:
            free = _target("C12", regime, dynamics.form_factor, dynamics.spin, blocked, own)
            yield free._replace(number=1), number


def _nucleon_current(mediator: str, regime: str, current: str) -> str | None:
    """Whose form factors a nucleon has in the term of a current: isospin says, see `scanner.physics.upscattering`."""
    if mediator == "scalar":
        return "proton" if current == regime[0] else None
    if current == "pn":
        return "interference"
    return "proton" if current == regime[0] else "neutron"


JOINT = 5
"""Dimensions of a response that depends on how the two of a pair share its energy."""

PRODUCT_MASS = {"e_e": MASS["e"], "gamma_gamma": 0.0, "gamma": -1.0}
"""Of each of a pair [GeV]; negative for what is none."""

_target = functools.lru_cache(target)
_rule = functools.cache(gauss_legendre)


def seen_of(
    decay: Decay, dynamics: Dynamics, selection: Selection, energies: Float, sines: Float, used: np.ndarray
) -> Float:
    """Return what is selected of the decays of N on the nodes of a grid, shape (PARTS, energies, sines, bins)."""
    response, angles = selection.response[decay.product], sines.size
    rows, sine_max = response.shape[1 if response.ndim == JOINT else -3], selection.sine_max
    log_step = math.log(selection.energy_max / selection.energy_min) / (rows - 1)
    product = PRODUCT_MASS[decay.product]
    masses = spectrum(decay.shape, dynamics.mass, decay.daughter, decay.mediator, max(product, 0.0), dynamics.majorana)
    rule = selection.pairs
    r_cut = np.full(rows, np.inf) if rule.r_cut is None else rule.r_cut
    one = masses.mass.size == 1
    cosines, turns = (COSINES, TURNS) if one else (SPECTRUM_COSINES, SPECTRUM_TURNS)
    if response.shape[-2] == 1:
        # Whatever the angle: what is seen of one direction is seen of all.
        response, sine_max, turns = np.repeat(response, 2, axis=-2), 1.0, 1
        sines, used = sines[:1], np.ascontiguousarray(used.any(axis=1, keepdims=True))
    total = np.zeros((PARTS, energies.size, sines.size, response.shape[-1]))
    out = np.empty_like(total)
    for some, of_mass in by_mass(masses, selection, response):
        fill_seen(
            dynamics.mass, decay.daughter, *some, energies, sines, used, math.log(selection.energy_min), log_step,
            sine_max, of_mass, product, r_cut, np.array(rule[1:]), *_rule(cosines), _half_turn(turns), out,
        )  # fmt: skip
        total += out
    return np.ascontiguousarray(np.broadcast_to(total, (PARTS, energies.size, angles, response.shape[-1])))


def by_mass(found: Spectrum, selection: Selection, response: Float) -> Iterator[tuple[Spectrum, Float]]:
    """Yield parts of a spectrum of masses, and the response to each as `fill_seen` takes it."""
    nodes = selection.masses
    if nodes is None and response.ndim != JOINT:
        yield found, response[None]
        return
    for n, q in enumerate(map(float, found.mass)):
        if found.weight[n] > 0:
            some = Spectrum(*(np.ascontiguousarray(values[n : n + 1]) for values in found))
            yield some, _of_ratio(q, selection, response) if nodes is None else _of_mass(q, nodes, response)


def _of_mass(q: float, nodes: Float, response: Float) -> Float:
    """Response to pairs of a mass, shape (1, energies, angles, bins)."""
    above = min(max(int(np.searchsorted(nodes, q)), 1), nodes.size - 1)
    share = min(max((q - nodes[above - 1]) / (nodes[above] - nodes[above - 1]), 0.0), 1.0)
    return np.ascontiguousarray((1 - share) * response[above - 1] + share * response[above])[None]


def _of_ratio(q: float, selection: Selection, response: Float) -> Float:
    """Averages over how the two share their energy, of pairs of a mass, shape (2, energies, angles, bins)."""
    rows, ratios = response.shape[1:3]
    step = math.log(selection.energy_max / selection.energy_min) / (rows - 1)
    energies = np.array([selection.energy_min * math.exp(e * step) for e in range(rows)])
    at = np.sqrt(np.minimum(q / energies, 1.0)) * (ratios - 1)
    below = np.minimum(at.astype(np.int64), ratios - 2)
    share, row = (at - below)[:, None, None], np.arange(rows)
    found = (1 - share) * response[:, row, below] + share * response[:, row, below + 1]
    return np.ascontiguousarray(found)


@functools.cache
def _half_turn(nodes: int) -> Float:
    return np.array([math.cos(math.pi * (f + 0.5) / nodes) for f in range(nodes)])
