"""How many nuclei there are in matter."""

from __future__ import annotations

from collections.abc import Mapping

from scanner.physics.form_factors import nuclide
from scanner.units import GEV_PER_TONNE


def nuclei(tonnes: Mapping[str, float]) -> dict[str, float]:
    """Return numbers of nuclei by nuclide, from the mass of each.

    Parameters
    ----------
    tonnes
        Mass by nuclide [t]; an element counts as the nuclide that stands for it.

    Examples
    --------
    >>> f"{nuclei({'C12': 701.14})['C12']:.5e}"
    '3.51960e+31'
    """
    return {name: mass * GEV_PER_TONNE / nuclide(name).mass for name, mass in tonnes.items()}
