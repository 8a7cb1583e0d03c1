"""The rule of the table: how much of the best possible improvement each explanation brings to each anomaly.

Δ_a = χ²_a(no signal) − χ²_a(θ*) with θ* the joint minimum of all anomalies over the explanation's domain, and D_a the
same for the best phenomenological fit of that data set alone. χ² is ``gof``: it has no ln det of a covariance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from scanner.analysis.table.table_file import RowSpec, TableFile
from scanner.analysis.totals import add, choose, of_experiment
from scanner.errors import InputError

EXPLAINED, PARTLY = 1 / 2, 1 / 5
"""Shares of D_a from which an anomaly is explained, and partly so."""
EXCLUDED = 11.8
"""χ² by which constraints may worsen at θ*: three standard deviations for two parameters."""
YES, PARTLY_MARK, NO, NO_SIGNAL, NOT_COMPUTED = "✓", "~", "✗", "0", "n/c"
_SAME = 1e-6


@dataclass(frozen=True)
class Scanned:
    """A scan, opened, and what its experiments give without a signal.

    Parameters
    ----------
    dataset
        The opened cube, with ``gof``.
    null
        By experiment, ``chi2`` and ``gof`` without a signal.
    """

    dataset: xr.Dataset
    null: Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Cell:
    """One explanation of one anomaly.

    Parameters
    ----------
    mark
        ✓, ~, ✗, 0 (no signal is predicted) or n/c (not computed).
    delta, best
        Δ_a and D_a; NaN where there are none.
    limited
        The mark at the joint minimum of anomalies and constraints, where these worsen too much at θ*, or are not
        known there; else None.
    reason
        Why no signal is predicted, or what is missing.
    published
        The published mark, or None.
    remark
        Why the two differ.
    """

    mark: str
    delta: float = math.nan
    best: float = math.nan
    limited: str | None = None
    reason: str = ""
    published: str | None = None
    remark: str = ""

    @property
    def differs(self) -> bool:
        """Whether the published mark is another. No signal is no explanation; what is not computed is neither."""
        ours = NO if self.mark == NO_SIGNAL else self.mark
        return self.published is not None and ours not in (self.published, NOT_COMPUTED)


@dataclass(frozen=True)
class RowOutcome:
    """One row of the table.

    Parameters
    ----------
    name, mechanism, approximate
        As in the file.
    cells
        By anomaly.
    model
        The model of the scan that does best; empty without scans.
    point
        θ*: axes with more than one value.
    constraints
        χ² of each constraint at θ*, minus that without a signal; NaN where it is not known there.
    limited_point
        The joint minimum of anomalies and constraints, where the constraints exclude θ*; else empty.
    """

    name: str
    mechanism: str
    approximate: str | None
    cells: Mapping[str, Cell]
    model: str = ""
    point: Mapping[str, float] | None = None
    constraints: Mapping[str, float] | None = None
    limited_point: Mapping[str, float] | None = None

    @property
    def worsening(self) -> float:
        """Sum of `constraints`; NaN where one of them is not known at θ*."""
        return math.fsum((self.constraints or {}).values())


def best_improvements(file: TableFile, scans: Mapping[str, Scanned]) -> dict[str, dict[str, float]]:
    """Return D_a by anomaly and by experiment that has its data."""
    found: dict[str, dict[str, float]] = {}
    for anomaly, entries in file.anomalies.items():
        found[anomaly] = {}
        for entry in entries:
            scan = scans[entry.scan]
            choose(scan.dataset, [entry.experiment])
            lowest = float(of_experiment(scan.dataset, "gof", entry.experiment).min())
            found[anomaly].update(dict.fromkeys(entry.of, scan.null[entry.experiment]["gof"] - lowest))
    return found


def outcome(
    row: RowSpec, file: TableFile, scans: Mapping[str, Scanned], best: Mapping[str, Mapping[str, float]]
) -> RowOutcome:
    """Return a row of the table.

    Parameters
    ----------
    row
        Its entry in the file.
    file
        The table file.
    scans
        Scans by the name that the file has for them.
    best
        From `best_improvements`.

    Raises
    ------
    InputError
        For an experiment that a scan lacks, data that are not those of the best fit, a scan without ``gof``, and a
        domain in which no point is ok.
    """
    cells = {name: Cell(NO_SIGNAL, reason=text) for name, text in row.no_signal.items()}
    cells |= {name: Cell(NOT_COMPUTED, reason=text) for name, text in row.not_computed.items()}
    result = RowOutcome(row.name, row.mechanism, row.approximate, cells)
    if row.data:
        result = _scanned(result, row, file, scans, best)
    ordered = {
        name: replace(result.cells[name], published=row.published.get(name), remark=row.remarks.get(name, ""))
        for name in file.anomalies
    }
    return replace(result, cells=ordered)


def mark(delta: float, best: float) -> str:
    """Return the mark of an improvement.

    >>> [mark(delta, 10.0) for delta in (5.0, 4.9, 2.0, 1.9, -1.0)]
    ['✓', '~', '~', '✗', '✗']
    """
    if not best > 0:
        raise InputError("anomalies", "the best fit of a data set alone gains nothing there", best, "above 0")
    if delta >= EXPLAINED * best:
        return YES
    return PARTLY_MARK if delta >= PARTLY * best else NO


def _scanned(
    result: RowOutcome,
    row: RowSpec,
    file: TableFile,
    scans: Mapping[str, Scanned],
    best: Mapping[str, Mapping[str, float]],
) -> RowOutcome:
    """Add what comes from scans: the best of them at its joint minimum."""
    experiments = list(row.data.values())
    where, at = _joint_minimum(row, scans, experiments, [])
    scan = scans[where]
    for anomaly, experiment in row.data.items():
        _check_same_data(file, scans, anomaly, experiment, scan)
    choose(scan.dataset, [*experiments, *row.constraints])
    limits = {name: _value(scan, "chi2", name, at) - scan.null[name]["chi2"] for name in row.constraints}
    result = replace(result, model=scan.dataset.attrs["model"]["name"], point=_point(scan, at), constraints=limits)
    limited: tuple[str, Index] | None = None
    if result.worsening > EXCLUDED or math.isnan(result.worsening):
        limited = _joint_minimum(row, scans, experiments, row.constraints)
        result = replace(result, limited_point=_point(scans[limited[0]], limited[1]))
    cells = dict(result.cells)
    for anomaly, experiment in row.data.items():
        most = best[anomaly][experiment]
        delta, second = _improvement(scan, experiment, at), None
        if limited is not None:
            second = mark(_improvement(scans[limited[0]], experiment, limited[1]), most)
        cells[anomaly] = Cell(mark(delta, most), delta, most, second)
    return replace(result, cells=cells)


Index = dict[str, int]


def _sum(scan: Scanned, data: Sequence[str], constraints: Sequence[str], row: RowSpec, where: str) -> xr.DataArray:
    """χ² of the anomalies and constraints in the domain of a row; NaN where any of it is not ok, and outside."""
    if "gof" not in scan.dataset:
        raise InputError(f"{where}.outputs", "the table needs gof", allowed="[chi2, gof]")
    total = add(scan.dataset, "gof", choose(scan.dataset, data))
    if constraints:
        total = total + add(scan.dataset, "chi2", choose(scan.dataset, constraints))
    for name, (low, high) in row.domain.items():
        if name not in scan.dataset.coords:
            known = ", ".join(str(n) for n in scan.dataset.coords)
            raise InputError(f"{row.name}: domain.{name}", f"no axis or derived quantity of {where}", allowed=known)
        total = total.where((scan.dataset[name] >= low) & (scan.dataset[name] <= high))
    return total.compute()


def _joint_minimum(
    row: RowSpec, scans: Mapping[str, Scanned], data: Sequence[str], constraints: Sequence[str]
) -> tuple[str, Index]:
    """Return the scan of a row that has the smallest sum, and where."""
    sums = {name: _sum(scans[name], data, constraints, row, name) for name in row.scans}
    known = {name: total for name, total in sums.items() if bool(total.notnull().any())}
    if not known:
        raise InputError(", ".join(row.scans), f"no point is ok in the domain of {row.name!r}")
    where = min(known, key=lambda name: float(known[name].min()))
    total = known[where]
    flat = np.unravel_index(int(np.nanargmin(total.values)), total.shape)
    return where, {str(name): int(i) for name, i in zip(total.dims, flat, strict=True)}


def _improvement(scan: Scanned, experiment: str, at: Index) -> float:
    """χ² without a signal minus that at a point."""
    return scan.null[experiment]["gof"] - _value(scan, "gof", experiment, at)


def _value(scan: Scanned, variable: str, experiment: str, at: Index) -> float:
    """Return an experiment's χ² at a point; NaN where it is not ok."""
    return float(of_experiment(scan.dataset, variable, experiment).isel(at))


def _point(scan: Scanned, at: Index) -> dict[str, float]:
    sizes = scan.dataset.sizes
    return {name: float(scan.dataset[name][i]) for name, i in at.items() if sizes[name] > 1}


def _check_same_data(
    file: TableFile, scans: Mapping[str, Scanned], anomaly: str, experiment: str, scan: Scanned
) -> None:
    """Refuse a best fit of other data, or of another statistic: χ² without a signal must be the same."""
    entry = next(one for one in file.anomalies[anomaly] if experiment in one.of)
    ours, theirs = scan.null[experiment]["gof"], scans[entry.scan].null[entry.experiment]["gof"]
    if not abs(ours - theirs) <= _SAME * abs(theirs):
        problem = f"{entry.experiment} has another χ² without a signal than {experiment}"
        raise InputError(f"anomalies.{anomaly}", problem, theirs, f"{ours:g}", "are data and statistic the same?")
