"""plot over several stores, corners and animations; predict --plot; figures from their files."""

from __future__ import annotations

import functools
import itertools
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_helpers import BAD_INPUT, CONFIGS, OK, REFUSED, assert_one_message, call, write
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

import scanner
from scanner.analysis.contours import Contour
from scanner.analysis.figure_file import read_figure_file
from scanner.config import read_scan_file, to_yaml

AXES = ("--x", "m_N", "--y", "Umu4_sq")
CURVES = ["published_Umu4_na3", "published_Umu4_nutev"]
SCAN: dict[str, Any] = {
    "name": "curves",
    "model": "hnl",
    "fixed": {"nature": "majorana"},
    "axes": {
        "m_N": {"log": [0.3, 2], "points": 9, "unit": "GeV"},
        "Umu4_sq": {"log": [1e-8, 1], "points": 17},
        "Utau4_sq": {"values": [0, 1e-6, 1e-5, 1e-4]},
    },
    "tied": None,
    "experiments": CURVES,
    "outputs": ["chi2"],
    "store": "curves.zarr",
    "execution": {"cluster": "serial", "workers": 1, "memory": "1GiB"},
}
"""Two published curves: quick, and they can be summed."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of that scan; tests must not change it."""
    folder = tmp_path_factory.mktemp("curves")
    before = signal.getsignal(signal.SIGTERM)
    result = call("run", write(folder, **SCAN), "-o", folder / "curves.zarr")
    signal.signal(signal.SIGTERM, before)
    assert result.exit_code == OK, result.output
    return folder / "curves.zarr"


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that were to be saved; rendering them takes most of the time, and is tested with the analysis."""
    found: list[Figure] = []
    monkeypatch.setattr(Figure, "savefig", lambda self, *args, **kwargs: found.append(self))
    return found


def labels(figure: Figure) -> list[str]:
    return figure.axes[0].get_legend_handles_labels()[1]


def test_plot_groups_of_one_store(store: Path, tmp_path: Path, saved: list[Figure]) -> None:
    groups = ("--group", f"one={CURVES[0]}", "--group", f"both={','.join(CURVES)}")
    result = call("plot", store, *AXES, *groups, "--cl", 0.9, "--cl", 0.99, "-o", tmp_path / "a.png")
    assert result.exit_code == OK, result.output
    assert "2 of 2 curves exclude something there" in result.stdout
    assert labels(saved[0]) == ["one", "both"]


def test_plot_several_stores(store: Path, tmp_path: Path, saved: list[Figure]) -> None:
    stores = (f"first={store}", f"second={store}")
    result = call("plot", *stores, *AXES, "--best-fit", "-o", tmp_path / "a.pdf")
    assert result.exit_code == OK, result.output
    assert labels(saved[0]) == ["first", "second"]
    best = scanner.open(str(store)).scan.profile("m_N", "Umu4_sq").attrs["best_fit"]
    stars = [line for line in saved[0].axes[0].lines if line.get_marker() == "*"]
    assert [(s.get_xdata()[0], s.get_ydata()[0]) for s in stars] == [(best["m_N"], best["Umu4_sq"])] * 2  # type: ignore[index]
    each = call("plot", *stores, *AXES, "--each", "-o", tmp_path / "a.pdf")
    assert each.exit_code == OK, each.output
    assert labels(saved[1]) == [f"{name} ({label})" for label in ("first", "second") for name in CURVES]


def test_plot_contours_alone_and_beside_a_published_one(store: Path, tmp_path: Path, saved: list[Figure]) -> None:
    result = call("plot", store, *AXES, "--contours", "--title", "mine", "-o", tmp_path / "a.png")
    assert result.exit_code == OK, result.output
    assert labels(saved[0]) == ["curves"] and saved[0].axes[0].get_title() == "mine"
    beside = ("--experiment", CURVES[0], "--published", CURVES[1])
    assert call("plot", store, *AXES, *beside, "-o", tmp_path / "a.png").exit_code == OK
    assert labels(saved[1]) == ["curves", CURVES[1]]
    assert {line.get_linestyle() for line in saved[1].axes[0].lines} == {"-", "--"}


def test_plot_profiles(store: Path, tmp_path: Path, saved: list[Figure]) -> None:
    result = call("plot", store, "--x", "Umu4_sq", "--at", "m_N=1.3", "-o", tmp_path / "a.png")
    assert result.exit_code == OK, result.output
    assert labels(saved[0]) == [*CURVES, "sum"]
    nearest = scanner.open(str(store)).scan.slice(m_N=1.3).m_N.item()
    assert f"$m_N$ = {nearest:.4g} GeV" in saved[0].axes[0].get_title()


def test_every_store_is_in_the_legend_whatever_its_name(store: Path, tmp_path: Path, saved: list[Figure]) -> None:
    names = ("_first", r"$\nonsense$")
    for name in names:
        (tmp_path / f"{name}.zarr").symlink_to(store)
    result = call("plot", *(tmp_path / f"{name}.zarr" for name in names), *AXES, "-o", tmp_path / "a.png")
    assert result.exit_code == OK, result.output
    legend = saved[0].axes[0].get_legend()
    assert legend is not None and [text.get_text() for text in legend.get_texts()] == [" _first", r"\$\nonsense\$"]
    assert_one_message(call("plot", rf"$\x$={store}", *AXES, "-o", tmp_path / "a.png"), BAD_INPUT)


def test_an_incomplete_store_is_drawn_with_a_warning(store: Path, tmp_path: Path, saved: list[Figure]) -> None:
    part = tmp_path / "part.zarr"
    shutil.copytree(store, part)
    shutil.rmtree(part / "ledger")  # rebuilt from the blocks that are there
    lost = next(path for path in (part / "g0" / "status" / "c").rglob("*") if path.is_file())
    lost.unlink()
    result = call("plot", part, "--x", "m_N", "-o", tmp_path / "a.png")
    assert result.exit_code == OK and saved
    assert "part.zarr: is not complete: 1 of" in result.stderr
    assert "not complete" not in call("plot", store, "--x", "m_N", "-o", tmp_path / "a.png").stderr


def test_plot_a_corner(store: Path, tmp_path: Path, saved: list[Figure]) -> None:
    result = call("plot", store, "--corner", "--at", "Utau4_sq=0", "-o", tmp_path / "a.png")
    assert result.exit_code == OK, result.output
    assert len(saved[0].axes) == 3
    result = call("plot", store, "--corner", "--axis", "m_N", "--axis", "Umu4_sq", "-o", tmp_path / "a.png")
    assert "best fit m_N = " in result.stdout


def test_plot_an_animation(store: Path, tmp_path: Path) -> None:
    result = call("plot", store, *AXES, "--animate", "Utau4_sq", "--frames", 3, "-o", tmp_path / "a.gif")
    assert result.exit_code == OK, result.output
    assert "3 frames along Utau4_sq, evenly thinned from 4; --frames takes more" in result.stdout
    with Image.open(tmp_path / "a.gif") as image:
        assert image.n_frames == 3  # type: ignore[attr-defined]


BAD = [
    ((), "--x: is missing\n  allowed: m_N, Umu4_sq, Utau4_sq"),
    (("--x", "m_n"), "did you mean 'm_N'?"),
    ((*AXES, "--corner"), "--x: does not go with --corner"),
    ((*AXES, "--axis", "m_N"), "add --corner"),
    (("--corner", "--axis", "m_N"), "two different axes or more"),
    (("--corner", "--axis", "m_N", "--axis", "Umu4"), "'Umu4' is not an axis of it"),
    ((*AXES, "--group", CURVES[0]), "--group: expected label=exp1,exp2"),
    ((*AXES, "--group", f"a={CURVES[0]},"), "--group: expected label=exp1,exp2"),
    ((*AXES, "--group", f"a={CURVES[0]}", "--group", f"a={CURVES[1]}"), "--group: this label is given twice"),
    ((*AXES, "--group", "a=published_Umu4_nutef"), "--group: no such experiment: 'published_Umu4_nutef'"),
    ((*AXES, "--group", f"a={CURVES[0]}", "--each"), "--each: does not go with --group"),
    ((*AXES, "--published", "ps191"), "--published: no such experiment: 'ps191'"),
    ((*AXES, "--each", "--cl", "0.9", "--cl", "0.95"), "--cl: give one value"),
    ((*AXES, "--animate", "Ue4_sq"), "'Ue4_sq' is not an axis of it"),
    ((*AXES, "--animate", "Umu4_sq"), "must differ"),
    (("--corner", "--animate", "Utau4_sq"), "--animate: does not go with --corner"),
    (("--x", "m_N", "--animate", "Umu4_sq"), "--animate: takes a figure over two axes"),
    ((*AXES, "--contours", "--cl", "2"), "between 0 and 1"),
    (("--x", "m_N", "--cl", "0.9"), "--cl: does not go with profiles over --x alone"),
    (("--corner", "--published", CURVES[0]), "--published: does not go with --corner"),
    (("--x", "m_N", "--at", "Umu4_sq=1e-9", "--at", "Umu4_sq=1e-8"), "'Umu4_sq' is given twice"),
    ((*AXES, "--title", r"$\nonsense$"), "--title: is not a formula that can be drawn"),
]


@pytest.mark.parametrize(("arguments", "fragment"), BAD)
def test_plot_refuses(store: Path, tmp_path: Path, arguments: tuple[str, ...], fragment: str) -> None:
    result = call("plot", store, *arguments, "-o", tmp_path / ("a.gif" if "--animate" in arguments else "a.png"))
    assert_one_message(result, BAD_INPUT)
    assert fragment in result.stderr
    assert not list(tmp_path.iterdir())


def test_plot_refuses_two_stores_of_one_name(store: Path) -> None:
    result = call("plot", store, store, *AXES, "-o", "a.png")
    assert_one_message(result, BAD_INPUT)
    assert "two stores are called 'curves'\n  write label=path" in result.stderr
    assert_one_message(call("plot", f"a={store}", "b=none.zarr", *AXES, "-o", "a.png"), REFUSED)
    result = call("plot", f"a={store}", f"b={store}", "--corner", "-o", "a.png")
    assert_one_message(result, BAD_INPUT)
    assert "--corner: takes one store\n  found: 'a, b'" in result.stderr


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """MiniBooNE on a few points, and pseudo-experiments at its corners and in the middle."""
    folder = tmp_path_factory.mktemp("drawn")
    axes = {"dm2": {"log": [0.01, 100], "points": 9}, "sin2_2theta": {"log": [3e-4, 1], "points": 8}}
    scan = {"version": 1, "name": "modes", "model": "two_flavour", "axes": axes}
    scan["experiments"] = ["miniboone_fhc", "miniboone_rhc"]
    scanner.run(scan, folder / "modes.zarr", cluster="serial", progress=False)
    points = itertools.product((0.01, 1.0, 100.0), (3e-4, 0.03, 1.0))
    (folder / "points.csv").write_text("dm2,sin2_2theta\n" + "".join(f"{m},{s}\n" for m, s in points))
    options: dict[str, Any] = {"experiments": ["miniboone_fhc"], "cluster": "serial", "progress": False}
    scanner.toys(folder / "modes.zarr", folder / "points.csv", 40, folder / "toys.zarr", **options)
    return folder / "modes.zarr", folder / "toys.zarr"


OSCILLATION = ("--x", "sin2_2theta", "--y", "dm2", "--experiment", "miniboone_fhc")


def test_plot_critical_values_of_pseudo_experiments(
    drawn: tuple[Path, Path], tmp_path: Path, saved: list[Figure]
) -> None:
    store, toys = drawn
    result = call("plot", store, *OSCILLATION, "--toys", toys, "--cl", 0.68, "--cl", 0.9, "-o", tmp_path / "a.png")
    assert result.exit_code == OK, result.output
    assert labels(saved[0]) == ["Feldman–Cousins", "Wilks"]
    contour = functools.partial(scanner.open(store).scan.contour, *OSCILLATION[1:4:2], (0.68, 0.9))
    of: dict[str, Any] = {"experiments": ["miniboone_fhc"]}
    exact = contour(method="feldman_cousins", toys=scanner.open(toys), **of)
    assert_drawn(saved[0].axes[0], [*exact, *contour(**of)])
    assert [line.get_linestyle() for line in saved[0].axes[0].lines][:: len(saved[0].axes[0].lines) - 1] == ["-", "--"]


def test_plot_refuses_critical_values_of_something_else(drawn: tuple[Path, Path], tmp_path: Path) -> None:
    store, toys = drawn
    other = (*OSCILLATION[:-1], "miniboone_rhc")
    for arguments, fragment in (
        ((*OSCILLATION, "--toys", store), "--toys: holds no pseudo-experiments"),
        ((*OSCILLATION, "--toys", toys, "--cl", "0.5"), "no such level\n  found: 0.5\n  allowed: 0.68, "),
        ((*OSCILLATION, "--toys", toys, "--each"), "--each: does not go with --toys"),
        ((*OSCILLATION[:2], *OSCILLATION[4:], "--toys", toys), "--toys: takes a figure over two axes\n  add --y"),
        ((*other, "--toys", toys), "are of another sum\n  found: 'miniboone_rhc'\n  allowed: miniboone_fhc"),
    ):
        result = call("plot", store, *arguments, "-o", tmp_path / "a.png")
        assert_one_message(result, BAD_INPUT)
        assert fragment in result.stderr
    result = call("plot", f"a={store}", f"b={store}", *OSCILLATION, "--toys", toys, "-o", tmp_path / "a.png")
    assert_one_message(result, BAD_INPUT)
    assert "--toys: takes one store\n  found: 'a, b'" in result.stderr


def test_predict_draws(tmp_path: Path, saved: list[Figure]) -> None:
    values = ("dm2_41=1.3", "Ue4_sq=0.01", "Umu4_sq=0.02")
    result = call("predict", "sterile_3p1", "miniboone_fhc", *values, "--plot", tmp_path / "a.png")
    assert result.exit_code == OK and "status ok" in result.stdout
    assert [axes.get_title() for axes in saved[0].axes] == ["nue, fhc", "numu, fhc"]


def test_predict_draws_nothing_without_counts(tmp_path: Path) -> None:
    point = ("hnl", CURVES[0], "m_N=0.9", "Umu4_sq=1e-4")
    assert_one_message(call("predict", *point, "--plot", tmp_path / "a.png"), BAD_INPUT)
    assert_one_message(call("predict", "two_flavour", "miniboone_fhc", "--plot", tmp_path / "a.svg"), BAD_INPUT)


FIGURE: dict[str, Any] = {
    "version": 1,
    "scans": ["../scan.yaml"],
    "x": "Umu4_sq",
    "y": "m_N",
    "cl": [0.90, 0.99],
    "curves": [
        {"label": "one", "experiments": [CURVES[0]]},
        {"label": "both", "experiments": CURVES, "cl": [0.68], "style": "dotted"},
    ],
    "published": [CURVES[1]],
    "labels": {CURVES[1]: "published"},
    "title": "mine",
}


def write_figure(folder: Path, **changes: Any) -> Path:
    """Write the figure file, in a folder of its own, with some entries replaced, or left out where None."""
    (folder / "figures").mkdir(exist_ok=True)
    path = folder / "figures/figure.yaml"
    path.write_text(to_yaml({k: v for k, v in {**FIGURE, **changes}.items() if v is not None}))
    return path


def assert_drawn(axes: Axes, expected: Sequence[Contour]) -> None:
    """The lines of a figure are those of contours."""
    drawn = [line.get_xydata() for line in axes.lines if len(line.get_xdata())]  # type: ignore[arg-type]
    for a, b in zip(drawn, [line for contour in expected for line in contour.lines], strict=True):
        np.testing.assert_array_equal(a, b)  # type: ignore[arg-type]


def test_a_figure_from_its_file(tmp_path: Path, saved: list[Figure]) -> None:
    """The scan is run for it, and not run again."""
    write(tmp_path, **SCAN)
    result = call("figure", write_figure(tmp_path), "-o", "a.png")
    assert result.exit_code == OK, result.output
    axes = saved[0].axes[0]
    assert labels(saved[0]) == ["one", "both", "published"] and axes.get_title() == "mine"
    cube = scanner.open("curves.zarr")
    plane = ("Umu4_sq", "m_N")
    expected = [
        *cube.scan.contour(*plane, cl=[0.9, 0.99], experiments=CURVES[:1]),
        *cube.scan.contour(*plane, cl=0.68),
        *cube.scan.contour(*plane, cl=[0.9, 0.99], experiments=CURVES[1:]),
    ]
    assert_drawn(axes, expected)
    assert call("figure", write_figure(tmp_path), "-o", "a.pdf").exit_code == OK
    assert scanner.open("curves.zarr").attrs["runs"] == cube.attrs["runs"]


def test_a_figure_of_several_scans(tmp_path: Path, saved: list[Figure]) -> None:
    """Curves of each by itself, and of their sum once they are merged."""
    write(tmp_path, **{**SCAN, "name": "first", "experiments": CURVES[:1], "store": "first.zarr"}).rename("first.yaml")
    write(tmp_path, **{**SCAN, "name": "second", "experiments": CURVES[1:], "store": "second.zarr"}).rename(
        "second.yaml"
    )
    scans = ["../first.yaml", "../second.yaml"]
    result = call(
        "figure", write_figure(tmp_path, scans=scans, curves=None, published=None, labels=None), "-o", "a.png"
    )
    assert result.exit_code == OK, result.output
    assert labels(saved[0]) == ["first", "second"]
    result = call("figure", write_figure(tmp_path, scans=scans), "-o", "a.png")
    assert result.exit_code == BAD_INPUT
    assert "curves[1].experiments: no single store holds all of these" in result.stderr
    merge: dict[str, Any] = {"store": "sum.zarr"}
    result = call("figure", write_figure(tmp_path, scans=scans, merge=merge), "-o", "a.png", "--cluster", "serial")
    assert result.exit_code == OK, result.output
    assert labels(saved[1]) == ["one", "both", "published"]
    separate = [scanner.open(f"{name}.zarr").chi2[0].astype(float) for name in ("first", "second")]
    np.testing.assert_array_equal(scanner.open("sum.zarr").scan.total(), separate[0] + separate[1])
    merge = {"store": "one.zarr", "experiments": CURVES[:1]}
    path = write_figure(tmp_path, scans=scans, merge=merge, curves=None)
    assert call("figure", path, "-o", "a.png", "--cluster", "serial").exit_code == OK
    assert labels(saved[2]) == ["one", "published"]


def test_a_curve_names_its_scan(tmp_path: Path, saved: list[Figure]) -> None:
    """Where two scans have the same experiments, of models that differ."""
    for name, nature in (("first", "majorana"), ("second", "dirac")):
        changes = {"name": name, "fixed": {"nature": nature}, "experiments": CURVES[:1], "store": f"{name}.zarr"}
        write(tmp_path, **{**SCAN, **changes}).rename(f"{name}.yaml")
    curves = [{"label": of, "experiments": CURVES[:1], "scan": of} for of in ("second", "first")]
    scans = ["../first.yaml", "../second.yaml"]
    of: dict[str, Any] = {"scans": scans, "curves": curves, "published": None, "labels": None, "cl": [0.9]}
    result = call("figure", write_figure(tmp_path, **of), "-o", "a.png")
    assert result.exit_code == OK, result.output
    plane = ("Umu4_sq", "m_N")
    assert_drawn(
        saved[0].axes[0],
        [
            contour
            for name in ("second", "first")
            for contour in scanner.open(f"{name}.zarr").scan.contour(*plane, cl=[0.9])
        ],
    )


def test_a_figure_of_one_surface_or_of_profiles(tmp_path: Path, saved: list[Figure]) -> None:
    write(tmp_path, **SCAN)
    changes: dict[str, Any] = {"curves": None, "published": None, "labels": None}
    result = call("figure", write_figure(tmp_path, **changes, fill="surface"), "-o", "a.png")
    assert result.exit_code == OK, result.output
    assert "best fit Umu4_sq = " in result.stdout
    assert call("figure", write_figure(tmp_path, **changes, y=None), "-o", "a.png").exit_code == OK
    assert labels(saved[1]) == ["curves"]


@pytest.mark.parametrize("path", sorted((CONFIGS[0].parent / "figures").glob("*.yaml")), ids=lambda path: path.name)
def test_the_shipped_figure_files_are_good(path: Path) -> None:
    """Each names scans that are there, and experiments and axes of these."""
    spec = read_figure_file(path)
    scans = [read_scan_file(path.parent / scan) for scan in spec.scans]
    drawn = {*spec.published, *(name for curve in spec.curves for name in curve.experiments)}
    assert drawn <= {name for scan in scans for name in scan.experiments}
    assert all({spec.x, spec.y} <= set(scan.axes) for scan in scans)


def test_an_unknown_kind_of_figure_is_refused_before_the_scan(tmp_path: Path) -> None:
    write(tmp_path, **SCAN)
    result = call("figure", write_figure(tmp_path), "-o", "a.svg")
    assert_one_message(result, BAD_INPUT)
    assert "--output: unknown kind of figure\n  found: 'a.svg'\n  allowed: .png or .pdf" in result.stderr
    assert not Path("curves.zarr").exists()


BAD_FIGURES = [
    ({"version": 2}, "version: "),
    ({"x": None}, "x: is missing"),
    ({"scans": []}, "scans: should have at least 1 entry"),
    ({"scans": ["none.yaml"]}, "none.yaml: cannot be read"),
    ({"scans": ["../scan.yaml", "../figures/../scan.yaml"]}, "scans: two of them have the same name"),
    ({"colour": "red"}, "colour: unknown key 'colour'\n  allowed: version, scans, merge, x"),
    ({"cl": [90]}, "cl[0]: "),
    ({"curves": [{"label": "a", "experiments": ["b"], "experiment": ["b"]}]}, "did you mean 'experiments'?"),
    ({"curves": [{"label": "a"}]}, "curves[0].experiments: is missing\n  allowed: names of experiments of one scan"),
    ({"curves": [{"label": "a", "experiments": ["b", "b"]}]}, "curves[0].experiments: must not name anything twice"),
    ({"curves": [{"label": "a", "experiments": ["ps191"]}]}, "curves[0].experiments: no such experiment: 'ps191'"),
    ({"curves": [{"label": "a", "experiments": ["b"], "style": "wavy"}]}, "curves[0].style: "),
    (
        {"curves": [{"label": "a", "experiments": CURVES, "scan": "b"}]},
        "curves[0].scan: no such scan in this figure\n  found: 'b'\n  allowed: curves",
    ),
    ({"published": ["ps191"], "labels": None}, "published: no such experiment: 'ps191'"),
    ({"labels": {"ps191": "a"}}, "labels: 'ps191' is not in published"),
    ({"fill": "surface"}, "fill: surface takes one curve"),
    ({"merge": {"on": "first"}}, "merge.store: is missing\n  allowed: path or URL of the merged store"),
    ({"merge": {"store": "a.zarr", "on": "last"}}, "merge.on: "),
    ({"merge": {"store": "a.zarr", "experiments": ["ps191"]}}, "merge.experiments: no such experiment: 'ps191'"),
    ({"y": "m_n"}, "y: 'm_n' is not an axis left to choose\n  allowed: m_N, Umu4_sq, Utau4_sq\n  did you mean 'm_N'?"),
    ({"at": {"Utau": 0}}, "at: 'Utau' is not an axis"),
]


@pytest.mark.parametrize(("changes", "fragment"), BAD_FIGURES)
def test_a_figure_file_is_refused(tmp_path: Path, changes: dict[str, Any], fragment: str) -> None:
    """Before any scan is run."""
    write(tmp_path, **SCAN)
    result = call("figure", write_figure(tmp_path, **changes), "-o", "a.png")
    assert_one_message(result, BAD_INPUT)
    assert fragment in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["figures", "scan.yaml"]
