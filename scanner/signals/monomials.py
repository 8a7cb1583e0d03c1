"""Couplings as kernels take them: all monomials of a chunk of points at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import types

from scanner.physics.kernel import INPUT, INPUT_INDEX, kernel
from scanner.vocabulary import Monomial


class PackedMonomials(NamedTuple):
    """Monomials as a kernel takes them: coefficients, and the indices of their factors one after another."""

    coefficients: np.ndarray
    ends: np.ndarray
    factors: np.ndarray
    """i for a parameter, -1 - i for its square root."""


def pack_monomials(monomials: Sequence[Monomial], parameters: Sequence[str]) -> PackedMonomials:
    """Return monomials in `parameters` for `fill_monomials`."""
    factors = [[i for p, n in m.powers.items() for i in _factors(parameters.index(p), n)] for m in monomials]
    return PackedMonomials(
        np.array([m.coefficient for m in monomials]),
        np.cumsum([len(f) for f in factors], dtype=np.int64),
        np.array([i for f in factors for i in f], dtype=np.int64),
    )


def _factors(parameter: int, power: float) -> list[int]:
    return [parameter] * int(power) + [-1 - parameter] * (power != int(power))


@kernel(types.void(types.float64[:, ::1], INPUT, INPUT_INDEX, INPUT_INDEX, types.float64[:, ::1]))
def fill_monomials(values, coefficients, ends, factors, out):  # type: ignore[no-untyped-def]
    """Fill the values of packed monomials, one row each, from those of parameters, at many points."""
    first = 0
    for number in range(coefficients.size):
        for point in range(out.shape[1]):
            out[number, point] = coefficients[number]
        for i in range(first, ends[number]):
            factor = factors[i]
            for point in range(out.shape[1]):
                if factor >= 0:
                    out[number, point] *= values[factor, point]
                else:
                    out[number, point] *= math.sqrt(values[-1 - factor, point])
        first = ends[number]
