"""Names of neutrino states, and the broadcasting of energies against baselines."""

from __future__ import annotations

from typing import Any

import numpy as np

from scanner.errors import InputError, did_you_mean

STATES = ("e", "mu", "tau", "s")


def index(state: str) -> int:
    """Return 0..3 for e, mu, tau, s."""
    if state not in STATES:
        raise InputError(
            "",
            f"unknown neutrino state {state!r}",
            allowed=", ".join(STATES),
            hint=did_you_mean(state, STATES),
        )
    return STATES.index(state)


def broadcast(E: Any, L: Any) -> tuple[np.ndarray, np.ndarray, tuple[int, ...]]:
    """Broadcast energy [GeV] against baseline [km]; return both flat and contiguous, and the shape.

    Raises
    ------
    InputError
        For an energy that is not positive or a negative baseline.
    """
    energy, baseline = np.broadcast_arrays(np.asarray(E, float), np.asarray(L, float))
    if not (np.all(energy > 0) and np.all(np.isfinite(energy))):
        raise InputError("E", "an energy must be positive and finite", np.min(energy), "E > 0 GeV")
    if not (np.all(baseline >= 0) and np.all(np.isfinite(baseline))):
        raise InputError("L", "a baseline must be finite and not negative", np.min(baseline), "L >= 0 km")
    return np.ascontiguousarray(energy).ravel(), np.ascontiguousarray(baseline).ravel(), energy.shape


def check_medium(density: float, Ye: float) -> None:
    """Raise InputError for a density [g/cm³] or an electron fraction that no medium has."""
    if not 0 <= density < np.inf:
        raise InputError("density", "a density must be finite and not negative", density, "density >= 0 g/cm^3")
    if not 0 <= Ye <= 1:
        raise InputError("Ye", "not a number of electrons per nucleon", Ye, "0 to 1")
