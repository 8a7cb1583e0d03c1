"""Builders: ``python -m scanner.experiments.builders.NAME RELEASE_FOLDER`` makes the tables in data/."""
