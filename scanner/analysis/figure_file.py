"""The figure file: scans, and what is drawn of them, so that one command makes a picture from its config."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from scanner.analysis.selections import Line
from scanner.config import Number, Section, load_yaml, validate

Levels = Annotated[list[Annotated[float, Field(gt=0, lt=1)]], Field(min_length=1)]
Name = Annotated[str, Field(min_length=1)]


def _once(entries: list[str]) -> list[str]:
    if len(set(entries)) != len(entries):
        raise ValueError("must not name anything twice")
    return entries


Names = Annotated[list[Name], Field(min_length=1), AfterValidator(_once)]


class CurveSpec(Section):
    """One curve: the sum of some experiments of one scan."""

    label: Name = Field(description="text for the legend")
    experiments: Names = Field(description="names of experiments of one scan, to be summed")
    scan: Name | None = Field(None, description="name of its scan, where several have these experiments")
    cl: Levels | None = Field(None, description="confidence levels, [0.90, 0.99]; by default the figure's")
    style: Line | None = Field(None, description="solid, dashed, dashdot or dotted")


class MergeSpec(Section):
    """How the scans are merged: the options of ``scanner merge``."""

    store: Name = Field(description="path or URL of the merged store")
    on: Literal["first", "union", "intersection"] = Field("first", description="first, union or intersection")
    interpolate: bool = Field(False, description="true or false: whether values between a store's nodes are allowed")
    map: Name | None = Field(None, description="a file of maps between the stores' parameters, relative to this file")
    experiments: Annotated[list[Name], AfterValidator(_once)] = Field(
        [], description="names of experiments to merge; all by default. The others can still be drawn"
    )
    allow_incomplete: bool = Field(False, description="true or false")


class FigureFile(Section):
    """A whole figure file."""

    version: Literal[1] = Field(description="1, the version of this format")
    scans: Names = Field(description="a list of scan files, relative to this file")
    merge: MergeSpec | None = Field(
        None, description="a mapping of store, on, interpolate, map, experiments, allow_incomplete"
    )
    x: Name = Field(description="the axis across")
    y: Name | None = Field(None, description="the axis upwards; without it, profiles over x are drawn")
    at: dict[str, Number] = Field({}, description="axis: value, for axes that are fixed instead of profiled")
    cl: Levels = Field([0.90], description="confidence levels between 0 and 1, such as [0.90, 0.99]")
    curves: list[CurveSpec] = Field(
        [], description="a list of {label: text, experiments: [names]}; by default the sum of each scan"
    )
    published: Annotated[list[Name], AfterValidator(_once)] = Field(
        [], description="names of experiments, each drawn alone"
    )
    labels: dict[str, Name] = Field({}, description="published experiment: text for the legend")
    fill: Literal["none", "allowed", "excluded", "surface"] = Field(
        "none", description="none, allowed, excluded, or surface (of one curve)"
    )
    best_fit: bool = Field(False, description="true or false: whether best fits are marked")
    title: str = Field("", description="text")

    @model_validator(mode="after")
    def _known_labels(self) -> FigureFile:
        strange = [name for name in self.labels if name not in self.published]
        if strange:
            raise ValueError(f"labels: {strange[0]!r} is not in published")
        return self

    @model_validator(mode="after")
    def _one_surface(self) -> FigureFile:
        cubes = 1 if self.merge else len(self.scans)
        drawn = (len(self.curves) or cubes) + len(self.published)
        if self.fill == "surface" and (drawn > 1 or self.y is None):
            raise ValueError("fill: surface takes one curve, over x and y")
        return self


def read_figure_file(path: Path) -> FigureFile:
    """Read and check a figure file.

    Raises
    ------
    InputError
        With the path in the file, the value found and what is allowed.
    """
    found: Any = validate(FigureFile, load_yaml(path), "")
    assert isinstance(found, FigureFile)
    return found
