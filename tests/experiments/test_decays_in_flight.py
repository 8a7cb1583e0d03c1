"""Every search for decays in flight: the tables of a scan against sums over the spectrum, at every lifetime."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import scanner
from scanner import registry
from scanner.errors import Status
from scanner.signals.decay_in_flight import FlightResponse, bind
from scanner.signals.heavy_neutrino import HeavyNeutrino
from scanner.units import HBARC_GEV_M

EXPERIMENTS = (
    "t2k_nd280_hnl",
    "t2k_nd280_hnl_recast",
    "ps191",
    "microboone_kdar",
    "microboone_bnb_mupi",
    "microboone_numi",
    "argoneut",
    "sbnd_hnl",
    "icarus_hnl",
    "dune_nd_hnl",
)
POINTS = 25
MODELS: dict[str, dict[str, float]] = {
    "hnl": {},
    "hnl_dipole": {"mu_tr_mu": 3e-8},
    "hnl_contact": {"G_X": -3e-5},
    "hnl_dark_photon": {"m_Zprime": 0.05, "alpha_D": 0.1, "epsilon": 1e-4, "UD4_sq": 0.5, "BR_inv": 0.3},
}


def brute_force(
    state: HeavyNeutrino, response: FlightResponse, values: dict[str, float], bins: int, endless: bool = False
) -> np.ndarray:
    """Σ over sources, momenta, channels of the textbook formula at one point; `endless`: as if no N decayed before."""
    found = state.state(np.array([values[name] for name in state.state_parameters]))
    couplings = np.array([c.monomial.value(values) for c in state.couplings])
    widths = couplings[:, None] * state.widths(np.array([values[name] for name in state.width_parameters]))
    total = widths.sum()
    spectrum, efficiency = response.spectrum(found.mass), response.efficiency(found)
    rate = total * found.mass / (spectrum.momentum * HBARC_GEV_M)
    decays = (
        rate * response.length if endless else np.exp(-rate * response.baseline) * -np.expm1(-rate * response.length)
    )
    events = np.zeros(bins)
    for source, flavour in enumerate(response.flavours):
        made = state.mixings[flavour].value(values) * float(spectrum.weight[source] @ decays)
        for k, coupling in enumerate(state.couplings):
            for x, channel in enumerate(state.channels):
                if channel.final_state in efficiency:
                    events += made * widths[k, x] / total * efficiency[channel.final_state][source, coupling.flavour]
    return events


def random_point(rng: np.random.Generator, model: str, mass_max: float) -> dict[str, float]:
    """Mixings over 18 decades, shared out among the flavours."""
    mixings = 10 ** rng.uniform(-18, 0) * rng.dirichlet([0.5, 0.5, 0.5])
    values: dict[str, Any] = dict(zip(("Ue4_sq", "Umu4_sq", "Utau4_sq"), map(float, mixings), strict=True))
    nature = ("dirac", "majorana")[int(rng.integers(2))]
    given = {**values, **MODELS[model], "m_N": float(rng.uniform(0.02, min(mass_max, 1.9))), "nature": nature}
    return scanner.model(model).complete(given)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", EXPERIMENTS)
def test_factorised_is_brute_force(name: str, model: str) -> None:
    """1,000 points in all, 18 decades in |U|², floor, peak and closed upper side: to 5e-4 wherever it can be seen."""
    experiment = registry.experiment(name)
    response, bins = experiment.signals["decay_in_flight"], experiment.signal_bins.size
    states = scanner.model(model).signals["decay_in_flight"]
    prediction = bind(states, response, bins)
    rng = np.random.default_rng(sum(map(ord, name + model)))
    compared = 0
    for _ in range(POINTS):
        values = random_point(rng, model, response.mass_max)
        nodes = [np.array([[values[p] for p in table.parameters]]) for table in prediction.tables]
        built = [table.build(node) for table, node in zip(prediction.tables, nodes, strict=True)]
        if any(status[0] != Status.ok for _, status in built):
            continue  # below the masses of the release
        found = np.zeros((1, bins))
        couplings = np.array([[values[p]] for p in prediction.parameters])
        zero = tuple(np.zeros(1, dtype=np.int64) for _ in built)
        prediction.add(couplings, zero, tuple(entries for entries, _ in built), found)
        expected = brute_force(states[0], response, values, bins)
        # Relative where the way to the detector leaves more than 1e-12 of the events.
        floor = 1e-12 * brute_force(states[0], response, values, bins, endless=True)
        visible = expected > floor
        np.testing.assert_allclose(found[0][visible], expected[visible], rtol=5e-4)
        assert np.all(found[0][~visible] <= 1.01 * floor[~visible] + 1e-300)
        compared += 1
    assert compared > POINTS / 2
