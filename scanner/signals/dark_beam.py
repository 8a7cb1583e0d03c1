"""Dark particles of a beam of mesons that scatter in a detector, and what is seen of that.

A meson decays into a dark particle (`scanner.physics.dark_production`), which no field, shield or distance stops; off
nuclei and nucleons of the detector it becomes a photon, or a heavier partner that decays visibly
(`scanner.physics.dark_scattering`). Events in a bin are Σ_s Σ_c coupling_{s,c} R_{s,c,bin}: s runs over the ways in
which dark particles are made, c over the currents of matter. R is for unit couplings and depends on the masses, and on
the lifetime of the partner; so tables lie on these alone, and couplings are monomials at every point.

A model says `scanner.signals.dark_particle.DarkBeam`, an experiment a `DarkBeamResponse` for each sample.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from scanner.errors import Status
from scanner.signals import templates
from scanner.signals.base import Prediction, Table
from scanner.signals.dark_beam_events import events
from scanner.signals.dark_particle import DarkBeam, DarkBeamResponse, DarkDynamics, DarkTerm, Float
from scanner.vocabulary import Monomial

PROVIDES = ("dark_beam",)
VERSION = 1

CACHE = 4096
"""Nodes whose events are kept, so that the tables of all terms share what a node costs."""

Events = Callable[[DarkDynamics], Mapping[tuple[int, str], Float]]


def bind(model: DarkBeam, samples: Sequence[DarkBeamResponse], bins: int) -> Prediction:
    """Join a model to the samples of an experiment; all of them are summed.

    Parameters
    ----------
    model
        The model's ingredient.
    samples
        The experiment's.
    bins
        Number of signal bins.
    """
    tables: list[Table] = []
    amplitudes: list[tuple[Monomial, ...]] = []
    for tagged in (False, True):
        some = tuple(sample for sample in samples if sample.neutron == tagged)
        factor = model.neutron if tagged else Monomial(1.0)
        if not some or factor is None:
            continue
        found = _remembered(model, some, bins)
        for term in model.terms:
            tables.append(_table(len(tables), model, term, found, some, bins))
            amplitudes.append(tuple(factor * m for m in term.coupling))
    return templates.prediction(amplitudes, tables)


def _remembered(model: DarkBeam, samples: tuple[DarkBeamResponse, ...], bins: int) -> Events:
    """Return what gives the events of each term, and remembers them for the tables of the others."""
    wanted = tuple((term.source, term.current) for term in model.terms)

    @functools.lru_cache(CACHE)
    def of(dynamics: DarkDynamics) -> Mapping[tuple[int, str], Float]:
        return events(dynamics, wanted, samples, bins)

    return of


def _table(
    number: int,
    model: DarkBeam,
    term: DarkTerm,
    events_of: Events,
    samples: tuple[DarkBeamResponse, ...],
    bins: int,
) -> Table:
    def build(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        entries = np.zeros((len(values), bins))
        status = np.full(len(values), Status.ok, dtype=np.uint8)
        for node, row in enumerate(values):
            dynamics = model.dynamics(row)
            if dynamics is None:
                continue
            if isinstance(dynamics, Status):
                status[node] = dynamics
                continue
            found = events_of(dynamics)[term.source, term.current]
            if np.isfinite(found).all():
                entries[node] = found
            else:
                status[node] = Status.not_converged
        return entries, status

    return Table(f"{number}_{term.source}_{term.current}", model.parameters, (bins,), build, _inputs(samples))


def _inputs(samples: Sequence[DarkBeamResponse]) -> tuple[Float, ...]:
    """What tells the entries of one experiment from those of another."""
    found: list[Float] = []
    for sample in samples:
        selection = sample.selection
        found += [np.array([selection.energy_min, selection.energy_max, selection.sine_max, sample.first_bin])]
        found += [*selection.response.values(), np.array(list(sample.stopped.values()))]
        found += [] if selection.pairs.r_cut is None else [selection.pairs.r_cut]
        for bundle in sample.mesons().values():
            found += [bundle.momentum, bundle.number]
        for region in sample.regions:
            found += [np.array([*region.targets.values(), region.nucleons]), *region.decay]
    return tuple(found)
