"""The command that computes the table of explanations."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scanner.cli.common import ClusterOption, WorkersOption, command, err, likelihoods, out, resolve
from scanner.cli.scans import drive
from scanner.errors import InputError

if TYPE_CHECKING:
    from scanner.analysis.table import Scanned, TableFile
    from scanner.scan import Scan

DEFAULT = Path("configs/table/explanations.yaml")


@command
def table(
    output: Annotated[Path, typer.Option("-o", "--output", help="the table, .md or .html")],
    file: Annotated[Path, typer.Argument(metavar="[FILE]", help="table file (YAML)")] = DEFAULT,
    cluster: ClusterOption = None,
    workers: WorkersOption = None,
) -> None:
    """Compute a table of explanations of anomalies: run or resume the scans that its file names, mark every cell."""
    from scanner.analysis import table as tables

    tables.check_format(output)
    spec = tables.read_table_file(file)
    scans = {name: resolve(file.parent / name, None) for name in spec.scans()}
    _check(spec, scans)
    scanned = {name: _scanned(scan, cluster, workers) for name, scan in scans.items()}
    best = tables.best_improvements(spec, scanned)
    rows = [tables.outcome(row, spec, scanned, best) for row in spec.rows]
    tables.write_table(spec, rows, output)
    differing = [(row.name, name, cell) for row in rows for name, cell in row.cells.items() if cell.differs]
    out.print(f"{output}: {len(rows)} rows, {len(differing)} marks differ from the published ones", highlight=False)
    for row_name, anomaly, cell in differing:
        if not cell.remark:
            err.print(f"{file}: {row_name}, {anomaly}: no remark says why it is {cell.mark}", style="yellow")


def _check(spec: TableFile, scans: dict[str, Scan]) -> None:
    """Refuse what a scan does not have, before any of them is run."""
    names = [scan.file.name for scan in scans.values()]
    if len(set(names)) < len(names):
        raise InputError("scans", "two of them have the same name", names)
    for row in spec.rows:
        for name, (low, high) in row.domain.items():
            there = {key for scan in row.scans for key in (*scans[scan].grid.names, *scans[scan].derived)}
            if name not in there or low > high:
                raise InputError(f"{row.name}: domain.{name}", "no such range", [low, high], ", ".join(sorted(there)))
    wanted = [(one.scan, one.experiment) for entries in spec.anomalies.values() for one in entries]
    wanted += [(scan, e) for row in spec.rows for scan in row.scans for e in (*row.data.values(), *row.constraints)]
    for scan, experiment in wanted:
        if experiment not in scans[scan].file.experiments:
            known = ", ".join(scans[scan].file.experiments)
            raise InputError(scan, "lacks an experiment that the table needs", experiment, known)
    for file, one in scans.items():
        if one.file.reduce:
            raise InputError(f"{file}: reduce", "the table needs each experiment at every point", one.file.reduce)
        if "gof" not in one.file.outputs:
            raise InputError(f"{file}: outputs", "lacks gof, which the table needs", one.file.outputs, "[chi2, gof]")


def _scanned(scan: Scan, cluster: str | None, workers: int | None) -> Scanned:
    """Complete a scan and open it, with what its experiments give without a signal."""
    from jobs.launch import Options
    from jobs.preflight import store_url
    from scanner.analysis.table import Scanned
    from scanner.best_fits import null
    from scanner.cube import open_cube
    from scanner.recipes.scan import recipe_of

    drive(recipe_of(scan), Options(cluster=cluster, workers=workers))
    url = store_url(scan.file.store, None)
    cube = open_cube(url)
    found = {name: null(cube, name) for name in scan.file.experiments}
    for name, values in found.items():
        if values is None:
            raise InputError(scan.file.name, f"nothing switches off the signal of {scan.model.name} in {name}")
    return Scanned(likelihoods(url), {name: values for name, values in found.items() if values is not None})
