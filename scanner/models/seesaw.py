"""Seesaws of one generation in a direction of flavour: type I, inverse and linear, minimal radiative inverse.

Every heavy state goes to the searches as the Majorana neutrino that it is, with its own mass and mixings
|U_a|² = r_a |U|²: one for type I, two for the inverse seesaws. Two states of |U|²/2, each with twice the width of a
Dirac state of that mixing, have together the production, the lifetime and the rates of one Dirac state of |U|². So
searches that do not see charges need to know nothing of pairs; those for lepton-number violation ask for the splitting.

The flavour shares r_e, r_mu, r_tau sum to 1. A scan over one of them ties another to what is left:
``tied: {r_tau: {map: rest, of: [r_e, r_mu]}}``; where that is less than nothing, points are outside the model.

`read_matrices` reads the Yukawa and Majorana matrices of `scanner.physics.seesaw_matrix.matrix_seesaw`, the form for
three generations, from a file.
"""

from __future__ import annotations

import functools
import math
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from scanner.errors import InputError, did_you_mean
from scanner.maps import Map
from scanner.models.base import Model
from scanner.models.heavy_neutrinos import HeavyNeutrinoModel, weak_channels, weak_rows
from scanner.physics.particles import MASS
from scanner.physics.seesaw import (
    HIGGS_VEV,
    MAX_YUKAWA,
    RANGE,
    inverse_loop,
    inverse_seesaw,
    type1_loop,
    type1_seesaw,
)
from scanner.signals.heavy_neutrino import Coupling, HeavyNeutrino, State, searches
from scanner.vocabulary import Constraint, Derived, Monomial, Parameter, Reference

PROVIDES = ("seesaw_type1", "seesaw_iss", "seesaw_mriss")
VERSION = 1

MAX_DIRAC_MASS = MAX_YUKAWA * HIGGS_VEV / math.sqrt(2)
"""Of a perturbative Yukawa coupling [GeV]."""

SHARES = ("r_e", "r_mu", "r_tau")
MIXINGS = ("Ue4_sq", "Umu4_sq", "Utau4_sq")
MIXING_MONOMIALS = (Monomial(1.0, {"r_e": 1}), Monomial(1.0, {"r_mu": 1}), Monomial(1.0, {"r_tau": 1}))
COUPLINGS = tuple(Coupling(monomial, flavour) for flavour, monomial in enumerate(MIXING_MONOMIALS))

_ROUNDING = 1e-9  # of shares that sum to 1
_LIMIT = 1e19  # GeV, the Planck scale

_SHARES = (
    Parameter("r_e", "1", 0.0, 0.0, 1.0, r"$|U_e|^2 / |U|^2$"),
    Parameter("r_mu", "1", 1.0, 0.0, 1.0, r"$|U_\mu|^2 / |U|^2$"),
    Parameter("r_tau", "1", 0.0, 0.0, 1.0, r"$|U_\tau|^2 / |U|^2$"),
)

CONSTRAINTS = (
    Constraint({"m_D": 1.0, "Lambda": -1.0}, 0.0, "in a seesaw m_D ≤ Lambda"),
    Constraint(dict.fromkeys(SHARES, 1.0), 1.0 + _ROUNDING, "the flavour shares sum to 1: r_e + r_mu + r_tau ≤ 1"),
    Constraint(dict.fromkeys(SHARES, -1.0), _ROUNDING - 1.0, "the flavour shares sum to 1: r_e + r_mu + r_tau ≥ 1"),
)
"""Rounding is forgiven in the sum of the shares."""

# Clipped: where shares leave less than nothing, the point breaks the constraint instead of the scan.
MAPS = {"rest": Map(lambda *shares: max(0.0, 1.0 - math.fsum(shares)), None, {}, "max(0, 1 - of₁ - of₂ - …)")}

_LOOP_REFERENCES = (
    Reference(
        "Pilaftsis:1991ug",
        "Pilaftsis, Apostolos",
        "Radiatively induced neutrino masses and large Higgs-neutrino couplings in the standard model "
        "with Majorana fields",
        1992,
        "hep-ph/9901206",
        "10.1007/BF01482590",
        "Z. Phys. C 55 (1992) 275",
    ),
    Reference(
        "Grimus:2002nk",
        "Grimus, Walter and Lavoura, Luis",
        "One-loop corrections to the seesaw mechanism in the multi-Higgs-doublet standard model",
        2002,
        "hep-ph/0207229",
        "10.1016/S0370-2693(02)02672-2",
        "Phys. Lett. B 546 (2002) 86",
    ),
)

_INVERSE = (
    Reference(
        "Mohapatra:1986bd",
        "Mohapatra, R. N. and Valle, J. W. F.",
        "Neutrino mass and baryon-number nonconservation in superstring models",
        1986,
        "",
        "10.1103/PhysRevD.34.1642",
        "Phys. Rev. D 34 (1986) 1642",
    ),
    Reference(
        "Malinsky:2005bi",
        "Malinsky, M. and Romao, J. C. and Valle, J. W. F.",
        "Novel supersymmetric SO(10) seesaw mechanism",
        2005,
        "hep-ph/0506296",
        "10.1103/PhysRevLett.95.161801",
        "Phys. Rev. Lett. 95 (2005) 161801",
    ),
)

_REFERENCES = {
    "seesaw_type1": (
        Reference(
            "Minkowski:1977sc",
            "Minkowski, Peter",
            "$\\mu \\to e \\gamma$ at a rate of one out of $10^9$ muon decays?",
            1977,
            "",
            "10.1016/0370-2693(77)90435-X",
            "Phys. Lett. B 67 (1977) 421",
        ),
    ),
    "seesaw_iss": _INVERSE,
    "seesaw_mriss": (
        Reference(
            "Dev:2012sg",
            "Dev, P. S. Bhupal and Pilaftsis, Apostolos",
            "Minimal radiative neutrino mass mechanism for inverse seesaw models",
            2012,
            "1209.4051",
            "10.1103/PhysRevD.86.113001",
            "Phys. Rev. D 86 (2012) 113001",
        ),
    ),
}


class Spectrum(NamedTuple):
    """Masses and mixings at one point; NaN where `scanner.physics.seesaw` says so."""

    m_nu: float
    """Light mass at tree level [GeV], not negative."""
    m_nu_loop: float
    """One-loop part [GeV], negative where it opposes the tree; positive if there is no tree."""
    m_N: tuple[float, ...]
    """Heavy masses [GeV], the lightest first."""
    U_sq: tuple[float, ...]
    """Σ_a |U_a|² of each heavy state."""
    splitting: float = math.nan
    """Of the heavy pair [GeV]; NaN for a single state."""


Diagonalise = Callable[[np.ndarray], Spectrum]


def _spectrum(tree: float, loop: float, *heavy: Any) -> Spectrum:
    if tree == 0:
        return Spectrum(0.0, abs(loop), *heavy)
    return Spectrum(abs(tree), tree / abs(tree) * loop, *heavy)


def _type1(values: np.ndarray) -> Spectrum:
    light, heavy, active = type1_seesaw(*values)
    return _spectrum(light, type1_loop(*values, MASS["H"], MASS["Z"]), (heavy,), (active,))


def _inverse(values: np.ndarray) -> Spectrum:
    light, lighter, heavier, splitting, first, second = inverse_seesaw(*values)
    loop = inverse_loop(*values, MASS["H"], MASS["Z"])
    return _spectrum(light, loop, (lighter, heavier), (first, second), splitting)


@dataclass(frozen=True)
class SeesawModel(HeavyNeutrinoModel):
    """A seesaw of one generation; widths, decay length and production are those of its lightest heavy neutrino.

    Parameters
    ----------
    masses
        Names of the parameters of the mass matrix.
    diagonalise
        From their values, float64 of shape (len(masses),), to the spectrum.
    """

    masses: tuple[str, ...] = field(kw_only=True)
    diagonalise: Diagonalise = field(kw_only=True)

    def complete(self, given: Mapping[str, object]) -> dict[str, float]:
        """Return every parameter's value: those given, checked against the model's domain, and the defaults.

        Raises
        ------
        InputError
            As for any model; and outside the constraints, or where no light state is mostly active.
        """
        values = super().complete(given)
        for constraint in self.constraints:
            if sum(c * values[name] for name, c in constraint.coefficients.items()) > constraint.upper:
                found = {name: values[name] for name in constraint.coefficients}
                raise InputError(self.name, f"outside the model's domain: {constraint.reason}", found)
        known = self._diagonalised(values)
        if math.isnan(known.m_nu + sum(known.U_sq)):
            problem = "no light state that is mostly active, or none whose mass floats can hold"
            found = {name: values[name] for name in self.masses}
            allowed = f"Σ|U|² of the heavy states below 1/2, entries of 0 or {RANGE[0]:g} to {RANGE[1]:g} GeV"
            raise InputError(self.name, problem, found, allowed)
        return values

    def spectrum(self, **params: float | str) -> dict[str, float | tuple[float, ...]]:
        """Return masses and mixings.

        Parameters
        ----------
        **params
            The model's parameters; defaults where not given.

        Returns
        -------
        dict
            ``m_nu`` (tree), ``m_nu_loop`` (negative where it opposes the tree) and ``m_nu_total``, the modulus of
            their sum; for each heavy state, the lightest first, ``m_N``, ``Ue4_sq``, ``Umu4_sq``, ``Utau4_sq``
            and their sum ``U_sq``; ``U_sq_sum``, over the states; and of a pair its ``splitting``. Masses in GeV.

        Raises
        ------
        InputError
            For a value outside its range or a point outside the model's domain.
        """
        values = self.complete(params)
        found = self._diagonalised(values)
        result: dict[str, float | tuple[float, ...]] = {
            "m_nu": found.m_nu,
            "m_nu_loop": found.m_nu_loop,
            "m_nu_total": _total(found),
            "m_N": found.m_N,
            "U_sq": found.U_sq,
            "U_sq_sum": math.fsum(found.U_sq),
        }
        for mixing, share in zip(MIXINGS, SHARES, strict=True):
            result[mixing] = tuple(values[share] * U_sq for U_sq in found.U_sq)
        if len(found.m_N) > 1:
            result["splitting"] = found.splitting
        return result

    def pseudo_dirac(self, **params: float | str) -> bool:
        """Return whether the heavy pair counts as one Dirac neutrino: its splitting does not exceed its width.

        Raises
        ------
        InputError
            As for `widths`.
        """
        total = math.fsum(self.widths(**params).values())
        return self._diagonalised(self.complete(params)).splitting <= total

    def production(self, parent: str, **params: float | str) -> dict[str, float]:
        """Return the branching ratios of a parent into the lightest heavy neutrino, by mode.

        A pair that counts as one Dirac neutrino (`pseudo_dirac`) is taken together.

        Parameters
        ----------
        parent
            ``pi``, ``K``, ``KL``, ``D``, ``D0``, ``Ds``, ``tau`` or ``mu``.
        **params
            As for `widths`.
        """
        ratios = super().production(parent, **params)
        if not any(ratios.values()) or not self.pseudo_dirac(**params):
            return ratios
        first, second = self._diagonalised(self.complete(params)).U_sq
        return {mode: ratio * (1 + second / first) for mode, ratio in ratios.items()}

    def _diagonalised(self, values: Mapping[str, float]) -> Spectrum:
        return self.diagonalise(np.array([values[name] for name in self.masses]))


def _total(found: Spectrum) -> float:
    return abs(found.m_nu + found.m_nu_loop)


def _state(diagonalise: Diagonalise, number: int, values: np.ndarray) -> State:
    found = diagonalise(values)
    return State(mass=found.m_N[number], scale=found.U_sq[number], majorana=True)


def _widths(diagonalise: Diagonalise, number: int, values: np.ndarray) -> np.ndarray:
    state = _state(diagonalise, number, values)
    return state.scale * weak_rows(state.mass, state.majorana)


def _splitting(diagonalise: Diagonalise, values: np.ndarray) -> float:
    return diagonalise(values).splitting


def _heavy_neutrino(diagonalise: Diagonalise, masses: tuple[str, ...], number: int, paired: bool) -> HeavyNeutrino:
    return HeavyNeutrino(
        state_parameters=masses,
        state=functools.partial(_state, diagonalise, number),
        mixings=MIXING_MONOMIALS,
        width_parameters=masses,
        couplings=COUPLINGS,
        channels=weak_channels(),
        widths=functools.partial(_widths, diagonalise, number),
        splitting=functools.partial(_splitting, diagonalise) if paired else None,
    )


def _derived(diagonalise: Diagonalise, masses: tuple[str, ...], paired: bool) -> tuple[Derived, ...]:
    """What is seen of the heavy states together: the mass of the lightest, the mixing of them all."""

    def mass(name: str, label: str, of: Callable[[Spectrum], float]) -> Derived:
        return Derived(name, "GeV", masses, lambda values: of(diagonalise(values)), label)

    def mixing(name: str, share: str, label: str) -> Derived:
        def function(values: np.ndarray) -> float:
            return float(values[-1]) * math.fsum(diagonalise(values[:-1]).U_sq)

        return Derived(name, "1", (*masses, share), function, label)

    found = [
        mass("m_N", r"$m_N$", lambda of: of.m_N[0]),
        mass("m_nu", r"$m_\nu$ (tree)", lambda of: of.m_nu),
        mass("m_nu_loop", r"$m_\nu$ (loop)", lambda of: of.m_nu_loop),
        mass("m_nu_total", r"$m_\nu$", _total),
        mixing("Ue4_sq", "r_e", r"$|U_{eN}|^2$"),
        mixing("Umu4_sq", "r_mu", r"$|U_{\mu N}|^2$"),
        mixing("Utau4_sq", "r_tau", r"$|U_{\tau N}|^2$"),
    ]
    return (*found, mass("splitting", r"$\Delta m_N$", lambda of: of.splitting)) if paired else tuple(found)


_TITLES = {
    "seesaw_type1": "Type-I seesaw of one generation",
    "seesaw_iss": "Inverse and linear seesaw of one generation",
    "seesaw_mriss": "Minimal radiative inverse seesaw of one generation",
}
_DEFAULTS = {"seesaw_iss": {"mu": 1e-6}, "seesaw_mriss": {"mu_prime": 1e-3}}


def _mass_parameters(name: str) -> tuple[Parameter, ...]:
    """Both 3 × 3 models have the whole matrix: they differ in what is not zero by default."""
    dirac = 1e-5 if name == "seesaw_type1" else 1e-3
    common = (
        Parameter("m_D", "GeV", dirac, 0.0, MAX_DIRAC_MASS, r"$m_D$"),
        Parameter("Lambda", "GeV", 1.0, 1e-9, _LIMIT, r"$\Lambda$"),
    )
    if name == "seesaw_type1":
        return common
    on = _DEFAULTS[name]
    return (
        *common,
        Parameter("mu", "GeV", on.get("mu", 0.0), -_LIMIT, _LIMIT, r"$\mu$"),
        Parameter("mu_prime", "GeV", on.get("mu_prime", 0.0), -_LIMIT, _LIMIT, r"$\mu'$"),
        Parameter("eps_prime", "GeV", 0.0, -MAX_DIRAC_MASS, MAX_DIRAC_MASS, r"$\varepsilon'$"),
    )


def load(name: str) -> Model:
    """Return the model."""
    parameters = _mass_parameters(name)
    masses = tuple(parameter.name for parameter in parameters)
    paired = name != "seesaw_type1"
    diagonalise = _inverse if paired else _type1
    states = (_heavy_neutrino(diagonalise, masses, number, paired) for number in range(2 if paired else 1))
    return SeesawModel(
        name=name,
        version=VERSION,
        title=_TITLES[name],
        parameters=(*parameters, *_SHARES),
        signals=searches(*states),
        references=(*_REFERENCES[name], *_LOOP_REFERENCES),
        constraints=CONSTRAINTS,
        null={"m_D": 0.0, "eps_prime": 0.0} if paired else {"m_D": 0.0},
        maps=MAPS,
        derived=_derived(diagonalise, masses, paired),
        masses=masses,
        diagonalise=diagonalise,
    )


def read_matrices(path: str | Path) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Read the matrices of `scanner.physics.seesaw_matrix.matrix_seesaw`, which checks what they hold.

    Parameters
    ----------
    path
        A ``.npz`` file with the arrays Y and M_N, or a text file in YAML: ``Y`` and ``M_N``, each a list of rows, of
        numbers like ``1e-6`` or ``2e-6-3e-7j``.

    Returns
    -------
    Y, M_N : complex128
        Yukawa couplings, and Majorana masses [GeV].

    Raises
    ------
    InputError
        For a file that cannot be read, or that holds something else.
    """
    path = Path(path)
    try:
        data = _archive(path) if path.suffix == ".npz" else _text(path)
    except OSError as error:
        raise InputError(str(path), f"cannot be read: {error.strerror or error}") from None
    except (ValueError, zipfile.BadZipFile, YAMLError) as error:
        raise InputError(str(path), f"holds no matrices: {error}", allowed="YAML, or .npz of numpy") from None
    for name in data:
        if name not in ("Y", "M_N"):
            raise InputError(
                str(path), f"unknown entry {name!r}", allowed="Y, M_N", hint=did_you_mean(name, ("Y", "M_N"))
            )
    missing = [name for name in ("Y", "M_N") if name not in data]
    if missing:
        raise InputError(str(path), f"{' and '.join(missing)} missing", allowed="Y, M_N")
    return _rows(data["Y"], f"{path}: Y"), _rows(data["M_N"], f"{path}: M_N")


def _archive(path: Path) -> dict[str, Any]:
    with zipfile.ZipFile(path), np.load(path, allow_pickle=False) as saved:
        return {name: saved[name].tolist() for name in saved.files}


def _text(path: Path) -> dict[str, Any]:
    data = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    if not isinstance(data, dict):
        raise ValueError("not a mapping of Y and M_N")
    return data


def _rows(value: Any, where: str) -> NDArray[np.complex128]:
    """Return a list of rows as a matrix."""
    rows = value if isinstance(value, list) else [value]
    if not rows or not all(isinstance(row, list) and len(row) == len(rows[0]) for row in rows):
        raise InputError(where, "is not a matrix", value, "a list of rows of one length")
    numbers = [[_number(entry, f"{where}[{i}][{j}]") for j, entry in enumerate(row)] for i, row in enumerate(rows)]
    return np.array(numbers, dtype=np.complex128)


def _number(entry: Any, where: str) -> complex:
    try:
        if not isinstance(entry, bool):
            return complex(entry.replace(" ", "") if isinstance(entry, str) else entry)
    except (TypeError, ValueError):
        pass
    raise InputError(where, "is not a number", entry, "one like 1e-6 or 2e-6-3e-7j")
