"""Speeds on this machine, kept and compared: kernels and tables by signal, the engine, writing.

All are rates, so that more is better. Kernels and tables are timed by the time that this process has a core, so that
other work on the machine does not count; the engine and writing by the clock on the wall.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from jobs import launch
from jobs.launch import Options
from scanner import cube, planning, provenance, tables
from scanner.config import read_scan_file
from scanner.engine import Silent
from scanner.errors import InputError
from scanner.grid import Layout
from scanner.recipes.scan import recipe_of
from scanner.scan import Scan, resolve
from scanner.worker import Outcome

FORMAT = 1
ROUNDS = 3
"""The best of so many counts."""
BLOCKS = 256
WRITTEN_POINTS = (2**14, 2**20)
CLUSTERS = {"serial": 1, "local": 2}
"""With their workers."""
MIXING = {"log": [1e-10, 1e-2], "points": 64}


@dataclass(frozen=True)
class Case:
    """Experiments that see a model by one signal, on axes that have both masses and couplings.

    Parameters
    ----------
    signal
        Its name.
    model, axes, fixed
        As in a scan file.
    experiments
        Some that stand for all.
    """

    signal: str
    model: str
    axes: Mapping[str, Any]
    experiments: tuple[str, ...]
    fixed: Mapping[str, Any]


_STERILE = {
    "dm2_41": {"log": [0.03, 100], "points": 64},
    "Ue4_sq": {"log": [1e-4, 0.3], "points": 64},
    "Umu4_sq": {"log": [1e-4, 0.3], "points": 64},
}
_HEAVY = {"m_N": {"log": [0.15, 0.38], "points": 32}, "Ue4_sq": MIXING, "Umu4_sq": MIXING}
_MAJORANA = {"nature": "majorana"}
_DARK = {"m4": {"log": [0.05, 0.5], "points": 8}, "Umu4_sq": MIXING, "alpha_D": {"log": [1e-4, 1], "points": 64}}
_VISIBLE = {"nature": "dirac", "daughters_per_phi": "one", "m4": 300.0}
_DECAYING = {
    "g_phi": {"log": [0.1, 10], "points": 8},
    "Ue4_sq": {"log": [1e-5, 0.02], "points": 64},
    "Umu4_sq": {"log": [1e-4, 0.3], "points": 64},
}

CASES = (
    Case(
        "oscillation",
        "sterile_3p1",
        _STERILE,
        ("miniboone_fhc", "miniboone", "lsnd", "karmen", "gallium", "reactor_rates", "cdhs"),
        {},
    ),
    Case("surface", "sterile_3p1", _STERILE, ("icecube_8yr",), {}),
    Case("decay_in_flight", "hnl", _HEAVY, ("t2k_nd280_hnl", "ps191", "dune_nd_hnl"), _MAJORANA),
    Case("decay_spectra", "hnl", _HEAVY, ("miniboone_dif",), _MAJORANA),
    Case("peak_search", "hnl", _HEAVY, ("peak_na62_mu",), _MAJORANA),
    Case("lepton_number_violation", "hnl", _HEAVY, ("lnv_kaon",), _MAJORANA),
    Case("bbn", "hnl", _HEAVY, ("bbn",), _MAJORANA),
    Case("published_bound", "hnl", _HEAVY, ("published_Umu4_nutev",), _MAJORANA),
    Case(
        "upscattering",
        "dark_neutrino_vector",
        _DARK,
        ("miniboone_fhc_ee", "microboone_ee", "charm2", "nd280_ee"),
        {"m_Zprime": 0.03},
    ),
    Case(
        "dark_beam",
        "dark_particle_primakoff",
        {"m_V": {"log": [0.005, 0.5], "points": 16}, "lam": {"log": [0.3, 300], "points": 512}},
        ("miniboone_ee",),
        {"m_phi": 0.001, "g_mu": 1e-3, "g_p": 1e-3},
    ),
    Case("energy_transfer", "sterile_3p1_visible_decay", _DECAYING, ("lsnd",), _VISIBLE),
    Case("solar_antineutrinos", "sterile_3p1_visible_decay", _DECAYING, ("solar_antineutrinos_borexino",), _VISIBLE),
    Case(
        "muon_decay",
        "lfv_muon_decay",
        {"BR": {"linear": [0, 0.01], "points": 512}, "rho_tilde": {"linear": [0, 0.75], "points": 16}},
        ("karmen",),
        {},
    ),
)


@dataclass(frozen=True)
class Speed:
    """A measured rate.

    Parameters
    ----------
    kind
        ``kernel``, ``table``, ``engine`` or ``write``.
    name
        Of what was measured, unique within its kind.
    per_second
        The rate.
    unit
        What is counted.
    """

    kind: str
    name: str
    per_second: float
    unit: str


def measure(folder: Path, say: Callable[[str], None], cases: tuple[Case, ...] = CASES) -> list[Speed]:
    """Measure everything; stores are made in a folder, on the disk that is to be measured."""
    found: list[Speed] = []
    for case in cases:
        say(f"{case.signal}: {case.model}")
        for experiment in case.experiments:
            found += kernel_speeds(case, experiment)
    say("engine")
    found += engine_speeds(folder)
    say("writing")
    found += write_speeds(folder)
    return sorted(found, key=lambda speed: ("kernel", "table", "engine", "write").index(speed.kind))


def scan_of(case: Case, experiment: str) -> Scan:
    """Return the scan of one experiment of a case."""
    file = {"version": 1, "name": "bench", "model": case.model, "fixed": case.fixed, "axes": case.axes}
    return resolve(read_scan_file({**file, "experiments": [experiment]}))


def kernel_speeds(case: Case, experiment: str) -> list[Speed]:
    """As `scanner plan` has them: points a second, from tables to −2 ln L and status; nodes a second of the tables."""
    scan, name = scan_of(case, experiment), f"{case.signal}: {case.model}, {experiment}"
    rounds = [planning.calibrate(scan, 0) for _ in range(ROUNDS)]  # the first one compiles, too
    nodes = sum(size.nodes for size in tables.sizes(scan))
    return [
        Speed("kernel", name, 1 / min(r.seconds_per_point for r in rounds), "points"),
        Speed("table", name, nodes / max(min(r.table_seconds for r in rounds), 1e-9), "nodes"),
    ]


def _small_scan(blocks: int) -> Scan:
    axes = {"dm2": {"log": [0.01, 100], "points": blocks}, "sin2_2theta": {"log": [1e-3, 1], "points": 2}}
    file = {"version": 1, "name": "bench", "model": "two_flavour", "axes": axes, "experiments": ["miniboone_fhc"]}
    return resolve(read_scan_file({**file, "dtype": "float32", "execution": {"block": {"dm2": 1}}}))


class _Watch(Silent):
    """Notes when blocks end; the first ones wait for workers to load what they need."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def outcome(self, outcome: Outcome) -> None:
        """A block ended."""
        self.ends.append(time.perf_counter())

    def rate(self) -> float:
        """Return how many ended in a second, in the second half of them."""
        half = self.ends[len(self.ends) // 2 :]
        return (len(half) - 1) / (half[-1] - half[0])


def engine_speeds(folder: Path, clusters: Mapping[str, int] = CLUSTERS) -> list[Speed]:
    """Blocks a second that are next to nothing to evaluate: in this process, and by two local workers."""
    found = []
    for cluster, workers in clusters.items():
        rates = []
        for round_ in range(ROUNDS if cluster == "serial" else 1):
            options = Options(str(folder / f"{cluster}{round_}.zarr"), cluster=cluster, workers=workers)
            watch = _Watch()
            launch.run(recipe_of(_small_scan(BLOCKS)), options, watch)
            rates.append(watch.rate())
        found.append(Speed("engine", f"{cluster}, {workers} worker{'s' if workers > 1 else ''}", max(rates), "blocks"))
    return found


def write_speeds(folder: Path) -> list[Speed]:
    """Bytes a second of whole blocks before compression, and of the same bytes put into a plain file."""
    found, rng = [], np.random.default_rng(0)
    for points in WRITTEN_POINTS:
        shape = (points // 2, 2)
        blueprint = recipe_of(_small_scan(points // 2)).blueprint(1, lambda text: None)
        store = cube.create(str(folder / f"{points}.zarr"), replace(blueprint, layout=Layout((shape,), (shape,))))
        results = {"chi2": rng.chisquare(10, (1, *shape)).astype(np.float32), "status": np.ones((1, *shape), np.uint8)}
        size = store.groups[0].bytes(points)
        store_seconds = _best(store.write, store.layout.block(0), results)
        plain_seconds = _best(_write_plain, folder / "plain", rng.bytes(size))
        name = f"blocks of {points:,} points"
        found += [
            Speed("write", f"store, {name}", size / store_seconds, "bytes"),
            Speed("write", f"plain file, {name}", size / plain_seconds, "bytes"),
        ]
    return found


def _write_plain(path: Path, raw: bytes) -> None:
    partial = path.with_suffix(".partial")
    partial.write_bytes(raw)
    partial.replace(path)


def _best(function: Callable[..., object], *arguments: object) -> float:
    times = []
    for _ in range(2 * ROUNDS):
        begin = time.perf_counter()
        function(*arguments)
        times.append(time.perf_counter() - begin)
    return min(times)


def machine() -> dict[str, Any]:
    """What makes speeds comparable."""
    return {"cpu": provenance.environment()["cpu"], "cores": os.cpu_count()}


def record(speeds: list[Speed]) -> dict[str, Any]:
    """Return what is kept, plain JSON: speeds, machine, date and versions."""
    return {
        "format": FORMAT,
        "date": provenance.now(),
        "machine": machine(),
        "environment": provenance.environment(),
        "speeds": [asdict(speed) for speed in speeds],
    }


def read(path: Path) -> dict[str, Any]:
    """Read what was kept on this machine.

    Raises
    ------
    InputError
        If it cannot be read, or is another machine's.
    """
    try:
        found: dict[str, Any] = json.loads(path.read_text())
        known, there = found["format"] == FORMAT, found["machine"]
        if not all(rate > 0 for rate in _rates(found).values()):
            raise ValueError("a rate that is not above 0")
    except (OSError, ValueError, KeyError, TypeError) as error:
        problem = f"cannot be read as speeds ({type(error).__name__}: {error})"
        raise InputError("--against", problem, str(path), "a file written by scanner bench -o") from None
    if not known:
        raise InputError("--against", "is of another version", str(path), "a file written by this scanner bench -o")
    if there != machine():
        raise InputError("--against", "was measured on another machine", there, str(machine()))
    return found


def ratios(now: Mapping[str, Any], before: Mapping[str, Any]) -> dict[tuple[str, str], float]:
    """Return how much faster each thing is than it was, by kind and name, of what both have."""
    earlier = _rates(before)
    return {key: rate / earlier[key] for key, rate in _rates(now).items() if key in earlier}


def _rates(found: Mapping[str, Any]) -> dict[tuple[str, str], float]:
    return {(one["kind"], one["name"]): one["per_second"] for one in found["speeds"]}


def check_writable(path: Path) -> None:
    """Refuse a file that could not be written, before minutes of measuring are lost on it."""
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise InputError("--out", f"cannot be written: {error.strerror}", str(path)) from None


def keep(found: Mapping[str, Any], path: Path) -> None:
    """Write what is kept."""
    try:
        path.write_text(json.dumps(found, indent=1) + "\n")
    except OSError as error:
        raise InputError("--out", f"cannot be written: {error.strerror}", str(path)) from None


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder on the disk that is measured: where one stands, as stores of scan files are."""
    try:
        made = tempfile.TemporaryDirectory(prefix="scanner-bench-", dir=Path.cwd())
    except OSError as error:
        raise InputError("", f"stores cannot be made here: {error.strerror}", str(Path.cwd())) from None
    with made as folder:
        yield Path(folder)
