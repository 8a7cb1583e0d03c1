"""The decorator that compiles every kernel of the engine, and the cache that it compiles into.

numba's own on-disk cache has two faults that a scan cannot live with: it returns the *old* machine code
after a callee in another module was edited, and two processes that compile at the same time can corrupt its
index. So the cache folder is keyed by everything that machine code depends on (all kernel sources, numba,
numpy, Python, the CPU), and each compilation or load holds a lock on that folder.

A command that shows or checks something imports hundreds of kernels and calls a few. So a kernel is loaded, or
compiled, when it is first called or another one that calls it is compiled; `load_kernels` does so for all that were
imported, before the first block of a scan, so that no block's time counts it.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import platform
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numba
import numpy as np
from filelock import FileLock
from numba.core import entrypoints
from numba.core.compiler_lock import global_compiler_lock

from scanner.sources import kernel_sources, user_cache_dir

INPUT = numba.types.Array(numba.types.float64, 1, "C", readonly=True)
INPUT_INDEX = numba.types.Array(numba.types.int64, 1, "C", readonly=True)
INPUT_MATRIX = numba.types.Array(numba.types.float64, 2, "C", readonly=True)
INPUT_CUBE = numba.types.Array(numba.types.float64, 3, "C", readonly=True)
"""Arguments that a kernel only reads: they may be read-only arrays, or not."""


class Kernel:
    """A function whose machine code is loaded when it is first needed.

    Parameters
    ----------
    function
        The source: a function of a module.
    signature
        A numba signature, or a list of them.
    """

    def __init__(self, function: Callable[..., Any], signature: Any):
        functools.update_wrapper(self, function)
        self._function, self._signature, self._machine_code = function, signature, None

    def __call__(self, *args: Any) -> Any:
        """Run it."""
        return (self._machine_code or self.load())(*args)

    def __repr__(self) -> str:
        return f"<kernel {self._function.__module__}.{self._function.__qualname__}>"

    def __reduce__(self) -> str:
        """Pickle it by name: another process has machine code of its own."""
        return self._function.__qualname__

    @property
    def _numba_type_(self) -> Any:
        """What numba asks for while it compiles a kernel that calls this one."""
        return self.load()._numba_type_

    def load(self) -> Any:
        """Return the compiled function, from the cache if it is there."""
        with _cache():
            if self._machine_code is None:
                compile_ = numba.njit(self._signature, cache=True, nogil=True, error_model="numpy")
                self._machine_code = compile_(self._function)
        return self._machine_code


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

    def declare(function: Callable[..., Any]) -> Kernel:
        _declared.append(Kernel(function, signature))
        return _declared[-1]

    return declare


_declared: list[Kernel] = []


def load_kernels() -> None:
    """Load or compile every kernel of the modules imported so far."""
    for declared in tuple(_declared):
        declared.load()


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


@functools.cache
def _folder_lock() -> FileLock:
    """The one lock of this process on the cache folder: taken again inside, it does not wait for itself."""
    return FileLock(numba_cache_dir() / "lock")


@contextlib.contextmanager
def _cache() -> Iterator[None]:
    """Point numba at our folder, alone in it, for the length of one compilation or load, and of those within.

    numba's lock among threads is taken first, as it is where someone else's function that calls a kernel is compiled.
    """
    settings: Any = numba.config
    with global_compiler_lock, _folder_lock():
        before = settings.CACHE_DIR, entrypoints._already_initialized
        settings.CACHE_DIR, entrypoints._already_initialized = str(numba_cache_dir()), True
        try:
            yield
        finally:
            settings.CACHE_DIR, entrypoints._already_initialized = before
