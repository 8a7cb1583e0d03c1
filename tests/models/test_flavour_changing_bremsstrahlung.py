"""Radiated scalars at MiniBooNE, LSND and KARMEN."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import scanner
from scanner import registry
from scanner.errors import InputError
from scanner.experiments.tables import DATA, read_table
from scanner.physics.neutrino_bremsstrahlung import radiated

MODEL = "flavour_changing_bremsstrahlung"


def signal(experiment: str, **p: float | str) -> np.ndarray:
    found = scanner.predict(MODEL, experiment, **p)
    assert found.status == "ok"
    return found.signal.values[registry.experiment(experiment).signal_bins]


def test_miniboone_event_by_event(shared_data: Path) -> None:
    """ν̄_e from ν_μ and ν_e from ν̄_μ in neutrino mode, each seen as the released events of its energy."""
    m, protons = 30.0, {"fhc": 18.75e20, "rhc": 11.27e20}
    parent = np.arange(10.0, 7300.0, 20.0)
    at = np.arange(120.0, 5400.0, 40.0)
    beam = read_table(DATA / "flux_miniboone_fhc.txt").columns
    expected = np.zeros(11)
    release = shared_data / "miniboone_2020"
    edges = np.array((release / "fhc/miniboone_binboundaries_nue_lowe.txt").read_text().split(), dtype=float)
    for source, of, own, file in (
        ("numubar", "fhc", "numu", "fhc/miniboone_numunuefullosc_ntuple.txt"),
        ("numu", "rhc", "numubar", "rhc/miniboone_numubarnuebarfullosc_ntuple.txt"),
    ):
        flux = 20 * protons["fhc"] * np.interp(parent, 1e3 * beam["E"], 1e-3 * beam[source])
        density = [sum(f / e * radiated(x / e, e, m) for e, f in zip(parent, flux, strict=True)) for x in at]
        event = np.loadtxt(release / file)
        made = read_table(DATA / f"flux_miniboone_{of}.txt").columns
        seen = protons[of] * np.interp(event[:, 1], 1e3 * made["E"], 1e-3 * made[own])
        weight = event[:, 3] / len(event) * np.interp(event[:, 1], at, density) / seen
        expected += np.histogram(event[:, 0], edges, weights=weight)[0]
    np.testing.assert_allclose(signal("miniboone_fhc", m_phi=m, lambda_emu=0.5), 0.25 * expected, rtol=1e-2)


def test_without_lepton_number_nothing_is_seen() -> None:
    for number in (0, "0"):
        assert (signal("miniboone_fhc", lambda_emu=1.0, lepton_number_phi=number) == 0).all()
    assert (signal("miniboone_fhc", lambda_emu=1.0, lepton_number_phi=2) > 0).all()
    with pytest.raises(InputError, match="choice"):
        signal("miniboone_fhc", lepton_number_phi=1)


def test_only_neutrinos_of_pions_make_antineutrinos_at_rest() -> None:
    """Up to 29.8 MeV − m_φ, of positrons from 20 MeV on; KARMEN's window opens later."""
    assert (signal("karmen", m_phi=1.0, lambda_emu=1.0) == 0).all()
    light, heavy = (signal("lsnd_total", m_phi=m, lambda_emu=1.0)[0] for m in (1.0, 12.0))
    assert light > 0 and heavy < 1e-3 * light
    # Small energies, and so large L/E.
    events = signal("lsnd", m_phi=1.0, lambda_emu=1.0)
    assert events[6:].sum() > 0.9 * events.sum()
    assert signal("lsnd_total", m_phi=1.0, lambda_emu=2.0)[0] == pytest.approx(4 * light, rel=1e-12)
