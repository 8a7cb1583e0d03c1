"""Speed of heavy neutrinos; run as test_benchmarks.py says. One core, warm, medians.

``test_rate``: the expected signal of each search on the coupling axes, from its tables: wanted is 100 ns a point
(10⁷ points a second) or less. ``test_evaluate`` adds the likelihood, statuses, and the gathering of values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import scanner
from scanner import registry, tables
from scanner.config import read_scan_file
from scanner.evaluate import CHUNK, evaluate
from scanner.grid import Block
from scanner.physics.heavy_neutrino_decays import weak_widths
from scanner.physics.heavy_neutrino_production import production_ratios
from scanner.scan import Scan, resolve

Report = Callable[[int], None]
SEARCHES = [
    *("t2k_nd280_hnl", "t2k_nd280_hnl_recast", "ps191", "microboone_kdar", "microboone_bnb_mupi", "microboone_numi"),
    *("argoneut", "sbnd_hnl", "icarus_hnl", "dune_nd_hnl", "lnv_kaon", "peak_na62_mu", "bbn", "published_Umu4_nutev"),
    *("miniboone_dif", "miniboone_dif_costheta"),
]
SHAPE = (8, 32, 32, 32)


def _scan(name: str) -> Scan:
    mixings = ("Ue4_sq", "Umu4_sq", "Utau4_sq")
    axes = {"m_N": {"log": [0.15, 0.38], "points": 8}} | {u: {"log": [1e-12, 0.1], "points": 32} for u in mixings}
    file = {"version": 1, "name": "speed", "model": "hnl", "axes": axes, "experiments": [name]}
    return resolve(read_scan_file({**file, "fixed": {"nature": "majorana"}}))


@pytest.mark.parametrize("name", SEARCHES)
def test_rate(benchmark: Any, per_point: Report, name: str) -> None:
    """The sum over sources, couplings and channels of one chunk of points, all three mixings running."""
    prediction = _scan(name).members()[name].predictions[0]
    rng, points = np.random.default_rng(0), CHUNK
    masses = np.repeat(np.geomspace(0.15, 0.38, 8), points // 8)
    built = [table.build(_nodes(table.parameters)) for table in prediction.tables]
    nodes = tuple(np.searchsorted(np.geomspace(0.15, 0.38, 8) * 0.999, masses) - 1 for _ in built)
    values = 10 ** rng.uniform(-12, -1, (len(prediction.parameters), points))
    signal = np.zeros((points, registry.experiment(name).signal_bins.size))
    entries = tuple(entries for entries, _ in built)
    benchmark.pedantic(prediction.add, (values, nodes, entries, signal), rounds=300, warmup_rounds=10)
    per_point(points)


def _nodes(parameters: tuple[str, ...]) -> np.ndarray:
    columns = {"m_N": np.geomspace(0.15, 0.38, 8), "nature": np.ones(8)}
    return np.column_stack([columns[name] for name in parameters])


@pytest.mark.parametrize("name", ["t2k_nd280_hnl", "dune_nd_hnl", "miniboone_dif"])
def test_evaluate(benchmark: Any, per_point: Report, name: str) -> None:
    """From tables to −2 ln L and status."""
    scan = _scan(name)
    built = tables.build_all(scan)
    benchmark.pedantic(evaluate, (scan, built, Block(0, 0, (0, 0, 0, 0), SHAPE)), rounds=5, warmup_rounds=1)
    per_point(int(np.prod(SHAPE)))


@pytest.mark.parametrize("mass", [0.1, 1.2, 1.99])
def test_all_widths_of_a_mass(benchmark: Any, mass: float) -> None:
    benchmark.pedantic(weak_widths, (mass,), rounds=500, warmup_rounds=5)


def test_all_production_of_a_mass(benchmark: Any) -> None:
    benchmark.pedantic(production_ratios, (0.1,), rounds=500, warmup_rounds=5)


@pytest.mark.parametrize("model", ["hnl_dipole", "hnl_contact", "hnl_dark_photon", "hnl_scalar", "hnl_alp"])
def test_all_widths_of_a_dark_model(benchmark: Any, model: str) -> None:
    found = scanner.model(model)
    benchmark.pedantic(found.widths, kwargs={"m_N": 1.9, "Umu4_sq": 1e-6}, rounds=200, warmup_rounds=5)


@pytest.mark.parametrize("name", ["t2k_nd280_hnl", "ps191", "dune_nd_hnl", "peak_na62_mu", "miniboone_dif"])
def test_tables_of_a_mass(benchmark: Any, name: str) -> None:
    """All tables of a search at one mass."""
    prediction = _scan(name).members()[name].predictions[0]

    def build() -> None:
        for table in prediction.tables:
            table.build(_nodes(table.parameters)[:1])

    benchmark.pedantic(build, rounds=20, warmup_rounds=1)
