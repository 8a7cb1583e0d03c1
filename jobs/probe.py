"""What a job finds on its node, as one line of JSON: ``python -m jobs.probe SHARED_FOLDER [FOLDER...]``."""

from __future__ import annotations

import json
import os
import socket
import sys
import tempfile
from pathlib import Path

import psutil

from scanner import provenance
from scanner.lock import FileLock
from scanner.sources import user_cache_dir


def main() -> None:
    """Look and print."""
    shared, *folders = map(Path, sys.argv[1:])
    found = {
        "host": socket.gethostname(),
        "code": provenance.code(),
        "cores": int(os.environ.get("SLURM_CPUS_PER_TASK", 1)),
        "interfaces": sorted(psutil.net_if_addrs()),
        "locked": not FileLock(shared / "lock").take(),
        "unwritable": [(str(one), error) for one in (user_cache_dir(), *folders) if (error := _unwritable(one))],
    }
    print(json.dumps(found))


def _unwritable(folder: Path) -> str:
    """Why a folder cannot be written; empty if it can."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        return error.strerror or str(error)
    return ""


if __name__ == "__main__":
    main()
