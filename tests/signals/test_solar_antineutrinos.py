"""Events of solar antineutrinos: the factorised signal against the exact flux of the model."""

from __future__ import annotations

import numpy as np
import pytest

from scanner import registry, tables
from scanner.config import read_scan_file
from scanner.errors import Status
from scanner.evaluate import evaluate
from scanner.grid import Block
from scanner.models.base import Model
from scanner.prediction import predict
from scanner.scan import resolve
from scanner.signals.solar_antineutrinos import PAIRS, bind, edges

NAME = "sterile_3p1_visible_decay"
EXPERIMENT = "solar_antineutrinos_borexino"


@pytest.fixture(scope="module")
def model() -> Model:
    return registry.model(NAME)


@pytest.fixture(scope="module")
def events() -> np.ndarray:
    """Of Borexino per unit flux, (energies, bins)."""
    return registry.experiment(EXPERIMENT).signals["solar_antineutrinos"].events


@pytest.mark.parametrize(
    "point",
    [
        {"Ue4_sq": 1e-3},
        {"Ue4_sq": 1e-3, "Umu4_sq": 2e-3, "Utau4_sq": 5e-4, "m_phi_over_m4": 0.5},
        {"Ue4_sq": 2e-3, "Utau4_sq": 1e-3, "daughters_per_phi": "half", "nature": "majorana"},
        {"Ue4_sq": 1e-3, "coupling": "operator", "g_e": 1.0, "m_phi_over_m4": 0.0, "nature": "majorana"},
        {"Ue4_sq": 1e-3, "Umu4_sq": 1e-3, "sin2_theta12": 0.33, "sin2_theta23": 0.45, "dm2_21": 7e-5},
    ],
)
def test_leading_order_is_the_exact_flux(model: Model, events: np.ndarray, point: dict[str, float]) -> None:
    """To relative order Σ|U|², with a coefficient of 1 to 2."""
    flux = model.solar_antineutrino_flux(**point)[1]
    expected = (flux[:, None] * events).sum(axis=0)
    found = predict(NAME, EXPERIMENT, **point).signal.values
    mixed = sum(point.get(name, 0.0) for name in ("Ue4_sq", "Umu4_sq", "Utau4_sq"))
    np.testing.assert_allclose(found[expected > 1e-6], expected[expected > 1e-6], rtol=2.5 * mixed)


def test_what_is_neglected_falls_with_the_mixings(model: Model, events: np.ndarray) -> None:
    def error(scale: float) -> float:
        point = {"Ue4_sq": 0.02 * scale, "Umu4_sq": 0.02 * scale, "Utau4_sq": 0.01 * scale}
        exact = float((model.solar_antineutrino_flux(**point)[1][:, None] * events).sum())
        return float(predict(NAME, EXPERIMENT, **point).signal.sum()) / exact - 1

    assert 0 < error(1.0) < 0.08
    assert error(0.1) == pytest.approx(0.1 * error(1.0), rel=0.1)


def test_six_templates_hold_the_mixings(model: Model) -> None:
    """Tables depend on the shape and on three flavours, and couplings on |U_a4|² alone."""
    experiment = registry.experiment(EXPERIMENT)
    found = bind(
        model.signals["solar_antineutrinos"], experiment.signals["solar_antineutrinos"], experiment.signal_bins.size
    )
    for table in found.tables:
        assert table.shape == (len(PAIRS), 15)
        assert not {"Ue4_sq", "Umu4_sq", "Utau4_sq", "m4", "g_phi"} & set(table.parameters)
    assert edges()[-1] >= 16.5


def test_scan_over_mixings_and_mass_ratio() -> None:
    """A grid gives what single points give, 0 without mixing."""
    axes = {
        "Ue4_sq": {"values": [0.0, 1e-4, 1e-3]},
        "Umu4_sq": {"values": [0.0, 1e-3]},
        "m_phi_over_m4": {"values": [0.2, 0.9]},
    }
    scan = resolve(
        read_scan_file({"version": 1, "name": "s", "model": NAME, "axes": axes, "experiments": [EXPERIMENT]})
    )
    found = evaluate(scan, tables.build_all(scan), Block(0, 0, (0, 0, 0), (3, 2, 2)))
    assert (found["status"] == Status.ok).all()
    assert (found["events"][0, 0] == 0).all()
    for i, j, k in ((1, 0, 0), (2, 1, 1), (2, 0, 1)):
        point = {name: axis["values"][n] for (name, axis), n in zip(axes.items(), (i, j, k), strict=True)}
        assert found["chi2"][0, i, j, k] == pytest.approx(float(predict(NAME, EXPERIMENT, **point).chi2), rel=1e-12)


def test_slow_decays_are_not_predicted() -> None:
    """Where a decay is not prompt in the Sun there is no number, unless there would be no event anyway."""
    mixed = {"Ue4_sq": 1e-3, "Umu4_sq": 1e-3}
    assert str(predict(NAME, EXPERIMENT, g_phi=1e-3, **mixed).status.values) == "not_finite"
    assert str(predict(NAME, EXPERIMENT, g_phi=0.0, **mixed).status.values) == "not_finite"
    assert str(predict(NAME, EXPERIMENT, g_phi=0.0).status.values) == "ok"
    assert str(predict(NAME, EXPERIMENT, Ue4_sq=1e-9).status.values) == "ok"
    # A massless φ need not decay.
    massless = {"m_phi_over_m4": 0.0, "nature": "majorana", "g_phi": 0.1}
    assert str(predict(NAME, EXPERIMENT, **massless, **mixed).status.values) == "ok"
