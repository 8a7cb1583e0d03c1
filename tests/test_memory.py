"""Ten million points inside a small memory budget."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from scanner.config import to_yaml

BUDGET = 512 * 2**20
FILE = {
    "version": 1,
    "name": "large",
    "model": "sterile_3p1",
    "axes": {
        "dm2_41": {"log": [0.01, 100], "points": 100},
        "Ue4_sq": {"log": [1e-4, 0.5], "points": 400},
        "Umu4_sq": {"log": [1e-4, 0.5], "points": 256},
    },
    "experiments": ["miniboone_fhc", "miniboone_rhc"],
    "store": "large.zarr",
    "execution": {"workers": 2, "memory": "512MiB"},
}


def _worker_peaks(process: subprocess.Popen[bytes]) -> dict[int, int]:
    """Largest resident memory [bytes] seen of each worker process (a spawned child of the local cluster)."""
    peaks: dict[int, int] = {}
    while process.poll() is None:
        for child in psutil.Process(process.pid).children(recursive=True):
            try:
                if "--multiprocessing-fork" in child.cmdline():
                    peaks[child.pid] = max(peaks.get(child.pid, 0), child.memory_info().rss)
            except psutil.Error:
                continue
        time.sleep(0.05)
    return peaks


@pytest.mark.slow
def test_ten_million_points(tmp_path: Path) -> None:
    (tmp_path / "scan.yaml").write_text(to_yaml(FILE))
    command = [sys.executable, "-m", "scanner.cli"]
    process = subprocess.Popen([*command, "run", "scan.yaml"], cwd=tmp_path, stderr=subprocess.DEVNULL)
    peaks = _worker_peaks(process)
    assert process.returncode == 0
    assert len(peaks) == 2 and max(peaks.values()) < BUDGET
    print("peak memory of the workers [MiB]:", [peak >> 20 for peak in peaks.values()])
    status = subprocess.run([*command, "status", "large.zarr", "--json"], cwd=tmp_path, capture_output=True, check=True)
    found = json.loads(status.stdout)
    assert found["complete"] and found["statuses"] == {"ok": 2 * 10_240_000}
