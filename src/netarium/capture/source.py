"""Where a capture's frames come from, whatever the backend: batches in order of time."""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from netarium.wire.batch import Batch, Interface

if TYPE_CHECKING:
    from netarium.ports.ring import Block, Rings

__all__ = ["Direct", "Options", "Source", "Stop", "default_budget", "remaining"]

#: Bytes of all rings together, at most; machines with less memory give an eighth of what is free.
_MOST, _LEAST = 1 << 30, 64 << 20


def default_budget() -> int:
    """Bytes that the rings of a capture may take: rings that are too small lose bursts."""
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return _LEAST
    return max(_LEAST, min(_MOST, free // 8))


@dataclass(frozen=True, slots=True)
class Options:
    """How to capture.

    Attributes:
        filter: in tcpdump's language; empty takes everything.
        snaplen: bytes to keep of each frame; 0: all.
        prompt: whether somebody watches: frames are handed on in hundredths of a second.
        budget: bytes of memory for what the kernel has captured, all namespaces together.
        purpose: what becomes of the frames: ``file``, ``lines``, ``columns`` or else; its
            loops should be compiled when many come.
    """

    filter: str = ""
    snaplen: int = 0
    prompt: bool = False
    budget: int = field(default_factory=default_budget)
    purpose: str = ""


class Stop:
    """A request to end a capture, safe to make from a signal handler or another thread.

    Attributes:
        fd: readable once it was made.
        why: what made it, where that was not ``set``.
        reader_left: whether it was made because nobody reads the output any more.
    """

    def __init__(self) -> None:
        self._event = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._epoll = select.epoll()
        self._epoll.register(self._event, select.EPOLLIN)
        self._reasons: dict[int, str] = {}
        self.fd = self._epoll.fileno()
        self.why = ""
        self.reader_left = False

    def set(self) -> None:
        """Ask for the end."""
        os.eventfd_write(self._event, 1)

    def watch(self, descriptor: int, why: str) -> None:
        """Ask for the end when a descriptor, as a pidfd, becomes readable. It is closed here."""
        self._reasons[descriptor] = why
        self._epoll.register(descriptor, select.EPOLLIN)

    def watch_reader(self, descriptor: int) -> None:
        """Ask for the end when the reader of a pipe leaves."""
        with contextlib.suppress(PermissionError):  # a file on disk has no reader
            self._epoll.register(descriptor, 0)  # errors are told without being asked for

    @property
    def asked(self) -> bool:
        """Whether it was made."""
        ready = self._epoll.poll(0)
        for descriptor, events in ready:
            self.why = self.why or self._reasons.get(descriptor, "")
            self.reader_left |= bool(events & select.EPOLLERR)
        return bool(ready)

    def close(self) -> None:
        """Forget about it."""
        self._epoll.close()
        for descriptor in (self._event, *self._reasons):
            os.close(descriptor)
        self._reasons = {}


#: Takes a block straight from its ring; whether it did.
Direct = Callable[["Rings", "Block"], bool]


class Source(Protocol):
    """Captures frames from when it is made until ``close``.

    Attributes:
        interfaces: where it captures; grows as frames come from others.
        notes: things to tell a person, taken out by who tells them.
    """

    interfaces: list[Interface]
    notes: list[str]

    @property
    def fast(self) -> bool:
        """Whether there is enough to do for compiled loops."""

    def batches(
        self, stop: Stop, deadline: float | None = None, direct: Direct | None = None
    ) -> Iterator[Batch]:
        """Frames as they come, until asked to stop or ``time.monotonic()`` is ``deadline``.

        A batch is good until the next is asked for. What was captured before the end is
        still handed out. Where frames come fast, whole blocks may be offered to ``direct``
        first; what that takes is not in a batch.
        """

    def count(self) -> dict[str, int]:
        """Bring ``received`` and ``dropped`` of the interfaces up to date.

        Gives the frames lost so far for want of room, by node or interface.
        """

    def close(self) -> None:
        """End capturing and give back all memory."""


def remaining(deadline: float | None, most: float | None = None) -> float | None:
    """Seconds until a deadline, or ``most`` if that is sooner; None: for ever."""
    left = None if deadline is None else max(0.0, deadline - time.monotonic())
    if left is None or most is None:
        return most if left is None else left
    return min(left, most)
