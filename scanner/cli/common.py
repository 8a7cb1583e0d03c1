"""What the commands share: how errors become messages and exit statuses, consoles, and common options."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ParamSpec

import typer
from rich.console import Console

from scanner.errors import InputError, ScannerError

if TYPE_CHECKING:
    import xarray as xr

    from scanner.scan import Scan

P = ParamSpec("P")
app = typer.Typer(
    help="Scan parameter spaces of physics beyond the Standard Model with neutrinos.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
out = Console(soft_wrap=True, markup=False, emoji=False)
err = Console(stderr=True, soft_wrap=True, highlight=False, markup=False, emoji=False)

FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="scan file (YAML)")]
StoreArgument = Annotated[str, typer.Argument(metavar="STORE", help="path or URL of a store")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="path=value", help="change an entry of the scan file")
]
OutOption = Annotated[str | None, typer.Option("-o", "--out", metavar="STORE", help="the store (default: the file's)")]
JsonOption = Annotated[bool, typer.Option("--json", help="print JSON")]
ClusterOption = Annotated[
    str | None, typer.Option(help="local, serial, a cluster file or its name, or a scheduler's address")
]
FreshOption = Annotated[bool, typer.Option("--fresh", help="replace the store")]
VerifyOption = Annotated[bool, typer.Option("--verify", help="recompute damaged blocks")]
WorkersOption = Annotated[int | None, typer.Option("--workers", min=1, help="number of workers")]


def _said_once(record: logging.LogRecord) -> bool:
    """Whether a message of asyncio is news: zarr writes several chunks at once, and where all fail raises one error."""
    failed = record.exc_info[1] if record.exc_info else None
    return not (isinstance(failed, OSError) and "exception was never retrieved" in record.getMessage())


logging.getLogger("asyncio").addFilter(_said_once)


def command(function: Callable[P, None], group: typer.Typer = app) -> Callable[P, None]:
    """Register a command whose errors for users become one message and an exit status.

    A trailing underscore, for a name that Python has taken, is not part of the command's name.
    """

    @functools.wraps(function)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            function(*args, **kwargs)
        except ScannerError as error:
            err.print(f"scanner: {error}", markup=False, soft_wrap=True, style="red")
            raise typer.Exit(error.exit_status) from None
        except KeyboardInterrupt:
            err.print("scanner: interrupted", style="red")
            raise typer.Exit(130) from None

    return group.command(function.__name__.rstrip("_"))(guarded)


def resolve(file: Path, settings: list[str] | None) -> Scan:
    """Read a scan file with its changes, and resolve it."""
    from scanner import scan as scans
    from scanner.config import read_scan_file

    return scans.resolve(read_scan_file(file, tuple(settings or ())))


def likelihoods(store: str, level: int | str = 0) -> xr.Dataset:
    """Open a store to be shown, and warn if it is not complete: profiles and best fits are then of what there is."""
    from scanner.cube import open_cube
    from scanner.dataset import open_likelihoods
    from scanner.ledger import DONE

    dataset = open_likelihoods(store, level)
    ledger, _ = open_cube(store).ledger()
    lacking = ledger.state.size - ledger.count(DONE)
    if lacking:
        blocks = f"{lacking:,} of {ledger.state.size:,} blocks are missing or failed"
        err.print(f"{store}: is not complete: {blocks}; what is shown is of the others", style="yellow")
    return dataset


def only(where: str, values: list[float]) -> float:
    """Return the value of an option that may be given once here."""
    if len(values) != 1:
        raise InputError(where, "give one value", values)
    return values[0]


def assignments(where: str, texts: list[str]) -> dict[str, float | str]:
    """Return ``name=value`` arguments by name, numbers as such."""
    found: dict[str, float | str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name or not value:
            raise InputError(where, "expected name=value", text)
        if name in found:
            raise InputError(where, f"{name!r} is given twice", text)
        try:
            found[name] = float(value)
        except ValueError:
            found[name] = value
    return found


def numbers(where: str, texts: list[str]) -> dict[str, float]:
    """Return ``name=number`` arguments by name."""
    found = assignments(where, texts)
    for name, value in found.items():
        if isinstance(value, str):
            raise InputError(where, "expected name=value with a number", f"{name}={value}")
    return {name: float(value) for name, value in found.items()}


def groups(texts: list[str]) -> dict[str, list[str]]:
    """Return ``label=exp1,exp2`` options by label."""
    found: dict[str, list[str]] = {}
    for text in texts:
        label, _, names = text.partition("=")
        experiments = [name.strip() for name in names.split(",")]
        if not label or not all(experiments):
            raise InputError("--group", "expected label=exp1,exp2", text)
        if label in found:
            raise InputError("--group", "this label is given twice", label)
        found[label] = experiments
    return found
