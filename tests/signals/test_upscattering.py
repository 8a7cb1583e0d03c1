"""Tables of upscattering: any lifetime from a few nodes, couplings apart from masses, and what may be left out."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest

import scanner
from scanner import tables
from scanner.config import read_scan_file
from scanner.evaluate import evaluate
from scanner.experiments.matter import nuclei
from scanner.grid import Block
from scanner.physics.geometry import DecayProbability
from scanner.scan import resolve
from scanner.signals import upscattering, upscattering_events
from scanner.signals.upscattering_events import LENGTHS, decay_lengths, group_events
from scanner.signals.upscattering_samples import Flux, Region, Selection, UpscatteringResponse

VECTOR = scanner.model("dark_neutrino_vector")
TWO = {
    "m4": 0.15, "m5": 0.262, "m_Zprime": 0.118, "alpha_D": 0.3, "epsilon": 8e-4, "UD4_sq": 0.5, "UD5_sq": 0.5,
    "Umu5_sq": 1e-7, "Umu4_sq": 4e-8, "Ue4_sq": 1e-8,
}  # fmt: skip
ONE = {"m4": 0.1, "m_Zprime": 1.25, "Umu4_sq": 1e-6, "epsilon": 1e-2}
VERTICES = {"m4": 0.2, "m_Zprime": 0.6, "V_mu4": 1e-3, "V_p": 1e-3, "V_n": -4e-4, "V_l": 2e-3, "A_l": 1e-3}
POINTS = {
    "one": ("dark_neutrino_vector", ONE),
    "two": ("dark_neutrino_vector", TWO),
    "vertices": ("dark_neutrino_vector", VERTICES),
    "scalar": ("dark_neutrino_scalar", {"m4": 0.3, "m_phi": 0.5, "S_mu4": 1e-3, "S_p": 2e-3, "S_n": 1e-3, "S_l": 1e-3}),
    "angle": ("dark_neutrino_scalar", {"m4": 0.3, "m_phi": 0.1, "S_e4": 1e-3, "theta": 1e-2, "kappa": 1e-3}),
    "dipole": ("dipole_upscattering", {"m4": 0.25, "mu_tr_mu": 1e-6, "mu_tr_e": 2e-6}),
}


@functools.cache
def sample():
    """Argon within 3 m of where decays are seen, in two bins of energy."""
    energy = np.linspace(0.05, 4.0, 200)
    shape = np.exp(-(((energy - 0.7) / 0.5) ** 2)) + 0.01
    fluence = np.vstack([0.01 * shape, shape, 0 * shape]) * 1e10
    logs = np.linspace(math.log(1e-4), math.log(1e5), 400)
    probability = -np.expm1(-3 * np.exp(-logs))
    inside = DecayProbability(np.zeros(1), logs, probability[None])
    at = 0.01 * (400 ** (np.arange(40) / 39))
    seen = np.stack([1 / (1 + (at / 0.4) ** 4), 1 / (1 + (0.4 / at) ** 4)], axis=-1)
    response = np.repeat(seen[:, None], 2, axis=1)
    selection = Selection(0.01, 4.0, 1.0, {"e_e": response, "gamma": response, "gamma_gamma": 0.5 * response})
    region = Region(nuclei({"Ar40": 50.0}), inside)
    return UpscatteringResponse("toy", Flux(energy, fluence), (region,), selection, 0, 3.0, 3.0)


def predicted(model, point, zero=None, samples=None):
    """Signal at a point through the tables of the signal."""
    values = model.complete(point)
    nothing = frozenset(name for name, value in values.items() if value == 0) if zero is None else zero
    prediction = upscattering.bind(model.ingredient("upscattering", nothing), samples or (sample(),), 2)
    built = [t.build(np.array([[values[name] for name in t.parameters]])) for t in prediction.tables]
    assert all((status == 1).all() for _, status in built)
    signal = np.zeros((1, 2))
    couplings = np.array([values[name] for name in prediction.parameters])[:, None]
    nodes = tuple(np.zeros(1, dtype=np.int64) for _ in built)
    prediction.add(couplings.reshape(len(prediction.parameters), 1), nodes, tuple(e for e, _ in built), signal)
    return signal[0]


def brute_force(model, point):
    """Signal without tables: cross sections as users see them, and decays of the lifetime that the point has."""
    values = model.complete(point)
    states = model.ingredient("upscattering", frozenset(name for name, value in values.items() if value == 0))
    masses = model.masses(values)
    heaviest = max(masses, key=masses.get)
    one = states[list(masses).index(heaviest)]
    dynamics = one.dynamics(np.array([values[name] for name in one.event_parameters]))
    ratios = model.branching_ratios(of=heaviest, **point)
    length = np.array([model.ctau(of=heaviest, **point)])
    found = np.zeros(2)
    for flavour in one.flavours:
        for current in one.currents:
            made = model.production(heaviest, flavour, values)
            matter = {"p": made.p**2, "pn": made.p * made.n, "n": made.n**2}[current]
            events = group_events(dynamics, (current,), (flavour,), [sample()], length)[0][:, 0, 0, 0]
            for channel, row in zip(one.channels, events, strict=True):
                found += made.neutrino * matter * ratios.get(channel, 0.0) * row
    return found


@pytest.mark.parametrize("which", POINTS)
def test_tables_against_brute_force(which):
    """Couplings, lifetimes and currents put together from tables, against one evaluation at the very point."""
    name, point = POINTS[which]
    model = scanner.model(name)
    expected = brute_force(model, point)
    assert expected.sum() > 0
    np.testing.assert_allclose(predicted(model, point), expected, rtol=1e-3)


@pytest.mark.parametrize("which", POINTS)
def test_what_is_left_out_where_parameters_are_zero_is_nothing(which):
    """The same with all states, flavours and currents kept."""
    name, point = POINTS[which]
    model = scanner.model(name)
    full = dict(point)
    if which == "one":  # other states are there if they have a mass, however decoupled
        full |= {"m5": 0.05, "m6": 0.02, "UD5_sq": 0.0, "UD6_sq": 0.0}
    zero = []
    if name == "dark_neutrino_vector":  # where mixings are given there are no vertices, and the other way round
        other = "U" if which == "vertices" else ("V_", "A_l")
        zero = [n for n in model.complete(full) if n.startswith(other)]
    # A state without a mass has no mixings.
    missing = {"vertices": "56", "two": "6"}.get(which, "")
    zero += [n for i in missing for n in (f"m{i}", f"UD{i}_sq", f"Ue{i}_sq", f"Umu{i}_sq", f"Utau{i}_sq")]
    found = predicted(model, full, zero=frozenset(zero))
    np.testing.assert_allclose(found, predicted(model, point), rtol=1e-9 if which != "one" else 1e-6)


def test_every_lifetime_is_met_between_nodes():
    """Over eleven decades of cτ, and in both limits beyond them."""
    first, step = decay_lengths(0.1, (sample(),))
    (one,) = VECTOR.ingredient("upscattering", frozenset(n for n, v in VECTOR.complete(ONE).items() if v == 0))
    values = VECTOR.complete(ONE)
    dynamics = one.dynamics(np.array([values[name] for name in one.event_parameters]))
    entry = np.zeros(2 + LENGTHS * 2)
    upscattering_events.fill_events(dynamics, ("p",), (1,), (sample(),), entry, 2)
    nodes = entry[2:].reshape(LENGTHS, 2)
    weights = np.empty(4)
    for at in np.linspace(-3, LENGTHS + 3, 60):
        length = math.exp(first + at * step)
        exact = group_events(dynamics, ("p",), (1,), [sample()], np.array([length]))[0][0, 0, 0, 0]
        node, far = upscattering._cubic(at, step, weights)
        np.testing.assert_allclose(far * weights @ nodes[node : node + 4], exact, rtol=2e-3)


def test_long_lived_events_go_with_the_width():
    """None of the nodes of energy stands for N at rest, which would decay at once."""
    values = VECTOR.complete(ONE)
    (one,) = VECTOR.ingredient("upscattering", frozenset(n for n, v in values.items() if v == 0))
    dynamics = one.dynamics(np.array([values[name] for name in one.event_parameters]))
    near, far = group_events(dynamics, ("p",), (1,), [sample()], np.array([1e5, 1e7]))[0][0, 0, 0]
    np.testing.assert_allclose(near, 100 * far, rtol=2e-3)


def test_a_scan_is_what_its_points_are():
    """Masses and couplings as axes, against single points."""
    axes = {"m4": [0.1, 0.3], "m_Zprime": [0.03, 1.25], "Umu4_sq": [1e-8, 1e-6], "epsilon": [1e-4, 1e-2]}
    file = {
        "version": 1, "name": "few", "model": "dark_neutrino_vector", "fixed": {"alpha_D": 0.25},
        "axes": {name: {"values": values} for name, values in axes.items()}, "experiments": ["microboone_ee"],
    }  # fmt: skip
    scan = resolve(read_scan_file(file))
    found = evaluate(scan, tables.build_all(scan), Block(0, 0, (0, 0, 0, 0), (2, 2, 2, 2)))
    for index in np.ndindex(2, 2, 2, 2):
        at = {name: values[i] for (name, values), i in zip(axes.items(), index, strict=True)}
        expected = scanner.predict("dark_neutrino_vector", "microboone_ee", alpha_D=0.25, **at)
        assert found["status"][0][index] == 1
        assert found["events"][0][index] == pytest.approx(float(expected.events), rel=1e-12, abs=1e-300)
        assert found["chi2"][0][index] == pytest.approx(float(expected.chi2), rel=1e-9)


def test_below_all_thresholds_nothing_is_made():
    assert predicted(VECTOR, {**ONE, "m4": 1.99, "m_Zprime": 0.03}).sum() >= 0
    slow = UpscatteringResponse(
        "slow", Flux(np.linspace(0.01, 0.09, 20), np.ones((3, 20))), sample().regions, sample().selection
    )
    assert predicted(VECTOR, ONE, samples=(slow,)).tolist() == [0.0, 0.0]


def test_decays_at_the_mass_shell_change_their_shape_smoothly():
    """M passes m_4: the on-shell share falls as (1 - M²/m²)², and nothing jumps by more than the widths do."""
    points = [{**ONE, "m4": 0.2, "m_Zprime": 0.2 * (1 + x)} for x in (-1e-2, -1e-3, 1e-3, 1e-2)]
    sigma = [float(predicted(VECTOR, {**p, "epsilon": 1e-2}).sum()) for p in points]
    assert max(sigma) / min(sigma) < 1.2
