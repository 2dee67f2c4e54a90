"""Network namespaces of a test's own, with a cable in each, and frames to send over it."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from netarium.capture.opening import in_namespace

T = TypeVar("T")


class Network:
    """A namespace with the cable s0 - s1; ``pidfd`` is of a process in it."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.pid = process.pid
        self.pidfd = os.pidfd_open(process.pid)

    def run(self, line: str) -> str:
        words = ["nsenter", f"--net=/proc/{self.pid}/ns/net", "sh", "-ec", line]
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout

    def do(self, action: Callable[[], T]) -> T:
        return in_namespace(self.pidfd, action)

    def sender(self, interface: str = "s0") -> socket.socket:
        """A socket whose frames leave by that interface."""

        def opened() -> socket.socket:
            sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
            sock.bind((interface, 0))
            return sock

        return self.do(opened)


@contextmanager
def network() -> Iterator[Network]:
    """A namespace with nothing but its loopback and the cable s0 - s1, both ends up."""
    script = "ip link add s0 type veth peer name s1; ip link set s0 up; ip link set s1 up; echo"
    quiet = "sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1"
    process = subprocess.Popen(
        ["unshare", "--net", "sh", "-c", f"{quiet}; ip link set lo up; {script}; exec sleep 600"],
        stdout=subprocess.PIPE,
    )
    assert process.stdout
    process.stdout.readline()
    made = Network(process)
    try:
        yield made
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        os.close(made.pidfd)


def frame(number: int, size: int = 60, *, tag: bytes = b"") -> bytes:
    """A frame for nobody, of an EtherType for experiments, that says its number."""
    head = bytes.fromhex("020000000002020000000001") + tag + b"\x88\xb5"
    return (head + number.to_bytes(4, "big")).ljust(size, b".")
