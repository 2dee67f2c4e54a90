"""Packet sockets of a lab's nodes: opened there, where they stay, for a process that does not."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import netarium
from netarium.errors import MachineError, NetariumError
from netarium.ports.packet_socket import open_socket
from netarium.runtime import kernel

__all__ = ["in_namespace", "main", "open_sockets"]

T = TypeVar("T")

_LAUNCH = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from netarium.capture.opening import main; main(*map(int, sys.argv[2:]))"
)


def in_namespace(descriptor: int, action: Callable[[], T]) -> T:
    """Have a thread of its own join a network namespace and do something there.

    ``descriptor`` is a pidfd or a namespace; -1 is the caller's own.

    Raises:
        MachineError: the caller may not join it.
    """
    if descriptor < 0:
        return action()
    results: list[T] = []
    failures: list[BaseException] = []

    def work() -> None:
        try:
            try:
                kernel.setns(descriptor, kernel.CLONE_NEWNET)
            except OSError as error:
                raise MachineError(
                    f"the node's network cannot be joined: {error.strerror}", "run it as root"
                ) from None
            results.append(action())
        except BaseException as failure:  # the caller gets it, whatever it is
            failures.append(failure)

    thread = threading.Thread(target=work, name="namespace")
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return results[0]


def open_sockets(namespaces: Sequence[int], *, user: bool) -> list[socket.socket]:
    """A silent packet socket in each network namespace.

    Args:
        namespaces: pidfds, or -1 for the caller's own namespace.
        user: whether they belong to a user namespace, which must be joined for the right
            to open such sockets. A process of several threads cannot; another one does it.

    Raises:
        MachineError: the caller may not capture there.
    """
    if not user:
        return [in_namespace(descriptor, open_socket) for descriptor in namespaces]
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    home = str(Path(netarium.__file__).parent.parent)
    words = [sys.executable, "-I", "-S", "-c", _LAUNCH, home, str(theirs.fileno())]
    sockets: list[socket.socket] = []
    with ours:
        with theirs:
            process = subprocess.Popen(
                [*words, *map(str, namespaces)],
                pass_fds=[theirs.fileno(), *namespaces],
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # a Ctrl-C is for the caller to handle
            )
        while len(sockets) < len(namespaces):
            message, descriptors, _, _ = socket.recv_fds(ours, 4096, 1)
            if not descriptors:
                break
            sockets.append(socket.socket(fileno=descriptors[0]))
    process.wait()
    if len(sockets) < len(namespaces):
        for sock in sockets:
            sock.close()
        what, cure = json.loads(message) if message else ("no socket came from the lab", "")
        raise MachineError(what, cure)
    return sockets


def main(channel: int, *namespaces: int) -> None:
    """In a process of one thread: join the namespaces in turn, open a socket, hand it over."""
    ours = socket.socket(fileno=channel)
    kinds = kernel.CLONE_NEWNET | kernel.CLONE_NEWUSER
    try:
        for descriptor in namespaces:
            try:
                kernel.setns(descriptor, kinds)
            except OSError as error:
                raise MachineError(f"the lab cannot be joined: {error.strerror}") from None
            kinds = kernel.CLONE_NEWNET  # the user namespace is the lab's, the same for all nodes
            with open_socket() as sock:
                socket.send_fds(ours, [b"socket"], [sock.fileno()])
    except NetariumError as error:
        ours.send(json.dumps([error.what, error.cure]).encode())
