"""Frames of several rings put into one order of time, though blocks come at different moments."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import deque
from typing import Any

from netarium.ports.ring import Block
from netarium.wire.batch import Batch

__all__ = ["COLUMNS", "Merger"]

COLUMNS = ("time", "start", "captured", "length", "interface", "flags", "segment")


class Merger:
    """Holds frames back until those before them must have come.

    The frames stay where they are, in their rings: only what is noted of them is sorted.

    Attributes:
        memory: where the frames are.
    """

    def __init__(self, memory: memoryview) -> None:
        self.memory = memory
        self._columns: dict[str, Any] = {name: array("q") for name in COLUMNS}
        self._blocks: deque[tuple[Block, int]] = deque()

    def __len__(self) -> int:
        return len(self._columns["time"])

    def add(self, batch: Batch, block: Block | None = None) -> None:
        """Take frames, those of the block if there is one."""
        for name in COLUMNS:
            self._columns[name].extend(getattr(batch, name)[: batch.count])
        if block is not None:
            self._blocks.append((block, max(batch.time[: batch.count], default=0)))

    def flush(self, until: int | None, *, fast: bool) -> tuple[Batch, list[Block]]:
        """The frames up to a time, in order, and the blocks that are done with then.

        ``until`` is in nanoseconds since 1970; None takes all.
        """
        taken = Batch(self.memory)
        sort = _sort_fast if fast else _sort
        taken.count = sort(self._columns, until, taken)
        done = [block for block, last in self._blocks if until is None or last <= until]
        if done:
            kept = [(b, last) for b, last in self._blocks if until is not None and last > until]
            self._blocks = deque(kept)
        return taken, done


def _sort(columns: dict[str, Any], until: int | None, taken: Batch) -> int:
    times = columns["time"]
    order = sorted(range(len(times)), key=times.__getitem__)
    count = len(order)
    if until is not None:
        count = bisect_right(order, until, key=times.__getitem__)
    for name in COLUMNS:
        column = columns[name]
        setattr(taken, name, array("q", [column[row] for row in order[:count]]))
        columns[name] = array("q", [column[row] for row in order[count:]])
    return count


def _sort_fast(columns: dict[str, Any], until: int | None, taken: Batch) -> int:
    import numpy

    times = numpy.frombuffer(columns["time"], "i8") if columns["time"] else numpy.empty(0, "i8")
    order = numpy.argsort(times, kind="stable")  # nearly sorted runs: little to do
    count = len(order)
    if until is not None:
        count = int(numpy.searchsorted(times[order], until, side="right"))
    for name in COLUMNS:
        sorted_column = numpy.frombuffer(columns[name], "i8")[order] if len(order) else times
        setattr(taken, name, array("q", sorted_column[:count].tobytes()))
        columns[name] = array("q", sorted_column[count:].tobytes())
    return count
