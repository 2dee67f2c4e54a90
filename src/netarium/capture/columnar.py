"""Packets as columns: Arrow record batches out of batches of frames."""

from __future__ import annotations

import difflib
import os
from array import array
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from netarium.capture.arrow import coded, numbers, schema_of, words_of
from netarium.capture.tables import COMMON, Column, packet_columns
from netarium.errors import NetariumError
from netarium.wire.bulk import column_kernels as kernels
from netarium.wire.bulk.address_kernels import ADDRESS_TEXT, KEY_WORDS, spell
from netarium.wire.bulk.verdict_kernels import CLOSER, verdicts
from netarium.wire.bulk.walk import places
from netarium.wire.hot import run

if TYPE_CHECKING:
    import pyarrow

    from netarium.capture.flows import Numbering
    from netarium.wire.batch import Batch

__all__ = ["ColumnError", "Columns", "columns_of"]

#: Frames that one pass fills columns of: few enough that they stay in the processor's cache.
_ROWS = 1 << 14
#: Addresses that differ in one record batch, at most.
_ADDRESSES = 1 << 12
#: Threads that make columns, beside the one that reads.
_THREADS = min(4, max(1, (os.cpu_count() or 1) - 1))


class ColumnError(NetariumError):
    """A column that there is not."""

    exit_code = 2


def columns_of(
    batch: Batch, names: Sequence[str] | None = None, fast: bool = False
) -> pyarrow.RecordBatch:
    """The packets of one batch as columns.

    Args:
        batch: the frames, of a file or of a live capture; nothing of it is kept.
        names: which columns (``netarium query --columns`` lists them); None: the common ones,
            ``"all"``: all.
        fast: with compiled loops.

    Flows are numbered from 0 in each call: `Columns` numbers them through many batches.
    Raises ColumnError where there is no such column.
    """
    return Columns(names).whole(batch, fast)


class Columns:
    """Makes the same columns of one batch after another, and numbers flows through them all.

    Attributes:
        columns: what it makes, in order.
        schema: the same for Arrow.
    """

    def __init__(self, names: Sequence[str] | None = None) -> None:
        known = packet_columns()
        wanted = COMMON if names is None else known if names == "all" else names
        self.columns = [_find(name, known) for name in wanted]
        self.schema = schema_of(self.columns)
        self._begin: int | None = None
        self._idle: list[_Room] = []
        self._slots: dict[str, int] = {}
        self._tables: dict[str, int] = {}
        fields, addresses, derived, judged = (array("q") for _ in range(4))
        for column in self.columns:
            if column.name in self._slots or (not column.fields and column.derived < 0):
                continue
            slot = self._slots[column.name] = len(self._slots)
            if column.kind == "address":
                table = self._tables[column.name] = len(self._tables)
                for row in column.fields:
                    addresses.extend((*row, slot, table))
            else:
                for row in column.fields:
                    fields.extend((*row, slot))
                if column.derived >= 0:
                    (judged if column.judged else derived).extend((column.derived, slot))
        layers = array("q", sorted({*fields[::7], *addresses[::5]}))
        self._plan = fields, addresses, derived, layers
        self._judged = judged
        self._numbering: Numbering | None = None
        if {"flow", "tcp_stream", "udp_stream"} & {column.name for column in self.columns}:
            from netarium.capture.flows import Numbering

            self._numbering = Numbering()

    def whole(self, batch: Batch, fast: bool) -> pyarrow.RecordBatch:
        """All packets of a batch as one record batch."""
        import pyarrow as pa

        made = self._made(batch, self._numbered(batch, fast), fast)
        if len(made) == 1:
            return made[0]
        table = pa.Table.from_batches(made, self.schema).unify_dictionaries().combine_chunks()
        if table.num_rows:
            return table.to_batches()[0]
        arrays = [pa.array([], field.type) for field in self.schema]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def stream(self, batches: Iterable[Batch]) -> Iterator[pyarrow.RecordBatch]:
        """The packets of many batches, in order; many of them keep all processors busy.

        The batches must have buffers of their own, as those of files have.
        """
        from netarium.wire.hot import worth_compiling

        seen = 0
        waiting: deque[Future[list[pyarrow.RecordBatch]]] = deque()
        pool: ThreadPoolExecutor | None = None
        try:
            for batch in batches:
                seen += len(batch.data)
                fast = worth_compiling(seen)
                numbered = self._numbered(batch, fast)
                if not fast:
                    yield from self._made(batch, numbered, fast)
                    continue
                if pool is None:
                    pool = ThreadPoolExecutor(_THREADS)
                if sum(not each.done() for each in waiting) <= _THREADS:
                    waiting.append(pool.submit(self._made, batch, numbered, fast))
                else:  # they have enough to do: this thread, which reads, does it itself
                    waiting.append(Future())
                    waiting[-1].set_result(self._made(batch, numbered, fast))
                while waiting and (waiting[0].done() or len(waiting) > 8 * _THREADS):
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            if pool is not None:
                pool.shutdown(cancel_futures=True)

    def _numbered(self, batch: Batch, fast: bool) -> dict[str, Any]:
        """The numbers of flows: what must be done batch after batch."""
        if self._begin is None and batch.count:
            self._begin = batch.time[0]
        if self._numbering is None:
            return {}
        self._numbering.number(batch, fast)
        return self._numbering.columns(batch)

    def _made(
        self, batch: Batch, numbered: dict[str, Any], fast: bool
    ) -> list[pyarrow.RecordBatch]:
        """The packets of a batch; in several record batches where they are many."""
        made = []
        try:
            room = self._idle.pop()
        except IndexError:
            room = _Room(len(self._slots), len(self._tables))
        low = 0
        while low < batch.count:
            high = min(low + _ROWS, batch.count)
            if self._slots:
                high = run(
                    kernels.gather,
                    *(batch.data, batch.start, batch.captured, batch.length, batch.interface),
                    *(batch.links(), low, high, *self._plan),
                    *room.arguments(high - low),
                    fast=fast,
                )
            if self._judged:
                run(
                    verdicts,
                    *(batch.data, batch.start, batch.captured, batch.length, batch.interface),
                    *(batch.flags, batch.links(), low, high, self._judged),
                    *(room.out, room.stride, places()),
                    fast=fast,
                )
            made.append(self._record(batch, low, high, room, numbered, fast))
            low = high
        self._idle.append(room)
        return made

    def _record(
        self,
        batch: Batch,
        low: int,
        high: int,
        room: _Room,
        numbered: dict[str, Any],
        fast: bool,
    ) -> pyarrow.RecordBatch:
        import numpy as np
        import pyarrow as pa

        count = high - low
        arrays: list[Any] = []
        for column in self.columns:
            if column.name in self._slots:
                first = 8 * self._slots[column.name] * room.stride
                values = np.frombuffer(room.out, "i8", count, first)
                if column.kind == "address":
                    words = room.words(self._tables[column.name], batch.data, fast)
                    arrays.append(coded(values, words))
                elif column.words is not None:
                    if column.judged:
                        values = _judged(column, values, batch, low)
                    arrays.append(words_of(values, column.words))
                else:
                    arrays.append(numbers(values, column.type))
            elif column.name in numbered:
                arrays.append(numbers(numbered[column.name][low:high], column.type))
            else:
                arrays.append(_of_batch(column, batch, low, high, self._begin or 0))
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)


class _Room:
    """Where the kernel writes; used again and again, so that it stays in the cache."""

    def __init__(self, columns: int, tables: int) -> None:
        self.columns = columns
        self.stride = 0
        self.out = array("q")
        self.slots = array("q", bytes(8 * 2 * _ADDRESSES * tables))
        self.keys = array("q", bytes(8 * KEY_WORDS * _ADDRESSES * tables))
        self.counts = array("q", bytes(8 * tables))
        bases = array("q", bytes(8 * kernels.LAYERS))
        self.rest = places(), places(), bases, array("q", bytes(8 * kernels.BLOCK_ROOM))

    def arguments(self, rows: int) -> tuple[Any, ...]:
        """The kernel's arguments for so many rows."""
        if self.stride < rows:
            self.stride = rows
            self.out = array("q", bytes(8 * self.columns * rows))
        return self.out, self.stride, self.slots, self.keys, self.counts, *self.rest

    def words(self, table: int, data: memoryview, fast: bool) -> Any:
        """The text of the addresses in a table."""
        import pyarrow as pa

        count = self.counts[table]
        first = KEY_WORDS * _ADDRESSES * table
        text, ends = bytearray(ADDRESS_TEXT * count), array("i", bytes(4 * (count + 1)))
        size = run(spell, data, self.keys, first, count, text, ends, fast=fast)
        return pa.StringArray.from_buffers(count, pa.py_buffer(ends), pa.py_buffer(text[:size]))


def _find(name: str, known: dict[str, Column]) -> Column:
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        raise ColumnError(
            f"packets have no column {name!r}",
            f"did you mean {near[0]}?" if near else "netarium query --columns lists them",
        )
    return known[name]


def _judged(column: Column, values: Any, batch: Batch, low: int) -> Any:
    """Verdicts, with those filled in that the kernel has left to a closer look."""
    import numpy as np

    from netarium.wire.judging import judge
    from netarium.wire.packet import packet_of

    for row in np.flatnonzero(values == CLOSER).tolist():
        judged = judge(packet_of(batch, low + row))
        # A tunnel or a quote may hold another header of the kind: the outermost counts.
        found = next((each.verdict for each in judged if each.layer in column.judged), -1)
        values[row] = int(found)
    return values


def _of_batch(column: Column, batch: Batch, low: int, high: int, begin: int) -> Any:
    """What is known of frames without looking into them."""
    import numpy as np
    import pyarrow as pa

    def known(name: str) -> Any:
        return np.frombuffer(getattr(batch, name), "i8", high - low, 8 * low)

    name = column.name
    if name == "number":
        if batch.numbers:
            return numbers(known("numbers"), column.type)
        return pa.array(np.arange(low + batch.first, high + batch.first))
    if name == "time":
        # Not by way of _numbers: times before 1970 are negative, and no nulls.
        times = pa.py_buffer(known("time").copy())
        return pa.Array.from_buffers(column.type, high - low, [None, times])
    if name == "seconds":
        return pa.array((known("time") - begin) / 1e9)
    if name == "interface":
        names = [interface.name for interface in batch.interfaces]
        places = np.array([*(index if name else -1 for index, name in enumerate(names)), -1])
        where = places[np.minimum(known("interface"), len(names))]
        return coded(where, pa.array(names, pa.string()))
    if name == "direction":
        way = known("flags") & 3
        assert column.words is not None
        return words_of(np.where(way > 0, way, -1), column.words)
    if name == "comment":
        return pa.array([batch.comments.get(index) for index in range(low, high)], pa.string())
    if name == "segment_size":
        sizes = known("segment")
        return numbers(np.where(sizes > 0, sizes, -1), column.type)
    return numbers(known(name), column.type)
