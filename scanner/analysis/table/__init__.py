"""The table of explanations: what each model gains in each anomaly, every cell from scans."""

from __future__ import annotations

from scanner.analysis.table.outcomes import Cell, RowOutcome, Scanned, best_improvements, outcome
from scanner.analysis.table.pages import check_format, write_table
from scanner.analysis.table.table_file import RowSpec, TableFile, read_table_file

__all__ = [
    "Cell",
    "RowOutcome",
    "RowSpec",
    "Scanned",
    "TableFile",
    "best_improvements",
    "check_format",
    "outcome",
    "read_table_file",
    "write_table",
]
