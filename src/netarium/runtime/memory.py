"""How much memory the processes of nodes take.

The measure is the proportional set size: pages that several processes share are
split between them, so that the figures of nodes add up (proc_pid_smaps_rollup(5)).
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from netarium.runtime.state import RunningLab

__all__ = ["node_memory", "process_memory"]

_PSS = re.compile(rb"^Pss:\s+(\d+) kB", re.MULTILINE)


def process_memory(pid: int) -> int | None:
    """Bytes that a process takes; None where it has gone or is another user's."""
    try:
        found = _PSS.search(Path(f"/proc/{pid}/smaps_rollup").read_bytes())
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None


def _namespace(pid: str | int) -> str | None:
    try:
        return os.readlink(f"/proc/{pid}/ns/pid")
    except OSError:
        return None


def node_memory(lab: RunningLab) -> dict[str, int | None]:
    """Bytes that each node's processes take, by node; None for a node that is dead.

    A node's processes are those of its PID namespace.
    """
    owners = {
        namespace: node.name
        for node in lab.nodes
        if node.alive and (namespace := _namespace(node.pid))
    }
    found: dict[str, int | None] = dict.fromkeys((node.name for node in lab.nodes), None)
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or (owner := owners.get(_namespace(entry) or "")) is None:
            continue
        taken = process_memory(int(entry))
        if taken is not None:
            found[owner] = (found[owner] or 0) + taken
    return found
