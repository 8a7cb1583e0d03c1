"""Simulated scans against what can be said in closed form."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

from scanner import planning, simulation
from scanner.config import read_scan_file
from scanner.errors import InputError, ScannerError
from scanner.planning import MARGIN_SECONDS
from scanner.scan import Scan, resolve
from scanner.simulation import Site, Tasks, Work, simulate

HOUR = 3600.0


def _site(nodes: int = 1, workers: int = 1, **more: float) -> Site:
    return Site(nodes, workers, **{"start": 0.0, "task": 0.0, **more})  # type: ignore[arg-type]


def _blocks(number: int, seconds: float) -> Work:
    return Work((Tasks(number, seconds),))


@pytest.mark.parametrize(("blocks", "nodes", "workers"), [(1, 1, 1), (10, 1, 3), (12, 2, 3), (5, 4, 2), (1001, 5, 20)])
def test_without_failures_it_takes_whole_rounds(blocks: int, nodes: int, workers: int) -> None:
    found = simulate(_blocks(blocks, 7.0), _site(nodes, workers))
    assert found.seconds == pytest.approx(math.ceil(blocks / (nodes * workers)) * 7.0)
    assert (found.tasks, found.jobs, found.failures, found.lost_seconds) == (blocks, nodes, 0, 0.0)
    assert found.busy_seconds == pytest.approx(7.0 * blocks)
    assert found.allocated_seconds == pytest.approx(found.seconds * nodes * workers)


def test_elements_share_every_nth_block() -> None:
    """Three elements of 11 blocks own 4, 4 and 3."""
    found = simulate(_blocks(11, 5.0), _site(3, 2, elements=3))
    assert found.seconds == pytest.approx(2 * 5.0)
    assert found.allocated_seconds == pytest.approx(3 * 2 * 2 * 5.0)


def test_more_elements_than_nodes_run_one_after_another() -> None:
    found = simulate(_blocks(40, 5.0), _site(2, 2, elements=5, start=1.0, queue=100.0))
    one = 1.0 + 4 * 5.0
    assert found.seconds == pytest.approx(100.0 + 3 * one)
    assert found.allocated_seconds == pytest.approx(5 * 2 * one)
    assert found.jobs == 5


def test_blocks_follow_the_tables() -> None:
    work = Work((Tasks(8, 3.0), Tasks(4, 6.0)), parts=Tasks(6, 10.0))
    assert simulate(work, _site(2, 2)).seconds == pytest.approx(2 * 10.0 + 2 * 3.0 + 6.0)
    assert simulate(work, _site(2, 2, elements=2)).seconds == pytest.approx(3 * 10.0 + 2 * 3.0 + 6.0)


def test_a_scheduler_hands_out_so_many_tasks_and_no_more() -> None:
    found = simulate(_blocks(10_000, 1.0), _site(1, 1000, task=0.01))
    assert found.seconds == pytest.approx(10_000 * 0.01 + 1.0, rel=1e-3)
    assert found.scheduler_load == pytest.approx(100 / 101, rel=1e-3)
    eased = simulate(_blocks(10_000, 100.0), _site(1, 1000, task=0.01))
    assert eased.scheduler_load == pytest.approx(1000 * 0.01 / 100, rel=0.1)
    assert eased.efficiency > 0.95


def test_elements_divide_the_scheduler_s_work() -> None:
    found = simulate(_blocks(10_000, 1.0), _site(10, 100, elements=10, task=0.01))
    assert found.seconds == pytest.approx(1000 * 0.01 + 1.0, rel=1e-2)


def test_no_block_is_started_that_would_meet_the_walltime() -> None:
    """An hour less the margin holds 34 blocks of 100 s after a start of 60 s: 100 blocks take three jobs, two waits."""
    site = _site(1, 1, walltime=HOUR, queue=500.0, start=60.0)
    assert (HOUR - MARGIN_SECONDS - 60.0) // 100.0 == 34
    found = simulate(_blocks(100, 100.0), site)
    assert found.jobs == 3 and found.lost_seconds == 0.0 and found.failures == 0
    job = 500.0 + 60.0 + 34 * 100.0
    assert found.seconds == pytest.approx(2 * job + 500.0 + 60.0 + 32 * 100.0)


@pytest.mark.parametrize("elements", [0, 10])
def test_a_failure_loses_half_a_block_of_each_worker(elements: int) -> None:
    """Rare failures: blocks · t / mtbf of them for each worker of a node, half a block each."""
    blocks, seconds, mtbf, workers = 40_000, 60.0, HOUR, 4
    found = simulate(_blocks(blocks, seconds), _site(10, workers, mtbf=mtbf, elements=elements), seed=1)
    failures = blocks * seconds / workers / mtbf
    assert found.failures == pytest.approx(failures, abs=4 * math.sqrt(failures))
    lost = blocks * seconds**2 / (2 * mtbf)
    error = 4 * lost * math.sqrt((1 + 1 / 3) / failures)  # Poisson, times a uniform part of a block
    assert found.lost_seconds == pytest.approx(lost, abs=error)
    assert found.busy_seconds == pytest.approx(blocks * seconds)
    assert found.tasks - blocks <= found.failures * workers


def test_frequent_failures_follow_the_geometric_law() -> None:
    """A block of length t is done in an attempt with probability exp(−t/mtbf); what is lost is mtbf · (e^(t/mtbf) −
    1) − t a block (the classical result for restarts)."""
    blocks, seconds, mtbf = 20_000, 100.0, 100.0
    found = simulate(_blocks(blocks, seconds), _site(1, 1, mtbf=mtbf), seed=2)
    assert found.failures == pytest.approx(blocks * (math.e - 1), rel=0.05)
    assert found.lost_seconds == pytest.approx(blocks * (mtbf * (math.e - 1) - seconds), rel=0.05)
    assert found.seconds == pytest.approx(blocks * mtbf * (math.e - 1), rel=0.05)


@pytest.mark.parametrize("elements", [0, 7])
def test_all_comes_to_an_end_under_walltime_and_failures(elements: int) -> None:
    """Also where elements wait for one that builds tables and fails, on fewer nodes than there are elements."""
    work = Work((Tasks(2000, 30.0), Tasks(500, 45.0)), parts=Tasks(300, 20.0))
    site = _site(3, 4, walltime=HOUR, mtbf=2 * HOUR, queue=600.0, start=20.0, task=0.0024, elements=elements)
    found = simulate(work, site, seed=3)
    assert found.busy_seconds == pytest.approx(work.seconds)
    assert found.failures > 0 and found.jobs > found.failures
    assert found.busy_seconds + found.lost_seconds < found.allocated_seconds
    assert found.seconds > work.seconds / 12
    assert simulate(work, site, seed=3) == found
    assert simulate(work, site, seed=4) != found


def test_what_cannot_end_is_refused() -> None:
    with pytest.raises(ScannerError, match="none would ever end"):
        simulate(_blocks(10, 3600.0), _site(walltime=HOUR))
    with pytest.raises(ScannerError, match="would not come to an end"):
        simulate(_blocks(100, 3600.0), _site(mtbf=100.0))


def test_a_plan_becomes_work() -> None:
    """All points of all groups, and the tables' nodes, at the rates that the plan has measured; and writing."""
    scan = _scan()
    plan = planning.plan(scan, 4)
    work = simulation.work_of(scan, plan)
    assert work.number_of_blocks == plan.layout.number_of_blocks
    assert len(work.blocks) == len(plan.groups) == 2
    assert work.parts.number == 2  # of 64 nodes, of both tables together
    kernels = plan.core_hours * 3600
    writing = work.number_of_blocks * simulation.WRITE_SECONDS + 25 * 20 * 2 * 5 / simulation.WRITE_BYTES_PER_SECOND
    assert kernels < work.seconds < kernels + 2 * writing
    slow = simulation.work_of(scan, plan, block=2.0)
    assert slow.seconds == pytest.approx(2.0 * work.number_of_blocks + work.parts.number * work.parts.seconds)


def test_a_reduced_scan_evaluates_all_that_is_above() -> None:
    scan = _scan(reduce={"method": "profile", "axes": ["Umu4_sq"]})
    plan = planning.plan(scan, 1)
    work = simulation.work_of(scan, plan)
    evaluated = sum(g.points * g.seconds_per_point for g in plan.groups)
    assert len(work.blocks) == 1
    assert sum(b.number * b.seconds for b in work.blocks) >= evaluated


def _scan(**more: Any) -> Scan:
    axes = {
        "dm2_41": {"log": [0.1, 10], "points": 100},
        "Ue4_sq": {"log": [1e-4, 0.1], "points": 25},
        "Umu4_sq": {"log": [1e-4, 0.1], "points": 20},
    }
    file = {
        "version": 1,
        "name": "s",
        "model": "sterile_3p1",
        "axes": axes,
        "experiments": ["miniboone_fhc", "gallium"],
    }
    return resolve(read_scan_file({**file, "dtype": "float32", **more}))


def test_a_site_is_read_from_a_line() -> None:
    found = simulation.read_site("nodes=4,workers=16,walltime=4h,mtbf=30d,queue=00:20:00,elements=8,start=5,seed=3")
    assert found == (Site(4, 16, 8, 4 * HOUR, 30 * 24 * HOUR, 1200.0, 5.0), 3, None)
    assert simulation.read_site("nodes=1,workers=2,block=1.5m")[1:] == (0, 90.0)


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("nodes=4", "workers is missing"),
        ("nodes=4,workers=0", "found: '0'"),
        ("nodes=4,workers=2,walltme=3h", "did you mean 'walltime'?"),
        ("nodes=4,workers=2,walltime=3 weeks", "not a time"),
        ("nodes=4,workers=2,walltime=-3h", "not a time"),
        ("nodes=4,nodes=5,workers=2", "given twice"),
        ("nodes=4,workers", "expected name=value"),
        ("nodes=2.5,workers=1", "found: '2.5'"),
        ("nodes=2,workers=1,mtbf=nan", "not a time"),
        ("nodes=2,workers=1,mtbf=00:00:00", "not a time"),
        ("nodes=2,workers=1,block=0-00:00:00", "not a time"),
        ("nodes=2,workers=1,queue=1e400", "not a time"),
        ("nodes=1000000,workers=1000", "too much to simulate"),
        ("nodes=1,workers=1,elements=1000000000", "too much to simulate"),
    ],
)
def test_bad_sites_are_refused(text: str, fragment: str) -> None:
    with pytest.raises(InputError, match=re.escape(fragment)):
        simulation.read_site(text)
