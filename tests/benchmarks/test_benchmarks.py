"""Speed. Run with: pytest tests/benchmarks --benchmark-enable --benchmark-only

Everything is measured on one core, warm, in one process; pytest-benchmark prints medians. The figure to watch
is in the name of the group: nanoseconds or microseconds a point follow from ``extra_info["points"]``, printed at
the end. What a block costs besides, and how fast it is written: ``scanner bench``.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jobs import launch
from jobs.launch import Options
from scanner import registry, tables
from scanner.config import read_scan_file
from scanner.engine import Silent
from scanner.evaluate import CHUNK, evaluate
from scanner.grid import Block
from scanner.recipes.scan import ScanRecipe
from scanner.scan import Scan, resolve

Report = Callable[[int], None]
CONFIG = Path(__file__).parents[2] / "configs" / "miniboone_2flavour.yaml"


@pytest.fixture(scope="module")
def official() -> Scan:
    """The official 190 × 190 scan."""
    return resolve(read_scan_file(CONFIG))


@pytest.mark.parametrize("name", ["miniboone_fhc", "miniboone"])
def test_likelihood(benchmark: Any, per_point: Report, name: str) -> None:
    """The likelihood alone, from signals that are there: 19 bins (11 after elimination), or 38 (22)."""
    experiment = registry.experiment(name)
    signal = np.random.default_rng(0).uniform(0, 50, (CHUNK, experiment.signal_bins.size))
    chi2, gof = np.empty(CHUNK), np.empty(CHUNK)
    benchmark.pedantic(experiment.likelihood, (signal, chi2, gof), rounds=200, warmup_rounds=5)
    per_point(CHUNK)


def test_evaluate_from_cached_template(benchmark: Any, per_point: Report, official: Scan) -> None:
    """A point from the cached template on: couplings, signal, likelihood, status."""
    built = tables.build_all(official)
    benchmark.pedantic(evaluate, (official, built, Block(0, 0, (0, 0), (190, 190))), rounds=50, warmup_rounds=2)
    per_point(official.grid.size)


def test_template(benchmark: Any, per_point: Report, official: Scan) -> None:
    """Building the template of one Δm² (some 2,700 cells)."""
    table = next(iter(tables.plan(official).values())).table
    nodes = official.grid.axis("dm2").array[:, None].copy()
    benchmark.pedantic(table.build, (nodes,), rounds=20, warmup_rounds=1)
    per_point(len(nodes))


def test_official_scan_in_process(benchmark: Any, per_point: Report, official: Scan, tmp_path: Path) -> None:
    """The 36,100-point scan from resolved file to complete store, serially: wall time, kernels included."""
    count = iter(range(1000))

    def scan() -> None:
        launch.run(ScanRecipe(official), Options(out=str(tmp_path / f"{next(count)}.zarr"), cluster="serial"), Silent())

    benchmark.pedantic(scan, rounds=7, warmup_rounds=1)
    per_point(official.grid.size)
