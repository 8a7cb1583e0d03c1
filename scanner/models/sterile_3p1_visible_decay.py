"""Three active neutrinos and one sterile, ν4, that decays visibly: ν4 → ν φ, and φ → ν ν̄.

Two couplings. By ``mixing``, L = −g_phi ν̄_s ν_s φ: the daughters are the light part of ν_s, and a massive φ decays to
them in turn. By the ``operator`` L = −g_e ν̄_e ν4 φ (de Gouvêa et al., 1911.01447) daughters are ν_e whatever the
mixing, and φ, whose decay would need two more powers of g_e, is stable. `scanner.physics.visible_sterile_decay` has
the kernels and conventions.

Beams see the coherent oscillation, damped as in `sterile_3p1_invisible_decay`, and the daughters, as kernels of the
energy transfer. What they are made of depends on m_φ/m₄ and, through m₄Γ₄ and m_φΓ_φ, on everything else.

Where φ is massless, light neutrinos decay as well (`scanner.models.light_neutrinos`): nothing to a beam, since they
fly for AU, but the Sun's, if they are Majorana neutrinos, become antineutrinos.

Widths are those of the Dirac Lagrangian for both natures: g is what gives ν4 → ν φ its width. With −(g/2) ν̄ ν φ of
Majorana neutrinos, φ → ν ν would have half of the width used here; no prompt decay depends on it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from scanner.errors import InputError
from scanner.models import light_neutrinos
from scanner.models.base import Model
from scanner.models.light_neutrinos import MIXINGS, THREE_FLAVOURS
from scanner.physics import states
from scanner.physics import visible_sterile_decay as decay
from scanner.physics.phase_space import gauss_legendre
from scanner.physics.solar import PROMPT, boron8, conversion, light_sterile, seen_as_nue
from scanner.signals.energy_transfer import Transfer
from scanner.signals.lifetimes import Quantity
from scanner.signals.oscillation import DampedTerm
from scanner.signals.solar_antineutrinos import PAIRS, Production, SolarSterile, edges, produced
from scanner.units import OSCILLATION_PHASE
from scanner.vocabulary import Constraint, Derived, Monomial, Parameter, Reference

PROVIDES = ("sterile_3p1_visible_decay",)
VERSION = 1

_SHAPE = ("m_phi_over_m4", "nature", "daughters_per_phi", "coupling")
_NATURE = Parameter.choice("nature", "dirac", "majorana")
_DAUGHTERS = Parameter.choice("daughters_per_phi", "one", "half")
_COUPLING = Parameter.choice("coupling", "mixing", "operator")
_OPERATOR, _MAJORANA, _HALF = 1.0, 1.0, 1.0
_FLAVOUR = dict(zip(("e", "mu", "tau"), MIXINGS, strict=True))


class VisibleDecay(Model):
    """3+1 neutrinos with the visible decay of ν4."""

    def widths(self, **params: float | str) -> dict[str, float]:
        """Return the widths at rest [eV]: ``nu4`` → ν φ, both helicities, and ``phi`` → ν ν̄."""
        p = self._point(params)
        sterile = 1 - sum(p[name] for name in MIXINGS)
        m4, r = p["m4"], p["m_phi_over_m4"]
        if p["coupling"] == _OPERATOR:
            return {"nu4": float(decay.operator_width(p["g_e"], m4, r)), "phi": 0.0}
        return {
            "nu4": float(decay.sterile_width(p["g_phi"], m4, r, sterile)),
            "phi": float(decay.scalar_width(p["g_phi"], r * m4, sterile)),
        }

    def probability(self, alpha: str, beta: str, E: Any, L: Any, **params: float | str) -> np.ndarray:
        """Return P(α→β) without the daughters: short baselines in vacuum, Δm²_41 = m₄².

        Parameters
        ----------
        alpha, beta
            Flavours: ``e``, ``mu`` or ``tau``.
        E, L
            Energy [GeV] and baseline [km]; broadcast against each other.
        **params
            Any of the model's parameters.
        """
        p = self._point(params)
        a, b = (MIXINGS[_active(name)] for name in (alpha, beta))
        energy, baseline, shape = states.broadcast(E, L)
        m_gamma = p["m4"] * self.widths(**params)["nu4"]
        out = np.empty(energy.size)
        for i, (e, length) in enumerate(zip(energy, baseline, strict=True)):
            phase = 2 * OSCILLATION_PHASE * p["m4"] ** 2 * length / e
            exponent = decay.decay_exponent(m_gamma, 1e3 * length, 1e3 * e)
            out[i] = decay.coherent_probability(alpha == beta, p[a], p[b], phase, exponent)
        return out.reshape(shape)

    def spectrum(
        self, alpha: str, beta: str, E: Any, edges: Any, L: float, **params: float | str
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the active daughters of flavour β of one ν_α, as energy-transfer matrices.

        Parameters
        ----------
        alpha, beta
            Flavours: ``e``, ``mu`` or ``tau``.
        E
            Energies of ν_α [MeV], shape (energies,).
        edges
            Of bins of the daughters' energy [MeV], ascending, shape (bins + 1,).
        L
            Length of flight [m]; infinite for prompt decays.
        **params
            Any of the model's parameters.

        Returns
        -------
        tuple
            Number in each bin, shape (energies, bins): those that are neutrinos if ν_α is one (antineutrinos if it is
            an antineutrino), and those that are the opposite.
        """
        p = self._point(params)
        energy, bins = _checked(E, "E"), _checked(edges, "edges")
        if not L >= 0:
            raise InputError("L", "a baseline must not be negative", L, "L >= 0 m")
        if not (bins.size > 1 and np.all(np.diff(bins) > 0)):
            raise InputError("edges", "edges of bins must ascend", bins.tolist(), "two or more, ascending")
        made = p[MIXINGS[_active(alpha)]] * self._flavours(p)[_active(beta)]
        widths = self.widths(**params)
        masses = {"nu4": p["m4"], "phi": p["m_phi_over_m4"] * p["m4"]}
        exponents = {name: _exponents(masses[name] * widths[name], L, energy) for name in masses}
        same, opposite = _daughters(p, energy, bins, exponents["nu4"], exponents["phi"])
        return made * same, made * opposite

    def light_decay_lengths(self, E: float, **params: float | str) -> dict[str, float]:
        """Return how far light neutrinos of energy E [MeV] fly on average [m], by each decay as if it were the only.

        Returns
        -------
        dict
            By decay, ``nu3->nu1``, those to a lighter neutrino; infinite where φ is too heavy.

        Raises
        ------
        InputError
            Where φ has a mass and could be made.
        """
        if not (math.isfinite(E) and E > 0):
            raise InputError("E", "no energy", E, "one, positive and finite [MeV]")
        return light_neutrinos.lengths(self._point(params), E)

    def solar_antineutrino_flux(self, **params: float | str) -> tuple[np.ndarray, np.ndarray]:
        """Return edges [MeV] and the flux of solar ν̄_e [1/(cm² s)] in each bin, of all orders in the mixings.

        What is born of one decay on the way to the Earth, or of ν4, is not followed through another.

        Raises
        ------
        InputError
            Where a decay is not prompt in the Sun, or light neutrinos decay in a way that is not computed.
        """
        p = self._point(params)
        bins = edges()
        if sum(p[name] for name in MIXINGS) == 0:
            return bins, np.zeros(bins.size - 1)
        by_light = light_neutrinos.antineutrino_flux(p, bins)
        slowest = float(_slowest(np.array([[p[name]] for name in _WIDTHS]))[0])
        length = 1 / decay.decay_exponent(slowest, 1.0, bins[-1]) if slowest > 0 else math.inf
        if length > PROMPT:
            problem = "decays are not prompt in the Sun: some fly this far [m]"
            raise InputError(self.name, problem, length, f"below {PROMPT:g} m", "raise the coupling")
        mixing, masses = light_neutrinos.mixing(p), light_neutrinos.splittings(p)
        state = light_sterile(mixing, True) if p["coupling"] != _OPERATOR else np.eye(4, dtype=complex)[0]
        seen = seen_as_nue(conversion(boron8().energy, mixing, masses, True), state)
        row = np.array([p[name] for name in _SHAPE])
        by_sterile = p["Ue4_sq"] * produced(_antineutrinos(row, boron8().energy, bins)) * seen
        return bins, by_sterile + by_light

    def _point(self, params: dict[str, float | str]) -> dict[str, float]:
        p = self.complete(params)
        total = sum(p[name] for name in MIXINGS)
        if total >= 1:
            raise InputError(self.name, "Ue4_sq + Umu4_sq + Utau4_sq must leave some ν_s in ν4", total, "below 1")
        return p

    @staticmethod
    def _flavours(p: dict[str, float]) -> tuple[float, ...]:
        """p_b of a daughter."""
        total = sum(p[name] for name in MIXINGS)
        if p["coupling"] == _OPERATOR:
            return (1.0, 0.0, 0.0)
        return tuple(p[name] * (1 - total) / total if total > 0 else 0.0 for name in MIXINGS)


def _active(flavour: str) -> int:
    index = states.index(flavour)
    if index > 2:
        raise InputError("", "only active neutrinos are made and seen", flavour, "e, mu, tau")
    return index


def _checked(values: Any, where: str) -> np.ndarray:
    found = np.ascontiguousarray(values, dtype=np.float64).ravel()
    least = 0.0 if where == "edges" else np.nextafter(0.0, 1.0)
    if not (np.all(found >= least) and np.all(np.isfinite(found))):
        raise InputError(where, "no energies", found.tolist(), "positive and finite [MeV]")
    return found


def _exponents(m_gamma: float, L: float, energy: np.ndarray) -> np.ndarray:
    """A of each energy; of an infinite flight also where nothing decays, 0."""
    if m_gamma == 0:
        return np.zeros(energy.size)
    return np.array([decay.decay_exponent(m_gamma, L, e) for e in energy])


def _primary(
    p: Mapping[str, float], energy: np.ndarray, bins: np.ndarray, a4: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Active neutrinos of ν4 → ν φ, of the parent's kind and of the opposite, each of shape (energies, bins)."""
    conserving, flipping = (np.zeros((energy.size, bins.size - 1)) for _ in range(2))
    decay.fill_daughters(energy, a4, p["m_phi_over_m4"], False, bins, conserving)
    if p["nature"] == _MAJORANA:
        decay.fill_daughters(energy, a4, p["m_phi_over_m4"], True, bins, flipping)
    return 0.5 * conserving, 0.5 * flipping


def _secondary(
    p: Mapping[str, float], energy: np.ndarray, bins: np.ndarray, a4: np.ndarray, a_phi: np.ndarray, rule: int
) -> np.ndarray:
    """Active neutrinos of φ → ν ν̄, and as many antineutrinos, shape (energies, bins)."""
    secondary = np.zeros((energy.size, bins.size - 1))
    if p["coupling"] != _OPERATOR:
        decay.fill_secondaries(energy, a4, a_phi, p["m_phi_over_m4"], bins, *gauss_legendre(rule), secondary)
    return 0.5 * secondary if p["daughters_per_phi"] == _HALF else secondary


def _daughters(
    p: Mapping[str, float], energy: np.ndarray, bins: np.ndarray, a4: np.ndarray, a_phi: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Active daughters of one ν4 of the parent's kind, and of the opposite, each of shape (energies, bins)."""
    same, opposite = _primary(p, energy, bins, a4)
    secondary = _secondary(p, energy, bins, a4, a_phi, decay.RULE)
    return same + secondary, opposite + secondary


def _antineutrinos(row: np.ndarray, energy: np.ndarray, bins: np.ndarray) -> np.ndarray:
    """Antineutrinos of one solar ν4 whose decays are prompt."""
    prompt = np.full(energy.size, math.inf)
    return _daughters(dict(zip(_SHAPE, row, strict=True)), energy, bins, prompt, prompt)[1]


_WIDTHS = ("m4", "g_phi", "g_e", "m_phi_over_m4", "coupling", *MIXINGS)


def _widths(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """m₄Γ₄ and m_φΓ_φ [eV²], from the values of _WIDTHS."""
    m4, g_phi, g_e, r, coupling, *mixings = values
    light = mixings[0] + mixings[1] + mixings[2]
    open_ = m4 * (1 - r) * (1 + r)
    by_operator = g_e * g_e * open_ * open_ / (16 * math.pi)
    nu4 = g_phi * g_phi * light * (1 - light) * open_ * open_ / (16 * math.pi)
    phi = (g_phi * light * r * m4) ** 2 / (8 * math.pi)
    operator = coupling == _OPERATOR
    return np.where(operator, by_operator, nu4), np.where(operator, 0.0, phi)


def _slowest(values: np.ndarray) -> np.ndarray:
    """Least mΓ [eV²] of ν4, and of φ where that decays, from the values of _WIDTHS."""
    nu4, phi = _widths(values)
    # Without mass φ does not decay, nor has to; by the operator it is stable.
    return np.where((values[3] > 0) & (values[4] != _OPERATOR), np.minimum(nu4, phi), nu4)


_NU4 = Quantity(_WIDTHS, lambda values: _widths(values)[0])
_PHI = Quantity(_WIDTHS, lambda values: _widths(values)[1])
_TWICE_NU4 = Quantity(_WIDTHS, lambda values: 2 * _widths(values)[0])
_DM2 = Quantity(("m4",), lambda values: values[0] * values[0])

_SHORT = 2
"""Nodes of the integral over E_φ where cells of energy are far narrower than a panel."""


def _coherent(source: str, target: str, antineutrino: bool) -> tuple[DampedTerm, ...]:
    """As `sterile_3p1_invisible_decay`: what ν4 has lost against the light states, and of itself."""
    a, b = _FLAVOUR[source], _FLAVOUR[target]
    both = Monomial(1.0, {a: 1}) * Monomial(1.0, {b: 1})
    fewer = (Monomial(-4.0, {a: 1}),) if source == target else ()
    return (
        DampedTerm((*fewer, Monomial(4.0) * both), _DM2, _NU4),
        DampedTerm((Monomial(-2.0) * both,), None, _TWICE_NU4),
    )


def _strength(source: str, target: str) -> Quantity:
    """|U_a4|² p_b: ν4 in ν_a, and ν_b in what it decays to."""
    parent, daughter = _FLAVOUR[source], _FLAVOUR[target]
    names = ("coupling", *MIXINGS)

    def value(values: np.ndarray) -> np.ndarray:
        total = values[1] + values[2] + values[3]
        made = values[names.index(parent)]
        share = values[names.index(daughter)] * (1 - total)
        by_mixing = np.divide(share, total, out=np.zeros_like(total), where=total > 0)
        return np.asarray(made * np.where(values[0] == _OPERATOR, float(target == "e"), by_mixing))

    return Quantity(names, value)


def _exponents_of(width: float, energy: np.ndarray, length: np.ndarray) -> np.ndarray:
    # A width times zero length or infinite width is the kernel's business: lengths are positive here.
    return np.asarray(width * (length / energy) * decay.decay_exponent(1.0, 1.0, 1.0))


def _kernel_of_nu4(
    row: np.ndarray, widths: np.ndarray, energy: np.ndarray, length: np.ndarray, edges: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    p = dict(zip(_SHAPE, row, strict=True))
    return _primary(p, energy, edges, _exponents_of(widths[0], energy, length))


def _kernel_of_phi(
    row: np.ndarray, widths: np.ndarray, energy: np.ndarray, length: np.ndarray, edges: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    p = dict(zip(_SHAPE, row, strict=True))
    a4, a_phi = (_exponents_of(width, energy, length) for width in widths)
    found = _secondary(p, energy, edges, a4, a_phi, _SHORT)
    return found, found


_TRANSFERS = (
    Transfer("nu4", _SHAPE, (_NU4,), _kernel_of_nu4, _strength),
    Transfer("phi", _SHAPE, (_NU4, _PHI), _kernel_of_phi, _strength),
)


def _of(coupling: float) -> Any:
    """The spectrum of one coupling, nothing of the other."""

    def spectrum(row: np.ndarray, energy: np.ndarray, bins: np.ndarray) -> np.ndarray:
        if row[_SHAPE.index("coupling")] != coupling:
            return np.zeros((energy.size, bins.size - 1))
        return _antineutrinos(row, energy, bins)

    return spectrum


def _solar() -> SolarSterile:
    def pair(a: int, b: int) -> Monomial:
        amplitudes = Monomial(1.0, {MIXINGS[a]: 0.5}) * Monomial(1.0, {MIXINGS[b]: 0.5})
        return Monomial(1.0, {"Ue4_sq": 1}) * amplitudes

    norm = tuple(Monomial(1.0, {name: 1}) for name in MIXINGS)
    only_e = ((Monomial(1.0, {"Ue4_sq": 1}),), *(() for _ in PAIRS[1:]))
    by_mixing = Production("mixing", _SHAPE, _of(0.0), tuple((pair(a, b),) for a, b in PAIRS), norm)
    by_operator = Production("operator", _SHAPE, _of(_OPERATOR), only_e, (Monomial(1.0),))
    return SolarSterile((by_mixing, by_operator), THREE_FLAVOURS, _WIDTHS, _slowest, light_neutrinos.DECAYS)


def _parameters() -> tuple[Parameter, ...]:
    return (
        Parameter("m4", "eV", 300.0, 0.1, 1e6, r"$m_4$"),
        Parameter("g_phi", "1", 1.0, 0.0, 4 * math.pi, r"$g_\phi$"),
        Parameter("g_e", "1", 0.0, 0.0, 4 * math.pi, r"$g_e$"),
        Parameter("m_phi_over_m4", "1", 0.9, 0.0, 0.999, r"$m_\phi/m_4$"),
        Parameter("Ue4_sq", "1", 0.0, 0.0, 1.0, r"$|U_{e4}|^2$"),
        Parameter("Umu4_sq", "1", 0.0, 0.0, 1.0, r"$|U_{\mu4}|^2$"),
        Parameter("Utau4_sq", "1", 0.0, 0.0, 1.0, r"$|U_{\tau4}|^2$"),
        _NATURE,
        _DAUGHTERS,
        _COUPLING,
        Parameter("sin2_theta12", "1", 0.304, 0.0, 1.0, r"$\sin^2\theta_{12}$"),
        Parameter("sin2_theta13", "1", 0.0222, 0.0, 1.0, r"$\sin^2\theta_{13}$"),
        Parameter("sin2_theta23", "1", 0.573, 0.0, 1.0, r"$\sin^2\theta_{23}$"),
        Parameter("dm2_21", "eV^2", 7.42e-5, 0.0, 1e-2, r"$\Delta m^2_{21}$"),
        Parameter("dm2_31", "eV^2", 2.517e-3, -1e-1, 1e-1, r"$\Delta m^2_{31}$"),
    )


def load(name: str) -> Model:
    """Return the model."""
    return VisibleDecay(
        name=name,
        version=VERSION,
        title="Three active neutrinos and one sterile neutrino that decays to active ones",
        parameters=_parameters(),
        signals={
            "oscillation": _coherent,
            "energy_transfer": _TRANSFERS,
            "solar_antineutrinos": _solar(),
        },
        references=_REFERENCES,
        constraints=(Constraint(dict.fromkeys(MIXINGS, 1.0), 1.0, "unitarity: Σ|U_α4|² ≤ 1"),),
        null=dict.fromkeys(MIXINGS, 0.0),
        together={"oscillation": "energy_transfer"},
        derived=(Derived("dm2_41", "eV^2", ("m4",), lambda values: float(values[0] ** 2), r"$\Delta m^2_{41}$"),),
    )


_REFERENCES = (
    Reference(
        "Palomares-Ruiz:2005zbh",
        "Palomares-Ruiz, Sergio and Pascoli, Silvia and Schwetz, Thomas",
        "Explaining LSND by a decaying sterile neutrino",
        2005,
        "hep-ph/0505216",
        "10.1088/1126-6708/2005/09/048",
        "JHEP 09 (2005) 048",
    ),
    Reference(
        "Dentler:2019dhz",
        "Dentler, Mona and Esteban, Ivan and Kopp, Joachim and Machado, Pedro",
        "Decaying Sterile Neutrinos and the Short Baseline Oscillation Anomalies",
        2020,
        "1911.01427",
        "10.1103/PhysRevD.101.115013",
        "Phys. Rev. D 101 (2020) 115013",
    ),
    Reference(
        "deGouvea:2019qre",
        "de Gouvêa, André and Peres, O. L. G. and Prakash, Suprabh and Stenico, G. V.",
        "On The Decaying-Sterile Neutrino Solution to the Electron (Anti)Neutrino Appearance Anomalies",
        2020,
        "1911.01447",
        "10.1007/JHEP07(2020)141",
        "JHEP 07 (2020) 141",
    ),
    Reference(
        "Hostert:2020oui",
        "Hostert, Matheus and Pospelov, Maxim",
        "Constraints on Decaying Sterile Neutrinos from Solar Antineutrinos",
        2021,
        "2008.11851",
        "10.1103/PhysRevD.104.055031",
        "Phys. Rev. D 104 (2021) 055031",
    ),
)
