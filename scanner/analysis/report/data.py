"""The data of a page: of each store its axes, experiments, profiles, slices, spectra, limits, best fits and provenance.

What a browser can do exactly, it does: a sum of experiments on a slice is a sum of numbers. What it cannot is computed
here: profiles, which do not commute with sums, and sums of experiments that share nuisance parameters.
"""

from __future__ import annotations

import contextlib
import html
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from scanner.analysis.axes import drawn_in_log, is_log
from scanner.analysis.report import slices, spectra
from scanner.analysis.report.arrays import Arrays
from scanner.analysis.report.sources import Source, axes, experiments, labels, own, own_axes, pairs, sources
from scanner.analysis.surface import threshold
from scanner.errors import InputError, Status

LIMIT_LEVEL = 0.90
"""Confidence level of the table of limits."""
IN_MEMORY = 2**29
"""Cubes of at most so many bytes are read once."""
PROVENANCE = (
    "store",
    "identity_hash",
    "start",
    "end",
    "git_commit",
    "host",
    "cpu",
    "versions",
    "plugins",
    "runs",
    "merge",
    "scan_file",
)
FACTS = ("title", "statistic", "constant", "number_of_data", "data_sets", "references", "notes", "physics_version")


def collect(
    datasets: Sequence[xr.Dataset],
    groups: Mapping[str, Sequence[str]],
    budget: float,
    predict: spectra.Predict | None,
    number: int,
) -> tuple[list[dict[str, Any]], Arrays]:
    """Return what the page shows of several stores.

    Parameters
    ----------
    datasets
        Opened cubes.
    groups
        Sums to profile, by their label.
    budget
        Characters that all may take together. Small stores come first; the others share what these leave.
    predict, number
        See `scanner.analysis.report.spectra`; without ``predict`` there are no spectra.

    Returns
    -------
    stores : list of dict
        Plain JSON, in the order given.
    arrays : Arrays
        The numbers that it refers to.

    Raises
    ------
    InputError
        For groups that cannot be summed, and a budget that is too small.
    """
    labels(groups, datasets)
    arrays, stores = Arrays(), dict[int, dict[str, Any]]()
    by_size = sorted(range(len(datasets)), key=lambda i: datasets[i]["chi2"].size)
    for done, i in enumerate(by_size):
        spent = arrays.size + _length(list(stores.values()))
        share = (budget - spent) / (len(datasets) - done)
        stores[i], own_arrays = _store(datasets[i], groups, share, predict, number)
        arrays.merge(own_arrays)
    return [stores[i] for i in range(len(datasets))], arrays


def _length(data: Any) -> int:
    """Characters of data in the page; ``<`` is written as six."""
    text = json.dumps(data)
    return len(text) + 5 * text.count("<")


def _store(
    dataset: xr.Dataset,
    groups: Mapping[str, Sequence[str]],
    budget: float,
    predict: spectra.Predict | None,
    number: int,
) -> tuple[dict[str, Any], Arrays]:
    if dataset.nbytes <= IN_MEMORY:
        dataset = dataset.persist()  # else every profile reads it again
    arrays, shown = Arrays(), pairs(dataset)
    sums, singles, refusal = sources(dataset, groups)
    profiles = _profiles(dataset, shown, [*sums, *singles])
    present = [source for source in (*sums, *singles) if source.label in profiles]
    fits = [_fit(dataset, source, profiles[source.label][0]) for source in present]
    bests = [fit["best_fit"] for fit in fits]
    found: dict[str, Any] = {
        **_head(dataset, refusal),
        "sums": [vars(source) for source in sums],
        "limits": [limit for s in present for p in profiles[s.label] for limit in _limits(p, s, arrays)],
        "fits": fits,
        "pairs": [{"axes": list(pair)} for pair in shown],
        "spectra": {},
    }
    if predict is not None:
        chosen = spectra.nodes(dataset, shown, bests, number)
        found["spectra"] = spectra.spectra(dataset, chosen, predict, arrays)
    if any(dataset.sizes[name] > 1 for name in axes(dataset) if name not in shown[0]):
        room = (budget - arrays.size - _length(found)) / 2
        found["profiles"] = _pack_profiles(dataset, shown, profiles, bests[0], room, arrays)
    taken = slices.fit(dataset, shown, [s for s in sums if s.solved], bests[0], budget - arrays.size - _length(found))
    arrays.merge(taken.arrays)
    found["samples"] = taken.samples
    if arrays.size + _length(found) > budget:
        raise InputError("--max-mb", "even the coarsest page is larger", hint="raise it, or show fewer stores")
    return found, arrays


def _profiles(
    dataset: xr.Dataset, shown: Sequence[tuple[str, ...]], chosen: Sequence[Source]
) -> dict[str, list[xr.DataArray]]:
    """Profiles over every pair of axes, by source; without those that have no point that is ok."""
    found: dict[str, list[xr.DataArray]] = {}
    for source in chosen:
        with contextlib.suppress(InputError):
            found[source.label] = [dataset.scan.profile(*pair, experiments=list(source.members)) for pair in shown]
    if not found:
        raise InputError("report", "no point of this store has a result", dataset.attrs.get("store"))
    return found


def _head(dataset: xr.Dataset, refusal: str | None) -> dict[str, Any]:
    facts = dataset.attrs["experiments"]
    names = experiments(dataset)
    return {
        "title": dataset.attrs.get("title", dataset.attrs.get("store", "store")),
        "axes": [_axis(dataset[name]) for name in axes(dataset)],
        "experiments": [_experiment(dataset, name, facts[name]) for name in names],
        "refusal": refusal,
        "statuses": {name: _counts(own(dataset, "status", name)) for name in names},
        "model": dataset.attrs.get("model", {}),
        "provenance": {key: dataset.attrs[key] for key in PROVENANCE if dataset.attrs.get(key)},
    }


def _axis(axis: xr.DataArray) -> dict[str, Any]:
    values = axis.values.astype(np.float64)
    return {
        "name": str(axis.name),
        "markup": markup(axis.attrs.get("long_name", str(axis.name)), str(axis.name)),
        "unit": axis.attrs.get("units", "1"),
        "log": drawn_in_log(axis),  # how it is drawn
        "log_interpolation": is_log(axis),  # how contours run between its values
        "values": values.tolist(),
    }


def markup(label: str, name: str) -> str:
    r"""Write a label with mathtext as plotly's markup, or the name where it holds more than scripts and Greek.

    >>> markup(r"$|U_{\mu N}|^2$", "Umu4_sq"), markup(r"$\sqrt{s}$", "root_s")
    ('|U<sub>μN</sub>|<sup>2</sup>', 'root_s')
    """
    text = html.escape(label.replace("$", ""), quote=False)
    text = re.sub(r"\\(sin|cos|tan|log|ln)\b ?", r"\1", text)
    text = re.sub(r"\\([A-Za-z]+)(?![A-Za-z]) ?", _greek, text)
    for mark, tag in (("_", "sub"), ("^", "sup")):
        text = re.sub(rf"(?<=\S)\{mark}(?:{{([^{{}}]*)}}|(\w))", rf"<{tag}>\1\2</{tag}>", text)
    return html.escape(name, quote=False) if re.search(r"[\\{}^]", text) else text


def _greek(found: re.Match[str]) -> str:
    word = found[1]
    with contextlib.suppress(KeyError):
        return unicodedata.lookup(f"GREEK {'CAPITAL' if word[0].isupper() else 'SMALL'} LETTER {word.upper()}")
    return found[0]


def _experiment(dataset: xr.Dataset, name: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "axes": list(own_axes(dataset, name)),
        "from_curve": bool(facts.get("from_curve", False)),
        "limit_dof": facts.get("limit_dof", 2),
        "nuisances": list(facts.get("nuisances", ())),
        "correlated": dict(facts.get("correlated", {})),
        **{key: facts[key] for key in FACTS if key in facts},
    }


def _counts(status: xr.DataArray) -> dict[str, int]:
    """How many points have each status."""
    counts = xr.Dataset({code.name: (status == code).sum() for code in Status}).compute()
    return {code.name: int(counts[code.name]) for code in Status if int(counts[code.name])}


def _pack_profiles(
    dataset: xr.Dataset,
    shown: Sequence[tuple[str, ...]],
    profiles: Mapping[str, Sequence[xr.DataArray]],
    best: Mapping[str, float],
    room: float,
    arrays: Arrays,
) -> dict[str, Any]:
    """Pack profiles, thinned on their axes only if they would take more than a number of characters."""
    inside = {name: int(np.abs(dataset[name].values - best[name]).argmin()) for name in axes(dataset)}
    share = 1.0
    while True:
        kept = {name: slices.thin(dataset.sizes[name], share, inside[name]) for name in inside}
        trial, packed = Arrays(), list[dict[str, Any]]()
        for i in range(len(shown)):
            packed.append({label: _pack_profile(found[i], kept, trial) for label, found in profiles.items()})
        size = trial.size + _length(packed)
        if size <= room or share * max(dataset.sizes.values()) < 2:
            arrays.merge(trial)
            return {"kept": kept, "of_pair": packed}
        share *= min(0.95, max(0.1, (room / size) ** 0.5))


def _pack_profile(profile: xr.DataArray, kept: Mapping[str, Sequence[int]], arrays: Arrays) -> dict[str, Any]:
    part = profile.isel({str(name): list(kept[str(name)]) for name in profile.dims})
    where = {str(n).removeprefix("best_"): v.values for n, v in part.coords.items() if str(n).startswith("best_")}
    return {
        "delta": arrays.add(part.values.astype(np.float32)),
        "best": {name: arrays.add(values.astype(np.float32)) for name, values in where.items()},
        "minimum": profile.attrs["minimum"],
        "best_fit": profile.attrs["best_fit"],
    }


def _fit(dataset: xr.Dataset, source: Source, profile: xr.DataArray) -> dict[str, Any]:
    """A row of the table of best fits."""
    facts, best = dataset.attrs["experiments"], profile.attrs["best_fit"]
    found: dict[str, Any] = {
        "label": source.label,
        "members": list(source.members),
        "minimum": profile.attrs["minimum"],
        "best_fit": best,
        "number_of_data": sum(facts[name].get("number_of_data", 0) for name in source.members),
    }
    if "gof" in dataset and len(source.members) == 1:
        name = source.members[0]
        found |= _goodness(dataset, name, best, found["number_of_data"])
    return found


def _goodness(dataset: xr.Dataset, name: str, best: Mapping[str, float], number_of_data: int) -> dict[str, Any]:
    """The prediction's rᵀM⁻¹r at the best fit, and its p-value if every axis took one degree of freedom."""
    from scipy.stats import chi2  # type: ignore[import-untyped]

    array = own(dataset, "gof", name)
    gof = float(array.sel({str(axis): best[str(axis)] for axis in array.dims}))
    dof = number_of_data - sum(size > 1 for size in array.sizes.values())
    if not np.isfinite(gof) or dof < 1:
        return {}
    return {"gof": gof, "dof": dof, "p_value": float(chi2.sf(gof, dof))}


def _limits(profile: xr.DataArray, source: Source, arrays: Arrays) -> list[dict[str, Any]]:
    """Limits on each axis of a profile along the other one."""
    names = [str(name) for name in profile.dims]
    alone = profile.reset_coords(drop=True).rename("chi2").expand_dims(experiment=[source.label]).to_dataset()
    alone.attrs["experiments"] = {source.label: {"data_sets": [], "axes": names}}
    found = []
    for parameter in names:
        along = next((name for name in names if name != parameter), None)
        limits = alone.scan.limit(parameter, along=along, cl=LIMIT_LEVEL, dof=source.dof)
        columns = {c: arrays.add(np.atleast_1d(limits[c].values)) for c in ("lower", "upper", "excluded_to")}
        level = {"dof": source.dof, "threshold": threshold(LIMIT_LEVEL, source.dof)}
        found.append({"source": source.label, "parameter": parameter, "along": along, **level, **columns})
    return found
