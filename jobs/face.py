"""`scanner.run`, `scanner.merge` and `scanner.toys`: from Python, in a script or a notebook."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import xarray as xr

from jobs import launch
from jobs.launch import Options
from jobs.preflight import store_url
from scanner.config import read_scan_file
from scanner.cube import open_cube
from scanner.dataset import open_dataset
from scanner.engine import Silent
from scanner.errors import InputError
from scanner.merging.maps import read_maps
from scanner.recipes.base import Recipe
from scanner.recipes.merge import MergeOptions, MergeRecipe
from scanner.recipes.scan import recipe_of
from scanner.recipes.toys import ToysRecipe
from scanner.reporting import Progress
from scanner.scan import resolve
from scanner.store import local_path


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
    recipe = recipe_of(resolve(read_scan_file(file)))
    return _make(
        recipe, Options(out=None if out is None else os.fspath(out), cluster=cluster, workers=workers), progress
    )


def merge(
    stores: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    on: str = "first",
    interpolate: bool = False,
    maps: str | os.PathLike[str] | None = None,
    experiments: Sequence[str] = (),
    allow_incomplete: bool = False,
    cluster: str = "local",
    workers: int | None = None,
    progress: bool = True,
) -> xr.Dataset:
    """Merge stores, or go on with that, and open the merged one.

    Its experiments are those of all stores, and ``total`` is the sum of their −2 ln L in order of name, with shared
    nuisance parameters profiled jointly.

    Parameters
    ----------
    stores
        Paths or URLs of stores of scans, or of merged ones.
    out
        The merged store.
    on
        ``first``: on the first store's grid; on the ``union`` or the ``intersection`` of all grids.
    interpolate
        Whether values between the nodes of a store may be interpolated; ``chi2_error`` is kept beside them then.
        Beyond the ends of a store's axes nothing is ever extrapolated: its status there is not_covered.
    maps
        A file that says how one store's parameters follow from the others'; see `scanner.merging.maps`.
    experiments
        Names of those to take; all by default.
    allow_incomplete
        Whether stores may lack blocks; points of these are not_covered.
    cluster, workers, progress
        As those of `run`.

    Returns
    -------
    xarray.Dataset
        As `scanner.open` gives it.

    Raises
    ------
    InputError, StoreRefused, StoreError
        With one message that says what must not be merged, and why.
    """
    recipe = merge_recipe(stores, out, on, interpolate, maps, experiments, allow_incomplete)
    return _make(recipe, Options(out=os.fspath(out), cluster=cluster, workers=workers), progress)


def merge_recipe(
    stores: Sequence[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    on: str,
    interpolate: bool,
    maps: str | os.PathLike[str] | None,
    experiments: Sequence[str] | None,
    allow_incomplete: bool,
) -> MergeRecipe:
    """Return the recipe of a merge; parameters as those of `merge`."""
    urls = tuple(store_url(None, store) for store in stores)
    for url in urls:
        _refuse_same_place(url, out, "a merge needs a store of its own")
    declared = read_maps(None if maps is None else Path(maps), urls)
    return MergeRecipe(MergeOptions(urls, on, interpolate, declared, tuple(experiments or ()), allow_incomplete))


def toys(
    store: str | os.PathLike[str],
    points: str | os.PathLike[str],
    number: int,
    out: str | os.PathLike[str],
    experiments: Sequence[str] | None = None,
    seed: int = 0,
    cluster: str = "local",
    workers: int | None = None,
    progress: bool = True,
) -> xr.Dataset:
    """Draw pseudo-experiments at points of a store, or go on with that, and open their store.

    Each is fitted on the whole grid of the store, by its own kernels. The result is what ``ds.scan.contour`` takes for
    Feldman and Cousins' construction.

    Parameters
    ----------
    store
        Path or URL of the store of a scan, or of a merged one.
    points
        A CSV file; see `scanner.points.read_points`. It names the axes of the contour that is wanted; others are
        profiled, and true are the values that fit the store's data best.
    number
        Pseudo-experiments of each point.
    out
        Their store.
    experiments
        Names of those to be summed; all by default.
    seed
        Of the random numbers: the same seed gives the same bits, wherever and in whatever order they are drawn.
    cluster, workers, progress
        As those of `run`.

    Returns
    -------
    xarray.Dataset
        See `scanner.critical_values.toys_dataset`.

    Raises
    ------
    InputError, StoreRefused, StoreError
        With one message that says what is wrong and how to mend it.
    """
    recipe = toys_recipe(store, points, number, out, experiments, seed)
    return _make(recipe, Options(out=os.fspath(out), cluster=cluster, workers=workers), progress)


def toys_recipe(
    store: str | os.PathLike[str],
    points: str | os.PathLike[str],
    number: int,
    out: str | os.PathLike[str],
    experiments: Sequence[str] | None,
    seed: int,
) -> ToysRecipe:
    """Return the recipe of pseudo-experiments; parameters as those of `toys`."""
    url = store_url(None, store)
    _refuse_same_place(url, out, "pseudo-experiments need a store of their own")
    return ToysRecipe.of(open_cube(url), open_dataset(url), points, number, seed, experiments)


def _refuse_same_place(url: str, out: str | os.PathLike[str], problem: str) -> None:
    """Refuse to write into what is read, by whatever name: --fresh would delete it."""
    if _place(url) == _place(store_url(None, out)):
        raise InputError("--out", problem, url)


def _place(url: str) -> Path | str:
    path = local_path(url)
    return url if path is None else path.resolve()


def _make(recipe: Recipe, options: Options, progress: bool) -> xr.Dataset:
    with Progress() if progress else contextlib.nullcontext(Silent()) as reporter:
        cube, summary = launch.run(recipe, options, reporter)
    if summary.failed:
        warnings.warn(f"{summary.failed} block(s) failed; see `scanner status {cube.url}`", RuntimeWarning, 3)
    return open_dataset(cube.url)
