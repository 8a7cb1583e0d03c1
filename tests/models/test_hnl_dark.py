"""Models of heavy neutrinos with dark decays, as users call them; the kernels have their tests in tests/physics."""

from __future__ import annotations

import math

import numpy as np
import pytest

import scanner
from scanner.errors import InputError
from scanner.physics.heavy_neutrino_dark import Alp, alp_widths, to_alp_width
from scanner.physics.heavy_neutrino_mediators import to_scalar_width, to_vector_width
from scanner.physics.particles import MASS
from scanner.signals.heavy_neutrino import OTHER
from scanner.units import HBARC_GEV_FM

HNL = scanner.model("hnl")
MODELS = {
    name: scanner.model(name) for name in ("hnl_dipole", "hnl_contact", "hnl_dark_photon", "hnl_scalar", "hnl_alp")
}
MIXING = {"m_N": 0.3, "Ue4_sq": 1e-7, "Umu4_sq": 3e-7, "Utau4_sq": 2e-7}
DARK = {
    "hnl_dipole": {"mu_tr_e": 1e-8, "mu_tr_mu": 3e-8, "mu_tr_tau": 2e-8},
    "hnl_contact": {"G_X": -3e-5},
    "hnl_dark_photon": {"m_Zprime": 0.5, "alpha_D": 0.3, "epsilon": 1e-3, "UD4_sq": 0.7, "BR_inv": 0.4},
    "hnl_scalar": {"m_S": 0.05, "y_e": 1e-6, "y_mu": 3e-6, "y_tau": 2e-6, "g_e": 1e-4, "g_mu": 1e-3, "g_gamma": 1e-3},
    "hnl_alp": {"m_a": 0.05, "f_a": 50.0, "c_N": 2.0, "c_e": 0.5, "c_gamma": -0.001},
}
OFF = {
    "hnl_dipole": {"mu_tr_mu": 0.0},
    "hnl_contact": {"G_X": 0.0},
    "hnl_dark_photon": {"UD4_sq": 0.0},
    "hnl_scalar": {"y_mu": 0.0},
    "hnl_alp": {"c_N": 0.0},
}
OWN = {"hnl_dipole": "nu_gamma", "hnl_dark_photon": "nu_Zprime", "hnl_scalar": "nu_S", "hnl_alp": "nu_a"}
EVERY = pytest.mark.parametrize("name", MODELS)


@EVERY
def test_majorana_is_twice_dirac_in_each_channel(name: str) -> None:
    dirac, majorana = (MODELS[name].widths(**MIXING, **DARK[name], nature=nature) for nature in ("dirac", "majorana"))
    for channel, width in dirac.items():
        assert majorana[channel] == pytest.approx(2 * width, rel=1e-14, abs=0)


@EVERY
def test_switched_off_it_is_the_weak_model(name: str) -> None:
    found = MODELS[name].widths(**MIXING, **OFF[name])
    assert found.pop(OWN.get(name, ""), 0.0) == 0
    assert found == HNL.widths(**MIXING)


@EVERY
def test_production_is_that_of_the_mixing(name: str) -> None:
    assert MODELS[name].production("K", **MIXING, **DARK[name]) == HNL.production("K", **MIXING)


@EVERY
def test_flavours_add(name: str) -> None:
    """Every coupling of N comes with a flavour of the light neutrino, so that the flavours do not interfere."""
    given = MIXING | DARK[name]
    flavoured = [
        [own for own in (f"U{suffix}4_sq", f"mu_tr_{suffix}", f"y_{suffix}") if own in given]
        for suffix in ("e", "mu", "tau")
    ]
    both = MODELS[name].widths(**given)
    parts = []
    for own in flavoured:
        others = {other: 0.0 for group in flavoured if group is not own for other in group}
        parts.append(MODELS[name].widths(**given | others))
    for channel, width in both.items():
        assert width == pytest.approx(math.fsum(part[channel] for part in parts), rel=1e-12, abs=0)


@EVERY
def test_rows_are_what_the_methods_say(name: str) -> None:
    """Σ_k coupling_k · row_k, as searches compute it, over channels of one name."""
    model, found = MODELS[name], MODELS[name].heavy_neutrino
    values = model.complete(MIXING | DARK[name] | {"nature": "majorana"})
    rows = found.widths(np.array([values[parameter] for parameter in found.width_parameters]))
    total = sum(c.monomial.value(values) * row.sum() for c, row in zip(found.couplings, rows, strict=True))
    assert rows.shape == (len(found.couplings), len(found.channels))
    ctau = model.ctau(**MIXING, **DARK[name], nature="majorana")
    assert total == pytest.approx(HBARC_GEV_FM * 1e-15 / ctau, rel=1e-13, abs=0)
    assert all(power >= 1 for c in found.couplings for power in c.monomial.powers.values())


@EVERY
def test_unknown_where_weak_decays_are(name: str) -> None:
    found = MODELS[name].heavy_neutrino
    values = MODELS[name].complete(MIXING | DARK[name] | {"m_N": 2.5})
    assert np.isnan(found.widths(np.array([values[parameter] for parameter in found.width_parameters]))).all()
    with pytest.raises(InputError, match="up to 2 GeV"):
        MODELS[name].widths(**MIXING | {"m_N": 2.5}, **DARK[name])


class TestDipole:
    def test_magnetic_moment(self) -> None:
        """1e-8 Bohr magnetons: Γ(νγ) = μ_tr² m³/16π, whatever the flavour."""
        moment = 1e-8 * 296.30
        found = MODELS["hnl_dipole"].widths(m_N=0.25, mu_tr_tau=moment)
        assert found["nu_gamma"] == pytest.approx(moment**2 * 0.25**3 / (16 * math.pi), rel=1e-13, abs=0)
        assert found["nu_e_e"] / found["nu_gamma"] == pytest.approx(0.0073, rel=5e-3)
        assert MODELS["hnl_dipole"].branching_ratios(m_N=0.25, mu_tr_tau=moment)["nu_gamma"] > 0.99

    def test_efficiencies_are_of_no_flavour(self) -> None:
        """e⁺e⁻ of a virtual photon are collimated, unlike those of weak decays, whatever the neutrino's flavour."""
        assert [c.flavour for c in MODELS["hnl_dipole"].heavy_neutrino.couplings] == [0, 1, 2, OTHER, OTHER, OTHER]


class TestContact:
    def test_sign_and_size_of_the_interference(self) -> None:
        """Against (g_L + κ)² … of massless leptons, κ = G_X/4G_F."""
        fermi, s = 1.1663788e-5, 0.2386
        for G_X in (-1e-5, 4e-5):
            found = MODELS["hnl_contact"].widths(m_N=1.0, Ue4_sq=1.0, G_X=G_X)["nu_e_e"]
            gL, gR = s + 0.5 + G_X / (4 * fermi), s + G_X / (4 * fermi)
            assert found == pytest.approx(fermi**2 / (192 * math.pi**3) * (gL**2 + gR**2), rel=1e-5, abs=0)

    def test_large(self) -> None:
        found = MODELS["hnl_contact"].widths(m_N=1.0, Utau4_sq=1e-6, G_X=1.0)["nu_e_e"]
        assert found == pytest.approx(1e-6 / (1536 * math.pi**3), rel=1e-4, abs=0)


class TestDarkPhoton:
    @pytest.mark.parametrize("epsilon", [-0.5, 0.5])
    def test_heavy_is_a_contact_interaction(self, epsilon: float) -> None:
        """G_X/√2 = g_D |U_D4|² e ε/m_Z′², interference with the Z included."""
        M, U = 100.0, 0.6
        couplings = math.sqrt(4 * math.pi * 0.3) * U * math.sqrt(4 * math.pi / 137.035999084) * epsilon
        contact = MODELS["hnl_contact"].widths(**MIXING, G_X=math.sqrt(2) * couplings / M**2)
        given = {"m_Zprime": M, "alpha_D": 0.3, "epsilon": epsilon, "UD4_sq": U}
        found = MODELS["hnl_dark_photon"].widths(**MIXING, **given)
        weak = HNL.widths(**MIXING)
        for channel in ("nu_e_e", "nu_mu_mu"):
            assert found[channel] == pytest.approx(contact[channel], rel=2e-5, abs=0)  # m_N²/m_Z′² = 9e-6
            assert abs(found[channel] / weak[channel] - 1) > 0.1

    def test_on_its_shell(self) -> None:
        given = {"m_Zprime": 0.03, "alpha_D": 0.3, "epsilon": 1e-4, "UD4_sq": 0.7, "BR_inv": 0.4}
        found, weak = MODELS["hnl_dark_photon"].widths(**MIXING, **given), HNL.widths(**MIXING)
        on_shell = 4 * math.pi * 0.3 * 0.7**2 * 6e-7 * to_vector_width(0.3, 0.03)
        assert found["nu_e_e"] == pytest.approx(0.6 * on_shell, rel=1e-6, abs=0)
        assert found["nu_Zprime"] == pytest.approx(0.4 * on_shell, rel=1e-6, abs=0)
        assert found["nu_nu_nu"] == weak["nu_nu_nu"] and found["mu_pi"] == weak["mu_pi"]

    def test_hadrons_are_listed_with_their_like(self) -> None:
        given = {"m_N": 1.4, "Umu4_sq": 1e-6, "m_Zprime": 0.77, "epsilon": 1e-4}
        found, weak = MODELS["hnl_dark_photon"].widths(**given), HNL.widths(m_N=1.4, Umu4_sq=1e-6)
        on_shell = 4 * math.pi * 0.25 * 1e-6 * to_vector_width(1.4, 0.77)
        # R is 7.9 of the ρ, 1.3 of the ω, and 1 of each lepton.
        assert (found["nu_rho"] - weak["nu_rho"]) / on_shell == pytest.approx(7.9 / 11.2, rel=0.02)

    def test_invisible_decays_are_not_seen(self) -> None:
        seen = {c.name: c.final_state for c in MODELS["hnl_dark_photon"].heavy_neutrino.channels}
        assert seen["nu_Zprime"] == seen["nu_nu_nu"] == "" and seen["nu_e_e"] == "nu_e_e"


class TestScalar:
    def test_on_its_shell_it_does_not_matter_how_it_decays(self) -> None:
        expected = (1 + 9 + 4) * 1e-12 * to_scalar_width(0.3, 0.05)
        for decays in ({}, {"g_e": 1e-4}, {"g_gamma": 1e-3}, {"g_e": 1e-4, "g_gamma": 1e-3}):
            given = {"m_S": 0.05, "y_e": 1e-6, "y_mu": 3e-6, "y_tau": 2e-6} | decays
            assert MODELS["hnl_scalar"].widths(m_N=0.3, **given)["nu_S"] == pytest.approx(expected, rel=1e-6, abs=0)

    @pytest.mark.parametrize(
        ("decays", "seen"),
        [({}, ""), ({"g_mu": 1.0}, ""), ({"g_e": 1e-4}, "nu_e_e"), ({"g_gamma": 1e-3}, "nu_gamma_gamma")],
    )
    def test_what_is_seen(self, decays: dict[str, float], seen: str) -> None:
        model, found = MODELS["hnl_scalar"], MODELS["hnl_scalar"].heavy_neutrino
        values = model.complete({"m_N": 0.1, "m_S": 0.05} | decays)
        rows = found.widths(np.array([values[parameter] for parameter in found.width_parameters]))
        parts = {c.final_state: width for c, width in zip(found.channels, rows[3], strict=True) if c.name == "nu_S"}
        assert parts.pop(seen) == pytest.approx(to_scalar_width(0.1, 0.05), rel=1e-6)
        assert not any(parts.values())

    def test_heavier_than_N_it_is_a_contact_interaction(self) -> None:
        """y² g² m⁵/(32π · 8π² M⁴) ∫ (1-x)² x dx of a light lepton."""
        found = MODELS["hnl_scalar"].widths(m_N=1.0, m_S=300.0, y_mu=1e-2, g_e=0.1)["nu_S"]
        assert found == pytest.approx(1e-6 / (32 * math.pi * 8 * math.pi**2 * 300.0**4) / 12, rel=1e-4, abs=0)


class TestAlp:
    GIVEN = {"m_N": 0.3, "Umu4_sq": 1e-7, "m_a": 0.05, "f_a": 50.0, "c_N": 2.0, "c_e": 0.5, "c_gamma": -0.001}

    def parts(self, **given: float) -> dict[str, float]:
        found = MODELS["hnl_alp"].heavy_neutrino
        values = MODELS["hnl_alp"].complete(given)
        rows = found.widths(np.array([values[parameter] for parameter in found.width_parameters]))
        return {c.final_state: width for c, width in zip(found.channels, rows[3], strict=True) if c.name == "nu_a"}

    def test_width(self) -> None:
        expected = 4 * 1e-7 * to_alp_width(0.3, Alp(0.05, 50.0))
        assert MODELS["hnl_alp"].widths(**self.GIVEN)["nu_a"] == pytest.approx(expected, rel=1e-13, abs=0)

    def test_it_flies(self) -> None:
        found = MODELS["hnl_alp"].heavy_neutrino
        flyers = {c.flyer for c in found.channels if c.name == "nu_a" and c.final_state}
        assert len(flyers) == 1
        ((names, product),) = flyers
        alp = product(np.array([self.GIVEN[name] for name in names]))
        assert alp == (0.05, pytest.approx(math.fsum(alp_widths(Alp(0.05, 50.0, 0.5, -0.001)).values()), abs=0))
        assert all(c.flyer is None for c in found.channels if c.name != "nu_a" or not c.final_state)

    def test_what_is_seen(self) -> None:
        parts, widths = self.parts(**self.GIVEN), alp_widths(Alp(0.05, 50.0, 0.5, -0.001))
        assert parts["nu_e_e"] / parts["nu_gamma_gamma"] == pytest.approx(widths["e_e"] / widths["gamma_gamma"])
        assert parts[""] == 0
        below = self.parts(**self.GIVEN | {"m_a": 1.9 * MASS["e"]})
        assert below["nu_e_e"] == 0 < below["nu_gamma_gamma"]

    def test_stable_is_invisible(self) -> None:
        parts = self.parts(**self.GIVEN | {"c_e": 0.0, "c_gamma": 0.0})
        assert parts == {"": to_alp_width(0.3, Alp(0.05, 50.0)), "nu_e_e": 0.0, "nu_gamma_gamma": 0.0}

    def test_closed(self) -> None:
        assert not any(self.parts(**self.GIVEN | {"m_a": 0.3}).values())


def test_bad_input() -> None:
    with pytest.raises(InputError, match="BR_inv"):
        MODELS["hnl_dark_photon"].widths(BR_inv=1.0)
    with pytest.raises(InputError, match="did you mean 'm_Zprime'"):
        MODELS["hnl_dark_photon"].widths(m_Zp=1.0)
    with pytest.raises(InputError, match="stable"):
        MODELS["hnl_scalar"].branching_ratios(m_N=0.1, g_e=1.0)
