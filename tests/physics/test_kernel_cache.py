"""The cache of machine code: never stale, never corrupted by those that compile together, filled when first needed."""

from __future__ import annotations

import math
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

from scanner.physics.flight import first_node

PACKAGE = Path(__file__).parents[2] / "scanner"
PROGRAM = (
    "import numpy as np\n"
    "from scanner.physics.flight import first_node\n"
    "print(first_node(1.0, 1.0, np.ones(1), np.ones(1))[0])\n"
)
"""Few kernels to compile, one of which prints ln 1e-9 ħc."""


def _start(source: Path, cache: Path, program: str = PROGRAM) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(source), "SCANNER_CACHE_DIR": str(cache)}
    command = [sys.executable, "-c", program]  # which puts the working directory first on the path
    return subprocess.Popen(command, cwd=source, env=environment, stdout=subprocess.PIPE, text=True)


def _value(process: subprocess.Popen[str]) -> float:
    text, _ = process.communicate(timeout=300)
    assert process.returncode == 0
    return float(text)


def test_an_edited_callee_is_compiled_again(tmp_path: Path) -> None:
    """numba alone returns the old result after a constant in another module changed."""
    source, cache = tmp_path / "source", tmp_path / "cache"
    shutil.copytree(PACKAGE, source / "scanner", ignore=shutil.ignore_patterns("__pycache__"))
    before = _value(_start(source, cache))
    units = source / "scanner" / "units.py"
    units.write_text(units.read_text() + "\nHBARC_GEV_M = 1.0\n")
    assert before < -50
    assert _value(_start(source, cache)) == math.log(1e-9)


def test_processes_that_compile_at_once_agree(tmp_path: Path) -> None:
    together = [_start(PACKAGE.parent, tmp_path) for _ in range(3)]
    values = {_value(process) for process in together}
    assert len(values) == 1
    assert _value(_start(PACKAGE.parent, tmp_path)) in values


THREADS = (
    "from concurrent.futures import ThreadPoolExecutor\n"
    "import numba, numpy as np\n"
    "from scanner.physics import flight\n"
    "foreign = numba.njit(lambda x: flight.first_node(x, x, np.ones(1), np.ones(1))[0])\n"
    "calls = [lambda: foreign(1.0), lambda: flight.first_node(1.0, 1.0, np.ones(1), np.ones(1))[0]]\n"
    "with ThreadPoolExecutor(8) as pool:\n"
    "    found = set(pool.map(lambda call: call(), 4 * calls))\n"
    "assert len(found) == 1\n"
    "print(found.pop())\n"
)
"""Threads that call a kernel, and another function compiled by numba that calls it, all for the first time."""


def test_threads_that_compile_at_once_agree(tmp_path: Path) -> None:
    assert _value(_start(PACKAGE.parent, tmp_path, THREADS)) < -50


def _machine_code(cache: Path) -> set[str]:
    return {path.name for path in cache.rglob("*.nbc")}


LOADED = "from scanner.physics import flight, kernel\nprint(0)\n"


def test_kernels_are_compiled_when_first_called_or_all_at_once(tmp_path: Path) -> None:
    imported, called, loaded = (tmp_path / name for name in ("imported", "called", "loaded"))
    _value(_start(PACKAGE.parent, imported, LOADED))
    assert _machine_code(imported) == set()
    _value(_start(PACKAGE.parent, called))
    _value(_start(PACKAGE.parent, loaded, LOADED + "kernel.load_kernels()\n"))
    assert any("first_node" in name for name in _machine_code(called))
    assert _machine_code(called) < _machine_code(loaded)


def test_a_kernel_is_pickled_by_its_name() -> None:
    assert pickle.loads(pickle.dumps(first_node)) is first_node
