"""The stores that are merged, and why some must not be."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scanner.cube import TOTAL, Cube, open_cube
from scanner.errors import InputError, StoreRefused, did_you_mean
from scanner.ledger import DONE

KINDS = ("scan", "reduced", "merge")


@dataclass(frozen=True)
class Input:
    """A store that is merged.

    Parameters
    ----------
    cube
        The store.
    experiments
        Names of those of its experiments that are taken.
    mapped
        Names of the parameters that the user has declared how to get, or has declared not to matter.
    lacking
        How many of its blocks were missing or failed when it was opened.
    """

    cube: Cube
    experiments: tuple[str, ...]
    mapped: frozenset[str] = frozenset()
    lacking: int = 0

    @property
    def record(self) -> Mapping[str, Any]:
        """What the store recorded at its creation."""
        return self.cube.record

    @property
    def physics(self) -> Mapping[str, int]:
        """Versions of its model, experiments and signals."""
        found: Mapping[str, int] = self.record["identity"]["physics"]
        return found

    @property
    def used(self) -> set[str]:
        """Parameters that its experiments depend on, but for those that are mapped."""
        facts, model = self.record["experiments"], self.record["model"]
        all_ = {*model["parameters"], *self.record["axes"], *self.record.get("tied", {})}
        return {p for name in self.experiments for p in facts[name].get("depends_on", all_)} - self.mapped

    @property
    def reduced(self) -> set[str]:
        """Parameters over which its experiments were profiled or integrated."""
        return self.facts("reduced")

    def facts(self, key: str) -> set[str]:
        """All names that its experiments list under a key."""
        return {one for name in self.experiments for one in self.record["experiments"][name].get(key) or ()}

    def identity(self) -> dict[str, Any]:
        """Which store it is, and how much of it there is where it lacks blocks: those may be filled in later."""
        lacking = {"lacking": self.lacking} if self.lacking else {}
        return {"store": self.cube.url, "id": self.record["id"], **lacking}

    def setting(self, parameter: str) -> Any:
        """How a parameter is set: ``"an axis"``, its fixed value, or what it is tied to."""
        if parameter in self.record["axes"]:
            return "an axis"
        if parameter in self.record.get("tied", {}):
            return {"tied": self.record["tied"][parameter].get("to")}
        return self.record["model"]["parameters"].get(parameter)


def open_inputs(
    urls: Sequence[str],
    experiments: Sequence[str] | None,
    mapped: Mapping[int, frozenset[str]],
    allow_incomplete: bool,
) -> tuple[Input, ...]:
    """Open the stores to be merged and choose their experiments.

    Parameters
    ----------
    urls
        Of the stores.
    experiments
        Names of the experiments to take; all by default.
    mapped
        By position of a store, names of its parameters that the user has declared something about.
    allow_incomplete
        Whether a store may lack blocks.

    Raises
    ------
    InputError, StoreRefused
        For what cannot be merged by itself: no store, an unfinished one, or an unknown experiment.
    """
    if not urls:
        raise InputError("merge", "no store is given", allowed="one store or more")
    cubes = [open_cube(url) for url in urls]
    lacking = [_lacking(cube, allow_incomplete) for cube in cubes]
    if len({cube.record["id"] for cube in cubes}) < len(cubes):
        raise InputError("merge", "the same store is given twice", [cube.url for cube in cubes])
    known = sorted({name for cube in cubes for name in cube.record["experiments"]})
    for name in experiments or ():
        if name not in known:
            raise InputError(
                "--experiment",
                f"in none of the stores: {name!r}",
                allowed=", ".join(known),
                hint=did_you_mean(name, known),
            )
    chosen = set(experiments or known)
    found = [
        Input(cube, tuple(e for e in cube.record["experiments"] if e in chosen), mapped.get(i, frozenset()), lacking[i])
        for i, cube in enumerate(cubes)
    ]
    for one in found:
        if not one.experiments:
            raise InputError("--experiment", f"nothing is taken from {one.cube.url}", hint="leave that store out")
    return tuple(found)


def _lacking(cube: Cube, allow_incomplete: bool) -> int:
    """How many blocks a store lacks; refuse one of another kind, and one that lacks some unless allowed."""
    if cube.kind not in KINDS:
        raise StoreRefused(
            f"{cube.url}: holds {cube.kind}, which cannot be merged: give stores of scans, or merged ones"
        )
    ledger, _ = cube.ledger()
    left = ledger.state.size - ledger.count(DONE)
    if left and not allow_incomplete:
        raise StoreRefused(
            f"{cube.url}: is not complete: {left} of {ledger.state.size} blocks are missing or failed\n  "
            "finish it with `scanner run`, or merge what is there with --allow-incomplete"
        )
    return left


def check(inputs: Sequence[Input]) -> None:
    """Refuse inputs whose −2 ln L must not be added.

    Raises
    ------
    InputError
        With the reason, and what to do.
    """
    _refuse_two_sums(inputs)
    _refuse_common_data(inputs)
    for a, b in itertools.combinations(inputs, 2):
        _refuse_conventions(a, b)
        _refuse_versions(a, b)
        _refuse_models(a, b)
        _refuse_reduced(a, b)
        _refuse_units(a, b)
        _refuse_settings(a, b)


def _refuse_two_sums(inputs: Sequence[Input]) -> None:
    sums = [one.cube.url for one in inputs if TOTAL in one.experiments]
    if len(sums) > 1:
        hint = "reduce one scan of all their experiments"
        raise InputError("merge", f"two stores hold a sum over reduced axes: {', '.join(sums)}", hint=hint)


def _refuse_common_data(inputs: Sequence[Input]) -> None:
    facts = {name: one.record["experiments"][name] for one in inputs for name in one.experiments}
    where = {name: one.cube.url for one in inputs for name in one.experiments}
    for a, b in itertools.combinations(sorted(facts), 2):
        combined = facts[a].get("correlated", {}).get(b) or facts[b].get("correlated", {}).get(a)
        if combined:
            raise InputError(
                "merge",
                f"{a} ({where[a]}) and {b} ({where[b]}) have a common covariance, which their sum would neglect",
                hint=f"scan {combined!r}, which is their combined fit, or choose one with --experiment",
            )
        shared = set(facts[a]["data_sets"]) & set(facts[b]["data_sets"])
        if shared:
            raise InputError(
                "merge",
                f"{a} ({where[a]}) and {b} ({where[b]}) share data ({', '.join(sorted(shared))}), "
                "which would count twice",
                hint="choose one with --experiment",
            )


def _refuse(a: Input, b: Input, what: str, one: object, other: object, hint: str) -> None:
    raise InputError("merge", f"{what}: {a.cube.url} has {one}, {b.cube.url} has {other}", hint=hint)


def _refuse_conventions(a: Input, b: Input) -> None:
    one, other = (x.record.get("convention") for x in (a, b))
    if one and other and one != other:  # the first stores did not say; theirs is the only one there was
        _refuse(a, b, "different conventions of chi2", one, other, "scan one of them again with this version")
    for name in set(a.experiments) & set(b.experiments):
        for key in ("statistic", "constant", "data_sets"):
            one, other = (x.record["experiments"][name][key] for x in (a, b))
            if one != other:
                _refuse(a, b, f"{key} of {name} differs", one, other, "scan one of them again with this version")


def _refuse_versions(a: Input, b: Input) -> None:
    for what in sorted(set(a.physics) & set(b.physics)):
        if a.physics[what] != b.physics[what]:
            one, other = a.physics[what], b.physics[what]
            _refuse(a, b, f"different physics versions of {what}", one, other, "scan the older one again")


def _refuse_models(a: Input, b: Input) -> None:
    one, other = a.record["model"]["name"], b.record["model"]["name"]
    if one != other and not (a.mapped or b.mapped):
        _refuse(a, b, "different models", one, other, "declare with --map how one's parameters follow from the other's")


def _refuse_reduced(a: Input, b: Input) -> None:
    """What was profiled in one store cannot be profiled together with the other, which depends on it."""
    for first, second in ((a, b), (b, a)):
        for name in sorted(first.reduced & (second.used | second.reduced | set(second.record["axes"]))):
            raise InputError(
                "merge",
                f"{second.cube.url} depends on {name}, over which {first.cube.url} was reduced",
                hint="reduce one scan of all these experiments, or keep that axis in both",
            )
        minimised, shared = first.facts("profiled_nuisances"), second.facts("nuisances")
        for name in sorted(minimised & (shared | second.facts("profiled_nuisances"))):
            raise InputError(
                "merge",
                f"{second.cube.url} shares nuisance parameter {name}, which is minimised already in {first.cube.url}",
                hint="reduce one scan of all these experiments",
            )


def _refuse_units(a: Input, b: Input) -> None:
    for name in sorted(set(a.record["axes"]) & set(b.record["axes"]) - a.mapped - b.mapped):
        one, other = a.record["axes"][name]["unit"], b.record["axes"][name]["unit"]
        if one != other:
            _refuse(a, b, f"different units of {name}", one, other, "scan one of them again with this version")


def _refuse_settings(a: Input, b: Input) -> None:
    """Parameters that matter must be set alike wherever they matter; an axis of one must not be fixed in the other."""
    for first, second in ((a, b), (b, a)):
        for name in sorted(first.used):
            one, other = first.setting(name), second.setting(name)
            matters = name in second.used or other == "an axis"
            if one is not None and other is not None and matters and one != other and name not in second.mapped:
                _refuse(
                    first,
                    second,
                    f"parameter {name} is set differently",
                    one,
                    other,
                    "scan it alike in both, or declare with --map how it follows from the other parameters",
                )


def facts(inputs: Iterable[Input]) -> dict[str, Any]:
    """Return what the inputs recorded of the experiments taken, in order of name."""
    found = {name: one.record["experiments"][name] for one in inputs for name in one.experiments}
    return {name: found[name] for name in sorted(found)}


def groups(inputs: Sequence[Input]) -> Iterator[tuple[tuple[str, ...], tuple[tuple[int, int], ...]]]:
    """Yield the experiments that come from the same groups of the same inputs: names, and (input, group) pairs."""
    places: dict[str, list[tuple[int, int]]] = {}
    for i, one in enumerate(inputs):
        for number, group in enumerate(one.cube.groups):
            for name in group.experiments:
                if name in one.experiments and number != one.cube.sum_group:
                    places.setdefault(name, []).append((i, number))
    together: dict[tuple[tuple[int, int], ...], list[str]] = {}
    for name, found in places.items():
        together.setdefault(tuple(found), []).append(name)
    for pieces, names in together.items():
        yield tuple(names), pieces
