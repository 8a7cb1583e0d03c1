"""The decorator that compiles every kernel of the engine, and the cache that it compiles into.

numba's own on-disk cache has two faults that a scan cannot live with: it returns the *old* machine code
after a callee in another module was edited, and two processes that compile at the same time can corrupt its
index. So the cache folder is keyed by everything that machine code depends on (all kernel sources, numba,
numpy, Python, the CPU), and each compilation or load holds a lock on that folder.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numba
import numpy as np
from filelock import FileLock

from scanner.sources import kernel_sources

INPUT = numba.types.Array(numba.types.float64, 1, "C", readonly=True)
INPUT_INDEX = numba.types.Array(numba.types.int64, 1, "C", readonly=True)
INPUT_MATRIX = numba.types.Array(numba.types.float64, 2, "C", readonly=True)
INPUT_CUBE = numba.types.Array(numba.types.float64, 3, "C", readonly=True)
"""Arguments that a kernel only reads: they may be read-only arrays, or not."""


def kernel(signature: Any) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function for an explicit signature: cached, releasing the GIL, IEEE arithmetic as written.

    Parameters
    ----------
    signature
        A numba signature, or a list of them.

    Notes
    -----
    fastmath stays off: results must not depend on how a compiler groups the sums. Tables are passed as
    arguments, never closed over: a large global array makes a kernel uncacheable.
    """

    def compile_(function: Callable[..., Any]) -> Any:
        with _cache():
            return numba.njit(signature, cache=True, nogil=True, error_model="numpy")(function)

    return compile_


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


@functools.cache
def numba_cache_dir() -> Path:
    """Cache folder of this combination of kernel sources, compilers and CPU; created if need be."""
    facts = [numba.__version__, np.__version__, sys.version, platform.machine()]
    facts += [llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()]
    digest = hashlib.sha256("\n".join(facts).encode())
    for path in kernel_sources():
        digest.update(path.read_bytes())
    folder = user_cache_dir() / "numba" / digest.hexdigest()[:24]
    if not folder.exists():
        print("scanner: compiling kernels for this machine, once", file=sys.stderr)
        folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextlib.contextmanager
def _cache() -> Iterator[None]:
    """Point numba at our folder, alone in it, for the length of one compilation or load."""
    folder = numba_cache_dir()
    settings: Any = numba.config
    before = settings.CACHE_DIR
    with FileLock(folder / "lock"):
        settings.CACHE_DIR = str(folder)
        try:
            yield
        finally:
            settings.CACHE_DIR = before
