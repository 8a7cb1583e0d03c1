"""Plans: blocks that suit the grid, the workers and the memory."""

from __future__ import annotations

import math
from typing import Any

import pytest

from scanner import planning
from scanner.config import read_scan_file
from scanner.errors import InputError
from scanner.scan import Scan, resolve


def _scan(points: int, **execution: Any) -> Scan:
    axes = {"dm2": {"log": [0.01, 100], "points": points}, "sin2_2theta": {"log": [1e-4, 1], "points": points}}
    file = {"version": 1, "name": "plan", "model": "two_flavour", "axes": axes, "experiments": ["miniboone_fhc"]}
    return resolve(read_scan_file({**file, "execution": execution}))


@pytest.mark.parametrize(("points", "workers"), [(190, 2), (64, 4), (3, 1)])
def test_eight_blocks_a_worker_where_the_grid_allows(points: int, workers: int) -> None:
    plan = planning.plan(_scan(points), workers)
    assert plan.points == points**2
    assert plan.layout.number_of_blocks >= min(8 * workers, points**2)
    for length in plan.layout.blocks[0]:
        assert length & (length - 1) == 0


def test_large_scans_get_blocks_of_seconds() -> None:
    plan = planning.plan(_scan(30_000), 2)
    assert 1 <= plan.block_seconds <= 60
    assert plan.core_hours == pytest.approx(9e8 * plan.groups[0].seconds_per_point / 3600, rel=0.1)
    assert plan.disk_bytes == pytest.approx(9e8 * 5, rel=0.01)


def test_blocks_fit_the_memory() -> None:
    small = planning.plan(_scan(30_000, memory="512MiB"), 1)
    assert small.worker_bytes < 512 * 2**20
    with pytest.raises(InputError, match=r"execution\.block"):
        planning.plan(_scan(30_000, memory="1GiB", block={}), 1)


def test_a_calibration_that_fails_does_not_stop_the_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*arguments: object) -> None:
        raise RuntimeError("bad point")

    monkeypatch.setattr(planning, "evaluate", fails)
    said: list[str] = []
    layout = planning.layout(_scan(190), 2, said.append)
    assert layout.number_of_blocks >= 16
    assert len(said) == 1 and "bad point" in said[0]


def test_too_many_blocks_are_refused() -> None:
    with pytest.raises(InputError, match="9,000,000 blocks"):
        planning.plan(_scan(3000, block={"dm2": 1, "sin2_2theta": 1}), 1)


def test_asked_blocks_are_taken() -> None:
    plan = planning.plan(_scan(100, block={"dm2": 7}), 1)
    assert plan.layout.blocks == ((7, 100),)
    assert plan.layout.number_of_blocks == math.ceil(100 / 7)


def test_tables_depend_on_their_axes_alone() -> None:
    """A scan over two mixings needs one template for each Δm², however many mixings there are."""
    plan = planning.plan(_scan(40), 1)
    (table,) = plan.tables
    assert table.axes == ("dm2",) and table.nodes == 40
