"""Heavy-neutrino production against matrix elements, precise integrals, limits and published values."""

from __future__ import annotations

import functools
import itertools
import math
import re
import time

import mpmath as mp
import numpy as np
import pytest
from heavy_neutrino_modes import DIGITS, FRACTIONS, MEASURED, PURELY_LEPTONIC, ROWS, RULE, TWO_BODY, names, ratio

from scanner.errors import InputError
from scanner.physics.heavy_neutrino_modes import (
    LEPTONIC,
    MODES,
    PARENTS,
    PRODUCTION_INPUTS,
    TAU_PSEUDOSCALAR,
    ProductionInputs,
)
from scanner.physics.heavy_neutrino_production import (
    fill_production,
    leptons_shape,
    leptons_spectrum,
    polarisation,
    production_ratios,
    production_table,
    two_body_momentum,
)
from scanner.physics.particles import MASS

COLUMN = {"e": 0, "mu": 1, "tau": 2}


# Two bodies, at 25 digits.


def dot(p, q):
    return p[0] * q[0] - p[1] * q[1] - p[2] * q[2] - p[3] * q[3]


def back_to_back(parent, first, second):
    p = mp.sqrt((parent**2 - (first + second) ** 2) * (parent**2 - (first - second) ** 2)) / (2 * parent)
    return p, [mp.sqrt(first**2 + p**2), 0, 0, p], [mp.sqrt(second**2 + p**2), 0, 0, -p]


def two_body_rate(kind, parent, lepton, hadron, m):
    """Rate, up to a constant, of the squared matrix elements, from traces."""
    parent, lepton, hadron, m = (mp.mpf(mass) for mass in (parent, lepton, hadron, m))
    P = [parent, 0, 0, 0]
    if kind == LEPTONIC:
        p, N, other = back_to_back(parent, m, lepton)
        return p * (2 * dot(P, N) * dot(P, other) - parent**2 * dot(N, other))
    p, N, other = back_to_back(parent, m, hadron)
    if kind == TAU_PSEUDOSCALAR:
        return p * (2 * dot(N, other) * dot(P, other) - hadron**2 * dot(P, N))
    return p * (2 * dot(N, other) * dot(P, other) + hadron**2 * dot(P, N))


class TestTwoBodies:
    @staticmethod
    def expected(mode, m):
        at = [MASS[mode.parent], MASS[mode.lepton], MASS[mode.hadron]]
        reference = [MASS[mode.parent], MASS[mode.measured_lepton], MASS[mode.hadron]]
        return mode.measured * two_body_rate(mode.kind, *at, m) / two_body_rate(mode.kind, *reference, 0)

    @pytest.mark.parametrize("name", names(TWO_BODY))
    def test_matrix_element(self, name):
        mode = ROWS[name]
        rng = np.random.default_rng(len(name))
        fractions = [*FRACTIONS, *(1 - np.logspace(-8, -1, 8)), *rng.uniform(1e-3, 1, 20), *np.logspace(-7, -1, 7)]
        with mp.workdps(DIGITS):
            for fraction in fractions:
                m = float(fraction * mode.threshold)
                # Nearer than that to its threshold, a mode is as uncertain as the rounded masses.
                tolerance = max(1e-12, 1e-15 / (1 - fraction))
                assert ratio(name, m) == pytest.approx(float(self.expected(mode, m)), rel=tolerance, abs=0)

    @pytest.mark.parametrize("name", names(m for m in TWO_BODY if m.kind == LEPTONIC))
    def test_polarisation(self, name):
        mode = ROWS[name]
        with mp.workdps(DIGITS):
            for fraction in FRACTIONS:
                parent, lepton, m = (
                    mp.mpf(x) for x in (MASS[mode.parent], MASS[mode.lepton], fraction * mode.threshold)
                )
                p, N, other = back_to_back(parent, m, lepton)
                P, spin = [parent, 0, 0, 0], [p, 0, 0, N[0]]  # the spin four-vector times m

                def squared(q, P=P, other=other, parent=parent):
                    return 2 * dot(P, q) * dot(P, other) - parent**2 * dot(q, other)

                expected = -squared(spin) / squared(N)  # a V-A current sees p - m s of a particle
                found = polarisation(float(parent), float(lepton), float(m))
                assert found == pytest.approx(float(expected), abs=1e-11)
                assert two_body_momentum(float(parent), float(lepton), float(m)) == pytest.approx(
                    float(p), rel=1e-11, abs=0
                )

    def test_polarisation_limits(self):
        assert polarisation(MASS["K"], MASS["mu"], 0.0) == pytest.approx(-1, abs=1e-15)
        assert polarisation(MASS["K"], MASS["e"], 0.2) == pytest.approx(1, abs=1e-4)
        assert polarisation(MASS["K"], MASS["mu"], MASS["mu"]) == 0
        assert polarisation(MASS["K"], MASS["mu"], 0.5) == 0

    @pytest.mark.parametrize(
        ("name", "m", "expected", "tolerance"),
        [
            ("K->e N", 0.3, 1.37e5, 2e-3),
            ("pi->e N", 0.010, 380.1, 2e-4),
            ("pi->e N", 0.050, 7275.5, 1e-5),
        ],
    )
    def test_published_enhancement(self, name, m, expected, tolerance):
        assert ratio(name, m) / MEASURED[name] == pytest.approx(expected, rel=tolerance)

    def test_enhancement_of_unmeasured_electron_mode(self):
        # f_D drops out of the ratio of two modes of the same meson, which for heavy N hardly feels the lepton.
        assert ratio("D->e N", 0.0) / ratio("D->mu N", 0.0) == pytest.approx(
            (MASS["e"] / MASS["mu"]) ** 2 * (1 - (MASS["mu"] / MASS["D"]) ** 2) ** -2, rel=1e-6
        )
        assert ratio("D->e N", 1.0) / ratio("D->mu N", 1.0) == pytest.approx(1, abs=0.02)
        assert ratio("Ds->e N", 1.0) / ratio("Ds->mu N", 1.0) == pytest.approx(1, abs=0.02)
        # Its measured ratio, 1.20(27)e-3.
        assert ratio("D->tau N", 0.0) == pytest.approx(1.20e-3, abs=0.27e-3)


# L → l ν N: the matrix elements at fixed energy of N.


def leptons_at(energy, parent, lepton, m, on_parent):
    """dI/dE: |M|² = 64 G² (P·ν)(N·l) or 64 G² (P·N)(ν·l), integrated over the energy of l, in which it is quadratic."""
    q2 = parent**2 + m**2 - 2 * parent * energy
    p = mp.sqrt(energy**2 - m**2)
    middle, half = (parent - energy) * (q2 + lepton**2) / (2 * q2), p * (q2 - lepton**2) / (2 * q2)
    total = 0
    for sign in (-1, 1):
        of_lepton = middle + sign * half / mp.sqrt(3)
        of_neutrino = parent - energy - of_lepton
        with_lepton = (parent**2 - 2 * parent * of_neutrino - m**2 - lepton**2) / 2  # N·l
        pair = (q2 - lepton**2) / 2  # ν·l
        total += parent * of_neutrino * with_lepton if on_parent else parent * energy * pair
    width = 64 * half * total / (64 * mp.pi**3 * parent)  # Γ for G = 1: ∫ |M|² dE dE_l / (64 π³ M)
    return width * 192 * mp.pi**3 / parent**5


class TestThreeLeptons:
    @pytest.mark.parametrize("name", [name for name in names(PURELY_LEPTONIC) if "(U_e)" not in name])
    def test_against_either_matrix_element(self, name):
        mode = ROWS[name]
        with mp.workdps(DIGITS):
            for fraction in FRACTIONS:
                parent, lepton, m = (
                    mp.mpf(x) for x in (MASS[mode.parent], MASS[mode.lepton], fraction * mode.threshold)
                )
                top = (parent**2 + m**2 - lepton**2) / (2 * parent)
                found = leptons_shape(float(parent), float(lepton), float(m), *RULE)
                for on_parent in (True, False):
                    scale = leptons_at((m + top) / 2, parent, lepton, m, on_parent)
                    spectrum = functools.partial(leptons_at, parent=parent, lepton=lepton, m=m, on_parent=on_parent)
                    expected = scale * mp.quad(lambda e, s=spectrum, c=scale: s(e) / c, [m, (m + top) / 2, top])
                    assert found == pytest.approx(float(expected), rel=1e-11, abs=0)

    @pytest.mark.parametrize(("parent", "lepton"), [("mu", "e"), ("tau", "e"), ("tau", "mu")])
    @pytest.mark.parametrize("on_parent", [True, False])
    def test_spectrum(self, parent, lepton, on_parent):
        M, lep = MASS[parent], MASS[lepton]
        for m in (0.1 * M, 0.8 * M):
            top = (M**2 + m**2 - lep**2) / (2 * M)
            for energy in np.linspace(m, top, 12)[1:-1]:
                with mp.workdps(DIGITS):
                    expected = leptons_at(*(mp.mpf(x) for x in (energy, M, lep, m)), on_parent)
                assert leptons_spectrum(energy, M, lep, m, on_parent) == pytest.approx(
                    float(expected), rel=1e-11, abs=0
                )
            assert leptons_spectrum(m, M, lep, m, on_parent) == 0
            assert leptons_spectrum(top * 1.0001, M, lep, m, on_parent) == 0

    def test_spectra_of_massless_leptons(self):
        """As the shared notes write them, in units of G_F²M⁵/192π³."""
        M, lep, m, E = MASS["tau"], 1e-9, 0.3, 0.7
        q2, p, unit = M**2 + m**2 - 2 * M * E, math.sqrt(E**2 - m**2), 192 * math.pi**3 / M**5
        parent = p / (12 * math.pi**3 * M) * (q2 * M * E + 2 * M * (M - E) * (M * E - m**2)) * unit
        daughter = p * E * q2 / (2 * math.pi**3) * unit
        assert leptons_spectrum(E, M, lep, m, True) == pytest.approx(parent, rel=1e-12)
        assert leptons_spectrum(E, M, lep, m, False) == pytest.approx(daughter, rel=1e-12)

    def test_either_line_has_the_same_rate(self):
        ratios = production_ratios(0.5)
        assert ratios["tau->e nu N (U_tau)"][2] == ratios["tau->e nu N (U_e)"][0]
        assert ratios["tau->mu nu N (U_tau)"][2] == ratios["tau->mu nu N (U_mu)"][1]
        muon = production_ratios(0.05)["mu->e nu N (U_e or U_mu)"]
        assert muon[0] == muon[1] > 0 == muon[2]


class TestTable:
    def test_names(self):
        assert list(production_ratios(0.1)) == list(MODES) == list(ROWS)
        assert tuple(dict.fromkeys(mode.parent for mode in ROWS.values())) == PARENTS
        assert all(name.startswith(f"{mode.parent}->") for name, mode in ROWS.items())

    @pytest.mark.parametrize("name", MODES)
    def test_flavours(self, name):
        found = {flavour for flavour, column in COLUMN.items() if production_ratios(0.001)[name][column] > 0}
        if spelt_out := re.findall(r"U_(\w+)", name):
            assert found == set(spelt_out)
        elif name.startswith("tau"):
            assert found == {"tau"}
        else:
            assert found == set(name.split()) & {"e", "mu", "tau"} or found == {name.split("->")[1].split()[0]}

    @pytest.mark.parametrize(("name", "expected"), MEASURED.items())
    def test_massless(self, name, expected):
        found = production_ratios(0.0)[name]
        assert found[found > 0] == pytest.approx(expected, rel=1e-14, abs=0)

    @pytest.mark.parametrize("name", MODES)
    def test_massless_limit_is_continuous(self, name):
        at_zero, mode = ratio(name, 0.0), ROWS[name]
        M, lep = MASS[mode.parent], MASS[mode.lepton]
        for m in (1e-8, 1e-7, 1e-6):
            # The helicity of the lepton, and the momentum, which is small where the lepton is nearly as heavy.
            slope = 3 * (m / lep) ** 2 + 2 * (m * M / (M**2 - lep**2)) ** 2 if mode.kind == LEPTONIC else 1e-8
            assert ratio(name, m) == pytest.approx(at_zero, rel=max(slope, 1e-11), abs=0)

    @pytest.mark.parametrize("name", MODES)
    def test_threshold(self, name):
        threshold = ROWS[name].threshold
        for m in (math.nextafter(threshold, 9), threshold * (1 + 1e-9), threshold + 0.01, 5.0, 1e6):
            assert not production_ratios(m)[name].any()
        # Rounding may move the threshold by a unit or two in the last digit of the parent's mass.
        below = [ratio(name, threshold * (1 - step)) for step in (1e-4, 1e-6, 1e-8, 1e-10, 1e-12)]
        assert all(first > second > 0 for first, second in itertools.pairwise(below))
        assert 0 <= ratio(name, math.nextafter(threshold, 0)) < below[-1]

    def test_clean_everywhere(self):
        thresholds = [mode.threshold for mode in ROWS.values()]
        sides = [threshold * side for threshold in thresholds for side in (1 - 1e-9, 1 + 1e-9)]
        for m in [*np.geomspace(1e-12, 3.0, 600), *sides]:
            for name, found in production_ratios(float(m)).items():
                assert np.isfinite(found).all(), (name, m)
                assert (found >= 0).all(), (name, m)
                assert (found.any()) == (m < ROWS[name].threshold), (name, m)

    @pytest.mark.parametrize("name", MODES)
    def test_smooth(self, name):
        """No steps: log-derivatives on a fine grid change by little, so that errors are far below the steps."""
        m = np.linspace(0.02, 0.9, 3001) * ROWS[name].threshold
        values = np.log([ratio(name, float(x)) for x in m])
        third = np.abs(np.diff(values, 3))
        assert third.max() < 1e-4

    def test_deterministic(self):
        before = {m: {k: v.tobytes() for k, v in production_ratios(m).items()} for m in (0.01, 0.1, 0.3, 1.0)}
        production_table.cache_clear()
        for m, expected in before.items():
            assert {k: v.tobytes() for k, v in production_ratios(m).items()} == expected

    def test_inputs_scale(self):
        doubled = production_ratios(0.2, PRODUCTION_INPUTS._replace(K_e=2 * PRODUCTION_INPUTS.K_e))
        for name, found in production_ratios(0.2).items():
            assert doubled[name] == pytest.approx((1 + (name == "K->e N")) * found, rel=1e-15, abs=0)

    def test_form_factors_are_inputs(self):
        flat = ProductionInputs(K_pole_plus=1e9, K_pole_zero=1e9)
        change = production_ratios(0.2, flat)["K->pi0 e N"][0] / ratio("K->pi0 e N", 0.2)
        assert 0.8 < change < 0.99

    def test_arrays_are_read_only(self):
        assert not any(array.flags.writeable for array in production_table())

    @pytest.mark.parametrize("mass", [-0.1, math.nan, math.inf])
    def test_refuses(self, mass):
        with pytest.raises(InputError, match="m_N"):
            production_ratios(mass)

    def test_speed(self, capsys):
        table, out = production_table(), np.empty((len(MODES), 3))
        fill_production(0.01, *table, out)
        start = time.perf_counter()
        for _ in range(200):
            fill_production(0.01, *table, out)
        with capsys.disabled():
            print(f"\nall production modes of one mass: {(time.perf_counter() - start) / 200 * 1e6:.0f} µs")
