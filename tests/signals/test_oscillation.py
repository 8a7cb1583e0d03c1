"""The oscillation signal: one cell without spread is the model's own probability, whatever the model."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

import scanner
from scanner.errors import InputError, Status
from scanner.signals import oscillation
from scanner.signals.oscillation import LevelTerm, OscillationResponse, OscillationTerm
from scanner.units import OSCILLATION_PHASE
from scanner.vocabulary import Monomial

MIXED = {"dm2_41": 1.3, "Ue4_sq": 0.03, "Umu4_sq": 0.05, "delta14": 0.7, "delta24": -1.9}
MODELS = {
    "sterile_3p1": {**MIXED, "Utau4_sq": 0.02},
    "sterile_3p1_invisible_decay": {**MIXED, "m4_Gamma4": 0.6},
    "sterile_3p1_matter": {**MIXED, "Utau4_sq": 0.02, "V_s": -9e-10},
    "quasi_sterile": {
        "delta_M1_sq": 0.7,
        "theta_S1": 0.1,
        "delta_M2_sq": 0.2,
        "theta_S2": 0.15,
        "delta_M3_sq": 1.1,
        "theta_S3": 0.2,
        "E_res": 0.3,
    },
}
"""Points, with everything on."""


def response(
    source: str, target: str, antineutrino: bool, E: float, L: float, variance: float = 0.0
) -> OscillationResponse:
    """One cell with the weight 1."""
    return OscillationResponse(
        source,
        target,
        antineutrino,
        bin=np.zeros(1, np.int64),
        weight=np.ones(1),
        mean=np.array([L / E]),
        variance=np.array([variance]),
        phase=OSCILLATION_PHASE,
        dm2_max=100.0,
        energy=np.array([E]),
        path_density=2.0,
    )


def signal(model: str, channel: OscillationResponse, p: Mapping[str, float]) -> tuple[float, int]:
    """P − δ through tables, and the worst of their statuses."""
    of = scanner.model(model)
    values = of.complete(p)
    prediction = oscillation.bind(of.signals["oscillation"], (channel,), 1)
    built = [t.build(np.array([[values[n] for n in t.parameters]])) for t in prediction.tables]
    out = np.zeros((1, 1))
    couplings = np.array([[values[n]] for n in prediction.parameters]).reshape(-1, 1)
    nodes = tuple(np.zeros(1, np.int64) for _ in built)
    prediction.add(couplings, nodes, tuple(entries for entries, _ in built), out)
    return float(out[0, 0]), max(int(status[0]) for _, status in built)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("antineutrino", [False, True])
def test_signals_are_the_full_evolution_without_standard_splittings(model: str, antineutrino: bool) -> None:
    """To 1e-9: every channel, at MiniBooNE, LSND, a reactor and a source; V_CC and V_NC off (vacuum, or Ye = 0)."""
    p, of = MODELS[model], scanner.model(model)
    medium = {"density": 2.0, "Ye": 0.0} if model == "quasi_sterile" else {}
    for E, L in [(0.25, 0.54), (0.6, 0.5), (0.04, 0.03), (0.004, 0.012), (0.00075, 0.001)]:
        for a, b in itertools.product(("e", "mu", "tau"), repeat=2):
            found, status = signal(model, response(a, b, antineutrino, E, L), p)
            full = of.probability(a, b, E, L, antineutrino=antineutrino, dm2_21=0.0, dm2_31=0.0, **medium, **p)
            assert found + (a == b) == pytest.approx(float(full), abs=1e-11)
            assert status == Status.ok


@pytest.mark.parametrize(
    ("model", "largest"),
    [
        ("sterile_3p1", 4e-4),
        ("sterile_3p1_invisible_decay", 4e-4),
        ("sterile_3p1_matter", 2e-3),
        ("quasi_sterile", 2e-3),
    ],
)
@pytest.mark.parametrize("antineutrino", [False, True])
def test_what_standard_splittings_and_potentials_change_at_short_baselines(
    model: str, largest: float, antineutrino: bool
) -> None:
    """What the signals leave out, at MiniBooNE and LSND: some 1e-4 of a probability, more near a resonance."""
    changes = []
    for (E, L), a in itertools.product([(0.3, 0.52), (0.6, 0.52), (0.04, 0.03)], ("e", "mu")):
        found, _ = signal(model, response(a, a, antineutrino, E, L), MODELS[model])
        full = scanner.model(model).probability(a, a, E, L, density=2.0, antineutrino=antineutrino, **MODELS[model])
        changes.append(abs(found + 1 - float(full)))
    assert 1e-5 < max(changes) < largest


@pytest.mark.parametrize(
    ("model", "off", "partner"),
    [
        ("sterile_3p1_invisible_decay", {"m4_Gamma4": 0.0}, "sterile_3p1"),
        ("sterile_3p1_matter", {"V_s": 0.0}, "sterile_3p1"),
        ("quasi_sterile", {"theta_S1": 0.0, "theta_S2": 0.0, "theta_S3": 0.0}, None),
        ("sterile_3p1_matter", {"Ue4_sq": 0.0, "Umu4_sq": 0.0, "Utau4_sq": 0.0}, None),
    ],
)
def test_limits(model: str, off: dict[str, float], partner: str | None) -> None:
    """Without width or potential the signal is that of 3+1, without mixing there is none; also averaged over a cell."""
    p = {**MODELS[model], **off}
    shared = {n: v for n, v in p.items() if n not in ("m4_Gamma4", "V_s")}
    for a, b in itertools.product(("e", "mu"), repeat=2):
        channel = response(a, b, False, 0.3, 0.5, variance=0.04)
        expected = signal(partner, channel, shared)[0] if partner else 0.0
        assert signal(model, channel, p)[0] == pytest.approx(expected, rel=1e-12, abs=1e-16)


@pytest.mark.parametrize(
    ("model", "small"), [("sterile_3p1_invisible_decay", "m4_Gamma4"), ("sterile_3p1_matter", "V_s")]
)
def test_limits_are_approached(model: str, small: str) -> None:
    """A width or potential ε changes the signal by O(ε): ten times less for a tenth of it."""
    size = {"m4_Gamma4": 1e-4, "V_s": -1e-13}[small]
    channel = response("mu", "e", False, 0.6, 0.5)
    shared = {n: v for n, v in MODELS[model].items() if n != small}
    zero = signal("sterile_3p1", channel, shared)[0]
    changes = [signal(model, channel, {**shared, small: x})[0] - zero for x in (size, size / 10)]
    assert changes[0] == pytest.approx(10 * changes[1], rel=2e-3)
    assert 0 < abs(changes[0]) < 1e-3 * zero


def test_decay_alone_has_a_signal() -> None:
    """Without Δm² nothing oscillates, but the fourth state still goes: P_eμ = U_e U_μ (1 − e^{-a/2})²."""
    p = {"dm2_41": 0.0, "Ue4_sq": 0.03, "Umu4_sq": 0.05, "m4_Gamma4": 0.6}
    found, _ = signal("sterile_3p1_invisible_decay", response("mu", "e", False, 0.5, 0.5), p)
    assert found == pytest.approx(0.03 * 0.05 * np.expm1(-2 * OSCILLATION_PHASE * 0.6) ** 2, rel=1e-12)


def test_energies_within_a_cell_count() -> None:
    """Half of a cell is at each of Ē ± σ; a spread of 0 is none."""
    p, channel = MODELS["quasi_sterile"], response("mu", "e", False, 0.25, 0.5)
    spread = replace(channel, energy_spread=np.array([0.02]))
    halves = [signal("quasi_sterile", replace(channel, energy=np.array([E])), p)[0] for E in (0.23, 0.27)]
    assert signal("quasi_sterile", spread, p)[0] == pytest.approx(sum(halves) / 2, rel=1e-14)
    none = replace(channel, energy_spread=np.zeros(1))
    assert signal("quasi_sterile", none, p) == signal("quasi_sterile", channel, p)


# ----- what cells promise


@pytest.mark.parametrize(
    ("p", "status"),
    [
        ({"dm2_41": 99.0, "m4_Gamma4": 1.0}, Status.ok),
        ({"dm2_41": 1.0, "m4_Gamma4": 49.0}, Status.ok),
        ({"dm2_41": 1.0, "m4_Gamma4": 51.0}, Status.not_converged),  # its own interference has twice the width
        ({"dm2_41": 99.0, "m4_Gamma4": 20.0}, Status.not_converged),
        ({"dm2_41": 101.0, "m4_Gamma4": 0.0}, Status.not_converged),
    ],
)
def test_waves_beyond_the_cells_are_marked(p: dict[str, float], status: Status) -> None:
    channel = response("mu", "e", False, 0.6, 0.5, variance=1e-4)
    assert signal("sterile_3p1_invisible_decay", channel, {"Ue4_sq": 0.1, "Umu4_sq": 0.1, **p})[1] == status


def test_levels_beyond_the_cells_are_marked_where_they_matter() -> None:
    """A splitting above 100 eV² counts by the share of the signal that it carries."""
    channel = response("mu", "e", False, 0.6, 0.5, variance=1e-4)
    p = {"Ue4_sq": 0.02, "Umu4_sq": 0.02}
    assert signal("sterile_3p1_matter", channel, {**p, "dm2_41": 101.0})[1] == Status.not_converged
    # So small a transition that it does not matter how well it is averaged.
    tiny = {"Ue4_sq": 1e-3, "Umu4_sq": 1e-3, "dm2_41": 101.0}
    assert signal("sterile_3p1_matter", channel, tiny)[1] == Status.ok
    # Far above the resonance the fast state is all but unmixed, and what is left oscillates slowly.
    assert signal("sterile_3p1_matter", channel, {**p, "dm2_41": 1.0, "V_s": -1e-6})[1] == Status.ok


# ----- contracts


def test_models_with_levels_need_energies_and_densities() -> None:
    channel = response("mu", "e", False, 0.6, 0.5)
    for model, lacking, word in [
        ("sterile_3p1_matter", {"energy": None}, "energy"),
        ("quasi_sterile", {"energy": None}, "energy"),
        ("quasi_sterile", {"path_density": None}, "density"),
    ]:
        with pytest.raises(InputError, match=f"does not give the {word}"):
            signal(model, replace(channel, **lacking), MODELS[model])


def test_other_models_do_not() -> None:
    """A potential that is the same everywhere needs no density, and oscillation in L/E no energy either."""
    channel = response("mu", "e", False, 0.6, 0.5)
    bare = replace(channel, energy=None, path_density=None)
    for model in ("sterile_3p1", "sterile_3p1_invisible_decay"):
        assert signal(model, bare, MODELS[model]) == signal(model, channel, MODELS[model])
    without = replace(channel, path_density=None)
    p = MODELS["sterile_3p1_matter"]
    assert signal("sterile_3p1_matter", without, p) == signal("sterile_3p1_matter", channel, p)


def test_tables_lie_on_what_they_depend_on() -> None:
    """Mixings stay outside the tables where they factorise."""
    one = Monomial(1.0)
    assert OscillationTerm((one,), "dm2_41").parameters == ("dm2_41",)
    assert OscillationTerm((one,), None, ("width", "width")).parameters == ("width",)
    assert OscillationTerm((one,), "dm2_41", ("width", "other")).parameters == ("dm2_41", "width", "other")
    decay = scanner.model("sterile_3p1_invisible_decay").signals["oscillation"]("mu", "e", False)
    assert [t.parameters for t in decay] == [("dm2_41", "m4_Gamma4"), ("m4_Gamma4",)]
    (matter,) = scanner.model("sterile_3p1_matter").signals["oscillation"]("mu", "e", False)
    assert isinstance(matter, LevelTerm)
    assert set(matter.parameters) == {"dm2_41", "Ue4_sq", "Umu4_sq", "Utau4_sq", "V_s"}
