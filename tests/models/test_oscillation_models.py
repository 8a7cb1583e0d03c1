"""The oscillation models as users call them; the kernels have their own tests in tests/physics."""

from __future__ import annotations

import numpy as np
import pytest

import scanner
from scanner.errors import InputError
from scanner.units import OSCILLATION_PHASE


def test_two_flavour_vacuum() -> None:
    model = scanner.model("two_flavour")
    energy, length = np.linspace(0.2, 3, 7)[:, None], np.array([0.5, 1.0])
    found = model.probability("mu", "e", energy, length, dm2=1.3, sin2_2theta=0.4)
    assert found.shape == (7, 2)
    np.testing.assert_allclose(found, 0.4 * np.sin(OSCILLATION_PHASE * 1.3 * length / energy) ** 2, rtol=1e-12)
    stay = model.probability("mu", "mu", energy, length, dm2=1.3, sin2_2theta=0.4)
    np.testing.assert_allclose(stay, 1 - found, rtol=1e-12)
    assert (model.probability("tau", "tau", energy, length) == 1).all()
    assert (model.probability("mu", "s", energy, length) == 0).all()


def test_sterile_short_baseline_limit() -> None:
    """Far below the atmospheric scale, P = 4|U_α4|²|U_β4|² sin² with the exact constants."""
    model = scanner.model("sterile_3p1")
    mixing = {"Ue4_sq": 0.02, "Umu4_sq": 0.03, "Utau4_sq": 0.01, "dm2_21": 0.0, "dm2_31": 0.0, "dm2_41": 1.0}
    sine = np.sin(OSCILLATION_PHASE * 0.5 / 0.7) ** 2
    names = {"e": 0.02, "mu": 0.03, "tau": 0.01}
    for a, ua in names.items():
        for b, ub in names.items():
            expected = 1 - 4 * ua * (1 - ua) * sine if a == b else 4 * ua * ub * sine
            assert model.probability(a, b, 0.7, 0.5, **mixing) == pytest.approx(expected, rel=1e-10)


def test_rows_of_the_probability_sum_to_one() -> None:
    model = scanner.model("sterile_3p1")
    total = sum(
        model.probability("mu", b, [1.0, 4.0], 810.0, density=2.8, antineutrino=True, Ue4_sq=0.1, Umu4_sq=0.2)
        for b in ("e", "mu", "tau", "s")
    )
    np.testing.assert_allclose(total, 1, rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "fragment"),
    [
        (lambda m: m.probability("mu", "x", 1.0, 1.0), "unknown neutrino state 'x'"),
        (lambda m: m.probability("mu", "e", 0.0, 1.0), "an energy must be positive"),
        (lambda m: m.probability("mu", "e", 1.0, -1.0), "a baseline must be finite and not negative"),
        (lambda m: m.probability("mu", "e", 1.0, 1.0, Ue4=0.1), "did you mean 'Ue4_sq'?"),
        (lambda m: m.probability("mu", "e", 1.0, 1.0, Ue4_sq=1.1), "outside the range"),
        (lambda m: m.probability("mu", "e", 1.0, 1.0, Ue4_sq=0.6, Umu4_sq=0.6), "exceeds 1"),
        (lambda m: m.probability("mu", "e", 1.0, 1.0, density=-1.0), "density"),
        (lambda m: m.probability("mu", "e", 1.0, 1.0, density=1.0, Ye=1.5), "Ye"),
    ],
)
def test_bad_input_is_one_clear_error(call, fragment: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError) as caught:
        call(scanner.model("sterile_3p1"))
    assert fragment in str(caught.value)
