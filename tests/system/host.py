"""What a lab must leave as it found it on this machine, and what differs between two moments."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path

__all__ = [
    "Process",
    "Snapshot",
    "difference",
    "left_over",
    "listeners",
    "settled_difference",
    "snapshot",
]

#: Kernel settings that change by themselves.
_RESTLESS = (
    "kernel.ns_last_pid",
    "kernel.perf_event_max_sample_rate",
    "kernel.pty.nr",
    "kernel.random.*",
    "net.core.*bpf_jit_limit",
    "net.netfilter.nf_conntrack_count",
)


@dataclass(frozen=True)
class Process:
    """A process of the machine; ``started`` in clock ticks since boot tells a reused id."""

    pid: int
    started: int
    parent: int
    command: str


@dataclass(frozen=True)
class Snapshot:
    """What there is at one moment, by section, each fact one line."""

    facts: dict[str, frozenset[str]]
    settings: dict[str, str]
    processes: dict[int, Process]


def snapshot() -> Snapshot:
    """Look at the machine without changing it."""
    sections: dict[str, Callable[[], Iterable[str]]] = {
        "link": lambda: _ip("-details", "link"),
        "address": lambda: _ip("address"),
        "route": lambda: _ip("-4", "route", "show", "table", "all"),
        "route6": lambda: _ip("-6", "route", "show", "table", "all"),
        "rule": lambda: _ip("-4", "rule"),
        "rule6": lambda: _ip("-6", "rule"),
        "namespace": _namespaces,
        "mount": _mounts,
        "nftables": lambda: _output("nft", "--stateless", "list", "ruleset"),
        "iptables": lambda: _saved("iptables-save"),
        "ip6tables": lambda: _saved("ip6tables-save"),
        "file": _files,
        "cgroup": _cgroups,
    }
    return Snapshot(
        facts={name: frozenset(look()) for name, look in sections.items()},
        settings=_settings(),
        processes={process.pid: process for process in _processes()},
    )


def difference(before: Snapshot, after: Snapshot) -> list[str]:
    """What a lab left behind or took away, a line each; empty is as it should be.

    Left out is what others do at the same time: kernel threads, settings that
    change by themselves or come with a kernel module, and processes whose parent
    was there before (other programs' and this test's own children). A left-over
    process has lost its parent, so whoever adopts orphans here has it.
    """
    lines = []
    for section, facts in before.facts.items():
        now = after.facts[section]
        lines += [f"{section} - {fact}" for fact in sorted(facts - now)]
        lines += [f"{section} + {fact}" for fact in sorted(now - facts)]
    for name, value in before.settings.items():
        if name not in after.settings:
            lines.append(f"setting - {name}")
        elif after.settings[name] != value:
            lines.append(f"setting {name}: {value!r} became {after.settings[name]!r}")
    for process in left_over(before, after):
        lines.append(f"process + {process.pid} (parent {process.parent}): {process.command}")
    return lines


def settled_difference(before: Snapshot, seconds: float = 2.0) -> list[str]:
    """The difference between ``before`` and now, once it is empty or the time is up."""
    deadline = time.monotonic() + seconds
    while (found := difference(before, snapshot())) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def listeners(processes: Iterable[Process]) -> list[str]:
    """Where these processes wait for connections in this machine's own network."""
    owners = {}
    for process in processes:
        folder = Path("/proc", str(process.pid))
        with contextlib.suppress(OSError):  # it may end meanwhile
            if (folder / "ns/net").readlink() == Path("/proc/self/ns/net").readlink():
                owners |= {str(link.readlink()): process for link in (folder / "fd").iterdir()}
    found = []
    for protocol, state in (("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")):
        for line in Path("/proc/net", protocol).read_text().splitlines()[1:]:
            fields = line.split()  # proc_net_tcp: 1 local address, 3 state, 9 inode
            if fields[3] == state and (owner := owners.get(f"socket:[{fields[9]}]")):
                found.append(f"{protocol} {fields[1]}: {owner.command}")
    return found


def left_over(before: Snapshot, after: Snapshot) -> Iterator[Process]:
    """Processes that are new and whose parent is whoever adopts orphans, with their children."""

    def is_new(process: Process) -> bool:
        known = before.processes.get(process.pid)
        return known is None or known.started != process.started

    new = {pid: process for pid, process in after.processes.items() if is_new(process)}
    for process in new.values():
        ancestor = process
        while ancestor.parent in new:
            ancestor = new[ancestor.parent]
        if ancestor.parent in (0, _adopter()):
            yield process


@cache
def _adopter() -> int:
    """Who becomes the parent of a process that has lost its own: process 1 or a subreaper."""
    orphan = """sh -c 'sleep 0.2; ps -o ppid= -p $$' &"""
    done = subprocess.run(["sh", "-c", orphan], stdout=subprocess.PIPE, text=True, check=True)
    return int(done.stdout)


def _output(*command: str) -> list[str]:
    """What a command prints; nothing where it is absent or not permitted."""
    path = shutil.which(command[0], path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        return []
    done = subprocess.run([path, *command[1:]], capture_output=True, text=True, check=False)
    return _in_context(done.stdout.splitlines())


def _in_context(lines: list[str]) -> list[str]:
    """Indented lines with their heading before them, so that equal lines stay distinct."""
    heading, result = "", []
    for line in lines:
        if line[:1].isspace():
            result.append(f"{heading} {line.strip()}")
        else:
            heading = line.strip()
            result.append(heading)
    return result


def _ip(*words: str) -> list[str]:
    changing = re.compile(r"\b(valid_lft|preferred_lft|expires) \S+")
    return [changing.sub("", line) for line in _output("ip", *words)]


def _saved(command: str) -> Iterator[str]:
    table = ""
    for line in _output(command):
        if line.startswith("#"):
            continue
        table = line if line.startswith("*") else table
        yield f"{table} {re.sub(r'[[][0-9]+:[0-9]+[]]', '', line)}"


def _namespaces() -> Iterator[str]:
    """Named network namespaces. Nameless ones have processes in them, which are counted."""
    with_names = Path("/run/netns")
    if with_names.is_dir():
        yield str(with_names)
        yield from (str(path) for path in with_names.rglob("*"))


def _mounts() -> Iterator[str]:
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        fields = line.split()
        optional_end = fields.index("-")
        yield " ".join([fields[3], fields[4], fields[5], *fields[optional_end + 1 :]])


def _files() -> Iterator[str]:
    """What lies in the places where programs leave things; in /etc also what it says."""
    for path in sorted(Path("/etc").rglob("*")):
        try:
            found = path.lstat()
        except OSError:
            continue
        about = f"{found.st_size} {found.st_mtime_ns}" if stat.S_ISREG(found.st_mode) else ""
        yield f"{path} {stat.filemode(found.st_mode)} {found.st_uid}:{found.st_gid} {about}"
    for top in ("/tmp", "/var/tmp", "/dev/shm", "/root", "/home", str(Path.home())):
        yield from _names(Path(top), depth=1)
    for top in ("/run", "/var/lib", "/var/log", "/usr/local"):
        yield from _names(Path(top), depth=2)
    yield from _names(Path.home() / ".ssh", depth=2)
    for name in ("netarium", "user/*/netarium"):
        for top in Path("/run").glob(name):
            yield from _names(top, depth=9)


def _names(top: Path, depth: int) -> Iterator[str]:
    try:
        entries = list(top.iterdir())
    except OSError:
        return
    for path in entries:
        yield str(path)
        if depth > 1 and path.is_dir() and not path.is_symlink():
            yield from _names(path, depth - 1)


def _cgroups() -> Iterator[str]:
    """Control groups that say they are ours: other programs' come and go."""
    return (str(path) for path in Path("/sys/fs/cgroup").glob("**/*netarium*"))


def _settings() -> dict[str, str]:
    found = {}
    for room in ("kernel", "net", "user", "vm"):
        for path in Path("/proc/sys", room).rglob("*"):
            name = ".".join(path.relative_to("/proc/sys").parts)
            if any(fnmatch(name, pattern) for pattern in _RESTLESS):
                continue
            try:
                if path.is_file():
                    found[name] = path.read_text().strip()
            except (OSError, UnicodeDecodeError):
                continue  # settings that can only be written, or are not set
    return found


def _processes() -> Iterator[Process]:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            text = (entry / "stat").read_text()
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue  # it has just ended
        name = text[text.index("(") + 1 : text.rindex(")")]
        fields = text[text.rindex(")") + 2 :].split()
        is_kernel_thread = int(fields[6]) & 0x200000  # PF_KTHREAD, linux/sched.h
        if not is_kernel_thread:
            yield Process(int(entry.name), int(fields[19]), int(fields[1]), command.strip() or name)
