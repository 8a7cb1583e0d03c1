"""Surfaces and contours as text: CSV, and submissions to HEPData."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from scanner.analysis.axes import used_axes
from scanner.analysis.contours import Contour, contour_of
from scanner.analysis.surface import surface, threshold
from scanner.analysis.totals import choose
from scanner.errors import InputError

MAX_ROWS = 10**7
HEPDATA_BYTES = 10 * 2**20
"""HEPData accepts no larger table."""


def to_csv(
    dataset: xr.Dataset,
    path: str | Path,
    keep: Sequence[str] = (),
    experiments: Sequence[str] | None = None,
    at: Mapping[str, float] | None = None,
) -> Path:
    """Write a profile as comma-separated columns under comment lines that say where it comes from.

    Parameters
    ----------
    dataset
        An opened cube.
    path
        The file.
    keep
        Axes to keep, see `scanner.analysis.surface.surface`; by default all that have several values, are not fixed,
        and that an experiment depends on.
    experiments, at
        See `scanner.analysis.surface.surface`.

    Returns
    -------
    pathlib.Path
        The file. Columns: kept axes, tied and derived parameters that they determine, values of profiled axes
        (``best_NAME``), ``delta_chi2``; ``nan`` where no point is ok.

    Raises
    ------
    InputError
        As `scanner.analysis.surface.surface`, for too many rows, and where the file cannot be written.
    """
    axes = keep or [n for n in used_axes(dataset, choose(dataset, experiments)) if _several(dataset, n, at or ())]
    if not axes:
        raise InputError("to_csv", "no axis has several values: name the axes to keep")
    _check_rows(dataset, axes)
    delta = surface(dataset, axes, experiments, at)
    columns = [*axes, *(str(n) for n, c in delta.coords.items() if c.dims and n not in axes), "delta_chi2"]
    table = delta.to_dataframe().reset_index()[columns]
    header = [*_provenance(dataset, delta), "columns: " + ", ".join(_column(delta, name) for name in columns)]
    with _writing(path), Path(path).open("w", newline="", encoding="utf-8") as file:
        file.writelines(f"# {line}\n" for line in header)
        table.to_csv(file, index=False, na_rep="nan")
    return Path(path)


def _several(dataset: xr.Dataset, axis: str, but: Iterable[str]) -> bool:
    return dataset.sizes.get(axis, 1) > 1 and axis not in set(but)


def _check_rows(dataset: xr.Dataset, axes: Sequence[str]) -> None:
    rows = math.prod(dataset.sizes.get(name, 1) for name in axes)
    if rows > MAX_ROWS:
        raise InputError(
            "to_csv", "too many rows", rows, f"up to {MAX_ROWS}", "name the axes to keep, or fix some by at"
        )


def _column(delta: xr.DataArray, name: str) -> str:
    unit = delta[name].attrs.get("units", "1") if name in delta.coords else "1"
    return name if unit == "1" else f"{name} [{unit}]"


def _provenance(dataset: xr.Dataset, delta: xr.DataArray) -> list[str]:
    """What a file says of its origin, in lines."""
    facts, names = dataset.attrs, delta.attrs["experiments"]
    references = {r: None for n in names for r in facts["experiments"][n].get("references", ())}
    return [
        *(f"{name}: {_one_line(facts[name])}" for name in ("title", "store", "identity_hash", "end") if name in facts),
        f"experiments: {', '.join(names)}",
        f"smallest -2 ln L: {delta.attrs['minimum']!r}",
        f"best fit: {_assignments(delta.attrs['best_fit'])}",
        f"fixed: {_assignments(delta.attrs['fixed']) or 'nothing'}",
        *(f"reference: {_one_line(reference)}" for reference in references),
    ]


def _one_line(text: object) -> str:
    return " ".join(str(text).split())


def _assignments(values: Mapping[str, float]) -> str:
    return ", ".join(f"{name} = {value!r}" for name, value in values.items())


@contextlib.contextmanager
def _writing(path: str | Path) -> Iterator[None]:
    """Make the folder of a file; turn failures of the file system into one clear message."""
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise InputError("output", f"cannot be written: {error.strerror}", str(path)) from None


def to_hepdata(
    dataset: xr.Dataset,
    folder: str | Path,
    keep: Sequence[str],
    experiments: Sequence[str] | None = None,
    at: Mapping[str, float] | None = None,
    cl: Sequence[float] = (0.90,),
) -> Path:
    """Write a profile and its contours as a HEPData submission.

    Parameters
    ----------
    dataset
        An opened cube.
    folder
        A folder, new or empty.
    keep
        Axes to keep, see `scanner.analysis.surface.surface`.
    experiments, at
        See `scanner.analysis.surface.surface`.
    cl
        Confidence levels of contours, for two degrees of freedom, if two axes are kept.

    Returns
    -------
    pathlib.Path
        The folder: ``submission.yaml``; a table of Δχ² and one of each profiled parameter at its minimum, ``-`` where
        no point is ok; a table of each curve of each contour.

    Raises
    ------
    InputError
        As `scanner.analysis.surface.surface`, for a folder in use, and for a table larger than HEPData accepts.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError("folder", "is in use", str(folder), "a new or empty folder")
    delta = surface(dataset, keep, experiments, at)
    profiled = [n for n in used_axes(dataset, delta.attrs["experiments"]) if _several(dataset, n, [*keep, *(at or ())])]
    tables = dict(_tables(delta, profiled, cl, _qualifiers(dataset, delta)))
    comment = "\n".join(_provenance(dataset, delta))
    documents: list[Any] = [{"comment": comment}, *(_entry(dataset, name, table) for name, table in tables.items())]
    files = {_file(name): _yaml([{k: v for k, v in t.items() if k != "description"}]) for name, t in tables.items()}
    for name, text in files.items():
        if len(text) > HEPDATA_BYTES:
            raise InputError("to_hepdata", f"{name} would be too large", f"{len(text)} bytes", f"up to {HEPDATA_BYTES}")
    with _writing(folder / "submission.yaml"):
        for name, text in {**files, "submission.yaml": _yaml(documents)}.items():
            (folder / name).write_text(text, encoding="utf-8")
    return folder


def _yaml(documents: Sequence[Any]) -> str:
    import io

    from ruamel.yaml import YAML

    out = io.StringIO()
    yaml = YAML(typ="safe")
    yaml.default_flow_style = None
    yaml.version = (1, 1)  # HEPData's reader takes 1e-05 for text, and needs 1.0e-05
    yaml.dump_all(documents, out)
    return out.getvalue()


def _tables(
    delta: xr.DataArray, profiled: Sequence[str], levels: Sequence[float], qualifiers: list[dict[str, Any]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every table by its name."""
    grid = [_variable(delta[name], values) for name, values in zip(delta.dims, _mesh(delta), strict=True)]
    what = ", ".join(map(str, delta.dims))
    yield "delta_chi2", _table(f"Delta chi2 over {what}", grid, delta, qualifiers)
    for name in profiled:
        yield (
            f"best_{name}",
            _table(f"{name} at the minimum of the profile over {what}", grid, delta[f"best_{name}"], qualifiers),
        )
    for level in levels if delta.ndim == 2 and min(delta.shape) > 1 else ():
        contour = contour_of(delta, level, threshold(level))
        for i, line in enumerate(contour.lines):
            yield f"contour_{100 * level:.10g}_{i + 1}", _curve(delta, contour, line, qualifiers)


def _mesh(delta: xr.DataArray) -> Iterable[np.ndarray]:
    return np.meshgrid(*(delta[name].values for name in delta.dims), indexing="ij")


def _table(
    description: str, independent: list[dict[str, Any]], values: xr.DataArray, qualifiers: list[dict[str, Any]]
) -> dict[str, Any]:
    dependent = {**_variable(values, values.values), "qualifiers": qualifiers}
    return {"description": description, "independent_variables": independent, "dependent_variables": [dependent]}


def _curve(delta: xr.DataArray, contour: Contour, line: np.ndarray, qualifiers: list[dict[str, Any]]) -> dict[str, Any]:
    x, y = (_variable(delta[name], line[:, i]) for i, name in enumerate(delta.dims))
    level = [{"name": "confidence level", "value": contour.cl}, {"name": "Delta chi2", "value": contour.threshold}]
    return {
        "description": f"Contour at {100 * contour.cl:.10g}% confidence level over {contour.x}, {contour.y}, in order",
        "independent_variables": [x],
        "dependent_variables": [{**y, "qualifiers": [*qualifiers, *level]}],
    }


def _variable(values: xr.DataArray, numbers: np.ndarray) -> dict[str, Any]:
    unit = values.attrs.get("units", "1")
    header = {"name": str(values.name)} | ({} if unit == "1" else {"units": unit})
    return {"header": header, "values": [{"value": "-" if math.isnan(v) else v} for v in numbers.ravel().tolist()]}


def _qualifiers(dataset: xr.Dataset, delta: xr.DataArray) -> list[dict[str, Any]]:
    found = [{"name": "experiments", "value": ", ".join(delta.attrs["experiments"])}]
    if "model" in dataset.attrs:
        found.append({"name": "model", "value": dataset.attrs["model"]["title"]})
    fixed: list[dict[str, Any]] = []
    for name, value in delta.attrs["fixed"].items():
        unit = dataset[name].attrs.get("units", "1")
        fixed.append({"name": name, "value": value} | ({} if unit == "1" else {"units": unit}))
    return found + fixed


def _entry(dataset: xr.Dataset, name: str, table: Mapping[str, Any]) -> dict[str, Any]:
    """What submission.yaml says of a table."""
    phrases = ["Neutrino", *([dataset.attrs["model"]["title"]] if "model" in dataset.attrs else ())]
    return {
        "name": name,
        "description": table["description"],
        "keywords": [{"name": "phrases", "values": phrases}, {"name": "observables", "values": ["CHI2"]}],
        "data_file": _file(name),
    }


def _file(name: str) -> str:
    return f"{name}.yaml"
