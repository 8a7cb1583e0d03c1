"""Lepton-flavour-violating muon decay against the spectrum written out, and published ratios."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.integrate

import scanner
from scanner import registry, tables
from scanner.config import read_scan_file
from scanner.errors import InputError
from scanner.evaluate import evaluate
from scanner.experiments.base import Experiment
from scanner.grid import Block
from scanner.scan import resolve
from scanner.signals import muon_decay
from scanner.signals.muon_decay import MuonDecayResponse

HALF_MUON = 52.829  # MeV
ELECTRON, DELTA = 0.511, 1.2933  # MeV


def michel(x: float, rho: float) -> float:
    return 12 * x**2 * ((1 - x) + 2 * rho / 9 * (4 * x - 3))


def beta_decay(x: float) -> float:
    """Inverse beta decay up to a constant, for positrons of 20 to 60 MeV; astro-ph/0302055, eq. 25."""
    energy = x * HALF_MUON
    positron = energy - DELTA
    if not 20 < positron < 60:
        return 0.0
    log = np.log(energy)
    power = -0.07056 + 0.02018 * log - 0.001953 * log**3
    return positron * np.sqrt(positron**2 - ELECTRON**2) * energy**power


def response(cells: int) -> MuonDecayResponse:
    """One bin, normalised to one event of full transmutation."""
    x = (np.arange(cells) + 0.5) / cells
    weight = np.array([2 * y * y * (3 - 2 * y) * beta_decay(y) for y in x])
    return MuonDecayResponse(np.zeros(cells, np.int64), weight / weight.sum(), x)


def events(BR: float, rho: float, of: MuonDecayResponse, bins: int = 1) -> np.ndarray:
    prediction = muon_decay.bind(scanner.model("lfv_muon_decay").signals["muon_decay"], of, bins)
    assert all(t.parameters == () for t in prediction.tables)  # no scan needs more than one node
    built = [t.build(np.empty((1, 0)))[0] for t in prediction.tables]
    values = np.array([[{"BR": BR, "rho_tilde": rho}[n]] for n in prediction.parameters])
    out = np.zeros((1, bins))
    prediction.add(values, (np.zeros(1, np.int64),) * len(built), tuple(built), out)
    return out[0]


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.75])
def test_spectrum(rho: float) -> None:
    """Every ρ̃ has one ν̄_e a decay, and the ratio to 2x²(3 − 2x) is that of the formulas."""
    terms = scanner.model("lfv_muon_decay").signals["muon_decay"]
    for x in (0.1, 0.5, 0.9, 1.0):
        ratio = sum(t.amplitude[0].value({"BR": 1.0, "rho_tilde": rho}) * t.ratio(np.array([x]))[0] for t in terms)
        assert ratio == pytest.approx(michel(x, rho) / (2 * x**2 * (3 - 2 * x)), rel=1e-13)
    assert scipy.integrate.quad(michel, 0, 1, (rho,))[0] == pytest.approx(1, rel=1e-12)


def test_three_quarters_is_the_spectrum_of_ordinary_antineutrinos() -> None:
    assert events(2.64e-3, 0.75, response(50))[0] == pytest.approx(2.64e-3, rel=1e-13)


def test_events_at_lsnd_for_no_rho() -> None:
    """κ(0) = 0.750 between 20 and 60 MeV: LSND's 0.264 % needs BR = 3.52e-3, as published for ρ̃ = 0."""
    kappa = events(1.0, 0.0, response(2000))[0]
    above = (20 + DELTA) / HALF_MUON
    seen = [
        scipy.integrate.quad(lambda y, s=s: s(y) * beta_decay(y), above, 1)[0]
        for s in (lambda y: michel(y, 0.0), lambda y: 2 * y**2 * (3 - 2 * y))
    ]
    assert kappa == pytest.approx(seen[0] / seen[1], rel=1e-3)
    assert kappa == pytest.approx(0.750, abs=2e-3)
    assert 2.64e-3 / kappa == pytest.approx(3.52e-3, rel=2e-3)


def test_bins_are_their_cells() -> None:
    cells = MuonDecayResponse(np.array([2, 0, 2]), np.array([3.0, 1.0, 2.0]), np.array([0.5, 0.7, 0.9]))
    found = events(0.1, 0.0, cells, bins=3)
    ratio = [6 * (1 - x) / (3 - 2 * x) for x in cells.x]
    np.testing.assert_allclose(found, [0.1 * ratio[1], 0.0, 0.1 * (3 * ratio[0] + 2 * ratio[2])], rtol=1e-13)


def test_a_scan(monkeypatch: pytest.MonkeyPatch) -> None:
    """χ² of one bin over BR and ρ̃, through the engine, with an experiment of 20 ± 5 events."""
    toy = _toy(response(40))
    monkeypatch.setattr(registry, "experiment", lambda name: toy)
    axes = {"BR": {"values": [0.0, 1e-3, 2e-3]}, "rho_tilde": {"values": [0.0, 0.75]}}
    file = {"version": 1, "name": "x", "model": "lfv_muon_decay", "axes": axes, "experiments": ["toy"]}
    scan = resolve(read_scan_file(file))
    found = evaluate(scan, tables.build_all(scan), Block(0, 0, (0, 0), (3, 2)))
    expected = [[events(BR, rho, response(40))[0] * 1e4 for rho in (0.0, 0.75)] for BR in (0.0, 1e-3, 2e-3)]
    np.testing.assert_allclose(found["events"][0], expected, rtol=1e-12)
    np.testing.assert_allclose(found["chi2"][0], ((np.array(expected) - 20) / 5) ** 2, rtol=1e-12)
    assert {t.nodes for t in tables.sizes(scan)} == {1}


def _toy(of: MuonDecayResponse) -> Experiment:
    class Gauss:
        statistic, number_of_data, constant = "((s - 20)/5)^2", 1, 0.0

        def __call__(self, signal: np.ndarray, chi2: np.ndarray, gof: np.ndarray) -> None:
            chi2[:] = gof[:] = ((signal[:, 0] - 20) / 5) ** 2

    scaled = MuonDecayResponse(of.bin, 1e4 * of.weight, of.x)
    return Experiment(
        name="toy",
        version=1,
        title="A toy",
        signals={"muon_decay": scaled},
        likelihood=Gauss(),
        data=np.array([20.0]),
        background=np.zeros(1),
        signal_bins=np.zeros(1, np.int64),
        coordinates={},
        coordinate_units={},
        data_sets=frozenset({"toy"}),
        references=(),
    )


def test_a_beam_has_no_such_signal() -> None:
    with pytest.raises(InputError, match="has no signal for experiment 'miniboone'"):
        scanner.predict("lfv_muon_decay", "miniboone", BR=1e-3)
