"""The table file: anomalies with the best that any signal could do, and explanations with the scans that test them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from scanner.config import Number, Section, load_yaml, validate

Text = Annotated[str, Field(min_length=1)]
Mark = Literal["✓", "✗"]


class BestSpec(Section):
    """The best phenomenological fit of one data set alone."""

    scan: Text = Field(description="a scan file, relative to this file")
    experiment: Text = Field(description="an experiment of that scan")
    of: Annotated[list[Text], Field(min_length=1)] = Field(
        description="names of the experiments that have the same data and statistic"
    )


class RowSpec(Section):
    """One explanation."""

    name: Text = Field(description="text")
    mechanism: Text = Field(description="text")
    scans: list[Text] = Field([], description="a list of scan files, relative to this file; the best of them counts")
    data: dict[str, Text] = Field({}, description="anomaly: the experiment of the scans that has its data")
    constraints: list[Text] = Field([], description="names of experiments of the scans that limit the explanation")
    domain: dict[str, Annotated[list[Number], Field(min_length=2, max_length=2)]] = Field(
        {}, description="axis or derived quantity: [low, high], where the axes alone do not give the domain"
    )
    no_signal: dict[str, Text] = Field({}, description="anomaly: why the explanation predicts no signal there")
    not_computed: dict[str, Text] = Field({}, description="anomaly: the missing input")
    published: dict[str, Mark] = Field({}, description="anomaly: ✓ or ✗, the mark of the published table")
    remarks: dict[str, Text] = Field({}, description="anomaly: why our mark is another than the published one")
    approximate: str | None = Field(None, description="text: what is approximate")

    @model_validator(mode="after")
    def _scanned(self) -> RowSpec:
        if self.data and not self.scans:
            raise ValueError("data needs scans")
        return self


class TableFile(Section):
    """A whole table file."""

    version: Literal[1] = Field(description="1, the version of this format")
    title: Text = Field(description="text")
    published: Text = Field(description="text: where the published marks are from")
    anomalies: Annotated[dict[str, list[BestSpec]], Field(min_length=1)] = Field(
        description="anomaly: a list of {scan: file, experiment: name, of: [names]}"
    )
    rows: Annotated[list[RowSpec], Field(min_length=1)] = Field(description="a list of explanations")

    @model_validator(mode="after")
    def _every_cell_once(self) -> TableFile:
        for number, row in enumerate(self.rows):
            given = [*row.data, *row.no_signal, *row.not_computed]
            where = f"rows[{number}] ({row.name})"
            for name in {*given, *row.published, *row.remarks} - set(self.anomalies):
                raise ValueError(f"{where}: {name!r} is none of the anomalies {', '.join(self.anomalies)}")
            for name in self.anomalies:
                if given.count(name) != 1:
                    raise ValueError(f"{where}: {name} must be in one of data, no_signal and not_computed")
            for name in row.constraints:
                if name in row.data.values():
                    raise ValueError(f"{where}: {name!r} is among both data and constraints")
            for name, experiment in row.data.items():
                if not any(experiment in best.of for best in self.anomalies[name]):
                    raise ValueError(f"{where}: anomalies.{name} has no best fit `of` {experiment!r}")
        return self

    def scans(self) -> list[str]:
        """All scan files, each once."""
        best = [one.scan for anomaly in self.anomalies.values() for one in anomaly]
        return list(dict.fromkeys([*best, *(scan for row in self.rows for scan in row.scans)]))


def read_table_file(path: Path) -> TableFile:
    """Read and check a table file.

    Raises
    ------
    InputError
        With the path in the file, the value found and what is allowed.
    """
    found: Any = validate(TableFile, load_yaml(path), "")
    assert isinstance(found, TableFile)
    return found
