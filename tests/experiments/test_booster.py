"""Mesons of the Booster beam as MiniBooNE sees them: the released flux, signs, and what is lost off target."""

from __future__ import annotations

import numpy as np
import pytest

from scanner.experiments import booster
from scanner.experiments.booster import FLUX_GRID, mesons, neutrinos
from scanner.experiments.tables import DATA, read_table
from scanner.physics.dark_production import Emission
from scanner.signals.dark_beam_events import flux
from scanner.signals.dark_particle import DarkBeamResponse
from scanner.signals.upscattering_samples import Selection

MUONIC = Emission("scalar", "mu", 0.001)
NEUTRAL = Emission("photon", "", 0.03)


def dark(mode: str, emission: Emission, above: float = 0.2) -> float:
    """Dark particles above an energy [GeV], per cm² and proton."""
    sample = DarkBeamResponse(mode, (), Selection(0.1, 1.0, 1.0, {}), mesons=lambda: mesons(mode))
    energies, fluence = flux(emission, sample)
    return float(fluence[energies > above].sum())


def released(mode: str, flavour: str, low: float, high: float) -> float:
    columns = read_table(DATA / f"flux_miniboone_{mode}.txt").columns
    energy = np.linspace(low, high, 500)
    return float(np.trapezoid(np.interp(energy, columns["E"], columns[flavour]), energy))


class TestFlux:
    @pytest.mark.parametrize(
        ("mode", "name", "flavour", "error"),
        [("fhc", "pi", "numu", 0.1), ("rhc", "pi_minus", "numubar", 0.1), ("rhc", "pi", "numu", 0.16)],
    )
    def test_neutrinos_are_the_released_ones(self, mode: str, name: str, flavour: str, error: float) -> None:
        found = neutrinos(booster._target(mode, name), "pi")
        if name == "pi":
            found = found + neutrinos(booster._target(mode, "K"), "K")
        for low, high in ((0.2, 0.4), (0.4, 0.7), (0.7, 1.1), (1.1, 1.8)):
            inside = (low <= FLUX_GRID) & (high > FLUX_GRID)
            assert found[inside].sum() == pytest.approx(released(mode, flavour, low, high), rel=error)

    def test_kaons_alone_make_the_highest_energies(self) -> None:
        """Nothing is scaled there."""
        inside = (FLUX_GRID >= 2.5) & (FLUX_GRID < 5)
        kaons = neutrinos(booster._target("fhc", "K"), "K")[inside].sum()
        assert kaons == pytest.approx(released("fhc", "numu", 2.5, 5), rel=0.2)

    def test_off_target_neutrinos_are_some_fifty_times_fewer(self) -> None:
        """MiniBooNE had some 50 times fewer CC interactions (1807.06137, from memory); nothing is fitted to it."""
        inside = (FLUX_GRID >= 0.4) & (FLUX_GRID < 2)
        on, off = booster._target("fhc", "pi"), booster._off_target("pi")
        ratio = neutrinos(on, "pi")[inside].sum() / neutrinos(off, "pi")[inside].sum()
        assert 35 < ratio < 70


class TestModes:
    def test_charged_mesons_are_lost_off_target_and_neutral_ones_are_not(self) -> None:
        assert 20 < dark("fhc", MUONIC) / dark("off_target", MUONIC) < 60
        # The absorber is 10 % nearer, and stops all protons: (541/491)² at most.
        assert dark("off_target", NEUTRAL) / dark("fhc", NEUTRAL) == pytest.approx(1.16, rel=0.05)

    def test_the_horn_focuses_one_sign(self) -> None:
        """More π⁺ than π⁻ are made, so that there is less of everything in antineutrino mode, but for π⁰."""
        assert 1.3 < dark("fhc", MUONIC) / dark("rhc", MUONIC) < 2.5
        assert dark("fhc", NEUTRAL) == pytest.approx(dark("rhc", NEUTRAL), rel=1e-12)

    @pytest.mark.parametrize("mode", booster.MODES)
    def test_all_bundles_are_finite_and_positive(self, mode: str) -> None:
        for bundle in mesons(mode).values():
            assert np.isfinite(bundle.number).all()
            assert (bundle.number >= 0).all()
            assert bundle.number.sum() > 0
