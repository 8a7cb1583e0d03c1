"""Finds models, experiments and signals by name, without importing what is not asked for.

A file of this package says what it provides in a literal ``PROVIDES = ("name", ...)`` and gives each through
``load(name)``; signals are their modules themselves. A plug-in is an entry point of the group
``scanner.models``, ``scanner.experiments`` or ``scanner.signals`` whose name is the provided name and whose
value is such a module. A broken file or plug-in disables only itself.
"""

from __future__ import annotations

import ast
import functools
import importlib
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, cast

from scanner.errors import InputError, ScannerError, did_you_mean
from scanner.sources import PACKAGE, module_file

if TYPE_CHECKING:
    from scanner.experiments.base import Experiment
    from scanner.models.base import Model


@dataclass(frozen=True)
class Provider:
    """Where a model, an experiment or a signal comes from.

    Parameters
    ----------
    name
        Its name.
    module
        Dotted path of its module.
    path
        Its source file, or None where there is none.
    distribution
        Name and version of the plug-in that it comes from; empty for this package.
    """

    name: str
    module: str
    path: Path | None
    distribution: str = ""


def model(name: str) -> Model:
    """Return the model of that name.

    Raises
    ------
    InputError
        If there is none.
    ScannerError
        If its file does not load.
    """
    return cast("Model", _load("models", name))


def experiment(name: str) -> Experiment:
    """Return the experiment of that name; raises as `model` does."""
    return cast("Experiment", _load("experiments", name))


def signal(name: str) -> ModuleType:
    """Return the module of a signal; raises as `model` does."""
    return _module("signals", name)


@functools.cache
def providers(kind: str) -> dict[str, Provider]:
    """Return the providers of ``models``, ``experiments`` or ``signals`` by name."""
    found: dict[str, Provider] = {}
    for path in sorted((PACKAGE / kind).glob("*.py")):
        for name in _provides(path):
            found[name] = Provider(name, f"scanner.{kind}.{path.stem}", path)
    for entry in entry_points(group=f"scanner.{kind}"):
        found.setdefault(entry.name, _plugin(entry))
    return found


def _plugin(entry: EntryPoint) -> Provider:
    origin = f"{entry.dist.name} {entry.dist.version}" if entry.dist else "unknown"
    return Provider(entry.name, entry.module, module_file(entry), origin)


def _provides(path: Path) -> tuple[str, ...]:
    """Read the literal PROVIDES of a file without running it; nothing if the file is broken."""
    try:
        tree = ast.parse(path.read_text())
    except (OSError, SyntaxError, ValueError):
        return ()
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "PROVIDES" for t in node.targets):
            return tuple(ast.literal_eval(node.value))
    return ()


def _module(kind: str, name: str) -> ModuleType:
    known = providers(kind)
    if name not in known:
        allowed = ", ".join(sorted(known)) or "none installed"
        raise InputError("", f"unknown {kind[:-1]} {name!r}", allowed=allowed, hint=did_you_mean(name, known))
    provider = known[name]
    try:
        return importlib.import_module(provider.module)
    except Exception as error:
        raise _broken(kind, provider, error) from error


@functools.cache
def _load(kind: str, name: str) -> Any:
    module = _module(kind, name)
    try:
        return module.load(name)
    except Exception as error:
        raise _broken(kind, providers(kind)[name], error) from error


def _broken(kind: str, provider: Provider, error: Exception) -> ScannerError:
    origin = f"plug-in {provider.distribution}" if provider.distribution else "the package itself"
    return ScannerError(
        f"{kind[:-1]} {provider.name!r} ({provider.module}, from {origin}) does not load: "
        f"{type(error).__name__}: {error}\n  everything else goes on working; mend or remove that file"
    )
