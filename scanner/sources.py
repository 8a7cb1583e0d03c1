"""Which files the results of a scan depend on: the keys of the caches are hashes of these. And where the caches lie.

Plug-ins are located through their entry points without importing them, so that an edited plug-in never runs
with machine code or tables made from its former self.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import os
import tempfile
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import IO

PACKAGE = Path(__file__).parent
ENTRY_POINT_GROUPS = ("scanner.models", "scanner.experiments", "scanner.signals")


@functools.cache
def kernel_sources() -> tuple[Path, ...]:
    """All files that kernels and tables are made from: this package's and every plug-in's, in a fixed order."""
    own = [PACKAGE / "units.py", PACKAGE / "evaluate.py", *sorted((PACKAGE / "physics" / "data").glob("*.txt"))]
    for folder in ("physics", "likelihoods", "signals", "models", "experiments"):
        own += sorted((PACKAGE / folder).glob("*.py"))
    return tuple(own) + tuple(sorted(set(plugin_sources())))


def code_sources() -> tuple[Path, ...]:
    """All files of the engine that a result may depend on, plug-ins included."""
    return tuple(
        sorted(
            {
                *kernel_sources(),
                *PACKAGE.glob("*.py"),
                *(p for folder in ("merging", "recipes") for p in (PACKAGE / folder).glob("*.py")),
            }
        )
    )


def plugin_sources() -> list[Path]:
    """Files of the installed plug-ins, found without importing them; of a package, all its modules."""
    found: list[Path] = []
    for group in ENTRY_POINT_GROUPS:
        for entry in entry_points(group=group):
            path = module_file(entry)
            if path is not None:
                inside_package = (path.parent / "__init__.py").is_file()
                found += sorted(path.parent.rglob("*.py")) if inside_package else [path]
    return found


def module_file(entry: EntryPoint) -> Path | None:
    """Return the source file of an entry point's module, or None where it has none (zip, broken path)."""
    top, *rest = entry.value.partition(":")[0].strip().split(".")
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    if not rest:
        places = [Path(spec.origin)] if spec.has_location and spec.origin else []
    else:
        bases = [Path(folder).joinpath(*rest) for folder in spec.submodule_search_locations or ()]
        places = [path for base in bases for path in (base.with_suffix(".py"), base / "__init__.py")]
    return next((path for path in places if path.is_file()), None)


def user_cache_dir() -> Path:
    """Folder for caches that may be deleted at any time; ``SCANNER_CACHE_DIR`` overrides it."""
    if chosen := os.environ.get("SCANNER_CACHE_DIR"):
        return Path(chosen)
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nu-scanner"
    try:
        base.mkdir(parents=True, exist_ok=True)
    except OSError:
        return Path(tempfile.gettempdir()) / f"nu-scanner-{os.getuid()}"
    return base if os.access(base, os.W_OK) else Path(tempfile.gettempdir()) / f"nu-scanner-{os.getuid()}"


def write_to_cache(path: Path, write: Callable[[IO[bytes]], object]) -> bool:
    """Write a file of a cache, whole or not at all; say whether that could be done, for it is no reason to stop."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=path.suffix)
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                write(file)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)  # left behind where the disk is full
    except OSError:
        return False
    return True


def package_files() -> list[Path]:
    """All sources and data of this package."""
    return sorted(path for path in PACKAGE.rglob("*") if path.suffix in (".py", ".txt", ".yaml"))


def hash_files(paths: list[Path] | tuple[Path, ...], *facts: str) -> str:
    """SHA-256 of facts and of the contents of files, in the order given."""
    digest = hashlib.sha256("\n".join(facts).encode())
    for path in paths:
        digest.update(path.read_bytes())
    return digest.hexdigest()
