"""Drivers, workers and experiments that fail: what is recorded, and what goes on."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from damage import SHARD, run_here, status_here
from helpers import Reference, Trial, alive, call, command_of, kill, last_run, python_path, signal_all, stop

import scanner
from scanner.cube import open_cube
from scanner.errors import ScannerError, Status


def test_second_driver_is_refused(small: Reference, tmp_path: Path) -> None:
    trial = Trial(small, tmp_path, "--cluster", "serial")
    trial.reach(1)
    stop(trial.run.tree())
    status, text = call(tmp_path, "run", small.file, "-o", trial.store, "--cluster", "serial")
    signal_all(trial.run.tree(), signal.SIGCONT)
    assert status == 4
    assert f"in use by another driver (process {trial.run.process.pid} on" in text
    assert set(trial.finish()) == set(range(small.blocks))


@pytest.mark.slow
def test_local_cluster_that_is_killed_is_reported(small: Reference, tmp_path: Path) -> None:
    trial = Trial(small, tmp_path)
    trial.reach(15)
    kill(p for p in trial.processes if "jobs.local" in command_of(p))
    assert trial.run.finish() == 1
    assert "the local dask cluster ended unexpectedly" in trial.run.text
    assert "Traceback" not in trial.run.text, trial.run.text
    assert alive(trial.processes) == []
    trial.account()
    missing = trial.missing()
    trial.start()
    assert set(trial.finish()) == missing


def test_batch_system_that_does_not_answer_stops_a_resume(
    file: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    squeue = tmp_path / "bin" / "squeue"
    squeue.parent.mkdir()
    squeue.write_text("#!/bin/sh\necho unable to contact slurm controller >&2\nexit 1\n")
    squeue.chmod(0o755)
    monkeypatch.setenv("PATH", str(squeue.parent), prepend=os.pathsep)
    (store / "g0/status" / SHARD).unlink()
    note = json.dumps({"host": "elsewhere", "pid": 1, "start": "", "jobs": {"kind": "slurm", "name": "scanner-x"}})
    (store / "driver.json").write_text(note)
    for _ in range(2):
        with pytest.raises(ScannerError, match=r"unable to contact slurm controller.*run again"):
            run_here(file, store)
    assert (store / "driver.json").read_text() == note
    squeue.write_text("#!/bin/sh\n")
    assert run_here(file, store).evaluated == 1
    assert not (store / "driver.json").exists()


PLUGIN = """
import dataclasses, os, time
import numpy as np
from scanner.experiments import miniboone

class Faulty:
    def __init__(self, inner):
        self.inner, self.statistic = inner, inner.statistic
        self.constant, self.number_of_data = inner.constant, inner.number_of_data

    def __call__(self, signal, chi2, gof):
        self.inner(signal, chi2, gof)
        events = signal.sum(axis=1)
        bad = (events > 0) & (events < float(os.environ.get("FAULT_BELOW", "0")))
        if bad.any():
            fault(os.environ["FAULT"], bad, chi2)

def fault(kind, bad, chi2):
    if kind == "raise":
        raise ArithmeticError("a fault on purpose")
    if kind == "exit":
        os._exit(7)
    while kind == "hang":
        time.sleep(0.1)
    chi2[bad] = np.nan

def load(name):
    whole = miniboone.load("miniboone_fhc")
    return dataclasses.replace(whole, name=name, likelihood=Faulty(whole.likelihood))
"""


@pytest.fixture(scope="module")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to put on PYTHONPATH, which holds a distribution with the experiment ``faulty``."""
    folder = tmp_path_factory.mktemp("plugin")
    (folder / "faulty_experiment.py").write_text(PLUGIN)
    facts = folder / "faulty-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: faulty\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[scanner.experiments]\nfaulty = faulty_experiment\n")
    return folder


@dataclass(frozen=True)
class Faulty:
    """A scan with the experiment ``faulty``, and what is right.

    Parameters
    ----------
    file, plugin
        The scan file and the folder of the plug-in.
    right
        The scan as it comes out without faults.
    below
        Events below which a point is faulty.
    """

    file: Path
    plugin: Path
    right: xr.Dataset
    below: float

    @property
    def bad(self) -> np.ndarray:
        """The faulty points."""
        return self.right["events"].values < self.below

    def run(self, store: Path, fault: str, *options: str) -> tuple[int, str]:
        """Run, or go on, with a fault or (empty) without."""
        below = str(self.below) if fault else "0"
        command = ("run", self.file, "-o", store, *options)
        return call(store.parent, *command, PYTHONPATH=python_path(self.plugin), FAULT=fault, FAULT_BELOW=below)


CORNER = 0
"""The block with fewest events, the only one with faulty points."""


@pytest.fixture(scope="module")
def faulty(plugin: Path, tmp_path_factory: pytest.TempPathFactory) -> Faulty:
    folder = tmp_path_factory.mktemp("faulty")
    axes = {"dm2": {"log": [0.01, 0.5], "points": 128}, "sin2_2theta": {"log": [1e-3, 1], "points": 128}}
    execution = {"block": {"dm2": 16, "sin2_2theta": 16}, "workers": 2}
    scan = {"version": 1, "name": "faulty", "model": "two_flavour", "axes": axes, "experiments": ["faulty"]}
    file, store = folder / "faulty.yaml", folder / "right.zarr"
    file.write_text(json.dumps({**scan, "outputs": ["chi2", "events"], "execution": execution}))
    status, text = call(folder, "run", file, "-o", store, "--cluster", "serial", PYTHONPATH=python_path(plugin))
    assert status == 0, text
    right = scanner.open(str(store)).load()
    events = right["events"].values.copy()
    least, corner = events.min(), (slice(None), *open_cube(str(store)).layout.block(CORNER).slices)
    assert events[corner].min() == least
    events[corner] = np.inf
    return Faulty(file, plugin, right, float(least + events.min()) / 2)


def _same_elsewhere(store: Path, faulty: Faulty, failed: np.ndarray, status: Status) -> None:
    """Assert that points without a result say so, and that all others are right."""
    found = scanner.open(str(store)).load()
    assert (found["status"].values == np.where(failed, status, Status.ok)).all()
    for name in ("chi2", "events"):
        right = np.where(failed, np.nan, faulty.right[name].values)
        np.testing.assert_array_equal(found[name].values, right)


def _corner(faulty: Faulty) -> np.ndarray:
    corner = np.zeros(faulty.bad.shape, dtype=bool)
    corner[:, :16, :16] = True
    return corner


@pytest.mark.parametrize("cluster", ["serial", "local"])
def test_block_that_raises_is_recorded_and_passed_over(faulty: Faulty, tmp_path: Path, cluster: str) -> None:
    store = tmp_path / "scan.zarr"
    assert faulty.run(store, "raise", "--cluster", cluster)[0] == 3
    found = status_here(tmp_path, store)
    assert (found["done"], found["failed"], found["complete"]) == (63, 1, False)
    assert found["statuses"] == {"missing": 256, "ok": 63 * 256}
    assert list(found["failures"]) == [str(CORNER)]
    assert "ArithmeticError: a fault on purpose" in found["failures"][str(CORNER)]
    assert _tries(store) == 2
    _same_elsewhere(store, faulty, _corner(faulty), Status.missing)
    assert faulty.run(store, "raise", "--cluster", "serial")[0] == 3
    assert _tries(store) == 1
    assert faulty.run(store, "", "--cluster", "serial")[0] == 0
    assert last_run(store) == [CORNER]
    assert status_here(tmp_path, store)["failures"] == {}
    _same_elsewhere(store, faulty, np.zeros_like(faulty.bad), Status.ok)


def _tries(store: Path) -> int:
    """Count how often the last run tried the faulty block in vain."""
    return (store / "driver.log").read_text().rpartition(" start: ")[2].count(f" {CORNER} failed")


def test_block_that_kills_its_worker_is_recorded_and_passed_over(faulty: Faulty, tmp_path: Path) -> None:
    store = tmp_path / "scan.zarr"
    status, text = faulty.run(store, "exit", "--cluster", "local")
    assert status == 3, text
    assert "took its worker down" in status_here(tmp_path, store)["failures"][str(CORNER)]
    _same_elsewhere(store, faulty, _corner(faulty), Status.worker_lost)
    assert faulty.run(store, "", "--cluster", "serial")[0] == 0
    assert last_run(store) == [CORNER]
    _same_elsewhere(store, faulty, np.zeros_like(faulty.bad), Status.ok)


def test_block_that_hangs_is_recorded_and_its_worker_replaced(faulty: Faulty, tmp_path: Path) -> None:
    store = tmp_path / "scan.zarr"
    status, text = faulty.run(store, "hang", "--cluster", "local", "--set", "execution.timeout=20")
    assert status == 3, text
    found = status_here(tmp_path, store)
    assert found["statuses"] == {"timeout": 256, "ok": 63 * 256}
    assert "did not end within 20 s" in found["failures"][str(CORNER)]
    _same_elsewhere(store, faulty, _corner(faulty), Status.timeout)
    assert faulty.run(store, "", "--cluster", "serial")[0] == 0
    assert last_run(store) == [CORNER]
    _same_elsewhere(store, faulty, np.zeros_like(faulty.bad), Status.ok)


def test_experiment_that_always_raises_is_recorded(faulty: Faulty, tmp_path: Path) -> None:
    everywhere, store = replace(faulty, below=1e9), tmp_path / "scan.zarr"
    status, text = everywhere.run(store, "raise", "--cluster", "serial")
    assert status == 3
    assert "Traceback" not in text, text
    assert status_here(tmp_path, store)["failed"] == 64
    assert faulty.run(store, "", "--cluster", "serial")[0] == 0
    _same_elsewhere(store, faulty, np.zeros_like(faulty.bad), Status.ok)


def test_point_that_is_nan_has_a_status(faulty: Faulty, tmp_path: Path) -> None:
    store = tmp_path / "scan.zarr"
    assert faulty.run(store, "nan", "--cluster", "serial")[0] == 0
    _same_elsewhere(store, faulty, faulty.bad, Status.not_finite)
