"""Timers without a clock: what is due is called when somebody tells what time it is."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

__all__ = ["Timer", "Timers"]


@dataclass(slots=True)
class Timer:
    """Something that will be called at a time; `cancel` keeps it from that."""

    at: float
    call: Callable[[], None] | None

    def cancel(self) -> None:
        """Never call it."""
        self.call = None


class Timers:
    """All timers of a router, the earliest first; ``now`` is the time that was last handed in."""

    def __init__(self) -> None:
        self.now = 0.0
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = count()

    def after(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Call something some seconds from now."""
        timer = Timer(self.now + seconds, call)
        heapq.heappush(self._heap, (timer.at, next(self._order), timer))
        return timer

    def next(self) -> float | None:
        """When the next one is due; None where none is set."""
        while self._heap and self._heap[0][2].call is None:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def run(self) -> None:
        """Call all that are due by now, in the order of their times."""
        while self._heap and self._heap[0][0] <= self.now:
            timer = heapq.heappop(self._heap)[2]
            call, timer.call = timer.call, None
            if call is not None:
                call()
