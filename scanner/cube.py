"""The zarr store of a scan: created once, written block by block, read by anyone.

Layout of a store::

    zarr.json             attributes: what was asked for, by whom and with what ("scanner")
    axes/NAME             values of each axis; tied/NAME, derived/NAME: of what follows from them
    tables/PATH/          the tables that the scan was evaluated with
    g0/ g1/ ...           one group for each set of experiments that depend on the same axes:
        chi2 status ...       (experiment, *axes), one shard a block
    ledger/0              which blocks are done, one byte each
    driver.* cluster.log  the driver at work, and the logs (local stores)

zarr and xarray accept writes that cover part of a shard, and lose data when two processes do so. Here a block
*is* a shard: both come from the store's `Layout`, and nothing else writes.
"""

from __future__ import annotations

import contextlib
import enum
import functools
import math
import shutil
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from zarr.abc.store import Store
from zarr.codecs import BloscCodec, Crc32cCodec
from zarr.core.sync import sync
from zarr.storage import LocalStore

from scanner import provenance
from scanner.errors import Status, StoreError, StoreRefused
from scanner.evaluate import round_to
from scanner.grid import Block, Layout, block_shape
from scanner.ledger import DONE, FAILED, MISSING, Ledger, LedgerDamaged
from scanner.scan import Scan
from scanner.tables import PlannedTable

FORMAT = 1
DRIVER_FILES = {"driver.lock", "driver.json", "driver.new", "driver.log", "cluster.log"}
INNER_POINTS = 2**16
_CODECS = (BloscCodec(cname="zstd", clevel=3, shuffle="shuffle"), Crc32cCodec())
_WRITE_ALL: Any = {"write_empty_chunks": True}


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
        names = (*self.record["outputs"], "status")
        groups = range(len(self.layout.shapes))
        return tuple({n: self.array(f"g{g}/{n}") for n in names} for g in groups)

    def array(self, path: str) -> Any:
        """Return the zarr array at a path of the store, set to write chunks even if they hold only the fill."""
        try:
            found: Any = self.root[path]
            return found.with_config(_WRITE_ALL)
        except Exception as error:
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
        """What each driver that came to its end has recorded of itself."""
        found: Any = self.root.attrs.get("runs", [])
        return list(found)

    def add_run(self, run: Mapping[str, Any]) -> None:
        """Record a driver's run."""
        with storage_errors(self.url):
            self.root.attrs["runs"] = [*self.runs, dict(run)]

    def write(self, block: Block, results: Mapping[str, np.ndarray]) -> dict[str, int]:
        """Write a block's results, rounded to the cube's dtype, status last; return its statuses' counts."""
        rounded = round_to(results, self.record["dtype"])
        region = (slice(None), *block.slices)
        with storage_errors(self.url):
            for name, array in self.arrays[block.group].items():
                try:
                    array[region] = rounded[name]
                except ValueError:  # zarr reads a shard before it replaces it, and this one is damaged
                    self._delete(block, name)
                    array[region] = rounded[name]
        values, counts = np.unique(rounded["status"], return_counts=True)
        return {Status(int(v)).name: int(n) for v, n in zip(values, counts, strict=True)}

    def _delete(self, block: Block, name: str) -> None:
        position = "/".join(map(str, (0, *self.layout.position(block.number, block.group))))
        sync((self.arrays[block.group][name].store_path / f"c/{position}").delete())

    def write_failed(self, block: Block, status: Status) -> None:
        """Mark every point of a block as not computed, for the reason given by a status."""
        shape = (self.arrays[block.group]["status"].shape[0], *block.shape)
        results = {name: np.full(shape, np.nan) for name in self.record["outputs"]}
        self.write(block, {**results, "status": np.full(shape, status, dtype=np.uint8)})

    def read(self, block: Block, name: str) -> np.ndarray:
        """Return a block of an array.

        Raises
        ------
        StoreError
            If the block is damaged.
        """
        with decoding_errors(self.url, f"block {block.number}"):
            return np.asarray(self.arrays[block.group][name][(slice(None), *block.slices)])

    def written(self) -> set[int]:
        """Numbers of the blocks all of whose shards exist."""
        found: set[int] = set()
        for group, arrays in enumerate(self.arrays):
            per_array = [self._shards(f"g{group}/{name}", group) for name in arrays]
            found |= set.intersection(*per_array)
        return found

    def _shards(self, path: str, group: int) -> set[int]:
        counts, offset = self.layout.counts(group), self.layout.offsets[group]
        positions = [tuple(map(int, key.split("/")[1:])) for key in keys(self.root, path)]
        return {offset + int(np.ravel_multi_index(p, counts)) if p else offset for p in positions}

    def is_failed(self, block: Block) -> bool:
        """Whether a written block holds only the marks of a block that could not be computed."""
        status = self.read(block, "status")
        return bool(np.isin(status, (Status.missing, Status.timeout, Status.worker_lost)).all())

    def ledger(self) -> tuple[Ledger, str | None]:
        """Return the ledger brought up to date with the shards, and a message if it had to be rebuilt."""
        blocks, message = self.layout.number_of_blocks, None
        try:
            ledger = Ledger.read(self.root, blocks)
        except LedgerDamaged as error:
            message = f"{error}; rebuilt from the blocks in the store"
            ledger = Ledger.empty(self.root, blocks)
        written = self.written()
        lost = [int(n) for n in np.flatnonzero(ledger.state == DONE) if n not in written]
        ledger.mark(lost, MISSING)
        for number in sorted(written):
            if ledger.state[number] == MISSING:
                ledger.mark([number], FAILED if self._failed_or_damaged(number) else DONE)
        return ledger, message

    def _failed_or_damaged(self, number: int) -> bool:
        try:
            return self.is_failed(self.layout.block(number))
        except StoreError:
            return True

    def damaged(self, block: Block) -> bool:
        """Whether a finished block cannot be decoded, or lacks a number or a status."""
        try:
            chi2, status = self.read(block, "chi2"), self.read(block, "status")
            for name in self.record["outputs"]:
                self.read(block, name)
        except StoreError:
            return True
        return bool((status == Status.missing).any() or (np.isnan(chi2) & (status == Status.ok)).any())

    def mend(self, scan: Scan) -> list[str]:
        """Write damaged axes and other coordinates anew; return their paths."""
        mended = [path for path, _, _ in _coordinates(scan) if self.unreadable(path)]
        with storage_errors(self.url):
            for path, values, names in _coordinates(scan):
                if path in mended:
                    _save(self.root, path, values, names)
        return mended

    def unreadable(self, path: str) -> bool:
        """Whether an array cannot be read, for another reason than the file system."""
        try:
            self.array(path)[...]
        except OSError:
            raise
        except Exception:
            return True
        return False


def create(url: str, scan: Scan, layout: Layout, tables: Mapping[str, PlannedTable]) -> Cube:
    """Create a store, in place of one whose creation did not end.

    The record is written last, so that half a store is never taken for a whole one. Tables are empty.
    """
    with storage_errors(url):
        erase(url)
        root = zarr.create_group(_place(url), attributes={"scanner": {"format": FORMAT}})
        for path, values, names in _coordinates(scan):
            _save(root, path, values, names)
        for path, table in tables.items():
            create_table(root, path, table)
        for number in range(len(scan.groups)):
            _create_arrays(root, scan, layout, number)
        Ledger.empty(root, layout.number_of_blocks).flush()
        record = _record(scan, layout, tables)
        root.attrs.put({"scanner": record})
    return Cube(url, root, record, layout)


def open_cube(url: str, mode: str = "r") -> Cube:
    """Open a store of ours.

    Raises
    ------
    StoreRefused
        If there is none at that place, or it is not one of ours.
    """
    try:
        root = zarr.open_group(_place(url), mode=mode)  # type: ignore[arg-type]
    except (FileNotFoundError, zarr.errors.GroupNotFoundError):
        raise StoreRefused(f"{url}: no store there") from None
    except Exception as error:
        raise StoreRefused(f"{url}: is not a store that can be read ({error})") from None
    record: Any = root.attrs.get("scanner")
    if not isinstance(record, dict) or record.get("format") != FORMAT or "identity" not in record:
        raise StoreRefused(f"{url}: is not a complete store of this program (or of another version's format)")
    url = str(local_path(url) or url)
    layout = Layout(*(tuple(tuple(x) for x in record["layout"][k]) for k in ("shapes", "blocks")))
    return Cube(url, root, record, layout)


class Place(enum.Enum):
    """What is found where a store shall be."""

    EMPTY = "nothing"
    CREATING = "a store of ours whose creation did not end"
    COMPLETE = "a store of ours"
    FOREIGN = "something else"


def look(url: str) -> Place:
    """Say what is at a URL."""
    try:
        root = zarr.open_group(_place(url), mode="r")
    except (FileNotFoundError, zarr.errors.GroupNotFoundError):
        folder = local_path(url)
        names = {p.name for p in folder.iterdir()} if folder and folder.is_dir() else set()
        left = {n for n in names - DRIVER_FILES if not n.endswith(".partial")}
        return Place.FOREIGN if left else Place.EMPTY
    except Exception as error:
        if local_path(url) is None:
            raise StoreError(f"{url}: cannot be reached ({type(error).__name__}: {error})") from None
        return Place.FOREIGN
    record: Any = root.attrs.get("scanner")
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        return Place.FOREIGN
    return Place.CREATING if "identity" not in record else Place.COMPLETE


def local_path(url: str) -> Path | None:
    """The absolute path of a store on a file system, or None for another kind of URL."""
    path = url.removeprefix("file://")
    return None if "://" in path else Path(path).expanduser().absolute()


def _place(url: str) -> str | Path:
    """What zarr shall open: a path wherever there is one, because only there are its writes atomic renames."""
    return local_path(url) or url


def remove_partial_files(url: str) -> int:
    """Remove what killed writers left behind; only safe when no writer is alive. Returns how many."""
    folder = local_path(url)
    leftovers = list(folder.rglob("*.partial")) if folder else []
    for path in leftovers:
        path.unlink(missing_ok=True)
    return len(leftovers)


def erase(url: str) -> None:
    """Delete the contents of a store of ours, keeping the driver's files; what says that it is ours goes last."""
    folder = local_path(url)
    if folder is None:
        sync(_clear(zarr.open_group(url, mode="a").store))
        return
    for path in sorted(folder.iterdir(), key=lambda p: p.name == "zarr.json") if folder.is_dir() else ():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name not in DRIVER_FILES:
            path.unlink()


async def _clear(store: Store) -> None:
    """Empty a store; zarr 3.1's own `clear` stops at the first folder that is gone with its parent."""
    for name in [name async for name in store.list_dir("")]:
        if name != "zarr.json":
            await store.delete_dir(name)
    await store.delete("zarr.json")


@contextlib.contextmanager
def storage_errors(url: str) -> Iterator[None]:
    """Turn a full, read-only, forbidden or failing file system into one clear message."""
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{url}: cannot be written: {error.strerror or error}\n  nothing that was done is lost; "
            "mend this and run the same command to go on"
        ) from error


@contextlib.contextmanager
def decoding_errors(url: str, what: str) -> Iterator[None]:
    """Turn a damaged chunk into one clear message."""
    try:
        yield
    except Exception as error:
        raise StoreError(
            f"{url}: {what} is damaged ({type(error).__name__}: {error})\n  "
            "run the scan again with --verify to find and recompute damaged blocks"
        ) from error


def keys(root: zarr.Group, path: str) -> list[str]:
    """Keys of the shards of an array, without its path: ``0/3/1``. An empty file (host crash) is no shard."""
    prefix = f"{root.store_path.path}/{path}/c/".lstrip("/")

    async def collect() -> list[str]:
        return [key.removeprefix(prefix) async for key in root.store.list_prefix(prefix)]

    keys = [key for key in sync(collect()) if all(part.isdecimal() for part in key.split("/"))]
    if not isinstance(root.store, LocalStore):
        return keys
    return [key for key in keys if (root.store.root / prefix / key).stat().st_size]


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


def _coordinates(scan: Scan) -> list[tuple[str, np.ndarray, tuple[str, ...]]]:
    """Path, values and axes of everything that becomes a coordinate."""
    axes = [(f"axes/{axis.name}", axis.array, (axis.name,)) for axis in scan.grid.axes]
    tied = [(name, scan.parameters[name]) for name in scan.file.tied]
    kept = [(f"tied/{name}", values) for name, values in tied]
    kept += [(f"derived/{name}", values) for name, values in scan.derived.items()]
    return axes + [(path, values.array, values.axes) for path, values in kept]


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


def _create_arrays(root: zarr.Group, scan: Scan, layout: Layout, number: int) -> None:
    group, block = scan.groups[number], layout.blocks[number]
    members = len(group.members)
    powers_of_two = all(n & (n - 1) == 0 for n in block)
    inner = block_shape(block, INNER_POINTS) if powers_of_two else block
    for name in (*scan.file.outputs, "status"):
        status = name == "status"
        array = root.create_array(
            f"g{number}/{name}",
            shape=(members, *layout.shapes[number]),
            shards=(members, *block),
            chunks=(1, *inner),
            dtype="uint8" if status else scan.file.dtype,
            fill_value=int(Status.missing) if status else math.nan,
            compressors=_CODECS,
            dimension_names=("experiment", *group.axes),
            overwrite=True,
        )
        if status:
            array.attrs["flag_values"] = [int(s) for s in Status]
            array.attrs["flag_meanings"] = " ".join(s.name for s in Status)


def _record(scan: Scan, layout: Layout, tables: Mapping[str, PlannedTable]) -> dict[str, Any]:
    """The attributes of a store, plain JSON."""
    identity = provenance.identity(scan)
    return {
        "format": FORMAT,
        "id": uuid.uuid4().hex,
        "name": scan.file.name,
        "identity": identity,
        "identity_hash": provenance.digest(identity),
        "scan_file": scan.file.model_dump(exclude_none=True),
        "outputs": list(scan.file.outputs),
        "dtype": scan.file.dtype,
        "layout": {"shapes": layout.shapes, "blocks": layout.blocks},
        "groups": [{"axes": g.axes, "experiments": [m.experiment.name for m in g.members]} for g in scan.groups],
        "axes": {a.name: {"unit": a.unit, "scale": a.scale, "long_name": a.long_name} for a in scan.grid.axes},
        "tied": {
            n: {"unit": scan.model.parameter(n).unit, "long_name": scan.model.parameter(n).long_name or n}
            for n in scan.file.tied
        },
        "derived": {
            d.name: {"unit": d.unit, "long_name": d.long_name or d.name}
            for d in scan.model.derived
            if d.name in scan.derived
        },
        "model": {
            "name": scan.model.name,
            "title": scan.model.title,
            "physics_version": scan.model.version,
            "parameters": {
                p.name: p.shown(float(scan.parameters[p.name].array))
                for p in scan.model.parameters
                if not scan.parameters[p.name].axes
            },
            "null": dict(scan.model.null) if scan.model.null is not None else None,
            "references": [str(r) for r in scan.model.references],
        },
        "experiments": {name: m.experiment.attributes() for name, m in scan.members().items()},
        "tables": {path: {"axes": t.axes, "key": t.key} for path, t in tables.items()},
        "plugins": provenance.plugins(scan),
        "created": provenance.now(),
        "environment": provenance.environment(),
    }
