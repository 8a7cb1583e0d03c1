"""SBND and ICARUS: geometry against integrals over their faces and volumes; what a projection must say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hnl_recasts import NONE_SEEN, events, limit, response

from scanner import predict, registry
from scanner.experiments import fermilab, sbn_hnl
from scanner.experiments.fermilab import PROJECTED
from scanner.physics.bundle import daughters, momentum_grid
from scanner.physics.heavy_neutrino_decays import weak_widths
from scanner.physics.heavy_neutrino_production import two_body_momentum
from scanner.physics.particles import MASS
from scanner.units import HBARC_GEV_M

GRID = momentum_grid(0.02, 8.0, 60)


@pytest.mark.parametrize("name", sbn_hnl.PROVIDES)
def test_a_projection_says_so(name: str) -> None:
    found = registry.experiment(name)
    assert "projection" in found.title and "no background" in found.title
    assert "a projection: no data" in found.notes[0]
    assert not found.data.any() and not found.background.any()
    assert found.attributes()["projection"] is True
    assert list(found.coordinates["final_state"]) == list(PROJECTED)


@pytest.mark.parametrize("name", sbn_hnl.PROVIDES)
def test_the_engine_predicts_the_sum(name: str) -> None:
    found = predict("hnl", name, m_N=0.3, Ue4_sq=3e-9, Umu4_sq=2e-9, nature="majorana")
    expected = events(name, 0.3, (3e-9, 2e-9, 0.0), majorana=True)
    np.testing.assert_allclose(found["signal"], expected, rtol=5e-4)
    assert np.count_nonzero(expected) == 6  # all but ν γ and ν γ γ


@pytest.mark.parametrize(
    ("distance", "half", "offset", "least"),
    [(sbn_hnl.SBND[0], (2.0, 2.0), 0.74, 0.8), (sbn_hnl.ICARUS[0], (3.3, 1.58), 0.0, 0.97)],
)
@pytest.mark.parametrize(("meson", "lepton", "mass"), [("K", "mu", 0.3), ("K", "e", 0.45), ("pi", "mu", 0.0)])
def test_on_the_axis_is_nearly_the_whole_face(distance, half, offset, least, meson, lepton, mass) -> None:
    """Long-lived N over the face of the detector, at random places, against its centre on the axis."""
    bundle = fermilab.booster(distance, 4 * half[0] * half[1])[meson]
    rest = np.array([two_body_momentum(MASS[meson], MASS[lepton], mass)])
    centre = daughters(bundle, mass, rest, np.ones(1), GRID)
    rng, found = np.random.default_rng(6), []
    for x, y in rng.uniform(-1, 1, (24, 2)) * half:
        angle = math.hypot(x + offset, y) / distance
        found.append((daughters(bundle, mass, rest, np.ones(1), GRID, angle) / GRID).sum())
    assert least < np.mean(found) / (centre / GRID).sum() < 1.02


def test_nearer_by_the_length_of_the_pipe() -> None:
    """Kaons decay between the horn and 50 m behind it: the flux falls faster than 1/distance²."""
    near, far = (events(name, 0.3, (0.0, 1e-12, 0.0)).sum() for name in ("sbnd_hnl", "icarus_hnl"))
    volumes = 80.0 / (2 * 3.0 * 3.16 * 17.95)
    ratio = near / far / volumes
    assert (600 / 110) ** 2 < ratio < (550 / 58) ** 2


def test_absorber_sees_the_volume_of_icarus() -> None:
    """Long-lived N of kaons at rest: POT · 0.085 BR · V/(4π L²) · Γ m/p."""
    momentum, number = fermilab.stopped_kaons(0.3)
    visible = sum(weak_widths(0.3)[x][1] for x in PROJECTED if x in weak_widths(0.3))
    volume = 2 * 3.0 * 3.16 * 17.95
    expected = 1e21 * number[1, 1] * volume / (4 * math.pi * 109.3**2) * visible * 0.3 / (momentum[1] * HBARC_GEV_M)
    assert events("icarus_hnl_numi", 0.3, (0.0, 1e-12, 0.0)).sum() == pytest.approx(1e-24 * expected, rel=1e-5)


def test_projected_limits_scale_and_surpass_microboone() -> None:
    """In the long-lived limit N ∝ |U|⁴; SBND is the more sensitive the nearer, and all reach below MicroBooNE."""
    here = limit("sbnd_hnl", 0.3, 1, majorana=True)
    assert events("sbnd_hnl", 0.3, (0.0, 3 * here, 0.0), majorana=True).sum() == pytest.approx(9 * NONE_SEEN, rel=1e-3)
    assert here < limit("icarus_hnl", 0.3, 1, majorana=True) < limit("microboone_bnb_mupi", 0.3, 1, majorana=True)


def test_short_lived_neutrinos_do_not_arrive() -> None:
    many = [events("sbnd_hnl", 0.3, (0.0, square, 0.0)).sum() for square in (1e-6, 1e-3, 1.0)]
    assert many[0] > NONE_SEEN and many[2] < 1e-3 * many[1]


def test_seen_twice_is_the_same() -> None:
    first, second = (response("sbnd_hnl").spectrum(0.21) for _ in range(2))
    assert np.array_equal(first.weight, second.weight) and first.weight.shape == (2, first.momentum.size)
