"""Commands that draw."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scanner.cli.common import StoreArgument, command, numbers, only, out

TITLE_NAMES = 3
"""Experiments that the title of a figure names one by one."""


@command
def plot(
    store: StoreArgument,
    x: Annotated[str, typer.Option("--x", help="axis across")],
    y: Annotated[str, typer.Option("--y", help="axis upwards")],
    output: Annotated[Path, typer.Option("-o", "--output", help="figure, .png or .pdf")],
    experiment: Annotated[list[str] | None, typer.Option(help="experiment; repeat to sum (default: all)")] = None,
    cl: Annotated[list[float] | None, typer.Option(help="confidence level; repeat for more")] = None,
    at: Annotated[list[str] | None, typer.Option(metavar="name=value", help="fix an axis instead of profiling")] = None,
    each: Annotated[bool, typer.Option("--each", help="draw what each experiment excludes alone, at one --cl")] = False,
) -> None:
    """Draw Δχ² over two axes with contours and the best fit; other axes are profiled."""
    from scanner.analysis.plots import plot_exclusions, plot_surface
    from scanner.analysis.surface import surface
    from scanner.dataset import open_dataset

    dataset = open_dataset(store)
    if each:
        names = experiment or [str(name) for name in dataset["experiment"].values]
        deltas = {name: surface(dataset, (x, y), [name], numbers("--at", at or [])) for name in names}
        facts, level = dataset.attrs["experiments"], only("--cl", cl or [0.90])
        blind = plot_exclusions(deltas, facts, level, output, dataset.attrs["title"])
        out.print(f"{output}: {len(names) - len(blind)} of {len(names)} experiments exclude something there")
        for name in blind:
            out.print(f"  nothing is excluded by {name}")
        return
    delta = surface(dataset, (x, y), experiment, numbers("--at", at or []))
    fixed = ", ".join(f"{k} = {v:.4g}" for k, v in delta.attrs["fixed"].items())
    summed = delta.attrs["experiments"]
    what = " + ".join(summed) if len(summed) <= TITLE_NAMES else f"sum of {len(summed)} experiments"
    title = f"{dataset.attrs['title']}\n{what}" + (f", {fixed}" if fixed else "")
    plot_surface(delta, cl or [0.6827, 0.90, 0.99], output, title)
    out.print(f"{output}: best fit " + ", ".join(f"{k} = {v:.4g}" for k, v in delta.attrs["best_fit"].items()))
