"""What every model is: a Lagrangian's parameters, and the ingredients that it supplies to signals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scanner.maps import Map
from scanner.vocabulary import Constraint, Derived, Parameter, Reference, complete


@dataclass(frozen=True)
class Model:
    """A model of new physics.

    Parameters
    ----------
    name
        Its name in scan files.
    version
        Raised whenever a prediction changes; part of a store's identity.
    title
        One line.
    parameters
        In the order of documentation.
    signals
        Ingredient supplied to each signal, by the signal's name.
    references
        Publications that define the model.
    constraints
        Bounds of its domain.
    null
        Parameter values that switch the new physics off, or None.
    maps
        The model's own maps for ``tied`` parameters, by name.
    derived
        What follows from the parameters.
    together
        Signals that are not all of what an experiment would see: by name, the signal that must come with it. An
        experiment that supplies the first alone is refused, unless it calls the second negligible.
    """

    name: str
    version: int
    title: str
    parameters: tuple[Parameter, ...]
    signals: Mapping[str, Any]
    references: tuple[Reference, ...]
    constraints: tuple[Constraint, ...] = ()
    null: Mapping[str, float] | None = None
    maps: Mapping[str, Map] = field(default_factory=dict)
    derived: tuple[Derived, ...] = ()
    together: Mapping[str, str] = field(default_factory=dict)

    def parameter(self, name: str) -> Parameter:
        """Return the parameter of that name (KeyError if there is none)."""
        return {p.name: p for p in self.parameters}[name]

    def ingredient(self, signal: str, zero: frozenset[str]) -> Any:
        """Return what the model supplies to a signal in a scan in which some parameters are 0 throughout.

        Parameters
        ----------
        signal
            One of `signals`.
        zero
            Names of those parameters: what they switch off may be left out.
        """
        return self.signals[signal]

    def complete(self, given: Mapping[str, object]) -> dict[str, float]:
        """Return every parameter's value: those given, checked, and the defaults."""
        return complete(self.parameters, given, self.name)
