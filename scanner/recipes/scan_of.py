"""The scan that a store holds, to be evaluated again: with other data, or at other points."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from scanner import provenance
from scanner.config import ScanFile
from scanner.cube import Cube, open_cube
from scanner.errors import Status, StoreRefused
from scanner.grid import Grid
from scanner.ledger import DONE
from scanner.scan import Scan, resolve


def scan_of(cube: Cube, experiments: Iterable[str]) -> Scan:
    """Return the scan of some experiments that a store holds all of, in its own versions of the physics.

    Parameters
    ----------
    cube
        The store of a scan, or one merged of scans of one model.
    experiments
        Names of some of its experiments.

    Raises
    ------
    StoreRefused
        If it is incomplete, was merged by a map, does not cover all of its grid, or was made by another version.
    """
    refuse_incomplete(cube)
    chosen = set(experiments)
    scan = resolve(ScanFile.model_validate(cube.record["scan_file"])) if cube.kind == "scan" else _merged(cube, chosen)
    physics = cube.record["identity"]["physics"]
    for name, version in provenance.identity(scan)["physics"].items():
        if physics.get(name) != version:
            problem = f"{name} had version {physics.get(name)} when it was made, and has {version} now"
            raise StoreRefused(f"{cube.url}: {problem}\n  run it again with --fresh")
    return only(scan, chosen)


def only(scan: Scan, experiments: Collection[str]) -> Scan:
    """Return a scan of some of its experiments."""
    kept = (
        replace(group, members=tuple(m for m in group.members if m.experiment.name in experiments))
        for group in scan.groups
    )
    return replace(scan, groups=tuple(group for group in kept if group.members))


def refuse_incomplete(cube: Cube) -> None:
    """Raise StoreRefused for what is no store of a scan, nor one merged of scans, or lacks blocks."""
    if cube.kind not in ("scan", "merge"):
        raise StoreRefused(f"{cube.url}: holds {cube.kind}; give the store of a scan, or a merged one")
    ledger, _ = cube.ledger()
    lacking = ledger.state.size - ledger.count(DONE)
    if lacking:
        raise StoreRefused(
            f"{cube.url}: is not complete: {lacking:,} of {ledger.state.size:,} blocks are missing or failed\n  "
            "run it to its end first"
        )


def _merged(cube: Cube, experiments: set[str]) -> Scan:
    """The scan that a merged store would have come from at once."""
    record = cube.record
    if any(one.record["merge"]["maps"] for one in _family(cube) if one.kind == "merge"):
        raise StoreRefused(f"{cube.url}: was merged by a map, and is no scan of one model's own parameters")
    for block in cube.layout:
        asked = experiments & set(cube.groups[block.group].experiments)
        if asked and (cube.read(block, "status") == Status.not_covered).any():
            raise StoreRefused(f"{cube.url}: not all of its grid is covered; merge with --on intersection")
    axes = {name: np.asarray(cube.array(f"axes/{name}")[...]).tolist() for name in record["axes"]}
    scan = resolve(ScanFile.model_validate(_file(cube, axes)))
    scales = {name: facts["scale"] for name, facts in record["axes"].items()}
    return replace(scan, grid=Grid(tuple(replace(axis, scale=scales[axis.name]) for axis in scan.grid.axes)))


def _family(cube: Cube) -> Iterator[Cube]:
    """A store and all that it was merged from."""
    yield cube
    for one in cube.record.get("merge", {}).get("inputs", ()):
        yield from _family(open_cube(one["store"]))


def _file(cube: Cube, axes: dict[str, list[float]]) -> dict[str, Any]:
    scans = [one.record for one in _family(cube) if one.kind == "scan"]
    fixed = {n: v for n, v in cube.record["model"]["parameters"].items() if n not in axes}
    ties = [(name, tie, one) for one in scans for name, tie in one["scan_file"]["tied"].items()]
    ties.sort(key=lambda tie: tie[0] in _used(tie[2]))  # the last one counts: of a scan that depends on it
    tied = {name: tie for name, tie, _ in ties if name not in {*axes, *fixed}}
    return {
        **scans[0]["scan_file"],
        "axes": {name: {"values": values} for name, values in axes.items()},
        "fixed": fixed,
        "tied": tied,
        "experiments": list(cube.record["experiments"]),
        "execution": cube.record["merge"]["execution"],
    }


def _used(record: Mapping[str, Any]) -> set[str]:
    """Parameters that the experiments of a scan depend on; none if it was made before that was recorded."""
    return {name for facts in record["experiments"].values() for name in facts.get("depends_on", ())}
