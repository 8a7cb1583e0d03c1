"""Heavy-neutrino widths: thresholds, limits and published values."""

from __future__ import annotations

import math
import time

import mpmath as mp
import numpy as np
import pytest
from heavy_neutrino_widths import LIGHT, RULE, SPOT, opened_by, precise_alpha_s, threshold, total

from scanner import units
from scanner.errors import InputError
from scanner.physics.heavy_neutrino_channels import CHANNELS, FLAVOURS, INPUTS
from scanner.physics.heavy_neutrino_decays import (
    BLEND,
    alpha_s,
    blend_weights,
    fill_weak_widths,
    process_table,
    qcd_correction,
    weak_widths,
)
from scanner.physics.particles import MASS
from scanner.physics.phase_space import pseudoscalar_shape, three_fermions, vector_shape


class TestThresholds:
    @pytest.mark.parametrize("channel", CHANNELS[1:])
    def test_exactly_zero_below(self, channel):
        opens = threshold(channel)
        for m in (opens * (1 - 1e-12), opens * 0.9999, opens / 2):
            assert weak_widths(m)[channel].tolist() == [0.0, 0.0, 0.0]

    def test_nothing_is_negative_or_not_a_number(self):
        near = [
            max(threshold(c), 1e-3) * (1 + sign * d)
            for c in CHANNELS
            for sign in (-1, 1)
            for d in np.geomspace(1e-16, 0.1, 31)
        ]
        for m in [*near, *np.geomspace(1e-3, 10, 301)]:
            for channel, widths in weak_widths(float(m)).items():
                assert np.all(widths >= 0) and np.all(np.isfinite(widths)), (channel, m)

    @pytest.mark.parametrize("channel", CHANNELS)
    def test_each_flavour_opens_its_channels_and_no_others(self, channel):
        m = min(max(threshold(channel), 0.01) * 1.01, 3.0)
        expected = [flavour in opened_by(channel) for flavour in FLAVOURS]
        assert (weak_widths(m)[channel] > 0).tolist() == expected

    def test_channels_are_those_of_the_contract(self):
        names = """nu_nu_nu nu_e_e nu_mu_mu nu_e_mu e_pi mu_pi tau_pi nu_pi0 e_K mu_K e_rho mu_rho e_Kst mu_Kst nu_rho
        nu_eta nu_etap nu_omega nu_phi e_D e_Ds mu_D nu_e_tau nu_mu_tau nu_q_q e_q_q mu_q_q tau_q_q"""
        assert tuple(names.split()) == CHANNELS

    @pytest.mark.parametrize("mass", [0.0, -1.0, math.nan, math.inf])
    def test_impossible_masses_are_refused(self, mass):
        with pytest.raises(InputError, match="mass"):
            weak_widths(mass)


class TestPhysics:
    """Numbers that others measured or published."""

    # shared/physics/heavy_neutrinos.md, section 7: Majorana, |U_mu|² = 1.
    @pytest.mark.parametrize(
        ("mass", "ctau"), [(0.02, 1.200e6), (0.1, 383.6), (0.25, 0.3916), (0.35, 0.05506), (1.0, 5.748e-4)]
    )
    def test_ctau(self, mass, ctau):
        hbarc = units.HBARC_GEV_FM * 1e-15
        assert hbarc / (2 * total(mass, "mu", SPOT)) == pytest.approx(ctau, rel=3e-4)  # ctau has four digits

    @pytest.mark.parametrize(("mass", "nu_pi0", "mu_pi"), [(0.25, 0.715, 0.160), (0.35, 0.398, 0.483)])
    def test_branching_ratios(self, mass, nu_pi0, mu_pi):
        widths, whole = weak_widths(mass, SPOT), total(mass, "mu", SPOT)
        assert widths["nu_pi0"][1] / whole == pytest.approx(nu_pi0, abs=6e-4)
        assert widths["mu_pi"][1] / whole == pytest.approx(mu_pi, abs=6e-4)

    def test_muon_lifetime(self):
        m = MASS["mu"]
        tree = units.G_FERMI**2 * m**5 / (192 * math.pi**3) * three_fermions(m, 0.0, MASS["e"], 1e-9, *RULE)
        assert 6.582119569e-25 / (tree * (1 - 0.0042)) == pytest.approx(2.19698e-6, rel=1e-4)  # radiative: -0.42 %

    # A τ decays to ν_τ as N does to a massless lepton; measured branching ratios of PDG.
    @pytest.mark.parametrize(
        ("meson", "spin", "constant", "element", "ratio"),
        [
            ("pi", 0, "f_pi", "V_ud", 0.1082),
            ("K", 0, "f_K", "V_us", 0.00696),
            ("rho", 1, "f_rho", "V_ud", 0.2549),
            ("Kst", 1, "f_Kst", "V_us", 0.0120),
        ],
    )
    def test_tau_decays(self, meson, spin, constant, element, ratio):
        m, shape = MASS["tau"], (vector_shape if spin else pseudoscalar_shape)
        coupling = units.G_FERMI * getattr(INPUTS, constant) * getattr(INPUTS, element)
        width = coupling**2 * m**3 / (16 * math.pi) * shape(m, 0.0, MASS[meson])
        assert width * 290.3e-15 / 6.582119569e-25 == pytest.approx(ratio, rel=0.025)

    @pytest.mark.parametrize(
        ("meson", "constant", "ee", "charge_squared"),
        [("rho0", "f_rho0", 7.04e-6, 1 / 2), ("omega", "f_omega", 0.60e-6, 1 / 18), ("phi", "f_phi", 1.27e-6, 1 / 9)],
    )
    def test_neutral_vector_constants_from_their_decays_to_electrons(self, meson, constant, ee, charge_squared):
        squared = 3 * MASS[meson] * ee / (4 * math.pi * charge_squared / 137.036**2)
        assert math.sqrt(squared) == pytest.approx(getattr(INPUTS, constant), rel=0.01)

    def test_strange_constants_of_eta_and_etap(self):
        """Feldmann, Kroll & Stech, hep-ph/9802409: f_s = 1.34 f_π, mixed by 39.3°."""
        strange, angle = 1.34 * INPUTS.f_pi / math.sqrt(2), math.radians(39.3)
        assert INPUTS.f_eta == pytest.approx(strange * math.sin(angle), rel=1e-3)
        assert -INPUTS.f_etap == pytest.approx(strange * math.cos(angle), rel=1e-3)

    def test_ratio_of_hadronic_tau_decays(self):
        correction = 1 + qcd_correction(INPUTS.alpha_s_tau)
        assert 3 * (INPUTS.V_ud**2 + INPUTS.V_us**2) * correction * 1.0201 == pytest.approx(3.636, rel=0.02)


class TestBlend:
    def test_weights(self):
        assert blend_weights(0.5) == blend_weights(1.0) == (1.0, 0.0)
        assert blend_weights(1.5) == blend_weights(2.0) == (0.0, 1.0)
        assert blend_weights(1.25) == (0.5, 0.5)
        for m in np.linspace(1, 1.5, 11):
            assert sum(blend_weights(m)) == pytest.approx(1, abs=1e-15)

    @pytest.mark.parametrize("flavour", FLAVOURS)
    def test_total_has_no_step(self, flavour):
        # A hard switch makes a step of 4 to 33 %; the largest slope here is d ln Γ/dm ~ 10/GeV.
        for edge in BLEND:
            low, high = total(edge - 1e-9, flavour), total(edge + 1e-9, flavour)
            assert high == pytest.approx(low, rel=1e-7, abs=0)
        masses = np.linspace(0.99, 1.55, 2001)
        logs = np.log([total(m, flavour) for m in masses])
        assert np.all(np.diff(logs) > 0) and np.max(np.diff(logs)) < 15 * (masses[1] - masses[0])

    @pytest.mark.parametrize("flavour", FLAVOURS)
    def test_slope_has_no_step_at_the_ends(self, flavour):
        for edge in BLEND:
            h = 1e-4
            slopes = [(total(edge + a * h, flavour) - total(edge + b * h, flavour)) for a, b in ((0, -1), (1, 0))]
            assert slopes[1] == pytest.approx(slopes[0], rel=2e-3, abs=0)

    def test_one_description_outside(self):
        before, after = weak_widths(0.999), weak_widths(1.501)
        for channel in CHANNELS:
            if channel.endswith("q_q"):
                assert not before[channel].any()
                assert after[channel].any() == (channel != "tau_q_q")
            elif channel.split("_")[-1] in LIGHT:
                assert not after[channel].any()

    def test_charm_and_tau_modes_stay_exclusive(self):
        widths = weak_widths(2.0)
        assert all(widths[channel].any() for channel in ("e_D", "e_Ds", "mu_D", "tau_pi"))
        assert not widths["tau_q_q"].any()
        assert weak_widths(3.0)["tau_q_q"][2] > 0
        strength = (units.G_FERMI * INPUTS.f_D * INPUTS.V_cd) ** 2 * 8 / (16 * math.pi)
        assert widths["e_D"][0] == pytest.approx(
            strength * pseudoscalar_shape(2.0, MASS["e"], MASS["D"]), rel=1e-13, abs=0
        )

    def test_inclusive_widths_are_the_quarks_alone_above(self):
        m = 1.8
        correction = 1 + qcd_correction(alpha_s(m, MASS["tau"], INPUTS.alpha_s_tau))
        unit = 3 * units.G_FERMI**2 * m**5 / (192 * math.pi**3) * correction
        parts = [INPUTS.V_ud**2 * three_fermions(m, MASS["e"], MASS["u"], MASS["d"], *RULE)]
        parts += [INPUTS.V_us**2 * three_fermions(m, MASS["e"], MASS["u"], MASS["s"], *RULE)]
        assert weak_widths(m)["e_q_q"][0] == pytest.approx(unit * sum(parts), rel=1e-13, abs=0)

    @pytest.mark.parametrize("scale", [0.9, 1.0, 1.3, 2.0, 10.0])
    def test_running_of_alpha_s(self, scale):
        with mp.workdps(30):
            expected = float(precise_alpha_s(scale, mp.mpf(INPUTS.alpha_s_tau)))
        assert alpha_s(scale, MASS["tau"], INPUTS.alpha_s_tau) == pytest.approx(expected, rel=1e-10)


class TestInterface:
    def test_inputs_enter_as_squares(self):
        once, twice = weak_widths(0.9), weak_widths(0.9, INPUTS._replace(f_rho=2 * INPUTS.f_rho))
        changed = {channel for channel in CHANNELS if not np.array_equal(once[channel], twice[channel])}
        assert changed == {"e_rho"} | ({"mu_rho"} if MASS["mu"] + MASS["rho"] < 0.9 else set())
        assert twice["e_rho"][0] == pytest.approx(4 * once["e_rho"][0], rel=1e-14, abs=0)

    def test_repeats_to_the_bit_and_overwrites(self):
        out = np.full((len(CHANNELS), 3), np.nan)
        for m in (0.02, 0.5, 1.3, 1.99):
            fill_weak_widths(m, *process_table(), out)
            assert np.array_equal(out, np.array(list(weak_widths(m).values())))

    def test_table_cannot_be_edited(self):
        assert not any(array.flags.writeable for array in process_table())

    def test_masses_are_in_GeV(self):
        assert MASS["mu"] == pytest.approx(0.1056583755, rel=1e-9)
        assert MASS["pi"] == pytest.approx(0.13957039, rel=1e-6)
        assert MASS["Ds"] == pytest.approx(1.96835, rel=1e-4)

    def test_all_widths_of_a_mass_take_less_than_a_millisecond(self):
        weak_widths(1.2)
        seconds = []
        for _ in range(20):
            start = time.perf_counter()
            weak_widths(1.99)
            seconds.append(time.perf_counter() - start)
        assert min(seconds) < 1e-3
