"""The published limits on heavy neutrinos as data: the curves, their publications, and one-bin experiments of them."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from scanner.experiments.base import Experiment
from scanner.experiments.tables import DATA, read_table
from scanner.likelihoods.limits import UpperLimit
from scanner.likelihoods.poisson import Poisson
from scanner.signals.curves import Curve
from scanner.vocabulary import Reference

COLLECTION = "Fernandez-Martinez:2023phj"


@dataclass(frozen=True)
class PublishedLimit:
    """A curve with what its collection says of it.

    Parameters
    ----------
    name
        ``coupling_experiment``.
    curve
        What it excludes.
    label, year, key
        Of the search, and the texkey of its publication.
    level
        Confidence level.
    nature
        ``dirac``, ``majorana``, ``irrelevant`` or ``unstated``: what it assumed of N.
    """

    name: str
    curve: Curve
    label: str
    year: int
    key: str
    level: float
    nature: str

    @property
    def events(self) -> float:
        """Signal of a search without background on the curve: -ln(1 - level)."""
        return -math.log1p(-self.level)

    @property
    def title(self) -> str:
        """One line."""
        kind, _, _ = self.name.partition("_")
        flavour = {"Ue4": "e", "Umu4": "μ", "Utau4": "τ"}.get(kind) or self.name.split("_")[1].replace("mu", "μ")
        coupling = f"|U_{flavour}4|²" if kind != "dipole" else f"|μ_tr,{flavour.replace('tau', 'τ')}|"
        return f"{self.label} ({self.year}): published limit on {coupling}"


@functools.cache
def limits() -> Mapping[str, PublishedLimit]:
    """Return all published limits by name."""
    table = read_table(DATA / "hnl_limits.txt")
    facts = cast(Mapping[str, Mapping[str, Any]], table.header["curves"])
    columns = [table.columns[name] for name in ("m_N", "bottom", "top")]
    found = {}
    for number, (name, of) in enumerate(facts.items()):
        rows = table.columns["curve"] == number
        found[name] = PublishedLimit(name, Curve(*(column[rows] for column in columns)), **of)
    return found


@functools.cache
def references() -> Mapping[str, Reference]:
    """Return the publications by texkey."""
    lines = (DATA / "hnl_limits_references.txt").read_text(encoding="utf-8").splitlines()
    found = {}
    for line in lines:
        if not line.startswith("#"):
            key, authors, title, year, *rest = (part.strip() for part in line.split("|"))
            found[key] = Reference(key, authors, title, int(year), *rest)
    return found


def one_bin(
    name: str,
    version: int,
    title: str,
    signals: Mapping[str, Any],
    likelihood: Poisson | UpperLimit,
    data_sets: frozenset[str],
    keys: tuple[str, ...],
    notes: tuple[str, ...],
) -> Experiment:
    """Return an experiment of one bin, with nothing seen and nothing expected without N.

    Parameters
    ----------
    name, version, title, signals, likelihood, data_sets, notes
        As of `Experiment`.
    keys
        Texkeys of its publications.
    """
    return Experiment(
        name=name,
        version=version,
        title=title,
        signals=signals,
        likelihood=likelihood,
        data=np.zeros(1),
        background=np.zeros(1),
        signal_bins=np.zeros(1, dtype=np.int64),
        coordinates={},
        coordinate_units={},
        data_sets=data_sets,
        references=tuple(references()[key] for key in keys),
        notes=notes,
        from_curve=True,
    )


def nothing_seen() -> Poisson:
    """Return the likelihood of no event seen on no background: −2 ln L = 2 N."""
    return Poisson(np.zeros(1), np.zeros(1))
