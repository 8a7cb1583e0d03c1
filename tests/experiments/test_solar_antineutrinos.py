"""Searches for solar antineutrinos: the published limits of flux from their counts and our events."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize, stats

from scanner import registry
from scanner.experiments import solar_antineutrinos as searches
from scanner.experiments import solar_searches
from scanner.experiments.builders import solar_antineutrinos as builder
from scanner.experiments.builders.solar import numbers
from scanner.experiments.tables import DATA, read_table
from scanner.physics.inverse_beta_decay import cross_section
from scanner.physics.solar import boron8
from scanner.signals.solar_antineutrinos import edges

KAMLAND, KAMLAND_2021, BOREXINO, SUPERK = searches.SEARCHES


def feldman_cousins(seen: int, background: float, level: float = 0.9) -> float:
    """Upper end of the Feldman–Cousins interval of a mean signal (physics/9711021), by brute force."""
    counts = np.arange(150)
    best = np.maximum(counts, background)
    upper = 0.0
    for mean in np.arange(0, 45, 0.02):
        chance = stats.poisson.pmf(counts, mean + background)
        order = np.argsort(-chance / stats.poisson.pmf(counts, best))
        taken = order[: np.searchsorted(np.cumsum(chance[order]), level) + 1]
        if seen in taken:
            upper = mean
    return float(upper)


def limit_of_flux(name: str, energy: float, width: float, efficiency: float, counts: tuple[int, float]) -> float:
    """90 % limit of the flux in a bin of antineutrino energy [MeV], from the number of targets and the counts."""
    search = searches.SEARCHES[name]
    mean = cross_section(1e-3 * np.linspace(energy, energy + width, 21)).mean()
    return feldman_cousins(*counts) / (search.protons * search.time * efficiency * mean)


def test_borexino_limits(shared_data: Path) -> None:
    """Table 2 of 1909.02422 with atmospheric neutrinos: all bins but the first, where their systematics count."""
    rows = numbers(shared_data / "solar/borexino/Table2.dat", 6)
    found = [limit_of_flux(BOREXINO, row[0], 1.0, 0.85, (int(row[1]), row[3])) for row in rows]
    np.testing.assert_allclose(found[1:], rows[1:, 5], rtol=0.03)
    assert found[0] == pytest.approx(rows[0, 5], rel=0.1)


def test_kamland_limits(shared_data: Path) -> None:
    """Table 4 of 1105.3516 up to 14.3 MeV; above, its counts are not those of the figure (same total)."""
    rows = numbers(shared_data / "solar/Kamland/Table4.dat", 2)
    table = read_table(DATA / f"{KAMLAND}.txt").columns
    counts = zip(table["data"].astype(int), table["background"], strict=True)
    found = [limit_of_flux(KAMLAND, e, 1.0, 0.92, c) for (e, _), c in zip(rows, counts, strict=False)]
    np.testing.assert_allclose(found[:6], rows[:6, 1], rtol=0.035)


def test_kamland_limits_of_2021(shared_data: Path) -> None:
    """Figure of 2108.08527, all bins to 17.3 MeV with one efficiency of 90 %."""
    published = numbers(shared_data / "solar/kamland_21/fluxlimit.dat", 2)[:9, 1]
    table = read_table(DATA / f"{KAMLAND_2021}.txt").columns
    counts = zip(8.3 + np.arange(9), table["data"].astype(int), table["background"], strict=True)
    found = [limit_of_flux(KAMLAND_2021, e, 1.0, 0.90, (n, b)) for e, n, b in counts]
    np.testing.assert_allclose(found, published, rtol=0.025)


def test_kamland_holds_its_own_earlier_data() -> None:
    """The two periods overlap, so that they are refused together; exposures are 6.72 and 4.53 kt yr."""
    early, late = (registry.experiment(name) for name in (KAMLAND, KAMLAND_2021))
    assert early.data_sets < late.data_sets
    exposure = [searches.SEARCHES[name].protons * searches.SEARCHES[name].time for name in (KAMLAND, KAMLAND_2021)]
    assert exposure[1] / exposure[0] == pytest.approx(6.72 / 4.53)
    total = {name: read_table(DATA / f"{name}.txt").columns["data"].sum() for name in (KAMLAND, KAMLAND_2021)}
    assert total == {KAMLAND: 18, KAMLAND_2021: 11}  # of 25 and 18 up to 31 MeV


def test_targets_of_kamland() -> None:
    """5.98e31 protons and 4.53 kt yr, as published."""
    assert searches.SEARCHES[KAMLAND].protons == pytest.approx(5.98e31, rel=5e-3)
    fiducial = 4 / 3 * np.pi * 6.0**3 * 0.78e-3
    assert fiducial * 2343 / 365.25 == pytest.approx(4.53, rel=5e-3)


@pytest.mark.parametrize("name", searches.PROVIDES)
def test_events_are_targets_times_cross_section(name: str) -> None:
    """All bins together, from far below to far above; a better resolution moves events, and makes none."""
    search = dataclasses.replace(searches.SEARCHES[name], efficiency=0.5)
    low = np.array([-50.0, 4.0, 8.0])
    found = solar_searches.response(search, low, np.array([4.0, 8.0, 60.0]))
    centres = 0.5 * (edges()[1:] + edges()[:-1])
    expected = 0.5 * search.protons * search.time * cross_section(1e-3 * centres)
    np.testing.assert_allclose(found.sum(axis=1), expected, rtol=1e-6)
    assert found[centres < 1.8].sum() == 0


def test_prompt_energy_and_resolution() -> None:
    """At 10 MeV prompt energies lie 0.78 MeV and the neutron's recoil, 0.1 MeV, below; spread as a √E_p."""
    search = searches.SEARCHES[SUPERK]
    fine = np.arange(0.0, 20.0, 0.05)
    found = solar_searches.response(dataclasses.replace(search, efficiency=1.0), fine, fine + 0.05)
    at = int(np.searchsorted(edges(), 10.0))
    centre = fine + 0.025
    weight = found[at] / found[at].sum()
    mean = (weight * centre).sum()
    assert 10.05 - mean == pytest.approx(0.782 + 0.1, abs=0.03)
    spread = np.sqrt((weight * (centre - mean) ** 2).sum())
    assert spread == pytest.approx(0.2 * np.sqrt(mean), rel=0.02)


def test_the_sun_itself_makes_next_to_nothing() -> None:
    for name in searches.PROVIDES:
        own = solar_searches.own_events(registry.experiment(name).signals["solar_antineutrinos"].events)
        assert 0 < own.sum() < 0.03
    flux = solar_searches.own_events(np.eye(boron8().energy.size))
    assert flux.sum() == pytest.approx(200.001, rel=1e-9)
    assert flux[edges()[:-1] > 9.0 - 1e-9].sum() == pytest.approx(0, abs=1e-15)


def limit_of_boron8_shape(name: str) -> float:
    """90 % limit of the total flux [1/(cm² s)] of antineutrinos with the spectrum of ⁸B."""
    experiment = registry.experiment(name)
    shape = (boron8().fraction[:, None] * experiment.signals["solar_antineutrinos"].events).sum(axis=0)

    def rise(flux: float) -> float:
        chi2, gof = np.empty(2), np.empty(2)
        experiment.likelihood(np.array([shape * flux, 0 * shape]), chi2, gof)
        return float(chi2[0] - chi2[1] - 2.706)

    return float(optimize.brentq(rise, 1.0, 1e5))


def test_kamland_limit_on_undistorted_conversion() -> None:
    """KamLAND quotes 93 /(cm² s) above 8.3 MeV (1105.3516, from memory)."""
    above = boron8().fraction[boron8().energy > 8.3].sum()
    assert above * limit_of_boron8_shape(KAMLAND) == pytest.approx(93, rel=0.05)


def test_superk_is_calibrated_on_its_limit() -> None:
    """4.7e-4 of the ⁸B flux (2012.03807), and the shape of the signal in its figure."""
    assert limit_of_boron8_shape(SUPERK) == pytest.approx(4.7e-4 * 5.25e6, rel=0.02)
    shown = read_table(DATA / f"{SUPERK}.txt").columns["signal_shown"]
    events = registry.experiment(SUPERK).signals["solar_antineutrinos"].events
    ours = (boron8().fraction[:, None] * events).sum(axis=0)
    np.testing.assert_allclose((ours / ours[0])[:3], (shown / shown[0])[:3], rtol=0.02)


def test_superk_counts() -> None:
    """78 candidates of 9.3 to 17.3 MeV (2012.03807); the signal that the figure stacks on top is no background."""
    table = read_table(DATA / f"{SUPERK}.txt").columns
    assert table["data"].sum() == 78
    assert table["background"].sum() == pytest.approx(75.0, abs=0.1)
    assert table["E_low"][0] + 1.8 == pytest.approx(9.3)
    assert table["E_high"][-1] + 1.8 == pytest.approx(17.3)


def test_tables_are_those_of_the_builder(shared_data: Path, tmp_path: Path) -> None:
    builder.build(shared_data / "solar", tmp_path)
    for name in searches.PROVIDES:
        assert (tmp_path / f"{name}.txt").read_text() == (DATA / f"{name}.txt").read_text()
