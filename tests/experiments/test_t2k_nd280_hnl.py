"""T2K's search for heavy neutrinos against its release, its published limits, and the published recast."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from scipy.special import erfinv

import scanner
from scanner import registry
from scanner.experiments import t2k_nd280_hnl as t2k
from scanner.experiments.builders import t2k_hnl as builder
from scanner.experiments.tables import DATA, read_table
from scanner.physics.beam import heavy_spectrum, parents_of_light, rescaled_spectrum
from scanner.physics.heavy_neutrino_decays import weak_widths
from scanner.physics.heavy_neutrino_production import production_ratios
from scanner.physics.particles import MASS
from scanner.prediction import predict
from scanner.signals.heavy_neutrino import State
from scanner.units import HBARC_GEV_M as HBARC

TINY = 1e-13
FLAVOURS = ("Ue4_sq", "Umu4_sq", "Utau4_sq")
RELEASE = t2k.release()
# The columns of the release as its README states them: what drives the decay, and whether it is N's (-1, a
# negative lepton), its antiparticle's (1), or both (0).
DRIVES = ((0, 1, 0), (1, 0, 0), (0, 1, 0), (1, 0, 0), (0.5, 0, 0.5), (0, 0.5, 0.5), (0, 1, 0), (1, 0, 0))
DRIVES = np.array((*DRIVES, (0, 1, 0), (1, 0, 0), (0, 1, 0), (1, 0, 0)))
CHARGE = np.array((-1, -1, 1, 1, 0, 0, 0, 0, -1, 1, 1, -1))


def expected(node: int, mixings: np.ndarray, nature: str) -> np.ndarray:
    """Events of a long-lived N in the ten channels, straight from the release."""
    driven = DRIVES @ mixings
    events = np.zeros((2, 5))
    for mode in range(2):
        kept = np.ones(12)
        if nature == "dirac":
            kept = np.where(CHARGE == 0, 0.5, (-1, 1)[mode] == CHARGE)
        for lepton in range(2):
            decays = RELEASE.decays[node, mode, lepton] * mixings[lepton] * driven * kept
            events[mode] += decays @ RELEASE.efficiency[node, mode, lepton]
    return events.ravel()


def events(mass: float, nature: str = "majorana", name: str = "t2k_nd280_hnl", **mixings: float) -> np.ndarray:
    """Events of the experiment for mixings far below any other scale, per square of their common size."""
    small = {name: TINY * value for name, value in mixings.items()}
    return predict("hnl", name, m_N=mass, nature=nature, **small)["signal"].values / TINY**2


def limit(mass: float, flavour: int) -> float:
    """90 % limit for no events, flat in U² with N = n₁ U⁴."""
    return float(erfinv(0.9) / math.sqrt(events(mass, **{FLAVOURS[flavour]: 1.0}).sum()))


@pytest.mark.parametrize("nature", ["dirac", "majorana"])
@pytest.mark.parametrize("mixings", [(1, 0, 0), (0, 1, 0), (0.2, 0.5, 0.3)])
def test_long_lived_events_are_those_of_the_release(nature: str, mixings: tuple[float, ...]) -> None:
    """At every mass of the release, channel by channel."""
    for node, mass in enumerate(RELEASE.masses):
        found = events(mass, nature, **dict(zip(FLAVOURS, mixings, strict=True)))
        exact = expected(node, np.array(mixings), nature)
        np.testing.assert_allclose(found, exact, rtol=1e-5, atol=1e-6 * exact.max())


def test_limits_of_the_release_are_the_published_ones() -> None:
    """An extract, both flavours: mean ratio 0.98 ± 0.03, none off by more than 8 %."""
    rows = np.loadtxt(Path(__file__).parent / "t2k_hnl_limits_extract.txt")
    ratios = np.array([limit(mass, int(flavour)) / published for flavour, mass, published in rows])
    for flavour in (0, 1):
        assert ratios[rows[:, 0] == flavour].mean() == pytest.approx(0.98, abs=0.03)
    assert np.abs(ratios / 0.98 - 1).max() < 0.08


@pytest.mark.parametrize(("flavour", "number", "name"), [(0, 36, "Ue4_t2k_bottom"), (1, 25, "Umu4_t2k_bottom")])
def test_all_published_limits(flavour: int, number: int, name: str, shared_data: Path) -> None:
    rows = np.loadtxt(shared_data / f"hnl_limits/{name}.csv", delimiter=",", skiprows=1)
    # The first of the electron's is drawn at 140.1 MeV, just above the threshold of e π.
    ratios = np.array([limit(round(mass, 2), flavour) / published for mass, published in rows])
    assert ratios.size == number
    assert ratios.mean() == pytest.approx(0.98, abs=0.03)
    assert ratios.std() < 0.03


def test_builder_makes_the_shipped_tables(shared_data: Path, tmp_path: Path) -> None:
    pytest.importorskip("uproot")
    builder.build(shared_data / "t2k_hnl_2019", tmp_path)
    for made in tmp_path.iterdir():
        for name, values in read_table(made).columns.items():
            np.testing.assert_array_equal(values, read_table(DATA / made.name).columns[name])
    raw = np.load(shared_data / "t2k_hnl_2019/flux.npy").reshape(36, 2, 12, 2)
    np.testing.assert_allclose(RELEASE.decays, raw.transpose(0, 1, 3, 2)[:, :, ::-1], rtol=1e-6)
    raw = np.load(shared_data / "t2k_hnl_2019/efficiency.npy").reshape(36, 12, 2, 2, 5)
    open_ = RELEASE.decays > 0
    np.testing.assert_allclose(
        RELEASE.efficiency[open_], raw.transpose(0, 3, 2, 1, 4)[:, :, ::-1][open_], rtol=1e-4, atol=1e-9
    )


def test_data_and_background() -> None:
    """No event seen; backgrounds as in the README of the release."""
    found = registry.experiment("t2k_nd280_hnl")
    assert not found.data.any()
    expected = [1.54, 0.376, 0.328, 0.216, 0.563, 0.384, 0.018, 0.219, 0.038, 0.015]
    np.testing.assert_allclose(found.background, expected, atol=3e-3)
    assert found.data_sets == registry.experiment("t2k_nd280_hnl_recast").data_sets


def test_released_positive_leptons_have_lepton_and_pion_exchanged() -> None:
    """What the documentation says of the release: l⁺π⁻ over l⁻π⁺ is the width with the masses exchanged."""

    def bracket(x: float, y: float) -> float:
        return (1 - x**2) ** 2 - y**2 * (1 + x**2)

    for mass in (0.15, 0.2, 0.26, 0.35, 0.45):
        node = int(np.flatnonzero(np.isclose(RELEASE.masses, mass))[0])
        for lepton, minus, plus in (("mu", 0, 2), ("e", 1, 3)):
            if mass < MASS[lepton] + MASS["pi"]:
                continue
            decays = RELEASE.decays[node, 0, 0]
            x, y = MASS[lepton] / mass, MASS["pi"] / mass
            assert decays[plus] / decays[minus] == pytest.approx(bracket(y, x) / bracket(x, y), rel=0.01)


def test_between_the_masses_of_the_release() -> None:
    """No step at a mass of the release, and between two of them nothing outlandish."""
    for mass in (0.2, 0.3, 0.38, 0.45):
        below, at, above = (events(mass + d, Ue4_sq=1).sum() for d in (-1e-6, 0, 1e-6))
        assert below == pytest.approx(at, rel=1e-3) and above == pytest.approx(at, rel=1e-3)
    for mass in (0.205, 0.315, 0.465):
        left, middle, right = (events(mass + d, Ue4_sq=1).sum() for d in (-0.005, 0, 0.005))
        assert middle == pytest.approx(math.sqrt(left * right), rel=0.05)


def test_kaons_close_where_they_should() -> None:
    """The released masses end at 380 (U_μ) and 490 MeV (U_e), the decays at 388.0 and 493.2."""
    made = [events(mass, Umu4_sq=1).sum() for mass in (0.38, 0.384, 0.387, 0.3879)]
    assert all(first > second > 0 for first, second in itertools.pairwise(made))
    assert events(0.3881, Umu4_sq=1).sum() == 0
    assert events(0.492, Ue4_sq=1).sum() > 0
    assert events(0.4933, Ue4_sq=1).sum() == 0


def test_below_the_release_it_cannot_say() -> None:
    found = predict("hnl", "t2k_nd280_hnl", m_N=0.139, Umu4_sq=1e-6)
    assert found["status"].item() == "not_converged" and np.isnan(found["chi2"])
    assert predict("hnl", "t2k_nd280_hnl_recast", m_N=0.139, Umu4_sq=1e-6)["status"].item() == "ok"


def test_short_lives_are_lost_on_the_way() -> None:
    """Against the sum over the momenta, at a mixing of which less than a tenth arrives."""
    mass, mixing = 0.35, 3e-2
    response = registry.experiment("t2k_nd280_hnl").signals["decay_in_flight"]
    spectrum, seen = response.spectrum(mass), response.efficiency(State(mass))
    widths = scanner.model("hnl").widths(m_N=mass, Umu4_sq=mixing)
    total = math.fsum(widths.values())
    rate = total * mass / (HBARC * spectrum.momentum)
    inside = mixing * spectrum.weight @ (np.exp(-rate * t2k.BASELINE) * -np.expm1(-rate * t2k.LENGTH))
    decays = sum(widths[name] / total * efficiency[:, 1] for name, efficiency in seen.items())
    found = predict("hnl", "t2k_nd280_hnl", m_N=mass, Umu4_sq=mixing)["signal"].values
    np.testing.assert_allclose(found, inside[1] * decays[1], rtol=5e-4)
    assert found.sum() < 0.1 * events(mass, "dirac", Umu4_sq=1).sum() * mixing**2


def test_neutral_currents_do_not_know_the_nature_nor_the_coupling() -> None:
    response = registry.experiment("t2k_nd280_hnl").signals["decay_in_flight"]
    dirac, majorana = (response.efficiency(State(0.3, majorana=m)) for m in (False, True))
    for name in ("nu_e_e", "nu_mu_mu"):
        np.testing.assert_array_equal(dirac[name], majorana[name])
        assert all(0 <= value < 0.5 for value in dirac[name].ravel())
    np.testing.assert_array_equal(dirac["nu_e_e"][:, 3], dirac["nu_e_e"][:, 2])  # a dark photon's, as through U_τ
    assert set(dirac) == {"nu_e_e", "nu_mu_mu", "nu_e_mu", "e_pi", "mu_pi"}


def crossing(spectrum: tuple[np.ndarray, np.ndarray], mass: float, lepton: str, exposure: float) -> float:
    """Σ w m l/(p ħc) of N from K → lepton N [1/GeV]."""
    momentum, weight = spectrum
    ratio = production_ratios(mass)[f"K->{lepton} N"][("e", "mu").index(lepton)]
    return float(exposure * t2k.AREA * ratio * (weight * mass * t2k.LENGTH / (HBARC * momentum)).sum())


LIGHT = production_ratios(0.0)["K->mu N"][1]


@pytest.mark.parametrize(("mass", "published"), [(0.17, 1.21), (0.23, 1.24), (0.29, 1.20), (0.35, 1.35), (0.38, 1.43)])
def test_released_flux_over_two_body_kinematics(mass: float, published: float) -> None:
    """With kaons of the focused sign alone it is 1.2 to 1.45; with both signs, 1.0 to 1.15."""
    columns = read_table(DATA / "hnl_parents_nd280.txt").columns
    node = int(np.flatnonzero(np.isclose(RELEASE.masses, mass))[0])
    released = RELEASE.decays[node, 0, 1, 8:12].mean() / weak_widths(mass)["nu_e_mu"][0]
    positive = parents_of_light(columns["energy"], columns["nu_mu_K"], MASS["K"], MASS["mu"], t2k.COSINE, LIGHT)
    for kaons, ratio, tolerance in ((positive, published, 0.04), (t2k.parents("K"), 1.07, 0.08)):
        ours = crossing(heavy_spectrum(kaons, mass, MASS["mu"]), mass, "mu", t2k.EXPOSURE["fhc"])
        assert released / ours == pytest.approx(ratio, rel=tolerance)


RECAST: Mapping[float, tuple[float, float]] = {0.049: (5.0e-5, 0.97), 0.101: (4.5e-6, 1.06), 0.200: (3.7e-7, 1.64)}
"""Mass [GeV]: limit of 2109.03831 on |U_μ4|², and what the true kinematics multiply the events by."""


@pytest.mark.parametrize("mass", RECAST)
def test_recast_with_a_rescaled_flux_is_the_published_one(mass: float) -> None:
    """2.3 events, Dirac, kaons alone; then the kinematics of the default."""
    exposure = sum(t2k.EXPOSURE.values())
    seen = t2k.recast_efficiency(RELEASE, "mu")(mass) * weak_widths(mass)["nu_e_e"][1]
    energy, flux = t2k.light_flux("K")
    rescaled = seen * crossing(rescaled_spectrum(energy, flux, mass, LIGHT), mass, "mu", exposure)
    published, factor = RECAST[mass]
    assert math.sqrt(2.3 / rescaled) == pytest.approx(published, rel=0.1)
    true = seen * crossing(heavy_spectrum(t2k.parents("K"), mass, MASS["mu"]), mass, "mu", exposure)
    assert true / rescaled == pytest.approx(factor, rel=0.01)
    default = events(mass, "dirac", "t2k_nd280_hnl_recast", Umu4_sq=1)
    assert default.sum() == pytest.approx(true, rel=1e-4)  # pions are too light to make this N with a muon


def test_recast_efficiency() -> None:
    """8.1, 8.9 and 11.6 % at 49, 101 and 200 MeV, as the recast has it."""
    seen = t2k.recast_efficiency(RELEASE, "mu")
    assert [seen(mass) for mass in (0.049, 0.101, 0.2)] == pytest.approx([0.081, 0.089, 0.116], abs=6e-4)


def test_pions_make_most_of_the_light_ones() -> None:
    """With |U_e|² at 100 MeV: π → e N is far more common than K → e N."""
    both = events(0.1, "dirac", "t2k_nd280_hnl_recast", Ue4_sq=1).sum()
    response = registry.experiment("t2k_nd280_hnl_recast").signals["decay_in_flight"]
    kaons = crossing(heavy_spectrum(t2k.parents("K"), 0.1, MASS["e"]), 0.1, "e", sum(t2k.EXPOSURE.values()))
    alone = kaons * response.efficiency(State(0.1))["nu_e_e"][0, 0, 0] * weak_widths(0.1)["nu_e_e"][0]
    assert both > 20 * alone


def test_golden_predictions() -> None:
    found = predict("hnl", "t2k_nd280_hnl", m_N=0.25, Ue4_sq=1e-9, Umu4_sq=1e-9)
    assert float(found["events"]) == pytest.approx(0.0477620036, rel=1e-8)
    assert float(found["chi2"]) == pytest.approx(6.90632289, rel=1e-8)
    short = predict("hnl", "t2k_nd280_hnl", m_N=0.36, nature="majorana", Umu4_sq=1e-3, Utau4_sq=1e-3)
    assert float(short["events"]) == pytest.approx(1.41446671e11, rel=1e-8)
    recast = predict("hnl", "t2k_nd280_hnl_recast", m_N=0.05, Umu4_sq=1e-5)
    assert float(recast["events"]) == pytest.approx(0.0932829522, rel=1e-8)
    electron = predict("hnl", "t2k_nd280_hnl_recast", m_N=0.08, nature="majorana", Ue4_sq=3e-7)
    assert float(electron["events"]) == pytest.approx(2.12440158, rel=1e-8)
    assert float(electron["chi2"]) == pytest.approx(10.9626747, rel=1e-8)
