"""What a detector makes of a shower: against thrown showers, the kinematics of a neutron at rest, and limits."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import integrate, special, stats

from scanner.errors import InputError
from scanner.physics.detector import (
    OBSERVABLES,
    Cuts,
    Nodes,
    Resolution,
    angle_density,
    bessel_i0_scaled,
    electron_energy,
    energy_qe,
    energy_resolution,
    per_projection,
    response,
)
from scanner.physics.particles import MASS

MASSES = np.array([MASS["n"], MASS["p"], MASS["e"]])
NODES = Nodes(0.1, 2.0, 12, 0.8, 9)

EDGES = {
    "count": [-math.inf, math.inf],
    "energy": [0.1, 0.2, 0.3, 0.45, 0.7, 1.2],
    "cos": [-1.0, -0.3, 0.2, 0.6, 0.9, 1.0],
    "energy_qe": [0.0, 0.2, 0.3, 0.375, 0.475, 0.6, 0.95, 1.5, 3.0],
    "energy_angle_sq": [0.0, 0.003, 0.01, 0.03, 0.1, 0.5, 2.0],
    "energy_one_minus_cos": [0.0, 0.003, 0.01, 0.03, 0.1, 0.5, 2.0],
}


def _miniboone(nodes: Nodes, energy: float = 1.0, angle: float = 1.0) -> Resolution:
    """12 %/√E, and (ln(1/E) + 2.7)°, from shared/physics/upscattering.md; times the two numbers."""
    degrees = np.array([math.log(1 / e) + 2.7 for e in nodes.energy])
    return Resolution(energy * energy_resolution(nodes.energy, 0.12, 0.01), angle * np.radians(degrees))


def _qe(energy: np.ndarray, cosine: np.ndarray) -> np.ndarray:
    m_n, m_p, m_e = MASSES
    momentum = np.sqrt(np.maximum(energy**2 - m_e**2, 0))
    return (m_n * energy - (m_n**2 + m_e**2 - m_p**2) / 2) / (m_n - energy + momentum * cosine)


VALUES = {
    "count": lambda e, c: 0 * (e + c),
    "energy": lambda e, c: e + 0 * c,
    "cos": lambda e, c: c + 0 * e,
    "energy_qe": _qe,
    "energy_angle_sq": lambda e, c: e * np.arccos(c) ** 2,
    "energy_one_minus_cos": lambda e, c: 2 * e * (1 - c),
}


def _thrown(energy: float, theta: float, sigma_e: float, sigma_t: float, n: int = 200_000) -> tuple:
    """Reconstructed energies and cosines of showers; directions by scipy's distribution on the sphere."""
    rng = np.random.default_rng(11)
    e = energy + sigma_e * rng.standard_normal(n)
    while np.any(bad := e <= 0):
        e[bad] = energy + sigma_e * rng.standard_normal(bad.sum())
    if sigma_t == 0:
        return e, np.full(n, math.cos(theta))
    true = np.array([math.sin(theta), 0.0, math.cos(theta)])
    c = stats.vonmises_fisher(true, 1 / sigma_t**2).rvs(n, random_state=rng)[:, 2]
    return e, np.clip(c, -1, 1)


@pytest.mark.parametrize("observable", OBSERVABLES)
@pytest.mark.parametrize(
    ("energy", "angle", "cuts"),
    [
        (1.0, 1.0, Cuts()),
        (1.0, 1.0, Cuts(0.14, 1.25, 0.1, 0.3, 0.2)),
        (1.0, 0.0, Cuts(energy_min=0.14)),
        (0.0, 1.0, Cuts(cos_min=0.5)),
        (0.1, 0.3, Cuts(invariant_max=0.03)),
        (1.0, 0.5, Cuts(energy_min=0.12, q_sq_max=0.06)),
        (0.0, 0.0, Cuts(q_sq_max=0.06)),
    ],
)
def test_thrown_showers(observable: str, energy: float, angle: float, cuts: Cuts) -> None:
    resolution = _miniboone(NODES, energy, angle)
    table = ([0.1, 0.4, 0.5, 1.0], [0.0, 0.3, 0.25, 0.1])
    edges = np.array(EDGES[observable])
    found, with_q_sq = response(NODES, resolution, observable, edges, cuts, 0.9, table), cuts.q_sq_max < math.inf
    for i, j in ((0, 0), (3, 1), (3, 4), (7, 0), (7, 2), (10, 5), (11, 8)):
        e, c = _thrown(NODES.energy[i], NODES.theta[j], resolution.energy[i], resolution.angle[i])
        passed = (e > cuts.energy_min) & (e < cuts.energy_max) & (c > cuts.cos_min)
        passed &= (e * np.arccos(c) ** 2 < cuts.energy_angle_sq_max) & (2 * e**2 * (1 - c) < cuts.invariant_max)
        passed &= 2 * MASS["n"] * e**2 * (1 - c) <= cuts.q_sq_max * (MASS["n"] - e * (1 - c)) if with_q_sq else True
        weight = 0.9 * np.interp(e, *table) * passed
        bins = np.searchsorted(edges, VALUES[observable](e, c), side="right") - 1
        if observable == "cos":
            bins = np.minimum(bins, edges.size - 2)  # cos θ' = 1 is in the last bin
        for n in range(edges.size - 1):
            hits = weight * (bins == n)
            tolerance = 4.5 * hits.std() / math.sqrt(e.size) + 3e-5
            assert found[i, j, n] == pytest.approx(hits.mean(), abs=tolerance), (i, j, n)


@pytest.mark.parametrize("observable", OBSERVABLES)
@pytest.mark.parametrize(("energy", "angle"), [(1, 1), (0, 1), (1, 0), (0, 0), (0.02, 0.02), (3, 5)])
def test_nothing_is_lost(observable: str, energy: float, angle: float) -> None:
    ends = [-2.0, *EDGES[observable][1:-1], math.inf]
    total = response(NODES, _miniboone(NODES, energy, angle), observable, ends).sum(axis=2)
    if observable == "energy_qe":  # but electrons that no ν on a neutron at rest could have made
        c = np.cos(NODES.theta)
        possible = NODES.energy[:, None] * (1 - c) < 0.5 * MASS["n"]
        assert total[possible] == pytest.approx(1, abs=1e-3 if angle < 2 else 1)
        assert total.max() < 1 + 1e-6
    else:
        assert total == pytest.approx(1, abs=1e-6)


def test_perfect_detector() -> None:
    """Hard bins, which hold their lower edge."""
    nodes = Nodes(0.1, 1.0, 11, 0.5, 6)
    perfect = Resolution(np.zeros(11), np.zeros(11))
    for observable, edges in EDGES.items():
        found = response(nodes, perfect, observable, edges)
        value = VALUES[observable](nodes.energy[:, None], np.cos(nodes.theta)[None, :])
        expected = np.stack([(value >= a) & (value < b) for a, b in itertools.pairwise(edges)], axis=2)
        if observable == "cos":
            expected[:, 0, -1] = True  # cos θ' = 1 is in the last bin
        assert np.array_equal(found, expected.astype(float)), observable
    limit = response(nodes, perfect, "energy", [nodes.energy_min, 0.3, nodes.energy_max])
    assert limit[0, 0].tolist() == [1, 0]
    assert limit[-1, 0].tolist() == [0, 0]


@pytest.mark.parametrize("observable", OBSERVABLES)
def test_a_good_detector_is_almost_a_perfect_one(observable: str) -> None:
    sharp = [response(NODES, _miniboone(NODES, s, s), observable, EDGES[observable]) for s in (0.0, 1e-5)]
    # Nodes on an edge are half in.
    apart = np.abs(sharp[0] - sharp[1])
    assert np.mean(apart > 1e-6) < 0.02
    half = [response(NODES, _miniboone(NODES, s, 1.0), observable, EDGES[observable]) for s in (0.0, 1e-5)]
    if observable not in ("energy",):
        assert half[0] == pytest.approx(half[1], abs=2e-4)


@pytest.mark.parametrize("observable", OBSERVABLES)
@pytest.mark.parametrize("energy", [1.0, 0.1, 0.02])
def test_quadrature_is_smooth(observable: str, energy: float) -> None:
    """Neighbouring angles and energies see the same quadrature: second differences as small as the spacing says."""
    cuts = Cuts(energy_min=0.12, cos_min=0.2, invariant_max=0.1)
    spread = []
    for n in (41, 81):
        nodes = Nodes(0.2, 0.4, 3, 0.4, n)
        found = response(nodes, _miniboone(nodes, energy), observable, EDGES[observable], cuts)
        spread.append(np.abs(np.diff(found, 2, axis=1)).max())
    assert spread[1] < 0.3 * spread[0] + 1e-5


def test_energy_of_a_neutrino_by_its_electron() -> None:
    """Four-vectors of ν n → e p with p at rest in no frame: boosts from the centre of mass."""
    m_n, m_p, m_e = MASSES
    for nu in (0.05, 0.3, 1.0, 5.0):
        s = m_n**2 + 2 * m_n * nu
        energy_cm = (s + m_e**2 - m_p**2) / (2 * math.sqrt(s))
        momentum_cm = math.sqrt(energy_cm**2 - m_e**2)
        gamma, boost = (nu + m_n) / math.sqrt(s), nu / math.sqrt(s)
        for cos_cm in np.linspace(-1, 1, 9):
            energy = gamma * energy_cm + boost * momentum_cm * cos_cm
            along = gamma * momentum_cm * cos_cm + boost * energy_cm
            cosine = along / math.sqrt(energy**2 - m_e**2)
            assert energy_qe(energy, cosine, MASSES) == pytest.approx(nu, rel=1e-9)
            assert electron_energy(nu, cosine, MASSES) == pytest.approx(energy, rel=1e-9)
    assert electron_energy(math.inf, 0.5, MASSES) == pytest.approx(electron_energy(1e9, 0.5, MASSES), rel=1e-6)
    assert electron_energy(-1.0, 0.5, MASSES) == 0


def _sum_of_angles(theta: float, sigma: float) -> float:
    return integrate.quad(lambda t: angle_density(theta, t, sigma), 0, math.pi, points=[theta], limit=200)[0]


def test_density_of_angles() -> None:
    x = np.concatenate([np.linspace(0, 10, 101), [50.0, 1e4]])
    assert np.array([bessel_i0_scaled(t) for t in x]) == pytest.approx(special.ive(0, x), rel=3e-7)
    for theta, sigma in ((0.0, 0.05), (0.03, 0.05), (1.0, 0.2), (3.1, 0.1), (0.5, 2.0)):
        total = _sum_of_angles(theta, sigma)
        assert total == pytest.approx(1, abs=1e-6)
    # A Gaussian of σ in each of two projections, while σ and θ are small.
    for seen in (0.001, 0.01, 0.025):
        rice = stats.rice(0.015 / 0.008, scale=0.008).pdf(seen)
        assert angle_density(0.015, seen, 0.008) == pytest.approx(rice, rel=1e-3)


def test_published_resolutions() -> None:
    rng = np.random.default_rng(3)
    alpha = np.hypot(*(0.02 * rng.standard_normal((2, 400_000))))
    published = {
        "projected": 0.02,
        "rms": math.sqrt(np.mean(alpha**2)),
        "mean": alpha.mean(),
        "median": np.median(alpha),
        "68%": np.quantile(alpha, 0.68),
    }
    for meaning, value in published.items():
        assert per_projection(value, meaning) == pytest.approx(0.02, rel=4e-3)
    assert energy_resolution(4.0, 0.1, 0.03) == pytest.approx(4 * math.hypot(0.05, 0.03))


@pytest.mark.parametrize("sigma", [0.004, 0.02, 0.1])
def test_direction_within_a_limit(sigma: float) -> None:
    """At small angles the probability to be within one is a non-central χ² of two degrees of freedom."""
    nodes = Nodes(0.5, 2.0, 9, 0.045, 10)
    resolution = Resolution(np.zeros(9), np.full(9, sigma))
    found = response(nodes, resolution, "count", cuts=Cuts(energy_angle_sq_max=1e-3))[..., 0]
    expected = [stats.ncx2.cdf(1e-3 / e / sigma**2, 2, (nodes.theta / sigma) ** 2) for e in nodes.energy]
    assert found == pytest.approx(np.array(expected), abs=2e-5 + 0.3 * sigma**2)


def test_quasi_elastic_momentum_transfer() -> None:
    """The cut is one on the angle at each energy, 1 - cos θ' < Q²/(2E'² + E' Q²/m_n)."""
    nodes = Nodes(0.1, 20.0, 60, 1.0, 200)
    perfect = Resolution(np.zeros(60), np.zeros(60))
    for q_sq in (0.02, 0.5):
        found = response(nodes, perfect, "count", cuts=Cuts(q_sq_max=q_sq))[..., 0]
        energy = nodes.energy[:, None]
        inside = 2 * nodes.sine**2 < q_sq / (2 * energy**2 + energy * q_sq / MASS["n"])
        assert np.array_equal(found, inside.astype(float))


def test_efficiencies() -> None:
    resolution = _miniboone(NODES)
    plain = response(NODES, resolution, "energy", EDGES["energy"])
    per_energy = np.linspace(0.1, 0.5, NODES.energies)
    assert response(NODES, resolution, "energy", EDGES["energy"], efficiency=per_energy) == pytest.approx(
        plain * per_energy[:, None, None]
    )
    flat = response(NODES, resolution, "energy", EDGES["energy"], seen_efficiency=([0.2, 0.3], [0.4, 0.4]))
    assert flat == pytest.approx(0.4 * plain)
    perfect = Resolution(np.zeros(NODES.energies), np.zeros(NODES.energies))
    table = ([0.2, 1.0], [0.1, 0.9])
    hard = response(NODES, perfect, "count", seen_efficiency=table)
    assert hard[:, 0, 0] == pytest.approx(np.interp(NODES.energy, *table))


def test_nodes() -> None:
    assert NODES.energy[[0, -1]] == pytest.approx([0.1, 2.0])
    assert np.diff(np.log(NODES.energy)) == pytest.approx(math.log(20) / 11)
    assert np.sin(NODES.theta / 2) == pytest.approx(NODES.sine)
    assert NODES.sine == pytest.approx(np.linspace(0, 0.8, 9))


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"nodes": NODES._replace(energy_min=0.0)}, "energies"),
        ({"nodes": NODES._replace(sine_max=1.5)}, "angles"),
        ({"observable": "energy_qee"}, "energy_qe"),
        ({"edges": [0.2, 0.1]}, "edges"),
        ({"resolution": Resolution(np.zeros(3), np.zeros(12))}, "resolution.energy"),
        ({"resolution": Resolution(np.zeros(12), np.full(12, -1.0))}, "resolution.angle"),
        ({"efficiency": np.full(12, np.nan)}, "efficiency"),
        ({"seen_efficiency": ([0.2, 0.1], [1.0, 1.0])}, "seen_efficiency"),
    ],
)
def test_bad_input(change: dict, match: str) -> None:
    good = {"nodes": NODES, "resolution": _miniboone(NODES), "observable": "energy", "edges": [0.1, 0.2]}
    with pytest.raises(InputError, match=match):
        response(**(good | change))
    with pytest.raises(InputError, match="meaning"):
        per_projection(0.1, "width")
