"""Commands that look up models and experiments, and predict at one point."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from scanner.cli.common import JsonOption, assignments, command, out
from scanner.errors import InputError, ScannerError, did_you_mean


@command
def predict(
    model: Annotated[str, typer.Argument(metavar="MODEL")],
    experiment: Annotated[str, typer.Argument(metavar="EXPERIMENT")],
    values: Annotated[list[str] | None, typer.Argument(metavar="[name=value]...")] = None,
    as_json: JsonOption = False,
    plot: Annotated[Path | None, typer.Option("--plot", help="draw it with the data, .png or .pdf")] = None,
    also: Annotated[
        list[str] | None,
        typer.Option(metavar="label: name=value ...", help="another point of the model in the figure; repeat for more"),
    ] = None,
) -> None:
    """Predict an experiment's bins at one point of a model."""
    from scanner.analysis import style
    from scanner.prediction import predict as evaluate

    if plot is not None:
        style.check_format(plot, style.STILL, "--plot")
    elif also:
        raise InputError("--also", "draws, but there is no figure", hint="add --plot")
    points = _points(also or [])
    found = evaluate(model, experiment, **assignments("parameters", values or []))
    if plot is not None:
        from scanner.analysis.spectra import plot_spectrum

        others = {label: evaluate(model, experiment, **point) for label, point in points.items()}
        plot_spectrum(found, plot, f"{found.attrs['title']}\n{', '.join([model, *(values or [])])}", others)
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


def _points(also: list[str]) -> dict[str, dict[str, float | str]]:
    """Read points with a label each."""
    points = {}
    for text in also:
        label, colon, values = text.partition(":")
        if not (colon and label.strip()):
            raise InputError("--also", "needs a label before the values", text, '"label: name=value ..."')
        points[label.strip()] = assignments("--also", values.split())
    return points


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


@command
def list_(kind: Annotated[str, typer.Argument(metavar="models|experiments")]) -> None:
    """List the models or experiments that are installed."""
    from scanner import registry
    from scanner.titles import titles

    if kind not in ("models", "experiments"):
        raise InputError(
            "list", "unknown kind", kind, "models, experiments", did_you_mean(kind, ("models", "experiments"))
        )
    table, remarks = Table("name", "version", "title", "from"), []
    for name, found in titles(kind).items():
        origin = registry.providers(kind)[name].distribution or "nu-scanner"
        if isinstance(found, ScannerError):
            remarks.append(f"broken: {found}")
            table.add_row(name, "", "broken, see below", origin)
        else:
            table.add_row(name, str(found.version), found.title, origin)
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
    if facts["projection"]:
        out.print("projection: nothing was measured yet")
    for note in facts["notes"]:
        out.print(f"note: {note}", markup=False)
