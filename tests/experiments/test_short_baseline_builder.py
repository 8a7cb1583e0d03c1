"""The builder of the short-baseline tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scanner.experiments.builders import short_baseline as builder
from scanner.experiments.tables import DATA, read_table


def test_builder_makes_the_shipped_tables(shared_data: Path, tmp_path: Path) -> None:
    builder.build(shared_data, tmp_path)
    made = sorted(tmp_path.iterdir())
    assert len(made) == 7
    for path in made:
        shipped = read_table(DATA / path.name)
        for name, values in read_table(path).columns.items():
            np.testing.assert_allclose(values, shipped.columns[name], rtol=1e-9, atol=1e-12)
        assert {"title", "source", "release_date", "builder", "columns"} <= set(shipped.header)


def test_karmen_counts_extend_those_of_the_input(shared_data: Path) -> None:
    """The input's list is ours without its fifth entry."""
    lines = (shared_data / "short_baseline" / "karmen2_bins.csv").read_text().splitlines()[1:]
    counts = [int(line.split(",")[3]) for line in lines[:-1]]
    assert counts == [n for i, n in enumerate(builder.KARMEN_COUNTS) if i != 4]
    assert sum(builder.KARMEN_COUNTS) == 15
