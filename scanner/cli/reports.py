"""The command that writes stores as a page."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scanner.cli.common import command, groups, likelihoods, out

if TYPE_CHECKING:
    import xarray as xr


@command
def report(
    stores: Annotated[list[str], typer.Argument(metavar="STORE...", help="paths or URLs of stores")],
    output: Annotated[Path, typer.Option("-o", "--output", help="the page, .html")],
    group: Annotated[
        list[str] | None,
        typer.Option(metavar="label=exp1,exp2", help="experiments to sum and profile together; repeat for more"),
    ] = None,
    max_mb: Annotated[float, typer.Option("--max-mb", help="size of the page at most, in 10^6 bytes")] = 20.0,
    spectra: Annotated[int, typer.Option(min=0, help="points for which spectra are predicted; 0: none")] = 36,
) -> None:
    """Write stores as one page that a browser opens from the disk, without a network."""
    from scanner.analysis.report import write_report

    named = groups(group or [])
    datasets = [likelihoods(store) for store in stores]
    size = write_report(datasets, output, named, max_mb, _predict if spectra else None, spectra)
    out.print(f"{output}: {len(datasets)} store(s), {size / 1e6:.1f} MB", highlight=False)


def _predict(model: str, experiment: str, values: Mapping[str, float | str]) -> xr.Dataset:
    """Predict a spectrum, passing over values that are no parameters of the model."""
    from scanner import registry
    from scanner.prediction import predict

    known = {parameter.name for parameter in registry.model(model).parameters}
    return predict(model, experiment, **{name: value for name, value in values.items() if name in known})
