"""The heavy-neutrino model as users call it; the kernels have their own tests in tests/physics."""

from __future__ import annotations

import math

import pytest

import scanner
from scanner.errors import InputError

HNL = scanner.model("hnl")


def test_majorana_lives_half_as_long() -> None:
    dirac, majorana = (HNL.ctau(m_N=0.3, Umu4_sq=1e-6, nature=nature) for nature in ("dirac", "majorana"))
    assert majorana == pytest.approx(dirac / 2, rel=1e-14, abs=0)


def test_decay_length_of_the_literature() -> None:
    """Majorana N, |U_μ|² = 1: 0.3916 m at 250 MeV with the couplings of the note; the defaults are within 2 %."""
    assert HNL.ctau(m_N=0.25, Umu4_sq=1.0, nature="majorana") == pytest.approx(0.3916, rel=0.02, abs=0)


def test_branching_ratios_sum_to_one_and_ignore_the_overall_mixing() -> None:
    one = HNL.branching_ratios(m_N=0.4, Ue4_sq=1e-6, Umu4_sq=3e-6)
    other = HNL.branching_ratios(m_N=0.4, Ue4_sq=1e-9, Umu4_sq=3e-9, nature="majorana")
    assert math.fsum(one.values()) == pytest.approx(1, rel=1e-14, abs=0)
    assert one == pytest.approx(other, rel=1e-12, abs=0)


def test_widths_add_over_flavours() -> None:
    both = HNL.widths(m_N=0.3, Ue4_sq=2e-6, Utau4_sq=1e-6)
    electron, tau = HNL.widths(m_N=0.3, Ue4_sq=2e-6), HNL.widths(m_N=0.3, Utau4_sq=1e-6)
    for channel, width in both.items():
        assert width == pytest.approx(electron[channel] + tau[channel], rel=1e-14, abs=0)
    assert electron["mu_pi"] == tau["e_pi"] == 0.0


def test_production() -> None:
    found = HNL.production("K", m_N=0.3, Umu4_sq=1e-6)
    assert set(found) == {"K->e N", "K->mu N", "K->pi0 e N", "K->pi0 mu N"}
    assert found["K->e N"] == 0 and found["K->mu N"] > 0
    assert HNL.production("K", m_N=0.3, Ue4_sq=1e-6)["K->e N"] > 0
    assert all(value == 0 for value in HNL.production("pi", m_N=0.3, Umu4_sq=1e-6).values())


def test_without_mixing_it_is_stable() -> None:
    assert HNL.ctau(m_N=0.3) == math.inf
    with pytest.raises(InputError, match="stable"):
        HNL.branching_ratios(m_N=0.3)


def test_bad_input() -> None:
    with pytest.raises(InputError, match="did you mean 'KL'"):
        HNL.production("K_L", m_N=0.1)
    with pytest.raises(InputError, match="up to 2 GeV"):
        HNL.widths(m_N=5.0)
    with pytest.raises(InputError, match="dirac or majorana"):
        HNL.widths(m_N=0.1, nature="weyl")
