"""check, plan, predict, list, show and plot."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from cli_helpers import (
    BAD_INPUT,
    CONFIGS,
    FILE,
    OK,
    assert_one_message,
    call,
    write,
)

import scanner


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.name)
def test_the_shipped_files_are_good(path: Path) -> None:
    result = call("check", path)
    assert result.exit_code == OK, result.output
    assert "points on" in result.stdout
    assert result.stderr.replace("scanner: compiling kernels for this machine, once\n", "") == ""


def test_check_does_nothing_else(tmp_path: Path) -> None:
    assert call("check", write(tmp_path)).exit_code == OK
    assert [path.name for path in tmp_path.iterdir()] == ["scan.yaml"]


def test_a_path_is_printed_as_it_is(tmp_path: Path) -> None:
    """Not taken for rich's markup, which would swallow the brackets or fail on them."""
    path = write(tmp_path).rename(tmp_path / "[bold]a[.yaml")
    (tmp_path / "[").mkdir()
    assert str(path) in call("check", path).stdout
    result = call("check", tmp_path / "[/a].yaml")
    assert_one_message(result, BAD_INPUT)
    assert "[/a].yaml: cannot be read" in result.stderr


def test_settings_change_the_file(tmp_path: Path) -> None:
    path = write(tmp_path)
    assert "15 points on dm2_41 × Ue4_sq, 2 experiment(s)" in call("check", path).stdout
    changed = call("check", path, "--set", "axes.dm2_41.points=7", "--set", "experiments=[miniboone]")
    assert "21 points on dm2_41 × Ue4_sq, 1 experiment(s)" in changed.stdout
    assert_one_message(call("check", path, "--set", "axes.dm2_41.points=none"), BAD_INPUT)
    assert_one_message(call("check", path, "--set", "nonsense"), BAD_INPUT)


def test_plan_as_json(tmp_path: Path) -> None:
    found = json.loads(call("plan", write(tmp_path), "--json").stdout)
    assert found["points"] == 15
    assert found["blocks"] == {"number": 3, "shapes": [[2, 3]]}
    tables = {table["path"].split("/")[0]: table for table in found["tables"]}
    assert set(tables) == {"miniboone_fhc", "miniboone_rhc"}
    assert all(t["axes"] == ["dm2_41"] and t["nodes"] == 5 and t["bytes"] > 5 * 8 for t in tables.values())
    assert found["worker_bytes"] > 2**20 and found["disk_bytes"] >= 15 * 2 * (2 * 8 + 1) and found["core_hours"] > 0
    assert [path.name for path in tmp_path.iterdir()] == ["scan.yaml"]


def test_plan_in_words(tmp_path: Path) -> None:
    text = call("plan", write(tmp_path)).stdout
    for word in ("points            15", "tables            2", "blocks            3", "memory", "disk", "core-hours"):
        assert word in text


POINT = {"dm2_41": 1.3, "Ue4_sq": 0.01, "Umu4_sq": 0.02}
VALUES = [f"{name}={value}" for name, value in POINT.items()]


def test_predict_as_json() -> None:
    found = json.loads(call("predict", "sterile_3p1", "miniboone_fhc", *VALUES, "--json").stdout)
    expected = scanner.predict("sterile_3p1", "miniboone_fhc", **POINT)
    for name in ("signal", "background", "data", "chi2"):
        np.testing.assert_array_equal(found[name], expected[name].values)
    assert found["status"] == "ok"
    assert found["attributes"]["parameters"]["dm2_41"] == 1.3


def test_predict_outside_the_model_is_valid_json() -> None:
    result = call("predict", "sterile_3p1", "miniboone_fhc", "Ue4_sq=0.9", "Umu4_sq=0.9", "--json")
    found = json.loads(result.stdout, parse_constant=pytest.fail)
    assert (found["status"], found["chi2"], set(found["signal"])) == ("outside_model", None, {None})


def test_predict_draws_other_points(tmp_path: Path) -> None:
    figure = tmp_path / "figure.png"
    call("predict", "two_flavour", "miniboone_fhc", "--plot", str(figure), "--also", "best: dm2=0.04 sin2_2theta=0.8")
    assert figure.stat().st_size > 1000


def test_predict_in_words() -> None:
    text = call("predict", "sterile_3p1", "miniboone_fhc", *VALUES).stdout
    expected = scanner.predict("sterile_3p1", "miniboone_fhc", **POINT)
    assert f"chi2 (-2 ln L) = {float(expected['chi2']):.4f}" in text and "status ok" in text


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["sterile_3p2", "miniboone"], "did you mean 'sterile_3p1'?"),
        (["sterile_3p1", "minibone"], "did you mean 'miniboone'?"),
        (["sterile_3p1", "miniboone", "dm2=1"], "did you mean 'dm2_41'?"),
        (["sterile_3p1", "miniboone", "dm2_41"], "expected name=value"),
        (["sterile_3p1", "miniboone", "dm2_41=one"], "dm2_41: should be a number"),
        (["sterile_3p1", "miniboone", "dm2_41=-1"], "allowed: 0 to 1e+06 eV^2"),
        (["sterile_3p1", "miniboone", "dm2_41=nan"], "allowed: 0 to 1e+06 eV^2"),
        (["sterile_3p1", "miniboone", "model=1"], "unknown parameter 'model'"),
        (["sterile_3p1", "miniboone", "--also", "best: dm2_41=1"], "add --plot"),
        (["sterile_3p1", "miniboone", "--plot", "x.png", "--also", "dm2_41=1"], "needs a label before the values"),
    ],
)
def test_predict_refuses(arguments: list[str], fragment: str) -> None:
    result = call("predict", *arguments)
    assert_one_message(result, BAD_INPUT)
    assert fragment in result.stderr


def test_list_models_and_experiments() -> None:
    models, experiments = call("list", "models").stdout, call("list", "experiments").stdout
    assert "two_flavour" in models and "sterile_3p1" in models and "miniboone" not in models
    assert all(name in experiments for name in ("miniboone_fhc", "miniboone_rhc", "electron-like"))
    result = call("list", "model")
    assert_one_message(result, BAD_INPUT)
    assert "did you mean 'models'?" in result.stderr


def test_show_a_model() -> None:
    text = call("show", "sterile_3p1").stdout
    for word in ("dm2_41", "eV^2", "0 to 1e+06 eV^2", "0.304", "unitarity", "oscillation", "JHEP 08 (2018) 010"):
        assert word in text


def test_show_an_experiment() -> None:
    text = call("show", "miniboone").stdout
    for word in ("ln det M", "number of data: 38", "miniboone_2020_rhc", "note: ", "Phys. Rev. D 103"):
        assert word in text


def test_show_says_what_is_a_projection() -> None:
    assert "projection: nothing was measured yet" in call("show", "sbnd_hnl").stdout
    assert "projection" not in call("show", "ps191").stdout


@pytest.mark.parametrize("name", ["sterile_3p1", "miniboone_rhc"])
def test_show_bibtex(name: str) -> None:
    text = call("show", name, "--bibtex").stdout
    assert text.startswith("@article{") and text.count("{") == text.count("}")
    assert 'doi = "10.' in text and 'archivePrefix = "arXiv"' in text


def test_show_refuses_an_unknown_name() -> None:
    result = call("show", "sterile")
    assert_one_message(result, BAD_INPUT)
    assert "miniboone_fhc" in result.stderr and "two_flavour" in result.stderr


AXES = ("--x", "dm2_41", "--y", "Ue4_sq")
ONE = ("--experiment", "miniboone_fhc")


@pytest.mark.parametrize(("name", "start"), [("a.png", b"\x89PNG"), ("new/a.pdf", b"%PDF")])
def test_plot(finished: Path, tmp_path: Path, name: str, start: bytes) -> None:
    result = call("plot", finished / "tiny.zarr", *AXES, *ONE, "--cl", "0.9", "-o", tmp_path / name)
    assert result.exit_code == OK, result.output
    assert (tmp_path / name).read_bytes().startswith(start)
    chi2 = scanner.open(str(finished / "tiny.zarr"))["chi2"].sel(experiment="miniboone_fhc").compute()
    best = {str(k): float(chi2[k][i]) for k, i in chi2.argmin(...).items()}
    assert f"best fit dm2_41 = {best['dm2_41']:.4g}, Ue4_sq = {best['Ue4_sq']:.4g}" in result.stdout


def test_plot_each(finished: Path, tmp_path: Path) -> None:
    """What each excludes alone: found by its own minimum, and said of those that exclude nothing."""
    store, each = finished / "tiny.zarr", (*AXES, "--each", "-o", tmp_path / "a.png")
    result = call("plot", store, *each, "--cl", "0.9")
    assert result.exit_code == OK, result.output
    chi2 = scanner.open(str(store))["chi2"].compute()
    excluding = [str(n) for n in chi2["experiment"].values if np.ptp(chi2.sel(experiment=n).values) > 4.605]
    assert f"{len(excluding)} of 2 curves exclude something" in result.stdout
    assert excluding and (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert_one_message(call("plot", store, *each, "--cl", "0.9", "--cl", "0.95"), BAD_INPUT)


BAD_PLOTS = [
    (("--x", "dm2_14", "--y", "Ue4_sq"), "did you mean 'dm2_41'?"),
    (("--x", "dm2_41", "--y", "Umu4_sq"), "allowed: dm2_41, Ue4_sq"),
    (("--x", "dm2_41", "--y", "dm2_41"), "must differ"),
    ((*AXES, "--at", "Ue4_sq"), "expected name=value"),
    ((*AXES, "--at", "Ue4_sq=x"), "expected name=value"),
    ((*AXES, "--at", "Ue4_sq=0.01"), "is an axis of the plot"),
    ((*AXES, "--at", "Umu4_sq=0.01"), "'Umu4_sq' is not an axis left to choose"),
    ((*AXES, "--cl", "90"), "between 0 and 1"),
    ((*AXES, "--cl", "nan"), "between 0 and 1"),
    ((*AXES, "--experiment", "miniboone"), "not in this cube: 'miniboone'"),
]


@pytest.mark.parametrize(("arguments", "fragment"), BAD_PLOTS)
def test_plot_refuses(finished: Path, tmp_path: Path, arguments: tuple[str, ...], fragment: str) -> None:
    result = call("plot", finished / "tiny.zarr", *arguments, *ONE, "-o", tmp_path / "a.png")
    assert_one_message(result, BAD_INPUT)
    assert fragment in result.stderr
    assert not (tmp_path / "a.png").exists()


@pytest.mark.parametrize("name", ["a.gif", "a", "note.txt/a.png"])
def test_plot_refuses_the_figure(finished: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "note.txt").write_text("mine")
    result = call("plot", finished / "tiny.zarr", *AXES, *ONE, "-o", tmp_path / name)
    assert_one_message(result, BAD_INPUT)
    assert "--output: " in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def test_plot_refuses_a_value_outside_the_axis(tmp_path: Path) -> None:
    path = write(tmp_path, axes={**FILE["axes"], "Umu4_sq": {"values": [0.001, 0.01]}}, fixed={})
    assert call("run", path).exit_code == OK
    result = call("plot", "tiny.zarr", *AXES, *ONE, "--at", "Umu4_sq=0.1", "-o", "a.png")
    assert_one_message(result, BAD_INPUT)
    assert "--at Umu4_sq" in result.stderr and "0.001 to 0.01" in result.stderr
    assert call("plot", "tiny.zarr", *AXES, *ONE, "--at", "Umu4_sq=0.002", "-o", "a.png").exit_code == OK
