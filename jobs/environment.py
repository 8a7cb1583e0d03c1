"""The environment of every worker process, on this machine and in batch jobs."""

from __future__ import annotations

WORKER_ENVIRONMENT: dict[str, str] = {
    # A worker runs one block at a time on one core; idle thread pools would only fight over it.
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    # dask has workers give each array of some size back to the system at once; to have zeroed pages anew for those of
    # the next 2,048 points, and the next, took a fifth of their time. Memory is kept for them instead.
    "DASK_DISTRIBUTED__NANNY__PRE_SPAWN_ENVIRON": (
        f"{{'MALLOC_TRIM_THRESHOLD_': {64 * 2**20}, 'MALLOC_MMAP_THRESHOLD_': {32 * 2**20}}}"
    ),
    # Blocks are bounded by the memory budget, so spilling could only hide a fault; a worker that exceeds
    # its budget is restarted.
    "DASK_DISTRIBUTED__WORKER__MEMORY__TARGET": "False",
    "DASK_DISTRIBUTED__WORKER__MEMORY__SPILL": "False",
    "DASK_DISTRIBUTED__WORKER__MEMORY__PAUSE": "0.9",
    "DASK_DISTRIBUTED__WORKER__MEMORY__TERMINATE": "0.95",
}
