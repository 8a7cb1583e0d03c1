"""Antineutrinos from ν_e of the Sun that were born with a heavy component, which decays before it leaves.

A model says how many antineutrinos one ν4 makes at which energy, and with which flavour amplitudes; an experiment says
how many events a flux makes. To leading order in the mixings the events are

    N = |U_e4|² Σ_ab (U_a4 U_b4 / Σ_c |U_c4|²) N_ab,   N_ab = ∫ dE₃ events(E₃) Re M_ab(E₃) ∫ dE₄ φ(⁸B) n(E₃|E₄),

so that the six N_ab depend on the shape of the spectrum (m_φ/m₄) and on three-flavour mixing alone. The heavy mass has
gone, and mixings are monomials over a sum. What is left out is of relative order Σ|U_c4|².

All these decays are taken for prompt. Where they are not, conversion begins elsewhere or ν4 leaves the Sun; such points
are NaN (status not_finite), unless even prompt decays would make no signal. What light neutrinos become by decays on
the way to the Earth is added (`scanner.signals.solar_light_decays`).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numba import types

from scanner.errors import Status
from scanner.physics.kernel import INPUT_CUBE, kernel
from scanner.physics.oscillation import mixing_matrix_3p1
from scanner.physics.solar import BORON8_FLUX, PROMPT, STEP, boron8, conversion
from scanner.physics.visible_sterile_decay import decay_exponent
from scanner.signals.base import Prediction, Table
from scanner.signals.monomials import PackedMonomials, fill_monomials, pack_monomials
from scanner.signals.solar_light_decays import LightDecays, light_prediction
from scanner.vocabulary import Monomial

PROVIDES = ("solar_antineutrinos",)
VERSION = 2

PAIRS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
"""Flavours a, b of N_ab: e, μ, τ are 0, 1, 2; those of two flavours stand for both orders."""

NEGLIGIBLE = 1e-3
"""Events of prompt decays below which it does not matter whether decays are prompt."""


@dataclass(frozen=True)
class Production:
    """One way in which a model makes antineutrinos.

    Parameters
    ----------
    name
        Unique within the model.
    parameters
        Names of the parameters that `spectrum` depends on.
    spectrum
        From their values, energies of ν4 [MeV] and edges of bins [MeV] to the antineutrinos per ν4 of prompt decays,
        shape (energies, bins).
    strengths
        Of each of PAIRS, |U_e4|² times the product of two flavour amplitudes; no monomials where it is never made.
    norm
        Sum of monomials that strengths are divided by.
    """

    name: str
    parameters: tuple[str, ...]
    spectrum: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
    strengths: tuple[tuple[Monomial, ...], ...]
    norm: tuple[Monomial, ...]


@dataclass(frozen=True)
class SolarSterile:
    """What a model supplies.

    Parameters
    ----------
    productions
        All are summed.
    three_flavours
        Names of the parameters that are sin²θ12, sin²θ13, sin²θ23, Δm²21 and Δm²31 [eV²]; phases are 0.
    width_parameters
        Names of the parameters that widths depend on.
    slowest
        From their values, shape (len(width_parameters), points), to the least mΓ [eV²] of what must decay.
    light
        Decays of the light neutrinos themselves.
    """

    productions: tuple[Production, ...]
    three_flavours: tuple[str, str, str, str, str]
    width_parameters: tuple[str, ...]
    slowest: Callable[[np.ndarray], np.ndarray]
    light: LightDecays


@dataclass(frozen=True)
class SolarResponse:
    """What an experiment supplies.

    Parameters
    ----------
    events
        Events in each of its bins for 1/(cm² s) of ν̄_e in each energy bin of STEP from 0, shape (energies, bins).
    """

    events: np.ndarray


def edges() -> np.ndarray:
    """Edges of the bins of antineutrino energy [MeV]."""
    return STEP * np.arange(boron8().energy.size + 1)


@functools.lru_cache(maxsize=64)
def conversions(three_flavours: tuple[float, ...]) -> np.ndarray:
    """Re M_ab of antineutrinos for each of PAIRS in every energy bin, with the factor 2 of pairs of two flavours.

    Parameters
    ----------
    three_flavours
        sin²θ12, sin²θ13, sin²θ23, Δm²21, Δm²31 [eV²].
    """
    s12, s13, s23, dm2_21, dm2_31 = three_flavours
    mixing = mixing_matrix_3p1(s12, s13, s23, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    # The fourth state is decoupled; its mass only has to be the largest.
    masses = np.array([0.0, dm2_21, dm2_31, 1.0])
    found = conversion(boron8().energy, mixing, masses, True)
    return np.array([(1 + (a != b)) * found[:, a, b].real for a, b in PAIRS])


def produced(spectrum: np.ndarray) -> np.ndarray:
    """Antineutrinos of all flavours for |U_e4|² = 1 [1/(cm² s)] in each bin, from those per ν4, (energies, bins)."""
    # Summed along the first axis, one row after the other: the same bits on every CPU.
    return np.asarray(BORON8_FLUX * (boron8().fraction[:, None] * spectrum).sum(axis=0))


def bind(model: SolarSterile, response: SolarResponse, bins: int) -> Prediction:
    """Join a model's antineutrinos to an experiment.

    Parameters
    ----------
    model, response
        The ingredients.
    bins
        Number of signal bins.
    """
    monomials = [m for p in model.productions for terms in (*p.strengths, p.norm) for m in terms]
    couplings = tuple(dict.fromkeys(name for m in monomials for name in m.powers))
    light = light_prediction(model.light, model.three_flavours, response.events)
    parameters = tuple(dict.fromkeys((*couplings, *model.width_parameters, *light.parameters)))
    widths, for_light = ([parameters.index(name) for name in of] for of in (model.width_parameters, light.parameters))
    needed = 1 / decay_exponent(1.0, PROMPT, edges()[-1])
    packed = [_Packed(production, parameters) for production in model.productions]

    def add(
        values: np.ndarray, nodes: tuple[np.ndarray, ...], tables: tuple[np.ndarray, ...], signal: np.ndarray
    ) -> None:
        found = np.zeros_like(signal)
        own = len(packed)
        for of, node, table in zip(packed, nodes[:own], tables[:own], strict=True):
            if table.any():
                _add(of.weights(values), node, table, found)
        slow = (model.slowest(values[widths]) < needed) & (found.max(axis=1) > NEGLIGIBLE)
        found[slow] = np.nan
        light.add(values[for_light], nodes[own:], tables[own:], found)
        signal += found

    by_sterile = (_table(model, production, response, bins) for production in model.productions)
    return Prediction(parameters, (*by_sterile, *light.tables), add)


class _Packed:
    """The monomials of one production."""

    def __init__(self, production: Production, parameters: tuple[str, ...]):
        self._strengths = [pack_monomials(terms, parameters) for terms in production.strengths]
        self._norm = pack_monomials(production.norm, parameters)

    def weights(self, values: np.ndarray) -> np.ndarray:
        """Strength over norm of each pair, 0 without mixing, shape (pairs, points)."""
        norm = _sum(self._norm, values)
        weights = np.zeros((len(PAIRS), values.shape[1]))
        for weight, strength in zip(weights, self._strengths, strict=True):
            if strength.coefficients.size:
                np.divide(_sum(strength, values), norm, out=weight, where=norm > 0)
        return weights


def _sum(monomials: PackedMonomials, values: np.ndarray) -> np.ndarray:
    out = np.empty((monomials.coefficients.size, values.shape[1]))
    fill_monomials(values, *monomials, out)
    return np.asarray(out.sum(axis=0))


def _table(model: SolarSterile, production: Production, response: SolarResponse, bins: int) -> Table:
    """The table of N_ab in each signal bin."""
    flavours = len(model.three_flavours)

    def build(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        entries = np.empty((len(values), len(PAIRS), bins))
        for row, out in zip(values, entries, strict=True):
            spectrum = production.spectrum(row[flavours:], boron8().energy, edges())
            seen = conversions(tuple(map(float, row[:flavours]))) * produced(spectrum)
            for pair, of in zip(seen, out, strict=True):
                of[:] = (pair[:, None] * response.events).sum(axis=0)
        status = np.where(np.isfinite(entries).all(axis=(1, 2)), Status.ok, Status.not_converged)
        return entries, status.astype(np.uint8)

    names = (*model.three_flavours, *production.parameters)
    sun = boron8()
    return Table(production.name, names, (len(PAIRS), bins), build, (response.events, *sun))


@kernel(types.void(types.float64[:, ::1], types.int64[::1], INPUT_CUBE, types.float64[:, ::1]))
def _add(weights, nodes, table, signal):  # type: ignore[no-untyped-def]
    """Add weight · N_ab to the signal of every point."""
    for point in range(signal.shape[0]):
        for pair in range(weights.shape[0]):
            weight = weights[pair, point]
            if weight != 0:
                for b in range(signal.shape[1]):
                    signal[point, b] += weight * table[nodes[point], pair, b]
