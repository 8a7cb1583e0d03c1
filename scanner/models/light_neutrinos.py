"""What a φ of ν4 → ν φ does to the light neutrinos: where it is massless enough, they decay to one another.

All phases are 0, and the lightest neutrino has no mass. Not described, so that such points have no prediction, are

- a φ that has a mass, below that of the heaviest neutrino: from 1e-3 of decays on for Dirac neutrinos, whose flipped
  daughters are invisible, and from 1e-9 on for Majorana ones, each of which would be an antineutrino from the Sun;
- ν2 → ν1 → ν̄3 of an inverted ordering, where it would be more than some 15 % of what is counted: with little of ν_s in
  ν3. A Monte Carlo of the whole cascade has 6 to 16 % more above 8.3 MeV where Γ_21/Γ_23 times the probability that
  ν1 of 10 MeV decay is `_CASCADE`.

Masses are taken for different enough that ν_j are apart when they reach the Earth.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping

import numpy as np

from scanner.errors import InputError
from scanner.physics.light_decay import fill_light_widths, light_width
from scanner.physics.oscillation import mixing_matrix_3p1
from scanner.physics.solar import FLIGHT
from scanner.physics.visible_sterile_decay import decay_exponent
from scanner.signals.lifetimes import Quantity
from scanner.signals.solar_light_decays import CHANNELS, LightDecays, antineutrinos, masses_squared

MIXINGS = ("Ue4_sq", "Umu4_sq", "Utau4_sq")
THREE_FLAVOURS = ("sin2_theta12", "sin2_theta13", "sin2_theta23", "dm2_21", "dm2_31")
_RATES = ("g_phi", *MIXINGS, *THREE_FLAVOURS)
_SWITCHES = ("m_phi_over_m4", "coupling", "nature")
_ALL = ("m4", *_SWITCHES, *_RATES)

_LEAST_DIRAC, _LEAST_MAJORANA = 1e-3, 1e-9
_CASCADE = 0.36


def mixing(p: Mapping[str, float]) -> np.ndarray:
    """Return U of all four neutrinos, (4, 4)."""
    angles, by_sterile = (tuple(p[name] for name in names) for names in (THREE_FLAVOURS[:3], MIXINGS))
    return np.asarray(mixing_matrix_3p1(*angles, 0.0, *by_sterile, 0.0, 0.0))


def splittings(p: Mapping[str, float]) -> np.ndarray:
    """Return 0, Δm²21, Δm²31 and Δm²41 [eV²]."""
    return np.array([0.0, p["dm2_21"], p["dm2_31"], p["m4"] ** 2])


def lengths(p: Mapping[str, float], E: float) -> dict[str, float]:
    """Return the length of neutrinos of energy E [MeV], in m, by each decay as if it were the only one."""
    found, mass = _exact_widths(p), masses_squared(p["dm2_21"], p["dm2_31"])
    if p["m_phi_over_m4"] > 0:
        if p["m_phi_over_m4"] * p["m4"] < math.sqrt(mass.max()) and found.any():
            raise _not_computed(p)
        found = np.zeros_like(found)
    per_metre = {(j, k): decay_exponent(found[j, k], 1.0, E) for j, k in CHANNELS if mass[k] < mass[j]}
    return {f"nu{j + 1}->nu{k + 1}": 1 / rate if rate > 0 else math.inf for (j, k), rate in per_metre.items()}


def _not_computed(p: Mapping[str, float]) -> InputError:
    if p["m_phi_over_m4"] == 0:
        problem = "ν1 of an inverted ordering, which ν2 decay to, decay in turn to antineutrinos, which is not computed"
        return InputError("dm2_31", problem, p["dm2_31"], "a normal ordering, or weaker mixings")
    problem = "light neutrinos decay to a φ that is light, but not massless, which is not computed"
    allowed = "a massless φ, or one above the heaviest light neutrino"
    return InputError("m_phi_over_m4", problem, p["m_phi_over_m4"], allowed)


def antineutrino_flux(p: Mapping[str, float], bins: np.ndarray) -> np.ndarray:
    """Return the flux of ν̄_e [1/(cm² s)] in each bin that the Sun's light neutrinos become, of all mixings."""
    values = np.array([[p[name]] for name in _ALL])
    if _unknown(values)[0]:
        raise _not_computed(p)
    flux = np.zeros(bins.size - 1)
    if not _there(np.array([[p[name]] for name in _SWITCHES]))[0]:
        return flux
    found, each = _exact_widths(p), np.eye(flux.size)
    for j in range(3):
        if (total := float(found[j].sum())) > 0:
            made = antineutrinos(j, np.array([total]), mixing(p), splittings(p), each)[0]
            for row, k in zip(made, (k for k in range(3) if k != j), strict=True):
                flux += found[j, k] / total * row
    return flux


def _exact_widths(p: Mapping[str, float]) -> np.ndarray:
    """m_j Γ_jk [eV²], 0 of the coupling that has no ν_s, shape (3, 3)."""
    g, part = 0.0 if p["coupling"] else p["g_phi"], np.abs(mixing(p)[3]) ** 2
    mass = masses_squared(p["dm2_21"], p["dm2_31"])
    return np.array([[light_width(g, part[j], part[k], mass[j], mass[k]) for k in range(3)] for j in range(3)])


def _widths(values: np.ndarray, parent: int) -> np.ndarray:
    """m_j Γ_jk [eV²] from the values of _RATES, shape (3, points)."""
    out = np.empty((3, values.shape[1]))
    fill_light_widths(np.ascontiguousarray(values), parent, out)
    return out


def _total(values: np.ndarray, parent: int) -> np.ndarray:
    """m_j Γ_j [eV²]; the same sum, of the same bits, wherever it is formed."""
    to_1, to_2, to_3 = _widths(values, parent)
    return np.asarray(to_1 + to_2 + to_3)


def _there(values: np.ndarray) -> np.ndarray:
    """Whether light neutrinos become antineutrinos, from the values of _SWITCHES."""
    r, coupling, nature = values
    return np.asarray((r == 0) & (coupling == 0) & (nature == 1), dtype=np.float64)


def _unknown(values: np.ndarray) -> np.ndarray:
    """Whether light neutrinos decay in a way that is not described, from the values of _ALL."""
    m4, r, coupling, nature, *rates = np.broadcast_arrays(*values)
    heaviest = np.sqrt(masses_squared(rates[-2], rates[-1]).max(axis=0))
    massive = (r > 0) & (coupling == 0) & (r * m4 < heaviest)
    if massive.any():
        most = np.max([_total(np.array(rates), j) for j in range(3)], axis=0)
        least = np.where(nature == 1, _LEAST_MAJORANA, _LEAST_DIRAC)
        massive &= most * decay_exponent(1.0, FLIGHT, 1.0) > least
    again = (_there(np.array([r, coupling, nature])) != 0) & (rates[-1] < 0)
    if again.any():
        to_1, _, to_3 = _widths(np.array(rates), 1)
        # 1 − e^{−x} by what bounds it, whose bits are the same everywhere.
        decayed = np.minimum(_total(np.array(rates), 0) * decay_exponent(1.0, FLIGHT, 10.0), 1.0)
        again &= to_1 * decayed > _CASCADE * to_3
    return np.asarray(massive | again, dtype=np.float64)


def _strength(j: int, k: int) -> Quantity:
    def value(values: np.ndarray) -> np.ndarray:
        made = np.broadcast_to(_there(values[: len(_SWITCHES)]), values.shape[1])
        found = _widths(values[len(_SWITCHES) :], j)
        total = found[0] + found[1] + found[2]
        return np.asarray(np.divide(made * found[k], total, out=np.zeros(total.shape), where=total > 0))

    return Quantity((*_SWITCHES, *_RATES), value)


DECAYS = LightDecays(
    tuple(_strength(j, k) for j, k in CHANNELS),
    tuple(Quantity(_RATES, functools.partial(_total, parent=j)) for j in range(3)),
    Quantity(_SWITCHES, _there),
    Quantity(_ALL, _unknown),
)
"""For `scanner.signals.solar_antineutrinos`."""
