"""Builders as a user calls them."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from scanner.experiments import builders

BUILDERS = sorted(p.stem for p in Path(str(builders.__file__)).parent.glob("*.py") if "__main__" in p.read_text())


@pytest.mark.parametrize("name", BUILDERS)
def test_a_builder_says_what_it_takes(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    monkeypatch.delitem(sys.modules, f"scanner.experiments.builders.{name}", raising=False)
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(f"scanner.experiments.builders.{name}", run_name="__main__")
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert "--output" in said and f"builders.{name}" in said  # the second is the usage of its own docstring


def test_a_builder_writes_where_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shared_data: Path) -> None:
    monkeypatch.setattr(sys, "argv", ["x", str(shared_data / "electron_scattering"), "-o", str(tmp_path)])
    monkeypatch.delitem(sys.modules, "scanner.experiments.builders.electron_scattering", raising=False)
    runpy.run_module("scanner.experiments.builders.electron_scattering", run_name="__main__")
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{name}.txt" for name in ("minerva_le", "minerva_me", "charm2_nu", "charm2_nubar")
    }
