"""Published limits: every curve comes back where it was, and moves as it should when decays are added."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from heavy_states import DARK, dark, events, with_dipole
from scipy import constants, stats

from scanner import registry
from scanner.errors import InputError
from scanner.experiments import hnl_curves, peak_searches, published
from scanner.experiments.builders import hnl_limits as builder
from scanner.experiments.hnl_curves import PublishedLimit
from scanner.experiments.tables import DATA, read_table
from scanner.physics.particles import BOHR_MAGNETON
from scanner.prediction import predict
from scanner.signals import bbn, peak_search, published_bound
from scanner.signals.heavy_neutrino import Channel
from scanner.signals.published_bound import Shape

LIMITS = hnl_curves.limits()
SIGNALS = {"published_bound": published_bound, "peak_search": peak_search, "bbn": bbn}
MIXING = {"Ue4": "Ue4_sq", "Umu4": "Umu4_sq", "Utau4": "Utau4_sq"}
HBARC = constants.hbar * constants.c / constants.e * 1e-9  # GeV m


def between_points(limit: PublishedLimit) -> list[float]:
    """Masses between the digitised points, away from steps; a few a curve, the whole range covered."""
    logs = np.log(limit.curve.mass)
    middles = np.exp(0.5 * (logs[1:] + logs[:-1]))[np.diff(logs) > 1e-3]
    middles = middles[middles < 1e3]  # of the models
    return [float(m) for m in middles[:: max(1, len(middles) // 6)]]


def assumed(limit: PublishedLimit, mass: float, squared: float) -> tuple[float, float]:
    """Events and −2 ln L of the N that a curve assumed, with its coupling alone."""
    name, coupling = f"published_{limit.name}", limit.name.split("_")[0]
    if coupling in MIXING:
        nature = "majorana" if limit.nature == "majorana" else "dirac"
        found = predict("hnl", name, m_N=mass, nature=nature, **{MIXING[coupling]: squared})
        assert found["status"].item() == "ok"
        return float(found["events"]), float(found["chi2"])
    flavour = limit.name.split("_")[1]
    params = {"m_N": mass, "nature": 0.0, **dict.fromkeys(("mu_tr_e", "mu_tr_mu", "mu_tr_tau"), 0.0)}
    params[f"mu_tr_{flavour}"] = math.sqrt(squared)
    experiment = registry.experiment(name)
    [(signal, responses)] = experiment.signals.items()
    count = events(SIGNALS[signal], with_dipole(), responses, **params)
    chi2, gof = np.empty(1), np.empty(1)
    experiment.likelihood(np.array([[count]]), chi2, gof)
    return count, float(chi2[0])


def expected_chi2(limit: PublishedLimit) -> float:
    """2 N of no event on no background, or the square of a Gaussian's two-sided quantile."""
    poisson = "Poisson" in registry.experiment(f"published_{limit.name}").likelihood.statistic
    if poisson:
        return -2 * math.log1p(-limit.level)
    return float(stats.chi2.ppf(limit.level, df=1))


def test_there_are_ninety() -> None:
    assert len(published.PROVIDES) == 90
    assert [name.removeprefix("published_") for name in published.PROVIDES] == list(LIMITS)


@pytest.mark.parametrize("name", list(LIMITS))
def test_the_curve_comes_back(name: str) -> None:
    limit = LIMITS[name]
    [(signal, responses)] = registry.experiment(f"published_{name}").signals.items()
    for mass in between_points(limit):
        bottom, top = limit.curve.at(mass) or (0, 0)
        if signal == "bbn":  # to 1 % in the lifetime, which is interpolated across thresholds
            assert math.sqrt(assumed(limit, mass, top)[1]) == pytest.approx(math.sqrt(expected_chi2(limit)), abs=0.1)
            assert top > 0.6 or assumed(limit, mass, top * 1.5)[0] == 0
        elif bottom <= 1 or name.startswith("dipole"):
            assert assumed(limit, mass, bottom) == pytest.approx((limit.events, expected_chi2(limit)), rel=1e-6)
            if math.isfinite(top) and responses[0].flight is None:
                assert assumed(limit, mass, top) == pytest.approx((limit.events, expected_chi2(limit)), rel=1e-6)
            elif math.isfinite(top):  # closed by the frame of a plot where it comes out more
                assert assumed(limit, mass, top)[0] > 0.999999 * limit.events
                assert assumed(limit, mass, math.sqrt(bottom * top))[0] > limit.events


def test_true_upper_sides_survive_a_flight_path() -> None:
    """Where the side is no edge of a plot, the contour's own absorption is the weaker one, and is kept."""
    for name, mass in (("Ue4_bebc_barouki", 1.2), ("Utau4_charm_2021", 1.2), ("Ue4_borexino", 0.012)):
        _, top = LIMITS[name].curve.at(mass) or (0, 0)
        assert assumed(LIMITS[name], mass, top)[0] == pytest.approx(LIMITS[name].events, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "mass", "flavour", "published_value"),
    [
        ("peak_e949_mu", 0.231, "Umu4_sq", 4.6e-9),
        ("peak_na62_e", 0.258, "Ue4_sq", 7.8e-10),
        ("published_Utau4_argoneut", 0.336, "Utau4_sq", 4.1e-2),
        ("published_Utau4_argoneut", 0.689, "Utau4_sq", 9.5e-4),
    ],
)
def test_published_numbers(name: str, mass: float, flavour: str, published_value: float) -> None:
    """The values that papers quote, to the accuracy of digitised figures."""
    assert _limit(name, mass, flavour) == pytest.approx(published_value, rel=0.07, abs=0)


def _limit(name: str, mass: float, flavour: str) -> float:
    """|U|² where 2.303 events are expected, from below."""
    low, high = 1e-12, 1.0
    grid = np.geomspace(low, high, 200)
    counts = [float(predict("hnl", name, m_N=mass, **{flavour: float(x)})["events"]) for x in grid]
    first = int(np.argmax(np.array(counts) > -math.log(0.1)))
    share = (-math.log(0.1) - counts[first - 1]) / (counts[first] - counts[first - 1])
    return float(grid[first - 1] + share * (grid[first] - grid[first - 1]))


class TestPeakSearches:
    def test_each_is_its_published_curves(self) -> None:
        for name in peak_searches.PROVIDES:
            experiment = registry.experiment(name)
            for response in experiment.signals["peak_search"]:
                alone = registry.experiment(f"published_{response.name}")
                assert alone.data_sets <= experiment.data_sets and alone.title != experiment.title

    def test_where_the_two_curves_of_pienu_overlap_one_counts(self) -> None:
        for mass in (0.020, 0.0285, 0.0315):
            name = "Umu4_pienu_he" if mass < 0.0289 else "Umu4_pienu_le"
            bottom, _ = LIMITS[name].curve.at(mass) or (0, 0)
            found = predict("hnl", "peak_pienu_mu", m_N=mass, Umu4_sq=bottom)
            assert float(found["events"]) == pytest.approx(-math.log(0.1), rel=1e-6)

    @pytest.mark.parametrize("name", peak_searches.PROVIDES)
    def test_a_dark_decay_to_photons_loses_it_and_one_to_nothing_does_not(self, name: str) -> None:
        response = registry.experiment(name).signals["peak_search"][0]
        mass = between_points(LIMITS[response.name])[2]
        coupling = "Ue4_sq" if response.flavour == "e" else "Umu4_sq"
        point = {**DARK, "m_N": mass, coupling: 1e-9}
        width = 10 * HBARC * 75.0 / (0.1 * mass)  # ten lengths in the shortest apparatus, at the highest momentum
        stable = events(peak_search, dark(Channel("nu_gamma", "nu_gamma")), [response], **point)
        seen = events(peak_search, dark(Channel("nu_gamma", "nu_gamma")), [response], **{**point, "gamma": width})
        unseen = events(peak_search, dark(Channel("nu_Zprime", "")), [response], **{**point, "gamma": width})
        assert stable > 0 and seen < 1e-4 * stable
        assert unseen == pytest.approx(stable, rel=1e-4)

    def test_what_it_loses_decays_in_flight_win(self) -> None:
        """A dark N → ν e e of a metre: E949's peak is gone, and T2K's limit is far stronger."""
        pairs, mass = dark(Channel("nu_e_e", "nu_e_e")), 0.2
        peak = registry.experiment("peak_e949_mu").signals["peak_search"]
        flight = registry.experiment("published_Umu4_t2k_lowmass").signals["published_bound"]
        point = {**DARK, "m_N": mass, "Umu4_sq": 1e-8}
        for width, factor in ((1e-19, (0.99, 1.01)), (1e-15, (0.0, 0.4))):
            lost = [events(peak_search, pairs, peak, **{**point, "gamma": g}) for g in (0.0, width)]
            assert factor[0] < lost[1] / lost[0] < factor[1]
        weak = events(published_bound, pairs, flight, **point)
        assert events(published_bound, pairs, flight, **{**point, "gamma": 1e-19}) > 1e3 * weak

    def test_na62_needs_tens_of_nanoseconds(self) -> None:
        """The publication assumes lifetimes above 50 ns: then the loss is small, and at 1 ns the search is gone."""
        responses = registry.experiment("peak_na62_e").signals["peak_search"]
        point = {**DARK, "m_N": 0.3, "Ue4_sq": 1e-9}
        widths = [HBARC / (constants.c * lifetime) for lifetime in (math.inf, 50e-9, 1e-9)]
        photons = dark(Channel("nu_gamma", "nu_gamma"))
        found = [events(peak_search, photons, responses, **{**point, "gamma": width}) for width in widths]
        assert 0.95 < found[1] / found[0] < 1 and found[2] < 0.3 * found[0]


class TestFacts:
    def test_each_has_its_publication_and_says_what_it_assumes(self) -> None:
        for name in (*published.PROVIDES, *peak_searches.PROVIDES, "bbn"):
            experiment = registry.experiment(name)
            assert experiment.references and experiment.notes and experiment.title
            for reference in experiment.references:
                assert reference.authors and reference.title and 1980 < reference.year < 2026
                assert reference.arxiv or reference.doi
            if name.startswith("published_"):
                limit = LIMITS[name.removeprefix("published_")]
                assert experiment.references[0].key == limit.key
                assert "outside it says nothing" in experiment.notes[0]

    def test_copies_and_sequels_share_their_data(self) -> None:
        for names in (
            ("published_Ue4_cosmo", "published_Utau4_cosmo", "bbn", "published_dipole_mu_bbn"),
            ("published_dipole_e_xenon", "published_dipole_tau_xenon"),
            ("published_Umu4_t2k", "published_Umu4_t2k_lowmass", "published_Ue4_t2k"),
            ("published_Ue4_pmns_unitarity", "published_Umu4_pmns_unitarity"),
            ("published_Umu4_e949", "peak_e949_mu"),
        ):
            assert len({registry.experiment(name).data_sets for name in names}) == 1
        for curve, ours in (
            ("published_Umu4_microboone_higgs", "microboone_kdar"),
            ("published_Umu4_microboone_2023", "microboone_numi"),
            ("published_Utau4_argoneut", "argoneut"),
            ("published_Umu4_t2k", "t2k_nd280_hnl"),
        ):
            assert registry.experiment(curve).data_sets <= registry.experiment(ours).data_sets
        alone = registry.experiment("published_Ue4_charm").data_sets
        assert not alone & registry.experiment("published_Utau4_charm").data_sets

    def test_prompt_collider_rows_go_as_the_square(self) -> None:
        for name in ("Ue4_cms_2018", "Umu4_cms_2018_trilepton", "Utau4_cms_2024_2", "Ue4_l3", "Utau4_delphi_short"):
            assert registry.experiment(f"published_{name}").signals["published_bound"][0].shape == Shape.prompt

    def test_a_model_without_dipoles_is_refused(self) -> None:
        with pytest.raises(InputError, match="dipole_mu_miniboone bounds a transition dipole"):
            predict("hnl", "published_dipole_mu_miniboone", m_N=0.1)

    def test_microboone_looks_at_pairs_below_150_MeV_and_at_pions_above(self) -> None:
        responses = registry.experiment("published_Umu4_microboone_2023").signals["published_bound"]
        seen = {mass: [r.seen for r in responses if r.curve.at(mass)] for mass in (0.1, 0.15, 0.2)}
        assert seen == {0.1: [{"nu_e_e"}], 0.15: [{"nu_e_e"}], 0.2: [{"nu_pi0"}]}


class TestBuilder:
    def test_it_makes_the_shipped_table(self, shared_data: Path, tmp_path: Path) -> None:
        builder.build(shared_data / "hnl_limits", tmp_path)
        made, shipped = (read_table(folder / "hnl_limits.txt") for folder in (tmp_path, DATA))
        assert made.header == shipped.header
        for name, values in made.columns.items():
            np.testing.assert_allclose(values, shipped.columns[name], rtol=2e-5)

    def test_digitised_points_lie_on_the_curves(self, shared_data: Path) -> None:
        """All but those of verticals, to the tolerance of the thinning; of the dipoles' polygons, one branch."""
        folder = shared_data / "hnl_limits"
        near: dict[str, list[bool]] = defaultdict(list)
        with (folder / "index.csv").open() as file:
            for row in csv.DictReader(file):
                name = f"{row['coupling']}_{row['experiment']}"
                power = {"": 1.0, "invGeV": 2.0, "muB": 2.0}[row["value_units"]]
                factor = {"": 1.0, "invGeV": 2.0, "muB": 296.30}[row["value_units"]]
                for mass, value in np.loadtxt(folder / row["file"], delimiter=",", skiprows=1, ndmin=2):
                    sides = LIMITS[name].curve.at(mass)
                    if sides is not None:
                        point = (factor * value) ** power
                        near[name].append(any(abs(point / side - 1) < 0.006 for side in sides if side > 0))
        fractions = {name: np.mean(found) for name, found in near.items() if not name.endswith("_bbn")}
        assert len(fractions) == 87 and min(fractions.values()) > 0.85, fractions
        assert np.mean(list(fractions.values())) > 0.98

    def test_shuffled_polygons_are_put_in_order(self) -> None:
        """Both sides of a lens, its points in random order."""
        mass = np.geomspace(0.1, 2.0, 40)
        low, high = 1e-6 * (mass / 2) ** -2, 1e-6 * (mass / 2) ** -4
        points = np.vstack([np.column_stack([mass, low]), np.column_stack([mass, high])])
        shuffled = points[np.random.default_rng(1).permutation(len(points))]
        bottom, top = builder._divided(shuffled, builder._middle_line(shuffled))
        curve = builder._on_common_masses(builder._ordered(bottom, np.minimum), builder._ordered(top, np.maximum))
        np.testing.assert_allclose(curve.bottom, low, rtol=1e-12)
        np.testing.assert_allclose(curve.top, high, rtol=1e-12)

    def test_thinning_keeps_to_its_tolerance(self) -> None:
        mass = np.geomspace(0.1, 1.0, 500)
        bottom = 1e-8 * mass**-3 * (1 + 0.3 * np.sin(9 * mass))
        whole = builder.Cleaned(mass, bottom, np.full(500, np.inf))
        few = builder._thinned(whole)
        back = np.exp(np.interp(np.log(mass), np.log(few.mass), np.log(few.bottom)))
        assert few.mass.size < 150
        assert np.abs(np.log(back / bottom)).max() <= builder.TOLERANCE

    def test_units(self) -> None:
        """d = 148.15 GeV⁻¹ for a dipole of one μ_B, and d = μ_tr/2."""
        one = np.ones(1)
        assert math.sqrt(builder._squared(one, "muB")[0]) == pytest.approx(2 * 148.15, rel=1e-4)
        assert math.sqrt(builder._squared(one, "invGeV")[0]) == 2
        magneton = constants.physical_constants["Bohr magneton in eV/T"][0]
        tesla = math.sqrt((constants.hbar * constants.c / constants.e) ** 3 / (constants.mu_0 * constants.e))  # [eV²]
        assert pytest.approx(magneton / tesla * 1e9, rel=1e-6) == BOHR_MAGNETON
