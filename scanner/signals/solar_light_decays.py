"""Antineutrinos from the light neutrinos of the Sun, which decay on the way to the Earth: ν_j → ν̄_k φ, φ massless.

⁸B neutrinos leave the Sun as ν_j with probability f_j(E) and have lost their coherence. The events are

    N = Σ_jk (Γ_jk/Γ_j) N_jk(m_j Γ_j),
    N_jk = ∫ dE φ(⁸B) f_j (1 − e^{−m_j Γ_j L/E}) ∫ dE′ n_jk(E′|E) |U_ek|² events(E′),

with n_jk of flipped helicity. So N_jk depend on one width each and on three-flavour mixing, and are interpolated in the
width (`scanner.signals.lifetimes`). What is born of a decay is not followed through another: in normal ordering that
concerns ν3, 2 % of all; in inverted ordering ν2 → ν1 → ν̄3 is missed. The lightest neutrino has no mass.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from scanner.errors import Status
from scanner.physics.light_decay import add_flipped
from scanner.physics.oscillation import mixing_matrix_3p1
from scanner.physics.solar import BORON8_FLUX, FLIGHT, STEP, boron8, mass_state
from scanner.physics.visible_sterile_decay import decay_exponent
from scanner.signals import lifetimes
from scanner.signals.base import Prediction, Table
from scanner.signals.lifetimes import Quantity

CHANNELS = tuple(itertools.permutations(range(3), 2))
"""ν_j and ν_k, 0 to 2, of every decay; which are open is a matter of the masses."""

_ENERGY = 10.0  # MeV, where decay lengths are resolved best


@dataclass(frozen=True)
class LightDecays:
    """What a model supplies.

    Parameters
    ----------
    strengths
        For each of CHANNELS, Γ_jk/Γ_j times the fraction of flipped daughters that are antineutrinos.
    widths
        For each ν_j, mΓ [eV²] of all its channels.
    there
        Not 0 where any of this is to be added.
    unknown
        Not 0 where light neutrinos decay in a way that is not described here: no prediction.
    """

    strengths: tuple[Quantity, ...]
    widths: tuple[Quantity, ...]
    there: Quantity
    unknown: Quantity


def light_prediction(model: LightDecays, three_flavours: tuple[str, ...], events: np.ndarray) -> Prediction:
    """Join a model's light neutrinos to an experiment.

    Parameters
    ----------
    model
        Their decays.
    three_flavours
        Names of the parameters that are sin²θ12, sin²θ13, sin²θ23, Δm²21 and Δm²31 [eV²].
    events
        Events in each bin for 1/(cm² s) of ν̄_e in each energy bin, shape (energies, bins).
    """
    scale = 1 / decay_exponent(1.0, FLIGHT, _ENERGY)
    tables = [_table(j, three_flavours, model.there, events, scale) for j in range(3)]
    bins = events.shape[1]
    terms = [
        lifetimes.Term(strength, (model.widths[j],), scale, tables[j], bins * (k - (k > j)))
        for (j, k), strength in zip(CHANNELS, model.strengths, strict=True)
    ]
    of = lifetimes.prediction(terms)
    parameters = tuple(dict.fromkeys((*model.there.parameters, *model.unknown.parameters, *of.parameters)))
    there, unknown, inner = (
        [parameters.index(name) for name in names]
        for names in (model.there.parameters, model.unknown.parameters, of.parameters)
    )

    def add(
        values: np.ndarray, nodes: tuple[np.ndarray, ...], tables: tuple[np.ndarray, ...], signal: np.ndarray
    ) -> None:
        if np.any(model.there.value(values[there])):
            of.add(values[inner], nodes, tables, signal)
        signal[np.broadcast_to(model.unknown.value(values[unknown]), len(signal)) != 0] = np.nan

    return Prediction(parameters, of.tables, add)


def masses_squared(dm2_21: ArrayLike, dm2_31: ArrayLike) -> np.ndarray:
    """Return m² of ν1, ν2 and ν3 [eV²] if the lightest has no mass, shape (3, ...)."""
    found = np.array(np.broadcast_arrays(0.0, dm2_21, dm2_31))
    return np.asarray(found - found.min(axis=0))


def antineutrinos(
    parent: int, widths: np.ndarray, mixing: np.ndarray, dm2: np.ndarray, events: np.ndarray
) -> np.ndarray:
    """Return what is seen of the decays of one ν_j of the Sun, as if each channel were the only one.

    Parameters
    ----------
    parent
        j.
    widths
        m_j Γ_j [eV²], shape (n,).
    mixing
        `oscillation.mixing_matrix_3p1`.
    dm2
        0, Δm²21, Δm²31 and Δm²41 [eV²].
    events
        See `light_prediction`.

    Returns
    -------
    float64[n, 2, bins]
        Of each ν_k but ν_j, ascending; 0 where it is the heavier one.
    """
    sun = boron8()
    flux = BORON8_FLUX * sun.fraction * mass_state(sun.energy, mixing, dm2, parent)
    mass = masses_squared(dm2[1], dm2[2])
    out = np.zeros((len(widths), 2, events.shape[1]))
    for row, daughter in enumerate(k for k in range(3) if k != parent):
        if mass[daughter] < mass[parent]:
            Ue = mixing[0, daughter]
            parents = (Ue.real**2 + Ue.imag**2) * flux
            for width, of in zip(widths, out, strict=True):
                ratio = mass[daughter] / mass[parent]
                add_flipped(sun.energy, parents, ratio, width, FLIGHT, STEP, events, of[row])
    return out


def _table(parent: int, three_flavours: tuple[str, ...], there: Quantity, events: np.ndarray, scale: float) -> Table:
    """The table of both N_jk of one ν_j, one after the other; empty where nothing is to be added."""
    widths, columns = lifetimes.nodes(scale), 2 * events.shape[1]

    def build(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        entries = np.zeros((len(values), len(widths), columns))
        wanted = np.broadcast_to(there.value(values[:, len(three_flavours) :].T), len(values)) != 0
        for node in np.flatnonzero(wanted):
            s12, s13, s23, dm2_21, dm2_31 = values[node, : len(three_flavours)]
            mixing = mixing_matrix_3p1(s12, s13, s23, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
            # The fourth state is decoupled; its mass only has to be the largest.
            dm2 = np.array([0.0, dm2_21, dm2_31, 1.0])
            entries[node] = antineutrinos(parent, widths, mixing, dm2, events).reshape(len(widths), columns)
        status = np.where(np.isfinite(entries).all(axis=(1, 2)), Status.ok, Status.not_converged)
        return entries, status.astype(np.uint8)

    names = (*three_flavours, *there.parameters)
    return Table(f"nu{parent + 1}", names, (len(widths), columns), build, (events, *boron8()))
