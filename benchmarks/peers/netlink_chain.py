"""A chain of N network namespaces on raw netlink.

Says "up" on stdout, and goes down at a line on stdin.

The least that can be called a node: a process in a network namespace with cables,
addresses and a loopback. No file system, names, process list or services of its
own: what is left is the price of the kernel's wiring through pyroute2.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import signal
import socket
import sys
from collections.abc import Iterator

from pyroute2 import IPRoute

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int) -> None:
    if result:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def _spawn() -> int:
    """A process that sits in a network namespace of its own; returns once it does."""
    ready, said = os.pipe()
    pid = os.fork()
    if pid == 0:
        _check(_libc.unshare(_CLONE_NEWNET))
        os.write(said, b"1")
        signal.pause()
    os.close(said)
    os.read(ready, 1)
    os.close(ready)
    return pid


def _wire(pids: list[int]) -> None:
    with IPRoute() as route:
        for number, (left, right) in enumerate(itertools.pairwise(pids)):
            peer = {"ifname": "eth0", "net_ns_pid": right}
            name = "eth1" if number else "eth0"
            route.link("add", ifname=name, kind="veth", net_ns_pid=left, peer=peer)


def _addresses(number: int, count: int) -> Iterator[tuple[str, str]]:
    """The interfaces of a node of the chain, each with its address: one /30 a cable."""
    if number:
        yield "eth0", socket.inet_ntoa((0x0A000002 + 4 * (number - 1)).to_bytes(4, "big"))
    if number < count - 1:
        name = "eth1" if number else "eth0"
        yield name, socket.inet_ntoa((0x0A000001 + 4 * number).to_bytes(4, "big"))


def _configure(pids: list[int]) -> None:
    for number, pid in enumerate(pids):
        fd = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
        _check(_libc.setns(fd, _CLONE_NEWNET))
        os.close(fd)
        with IPRoute() as route:
            route.link("set", index=1, state="up")
            for name, address in _addresses(number, len(pids)):
                index = socket.if_nametoindex(name)
                route.addr("add", index=index, address=address, prefixlen=30)
                route.link("set", index=index, state="up")


def main(count: int) -> None:
    pids: list[int] = []
    try:
        pids.extend(_spawn() for _ in range(count))
        _wire(pids)
        _configure(pids)
        print("up", flush=True)
        sys.stdin.readline()
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        for pid in pids:
            os.waitpid(pid, 0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
