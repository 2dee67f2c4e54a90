"""What the tables of applications have in common: messages picked out of batches, rows of Arrow."""

from __future__ import annotations

import heapq
import socket
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from netarium.capture.arrow import schema_of
from netarium.wire.bulk.picking import PICKED, pick
from netarium.wire.bulk.walk import places
from netarium.wire.hot import run, worth_compiling

if TYPE_CHECKING:
    import pyarrow

    from netarium.capture.tables import Column
    from netarium.wire.batch import Batch

__all__ = ["Message", "Rows", "messages"]

_CHUNK = 1 << 12  # rows of a record batch
_MOST_WAITING = 1 << 17  # rows


@dataclass(slots=True)
class Message:
    """What one frame carries of an application's protocol.

    Attributes:
        number, time, interface: of the frame; None where the file names no interface.
        src, dst, sport, dport: who sent it to whom.
        stream: whether it came over TCP; sequence: then its number there.
        payload: the bytes.
    """

    number: int
    time: int
    interface: str | None
    src: str
    dst: str
    sport: int
    dport: int
    stream: bool
    sequence: int
    payload: bytes


def messages(batches: Iterable[Batch], wanted: int) -> Iterator[Message]:
    """The messages of one kind (`wire.bulk.picking` names them), in the order of the capture."""
    seen = 0
    for batch in batches:
        seen += len(batch.data)
        picked = array("q", bytes(8 * PICKED * batch.count))
        found = run(
            pick,
            *(batch.data, batch.start, batch.captured, batch.interface, batch.links()),
            *(batch.count, wanted, picked, places()),
            fast=worth_compiling(seen),
        )
        for row in range(found):
            index, network, transport, at, end, protocol = picked[PICKED * row : PICKED * (row + 1)]
            src, dst = _addresses(batch.data, network)
            ports = batch.data[transport : transport + 8]
            where = batch.interface[index]
            yield Message(
                batch.number(index),
                batch.time[index],
                batch.interfaces[where].name or None if where < len(batch.interfaces) else None,
                src,
                dst,
                int.from_bytes(ports[:2], "big"),
                int.from_bytes(ports[2:4], "big"),
                protocol == 6,
                int.from_bytes(ports[4:], "big"),
                bytes(batch.data[at:end]),
            )


def _addresses(data: memoryview, at: int) -> tuple[str, str]:
    if data[at] >> 4 == 4:
        return socket.inet_ntoa(data[at + 12 : at + 16]), socket.inet_ntoa(data[at + 16 : at + 20])
    return (
        socket.inet_ntop(socket.AF_INET6, data[at + 8 : at + 24]),
        socket.inet_ntop(socket.AF_INET6, data[at + 24 : at + 40]),
    )


class Rows:
    """Collects rows, and makes record batches of them, in the order of their numbers.

    Rows wait for earlier ones that are not complete yet; of those that wait only so many are
    kept that a question nobody answers does not fill the memory.

    Args:
        columns: what a row has, in order; the first is its number.
    """

    def __init__(self, columns: Iterable[Column]) -> None:
        self.schema = schema_of(columns)
        self._waiting: list[tuple[int, int, tuple[Any, ...]]] = []  # a heap
        self._added = 0
        self._rows: list[tuple[Any, ...]] = []

    def add(self, *row: Any) -> None:
        """Add a row; None: null."""
        self._added += 1
        heapq.heappush(self._waiting, (row[0], self._added, row))

    def ready(self, before: int) -> Iterator[pyarrow.RecordBatch]:
        """What has gathered of rows with numbers below, as soon as it is much."""
        waiting = self._waiting
        if len(waiting) + len(self._rows) < _CHUNK:
            return
        while waiting and (waiting[0][0] < before or len(waiting) > _MOST_WAITING):
            self._rows.append(heapq.heappop(waiting)[2])
        if len(self._rows) >= _CHUNK:
            yield self._batch()

    def rest(self) -> Iterator[pyarrow.RecordBatch]:
        """All that is left."""
        self._rows += (row for _, _, row in sorted(self._waiting, key=lambda each: each[:2]))
        self._waiting.clear()
        if self._rows:
            yield self._batch()

    def _batch(self) -> pyarrow.RecordBatch:
        import pyarrow as pa

        made: list[Any] = [
            pa.array(values, field.type)
            for values, field in zip(zip(*self._rows, strict=True), self.schema, strict=True)
        ]
        self._rows.clear()
        return pa.RecordBatch.from_arrays(made, schema=self.schema)
