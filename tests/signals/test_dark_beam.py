"""Events of dark particles: folds against quadrature, couplings, and what is dropped."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
from scipy.integrate import quad

import scanner
from scanner import registry
from scanner.physics.bundle import Bundle
from scanner.physics.dark_production import Emission, rest_frame
from scanner.physics.dark_scattering import PHOTON, density, momentum_transfers, scattered
from scanner.physics.geometry import DecayProbability
from scanner.physics.particles import MASS
from scanner.physics.upscattering import CM2, response, target
from scanner.signals.dark_beam import bind
from scanner.signals.dark_beam_events import GRID, events, flux
from scanner.signals.dark_particle import DarkBeamResponse, DarkDynamics
from scanner.signals.upscattering_samples import Region, Selection
from scanner.vocabulary import Monomial

EVERYWHERE = DecayProbability(np.zeros(1), np.array([0.0, 1.0]), np.ones((1, 2)))
NUCLEI = 1e30


def toy(seen: np.ndarray, **more: object) -> DarkBeamResponse:
    """Carbon, as whole nuclei alone, that sees photons of 5 MeV to 1 GeV."""
    selection = Selection(0.005, 1.0, 1.0, {"gamma": seen})
    return DarkBeamResponse("toy", (Region({"C12": NUCLEI}, EVERYWHERE, nucleons=False),), selection, **more)


def cross_section(E: float, mass: float, vector: float, weight: float = 0.0) -> float:
    """Of a photon off carbon, times sin(θ/2) to a power [GeV⁻²]."""
    carbon = target("C12")
    low, high = momentum_transfers(E, mass, 0.0, carbon.mass)

    def at(x: float) -> float:
        Q2 = math.exp(x)
        magnetic, electric, _ = response(carbon.current, carbon.spin, Q2, carbon.mass, carbon.terms)
        sine = scattered(E, Q2, mass, 0.0, carbon.mass)[1]
        return Q2 * sine**weight * density(PHOTON, E, Q2, mass, 0.0, vector, carbon.mass, magnetic, electric)

    return quad(at, math.log(low), math.log(high), limit=400, epsrel=1e-8)[0]


class TestPhotons:
    @pytest.mark.parametrize("weight", [0, 1])
    def test_stopped_pions_against_quadrature(self, weight: int) -> None:
        """φ of one energy: events are what arrives times nuclei times the cross section, or its average over angles."""
        mass, vector = 0.02, 0.05
        sines = np.linspace(0, 1, 5) ** weight
        seen = np.ascontiguousarray(np.broadcast_to(sines[None, :, None], (9, 5, 1)))
        emission = Emission("photon", "", vector, 0)
        one = toy(seen, stopped={"pi0": 1e10})
        dynamics = DarkDynamics((emission,), 0.04)
        found = events(dynamics, [(0, "p")], [one], 1)[0, "p"][0]
        momenta, amounts = rest_frame(emission, "pi0")
        energy = math.hypot(momenta[0], vector)
        expected = 1e10 * amounts[0] * NUCLEI * CM2 * 36 * cross_section(energy, vector, 0.04, weight)
        assert found == pytest.approx(expected, rel=2e-4)
        assert mass < vector

    def test_pions_in_flight_make_the_flux_of_their_decays(self) -> None:
        """Isotropic pions of one momentum: φ per sr and area follow from energy alone, and all of them arrive."""
        pions = Bundle(MASS["pi0"], np.array([0.5]), 0.8, np.full((1, 65), 3.0))
        one = toy(np.ones((9, 2, 1)), mesons=lambda: {"pi0": pions})
        emission = Emission("photon", "", 0.05)
        energies, fluence = flux(emission, one)
        rest, amounts = rest_frame(emission, "pi0")
        inner, gamma, boost = math.hypot(rest[0], 0.05), math.hypot(0.5, MASS["pi0"]) / MASS["pi0"], 0.5 / MASS["pi0"]

        def weight(power: int) -> float:
            """Average over directions of those whose pion is within the bundle, of energy to a power."""

            def at(c: float) -> float:
                along, across = gamma * rest[0] * c + boost * inner, rest[0] * math.sqrt(1 - c * c)
                inside = math.atan2(across, along) < 0.8
                return 0.5 * inside * math.hypot(math.hypot(along, across), 0.05) ** power

            return quad(at, -1, 1, limit=400)[0]

        assert fluence.sum() == pytest.approx(3e-4 * amounts[0] * weight(0), rel=5e-3)
        assert (fluence * energies).sum() == pytest.approx(3e-4 * amounts[0] * weight(1), rel=5e-3)
        assert energies.size == GRID.size

    def test_slower_photons_than_are_seen_are_not(self) -> None:
        one = toy(np.ones((9, 2, 1)), stopped={"pi0": 1.0})
        seen = one.selection
        harder = DarkBeamResponse(
            "harder", one.regions, Selection(0.2, 1.0, 1.0, seen.response), stopped=one.stopped
        )  # fmt: skip
        dynamics = DarkDynamics((Emission("photon", "", 0.05),), 0.04)
        assert events(dynamics, [(0, "p")], [one], 1)[0, "p"][0] > 0
        assert events(dynamics, [(0, "p")], [harder], 1)[0, "p"][0] == 0


BENCHMARK = {"m_phi": 0.001, "m_V": 0.049, "g_mu": 1e-3, "g_p": 1e-3, "lam": 1.0}


@functools.cache
def seen(experiment: str, model: str = "dark_particle_primakoff", **values: float) -> np.ndarray:
    """Signal in all bins."""
    return np.asarray(scanner.predict(model, experiment, **values)["signal"]).ravel()


class TestCouplings:
    def test_events_go_with_the_product_of_couplings(self) -> None:
        once = seen("miniboone_off_target", **BENCHMARK)
        for name in ("g_mu", "g_p", "lam"):
            again = seen("miniboone_off_target", **{**BENCHMARK, name: 2 * BENCHMARK[name]})
            assert again == pytest.approx(4 * once, rel=1e-12)

    def test_protons_and_neutrons_interfere(self) -> None:
        """Events are a quadratic form in g_p and g_n; single nucleons leave some where whole nuclei have none."""

        def of(g_p: float, g_n: float) -> float:
            return float(seen("miniboone_off_target", **{**BENCHMARK, "g_p": g_p, "g_n": g_n}).sum())

        p, n, both, against = of(1e-3, 0), of(0, 1e-3), of(1e-3, 1e-3), of(1e-3, -1e-3)
        assert both + against == pytest.approx(2 * (p + n), rel=1e-9)
        assert 0 < against < p < both < 4 * p

    def test_whole_nuclei_see_the_sum_over_nucleons(self) -> None:
        """(Z g_p + N g_n)², of carbon with Z = N."""
        one = toy(np.ones((9, 2, 1)), stopped={"pi0": 1e10})
        wanted = [(0, "p"), (0, "pn"), (0, "n")]
        found = events(DarkDynamics((Emission("photon", "", 0.05),), 0.04), wanted, [one], 1)
        p, pn, n = (float(found[key][0]) for key in wanted)
        assert n == pytest.approx(p, rel=1e-12)
        assert pn == pytest.approx(2 * p, rel=1e-12)

    def test_leptons_and_pions_add(self) -> None:
        alone = [{"g_mu": 1e-3}, {"g_mu": 0.0, "g_e": 1e-3}, {"g_mu": 0.0, "B_phi": 0.5}]
        together = {"g_mu": 1e-3, "g_e": 1e-3, "B_phi": 0.5}
        parts = [seen("miniboone_off_target", **{**BENCHMARK, **some}).sum() for some in alone]
        assert seen("miniboone_off_target", **{**BENCHMARK, **together}).sum() == pytest.approx(sum(parts), rel=1e-12)

    def test_terms_without_couplings_make_no_tables(self) -> None:
        model = registry.model("dark_particle_primakoff")
        samples = registry.experiment("miniboone_off_target").signals["dark_beam"]
        zero = frozenset({"g_e", "g_n", "B_phi", "f_neutron"})
        prediction = bind(model.ingredient("dark_beam", zero), samples, 1)
        assert [table.name for table in prediction.tables] == ["0_0_p"]
        assert set(prediction.tables[0].parameters) >= {"m_phi", "m_V"}
        assert not set(prediction.parameters) & {"m_phi", "m_V"}
        assert set(prediction.parameters) == {"g_mu", "g_p", "lam"}


class TestNeutrons:
    def test_lsnd_sees_what_has_a_neutron_beside_it(self) -> None:
        assert seen("lsnd", **BENCHMARK).sum() == 0
        half, whole = (seen("lsnd", **BENCHMARK, f_neutron=share) for share in (0.5, 1.0))
        assert whole == pytest.approx(2 * half, rel=1e-12)
        assert whole.sum() > 0
        assert seen("miniboone_off_target", **BENCHMARK)[0] > 0

    def test_a_model_without_neutrons_has_none(self) -> None:
        model = registry.model("dark_particle_upscattering").ingredient("dark_beam", frozenset())
        samples = registry.experiment("lsnd").signals["dark_beam"]
        assert bind(model, samples, 11).tables == ()

    def test_factor_is_the_monomial(self) -> None:
        model = registry.model("dark_particle_primakoff").ingredient("dark_beam", frozenset())
        assert model.neutron == Monomial(1.0, {"f_neutron": 1})

    def test_exposure_of_lsnd(self) -> None:
        """1.26e14 ν̄_μ/cm², 7.4e30 protons and an efficiency of 0.42 (from memory) are what full transmutation needs."""
        sample = registry.experiment("lsnd").signals["dark_beam"][0]
        protons = sample.regions[0].targets["H1"]
        assert protons == pytest.approx(1.26e14 * 7.4e30 * 0.42, rel=0.15)
        assert sample.regions[0].targets["C12"] == pytest.approx(0.5 * protons)
