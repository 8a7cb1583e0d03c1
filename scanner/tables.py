"""Build the tables of a scan, each on the sub-grid of the axes that it depends on, once.

A table is found again by a key: the hash of the sources, its model, its experiment and their inputs, and the
values of its nodes. Built tables are kept in the user's cache for the next scan and copied into each store;
a resume takes the store's copy, so that no other machine's libm changes its bits.
"""

from __future__ import annotations

import hashlib
import math
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from scanner.physics.kernel import user_cache_dir
from scanner.scan import Scan, expand
from scanner.signals.base import Table
from scanner.sources import hash_files, kernel_sources

NODES_AT_ONCE = 1024
"""Less than what `scanner.signals.heavy_neutrino` remembers."""
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
class TableSize:
    """What a table will take, before it is built."""

    path: str
    axes: tuple[str, ...]
    nodes: int
    bytes: int


def walk(scan: Scan) -> Iterator[tuple[str, Table]]:
    """Yield every table of a scan with its path, ``experiment/prediction/table``."""
    for name, member in scan.members().items():
        for i, prediction in enumerate(member.predictions):
            for table in prediction.tables:
                yield f"{name}/{i}/{table.name}", table


def sizes(scan: Scan) -> list[TableSize]:
    """Return the size of every table of a scan."""
    found = []
    for path, table in walk(scan):
        axes = _axes(scan, table)
        nodes = scan.grid.subgrid(axes).size
        found.append(TableSize(path, axes, nodes, nodes * (8 * math.prod(table.shape) + 1)))
    return found


def build_all(scan: Scan, cached: bool = True) -> dict[str, BuiltTable]:
    """Build every table of a scan; returns them by path.

    Parameters
    ----------
    scan
        The scan.
    cached
        Whether to use the user's cache: yes for a scan, not for a single point or a calibration.
    """
    sources = hash_files(kernel_sources())
    wanted = {path: _Wanted.of(scan, path, table, sources) for path, table in walk(scan)}
    built = {path: _load(one.file) if cached else None for path, one in wanted.items()}
    missing = {path: one for path, one in wanted.items() if built[path] is None}
    for path, found in _build(missing):
        built[path] = found
        if cached:
            _keep(missing[path].file, found)
    return {path: BuiltTable(wanted[path].axes, *found, wanted[path].key) for path, found in built.items() if found}


@dataclass(frozen=True)
class _Wanted:
    """A table of a scan with its nodes, not built yet."""

    table: Table
    axes: tuple[str, ...]
    nodes: np.ndarray
    key: str

    @classmethod
    def of(cls, scan: Scan, path: str, table: Table, sources: str) -> _Wanted:
        axes = _axes(scan, table)
        shape = scan.grid.subgrid(axes).shape
        nodes = np.empty((math.prod(shape), len(table.parameters)))
        for i, name in enumerate(table.parameters):
            nodes[:, i] = expand(scan.parameters[name], axes, shape).ravel()
        return cls(table, axes, nodes, _key(f"{scan.model.name}/{path}", table, nodes, sources))

    def empty(self) -> tuple[np.ndarray, np.ndarray]:
        """Return arrays for its entries and statuses."""
        return np.empty((len(self.nodes), *self.table.shape)), np.empty(len(self.nodes), dtype=np.uint8)

    @property
    def file(self) -> Path:
        """Its place in the user's cache."""
        return user_cache_dir() / "tables" / f"{self.key}.npz"


_Entries = tuple[np.ndarray, np.ndarray]


def _build(wanted: Mapping[str, _Wanted]) -> Iterator[tuple[str, _Entries]]:
    """Build tables, those of the same parameters side by side, for what they share of a node (widths, say)."""
    by_parameters: dict[tuple[str, ...], dict[str, _Wanted]] = {}
    for path, one in wanted.items():
        by_parameters.setdefault(one.table.parameters, {})[path] = one
    for alike in by_parameters.values():
        found = {path: one.empty() for path, one in alike.items()}
        # Some nodes at a time, also so that Ctrl-C is heard between the kernels' calls.
        for first in range(0, max(len(w.nodes) for w in alike.values()), NODES_AT_ONCE):
            part = slice(first, first + NODES_AT_ONCE)
            for path, (entries, status) in found.items():
                entries[part], status[part] = alike[path].table.build(alike[path].nodes[part])
        yield from found.items()


def _axes(scan: Scan, table: Table) -> tuple[str, ...]:
    used = {a for p in table.parameters for a in scan.parameters[p].axes}
    return tuple(a for a in scan.grid.names if a in used)


def _key(name: str, table: Table, nodes: np.ndarray, sources: str) -> str:
    digest = hashlib.sha256(sources.encode())
    libraries = [version(library) for library in CONSTANTS]
    digest.update(repr((name, table.parameters, table.shape, libraries)).encode())
    for array in (*table.inputs, nodes):
        digest.update(repr((array.shape, array.dtype.str)).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _load(path: Path) -> _Entries | None:
    try:
        with np.load(path) as saved:
            return saved["entries"], saved["status"]
    except (OSError, ValueError, KeyError, EOFError):
        return None  # absent or damaged: it is only a cache, and is built again


def _keep(path: Path, built: _Entries) -> None:
    """Write atomically; a cache that cannot be written is no reason to stop."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".npz")
        with os.fdopen(handle, "wb") as file:
            np.savez(file, entries=built[0], status=built[1])
        Path(temporary).replace(path)
    except OSError:
        return
