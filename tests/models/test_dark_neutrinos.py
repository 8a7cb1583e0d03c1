"""Models of upscattering to dark neutrinos, as users call them; the kernels have their tests in tests/physics."""

from __future__ import annotations

import math

import numpy as np
import pytest

import scanner
from scanner.errors import InputError
from scanner.physics.dark_neutrino_decays import to_vector_width
from scanner.physics.particles import BOHR_MAGNETON, MASS
from scanner.units import ALPHA_EM, HBARC_GEV_M

VECTOR, SCALAR, DIPOLE = map(scanner.model, ("dark_neutrino_vector", "dark_neutrino_scalar", "dipole_upscattering"))
TALK = {"m4": 0.42, "m_Zprime": 0.03, "alpha_D": 0.25, "epsilon": 1.65551e-4, "Umu4_sq": 9e-7}
TWO = {
    "m4": 0.15,
    "m5": 0.262,
    "m_Zprime": 0.118,
    "alpha_D": 1 / math.pi,
    "epsilon": 8e-4,
    "UD4_sq": 0.5,
    "UD5_sq": 0.5,
}
POINTS = [
    (VECTOR, TALK),
    (VECTOR, {**TWO, "Umu5_sq": 1e-7, "Ue4_sq": 1e-8}),
    (VECTOR, {**TWO, "m6": 1.5, "UD5_sq": 0.2, "UD6_sq": 0.3, "Utau6_sq": 1e-5, "BR_inv": 0.2}),
    (VECTOR, {"m4": 0.3, "m_Zprime": 1.25, "V_e4": 1e-3, "V_tau4": 2e-3, "V_l": 1e-3, "A_l": 2e-3}),
    (SCALAR, {"m4": 0.4, "m_phi": 0.25, "S_e4": 1e-3, "theta": 1e-3, "kappa": 1e-5}),
    (SCALAR, {"m4": 0.1, "m_phi": 0.3, "S_mu4": 1e-3, "S_l": 1e-4}),
    (DIPOLE, {"m4": 0.25, "mu_tr_mu": 1e-6, "mu_tr_tau": 2e-6}),
]
EVERY = pytest.mark.parametrize(("model", "point"), POINTS)


@EVERY
def test_ratios_and_decay_length_follow_from_the_widths(model, point):
    widths = model.widths(**point)
    total = math.fsum(widths.values())
    assert total > 0 and min(widths.values()) >= 0
    assert math.fsum(model.branching_ratios(**point).values()) == pytest.approx(1, rel=1e-14)
    assert model.ctau(**point) == pytest.approx(HBARC_GEV_M / total, rel=1e-14)


@EVERY
def test_majorana_is_twice_dirac_into_light_neutrinos(model, point):
    dirac, majorana = (model.widths(of="N4", **point, nature=nature) for nature in ("dirac", "majorana"))
    for channel, width in dirac.items():
        assert majorana[channel] == pytest.approx(2 * width, rel=1e-12, abs=0)


def supplied(model, point):
    """What the model supplies to experiments at a point."""
    values = model.complete(point)
    return values, model.ingredient("upscattering", frozenset(name for name, value in values.items() if value == 0))


def widths_of(one, values):
    """Total and visible widths of a state as the signal puts them together."""
    rates = one.rates(np.array([values[name] for name in one.width_parameters]))
    couplings, escapes = (
        np.array([math.fsum(m.value(values) for m in monomials) for monomials in sums])
        for sums in (one.couplings, one.escapes)
    )
    ratio = float(rates.escape @ escapes) if escapes.size else 0.0
    total = couplings @ (rates.total + (rates.off_shell @ escapes if escapes.size else 0.0))
    visible = couplings @ (rates.visible - ratio / (1 + ratio) * rates.on_shell)
    return total, dict(zip(one.channels, visible, strict=True))


@EVERY
@pytest.mark.parametrize("nature", ["dirac", "majorana"])
def test_experiments_have_the_widths_that_users_see(model, point, nature):
    """They put them together from couplings at every point, users from the couplings of one."""
    values, states = supplied(model, {**point, "nature": nature})
    for state, one in zip(model.masses(values), states, strict=True):
        widths = model.widths(of=state, **point, nature=nature)
        total, visible = widths_of(one, values)
        # Γ/M of the mediator is left out where it shares itself with what holds mixings.
        assert total == pytest.approx(math.fsum(widths.values()), rel=1e-7)
        for channel, width in visible.items():
            assert width == pytest.approx(widths.get(channel, 0.0), rel=1e-9)


def test_a_z_prime_that_escapes_into_neutrinos():
    """With large mixings and a small ε most Z′ on their shell decay into ν ν; heavier than N, they add to its width."""
    for m_Zprime, least in ((0.03, 0.9), (1.25, 0.9)):
        point = {"m4": 0.42, "m_Zprime": m_Zprime, "epsilon": 1e-6, "Umu4_sq": 1e-2, "Ue4_sq": 1e-3}
        values, (one,) = supplied(VECTOR, point)
        widths = VECTOR.widths(**point)
        total, visible = widths_of(one, values)
        assert total == pytest.approx(math.fsum(widths.values()), rel=1e-5)
        assert visible["nu_e_e"] == pytest.approx(widths["nu_e_e"], rel=1e-5)
        assert widths["nu_nu_nu"] > least * total


@EVERY
def test_only_the_heaviest_is_made(model, point):
    values, states = supplied(model, point)
    found = [one.dynamics(np.array([values[name] for name in one.event_parameters])) for one in states]
    masses = model.masses(values)
    assert [dynamics is not None for dynamics in found] == [mass == max(masses.values()) for mass in masses.values()]
    assert found[-1].mass == max(masses.values())


@EVERY
def test_production_is_that_of_the_cross_section(model, point):
    """Couplings times what matter has, against the model's own σ."""
    values, states = supplied(model, point)
    one = states[-1]
    rates = one.rates(np.array([values[name] for name in one.width_parameters]))
    matter = dict(zip(one.currents, rates.matter, strict=True))
    for flavour in range(3):
        made = model.production(list(model.masses(values))[-1], flavour, values)
        neutrino = math.fsum(m.value(values) for m in one.couplings[flavour])
        assert neutrino == pytest.approx(made.neutrino, rel=1e-12)
        assert matter["p"] == pytest.approx(made.p**2, rel=1e-12)
        assert matter.get("n", 0.0) == pytest.approx(made.n**2 if "n" in matter else 0.0, rel=1e-12)


def test_mixings_and_vertices_are_refused_in_a_scan_too():
    zero = frozenset(p.name for p in VECTOR.parameters) - {"Umu4_sq", "V_mu4", "m4"}
    with pytest.raises(InputError, match="two ways of giving the same couplings"):
        VECTOR.ingredient("upscattering", zero)


@EVERY
def test_derived_quantities(model, point):
    values = model.complete(point)
    found = {d.name: d.function(np.array([values[name] for name in d.parameters])) for d in model.derived}
    expected = {
        "alpha_eps_sq": ALPHA_EM * values.get("epsilon", 0) ** 2,
        "mu_tr_mu_bohr": values.get("mu_tr_mu", 0) / BOHR_MAGNETON,
        "S_phi_mu": values.get("S_l") or math.sin(values.get("theta", 0)) * MASS["mu"] / 246.2197,
    }
    known = found.keys() & expected.keys()
    assert known and all(found[name] == pytest.approx(expected[name], rel=1e-6) for name in known)


class TestVector:
    def test_numbers_of_the_note(self):
        widths = VECTOR.widths(**TALK)
        assert f"{math.fsum(widths.values()):.5e}" == "2.31507e-06"
        assert f"{VECTOR.mediator_widths(**TALK)['e_e']:.5e}" == "2.07729e-12"
        neutrinos = math.pi * 9e-7**2 * 0.03 / (24 * math.pi)  # |V_νν|² = g_D² |U_mu4|⁴
        assert widths["nu_nu_nu"] / widths["nu_e_e"] == pytest.approx(neutrinos / 2.07729e-12, rel=1e-5)

    @pytest.mark.parametrize("nature", ["dirac", "majorana"])
    def test_one_state_is_the_model_of_decays_in_flight(self, nature):
        """With the charge of α(0); Z′ → ν ν, of order |U|⁴, is known here alone."""
        point = {"Ue4_sq": 2e-11, "Umu4_sq": 9e-11, "Utau4_sq": 3e-11, "UD4_sq": 0.6, "BR_inv": 0.3, "nature": nature}
        other = scanner.model("hnl_dark_photon")
        for m, M, epsilon in ((0.3, 0.5, 2e-2), (1.4, 0.78, -1e-3), (0.25, 0.03, 1e-4), (0.8, 3.0, -0.2)):
            shared = point | {"m_Zprime": M, "epsilon": epsilon}
            expected = other.widths(m_N=m, **shared)
            found = VECTOR.widths(m4=m, charge="e0", **shared)
            assert found.keys() == expected.keys()
            for channel, width in expected.items():
                neutrinos = 1e-8 * expected["nu_e_e"] if channel == "nu_nu_nu" else 0.0
                assert found[channel] == pytest.approx(width, rel=1e-8, abs=neutrinos), channel

    def test_charge(self):
        gsw, e0 = (VECTOR.mediator_widths(**TALK, charge=charge)["e_e"] for charge in ("gsw", "e0"))
        assert gsw / e0 == pytest.approx(1.01914**2, rel=1e-12)

    def test_heavy_to_heavy_alone(self):
        """Without mixing with ν, N5 → N4 e e is all there is, at the contact limit of 1903.07589."""
        point = TWO | {"m_Zprime": 30.0, "charge": "e0"}
        widths = {channel: width for channel, width in VECTOR.widths(**point).items() if width}
        V_54, V_e = 2 * 0.5, 8e-4 * math.sqrt(4 * math.pi * ALPHA_EM)
        x = (0.15 / 0.262) ** 2
        shape = 1 - 8 * x + 8 * x**3 - x**4 - 12 * x**2 * math.log(x)
        expected = (V_54 * V_e) ** 2 * 0.262**5 / (768 * math.pi**3 * 30.0**4) * shape
        assert widths == {"N4_e_e": pytest.approx(expected, rel=1e-4)}
        assert math.isinf(VECTOR.ctau(of="N4", **point))
        with pytest.raises(InputError, match="stable"):
            VECTOR.branching_ratios(of="N4", **point)

    def test_lifetime_of_the_chain_does_not_see_the_flavours(self):
        ctau = VECTOR.ctau(**TWO)
        assert VECTOR.ctau(**TWO, Umu5_sq=1e-13) == pytest.approx(ctau, rel=1e-2)
        assert VECTOR.ctau(**TWO, Umu5_sq=1e-5) < 1e-2 * ctau

    def test_neutrino_vertices_add_over_the_states(self):
        """V_a5 = g_D U_D5 (U_a4 U_D4 + U_a5 U_D5), as production sees it."""
        given = TWO | {"Umu4_sq": 1e-8, "Umu5_sq": 4e-8}
        both, first, second = (
            VECTOR.cross_section("C12", 1.0, **TWO, Umu4_sq=four, Umu5_sq=five)
            for four, five in ((1e-8, 4e-8), (1e-8, 0.0), (0.0, 4e-8))
        )
        assert math.sqrt(both) == pytest.approx(math.sqrt(first) + math.sqrt(second), rel=1e-12)
        lighter = VECTOR.cross_section("C12", 1.0, of="N4", **given)
        assert lighter > both == VECTOR.cross_section("C12", 1.0, of="N5", **given)

    def test_dark_cascade(self):
        """Z′ between 2 m4 and m5 - m4: it decays into N4 N4, not into e e, by (V_44/V_e)²."""
        point = TWO | {"m4": 0.1, "m5": 1.0, "m_Zprime": 0.5, "epsilon": 1e-4}
        ratios, of_mediator = VECTOR.branching_ratios(**point), VECTOR.mediator_widths(**point)
        total = math.fsum(of_mediator.values())
        assert of_mediator["N4_N4"] > 0.999 * total
        assert ratios["N4_N4_N4"] == pytest.approx(of_mediator["N4_N4"] / total, rel=1e-6)
        expected = 1.0**2 * to_vector_width(1.0, 0.1, 0.5)
        assert math.fsum(VECTOR.widths(**point).values()) == pytest.approx(expected, rel=0.05)

    def test_vertices_are_what_mixings_make(self):
        point = {"m4": 0.3, "m_Zprime": 0.05, "BR_inv": 0.2}
        mixed = VECTOR.widths(**point, Ue4_sq=1e-7, Umu4_sq=4e-7, UD4_sq=0.5, epsilon=1e-3)
        g, e = math.sqrt(math.pi), 1.01914e-3 * math.sqrt(4 * math.pi * ALPHA_EM)
        light = {"V_e4": 0.5 * g * math.sqrt(1e-7), "V_mu4": 0.5 * g * math.sqrt(4e-7)}
        found = VECTOR.widths(**point, **light, V_p=e, V_l=-e)
        for channel in ("nu_e_e", "nu_Zprime"):
            assert found[channel] == pytest.approx(mixed[channel], rel=1e-6), channel
        assert found["nu_nu_nu"] == 0 and "nu_pi0" not in found

    @pytest.mark.parametrize(
        ("given", "fragment"),
        [
            ({"Umu4_sq": 1e-6, "V_mu4": 1e-3}, "two ways of giving the same"),
            ({"V_mu4": 1e-3, "V_p": 1e-3, "epsilon": 1e-4}, "leave no place"),
            ({"Umu5_sq": 1e-6}, "state without a mass"),
            ({"m5": 0.2, "UD5_sq": 0.5}, "UD4_sq + UD5_sq"),
            ({"Umu4_sq": 0.6, "Ue4_sq": 0.6}, "unitarity"),
            ({"of": "N5"}, "no heavy state"),
            ({"m4": 2.5}, "outside the range"),
            ({"nature": "weyl"}, "no choice"),
        ],
    )
    def test_bad_points(self, given, fragment):
        with pytest.raises(InputError) as caught:
            VECTOR.widths(**given)
        assert fragment in str(caught.value)


class TestScalarAndDipole:
    def test_theta_stands_for_the_couplings_of_a_higgs_boson(self):
        unit = math.sin(1e-2) / 246.2197
        point = {"m4": 0.1, "m_phi": 0.03, "S_mu4": 1e-3}
        mixed, direct = SCALAR.widths(**point, theta=1e-2), SCALAR.widths(**point, S_l=unit * MASS["e"])
        assert mixed["nu_e_e"] == pytest.approx(direct["nu_e_e"], rel=1e-6)
        assert mixed["nu_e_e"] == pytest.approx(1e-6 * 0.1 / (32 * math.pi) * (1 - 0.3**2) ** 2, rel=1e-6)
        with pytest.raises(InputError, match="theta and S_p, S_n, S_l"):
            SCALAR.widths(**point, theta=1e-2, S_p=1e-3)

    def test_photons(self):
        point = {"m4": 0.1, "m_phi": 0.03, "S_tau4": 1e-3}
        assert SCALAR.branching_ratios(**point, kappa=1e-5)["nu_gamma_gamma"] == pytest.approx(1)
        assert SCALAR.branching_ratios(**point)["nu_S"] == 1
        found = SCALAR.mediator_widths(**point, kappa=1e-5)["gamma_gamma"]
        assert found == pytest.approx(1e-10 * 0.03**3 / (4 * math.pi), rel=1e-13)

    def test_dipole(self):
        widths = DIPOLE.widths(m4=0.25, mu_tr_e=2e-6, mu_tr_tau=1e-6)
        assert widths["nu_gamma"] == pytest.approx(5e-12 / 4 * 0.25**3 / (4 * math.pi), rel=1e-13)
        weaker = DIPOLE.widths(m4=0.25, mu_tr_e=2e-6, mu_tr_tau=1e-6, charge="e0")
        assert widths["nu_e_e"] / weaker["nu_e_e"] == pytest.approx(1.01914**2, rel=1e-12)
        assert widths["nu_gamma"] == weaker["nu_gamma"]


class TestCrossSections:
    def test_numbers_of_the_note(self):
        assert f"{float(VECTOR.cross_section('C12', 0.7, **TALK)):.3e}" == "4.571e-41"
        assert f"{float(VECTOR.cross_section('C12', 0.7, form_factor='helm', **TALK)):.2e}" == "3.72e-41"

    @pytest.mark.parametrize(
        ("model", "point"),
        [
            (VECTOR, {"m4": 0.1, "Umu4_sq": 1e-6}),
            (SCALAR, {"S_mu4": 1e-3, "S_p": 1e-3}),
            (DIPOLE, {"mu_tr_mu": 1e-6}),
        ],
    )
    def test_protons_add_up_free_or_blocked(self, model, point):
        free, blocked, hydrogen = (
            model.cross_section(target, [0.8, 2.0], "proton", **point, pauli=pauli)
            for target, pauli in (("Ar40", "false"), ("Ar40", True), ("H1", "false"))
        )
        np.testing.assert_allclose(free, 18 * hydrogen, rtol=1e-12)
        assert (blocked < free).all() and (blocked > 0).all()

    def test_flavours_and_thresholds(self):
        energies = np.array([0.1, 0.42, 0.5, 1.0])
        found = VECTOR.cross_section("Pb208", energies, **TALK)
        assert (found[:2] == 0).all() and (found[2:] > 0).all()
        assert not VECTOR.cross_section("Pb208", energies, flavour="tau", **TALK).any()
        with pytest.raises(InputError, match="flavour"):
            VECTOR.cross_section("Pb208", energies, flavour="muon", **TALK)

    def test_neutrons_and_protons_are_mirrored(self):
        point = {"m4": 0.1, "m_Zprime": 0.5, "V_mu4": 1e-3}
        argon = VECTOR.cross_section("C12", 1.0, "neutron", **point, V_n=1e-3)
        assert argon == pytest.approx(float(VECTOR.cross_section("C12", 1.0, "proton", **point, V_p=1e-3)), rel=1e-3)
        coherent = [VECTOR.cross_section("C12", 1.0, **point, V_p=p, V_n=n) for p, n in ((1e-3, 0), (1e-3, 1e-3))]
        assert coherent[1] == pytest.approx(4 * float(coherent[0]), rel=1e-12)
        assert VECTOR.cross_section("C12", 1.0, **point, V_p=1e-3, V_n=-1e-3) == 0

    def test_scalar_off_neutrons(self):
        point = {"m4": 0.1, "S_mu4": 1e-3}
        one, both = (SCALAR.cross_section("C12", 1.0, "neutron", **point, S_p=p, S_n=1e-3) for p in (0.0, 1e-3))
        assert one == both > 0 == SCALAR.cross_section("C12", 1.0, "neutron", **point, S_p=1e-3)

    def test_dipole_is_coherent_in_the_charge(self):
        """At small Q², 4α d² Z² (1/T - 1/E) has but a logarithm of the form factor's reach: close to Z²."""
        carbon, lead = (float(DIPOLE.cross_section(A, 1.0, m4=1e-3, mu_tr_mu=1e-6)) for A in ("C12", "Pb208"))
        assert lead / carbon == pytest.approx((82 / 6) ** 2, rel=0.2)
        d, T_min, T_max = 5e-7, 1e-6**2 / (8 * 1.0**2 * 11.17), 1e-3
        leading = 4 * ALPHA_EM * d**2 * 36 * math.log(T_max / T_min) * 3.894e-28
        assert 0.3 < carbon / leading < 1.5


class TestWhichStateIsMade:
    ONE = {"m4": 0.1, "m_Zprime": 0.03, "Umu4_sq": 1e-7}

    def events(self, **more):
        return float(scanner.predict(VECTOR.name, "microboone_ee", **self.ONE, **more).events)

    def test_one_that_does_not_couple_is_not(self):
        assert self.events(m5=0.2) == pytest.approx(self.events(), rel=1e-9)

    def test_of_two_equals_one_is(self):
        """No more than the two next to it."""
        near, equal = (self.events(m5=m5, UD4_sq=0.7, UD5_sq=0.3, Umu5_sq=1e-7) for m5 in (0.101, 0.1))
        assert equal == pytest.approx(near, rel=0.1)

    def test_couplings_of_a_state_without_a_mass_are_refused_in_a_scan_too(self):
        zero = frozenset(p.name for p in VECTOR.parameters) - {"m4", "Umu5_sq", "UD4_sq"}
        with pytest.raises(InputError, match="of a state without a mass"):
            VECTOR.ingredient("upscattering", zero)


def test_switches_are_written_as_yaml_and_python_have_them():
    found = [scanner.predict(VECTOR.name, "microboone_ee", m4=0.1, Umu4_sq=1e-7, pauli=p) for p in (True, "true")]
    assert float(found[0].events) == float(found[1].events) > 0
