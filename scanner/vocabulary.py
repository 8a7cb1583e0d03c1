"""The small words that models, signals and experiments share."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from scanner.errors import InputError, did_you_mean


@dataclass(frozen=True)
class Reference:
    """A publication, with what a bibliography needs.

    Parameters
    ----------
    key
        INSPIRE texkey.
    authors, title, year
        As published.
    arxiv, doi, journal
        Empty where there is none.
    """

    key: str
    authors: str
    title: str
    year: int
    arxiv: str = ""
    doi: str = ""
    journal: str = ""

    def __str__(self) -> str:
        where = self.journal or (f"arXiv:{self.arxiv}" if self.arxiv else "")
        return f"{self.authors}, {self.title}, {where}" + ("" if self.journal else f" ({self.year})")

    def bibtex(self) -> str:
        """Return a BibTeX entry."""
        fields = {
            "author": self.authors,
            "title": f"{{{self.title}}}",
            "year": str(self.year),
            "journal": self.journal,
            "doi": self.doi,
            "eprint": self.arxiv,
            "archivePrefix": "arXiv" if self.arxiv else "",
        }
        lines = [f'  {name} = "{value}"' for name, value in fields.items() if value]
        return f"@article{{{self.key},\n" + ",\n".join(lines) + "\n}"


@dataclass(frozen=True)
class Parameter:
    """A parameter of a model.

    Parameters
    ----------
    name
        Its name in scan files, cubes and messages.
    unit
        Its unit; "1" for a pure number.
    default
        Value where a scan says nothing.
    lower, upper
        Allowed range, ends included.
    long_name
        Label for plots (matplotlib mathtext allowed).
    """

    name: str
    unit: str
    default: float
    lower: float
    upper: float
    long_name: str = ""

    def allowed(self) -> str:
        """The range in words."""
        unit = "" if self.unit == "1" else f" {self.unit}"
        return f"{self.lower:g} to {self.upper:g}{unit}"

    def check(self, values: Iterable[float], where: str) -> None:
        """Raise InputError for the first value outside the range."""
        for value in values:
            if not (math.isfinite(value) and self.lower <= value <= self.upper):
                problem = f"outside the range of parameter {self.name!r}"
                raise InputError(where, problem, value, self.allowed())


@dataclass(frozen=True)
class Constraint:
    """A linear constraint Σ coefficient·parameter ≤ upper that bounds the model's domain.

    Being linear, it can be decided for a whole grid from the ends of the axes; only where a grid really
    crosses it do the points need to be checked one by one.
    """

    coefficients: Mapping[str, float]
    upper: float
    reason: str


@dataclass(frozen=True)
class Monomial:
    """coefficient · Π parameter^power with integer powers: how couplings enter a rate."""

    coefficient: float
    powers: Mapping[str, int] = field(default_factory=dict)

    def value(self, parameters: Mapping[str, float]) -> float:
        """Evaluate at one point."""
        return self.coefficient * math.prod(parameters[p] ** n for p, n in self.powers.items())


def complete(parameters: tuple[Parameter, ...], given: Mapping[str, float], where: str) -> dict[str, float]:
    """Return all parameters with the given values or else their defaults, refusing what does not fit.

    Raises
    ------
    InputError
        For an unknown name, a value that is no number, or one outside its range.
    """
    known = {parameter.name: parameter for parameter in parameters}
    result = {name: parameter.default for name, parameter in known.items()}
    for name, value in given.items():
        if name not in known:
            allowed = ", ".join(known)
            raise InputError(where, f"unknown parameter {name!r}", allowed=allowed, hint=did_you_mean(name, known))
        try:
            result[name] = float(value)
        except (TypeError, ValueError):
            raise InputError(f"{where}.{name}", "not a number", value) from None
        known[name].check([result[name]], f"{where}.{name}")
    return result
