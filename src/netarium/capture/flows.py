"""Flows: numbering them through a capture, and the table of what passed in each."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any

from netarium.wire import flow_kernels as kernels
from netarium.wire.hot import run
from netarium.wire.walk import places

if TYPE_CHECKING:
    from netarium.wire.batch import Batch, Interface

__all__ = ["Numbering", "Sums"]

_FEW = 1 << 10  # flows that there is room for at first


class Numbering:
    """Numbers the flows of one batch after another.

    Attributes:
        flow, way, stream: of each frame of the last batch: its flow, which of the two ways it
            goes, its number among the flows of TCP or of UDP; -1: none.
        count: flows so far.
    """

    def __init__(self) -> None:
        self._slots = _zeros(2 * _FEW)
        self.keys = _zeros(kernels.KEY * _FEW)
        self._streams = _zeros(_FEW)
        self._counters = _zeros(kernels.COUNTERS)
        self.flow, self.way, self.stream = _zeros(0), _zeros(0), _zeros(0)

    @property
    def count(self) -> int:
        """Flows so far."""
        return self._counters[0]

    def number(self, batch: Batch, fast: bool) -> None:
        """Number the frames of a batch."""
        if len(self.flow) < batch.count:
            self.flow, self.way, self.stream = (_zeros(batch.count) for _ in range(3))
        done = 0
        while True:
            done = run(
                kernels.number,
                *(batch.data, batch.start, batch.captured, batch.interface, batch.links()),
                *(done, batch.count, self._slots, self.keys, self._streams, self._counters),
                *(self.flow, self.way, self.stream),
                *(places(), _zeros(kernels.KEY), _zeros(2)),
                fast=fast,
            )
            if done == batch.count:
                return
            self._grow(fast)

    def _grow(self, fast: bool) -> None:
        self.keys.frombytes(bytes(8 * len(self.keys)))
        self._streams.frombytes(bytes(8 * len(self._streams)))
        self._slots = _zeros(2 * len(self._slots))
        run(kernels.resize, self.keys, self.count, self._slots, _zeros(kernels.KEY), fast=fast)

    def columns(self, batch: Batch) -> dict[str, Any]:
        """The columns ``flow``, ``tcp_stream`` and ``udp_stream`` of the last batch."""
        import numpy as np

        flow = np.frombuffer(self.flow, "i8", batch.count).copy()  # the next batch comes
        stream = np.frombuffer(self.stream, "i8", batch.count)
        # By flow: which protocol it is, so that its number counts among those alone.
        keys = np.frombuffer(self.keys, "i8").reshape(-1, kernels.KEY)[:, 9] >> 8
        protocol = np.where(flow >= 0, keys[flow], -1)
        return {
            "flow": flow,
            "tcp_stream": np.where(protocol == 6, stream, -1),
            "udp_stream": np.where(protocol == 17, stream, -1),
        }


class Sums:
    """Adds up what passes in each flow, by interface.

    Attributes:
        numbering: its flows; rows: `kernels.ROW` numbers for each row; interfaces: as seen.
    """

    def __init__(self) -> None:
        self.numbering = Numbering()
        self.rows = _zeros(kernels.ROW * _FEW)
        self.interfaces: list[Interface] = []
        self._slots = _zeros(2 * _FEW)
        self._count = _zeros(1)

    @property
    def count(self) -> int:
        """How many rows there are."""
        return self._count[0]

    def add(self, batch: Batch, fast: bool) -> None:
        """Add the frames of a batch."""
        numbering = self.numbering
        numbering.number(batch, fast)
        self.interfaces = batch.interfaces
        done = 0
        while True:
            done = run(
                kernels.account,
                *(batch.data, batch.start, batch.captured, batch.length, batch.time),
                *(batch.interface, batch.links(), done, batch.count),
                *(numbering.flow, numbering.way, self._slots, self.rows, self._count, places()),
                fast=fast,
            )
            if done == batch.count:
                return
            self.rows.frombytes(bytes(8 * len(self.rows)))
            self._slots = _zeros(2 * len(self._slots))
            run(kernels.resize_rows, self.rows, self.count, self._slots, fast=fast)


def _zeros(count: int) -> array[int]:
    return array("q", bytes(8 * count))
