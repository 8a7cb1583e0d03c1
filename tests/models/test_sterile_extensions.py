"""Models beyond 3+1 as users call them: their predictions, and MiniBooNE's scans of them."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
import pytest

import scanner
from scanner import registry, tables
from scanner.config import read_scan_file
from scanner.errors import InputError
from scanner.evaluate import evaluate
from scanner.grid import Block
from scanner.physics.averages import averaged_interference
from scanner.scan import resolve
from scanner.units import OSCILLATION_PHASE

MINIBOONE = ["miniboone_fhc", "miniboone_rhc", "miniboone"]
AXES = {
    "dm2_41": {"log": [0.01, 90], "points": 9},
    "Ue4_sq": {"log": [1e-3, 0.4], "points": 6},
    "Umu4_sq": {"log": [1e-3, 0.4], "points": 6},
}


def scanned(model: str, axes: dict, **fixed: float) -> dict[str, np.ndarray]:
    """Return χ² and statuses of all MiniBooNE fits, (experiment, *axes)."""
    scan = resolve(
        read_scan_file(
            {"version": 1, "name": "x", "model": model, "axes": axes, "fixed": fixed, "experiments": MINIBOONE}
        )
    )
    built = tables.build_all(scan)
    shape = scan.shape(scan.groups[0])
    return evaluate(scan, built, Block(0, 0, (0,) * len(shape), shape))


@pytest.mark.parametrize(
    ("model", "off", "exact"),
    [("sterile_3p1_invisible_decay", {"m4_Gamma4": 0.0}, True), ("sterile_3p1_matter", {"V_s": 0.0}, False)],
)
def test_scans_contain_those_of_3p1(model: str, off: dict[str, float], exact: bool) -> None:
    """Bit for bit without decay; without potential to 1e-12, as amplitudes are summed in another order."""
    found, expected = scanned(model, AXES, **off), scanned("sterile_3p1", AXES)
    assert np.array_equal(found["status"], expected["status"])
    np.testing.assert_allclose(found["chi2"], expected["chi2"], rtol=0 if exact else 1e-12)
    np.testing.assert_allclose(found["events"], expected["events"], rtol=0 if exact else 1e-11)


def test_quasi_sterile_without_mixing_is_no_oscillation() -> None:
    at_null = scanner.predict("quasi_sterile", "miniboone")
    assert float(at_null["events"]) == 0
    assert float(at_null["chi2"]) == pytest.approx(373.405, abs=5e-3)  # the official null


@pytest.mark.parametrize(
    ("model", "p", "tolerance"),
    [
        ("sterile_3p1_matter", {"dm2_41": 1.0, "Ue4_sq": 0.05, "Umu4_sq": 0.05, "V_s": -1e-9}, 2e-5),
        ("sterile_3p1_matter", {"dm2_41": 10.0, "Ue4_sq": 0.05, "Umu4_sq": 0.05, "V_s": -1e-8}, 1.5e-3),
        ("quasi_sterile", {"delta_M3_sq": 0.1, "theta_S3": 0.4, "E_res": 0.2}, 2e-6),
        ("quasi_sterile", {"delta_M3_sq": 1.0, "theta_S3": 0.1, "E_res": 0.5}, 3e-5),
        ("quasi_sterile", {"delta_M3_sq": 1.0, "theta_S3": 0.4, "E_res": 0.02}, 2e-4),
        ("quasi_sterile", {"delta_M3_sq": 10.0, "theta_S3": 0.1, "E_res": 0.5}, 6e-4),
    ],
)
def test_cells_reproduce_the_ntuple(model: str, p: dict[str, float], tolerance: float, shared_data: Path) -> None:
    """Levels at the energies of a cell against event by event, in every bin."""
    release = shared_data / "miniboone_2020"
    events = np.loadtxt(release / "fhc/miniboone_numunuefullosc_ntuple.txt")
    edges = np.array((release / "fhc/miniboone_binboundaries_nue_lowe.txt").read_text().split(), float)
    energy, length, weight = events[:, 1] * 1e-3, events[:, 2] * 1e-5, events[:, 3] / len(events)
    of = registry.model(model)
    (channel,) = registry.experiment("miniboone_fhc").signals["oscillation"]
    (term,) = of.signals["oscillation"]("mu", "e", False)
    values = np.array([of.complete(p)[name] for name in term.parameters])
    coefficients, levels = term.levels(values, energy, channel.path_density)
    probability = abs((coefficients * np.exp(-2j * channel.phase * levels * (length / energy)[:, None])).sum(1)) ** 2
    number = np.digitize(events[:, 0], edges) - 1
    exact = [np.sum((weight * probability)[number == b]) for b in range(11)]
    found = scanner.predict(model, "miniboone_fhc", **p)
    np.testing.assert_allclose(found["signal"].values[:11], exact, rtol=tolerance)


@pytest.mark.parametrize(("dm2", "width"), [(0.3, 0.2), (0.0, 1.0), (40.0, 3.0), (93.0, 1e-3), (1.0, 90.0)])
def test_cells_reproduce_the_ntuple_of_damped_waves(dm2: float, width: float, shared_data: Path) -> None:
    """The cells, made for sin², serve waves of the same modulus of Δm² − iΣmΓ as well."""
    events = np.loadtxt(shared_data / "miniboone_2020/fhc/miniboone_numunuefullosc_ntuple.txt")
    (channel,) = registry.experiment("miniboone_fhc").signals["oscillation"]
    x, weight = 1e-2 * events[:, 2] / events[:, 1], events[:, 3] / len(events)
    loss = (1 - np.exp(-2.54 * width * x) * np.cos(2.54 * dm2 * x)) / 2
    found = np.empty((1, 11))
    arrays = (channel.bin, channel.weight, channel.mean, channel.variance)
    averaged_interference(1.27, np.array([dm2]), np.array([width]), *arrays, found)
    in_range = (events[:, 0] >= 200) & (events[:, 0] < 3000)
    assert found.sum() == pytest.approx((weight * loss)[in_range].sum(), rel=7e-5)


def test_a_resonance_makes_the_excess_of_miniboone() -> None:
    """What anomalous potentials are for: a smaller |U_e4|² than 3+1 needs, at a resonance of a few hundred MeV."""
    axes = {
        "dm2_41": {"log": [0.1, 10], "points": 7},
        "V_s": {"values": [-1e-8, -3e-9, -1e-9, -3e-10, 0.0, 1e-9]},
        "Umu4_sq": {"log": [1e-4, 0.02], "points": 6},
    }
    chi2 = scanned("sterile_3p1_matter", axes, Ue4_sq=0.01)["chi2"][0]
    without, best = chi2[:, 4].min(), np.nanmin(chi2)
    assert best < without - 5


# ----- quasi-sterile neutrinos: what the model predicts


def test_appearance_through_one_pair_is_bounded() -> None:
    """4|U_e3|²|U_μ3|² = 0.0498, with standard splittings off: reached at a resonance, and never exceeded."""
    model, off = scanner.model("quasi_sterile"), {"dm2_21": 0.0, "dm2_31": 0.0}
    bound = 4 * 0.0222 * (1 - 0.0222) * 0.573
    assert bound == pytest.approx(0.0498, abs=5e-5)
    rng = np.random.default_rng(4)
    energy, length = np.geomspace(0.02, 3, 60)[:, None], np.linspace(0.02, 1, 50)
    largest = 0.0
    for _ in range(20):
        p = {
            "delta_M3_sq": 10 ** rng.uniform(-1, 1),
            "theta_S3": rng.uniform(0, 0.7),
            "E_res": 10 ** rng.uniform(-1, 0),
        }
        found = model.probability("mu", "e", energy, length, density=2.6, Ye=0.0, **off, **p)
        largest = max(largest, float(found.max()))
    assert 0.97 * bound < largest <= bound * (1 + 1e-12)


def test_splittings_of_the_light_neutrinos_hardly_move_the_bound() -> None:
    """They change P(ν_μ → ν_e) by less than 1e-3 at MiniBooNE's and LSND's L/E."""
    model, p = scanner.model("quasi_sterile"), {"delta_M3_sq": 1.0, "theta_S3": 0.3, "E_res": 0.3}
    for E, L, antineutrino in [(0.3, 0.52, False), (0.6, 0.52, False), (0.04, 0.03, True)]:
        medium = {"density": 2.0, "antineutrino": antineutrino}
        full = model.probability("mu", "e", E, L, **medium, **p)
        short = model.probability("mu", "e", E, L, dm2_21=0.0, dm2_31=0.0, **medium, **p)
        assert 0 < abs(float(full - short)) < 1e-4


@pytest.mark.parametrize("density", [1.0, 2.6, 5.0])
def test_resonance_scales_with_density(density: float) -> None:
    """E_res is that in rock of 2.6 g/cm³: elsewhere it is where the loss of ν_μ at the first maximum is complete."""
    p = {"delta_M3_sq": 1.0, "theta_S3": 0.05, "E_res": 0.4, "dm2_21": 0.0, "dm2_31": 0.0}
    model, E = scanner.model("quasi_sterile"), 0.4 * 2.6 / density
    L = math.pi / 2 * E / (OSCILLATION_PHASE * math.sin(0.1))
    U_mu3 = (1 - 0.0222) * 0.573
    lost = [float(model.probability("mu", "s", x * E, L, density=density, Ye=0.0, **p)) for x in (0.5, 1.0, 2.0)]
    assert lost[1] == pytest.approx(U_mu3, rel=1e-9)  # all of ν_3 is S_3
    assert max(lost[0], lost[2]) < 0.1
    anti = model.probability("mu", "s", E, L, density=density, Ye=0.0, antineutrino=True, **p)
    assert float(anti) < 0.1


def test_resonance_in_air_at_300_gev() -> None:
    """One at 139 MeV in rock is at 300 GeV in air: a large ν_μ → ν_τ there, for neutrinos and not for antineutrinos."""
    model = scanner.model("quasi_sterile")
    (derived,) = model.derived
    rock = 300.0 * 1.205e-3 / 2.6
    assert rock == pytest.approx(0.139, abs=1e-3)
    assert derived.function(np.array([rock])) == pytest.approx(300.0, rel=1e-12)
    p = {"delta_M3_sq": 1.0, "theta_S3": 0.1, "E_res": rock}
    bound = 4 * ((1 - 0.0222) * 0.573) * ((1 - 0.0222) * 0.427)
    # After half a turn ν_3 is back with the opposite sign: at resonance D = π, where |A − 1| may reach 2.
    length = np.linspace(1000, 8000, 2000)
    found = model.probability("mu", "tau", 300.0, length, density=1.205e-3, **p)
    anti = model.probability("mu", "tau", 300.0, length, density=1.205e-3, antineutrino=True, **p)
    assert 0.9 * bound < found.max() < bound * 1.01
    assert anti.max() < 0.1 * bound


# ----- bad input


def test_sterile_states_are_no_source() -> None:
    with pytest.raises(InputError, match="three sterile states to start from"):
        scanner.model("quasi_sterile").probability("s", "e", 1.0, 1.0)


@pytest.mark.parametrize(
    ("model", "p", "fragment"),
    [
        ("sterile_3p1_invisible_decay", {"m4_Gamma4": -1.0}, "outside the range"),
        ("sterile_3p1_matter", {"Ue4_sq": 0.6, "Umu4_sq": 0.6}, "exceeds 1"),
        ("quasi_sterile", {"theta_S3": 1.0}, "outside the range"),
        ("quasi_sterile", {"E_res": 0.0}, "outside the range"),
    ],
)
def test_bad_parameters(model: str, p: dict[str, float], fragment: str) -> None:
    with pytest.raises(InputError, match=fragment):
        scanner.model(model).probability("mu", "e", 1.0, 1.0, **p)


def test_points_outside_unitarity_are_marked() -> None:
    axes = {"Ue4_sq": {"values": [0.1, 0.9]}, "Umu4_sq": {"values": [0.05, 0.2]}}
    for model, fixed in [("sterile_3p1_invisible_decay", {"m4_Gamma4": 0.5}), ("sterile_3p1_matter", {"V_s": -1e-9})]:
        status = scanned(model, axes, **fixed)["status"]
        assert (status[:, 1, 1] == scanner.errors.Status.outside_model).all()
        for i, j in itertools.product(range(2), repeat=2):
            if (i, j) != (1, 1):
                assert (status[:, i, j] == scanner.errors.Status.ok).all()
