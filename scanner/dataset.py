"""Open a store as an xarray Dataset: lazy, every experiment on all axes, with units and provenance."""

from __future__ import annotations

import math
import os
import uuid
from typing import Any

import dask.array as da
import numpy as np
import xarray as xr

import scanner.analysis.accessor  # noqa: F401  (gives every opened cube its .scan)
from scanner.config import to_yaml
from scanner.critical_values import toys_dataset
from scanner.cube import BEST, OK_FRACTION, Cube, open_cube
from scanner.errors import Status, StoreError, StoreRefused
from scanner.levels import Refined, open_level
from scanner.store import decoding_errors, is_gone

MAX_CHUNK = 2**21
_LONG_NAMES = {
    "chi2": "-2 ln L, up to a constant of the experiment",
    "gof": "r^T M^-1 r at the prediction",
    "chi2_error": "error of the interpolated chi2, from the second differences of its nodes",
    "events": "expected signal events",
    "pull_terms": "-2 ln L as a polynomial in the shared nuisance parameters: value, gradient, curvature",
    "status": "status of the point",
    "total": "sum of all experiments' -2 ln L, shared nuisance parameters profiled jointly",
    "total_status": "status of the sum",
}


class _Reader:
    """An array of a store that says which block is damaged instead of failing somewhere inside zarr."""

    def __init__(self, cube: Cube, group: int, name: str):
        self._array = cube.arrays[group][name]
        self._where = (cube.url, f"part of {name} in g{group}")
        self.shape, self.dtype, self.ndim = self._array.shape, self._array.dtype, self._array.ndim

    def __getitem__(self, index: Any) -> np.ndarray:
        if is_gone(self._where[0]):  # else all of it would read as missing
            raise StoreError(f"{self._where[0]}: the store is gone")
        with decoding_errors(*self._where):
            return np.asarray(self._array[index])


def open_dataset(url: str | os.PathLike[str], level: int | str = 0) -> xr.Dataset:
    """Open a store.

    Parameters
    ----------
    url
        Path or URL of the store.
    level
        Of a refined store: 1, 2, … or ``"finest"`` for the grid of that level, each point with the number of the
        finest level that computed it; 0 for the store alone.

    Returns
    -------
    xarray.Dataset
        ``chi2``, ``status`` and the other outputs over (experiment, *axes), as dask arrays; an experiment
        that ignores an axis is broadcast along it without being read more than once. Attributes hold the
        scan file, the experiments' statistics and references, and the provenance; ``refined``, of a level, names its
        two refined axes. A store of pseudo-experiments opens
        as `scanner.critical_values.toys_dataset` says.

    Raises
    ------
    StoreRefused
        If there is no store of ours.
    InputError
        If it has no such level.
    """
    cube = open_level(os.fspath(url), level) if level else open_cube(os.fspath(url))
    axes = tuple(cube.record["axes"])
    coordinates: dict[str, Any] = {}
    for kind in ("axes", "tied", "derived"):
        for name, facts in cube.record.get(kind, {}).items():
            coordinates[name] = _coordinate(cube, kind, name, facts)
    if cube.kind == "toys":
        delta, status = (_on_axes(cube, 0, name, axes)[0] for name in ("delta_chi2", "status"))
        return toys_dataset(delta, status, coordinates, _attributes(cube))
    coordinates = {"experiment": list(cube.record["experiments"]), **coordinates}
    dataset = xr.Dataset(_variables(cube, axes), coordinates, _attributes(cube))
    for name, variable in dataset.data_vars.items():
        variable.attrs.update(_described(cube, str(name)))
    for name in {"status", "total_status"} & set(dataset.data_vars):
        flags = {"flag_values": [int(s) for s in Status], "flag_meanings": " ".join(s.name for s in Status)}
        dataset[name].attrs.update(flags)
    return dataset


def open_likelihoods(url: str, level: int | str = 0) -> xr.Dataset:
    """Open a store of experiments' −2 ln L, as `open_dataset` does.

    Raises
    ------
    StoreRefused
        Also for a store of another kind.
    """
    dataset = open_dataset(url, level)
    if "chi2" not in dataset:
        kind = dataset.attrs["kind"]
        raise StoreRefused(f"{url}: holds {kind}, and no -2 ln L; give the store of a scan, or a merged one")
    return dataset


def _variables(cube: Cube, axes: tuple[str, ...]) -> dict[str, Any]:
    """All arrays of a store, each experiment's on all axes; what only some experiments have is NaN in the others."""
    groups = [n for n in range(len(cube.groups)) if n != cube.sum_group]
    names = dict.fromkeys(name for n in groups for name in cube.groups[n].arrays())
    found: dict[str, Any] = {}
    for name in names:
        before = ("experiment", "term") if name == "pull_terms" else ("experiment",)
        found[name] = ((*before, *axes), _stack(cube, name, groups, axes))
    if cube.sum_group is not None:
        for name, variable in (("chi2", "total"), ("status", "total_status")):
            found[variable] = (axes, _on_axes(cube, cube.sum_group, name, axes)[0])
    return found


def _described(cube: Cube, name: str) -> dict[str, str]:
    """Unit and label of an array."""
    if name.startswith(BEST):
        axis = cube.record["reduced"]["axes"][name.removeprefix(BEST)]
        return {"units": axis["unit"], "long_name": f"{axis['long_name']} at the minimum"}
    if name == OK_FRACTION:
        reduced = cube.record["reduced"]
        what = "points on {} that are ok" if reduced["method"] == "profile" else "prior volume on {} that is ok"
        return {"units": "1", "long_name": "fraction of the " + what.format(", ".join(reduced["axes"]))}
    return {"units": "1", "long_name": _LONG_NAMES[name]}


def _coordinate(cube: Cube, kind: str, name: str, facts: dict[str, str]) -> Any:
    array = cube.array(f"{kind}/{name}")
    with decoding_errors(cube.url, f"{kind}/{name}"):
        values = np.asarray(array[...])
    attributes = {"units": facts["unit"], "long_name": facts["long_name"]}
    if "scale" in facts:
        attributes["scale"] = facts["scale"]
    return (array.metadata.dimension_names or (), values, attributes)


def _stack(cube: Cube, name: str, groups: list[int], axes: tuple[str, ...]) -> Any:
    """All experiments of an array, in the file's order, broadcast to all axes."""
    longest = max(cube.groups[n].arrays().get(name, (0,))[1:] for n in groups)
    parts: dict[str, Any] = {}
    for number in groups:
        whole = _padded(_on_axes(cube, number, name, axes, longest), longest)
        if len(groups) == 1:
            return whole
        parts.update({e: whole[i : i + 1] for i, e in enumerate(cube.groups[number].experiments)})
    return da.concatenate([parts[e] for e in cube.record["experiments"]])


def _on_axes(cube: Cube, number: int, name: str, axes: tuple[str, ...], terms: tuple[int, ...] = ()) -> Any:
    """An array of a group, broadcast to all axes; NaN if the group has none of that name."""
    group, shape = cube.groups[number], cube.shape
    before = group.arrays().get(name)
    if before is None:
        before = (len(group.experiments), *terms)
        one = da.full((*before, *[1] * len(shape)), np.nan, dtype=group.dtype_of(name), chunks=-1)
        return _broadcast(one, (*before, *shape))
    chunks = (1, *before[1:], *cube.layout.blocks[number])
    array = da.from_array(_Reader(cube, number, name), chunks, name=f"{name}-{uuid.uuid4().hex}", asarray=False)
    index = (*[slice(None)] * len(before), *(slice(None) if a in group.axes else None for a in axes))
    return _broadcast(array[index], (*before, *shape))


def _padded(array: Any, terms: tuple[int, ...]) -> Any:
    """Lengthen the second dimension, of the terms in nuisance parameters, with NaN."""
    lacking = terms[0] - array.shape[1] if terms else 0
    if not lacking:
        return array
    return da.pad(array, [(0, lacking if i == 1 else 0) for i in range(array.ndim)], constant_values=np.nan)


def _broadcast(array: Any, shape: tuple[int, ...]) -> Any:
    """Broadcast without making chunks of more than MAX_CHUNK values (an axis that is broadcast has one by default)."""
    size = math.prod(max(chunks) for chunks in array.chunks)
    chunks: list[Any] = []
    for have, length in zip(array.chunks, shape, strict=True):
        if sum(have) == length:
            chunks.append(have)
            continue
        step = max(1, min(length, MAX_CHUNK // size))
        size *= step
        chunks.append((step,) * (length // step) + ((length % step,) if length % step else ()))
    return da.broadcast_to(array, shape, chunks=tuple(chunks))


def _attributes(cube: Cube) -> dict[str, Any]:
    record, runs = cube.record, cube.runs
    axes = {name: list(group.axes) for group in cube.groups for name in group.experiments}
    own: dict[str, Any]
    own = {"scan_file": to_yaml(record["scan_file"])} if "scan_file" in record else {"merge": record["merge"]}
    if isinstance(cube, Refined):
        own["refined"] = list(record["level"]["plane"])
    if "toys" in record:
        own["toys"] = {name: value for name, value in record["toys"].items() if name != "points"}
    base = cube.above[0] if isinstance(cube, Refined) else cube
    return {
        "title": f"{record['name']}: {record['model']['title']}",
        "kind": cube.kind,
        **own,
        "identity_hash": record["identity_hash"],
        "base_identity_hash": base.record["identity_hash"],
        "model": record["model"],
        "experiments": {name: {"axes": axes.get(name), **facts} for name, facts in record["experiments"].items()},
        "plugins": record["plugins"],
        "start": record["created"],
        "end": runs[-1]["end"] if runs else "",
        "runs": runs,
        "store": cube.url,
        **{k: record["environment"][k] for k in ("versions", "git_commit", "host", "cpu")},
    }
