"""Spectra at nodes of the slices that a page shows, predicted beforehand."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from scanner.analysis.report.arrays import Arrays
from scanner.analysis.report.slices import thin
from scanner.analysis.report.sources import axes, experiments, own_axes
from scanner.errors import ScannerError, StoreRefused

Predict = Callable[[str, str, Mapping[str, float | str]], xr.Dataset]
"""From a model, an experiment and values to ``signal``, ``background`` and ``data`` over ``bin``: see
`scanner.prediction.predict`. Values that are no parameters of the model (derived ones) are to be ignored."""

MAX_PANELS = 4
Node = tuple[int, ...]
"""Index on every axis."""


def nodes(
    dataset: xr.Dataset, pairs: Sequence[tuple[str, ...]], bests: Sequence[Mapping[str, float]], number: int
) -> list[Node]:
    """Choose points: the best fits, and an even lattice on the slices through the first of them.

    Parameters
    ----------
    dataset
        An opened cube.
    pairs
        Axes of the slices.
    bests
        Best fits, the most important one first.
    number
        How many points, at most; at least 4 for each pair.
    """
    names = axes(dataset)
    found = list(dict.fromkeys(_index(dataset, best) for best in bests))[:number]
    centre = dict(zip(names, found[0], strict=True))
    side = max(2, math.isqrt(max(0, number - len(found)) // len(pairs)))
    for pair in pairs:
        lattice = [
            thin(dataset.sizes[n], min(1, side / dataset.sizes[n]), centre[n]) if n in pair else [centre[n]]
            for n in names
        ]
        found += [tuple(int(i) for i in node) for node in np.stack(np.meshgrid(*lattice), -1).reshape(-1, len(names))]
    return list(dict.fromkeys(found))


def _index(dataset: xr.Dataset, point: Mapping[str, float]) -> Node:
    return tuple(int(np.abs(dataset[name].values - point[name]).argmin()) for name in axes(dataset))


def spectra(dataset: xr.Dataset, chosen: Sequence[Node], predict: Predict, arrays: Arrays) -> dict[str, Any]:
    """Predict every experiment that has spectra at the nodes.

    Parameters
    ----------
    dataset
        An opened cube.
    chosen
        See `nodes`.
    predict
        Makes the spectra.
    arrays
        Takes their numbers.

    Returns
    -------
    dict
        By experiment: ``axes``, ``nodes`` (indices on these axes), ``panels`` and ``labels`` of the bins,
        ``background``, ``data``, ``signal`` (node, bin) and ``status``; or ``problem`` where they cannot be
        predicted here.
    """
    found: dict[str, Any] = {}
    for name in experiments(dataset):
        if dataset.attrs["experiments"][name].get("from_curve"):
            continue  # a published curve has no spectrum
        try:
            one = _experiment(dataset, name, chosen, predict, arrays)
        except ScannerError as error:
            one = {"problem": str(error)}
        if one:
            found[name] = one
    return found


def _experiment(
    dataset: xr.Dataset, name: str, chosen: Sequence[Node], predict: Predict, arrays: Arrays
) -> dict[str, Any] | None:
    own = own_axes(dataset, name)
    places = [axes(dataset).index(axis) for axis in own]
    distinct = {tuple(node[i] for i in places): node for node in reversed(chosen)}
    predicted = [_predict(dataset, name, node, predict) for node in distinct.values()]
    signal = np.stack([one["signal"].values for one in predicted])
    first = predicted[0]
    panels, labels = bin_labels(first)
    return {
        "axes": list(own),
        "nodes": [list(index) for index in distinct],
        "panels": panels,
        "labels": labels,
        "background": arrays.add(first["background"].values.astype(np.float32)),
        "data": arrays.add(first["data"].values.astype(np.float32)),
        "signal": arrays.add(signal.astype(np.float32)),
        "status": [str(one["status"].item()) for one in predicted],
    }


def _predict(dataset: xr.Dataset, name: str, node: Node, predict: Predict) -> xr.Dataset:
    """One spectrum, refused where it is not what the store was made with."""
    model = dataset.attrs["model"]
    if dataset.attrs.get("merge", {}).get("maps"):
        raise StoreRefused("this store was merged from several models, and its experiments need not know this one")
    at = dataset.drop_dims("experiment").isel(dict(zip(axes(dataset), node, strict=True)))
    values = {str(n): float(v) for n, v in at.coords.items() if v.ndim == 0}
    found = predict(model["name"], name, {**model["parameters"], **values})
    made, here = dataset.attrs["experiments"][name].get("physics_version"), found.attrs.get("physics_version")
    if made != here:
        raise StoreRefused(f"the store was made with version {made} of {name}, here is version {here}")
    return found


def bin_labels(spectrum: xr.Dataset) -> tuple[list[str], list[str]]:
    """Name the bins of a spectrum.

    Returns
    -------
    panels : list of str
        For every bin the part of the figure that it belongs to, such as its sample: bins of all parts are counted
        alike, but one part may hold a hundred times the events of another.
    labels : list of str
        For every bin its other labels, and its edges with their unit.
    """
    texts: list[list[str]] = []
    edges: list[list[str]] = []
    for key, label in spectrum.coords.items():
        name, values = str(key), label.values
        unit = "" if label.attrs.get("units", "1") == "1" else f" {label.attrs['units']}"
        if name.endswith("_low") and (upper := f"{name[:-4]}_high") in spectrum.coords:
            ends = zip(values, spectrum[upper].values, strict=True)
            edges.append([f"{low:g}–{high:g}{unit}" if np.isfinite(low + high) else "" for low, high in ends])
        elif name.endswith("_high") and f"{name[:-5]}_low" in spectrum.coords:
            continue
        elif len(set(values.tolist())) > 1:
            chosen = texts if values.dtype.kind == "U" else edges
            chosen.append([v if isinstance(v, str) else f"{name} {v:g}{unit}" for v in values.tolist()])
    count = spectrum.sizes["bin"]
    panels, labels = (_joined(found, count) for found in (texts, edges))
    if len(set(panels)) > MAX_PANELS or min(map(panels.count, panels)) == 1:
        panels, labels = [""] * count, [f"{a} {b}".strip() for a, b in zip(panels, labels, strict=True)]
    return panels, [label or f"bin {i + 1}" for i, label in enumerate(labels)]


def _joined(found: list[list[str]], count: int) -> list[str]:
    """Join several texts of every bin; empty where there are none."""
    return [" ".join(filter(None, parts)) for parts in zip(*found, strict=True)] or [""] * count
