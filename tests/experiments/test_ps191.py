"""PS191 against the published recast, and what its true kinematics change."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from scanner import registry
from scanner.experiments import ps191
from scanner.experiments.builders import hnl_fluxes as builder
from scanner.experiments.tables import DATA, read_table
from scanner.physics.beam import heavy_spectrum, parents_of_light, rescaled_spectrum
from scanner.physics.heavy_neutrino_decays import weak_widths
from scanner.physics.heavy_neutrino_production import production_ratios
from scanner.physics.particles import MASS
from scanner.prediction import predict
from scanner.units import HBARC_GEV_M as HBARC

LIGHT = production_ratios(0.0)["K->mu N"][1]
FLUX = read_table(DATA / "hnl_parents_ps191.txt").columns
TINY = 1e-13


def events(spectrum: tuple[np.ndarray, np.ndarray], mass: float, final_state: str) -> float:
    """Of a long-lived Dirac N from K → μ N, |U_μ|² = 1."""
    momentum, weight = spectrum
    decays = weak_widths(mass)[final_state][1] * (weight * mass * ps191.LENGTH / (HBARC * momentum)).sum()
    return 0.30 * ps191.EXPOSURE * ps191.AREA * production_ratios(mass)["K->mu N"][1] * float(decays)


def default(mass: float, final_state: str, nature: str = "dirac", **mixings: float) -> float:
    """What the experiment predicts for the same, or for other mixings."""
    small = {name: TINY * value for name, value in (mixings or {"Umu4_sq": 1.0}).items()}
    found = predict("hnl", "ps191", m_N=mass, nature=nature, **small)
    return float(found["signal"][ps191.FINAL_STATES.index(final_state)]) / TINY**2


PUBLISHED: Mapping[tuple[float, str], tuple[float, float]] = {
    (0.101, "nu_e_e"): (6.4e-6, 1.05),
    (0.351, "mu_pi"): (1.7e-8, 9.06),
}
"""Mass [GeV], final state: limit of 2109.03831 on |U_μ4|², and what true kinematics multiply the events by."""


@pytest.mark.parametrize(("mass", "final_state"), PUBLISHED)
def test_rescaled_flux_gives_the_published_recast(mass: float, final_state: str) -> None:
    """K⁺ alone, Dirac, 2.3 events; then the same kaons unfolded."""
    published, factor = PUBLISHED[mass, final_state]
    energy, flux = FLUX["energy"], FLUX["nu_mu_K"]
    rescaled = events(rescaled_spectrum(energy, flux, mass, LIGHT), mass, final_state)
    assert math.sqrt(2.3 / rescaled) == pytest.approx(published, rel=0.03)
    positive = parents_of_light(energy, flux, MASS["K"], MASS["mu"], ps191.COSINE, LIGHT)
    assert events(heavy_spectrum(positive, mass, MASS["mu"]), mass, final_state) == pytest.approx(
        factor * rescaled, rel=0.005
    )


@pytest.mark.parametrize(("mass", "final_state"), PUBLISHED)
def test_default_has_kaons_of_both_signs(mass: float, final_state: str) -> None:
    both = events(heavy_spectrum(ps191.parents("K"), mass, MASS["mu"]), mass, final_state)
    assert default(mass, final_state) == pytest.approx(both, rel=1e-5)


@pytest.mark.parametrize(("milliradian", "factors"), [(40, (1.0, 1.7, 4.9, 9)), (25, (1.1, 1.7, 4.9, 14))])
def test_documented_sensitivity_to_the_angle(milliradian: float, factors: tuple[float, ...]) -> None:
    energy, flux = ps191.light_flux("K")
    kaons = parents_of_light(energy, flux, MASS["K"], MASS["mu"], math.cos(milliradian / 1000), LIGHT)
    for mass, factor in zip((0.1, 0.2, 0.3, 0.35), factors, strict=True):
        true = events(heavy_spectrum(kaons, mass, MASS["mu"]), mass, "nu_e_e")
        assert true / events(rescaled_spectrum(energy, flux, mass, LIGHT), mass, "nu_e_e") == pytest.approx(
            factor, rel=0.06
        )


@pytest.mark.parametrize(("parent", "left_out"), [("K", 0.14), ("pi", 0.43)])
def test_documented_share_of_energies_left_out(parent: str, left_out: float) -> None:
    """What no parent gives at 40 mrad, from the energies that were unfolded."""
    energy, flux = ps191.light_flux(parent)
    most = (MASS[parent] ** 2 - MASS["mu"] ** 2) / (2 * MASS[parent]) / math.sin(0.040)
    kept = np.trapezoid(np.where(energy < most, flux, 0), energy) / np.trapezoid(flux, energy)
    assert 1 - kept == pytest.approx(left_out, abs=0.01)
    assert ps191.parents(parent).momentum.size <= np.count_nonzero(energy < most)


def test_every_final_state_has_its_bin() -> None:
    found = predict("hnl", "ps191", m_N=0.3, Ue4_sq=1e-8, Umu4_sq=1e-8)["signal"].values
    widths = weak_widths(0.3)
    driven = np.array([widths[name][0] + widths[name][1] for name in ps191.FINAL_STATES])
    np.testing.assert_allclose(found / found.sum(), driven / driven.sum(), rtol=1e-6)
    assert registry.experiment("ps191").background.sum() == 0


def test_majorana_is_twice_dirac() -> None:
    for final_state in ("nu_e_e", "mu_pi"):
        assert default(0.3, final_state, "majorana") == pytest.approx(2 * default(0.3, final_state), rel=1e-5)


def test_pions_make_the_light_ones() -> None:
    """Muons leave no room for heavier N than 33.9 MeV in a pion's decay; electrons 139.1 MeV."""
    assert default(0.0338, "nu_e_e") > 1.3 * default(0.0340, "nu_e_e")
    with_pions, without = (default(mass, "nu_e_e", Ue4_sq=1.0) for mass in (0.120, 0.1395))
    kaons = production_ratios(0.120)["K->e N"][0] / production_ratios(0.1395)["K->e N"][0]
    widths = weak_widths(0.120)["nu_e_e"][0] / weak_widths(0.1395)["nu_e_e"][0]
    assert with_pions > 5 * without * kaons * widths * 0.120 / 0.1395


def test_nothing_heavier_than_a_kaon() -> None:
    found = predict("hnl", "ps191", m_N=0.4933, Ue4_sq=1.0)
    assert found["status"].item() == "ok" and float(found["events"]) == 0 == float(found["chi2"])


def test_golden_predictions() -> None:
    found = predict("hnl", "ps191", m_N=0.25, Ue4_sq=1e-8, Umu4_sq=1e-8)
    assert float(found["events"]) == pytest.approx(2.04701035, rel=1e-8)
    assert float(found["chi2"]) == pytest.approx(3.57892328, rel=1e-8)
    short = predict("hnl", "ps191", m_N=0.35, nature="majorana", Umu4_sq=0.1)
    assert float(short["events"]) == pytest.approx(6.06514653e-4, rel=1e-7)


def test_builder_makes_the_shipped_tables(shared_data: Path, tmp_path: Path) -> None:
    builder.build(shared_data / "hnl_fluxes", tmp_path)
    made = sorted(path.name for path in tmp_path.iterdir())
    assert made == ["hnl_parents_nd280.txt", "hnl_parents_ps191.txt"]
    for name in made:
        shipped = read_table(DATA / name).columns
        for column, values in read_table(tmp_path / name).columns.items():
            np.testing.assert_allclose(values, shipped[column], rtol=1e-9)


@pytest.mark.parametrize(("column", "file"), sorted(builder.ND280_FILES.items()))
def test_common_energies_keep_the_digitised_flux(column: str, file: str, shared_data: Path) -> None:
    """The integral over the digitised points, to 4 %, which curves make of straight lines."""
    points = np.loadtxt(shared_data / f"hnl_fluxes/nd280/FHC/{file}.dat")
    columns = read_table(DATA / "hnl_parents_nd280.txt").columns
    # Per cm² and 50 MeV and 1e21 POT, to per m² and GeV and POT.
    digitised = np.trapezoid(points[:, 1], points[:, 0]) * 1e4 / 0.05 / 1e21
    assert np.trapezoid(columns[column], columns["energy"]) == pytest.approx(digitised, rel=0.04)
