"""The shipped 3+1 scan: its best fit, and how much appearance and disappearance disagree."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scanner import tables
from scanner.config import load_yaml, read_scan_file
from scanner.evaluate import evaluate
from scanner.grid import Block
from scanner.scan import Values as OnAxes
from scanner.scan import expand, resolve

CONFIG = Path(__file__).parents[2] / "configs" / "sterile_3p1_global.yaml"
APPEARANCE = ("miniboone", "lsnd", "karmen")


@pytest.fixture(scope="module")
def surfaces() -> dict[str, np.ndarray]:
    """−2 ln L of each experiment on the whole grid, and the axes."""
    scan = resolve(read_scan_file(load_yaml(CONFIG)))
    built = tables.build_all(scan)
    found = {name: np.array(scan.grid.axis(name).values) for name in scan.grid.names}
    for number, group in enumerate(scan.groups):
        shape = scan.shape(group)
        result = evaluate(scan, built, Block(0, number, (0,) * len(shape), shape))
        for member, chi2 in zip(group.members, result["chi2"], strict=True):
            found[member.experiment.name] = expand(OnAxes(group.axes, chi2), scan.grid.names, scan.grid.shape)
    return found


def total(surfaces: dict[str, np.ndarray], names: tuple[str, ...]) -> np.ndarray:
    return sum((surfaces[name] for name in names), np.zeros(()))


def test_the_grid_is_the_one_asked_for(surfaces: dict[str, np.ndarray]) -> None:
    assert surfaces["miniboone"].shape == (61, 41, 41)
    assert surfaces["dm2_41"].size == 61


def test_best_fit(surfaces: dict[str, np.ndarray]) -> None:
    """At 6.7 eV²; a grid of 241 x 101 x 101 points finds 418.19 there, and the next minimum 0.7 above."""
    names = tuple(set(surfaces) - {"dm2_41", "Ue4_sq", "Umu4_sq"})
    assert len(names) == 7
    everything = total(surfaces, names)
    i, j, k = np.unravel_index(np.nanargmin(everything), everything.shape)
    assert everything[i, j, k] == pytest.approx(418.2, abs=0.1)
    assert surfaces["dm2_41"][i] == pytest.approx(6.7, rel=0.05)
    assert surfaces["Ue4_sq"][j] == pytest.approx(0.047, rel=0.15)
    assert surfaces["Umu4_sq"][k] == pytest.approx(0.0115, rel=0.15)
    assert everything[0, 0, 0] - everything[i, j, k] == pytest.approx(43.7, abs=0.3)


def test_tension_of_appearance_and_disappearance(surfaces: dict[str, np.ndarray]) -> None:
    names = set(surfaces) - {"dm2_41", "Ue4_sq", "Umu4_sq"}
    parts = (APPEARANCE, tuple(names - set(APPEARANCE)))
    apart = sum(np.nanmin(total(surfaces, part)) for part in parts)
    assert np.nanmin(total(surfaces, tuple(names))) - apart == pytest.approx(16.1, abs=0.2)
