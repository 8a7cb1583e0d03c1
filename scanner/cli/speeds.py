"""The command that measures speeds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from scanner.cli.common import JsonOption, command, err, out


@command
def bench(
    file: Annotated[Path | None, typer.Option("-o", "--out", metavar="FILE.json", help="keep the speeds")] = None,
    against: Annotated[
        Path | None, typer.Option(metavar="FILE.json", help="compare with speeds kept on this machine")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure the speeds of kernels, tables, engine and writing on this machine, in a minute or two."""
    from jobs import bench
    from scanner.reporting import print_speeds

    before = None if against is None else bench.read(against)
    if file is not None:
        bench.check_writable(file)
    with bench.scratch() as folder:
        found = bench.record(bench.measure(folder, err.print))
    if file is not None:
        bench.keep(found, file)
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        print_speeds(out, found["speeds"], None if before is None else bench.ratios(found, before))
