"""The store of a scan: every experiment's −2 ln L on a grid of a model's parameters."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from scanner import planning, provenance, stored_tables, tables
from scanner.config import ScanFile
from scanner.cube import TOTAL, Blueprint, Coordinates, Cube, GroupArrays
from scanner.evaluate import evaluate, round_to
from scanner.grid import Block
from scanner.recipes.base import Recipe
from scanner.reduction import Reduction
from scanner.scan import Scan, resolve

CONVENTION = "-2 ln L, up to a constant of the experiment"
"""What ``chi2`` is; surfaces of different conventions must not be added."""


def recipe_of(scan: Scan) -> ScanRecipe:
    """Return the recipe for a scan: of a store of its whole grid, or of what is left of it when it is reduced."""
    return ReducedRecipe(scan) if scan.file.reduce else ScanRecipe(scan)


class ScanRecipe(Recipe):
    """A scan and its tables.

    Parameters
    ----------
    scan
        The scan.
    """

    kind = "scan"

    def __init__(self, scan: Scan):
        self.scan = scan
        self.execution = scan.file.execution
        self.store = scan.file.store
        self._planned: tables.Plan | None = None
        self._built: dict[str, tables.BuiltTable] | None = None

    @classmethod
    def read(cls, cube: Cube) -> ScanRecipe:
        """Return the recipe that a store was made by."""
        return cls(resolve(ScanFile.model_validate(cube.record["scan_file"])))

    def identity(self) -> dict[str, Any]:
        """The physics asked for, and the versions of the physics."""
        return provenance.identity(self.scan)

    def groups(self) -> tuple[GroupArrays, ...]:
        """Return what its store keeps of each group of experiments."""
        return planning.group_arrays(self.scan)

    def blueprint(self, workers: int, warn: Callable[[str], None]) -> Blueprint:
        """Return what the store is created from, its blocks chosen by a calibration."""
        scan, layout = self.scan, planning.layout(self.scan, workers, warn)
        warn(f"{scan.grid.size:,} points in {layout.number_of_blocks:,} blocks")
        return Blueprint(layout, self.groups(), self.coordinates(), record(scan, self.identity()), self.all_tables())

    def coordinates(self) -> Coordinates:
        """Return the axes, the tied parameters and what the model derives."""
        scan = self.scan
        axes = [(f"axes/{axis.name}", axis.array, (axis.name,)) for axis in scan.grid.axes]
        kept = [(f"tied/{name}", scan.parameters[name]) for name in scan.file.tied]
        kept += [(f"derived/{name}", values) for name, values in scan.derived.items()]
        return axes + [(path, values.array, values.axes) for path, values in kept]

    def all_tables(self) -> tables.Plan:
        """Return the tables that blocks need, by path."""
        return tables.plan(self.scan)

    def evaluate(self, cube: Cube, block: Block) -> Mapping[str, np.ndarray]:
        """Evaluate every experiment of a block's group at every point of the block."""
        group = cube.groups[block.group]
        return evaluate(self.scan, self._tables(cube), block, group.outputs, group.dtype)

    def _tables(self, cube: Cube) -> Mapping[str, tables.BuiltTable]:
        if self._built is None:  # blocks are handed out when all tables are there
            self._built = stored_tables.read(cube)
        return self._built

    def fill(self, cube: Cube) -> None:
        """Write what the user's cache has of the tables."""
        stored_tables.recall(cube, self._plan(cube))

    def missing_parts(self, cube: Cube) -> list[int]:
        """Return the numbers of the parts of tables that the store lacks."""
        return stored_tables.missing(cube, self._plan(cube))

    def part_name(self, cube: Cube, number: int) -> str:
        """Return what a part of the tables is called in messages."""
        part = tables.parts(self._plan(cube))[number]
        more = f" and {len(part.paths) - 1} more" if len(part.paths) > 1 else ""
        return f"table {part.paths[0]}{more}, nodes {part.nodes.start} to {part.nodes.stop - 1},"

    def build_part(self, cube: Cube, number: int) -> stored_tables.BuiltPart:
        """Build a part of the tables."""
        return stored_tables.build(cube, self._plan(cube), number)

    def write_part(self, cube: Cube, number: int, built: stored_tables.BuiltPart) -> None:
        """Write a part of the tables."""
        stored_tables.write_part(cube, self._plan(cube), number, built)

    def parts_built(self, cube: Cube) -> None:
        """Keep the tables for the user's next scan."""
        tables.remember(stored_tables.read(cube).values())

    def drop_damaged_parts(self, cube: Cube) -> list[str]:
        """Empty the tables that cannot be read."""
        return [f"table {path}" for path in stored_tables.drop_damaged(cube, self._plan(cube))]

    def _plan(self, cube: Cube) -> tables.Plan:
        if self._planned is None:
            self._planned = stored_tables.plan(cube, self.all_tables())
        return self._planned


class ReducedRecipe(ScanRecipe):
    """A scan that keeps only the sum of its experiments, profiled or integrated over some of its axes."""

    kind = "reduced"

    def blueprint(self, workers: int, warn: Callable[[str], None]) -> Blueprint:
        """Return what the store is created from, its blocks chosen by a calibration."""
        made = super().blueprint(workers, warn)
        return replace(made, record=_reduced_record(self.scan, made.record))

    def coordinates(self) -> Coordinates:
        """Return the kept axes, and what follows from them alone."""
        kept = set(self.scan.kept.names)
        return [(path, values, axes) for path, values, axes in super().coordinates() if kept.issuperset(axes)]

    def evaluate(self, cube: Cube, block: Block) -> Mapping[str, np.ndarray]:
        """Reduce all points above a block of the kept axes."""
        reduction = Reduction(self.scan, cube.groups[0].outputs)
        return round_to(reduction.evaluate(self._tables(cube), block), cube.groups[block.group].dtype)


def _reduced_record(scan: Scan, whole: Mapping[str, Any]) -> dict[str, Any]:
    """What the store of a reduced scan records: one experiment, the sum, which must not meet what depends on the rest.

    Parameters that vary along a reduced axis are ``reduced`` of the sum; its nuisance parameters are minimised already.
    """
    assert scan.file.reduce is not None
    kept, members = set(scan.kept.names), scan.members().values()
    lost = sorted(name for name, values in scan.parameters.items() if not kept.issuperset(values.axes))
    total = {
        "title": "sum of " + ", ".join(scan.experiments),
        "statistic": f"-2 ln L, {scan.file.reduce.method}d over {', '.join(scan.reduced.names)}",
        "constant": math.fsum(m.experiment.likelihood.constant for m in members),
        "limit_dof": 2,
        "from_curve": False,
        "projection": any(m.experiment.projection for m in members),
        "number_of_data": sum(m.experiment.likelihood.number_of_data for m in members),
        "nuisances": [],
        "counts": None,
        "correlated": {other: joint for m in members for other, joint in m.experiment.correlated.items()},
        "data_sets": sorted({name for m in members for name in m.experiment.data_sets}),
        "references": list(dict.fromkeys(str(r) for m in members for r in m.experiment.references)),
        "notes": [f"{m.experiment.name}: {note}" for m in members for note in m.experiment.notes],
        "depends_on": sorted({name for m in members for name in m.parameters} - set(lost)),
        "reduced": lost,
        "profiled_nuisances": sorted({name for m in members for name in m.nuisances}),
    }
    inside = {kind: [n for n in whole[kind] if kept.issuperset(_axes(scan, kind, n))] for kind in ("tied", "derived")}
    return {
        **whole,
        "kind": ReducedRecipe.kind,
        "axes": {name: whole["axes"][name] for name in scan.kept.names},
        **{kind: {name: whole[kind][name] for name in names} for kind, names in inside.items()},
        "experiments": {TOTAL: total},
        "reduced": {
            "method": scan.file.reduce.method,
            "axes": {name: whole["axes"][name] for name in scan.reduced.names},
            "experiments": whole["experiments"],
        },
    }


def _axes(scan: Scan, kind: str, name: str) -> tuple[str, ...]:
    return (scan.parameters if kind == "tied" else scan.derived)[name].axes


def record(scan: Scan, identity: Mapping[str, Any]) -> dict[str, Any]:
    """What the store of a scan records, plain JSON."""
    model = scan.model
    return {
        "kind": ScanRecipe.kind,
        "name": scan.file.name,
        "identity": identity,
        "convention": CONVENTION,
        "scan_file": scan.file.model_dump(exclude_none=True),
        "axes": {a.name: {"unit": a.unit, "scale": a.scale, "long_name": a.long_name} for a in scan.grid.axes},
        "tied": {
            name: {
                "unit": model.parameter(name).unit,
                "long_name": model.parameter(name).long_name or name,
                "to": dict(tie),
            }
            for name, tie in scan.file.tied.items()
        },
        "derived": {
            d.name: {"unit": d.unit, "long_name": d.long_name or d.name}
            for d in model.derived
            if d.name in scan.derived
        },
        "model": {
            "name": model.name,
            "title": model.title,
            "physics_version": model.version,
            "parameters": {
                p.name: p.shown(float(scan.parameters[p.name].array))
                for p in model.parameters
                if not scan.parameters[p.name].axes
            },
            "constraints": [asdict(constraint) for constraint in model.constraints],
            "null": dict(model.null) if model.null is not None else None,
            "references": [str(r) for r in model.references],
        },
        "experiments": {
            name: {**m.experiment.attributes(), "depends_on": sorted(m.parameters)}
            for name, m in scan.members().items()
        },
        "plugins": provenance.plugins(scan),
    }
