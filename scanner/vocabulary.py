"""The small words that models, signals and experiments share."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

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
    choices
        For a parameter that is one of several names (see `choice`): these; its value is the name's position.
    """

    name: str
    unit: str
    default: float
    lower: float
    upper: float
    long_name: str = ""
    choices: tuple[str, ...] = ()

    @classmethod
    def choice(cls, name: str, *choices: str) -> Parameter:
        """Return a parameter that is one of several names, the first by default."""
        return cls(name, "1", 0.0, 0.0, len(choices) - 1.0, name, choices)

    def number(self, value: object, where: str) -> float:
        """Return a value as a number, of a choice the position of its name; refuse what is not allowed."""
        if self.choices:
            # YAML and Python have words of their own, and names may be digits.
            value = int(value) if isinstance(value, float) and value.is_integer() else value
            value = str(value).lower() if isinstance(value, bool | int) else value
            if value not in self.choices:
                hint = did_you_mean(str(value), self.choices)
                raise InputError(where, f"no choice of parameter {self.name!r}", value, self.allowed(), hint)
            return float(self.choices.index(str(value)))
        if isinstance(value, bool | str):
            raise InputError(where, "should be a number", value, self.allowed())
        try:
            number = float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            raise InputError(where, "should be a number", value, self.allowed()) from None
        self.check([number], where)
        return number

    def shown(self, number: float) -> float | str:
        """Return a value as a user writes it."""
        return self.choices[int(number)] if self.choices else float(number)

    def allowed(self) -> str:
        """The range in words."""
        if self.choices:
            return " or ".join(self.choices)
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
    """coefficient · Π parameter^power with positive powers, whole or half ones: how couplings enter a rate."""

    coefficient: float
    powers: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, power in self.powers.items():
            if not (power > 0 and 2 * power == int(2 * power)):
                raise ValueError(f"a monomial has positive powers n or n/2, not {name}^{power!r}: tabulate the rest")

    def __mul__(self, other: Monomial) -> Monomial:
        powers = {n: self.powers.get(n, 0) + other.powers.get(n, 0) for n in (*self.powers, *other.powers)}
        return Monomial(self.coefficient * other.coefficient, powers)

    def value(self, parameters: Mapping[str, float]) -> float:
        """Evaluate at one point."""
        return float(self.coefficient * math.prod(parameters[p] ** n for p, n in self.powers.items()))


@dataclass(frozen=True)
class Derived:
    """A quantity that follows from a model's parameters, kept beside a scan's axes for slicing and plots.

    Parameters
    ----------
    name
        Its name in cubes.
    unit
        Its unit; "1" for a pure number.
    parameters
        Names of the parameters that it depends on.
    function
        From their values, float64 of shape (len(parameters),), to its value; NaN where it does not exist.
    long_name
        Label for plots.
    """

    name: str
    unit: str
    parameters: tuple[str, ...]
    function: Callable[[np.ndarray], float]
    long_name: str = ""


def complete(parameters: tuple[Parameter, ...], given: Mapping[str, object], where: str) -> dict[str, float]:
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
        result[name] = known[name].number(value, f"{where}.{name}")
    return result
