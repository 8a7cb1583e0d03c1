"""Sums of experiments: what is added, in which order, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr
from cubes import axis, cube
from scipy.optimize import minimize

from scanner.analysis.totals import total
from scanner.errors import InputError

RNG = np.random.default_rng(11)
AXES = {"p": axis(np.geomspace(1, 1000, 4), "log", "eV^2"), "q": axis(np.linspace(0, 1, 5))}
SHARED = {"a": {"nuisances": ["flux", "norm"]}, "c": {"nuisances": ["norm"]}, "d": {"nuisances": ["own"]}}


def numbers(*shape: int) -> np.ndarray:
    return RNG.uniform(1, 99, shape).astype(np.float32)


@pytest.fixture(scope="module")
def dataset() -> xr.Dataset:
    values = {name: numbers(4, 5) for name in "dbca"}
    values["b"][1, 2] = np.nan
    return cube(AXES, values)


def test_sums_are_lazy_in_float64_and_in_order_of_name(dataset: xr.Dataset) -> None:
    found = dataset.scan.total(["d", "a", "b"])
    a, b, d = (dataset.chi2.sel(experiment=name).values.astype(float) for name in "abd")
    assert found.chunks == dataset.chi2.chunks[1:] and found.attrs["experiments"] == ["a", "b", "d"]
    np.testing.assert_array_equal(found, (a + b) + d)
    assert np.isnan(found.values[1, 2]) and np.isnan(found).sum() == 1


def test_a_single_selected_experiment_can_be_summed(dataset: xr.Dataset) -> None:
    np.testing.assert_array_equal(total(dataset.sel(experiment="a")), dataset.chi2.sel(experiment="a"))


def test_the_stored_sum_is_taken_where_it_is_the_one_asked_for(dataset: xr.Dataset) -> None:
    merged = dataset.assign(total=(("p", "q"), np.full((4, 5), 7.0)))
    assert bool((merged.scan.total() == 7).all()) and merged.scan.total().attrs["experiments"] == list("abcd")
    np.testing.assert_array_equal(merged.scan.total(["a", "b"]), dataset.scan.total(["a", "b"]))


def with_nuisances(facts: dict[str, Any]) -> xr.Dataset:
    """Four experiments of which a and c share one nuisance parameter; their own χ² is the profiled polynomial."""
    values = {name: numbers(4, 5).astype(float) for name in "abcd"}
    terms = np.full((4, 6, 4, 5), np.nan)
    for i, k in ((0, 2), (2, 1), (3, 1)):
        gradient, root = RNG.normal(0, 4, (k, 4, 5)), RNG.normal(0, 2, (k, k, 4, 5))
        curvature = np.einsum("ij...,kj...->ik...", root, root)
        terms[i, : 1 + k] = np.stack([numbers(4, 5), *gradient])
        terms[i, 1 + k : 1 + k + k * (k + 1) // 2] = [curvature[m, n] for m in range(k) for n in range(m, k)]
        penalised = np.moveaxis(curvature, (0, 1), (-2, -1)) + 2 * np.eye(k)
        pulled = np.linalg.solve(penalised, np.moveaxis(gradient, 0, -1)[..., None])[..., 0]
        values["abcd"[i]] = terms[i, 0] - np.einsum("i...,...i", gradient, pulled) / 2
    values["b"][3, 4] = np.nan
    dataset = cube(AXES, values, facts)
    return dataset.assign(pull_terms=(("experiment", "term", "p", "q"), terms)).chunk(p=3, q=3, term=2)


def joint(dataset: xr.Dataset, i: int, j: int) -> float:
    """Brute force: −2 ln L of all at a point, minimised over flux, norm and d's own nuisance."""
    a, c, d = (dataset.pull_terms.values["abcd".index(name), :, i, j] for name in "acd")

    def value(nu: np.ndarray) -> float:
        flux, norm, own = nu
        of_a = a[0] + a[1] * flux + a[2] * norm + a[3] * flux**2 / 2 + a[4] * flux * norm + a[5] * norm**2 / 2
        of_c = c[0] + c[1] * norm + c[2] * norm**2 / 2
        return float(of_a + of_c + d[0] + d[1] * own + d[2] * own**2 / 2 + nu @ nu)

    return float(minimize(value, np.zeros(3), tol=1e-12).fun + dataset.chi2.values[1, i, j])


def test_shared_nuisances_are_fitted_jointly() -> None:
    dataset = with_nuisances(SHARED)
    found = dataset.scan.total()
    assert found.chunks is not None and np.isnan(found.values[3, 4])
    for i, j in ((0, 0), (2, 3), (3, 1)):
        assert found.values[i, j] == pytest.approx(joint(dataset, i, j), rel=1e-9)
        assert found.values[i, j] != pytest.approx(float(dataset.chi2.isel(p=i, q=j).sum()), rel=1e-3)
    np.testing.assert_array_equal(dataset.scan.total(["a", "b", "d"]), with_own(dataset, "abd"))


def with_own(dataset: xr.Dataset, names: str) -> np.ndarray:
    return sum(dataset.chi2.sel(experiment=name).values for name in names)  # type: ignore[return-value]


def test_shared_nuisances_need_their_terms() -> None:
    dataset = with_nuisances(SHARED).drop_vars("pull_terms")
    with pytest.raises(InputError, match="lacks the pull_terms of their joint fit"):
        dataset.scan.total(["a", "c"])
    np.testing.assert_array_equal(dataset.scan.total(["a", "d"]), with_own(dataset, "ad"))


def test_a_common_covariance_is_refused_and_the_combined_fit_named(dataset: xr.Dataset) -> None:
    facts = {**dataset.attrs["experiments"], "a": {"data_sets": ["one"], "correlated": {"b": "joint"}}}
    for names in (["a", "b"], ["b", "a", "c"]):
        with pytest.raises(InputError, match="a and b have a common covariance") as caught:
            dataset.assign_attrs(experiments=facts).scan.total(names)
        assert "'joint'" in str(caught.value)


def test_shared_data_are_refused(dataset: xr.Dataset) -> None:
    facts = {**dataset.attrs["experiments"], "c": {"data_sets": ["more", "data of b"]}}
    with pytest.raises(InputError, match="b and c share data \\(data of b\\)"):
        dataset.assign_attrs(experiments=facts).scan.total()


@pytest.mark.parametrize(
    ("names", "fragment"),
    [(["aa"], "did you mean 'a'"), ([], "one experiment or more"), (["a", "a"], "each once"), ("a", "a list of names")],
)
def test_names(dataset: xr.Dataset, names: Any, fragment: str) -> None:
    with pytest.raises(InputError, match=fragment):
        dataset.scan.total(names)
