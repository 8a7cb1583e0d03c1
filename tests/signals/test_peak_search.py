"""What is left of a peak when N decays: against kinematics, quadrature over angles and decay points, and limits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from heavy_states import DARK, HNL, dark, evaluate, events
from scipy import constants, integrate

import scanner
from scanner.errors import Status
from scanner.physics.particles import MASS
from scanner.signals import peak_search
from scanner.signals.curves import Curve
from scanner.signals.heavy_neutrino import Channel, Flyer
from scanner.signals.peak_search import Beam, PeakResponse

LIMIT = -math.log(0.1)
HBARC = constants.hbar * constants.c / constants.e * 1e-9  # GeV m
CURVE = Curve(np.array([0.05, 0.38]), np.array([1e-6, 1e-8]), np.full(2, np.inf))
AT_REST = PeakResponse("toy", CURVE, LIMIT, "K", "mu", 1.5)
IN_FLIGHT = PeakResponse("toy", CURVE, LIMIT, "K", "mu", 100.0, Beam(75.0, (5.0, 70.0)))
PHOTON, NOTHING = Channel("nu_gamma", "nu_gamma"), Channel("nu_Zprime", "")
MODEL = scanner.model("hnl")


def limit_at(mass: float) -> float:
    bottom, _ = CURVE.at(mass) or (math.nan, math.nan)
    return bottom


def left(response: PeakResponse, found: object = HNL, mass: float = 0.25, **params: float) -> float:
    """Fraction of a peak that is left."""
    point = {**DARK, "m_N": mass, "Umu4_sq": 1e-12, **params}
    return events(peak_search, found, [response], **point) / LIMIT * limit_at(mass) / point["Umu4_sq"]  # type: ignore[arg-type]


def momentum(mass: float) -> float:
    """Of N from K → μ N at rest, from energy conservation."""
    energy = (MASS["K"] ** 2 + mass**2 - MASS["mu"] ** 2) / (2 * MASS["K"])
    return math.sqrt(energy**2 - mass**2)


@pytest.mark.parametrize("response", [AT_REST, IN_FLIGHT])
@pytest.mark.parametrize("mass", [0.05, 0.123, 0.37])
def test_a_long_lived_neutrino_has_the_published_limit(response: PeakResponse, mass: float) -> None:
    assert left(response, mass=mass) == pytest.approx(1, rel=1e-8)
    assert events(peak_search, HNL, [response], **{**DARK, "m_N": mass, "Umu4_sq": limit_at(mass) / 100}) == (
        pytest.approx(LIMIT / 100, rel=1e-5)
    )


def test_the_curve_bounds_its_own_flavour_alone() -> None:
    assert events(peak_search, HNL, [AT_REST], **{**DARK, "m_N": 0.2, "Ue4_sq": 1e-3}) == 0


def test_outside_the_curve_or_the_kinematic_limit_it_says_nothing() -> None:
    for mass in (0.04, 0.5, 3.0):
        assert events(peak_search, HNL, [AT_REST], **{**DARK, "m_N": mass, "Umu4_sq": 1e-3}) == 0
    beyond = PeakResponse("toy", CURVE, LIMIT, "pi", "mu", 1.5)
    assert events(peak_search, HNL, [beyond], **{**DARK, "m_N": 0.05, "Umu4_sq": 1e-3}) == 0


class TestVisibleDecays:
    @pytest.mark.parametrize("lengths", [1e-3, 0.3, 3.0, 30.0])
    def test_at_rest_it_falls_exponentially(self, lengths: float) -> None:
        """To the weak decays to ν ν ν, which leave the peak: a tenth of what is left after 30 lengths."""
        width = lengths * HBARC * momentum(0.25) / (1.5 * 0.25)
        weak = MODEL.widths(m_N=0.25, Umu4_sq=1e-12)
        total = width + math.fsum(weak.values())
        unseen, flown = weak["nu_nu_nu"] / total, lengths * total / width
        expected = unseen + (1 - unseen) * math.exp(-flown)
        assert left(AT_REST, dark(PHOTON), gamma=width) == pytest.approx(expected, rel=1e-7, abs=0)

    @pytest.mark.parametrize("mass", [0.06, 0.2, 0.35])
    def test_in_flight_it_is_the_mean_over_accepted_angles(self, mass: float) -> None:
        """The lepton's momentum in the laboratory decides which angles are accepted."""
        kaon = math.hypot(75.0, MASS["K"])
        gamma, boost, star = kaon / MASS["K"], 75.0 / MASS["K"], momentum(mass)
        width = 1.5 * HBARC * 60.0 / (100.0 * mass)

        cosine = np.linspace(-1, 1, 400_001)
        lepton = gamma * math.hypot(star, MASS["mu"]) - boost * star * cosine
        accepted = (np.sqrt(lepton**2 - MASS["mu"] ** 2) > 5.0) & (np.sqrt(lepton**2 - MASS["mu"] ** 2) < 70.0)
        energy = gamma * math.hypot(star, mass) + boost * star * cosine
        survives = np.exp(-100.0 * width * mass / (HBARC * np.sqrt(energy**2 - mass**2)))
        expected = survives[accepted].mean()
        assert left(IN_FLIGHT, dark(PHOTON), mass, gamma=width) == pytest.approx(expected, rel=1e-3)

    def test_weak_decays_spoil_it_too(self) -> None:
        """At |U|² = 1, N of 250 MeV decays within a metre: most of the peak is gone, but not its ν ν ν part."""
        point = {**DARK, "m_N": 0.25, "Umu4_sq": 1.0}
        found = events(peak_search, HNL, [AT_REST], **point) * limit_at(0.25) / LIMIT
        widths = MODEL.widths(m_N=0.25, Umu4_sq=1.0)
        total, seen = sum(widths.values()), sum(w for name, w in widths.items() if name != "nu_nu_nu")
        lengths = 1.5 * 0.25 * total / (HBARC * momentum(0.25))
        assert found == pytest.approx(1 - seen / total * (1 - math.exp(-lengths)), rel=1e-7)


class TestInvisibleDecays:
    def test_they_do_not_spoil_it(self) -> None:
        for width in (1e-15, 1e-12, 1.0):
            assert left(AT_REST, dark(NOTHING), gamma=width) == pytest.approx(1, rel=1e-8)

    def test_a_prompt_decay_leaves_its_invisible_share(self) -> None:
        both = dark(PHOTON, NOTHING, NOTHING, NOTHING)
        assert left(AT_REST, both, gamma=1.0) == pytest.approx(0.75, rel=1e-9)
        assert left(IN_FLIGHT, both, gamma=1.0) == pytest.approx(0.75, rel=1e-9)


class TestFlyers:
    def flying(self, width: float, final_state: str = "nu_e_e") -> object:
        return dark(Channel("nu_a", final_state, (("m_N",), lambda values: Flyer(0.05, width))))

    @pytest.mark.parametrize(("first", "second"), [(2.0, 0.7), (0.7, 2.0), (1.0, 1.0), (1e-3, 1e3), (40.0, 1e-3)])
    def test_both_decays_within_the_apparatus(self, first: float, second: float) -> None:
        """Rates in units of the length; the second decay follows the first on its way."""
        m, a, p = 0.25, 0.05, momentum(0.25)
        energy = math.hypot(p, m) / m * (m**2 + a**2) / (2 * m)
        width_n, width_a = first * HBARC * p / (1.5 * m), second * HBARC * math.sqrt(energy**2 - a**2) / (1.5 * a)
        both, _ = integrate.quad(lambda x: first * math.exp(-first * x) * -math.expm1(-second * (1 - x)), 0, 1,
                                 points=[min(1, 1 / first), max(0, 1 - 1 / second)])  # fmt: skip
        assert left(AT_REST, self.flying(width_a), gamma=width_n) == pytest.approx(1 - both, rel=1e-6, abs=1e-9)

    def test_a_prompt_flyer_is_a_visible_decay_and_a_stable_one_is_none(self) -> None:
        width = 2 * HBARC * momentum(0.25) / (1.5 * 0.25)
        assert left(AT_REST, self.flying(1.0), gamma=width) == pytest.approx(math.exp(-2), rel=1e-7)
        assert left(AT_REST, self.flying(0.0), gamma=1.0) == pytest.approx(1, rel=1e-9)
        assert left(AT_REST, self.flying(1.0, ""), gamma=1.0) == pytest.approx(1, rel=1e-9)


def test_where_the_model_does_not_know_its_decays_it_says_so() -> None:
    heavy = PeakResponse(
        "toy", Curve(np.array([1.0, 3.0]), np.ones(2) * 1e-6, np.full(2, np.inf)), LIMIT, "K", "e", 1.0
    )
    assert evaluate(peak_search, HNL, [heavy], **{**DARK, "m_N": 2.5, "Ue4_sq": 1e-3}) == (0.0, Status.ok)
    blind = dark(PHOTON)
    blind = type(blind)(**{**blind.__dict__, "widths": lambda values: np.full((4, len(blind.channels)), math.nan)})
    assert evaluate(peak_search, blind, [AT_REST], **{**DARK, "Umu4_sq": 1e-3})[1] == Status.not_converged
