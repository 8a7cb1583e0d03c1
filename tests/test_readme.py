"""The README's promises: its scan file, and its model and experiment, as shown."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

import scanner

REPOSITORY = Path(__file__).parents[1]
README = (REPOSITORY / "README.md").read_text()


def _blocks(language: str, page: str = README) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page, flags=re.DOTALL)


def test_scan_file_is_the_shipped_one() -> None:
    yaml = YAML(typ="safe", pure=True)
    shown = yaml.load(_blocks("yaml")[0])
    assert shown == yaml.load((REPOSITORY / "configs/miniboone_2flavour.yaml").read_text())


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """The README's model and experiment, installed as shown."""
    source = tmp_path / "source"
    source.mkdir()
    for text in (*_blocks("python"), *_blocks("toml")):
        first = text.splitlines()[0]
        if first.startswith("# ") and first.endswith((".py", ".toml")):
            (source / first[2:]).write_text(text)
    target = tmp_path / "installed"
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(target), str(source)]
    subprocess.run(pip, check=True, capture_output=True)
    return target


def test_model_and_experiment_as_shown(plugin: Path) -> None:
    (plugin / "scan.yaml").write_text(
        "{version: 1, name: own, model: flavour_blind, experiments: [counting, miniboone], store: own.zarr,\n"
        " axes: {dm2_41: {log: [0.1, 10], points: 5}, U_sq: {log: [1e-3, 0.3], points: 6}}}\n"
    )
    command = [sys.executable, "-m", "scanner.cli", "run", "scan.yaml", "--cluster", "serial"]
    environment = {**os.environ, "PYTHONPATH": str(plugin)}
    done = subprocess.run(command, cwd=plugin, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    show = [sys.executable, "-c", "import scanner; print(scanner.open('own.zarr').attrs['plugins'])"]
    plugins = subprocess.run(show, cwd=plugin, env=environment, capture_output=True, text=True).stdout
    assert plugins.strip() == "{'flavour_blind': 'my-neutrinos 1.0', 'counting': 'my-neutrinos 1.0'}"


def test_python_examples_run(tmp_path: Path) -> None:
    example = next(text for text in _blocks("python") if text.startswith("import scanner"))
    script = tmp_path / "example.py"
    script.write_text(example.replace('"configs/', f'"{REPOSITORY}/configs/'))
    done = subprocess.run([sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_lines_of_the_page_on_global_fits_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the experiments of its scan files, on fewer points."""
    monkeypatch.chdir(tmp_path)
    for name in ("ps191", "t2k", "peaks"):
        file = YAML(typ="safe", pure=True).load((REPOSITORY / f"configs/hnl_{name}.yaml").read_text())
        for axis, points in (("m_N", 12), ("Umu4_sq", 33)):
            file["axes"][axis]["points"] = points
        scanner.run(file, cluster="serial", progress=False)
    page = (REPOSITORY / "docs/global_fits.md").read_text()
    merge, *lines = [line for line in _blocks("python", page)[0].splitlines() if line]
    found: dict[str, Any] = {"scanner": scanner}
    exec(merge.replace('.zarr")', '.zarr", cluster="serial", progress=False)'), found)
    for line in lines:
        exec(line, found)


def test_ci_runs_the_test_line_of_the_readme() -> None:
    lines = [line for line in README.splitlines() if line.startswith("python3 -m venv .venv-test")]
    assert len(lines) == 1 and lines[0].endswith("/pytest -n 2 --dist loadfile")
    assert "grep -m1 '^python3 -m venv .venv-test' README.md" in (REPOSITORY / ".ci/run").read_text()


@pytest.mark.parametrize("page", ["README.md", "docs/design.md", "docs/heavy_neutrinos.md", "docs/global_fits.md"])
def test_what_a_page_links_to_is_there(page: str) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", (REPOSITORY / page).read_text())
    assert [link for link in links if not (REPOSITORY / page).parent.joinpath(link).is_file()] == []
