"""Versions and titles of the models and experiments that are installed, without loading those that are known.

To load an experiment is to read its data and to compute its responses: all of them together take seconds. What those of
this package call themselves follows from its files alone, so it is remembered in the user's cache by a hash of these.
Plug-ins, and whatever does not load, are loaded each time: they may depend on more than their files.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scanner import registry
from scanner.errors import ScannerError
from scanner.sources import hash_files, package_files, user_cache_dir, write_to_cache


@dataclass(frozen=True)
class Title:
    """What a model or an experiment calls itself.

    Parameters
    ----------
    version
        Of its physics.
    title
        One line.
    """

    version: int
    title: str


def titles(kind: str) -> dict[str, Title | ScannerError]:
    """Return the titles of all ``models`` or ``experiments`` in order of name, or why one does not load."""
    file = user_cache_dir() / "titles" / f"{kind}-{hash_files(package_files(), sys.version, sys.prefix)[:24]}.json"
    known = _remembered(file)
    found: dict[str, Title | ScannerError] = {}
    learnt = {}
    for name, provider in sorted(registry.providers(kind).items()):
        own = not provider.distribution
        found[name] = title = known[name] if own and name in known else _load(kind, name)
        if own and isinstance(title, Title):
            learnt[name] = title
    if learnt != known:
        _remember(file, learnt)
    return found


def _load(kind: str, name: str) -> Title | ScannerError:
    try:
        found: Any = registry.model(name) if kind == "models" else registry.experiment(name)
    except ScannerError as error:
        return error
    return Title(found.version, found.title)


def _remembered(file: Path) -> dict[str, Title]:
    """Read the titles of a file of the cache; none if it is not there, or damaged."""
    try:
        return {name: Title(**entry) for name, entry in json.loads(file.read_text(encoding="utf-8")).items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _remember(file: Path, titles: dict[str, Title]) -> None:
    """Write them for the next time; a cache that cannot be written is no reason to stop."""
    text = json.dumps({name: asdict(title) for name, title in titles.items()})
    write_to_cache(file, lambda written: written.write(text.encode()))
