"""The command line that all builders have."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path

from scanner.experiments.tables import DATA


def run(
    about: str | None, build: Callable[..., None], inputs: Mapping[str, str] | None = None, output: Path = DATA
) -> None:
    """Parse the command line of a builder and build.

    Parameters
    ----------
    about
        What it says of itself.
    build
        Takes the inputs in order, then the folder to write.
    inputs
        Paths that it needs: name and what it is.
    output
        Where to write if not told.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, what in (inputs or {}).items():
        parser.add_argument(name, type=Path, help=what)
    parser.add_argument("-o", "--output", type=Path, default=output, help="folder to write (default: data/)")
    arguments = vars(parser.parse_args())
    build(*(arguments[name] for name in inputs or {}), arguments["output"])
