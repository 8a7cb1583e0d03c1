"""An excess of electron neutrinos: what it adds to each experiment, and what two of them make of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scanner import registry, tables
from scanner.config import read_scan_file
from scanner.errors import InputError
from scanner.evaluate import evaluate
from scanner.grid import Block
from scanner.prediction import predict
from scanner.scan import resolve
from scanner.signals import oscillation

MODEL = "electron_neutrino_excess"


@pytest.mark.parametrize("slope", [0.0, 3.5])
@pytest.mark.parametrize("experiment", ["miniboone", "microboone_inclusive"])
def test_signal_is_a_power_of_energy(experiment: str, slope: float) -> None:
    of = registry.experiment(experiment)
    expected = np.zeros(of.signal_bins.size)
    for channel in of.signals["oscillation"]:
        if (channel.source, channel.target) == ("mu", "e"):
            spread = 0.0 if channel.energy_spread is None else channel.energy_spread
            powers = [(0.5 / (channel.energy + sign * spread)) ** slope for sign in (-1, 1)]
            np.add.at(expected, channel.bin, 0.002 * channel.weight * sum(powers) / 2)
    found = predict(MODEL, experiment, strength=0.002, slope=slope)["signal"].values
    np.testing.assert_allclose(found[of.signal_bins], expected, rtol=1e-10, atol=1e-12)
    assert expected.sum() > 30


def test_an_experiment_must_state_energies() -> None:
    channel = replace(registry.experiment("miniboone_fhc").signals["oscillation"][0], energy=None, energy_spread=None)
    with pytest.raises(InputError, match="energy"):
        oscillation.bind(registry.model(MODEL).signals["oscillation"], (channel,), 11)


def test_miniboone_and_microboone_together() -> None:
    """MicroBooNE disfavours MiniBooNE's best fit by 10 in χ², and leaves much of what MiniBooNE allows."""
    experiments = ["miniboone", "microboone_inclusive"]
    axes = {"strength": {"log": [1e-4, 2e-2], "points": 61}, "slope": {"linear": [1, 7], "points": 25}}
    scan = resolve(
        read_scan_file({"version": 1, "name": "x", "model": MODEL, "axes": axes, "experiments": experiments})
    )
    miniboone, microboone = evaluate(scan, tables.build_all(scan), Block(0, 0, (0, 0), (61, 25)))["chi2"]
    null = [float(predict(MODEL, name, strength=0.0)["chi2"]) for name in experiments]
    best = np.unravel_index(miniboone.argmin(), miniboone.shape)
    assert miniboone.min() - null[0] == pytest.approx(-41.3, abs=0.3)
    assert microboone[best] - null[1] == pytest.approx(10.1, abs=1.0)
    together = miniboone + microboone
    assert together.min() - miniboone.min() - microboone.min() == pytest.approx(8.5, abs=0.5)
    allowed = miniboone - miniboone.min() < 6.18
    assert (microboone[allowed] - null[1]).min() < 4 < 12 < (microboone[allowed] - null[1]).max()


def test_no_law_at_energies_of_muons_at_rest() -> None:
    """A power of the energy would be far above one electron neutrino for each muon neutrino there."""
    assert predict(MODEL, "karmen", strength=1e-3)["status"] == "outside_model"
