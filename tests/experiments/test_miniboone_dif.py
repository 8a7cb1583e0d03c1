"""MiniBooNE's events as decays in flight: a Monte Carlo of the whole chain, the beam, the data, published regions."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np
import pytest

import scanner
from scanner import registry
from scanner.experiments import miniboone_detector as detector
from scanner.experiments import miniboone_dif as dif
from scanner.experiments import miniboone_release as release
from scanner.experiments.fluxes import flux
from scanner.experiments.upscattering_inputs import miniboone_efficiency
from scanner.physics.particles import MASS
from scanner.signals.base import Prediction
from scanner.signals.decay_spectra import bind
from scanner.units import HBARC_GEV_M as HBARC
from scanner.units import SPEED_OF_LIGHT
from tests.experiments import upscattering_monte_carlo as monte_carlo

NAMES = ("miniboone_dif", "miniboone_dif_evis", "miniboone_dif_costheta")
VOLUME = 4 / 3 * math.pi * 125


@functools.cache
def prediction(model: str, name: str) -> Prediction:
    experiment = registry.experiment(name)
    states = scanner.model(model).signals["decay_spectra"]
    return bind(states, experiment.signals["decay_spectra"], experiment.signal_bins.size)


@functools.cache
def tables(model: str, name: str, point: tuple[tuple[str, Any], ...]) -> tuple[np.ndarray, ...]:
    values = dict(point)
    rows = [[values[p] for p in table.parameters] for table in prediction(model, name).tables]
    found = prediction(model, name).tables
    return tuple(table.build(np.array([row]))[0] for table, row in zip(found, rows, strict=True))


def signal(model: str, name: str, fixed: dict[str, Any], **couplings: np.ndarray) -> np.ndarray:
    """Events at points that differ in couplings, shape (points, bins)."""
    values = scanner.model(model).complete(fixed)
    needed = {p for table in prediction(model, name).tables for p in table.parameters}
    built = tables(model, name, tuple(sorted((p, values[p]) for p in needed)))
    size = next(iter(couplings.values())).size
    rows = [np.broadcast_to(couplings.get(p, values[p]), size) for p in prediction(model, name).parameters]
    out = np.zeros((size, registry.experiment(name).signal_bins.size))
    nodes = tuple(np.zeros(size, dtype=np.int64) for _ in built)
    prediction(model, name).add(np.array(rows, dtype=np.float64), nodes, built, out)
    return out


def improvement(name: str, events: np.ndarray) -> np.ndarray:
    """Δ(−2 ln L) relative to no signal."""
    both = np.concatenate([np.zeros((1, events.shape[1])), events])
    chi2, gof = np.empty(len(both)), np.empty(len(both))
    registry.experiment(name).likelihood(both, chi2, gof)
    return chi2[1:] - chi2[0]


class TestData:
    def test_no_signal_is_the_null_of_the_release(self) -> None:
        """215.747 in neutrino mode, as the official fit has it; the spectra are those of the other signals."""
        for name, other in zip(
            NAMES, ("miniboone_fhc", "miniboone_fhc_ee_evis", "miniboone_fhc_ee_costheta"), strict=True
        ):
            ours, theirs = registry.experiment(name), registry.experiment(other)
            none = np.zeros((1, ours.signal_bins.size))
            found = []
            for likelihood in (ours.likelihood, theirs.likelihood):
                chi2, gof = np.empty(1), np.empty(1)
                likelihood(none, chi2, gof)
                found.append(chi2[0])
            assert found[0] == found[1]
            assert ours.data_sets == theirs.data_sets
        point = scanner.predict("hnl_dipole", "miniboone_dif", m_N=0.25)
        assert float(point["chi2"]) == pytest.approx(215.747, abs=2e-3)


class TestBeam:
    def test_light_neutrinos_are_those_that_were_published(self) -> None:
        """ν_μ of π⁺ and K⁺ with energies around some: to 8 % where pions make them, to 15 % of kaons'."""
        beam, published = dif.beam(1e-6), flux("miniboone_fhc", detector.PROTONS["fhc"])
        for energy, error in {0.25: 0.08, 0.5: 0.08, 0.8: 0.08, 1.2: 0.08, 1.8: 0.08, 2.5: 0.08, 4.0: 0.15}.items():
            ours, theirs = (
                (number * np.exp(-0.5 * (np.log(at / energy) / 0.25) ** 2)).sum()
                for at, number in ((beam.momentum, beam.number[1]), (published.energy, 1e4 * published.fluence[1]))
            )
            assert ours == pytest.approx(theirs, rel=error)
        total = beam.number[1].sum()
        assert total == pytest.approx(1e4 * published.fluence[1].sum(), rel=0.03)

    def test_heavy_neutrinos_are_more_and_slower(self) -> None:
        """K⁺ → μ N at 250 MeV: the branching ratio is 4.1 times that of a light one, and N go forwards."""
        light, heavy = dif.beam(1e-6), dif.beam(0.25)
        kaons = light.number[1][light.momentum > 2.5].sum()
        fast = heavy.number[1][heavy.momentum > 2.5].sum()
        assert 3 < fast / kaons < 10
        mean = (heavy.number[1] * heavy.momentum).sum() / heavy.number[1].sum()
        assert 1.0 < mean < 2.6

    def test_late_ones_are_left_out(self) -> None:
        """L/c (1/β - 1) within 0.2 to 1.8 μs: half of N that are late by 1 μs."""
        delay = 1.0e-6
        beta = 1 / (1 + delay * SPEED_OF_LIGHT / 541.0)
        momentum = 0.25 * beta / math.sqrt(1 - beta * beta)
        everything = dif.polarised_neutrinos(dif.parents(), 0.25, dif.GRID)[0, 1] * detector.PROTONS["fhc"]
        share = np.divide(dif.beam(0.25).number[1], everything, out=np.ones(64), where=everything > 0)
        assert np.interp(momentum, dif.GRID, share) == pytest.approx(0.5, abs=0.02)
        assert (share[dif.GRID > 0.6] == 1).all() and (share[(dif.GRID < 0.12) & (everything > 0)] == 0).all()

    def test_sphere(self) -> None:
        places, volumes = dif.sphere(541.0, 5.0, 8)
        assert volumes.sum() == pytest.approx(VOLUME, rel=1e-12)
        rate = 0.05
        exact = 4 * math.pi * math.exp(-rate * 541) * (0.25 * math.cosh(0.25) - math.sinh(0.25)) / rate**3
        assert (volumes * np.exp(-rate * places)).sum() == pytest.approx(exact, rel=1e-10)


def made(rng: np.random.Generator, mass: float, number: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Weights of decays inside in units of the width, four-momenta and mean spins of N for unit |U_μ|²."""
    beam = dif.beam(mass)
    which = rng.choice(beam.momentum.size, number, p=beam.number[1] / beam.number[1].sum())
    p = beam.momentum[which]
    weight = beam.number[1].sum() / number * VOLUME * mass / (p * HBARC)
    N = np.array([np.hypot(p, mass), np.zeros(number), np.zeros(number), p])
    return weight, N, (beam.spin[1] / np.maximum(beam.number[1], 1e-300))[which]


def two_body(rng: np.random.Generator, N: np.ndarray, mass: float, q: float, slope: np.ndarray) -> np.ndarray:
    """Four-momenta of something of mass q, of 1 + slope cos θ* to the flight of N."""
    number = N.shape[1]
    cosine = rng.uniform(-1, 1, number)
    flip = rng.random(number) > (1 + slope * cosine) / 2
    cosine = np.where(flip, -cosine, cosine)
    phi, sine = rng.uniform(0, 2 * math.pi, number), np.sqrt(1 - cosine**2)
    rest = (mass**2 - q**2) / (2 * mass)
    direction = np.array([sine * np.cos(phi), sine * np.sin(phi), cosine])
    return monte_carlo.boost(np.array([np.full(number, math.hypot(rest, q)), *(rest * direction)]), N)


def reconstructed(rng: np.random.Generator, momentum: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return monte_carlo.smeared(
        rng,
        momentum,
        lambda E: np.sqrt(0.12**2 * E + (0.01 * E) ** 2),
        lambda E: np.radians(np.maximum(2.7 - np.log(np.maximum(E, 1e-6)), 0)),
    )


def neutrino_energy(seen: np.ndarray, cosine: np.ndarray) -> np.ndarray:
    m_n, m_p, m_e = MASS["n"], MASS["p"], MASS["e"]
    momentum = np.sqrt(np.maximum(seen**2 - m_e**2, 0))
    found = (m_n * seen - 0.5 * (m_n**2 + m_e**2 - m_p**2)) / (m_n - seen + momentum * cosine)
    return np.where(found > 0, found, 1e3)


LONG_LIVED = {"Umu4_sq": np.array([1e-12])}


@pytest.mark.parametrize(("mass", "nature"), [(0.25, "dirac"), (0.02, "majorana")])
def test_photons_against_a_monte_carlo(mass: float, nature: str) -> None:
    """N → ν γ of long-lived N in the bins of all three experiments, to 3 % of the largest."""
    rng = np.random.default_rng(11)
    weight, N, spin = made(rng, mass, 600_000)
    photon = two_body(rng, N, mass, 0.0, -spin if nature == "dirac" else 0 * spin)
    seen, direction = reconstructed(rng, photon)
    energy = neutrino_energy(seen, direction[2])
    weight = weight * np.where(seen > 0.14, miniboone_efficiency(seen), 0.0)
    point = {"m_N": mass, "nature": nature}
    moment = 1e-12 / mass**2
    width = scanner.model("hnl_dipole").widths(**point, mu_tr_mu=moment)["nu_gamma"]
    couplings = LONG_LIVED | {"mu_tr_mu": np.array([moment])}
    none = LONG_LIVED | {"mu_tr_mu": np.array([0.0])}
    inside = (energy > 0.2) & (energy < 1.25)
    for name, value, chosen in (
        ("miniboone_dif", energy, np.ones_like(inside)),
        ("miniboone_dif_evis", seen, inside),
        ("miniboone_dif_costheta", direction[2], inside),
    ):
        experiment = registry.experiment(name)
        if name == "miniboone_dif":
            edges = release.edges("fhc")
        else:
            variable = "E" if name.endswith("evis") else "cos"
            low, high = (experiment.coordinates[f"{variable}_{end}"] for end in ("low", "high"))
            edges = np.append(low, high[-1])
        expected = np.histogram(value[chosen], edges, weights=weight[chosen])[0] * 1e-12 * width
        found = (signal("hnl_dipole", name, point, **couplings) - signal("hnl_dipole", name, point, **none))[0]
        assert found.sum() == pytest.approx(expected.sum(), rel=1.5e-2)
        assert np.abs(found - expected).max() < 0.03 * expected.max(), (name, found / expected)


def test_pairs_against_a_monte_carlo_of_both_electrons() -> None:
    """N → ν S, S → e⁺e⁻ on its shell: one-ring rule, energies and angles as both are reconstructed."""
    rng, mass, q = np.random.default_rng(12), 0.25, 0.06
    weight, N, spin = made(rng, mass, 400_000)
    pair = two_body(rng, N, mass, q, spin)
    half = math.sqrt(q * q / 4 - MASS["e"] ** 2)
    cosine, phi = rng.uniform(-1, 1, spin.size), rng.uniform(0, 2 * math.pi, spin.size)
    sine = np.sqrt(1 - cosine**2)
    inner = half * np.array([sine * np.cos(phi), sine * np.sin(phi), cosine])
    electron = monte_carlo.boost(np.array([np.full(spin.size, q / 2), *inner]), pair)
    (one, first), (two, second) = (reconstructed(rng, momentum) for momentum in (electron, pair - electron))
    seen = np.maximum(one + two, 1e-9)
    total = one * first + two * second
    direction = total[2] / np.maximum(np.sqrt((total**2).sum(0)), 1e-12)
    radius_sq = (0.5 * (1 - (first * second).sum(0))) ** 2 + (np.minimum(one, two) / seen) ** 2
    at = np.geomspace(0.02, 5, 400)
    r_cut = np.interp(np.log(seen), np.log(at), detector.one_ring(at))
    kept = (radius_sq < r_cut**2) & (seen > 0.14)
    energy = neutrino_energy(seen, direction)
    expected = np.histogram(energy, release.edges("fhc"), weights=weight * miniboone_efficiency(seen) * kept)[0]
    point = {"m_N": mass, "m_S": q, "g_e": 1e-4}
    found = signal("hnl_scalar", "miniboone_dif", point, Umu4_sq=np.array([1e-12]), y_mu=np.array([1e-10]))[0]
    width = scanner.model("hnl_scalar").widths(**point, y_mu=1e-10)["nu_S"]
    assert width > 1e3 * scanner.model("hnl_scalar").widths(**point, Umu4_sq=1e-12)["nu_pi0"]
    expected *= 1e-12 * width
    assert found.sum() == pytest.approx(expected.sum(), rel=2e-2)
    assert np.abs(found - expected).max() < 0.03 * expected.max(), found / expected


class TestRegions:
    mixing = np.repeat(np.geomspace(1e-13, 1e-5, 33), 81)
    moment = np.tile(np.geomspace(1e-12, 1e-4, 81), 33)

    def preferred(self, name: str = "miniboone_dif", **fixed: Any) -> tuple[np.ndarray, np.ndarray]:
        events = signal("hnl_dipole", name, fixed, Umu4_sq=self.mixing, mu_tr_mu=self.moment)
        return improvement(name, events).reshape(33, 81), events.sum(axis=1).reshape(33, 81)

    def test_kaons_explain_the_energies_where_it_was_found(self) -> None:
        """1909.09561: N → ν γ of some 250 MeV, 1e-11 < |U|² < 1e-7 (its abstract, from memory)."""
        better, events = self.preferred(m_N=0.25)
        best = np.unravel_index(np.argmin(better), better.shape)
        assert -21 < better[best] < -18 and 380 < events[best] < 650
        allowed = np.geomspace(1e-13, 1e-5, 33)[better.min(axis=1) < better.min() + 4.61]
        assert 1e-12 < allowed[0] < 2e-11 and 5e-8 < allowed[-1] < 1e-6
        # Long-lived N: the product of both counts.
        middle = [
            self.moment[np.argmin(row)] ** 2 * u for row, u in zip(better, np.geomspace(1e-13, 1e-5, 33), strict=True)
        ]
        assert middle[16] == pytest.approx(middle[18], rel=0.3)

    def test_angles_do_not_follow(self) -> None:
        """Photons are forward: the angles of these events are worse with as many of them than with none."""
        better, _ = self.preferred(m_N=0.25)
        best = int(np.argmin(better))
        point = {"Umu4_sq": self.mixing[[best]], "mu_tr_mu": self.moment[[best]]}
        angles = signal("hnl_dipole", "miniboone_dif_costheta", {"m_N": 0.25}, **point)
        assert angles[0, -1] > 0.35 * angles.sum()
        assert improvement("miniboone_dif_costheta", angles)[0] > 5

    def test_an_alp_explains_them_twice(self) -> None:
        """2102.05012, m_a = 20 MeV, c_e/f_a = 0.01/GeV, 150 to 180 MeV: a long-lived and a short-lived branch.

        Which c_N it took is not known here: of N that decay before they arrive 3e-7 < |U_μ|² < 8e-7 says 4e-3/GeV, and
        560 events are then made by |U_μ|² of some 1e-9 as well, between the 1e-10 and 1e-8 of that paper.
        """
        mixing = np.geomspace(1e-11, 1e-5, 241)
        roots = []
        for mass in (0.15, 0.18):
            fixed = {"m_N": mass, "m_a": 0.02, "f_a": 100.0, "c_e": 1.0}
            events = signal("hnl_alp", "miniboone_dif", fixed, Umu4_sq=mixing, c_N=np.full(241, 0.4))[:, :9].sum(axis=1)
            crossing = np.flatnonzero((events[1:] > 560.6) != (events[:-1] > 560.6))
            assert len(crossing) == 2
            roots.append(mixing[crossing])
        (low, high), (low_heavy, high_heavy) = roots
        assert 1e-10 < low_heavy < low < 1e-8
        assert 2e-7 < high_heavy < high < 1.2e-6


def test_events_are_the_same_in_all_three() -> None:
    point = {"m_N": 0.2, "mu_tr_mu": 1e-8}
    totals = [signal("hnl_dipole", name, point, Umu4_sq=np.array([1e-9]))[0] for name in NAMES]
    assert totals[2].sum() == pytest.approx(totals[0][:9].sum(), rel=5e-3)  # up to 1.25 GeV
    assert totals[1].sum() < totals[2].sum() * 1.001


def test_weak_decays_are_seen_too() -> None:
    """What W and Z do alone: 1 event of N → ν e e and ν π⁰ at |U_μ|² of some 1e-8 at 250 MeV."""
    one = signal("hnl", "miniboone_dif", {"m_N": 0.25}, Umu4_sq=np.array([1e-8]))[0].sum()
    assert 0.1 < one < 30
