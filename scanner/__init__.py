"""A distributed scan engine for searches for physics beyond the Standard Model with neutrinos.

The public face: `run` a scan file, `merge` and `open` stores, draw `toys`, `predict` at a point, and get a
`model` or an `experiment` by name. Everything is imported on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jobs.face import merge as merge
    from jobs.face import run as run
    from jobs.face import toys as toys
    from scanner.dataset import open_dataset as open
    from scanner.prediction import predict as predict
    from scanner.registry import experiment as experiment
    from scanner.registry import model as model

__all__ = ["experiment", "merge", "model", "open", "predict", "run", "toys"]

_FACE = {
    "run": ("jobs.face", "run"),
    "merge": ("jobs.face", "merge"),
    "toys": ("jobs.face", "toys"),
    "open": ("scanner.dataset", "open_dataset"),
    "predict": ("scanner.prediction", "predict"),
    "model": ("scanner.registry", "model"),
    "experiment": ("scanner.registry", "experiment"),
}


def __getattr__(name: str) -> Any:
    if name not in _FACE:
        raise AttributeError(f"module 'scanner' has no attribute {name!r}")
    module, attribute = _FACE[name]
    return getattr(importlib.import_module(module), attribute)
