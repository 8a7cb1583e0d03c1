"""Commands that check, plan, run and watch a scan."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scanner.cli.common import (
    ClusterOption,
    FileArgument,
    FreshOption,
    JsonOption,
    OutOption,
    SetOption,
    StoreArgument,
    VerifyOption,
    WorkersOption,
    command,
    err,
    out,
    resolve,
)
from scanner.errors import BlocksFailed, BlocksLeft, ScannerError

if TYPE_CHECKING:
    from jobs.deadline import Deadline
    from jobs.launch import Options
    from scanner.cube import Cube
    from scanner.recipes.base import Recipe


@command
def check(file: FileArgument, settings: SetOption = None) -> None:
    """Check a scan file and do nothing else."""
    from jobs.preflight import check_writable, known_cluster, refuse_foreign, store_url

    scan = resolve(file, settings)
    url = store_url(scan.file.store, None)
    check_writable(url)
    refuse_foreign(url)
    known_cluster(scan.file.execution.cluster)
    out.print(
        f"{file}: {scan.grid.size:,} points on {' × '.join(scan.grid.names)}, {len(scan.experiments)} experiment(s)",
        highlight=False,
        soft_wrap=True,
    )


@command
def run(
    file: FileArgument,
    store: OutOption = None,
    cluster: ClusterOption = None,
    workers: WorkersOption = None,
    settings: SetOption = None,
    fresh: FreshOption = False,
    verify: VerifyOption = False,
    element: Annotated[
        str | None, typer.Option(metavar="K/N", help="compute the blocks of element K of N alone, K from 0")
    ] = None,
    walltime: Annotated[
        float | None, typer.Option(metavar="SECONDS", min=1, help="start no block that would not end before this")
    ] = None,
) -> None:
    """Create a store, or resume it."""
    from jobs.deadline import Deadline
    from jobs.launch import Options
    from scanner.ledger import WHOLE, element_of
    from scanner.recipes.scan import recipe_of

    chosen, deadline = WHOLE if element is None else element_of(element), Deadline(walltime)
    options = Options(store, cluster, workers, fresh, verify, element=chosen, deadline=deadline)
    drive(recipe_of(resolve(file, settings)), options)


def drive(recipe: Recipe, options: Options, show: Callable[[Cube], None] | None = None) -> None:
    """Make a recipe's store, or go on with it, and print what came of it: by `show`, or best fits if None.

    Raises
    ------
    BlocksFailed, BlocksLeft
        If some of its blocks failed, or were left for lack of time.
    """
    from jobs import launch
    from jobs.preflight import store_url
    from scanner import summary
    from scanner.best_fits import best_fits
    from scanner.reporting import Progress, print_best_fits, print_summary

    signal.signal(signal.SIGTERM, interrupt)
    try:
        with Progress(err) as reporter:
            cube, done = launch.run(recipe, options, reporter)
    except KeyboardInterrupt:
        url = store_url(recipe.store, options.out)
        _refuse_in_vain(options.deadline)
        err.print(f"scanner: interrupted; what was done is in {url}, the same command goes on")
        raise typer.Exit(130) from None
    if not options.element.alone:
        _drove_element(cube, options)
        return
    state = summary.status(cube)
    if show is None:
        print_best_fits(out, best_fits(cube))
    else:
        show(cube)
    print_summary(out, done, state)
    out.print(f"store: {cube.url}")
    _check_done(cube, state, options.deadline)


def _drove_element(cube: Cube, options: Options) -> None:
    """Say what became of an element's blocks."""
    found = cube.counts(cube.ledger()[0], options.element)
    counted = f"{found['done']:,} of {found['blocks']:,} blocks done, {found['failed']:,} failed"
    out.print(f"element {options.element}: {counted}", highlight=False)
    out.print(f"store: {cube.url}")
    _check_done(cube, found, options.deadline)


def _check_done(cube: Cube, found: Mapping[str, int], deadline: Deadline) -> None:
    """Raise if there are blocks that are not done."""
    left = found["blocks"] - found["done"] - found["failed"]
    if left and deadline.known:
        _refuse_in_vain(deadline)
        raise BlocksLeft(f"{left} block(s) would not end within the walltime; the same command goes on")
    if found["done"] < found["blocks"]:
        raise BlocksFailed(f"{found['failed']} block(s) failed; see `scanner status {cube.url}`, or run again to retry")


def _refuse_in_vain(deadline: Deadline) -> None:
    """Raise if a driver did nothing within its time: the next one would not either, and so on forever."""
    if deadline.in_vain:
        hint = "take a longer one, or smaller blocks (execution.block)"
        raise ScannerError(f"no block ended within the walltime\n  {hint}")


def interrupt(signum: int, frame: Any) -> None:
    """End on SIGTERM as on Ctrl-C; a batch system may send more than one."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise KeyboardInterrupt


@command
def plan(
    file: FileArgument,
    workers: WorkersOption = None,
    settings: SetOption = None,
    simulate: Annotated[
        str | None,
        typer.Option(
            metavar="nodes=N,workers=N,...",
            help="simulate it on a cluster: nodes, workers of each; walltime, mtbf of a node, queue, start, block "
            "(times: 90s, 20m, 4h, 30d); elements of a job array; seed",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a scan will take, from one calibration block on this machine."""
    from jobs.preflight import DEFAULT_WORKERS
    from scanner import planning, simulation
    from scanner.reporting import print_forecast, print_plan

    scan = resolve(file, settings)
    if simulate is None:
        found = planning.plan(scan, workers or scan.file.execution.workers or DEFAULT_WORKERS)
        print(json.dumps(found.as_dict(), indent=2)) if as_json else print_plan(out, found)
        return
    site, seed, block = simulation.read_site(simulate)
    found = planning.plan(scan, site.workers * site.jobs)
    forecast = simulation.simulate(simulation.work_of(scan, found, block), site, seed)
    files = simulation.files(scan, found)
    if as_json:
        print(json.dumps({**found.as_dict(), "simulated": {**forecast.as_dict(), "files": files}}, indent=2))
    else:
        print_plan(out, found)
        print_forecast(out, forecast, site, files, found.disk_bytes)


@command
def status(store: StoreArgument, as_json: JsonOption = False) -> None:
    """Say how far a store is, what failed and why, and how it was made."""
    from scanner import summary
    from scanner.cube import open_cube
    from scanner.reporting import print_statuses

    state = summary.status(open_cube(store))
    if as_json:
        print(json.dumps(state, indent=2))
        return
    out.print(
        f"{state['name']}: {state['done']:,} of {state['blocks']:,} blocks done, {state['failed']:,} failed, "
        f"{state['points']:,} points" + (", complete" if state["complete"] else ""),
        highlight=False,
    )
    for one in state["elements"] if len(state["elements"]) > 1 else ():
        counted = f"{one['done']:,} of {one['blocks']:,} blocks done, {one['failed']:,} failed"
        out.print(f"element {one['element']}: {counted}", highlight=False)
    for level in state["levels"]:
        out.print(level_line(level), highlight=False)
    print_statuses(out, state)
    if state["ledger"] != "ok":
        out.print(f"ledger: {state['ledger']}")
    for number, text in state["failures"].items():
        out.print(f"block {number} failed:\n{text}", markup=False)
    made = state["provenance"]
    out.print(f"created {made['created']} on {made['environment']['host']} ({made['environment']['cpu']})")
    versions = ", ".join(f"{k} {v}" for k, v in made["environment"]["versions"].items())
    out.print(f"with {versions}; commit {made['environment']['git_commit']}")
    for i, one in enumerate(made["runs"]):
        counted = f"{one['blocks_evaluated']} blocks evaluated, {one['blocks_failed']} failed"
        out.print(f"run {i + 1}: {one['start']} to {one['end']}, {one['cluster']}, {counted}")


def level_line(state: Mapping[str, Any]) -> str:
    """Say how much of a level is computed: see `scanner.summary.levels_of`."""
    grid = " × ".join(f"{name} {n:,}" for name, n in state["axes"].items())
    failed = f", {state['failed']:,} failed" if state["failed"] else ""
    share = f"{state['points']:,} points, {state['points'] / state['grid_points']:.1%} of its grid"
    return f"level {state['level']} ({grid}): {state['done']:,} blocks done{failed}, {share}"
