"""Recording: frames from a source to a sink, until enough of them or of time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from netarium.capture.source import Options, Source, Stop
from netarium.errors import UsageError

if TYPE_CHECKING:
    from netarium.capture.targets import Targets
    from netarium.ports.ring import Block, Rings
    from netarium.wire.batch import Batch

__all__ = ["BACKENDS", "BlockSink", "Sink", "Summary", "limited", "open_source", "record"]

#: What may capture: packet rings, or libpcap.
BACKENDS = ("ring", "pcap")


class Sink(Protocol):
    """Takes what was captured."""

    def write(self, batch: Batch, *, fast: bool) -> None:
        """Take a batch; it is good until this returns."""

    def close(self) -> None:
        """There is no more."""


@runtime_checkable
class BlockSink(Sink, Protocol):
    """A sink that may take blocks of rings as they are."""

    def write_block(self, rings: Rings, block: Block) -> bool:
        """Take a block, if that can be."""


@dataclass(slots=True)
class Summary:
    """What came of a capture.

    Attributes:
        packets: handed to the sink. seconds: that it took.
        dropped: frames that were lost, by node or interface.
        interfaces: how many there were.
        reader_left: whether it ended because whoever read its output has gone.
    """

    packets: int = 0
    seconds: float = 0.0
    dropped: dict[str, int] = field(default_factory=dict)
    interfaces: int = 0
    reader_left: bool = False

    @property
    def lost(self) -> int:
        """Frames that were lost in all."""
        return sum(self.dropped.values())


def open_source(targets: Targets, options: Options, backend: str = BACKENDS[0]) -> Source:
    """Begin to capture. The targets may be closed afterwards.

    Raises:
        UsageError: there is no such backend.
        MachineError, NotFoundError, FilterError: as the backends do.
    """
    if backend == "ring":
        from netarium.capture.ring_source import RingSource

        return RingSource(targets, options)
    if backend == "pcap":
        from netarium.capture.pcap_source import PcapSource

        return PcapSource(targets, options)
    raise UsageError(f"there is no backend {backend!r}", f"choose one of {', '.join(BACKENDS)}")


def limited(batches: Iterator[Batch], count: int | None) -> Iterator[Batch]:
    """Batches up to exactly ``count`` frames; None: all."""
    if count is None:
        yield from batches
        return
    left = count
    while left > 0 and (batch := next(batches, None)) is not None:
        batch.count = min(batch.count, left)
        left -= batch.count
        yield batch


def record(
    source: Source,
    sink: Sink,
    stop: Stop,
    *,
    count: int | None = None,
    seconds: float | None = None,
    tell: Callable[[str], None] = lambda note: None,
) -> Summary:
    """Hand frames from the source to the sink; both are closed in the end, whatever happens.

    Args:
        source: what captures.
        sink: what takes the frames.
        stop: ends it when asked.
        count: exactly how many frames; None: no limit.
        seconds: for how long; None: no limit.
        tell: called with what a person should know.
    """
    began = time.monotonic()
    deadline = None if seconds is None else began + seconds
    summary = Summary()

    def direct(rings: Rings, block: Block) -> bool:
        if count is not None or not isinstance(sink, BlockSink):
            return False
        taken = sink.write_block(rings, block)
        summary.packets += block.frames if taken else 0
        return taken

    try:
        try:
            for batch in limited(source.batches(stop, deadline, direct), count):
                sink.write(batch, fast=source.fast)
                summary.packets += batch.count
                while source.notes:
                    tell(source.notes.pop(0))
        finally:
            summary.dropped = source.count()
            summary.interfaces = len(source.interfaces)
            sink.close()
    except BrokenPipeError:
        summary.reader_left = True
    finally:
        source.close()
        summary.reader_left |= stop.reader_left
        summary.seconds = time.monotonic() - began
    return summary
