"""What a person sees of a running scan: progress, and tables at the end."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import xarray as xr
from rich import progress as bars
from rich.console import Console
from rich.table import Table

from scanner import worker
from scanner.best_fits import BestFit
from scanner.engine import Summary
from scanner.planning import Plan
from scanner.simulation import Forecast, Site
from scanner.worker import Outcome

SHOWN_LEVELS, SHOWN_POINTS = (0.68, 0.90, 0.95, 0.99), 20
"""What a table of critical values shows of them."""


class Progress:
    """A reporter that draws a progress bar: blocks, points a second, time left, failures."""

    def __init__(self, console: Console | None = None):
        self._console = console or Console(stderr=True)
        self._bar = bars.Progress(
            bars.TextColumn("{task.completed:,}/{task.total:,} blocks"),
            bars.BarColumn(),
            bars.TextColumn("{task.fields[rate]:,.0f} points/s"),
            bars.TextColumn("ETA"),
            bars.TimeRemainingColumn(),
            bars.TextColumn("{task.fields[failed]} failed"),
            console=self._console,
        )
        self._task: Any = None
        self._failed = 0
        self._points = 0
        self._begin = 0.0

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._bar.stop()

    def message(self, text: str) -> None:
        """Print a line above the bar."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def start(self, blocks: int, done: int, points: int, points_done: int) -> None:
        """Start the bar."""
        if done == blocks:
            self.message(f"complete: all {blocks:,} blocks are done")
            return
        if done:
            self.message(f"resuming: {done:,} of {blocks:,} blocks are done")
        self._begin = time.monotonic()
        self._task = self._bar.add_task("scan", total=blocks, completed=done, rate=0.0, failed=0)
        self._bar.start()

    def outcome(self, outcome: Outcome) -> None:
        """Advance the bar."""
        if outcome.kind != worker.DONE:
            self._failed += 1
            reason = outcome.message.strip().splitlines()[-1] if outcome.message else ""
            self.message(f"block {outcome.number} {outcome.kind}: {reason}")
        self._points += outcome.points
        rate = self._points / max(time.monotonic() - self._begin, 1e-9)
        self._bar.update(self._task, advance=1, rate=rate, failed=self._failed)


def print_best_fits(console: Console, fits: list[BestFit]) -> None:
    """Print a table of best fits."""
    table = Table(title="Best fit on the grid")
    for heading in ("experiment", "-2 ln L", "at", "Δχ² to the null"):
        table.add_column(heading)
    for fit in fits:
        where = ", ".join(f"{name} = {value:.4g}" for name, value in fit.point.items())
        null = "" if fit.delta_null is None else f"{fit.delta_null:.2f}"
        table.add_row(fit.experiment, f"{fit.chi2:.3f}", "no point is ok" if math.isnan(fit.chi2) else where, null)
    console.print(table)


def print_critical_values(console: Console, toys: xr.Dataset) -> None:
    """Print critical values at the usual levels, of the first points."""
    names = [str(name) for name, values in toys.coords.items() if values.dims == ("point",) and name != "point"]
    table = Table(title="Critical values of Δχ²")
    for heading in (*names, *(f"{level:.0%}" for level in SHOWN_LEVELS)):
        table.add_column(heading)
    shown = toys[["critical", "critical_error"]].sel(cl=list(SHOWN_LEVELS)).isel(point=slice(SHOWN_POINTS)).compute()
    for i in range(shown.sizes["point"]):
        where = [f"{float(shown[name][i]):.4g}" for name in names]
        table.add_row(*where, *map(_with_error, shown["critical"].values[i], shown["critical_error"].values[i]))
    console.print(table)
    if toys.sizes["point"] > SHOWN_POINTS:
        console.print(f"and {toys.sizes['point'] - SHOWN_POINTS:,} points more", highlight=False)


def _with_error(value: float, error: float) -> str:
    if math.isnan(value):
        return "-"
    return f"{value:.2f}" if math.isnan(error) else f"{value:.2f} ± {error:.2f}"


def print_summary(console: Console, summary: Summary, state: Mapping[str, Any]) -> None:
    """Print speed, and the statuses of a store: see `scanner.summary.status`."""
    if summary.evaluated:
        busy = summary.evaluate_seconds + summary.write_seconds
        console.print(
            f"{summary.points:,} points in {summary.evaluated:,} blocks, {summary.seconds:.1f} s "
            f"({summary.points / max(summary.seconds, 1e-9):,.0f} points/s); workers: evaluating "
            f"{summary.evaluate_seconds:.1f} s, writing {summary.write_seconds:.1f} s of {busy:.1f} s",
            highlight=False,
        )
    print_statuses(console, state)


def print_statuses(console: Console, state: Mapping[str, Any]) -> None:
    """Print how many points have each status, and how much of what was reduced is left out at most."""
    console.print("statuses: " + ", ".join(f"{k} {n:,}" for k, n in state["statuses"].items()), highlight=False)
    lowest = state["lowest_ok_fraction"]
    if lowest is not None and lowest < 1:
        told = f"up to {1 - lowest:.3g} of what was reduced above an ok point is not ok, and left out"
        console.print(f"{told}: see ok_fraction", highlight=False)


def print_plan(console: Console, plan: Plan) -> None:
    """Print what a scan will take."""
    layout = plan.layout
    shapes = " and ".join(dict.fromkeys(" × ".join(map(str, block)) for block in layout.blocks))
    console.print(f"points            {plan.points:,}", highlight=False)
    for group in plan.groups:
        console.print(
            f"  {', '.join(group.experiments)}: {group.points:,} points on ({', '.join(group.axes)}), "
            f"{group.seconds_per_point * 1e6:.3g} µs a point here",
            highlight=False,
        )
    console.print(f"tables            {len(plan.tables)}", highlight=False)
    for size in plan.tables:
        console.print(f"  {size.path}: {size.nodes:,} nodes, {_size(size.bytes)}", highlight=False)
    console.print(
        f"blocks            {layout.number_of_blocks:,} of {shapes} points, the longest {plan.block_seconds:.2g} s",
        highlight=False,
    )
    console.print(f"memory a worker   {_size(plan.worker_bytes)}", highlight=False)
    console.print(f"disk              at most {_size(plan.disk_bytes)}", highlight=False)
    console.print(f"core-hours        {plan.core_hours:.3g}", highlight=False)


def print_forecast(console: Console, forecast: Forecast, site: Site, files: int, disk_bytes: int) -> None:
    """Print how a simulated scan went."""
    where = f"{site.nodes:,} node(s) of {site.workers:,} workers"
    layout = f"{site.elements:,} elements on {where}" if site.elements else f"one scheduler, {where}"
    lost = forecast.lost_seconds / max(forecast.busy_seconds + forecast.lost_seconds, 1e-300)
    lines = {
        "simulated": layout,
        "time to completion": _duration(forecast.seconds),
        "allocated": f"{forecast.allocated_seconds / 3600:,.4g} core-hours, {forecast.efficiency:.1%} of them in tasks",
        "lost": f"{forecast.lost_seconds / 3600:,.3g} core-hours ({lost:.2%}), {forecast.failures:,} failures of nodes",
        "jobs": f"{forecast.jobs:,}",
        "scheduler": f"at work {forecast.scheduler_load:.1%} of its time, {forecast.tasks:,} tasks in all",
        "files": f"{files:,}, at most {_size(disk_bytes)}",
    }
    for name, text in lines.items():
        console.print(f"{name:<19}{text}", highlight=False)


def print_speeds(
    console: Console, speeds: list[dict[str, Any]], ratios: Mapping[tuple[str, str], float] | None
) -> None:
    """Print speeds, and how much faster each is than it was."""
    table = Table(title="Speeds, more is better")
    for heading in ("", "", "a second", *(("ratio",) if ratios is not None else ())):
        table.add_column(heading)
    for one in speeds:
        rate = f"{one['per_second']:,.3g}" if one["per_second"] < 1000 else f"{one['per_second']:,.0f}"
        row = [one["kind"], one["name"], f"{rate} {one['unit']}"]
        if ratios is not None:
            ratio = ratios.get((one["kind"], one["name"]))
            row.append("new" if ratio is None else f"{ratio:.2f}")
        table.add_row(*row)
    console.print(table)


def _duration(seconds: float) -> str:
    for unit, length in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds:.3g} s"


def _size(number: float) -> str:
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if number < 1024 or unit == "TiB":
            break
        number /= 1024
    return f"{number:.3g} {unit}"
