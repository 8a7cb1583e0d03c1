"""A process that holds a dask scheduler, or some of its workers, whose blocks sleep; see test_scheduler.py.

``python simulated_workers.py scheduler`` prints its address; ``... ADDRESS NUMBER SECONDS`` starts workers one after
another. Both end with their standard input.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
import time

from distributed import Scheduler, Worker

from scanner import worker
from scanner.worker import Outcome


async def schedule() -> None:
    async with Scheduler(host="127.0.0.1", port=0, dashboard_address="127.0.0.1:0") as scheduler:
        print(scheduler.address, flush=True)
        await asyncio.to_thread(sys.stdin.read)


async def work(address: str, number: int, seconds: float) -> None:
    def sleep(url: str, identifier: str, code: str, number: int, timeout: float) -> Outcome:
        time.sleep(seconds)
        return Outcome(number, worker.DONE, points=1, statuses={"ok": 1}, evaluate_seconds=seconds)

    worker.run_task = sleep  # tasks name the function, and find it here
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(number):
            await stack.enter_async_context(
                Worker(address, nthreads=1, host="127.0.0.1", dashboard=False, memory_limit=0, heartbeat_interval="10s")
            )
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    if sys.argv[1] == "scheduler":
        asyncio.run(schedule())
    else:
        asyncio.run(work(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
