"""The tables of a scan in its store: written part by part, by whoever builds them, and read by every worker.

A part is a chunk of each of its tables' arrays, status last, so that one that exists is whole, and parts never
meet in a file. What is missing, a driver has built before the first block.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from scanner import tables
from scanner.cube import Cube, create_table
from scanner.errors import StoreError
from scanner.store import decoding_errors, keys, storage_errors
from scanner.tables import BuiltTable, Plan, PlannedTable

_ARRAYS = ("entries", "status")

BuiltPart = list[tuple[str, np.ndarray, np.ndarray]]
"""Path, entries and status of each table of a part."""


def plan(cube: Cube, planned: Plan) -> dict[str, PlannedTable]:
    """Return tables in the parts that the store has as chunks, whichever version made it."""
    parts = {path: cube.array(f"tables/{path}/status").chunks[0] for path in cube.record["tables"]}
    return {path: replace(one, part=parts[path]) for path, one in planned.items()}


def read(cube: Cube, paths: Iterable[str] | None = None) -> dict[str, BuiltTable]:
    """Return tables, all parts of them built: those that blocks are evaluated with, or only some."""
    found = {}
    for path in cube.record["tables"] if paths is None else paths:
        facts = cube.record["tables"][path]
        with decoding_errors(cube.url, f"table {path}"):
            entries, status = (np.asarray(cube.array(f"tables/{path}/{name}")[...]) for name in _ARRAYS)
        found[path] = BuiltTable(tuple(facts["axes"]), entries, status, facts["key"])
    return found


def write(cube: Cube, path: str, nodes: slice, entries: np.ndarray, status: np.ndarray) -> None:
    """Write some nodes of a table, of whole parts."""
    with storage_errors(cube.url):
        for name, values in zip(_ARRAYS, (entries, status), strict=True):
            cube.array(f"tables/{path}/{name}")[nodes] = values


def missing(cube: Cube, planned: Plan) -> list[int]:
    """Return the numbers of the parts that the store lacks.

    Raises
    ------
    StoreError
        If there are any, and what their tables are made from has changed since the store was made.
    """
    there = {path: _written(cube, path) for path in planned}
    lacking = [
        (number, part)
        for number, part in enumerate(tables.parts(planned))
        if any(part.number not in there[path] for path in part.paths)
    ]
    _refuse_changed(cube, planned, {path for _, part in lacking for path in part.paths})
    return [number for number, _ in lacking]


def _written(cube: Cube, path: str) -> set[int]:
    """Numbers of the parts of a table all of whose chunks exist."""
    chunks = (keys(cube.root, f"tables/{path}/{name}") for name in _ARRAYS)
    return set.intersection(*({int(key.split("/")[0]) for key in found} for found in chunks))


def _refuse_changed(cube: Cube, planned: Plan, paths: Iterable[str]) -> None:
    for path in paths:
        if path not in planned or planned[path].key != cube.record["tables"][path]["key"]:
            raise StoreError(
                f"{cube.url}: table {path} is damaged or incomplete, and what it was made from has changed since\n  "
                "restore the store from a copy, or replace it with --fresh"
            )


def drop_damaged(cube: Cube, planned: Plan) -> list[str]:
    """Empty the tables that cannot be read, for their parts to be built again; return their paths.

    Raises
    ------
    StoreError
        As `missing` does, before anything is deleted.
    """
    damaged = [p for p in cube.record["tables"] if any(cube.unreadable(f"tables/{p}/{name}") for name in _ARRAYS)]
    _refuse_changed(cube, planned, damaged)
    for path in damaged:
        with storage_errors(cube.url):
            create_table(cube.root, path, planned[path])
    return damaged


def recall(cube: Cube, planned: Plan) -> None:
    """Write what the user's cache has of the tables."""
    for path, built in tables.remembered(planned).items():
        write(cube, path, slice(None), built.entries, built.status)


def build(cube: Cube, planned: Plan, number: int) -> BuiltPart:
    """Build what the store lacks of a part."""
    part = tables.parts(planned)[number]
    lacking = tuple(path for path in part.paths if part.number not in _written(cube, path))
    return list(tables.build(planned, replace(part, paths=lacking)))


def write_part(cube: Cube, planned: Plan, number: int, built: BuiltPart) -> None:
    """Write a part."""
    nodes = tables.parts(planned)[number].nodes
    cube.check_in_place()
    for path, entries, status in built:
        write(cube, path, nodes, entries, status)
