"""The process in a node that connects on behalf of a ``netarium.runtime.dial.Dialer``.

It joins the node's network and files but not its processes, with the rights of any
program there. Requests and answers are one datagram each: ``[number, hosts, port]``
in, ``[number, errno, text]`` out, the connected socket attached where it worked.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401 - getaddrinfo would import it from the node's files
import json
import os
import signal
import socket
import sys
import threading

from netarium.runtime import kernel
from netarium.runtime.enter import become_unreadable

__all__ = ["main"]

_TIMEOUT = 20.0
_AT_ONCE = 512


def main(pidfd: int, channel_fd: int, rootless: bool) -> None:
    """Serve until the channel closes."""
    become_unreadable()
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    joined = kernel.CLONE_NEWNET | kernel.CLONE_NEWNS | kernel.CLONE_NEWUTS
    try:
        kernel.setns(pidfd, joined | (kernel.CLONE_NEWUSER if rootless else 0))
        os.close(pidfd)
        kernel.limit_capabilities()
    except OSError as error:
        sys.exit(f"netarium: cannot enter the node: {error.strerror}")
    channel = socket.socket(fileno=channel_fd)
    slots = threading.BoundedSemaphore(_AT_ONCE)
    while request := channel.recv(65536):
        number, hosts, port = json.loads(request)
        slots.acquire()
        threading.Thread(
            target=_answer, args=(channel, slots, number, hosts, port), daemon=True
        ).start()
    os._exit(0)  # without waiting for connections that nobody wants any longer


def _answer(
    channel: socket.socket,
    slots: threading.BoundedSemaphore,
    number: int,
    hosts: list[str],
    port: int,
) -> None:
    try:
        connected, code, text = _connect(hosts, port)
        answer = [json.dumps([number, code, text]).encode()]
        try:
            if connected is None:
                channel.sendmsg(answer)
            else:
                with connected:
                    socket.send_fds(channel, answer, [connected.fileno()])
        except OSError:
            pass  # the channel has closed: main ends us
    finally:
        slots.release()


def _connect(hosts: list[str], port: int) -> tuple[socket.socket | None, int, str]:
    code, text = 0, "no address"
    for host in hosts:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            why = error.strerror if isinstance(error, socket.gaierror) else str(error)
            code, text = 0, f"{host}: {why}"
            continue
        for family, kind, protocol, _, address in found:
            connection = socket.socket(family, kind, protocol)
            try:
                connection.settimeout(_TIMEOUT)
                connection.connect(address)
            except OSError as error:
                connection.close()
                number = error.errno or 110  # a timeout of ours has no number: ETIMEDOUT
                code, text = number, f"{host} port {port}: {os.strerror(number)}"
                continue
            connection.settimeout(None)
            return connection, 0, ""
    return None, code, text
