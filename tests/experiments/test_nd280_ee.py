"""ND280: e⁺e⁻ in the TPCs and converted photons, against thrown events, published numbers and limits."""

from __future__ import annotations

import dataclasses
import functools
import math

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import poisson

import scanner
from scanner.experiments.builders import nd280_pairs
from scanner.experiments.fluxes import flux
from scanner.experiments.matter import nuclei
from scanner.experiments.nd280_ee import EFFICIENCY, SINE_MAX, photon_selection, search_selection
from scanner.experiments.nd280_geometry import FGD_FIDUCIAL, FGD_MASSES, GAS, MASSES, TPC
from scanner.experiments.tables import DATA, read_table
from scanner.experiments.upscattering_inputs import nd280_smearing
from scanner.physics.geometry import decay_probability, length_nodes
from scanner.physics.shapes import Sphere
from scanner.physics.upscattering import CM2, MEDIATORS, differential, q2_limits, target
from scanner.signals.dark_neutrino import Decay, Dynamics
from scanner.signals.upscattering_events import group_events
from scanner.signals.upscattering_samples import PairRule, Region, Selection, UpscatteringResponse

VECTOR = MEDIATORS.index("vector")


@functools.cache
def search() -> tuple[UpscatteringResponse, ...]:
    return scanner.experiment("nd280_ee").signals["upscattering"]


def only(sample: UpscatteringResponse, *names: str) -> UpscatteringResponse:
    return dataclasses.replace(sample, regions=tuple(r for r in sample.regions if set(r.targets) & set(names)))


def on_shell(mass: float, mediator: float) -> Dynamics:
    return Dynamics("vector", mass, mediator, (Decay("e_e", 0, 0.0, mediator),), majorana=True)


def of_lengths(sample: UpscatteringResponse, dynamics: Dynamics, *lengths: float) -> np.ndarray:
    """Events of ν_μ for unit couplings at decay lengths [m], shape (lengths, bins)."""
    return group_events(dynamics, ("p",), (1,), [sample], np.array(lengths))[0][0, 0, 0]


# ---- the detector


@pytest.mark.parametrize(
    ("name", "published"),
    [("C12", 8.08), ("O16", 2.71), ("Pb208", 3.11), ("Cu63", 1.65), ("Zn64", 0.85), ("Ar40", 0.016)],
)
def test_masses(name, published):
    """Modules, sheets and bags add up to the masses of 2205.12273 [t], in its digits."""
    digits = len(str(published).split(".")[1])
    assert round(math.fsum(MASSES[name].values()), digits) == published


def test_masses_of_the_fiducial_volume():
    assert pytest.approx({"C12": 0.805, "O16": 0.035}, abs=5e-4) == FGD_MASSES


def test_gas_that_is_seen():
    """N that decay where they are made are seen if that is in the fiducial part of the gas."""
    dynamics = on_shell(0.1, 0.03)
    gas = only(search()[0], "Ar40")
    anywhere = gas.regions[0].decay._replace(probability=np.ones_like(gas.regions[0].decay.probability))
    everywhere = dataclasses.replace(gas, regions=(gas.regions[0]._replace(decay=anywhere),))
    share = TPC[0].volume / GAS[0].volume
    found = of_lengths(gas, dynamics, 1e-7) / of_lengths(everywhere, dynamics, 1.0)
    assert share == pytest.approx(0.627, abs=1e-3)
    assert found == pytest.approx(share, rel=1e-3)


# ---- thrown events


def thrown(mass: float, mediator: float, ctau: float, generator: np.random.Generator) -> tuple[float, float]:
    """Events of ν_μ in the TPCs from lead, for unit couplings, and their error: one by one."""
    beam = flux("nd280_fhc", 12.34e20)
    parts = []
    for regime, charge_sq in (("coherent", 82**2), ("proton", 1), ("neutron", 1)):
        off = target("Pb208", regime)
        for E, fluence in zip(beam.energy, beam.fluence[1], strict=True):
            low, high = q2_limits(E, mass, off.mass)
            if not high > 0:
                continue
            high = min(high, 2.0)
            log = math.log(low) + math.log(high / low) * (np.arange(48) + generator.random(48)) / 48
            made = np.array([differential(VECTOR, E, q2, mass, mediator, *off) for q2 in np.exp(log)])
            weight = CM2 * fluence * charge_sq * made * np.exp(log) * math.log(high / low) / 48
            parts.append(np.stack([np.full(48, E), np.exp(log), np.full(48, off.mass), weight]))
    E, q2, M, weight = np.concatenate(parts, axis=1)
    total, n = nuclei({"Pb208": 3.108})["Pb208"] * weight.sum(), 400_000
    E, q2, M = np.array([E, q2, M])[:, generator.choice(weight.size, n, p=weight / weight.sum())]
    seen = flown(E - q2 / (2 * M), E, q2, mass, mediator, ctau, generator)
    return total * seen.mean(), total * seen.std() / math.sqrt(n)


def flown(energy, E, q2, mass, mediator, ctau, generator) -> np.ndarray:  # type: ignore[no-untyped-def]
    """Which N decay in a TPC and pass the cuts, as 0 or EFFICIENCY."""
    n = energy.size
    p = np.sqrt(energy**2 - mass**2)
    direction = turned(np.array([0.0, 0.0, 1.0])[:, None], (2 * E * energy - q2 - mass**2) / (2 * E * p), generator)
    upstream = generator.random(n) < 0.5
    z = np.where(upstream, 0.0, 2.096) + generator.random(n) * np.where(upstream, 0.305, 0.304)
    start = np.array([(generator.random(n) - 0.5) * 2.103, (generator.random(n) - 0.5) * 2.239, z])
    end = start + direction * generator.exponential(ctau * p / mass)
    inside = (abs(end[0]) < 0.85) & (abs(end[1]) < 0.98)
    inside &= sum((end[2] > 2.56 + 1.365 * i) & (end[2] < 3.123 + 1.365 * i) for i in range(3)) > 0
    # Z′ in the rest frame of N, and the electrons in that of Z′, both in any direction.
    rest = (mass**2 + mediator**2) / (2 * mass), (mass**2 - mediator**2) / (2 * mass)
    visible = boosted(np.full(n, rest[0]), rest[1] * isotropic(n, generator), energy / mass, p / mass, direction)
    size = np.sqrt((visible[1] ** 2).sum(axis=0))
    half = 0.5 * mediator * isotropic(n, generator)
    pair = [
        boosted(np.full(n, mediator / 2), sign * half, visible[0] / mediator, size / mediator, visible[1] / size)
        for sign in (1.0, -1.0)
    ]
    opening = (pair[0][1] * pair[1][1]).sum(axis=0) / (pair[0][0] * pair[1][0])
    cosine = visible[1][2] / size
    transfer = (visible[0] - visible[1][2]) ** 2 + size**2 * (1 - cosine**2)
    return EFFICIENCY * (inside & (cosine > 0.992) & (transfer < 0.03) & (opening > 0) & (size > 0.15))


def isotropic(n: int, generator: np.random.Generator) -> np.ndarray:
    found = generator.normal(size=(3, n))
    return found / np.sqrt((found**2).sum(axis=0))


def turned(axis: np.ndarray, cosine: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Unit vectors about +z."""
    phi, sine = 2 * math.pi * generator.random(cosine.size), np.sqrt(np.maximum(1 - cosine**2, 0.0))
    return np.array([sine * np.cos(phi), sine * np.sin(phi), cosine])


def boosted(energy, momentum, gamma, boost, direction):  # type: ignore[no-untyped-def]
    along = (momentum * direction).sum(axis=0)
    return gamma * energy + boost * along, momentum + direction * ((gamma - 1) * along + boost * energy)


@pytest.mark.parametrize(
    ("mass", "mediator", "ctau"), [(0.1, 0.03, 0.05), (0.1, 0.03, 0.5), (0.35, 0.05, 0.3), (0.35, 0.2, 3.0)]
)
def test_thrown_events(mass, mediator, ctau):
    """From lead into the TPCs: flux, cross section, flight, decay and cuts."""
    expected, error = thrown(mass, mediator, ctau, np.random.default_rng(280))
    found = of_lengths(only(search()[0], "Pb208"), on_shell(mass, mediator), ctau)[0, 0]
    assert error < 0.03 * expected
    assert abs(found - expected) < 3 * error + 0.03 * expected


# ---- limits of the lifetime


@pytest.mark.parametrize(("mass", "mediator"), [(0.05, 1.25), (0.1, 0.03), (0.4, 1.25)])
def test_prompt_and_long_lived(mass, mediator):
    """Prompt N are seen in the TPCs if made in gas, and always in FGD 1; long-lived ones as 1/cτ everywhere."""
    dynamics = on_shell(mass, mediator)
    for sample in search():
        prompt, long, longer = of_lengths(sample, dynamics, 1e-7, 2e4, 4e4)
        assert longer == pytest.approx(long / 2, rel=5e-3)
        if sample.name.startswith("tpc"):
            assert prompt == pytest.approx(of_lengths(only(sample, "Ar40"), dynamics, 1e-7)[0], rel=1e-7)
            assert of_lengths(sample, dynamics, 1.0)[0] > 50 * prompt


def test_prompt_photons():
    """All pairs of FGD 1 times the efficiency, in the bins of mass together as in that of single photons."""
    photons = of_lengths(search()[2], on_shell(0.1, 0.03), 1e-7)[0]
    assert photons.size == 10
    assert photons[:9].sum() * 5.738 / 11.92 == pytest.approx(photons[9], rel=1e-3)
    model = scanner.model("dark_neutrino_vector")
    beam = flux("nd280_fhc", 11.92e20)
    unit = {"m4": 0.1, "m_Zprime": 0.03, "V_mu4": 1.0, "V_p": 1.0, "V_l": 1.0}
    made = 0.0
    for name, mass in FGD_MASSES.items():
        for regime in ("coherent", "proton", "neutron"):
            sigma = model.cross_section(name, beam.energy, regime, **unit)
            made += nuclei({name: mass})[name] * math.fsum(sigma * beam.fluence[1])
    assert photons[:9].sum() == pytest.approx(EFFICIENCY * made, rel=0.01)


# ---- selections


def test_cuts_of_the_search():
    """Averages over intervals of energy and angle are those of the cuts, though the nodes are few."""
    selection = search_selection()
    response = selection.response["e_e"][..., 0] / EFFICIENCY
    generator = np.random.default_rng(7)
    q = selection.masses[2]
    energy = 0.15 * np.exp(generator.random(200_000) * math.log(4 / 0.15))
    sine = SINE_MAX * generator.random(energy.size)
    p = np.sqrt(np.maximum(energy**2 - q**2, 0.0))
    cosine = 1 - 2 * sine**2
    passed = (p > 0.15) & ((energy - p * cosine) ** 2 + p**2 * (1 - cosine**2) < 0.03)
    rows, columns = response.shape[1:]
    x = np.log(energy / selection.energy_min) / math.log(selection.energy_max / selection.energy_min) * (rows - 1)
    y = sine / SINE_MAX * (columns - 1)
    i, j = np.minimum(x.astype(int), rows - 2), np.minimum(y.astype(int), columns - 2)
    u, v = x - i, y - j
    r = response[2]
    smooth = (1 - u) * ((1 - v) * r[i, j] + v * r[i, j + 1]) + u * ((1 - v) * r[i + 1, j] + v * r[i + 1, j + 1])
    for low, high in ((0.15, 0.3), (0.3, 1.0), (1.0, 2.5), (1.5, 4.0)):
        some = (energy > low) & (energy < high)
        assert smooth[some].mean() == pytest.approx(passed[some].mean(), abs=0.01)
    assert 2 * math.asin(SINE_MAX) == pytest.approx(math.acos(0.992), rel=1e-12)


def test_masses_of_pairs():
    """Probabilities add up to 1, and a mass is found within the resolution, which is worse for slow pairs."""
    selection = photon_selection(0.0)
    response = selection.response["e_e"][:, :, 0] / EFFICIENCY
    assert response.sum(axis=-1) == pytest.approx(1.0, abs=1e-3)
    energies = np.geomspace(selection.energy_min, selection.energy_max, response.shape[1])
    fast, slow = np.argmin(abs(energies - 0.7)), np.argmin(abs(energies - 0.12))
    for mass, around in ((0.0, slice(0, 1)), (0.03, slice(1, 5)), (0.1, slice(5, 8)), (0.3, slice(8, 9))):
        row = response[np.flatnonzero(selection.masses == mass)[0]]
        assert row[fast, around].sum() > 0.7
        if mass > 0:
            assert row[fast, around].sum() > row[slow, around].sum()


def test_builder_makes_the_table_that_ships():
    columns = read_table(DATA / "nd280_pairs.txt").columns
    row = np.flatnonzero((columns["mass"] == 40) & (columns["energy"] > 0.5))[0]
    smearing = nd280_smearing("momentum"), nd280_smearing("angle")
    built = nd280_pairs._bins(0.04, columns["energy"][row], *smearing, nd280_pairs._sequence(10))
    assert built == pytest.approx([columns[name][row] for name in list(columns)[2:]], abs=3e-4)


# ---- likelihood


def test_observed_and_expected():
    """The published totals: 4988 on 4950.4 and 1236 on 1196.1 photons, 1101 on 1159.8, nothing on 0.563 and 0.015."""
    found = scanner.experiment("nd280_ee")
    sample, beam = (np.asarray(found.coordinates[name]) for name in ("sample", "beam"))
    for name, mode, data, background in (
        ("tpc", "fhc", 0, 0.563),
        ("tpc", "rhc", 0, 0.015),
        ("photon sideband", "fhc", 4988, 4950.4),
        ("photon sideband", "rhc", 1236, 1196.1),
        ("single photon", "fhc", 1101, 1159.8),
    ):
        some = (sample == name) & (beam == mode)
        assert found.data[some].sum() == data
        assert found.background[some].sum() == pytest.approx(background, abs=0.051 if background > 1 else 5e-4)
    assert len({one.first_bin for one in search()}) == 4
    assert not found.projection


def test_null_value():
    """−2 ln L without a signal, bin by bin, by a general minimiser."""
    found = scanner.experiment("nd280_ee")
    value, _ = deviance(found, np.zeros(found.data.size))
    expected = 0.0
    for n, b, s in zip(found.data, found.background, found.likelihood.background_error, strict=True):

        def one(x, n=n, b=b, s=s):  # type: ignore[no-untyped-def]
            best = poisson.logpmf(n, n) if n > 0 else 0.0
            return 2 * (best - poisson.logpmf(n, x)) + ((x - b) / s) ** 2

        expected += minimize_scalar(one, bounds=(1e-9, 2 * b + 10), method="bounded", options={"xatol": 1e-9}).fun
    assert value == pytest.approx(expected, rel=1e-6)


def deviance(found, signal):  # type: ignore[no-untyped-def]
    chi2, gof = np.zeros(1), np.zeros(1)
    found.likelihood(np.atleast_2d(signal), chi2, gof)
    return float(chi2[0]), float(gof[0])


# ---- what it says of MiniBooNE


EXCESS = 560.6
"""Of MiniBooNE in neutrino mode; 2006.16883."""
MINIBOONE_EFFICIENCY = 0.12
"""Of pairs that look like one electron, of those in the fiducial volume: an estimate, 10 to 15 %."""


@functools.cache
def miniboone() -> UpscatteringResponse:
    tank, fiducial = Sphere((0.0, 0.0, 0.0), 6.1), Sphere((0.0, 0.0, 0.0), 5.0)
    decay = decay_probability(tank, fiducial, [0.0], length_nodes(5.0, 12.0))
    selection = Selection(0.14, 3.0, 1.0, {"e_e": np.full((12, 1, 1), MINIBOONE_EFFICIENCY)}, PairRule(cos_min=0.97))
    matter = Region({"C12": 3.51962e31, "H1": 6.98646e31}, decay)
    return UpscatteringResponse("miniboone", flux("miniboone_fhc", 18.75e20), (matter,), selection, 0, 1.0, 12.0)


def excluded(mass: float, mediator: float, *lengths: float) -> np.ndarray:
    """Δχ² of ND280 at decay lengths [m] where MiniBooNE sees its excess."""
    found = scanner.experiment("nd280_ee")
    dynamics = on_shell(mass, mediator)
    strength = EXCESS / of_lengths(miniboone(), dynamics, *lengths)[:, 0]
    signal = np.concatenate([of_lengths(sample, dynamics, *lengths) for sample in search()], axis=1)
    null, _ = deviance(found, np.zeros(found.data.size))
    return np.array([deviance(found, k * row)[0] - null for k, row in zip(strength, signal, strict=True)])


@pytest.mark.parametrize(("mass", "mediator"), [(0.1, 1.25), (0.2, 1.25), (0.4, 1.25), (0.1, 0.15), (0.15, 1.0)])
def test_lifetimes_that_miniboone_may_not_have(mass, mediator):
    """What explains MiniBooNE by N of 10 cm or more is excluded, far beyond 90 % for two degrees of freedom."""
    assert (excluded(mass, mediator, 0.1, 0.15, 0.3, 1.0, 3.0, 10.0) > 4 * 4.61).all()


def test_prompt_decays_are_allowed():
    """Where N decay in the lead, gas and photons say little: the search begins at a lifetime."""
    prompt, short, long = excluded(0.1, 1.25, 1e-4, 1e-3, 2e-2)
    assert prompt < 2.71
    assert prompt < short < 2.71
    assert long > 4.61


# ---- the upgrade


def test_upgrade_is_a_projection():
    found, today = scanner.experiment("nd280_upgrade_ee"), scanner.experiment("nd280_ee")
    assert found.projection
    assert np.array_equal(found.data, found.background)
    assert not found.data_sets & today.data_sets
    value, _ = deviance(found, np.zeros(found.data.size))
    assert value == pytest.approx(0.0, abs=1e-9)
    gas = 1 + 2 * (1.68 * 0.6 * 1.364) / (3 * 1.7 * 1.96 * 0.563)
    assert found.background[0] == pytest.approx(0.563221 * 9.12 / 1.234 * gas, rel=1e-9)


def test_upgrade_sees_more():
    """More exposure, gas and scintillator, but no lead: better where N decay at once, and for photons."""
    upgrade = scanner.experiment("nd280_upgrade_ee").signals["upscattering"]
    dynamics = on_shell(0.1, 0.03)
    prompt, near = (of_lengths(upgrade[0], dynamics, ct) / of_lengths(search()[0], dynamics, ct) for ct in (1e-7, 0.03))
    assert prompt > 9.12 / 1.234
    assert near > 1
    photons = of_lengths(upgrade[2], dynamics, 1e-7).sum() / of_lengths(search()[2], dynamics, 1e-7)[:, :9].sum()
    assert photons > 9.12e21 / 11.92e20


def test_selection_of_masses():
    """A response that grows with the mass of a pair is taken at the mass that it has, or averaged over a spectrum."""
    sample = only(search()[0], "Ar40")
    nodes = np.linspace(0.0, 0.4, 9)
    linear = np.broadcast_to(nodes[:, None, None, None], (9, 2, 1, 1)).copy()
    weighted = dataclasses.replace(sample, selection=Selection(0.01, 9.0, 1.0, {"e_e": linear}, masses=nodes))
    flat = dataclasses.replace(sample, selection=Selection(0.01, 9.0, 1.0, {"e_e": np.ones((2, 1, 1))}))
    for mass, mediator, mean in ((0.3, 0.13, 0.13), (0.3, 3.0, None)):
        dynamics = on_shell(mass, mediator)
        ratio = of_lengths(weighted, dynamics, 1e-7) / of_lengths(flat, dynamics, 1e-7)
        if mean is None:
            # dΓ/dq ∝ q (1-x)² (1+2x), x = q²/m², for a contact interaction.
            q = np.linspace(0, mass, 20001)
            rate = q * (1 - (q / mass) ** 2) ** 2 * (1 + 2 * (q / mass) ** 2)
            mean = (q * rate).sum() / rate.sum()
        assert ratio == pytest.approx(mean, rel=0.01)


def test_selection_of_any_angle():
    """One node of the angle is as good as many that are alike."""
    sample = only(search()[0], "Ar40")
    energies = np.linspace(0.1, 1.0, 6)[:, None, None]
    one = Selection(0.1, 5.0, 1.0, {"e_e": energies}, PairRule(cos_min=0.5))
    many = Selection(0.1, 5.0, 1.0, {"e_e": np.repeat(energies, 5, axis=1)}, PairRule(cos_min=0.5))
    dynamics = dataclasses.replace(on_shell(0.2, 0.05), majorana=False)
    found = [of_lengths(dataclasses.replace(sample, selection=s), dynamics, 0.1, 10.0) for s in (one, many)]
    assert found[0] == pytest.approx(found[1], rel=2e-3)


def test_fiducial_volumes_are_inside():
    assert all(f.half[i] <= g.half[i] for f, g in zip(TPC, GAS, strict=True) for i in range(3))
    assert FGD_FIDUCIAL.volume == pytest.approx(1.749**2 * 0.2876, rel=1e-9)
