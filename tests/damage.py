"""A scan that takes no time, and ways to damage its store."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from helpers import call

from jobs import launch
from jobs.launch import Options
from scanner.config import read_scan_file
from scanner.cube import open_cube
from scanner.engine import Silent, Summary
from scanner.recipes.scan import ScanRecipe
from scanner.scan import resolve

POINTS, BLOCK = (8, 8, 8), (4, 2, 4)
"""Of a scan that takes no time: 16 blocks, of which BAD is damaged."""
BLOCKS, BAD = 16, 5
SHARD = "c/0/0/2/1"
"""The shard of block BAD."""


def run_here(file: Path, store: Path | str, **options: Any) -> Summary:
    """Run in this process, or go on."""
    scan = resolve(read_scan_file(file))
    return launch.run(ScanRecipe(scan), Options(out=str(store), cluster="serial", **options), Silent())[1]


def status_here(folder: Path, store: Path) -> dict[str, Any]:
    status, text = call(folder, "status", store, "--json")
    assert status == 0, text
    return dict(json.loads(text))


def bad_block(store: Path, name: str) -> np.ndarray:
    cube = open_cube(str(store))
    return cube.read(cube.layout.block(BAD), name)


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10
    path.write_bytes(data)


def garbage(path: Path) -> None:
    path.write_bytes(b"{garbage" * 20)


DAMAGES = [truncate, empty, flip, garbage]
Damage = Callable[[Path], None]
