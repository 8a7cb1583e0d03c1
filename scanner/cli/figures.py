"""Commands that draw."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from scanner.cli.common import ClusterOption, WorkersOption, command, groups, likelihoods, numbers, only, out, resolve
from scanner.cli.scans import drive
from scanner.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

    from jobs.launch import Options
    from scanner.analysis.curves import Shade
    from scanner.analysis.figure_file import CurveSpec, FigureFile, MergeSpec
    from scanner.analysis.selections import Curve, Selection
    from scanner.scan import Scan

TITLE_NAMES = 3
"""Experiments that the title of a figure names one by one."""
Stored = TypeVar("Stored")
SURFACE_LEVELS = (0.6827, 0.90, 0.99)
CURVE_LEVELS = (0.90,)

StoresArgument = Annotated[
    list[str], typer.Argument(metavar="STORE...", help="paths or URLs of stores, or label=path", show_default=False)
]
ExperimentOption = Annotated[list[str] | None, typer.Option(help="experiment; repeat to sum (default: all)")]
LevelsOption = Annotated[list[float] | None, typer.Option(help="confidence level; repeat for more")]
AtOption = Annotated[list[str] | None, typer.Option(metavar="name=value", help="fix an axis instead of profiling")]
EachOption = Annotated[bool, typer.Option("--each", help="draw what each experiment excludes alone, at one --cl")]
ContoursOption = Annotated[bool, typer.Option("--contours", help="contours without a surface, as of several stores")]
GroupOption = Annotated[
    list[str] | None, typer.Option(metavar="label=exp1,exp2", help="contours of a sum of experiments; repeat for more")
]
PublishedOption = Annotated[
    list[str] | None, typer.Option(help="experiment drawn alone beside the others; repeat for more")
]
CornerOption = Annotated[bool, typer.Option("--corner", help="profiles over all pairs of axes, and over each")]
AnimateOption = Annotated[str | None, typer.Option(metavar="AXIS", help="one frame for each value of this axis")]
ToysOption = Annotated[
    str | None, typer.Option(metavar="TOYS", help="pseudo-experiments: Feldman–Cousins contours beside Wilks'")
]


@command
def plot(
    stores: StoresArgument,
    output: Annotated[Path, typer.Option("-o", "--output", help="figure, .png or .pdf; .gif with --animate")],
    x: Annotated[str | None, typer.Option("--x", help="axis across")] = None,
    y: Annotated[str | None, typer.Option("--y", help="axis upwards; without it, profiles over --x")] = None,
    experiment: ExperimentOption = None,
    cl: LevelsOption = None,
    at: AtOption = None,
    each: EachOption = False,
    contours: ContoursOption = False,
    group: GroupOption = None,
    published: PublishedOption = None,
    best_fit: Annotated[bool, typer.Option("--best-fit", help="mark the best fit of each curve")] = False,
    corner: CornerOption = False,
    axis: Annotated[list[str] | None, typer.Option(help="axis of the corner; repeat (default: all)")] = None,
    animate: AnimateOption = None,
    frames: Annotated[int, typer.Option(min=2, max=500, help="frames of an animation at most")] = 40,
    title: Annotated[str | None, typer.Option(help="instead of one that says what is drawn")] = None,
    toys: ToysOption = None,
    level: Annotated[str, typer.Option(help="of stores that were refined: 0, 1, ... or finest")] = "0",
) -> None:
    """Draw Δχ²: over two axes with contours and the best fit, over one, as a corner of all, or moving along a third.

    Other axes are profiled. A sum of one store is drawn as a surface; several, groups and published limits as contours.
    """
    from scanner.analysis import selections, style

    style.check_format(output, style.MOVING if animate else style.STILL)
    style.check_text("--title", title or "")
    cubes, fixed = _open(stores, level), numbers("--at", at or [])
    if corner:
        across = {"--x": x, "--y": y, "--animate": animate}
        drawn = {"--each": each, "--group": group, "--contours": contours, "--published": published}
        _refuse("--corner", {**across, **drawn, "--toys": toys, "--best-fit": best_fit})
        _corner(cubes, axis, experiment, cl or list(SURFACE_LEVELS), fixed, output, title)
        return
    if axis:
        raise InputError("--axis", "names axes of a corner", axis, hint="add --corner")
    if x is not None and y is None:
        _refuse("profiles over --x alone; add --y", {"--cl": cl, "--contours": contours, "--best-fit": best_fit})
    surface = y is not None and len(cubes) == 1 and not (each or contours or group or published or toys)
    levels = tuple(cl or (SURFACE_LEVELS if surface else CURVE_LEVELS))
    if toys is None:
        chosen = _select(cubes, y is None, experiment, each, group, levels)
    else:
        _refuse("--toys", {"--each": each, "--group": group, "--published": published, "--animate": animate})
        chosen = _feldman_cousins(cubes, y is None, experiment, levels, toys)
    chosen += selections.published(cubes, published or [], levels, "--published")
    keep = _keep(cubes, x, y, animate)
    curves = selections.curves(chosen, keep, fixed)
    shade: Shade | None = None if surface else "excluded" if each else "none"
    text = _title(cubes, curves) if title is None else title
    if animate is None:
        _draw(curves, output, shade, best_fit, text)
    else:
        _animate(curves, frames, output, shade, best_fit, text)


@command
def figure(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="figure file (YAML)")],
    output: Annotated[Path, typer.Option("-o", "--output", help="figure, .png or .pdf")],
    cluster: ClusterOption = None,
    workers: WorkersOption = None,
) -> None:
    """Make a figure from its file: run or resume the scans that it names, then draw them."""
    from scanner.analysis import selections, style
    from scanner.analysis.figure_file import read_figure_file

    style.check_format(output, style.STILL)
    spec = read_figure_file(file)
    for where, text in _texts(spec).items():
        style.check_text(where, text)
    cubes = _make(spec, file.parent, cluster, workers)
    levels = tuple(spec.cl)
    if spec.curves:
        chosen = [_curve(cubes, one, levels, number) for number, one in enumerate(spec.curves)]
    else:
        summed = dict(itertools.islice(cubes.items(), 1)) if spec.merge else cubes
        chosen = selections.sums(summed, None, levels)
    chosen += selections.published(cubes, spec.published, levels, "published", spec.labels)
    curves = selections.curves(chosen, [spec.x] if spec.y is None else [spec.x, spec.y], spec.at)
    _draw(curves, output, None if spec.fill == "surface" else spec.fill, spec.best_fit, spec.title)


def _texts(spec: FigureFile) -> dict[str, str]:
    """What a figure file writes into the figure, by place."""
    curves = {f"curves[{number}].label": curve.label for number, curve in enumerate(spec.curves)}
    return {"title": spec.title, **curves, **{f"labels.{name}": text for name, text in spec.labels.items()}}


def _make(spec: FigureFile, folder: Path, cluster: str | None, workers: int | None) -> dict[str, xr.Dataset]:
    """Complete the stores of a figure's scans, and their merger where it asks for one; open all, the merger first."""
    from jobs.launch import Options
    from jobs.preflight import store_url
    from scanner.recipes.scan import recipe_of

    scans = {scan.file.name: scan for scan in (resolve(folder / file, None) for file in spec.scans)}
    if len(scans) < len(spec.scans):
        raise InputError("scans", "two of them have the same name", list(spec.scans))
    _check(spec, scans)
    for scan in scans.values():
        drive(recipe_of(scan), Options(cluster=cluster, workers=workers))
    stores = {name: store_url(scan.file.store, None) for name, scan in scans.items()}
    cubes = _open([f"{name}={store}" for name, store in stores.items()])
    if spec.merge is None:
        return cubes
    summed = [stores[name] for name, scan in scans.items() if _merged(spec.merge, scan)]
    return _merge(spec.merge, summed, folder, Options(spec.merge.store, cluster, workers)) | cubes


def _merged(spec: MergeSpec, scan: Scan) -> list[str]:
    """The experiments of a scan that are to be merged."""
    return [name for name in scan.file.experiments if not spec.experiments or name in spec.experiments]


def _check(spec: FigureFile, scans: dict[str, Scan]) -> None:
    """Refuse what none of the scans has, before any of them is run."""
    from scanner.analysis.axes import check_axes
    from scanner.analysis.selections import holding

    known = {name: list(scan.file.experiments) for name, scan in scans.items()}
    if spec.merge is not None:
        merge = spec.merge
        known = {"merge": [name for scan in scans.values() for name in _merged(merge, scan)]} | known
        for name in merge.experiments:
            holding(known, [name], "merge.experiments")
    for number, curve in enumerate(spec.curves):
        holding(_named(known, curve, number), curve.experiments, f"curves[{number}].experiments")
    for name in spec.published:
        holding(known, [name], "published")
    axes = list(dict.fromkeys(axis for scan in scans.values() for axis in scan.grid.names))
    for where, names in {"x": [spec.x], "y": [spec.y] if spec.y else [], "at": list(spec.at)}.items():
        check_axes(names, axes, where)


def _merge(spec: MergeSpec, stores: list[str], folder: Path, options: Options) -> dict[str, xr.Dataset]:
    """Merge stores as a figure file says, and open what comes of it."""
    from jobs.face import merge_recipe

    maps = None if spec.map is None else folder / spec.map
    how = (spec.on, spec.interpolate, maps, spec.experiments, spec.allow_incomplete)
    drive(merge_recipe(stores, spec.store, *how), options)
    return _open([spec.store])


def _named(stores: Mapping[str, Stored], curve: CurveSpec, number: int) -> Mapping[str, Stored]:
    """Of some stores by the name of their scan, the one that a curve names, or all of them."""
    if curve.scan is None:
        return stores
    if curve.scan not in stores:
        raise InputError(f"curves[{number}].scan", "no such scan in this figure", curve.scan, ", ".join(stores))
    return {curve.scan: stores[curve.scan]}


def _curve(cubes: dict[str, xr.Dataset], spec: CurveSpec, levels: tuple[float, ...], number: int) -> Selection:
    """A curve of a figure file."""
    from scanner.analysis import selections

    where = f"curves[{number}].experiments"
    dataset = selections.cube_with(_named(cubes, spec, number), spec.experiments, where)
    return selections.Selection(spec.label, dataset, tuple(spec.experiments), tuple(spec.cl or levels), line=spec.style)


def _open(stores: Sequence[str], level: str = "0") -> dict[str, xr.Dataset]:
    """Open stores, at a level of theirs, by their labels: the text before ``=``, or the name of the file."""
    from scanner.analysis import style

    cubes: dict[str, xr.Dataset] = {}
    for text in stores:
        label, _, url = text.partition("=")
        if not url or Path(text).exists():
            label, url = Path(text).stem.replace("$", r"\$"), text
        style.check_text("STORE", label)
        if label in cubes:
            raise InputError("STORE", f"two stores are called {label!r}", hint="write label=path")
        cubes[label] = likelihoods(url, int(level) if level.isdecimal() else level)
    return cubes


def _refuse(option: str, others: dict[str, object]) -> None:
    """Refuse options that do not go with another."""
    given = [name for name, value in others.items() if value]
    if given:
        raise InputError(given[0], f"does not go with {option}")


def _select(
    cubes: dict[str, xr.Dataset],
    profiles: bool,
    experiments: list[str] | None,
    each: bool,
    group: list[str] | None,
    levels: tuple[float, ...],
) -> list[Selection]:
    """What the options ask for: groups, each experiment alone, or the sum of each store."""
    from scanner.analysis import selections

    if group:
        _refuse("--group", {"--experiment": experiments, "--each": each})
        return selections.groups(cubes, groups(group), levels, "--group")
    if each:
        return selections.each_alone(cubes, experiments, (only("--cl", list(levels)),))
    if profiles and len(cubes) == 1:
        return selections.each_and_sum(next(iter(cubes.values())), experiments, levels)
    return selections.sums(cubes, experiments, levels)


def _feldman_cousins(
    cubes: dict[str, xr.Dataset],
    profiles: bool,
    experiments: list[str] | None,
    levels: tuple[float, ...],
    toys: str,
) -> list[Selection]:
    """The sum of one store, after Feldman and Cousins and after Wilks."""
    from scanner.analysis import selections
    from scanner.dataset import open_dataset

    if profiles:
        raise InputError("--toys", "takes a figure over two axes", hint="add --y")
    if len(cubes) > 1:
        raise InputError("--toys", "takes one store", ", ".join(cubes))
    drawn = open_dataset(toys)
    if "critical" not in drawn:
        raise InputError("--toys", "holds no pseudo-experiments", toys, hint="draw them with `scanner toys`")
    return selections.feldman_cousins(next(iter(cubes.values())), experiments, levels, drawn)


def _keep(cubes: dict[str, xr.Dataset], x: str | None, y: str | None, animate: str | None) -> list[str]:
    """The axes of the figure, that of the frames last."""
    if x is None:
        raise InputError("--x", "is missing", allowed=", ".join(_axes(cubes)))
    if y is None and animate is not None:
        raise InputError("--animate", "takes a figure over two axes", animate, hint="add --y")
    return [name for name in (x, y, animate) if name is not None]


def _axes(cubes: dict[str, xr.Dataset]) -> list[str]:
    """The axes of the first cube."""
    return [str(name) for name in next(iter(cubes.values()))["chi2"].dims if name != "experiment"]


def _title(cubes: dict[str, xr.Dataset], curves: list[Curve]) -> str:
    """The store's title, what is summed where no legend says it, and what is fixed."""
    from scanner.analysis import style

    lines = [next(iter(cubes.values())).attrs["title"]] if len(cubes) == 1 else []
    names = curves[0].delta.attrs["experiments"]
    dataset = curves[0].of.dataset
    facts = [style.at_value(dataset[name], value) for name, value in curves[0].delta.attrs["fixed"].items()]
    if len(curves) == 1:
        facts.insert(0, " + ".join(names) if len(names) <= TITLE_NAMES else f"sum of {len(names)} experiments")
    return "\n".join(filter(None, [*lines, ", ".join(facts)]))


def _draw(curves: list[Curve], output: Path, shade: Shade | None, best_fit: bool, title: str) -> None:
    """Draw profiles, a surface (where no shade is given) or contours, and say what was drawn."""
    from scanner.analysis.curves import plot_contours
    from scanner.analysis.plots import plot_surface
    from scanner.analysis.profiles import plot_profiles

    first = curves[0]
    if first.delta.ndim == 1:
        plot_profiles(curves, output, title)
        out.print(f"{output}: {len(curves)} profile(s) over {first.delta.dims[0]}")
    elif shade is None:
        plot_surface(first.delta, first.of.levels, output, title)
        _print_best_fit(output, first.delta)
    else:
        without = plot_contours(curves, output, title, shade, best_fit)
        out.print(f"{output}: {len(curves) - len(without)} of {len(curves)} curves exclude something there")
        for label in without:
            out.print(f"  nothing is excluded by {label}")


def _animate(curves: list[Curve], most: int, output: Path, shade: Shade | None, best_fit: bool, title: str) -> None:
    """Draw a frame for each value of the last axis, and say how many."""
    from scanner.analysis.animation import animate

    number = animate(curves, most, output, shade, best_fit, title)
    axis = curves[0].delta.dims[-1]
    size = curves[0].delta.sizes[axis]
    thinned = f", evenly thinned from {size}; --frames takes more" if number < size else ""
    out.print(f"{output}: {number} frames along {axis}{thinned}")


def _corner(
    cubes: dict[str, xr.Dataset],
    axes: list[str] | None,
    experiments: list[str] | None,
    levels: list[float],
    fixed: dict[str, float],
    output: Path,
    title: str | None,
) -> None:
    """Draw the corner of one store."""
    from scanner.analysis.profiles import corner_pairs, plot_corner
    from scanner.analysis.selections import curves, sums

    if len(cubes) > 1:
        raise InputError("--corner", "takes one store", ", ".join(cubes))
    dataset = next(iter(cubes.values()))
    free = [name for name in _axes(cubes) if dataset.sizes[name] > 1 and name not in fixed]
    chosen = sums(cubes, experiments, tuple(levels))
    pairs = {pair: curves(chosen, pair, fixed)[0] for pair in corner_pairs(axes or free)}
    first = next(iter(pairs.values()))
    plot_corner({pair: one.delta for pair, one in pairs.items()}, levels, output, title or _title(cubes, [first]))
    _print_best_fit(output, first.delta)


def _print_best_fit(output: Path, delta: xr.DataArray) -> None:
    out.print(f"{output}: best fit " + ", ".join(f"{k} = {v:.4g}" for k, v in delta.attrs["best_fit"].items()))
