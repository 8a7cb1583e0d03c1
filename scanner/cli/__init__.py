"""The command ``scanner``.

Exit status: 0 complete, 1 failure, 2 bad input, 3 finished with failed blocks, 4 store refused or in use,
130 interrupted.
"""

from __future__ import annotations

from scanner.cli import scans, batch, merging, refining, toys, figures, reports, explanations, catalogue, speeds  # isort: skip  (the order of --help)
from scanner.cli.common import app

__all__ = ["app", "main"]
__all__ += [
    "batch",
    "catalogue",
    "explanations",
    "figures",
    "merging",
    "refining",
    "reports",
    "scans",
    "speeds",
    "toys",
]


def main() -> None:
    """Entry point of the command ``scanner``."""
    app()
