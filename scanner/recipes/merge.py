"""The store of a merge: the experiments of several stores on one grid, and the sum of all of them."""

from __future__ import annotations

import functools
import itertools
import math
import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from zarr.storage import LocalStore

from scanner.config import Execution
from scanner.cube import BEST, OK_FRACTION, TOTAL, Blueprint, Coordinates, Cube, GroupArrays, open_cube
from scanner.errors import InputError, Status, StoreError
from scanner.evaluate import round_to
from scanner.grid import Block, Layout, block_shape
from scanner.ledger import DONE
from scanner.likelihoods.pulls import combine, connected, number_of_terms
from scanner.merging import grids, inputs, maps
from scanner.merging.domain import Domain
from scanner.merging.inputs import Input
from scanner.merging.pieces import ERROR, Piece, gather
from scanner.recipes.base import Recipe
from scanner.scan import Values
from scanner.store import Place, look, storage_errors
from scanner.vocabulary import Constraint

BLOCK_POINTS = 2**20
"""Of a block at most, where it need not be like an input's."""


@dataclass(frozen=True)
class MergeOptions:
    """What is merged, and how.

    Parameters
    ----------
    stores
        Absolute paths or URLs of the inputs.
    on
        Whose grid: ``first``, ``union`` or ``intersection``.
    interpolate
        Whether values between the nodes of an input may be interpolated.
    maps
        By position of an input, what its parameters follow from.
    experiments
        Names of those to take; all if empty.
    allow_incomplete
        Whether an input may lack blocks.
    """

    stores: tuple[str, ...]
    on: str = "first"
    interpolate: bool = False
    maps: Mapping[int, maps.StoreMap] | None = None
    experiments: tuple[str, ...] = ()
    allow_incomplete: bool = False


@dataclass(frozen=True)
class _Merged:
    """A group of the merged store, and where its numbers come from.

    Parameters
    ----------
    arrays
        What is stored.
    own
        The same on the axes that the experiments themselves depend on: constraints of the model may add some.
    pieces
        Where the numbers of these come from.
    """

    arrays: GroupArrays
    own: GroupArrays
    pieces: tuple[Piece, ...]

    def read(self, box: Mapping[str, slice], names: Sequence[str], domain: Domain) -> dict[str, np.ndarray]:
        """Return arrays on a box, not ok where only the merged grid leaves the model's domain."""
        found = gather(self.pieces, self.own, {name: box[name] for name in self.own.axes}, names)
        if self.own.axes == self.arrays.axes:
            return found
        shape = tuple(box[name].stop - box[name].start for name in self.arrays.axes)
        index = (..., *(slice(None) if name in self.own.axes else None for name in self.arrays.axes))
        before = {name: array.shape[: array.ndim - len(self.own.axes)] for name, array in found.items()}
        found = {name: np.broadcast_to(a[index], (*before[name], *shape)).copy() for name, a in found.items()}
        outside = (found["status"] == Status.ok) & domain.outside(self.arrays.axes, box)
        for name, array in found.items():
            fill = Status.outside_model if name == "status" else np.nan
            where = outside.reshape(len(outside), *[1] * (len(before[name]) - 1), *shape)
            np.copyto(array, fill, where=where, casting="unsafe")
        return found


class MergeRecipe(Recipe):
    """A merge of stores.

    Parameters
    ----------
    options
        What is merged, and how.
    execution
        Where and how to run it.

    Raises
    ------
    InputError, StoreRefused
        If these stores must not be merged so, with the reason.
    """

    kind = "merge"

    def __init__(self, options: MergeOptions, execution: Execution | None = None):
        if options.on not in grids.ON:
            raise InputError("--on", "unknown grid", options.on, ", ".join(grids.ON))
        self.options, self.execution = options, execution or Execution()
        declared = options.maps or {}
        named = {i: maps.names(entries) for i, entries in declared.items()}
        self._inputs = inputs.open_inputs(options.stores, options.experiments, named, options.allow_incomplete)
        inputs.check(self._inputs)
        self._axes = {axis.name: axis for axis in grids.merged_axes(self._inputs, options.on)}
        self._domain = self._find_domain()
        self._merged = tuple(self._group(names, places, declared) for names, places in inputs.groups(self._inputs))

    @classmethod
    def read(cls, cube: Cube) -> MergeRecipe:
        """Return the recipe that a store was made by; its inputs must still be there, and the same."""
        made = cube.record["merge"]
        options = MergeOptions(
            tuple(one["store"] for one in made["inputs"]),
            made["on"],
            made["interpolate"],
            {int(i): entries for i, entries in made["maps"].items()},
            tuple(made["experiments"]),
            allow_incomplete=True,  # the driver has asked already
        )
        recipe = cls(options, Execution.model_validate(made["execution"]))
        recipe._refuse_changed(made["inputs"])
        return recipe

    def identity(self) -> dict[str, Any]:
        """The inputs, the options, and the versions of the physics."""
        return {
            "inputs": [one.identity() for one in self._inputs],
            "on": self.options.on,
            "interpolate": self.options.interpolate,
            "maps": {str(i): dict(entries) for i, entries in (self.options.maps or {}).items()},
            "experiments": list(self.options.experiments),
            "physics": {key: version for one in self._inputs for key, version in one.physics.items()},
        }

    def groups(self) -> tuple[GroupArrays, ...]:
        """Return the groups of the inputs, and the sum."""
        axes = _ordered({name for merged in self._merged for name in merged.arrays.axes}, self._axes)
        return (*(merged.arrays for merged in self._merged), GroupArrays(axes, (TOTAL,), ("chi2",), "float64"))

    def blueprint(self, workers: int, warn: Callable[[str], None]) -> Blueprint:
        """Return what the store is created from, cut like the inputs where their grids are kept."""
        groups = self.groups()
        shapes = tuple(tuple(len(self._axes[name]) for name in group.axes) for group in groups)
        blocks = tuple(self._blocks(i, shape) for i, shape in enumerate(shapes))
        layout = Layout(shapes, blocks)
        warn(
            f"{math.prod(map(len, self._axes.values())):,} points, {len(inputs.facts(self._inputs))} experiment(s) of "
            f"{len(self._inputs)} stores, {layout.number_of_blocks:,} blocks"
        )
        for merged in self._merged:
            self._warn_uncovered(merged, warn)
        return Blueprint(layout, groups, self.coordinates(), self._record())

    def coordinates(self) -> Coordinates:
        """Return the axes, and what followed from them in an input that has all their values."""
        axes = [(f"axes/{a.name}", a.array, (a.name,)) for a in self._axes.values()]
        return [*axes, *self._followed("tied"), *self._followed("derived")]

    def evaluate(self, cube: Cube, block: Block) -> Mapping[str, np.ndarray]:
        """Compute a block: of the experiments' own groups by looking them up, of the sum by adding."""
        group = cube.groups[block.group]
        box = dict(zip(group.axes, block.slices, strict=True))
        if block.group == len(self._merged):
            found = self._total(group, box)
        else:
            found = self._merged[block.group].read(box, [*group.arrays()], self._domain)
        self._refuse_changed(cube.record["merge"]["inputs"])
        return round_to(found, group.dtype)

    def fill(self, cube: Cube) -> None:
        """Link the blocks that an input has as they are: no copy, where both lie on one file system."""
        for number, merged in enumerate(self._merged):
            for i, piece in enumerate(merged.pieces):
                if piece.exact:
                    _Links(cube, number, piece, merged.pieces[i + 1 :]).make()

    def _refuse_changed(self, made: Sequence[Mapping[str, Any]]) -> None:
        """Raise StoreError if an input is no longer what a merge began with."""
        for one, then in zip(self._inputs, made, strict=True):
            lost = one.lacking and not then.get("lacking")
            if lost or look(one.cube.url) is not Place.COMPLETE or open_cube(one.cube.url).record["id"] != then["id"]:
                raise StoreError(f"{one.cube.url}: is no longer what is merged: it was made anew, moved or damaged")

    def _group(
        self, names: tuple[str, ...], places: Sequence[tuple[int, int]], declared: Mapping[int, maps.StoreMap]
    ) -> _Merged:
        """Place the groups that hold some experiments on the merged grid."""
        first = self._inputs[places[0][0]].cube.groups[places[0][1]]
        names = tuple(name for name in first.experiments if name in names)
        pieces = [self._piece(names, i, number, declared.get(i, {})) for i, number in places]
        if not self.options.interpolate:
            for piece in pieces:
                if not piece.mapped:
                    grids.refuse_between(piece.placements, self._axes, piece.cube.url)
        _refuse_other_pieces(names, pieces)
        used = {a for piece in pieces for place in piece.placements for a in place.axes}
        outputs = [
            n
            for n in first.outputs
            if all(n in p.group.outputs for p in pieces) and n not in (ERROR, OK_FRACTION) and not n.startswith(BEST)
        ]
        if any(not piece.exact or ERROR in piece.group.outputs for piece in pieces):
            outputs.append(ERROR)
        own = GroupArrays(_ordered(used, self._axes), names, tuple(outputs), first.dtype, first.nuisances)
        stored = replace(own, axes=_ordered(used | self._domain.axes, self._axes))
        # The same whatever order the stores are given in: of points that two pieces have, one piece's count.
        pieces.sort(key=lambda piece: str(piece.cube.record["identity_hash"]), reverse=True)
        return _Merged(stored, own, tuple(pieces))

    def _find_domain(self) -> Domain:
        """Where the merged grid lies within the model's domain, from the axes, fixed and tied parameters."""
        values = {name: Values((), np.array(v)) for name, v in self._fixed().items() if isinstance(v, float)}
        values |= {name: Values((name,), axis.array) for name, axis in self._axes.items()}
        for path, array, axes in self._followed("tied"):
            order = _ordered(axes, self._axes)
            values[path.removeprefix("tied/")] = Values(order, array.transpose([axes.index(n) for n in order]))
        stored = self._reference.record["model"].get("constraints", ())
        return Domain.of((Constraint(**one) for one in stored), values)

    def _piece(self, names: tuple[str, ...], position: int, number: int, entries: maps.StoreMap) -> Piece:
        one = self._inputs[position]
        group, own = one.cube.groups[number], grids.axes_of(one.cube)
        fixed = {n: v for other in self._inputs for n, v in other.record["model"]["parameters"].items()}
        places = []
        for name in group.axes:
            if name in entries:
                places.append(maps.mapped(own[name], entries[name], self._axes, fixed))
            else:
                places.append(grids.placed(own[name], name, self._axes[name].array))
        members = tuple(group.experiments.index(name) for name in names)
        return Piece(one.cube, number, members, tuple(places), any(n in entries for n in group.axes), not one.lacking)

    def _blocks(self, number: int, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Blocks like an input's where its grid is kept, to link or read them whole; else as many points as fit."""
        group, total = self.groups()[number], number == len(self._merged)
        sources = self._merged if total else self._merged[number : number + 1]
        density = max(piece.density for merged in sources for piece in merged.pieces)
        a_point = sum(m.arrays.bytes(2) for m in self._merged) + 40
        fits = int(max(1, self.execution.memory_bytes / 4 / a_point / density))
        for merged in sources:
            piece = merged.pieces[0]
            if piece.exact and piece.group.axes == group.axes:
                block = piece.cube.layout.blocks[piece.number]
                return block if density == 1 and not total else _cut(block, fits)
        return block_shape(shape, min(BLOCK_POINTS, fits))

    def _warn_uncovered(self, merged: _Merged, warn: Callable[[str], None]) -> None:
        for name in merged.arrays.axes:
            along = [p.cells >= 0 for piece in merged.pieces for p in piece.placements if p.axes == (name,)]
            left = len(self._axes[name]) - int(np.any(along, axis=0).sum()) if along else 0
            if left:
                names = ", ".join(merged.arrays.experiments[:3])
                warn(f"{names}: {left} of {len(self._axes[name])} values of {name} lie beyond its grid (not_covered)")

    def _total(self, group: GroupArrays, box: Mapping[str, slice]) -> dict[str, np.ndarray]:
        facts = inputs.facts(self._inputs)
        nuisances = {name: tuple(facts[name].get("nuisances", ())) for name in facts}
        shared = {name for names in connected(facts, nuisances) if len(names) > 1 for name in names}
        shape = tuple(box[name].stop - box[name].start for name in group.axes)
        chi2, terms, marks = {}, {}, {}
        for merged in self._merged:
            arrays = merged.arrays
            wanted = ["chi2", *(["pull_terms"] if shared & set(arrays.experiments) else [])]
            found = merged.read({name: box[name] for name in arrays.axes}, wanted, self._domain)
            index = tuple(slice(None) if name in arrays.axes else None for name in group.axes)
            for i, name in enumerate(arrays.experiments):
                chi2[name] = np.broadcast_to(found["chi2"][i][index], shape)
                marks[name] = np.broadcast_to(found["status"][i][index], shape)
                if name in shared:
                    count = number_of_terms(len(nuisances[name]))
                    terms[name] = np.broadcast_to(found["pull_terms"][i][(slice(None), *index)], (count, *shape))
        total, status = combine(chi2, nuisances, terms), np.full(shape, Status.ok, dtype=np.uint8)
        for name in sorted(marks):
            np.copyto(status, marks[name], where=(status == Status.ok) & (marks[name] != Status.ok))
        lost = (status == Status.ok) & ~np.isfinite(total)
        status[lost] = Status.not_finite
        return {"chi2": np.where(status == Status.ok, total, np.nan)[None], "status": status[None]}

    @functools.cached_property
    def _reference(self) -> Input:
        """The first input whose model is that of the merged store."""
        return next((one for one in self._inputs if not set(one.record["axes"]) <= one.mapped), self._inputs[0])

    def _setter(self, parameter: str) -> Input:
        """The input that says how a parameter is set: the first that depends on it, wherever there is one."""
        name = self._reference.record["model"]["name"]
        alike = (one for one in self._inputs if one.record["model"]["name"] == name)
        return next((one for one in alike if parameter in one.used), self._reference)

    def _fixed(self) -> dict[str, Any]:
        """Values of the parameters that are neither axes nor tied."""
        known = dict.fromkeys(n for one in self._inputs for n in one.record["model"]["parameters"])
        values = {n: self._setter(n).record["model"]["parameters"].get(n) for n in known if n not in self._axes}
        return {n: value for n, value in values.items() if value is not None}

    def _followers(self) -> dict[str, tuple[Input, Mapping[str, Any]]]:
        """Tied and derived coordinates of an input whose axes below them are kept, by path."""
        found: dict[str, tuple[Input, Mapping[str, Any]]] = {}
        for one in self._inputs:
            own = grids.axes_of(one.cube)
            for kind in ("tied", "derived"):
                for name, facts in one.record.get(kind, {}).items():
                    below = one.cube.array(f"{kind}/{name}").metadata.dimension_names or ()
                    same = all(a in self._axes and own[a].values == self._axes[a].values for a in below)
                    own_tie = kind == "derived" or self._setter(name) is one
                    if same and own_tie and not one.mapped and name not in self._axes:
                        found.setdefault(f"{kind}/{name}", (one, facts))
        return found

    def _followed(self, kind: str) -> Coordinates:
        """Values of the tied, or of the derived, coordinates, from the inputs."""
        found: Coordinates = []
        for path, (one, _) in self._followers().items():
            if path.startswith(f"{kind}/"):
                array = one.cube.array(path)
                found.append((path, np.asarray(array[...]), tuple(array.metadata.dimension_names or ())))
        return found

    def _facts(self) -> dict[str, Any]:
        """What the inputs recorded of the experiments; those mapped depend on what their parameters follow from."""
        found = inputs.facts(self._inputs)
        for i, entries in (self.options.maps or {}).items():
            for name in self._inputs[i].experiments:
                own = [[p] if p not in entries else maps.sources(entries[p]) for p in found[name].get("depends_on", ())]
                if own:
                    found[name] = {**found[name], "depends_on": sorted(set(itertools.chain(*own)))}
        return found

    def _record(self) -> dict[str, Any]:
        """What the store records besides its layout, plain JSON."""
        first, identity = self._reference.record, self.identity()
        followers = {path.partition("/")[::2]: facts for path, (_, facts) in self._followers().items()}
        return {
            "kind": self.kind,
            "name": "+".join(dict.fromkeys(str(one.record["name"]) for one in self._inputs)),
            "identity": identity,
            "convention": first.get("convention", ""),
            "merge": {**identity, "execution": self.execution.model_dump(exclude_none=True)},
            "axes": {a.name: {"unit": a.unit, "scale": a.scale, "long_name": a.long_name} for a in self._axes.values()},
            "tied": {name: facts for (kind, name), facts in followers.items() if kind == "tied"},
            "derived": {name: facts for (kind, name), facts in followers.items() if kind == "derived"},
            "model": {**first["model"], "parameters": self._fixed()},
            "experiments": self._facts(),
            "plugins": {k: v for one in self._inputs for k, v in one.record["plugins"].items()},
        }


def _refuse_other_pieces(names: Sequence[str], pieces: Sequence[Piece]) -> None:
    """Refuse pieces of different numbers, and pieces that have more than an edge in common."""
    for i, a in enumerate(pieces):
        for b in pieces[:i]:
            where = f"{names[0]} is in {a.cube.url} and in {b.cube.url}"
            for what in ("dtype", "nuisances"):
                one, other = getattr(a.group, what), getattr(b.group, what)
                if one != other:
                    raise InputError("merge", f"{where}, with different {what}: {one} and {other}")
            one, other = (sorted(place.axes for place in piece.placements) for piece in (a, b))
            if one != other:
                raise InputError("merge", f"{where}, on different axes: {one} and {other}")
            by_axis = {place.axes: place for place in b.placements}
            common = [int(((p.cells >= 0) & (by_axis[p.axes].cells >= 0)).sum()) for p in a.placements]
            if min(common, default=2) > 1:
                raise InputError(
                    "merge",
                    f"{where}, at {math.prod(common):,} points in common: these data would count twice",
                    hint="leave one of the stores out, choose with --experiment, or merge all pieces of a grid at once",
                )


def _ordered(names: Collection[str], axes: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for name in axes if name in names)


def _cut(block: tuple[int, ...], points: int) -> tuple[int, ...]:
    """Halve a block along its longest sides until it has no more than so many points."""
    while math.prod(block) > max(points, 1):
        longest = max(range(len(block)), key=lambda i: block[i])
        block = tuple(-(-n // 2) if i == longest else n for i, n in enumerate(block))
    return block


@dataclass(frozen=True)
class _Links:
    """Hard links in place of the blocks that a piece's store has as they are."""

    cube: Cube
    number: int
    piece: Piece
    later: tuple[Piece, ...]
    """Those that count where they have points in common with it."""

    def make(self) -> None:
        """Link every block that has the same points in both stores, status last."""
        here, there = self.cube.root.store, self.piece.cube.root.store
        if not isinstance(here, LocalStore) or not isinstance(there, LocalStore) or not self._alike():
            return
        ledger, _ = self.piece.cube.ledger()
        done = {
            (b.start, b.stop): b
            for b in self.piece.cube.layout
            if b.group == self.piece.number and ledger.state[b.number] == DONE
        }
        offset = [int(np.flatnonzero(p.cells == 0)[0]) for p in self.piece.placements]
        for block in self.cube.layout:
            if block.group == self.number:
                start, stop = (tuple(a - o for a, o in zip(e, offset, strict=True)) for e in (block.start, block.stop))
                source, box = done.get((start, stop)), dict(zip(self.piece.group.axes, block.slices, strict=True))
                if source is None or any(piece.covers(box) for piece in self.later):
                    continue
                if not self._link(here.root, there.root, block, source):
                    return

    def _alike(self) -> bool:
        """Whether the arrays are made alike, and the input's nodes are neighbours in the merged grid too."""
        mine, theirs = self.cube.groups[self.number], self.piece.group
        if (mine.arrays(), mine.dtype, mine.axes, mine.experiments) != (
            theirs.arrays(),
            theirs.dtype,
            theirs.axes,
            theirs.experiments,
        ):
            return False
        for place in self.piece.placements:
            inside = np.flatnonzero(place.cells >= 0)
            if not np.array_equal(place.cells[inside], np.arange(len(place.axis))) or np.ptp(inside) >= inside.size:
                return False
        pairs = (
            (self.cube.arrays[self.number][n], self.piece.cube.arrays[self.piece.number][n]) for n in mine.arrays()
        )
        return all(_codecs(a) == _codecs(b) for a, b in pairs)

    def _link(self, here: Path, there: Path, block: Block, source: Block) -> bool:
        for name in self.cube.groups[self.number].arrays():
            old = there / f"g{self.piece.number}/{name}/c" / self.piece.cube.key(source, name)
            new = here / f"g{self.number}/{name}/c" / self.cube.key(block, name)
            with storage_errors(self.cube.url):
                new.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(old, new)
            except OSError:  # another file system, or one without links: workers will copy the numbers
                new.unlink(missing_ok=True)
                return False
        return True


def _codecs(array: Any) -> dict[str, Any]:
    facts: dict[str, Any] = array.metadata.to_dict()
    return {key: facts[key] for key in ("data_type", "chunk_grid", "chunk_key_encoding", "codecs", "fill_value")}
