"""The table as a page, Markdown or HTML: the marks, and below them the numbers that they follow from."""

from __future__ import annotations

import html
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template

from scanner.analysis.table.outcomes import EXCLUDED, EXPLAINED, PARTLY, Cell, RowOutcome
from scanner.analysis.table.table_file import TableFile
from scanner.errors import InputError

FORMATS = (".md", ".html")

Grid = Sequence[Sequence[str]]
"""Texts of a table, its heading first."""

_STYLE = (
    "body{font-family:sans-serif;max-width:75em;margin:2em auto;padding:0 1em}"
    "table{border-collapse:collapse;margin:1em 0}td,th{border:1px solid #bbb;padding:.3em .6em;text-align:left}"
    "th{background:#eee}"
)
_PAGE = Template(
    '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>$title</title><style>$style</style></head>\n'
    "<body>\n$body\n</body>\n</html>\n"
)


def write_table(file: TableFile, rows: Sequence[RowOutcome], output: Path) -> None:
    """Write the table.

    Parameters
    ----------
    file
        The table file.
    rows
        Its rows' outcomes.
    output
        The page, .md or .html.

    Raises
    ------
    InputError
        For another kind of file, or one that cannot be written.
    """
    check_format(output)
    parts: list[str | Grid] = [_rule(file), _marks(file, rows), "## Numbers", _numbers(rows)]
    differing = _differences(rows)
    if len(differing) > 1:
        parts += ["## Where the published table differs", differing]
    missing = _reasons(rows)
    if len(missing) > 1:
        parts += ["## Without a number", missing]
    text = _html(file.title, parts) if output.suffix == ".html" else _markdown(file.title, parts)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError("--output", f"cannot be written: {error.strerror}", str(output)) from None


def check_format(output: Path) -> None:
    """Refuse a file of another format, before anything is computed for it."""
    if output.suffix not in FORMATS:
        raise InputError("--output", "unknown kind of table", str(output), " or ".join(FORMATS))
    place = next(folder for folder in output.absolute().parents if folder.exists())
    if not (place.is_dir() and os.access(place, os.W_OK)) or output.is_dir():
        raise InputError("--output", "cannot be written there", str(output))


def _rule(file: TableFile) -> str:
    return (
        "Δ is the χ² that an explanation gains over no signal in an anomaly, at the joint minimum θ* of all anomalies; "
        f"D what the best phenomenological fit of that data set alone gains. ✓: Δ ≥ {EXPLAINED:g} D; ~: Δ ≥ "
        f"{PARTLY:g} D; ✗: less; 0: no signal is predicted; n/c: not computed, which is no ✗. A second mark, in "
        f"brackets, is the one at the joint minimum with the constraints, where these worsen by more than {EXCLUDED:g} "
        f"at θ*, or are not known there. χ² is without ln det of covariances. After the bar: {file.published}."
    )


def _marks(file: TableFile, rows: Sequence[RowOutcome]) -> Grid:
    heading = ("", "explanation", "mechanism", *file.anomalies, "constraints at θ*")
    body = [
        (
            str(number),
            row.name + (" (approximate)" if row.approximate else ""),
            row.mechanism,
            *(_mark(row.cells[name]) for name in file.anomalies),
            _total(row) if row.constraints else "",
        )
        for number, row in enumerate(rows, start=1)
    ]
    return (heading, *body)


def _total(row: RowOutcome) -> str:
    return "unknown" if math.isnan(row.worsening) else f"{row.worsening:+.1f}"


def _mark(cell: Cell) -> str:
    second = "" if cell.limited is None else f" [{cell.limited}]"
    return f"{cell.mark}{second}" + ("" if cell.published is None else f" | {cell.published}")


def _numbers(rows: Sequence[RowOutcome]) -> Grid:
    body = []
    for number, row in enumerate(rows, start=1):
        if row.point is None:
            continue
        gains = "; ".join(f"{name} {_gain(cell)}" for name, cell in row.cells.items() if not math.isnan(cell.delta))
        limits = _listed(row.constraints or {}, "+.1f")
        if row.limited_point:
            limits += f"; joint minimum with them: {_listed(row.limited_point, '.3g')}"
        body.append((str(number), row.model, _listed(row.point, ".3g"), gains, limits, row.approximate or ""))
    return (("", "model", "θ*", "Δ of D", "constraints", "approximate"), *body)


def _gain(cell: Cell) -> str:
    return f"{cell.delta:.1f} of {cell.best:.1f}"


def _listed(values: Mapping[str, float], form: str) -> str:
    return ", ".join(f"{name} " + ("unknown" if math.isnan(v) else f"{v:{form}}") for name, v in values.items())


def _differences(rows: Sequence[RowOutcome]) -> Grid:
    body = [
        (str(number), name, cell.mark, str(cell.published), "" if math.isnan(cell.delta) else _gain(cell), cell.remark)
        for number, row in enumerate(rows, start=1)
        for name, cell in row.cells.items()
        if cell.differs
    ]
    return (("", "anomaly", "here", "published", "Δ of D", "why"), *body)


def _reasons(rows: Sequence[RowOutcome]) -> Grid:
    body = [
        (str(number), name, cell.mark, cell.reason)
        for number, row in enumerate(rows, start=1)
        for name, cell in row.cells.items()
        if cell.reason
    ]
    return (("", "anomaly", "mark", "why"), *body)


def _markdown(title: str, parts: Sequence[str | Grid]) -> str:
    blocks = [f"# {title}"]
    for part in parts:
        if isinstance(part, str):
            blocks.append(part)
            continue
        lines = ["| " + " | ".join(text.replace("|", "\\|") for text in line) + " |" for line in part]
        blocks.append("\n".join([lines[0], "|" + "---|" * len(part[0]), *lines[1:]]))
    return "\n\n".join(blocks) + "\n"


def _html(title: str, parts: Sequence[str | Grid]) -> str:
    blocks = [f"<h1>{html.escape(title)}</h1>"]
    for part in parts:
        if isinstance(part, str):
            heading = part.startswith("## ")
            tag = "h2" if heading else "p"
            blocks.append(f"<{tag}>{html.escape(part.removeprefix('## '))}</{tag}>")
        else:
            blocks.append(
                "<table>\n" + "\n".join(_line(line, "td" if n else "th") for n, line in enumerate(part)) + "\n</table>"
            )
    return _PAGE.substitute(title=html.escape(title), style=_STYLE, body="\n".join(blocks))


def _line(texts: Sequence[str], tag: str) -> str:
    return "<tr>" + "".join(f"<{tag}>{html.escape(text)}</{tag}>" for text in texts) + "</tr>"
