"""Signals: the mechanisms that join models and experiments, one file each."""
