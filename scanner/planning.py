"""What a scan will take, from one calibration block on this machine; and the choice of its blocks."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from scanner import reduction, tables
from scanner.cube import BEST, OK_FRACTION, TOTAL, GroupArrays
from scanner.errors import InputError
from scanner.evaluate import evaluate
from scanner.grid import Block, Layout, block_shape
from scanner.likelihoods.pulls import number_of_terms
from scanner.physics.kernel import load_kernels
from scanner.scan import Group, Scan

CALIBRATION_POINTS, CALIBRATION_SECONDS = 4096, 0.1
BLOCK_SECONDS = 5.0
"""Aim for a block: long against the 2 ms that scheduling it takes, short against what a kill loses."""
BLOCKS_PER_WORKER = 8
NOMINAL_SECONDS = 1e-5
"""A point, where nothing could be measured."""
MARGIN_SECONDS, MARGIN_SHARE = 120.0, 0.2
"""Left free before the end of a walltime; of a short one no more than this share."""
MAX_BLOCKS = 10**6
"""Beyond it the ledger, the listing of the store and one scheduler are all too slow."""
PROCESS_BYTES = 300 * 2**20
"""A worker process with the libraries loaded [bytes]; measured 230–290 MiB."""


@dataclass(frozen=True)
class GroupPlan:
    """What one group of experiments will take.

    Parameters
    ----------
    experiments, axes
        The group.
    points
        Points of its grid.
    seconds_per_point
        Of one core here, all its experiments together; other work on this machine does not count.
    table_seconds
        Building its tables, extrapolated from the calibration's nodes.
    """

    experiments: tuple[str, ...]
    axes: tuple[str, ...]
    points: int
    seconds_per_point: float
    table_seconds: float


@dataclass(frozen=True)
class Plan:
    """What a scan will take.

    Parameters
    ----------
    points
        Points of the whole grid.
    groups
        By group of experiments.
    tables
        Sizes of the tables.
    layout
        The blocks.
    block_seconds
        Longest block.
    worker_bytes
        Peak memory of a worker: the process, the tables, and the block at work.
    disk_bytes
        Upper bound of the store's size (before compression).
    core_hours
        All blocks and tables on one core of this machine.
    """

    points: int
    groups: tuple[GroupPlan, ...]
    tables: tuple[tables.TableSize, ...]
    layout: Layout
    block_seconds: float
    worker_bytes: int
    disk_bytes: int
    core_hours: float

    def as_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        blocks = {"number": self.layout.number_of_blocks, "shapes": self.layout.blocks}
        return {**{k: v for k, v in asdict(self).items() if k != "layout"}, "blocks": blocks}


def plan(scan: Scan, workers: int) -> Plan:
    """Measure a calibration block of each group and choose the blocks.

    Parameters
    ----------
    scan
        The scan.
    workers
        How many workers will share it.
    """
    groups = tuple(calibrate(scan, number) for number in range(len(scan.groups)))
    blocks = _layout(scan, [g.seconds_per_point for g in groups], workers)
    sizes = tuple(tables.sizes(scan))
    points = [math.prod(block) for block in blocks.blocks]
    rates = [g.seconds_per_point for g in groups]
    if scan.file.reduce:
        rates = [_seconds_above(scan, rates)]
        at_work = reduction.POINTS * sum(point_bytes(scan, group) for group in scan.groups)
    else:
        at_work = max(n * point_bytes(scan, g) for n, g in zip(points, scan.groups, strict=True))
    stored = sum(a.bytes(math.prod(n)) for a, n in zip(group_arrays(scan), blocks.shapes, strict=True))
    seconds = sum(g.points * g.seconds_per_point + g.table_seconds for g in groups)
    return Plan(
        points=scan.grid.size,
        groups=groups,
        tables=sizes,
        layout=blocks,
        block_seconds=max(n * rate for n, rate in zip(points, rates, strict=True)),
        worker_bytes=PROCESS_BYTES + sum(s.bytes for s in sizes) + at_work,
        disk_bytes=stored + sum(s.bytes for s in sizes),
        core_hours=seconds / 3600,
    )


def layout(scan: Scan, workers: int, warn: Callable[[str], None]) -> Layout:
    """Choose the blocks of a scan; what makes a calibration fail is left to the blocks that meet it again."""
    rates = [NOMINAL_SECONDS] * len(scan.groups)
    if isinstance(scan.file.execution.block, str):
        try:
            rates = [calibrate(scan, number).seconds_per_point for number in range(len(scan.groups))]
        except Exception as error:
            warn(f"the calibration block failed ({type(error).__name__}: {error}); taking 10 µs a point")
    return _layout(scan, rates, workers)


def margin(walltime: float) -> float:
    """Return the time that a driver leaves free before the end of a walltime, for what follows the last block [s].

    >>> margin(14400.0), margin(60.0)
    (120.0, 12.0)
    """
    return min(MARGIN_SECONDS, MARGIN_SHARE * walltime)


def group_arrays(scan: Scan) -> tuple[GroupArrays, ...]:
    """Return what a scan's store keeps of each group of experiments."""
    outputs, dtype = tuple(scan.file.outputs), scan.file.dtype
    if scan.file.reduce:
        best = [f"{BEST}{name}" for name in scan.reduced.names if scan.file.reduce.method == "profile"]
        return (GroupArrays(scan.kept.names, (TOTAL,), (*outputs, OK_FRACTION, *best), "float64"),)
    names = [tuple(m.experiment.name for m in group.members) for group in scan.groups]
    return tuple(GroupArrays(g.axes, n, outputs, dtype, g.nuisances) for g, n in zip(scan.groups, names, strict=True))


def _layout(scan: Scan, rates: list[float], workers: int) -> Layout:
    shapes: tuple[tuple[int, ...], ...]
    blocks: tuple[tuple[int, ...], ...]
    if scan.file.reduce:
        shapes, blocks = (scan.kept.shape,), (_reduced_block(scan, rates, workers),)
    else:
        shapes = tuple(scan.shape(group) for group in scan.groups)
        blocks = tuple(_block(scan, n, rate, workers) for n, rate in enumerate(rates))
    found = Layout(shapes, blocks)
    if found.number_of_blocks > MAX_BLOCKS:
        problem = f"{found.number_of_blocks:,} blocks"
        raise InputError(
            "execution.block", problem, allowed=f"at most {MAX_BLOCKS:,}", hint="use larger blocks, or more memory"
        )
    return found


def calibrate(scan: Scan, number: int) -> GroupPlan:
    """Time a box in the middle of a group's grid, with the tables of that box alone.

    Measured is the time that this process has a core, as blocks run on one thread: it is the same on a busy machine.
    """
    group = scan.groups[number]
    shape = scan.shape(group)
    box = tuple(min(b, n) for b, n in zip(block_shape(shape, CALIBRATION_POINTS), shape, strict=True))
    start = tuple((n - b) // 2 for n, b in zip(shape, box, strict=True))
    part = scan.restrict(number, start, tuple(a + b for a, b in zip(start, box, strict=True)))
    load_kernels()
    begin = time.process_time()
    built = tables.build_all(part)
    table_seconds = time.process_time() - begin
    nodes = sum(s.nodes for s in tables.sizes(part))
    paths = {f"{m.experiment.name}/" for m in group.members}
    all_nodes = sum(s.nodes for s in tables.sizes(scan) if any(s.path.startswith(p) for p in paths))
    block = Block(0, 0, tuple(0 for _ in box), box)
    times = list[float]()
    while len(times) < 3 or math.fsum(times) < CALIBRATION_SECONDS:
        begin = time.process_time()
        evaluate(part, built, block, scan.file.outputs, scan.file.dtype)
        times.append(time.process_time() - begin)
    return GroupPlan(
        experiments=tuple(m.experiment.name for m in group.members),
        axes=group.axes,
        points=math.prod(shape),
        seconds_per_point=min(times) / block.size,
        table_seconds=table_seconds * all_nodes / max(nodes, 1),
    )


def _block(scan: Scan, number: int, seconds_per_point: float, workers: int) -> tuple[int, ...]:
    group, asked = scan.groups[number], scan.file.execution.block
    shape = scan.shape(group)
    if not isinstance(asked, str):
        return _asked_block(scan, asked, group, shape)
    by_time = BLOCK_SECONDS / seconds_per_point
    by_workers = math.prod(shape) / (BLOCKS_PER_WORKER * workers)
    by_memory = scan.file.execution.memory_bytes / 4 / point_bytes(scan, group)
    return block_shape(shape, int(max(1, min(by_time, by_workers, by_memory))))


def _reduced_block(scan: Scan, rates: list[float], workers: int) -> tuple[int, ...]:
    """A block of the kept axes; the points above it are evaluated in packs, so that memory does not limit it."""
    asked, shape = scan.file.execution.block, scan.kept.shape
    if not isinstance(asked, str):
        return tuple(min(asked.get(name, n), n) for name, n in zip(scan.kept.names, shape, strict=True))
    by_time = BLOCK_SECONDS / _seconds_above(scan, rates)
    return block_shape(shape, int(max(1, min(by_time, math.prod(shape) / (BLOCKS_PER_WORKER * workers)))))


def _seconds_above(scan: Scan, rates: list[float]) -> float:
    """Time that all points above one of the kept axes take."""
    lost = scan.reduced.names
    above = [math.prod(len(scan.grid.axis(a)) for a in group.axes if a in lost) for group in scan.groups]
    return sum(rate * points for rate, points in zip(rates, above, strict=True))


def _asked_block(scan: Scan, asked: dict[str, int], group: Group, shape: tuple[int, ...]) -> tuple[int, ...]:
    block = tuple(min(asked.get(a, n), n) for a, n in zip(group.axes, shape, strict=True))
    bytes_ = math.prod(block) * point_bytes(scan, group)
    budget = scan.file.execution.memory_bytes
    if bytes_ > budget / 2:
        problem = f"a block of {math.prod(block):,} points needs {bytes_ / 2**30:.1f} GiB"
        raise InputError("execution.block", problem, allowed=f"half of execution.memory, {budget / 2**31:.1f} GiB")
    return block


def point_bytes(scan: Scan, group: Group) -> int:
    """Memory that a point of a block takes while its results are rounded, checked and compressed."""
    rounded = len(scan.file.outputs) * np.dtype(scan.file.dtype).itemsize + 1
    terms = 8 * number_of_terms(group.nuisances) if group.nuisances else 0
    return len(group.members) * (3 * (rounded + terms) + 4)
