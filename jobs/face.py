"""`scanner.run`: a scan from Python, in a script or a notebook."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Mapping
from typing import Any

import xarray as xr

from jobs import launch
from jobs.launch import Options
from scanner.config import read_scan_file
from scanner.dataset import open_dataset
from scanner.engine import Silent
from scanner.recipes.scan import ScanRecipe
from scanner.reporting import Progress
from scanner.scan import resolve


def run(
    file: str | os.PathLike[str] | Mapping[str, Any],
    out: str | os.PathLike[str] | None = None,
    cluster: str = "local",
    workers: int | None = None,
    progress: bool = True,
) -> xr.Dataset:
    """Run a scan, or go on with one, and open its store.

    Parameters
    ----------
    file
        A scan file's path, or a mapping of the same form.
    out
        The store; the file's ``store`` by default.
    cluster
        ``local``, ``serial``, a cluster file or its name, or the address of a running scheduler. From Python this
        counts, and never the file's ``execution.cluster``.
    workers
        Number of workers; the file's by default.
    progress
        Whether to show progress.

    Returns
    -------
    xarray.Dataset
        As `scanner.open` gives it.

    Raises
    ------
    InputError, StoreRefused, StoreError
        With one message that says what is wrong and how to mend it.

    Warns
    -----
    RuntimeWarning
        If blocks failed: their points carry a status instead of a number.
    """
    recipe = ScanRecipe(resolve(read_scan_file(file)))
    options = Options(out=None if out is None else os.fspath(out), cluster=cluster, workers=workers)
    with Progress() if progress else contextlib.nullcontext(Silent()) as reporter:
        cube, summary = launch.run(recipe, options, reporter)
    if summary.failed:
        warnings.warn(f"{summary.failed} block(s) failed; see `scanner status {cube.url}`", RuntimeWarning, 2)
    return open_dataset(cube.url)
