"""What a cube records of its making: versions, commit, machine, time."""

from __future__ import annotations

import datetime
import hashlib
import json
import platform
import socket
import subprocess
from importlib.metadata import PackageNotFoundError, version
from typing import Any

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
    return {**scan.file.identity(), "physics": versions}


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
    """Commit of the checkout that this package runs from, with ``+changes`` if it is not clean."""
    try:
        run = ["git", "-C", str(PACKAGE)]
        top = subprocess.run([*run, "ls-files", "--error-unmatch", "errors.py"], capture_output=True)
        if top.returncode:
            return None
        head = subprocess.run([*run, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
        changes = subprocess.run([*run, "status", "--porcelain", "."], capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return head.stdout.strip() + ("+changes" if changes.stdout.strip() else "")


def _cpu() -> str:
    try:
        with open("/proc/cpuinfo") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()
