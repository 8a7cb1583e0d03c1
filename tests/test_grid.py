"""Axes, grids, and the cutting of grids into blocks."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from scanner.grid import Axis, Block, Grid, Layout, block_shape, linear, logarithmic

SETTINGS = settings(max_examples=150, deadline=None)
positive = st.floats(1e-300, 1e300)
points = st.integers(2, 400)


@st.composite
def layouts(draw: st.DrawFn) -> Layout:
    """Layouts of one to three groups on up to four axes; a block may be longer than its axis."""
    lengths = st.integers(1, 9)
    shapes = draw(st.lists(st.lists(lengths, max_size=4).map(tuple), min_size=1, max_size=3))
    blocks = [draw(st.tuples(*(st.integers(1, 11) for _ in shape))) for shape in shapes]
    return Layout(tuple(shapes), tuple(blocks))


@given(layouts())
@SETTINGS
def test_blocks_tile_every_grid_exactly_once(layout: Layout) -> None:
    covered = [np.zeros(shape, dtype=int) for shape in layout.shapes]
    for block in layout:
        covered[block.group][block.slices] += 1
        assert block.size == math.prod(block.shape) == covered[block.group][block.slices].size
    for array in covered:
        assert (array == 1).all()


@given(layouts())
@SETTINGS
def test_block_numbers_go_round(layout: Layout) -> None:
    blocks = list(layout)
    assert [block.number for block in blocks] == list(range(layout.number_of_blocks))
    for block in blocks:
        assert layout.block(block.number) == block
        position, step = layout.position(block.number, block.group), layout.blocks[block.group]
        assert block.start == tuple(p * s for p, s in zip(position, step, strict=True))
        assert all(p < n for p, n in zip(position, layout.counts(block.group), strict=True))


@given(layouts())
def test_sizes_are_those_of_the_blocks(layout: Layout) -> None:
    assert layout.sizes().tolist() == [block.size for block in layout]


@given(layouts())
@SETTINGS
def test_groups_follow_one_another_and_the_last_axis_runs_fastest(layout: Layout) -> None:
    keys = [(block.group, block.start) for block in layout]
    assert keys == sorted(keys)


@given(layouts(), st.integers(0, 5))
@SETTINGS
def test_there_are_no_blocks_outside(layout: Layout, beyond: int) -> None:
    with pytest.raises(IndexError):
        layout.block(layout.number_of_blocks + beyond)
    with pytest.raises(IndexError):
        layout.block(-1 - beyond)


@given(st.lists(st.integers(1, 5000), max_size=6).map(tuple), st.integers(-3, 10**6))
@SETTINGS
def test_block_shape_is_powers_of_two_within_the_bound(shape: tuple[int, ...], bound: int) -> None:
    block = block_shape(shape, bound)
    size = math.prod(block)
    assert len(block) == len(shape)
    assert all(step & (step - 1) == 0 and step < 2 * n for step, n in zip(block, shape, strict=True))
    assert size <= max(bound, 1)
    covers = all(step >= n for step, n in zip(block, shape, strict=True))
    assert covers or 2 * size > bound


def test_a_block_is_no_thread_where_it_can_be_a_cube() -> None:
    assert block_shape((1000, 1000, 1000), 2**12) == (16, 16, 16)
    assert block_shape((4, 1000), 2**9) == (2, 256)


@given(positive, positive, points)
@SETTINGS
def test_a_logarithmic_axis(low: float, high: float, count: int) -> None:
    assume(high > low * 1.001)
    values = logarithmic(low, high, count)
    assert len(values) == count
    assert (values[0], values[-1]) == (low, high)
    assert all(a < b for a, b in itertools.pairwise(values))
    steps = np.diff(np.log10(values))
    np.testing.assert_allclose(steps, steps.mean(), rtol=1e-9, atol=1e-12)


@given(st.floats(-1e100, 1e100), st.floats(1e-90, 1e100), points)
@SETTINGS
def test_a_linear_axis(low: float, width: float, count: int) -> None:
    high = low + width
    assume(width > 1e-9 * abs(low))
    values = linear(low, high, count)
    assert len(values) == count
    assert (values[0], values[-1]) == (low, high)
    assert all(a < b for a, b in itertools.pairwise(values))
    np.testing.assert_allclose(np.diff(values), (high - low) / (count - 1), rtol=1e-3)


@pytest.mark.parametrize("make", [linear, logarithmic])
def test_one_point_is_the_lower_end(make: object) -> None:
    assert make(3, 3, 1) == (3.0,)  # type: ignore[operator]


def _grid() -> Grid:
    return Grid((Axis("a", (1.0, 2.0)), Axis("b", (1.0, 2.0, 3.0), "eV"), Axis("c", (5.0,))))


def test_a_grid_is_the_product_of_its_axes() -> None:
    grid = _grid()
    assert (grid.names, grid.shape, grid.size) == (("a", "b", "c"), (2, 3, 1), 6)
    assert grid.axis("b").unit == "eV"
    assert Grid(()).size == 1


def test_a_subgrid_keeps_the_order_of_the_grid() -> None:
    assert _grid().subgrid(("c", "a")).names == ("a", "c")


def test_axes_and_blocks_cannot_be_changed_and_are_keys() -> None:
    with pytest.raises(ValueError, match="read-only"):
        _grid().axis("a").array[0] = 7
    assert len({_grid(), _grid(), Block(0, 0, (0,), (2,)), Block(0, 0, (0,), (2,))}) == 2
