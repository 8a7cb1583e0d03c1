"""What every kind of store is made by: a recipe says what it holds, how it is cut, and computes its blocks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from scanner.config import Execution
from scanner.cube import Blueprint, Coordinates, Cube, GroupArrays
from scanner.grid import Block


class Recipe(ABC):
    """How a store is made.

    The driver asks for identity and blueprint and fills the store with what is at hand; workers, who read the
    recipe back from the store, build the parts that its blocks need, then the blocks.

    Parameters
    ----------
    execution
        Where and how to run it; no part of its identity.
    store
        Where its store shall lie if the user does not say; None if that must be said.
    """

    kind: str
    execution: Execution
    store: str | None = None

    @classmethod
    @abstractmethod
    def read(cls, cube: Cube) -> Recipe:
        """Return the recipe that a store was made by."""

    @abstractmethod
    def identity(self) -> dict[str, Any]:
        """What makes two stores the same, as plain JSON."""

    @abstractmethod
    def groups(self) -> tuple[GroupArrays, ...]:
        """Return what its store keeps of each group of experiments."""

    @abstractmethod
    def blueprint(self, workers: int, warn: Callable[[str], None]) -> Blueprint:
        """Return what the store is created from, cut into blocks for so many workers."""

    @abstractmethod
    def coordinates(self) -> Coordinates:
        """Return the store's axes and what follows from them."""

    @abstractmethod
    def evaluate(self, cube: Cube, block: Block) -> Mapping[str, np.ndarray]:
        """Compute a block: an array for each of its group's arrays, of its dtype, and ``status``."""

    def fill(self, cube: Cube) -> None:  # noqa: B027 - most have nothing
        """Put into a new store what needs no computing."""

    def missing_parts(self, cube: Cube) -> list[int]:
        """Return the numbers of the parts that blocks need and the store lacks."""
        return []

    def part_name(self, cube: Cube, number: int) -> str:
        """Return what a part is called in messages."""
        raise NotImplementedError

    def build_part(self, cube: Cube, number: int) -> Any:
        """Build a part, and write nothing: who takes too long is given up, and may still come to an end."""
        raise NotImplementedError

    def write_part(self, cube: Cube, number: int, built: Any) -> None:
        """Write a part into the store."""
        raise NotImplementedError

    def parts_built(self, cube: Cube) -> None:  # noqa: B027 - most have none
        """Keep the parts, all of them built now, for other stores."""

    def drop_damaged_parts(self, cube: Cube) -> list[str]:
        """Empty parts that cannot be read, to be built anew; return what they are called."""
        return []
