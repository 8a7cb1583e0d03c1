"""Workers on this machine, in a child process with its own ``__main__``.

dask's LocalCluster cannot be started from an unguarded script (its workers would run the script again), so it
lives in a child: ``python -m jobs.local``. The child ends when its standard input closes, that is, also when
the driver is killed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import psutil
from distributed import LocalCluster

from jobs.environment import WORKER_ENVIRONMENT
from scanner.errors import ScannerError

START_SECONDS = 120.0


class LocalWorkers:
    """A dask cluster in a child process of its own process group.

    Parameters
    ----------
    workers
        Number of worker processes, one thread each.
    memory
        Memory limit of a worker [bytes]; one that exceeds it is restarted, and its block counted as lost
        after three times.
    log
        File for the cluster's messages, or None.
    """

    def __init__(self, workers: int, memory: int, log: Path | None):
        self._log = log
        command = [sys.executable, "-m", "jobs.local", str(workers), str(memory)]
        with contextlib.ExitStack() as stack:
            errors: IO[bytes] | int = stack.enter_context(log.open("ab")) if log else subprocess.DEVNULL
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
                env={
                    **os.environ,
                    **WORKER_ENVIRONMENT,
                    "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                },
            )
        self.jobs: dict[str, Any] = {
            "kind": "local",
            "host": socket.gethostname(),
            "group": self._process.pid,
            "started": psutil.Process(self._process.pid).create_time(),
        }

    def address(self) -> tuple[str, str]:
        """Wait for the cluster; return the scheduler's and the dashboard's address."""
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], START_SECONDS)
        line = self._process.stdout.readline() if ready else b""
        try:
            found = json.loads(line)
        except ValueError:
            self.close()
            raise ScannerError(f"the local workers did not start\n{self._tail()}") from None
        return found["address"], found["dashboard"]

    def check(self, done: int) -> None:
        """Raise if the cluster is gone; it replaces lost workers itself."""
        status = self._process.poll()
        if status is not None:  # its last messages are the workers' surprise at it, and no cause
            where = f"; its messages are in {self._log}" if self._log else ""
            raise ScannerError(
                f"the local dask cluster ended unexpectedly (status {status}); run again to go on{where}"
            )

    def close(self) -> None:
        """End the cluster and wait until it is gone."""
        if self._process.stdin:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        end_group(self.jobs)  # a cluster that was killed leaves its workers behind for a moment
        if self._process.stdout:
            self._process.stdout.close()

    def _tail(self) -> str:
        if not self._log or not self._log.exists():
            return ""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-20:])


def end_group(jobs: Mapping[str, Any]) -> None:
    """Kill a child's process group, if it is this host's and still the same process, and wait for its end."""
    if jobs["host"] != socket.gethostname():
        return
    members = [p for p in psutil.process_iter() if _in_group(p, jobs["group"])]
    if any(p.create_time() < jobs["started"] - 1 for p in members):
        return  # the number was given to an older session's processes: not ours
    for process in members:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(members, timeout=10)


def _in_group(process: psutil.Process, group: int) -> bool:
    try:
        return os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, PermissionError, psutil.NoSuchProcess):
        return False


def main() -> None:
    """The child: start the cluster, say where it is, wait for the end of standard input."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("workers", type=int)
    parser.add_argument("memory", type=int)
    arguments = parser.parse_args()
    with LocalCluster(
        n_workers=arguments.workers,
        threads_per_worker=1,
        processes=True,
        memory_limit=arguments.memory,
        host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
    ) as cluster:
        where = {"address": cluster.scheduler_address, "dashboard": cluster.dashboard_link}
        print(json.dumps(where), flush=True)
        sys.stdin.buffer.read()
        _hard_exit_after(5.0)


def _hard_exit_after(seconds: float) -> None:
    """A cluster that does not close in time is ended with its whole process group."""

    def end() -> None:
        time.sleep(seconds)
        os.killpg(os.getpgrp(), signal.SIGKILL)

    threading.Thread(target=end, daemon=True).start()


if __name__ == "__main__":
    main()
