"""Models: one file each, found by `scanner.registry` through the name in its ``PROVIDES``."""
