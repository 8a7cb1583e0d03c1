"""Scans that keep only a profile, or an integral, of the sum: against the whole cube, and merged with others."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from merging.conftest import AXES, Merge, Scan
from merging.test_refusals import edited
from rich.console import Console

import scanner
from scanner import reduction, summary
from scanner.analysis.surface import profile
from scanner.analysis.totals import total
from scanner.cube import open_cube
from scanner.errors import InputError, Status, StoreRefused
from scanner.reporting import print_statuses

PULLED = ["pulled_a", "pulled_b", "apart"]
STERILE: dict[str, Any] = {
    "model": "sterile_3p1",
    "axes": {
        "dm2_41": {"log": [0.1, 150], "points": 9},
        "Ue4_sq": {"log": [1e-3, 0.9], "points": 7},
        "Umu4_sq": {"linear": [0.001, 0.9], "points": 8},
    },
    "execution": {"block": {"dm2_41": 4, "Ue4_sq": 4, "Umu4_sq": 4}},
}
"""Points above 100 eV² are not converged, and many are outside the model."""


def _same(found: Any, expected: Any) -> None:
    np.testing.assert_array_equal(np.asarray(found), np.asarray(expected), strict=True)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("lost", [["Umu4_sq"], ["Umu4_sq", "dm2_41"], ["dm2_41", "Ue4_sq"]])
def test_profile_has_the_bits_of_the_whole_cube(scan: Scan, dtype: str, lost: list[str]) -> None:
    experiments = ["lsnd", "gallium", "cdhs"]  # on different axes
    whole = scanner.open(scan("whole", experiments, dtype=dtype, **STERILE))
    reduced = scanner.open(
        scan("reduced", experiments, dtype=dtype, reduce={"method": "profile", "axes": lost}, **STERILE)
    )
    keep = [name for name in STERILE["axes"] if name not in lost]
    lowest, where = profile(total(whole), keep)
    assert [str(name) for name in reduced.experiment.values] == ["total"]
    _same(reduced.chi2.sel(experiment="total"), lowest)
    for name, values in where.items():
        _same(reduced[f"best_{name}"].sel(experiment="total"), np.where(np.isnan(lowest), np.nan, values))
    status = reduced.status.sel(experiment="total")
    _same(status == Status.ok, np.isfinite(lowest))
    assert set(np.unique(status)) <= {Status.ok, Status.not_converged, Status.outside_model}
    ok = np.isfinite(total(whole)).mean(lost).transpose(*keep)
    assert (ok.values[(ok > 0).values] < 1).any()
    _same(reduced.ok_fraction.sel(experiment="total"), ok.where(ok > 0))
    assert reduced.ok_fraction.attrs["units"] == "1"
    assert "fraction of the points on" in reduced.ok_fraction.attrs["long_name"]
    if "dm2_41" in keep:
        assert (status != Status.ok).any()


@pytest.mark.parametrize("block", [{}, {"dm2": 1}, {"dm2": 5}])
def test_shared_nuisance_parameters_and_any_blocks(plugin: Path, scan: Scan, block: dict[str, int]) -> None:
    whole = scanner.open(scan("whole", PULLED))
    reduce = {"method": "profile", "axes": ["sin2_2theta"]}
    reduced = scanner.open(scan("reduced", PULLED, reduce=reduce, execution={"block": block or "auto"}))
    _same(reduced.chi2.sel(experiment="total"), profile(total(whole), ["dm2"])[0])
    assert (reduced.ok_fraction == 1).all()


@pytest.mark.parametrize("prior", [None, "flat", "log"])
def test_integral_is_the_posterior_of_the_whole_cube(scan: Scan, prior: str | None) -> None:
    whole = scanner.open(scan("whole", ["lsnd", "gallium"], dtype="float64", **STERILE))
    priors = {} if prior is None else {"Umu4_sq": prior, "dm2_41": prior}
    reduce = {"method": "marginalise", "axes": ["Umu4_sq", "dm2_41"], "priors": priors}
    reduced = scanner.open(scan("reduced", ["lsnd", "gallium"], dtype="float64", reduce=reduce, **STERILE))
    chi2 = reduced.chi2.sel(experiment="total").values
    posterior = whole.scan.marginalise("Ue4_sq", priors=priors)
    weight = np.full(7, 1.0)
    weight[[0, -1]] = 0.5  # of the trapezoidal rule
    own = np.exp(-(chi2 - chi2.min()) / 2)
    np.testing.assert_allclose(own / (own * weight).sum(), posterior / (posterior * weight).sum(), rtol=1e-9)
    assert (chi2 > total(whole).min("dm2_41").min("Umu4_sq").compute()).all()  # a mean is never above the maximum


@pytest.mark.parametrize("prior", [None, "flat", "log"])
def test_ok_fraction_of_an_integral_is_of_the_prior_volume(
    scan: Scan, monkeypatch: pytest.MonkeyPatch, prior: str | None
) -> None:
    """Against numpy on the whole cube; however points are cut and packed it has the same bits, and is 1 if all are."""
    lost = ["Umu4_sq", "dm2_41"]
    priors = {} if prior is None else dict.fromkeys(lost, prior)
    reduce = {"method": "marginalise", "axes": lost, "priors": priors}
    # Below 100 eV² all points are ok but for large |U_e4|².
    cut = {**STERILE, "axes": {**STERILE["axes"], "dm2_41": {"log": [0.1, 50], "points": 9}}}
    whole = scanner.open(scan("whole", ["lsnd", "gallium"], **cut))
    dm2, umu4 = whole.dm2_41.values, whole.Umu4_sq.values
    volume = np.outer(np.gradient(np.log10(dm2)), np.gradient(umu4))
    volume[[0, -1]] /= 2
    volume[:, [0, -1]] /= 2
    volume *= dm2[:, None] if prior == "flat" else 1 / umu4 if prior == "log" else 1
    ok = np.isfinite(total(whole)).transpose("Ue4_sq", "dm2_41", "Umu4_sq").values
    expected = (ok * volume).sum((1, 2)) / volume.sum()
    found = []
    for name, pack, block in [("one", 4096, 8), ("two", 5, 1), ("three", 1, 4)]:
        monkeypatch.setattr(reduction, "PACK", pack)
        more = {**cut, "execution": {"block": {"Ue4_sq": block}}}
        reduced = scanner.open(scan(name, ["lsnd", "gallium"], reduce=reduce, **more))
        found.append(reduced.ok_fraction.sel(experiment="total").values)
    np.testing.assert_allclose(found[0], expected, rtol=1e-14)
    assert found[0].tolist() == found[1].tolist() == found[2].tolist()
    assert found[0][0] == 1 and ok[0].all()
    assert 0 < expected[-1] < 0.99
    assert "fraction of the prior volume on" in reduced.ok_fraction.attrs["long_name"]


def test_status_tells_what_was_left_out(scan: Scan) -> None:
    reduce = {"method": "profile", "axes": ["Umu4_sq"]}
    store = scan("reduced", ["lsnd"], reduce=reduce, **STERILE)
    state = summary.status(open_cube(str(store)))
    lowest = float(scanner.open(store).ok_fraction.min())
    assert 0 < state["lowest_ok_fraction"] == lowest < 1
    printed = io.StringIO()
    print_statuses(Console(file=printed), state)
    assert f"up to {1 - lowest:.3g} of what was reduced above an ok point is not ok" in printed.getvalue()


def test_a_store_of_a_version_without_ok_fraction_opens_and_is_not_resumed(scan: Scan) -> None:
    def older(record: dict[str, Any]) -> None:
        record["groups"][0]["outputs"].remove("ok_fraction")

    reduce = {"method": "profile", "axes": ["Umu4_sq"]}
    store = edited(scan("reduced", ["lsnd"], reduce=reduce, **STERILE), older)
    assert set(scanner.open(store).data_vars) == {"chi2", "best_Umu4_sq", "status"}
    assert summary.status(open_cube(str(store)))["lowest_ok_fraction"] is None
    with pytest.raises(StoreRefused, match=r"by a version that kept other arrays[^\n]*use --fresh"):
        scan("edited_reduced", ["lsnd"], reduce=reduce, **STERILE)


def test_refusals(scan: Scan) -> None:
    def refused(message: str, experiments: list[str] | None = None, **changes: Any) -> None:
        reduce = {"method": "profile", "axes": ["dm2"], **changes.pop("reduce", {})}
        with pytest.raises(InputError, match=message):
            scan("refused", experiments or ["miniboone_fhc"], reduce=reduce, **changes)

    refused(r"reduce\.axes\[0\]: not an axis[\s\S]*did you mean 'sin2_2theta'", reduce={"axes": ["sin2_2thetta"]})
    refused("at least one must be kept", reduce={"axes": list(AXES)})
    refused("priors go with method: marginalise", reduce={"priors": {"dm2": "flat"}})
    refused("'dm2' is not in axes", reduce={"method": "marginalise", "axes": ["sin2_2theta"], "priors": {"dm2": "log"}})
    refused("keeps chi2 alone", outputs=["chi2", "events"])
    refused("share data", ["miniboone_fhc", "miniboone"])
    refused("common covariance", ["miniboone_fhc", "miniboone_rhc"])


def test_merging(plugin: Path, scan: Scan, merge: Merge) -> None:
    reduce = {"method": "profile", "axes": ["sin2_2theta"]}
    reduced = scan("reduced", ["pulled_a"], reduce=reduce)
    with pytest.raises(InputError, match=r"depends on sin2_2theta, over which .*reduced\.zarr was reduced"):
        merge([reduced, scan("other", ["apart"])])
    twin = scan("twin", ["apart"], reduce=reduce)
    with pytest.raises(InputError, match="two stores hold a sum over reduced axes"):
        merge([reduced, twin])
    alone = merge([reduced])
    assert not {"ok_fraction", "best_sin2_2theta"} & set(alone.data_vars)
    _same(alone["total"], scanner.open(reduced).chi2.sel(experiment="total"))


def test_a_common_covariance_is_not_forgotten_in_the_sum(scan: Scan, merge: Merge) -> None:
    """The other mode depends on no reduced axis, so that nothing else refuses it."""
    more = {**STERILE, "axes": {**STERILE["axes"], "Utau4_sq": {"linear": [0, 0.1], "points": 2}}}
    reduced = scan("reduced", ["miniboone_fhc"], reduce={"method": "profile", "axes": ["Utau4_sq"]}, **more)
    with pytest.raises(InputError, match=r"common covariance[\s\S]*scan 'miniboone'"):
        merge([reduced, scan("other", ["miniboone_rhc"], **STERILE)])


def test_a_nuisance_parameter_is_minimised_once(plugin: Path, scan: Scan, merge: Merge) -> None:
    """Also where the other store depends on no reduced axis: here that is only said to be so."""
    reduced = scan("reduced", ["pulled_a"], reduce={"method": "profile", "axes": ["sin2_2theta"]})
    silent = edited(reduced, lambda record: record["experiments"]["total"].update(reduced=[]))
    with pytest.raises(InputError, match="shares nuisance parameter flux, which is minimised already"):
        merge([silent, scan("other", ["pulled_b"])])


def test_reduced_stores_merge_with_what_depends_on_kept_axes_alone(scan: Scan, merge: Merge) -> None:
    """ν_e disappearance depends on |U_e4|² and Δm² alone; a profile over |U_μ4|² may be added to it."""
    reduce = {"method": "profile", "axes": ["Umu4_sq"]}
    reduced = scan("reduced", ["lsnd"], reduce=reduce, **STERILE)
    axes = {name: STERILE["axes"][name] for name in ("dm2_41", "Ue4_sq")}
    execution = {"block": {"dm2_41": 4, "Ue4_sq": 4}}
    gallium = scan("gallium", ["gallium"], model="sterile_3p1", axes=axes, execution=execution)
    merged = merge([reduced, gallium])
    expected = scanner.open(reduced).chi2.sel(experiment="total") + scanner.open(gallium).chi2.sel(experiment="gallium")
    np.testing.assert_allclose(merged["total"], expected, rtol=1e-6)
