"""MicroBooNE's recasts against published limits; their kinematics in closed form; the Booster beam against its flux.

Extracts of published curves are those of 2106.06548 (``Umu4_microboone_higgs``) and 2310.07660
(``Umu4_microboone_2023``), as digitised by the compilation in ``shared/data/hnl_limits``; other limits are quoted
from the abstracts and texts of 1911.10545 and 2207.03840.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hnl_recasts import credible_number, events, limit, response

from scanner import predict, registry
from scanner.experiments import fermilab
from scanner.physics.bundle import daughters, heavy_neutrinos, momentum_grid
from scanner.physics.heavy_neutrino_production import production_ratios, two_body_momentum
from scanner.physics.particles import MASS

KELLY_MACHADO = {  # m_N [GeV]: |U_mu4|^2, Majorana
    0.020119164: 0.0037944255,
    0.030533613: 0.00077596628,
    0.039153123: 0.00028591833,
    0.061071169: 4.5103999e-05,
    0.081471251: 1.1832475e-05,
    0.11261194: 2.5657726e-06,
    0.140009: 1.1090329e-06,
    0.16168977: 5.5998582e-07,
    0.18841569: 3.0028634e-07,
}
PAIRS_AND_PI0 = {  # m_N [GeV]: |U_mu4|^2, Dirac
    0.03503184: 0.00010662105,
    0.051366432: 2.7974883e-05,
    0.07750948: 8.3685795e-06,
    0.10038473: 2.9389637e-06,
    0.12653085: 1.2776202e-06,
    0.14963558: 6.0470311e-07,
    0.15445106: 1.8449462e-07,
    0.18059608: 7.0172833e-08,
    0.20020631: 4.0532886e-08,
    0.21982097: 4.0078954e-08,
    0.24464037: 2.3288476e-08,
}
# nu_mu per cm^2 and proton between energies [GeV] at MicroBooNE: sums over MicroBooNE_BNB_fullflux.
MICROBOONE_FLUX = {(0.0, 2.75): 7.317e-10, (2.5, 3.0): 2.549e-12, (3.0, 4.0): 3.055e-12, (4.0, 5.0): 1.263e-12}


def test_kelly_machado() -> None:
    """Of the absorber, 1 seen on 1.9 ± 0.8: within 30 % from 20 to 190 MeV, and 12 % above 50."""
    number = credible_number(registry.experiment("microboone_kdar").likelihood)
    assert number == pytest.approx(3.8, abs=0.1)
    for mass, published in KELLY_MACHADO.items():
        ratio = limit("microboone_kdar", mass, 1, majorana=True, number=number) / published
        assert ratio == pytest.approx(1, abs=0.3 if mass < 0.05 else 0.12), mass


def test_pairs_and_neutral_pions_of_numi() -> None:
    """Fixed at 100 and 200 MeV; elsewhere within 31 %."""
    for mass, published in PAIRS_AND_PI0.items():
        ratio = limit("microboone_numi", mass, 1) / published
        assert ratio == pytest.approx(1, abs=0.02 if round(mass, 2) in (0.1, 0.2) else 0.31), mass


@pytest.mark.parametrize(
    ("mass", "published", "within"),
    [(0.246, 12.9e-8, 0.1), (0.250, 8.4e-8, 0.02), (0.350, 6.1e-9, 0.02), (0.385, 0.92e-8, 0.3)],
)
def test_muon_and_pion_of_numi(mass: float, published: float, within: float) -> None:
    """2207.03840, Majorana; fixed at 250 and 350 MeV."""
    assert limit("microboone_numi", mass, 1, majorana=True) == pytest.approx(published, rel=within, abs=0)


@pytest.mark.parametrize(
    ("mass", "majorana", "published", "within"),
    [(0.385, False, 0.9e-7, 0.02), (0.385, True, 0.7e-7, 0.1), (0.260, False, 6.6e-7, 0.4), (0.260, True, 4.7e-7, 0.4)],
)
def test_muon_and_pion_of_the_booster(mass: float, majorana: bool, published: float, within: float) -> None:
    """1911.10545; fixed by a Dirac N of 385 MeV."""
    assert limit("microboone_bnb_mupi", mass, 1, majorana) == pytest.approx(published, rel=within)


@pytest.mark.parametrize(
    ("name", "mass", "mixings", "nature"),
    [
        ("microboone_kdar", 0.13, (1e-5, 2e-6, 0.0), "majorana"),
        ("microboone_numi", 0.3, (0.0, 1e-8, 1e-7), "majorana"),
        ("microboone_numi", 0.18, (2e-7, 1e-7, 0.0), "dirac"),
        ("microboone_bnb_mupi", 0.33, (1e-7, 3e-7, 0.0), "dirac"),
        ("microboone_bnb_mupi", 0.33, (1e-3, 2e-2, 0.0), "dirac"),
    ],
)
def test_the_engine_predicts_the_sum(name: str, mass: float, mixings: tuple[float, float, float], nature: str) -> None:
    parameters = dict(zip(("Ue4_sq", "Umu4_sq", "Utau4_sq"), mixings, strict=True))
    found = predict("hnl", name, m_N=mass, nature=nature, **parameters)
    expected = events(name, mass, mixings, nature == "majorana")
    assert expected.sum() > 0
    np.testing.assert_allclose(found["signal"], expected, rtol=5e-4, atol=1e-12 * expected.sum())


@pytest.mark.parametrize(("lepton", "row"), [("e", 0), ("mu", 1)])
@pytest.mark.parametrize("mass", [1e-3, 0.1, 0.3, 0.385])
def test_kaons_at_rest_give_one_momentum(lepton: str, row: int, mass: float) -> None:
    momentum, number = fermilab.stopped_kaons(mass)
    kaon, other = MASS["K"], MASS[lepton]
    square = (kaon**2 - (mass + other) ** 2) * (kaon**2 - (mass - other) ** 2)
    assert momentum[row] == pytest.approx(math.sqrt(square) / (2 * kaon), rel=1e-9)
    assert number[row, row] == pytest.approx(0.085 * production_ratios(mass)[f"K->{lepton} N"][row], rel=1e-12, abs=0)
    assert number[row, 1 - row] == 0


def test_closed_decays_make_nothing() -> None:
    momentum, number = fermilab.stopped_kaons(0.45)
    assert number[1].tolist() == [0.0, 0.0] and number[0, 0] > 0 and np.all(momentum > 0)


@pytest.mark.parametrize(("mass", "momentum", "distance"), [(0.385, 0.0225, 101.5), (0.3, 2.0, 470.0)])
def test_arrival_time(mass: float, momentum: float, distance: float) -> None:
    """Time of flight at the speed p/E, less that of light."""
    speed = 299792458.0 * momentum / math.hypot(momentum, mass)
    late = fermilab.delay(mass, np.array([momentum]), distance)[0]
    assert late == pytest.approx(distance / speed - distance / 299792458.0, rel=1e-6, abs=0)


def test_slow_neutrinos_miss_the_gate_of_numi() -> None:
    """At 385 MeV N is 5.5 μs late, of the 9.6 μs of gate and spill."""
    inside = response("microboone_numi").spectrum(0.385)
    momentum, number = fermilab.stopped_kaons(0.385)
    per_area = 7.01e20 * 10.36 * 2.56 / (4 * math.pi * 101.5**2)
    speed = momentum[1] / math.hypot(momentum[1], 0.385)
    late = 101.5 / 299792458.0 * (1 / speed - 1)
    assert late == pytest.approx(5.5e-6, rel=0.05)
    assert inside.weight[1, 1] == pytest.approx(per_area * number[1, 1] * (1 - late / 9.6e-6), rel=1e-3)


def test_late_neutrinos_are_those_after_the_spill() -> None:
    """Each of the Booster's N is seen if it was made in the last `delay` of the spill's 1.6 μs."""
    found = response("microboone_bnb_mupi").spectrum(0.35)
    made = heavy_neutrinos(fermilab.booster(470.0, 2.3 * 2.6), 0.35, found.momentum)[1] * 2.0e20 * 2.3 * 2.6
    rng = np.random.default_rng(4)
    some = np.flatnonzero(made > 1e-3 * made.max())
    for i in some[:: max(1, some.size // 5)]:
        late = 470.0 / 299792458.0 * (math.hypot(found.momentum[i], 0.35) / found.momentum[i] - 1)
        after = np.mean(rng.uniform(0, 1.6e-6, 200_000) + late > 1.6e-6)
        assert found.weight[1, i] / made[i] == pytest.approx(after, rel=0.05)


def test_geometry_of_the_absorber() -> None:
    """Rays from a point 101.5 m off, all directions alike: those that hit 10.36 × 2.56 m²."""
    rng = np.random.default_rng(8)
    cosine, phi = rng.uniform(0.997, 1, 2_000_000), rng.uniform(0, 2 * math.pi, 2_000_000)
    radius = 101.5 * np.sqrt(1 / cosine**2 - 1)
    hit = (abs(radius * np.cos(phi)) < 5.18) & (abs(radius * np.sin(phi)) < 1.28)
    fraction = hit.mean() * 0.003 / 2
    assert 10.36 * 2.56 / (4 * math.pi * 101.5**2) == pytest.approx(fraction, rel=0.01)


def _light(name: str, distance: float, low: float, high: float) -> float:
    """ν_μ of two-body decays per cm² and proton between two energies [GeV]."""
    grid, ratio = momentum_grid(0.01, 8.0, 400), {"pi": 0.99988, "K": 0.6356}[name]
    rest = two_body_momentum(MASS[name], MASS["mu"], 0.0)
    flux = daughters(fermilab.booster(distance, 6.0)[name], 0.0, np.array([rest]), np.ones(1), grid, directions=120)
    return float(flux[(grid > low) & (grid <= high)].sum()) * ratio * 1e-4


class TestBooster:
    def test_numbers_of_muon_neutrinos(self) -> None:
        """All of them, and by energy where kaons make them: 4 % for the former, 15 % for the latter."""
        (first, *energies) = MICROBOONE_FLUX
        both = _light("pi", 470.0, *first) + _light("K", 470.0, *first)
        assert both == pytest.approx(MICROBOONE_FLUX[first], rel=0.04, abs=0)
        for low, high in energies:
            assert _light("K", 470.0, low, high) == pytest.approx(MICROBOONE_FLUX[low, high], rel=0.15, abs=0)

    def test_published_number_from_kaons(self) -> None:
        """0806.1449, at 541 m: 2.65 % of 93.6 % of 5.19e-10/cm² a proton."""
        assert _light("K", 541.0, 0, 8) == pytest.approx(0.0265 * 0.936 * 5.19e-10, rel=0.12, abs=0)


def test_searches_that_share_data_say_so() -> None:
    shared = registry.experiment("microboone_kdar").data_sets & registry.experiment("microboone_numi").data_sets
    assert shared == {"microboone_numi_run1_e_e"}


def test_nothing_outside_the_masses_of_a_search() -> None:
    for name, mass in (("microboone_kdar", 0.21), ("microboone_numi", 0.015), ("microboone_bnb_mupi", 0.25)):
        assert not events(name, mass, (0.0, 1e-4, 0.0)).any()
