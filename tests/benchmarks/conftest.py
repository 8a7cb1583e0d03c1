"""What the benchmarks share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


@pytest.fixture
def per_point(benchmark: Any) -> Callable[[int], None]:
    """Print and keep the median time a point."""

    def report(points: int) -> None:
        if benchmark.stats is not None:
            median = benchmark.stats.stats.median / points
            benchmark.extra_info["ns_per_point"] = 1e9 * median
            print(f"\n{benchmark.name}: {1e9 * median:.0f} ns a point (median)")

    return report
