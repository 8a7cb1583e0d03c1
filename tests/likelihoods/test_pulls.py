"""Sums of experiments with shared nuisance parameters against joint minimisation."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize

from scanner.errors import InputError
from scanner.likelihoods.pulls import CHUNK, combine, connected, number_of_terms

NUISANCES = {"a": ("flux", "norm"), "b": (), "c": ("norm",), "d": ("lonely",), "e": ("x", "y", "flux"), "f": ()}


def polynomials(nuisances: dict[str, tuple[str, ...]], shape: tuple[int, ...], seed: int = 1):  # type: ignore[no-untyped-def]
    """Random polynomials with their own minima, as an experiment would give them: (chi2, terms, arrays)."""
    rng = np.random.default_rng(seed)
    chi2, terms, arrays = {}, {}, {}
    for name, own in nuisances.items():
        k = len(own)
        value, gradient = rng.uniform(5, 50, shape), rng.normal(0, 4, (*shape, k))
        root = rng.normal(size=(*shape, k, k))
        curvature = root @ np.swapaxes(root, -1, -2)
        step = np.linalg.solve(curvature + 2 * np.eye(k), gradient[..., None])[..., 0] if k else gradient
        chi2[name] = value - 0.5 * np.sum(gradient * step, axis=-1)
        arrays[name] = value, gradient, curvature
        if k:
            triangle = [curvature[..., i, j] for i in range(k) for j in range(i, k)]
            terms[name] = np.stack([value, *np.moveaxis(gradient, -1, 0), *triangle])
    return chi2, terms, arrays


def joint_minimum(names: list[str], arrays: dict, point: tuple[int, ...]) -> float:  # type: ignore[type-arg]
    """−2 ln L of all experiments with one penalty a parameter, minimised by scipy."""
    parameters = sorted({n for name in names for n in NUISANCES[name]})

    def cost(x: np.ndarray) -> float:
        total = float(x @ x)
        for name in names:
            value, gradient, curvature = (array[point] for array in arrays[name])
            own = np.array([x[parameters.index(n)] for n in NUISANCES[name]])
            total += value + (gradient @ own + 0.5 * own @ curvature @ own if own.size else 0.0)
        return total

    return float(optimize.minimize(cost, np.zeros(len(parameters)), method="BFGS", tol=1e-10).fun)


def test_number_of_terms() -> None:
    for k in range(12):
        assert number_of_terms(k) == sum(1 for order in range(3) for _ in _multisets(k, order))


def _multisets(k: int, order: int) -> itertools.combinations_with_replacement[int]:
    return itertools.combinations_with_replacement(range(k), order)


def test_against_a_joint_fit() -> None:
    chi2, terms, arrays = polynomials(NUISANCES, (3, 4))
    found = combine(chi2, NUISANCES, terms)
    for point in np.ndindex(3, 4):
        assert found[point] == pytest.approx(joint_minimum(list(NUISANCES), arrays, point), rel=1e-9)
    assert np.abs(found - sum(chi2.values())).min() > 1e-3  # one penalty for two, and no longer each its own best value


def test_what_is_not_shared_adds_exactly() -> None:
    """In order of name, in float64, without a look at the terms."""
    chi2, _, _ = polynomials(NUISANCES, (50,))
    single = {name: array.astype(np.float32) for name, array in chi2.items() if name in "bdf"}
    expected = (single["b"].astype(float) + single["d"]) + single["f"]
    found = combine(single, NUISANCES, {})
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, expected)


@given(order=st.permutations(sorted(NUISANCES)), own=st.randoms(use_true_random=False))
@settings(max_examples=25, deadline=None)
def test_the_same_bits_in_any_order(order, own) -> None:  # type: ignore[no-untyped-def]
    """Of experiments, and of the names in one: only the terms must follow."""
    chi2, terms, arrays = polynomials(NUISANCES, (5,))
    expected = combine(chi2, NUISANCES, terms)
    renamed, moved = {}, {}
    for name in order:
        k = len(NUISANCES[name])
        places = own.sample(range(k), k)
        renamed[name] = tuple(NUISANCES[name][i] for i in places)
        if k:
            value, gradient, curvature = arrays[name]
            triangle = [curvature[:, places[i], places[j]] for i in range(k) for j in range(i, k)]
            moved[name] = np.stack([value, *(gradient[:, i] for i in places), *triangle])
    found = combine({name: chi2[name] for name in order}, renamed, moved)
    np.testing.assert_array_equal(found, expected)


def test_a_point_is_the_same_bits_wherever_it_is() -> None:
    """In any chunk, as float32 or float64 of the same value, contiguous, padded, or broadcast."""
    chi2, terms, _ = polynomials(NUISANCES, (CHUNK + 3,))
    chi2, terms = ({n: x.astype(np.float32) for n, x in arrays.items()} for arrays in (chi2, terms))
    whole = combine(chi2, NUISANCES, terms)
    some = slice(CHUNK - 2, CHUNK + 3)
    part = {n: np.pad(x[:, some].astype(float), ((0, 4), (0, 0)), constant_values=np.nan) for n, x in terms.items()}
    np.testing.assert_array_equal(combine({n: x[some] for n, x in chi2.items()}, NUISANCES, part), whole[some])
    wide = {n: np.broadcast_to(x[:, some, None], (len(x), 5, 7)) for n, x in terms.items()}
    broadcast = combine({n: np.broadcast_to(x[some, None], (5, 7)) for n, x in chi2.items()}, NUISANCES, wide)
    np.testing.assert_array_equal(broadcast, np.broadcast_to(whole[some, None], (5, 7)))


def test_a_point_that_is_not_ok_is_nan_alone() -> None:
    chi2, terms, _ = polynomials(NUISANCES, (6,))
    good = combine(chi2, NUISANCES, terms)
    chi2["b"][0] = np.nan
    chi2["a"][1] = np.nan  # its terms may still hold numbers
    terms["c"][:, 2] = np.nan
    terms["e"][4, 3] = -1e3  # a curvature that no penalty makes up for
    found = combine(chi2, NUISANCES, terms)
    assert np.isnan(found[:4]).all()
    np.testing.assert_array_equal(found[4:], good[4:])


def test_no_points_at_all() -> None:
    chi2, terms, _ = polynomials(NUISANCES, (0, 3))
    assert combine(chi2, NUISANCES, terms).shape == (0, 3)


def test_connections_reach_through_others() -> None:
    assert connected("fedcba", NUISANCES) == (("a", "c", "e"), ("b",), ("d",), ("f",))
    assert connected("ce", NUISANCES) == (("c",), ("e",))


def test_missing_terms_are_refused() -> None:
    chi2, terms, _ = polynomials(NUISANCES, (2,))
    with pytest.raises(InputError, match=r"e: shares nuisance parameters.*\n.*8 terms.*\n.*10 terms"):
        combine(chi2, NUISANCES, {**terms, "e": terms["e"][:8]})
    with pytest.raises(InputError, match="c: shares nuisance"):
        combine(chi2, NUISANCES, {name: array for name, array in terms.items() if name != "c"})
