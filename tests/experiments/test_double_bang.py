"""Numbers of the double-bang samples: exposures, masses, the atmospheric flux and its builder."""

from __future__ import annotations

import math

import numpy as np
import pytest

from scanner.experiments import double_bang as db
from scanner.experiments.builders import atmospheric_flux as builder
from scanner.experiments.tables import DATA, read_table


def test_masses_and_sizes():
    assert sum(db.ICECUBE_DOUBLE_BANG.targets.values()) / 6.02214076e23 * 18.015 / 3 == pytest.approx(
        1.575e13, rel=1e-3
    )
    assert db.ICECUBE_DOUBLE_BANG.extent[0] == pytest.approx((0.75 * 125**2 * 350) ** (1 / 3))
    assert db.DUNE_DOUBLE_BANG.targets["Ar40"] * 39.948 * 1.66053907e-24 == pytest.approx(40e9, rel=1e-6)
    assert math.prod(db.CCFR_DOUBLE_BANG.extent) * 4.3 == pytest.approx(db.CCFR_TONNES, rel=0.02)  # t/m³ on the average


def test_ccfr_makes_its_charged_currents(shared_data):
    table = np.loadtxt(shared_data / "fluxes/NuTeV_FHC.dat")
    energy, numu = table[:, 0], table[:, 2] * np.gradient(table[:, 0])
    protons, protons_bar = db.ccfr_exposure(energy, numu)
    # By hand: 1.04e-8 ν/cm² of 78.7 GeV, 4.16e32 nucleons.
    assert protons == pytest.approx(950e3 / (1.0414e-8 * 78.69 * 0.677e-38 * 4.155e32), rel=0.01)
    assert protons_bar / protons == pytest.approx(170 / 0.334 / (950 / 0.677))
    assert 1e17 < protons < 2.5e18  # NuTeV had 2.5e18 protons and as many charged currents, with looser cuts


def test_atmospheric_flux_falls_as_it_does():
    """Spot values of Honda et al. averaged over the sky [1/(m² s sr GeV)], and the ratios that everybody knows."""
    columns = read_table(DATA / builder.NAME).columns
    at = {float(f"{E:.4g}"): i for i, E in enumerate(columns["E"])}
    per_sr = {name: columns[name] * 1e4 / (4 * math.pi) for name in builder.COLUMNS}
    assert per_sr["numu"][at[10.0]] == pytest.approx(0.313, rel=0.02)
    assert per_sr["nue"][at[1.0]] == pytest.approx(87.7, rel=0.02)
    flavour = (per_sr["numu"] + per_sr["numubar"]) / (per_sr["nue"] + per_sr["nuebar"])
    assert flavour[at[1.0]] == pytest.approx(2.05, abs=0.1)
    assert flavour[at[1000.0]] > 15
    assert np.all(per_sr["nutau"] == 0)
    slope = np.log(per_sr["numu"][at[1000.0]] / per_sr["numu"][at[100.0]]) / np.log(10)
    assert slope == pytest.approx(-3.1, abs=0.1)


def test_builder_averages_over_the_sky(tmp_path):
    for k, part in enumerate(builder.FILES.values(), 1):
        lines = [f"{E:.4E} {c} {k * (1 + c) / E:.6E}" for c in (0.5, -0.5) for E in (1.0, 10.0)]
        (tmp_path / f"IPhonda2014_spl_solmin_{part}2D.dat").write_text("\n".join(lines))
    builder.build(tmp_path, tmp_path)
    columns = read_table(tmp_path / builder.NAME).columns
    for k, name in enumerate(builder.FILES, 1):
        np.testing.assert_allclose(columns[name], 4 * math.pi * 1e-4 * k / columns["E"], rtol=1e-4)
