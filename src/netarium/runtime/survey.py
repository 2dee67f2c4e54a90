"""What a lab must know of the machine it comes up on: mounts, secrets, where Python lives."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path

__all__ = ["guarded", "hidden", "is_below", "mounted", "reachable", "system_mounts"]

#: What of the host no node should read: keys, and the state of engines that run there.
_HIDDEN = (
    "/etc/gshadow",
    "/etc/gshadow-",
    "/etc/shadow-",
    "/etc/ssl/private",
    "/var/backups",
    "/var/lib/containerd",
    "/var/lib/docker",
    "/var/lib/kubelet",
    "/var/lib/libvirt",
    "/var/lib/lxd",
    "/var/lib/machines",
    "/var/spool/cron",
)

#: Host file systems mounted below / that belong to the system a node sees.
_SYSTEM_MOUNTS = ("/usr", "/opt", "/var", "/nix", "/gnu", "/etc")
_DISKS = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "overlay", "erofs"})

#: Parts of /proc that drivers add to while a lab is up.
_GUARDED = frozenset({"bus", "driver", "fs", "irq", "scsi", "sys"})

#: What in /proc takes only what is about the writer itself: thresholds to be told of.
_HARMLESS = frozenset({"pressure"})


def mounted() -> list[tuple[str, str]]:
    """Where the host has file systems, and of which kind, but those at odd paths."""
    found = []
    for line in Path("/proc/self/mountinfo").read_bytes().splitlines():
        left, _, right = os.fsdecode(line).partition(" - ")
        path = left.split()[4]
        if "\\" not in path:
            found.append((path, right.split()[0]))
    return found


def system_mounts(mounted: list[tuple[str, str]]) -> tuple[str, ...]:
    """Host file systems below / that an overlay of / would leave out: it does not cross mounts."""
    found = {
        path
        for path, kind in mounted
        if kind in _DISKS
        and any(is_below(path, top) for top in _SYSTEM_MOUNTS)
        and os.path.isdir(path)
    }
    return tuple(sorted(found))


def guarded() -> tuple[str, ...]:
    """What in /proc is not about processes, and takes what root writes."""
    found = []
    for entry in os.scandir("/proc"):
        own = entry.name.isdecimal() or entry.is_symlink() or entry.name in _HARMLESS
        if not own and (entry.name in _GUARDED or _has_writable(entry.path)):
            found.append(entry.path)
    return tuple(sorted(found))


def _has_writable(path: str) -> bool:
    if not os.path.isdir(path):
        return bool(os.stat(path).st_mode & 0o222)
    files = (os.path.join(top, name) for top, _, names in os.walk(path) for name in names)
    return any(os.lstat(file).st_mode & 0o222 for file in files if not os.path.islink(file))


def hidden() -> list[str]:
    """What of the host no node should read, as far as this host has it."""
    keys = [str(path) for path in Path("/etc/ssh").glob("ssh_host_*")]
    return [path for path in (*_HIDDEN, *keys) if os.path.lexists(path)]


def reachable(private: Iterable[str], apart: Iterable[str]) -> tuple[str, ...]:
    """Where Python and netarium live, as far as a node's root would not show it.

    That is below the node's ``private`` directories, or on a file system ``apart``.
    """
    here = Path(__file__).resolve().parents[2]
    wanted = {Path(sys.prefix), Path(sys.base_prefix), Path(sys.exec_prefix), here}
    wanted |= {Path(sys.executable).resolve().parents[1]}
    wanted |= {Path(entry) for entry in sys.path if entry}  # .pth files may name any place
    hiding = {*private, *apart}
    covered = [
        str(path)
        for path in sorted(wanted)
        if path.is_dir() and any(is_below(str(path), top) for top in hiding)
    ]
    return tuple(p for p in covered if not any(p.startswith(q + "/") for q in covered))


def is_below(path: str, top: str) -> bool:
    """Whether a path is ``top`` or in it."""
    return path == top or path.startswith(top.rstrip("/") + "/")
