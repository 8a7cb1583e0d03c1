"""A page holds what the accessor gives, obeys its size, loads nothing, and takes nothing for markup."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from cli_helpers import BAD_INPUT, OK, assert_one_message, call, write
from report_cubes import EVIL, Page, cube, noise, predict
from scipy import stats

from scanner.analysis.report import write_report
from scanner.analysis.report.arrays import Arrays
from scanner.dataset import open_dataset
from scanner.errors import InputError, Status
from scanner.prediction import predict as predict_point

GROUPS = {"a and b": ["b", "a"], "with the curve": ["a", "b", "curve"]}


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Page:
    output = tmp_path_factory.mktemp("report") / "report.html"
    write_report([cube().chunk({"p": 5})], output, GROUPS, predict=predict)
    return Page(output)


def kept(values: xr.DataArray, indices: dict[str, list[int]]) -> np.ndarray:
    """Part of an array that the page kept."""
    return values.isel({str(n): indices[str(n)] for n in values.dims}).values


def test_slices_are_the_cube_bit_for_bit(page: Page) -> None:
    dataset, store = cube(), page.stores[0]
    (sample,) = store["samples"]
    assert sample["kept"] == {name: list(range(dataset.sizes[name])) for name in "pqr"}
    for name in dataset.experiment.values:
        entry = sample["experiments"][name]
        own = dataset.sel(experiment=name).isel({n: 0 for n in "pqr" if n not in entry["axes"]})
        assert entry["offset"] == 0.0 and entry["axes"] == dataset.attrs["experiments"][name]["axes"]
        np.testing.assert_array_equal(page.array(entry["chi2"]), own["chi2"])
        np.testing.assert_array_equal(page.array(entry["status"]), own["status"])


def test_equal_bytes_of_two_types_are_two_arrays() -> None:
    """The page decodes an array once: eight zero bytes must not be taken for two float32 and one float64 alike."""
    arrays = Arrays()
    refs = [arrays.add(np.zeros(n, kind)) for n, kind in ((2, np.float32), (1, np.float64), (8, np.uint8))]
    assert len({ref["id"] for ref in refs}) == 3
    assert arrays.add(np.zeros((1, 2), np.float32))["id"] == refs[0]["id"] and len(arrays.encoded) == 3


def test_cubes_in_float64_keep_the_digits_of_the_difference(tmp_path: Path) -> None:
    """A large constant does not cost digits of Δχ²."""
    dataset = cube()
    dataset["chi2"] = dataset["chi2"].astype(np.float64) + 1e7 / 3
    write_report([dataset], tmp_path / "page.html")
    page = Page(tmp_path / "page.html")
    entry = page.stores[0]["samples"][0]["experiments"]["a"]
    found = page.array(entry["chi2"]).astype(np.float64) + entry["offset"]
    np.testing.assert_allclose(found, dataset["chi2"].sel(experiment="a"), rtol=0, atol=1e-5)


@pytest.mark.parametrize("label", ["a", "b", "curve", "also_a", *GROUPS])
def test_profiles_are_those_of_the_accessor(page: Page, label: str) -> None:
    store = page.stores[0]
    assert [pair["axes"] for pair in store["pairs"]] == [["p", "q"], ["p", "r"], ["q", "r"]]
    for pair, stored in zip(store["pairs"], store["profiles"]["of_pair"], strict=True):
        expected = cube().scan.profile(*pair["axes"], experiments=GROUPS.get(label, [label]))
        np.testing.assert_array_equal(page.array(stored[label]["delta"]), expected.values.astype(np.float32))
        assert stored[label]["minimum"] == expected.attrs["minimum"]
        assert stored[label]["best_fit"] == expected.attrs["best_fit"]
        for name, ref in stored[label]["best"].items():
            np.testing.assert_array_equal(page.array(ref), expected[f"best_{name}"].values.astype(np.float32))


def test_limits_are_those_of_the_accessor(page: Page) -> None:
    limits = {(x["source"], x["parameter"], x["along"]): x for x in page.stores[0]["limits"]}
    assert len(limits) == 6 * 6  # sources, ordered pairs of axes
    for label, dof in (("curve", 1), ("a", 2), ("a and b", 2)):
        chosen = GROUPS.get(label, [label])
        expected = cube().scan.limit("q", along="p", cl=0.90, dof=dof, experiments=chosen)
        stored = limits[label, "q", "p"]
        assert stored["dof"] == dof and stored["threshold"] == expected.attrs["threshold"]
        for column in ("lower", "upper", "excluded_to"):
            np.testing.assert_array_equal(page.array(stored[column]), expected[column])
    assert np.isfinite(page.array(limits["a", "q", "p"]["upper"])).any()


def test_sums_that_share_data_are_refused_and_the_reason_is_in_the_page(page: Page) -> None:
    store = page.stores[0]
    assert [one["label"] for one in store["sums"]] == list(GROUPS)
    assert "a and also_a share data (one)" in store["refusal"]


def test_the_sum_of_all_is_there_where_it_is_allowed(tmp_path: Path) -> None:
    write_report([cube().sel(experiment=["b", "a", "curve"])], tmp_path / "page.html")
    (only,) = Page(tmp_path / "page.html").stores[0]["sums"]
    assert only["members"] == ["a", "b", "curve"] and only["solved"] is False


def test_joint_fits_of_shared_nuisances_are_stored_as_computed_here(tmp_path: Path) -> None:
    """A browser cannot minimise over them: the slices of the sum are in the page beside those of its parts."""
    dataset = cube().sel(experiment=["a", "b"])
    joint = dataset["chi2"].astype(np.float64).sum("experiment", skipna=False) - 1.25
    dataset["total"] = joint.assign_attrs(experiments=["a", "b"])
    for name in ("a", "b"):
        dataset.attrs["experiments"][name]["nuisances"] = ["flux"]
    write_report([dataset], tmp_path / "page.html")
    page = Page(tmp_path / "page.html")
    (only,) = page.stores[0]["sums"]
    assert only["solved"] is True
    entry = page.stores[0]["samples"][0]["sums"][only["label"]]
    found = page.array(entry["chi2"]).astype(np.float64) + entry["offset"]
    np.testing.assert_allclose(found, joint, rtol=1e-6)


def test_best_fits_and_goodness(tmp_path: Path) -> None:
    dataset = cube()
    dataset["gof"] = dataset["chi2"] - 1
    write_report([dataset], tmp_path / "page.html", {"a and b": ["a", "b"]})
    fits = {fit["label"]: fit for fit in Page(tmp_path / "page.html").stores[0]["fits"]}
    best = cube().scan.best_fit(["a"])
    assert fits["a"]["minimum"] == best.chi2 and fits["a"]["best_fit"] == best.point
    assert fits["a"]["gof"] == pytest.approx(best.chi2 - 1, rel=1e-6)
    assert fits["a"]["dof"] == 8 - 3 and fits["b"]["dof"] == 8 - 2
    assert fits["a"]["p_value"] == pytest.approx(stats.chi2.sf(best.chi2 - 1, 5), rel=1e-6)
    assert "gof" not in fits["a and b"] and fits["a and b"]["number_of_data"] == 16


def test_statuses_are_counted_on_the_axes_of_each_experiment(page: Page) -> None:
    counts = page.stores[0]["statuses"]
    status = cube()["status"].sel(experiment="b").isel(r=0).values
    failed = int((status == Status.not_converged).sum())
    assert failed > 0 and counts["b"] == {"ok": status.size - failed, "not_converged": failed}
    assert counts["a"] == {"ok": 13 * 11 * 9}


def test_spectra_belong_to_their_nodes(page: Page) -> None:
    dataset, spectra = cube(), page.stores[0]["spectra"]
    assert set(spectra) == {"a", "b", "also_a"}  # not of a published curve
    for name, one in spectra.items():
        nodes, signal = np.array(one["nodes"]), page.array(one["signal"])
        assert len({tuple(node) for node in one["nodes"]}) == len(nodes) == len(signal) >= 12
        np.testing.assert_array_equal(signal[:, 0], dataset["p"].values[nodes[:, 0]].astype(np.float32))
        np.testing.assert_array_equal(signal[:, 1], (10 + dataset["q"].values[nodes[:, 1]]).astype(np.float32))
        best = dataset.scan.best_fit([name]).point
        assert [int(np.argmin(abs(dataset[n].values - best[n]))) for n in one["axes"]] in one["nodes"]
    assert spectra["a"]["labels"] == ["0–1 MeV", "1–2 MeV", "2–3 MeV"]


def test_spectra_of_another_version_are_not_shown(tmp_path: Path) -> None:
    dataset = cube()
    dataset.attrs["experiments"]["a"]["physics_version"] = 2
    write_report([dataset], tmp_path / "page.html", predict=predict)
    spectra = Page(tmp_path / "page.html").stores[0]["spectra"]
    assert "made with version 2 of a, here is version 1" in spectra["a"]["problem"]
    assert "signal" in spectra["b"]


def test_spectra_of_merged_models_are_not_guessed(tmp_path: Path) -> None:
    dataset = cube(merge={"inputs": [], "maps": {"other": {"p": "q"}}})
    write_report([dataset], tmp_path / "page.html", predict=predict)
    store = Page(tmp_path / "page.html").stores[0]
    assert "merged from several models" in store["spectra"]["a"]["problem"]
    assert store["provenance"]["merge"]["maps"] == {"other": {"p": "q"}}


def test_experiments_without_a_result_do_not_stop_a_report(tmp_path: Path) -> None:
    dataset = cube()
    dataset["chi2"] = dataset["chi2"].where(dataset["experiment"] != "b")
    write_report([dataset], tmp_path / "page.html")
    store = Page(tmp_path / "page.html").stores[0]
    assert "b" not in [fit["label"] for fit in store["fits"]] and "b" in store["samples"][0]["experiments"]
    dataset["chi2"] = dataset["chi2"].where(False)
    with pytest.raises(InputError, match="no point of this store has a result"):
        write_report([dataset], tmp_path / "page.html")


@pytest.mark.parametrize("points", [24, 31])
def test_large_cubes_are_thinned_evenly_to_the_size_asked_for(tmp_path: Path, points: int) -> None:
    dataset = noise(points)
    write_report([dataset], tmp_path / "page.html", max_mb=7.5)
    page = Page(tmp_path / "page.html")
    assert 6.5e6 < page.size <= 7.5e6
    store, best = page.stores[0], dataset.scan.best_fit().point
    for pair, sample in zip(store["pairs"], store["samples"], strict=True):
        for name, indices in sample["kept"].items():
            inside = int(np.argmin(abs(dataset[name].values - best[name])))
            assert inside in indices
            if name in pair["axes"]:
                assert indices == list(range(points))
            else:
                assert 2 <= len(indices) < points and indices[0] == 0 and indices[-1] == points - 1
                even = max(2, len(indices) - 1)  # without the one that is always kept
                assert np.diff(indices).max() <= (points - 1) / (even - 1) + 1
        entry = sample["experiments"]["a"]
        np.testing.assert_array_equal(page.array(entry["chi2"]), kept(dataset["chi2"][0], sample["kept"]))
    for pair, stored in zip(store["pairs"], store["profiles"]["of_pair"], strict=True):
        expected = dataset.scan.profile(*pair["axes"], experiments=["a"])
        np.testing.assert_array_equal(
            page.array(stored["a"]["delta"]), kept(expected, store["profiles"]["kept"]).astype(np.float32)
        )


def test_a_large_surface_is_thinned_itself(tmp_path: Path) -> None:
    dataset = noise(900, "pq")
    write_report([dataset], tmp_path / "page.html", max_mb=6.5)
    page = Page(tmp_path / "page.html")
    (sample,) = page.stores[0]["samples"]
    assert page.size <= 6.5e6 and 100 < len(sample["kept"]["p"]) < 900
    np.testing.assert_array_equal(
        page.array(sample["experiments"]["b"]["chi2"]), kept(dataset["chi2"][1], sample["kept"])
    )


def test_small_stores_leave_room_to_large_ones(tmp_path: Path) -> None:
    write_report([noise(24), cube()], tmp_path / "page.html", max_mb=7.5)
    page = Page(tmp_path / "page.html")
    assert 6.7e6 < page.size <= 7.5e6
    assert [len(store["samples"]) for store in page.stores] == [6, 1]


def test_nothing_is_loaded_and_only_the_pages_own_scripts_run(page: Page) -> None:
    names = {tag for tag, _ in page.tags}
    assert not names & {"img", "link", "iframe", "object", "embed", "base"}
    assert not any("src" in attributes or ("href" in attributes and attributes["href"]) for _, attributes in page.tags)
    (policy,) = (a["content"] for t, a in page.tags if t == "meta" and "http-equiv" in a)
    assert policy is not None and policy.startswith("default-src 'none'; script-src ")
    for script in page.scripts:
        assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() in policy
    assert len(page.scripts) == 2


def test_texts_of_a_store_are_no_markup(tmp_path: Path) -> None:
    dataset = cube(title=f"{EVIL}: x", scan_file=EVIL)
    dataset["p"].attrs["long_name"] = EVIL
    dataset.attrs["experiments"]["a"]["notes"] = [EVIL]
    write_report([dataset], tmp_path / "page.html")
    page = Page(tmp_path / "page.html")
    assert not {"img"} & {tag for tag, _ in page.tags}
    store = page.stores[0]
    assert store["title"] == f"{EVIL}: x" and store["provenance"]["scan_file"] == EVIL
    assert store["experiments"][0]["notes"] == [EVIL]
    assert "<" not in store["axes"][0]["markup"]


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        ({"groups": {"x": ["a", "nothing"]}}, "no store holds all of these"),
        ({"groups": {"x": ["a", "also_a"]}}, "share data"),
        ({"groups": {"a": ["a", "b"]}}, "label is taken"),
        ({"groups": {"x": ["a", "a"]}}, "named twice"),
        ({"max_mb": 1.0}, "too small for any page"),
        ({"output": Path("page.txt")}, "unknown kind of report"),
        ({"output": Path("/proc/none/page.html")}, "cannot be written"),
    ],
)
def test_bad_requests(tmp_path: Path, arguments: dict, fragment: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(InputError, match=fragment):
        write_report([cube()], **{"output": tmp_path / "page.html", **arguments})


def test_a_budget_for_the_frame_alone_is_refused(tmp_path: Path) -> None:
    write_report([cube()], tmp_path / "page.html")
    frame = (tmp_path / "page.html").stat().st_size
    with pytest.raises(InputError, match="even the coarsest page is larger"):
        write_report([cube()], tmp_path / "page.html", max_mb=frame / 1e6 - 0.01)


def test_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a store of a real scan, with spectra of the model's parameters, tied ones included."""
    monkeypatch.chdir(tmp_path)
    assert call("run", write(tmp_path), "-o", "tiny.zarr").exit_code == OK
    result = call("report", "tiny.zarr", "-o", "report.html", "--group", "nu=miniboone_fhc", "--spectra", "8")
    assert result.exit_code == OK, result.output
    assert "report.html: 1 store(s)" in result.stdout
    page, dataset = Page(Path("report.html")), open_dataset("tiny.zarr")
    one = page.stores[0]["spectra"]["miniboone_fhc"]
    for node, signal in zip(one["nodes"], page.array(one["signal"]), strict=True):
        at = dataset.isel(dict(zip(one["axes"], node, strict=True)))
        values = {name: float(at[name]) for name in ("dm2_41", "Ue4_sq", "Utau4_sq")}
        expected = predict_point("sterile_3p1", "miniboone_fhc", Umu4_sq=0.01, **values)
        np.testing.assert_allclose(signal, expected["signal"], rtol=1e-6)
        assert float(expected["chi2"]) == float(at["chi2"].sel(experiment="miniboone_fhc"))


@pytest.mark.parametrize("groups", [["both"], ["=a"], ["both="], ["both=a,,b"], ["x=a", "x=b"]])
def test_groups_are_labelled_once_and_not_empty(tmp_path: Path, groups: list[str]) -> None:
    options = [part for group in groups for part in ("--group", group)]
    result = call("report", tmp_path / "none.zarr", "-o", tmp_path / "report.html", *options)
    assert_one_message(result, BAD_INPUT)
    assert "--group" in result.stderr
