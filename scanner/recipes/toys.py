"""The store of pseudo-experiments: Δχ² of each at points of a scan, for Feldman and Cousins' critical values."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from scanner import planning, provenance, stored_tables, tables
from scanner.config import ScanFile
from scanner.cube import TOTAL, Blueprint, Coordinates, Cube, GroupArrays, open_cube
from scanner.errors import InputError
from scanner.evaluate import round_to
from scanner.grid import Block, Layout, block_shape
from scanner.points import POINT, at_points, fit_others, read_points
from scanner.pseudo_experiments import VERSION, Built, PseudoExperiments
from scanner.recipes.scan import ScanRecipe, record
from scanner.recipes.scan_of import only, refuse_incomplete, scan_of
from scanner.scan import Scan, Values, resolve

if TYPE_CHECKING:
    import xarray as xr

TOY = "toy"
"""Name of the axis that runs over pseudo-experiments."""
MAX_TOYS = 10**7
"""Of a point."""
DRAW_SECONDS = 1e-4
"""To draw a pseudo-experiment of one experiment."""


@dataclass(frozen=True)
class Toys:
    """What pseudo-experiments are asked for.

    Parameters
    ----------
    source
        The scan's store.
    source_identity
        Its identity's hash.
    experiments
        Those that are summed, in order of name.
    number
        Pseudo-experiments of each point.
    seed
        Key of the random numbers.
    points
        Values of every axis of the scan, by name.
    profiled
        Those of the axes over which χ² at a point is minimised.
    """

    source: str
    source_identity: str
    experiments: list[str]
    number: int
    seed: int
    points: dict[str, list[float]]
    profiled: list[str]


class ToysRecipe(ScanRecipe):
    """Pseudo-experiments on the grid of a scan: with its tables, and tables of their own for their points.

    Parameters
    ----------
    scan
        The scan, of these experiments alone.
    toys
        What is asked for.
    """

    kind = "toys"

    def __init__(self, scan: Scan, toys: Toys):
        super().__init__(scan)
        self.store = None
        self.toys = toys
        values = {name: np.array(column) for name, column in toys.points.items()}
        self.points = at_points(self.scan, values, toys.profiled)
        best = [np.searchsorted(axis.array, values[axis.name]) for axis in self.points.grid.axes[1:]]
        self._places = np.transpose([np.arange(len(self.points.grid.axes[0])), *best])
        members = self.scan.members()
        self.draws = PseudoExperiments({name: members[name] for name in toys.experiments}, toys.seed)

    @classmethod
    def read(cls, cube: Cube) -> ToysRecipe:
        """Return the recipe that a store was made by."""
        toys = Toys(**cube.record["toys"])
        return cls(only(resolve(ScanFile.model_validate(cube.record["scan_file"])), toys.experiments), toys)

    @classmethod
    def of(
        cls,
        source: Cube,
        dataset: xr.Dataset,
        points: str | os.PathLike[str],
        number: int,
        seed: int = 0,
        experiments: Sequence[str] | None = None,
    ) -> ToysRecipe:
        """Return the recipe for pseudo-experiments at the points of a file.

        Parameters
        ----------
        source, dataset
            The store of a scan, and what it is opened as.
        points
            See `scanner.points.read_points`. Axes that it does not name are profiled; true are the values that fit the
            store's data best.
        number, seed
            As those of `Toys`.
        experiments
            Names of those to be summed; all by default.

        Raises
        ------
        InputError
            For experiments that cannot be summed, or of which no data can be drawn, and points that cannot be used.
        StoreRefused
            If the store is no complete scan of the present versions of the physics.
        """
        if not 1 <= number <= MAX_TOYS:
            raise InputError("--n", "not a number of pseudo-experiments", number, f"1 to {MAX_TOYS:,} a point")
        if not 0 <= seed < 2**128:
            raise InputError("--seed", "not a seed", seed, "0 to 2^128 - 1")
        refuse_incomplete(source)
        chosen: list[str] = dataset.scan.total(experiments).attrs["experiments"]
        scan = scan_of(source, chosen)
        _refuse_undrawable(scan)
        given = read_points(points, scan.grid)
        values = {name: column.tolist() for name, column in fit_others(dataset, given, chosen).items()}
        free = {axis for group in scan.groups for axis in group.axes if len(scan.grid.axis(axis)) > 1}
        profiled = [name for name in values if name in free and name not in given]
        return cls(scan, Toys(source.url, source.record["identity_hash"], chosen, number, seed, values, profiled))

    def identity(self) -> dict[str, Any]:
        """What was asked for, of which scan, and how random numbers are drawn."""
        asked = asdict(self.toys)
        del asked["source"]  # wherever it lies
        points = asked.pop("points")
        listed = {"number": len(self.points.grid.axes[0]), "hash": provenance.digest(points)}
        return {**asked, "points": listed, "random_numbers": VERSION}

    def groups(self) -> tuple[GroupArrays, ...]:
        """Return what its store keeps, of the sum of all experiments."""
        return (GroupArrays((POINT, TOY), (TOTAL,), ("delta_chi2",), "float64"),)

    def blueprint(self, workers: int, warn: Callable[[str], None]) -> Blueprint:
        """Return what the store is created from, its blocks chosen by a calibration."""
        points, toys = len(self.points.grid.axes[0]), self.toys.number
        seconds = self._seconds(workers, warn)
        wanted = min(planning.BLOCK_SECONDS / seconds, points * toys / (planning.BLOCKS_PER_WORKER * workers))
        layout = Layout(((points, toys),), (block_shape((points, toys), int(max(wanted, 1))),))
        warn(
            f"{points:,} points × {toys:,} pseudo-experiments in {layout.number_of_blocks:,} blocks, "
            f"{seconds:.2g} s each on a core like this: {points * toys * seconds / 3600:.2g} core-hours"
        )
        return Blueprint(layout, self.groups(), self.coordinates(), self._record(), self.all_tables())

    def _seconds(self, workers: int, warn: Callable[[str], None]) -> float:
        """Time of a pseudo-experiment: of drawing it, and of its χ² on the whole grid."""
        try:
            on_grid = sum(g.points * g.seconds_per_point for g in planning.plan(self.scan, workers).groups)
        except Exception as error:  # left to the blocks that meet it again
            warn(f"the calibration failed ({type(error).__name__}: {error}); taking 10 µs a point")
            on_grid = self.scan.grid.size * planning.NOMINAL_SECONDS
        return on_grid + DRAW_SECONDS * len(self.toys.experiments)

    def coordinates(self) -> Coordinates:
        """Return the numbers of points and pseudo-experiments, and the parameters of the points."""
        lengths = {POINT: len(self.points.grid.axes[0]), TOY: self.toys.number}
        numbers = [(f"axes/{name}", np.arange(length), (name,)) for name, length in lengths.items()]
        return numbers + [(f"derived/{name}", values.array, values.axes) for name, values in self._varying().items()]

    def _varying(self) -> dict[str, Values]:
        """Parameters that differ between points, where these are true: axes and those tied to them."""
        found = {name: self.points.parameters[name] for name in (*self.scan.grid.names, *self.scan.file.tied)}
        index = dict(zip(self.points.grid.names, self._places.T, strict=True))
        return {
            name: Values((POINT,), values.array[tuple(index[axis] for axis in values.axes)]) if values.axes else values
            for name, values in found.items()
        }

    def _record(self) -> dict[str, Any]:
        scan, model = self.scan, self.scan.model
        axes = {a.name: {"unit": a.unit, "long_name": a.long_name, "scale": a.scale} for a in scan.grid.axes}
        tied = {n: model.parameter(n) for n in scan.file.tied}
        facts = {name: {**m.experiment.attributes(), "axes": self._axes(name)} for name, m in scan.members().items()}
        counters = {POINT: "number of the point", TOY: "number of the pseudo-experiment"}
        return {
            **record(scan, self.identity()),
            "kind": self.kind,
            "axes": {name: {"unit": "1", "scale": "values", "long_name": text} for name, text in counters.items()},
            "tied": {},
            "derived": axes | {n: {"unit": p.unit, "long_name": p.long_name or n} for n, p in tied.items()},
            "experiments": facts,
            "toys": asdict(self.toys),
        }

    def _axes(self, experiment: str) -> list[str]:
        """Axes of the scan that an experiment depends on."""
        groups = self.scan.groups
        return next(list(g.axes) for g in groups if experiment in [m.experiment.name for m in g.members])

    def evaluate(self, cube: Cube, block: Block) -> Mapping[str, np.ndarray]:
        """Draw the pseudo-experiments of a block, and minimise each over the grid."""
        if self._built is None:
            self._built = stored_tables.read(cube)
        own = {path.removeprefix(f"{POINT}/"): t for path, t in self._built.items() if path.startswith(f"{POINT}/")}
        whole, points = Built(self.scan, self._built), Built(self.points, own)
        (first, toy), (last, _) = block.start, block.stop
        truths = [self.draws.truth(points, place) for place in self._places[first:last].tolist()]
        found = self.draws.delta_chi2(whole, points, truths, (first, toy), block.shape[1])
        return round_to({name: values[None] for name, values in found.items()}, cube.groups[block.group].dtype)

    def fill(self, cube: Cube) -> None:
        """Copy the scan's tables, and write what the user's cache has of the others."""
        source, planned = open_cube(self.toys.source), self._plan(cube)
        there = {path: facts["key"] for path, facts in source.record["tables"].items()}
        same = [path for path, one in planned.items() if there.get(path) == one.key]
        for path, built in stored_tables.read(source, same).items():
            stored_tables.write(cube, path, slice(None), built.entries, built.status)
        stored_tables.recall(cube, {path: one for path, one in planned.items() if path not in same})

    def all_tables(self) -> tables.Plan:
        """Return the tables of the scan, and those of the points."""
        return {
            **super().all_tables(),
            **{f"{POINT}/{path}": one for path, one in tables.plan(self.points).items()},
        }


def _refuse_undrawable(scan: Scan) -> None:
    found = {name: member.experiment for name, member in scan.members().items()}
    curves = [name for name, experiment in found.items() if experiment.from_curve]
    others = [name for name, experiment in found.items() if not hasattr(experiment.likelihood, "toy")]
    reasons = {
        "known from published curves alone, without data to draw": curves,
        "whose likelihoods draw no pseudo-experiments (they have no method toy)": others,
    }
    for reason, names in reasons.items():
        if names:
            hint = "choose others with --experiment (experiments=[...])"
            raise InputError("experiment", f"among those summed are some {reason}", ", ".join(names), hint=hint)
