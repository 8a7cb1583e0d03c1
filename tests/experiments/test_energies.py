"""Experiments of oscillations at resonances in energy: their energies and paths, against brute force over both."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
from scipy.stats import norm

from scanner import registry, tables
from scanner.config import read_scan_file
from scanner.errors import Status
from scanner.evaluate import evaluate
from scanner.experiments import decay_at_rest, gallium
from scanner.grid import Block
from scanner.physics.inverse_beta_decay import cross_section
from scanner.prediction import predict
from scanner.scan import resolve
from scanner.units import OSCILLATION_PHASE

BASELINES = {  # of each channel [km]
    "lsnd": [(25.85e-3, 34.15e-3)],
    "lsnd_total": [(25.85e-3, 34.15e-3)],
    "karmen": [(15.7e-3, 19.7e-3)],
    "karmen_total": [(15.7e-3, 19.7e-3)],
    "gallium": [(0.0, 3.4e-3), (0.0, 1.7e-3)],
    "reactor_rates": [(7e-3, 96e-3)],
    "cdhs": [(0.823, 0.947), (0.093, 0.167)],
}
ENERGIES = {  # [GeV]
    "lsnd": (0.0018, 0.0529),
    "lsnd_total": (0.0018, 0.0529),
    "karmen": (0.0018, 0.0529),
    "karmen_total": (0.0018, 0.0529),
    "gallium": (0.427e-3, 0.813e-3),
    "reactor_rates": (1.81e-3, 8e-3),
    "cdhs": (0.64, 30.0),
}
APPEARANCE = {"lsnd", "lsnd_total", "karmen", "karmen_total"}


def survival(p: dict[str, float], x: np.ndarray, energy: np.ndarray, antineutrino: bool) -> np.ndarray:
    """Amplitude of what is not sterile of ν4, the two-level form of 2201.00876 for 3+1; x in km/GeV, E in GeV."""
    dm2, theta = p["dm2_41"], math.asin(math.sqrt(p.get("Ue4_sq", 0) + p.get("Umu4_sq", 0)))
    potential = 2e9 * energy * p["V_s"] * (-1 if antineutrino else 1)
    along = dm2 * math.cos(2 * theta) + potential
    split = np.sqrt(along**2 + (dm2 * math.sin(2 * theta)) ** 2)
    half = OSCILLATION_PHASE * split * x
    return np.exp(-1j * OSCILLATION_PHASE * (dm2 + potential) * x) * (np.cos(half) + 1j * along / split * np.sin(half))


def at_resonance(dm2: float, energy: float, antineutrino: bool, **mixing: float) -> dict[str, float]:
    """Parameters of 3+1 with a V_s that is resonant at an energy [GeV]."""
    along = dm2 * (1 - 2 * sum(mixing.values()))
    return {"dm2_41": dm2, "V_s": (1 if antineutrino else -1) * along / (2e9 * energy), **mixing}


@pytest.mark.parametrize("name", BASELINES)
def test_energies_and_baselines_are_those_of_the_experiment(name: str) -> None:
    channels = registry.experiment(name).signals["oscillation"]
    for channel, (nearest, farthest) in zip(channels, BASELINES[name], strict=True):
        low, high = ENERGIES[name]
        assert low * (1 - 1e-9) <= channel.energy.min() and channel.energy.max() <= high * (1 + 1e-9)
        # ⟨E⟩ ⟨L/E⟩ of a narrow cell is its baseline, but for what their spreads have in common.
        baseline = channel.energy * channel.mean
        assert nearest * 0.98 < baseline.min() and baseline.max() < farthest * 1.02
        assert np.all(channel.energy_spread < 0.2 * channel.energy)
        assert 1 < channel.path_density < 7
        assert any("g/cm^3" in note for note in registry.experiment(name).notes)


@pytest.mark.parametrize("name", BASELINES)
def test_without_a_potential_it_is_3p1(name: str) -> None:
    p = {"dm2_41": 2.0, "Ue4_sq": 0.03, "Umu4_sq": 0.05}
    of_3p1, found = predict("sterile_3p1", name, **p), predict("sterile_3p1_matter", name, **p)
    np.testing.assert_allclose(found["signal"], of_3p1["signal"], rtol=1e-11)
    assert float(found["chi2"]) == pytest.approx(float(of_3p1["chi2"]), rel=1e-11)


@pytest.mark.parametrize(
    ("model", "axes"),
    [
        ("sterile_3p1_matter", {"V_s": [-1e-9, 1e-9], "Ue4_sq": [0.01, 0.02], "Umu4_sq": [0.01, 0.02]}),
        ("quasi_sterile", {"theta_S3": [0.1, 0.2], "theta_S1": [0.0, 0.1], "E_res": [0.1, 1.0]}),
    ],
)
def test_one_scan_has_all_of_them(model: str, axes: dict[str, list[float]]) -> None:
    experiments = ["miniboone", "lsnd", "karmen", "gallium", "reactor_rates", "cdhs"]
    grid = {name: {"values": values} for name, values in axes.items()}
    scan = resolve(
        read_scan_file({"version": 1, "name": "x", "model": model, "axes": grid, "experiments": experiments})
    )
    built, last = tables.build_all(scan), {name: values[-1] for name, values in axes.items()}
    for number, group in enumerate(scan.groups):
        shape = scan.shape(group)
        found = evaluate(scan, built, Block(0, number, (0,) * len(shape), shape))
        assert (found["status"] == Status.ok).all()
        for member, chi2 in zip(group.members, found["chi2"], strict=True):
            expected = float(predict(model, member.experiment.name, **last)["chi2"])
            assert chi2.ravel()[-1] == pytest.approx(expected, rel=1e-12)


# ----- a resonance within the band, by brute force


@functools.cache
def of_lsnd() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Energies [GeV], L/E and weights of all events, each with the mean energy of its positron."""
    energy = np.linspace(15, decay_at_rest.END - 1e-9, 1500)
    mean = np.array([np.mean(np.array(decay_at_rest.positron_range(1e-3 * e))) for e in energy]) * 1e3
    sigma = 0.07 * np.sqrt(52.8 * mean)
    chance = norm.cdf((60 - mean) / sigma) - norm.cdf((20 - mean) / sigma)
    weight = energy**2 * (1.5 - energy / decay_at_rest.END) * cross_section(1e-3 * energy) * chance
    baseline = np.linspace(25.85, 34.15, 400)[:, None]
    weights = weight / baseline**2
    return np.broadcast_to(1e-3 * energy, weights.shape), baseline / energy, weights / weights.sum()


@pytest.mark.parametrize(("dm2", "tolerance"), [(0.5, 2e-3), (3.0, 3e-3), (10.0, 8e-3)])
def test_lsnd(dm2: float, tolerance: float) -> None:
    """ν̄_μ → ν̄_e with a resonance at 40 MeV is 15 times that of the same mixings without one, at 0.5 eV²."""
    energy, x, weight = of_lsnd()
    p = at_resonance(dm2, 0.04, True, Ue4_sq=0.02, Umu4_sq=0.02)
    exact = np.sum(weight * abs(0.5 * (survival(p, x, energy, True) - 1)) ** 2)
    assert float(predict("sterile_3p1_matter", "lsnd_total", **p)["events"]) == pytest.approx(exact, rel=tolerance)
    other = predict("sterile_3p1_matter", "lsnd_total", **{**p, "V_s": -p["V_s"]})  # neutrinos' resonance
    assert float(other["events"]) < 0.7 * exact


def test_gallium() -> None:
    """GALLEX (its first measurement) in cylindrical coordinates, and BEST's inner sphere along directions."""
    lines = np.array(gallium.CHROMIUM)
    p = at_resonance(1.3, 0.747e-3, False, Ue4_sq=0.02)
    found = predict("sterile_3p1_matter", "gallium", **p)["signal"].values

    def lost(r: np.ndarray, weight: np.ndarray) -> float:
        seen = [
            share * np.sum(weight * (abs(survival(p, r / line, np.array(1e-3 * line), False)) ** 2 - 1))
            for line, share in lines
        ]
        return float(sum(seen) / (lines[:, 1].sum() * weight.sum()))

    rho, z = np.meshgrid(1.9 * (np.arange(800) + 0.5) / 800, -2.70 + 5.0 * (np.arange(1000) + 0.5) / 1000)
    square = rho**2 + z**2
    assert found[0] == pytest.approx(lost(np.sqrt(square), rho / square), abs=1e-3)
    r = 0.6675 * (np.arange(20_000) + 0.5) / 20_000
    steep = np.sqrt(1 - np.minimum(0.073 / r, 1) ** 2)
    inside = 1 - 0.5 * (1 - steep) - 0.5 * np.maximum(np.minimum(0.069 / r, 1) - steep, 0)
    assert found[4] == pytest.approx(lost(r, inside), abs=2e-4)
    assert found[0] < -0.3  # half of the neutrinos may go; 3+1 itself takes 4 %


def test_reactors() -> None:
    """ILL, pure ²³⁵U at 8.76 m, and Krasnoyarsk at 92.3 m, with a resonance of ν̄_e at 4 MeV."""
    energy = 1.81 + 6.19 * (np.arange(200_000) + 0.5) / 200_000
    powers = (4.367, -4.577, 2.100, -0.5294, 0.06186, -0.002777)
    weight = np.exp(sum(a * energy**k for k, a in enumerate(powers))) * cross_section(1e-3 * energy)
    weight /= weight.sum()
    for dm2 in (0.3, 3.0):
        p = at_resonance(dm2, 4e-3, True, Ue4_sq=0.01)
        found = predict("sterile_3p1_matter", "reactor_rates", **p)["signal"].values
        for number, baseline in ((8, 8.76), (10, 92.3)):
            exact = np.sum(weight * (abs(survival(p, baseline / energy, 1e-3 * energy, True)) ** 2 - 1))
            assert found[number] == pytest.approx(exact, abs=5e-5)


@pytest.mark.parametrize(
    "p",
    [
        at_resonance(2.0, 2.0, False, Umu4_sq=0.02),
        # LSND's resonance: here, far above it, the sterile state oscillates too fast for cells, but is all but unmixed.
        at_resonance(0.95, 0.045, True, Umu4_sq=0.02),
    ],
    ids=["at 2 GeV", "far below"],
)
def test_cdhs(p: dict[str, float]) -> None:
    """The first bin of both detectors, with a resonance of ν_μ at 2 GeV, or of ν̄_μ in LSND."""
    result = predict("sterile_3p1_matter", "cdhs", **p)
    assert result["status"].item() == "ok"
    found = result["signal"].values
    energy = np.exp(np.linspace(math.log(0.641), math.log(30), 4001))

    def rate(threshold: float) -> np.ndarray:
        share = np.minimum(threshold / energy, 1)
        return np.exp(-energy) * energy * (1 - share + 0.0464133 * (1 - share**3))

    weight = energy * (rate(0.641) - rate(0.8116))
    for first, middle, length in ((0, 0.885, 0.124), (15, 0.130, 0.074)):
        baseline = (middle + length * ((np.arange(300) + 0.5) / 300 - 0.5))[:, None]
        lost = (abs(survival(p, baseline / energy, energy, False)) ** 2 - 1).mean(axis=0)
        assert found[first] == pytest.approx(np.sum(weight * lost) / weight.sum(), abs=1e-4)
    in_vacuum = predict("sterile_3p1", "cdhs", dm2_41=p["dm2_41"], Umu4_sq=0.02)["signal"].values[0]
    assert found[0] < 2 * in_vacuum < 0 if p["V_s"] < 0 else in_vacuum < 5 * found[0] < 0


# ----- quasi-sterile neutrinos


@pytest.mark.parametrize("name", ["reactor_rates", "gallium"])
def test_electron_neutrinos_hardly_disappear_through_the_third_pair(name: str) -> None:
    """P_ee ≥ 1 − 4|U_e3|²(1 − |U_e3|²) = 1 − 0.087 with S_3 alone; the pairs of ν_1 and ν_2 take far more."""
    bound = 4 * 0.0222 * (1 - 0.0222)
    assert bound == pytest.approx(0.087, abs=5e-4)
    lowest = 0.0
    for dM2, theta, resonance in [(1.0, 0.6, 0.3), (1.0, 0.1, 3e-4), (3.0, 0.3, 1.75e-3), (0.5, 0.78, 1e-5)]:
        found = predict("quasi_sterile", name, delta_M3_sq=dM2, theta_S3=theta, E_res=resonance)["signal"]
        assert -bound <= float(found.min()) and float(found.max()) <= 0
        lowest = min(lowest, float(found.min()))
    assert lowest < -0.3 * bound
    more = predict("quasi_sterile", name, delta_M1_sq=1.3, theta_S1=0.5, delta_M2_sq=1.3, theta_S2=0.5)
    assert float(more["signal"].min()) < -2 * bound


def test_all_light_neutrinos_alike_are_one_sterile_state_of_electron_flavour() -> None:
    """Three equal pairs: P_ee is that of two flavours, 1 − sin²2θ sin², whatever the mixing of light neutrinos."""
    pairs = {f"delta_M{i}_sq": 1.3 for i in (1, 2, 3)} | {f"theta_S{i}": 0.2 for i in (1, 2, 3)}
    # So high a resonance that matter does nothing.
    found = predict("quasi_sterile", "gallium", E_res=1e4, **pairs)
    amplitude = math.sin(0.4) ** 2
    one = predict("sterile_3p1", "gallium", dm2_41=1.3, Ue4_sq=0.5 * (1 - math.sqrt(1 - amplitude)))
    np.testing.assert_allclose(found["signal"], one["signal"], rtol=1e-5)


def test_resonances_scale_with_the_density_of_the_path() -> None:
    """One at the lines of ⁵¹Cr in gallium metal is out of tune in GALLEX's solution, 3.2 times thinner."""
    p = {f"delta_M{i}_sq": 20.0 for i in (1, 2, 3)} | {f"theta_S{i}": 0.05 for i in (1, 2, 3)}
    resonance = 0.747e-3 * gallium.METAL / 2.6
    found = -predict("quasi_sterile", "gallium", E_res=resonance, **p)["signal"].values
    assert found[4:].min() > 5 * found[:2].max()
    thinner = -predict("quasi_sterile", "gallium", E_res=resonance * 1.89 / 6.09, **p)["signal"].values
    assert thinner[:2].min() > 5 * thinner[4:].max()


@pytest.mark.parametrize("name", BASELINES)
def test_neutrinos_are_resonant_and_antineutrinos_are_not(name: str) -> None:
    """ΔV < 0: where neutrinos mix fully, antineutrinos mix less than in vacuum.

    At 95 m a larger angle would let ν_3, whose level moves in matter, oscillate with the other light states instead.
    """
    channels = registry.experiment(name).signals["oscillation"]
    middle = float(np.median(channels[0].energy))
    p = {"delta_M3_sq": 1.0, "theta_S3": 0.05}
    here = {**p, "E_res": middle * channels[0].path_density / 2.6}
    far = {**p, "E_res": 1e3 * here["E_res"]}
    resonant, vacuum = (float(predict("quasi_sterile", name, **q)["events"]) for q in (here, far))
    assert (abs(resonant) < abs(vacuum)) == channels[0].antineutrino
    assert (vacuum > 0) == (name in APPEARANCE)
