"""The command that merges stores."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scanner.cli.common import ClusterOption, FreshOption, VerifyOption, WorkersOption, command
from scanner.cli.scans import drive


@command
def merge(
    stores: Annotated[list[str], typer.Argument(metavar="STORE...", help="paths or URLs of the stores")],
    out: Annotated[str, typer.Option("-o", "--out", metavar="OUT", help="the merged store")],
    on: Annotated[str, typer.Option(help="grid: first, union or intersection")] = "first",
    interpolate: Annotated[bool, typer.Option("--interpolate", help="allow values between a store's nodes")] = False,
    maps: Annotated[
        Path | None, typer.Option("--map", metavar="FILE", help="how one store's parameters follow from the others'")
    ] = None,
    experiment: Annotated[list[str] | None, typer.Option(help="experiment to take; repeat (default: all)")] = None,
    allow_incomplete: Annotated[
        bool, typer.Option("--allow-incomplete", help="merge what there is of unfinished stores")
    ] = False,
    cluster: ClusterOption = None,
    workers: WorkersOption = None,
    fresh: FreshOption = False,
    verify: VerifyOption = False,
) -> None:
    """Add the experiments of several stores on one grid, into a store that opens like any other."""
    from jobs.face import merge_recipe
    from jobs.launch import Options

    recipe = merge_recipe(stores, out, on, interpolate, maps, experiment, allow_incomplete)
    drive(recipe, Options(out, cluster, workers, fresh, verify))
