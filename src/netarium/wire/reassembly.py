"""Putting together what was cut up: TCP streams from segments, IP datagrams from fragments."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush

__all__ = ["Chunk", "Datagrams", "TCPStream"]

_WRAP = 1 << 32
_SYN, _ACK = 0x02, 0x10


@dataclass(slots=True)
class Chunk:
    """Bytes of a stream, in order; or how many of them nobody captured.

    Attributes:
        direction: 0 from the side that the first packet came from, 1 back.
        time: when they came, nanoseconds since 1970-01-01 00:00 UTC.
        data: the bytes.
        missing: bytes that the receiver got and the capture has not, before ``data``.
    """

    direction: int
    time: int
    data: bytes
    missing: int = 0


@dataclass(slots=True)
class _Direction:
    """One side's bytes; sequence numbers are counted on past their wrap.

    Attributes:
        expected: the sequence number of the next byte; -1 before the first segment.
        waiting: a heap of segments behind a gap: sequence number, order of coming, length on
            the wire, bytes, time.
        held: what they cost, bytes.
    """

    expected: int = -1
    waiting: list[tuple[int, int, int, bytes, int]] = field(default_factory=list)
    held: int = 0


#: What a waiting segment costs besides its bytes.
_OVERHEAD = 128


def _ahead(sequence: int, other: int) -> int:
    """By how much a sequence number is ahead of another, negative behind it (RFC 9293, 3.4)."""
    distance = (sequence - other) % _WRAP
    return distance - _WRAP if distance >= _WRAP // 2 else distance


class TCPStream:
    """One connection: takes segments as they were captured, gives its bytes in order.

    Segments may come out of order, more than once, or overlap; what is in order first counts.
    A gap is waited for until the other side has acknowledged what is behind it (then the
    capture has lost it), until more than ``most`` bytes wait behind it, or to the end.
    """

    def __init__(self, most: int = 16 << 20) -> None:
        self.most = most
        self._sides = (_Direction(), _Direction())
        self._came = 0

    def segment(
        self,
        direction: int,
        sequence: int,
        data: bytes,
        *,
        time: int = 0,
        flags: int = 0,
        acknowledged: int = 0,
        length: int | None = None,
    ) -> list[Chunk]:
        """Take a segment; give what is now in order, of either side.

        Args:
            direction: 0 or 1.
            sequence: its sequence number.
            data: what it carries, as far as it was captured.
            time: when it came, nanoseconds.
            flags: the low byte of TCP's flags.
            acknowledged: its acknowledgment number; counts where the ACK flag is set.
            length: how much it carried on the wire; None: all was captured.
        """
        length = max(len(data), length or 0)
        done: list[Chunk] = []
        if flags & _ACK:
            done += self._give_up(1 - direction, acknowledged)
        side = self._sides[direction]
        if flags & _SYN:
            sequence = (sequence + 1) % _WRAP
        if side.expected < 0:
            side.expected = sequence
        if not length:
            return done
        ahead = _ahead(sequence, side.expected)
        if ahead <= 0:
            done += self._take(direction, side.expected + ahead, length, data, time)
            done += self._catch_up(direction)
            return done
        self._came += 1
        heappush(side.waiting, (side.expected + ahead, self._came, length, data, time))
        side.held += len(data) + _OVERHEAD
        while side.held > self.most:
            done += self._skip(direction)
        return done

    def finish(self) -> list[Chunk]:
        """What still waits behind gaps, at the end of the capture."""
        done: list[Chunk] = []
        for direction in (0, 1):
            while self._sides[direction].waiting:
                done += self._skip(direction)
        return done

    def _take(
        self, direction: int, sequence: int, length: int, data: bytes, time: int
    ) -> Iterator[Chunk]:
        """The part of a segment that is new; it begins at or before what is expected."""
        side = self._sides[direction]
        known = side.expected - sequence
        fresh = length - known
        if fresh <= 0:
            return
        side.expected += fresh
        rest = data[known:]
        if rest:
            yield Chunk(direction, time, rest)
        if len(rest) < fresh:  # the capture has cut it
            yield Chunk(direction, time, b"", fresh - len(rest))

    def _catch_up(self, direction: int) -> Iterator[Chunk]:
        """What waited and is in order now."""
        side = self._sides[direction]
        while side.waiting and side.waiting[0][0] <= side.expected:
            sequence, _, length, data, time = heappop(side.waiting)
            side.held -= len(data) + _OVERHEAD
            yield from self._take(direction, sequence, length, data, time)

    def _skip(self, direction: int) -> list[Chunk]:
        """Give the next gap up."""
        side = self._sides[direction]
        sequence, time = side.waiting[0][0], side.waiting[0][4]
        gap = Chunk(direction, time, b"", sequence - side.expected)
        side.expected = sequence
        return [gap, *self._catch_up(direction)]

    def _give_up(self, direction: int, acknowledged: int) -> list[Chunk]:
        """What waits behind gaps that the receiver never had: the capture lost them."""
        side: _Direction = self._sides[direction]
        done: list[Chunk] = []
        while side.waiting:
            reached = side.expected + _ahead(acknowledged, side.expected)
            if reached <= side.waiting[0][0]:
                break
            done += self._skip(direction)
        return done


@dataclass(slots=True)
class _Partial:
    """A datagram of which fragments are there.

    Attributes:
        pieces: by offset; offsets: sorted. size: of the whole; -1 before the last fragment came.
        held: bytes of the pieces. born: when the first one came.
    """

    born: int
    pieces: dict[int, bytes] = field(default_factory=dict)
    offsets: list[int] = field(default_factory=list)
    size: int = -1
    held: int = 0


class Datagrams:
    """Puts IP datagrams together (RFC 791, section 3.2; RFC 8200, section 4.5).

    A datagram whose fragments overlap is thrown away, as RFC 5722 wants it and Linux does for
    both versions; a fragment that came twice is not. Old ones go when there are more than
    ``most_datagrams``, or ``most_bytes`` in them, or after ``patience`` nanoseconds.
    """

    def __init__(
        self,
        most_datagrams: int = 1024,
        most_bytes: int = 16 << 20,
        patience: int = 60 * 10**9,
    ) -> None:
        self.most_datagrams = most_datagrams
        self.most_bytes = most_bytes
        self.patience = patience
        self._partial: OrderedDict[Hashable, _Partial] = OrderedDict()
        self._held = 0

    def __len__(self) -> int:
        """How many datagrams are not whole yet."""
        return len(self._partial)

    def add(
        self, key: Hashable, offset: int, data: bytes, *, more: bool, time: int = 0
    ) -> bytes | None:
        """Take a fragment; give the payload of the datagram when it is whole.

        Args:
            key: what all fragments of a datagram share: addresses, protocol, identification.
            offset: where the fragment belongs, bytes.
            data: what it carries.
            more: whether more follow.
            time: when it came, nanoseconds.
        """
        partial = self._partial.get(key)
        if partial is not None and time - partial.born > self.patience:
            self._drop(key)
            partial = None
        if partial is None:
            partial = self._partial[key] = _Partial(time)
        if partial.pieces.get(offset) == data:
            return None
        end = offset + len(data)
        if self._contradicts(partial, offset, end, more):
            self._drop(key)
            return None
        insort(partial.offsets, offset)
        partial.pieces[offset] = data
        partial.held += len(data)
        self._held += len(data)
        if not more:
            partial.size = end
        if partial.held == partial.size:
            whole = b"".join(partial.pieces[at] for at in partial.offsets)
            self._drop(key)
            return whole
        while len(self._partial) > self.most_datagrams or self._held > self.most_bytes:
            self._drop(next(iter(self._partial)))
        return None

    @staticmethod
    def _contradicts(partial: _Partial, offset: int, end: int, more: bool) -> bool:
        """Whether a fragment overlaps another, or lies behind the end."""
        if end > 0xFFFF or (more and (end - offset) % 8):
            return True
        index = bisect_left(partial.offsets, offset)
        if index and partial.offsets[index - 1] + len(
            partial.pieces[partial.offsets[index - 1]]
        ) > (offset):
            return True
        if index < len(partial.offsets) and (partial.offsets[index] < end or not more):
            return True
        return partial.size >= 0 and (end > partial.size or not more)

    def _drop(self, key: Hashable) -> None:
        self._held -= self._partial.pop(key).held
