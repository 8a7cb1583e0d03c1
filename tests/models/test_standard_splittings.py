"""What short-baseline signals leave out: Δm²_21, Δm²_31, V_CC and V_NC, at real experiments; and the sign of CP."""

from __future__ import annotations

import math

import numpy as np
import pytest

import scanner
from scanner import registry
from scanner.units import OSCILLATION_PHASE

BEST = {"dm2_41": 6.69, "Ue4_sq": 0.048, "Umu4_sq": 0.011}
"""Of the global fit of 3+1 in docs/short_baseline.md."""
RESONANT = {"delta_M3_sq": 1.0, "theta_S3": 0.2, "E_res": 0.3}


@pytest.mark.parametrize(
    ("model", "p", "experiment", "probability", "change"),
    [
        ("sterile_3p1", BEST, "miniboone_fhc", 1.01e-3, -5.9e-6),
        ("sterile_3p1", BEST, "lsnd_total", 1.16e-3, 1.03e-5),
        ("sterile_3p1", BEST, "gallium", 0.9077, -1.46e-6),
        ("sterile_3p1", BEST, "reactor_rates", 0.9086, -1.01e-4),
        ("sterile_3p1_matter", {**BEST, "V_s": -1e-9}, "miniboone_fhc", 1.08e-2, 5.1e-5),
        ("quasi_sterile", RESONANT, "miniboone_fhc", 2.2e-4, 9.2e-6),
        ("quasi_sterile", RESONANT, "reactor_rates", 0.9983, -1.28e-4),
    ],
)
def test_what_standard_splittings_change_at_experiments(
    model: str, p: dict[str, float], experiment: str, probability: float, change: float
) -> None:
    """The table in docs/short_baseline.md: full evolution in matter at the energy and baseline of each cell."""
    of, rows = scanner.model(model), []
    for c in registry.experiment(experiment).signals["oscillation"]:
        path = {"E": c.energy, "L": c.mean * c.energy, "density": c.path_density, "antineutrino": c.antineutrino, **p}
        light = {"dm2_21": 0.0, "dm2_31": 0.0, "Ye": 0.0}
        if model != "quasi_sterile":
            light["density"] = 0.0
        full = of.probability(c.source, c.target, **path)
        short = of.probability(c.source, c.target, **{**path, **light})
        rows.append(np.column_stack([c.weight, c.weight * short, c.weight * (full - short)]))
    total, of_short, of_change = np.concatenate(rows).sum(axis=0)
    assert of_short / total == pytest.approx(probability, rel=6e-3)
    assert of_change / total == pytest.approx(change, rel=0.02)


def test_sign_of_cp() -> None:
    """P(ν_μ→ν_e) − P(ν̄_μ→ν̄_e) = −16 J Π sin Δ_ij, J of the PDG's δ: larger for neutrinos at δ = 3π/2 (T2K)."""
    model, E, L, delta = scanner.model("sterile_3p1"), 0.6, 295.0, 1.5 * math.pi
    found = [float(model.probability("mu", "e", E, L, antineutrino=anti, delta13=delta)) for anti in (False, True)]
    default = {p.name: p.default for p in model.parameters}
    s12, s13, s23 = (math.sqrt(default[f"sin2_theta{ij}"]) for ij in ("12", "13", "23"))
    c12, c13, c23 = (math.sqrt(1 - s * s) for s in (s12, s13, s23))
    jarlskog = c12 * s12 * c23 * s23 * c13**2 * s13 * math.sin(delta)
    dm2_21, dm2_31 = default["dm2_21"], default["dm2_31"]
    sines = [math.sin(OSCILLATION_PHASE * dm2 * L / E) for dm2 in (dm2_21, dm2_31, dm2_31 - dm2_21)]
    assert found[0] - found[1] == pytest.approx(-16 * jarlskog * math.prod(sines), rel=1e-9)
    assert found[0] > 1.2 * found[1]


def test_sign_of_matter() -> None:
    """Earth favours ν_μ → ν_e for m_3 > m_1, and the antineutrinos for m_3 < m_1."""
    model = scanner.model("sterile_3p1")
    for dm2_31, favoured in ((2.5e-3, False), (-2.5e-3, True)):
        p = {"dm2_31": dm2_31, "delta13": 0.0}
        in_rock = [
            float(model.probability("mu", "e", 2.0, 810.0, density=2.8, antineutrino=anti, **p))
            for anti in (favoured, not favoured)
        ]
        in_vacuum = float(model.probability("mu", "e", 2.0, 810.0, **p))
        assert in_rock[0] > in_vacuum > in_rock[1]
