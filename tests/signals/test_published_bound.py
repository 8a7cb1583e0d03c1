"""Rates that follow from a published curve: against its own sides, independent evaluation, and limits."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from heavy_states import DARK, HNL, dark, evaluate, events, with_dipole
from scipy import constants, optimize

import scanner
from scanner.errors import InputError, Status
from scanner.signals import published_bound
from scanner.signals.curves import Curve
from scanner.signals.heavy_neutrino import Channel, Flyer, State
from scanner.signals.published_bound import BoundResponse, Flight, Shape
from scanner.vocabulary import Monomial

MASS = np.array([0.2, 0.3, 0.8])
CLOSED = Curve(MASS, np.array([1e-5, 1e-6, 4e-7]), np.array([1e-1, 1e-3, 2e-5]))
OPEN = Curve(MASS, CLOSED.bottom, np.full(3, np.inf))
LIMIT = -math.log(0.1)
HBARC = constants.hbar * constants.c / constants.e * 1e-9  # GeV m
MODEL = scanner.model("hnl")


def response(curve: Curve = CLOSED, shape: Shape = Shape.decay, **options: object) -> BoundResponse:
    return BoundResponse("toy", curve, shape, LIMIT, "mu", **options)  # type: ignore[arg-type]


def count(found: object, bound: BoundResponse, **params: float) -> float:
    return events(published_bound, found, [bound], **{**DARK, **params})  # type: ignore[arg-type]


class TestCurve:
    def test_straight_in_the_logarithms(self) -> None:
        bottom, top = CLOSED.at(math.sqrt(0.2 * 0.3)) or (0, 0)
        assert bottom == pytest.approx(math.sqrt(1e-5 * 1e-6), rel=1e-14, abs=0)
        assert top == pytest.approx(math.sqrt(1e-1 * 1e-3), rel=1e-14, abs=0)

    @pytest.mark.parametrize("mass", [0.1999, 0.8001, math.nan])
    def test_nothing_outside(self, mass: float) -> None:
        assert CLOSED.at(mass) is None

    def test_the_ends_belong_to_it(self) -> None:
        assert CLOSED.at(0.2) == (1e-5, 1e-1) and CLOSED.at(0.8) == pytest.approx((4e-7, 2e-5), abs=0)
        assert OPEN.at(0.3) == (1e-6, math.inf)

    def test_a_part_is_the_curve_between_its_ends(self) -> None:
        part = CLOSED.part(0.25, math.inf)
        assert part.at(0.249) is None and part.at(0.25) == pytest.approx(CLOSED.at(0.25), rel=1e-13, abs=0)
        assert part.at(0.6) == pytest.approx(CLOSED.at(0.6), rel=1e-13, abs=0)

    @pytest.mark.parametrize("ends", [(0.2, 0.5), (0.25, 0.8), (0.2, 0.8)])
    def test_a_part_may_begin_or_end_with_the_curve(self, ends: tuple[float, float]) -> None:
        part = CLOSED.part(*ends)
        assert (part.mass[0], part.mass[-1]) == ends
        assert part.at(0.4) == pytest.approx(CLOSED.at(0.4), rel=1e-13, abs=0)


class TestDecays:
    @pytest.mark.parametrize("mass", [0.2, 0.241, 0.5, 0.8])
    def test_both_sides_have_the_events_of_the_limit_and_more_lie_between(self, mass: float) -> None:
        bottom, top = CLOSED.at(mass) or (0, 0)
        found = [count(HNL, response(), m_N=mass, Umu4_sq=x) for x in (bottom, top)]
        assert found == pytest.approx([LIMIT, LIMIT], rel=1e-9)
        assert count(HNL, response(), m_N=mass, Umu4_sq=math.sqrt(bottom * top)) > LIMIT
        assert all(count(HNL, response(), m_N=mass, Umu4_sq=x) < LIMIT for x in (0.5 * bottom, min(1.0, 2 * top)))

    def test_absorption_is_the_root_of_equal_events(self) -> None:
        bottom, top = 3e-7, 2e-4
        root = optimize.brentq(lambda k: 2 * math.log(top / bottom) - k * (top - bottom), 1.0, 1e9, xtol=1e-3)
        assert published_bound._absorption(2, bottom, top) == pytest.approx(root, rel=1e-9)

    def test_at_the_tip_the_sides_meet_in_the_maximum(self) -> None:
        tip = replace(CLOSED, top=CLOSED.bottom * (1 + 1e-12))
        at = [count(HNL, response(tip), m_N=0.3, Umu4_sq=1e-6 * f) for f in (0.99, 1.0, 1.01)]
        assert at[1] == pytest.approx(LIMIT, rel=1e-9) and at[1] > max(at[0], at[2])

    @pytest.mark.parametrize("seed", range(6))
    def test_against_the_widths_of_the_model(self, seed: int) -> None:
        """Random masses, flavours, natures and final states, with the formula written out."""
        rng = np.random.default_rng(seed)
        mass, nature, assumed = float(rng.uniform(0.25, 0.75)), int(rng.integers(2)), bool(rng.integers(2))
        mixing = dict(zip(("Ue4_sq", "Umu4_sq", "Utau4_sq"), map(float, 10 ** rng.uniform(-8, -5, 3)), strict=True))
        seen = frozenset({"nu_e_e", "mu_pi", "nu_e_mu"}) if seed % 2 else None
        natures = ("dirac", "majorana")
        own = MODEL.widths(m_N=mass, nature=natures[nature], **mixing)
        unit = MODEL.widths(m_N=mass, nature=natures[assumed], Umu4_sq=1.0)
        looked_at = [name for name in own if name != "nu_nu_nu" and (seen is None or name in seen)]
        ratio = sum(own[n] for n in looked_at) / sum(unit[n] for n in looked_at)
        bottom, top = CLOSED.at(mass) or (0, 0)
        kappa = 2 * math.log(top / bottom) / (top - bottom)
        absorbed = kappa * (sum(own.values()) / sum(unit.values()) - bottom)
        expected = LIMIT * mixing["Umu4_sq"] * ratio / bottom**2 * math.exp(-absorbed)
        bound = response(majorana=assumed, seen=seen)
        assert count(HNL, bound, m_N=mass, nature=nature, **mixing) == pytest.approx(expected, rel=1e-11, abs=0)

    def test_long_lived_majorana_decays_twice_as_often(self) -> None:
        dirac, majorana = (count(HNL, response(OPEN), m_N=0.4, nature=n, Umu4_sq=1e-7) for n in (0, 1))
        assert majorana == pytest.approx(2 * dirac, rel=1e-13, abs=0)

    def test_two_majorana_states_of_half_the_mixing_are_one_dirac_state(self) -> None:
        half = replace(HNL, state=lambda values: State(float(values[0]), 0.5, True),
                       widths=lambda values: 0.5 * HNL.widths(np.array([values[0], 1.0])))  # fmt: skip
        point = {"m_N": 0.4, "Umu4_sq": 3e-6, "Ue4_sq": 1e-6}
        assert count((half, half), response(), **point) == pytest.approx(count(HNL, response(), **point), rel=1e-13)

    def test_no_mixing_no_events(self) -> None:
        assert count(HNL, response(), m_N=0.4) == 0
        assert count(HNL, response(), m_N=0.4, Ue4_sq=1e-3) == 0

    def test_outside_the_curve_it_says_nothing(self) -> None:
        for mass in (0.1, 0.9, 5.0):
            assert count(HNL, response(), m_N=mass, Umu4_sq=1e-3) == 0


class TestDarkDecays:
    PHOTON, NOTHING = dark(Channel("nu_gamma", "nu_gamma")), dark(Channel("nu_Zprime", ""))
    WEAK = sum(MODEL.widths(m_N=0.4, Umu4_sq=1.0).values())

    def test_a_visible_decay_sharpens_a_search_for_decays_in_flight(self) -> None:
        at = {"m_N": 0.4, "Umu4_sq": 1e-8}
        seen = sum(width for name, width in MODEL.widths(**at).items() if name != "nu_nu_nu")
        gained = count(self.PHOTON, response(OPEN), **at, gamma=3 * seen) / count(HNL, response(OPEN), **at)
        assert gained == pytest.approx(4, rel=1e-12)

    def test_but_only_where_the_search_looked_at_it(self) -> None:
        bound, at = response(OPEN, seen=frozenset({"nu_e_e"})), {"m_N": 0.4, "Umu4_sq": 1e-8}
        assert count(self.PHOTON, bound, **at, gamma=1e-12) == pytest.approx(count(HNL, bound, **at), rel=1e-13, abs=0)

    def test_an_invisible_decay_counts_as_loss_alone(self) -> None:
        bottom, top = CLOSED.at(0.4) or (0, 0)
        kappa = 2 * math.log(top / bottom) / (top - bottom)
        at, width = {"m_N": 0.4, "Umu4_sq": bottom}, 2.5 * self.WEAK / kappa
        lost = count(self.NOTHING, response(), **at, gamma=width) / count(HNL, response(), **at)
        assert lost == pytest.approx(math.exp(-2.5), rel=1e-11, abs=0)

    def test_what_flies_on_is_not_seen(self) -> None:
        flying = dark(Channel("nu_a", "nu_e_e", (("m_N",), lambda values: Flyer(0.01, 1e-10))))
        at = {"m_N": 0.4, "Umu4_sq": 1e-8, "gamma": 1e-20}
        assert count(flying, response(OPEN), **at) == pytest.approx(count(HNL, response(OPEN), **at), rel=1e-12, abs=0)

    def test_a_prompt_search_goes_as_the_branching_ratio(self) -> None:
        bound = response(OPEN, Shape.prompt)
        at = {"m_N": 0.4, "Umu4_sq": 1e-3}
        assert count(HNL, bound, m_N=0.3, Umu4_sq=1e-6) == pytest.approx(LIMIT, rel=1e-12)
        lost = count(self.NOTHING, bound, **at, gamma=1e-3 * self.WEAK) / count(HNL, bound, **at)
        assert lost == pytest.approx(0.5, rel=1e-12, abs=0)

    def test_production_alone_does_not_care(self) -> None:
        bound, at = response(OPEN, Shape.production), {"m_N": 0.4, "Umu4_sq": 2e-6}
        assert count(self.PHOTON, bound, **at, gamma=1e3) == count(HNL, bound, **at)
        assert count(HNL, bound, m_N=0.3, Umu4_sq=2e-6) == pytest.approx(2 * LIMIT, rel=1e-12)

    def test_a_flight_path_bounds_an_open_curve_from_above(self) -> None:
        """N of a width that decays 100 times on the way is gone; of the assumed width it is all there."""
        bound = response(OPEN, flight=Flight(480.0, 30.0))
        at = {"m_N": 0.3, "Umu4_sq": 1e-6}
        assert count(HNL, bound, **at) == pytest.approx(LIMIT, rel=1e-9)
        width = 100 * HBARC * 30.0 / (480.0 * 0.3)
        lost = count(self.NOTHING, bound, **at, gamma=width) / LIMIT
        assert math.log(lost) == pytest.approx(-100, rel=1e-6)

    def test_a_flight_path_takes_over_where_a_frame_closes_the_contour(self) -> None:
        framed = replace(CLOSED, top=CLOSED.bottom * 10)
        flown = [count(HNL, response(framed, flight=flight), m_N=0.3, Umu4_sq=1e-5) for flight in
                 (None, Flight(1e9, 1.0), Flight(1.0, 30.0))]  # fmt: skip
        assert flown[:2] == pytest.approx([LIMIT, LIMIT], rel=1e-9)
        assert flown[2] == pytest.approx(100 * LIMIT, rel=1e-3)


class TestAboveTheKnownWidths:
    CURVE = Curve(np.array([1.0, 100.0]), np.array([1e-5, 1e-5]), np.array([1e-3, 1e-3]))

    def test_mixing_alone_needs_none(self) -> None:
        for shape in (Shape.decay, Shape.prompt):
            bound = response(self.CURVE, shape)
            assert count(HNL, bound, m_N=50.0, Umu4_sq=1e-5) == pytest.approx(LIMIT, rel=1e-12)
        for flight in (None, Flight(1.0, 1e15)):
            bound = response(self.CURVE, flight=flight)
            assert count(HNL, bound, m_N=50.0, Umu4_sq=1e-3) == pytest.approx(LIMIT, rel=1e-9)
        mixed = count(HNL, response(self.CURVE, Shape.prompt), m_N=50.0, Umu4_sq=1e-5, Utau4_sq=1e-4)
        assert mixed == pytest.approx(LIMIT, rel=1e-12)

    def test_dark_decays_are_not_known_there(self) -> None:
        found = dark(Channel("nu_gamma", "nu_gamma"))
        point = {**DARK, "m_N": 50.0, "Umu4_sq": 1e-5}
        assert evaluate(published_bound, found, [response(self.CURVE)], **point)[1] == Status.not_converged
        assert evaluate(published_bound, found, [response(self.CURVE, Shape.production)], **point)[1] == Status.ok
        outside = evaluate(published_bound, found, [response(self.CURVE)], **{**point, "m_N": 500.0})
        assert outside == (0.0, Status.ok)

    def test_same_sign_leptons_need_a_majorana_neutrino(self) -> None:
        bound = response(self.CURVE, Shape.prompt, majorana=True, lepton_number_violating=True)
        point = {"m_N": 50.0, "Umu4_sq": 1e-5}
        assert count(HNL, bound, **point, nature=1) == pytest.approx(LIMIT, rel=1e-12)
        assert count(HNL, bound, **point, nature=0) == 0
        paired = replace(HNL, splitting=lambda values: 1e-9)
        status = evaluate(published_bound, paired, [bound], **{**DARK, **point, "nature": 1})[1]
        assert status == Status.not_converged


class TestDipoles:
    POINT = {"m_N": 0.3, "nature": 0.0, "mu_tr_e": 0.0, "mu_tr_tau": 0.0}

    def bound(self, shape: Shape) -> BoundResponse:
        return response(CLOSED, shape, dipole=True)

    @pytest.mark.parametrize("shape", [Shape.decay, Shape.production])
    def test_both_sides(self, shape: Shape) -> None:
        for squared in CLOSED.at(0.3) or ():
            found = events(published_bound, with_dipole(), [self.bound(shape)], **self.POINT, mu_tr_mu=squared**0.5)
            assert found == pytest.approx(LIMIT, rel=1e-9)

    def test_production_and_decay_go_as_the_fourth_power(self) -> None:
        found = [
            events(published_bound, with_dipole(), [replace(self.bound(Shape.decay), curve=OPEN)], **self.POINT,
                   mu_tr_mu=d) for d in (1e-3, 2e-3)
        ]  # fmt: skip
        assert found[1] == pytest.approx(16 * found[0], rel=1e-12)

    def test_another_flavour_makes_it_decay_but_not_be_made(self) -> None:
        params = {**self.POINT, "mu_tr_mu": 0.0, "mu_tr_tau": 1e-3}
        assert events(published_bound, with_dipole(), [self.bound(Shape.decay)], **params) == 0

    def test_a_model_without_dipoles_is_refused(self) -> None:
        with pytest.raises(InputError, match="toy bounds a transition dipole"):
            published_bound.bind((HNL,), [self.bound(Shape.decay)], 1)


def test_couplings_may_be_any_monomials() -> None:
    """|U|² = 2 y r³, in a model that has no mixings as parameters."""
    product = Monomial(2.0, {"y": 1, "r": 3})
    found = replace(
        HNL,
        mixings=(Monomial(0.0), product, Monomial(0.0)),
        couplings=(replace(HNL.couplings[1], monomial=product),),
        widths=lambda values: HNL.widths(values)[1:2],
    )
    y, r = 1e-3, 0.07
    got = events(published_bound, found, [response()], m_N=0.4, nature=0.0, y=y, r=r)
    assert got == pytest.approx(count(HNL, response(), m_N=0.4, Umu4_sq=2 * y * r**3), rel=1e-12)
