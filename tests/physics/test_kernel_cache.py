"""The cache of machine code: never stale, never corrupted by processes that compile together."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "scanner"
PROGRAM = (
    "import numpy as np\n"
    "from scanner.physics.flight import first_node\n"
    "print(first_node(1.0, 1.0, np.ones(1), np.ones(1))[0])\n"
)
"""Few kernels to compile, one of which prints ln 1e-9 ħc."""


def _start(source: Path, cache: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(source), "SCANNER_CACHE_DIR": str(cache)}
    command = [sys.executable, "-c", PROGRAM]  # which puts the working directory first on the path
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
