"""TCP connections that go out from a node, for programs that stay on the host.

A socket belongs for ever to the network namespace it was opened in. ``relay`` joins
that namespace itself, being its process's only work; a ``Dialer`` keeps a small
process in the node that resolves names as the node does, connects, and hands the
connected sockets over.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import netarium
from netarium.errors import NetariumError
from netarium.runtime import kernel
from netarium.runtime.run import open_node

if TYPE_CHECKING:
    from collections.abc import Sequence

    from netarium.runtime.state import RunningLab

__all__ = ["DialError", "Dialer", "own_addresses", "relay"]

_LAUNCH = (
    "import sys; sys.path.append(sys.argv[1]); from netarium.runtime.dialing import main; "
    "main(int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == 'rootless')"
)
_CHUNK = 65536


class DialError(NetariumError):
    """A connection that could not be made. ``number`` is the errno, 0 where a name is unknown."""

    def __init__(self, what: str, number: int) -> None:
        super().__init__(what)
        self.number = number


def own_addresses(lab: RunningLab, node: str) -> tuple[str, ...]:
    """Where a node's own services may listen: loopback first, then its interfaces."""
    return ("127.0.0.1", "::1", *lab.lab.node(node).addresses)


class Dialer:
    """Connects to anywhere from a node. Threads may share it; ``close`` it, or use ``with``."""

    def __init__(self, lab: RunningLab, node: str) -> None:
        pidfd = open_node(lab, node)
        self.node = node
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._lock = threading.Lock()
        self._waiting: dict[int, Future[socket.socket]] = {}
        self._number = 0
        home = str(Path(netarium.__file__).parent.parent)
        mode = "rootless" if lab.rootless else "root"
        try:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-I", "-S", "-c", _LAUNCH, home),
                    *(str(pidfd), str(theirs.fileno()), mode),
                ],
                pass_fds=(pidfd, theirs.fileno()),
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # a Ctrl-C is for the command line to handle
            )
        finally:
            os.close(pidfd)
            theirs.close()
        self._reader = threading.Thread(target=self._read, name=f"dialer-{node}", daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the process in the node; connections made so far stay."""
        self._channel.shutdown(socket.SHUT_RDWR)
        self._process.wait()
        self._reader.join()
        self._channel.close()

    def request(self, hosts: Sequence[str], port: int) -> Future[socket.socket]:
        """Connect to the first of ``hosts`` that answers; the future holds the socket.

        Hosts are names, resolved in the node, or addresses. The future fails with DialError.
        """
        future: Future[socket.socket] = Future()
        with self._lock:
            self._number += 1
            number = self._number
            self._waiting[number] = future
        try:
            self._channel.send(json.dumps([number, list(hosts), port]).encode())
        except OSError as error:
            with self._lock:
                self._waiting.pop(number, None)
            if not future.done():
                future.set_exception(DialError(f"node {self.node} is gone", error.errno or 0))
        return future

    def dial(self, hosts: Sequence[str], port: int) -> socket.socket:
        """``request``, waiting for the outcome."""
        return self.request(hosts, port).result()

    def _read(self) -> None:
        while True:
            try:
                message, fds, _, _ = socket.recv_fds(self._channel, _CHUNK, 1)
            except OSError:
                message, fds = b"", []
            if not message:
                break
            number, code, text = json.loads(message)
            with self._lock:
                future = self._waiting.pop(number, None)
            connected = socket.socket(fileno=fds[0]) if fds else None
            if future is None or not future.set_running_or_notify_cancel():
                if connected is not None:
                    connected.close()
            elif connected is not None:
                future.set_result(connected)
            else:
                future.set_exception(DialError(text, code))
        with self._lock:
            left, self._waiting = self._waiting, {}
        for future in left.values():
            if future.set_running_or_notify_cancel():
                future.set_exception(DialError(f"node {self.node} is gone", 0))


def relay(lab: RunningLab, node: str, port: int) -> int:
    """Join standard input and output with a TCP port of the node; give 0 when it closes.

    For a process with one thread that does nothing else afterwards: it joins the
    node's network for good.

    Raises:
        DialError: nothing accepts connections there.
    """
    pidfd = open_node(lab, node)
    try:
        kernel.setns(pidfd, kernel.CLONE_NEWNET | (kernel.CLONE_NEWUSER if lab.rootless else 0))
    except OSError as error:
        raise NetariumError(f"cannot enter node {node}: {error.strerror}") from error
    finally:
        os.close(pidfd)
    refused = OSError()
    for address in own_addresses(lab, node):
        try:
            connection = socket.create_connection((address, port), timeout=10)
            break
        except OSError as error:
            refused = error
    else:
        raise DialError(
            f"nothing listens on TCP port {port} of node {node}", refused.errno or 0
        ) from refused
    connection.settimeout(None)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    threading.Thread(target=_send, args=(connection,), daemon=True).start()
    try:
        while data := connection.recv(_CHUNK):
            view = memoryview(data)
            while view:
                view = view[os.write(1, view) :]
    except ConnectionError:
        pass  # a reset ends the connection as well as any other way
    return 0


def _send(connection: socket.socket) -> None:
    try:
        while data := os.read(0, _CHUNK):
            connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the reading side sees the end of the connection too
