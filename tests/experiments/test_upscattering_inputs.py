"""Data of the upscattering experiments: published totals, and the digitised files they come from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scanner.errors import InputError
from scanner.experiments import upscattering_inputs as inputs
from scanner.experiments.builders import electron_scattering, miniboone_ee, nd280_upscattering
from scanner.experiments.miniboone_detector import one_ring
from scanner.experiments.tables import DATA, read_table

SPECTRA = {  # table: bins, first and last edge
    "miniboone_evis": (23, 0.1, 1.25),
    "miniboone_costheta": (20, -1.0, 1.0),
    "minerva_le": (16, 1.5, 20.0),
    "minerva_me": (16, 1.5, 20.0),
    "charm2_nu": (16, 0.0, 0.0714),
    "charm2_nubar": (16, 0.0, 0.0714),
    "nd280_photons_fhc": (20, 0.0, 200.0),
    "nd280_photons_rhc": (20, 0.0, 200.0),
    "nd280_single_photon": (60, 0.0, 140.0),
}


def _columns(name: str) -> dict[str, np.ndarray]:
    return dict(read_table(DATA / f"{name}.txt").columns)


@pytest.mark.parametrize(
    ("builder", "folder"),
    [
        (miniboone_ee, "miniboone_2020"),
        (electron_scattering, "electron_scattering"),
        (nd280_upscattering, "nd280_upscattering"),
    ],
)
def test_builders_make_the_shipped_tables(builder: object, folder: str, shared_data: Path, tmp_path: Path) -> None:
    builder.build(shared_data / folder, tmp_path)  # type: ignore[attr-defined]
    made = sorted(tmp_path.iterdir())
    assert len(made) in (4, 5)
    for path in made:
        assert path.read_text() == (DATA / path.name).read_text()


@pytest.mark.parametrize("name", SPECTRA)
def test_bins_are_without_gaps_and_say_how_uncertain_they_are(name: str) -> None:
    table = read_table(DATA / f"{name}.txt")
    low, high, *counts = table.columns.values()
    bins, first, last = SPECTRA[name]
    assert low.size == bins and low[0] == first and high[-1] == pytest.approx(last, rel=1e-3)
    np.testing.assert_allclose(low[1:], high[:-1], rtol=1e-5)
    assert all((of >= 0).all() for of in counts)
    assert "%" in str(table.header["uncertainty"]) or "events" in str(table.header["uncertainty"])


@pytest.mark.parametrize(
    ("name", "column", "last_bin", "total", "within"),
    [
        # arXiv:2006.16883: 2870 events; its data release has a background of 2322.7.
        ("miniboone_evis", "data", None, 2870, 0.01),
        ("miniboone_evis", "background", None, 2322.7, 0.01),
        ("miniboone_costheta", "data", None, 2870, 0.01),
        ("miniboone_costheta", "background", None, 2322.7, 0.01),
        # arXiv:1512.07699, below 4.5 MeV/1.7 cm: 127 events, 30.4 of background (from memory).
        ("minerva_le", "data", 5, 127, 0.01),
        ("minerva_le", "background", 5, 30.4, 0.03),
        # arXiv:1906.00111: 1021 events (from memory), 810 of them signal (abstract).
        ("minerva_me", "data", 5, 1021, 0.01),
        ("minerva_me", "background", 5, 1021 - 810, 0.05),
        # CHARM-II, Phys. Lett. B 335 (1994) 246: 2677 and 2752 events of signal (from memory).
        ("charm2_nu", "signal", None, 2677, 0.03),
        ("charm2_nubar", "signal", None, 2752, 0.10),
        # arXiv:2205.12273 and the measurements it takes.
        ("nd280_photons_fhc", "data", None, 4988, 0.005),
        ("nd280_photons_fhc", "background", None, 4950.4, 1e-4),
        ("nd280_photons_rhc", "data", None, 1236, 0.01),
        ("nd280_photons_rhc", "background", None, 1196.1, 1e-4),
        ("nd280_single_photon", "data", None, 1101, 0.03),
        ("nd280_single_photon", "background", None, 1159.8, 1e-4),
    ],
)
def test_published_totals(name: str, column: str, last_bin: int | None, total: float, within: float) -> None:
    assert _columns(name)[column][:last_bin].sum() == pytest.approx(total, rel=within)


def test_background_of_the_release() -> None:
    """The number that the digitised spectra of MiniBooNE sum to."""
    table = _columns("miniboone_spectra")
    rows = (table["rhc"] == 0) & (table["numu"] == 0) & (table["E_high"] <= 1250)
    assert table["data"][rows].sum() == 2870
    assert table["expected"][rows].sum() == pytest.approx(2322.7, abs=0.05)


@pytest.mark.parametrize("mode", ["fhc", "rhc"])
def test_stacked_curves_are_taken_apart(mode: str) -> None:
    """Sources add up to the prediction; most of this sample are photons, nearly all of light pairs."""
    table = _columns(f"nd280_photons_{mode}")
    parts = table["photon"] + table["other"] + table["nue"]
    np.testing.assert_allclose(parts, table["background"], atol=2.0)
    assert 0.6 < table["photon"].sum() / table["background"].sum() < 0.8
    assert table["photon"][:3].sum() > 0.7 * table["photon"].sum()


@pytest.mark.parametrize("name", ["minerva_le", "minerva_me"])
def test_one_electron_and_two(name: str) -> None:
    """Signal deposits as one electron does and background, photons, as two: peaks at 2.75 and at 5 MeV/1.7 cm."""
    table = _columns(name)
    width, middle = table["dedx_high"] - table["dedx_low"], (table["dedx_high"] + table["dedx_low"]) / 2
    assert middle[(table["signal"] / width).argmax()] == 2.75
    assert 4.5 < middle[(table["background"] / width).argmax()] < 6
    assert table["signal"][middle < 4.5].sum() > 0.85 * table["signal"].sum()
    prediction, data = table["background"] + table["signal"], table["data"]
    assert prediction.sum() == pytest.approx(data.sum(), rel=0.07)


@pytest.mark.parametrize("beam", ["nu", "nubar"])
def test_charm2(beam: str, shared_data: Path) -> None:
    """Bins uniform in √E θ are those of the digitised edges; background describes the data beside the signal."""
    table = _columns(f"charm2_{beam}")
    edges = np.loadtxt(shared_data / f"electron_scattering/charmII/{beam}_bin_edges.dat")[:, 0]
    np.testing.assert_allclose(table["etheta2_high"][5:-1], edges[-11:-1], rtol=0.04)
    beside = table["etheta2_low"] > 0.01
    assert table["background"][beside].sum() == pytest.approx(table["data"][beside].sum(), rel=0.01)
    assert not table["signal"][beside].any()


def test_miniboone_efficiency() -> None:
    """The release's points; what it has for the tank is 0.55 of that in the fiducial volume."""
    energy = np.array([0.01, 0.05, 0.2, 0.45, 2.0, 3.0])
    tank = inputs.miniboone_efficiency(energy, fiducial=False)
    np.testing.assert_allclose(tank, [0, 0, 0.112, 0.131, 0.026, 0.026], rtol=1e-12)
    np.testing.assert_allclose(inputs.miniboone_efficiency(energy) * 0.55, tank, rtol=1e-12)


def test_one_ring_rule() -> None:
    """What is used is smooth, and within the published numbers' errors of them."""
    table = read_table(DATA / "miniboone_one_ring.txt").columns
    assert (table["E_low"][0], table["E_high"][-1]) == (0.14, 1.28)
    middles = (table["E_low"] + table["E_high"]) / 2
    smooth = one_ring(middles.tolist())
    assert np.all(np.abs(smooth / table["r_cut"] - 1)[middles < 1.0] < 0.3)
    assert one_ring([0.01, 0.14])[0] > one_ring([0.5])[0] > 0.1


@pytest.mark.parametrize(("of", "shape", "last"), [("momentum", (40, 50), 2.5), ("angle", (100, 100), 1.6)])
def test_smearing(of: str, shape: tuple[int, int], last: float) -> None:
    """Rows are probabilities; electrons are found near where they are, and lose momentum to radiation."""
    true, reconstructed, probability = inputs.nd280_smearing(of)
    assert probability.shape == shape and (probability >= 0).all()
    assert reconstructed[-1] == pytest.approx(last)
    sums = probability.sum(axis=1)
    np.testing.assert_allclose(sums[sums > 0], 1.0, rtol=1e-12)
    middle, found = (true[:-1] + true[1:]) / 2, probability @ ((reconstructed[:-1] + reconstructed[1:]) / 2)
    usual = (middle > 0.2 * last) & (middle < 0.5 * last)
    ratio = found[usual] / middle[usual]
    low, high = (0.65, 0.95) if of == "momentum" else (0.9, 1.1)
    assert (ratio > low).all() and (ratio < high).all()


@pytest.mark.parametrize("of", ["momentum", "angle"])
def test_smearing_holds_the_counts(of: str, shared_data: Path) -> None:
    counts = np.load(shared_data / f"nd280_upscattering/smearing/{of.capitalize()}_matrix.npy").astype(float)
    sums = counts.sum(axis=1, keepdims=True)
    expected = np.divide(counts, sums, out=np.zeros_like(counts), where=sums > 0)
    np.testing.assert_allclose(inputs.nd280_smearing(of).probability, expected, rtol=2e-3)


def test_smearing_of_anything_else() -> None:
    with pytest.raises(InputError, match="momentum, angle"):
        inputs.nd280_smearing("charge")
