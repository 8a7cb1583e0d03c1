"""Figures: that what is drawn is what was computed. Pixels are for the eye."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from matplotlib.animation import PillowWriter
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.container import BarContainer
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch
from matplotlib.path import Path as Outline
from PIL import Image
from scipy import stats

import scanner
import scanner.analysis.accessor
from scanner.analysis import style
from scanner.analysis.animation import animate
from scanner.analysis.axes import drawn_in_log
from scanner.analysis.curves import looks, outlines, plot_contours
from scanner.analysis.plots import plot_surface
from scanner.analysis.profiles import corner_pairs, plot_corner, plot_profiles
from scanner.analysis.selections import (
    Curve,
    Selection,
    curves,
    each_alone,
    each_and_sum,
    groups,
    published,
    sums,
)
from scanner.analysis.spectra import plot_spectrum, poisson_interval
from scanner.analysis.surface import surface, threshold
from scanner.errors import InputError

CENTRES = {"a": (1e-3, 2.0, 5.0), "b": (1e-2, 3.0, 6.0), "curve": (1e-1, 1.0, 5.0)}
"""Where each experiment of the cube is at its minimum: m [GeV], q, r."""


def cube_of(centres: dict[str, tuple[float, float, float]] = CENTRES, points: int = 41) -> xr.Dataset:
    """A cube whose experiments are paraboloids in log10 m, q and r, "curve" of them known from a published curve."""
    coordinates = {
        "experiment": list(centres),
        "m": ("m", np.geomspace(1e-4, 1, points), {"units": "GeV", "long_name": "$m_N$", "scale": "log"}),
        "q": ("q", np.linspace(0, 5, points + 2), {"units": "1", "long_name": "$q$", "scale": "linear"}),
        "r": ("r", np.arange(4.0, 8.0), {"units": "eV^2", "long_name": "$r$", "scale": "values"}),
    }
    m, q, r = np.ix_(*(coordinates[name][1] for name in "mqr"))  # type: ignore[arg-type]
    chi2 = [7 + (np.log10(m / a) / 0.3) ** 2 + ((q - b) / 0.5) ** 2 + (r - c) ** 2 for a, b, c in centres.values()]
    facts = {name: {"data_sets": [name], "from_curve": name == "curve"} for name in centres}
    attributes = {"title": "paraboloids", "experiments": facts, "store": "paraboloids.zarr"}
    return xr.Dataset({"chi2": (("experiment", "m", "q", "r"), np.array(chi2))}, coordinates, attributes).chunk(
        {"m": 9}
    )


@pytest.fixture(scope="module")
def cube() -> xr.Dataset:
    return cube_of()


@pytest.fixture
def saved(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that were saved."""
    found: list[Figure] = []
    original = Figure.savefig

    def savefig(self: Figure, *args: Any, **kwargs: Any) -> None:
        found.append(self)
        original(self, *args, **kwargs)

    monkeypatch.setattr(Figure, "savefig", savefig)
    return found


def drawn_lines(axes: Axes) -> list[np.ndarray]:
    """What lines are drawn of, shape (n, 2), without those that are only in the legend, or mark a point."""
    return [line.get_xydata() for line in axes.lines if len(line.get_xdata()) > 1]  # type: ignore[arg-type,misc]


def assert_same_lines(drawn: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> None:
    assert len(drawn) == len(expected) > 0
    for a, b in zip(drawn, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def legend_of(figure: Figure) -> list[str]:
    legend = figure.axes[0].get_legend()
    assert legend is not None
    return [text.get_text() for text in legend.get_texts()]


@pytest.mark.parametrize("suffix", ["png", "pdf"])
def test_a_surface_is_drawn_with_the_contours_of_the_accessor(
    cube: xr.Dataset, tmp_path: Path, saved: list[Figure], suffix: str
) -> None:
    output = tmp_path / "deeper" / f"figure.{suffix}"
    plot_surface(surface(cube, ("m", "q"), ["a", "b"]), [0.9, 0.68], output, "title")
    assert output.read_bytes()[:4] == {"png": b"\x89PNG", "pdf": b"%PDF"}[suffix]
    axes = saved[0].axes[0]
    expected = cube.scan.contour("m", "q", cl=[0.68, 0.9], experiments=["a", "b"])
    assert_same_lines(drawn_lines(axes), [line for contour in expected for line in contour.lines])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("$m_N$ [GeV]", "$q$")
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "linear")
    assert axes.get_xlim() == pytest.approx((1e-4, 1)) and axes.get_ylim() == (0, 5)


def test_a_contour_lies_where_the_surface_crosses_it(cube: xr.Dataset, tmp_path: Path, saved: list[Figure]) -> None:
    """An ellipse in log10 m and q around the minimum, of half axes 0.3 √Δχ² and 0.5 √Δχ²."""
    plot_surface(surface(cube, ("m", "q"), ["a"]), [0.9], tmp_path / "ellipse.png")
    (line,) = drawn_lines(saved[0].axes[0])
    radius = np.hypot(np.log10(line[:, 0] / 1e-3) / 0.3, (line[:, 1] - 2.0) / 0.5)
    np.testing.assert_allclose(radius, np.sqrt(threshold(0.9)), rtol=0.01)


def test_the_look_leaves_nothing_behind(cube: xr.Dataset, tmp_path: Path) -> None:
    """Whether the figure is written or refused."""
    before, figures = dict(matplotlib.rcParams), plt.get_fignums()
    plot_surface(surface(cube, ("m", "q"), ["a"]), [0.9], tmp_path / "figure.png")
    with pytest.raises(InputError, match="between 0 and 1"):
        plot_surface(surface(cube, ("m", "q"), ["a"]), [90], tmp_path / "figure.png")
    assert dict(matplotlib.rcParams) == before and plt.get_fignums() == figures


@pytest.mark.parametrize(("name", "allowed"), [("figure.svg", r"\.png or \.pdf"), ("figure", r"\.png or \.pdf")])
def test_unknown_figure_format(cube: xr.Dataset, tmp_path: Path, name: str, allowed: str) -> None:
    with pytest.raises(InputError, match=allowed):
        plot_surface(surface(cube, ("m", "q"), ["b"]), [0.9], tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_points_without_a_result_are_grey_and_named(cube: xr.Dataset, tmp_path: Path, saved: list[Figure]) -> None:
    plot_surface(surface(cube.where(cube.q < 4), ("m", "q"), ["a"]), [0.9], tmp_path / "figure.png")
    assert to_hex(saved[0].axes[0].get_facecolor()) == to_hex("0.85")
    assert "no result (see status)" in legend_of(saved[0])


def test_contours_of_groups_and_published_curves(cube: xr.Dataset, tmp_path: Path, saved: list[Figure]) -> None:
    levels = (0.90, 0.99)
    chosen = groups({"x": cube}, {"one": ["a"], "both": ["b", "a"]}, levels, "--group")
    chosen += published({"x": cube}, ["curve"], levels, "--published")
    assert plot_contours(curves(chosen, ("m", "q"), {}), tmp_path / "figure.png", "title") == []
    axes = saved[0].axes[0]
    sums_of = [["a"], ["a", "b"], ["curve"]]
    expected = [cube.scan.contour("m", "q", cl=levels, experiments=names) for names in sums_of]
    assert_same_lines(drawn_lines(axes), [line for one in expected for contour in one for line in contour.lines])
    assert legend_of(saved[0]) == ["one", "both", "curve", "90% CL", "99% CL"]
    lines = [line for line in axes.lines if len(line.get_xdata()) > 1]  # type: ignore[arg-type]
    assert [line.get_linestyle() for line in lines] == ["-", "-", "-", "-", "--", "--"]
    widths = [line.get_linewidth() for line in lines]
    assert all(a > b for a, b in zip(widths[::2], widths[1::2], strict=True))
    assert len({line.get_color() for line in lines}) == 3


def test_curves_at_their_own_dof() -> None:
    """A search whose published limit lies at 2.71 is drawn there, and not at 4.61."""
    cube = cube_of({"a": CENTRES["a"]})
    cube.attrs["experiments"]["a"]["limit_dof"] = 1
    cubes = {"x": cube}
    chosen = [*each_alone(cubes, None, (0.9,)), *groups(cubes, {"mine": ["a"]}, (0.9,), ""), *sums(cubes, None, (0.9,))]
    for curve in curves(chosen, ("m", "q"), {}):
        assert curve.thresholds == {0.9: pytest.approx(2.7055, abs=1e-4)}


def test_what_excludes_nothing_is_said_and_not_drawn(cube: xr.Dataset, tmp_path: Path, saved: list[Figure]) -> None:
    flat = cube.assign(chi2=cube.chi2.where(cube.experiment != "b", 3.0))
    drawn = curves(each_alone({"x": flat}, ["a", "b"], (0.9,)), ("m", "q"), {})
    assert plot_contours(drawn, tmp_path / "figure.png") == ["b"]
    assert legend_of(saved[0]) == ["a"]
    with pytest.raises(InputError, match="nothing is excluded there at 90% CL"):
        plot_contours(drawn[1:], tmp_path / "figure.png")


def windings(outline: Outline, points: np.ndarray) -> np.ndarray:
    """How often an outline goes around each point: it is filled where this is not 0, and holes go backwards."""
    found = np.zeros(len(points), dtype=int)
    for polygon in outline.to_polygons():
        x, y = polygon.T  # type: ignore[attr-defined]
        turn = np.sign(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]))
        found += int(turn) * Outline(polygon).contains_points(points)
    return found


@pytest.mark.parametrize("shade", ["allowed", "excluded"])
def test_the_tinted_side_holds_just_its_points(
    cube: xr.Dataset, tmp_path: Path, saved: list[Figure], shade: Any
) -> None:
    curve = curves(sums({"x": cube}, ["a"], (0.9, 0.99)), ("m", "q"), {})[0]
    plot_contours([curve], tmp_path / "figure.png", shade=shade)
    patches = [patch for patch in saved[0].axes[0].patches if isinstance(patch, PathPatch)]
    inner = curve.delta.isel(m=slice(1, -1), q=slice(1, -1))  # on the edge of an outline a point is in or out by chance
    m, q = np.meshgrid(inner.m, inner.q, indexing="ij")
    points = np.stack([m.ravel(), q.ravel()], axis=1)
    tinted = np.any([windings(patch.get_path(), points) != 0 for patch in patches], axis=0).reshape(m.shape)
    inside = inner.values < threshold(0.9)
    np.testing.assert_array_equal(tinted, inside if shade == "allowed" else ~inside)


def test_an_outline_keeps_its_hole() -> None:
    """What is excluded around an allowed island is not excluded in it."""
    curve = curves(sums({"x": cube_of({"a": CENTRES["a"]})}, None, (0.9,)), ("m", "q"), {})[0]
    (outline,) = outlines(curve.delta, (threshold(0.9), np.inf))
    assert windings(outline, np.array([(0.1, 4.0), (1e-3, 2.0)])).tolist() == [1, 0]


def test_many_curves_look_different(cube: xr.Dataset) -> None:
    delta = surface(cube, ("m", "q"), ["a"])

    def looks_of(solid: int, dashed: int) -> list[tuple[str, str]]:
        lines = ["solid"] * solid + ["dashed"] * dashed
        return looks([Curve(Selection(str(i), cube, line=line), delta) for i, line in enumerate(lines)])  # type: ignore[arg-type]

    assert len(set(looks_of(18, 19))) == 37
    few = looks_of(5, 5)
    assert len({colour for colour, _ in few}) == 10 and [line for _, line in few] == ["solid"] * 5 + ["dashed"] * 5


def test_experiments_of_several_stores_are_told_apart(cube: xr.Dataset) -> None:
    other = cube_of({"b": (0.1, 4.0, 4.0), "d": (0.2, 1.0, 4.0)}, points=21)
    found = each_alone({"near": cube, "far": other}, None, (0.9,))
    assert [one.label for one in found] == ["a", "b (near)", "curve", "b (far)", "d"]
    drawn = curves(found, ("m", "q"), {})
    np.testing.assert_array_equal(drawn[3].delta, surface(other, ("m", "q"), ["b"]))
    assert groups({"near": cube, "far": other}, {"both": ["b", "d"]}, (0.9,), "--group")[0].dataset is other


def test_an_axis_is_fixed_where_there_is_one(cube: xr.Dataset) -> None:
    flat = cube.isel(r=0, drop=True)
    first, second = curves(sums({"x": cube, "y": flat}, ["a"], (0.9,)), ("m", "q"), {"r": 6.2})
    np.testing.assert_array_equal(first.delta, surface(cube, ("m", "q"), ["a"], {"r": 6.0}))
    assert second.delta.attrs["fixed"] == {}
    with pytest.raises(InputError, match="'s' is not an axis left to choose"):
        curves(sums({"x": cube}, ["a"], (0.9,)), ("m", "q"), {"s": 1.0})


@pytest.mark.parametrize(
    ("names", "fragment"),
    [
        (["a", "d"], "no single store holds all of these\n  found: ['a', 'd']\n  merge the stores"),
        (["a", "curv"], "no such experiment: 'curv'\n  allowed: a, b, curve, d\n  did you mean 'curve'?"),
    ],
)
def test_experiments_that_no_store_holds(cube: xr.Dataset, names: list[str], fragment: str) -> None:
    other = cube_of({"d": (0.2, 1.0, 4.0)}, points=5)
    with pytest.raises(InputError) as caught:
        groups({"x": cube, "y": other}, {"both": names}, (0.9,), "--group")
    assert fragment in str(caught.value) and str(caught.value).startswith("--group: ")


def test_stores_must_share_the_axes_and_their_units(cube: xr.Dataset) -> None:
    other = cube_of()
    other["m"].attrs["units"] = "MeV"
    with pytest.raises(
        InputError, match="'m' has another unit than in the first store\n  found: 'MeV'\n  allowed: GeV"
    ):
        curves(sums({"x": cube, "y": other}, ["a"], (0.9,)), ("m", "q"), {})
    with pytest.raises(InputError, match=r"store paraboloids\.zarr: 'q' is not an axis of it\n  allowed: m, r"):
        curves(sums({"x": cube, "y": cube.isel(q=0, drop=True)}, ["a"], (0.9,)), ("m", "q"), {})


def test_a_contour_needs_an_area(cube: xr.Dataset, tmp_path: Path) -> None:
    thin = curves(sums({"x": cube.isel(q=[20])}, ["a"], (0.9,)), ("m", "q"), {})
    with pytest.raises(InputError, match="two values or more on each axis"):
        plot_contours(thin, tmp_path / "figure.png")


def test_profiles_of_each_and_their_sum(cube: xr.Dataset, tmp_path: Path, saved: list[Figure]) -> None:
    drawn = curves(each_and_sum(cube, None, (0.9,)), ("m",), {"q": 2.0})
    plot_profiles(drawn, tmp_path / "figure.pdf", "title")
    axes = saved[0].axes[0]
    lines = {str(line.get_label()): line for line in axes.lines if len(line.get_xdata()) > 2}  # type: ignore[arg-type]
    assert list(lines) == legend_of(saved[0]) == ["a", "b", "curve", "sum"]
    for name, line in lines.items():
        names = None if name == "sum" else [name]
        np.testing.assert_array_equal(line.get_xdata(), cube.m)
        np.testing.assert_array_equal(line.get_ydata(), cube.scan.profile("m", experiments=names, at={"q": 2.0}))
    assert lines["curve"].get_linestyle() == "--" and lines["sum"].get_color() == "black"
    sigmas = [line.get_ydata()[0] for line in axes.lines if len(line.get_xdata()) == 2]  # type: ignore[arg-type,index]
    assert sigmas == [1, 4, 9]


def test_one_experiment_has_no_sum(cube: xr.Dataset) -> None:
    assert [one.label for one in each_and_sum(cube, ["a"], (0.9,))] == ["a"]


def test_a_corner_shows_every_profile(cube: xr.Dataset, tmp_path: Path, saved: list[Figure]) -> None:
    pairs = {pair: surface(cube, pair, ["a", "b"]) for pair in corner_pairs("mqr")}
    plot_corner(pairs, [0.68, 0.9], tmp_path / "figure.png", "title")
    panels = saved[0].axes
    assert len(panels) == 6
    diagonal = [axes for axes in panels if axes.get_ylabel() == r"$\Delta\chi^2$"]
    for axes, name in zip(diagonal, "mqr", strict=True):
        profile = cube.scan.profile(name, experiments=["a", "b"])
        np.testing.assert_allclose(axes.lines[0].get_ydata(), profile, atol=1e-12)
    best = cube.scan.best_fit(["a", "b"]).point
    for axes, (x, y) in zip(
        [a for a in panels if a not in diagonal], [("m", "q"), ("m", "r"), ("q", "r")], strict=True
    ):
        expected = cube.scan.contour(x, y, cl=[0.68, 0.9], experiments=["a", "b"])
        assert_same_lines(drawn_lines(axes), [line for contour in expected for line in contour.lines])
        (star,) = [line for line in axes.lines if line.get_marker() == "*"]
        assert (star.get_xdata()[0], star.get_ydata()[0]) == (best[x], best[y])  # type: ignore[index]


@pytest.mark.parametrize("names", [["m"], ["m", "q", "m"]])
def test_a_corner_needs_different_axes(names: list[str]) -> None:
    with pytest.raises(InputError, match="two different axes or more"):
        corner_pairs(names)


@pytest.fixture
def frames(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[np.ndarray]]]:
    """Title and lines of each frame that was written."""
    found: list[tuple[str, list[np.ndarray]]] = []
    original = PillowWriter.grab_frame

    def grab(self: PillowWriter, **kwargs: Any) -> None:
        axes = self.fig.axes[0]
        found.append((axes.get_title(), drawn_lines(axes)))
        original(self, **kwargs)

    monkeypatch.setattr(PillowWriter, "grab_frame", grab)
    return found


@pytest.mark.parametrize("shade", [None, "none"])
def test_an_animation_has_a_frame_for_each_value(
    cube: xr.Dataset, tmp_path: Path, frames: list[tuple[str, list[np.ndarray]]], shade: Any
) -> None:
    """Against the minimum over all frames: the ellipse is smaller away from the best r, and gone far from it."""
    chosen = curves(sums({"x": cube}, ["a"], (0.9,)), ("m", "q", "r"), {})
    assert animate(chosen, 40, tmp_path / "deeper" / "figure.gif", shade, title="title") == 4
    with Image.open(tmp_path / "deeper" / "figure.gif") as image:
        assert image.n_frames == 4  # type: ignore[attr-defined]
    assert [text for text, _ in frames] == [f"title\n$r$ = {r} eV$^{{2}}$" for r in (4, 5, 6, 7)]
    for (_, lines), r in zip(frames, (4.0, 5.0, 6.0, 7.0), strict=True):
        left = threshold(0.9) - (r - 5.0) ** 2
        assert len(lines) == 1
        radius = np.hypot(np.log10(lines[0][:, 0] / 1e-3) / 0.3, (lines[0][:, 1] - 2.0) / 0.5)
        np.testing.assert_allclose(radius, np.sqrt(left), rtol=0.04)


def test_many_frames_are_thinned_evenly(
    cube: xr.Dataset, tmp_path: Path, frames: list[tuple[str, list[np.ndarray]]]
) -> None:
    chosen = curves(sums({"x": cube}, ["a"], (0.9,)), ("m", "r", "q"), {})
    assert animate(chosen, 3, tmp_path / "figure.gif", None) == 3
    assert [text for text, _ in frames] == ["$q$ = 0", "$q$ = 2.5", "$q$ = 5"]


def test_a_frame_without_any_result_is_still_one(cube: xr.Dataset, tmp_path: Path) -> None:
    chosen = curves(sums({"x": cube.where(cube.r != 6).isel(r=[1, 2])}, ["a"], (0.9,)), ("m", "q", "r"), {})
    assert animate(chosen, 40, tmp_path / "figure.gif", None) == 2


def test_what_does_not_move(cube: xr.Dataset, tmp_path: Path) -> None:
    still = curves(sums({"x": cube.isel(r=[1])}, ["a"], (0.9,)), ("m", "q", "r"), {})
    with pytest.raises(InputError, match="--animate: 'r' has one value"):
        animate(still, 40, tmp_path / "figure.gif")
    apart = curves(sums({"x": cube, "y": cube.isel(r=slice(2))}, ["a"], (0.9,)), ("m", "q", "r"), {})
    with pytest.raises(InputError, match="'r' has other values in y than in x"):
        animate(apart, 40, tmp_path / "figure.gif")
    with pytest.raises(InputError, match=r"allowed: \.gif"):
        animate(apart[:1], 40, tmp_path / "figure.png")


def bars_of(axes: Axes) -> dict[str, np.ndarray]:
    """Left edge, width, bottom and height of the bars of each label, shape (bins, 4)."""
    boxes = [box for box in axes.containers if isinstance(box, BarContainer)]
    return {
        str(box.get_label()): np.array([(p.get_x(), p.get_width(), p.get_y(), p.get_height()) for p in box])
        for box in boxes
    }


def test_a_spectrum_stacks_what_was_predicted_and_shows_the_data(tmp_path: Path, saved: list[Figure]) -> None:
    predicted = scanner.predict("two_flavour", "miniboone", dm2=0.04, sin2_2theta=0.8)
    plot_spectrum(predicted, tmp_path / "figure.png", "title")
    panels = {axes.get_title(): axes for axes in saved[0].axes}
    assert list(panels) == ["nue, fhc", "nue, rhc", "numu, fhc", "numu, rhc"]
    for text, axes in panels.items():
        sample, beam = text.split(", ")
        bins = predicted.isel(bin=np.flatnonzero((predicted["sample"] == sample) & (predicted.beam == beam)))
        bars = bars_of(axes)
        widths = bars["signal"][:, 1] if sample == "nue" else np.ones(8)
        for name in ("signal", "background"):
            np.testing.assert_allclose(bars[name][:, 3] * widths, bins[name], rtol=1e-12)
        np.testing.assert_allclose(bars["signal"][:, 2], bars["background"][:, 3])
        data = next(line for line in axes.lines if line.get_marker() == "o")
        np.testing.assert_allclose(data.get_ydata() * widths, bins.data, rtol=1e-12)  # type: ignore[operator]
    nue = bars_of(panels["nue, fhc"])["background"]
    np.testing.assert_allclose(nue[:, 0], predicted.E_low[:11])
    np.testing.assert_allclose(nue[:, 0] + nue[:, 1], predicted.E_high[:11])
    assert panels["nue, fhc"].get_xlabel() == "$E$ [MeV]" and panels["nue, fhc"].get_ylabel() == "events / MeV"
    assert panels["numu, rhc"].get_xlabel() == "bin" and panels["numu, rhc"].get_ylabel() == "events"


def test_other_points_are_lines_on_the_background(tmp_path: Path, saved: list[Figure]) -> None:
    null = scanner.predict("two_flavour", "miniboone_fhc", dm2=0.04, sin2_2theta=0.0)
    other = scanner.predict("two_flavour", "miniboone_fhc", dm2=0.04, sin2_2theta=0.8)
    plot_spectrum(null, tmp_path / "figure.png", "title", {"best fit": other})
    axes = next(axes for axes in saved[0].axes if axes.get_title() == "nue, fhc")
    line = next(line for line in axes.lines if line.get_label() == "best fit")
    expected = (other.signal + other.background)[:11] / (other.E_high - other.E_low)[:11]
    np.testing.assert_allclose(line.get_ydata()[:-1], expected, rtol=1e-12)  # type: ignore[index]
    assert {text.get_text() for text in axes.get_legend().get_texts()} == {"background", "best fit", "data"}


def test_bins_without_edges_have_names(tmp_path: Path, saved: list[Figure]) -> None:
    plot_spectrum(scanner.predict("hnl", "t2k_nd280_hnl", m_N=0.3, Umu4_sq=1e-8), tmp_path / "figure.png")
    assert [axes.get_title() for axes in saved[0].axes] == ["fhc", "rhc"]
    names = [text.get_text() for text in saved[0].axes[0].get_xticklabels()]
    assert names == ["mu pi", "e- pi+", "e+ pi-", "mu mu", "e e"]


def test_a_projection_has_no_data_to_draw(tmp_path: Path, saved: list[Figure]) -> None:
    """Else its zeros would look like events that were looked for and not seen."""
    predicted = scanner.predict("hnl", "sbnd_hnl", m_N=0.3, Umu4_sq=1e-8)
    plot_spectrum(predicted, tmp_path / "figure.png")
    axes, legend = saved[0].axes[0], saved[0].axes[0].get_legend()
    assert not axes.lines and legend.get_title().get_text() == "projection"
    assert [text.get_text() for text in legend.get_texts()] == ["background", "signal"]
    np.testing.assert_array_equal(bars_of(axes)["signal"][:, 3], predicted.signal)


def test_spectra_of_what_has_no_counts_are_refused(tmp_path: Path) -> None:
    curve = scanner.predict("hnl", "published_Umu4_t2k", m_N=0.3, Umu4_sq=1e-8)
    with pytest.raises(InputError, match="published_Umu4_t2k is known from a published curve and has no counts"):
        plot_spectrum(curve, tmp_path / "figure.png")
    outside = scanner.predict("sterile_3p1", "miniboone_fhc", Ue4_sq=0.9, Umu4_sq=0.9)
    with pytest.raises(InputError, match="no prediction at this point: status outside_model"):
        plot_spectrum(outside, tmp_path / "figure.png")


def test_the_errors_of_counts_are_central_poisson_intervals() -> None:
    """Each end of it, taken for the mean, leaves 15.9 % beyond the count."""
    counts = np.array([1.0, 4.0, 60.0])
    low, high = poisson_interval(counts)
    np.testing.assert_allclose(stats.poisson.sf(counts - 1, low), (1 - 0.6827) / 2)
    np.testing.assert_allclose(stats.poisson.cdf(counts, high), (1 - 0.6827) / 2)
    assert poisson_interval(np.zeros(1))[0, 0] == 0


@pytest.mark.parametrize(("high", "labels"), [(0.5, {"0.2", "0.3", "0.5"}), (2.0, set())])
def test_labels_between_powers_of_ten(high: float, labels: set[str]) -> None:
    """There where less than a decade is drawn, and not where they would run into each other."""
    axes = Figure().subplots()
    style.dress(axes.xaxis, xr.DataArray([0.14, high], dims="x", attrs={"scale": "log"}))
    axes.figure.canvas.draw()
    assert labels <= {text.get_text() for text in axes.get_xticklabels(minor=True)}
    assert labels or {text.get_text() for text in axes.get_xticklabels(minor=True)} <= {""}


@pytest.mark.parametrize(
    ("attributes", "values", "expected"),
    [
        ({"scale": "linear"}, [1, 1000], False),
        ({"scale": "log"}, [1, 2], True),
        ({"scale": "values"}, [1, 1000], True),
        ({"scale": "values"}, [0, 1000], False),
        ({}, [1, 10], False),
    ],
)
def test_logarithmic_axes(attributes: dict[str, str], values: list[float], expected: bool) -> None:
    assert drawn_in_log(xr.DataArray(values, dims="x", attrs=attributes)) is expected
