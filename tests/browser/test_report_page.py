"""A report in a headless Chromium, opened from the disk without a network, clicked through and compared with Python."""

from __future__ import annotations

import csv
import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from report_cubes import EVIL, cube, noise, predict

from scanner.analysis.contours import Contour
from scanner.analysis.report import write_report
from scanner.analysis.surface import threshold

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="Debian's chromium and chromium-driver are not here")
WAIT = 20.0
"""Seconds after which the test gives up on the page."""


class Browser:
    """The page, and what the tests do with it.

    Parameters
    ----------
    driver
        Of selenium.
    """

    def __init__(self, driver: Any):
        self.driver = driver

    def run(self, script: str, *arguments: Any) -> Any:
        """Run a script in the page, wait for what it returns, and return that."""
        return self.driver.execute_async_script(
            "const done = arguments[arguments.length - 1]; const args = [...arguments].slice(0, -1);"
            f"(async () => {{ {script} }})().then(done, (error) => done('failed: ' + error))",
            *arguments,
        )

    def choose(self, element: str, value: str) -> None:
        """Choose an option as the user does, and wait for the drawing."""
        from selenium.webdriver.support.select import Select

        Select(self.driver.find_element("id", element)).select_by_value(value)
        self.settle()

    def click(self, selector: str) -> None:
        """Click an element, and wait for the drawing."""
        self.driver.find_element("css selector", selector).click()
        self.settle()

    def slide(self, element: str, position: int) -> None:
        """Move a slider by the keyboard."""
        from selenium.webdriver.common.keys import Keys

        slider = self.driver.find_element("id", element)
        slider.send_keys(Keys.HOME)
        for _ in range(position):
            slider.send_keys(Keys.ARROW_RIGHT)
        self.settle()

    def settle(self) -> None:
        """Wait until the figure shows the page's state."""
        assert self.run("await draw(); return true") is True

    def text(self, element: str) -> str:
        return str(self.driver.find_element("id", element).get_property("textContent"))

    def trace(self, role: str, **meta: Any) -> dict[str, Any]:
        """The trace of the figure with a role, as plain numbers."""
        traces = self.run(
            "return document.getElementById('figure').data.map((t) => ({meta: t.meta, name: t.name, "
            "x: [...(t.x ?? [])], y: [...(t.y ?? [])], z: (t.z ?? []).map((row) => [...row].map("
            "(v) => Number.isNaN(v) ? null : v)), dash: t.line?.dash}))"
        )
        (found,) = (t for t in traces if t["meta"].items() >= {"role": role, **meta}.items())
        return dict(found)

    def problems(self) -> list[str]:
        """Messages of the console, and refused requests."""
        return [entry["message"] for entry in self.driver.get_log("browser")]


@pytest.fixture(scope="module")
def driver() -> Iterator[Any]:
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1400,1500"):
        options.add_argument(argument)
    options.add_argument("--host-resolver-rules=MAP * ~NOTFOUND")  # no network
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    driver.set_script_timeout(WAIT)
    yield driver
    driver.quit()


def opened(driver: Any, path: Path) -> Browser:
    """Open a page from the disk, and wait until it is drawn."""
    driver.get(path.as_uri())
    browser = Browser(driver)
    browser.run("while (!document.getElementById('figure').data?.length) await new Promise((r) => setTimeout(r, 20))")
    return browser


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("report") / "report.html"
    two_axes = cube(title="second: two axes").sel(experiment=["b", "curve"]).isel(r=slice(0, 1))
    write_report([cube(), two_axes], output, {"a and b": ["a", "b"]}, predict=predict)
    return output


@pytest.fixture(scope="module")
def loaded(driver: Any, report: Path) -> Browser:
    return opened(driver, report)


@pytest.fixture
def browser(loaded: Browser, report: Path) -> Iterator[Browser]:
    """The page as it is after loading."""
    if loaded.driver.current_url != report.as_uri():
        opened(loaded.driver, report)
    loaded.run("document.getElementById('controls').reset(); await chooseStore(0)")
    yield loaded
    assert loaded.problems() == []


def assert_same_curve(trace: dict[str, Any], expected: Contour) -> None:
    """The same vertices, in whatever order the lines are; lines are separated by a gap."""
    found = np.array([(x, y) for x, y in zip(trace["x"], trace["y"], strict=True) if x is not None])
    vertices = np.concatenate(expected.lines)
    assert trace["x"].count(None) == len(expected.lines) - 1
    assert len(found) == len(vertices)

    def distinct(points: np.ndarray) -> np.ndarray:
        """In one order, each once: a closed line repeats its first vertex, and which one is first is free."""
        ordered = points[np.lexsort(np.round(points, 4).T)]
        return ordered[np.r_[True, np.abs(np.diff(ordered, axis=0)).max(1) > 1e-6]]

    np.testing.assert_allclose(distinct(found), distinct(vertices), rtol=1e-5, atol=1e-5)


def assert_same_surface(trace: dict[str, Any], expected: xr.DataArray, atol: float = 1e-5) -> None:
    """The heights of the figure, rows upwards."""
    found = np.array([[np.nan if v is None else v for v in row] for row in trace["z"]])
    np.testing.assert_allclose(found.T, expected, rtol=1e-6, atol=atol)


def test_profiles_and_their_contours(browser: Browser) -> None:
    browser.choose("source", "a and b")
    expected = cube().scan.profile("p", "q", experiments=["a", "b"])
    assert np.isnan(expected).any()
    assert_same_surface(browser.trace("surface"), expected)
    for cl in (0.6827, 0.9, 0.99):
        (contour,) = cube().scan.contour("p", "q", cl=cl, experiments=["a", "b"])
        assert_same_curve(browser.trace("sum", cl=cl), contour)
    best = browser.trace("best")
    assert (best["x"], best["y"]) == ([expected.attrs["best_fit"]["p"]], [expected.attrs["best_fit"]["q"]])
    assert "profiled over r" in browser.text("caption")


def test_levels_and_degrees_of_freedom(browser: Browser) -> None:
    browser.choose("source", "a")
    browser.click("#levels input[value='0.95']")
    browser.click("input[name=dof][value='1']")
    (contour,) = cube().scan.contour("p", "q", cl=0.95, dof=1, experiments=["a"])
    trace = browser.trace("sum", cl=0.95)
    assert_same_curve(trace, contour)
    assert trace["name"] == "95 % CL: Δχ² = 3.84"
    browser.click("#levels input[value='0.95']")
    with pytest.raises(ValueError, match="not enough values"):
        browser.trace("sum", cl=0.95)


def test_other_axes_turned_around(browser: Browser) -> None:
    browser.choose("source", "a")
    browser.choose("x", "r")
    browser.choose("y", "p")
    assert_same_surface(browser.trace("surface"), cube().scan.profile("r", "p", experiments=["a"]))
    (contour,) = cube().scan.contour("r", "p", experiments=["a"])
    assert_same_curve(browser.trace("sum", cl=0.9), contour)


def test_slices_sum_any_experiments(browser: Browser) -> None:
    """Exactly as in Python: the sum in float64, then the difference to the least, at every value of the other axis."""
    browser.click("input[name=mode][value=slice]")
    for name in ("b", "curve", "also_a"):
        box = f"#experiments input.sum[value={name}]"
        if browser.run(f"return document.querySelector('{box}').checked") != (name != "also_a"):
            browser.click(box)
    if not browser.run("return document.querySelector('#experiments input.sum[value=a]').checked"):
        browser.click("#experiments input.sum[value=a]")
    for position in (0, 3, 8):
        browser.slide("at-r", position)
        at = {"r": float(cube()["r"][position])}
        expected = cube().scan.profile("p", "q", experiments=["a", "b", "curve"], at=at)
        assert_same_surface(browser.trace("surface"), expected, atol=0.0)
        (contour,) = cube().scan.contour("p", "q", experiments=["a", "b", "curve"], at=at)
        assert_same_curve(browser.trace("sum", cl=0.9), contour)
    assert "minimum of this slice" in browser.trace("best")["name"]
    browser.click("#experiments input.sum[value=also_a]")
    assert "a and also_a share data (one) and cannot be summed" in browser.text("problem")
    browser.click("#experiments input.sum[value=a]")
    assert browser.text("problem") == ""


def test_curves_are_dashed_at_their_own_level(browser: Browser) -> None:
    trace = browser.trace("own", name="curve")
    (contour,) = cube().scan.contour("p", "q", dof=1, experiments=["curve"])
    assert trace["dash"] == "dash"
    assert_same_curve(trace, contour)
    browser.click("#experiments input.own[value=b]")
    assert browser.trace("own", name="b")["dash"] == "solid"


def test_one_axis(browser: Browser) -> None:
    browser.choose("source", "a and b")
    browser.choose("y", "")
    expected = cube().scan.profile("p", experiments=["a", "b"])
    np.testing.assert_allclose(browser.trace("surface")["y"], expected, rtol=1e-6, atol=1e-5)
    assert browser.trace("sum", cl=0.9)["y"] == [threshold(0.9, dof=1)] * 2
    browser.choose("y", "q")
    assert browser.driver.find_element("css selector", "input[name=dof][value='2']").is_selected()


def test_one_axis_of_two_is_profiled_in_the_page(browser: Browser) -> None:
    browser.choose("store", "1")
    browser.choose("y", "")
    expected = cube().sel(experiment=["b", "curve"]).scan.profile("p")
    np.testing.assert_allclose(browser.trace("surface")["y"], expected, rtol=1e-6, atol=1e-9)


def test_hover_says_what_is_there(browser: Browser) -> None:
    """Axes with units, Δχ², each summed experiment's own number, and the status where there is none."""
    browser.choose("source", "a and b")
    delta, dataset = cube().scan.profile("p", "q", experiments=["a", "b"]), cube()
    text = hover(browser, 5, 4)
    at = {"p": 5, "q": 4, "r": int(np.argmin(abs(dataset["r"].values - float(delta["best_r"][5, 4]))))}
    assert f"p = {float(dataset['p'][5]):.4g} eV²" in text
    assert "GeV (profiled)" in text and f"Δχ² = {float(delta[5, 4]):.3f}" in text
    for name in ("a", "b"):
        assert f"{name}: −2 ln L = {float(dataset['chi2'].sel(experiment=name).isel(at)):.3f}" in text
    text = hover(browser, 11, 9)
    assert "no result" in text and "b: not_converged" in text


def hover(browser: Browser, ix: int, iy: int) -> str:
    """Put the mouse on a cell of the surface, and return what appears beside it."""
    from selenium.webdriver.common.action_chains import ActionChains

    x, y = position(browser, ix, iy)
    browser.driver.execute_script("window.scrollTo(0, 0); document.getElementById('tooltip').textContent = ''")
    chain = ActionChains(browser.driver)
    chain.w3c_actions.pointer_action.move_to_location(int(x) - 2, int(y) - 2)
    chain.w3c_actions.pointer_action.move_to_location(int(x), int(y))
    chain.perform()
    return str(
        browser.run(
            "const tip = document.getElementById('tooltip');"
            "while (!tip.textContent) await new Promise((r) => setTimeout(r, 20)); return tip.textContent"
        )
    )


def position(browser: Browser, ix: int, iy: int) -> list[float]:
    """Where a cell of the surface is on the screen."""
    found = browser.run(
        "window.scrollTo(0, 0); const f = document.getElementById('figure'); const l = f._fullLayout;"
        "const box = f.getBoundingClientRect(); const t = f.data.find((d) => d.meta.role === 'surface');"
        "return [box.left + l.xaxis._offset + l.xaxis.d2p(t.x[args[0]]),"
        " box.top + l.yaxis._offset + l.yaxis.d2p(t.y[args[1]])]",
        ix,
        iy,
    )
    return [float(v) for v in found]


def test_click_shows_the_spectrum_of_the_nearest_node(browser: Browser) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    browser.choose("source", "a and b")
    hover(browser, 2, 7)
    ActionChains(browser.driver).click().perform()
    browser.settle()
    dataset = cube()
    point = browser.trace("point")
    assert (point["x"], point["y"]) == ([float(dataset["p"][2])], [float(dataset["q"][7])])
    rows = browser.run(
        "return [...document.querySelectorAll('#at-point tbody tr')].map((r) => [...r.cells].map((c) => c.textContent))"
    )
    assert [row[0] for row in rows] == ["a", "also_a", "b", "curve"]
    assert float(rows[2][1]) == pytest.approx(float(dataset["chi2"].sel(experiment="b")[2, 7, 0]), abs=5e-4)
    signal = browser.run("return document.getElementById('spectrum').data.find((t) => t.name === 'signal').y")
    note = browser.text("spectrum-note")
    p = min(dataset["p"].values, key=lambda value: abs(value - signal[0]))
    assert signal == pytest.approx([p, signal[1], 1.0], rel=1e-6) and f"p = {p:.4g} eV²" in note
    assert "nearest of" in note and abs(np.log10(p / float(dataset["p"][2]))) <= 0.5


def test_the_keyboard_reaches_a_point(browser: Browser) -> None:
    browser.slide("point-x", 4)
    browser.slide("point-y", 9)
    assert browser.trace("point")["x"] == [float(cube()["p"][4])]
    assert f"{float(cube()['q'][9]):.4g}" in browser.text("readout")
    unnamed = browser.run(
        "return [...document.querySelectorAll('main input, main select')].filter((e) => !e.labels.length &&"
        " !e.getAttribute('aria-label')).map((e) => e.outerHTML)"
    )
    assert unnamed == []


def test_limits_can_be_sorted_and_downloaded(browser: Browser) -> None:
    browser.choose("limit-source", "a")
    browser.choose("limit-axes", '["q","p"]')
    expected = cube().scan.limit("q", along="p", dof=2, experiments=["a"])
    text = browser.run("return await new Promise((done) => { const request = new FileReader();" + SAVED)
    head, *rows = list(csv.reader(io.StringIO(text)))
    assert head == ["p [eV^2]", "lower q [1]", "upper q [1]", "excluded_to q [1]"]
    found = np.array([[float(cell or "nan") for cell in row] for row in rows])
    np.testing.assert_array_equal(found[:, 0], cube()["p"])
    for i, column in enumerate(("lower", "upper", "excluded_to"), start=1):
        np.testing.assert_array_equal(found[:, i], expected[column])
    browser.click("#limits th:nth-child(3) button")
    cells = browser.run("return [...document.querySelectorAll('#limits td:nth-child(3)')].map((c) => c.textContent)")
    numbers = [float(cell.replace("−", "-")) for cell in cells if cell != "–"]
    assert numbers == sorted(numbers) and len(numbers) == int(np.isfinite(expected["upper"]).sum())


SAVED = (
    "request.onload = () => done(request.result);"
    "const original = URL.createObjectURL;"
    "URL.createObjectURL = (blob) => { request.readAsText(blob); return original.call(URL, blob); };"
    "drawLimits().then(() => (URL.createObjectURL = original)); })"
)
"""Catches what the link would save, since a test cannot open a blob from the disk."""


def test_nothing_can_be_sent_and_references_are_plain_links(browser: Browser) -> None:
    titles = browser.run("return [...document.querySelectorAll('.modebar-btn')].map((b) => b.dataset.title)")
    assert titles and not any("hare" in title or "loud" in title for title in titles)
    links = browser.run("return [...document.querySelectorAll('#references a')].map((a) => a.href)")
    assert {"https://arxiv.org/abs/hep-ph/0304176", "https://arxiv.org/abs/2007.11813"} == set(links)
    loaded = browser.run("return performance.getEntriesByType('resource').map((e) => e.name)")
    assert [name for name in loaded if not name.startswith(("data:", "blob:"))] == []


def test_thinning_is_stated(driver: Any, tmp_path: Path) -> None:
    write_report([noise(24)], tmp_path / "page.html", max_mb=7.0)
    browser = opened(driver, tmp_path / "page.html")
    browser.click("input[name=mode][value=slice]")
    sample = browser.run("return DATA.stores[0].samples[0].kept")
    text = browser.text("thinned")
    assert len(sample["r"]) < 24
    assert f"{len(sample['r'])} of 24 values of r, {len(sample['s'])} of 24 values of s" in text
    dataset = noise(24)
    browser.slide("at-r", 1)
    at = {name: float(dataset[name][sample[name][1 if name == "r" else 0]]) for name in "rs"}
    browser.slide("at-s", 0)
    expected = dataset.scan.profile("p", "q", at=at)
    assert_same_surface(browser.trace("surface"), expected, atol=0.0)
    assert browser.problems() == []


def test_sums_of_shared_nuisances_are_those_computed_before(driver: Any, tmp_path: Path) -> None:
    """The joint fit is lower than the sum of its parts, by an amount that varies; other sums are refused."""
    dataset = cube().sel(experiment=["a", "b", "curve"])
    for facts in dataset.attrs["experiments"].values():
        facts["nuisances"] = ["flux"]
    joint = dataset["chi2"].astype(np.float64).sum("experiment", skipna=False) - 2 * np.cos(dataset["q"])
    dataset["total"] = joint.assign_attrs(experiments=["a", "b", "curve"])
    write_report([dataset], tmp_path / "page.html")
    browser = opened(driver, tmp_path / "page.html")
    browser.click("input[name=mode][value=slice]")
    browser.slide("at-r", 2)
    expected = dataset.scan.profile("p", "q", at={"r": float(dataset["r"][2])})
    assert_same_surface(browser.trace("surface"), expected)
    browser.click("#experiments input.sum[value=b]")
    problem = browser.text("problem")
    assert "share nuisance parameters" in problem and "(a + b + curve)" in problem
    assert browser.problems() == []


def test_one_axis_alone(driver: Any, tmp_path: Path) -> None:
    dataset = cube().sel(experiment=["a", "b"]).isel(q=[4], r=[3])
    write_report([dataset], tmp_path / "page.html", predict=predict)
    browser = opened(driver, tmp_path / "page.html")
    np.testing.assert_allclose(browser.trace("surface")["y"], dataset.scan.profile("p"), rtol=1e-12, atol=1e-12)
    limit = dataset.scan.limit("p", dof=2)
    cells = browser.run("return [...document.querySelectorAll('#limits tbody td')].map((c) => c.textContent)")
    assert cells[1:3] == [f"{float(limit['lower']):.4g}", f"{float(limit['upper']):.4g}"]
    assert browser.problems() == []


def test_texts_of_a_store_stay_texts(driver: Any, tmp_path: Path) -> None:
    dataset = cube(title=EVIL, scan_file=EVIL)
    dataset = dataset.assign_coords(experiment=[EVIL, "b", "curve", "also_a"])
    dataset.attrs["experiments"] = {EVIL: dataset.attrs["experiments"].pop("a"), **dataset.attrs["experiments"]}
    for facts in dataset.attrs["experiments"].values():
        facts["references"] = facts["notes"] = [EVIL]
    dataset["p"].attrs["long_name"] = EVIL
    write_report([dataset], tmp_path / "page.html", {EVIL + "sum": ["b", "curve"]}, predict=predict)
    browser = opened(driver, tmp_path / "page.html")
    browser.choose("source", EVIL)
    browser.click("#experiments input.own:not(:checked)")
    hover(browser, 3, 3)
    assert browser.run("return document.querySelectorAll('img').length") == 0
    assert EVIL in browser.text("caption") and EVIL in browser.text("provenance")
    assert browser.run("return document.querySelector('.legend').textContent.includes('<img src=x')")
    assert browser.problems() == []


def test_screenshot(browser: Browser, tmp_path: Path) -> None:
    """Kept where REPORT_SCREENSHOT says, for eyes."""
    path = Path(os.environ.get("REPORT_SCREENSHOT", tmp_path / "report.png"))
    assert browser.driver.save_screenshot(str(path))
    from PIL import Image

    with Image.open(path) as image:
        colours = image.convert("RGB").getcolors(maxcolors=2**24)
    assert colours is not None and len(colours) > 100  # a surface, not an empty page
