"""Speed of upscattering; run as test_benchmarks.py says. One core, warm, medians.

``test_mass_point``: the table of events of an experiment at one mass point, spectrum and lifetimes included: wanted are
20 ms or less. ``test_rate``: the expected signal on the coupling axes, from the tables: wanted is 1 µs a point (10⁶
points a second) or less. ``test_evaluate`` adds the likelihood, statuses, and the gathering of values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import scanner
from scanner import tables
from scanner.config import read_scan_file
from scanner.evaluate import evaluate
from scanner.grid import Block
from scanner.scan import Scan, resolve

Report = Callable[[int], None]
EXPERIMENTS = [
    *("miniboone_fhc_ee", "miniboone_ee", "microboone_ee", "sbnd_ee", "icarus_ee", "dune_nd_ee", "nd280_ee"),
    *("minerva_le", "minerva_me", "charm2", "nova_nd", "ccfr_double_bang", "icecube_double_bang", "dune_double_bang"),
]
MASSES = {"on_shell": (0.42, 0.03), "off_shell": (0.1, 1.25)}
SHAPE = (1, 1, 64, 64)


def _scan(name: str, masses: tuple[float, float]) -> Scan:
    axes = {
        "m4": {"values": [masses[0]]},
        "m_Zprime": {"values": [masses[1]]},
        "Umu4_sq": {"log": [1e-10, 1e-3], "points": 64},
        "alpha_D": {"log": [1e-4, 1], "points": 64},
    }
    return resolve(
        read_scan_file(
            {"version": 1, "name": "speed", "model": "dark_neutrino_vector", "axes": axes, "experiments": [name]}
        )
    )


@pytest.mark.parametrize("masses", MASSES)
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_mass_point(benchmark: Any, name: str, masses: str) -> None:
    scan = _scan(name, MASSES[masses])
    (events,) = (one for path, one in tables.plan(scan).items() if path.endswith("_events"))
    benchmark.pedantic(events.table.build, (events.nodes[:1],), rounds=20, warmup_rounds=2)


@pytest.mark.parametrize("name", ["miniboone_fhc_ee", "miniboone_ee", "nd280_ee", "charm2"])
def test_rate(benchmark: Any, per_point: Report, name: str) -> None:
    scan = _scan(name, MASSES["on_shell"])
    prediction = scan.members()[name].predictions[0]
    built = tables.build_all(scan)
    points = 2048
    values = np.geomspace(1e-10, 1e-3, points)[None].repeat(len(prediction.parameters), axis=0)
    nodes = tuple(np.zeros(points, dtype=np.int64) for _ in prediction.tables)
    entries = tuple(built[f"{name}/0/{table.name}"].entries for table in prediction.tables)
    signal = np.zeros((points, scan.members()[name].experiment.signal_bins.size))
    benchmark.pedantic(prediction.add, (values, nodes, entries, signal), rounds=200, warmup_rounds=5)
    per_point(points)


@pytest.mark.parametrize("name", ["miniboone_fhc_ee", "nd280_ee"])
def test_evaluate(benchmark: Any, per_point: Report, name: str) -> None:
    scan = _scan(name, MASSES["on_shell"])
    built = tables.build_all(scan)
    benchmark.pedantic(evaluate, (scan, built, Block(0, 0, (0, 0, 0, 0), SHAPE)), rounds=20, warmup_rounds=2)
    per_point(int(np.prod(SHAPE)))


@pytest.mark.parametrize("masses", MASSES)
def test_widths_of_a_point(benchmark: Any, masses: str) -> None:
    m4, m_Zprime = MASSES[masses]
    found = scanner.model("dark_neutrino_vector")
    benchmark.pedantic(found.widths, kwargs={"m4": m4, "m_Zprime": m_Zprime, "Umu4_sq": 1e-6}, rounds=100)
