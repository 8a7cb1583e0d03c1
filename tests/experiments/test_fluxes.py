"""Fluxes against the released files, published totals, closed forms and the listed upscattering rates."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import integrate

import scanner
from scanner.errors import InputError
from scanner.experiments import fluxes
from scanner.experiments.builders import fluxes as builder
from scanner.experiments.tables import DATA, read_table

POINT = {"m4": 0.42, "m_Zprime": 0.03, "alpha_D": 0.25, "Umu4_sq": 9e-7, "UD4_sq": 1.0, "epsilon": 1.65551e-4}
"""αε² = 2e-10 with the on-shell e."""


def _integral(beam: str, flavour: str) -> float:
    columns = read_table(DATA / f"flux_{beam}.txt").columns
    return float(np.trapezoid(columns[flavour], columns["E"]))


@pytest.mark.parametrize("beam", builder.RELEASES)
def test_table_holds_the_release(beam: str, shared_data: Path) -> None:
    """Every flavour's integral to 1e-4, and to 2 % that of the histogram where the release is one."""
    release = builder.RELEASES[beam]
    energy, flux = builder.read(shared_data / "fluxes" / release.file, release)
    for name, values in zip(builder.FLAVOURS, flux, strict=True):
        assert _integral(beam, name) == pytest.approx(np.trapezoid(values, energy), rel=1e-4)
        if release.binned and not beam.startswith("nd280"):
            assert _integral(beam, name) == pytest.approx(values[1:].sum() * (energy[2] - energy[1]), rel=0.02)


def test_t2k_reads_the_bins_of_the_release(shared_data: Path) -> None:
    """Per 50 MeV throughout, also in the wide bins; columns in the release's own order."""
    rows = np.loadtxt(shared_data / "fluxes/t2kflux_2016_nd280_plus250kA.txt", skiprows=3)
    for column, name in ((3, "numu"), (4, "numubar"), (5, "nue"), (6, "nuebar")):
        histogram = float(np.sum(rows[:, column] * (rows[:, 2] - rows[:, 1]) / 0.05)) / 1e21
        assert _integral("nd280_fhc", name) == pytest.approx(histogram, rel=0.01)


def test_builder_makes_the_shipped_tables(shared_data: Path, tmp_path: Path) -> None:
    builder.build(shared_data / "fluxes", tmp_path)
    for beam in builder.RELEASES:
        assert (tmp_path / f"flux_{beam}.txt").read_text() == (DATA / f"flux_{beam}.txt").read_text()


@pytest.mark.parametrize(
    ("beam", "flavour", "total"),
    [  # Tables IX and X of arXiv:0806.1449 (from memory) [1/cm²/POT]
        ("miniboone_fhc", "numu", 5.19e-10),
        ("miniboone_fhc", "numubar", 3.26e-11),
        ("miniboone_fhc", "nue", 2.87e-12),
        ("miniboone_fhc", "nuebar", 3.00e-13),
        ("miniboone_rhc", "numu", 5.42e-11),
        ("miniboone_rhc", "numubar", 2.93e-10),
        ("miniboone_rhc", "nue", 6.71e-13),
        ("miniboone_rhc", "nuebar", 1.27e-12),
    ],
)
def test_published_totals_of_miniboone(beam: str, flavour: str, total: float) -> None:
    assert _integral(beam, flavour) == pytest.approx(total, rel=0.01)


@pytest.mark.parametrize("beam", builder.RELEASES)
def test_horn_polarity(beam: str) -> None:
    """Neutrinos outnumber antineutrinos in neutrino mode and only there; ν_e are few in every beam."""
    neutrinos, antineutrinos = _integral(beam, "numu"), _integral(beam, "numubar")
    assert (antineutrinos > neutrinos) == beam.endswith("rhc")
    assert _integral(beam, "nue") + _integral(beam, "nuebar") < 0.02 * (neutrinos + antineutrinos)


def test_units_of_charm2(shared_data: Path) -> None:
    """Per m² in the release: times the detector's 3.7 m squared it is the published number of neutrinos."""
    folder = shared_data / "electron_scattering/charmII"
    for file, beam, flavour in (("nu_beam_numu", "fhc", "numu"), ("nubar_beam_numubar", "rhc", "numubar")):
        energy, per_1e13 = np.loadtxt(folder / f"{file}_flux.dat").T
        columns = read_table(DATA / f"flux_charmii_{beam}.txt").columns
        ours = np.interp(energy, columns["E"], columns[flavour]) * 370.0**2 * 1e13
        low = energy < 60
        assert np.trapezoid(ours[low], energy[low]) == pytest.approx(np.trapezoid(per_1e13[low], energy[low]), rel=0.02)


def test_nearer_detectors_see_more() -> None:
    """The BNB at 110, 470 and 541 m: 1/L² within 25 %, as its source is 50 m long and SBND's flux digitised."""
    far = _integral("microboone", "numu")
    assert _integral("sbnd", "numu") / far == pytest.approx((470 / 110) ** 2, rel=0.25)
    assert _integral("miniboone_fhc", "numu") / far == pytest.approx((470 / 541) ** 2, rel=0.1)


@pytest.mark.parametrize("beam", fluxes.BEAMS)
def test_nodes_hold_the_integrals_of_the_curve(beam: str) -> None:
    """Of 1 and of E exactly, for ν + ν̄; of a smooth function to 1e-3."""
    energy, values = fluxes.curve(beam)
    nodes = fluxes.flux(beam, exposure=3e20, scale=0.5)
    assert (np.diff(nodes.energy) > 0).all()
    assert energy[0] <= nodes.energy[0] and nodes.energy[-1] <= energy[-1]
    np.testing.assert_allclose(nodes.fluence.sum(axis=1), 1.5e20 * np.trapezoid(values, energy, axis=1), rtol=1e-10)
    even = np.linspace(energy[0], energy[-1], 200_001), np.geomspace(energy[0] + 1e-3, energy[-1], 20_001)
    fine = np.union1d(energy, np.concatenate(even))
    total = np.interp(fine, energy, values.sum(axis=0))
    for function in (lambda e: e, lambda e: np.maximum(e - 0.42, 0) ** 2 / (1 + e) ** 2):
        expected = 1.5e20 * integrate.trapezoid(total * function(fine), fine)
        assert nodes.fluence.sum(axis=0) @ function(nodes.energy) == pytest.approx(expected, rel=1e-3)


def test_flavours_are_in_order() -> None:
    columns = read_table(DATA / "flux_nd280_fhc.txt").columns
    fluence = fluxes.flux("nd280_fhc", exposure=1.0).fluence
    for row, (nu, antinu) in enumerate((("nue", "nuebar"), ("numu", "numubar"), ("nutau", "nutaubar"))):
        expected = np.trapezoid(columns[nu] + columns[antinu], columns["E"])
        assert fluence[row].sum() == pytest.approx(expected, rel=1e-10)


CARBON, HYDROGEN, ARGON = 3.51962e31, 6.98646e31, 112 * 5.6095886e29 / 37.2155


@pytest.mark.parametrize(
    ("beam", "nuclei", "exposure", "scale", "events"),
    [  # shared/physics/upscattering.md, section 8
        ("miniboone_fhc", {"C12": CARBON, "H1": HYDROGEN}, 18.75e20, 1.0, 13606),
        ("microboone", {"Ar40": 1.29917e30}, 6.8e20, 1.0, 1338.3),
        ("microboone", {"Ar40": 7.17486e30}, 6.6e20, (470 / 600) ** 2, 4401.8),
        ("sbnd", {"Ar40": ARGON}, 15.6e20, 1.0, 53031),
    ],
)
def test_listed_rates(
    beam: str,
    nuclei: dict[str, float],
    exposure: float,
    scale: float,
    events: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Events of ν_μ alone, coherent and on free protons: 0.2 % asked for, 3e-4 found."""
    columns = read_table(DATA / f"flux_{beam}.txt").columns
    nothing = np.zeros_like(columns["E"])
    only = np.array([nothing, columns["numu"], nothing])
    monkeypatch.setattr(fluxes, "curve", lambda _: (columns["E"], only))
    nodes = fluxes.flux(beam, exposure, scale)
    model = scanner.model("dark_neutrino_vector")
    rate = 0.0
    for target, number in nuclei.items():
        for regime in ("coherent", "proton"):
            if (target, regime) != ("H1", "coherent"):
                sigma = model.cross_section(target, nodes.energy, regime, **POINT)
                rate += number * float(nodes.fluence[1] @ sigma)
    assert rate == pytest.approx(events, rel=5e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("minibone_fhc", 1e20), "did you mean miniboone_fhc"),
        (("sbnd", -1.0), "exposure"),
        (("sbnd", 1e20, float("nan")), "scale"),
    ],
)
def test_bad_input(arguments: tuple[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        fluxes.flux(*arguments)
