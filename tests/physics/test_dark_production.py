"""Dark bosons from decays of mesons, against traces of Dirac matrices over explicit phase space."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad

from scanner.physics.dark_production import (
    KINDS,
    MUONIC,
    PHOTONIC,
    Emission,
    branching_density,
    emitted,
    rest_frame,
    virtuality_limits,
)
from scanner.physics.particles import MASS
from scanner.units import ALPHA_EM
from tests.dirac import G5, GAMMA, METRIC, ONE, barred, slash


def two_bodies(M: float, m: float) -> float:
    """Width of M → l ν for the amplitude ū(ν) P̸ (1 - γ5) v(l), by a trace."""
    p = (M**2 - m**2) / (2 * M)
    neutrino, lepton = np.array([p, 0, 0, p]), np.array([math.hypot(p, m), 0, 0, -p])
    vertex = slash(np.array([M, 0, 0, 0])) @ (ONE - G5)
    squared = np.trace(slash(neutrino) @ vertex @ (slash(lepton) - m * ONE) @ barred(vertex)).real
    return squared * p / (8 * math.pi * M**2)


def three_bodies(kind: str, M: float, m: float, boson: float, E: float) -> float:
    """dΓ/dE of M → l ν X for the same amplitude and a unit coupling: traces, over the virtuality of the lepton."""
    p = math.sqrt(E**2 - boson**2)
    X = np.array([E, 0, 0, p])
    beside = M**2 + boson**2 - 2 * M * E

    def at(u: float) -> float:
        # Energies of l and ν in the rest frame of the meson, and the angle between l and X.
        s = u + m**2
        nu_energy = (M**2 - s) / (2 * M)
        energy = M - E - nu_energy
        momentum = math.sqrt(energy**2 - m**2)
        c = (nu_energy**2 - momentum**2 - p**2) / (2 * momentum * p)
        lepton = np.array([energy, momentum * math.sqrt(max(1 - c * c, 0)), 0, momentum * c])
        neutrino = np.array([M, 0, 0, 0]) - X - lepton
        Q = X + lepton
        line = slash(np.array([M, 0, 0, 0])) @ (ONE - G5) @ (-slash(Q) + m * ONE) / u
        vertices = {"scalar": [ONE], "pseudoscalar": [1j * G5], "vector": GAMMA}[kind]
        polarisations = -METRIC + np.outer(METRIC @ X, METRIC @ X) / boson**2 if kind == "vector" else np.ones((1, 1))
        total = 0.0
        for i, one in enumerate(vertices):
            for j, other in enumerate(vertices):
                trace = np.trace(
                    slash(neutrino) @ line @ one @ (slash(lepton) - m * ONE) @ barred(line @ other)
                )  # fmt: skip
                total += (polarisations[i, j] * trace).real
        return total

    w = beside
    root = math.sqrt(w)
    e_l, e_x = (w + m**2) / (2 * root), (M**2 - w - boson**2) / (2 * root)
    k, q = math.sqrt(e_l**2 - m**2), math.sqrt(e_x**2 - boson**2)
    low, high = boson**2 + 2 * (e_l * e_x - k * q), boson**2 + 2 * (e_l * e_x + k * q)
    area = quad(lambda x: at(math.exp(x)) * math.exp(x), math.log(low), math.log(high), epsrel=1e-9)[0]
    return 2 * M * area / (256 * math.pi**3 * M**3)


class TestThreeBodies:
    @pytest.mark.parametrize("kind", ["scalar", "pseudoscalar", "vector"])
    @pytest.mark.parametrize(
        ("parent", "lepton", "boson", "share"),
        [("pi", "mu", 0.005, 0.4), ("K", "mu", 0.1, 0.7), ("K", "e", 0.03, 0.2), ("pi", "e", 0.017, 0.9)],
    )
    def test_density_is_that_of_traces(self, kind: str, parent: str, lepton: str, boson: float, share: float) -> None:
        M, m = MASS[parent], MASS[lepton]
        highest = (M**2 + boson**2 - m**2) / (2 * M)
        E = boson + share * (highest - boson)
        expected = MUONIC[parent] * three_bodies(kind, M, m, boson, E) / two_bodies(M, MASS["mu"])
        assert branching_density(kind, E, parent, lepton, boson) == pytest.approx(expected, rel=1e-7)

    def test_nothing_is_emitted_outside_the_limits(self) -> None:
        pion, muon = MASS["pi"], MASS["mu"]
        highest = (pion**2 + 0.01**2 - muon**2) / (2 * pion)
        assert emitted(0, 0.0099, pion, muon, 0.01) == 0
        assert emitted(0, highest, pion, muon, 0.01) == 0
        assert rest_frame(Emission("scalar", "mu", 0.035), "pi")[1].sum() == 0

    def test_limits_of_the_virtuality_are_those_of_parallel_momenta(self) -> None:
        low, high = virtuality_limits(0.02, MASS["pi"], MASS["e"], 0.01)
        assert 0 < low < high
        # At the largest energy of X, ν and l go the other way together, and both limits meet.
        highest = (MASS["pi"] ** 2 + 0.01**2 - MASS["e"] ** 2) / (2 * MASS["pi"])
        ends = virtuality_limits(highest * (1 - 1e-13), MASS["pi"], MASS["e"], 0.01)
        assert ends[0] == pytest.approx(ends[1], rel=1e-4)

    @pytest.mark.parametrize("kind", KINDS[:3])
    def test_nodes_integrate_the_density(self, kind: str) -> None:
        emission = Emission(kind, "mu", 0.02)
        highest = (MASS["K"] ** 2 + 0.02**2 - MASS["mu"] ** 2) / (2 * MASS["K"])
        expected = quad(lambda E: branching_density(kind, E, "K", "mu", 0.02), 0.02, highest, epsrel=1e-8)[0]
        momenta, amounts = rest_frame(emission, "K")
        assert amounts.sum() == pytest.approx(expected, rel=1e-3)
        energies = np.hypot(momenta, 0.02)
        mean = quad(lambda E: E * branching_density(kind, E, "K", "mu", 0.02), 0.02, highest, epsrel=1e-8)[0]
        assert (amounts * energies).sum() == pytest.approx(mean, rel=1e-3)

    def test_only_a_vector_grows_towards_small_masses_as_its_longitudinal_part(self) -> None:
        def ratio(kind: str, mass: float) -> float:
            return float(rest_frame(Emission(kind, "e", mass), "K")[1].sum())

        assert ratio("vector", 1e-4) / ratio("vector", 2e-4) == pytest.approx(4.0, rel=1e-3)
        assert ratio("pseudoscalar", 1e-4) / ratio("pseudoscalar", 2e-4) == pytest.approx(1.0, rel=1e-2)


class TestTwoBodies:
    def test_dark_photon_from_neutral_pions(self) -> None:
        """B = 2 ε² (1 - r)³ B(π⁰ → γ γ), for g_p = e ε; momentum of the two-body decay."""
        momenta, amounts = rest_frame(Emission("photon", "", 0.05), "pi0")
        ratio = (0.05 / MASS["pi0"]) ** 2
        assert amounts[0] * 4 * math.pi * ALPHA_EM == pytest.approx(2 * (1 - ratio) ** 3 * PHOTONIC)
        assert momenta[0] == pytest.approx(0.5 * MASS["pi0"] * (1 - ratio))
        assert rest_frame(Emission("photon", "", 0.14), "pi0")[1].sum() == 0

    def test_chain_keeps_number_and_energy(self) -> None:
        plain = rest_frame(Emission("vector", "mu", 0.03), "K")
        momenta, amounts = rest_frame(Emission("vector", "mu", 0.03, 2, 0.01, 0.01), "K")
        assert amounts.sum() == pytest.approx(2 * plain[1].sum(), rel=1e-12)
        # Both halves of V together have its energy.
        energy = (amounts * np.hypot(momenta, 0.01)).sum()
        assert energy == pytest.approx((plain[1] * np.hypot(plain[0], 0.03)).sum(), rel=1e-10)

    def test_chain_that_is_closed(self) -> None:
        assert rest_frame(Emission("vector", "mu", 0.03, 2, 0.016, 0.016), "K")[1].sum() == 0
