"""MiniBooNE against the collaboration's released surface, ntuples and published minima."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import integrate

from scanner import registry, tables
from scanner.config import read_scan_file
from scanner.evaluate import evaluate
from scanner.experiments.builders import miniboone as builder
from scanner.experiments.tables import DATA, read_table
from scanner.grid import Block, logarithmic
from scanner.prediction import predict
from scanner.scan import resolve

GRID = {
    "version": 1,
    "name": "official",
    "model": "two_flavour",
    "axes": {
        "dm2": {"log": [0.01, 100], "points": 190},
        "sin2_2theta": {"log": [3e-4, 1], "points": 190},
    },
    "experiments": ["miniboone_fhc", "miniboone_rhc", "miniboone"],
}


@pytest.fixture(scope="module")
def surfaces() -> np.ndarray:
    """−2 ln L of the three fits on the official grid, (experiment, dm2, sin2_2theta)."""
    scan = resolve(read_scan_file(GRID))
    return evaluate(scan, tables.build_all(scan), Block(0, 0, (0, 0), (190, 190)))["chi2"]


def test_extract_of_the_released_surface(surfaces: np.ndarray) -> None:
    rows = np.loadtxt(Path(__file__).parent / "miniboone_surface_extract.txt")
    i, j = rows[:, 0].astype(int), rows[:, 1].astype(int)
    # The release prints six digits.
    np.testing.assert_allclose(surfaces[0, i, j], rows[:, 2], atol=0.02)


def test_whole_released_surface(surfaces: np.ndarray, shared_data: Path) -> None:
    file = shared_data / "miniboone_2020/fhc/likihood_surface_contNu.txt"
    released = np.loadtxt(file, skiprows=1)[:, 2].reshape(190, 190).T
    difference = surfaces[0] - released
    near = released < released.min() + 30
    assert np.abs(difference).max() <= 0.05
    assert np.sqrt(np.mean(difference[near] ** 2)) <= 0.005


def test_contours_of_the_released_surface(surfaces: np.ndarray, shared_data: Path) -> None:
    """The numbers of cells inside the 2-dof contours agree to 10 of 36,100."""
    file = shared_data / "miniboone_2020/fhc/likihood_surface_contNu.txt"
    released = np.loadtxt(file, skiprows=1)[:, 2].reshape(190, 190).T
    for threshold in (2.30, 4.61, 9.21):
        ours = np.count_nonzero(surfaces[0] - surfaces[0].min() < threshold)
        theirs = np.count_nonzero(released - released.min() < threshold)
        assert abs(ours - theirs) <= 10


@pytest.mark.parametrize(
    ("name", "null", "minimum", "null_chi2"),
    [
        # Official recipe on the official grid; arXiv:2006.16883 and its release.
        ("miniboone_fhc", 215.747, 199.290, 31.80203),
        ("miniboone_rhc", 152.107, 142.269, 22.88802),
        ("miniboone", 373.405, 344.519, 69.23341),
    ],
)
def test_null_and_minimum(surfaces: np.ndarray, name: str, null: float, minimum: float, null_chi2: float) -> None:
    at_null = predict("two_flavour", name, sin2_2theta=0.0)
    assert float(at_null["chi2"]) == pytest.approx(null, abs=2e-3 if name != "miniboone" else 5e-3)
    assert float(at_null["gof"]) == pytest.approx(null_chi2, abs=1e-5 if name == "miniboone_rhc" else 2e-3)
    assert surfaces[GRID["experiments"].index(name)].min() == pytest.approx(minimum, abs=0.05)


def test_fhc_best_fit_is_the_official_one(surfaces: np.ndarray) -> None:
    """The valley is degenerate, but recipe and grid fix the best point: (0.843, 0.0392) up to one cell."""
    i, j = np.unravel_index(surfaces[0].argmin(), (190, 190))
    assert logarithmic(0.01, 100, 190)[i] == pytest.approx(0.0392, rel=0.05)
    assert logarithmic(3e-4, 1, 190)[j] == pytest.approx(0.843, rel=0.05)


@pytest.mark.parametrize("response", sorted(builder.NTUPLES))
def test_response_reproduces_the_ntuple(response: str, shared_data: Path) -> None:
    """Bin by bin to 1e-4 for Δm² up to 100 eV², on values of Δm² that the builder did not look at."""
    release = shared_data / "miniboone_2020"
    events = np.loadtxt(release / builder.NTUPLES[response])
    edges = np.array((release / "fhc/miniboone_binboundaries_nue_lowe.txt").read_text().split(), float)
    number = np.digitize(events[:, 0], edges) - 1
    x, weight = events[:, 2] * 1e-2 / events[:, 1], events[:, 3] / len(events)
    channel = _channel(response)
    for dm2 in np.random.default_rng(3).uniform(-3, 2, 40):
        sine = np.sin(1.27 * 10**dm2 * x) ** 2
        exact = np.array([np.sum((weight * sine)[number == b]) for b in range(11)])
        np.testing.assert_allclose(_template(channel, 10**dm2), exact, rtol=1e-4)


def _channel(response: str) -> dict[str, np.ndarray]:

    return dict(read_table(DATA / f"miniboone_response_{response}.txt").columns)


def _template(cells: dict[str, np.ndarray], dm2: float) -> np.ndarray:
    """Second-cumulant average written out independently of the kernel."""
    k = 2 * 1.27 * dm2
    average = 0.5 * (1 - np.cos(k * cells["mean"]) * np.exp(-0.5 * k**2 * cells["variance"]))
    return np.bincount(cells["bin"].astype(int), cells["weight"] * average, minlength=11)


def test_builder_makes_the_shipped_tables(shared_data: Path, tmp_path: Path) -> None:
    builder.build(shared_data / "miniboone_2020", tmp_path)
    for made in tmp_path.iterdir():
        shipped = read_table(DATA / made.name)
        for name, values in read_table(made).columns.items():
            np.testing.assert_allclose(values, shipped.columns[name], rtol=1e-9, atol=1e-12)
        assert {"title", "source", "release_date", "builder", "columns"} <= set(shipped.header)


def test_small_mass_splitting_is_quadratic() -> None:
    """sin² → φ²: the signal falls by 100 when Δm² falls by 10, to the rounding of float64."""
    small, tiny = (predict("two_flavour", "miniboone_fhc", sin2_2theta=1.0, dm2=m) for m in (1e-4, 1e-5))
    np.testing.assert_allclose(small["signal"][:11], 100 * tiny["signal"][:11], rtol=1e-5)


def test_large_mass_splitting_averages_to_one_half() -> None:
    """At 100 eV² the low-energy bins see ⟨sin²⟩ = 1/2 of the full transmutation, within the ntuple's grain."""
    averaged = predict("two_flavour", "miniboone_fhc", sin2_2theta=1.0, dm2=100.0)["signal"].values[:11]
    cells = _channel("fhc")
    full = np.bincount(cells["bin"].astype(int), cells["weight"], minlength=11)
    np.testing.assert_allclose(averaged, 0.5 * full, rtol=0.05)


def test_beyond_the_response_is_a_status_not_a_number() -> None:
    found = predict("two_flavour", "miniboone_fhc", sin2_2theta=0.1, dm2=101.0)
    assert found["status"].item() == "not_converged"
    assert np.isnan(found["chi2"]) and np.isnan(found["signal"]).all()


def test_sterile_short_baseline_limit_is_two_flavour() -> None:
    """3+1 appearance has sin²2θ = 4|U_e4|²|U_μ4|² exactly."""
    sterile = predict("sterile_3p1", "miniboone", dm2_41=0.7, Ue4_sq=0.02, Umu4_sq=0.05, delta14=1.0)
    effective = predict("two_flavour", "miniboone", dm2=0.7, sin2_2theta=4 * 0.02 * 0.05)
    assert float(sterile["chi2"]) == pytest.approx(float(effective["chi2"]), rel=1e-13)
    np.testing.assert_allclose(sterile["signal"], effective["signal"], rtol=1e-13)


def test_combined_fit_is_not_the_sum_of_the_two() -> None:
    """The correlated covariance and the wrong-sign events make it another data set, which says so."""
    names = ("miniboone_fhc", "miniboone_rhc", "miniboone")
    parts = [float(predict("two_flavour", n, dm2=0.5, sin2_2theta=0.01)["chi2"]) for n in names]
    assert abs(parts[0] + parts[1] - parts[2]) > 1
    joint = registry.experiment("miniboone").data_sets
    assert joint == registry.experiment("miniboone_fhc").data_sets | registry.experiment("miniboone_rhc").data_sets


def test_cell_average_is_that_of_its_moments() -> None:
    """A cell of mean and variance stands for a narrow distribution of L/E: compare with quadrature."""
    mean, sigma, k = 0.8, 0.002, 1.27 * 30
    weight = lambda x: np.exp(-((x - mean) ** 2) / (2 * sigma**2)) / (sigma * np.sqrt(2 * np.pi))  # noqa: E731
    exact, _ = integrate.quad(lambda x: weight(x) * np.sin(k * x) ** 2, mean - 8 * sigma, mean + 8 * sigma)
    cell = {"bin": np.array([0.0]), "weight": np.array([1.0]), "mean": np.array([mean])}
    found = _template({**cell, "variance": np.array([sigma**2])}, 30.0)[0]
    assert found == pytest.approx(exact, rel=1e-10)


def test_the_release_has_no_events_of_backgrounds(shared_data: Path) -> None:
    """Why backgrounds do not oscillate: true energies and baselines are released of ν_μ → ν_e alone."""
    release = shared_data / "miniboone_2020"
    ntuples = {str(path.relative_to(release)) for path in release.rglob("*ntuple*")}
    assert ntuples == set(builder.NTUPLES.values())
    for name in ("fhc/miniboone_nuebgr_lowe.txt", "fhc/miniboone_numu.txt"):
        assert len((release / name).read_text().split()) in (11, 8)
