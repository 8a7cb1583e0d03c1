"""The visible-decay model as users call it: solar fluxes as published, and beams that conserve what they must."""

from __future__ import annotations

import math

import numpy as np
import pytest

import scanner
from scanner.config import read_scan_file
from scanner.errors import InputError
from scanner.physics.solar import BORON8_FLUX
from scanner.scan import resolve

# shared/physics/short_baseline.md, "Facts for the fits".
PUBLISHED = {
    "m4": 300.0,
    "m_phi_over_m4": 0.9,
    "Ue4_sq": 1e-3,
    "Umu4_sq": 1e-3,
    "sin2_theta12": 0.304,
    "sin2_theta13": math.sin(0.14819) ** 2,
    "sin2_theta23": math.sin(0.737324) ** 2,
    "dm2_21": 7.5e-5,
    "dm2_31": 2.57e-3,
}


@pytest.fixture(scope="module")
def model() -> scanner.models.base.Model:
    return scanner.model("sterile_3p1_visible_decay")


def flux(model, **more) -> float:  # type: ignore[no-untyped-def]
    return float(model.solar_antineutrino_flux(**{**PUBLISHED, **more})[1].sum())


def test_published_solar_flux(model) -> None:  # type: ignore[no-untyped-def]
    """1420 /(cm² s), one antineutrino per φ, φ(⁸B) = 5.46e6."""
    assert BORON8_FLUX == 5.46e6
    assert flux(model) == pytest.approx(1420, rel=5e-3)
    assert flux(model, daughters_per_phi="half") == pytest.approx(710, rel=5e-3)
    # "other three-flavour parameters shift it by ~6 %"
    standard = {name: model.parameter(name).default for name in PUBLISHED if name.startswith(("sin2", "dm2"))}
    assert flux(model, **standard) / flux(model) == pytest.approx(0.94, abs=0.01)


def test_majorana_neutrinos_add_flipped_daughters(model) -> None:  # type: ignore[no-untyped-def]
    """ν4 → ν̄ φ adds 1/2 with the flavours of φ's neutrinos and, at r = 0.9, most of them softer."""
    assert 1.4 < flux(model, nature="majorana") / flux(model) < 1.5
    # A massless φ makes none.
    assert flux(model, m_phi_over_m4=0.0) == 0
    assert flux(model, m_phi_over_m4=0.0, nature="majorana") > 0


def test_operator_makes_electron_antineutrinos_alone(model) -> None:  # type: ignore[no-untyped-def]
    """Majorana: half of ν4 become ν̄_e; ν̄_e born in the Sun stay so with 0.55 to 0.7. Dirac: none."""
    operator = {"coupling": "operator", "g_e": 1.0, "m_phi_over_m4": 0.0}
    seen = flux(model, nature="majorana", **operator) / (0.5e-3 * BORON8_FLUX)
    assert 0.55 < seen < 0.7
    assert flux(model, **operator) == 0


def test_flux_needs_mixing_and_prompt_decays(model) -> None:  # type: ignore[no-untyped-def]
    assert flux(model, Ue4_sq=0.0, Umu4_sq=0.0) == 0
    with pytest.raises(InputError, match="not prompt"):
        flux(model, g_phi=1e-3)
    with pytest.raises(InputError, match="not prompt"):
        flux(model, g_phi=0.0)


def test_widths(model) -> None:  # type: ignore[no-untyped-def]
    found = model.widths(m4=100.0, g_phi=0.5, m_phi_over_m4=0.5, Ue4_sq=0.01, Umu4_sq=0.02)
    assert found["nu4"] == pytest.approx(0.25 * 0.97 * 0.03 * 100 * 0.75**2 / (16 * math.pi), rel=1e-12)
    assert found["phi"] == pytest.approx(0.25 * 0.03**2 * 50 / (8 * math.pi), rel=1e-12)
    found = model.widths(m4=100.0, g_e=0.5, m_phi_over_m4=0.0, Umu4_sq=0.02, coupling="operator")
    assert found == {"nu4": pytest.approx(0.25 * 100 / (16 * math.pi), rel=1e-12), "phi": 0}


MIXED = {"m4": 100.0, "g_phi": 2.0, "Ue4_sq": 0.01, "Umu4_sq": 0.02, "Utau4_sq": 0.005, "m_phi_over_m4": 0.5}
EDGES = np.linspace(0, 700, 71)


@pytest.mark.parametrize("length", [541.0, math.inf])
def test_number_of_daughters(model, length: float) -> None:  # type: ignore[no-untyped-def]
    """Of every decayed ν4 half are seen at once (Dirac), all of them are for Majorana."""
    energy = np.array([200.0, 600.0])
    params = {**MIXED, "m_phi_over_m4": 0.0}
    exponent = 100 * model.widths(**params)["nu4"] * length / (energy * 1e6 * 1.973269804e-7)
    decayed = 0.02 * -np.expm1(-exponent) * 0.01 * 0.965 / 0.035
    same, opposite = model.spectrum("mu", "e", energy, EDGES, length, **params)
    np.testing.assert_allclose(same.sum(axis=1), 0.5 * decayed, rtol=1e-9)
    assert (opposite == 0).all()
    same, opposite = model.spectrum("mu", "e", energy, EDGES, length, nature="majorana", **params)
    np.testing.assert_allclose((same + opposite).sum(axis=1), decayed, rtol=1e-9)


def test_number_and_energy_of_the_whole_chain(model) -> None:  # type: ignore[no-untyped-def]
    """Prompt Majorana decays: three active daughters of one ν4, with all of its energy."""
    edges = np.linspace(0, 600, 6001)
    same, opposite = model.spectrum("mu", "tau", [600.0], edges, math.inf, nature="majorana", **MIXED)
    total = (same + opposite)[0] / (0.02 * 0.005 * 0.965 / 0.035)
    assert total.sum() == pytest.approx(3, rel=1e-9)
    assert (total * 0.5 * (edges[1:] + edges[:-1])).sum() == pytest.approx(600, rel=1e-6)
    half = model.spectrum("mu", "tau", [600.0], edges, math.inf, daughters_per_phi="half", **MIXED)
    visible = np.array([x.sum() for x in half]) / (0.02 * 0.005 * 0.965 / 0.035)
    np.testing.assert_allclose(visible, [1.0, 0.5], rtol=1e-9)


def test_operator_needs_no_mixing_with_electrons(model) -> None:  # type: ignore[no-untyped-def]
    """|U_μ4|² (1 − e^{−L/L_dec}) W of 1911.01447: P(ν_μ → ν_e) without U_e4, half of it visible for Dirac."""
    params = {"coupling": "operator", "g_e": 0.01, "m_phi_over_m4": 0.0, "Umu4_sq": 0.02, "m4": 200.0}
    exponent = 200 * (1e-4 * 200 / (16 * math.pi)) * 541.0 / (6e8 * 1.973269804e-7)
    same, opposite = model.spectrum("mu", "e", 600.0, EDGES, 541.0, **params)
    assert same.sum() == pytest.approx(0.02 * 0.5 * -math.expm1(-exponent), rel=1e-9)
    assert (opposite == 0).all()
    assert (model.spectrum("mu", "tau", 600.0, EDGES, 541.0, **params)[0] == 0).all()


def test_beam_without_decay_oscillates(model) -> None:  # type: ignore[no-untyped-def]
    """With no coupling P is that of 3+1 at Δm² = m4²."""
    plain = scanner.model("sterile_3p1")
    mixed = {"Ue4_sq": 0.02, "Umu4_sq": 0.03}
    for alpha, beta in (("mu", "e"), ("mu", "mu")):
        expected = plain.probability(alpha, beta, 0.7, 0.5, dm2_41=1.44, dm2_21=0.0, dm2_31=0.0, **mixed)
        assert model.probability(alpha, beta, 0.7, 0.5, m4=1.2, g_phi=0.0, **mixed) == pytest.approx(float(expected))
    assert model.probability("mu", "mu", 0.7, 0.5, m4=1e3, g_phi=4.0, **mixed) == pytest.approx(0.97**2)


def test_bad_input(model) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match="active"):
        model.spectrum("mu", "s", 600.0, EDGES, 541.0, **MIXED)
    with pytest.raises(InputError, match="ascend"):
        model.spectrum("mu", "e", 600.0, [3.0, 2.0], 541.0, **MIXED)
    with pytest.raises(InputError, match="energies"):
        model.spectrum("mu", "e", -1.0, EDGES, 541.0, **MIXED)
    with pytest.raises(InputError, match="baseline"):
        model.spectrum("mu", "e", 600.0, EDGES, -1.0, **MIXED)
    with pytest.raises(InputError, match="leave"):
        model.widths(Ue4_sq=0.5, Umu4_sq=0.5)


@pytest.mark.parametrize(("name", "whole"), [("microboone_inclusive", False), ("gallium", True), ("lsnd", True)])
def test_what_has_no_daughters_is_refused(name: str, whole: bool) -> None:
    """Coherent loss alone is not what MicroBooNE would see; daughters of order |U|⁴ are nothing to gallium."""
    scan = {
        "version": 1,
        "name": "t",
        "model": "sterile_3p1_visible_decay",
        "axes": {"Ue4_sq": {"values": [0.01]}},
        "experiments": [name],
    }
    if whole:
        assert resolve(read_scan_file(scan)).members()[name].predictions
    else:
        with pytest.raises(InputError, match="no response to energy_transfer, without which oscillation is only part"):
            resolve(read_scan_file(scan))
