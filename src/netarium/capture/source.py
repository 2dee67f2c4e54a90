"""Where a capture's frames come from, whatever the backend: batches in order of time."""

from __future__ import annotations

import contextlib
import os
import select
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from netarium.wire.batch import Batch, Interface

__all__ = ["DEFAULT_BUDGET", "Options", "Pace", "Source", "Stop", "remaining"]

#: Bytes of all rings together.
DEFAULT_BUDGET = 256 << 20

#: Frames after which loading the compiled loops, which takes as long as some 100,000 frames
#: do without them, is worth it; and how many at once tell that many more will follow.
_MANY = 60_000
_RUSH = 3_000


@dataclass(frozen=True, slots=True)
class Options:
    """How to capture.

    Attributes:
        filter: in tcpdump's language; empty takes everything.
        snaplen: bytes to keep of each frame; 0: all.
        prompt: whether somebody watches: frames are handed on in hundredths of a second.
        budget: bytes of memory for what the kernel has captured, all namespaces together.
    """

    filter: str = ""
    snaplen: int = 0
    prompt: bool = False
    budget: int = DEFAULT_BUDGET


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

    def batches(self, stop: Stop, deadline: float | None = None) -> Iterator[Batch]:
        """Frames as they come, until asked to stop or ``time.monotonic()`` is ``deadline``.

        A batch is good until the next is asked for. What was captured before the end is
        still handed out.
        """

    def count(self) -> dict[str, int]:
        """Bring ``received`` and ``dropped`` of the interfaces up to date.

        Gives the frames lost so far for want of room, by node or interface.
        """

    def close(self) -> None:
        """End capturing and give back all memory."""


class Pace:
    """Decides whether the hot loops are worth compiling: for many frames they are."""

    def __init__(self) -> None:
        self._seen = 0
        self.fast = False

    def of(self, frames: int) -> bool:
        """Whether to take the next ``frames`` with compiled loops."""
        self._seen += frames
        if not self.fast and (self._seen > _MANY or frames > _RUSH):
            self.fast = True
        return self.fast


def remaining(deadline: float | None, most: float | None = None) -> float | None:
    """Seconds until a deadline, or ``most`` if that is sooner; None: for ever."""
    left = None if deadline is None else max(0.0, deadline - time.monotonic())
    if left is None or most is None:
        return most if left is None else left
    return min(left, most)
