"""Commands for drivers that are batch jobs: submit, cancel, read their logs, and check a cluster file."""

from __future__ import annotations

from typing import Annotated

import typer

from scanner.cli.common import (
    FileArgument,
    FreshOption,
    OutOption,
    SetOption,
    StoreArgument,
    app,
    command,
    out,
    resolve,
)
from scanner.errors import ScannerError

cluster_app = typer.Typer(help="Look after cluster files.", no_args_is_help=True)
app.add_typer(cluster_app, name="cluster")

SlurmOption = Annotated[str, typer.Option("--cluster", metavar="C", help="a cluster file or its name")]


@command
def submit(
    file: FileArgument,
    cluster: SlurmOption,
    store: OutOption = None,
    array: Annotated[
        int | None,
        typer.Option(min=1, max=1000, metavar="N", help="elements of the job array (default: for all workers)"),
    ] = None,
    settings: SetOption = None,
    fresh: FreshOption = False,
) -> None:
    """Submit a scan to SLURM, driver and workers; only what the store lacks."""
    from jobs import submit as jobs
    from scanner.recipes.scan import recipe_of

    done = jobs.submit(recipe_of(resolve(file, settings)), store, cluster, array, fresh)
    if not done.job:
        out.print("complete: nothing is left to submit")
    elif done.of == 1:
        out.print(f"submitted job {done.job}", highlight=False)
    else:
        numbers = ", ".join(map(str, done.elements))
        out.print(f"submitted job {done.job}: elements {numbers} of {done.of}", highlight=False)


@command
def cancel(store: StoreArgument) -> None:
    """End the jobs that were submitted for a store; what they did stays."""
    from jobs import submit as jobs
    from jobs.preflight import store_url

    ended = jobs.cancel(store_url(None, store))
    out.print(f"cancelled {', '.join(ended)}" if ended else "no job is queued or running", highlight=False)


@command
def logs(
    store: StoreArgument,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="of the end of each log")] = 10,
) -> None:
    """Print the ends of a store's logs, the latest last."""
    from jobs import submit as jobs
    from jobs.preflight import store_url

    for path in jobs.logs(store_url(None, store)):
        out.print(f"==> {path}", highlight=False)
        for line in path.read_text(errors="replace").splitlines()[-lines:]:
            out.print(line, highlight=False)


def check(
    cluster: Annotated[str, typer.Argument(metavar="FILE", help="a cluster file or its name")],
    wait: Annotated[float, typer.Option(min=1, help="seconds to wait for the job")] = 600.0,
) -> None:
    """Submit one small job and say what is wrong, if anything."""
    from jobs.check import check as checked

    problems = checked(cluster, wait, lambda text: out.print(text, highlight=False))
    if problems:
        raise ScannerError("\n".join((f"{cluster}: this will not work yet", *(f"  {one}" for one in problems))))
    out.print(f"{cluster}: a job ran, and found all that a scan needs", highlight=False)


command(check, cluster_app)
