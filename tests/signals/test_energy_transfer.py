"""Energy transfer by visible decay in a toy beam that sees every daughter, against closed forms and conservation."""

from __future__ import annotations

import itertools
import math
from functools import lru_cache

import numpy as np
import pytest

import scanner
from scanner.signals import energy_transfer, lifetimes
from scanner.signals.energy_transfer import Beam, Channel
from scanner.signals.lifetimes import Quantity
from scanner.vocabulary import Monomial

ENERGY, LENGTH = np.array([300.0, 700.0, 1200.0]), np.array([530.0, 520.0, 515.0])
"""[MeV], [m]."""
EDGES = np.linspace(0.0, 1200.0, 49)
SEEN = np.eye(EDGES.size - 1)
FLUX = np.array([1.0, 2.0, 0.5])
MIXED = {"Ue4_sq": 0.02, "Umu4_sq": 0.03, "Utau4_sq": 0.01}
PROMPT = {"m4": 1e5, "g_phi": 10.0}
OPTIONS = ("m_phi_over_m4", "nature", "daughters_per_phi", "coupling")


def beams(opposite: bool, targets: tuple[str, ...] = ("e", "mu", "tau")) -> tuple[Beam, ...]:
    """Three lines of ν_μ; of each flavour of daughters, a signal bin for each of their cells."""
    rows = [np.zeros((SEEN.shape[0], len(targets) * SEEN.shape[0])) for _ in targets]
    for i, row in enumerate(rows):
        row[:, i * SEEN.shape[0] : (i + 1) * SEEN.shape[0]] = SEEN
    channels = tuple(Channel("mu", t, opposite, FLUX, row) for t, row in zip(targets, rows, strict=True))
    return (Beam(ENERGY, LENGTH, EDGES, channels),)


@lru_cache
def _tables(opposite: bool, shape: tuple[float, ...]):  # type: ignore[no-untyped-def]
    model = scanner.model("sterile_3p1_visible_decay")
    prediction = energy_transfer.bind(model.signals["energy_transfer"], beams(opposite), 3 * SEEN.shape[0])
    built = [t.build(np.array([shape])) for t in prediction.tables]
    assert all(t.parameters == OPTIONS for t in prediction.tables)
    assert all((status == 1).all() for _, status in built)
    return prediction, tuple(entries for entries, _ in built)


def seen(opposite: bool, **p: float | str) -> np.ndarray:
    """Daughters by flavour and energy, through the tables."""
    values = scanner.model("sterile_3p1_visible_decay").complete(p)
    prediction, entries = _tables(opposite, tuple(values[name] for name in OPTIONS))
    out = np.zeros((1, 3 * SEEN.shape[0]))
    nodes = tuple(np.zeros(1, np.int64) for _ in entries)
    prediction.add(np.array([[values[n]] for n in prediction.parameters]), nodes, entries, out)
    return out.reshape(3, -1)


def exact(opposite: bool, **p: float | str) -> np.ndarray:
    """The same from the model's own kernels, one line at its own length at a time."""
    model, total = scanner.model("sterile_3p1_visible_decay"), np.zeros((3, SEEN.shape[0]))
    for flux, energy, length in zip(FLUX, ENERGY, LENGTH, strict=True):
        for i, target in enumerate(("e", "mu", "tau")):
            total[i] += flux * model.spectrum("mu", target, [energy], EDGES, length, **p)[opposite][0]
    return total


def decays(m4: float, g: float, **more: float | str) -> dict[str, float | str]:
    return {"m4": m4, "g_phi": g, **MIXED, **more}


@pytest.mark.parametrize(("nature", "opposite"), [("dirac", False), ("majorana", True)])
def test_any_lifetime_from_its_nodes(nature: str, opposite: bool) -> None:
    """From decay lengths of 10⁶ detectors to none, and of φ from all to nothing: 4e-4 of the exact kernels."""
    for m4, g, mixing in itertools.product((0.3, 8.0, 40.0, 3e3), (0.3, 3.0), (0.02, 1e-4)):
        p = decays(m4, g, nature=nature, m_phi_over_m4=0.4) | {"Ue4_sq": mixing, "Utau4_sq": 0.5 * mixing}
        np.testing.assert_allclose(seen(opposite, **p).sum(axis=1), exact(opposite, **p).sum(axis=1), rtol=4e-4)
        full = exact(opposite, **p)
        np.testing.assert_allclose(seen(opposite, **p), full, rtol=2e-3, atol=1e-4 * full.max())


@pytest.mark.parametrize("multiplicity", ["one", "half"])
def test_prompt_decays_in_closed_form(multiplicity: str) -> None:
    """½ W_HC + n₃, bin by bin, with p_e = |U_e4|²(1 − Σ)/Σ."""
    r = 0.4
    found = seen(False, **PROMPT, **MIXED, m_phi_over_m4=r, daughters_per_phi=multiplicity)
    total = sum(MIXED.values())
    strength = MIXED["Umu4_sq"] * MIXED["Ue4_sq"] * (1 - total) / total
    most, expected = 1 - r * r, np.zeros(SEEN.shape[0])
    for flux, energy in zip(FLUX, ENERGY, strict=True):
        z = EDGES / energy
        primary = np.minimum(z / most, 1.0) ** 2
        # ∫ ln(1/max(r², x))/(1 − r²): linear up to r², then x(1 − ln x).
        low, high = np.minimum(z, r * r), np.clip(z, r * r, 1.0)
        secondary = (-low * math.log(r * r) + high * (1 - np.log(high)) - r * r * (1 - math.log(r * r))) / most
        expected += flux * np.diff(0.5 * primary + (1.0 if multiplicity == "one" else 0.5) * secondary)
    np.testing.assert_allclose(found[0], strength * expected, rtol=1e-3, atol=2e-6 * strength)


def test_all_energy_comes_out() -> None:
    """Majorana, prompt, one ν and one ν̄ a φ: what ν4 had is in light neutrinos, |U_μ4|²(1 − Σ|U|²) of all."""
    p = {**PROMPT, **MIXED, "m_phi_over_m4": 0.6, "nature": "majorana"}
    middle = 0.5 * (EDGES[1:] + EDGES[:-1])
    carried = sum((seen(opposite, **p) * middle).sum() for opposite in (False, True))
    expected = MIXED["Umu4_sq"] * (1 - sum(MIXED.values())) * (FLUX * ENERGY).sum()
    assert carried == pytest.approx(expected, rel=2e-3)
    # And in number: three a decay.
    number = sum(seen(opposite, **p).sum() for opposite in (False, True))
    assert number == pytest.approx(3 * expected * FLUX.sum() / (FLUX * ENERGY).sum(), rel=1e-4)


def test_antineutrinos_of_neutrinos() -> None:
    p = {**PROMPT, **MIXED, "m_phi_over_m4": 0.5}
    phi = seen(True, **p).sum()
    assert seen(True, **p, nature="majorana").sum() == pytest.approx(1.5 * phi, rel=1e-3)
    assert seen(True, **p, daughters_per_phi="half").sum() == pytest.approx(0.5 * phi, rel=1e-6)
    # A massless φ stays, and no Dirac neutrino becomes an antineutrino.
    massless = {**p, "m_phi_over_m4": 0.0}
    assert seen(True, **massless).sum() == 0
    assert seen(False, **massless).sum() == pytest.approx(phi / 2, rel=1e-3)


def test_operator_needs_no_mixing_of_nu_e() -> None:
    """1911.01447: |U_μ4|² (1 − e^{−L/L_dec}) times the spectrum, L_dec = E/(m4 Γ4), Γ4 = g² m4/16π; no ν_e in ν4."""
    m4, g = 2.0, 3.0
    p = {"coupling": "operator", "m_phi_over_m4": 0.0, "Umu4_sq": 0.04, "m4": m4, "g_e": g}
    found = seen(False, **p)
    decayed = -np.expm1(-((g * m4) ** 2) / (16 * math.pi) * LENGTH / (ENERGY * 0.1973269804))
    expected = np.zeros(SEEN.shape[0])
    for flux, energy, share in zip(FLUX, ENERGY, decayed, strict=True):
        expected += 0.04 * flux * share * 0.5 * np.diff(np.minimum(EDGES / energy, 1.0) ** 2)
    np.testing.assert_allclose(found[0], expected, rtol=4e-4)
    assert (found[1:] == 0).all() and (seen(True, **p) == 0).all()


def test_without_decay_nothing_is_transferred() -> None:
    assert (seen(False, **decays(10.0, 0.0)) == 0).all()
    assert (seen(False, m4=300.0, g_phi=1.0) == 0).all()  # nor without mixing
    few = seen(False, **decays(1.0, 1e-3, m_phi_over_m4=0.0)).sum()
    assert few == pytest.approx(1e-2 * seen(False, **decays(1.0, 1e-2, m_phi_over_m4=0.0)).sum(), rel=1e-6)


def test_nodes_and_sums_of_monomials() -> None:
    found = lifetimes.nodes(3.0)
    assert found[0] == 0 and found[-1] == math.inf and found[(lifetimes.NODES - 1) // 2] == 3.0
    total: Quantity = lifetimes.sum_of((Monomial(2.0, {"a": 1}), Monomial(-1.0, {"a": 1, "b": 0.5})))
    assert total.parameters == ("a", "b")
    np.testing.assert_allclose(total.value(np.array([[2.0, 3.0], [4.0, 9.0]])), [0.0, -3.0])
