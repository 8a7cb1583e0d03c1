"""Decays in flight: factorised tables against sums over the spectrum, at every lifetime."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate

import scanner
from scanner.errors import Status
from scanner.physics.flight import NODES, NOTHING, fill_flight, fill_flight_of_two, per_width
from scanner.physics.heavy_neutrino_production import production_ratios
from scanner.physics.phase_space import gauss_legendre
from scanner.signals.base import Prediction
from scanner.signals.decay_in_flight import DIRECTIONS, FlightResponse, Spectrum, bind
from scanner.signals.heavy_neutrino import State
from scanner.units import HBARC_GEV_M as HBARC

BASELINE, LENGTH = 280.0, 1.7
MOMENTUM = np.geomspace(0.05, 12, 60)
NATURES = ("dirac", "majorana")
HNL = scanner.model("hnl")


def spectrum(mass: float) -> Spectrum:
    """Some made-up spectrum of N from K → e N and K → μ N."""
    shape = 1e16 * MOMENTUM**2 * np.exp(-MOMENTUM / 1.3)
    ratios = production_ratios(mass)
    return Spectrum(MOMENTUM, np.outer([ratios["K->e N"][0], ratios["K->mu N"][1]], shape))


def efficiency(state: State) -> dict[str, np.ndarray]:
    """Two bins, one of ν e e, one of l π; the second source is seen half as well."""
    half = np.array([1.0, 0.5])[:, None, None] * np.ones((2, 4, 1))
    return {"nu_e_e": half * [state.mass, 0.0], "mu_pi": half * [0.0, 0.3], "e_pi": half * [0.0, 0.2]}


RESPONSE = FlightResponse("toy", (0, 1), spectrum, BASELINE, LENGTH, efficiency, 0.49, ())


def brute_force(m_N: float, mixings: np.ndarray, nature: str) -> np.ndarray:
    """The sum over the spectrum as it stands in textbooks."""
    widths = HNL.widths(m_N=m_N, nature=nature, **dict(zip(("Ue4_sq", "Umu4_sq", "Utau4_sq"), mixings, strict=True)))
    total = math.fsum(widths.values())
    found = spectrum(m_N)
    decay = total * m_N / (found.momentum * HBARC)
    inside = np.exp(-decay * BASELINE) * -np.expm1(-decay * LENGTH)
    crossed = (mixings[:2] * np.array([1.0, 0.5]) * (found.weight @ inside)).sum()
    return crossed * np.array([m_N * widths["nu_e_e"], 0.3 * widths["mu_pi"] + 0.2 * widths["e_pi"]]) / total


def predict(prediction: Prediction, node: list[float], mixings: np.ndarray) -> np.ndarray:
    """Signal at one node for mixings of shape (points, 3); both tables of hnl have the same parameters."""
    built = [table.build(np.array([node])) for table in prediction.tables]
    assert all(status[0] == Status.ok for _, status in built)
    assert prediction.parameters == ("Ue4_sq", "Umu4_sq", "Utau4_sq")
    signal = np.zeros((len(mixings), 2))
    nodes = tuple(np.zeros(len(mixings), dtype=np.int64) for _ in built)
    prediction.add(np.ascontiguousarray(mixings.T), nodes, tuple(entries for entries, _ in built), signal)
    return signal


def test_factorised_is_brute_force_from_long_lived_to_prompt() -> None:
    """1,000 points over 18 decades of lifetime, the closed upper branch included, to 5e-4."""
    rng = np.random.default_rng(2)
    prediction = bind(HNL.signals["decay_in_flight"], RESPONSE, 2)
    seen = []
    for _ in range(50):
        m_N, nature = rng.uniform(0.01, 0.48), int(rng.integers(2))
        mixings = 10 ** rng.uniform(-18, 0, (20, 1)) * rng.dirichlet([0.4, 0.4, 0.4], 20)
        found = predict(prediction, [m_N, nature], mixings)
        expected = np.array([brute_force(m_N, row, NATURES[nature]) for row in mixings])
        visible = expected > 1e-12 * expected.max()
        np.testing.assert_allclose(found[visible], expected[visible], rtol=5e-4)
        assert np.all(found[~visible] <= 1.001e-12 * expected.max())
        seen.append(np.abs(found[visible] / expected[visible] - 1).max())
    assert len(seen) == 50


def test_long_lived_limit_is_linear_in_the_partial_width() -> None:
    """N → l Γ_X m/(p ħc), to the relative size of the neglected decays."""
    m_N, mixings = 0.3, np.array([[0.0, 1e-12, 0.0]])
    found = predict(bind(HNL.signals["decay_in_flight"], RESPONSE, 2), [m_N, 0.0], mixings)
    flux = spectrum(m_N)
    crossed = 0.5e-12 * (flux.weight[1] * LENGTH * m_N / (flux.momentum * HBARC)).sum()
    assert found[0, 1] == pytest.approx(crossed * 0.3 * HNL.widths(m_N=m_N, Umu4_sq=1e-12)["mu_pi"], rel=1e-5, abs=0)


def test_nothing_is_made_above_the_parent_and_unknown_is_marked() -> None:
    prediction = bind(HNL.signals["decay_in_flight"], RESPONSE, 2)
    assert not predict(prediction, [0.6, 0.0], np.array([[1e-3, 1e-3, 0.0]])).any()
    blind = FlightResponse("blind", (0, 1), spectrum, BASELINE, LENGTH, efficiency, 5.0, ())
    rates = bind(HNL.signals["decay_in_flight"], blind, 2).tables[0]
    assert rates.build(np.array([[3.0, 0.0], [0.3, 0.0]]))[1].tolist() == [Status.not_converged, Status.ok]


def test_a_closed_source_is_silent() -> None:
    """Between m_K - m_μ and m_K - m_e only K → e N makes N."""
    mixings = np.array([[0.0, 1e-6, 0.0], [1e-6, 0.0, 0.0]])
    found = predict(bind(HNL.signals["decay_in_flight"], RESPONSE, 2), [0.42, 0.0], mixings)
    assert not found[0].any() and found[1].all()


def _table(width: float, flyer: tuple[float, float] | None = None, momentum: float = 2.0) -> float:
    out = np.empty(1 + 2 * NODES)
    place = (0.3, np.array([momentum]), np.array([1.0]), BASELINE, LENGTH)
    if flyer:
        fill_flight_of_two(*place, *flyer, *gauss_legendre(DIRECTIONS), out)
    else:
        fill_flight(*place, out)
    return float(width * per_width(out[None, None], 0, 0, math.log(width)))


@pytest.mark.parametrize("ratio", 10.0 ** np.arange(-9, 1.3, 0.7))
@pytest.mark.parametrize("speed", [1e-3, 1.0, 30.0])
def test_two_decays_in_a_row(ratio: float, speed: float) -> None:
    """N → ν a, a → …: both flights integrated by scipy, over the direction of a too."""
    m_a, m_N, p = 0.05, 0.3, 2.0
    width = ratio * HBARC * p / (m_N * BASELINE)
    a_width = speed * HBARC / BASELINE * (p / 2) / m_a
    k, gamma = width * m_N / (p * HBARC), math.hypot(p, m_N) / m_N

    def inside(cos: float) -> float:
        energy = gamma * ((m_N**2 + m_a**2) + p / math.hypot(p, m_N) * (m_N**2 - m_a**2) * cos) / (2 * m_N)
        rate = a_width * m_a / (math.sqrt(energy**2 - m_a**2) * HBARC)

        def decays(z: float) -> float:
            scale = min(z, 40 / k)
            return integrate.quad(lambda y: k * rate * math.exp(-k * y - rate * (z - y)), 0, scale, epsrel=1e-9)[0]

        return integrate.quad(decays, BASELINE, BASELINE + LENGTH, epsrel=1e-8)[0]

    expected = 0.5 * integrate.quad(inside, -1, 1, epsrel=1e-6)[0]
    assert _table(width, (m_a, a_width)) == pytest.approx(expected, rel=5e-4, abs=0)


@pytest.mark.parametrize("ratio", 10.0 ** np.arange(2, 19, 2))
@pytest.mark.parametrize("speed", [1e-3, 1.0, 10.0])
def test_behind_a_prompt_decay_the_second_one_goes_on(ratio: float, speed: float) -> None:
    """However prompt N is, beyond the nodes too: what counts then is how far a flies from where N was made."""
    m_a, m_N, p = 0.05, 0.3, 2.0
    width = ratio * HBARC * p / (m_N * BASELINE)
    a_width = speed * HBARC / BASELINE * (p / 2) / m_a
    energy, push = math.hypot(p, m_N) * (m_N**2 + m_a**2) / (2 * m_N**2), p * (m_N**2 - m_a**2) / (2 * m_N**2)

    def inside(cos: float) -> float:
        rate = a_width * m_a / (math.sqrt((energy + push * cos) ** 2 - m_a**2) * HBARC)
        return math.exp(-rate * BASELINE) * -math.expm1(-rate * LENGTH)

    expected = 0.5 * integrate.quad(inside, -1, 1, epsrel=1e-9)[0]
    # A decay length of N is 1/ratio of the baseline.
    assert _table(width, (m_a, a_width)) == pytest.approx(expected, rel=1e-3 + 3 * speed / ratio)


@pytest.mark.parametrize("ratio", [1e-8, 1e-3, 1.0, 10.0])
def test_a_prompt_second_decay_changes_nothing(ratio: float) -> None:
    width = ratio * HBARC * 2.0 / (0.3 * BASELINE)
    assert _table(width, (0.05, 1e-9)) == pytest.approx(_table(width), rel=2e-4, abs=0)


def test_monoenergetic_at_every_lifetime_and_beyond_the_nodes() -> None:
    k = np.geomspace(1e-14, 600, 300) / BASELINE
    for rate in k:
        expected = math.exp(-rate * BASELINE) * -math.expm1(-rate * LENGTH)
        assert _table(rate * HBARC * 2.0 / 0.3) == pytest.approx(
            expected, rel=1e-3 if rate * BASELINE > 30 else 5e-5, abs=0
        )
    assert _table(1e5 * HBARC * 2.0 / (0.3 * BASELINE)) == 0.0


def test_no_weight_is_nothing_and_never_nan() -> None:
    out = np.empty(1 + 2 * NODES)
    fill_flight(0.3, np.array([1.0, 2.0]), np.zeros(2), BASELINE, LENGTH, out)
    assert np.all(out[1::2] == NOTHING)
    assert [per_width(out[None, None], 0, 0, u) for u in (-math.inf, -60.0, 0.0, 50.0)] == [0.0] * 4
