"""Finds models, experiments and signals by name, without importing what is not asked for.

A file of this package says what it provides in a literal ``PROVIDES = ("name", ...)`` and gives each through
``load(name)``; signals are their modules themselves. A file ``experiments/surfaces/NAME.yaml`` is an experiment of that
name, too. A plug-in is an entry point of the group ``scanner.models``, ``scanner.experiments`` or ``scanner.signals``
whose name is the provided name and whose value is such a module. A broken file or plug-in disables only itself.
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
    for provider in _all(kind):
        found.setdefault(provider.name, provider)
    return found


def passed_over(kind: str) -> list[Provider]:
    """Return the plug-ins that go unused because this package or another plug-in has taken their name."""
    return [provider for provider in _all(kind) if providers(kind)[provider.name] is not provider]


@functools.cache
def _all(kind: str) -> tuple[Provider, ...]:
    """Every provider: this package's first, then the plug-ins in order of name, whatever the disk's order is."""
    own = sorted((PACKAGE / kind).glob("*.py"))
    found = [Provider(name, f"scanner.{kind}.{path.stem}", path) for path in own for name in _provides(path)]
    surfaces = sorted((PACKAGE / kind / "surfaces").glob("*.yaml"))
    found += [Provider(path.stem, f"scanner.{kind}.surface_files", path) for path in surfaces]
    plugins = (_plugin(entry) for entry in entry_points(group=f"scanner.{kind}"))
    return (*found, *sorted(plugins, key=lambda provider: (provider.distribution, provider.name, provider.module)))


def _plugin(entry: EntryPoint) -> Provider:
    origin = f"{entry.dist.name} {entry.dist.version}" if entry.dist else "unknown"
    try:
        return Provider(entry.name, entry.module, module_file(entry), origin)
    except AttributeError:  # the entry point's value is no module's name: importing it will say so
        return Provider(entry.name, entry.value, None, origin)


def _provides(path: Path) -> tuple[str, ...]:
    """Read the literal PROVIDES of a file without running it; nothing if the file is broken."""
    try:
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text if "PROVIDES" in text else "")
        for node in tree.body:
            if isinstance(node, ast.Assign) and any(
                isinstance(t, ast.Name) and t.id == "PROVIDES" for t in node.targets
            ):
                return tuple(ast.literal_eval(node.value))
    except (OSError, SyntaxError, ValueError):
        return ()
    return ()


def _module(kind: str, name: str) -> ModuleType:
    known = providers(kind)
    if name not in known:
        allowed = ", ".join(sorted(known)) or "none installed"
        raise InputError("", f"unknown {kind[:-1]} {name!r}", allowed=allowed, hint=did_you_mean(name, known))
    provider = known[name]
    try:
        module = importlib.import_module(provider.module)
        if provider.distribution:
            _load_kernels(module)
        return module
    except (Exception, SystemExit) as error:
        raise _broken(kind, provider, error) from error


def _load_kernels(module: ModuleType) -> None:
    """Compile a plug-in's kernels: what is wrong with one is said before a store is made, and not by a traceback."""
    from scanner.physics.kernel import Kernel

    for found in vars(module).values():
        if isinstance(found, Kernel):
            found.load()


@functools.cache
def _load(kind: str, name: str) -> Any:
    module = _module(kind, name)
    try:
        found = module.load(name)
        _check_loaded(kind, name, found)
    except (Exception, SystemExit) as error:
        raise _broken(kind, providers(kind)[name], error) from error
    return found


def _check_loaded(kind: str, name: str, found: Any) -> None:
    """Refuse what a plug-in's ``load`` must not return: it would fail later, far from its cause."""
    from scanner.experiments.base import Experiment
    from scanner.models.base import Model

    wanted = Model if kind == "models" else Experiment
    if not isinstance(found, wanted):
        raise TypeError(f"load({name!r}) returned a {type(found).__name__}, not a scanner {wanted.__name__}")
    if found.name != name:
        raise ValueError(f"load({name!r}) returned a {kind[:-1]} named {found.name!r}")


def _broken(kind: str, provider: Provider, error: BaseException) -> ScannerError:
    origin = f"plug-in {provider.distribution}" if provider.distribution else "the package itself"
    return ScannerError(
        f"{kind[:-1]} {provider.name!r} ({provider.module}, from {origin}) does not load: "
        f"{type(error).__name__}: {error}\n  everything else goes on working; mend or remove that file"
    )
