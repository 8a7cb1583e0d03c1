"""A real two-node SLURM cluster on this host, for the tests that need a scheduler."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))  # for helpers, which the tests above use too

NODES = ("n1", "n2")
PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "scancel", "sinfo", "squeue")
START_TIMEOUT = 60.0

# The nodes are made up, so config_overrides has slurmd register what is written here whatever the
# host has.  linuxproc and task/none need no cgroups.  Memory is a consumable, hence the default
# per CPU: without it, a job that asks for no memory would take its whole node.
SLURM_CONF = """\
ClusterName=pytest
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket={root}/munge.socket
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
StateSaveLocation={root}/state
SlurmdSpoolDir={root}/spool-%n
SlurmctldPidFile={root}/slurmctld.pid
SlurmdPidFile={root}/slurmd-%n.pid
SlurmctldLogFile={root}/log/slurmctld.log
SlurmdLogFile={root}/log/slurmd-%n.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
JobCompType=jobcomp/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=1000
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0,bf_interval=1
ReturnToService=2
KillWait=5
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=2 RealMemory=8000
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=2 RealMemory=8000
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
PartitionName=main Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP PriorityTier=1
PartitionName=urgent Nodes=n1,n2 MaxTime=INFINITE State=UP PriorityTier=10 PreemptMode=OFF
"""


@dataclass(frozen=True)
class Slurm:
    """The running cluster; the SLURM commands find it by the environment.

    Attributes
    ----------
    conf : Path
        The cluster's slurm.conf, also in the variable ``SLURM_CONF``.
    log_dir : Path
        Where munged, slurmctld and both slurmd write their logs.
    daemons : list of Popen
        Those that run.
    """

    conf: Path
    log_dir: Path
    daemons: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def launch(self, output: str, *command: str) -> None:
        """Start a daemon in the foreground, to know it by its process."""
        self.daemons.append(_launch(self.log_dir / output, *command))

    def kill(self, *command: str) -> Callable[[], None]:
        """Kill the daemon of a command line outright; return what starts it again and waits until it is back."""
        daemon = next(d for d in self.daemons if list(d.args)[2 : 2 + len(command)] == list(command))  # type: ignore[arg-type]
        daemon.kill()
        daemon.wait()
        self.daemons.remove(daemon)

        def restart() -> None:
            self.launch("-".join(command).replace(" ", "") + "-again.out", *list(daemon.args)[2:])  # type: ignore[arg-type]
            _wait(_nodes_up, "the nodes did not come back", self.daemons, self.log_dir)

        return restart

    def save(self) -> None:
        """Wait until slurmctld has written the jobs down: killed before, it would start them twice."""
        state, asked = self.conf.parent / "state/job_state", time.time()
        for job in self.squeue():
            subprocess.run(["scontrol", "update", f"JobId={job}", "Comment=saved"], check=True)
        deadline = time.monotonic() + START_TIMEOUT
        while state.stat().st_mtime < asked:
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def squeue(self) -> list[str]:
        """Return the ids of the jobs that are pending, running or completing."""
        squeue = ["squeue", "--noheader", "--array", "--format=%i"]
        done = subprocess.run(squeue, check=False, capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise RuntimeError(f"squeue failed: {done.stderr.strip()}\n{_tails(self.log_dir)}")
        return done.stdout.split()

    def wait_empty(self, timeout: float = 60.0) -> None:
        """Wait until no job is left.

        Parameters
        ----------
        timeout : float
            Seconds after which to raise `TimeoutError`, which names the jobs still there.
        """
        deadline = time.monotonic() + timeout
        while jobs := self.squeue():
            if time.monotonic() > deadline:
                raise TimeoutError(f"jobs {jobs} still there after {timeout} s")
            time.sleep(0.2)


@pytest.fixture(scope="session")
def slurm() -> Iterator[Slurm]:
    """Start a cluster of two nodes of 2 CPUs and 8000 MB; leave no trace of it at the end."""
    _skip_unless_possible()
    with contextlib.ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slurm-"))).resolve()
        cluster = Slurm(conf=root / "slurm.conf", log_dir=root / "log")
        _set_environment(stack.enter_context(pytest.MonkeyPatch.context()), root, cluster)
        stack.callback(_kill_all, root, cluster.daemons)
        _write_files(root, cluster)
        _start(root, cluster)
        yield cluster


def _skip_unless_possible() -> None:
    """Skip where the cluster cannot be started, saying what it takes."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        pytest.skip(f"no {', '.join(missing)}: install the Debian packages slurm-wlm and munge")
    if os.geteuid() != 0:
        pytest.skip("only root can run the daemons of the Debian packages slurm-wlm and munge")


def _set_environment(patch: pytest.MonkeyPatch, root: Path, cluster: Slurm) -> None:
    """Point every SLURM and munge client of this session at the cluster."""
    # Inside a job of a real cluster, its variables would steer our sbatch and squeue.
    for name in list(os.environ):
        if name.startswith(("SLURM", "SBATCH_", "SALLOC_", "SRUN_", "SQUEUE_", "SINFO_")):
            patch.delenv(name)
    patch.setenv("SLURM_CONF", str(cluster.conf))
    patch.setenv("MUNGE_SOCKET", str(root / "munge.socket"))


def _write_files(root: Path, cluster: Slurm) -> None:
    """Write the configuration and munge's key, and make the folders the daemons expect."""
    for folder in (cluster.log_dir, root / "state", *(root / f"spool-{n}" for n in NODES)):
        folder.mkdir()
    key = root / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(secrets.token_bytes(128))
    # slurmctld refuses to run on a host other than the one named, by its short name.
    host = socket.gethostname().split(".")[0]
    # slurmd loads a cgroup plugin even though nothing here uses it.  Left to choose, it takes v2 on
    # most hosts, which does not start in many containers; v1 touches nothing until it is used.
    (root / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
    cluster.conf.write_text(SLURM_CONF.format(root=root, host=host, ports=_free_ports(3)))


def _free_ports(count: int) -> list[int]:
    """Return distinct ports that nothing listens on."""
    with contextlib.ExitStack() as stack:
        # All are held until the last is found, for the kernel not to give one out twice.
        held = [stack.enter_context(socket.socket()) for _ in range(count)]
        for sock in held:
            sock.bind(("127.0.0.1", 0))
        return [sock.getsockname()[1] for sock in held]


def _start(root: Path, cluster: Slurm) -> None:
    """Start the daemons and wait until both nodes are idle."""
    logs, daemons = cluster.log_dir, cluster.daemons
    munge_socket = root / "munge.socket"
    munge = ["munged", "--foreground", f"--socket={munge_socket}", f"--key-file={root}/munge.key"]
    munge += [f"--pid-file={root}/munged.pid", f"--seed-file={root}/munged.seed"]
    # munged wants its folder open to all users; --force has it make do with root's 0700.
    cluster.launch("munged.out", *munge, "--force")
    _wait(munge_socket.exists, "munged opened no socket", daemons, logs)
    cluster.launch("slurmctld.out", "slurmctld", "-D")
    for node in NODES:
        cluster.launch(f"slurmd-{node}.out", "slurmd", "-D", "-N", node)
    _wait(_nodes_idle, "the nodes did not become idle", daemons, logs)


def _launch(output: Path, *command: str) -> subprocess.Popen[bytes]:
    """Start a daemon in the foreground, to know it by its process."""
    # Its own session keeps a ctrl-C for pytest, whose teardown then stops the daemons; the death
    # signal stops them where pytest itself is killed and comes to no teardown.
    with output.open("wb") as out:
        return subprocess.Popen(
            ["setpriv", "--pdeathsig=KILL", *command],
            cwd=output.parent,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _wait(ready: Callable[[], bool], failure: str, daemons: list[subprocess.Popen[bytes]], log_dir: Path) -> None:
    """Wait until ``ready``; raise, with the ends of the logs, if too late or a daemon ended."""
    deadline = time.monotonic() + START_TIMEOUT
    while not ready():
        ended = [daemon.args for daemon in daemons if daemon.poll() is not None]
        if ended or time.monotonic() > deadline:
            raise RuntimeError(f"{failure}; ended by themselves: {ended}\n{_tails(log_dir)}")
        time.sleep(0.05)


def _nodes_idle() -> bool:
    """Return whether slurmctld answers and has both nodes registered and idle."""
    return _node_states() == dict.fromkeys(NODES, "idle")


def _nodes_up() -> bool:
    """Return whether slurmctld answers and can give jobs to both nodes, or has done so."""
    states = _node_states()
    return states.keys() == set(NODES) and set(states.values()) <= {"idle", "mix", "alloc", "comp"}


def _node_states() -> dict[str, str]:
    """Return the state of each node; nothing if slurmctld does not answer."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        sinfo = ["sinfo", "--noheader", "--Node", "--partition=main", "--format=%N %t"]
        done = subprocess.run(sinfo, check=False, capture_output=True, text=True, timeout=5)
        return dict(line.split() for line in done.stdout.splitlines())
    return {}


def _tails(log_dir: Path, lines: int = 15) -> str:
    """Return the last lines each daemon printed: all it logs, and what kept it from logging."""
    logs = ((path, path.read_text(errors="replace")) for path in sorted(log_dir.glob("*.out")))
    return "\n".join("\n".join([f"--- {path.name}", *text.splitlines()[-lines:]]) for path, text in logs if text)


def _kill_all(root: Path, daemons: list[subprocess.Popen[bytes]]) -> None:
    """Kill the daemons and all jobs outright: the folder goes too, so nothing need end in order."""
    deadline = time.monotonic() + 10
    while pids := _members(root) | {daemon.pid for daemon in daemons if daemon.poll() is None}:
        if time.monotonic() > deadline:
            raise RuntimeError(f"processes {sorted(pids)} of the SLURM cluster cannot be killed")
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.05)


def _members(root: Path) -> set[int]:
    """Return the cluster's processes, among them steps, which leave the session of their slurmd."""
    parents, members = {}, set()
    for proc in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # It may end while it is looked at.
            parents[int(proc.name)] = int((proc / "stat").read_text().rsplit(")")[-1].split()[1])
            if _is_ours(proc, root):
                members.add(int(proc.name))
    while children := {pid for pid, parent in parents.items() if parent in members} - members:
        members |= children
    return members


def _is_ours(proc: Path, root: Path) -> bool:
    """Return whether a process is of the cluster: a process of a job, or a daemon or step."""
    environ = (proc / "environ").read_bytes()
    if f"SLURM_CONF={root}/".encode() in environ and b"SLURM_JOB_ID=" in environ:
        return True
    # A step writes its title over its environment; its folder is that of the slurmd it came from.
    named = (proc / "comm").read_text().startswith(("munged", "slurm"))
    return named and (proc / "cwd").readlink().is_relative_to(root)
