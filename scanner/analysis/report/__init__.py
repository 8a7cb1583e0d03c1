"""Stores as one self-contained page."""

from __future__ import annotations

from scanner.analysis.report.page import NODES, write_report

__all__ = ["NODES", "write_report"]
