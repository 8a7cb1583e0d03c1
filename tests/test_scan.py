"""A scan resolved against its model and experiments: what is refused, and what every parameter is where."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import mpmath as mp
import numpy as np
import pytest

from scanner import registry
from scanner.config import read_scan_file
from scanner.errors import InputError
from scanner.maps import Map
from scanner.scan import Scan, expand, resolve

DM2 = {"log": [0.01, 100], "points": 5}
FILE = {
    "version": 1,
    "name": "test",
    "model": "sterile_3p1",
    "axes": {"dm2_41": DM2},
    "experiments": ["miniboone_fhc"],
}
PARAMETERS = "allowed: dm2_41, Ue4_sq, Umu4_sq, Utau4_sq, delta14, delta24"
TIED = "allowed: ratio, offset, power, product"


def _scan(**changes: Any) -> Scan:
    return resolve(read_scan_file({**FILE, **changes}))


def _tie(**entry: Any) -> dict[str, Any]:
    return {"tied": {"Umu4_sq": entry}}


def _ratio(of: Any, factor: Any = 1) -> dict[str, Any]:
    return {"map": "ratio", "of": of, "factor": factor}


REFUSED = [
    # changes of the file, path in the message, fragments of the message
    ({"model": "sterile_3p2"}, "model", ("unknown model", "sterile_3p1, ", "mean 'sterile_3p1'?")),
    ({"experiments": ["miniboon_fhc"]}, "experiments[0]", ("unknown experiment", "did you mean 'miniboone_fhc'?")),
    (
        {"experiments": ["miniboone", "nova"]},
        "experiments[1]",
        ("miniboone_fhc, ", "mean 'nova_nd'?"),
    ),
    ({"axes": {"dm2_14": DM2}}, "axes.dm2_14", ("no parameter 'dm2_14'", PARAMETERS, "did you mean 'dm2_41'?")),
    ({"fixed": {"Ue4_sq": True}}, "fixed.Ue4_sq", ("should be a number", "True")),
    ({"fixed": {"Ue4": 0.1}}, "fixed.Ue4", ("no parameter 'Ue4'", PARAMETERS, "did you mean 'Ue4_sq'?")),
    ({"fixed": {"dm2_41": 1.0}}, "fixed.dm2_41", ("both fixed and an axis", "remove one of the two")),
    ({"fixed": {"Ue4_sq": 1.5}}, "fixed.Ue4_sq", ("found: 1.5", "allowed: 0 to 1")),
    ({"axes": {"dm2_41": {**DM2, "unit": "eV"}}}, "axes.dm2_41.unit", ("found: 'eV'", "allowed: eV^2")),
    ({"axes": {"Ue4_sq": {"values": [0.1], "unit": "eV^2"}}}, "axes.Ue4_sq.unit", ("found: 'eV^2'", "allowed: 1")),
    ({"axes": {"Ue4_sq": {"log": [0.1, 2], "points": 3}}}, "axes.Ue4_sq.log", ("found: 2.0", "allowed: 0 to 1")),
    ({"axes": {"Ue4_sq": {"linear": [-1, 1], "points": 3}}}, "axes.Ue4_sq.linear", ("found: -1.0", "0 to 1")),
    ({"axes": {"dm2_41": {"values": [0.0, 2e6]}}}, "axes.dm2_41.values", ("found: 2000000.0", "0 to 1e+06 eV^2")),
    (
        {"axes": {"Ue4_sq": {"linear": [0.5, 0.5000000000000002], "points": 50}}},
        "axes.Ue4_sq.points",
        ("cannot be told apart", "fewer points"),
    ),
    ({"execution": {"block": {"Ue4_sq": 4}}}, "execution.block.Ue4_sq", ("not an axis", "allowed: dm2_41")),
    ({"execution": {"block": {"dm2": 4}}}, "execution.block.dm2", ("did you mean 'dm2_41'?",)),
    ({"tied": {"Umu4": _ratio("Ue4_sq")}}, "tied.Umu4", ("no parameter 'Umu4'", PARAMETERS, "mean 'Umu4_sq'?")),
    ({"tied": {"dm2_41": _ratio("Ue4_sq")}}, "tied.dm2_41", ("both tied and in axes", "remove one of the two")),
    ({**_tie(**_ratio("Ue4_sq")), "fixed": {"Umu4_sq": 0.1}}, "tied.Umu4_sq", ("both tied and in fixed", "remove")),
    (_tie(**_ratio("Umu4_sq")), "tied", ("tied in a circle", "found: ['Umu4_sq']")),
    (
        {"tied": {"Umu4_sq": _ratio("Ue4_sq"), "Ue4_sq": _ratio("Utau4_sq"), "Utau4_sq": _ratio("Umu4_sq")}},
        "tied",
        ("tied in a circle", "found: ['Ue4_sq', 'Umu4_sq', 'Utau4_sq']"),
    ),
    (_tie(of="Ue4_sq"), "tied.Umu4_sq.map", ("is missing", TIED)),
    (_tie(of="Ue4_sq", map="ration"), "tied.Umu4_sq.map", ("found: 'ration'", TIED, "did you mean 'ratio'?")),
    (_tie(of="Ue4_sq", map=["ratio"]), "tied.Umu4_sq.map", ("found: ['ratio']", TIED)),
    (_tie(map="ratio", factor=1), "tied.Umu4_sq.of", ("is missing", "a parameter's name or a list of names")),
    (_tie(map="product", of=[]), "tied.Umu4_sq.of", ("is empty", "a parameter's name or a list of names")),
    (_tie(**_ratio("Ue5_sq")), "tied.Umu4_sq.of", ("no parameter 'Ue5_sq'", PARAMETERS, "did you mean 'Ue4_sq'?")),
    (_tie(**_ratio({"a": 1})), "tied.Umu4_sq.of", ("no parameter {'a': 1}", PARAMETERS)),
    (_tie(**_ratio(["Ue4_sq", "Utau4_sq"])), "tied.Umu4_sq.of", ("takes 1 parameter", "ratio is factor · of")),
    (_tie(map="ratio", of="Ue4_sq"), "tied.Umu4_sq.factor", ("is missing", "a number; ratio is factor · of")),
    (_tie(map="offset", of="Ue4_sq"), "tied.Umu4_sq.offset", ("is missing", "a number; offset is of + offset")),
    (_tie(map="power", of="Ue4_sq"), "tied.Umu4_sq.exponent", ("is missing", "a number; power is")),
    (_tie(**_ratio("Ue4_sq"), fctor=2), "tied.Umu4_sq.fctor", ("allowed: map, of, factor", "did you mean 'factor'?")),
    (_tie(**_ratio("Ue4_sq", "two")), "tied.Umu4_sq.factor", ("found: 'two'", "a finite number")),
    (_tie(**_ratio("Ue4_sq", True)), "tied.Umu4_sq.factor", ("found: True", "a finite number")),
    (_tie(**_ratio("Ue4_sq", float("nan"))), "tied.Umu4_sq.factor", ("found: nan", "a finite number")),
    (_tie(**_ratio("Ue4_sq", 10**400)), "tied.Umu4_sq.factor", ("a finite number",)),
    (_tie(**_ratio("dm2_41", 1)), "tied.Umu4_sq", ("outside the range of parameter 'Umu4_sq'", "allowed: 0 to 1")),
    (_tie(map="power", of="Ue4_sq", exponent=-1), "tied.Umu4_sq", ("the map 'power' fails", "0.0 cannot be raised")),
]


@pytest.mark.parametrize(("changes", "path", "fragments"), REFUSED)
def test_refusal_names_the_path_and_what_is_allowed(
    changes: dict[str, Any], path: str, fragments: tuple[str, ...]
) -> None:
    with pytest.raises(InputError) as caught:
        _scan(**changes)
    assert caught.value.exit_status == 2
    assert str(caught.value).startswith(f"{path}: ")
    for fragment in fragments:
        assert fragment in str(caught.value)


def test_an_experiment_that_the_model_has_no_signal_for(monkeypatch: pytest.MonkeyPatch) -> None:
    deaf = replace(registry.experiment("miniboone_rhc"), name="deaf", signals={"decay in flight": ()})
    known = registry.experiment
    monkeypatch.setattr(registry, "experiment", lambda name: deaf if name == "deaf" else known(name))
    with pytest.raises(InputError) as caught:
        _scan(experiments=["miniboone_fhc", "deaf"])
    assert str(caught.value) == (
        "experiments[1]: model 'sterile_3p1' has no signal for experiment 'deaf'\n"
        "  allowed: one with oscillation or surface; deaf has decay in flight"
    )


def test_a_tied_parameter_on_too_many_points() -> None:
    axes = {name: {"linear": [0, 0.1], "points": 10_000} for name in ("Ue4_sq", "Utau4_sq")}
    with pytest.raises(InputError, match=r"tied.Umu4_sq: would take 100,000,000 values.*\n.*at most 10,000,000"):
        _scan(axes=axes, tied={"Umu4_sq": {"map": "product", "of": ["Ue4_sq", "Utau4_sq"]}})


def test_units_may_be_written_with_spaces() -> None:
    assert _scan(axes={"dm2_41": {**DM2, "unit": "eV ^ 2"}}).grid.axis("dm2_41").unit == "eV^2"


def test_the_official_grid_is_exact() -> None:
    axes = {"dm2_41": {"log": [0.01, 100], "points": 190}, "Ue4_sq": {"log": [3.0e-4, 1], "points": 190}}
    grid = _scan(axes=axes).grid
    for axis, (low, high) in zip(grid.axes, ((0.01, 100), (3.0e-4, 1)), strict=True):
        with mp.workdps(40):
            ends = mp.mpf(repr(low)), mp.mpf(high)
            exact = [float(ends[0] * (ends[1] / ends[0]) ** (mp.mpf(i) / 189)) for i in range(190)]
        np.testing.assert_allclose(axis.values, exact, rtol=1e-12)
        assert (axis.values[0], axis.values[-1]) == (low, high)


def test_a_linear_axis_is_exact() -> None:
    values = _scan(axes={"Ue4_sq": {"linear": [0.1, 0.7], "points": 7}}).grid.axis("Ue4_sq").values
    np.testing.assert_allclose(values, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7], rtol=1e-15)
    assert (values[0], values[-1]) == (0.1, 0.7)


@pytest.mark.parametrize("kind", ["log", "linear"])
def test_one_point(kind: str) -> None:
    assert _scan(axes={"Ue4_sq": {kind: [0.3, 0.3], "points": 1}}).grid.axis("Ue4_sq").values == (0.3,)


def test_parameters_are_fixed_scanned_or_default() -> None:
    found = _scan(fixed={"Ue4_sq": 0.02}).parameters
    assert found["Ue4_sq"].axes == () and float(found["Ue4_sq"].array) == 0.02
    assert found["dm2_41"].axes == ("dm2_41",)
    np.testing.assert_array_equal(found["dm2_41"].array, [0.01, 0.1, 1, 10, 100])
    assert float(found["sin2_theta12"].array) == registry.model("sterile_3p1").parameter("sin2_theta12").default


E, TAU = np.array([0.001, 0.01, 0.1]), np.array([0.01, 0.02])
AXES = {"Ue4_sq": {"values": E.tolist()}, "dm2_41": DM2, "Utau4_sq": {"values": TAU.tolist()}}
MAPS = [
    # how Umu4_sq is tied, its axes, its values
    ({"map": "ratio", "of": "Ue4_sq", "factor": 2.5}, ("Ue4_sq",), 2.5 * E),
    ({"map": "offset", "of": ["Ue4_sq"], "offset": 0.25}, ("Ue4_sq",), E + 0.25),
    ({"map": "power", "of": "Ue4_sq", "exponent": 2}, ("Ue4_sq",), E**2),
    ({"map": "power", "of": "Ue4_sq", "exponent": 0.5, "factor": 3}, ("Ue4_sq",), 3 * np.sqrt(E)),
    ({"map": "product", "of": ["Ue4_sq"]}, ("Ue4_sq",), E),
    ({"map": "product", "of": ["Utau4_sq", "Ue4_sq"], "factor": 4}, ("Ue4_sq", "Utau4_sq"), 4 * E[:, None] * TAU),
    ({"map": "product", "of": ["Ue4_sq", "Ue4_sq"]}, ("Ue4_sq",), E * E),
    ({"map": "ratio", "of": "sin2_theta12", "factor": 0.5}, (), np.array(0.152)),
]


@pytest.mark.parametrize(("tied", "axes", "values"), MAPS)
def test_a_tied_parameter_follows_and_adds_no_dimension(
    tied: dict[str, Any], axes: tuple[str, ...], values: np.ndarray
) -> None:
    scan = _scan(axes=AXES, tied={"Umu4_sq": tied})
    assert scan.grid.names == ("Ue4_sq", "dm2_41", "Utau4_sq")
    assert scan.parameters["Umu4_sq"].axes == axes
    np.testing.assert_allclose(scan.parameters["Umu4_sq"].array, values, rtol=1e-15)


def test_ties_may_be_chained_in_any_order() -> None:
    tied = {
        "Umu4_sq": {"map": "product", "of": ["Utau4_sq", "dm2_21"]},
        "Utau4_sq": {"map": "power", "of": "dm2_21", "exponent": 2, "factor": 1e4},
        "dm2_21": {"map": "ratio", "of": "Ue4_sq", "factor": 0.05},
    }
    scan = _scan(axes={"dm2_41": DM2, "Ue4_sq": {"values": E.tolist()}}, tied=tied)
    dm2 = 0.05 * E
    for name, values in {"dm2_21": dm2, "Utau4_sq": 1e4 * dm2**2, "Umu4_sq": 1e4 * dm2**3}.items():
        assert scan.parameters[name].axes == ("Ue4_sq",)
        np.testing.assert_allclose(scan.parameters[name].array, values, rtol=1e-14)


def test_a_map_of_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    model = registry.model("sterile_3p1")
    seesaw = Map(lambda a, b, scale: scale * a / b, 2, {"scale": 1.0}, "scale · of₁ / of₂")
    monkeypatch.setattr(registry, "model", lambda _: replace(model, maps={"seesaw": seesaw}))
    tied = {"Umu4_sq": {"map": "seesaw", "of": ["Ue4_sq", "dm2_41"], "scale": 0.01}}
    scan = _scan(axes={"dm2_41": DM2, "Ue4_sq": {"values": E.tolist()}}, tied=tied)
    assert scan.parameters["Umu4_sq"].axes == ("dm2_41", "Ue4_sq")
    dm2 = np.array([0.01, 0.1, 1, 10, 100])
    np.testing.assert_allclose(scan.parameters["Umu4_sq"].array, 0.01 * E / dm2[:, None], rtol=1e-13)
    with pytest.raises(InputError, match="ratio, offset, power, product, seesaw"):
        _scan(tied={"Umu4_sq": {"map": "sesaw", "of": "Ue4_sq"}})


def test_expand_keeps_the_order_of_axes() -> None:
    scan = _scan(axes=AXES, tied={"Umu4_sq": {"map": "product", "of": ["Utau4_sq", "Ue4_sq"]}})
    whole = expand(scan.parameters["Umu4_sq"], scan.grid.names, scan.grid.shape)
    assert whole.shape == (3, 5, 2)
    assert whole[2, 4, 1] == pytest.approx(E[2] * TAU[1], rel=1e-15)


def _groups(scan: Scan) -> dict[tuple[str, ...], list[str]]:
    return {group.axes: [member.experiment.name for member in group.members] for group in scan.groups}


WORST = {"Ue4_sq": {"linear": [0, 0.4], "points": 3}, "Umu4_sq": {"linear": [0, 0.3], "points": 3}, "dm2_41": DM2}


@pytest.mark.parametrize(("largest", "depends"), [(0.29, False), (0.31, True)])
def test_an_axis_counts_only_where_unitarity_can_be_violated(largest: float, depends: bool) -> None:
    scan = _scan(axes={**WORST, "Utau4_sq": {"linear": [0, largest], "points": 3}})
    axes = ("Ue4_sq", "Umu4_sq", "dm2_41", "Utau4_sq") if depends else ("Ue4_sq", "Umu4_sq", "dm2_41")
    assert _groups(scan) == {axes: ["miniboone_fhc"]}
    assert bool(scan.groups[0].constraints) == depends


def test_a_fixed_value_counts_for_unitarity() -> None:
    axes = {**WORST, "delta14": {"linear": [0, 1], "points": 2}}
    assert not _scan(axes=axes, fixed={"Utau4_sq": 0.29}).groups[0].constraints
    assert _scan(axes=axes, fixed={"Utau4_sq": 0.31}).groups[0].constraints
    assert _groups(_scan(axes=axes)) == {("Ue4_sq", "Umu4_sq", "dm2_41"): ["miniboone_fhc"]}


def test_an_experiment_depends_on_the_axes_behind_a_tied_parameter() -> None:
    axes = {"dm2_21": {"linear": [1e-5, 1e-4], "points": 3}, "dm2_41": DM2}
    scan = _scan(axes=axes, tied={"Umu4_sq": {"map": "ratio", "of": "dm2_21", "factor": 100}})
    assert _groups(scan) == {("dm2_21", "dm2_41"): ["miniboone_fhc"]}


def test_experiments_are_grouped_by_their_axes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of three experiments the second does not see the axis that the two others share."""
    numb = replace(registry.experiment("miniboone_rhc"), name="numb", signals={"oscillation": ()})
    known = registry.experiment
    monkeypatch.setattr(registry, "experiment", lambda name: numb if name == "numb" else known(name))
    scan = _scan(experiments=["miniboone_fhc", "numb", "miniboone"])
    assert _groups(scan) == {("dm2_41",): ["miniboone_fhc", "miniboone"], (): ["numb"]}
    assert list(scan.members()) == ["miniboone_fhc", "numb", "miniboone"]
