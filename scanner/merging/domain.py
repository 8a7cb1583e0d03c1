"""The model's domain on a merged grid, which may leave it though the grids of its inputs do not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scanner.scan import Values, can_be_violated, expand
from scanner.vocabulary import Constraint


@dataclass(frozen=True)
class Domain:
    """The constraints of a model that a merged grid can violate.

    Parameters
    ----------
    constraints
        Those whose parameters are all known.
    parameters
        Values on the merged grid.
    """

    constraints: tuple[Constraint, ...]
    parameters: Mapping[str, Values]

    @classmethod
    def of(cls, constraints: Iterable[Constraint], parameters: Mapping[str, Values]) -> Domain:
        """Choose from a model's constraints."""
        known = (c for c in constraints if parameters.keys() >= c.coefficients.keys())
        return cls(tuple(c for c in known if can_be_violated(c, parameters)), parameters)

    @property
    def axes(self) -> set[str]:
        """The axes that they depend on."""
        return {axis for c in self.constraints for name in c.coefficients for axis in self.parameters[name].axes}

    def outside(self, axes: Sequence[str], box: Mapping[str, slice]) -> np.ndarray:
        """Return which points of a box violate one, bool over axes that include those of the domain."""
        shape = tuple(box[name].stop - box[name].start for name in axes)
        found = np.zeros(shape, dtype=bool)
        for constraint in self.constraints:
            total = np.zeros(shape)
            for name, coefficient in constraint.coefficients.items():
                values = self.parameters[name]
                part = Values(values.axes, values.array[tuple(box[a] for a in values.axes)])
                total += coefficient * expand(part, tuple(axes), shape)
            found |= total > constraint.upper
        return found
