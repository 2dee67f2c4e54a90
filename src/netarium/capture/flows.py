"""Flows: numbering them through a capture, and the table of what passed in each."""

from __future__ import annotations

import socket
from array import array
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from netarium.capture.arrow import coded, numbers, schema_of, words_of
from netarium.capture.tables import Column, packet_columns
from netarium.wire.bulk import flow_kernels as kernels
from netarium.wire.bulk.walk import places
from netarium.wire.hot import run, worth_compiling

if TYPE_CHECKING:
    import pyarrow

    from netarium.wire.batch import Batch, Interface

__all__ = ["COLUMNS", "MEANING", "Numbering", "Sums", "connection_states", "record_batches"]

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


MEANING = (
    "A row for each conversation (addresses, ports, protocol) on each interface; "
    "out is from src to dst, back the other way."
)
COLUMNS = (
    Column("flow", "Number of the flow, as in packets; the same on all interfaces.", bits=63),
    Column("interface", "Where it was captured.", "text"),
    Column("protocol", "TCP, UDP, ICMP, ...", "text"),
    Column("src", "Who began it.", "text"),
    Column("src_port", "The port of who began it; of pings their number.", bits=16),
    Column("dst", "With whom.", "text"),
    Column("dst_port", "The other port.", bits=16),
    Column("began", "When its first frame was captured.", "time"),
    Column("ended", "When its last frame was captured.", "time"),
    Column("duration", "From the first frame to the last, in seconds.", "seconds"),
    Column("packets", "Frames both ways.", bits=63),
    Column("bytes", "Bytes both ways: whole frames, as on the wire.", bits=63),
    Column("packets_out", "Frames from src to dst.", bits=63),
    Column("packets_back", "Frames from dst to src.", bits=63),
    Column("bytes_out", "Bytes from src to dst.", bits=63),
    Column("bytes_back", "Bytes from dst to src.", bits=63),
    Column("payload_out", "What TCP, UDP or ICMP carried from src to dst, in bytes.", bits=63),
    Column("payload_back", "What TCP, UDP or ICMP carried from dst to src, in bytes.", bits=63),
    Column(
        "state",
        "Of TCP: unanswered, refused, established, reset, half closed, closed, or"
        " midstream: its beginning is not in the capture.",
        "text",
    ),
    Column("flags_out", "All TCP flags seen from src.", "text"),
    Column("flags_back", "All TCP flags seen from dst.", "text"),
    Column("handshake", "From the SYN to the end of TCP's handshake, in seconds.", "seconds"),
    Column("resent_out", "TCP segments from src that bring nothing new.", bits=63),
    Column("resent_back", "TCP segments from dst that bring nothing new.", bits=63),
    Column("largest", "Payload of the largest packet, in bytes.", bits=31),
)
_CHUNK = 1 << 16  # rows of a record batch


def record_batches(batches: Iterable[Batch]) -> Iterator[pyarrow.RecordBatch]:
    """The table, of the frames of a capture: it is whole after the last of them."""
    sums = Sums()
    seen = 0
    for batch in batches:
        seen += len(batch.data)
        sums.add(batch, worth_compiling(seen))
    for low in range(0, sums.count, _CHUNK):
        yield _record(sums, low, min(low + _CHUNK, sums.count))


def connection_states(sums: Sums, interfaces: set[int]) -> tuple[dict[str, int], int]:
    """How many TCP connections are in which state, and how many segments came again.

    A connection that was seen on several of the interfaces counts once.
    """
    import numpy as np

    size = kernels.ROW
    rows = np.frombuffer(sums.rows, "i8", size * sums.count).reshape(-1, size)
    keys = np.frombuffer(sums.numbering.keys, "i8").reshape(-1, kernels.KEY)
    mine = np.isin(rows[:, kernels.INTERFACE], list(interfaces))
    rows = rows[mine & (keys[rows[:, kernels.FLOW], 9] >> 8 == 6)]
    resent = int(rows[:, kernels.RETRANSMITTED : kernels.RETRANSMITTED + 2].sum())
    _, once = np.unique(rows[:, kernels.FLOW], return_index=True)
    rows = rows[once]
    turned = rows[:, kernels.FIRST_WAY] == 1
    one, other = rows[:, kernels.FLAGS], rows[:, kernels.FLAGS + 1]
    states = _states(np.where(turned, other, one), np.where(turned, one, other))
    counts = np.bincount(states, minlength=len(_STATES)).tolist()
    found = dict(zip(_STATES, counts, strict=True))
    return {name: found[name] for name in _STATES if found[name]}, resent


def _record(sums: Sums, low: int, high: int) -> pyarrow.RecordBatch:
    """Some rows of the table."""
    import numpy as np
    import pyarrow as pa

    size = kernels.ROW
    rows = np.frombuffer(sums.rows, "i8", size * (high - low), 8 * size * low).reshape(-1, size)
    keys = np.frombuffer(sums.numbering.keys, "i8").reshape(-1, kernels.KEY)[rows[:, kernels.FLOW]]
    turned = rows[:, kernels.FIRST_WAY]  # 1: who began it is the second in the key
    protocol = keys[:, 9] >> 8
    is_tcp = protocol == 6
    words = packet_columns()
    protocols, flags = words["protocol"].words, words["tcp_flags"].words
    assert protocols and flags

    def way(first: int, back: int) -> Any:
        return np.where(turned == back, rows[:, first], rows[:, first + 1])

    def tcp(values: Any) -> Any:
        return np.where(is_tcp, values, -1)

    def name(value: int) -> str | None:
        return sums.interfaces[value].name or None if value < len(sums.interfaces) else None

    def times(column: int) -> Any:
        return pa.array(rows[:, column]).view(pa.timestamp("ns"))

    ports = np.stack((keys[:, 8] >> 16, keys[:, 8] & 0xFFFF))
    has_ports = np.isin(protocol, (6, 17, 132)) | (keys[:, 8] > 0)
    shook = rows[:, kernels.SHOOK]
    handshake = pa.array(shook / 1e9, mask=~is_tcp | (shook < 0))
    totals = [rows[:, first] + rows[:, first + 1] for first in (kernels.PACKETS, kernels.BYTES)]
    made: list[Any] = [
        rows[:, kernels.FLOW],
        words_of(rows[:, kernels.INTERFACE], name),
        words_of(protocol, protocols),
        _addresses(keys, turned),
        np.where(has_ports, np.where(turned == 0, ports[0], ports[1]), -1),
        _addresses(keys, 1 - turned),
        np.where(has_ports, np.where(turned == 0, ports[1], ports[0]), -1),
        times(kernels.FIRST),
        times(kernels.LAST),
        pa.array((rows[:, kernels.LAST] - rows[:, kernels.FIRST]) / 1e9),
        *totals,
        *(way(first, back) for first in _PAIRS for back in (0, 1)),
        words_of(tcp(_states(way(kernels.FLAGS, 0), way(kernels.FLAGS, 1))), _STATES.__getitem__),
        words_of(tcp(way(kernels.FLAGS, 0)), flags),
        words_of(tcp(way(kernels.FLAGS, 1)), flags),
        handshake,
        *(tcp(way(kernels.RETRANSMITTED, back)) for back in (0, 1)),
        rows[:, kernels.MOST_SEGMENT],
    ]
    arrays = [
        numbers(values, column.type) if isinstance(values, np.ndarray) else values
        for values, column in zip(made, COLUMNS, strict=True)
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=schema_of(COLUMNS))


_PAIRS = (kernels.PACKETS, kernels.BYTES, kernels.PAYLOAD)
_STATES = (
    "midstream",
    "unanswered",
    "refused",
    "established",
    "reset",
    "half closed",
    "closed",
)
_FIN, _SYN, _RST = 1, 2, 4


def _states(out: Any, back: Any) -> Any:
    """Of TCP flags seen each way: an index into `_STATES`."""
    import numpy as np

    begun, answered = (out & _SYN) > 0, (back & _SYN) > 0
    finished = ((out & _FIN) > 0).astype(int) + ((back & _FIN) > 0)
    reset = ((out | back) & _RST) > 0
    return np.select(
        [
            begun & ~answered & ((back & _RST) > 0),
            reset,
            finished == 2,
            finished == 1,
            begun & answered,
            begun & (back == 0),
        ],
        [2, 4, 6, 5, 3, 1],
        0,
    )


def _addresses(keys: Any, second: Any) -> Any:
    """The text of one of the two addresses of each flow, by its key."""
    import numpy as np
    import pyarrow as pa

    words = np.where(second[:, None] == 1, keys[:, 4:8], keys[:, :4])
    version = keys[:, 9] & 0xFF
    distinct, place = np.unique(np.column_stack((words, version)), axis=0, return_inverse=True)
    texts = []
    for *four, kind in distinct.tolist():
        if kind == 4:
            texts.append(socket.inet_ntoa(four[3].to_bytes(4, "big")))
        else:
            raw = b"".join(word.to_bytes(4, "big") for word in four)
            texts.append(socket.inet_ntop(socket.AF_INET6, raw))
    return coded(place.reshape(-1), pa.array(texts, pa.string()))


def _zeros(count: int) -> array[int]:
    return array("q", bytes(8 * count))
