"""Plug-ins: installed distributions found by name, and what a broken one may not break."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from scanner import registry
from scanner.errors import InputError

MODELS = '''
"""Two models in one file: a family."""

import os

from scanner.models.base import Model
from scanner.signals.oscillation import OscillationTerm
from scanner.vocabulary import Monomial, Parameter

with open(os.environ["IMPORTED"], "a") as file:
    file.write(__name__ + "\\n")

STRENGTH = {"toy_single": 1.0, "toy_double": 2.0}


def load(name):
    def terms(source, target, antineutrino):
        return (OscillationTerm((Monomial(STRENGTH[name], {"mixing": 1}),), "gap"),)

    parameters = (Parameter("gap", "eV^2", 1.0, 0.0, 10.0), Parameter("mixing", "1", 0.0, 0.0, 1.0))
    return Model(name, 7, "A toy", parameters, {"oscillation": terms}, ())
'''
EXPERIMENT = '''
"""One bin with three events, and a likelihood of its own."""

import os

import numpy as np

from scanner.experiments.base import Experiment
from scanner.signals.oscillation import OscillationResponse

with open(os.environ["IMPORTED"], "a") as file:
    file.write(__name__ + "\\n")


class Square:
    statistic, number_of_data, constant = "(n - 3)^2", 1, 0.0

    def __call__(self, signal, chi2, gof):
        chi2[:] = gof[:] = (signal[:, 0] - 3.0) ** 2


def load(name):
    one = np.ones(1)
    channel = OscillationResponse("mu", "e", False, np.zeros(1, dtype=np.int64), 10 * one, one, 0 * one, 1.0, 10.0)
    return Experiment(
        name=name,
        version=3,
        title="A counter",
        signals={"oscillation": (channel,)},
        likelihood=Square(),
        data=3 * one,
        background=0 * one,
        signal_bins=np.zeros(1, dtype=np.int64),
        coordinates={},
        coordinate_units={},
        data_sets=frozenset({"toy"}),
        references=(),
    )
'''
MISNAMED = """
from scanner.models.two_flavour import load as two_flavour


def load(name):
    return two_flavour("two_flavour")
"""
NO_KERNEL = """
from scanner.models.two_flavour import load
from scanner.physics.kernel import kernel


@kernel("f8(f8)")
def wrong(x):
    return x + undefined
"""
BROKEN = {
    # name of the model: source of its module (None: there is no such module), what the message says
    "raises": ("raise RuntimeError('no luck')", "RuntimeError: no luck"),
    "no_syntax": ("def load(name)\n", "SyntaxError: "),
    "no_module": (None, "ModuleNotFoundError: No module named 'plug_no_module'"),
    "no_kernel": (NO_KERNEL, "TypingError: "),
    "no_load": ("x = 1", "has no attribute 'load'"),
    "leaves": ("raise SystemExit(0)", "SystemExit: 0"),
    "no_model": ("def load(name):\n    return name\n", "TypeError: load('no_model') returned a str"),
    "misnamed": (MISNAMED, "ValueError: load('misnamed') returned a model named 'two_flavour'"),
}
SCAN = {
    "version": 1,
    "name": "toy",
    "model": "toy_single",
    "axes": {"gap": {"values": [0.5, 1.0]}, "mixing": {"values": [0.1, 0.2, 0.4]}},
    "experiments": ["toy_counter"],
    "dtype": "float64",
    "execution": {"cluster": "serial"},
}


def _install(folder: Path, name: str, version: str, entries: dict[str, dict[str, str]]) -> None:
    """Install a distribution, as far as Python can tell: entry points by group, name and module."""
    info = folder / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    text = "".join(
        f"[scanner.{group}]\n" + "".join(f"{k} = {v}\n" for k, v in names.items()) for group, names in entries.items()
    )
    (info / "entry_points.txt").write_text(text)


@dataclass(frozen=True)
class Site:
    """A folder on the Python path with plug-ins in it."""

    folder: Path

    @property
    def imported(self) -> Path:
        """A file that the toy plug-ins write to when they are imported."""
        return self.folder / "imported.txt"

    def python(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run Python with the plug-ins installed."""
        self.imported.unlink(missing_ok=True)
        ours = {"PYTHONPATH": self.folder, "SCANNER_CACHE_DIR": self.folder / "cache", "IMPORTED": self.imported}
        environment = {**os.environ, "COLUMNS": "300", **{k: str(v) for k, v in ours.items()}}
        command = [sys.executable, *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=300, env=environment)

    def scanner(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        """Run a command; it must never show a traceback."""
        done = self.python("-m", "scanner.cli", *arguments)
        assert "Traceback" not in done.stderr, done.stderr
        return done


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """All plug-ins of these tests, good and bad, side by side: the good ones must not notice the bad ones."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "plug_models.py").write_text(MODELS)
    (folder / "plug_experiment.py").write_text(EXPERIMENT)
    for name, (source, _) in BROKEN.items():
        if source is not None:
            (folder / f"plug_{name}.py").write_text(source)
    toys = {"toy_single": "plug_models", "toy_double": "plug_models"}
    _install(folder, "toys", "1.5", {"models": toys, "experiments": {"toy_counter": "plug_experiment"}})
    _install(folder, "wrecks", "0.1", {"models": {name: f"plug_{name}" for name in BROKEN}})
    _install(folder, "usurper", "2.0", {"models": {"two_flavour": "plug_models"}, "experiments": {"x": "plug_raises"}})
    _install(folder, "zz_rival", "3.0", {"models": {"toy_double": "plug_raises"}})
    return Site(folder)


def test_plugins_are_found_by_name_without_importing_them(site: Site) -> None:
    done = site.scanner("show", "toy")
    assert done.returncode == 2
    assert all(name in done.stderr for name in ("toy_single", "toy_double", "toy_counter", "miniboone_fhc", "raises"))
    assert not site.imported.exists()


def test_only_the_plugin_that_is_asked_for_is_imported(site: Site) -> None:
    done = site.scanner("show", "toy_double")
    assert done.returncode == 0 and "toy_double (version 7): A toy" in done.stdout
    assert site.imported.read_text() == "plug_models\n"


def _expected(gap: float, mixing: float, strength: float) -> float:
    return (10 * strength * mixing * math.sin(gap) ** 2 - 3) ** 2


OPEN = "import scanner, sys; print(scanner.open(sys.argv[1])['chi2'].sel(experiment='toy_counter').values.tolist())"


@pytest.mark.parametrize(("model", "strength"), [("toy_single", 1), ("toy_double", 2)])
def test_a_plugin_model_and_experiment_make_a_scan(site: Site, tmp_path: Path, model: str, strength: int) -> None:
    (tmp_path / "scan.yaml").write_text(json.dumps({**SCAN, "model": model}))
    done = site.scanner("run", tmp_path / "scan.yaml", "-o", tmp_path / "toy.zarr")
    assert done.returncode == 0, done.stderr
    chi2 = json.loads(site.python("-c", OPEN, tmp_path / "toy.zarr").stdout)
    for row, gap in zip(chi2, (0.5, 1.0), strict=True):
        assert row == pytest.approx([_expected(gap, mixing, strength) for mixing in (0.1, 0.2, 0.4)], rel=1e-12)
    found = json.loads(site.scanner("status", tmp_path / "toy.zarr", "--json").stdout)
    assert found["provenance"]["plugins"] == {model: "toys 1.5", "toy_counter": "toys 1.5"}


def test_a_plugin_model_meets_an_experiment_of_this_package(site: Site, tmp_path: Path) -> None:
    (tmp_path / "scan.yaml").write_text(json.dumps({**SCAN, "experiments": ["miniboone_fhc"]}))
    done = site.scanner("run", tmp_path / "scan.yaml", "-o", tmp_path / "toy.zarr")
    assert done.returncode == 0, done.stderr
    found = json.loads(site.scanner("status", tmp_path / "toy.zarr", "--json").stdout)
    assert found["provenance"]["plugins"] == {"toy_single": "toys 1.5"}
    assert found["statuses"] == {"ok": 6}


def test_broken_plugins_are_listed_as_broken_beside_the_others(site: Site) -> None:
    done = site.scanner("list", "models")
    assert done.returncode == 0
    for name, (_, reason) in BROKEN.items():
        line = next(line for line in done.stdout.splitlines() if line.startswith(f"broken: model {name!r}"))
        assert reason in line and "from plug-in wrecks 0.1" in line
    assert done.stdout.count("broken: ") == len(BROKEN)
    for name in ("toy_single", "toy_double", "two_flavour", "sterile_3p1"):
        row = next(line for line in done.stdout.splitlines() if f" {name} " in line)
        assert "broken" not in row and ("toys 1.5" in row) == name.startswith("toy")


def test_a_broken_experiment_is_listed_as_broken(site: Site) -> None:
    done = site.scanner("list", "experiments")
    assert done.returncode == 0
    assert "broken: experiment 'x' (plug_raises, from plug-in usurper 2.0) does not load: RuntimeError" in done.stdout
    assert "toy_counter" in done.stdout and "miniboone_rhc" in done.stdout


def test_what_was_listed_before_is_listed_again_until_its_file_is_edited(tmp_path: Path) -> None:
    shutil.copytree(registry.PACKAGE, tmp_path / "scanner", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "plug_models.py").write_text(MODELS)
    _install(tmp_path, "toys", "1.5", {"models": {"toy_single": "plug_models"}})
    site = Site(tmp_path)

    def listed() -> str:
        return site.python("-P", "-m", "scanner.cli", "list", "models").stdout  # -P: the copy, not this folder

    first, again = listed(), listed()
    assert "A toy" in first and first == again
    assert site.imported.exists()  # a plug-in may depend on more than its file
    own, plugin = tmp_path / "scanner" / "models" / "two_flavour.py", tmp_path / "plug_models.py"
    plugin.write_text(MODELS.replace("A toy", "Another toy"))
    own.write_text(own.read_text().replace('"Two', '"Edited: two'))
    edited = listed()
    assert "Another toy" in edited and "Edited: two" in edited
    own.write_text(own.read_text() + "raise RuntimeError('no luck')\n")
    assert "broken: model 'two_flavour'" in listed()


@pytest.mark.parametrize("name", ["raises", "misnamed", "no_kernel"])
def test_asking_for_a_broken_plugin_is_one_message(site: Site, tmp_path: Path, name: str) -> None:
    (tmp_path / "scan.yaml").write_text(json.dumps({**SCAN, "model": name, "store": "toy.zarr"}))
    done = site.scanner("check", tmp_path / "scan.yaml")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"scanner: model {name!r} (plug_{name}, from plug-in wrecks 0.1) does not load: ")
    assert BROKEN[name][1] in done.stderr


def test_a_name_that_is_taken_is_not_taken_over_and_that_is_said(site: Site) -> None:
    listed = site.scanner("list", "models").stdout
    assert "unused: 'two_flavour' from usurper 2.0, because nu-scanner has that name already" in listed
    assert "unused: 'toy_double' from zz_rival 3.0, because toys 1.5 has that name already" in listed
    assert listed.count("unused: ") == 2
    assert "sin2_2theta" in site.scanner("show", "two_flavour").stdout


CACHE = "from scanner.physics.kernel import numba_cache_dir; print(numba_cache_dir())"


def test_an_edited_plugin_gets_another_kernel_cache(tmp_path: Path) -> None:
    (tmp_path / "plug.py").write_text(MODELS)
    _install(tmp_path, "toys", "1.5", {"models": {"toy_single": "plug"}})
    site = Site(tmp_path)
    first, again = (site.python("-c", CACHE).stdout for _ in range(2))
    (tmp_path / "plug.py").write_text(MODELS.replace("1.0", "1.5"))
    edited = site.python("-c", CACHE).stdout
    assert Path(first.strip()).is_dir() and first == again
    assert Path(edited.strip()).is_dir() and edited != first
    assert not site.imported.exists()


def test_names_of_this_package_come_from_their_files(site: Site) -> None:
    providers = registry.providers("experiments")
    family = [providers[name] for name in ("miniboone_fhc", "miniboone_rhc", "miniboone")]
    assert {provider.module for provider in family} == {"scanner.experiments.miniboone"}
    assert all(provider.distribution == "" and provider.path.is_file() for provider in family if provider.path)


@pytest.mark.parametrize(
    ("load", "name", "hint"),
    [
        (registry.model, "two_flavor", "did you mean 'two_flavour'?"),
        (registry.experiment, "minibone", "did you mean 'miniboone'?"),
        (registry.signal, "oscilation", "did you mean 'oscillation'?"),
    ],
)
def test_an_unknown_name(load: Any, name: str, hint: str) -> None:
    with pytest.raises(InputError) as caught:
        load(name)
    assert "allowed: " in str(caught.value) and hint in str(caught.value)
