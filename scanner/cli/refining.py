"""The command that refines a scan where its contours run."""

from __future__ import annotations

import signal
from typing import Annotated

import typer

from scanner.cli.common import ClusterOption, StoreArgument, VerifyOption, WorkersOption, command, err, out
from scanner.errors import BlocksFailed


@command
def refine(
    store: StoreArgument,
    x: Annotated[str, typer.Option("--x", help="first axis to refine")],
    y: Annotated[str, typer.Option("--y", help="second axis to refine")],
    cl: Annotated[list[float] | None, typer.Option(help="confidence level; repeat for more (default: 0.90)")] = None,
    levels: Annotated[int, typer.Option(min=1, help="how often steps are halved")] = 3,
    experiment: Annotated[list[str] | None, typer.Option(help="experiment; repeat to sum (default: all)")] = None,
    cluster: ClusterOption = None,
    workers: WorkersOption = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="replace the levels")] = False,
    verify: VerifyOption = False,
) -> None:
    """Halve the steps of two axes, again and again, where contours run; other axes are profiled."""
    from jobs.launch import Options
    from jobs.refine import Request
    from jobs.refine import refine as refined
    from scanner import summary
    from scanner.cli.scans import interrupt, level_line
    from scanner.dataset import open_dataset
    from scanner.reporting import Progress

    signal.signal(signal.SIGTERM, interrupt)
    request = Request((x, y), tuple(cl or [0.90]), levels, tuple(experiment) if experiment else None)
    options = Options(cluster=cluster, workers=workers, fresh=fresh, verify=verify)
    try:
        cube = refined(store, request, options, lambda: Progress(err))
    except KeyboardInterrupt:
        err.print(f"scanner: interrupted; what was done is in {store}, the same command goes on")
        raise typer.Exit(130) from None
    best = open_dataset(cube.url, levels).scan.best_fit(request.experiments)
    out.print(f"best fit: {best.chi2:.3f} at " + ", ".join(f"{name} = {v:.4g}" for name, v in best.point.items()))
    states = summary.levels_of(cube)
    for state in states:
        out.print(level_line(state), highlight=False)
    if failed := [state for state in states if state["failed"]]:
        count, where = sum(state["failed"] for state in failed), failed[0]["store"]
        raise BlocksFailed(f"{count} block(s) failed; see `scanner status {where}`, or run again to retry")
