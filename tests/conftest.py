"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of published releases, which are not part of the repository."""
    folder = Path(os.environ.get("SCANNER_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("the published releases are not here (set SCANNER_SHARED_DATA to their folder)")
    return folder
