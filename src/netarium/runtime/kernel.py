"""System calls that Python 3.11 does not offer: namespaces, mounts, capabilities, parent death.

Thin and typed: each call raises OSError with the path or name concerned. Numbers
are from the kernel's uapi headers (sched.h, mount.h, prctl.h, capability.h).
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from functools import cache
from pathlib import Path

from netarium.runtime.seccomp import filter_for

__all__ = [
    "CLONE_NEWIPC",
    "CLONE_NEWNET",
    "CLONE_NEWNS",
    "CLONE_NEWPID",
    "CLONE_NEWUSER",
    "CLONE_NEWUTS",
    "MNT_DETACH",
    "MS_BIND",
    "MS_NOATIME",
    "MS_NODEV",
    "MS_NODIRATIME",
    "MS_NOEXEC",
    "MS_NOSUID",
    "MS_PRIVATE",
    "MS_RDONLY",
    "MS_REC",
    "MS_REMOUNT",
    "MS_SLAVE",
    "NODE_CAPABILITIES",
    "become_subreaper",
    "die_with_parent",
    "last_capability",
    "limit_capabilities",
    "limit_heirs",
    "make_read_only",
    "mount",
    "pivot_root",
    "read_only_tree",
    "set_hostname",
    "set_name",
    "setns",
    "umount",
    "unshare",
]

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_REMOUNT = 32
MS_NOATIME = 1024
MS_NODIRATIME = 2048
MS_BIND = 4096
MS_REC = 16384
MS_PRIVATE = 1 << 18
MS_SLAVE = 1 << 19
MNT_DETACH = 2

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_PR_CAPBSET_DROP = 24
_PR_SET_CHILD_SUBREAPER = 36
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_CAPABILITY_VERSION_3 = 0x20080522

#: What a process inside a node may hold: a container engine's usual set without MKNOD
#: (a block device node would open the host's disk), with NET_ADMIN and NET_RAW.
NODE_CAPABILITIES = frozenset(
    {
        0,  # CHOWN
        1,  # DAC_OVERRIDE
        3,  # FOWNER
        4,  # FSETID
        5,  # KILL
        6,  # SETGID
        7,  # SETUID
        8,  # SETPCAP
        10,  # NET_BIND_SERVICE
        12,  # NET_ADMIN
        13,  # NET_RAW
        18,  # SYS_CHROOT
        29,  # AUDIT_WRITE
        31,  # SETFCAP
    }
)

_libc = ctypes.CDLL(None, use_errno=True)
_libc.mount.argtypes = (
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_char_p,
    ctypes.c_ulong,
    ctypes.c_char_p,
)
_libc.prctl.argtypes = (ctypes.c_int, *([ctypes.c_ulong] * 4))
# The filter keeps programs from nothing but calls: no need to slow down against Spectre.
_SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_SPEC_ALLOW = 1, 4
_AT_FDCWD = -100
_AT_RECURSIVE, _AT_EMPTY_PATH = 0x8000, 0x1000
_OPEN_TREE_CLONE = 1
_MOUNT_ATTR_RDONLY = 1
_SYS_OPEN_TREE, _SYS_MOUNT_SETATTR = 428, 442  # on every machine
_SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41, "riscv64": 41, "armv7l": 218, "s390x": 217}


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def unshare(flags: int) -> None:
    """Leave the namespaces in ``flags`` for new ones (unshare(2))."""
    _check(_libc.unshare(flags), "unshare")


def setns(fd: int, flags: int = 0) -> None:
    """Join the namespaces behind a namespace or pidfd descriptor (setns(2))."""
    _check(_libc.setns(fd, flags), "setns")


def mount(
    source: str, target: str, kind: str | None = None, flags: int = 0, options: str = ""
) -> None:
    """mount(2)."""
    result = _libc.mount(
        os.fsencode(source),
        os.fsencode(target),
        os.fsencode(kind) if kind else None,
        flags,
        os.fsencode(options) if options else None,
    )
    _check(result, target)


def umount(target: str, flags: int = MNT_DETACH) -> None:
    """umount2(2); detaches by default."""
    _check(_libc.umount2(os.fsencode(target), flags), target)


def pivot_root(new_root: str, put_old: str) -> None:
    """pivot_root(2)."""
    number = _SYS_PIVOT_ROOT[os.uname().machine]
    _check(_libc.syscall(number, os.fsencode(new_root), os.fsencode(put_old)), new_root)


def read_only_tree() -> int:
    """A descriptor of /, with all that is mounted below, as a copy that cannot be written to.

    It is nowhere mounted (open_tree(2), Linux 5.2). Closed on execve.
    """
    flags = _OPEN_TREE_CLONE | os.O_CLOEXEC | _AT_RECURSIVE
    tree = int(_libc.syscall(_SYS_OPEN_TREE, _AT_FDCWD, b"/", flags))
    _check(min(tree, 0), "open_tree")
    try:
        _set_read_only(tree, b"", _AT_EMPTY_PATH)
    except OSError:
        os.close(tree)
        raise
    return tree


def make_read_only(path: str) -> None:
    """Make a mount read-only, with all that is mounted below."""
    try:
        _set_read_only(_AT_FDCWD, os.fsencode(path))
    except OSError as error:
        if error.errno != errno.ENOSYS:
            raise
        # Before Linux 5.12 a mount at a time; a user namespace may not drop its flags.
        held = os.statvfs(path).f_flag
        keep = held & (MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME)
        mount("", path, flags=MS_REMOUNT | MS_BIND | MS_RDONLY | keep)


def _set_read_only(directory: int, path: bytes, flags: int = 0) -> None:
    """mount_setattr(2), Linux 5.12."""
    attributes = struct.pack("=4Q", _MOUNT_ATTR_RDONLY, 0, 0, 0)
    where = flags | _AT_RECURSIVE
    result = _libc.syscall(_SYS_MOUNT_SETATTR, directory, path, where, attributes, len(attributes))
    _check(result, os.fsdecode(path) or "mount_setattr")


def set_hostname(name: str) -> None:
    """Name the machine of the current UTS namespace (sethostname(2))."""
    raw = os.fsencode(name)
    _check(_libc.sethostname(raw, len(raw)), name)


def set_name(name: str, title: str = "") -> None:
    """Name this process as ``ps -o comm`` and ``ss -p`` show it; 15 bytes at most.

    ``title`` replaces its command line, as ``ps aux`` shows it, as far as there is room.
    """
    buffer = ctypes.create_string_buffer(os.fsencode(name)[:15])
    _libc.prctl(_PR_SET_NAME, ctypes.addressof(buffer), 0, 0, 0)
    stat = Path("/proc/self/stat").read_text()
    start, end = map(int, stat[stat.rindex(")") + 2 :].split()[45:47])  # arg_start, arg_end
    if 0 < start < end:
        room = end - start
        line = os.fsencode(title or name)[: room - 1].ljust(room, b"\0")
        ctypes.memmove(start, line, room)


def die_with_parent(parent: int, signal_number: int = 9) -> None:
    """Be killed when the parent dies; exits at once where it has died already.

    ``parent`` is its process id as this process sees it (0 from a new PID namespace).
    """
    _check(_libc.prctl(_PR_SET_PDEATHSIG, signal_number, 0, 0, 0), "prctl")
    if os.getppid() != parent:
        os._exit(0)


def become_subreaper() -> None:
    """Adopt descendants whose parent exits (PR_SET_CHILD_SUBREAPER)."""
    _check(_libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl")


@cache
def last_capability() -> int:
    """The highest capability that the kernel knows."""
    return int(Path("/proc/sys/kernel/cap_last_cap").read_text())


def limit_capabilities() -> None:
    """Give up every right that a node's processes do not have, for good.

    All capabilities but ``NODE_CAPABILITIES``, and some system calls (``limit_heirs``).
    """
    limit_heirs()
    mask = _mask()
    low, high = mask & 0xFFFFFFFF, mask >> 32
    header = struct.pack("=Ii", _CAPABILITY_VERSION_3, 0)
    data = struct.pack("=6I", low, low, 0, high, high, 0)
    _check(_libc.capset(header, data), "capset")


@cache
def limit_heirs() -> None:
    """Let this process keep its capabilities; no program that it or a child executes gains them.

    Refused from now on are the system calls that ``netarium.runtime.seccomp`` says.
    Children inherit all that, and that it is done: once is enough for a lab.
    """
    mask = _mask()
    for capability in range(last_capability() + 1):
        if not mask >> capability & 1:
            _check(_libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0), f"capability {capability}")
    _libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    call, program = filter_for(os.uname().machine, one_id=_has_one_id())
    if not program:
        return
    held = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("@HP", len(program) // 8, ctypes.addressof(held))  # struct sock_fprog
    try:
        flags = _SECCOMP_FILTER_FLAG_SPEC_ALLOW
        _check(_libc.syscall(call, _SECCOMP_SET_MODE_FILTER, flags, header), "seccomp")
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOSYS):  # a kernel built without filters
            raise


def _has_one_id() -> bool:
    """Whether this process's user namespace maps a single user id (user_namespaces(7))."""
    try:
        lines = Path("/proc/self/uid_map").read_text().splitlines()
    except FileNotFoundError:  # /proc is a node's, this process is not: it runs no program there
        return False
    return len(lines) == 1 and lines[0].split()[2] == "1"


@cache
def _mask() -> int:
    return sum(1 << number for number in NODE_CAPABILITIES if number <= last_capability())
