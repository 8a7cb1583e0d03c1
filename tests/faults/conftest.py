"""What the tests of faults damage: copies of a small store, and scans that are killed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from damage import BLOCK, POINTS, run_here
from helpers import SMALL, Reference, reference_of, scan_file


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A scan file, and its store, complete."""
    folder = tmp_path_factory.mktemp("tiny")
    file, store = scan_file(folder, POINTS, BLOCK), folder / "whole.zarr"
    run_here(file, store)
    return file, store


@pytest.fixture
def file(tiny: tuple[Path, Path]) -> Path:
    return tiny[0]


@pytest.fixture
def reference(tiny: tuple[Path, Path]) -> Path:
    return tiny[1]


@pytest.fixture
def store(tiny: tuple[Path, Path], tmp_path: Path) -> Path:
    """A complete store, to damage."""
    return Path(shutil.copytree(tiny[1], tmp_path / "damaged.zarr"))


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """A scan that fills some megabytes in some seconds."""
    return reference_of(tmp_path_factory, *SMALL)
