"""Streams: the connections and conversations of a capture, numbered, and what was said in them."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from netarium.capture.carried import Carried, carried
from netarium.errors import NetariumError, UsageError
from netarium.wire.reassembly import Chunk, TCPStream

if TYPE_CHECKING:
    from netarium.wire.batch import Batch

__all__ = ["Stream", "Turn", "follow", "streams"]

_PROTOCOLS = {"tcp": 6, "udp": 17}
_SYN, _ACK = 0x02, 0x10
#: Bytes of a turn after which the next one begins though the same side goes on.
_LONGEST = 1 << 20


@dataclass(slots=True)
class Stream:
    """A TCP connection, or all UDP datagrams between two addresses and ports.

    Attributes:
        kind: ``tcp`` or ``udp``.
        number: from 0, in order of appearance, as Wireshark's ``tcp.stream`` and ``udp.stream``.
        source: address and port that the first packet came from, ``192.0.2.1:80``.
        destination: those that it went to.
        packets: how many there are; ``bytes``: what they carried, without headers.
        start, end: when the first and the last one came, nanoseconds since 1970.
    """

    kind: str
    number: int
    source: str
    destination: str
    packets: int = 0
    bytes: int = 0
    start: int = 0
    end: int = 0


@dataclass(slots=True)
class Turn:
    """What one side said before the other spoke.

    Attributes:
        source, destination: addresses and ports.
        time: when its first bytes came, nanoseconds since 1970.
        data: what was said.
        missing: bytes before ``data`` that the receiver got and the capture has not.
    """

    source: str
    destination: str
    time: int
    data: bytes
    missing: int = 0


def streams(path: str | Path | BinaryIO, filter: str = "") -> list[Stream]:
    """All streams of a capture file, TCP before UDP, by number.

    Args:
        path: a file, ``-`` for standard input, or a file that is open already.
        filter: in tcpdump's language; it changes the numbers, as packets are left out.

    Raises:
        NetariumError: as of `netarium.capture.batches`.
    """
    found: dict[tuple[int, int], Stream] = {}
    for one, number, _ in _numbered(_batches(path, filter)):
        stream = found.get((one.protocol, number))
        if stream is None:
            kind = "tcp" if one.protocol == 6 else "udp"
            ends = _endpoint(one.source), _endpoint(one.destination)
            stream = found[one.protocol, number] = Stream(kind, number, *ends, start=one.time)
        if not one.quoted:
            stream.packets += 1
            stream.bytes += one.length
        stream.end = max(stream.end, one.time)
    return [found[key] for key in sorted(found)]


def follow(
    path: str | Path | BinaryIO, number: int, kind: str = "tcp", filter: str = ""
) -> Iterator[Turn]:
    """What was said in a stream, in order, turn by turn; nothing twice, gaps told.

    In a capture of many interfaces, datagrams are taken where each side's were seen first.

    Args:
        path: a file, ``-`` for standard input, or a file that is open already.
        number: which stream, as `streams` and Wireshark number them.
        kind: ``tcp`` or ``udp``.
        filter: in tcpdump's language.

    Raises:
        UsageError: there is no such kind.
        NetariumError: there is no such stream; or as of `netarium.capture.batches`, then after
            all that could be read.
    """
    if kind not in _PROTOCOLS:
        raise UsageError(f"there are no {kind!r} streams", "Use tcp or udp.")
    protocol, most, ends = _PROTOCOLS[kind], -1, ("", "")
    said = _Said()
    conversation = _Connection() if protocol == 6 else _Datagrams()
    trouble: NetariumError | None = None
    try:
        for one, stream, direction in _numbered(_batches(path, filter)):
            if one.protocol != protocol:
                continue
            most = max(most, stream)
            if stream != number:
                continue
            if not ends[0]:
                ends = _endpoint(one.source), _endpoint(one.destination)
                said.ends = ends if direction == 0 else ends[::-1]
            if not one.quoted:
                yield from said.add(conversation.take(one, direction))
    except NetariumError as error:
        trouble = error
    yield from said.add(conversation.finish())
    yield from said.rest()
    if trouble is not None:
        raise trouble
    if most < number or number < 0:
        what = f"there is no {kind.upper()} stream {number}"
        count = f"It has {most + 1}, from 0 to {most}." if most >= 0 else "It has none."
        raise NetariumError(f"{what} in {path}", count)


def _batches(path: str | Path | BinaryIO, filter: str) -> Iterable[Batch]:
    from netarium.capture.reading import batches

    return batches(path, filter)


def _endpoint(raw: bytes) -> str:
    port = int.from_bytes(raw[-2:], "big")
    if len(raw) == 6:
        return f"{socket.inet_ntop(socket.AF_INET, raw[:4])}:{port}"
    return f"[{socket.inet_ntop(socket.AF_INET6, raw[:16])}]:{port}"


# --- numbering ----------------------------------------------------------------------------


@dataclass(slots=True)
class _Known:
    """A stream that has a number.

    Attributes:
        number: its own; source: the end that its first packet came from.
        first: of TCP, the first sequence number of each direction; -1 before it is known.
    """

    number: int
    source: bytes
    first: list[int] = field(default_factory=lambda: [-1, -1])


def _numbered(batches: Iterable[Batch]) -> Iterator[tuple[Carried, int, int]]:
    """Segments and datagrams with their stream's number and their direction in it.

    As Wireshark counts: a SYN that begins with another sequence number than the one that its
    side began with is a new connection between the same ports.
    """
    known: dict[tuple[int, bytes, bytes], _Known] = {}
    counts = {6: 0, 17: 0}
    for one in carried(batches):
        protocol, source, destination = one.protocol, one.source, one.destination
        ends = (source, destination) if source < destination else (destination, source)
        stream = known.get((protocol, *ends))
        if stream is not None and protocol == 6 and one.flags & (_SYN | _ACK) == _SYN:
            first = stream.first[source != stream.source]
            if first >= 0 and first != one.sequence:
                stream = None
        if stream is None:
            stream = known[protocol, *ends] = _Known(counts[protocol], source)
            counts[protocol] += 1
        direction = int(source != stream.source)
        if protocol == 6:
            _note_first(stream.first, one, direction)
        yield one, stream.number, direction


def _note_first(first: list[int], segment: Carried, direction: int) -> None:
    if first[direction] < 0:
        # One less where the SYN itself was not seen.
        before = 0 if segment.flags & _SYN else 1
        first[direction] = (segment.sequence - before) % (1 << 32)
    if first[1 - direction] < 0 and segment.flags & _ACK:
        first[1 - direction] = (segment.acknowledged - 1) % (1 << 32)


# --- following ----------------------------------------------------------------------------


class _Connection:
    """A TCP connection."""

    def __init__(self) -> None:
        self._stream = TCPStream()

    def take(self, one: Carried, direction: int) -> list[Chunk]:
        """What is in order now."""
        return self._stream.segment(
            direction,
            one.sequence,
            one.data,
            time=one.time,
            flags=one.flags,
            acknowledged=one.acknowledged,
            length=one.length,
        )

    def finish(self) -> list[Chunk]:
        """What waits at the end of the capture."""
        return self._stream.finish()


class _Datagrams:
    """UDP datagrams between two ends."""

    def __init__(self) -> None:
        self._interface = [-1, -1]

    def take(self, one: Carried, direction: int) -> list[Chunk]:
        """It, if it is not one that was seen before at another interface."""
        if self._interface[direction] < 0:
            self._interface[direction] = one.interface
        if self._interface[direction] != one.interface:
            return []
        cut = one.length - len(one.data)
        chunks = [Chunk(direction, one.time, one.data)]
        return [*chunks, Chunk(direction, one.time, b"", cut)] if cut else chunks

    def finish(self) -> list[Chunk]:
        """Nothing waits."""
        return []


class _Said:
    """Joins chunks to turns."""

    def __init__(self) -> None:
        self.ends = ("", "")
        self._turn: Turn | None = None
        self._direction = 0
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, chunks: Iterable[Chunk]) -> Iterator[Turn]:
        """Take chunks; give the turns that are complete."""
        for chunk in chunks:
            turn = self._turn
            same = turn is not None and chunk.direction == self._direction
            if not same or chunk.missing or self._size > _LONGEST:
                yield from self.rest()
                source, destination = self.ends if chunk.direction == 0 else self.ends[::-1]
                self._turn = Turn(source, destination, chunk.time, b"", chunk.missing)
                self._direction = chunk.direction
            self._parts.append(chunk.data)
            self._size += len(chunk.data)

    def rest(self) -> Iterator[Turn]:
        """The turn that has not ended."""
        if self._turn is not None:
            self._turn.data = b"".join(self._parts)
            yield self._turn
        self._turn, self._parts, self._size = None, [], 0
