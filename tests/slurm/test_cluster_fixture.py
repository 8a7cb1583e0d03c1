"""The `slurm` fixture gives a cluster whose two nodes both run jobs."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conftest import Slurm


def test_both_nodes_run_jobs(slurm: Slurm, tmp_path: Path) -> None:
    """A job pinned to each node runs on that node."""
    for node in ("n1", "n2"):
        script = f'echo "$SLURMD_NODENAME" > "{tmp_path}/{node}"'
        where = [f"--nodelist={node}", "--ntasks=1", f"--chdir={tmp_path}"]
        subprocess.run(["sbatch", *where, f"--wrap={script}"], check=True, timeout=60)
    slurm.wait_empty()
    assert [(tmp_path / node).read_text() for node in ("n1", "n2")] == ["n1\n", "n2\n"]
