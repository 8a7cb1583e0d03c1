"""The lifetime bound of nucleosynthesis: its numbers, its fall, and what escapes it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from heavy_states import DARK, HNL, dark, evaluate, events, with_dipole
from scipy import constants, optimize

import scanner
from scanner import registry
from scanner.errors import InputError, Status
from scanner.experiments.bbn import EQUILIBRIUM
from scanner.prediction import predict
from scanner.signals import bbn
from scanner.signals.bbn import LifetimeBound
from scanner.signals.heavy_neutrino import Channel
from scanner.units import G_FERMI, HBAR_GEV_S

BOUND = LifetimeBound("toy", np.array([0.05, 0.5]), np.array([[0.1, 0.1], [0.2, 0.2], [0.4, 0.4]]),
                      np.array([1e-10, 1e-10]), 3.0, 0.2)  # fmt: skip
MODEL = scanner.model("hnl")


def count(found: object = HNL, **params: float) -> float:
    return events(bbn, found, [BOUND], **{**DARK, **params})  # type: ignore[arg-type]


def mixing(lifetime: float, mass: float = 0.1, flavour: str = "Umu4_sq") -> float:
    """|U|² at which N lives so long [s]."""
    width = sum(MODEL.widths(m_N=mass, **{flavour: 1.0}).values())
    return constants.hbar / constants.e * 1e-9 / (width * lifetime)


def test_planck_constant() -> None:
    assert pytest.approx(constants.hbar / constants.e * 1e-9, rel=1e-9, abs=0) == HBAR_GEV_S


@pytest.mark.parametrize(("flavour", "bound"), [("Ue4_sq", 0.1), ("Umu4_sq", 0.2), ("Utau4_sq", 0.4)])
def test_at_the_bound_and_around_it(flavour: str, bound: float) -> None:
    found = [count(m_N=0.1, **{flavour: mixing(bound * f, flavour=flavour)}) for f in (0.8, 1.0, 2.0)]
    assert found == pytest.approx([0.0, 3.0, 3.0 * (1 + math.log(2) / 0.2)], rel=1e-7, abs=0)


def test_several_flavours_take_the_mean_of_the_logarithms() -> None:
    electron, muon = (sum(MODEL.widths(m_N=0.1, **{f: 1.0}).values()) for f in ("Ue4_sq", "Umu4_sq"))
    longest = math.sqrt(0.1 * 0.2)
    each = HBAR_GEV_S / (longest * (electron + muon))
    assert count(m_N=0.1, Ue4_sq=each, Umu4_sq=each) == pytest.approx(3.0, rel=1e-9)


def test_a_quasi_dirac_pair_is_bounded_as_one_dirac_neutrino() -> None:
    point = {"m_D": 1e-4, "Lambda": 0.2, "mu": 1e-16, "r_e": 0.0, "r_mu": 1.0, "r_tau": 0.0}
    pair = predict("seesaw_iss", "bbn", **point)
    found = scanner.model("seesaw_iss").spectrum(**point)
    dirac = predict("hnl", "bbn", m_N=found["m_N"][0], Umu4_sq=found["U_sq_sum"])
    assert float(dirac["events"]) > 1
    assert float(pair["chi2"]) == pytest.approx(float(dirac["chi2"]), rel=1e-5)


def test_a_dark_decay_that_shortens_the_life_passes() -> None:
    found, at = dark(Channel("nu_Zprime", "")), {"m_N": 0.1, "Umu4_sq": mixing(10.0)}
    assert count(found, **at) > 30
    assert count(found, **at, gamma=HBAR_GEV_S / 0.1) == 0


def test_what_never_was_in_equilibrium_is_not_bounded() -> None:
    assert count(m_N=0.1) == 0
    assert count(m_N=0.1, Umu4_sq=0.99e-10) == 0
    assert count(m_N=0.1, Umu4_sq=1.01e-10) > 100


def test_outside_its_masses_it_says_nothing() -> None:
    assert count(m_N=0.04, Umu4_sq=1e-9) == count(m_N=0.6, Umu4_sq=1e-9) == 0


def test_unknown_decays_are_a_status() -> None:
    wide = replace(BOUND, mass=np.array([0.05, 5.0]))
    assert evaluate(bbn, HNL, [wide], **{**DARK, "m_N": 3.0, "Umu4_sq": 1e-9})[1] == Status.not_converged


def test_dipoles() -> None:
    bound = replace(BOUND, dipole=True, least=np.full(2, 1e-30))
    point = {"m_N": 0.1, "nature": 0.0, "mu_tr_e": 0.0, "mu_tr_tau": 0.0}
    squared = 16 * math.pi * HBAR_GEV_S / (0.2 * 0.1**3)
    assert events(bbn, with_dipole(), [bound], **point, mu_tr_mu=squared**0.5) == pytest.approx(3.0, rel=1e-9)
    with pytest.raises(InputError, match="the model has none"):
        bbn.bind((HNL,), [bound], 1)


class TestExperiment:
    """Numbers of 2008.00749, 2006.07387 and the talk."""

    @pytest.mark.parametrize(
        ("mass", "flavour", "lifetime"),
        [
            (0.2, "Ue4_sq", 0.023),
            (1.5, "Ue4_sq", 0.023),
            (0.3, "Umu4_sq", 0.023),
            (0.2, "Umu4_sq", 0.045),
            (0.3, "Utau4_sq", 0.04),
            (1.0, "Utau4_sq", 0.023),
            (0.1, "Ue4_sq", 0.045),
            (0.05, "Ue4_sq", 0.07),
            (0.02, "Umu4_sq", 0.3),
        ],
    )
    def test_two_standard_deviations_at_the_published_lifetime(
        self, mass: float, flavour: str, lifetime: float
    ) -> None:
        at = {flavour: mixing(lifetime, mass, flavour)}
        assert float(predict("hnl", "bbn", m_N=mass, **at)["chi2"]) == pytest.approx(4.0, rel=0.01)
        above = {flavour: at[flavour] / math.exp(0.1)}
        assert float(predict("hnl", "bbn", m_N=mass, **above)["chi2"]) == pytest.approx(9.0, rel=0.01)

    def test_ten_milliseconds_pass(self) -> None:
        for mass in (0.1, 0.3, 1.0):
            assert float(predict("hnl", "bbn", m_N=mass, Umu4_sq=mixing(0.01, mass))["chi2"]) == 0

    def test_the_standard_model_passes(self) -> None:
        assert float(predict("hnl", "bbn", m_N=0.3)["chi2"]) == 0

    def test_equilibrium_is_where_production_beats_expansion(self) -> None:
        """The largest rate over temperatures [GeV], with 80 relativistic degrees of freedom."""
        planck = math.sqrt(constants.hbar * constants.c / constants.G) * constants.c**2 / constants.e * 1e-9

        def ratio(temperature: float, mass: float) -> float:
            suppression = 1 + 9.6e-24 * (temperature * 1e3) ** 6 * (0.150 / mass) ** 2
            rate = 4 * G_FERMI**2 * temperature**5 / suppression**2
            return rate / (1.66 * math.sqrt(80) * temperature**2 / planck)

        for mass in (0.02, 0.2, 2.0):
            best = optimize.minimize_scalar(lambda t: -ratio(math.exp(t), mass), bounds=(-3, 6), method="bounded")  # noqa: B023
            assert EQUILIBRIUM / mass == pytest.approx(1 / -best.fun, rel=0.5, abs=0)

    def test_references(self) -> None:
        keys = [reference.key for reference in registry.experiment("bbn").references]
        assert "Boyarsky:2020dzc" in keys and "Sabti:2020yrt" in keys


def test_a_pair_was_in_equilibrium_by_the_mixing_of_both() -> None:
    """Just above the least mixing of one Dirac neutrino, where each half of the pair alone would be below it."""
    pair = predict("seesaw_iss", "bbn", m_D=1e-6, Lambda=0.25, mu=1e-16, r_e=0, r_mu=1, r_tau=0)
    dirac = predict("hnl", "bbn", m_N=0.25, Umu4_sq=1.6e-11)
    assert float(dirac["events"]) > 1
    assert float(pair["events"]) == pytest.approx(float(dirac["events"]), rel=1e-6, abs=0)
