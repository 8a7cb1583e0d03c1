"""What a scan will take, from one calibration block on this machine; and the choice of its blocks."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from scanner import tables
from scanner.errors import InputError
from scanner.evaluate import evaluate
from scanner.grid import Block, Layout, block_shape
from scanner.scan import Scan

CALIBRATION_POINTS = 4096
BLOCK_SECONDS = 5.0
"""Aim for a block: long against the 2 ms that scheduling it takes, short against what a kill loses."""
BLOCKS_PER_WORKER = 8
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
        Measured here, all its experiments together.
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
    groups = tuple(_calibrate(scan, number) for number in range(len(scan.groups)))
    shapes = tuple(scan.shape(group) for group in scan.groups)
    blocks = tuple(_block(scan, g, shape, workers) for g, shape in zip(groups, shapes, strict=True))
    layout = Layout(shapes, blocks)
    sizes = tuple(tables.sizes(scan))
    longest = max(math.prod(b) * g.seconds_per_point for b, g in zip(blocks, groups, strict=True))
    at_work = max(math.prod(b) * _point_bytes(scan, len(g.experiments)) for b, g in zip(blocks, groups, strict=True))
    seconds = sum(g.points * g.seconds_per_point + g.table_seconds for g in groups)
    stored = np.dtype(scan.file.dtype).itemsize * len(scan.file.outputs) + 1
    return Plan(
        points=scan.grid.size,
        groups=groups,
        tables=sizes,
        layout=layout,
        block_seconds=longest,
        worker_bytes=PROCESS_BYTES + sum(s.bytes for s in sizes) + at_work,
        disk_bytes=sum(g.points * len(g.experiments) * stored for g in groups) + sum(s.bytes for s in sizes),
        core_hours=seconds / 3600,
    )


def _calibrate(scan: Scan, number: int) -> GroupPlan:
    """Time a box in the middle of a group's grid, with the tables of that box alone."""
    group = scan.groups[number]
    shape = scan.shape(group)
    box = tuple(min(b, n) for b, n in zip(block_shape(shape, CALIBRATION_POINTS), shape, strict=True))
    start = tuple((n - b) // 2 for n, b in zip(shape, box, strict=True))
    part = scan.restrict(number, start, tuple(a + b for a, b in zip(start, box, strict=True)))
    begin = time.perf_counter()
    built = tables.build_all(part)
    table_seconds = time.perf_counter() - begin
    nodes = sum(s.nodes for s in tables.sizes(part))
    paths = {f"{m.experiment.name}/" for m in group.members}
    all_nodes = sum(s.nodes for s in tables.sizes(scan) if any(s.path.startswith(p) for p in paths))
    block = Block(0, 0, tuple(0 for _ in box), box)
    times = []
    for _ in range(3):
        begin = time.perf_counter()
        evaluate(part, built, block)
        times.append(time.perf_counter() - begin)
    return GroupPlan(
        experiments=tuple(m.experiment.name for m in group.members),
        axes=group.axes,
        points=math.prod(shape),
        seconds_per_point=min(times) / block.size,
        table_seconds=table_seconds * all_nodes / max(nodes, 1),
    )


def _block(scan: Scan, group: GroupPlan, shape: tuple[int, ...], workers: int) -> tuple[int, ...]:
    asked = scan.file.execution.block
    if not isinstance(asked, str):
        return _asked_block(scan, asked, group.axes, shape)
    by_time = BLOCK_SECONDS / group.seconds_per_point
    by_workers = group.points / (BLOCKS_PER_WORKER * workers)
    by_memory = scan.file.execution.memory_bytes / 4 / _point_bytes(scan, len(group.experiments))
    return block_shape(shape, int(max(1, min(by_time, by_workers, by_memory))))


def _asked_block(scan: Scan, asked: dict[str, int], axes: tuple[str, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    block = tuple(min(asked.get(a, n), n) for a, n in zip(axes, shape, strict=True))
    bytes_ = math.prod(block) * _point_bytes(scan, len(scan.experiments))
    budget = scan.file.execution.memory_bytes
    if bytes_ > budget / 2:
        problem = f"a block of {math.prod(block):,} points needs {bytes_ / 2**30:.1f} GiB"
        raise InputError("execution.block", problem, allowed=f"half of execution.memory, {budget / 2**31:.1f} GiB")
    return block


def _point_bytes(scan: Scan, experiments: int) -> int:
    """Memory that a point of a block takes while its results are computed, rounded and compressed."""
    computed = 3 * 8 + 1
    rounded = 3 * np.dtype(scan.file.dtype).itemsize + 1
    return experiments * (computed + 2 * rounded)
