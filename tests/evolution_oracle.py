"""Evolution of light and sterile neutrinos in numpy and scipy, in the flavour basis: an oracle for the kernels."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence

import numpy as np
import scipy.linalg

from scanner.units import HBARC_EV_KM, MATTER_POTENTIAL

STATES = ("e", "mu", "tau", "s")


def rotation(size: int, i: int, j: int, sin_squared: float, delta: float = 0.0) -> np.ndarray:
    matrix = np.eye(size, dtype=complex)
    matrix[i, i] = matrix[j, j] = np.sqrt(1 - sin_squared)
    matrix[i, j] = np.sqrt(sin_squared) * np.exp(-1j * delta)
    matrix[j, i] = -np.sqrt(sin_squared) * np.exp(1j * delta)
    return matrix


def active_mixing(p: Mapping[str, float], size: int) -> np.ndarray:
    """R23 R13(δ13) R12."""
    return (
        rotation(size, 1, 2, p["sin2_theta23"])
        @ rotation(size, 0, 2, p["sin2_theta13"], p["delta13"])
        @ rotation(size, 0, 1, p["sin2_theta12"])
    )


def mixing(p: Mapping[str, float]) -> np.ndarray:
    """U of 3+1 neutrinos."""
    e, mu, tau = p["Ue4_sq"], p["Umu4_sq"], p["Utau4_sq"]
    return (
        rotation(4, 2, 3, tau / (1 - e - mu))
        @ rotation(4, 1, 3, mu / (1 - e), p["delta24"])
        @ rotation(4, 0, 3, e, p["delta14"])
        @ active_mixing(p, 4)
    )


def evolved(hamiltonian: np.ndarray, length: float) -> np.ndarray:
    """P[α, β] from a Hamiltonian [eV] over a length [km]."""
    amplitude: np.ndarray = scipy.linalg.expm(-1j * hamiltonian * length / HBARC_EV_KM)
    return abs(amplitude.T) ** 2


def four_states(
    p: Mapping[str, float],
    E: float,
    L: float,
    density: float = 0.0,
    Ye: float = 0.5,
    antineutrino: bool = False,
) -> np.ndarray:
    """P[α, β] of 3+1 neutrinos with a width m4_Gamma4 and a potential V_s, where p has them."""
    U = mixing(p).conj() if antineutrino else mixing(p)
    sign = -1 if antineutrino else 1
    masses = np.array([0, p["dm2_21"], p["dm2_31"], p["dm2_41"] - 1j * p.get("m4_Gamma4", 0.0)])
    charged = sign * MATTER_POTENTIAL * Ye * density
    neutral = -sign * MATTER_POTENTIAL * (1 - Ye) * density / 2
    potential = np.diag([charged, 0, 0, -neutral + sign * p.get("V_s", 0.0)])
    return evolved(U @ np.diag(masses) @ U.conj().T / (2e9 * E) + potential, L)


def quasi_sterile(
    p: Mapping[str, float],
    E: float,
    L: float,
    density: float = 0.0,
    Ye: float = 0.5,
    antineutrino: bool = False,
    pairs: Sequence[int] = (1, 2, 3),
) -> np.ndarray:
    """P[α, β] of three light neutrinos and the quasi-sterile ones of some pairs: states e, μ, τ, S of each pair."""
    size = 3 + len(pairs)
    angles = [rotation(size, i - 1, 3 + k, np.sin(p[f"theta_S{i}"]) ** 2) for k, i in enumerate(pairs)]
    U = functools.reduce(np.matmul, [active_mixing(p, size), *angles])
    U = U.conj() if antineutrino else U
    light = [0.0, p["dm2_21"], p["dm2_31"]]
    masses = np.array(light + [light[i - 1] + p[f"delta_M{i}_sq"] for i in pairs])
    in_rock = -p["delta_M3_sq"] * np.cos(2 * p["theta_S3"]) / (2 * p["E_res"] * 1e9)
    sign = -1 if antineutrino else 1
    charged = sign * MATTER_POTENTIAL * Ye * density
    potential = np.diag([charged, 0, 0] + [sign * in_rock * density / 2.6] * len(pairs))
    return evolved(U @ np.diag(masses) @ U.conj().T / (2e9 * E) + potential, L)
