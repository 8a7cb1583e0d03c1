"""Maps that tie one parameter to others; a model may add its own in `Model.maps`.

In a scan file: ``tied: {m5: {map: ratio, of: m4, factor: 2.1}}``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Map:
    """A named function of other parameters.

    Parameters
    ----------
    function
        Takes the values of the parameters named by ``of`` (floats, in order) and the options by keyword;
        returns a float.
    arguments
        How many parameters ``of`` must name; None for one or more.
    options
        Names and defaults of the options; a default of None makes an option required.
    doc
        One line for users.
    """

    function: Callable[..., float]
    arguments: int | None
    options: Mapping[str, float | None] = field(default_factory=dict)
    doc: str = ""


def _product(*values: float, factor: float) -> float:
    for value in values:
        factor *= value
    return factor


MAPS: dict[str, Map] = {
    "ratio": Map(lambda x, factor: factor * x, 1, {"factor": None}, "factor · of"),
    "offset": Map(lambda x, offset: x + offset, 1, {"offset": None}, "of + offset"),
    "power": Map(
        lambda x, exponent, factor: factor * x**exponent,
        1,
        {"exponent": None, "factor": 1.0},
        "factor · of^exponent",
    ),
    "product": Map(_product, None, {"factor": 1.0}, "factor · of₁ · of₂ · …"),
}
"""Maps that any scan file may use."""
