"""3+1 oscillations in 50 digits, by a matrix exponential in the flavour basis, and points to compare at."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, field, replace

import mpmath as mp
import numpy as np

from scanner.physics.oscillation import mixing_matrix_3p1, probability_3p1

EPS = np.finfo(float).eps
E, MU, TAU, S = range(4)
FLAVOURS = list(itertools.product(range(4), repeat=2))


@dataclass(frozen=True)
class Oscillation:
    """Parameters of one 3+1 probability, with the units of `probability_3p1`."""

    energy: float = 1.0
    length: float = 500.0
    density: float = 3.0
    Ye: float = 0.5
    antineutrino: bool = False
    dm21: float = 7.42e-5
    dm31: float = 2.517e-3
    dm41: float = 1.0
    active: tuple[float, float, float] = (0.304, 0.0222, 0.573)
    sterile: tuple[float, float, float] = (0.02, 0.03, 0.05)
    delta13: float = 3.4
    delta14: float = 0.7
    delta24: float = -1.9

    @property
    def mixing(self) -> np.ndarray:
        return mixing_matrix_3p1(*self.active, self.delta13, *self.sterile, self.delta14, self.delta24)

    @property
    def dm2(self) -> np.ndarray:
        return np.array([0.0, self.dm21, self.dm31, self.dm41])

    def conjugated(self) -> Oscillation:
        return replace(self, delta13=-self.delta13, delta14=-self.delta14, delta24=-self.delta24)

    def probability(self, alpha: int, beta: int) -> float:
        return self.probabilities(alpha, beta, [self.energy], [self.length])[0]

    def probabilities(self, alpha: int, beta: int, energy, length) -> np.ndarray:
        energy, length = np.array(energy, float), np.array(length, float)
        out = np.full(energy.size, np.nan)
        probability_3p1(
            alpha,
            beta,
            energy,
            length,
            self.mixing,
            self.dm2,
            self.density,
            self.Ye,
            self.antineutrino,
            out,
        )
        return out

    def table(self) -> np.ndarray:
        return np.array([[self.probability(a, b) for b in range(4)] for a in range(4)])


# ----- the same physics in 50 digits, by a matrix exponential in the flavour basis, from SI constants


@dataclass(frozen=True)
class Exact:
    """Constants of nature; in the SI of 2019 all but G_F are exact."""

    hbarc: mp.mpf = field(init=False)
    """ħc [eV km]."""
    potential: mp.mpf = field(init=False)
    """√2 G_F N_A (ħc)³ [eV cm³/g]."""

    def __post_init__(self) -> None:
        with mp.workdps(50):
            h, c, charge = mp.mpf("6.62607015e-34"), mp.mpf(299792458), mp.mpf("1.602176634e-19")
            hbarc_ev_m = h * c / (2 * mp.pi * charge)
            hbarc_gev_cm = hbarc_ev_m * mp.mpf("1e-9") * 100
            fermi, avogadro = mp.mpf("1.1663788e-5"), mp.mpf("6.02214076e23")
            potential = mp.sqrt(2) * fermi * avogadro * hbarc_gev_cm**3 * mp.mpf("1e9")
        object.__setattr__(self, "hbarc", hbarc_ev_m / 1000)
        object.__setattr__(self, "potential", potential)


EXACT = Exact()


def exact_rotation(i: int, j: int, sin_squared: mp.mpf, delta: float) -> mp.matrix:
    rotation = mp.eye(4)
    rotation[i, i] = rotation[j, j] = mp.sqrt(1 - sin_squared)
    rotation[i, j] = mp.sqrt(sin_squared) * mp.expj(-mp.mpf(delta))
    rotation[j, i] = -mp.sqrt(sin_squared) * mp.expj(mp.mpf(delta))
    return rotation


def exact_mixing(point: Oscillation) -> mp.matrix:
    s12, s13, s23 = map(mp.mpf, point.active)
    e, mu, tau = map(mp.mpf, point.sterile)
    return (
        exact_rotation(TAU, S, tau / (1 - e - mu), 0.0)
        * exact_rotation(MU, S, mu / (1 - e), point.delta24)
        * exact_rotation(E, S, e, point.delta14)
        * exact_rotation(MU, TAU, s23, 0.0)
        * exact_rotation(E, TAU, s13, point.delta13)
        * exact_rotation(E, MU, s12, 0.0)
    )


def exact_exponent(point: Oscillation) -> mp.matrix:
    """H L, a pure number."""
    U = exact_mixing(point)
    sign = -1 if point.antineutrino else 1
    if point.antineutrino:
        U = U.conjugate()
    masses = mp.diag([mp.mpf(0), mp.mpf(point.dm21), mp.mpf(point.dm31), mp.mpf(point.dm41)])
    rho, Ye = mp.mpf(point.density), mp.mpf(point.Ye)
    charged = sign * EXACT.potential * Ye * rho
    neutral = -sign * EXACT.potential * (1 - Ye) * rho / 2
    hamiltonian = U * masses * U.transpose_conj() / (2 * mp.mpf(point.energy) * mp.mpf("1e9"))
    hamiltonian += mp.diag([charged + neutral, neutral, neutral, 0])  # V_NC not removed
    return hamiltonian * (mp.mpf(point.length) / EXACT.hbarc)


def exact_table(point: Oscillation) -> tuple[np.ndarray, float]:
    """P[alpha, beta] and the largest element of H L."""
    with mp.workdps(50):
        exponent = exact_exponent(point)
        amplitude = mp.expm(-1j * exponent)
        table = [[float(abs(amplitude[b, a]) ** 2) for b in range(4)] for a in range(4)]
        return np.array(table), float(max(abs(x) for x in exponent))


def random_points(count: int, seed: int) -> list[Oscillation]:
    rng = np.random.default_rng(seed)
    points = []
    for _ in range(count):
        delta13, delta14, delta24 = map(float, rng.uniform(-math.pi, math.pi, 3))
        points.append(
            Oscillation(
                energy=float(10 ** rng.uniform(-2, 2)),
                length=float(10 ** rng.uniform(-2, math.log10(1300))),
                density=float(rng.uniform(0, 12)),
                Ye=float(rng.uniform(0.4, 0.6)),
                dm31=float(rng.choice([-1, 1]) * 2.5e-3),
                dm41=float(10 ** rng.uniform(-3, 2)),
                active=tuple(map(float, rng.uniform(0, 1, 3))),
                sterile=tuple(map(float, rng.uniform(0, 0.3, 3))),
                delta13=delta13,
                delta14=delta14,
                delta24=delta24,
            )
        )
    return points


POINTS = random_points(50, seed=20240607)
