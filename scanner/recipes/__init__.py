"""The kinds of stores, and the recipe of a store by its kind."""

from __future__ import annotations

from scanner.cube import Cube
from scanner.recipes.base import Recipe
from scanner.recipes.merge import MergeRecipe
from scanner.recipes.scan import ReducedRecipe, ScanRecipe
from scanner.recipes.toys import ToysRecipe

KINDS: dict[str, type[Recipe]] = {
    recipe.kind: recipe for recipe in (ScanRecipe, ReducedRecipe, MergeRecipe, ToysRecipe)
}


def read(cube: Cube) -> Recipe:
    """Return the recipe that a store was made by."""
    return KINDS[cube.kind].read(cube)
