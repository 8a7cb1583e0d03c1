"""One block of one group: tables and couplings in, −2 ln L and status out. Pure and deterministic.

Points are worked on in chunks that fit the cache. Every step acts on each point by itself, so a point's bits
do not depend on the chunk, the block or the machine's load; the kernels use no BLAS and no numpy
transcendentals, which differ between CPUs and builds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np

from scanner.errors import Status
from scanner.grid import Block
from scanner.likelihoods.base import PulledLikelihood
from scanner.likelihoods.pulls import number_of_terms
from scanner.physics.kernel import kernel
from scanner.scan import Group, Member, Scan
from scanner.tables import BuiltTable

CHUNK = 2048
OUTPUTS = ("chi2", "gof", "events")
OK = np.uint8(Status.ok)


class _Chunk:
    """Points `first` to `first + count` of a block, with their parameter values and table nodes."""

    def __init__(self, scan: Scan, group: Group, block: Block, first: int, count: int):
        self._scan, self._group, self._block = scan, group, block
        self._first, self.count = first, count
        self._indices: dict[tuple[str, ...], np.ndarray] = {}

    def index(self, axes: tuple[str, ...]) -> np.ndarray:
        """Flat index of each point into an array over `axes`, int64 of shape (count,)."""
        if axes not in self._indices:
            stride, strides = 1, dict.fromkeys(self._group.axes, 0)
            for name in reversed(axes):
                strides[name] = stride
                stride *= len(self._scan.grid.axis(name))
            flat = np.empty(self.count, dtype=np.int64)
            start, shape = (np.array(x, dtype=np.int64) for x in (self._block.start, self._block.shape))
            _flat_indices(start, shape, np.array(list(strides.values()), dtype=np.int64), self._first, flat)
            self._indices[axes] = flat
        return self._indices[axes]

    def values(self, names: tuple[str, ...]) -> np.ndarray:
        """Values of parameters, float64 of shape (len(names), count)."""
        out = np.empty((len(names), self.count))
        for i, name in enumerate(names):
            values = self._scan.parameters[name]
            np.take(values.array.ravel(), self.index(values.axes), out=out[i])
        return out


def evaluate(
    scan: Scan,
    tables: Mapping[str, BuiltTable],
    block: Block,
    outputs: Sequence[str] = OUTPUTS,
    dtype: str = "float64",
) -> dict[str, np.ndarray]:
    """Evaluate every experiment of a block's group at every point of the block.

    Parameters
    ----------
    scan
        The scan.
    tables
        Its built tables by path.
    block
        The block.
    outputs
        Which of ``chi2``, ``gof`` and ``events`` to return.
    dtype
        What all three are rounded to, while they are in the cache; what overflows it is not finite.

    Returns
    -------
    dict
        The outputs, NaN wherever ``status`` (uint8) is not ok; each of shape (experiments of the group,
        *block.shape). Of experiments that share nuisance parameters with others also ``pull_terms``, float64 of
        shape (experiments, terms, *block.shape).
    """
    group = scan.groups[block.group]
    before: dict[str, tuple[int, ...]] = dict.fromkeys((*OUTPUTS, "status"), (len(group.members),))
    if group.nuisances:
        before["pull_terms"] = (len(group.members), number_of_terms(group.nuisances))
    kept = dict.fromkeys(outputs, dtype) | {"status": "uint8", "pull_terms": "float64"}
    out = {name: np.empty((*before[name], block.size), kind) for name, kind in kept.items() if name in before}
    exact = {
        n: np.empty((*b, min(CHUNK, block.size)), "uint8" if n == "status" else "float64") for n, b in before.items()
    }
    for first in range(0, block.size, CHUNK):
        chunk = _Chunk(scan, group, block, first, min(CHUNK, block.size - first))
        results = {name: array[..., : chunk.count] for name, array in exact.items()}
        results["status"][:] = np.where(_inside(group, chunk), OK, np.uint8(Status.outside_model))
        for i, member in enumerate(group.members):
            _evaluate_member(member, tables, chunk, {name: array[i] for name, array in results.items()})
        rounded = round_to(results, dtype)
        for name, array in out.items():
            array[..., first : first + chunk.count] = rounded[name]
    return {name: array.reshape(*array.shape[:-1], *block.shape) for name, array in out.items()}


def round_to(results: Mapping[str, np.ndarray], dtype: str) -> dict[str, np.ndarray]:
    """Round results to the cube's dtype; what overflows it becomes NaN with status not_finite."""
    with np.errstate(over="ignore"):
        rounded = {
            name: array.astype("float64" if name == "pull_terms" else dtype, copy=False)
            for name, array in results.items()
            if name != "status"
        }
    status = results["status"]
    lost = np.zeros(status.shape, dtype=bool)
    for array in rounded.values():
        lost |= ~(np.isfinite(array) if array.ndim == status.ndim else np.isfinite(array).all(1))
    lost &= status == OK
    if lost.any():
        status = np.where(lost, np.uint8(Status.not_finite), status)
        for name, array in rounded.items():
            where = lost if array.ndim == status.ndim else lost[:, None]
            rounded[name] = np.where(where, array.dtype.type(np.nan), array)
    return {**rounded, "status": status}


def signal_of(
    member: Member, tables: Mapping[str, BuiltTable], chunk: _Chunk, status: np.ndarray | None = None
) -> np.ndarray:
    """Expected signal of each point, shape (points, signal bins); lowers `status` where a table failed."""
    signal = np.zeros((chunk.count, member.experiment.signal_bins.size))
    for i, prediction in enumerate(member.predictions):
        built = [tables[f"{member.experiment.name}/{i}/{table.name}"] for table in prediction.tables]
        nodes = tuple(chunk.index(table.axes) for table in built)
        prediction.add(chunk.values(prediction.parameters), nodes, tuple(t.entries for t in built), signal)
        if status is not None:
            for table, node in zip(built, nodes, strict=True):
                found = np.take(table.status, node)
                np.copyto(status, found, where=(status == OK) & (found != OK))
    return signal


def signals(scan: Scan, tables: Mapping[str, BuiltTable], block: Block) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Expected signal and status at the points of a small block, all at once, of each experiment of its group.

    Returns
    -------
    dict
        By experiment, float64 of shape (points, signal bins), and uint8 of shape (points,): not ok where the model
        excludes the point, or a table failed.
    """
    group = scan.groups[block.group]
    chunk = _Chunk(scan, group, block, 0, block.size)
    outside = ~_inside(group, chunk)
    found = {}
    for member in group.members:
        status = np.full(chunk.count, Status.ok, dtype=np.uint8)
        status[outside] = Status.outside_model
        found[member.experiment.name] = (signal_of(member, tables, chunk, status), status)
    return found


def signal_at(scan: Scan, tables: Mapping[str, BuiltTable], name: str) -> np.ndarray:
    """Expected signal of an experiment in a scan of one point, shape (signal bins,)."""
    number = next(i for i, g in enumerate(scan.groups) if name in [m.experiment.name for m in g.members])
    block = Block(0, number, (), ())
    chunk = _Chunk(scan, scan.groups[number], block, 0, 1)
    return signal_of(scan.members()[name], tables, chunk).ravel()


def _evaluate_member(
    member: Member, tables: Mapping[str, BuiltTable], chunk: _Chunk, out: Mapping[str, np.ndarray]
) -> None:
    status = out["status"]
    signal = signal_of(member, tables, chunk, status)
    member.experiment.likelihood(signal, out["chi2"], out["gof"])
    _sum_bins(signal, out["events"])
    finite = np.isfinite(out["chi2"]) & np.isfinite(out["gof"]) & np.isfinite(out["events"])
    if "pull_terms" in out:
        terms = np.empty(out["pull_terms"].shape[::-1])
        cast(PulledLikelihood, member.experiment.likelihood).pull_terms(signal, terms)
        out["pull_terms"][:] = terms.T
        finite &= np.isfinite(terms).all(1)
    status[(status == OK) & ~finite] = Status.not_finite
    if (failed := status != OK).any():
        for name in out.keys() - {"status"}:
            out[name][..., failed] = np.nan


def _inside(group: Group, chunk: _Chunk) -> np.ndarray:
    """Whether each point is in the model's domain, bool of shape (count,)."""
    inside = np.ones(chunk.count, dtype=bool)
    for constraint in group.constraints:
        names = tuple(constraint.coefficients)
        total = np.zeros(chunk.count)
        for coefficient, values in zip(constraint.coefficients.values(), chunk.values(names), strict=True):
            total += coefficient * values
        inside &= total <= constraint.upper
    return inside


@kernel("void(i8[::1], i8[::1], i8[::1], i8, i8[::1])")
def _flat_indices(start, shape, strides, first, flat):  # type: ignore[no-untyped-def]
    """Flat indices of consecutive points of a box, counted with the last axis fastest."""
    dimensions = start.size
    position = np.empty(dimensions, dtype=np.int64)
    rest = first
    for axis in range(dimensions - 1, -1, -1):
        position[axis] = rest % shape[axis]
        rest //= shape[axis]
    for point in range(flat.size):
        index = 0
        for axis in range(dimensions):
            index += (start[axis] + position[axis]) * strides[axis]
        flat[point] = index
        for axis in range(dimensions - 1, -1, -1):
            position[axis] += 1
            if position[axis] < shape[axis]:
                break
            position[axis] = 0


@kernel("void(f8[:, ::1], f8[::1])")
def _sum_bins(signal, total):  # type: ignore[no-untyped-def]
    """Sum of the bins of each point, in order."""
    for point in range(signal.shape[0]):
        total[point] = 0.0
        for b in range(signal.shape[1]):
            total[point] += signal[point, b]
