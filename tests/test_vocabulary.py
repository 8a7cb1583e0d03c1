"""Parameters: numbers in a range, and choices of names."""

from __future__ import annotations

import pytest

from scanner.errors import InputError
from scanner.vocabulary import Monomial, Parameter, complete

MASS = Parameter("m_N", "GeV", 0.1, 0.01, 2.0)
NATURE = Parameter.choice("nature", "dirac", "majorana")


@pytest.mark.parametrize("value", ["2", 2, 2.0])
def test_a_choice_may_be_a_digit(value: object) -> None:
    number = Parameter.choice("lepton_number_phi", "0", "2")
    assert number.shown(number.number(value, "")) == "2"


def test_values_are_completed_by_defaults() -> None:
    assert complete((MASS, NATURE), {"nature": "majorana"}, "here") == {"m_N": 0.1, "nature": 1.0}
    assert complete((MASS, NATURE), {"m_N": 2}, "here") == {"m_N": 2.0, "nature": 0.0}


def test_a_choice_is_shown_by_its_name() -> None:
    assert [NATURE.shown(NATURE.number(name, "")) for name in NATURE.choices] == ["dirac", "majorana"]
    assert MASS.shown(0.5) == 0.5


@pytest.mark.parametrize(
    ("given", "fragments"),
    [
        ({"m_N": "abc"}, ("here.m_N: should be a number", "'abc'", "0.01 to 2 GeV")),
        ({"m_N": True}, ("should be a number", "True")),
        ({"m_N": None}, ("should be a number", "nothing")),
        ({"m_N": 3.0}, ("outside the range of parameter 'm_N'", "3.0", "0.01 to 2 GeV")),
        ({"m_N": float("nan")}, ("outside the range", "nan")),
        ({"nature": "dirak"}, ("no choice of parameter 'nature'", "dirac or majorana", "did you mean 'dirac'?")),
        ({"nature": 1}, ("no choice", "dirac or majorana")),
        ({"m_M": 1.0}, ("unknown parameter 'm_M'", "did you mean 'm_N'?")),
    ],
)
def test_refusals(given: dict[str, object], fragments: tuple[str, ...]) -> None:
    with pytest.raises(InputError) as caught:
        complete((MASS, NATURE), given, "here")
    for fragment in fragments:
        assert fragment in str(caught.value)


@pytest.mark.parametrize("power", [-1, 0, 0.3])
def test_a_monomial_refuses_what_a_kernel_would_drop(power: float) -> None:
    with pytest.raises(ValueError, match="positive powers n or n/2"):
        Monomial(1.0, {"f_a": power})


def test_monomials_multiply() -> None:
    found = Monomial(2.0, {"a": 1, "b": 0.5}) * Monomial(3.0, {"b": 0.5, "c": 2})
    assert found.value({"a": 2.0, "b": 5.0, "c": 3.0}) == 6 * 2 * 5 * 9
