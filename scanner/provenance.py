"""What a cube records of its making: versions, commit, machine, time."""

from __future__ import annotations

import datetime
import hashlib
import json
import platform
import socket
import subprocess
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlparse

import numpy as np

from scanner import registry
from scanner.registry import providers
from scanner.scan import Scan
from scanner.sources import PACKAGE, code_sources, hash_files

PACKAGES = ("nu-scanner", "numpy", "numba", "dask", "distributed", "zarr", "xarray")


def now() -> str:
    """The time in UTC, ISO 8601."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")


def identity(scan: Scan) -> dict[str, Any]:
    """What makes two scans the same: the physics asked for, and the versions of the physics."""
    versions = {f"model {scan.model.name}": scan.model.version}
    for name, member in scan.members().items():
        versions[f"experiment {name}"] = member.experiment.version
    for name in sorted(scan.model.signals):
        if any(name in m.experiment.signals for m in scan.members().values()):
            versions[f"signal {name}"] = int(registry.signal(name).VERSION)
    parameters = {p.name: (p, scan.parameters[p.name]) for p in scan.model.parameters}
    return {
        **scan.file.identity(),
        # As resolved, so that a unit, a default or a list of one spelt out or not makes no other scan.
        "axes": {name: axis.model_dump(exclude={"unit"}, exclude_none=True) for name, axis in scan.file.axes.items()},
        "fixed": {
            n: p.shown(float(v.array)) for n, (p, v) in parameters.items() if not v.axes and n not in scan.file.tied
        },
        "tied": {name: {**tie, "of": np.atleast_1d(tie["of"]).tolist()} for name, tie in scan.file.tied.items()},
        "physics": versions,
    }


def digest(data: Any) -> str:
    """SHA-256 of plain JSON data, independent of the order of keys."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def code() -> str:
    """Hash of all sources that results depend on; driver and workers must agree on it."""
    return hash_files(code_sources())


def environment() -> dict[str, Any]:
    """Versions, commit, host and CPU of this process."""
    return {
        "versions": {name: _version(name) for name in PACKAGES} | {"python": platform.python_version()},
        "git_commit": _commit(),
        "host": socket.gethostname(),
        "cpu": _cpu(),
        "code": code(),
    }


def plugins(scan: Scan) -> dict[str, str]:
    """Distributions that the scan's model and experiments come from, where not this package."""
    names = {"models": [scan.model.name], "experiments": list(scan.experiments)}
    found = {n: providers(kind)[n].distribution for kind, ns in names.items() for n in ns}
    return {name: distribution for name, distribution in found.items() if distribution}


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def _commit() -> str | None:
    """Commit of the checkout that this package runs from or was installed from; ``+changes`` if it is not that."""
    checkout = PACKAGE if _git(PACKAGE, "ls-files", "errors.py") else _installed_from()
    if checkout is None:
        return None
    head = _git(checkout, "rev-parse", "HEAD")
    same = all(_same(path, checkout / path.relative_to(PACKAGE)) for path in PACKAGE.rglob("*.py"))
    clean = same and not _git(checkout, "status", "--porcelain", ".")
    return head and head + ("" if clean else "+changes")


def _installed_from() -> Path | None:
    """The package's folder in the checkout that pip installed it from, if that is still there."""
    try:
        origin = json.loads(distribution("nu-scanner").read_text("direct_url.json") or "{}").get("url", "")
    except (PackageNotFoundError, ValueError):
        return None
    folder = Path(unquote(urlparse(origin).path)) / PACKAGE.name
    return folder if origin.startswith("file:") and _git(folder, "ls-files", "errors.py") else None


def _git(folder: Path, *arguments: str) -> str:
    """Output of a git command in a folder; empty where it fails or there is no git."""
    if not folder.is_dir():
        return ""
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _same(one: Path, other: Path) -> bool:
    return other.is_file() and one.read_bytes() == other.read_bytes()


def _cpu() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()
