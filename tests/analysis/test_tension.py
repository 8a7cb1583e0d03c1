"""The parameter goodness of fit against closed forms and brute force."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from cubes import axis, cube
from scipy import stats

from scanner.errors import InputError

X, Y = np.linspace(-5, 5, 201), np.linspace(0, 1, 4)


@pytest.fixture(scope="module")
def dataset() -> xr.Dataset:
    """Two measurements of x, 1 ± 1 and −1.25 ± 0.75, one that also depends on y, and one of y alone."""
    values = {
        "a": (X[:, None] - 1) ** 2 + 10,
        "b": ((X[:, None] + 1.25) / 0.75) ** 2 + 20,
        "c": X[:, None] ** 2 + (Y[None, :] - 1) ** 2,
        "d": 9 * Y[None, :],
    }
    facts = {"a": {"axes": ["x"]}, "b": {"axes": ["x"]}, "c": {"axes": ["x", "y"]}, "d": {"axes": ["y"]}}
    return cube({"x": axis(X), "y": axis(Y), "z": axis([1.0])}, {n: v[..., None] for n, v in values.items()}, facts)


def test_two_measurements_of_one_quantity(dataset: xr.Dataset) -> None:
    """Their χ² is that of the difference: (2.25)² / (1 + 0.75²) for one degree of freedom."""
    found = dataset.scan.tension({"first": ["a"], "second": ["b"]})
    expected = 2.25**2 / (1 + 0.75**2)
    assert found.chi2_pg == pytest.approx(expected, abs=2e-3) and found.dof == 1
    assert found.p_value == pytest.approx(stats.chi2.sf(found.chi2_pg, 1), rel=1e-12)
    assert found.sigma == pytest.approx(np.sqrt(found.chi2_pg), rel=1e-9)  # two-sided, of one degree of freedom
    assert found.minima["first"].chi2 == 10 and found.minima["second"].point["x"] == pytest.approx(-1.25)


def test_brute_force_with_several_parameters(dataset: xr.Dataset) -> None:
    found = dataset.scan.tension({"x": ["a", "b"], "y": ["d"], "both": ["c"]})
    a, b, c, d = np.broadcast_arrays(*(dataset.chi2.sel(experiment=n).values for n in "abcd"))
    assert found.chi2_pg == (((a + b) + c) + d).min() - ((a + b).min() + d.min() + c.min())
    assert found.dof == (1 + 1 + 2) - 2
    assert found.together.experiments == ("a", "b", "c", "d")


def test_data_on_a_product_of_parameters_have_their_degrees_of_freedom_given() -> None:
    """Two measurements of x y: one degree of freedom, though there are two axes."""
    x, y = np.linspace(1, 3, 21)[:, None], np.linspace(1, 3, 21)
    values = {"a": (x * y - 3) ** 2, "b": (x * y - 5) ** 2}
    dataset = cube({"x": axis(x[:, 0]), "y": axis(y)}, values)
    groups = {"first": ["a"], "second": ["b"]}
    found = dataset.scan.tension(groups, dof=1)
    assert found.dof == 1 and dataset.scan.tension(groups).dof == 2
    assert found.chi2_pg == pytest.approx(2, abs=0.01) and found.sigma == pytest.approx(np.sqrt(2), abs=0.01)
    for dof in (0, 3):
        with pytest.raises(InputError, match="1 to 2"):
            dataset.scan.tension(groups, dof=dof)


def test_agreement_is_no_tension(dataset: xr.Dataset) -> None:
    same = dataset.assign(chi2=dataset.chi2 * 0)
    found = same.scan.tension({"first": ["a"], "second": ["b"]})
    assert (found.chi2_pg, found.p_value, found.sigma) == (0, 1, 0)


def test_shared_nuisances_are_minimised_jointly() -> None:
    """Two rates n (1 + 0.3 ν) x with one flux error ν: the difference hardly knows of it."""
    nu = np.linspace(-6, 6, 2401)[:, None]
    rates, error = {"a": 4.0, "b": 6.0}, 0.5
    values, terms = {}, {}
    for name, rate in rates.items():
        slope = 0.9 * X  # d prediction / d ν, about a prediction of 3 x
        terms[name] = np.stack(
            [((3 * X - rate) / error) ** 2, 2 * slope * (3 * X - rate) / error**2, 2 * (slope / error) ** 2]
        )
        values[name] = (((3 * X + slope * nu - rate) / error) ** 2 + nu**2).min(0)
    facts: dict[str, Any] = {name: {"nuisances": ["flux"], "axes": ["x"]} for name in rates}
    dataset = cube({"x": axis(X)}, values, facts)
    dataset = dataset.assign(pull_terms=(("experiment", "term", "x"), np.stack(list(terms.values()))))
    found = dataset.scan.tension({"first": ["a"], "second": ["b"]})
    joint = sum(((3 * X + 0.9 * X * nu - rate) / error) ** 2 for rate in rates.values()) + nu**2
    assert found.together.chi2 == pytest.approx(joint.min(), abs=1e-3)
    separately = cube({"x": axis(X)}, values, {n: {"axes": ["x"]} for n in rates})
    assert found.chi2_pg > separately.scan.tension({"first": ["a"], "second": ["b"]}).chi2_pg + 0.5


@pytest.mark.parametrize(
    ("groups", "fragment"),
    [
        ({"one": ["a", "b"]}, "two groups or more"),
        ({"one": ["a", "b"], "two": ["b"]}, "one and two overlap"),
        ({"one": ["a"], "two": ["d"]}, "no parameter in common"),
        ({"one": ["a"], "two": ["e"]}, "not in this cube: 'e'"),
        ({"one": ["a"], "two": []}, "one experiment or more"),
    ],
)
def test_bad_groups(dataset: xr.Dataset, groups: dict[str, list[str]], fragment: str) -> None:
    with pytest.raises(InputError) as caught:
        dataset.scan.tension(groups)
    assert fragment in str(caught.value)
