"""The command ``scanner``.

Exit status: 0 complete, 1 failure, 2 bad input, 3 finished with failed blocks, 4 store refused or in use,
130 interrupted.
"""

from __future__ import annotations

import functools
import json
import math
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec

import typer
from rich.console import Console
from rich.table import Table

from scanner.errors import BlocksFailed, InputError, ScannerError, did_you_mean

if TYPE_CHECKING:
    from scanner.scan import Scan

P = ParamSpec("P")
app = typer.Typer(
    help="Scan parameter spaces of physics beyond the Standard Model with neutrinos.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
out = Console(soft_wrap=True, markup=False, emoji=False)
err = Console(stderr=True, soft_wrap=True, highlight=False, markup=False, emoji=False)

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="scan file (YAML)")]
StoreArgument = Annotated[str, typer.Argument(metavar="STORE", help="path or URL of a store")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="path=value", help="change an entry of the scan file")
]
OutOption = Annotated[str | None, typer.Option("-o", "--out", metavar="STORE", help="the store (default: the file's)")]
JsonOption = Annotated[bool, typer.Option("--json", help="print JSON")]
WorkersOption = Annotated[int | None, typer.Option("--workers", min=1, help="number of workers")]
TITLE_NAMES = 3
"""Experiments that the title of a figure names one by one."""


def command(function: Callable[P, None]) -> Callable[P, None]:
    """Register a command whose errors for users become one message and an exit status.

    A trailing underscore, for a name that Python has taken, is not part of the command's name.
    """

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except ScannerError as error:
            err.print(f"scanner: {error}", markup=False, soft_wrap=True, style="red")
            raise typer.Exit(error.exit_status) from None
        except KeyboardInterrupt:
            err.print("scanner: interrupted", style="red")
            raise typer.Exit(130) from None

    return app.command(function.__name__.rstrip("_"))(guarded)


def _resolve(file: Path, settings: list[str] | None) -> Scan:
    from scanner.config import read_scan_file
    from scanner.scan import resolve

    return resolve(read_scan_file(file, tuple(settings or ())))


@command
def check(file: FileArgument, settings: SetOption = None) -> None:
    """Check a scan file and do nothing else."""
    from jobs.launch import check_writable, known_cluster, refuse_foreign, store_url

    scan = _resolve(file, settings)
    url = store_url(scan.file, None)
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
    cluster: Annotated[
        str | None, typer.Option(help="local, serial, a cluster file or its name, or a scheduler's address")
    ] = None,
    workers: WorkersOption = None,
    settings: SetOption = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="replace the store")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="recompute damaged blocks")] = False,
) -> None:
    """Create a store, or resume it."""
    from jobs.launch import Options, run_scan, store_url
    from scanner import summary
    from scanner.reporting import Progress, print_summary

    signal.signal(signal.SIGTERM, _interrupt)
    scan = _resolve(file, settings)
    options = Options(store, cluster, workers, fresh, verify)
    try:
        with Progress(err) as reporter:
            cube, done = run_scan(scan, options, reporter)
    except KeyboardInterrupt:
        url = store_url(scan.file, store)
        err.print(f"scanner: interrupted; what was done is in {url}, the same command goes on")
        raise typer.Exit(130) from None
    state = summary.status(cube)
    print_summary(out, summary.best_fits(cube), done, state["statuses"])
    out.print(f"store: {cube.url}")
    if not state["complete"]:
        raise BlocksFailed(f"{state['failed']} block(s) failed; see `scanner status {cube.url}`, or run again to retry")


def _interrupt(signum: int, frame: Any) -> None:
    raise KeyboardInterrupt


@command
def plan(
    file: FileArgument, workers: WorkersOption = None, settings: SetOption = None, as_json: JsonOption = False
) -> None:
    """Say what a scan will take, from one calibration block on this machine."""
    from jobs.launch import DEFAULT_WORKERS
    from scanner import planning
    from scanner.reporting import print_plan

    scan = _resolve(file, settings)
    found = planning.plan(scan, workers or scan.file.execution.workers or DEFAULT_WORKERS)
    if as_json:
        print(json.dumps(found.as_dict(), indent=2))
    else:
        print_plan(out, found)


@command
def status(store: StoreArgument, as_json: JsonOption = False) -> None:
    """Say how far a store is, what failed and why, and how it was made."""
    from scanner import summary
    from scanner.cube import open_cube

    state = summary.status(open_cube(store))
    if as_json:
        print(json.dumps(state, indent=2))
        return
    out.print(
        f"{state['name']}: {state['done']:,} of {state['blocks']:,} blocks done, {state['failed']:,} failed, "
        f"{state['points']:,} points" + (", complete" if state["complete"] else ""),
        highlight=False,
    )
    out.print("statuses: " + ", ".join(f"{k} {v:,}" for k, v in state["statuses"].items()))
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
        deltas = {name: surface(dataset, (x, y), [name], _numbers("--at", at or [])) for name in names}
        facts, level = dataset.attrs["experiments"], _only("--cl", cl or [0.90])
        blind = plot_exclusions(deltas, facts, level, output, dataset.attrs["title"])
        out.print(f"{output}: {len(names) - len(blind)} of {len(names)} experiments exclude something there")
        for name in blind:
            out.print(f"  nothing is excluded by {name}")
        return
    delta = surface(dataset, (x, y), experiment, _numbers("--at", at or []))
    fixed = ", ".join(f"{k} = {v:.4g}" for k, v in delta.attrs["fixed"].items())
    summed = delta.attrs["experiments"]
    what = " + ".join(summed) if len(summed) <= TITLE_NAMES else f"sum of {len(summed)} experiments"
    title = f"{dataset.attrs['title']}\n{what}" + (f", {fixed}" if fixed else "")
    plot_surface(delta, cl or [0.6827, 0.90, 0.99], output, title)
    out.print(f"{output}: best fit " + ", ".join(f"{k} = {v:.4g}" for k, v in delta.attrs["best_fit"].items()))


def _only(where: str, values: list[float]) -> float:
    if len(values) != 1:
        raise InputError(where, "give one value", values)
    return values[0]


@command
def predict(
    model: Annotated[str, typer.Argument(metavar="MODEL")],
    experiment: Annotated[str, typer.Argument(metavar="EXPERIMENT")],
    values: Annotated[list[str] | None, typer.Argument(metavar="[name=value]...")] = None,
    as_json: JsonOption = False,
) -> None:
    """Predict an experiment's bins at one point of a model."""
    from scanner.prediction import predict as evaluate

    found = evaluate(model, experiment, **_assignments("parameters", values or []))
    if as_json:
        print(json.dumps(_plain(found), indent=2))
        return
    table = Table(title=f"{model} at {experiment}")
    names = [*(str(c) for c in found.coords), "signal", "background", "data"]
    for name in ("bin", *names):
        table.add_column(name)
    for i in range(found.sizes["bin"]):
        table.add_row(str(i), *(_cell(found[name].values[i]) for name in names))
    out.print(table)
    out.print(
        f"chi2 (-2 ln L) = {float(found['chi2']):.4f}, gof = {float(found['gof']):.4f}, "
        f"signal events = {float(found['events']):.2f}, status {found['status'].item()}",
        highlight=False,
    )


def _cell(value: Any) -> str:
    return str(value) if isinstance(value, str) else f"{value:.6g}"


def _plain(dataset: Any) -> dict[str, Any]:
    """A Dataset as JSON types, NaN as null."""
    found = {str(n): _finite(v.values.tolist()) for n, v in {**dataset.coords, **dataset.data_vars}.items()}
    return {**found, "attributes": dataset.attrs}


def _finite(value: Any) -> Any:
    """Replace what JSON has no number for by None."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return [_finite(entry) for entry in value] if isinstance(value, Sequence) and not isinstance(value, str) else value


def _assignments(where: str, texts: list[str]) -> dict[str, float | str]:
    found: dict[str, float | str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name or not value:
            raise InputError(where, "expected name=value", text)
        try:
            found[name] = float(value)
        except ValueError:
            found[name] = value
    return found


def _numbers(where: str, texts: list[str]) -> dict[str, float]:
    found = _assignments(where, texts)
    for name, value in found.items():
        if isinstance(value, str):
            raise InputError(where, "expected name=value with a number", f"{name}={value}")
    return {name: float(value) for name, value in found.items()}


@command
def list_(kind: Annotated[str, typer.Argument(metavar="models|experiments")]) -> None:
    """List the models or experiments that are installed."""
    from scanner import registry

    if kind not in ("models", "experiments"):
        raise InputError(
            "list", "unknown kind", kind, "models, experiments", did_you_mean(kind, ("models", "experiments"))
        )
    load = registry.model if kind == "models" else registry.experiment
    table, remarks = Table("name", "version", "title", "from"), []
    for name, provider in sorted(registry.providers(kind).items()):
        try:
            found: Any = load(name)
            version, title = str(found.version), found.title
        except ScannerError as error:
            version, title = "", "broken, see below"
            remarks.append(f"broken: {error}")
        table.add_row(name, version, title, provider.distribution or "nu-scanner")
    for hidden in registry.passed_over(kind):
        taken = registry.providers(kind)[hidden.name].distribution or "nu-scanner"
        remarks.append(f"unused: {hidden.name!r} from {hidden.distribution}, because {taken} has that name already")
    out.print(table)
    for remark in remarks:
        out.print(remark, highlight=False)


@command
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="a model or an experiment")],
    bibtex: Annotated[bool, typer.Option("--bibtex", help="print only the references, as BibTeX")] = False,
) -> None:
    """Show a model's parameters, or an experiment's data, with references."""
    from scanner import registry

    models, experiments = registry.providers("models"), registry.providers("experiments")
    if name not in models and name not in experiments:
        known = sorted({*models, *experiments})
        raise InputError(
            "show",
            f"unknown model or experiment {name!r}",
            allowed=", ".join(known),
            hint=did_you_mean(name, known),
        )
    found: Any = registry.model(name) if name in models else registry.experiment(name)
    if bibtex:
        print("\n\n".join(reference.bibtex() for reference in found.references))
        return
    out.print(f"{found.name} (version {found.version}): {found.title}")
    if name in models:
        _show_model(found)
    else:
        _show_experiment(found)
    for reference in found.references:
        out.print(f"reference: {reference}", markup=False)


def _show_model(model: Any) -> None:
    table = Table("parameter", "unit", "default", "range")
    for parameter in model.parameters:
        table.add_row(parameter.name, parameter.unit, f"{parameter.default:g}", parameter.allowed())
    out.print(table)
    for constraint in model.constraints:
        out.print(f"constraint: {constraint.reason}", markup=False)
    out.print("signals: " + ", ".join(model.signals))
    if model.derived:
        names = ", ".join(d.name if d.unit == "1" else f"{d.name} [{d.unit}]" for d in model.derived)
        out.print(f"derived, as coordinates of the cube: {names}", markup=False)


def _show_experiment(experiment: Any) -> None:
    facts = experiment.attributes()
    out.print("signals: " + ", ".join(experiment.signals))
    for key in ("statistic", "number_of_data", "data_sets"):
        value = facts[key]
        out.print(f"{key.replace('_', ' ')}: {', '.join(value) if key == 'data_sets' else value}")
    for note in facts["notes"]:
        out.print(f"note: {note}", markup=False)


def main() -> None:
    """Entry point of the command ``scanner``."""
    app()


if __name__ == "__main__":
    main()
