"""Events of solar antineutrinos: the factorised signal against the exact flux of the model."""

from __future__ import annotations

import numpy as np
import pytest

from scanner import registry, tables
from scanner.config import read_scan_file
from scanner.errors import InputError, Status
from scanner.evaluate import evaluate
from scanner.grid import Block
from scanner.models.base import Model
from scanner.prediction import predict
from scanner.scan import resolve
from scanner.signals.lifetimes import NODES
from scanner.signals.solar_antineutrinos import PAIRS, bind, edges

NAME = "sterile_3p1_visible_decay"
EXPERIMENT = "solar_antineutrinos_borexino"


MASSLESS = {"m_phi_over_m4": 0.0, "nature": "majorana"}


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
        {**MASSLESS, "g_phi": 1.0, "Ue4_sq": 1e-3, "Umu4_sq": 1e-3},
        {**MASSLESS, "g_phi": 0.3, "Ue4_sq": 1e-3, "Umu4_sq": 4e-4, "Utau4_sq": 2e-4, "dm2_31": -2.4e-3},
        {**MASSLESS, "g_phi": 3.0, "Umu4_sq": 1e-6, "sin2_theta13": 0.03},
        {"Ue4_sq": 1e-3, "Umu4_sq": 1e-3, "sin2_theta12": 0.33, "sin2_theta23": 0.45, "dm2_21": 7e-5},
    ],
)
def test_leading_order_is_the_exact_flux(model: Model, events: np.ndarray, point: dict[str, float]) -> None:
    """To relative order Σ|U|², with a coefficient of 1 to 2, and 2e-4 by interpolation in a light neutrino's width."""
    flux = model.solar_antineutrino_flux(**point)[1]
    expected = (flux[:, None] * events).sum(axis=0)
    found = predict(NAME, EXPERIMENT, **point).signal.values
    mixed = sum(point.get(name, 0.0) for name in ("Ue4_sq", "Umu4_sq", "Utau4_sq"))
    np.testing.assert_allclose(found[expected > 1e-6], expected[expected > 1e-6], rtol=2.5 * mixed + 2e-4)


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
    assert [table.shape for table in found.tables] == [(len(PAIRS), 15)] * 2 + [(NODES, 2 * 15)] * 3
    for table in found.tables:
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
    assert str(predict(NAME, EXPERIMENT, **MASSLESS, g_phi=0.1, **mixed).status.values) == "ok"


@pytest.mark.parametrize(
    ("mixings", "status"),
    [
        ({"Ue4_sq": 1e-4}, "ok"),
        ({"Ue4_sq": 1e-2}, "not_finite"),  # ν3 has |U_e3|² of ν_s, and ν2 → ν1 → ν̄3 makes more than is counted
        ({"Umu4_sq": 1e-2}, "ok"),
        ({"Ue4_sq": 1e-2, "dm2_31": 2.5e-3}, "ok"),
    ],
)
def test_a_cascade_that_is_missed_is_no_number(model: Model, mixings: dict[str, float], status: str) -> None:
    point = {**MASSLESS, "g_phi": 1.0, "dm2_31": -2.5e-3, **mixings}
    assert str(predict(NAME, EXPERIMENT, **point).status.values) == status
    if status != "ok":
        with pytest.raises(InputError, match="inverted"):
            model.solar_antineutrino_flux(**point)


def test_light_neutrinos_that_decay_are_antineutrinos(model: Model, events: np.ndarray) -> None:
    """Of a massless φ and Majorana neutrinos; they go as g² |U|⁴ where few decay, and a muon's mixing is enough."""
    found = [
        predict(NAME, EXPERIMENT, **MASSLESS, g_phi=g, Umu4_sq=u) for g, u in ((0.2, 1e-4), (0.4, 1e-4), (0.2, 2e-4))
    ]
    signal = [float(one.signal.sum()) for one in found]
    assert signal[0] > 0
    assert signal[1:] == pytest.approx([4 * signal[0]] * 2, rel=0.01)
    # All of ν2 and ν3 decay: half of what is left of ⁸B's neutrinos would be antineutrinos of less energy.
    most = predict(NAME, EXPERIMENT, **MASSLESS, g_phi=10.0, Ue4_sq=1e-3, Umu4_sq=2e-3)
    flux = model.solar_antineutrino_flux(**MASSLESS, g_phi=10.0, Ue4_sq=1e-3, Umu4_sq=2e-3)[1]
    assert 0.3 < flux.sum() / (0.5 * 5.46e6 * 0.68) < 1.0
    assert float(most.signal.sum()) == pytest.approx(float((flux[:, None] * events).sum()), rel=7e-3)
    dirac = predict(NAME, EXPERIMENT, m_phi_over_m4=0.0, g_phi=10.0, Ue4_sq=1e-3, Umu4_sq=2e-3)
    assert float(dirac.signal.sum()) == 0 and str(dirac.status.values) == "ok"


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({}, "not_finite"),  # m_φ = 0.03 eV, and ν3 has 0.05
        ({"m_phi_over_m4": 2e-4}, "ok"),
        ({"nature": "dirac"}, "not_finite"),
        ({"nature": "dirac", "Ue4_sq": 1e-9, "Umu4_sq": 0.0, "g_phi": 0.05}, "ok"),  # no event
        ({"coupling": "operator", "g_e": 1.0}, "ok"),
        ({"g_phi": 0.0}, "not_finite"),  # ν4 does not decay
    ],
)
def test_a_light_phi_that_is_not_massless_is_not_computed(
    model: Model, change: dict[str, float | str], status: str
) -> None:
    point: dict[str, float | str] = {"m_phi_over_m4": 1e-4, "nature": "majorana", "g_phi": 5.0}
    point.update({"Ue4_sq": 1e-2, "Umu4_sq": 1e-2, **change})
    assert str(predict(NAME, EXPERIMENT, **point).status.values) == status
    if not change:
        with pytest.raises(InputError, match="not massless"):
            model.solar_antineutrino_flux(**point)
