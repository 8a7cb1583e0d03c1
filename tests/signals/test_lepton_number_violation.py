"""Lepton-number violation: factorised tables against integrals over energy and time, and the limits of physics."""

from __future__ import annotations

import math
from dataclasses import replace

import mpmath as mp
import numpy as np
import pytest

import scanner
from scanner.errors import Status
from scanner.physics.flight import NODES, NOTHING
from scanner.physics.heavy_neutrino_production import production_ratios
from scanner.physics.phase_space import gauss_legendre
from scanner.signals.base import Prediction
from scanner.signals.decay_in_flight import Spectrum
from scanner.signals.heavy_neutrino import OTHER, Channel, Coupling, HeavyNeutrino
from scanner.signals.lepton_number_violation import (
    FAST,
    RULE,
    Route,
    ViolationResponse,
    bind,
    fill_violating,
    violating,
    violating_per_width,
)
from scanner.units import HBARC_GEV_M as HBARC
from scanner.vocabulary import Monomial

LENGTH = 1.0
MOMENTUM = np.geomspace(5, 60, 12)
TIMES_PER_MASS = LENGTH / (MOMENTUM * HBARC)
"""Proper time of flight over the mass of N [GeV⁻²]."""
HNL = scanner.model("hnl")
PARAMETERS = ("Ue4_sq", "Umu4_sq", "Utau4_sq", "dark")


def spectrum(mass: float) -> Spectrum:
    """Some made-up spectrum of N from K → e N and K → μ N."""
    ratios = production_ratios(mass)
    return Spectrum(MOMENTUM, 1e10 * np.outer([ratios["K->e N"][0], ratios["K->mu N"][1]], MOMENTUM / MOMENTUM.sum()))


ROUTES = (Route(0, "mu_pi"), Route(1, "e_pi"))
RESPONSE = ViolationResponse("toy", ROUTES, spectrum, LENGTH, 0.49, ())


def toy(dark: float = 0.0, splitting: float | None = None) -> HeavyNeutrino:
    """The neutrino of `hnl` with a dark width [GeV] for a unit of its own coupling, and perhaps a partner."""
    (weak,) = HNL.signals["decay_in_flight"]

    def widths(values: np.ndarray) -> np.ndarray:
        rows = np.zeros((4, len(weak.channels) + 1))
        rows[:3, :-1] = weak.widths(values)
        rows[3, -1] = dark
        return rows

    return replace(
        weak,
        couplings=(*weak.couplings, Coupling(Monomial(1.0, {"dark": 1}), OTHER)),
        channels=(*weak.channels, Channel("nu_S", "")),
        widths=widths,
        splitting=None if splitting is None else lambda values: splitting,
    )


def predict(prediction: Prediction, node: list[float], points: np.ndarray) -> np.ndarray:
    """Signal at one node for couplings of shape (points, 4); all tables of these toys have the same parameters."""
    built = [table.build(np.array([node])) for table in prediction.tables]
    assert all(status[0] == Status.ok for _, status in built)
    assert prediction.parameters == PARAMETERS
    signal = np.zeros((len(points), 1))
    nodes = tuple(np.zeros(len(points), dtype=np.int64) for _ in built)
    prediction.add(np.ascontiguousarray(points.T), nodes, tuple(entries for entries, _ in built), signal)
    return signal[:, 0]


def one(m_N: float, point: list[float], nature: int = 1, response: ViolationResponse = RESPONSE, **options: float):
    """Signal of one toy at one point."""
    return float(predict(bind([toy(**options)], response, 1), [m_N, nature], np.array([point]))[0])


def widths_at(m_N: float, point: np.ndarray, dark: float) -> tuple[float, dict[str, float]]:
    """Total width of a Majorana N, and its weak widths."""
    weak = HNL.widths(m_N=m_N, nature="majorana", **dict(zip(PARAMETERS[:3], map(float, point), strict=False)))
    return math.fsum(weak.values()) + point[3] * dark, weak


def violated(width: float, splitting: float, time: float) -> float:
    """∫₀^T dt e^{-Γt} (1 - cos ΔM t) [1/GeV], from its primitive at many digits."""
    with mp.workdps(60):
        a, b, T = mp.mpf(width), mp.mpf(splitting), mp.mpf(time)
        decayed = (1 - mp.exp(-a * T)) / a
        if splitting == math.inf:
            return float(decayed)
        primitive = mp.exp(-a * T) * (b * mp.sin(b * T) - a * mp.cos(b * T))
        return float(decayed - (a + primitive) / (a**2 + b**2))


def brute_force(m_N: float, point: np.ndarray, dark: float, splitting: float) -> float:
    """Production times half the width into both charges times the integral over the proper time."""
    total, weak = widths_at(m_N, point, dark)
    weight = spectrum(m_N).weight
    flight = [violated(total, splitting, time) for time in m_N * TIMES_PER_MASS]
    return sum(
        point[route.flavour] * 0.5 * weak[route.final_state] * float(weight[r] @ flight)
        for r, route in enumerate(ROUTES)
    )


@pytest.mark.parametrize("y", [0.0, 1e-9, 1e-4, 0.3, 7.0, FAST - 0.01, FAST, 300.0, 1e7, math.inf])
def test_integral_over_time_and_its_slope(y: float) -> None:
    rule = gauss_legendre(RULE)
    for x in 10.0 ** np.arange(-9, 4.1, 0.7):
        value, slope = violating(x, y, *rule)
        step = mp.mpf(1) / 10**12
        with mp.workdps(60):
            ends = [_precise(mp.mpf(float(x)) * mp.exp(sign * step), y) for sign in (-1, 1)]
            expected, rise = sum(ends) / 2, (ends[1] - ends[0]) / (2 * step)
        assert value == pytest.approx(float(expected), rel=1e-9, abs=0)
        assert slope == pytest.approx(float(rise), rel=1e-7, abs=1e-15 + 1e-9 * abs(value))


def _precise(x: mp.mpf, y: float) -> mp.mpf:
    decayed = (1 - mp.exp(-x)) / x
    if y == math.inf:
        return decayed
    z = x - 1j * mp.mpf(y)
    return decayed - mp.re((1 - mp.exp(-z)) / z)


def test_factorised_is_brute_force_at_every_width_and_splitting() -> None:
    """1,000 points over 18 decades of mixing, with and without a dark width and a partner."""
    rng = np.random.default_rng(6)
    for i in range(50):
        m_N = rng.uniform(0.141, 0.49)
        dark = 10 ** rng.uniform(-17, -8)
        splitting = 10 ** rng.uniform(-19, -8) if i % 2 else math.inf
        points = np.hstack([10 ** rng.uniform(-18, 0, (20, 1)) * rng.dirichlet([0.4] * 3, 20), np.zeros((20, 1))])
        points[::2, 3] = 1.0
        found = predict(bind([toy(dark, None if splitting == math.inf else splitting)], RESPONSE, 1), [m_N, 1], points)
        expected = np.array([brute_force(m_N, point, dark, splitting) for point in points])
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=0)
        assert np.all(expected > 0)


def test_a_dirac_neutrino_gives_nothing() -> None:
    point = [1e-3, 1e-3, 1e-3, 0.0]
    assert one(0.3, point, nature=0) == 0.0
    assert one(0.3, point, nature=1) > 0


def test_a_dark_branch_switches_it_off() -> None:
    """However strongly lepton number is violated: exactly as Γ_lπ/Γ where N is prompt, not at all where it is not."""
    m_N, mixing, dark = 0.3, 1e-2, 1e-9
    prompt = replace(RESPONSE, length=1e12)
    weak, _ = widths_at(m_N, np.array([mixing, mixing, 0, 0]), dark)
    before = one(m_N, [mixing, mixing, 0, 0], response=prompt, dark=dark)
    for coupling in (1e-8, 1e-3, 1.0):
        after = one(m_N, [mixing, mixing, 0, coupling], response=prompt, dark=dark)
        assert after / before == pytest.approx(weak / (weak + coupling * dark), rel=1e-5, abs=0)
    assert after < 1e-5 * before
    long_lived = one(m_N, [mixing, mixing, 0, 1e-12], dark=dark) / one(m_N, [mixing, mixing, 0, 0], dark=dark)
    assert 1e-12 * dark > 1e-5 * weak  # yet, far from decaying within the length
    assert long_lived == pytest.approx(1, rel=1e-4)


def test_long_lived_limit_is_linear_in_the_width() -> None:
    m_N, mixing = 0.3, 1e-8
    half = 0.5 * HNL.widths(m_N=m_N, Umu4_sq=mixing, nature="majorana")["mu_pi"]
    point = [mixing, mixing, 0.0, 0.0]
    expected = mixing * (spectrum(m_N).weight @ (m_N * TIMES_PER_MASS)) * half
    electrons = 0.5 * HNL.widths(m_N=m_N, Ue4_sq=mixing, nature="majorana")["e_pi"]
    expected = expected[0] + expected[1] * electrons / half
    assert one(m_N, point) == pytest.approx(expected, rel=1e-6, abs=0)
    assert one(m_N, [2 * mixing, 2 * mixing, 0, 0]) == pytest.approx(4 * expected, rel=1e-6, abs=0)


def test_everything_decays_where_there_is_room() -> None:
    """Prompt: production times the branching ratio into one charge."""
    m_N, point = 0.35, np.array([1e-3, 1e-3, 0, 0])
    total, weak = widths_at(m_N, point, 0.0)
    weight = spectrum(m_N).weight.sum(axis=1)
    expected = 1e-3 * 0.5 * (weight[0] * weak["mu_pi"] + weight[1] * weak["e_pi"]) / total
    assert one(m_N, list(point), response=replace(RESPONSE, length=1e9)) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("ratio", [1e-3, 0.1, 1.0, 10.0, 1e3])
def test_a_pair_without_limit_of_length(ratio: float) -> None:
    """Of two Majorana neutrinos r²/(1+r²); with and without violation R_ll = ΔM²/(2Γ² + ΔM²) of 1607.05641."""
    m_N, point = 0.3, [1e-4, 1e-4, 0.0, 0.0]
    width, _ = widths_at(m_N, np.array(point), 0.0)
    everywhere = replace(RESPONSE, length=1e12)
    alone = one(m_N, point, response=everywhere)
    pair = one(m_N, point, response=everywhere, splitting=ratio * width)
    assert pair / alone == pytest.approx(ratio**2 / (1 + ratio**2), rel=1e-4)
    conserving = 2 * alone - pair  # two charges, and as many decays as without a partner
    assert pair / conserving == pytest.approx(ratio**2 / (2 + ratio**2), rel=1e-4)


def test_a_pair_must_find_the_time_to_oscillate() -> None:
    """Long-lived: (ΔM T)²/6 where it does not, whatever the ratio of ΔM to Γ; that of Majorana where it does."""
    m_N, point = 0.3, [1e-10, 1e-10, 0.0, 0.0]
    alone, slow = one(m_N, point), 1e-18
    assert slow > 10 * widths_at(m_N, np.array(point), 0.0)[0]
    times = m_N * TIMES_PER_MASS
    weight = spectrum(m_N).weight[0]
    expected = float(weight @ (times * (slow * times) ** 2 / 6) / (weight @ times))
    assert one(m_N, point, splitting=slow) / alone == pytest.approx(expected, rel=1e-4, abs=0)
    assert one(m_N, point, splitting=1e-6) == pytest.approx(alone, rel=1e-6, abs=0)
    assert one(m_N, point, splitting=0.0) == 0.0


def test_a_pair_is_the_sum_of_its_members() -> None:
    """Two members, each half as mixed and as wide as a Dirac state of the whole: Majorana once they are far apart."""
    point = np.array([[1e-6, 1e-6, 0.0, 0.0]])
    members = predict(bind([toy(splitting=1e-3)] * 2, RESPONSE, 1), [0.3, 1], 0.5 * point)
    assert members[0] == pytest.approx(0.5 * one(0.3, list(point[0])), rel=1e-5)


def test_beyond_the_nodes() -> None:
    """However prompt, a pair falls as 1/Γ³ and a Majorana neutrino as 1/Γ."""
    out, rule = np.empty(2 + 2 * NODES), gauss_legendre(RULE)
    for splitting in (1e-17, 1e-15, 1e-12, 1e-6, math.inf):
        fill_violating(0.3, np.array([10.0, 40.0]), np.array([1.0, 3.0]), LENGTH, splitting, *rule, out)
        for width in 10.0 ** np.arange(-30, 1, 1.3):
            times = LENGTH * 0.3 / (np.array([10.0, 40.0]) * HBARC)
            expected = sum(w * violated(width, splitting, t) for w, t in zip((1, 3), times, strict=True))
            assert violating_per_width(out[None, None], 0, 0, width, math.log(width)) == pytest.approx(
                expected, rel=1e-5, abs=0
            )


def test_nothing_where_a_decay_is_closed_and_unknown_is_marked() -> None:
    point = [1e-3, 1e-3, 0.0, 0.0]
    assert one(0.1396, point) == 0.0  # below both thresholds
    assert one(0.2, point) > 0  # K → μ N, N → e π alone
    assert one(0.6, point) == 0.0
    prediction = bind([replace(toy(), splitting=lambda values: math.nan)], RESPONSE, 1)
    _, status = prediction.tables[1].build(np.array([[0.3, 1.0], [0.3, 0.0]]))
    assert status.tolist() == [Status.not_converged, Status.ok]
    blind = replace(RESPONSE, mass_max=5.0)
    entries, status = bind([toy()], blind, 1).tables[0].build(np.array([[3.0, 1.0], [0.3, 1.0]]))
    assert status.tolist() == [Status.not_converged, Status.ok]
    assert not entries[0].any() and entries[1].any()


def test_no_weight_is_nothing_and_never_nan() -> None:
    out = np.empty(2 + 2 * NODES)
    fill_violating(0.3, np.array([1.0, 2.0]), np.zeros(2), LENGTH, 1e-15, *gauss_legendre(RULE), out)
    assert np.all(out[1:-1:2] == NOTHING)
    assert [violating_per_width(out[None, None], 0, 0, width, math.log(width)) for width in (1e-300, 1e-15, 1.0)] == [
        0.0
    ] * 3
