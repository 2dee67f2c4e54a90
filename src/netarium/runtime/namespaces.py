"""The namespaces that a lab's supervisor has to itself; each node then gets its own."""

from __future__ import annotations

import os

from netarium.errors import MachineError
from netarium.runtime import kernel

__all__ = ["fork_first", "separate"]


def fork_first() -> int:
    """Fork the first process of a new PID namespace: its id, and 0 in the child.

    Raises:
        MachineError: the machine refuses such a namespace.
    """
    try:
        kernel.unshare(kernel.CLONE_NEWPID)
        return os.fork()
    except OSError as error:
        raise _refused(error) from None


def separate() -> None:
    """Leave the host's mount and network namespaces for new ones.

    Raises:
        MachineError: the machine refuses, or the caller lives in a chroot.
    """
    try:
        kernel.unshare(kernel.CLONE_NEWNS | kernel.CLONE_NEWNET)
    except OSError as error:
        raise _refused(error) from None
    _refuse_chroot()
    try:
        kernel.mount("", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    except OSError as error:
        raise MachineError(
            f"this machine refuses mounts in a new namespace: {error.strerror}",
            "on Ubuntu: sysctl kernel.apparmor_restrict_unprivileged_userns=0, or run as root",
        ) from None


def _refused(error: OSError) -> MachineError:
    return MachineError(
        f"this machine refuses new namespaces: {error.strerror}",
        "in a container, give it the capability SYS_ADMIN; see `netarium doctor`",
    )


def _refuse_chroot() -> None:
    """Servers join their node's mount namespace, and find themselves at its outermost root."""
    seen = os.stat("/")
    own = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    kernel.setns(own, kernel.CLONE_NEWNS)
    os.close(own)
    if not os.path.samestat(seen, os.stat("/")):
        raise MachineError(
            "netarium cannot run in a chroot: a node would see what is outside",
            "run it outside, or enter the directory with systemd-nspawn",
        )
