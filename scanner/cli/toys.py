"""The command that draws pseudo-experiments."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scanner.cli.common import ClusterOption, FreshOption, StoreArgument, VerifyOption, WorkersOption, command
from scanner.cli.common import out as console
from scanner.cli.scans import drive

if TYPE_CHECKING:
    from scanner.cube import Cube


@command
def toys(
    store: StoreArgument,
    points: Annotated[
        Path, typer.Option(metavar="FILE.csv", help="names axes (others are profiled), then a point a line")
    ],
    number: Annotated[int, typer.Option("--n", metavar="N", help="pseudo-experiments of each point")],
    out: Annotated[str, typer.Option("-o", "--out", metavar="OUT", help="their store")],
    experiment: Annotated[list[str] | None, typer.Option(help="experiment; repeat to sum (default: all)")] = None,
    seed: Annotated[int, typer.Option(help="of the random numbers")] = 0,
    cluster: ClusterOption = None,
    workers: WorkersOption = None,
    fresh: FreshOption = False,
    verify: VerifyOption = False,
) -> None:
    """Draw pseudo-experiments at points of a store, for Feldman and Cousins' critical values."""
    from jobs.face import toys_recipe
    from jobs.launch import Options

    recipe = toys_recipe(store, points, number, out, experiment, seed)
    drive(recipe, Options(out, cluster, workers, fresh, verify), _show)


def _show(cube: Cube) -> None:
    from scanner.dataset import open_dataset
    from scanner.reporting import print_critical_values

    print_critical_values(console, open_dataset(cube.url))
