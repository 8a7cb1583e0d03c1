"""Experiments: one file each (or one a family), found by `scanner.registry` through ``PROVIDES``."""
