"""What this machine can do for labs: each feature is tried in namespaces that vanish at once.

Nothing is read from versions or configuration files: the kernel is asked for the
thing itself, in a child process that has nothing to do with the host's network.
"""

from __future__ import annotations

import errno
import os
import shutil
import socket
import struct
from collections.abc import Callable
from pathlib import Path

import msgspec

from netarium.runtime import kernel, nat, netlink
from netarium.runtime.user_namespace import enter_user_namespace, subordinate_ids

__all__ = ["Check", "Tool", "checks", "limits", "tools"]

_SPACES = kernel.CLONE_NEWNS | kernel.CLONE_NEWNET | kernel.CLONE_NEWUTS | kernel.CLONE_NEWIPC
_RTM_NEWQDISC = 36
_TC_H_ROOT = 0xFFFFFFFF
_TCA_KIND, _TCA_OPTIONS = 1, 2
_KERNEL = "a kernel that has it: those of Debian and Ubuntu do (in a virtual machine or WSL2, "
_KERNEL += "a full kernel rather than a minimal one)"


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """A feature of the kernel.

    Attributes:
        name: the feature.
        purpose: what labs use it for.
        required: whether labs need it at all; without the others something is missing.
        works: whether it worked just now.
        reason: why not, in the kernel's words.
        cure: what would bring it.
    """

    name: str
    purpose: str
    required: bool
    works: bool
    reason: str = ""
    cure: str = ""


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A program that people use inside labs. ``path`` is None where the machine lacks it."""

    name: str
    purpose: str
    package: str
    path: str | None


def _namespaces() -> None:
    kernel.unshare(_SPACES | kernel.CLONE_NEWPID)


def _overlay() -> None:
    kernel.unshare(kernel.CLONE_NEWNS)
    kernel.mount("", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    kernel.mount("probe", "/tmp", "tmpfs")
    for name in ("upper", "work", "root"):
        Path("/tmp", name).mkdir()
    options = "lowerdir=/usr,upperdir=/tmp/upper,workdir=/tmp/work"
    try:
        kernel.mount("overlay", "/tmp/root", "overlay", 0, options)
    except OSError:  # in a user namespace, whose marks are kept in user attributes
        kernel.mount("overlay", "/tmp/root", "overlay", 0, options + ",userxattr")


def _cable() -> None:
    kernel.unshare(kernel.CLONE_NEWNET)
    with netlink.Netlink() as link:
        link.send([netlink.add_veth(netlink.VethEnd("a"), netlink.VethEnd("b"))])


def _switch() -> None:
    kernel.unshare(kernel.CLONE_NEWNET)
    with netlink.Netlink() as link:
        link.send([netlink.add_bridge("s")])


def _masquerade() -> None:
    kernel.unshare(kernel.CLONE_NEWNET)
    nat.apply(("lo",))


def _ipv6() -> None:
    kernel.unshare(kernel.CLONE_NEWNET)
    socket.socket(socket.AF_INET6, socket.SOCK_DGRAM).close()


def _packets() -> None:
    kernel.unshare(kernel.CLONE_NEWNET)
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)).close()


def _tap() -> None:
    os.close(os.open("/dev/net/tun", os.O_RDWR))


def _impairment() -> None:
    kernel.unshare(kernel.CLONE_NEWNET)
    with netlink.Netlink() as link:
        index = link.interfaces()["lo"]
        # struct tcmsg, then netem's struct tc_netem_qopt: a limit of 1000 packets, no delay.
        body = struct.pack("=BxxxiIII", 0, index, 0, _TC_H_ROOT, 0)
        body += netlink.attribute(_TCA_KIND, b"netem\0")
        body += netlink.attribute(_TCA_OPTIONS, struct.pack("=6I", 0, 1000, 0, 0, 0, 0))
        flags = netlink.NLM_F_CREATE | netlink.NLM_F_EXCL
        link.send([netlink.Request(_RTM_NEWQDISC, flags, body, "netem")])


_CHECKS: tuple[tuple[str, str, bool, Callable[[], None]], ...] = (
    ("namespaces", "every node: network, mount, UTS, IPC, PID", True, _namespaces),
    ("overlayfs", "a node's own view of the host's files", True, _overlay),
    ("veth", "cables between nodes", True, _cable),
    ("bridge", "segments with more than two nodes", True, _switch),
    ("nf_tables nat", "nodes with nat, such as home routers", True, _masquerade),
    ("ipv6", "IPv6 addresses", False, _ipv6),
    ("packet sockets", "tcpdump, nmap, ping from inside nodes", False, _packets),
    ("netem", "delay and loss on links", False, _impairment),
    ("tun/tap", "programs that are network interfaces themselves", False, _tap),
)


def _try(action: Callable[[], None], *, own_user: bool) -> str:
    """Run an action in a child process, in a user namespace on demand; why it failed, or ""."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(read)
            if own_user:
                enter_user_namespace()
            action()
        except OSError as error:
            os.write(write, (error.strerror or str(error)).encode())
        except Exception as error:
            os.write(write, str(error).encode() or b"?")
        finally:
            os._exit(0)
    os.close(write)
    try:
        return os.read(read, 4096).decode(errors="replace")
    finally:
        os.close(read)
        os.waitpid(child, 0)


def checks() -> list[Check]:
    """Try every feature as labs would use it: as root, or in a user namespace of this user's."""
    rootless = os.geteuid() != 0
    refused = _try(lambda: None, own_user=True)
    found = [
        Check(
            name="user namespaces",
            purpose="labs without root",
            required=rootless,
            works=not refused,
            reason=refused.splitlines()[0] if refused else "",
            cure="sysctl kernel.apparmor_restrict_unprivileged_userns=0 on Ubuntu, "
            "kernel.unprivileged_userns_clone=1 on older Debian; or run netarium as root"
            if refused
            else "",
        )
    ]
    for name, purpose, required, action in _CHECKS:
        reason = _try(action, own_user=rootless)
        cure = ""
        if reason:
            denied = reason in (os.strerror(errno.EPERM), os.strerror(errno.EACCES))
            cure = "the right to use it: run netarium as root" if denied else _KERNEL
            if denied and not rootless:
                cure = "more rights: a container needs --privileged"
        found.append(
            Check(
                name=name,
                purpose=purpose,
                required=required,
                works=not reason,
                reason=reason,
                cure=cure,
            )
        )
    return found


#: command, what for, Debian's package (the same names in Ubuntu).
_TOOLS = (
    ("ping", "is it there", "iputils-ping"),
    ("traceroute", "the way there", "traceroute"),
    ("nmap", "which ports are open", "nmap"),
    ("ssh", "log in", "openssh-client"),
    ("curl", "web", "curl"),
    ("dig", "names", "bind9-dnsutils"),
    ("telnet", "telnet", "inetutils-telnet"),
    ("ftp", "FTP", "tnftp"),
    ("route", "routes, the old way", "net-tools"),
    ("nc", "talk to any port", "netcat-openbsd"),
    ("tcpdump", "watch packets", "tcpdump"),
    ("ip", "addresses, routes", "iproute2"),
    ("ps", "processes", "procps"),
    ("sudo", "brandon becomes root", "sudo"),
    ("tar", "netarium cp", "tar"),
    ("bash", "the accounts' shell", "bash"),
)
_SYSTEM_PATHS = "/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"


def tools() -> list[Tool]:
    """The programs that people use inside labs, and where this machine has them."""
    purposes = {}
    if _one_id():
        # Its configuration must be root's, and is nobody's where only one id is mapped.
        purposes["sudo"] = "not in your labs: they have one user id, and all are root"
    return [
        Tool(
            name=name,
            purpose=purposes.get(name, purpose),
            package=package,
            path=shutil.which(name, path=_SYSTEM_PATHS),
        )
        for name, purpose, package in _TOOLS
    ]


def _one_id() -> bool:
    """Whether labs of this user have root's id alone."""
    if os.geteuid() == 0:
        return False
    ranges = subordinate_ids("/etc/subuid") and subordinate_ids("/etc/subgid")
    return not (ranges and shutil.which("newuidmap") and shutil.which("newgidmap"))


def limits() -> list[str]:
    """What a lab of this user cannot do that one of root's can, a line each; empty for root."""
    if os.geteuid() == 0:
        return []
    found = []
    if _one_id():
        found.append(
            "one user id only: brandon, and programs that switch user, keep root's id; sudo fails "
            "(more ids take: apt install uidmap, and a range in /etc/subuid and /etc/subgid)"
        )
    found.append("/run/netns is root's: ip netns exec does not see the nodes; use netarium exec")
    return found
