"""What runs on this machine: each lab's state directory, and finding labs and nodes by name.

A lab's directory (``/run/netarium/LAB`` as root) exists as long as its supervisor
does; ``state.json`` inside is a ``RunningLab``. Nothing here asks the supervisor:
a process id counts only together with the time at which that process started.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import msgspec

from netarium.errors import NotFoundError
from netarium.model.lab import Lab

__all__ = [
    "RunningLab",
    "RunningNode",
    "ServiceState",
    "find_lab",
    "find_node",
    "host_pid",
    "nearest",
    "process_started",
    "read_state",
    "running_labs",
    "state_home",
]


def process_started(pid: int) -> int:
    """When a process started, in clock ticks since boot; 0 where there is no such process.

    Zombies count as gone (proc_pid_stat(5): field 3 is the state, 22 the start time).
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return 0
    fields = stat[stat.rindex(")") + 2 :].split()
    return 0 if fields[0] in "ZX" else int(fields[19])


def host_pid(pid: int) -> int:
    """What the PID namespace that /proc shows calls a process of the caller's PID namespace.

    A pidfd's fdinfo says (proc_pid_fdinfo(5)). Raises ProcessLookupError.
    """
    descriptor = os.pidfd_open(pid)
    try:
        for line in Path(f"/proc/self/fdinfo/{descriptor}").read_text().splitlines():
            if line.startswith("Pid:"):
                return int(line.split()[1])
    finally:
        os.close(descriptor)
    raise ProcessLookupError(pid)


class RunningNode(msgspec.Struct, frozen=True, kw_only=True):
    """A node's first process: its id on the host, and its start time against reuse of the id."""

    name: str
    pid: int
    started: int

    @property
    def alive(self) -> bool:
        """Whether that very process still runs."""
        return process_started(self.pid) == self.started


class ServiceState(msgspec.Struct, frozen=True, kw_only=True):
    """A service of a running lab. ``ports`` read like ``tcp/22``; ``reason`` says why it died."""

    node: str
    name: str
    kind: str
    pid: int
    ports: tuple[str, ...] = ()
    state: Literal["running", "dead"] = "running"
    reason: str = ""


class RunningLab(msgspec.Struct, frozen=True, kw_only=True):
    """A lab that is up, or coming up. ``since`` is Unix time."""

    name: str
    state: Literal["starting", "up"]
    supervisor: int
    started: int
    since: float
    directory: str
    rootless: bool
    lab: Lab
    nodes: tuple[RunningNode, ...] = ()
    services: tuple[ServiceState, ...] = ()

    @property
    def alive(self) -> bool:
        """Whether its supervisor still runs."""
        return process_started(self.supervisor) == self.started

    def node(self, name: str) -> RunningNode:
        """The node of that name. Raises NotFoundError with the nearest spelling."""
        for node in self.nodes:
            if node.name == name:
                return node
        raise NotFoundError(
            f"lab {self.name} has no node {name!r}", nearest(name, [n.name for n in self.nodes])
        )


def state_home() -> Path:
    """The directory that holds this user's labs; it need not exist."""
    if os.geteuid() == 0:
        return Path("/run/netarium")
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and os.access(runtime, os.W_OK):
        return Path(runtime) / "netarium"
    return Path(f"/tmp/netarium-{os.geteuid()}")


def nearest(name: str, known: Iterable[str]) -> str:
    """An instruction that offers the nearest known name, or lists what there is."""
    names = sorted(known)
    if close := difflib.get_close_matches(name, names, 1, 0.6):
        return f"did you mean {close[0]}?"
    if not names:
        return ""
    listed = ", ".join(names[:20]) + (" ..." if len(names) > 20 else "")
    return f"there are: {listed}"


def read_state(directory: Path) -> RunningLab | None:
    """The lab whose state directory that is; None where its supervisor does not run."""
    try:
        lab = msgspec.json.decode((directory / "state.json").read_bytes(), type=RunningLab)
    except (OSError, ValueError):  # none yet, or damaged
        return None
    return lab if lab.alive else None


def running_labs() -> list[RunningLab]:
    """The labs of this user that run now, by name.

    What labs left whose supervisor and janitor were both killed goes on this occasion.
    """
    try:
        home = state_home()
        if home.lstat().st_uid != os.geteuid():
            return []  # in a shared directory such as /tmp, somebody else's bait
        entries = [entry for entry in sorted(home.iterdir()) if entry.is_dir()]
    except OSError:
        return []
    labs = [lab for entry in entries if (lab := read_state(entry))]
    if len(labs) < len(entries):
        from netarium.runtime.janitor import sweep  # only here: entering nodes must be quick

        sweep(home)
    return labs


def find_lab(name: str | None = None) -> RunningLab:
    """The running lab of that name, or the only one that runs.

    Raises:
        NotFoundError: none runs, several do and none is named, or none has that name.
    """
    labs = running_labs()
    if name is not None:
        for lab in labs:
            if lab.name == name:
                return lab
        cure = nearest(name, [lab.name for lab in labs]) or f"start it with: netarium up {name}"
        raise NotFoundError(f"no lab {name!r} is running", cure)
    if not labs:
        raise NotFoundError("no lab is running", "start one with: netarium up playground")
    if len(labs) > 1:
        names = ", ".join(lab.name for lab in labs)
        raise NotFoundError(f"several labs are running: {names}", "choose one with --lab NAME")
    return labs[0]


def find_node(node: str, lab: str | None = None) -> tuple[RunningLab, RunningNode]:
    """A node of a running lab; without a lab's name, of the only lab that has such a node.

    Raises:
        NotFoundError: no such node (with the nearest spelling), or more than one lab has it.
    """
    if lab is not None:
        running = find_lab(lab)
        return running, running.node(node)
    labs = running_labs()
    having = [each for each in labs if any(n.name == node for n in each.nodes)]
    if len(having) == 1:
        return having[0], having[0].node(node)
    if not having:
        running = find_lab()  # says so where no lab or more than one runs
        return running, running.node(node)
    names = ", ".join(each.name for each in having)
    raise NotFoundError(f"node {node!r} is in several labs: {names}", "choose one with --lab NAME")
