"""Arithmetic on a model's parameters, written in a file: names, numbers, + - * /, whole powers, and sqrt.

These are the operations that IEEE 754 rounds correctly, so that numpy gives the same bits on every machine.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scanner.errors import InputError

Float = NDArray[np.float64]

MOST = 12
"""Largest power."""

_ALLOWED = "names of parameters, numbers, + - * /, **n with n from 1 to 12, sqrt(...) and parentheses"
_BINARY: dict[type[ast.operator], Callable[[Float, Float], Float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


@dataclass(frozen=True)
class Expression:
    """An expression, read.

    Parameters
    ----------
    text
        As written.
    names
        Of the parameters in it, in alphabetical order.
    """

    text: str
    names: tuple[str, ...]

    @classmethod
    def read(cls, text: str, where: str) -> Expression:
        """Return an expression.

        Parameters
        ----------
        text
            To be read.
        where
            What to name in an error.

        Raises
        ------
        InputError
            For what is not such arithmetic.
        """
        try:
            tree = ast.parse(text.strip(), mode="eval").body
        except (SyntaxError, ValueError):
            raise InputError(where, "not an expression", text, _ALLOWED) from None
        names: set[str] = set()
        _check(tree, names, text, where)
        return cls(text.strip(), tuple(sorted(names)))

    def at(self, values: Mapping[str, Float]) -> Float:
        """Return its values at those of the parameters; NaN or infinite where it divides by zero."""
        with np.errstate(all="ignore"):
            return np.asarray(_value(ast.parse(self.text, mode="eval").body, values), dtype=np.float64)


def _check(node: ast.expr, names: set[str], text: str, where: str) -> None:
    """Raise an InputError for anything that `_value` does not know; collect names."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        _check(node.left, names, text, where)
        power = node.right.value if isinstance(node.right, ast.Constant) else None
        if type(power) is not int or not 1 <= power <= MOST:
            raise InputError(where, f"no whole power: {ast.unparse(node)}", text, _ALLOWED)
    elif isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        _check(node.left, names, text, where)
        _check(node.right, names, text, where)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        _check(node.operand, names, text, where)
    elif _is_root(node):
        _check(node.args[0], names, text, where)  # type: ignore[attr-defined]
    elif isinstance(node, ast.Name):
        names.add(node.id)
    elif not (isinstance(node, ast.Constant) and type(node.value) in (int, float)):
        raise InputError(where, f"cannot be part of an expression: {ast.unparse(node)}", text, _ALLOWED)


def _is_root(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "sqrt"
        and len(node.args) == 1
        and not node.keywords
    )


def _value(node: ast.expr, values: Mapping[str, Float]) -> Float:
    """Evaluate what `_check` has let pass; a power is a product, one factor after the other."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        base = _value(node.left, values)
        result = base
        for _ in range(node.right.value - 1):  # type: ignore[attr-defined]
            result = result * base
        return result
    if isinstance(node, ast.BinOp):
        return _BINARY[type(node.op)](_value(node.left, values), _value(node.right, values))
    if isinstance(node, ast.UnaryOp):
        return -_value(node.operand, values)
    if isinstance(node, ast.Call):
        return np.sqrt(_value(node.args[0], values))
    if isinstance(node, ast.Name):
        return values[node.id]
    assert isinstance(node, ast.Constant)
    return np.float64(node.value)  # type: ignore[return-value,arg-type]
