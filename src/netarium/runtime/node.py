"""The first process of a node: it builds the node around itself, then sleeps.

It talks with the supervisor over a channel:

    built                          ->  the root stands, cables may be plugged in
    files, identity files          <-  any number of these
    wire                           <-  all cables are in: configure the interfaces
    wired                          ->
    failed, what, cure             ->  at any point; the lab cannot come up

Then it becomes ``sleep infinity``: a first process must only exist, to hold the
namespaces, and a thousand Pythons that do nothing would take 3 GB. The kernel reaps
the orphans that fall to it, because it ignores SIGCHLD.
"""

from __future__ import annotations

import os
import signal
from typing import NoReturn

import msgspec

from netarium.errors import NetariumError
from netarium.model.lab import Node
from netarium.runtime import kernel, nat, rootfs
from netarium.runtime.channel import Channel, close_all_but
from netarium.runtime.identity import IdentityFile, write
from netarium.runtime.netlink import Netlink, NetlinkError, Request

__all__ = ["NAMESPACES", "first_process"]

#: What a node has to itself besides its PID namespace, which its first process is born into.
NAMESPACES = kernel.CLONE_NEWNET | kernel.CLONE_NEWNS | kernel.CLONE_NEWUTS | kernel.CLONE_NEWIPC

#: Set in every new node: duplicate address detection would make IPv6 addresses
#: wait a second; tools for everybody need no rights to ping and serve; strict
#: reverse paths would surprise on unnumbered links; no ICMP error is withheld.
_SYSCTLS = {
    "net.ipv4.conf.all.rp_filter": "0",
    "net.ipv4.conf.default.rp_filter": "0",
    "net.ipv4.icmp_ratelimit": "0",
    "net.ipv4.icmp_msgs_per_sec": "100000",
    "net.ipv4.ip_unprivileged_port_start": "0",
    "net.ipv4.ping_group_range": "0 2147483647",
    "net.ipv6.conf.all.accept_dad": "0",
    "net.ipv6.conf.default.accept_dad": "0",
}


def first_process(
    foundation: rootfs.Foundation, node: Node, requests: list[Request], channel: Channel
) -> NoReturn:
    """Be the first process of a node until the lab ends. The caller was just forked into it.

    ``requests`` configure its interfaces, once these are there.
    """
    code = 1
    try:
        kernel.die_with_parent(0)
        close_all_but(channel.fileno())
        _live(foundation, node, requests, channel)
        code = 0
    except NetlinkError as error:
        channel.send("failed", f"node {node.name}: {error}", _cure(error))
    except NetariumError as error:
        channel.send("failed", f"node {node.name}: {error.what}", error.cure)
    except OSError as error:
        where = f" ({error.filename})" if error.filename else ""
        channel.send("failed", f"node {node.name}: {error.strerror}{where}", _DOCTOR)
    except Exception as error:  # the supervisor must hear of any fault of ours, too
        channel.send("failed", f"node {node.name}: {type(error).__name__}: {error}", "")
    finally:
        os._exit(code)


_DOCTOR = "`netarium doctor` says what this machine lacks"


def _cure(error: NetlinkError) -> str:
    if error.what.startswith("route"):
        return "a next hop must lie in a prefix of one of the node's interfaces, or be onlink"
    if error.what.startswith("address") and not os.path.exists("/proc/sys/net/ipv6"):
        return "this kernel has no IPv6 (ipv6.disable=1?): give links an IPv4 prefix of their own"
    return _DOCTOR


def _live(
    foundation: rootfs.Foundation, node: Node, requests: list[Request], channel: Channel
) -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    os.umask(0o022)
    kernel.unshare(NAMESPACES)
    kernel.set_hostname(node.name)
    rootfs.enter(foundation, node)
    for name, value in _SYSCTLS.items():
        _set_sysctl(name, value, optional=True)
    channel.send("built")
    # The channel is the only thing to hear from until the node is wired.
    while (message := channel.receive()) != ("wire",):
        if message is None:
            return
        write(msgspec.convert(message[1], list[IdentityFile]))
    rootfs.share(foundation, node)
    with Netlink() as netlink:
        netlink.send(requests)
    _configure(node)
    kernel.limit_capabilities()
    kernel.die_with_parent(0)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    if not os.access(foundation.sleeper, os.X_OK):
        raise NetariumError(
            f"{foundation.sleeper} is hidden, which its first process runs",
            "mount elsewhere, such as below /srv",
        )
    channel.send("wired")
    os.execve(foundation.sleeper, ["sleep", "infinity"], {})


def _configure(node: Node) -> None:
    """Forwarding, NAT and sysctls of the node, in that order."""
    forwarding = "1" if node.forwarding else "0"
    for interface in node.interfaces if node.forwarding else ():
        # A router that answers for others (proxy ARP) would wait up to 0.8 s for a better answer.
        name = interface.name.replace(".", "/")
        _set_sysctl(f"net.ipv4.neigh.{name}.proxy_delay", "0", optional=True)
    _set_sysctl("net.ipv4.ip_forward", forwarding)
    _set_sysctl("net.ipv6.conf.all.forwarding", forwarding, optional=True)
    if node.nat is not None:
        try:
            nat.apply(node.nat.outside)
        except OSError as error:
            raise NetariumError(
                f"this kernel does not translate addresses ({error})",
                "it takes nf_tables with NAT: modprobe nft_masq; or leave out `nat`",
            ) from None
    for name, value in node.sysctls.items():
        _set_sysctl(name, value)


def _set_sysctl(name: str, value: str, *, optional: bool = False) -> None:
    # An interface's name may hold dots, written as slashes, the way sysctl(8) has it.
    path = "/proc/sys/" + "/".join(part.replace("/", ".") for part in name.split("."))
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(descriptor, value.encode())
        finally:
            os.close(descriptor)
    except OSError as error:
        if not optional:
            reason = error.strerror or str(error)
            raise NetariumError(
                f"sysctl {name} = {value}: {reason}", "see `sysctl -a` in a node"
            ) from None
