"""The zarr store of a scan: created once, written block by block, read by anyone.

Layout of a store::

    zarr.json             attributes: what was asked for, by whom and with what ("scanner")
    axes/NAME             values of each axis; tied/NAME, derived/NAME: of what follows from them
    tables/PATH/          the tables that the scan was evaluated with
    g0/ g1/ ...           one group for each set of experiments that depend on the same axes:
        chi2 status ...       (experiment, *axes), one shard a block
    ledger/0 1 ...        which blocks are done, one byte each: one ledger, or one for each element of a job array
    driver.* cluster.log  the driver at work, and the logs (local stores); elements/N/: those of an element.
                          Behind a URL driver.lock alone, a lease
    submission/           what was submitted as batch jobs, and their output

All but the last three lines may lie in an Icechunk repository instead (`scanner.transactions`).

zarr and xarray accept writes that cover part of a shard, and lose data when two processes do so. Here a block
*is* a shard: both come from the store's `Layout`, and nothing else writes.
"""

from __future__ import annotations

import functools
import math
import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec
from zarr.core.sync import sync

from scanner import provenance
from scanner.errors import ScannerError, Status, StoreError, StoreRefused, StoreReplaced
from scanner.grid import Block, Layout, block_shape
from scanner.ledger import DONE, FAILED, MISSING, WHOLE, Element, Ledger, LedgerDamaged
from scanner.likelihoods.pulls import number_of_terms
from scanner.store import (
    DRIVER_FILES,
    FORMAT,
    absolute,
    check_reached,
    decoding_errors,
    erase,
    is_in_place,
    keys,
    local_path,
    location,
    of_storage,
    storage_errors,
)
from scanner.tables import Plan, PlannedTable
from scanner.transactions import PREFIX, REPOSITORY, TransactionStore

INNER_POINTS = 2**16
TOTAL = "total"
"""In place of an experiment: the sum of all of them."""
BEST = "best_"
"""Before an axis' name: its value where the profile over it has its minimum."""
OK_FRACTION = "ok_fraction"
"""The array of a reduced scan that says how much of what was reduced is ok."""
_CODECS = (BloscCodec(cname="lz4", clevel=5, shuffle="shuffle"), Crc32cCodec())
"""Three times as fast as zstd, both ways, for a tenth to a quarter more bytes: to compress was most of a write."""
_WRITE_ALL: Any = {"write_empty_chunks": True}

Coordinates = list[tuple[str, np.ndarray, tuple[str, ...]]]
"""Path in the store, values and axes of everything that becomes a coordinate."""


@dataclass(frozen=True)
class GroupArrays:
    """What a store keeps of the experiments that depend on the same axes.

    Parameters
    ----------
    axes
        Their names.
    experiments
        Names, in the order of the arrays' first dimension.
    outputs
        Names of the arrays besides ``status``.
    dtype
        Of these arrays (but ``pull_terms``).
    nuisances
        Number of nuisance parameters that each of them shares with others; its ``pull_terms`` are kept then.
    """

    axes: tuple[str, ...]
    experiments: tuple[str, ...]
    outputs: tuple[str, ...]
    dtype: str
    nuisances: int = 0

    @classmethod
    def of(cls, record: Mapping[str, Any]) -> tuple[GroupArrays, ...]:
        """Return the groups of a store from its record."""
        shared = {"outputs": record.get("outputs"), "dtype": record.get("dtype")}
        return tuple(
            cls(tuple(g["axes"]), tuple(g["experiments"]), tuple(g["outputs"]), g["dtype"], g["nuisances"])
            for g in ({**shared, "nuisances": 0, **one} for one in record["groups"])
        )

    def arrays(self) -> dict[str, tuple[int, ...]]:
        """Return the lengths of the dimensions before the axes, by array, ``status`` last."""
        members = len(self.experiments)
        found: dict[str, tuple[int, ...]] = dict.fromkeys(self.outputs, (members,))
        if self.nuisances:
            found["pull_terms"] = (members, number_of_terms(self.nuisances))
        return {**found, "status": (members,)}

    def bytes(self, points: int) -> int:
        """Return the size of the arrays of so many points, uncompressed [bytes]."""
        return points * sum(math.prod(n) * self.dtype_of(name).itemsize for name, n in self.arrays().items())

    def dtype_of(self, name: str) -> np.dtype[Any]:
        """Return the dtype of an array: sums of polynomials cancel, so that these are kept in float64."""
        return np.dtype({"status": "uint8", "pull_terms": "float64"}.get(name, self.dtype))


@dataclass(frozen=True)
class Blueprint:
    """What a store is created from.

    Parameters
    ----------
    layout
        Its blocks.
    groups
        What it keeps of each group of experiments.
    coordinates
        Its axes, and what follows from them.
    record
        What it records besides: ``kind``, ``name``, ``identity``, ``axes``, ``model``, ``experiments``, …
    tables
        The tables that its blocks need.
    """

    layout: Layout
    groups: tuple[GroupArrays, ...]
    coordinates: Coordinates
    record: Mapping[str, Any]
    tables: Plan = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        """Upper bound of the store's size [bytes]."""
        arrays = sum(g.bytes(math.prod(n)) for g, n in zip(self.groups, self.layout.shapes, strict=True))
        return arrays + sum(t.bytes for t in self.tables.values())


@dataclass(frozen=True)
class Cube:
    """An open store.

    Parameters
    ----------
    url
        Path or URL.
    root
        Its zarr group.
    record
        The attributes written at its creation.
    layout
        Its blocks.
    """

    url: str
    root: zarr.Group
    record: Mapping[str, Any]
    layout: Layout

    @functools.cached_property
    def arrays(self) -> tuple[dict[str, Any], ...]:
        """The arrays of each group by name, ``status`` last; handles are opened once."""
        return tuple({n: self.array(f"g{i}/{n}") for n in group.arrays()} for i, group in enumerate(self.groups))

    @functools.cached_property
    def groups(self) -> tuple[GroupArrays, ...]:
        """What is kept of each group of experiments."""
        return GroupArrays.of(self.record)

    @property
    def kind(self) -> str:
        """What it was made by: ``scan``, ``reduced``, ``merge`` or ``toys``."""
        return str(self.record.get("kind", "scan"))

    @property
    def sum_group(self) -> int | None:
        """The group that holds the sum of all experiments, which is no experiment; None where there is none."""
        return len(self.groups) - 1 if self.kind == "merge" else None

    def array(self, path: str) -> Any:
        """Return the zarr array at a path of the store, set to write chunks even if they hold only the fill."""
        try:
            found: Any = self.root[path]
            return found.with_config(_WRITE_ALL)
        except Exception as error:
            check_reached(self.url, error)
            raise StoreError(
                f"{self.url}: array {path} cannot be opened ({type(error).__name__}: {error})\n  "
                "restore the store from a copy, or replace it with --fresh"
            ) from error

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the whole grid."""
        return tuple(self.array(f"axes/{name}").shape[0] for name in self.record["axes"])

    @property
    def runs(self) -> list[dict[str, Any]]:
        """What each driver that came to its end has recorded of itself, as of now."""
        found: Any = zarr.open_group(location(self.url), mode="r").attrs.get("runs", [])
        return list(found)

    def add_run(self, run: Mapping[str, Any]) -> None:
        """Record a driver's run."""
        self.check_in_place()  # the record is written as it was read at the start
        with storage_errors(self.url):
            self.root.attrs["runs"] = [*self.runs, dict(run)]
        self.commit("end of a run")

    def check_in_place(self) -> None:
        """Raise StoreReplaced if what would be written now would fall into another store."""
        with storage_errors(self.url):
            there = is_in_place(self.url, self.root, self.record["id"])
        if not there:
            raise StoreReplaced(f"{self.url}: was deleted or replaced by another store while this scan ran")

    def begin(self) -> None:
        """See what has been committed, and begin to keep what is written for `changes`."""
        if isinstance(self.root.store, TransactionStore):
            with storage_errors(self.url):
                self.root.store.begin()

    def changes(self) -> bytes:
        """Hand over what was written since `begin`, for the driver to `accept`; nothing, if it is in the store."""
        return self.root.store.changes() if isinstance(self.root.store, TransactionStore) else b""

    def accept(self, changes: bytes) -> None:
        """Take over what a worker has written; in the store from the next `commit` on."""
        if isinstance(self.root.store, TransactionStore) and changes:
            with storage_errors(self.url):
                self.root.store.accept(changes)

    def commit(self, message: str) -> None:
        """Make what was written or taken over part of the store, where it is not at once."""
        if isinstance(self.root.store, TransactionStore):
            with storage_errors(self.url):
                self.root.store.commit(message)

    def write(self, block: Block, results: Mapping[str, np.ndarray]) -> dict[str, int]:
        """Write a block's results, of the arrays' dtypes, status last; return its statuses' counts."""
        self.check_in_place()
        region = (..., *block.slices)
        with storage_errors(self.url):
            for name, array in self.arrays[block.group].items():
                assert results[name].dtype == array.dtype  # zarr would round, and keep no status of what overflows
                try:
                    array[region] = results[name]
                except ValueError:  # zarr reads a shard before it replaces it, and this one is damaged
                    self._delete(block, name)
                    array[region] = results[name]
        counts = {status.name: int(np.count_nonzero(results["status"] == np.uint8(status))) for status in Status}
        return {name: number for name, number in counts.items() if number}

    def _delete(self, block: Block, name: str) -> None:
        sync((self.arrays[block.group][name].store_path / f"c/{self.key(block, name)}").delete())

    def key(self, block: Block, name: str) -> str:
        """Return the key of a block's shard within an array: ``0/3/1``."""
        before = len(self.groups[block.group].arrays()[name])
        return "/".join(map(str, (*[0] * before, *self.layout.position(block.number, block.group))))

    def write_failed(self, block: Block, status: Status) -> None:
        """Mark every point of a block as not computed, for the reason given by a status."""
        group = self.groups[block.group]
        self.write(
            block,
            {
                name: np.full((*n, *block.shape), status if name == "status" else np.nan, group.dtype_of(name))
                for name, n in group.arrays().items()
            },
        )

    def read(self, block: Block, name: str) -> np.ndarray:
        """Return a block of an array.

        Raises
        ------
        StoreError
            If the block is damaged.
        """
        with decoding_errors(self.url, f"block {block.number}"):
            return np.asarray(self.arrays[block.group][name][(..., *block.slices)])

    def written(self) -> set[int]:
        """Numbers of the blocks all of whose shards exist."""
        found: set[int] = set()
        for group, arrays in enumerate(self.arrays):
            per_array = [self._shards(f"g{group}/{name}", group) for name in arrays]
            found |= set.intersection(*per_array)
        return found

    def _shards(self, path: str, group: int) -> set[int]:
        counts, offset = self.layout.counts(group), self.layout.offsets[group]
        before = len(self.groups[group].arrays()[path.rpartition("/")[2]])
        positions = [tuple(map(int, key.split("/")[before:])) for key in keys(self.root, path)]
        return {offset + int(np.ravel_multi_index(p, counts)) if p else offset for p in positions}

    def is_failed(self, block: Block) -> bool:
        """Whether a written block holds only the marks of a block that could not be computed."""
        status = self.read(block, "status")
        return bool(np.isin(status, (Status.missing, Status.timeout, Status.worker_lost)).all())

    def ledger(self, element: Element = WHOLE) -> tuple[Ledger, str | None]:
        """Return an element's ledger brought up to date with the others and the shards, and a message if rebuilt."""
        blocks, message = self.layout.number_of_blocks, None
        try:
            ledger = Ledger.read(self.root, blocks, element)
        except LedgerDamaged as error:
            message = f"{error}; rebuilt from the blocks in the store"
            ledger = Ledger.empty(self.root, blocks, element)
        written = self.written()
        lost = [int(n) for n in np.flatnonzero(ledger.state == DONE) if n not in written]
        ledger.mark(lost, MISSING)
        for number in sorted(written):
            if ledger.state[number] == MISSING:
                ledger.mark([number], FAILED if self._failed_or_damaged(number) else DONE)
        return ledger, message

    def counts(self, ledger: Ledger, element: Element = WHOLE) -> dict[str, int]:
        """Return the numbers of an element's blocks by state, and of points in all and in those done."""
        own = element.owns(np.arange(ledger.state.size))
        state, sizes = ledger.state[own], self.layout.sizes()[own]
        return {
            "blocks": int(state.size),
            "done": int((state == DONE).sum()),
            "failed": int((state == FAILED).sum()),
            "points": int(sizes.sum()),
            "points_done": int(sizes[state == DONE].sum()),
        }

    def _failed_or_damaged(self, number: int) -> bool:
        try:
            return self.is_failed(self.layout.block(number))
        except StoreError:
            return True

    def damaged(self, block: Block) -> bool:
        """Whether a finished block cannot be decoded, or lacks a number or a status."""
        try:
            status, *values = (self.read(block, name) for name in ("status", *self.groups[block.group].outputs))
        except StoreError:
            return True
        return bool(
            (status == Status.missing).any() or any((np.isnan(v) & (status == Status.ok)).any() for v in values)
        )

    def mend(self, coordinates: Coordinates) -> list[str]:
        """Write damaged axes and other coordinates anew; return their paths."""
        mended = [path for path, _, _ in coordinates if self.unreadable(path)]
        with storage_errors(self.url):
            for path, values, names in coordinates:
                if path in mended:
                    _save(self.root, path, values, names)
        return mended

    def unreadable(self, path: str) -> bool:
        """Whether an array cannot be read, for another reason than the file system."""
        try:
            self.array(path)[...]
        except Exception as error:
            if of_storage(error):
                raise
            return True
        return False


def create(url: str, blueprint: Blueprint) -> Cube:
    """Create a store, in place of one whose creation did not end.

    The record is written last, so that half a store is never taken for a whole one. Tables are empty.
    """
    with storage_errors(url):
        erase(url)
        root = zarr.create_group(location(url, "w-"), attributes={"scanner": {"format": FORMAT}})
        for path, values, names in blueprint.coordinates:
            _save(root, path, values, names)
        for path, table in blueprint.tables.items():
            create_table(root, path, table)
        for number in range(len(blueprint.groups)):
            _create_arrays(root, blueprint, number)
        Ledger.empty(root, blueprint.layout.number_of_blocks).flush()
        record = _record(blueprint)
        root.attrs.put({"scanner": record})
    cube = Cube(url, root, record, blueprint.layout)
    cube.commit("created")
    return cube


def open_cube(url: str, mode: str = "r") -> Cube:
    """Open a store of ours.

    Raises
    ------
    StoreRefused
        If there is none at that place, or it is not one of ours.
    """
    try:
        root = zarr.open_group(location(url, mode), mode=mode)  # type: ignore[arg-type]
    except (FileNotFoundError, zarr.errors.GroupNotFoundError):
        folder = local_path(url)
        begun = folder is not None and any((folder / name).exists() for name in DRIVER_FILES)
        hint = " yet: a driver is planning it, or was stopped then; the same command goes on" if begun else ""
        if folder is not None and (folder / REPOSITORY).is_dir():
            hint = f"; there is one in an Icechunk repository: give {PREFIX}file://{folder}"
        raise StoreRefused(f"{url}: no store there{hint}") from None
    except ScannerError:
        raise
    except Exception as error:
        check_reached(url, error)
        raise StoreRefused(f"{url}: is not a store that can be read ({error})") from None
    record: Any = root.attrs.get("scanner")
    if not isinstance(record, dict) or record.get("format") != FORMAT or "identity" not in record:
        raise StoreRefused(f"{url}: is not a complete store of this program (or of another version's format)")
    layout = Layout(*(tuple(tuple(x) for x in record["layout"][k]) for k in ("shapes", "blocks")))
    return Cube(absolute(url), root, record, layout)


def _save(root: zarr.Group, path: str, values: np.ndarray, names: tuple[str, ...] | None = None) -> None:
    array = root.create_array(
        path,
        shape=values.shape,
        chunks=tuple(max(n, 1) for n in values.shape),
        dtype=values.dtype,
        compressors=_CODECS if values.shape else (Crc32cCodec(),),
        dimension_names=names,
        overwrite=True,
    ).with_config(_WRITE_ALL)
    array[...] = values


def create_table(root: zarr.Group, path: str, planned: PlannedTable) -> None:
    """Make the arrays of a table, a chunk for each of its parts."""
    nodes = len(planned.nodes)
    for name, dtype, shape in (("entries", "float64", planned.table.shape), ("status", "uint8", ())):
        root.create_array(
            f"tables/{path}/{name}",
            shape=(nodes, *shape),
            chunks=(min(planned.part, nodes), *shape),
            dtype=dtype,
            compressors=_CODECS,
            overwrite=True,
        )


def _create_arrays(root: zarr.Group, blueprint: Blueprint, number: int) -> None:
    group, shape, block = blueprint.groups[number], blueprint.layout.shapes[number], blueprint.layout.blocks[number]
    powers_of_two = all(n & (n - 1) == 0 for n in block)
    inner = block_shape(block, INNER_POINTS) if powers_of_two else block
    for name, before in group.arrays().items():
        status = name == "status"
        array = root.create_array(
            f"g{number}/{name}",
            shape=(*before, *shape),
            shards=(*before, *block),
            chunks=(*[1] * len(before), *inner),
            dtype=group.dtype_of(name),
            fill_value=int(Status.missing) if status else math.nan,
            compressors=_CODECS,
            dimension_names=(*("experiment", "term")[: len(before)], *group.axes),
            overwrite=True,
        )
        if status:
            array.attrs["flag_values"] = [int(s) for s in Status]
            array.attrs["flag_meanings"] = " ".join(s.name for s in Status)


def _record(blueprint: Blueprint) -> dict[str, Any]:
    """The attributes of a store, plain JSON."""
    return {
        "format": FORMAT,
        "id": uuid.uuid4().hex,
        **blueprint.record,
        "identity_hash": provenance.digest(blueprint.record["identity"]),
        "layout": {"shapes": blueprint.layout.shapes, "blocks": blueprint.layout.blocks},
        "groups": [asdict(group) for group in blueprint.groups],
        "tables": {path: {"axes": t.axes, "key": t.key} for path, t in blueprint.tables.items()},
        "created": provenance.now(),
        "environment": provenance.environment(),
    }
