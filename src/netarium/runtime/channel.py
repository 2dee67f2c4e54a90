"""Messages between the supervisor and the processes that it forked.

A message is a tuple whose first item is its kind, in MessagePack: one datagram
of a Unix socket each, so none is ever half read.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
from typing import Any

import msgspec

__all__ = ["Channel", "close_all_but", "pair"]

_LARGEST = 1 << 18


class Channel:
    """One end of a conversation between two processes of a lab."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end

    def fileno(self) -> int:
        """The descriptor, for selectors."""
        return self._socket.fileno()

    def send(self, kind: str, *values: Any) -> bool:
        """Send a message; False where the other side is gone."""
        try:
            self._socket.send(msgspec.msgpack.encode((kind, *values)))
        except (BrokenPipeError, ConnectionError):
            return False
        return True

    def receive(self) -> tuple[Any, ...] | None:
        """The next message, waiting for it; None once the other side is gone, or talks nonsense."""
        try:
            data = self._socket.recv(_LARGEST)
            return tuple(msgspec.msgpack.decode(data, type=list[Any])) if data else None
        except (ConnectionError, msgspec.MsgspecError):
            return None

    def has_message(self) -> bool:
        """Whether ``receive`` would return at once."""
        poll = select.poll()  # select(2) stops at descriptor 1023
        poll.register(self._socket, select.POLLIN)
        return bool(poll.poll(0))

    def close(self) -> None:
        """Close this end."""
        self._socket.close()


def pair() -> tuple[Channel, Channel]:
    """Two joined ends. The caller forks, and each side closes the one it does not use."""
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    return Channel(one), Channel(other)


def close_all_but(*kept: int) -> None:
    """Close every descriptor but standard error and those named; read and write nothing.

    A forked process keeps its parent's descriptors alive otherwise, and with them
    the illusion that the parent lives.
    """
    nothing = os.open("/dev/null", os.O_RDWR | os.O_CLOEXEC)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    low = 3
    for descriptor in sorted(kept):
        if descriptor >= low:
            os.closerange(low, descriptor)
            low = descriptor + 1
    with contextlib.suppress(OSError):
        os.closerange(low, os.sysconf("SC_OPEN_MAX"))
