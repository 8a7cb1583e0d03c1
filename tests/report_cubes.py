"""Cubes for the tests of reports, and the reading of a page as a browser reads it."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

import scanner.dataset  # noqa: F401  (registers ds.scan)
from scanner.errors import Status

EVIL = "</script><img src=x onerror=alert(1)>"
"""What a page must show as text."""


def cube(**changes: Any) -> xr.Dataset:
    """Four experiments: a on three axes, b on two with points that failed, a curve on two, one that shares a's data."""
    p, q, r = np.geomspace(1, 1000, 13), np.linspace(-2, 2, 11), np.geomspace(1e-4, 1, 9)
    u, v, w = np.meshgrid(np.log10(p), q, np.log10(r), indexing="ij")
    values = {
        "a": 7.25 + (u - 1.4) ** 2 * 6 + (v + 0.3 * w) ** 2 * 4 + (w + 1.7) ** 2 * 3,
        "b": 11.5 + (u - 1.1) ** 2 * 5 + (v - 0.4) ** 2 * 9 + 0 * w,
        "curve": 20 / (1 + np.exp(3 * (1.2 - u + v))) + 0 * w,
        "also_a": 3 + (u - 2) ** 2 + v**2 + w**2,
    }
    failed = (u > 2.6) & (v > 1.5)
    values["b"][failed] = np.nan
    status = {name: np.where(np.isnan(x), Status.not_converged, Status.ok) for name, x in values.items()}
    depends = {"a": ["p", "q", "r"], "b": ["p", "q"], "curve": ["p", "q"], "also_a": ["p", "q", "r"]}
    data_sets = {"a": ["one"], "b": ["two"], "curve": ["three"], "also_a": ["one"]}
    facts = {
        name: {
            "title": f"experiment {name}",
            "data_sets": data_sets[name],
            "axes": depends[name],
            "from_curve": name == "curve",
            "limit_dof": 1 if name == "curve" else 2,
            "number_of_data": 8,
            "physics_version": 1,
            "references": ["A. Author, A title, arXiv:hep-ph/0304176", "B. Author, another (2020), arXiv:2007.11813"],
            "notes": [],
        }
        for name in values
    }
    dims = ("experiment", "p", "q", "r")
    return xr.Dataset(
        {
            "chi2": (dims, np.stack([values[n] for n in values]).astype(np.float32)),
            "status": (dims, np.stack([status[n] for n in values]).astype(np.uint8)),
        },
        {
            "experiment": list(values),
            "p": ("p", p, {"units": "eV^2", "long_name": r"$\Delta m^2_{41}$", "scale": "log"}),
            "q": ("q", q, {"units": "1", "long_name": "q", "scale": "linear"}),
            "r": ("r", r, {"units": "GeV", "long_name": "r", "scale": "log"}),
        },
        {
            "title": "toy: a model",
            "experiments": facts,
            "model": {"name": "toy", "title": "a model", "parameters": {}, "references": []},
            "identity_hash": "0123abcd",
            "versions": {"nu-scanner": "0"},
            "scan_file": "name: toy",
            **changes,
        },
    )


def noise(points: int, axes: str = "pqrs") -> xr.Dataset:
    """Two experiments of random numbers, which do not pack, on axes of so many points."""
    rng = np.random.default_rng(3)
    shape = (2, *(points,) * len(axes))
    facts = {n: {"data_sets": [n], "axes": list(axes), "number_of_data": 1} for n in ("a", "b")}
    coordinates = {n: (n, np.geomspace(1, 10, points), {"units": "1", "scale": "log"}) for n in axes}
    variables = {
        "chi2": (("experiment", *axes), rng.uniform(0, 50, shape).astype(np.float32)),
        "status": (("experiment", *axes), np.ones(shape, np.uint8)),
    }
    return xr.Dataset(variables, {"experiment": ["a", "b"], **coordinates}, {"experiments": facts, "title": "noise"})


def predict(model: str, experiment: str, values: Mapping[str, float | str]) -> xr.Dataset:
    """A spectrum of three bins that says at which point it was made."""
    signal = np.array([float(values["p"]), 10 + float(values["q"]), 1.0])
    return xr.Dataset(
        {"signal": ("bin", signal), "background": ("bin", np.full(3, 5.0)), "data": ("bin", np.array([4.0, 9.0, 2.0]))},
        {"E_low": ("bin", np.arange(3.0), {"units": "MeV"}), "E_high": ("bin", np.arange(1.0, 4.0))},
        {"physics_version": 1},
    ).assign(status="ok")


def decode(text: str, dtype: str, shape: list[int]) -> np.ndarray:
    """The numbers of an array in a page, as the page decodes them."""
    kind = np.dtype(dtype).newbyteorder("<")
    planes = np.frombuffer(gzip.decompress(base64.b64decode(text)), np.uint8).reshape(kind.itemsize, -1)
    return np.ascontiguousarray(planes.T).reshape(-1).view(kind).reshape(shape)


class Page(HTMLParser):
    """The tags of a page, and its data.

    Parameters
    ----------
    path
        Of the page.
    """

    def __init__(self, path: Path):
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self.scripts: list[str] = []
        self._script: dict[str, str | None] | None = None
        self.size = path.stat().st_size
        self.feed(path.read_text(encoding="utf-8"))
        self.data: dict[str, Any] = json.loads(self.texts["data"])
        self.stores: list[dict[str, Any]] = self.data["stores"]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._script = dict(attrs) if tag == "script" else None

    def handle_data(self, data: str) -> None:
        if self._script is None:
            return
        if key := self._script.get("id"):
            self.texts[key] = self.texts.get(key, "") + data
        elif data.strip():
            self.scripts.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._script = None

    def array(self, ref: Mapping[str, Any]) -> np.ndarray:
        """The numbers behind a reference."""
        return decode(self.texts[f"array-{ref['id']}"], ref["dtype"], ref["shape"])
