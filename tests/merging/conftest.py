"""Small stores to merge: MiniBooNE's two modes, and three made-up experiments with nuisance parameters in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import xarray as xr

import scanner
from scanner import registry

PLUGIN = '''
"""Gaussian experiments in four bins; "flux" is shared by all, "norm" by two."""

import numpy as np

from scanner.experiments.base import Experiment
from scanner.likelihoods.gaussian_pulls import GaussianPulls
from scanner.signals.oscillation import OscillationResponse

NUISANCES = {
    "apart": ("own",),
    "pulled_a": ("flux",),
    "pulled_b": ("flux", "norm"),
    "pulled_c": ("norm", "flux"),
    "vanishing": (),
    "vanishing_e": (),
}


def likelihood(name):
    generator = np.random.default_rng(sorted(NUISANCES).index(name))
    names = NUISANCES[name]
    return GaussianPulls(
        data=generator.uniform(90, 130, 4),
        background=np.full(4, 100.0),
        covariance=np.diag(generator.uniform(80, 120, 4)),
        background_pulls=generator.normal(0, 0.05, (4, len(names))),
        signal_pulls=generator.normal(0, 0.2, (4, len(names))),
        nuisances=names,
    )


def load(name):
    bins = np.arange(4)
    source, target = {"vanishing": ("mu", "mu"), "vanishing_e": ("e", "e")}.get(name, ("mu", "e"))
    weight, mean, variance = np.full(4, 300.0), 0.3 + 0.4 * bins, np.full(4, 0.01)
    channel = OscillationResponse(source, target, False, bins, weight, mean, variance, 1.267, 100.0)
    one = likelihood(name)
    return Experiment(
        name=name,
        version=1,
        title="A made-up experiment with nuisance parameters",
        signals={"oscillation": (channel,)},
        likelihood=one,
        data=one.data,
        background=one.background,
        signal_bins=bins,
        coordinates={},
        coordinate_units={},
        data_sets=frozenset({name}),
        references=(),
    )
'''
AXES = {"dm2": {"log": [0.01, 100], "points": 21}, "sin2_2theta": {"log": [1e-3, 1], "points": 13}}

Scan = Callable[..., Path]


@pytest.fixture(scope="session")
def plugin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Install the made-up experiments."""
    folder = tmp_path_factory.mktemp("plugin")
    (folder / "made_up_pulls.py").write_text(PLUGIN)
    info = folder / "made_up_pulls-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: made-up-pulls\nVersion: 1.0\n")
    names = ("pulled_a", "pulled_b", "pulled_c", "apart", "vanishing", "vanishing_e")
    (info / "entry_points.txt").write_text("[scanner.experiments]\n" + "".join(f"{n} = made_up_pulls\n" for n in names))
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        _forget()
        yield folder
    _forget()


def _forget() -> None:
    registry.providers.cache_clear()
    registry._all.cache_clear()


@pytest.fixture
def scan(tmp_path: Path) -> Scan:
    """Run a small scan; return its store."""

    def run(name: str, experiments: list[str], **changes: Any) -> Path:
        file = {
            "version": 1,
            "name": name,
            "model": "two_flavour",
            "axes": AXES,
            "experiments": experiments,
            "execution": {"block": {"dm2": 8, "sin2_2theta": 8}},
            **changes,
        }
        scanner.run(file, tmp_path / f"{name}.zarr", cluster="serial", progress=False)
        return tmp_path / f"{name}.zarr"

    return run


Merge = Callable[..., xr.Dataset]


@pytest.fixture
def merge(tmp_path: Path) -> Merge:
    """Merge stores in this process."""
    count = iter(range(1000))

    def run(stores: list[Path], **options: Any) -> xr.Dataset:
        out = options.pop("out", tmp_path / f"merged{next(count)}.zarr")
        return scanner.merge(stores, out, cluster="serial", progress=False, **options)

    return run
