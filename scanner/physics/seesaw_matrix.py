"""Seesaws of three generations and any number of heavy states, diagonalised in decimal arithmetic.

-L = Y_ai L̄_a H̃ N_i + ½ N̄ᶜ M_N N + h.c. gives the mass matrix [[δm, M_D], [M_D^T, M_N]] = U diag(masses) U^T with
M_D = Y v/√2 and flavour states ν_a = Σ_i U_ai n_i. Light masses are what is left of sums over heavy states that
cancel over as many digits as they are lighter, so every intermediate result has 120 digits; what comes out is
rounded once, and has the same bits on every machine.

At one loop, with M_N = V diag(m) V^T and F(t) = ln(t)/(t - 1)::

    δm = 1/(16π²v²) M_D V* diag(m_i [F(m_i²/m_h²) + 3 F(m_i²/m_Z²)]) V† M_D^T,

to be compared with the tree's -M_D M_N⁻¹ M_D^T. References: Pilaftsis, hep-ph/9901206; Grimus & Lavoura,
hep-ph/0207229.
"""

from __future__ import annotations

import decimal
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scanner.errors import InputError
from scanner.physics.particles import MASS
from scanner.physics.seesaw import HIGGS_VEV, LOOP_FACTOR, MAX_YUKAWA

DIGITS = 120
"""Of every intermediate result."""

SPAN = 1e30
"""Largest ratio of non-zero entries: a mass suppressed by its third power is still correct to rounding."""

NEGLIGIBLE = Decimal("1e-100")
"""Of the largest mass: smaller masses and splittings are zero, as rank or lepton number make them."""

_MAX_SWEEPS = 60  # convergence is quadratic: about a dozen are needed
_CONTEXT = decimal.Context(prec=DIGITS, rounding=decimal.ROUND_HALF_EVEN, Emin=-999_999, Emax=999_999)


class _Long(NamedTuple):
    """A complex matrix: object arrays of Decimal."""

    real: NDArray[Any]
    imag: NDArray[Any]

    @classmethod
    def exactly(cls, matrix: NDArray[np.complex128]) -> _Long:
        """Floats are decimal numbers of finite length, and Decimal(float) is exact."""
        to_decimal = np.frompyfunc(lambda value: Decimal(float(value)), 1, 1)
        return cls(to_decimal(matrix.real), to_decimal(matrix.imag))

    def __matmul__(self, other: _Long) -> _Long:
        return _Long(
            self.real @ other.real - self.imag @ other.imag,
            self.real @ other.imag + self.imag @ other.real,
        )

    def transpose(self) -> _Long:
        return _Long(self.real.T, self.imag.T)

    def conjugate(self) -> _Long:
        return _Long(self.real, -self.imag)

    def scaled(self, factors: Any) -> _Long:
        """Multiply by a number, or columns by numbers."""
        return _Long(self.real * factors, self.imag * factors)

    def rounded(self) -> NDArray[np.complex128]:
        return self.real.astype(float) + 1j * self.imag.astype(float)


def _jacobi(matrix: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Eigenvalues of a real symmetric matrix of Decimal, and its orthonormal eigenvectors as rows, not sorted.

    Golub & Van Loan, Matrix Computations, 8.5.
    """
    h, size = matrix.copy(), len(matrix)
    vectors = np.array([[Decimal(int(i == j)) for j in range(size)] for i in range(size)], dtype=object)
    tiny = max(abs(entry) for entry in h.ravel()).scaleb(4 - DIGITS)
    for _ in range(_MAX_SWEEPS):
        large = [(p, q) for p in range(size - 1) for q in range(p + 1, size) if abs(h[p, q]) > tiny]
        if not large:
            return np.diag(h), vectors
        for p, q in large:
            if abs(h[p, q]) > tiny:
                cosine, sine = _rotation(h[p, p], h[q, q], h[p, q])
                for rows in (h, h.T, vectors):  # h.T is a view: the columns of h
                    upper, lower = rows[p].copy(), rows[q].copy()
                    rows[p], rows[q] = cosine * upper - sine * lower, sine * upper + cosine * lower
    raise InputError("M_N", f"its masses do not converge in {_MAX_SWEEPS} sweeps", hint="report this matrix")


def _rotation(first: Decimal, second: Decimal, mixed: Decimal) -> tuple[Decimal, Decimal]:
    """Cosine and sine of the smaller angle that annihilates the mixed entry."""
    cotangent = (second - first) / (2 * mixed)
    tangent = 1 / (abs(cotangent) + (cotangent * cotangent + 1).sqrt()).copy_sign(cotangent)
    cosine = 1 / (tangent * tangent + 1).sqrt()
    return cosine, tangent * cosine


def _takagi(matrix: _Long) -> tuple[NDArray[Any], _Long]:
    """Masses in ascending order, and U with matrix = U diag(masses) U^T."""
    # u = x + iy with matrix · u* = σu is the eigenvector (x, y), of eigenvalue σ, of this matrix; iu that of -σ.
    values, vectors = _jacobi(np.block([[matrix.real, matrix.imag], [matrix.imag, -matrix.real]]))
    size = len(matrix.real)
    zero = NEGLIGIBLE * max(abs(value) for value in values)
    order = sorted((i for i in range(2 * size) if values[i] > zero), key=lambda i: values[i])
    null = _complex_basis(vectors[[i for i in range(2 * size) if abs(values[i]) <= zero]], size - len(order))
    rows = np.concatenate([null, vectors[order]])
    masses = np.array([Decimal(0)] * len(null) + [values[i] for i in order], dtype=object)
    return masses, _Long(rows[:, :size].T, rows[:, size:].T)


def _complex_basis(vectors: NDArray[Any], count: int) -> NDArray[Any]:
    """Choose `count` complex-orthonormal vectors (x, y) of a space that holds (-y, x), too, for every (x, y)."""
    chosen: list[NDArray[Any]] = []
    rest = vectors.copy()
    for _ in range(count):
        norms = (rest * rest).sum(axis=1)
        best = int(np.argmax(norms))
        one = rest[best] / norms[best].sqrt()
        half = len(one) // 2
        other = np.concatenate([-one[half:], one[:half]])
        rest = rest - np.outer(rest @ one, one) - np.outer(rest @ other, other)
        chosen.append(one)
    return np.array(chosen, dtype=object).reshape(count, vectors.shape[1])


def takagi(matrix: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.complex128]]:
    """Takagi factorisation of a complex symmetric matrix: matrix = U diag(masses) U^T with U unitary.

    Parameters
    ----------
    matrix
        Shape (n, n), symmetric to 1e-12; taken as exact after that.

    Returns
    -------
    masses : float64[n]
        Not negative, in ascending order, each correct to rounding: those below 1e-100 of the largest one are
        exactly 0, and are, but for cancellations no float can resolve, zero by the matrix' rank.
    U : complex128[n, n]
        One column a mass, fixed up to its sign where masses differ.

    Raises
    ------
    InputError
        For a matrix that is not square, symmetric and finite, or has non-zero entries farther apart than `SPAN`.

    Examples
    --------
    >>> masses, U = takagi([[0, 1e-3], [1e-3, 1e12]])
    >>> print(masses)
    [1.e-18 1.e+12]
    """
    checked = _symmetric(matrix, "matrix")
    _check_span("matrix", checked)
    with decimal.localcontext(_CONTEXT):
        masses, U = _takagi(_Long.exactly(checked))
        return masses.astype(float), U.rounded()


class MatrixSeesaw(NamedTuple):
    """Masses and mixings of three generations of active neutrinos and n heavy ones."""

    m_nu_tree: NDArray[np.float64]
    """Light masses at tree level [GeV], ascending, shape (3,)."""
    m_nu: NDArray[np.float64]
    """Light masses with the loop [GeV], ascending, shape (3,)."""
    m_loop: NDArray[np.complex128]
    """One-loop part of the light mass matrix [GeV], shape (3, 3)."""
    m_N: NDArray[np.float64]
    """Heavy masses [GeV], ascending, shape (n,)."""
    splittings: NDArray[np.float64]
    """Differences of neighbouring heavy masses [GeV], to their own precision, shape (n - 1,)."""
    U: NDArray[np.complex128]
    """Flavours e, mu, tau against all mass eigenstates, the light ones first, shape (3, 3 + n)."""

    @property
    def pmns(self) -> NDArray[np.complex128]:
        """Mixing of the light neutrinos, which is not quite unitary, shape (3, 3)."""
        return self.U[:, :3]

    @property
    def U_sq(self) -> NDArray[np.float64]:
        """|U_ai|² of the heavy states, shape (3, n)."""
        return self.U.real[:, 3:] ** 2 + self.U.imag[:, 3:] ** 2


def matrix_seesaw(Y: ArrayLike, M_N: ArrayLike, loop: bool = True) -> MatrixSeesaw:
    """Diagonalise a seesaw of three generations; the module has the conventions.

    Parameters
    ----------
    Y
        Yukawa couplings, shape (3, n), rows e, mu, tau.
    M_N
        Majorana mass matrix of the heavy fields [GeV], complex symmetric, shape (n, n).
    loop
        Whether the one-loop mass goes into m_nu and U.

    Returns
    -------
    MatrixSeesaw
        Masses and mixings, each correct to rounding for matrices taken as exact.

    Raises
    ------
    InputError
        For matrices that do not fit, are not finite, not perturbative, or span more than `SPAN`; and where the
        three lightest states are not mostly active.
    """
    yukawas, heavy = _checked(Y, M_N)
    with decimal.localcontext(_CONTEXT):
        M = _Long.exactly(heavy)
        D = _Long.exactly(yukawas).scaled(Decimal(HIGGS_VEV) / Decimal(2).sqrt())
        delta = _Long.exactly(np.zeros((3, 3), dtype=np.complex128))
        tree, mixing = _takagi(_joined(delta, D, M))
        masses = tree
        if loop:
            delta = _loop_matrix(D, M)
            masses, mixing = _takagi(_joined(delta, D, M))
        found = MatrixSeesaw(
            m_nu_tree=tree[:3].astype(float),
            m_nu=masses[:3].astype(float),
            m_loop=delta.rounded(),
            m_N=masses[3:].astype(float),
            splittings=_splittings(masses[3:]),
            U=mixing.rounded()[:3],
        )
    active = float((np.abs(found.pmns) ** 2).sum(axis=0).min())
    if not active > 0.5:
        problem = "the three lightest states are not mostly active neutrinos"
        raise InputError("M_N", problem, active, "an active part above 1/2", "make M_N large against Y v/√2")
    return found


def _splittings(masses: NDArray[Any]) -> NDArray[np.float64]:
    differences = np.diff(masses)
    differences[differences <= NEGLIGIBLE * masses[-1]] = Decimal(0)
    return differences.astype(float)


def _joined(delta: _Long, D: _Long, M: _Long) -> _Long:
    return _Long(*(np.block([[a, b], [b.T, c]]) for a, b, c in zip(delta, D, M, strict=True)))


def _loop_matrix(D: _Long, M: _Long) -> _Long:
    """δm of the module's formula."""
    masses, V = _takagi(M)
    if masses[0] == 0:
        raise InputError("M_N", "is singular: a heavy state without a mass is none")
    bosons = [(Decimal(MASS["H"]), 1), (Decimal(MASS["Z"]), 3)]
    weights = [mass * sum(n * _long_loop_function((mass / boson) ** 2) for boson, n in bosons) for mass in masses]
    right = D @ V.conjugate()
    return (right.scaled(np.array(weights, dtype=object)) @ right.transpose()).scaled(Decimal(LOOP_FACTOR))


def _long_loop_function(t: Decimal) -> Decimal:
    return Decimal(1) if t == 1 else t.ln() / (t - 1)


def _checked(Y: ArrayLike, M_N: ArrayLike) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    heavy = _symmetric(M_N, "M_N")
    yukawas = _matrix(Y, "Y")
    if yukawas.shape != (3, len(heavy)):
        raise InputError(
            "Y", "its shape does not fit", yukawas.shape, f"(3, {len(heavy)}), as M_N has {len(heavy)} rows"
        )
    if np.abs(yukawas).max() > MAX_YUKAWA:
        raise InputError("Y", "not perturbative", float(np.abs(yukawas).max()), f"|Y| up to √4π = {MAX_YUKAWA:.3g}")
    _check_span("Y v/√2 and M_N", yukawas * HIGGS_VEV, heavy)
    return yukawas, heavy


def _matrix(value: ArrayLike, where: str) -> NDArray[np.complex128]:
    try:
        matrix = np.array(value, dtype=np.complex128)
    except (TypeError, ValueError):
        raise InputError(where, "is not a matrix of numbers", value) from None
    if matrix.ndim != 2 or not matrix.size or not np.isfinite(matrix).all():
        raise InputError(where, "should be a matrix of finite numbers", value)
    return matrix


def _symmetric(value: ArrayLike, where: str) -> NDArray[np.complex128]:
    matrix = _matrix(value, where)
    if matrix.shape[0] != matrix.shape[1]:
        raise InputError(where, "is not square", matrix.shape, "(n, n)")
    if not np.allclose(matrix, matrix.T, rtol=1e-12, atol=0):
        raise InputError(where, "is not symmetric", allowed="a Majorana mass matrix, equal to its transpose")
    return (matrix + matrix.T) / 2


def _check_span(where: str, *matrices: NDArray[np.complex128]) -> None:
    entries = np.abs(np.concatenate([matrix.ravel() for matrix in matrices]))
    entries = entries[entries > 0]
    if entries.size and entries.max() / SPAN > entries.min():
        problem = f"entries from {entries.min():.3g} to {entries.max():.3g} are too far apart to be diagonalised"
        raise InputError(where, problem, allowed=f"a ratio up to {SPAN:g}")
