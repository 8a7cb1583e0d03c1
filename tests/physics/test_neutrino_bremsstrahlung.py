"""The radiated scalar against traces and angles done by brute force, and against its collinear limit."""

from __future__ import annotations

import math

import numpy as np
import pytest
from dirac import GAMMA, P_L, barred, slash
from scipy import integrate

from scanner.physics.neutrino_bremsstrahlung import RULE, fill_radiated, radiated
from scanner.physics.phase_space import gauss_legendre


def three_body(x: float, energy: float, m: float, current: int) -> float:
    """dσ(ν A → ℓ φ A′)/dx over σ(xE) for λ = 1 on a static target, by traces, over all angles of φ and ℓ."""
    scalar = (1 - x) * energy
    k = math.sqrt(scalar**2 - m**2)
    p = energy * np.array([1.0, 0.0, 0.0, 1.0])
    out = x * energy  # a massless lepton takes all of the energy
    cosine, weight = np.polynomial.legendre.leggauss(6)

    def lepton(neutrino: np.ndarray) -> float:
        """Σ over directions of the lepton of Tr[ℓ̸ γ^μ P N γ^μ], μ = current, N = Σ u ū of what came."""
        total = 0.0
        for c, w in zip(cosine, weight, strict=True):
            for angle in np.arange(6) * math.pi / 3:
                s = math.sqrt(1 - c * c)
                momentum = out * np.array([1.0, s * math.cos(angle), s * math.sin(angle), c])
                vertex = GAMMA[current] @ P_L
                total += w / 6 * np.trace(slash(momentum) @ vertex @ neutrino @ barred(vertex)).real
        return total

    def at(c: float) -> float:
        q = p - np.array([scalar, k * math.sqrt(1 - c * c), 0.0, k * c])
        q2 = q[0] ** 2 - q[1:] @ q[1:]
        return lepton(slash(q) @ slash(p) @ slash(q) / q2**2)

    emitted = integrate.quad(at, -1, 1, epsrel=1e-8)[0] * k / (8 * math.pi**2) * energy
    # 1/flux of energy E against xE; a real ν of energy xE, of which only the component along z differs.
    return emitted / energy / (lepton(slash(x * p)) / (x * energy))


@pytest.mark.parametrize("current", [0, 3], ids=["fermi", "gamow-teller"])
def test_traces_by_brute_force(current: int) -> None:
    for x, energy, m in ((0.5, 700.0, 100.0), (0.8, 400.0, 30.0), (0.1, 1000.0, 300.0)):
        assert radiated(x, energy, m) == pytest.approx(three_body(x, energy, m, current), rel=1e-6)


def test_collinear_logarithm() -> None:
    """λ²/16π² (1 − x) [ln(Q²_max/m²_reg) − 1], m²_reg = x m²/(1 − x), Q²_max = 4(1 − x)E²."""
    x, energy, m = 0.3, 1000.0, 0.01
    logarithm = math.log(4 * (1 - x) ** 2 * energy**2 / (x * m * m))
    assert radiated(x, energy, m) == pytest.approx((1 - x) * (logarithm - 1) / (16 * math.pi**2), rel=1e-6)


def test_threshold() -> None:
    assert radiated(0.5, 100.0, 50.0) == radiated(0.5, 100.0, 60.0) == radiated(0.0, 100.0, 1.0) == 0
    assert 0 < radiated(0.5, 100.0, 49.999) < 5e-3 * radiated(0.5, 100.0, 10.0)


def test_matrix_holds_the_whole_spectrum() -> None:
    energy, m = np.array([30.0, 90.0, 400.0]), 40.0
    edges = np.linspace(0.0, 400.0, 33)
    out = np.empty((3, 32))
    fill_radiated(energy, m, edges, *gauss_legendre(RULE), out)
    assert (out[0] == 0).all()
    for row, e in zip(out[1:], energy[1:], strict=True):
        total = integrate.quad(radiated, 0, 1 - m / e, (e, m), epsrel=1e-10)[0]
        assert row.sum() == pytest.approx(total, rel=2e-4)
        assert (row[edges[:-1] > e - m] == 0).all()
