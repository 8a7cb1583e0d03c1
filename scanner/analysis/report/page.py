"""A report: stores as one page that a browser opens from the disk, without a network."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from importlib import metadata, resources
from pathlib import Path
from string import Template
from typing import Any

import xarray as xr

from scanner.analysis.report.data import LIMIT_LEVEL, collect
from scanner.analysis.report.spectra import Predict
from scanner.analysis.surface import threshold
from scanner.errors import InputError, Status

LEVELS = (0.6827, 0.90, 0.95, 0.99, 0.9973)
"""Confidence levels that the page offers."""
SCRIPTS = ("data.js", "contours.js", "figures.js", "tables.js", "page.js")
MEGABYTE = 1_000_000
NODES = 36


def write_report(
    datasets: Sequence[xr.Dataset],
    output: Path,
    groups: Mapping[str, Sequence[str]] | None = None,
    max_mb: float = 20.0,
    predict: Predict | None = None,
    nodes: int = NODES,
) -> int:
    """Write stores as one self-contained HTML page.

    Parameters
    ----------
    datasets
        Opened cubes.
    output
        The page, .html.
    groups
        Experiments to be summed and profiled together, by the sum's label. The sum of all, where it is allowed, and
        every experiment alone are profiled anyway.
    max_mb
        Size of the page, at most [10⁶ bytes]. What does not fit is thinned evenly, and the page says how.
    predict
        Makes spectra: see `scanner.analysis.report.spectra`. None: no spectra.
    nodes
        For how many points spectra are predicted.

    Returns
    -------
    int
        Size of the page [bytes].

    Raises
    ------
    InputError
        For groups that cannot be summed, a size that is too small, or an output that cannot be written.
    """
    if output.suffix.lower() not in (".html", ".htm"):
        raise InputError("--output", "unknown kind of report", str(output), ".html")
    title = "Scan report: " + ", ".join(str(d.attrs.get("title", "store")).partition(":")[0] for d in datasets)
    frame = _page(title, [], {})
    budget = max_mb * MEGABYTE - len(frame)
    if not budget >= 0:
        needed = f"more than {len(frame) / MEGABYTE:.1f}: plotly.js alone takes most of it"
        raise InputError("--max-mb", "too small for any page", max_mb, needed)
    stores, arrays = collect(datasets, groups or {}, budget, predict, nodes)
    page = _page(title, stores, arrays.encoded)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_bytes(page)
    except OSError as error:
        raise InputError("--output", f"cannot be written: {error.strerror}", str(output)) from None
    return len(page)


def _page(title: str, stores: Sequence[Mapping[str, Any]], arrays: Mapping[str, str]) -> bytes:
    from plotly.offline import get_plotlyjs  # type: ignore[import-untyped]

    plotly, script = get_plotlyjs(), "\n".join(_file(name) for name in SCRIPTS)
    data = {
        "levels": [{"cl": cl, "1": threshold(cl, dof=1), "2": threshold(cl, dof=2)} for cl in LEVELS],
        "limit_level": LIMIT_LEVEL,
        "statuses": {int(status): status.name for status in Status},
        "stores": stores,
    }
    page = Template(_file("template.html")).substitute(
        policy=_policy(plotly, script),
        title=html.escape(title),
        style=_file("page.css"),
        made=html.escape(f"Made by nu-scanner {metadata.version('nu-scanner')}; opens without a network."),
        data=as_json(data),
        arrays="\n".join(f'<script type="text/plain" id="array-{key}">{text}</script>' for key, text in arrays.items()),
        plotly=plotly,
        script=script,
    )
    return page.encode()


def as_json(data: Any) -> str:
    """JSON that no HTML parser can mistake for a tag, whatever the strings in it hold."""
    return json.dumps(data, allow_nan=False).replace("<", "\\u003c")


def _policy(*scripts: str) -> str:
    """Content security policy: these scripts alone run, and nothing is ever fetched."""
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(s.encode()).digest()).decode()}'" for s in scripts)
    return f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:"


def _file(name: str) -> str:
    return resources.files("scanner.analysis.report").joinpath(name).read_text(encoding="utf-8")
