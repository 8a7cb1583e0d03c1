"""Spectra of decays in flight: tables against sums over momenta with the moments of the textbooks.

The bins of the toy are moments of what is visible: 1, E, E² and sin²(θ/2), which are known in closed form or by scipy.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import integrate

import scanner
from scanner.errors import Status
from scanner.physics.heavy_neutrino_production import production_ratios
from scanner.physics.particles import MASS
from scanner.signals.base import Prediction
from scanner.signals.decay_spectra import PI0_TO_PHOTONS, Beam, SpectrumResponse, bind
from scanner.signals.upscattering_samples import Selection
from scanner.units import HBARC_GEV_M as HBARC

DISTANCE, RADIUS = 541.0, 5.0
NODES, WEIGHTS = np.polynomial.legendre.leggauss(8)
MOMENTUM = np.geomspace(0.2, 5, 12)
SPIN = np.linspace(-0.9, 0.8, 12)
"""Mean spin by momentum."""
ENERGIES = np.geomspace(1e-3, 12, 1200)
SINES = np.linspace(0, 1, 401)
MOMENTS = np.stack(
    np.broadcast_arrays(
        np.ones((1200, 1)), ENERGIES[:, None], ENERGIES[:, None] ** 2, np.ones((1200, 1)) * SINES[None, :] ** 2
    ),
    axis=-1,
)


def beam(mass: float) -> Beam:
    ratios = production_ratios(mass)
    number = np.outer([ratios["K->e N"][0], ratios["K->mu N"][1]], 1e18 * np.exp(-MOMENTUM))
    return Beam(MOMENTUM, number, number * SPIN)


def response(*products: str) -> SpectrumResponse:
    selection = Selection(ENERGIES[0], ENERGIES[-1], 1.0, dict.fromkeys(products, np.ascontiguousarray(MOMENTS)))
    places, volumes = DISTANCE + RADIUS * NODES, math.pi * RADIUS**3 * WEIGHTS * (1 - NODES**2)
    return SpectrumResponse("toy", (0, 1), beam, places, volumes, selection, 0.49, ())


def evaluate(prediction: Prediction, values: dict[str, Any]) -> np.ndarray:
    built = [table.build(np.array([[values[p] for p in table.parameters]])) for table in prediction.tables]
    assert all(status[0] == Status.ok for _, status in built)
    signal = np.zeros((1, 4))
    couplings = np.array([[float(values[p])] for p in prediction.parameters])
    prediction.add(couplings, tuple(np.zeros(1, np.int64) for _ in built), tuple(e for e, _ in built), signal)
    return signal[0]


def found(model: str, products: tuple[str, ...], point: dict[str, Any]) -> np.ndarray:
    model_ = scanner.model(model)
    return evaluate(bind(model_.signals["decay_spectra"], response(*products), 4), model_.complete(point))


def moments(mass: float, p: float, q: float, slope: float) -> np.ndarray:
    """Averages of the bins over 1 + slope cos θ*, of something of mass q that N of momentum p decays into."""
    E, rest = math.hypot(p, mass), (mass**2 - q**2) / (2 * mass)
    energy = math.hypot(rest, q)

    c, weights = np.polynomial.legendre.leggauss(48)
    visible = (E * energy + p * rest * c) / mass
    along = (p * energy + E * rest * c) / mass
    bins = np.array([np.ones(48), visible, visible**2, 0.5 * (1 - along / np.sqrt(visible**2 - q**2))])
    return np.asarray(bins @ (weights * (1 + slope * c) / 2))


def expected(point: dict[str, Any], width: float, total: float, shape: Any) -> np.ndarray:
    """Σ over sources and momenta of |U|² N (decays inside) (Γ_X/Γ) moments; `shape(p, spin)` returns these."""
    flux, out = beam(point["m_N"]), np.zeros(4)
    for flavour, name in enumerate(("Ue4_sq", "Umu4_sq")):
        for i, p in enumerate(MOMENTUM):
            if name not in point:
                continue
            rate = total * point["m_N"] / (p * HBARC)
            x = rate * RADIUS
            inside = x**3 / 3 * (1 + x * x / 10 + x**4 / 280) if x < 0.1 else x * math.cosh(x) - math.sinh(x)
            inside *= 4 * math.pi / rate**2 * math.exp(-rate * DISTANCE)
            out += point[name] * flux.number[flavour, i] * inside * width / total * shape(p, SPIN[i])
    return out


@pytest.mark.parametrize("nature", ["dirac", "majorana"])
@pytest.mark.parametrize("moment", [1e-12, 5e-8, 1.5e-7])
def test_photons(nature: str, moment: float) -> None:
    """N → ν γ from long-lived to short-lived: a box in energy for a Majorana N, a slope for a polarised Dirac one."""
    point = {"m_N": 0.25, "nature": nature, "Umu4_sq": 3e-9, "Ue4_sq": 1e-9, "mu_tr_mu": moment}
    widths = scanner.model("hnl_dipole").widths(**point)

    def shape(p: float, spin: float) -> np.ndarray:
        slope = -spin if nature == "dirac" else 0.0
        E = math.hypot(p, 0.25)
        seen = moments(0.25, p, 0.0, slope)
        # The first three by hand: E_γ = (E + p c)/2.
        np.testing.assert_allclose(seen[1:3], [(E + p * slope / 3) / 2, (E**2 + p**2 / 3 + 2 * E * p * slope / 3) / 4])
        return seen

    exact = expected(point, widths["nu_gamma"], math.fsum(widths.values()), shape)
    got = found("hnl_dipole", ("gamma",), point)
    np.testing.assert_allclose(got[:3], exact[:3], rtol=2e-3)
    assert got[3] == pytest.approx(exact[3], rel=4e-2)  # of photons backwards, between the nodes of directions


@pytest.mark.parametrize("nature", ["dirac", "majorana"])
def test_pairs_of_an_on_shell_dark_photon(nature: str) -> None:
    """α = (1 - 2x)/(1 + 2x), x = (m_Z′/m_N)², and no other decay is seen as much."""
    point = {"m_N": 0.3, "nature": nature, "Umu4_sq": 1e-17, "m_Zprime": 0.1, "alpha_D": 0.3, "epsilon": 1e-3}
    widths = scanner.model("hnl_dark_photon").widths(**point)
    slope = (1 - 2 / 9) / (1 + 2 / 9) if nature == "dirac" else 0.0
    exact = expected(
        point, widths["nu_e_e"], math.fsum(widths.values()), lambda p, spin: moments(0.3, p, 0.1, slope * spin)
    )
    np.testing.assert_allclose(found("hnl_dark_photon", ("e_e",), point), exact, rtol=3e-3)


@pytest.mark.parametrize("product", ["e_e", "gamma_gamma"])
def test_pairs_of_a_scalar(product: str) -> None:
    """As many forwards as the spin says: α = 1."""
    coupling = {"g_e": 1e-5} if product == "e_e" else {"g_gamma": 1e-3}
    point = {"m_N": 0.2, "Umu4_sq": 1e-9, "m_S": 0.05, "y_mu": 1e-9} | coupling
    widths = scanner.model("hnl_scalar").widths(**point)
    exact = expected(point, widths["nu_S"], math.fsum(widths.values()), lambda p, spin: moments(0.2, p, 0.05, spin))
    weak = {"e_e": widths["nu_e_e"], "gamma_gamma": widths["nu_pi0"]}[product] / widths["nu_S"]
    assert weak < 1e-3
    np.testing.assert_allclose(found("hnl_scalar", (product,), point), exact, rtol=4e-3)


def test_weak_pairs_have_the_spectrum_of_a_contact_interaction() -> None:
    """N → ν e e: dΓ/dx ∝ (1 - x)² (1 + 2x) and α = (1 - 2x)/(1 + 2x), x = q²/m²; and ν π⁰ is two photons."""
    point = {"m_N": 0.1, "Umu4_sq": 1e-4}
    widths = scanner.model("hnl").widths(**point)

    def shape(p: float, spin: float) -> np.ndarray:
        places, weights = np.polynomial.legendre.leggauss(24)
        out = np.zeros(4)
        for x, w in zip(0.5 * (places + 1), weights, strict=True):
            slope = (1 - 2 * x) / (1 + 2 * x) * spin
            out += w * (1 - x) ** 2 * (1 + 2 * x) * moments(0.1, p, 0.1 * math.sqrt(x), slope)
        return out  # twice the integral, which is 1/2

    exact = expected(point, widths["nu_e_e"], math.fsum(widths.values()), shape)
    np.testing.assert_allclose(found("hnl", ("e_e",), point), exact, rtol=5e-3)
    point = {"m_N": 0.3, "Ue4_sq": 1e-7}
    widths = scanner.model("hnl").widths(**point)
    exact = expected(
        point,
        PI0_TO_PHOTONS * widths["nu_pi0"],
        math.fsum(widths.values()),
        lambda p, spin: moments(0.3, p, MASS["pi0"], spin),
    )
    np.testing.assert_allclose(found("hnl", ("gamma_gamma",), point), exact, rtol=3e-3)


@pytest.mark.parametrize("f_a", [1e2, 1e5])
def test_alps_are_seen_where_they_decay(f_a: float) -> None:
    """At once for strong couplings, as a scalar; with the density of second decays for weak ones."""
    m_N, m_a = 0.25, 0.03
    point = {"m_N": m_N, "Umu4_sq": 1e-9, "m_a": m_a, "f_a": f_a, "c_e": 1.0, "c_N": 1e-3 * f_a}
    model = scanner.model("hnl_alp")
    widths = model.widths(**point)
    total = math.fsum(widths.values())
    alp = math.pow(MASS["e"] / f_a, 2) * m_a / (8 * math.pi) * math.sqrt(1 - (2 * MASS["e"] / m_a) ** 2)
    got = found("hnl_alp", ("e_e",), point)
    if f_a < 1e3:  # 0.03 m or so
        exact = expected(point, widths["nu_a"], total, lambda p, spin: moments(m_N, p, m_a, spin))
        np.testing.assert_allclose(got, exact, rtol=4e-3)
        return
    volume, flux, events = 4 / 3 * math.pi * RADIUS**3, beam(m_N), 0.0
    for i, p in enumerate(MOMENTUM):
        rate = total * m_N / (p * HBARC)

        def density(c: float, rate: float = rate, p: float = p, spin: float = SPIN[i]) -> float:
            rest = (m_N**2 - m_a**2) / (2 * m_N)
            energy = (math.hypot(p, m_N) * math.hypot(rest, m_a) + p * rest * c) / m_N
            second = alp * m_a / (math.sqrt(energy**2 - m_a**2) * HBARC)
            two = rate * second * (math.exp(-rate * DISTANCE) - math.exp(-second * DISTANCE)) / (second - rate)
            return two * (1 + spin * c) / 2

        events += 1e-9 * flux.number[1, i] * volume * integrate.quad(density, -1, 1)[0] * widths["nu_a"] / total
    assert got[0] == pytest.approx(events, rel=1e-2)


def test_what_is_not_selected_still_shortens_the_life() -> None:
    point = {"m_N": 0.25, "Umu4_sq": 1e-9, "mu_tr_mu": 1e-6}
    pairs = found("hnl_dipole", ("e_e",), point)
    both = found("hnl_dipole", ("e_e", "gamma"), point)
    photons = found("hnl_dipole", ("gamma",), point)
    np.testing.assert_allclose(pairs + photons, both, rtol=1e-12)
    widths = scanner.model("hnl_dipole").widths(**point)
    # Virtual photons make pairs, weak decays a few more.
    assert pairs[0] / photons[0] == pytest.approx(widths["nu_e_e"] / widths["nu_gamma"], rel=2e-3)


def test_nothing_above_the_parents_mass_and_nothing_without_couplings() -> None:
    assert not found("hnl_dipole", ("gamma",), {"m_N": 0.6, "Umu4_sq": 1e-6, "mu_tr_mu": 1e-6}).any()
    assert not found("hnl_dipole", ("gamma",), {"m_N": 0.2, "mu_tr_mu": 1e-6}).any()
    assert not found("hnl_dipole", ("gamma",), {"m_N": 0.2, "Utau4_sq": 1e-6, "mu_tr_mu": 1e-6}).any()
