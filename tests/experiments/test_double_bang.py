"""Double bangs: exposures and masses, the atmospheric flux, rates against thrown events, distances, and limits."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
from scipy import optimize, special, stats

from scanner import predict, registry
from scanner.experiments import double_bang as db
from scanner.experiments.builders import atmospheric_flux as builder
from scanner.experiments.tables import DATA, read_table
from scanner.physics.inelastic import (
    PION_THRESHOLD,
    double_differential,
    forward_and_backward,
    inelastic_sigma_hat,
    transfer_limits,
)
from scanner.physics.particles import MASS
from scanner.physics.shapes import Box, Cylinder
from scanner.physics.upscattered import grid
from scanner.physics.upscattering import CM2, DIPOLE, differential, q2_limits, target
from scanner.physics.visible import PHOTON
from scanner.signals.dark_neutrino import Decay, Dynamics
from scanner.signals.upscattering_events import decay_lengths, group_events, made_in
from scanner.signals.upscattering_samples import Flux

E_SQUARED, HBARC = 4 * math.pi / 137.035999, 1.973269804e-16
M_E = MASS["e"]
SETUPS = {
    "ccfr_double_bang": db.CCFR_DOUBLE_BANG,
    "icecube_double_bang": db.ICECUBE_DOUBLE_BANG,
    "dune_double_bang": db.DUNE_DOUBLE_BANG,
}


def test_masses_and_sizes():
    assert sum(db.ICECUBE_DOUBLE_BANG.targets.values()) / 6.02214076e23 * 18.015 / 3 == pytest.approx(
        1.575e13, rel=1e-3
    )
    assert db.ICECUBE_DOUBLE_BANG.shape.volume == pytest.approx(math.pi * 125**2 * 350)
    assert db.DUNE_DOUBLE_BANG.targets["Ar40"] * 39.948 * 1.66053907e-24 == pytest.approx(40e9, rel=3e-4)
    assert db.CCFR_DOUBLE_BANG.shape.volume * 4.3 == pytest.approx(db.CCFR_TONNES, rel=0.02)  # t/m³ on the average


def test_ccfr_makes_its_charged_currents(shared_data):
    table = np.loadtxt(shared_data / "fluxes/NuTeV_FHC.dat")
    energy, numu = table[:, 0], table[:, 2] * np.gradient(table[:, 0])
    protons, protons_bar = db.ccfr_exposure(energy, numu)
    # By hand: 1.04e-8 ν/cm² of 78.7 GeV, 4.16e32 nucleons.
    assert protons == pytest.approx(950e3 / (1.0414e-8 * 78.69 * 0.677e-38 * 4.155e32), rel=0.01)
    assert protons_bar / protons == pytest.approx(170 / 0.334 / (950 / 0.677))
    assert 1e17 < protons < 2.5e18  # NuTeV had 2.5e18 protons and as many charged currents, with looser cuts


def test_atmospheric_flux_falls_as_it_does():
    """Spot values of Honda et al. averaged over the sky [1/(m² s sr GeV)], and the ratios that everybody knows."""
    columns = read_table(DATA / builder.NAME).columns
    at = {float(f"{E:.4g}"): i for i, E in enumerate(columns["E"])}
    per_sr = {name: columns[name] * 1e4 / (4 * math.pi) for name in builder.COLUMNS}
    assert per_sr["numu"][at[10.0]] == pytest.approx(0.313, rel=0.02)
    assert per_sr["nue"][at[1.0]] == pytest.approx(87.7, rel=0.02)
    flavour = (per_sr["numu"] + per_sr["numubar"]) / (per_sr["nue"] + per_sr["nuebar"])
    assert flavour[at[1.0]] == pytest.approx(2.05, abs=0.1)
    assert flavour[at[1000.0]] > 15
    assert np.all(per_sr["nutau"] == 0)
    slope = np.log(per_sr["numu"][at[1000.0]] / per_sr["numu"][at[100.0]]) / np.log(10)
    assert slope == pytest.approx(-3.1, abs=0.1)


def test_builder_averages_over_the_sky(tmp_path):
    for k, part in enumerate(builder.FILES.values(), 1):
        lines = [f"{E:.4E} {c} {k * (1 + c) / E:.6E}" for c in (0.5, -0.5) for E in (1.0, 10.0)]
        (tmp_path / f"IPhonda2014_spl_solmin_{part}2D.dat").write_text("\n".join(lines))
    builder.build(tmp_path, tmp_path)
    columns = read_table(tmp_path / builder.NAME).columns
    for k, name in enumerate(builder.FILES, 1):
        np.testing.assert_allclose(columns[name], 4 * math.pi * 1e-4 * k / columns["E"], rtol=1e-4)


def test_oscillations():
    """Two flavours: averages over many phases, none over a few metres, and nothing lost."""
    energy = np.array([0.02, 2.574, 1e3])
    before = Flux(energy, np.array([[1.0, 1.0, 1.0], [3.0, 3.0, 3.0], [0.0, 0.5, 0.0]]))
    after = db.oscillated(before, np.linspace(1000, 12000, 4001))
    np.testing.assert_allclose(after.fluence.sum(axis=0), before.fluence.sum(axis=0))
    assert after.fluence[1, 0] == pytest.approx(3 * (1 - db.MIXING / 2), rel=0.01)
    assert after.fluence[1, 2] == pytest.approx(3, rel=1e-3)
    at = db.oscillated(before, [1297.0])
    assert at.fluence[1, 1] == pytest.approx(3 * (1 - 0.99 * math.sin(1.267 * 2.45e-3 * 1297 / 2.574) ** 2), rel=1e-3)
    np.testing.assert_array_equal(db.oscillated(before, [0.0]).fluence, before.fluence)
    lengths = np.array(db.atmospheric_lengths())
    assert lengths.max() == pytest.approx(2 * 6371 + 15, rel=0.01)
    assert lengths.min() == pytest.approx(15, rel=0.05)
    assert np.mean(lengths > 800) == pytest.approx(0.5, abs=0.06)


def test_beam_at_the_far_detector():
    """Both polarities, thinned out with the distance; few ν_μ are left at 2.6 GeV."""
    energy, fluence = db.dune_beam()
    assert np.all(np.diff(energy) >= 0)
    near = [db.flux(beam, db.DUNE_YEARS * db.DUNE_PROTONS / 2) for beam in db.DUNE_BEAMS]
    total = sum(one.fluence.sum() for one in near) * (574 / 1297e3) ** 2
    assert fluence.sum() == pytest.approx(total)
    dip = (energy > 2.4) & (energy < 2.8)
    assert fluence[1, dip].sum() < 0.05 * fluence[2, dip].sum()


# An independent evaluation: events that are thrown, weighted


def _to_exit(shape: Box | Cylinder, point: np.ndarray, along: np.ndarray) -> np.ndarray:
    """Distance to the surface from points inside, shape (3, n), along unit vectors."""
    if isinstance(shape, Box):
        half = np.array(shape.half)[:, None]
        return np.min((half - np.sign(along) * point) / np.maximum(np.abs(along), 1e-12), axis=0)
    flat = np.maximum(along[0] ** 2 + along[1] ** 2, 1e-24)
    across = point[0] * along[0] + point[1] * along[1]
    missing = point[0] ** 2 + point[1] ** 2 - shape.radius**2
    side = (np.sqrt(across**2 - flat * missing) - across) / flat
    return np.minimum(side, (shape.half - np.sign(along[2]) * point[2]) / np.maximum(np.abs(along[2]), 1e-12))


def _points(shape: Box | Cylinder, size: int, rng) -> np.ndarray:
    if isinstance(shape, Box):
        return np.array(shape.half)[:, None] * (2 * rng.random((3, size)) - 1)
    r, phi = shape.radius * np.sqrt(rng.random(size)), 2 * math.pi * rng.random(size)
    return np.array([r * np.cos(phi), r * np.sin(phi), shape.half * (2 * rng.random(size) - 1)])


def _broken_up(of: db.DoubleBang, m: float, E: float, rng) -> tuple[float, float, float]:
    """σ̂ in cm² times nuclei of one throw, N's energy, and cos θ."""
    first, _, last = transfer_limits(E, m, MASS["p"], PION_THRESHOLD)
    first = max(first, of.least_hadronic)
    if not first < last:
        return 0.0, m, 1.0
    nu = first + (last - first) * rng.random()
    momentum = math.sqrt((E - nu - m) * (E - nu + m))
    _, low, high = forward_and_backward(E, momentum, m)
    high = min(high, 2 * MASS["p"] * (nu - PION_THRESHOLD))
    if not low < high:
        return 0.0, m, 1.0
    q_sq = low * (high / low) ** rng.random()
    total = 0.0
    for name, number in of.targets.items():
        Z, A = {"H1": (1, 1), "O16": (8, 16), "Ar40": (18, 40), "Fe56": (26, 56)}[name]
        of_nucleus = double_differential(DIPOLE, E, m, 0.0, Z, A - Z, MASS["p"], PION_THRESHOLD, nu, q_sq)
        total += number * of_nucleus
    cosine = (2 * E * (E - nu) - m * m - q_sq) / (2 * E * momentum)
    return CM2 * total * (last - first) * q_sq * math.log(high / low), E - nu, cosine


def _elastic(of: db.DoubleBang, m: float, E: float, rng) -> tuple[float, float, float]:
    """The same of recoiling protons and neutrons."""
    proton, neutron = target("C12", "proton"), target("C12", "neutron")
    M = proton.mass
    low, high = q2_limits(E, m, M)
    low = max(low, 2 * M * of.least_hadronic)
    if not low < high:
        return 0.0, m, 1.0
    q_sq = low * (high / low) ** rng.random()
    total = 0.0
    for name, number in of.targets.items():
        Z, A = {"H1": (1, 1), "O16": (8, 16), "Ar40": (18, 40), "Fe56": (26, 56)}[name]
        for one, count in ((proton, Z), (neutron, A - Z)):
            total += number * count * differential(DIPOLE, E, q_sq, m, 0.0, *one._replace(number=1))
    energy = E - q_sq / (2 * M)
    cosine = (2 * E * energy - m * m - q_sq) / (2 * E * math.sqrt(energy**2 - m * m))
    return CM2 * total * q_sq * math.log(high / low), energy, cosine


def _thrown(name: str, index: int, m: float, moment: float, size: int) -> tuple[float, float]:
    """Events of ν_μ N → ν γ of a Majorana N in a sample, and their statistical error."""
    of, rng = SETUPS[name], np.random.default_rng(11)
    energy, fluence = registry.experiment(name).signals["upscattering"][index].flux
    share = fluence[1] * energy
    which = rng.choice(energy.size, size, p=share / share.sum())
    thrown = np.array(
        [_elastic(of, m, E, rng) for E in energy[which]] + [_broken_up(of, m, E, rng) for E in energy[which]]
    )
    weight, E_N, cosine = thrown.T
    weight = weight * np.tile(share.sum() / energy[which], 2) / size * (moment / 2) ** 2 * E_SQUARED
    some = weight > 0
    weight, E_N, cosine = weight[some], E_N[some], np.clip(cosine[some], -1, 1)
    momentum, n = np.sqrt(E_N**2 - m * m), weight.size
    # Flight: from all sides the direction is any.
    if name == "icecube_double_bang" or index == 1:
        cosine = 2 * rng.random(n) - 1
    phi, sine = 2 * math.pi * rng.random(n), np.sqrt(1 - cosine**2)
    along = np.array([sine * np.cos(phi), sine * np.sin(phi), cosine])
    exit_ = _to_exit(of.shape, _points(of.shape, n, rng), along)
    decay_length = HBARC / (2 * (moment / 2) ** 2 * m**3 / (4 * math.pi)) * momentum / m
    weight *= np.maximum(np.exp(-of.separation / decay_length) - np.exp(-exit_ / decay_length), 0)
    # The photon.
    visible = 0.5 * (E_N + momentum * (2 * rng.random(n) - 1))
    sigma = visible * np.hypot(of.resolution[0] / np.sqrt(visible), of.resolution[1])
    weight *= of.efficiency * (visible + sigma * rng.standard_normal(n) > of.least_visible)
    return float(weight.sum()), float(np.sqrt((weight**2).sum()))


@pytest.mark.parametrize(
    ("name", "index", "m", "moment", "size"),
    [
        ("ccfr_double_bang", 0, 0.3, 2e-6, 60_000),
        ("ccfr_double_bang", 0, 0.4, 5e-6, 150_000),
        ("icecube_double_bang", 0, 0.2, 2e-6, 150_000),
        ("dune_double_bang", 0, 0.2, 2e-6, 60_000),
        ("dune_double_bang", 1, 0.1, 2e-6, 60_000),
    ],
)
def test_rates_against_thrown_events(name: str, index: int, m: float, moment: float, size: int) -> None:
    """Flux, cross sections, kinematics, flight and threshold together; tables interpolated in the length."""
    one = registry.experiment(name).signals["upscattering"][index]
    dynamics = Dynamics("dipole", m, 0.0, (Decay("gamma", PHOTON),), majorana=True)
    length = HBARC / (2 * (moment / 2) ** 2 * m**3 / (4 * math.pi))
    found = group_events(dynamics, ("p",), (1,), (one,), np.array([length]))[0][0, 0, 0, 0, 0]
    expected, error = _thrown(name, index, m, moment, size)
    assert error < 0.015 * expected
    assert found * (moment / 2) ** 2 * E_SQUARED == pytest.approx(expected, abs=3 * error + 0.01 * expected)


def test_all_samples_are_summed() -> None:
    """The whole experiment, from the model on, is what its samples were thrown to be."""
    found = predict("dipole_upscattering", "dune_double_bang", m4=0.2, mu_tr_mu=2e-6, nature="majorana", charge="e0")
    (beam, error), (sky, other) = (_thrown("dune_double_bang", i, 0.2, 2e-6, 30_000) for i in (0, 1))
    assert float(found.signal[0]) == pytest.approx(beam + sky, abs=3 * math.hypot(error, other) + 0.015 * (beam + sky))


def test_icecube_as_a_slab() -> None:
    """About 4 events for d = 1e-6/GeV, by hand within a factor of 2."""
    energy, fluence = registry.experiment("icecube_double_bang").signals["upscattering"][0].flux
    of, m, moment = db.ICECUBE_DOUBLE_BANG, 0.2, 2e-6
    per_molecule = 2 * inelastic_sigma_hat("dipole", energy, m, 0.0, "H1", of.least_hadronic)
    per_molecule += inelastic_sigma_hat("dipole", energy, m, 0.0, "O16", of.least_hadronic)
    made = fluence[1] * per_molecule * of.targets["O16"] * CM2 * (moment / 2) ** 2 * E_SQUARED
    # N takes half of the energy, and half of that is visible; the slab is as thick as a mean chord, 4 V/S.
    flown = HBARC / ((moment / 2) ** 2 * m**3 / (4 * math.pi)) * energy / 2 / m
    thick = 4 * of.shape.volume / of.shape.area
    inside = np.exp(-of.separation / flown) - flown / thick * (1 - np.exp(-thick / flown))
    slab = float(np.sum(made * np.maximum(inside, 0) * (energy > 4 * of.least_visible)))
    found = [
        float(predict("dipole_upscattering", "icecube_double_bang", m4=x, mu_tr_mu=moment).signal[0])
        for x in (0.1, m, 0.3)
    ]
    assert 0.5 < found[1] / slab < 2
    assert 2 < np.mean(found) < 8


@functools.cache
def _over_lengths(name: str, m: float) -> tuple[np.ndarray, np.ndarray]:
    """cτ [m], and events of unit couplings of ν_μ N → ν γ, of all samples."""
    samples = registry.experiment(name).signals["upscattering"]
    dynamics = Dynamics("dipole", m, 0.0, (Decay("gamma", PHOTON),))
    first, step = decay_lengths(m, samples)
    lengths = np.exp(first + step * np.arange(64))
    return lengths, sum(group_events(dynamics, ("p",), (1,), (one,), lengths)[0][0, 0, 0, :, 0] for one in samples)


@pytest.mark.parametrize(
    ("name", "typical"), [("ccfr_double_bang", 60.0), ("icecube_double_bang", 20.0), ("dune_double_bang", 4.0)]
)
def test_prompt_and_stable_states_give_nothing_and_one_lifetime_most(name: str, typical: float) -> None:
    lengths, events = _over_lengths(name, 0.3)
    peak = int(np.argmax(events))
    assert events[0] < 1e-8 * events[peak]
    assert np.all(events >= -1e-10 * events[peak])
    assert np.all(np.diff(events[: peak + 1]) > -1e-10 * events[peak]) and np.all(np.diff(events[peak:]) < 0)
    # N of what energy most have fly from the separation to the size of the detector.
    flown = lengths[peak] * typical / 0.3
    assert SETUPS[name].separation / 2 < flown < 3 * registry.experiment(name).signals["upscattering"][0].longest
    assert events[-1] / events[-2] == pytest.approx(lengths[-2] / lengths[-1], rel=0.01)


@pytest.mark.parametrize("name", db.PROVIDES)
@pytest.mark.parametrize("m4", [0.05, 0.3, 0.8])
def test_interpolation_over_the_lifetime(name: str, m4: float) -> None:
    """Never negative, and right where N must be much faster than most to fly far enough."""
    moments = np.geomspace(1e-8, 1e-2, 43)
    signal = np.array([float(predict("dipole_upscattering", name, m4=m4, mu_tr_mu=mu).signal[0]) for mu in moments])
    assert np.all(signal >= 0)
    samples = registry.experiment(name).signals["upscattering"]
    decays = Decay("gamma", PHOTON), Decay("e_e", 3)
    dynamics = Dynamics("dipole", m4, 0.0, decays)
    model = registry.model("dipole_upscattering")
    widths = [model.widths(m4=m4, mu_tr_mu=mu) for mu in moments]
    lengths = np.array([HBARC / float(sum(w.values())) for w in widths])
    ratios = {name: float(widths[0][name] / sum(widths[0].values())) for name in ("nu_gamma", "nu_e_e")}
    direct = sum(group_events(dynamics, ("p",), (1,), (one,), lengths)[0][:, 0, 0, :, 0] for one in samples)
    expected = (ratios["nu_gamma"] * direct[0] + ratios["nu_e_e"] * direct[1]) * (moments / 2) ** 2
    efficiency = signal / expected  # e², as the model has it
    relevant = (direct[0] > 1e-7 * direct[0].max()) & (lengths < _over_lengths(name, m4)[0][-1])
    assert relevant.sum() > 15
    assert np.ptp(efficiency[relevant]) < 0.06 * np.median(efficiency[relevant])
    assert np.ptp(efficiency[direct[0] > 0.05 * direct[0].max()]) < 0.01 * np.median(efficiency)


def test_tau_neutrinos_are_those_of_oscillations() -> None:
    for name, least in (("icecube_double_bang", 0.01), ("dune_double_bang", 0.1)):
        tau, muon = (
            float(predict("dipole_upscattering", name, m4=0.2, **{moment: 1e-6}).signal[0])
            for moment in ("mu_tr_tau", "mu_tr_mu")
        )
        assert least < tau / muon < 10
    assert float(predict("dipole_upscattering", "ccfr_double_bang", m4=0.2, mu_tr_tau=1e-6).signal[0]) == 0


def _made(name: str, mediator: str, exchanged: float, least: float) -> float:
    """N of ν_μ that are made with hadrons above an energy."""
    one = registry.experiment(name).signals["upscattering"][0]
    dynamics = Dynamics(mediator, 0.1, exchanged, ())
    energy, fluence = one.flux
    nodes = grid(0.1, 0.1, float(energy[-1]), 10.0)
    region = one.regions[0]._replace(first_shower=least)
    through = Flux(energy, np.ascontiguousarray(fluence[1:2]))
    return float(made_in(region, dynamics, "p", through, nodes)[..., 0].sum())


@pytest.mark.parametrize("name", db.PROVIDES)
def test_first_shower(name: str) -> None:
    """Whole nuclei make none, so that a light mediator gives few; a scalar has whole nucleons alone."""
    least = SETUPS[name].least_hadronic
    assert all(one.regions[0].first_shower == least for one in registry.experiment(name).signals["upscattering"])
    assert 0 < _made(name, "vector", 0.03, least) < 0.05 * _made(name, "vector", 0.03, 0.0)
    assert _made(name, "vector", 1.25, 2 * least) < _made(name, "vector", 1.25, least)
    assert _made(name, "scalar", 0.03, least) < 1e-2 * _made(name, "scalar", 0.03, 0.0)


def _deviance(name: str, signal: float) -> float:
    chi2, gof = np.empty(1), np.empty(1)
    registry.experiment(name).likelihood(np.array([[signal]]), chi2, gof)
    return float(chi2[0])


def test_excess_of_ccfr() -> None:
    """9 on 3: a probability of 0.4 % for an exact background; the deviance by scipy."""
    assert stats.poisson.sf(8, 3.0) == pytest.approx(0.0038, abs=1e-4)

    def at(x: np.ndarray, signal: float) -> float:
        beta, theta = x
        mu = beta + signal * 2.0**theta
        return 2 * (mu - 9 + 9 * math.log(9 / mu)) + ((beta - 3) / 0.45) ** 2 + theta**2

    for signal in (0.0, 2.0, 6.0, 20.0):
        best = optimize.minimize(at, (3.0, 0.0), args=(signal,), bounds=((0.1, 9), (-5, 5))).fun
        assert _deviance("ccfr_double_bang", signal) == pytest.approx(best, abs=1e-4)
    assert 2.4 < math.sqrt(_deviance("ccfr_double_bang", 0.0)) < stats.norm.isf(stats.poisson.sf(8, 3.0)) + 0.1
    assert _deviance("ccfr_double_bang", 6.0) == pytest.approx(0, abs=1e-6)


def test_projections_see_what_they_expect() -> None:
    for name in ("icecube_double_bang", "dune_double_bang"):
        experiment = registry.experiment(name)
        assert experiment.projection and experiment.attributes()["projection"]
        np.testing.assert_array_equal(experiment.data, experiment.background)
        assert _deviance(name, 0.0) == 0
        assert all(np.diff([_deviance(name, s) for s in (0.0, 0.1, 1.0, 10.0, 1e4)]) > 0)
    # No background: 2.303 events are 90 % of one count, were the signal exact; a factor of two makes it more.
    error = math.log(2)
    for signal in (0.5, 3.0, 100.0):
        w = special.lambertw(error**2 * signal).real
        assert _deviance("dune_double_bang", signal) == pytest.approx(w * (w + 2) / error**2)
    assert not registry.experiment("ccfr_double_bang").projection


@pytest.mark.parametrize("name", db.PROVIDES)
def test_choices_are_said(name: str) -> None:
    attributes = registry.experiment(name).attributes()
    said = " ".join(attributes["notes"])
    assert "factor of two" in said and f"{SETUPS[name].separation:g} m away" in said
    assert SETUPS[name].reference in registry.experiment(name).references
    assert attributes["number_of_data"] == 1
