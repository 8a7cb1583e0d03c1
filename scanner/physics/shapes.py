"""Boxes, spheres and cylinders that matter and detectors are taken for, in a frame with the beam along +z."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from scanner.errors import InputError
from scanner.physics.kernel import INPUT, kernel
from scanner.physics.phase_space import gauss_legendre

_f8 = types.float64

Float = NDArray[np.float64]

AXES = ("x", "y", "z")

_BOX, _SPHERE, _CYLINDER = range(3)


class Box(NamedTuple):
    """A box with its edges along x, y and z; the beam goes along +z."""

    centre: tuple[float, float, float]
    """[m]."""
    half: tuple[float, float, float]
    """Half of each edge [m]."""

    @property
    def volume(self) -> float:
        """[m³]."""
        x, y, z = self.half
        return 8 * x * y * z

    @property
    def area(self) -> float:
        """Of the surface [m²]."""
        x, y, z = self.half
        return 8 * (x * y + y * z + z * x)


class Sphere(NamedTuple):
    """A sphere."""

    centre: tuple[float, float, float]
    """[m]."""
    radius: float
    """[m]."""

    @property
    def volume(self) -> float:
        """[m³]."""
        return 4 / 3 * math.pi * self.radius * self.radius * self.radius

    @property
    def area(self) -> float:
        """Of the surface [m²]."""
        return 4 * math.pi * self.radius * self.radius


class Cylinder(NamedTuple):
    """A round cylinder along x, y or z."""

    centre: tuple[float, float, float]
    """[m]."""
    axis: str
    """One of AXES."""
    radius: float
    """[m]."""
    half: float
    """Half of its length [m]."""

    @property
    def volume(self) -> float:
        """[m³]."""
        return 2 * math.pi * self.radius * self.radius * self.half

    @property
    def area(self) -> float:
        """Of the surface [m²]."""
        return 2 * math.pi * self.radius * (self.radius + 2 * self.half)


Shape = Box | Sphere | Cylinder


def check_shape(where: str, shape: Shape) -> None:
    """Raise an InputError unless a shape has a place, sizes and, if it is a cylinder, an axis."""
    sizes = shape.half if isinstance(shape, Box) else (shape.radius, getattr(shape, "half", 1.0))
    if not all(0 < size < math.inf for size in sizes):
        raise InputError(where, "sizes must be positive and finite", shape, "metres")
    if len(shape.centre) != 3 or not all(math.isfinite(x) for x in shape.centre):
        raise InputError(where, "the centre needs three coordinates", shape.centre, "x, y, z [m]")
    if isinstance(shape, Cylinder) and shape.axis not in AXES:
        raise InputError(where, "unknown axis", shape.axis, ", ".join(AXES))


def reach(shape: Shape) -> float:
    """Farthest point of a shape from its centre [m]."""
    if isinstance(shape, Sphere):
        return shape.radius
    parts = shape.half if isinstance(shape, Box) else (shape.radius, shape.half)
    return math.sqrt(math.fsum(x * x for x in parts))


def numbers(shape: Shape) -> Float:
    """Write a shape as its kind, its centre, its sizes, and its axis: what kernels take, shape (7,)."""
    if isinstance(shape, Box):
        return np.array([_BOX, *shape.centre, *shape.half], dtype=np.float64)
    if isinstance(shape, Sphere):
        return np.array([_SPHERE, *shape.centre, shape.radius, 0, 0], dtype=np.float64)
    return np.array([_CYLINDER, *shape.centre, shape.radius, shape.half, AXES.index(shape.axis)], dtype=np.float64)


def surface(shape: Shape, points: int, turn: int = 0) -> Float:
    """Points on a surface from its centre [m], normals, and areas [m²] that they stand for, shape (many, 7).

    Of a sphere the half at z > 0.

    Notes
    -----
    Equal parts of each coordinate, but where the integrand is a polynomial: lines that just miss another shape spoil
    higher orders. Where in its part a point is changes with `turn`, so that edges along the grid are not crossed by a
    row of points at once; the numbers are those of the two-dimensional Kronecker sequence of the plastic ratio.
    """
    one = (np.arange(points) + (0.5 + 0.7548776662466927 * turn) % 1.0) / points
    two = (np.arange(points) + (0.5 + 0.5698402909980532 * turn) % 1.0) / points
    if isinstance(shape, Box):
        return np.concatenate([_face(shape.half, axis, side, one, two) for axis in range(3) for side in (-1.0, 1.0)])
    circle = np.array([(math.cos(2 * math.pi * x), math.sin(2 * math.pi * x)) for x in two])
    if isinstance(shape, Cylinder):
        return _round_surface(shape, one, circle)
    nodes, weights = gauss_legendre(points)
    height = np.repeat((1 + nodes) / 2, points)
    around = np.sqrt(1 - height * height)
    normal = np.column_stack([around * np.tile(circle[:, 0], points), around * np.tile(circle[:, 1], points), height])
    area = math.pi * shape.radius * shape.radius * np.repeat(weights, points) / points
    return np.column_stack([shape.radius * normal, normal, area])


def _face(half: tuple[float, float, float], axis: int, side: float, first: Float, second: Float) -> Float:
    """Return one face of a box, see `surface`, from where points are along its edges, 0 to 1."""
    one, two = (axis + 1) % 3, (axis + 2) % 3
    out = np.zeros((first.size * second.size, 7))
    out[:, axis] = side * half[axis]
    out[:, one] = half[one] * np.repeat(2 * first - 1, second.size)
    out[:, two] = half[two] * np.tile(2 * second - 1, first.size)
    out[:, 3 + axis] = side
    out[:, 6] = 4 * half[one] * half[two] / out.shape[0]
    return out


def _round_surface(shape: Cylinder, middle: Float, circle: Float) -> Float:
    """Return the surface of a cylinder, see `surface`: its side, and both ends in equal parts of the radius squared."""
    n, along = middle.size, AXES.index(shape.axis)
    side, ends = np.zeros((n * n, 7)), np.zeros((2, n * n, 7))
    for i, coordinate in enumerate(((along + 1) % 3, (along + 2) % 3)):
        side[:, 3 + coordinate] = np.tile(circle[:, i], n)
        ends[:, :, coordinate] = shape.radius * np.repeat(np.sqrt(middle), n) * np.tile(circle[:, i], n)
    side[:, :3] = shape.radius * side[:, 3:6]
    side[:, along] = shape.half * np.repeat(2 * middle - 1, n)
    side[:, 6] = 4 * math.pi * shape.radius * shape.half / (n * n)
    for end, sign in zip(ends, (-1.0, 1.0), strict=True):
        end[:, along], end[:, 3 + along] = sign * shape.half, sign
        end[:, 6] = math.pi * shape.radius * shape.radius / (n * n)
    return np.concatenate([side, *ends])


@kernel(types.UniTuple(_f8, 2)(INPUT, _f8, _f8, _f8, _f8, _f8, _f8))
def inside(shape, x, y, z, kx, ky, kz):  # type: ignore[no-untyped-def]
    """Where the line (x, y, z) + s (kx, ky, kz) is in a shape: from and to which s [m]; from inf to -inf if nowhere.

    The shape is as `numbers` writes it, k a unit vector.
    """
    low, high = -math.inf, math.inf
    x, y, z = x - shape[1], y - shape[2], z - shape[3]
    if shape[0] == 0.0:  # a box: where all three pairs of planes agree
        for at, k, half in ((x, kx, shape[4]), (y, ky, shape[5]), (z, kz, shape[6])):
            if k != 0:
                low = max(low, -at / k - half / abs(k))
                high = min(high, -at / k + half / abs(k))
            elif abs(at) > half:
                return math.inf, -math.inf
    else:
        if shape[0] == 2.0:  # a cylinder: two planes, and what is round is so in the other two coordinates
            if shape[6] == 0.0:
                x, z, kx, kz = z, x, kz, kx
            elif shape[6] == 1.0:
                y, z, ky, kz = z, y, kz, ky
            if kz != 0:
                low, high = -z / kz - shape[5] / abs(kz), -z / kz + shape[5] / abs(kz)
            elif abs(z) > shape[5]:
                return math.inf, -math.inf
            z, kz = 0.0, 0.0
        square = kx * kx + ky * ky + kz * kz
        if square > 0:
            nearest = -(x * kx + y * ky + z * kz) / square
            x, y, z = x + nearest * kx, y + nearest * ky, z + nearest * kz
            under = (shape[4] * shape[4] - x * x - y * y - z * z) / square
            if under <= 0:
                return math.inf, -math.inf
            low, high = max(low, nearest - math.sqrt(under)), min(high, nearest + math.sqrt(under))
        elif x * x + y * y > shape[4] * shape[4]:
            return math.inf, -math.inf
    return (low, high) if low < high else (math.inf, -math.inf)
