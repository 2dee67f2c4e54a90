"""Opens the sockets on which a service listens: every address of the node, IPv4 and IPv6."""

from __future__ import annotations

import errno
import os
import resource
import socket

from netarium.errors import NetariumError

__all__ = ["allow_many_files", "listen", "open_datagram"]

# An address family that a node's kernel lacks, or has switched off, is not an error.
_ABSENT = {errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT}


def listen(port: int, backlog: int = 1024) -> list[socket.socket]:
    """Listen on a TCP port of every address: one socket for IPv4, one for IPv6 where it exists.

    Raises:
        NetariumError: the port is taken, or is not allowed.
    """
    found = _open(socket.SOCK_STREAM, port)
    for stream in found:
        stream.listen(backlog)
    return found


def open_datagram(port: int, buffer: int = 1 << 20) -> list[socket.socket]:
    """Open a UDP port of every address; the receive buffer is ``buffer`` bytes if allowed.

    Each datagram's destination comes with it (IP_PKTINFO, RFC 3542 for IPv6).

    Raises:
        NetariumError: the port is taken, or is not allowed.
    """
    found = _open(socket.SOCK_DGRAM, port)
    for datagram in found:
        datagram.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        if datagram.family == socket.AF_INET:
            # IP_PKTINFO is 8 on every Linux; Python names it from 3.14 on.
            datagram.setsockopt(socket.IPPROTO_IP, 8, 1)
        else:
            datagram.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    return found


def allow_many_files() -> None:
    """Raise this process's limit of open files to what it may have, so that crowds are served."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, 65536) if hard != resource.RLIM_INFINITY else 65536
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _open(kind: socket.SocketKind, port: int) -> list[socket.socket]:
    found: list[socket.socket] = []
    for family, everywhere in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        try:
            opened = socket.socket(family, kind)
        except OSError as error:
            if error.errno in _ABSENT:
                continue
            raise
        try:
            if kind == socket.SOCK_STREAM:
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            opened.setblocking(False)
            opened.bind((everywhere, port))
        except OSError as error:
            opened.close()
            if error.errno in _ABSENT and found:
                continue
            for other in found:
                other.close()
            raise _refusal(kind, port, error) from error
        found.append(opened)
    return found


def _refusal(kind: socket.SocketKind, port: int, error: OSError) -> NetariumError:
    name = f"{'TCP' if kind == socket.SOCK_STREAM else 'UDP'} port {port}"
    reason = os.strerror(error.errno or 0).lower()
    if error.errno == errno.EADDRINUSE:
        return NetariumError(
            f"{name} is in use on this node already",
            "Give one of the two services another port in the lab file.",
        )
    return NetariumError(f"cannot listen on {name}: {reason}")
