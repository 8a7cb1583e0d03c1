"""Evaluation of blocks: against one point at a time, in any partition, with every status."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from scanner import evaluate as evaluation
from scanner import tables
from scanner.config import read_scan_file
from scanner.errors import Status
from scanner.evaluate import evaluate, round_to
from scanner.grid import Block, Layout
from scanner.prediction import predict
from scanner.scan import Scan, resolve


def _scan(**changes: Any) -> Scan:
    file = {
        "version": 1,
        "name": "test",
        "model": "sterile_3p1",
        "axes": {
            "dm2_41": {"log": [0.1, 100], "points": 7},
            "Ue4_sq": {"log": [1e-3, 1], "points": 9},
            "Umu4_sq": {"linear": [0, 1], "points": 11},
        },
        "experiments": ["miniboone_fhc", "miniboone"],
    }
    return resolve(read_scan_file({**file, **changes}))


def _whole(scan: Scan) -> dict[str, np.ndarray]:
    shape = scan.shape(scan.groups[0])
    return evaluate(scan, tables.build_all(scan), Block(0, 0, tuple(0 for _ in shape), shape))


def test_every_point_equals_its_prediction() -> None:
    scan = _scan()
    found = _whole(scan)
    rng = np.random.default_rng(2)
    for index in zip(*(rng.integers(0, n, 25) for n in scan.grid.shape), strict=True):
        values = {axis.name: axis.values[i] for axis, i in zip(scan.grid.axes, index, strict=True)}
        for e, name in enumerate(scan.experiments):
            single = predict("sterile_3p1", name, **values)
            assert Status(found["status"][(e, *index)]).name == single["status"].item()
            for quantity in ("chi2", "gof", "events"):
                np.testing.assert_array_equal(found[quantity][(e, *index)], float(single[quantity]))


@pytest.mark.parametrize("blocks", [(1, 1, 1), (2, 3, 4), (7, 2, 11), (8, 16, 16)])
def test_bits_do_not_depend_on_the_partition(blocks: tuple[int, ...]) -> None:
    scan = _scan()
    built = tables.build_all(scan)
    whole, pieces = _whole(scan), _whole(scan)
    for array in pieces.values():
        array[...] = 0
    for block in Layout((scan.grid.shape,), (blocks,)):
        for name, values in evaluate(scan, built, block).items():
            pieces[name][(slice(None), *block.slices)] = values
    for name in whole:
        np.testing.assert_array_equal(whole[name], pieces[name])


def test_bits_do_not_depend_on_the_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    scan = _scan()
    whole = _whole(scan)
    monkeypatch.setattr(evaluation, "CHUNK", 13)
    for name, values in _whole(scan).items():
        np.testing.assert_array_equal(whole[name], values)


def test_unitarity_is_a_status() -> None:
    scan = _scan()
    found = _whole(scan)
    e, mu = scan.grid.axis("Ue4_sq").array[:, None], scan.grid.axis("Umu4_sq").array
    outside = np.broadcast_to(e + mu > 1, scan.grid.shape)
    assert outside.any() and not outside.all()
    for i in range(2):
        np.testing.assert_array_equal(found["status"][i] == Status.outside_model, outside)
        np.testing.assert_array_equal(np.isnan(found["chi2"][i]), outside)


def test_an_axis_that_nothing_depends_on_is_left_out() -> None:
    """MiniBooNE's fit knows no CP phase: the phase's axis is not computed, nor is one that unitarity spares."""
    small = {"log": [1e-4, 1e-2], "points": 3}
    axes = {"dm2_41": {"values": [1.0]}, "delta14": {"linear": [0, 1], "points": 5}, "Utau4_sq": small}
    scan = _scan(axes={**axes, "Ue4_sq": small}, fixed={"Umu4_sq": 0.01})
    assert scan.groups[0].axes == ("dm2_41", "Ue4_sq")
    large = {**axes, "Ue4_sq": {"log": [1e-4, 1], "points": 3}}
    assert _scan(axes=large, fixed={"Umu4_sq": 0.01}).groups[0].axes == ("dm2_41", "Utau4_sq", "Ue4_sq")


def test_tied_parameters_follow() -> None:
    axes = {"dm2_41": {"values": [0.5, 2.0]}, "Ue4_sq": {"values": [0.001, 0.01, 0.1]}}
    tied = {"Umu4_sq": {"map": "ratio", "of": "Ue4_sq", "factor": 0.5}}
    found = _whole(_scan(axes=axes, tied=tied))
    single = predict("sterile_3p1", "miniboone", dm2_41=2.0, Ue4_sq=0.1, Umu4_sq=0.05)
    assert found["chi2"][1, 1, 2] == float(single["chi2"])


def test_rounding_to_float32_marks_what_overflows() -> None:
    results = {"chi2": np.array([[1.5, 1e39, np.nan]]), "status": np.array([[1, 1, 2]], dtype=np.uint8)}
    rounded = round_to(results, "float32")
    assert rounded["chi2"].dtype == np.float32
    np.testing.assert_array_equal(rounded["status"], [[Status.ok, Status.not_finite, Status.outside_model]])
    assert rounded["chi2"][0, 0] == 1.5 and np.isnan(rounded["chi2"][0, 1:]).all()


def test_tables_come_back_from_the_cache(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was remembered has the same bits, and a damaged file is as good as none."""
    monkeypatch.setattr(tables, "user_cache_dir", lambda: tmp_path)
    built, planned = tables.build_all(_scan()), tables.plan(_scan())
    assert tables.remembered(planned) == {}
    tables.remember(built.values())
    assert len(list((tmp_path / "tables").iterdir())) == len(built) == 3
    found = tables.remembered(planned)
    assert found.keys() == built.keys()
    for path, table in built.items():
        assert found[path].key == table.key == planned[path].key
        np.testing.assert_array_equal(found[path].entries, table.entries)
    (tmp_path / "tables" / f"{table.key}.npz").write_bytes(b"garbage")
    assert built.keys() - tables.remembered(planned).keys() == {path}


def test_parts_hold_every_node_once() -> None:
    planned = tables.plan(_scan(axes={"dm2_41": {"log": [0.1, 99], "points": 150}}))
    parts = tables.parts(planned)
    for path, one in planned.items():
        mine = [part for part in parts if path in part.paths]
        assert [part.number for part in mine] == list(range(len(mine)))
        assert [i for part in mine for i in range(150)[part.nodes]] == list(range(len(one.nodes)))


def test_the_table_key_knows_its_nodes() -> None:
    one = tables.build_all(_scan())
    other = tables.build_all(_scan(axes={"dm2_41": {"log": [0.1, 99], "points": 7}}))
    assert one["miniboone/0/0_mu_e"].key != other["miniboone/0/0_mu_e"].key
