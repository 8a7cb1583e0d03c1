"""Cluster files, and the job scripts that come of them (SLURM itself is tested in tests/slurm)."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs import clusters
from jobs.submit import logs, slurm_file
from scanner.errors import InputError, StoreRefused

SHIPPED = sorted((Path(__file__).parents[1] / "configs" / "clusters").glob("*.yaml"))
WALLTIME = {"slurm": "-t 04:00:00", "pbs": "walltime=04:00:00", "lsf": "-W 04:00", "sge": "h_rt=04:00:00"}


@pytest.mark.parametrize("path", SHIPPED, ids=lambda p: p.stem)
def test_job_script(path: Path) -> None:
    """Name, walltime, one thread, no spilling, and as many worker processes as asked for."""
    file = clusters.read(path).model_copy(update={"workers_per_job": 3, "queue": "main", "prologue": ["module load x"]})
    workers = clusters.BatchWorkers(file, 8, 2**30, "/data/out.zarr")
    cluster = workers.cluster()
    try:
        script = cluster.job_script()
    finally:
        cluster.close()
    assert workers.jobs["name"] in script and WALLTIME[path.stem] in script
    assert "main" in script and "module load x" in script
    assert "--nworkers 3" in script and "--nthreads 1" in script
    assert "OMP_NUM_THREADS=1" in script and "SPILL=False" in script


def test_what_a_site_needs_comes_before_python(tmp_path: Path) -> None:
    path = tmp_path / "site.yaml"
    path.write_text(
        "kind: slurm\nmodules: [python/3.12, 'a b']\nprologue: [source venv]\n"
        "container: apptainer exec 'my scan.sif'\ncache_directory: $TMPDIR/x\n"
    )
    file = clusters.read(path)
    lines = ['export SCANNER_CACHE_DIR="$TMPDIR/x"', "module load python/3.12", "module load 'a b'", "source venv"]
    assert file.setup[-4:] == lines
    assert file.command == ["apptainer", "exec", "my scan.sif", "python"]
    cluster = clusters.BatchWorkers(file, 1, 2**30, "/data/out.zarr").cluster()
    try:
        script = cluster.job_script()
    finally:
        cluster.close()
    assert "\n".join(lines) in script and "apptainer exec 'my scan.sif' python -m distributed" in script


def test_job_names_belong_to_the_store() -> None:
    file = clusters.read(SHIPPED[0])
    names = [clusters.BatchWorkers(file, 1, 2**30, store).jobs["name"] for store in ("/a", "/b", "/a")]
    assert names[0] == names[2] != names[1]
    assert clusters.job_name("s3://bucket/a") != clusters.job_name("s3://bucket/b")


def test_job_names_do_not_depend_on_the_way_to_the_store(tmp_path: Path) -> None:
    """Or jobs that wait in the queue would not be found, and a store would be submitted twice."""
    (tmp_path / "link").symlink_to(tmp_path)
    ways = ["store", "link/store", "link/../store", "none/../store"]
    assert len({clusters.job_name(str(tmp_path / way)) for way in ways}) == 2  # the third is beside the folder


def test_a_store_without_logs_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreRefused, match="no driver has left a log"):
        list(logs(str(tmp_path / "none.zarr")))


@pytest.mark.parametrize("cluster", ["local", "serial", "tcp://host:8786", "pbs"])
def test_drivers_are_submitted_to_slurm_alone(cluster: str) -> None:
    with pytest.raises(InputError, match="drivers are submitted to SLURM"):
        slurm_file(cluster)


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("kind: slurmy\n", "kind"),
        ("kind: slurm\nwalltme: '1'\n", "did you mean 'walltime'?"),
        ("kind: slurm\nworkers: 0\n", "workers"),
        ("kind: slurm\nwalltime: tomorrow\n", "walltime: not a walltime"),
        ("workers: 3\n", "kind: is missing"),
        ("- a\n", "not a YAML mapping"),
    ],
)
def test_bad_cluster_files(tmp_path: Path, text: str, fragment: str) -> None:
    path = tmp_path / "cluster.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        clusters.read(path)
    assert fragment in str(caught.value) and str(path) in str(caught.value)


def test_names_are_looked_up_here_first_then_among_the_shipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert clusters.find("slurm").parent == SHIPPED[0].parent
    own = tmp_path / "configs" / "clusters" / "slurm.yaml"
    own.parent.mkdir(parents=True)
    own.write_text("kind: slurm\n")
    assert clusters.find("slurm").resolve() == own
    with pytest.raises(InputError, match="did you mean 'slurm'"):
        clusters.find("slrum")
