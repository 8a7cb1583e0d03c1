"""Pseudo-experiments: Feldman and Cousins' construction against brute force, and stores of them."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import counters
import numpy as np
import pytest
import xarray as xr
from cli_helpers import BAD_INPUT, OK, REFUSED, assert_one_message, call
from helpers import signal_all, start
from scipy import stats

import scanner
from jobs import face, launch
from scanner.critical_values import order_statistics, rank
from scanner.cube import open_cube
from scanner.engine import Silent
from scanner.errors import InputError, Status, StoreRefused
from scanner.evaluate import evaluate
from scanner.grid import Axis, Block, Grid
from scanner.points import read_points
from scanner.pseudo_experiments import Built
from scanner.recipes.toys import ToysRecipe
from scanner.scan import Scan
from scanner.tables import build_all

SERIAL: dict[str, Any] = {"cluster": "serial", "progress": False}


@pytest.fixture(scope="module", autouse=True)
def _counters() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        counters.install(patch)
        yield


def _scan(folder: Path, experiments: Sequence[str], **axes: Any) -> Path:
    """Run a scan of the counters."""
    scan = {"version": 1, "name": "counted", "model": counters.MODEL, "axes": axes, "experiments": list(experiments)}
    scanner.run({**scan, "dtype": "float64"}, folder / "scan.zarr", **SERIAL)
    return folder / "scan.zarr"


def _csv(folder: Path, header: str, *rows: Sequence[float]) -> Path:
    path = folder / "points.csv"
    path.write_text("\n".join([header, *(",".join(repr(float(v)) for v in row) for row in rows)]) + "\n")
    return path


# -- Feldman and Cousins' construction

RATES = np.arange(0.25, 8.5, 1.25)
"""Expected signal events of the points."""
COUNTS = np.arange(60)
TABLE_IV = {
    # 90 % CL, b = 3.0, from physics/9711021. That of no events is [0, 0.95]: the paper's 1.08 is lengthened, so that
    # the limit does not rise with the background.
    0: (0.00, 0.95),
    1: (0.00, 1.88),
    2: (0.00, 3.04),
    3: (0.00, 4.42),
    4: (0.00, 5.60),
    5: (0.00, 6.99),
    6: (0.15, 8.47),
    7: (0.89, 9.53),
    8: (1.51, 10.99),
    9: (1.88, 12.30),
    10: (2.63, 13.50),
}


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> tuple[xr.Dataset, xr.Dataset]:
    """Pseudo-experiments of a counter with 3 expected background events, and fresh ones."""
    folder = tmp_path_factory.mktemp("counted")
    store = _scan(folder, ["poisson"], a={"linear": [0, 1], "points": 301})
    points = _csv(folder, "a", *((rate / counters.EVENTS,) for rate in RATES))
    first, fresh = (scanner.toys(store, points, 1500, folder / f"{s}.zarr", seed=s, **SERIAL) for s in (1, 2))
    return first.compute(), fresh.compute()


def _exact(rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Δχ² of every count at a true rate, by brute force on the scan's grid, and its probability."""
    mean = np.append(np.linspace(0, counters.EVENTS, 301), rate)[:, None] + counters.BACKGROUND
    chi2 = 2 * (mean - COUNTS * np.log(mean))
    return chi2[-1] - chi2.min(0), stats.poisson.pmf(COUNTS, mean[-1])


def _below(delta: np.ndarray, probability: np.ndarray) -> np.ndarray:
    """Probability of a Δχ² below that of each count."""
    return np.array([probability[delta < d - 1e-9].sum() for d in delta])


def test_intervals_of_a_counter_are_those_published(counted: tuple[xr.Dataset, xr.Dataset]) -> None:
    toys = counted[0]
    margin = 4 * np.sqrt(0.09 / toys.sizes["toy"])
    compared = 0
    for i, rate in enumerate(RATES):
        delta, probability = _exact(rate)
        # What so many pseudo-experiments cannot tell is left out: a count at the edge of what is accepted.
        clear = abs(_below(delta, probability) - 0.9) > margin
        for count, (low, high) in TABLE_IV.items():
            if clear[count]:
                accepted = delta[count] <= float(toys["critical"].sel(cl=0.90)[i]) + 1e-9
                assert accepted == (low <= rate <= high), (rate, count)
                compared += 1
    assert compared > 0.8 * len(RATES) * len(TABLE_IV)


def test_regions_hold_the_truth_as_often_as_they_say_where_wilks_theorem_fails(
    counted: tuple[xr.Dataset, xr.Dataset],
) -> None:
    toys, fresh = counted
    error = np.sqrt(0.09 / toys.sizes["toy"])
    critical = toys["critical"].sel(cl=0.90)
    covered = (fresh["delta_chi2"] <= critical + 1e-9).mean("toy").values
    assert (covered > 0.9 - 4 * error).all()
    for rate, share, value in zip(RATES, covered, critical.values, strict=True):
        delta, probability = _exact(rate)
        # Close to 90 %: without the count that was accepted last it would be less.
        assert probability[delta < value - 1e-9].sum() < 0.9 + 4 * error
        assert share == pytest.approx(probability[delta <= value + 1e-9].sum(), abs=4 * error)
    threshold = stats.chi2.ppf(0.90, 1)
    expected = np.array([p[delta <= threshold].sum() for delta, p in map(_exact, RATES)])
    wilks = (fresh["delta_chi2"] <= threshold).mean("toy").values
    np.testing.assert_allclose(wilks, expected, atol=4 * error)
    assert wilks.min() < 0.9 - 4 * error and wilks.max() > 0.9 + 4 * error


def test_a_gaussian_at_the_edge_of_what_is_physical_has_closed_critical_values(tmp_path: Path) -> None:
    store = _scan(tmp_path, ["gaussian"], a={"linear": [0, 1], "points": 901})
    truths = np.array([0.0, 0.5, 1.0, 5.0])
    toys = scanner.toys(store, _csv(tmp_path, "a", *((t / 15,) for t in truths)), 4000, tmp_path / "t.zarr", **SERIAL)

    def below(value: float, truth: float) -> float:
        """P(Δχ² ≤ value): Δχ² is (x − μ)² of a positive x; else no signal fits best, and it is μ² − 2 μ x."""
        low = truth - np.sqrt(value)
        if low < 0:
            low = (truth**2 - value) / (2 * truth) if truth else -np.inf
        return float(stats.norm.cdf(np.sqrt(value)) - stats.norm.cdf(low - truth))

    for i, truth in enumerate(truths):
        found = float(toys["critical"].sel(cl=0.90)[i])
        assert below(found, truth) == pytest.approx(0.90, abs=4 * np.sqrt(0.09 / 4000))
    assert float(toys["critical"].sel(cl=0.90)[0]) < 2.0 < stats.chi2.ppf(0.90, 1)


# -- what is drawn and what is minimised


def _recipe(store: Path, points: Path, number: int, **options: Any) -> ToysRecipe:
    return face.toys_recipe(store, points, number, "memory://toys", options.get("experiments"), options.get("seed", 0))


def test_the_minimum_is_that_of_the_whole_grid_evaluated_with_the_pseudo_data(tmp_path: Path) -> None:
    store = _miniboone(tmp_path)
    recipe = _recipe(store, _csv(tmp_path, "sin2_2theta,dm2", (0.01, 0.7), (0.9, 0.03)), 3)
    toys = scanner.toys(store, tmp_path / "points.csv", 3, tmp_path / "t.zarr", **SERIAL).compute()
    tables, own = build_all(recipe.scan), build_all(recipe.points)
    truths = [recipe.draws.truth(Built(recipe.points, own), (point,)) for point in range(2)]
    for point in range(2):
        for toy in range(3):
            likelihood = recipe.draws.draw(truths[point], point, toy)["miniboone_fhc"]
            with_pseudo_data = [
                evaluate(_with(scan, likelihood), built, Block(0, 0, (0,) * len(shape), shape))["chi2"]
                for scan, built, shape in ((recipe.scan, tables, recipe.scan.grid.shape), (recipe.points, own, (2,)))
            ]
            here = with_pseudo_data[1][0, point]
            expected = here - min(np.nanmin(with_pseudo_data[0]), here)
            assert float(toys["delta_chi2"][point, toy]) == expected


def _built(scan: Scan) -> Built:
    return Built(scan, build_all(scan))


def _with(scan: Any, likelihood: Any) -> Any:
    """The scan with another likelihood of its one experiment."""
    (group,) = scan.groups
    (member,) = group.members
    member = replace(member, experiment=replace(member.experiment, likelihood=likelihood))
    return replace(scan, groups=(replace(group, members=(member,)),))


def _miniboone(folder: Path, points: int = 24) -> Path:
    axes = {"dm2": {"log": [0.01, 100], "points": points}, "sin2_2theta": {"log": [3e-4, 1], "points": points}}
    scan = {"version": 1, "name": "mb", "model": "two_flavour", "axes": axes, "experiments": ["miniboone_fhc"]}
    scanner.run(scan, folder / "scan.zarr", **SERIAL)
    return folder / "scan.zarr"


def test_experiments_that_share_a_nuisance_parameter_on_different_axes_are_fitted_together(tmp_path: Path) -> None:
    linear = {"linear": [0, 1], "points": 31}
    store = _scan(tmp_path, ["pulled", "other"], a=linear, b=linear)
    recipe = _recipe(store, _csv(tmp_path, "a,b", (0.2, 0.4)), 40)
    toys = scanner.toys(store, tmp_path / "points.csv", 40, tmp_path / "t.zarr", **SERIAL).compute()
    truth = recipe.draws.truth(_built(recipe.points), (0,))
    a, b = np.meshgrid(np.append(np.linspace(0, 1, 31), 0.2), np.append(np.linspace(0, 1, 31), 0.4), indexing="ij")
    grid = np.broadcast_to(a + b <= 1.5, a.shape)
    for toy in range(40):
        drawn = recipe.draws.draw(truth, 0, toy)
        assert drawn["pulled"].centre == drawn["other"].centre  # type: ignore[attr-defined]
        chi2 = _joint_gaussian(drawn, 15 * a, 15 * b)
        assert float(toys["delta_chi2"][0, toy]) == pytest.approx(chi2[-1, -1] - chi2[grid].min(), abs=1e-9)


def test_axes_that_are_not_named_are_profiled_at_the_point_as_they_are_for_real_data(tmp_path: Path) -> None:
    """The Δχ² of `a` alone then has one degree of freedom: it does not know of the data on `b`, nor of how fine `b` is.

    The point lies off the grid, and Δχ² is that of a parabola in `a`, to the grid's resolution.
    """
    store = _scan(
        tmp_path,
        ["gaussian", "other"],
        a={"linear": [0, 0.75], "points": 61},
        b={"linear": [0, 0.75], "points": 16},
    )
    toys = scanner.toys(store, _csv(tmp_path, "a", (0.33,)), 1500, tmp_path / "t.zarr", **SERIAL).compute()
    assert float(toys.b[0]) == pytest.approx(0.4)  # 9 events are 3 and 15 b
    critical = float(toys["critical"].sel(cl=0.90)[0])
    assert stats.chi2.cdf(critical, 1) == pytest.approx(0.90, abs=4 * np.sqrt(0.09 / 1500))
    recipe = _recipe(store, tmp_path / "points.csv", 20)
    points, grid = _built(recipe.points), np.linspace(0, 0.75, 61)
    truth = recipe.draws.truth(points, (0, 8))
    for toy in range(20):
        measured = recipe.draws.draw(truth, 0, toy)["gaussian"].measured  # type: ignore[attr-defined]
        chi2 = (15 * np.append(grid, 0.33) - measured) ** 2
        assert float(toys["delta_chi2"][0, toy]) == pytest.approx(chi2[-1] - chi2.min(), abs=1e-9)


def _joint_gaussian(drawn: Any, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """χ² of two counters with a common pull, by its covariance: r_i = d_i − μ_i − A_i c, V = 4 + A Aᵀ."""
    data = [float(drawn[name].data[0]) for name in ("pulled", "other")]
    slopes = [3 * 0.2 + 0.3 * signal for signal in (first, second)]
    centre = float(drawn["other"].centre[0])
    residuals = [d - 3 - s - slope * centre for d, s, slope in zip(data, (first, second), slopes, strict=True)]
    covariance = [[4.0 * (i == j) + slopes[i] * slopes[j] for j in range(2)] for i in range(2)]
    determinant = covariance[0][0] * covariance[1][1] - covariance[0][1] ** 2
    x, y = residuals
    return (x * x * covariance[1][1] - 2 * x * y * covariance[0][1] + y * y * covariance[0][0]) / determinant


def test_stores_scanned_apart_and_merged_give_the_bits_of_the_joint_scan(tmp_path: Path) -> None:
    a, b = ({"linear": [0, 0.7], "points": n} for n in (12, 9))
    for name in ("joint", "first", "second"):
        (tmp_path / name).mkdir()
    both = _scan(tmp_path / "joint", ["pulled", "other"], a=a, b=b)
    apart = [_scan(tmp_path / "first", ["pulled"], a=a), _scan(tmp_path / "second", ["other"], b=b)]
    scanner.merge(apart, tmp_path / "merged.zarr", on="union", **SERIAL)
    points = _csv(tmp_path, "a", (0.2,), (0.65,))
    one = scanner.toys(both, points, 20, tmp_path / "one.zarr", **SERIAL)
    other = scanner.toys(tmp_path / "merged.zarr", points, 20, tmp_path / "other.zarr", **SERIAL)
    assert (one.delta_chi2 > 0).any()
    np.testing.assert_array_equal(other.b, one.b)
    np.testing.assert_array_equal(other.delta_chi2, one.delta_chi2)
    assert other.a.attrs == one.a.attrs


def test_shared_nuisance_parameters_are_true_at_the_joint_fit_to_the_data(tmp_path: Path) -> None:
    values = {"values": [0.1, 0.2]}
    store = _scan(tmp_path, ["pulled", "other"], a=values, b=values)
    recipe = _recipe(store, _csv(tmp_path, "a,b", (0.2, 0.1)), 1)
    truth = recipe.draws.truth(_built(recipe.points), (0,))
    # Of Σ (r_i − A_i ν)²/4 + ν², r = (6 − 3 − 3, 9 − 3 − 1.5).
    residuals, slopes = np.array([0.0, 4.5]), np.array([0.6 + 0.9, 0.6 + 0.45])
    assert truth.pulls == pytest.approx({"flux": (residuals @ slopes / 4) / (1 + slopes @ slopes / 4)})
    centres = [recipe.draws.draw(truth, 0, toy)["other"].centre[0] for toy in range(2000)]  # type: ignore[attr-defined]
    assert np.mean(centres) == pytest.approx(truth.pulls["flux"], abs=4 / np.sqrt(2000))
    assert np.std(centres) == pytest.approx(1, abs=4 / np.sqrt(4000))


# -- points


def test_axes_that_are_not_named_take_the_values_that_fit_the_data_best(tmp_path: Path) -> None:
    store = _miniboone(tmp_path)
    data = scanner.open(str(store)).sel(experiment="miniboone_fhc").compute()
    given = [float(data.dm2[3]), 0.5, float(data.dm2[20])]
    toys = scanner.toys(store, _csv(tmp_path, "dm2", *((v,) for v in given)), 1, tmp_path / "t.zarr", **SERIAL)
    np.testing.assert_array_equal(toys.dm2, given)
    for i, value in enumerate(given):
        nearest = int(np.argmin(abs(np.log(data.dm2.values / value))))
        assert float(toys.sin2_2theta[i]) == float(data.sin2_2theta[int(np.argmin(data.chi2[nearest].values))])
    assert toys.dm2.attrs["units"] == "eV^2" and toys.dm2.attrs["scale"] == "log"


def test_points_without_a_prediction_have_a_status_and_no_number(tmp_path: Path) -> None:
    axes = {"dm2_41": {"log": [0.1, 200], "points": 5}, "Ue4_sq": {"log": [1e-3, 0.9], "points": 5}}
    tied = {"Umu4_sq": {"map": "ratio", "of": "Ue4_sq", "factor": 0.5}}
    scan = {"version": 1, "name": "3p1", "model": "sterile_3p1", "axes": axes, "experiments": ["miniboone_fhc"]}
    scanner.run({**scan, "tied": tied}, tmp_path / "scan.zarr", **SERIAL)
    points = _csv(tmp_path, "Ue4_sq,dm2_41", (0.02, 1.0), (0.8, 1.0), (0.02, 150.0))
    toys = scanner.toys(tmp_path / "scan.zarr", points, 5, tmp_path / "t.zarr", **SERIAL).compute()
    status = [Status.ok, Status.outside_model, Status.not_converged]
    np.testing.assert_array_equal(toys.status, np.repeat(status, 5).reshape(3, 5))
    np.testing.assert_array_equal(np.isnan(toys.delta_chi2), toys.status != Status.ok)
    assert (toys.delta_chi2[0] >= 0).all() and np.isnan(toys.critical[1:]).all()
    np.testing.assert_allclose(toys.Umu4_sq, [0.01, 0.4, 0.01], rtol=1e-15)


GRID = Grid((Axis("dm2", (0.01, 1.0, 100.0), "eV^2", "log"), Axis("mixing", (0.0, 1.0))))
BAD = {
    "empty": ("", "is empty"),
    "comments": ("# nothing\n\n", "is empty"),
    "no points": ("dm2,mixing\n", "has no points"),
    "no header": ("0.1,0.2\n", "line 1: numbers where the header should be"),
    "unknown axis": ("dm2,mixin\n1,0\n", "line 1: not an axis of the store\n  found: 'mixin'\n  allowed: dm2, mixing"),
    "axis twice": ("dm2,dm2\n1,1\n", "line 1: names an axis twice"),
    "not a number": ("dm2\n1\n\none\n", "line 4, dm2: should be a number\n  found: 'one'"),
    "NaN": ("dm2\nnan\n", "line 2, dm2: outside the axis\n  found: nan\n  allowed: 0.01 to 100 eV^2"),
    "outside": ("dm2,mixing\n1,0\n1,1.1\n", "line 3, mixing: outside the axis\n  found: 1.1\n  allowed: 0 to 1"),
    "endless": ("dm2\n" + 200_000 * "1", "is no CSV file: field larger than field limit"),
    "short": ("dm2,mixing\n1\n", "line 2: should have a value for each name of the header"),
    "twice": ("# a\ndm2\n1\n2\n1.0\n", "line 5: the same point as on line 3"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_list_of_points_that_cannot_be_used_is_one_message(tmp_path: Path, name: str) -> None:
    text, message = BAD[name]
    (tmp_path / "points.csv").write_text(text)
    with pytest.raises(InputError) as caught:
        read_points(tmp_path / "points.csv", GRID)
    assert str(tmp_path / "points.csv") in str(caught.value) and message in str(caught.value)


def test_points_are_read_as_written_and_the_last_digit_at_an_end_is_forgiven(tmp_path: Path) -> None:
    (tmp_path / "points.csv").write_text("\ufeff# of a paper\n mixing , dm2\n0.25,0.1\n1.0000000001, 3e-1\n")
    found = read_points(tmp_path / "points.csv", GRID)
    assert {name: values.tolist() for name, values in found.items()} == {"mixing": [0.25, 1.0], "dm2": [0.1, 0.3]}
    with pytest.raises(InputError, match="cannot be read"):
        read_points(tmp_path / "none.csv", GRID)


# -- critical values


def test_critical_values_are_order_statistics_as_far_as_there_are_enough() -> None:
    ordered = np.arange(1.0, 100.0)[None]
    values, errors = order_statistics(ordered, (0.90, 0.99, 0.9973))
    assert values[0, :2].tolist() == [90.0, 99.0] and np.isnan(values[0, 2])
    assert errors[0, 0] == 3.0 and np.isnan(errors[0, 1:]).all()
    failed = np.where(ordered > 89, np.nan, ordered)
    assert np.isnan(order_statistics(failed, (0.90,))[0, 0, 0])


def test_critical_values_cover_a_fresh_number_at_least_as_often_as_they_say() -> None:
    rng = np.random.default_rng(5)
    ordered = np.sort(rng.exponential(size=(20_000, 39)), axis=-1)
    fresh = rng.exponential(size=20_000)
    for level in (0.68, 0.90):
        covered = (fresh <= order_statistics(ordered, (level,))[0, :, 0]).mean()
        assert covered == pytest.approx(rank(level, 39) / 40, abs=4 * np.sqrt(level * (1 - level) / 20_000))
        assert covered > level - 0.01


def test_a_contour_takes_them(tmp_path: Path) -> None:
    store = _miniboone(tmp_path)
    rows = [(m, s) for m in (0.01, 1.0, 100.0) for s in (3e-4, 0.03, 1.0)]
    toys = scanner.toys(store, _csv(tmp_path, "dm2,sin2_2theta", *rows), 60, tmp_path / "t.zarr", **SERIAL)
    data = scanner.open(str(store))
    (curve,) = data.scan.contour("sin2_2theta", "dm2", 0.90, method="feldman_cousins", toys=toys)
    delta = data.scan.profile("sin2_2theta", "dm2")
    assert curve.lines and len(np.concatenate(curve.lines)) > 10 and float(delta.max()) > float(toys.critical.max())


def test_a_contour_refuses_those_of_something_else(tmp_path: Path) -> None:
    """Their Δχ² has another distribution: of other data, experiments, or parameters."""
    lines = {"a": {"linear": [0, 0.7], "points": 4}, "b": {"linear": [0, 0.7], "points": 3}}
    store = _scan(tmp_path, ["pulled", "other"], **lines)
    corners = [(x, y) for x in (0, 0.7) for y in (0, 0.7)]
    toys = scanner.toys(store, _csv(tmp_path, "a,b", *corners), 9, tmp_path / "t.zarr", **SERIAL)
    alone = scanner.toys(store, _csv(tmp_path, "a", (0,), (0.7,)), 9, tmp_path / "u.zarr", **SERIAL)
    data = scanner.open(str(store))

    def contour(of: xr.Dataset, toys: xr.Dataset, **options: Any) -> Any:
        return of.scan.contour("a", "b", 0.68, method="feldman_cousins", toys=toys, **options)

    assert contour(data, toys) and contour(data.squeeze(), toys)
    other = data.assign_attrs(base_identity_hash="")
    for of, drawn, options, message in (
        (other, toys, {}, "are of another store"),
        (data, toys.assign_attrs(toys={}), {}, "are of an older version"),
        (data, toys, {"experiments": ["other"]}, r"are of other experiments\n  found: \['other', 'pulled'\]"),
        (data, alone, {}, "are of contours over a, every other axis profiled"),
    ):
        with pytest.raises(InputError, match=message):
            contour(of, drawn, **options)


# -- stores


def test_any_cut_into_blocks_gives_the_same_bits(tmp_path: Path) -> None:
    recipe = _recipe(_miniboone(tmp_path), _csv(tmp_path, "dm2,sin2_2theta", (0.7, 0.01), (0.03, 0.9), (4, 0.1)), 9)
    cube = _memory(recipe)
    whole = recipe.evaluate(cube, Block(0, 0, (0, 0), (3, 9)))["delta_chi2"][0]
    for first, last in (((2, 4), (3, 9)), ((0, 8), (2, 9)), ((1, 0), (2, 1))):
        part = recipe.evaluate(cube, Block(0, 0, first, last))["delta_chi2"][0]
        np.testing.assert_array_equal(part, whole[first[0] : last[0], first[1] : last[1]])
    assert len(np.unique(whole[whole > 0])) == (whole > 0).sum() > 10
    again = replace(recipe.draws, seed=1)
    truth = again.truth(_built(recipe.points), (0,))
    other = again.delta_chi2(_built(recipe.scan), _built(recipe.points), [truth], (0, 0), 9)["delta_chi2"]
    assert not np.isin(other[other > 0], whole).any()


def _memory(recipe: ToysRecipe) -> Any:
    """The store of a recipe, complete."""
    return launch.run(recipe, launch.Options("memory://toys", "serial", fresh=True), Silent())[0]


@pytest.mark.slow
def test_killed_and_resumed_elsewhere_it_gives_the_same_bits(tmp_path: Path) -> None:
    store = _miniboone(tmp_path, 60)
    points = _csv(tmp_path, "dm2,sin2_2theta", (0.7, 0.01), (0.03, 0.9))
    arguments = ("toys", store, "--points", points, "--n", 700)
    run = start(tmp_path, *arguments, "-o", tmp_path / "t.zarr", "--cluster", "local", "--workers", 2)
    run.wait_until(lambda: list((tmp_path / "t.zarr/g0/status/c").rglob("[0-9]*/[0-9]*")))
    signal_all(run.tree(), signal.SIGKILL)
    run.finish()
    cube = open_cube(str(tmp_path / "t.zarr"))
    state = cube.counts(cube.ledger()[0])
    assert 0 < state["done"] < state["blocks"]
    resumed = scanner.toys(store, points, 700, tmp_path / "t.zarr", **SERIAL)
    whole = scanner.toys(store, points, 700, tmp_path / "u.zarr", **SERIAL)
    assert (resumed.status == Status.ok).all()
    np.testing.assert_array_equal(resumed.delta_chi2, whole.delta_chi2)


def test_the_command_shows_critical_values_and_refuses_another_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = _miniboone(tmp_path)
    points, out = _csv(tmp_path, "dm2,sin2_2theta", (0.7, 0.01)), tmp_path / "t.zarr"
    before = signal.getsignal(signal.SIGTERM)
    done = call("toys", store, "--points", points, "--n", 40, "-o", out, "--cluster", "serial")
    assert done.exit_code == OK, done.output
    value = float(scanner.open(str(out)).critical.sel(cl=0.90)[0])
    assert f"{value:.2f} ± " in done.output and "Critical values" in done.output
    other = call("toys", store, "--points", points, "--n", 41, "-o", out, "--cluster", "serial")
    assert other.exit_code == REFUSED and "number: the store has 40, asked for is 41" in other.output
    assert_one_message(call("plot", out, "--x", "dm2", "--y", "sin2_2theta", "-o", tmp_path / "x.png"), REFUSED)
    own = call("toys", store, "--points", points, "--n", 40, "-o", store, "--cluster", "serial", "--fresh")
    assert_one_message(own, BAD_INPUT)
    signal.signal(signal.SIGTERM, before)


def test_what_no_pseudo_experiments_can_be_drawn_of_is_refused(tmp_path: Path) -> None:
    store, points = _scan(tmp_path, ["poisson", "square"], a={"values": [0.1, 0.2]}), _csv(tmp_path, "a", (0.1,))
    with pytest.raises(InputError, match=r"draw no pseudo-experiments.*\n  found: 'square'"):
        _recipe(store, points, 1)
    _recipe(store, points, 1, experiments=["poisson"])
    for number, seed in ((0, 0), (1, -1)):
        with pytest.raises(InputError, match="--n: not a number" if not number else "--seed: not a seed"):
            _recipe(store, points, number, seed=seed)
    toys = scanner.toys(store, points, 1, tmp_path / "t.zarr", ["poisson"], **SERIAL)
    with pytest.raises(StoreRefused, match="holds toys; give the store of a scan"):
        _recipe(toys.attrs["store"], points, 1)


def test_sums_and_curves_are_refused_as_elsewhere(tmp_path: Path) -> None:
    axes = {"dm2_41": {"values": [0.5, 1.0]}, "Ue4_sq": {"values": [0.01, 0.1]}}
    scan = {"version": 1, "name": "s", "model": "sterile_3p1", "axes": axes, "fixed": {"Umu4_sq": 0.01}}
    both = ["miniboone_fhc", "miniboone_rhc"]
    scanner.run({**scan, "experiments": both}, tmp_path / "scan.zarr", **SERIAL)
    points = _csv(tmp_path, "dm2_41,Ue4_sq", (0.5, 0.1))
    with pytest.raises(InputError, match="common covariance and cannot be summed"):
        _recipe(tmp_path / "scan.zarr", points, 1)
    assert _recipe(tmp_path / "scan.zarr", points, 1, experiments=both[:1]).toys.experiments == both[:1]
    curves = ["published_Umu4_nutev", "published_Umu4_bebc"]
    axes = {"m_N": {"values": [0.2]}, "Umu4_sq": {"values": [1e-9, 1e-8]}}
    hnl = {"version": 1, "name": "n", "model": "hnl", "axes": axes, "experiments": curves}
    scanner.run(hnl, tmp_path / "hnl.zarr", **SERIAL)
    with pytest.raises(InputError, match=r"published curves alone.*\n  found: 'published_Umu4_n.*, published_Umu4_b"):
        _recipe(tmp_path / "hnl.zarr", _csv(tmp_path, "Umu4_sq", (1e-9,)), 1)
