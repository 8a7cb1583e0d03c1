"""Published surfaces: expressions, files, what holds outside, and IceCube's release."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from scanner import registry
from scanner.errors import InputError, Status
from scanner.experiments import surface_files
from scanner.experiments.tables import DATA, read_table, write_table
from scanner.likelihoods.surface import Surface
from scanner.prediction import predict
from scanner.signals import surface
from scanner.signals.expressions import Expression

FILE = """
version: 1
title: A bowl
statistic: Delta chi2
table: bowl.txt
value: half
factor: 2
columns:
  x: {scale: linear, below: edge, above: refuse}
  y: {scale: log, below: refuse, above: edge}
models:
  sterile_3p1: {columns: {x: 2 * Ue4_sq, y: dm2_41}, where: ["0.3 - Umu4_sq"]}
data_sets: [bowl]
references: [{key: Me, authors: Me, title: Bowl, year: 2026}]
"""


def bowl(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Half of Δχ²: a parabola in x and in ln y."""
    return 50 * (x - 0.3) ** 2 + np.log(y) ** 2


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    x, y = (axis.ravel() for axis in np.meshgrid(np.linspace(0.1, 0.8, 8), np.geomspace(0.1, 10, 9)))
    columns = {"x": ("1", "%.12g", x), "y": ("eV^2", "%.12g", y), "half": ("1", "%.12g", bowl(x, y))}
    write_table(tmp_path / "bowl.txt", {"title": "A bowl"}, columns)
    (tmp_path / "bowl.yaml").write_text(FILE)
    return tmp_path


def located(folder: Path, **values: float) -> tuple[np.ndarray, list[int], float]:
    """Coordinates, statuses of the tables, and Δχ² of a point."""
    experiment = surface_files.load_file(folder, "bowl")
    model = registry.model("sterile_3p1").signals["surface"]
    prediction = surface.bind(model, experiment.signals["surface"], 2)
    built = [table.build(np.array([[values[name] for name in table.parameters]])) for table in prediction.tables]
    signal = np.zeros((1, 2))
    nodes = (np.zeros(1, dtype=np.int64),) * len(built)
    prediction.add(np.empty((0, 1)), nodes, tuple(entries for entries, _ in built), signal)
    chi2, gof = np.empty((2, 1))
    experiment.likelihood(signal, chi2, gof)
    return signal[0], [int(status[0]) for _, status in built], float(chi2[0])


def test_a_file_is_an_experiment(folder: Path) -> None:
    """A parabola comes out as it is, between nodes and at them, in the scale of each axis."""
    for x, y in ((0.3, 1.0), (0.417, 0.77), (0.799, 9.9), (0.1, 0.1)):
        signal, statuses, chi2 = located(folder, Ue4_sq=x / 2, dm2_41=y, Umu4_sq=0.1)
        assert signal == pytest.approx([x, y])
        assert statuses == [Status.ok] * 3
        # Cells at an edge know but one second derivative, that of a parabola.
        assert chi2 == pytest.approx(2 * bowl(np.array(x), np.array(y)), rel=1e-9, abs=1e-9)


def test_outside(folder: Path) -> None:
    inside = {"Ue4_sq": 0.2, "dm2_41": 1.0, "Umu4_sq": 0.1}
    assert located(folder, **inside | {"Ue4_sq": 0.0})[0][0] == 0.1  # edge
    assert located(folder, **inside | {"dm2_41": 99.0})[0][1] == pytest.approx(10)
    for changed, refused in (({"Ue4_sq": 0.41}, 0), ({"dm2_41": 0.09}, 1), ({"Umu4_sq": 0.31}, 2)):
        statuses = located(folder, **inside | changed)[1]
        assert [i for i, status in enumerate(statuses) if status == Status.not_converged] == [refused]


@pytest.mark.parametrize(
    ("found", "put", "message"),
    [
        ("value: half", "value: halb", "no column 'halb'"),
        ("scale: log", "scale: loq", r"columns\.y\.scale"),
        ("title: A bowl", "titel: A bowl", "title"),
        ("x: 2 * Ue4_sq", "x: 2 * Ue4_sqq", "did you mean 'Ue4_sq'"),
        ("x: 2 * Ue4_sq, ", "", "an expression for each column"),
        ("x: 2 * Ue4_sq", "x: __import__('os')", "cannot be part of an expression"),
        ("sterile_3p1:", "two_flavour:", "says nothing of model 'sterile_3p1'"),
        ("version: 1", "version: [", "not YAML"),
    ],
)
def test_files_that_are_refused(folder: Path, found: str, put: str, message: str) -> None:
    (folder / "bowl.yaml").write_text(FILE.replace(found, put))
    with pytest.raises(InputError, match=message):
        located(folder, Ue4_sq=0.2, dm2_41=1.0, Umu4_sq=0.1)


def test_tables_with_two_rows_of_a_point_are_refused(folder: Path) -> None:
    table = folder / "bowl.txt"
    table.write_text(table.read_text() + table.read_text().splitlines()[-1] + "\n")
    with pytest.raises(InputError, match="two rows of one point"):
        surface_files.load_file(folder, "bowl")


def test_points_that_a_table_lacks_have_no_number(folder: Path) -> None:
    table = folder / "bowl.txt"
    table.write_text("\n".join(table.read_text().splitlines()[:-1]) + "\n")
    assert np.isnan(located(folder, Ue4_sq=0.39, dm2_41=9.0, Umu4_sq=0.1)[2])
    assert np.isfinite(located(folder, Ue4_sq=0.2, dm2_41=1.0, Umu4_sq=0.1)[2])


def test_expressions() -> None:
    values = {"a": np.array([0.3, 2.0]), "b": np.array([4.0, 0.0])}
    expression = Expression.read("-a**3 + sqrt(b) / (2 - a) * 1.5e0", "here")
    assert expression.names == ("a", "b")
    assert expression.at(values)[0] == -(0.3 * 0.3 * 0.3) + 2.0 / (2 - 0.3) * 1.5
    assert np.isnan(expression.at(values)[1])  # 0/0
    assert Expression.read("7", "here").at({}) == 7


@pytest.mark.parametrize(
    "text", ["a.b", "a[0]", "exp(a)", "a**-1", "a**b", "a**2.0", "a < b", "'a'", "", "a b", "a**99"]
)
def test_expressions_that_are_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"^here: .*\n.*\n.*allowed: names of parameters"):
        Expression.read(text, "here")


@pytest.mark.parametrize(
    ("axes", "values", "message"),
    [
        (([1.0, 2.0],), [1.0], "wrong shape"),
        (([2.0, 1.0],), [1.0, 2.0], "rising"),
        (([0.0, 1.0],), [1.0, 2.0], "rising and positive"),
        (([1.0],), [1.0], "two nodes"),
    ],
)
def test_grids_that_are_refused(axes: tuple[list[float], ...], values: list[float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Surface(tuple(map(np.array, axes)), (True,), np.array(values), "")


def test_a_surface_has_no_pseudo_experiments() -> None:
    likelihood = registry.experiment("icecube_8yr").likelihood
    with pytest.raises(InputError, match="no data"):
        likelihood.toy(np.array([0.1, 1.0]), np.random.default_rng(1))


def mixing(sin2_2theta: float) -> float:
    """|U_μ4|² of an angle in the first octant, for |U_e4|² = 0."""
    return 0.5 * (1 - np.sqrt(1 - sin2_2theta))


def test_icecube_is_the_release_at_its_nodes(shared_data: Path) -> None:
    lines = (shared_data / "icecube_8yr" / "2DLLHValues.txt").read_text().splitlines()[1:]
    rows = np.array([line.replace('"', "").split() for line in lines], dtype=float)
    chosen = np.random.default_rng(5).choice(rows[rows[:, 0] > 3e-3], 40, replace=False)
    for sin2, dm2, value in chosen:
        found = predict("sterile_3p1", "icecube_8yr", Umu4_sq=mixing(min(sin2, 1.0)), dm2_41=dm2)
        # Nodes are released with 6 digits of sin²2θ24 and Δm², and kept with 5.
        assert float(found["chi2"]) == pytest.approx(value, rel=1e-3, abs=5e-3)


def test_icecube_best_fit_and_null() -> None:
    """2ΔLLH is 0 at sin²2θ24 = 0.10 and 4.5 eV², and 4.94 without oscillation (2005.12942)."""
    columns = read_table(DATA / "icecube_8yr.txt").columns
    best = columns["delta"].argmin()
    assert columns["sin2_2theta24"][best] == pytest.approx(0.10, rel=0.01)
    assert columns["dm2_41"][best] == pytest.approx(4.5, rel=0.01)
    for dm2 in (0.02, 1.0, 50.0):
        null = predict("sterile_3p1", "icecube_8yr", Umu4_sq=0.0, dm2_41=dm2)
        assert float(null["chi2"]) == pytest.approx(4.936, abs=3e-3)


def test_icecube_angle_follows_from_both_mixings() -> None:
    """|U_μ4|² = cos²θ14 sin²θ24."""
    signal = predict("sterile_3p1", "icecube_8yr", Ue4_sq=0.2, Umu4_sq=0.8 * 0.1, dm2_41=1.0)["signal"]
    assert float(signal[0]) == pytest.approx(4 * 0.1 * 0.9, rel=1e-12)


@pytest.mark.parametrize("values", [{"dm2_41": 0.007}, {"dm2_41": 142.0}, {"Umu4_sq": 0.51}, {"Ue4_sq": 1.0}])
def test_icecube_outside_is_a_status(values: dict[str, float]) -> None:
    assert predict("sterile_3p1", "icecube_8yr", **values)["status"].item() == "not_converged"


def test_files_of_the_package_are_found_by_name(tmp_path: Path) -> None:
    provider = registry.providers("experiments")["icecube_8yr"]
    assert provider.module == "scanner.experiments.surface_files"
    shutil.copy(str(provider.path), tmp_path / "copy.yaml")
    copy = surface_files.load_file(tmp_path, "copy")  # its table is the package's
    assert copy.name == "copy" and copy.from_curve
