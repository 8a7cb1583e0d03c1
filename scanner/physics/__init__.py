"""Numba functions of physical quantities: arrays and numbers in and out; no grid, no experiment, no I/O."""
