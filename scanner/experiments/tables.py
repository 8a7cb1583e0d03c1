"""The one format of the tables that ship in ``data/``: a YAML header in comments, then columns of numbers.

Builders write them from a published release; experiments read them.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ruamel.yaml import YAML

DATA = Path(__file__).parent / "data"


@dataclass(frozen=True)
class DataTable:
    """A table of numbers with a header that says where they come from.

    Parameters
    ----------
    header
        ``title``, ``source``, ``date`` (of the release), ``builder``, ``columns`` (name: unit), and more.
    columns
        Arrays of equal length by name.
    """

    header: Mapping[str, object]
    columns: Mapping[str, np.ndarray]


def read_table(path: Path) -> DataTable:
    """Read a table written by `write_table`."""
    text = path.read_text()
    lines = text.splitlines()
    header = YAML(typ="safe", pure=True).load("\n".join(x[2:] for x in lines if x.startswith("# ")))
    numbers = np.loadtxt(io.StringIO(text), ndmin=2)
    names = list(header["columns"])
    columns = {name: np.ascontiguousarray(numbers[:, i]) for i, name in enumerate(names)}
    return DataTable(header, columns)


def write_table(path: Path, header: Mapping[str, object], columns: Mapping[str, tuple[str, str, np.ndarray]]) -> None:
    """Write a table.

    Parameters
    ----------
    path
        File to write.
    header
        What to say of the source.
    columns
        For each name: unit, printf format, values.
    """
    full = {**header, "columns": {name: unit for name, (unit, _, _) in columns.items()}}
    out = io.StringIO()
    yaml = YAML()
    yaml.width = 100
    yaml.dump(full, out)
    body = io.StringIO()
    arrays = np.column_stack([values for _, _, values in columns.values()])
    np.savetxt(body, arrays, fmt=[form for _, form, _ in columns.values()])
    path.write_text("".join(f"# {line}\n" for line in out.getvalue().splitlines()) + body.getvalue())
