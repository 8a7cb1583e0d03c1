"""Merging stores: what may be added, on which grid, and where each input's numbers lie on it."""
