"""What each input gives to a box of the merged grid: its own numbers, or those between its nodes."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scanner.cube import Cube, GroupArrays
from scanner.errors import Status, StoreError
from scanner.likelihoods.interpolation import interpolate
from scanner.merging.grids import Placement
from scanner.store import decoding_errors

ERROR = "chi2_error"
"""The array that an interpolated ``chi2`` has beside it."""


@dataclass(frozen=True)
class Piece:
    """A group of an input's experiments, placed on the merged grid.

    Parameters
    ----------
    cube, number
        The input and the number of its group.
    members
        Positions of the experiments taken in the group.
    placements
        Of each axis of the group, in the input's order.
    mapped
        Whether its axes follow from the merged ones by a map.
    complete
        Whether the input has all of its blocks.
    """

    cube: Cube
    number: int
    members: tuple[int, ...]
    placements: tuple[Placement, ...]
    mapped: bool
    complete: bool = True

    @property
    def group(self) -> GroupArrays:
        """What the input keeps of the group."""
        return self.cube.groups[self.number]

    @functools.cached_property
    def exact(self) -> bool:
        """Whether it has all of its values at nodes, axis by axis, so that nothing is interpolated."""
        return not self.mapped and all(place.exact for place in self.placements)

    @property
    def density(self) -> float:
        """How many of its points are read for each point of the merged grid: those between them too."""
        inside = (place.cells[place.cells >= 0] for place in self.placements)
        return math.prod(max(1.0, float(np.ptp(cells) + 1) / cells.size) for cells in inside if cells.size)

    def fill(self, out: Mapping[str, np.ndarray], axes: Sequence[str], box: Mapping[str, slice]) -> None:
        """Write what this piece has into arrays of a box.

        Parameters
        ----------
        out
            Arrays by name, of the lengths that `GroupArrays.arrays` says and then of the box.
        axes
            Names of the merged group's axes.
        box
            Slices of the merged grid.
        """
        places = [place.on(box) for place in self.placements]
        if not self.covers(box):
            return
        if self.exact:
            self._copy(out, axes, places)
        else:
            self._interpolate(out, axes, box, places)

    def covers(self, box: Mapping[str, slice]) -> bool:
        """Whether its grid reaches into a box."""
        return all((place.on(box).cells >= 0).any() for place in self.placements)

    def _copy(self, out: Mapping[str, np.ndarray], axes: Sequence[str], places: Sequence[Placement]) -> None:
        covered = {place.axes[0]: np.flatnonzero(place.cells >= 0) for place in places}
        into = _index([covered[name] for name in axes])
        cells = [place.cells[place.cells >= 0] for place in places]
        window = tuple(slice(int(c.min()), int(c.max()) + 1) for c in cells)
        taken = _index([c - w.start for c, w in zip(cells, window, strict=True)])
        order = [[place.axes[0] for place in places].index(name) for name in axes]
        marks = self._marks(window)[(..., *taken)].transpose(0, *(1 + i for i in order))
        absent = marks == Status.not_covered
        for name, array in out.items():
            if name == "status":
                values = marks
            elif name == ERROR and ERROR not in self.group.outputs:
                values = np.zeros_like(marks, dtype=array.dtype)
            else:
                values = self._read(name, window)[(..., *taken)]
                before = values.ndim - len(order)
                values = values.transpose(*range(before), *(before + i for i in order))
            if absent.any():  # another piece may have a number there
                here = absent.reshape(absent.shape[0], *[1] * (values.ndim - absent.ndim), *absent.shape[1:])
                values = np.where(here, array[(..., *into)], values)
            array[(..., *into)] = values

    def _marks(self, window: tuple[slice, ...]) -> np.ndarray:
        """Statuses, to be read before numbers: a block that is being written gets its own last."""
        marks = self._read("status", window)
        missing = marks == Status.missing
        if self.complete and missing.any():
            raise StoreError(f"{self.cube.url}: lacks blocks that it had: it was deleted or made anew in the meantime")
        return np.where(missing, np.uint8(Status.not_covered), marks)

    def _read(self, name: str, window: tuple[slice, ...]) -> np.ndarray:
        with decoding_errors(self.cube.url, f"part of {name} in g{self.number}"):
            values = np.asarray(self.cube.arrays[self.number][name][(..., *window)])
        whole = self.members == tuple(range(len(self.group.experiments)))
        return values if whole else values[list(self.members)]

    def _interpolate(
        self, out: Mapping[str, np.ndarray], axes: Sequence[str], box: Mapping[str, slice], places: Sequence[Placement]
    ) -> None:
        shape = out["status"].shape[1:]
        columns = [[_spread(values, p.axes, axes, shape) for values in (p.cells, p.at)] for p in places]
        cells = np.array([c for c, _ in columns], dtype=np.int64).reshape(len(places), -1)
        at = np.array([a for _, a in columns]).reshape(len(places), -1)
        points = np.flatnonzero((cells >= 0).all(0))
        if not points.size:
            return
        cells, at = np.ascontiguousarray(cells[:, points]), np.ascontiguousarray(at[:, points])
        low = [max(int(c.min()) - 1, 0) for c in cells]
        high = [min(int(c.max()) + 3, len(p.axis)) for c, p in zip(cells, places, strict=True)]
        cells -= np.array(low)[:, None]
        nodes = [p.axis.scaled[a:b] for p, a, b in zip(places, low, high, strict=True)]
        _Stencils(self, tuple(map(slice, low, high)), nodes, cells, at).fill(out, points)


@dataclass(frozen=True)
class _Stencils:
    """Points between the nodes of a window of a piece."""

    piece: Piece
    window: tuple[slice, ...]
    nodes: Sequence[np.ndarray]
    cells: np.ndarray
    at: np.ndarray

    def fill(self, out: Mapping[str, np.ndarray], points: np.ndarray) -> None:
        """Write results into arrays of a box, at flat positions of it."""
        marks = self.piece._marks(self.window)
        for name in out.keys() - {"status", ERROR}:
            values = self.piece._read(name, self.window).astype(np.float64)
            for index in np.ndindex(*out[name].shape[: values.ndim - len(self.window)]):
                found, error, status = self._at(values[index], marks[index[0]])
                has = status != Status.not_covered  # else another piece may
                out[name][index].reshape(-1)[points[has]] = found[has]
                if name == "chi2":
                    out["status"][index].reshape(-1)[points[has]] = status[has]
                    if ERROR in out:
                        error += self._earlier(index, marks[index[0]])
                        out[ERROR][index].reshape(-1)[points[has]] = error[has]

    def _earlier(self, index: tuple[int, ...], marks: np.ndarray) -> np.ndarray | float:
        """The error that the nodes have already, from an earlier merge."""
        if ERROR not in self.piece.group.outputs:
            return 0.0
        values = self.piece._read(ERROR, self.window).astype(np.float64)
        found: np.ndarray = np.abs(self._at(values[index], marks)[0])
        return found

    def _at(self, values: np.ndarray, marks: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        found, error = np.empty(self.at.shape[1]), np.empty(self.at.shape[1])
        status = np.empty(self.at.shape[1], dtype=np.uint8)
        sizes = np.array([n.size for n in self.nodes], dtype=np.int64)
        first = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
        interpolate(
            np.ascontiguousarray(values).ravel(),
            np.ascontiguousarray(marks).ravel(),
            sizes,
            np.concatenate(self.nodes),
            first,
            self.cells,
            self.at,
            found,
            error,
            status,
        )
        return found, error, status


def _index(positions: Sequence[np.ndarray]) -> tuple[slice | np.ndarray, ...]:
    """Index of the product of positions: of slices, which copy fast, where they are neighbours."""
    if all(p[-1] - p[0] == p.size - 1 for p in positions):
        return tuple(slice(int(p[0]), int(p[-1]) + 1) for p in positions)
    return np.ix_(*positions)


def _spread(values: np.ndarray, own: Sequence[str], axes: Sequence[str], shape: tuple[int, ...]) -> np.ndarray:
    """Broadcast values over some of the axes (in the merged order) to a box."""
    index = tuple(slice(None) if name in own else None for name in axes)
    return np.broadcast_to(values[index], shape)


def gather(
    pieces: Sequence[Piece], group: GroupArrays, box: Mapping[str, slice], names: Sequence[str]
) -> dict[str, np.ndarray]:
    """Return arrays of a merged group on a box, in the group's dtype; not_covered where no piece has a number.

    Parameters
    ----------
    pieces
        In order: where two of them have a result at the same points, the last one counts.
    group
        The merged group.
    box
        Slices of the merged grid.
    names
        Of the arrays wanted.
    """
    shape = tuple(box[name].stop - box[name].start for name in group.axes)
    lengths = {name: before for name, before in group.arrays().items() if name in names and name != "status"}
    out = {name: np.full((*n, *shape), np.nan, group.dtype_of(name)) for name, n in lengths.items()}
    out["status"] = np.full((len(group.experiments), *shape), Status.not_covered, dtype=np.uint8)
    for piece in pieces:
        piece.fill(out, group.axes, box)
    return out
