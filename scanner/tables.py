"""Plan and build the tables of a scan, each on the sub-grid of the axes that it depends on, once.

Tables that depend on the same parameters are built side by side, for what they share of a node (the widths of
a heavy neutrino, say), a range of nodes at a time: such a part is a worker's task, and a chunk of the store.

A table is found again by a key: the hash of the sources, its model, its experiment and their inputs, and the
values of its nodes. Built tables are kept in the user's cache for the next scan and copied into each store;
a resume takes the store's copy, so that no other machine's libm changes its bits.
"""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from scanner.scan import Scan, expand
from scanner.signals.base import Table
from scanner.sources import hash_files, kernel_sources, user_cache_dir, write_to_cache

PARTS = 256
"""Of the nodes of a table at most."""
NODES_OF_A_PART = 64
"""At least: milliseconds where a node takes 30 µs, some seconds where twenty experiments take 5 ms each."""
CONSTANTS = ("hepunits", "particle")
"""Libraries whose numbers go into tables."""


@dataclass(frozen=True)
class BuiltTable:
    """A table on its nodes.

    Parameters
    ----------
    axes
        The scan's axes that it lies on, in the grid's order; nodes run over them, the last one fastest.
    entries
        float64, shape (nodes, *shape of an entry).
    status
        uint8, shape (nodes,).
    key
        Hash of everything that it was made from.
    """

    axes: tuple[str, ...]
    entries: np.ndarray
    status: np.ndarray
    key: str


@dataclass(frozen=True)
class PlannedTable:
    """A table of a scan, not built yet.

    Parameters
    ----------
    table
        What to build.
    axes, key
        As those of `BuiltTable`.
    nodes
        Parameter values, shape (nodes, parameters).
    part
        Number of nodes of a part.
    """

    table: Table
    axes: tuple[str, ...]
    nodes: np.ndarray
    key: str
    part: int

    @property
    def bytes(self) -> int:
        """Size of the table [bytes]."""
        return len(self.nodes) * (8 * math.prod(self.table.shape) + 1)

    def on(self, entries: np.ndarray, status: np.ndarray) -> BuiltTable:
        """Return the table, built."""
        return BuiltTable(self.axes, entries, status, self.key)


@dataclass(frozen=True)
class Part:
    """Some nodes of all tables that depend on the same parameters.

    Parameters
    ----------
    paths
        The tables.
    number
        Of the part.
    nodes
        Slice of their nodes.
    """

    paths: tuple[str, ...]
    number: int
    nodes: slice


Plan = Mapping[str, PlannedTable]


def plan(scan: Scan) -> dict[str, PlannedTable]:
    """Return the tables of a scan by path, ``experiment/prediction/table``."""
    sources = hash_files(kernel_sources())
    found = {}
    for name, member in scan.members().items():
        for i, prediction in enumerate(member.predictions):
            for table in prediction.tables:
                path = f"{name}/{i}/{table.name}"
                found[path] = _planned(scan, path, table, sources)
    return found


def _planned(scan: Scan, path: str, table: Table, sources: str) -> PlannedTable:
    used = {a for p in table.parameters for a in scan.parameters[p].axes}
    axes = tuple(a for a in scan.grid.names if a in used)
    shape = scan.grid.subgrid(axes).shape
    nodes = np.empty((math.prod(shape), len(table.parameters)))
    for i, name in enumerate(table.parameters):
        nodes[:, i] = expand(scan.parameters[name], axes, shape).ravel()
    part = max(NODES_OF_A_PART, math.ceil(len(nodes) / PARTS))
    return PlannedTable(table, axes, nodes, _key(f"{scan.model.name}/{path}", table, nodes, sources), part)


def parts(planned: Plan) -> list[Part]:
    """Return the parts of all tables, in an order that follows from the plan alone."""
    alike: dict[tuple[tuple[str, ...], ...], list[str]] = {}
    for path, one in planned.items():
        alike.setdefault((one.table.parameters, one.axes), []).append(path)
    found = []
    for paths in alike.values():
        first = planned[paths[0]]
        starts = range(0, len(first.nodes), first.part)
        found += [Part(tuple(paths), n, slice(start, start + first.part)) for n, start in enumerate(starts)]
    return found


def build(planned: Plan, part: Part) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Build a part; yields path, entries and status of its tables."""
    for path in part.paths:
        yield path, *planned[path].table.build(planned[path].nodes[part.nodes])


@dataclass(frozen=True)
class TableSize:
    """What a table takes."""

    path: str
    axes: tuple[str, ...]
    nodes: int
    bytes: int


def sizes(scan: Scan) -> list[TableSize]:
    """Return the size of every table of a scan."""
    return [TableSize(path, one.axes, len(one.nodes), one.bytes) for path, one in plan(scan).items()]


def build_all(scan: Scan) -> dict[str, BuiltTable]:
    """Build every table of a scan here and now, for a single point, a calibration or a test."""
    planned = plan(scan)
    built = {p: one.on(*_empty(one)) for p, one in planned.items()}
    for part in parts(planned):
        for path, entries, status in build(planned, part):
            built[path].entries[part.nodes], built[path].status[part.nodes] = entries, status
    return built


def _empty(one: PlannedTable) -> tuple[np.ndarray, np.ndarray]:
    return np.empty((len(one.nodes), *one.table.shape)), np.empty(len(one.nodes), dtype=np.uint8)


def _key(name: str, table: Table, nodes: np.ndarray, sources: str) -> str:
    digest = hashlib.sha256(sources.encode())
    libraries = [version(library) for library in CONSTANTS]
    digest.update(repr((name, table.parameters, table.shape, libraries)).encode())
    for array in (*table.inputs, nodes):
        digest.update(repr((array.shape, array.dtype.str)).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _file(key: str) -> Path:
    return user_cache_dir() / "tables" / f"{key}.npz"


def remembered(planned: Plan) -> dict[str, BuiltTable]:
    """Return what the user's cache has of some tables; one that is damaged is as good as absent."""
    found = {}
    for path, one in planned.items():
        try:
            with np.load(_file(one.key)) as saved:
                found[path] = one.on(saved["entries"], saved["status"])
        except (OSError, ValueError, KeyError, EOFError):
            continue
    return found


def remember(built: Iterable[BuiltTable]) -> None:
    """Keep tables in the user's cache, as many of them as can be written."""
    for table in built:
        save = functools.partial(np.savez, entries=table.entries, status=table.status)
        if not write_to_cache(_file(table.key), save):
            return
